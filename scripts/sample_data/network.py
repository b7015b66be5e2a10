"""Roads, paths, railways and level crossings, joined at shared vertices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from shapely.geometry import Point as Dot
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from .facts import Railway, Station
from .lines import Point, Way, distance, measures, on_grid, to_xy


@dataclass(slots=True)
class Crossing:
    """A level crossing: a vertex that a road and a railway share."""

    point: Point
    kind: str
    railway: Railway
    km: float
    way: Way
    crossing_id: str = ""
    name: str = ""
    protection: str = "none"
    aadt: int | None = None


@dataclass(frozen=True, slots=True)
class Road:
    """A finished road line."""

    road_id: str
    ref: str
    name: str
    road_class: str
    aadt: int | None
    km: tuple[float, float] | None
    bridge: bool
    points: tuple[Point, ...]
    length: float


@dataclass(slots=True)
class Network:
    """Everything drawn so far."""

    province: Polygon
    districts: dict[str, Polygon]
    rails: dict[str, Way] = field(default_factory=dict)
    ways: list[Way] = field(default_factory=list)
    crossings: list[Crossing] = field(default_factory=list)
    hubs: list[Point] = field(default_factory=list)
    roads: list[Road] = field(default_factory=list)

    def junctions(self) -> dict[Point, int]:
        """Return the vertices where three or more road ends meet, with the number of ends."""
        ends: Counter[Point] = Counter()
        for way in self.ways:
            ends.update(way.points[1:-1] * 2)
            ends.update((way.points[0], way.points[-1]))
        return {point: count for point, count in ends.items() if count >= 3}


def rail_km(railway: Railway, rail: Way, point: Point) -> float:
    """Return the railway's km at one of its vertices."""
    along = dict(zip(rail.points, measures(rail.points), strict=True))
    known = [(along[station_point(s)], s.km) for s in railway.stations if s.km is not None]
    here = along[point]
    (m0, km0), (m1, km1) = next((a, b) for a, b in pairwise(known) if here <= b[0])
    return round(km0 + (km1 - km0) * (here - m0) / (m1 - m0), 3)


def station_point(station: Station) -> Point:
    """Return a station's place in metres."""
    return on_grid(to_xy(station.lon, station.lat))


def dots(geometry: BaseGeometry) -> Iterator[Point]:
    """Yield the points of an intersection; lines that overlap are an error."""
    if geometry.is_empty:
        return
    for part in getattr(geometry, "geoms", [geometry]):
        if not isinstance(part, Dot):
            raise TypeError("two lines overlap")
        yield (part.x, part.y)


def share(a: Way, b: Way, near: Point) -> Point:
    """Give two lines that meet near a point one shared vertex there, and return it."""
    in_a, in_b = a.vertex_near(near, 5.0), b.vertex_near(near, 5.0)
    point = in_a or in_b or on_grid(near)
    if in_a and in_b and in_a != in_b:
        b.points[b.points.index(in_b)] = in_a
    a.insert(point)
    b.insert(point)
    return point


def _common(a: Way, b: Way) -> set[Point]:
    return set(a.points) & set(b.points)


def join(a: Way, b: Way) -> None:
    """Make every place where two roads cross a shared vertex."""
    common = _common(a, b)
    for dot in dots(a.line.intersection(b.line)):
        if all(distance(dot, p) > 0.5 for p in common):
            share(a, b, dot)


def on_bridge(way: Way, point: Point, margin: float) -> bool:
    """Whether a point is on or within ``margin`` metres of a bridge of a way."""
    return any(
        distance(point, ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)) < distance(a, b) / 2 + margin
        for a, b in way.bridges
    )
