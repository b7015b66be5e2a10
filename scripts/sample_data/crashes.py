"""The crashes: a thin background and the planted spots."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from .facts import SPOTS, TET, YEARS, Spot, Year
from .lines import Point, at, distance, measures, towards
from .network import Crossing, Network, Road

SHARES: Final = (("national", 0.54), ("provincial", 0.17), ("rest", 0.25), ("junction", 0.04))
"""How the background is spread."""
TRAIN_CRASHES: Final = 7
"""Background crashes with a train, at crossings that are not planted."""
MOTORCYCLES: Final = 0.7


@dataclass(slots=True)
class Crash:
    """One crash as it happened; the register then tells it less exactly."""

    day: dt.date
    minute: int
    point: Point
    road: Road | None
    km: float | None
    outcome: str = ""
    spot: Spot | None = None
    train: bool = False
    theme: str = ""
    deaths: int = 0
    injured: int = 0
    vehicles: str = ""
    collision: str = ""
    cause: str = ""
    crash_id: str = ""


@dataclass(frozen=True, slots=True)
class Planted:
    """Where a planted spot is."""

    spot: Spot
    point: Point
    route: str
    km: float
    crossing: Crossing | None


# Places.


def _km(road: Road, measure: float) -> float | None:
    if road.km is None:
        return None
    return road.km[0] + (road.km[1] - road.km[0]) * measure / road.length


def _locate(net: Network, ref: str, km: float) -> tuple[Road, float]:
    """Return the line of a route at an official km, and the measure on it."""
    for road in net.roads:
        if road.ref == ref and road.km and road.km[0] <= km <= road.km[1]:
            return road, (km - road.km[0]) / (road.km[1] - road.km[0]) * road.length
    raise ValueError(f"{ref} has no km {km}")


def plan_spots(net: Network) -> list[Planted]:
    """Find the place of every planted spot."""
    joints = [*net.junctions(), *(c.point for c in net.crossings)]
    return [_plan(spot, net, joints) for spot in SPOTS]


def _plan(spot: Spot, net: Network, joints: Sequence[Point]) -> Planted:
    if spot.kind == "crossing":
        pool = [c for c in net.crossings if c.kind == spot.route and not c.way.ref]
        pool = [c for c in pool if c.railway.railway_id == "DS-HNDD"]
        crossing = min(pool, key=lambda c: abs(c.km - spot.km))
        return Planted(spot, crossing.point, crossing.railway.name, crossing.km, crossing)
    if spot.kind == "junction":
        first, second = spot.route.split()
        one, other = (
            {p for r in net.roads if r.ref == ref for p in r.points} for ref in (first, second)
        )
        point = min(one & other)
        road = next(r for r in net.roads if r.ref == first and point in r.points)
        measure = measures(road.points)[road.points.index(point)]
        return Planted(spot, point, first, _km(road, measure) or 0.0, None)
    for step in range(0, 9_000, 100):
        for sign in (1, -1):
            km = spot.km + sign * step / 1_000.0
            road, measure = _locate(net, spot.route, km)
            point = at(road.points, measure)
            if all(distance(point, joint) > 620.0 for joint in joints):
                return Planted(spot, point, spot.route, km, None)
    raise ValueError(f"no mid-block place for {spot.spot_id}")


# Times.


def _day_weight(day: dt.date) -> float:
    weight = (1.0, 0.95, 0.95, 0.97, 1.08, 1.3, 1.35)[day.weekday()]
    since = (day - dt.date(day.year, *TET[day.year])).days
    if -9 <= since <= 7:
        weight *= 1.9
    elif 7 < since <= 32:  # the spring festivals of the first lunar month
        weight *= 1.4
    elif day.month >= 11 or since < -9:
        weight *= 1.15
    return weight


def _hours(theme: str) -> list[float]:
    """Return a weight for each hour of the day."""
    base = [1.2, 0.8, 0.6, 0.5, 0.7, 1.3, 2.5, 3.4, 3.2, 3.0, 3.2, 3.3]
    base += [2.6, 2.8, 3.3, 3.6, 4.2, 5.6, 6.2, 6.0, 5.0, 4.2, 3.1, 2.0]
    night = {"pedestrian": 3.0, "run-off": 1.8}.get(theme, 1.0)
    return [w * night if h >= 18 or h < 5 else w for h, w in enumerate(base)]


def _minute(theme: str, rng: Random) -> int:
    hour = rng.choices(range(24), _hours(theme))[0]
    return 60 * hour + int(rng.random() * 60)


def _days(year: int) -> list[dt.date]:
    first = dt.date(year, 1, 1)
    return [first + dt.timedelta(i) for i in range((dt.date(year + 1, 1, 1) - first).days)]


# Planted crashes.


def _planted(plan: Planted, net: Network, rng: Random) -> Iterator[Crash]:
    spot = plan.spot
    # Within the twelve months: days of the spot's year, ten months apart at the most.
    inside = [d for d in _days(spot.year) if d.month <= 11]
    days = [rng.choice(inside) for _ in spot.inside]
    others = [y for y in YEARS if y != spot.year]
    for i, _ in enumerate(spot.other):
        days.append(rng.choice(_days(others[i % 2])))
    for number, (day, outcome) in enumerate(zip(days, spot.inside + spot.other, strict=True)):
        road, measure = _around(plan, net, rng)
        yield Crash(
            day,
            _minute(spot.theme, rng),
            at(road.points, measure),
            road,
            _km(road, measure),
            outcome,
            spot,
            train=spot.theme == "train" and (number < len(spot.inside) or rng.random() < 0.6),
            theme=spot.theme if rng.random() < 0.75 else "",
        )


def _around(plan: Planted, net: Network, rng: Random) -> tuple[Road, float]:
    """Draw a place at a planted spot: a road line and the measure on it."""
    if plan.spot.kind == "segment":
        return _locate(net, plan.route, plan.km + rng.uniform(-0.1, 0.1))
    legs = [r for r in net.roads if plan.point in r.points]
    if plan.spot.kind == "crossing":
        return _beside(rng.choice(legs), plan.point, rng.uniform(-5.0, 5.0))
    legs = [r for r in legs if r.ref in plan.spot.route.split()]
    return _beside(rng.choice(legs), plan.point, rng.uniform(-32.0, 32.0))


def _beside(road: Road, point: Point, offset: float) -> tuple[Road, float]:
    measure = measures(road.points)[road.points.index(point)]
    if not 0.0 <= measure + offset <= road.length:
        offset = -offset
    return road, min(max(measure + offset, 0.0), road.length)


# Background.


def _town_share(road: Road) -> float:
    """Return the weight of a metre of a road without traffic counts."""
    if road.road_class == "path":
        return 0.05
    return 3.0 if road.name.startswith("Đường nội thị") else 0.8


class _Background:
    """Draws places of ordinary crashes."""

    def __init__(self, net: Network) -> None:
        self.pools: dict[str, tuple[list[Road], list[float]]] = {}
        for name in ("national", "provincial"):
            roads = [r for r in net.roads if r.road_class == name]
            self.pools[name] = (roads, [r.length * float(r.aadt or 0) for r in roads])
        rest = [r for r in net.roads if r.aadt is None]
        self.pools["rest"] = (rest, [r.length * _town_share(r) for r in rest])
        self.legs = [
            (road, point)
            for point in sorted(net.junctions())
            for road in net.roads
            if road.road_class == "national" and point in road.points
        ]
        self.leg_weights = [float(road.aadt or 0) for road, _ in self.legs]

    def draw(self, rng: Random) -> tuple[Road, float]:
        """Return a road line and the measure on it."""
        share = rng.choices([n for n, _ in SHARES], [w for _, w in SHARES])[0]
        if share == "junction":
            road, point = rng.choices(self.legs, self.leg_weights)[0]
            return _beside(road, point, rng.uniform(-30.0, 30.0))
        roads, weights = self.pools[share]
        road = rng.choices(roads, weights)[0]
        return road, rng.uniform(0.0, road.length)


def _trains(net: Network, plans: Sequence[Planted], rng: Random) -> list[tuple[Road, float]]:
    taken = {id(plan.crossing) for plan in plans}
    pool = [c for c in net.crossings if id(c) not in taken]
    result = []
    for _ in range(TRAIN_CRASHES):
        crossing = pool.pop(int(rng.random() * len(pool)))
        road = next(r for r in net.roads if crossing.point in r.points)
        result.append(_beside(road, crossing.point, rng.uniform(-4.0, 4.0)))
    return result


def build_crashes(net: Network, plans: Sequence[Planted], rng: Random) -> list[Crash]:
    """Return the crashes of all years in order, with ids."""
    crashes = [crash for plan in plans for crash in _planted(plan, net, rng)]
    background = _Background(net)
    trains = _trains(net, plans, rng)
    for year, totals in YEARS.items():
        days = _days(year)
        weights = [_day_weight(day) for day in days]
        missing = totals.crashes - sum(c.day.year == year for c in crashes)
        for _ in range(missing):
            train = bool(trains) and rng.random() < 0.02
            road, measure = trains.pop() if train else background.draw(rng)
            point = at(road.points, measure)
            day = rng.choices(days, weights)[0]
            crashes.append(
                Crash(day, _minute("", rng), point, road, _km(road, measure), train=train)
            )
    crashes.sort(key=lambda c: (c.day, c.minute, c.point))
    for year, totals in YEARS.items():
        ours = [c for c in crashes if c.day.year == year]
        _outcomes(ours, totals, rng)
        for number, crash in enumerate(ours, start=1):
            crash.crash_id = f"LS-{year}-{number:04d}"
            _describe(crash, rng)
    return crashes


def _outcomes(crashes: Sequence[Crash], totals: Year, rng: Random) -> None:
    """Give the crashes of a year outcomes, deaths and injured that add up to its totals."""
    have = [c.outcome for c in crashes]
    fatal, pdo = totals.fatal - have.count("F"), totals.pdo
    left = ["F"] * fatal + ["P"] * pdo
    left += ["I"] * (have.count("") - len(left))
    rng.shuffle(left)
    for crash in crashes:
        crash.outcome = crash.outcome or left.pop()
        crash.deaths = int(crash.outcome == "F")
        crash.injured = int(crash.outcome == "I")
    killed = [c for c in crashes if c.outcome == "F"]
    for _ in range(totals.deaths - len(killed)):
        rng.choice(killed).deaths += 1
    hurt = [c for c in crashes if c.outcome != "P"]
    weights = [0.55 if c.outcome == "F" else 0.6 for c in hurt]
    for _ in range(totals.injured - sum(c.injured for c in crashes)):
        rng.choices(hurt, weights)[0].injured += 1


# Words.

_COLLISIONS: Final = (
    ("Đối đầu", 22, "Đi sai phần đường"),
    ("Đâm từ phía sau", 16, "Không giữ khoảng cách an toàn"),
    ("Đâm ngang", 15, "Chuyển hướng không chú ý quan sát"),
    ("Va quệt", 13, "Vượt không đúng quy định"),
    ("Lao ra khỏi đường", 12, "Không làm chủ tốc độ"),
    ("Tự đổ, tự ngã", 11, "Sử dụng rượu bia"),
    ("Đâm người đi bộ", 8, "Người đi bộ qua đường không đúng nơi quy định"),
    ("Đâm vào vật cố định", 3, "Thiếu chú ý quan sát"),
)
_THEMES: Final = {
    "run-off": "Lao ra khỏi đường",
    "rear-end": "Đâm từ phía sau",
    "pedestrian": "Đâm người đi bộ",
    "head-on": "Đối đầu",
    "turning": "Đâm ngang",
}
_OTHER_CAUSES: Final = (
    "Không làm chủ tốc độ",
    "Thiếu chú ý quan sát",
    "Không nhường đường",
    "Sử dụng rượu bia",
    "Chưa rõ",
)
_CARS: Final = ("Ô tô con", "Ô tô tải", "Ô tô khách", "Ô tô đầu kéo")


def _describe(crash: Crash, rng: Random) -> None:
    """Say what met what, how and why."""
    rider = "Xe máy" if rng.random() < MOTORCYCLES else rng.choices(_CARS, (5, 4, 1, 2))[0]
    if crash.train:
        crash.vehicles = f"{rider} – tàu hỏa"
        crash.collision = "Tàu hỏa va phương tiện"
        crash.cause = "Không chú ý quan sát tàu khi qua đường sắt"
        return
    weights = [w for _, w, _ in _COLLISIONS]
    crash.collision, _, crash.cause = rng.choices(_COLLISIONS, weights)[0]
    if crash.theme in _THEMES:
        crash.collision = _THEMES[crash.theme]
        crash.cause = next(cause for c, _, cause in _COLLISIONS if c == crash.collision)
    if rng.random() < 0.35:
        crash.cause = rng.choice(_OTHER_CAUSES)
    if crash.collision == "Đâm người đi bộ":
        crash.vehicles = f"{rider} – người đi bộ"
    elif crash.collision in ("Lao ra khỏi đường", "Tự đổ, tự ngã", "Đâm vào vật cố định"):
        crash.vehicles = rider
    elif rider == "Xe máy":
        other = rng.choices(("Xe máy", *_CARS), (5, 4, 4, 1, 1))[0]
        crash.vehicles = f"Xe máy – {other.lower()}"
    else:
        crash.vehicles = f"{rider} – {rng.choice(_CARS).lower()}"


def noisy(point: Point, least: float, most: float, rng: Random) -> Point:
    """Return where a hand-held receiver puts a point."""
    return towards(point, rng.uniform(0.0, 6.283185307), rng.uniform(least, most))


def meets_rule(crashes: Sequence[Crash], rule: str) -> bool:
    """Whether some twelve months of the crashes meet a rule of vn-26-2012."""
    for first in crashes:
        last = first.day.replace(year=first.day.year + 1) - dt.timedelta(1)
        got = [c.outcome for c in crashes if first.day <= c.day <= last]
        fatal, injury = got.count("F"), got.count("I")
        if (
            (rule == "two-fatal" and fatal >= 2)
            or (rule == "three-with-fatal" and fatal >= 1 and fatal + injury >= 3)
            or (rule == "four-injury" and injury >= 4)
        ):
            return True
    return False


def chance_spots(crashes: Sequence[Crash]) -> int:
    """Return how many 300 m windows of numbered roads meet a rule by chance alone."""
    count = 0
    ordinary = [c for c in crashes if c.spot is None and c.km is not None and c.road]
    for ref in sorted({c.road.ref for c in ordinary if c.road}):
        here = sorted((c for c in ordinary if c.road and c.road.ref == ref), key=_post)
        done = -1.0
        for first in here:
            window = [c for c in here if 0.0 <= _post(c) - _post(first) <= 0.3]
            if _post(first) > done and any(
                meets_rule(window, r) for r in ("two-fatal", "three-with-fatal", "four-injury")
            ):
                count += 1
                done = _post(first) + 0.3
    return count


def _post(crash: Crash) -> float:
    return crash.km or 0.0
