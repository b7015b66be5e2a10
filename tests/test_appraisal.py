"""Benefit, cost and what becomes of a work, against published answers.

Authority: shared/reference/appraisal.md (published discount factors and benefit-cost ratios, V;
the golden case, X: 0.4 deaths and 0.6 serious injuries a year, r 10 %, g 4 %).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from small import METRES, crashes, crossings

from blackspots.appraisal import (
    LEVELS,
    CrashCosts,
    Terms,
    appraise,
    bends,
    crash_costs,
    crashes_avoided,
    effect,
    night_share,
    overall_night_share,
    present_value_factor,
    yearly_cost,
)
from blackspots.presets import Countermeasure, catalogue, cost_table
from blackspots.schema import PROJECTS, check

VN = cost_table("vn-2024")
ASSUMED = crash_costs(crashes([]), VN)
TERMS = Terms(0.10, 0.04)
NAN = float("nan")


# Discounting --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("growth", "rate", "years", "published", "digits"),
    [
        (0.00, 0.04, 10, 8.1109, 4),
        (0.04, 0.10, 10, 7.1550, 4),
        (0.00, 0.03, 20, 14.877475, 6),
        (0.00, 0.06, 20, 11.4699, 4),
    ],
)
def test_published_factors(
    growth: float, rate: float, years: int, published: float, digits: int
) -> None:
    assert round(present_value_factor(rate, growth, years), digits) == published


@given(st.floats(0, 0.3), st.floats(0, 0.3), st.integers(0, 50))
def test_the_factor_is_the_sum_over_the_years(rate: float, growth: float, years: int) -> None:
    total = sum((1 + growth) ** (t - 1) / (1 + rate) ** t for t in range(1, years + 1))
    assert present_value_factor(rate, growth, years) == pytest.approx(total, rel=2e-6)


def test_equal_rate_and_growth_and_no_discount() -> None:
    assert present_value_factor(0.05, 0.05, 10) == pytest.approx(10 / 1.05)
    assert present_value_factor(0.0, 0.0, 7) == 7


# The golden case ----------------------------------------------------------------------------

GOLDEN = {"fatal": 0.4, "serious": 0.6, "slight": 0.0, "injury": 0.0, "pdo": 0.0}


def golden(cmf: float, cost: float, life: float) -> Any:
    avoided = crashes_avoided(GOLDEN, target="all", cmf=cmf)
    return effect(avoided, ASSUMED, cost=cost, upkeep=0.0, life=life, rate=0.10, growth=0.04)


@pytest.mark.parametrize(
    ("cmf", "cost", "life", "benefit", "npv", "bcr"),
    [
        (0.84, 90e6, 6, 3_344.5e6, 3_254.5e6, 37.16),
        (0.70, 4_000e6, 20, 14_797.6e6, 10_797.6e6, 3.70),
    ],
)
def test_golden_case(
    cmf: float, cost: float, life: float, benefit: float, npv: float, bcr: float
) -> None:
    made = golden(cmf, cost, life)
    assert made.benefit == pytest.approx(benefit, abs=0.05e6)
    assert made.npv == pytest.approx(npv, abs=0.05e6)
    assert round(made.bcr, 2) == bcr
    assert made.deaths == pytest.approx(0.4 * (1 - cmf))
    assert made.injuries == pytest.approx(0.6 * (1 - cmf))


def test_golden_case_first_year_rate_of_return_and_incremental_ratio() -> None:
    first = golden(0.84, 90e6, 1)
    assert round(first.benefit * 1.10 / 90e6, 2) == 7.80  # 780 %
    chevrons, widening = golden(0.84, 90e6, 6), golden(0.70, 4_000e6, 20)
    assert round((widening.benefit - chevrons.benefit) / (4_000e6 - 90e6), 2) == 2.93


def test_published_ratio_with_yearly_upkeep() -> None:
    """450,000 / (300,000 + 25,000 x 11.4699) = 0.77; upkeep counts among the costs."""
    costs = CrashCosts(*(pd.Series(1.0, index=list(LEVELS)),) * 3, "assumed")
    yearly = 450_000 / present_value_factor(0.06, 0.0, 20)
    avoided = pd.Series([yearly, 0, 0, 0, 0], index=list(LEVELS))
    made = effect(avoided, costs, cost=300_000, upkeep=25_000, life=20, rate=0.06, growth=0.0)
    assert made.benefit == pytest.approx(450_000)
    assert round(made.bcr, 2) == 0.77
    assert made.npv == pytest.approx(450_000 - 300_000 - 25_000 * 11.4699, abs=2)


def test_upkeep_does_not_grow_with_the_crash_cost() -> None:
    avoided = pd.Series(0.0, index=list(LEVELS))
    made = effect(avoided, ASSUMED, cost=10.0, upkeep=1.0, life=10, rate=0.04, growth=0.02)
    assert -made.npv == pytest.approx(10 + 8.1109, abs=5e-5)


# Crash costs --------------------------------------------------------------------------------


def test_the_value_of_a_death_is_seventy_times_gdp_per_capita() -> None:
    assert VN.death == pytest.approx(7.98e9)
    assert VN.serious == pytest.approx(1.995e9)
    assert VN.slight == pytest.approx(0.0798e9)


def test_without_persons_each_crash_has_one_of_its_grade() -> None:
    assert ASSUMED.basis == "assumed"
    assert ASSUMED.cost.to_dict() == {
        "fatal": VN.death,
        "serious": VN.serious,
        "slight": VN.slight,
        "injury": VN.injured,
        "pdo": VN.pdo,
    }


def test_persons_of_the_register_make_the_cost_of_a_crash() -> None:
    """Two fatal crashes: 3 dead, 1 serious and 2 slight; one injury crash, its 3 not graded."""
    rows = crashes(
        [None] * 4,
        severity=["fatal", "fatal", "injury", "fatal"],
        deaths=[1, 2, 0, None],  # the last does not say: left out, not zero
        injured=[3, 0, 3, None],
        serious=[1, 0, None, None],
        slight=[2, 0, None, None],
    )
    made = crash_costs(rows, VN)
    assert made.basis == "register"
    assert made.deaths["fatal"] == 1.5
    assert made.injuries["fatal"] == 1.5
    assert made.cost["fatal"] == pytest.approx(1.5 * VN.death + (VN.serious + 2 * VN.slight) / 2)
    assert made.cost["injury"] == pytest.approx(3 * VN.injured)
    assert made.cost["slight"] == VN.slight


def test_the_cost_of_a_place_is_the_sum_over_severities() -> None:
    place = pd.DataFrame({f"expected_{level}": [value] for level, value in GOLDEN.items()})
    assert yearly_cost(place, ASSUMED)[0] == pytest.approx(0.4 * 7.98e9 + 0.6 * 1.995e9)
    assert np.isnan(yearly_cost(place.assign(expected_fatal=NAN), ASSUMED)[0])


# Effects ------------------------------------------------------------------------------------

EVEN = dict.fromkeys(LEVELS, 1.0)


@pytest.mark.parametrize(
    ("options", "avoided"),
    [
        ({"target": "all", "cmf": 0.8}, [0.2, 0.2, 0.2, 0.2, 0.2]),
        ({"target": "injury", "cmf": 0.8}, [0.2, 0.2, 0.2, 0.2, 0]),
        ({"target": "night", "cmf": 0.5, "night": 0.3}, [0.15, 0.15, 0.15, 0.15, 0]),
        ({"target": "all", "cmf": 0.93, "cmf_fatal": 0.56}, [0.44, 0.07, 0.07, 0.07, 0.07]),
        ({"target": "all", "cmf": 1.2}, [-0.2, -0.2, -0.2, -0.2, -0.2]),
    ],
)
def test_only_the_crashes_that_a_remedy_is_for_are_avoided(
    options: dict[str, Any], avoided: list[float]
) -> None:
    np.testing.assert_allclose(crashes_avoided(EVEN, **options), avoided)


def test_a_night_remedy_without_hours_has_no_known_effect() -> None:
    made = crashes_avoided(EVEN, target="night", cmf=0.5)
    assert made[["fatal", "serious", "slight", "injury"]].isna().all()


def test_share_of_crashes_in_the_dark() -> None:
    hours = pd.Series([18, 23, 0, 5, 6, 12, 17, None], dtype="Int64")
    assert overall_night_share(hours) == 4 / 7  # from 18:00 until 6:00
    assert np.isnan(overall_night_share(pd.Series([None], dtype="Int64")))
    few = pd.Series([20], dtype="Int64")
    assert night_share(few, 0.4) == pytest.approx((1 + 5 * 0.4) / 6)
    assert night_share(pd.Series(dtype="Int64"), 0.4) == 0.4
    assert np.isnan(night_share(few, NAN))


@pytest.mark.parametrize(
    ("line", "turn"),
    [
        ([(0, 0), (500, 0)], 0),
        ([(0, 0), (100, 0), (100, 100)], 90),
        ([(0, 0), (100, 0), (200, 100), (300, 100)], 90),  # left and right again both count
        ([(0, 0), (100, 2), (200, 0), (300, 2)], 0),  # a wiggle below 5 m
        ([(-100, 0), (-200, 5), (-300, 40), (-400, -60)], None),  # across the +-180 degree line
    ],
)
def test_bends(line: list[tuple[float, float]], turn: float | None) -> None:
    if turn is None:
        mirrored = shapely.LineString([(-x, y) for x, y in line])
        turn = bends(mirrored)
    assert bends(shapely.LineString(line)) == pytest.approx(turn)


# Projects -----------------------------------------------------------------------------------


def remedy(name: str, **more: Any) -> Countermeasure:
    plain = Countermeasure(
        id=name,
        name={"vi": name, "en": name},
        kinds=("segment", "junction", "crossing"),
        needs=(),
        target="all",
        cmf=0.5,
        cmf_fatal=None,
        life=10.0,
        unit="site",
        cost_low=80.0,
        cost_high=120.0,
        upkeep=0.0,
        mark="V",
        source="",
    )
    return replace(plain, **more)


def sites(*rows: dict[str, Any]) -> gpd.GeoDataFrame:
    frame = pd.DataFrame(
        [
            {
                "kind": "segment", "label": "QL1", "route_id": 0, "from_measure": 0.0,
                "to_measure": 2000.0, "length": 2000.0, "junction_id": None, "crossing_id": None,
                "expected": 1.0, "cost_per_year": 5e9,
                **{f"expected_{level}": value for level, value in GOLDEN.items()},
                "geometry": shapely.LineString([(0, 0), (2000, 0)]), **row,
            }
            for row in rows
        ],
        index=pd.Index([f"S{i}" for i in range(len(rows))], name="site_id"),
    )  # fmt: skip
    frame["route_id"] = frame["route_id"].astype("Int64")
    frame["junction_id"] = frame["junction_id"].astype("Int64")
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=METRES)


def register(site_of: list[str | None], hours: list[int | None] | None = None) -> gpd.GeoDataFrame:
    """Crashes as the study hands them over: membership missing for those of no site."""
    made = crashes([(10.0 * i, 0.0) for i in range(len(site_of))], hour=hours)
    membership = pd.Series(None, index=made.index, dtype="object")
    for i, site in enumerate(site_of):
        if site is not None:
            membership.iloc[i] = site
    return made.assign(site_id=membership)


def works(*rows: dict[str, Any]) -> gpd.GeoDataFrame:
    plain = {
        "work": "sửa đường", "countermeasure": None, "cmf": NAN, "life": NAN, "cost": 100.0,
        "place": "segment", "route_id": 0, "from_measure": 0.0, "to_measure": 100.0,
        "junction_id": None, "crossing_id": None, "geometry": None,
    }  # fmt: skip
    frame = pd.DataFrame(
        [{**plain, **row} for row in rows],
        index=pd.Index([f"w{i}" for i in range(len(rows))], name="repair_id"),
    ).astype({"route_id": "Int64", "junction_id": "Int64"})
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=METRES)


def facing(members: list[list[int]], **more: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "expected": 1.0,
            **{f"expected_{level}": value for level, value in GOLDEN.items()},
            **more,
        },
        index=pd.Index([f"w{i}" for i in range(len(members))], name="repair_id"),
    )
    frame["members"] = [np.array(rows, dtype="int64") for rows in members]
    return frame


def projects(
    repairs: gpd.GeoDataFrame | None = None,
    faced: pd.DataFrame | None = None,
    places: gpd.GeoDataFrame | None = None,
    rows: gpd.GeoDataFrame | None = None,
    known: dict[str, Countermeasure] | None = None,
    **layers: Any,
) -> gpd.GeoDataFrame:
    made = appraise(
        sites({}) if places is None else places,
        register(["S0", "S0", None]) if rows is None else rows,
        {} if known is None else known,
        ASSUMED,
        TERMS,
        repairs=repairs,
        faced=faced,
        **layers,
    )
    check(made, PROJECTS)
    return made


def test_a_remedy_for_a_site_is_worth_what_the_formulas_say() -> None:
    known = {"chevrons": remedy("chevrons", cmf=0.84, life=6, cost_low=80e6, cost_high=100e6)}
    (row,) = projects(known=known).itertuples()
    assert (row.Index, row.source, row.group, row.site_id) == (
        "S0:chevrons",
        "catalogue",
        "S0",
        "S0",
    )
    assert (row.why, row.funded, row.cost, row.mark) == ("candidate", False, 90e6, "V")
    assert row.npv == pytest.approx(3_254.5e6, abs=0.05e6)
    assert row.bcr == pytest.approx(37.16, abs=0.005)


def test_the_price_of_a_km_is_taken_by_the_length_of_the_site() -> None:
    known = {"a": remedy("a", unit="km", upkeep=3.0), "b": remedy("b", upkeep=3.0)}
    made = projects(known=known)
    assert made["cost"].tolist() == [200, 100]
    assert made["upkeep"].tolist() == [6, 3]


@pytest.mark.parametrize(
    ("needs", "site", "fits"),
    [
        ("", {}, True),
        ("curve", {}, False),
        ("curve", {"geometry": shapely.LineString([(0, 0), (100, 0), (100, 100)])}, True),
        ("legs4", {"kind": "junction", "junction_id": 0}, False),
        ("legs4", {"kind": "junction", "junction_id": 1}, True),
        ("self-opened", {"kind": "crossing", "crossing_id": "x0"}, False),
        ("self-opened", {"kind": "crossing", "crossing_id": "x1"}, True),
        ("passive", {"kind": "crossing", "crossing_id": "x0"}, False),  # nobody knows its guard
        ("passive", {"kind": "crossing", "crossing_id": "x1"}, True),
        ("passive", {"kind": "crossing", "crossing_id": "x2"}, False),
        ("lights unguarded", {"kind": "crossing", "crossing_id": "x2"}, True),
        ("lights self-opened", {"kind": "crossing", "crossing_id": "x2"}, False),
        ("passive", {}, False),
    ],
)
def test_a_remedy_is_offered_where_it_fits(needs: str, site: dict[str, Any], fits: bool) -> None:
    junctions = gpd.GeoDataFrame({"legs": [3, 4], "label": ""}, geometry=[shapely.Point(0, 0)] * 2)
    rail = crossings([(0, 0), (9, 9), (18, 18)], kind=["official", "self-opened", "official"])
    rail["protection_code"] = [None, None, "lights"]
    made = projects(
        places=sites(site),
        known={"a": remedy("a", needs=tuple(needs.split()))},
        junctions=junctions,
        crossings=rail,
    )
    assert len(made) == fits


def test_a_remedy_without_known_effect_is_not_offered() -> None:
    assert len(projects(known={"a": remedy("a", cmf=None)})) == 0
    night = {"a": remedy("a", target="night")}
    assert len(projects(known=night)) == 0
    assert len(projects(known=night, rows=register(["S0"] * 2, [20, 3]))) == 1


def test_unknown_severities_leave_the_value_unknown_and_not_zero() -> None:
    """The effect is known, a CMF; what lacks is the severities to value it with."""
    blank = {f"expected_{level}": NAN for level in LEVELS}
    made = projects(
        works({"cmf": 0.5, "life": 10}),
        facing([[0]], **blank),
        sites(blank),
        known={"a": remedy("a")},
    )
    assert made["why"].tolist() == ["value-unknown"] * 2
    assert made[["npv", "bcr", "benefit", "deaths_avoided"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("work", "why"),
    [
        ({"cmf": 0.5, "life": 10}, "candidate"),
        ({"countermeasure": "a"}, "candidate"),
        ({"countermeasure": "no-effect"}, "effect-unknown"),
        ({}, "effect-unknown"),
        ({"life": 10}, "effect-unknown"),
        ({"cmf": 0.5}, "life-unknown"),
        ({"cmf": 0.5, "life": 10, "cost": NAN}, "cost-unknown"),
        ({"countermeasure": "a", "cost": NAN}, "cost-unknown"),
        ({"cost": NAN}, "cost-unknown"),
        ({"cmf": 1.0, "life": 10}, "npv-not-positive"),
        ({"cmf": 0.5, "life": 10, "cost": 1e14}, "npv-not-positive"),
        ({"countermeasure": "night"}, "effect-unknown"),  # no hour is recorded
    ],
)
def test_a_work_says_what_it_lacks(work: dict[str, Any], why: str) -> None:
    known = {
        "a": remedy("a", kinds=()),
        "no-effect": remedy("no-effect", cmf=None),
        "night": remedy("night", target="night", kinds=()),
    }
    (row,) = projects(works(work), facing([[0, 1]]), known=known).itertuples()
    assert row.why == why
    if why not in {"candidate", "npv-not-positive"}:
        assert np.isnan(row.npv)
    assert row.crash_cost == pytest.approx(0.4 * 7.98e9 + 0.6 * 1.995e9)


def test_the_users_figures_go_before_those_of_the_catalogue() -> None:
    known = {"a": remedy("a", cmf=0.5, life=10, kinds=())}
    rows = {"countermeasure": "a"}, {"countermeasure": "a", "cmf": 0.84, "life": 6}
    made = projects(works(*rows), facing([[0], [0]]), known=known)
    first, second = golden(0.5, 100, 10), golden(0.84, 100, 6)
    assert made["npv"].tolist() == pytest.approx([first.npv, second.npv])
    assert made["life"].tolist() == [10, 6]
    assert made["mark"].tolist() == ["V", "U"]


def test_the_upkeep_of_a_km_is_taken_by_the_length_of_the_work() -> None:
    known = {"a": remedy("a", unit="km", upkeep=3.0, kinds=())}
    rows = (
        {"countermeasure": "a", "to_measure": 5000.0},
        {"countermeasure": "a", "place": "junction"},
    )
    assert projects(works(*rows), facing([[], []]), known=known)["upkeep"].tolist() == [15, 3]


def test_the_users_work_replaces_the_same_remedy_of_the_catalogue_at_its_site() -> None:
    known = {"a": remedy("a"), "b": remedy("b")}
    places = sites({}, {"route_id": 1})
    made = projects(works({"countermeasure": "a"}), facing([[0]]), places, known=known)
    assert made.index.tolist() == ["w0", "S0:b", "S1:a", "S1:b"]
    assert made.at["w0", "site_id"] == "S0"


def test_works_that_share_no_site_stand_in_groups_of_their_own() -> None:
    """Crashes that count for no site do not tie the works that face them together."""
    places = sites({"route_id": 9})
    two = works(
        {"cmf": 0.5, "life": 5}, {"cmf": 0.5, "life": 5, "from_measure": 5e3, "to_measure": 6e3}
    )
    made = projects(two, facing([[0], [1]]), places, register([None, None]))
    assert made["group"].tolist() == ["work:1", "work:2"]
    assert made["site_id"].isna().all()
    # On two roads that meet, both facing the crash at the junction: it is saved only once.
    tied = projects(two, facing([[0, 1], [1]]), places, register([None, None]))
    assert tied["group"].tolist() == ["work:1&2", "work:1&2"]


def test_groups_join_works_with_sites_and_with_one_another() -> None:
    places = sites(
        {"from_measure": 0.0, "to_measure": 500.0},
        {"from_measure": 4000.0, "to_measure": 4500.0},
        {"kind": "junction", "junction_id": 3, "route_id": None},
    )
    rows = (
        {"from_measure": 400.0, "to_measure": 900.0},  # overlaps the site, no crash of it
        {"from_measure": 800.0, "to_measure": 1200.0},  # overlaps the work before
        {"from_measure": 1200.0, "to_measure": 2000.0},  # touches it only
        {"place": "junction", "junction_id": 3},
        {"place": "junction", "junction_id": 3},
        {"from_measure": 8000.0, "to_measure": 9000.0},  # faces a crash of the second site
    )
    made = projects(works(*rows), facing([[], [], [], [], [], [0]]), places, register(["S1"]))
    groups = [set(g.split(";")) for g in made["group"]]
    assert groups[0] == {"S0", "work:1&2"}
    assert groups[1] == {"work:1&2"}
    assert groups[2] == {"work:3"}
    assert groups[3] == groups[4] == {"S2", "work:4&5"}
    assert groups[5] == {"S1"}


def test_a_work_is_named_by_its_place() -> None:
    junctions = gpd.GeoDataFrame(
        {"legs": [3, 3], "label": ["QL1 × QL1B", ""]}, geometry=[shapely.Point(0, 0)] * 2
    )
    rail = crossings([(5, 5), (6, 6)], name=["Đường ngang Km1", None])
    rows = (
        {"place": "junction", "junction_id": 0, "route_id": None},
        {"place": "junction", "junction_id": 1, "route_id": None},
        {"place": "crossing", "crossing_id": "x0", "route_id": None},
        {"place": "crossing", "crossing_id": "x1", "route_id": None},
    )
    made = projects(works(*rows), facing([[]] * 4), junctions=junctions, crossings=rail)
    assert made["label"].tolist() == ["QL1 × QL1B", "J1", "Đường ngang Km1", "x1"]
    assert made.at["w2", "geometry"].equals(shapely.Point(5, 5))


def test_nothing_to_appraise() -> None:
    assert len(projects(places=sites({}).iloc[:0], rows=register([]))) == 0


def test_the_starter_catalogue_computes_for_every_remedy_that_has_an_effect() -> None:
    known = catalogue("starter")
    curve = shapely.LineString([(0, 0), (100, 0), (100, 100)])
    places = sites(
        {"geometry": curve},
        {"kind": "junction", "junction_id": 0, "length": NAN, "geometry": shapely.Point(0, 0)},
        {"kind": "crossing", "crossing_id": "x0", "length": NAN, "geometry": shapely.Point(0, 0)},
        {"kind": "crossing", "crossing_id": "x1", "length": NAN, "geometry": shapely.Point(9, 9)},
    )
    junctions = gpd.GeoDataFrame({"legs": [4], "label": ""}, geometry=[shapely.Point(0, 0)])
    rail = crossings([(0, 0), (9, 9)], kind=["self-opened", "official"])
    rail["protection_code"] = [None, "lights"]
    made = projects(
        places=places, rows=register(["S0", "S1", "S2", "S3"], [20, 3, 9, 9]), known=known,
        junctions=junctions, crossings=rail,
    )  # fmt: skip
    offered = {name.split(":")[1] for name in made.index}
    assert offered == {name for name, entry in known.items() if entry.cmf is not None}
    assert made[["cost", "npv", "benefit"]].notna().all(axis=None)
    assert all(math.isfinite(value) for value in made["npv"])
