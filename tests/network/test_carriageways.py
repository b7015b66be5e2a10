"""The two sides of a divided road have one measure; what only looks like one is left alone.

::

    ────<────<────<────<────     other side
    ───┬─>────>────>────>──┬──   main side
       und.                und.
"""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from small import crashes, roads

from blackspots.locating import locate
from blackspots.network import Network, build_network

EAST = [(0.0, 0.0), (1000.0, 0.0), (2000.0, 0.0)]
WEST = [(2000.0, 20.0), (1000.0, 20.0), (0.0, 20.0)]


def sides(net: Network) -> dict[str, str]:
    return dict(zip(net.segments["road_id"], net.segments["side"], strict=True))


def test_two_one_way_lines_of_one_road_are_one_route_of_two_sides() -> None:
    net = build_network(roads(EAST, WEST, ref=["QL1"] * 2, oneway=["yes", "yes"]))
    assert sides(net) == {"r0": "main", "r1": "other"}
    assert len(net.routes) == 1
    main, other = (net.segments[net.segments["side"] == s].iloc[0] for s in ("main", "other"))
    assert (main.route_sign, other.route_sign) == (1, -1)
    assert other.route_offset == pytest.approx(0, abs=1)
    assert other.route_span == pytest.approx(2000, abs=2)


def test_crashes_on_both_sides_have_the_measure_of_the_road() -> None:
    net = build_network(roads(EAST, WEST, ref=["QL1"] * 2, oneway=["yes", "yes"]))
    names = ("segments", "parts", "nodes", "routes")
    made = locate(
        crashes([(500, -2), (500, 22), (1990, 22)]), **{n: getattr(net, n) for n in names}
    ).crashes
    assert made["road_id"].tolist() == ["r0", "r1", "r1"]
    assert made["route_measure"].tolist() == pytest.approx([500, 500, 1990], abs=2)
    assert made["route_id"].nunique() == 1


def test_a_divided_stretch_between_undivided_ones_is_one_route_with_one_length() -> None:
    r"""The road divides and joins again; its route runs through, the other side lies beside it.

    ::

        ─────<>────
    """
    net = build_network(
        roads(
            [(-1000, 0), (0, 0)],
            [(0, 0), (50, -12), (950, -12), (1000, 0)],
            [(1000, 0), (950, 12), (50, 12), (0, 0)],
            [(1000, 0), (2000, 0)],
            ref=["QL1"] * 4,
            oneway=["no", "yes", "yes", "no"],
        )
    )
    assert sorted(sides(net).items()) == [
        ("r0", "both"), ("r1", "main"), ("r2", "other"), ("r3", "both")
    ]  # fmt: skip
    assert len(net.routes) == 1
    assert net.routes["length"].iloc[0] == pytest.approx(1000 + 900 + 2 * 51.4 + 1000, abs=1)
    # The nodes at which it divides are junctions of three legs, and each other's no neighbour.
    assert net.junctions["legs"].tolist() == [3, 3]


@pytest.mark.parametrize(
    ("lines", "columns", "why"),
    [
        ((EAST, [(0.0, 20.0), (2000.0, 20.0)]), {"ref": ["QL1", None]}, "a service road"),
        ((EAST, WEST), {"ref": ["QL1", "QL1"], "oneway": ["no", "no"]}, "two-way streets"),
        ((EAST, WEST), {"ref": ["QL1", "QL4A"], "oneway": ["yes", "yes"]}, "other numbers"),
        ((EAST, [(0.0, 20.0), (2000.0, 20.0)]), {"ref": ["QL1"] * 2, "oneway": ["yes"] * 2},
         "the same way"),
        ((EAST, [(2000.0, 90.0), (0.0, 90.0)]), {"ref": ["QL1"] * 2, "oneway": ["yes"] * 2},
         "too far apart"),
        ((EAST, WEST), {"name": ["Lê Lợi", "Trần Phú"], "oneway": ["yes"] * 2}, "other names"),
        ((EAST, WEST), {"oneway": ["yes"] * 2}, "no number and no name"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_no_other_side(
    lines: tuple[list[tuple[float, float]], ...], columns: dict[str, list[str]], why: str
) -> None:
    net = build_network(roads(*lines, **columns))
    assert set(sides(net).values()) == {"both"}, why
    assert len(net.routes) == 2


def test_the_limbs_of_a_hairpin_are_one_road_and_not_two_sides() -> None:
    limbs = [(0, 0), (800, 0), (830, 15), (800, 30), (0, 30)]
    for oneway in (None, "no"):
        net = build_network(roads(limbs, ref=["QL4B"], oneway=[oneway]))
        assert set(sides(net).values()) == {"both"}
    cut = build_network(roads(limbs[:3], limbs[2:], ref=["QL4B"] * 2))
    assert set(sides(cut).values()) == {"both"}
    assert cut.routes["length"].iloc[0] == pytest.approx(shapely.LineString(limbs).length)


def test_two_sides_without_one_way_rules_are_told_by_being_two_chains() -> None:
    net = build_network(roads(EAST, WEST, ref=["QL1"] * 2))
    assert sorted(sides(net).values()) == ["main", "other"]


def lens(gap: float, taper: float) -> list[list[tuple[float, float]]]:
    """A two-way road, its two sides, and the road again; 5 km."""
    h = gap / 2
    return [
        [(-1000, 0), (0, 0)],
        [(0, 0), (taper, -h), (3000 - taper, -h), (3000, 0)],
        [(3000, 0), (3000 - taper, h), (taper, h), (0, 0)],
        [(3000, 0), (4000, 0)],
    ]


@pytest.mark.parametrize(
    ("gap", "taper", "turned"),
    [(25, 50, ()), (12, 60, (1,)), (15, 150, (2, 3)), (8, 100, (0, 2)), (8, 100, ())],
)
def test_a_road_that_divides_without_one_way_rules_is_one_route(
    gap: float, taper: float, turned: tuple[int, ...]
) -> None:
    r"""Both sides meet the two-way road at both ends, and are no ring for that.

    ::

        ─────<══>────
    """
    lines = [line[:: -1 if i in turned else 1] for i, line in enumerate(lens(gap, taper))]
    net = build_network(roads(*lines, ref=["QL1"] * 4))
    found = sides(net)
    assert (found["r0"], found["r3"]) == ("both", "both")
    assert {found["r1"], found["r2"]} == {"main", "other"}
    assert net.routes["length"].tolist() == pytest.approx([5000], abs=7)


@pytest.mark.parametrize("last", [[(3000.0, -300.0), (3000.0, 0.0), (3000.0, 300.0)], None])
def test_a_divided_road_that_meets_another_or_the_end_of_its_number_is_divided(
    last: list[tuple[float, float]] | None,
) -> None:
    """The sides part from the two-way road, and meet where nothing of their number goes on."""
    lines = lens(20, 60)[:3]
    lines.append(last or [(3000.0, 0.0), (4000.0, 0.0)])
    found = sides(build_network(roads(*lines, ref=["QL1"] * 3 + ["QL4"])))
    assert {found["r1"], found["r2"]} == {"main", "other"}
    # Cut at a cross street they are what they were.
    cross = [(1500, -400), (1500, -10), (1500, 10), (1500, 400)]
    cut = [
        [*line[:2], (1500, y), *line[2:]] for line, y in ((lines[1], -10), (lines[2], 10))
    ]  # fmt: skip
    net = build_network(roads(lines[0], *cut, lines[3], cross, ref=["QL1"] * 3 + ["QL4", None]))
    assert sorted(net.segments.loc[net.segments["ref"] == "QL1", "side"]) == [
        "both", "main", "main", "other", "other"
    ]  # fmt: skip
    assert (net.routes["ref"] == "QL1").sum() == 1


def test_a_hairpin_with_a_side_road_at_its_bend_is_no_divided_road() -> None:
    limbs = [(0, 0), (800, 0), (830, 15), (800, 30), (0, 30)]
    track = [(830, 15), (1200, 15)]
    net = build_network(roads(limbs[:3], limbs[2:], track, ref=["QL4B", "QL4B", None]))
    assert set(sides(net).values()) == {"both"}


LANES = {"e": (0.0, 1), "w": (25.0, -1), "e2": (-20.0, 1), "w2": (45.0, -1), "e3": (-45.0, 1)}


@pytest.mark.parametrize(
    "names",
    ["e w e2", "e2 e w", "e2 w e", "e w e2 w2", "w2 e2 w e", "e2 w2 w e", "w2 e3 e w e2"],
)
def test_all_lines_of_one_road_side_by_side_share_its_measure(names: str) -> None:
    """Three, four or five: one bears the measure, and the outer ones lie beside it too.

    ::

        ──<──── w2
        ──<──── w
        ──>──── e
        ──>──── e2
    """
    chosen = names.split()
    lines = [[(0.0, LANES[n][0]), (3000.0, LANES[n][0])][:: LANES[n][1]] for n in chosen]
    km = [(10.0, 13.0)[:: LANES[n][1]] for n in chosen]
    net = build_network(
        roads(
            *lines,
            ref=["QL1"] * len(lines),
            oneway=["yes"] * len(lines),
            km_from=[a for a, _ in km],
            km_to=[b for _, b in km],
        )
    )
    assert sorted(net.segments["side"]) == ["main"] + ["other"] * (len(lines) - 1)
    assert net.routes[["length", "km_from", "km_to"]].to_numpy().tolist() == [[3000, 10, 13]]
    assert net.segments["route_span"].tolist() == pytest.approx([3000] * len(lines))
    made = locate(
        crashes([None], route=["QL1"], km=[11.5]),
        **{n: getattr(net, n) for n in ("segments", "parts", "nodes", "routes")},
    ).crashes
    assert made["probability"].tolist() == [1.0]
    assert made["route_measure"].tolist() == pytest.approx([1500])


@pytest.mark.parametrize("ways", ["yes", "no"])
def test_a_service_road_of_the_same_number_and_class_is_an_outer_line(ways: str) -> None:
    service = [(500.0, -22.0), (2500.0, -22.0)]
    lines = [[(0.0, 0.0), (3000.0, 0.0)], [(3000.0, 15.0), (0.0, 15.0)], service]
    own = {"ref": ["QL1"] * 3, "oneway": ["yes", "yes", ways]}
    net = build_network(roads(*lines, **own, road_class=["trunk"] * 3))
    assert sides(net) == {"r0": "main", "r1": "other", "r2": "other"}
    outer = net.segments[net.segments["road_id"] == "r2"].iloc[0]
    assert (outer.route_offset, outer.route_span) == pytest.approx((500, 2000))
    other = build_network(roads(*lines, **own, road_class=["trunk", "trunk", "service"]))
    assert sides(other)["r2"] == "both"


def km_of(net: Network) -> tuple[tuple[float, ...], tuple[float, ...]]:
    (route,) = net.routes.itertuples()
    return route.post_measures, route.post_km


def test_km_of_the_other_side_count_where_the_main_side_has_none() -> None:
    """Km are recorded on one line of the two; they fall as it is drawn, and so turn the route."""
    none, nan = (None, None), float("nan")
    west = [(2000.0, 20.0), (0.0, 20.0)]
    for main, other, measures, kms in (
        (none, (13, 10), (0, 2000), (10, 13)),
        (none, (10, 13), (0, 2000), (10, 13)),
        ((20, 22), (13, 10), (0, 2000), (20, 22)),
    ):
        km = [[nan if k is None else k for k in pair] for pair in (main, other)]
        net = build_network(
            roads(
                [(0.0, 0.0), (2000.0, 0.0)],
                west,
                ref=["QL1"] * 2,
                oneway=["yes"] * 2,
                km_from=[k[0] for k in km],
                km_to=[k[1] for k in km],
            )
        )
        assert sides(net) == {"r0": "main", "r1": "other"}
        assert km_of(net) == (pytest.approx(measures), pytest.approx(kms))
        from_west = net.routes.geometry[0].coords[0][0] == 0
        assert from_west == (other != (10, 13))


def test_km_of_the_other_side_fill_only_the_stretch_that_lacks_them() -> None:
    nan = float("nan")
    net = build_network(
        roads(
            [(0.0, 0.0), (1000.0, 0.0)],
            [(1000.0, 0.0), (2000.0, 0.0)],
            [(2000.0, 0.0), (3000.0, 0.0)],
            [(3000.0, 20.0), (0.0, 20.0)],
            ref=["QL1"] * 4,
            oneway=["yes"] * 4,
            km_from=[5.0, nan, 7.4, 18.0],
            km_to=[6.0, nan, 8.4, 15.0],
        )
    )
    assert km_of(net) == (
        pytest.approx((0, 1000, 1000, 2000, 2000, 3000)),
        pytest.approx((5, 6, 16, 17, 7.4, 8.4)),
    )


def test_the_longer_side_bears_the_measure_however_the_other_is_cut() -> None:
    pieces = [[(2000, 20), (1500, 20)], [(1490, 20), (700, 20)], [(690, 20), (0, 20)]]
    net = build_network(roads(*pieces, EAST, ref=["QL1"] * 4, oneway=["yes"] * 4))
    assert sides(net) == {"r0": "other", "r1": "other", "r2": "other", "r3": "main"}
    others = net.segments[net.segments["side"] == "other"].set_index("road_id")
    assert others["route_offset"].tolist() == pytest.approx([1500, 700, 0], abs=2)


def test_a_crossing_road_makes_one_junction_of_both_sides() -> None:
    net = build_network(
        roads(
            EAST,
            WEST,
            [(1000, -300), (1000, 0)],
            [(1000, 0), (1000, 20)],
            [(1000, 20), (1000, 400)],
            ref=["QL1", "QL1", None, None, None],
            oneway=["yes", "yes", "no", "no", "no"],
        ),
        junction_link=10,
    )
    (junction,) = net.junctions.itertuples()
    assert junction.legs == 6
    assert junction.geometry.equals(shapely.Point(1000, 10))


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(-400, 400), min_size=3, max_size=7),
    st.floats(6, 40),
    st.booleans(),
)
def test_a_bent_divided_road_keeps_its_measure_whatever_its_bends(
    bends: list[float], gap: float, other_first: bool
) -> None:
    xs = np.arange(len(bends)) * 1500.0
    main = shapely.segmentize(shapely.LineString(np.c_[xs, bends]), 100)
    other = shapely.offset_curve(main, gap, join_style="mitre").reverse()
    order = [other, main] if other_first else [main, other]
    net = build_network(roads(*[list(s.coords) for s in order], ref=["A"] * 2, oneway=["yes"] * 2))
    assert sorted(net.segments["side"]) == ["main", "other"]
    (route,) = net.routes.itertuples()
    away = net.segments[net.segments["side"] == "other"].iloc[0]
    for share in (0.1, 0.5, 0.93):
        spot = away.geometry.interpolate(share, normalized=True)
        along = share if away.route_sign > 0 else 1 - share
        measure = away.route_offset + along * away.route_span
        assert abs(route.geometry.project(spot) - measure) < 2 * gap + 0.02 * route.length
