"""Clusters along tracks from simulated densities, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blackspots.screening import kdeplus_null as chance

REFINED = (10, 100)
"""Where the first simulations are too few to decide, so many times as many are made."""

FEW = 10
"""Simulations at least as strong as a cluster, below which more are made."""

_GRID_AT_ONCE = 250_000
_POINTS_AT_ONCE = 1_000_000
_MAXIMA_AT_ONCE = 5_000_000
_ALIKE = 1e-9
_METRES_PER_KM = 1000.0

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tracks:
    """The tracks that are tested, and their crashes by track and position, in units.

    ``name`` is the number the caller knows a track by, elsewhere its place here is used.
    """

    name: Ints
    length: Floats
    count: Ints
    first: Ints
    point: Ints
    weight: Ints | None
    weight_unit: float
    exposure: pd.DataFrame
    scale: chance.Scale

    def null(self, some: Ints) -> chance.Null:
        """What chance makes of some tracks, ascending."""
        place = np.full(len(self.name), -1, dtype=np.int64)
        place[some] = np.arange(len(some))
        of = self.exposure["track"].to_numpy()
        # Rows are sorted by track; some tracks are mostly a run.
        low, high = np.searchsorted(of, [some[0], some[-1] + 1])
        rows = self.exposure.iloc[low:high]
        rows = rows.assign(track=place[of[low:high]])
        rows = rows[rows["track"] >= 0]
        pieces = chance.stretches(self.length[some], rows, self.scale.unit)
        weight = None
        if self.weight is not None:
            own = np.zeros(len(self.name), dtype=bool)
            own[some] = True
            weight = self.weight[np.repeat(own, self.count)]
        return chance.null(
            self.name[some], self.length[some], self.count[some], weight, pieces, self.scale
        )


@dataclass(frozen=True, slots=True)
class Run:
    """How to simulate and to judge; ``kernels``, the compiled ones or ``None``."""

    simulations: int
    level: float
    seed: int
    minimum: int
    kernels: Any


def kept(simulations: int, level: float) -> int:
    """How many simulations reach L: (1 + b) / (1 + B) is at most the level below it."""
    return int(level * (simulations + 1) + _ALIKE)


def batches(tracks: Tracks, some: Ints, simulations: int) -> Iterator[Ints]:
    """Some tracks, in lots whose grids, crashes and maxima are held at once."""
    load = np.cumsum(
        chance.grid_size(tracks.length[some], tracks.scale) / _GRID_AT_ONCE
        + tracks.count[some] / _POINTS_AT_ONCE
        + simulations / _MAXIMA_AT_ONCE
    )
    low = 0
    while low < len(load):
        done = load[low - 1] if low else 0.0
        high = max(int(np.searchsorted(load, done + 1.0, side="right")), low + 1)
        yield some[low:high]
        low = high


def no_rows() -> pd.DataFrame:
    """No clusters, with the columns they have."""
    names = ["place", "from", "to", "peak", "crashes", "density_peak", "strength", "p_local"]
    empty = pd.DataFrame({name: np.zeros(0) for name in (*names, "statistic")})
    return empty.assign(reached=np.zeros(0, np.int64), simulations=np.zeros(0, np.int64), null="")


def found_on(tracks: Tracks, low: int, high: int, run: Run) -> tuple[pd.DataFrame, Ints]:
    """Clusters of the tracks ``low`` to ``high``, and the row of each of their crashes."""
    null = tracks.null(np.arange(low, high))
    scale = null.scale
    highest = kept(run.simulations, run.level)
    maxima, best = chance.simulated(
        null,
        (run.seed, 0),
        run.simulations,
        highest=highest,
        minimum=run.minimum,
        kernels=run.kernels,
    )
    # All tracks on one line, each out of reach of the next.
    base = np.r_[0, np.cumsum(np.ceil(null.length).astype(np.int64) + 4 * scale.reach)[:-1]]
    of = np.repeat(np.arange(high - low), np.diff(null.grid))
    at = (np.arange(null.grid[-1]) - null.grid[of]) * scale.step
    crash_of = np.repeat(np.arange(high - low), np.diff(null.first))
    crash = tracks.point[tracks.first[low] : tracks.first[high]]
    crash = np.minimum(crash, null.length[crash_of].astype(np.int64))
    line = crash + base[crash_of]
    sums = chance.prefix(line, null.weights)
    density, _ = chance.kernel_sums(line, sums, at + base[of], scale.reach)
    limit = best.min(axis=1)[null.place_of]
    own, near = chance.kernel_sums(line, sums, line, scale.reach)
    place = null.grid[crash_of] + chance.nearest(crash, scale.step)
    value = np.where(
        near >= run.minimum, chance.statistic(own, null.factor[place], null.expected[place]), -1.0
    )
    # Runs of the grid above what chance explains, ended where the two lines cross.
    above = density - limit
    inside = above > 0
    edge = of[1:] != of[:-1]
    begin = np.flatnonzero(inside & np.r_[True, ~inside[:-1] | edge])
    end = np.flatnonzero(inside & np.r_[~inside[1:] | edge, True])
    start = at[begin] - scale.step * _crossing(above, begin, -1, of)
    stop = at[end] + scale.step * _crossing(above, end, 1, of)
    stop = np.minimum(stop, null.length[of[end]])
    # The crashes in each.
    member = np.searchsorted(start + base[of[begin]], line, side="right") - 1
    within = member >= 0
    within[within] = line[within] <= (stop + base[of[begin]])[member[within]]
    member = np.where(within, member, -1)
    crashes = np.bincount(member[within], minlength=len(begin))
    order = np.flatnonzero(within)
    order = order[np.lexsort((-crash[order], value[order], member[order]))]
    peak = np.zeros(len(begin), dtype=np.int64)
    peak[member[order]] = order  # the last one stays
    real = (crashes >= max(run.minimum, 1)) & (value[peak] >= 0.0)
    if not real.any():
        return no_rows(), np.full(len(crash), -1, dtype=np.int64)
    begin, end, start, stop, peak = begin[real], end[real], start[real], stop[real], peak[real]
    total = np.r_[0.0, np.cumsum(np.where(inside, density, 0).astype(np.float64))]
    excess = np.r_[0.0, np.cumsum(np.where(inside, above, 0).astype(np.float64))]
    tested = np.clip(place[peak], begin, end)
    reached = (best[null.place_of[tested]] >= density[tested][:, None]).sum(axis=1)
    per_km = 0.75 / (scale.unit * scale.reach) * tracks.weight_unit * _METRES_PER_KM
    rows = pd.DataFrame(
        {
            "place": of[begin] + low,
            "from": start * scale.unit,
            "to": stop * scale.unit,
            "peak": crash[peak] * scale.unit,
            "crashes": crashes[real],
            "density_peak": own[peak] / float(scale.reach) ** 2 * per_km,
            "strength": (excess[end + 1] - excess[begin]) / (total[end + 1] - total[begin]),
            "p_local": (1 + reached) / (1 + run.simulations),
            "statistic": value[peak],
            "reached": _reached(maxima, of[begin], value[peak]),
            "simulations": run.simulations,
            "null": np.where(null.pieces.known[of[begin]], "exposure", "uniform"),
        }
    )
    number = np.where(real, np.cumsum(real) - 1, -1)
    return rows, np.where(within, number[member], -1)


def _crossing(above: Ints, at: Ints, way: int, of: Ints) -> Floats:
    """How far f > L goes on beyond grid points, as a share of the step."""
    other = np.clip(at + way, 0, len(above) - 1)
    on = (of[other] == of[at]) & (other != at)
    inner, outer = above[at].astype(np.float64), above[other].astype(np.float64)
    share: Floats = np.divide(inner, inner - outer, where=on, out=np.zeros(len(at)))
    return share


def _reached(maxima: Floats, row: Ints, value: Floats) -> Ints:
    """In how many simulations of its track some place reaches each cluster's peak."""
    maxima = np.sort(maxima, axis=1)
    # The last digits of a logarithm are not to decide.
    least = np.maximum(value * (1.0 - _ALIKE), 0.0)
    low = np.zeros(len(row), dtype=np.int64)
    high = np.full(len(row), maxima.shape[1], dtype=np.int64)
    while (low < high).any():
        middle = (low + high) // 2
        below = maxima[row, np.minimum(middle, maxima.shape[1] - 1)] < least
        open_ = low < high
        low = np.where(open_ & below, middle + 1, low)
        high = np.where(open_ & ~below, middle, high)
    reached: Ints = maxima.shape[1] - low
    return reached


def decided(clusters: pd.DataFrame, tracks: Tracks, run: Run) -> pd.DataFrame:
    """``p`` and ``q`` of all clusters, after more simulations where they are too few.

    Whether more are made must not depend on how few of the first ones reached the cluster
    itself: who stops at a lucky count and goes on at an unlucky one has two chances. So all
    clusters that fewer than ``FEW`` reached go on together, unless the level would hold for
    all of them even if ``FEW`` had.
    """
    reached, done = (
        clusters["reached"].to_numpy(copy=True),
        clusters["simulations"].to_numpy(copy=True),
    )
    place, value = clusters["place"].to_numpy(np.int64), clusters["statistic"].to_numpy()
    tested = len(tracks.name)
    before = 1
    for stage, times in enumerate(REFINED, start=1):
        few = (reached < FEW) & (done == before * run.simulations)
        at_most = np.full(int(few.sum()), min(FEW / (1.0 + before * run.simulations), 1.0))
        if not few.any() or _false_discovery(at_most, tested)[0] <= run.level:
            break
        more = (times - before) * run.simulations
        for some in batches(tracks, np.unique(place[few]), more):
            size = int(tracks.count[some].sum()) * more
            maxima, _ = chance.simulated(
                tracks.null(some),
                (run.seed, stage),
                more,
                highest=0,
                minimum=run.minimum,
                kernels=run.kernels or chance.compiled(size),
            )
            own = few & np.isin(place, some)
            reached[own] += _reached(maxima, np.searchsorted(some, place[own]), value[own])
            done[own] += more
        before = times
    p = (1.0 + reached) / (1.0 + done)
    return clusters.assign(simulations=done, p=p, q=_false_discovery(p, tested))


def _false_discovery(p: Floats, tested: int) -> Floats:
    """The false discovery rate among clusters at least as sure as each."""
    order = np.argsort(p, kind="stable")
    with np.errstate(divide="ignore"):
        expected = -tested * np.log1p(-p[order])
    rate = expected / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum(np.minimum.accumulate(rate[::-1])[::-1], 1.0)
    return q
