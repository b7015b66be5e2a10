"""What better data would change: a traffic count, or knowing where a crash lies.

The *line* runs below the first n sites, those that the budget pays for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

from blackspots.screening import stability
from blackspots.screening.stability import Floats, Integers


def worth_of_data(
    observed: ArrayLike,
    predicted: ArrayLike,
    k: ArrayLike,
    *,
    first: int,
    costs: ArrayLike | None = None,
    crashes: ArrayLike | None = None,
    sigma: ArrayLike = 0.0,
    doubtful: pd.DataFrame | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Where a traffic count or a surer place of crashes would change who is among the first.

    Each site is looked at alone: what is not asked about stays at its mean.

    Parameters
    ----------
    observed, predicted
        Crashes of the period, seen and by the safety performance function, shape (sites,) or
        (sites, severities).
    k
        Overdispersion as the sites are known now, a number or shape (sites,): where traffic
        is not, with what that adds, 1 + k = (1 + k of a counted site) exp(sigma^2).
    first
        The line: number of sites that are looked at or paid for.
    costs
        As in :func:`posterior_draws`; with 1/years in them the gain is one of a year.
    crashes
        All crashes, those of unknown severity among them, shape (sites,); by default the sum.
    sigma
        Standard deviation of ln mu for want of a traffic count, shape (sites,); 0 or NaN where
        traffic is known.
    doubtful
        Crashes of uncertain place, one row for each site that one may be at: ``crash`` (any
        key), ``site`` (position), ``probability``, ``counted`` (how much of it ``observed``
        has here: true or false, or a share) and, for several severities, ``severity``
        (position; missing if unknown). What the probabilities of a crash lack to 1 is that
        it is at none of the sites.

    Returns
    -------
    DataFrame, one row a site
        ``p_change_traffic``, ``p_change_location``: probability that the site crosses the
        line. ``gain_traffic``, ``gain_location``: what knowing is expected to gain, in units
        of the value, and ``expected_gain``, the greater of them. All are missing where the
        value is unknown, and 0 where every site is among the first.

    Raises
    ------
    ValueError
        If k is less than sigma alone makes it, or a doubtful crash cannot be as it is told.

    Notes
    -----
    Traffic: ln mu ~ Normal with mean such that E(mu) = mu, weighted by the negative binomial
    likelihood of the crashes seen: many crashes speak for much traffic. ``draws`` points of
    equal probability, no random numbers; all severities share one factor. Once it is counted,
    k is less: that of a counted site.

    Location: the doubtful crashes of the site are drawn, each once for all of its sites, so that
    a neighbour has what the site has not.

    Gain is the expected value of perfect information, E(max_a V_a) - max_a E(V_a), for the
    decision a which sites stand above the line and V_a the sum of their values.

    References
    ----------
    Raiffa, Schlaifer (1961), Applied Statistical Decision Theory, ch. 4.
    """
    x, mu = stability.severity_first(observed), stability.severity_first(predicted)
    if x.shape != mu.shape:
        raise ValueError("observed and predicted must have the same shape")
    if first < 1 or draws < 1:
        raise ValueError("at least one site and one draw are needed")
    sites = x.shape[1]
    case = _Case(
        x.sum(axis=0) if crashes is None else np.asarray(crashes, "float64"),
        x,
        mu,
        np.broadcast_to(np.asarray(k, "float64"), (sites,)),
        None if costs is None else stability.costs_like(costs, x),
    )
    value = case.value()
    known = np.isfinite(value)
    order = np.flatnonzero(known)[stability.ranks_of(value[None, known])[0]]
    made = pd.DataFrame(index=stability.index_of(observed, sites))
    found = np.zeros((4, sites))
    if first < len(order):
        spread = np.nan_to_num(np.broadcast_to(np.asarray(sigma, "float64"), (sites,)))
        found[0], found[2] = _traffic(case, value, order, first, spread, draws)
        if doubtful is not None and len(doubtful):
            entries = _entries(doubtful, known)
            if len(entries):
                found[1], found[3] = _location(case, value, order, first, entries, draws, seed)
    found[:, ~known] = np.nan
    for name, row in zip(("p_change", "gain"), found.reshape(2, 2, sites), strict=True):
        made[f"{name}_traffic"], made[f"{name}_location"] = row
    made["expected_gain"] = made[["gain_traffic", "gain_location"]].max(axis=1)
    return made


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """What the values of sites come from: arrays (sites,), or (severities, sites)."""

    crashes: Floats
    observed: Floats
    predicted: Floats
    k: Floats
    costs: Floats | None

    def value(
        self,
        sites: Any = slice(None),
        *,
        more: Floats | float = 0.0,
        more_observed: Floats | float = 0.0,
        times: Floats | float = 1.0,
        k: Floats | None = None,
    ) -> Floats:
        """Values with further crashes, a multiple of mu, another k; these have one axis more."""
        new = (..., None) if np.ndim(more) or np.ndim(times) else ...
        return stability.value_of(
            self.crashes[sites][new] + more,
            self.observed[:, sites][new] + more_observed,
            self.predicted[:, sites][new] * times,
            self.k[sites][new] if k is None else k,
            None if self.costs is None else self.costs[:, sites][new],
        )


def _traffic(
    case: _Case, value: Floats, order: Integers, first: int, sigma: Floats, draws: int
) -> tuple[Floats, Floats]:
    """Chance to cross the line and gain by a traffic count, each shape (sites,)."""
    chance, gain = np.zeros((2, len(value)))
    mu = case.predicted.sum(axis=0)
    inside = np.zeros(len(value), dtype=bool)
    inside[order[:first]] = True
    line = np.where(inside, value[order[first]], value[order[first - 1]])
    ask = np.flatnonzero(np.isfinite(value) & (sigma > 0) & (mu > 0))
    counted = (1 + case.k) * np.exp(-(sigma**2)) - 1
    if (counted[ask] < -stability.ROUNDING).any():
        raise ValueError("k is less than the doubt about traffic alone makes it")
    counted = np.maximum(counted, stability.ROUNDING)
    point = special.ndtri((np.arange(draws) + 0.5) / draws)
    step = max(stability.AT_ONCE // draws, 1)
    for low in range(0, len(ask), step):
        some = ask[low : low + step]
        s, t, k = sigma[some, None], line[some, None], counted[some, None]
        times = np.exp(s * point - s**2 / 2)
        x, mean = case.crashes[some, None], mu[some, None] * times
        likely = x * np.log(mean) - (x + 1 / k) * np.log1p(k * mean)
        weight = np.exp(likely - likely.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        new = case.value(some, times=times, k=k)
        crosses = np.where(inside[some, None], new < t, new > t)
        chance[some] = (weight * crosses).sum(axis=1)
        either, known = (weight * np.maximum(new, t)).sum(axis=1), (weight * new).sum(axis=1)
        gain[some] = _positive(either - np.maximum(known, t[:, 0]), either)
    return chance, gain


def _entries(doubtful: pd.DataFrame, known: NDArray[np.bool_]) -> pd.DataFrame:
    """One row a crash and site, by crash: ``lower`` and ``upper`` end of its probability."""
    rows = doubtful.assign(
        severity=doubtful.get("severity", pd.Series(0, index=doubtful.index)).fillna(-1),
        counted=doubtful["counted"].astype("float64"),
    )
    if not rows["site"].between(0, len(known) - 1).all():
        raise ValueError("a doubtful crash is at a site that is not there")
    if not rows["probability"].between(0, 1).all():
        raise ValueError("a probability lies outside 0 to 1")
    made: pd.DataFrame = rows.groupby(["crash", "site"], as_index=False).agg(
        severity=("severity", "first"), p=("probability", "sum"), counted=("counted", "sum")
    )
    sums = made.groupby("crash")[["p", "counted"]].cumsum()
    if (sums > 1 + stability.ROUNDING).any(axis=None):
        raise ValueError("probabilities of a crash exceed 1, or it is counted twice")
    made["lower"], made["upper"] = sums["p"] - made["p"], sums["p"]
    here: pd.DataFrame = made[known[made["site"].to_numpy(dtype="int64")]]
    return here.reset_index(drop=True)


def _location(
    case: _Case,
    value: Floats,
    order: Integers,
    first: int,
    entries: pd.DataFrame,
    draws: int,
    seed: int,
) -> tuple[Floats, Floats]:
    """Chance to cross the line and gain by sure places of crashes, each shape (sites,).

    A group is a site with those that share a crash with it. Only its members move; of the
    others no more can change sides than it has members: those next to the line.
    """
    site = entries["site"].to_numpy(dtype="int64")
    severity = entries["severity"].to_numpy(dtype="int64")
    counted = entries["counted"].to_numpy()[:, None]
    lower, upper = (entries[name].to_numpy()[:, None] for name in ("lower", "upper"))
    crash = pd.factorize(entries["crash"], sort=True)[0]
    # Each two candidates of a crash: as many as it has places, squared; these are few.
    size, start = np.bincount(crash), np.searchsorted(crash, np.arange(crash[-1] + 1))
    one = np.repeat(np.arange(len(site)), size[crash])
    other = np.arange(len(one)) - np.searchsorted(one, one) + start[crash[one]]
    by_pair = np.lexsort((other, site[other], site[one]))
    one, other = one[by_pair], other[by_pair]
    pair = site[one] * len(value) + site[other]
    begin = np.flatnonzero(np.r_[True, pair[1:] != pair[:-1]])
    member, asked = site[other][begin], site[one][begin]
    centre, group = np.unique(asked, return_inverse=True)
    column = np.arange(len(group)) - np.searchsorted(group, group)
    own, widest = np.flatnonzero(member == asked), int(column.max()) + 1
    rest = _beside_line(value, order, first, (group, member, widest))
    kept = rest.shape[1]

    def chosen(moving: Floats) -> tuple[Floats, Floats]:
        """Values of the members and of those beside, and the sum of the best of them."""
        table = np.full((len(centre), widest + kept, moving.shape[1]), -np.inf)
        table[group, column] = moving
        table[:, widest:] = rest[:, :, None]
        return table, np.partition(table, widest, axis=1)[:, widest:].sum(axis=1)

    inside = np.isin(centre, order[:first])[:, None]
    crossed, best, mean = np.zeros(len(centre)), np.zeros(len(centre)), np.zeros(len(member))
    step = max(stability.AT_ONCE // max(len(centre) * (widest + kept), len(other)), 1)
    for low in range(0, draws, stability.DRAWS):
        u = np.empty((len(size), stability.DRAWS))
        for top in range(0, len(u), stability.ROWS):
            part = u[top : top + stability.ROWS]
            stability.stream(seed, 0, 0, top // stability.ROWS, low // stability.DRAWS).random(
                out=part
            )
        for begun in range(0, min(stability.DRAWS, draws - low), step):
            drawn = u[crash, begun : min(begun + step, draws - low)]
            change = ((lower <= drawn) & (drawn < upper)) - counted
            of_pair = change[other]
            by_level = [
                np.add.reduceat(of_pair * (severity[other] == s)[:, None], begin, axis=0)
                for s in range(len(case.observed))
            ]
            moving = case.value(
                member,
                more=np.add.reduceat(of_pair, begin, axis=0),
                more_observed=np.array(by_level),
            )
            table, total = chosen(moving)
            mine = moving[own][:, None]
            out, within = (table > mine).sum(axis=1) >= kept, (table >= mine).sum(axis=1) <= kept
            crossed += np.where(inside, out, within).sum(axis=1)
            best += total.sum(axis=1)
            mean += moving.sum(axis=1)
    chance, gain = np.zeros((2, len(value)))
    chance[centre] = crossed / draws
    settled = chosen(mean[:, None] / draws)[1][:, 0]
    gain[centre] = _positive(best / draws - settled, settled)
    return chance, gain


def _beside_line(
    value: Floats, order: Integers, first: int, groups: tuple[Integers, Integers, int]
) -> Floats:
    """Values of the last that stand above the line when the group is taken away.

    ``groups`` are the group and site of each member, by group, and the size of the largest.
    Shape (groups, min(size, first)).
    """
    group, member, widest = groups
    kept, count = min(widest, first), int(group[-1]) + 1
    rank = np.empty(len(value), dtype="int64")
    rank[order] = np.arange(len(order))
    place = rank[member] - (first - kept)
    ahead = np.bincount(group, place < 0, count).astype("int64")[:, None]
    near = value[order[first - kept : first + widest]]
    away = np.zeros((count, len(near)), dtype=bool)
    beside = (place >= 0) & (place < len(near))
    away[group[beside], place[beside]] = True
    number = np.cumsum(~away, axis=1)
    row, at = np.nonzero(~away & (number > ahead) & (number <= ahead + kept))
    made = np.full((count, kept), -np.inf)
    made[row, (number - ahead)[row, at] - 1] = near[at]
    return made


def _positive(gain: Floats, of: Floats) -> Floats:
    """A gain without the noise of sums: it is never negative."""
    return np.where(gain > 1e-12 * np.abs(of), gain, 0.0)
