"""Numbered roads and railways, and where they cross."""

from __future__ import annotations

import math
from random import Random

from shapely.geometry import Point as Dot

from .facts import OVERPASSES, RAILWAYS, ROUTES, TOWNS, Railway
from .lines import Point, Way, at, draw, measures, on_grid, to_xy
from .network import Crossing, Network, dots, join, rail_km, share, station_point

# Numbered roads and railways.


def _place(point: str | tuple[float, float]) -> Point:
    if isinstance(point, str):
        town = next(t for t in TOWNS if t.name == point)
        return on_grid(to_xy(town.lon, town.lat))
    return on_grid(to_xy(*point))


def draw_railways(net: Network, rng: Random) -> None:
    """Draw the railways through their stations."""
    for railway in RAILWAYS:
        stations = [station_point(s) for s in railway.stations]
        points = draw(stations, rng, step=130.0, shortest=1_900.0, most=130.0)
        net.rails[railway.railway_id] = Way(points, "rail", name=railway.name)


def draw_routes(net: Network, rng: Random) -> None:
    """Draw the numbered roads and join them where they meet."""
    for route in ROUTES:
        through = [_place(p) for p in route.points]
        first = through[0]
        if not isinstance(route.points[0], str):  # starts on a road drawn before, or at the border
            close = [(w.line.distance(Dot(first)), w) for w in net.ways]
            gap, way = min(close, key=lambda c: c[0], default=(math.inf, None))
            if way is not None and gap < 4_000.0 and route.road_class == "provincial":
                through[0] = way.vertex_near(first, math.inf) or first
        last = through[-1]
        if not isinstance(route.points[-1], str) and route.ref == "ĐT234":
            other = next(w for w in net.ways if w.ref == "QL1B")
            through[-1] = other.vertex_near(last, math.inf) or last
        points = draw(
            through,
            rng,
            step=125.0 if route.road_class == "national" else 160.0,
            shortest=950.0,
            most=330.0,
            length=route.length * 1_000.0,
        )
        drawn = measures(points)[-1] / 1_000.0
        # Official km stay within 3 % of the drawn ones, as they would on the ground.
        length = min(max(route.length, drawn * 0.97), drawn * 1.03)
        km = (route.km, round(route.km + length, 3))
        way = Way(points, route.road_class, route.ref, route.name, route.aadt, km)
        for other in net.ways:
            join(other, way)
        net.ways.append(way)
    net.hubs = sorted(net.junctions())


def meet_railways(net: Network) -> None:
    """Cross roads and railways: the overpasses of the facts, level crossings elsewhere."""
    found: list[tuple[Way, Railway, Point, float]] = []
    for way in net.ways:
        for railway in RAILWAYS:
            rail = net.rails[railway.railway_id]
            for dot in dots(way.line.intersection(rail.line)):
                along = rail.line.project(Dot(dot))
                nearest = min(rail.points, key=lambda p: abs(rail.line.project(Dot(p)) - along))
                found.append((way, railway, dot, rail_km(railway, rail, nearest)))
    over = set()
    for ref, km in OVERPASSES:
        choice = [f for f in found if f[0].ref == ref and f[2] not in over]
        over.add(min(choice, key=lambda f: abs(f[3] - km))[2])
    for way, railway, dot, _ in found:
        if dot in over:
            _bridge(way, dot)
        else:
            rail = net.rails[railway.railway_id]
            point = share(rail, way, dot)
            net.crossings.append(
                Crossing(point, "official", railway, rail_km(railway, rail, point), way)
            )


def _bridge(way: Way, dot: Point) -> None:
    along = way.line.project(Dot(dot))
    ends = [on_grid(at(way.points, along + offset)) for offset in (-55.0, 55.0)]
    for end in ends:
        way.insert(end)
    first, last = (way.points.index(end) for end in ends)
    del way.points[first + 1 : last]
    way.bridges.append((ends[0], ends[1]))
