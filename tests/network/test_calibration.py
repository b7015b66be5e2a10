"""Official km by km posts, against roads whose km are known by construction.

::

    Km10     Km11     Km12=Km15   Km16      posts
    ─┴────────┴────────┴───────────┴─       road
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from small import METRES, roads

from blackspots.errors import BlackspotsError
from blackspots.network import REACH, Network, build_network
from blackspots.network.calibration import Calibrated, calibrate
from blackspots.referencing import RouteFinder, km_at, kms_at

Post = tuple[float, float]


def posts(*given: Post, y: float | Sequence[float] = 8.0, **columns: Any) -> gpd.GeoDataFrame:
    """Km posts p0, p1 ... beside a road along the x axis: x [m] and km of each."""
    xs, kms = [x for x, _ in given], [km for _, km in given]
    ys = [y] * len(xs) if isinstance(y, float) else list(y)
    return gpd.GeoDataFrame(
        {"ref": ["QL1"] * len(xs), "km": np.array(kms, dtype="float64"), **columns},
        index=pd.Index([f"p{i}" for i in range(len(xs))], name="post_id"),
        geometry=[shapely.Point(x, y) for x, y in zip(xs, ys, strict=True)],
        crs=METRES,
    )


def straight(length: float, **columns: Any) -> gpd.GeoDataFrame:
    return roads([(0, 0), (length, 0)], **{"ref": ["QL1"], **columns})


def network(length: float, *given: Post, **columns: Any) -> Network:
    return build_network(straight(length, **columns), posts=posts(*given))


@cache
def uncalibrated(length: float, back: bool = False) -> Network:
    line = [(0.0, 0.0), (length, 0.0)]
    return build_network(roads(line[::-1] if back else line, ref=["QL1"]))


def calibrated(net: Network, *given: Post) -> Calibrated:
    """As :func:`network` does, for properties that take many: the roads are built once."""
    return calibrate(net.segments, net.parts, net.routes, posts(*given))


def km(net: Network, *measures: float) -> list[float]:
    return [float(k) for k in kms_at(net.routes, 0, np.array(measures, dtype="float64"))]


def reasons(net: Network | Calibrated) -> list[str | None]:
    assert net.posts is not None
    return [None if pd.isna(r) else r for r in net.posts["reason"]]


def test_km_run_evenly_between_posts_and_by_length_beyond_them() -> None:
    net = network(5000, (1000, 10), (2000, 11), (3300, 12))
    assert km(net, 0, 1000, 1500, 2000, 2650, 3300, 5000) == pytest.approx(
        [9, 10, 10.5, 11, 11.5, 12, 13.7]
    )
    route = net.routes.loc[0]
    assert (route.km_from, route.km_to) == pytest.approx((9, 13.7))
    assert net.posts is not None
    assert net.posts["offset"].tolist() == [8, 8, 8]
    assert net.posts["measure"].tolist() == [1000, 2000, 3300]
    assert reasons(net) == [None] * 3
    assert net.posts["jump"].isna().all()


def test_a_network_without_posts_has_none_and_posts_need_a_crs() -> None:
    assert build_network(straight(1000)).posts is None
    with pytest.raises(BlackspotsError) as refused:
        build_network(straight(1000), posts=posts((0, 1)).set_crs(None, allow_override=True))
    assert refused.value.code == "no-crs"


def test_no_post_at_all_leaves_the_network_as_it_is() -> None:
    plain, net = build_network(straight(1000)), network(1000)
    pd.testing.assert_frame_equal(net.segments, plain.segments)
    pd.testing.assert_frame_equal(net.routes, plain.routes)
    assert net.posts is not None
    assert len(net.posts) == 0


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.floats(-120, 120), min_size=3, max_size=12),
    st.floats(1, 200),
    st.booleans(),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_shifted_posts_give_the_true_km_within_their_shift(
    shifts: list[float], start: float, drawn_back: bool, falling: bool, shuffle: Any
) -> None:
    """Between posts the error is no greater than that of the posts; any order, either way."""
    true = [1000.0 * (i + 1) for i in range(len(shifts))]
    given_posts = [(x + e, start + i) for i, (x, e) in enumerate(zip(true, shifts, strict=True))]
    length = 1000.0 * (len(shifts) + 1)
    if falling:
        given_posts = [(length - x, k) for x, k in given_posts]
    shuffle.shuffle(given_posts)
    net = calibrated(uncalibrated(length, drawn_back), *given_posts)
    assert reasons(net) == [None] * len(shifts)
    x = np.linspace(1000, length - 1000, 23)
    at = x if not falling else length - x
    measures = net.routes.geometry.iloc[0]
    where = np.array([measures.project(shapely.Point(a, 0)) for a in at])
    found = kms_at(net.routes, 0, where)
    worst = max(map(abs, shifts)) / 1000
    assert np.abs(found - (start + x / 1000 - 1)).max() <= 1.5 * worst + 1e-6
    assert (np.diff(found) > 0).all()


def test_the_route_runs_with_its_km_however_it_is_drawn() -> None:
    ways = [[(0, 0), (2000, 0)], [(4000, 0), (2000, 0)]]
    net = build_network(
        roads(*ways, ref=["QL1"] * 2, road_class=["a", "b"]),
        posts=posts((500, 7), (1500, 6), (3500, 4)),
    )
    assert len(net.routes) == 1
    assert km(net, 0, 500, 2500, 4000) == pytest.approx([3.5, 4, 6, 7.5])
    first = net.routes.geometry.iloc[0].coords[0]
    assert first[:2] == (4000, 0)
    own = net.segments.set_index("road_id")
    assert own.loc["r0", ["km_from", "km_to", "route_offset", "route_sign"]].tolist() == (
        pytest.approx([7.5, 5.5, 2000, -1])
    )
    assert own.loc["r1", ["km_from", "km_to", "route_offset", "route_sign"]].tolist() == (
        pytest.approx([3.5, 5.5, 0, 1])
    )
    part = net.parts.set_index("road_id")
    assert (part.at["r0", "km_from"], part.at["r0", "km_to"]) == pytest.approx((7.5, 5.5))


def test_posts_go_before_the_km_of_the_road_and_before_an_origin() -> None:
    road = straight(2000, km_from=[50.0], km_to=[52.0])
    net = build_network(road, posts=posts((0, 10), (1000, 11)), origins={"QL1": (0, 0, 70)})
    assert km(net, 0, 2000) == pytest.approx([10, 12])
    assert net.parts[["km_from", "km_to"]].to_numpy().tolist() == [[10, 12]]


def test_one_post_gives_km_by_length_in_the_direction_the_route_has() -> None:
    assert km(network(3000, (1000, 10)), 0, 3000) == pytest.approx([9, 12])
    # The road layer says that km grow to the west; an origin in the east does the same.
    falling = straight(3000, km_from=[9.0], km_to=[6.0])
    for net in (
        build_network(falling, posts=posts((1000, 10))),
        build_network(straight(3000), posts=posts((1000, 10)), origins={"QL1": (3000, 0, 0)}),
    ):
        assert km(net, 0, 2000, 3000) == pytest.approx([8, 10, 11])


def test_km_do_not_fall_below_zero_before_the_first_post() -> None:
    net = network(3000, (1500, 1), (2500, 2))
    assert km(net, 0, 500, 1000, 3000) == pytest.approx([0, 0, 0.5, 2.5])


def test_two_posts_at_one_place_are_a_km_equation_exactly_there() -> None:
    for near in ((2000, 12), (2003, 12)), ((2003, 12), (2000, 12)):
        one, other = near[0][0], near[1][0]
        net = network(4000, (0, 10), (1000, 11), (one, 12), (other, 15), (3000, 16))
        middle = 2000 if one == other else 2001.5
        assert km(net, middle - 0.01, middle + 0.01) == pytest.approx([12, 15], abs=0.001)
        finder = RouteFinder(net.routes)
        assert finder.find("QL1", 11.5).measure == pytest.approx(1500, abs=2)
        assert finder.find("QL1", 15.5).measure == pytest.approx(2500, abs=2)
        assert finder.find("QL1", 13.5).reason == "km-outside-route"
        assert net.posts is not None
        assert net.posts["jump"].dropna().tolist() == pytest.approx([3000], abs=5)


def test_an_equation_that_goes_back_leads_to_two_places() -> None:
    # Km 12 of the old road is Km 11+400 of the new one.
    net = network(4000, (0, 10), (1000, 11), (2000, 12), (2001, 11.4), (2600, 12), (3600, 13))
    found = RouteFinder(net.routes).find_all("QL1", 11.7)
    assert sorted(f.measure for f in found) == pytest.approx([1700, 2300], abs=2)
    assert reasons(net) == [None] * 6
    assert net.posts is not None
    assert net.posts["jump"].dropna().tolist() == pytest.approx([-600], abs=2)


def test_in_a_gap_km_go_on_by_length_behind_the_last_post() -> None:
    net = network(6000, (0, 10), (1000, 11), (2000, 12), (3000, 40), (4000, 41), (5000, 42))
    assert km(net, 2000, 2999.9, 3000.1, 3500) == pytest.approx([12, 13, 40, 40.5], abs=0.001)
    assert RouteFinder(net.routes).find("QL1", 25).reason == "km-outside-route"
    assert net.posts is not None
    assert net.posts["jump"].dropna().to_dict() == {"p3": pytest.approx(27_000)}


def test_a_long_kilometre_is_no_jump_until_a_third_is_missing() -> None:
    assert km(network(3000, (0, 10), (1280, 11), (2280, 12)), 640) == pytest.approx([10.5])
    net = network(4000, (0, 10), (1000, 11), (3000, 12), (4000, 13))
    # Two kilometres between Km11 and Km12: the second is Km11+1000 to Km11+2000.
    assert km(net, 1500, 2500, 3000) == pytest.approx([11.5, 12.5, 12])


@pytest.mark.parametrize(
    ("kms", "wrong"),
    [
        ([10, 11, 21, 13, 14], [2]),  # 12 mistyped, between good ones
        ([10, 11, 12, 13, 41], [4]),  # the last
        ([110, 11, 12, 13, 14], [0]),  # the first
        ([10, 21, 22, 13, 14], [1, 2]),  # two alike
        ([10, 81, 12, 31, 14], [1, 3]),
        ([10, 81, 12], [1]),
        ([10, 11, 21, 33, 14], [2, 3]),  # two in a row, each of its own
        ([10, 11, 72, 33, 5, 15, 16], [2, 3, 4]),
        ([10, 11, 12, 73, 44], [3, 4]),
    ],
)
def test_a_post_against_all_its_neighbours_is_left_out(kms: list[float], wrong: list[int]) -> None:
    net = network(7000, *[(1000.0 * i, k) for i, k in enumerate(kms)])
    assert [i for i, reason in enumerate(reasons(net)) if reason] == wrong
    assert {r for r in reasons(net) if r} == {"outlier"}
    assert km(net, 0, 2000, 3500) == pytest.approx([10, 12, 13.5])
    assert net.posts is not None
    assert net.posts["jump"].isna().all()


def test_a_post_that_falls_a_little_behind_the_one_before_is_left_out() -> None:
    metres = [(100.0 * i, 45 + i / 10) for i in range(10)]
    metres[4] = (400.0, 45.25)
    net = network(1000, *metres)
    assert [i for i, reason in enumerate(reasons(net)) if reason] == [4]
    assert km(net, 400) == pytest.approx([45.4])


def test_two_posts_of_one_km_far_apart_are_not_one_post() -> None:
    # The last is mistyped; as numbers the two differ by rounding alone.
    net = network(6000, *[(1000.0 * i, 10.1 + i) for i in range(5)], (5000, 11.1 + 1e-9))
    assert [i for i, reason in enumerate(reasons(net)) if reason] == [5]
    assert km(net, 1000, 5000) == pytest.approx([11.1, 15.1])


def test_two_runs_that_disagree_are_both_kept() -> None:
    net = network(9000, *[(1000.0 * i, 10 + i) for i in range(4)], (5000, 31), (6000, 32))
    assert reasons(net) == [None] * 6
    assert km(net, 3500, 5500) == pytest.approx([13.5, 31.5])


def test_posts_of_many_roads_are_calibrated_each_by_itself() -> None:
    """A fiftieth of the posts mistyped: all found, no other left out, km right to some metres."""
    rng = np.random.Generator(np.random.PCG64(7))
    count, length = 6, 20_000.0
    lines = [[(0.0, 700.0 * i), (length, 700.0 * i)] for i in range(count)]
    at = np.arange(100.0, length, 100.0)
    x = np.tile(at, count) + rng.normal(0, 5, count * len(at))
    y = np.repeat(700.0 * np.arange(count), len(at)) + rng.normal(0, 10, len(x))
    kms = 3 + np.tile(at, count) / 1000
    wrong = rng.random(len(x)) < 0.02
    kms[wrong] += rng.choice([-1, 1], wrong.sum()) * rng.uniform(0.5, 2.9, wrong.sum())
    spots = posts(*zip(x, kms, strict=True), y=y.tolist())
    spots["ref"] = np.repeat([f"QL{i}" for i in range(count)], len(at))
    net = build_network(roads(*lines, ref=[f"QL{i}" for i in range(count)]), posts=spots)
    assert [r == "outlier" for r in reasons(net)] == wrong.tolist()
    along = np.linspace(0, length, 400)
    for route in net.routes.index:
        assert np.abs(kms_at(net.routes, route, along) - 3 - along / 1000).max() < 0.05


def test_posts_on_both_sides_of_a_road_are_one_post() -> None:
    pairs = [(0, 10), (12, 10), (1000, 11), (1020, 11), (2005, 12), (2000, 12)]
    sides = posts(*pairs, y=[9.0, -9.0] * 3)
    net = build_network(straight(3000), posts=sides)
    assert reasons(net) == [None] * 6
    assert km(net, 1010) == pytest.approx([11])


def test_of_two_roads_side_by_side_each_has_its_own_posts() -> None:
    both = roads([(0, 0), (3000, 0)], [(0, 20), (3000, 20)], ref=["QL1", "DT234"])
    # All posts stand nearer to the other road.
    spots = posts((0, 10), (1000, 11), (0, 80), (1000, 79), y=[12.0, 12.0, 8.0, 8.0])
    spots["ref"] = ["ql 1a", "QL1", "DT234", "ĐT.234"]
    net = build_network(both, posts=spots)
    of = net.routes.set_index("ref")
    assert (of.at["QL1", "km_from"], of.at["QL1", "km_to"]) == pytest.approx((10, 13))
    assert (of.at["DT234", "km_from"], of.at["DT234", "km_to"]) == pytest.approx((77, 80))
    assert reasons(net) == [None] * 4


def test_both_sides_of_a_divided_road_have_one_km() -> None:
    east, west = [(0, 0), (1500, 0), (3000, 0)], [(3000, 20), (1500, 20), (0, 20)]
    road = roads(east, west, ref=["QL1"] * 2, oneway=["yes", "yes"])
    for way in (1, -1):
        kms = [10, 11, 12][::way]
        net = build_network(
            road, posts=posts(*zip((500, 1500, 2500), kms, strict=True), y=[-6.0, 26.0, -6.0])
        )
        assert len(net.routes) == 1
        assert reasons(net) == [None] * 3
        own = net.segments.set_index("side")
        assert set(own.index) == {"main", "other"}
        ends = own[["km_from", "km_to"]].to_numpy()
        low, high = sorted(ends[0])
        assert (low, high) == pytest.approx((9.5, 12.5), abs=0.01)
        assert ends[1].tolist() == pytest.approx(ends[0][::-1].tolist(), abs=0.01)
        assert net.routes.at[0, "km_from"] == pytest.approx(9.5, abs=0.01)


def test_posts_that_say_nothing_are_told_with_the_reason() -> None:
    spots = posts((0, 10), (1000, 11), (2000, np.nan), (2000, 12), (2000, 12))
    spots["ref"] = ["QL1", "QL9", "QL1", "QL1", None]
    spots.loc["p3", "geometry"] = shapely.Point(2000, REACH + 1)
    net = build_network(straight(3000), posts=spots)
    assert reasons(net) == [None, "unknown-route", "no-km", "too-far", "unknown-route"]
    assert net.posts is not None
    assert net.posts["route_id"].isna().tolist() == [False, True, True, True, True]
    assert km(net, 0, 3000) == pytest.approx([10, 13])


def test_a_route_without_posts_keeps_the_km_of_its_lines() -> None:
    both = roads(
        [(0, 0), (1000, 0)], [(0, 900), (1000, 900)], ref=["QL1", "QL4"],
        km_from=[5.0, 1.0], km_to=[6.0, 2.0],
    )  # fmt: skip
    net = build_network(both, posts=posts((0, 70), (1000, 71)))
    of = net.routes.set_index("ref")
    assert (of.at["QL4", "km_from"], of.at["QL4", "km_to"]) == (1, 2)
    assert (of.at["QL1", "km_from"], of.at["QL1", "km_to"]) == (70, 71)


def test_nothing_given_is_changed_and_the_same_posts_give_the_same_network() -> None:
    road, spots = straight(3000), posts((2000, 10), (1000, 11), (1003, 15))
    before = spots.copy()
    one, two = (build_network(road, posts=spots) for _ in range(2))
    pd.testing.assert_frame_equal(spots, before)
    pd.testing.assert_frame_equal(one.segments, two.segments)
    pd.testing.assert_frame_equal(one.routes, two.routes)
    assert km_at(one.routes, 0, 0) == pytest.approx(9)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 9000), st.floats(0, 30)), max_size=25), st.booleans())
def test_any_posts_give_km_in_order_and_a_place_for_every_measure(
    given_posts: list[Post], rounded: bool
) -> None:
    some = [(x, round(k)) for x, k in given_posts] if rounded else given_posts
    net = calibrated(uncalibrated(9000), *some)
    measures, kms = net.routes.at[0, "post_measures"], net.routes.at[0, "post_km"]
    assert (np.diff(measures) >= 0).all()
    assert len(measures) == len(kms)
    assert (np.array(kms) >= 0).all()
    assert bool(some) == bool(len(kms))
    if some:
        # Along a stretch km never fall; they do so at a jump alone.
        length, rise = np.diff(measures), np.diff(kms)
        assert (rise[length > 0] >= 0).all()
        assert (
            np.abs(length - 1000 * rise)[length > 0]
            <= np.maximum(300, 0.3 * length[length > 0]) + 1e-6
        ).all()
        assert net.routes.at[0, "km_from"] == kms[0]
        assert not all(reasons(net))
