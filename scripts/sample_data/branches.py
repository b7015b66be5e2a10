"""Streets, communal roads, paths and the level crossings they make."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random
from typing import Final

import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry import Point as Dot
from shapely.ops import substring

from .areas import district_of
from .facts import COMMUNES, RAILWAYS, SPOTS, TOWNS, Railway, Town
from .lines import Point, Way, at, distance, heading_at, measures, on_grid, to_xy, towards
from .network import Crossing, Network, dots, join, on_bridge, rail_km

OFFICIAL: Final = 25
"""Official level crossings."""
SELF_OPENED: Final = 35
"""Self-opened level crossings."""
COMMUNAL: Final = 150
"""Communal roads that leave a numbered road."""
SMALLER: Final = 50
"""Communal roads that leave a district road."""
PATHS: Final = 45
"""Paths that cross no railway."""


# Streets, communal roads and paths.


def draw_streets(net: Network, rng: Random) -> None:
    """Draw a small uneven grid of streets around every town, and join it to the other roads."""
    hubs = list(net.hubs)
    numbered = list(net.ways)
    rails = [r.line for r in net.rails.values()]
    for town in TOWNS:
        across, along = town.streets
        if not across:
            continue
        corners = _corners(town, [w.line for w in numbered], rails, rng)
        rows = [[(i, j) for i in range(across)] for j in range(along)]
        columns = [[(i, j) for j in range(along)] for i in range(across)]
        runs = (r for line in rows + columns for r in _runs(line, corners, net, rails, hubs))
        for number, run in enumerate(list(runs), start=1):
            net.ways.append(Way(run, "local", name=f"Đường nội thị {town.name} {number}"))
    streets = [w for w in net.ways if w.road_class == "local"]
    for i, street in enumerate(streets):
        for other in numbered + streets[:i]:
            if other.line.distance(street.line) < 5.0:
                join(other, street)


def _corners(
    town: Town, main: Sequence[LineString], rails: Sequence[LineString], rng: Random
) -> dict[tuple[int, int], Point]:
    """Return the street corners of a town that lie clear of main roads and railways."""
    centre = to_xy(town.lon, town.lat)
    turn = rng.uniform(0.0, math.pi / 2)
    spacing = 230.0 if town.rank == 1 else 200.0
    across, along = town.streets
    corners = {}
    for i in range(across):
        for j in range(along):
            u = (i - (across - 1) / 2 + rng.uniform(-0.22, 0.22)) * spacing
            v = (j - (along - 1) / 2 + rng.uniform(-0.22, 0.22)) * spacing
            point = on_grid(towards(towards(centre, turn, u), turn + math.pi / 2, v))
            dot = Dot(point)
            if all(m.distance(dot) > 40.0 for m in main) and all(
                r.distance(dot) > 60.0 for r in rails
            ):
                corners[i, j] = point
    return corners


def _runs(
    street: Sequence[tuple[int, int]],
    nodes: dict[tuple[int, int], Point],
    net: Network,
    rails: Sequence[LineString],
    hubs: Sequence[Point],
) -> Iterator[list[Point]]:
    """Yield the stretches of a street that cross no railway and keep off the main junctions."""
    run: list[Point] = []
    for a, b in pairwise(street):
        if a in nodes and b in nodes and _allowed(nodes[a], nodes[b], net, rails, hubs):
            run = run or [nodes[a]]
            run.append(nodes[b])
            if len(run) < 5:
                continue
        if len(run) > 1:
            yield run
        run = []
    if len(run) > 1:
        yield run


def _allowed(
    a: Point, b: Point, net: Network, rails: Sequence[LineString], hubs: Sequence[Point]
) -> bool:
    edge = LineString([a, b])
    return (
        all(rail.distance(edge) > 25.0 for rail in rails)
        and all(edge.distance(Dot(hub)) > 110.0 for hub in hubs)
        and all(edge.distance(LineString(bridge)) > 120.0 for w in net.ways for bridge in w.bridges)
        and all(edge.distance(Dot(c.point)) > 90.0 for c in net.crossings)
    )


def drop_unconnected(net: Network) -> None:
    """Drop the streets that no chain of shared vertices joins to the numbered roads."""
    reached = {p for w in net.ways if w.ref for p in w.points}
    kept = {id(w) for w in net.ways if w.ref}
    grown = True
    while grown:
        grown = False
        for way in net.ways:
            if id(way) not in kept and not reached.isdisjoint(way.points):
                kept.add(id(way))
                reached.update(way.points)
                grown = True
    net.ways = [w for w in net.ways if id(w) in kept]


class _Checker:
    """Says whether a new line keeps clear of everything drawn."""

    def __init__(self, net: Network) -> None:
        self.inside = net.province.buffer(-250.0)
        shapely.prepare(self.inside)
        self.lines = [w.line for w in net.ways]
        self.rails = [r.line for r in net.rails.values()]
        self.tree = shapely.STRtree(self.lines + self.rails)
        self.rail_tree = shapely.STRtree(self.rails)
        self.road_tree = shapely.STRtree(self.lines)
        self.joints = list(net.junctions()) + [c.point for c in net.crossings]

    def clear(self, points: Sequence[Point], *, rails: int = 0) -> bool:
        """Whether a line is free but for its first vertex and ``rails`` railway crossings."""
        line = LineString(points)
        if not line.is_simple or not self.inside.contains(line):
            return False
        length = line.length
        first = substring(line, 2.0, min(70.0, length))
        rest = substring(line, min(70.0, length - 1.0), length)
        tree = self.road_tree if rails else self.tree
        if len(tree.query(first, predicate="intersects")):
            return False
        if len(tree.query(rest, predicate="dwithin", distance=35.0)):
            return False
        if not rails:
            return True
        hits = [d for r in self.rails for d in dots(line.intersection(r))]
        return len(hits) == rails

    def apart(self, point: Point, gap: float) -> bool:
        """Whether a point is ``gap`` metres from every junction and level crossing."""
        return all(distance(point, joint) > gap for joint in self.joints)


def _walk(start: Point, heading: float, length: float, rng: Random) -> list[Point]:
    """Return a wandering line."""
    points, drift = [start], 0.0
    count = max(int(length / 190.0), 2)
    for _ in range(count):
        drift = 0.88 * drift + rng.uniform(-0.26, 0.26)
        points.append(on_grid(towards(points[-1], heading + drift, length / count)))
    return points


def _branches(
    net: Network, rng: Random, count: int, parents: Sequence[str], lengths: tuple[float, float]
) -> Iterator[list[Point]]:
    """Yield lines that leave roads of the classes ``parents`` to one side."""
    made, tries = 0, 0
    while made < count:
        tries += 1
        if tries > 60 * count:
            raise ValueError("no room for more branches")
        pool = [w for w in net.ways if w.road_class in parents and len(w.points) > 4]
        weights = [len(w.points) for w in pool]
        way = rng.choices(pool, weights)[0]
        index = 1 + int(rng.random() * (len(way.points) - 2))
        start, side = way.points[index], rng.choice((-1.0, 1.0))
        turn = heading_at(way.points, measures(way.points)[index])
        points = _walk(
            start,
            turn + side * math.pi / 2 + rng.uniform(-0.4, 0.4),
            rng.uniform(*lengths),
            rng,
        )
        check = _Checker(net)
        if not check.apart(start, 300.0) or on_bridge(way, start, 200.0):
            continue
        while len(points) > 3 and not check.clear(points):
            points.pop()
        if measures(points)[-1] > 0.5 * lengths[0] and check.clear(points):
            made += 1
            yield points


class Names:
    """Hands out the names of communal roads, each once."""

    def __init__(self, districts: dict[str, Polygon]) -> None:
        self.districts = districts
        self.used: Counter[str] = Counter()

    def take(self, point: Point, kind: str) -> str:
        """Return the next name in the district of a point."""
        district = district_of(point, self.districts)
        communes = COMMUNES[district].split(", ")
        key = f"{kind} {district}"
        number = self.used[key]
        self.used[key] += 1
        turn = "" if number < len(communes) else f" {number // len(communes) + 1}"
        return f"{kind} {communes[number % len(communes)]}{turn} ({district})"


def draw_communal(net: Network, rng: Random, names: Names) -> None:
    """Draw communal roads off the numbered and district roads, and paths off those."""
    number = 0
    first, then = ("national", "provincial"), ("district",)
    for count, parents in ((COMMUNAL, first), (SMALLER, then)):
        for points in _branches(net, rng, count, parents, (900.0, 9_000.0)):
            way = Way(points, "local", name=names.take(points[-1], "Đường xã"))
            if measures(points)[-1] > 3_800.0:
                number += 1
                way.road_class, way.ref = "district", f"ĐH{number:02d}"
            net.ways.append(way)
    for points in _branches(net, rng, PATHS, ("local", "district"), (300.0, 1_200.0)):
        net.ways.append(Way(points, "path", name=names.take(points[-1], "Đường mòn")))


# Level crossings.


def draw_crossings(net: Network, rng: Random, names: Names) -> None:
    """Draw roads and paths over the railways: those of the planted spots first."""
    wanted = [(s.route, s.km) for s in SPOTS if s.kind == "crossing"]
    for kind, km in wanted:
        _cross(net, rng, names, kind, RAILWAYS[0], km)
    for kind, total in (("official", OFFICIAL), ("self-opened", SELF_OPENED)):
        tries = 0
        while sum(c.kind == kind for c in net.crossings) < total:
            tries += 1
            if tries > 3_000:
                raise ValueError(f"no room for more {kind} crossings")
            railway = RAILWAYS[0] if rng.random() < 0.78 else RAILWAYS[1]
            _cross(net, rng, names, kind, railway, None)


def _cross(
    net: Network, rng: Random, names: Names, kind: str, railway: Railway, km: float | None
) -> None:
    """Draw one road or path over a railway, at ``km`` or (one try) anywhere."""
    rail = net.rails[railway.railway_id]
    if km is None:
        spots = [rng.uniform(300.0, rail.line.length - 300.0)]
    else:
        near = min(rail.points, key=lambda p: abs(rail_km(railway, rail, p) - km))
        middle = rail.line.project(Dot(near))
        spots = [middle + d * s for d in range(0, 6_000, 60) for s in (1, -1)]
    check = _Checker(net)
    gap = 480.0 if kind == "official" else 260.0
    for along in spots:
        point = on_grid(at(rail.points, along))
        if not check.apart(point, gap):
            continue
        points = _over(net, rng, check, rail, point, along, kind)
        if points is None:
            continue
        if kind == "official":
            way = Way(points, "local", name=names.take(points[-1], "Đường xã"))
        else:
            way = Way(points, "path", name=names.take(points[-1], "Lối đi"))
        rail.insert(point)
        net.ways.append(way)
        net.crossings.append(Crossing(point, kind, railway, rail_km(railway, rail, point), way))
        return
    if km is not None:
        raise ValueError(f"no room for a crossing at km {km}")


def _over(
    net: Network,
    rng: Random,
    check: _Checker,
    rail: Way,
    point: Point,
    along: float,
    kind: str,
) -> list[Point] | None:
    """Return a line from the nearest road over the railway at ``point``, if there is room."""
    reach = 1_900.0 if kind == "official" else 1_300.0
    turn = heading_at(rail.points, along) + math.pi / 2
    starts = [
        (distance(p, point), p)
        for w in net.ways
        if w.road_class != "path" and w.line.distance(Dot(point)) < reach
        for p in w.points[1:-1]
        if 130.0 < distance(p, point) < reach and not on_bridge(w, p, 150.0)
    ]
    for _, start in sorted(starts)[:6]:
        if not check.apart(start, 170.0):
            continue
        side = 1.0 if _dot(start, point, turn) > 0 else -1.0
        near, far = towards(point, turn, 45.0 * side), towards(point, turn, -45.0 * side)
        length = rng.uniform(700.0, 2_200.0) if kind == "official" else rng.uniform(180.0, 520.0)
        tail = _walk(far, turn + math.pi * (side > 0), length, rng)
        middle = at((start, near), distance(start, near) * rng.uniform(0.4, 0.6))
        middle = towards(middle, rng.uniform(0.0, 2 * math.pi), distance(start, near) * 0.08)
        points = [start, on_grid(middle), on_grid(near), point, *(on_grid(p) for p in tail)]
        while len(points) > 5 and not check.clear(points, rails=1):
            points.pop()
        if check.clear(points, rails=1):
            return points
    return None


def _dot(start: Point, point: Point, heading: float) -> float:
    return (start[0] - point[0]) * math.cos(heading) + (start[1] - point[1]) * math.sin(heading)
