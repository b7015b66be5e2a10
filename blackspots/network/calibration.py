"""Official km of routes by the km posts beside them.

Piecewise calibration of a linear referencing system: between two posts the official km run
evenly with the measure, however long the road between them is.

How posts are read, in the order of the steps:

- A post belongs to the nearest segment of its own road number within :data:`REACH`. On a
  divided road either side will do: both have the measure of the road.
- The route runs in the direction of growing km, by most pairs of neighbouring posts. One post
  alone, or posts of one km, do not tell: the route keeps its direction (growing km of the road
  lines, else away from its origin, else from its west end).
- What the km of the posts say of each other, which are mistyped and where the km jump:
  :mod:`blackspots.calibrating`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.calibrating import Nodes, calibration, falling, km_at_nodes
from blackspots.referencing import route_measures
from blackspots.schema import PLACED_POSTS
from blackspots.sources.values import route as route_name

REACH: Final = 100.0
"""Distance [m] from its road within which a post stands (mark A): posts stand on the shoulder,
some 20 m from the centreline of a wide divided road; coordinates by hand and lines drawn from
images add some tens of metres. The next post, of a kilometre, is far beyond it."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The network's tables with the km of the posts.

    ``posts`` is :data:`~blackspots.schema.PLACED_POSTS`.
    """

    segments: gpd.GeoDataFrame
    parts: pd.DataFrame
    routes: gpd.GeoDataFrame
    posts: gpd.GeoDataFrame


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
    turned = falling(route, measure, km, len(routes))
    segments, routes = _turned(segments, routes, turned)
    measure = np.where(turned[route], total[route] - measure, measure)
    made = calibration(route, measure, km, total)
    segments, parts, routes = _with_km(segments, parts, routes, made.nodes)
    fits = np.isin(made.mark, made.marks.index)
    routes_of = np.full(len(posts), -1)
    placed_at, leap = np.full(len(posts), np.nan), np.full(len(posts), np.nan)
    routes_of[used], placed_at[used] = route, measure
    leap[used] = made.marks["jump"].reindex(made.mark).to_numpy()
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


def _with_km(
    segments: gpd.GeoDataFrame, parts: pd.DataFrame, routes: gpd.GeoDataFrame, nodes: Nodes
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
    nodes: Nodes,
) -> pd.DataFrame:
    """A table whose rows of a mask have the km of their segments from start to stop [m]."""
    own, route = of[rows], of["route_id"].to_numpy()[rows]
    here, there = (route_measures(own, m[rows]) for m in (start, stop))
    low = km_at_nodes(nodes, route, np.minimum(here, there), ends=False)
    high = km_at_nodes(nodes, route, np.maximum(here, there), ends=True)
    forward = own["route_sign"].to_numpy() > 0
    ends = [_numbers(table[c]).copy() for c in ("km_from", "km_to")]
    ends[0][rows] = np.where(forward, low, high)
    ends[1][rows] = np.where(forward, high, low)
    return table.assign(km_from=ends[0], km_to=ends[1])
