"""What a site counts, and what is expected of it: road, junctions and crossing by themselves.

A site may hold a stretch of road and junctions on it. Each is a *part* with the population of
its kind; their expectations are summed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from blackspots.schema import SEVERITIES
from blackspots.screening.joining import Joined
from blackspots.screening.model import KNOWN, Expectation, posterior

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_EDGE: Final = 1e-6  # [m] a crash at the very end of a stretch lies on it
_LOW, _HIGH = 0.05, 0.95


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of all sites, and whose crashes they are.

    ``table``, one row a part: ``site`` (position), ``kind``, ``key`` (route, junction or
    crossing), ``low`` and ``high`` [m] on the route, NaN at a point. ``rows``: positions of the
    crashes of each part among the located; no crash is in two.
    """

    table: pd.DataFrame
    rows: list[Ints]

    def of_sites(self, sites: int) -> list[Ints]:
        """Crashes of each of a number of sites, in the order of the register."""
        of = np.repeat(self.table["site"].to_numpy(), [len(rows) for rows in self.rows])
        member = np.concatenate([np.zeros(0, "int64"), *self.rows])
        order = np.lexsort((member, of))
        ends = np.searchsorted(of[order], np.arange(sites + 1))
        return [member[order[low:high]] for low, high in pairwise(ends.tolist())]


def parts_of(joined: list[Joined], located: gpd.GeoDataFrame) -> Parts:
    """The parts of sites, each with the crashes of its spots.

    A stretch of road also takes the crashes on it that are no site's: what a crew treats
    counts whole.
    """
    records: list[dict[str, Any]] = []
    rows: list[Ints] = []
    for site, one in enumerate(joined):
        road = [spot for spot in one.spots if spot.kind == "segment"]
        if road:
            records.append(
                {"site": site, "kind": "segment", "key": one.route, "low": one.low,
                 "high": one.high}
            )  # fmt: skip
            rows.append(np.concatenate([spot.rows for spot in road]))
        for spot in one.spots:
            if spot.kind != "segment":
                records.append({"site": site, "kind": spot.kind, "key": spot.key})
                rows.append(spot.rows)
    table = pd.DataFrame.from_records(records, columns=["site", "kind", "key", "low", "high"])
    table = table.astype({"low": "float64", "high": "float64"})
    taken = np.zeros(len(located), dtype=bool)
    taken[np.concatenate([np.zeros(0, "int64"), *rows])] = True
    free = np.flatnonzero((located["place"] == "segment").to_numpy() & ~taken)
    on = stretch_of(
        table,
        located["route_id"].to_numpy(dtype="float64", na_value=np.nan)[free],
        located["route_measure"].to_numpy(dtype="float64", na_value=np.nan)[free],
    )
    for part in np.unique(on[on >= 0]):
        rows[part] = np.concatenate([rows[part], free[on == part]])
    return Parts(table, [np.sort(own) for own in rows])


def area_parts(located: gpd.GeoDataFrame, expectation: Expectation) -> Parts:
    """Every area as a site of one part."""
    names = expectation.populations["area"].rate.index
    place = located["area"].where(located["place"] == "area")
    table = pd.DataFrame({"site": np.arange(len(names)), "kind": "area", "key": names})
    rows = [np.flatnonzero((place == name).to_numpy()) for name in names]
    return Parts(table.assign(low=np.nan, high=np.nan), rows)


def stretch_of(table: pd.DataFrame, route: Floats, measure: Floats) -> Ints:
    """The road part on which each place lies, -1 for none; of several the first on the road."""
    made = np.full(len(route), -1, dtype="int64")
    road = np.flatnonzero((table["kind"] == "segment").to_numpy())
    known = np.flatnonzero(~np.isnan(route) & ~np.isnan(measure))
    if not len(road) or not len(known):
        return made
    keys = table["key"].iloc[road].to_numpy(dtype="float64")
    low, high = (table[c].iloc[road].to_numpy(dtype="float64") for c in ("low", "high"))
    order = np.lexsort((low, keys))
    keys, low, high, road = keys[order], low[order], high[order], road[order]
    step = max(float(high.max()), float(measure[known].max())) + 1.0
    asked = route[known] * step + measure[known]
    at = np.searchsorted(keys * step + low - _EDGE, asked, side="right") - 1
    inside = (at >= 0) & (keys[at] == route[known]) & (measure[known] <= high[at] + _EDGE)
    # Stretches that could not join may hold one another: the one before may reach this far.
    before = ~inside & (at > 0)
    at = np.where(before, at - 1, at)
    inside |= before & (keys[at] == route[known]) & (measure[known] <= high[at] + _EDGE)
    made[known[inside]] = road[at[inside]]
    return made


def weighted(
    parts: Parts, located: gpd.GeoDataFrame, doubted: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Crashes of each part by severity, those of uncertain place by their probability.

    Parameters
    ----------
    doubted
        From :func:`doubtful`; without it every crash counts whole.

    Returns
    -------
    DataFrame, one row a part
        ``crashes`` and the severities, and ``spread``: the variance of ``crashes`` that comes
        from not knowing the places, the sum of p (1 - p).
    """
    size = len(parts.rows)
    owner = np.repeat(np.arange(size), [len(rows) for rows in parts.rows])
    member = np.concatenate([np.zeros(0, "int64"), *parts.rows])
    share = np.ones(len(member))
    spread: Floats = np.zeros(size)
    if doubted is not None:
        kept = ~np.isin(member, doubted["row"].to_numpy())
        p = doubted["probability"].to_numpy()
        spread += np.bincount(doubted["part"], weights=p * (1 - p), minlength=size)
        owner = np.r_[owner[kept], doubted["part"].to_numpy()]
        member = np.r_[member[kept], doubted["row"].to_numpy()]
        share = np.r_[share[kept], p]
    level = located["severity"].to_numpy()[member]
    made = pd.DataFrame({"crashes": np.bincount(owner, weights=share, minlength=size)})
    for name in SEVERITIES:
        made[name] = np.bincount(owner, weights=share * (level == name), minlength=size)
    return made.assign(spread=spread)


def doubtful(parts: Parts, located: gpd.GeoDataFrame, weight: pd.DataFrame) -> pd.DataFrame:
    """The parts at which a crash of uncertain place may lie.

    Parameters
    ----------
    weight
        As :func:`blackspots.locating.weights` gives it.

    Returns
    -------
    DataFrame
        ``part``, ``row`` (position of the crash among the located) and ``probability``, of
        each part and crash once. A crash that may lie in no part has one row of part -1.
    """
    unsure = weight[weight["weight"] < 1.0]
    frame = pd.DataFrame(
        {
            "part": _parts_at(parts.table, unsure),
            "row": located.index.get_indexer(unsure["crash_id"]),
            "probability": unsure["weight"].to_numpy(dtype="float64"),
        }
    )
    # Two candidates of a crash in one part are one chance to lie there.
    made: pd.DataFrame = frame.groupby(["part", "row"])["probability"].sum().reset_index()
    return made


def _parts_at(table: pd.DataFrame, places: pd.DataFrame) -> Ints:
    """The part at which each place lies, -1 for none."""
    made = np.full(len(places), -1, dtype="int64")
    kinds = places["place"].to_numpy(dtype=object)
    for kind in ("junction", "crossing"):
        own = table[table["kind"] == kind]
        at = pd.Series(own.index.to_numpy(), index=own["key"].to_numpy(dtype=object))
        here = np.flatnonzero(kinds == kind)
        keys = places[f"{kind}_id"].iloc[here].to_numpy(dtype=object)
        made[here] = pd.Series(keys).map(at).fillna(-1).to_numpy(dtype="int64")
    road = np.flatnonzero(kinds == "segment")
    made[road] = stretch_of(
        table,
        places["route_id"].iloc[road].to_numpy(dtype="float64", na_value=np.nan),
        places["route_measure"].iloc[road].to_numpy(dtype="float64", na_value=np.nan),
    )
    return made


def expected_of(
    parts: Parts, observed: pd.DataFrame, expectation: Expectation, sites: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Empirical Bayes for each site, the sum over its parts.

    Parameters
    ----------
    observed
        From :func:`weighted`.
    sites
        Number of sites.

    Returns
    -------
    expected : DataFrame, one row a site
        The columns of :func:`blackspots.screening.model.posterior`.
    basis : DataFrame, one row a part
        What that rests on: ``crashes`` x and ``predicted`` mu of the period, ``k`` and
        ``sigma`` (the standard deviation of ln mu for want of a traffic count), ``expected``
        [1/year] and its ``variance`` [1/year^2], the share of each severity (``mix_``) and the
        crashes that the shares rest on (``strength``).

    Notes
    -----
    A road part is compared with a stretch as long as the window, or as itself where it is
    longer: that is the length whose overdispersion is known. The posterior of the sum is taken
    as the Gamma of its mean and variance; exact for a site of one part. Not knowing a crash's
    place adds (1 - w)^2 p (1 - p) to the variance.
    """
    frames = [
        _expected_parts(own, observed.loc[own.index], expectation)
        for _, own in parts.table.groupby("kind", sort=False)
    ]
    every = pd.concat(frames).sort_index()
    site = parts.table["site"].to_numpy()
    levels = [f"expected_{level}" for level in KNOWN]
    made = every.assign(weight=every["weight"] * every["predicted"])
    sums = made.groupby(site)[["predicted", "expected", "excess", "variance", "weight"]].sum()
    sums = sums.join(every.groupby(site)[levels].sum(min_count=1)).reindex(range(sites))
    sums["weight"] /= sums["predicted"]
    shape = sums["expected"] ** 2 / sums["variance"]
    scale = sums.pop("variance") / sums["expected"]
    for name, p in (("expected_low", _LOW), ("expected_high", _HIGH)):
        sums[name] = stats.gamma.ppf(p, shape, scale=scale)
    sums["p_excess"] = stats.gamma.sf(sums["predicted"], shape, scale=scale)
    basis = every[["k", "sigma", "expected", "variance", "strength"]].copy()
    basis["crashes"] = observed["crashes"]
    basis["predicted"] = every["predicted"] * expectation.years
    for level in KNOWN:
        basis[f"mix_{level}"] = every[f"expected_{level}"] / every["expected"]
    return sums, basis


def _expected_parts(
    own: pd.DataFrame, observed: pd.DataFrame, expectation: Expectation
) -> pd.DataFrame:
    """Empirical Bayes of parts of one kind, with what it rests on."""
    kind = str(own["kind"].iloc[0])
    population, years = expectation.populations[kind], expectation.years
    places = pd.Index(own["key"])
    if population.sections is None:
        mean = population.rate.reindex(places).to_numpy(dtype="float64")
    else:
        route, middle = own["key"].astype("int64"), ((own["low"] + own["high"]) / 2).to_numpy()
        long = np.maximum((own["high"] - own["low"]).to_numpy(), expectation.window)
        low, high = population.sections.around(route, middle, long)
        mean = population.sections.over(population.rate.to_numpy(), route, low, high)
        places = pd.Index(population.sections.at(route, middle))
    made = posterior(population, observed, mean, years, places)
    made["variance"] = (1 - made["weight"]) * made["expected"] / years
    made["variance"] += (1 - made["weight"]) ** 2 * observed["spread"] / years**2
    for name, values in (("k", population.k), ("sigma", population.sigma)):
        made[name] = values.reindex(places).to_numpy(dtype="float64")
    return made.assign(strength=population.mix.at(places).strength(observed))
