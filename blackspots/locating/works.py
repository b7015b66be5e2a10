"""Works to the place that they treat: a crossing, a junction, or a stretch of a route."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots.locating.at_rail import Spots, claims_of
from blackspots.locating.candidates import nearest_segments
from blackspots.locating.places import Reach, at_junctions
from blackspots.locating.rails import rail_of
from blackspots.referencing import RouteFinder, route_measures
from blackspots.schema import REPAIRS


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
    parts: pd.DataFrame,
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
    reach = reach or Reach()
    at_points = _at_points(repairs, segments, nodes, crossings, reach)
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
            spot = _whole_road(str(row.road_id), segments, parts)
        else:
            spot = _at_point(at_points.loc[row.Index], routes, crossings, window)
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


def _at_points(
    repairs: gpd.GeoDataFrame,
    segments: gpd.GeoDataFrame,
    nodes: gpd.GeoDataFrame,
    crossings: gpd.GeoDataFrame | None,
    reach: Reach,
) -> pd.DataFrame:
    """Where the coordinates of works lead: they are given by people who know the place."""
    points = repairs.geometry
    found = nearest_segments(points, segments, reach.tolerance, repairs["route"])
    made = pd.DataFrame(
        {"segment_id": -1, "measure": np.nan, "train": np.nan, "crossing": -1, "route_id": -1},
        index=repairs.index,
    )
    made["route_measure"], made["given"] = np.nan, points.notna()
    of = segments.loc[found["segment_id"]]
    made.loc[found.index, ["segment_id", "measure"]] = found[["segment_id", "measure"]]
    made = made.astype({"segment_id": "int64"})
    made.loc[found.index, "route_id"] = of["route_id"].to_numpy()
    made.loc[found.index, "route_measure"] = route_measures(of, found["measure"].to_numpy())
    at_junctions(made, segments, nodes, reach.junction)
    rail = rail_of(crossings, None, reach)
    if rail is not None:
        spots = Spots.of(
            points.to_numpy(),
            made["train"].to_numpy(),
            junction=made["junction_distance"].to_numpy(),
        )
        claims = claims_of(spots, rail, reach)
        made.loc[made.index[claims["spot"]], "crossing"] = claims["crossing"].to_numpy()
    return made


def _km_range(row: Any, routes: gpd.GeoDataFrame, finder: RouteFinder, window: float) -> _Spot:
    start = finder.find(str(row.route), float(row.km_from))
    end = start if pd.isna(row.km_to) else finder.find(str(row.route), float(row.km_to))
    reason = start.reason or end.reason
    if not reason and start.route_id != end.route_id:
        reason = "km-range-on-two-lines"
    if reason:
        return _Spot(reason=reason)
    return _on_route(routes, start.route_id, start.measure, end.measure, window)


def _whole_road(road_id: str, segments: gpd.GeoDataFrame, parts: pd.DataFrame) -> _Spot:
    """The stretch that a road's line makes of its route; parts that do not join have none."""
    whole = parts["road_id"].str.replace(r"#\d+$", "", regex=True)
    own = parts[(whole == road_id) | (parts["road_id"] == road_id)]
    if own.empty:
        return _Spot(reason="unknown-road")
    of = segments.loc[own["segment_id"]]
    if (of["route_id"] != of["route_id"].iloc[0]).any():
        return _Spot(reason="road-in-several-parts")
    ends = np.stack(
        [route_measures(of, own[column].to_numpy()) for column in ("from_measure", "to_measure")]
    )
    return _Spot("segment", int(of["route_id"].iloc[0]), float(ends.min()), float(ends.max()))


def _at_point(
    at: pd.Series, routes: gpd.GeoDataFrame, crossings: gpd.GeoDataFrame | None, window: float
) -> _Spot:
    if at["crossing"] >= 0 and crossings is not None:
        return _Spot("crossing", crossing_id=str(crossings.index[int(at["crossing"])]))
    if at["junction_id"] >= 0:
        return _Spot("junction", junction_id=int(at["junction_id"]))
    if at["segment_id"] >= 0:
        measure = float(at["route_measure"])
        return _on_route(routes, int(at["route_id"]), measure, measure, window)
    return _Spot(reason="no-road-near" if at["given"] else "no-location")


def _on_route(
    routes: gpd.GeoDataFrame, route_id: int, one: float, other: float, window: float
) -> _Spot:
    """A stretch; a single point stands for a window about it."""
    low, high = sorted((one, other))
    if high - low < 1.0:
        low, high = low - window / 2, high + window / 2
    end = float(routes.at[route_id, "length"])
    return _Spot("segment", route_id, max(low, 0.0), min(high, end))
