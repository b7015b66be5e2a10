"""Linear referencing on routes: measure to point, official km to measure and back.

A route is one row of :data:`blackspots.schema.ROUTES`; besides its line it carries
``post_measures`` [m] and ``post_km`` [km], the points between which official km are
interpolated (empty tuples when no km is known).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import LineString, Point
from shapely.ops import substring

KM_SLACK = 0.5
"""How far [km] beyond its known ends a route still takes a km post."""


def km_at(routes: gpd.GeoDataFrame, route_id: int, measure: float) -> float:
    """Official km at a measure [m]; NaN where the route has no km."""
    measures, kms = routes.at[route_id, "post_measures"], routes.at[route_id, "post_km"]
    return float(np.interp(measure, measures, kms)) if len(measures) else float("nan")


def point_at(routes: gpd.GeoDataFrame, route_id: int, measure: float) -> Point:
    """The point at a measure [m]."""
    point: Point = shapely.line_interpolate_point(routes.at[route_id, "geometry"], measure)
    return point


def stretch(
    routes: gpd.GeoDataFrame, route_id: int, start: float, end: float
) -> LineString | Point:
    """The part of a route between two measures [m], clipped to its ends."""
    return substring(routes.at[route_id, "geometry"], max(start, 0.0), end)


def km_text(km: float) -> str:
    """A km as it is written on posts: ``Km45+300``.

    Examples
    --------
    >>> km_text(45.3)
    'Km45+300'
    """
    metres = round(km * 1000)
    return f"Km{metres // 1000}+{metres % 1000:03d}"


def label(routes: gpd.GeoDataFrame, route_id: int, start: float, end: float) -> str:
    """A stretch in words: road number or name, and km posts or metres from its start."""
    row = routes.loc[route_id]
    road = row["ref"] or row["name"] or f"#{row['road_id']}"
    kms = sorted(km_at(routes, route_id, m) for m in (start, end))
    if np.isnan(kms[0]):
        return f"{road} {start:.0f}–{end:.0f} m"
    posts = [km_text(km) for km in kms]
    return f"{road} {posts[0]}" if posts[0] == posts[1] else f"{road} {posts[0]}–{posts[1]}"


@dataclass(frozen=True, slots=True)
class Found:
    """Where a route and km lead: a route and measure [m], or the reason why nowhere."""

    route_id: int = -1
    measure: float = float("nan")
    reason: str = ""


class RouteFinder:
    """Finds (road number, official km) among routes.

    Where several routes of a number hold the km (carriageways), the lowest id is taken.
    """

    def __init__(self, routes: gpd.GeoDataFrame) -> None:
        self._routes = routes
        self._by_ref: dict[str, list[int]] = {}
        for route_id, ref in routes["ref"].items():
            if ref:
                self._by_ref.setdefault(str(ref), []).append(int(str(route_id)))

    def find(self, ref: str, km: float) -> Found:
        """The place of a km post, or a reason (a key below ``reason.``)."""
        candidates = self._by_ref.get(ref, [])
        if not candidates:
            return Found(reason="route-not-in-network")
        with_km = [i for i in candidates if len(self._routes.at[i, "post_km"])]
        if not with_km:
            return Found(reason="route-without-km")
        gap, route_id = min((self._gap(i, km), i) for i in with_km)
        if gap > KM_SLACK:
            return Found(reason="km-outside-route")
        posts = self._routes.at[route_id, "post_km"]
        measures = self._routes.at[route_id, "post_measures"]
        order = np.argsort(posts, kind="stable")
        measure = float(np.interp(km, np.asarray(posts)[order], np.asarray(measures)[order]))
        return Found(route_id, measure)

    def _gap(self, route_id: int, km: float) -> float:
        posts: Sequence[float] = self._routes.at[route_id, "post_km"]
        return max(min(posts) - km, km - max(posts), 0.0)
