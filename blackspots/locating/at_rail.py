r"""Which crashes belong to a level crossing, to the railway line, or to the queue before one.

A crash *with a train* is where trains run. Both it and the crossings are put on the railway
line, and distances are taken along it. A crossing takes what lies within its footprint, widened
by the error of the crash's place; of several the nearest, and they share the probability,

.. math:: p_i \propto \exp\left(-\tfrac{d_i^2}{2 \sigma^2}\right)

with the distance :math:`d_i` along the line and the standard deviation :math:`\sigma` of the
place. Beyond every footprint it belongs to the line (a person struck on the track, a vehicle on
it), but with the chance that its true place is within the footprint of crossing :math:`i`, from
:math:`a_i` to :math:`b_i` about it,

.. math:: p_i = \Phi\left(\tfrac{b_i}{\sigma}\right) - \Phi\left(\tfrac{a_i}{\sigma}\right)

to that crossing. One whose train is *not recorded* belongs to a crossing that is near and nearer
than any junction. One *without a train* belongs to no crossing; beside one it is taken for one of
the queue before it. Without railway lines a crash with a train goes to the nearest crossing.

The order is that of ``crossings.md``, *Finding unlisted crossings*, 5; its footprint
(20 to 75 m) and all other distances are assumptions (mark A).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.special import ndtr

from blackspots.locating.places import Reach
from blackspots.locating.rails import Rail, best_lines, near_lines
from blackspots.nearest import within

ERROR: Final = 2.0
"""The error of a place is so many times its standard deviation."""
POST_SIGMA: Final = 10.0
"""Standard deviation [m] of a km on the railway, beside the decimals it has (mark A)."""
PASSES: Final = 10.0
"""Distance [m] within which a road passes a crossing (mark A)."""
_WIDENED: Final = 2.0
"""The reach of a crossing for crashes whose train is not recorded grows to so many times."""
_TAIL: Final = 4.0
"""Standard deviations beyond which a true place is not looked for."""
_LEAST: Final = 1e-3
"""Chance below which a place is none."""
_FINEST: Final = 0.5
"""Least standard deviation [m] of a place."""
_COLUMNS: Final = {
    "spot": "int64",
    "crossing": "int64",
    "line": "int64",
    "measure": "float64",
    "distance": "float64",
    "share": "float64",
    "along": "bool",
}


@dataclass(frozen=True, slots=True)
class Spots:
    """Places where crashes may have been; arrays of shape (spots,).

    ``points``; ``train``: 1, 0, NaN not recorded; ``sigma`` [m]: standard deviation of the
    place; ``junction`` [m]: distance from the nearest junction, infinite for none; ``named``: name
    of the railway line that the record gives, as it is compared, or None; ``line``,
    ``measure`` [m]: of a place given by its km on the railway, else -1 and NaN.
    """

    points: np.ndarray
    train: np.ndarray
    sigma: np.ndarray
    junction: np.ndarray
    named: np.ndarray
    line: np.ndarray
    measure: np.ndarray

    @classmethod
    def of(
        cls,
        points: np.ndarray,
        train: np.ndarray,
        *,
        sigma: np.ndarray | float = 0.0,
        junction: np.ndarray | float = np.inf,
        named: np.ndarray | None = None,
    ) -> Spots:
        """Places given by points."""
        size = len(points)
        return cls(
            points,
            train,
            np.broadcast_to(np.asarray(sigma, dtype="float64"), size),
            np.broadcast_to(np.asarray(junction, dtype="float64"), size),
            np.full(size, None, dtype=object) if named is None else named,
            np.full(size, -1),
            np.full(size, np.nan),
        )


def claims_of(spots: Spots, rail: Rail, reach: Reach) -> pd.DataFrame:
    """The crossings and lines that claim places.

    Returns
    -------
    DataFrame, by spot, the likeliest first
        ``spot``; ``crossing``, -1 for the line itself; ``line``, -1 for none; ``measure`` [m] of
        the spot on it, where it is not near it that of the crossing; ``distance`` [m]: from the
        crossing, along the line where ``along``, else straight; from the line where that claims
        it; ``share``, the sum of a spot's is 1. Spots that nothing claims have no row.
    """
    line, measure, offset = _on_line(spots, rail, reach)
    with_train = spots.train == 1
    along = np.flatnonzero(line >= 0)
    straight = np.flatnonzero(with_train & (line < 0))
    unknown = np.flatnonzero(np.isnan(spots.train) & (line < 0))
    error = ERROR * spots.sigma
    wide = np.minimum(reach.crossing + error, _WIDENED * reach.crossing)
    parts = [
        _along(along, spots, (line, measure, offset), rail, reach),
        _nearest(straight, spots.points, np.full(len(line), reach.train), rail),
        _nearest(unknown, spots.points, wide, rail, spots.junction),
    ]
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame({name: np.zeros(0, kind) for name, kind in _COLUMNS.items()})
    made = pd.concat(parts, ignore_index=True)[[*_COLUMNS]].astype(_COLUMNS)
    made["_share"] = -made["share"].round(9)
    made = made.sort_values(["spot", "_share", "distance", "crossing"], kind="stable")
    return made.drop(columns="_share").reset_index(drop=True)


def _on_line(spots: Spots, rail: Rail, reach: Reach) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Line, measure and offset [m] of crashes with a train; given ones are as they are."""
    line, measure, offset = spots.line.copy(), spots.measure.copy(), np.zeros(len(spots.line))
    rows = np.flatnonzero((spots.train == 1) & (line < 0))
    if len(rail.lines) and len(rows):
        far = reach.train + ERROR * spots.sigma[rows]
        near = near_lines(spots.points[rows], rail, far)
        best = best_lines(near, rail, spots.named[rows])
        at = rows[best.index.to_numpy()]
        line[at], measure[at], offset[at] = best["line"], best["measure"], best["offset"]
    return line, measure, offset


def _along(
    rows: np.ndarray,
    spots: Spots,
    on: tuple[np.ndarray, np.ndarray, np.ndarray],
    rail: Rail,
    reach: Reach,
) -> pd.DataFrame:
    """What claims spots that lie on a line: the crossings there, and the line."""
    line, measure, offset = (column[rows] for column in on)
    sigma = np.maximum(spots.sigma[rows], _FINEST)
    span = reach.footprint + _TAIL * sigma
    pairs = pd.concat(
        [
            _on_same_line(line, measure, span, rail),
            _of_no_line(spots.points[rows], span, rail, reach.footprint),
        ],
        ignore_index=True,
    )
    own = pairs["row"].to_numpy()
    wide = np.minimum(reach.footprint + ERROR * sigma, reach.train)
    pairs["inside"] = pairs["distance"].to_numpy() <= wide[own]
    chance = ndtr(pairs["high"] / sigma[own]) - ndtr(pairs["low"] / sigma[own])
    least = pairs.groupby("row")["distance"].transform("min")
    square = (pairs["distance"] ** 2 - least**2) / sigma[own] ** 2
    taken = np.zeros(len(rows), dtype=bool)
    taken[own[pairs["inside"]]] = True
    pairs["share"] = np.where(
        taken[own], np.where(pairs["inside"], np.exp(-square / 2), 0.0), chance
    )
    pairs = pairs[pairs["share"] >= _LEAST]
    beyond = np.flatnonzero(~taken)
    rest = 1 - np.bincount(pairs["row"], pairs["share"], len(rows))[beyond]
    on_line = pd.DataFrame(
        {"row": beyond, "crossing": -1, "distance": offset[beyond], "share": rest}
    )
    self_ = on_line[rest >= _LEAST]
    made = pd.concat([pairs[["row", "crossing", "distance", "share"]], self_], ignore_index=True)
    total = np.bincount(made["row"], made["share"], len(rows))
    row = made["row"].to_numpy(dtype="int64")
    return made.assign(
        spot=rows[row],
        line=line[row],
        measure=measure[row],
        share=made["share"].to_numpy() / total[row],
        along=True,
    )


def _on_same_line(
    line: np.ndarray, measure: np.ndarray, span: np.ndarray, rail: Rail
) -> pd.DataFrame:
    """Places and the crossings within ``span`` [m] of them along their line.

    ``low``, ``high`` [m]: from where to where the crossing's footprint runs, from the place.
    """
    members = rail.members
    at, of = members["measure"].to_numpy(), members["line"].to_numpy(dtype="float64")
    ends = [at.max(initial=0.0), measure.max(initial=0.0)]
    step = max(ends) + 2 * span.max(initial=0.0) + 1.0
    keys, asked = of * step + at, line * step + measure
    first = np.searchsorted(keys, asked - span, side="left")
    count = np.searchsorted(keys, asked + span, side="right") - first
    row = np.repeat(np.arange(len(line)), count)
    found = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(count.sum())
    own = members.iloc[found]
    return pd.DataFrame(
        {
            "row": row,
            "crossing": own["crossing"].to_numpy(dtype="int64"),
            "distance": np.abs(at[found] - measure[row]),
            "low": own["low"].to_numpy() - measure[row],
            "high": own["high"].to_numpy() - measure[row],
        }
    )


def _of_no_line(points: np.ndarray, span: np.ndarray, rail: Rail, footprint: float) -> pd.DataFrame:
    """The same for crossings that lie on no line, by straight distance."""
    loose = np.flatnonzero(rail.line < 0)
    tree = shapely.STRtree(rail.points[loose])
    row, found = tree.query(points, predicate="dwithin", distance=span)
    distance = shapely.distance(points[row], rail.points[loose[found]])
    return pd.DataFrame(
        {
            "row": row.astype("int64"),
            "crossing": loose[found],
            "distance": distance,
            "low": distance - footprint,
            "high": distance + footprint,
        }
    )


def _nearest(
    rows: np.ndarray,
    points: np.ndarray,
    radius: np.ndarray,
    rail: Rail,
    junction: np.ndarray | None = None,
) -> pd.DataFrame:
    """The nearest crossing of some points within a radius [m], no farther than a junction [m]."""
    row, crossing, distance = _first(rows, points, radius, rail)
    if junction is not None:
        near = distance <= junction[row]
        row, crossing, distance = row[near], crossing[near], distance[near]
    line, measure = rail.line[crossing].copy(), rail.measure[crossing].copy()
    if len(rail.lines):
        near_ = near_lines(points[row], rail, radius[row])
        own = near_[near_["line"].to_numpy() == line[near_["point"].to_numpy()]]
        measure[own["point"].to_numpy()] = own["measure"].to_numpy()
    return pd.DataFrame(
        {
            "spot": row,
            "crossing": crossing,
            "line": line,
            "measure": measure,
            "distance": distance,
            "share": 1.0,
            "along": False,
        }
    )


def _first(
    rows: np.ndarray,
    points: np.ndarray,
    radius: np.ndarray,
    rail: Rail,
    may: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Point, its nearest crossing, and the distance [m], for those that find one.

    Ties go to the first crossing. ``may`` tells of points and crossings which belong together.
    """
    rows = rows[~shapely.is_missing(points[rows])]
    who, what = rail.tree.query(points[rows], predicate="dwithin", distance=radius[rows])
    who = rows[who]
    if may is not None:
        kept = may(who, what)
        who, what = who[kept], what[kept]
    distance = shapely.distance(points[who], rail.points[what])
    order = np.lexsort((what, distance, who))
    first = order[np.unique(who[order], return_index=True)[1]]
    return who[first], what[first], distance[first]


def queue_at(
    points: np.ndarray,
    junction: np.ndarray,
    rail: Rail,
    reach: Reach,
    *,
    route: np.ndarray | None = None,
    segments: gpd.GeoDataFrame | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The crossing in whose queue crashes without a train were.

    It is the nearest within ``reach.crossing`` that lies on the road of the crash, and nearer
    than any junction.

    Parameters
    ----------
    points, junction : shape (crashes,)
        Where they were; distance [m] from the nearest junction, infinite for none.
    route : shape (crashes,)
        Route of the road that each is on, -1 for none; without ``segments`` any road will do.
    segments
        :data:`blackspots.schema.SEGMENTS`.

    Returns
    -------
    crossing, distance : shape (crashes,)
        Position of the crossing, -1 for none; metres [m] from it, NaN for none.
    """
    crossing, distance = np.full(len(points), -1), np.full(len(points), np.nan)
    may = None if segments is None or route is None else _on_own_road(rail, segments, route)
    rows = np.arange(len(points))
    near = _first(rows, points, np.full(len(points), reach.crossing), rail, may)
    row, what, gap = (column[near[2] <= junction[near[0]]] for column in near)
    crossing[row], distance[row] = what, gap
    return crossing, distance


def _on_own_road(
    rail: Rail, segments: gpd.GeoDataFrame, route: np.ndarray
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Whether the route of a crash passes a crossing."""
    there = np.flatnonzero(~shapely.is_missing(rail.points) & ~shapely.is_empty(rail.points))
    xy = shapely.get_coordinates(rail.points[there])
    found = within(xy, segments.geometry.to_numpy(), PASSES)
    routes = segments["route_id"].to_numpy(dtype="int64")
    step = int(max(routes.max(initial=0), route.max(initial=0))) + 2
    passed = np.unique(there[found.point] * step + routes[found.line])

    def may(who: np.ndarray, what: np.ndarray) -> np.ndarray:
        on_road = route[who] >= 0
        return np.asarray(np.isin(what * step + route[who], passed) & on_road)

    return may
