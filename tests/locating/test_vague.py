"""Coordinates that are too vague to say which road, and what km posts and directions tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_t
from small import areas, crashes, crossings, roads

from blackspots.locating import Likelihood, Placement, Reach, locate, route_measures, weights
from blackspots.locating.candidates import WIDEST, too_vague
from blackspots.locating.measures import segments_across
from blackspots.network import Network, build_network
from blackspots.sources import heaped

NO_JUNCTIONS = Reach(junction=0.0)


def placed(made: object, net: Network, **more: object) -> Placement:
    layers = {name: getattr(net, name) for name in ("segments", "parts", "nodes", "routes")}
    return locate(made, **layers, **more)  # type: ignore[arg-type]


ROAD = build_network(roads([(0, 0), (9000, 0)], ref=["QL1"], km_from=[10], km_to=[19]))
TWICE = build_network(
    roads(
        *([(0, 0), (6000, 0)], [(0, 9000), (6000, 9000)]),
        ref=["QL1"] * 2,
        km_from=[0, 0],
        km_to=[6, 6],
    )
)


@pytest.mark.parametrize(
    ("uncertainty", "reason"), [(750.0, None), (WIDEST, None), (1501.0, "too-vague")]
)
def test_a_coordinate_vaguer_than_the_search_places_no_crash(
    uncertainty: float, reason: str | None
) -> None:
    made = placed(crashes([(4000, 20)], uncertainty=[uncertainty]), ROAD, certain=1.1)
    assert made.crashes["reason"].tolist() == [reason]
    assert made.crashes["place"].isna().item() == (reason is not None)
    assert made.candidates.empty == weights(made).empty == (reason is not None)


def test_a_tolerance_beyond_the_widest_search_is_what_is_searched() -> None:
    assert too_vague(np.array([1600.0, 2000.0, 2001.0, np.nan]), 2000.0).tolist() == [
        False,
        False,
        True,
        False,
    ]


def test_a_heap_at_the_middle_of_a_district_makes_no_place_of_crashes() -> None:
    district = areas((0, -9000, 18000, 9000), names=["Cao Lộc"])
    register, stacks = heaped(crashes([(9000, 0)] * 8), {"district": district})
    assert stacks["reason"].tolist() == ["middle"]
    made = placed(register, ROAD, areas=district).crashes
    assert made["reason"].tolist() == ["too-vague"] * 8
    assert made["area"].tolist() == ["Cao Lộc"] * 8
    assert made["segment_id"].isna().all()
    # Where districts are the places, it is one.
    only = locate(register, areas=district).crashes
    assert only["place"].tolist() == ["area"] * 8


def test_a_vague_coordinate_leaves_the_place_to_the_km_post() -> None:
    given_ = crashes(
        [(4000, 20), (4000, 20)], route=["QL1"] * 2, km=[11, 99], uncertainty=[7593.0] * 2
    )
    made = placed(given_, ROAD).crashes
    assert made["located_by"].tolist()[0] == "route_km"
    assert made["measure"].tolist()[0] == pytest.approx(1000)
    assert made["probability"].tolist()[0] == pytest.approx(1)
    assert made["reason"].tolist()[1] == "km-outside-route"


def test_of_two_km_posts_a_vague_coordinate_tells_as_the_bivariate_t_does() -> None:
    constants, uncertainty, gaps = Likelihood(), 7593.0, (2000.0, 7000.0)
    given_ = crashes([(3000, 2000)], route=["QL1"], km=[3.0], uncertainty=[uncertainty])
    made = placed(given_, TWICE, certain=1.1).candidates.sort_values("y")
    square = constants.sigma**2 + (uncertainty / 2) ** 2
    error = multivariate_t(shape=np.eye(2) * square * 3 / 5, df=5)
    wrong = constants.wrong_coordinate / constants.span**2
    chance = [(1 - constants.wrong_coordinate) * error.pdf([0, gap]) + wrong for gap in gaps]
    assert made["y"].tolist() == [0, 9000]
    assert made["probability"].tolist() == pytest.approx(np.array(chance) / sum(chance), rel=1e-6)


@pytest.mark.parametrize("with_roads", [True, False])
def test_no_crossing_is_told_from_a_coordinate_that_is_too_vague(*, with_roads: bool) -> None:
    given_ = crashes([(4000, 0)] * 2, train_involved=[True] * 2, uncertainty=[10.0, 1501.0])
    rails = crossings([(4000, 0)])
    made = placed(given_, ROAD, crossings=rails) if with_roads else locate(given_, crossings=rails)
    assert made.crashes["place"].astype(object).where(
        made.crashes["place"].notna(), None
    ).tolist() == [
        "crossing",
        None,
    ]
    assert made.crashes["reason"].tolist() == [None, "too-vague"]


# Divided roads ------------------------------------------------------------------------------

DIVIDED = build_network(
    roads(
        [(0, 0), (4000, 0)],
        [(4000, 20), (1500, 20)],
        [(1500, 20), (0, 20)],
        ref=["QL1"] * 3,
        oneway=["yes"] * 3,
        lanes=[2, 2, 3],
        km_from=[10, 14, 11.5],
        km_to=[14, 11.5, 10],
    )
)


def test_a_direction_of_travel_tells_the_side_on_which_a_km_post_is_meant() -> None:
    given_ = crashes([None] * 4, route=["QL1"] * 4, km=[11] * 4, bearing=[90, 270, 250, None])
    made = placed(given_, DIVIDED)
    assert made.crashes["road_id"].tolist() == ["r0", "r2", "r2", "r0"]
    assert made.crashes["route_measure"].tolist() == pytest.approx([1000] * 4)
    assert made.crashes["probability"].tolist() == pytest.approx([1] * 4)
    assert not made.crashes["uncertain"].any()
    assert made.crashes.geometry.y.tolist() == [0, 20, 20, 0]


def test_the_direction_counts_too_where_the_coordinate_is_plainly_wrong() -> None:
    given_ = crashes([(1000, 5000)] * 2, route=["QL1"] * 2, km=[11] * 2, bearing=[90, 270])
    assert placed(given_, DIVIDED).crashes["road_id"].tolist() == ["r0", "r2"]


def test_a_km_post_that_stands_twice_stays_two_places_with_sides() -> None:
    lines = [(0, 0), (4000, 0)], [(4000, 20), (0, 20)], [(0, 9000), (4000, 9000)]
    net = build_network(
        roads(
            *lines, ref=["QL1"] * 3, oneway=["yes", "yes", None], km_from=[0, 4, 0], km_to=[4, 0, 4]
        )
    )
    made = placed(crashes([None], route=["QL1"], km=[1.0], bearing=[270]), net, reach=NO_JUNCTIONS)
    sure = made.candidates.groupby("route_id")["place_probability"].agg(["min", "max"])
    assert len(sure) == 2
    assert (sure["min"] == sure["max"]).all()
    assert sure["max"].sum() == pytest.approx(1)
    assert made.crashes["uncertain"].item()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 3999), min_size=1, max_size=8))
def test_places_across_have_the_measure_that_was_asked(measures: list[float]) -> None:
    asked = np.array(measures)
    found = segments_across(DIVIDED.segments, np.zeros(len(asked)), asked)
    assert found["place"].tolist() == list(range(len(asked)))
    of = DIVIDED.segments.iloc[found["segment"]]
    assert (of["side"] == "other").all()
    back = route_measures(of, found["measure"].to_numpy())
    np.testing.assert_allclose(back, asked, atol=1e-6)


def test_a_road_that_is_not_divided_has_nothing_across() -> None:
    assert segments_across(ROAD.segments, np.zeros(1), np.array([10.0])).empty


# The scatter of coordinates -----------------------------------------------------------------


def test_crashes_on_one_coordinate_are_one_reading_of_its_scatter() -> None:
    one = placed(crashes([(4000, 3)]), ROAD)
    many = placed(crashes([(4000, 3)] * 40), ROAD)
    assert (one.readings, many.readings) == (1, 1)
    assert many.sigma == pytest.approx(one.sigma)
    apart = placed(crashes([(4000 + i, 3) for i in range(40)]), ROAD)
    assert apart.readings == 40
    assert apart.sigma < one.sigma


@pytest.mark.parametrize(
    "given_",
    [
        crashes([]),
        crashes([None], route=["QL1"], km=[12]),
        crashes([(4000, 5000)]),
        crashes([(4000, 3)], uncertainty=[79.0]),
        crashes([(4000, 3)], uncertainty=[9000.0]),
    ],
    ids=["no crash", "no coordinate", "no road near", "coarse", "too vague"],
)
def test_what_no_coordinate_shows_is_said_to_be_assumed(given_: pd.DataFrame) -> None:
    made = placed(given_, ROAD)
    assert (made.readings, made.sigma) == (0, Likelihood().sigma)
