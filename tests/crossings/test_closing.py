"""Closing self-opened paths in groups: exactness, what is built, where traffic goes, who stays."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from closing_world import crashes_at, railway, register
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from small import roads

from blackspots.crossings.closing import Closures, closure_options
from blackspots.crossings.lines import Lines
from blackspots.crossings.stretches import OVER, Rates, Stretch, plans
from blackspots.errors import BlackspotsError
from blackspots.presets.closing import closing_prices
from blackspots.presets.costs import present_value_factor
from blackspots.schema import CLOSURES, check

PRICES = closing_prices("vn-2019")
DEATH = 8e9
RATE = 0.10


def closures(
    crossings: gpd.GeoDataFrame,
    layer: gpd.GeoDataFrame,
    lines: Lines | None = None,
    *,
    fatal: float = 0.1,
    **options: Any,
) -> Closures:
    expected = crashes_at(crossings.index, fatal)
    given_: dict[str, Any] = {
        "expected": expected,
        "loss": expected["fatal"] * DEATH,
        "elasticity": 0.5,
        "prices": PRICES,
        "rate": RATE,
        "growth": 0.0,
        **options,
    }
    return closure_options(crossings, layer, lines or railway([(0, 0), (3000, 0)]), **given_)


def street(y: float, low: float = 0.0, high: float = 3000.0) -> list[tuple[float, float]]:
    """A street along the railway with a vertex every 100 m, where paths may meet it."""
    return [(low + 100.0 * i, y) for i in range(round((high - low) / 100) + 1)]


def across(x: float, up: float = 200.0, down: float = -200.0) -> list[tuple[float, float]]:
    return [(x, down), (x, up)]


# The optimum against all plans there are -----------------------------------------------------


def shortest(stretch: Stretch, side: int, links: Iterable[int]) -> np.ndarray:
    """Ways with service road from some crossings to the next each, after Floyd and Warshall."""
    ways = stretch.ways[side].copy()
    for a in links:
        gap = stretch.along[a + 1] - stretch.along[a]
        ways[a, a + 1] = ways[a + 1, a] = min(ways[a, a + 1], gap)
    for k in range(len(ways)):
        ways = np.minimum(ways, ways[:, [k]] + ways[[k], :])
    return ways


class EveryPlan:
    """Values of plans, one after another, without any of the module's shortcuts."""

    def __init__(self, stretch: Stretch, rates: Rates) -> None:
        self.stretch, self.rates = stretch, rates
        links = np.flatnonzero(stretch.buildable)
        self.full = sum(shortest(stretch, side, links) for side in (0, 1))
        self.known: dict[tuple[int, int], float] = {}

    def over(self, p: int, j: int) -> bool:
        bridge = self.stretch.across[p]
        return bool(bridge < np.inf and bridge <= self.full[p, j])

    def side_cost(self, j: int, low: int, high: int, side: int) -> float:
        s, rates = self.stretch, self.rates
        extent = s.along[high] - s.along[low]
        tried = []
        for start, stop in [(low, low), *combinations(range(low, high + 1), 2)]:
            if not s.buildable[start:stop].all():
                continue
            way = shortest(s, side, range(start, stop))[:, j]
            built = s.along[stop] - s.along[start]
            cost = rates.road * built + rates.fence * (extent - built)
            for p in range(low, high + 1):
                if p != j and not self.over(p, j):
                    near = way[p] <= rates.reach
                    cost += rates.years * s.burden[p] * way[p] if near else np.inf
            tried.append(cost)
        return float(min(tried)) if extent <= rates.reach else np.inf

    def group_cost(self, j: int, outer: int) -> float:
        if (j, outer) not in self.known:
            low, high = min(j, outer), max(j, outer)
            total = sum(self.side_cost(j, low, high, side) for side in (0, 1))
            for p in range(low, high + 1):
                if p != j and self.over(p, j):
                    total += self.bridged(p)
            self.known[j, outer] = total
        return self.known[j, outer]

    def bridged(self, p: int) -> float:
        s = self.stretch
        return float(self.rates.years * s.burden[p] * s.across[p])

    def value(self, open_: list[int], splits: tuple[tuple[int, int], ...]) -> float:
        """Between neighbouring open ones i, j: those to s go to i, those from u to j."""
        s, rates = self.stretch, self.rates
        n = len(s.along)
        value, more = 0.0, np.zeros(n)
        for (i, j), (last, first) in zip(pairwise([-1, *open_, n]), splits, strict=True):
            for k, outer in ((i, last), (j, first)):
                if outer != k:
                    if not s.takes[k]:
                        return -np.inf
                    value -= self.group_cost(k, outer)
                    members = range(min(k, outer), max(k, outer) + 1)
                    more[k] += sum(s.vehicles[p] for p in members if p != k and not self.over(p, k))
            value -= sum(self.bridged(p) for p in range(last + 1, first))
        for p in range(n):
            if p in open_:
                risen = ((s.vehicles[p] + more[p]) / s.vehicles[p]) ** rates.elasticity - 1
                value -= rates.years * s.loss[p] * risen
            else:
                value += rates.years * s.loss[p] - rates.closing
        return value


def splits_between(i: int, j: int, n: int) -> list[tuple[int, int]]:
    return [
        (last, first)
        for last in range(i, j)
        for first in range(last + 1, j + 1)
        if (i >= 0 or last == i) and (j < n or first == j)
    ]


def best_by_trying_all(stretch: Stretch, rates: Rates) -> dict[int, float]:
    """Greatest value for each number closed, from every plan of the family."""
    every, n = EveryPlan(stretch, rates), len(stretch.along)
    paths = np.flatnonzero(~stretch.kept).tolist()
    found: dict[int, float] = {}
    for count in range(1, len(paths) + 1):
        for closed in combinations(paths, count):
            open_ = [p for p in range(n) if p not in closed]
            choices = [splits_between(i, j, n) for i, j in pairwise([-1, *open_, n])]
            best = max(every.value(open_, splits) for splits in product(*choices))
            if best > -np.inf:
                found[count] = max(found.get(count, -np.inf), best)
    return found


@st.composite
def a_stretch(draw: st.DrawFn) -> Stretch:
    """Up to six paths, maybe a crossing that stays at either end, roads here and there."""
    rng = np.random.Generator(np.random.PCG64(draw(st.integers(0, 10**6))))
    left, right = draw(st.booleans()), draw(st.booleans())
    n = draw(st.integers(1, 6)) + left + right
    kept = np.zeros(n, dtype=bool)
    kept[0], kept[-1] = left or kept[0], right or kept[-1]
    along = np.cumsum(rng.integers(0, 900, n)).astype(float)
    ways = np.full((2, n, n), np.inf)
    for side in (0, 1):
        for a, b in combinations(range(n), 2):
            if rng.random() < draw(st.sampled_from([0.0, 0.2, 0.6])):
                length = max(along[b] - along[a], 1.0) * rng.uniform(0.9, 3.0)
                ways[side, a, b] = ways[side, b, a] = length
        np.fill_diagonal(ways[side], 0.0)
        for k in range(n):
            ways[side] = np.minimum(ways[side], ways[side][:, [k]] + ways[side][[k], :])
    bridged = rng.random(n) < draw(st.sampled_from([0.0, 0.5]))
    across = np.where(bridged, 1500 * rng.random(n), np.inf)
    return Stretch(
        along=along,
        kept=kept,
        loss=rng.uniform(0, 10, n),
        vehicles=rng.integers(1, 500, n).astype(float),
        burden=rng.uniform(0, 0.01, n),
        ways=ways,
        across=across,
        buildable=rng.random(n - 1) < 0.8,
        takes=kept | draw(st.booleans()),
    )


RATES = Rates(road=0.01, fence=0.002, closing=1.0, years=9.0, elasticity=0.6, reach=2500.0)


@settings(max_examples=60, deadline=None)
@given(a_stretch(), st.sampled_from([0.0, 0.5, 1.0, 1.7]))
def test_each_number_closed_has_the_best_of_all_plans(stretch: Stretch, elasticity: float) -> None:
    rates = replace(RATES, elasticity=elasticity)
    found = plans(stretch, rates)
    known = best_by_trying_all(stretch, rates)
    assert {len(plan.closed): plan.value for plan in found} == pytest.approx(known)


@settings(max_examples=60, deadline=None)
@given(a_stretch())
def test_a_plan_is_what_it_says(stretch: Stretch) -> None:
    n = len(stretch.along)
    for plan in plans(stretch, RATES):
        closed = plan.closed
        assert not stretch.kept[closed].any()
        assert np.isfinite(plan.detour[closed]).all()
        assert np.isnan(np.delete(plan.detour, closed)).all()
        to = plan.to[closed]
        assert not np.isin(to, closed).any()
        by_road = to != OVER
        moved = np.bincount(to[by_road], stretch.vehicles[closed[by_road]], minlength=n)
        np.testing.assert_allclose(plan.received, moved)
        for run in plan.runs:
            assert stretch.buildable[run.start : run.stop].all()


def test_forty_paths_in_well_under_a_second() -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    n = 42
    along = np.cumsum(rng.integers(60, 200, n)).astype(float)
    kept = np.zeros(n, dtype=bool)
    kept[[0, -1]] = True
    ways = np.full((2, n, n), np.inf)
    ways[0] = 1.4 * np.abs(along[:, None] - along)
    for side in (0, 1):
        np.fill_diagonal(ways[side], 0.0)
    stretch = Stretch(
        along,
        kept,
        rng.uniform(0, 10, n),
        rng.uniform(50, 500, n),
        np.full(n, 0.002),
        ways,
        np.full(n, np.inf),
        np.ones(n - 1, dtype=bool),
        np.ones(n, dtype=bool),
    )
    took = []
    for _ in range(2):
        began = time.process_time()
        found = plans(stretch, replace(RATES, reach=10_000.0))
        took.append(time.process_time() - began)
    assert len(found) == 40
    assert min(took) < 0.9


# What is built -------------------------------------------------------------------------------

ONE = {"A": (500.0, "official"), "p": (1000.0, "self-opened"), "B": (1800.0, "official")}


def the_best(found: Closures) -> pd.Series:
    (row,) = found.table[found.table["best"]].itertuples()
    return pd.Series(row._asdict())


def test_a_road_that_is_there_is_not_built_again() -> None:
    """
    ----+-------+--------+----  y = 100: a street on the left
    ====A=======p========B====
        |       |        |      nothing joins them on the right
    """
    layer = roads(across(500, 100), across(1000, 100), across(1800, 100), street(100))
    best = the_best(closures(register(ONE), layer))
    assert best["closed"] == "p"
    assert best["service_road"] == pytest.approx(500)  # right side only, to the nearer
    assert best["fence"] == pytest.approx(1000)
    assert best["detour_mean"] == pytest.approx(100 + 500 + 100 + 500)
    assert best["geometry"].geom_type == "LineString"
    np.testing.assert_allclose(best["geometry"].bounds, (500, -15, 1000, -15))
    assert best["cost"] == pytest.approx(500 * 4e6 + 500 * 0.8e6 + 50e6)
    assert best["upkeep"] == pytest.approx(best["cost"] / 100)


def test_streets_on_both_sides_need_a_fence_only() -> None:
    layer = roads(*(across(x) for x in (500, 1000, 1800)), street(200), street(-200))
    best = the_best(closures(register(ONE), layer))
    assert best["service_road"] == 0
    assert best["fence"] == pytest.approx(1000)
    assert best["geometry"].geom_type == "MultiPoint"
    assert [p.x for p in best["geometry"].geoms] == [1000]


def test_where_a_river_cuts_off_the_roads_a_service_road_is_built_on_both_sides() -> None:
    """
    ~~~~~|~~~~~~~|~~~~~~~|~~~~   rivers: each crossing's road ends at them
    =====A=======p=======B====
    ~~~~~|~~~~~~~|~~~~~~~|~~~~
    """
    layer = roads(*(across(x, 50, -50) for x in (500, 1000, 1800)))
    best = the_best(closures(register(ONE), layer, fatal=0.3))
    assert best["service_road"] == pytest.approx(1000)
    assert best["detour_mean"] == pytest.approx(1000)
    assert sorted(shapely.get_coordinates(best["geometry"])[:, 1]) == [-15, -15, 15, 15]


def test_a_service_road_begins_where_the_street_ends() -> None:
    """The street on the left reaches from A to p; q beyond it is linked to p, not to A.

    ----+---+
    ====A===p=======q==========================B====
    """
    crossings = register(
        {
            "A": (500.0, "official"),
            "p": (800.0, "self-opened"),
            "q": (1200.0, "self-opened"),
            "B": (2900.0, "official"),
        }
    )
    layer = roads(
        *(across(x, 100, -100) for x in (500, 800, 1200, 2900)),
        street(100, 0, 800),
        street(-100),
    )
    best = the_best(closures(crossings, layer))
    assert best["closed"] == "p;q"
    assert best["service_road"] == pytest.approx(400)
    np.testing.assert_allclose(best["geometry"].bounds, (800, 15, 1200, 15))


def test_no_service_road_beside_a_long_bridge_of_the_railway() -> None:
    """
    ===A====#bridge#==p==#bridge#====B===
    """
    lines = railway([(0, 0), (3000, 0)])
    spans = [(0, 700), (700, 740), (740, 1300), (1300, 1340), (1340, 3000)]
    tracks = gpd.GeoDataFrame(
        {"line_id": 0, "reason": None, "bridge": [False, True, False, True, False]},
        geometry=[shapely.LineString([(a, 0), (b, 0)]) for a, b in spans],
        crs=lines.lines.crs,
    )
    layer = roads(*(across(x, 50, -50) for x in (500, 1000, 1800)))
    found = closures(register(ONE), layer, Lines(lines.lines, tracks))
    assert found.table.empty
    assert found.stretches["reason"].tolist()[1] == "no-way-round"
    assert found.notes["long-bridges"] == 2
    short = tracks[~tracks["bridge"]]
    assert len(closures(register(ONE), layer, Lines(lines.lines, short)).table) == 1


def test_a_bridge_nearby_shortens_the_detour_and_no_crossing_takes_the_traffic() -> None:
    """
    --------+---#----  y = 100
    ===A====p===#=======B===   # bridge at 1100
    --------+---#----
    """
    plain = [*(across(x, 100, -100) for x in (500, 1000, 1800)), street(100), street(-100)]
    without = the_best(closures(register(ONE), roads(*plain)))
    level = [False] * len(plain) + [True]
    found = closures(register(ONE), roads(*plain, across(1100, 100, -100), bridge=level))
    best = the_best(found)
    assert without["detour_mean"] == pytest.approx(1400)
    assert best["detour_mean"] == pytest.approx(100 + 100 + 200 + 100 + 100)
    assert best["vehicles_moved"] == 0
    assert best["fence"] == 0
    assert found.effects["crossing_id"].tolist() == ["p"]
    assert best["avoided_fatal"] == pytest.approx(0.1)


def test_each_side_has_its_own_service_road() -> None:
    """Left: a street at p. Right: a street at q. Each side is built where it lacks one.

    ----+---+              left street from A to p
    ====A===p===q===B====
                +---+----  right street from q to B
    """
    crossings = register(
        {
            "A": (500.0, "official"),
            "p": (900.0, "self-opened"),
            "q": (1300.0, "self-opened"),
            "B": (1700.0, "official"),
        }
    )
    layer = roads(
        *(across(x, 100, -100) for x in (500, 900, 1300, 1700)),
        street(100, 0, 900),
        street(-100, 1300, 3000),
    )
    best = the_best(closures(crossings, layer))
    assert best["closed"] == "p;q"
    assert best["service_road"] == pytest.approx(800)
    lines = {tuple(np.round(g.bounds)) for g in best["geometry"].geoms}
    assert lines == {(500, -15, 900, -15), (1300, 15, 1700, 15)}


# What it does to crashes -----------------------------------------------------------------------


def test_moved_traffic_raises_the_risk_of_the_crossing_that_takes_it() -> None:
    layer = roads(*(across(x) for x in (500, 1000, 1800)), street(200), street(-200))
    crossings = register(ONE, vehicles=[300.0, 100.0, 300.0])
    found = closures(crossings, layer)
    effect = found.effects.set_index("crossing_id")["factor"]
    assert effect.to_dict() == pytest.approx({"A": (400 / 300) ** 0.5, "p": 0.0})
    best = the_best(found)
    moved = 0.1 * ((400 / 300) ** 0.5 - 1)
    assert best["vehicles_moved"] == 100
    assert best["avoided_fatal"] == pytest.approx(0.1 - moved)
    worth = found.worth.loc[best["Index"]]
    assert worth["loss_saved"] == pytest.approx(0.1 * DEATH)
    assert worth["loss_moved"] == pytest.approx(moved * DEATH)
    burden = 365 / 1000 * (100 * 3000 + 20 * 6000)
    assert best["detour_cost"] == pytest.approx(burden * best["detour_mean"], abs=1)
    years = present_value_factor(RATE, 0.0, 30)
    yearly = worth["loss_saved"] - worth["loss_moved"] - best["detour_cost"] - best["upkeep"]
    assert worth["npv"] == pytest.approx(years * yearly - best["cost"], rel=1e-6)


def test_users_are_led_to_a_crossing_that_stays_unless_the_prices_say_otherwise() -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    along = np.arange(5) * 400.0
    n = len(along)
    ways = np.tile(np.abs(along[:, None] - along) * 1.1, (2, 1, 1))
    kept = np.array([True, False, False, False, True])
    one = Stretch(
        along, kept, rng.uniform(5, 10, n), np.full(n, 90.0), np.full(n, 0.001), ways,
        np.full(n, np.inf), np.ones(n - 1, dtype=bool), kept,
    )  # fmt: skip
    for plan in plans(one, RATES):
        assert set(plan.to[plan.closed]) <= {0, 4}
    free = plans(replace(one, takes=np.ones(n, dtype=bool)), RATES)
    by_number = {len(plan.closed): plan.value for plan in plans(one, RATES)}
    assert all(plan.value >= by_number[len(plan.closed)] - 1e-9 for plan in free)


def test_traffic_goes_where_it_harms_least() -> None:
    """A and B are as far; A has ten times the expected crashes: p's users go to B."""
    crossings = register({**ONE, "B": (1500.0, "official")})
    layer = roads(*(across(x) for x in (500, 1000, 1500)), street(200), street(-200))
    expected = crashes_at(crossings.index)
    loss = pd.Series([10.0, 1.0, 1.0], crossings.index) * 0.1 * DEATH
    found = closures(crossings, layer, expected=expected, loss=loss)
    assert found.effects.set_index("crossing_id")["factor"].drop("p").index.tolist() == ["B"]


def test_present_value_against_the_annuity_formula() -> None:
    assert present_value_factor(0.10, 0.0, 30) == pytest.approx(9.42691, abs=1e-5)
    assert present_value_factor(0.05, 0.05, 30) == pytest.approx(30 / 1.05)


# Who stays, what cannot be closed ----------------------------------------------------------------


def test_official_crossings_are_never_closed_and_unknown_ones_only_if_asked() -> None:
    kinds = ["official", "unknown", None, "self-opened", "official"]
    crossings = register({f"c{i}": (500.0 + 300 * i, k or "") for i, k in enumerate(kinds)})
    crossings["kind"] = pd.Series(kinds, crossings.index, dtype="object")
    layer = roads(*(across(500.0 + 300 * i) for i in range(5)), street(200), street(-200))

    def closed(**options: Any) -> set[str]:
        return set(";".join(closures(crossings, layer, **options).table["closed"]).split(";"))

    assert closed() == {"c3"}
    assert closed(close_unknown=True) == {"c1", "c2", "c3"}
    assert closed(close_unknown=True, keep=["c3"]) == {"c1", "c2"}
    with pytest.raises(ValueError, match="keep names no crossing: zz"):
        closed(keep=["zz"])


def test_every_crossing_and_every_stretch_is_told_of() -> None:
    crossings = register(
        {
            "A": (500.0, "official"),
            "B": (800.0, "official"),
            "p": (1100.0, "self-opened"),
            "C": (1400.0, "official"),
            "lost": (1500.0, "self-opened"),
            "far": (1600.0, "self-opened"),
        }
    )
    crossings.loc["lost", "geometry"] = None
    crossings.loc["far", ["line", "measure"]] = [None, np.nan]
    layer = roads(*(across(x) for x in (500, 800, 1100, 1400)), street(200), street(-200))
    found = closures(crossings, layer)
    assert found.crossings.index.equals(crossings.index)
    assert found.crossings["reason"].to_dict() == {
        **dict.fromkeys("ABpC", ""),
        "lost": "no-location",
        "far": "no-line",
    }
    assert found.crossings.loc["p", ["role", "group_id"]].tolist() == ["path", "B~C"]
    assert found.stretches["reason"].to_dict() == {
        "start-0~A": "nothing-to-close",
        "A~B": "nothing-to-close",
        "B~C": "",
        "C~end-0": "nothing-to-close",
    }
    row = found.table.iloc[0]
    assert row[["from_crossing", "to_crossing", "line"]].tolist() == ["B", "C", "L0"]
    assert row[["km_from", "km_to"]].tolist() == pytest.approx([10.8, 11.4])
    check(found.table, CLOSURES)


def test_what_is_dearer_than_it_saves_is_offered_but_not_best() -> None:
    layer = roads(*(across(x, 50, -50) for x in (500, 1000, 1800)))
    found = closures(register(ONE), layer, fatal=1e-4)
    assert found.stretches["reason"].tolist()[1] == "not-worth-it"
    assert len(found.table) == 1
    assert not found.table["best"].any()


def test_the_option_that_closes_all_is_always_there() -> None:
    """Two paths, the second costs more than it saves."""
    crossings = register({"A": (100.0, "official"), "p": (200.0, "self-opened")})
    crossings = pd.concat([crossings, register({"q": (2900.0, "self-opened")})])
    crossings.index.name = "crossing_id"
    layer = roads(*(across(x, 50, -50) for x in (100, 200, 2900)))
    expected = crashes_at(crossings.index, 0.03)
    found = closures(crossings, layer, expected=expected, loss=expected["fatal"] * DEATH)
    assert found.table["closed"].tolist() == ["p", "p;q"]
    assert found.table["best"].tolist() == [True, False]
    assert found.table["kept"].tolist() == ["q", None]
    assert found.table["to_crossing"].isna().all()
    assert found.table["km_to"].tolist() == [13.0, 13.0]


def test_a_path_alone_on_its_line_stays_unless_a_bridge_leads_over() -> None:
    crossings = register({"p": (1000.0, "self-opened")})
    plain = [across(1000), street(200), street(-200)]
    assert closures(crossings, roads(*plain)).stretches["reason"].tolist() == ["no-way-round"]
    layer = roads(*plain, across(1400), bridge=[False] * 3 + [True])
    assert the_best(closures(crossings, layer))["closed"] == "p"


def test_uncounted_traffic_burdens_by_the_mean_of_its_lognormal() -> None:
    layer = roads(*(across(x) for x in (500, 1000, 1800)), street(200), street(-200))
    spread = 0.6
    tail = np.exp(1.6448536269514722 * spread)
    low, high = [300.0, 100 / tail, 300.0], [300.0, 100 * tail, 300.0]
    crossings = register(ONE, vehicles=[300.0, 100.0, 300.0], vehicles_low=low, vehicles_high=high)
    best = the_best(closures(crossings, layer))
    drawn = np.exp(np.log(100) + spread * norm.ppf((np.arange(20000) + 0.5) / 20000))
    assert best["vehicles_moved"] == pytest.approx(drawn.mean(), rel=1e-3)
    burden = 365 / 1000 * (drawn.mean() * 3000 + 20 * 6000)
    assert best["detour_cost"] == pytest.approx(burden * best["detour_mean"], rel=1e-3)


def test_unknown_traffic_is_the_median_and_never_nothing() -> None:
    layer = roads(*(across(x) for x in (500, 1000, 1800)), street(200), street(-200))
    for gap in (0.0, np.nan):
        found = closures(register(ONE, vehicles=[400.0, gap, 200.0]), layer)
        assert found.table["vehicles_moved"].tolist() == [300.0]
        assert found.notes["vehicles-assumed"] == 1
    found = closures(register(ONE, vehicles=np.nan, walkers=np.nan), layer)
    assert found.table["vehicles_moved"].tolist() == [PRICES.vehicles.value]
    assert found.notes["walkers-assumed"] == 3


def test_unknown_loss_stays_unknown_where_nothing_is_known() -> None:
    layer = roads(*(across(x) for x in (500, 1000, 1800)), street(200), street(-200))
    crossings = register(ONE)
    unknown = pd.Series(np.nan, crossings.index)
    found = closures(crossings, layer, loss=unknown)
    assert found.table.empty
    assert "loss-unknown" in found.stretches["reason"].tolist()
    expected = crashes_at(crossings.index)
    expected["serious"] = np.nan
    table = closures(crossings, layer, expected=expected, loss=unknown.fillna(1e9)).table
    assert table["avoided_serious"].isna().all()
    assert table["avoided_fatal"].notna().all()


def test_nothing_to_do_gives_empty_tables() -> None:
    empty = register({"A": (500.0, "official")}).iloc[:0]
    found = closures(empty, roads())
    assert found.table.empty
    assert found.stretches["reason"].tolist() == ["nothing-to-close"]
    lines = railway([(0, 0), (3000, 0)])
    none = Lines(lines.lines.iloc[:0], lines.tracks.iloc[:0])
    found = closures(register(ONE), roads(), none)
    assert found.stretches.empty
    assert found.crossings["reason"].tolist() == ["no-line"] * 3


def test_inputs_are_left_as_they_are_and_results_are_the_same_again() -> None:
    crossings = register(ONE, vehicles=[np.nan, 100.0, 200.0])
    layer = roads(*(across(x) for x in (500, 1000, 1800)), street(200))
    before = crossings.copy(), layer.copy()
    one, other = closures(crossings, layer), closures(crossings, layer)
    pd.testing.assert_frame_equal(crossings, before[0])
    pd.testing.assert_frame_equal(layer, before[1])
    pd.testing.assert_frame_equal(one.table, other.table)
    turned = closures(crossings.iloc[::-1], layer.iloc[::-1])
    pd.testing.assert_frame_equal(one.table, turned.table)


def test_wrong_use_is_refused() -> None:
    layer = roads(across(1000))
    with pytest.raises(ValueError, match="one CRS"):
        closures(register(ONE), layer.to_crs("EPSG:32649"))
    for wrong in ({"elasticity": np.nan}, {"elasticity": -1.0}, {"rate": 1.5}, {"growth": np.nan}):
        with pytest.raises(ValueError, match="must be"):
            closures(register(ONE), layer, **wrong)


def test_lines_of_one_name_are_told_apart_by_place() -> None:
    """Two lines named N: the crossings of each are those that lie on it."""
    lines = railway([(0, 0), (3000, 0)], [(0, 5000), (3000, 5000)], names=["N", "N"])
    here = register(ONE, line="N")
    there = register({f"{k}2": v for k, v in ONE.items()}, line="N")
    there = there.set_geometry(there.geometry.translate(0, 5000))
    crossings = pd.concat([here, there]).rename_axis("crossing_id")
    layer = roads(*(across(x) for x in (500, 1000, 1800)), street(200), street(-200))
    found = closures(crossings, layer, lines)
    assert found.crossings.loc[["p", "p2"], "group_id"].tolist() == ["A~B", "A2~B2"]


# Prices --------------------------------------------------------------------------------------


def test_prices_of_2019_have_their_source_and_mark() -> None:
    assert (PRICES.service_road.value, PRICES.service_road.mark) == (4.0e9, "V")
    assert PRICES.currency == "VND"
    assert all(f.source and f.unit for f in PRICES.figures.values())


def test_a_price_file_of_the_users_own(tmp_path: Path) -> None:
    from importlib.resources import files  # noqa: PLC0415

    shipped = files("blackspots") / "presets" / "closing" / "vn-2019.toml"
    text = shipped.read_text(encoding="utf-8")
    (tmp_path / "own.toml").write_text(text.replace("4.0e9", "5.0e9"), encoding="utf-8")
    assert closing_prices("own.toml", tmp_path).service_road.value == 5.0e9
    for wrong in (text.replace("4.0e9", "9.0e9"), text.replace("[fence]", "[fences]")):
        (tmp_path / "own.toml").write_text(wrong, encoding="utf-8")
        with pytest.raises(BlackspotsError) as error:
            closing_prices("own.toml", tmp_path)
        assert error.value.code == "bad-closing"


def test_cost_range_and_mark() -> None:
    layer = roads(*(across(x, 50, -50) for x in (500, 1000, 1800)))
    best = the_best(closures(register(ONE), layer, fatal=0.3))
    assert best["cost_low"] == pytest.approx(1000 * 3e6 + 20e6)
    assert best["cost_high"] == pytest.approx(1000 * 6e6 + 100e6)
    assert best["mark"] == "A"
    verified = {name: replace(f, mark="V") for name, f in PRICES.figures.items() if name != "fence"}
    prices = replace(PRICES, **verified)
    assert the_best(closures(register(ONE), layer, prices=prices, fatal=0.3))["mark"] == "V"
