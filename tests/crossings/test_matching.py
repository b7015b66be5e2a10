"""Matching with an inventory: one to one, exactly, and a reason for all that stands alone."""

from __future__ import annotations

import math
import time
from itertools import permutations
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from found_world import Place, found, on_line, placed
from hypothesis import given, settings
from hypothesis import strategies as st
from small import crossings

from blackspots.crossings import pairing
from blackspots.crossings.matching import Matched, match, pair_costs
from blackspots.crossings.pairing import ALONE, assign, candidates
from blackspots.schema import FOUND_CROSSINGS, MATCHES, check

METRE = st.integers(0, 160).map(float)
PLACES = st.lists(st.tuples(METRE, METRE), max_size=12)


def partner(matched: Matched) -> dict[str, str | None]:
    """Listed crossing to its partner."""
    own = matched.matches.dropna(subset="crossing_id").set_index("crossing_id")["found_id"]
    return {str(k): v for k, v in own.items()}


def reasons(matched: Matched) -> dict[str, str | None]:
    own = matched.matches.dropna(subset="crossing_id").set_index("crossing_id")["reason"]
    return {str(k): v for k, v in own.items()}


# The assignment --------------------------------------------------------------------------------


def total(cost: np.ndarray, chosen: np.ndarray) -> float:
    """What an assignment costs; ``cost`` is inf where there is no pair."""
    return sum(ALONE if c < 0 else float(cost[r, c]) for r, c in enumerate(chosen))


def table(one: list[Place], other: list[Place], gate: float = 50.0) -> np.ndarray:
    made = np.full((len(one), len(other)), math.inf)
    for r, (x, y) in enumerate(one):
        for c, (u, v) in enumerate(other):
            away = math.hypot(x - u, y - v)
            if away <= gate:
                made[r, c] = 0.99 * away / gate
    return made


def solved(cost: np.ndarray) -> np.ndarray:
    row, column = np.nonzero(np.isfinite(cost))
    size = {"rows": cost.shape[0], "columns": cost.shape[1]}
    return assign(row, column, cost[row, column], **size)


def greedy(cost: np.ndarray) -> np.ndarray:
    """The nearest pair first."""
    chosen = np.full(cost.shape[0], -1)
    left = cost.copy()
    while np.isfinite(left).any():
        r, c = np.unravel_index(left.argmin(), left.shape)
        chosen[r] = c
        left[r, :] = left[:, c] = math.inf
    return chosen


@settings(max_examples=60, deadline=None)
@given(one=PLACES, other=PLACES)
def test_nobody_has_two_partners_and_the_cost_is_not_above_the_greedy_one(
    one: list[Place], other: list[Place]
) -> None:
    cost = table(one, other)
    chosen = solved(cost)
    taken = chosen[chosen >= 0]
    assert len(set(taken)) == len(taken)
    assert total(cost, chosen) <= total(cost, greedy(cost)) + 1e-6


@settings(max_examples=60, deadline=None)
@given(
    one=st.lists(st.tuples(METRE, METRE), max_size=5),
    other=st.lists(st.tuples(METRE, METRE), max_size=5),
)
def test_assignment_against_all_permutations(one: list[Place], other: list[Place]) -> None:
    cost = table(one, other)
    columns = [*range(len(other)), *[-1] * len(one)]
    tried = (np.array(p, dtype=int) for p in set(permutations(columns, len(one))))
    least = min(total(cost, p) for p in tried)
    assert total(cost, solved(cost)) == pytest.approx(least, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(one=PLACES, other=PLACES)
def test_the_sparse_way_costs_what_the_dense_one_does(one: list[Place], other: list[Place]) -> None:
    cost = table(one, other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairing, "_DENSE", 0)
        sparse = solved(cost)
    assert len(set(sparse[sparse >= 0])) == (sparse >= 0).sum()
    assert total(cost, sparse) == pytest.approx(total(cost, solved(cost)), abs=1e-6)


def test_candidates_lie_within_the_gate_and_touching_it_counts() -> None:
    one, other = np.array([[0.0, 0.0]]), np.array([[50.0, 0.0], [0.0, 50.1], [3.0, 4.0]])
    row, column, distance = candidates(one, other, 50.0)
    assert (row.tolist(), column.tolist(), distance.tolist()) == ([0, 0], [2, 0], [5.0, 50.0])


def test_a_cost_out_of_range_is_refused() -> None:
    one = np.zeros(1, dtype=int)
    with pytest.raises(ValueError, match="below 1"):
        assign(one, one, np.array([1.0]), rows=1, columns=1)


@settings(max_examples=15, deadline=None)
@given(one=PLACES, other=PLACES)
def test_every_crossing_appears_once_with_what_became_of_it(
    one: list[Place], other: list[Place]
) -> None:
    listed, seen = crossings(one), found(other)
    made = match(seen, listed)
    check(made.matches, MATCHES)
    check(made.found, FOUND_CROSSINGS)
    assert sorted(made.matches["crossing_id"].dropna()) == sorted(listed.index)
    assert sorted(made.matches["found_id"].dropna()) == sorted(seen.index)
    pair = made.matches.dropna(subset=["crossing_id", "found_id"])
    assert pair["reason"].isna().all()
    assert (pair["distance"] <= 50.0).all()
    assert made.matches.drop(pair.index)["reason"].notna().all()
    assert made.pairs == len(pair) == (made.found["status"] == "listed").sum()


# What is matched with what ---------------------------------------------------------------------


def test_two_groups_far_apart_are_matched_as_if_each_were_alone() -> None:
    one = [(0.0, 5.0), (30.0, -5.0), (20.0, 0.0)]
    other = [(8.0, 0.0), (24.0, 0.0)]
    far = [[(x + 9_000.0, y) for x, y in places] for places in (one, other)]
    alone = partner(match(found(other), crossings(one)))
    both = partner(match(found(other + far[1]), crossings(one + far[0])))
    ids = {None: None, "LX-0": "LX-2", "LX-1": "LX-3"}
    assert both == alone | {f"x{i + 3}": ids[alone[f"x{i}"]] for i in range(3)}


def test_the_whole_is_matched_not_each_its_nearest() -> None:
    r"""Each its nearest gives both listed ones the same path; the other path would stay.

    ::

        rail ---------F0--------------F1-----
                        x0  x1                   (x0 at 12, x1 at 17, F0 at 10, F1 at 40)
    """
    made = match(found([(10, 0), (40, 0)]), crossings([(12, 0), (17, 0)]))
    assert partner(made) == {"x0": "LX-0", "x1": "LX-1"}


def test_chainage_weighs_more_than_the_distance_from_the_rail() -> None:
    """x0 is drawn 30 m beside the railway at F0's chainage; F1 is 27 m away along it."""
    seen, spots = [(0.0, 0.0), (25.0, 20.0)], [(0.0, 30.0)]
    listed = crossings(spots)
    at = placed(spots, listed.index)
    assert partner(match(found(seen), listed)) == {"x0": "LX-1"}
    assert partner(match(found(seen, **on_line(seen)), listed, placed=at)) == {"x0": "LX-0"}


def test_the_class_of_the_road_decides_between_two_as_near() -> None:
    seen = found([(-10, 0), (10, 0)], road_class=["residential", "path"])
    assert partner(match(seen, crossings([(1, 0)], road_class=["Residential"])))["x0"] == "LX-0"
    # A word of another vocabulary says nothing: the nearer one.
    assert partner(match(seen, crossings([(1, 0)], road_class=["đường huyện"])))["x0"] == "LX-1"


def test_the_name_of_the_road_decides_between_two_as_near() -> None:
    seen = found([(-10, 0), (10, 0)], road_name=["Ngõ Bà Triệu", "Phố Tam Thanh"])
    listed = crossings([(1, 0)], name=["Đường ngang ngõ Bà Triệu"])
    assert partner(match(seen, listed))["x0"] == "LX-0"


def test_costs_stay_below_that_of_standing_alone() -> None:
    seen = found([(50, 0)], road_class=["path"], road_name=["aaa"])
    listed = crossings([(0, 0)], road_class=["path"], name=["zzz"])
    zero = np.zeros(1, dtype=int)
    away, nothing = np.array([50.0]), np.array([np.nan])
    cost = pair_costs(seen, listed, zero, zero, away, nothing, gate=50.0)
    assert 0.7 <= cost[0] < ALONE
    assert match(seen, listed).pairs == 1


def test_distance_and_metres_along_the_line_are_told() -> None:
    seen, spots = [(100.0, 0.0)], [(88.0, 5.0)]
    listed = crossings(spots)
    made = match(found(seen, **on_line(seen)), listed, placed=placed(spots, listed.index))
    told = made.matches.iloc[0]
    assert told["distance"] == pytest.approx(13.0)
    assert told["along"] == pytest.approx(12.0)


def test_status_says_listed_or_candidate_and_contradicting_tags_may_be_listed() -> None:
    outcomes = ["crossing", "facing", "review", "apart", "review", "crossing"]
    seen = found([(i * 500.0, 0.0) for i in range(6)], outcome=outcomes)
    made = match(seen, crossings([(2_000.0, 10.0), (2_500.0, 10.0)]))
    status = ["candidate", "candidate", "review", "apart", "listed", "listed"]
    assert made.found["status"].tolist() == status
    assert made.found["crossing_id"].tolist() == [None] * 4 + ["x0", "x1"]
    assert (made.recall, made.precision) == (1.0, 0.5)
    assert (made.pairs, made.listed, made.found_count, made.found_matched) == (2, 2, 2, 1)


# Why not ---------------------------------------------------------------------------------------


def test_every_listed_crossing_without_a_partner_has_its_reason() -> None:
    """Railway along y = 0; F crossing, B bridge; x as listed.

    ::

        y = 300                                x3
        rail   ----F0------------B1-------------------------x4-----
                   x0,x1(taken)  x2   (x5 as x0, x6 nowhere)
    """
    seen = [(0.0, 0.0), (1_000.0, 0.0)]
    spots: list[Place | None] = [
        (0.0, 3.0), (9.0, 0.0), (1_004.0, 0.0), (2_000.0, 300.0), (3_000.0, 4.0), (0.0, 3.0), None,
    ]  # fmt: skip
    listed = crossings([p or (0.0, 0.0) for p in spots])
    listed.loc["x6", "geometry"] = None
    at = placed(spots, listed.index)
    there = found(seen, outcome=["crossing", "apart"], **on_line(seen))
    made = match(there, listed, placed=at)
    assert reasons(made) == {
        "x0": None,
        "x1": "taken",
        "x2": "at-grade-separated",
        "x3": "far-from-line",
        "x4": "no-road-there",
        "x5": "same-place",
        "x6": "no-location",
    }
    assert made.matches["reason"].tolist()[-1] == "apart"
    assert made.listed == 6
    assert made.recall == pytest.approx(1 / 6)
    # Where no line is given it is not known whether a railway is near.
    plain = reasons(match(there, listed))
    assert (plain["x3"], plain["x4"]) == ("nothing-near", "nothing-near")


def test_two_listed_for_one_found_leave_one_over_the_farther_one() -> None:
    made = match(found([(0, 0)]), crossings([(20, 0), (6, 0)]))
    assert partner(made) == {"x0": None, "x1": "LX-0"}
    assert reasons(made)["x0"] == "taken"


def test_of_repeated_coordinates_the_first_is_matched_and_a_second_path_beside_it_too() -> None:
    one = match(found([(0, 0)]), crossings([(5, 0), (5, 0), (5, 0)]))
    assert reasons(one) == {"x0": None, "x1": "same-place", "x2": "same-place"}
    two = match(found([(0, 0), (12, 0)]), crossings([(5, 0), (5, 0), (5, 0)]))
    assert list(reasons(two).values()) == [None, None, "same-place"]


def test_nothing_listed_nothing_found_and_neither() -> None:
    none = match(found([]), crossings([]))
    assert math.isnan(none.recall)
    assert math.isnan(none.precision)
    assert (len(none.matches), none.shift) == (0, None)
    only = match(found([(0, 0)]), crossings([]))
    assert math.isnan(only.recall)
    assert only.precision == 0.0
    assert only.matches["reason"].tolist() == ["not-listed"]
    listed = match(found([]), crossings([(0, 0)]))
    assert listed.recall == 0.0
    assert reasons(listed) == {"x0": "nothing-near"}


def test_all_at_one_point_is_no_quadratic_step() -> None:
    count = 2_000
    start = time.perf_counter()
    made = match(found([(0, 0)] * count), crossings([(1, 1)] * count))
    assert time.perf_counter() - start < 5.0
    assert made.pairs >= 1
    assert len(made.matches) == 2 * count - made.pairs


def test_a_chain_of_thousands_within_the_gate_is_matched_whole() -> None:
    seen = [(40.0 * i, 0.0) for i in range(4_000)]
    start = time.perf_counter()
    made = match(found(seen), crossings([(x + 8.0, 2.0) for x, _ in seen]))
    assert time.perf_counter() - start < 5.0
    assert made.recall == made.precision == 1.0
    assert partner(made)["x3999"] == "LX-3999"


def test_inputs_are_not_changed_and_order_of_the_rows_changes_nothing() -> None:
    rng = np.random.Generator(np.random.PCG64(5))
    seen = found([tuple(p) for p in rng.uniform(0, 400, (40, 2))])
    listed = crossings([tuple(p) for p in rng.uniform(0, 400, (40, 2))])
    before = seen.copy(), listed.copy()
    made = partner(match(seen, listed))
    pd.testing.assert_frame_equal(seen, before[0])
    pd.testing.assert_frame_equal(listed, before[1])
    assert partner(match(seen.iloc[::-1], listed.sample(frac=1, random_state=3))) == made


def test_a_gate_that_is_none_and_two_crs_are_refused() -> None:
    with pytest.raises(ValueError, match="gate"):
        match(found([]), crossings([]), gate=0.0)
    with pytest.raises(ValueError, match="CRS"):
        match(found([]), crossings([]).to_crs("EPSG:4326"))


# Off by a constant -----------------------------------------------------------------------------


def country(count: int, seed: int) -> list[Place]:
    """Crossings at uneven distances along a winding line."""
    rng = np.random.Generator(np.random.PCG64(seed))
    x = np.cumsum(rng.exponential(600.0, count))
    return [(float(a), float(300.0 * np.sin(a / 2_000.0))) for a in x]


@pytest.mark.parametrize(
    ("dx", "dy", "noise"), [(850.0, 0.0, 8.0), (-160.0, 110.0, 5.0), (-600, 600, 0)]
)
def test_an_inventory_off_by_a_constant_is_told_and_not_moved(
    dx: float, dy: float, noise: float
) -> None:
    seen = country(60, 1)
    rng = np.random.Generator(np.random.PCG64(2))
    listed = crossings(
        [(x - dx + rng.normal(0, noise), y - dy + rng.normal(0, noise)) for x, y in seen[:45]]
    )
    made = match(found(seen), listed)
    assert made.recall < 0.3
    assert made.shift is not None
    assert made.shift.count == 45
    assert (made.shift.dx, made.shift.dy) == pytest.approx((dx, dy), abs=5.0)
    moved = listed.set_geometry(listed.geometry.translate(made.shift.dx, made.shift.dy))
    assert match(found(seen), moved).recall == 1.0


def test_no_shift_is_seen_in_another_line_nor_where_crossings_stand_at_even_distances() -> None:
    other = crossings([(x, y + 400.0) for x, y in country(60, 9)])
    assert match(found(country(60, 1)), other).shift is None
    even = found([(500.0 * i, 0.0) for i in range(40)])
    assert match(even, crossings([(500.0 * i + 850.0, 0.0) for i in range(40)])).shift is None


def test_no_shift_is_sought_where_most_are_matched_or_few_are_listed() -> None:
    seen = country(30, 4)
    assert match(found(seen), crossings(seen[:20])).shift is None
    assert match(found(seen), crossings([(x + 850.0, y) for x, y in seen[:4]])).shift is None


# A real inventory ------------------------------------------------------------------------------


@pytest.mark.shared
def test_the_british_inventory_is_matched_without_loss(shared: Path) -> None:
    """6,855 rows, 642 of them at coordinates that stand before; each place found once, 9 m off."""
    rows = pd.read_csv(shared / "crashes" / "level_crossings" / "uk_level_crossings.csv")
    points = gpd.GeoSeries.from_xy(rows["Long"], rows["Lat"], crs="EPSG:4326").to_crs("EPSG:27700")
    listed = crossings([(p.x, p.y) for p in points]).set_crs("EPSG:27700", allow_override=True)
    places = np.unique(np.column_stack([points.x, points.y]).round(2), axis=0)
    seen = found([(x + 9.0, y) for x, y in places], crs="EPSG:27700")
    start = time.perf_counter()
    made = match(seen, listed)
    assert time.perf_counter() - start < 5.0
    assert (len(rows), made.listed) == (6_855, 6_855)
    told = made.matches.dropna(subset="crossing_id")
    assert len(told) == 6_855
    assert told["reason"].value_counts().to_dict() == {"same-place": 642}
    assert made.pairs == len(places) == 6_855 - 642
    assert made.precision == 1.0
