r"""A road goes on through a roundabout, past an island, and across a stagger, as one route.

::

             QL4│                      ╱─>─╮                │
          ╭──<──┴──╮             ─────<    ├───       QL1───┤
    QL1───┤        ├───QL1        QL1  ╲─<─╯                ├───QL1
          ╰──>──┬──╯                                        │
             QL4│
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from small import METRES, crashes, roads

from blackspots.locating import locate
from blackspots.network import Network, build_network
from blackspots.referencing import RouteFinder, kms_at

Line = list[tuple[float, float]]
TABLES = ("segments", "parts", "nodes", "routes")


def on(radius: float, degrees: float) -> tuple[float, float]:
    turn = np.radians(degrees)
    return float(round(radius * np.cos(turn), 3)), float(round(radius * np.sin(turn), 3))


def arcs(radius: float, cuts: Sequence[float]) -> list[Line]:
    """A ring counterclockwise, cut at some angles [degrees] in growing order."""
    stops = [*cuts[1:], cuts[0] + 360]
    return [
        [on(radius, a) for a in np.linspace(one, other, 13)]
        for one, other in zip(cuts, stops, strict=True)
    ]


def crossroads(ring: str | None, **columns: Any) -> gpd.GeoDataFrame:
    """QL1 from the west (3 km) to the east (5 km), QL4 from the south to the north, at a ring."""
    lines = arcs(20, (0, 90, 180, 270))
    lines += [[(20, 0), (5000, 0)], [(0, 20), (0, 1000)], [(-20, 0), (-3000, 0)]]
    lines += [[(0, -20), (0, -1000)]]
    return roads(*lines, ref=[ring] * 4 + ["QL1", "QL4", "QL1", "QL4"], **columns)


def whole(net: Network) -> None:
    """A route's line is as long as its measure, and its segments lie where they say."""
    np.testing.assert_allclose(net.routes.length, net.routes["length"], atol=1e-6)
    for segment in net.segments[net.segments["side"] != "other"].itertuples():
        line = net.routes.geometry[segment.route_id]
        ends = segment.geometry.coords[0], segment.geometry.coords[-1]
        for at, end in zip((0, segment.length), ends[:: segment.route_sign], strict=True):
            here = line.interpolate(segment.route_offset + at)
            assert here.distance(shapely.Point(end)) < 1e-6


@pytest.mark.parametrize("ring", [None, "QL1", "QL4", "QL7"])
@pytest.mark.parametrize("recorded", [True, False])
def test_two_numbers_run_straight_through_a_roundabout(ring: str | None, recorded: bool) -> None:
    columns = {"roundabout": [recorded] * 4 + [False] * 4, "oneway": [1] * 4 + [0] * 4}
    net = build_network(crossroads(ring, **columns), origins={"QL1": (-3000.0, 0.0, 0.0)})
    assert len(net.junctions) == 1
    own = net.routes[net.routes["ref"].isin(["QL1", "QL4"])].set_index("ref")
    assert own["length"].to_dict() == pytest.approx({"QL1": 8000, "QL4": 2000})
    assert own["km_to"]["QL1"] == pytest.approx(8)
    made = locate(
        crashes([None] * 3, route=["QL1"] * 3, km=[2.0, 3.3, 5.0]),
        **{n: getattr(net, n) for n in TABLES},
    ).crashes
    at = [net.segments.geometry[s].interpolate(m) for s, m in zip(
        made["segment_id"], made["measure"], strict=True)]  # fmt: skip
    assert [round(p.x) for p in at] == [-1000, 300, 2000]
    whole(net)


def test_a_ring_of_the_number_of_the_road_lies_beside_it() -> None:
    net = build_network(crossroads("QL1", oneway=["yes"] * 4 + [None] * 4))
    ring = net.segments[net.segments["length"] < 100]
    assert ring["side"].tolist() == ["other"] * 4
    (route,) = ring["route_id"].unique()
    assert net.routes.at[route, "ref"] == "QL1"
    at = np.sort(np.c_[ring["route_offset"], ring["route_offset"] + ring["route_span"]], axis=1)
    first = 2980 if net.routes.geometry[route].coords[0] == (-3000, 0) else 4980
    assert at.tolist() == pytest.approx(
        np.array([[first + 20, first + 40], [first, first + 20]] * 2)[[0, 1, 3, 2]], abs=1e-6
    )


def test_a_road_that_ends_at_a_roundabout_leaves_the_ring_alone() -> None:
    lines = [*arcs(20, (0, 120)), [(20, 0), (500, 0)], [on(20, 120), (-300, 600)]]
    net = build_network(roads(*lines, ref=["QL1", "QL1", "QL1", None]))
    assert set(net.segments["side"]) == {"both"}
    assert len(net.routes) == 3


@pytest.mark.parametrize("ways", ["yes", None])
@pytest.mark.parametrize("ring", [None, "QL1"])
def test_islands_before_a_roundabout_part_no_road(ways: str | None, ring: str | None) -> None:
    """On either side the road parts in an entry and an exit, each to a node of its own."""
    cuts = (20, 90, 160, 200, 340)
    lines = arcs(22, cuts)
    lines += [[(80, 0), (3000, 0)], [on(22, 20), (80, 0)], [(80, 0), on(22, 340)]]
    lines += [[(-80, 0), (-2000, 0)], [on(22, 200), (-80, 0)], [(-80, 0), on(22, 160)]]
    lines += [[(0, 22), (0, 400)]]
    net = build_network(
        roads(
            *lines,
            ref=[ring] * 5 + ["QL1"] * 6 + [None],
            oneway=["yes"] * 5 + [ways and "no", ways, ways] * 2 + ["no"],
            roundabout=[True] * 5 + [False] * 7,
        )
    )
    own = net.routes[net.routes["ref"] == "QL1"]
    assert len(own) == 1
    assert own["length"].iloc[0] == pytest.approx(5000, abs=5)
    legs = net.segments[net.segments["length"].between(55, 65)]
    assert sorted(legs["side"]) == ["main", "main", "other", "other"]
    beside = legs[legs["side"] == "other"]
    assert beside["route_span"].tolist() == pytest.approx([60, 60], abs=8)
    whole(net)


def test_a_divided_road_passes_a_roundabout_whichever_side_bears_its_measure() -> None:
    """East of the ring the northern side is the longer one, west of it the southern."""
    cuts = (20, 90, 160, 200, 340)
    x, y = on(30, 20)
    lines = arcs(30, cuts)
    lines += [[(-x, -y), (-1000, -y)][::-1], [(-x, y), (-990, y)]]
    lines += [[(x, -y), (990, -y)], [(x, y), (1000, y)][::-1], [(0, 30), (0, 300)]]
    net = build_network(
        roads(
            *lines,
            ref=[None] * 5 + ["QL1"] * 4 + [None],
            oneway=["yes"] * 9 + ["no"],
            roundabout=[True] * 5 + [False] * 5,
        )
    )
    sides = net.segments.set_index("road_id")["side"]
    assert sides[["r5", "r6", "r7", "r8"]].tolist() == ["main", "other", "other", "main"]
    own = net.routes[net.routes["ref"] == "QL1"]
    assert own["length"].tolist() == pytest.approx([2000 - 2 * x + np.hypot(2 * x, 2 * y)], abs=0.1)


def test_a_road_enters_a_roundabout_by_lines_whose_exits_are_not_known_as_its() -> None:
    """As in OpenStreetMap at the Rhine bridge of Vaduz, whose exits have no name."""
    lines = arcs(20, (10, 90, 170, 270))
    lines += [[(60, 0), (500, 0)], [(60, 0), on(20, 10)], [(-500, 0), (-60, 0)]]
    lines += [[(-60, 0), on(20, 170)], [(0, 20), (0, 300)], [(0, -20), (0, -300)]]
    net = build_network(
        roads(
            *lines,
            ref=[None] * 4 + ["QL1"] * 4 + [None] * 2,
            oneway=["yes"] * 4 + ["no", "yes"] * 2 + ["no"] * 2,
            roundabout=[True] * 4 + [False] * 6,
        )
    )
    assert (net.routes["ref"] == "QL1").sum() == 1


def stagger(gap: float, refs: Sequence[str | None], y: float = 0.0) -> gpd.GeoDataFrame:
    """A road from the west and one to the east, ``gap`` apart on a road from south to north."""
    return roads(
        [(-1000, 0), (0, 0)],
        [(0, gap), (1000, gap + y)],
        [(0, -500), (0, 0), (0, gap), (0, 500)],
        ref=refs,
    )


@pytest.mark.parametrize(
    ("gap", "refs", "routes"),
    [
        (25, ["QL1", "QL1", "QL4"], 2),
        (25, ["QL1", "QL4A", "QL4"], 3),
        (25, [None, None, "QL4"], 3),
        (35, ["QL1", "QL1", "QL4"], 3),
    ],
    ids=["one number", "two numbers", "no number", "two junctions"],
)
def test_a_number_goes_on_across_a_staggered_junction(
    gap: float, refs: list[str | None], routes: int
) -> None:
    net = build_network(stagger(gap, refs))
    assert len(net.routes) == routes
    if routes == 2:
        assert net.routes.set_index("ref")["length"].to_dict() == {"QL1": 2025, "QL4": 1000}
    whole(net)


def test_a_name_goes_on_straight_and_does_not_turn() -> None:
    for y, routes in ((0, 2), (8000, 3)):
        lines = stagger(25, [None] * 3, y).assign(name=["Lê Lợi", "Lê Lợi", "Trần Phú"])
        assert len(build_network(lines).routes) == routes


def test_a_number_does_not_turn_back_across_a_junction() -> None:
    """Two ends that come from the same side are no road through; nor are two that both enter."""
    line = [(0, -500), (0, 0), (0, 25), (0, 500)]
    west: list[Line] = [[(-1000, 0), (0, 0)], [(-1000, 70), (-900, 25), (0, 25)]]
    net = build_network(roads(*west, line, ref=["QL1", "QL1", "QL4"], oneway=["no"] * 3))
    assert len(net.routes) == 3
    one = stagger(25, ["QL1", "QL1", "QL4"])
    assert len(build_network(one.assign(oneway=["yes", "-1", None])).routes) == 3
    assert len(build_network(one.assign(oneway=["yes", "yes", None])).routes) == 2


def test_km_run_on_across_a_roundabout_by_road_and_by_posts() -> None:
    lines = crossroads(None)
    lines["km_from"], lines["km_to"] = np.nan, np.nan
    lines.loc["r6", ["km_from", "km_to"]] = 3.0, 0.0
    lines.loc["r4", ["km_from", "km_to"]] = 3.0, 8.0
    net = build_network(lines)
    find = RouteFinder(net.routes).find
    assert find("QL1", 2.0).measure == pytest.approx(2980 * 2 / 3)
    assert find("QL1", 4.0).measure == pytest.approx(3020 + 4980 / 5)
    km = [1.0, 2.0, 4.0, 5.0]
    posts = gpd.GeoDataFrame(
        {"ref": ["QL1"] * 4, "km": km},
        geometry=[shapely.Point(1000 * (k - 3), 8) for k in km],
        crs=METRES,
    )
    net = build_network(lines, posts=posts)
    (route,) = net.routes.index[net.routes["ref"] == "QL1"]
    assert kms_at(net.routes, route, np.array([0.0, 3000.0, 8000.0])).tolist() == pytest.approx(
        [0, 3, 8]
    )


@settings(max_examples=15, deadline=None)
@given(
    st.floats(8, 38),
    st.lists(st.integers(0, 11), min_size=2, max_size=5, unique=True),
    st.booleans(),
)
def test_a_number_passes_any_ring_between_any_two_of_its_legs(
    radius: float, legs: list[int], numbered: bool
) -> None:
    """Whatever the angle, short of turning back; the measure is that of the line across."""
    cuts = sorted(25 * leg for leg in legs)
    arms = [[on(radius, c), on(radius + 400, c)] for c in cuts]
    first = [cuts.index(25 * leg) for leg in legs[:2]]
    refs = ["QL1" if i in first else None for i in range(len(cuts))]
    net = build_network(
        roads(
            *arcs(radius, cuts),
            *arms,
            ref=["QL1" if numbered else None] * len(cuts) + refs,
            roundabout=[True] * len(cuts) + [False] * len(cuts),
        )
    )
    between = abs(25 * (legs[0] - legs[1])) % 360
    turn = 180 - min(between, 360 - between)
    through = net.routes[(net.routes["ref"] == "QL1") & (net.routes["length"] > 700)]
    assert len(through) == (turn < 120)
    if len(through):
        chord = np.hypot(*np.subtract(on(radius, 25 * legs[0]), on(radius, 25 * legs[1])))
        assert through["length"].iloc[0] == pytest.approx(800 + chord, abs=0.05)
    whole(net)
