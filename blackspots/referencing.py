"""Linear referencing on routes: measure to point, official km to measure and back.

A route is one row of :data:`blackspots.schema.ROUTES`; besides its line it carries
``post_measures`` [m] and ``post_km`` [km], the points between which official km are
interpolated (empty tuples when no km is known). Two posts at one measure are a km equation:
the km jump there.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString, Point
from shapely.ops import substring

KM_SLACK = 0.5
"""How far [km] beyond its known ends a route still takes a km post."""
_PIECE = 32
"""Segments of a route that are looked up together."""
_STEP = 0.01
"""Metres [m] before and behind a place by which its direction is told."""
_ON_IT = 1e-6
"""Distance [m] from a route below which a point is on it."""


def route_measures(of: pd.DataFrame, measure: np.ndarray) -> np.ndarray:
    """Route measures [m] of places on segments (one row of ``of`` each) at measures [m]."""
    length = of["length"].to_numpy()
    along = np.where(of["route_sign"].to_numpy() > 0, measure, length - measure)
    return np.asarray(of["route_offset"].to_numpy() + along * of["route_span"].to_numpy() / length)


def km_at(routes: gpd.GeoDataFrame, route_id: int, measure: float) -> float:
    """Official km at a measure [m]; NaN where the route has no km."""
    return float(kms_at(routes, route_id, np.array([measure]))[0])


def kms_at(routes: gpd.GeoDataFrame, route_id: int, measures: np.ndarray) -> np.ndarray:
    """Official km at measures [m] of one route; NaN where it has no km.

    At a km equation it is the km of the stretch that begins there.
    """
    posts, kms = (np.asarray(routes.at[route_id, c]) for c in ("post_measures", "post_km"))
    if not len(posts):
        return np.full(len(measures), np.nan)
    if len(posts) == 1:
        return np.full(len(measures), float(kms[0]))
    at = np.clip(np.searchsorted(posts, measures, side="right") - 1, 0, len(posts) - 2)
    # The last stretch before an equation, not the jump itself.
    at = np.where(posts[at + 1] > posts[at], at, np.maximum(at - 1, 0))
    share = (measures - posts[at]) / np.maximum(posts[at + 1] - posts[at], 1e-12)
    return np.asarray(kms[at] + np.clip(share, 0.0, 1.0) * (kms[at + 1] - kms[at]))


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
    named = (row[c] for c in ("ref", "name") if c in row.index)
    road = next((str(word) for word in named if word and not pd.isna(word)), None)
    road = road or f"#{row.get('road_id', row.name)}"
    kms = sorted(km_at(routes, route_id, m) for m in (start, end))
    if np.isnan(kms[0]):
        return f"{road} {start:.0f}–{end:.0f} m"
    posts = [km_text(km) for km in kms]
    return f"{road} {posts[0]}" if posts[0] == posts[1] else f"{road} {posts[0]}–{posts[1]}"


def project(
    points: gpd.GeoSeries | gpd.GeoDataFrame, routes: gpd.GeoDataFrame, *, reach: float
) -> pd.DataFrame:
    """Where on the routes points lie: the nearest route within reach, measure, offset and side.

    Of routes that are equally near the first counts. Each route is looked up in short pieces, so
    that one of 100,000 vertices is found as quickly as a hundred short ones.

    Parameters
    ----------
    points
        Points in the CRS of the routes; an empty or missing one lies nowhere.
    routes
        LineStrings, with whole numbers as index.
    reach
        Greatest distance [m] from a route.

    Returns
    -------
    DataFrame
        Indexed as the points: ``route`` (label of the route, Int64), ``measure`` [m] and
        ``offset`` [m], NaN where no route is within reach, and ``side`` (Int64): 1 left of the
        route's direction, -1 right of it, 0 on it or straight on beyond its end.

    Raises
    ------
    ValueError
        If a route is not a LineString, or empty.
    """
    spots = np.asarray(points.geometry.array)
    lines = _Vertices.made(np.asarray(routes.geometry.array))
    point, line, measure = lines.nearest(spots, reach)
    here, back, ahead = (lines.places(line, measure + step) for step in (0.0, -_STEP, _STEP))
    way, aside = ahead - back, shapely.get_coordinates(spots[point]) - here
    turn = way[:, 0] * aside[:, 1] - way[:, 1] * aside[:, 0]
    # What is left of rounding is no side.
    on = np.abs(turn) <= _ON_IT * np.hypot(*way.T)
    found = pd.DataFrame(
        {
            "route": pd.array(routes.index.to_numpy(dtype="int64")[line], dtype="Int64"),
            "measure": measure,
            "offset": np.hypot(*aside.T),
            "side": pd.array(np.where(on, 0, np.sign(turn)).astype("int64"), dtype="Int64"),
        },
        index=point,
    )
    return found.reindex(np.arange(len(spots))).set_axis(points.index)


@dataclass(frozen=True, slots=True)
class _Vertices:
    """The vertices of lines, one line after the other, with their measures [m]."""

    xy: np.ndarray
    of: np.ndarray
    first: np.ndarray
    measure: np.ndarray

    @classmethod
    def made(cls, lines: np.ndarray) -> _Vertices:
        """The vertices of LineStrings; ValueError where they are none, or empty."""
        whole = shapely.get_type_id(lines) == shapely.GeometryType.LINESTRING
        if not (whole & ~shapely.is_empty(lines)).all():
            raise ValueError("routes must all be LineStrings that are not empty")
        xy, of = shapely.get_coordinates(lines, return_index=True)
        first = np.searchsorted(of, np.arange(len(lines) + 1))
        step = np.r_[0.0, np.hypot(*np.diff(xy, axis=0).T)][: len(xy)]
        step[first[:-1]] = 0.0
        total = np.cumsum(step)
        return cls(xy, of, first, total - total[first[of]])

    def nearest(
        self, points: np.ndarray, reach: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points within reach of a line: their numbers, those of the lines and measures [m]."""
        none = np.empty(0, dtype="int64")
        there = np.flatnonzero(~(shapely.is_missing(points) | shapely.is_empty(points)))
        if not len(there) or not len(self.xy):
            return none, none, np.empty(0)
        # Pieces of a few segments; each begins at the vertex where the one before ends.
        number = np.arange(len(self.xy)) - self.first[self.of]
        last = np.diff(self.first)[self.of] - 1
        begin = np.flatnonzero((number % _PIECE == 0) & (number < last))
        size = np.minimum(last[begin] - number[begin], _PIECE) + 1
        piece = np.repeat(np.arange(len(begin)), size)
        vertex = np.arange(len(piece)) - np.repeat(np.cumsum(size) - size - begin, size)
        pieces = np.asarray(shapely.linestrings(self.xy[vertex], indices=piece))
        (at, near), away = shapely.STRtree(pieces).query_nearest(
            points[there], max_distance=reach, return_distance=True
        )
        order = np.lexsort((near, away, at))
        order = order[np.unique(at[order], return_index=True)[1]]
        point, near = there[at[order]], near[order]
        along = shapely.line_locate_point(pieces[near], points[point])
        return point, self.of[begin[near]], self.measure[begin[near]] + along

    def places(self, line: np.ndarray, measure: np.ndarray) -> np.ndarray:
        """Coordinates at measures [m] on lines, clipped to their ends, shape (measures, 2)."""
        if not len(line):
            return np.empty((0, 2))
        length = self.measure[self.first[1:] - 1]
        start = np.r_[0.0, np.cumsum(length + 1.0)[:-1]]
        asked = start[line] + np.clip(measure, 0.0, length[line])
        keys = start[self.of] + self.measure
        return np.column_stack([np.interp(asked, keys, way) for way in self.xy.T])


@dataclass(frozen=True, slots=True)
class Found:
    """Where a route and km lead: a route and measure [m], or the reason why nowhere."""

    route_id: int = -1
    measure: float = float("nan")
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Stretches:
    """Stretches of all routes of one number on which km run evenly; shape (stretches,)."""

    route: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    first: np.ndarray
    last: np.ndarray


class RouteFinder:
    """Finds (road number, official km) among routes."""

    def __init__(self, routes: gpd.GeoDataFrame) -> None:
        rows: dict[str, list[tuple[int, float, float, float, float]]] = {}
        for route_id, ref, measures, kms in zip(
            routes.index, routes["ref"], routes["post_measures"], routes["post_km"], strict=True
        ):
            if not ref or ref != ref:  # noqa: PLR0124 - NaN is no number of a road
                continue
            own = rows.setdefault(str(ref), [])
            posts = list(zip(measures, kms, strict=True))
            own += [
                (int(route_id), start, stop, first, last)
                for (start, first), (stop, last) in pairwise(posts)
                if stop > start
            ]
        self._by_ref = {
            ref: _Stretches(*map(np.asarray, zip(*own, strict=True))) if own else None
            for ref, own in rows.items()
        }

    def find(self, ref: str, km: float) -> Found:
        """The place of a km post, or a reason (a key below ``reason.``).

        Where several stretches hold the km (a km equation, two lines of one number), it is the
        one of the lowest route.
        """
        return self.find_all(ref, km)[0]

    def find_all(self, ref: str, km: float) -> list[Found]:
        """All places of a km post, one for each stretch that holds it, or one reason.

        A km that no stretch holds is at the end that is nearest to it, up to
        :data:`KM_SLACK`: beyond the road's end, or in the gap of a km equation.
        """
        if ref not in self._by_ref:
            return [Found(reason="route-not-in-network")]
        of = self._by_ref[ref]
        if of is None:
            return [Found(reason="route-without-km")]
        low, high = np.minimum(of.first, of.last), np.maximum(of.first, of.last)
        gap = np.maximum(np.maximum(low - km, km - high), 0.0)
        if gap.min() > KM_SLACK:
            return [Found(reason="km-outside-route")]
        holding = np.flatnonzero(gap == 0.0) if gap.min() == 0.0 else [int(gap.argmin())]
        found: list[Found] = []
        for i in holding:
            rise = of.last[i] - of.first[i]
            share = 0.0 if rise == 0 else float(np.clip((km - of.first[i]) / rise, 0.0, 1.0))
            measure = float(of.start[i] + share * (of.stop[i] - of.start[i]))
            route = int(of.route[i])
            if not any(f.route_id == route and abs(f.measure - measure) < 1.0 for f in found):
                found.append(Found(route, measure))
        return sorted(found, key=lambda f: (f.route_id, f.measure))
