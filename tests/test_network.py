"""The network builder: where roads meet, what is a junction, how routes run.

Checked against drawings whose answer is plain, and on real roads against the figures that the
R package stlnpp publishes for Medellin (shared/data/crashes/README.md, section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
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
from blackspots.network import Network, build_network
from blackspots.referencing import km_at


def counts(net: Network) -> tuple[int, int, int, int]:
    return len(net.segments), len(net.nodes), len(net.junctions), len(net.routes)


def tiling_holds(net: Network) -> None:
    """Every segment is in one route; the segments of a route tile it from 0 to its length."""
    assert net.segments["length"].sum() == pytest.approx(net.routes["length"].sum())
    np.testing.assert_allclose(net.segments.length, net.segments["length"], atol=1e-9)
    np.testing.assert_allclose(net.routes.length, net.routes["length"], atol=1e-6)
    seen = []
    for route_id, own in net.segments.sort_values("route_offset").groupby("route_id"):
        line = net.routes.geometry[route_id]
        ends = own["route_offset"] + own["length"]
        assert own["route_offset"].iloc[0] == 0.0
        np.testing.assert_allclose(own["route_offset"].iloc[1:], ends.iloc[:-1], atol=1e-6)
        assert ends.iloc[-1] == pytest.approx(net.routes.at[route_id, "length"])
        for segment in own.itertuples():
            first = np.asarray(segment.geometry.coords[0])
            last = np.asarray(segment.geometry.coords[-1])
            if segment.route_sign < 0:
                first, last = last, first
            for at, measure in (
                (first, segment.route_offset),
                (last, segment.route_offset + segment.length),
            ):
                on = np.asarray(line.interpolate(measure).coords[0])
                np.testing.assert_allclose(on, at, atol=1e-5)
        seen += list(own.index)
    assert sorted(seen) == list(net.segments.index)


# Where roads meet ---------------------------------------------------------------------------


def test_t_junction_at_an_interior_vertex_splits_the_through_road() -> None:
    net = build_network(roads([(0, 0), (100, 0), (300, 0)], [(100, 0), (100, 80)]))
    assert sorted(net.segments["length"]) == [80.0, 100.0, 200.0]
    assert list(net.junctions["legs"]) == [3]
    assert net.junctions.geometry.iloc[0].equals(shapely.Point(100, 0))
    assert sorted(net.nodes["degree"]) == [1, 1, 1, 3]


def test_a_bend_that_no_other_road_shares_does_not_split() -> None:
    net = build_network(roads([(0, 0), (100, 0), (100, 100)]))
    assert counts(net) == (1, 2, 0, 1)


@pytest.mark.parametrize("end", [(100, 80), (100, 0.4)])
def test_an_end_that_touches_a_line_between_its_vertices_does_not_join(
    end: tuple[float, float],
) -> None:
    net = build_network(roads([(0, 0), (300, 0)], [end, (100, 200)]))
    assert counts(net) == (2, 4, 0, 2)


def test_lines_that_cross_without_a_shared_vertex_stay_apart() -> None:
    net = build_network(roads([(0, 0), (200, 0)], [(100, -100), (100, 100)]))
    assert counts(net) == (2, 4, 0, 2)


def test_lines_that_cross_at_a_shared_vertex_of_one_layer_join() -> None:
    net = build_network(roads([(0, 0), (100, 0), (200, 0)], [(100, -100), (100, 0), (100, 100)]))
    assert counts(net) == (4, 5, 1, 2)
    assert net.junctions["legs"].iloc[0] == 4


def test_a_bridge_over_a_road_with_a_shared_interior_vertex_does_not_join() -> None:
    over = roads([(0, 0), (100, 0), (200, 0)], [(100, -100), (100, 0), (100, 100)], layer=[0, 1])
    assert counts(build_network(over)) == (2, 4, 0, 2)


def test_a_missing_layer_is_the_ground() -> None:
    lines = [(0, 0), (100, 0), (200, 0)], [(100, -100), (100, 0), (100, 100)]
    assert counts(build_network(roads(*lines, layer=[0, None])))[2] == 1


def test_a_bridge_goes_on_end_to_end_with_the_road_on_the_ground() -> None:
    net = build_network(
        roads([(0, 0), (100, 0)], [(100, 0), (200, 0)], [(200, 0), (300, 0)], layer=[0, 1, 0])
    )
    assert counts(net) == (1, 2, 0, 1)
    assert net.routes["length"].iloc[0] == 300.0
    assert net.parts["road_id"].tolist() == ["r0", "r1", "r2"]


def test_a_bridge_that_begins_at_a_through_road_joins_it() -> None:
    """A road leads onto a bridge at the very vertex of a T: its end is on the ground."""
    net = build_network(roads([(0, 0), (100, 0), (300, 0)], [(100, 0), (100, 80)], layer=[0, 1]))
    assert counts(net) == (3, 4, 1, 2)


def test_an_overpass_whose_lines_are_cut_at_the_crossing_stays_apart() -> None:
    """Both lines end at the vertex under the bridge; each goes on in its own layer."""
    net = build_network(
        roads(
            [(0, 0), (100, 0)],
            [(100, 0), (200, 0)],
            [(100, -100), (100, 0)],
            [(100, 0), (100, 100)],
            layer=[0, 0, 1, 1],
        )
    )
    assert counts(net) == (2, 4, 0, 2)
    assert sorted(net.segments["length"]) == [200.0, 200.0]


def test_roundabout_with_four_legs_is_one_junction() -> None:
    turn = np.radians(np.arange(0, 361, 15))
    ring = [
        (float(round(x, 6)), float(round(y, 6))) for x, y in 15 * np.c_[np.cos(turn), np.sin(turn)]
    ]
    ring[-1] = ring[0]
    legs = [[ring[i], (ring[i][0] * 10, ring[i][1] * 10)] for i in (0, 6, 12, 18)]
    net = build_network(roads(ring, *legs))
    assert len(net.segments) == 8
    assert list(net.junctions["legs"]) == [4]
    assert net.junctions.geometry.iloc[0].distance(shapely.Point(0, 0)) < 1e-6
    tiling_holds(net)


def test_dead_end_island_and_loop() -> None:
    loop = [(500, 0), (600, 0), (600, 100), (500, 100), (500, 0)]
    net = build_network(roads([(0, 0), (100, 0)], [(0, 1000), (50, 1000)], loop))
    assert counts(net) == (3, 5, 0, 3)
    closed = net.segments[net.segments["length"] == 400].iloc[0]
    assert closed["from_node"] == closed["to_node"]
    assert net.nodes.at[closed["from_node"], "degree"] == 2
    tiling_holds(net)


def test_a_loop_on_a_stem_is_a_junction_of_three_legs() -> None:
    net = build_network(roads([(0, 0), (100, 0)], [(100, 0), (200, 50), (200, -50), (100, 0)]))
    assert counts(net)[:3] == (2, 2, 1)
    assert net.junctions["legs"].iloc[0] == 3
    tiling_holds(net)


def test_a_road_that_crosses_itself_at_a_vertex_is_cut_there() -> None:
    loop = [(0, 0), (100, 0), (200, 0), (200, 100), (100, 100), (100, 0), (100, -100)]
    net = build_network(roads(loop, ref=["QL1"]))
    assert len(net.segments) == 3
    assert net.nodes["degree"].max() == 4
    assert len(net.routes) == 1
    assert net.routes["length"].iloc[0] == pytest.approx(600)
    tiling_holds(net)


@pytest.mark.parametrize("second", [[(0, 0), (100, 0)], [(100, 0), (0, 0)]])
def test_a_line_drawn_twice_is_one_road_and_the_second_is_told(
    second: list[tuple[float, float]],
) -> None:
    net = build_network(roads([(0, 0), (100, 0)], second, oneway=["yes", "yes"]))
    assert counts(net) == (1, 2, 0, 1)
    assert net.parts["road_id"].tolist() == ["r0", "r1"]
    assert net.parts["again"].tolist() == [False, True]
    assert net.parts["road_to"].tolist() == [100, 100 if second[0] == (0, 0) else 0]
    # Drawn once for either direction it is a road for both.
    assert net.segments["oneway"].tolist() == [1 if second[0] == (0, 0) else 0]
    tiling_holds(net)


# Segments from junction to junction ---------------------------------------------------------


def test_pieces_of_one_road_are_one_segment_whose_figures_are_means_by_length() -> None:
    net = build_network(
        roads(
            [(0, 0), (100, 0)],
            [(400, 0), (100, 0)],
            [(400, 0), (500, 0)],
            ref=["QL1"] * 3,
            aadt=[1000, 3000, None],
            lanes=[2, 4, 2],
        )
    )
    (segment,) = net.segments.itertuples()
    assert (segment.length, segment.road_id) == (500, "r1")
    assert segment.aadt == pytest.approx((1000 * 100 + 3000 * 300) / 400)
    assert segment.lanes == pytest.approx((2 * 200 + 4 * 300) / 500)
    parts = net.parts.sort_values("road_id")
    assert parts["from_measure"].tolist() == [400, 100, 0]  # it runs as its longest piece
    assert parts["road_from"].tolist() == [100, 0, 100]
    assert parts["road_to"].tolist() == [0, 300, 0]


@pytest.mark.parametrize(
    "change",
    [
        {"ref": ["QL1", "QL4A"]},
        {"name": ["Lê Lợi", "Trần Phú"]},
        {"road_class": ["national", "local"]},
        {"oneway": ["yes", "no"]},
        {"oneway": ["yes", "-1"]},
        {"oneway": ["yes", None]},
    ],
)
def test_a_road_that_changes_is_another_segment(change: dict[str, list[Any]]) -> None:
    net = build_network(roads([(0, 0), (100, 0)], [(100, 0), (200, 0)], **change))
    assert len(net.segments) == 2
    same = {key: [values[0]] * 2 for key, values in change.items()}
    assert len(build_network(roads([(0, 0), (100, 0)], [(100, 0), (200, 0)], **same)).segments) == 1


def test_one_way_pieces_drawn_against_each_other_but_driven_alike_are_one_segment() -> None:
    net = build_network(roads([(0, 0), (100, 0)], [(250, 0), (100, 0)], oneway=["yes", "-1"]))
    assert net.segments["oneway"].tolist() == [-1]
    assert net.segments.geometry.iloc[0].coords[0] == (250, 0)


def test_a_ring_whose_pieces_are_drawn_both_ways_is_one_segment() -> None:
    corners = [(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)]
    for flip in range(16):
        pieces = [corners[i : i + 2][:: -1 if flip >> i & 1 else 1] for i in range(4)]
        net = build_network(roads(*pieces))
        assert counts(net) == (1, 1, 0, 1)
        assert sorted(net.parts["road_id"]) == ["r0", "r1", "r2", "r3"]


def test_a_ring_of_several_pieces_without_any_junction_is_one_segment() -> None:
    corners = [(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)]
    net = build_network(roads(*[corners[i : i + 2] for i in range(4)]))
    assert counts(net) == (1, 1, 0, 1)
    assert net.segments["length"].tolist() == [400]


def test_zero_length_parts_vanish() -> None:
    net = build_network(
        roads([(0, 0), (0, 0), (100, 0), (100, 0.001), (200, 0)], [(50, 50), (50, 50.001)])
    )
    assert len(net.segments) == 1
    assert net.segments["length"].iloc[0] == pytest.approx(200, abs=0.01)
    assert (net.segments["length"] > 0).all()


def test_vertices_within_the_tolerance_are_one_node() -> None:
    lines = [(0, 0), (100, 0)], [(100.2, 0.1), (200, 0)]
    assert counts(build_network(roads(*lines))) == (2, 4, 0, 2)
    assert counts(build_network(roads(*lines), node_tolerance=1.0)) == (1, 2, 0, 1)


def ids(*rows: Sequence[int]) -> list[np.ndarray]:
    return [np.array(row, dtype="int64") for row in rows]


CROSS = [(0, 0), (100, 0), (200, 0)], [(100, -100), (100, 0), (100, 100)]


def test_lines_with_node_ids_join_at_a_shared_id_whatever_their_layer() -> None:
    """OpenStreetMap: a bridge that shares a node with the road under it joins it."""
    net = build_network(roads(*CROSS, layer=[0, 1], node_ids=ids((1, 2, 3), (4, 2, 5))))
    assert counts(net) == (4, 5, 1, 2)
    assert net.junctions.geometry.iloc[0].equals(shapely.Point(100, 0))


def test_lines_with_node_ids_stay_apart_at_one_place_with_two_ids() -> None:
    net = build_network(roads(*CROSS, node_ids=ids((1, 2, 3), (4, 6, 5))))
    assert counts(net) == (2, 4, 0, 2)
    ends = roads([(0, 0), (100, 0)], [(100, 0), (200, 0)], node_ids=ids((1, 2), (3, 4)))
    assert counts(build_network(ends)) == (2, 4, 0, 2)


def test_node_ids_beyond_32_bits_and_below_zero_are_ids_too() -> None:
    net = build_network(roads(*CROSS, node_ids=ids((1, 12_000_000_002, 3), (4, -2, 5))))
    assert counts(net) == (2, 4, 0, 2)
    net = build_network(roads(*CROSS, node_ids=ids((1, -2, 3), (4, -2, 5))))
    assert counts(net) == (4, 5, 1, 2)


@pytest.mark.parametrize(
    "rows", [[np.array([1, 2, 3]), None], [np.array([1, 2, 3]), np.array([4, 5])], [None, None]]
)
def test_places_and_layers_decide_unless_every_vertex_has_an_id(
    rows: list[np.ndarray | None],
) -> None:
    assert counts(build_network(roads(*CROSS, node_ids=rows))) == (4, 5, 1, 2)
    assert counts(build_network(roads(*CROSS, layer=[0, 1], node_ids=rows))) == (2, 4, 0, 2)


def test_two_ids_at_one_place_of_one_line_are_one_node() -> None:
    """Node 3 lies on node 2 of the same road; roads that end at either meet there."""
    net = build_network(
        roads(
            [(0, 0), (100, 0), (100, 0), (200, 0)],
            [(100, 0), (100, 80)],
            [(100, 0), (100, -80)],
            node_ids=ids((1, 2, 3, 4), (2, 5), (3, 6)),
        )
    )
    assert counts(net) == (4, 5, 1, 2)
    assert net.junctions["legs"].iloc[0] == 4
    assert (net.segments["length"] > 0).all()


# Junctions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("gap", "junctions", "legs"), [(30.0, 1, 4), (30.5, 2, 3)])
def test_nodes_joined_by_a_short_link_are_one_junction(
    gap: float, junctions: int, legs: int
) -> None:
    staggered = roads(
        [(0, 0), (100, 0), (100 + gap, 0), (300, 0)],
        [(100, 0), (100, 90)],
        [(100 + gap, 0), (100 + gap, -90)],
    )
    net = build_network(staggered)
    assert len(net.junctions) == junctions
    assert (net.junctions["legs"] == legs).all()
    assert net.nodes["junction_id"].notna().sum() == 2


def test_near_nodes_without_a_link_between_them_are_two_junctions() -> None:
    net = build_network(
        roads(
            [(0, 0), (100, 0), (200, 0)],
            [(100, 0), (100, -90)],
            [(0, 10), (100, 10), (200, 10)],
            [(100, 10), (100, 90)],
        )
    )
    assert len(net.junctions) == 2


def test_paths_make_no_junction() -> None:
    lines = [(0, 0), (100, 0), (200, 0)], [(100, 0), (100, 80)]
    net = build_network(roads(*lines, road_class=["national", "path"]))
    assert counts(net)[:3] == (3, 4, 0)
    assert len(build_network(roads(*lines, road_class=["national", "local"])).junctions) == 1


def test_junction_is_labelled_with_its_roads_and_has_half_the_traffic_of_its_legs() -> None:
    lines = [(0, 0), (100, 0), (200, 0)], [(100, 0), (100, 80)]
    net = build_network(roads(*lines, ref=["QL4A", "QL1"], aadt=[4000, 1000]))
    row = net.junctions.iloc[0]
    assert row["label"] == "QL1 × QL4A"
    assert row["aadt"] == (4000 + 4000 + 1000) / 2
    unknown = build_network(roads(*lines, ref=["QL4A", None], aadt=[4000, None]))
    assert unknown.junctions["label"].iloc[0] == "QL4A"
    assert np.isnan(unknown.junctions["aadt"].iloc[0])


# Routes -------------------------------------------------------------------------------------


def test_a_number_runs_through_a_junction_even_where_it_turns() -> None:
    """QL1 comes from the west and leaves to the north; a local road goes on to the east."""
    net = build_network(
        roads(
            [(0, 0), (100, 0)],
            [(100, 0), (100, 100)],
            [(100, 0), (200, 0)],
            ref=["QL1", "QL1", None],
        )
    )
    assert len(net.routes) == 2
    assert net.routes.set_index("ref").at["QL1", "length"] == 200


def test_roads_without_a_number_go_straight_on_and_do_not_turn() -> None:
    net = build_network(roads([(0, 0), (100, 0)], [(100, 0), (100, 100)], [(100, 0), (200, 0)]))
    assert sorted(net.routes["length"]) == [100, 200]
    assert all(value is None for value in net.routes["ref"])


@pytest.mark.parametrize(("turn", "routes"), [(59, 2), (61, 3)])
def test_unnamed_roads_turn_by_no_more_than_sixty_degrees(turn: int, routes: int) -> None:
    """From the west one may bear left or right by ``turn``; the two are no way from each other."""
    away = [
        [(0, 0), (100 * float(np.cos(angle)), 100 * float(np.sin(angle)))]
        for angle in np.radians([turn, turn + 20])
    ]
    assert len(build_network(roads([(-100, 0), (0, 0)], *away)).routes) == routes


def test_two_unnamed_roads_alone_at_a_node_go_on_around_any_bend() -> None:
    net = build_network(roads([(0, 0), (100, 0)], [(100, 0), (100, 100)]))
    assert len(net.routes) == 1


def test_unnamed_roads_do_not_chain_as_one_where_others_have_a_number() -> None:
    """Two unnamed side roads meet QL1 at right angles to each other: none goes on."""
    net = build_network(
        roads(
            [(0, 0), (100, 0), (200, 0)],
            [(100, 0), (100, 80)],
            [(100, 0), (30, -10)],
            ref=["QL1", None, None],
            name=[None, None, "Lê Lợi"],
        )
    )
    assert len(net.routes) == 3
    assert set(net.routes["ref"]) == {"QL1", None}
    assert set(net.segments["ref"]) == {"QL1", None}
    assert set(net.routes["name"]) == {"Lê Lợi", None}


def test_a_name_chains_roads_where_others_have_a_number() -> None:
    net = build_network(
        roads(
            [(0, 0), (100, 0), (200, 0)],
            [(100, -80), (100, 0)],
            [(100, 0), (100, 80)],
            [(100, 80), (150, 80)],
            ref=["QL1", None, None, None],
            name=[None, "Lê Lợi", "Trần Phú", "Trần Phú"],
        )
    )
    assert sorted(net.routes["length"]) == [80, 130, 200]


def test_different_names_do_not_chain() -> None:
    net = build_network(
        roads([(0, 0), (100, 0)], [(100, 0), (200, 0)], name=["Lê Lợi", "Trần Phú"])
    )
    assert sorted(net.routes["name"]) == ["Lê Lợi", "Trần Phú"]


@pytest.mark.parametrize("backwards", [False, True])
def test_km_are_interpolated_and_run_with_the_route_whichever_way_it_was_drawn(
    backwards: bool,
) -> None:
    line, km = [(0, 0), (1000, 0), (3000, 0)], (10.0, 13.3)
    if backwards:
        line, km = line[::-1], km[::-1]
    net = build_network(
        roads(
            line,
            [(1000, 0), (1000, 500)],
            ref=["QL1", None],
            km_from=[km[0], None],
            km_to=[km[1], None],
        )
    )
    (route_id,) = net.routes.index[net.routes["ref"] == "QL1"]
    assert net.routes.at[route_id, "km_from"] == 10.0
    assert net.routes.at[route_id, "km_to"] == pytest.approx(13.3)
    # 3.3 official km over 3,000 m: 1.1 km a kilometre.
    assert km_at(net.routes, route_id, 1000) == pytest.approx(11.1)
    assert km_at(net.routes, route_id, 2000) == pytest.approx(12.2)
    assert net.routes.geometry[route_id].coords[0] == (0.0, 0.0)
    own = net.segments[net.segments["ref"] == "QL1"]
    assert sorted(own[["km_from", "km_to"]].to_numpy().ravel()) == pytest.approx(
        [10.0, 11.1, 11.1, 13.3]
    )
    assert (own["route_sign"] == (-1 if backwards else 1)).all()
    tiling_holds(net)


def test_pieces_drawn_in_both_directions_make_one_route_with_rising_km() -> None:
    net = build_network(
        roads(
            [(0, 0), (1000, 0)],
            [(2000, 0), (1000, 0)],
            [(2000, 0), (3000, 0)],
            ref=["QL1"] * 3,
            km_from=[0, 2, 2],
            km_to=[1, 1, 3],
        )
    )
    assert len(net.routes) == 1
    assert [km_at(net.routes, 0, m) for m in (0, 500, 1500, 3000)] == pytest.approx(
        [0, 0.5, 1.5, 3]
    )
    assert net.segments["route_sign"].tolist() == [1]
    assert net.parts["road_from"].tolist() == [0, 1000, 0]
    tiling_holds(net)


def test_an_origin_gives_km_from_its_end_of_the_road() -> None:
    line = roads([(0, 0), (2000, 0)], [(2000, 0), (5000, 0)], ref=["QL1B", "QL1B"])
    net = build_network(line, origins={"QL1B": (5010.0, 30.0, 7.5)})
    assert km_at(net.routes, 0, 0) == 7.5
    assert km_at(net.routes, 0, 5000) == 12.5
    assert net.routes.geometry[0].coords[0] == (5000.0, 0.0)
    assert len(build_network(line).routes.at[0, "post_km"]) == 0


# Any grid -----------------------------------------------------------------------------------


@st.composite
def grids(draw: st.DrawFn) -> gpd.GeoDataFrame:
    """Random walks on a 5 by 5 grid: roads that meet, repeat, loop and cross themselves."""
    lines, refs, layers = [], [], []
    for _ in range(draw(st.integers(1, 7))):
        x, y = draw(st.integers(0, 4)), draw(st.integers(0, 4))
        line = [(x * 100.0, y * 100.0)]
        for _ in range(draw(st.integers(1, 7))):
            dx, dy = draw(st.sampled_from([(1, 0), (-1, 0), (0, 1), (0, -1)]))
            x, y = min(max(x + dx, 0), 4), min(max(y + dy, 0), 4)
            line.append((x * 100.0, y * 100.0))
        if len(set(line)) > 1:
            lines.append(line)
            refs.append(draw(st.sampled_from([None, "QL1", "QL4A"])))
            layers.append(0)
    if not lines:
        lines, refs, layers = [[(0.0, 0.0), (100.0, 0.0)]], [None], [0]
    return roads(*lines, ref=refs, layer=layers)


@settings(max_examples=50, deadline=None)
@given(grids())
def test_on_any_grid_segments_sum_to_the_roads_and_tile_the_routes(grid: gpd.GeoDataFrame) -> None:
    before = grid.copy()
    net = build_network(grid)
    pd.testing.assert_frame_equal(grid, before)
    parts = net.parts.assign(length=net.parts["to_measure"] - net.parts["from_measure"])
    once = parts[~parts["again"]]
    assert net.segments["length"].sum() == pytest.approx(once["length"].sum())
    assert net.segments["length"].sum() == pytest.approx(shapely.union_all(grid.geometry).length)
    assert net.nodes["degree"].sum() == 2 * len(net.segments)
    by_road = parts.groupby("road_id")["length"].sum()
    np.testing.assert_allclose(by_road.reindex(grid.index), grid.length)
    for part in parts.itertuples():
        road, segment = grid.geometry[part.road_id], net.segments.geometry[part.segment_id]
        for share in (0.2, 0.9):
            along = part.road_from + share * (part.road_to - part.road_from)
            on = segment.interpolate(part.from_measure + share * part.length)
            assert road.interpolate(along).distance(on) < 1e-6
    for column, at in (("from_node", 0), ("to_node", -1)):
        ends = shapely.points([s.coords[at] for s in net.segments.geometry])
        np.testing.assert_allclose(
            shapely.distance(ends, net.nodes.geometry.array[net.segments[column]]), 0, atol=1e-9
        )
    tiling_holds(net)


# What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:4756", "EPSG:2263"])
def test_a_crs_without_true_metres_is_refused_and_a_better_one_named(crs: str) -> None:
    layer = gpd.GeoDataFrame(
        geometry=[shapely.LineString([(106.7, 21.8), (106.8, 21.9)])], crs="EPSG:4326"
    ).to_crs(crs)
    with pytest.raises(BlackspotsError) as refused:
        build_network(layer)
    assert refused.value.code == "crs-not-metric"
    assert refused.value.fields["proposal"] == "EPSG:32648"


def test_no_crs_is_refused() -> None:
    with pytest.raises(BlackspotsError) as refused:
        build_network(roads([(0, 0), (1, 0)], crs=None))
    assert refused.value.code == "no-crs"


# Real roads ---------------------------------------------------------------------------------


@pytest.mark.shared
def test_medellin_has_the_published_segments_vertices_and_length(shared: Path) -> None:
    table = pd.read_csv(shared / "crashes" / "medellin" / "segments.csv")
    ends = table[["x0", "y0", "x1", "y1"]].to_numpy().reshape(-1, 2, 2)
    net = build_network(roads(*ends, crs="EPSG:3116"))
    # Theirs are the pieces between shared vertices; ours run on to the next junction.
    assert len(net.parts) == 728
    assert net.parts["road_id"].is_unique
    assert not net.parts["again"].any()
    assert net.segments["length"].sum() == pytest.approx(29_759.42, abs=0.005)
    degree = np.bincount(table[["from", "to"]].to_numpy().ravel())
    assert len(degree[degree > 0]) == 643
    np.testing.assert_array_equal(
        np.sort(net.nodes["degree"]), np.sort(degree[(degree > 0) & (degree != 2)])
    )
    tiling_holds(net)


def test_metres_is_the_crs_of_the_small_worlds() -> None:
    assert roads([(0, 0), (1, 0)]).crs == METRES
