"""Official km of routes by the km posts beside them.

Piecewise calibration of a linear referencing system: between two posts the official km run
evenly with the measure, however long the road between them is.

How posts are read, in the order of the steps:

- A post belongs to the nearest segment of its own road number within :data:`REACH`. On a
  divided road either side will do: both have the measure of the road.
- The route runs in the direction of growing km, by most pairs of neighbouring posts. One post
  alone, or posts of one km, do not tell: the route keeps its direction (growing km of the road
  lines, else away from its origin, else from its west end).
- Posts of one km within :data:`JUMP` of each other, as on the two sides of a road, are one
  post at their mean measure.
- The km *jump* between two neighbours whose difference in km is not that of the road between
  them, by more than :data:`JUMP` and more than :data:`JUMP_SHARE` of its length; and between
  two posts at one place (:data:`ONE_PLACE`) with different km, a km equation in the open.
- Jumps part the posts into runs. Runs (:data:`SLIPS` at the most) between two that fit each
  other are mistyped and left out, if these two have more posts; so is a single first or last
  post of a route on which others agree. A jump that stays is an equation, or a gap of the km.
- Of two neighbours in a run whose km fall, by less than a jump, the one is left out that goes
  worse with the posts around them.

Where the km jump between two posts, those after the first go on by length (``Km45+300`` is
300 m behind the post of km 45) until the second. Before the first post of a route and behind
its last the km go by length, down to 0 at the lowest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.referencing import route_measures
from blackspots.schema import PLACED_POSTS
from blackspots.sources.values import route as route_name

REACH: Final = 100.0
"""Distance [m] from its road within which a post stands (mark A): posts stand on the shoulder,
some 20 m from the centreline of a wide divided road; coordinates by hand and lines drawn from
images add some tens of metres. The next post, of a kilometre, is far beyond it."""
JUMP: Final = 300.0
"""Difference [m] between km and length above which it is no error of either (mark A)."""
JUMP_SHARE: Final = 0.3
"""The same as a share of the length (mark A): roads are rebuilt shorter, but rarely by a third."""
ONE_PLACE: Final = 10.0
"""Distance [m] along the road within which two posts stand at one place (mark A)."""
SLIPS: Final = 5
"""Most runs of mistyped posts in a row between two that fit each other (mark A)."""
_KM_DECIMALS: Final = 6
_NOTHING: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The network's tables with the km of the posts.

    ``posts`` is :data:`~blackspots.schema.PLACED_POSTS`.
    """

    segments: gpd.GeoDataFrame
    parts: pd.DataFrame
    routes: gpd.GeoDataFrame
    posts: gpd.GeoDataFrame


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Where on the routes which km stands, in order of route and measure; shape (nodes,)."""

    route: np.ndarray
    measure: np.ndarray
    km: np.ndarray


def calibrate(
    segments: gpd.GeoDataFrame,
    parts: pd.DataFrame,
    routes: gpd.GeoDataFrame,
    posts: gpd.GeoDataFrame,
) -> Calibrated:
    """Official km of the routes that have posts, in place of any that their road lines give.

    Parameters
    ----------
    segments, parts, routes
        Of a network, with the places of the segments on the routes.
    posts
        ``ref``, ``km`` [km] and points in the CRS of the network; road numbers are compared
        in one spelling (:func:`blackspots.sources.route_name`).

    Returns
    -------
    Calibrated
        Routes whose km fall in their direction are turned, with their segments.
    """
    placed = _on_segments(segments, posts)
    used = np.flatnonzero(placed["reason"].isna())
    if not len(used):
        empty = np.full(len(posts), np.nan)
        told = _told(posts, placed, np.full(len(posts), -1), empty, empty)
        return Calibrated(segments, parts, routes, told)
    of = segments.iloc[placed["segment"].to_numpy()[used]]
    measure = route_measures(of, placed["measure"].to_numpy()[used])
    route = of["route_id"].to_numpy()
    total = routes["length"].to_numpy(dtype="float64")
    measure = np.clip(measure, 0.0, total[route])
    km = _numbers(posts["km"])[used]
    turned = _falling(route, measure, km, len(routes))
    segments, routes = _turned(segments, routes, turned)
    measure = np.where(turned[route], total[route] - measure, measure)
    marks, mark = _merged(route, measure, km)
    marks = _paired(marks)
    marks = marks.iloc[_growing(marks, _fitting(marks))]
    jump = _jumps(marks)
    nodes = _nodes(marks, jump, total)
    segments, parts, routes = _with_km(segments, parts, routes, nodes)
    fits = np.isin(mark, marks.index)
    routes_of = np.full(len(posts), -1)
    placed_at, leap = np.full(len(posts), np.nan), np.full(len(posts), np.nan)
    routes_of[used], placed_at[used] = route, measure
    leap[used] = pd.Series(jump, marks.index).reindex(mark).to_numpy()
    placed.loc[used[~fits], "reason"] = "outlier"
    told = _told(posts, placed, routes_of, placed_at, leap)
    return Calibrated(segments, parts, routes, told)


def _told(
    posts: gpd.GeoDataFrame,
    placed: pd.DataFrame,
    route: np.ndarray,
    measure: np.ndarray,
    jump: np.ndarray,
) -> gpd.GeoDataFrame:
    made: gpd.GeoDataFrame = posts.assign(
        route_id=pd.arrays.IntegerArray(route.astype("int64"), route < 0),
        measure=measure,
        offset=placed["offset"].to_numpy(),
        jump=jump,
        reason=placed["reason"].to_numpy(),
    )
    return made.rename_axis(PLACED_POSTS.index)


def _numbers(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype="float64", na_value=np.nan)


def _names(refs: pd.Series) -> pd.Series:
    """Road numbers in one spelling, each different one read once; missing stays missing."""
    spelt = {ref: route_name(ref) for ref in refs.dropna().unique() if ref != ""}
    return refs.map(spelt)


def _on_segments(segments: gpd.GeoDataFrame, posts: gpd.GeoDataFrame) -> pd.DataFrame:
    """The nearest segment of each post's own road, or why there is none.

    Returns
    -------
    DataFrame
        In order of the posts: ``segment`` (position, -1 for none), ``measure`` on it [m],
        ``offset`` [m] and ``reason``.
    """
    spots, shapes = (np.asarray(frame.geometry.array) for frame in (posts, segments))
    wanted, of = _names(posts["ref"]), _names(segments["ref"])
    known = pd.Index(of.dropna().unique())
    own, road = known.get_indexer(wanted), known.get_indexer(of)
    some = np.flatnonzero(np.isin(road, own[own >= 0]) & (road >= 0))
    post, near = shapely.STRtree(shapes[some]).query(spots, predicate="dwithin", distance=REACH)
    segment = some[near]
    same = own[post] == road[segment]
    post, segment = post[same], segment[same]
    apart = shapely.distance(spots[post], shapes[segment])
    order = np.lexsort((segment, apart, post))
    order = order[np.unique(post[order], return_index=True)[1]]
    post, segment, apart = post[order], segment[order], apart[order]
    made = pd.DataFrame({"segment": np.full(len(posts), -1)})
    made["measure"], made["offset"] = np.nan, np.nan
    made["reason"] = np.where(own < 0, "unknown-route", "too-far").astype(object)
    unread = np.isnan(_numbers(posts["km"]))
    made.loc[post, "segment"], made.loc[post, "offset"] = segment, apart
    made.loc[post, "measure"] = shapely.line_locate_point(shapes[segment], spots[post])
    made.loc[post, "reason"] = None
    made.loc[unread, "reason"] = "no-km"
    return made


def _falling(route: np.ndarray, measure: np.ndarray, km: np.ndarray, size: int) -> np.ndarray:
    """Which routes run against their km, by most pairs of neighbours, else by the outermost."""
    order = np.lexsort((km, measure, route))
    route, measure, km = route[order], measure[order], km[order]
    pair = (np.diff(route) == 0) & (np.diff(measure) > ONE_PLACE)
    votes = np.bincount(route[1:], weights=np.sign(np.diff(km)) * pair, minlength=size)
    on, first = np.unique(route, return_index=True)
    last = np.r_[first[1:], len(route)] - 1
    outer = np.zeros(size)
    outer[on] = np.sign(km[last] - km[first])
    return np.where(votes == 0, outer, votes) < 0


def _turned(
    segments: gpd.GeoDataFrame, routes: gpd.GeoDataFrame, turned: np.ndarray
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Segments and routes with some routes running the other way; copies in any case."""
    shapes = np.asarray(routes.geometry.array).copy()
    shapes[turned] = shapely.reverse(shapes[turned])
    route = segments["route_id"].to_numpy()
    back = turned[route]
    offset, sign = segments["route_offset"].to_numpy(), segments["route_sign"].to_numpy()
    far = routes["length"].to_numpy()[route] - offset - segments["route_span"].to_numpy()
    return (
        segments.assign(
            route_offset=np.where(back, np.maximum(far, 0.0), offset),
            route_sign=np.where(back, -sign, sign),
        ),
        routes.set_geometry(gpd.GeoSeries(shapes, routes.index, crs=routes.crs)),
    )


def _merged(
    route: np.ndarray, measure: np.ndarray, km: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray]:
    """Marks (route, measure [m], km) in order along the routes, and the mark of each post."""
    written = np.round(km, _KM_DECIMALS)
    order = np.lexsort((measure, written, route))
    link = (
        (np.diff(route[order]) == 0)
        & (np.diff(written[order]) == 0)
        & (np.diff(measure[order]) <= JUMP)
    )
    mark = np.empty(len(order), dtype="int64")
    mark[order] = np.r_[0, np.cumsum(~link)][: len(order)]
    posts = pd.DataFrame({"route": route, "measure": measure, "km": km})
    marks = posts.groupby(mark).agg({"route": "first", "measure": "mean", "km": "first"})
    return marks.sort_values(["route", "measure", "km"], kind="stable"), mark


def _paired(marks: pd.DataFrame) -> pd.DataFrame:
    """Marks with those of an open equation at one measure, the km that end before those that begin.

    Which of the two comes first is told by the marks before and after them.
    """
    route, measure, km = (marks[c].to_numpy().copy() for c in ("route", "measure", "km"))
    one = (
        (np.diff(route) == 0)
        & (np.diff(measure) <= ONE_PLACE)
        & (1000 * np.abs(np.diff(km)) > 2 * ONE_PLACE)
    )
    place = np.r_[0, np.cumsum(~one)]
    count = np.bincount(place)
    measure = (np.bincount(place, weights=measure) / count)[place]
    first = np.flatnonzero(np.r_[one, False] & (count[place] == 2))  # noqa: PLR2004
    second = first + 1
    straight, crossed = (
        _miss(route, measure, km, first - 1, a) + _miss(route, measure, km, b, second + 1)
        for a, b in ((first, second), (second, first))
    )
    order = np.arange(len(marks))
    swap = crossed < straight
    order[first[swap]], order[second[swap]] = second[swap], first[swap]
    return marks.assign(measure=measure).iloc[order]


def _miss(
    group: np.ndarray, measure: np.ndarray, km: np.ndarray, a: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Km less length [m] between marks ``a`` and ``b``; 0 where one is not there, or of others."""
    there = (a >= 0) & (b < len(km))
    a, b = np.maximum(a, 0), np.minimum(b, len(km) - 1)
    gap = np.abs(measure[b] - measure[a] - 1000 * (km[b] - km[a]))
    return np.asarray(np.where(there & (group[a] == group[b]), gap, 0.0))


def _disagree(length: np.ndarray, rise: np.ndarray) -> np.ndarray:
    """Whether km [km] and length [m] between posts differ too much to be of one road."""
    miss = np.abs(length - 1000 * rise)
    return np.asarray(miss > np.maximum(JUMP, JUMP_SHARE * np.abs(length)))


def _apart(route: np.ndarray, measure: np.ndarray, km: np.ndarray) -> np.ndarray:
    """Whether a run ends between a mark and the next, shape (marks - 1,)."""
    length = np.diff(measure)
    return np.asarray((np.diff(route) != 0) | (length == 0) | _disagree(length, np.diff(km)))


def _fitting(marks: pd.DataFrame) -> np.ndarray:
    """Positions of the marks but for the runs that are mistyped, the shortest left out first."""
    every = [marks[c].to_numpy() for c in ("route", "measure", "km")]
    kept = np.arange(len(marks))
    while len(kept):
        route, measure, km = (column[kept] for column in every)
        start = np.flatnonzero(np.r_[True, _apart(route, measure, km)])
        stop = np.r_[start[1:], len(kept)]
        runs = _Runs(
            route[start], stop - start, measure[start], km[start], measure[stop - 1], km[stop - 1]
        )
        wrong = _between_fitting(runs)
        if not wrong.any():
            wrong = _lone_ends(runs)
        if not wrong.any():
            break
        kept = kept[~np.repeat(wrong, runs.size)]
    return kept


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of marks without a jump, in order along the routes; shape (runs,)."""

    route: np.ndarray
    size: np.ndarray
    measure_from: np.ndarray
    km_from: np.ndarray
    measure_to: np.ndarray
    km_to: np.ndarray


def _between_fitting(runs: _Runs) -> np.ndarray:
    """Which runs stand between two that fit each other and have more marks; the fewest first.

    Of two such findings that contradict each other, as one would leave out what the other
    relies on, only the one that leaves out less holds: without it the other may not arise.
    """
    count = len(runs.size)
    before = np.r_[0, np.cumsum(runs.size)]
    found = []
    for many in range(1, SLIPS + 1):
        a = np.arange(max(count - many - 1, 0))
        b = a + many + 1
        length, rise = runs.measure_from[b] - runs.measure_to[a], runs.km_from[b] - runs.km_to[a]
        between = before[b] - before[a + 1]
        good = (
            (runs.route[a] == runs.route[b])
            & (rise > 0)
            & ~_disagree(length, rise)
            & (between < runs.size[a] + runs.size[b])
        )
        found.append(np.c_[a, b, between][good])
    first, last, cost = np.concatenate(found).T
    rank = np.empty(len(first), dtype="int64")
    rank[np.lexsort((first, last - first, cost))] = np.arange(len(first))
    # The best finding that leaves a run out, and that does so or relies on it.
    out, touched = np.full(count, len(first)), np.full(count, len(first))
    for step in range(1, SLIPS + 1):
        own = first + step < last
        np.minimum.at(out, (first + step)[own], rank[own])
    np.minimum.at(touched, first, rank)
    np.minimum.at(touched, last, rank)
    touched = np.minimum(touched, out)
    holds = (out[first] > rank) & (out[last] > rank)
    for step in range(1, SLIPS + 1):
        own = first + step < last
        holds[own] &= touched[(first + step)[own]] == rank[own]
    wrong = np.zeros(count, dtype=bool)
    for step in range(1, SLIPS + 1):
        own = holds & (first + step < last)
        wrong[(first + step)[own]] = True
    return wrong


def _lone_ends(runs: _Runs) -> np.ndarray:
    """Which first and last runs of a route are one mark alone, where another run has more.

    Two posts at one place are no slip: the second is there to be seen.
    """
    other = np.diff(runs.route) != 0
    joint = ~other & (runs.measure_from[1:] == runs.measure_to[:-1])
    outermost = np.r_[True, other] | np.r_[other, True]
    most = pd.Series(runs.size).groupby(runs.route).transform("max").to_numpy()
    paired = np.r_[False, joint] | np.r_[joint, False]
    return np.asarray((runs.size == 1) & outermost & ~paired & (most > 1))


def _growing(marks: pd.DataFrame, kept: np.ndarray) -> np.ndarray:
    """Of the positions those whose km grow within their run.

    Of two marks whose km fall the one stays that goes better with the marks around them.
    """
    while True:
        route, measure, km = (marks[c].to_numpy()[kept] for c in ("route", "measure", "km"))
        apart = _apart(route, measure, km)
        first = np.flatnonzero(~apart & (np.diff(km) <= 0))
        if not len(first):
            return kept
        run = np.r_[0, np.cumsum(apart)]
        one, other = (
            _miss(run, measure, km, first - 1, at) + _miss(run, measure, km, at, first + 2)
            for at in (first, first + 1)
        )
        kept = np.delete(kept, np.where(one <= other, first + 1, first))


def _jumps(marks: pd.DataFrame) -> np.ndarray:
    """How far [m] the km jump at each mark, beyond the length since the one before; else NaN."""
    route, measure, km = (marks[c].to_numpy() for c in ("route", "measure", "km"))
    leap = 1000 * np.diff(km) - np.diff(measure)
    at = _apart(route, measure, km) & (np.diff(route) == 0)
    return np.asarray(np.r_[np.nan, np.where(at, leap, np.nan)])


def _nodes(marks: pd.DataFrame, jump: np.ndarray, total: np.ndarray) -> _Nodes:
    """The marks, the km that end where others begin, and those at the ends of the routes."""
    route, measure, km = (marks[c].to_numpy() for c in ("route", "measure", "km"))
    place = np.arange(len(marks), dtype="float64")
    at = np.flatnonzero(~np.isnan(jump))
    at = at[measure[at] > measure[at - 1]]
    first = np.flatnonzero(np.r_[True, np.diff(route) != 0])[: len(marks)]
    last = np.r_[first[1:], len(marks)][: len(first)] - 1
    back = np.minimum(measure[first], 1000 * km[first])
    first, back = first[back > _NOTHING], back[back > _NOTHING]
    ahead = total[route[last]] - measure[last]
    last, ahead = last[ahead > _NOTHING], ahead[ahead > _NOTHING]
    ended = km[at - 1] + (measure[at] - measure[at - 1]) / 1000
    order = np.argsort(np.r_[place, at - 0.5, first - 0.5, last + 0.25], kind="stable")
    return _Nodes(
        np.r_[route, route[at], route[first], route[last]][order],
        np.r_[measure, measure[at], measure[first] - back, total[route[last]]][order],
        np.r_[km, ended, np.maximum(km[first] - back / 1000, 0.0), km[last] + ahead / 1000][order],
    )


def _km_at(nodes: _Nodes, route: np.ndarray, measure: np.ndarray, *, ends: bool) -> np.ndarray:
    """Official km at places of calibrated routes.

    Where the km jump it is the km of the stretch that begins there, or of the one that ``ends``.
    """
    step = float(np.max(np.r_[nodes.measure, measure], initial=0.0)) + 1.0
    keys, asked = nodes.route * step + nodes.measure, route * step + measure
    low = np.searchsorted(nodes.route, route, side="left")
    high = np.searchsorted(nodes.route, route, side="right") - 1
    at = np.searchsorted(keys, asked, side="left" if ends else "right") - 1
    at = np.clip(at, low, np.maximum(high - 1, low))
    then = np.minimum(at + 1, high)
    length = np.maximum(nodes.measure[then] - nodes.measure[at], _NOTHING)
    share = np.clip((measure - nodes.measure[at]) / length, 0.0, 1.0)
    return np.asarray(nodes.km[at] + share * (nodes.km[then] - nodes.km[at]))


def _with_km(
    segments: gpd.GeoDataFrame, parts: pd.DataFrame, routes: gpd.GeoDataFrame, nodes: _Nodes
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, gpd.GeoDataFrame]:
    """The tables with the km of the nodes, on the routes that have any."""
    on, first = np.unique(nodes.route, return_index=True)
    columns: list[list[object]] = []
    for name, values in (("post_measures", nodes.measure), ("post_km", nodes.km)):
        made = list(routes[name])
        for route, own in zip(on, np.split(values, first[1:]), strict=True):
            made[route] = tuple(own.tolist())
        columns.append(made)
    last = np.r_[first[1:], len(nodes.route)][: len(on)] - 1
    km_from, km_to = (_numbers(routes[c]).copy() for c in ("km_from", "km_to"))
    km_from[on], km_to[on] = nodes.km[first], nodes.km[last]
    routes = routes.assign(
        km_from=km_from,
        km_to=km_to,
        post_measures=pd.Series(columns[0], routes.index, dtype="object"),
        post_km=pd.Series(columns[1], routes.index, dtype="object"),
    )
    mine = np.isin(segments["route_id"].to_numpy(), on)
    length = segments["length"].to_numpy()
    segments = _between(segments, segments, mine, np.zeros(len(segments)), length, nodes)
    of = segments.iloc[parts["segment_id"].to_numpy()]
    own = mine[parts["segment_id"].to_numpy()] & ~parts["again"].to_numpy()
    start, stop = (parts[c].to_numpy() for c in ("from_measure", "to_measure"))
    return segments, _between(parts, of, own, start, stop, nodes), routes


def _between(
    table: pd.DataFrame,
    of: pd.DataFrame,
    rows: np.ndarray,
    start: np.ndarray,
    stop: np.ndarray,
    nodes: _Nodes,
) -> pd.DataFrame:
    """A table whose rows of a mask have the km of their segments from start to stop [m]."""
    own, route = of[rows], of["route_id"].to_numpy()[rows]
    here, there = (route_measures(own, m[rows]) for m in (start, stop))
    low = _km_at(nodes, route, np.minimum(here, there), ends=False)
    high = _km_at(nodes, route, np.maximum(here, there), ends=True)
    forward = own["route_sign"].to_numpy() > 0
    ends = [_numbers(table[c]).copy() for c in ("km_from", "km_to")]
    ends[0][rows] = np.where(forward, low, high)
    ends[1][rows] = np.where(forward, high, low)
    return table.assign(km_from=ends[0], km_to=ends[1])
