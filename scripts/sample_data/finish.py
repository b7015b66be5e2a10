"""From drawn ways to finished, labelled lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from random import Random

import shapely
from shapely.geometry import LineString, Polygon

from .branches import Names, draw_communal, draw_crossings, draw_streets, drop_unconnected
from .facts import RAILWAYS
from .lines import Point, Way, distance, km_text, measures
from .network import Network, Road, dots
from .routes import draw_railways, draw_routes, meet_railways


def _label_crossings(net: Network, rng: Random) -> None:
    order = [r.railway_id for r in RAILWAYS]
    net.crossings.sort(key=lambda c: (order.index(c.railway.railway_id), c.km))
    number: Counter[str] = Counter()
    for crossing in net.crossings:
        official = crossing.kind == "official"
        prefix, word = ("DN", "Đường ngang") if official else ("LT", "Lối đi tự mở")
        number[prefix] += 1
        crossing.crossing_id = f"{prefix}-{number[prefix]:03d}"
        crossing.name = f"{word} {km_text(crossing.km)} ({crossing.railway.name})"
        if not official:
            crossing.aadt = round(rng.uniform(15, 120)) if rng.random() < 0.2 else None
        elif crossing.way.ref:
            crossing.protection = "guarded" if crossing.way.ref == "QL1" else "gates"
            crossing.aadt = _aadt_at(crossing.way, crossing.point)
        else:
            crossing.protection = rng.choice(("gates", "guarded", "lights", "lights", "signs"))
            crossing.aadt = round(rng.uniform(150, 1_600), -1).__int__()


# Finished lines.


def _km_at(way: Way, measure: float, length: float) -> float:
    if way.km is None:
        raise ValueError(f"{way.name} has no official km")
    return way.km[0] + (way.km[1] - way.km[0]) * measure / length


def _aadt_at(way: Way, point: Point) -> int:
    along = measures(way.points)
    km = _km_at(way, along[way.points.index(point)], along[-1])
    return [flow for start, flow in way.aadt if start <= km + 1e-9][-1]


def _finish(net: Network, rng: Random) -> None:
    counter: Counter[str] = Counter()
    for way in net.ways:
        prefix = way.ref or {"path": "DM"}.get(way.road_class, "DP")
        if way.km is None:
            counter[prefix] += 1
            number = "" if way.ref else f"-{counter[prefix]:04d}"
            net.roads.append(_road(way, f"{prefix}{number}", way.points, None, None, bridge=False))
            continue
        along = measures(way.points)
        kms = [_km_at(way, m, along[-1]) for m in along]
        for first, last in pairwise(_cuts(way, along, kms, rng)):
            counter[prefix] += 1
            flow = [f for start, f in way.aadt if start <= kms[first] + 0.15][-1]
            net.roads.append(
                _road(
                    way,
                    f"{prefix}-{counter[prefix]:03d}",
                    way.points[first : last + 1],
                    flow,
                    (round(kms[first], 3), round(kms[last], 3)),
                    bridge=(way.points[first], way.points[last]) in way.bridges,
                )
            )


def _cuts(way: Way, along: Sequence[float], kms: Sequence[float], rng: Random) -> list[int]:
    """Return the vertices where a numbered road is cut into lines."""
    must = {0, len(along) - 1}
    for a, b in way.bridges:
        must |= {way.points.index(a), way.points.index(b)}
    for start, _ in way.aadt[1:]:
        change = min(range(len(kms)), key=lambda i: abs(kms[i] - start))
        if all(abs(along[change] - along[m]) > 300.0 for m in must):
            must.add(change)
    cuts = set(must)
    for first, last in pairwise(sorted(must)):
        done = along[first]
        for i in range(first + 1, last):
            if along[i] - done > rng.uniform(1_800.0, 3_600.0) and along[last] - along[i] > 500.0:
                cuts.add(i)
                done = along[i]
    return sorted(cuts)


def _road(
    way: Way,
    road_id: str,
    points: Sequence[Point],
    aadt: int | None,
    km: tuple[float, float] | None,
    *,
    bridge: bool,
) -> Road:
    return Road(
        road_id,
        way.ref,
        way.name,
        way.road_class,
        aadt,
        km,
        bridge,
        tuple(points),
        measures(points)[-1],
    )


def unshared(lines: Iterable[LineString]) -> list[Point]:
    """Return the places where two lines meet without sharing a vertex there."""
    pool = list(lines)
    vertices = [set(line.coords) for line in pool]
    first, second = shapely.STRtree(pool).query(pool, predicate="intersects")
    return [
        dot
        for i, j in zip(first.tolist(), second.tolist(), strict=True)
        if i < j
        for dot in dots(pool[i].intersection(pool[j]))
        if all(distance(dot, p) > 1e-6 for p in vertices[i] & vertices[j])
    ]


def build_network(rng: Random, province: Polygon, districts: dict[str, Polygon]) -> Network:
    """Draw everything."""
    net = Network(province, districts)
    names = Names(districts)
    draw_railways(net, rng)
    draw_routes(net, rng)
    meet_railways(net)
    draw_streets(net, rng)
    drop_unconnected(net)
    draw_crossings(net, rng, names)
    draw_communal(net, rng, names)
    _label_crossings(net, rng)
    _finish(net, rng)
    faults = unshared(LineString(r.points) for r in net.roads)
    if faults:
        raise ValueError(f"roads meet without a shared vertex: {faults[:5]}")
    return net
