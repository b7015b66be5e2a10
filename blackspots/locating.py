"""From coordinates, or road number and km post, to a place on the network.

Every crash ends at a level crossing, a junction, a segment (or an area, where a study has no
roads), or among the unplaced with a reason.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from blackspots.errors import BlackspotsError
from blackspots.referencing import RouteFinder
from blackspots.schema import EMPTY, LOCATED, REPAIRS, check
from blackspots.sources import outside


@dataclass(frozen=True, slots=True)
class Reach:
    """How far [m] a crash may lie from what it is placed at.

    ``tolerance``: from the road; ``junction``: along the road from a junction; ``crossing``:
    from a level crossing; ``train``: the same for a crash with a train.
    """

    tolerance: float = 50.0
    junction: float = 150.0
    crossing: float = 50.0
    train: float = 200.0


def locate(
    crashes: gpd.GeoDataFrame,
    *,
    segments: gpd.GeoDataFrame | None = None,
    nodes: gpd.GeoDataFrame | None = None,
    routes: gpd.GeoDataFrame | None = None,
    crossings: gpd.GeoDataFrame | None = None,
    areas: gpd.GeoDataFrame | None = None,
    boundary: gpd.GeoSeries | None = None,
    reach: Reach | None = None,
) -> gpd.GeoDataFrame:
    """Place each crash once.

    A crash with coordinates goes to the nearest segment within the tolerance, one of its own
    road number before any other; without coordinates, or beyond the tolerance, to its km post
    on its road. Then, in this order: a crash with a train goes to the nearest level crossing;
    one whose train is not recorded goes to a crossing that is within reach and nearer than any
    junction; a crash within reach of a junction along the road goes to the junction; any
    other stays on its segment. Ties go to the lowest id.

    Parameters
    ----------
    crashes
        :data:`blackspots.schema.CRASHES`, in the CRS of the other layers.
    segments, nodes, routes
        A network (:func:`blackspots.network.build_network`); all three or none.
    crossings
        :data:`blackspots.schema.CROSSINGS`.
    areas
        :data:`blackspots.schema.AREAS`: gives ``area`` (first polygon wins); where there is
        neither network nor crossing, also the place.
    boundary
        Study area: a km post outside it places no crash.
    reach
        Distances.

    Returns
    -------
    GeoDataFrame of :data:`blackspots.schema.LOCATED`
        As many rows as ``crashes``, in their order. ``geometry`` is the coordinate as given;
        for a crash placed by its km post it is the post's point.

    Raises
    ------
    BlackspotsError
        ``crs-differs`` when layers are in different CRSs.
    """
    reach = reach or Reach()
    _same_crs(crashes, segments=segments, crossings=crossings, areas=areas)
    made = _blank(crashes)
    if segments is not None and nodes is not None and routes is not None:
        _by_coordinate(made, segments, reach.tolerance)
        _by_km_post(made, segments, routes, boundary, reach.tolerance)
        _km_difference(made, routes)
        _at_junctions(made, segments, nodes, reach.junction)
    if crossings is not None and len(crossings):
        _at_crossings(made, crossings, reach)
    _in_areas(made, areas)
    if segments is None and crossings is None:
        made["place"] = made["place"].where(made["area"].isna(), "area")
        made.loc[made["place"].notna(), "located_by"] = "coordinate"
    nothing_near = "outside-areas" if crossings is None else "no-crossing-near"
    _give_reasons(made, nothing_near if segments is None else "no-road-near")
    made = made.drop(columns=["_junction_distance"])
    check(made, LOCATED)
    return made


def _same_crs(crashes: gpd.GeoDataFrame, **layers: gpd.GeoDataFrame | None) -> None:
    for name, layer in layers.items():
        if layer is not None and layer.crs != crashes.crs:
            raise BlackspotsError(
                "crs-differs", table=name, one=str(layer.crs), other=str(crashes.crs)
            )


def _blank(crashes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    made = crashes.copy()
    for column in LOCATED.columns:
        if column.name not in made:
            values = pd.Series(None, index=made.index, dtype=EMPTY[column.kind])
            made[column.name] = values
    made["_junction_distance"] = np.inf
    return made


def nearest_segments(
    points: gpd.GeoSeries,
    segments: gpd.GeoDataFrame,
    tolerance: float,
    refs: pd.Series | None = None,
) -> pd.DataFrame:
    """Nearest segment of each point within a tolerance.

    Parameters
    ----------
    points
        Metric CRS; empty points find nothing.
    segments
        :data:`blackspots.schema.SEGMENTS`.
    tolerance
        Greatest distance [m], measured to the line itself.
    refs
        Road number of each point, or missing: a segment of that number within the tolerance
        goes before nearer ones of other roads.

    Returns
    -------
    DataFrame, index of ``points``, one row for each point that found one
        ``segment_id``, ``offset`` [m], ``measure`` [m] along the segment.
    """
    known = np.flatnonzero(~points.isna().to_numpy())
    shapes = segments.geometry.array
    tree = shapely.STRtree(shapes)
    who, what = tree.query(points.array[known], predicate="dwithin", distance=tolerance)
    who = known[who]
    pairs = pd.DataFrame({"who": who, "what": what})
    pairs["offset"] = shapely.distance(points.array[who], shapes[what])
    pairs["other_road"] = True
    if refs is not None and len(pairs):
        asked = refs.to_numpy(dtype="object")[who]
        has = segments["ref"].to_numpy(dtype="object")[what]
        pairs["other_road"] = pd.isna(asked) | (asked != has)
    pairs = pairs.sort_values(["who", "other_road", "offset", "what"], kind="stable")
    best = pairs.drop_duplicates("who")
    measure = shapely.line_locate_point(
        shapes[best["what"].to_numpy()], points.array[best["who"].to_numpy()]
    )
    return pd.DataFrame(
        {
            "segment_id": segments.index.to_numpy()[best["what"]],
            "offset": best["offset"].to_numpy(),
            "measure": measure,
        },
        index=points.index[best["who"]],
    )


def _put(made: gpd.GeoDataFrame, found: pd.DataFrame, segments: gpd.GeoDataFrame, by: str) -> None:
    """Enter segment, measure and route of the rows of ``found``."""
    rows = found.index
    of = segments.loc[found["segment_id"]]
    measure = found["measure"].to_numpy()
    along = np.where(of["route_sign"] > 0, measure, of["length"].to_numpy() - measure)
    made.loc[rows, "segment_id"] = found["segment_id"].to_numpy()
    made.loc[rows, "measure"] = measure
    made.loc[rows, "offset"] = found["offset"].to_numpy()
    made.loc[rows, "route_id"] = of["route_id"].to_numpy()
    made.loc[rows, "route_measure"] = of["route_offset"].to_numpy() + along
    made.loc[rows, "place"] = "segment"
    made.loc[rows, "located_by"] = by


def _by_coordinate(made: gpd.GeoDataFrame, segments: gpd.GeoDataFrame, tolerance: float) -> None:
    found = nearest_segments(made.geometry, segments, tolerance, made["route"])
    _put(made, found, segments, "coordinate")


def _by_km_post(
    made: gpd.GeoDataFrame,
    segments: gpd.GeoDataFrame,
    routes: gpd.GeoDataFrame,
    boundary: gpd.GeoSeries | None,
    tolerance: float,
) -> None:
    """Crashes that coordinates did not place, by road number and km; else why not."""
    todo = made[made["place"].isna() & made["route"].notna() & made["km"].notna()]
    if todo.empty:
        return
    finder = RouteFinder(routes)
    spots = {
        i: finder.find(str(r), float(k))
        for i, r, k in zip(todo.index, todo["route"], todo["km"], strict=True)
    }
    lost = {i: spot.reason for i, spot in spots.items() if spot.reason}
    made.loc[list(lost), "reason"] = list(lost.values())
    good = {i: spot for i, spot in spots.items() if not spot.reason}
    if not good:
        return
    rows = list(good)
    found = segments_at(
        segments, [s.route_id for s in good.values()], [s.measure for s in good.values()]
    )
    found.index = pd.Index(rows)
    posts = shapely.line_interpolate_point(
        segments.geometry.loc[found["segment_id"]].array, found["measure"].to_numpy()
    )
    at_post = gpd.GeoSeries(posts, index=found.index, crs=made.crs)
    beyond = outside(at_post, boundary, tolerance)
    made.loc[found.index[beyond], "reason"] = "outside-area"
    found, at_post = found[~beyond], at_post[~beyond]
    made.loc[found.index, "geometry"] = at_post
    _put(made, found, segments, "route_km")


def segments_at(
    segments: gpd.GeoDataFrame, route_ids: Collection[int], measures: Collection[float]
) -> pd.DataFrame:
    """Segment and measure [m] of points given by route and route measure [m]."""
    order = segments.sort_values(["route_id", "route_offset"], kind="stable")
    routes = order["route_id"].to_numpy()
    step = float(order["route_offset"].max() + order["length"].max()) + 1.0
    keys = routes * step + order["route_offset"].to_numpy()
    asked = np.asarray(route_ids, dtype="float64") * step + np.asarray(measures, dtype="float64")
    position = np.clip(np.searchsorted(keys, asked + 1e-9, side="right") - 1, 0, None)
    of = order.iloc[position]
    along = np.asarray(measures, dtype="float64") - of["route_offset"].to_numpy()
    along = np.clip(along, 0.0, of["length"].to_numpy())
    measure = np.where(of["route_sign"] > 0, along, of["length"].to_numpy() - along)
    return pd.DataFrame({"segment_id": of.index, "offset": 0.0, "measure": measure})


def _km_difference(made: gpd.GeoDataFrame, routes: gpd.GeoDataFrame) -> None:
    """Distance [m] along the route between coordinate and km post, where both are given."""
    both = made[(made["located_by"] == "coordinate") & made["route"].notna() & made["km"].notna()]
    finder = RouteFinder(routes)
    for index, row in zip(both.index, both.itertuples(), strict=True):
        spot = finder.find(str(row.route), float(row.km))
        if spot.route_id == row.route_id:
            made.loc[index, "km_difference"] = spot.measure - row.route_measure


def _at_junctions(
    made: gpd.GeoDataFrame, segments: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame, radius: float
) -> None:
    """The nearest junction along the road within ``radius`` [m] (one bounded search for all)."""
    at = np.flatnonzero(nodes["junction_id"].notna().to_numpy())
    rows = made["segment_id"].notna()
    if not len(at) or not rows.any():
        return
    a, b = segments["from_node"].to_numpy(), segments["to_node"].to_numpy()
    length = segments["length"].to_numpy()
    order = np.lexsort((length, b, a))
    pair = np.stack([np.minimum(a, b), np.maximum(a, b)])[:, order]
    every = pd.DataFrame({"a": pair[0], "b": pair[1], "length": length[order]})
    links = every.groupby(["a", "b"])["length"].min().reset_index()
    graph = coo_array(
        (links["length"], (links["a"], links["b"])), shape=(len(nodes), len(nodes))
    ).tocsr()
    distance, _, source = dijkstra(
        graph, directed=False, indices=at, min_only=True, limit=radius, return_predecessors=True
    )
    of = segments.loc[made.loc[rows, "segment_id"].astype("int64")]
    measure = made.loc[rows, "measure"].to_numpy()
    ends = of[["from_node", "to_node"]].to_numpy()
    reach = np.stack([measure, of["length"].to_numpy() - measure], axis=1) + distance[ends]
    nearer = np.argmin(reach, axis=1)
    best = reach[np.arange(len(reach)), nearer]
    node = ends[np.arange(len(reach)), nearer]
    close = best <= radius
    index = made.index[rows][close]
    junction = nodes["junction_id"].to_numpy()[source[node[close]]]
    made.loc[index, "junction_id"] = junction.astype("int64")
    made.loc[index, "place"] = "junction"
    made.loc[index, "_junction_distance"] = best[close]


def _at_crossings(made: gpd.GeoDataFrame, crossings: gpd.GeoDataFrame, reach: Reach) -> None:
    """Crossings take crashes with a train first, then those nearer to them than a junction."""
    known = np.flatnonzero(made.geometry.notna().to_numpy())
    tree = shapely.STRtree(crossings.geometry.array)
    far = max(reach.crossing, reach.train)
    who, what = tree.query(made.geometry.array[known], predicate="dwithin", distance=far)
    who = known[who]
    pairs = pd.DataFrame({"who": who, "what": what})
    pairs["distance"] = shapely.distance(made.geometry.array[who], crossings.geometry.array[what])
    pairs = pairs.sort_values(["who", "distance", "what"], kind="stable").drop_duplicates("who")
    row = made.index[pairs["who"]]
    train = made.loc[row, "train_involved"]
    with_train = train.fillna(False).to_numpy(dtype=bool)
    without = (~train.astype("boolean")).fillna(False).to_numpy(dtype=bool)
    distance = pairs["distance"].to_numpy()
    near = distance <= np.where(with_train, reach.train, reach.crossing)
    nearer = distance <= made.loc[row, "_junction_distance"].to_numpy()
    take = near & ~without & (with_train | nearer)
    rows = row[take]
    made.loc[rows, "crossing_id"] = crossings.index.to_numpy()[pairs["what"][take]]
    made.loc[rows, "place"] = "crossing"
    made.loc[rows, "junction_id"] = pd.NA
    made.loc[rows, "located_by"] = made.loc[rows, "located_by"].fillna("coordinate")


def areas_of(points: gpd.GeoSeries, areas: gpd.GeoDataFrame) -> pd.Series:
    """Name of the first area (in the layer's order) that holds each point; missing outside."""
    known = np.flatnonzero(~points.isna().to_numpy())
    tree = shapely.STRtree(areas.geometry.array)
    who, what = tree.query(points.array[known], predicate="intersects")
    pairs = pd.DataFrame({"who": known[who], "what": what}).sort_values(["who", "what"])
    first = pairs.drop_duplicates("who")
    names = pd.Series(None, index=points.index, dtype="object")
    names.iloc[first["who"].to_numpy()] = areas["name"].to_numpy()[first["what"]]
    return names


def _in_areas(made: gpd.GeoDataFrame, areas: gpd.GeoDataFrame | None) -> None:
    if areas is not None and len(areas):
        made["area"] = areas_of(made.geometry, areas)


def _give_reasons(made: gpd.GeoDataFrame, nothing_near: str) -> None:
    made.loc[made["place"].notna(), "reason"] = None
    open_ = made["place"].isna() & made["reason"].isna()
    without = made.geometry.isna()
    made.loc[open_ & without, "reason"] = "no-location"
    made.loc[open_ & ~without, "reason"] = nothing_near


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a work is; ``reason`` when it is nowhere."""

    place: str | None = None
    route_id: int | None = None
    from_measure: float = float("nan")
    to_measure: float = float("nan")
    junction_id: int | None = None
    crossing_id: str | None = None
    reason: str | None = None


def locate_repairs(
    repairs: gpd.GeoDataFrame,
    *,
    segments: gpd.GeoDataFrame,
    nodes: gpd.GeoDataFrame,
    routes: gpd.GeoDataFrame,
    crossings: gpd.GeoDataFrame | None = None,
    reach: Reach | None = None,
    window: float = 500.0,
) -> gpd.GeoDataFrame:
    """Place each work: at a crossing, at a junction, or on a stretch of a route.

    The first of these that a row gives is used: crossing, road number and km range, road,
    coordinates. A work given by coordinates or by a single km stands for ``window`` [m] of
    road about them, or for the junction or crossing that they are at.

    Returns
    -------
    GeoDataFrame, index ``repair_id``
        ``place``, ``route_id``, ``from_measure``, ``to_measure`` [m], ``junction_id``,
        ``crossing_id``, and ``reason`` for those that have no place.
    """
    as_crash = _as_crashes(repairs)
    _by_coordinate(as_crash, segments, (reach or Reach()).tolerance)
    _at_junctions(as_crash, segments, nodes, (reach or Reach()).junction)
    if crossings is not None and len(crossings):
        _at_crossings(as_crash, crossings, reach or Reach())
    finder = RouteFinder(routes)
    spots = []
    for row in repairs.itertuples():
        if not pd.isna(row.crossing_id):
            known = crossings is not None and row.crossing_id in crossings.index
            spot = (
                _Spot("crossing", crossing_id=row.crossing_id)
                if known
                else _Spot(reason="unknown-crossing")
            )
        elif not pd.isna(row.route) and not pd.isna(row.km_from):
            spot = _km_range(row, routes, finder, window)
        elif not pd.isna(row.road_id):
            spot = _whole_road(str(row.road_id), segments)
        else:
            spot = _at_point(as_crash.loc[row.Index], routes, window)
        spots.append(spot)
    names = [field.name for field in fields(_Spot)]
    made = pd.DataFrame(spots, index=repairs.index, columns=names).astype(
        {
            **dict.fromkeys(("place", "crossing_id", "reason"), "object"),
            **dict.fromkeys(("route_id", "junction_id"), "Int64"),
        }
    )
    made.index.name = REPAIRS.index
    return gpd.GeoDataFrame(made, geometry=repairs.geometry.array, crs=repairs.crs)


def _as_crashes(repairs: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Works with coordinates in the shape of crashes, so that they are placed alike."""
    bare = gpd.GeoDataFrame(
        {"route": repairs["route"], "train_involved": pd.array([pd.NA] * len(repairs), "boolean")},
        geometry=repairs.geometry,
        crs=repairs.crs,
    )
    return _blank(bare)


def _km_range(row: Any, routes: gpd.GeoDataFrame, finder: RouteFinder, window: float) -> _Spot:
    start = finder.find(str(row.route), float(row.km_from))
    end = start if pd.isna(row.km_to) else finder.find(str(row.route), float(row.km_to))
    reason = start.reason or end.reason
    if not reason and start.route_id != end.route_id:
        reason = "km-range-on-two-lines"
    if reason:
        return _Spot(reason=reason)
    return _on_route(routes, start.route_id, start.measure, end.measure, window)


def _whole_road(road_id: str, segments: gpd.GeoDataFrame) -> _Spot:
    """The stretch that a road's line makes of its route; parts that do not join have none."""
    whole = segments["road_id"].str.replace(r"#\d+$", "", regex=True)
    own = segments[(whole == road_id) | (segments["road_id"] == road_id)]
    if own.empty:
        return _Spot(reason="unknown-road")
    if len(set(own["route_id"])) > 1:
        return _Spot(reason="road-in-several-parts")
    start = float(own["route_offset"].min())
    end = float((own["route_offset"] + own["length"]).max())
    return _Spot("segment", int(own["route_id"].iloc[0]), start, end)


def _at_point(at: pd.Series, routes: gpd.GeoDataFrame, window: float) -> _Spot:
    if at["place"] == "crossing":
        return _Spot("crossing", crossing_id=at["crossing_id"])
    if at["place"] == "junction":
        return _Spot("junction", junction_id=int(at["junction_id"]))
    if at["place"] == "segment":
        measure = float(at["route_measure"])
        return _on_route(routes, int(at["route_id"]), measure, measure, window)
    return _Spot(reason="no-location" if at["geometry"] is None else "no-road-near")


def _on_route(
    routes: gpd.GeoDataFrame, route_id: int, one: float, other: float, window: float
) -> _Spot:
    """A stretch; a single point stands for a window about it."""
    low, high = sorted((one, other))
    if high - low < 1.0:
        low, high = low - window / 2, high + window / 2
    end = float(routes.at[route_id, "length"])
    return _Spot("segment", route_id, max(low, 0.0), min(high, end))
