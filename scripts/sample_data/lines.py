"""Drawing schematic lines in a flat frame of metres whose points fall on a 1e-6 degree grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Final

from shapely.geometry import LineString

Point = tuple[float, float]

LON0: Final = 106.7
LAT0: Final = 21.9
LON_M: Final = 103_335.0
"""Metres a degree of longitude at ``LAT0``."""
LAT_M: Final = 110_729.0
"""Metres a degree of latitude at ``LAT0``."""


def to_xy(lon: float, lat: float) -> Point:
    """Return metres east and north of the frame's origin."""
    return ((lon - LON0) * LON_M, (lat - LAT0) * LAT_M)


def to_lonlat(point: Point) -> Point:
    """Return longitude and latitude, rounded to six decimals."""
    return (round(LON0 + point[0] / LON_M, 6), round(LAT0 + point[1] / LAT_M, 6))


def on_grid(point: Point) -> Point:
    """Return the nearest point that six decimals of a degree can write."""
    return to_xy(*to_lonlat(point))


def km_text(km: float) -> str:
    """Return a km post as registers write it."""
    metres = round(km * 1_000)
    return f"Km{metres // 1_000}+{metres % 1_000:03d}"


def distance(a: Point, b: Point) -> float:
    """Return the distance of two points."""
    return math.hypot(a[0] - b[0], a[1] - b[1])


def towards(start: Point, heading: float, length: float) -> Point:
    """Return the point ``length`` away in direction ``heading`` (radians from east)."""
    return (start[0] + length * math.cos(heading), start[1] + length * math.sin(heading))


def measures(points: Sequence[Point]) -> list[float]:
    """Return the distance of every vertex from the first, along the line."""
    result = [0.0]
    for a, b in pairwise(points):
        result.append(result[-1] + distance(a, b))
    return result


def at(points: Sequence[Point], measure: float) -> Point:
    """Return the point at ``measure`` along a line."""
    left = measure
    for a, b in pairwise(points):
        step = distance(a, b)
        if left <= step and step > 0:
            t = left / step
            return (a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]))
        left -= step
    return points[-1]


def heading_at(points: Sequence[Point], measure: float) -> float:
    """Return the direction of a line at ``measure``, in radians from east."""
    a, b = at(points, max(measure - 15.0, 0.0)), at(points, measure + 15.0)
    return math.atan2(b[1] - a[1], b[0] - a[0])


def _leg(p0: Point, p1: Point, p2: Point, p3: Point) -> list[Point]:
    """Sample a centripetal Catmull-Rom leg from ``p1`` to ``p2`` about every 40 m."""
    t0 = 0.0
    t1 = t0 + math.sqrt(distance(p0, p1))
    t2 = t1 + math.sqrt(distance(p1, p2))
    t3 = t2 + math.sqrt(distance(p2, p3))

    def mix(a: Point, b: Point, ta: float, tb: float, t: float) -> Point:
        u = (t - ta) / (tb - ta)
        return (a[0] + u * (b[0] - a[0]), a[1] + u * (b[1] - a[1]))

    count = max(int(distance(p1, p2) / 40.0), 4)
    result = [p1]
    for i in range(1, count):
        t = t1 + (t2 - t1) * i / count
        a1, a2, a3 = mix(p0, p1, t0, t1, t), mix(p1, p2, t1, t2, t), mix(p2, p3, t2, t3, t)
        b1, b2 = mix(a1, a2, t0, t2, t), mix(a2, a3, t1, t3, t)
        result.append(mix(b1, b2, t1, t2, t))
    return [*result, p2]


def _waves(rng: Random, shortest: float) -> list[tuple[float, float, float]]:
    """Draw weight, wavelength and phase of the waves that make a line wind."""
    shape = ((1.0, 4.6), (0.55, 2.1), (0.25, 1.0))
    return [
        (weight, shortest * length * rng.uniform(0.9, 1.1), rng.uniform(0.0, 2.0 * math.pi))
        for weight, length in shape
    ]


def _winding(
    points: Sequence[Point],
    waves: Sequence[tuple[float, float, float]],
    amplitude: float,
    step: float,
) -> list[Point]:
    ghost_first = (2 * points[0][0] - points[1][0], 2 * points[0][1] - points[1][1])
    ghost_last = (2 * points[-1][0] - points[-2][0], 2 * points[-1][1] - points[-2][1])
    padded = [ghost_first, *points, ghost_last]
    result, run = [on_grid(points[0])], 0.0
    for i in range(1, len(padded) - 2):
        leg = _leg(*padded[i - 1 : i + 3])
        along = measures(leg)
        bent = [leg[0]]
        for j in range(1, len(leg) - 1):
            near = min(along[j], along[-1] - along[j], 1_300.0) / 1_300.0
            taper = near * near * (3.0 - 2.0 * near)
            s = run + along[j]
            push = math.fsum(w * math.sin(2 * math.pi * s / n + f) for w, n, f in waves)
            turn = math.atan2(leg[j + 1][1] - leg[j - 1][1], leg[j + 1][0] - leg[j - 1][0])
            bent.append(towards(leg[j], turn + math.pi / 2, amplitude * taper * push))
        bent.append(leg[-1])
        run += along[-1]
        length = measures(bent)[-1]
        count = max(round(length / step), 1)
        result += [on_grid(at(bent, length * j / count)) for j in range(1, count)]
        result.append(on_grid(points[i]))
    return result


def draw(
    points: Sequence[Point],
    rng: Random,
    *,
    step: float,
    shortest: float,
    most: float,
    length: float = 0.0,
) -> list[Point]:
    """Draw a winding line through ``points``, a vertex about every ``step`` metres.

    The waves are made just high enough (at most ``most`` metres) for the line to be ``length``
    metres long; without a length they are ``most`` metres high.
    """
    waves = _waves(rng, shortest)
    low, high = 0.0, most
    if length and measures(_winding(points, waves, high, step))[-1] > length:
        for _ in range(20):
            middle = (low + high) / 2.0
            if measures(_winding(points, waves, middle, step))[-1] > length:
                high = middle
            else:
                low = middle
    return _winding(points, waves, high, step)


class Way:
    """A line under construction, with the attributes of what it draws."""

    def __init__(
        self,
        points: Sequence[Point],
        road_class: str,
        ref: str = "",
        name: str = "",
        aadt: tuple[tuple[float, int], ...] = (),
        km: tuple[float, float] | None = None,
    ) -> None:
        self.points = list(points)
        self.road_class = road_class
        self.ref = ref
        self.name = name
        self.aadt = aadt
        self.km = km
        self.bridges: list[tuple[Point, Point]] = []

    @property
    def line(self) -> LineString:
        """The line as a geometry."""
        return LineString(self.points)

    def vertex_near(self, point: Point, reach: float) -> Point | None:
        """Return the vertex nearest to ``point``, if within ``reach`` metres."""
        nearest = min(self.points, key=lambda p: distance(p, point))
        return nearest if distance(nearest, point) <= reach else None

    def insert(self, point: Point) -> None:
        """Make ``point``, which lies on the line, one of its vertices."""
        if point in self.points:
            return
        detours = [
            distance(a, point) + distance(point, b) - distance(a, b)
            for a, b in pairwise(self.points)
        ]
        self.points.insert(detours.index(min(detours)) + 1, point)
