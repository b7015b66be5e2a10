"""Detection of level crossings: one fixture for each trap, drawn, and what must hold for all.

The track runs from west to east along y = 0 unless a fixture says otherwise; a road that is
named runs from south to north.
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
from small import METRES, Line
from small import roads as road_layer

from blackspots.crossings.detecting import detect
from blackspots.crossings.lines import Lines, rail_lines
from blackspots.errors import BlackspotsError
from blackspots.schema import FOUND_CROSSINGS, check

X, Y = 600_000.0, 2_300_000.0
"""Where the fixtures lie: coordinates as large as those of a province."""


def there(line: Line) -> list[tuple[float, ...]]:
    return [(X + p[0], Y + p[1], *p[2:]) for p in line]


def roads(*lines: Line, **columns: Sequence[Any]) -> gpd.GeoDataFrame:
    return road_layer(*[there(line) for line in lines], **columns)


def railway(*tracks: Line, **columns: Sequence[Any]) -> Lines:
    layer = road_layer(*[there(line) for line in tracks], **columns)
    layer.index = pd.Index([f"t{i}" for i in range(len(tracks))], name="railway_id")
    return rail_lines(layer)


def across(x: float, low: float = -100.0, high: float = 100.0) -> Line:
    return [(x, low), (x, high)]


TRACK: Line = [(-1000, 0), (1000, 0)]


@cache
def straight() -> Lines:
    return railway(TRACK)


def reasons(row: pd.Series) -> set[str]:
    return set((row["reasons"] or "").split(";")) - {""}


def one(found: gpd.GeoDataFrame) -> pd.Series:
    assert len(found) == 1, found.drop(columns="geometry").to_string()
    row: pd.Series = found.iloc[0]
    return row


def place(row: pd.Series) -> tuple[float, float]:
    return (row["geometry"].x - X, row["geometry"].y - Y)


# --- what is one crossing


def test_a_road_over_a_track_is_one_crossing_with_its_place_and_chainage() -> None:
    r"""
    ::

            │ r0
        ────┼──────  track
            │
    """
    found = detect(roads(across(100), ref=["QL1"], road_class=["national"]), straight())
    row = one(found)
    check(found, FOUND_CROSSINGS)
    assert row["outcome"] == "crossing"
    assert place(row) == pytest.approx((100, 0), abs=1e-6)
    assert row["measure"] == pytest.approx(1100)
    assert (row["tracks"], row["main_tracks"], row["in_station"]) == (1, 1, False)
    assert (row["road_ids"], row["road_name"], row["road_class"]) == ("r0", "QL1", "national")
    assert row["angle"] == pytest.approx(90)
    assert pd.isna(row["crossing_id"])
    assert pd.isna(row["status"])
    assert found.index.tolist() == ["LX-0-1100"]


def test_double_track_is_one_crossing_of_two_tracks_in_their_middle() -> None:
    r"""
    ::

        ────┼──────  track 2, y = 4
        ────┼──────  track 1, y = 0
            │
    """
    lines = railway(TRACK, [(-1000, 4), (1000, 4)])
    row = one(detect(roads(across(0)), lines))
    assert (row["tracks"], row["main_tracks"]) == (2, 2)
    assert place(row) == pytest.approx((0, 2))
    assert not row["in_station"]


def test_two_alleys_thirty_metres_apart_are_two_crossings() -> None:
    found = detect(roads(across(0), across(30), road_class=["path"] * 2), straight())
    assert found["road_ids"].tolist() == ["r0", "r1"]
    assert (found["outcome"] == "crossing").all()


def test_alleys_from_one_street_between_two_tracks_are_two_crossings() -> None:
    r"""
    ::

           │ r1
        ───┼──────────  track 2, y = 20
        ═══╧══╤═══════  r2, a street between the tracks, y = 10
        ──────┼───────  track 1, y = 0
              │ r0
    """
    lines = railway(TRACK, [(-1000, 20), (1000, 20)])
    layer = roads(
        [(0, -80), (0, 10)], [(-12, 10), (-12, 90)], [(-500, 10), (-12, 10), (0, 10), (500, 10)]
    )
    found = detect(layer, lines)
    assert len(found) == 2
    assert found["tracks"].tolist() == [1, 1]


def test_a_road_cut_into_two_at_the_track_is_one_strand() -> None:
    found = detect(
        roads(across(0, high=0), across(0, low=0)), railway([(-1000, 0), (0, 0), (1000, 0)])
    )
    assert one(found)["road_ids"] == "r0;r1"
    assert one(found)["outcome"] == "crossing"


def test_a_road_cut_between_the_tracks_is_one_strand_whatever_the_names() -> None:
    r"""
    ::

            │ r2                r1 is 3 m long and meets no track
        ────┼──────  y = 8
            │ r1
        ────┼──────  y = 0
            │ r0
    """
    lines = railway(TRACK, [(-1000, 8), (1000, 8)])
    layer = roads(across(0, high=2), [(0, 2), (0, 5)], across(0, low=5), name=["A", None, "B"])
    row = one(detect(layer, lines))
    assert row["tracks"] == 2
    assert row["road_ids"] == "r0;r2"


def test_a_road_that_bends_between_the_tracks_goes_on_where_no_other_meets_it() -> None:
    r"""
    ::

             ╱ r1, 60 degrees to the right
        ────╱───  y = 12
           │
        ───┼────  y = 0
           │ r0
    """
    lines = railway(TRACK, [(-1000, 12), (1000, 12)])
    layer = roads(across(0, high=6), [(0, 6), (87, 56)])
    assert one(detect(layer, lines))["tracks"] == 2
    third = roads(across(0, high=6), [(0, 6), (87, 56)], [(0, 6), (-87, 56)])
    assert sorted(detect(third, lines)["tracks"]) == [1, 1, 1]


def test_a_track_cut_at_the_road_is_one_track() -> None:
    lines = railway([(-1000, 0), (0, 0)], [(0, 0), (1000, 0)])
    row = one(detect(roads([(0, -100), (0, 0), (0, 100)]), lines))
    assert (row["tracks"], row["main_tracks"]) == (1, 1)
    assert row["outcome"] == "crossing"


def test_a_road_drawn_twice_is_one_strand() -> None:
    found = detect(roads(across(0), across(0)), straight())
    assert one(found)["road_ids"] == "r0;r1"
    found = detect(roads(across(0), across(0.4)), straight())
    assert one(found)["tracks"] == 1


def test_a_track_drawn_twice_is_one_track() -> None:
    assert one(detect(roads(across(0)), railway(TRACK, TRACK[::-1])))["tracks"] == 1


def test_a_divided_road_is_one_crossing_with_both_carriageways() -> None:
    r"""
    ::

           r0 ↑   ↓ r1      18 m apart
        ──────┼───┼──────
    """
    layer = roads(across(0), across(18)[::-1], ref=["QL1"] * 2, oneway=["yes"] * 2)
    row = one(detect(layer, straight()))
    assert row["road_ids"] == "r0;r1"
    assert place(row) == pytest.approx((9, 0))
    assert "divided" in reasons(row)
    same_way = layer.assign(geometry=roads(across(0), across(18)).geometry)
    assert len(detect(same_way, straight())) == 2
    unknown = layer.assign(oneway=None)
    assert one(detect(unknown, straight()))["tracks"] == 1
    both_ways = layer.assign(oneway="no")
    assert len(detect(both_ways, straight())) == 2
    others = layer.assign(ref=["QL1", "QL4"])
    assert len(detect(others, straight())) == 2


def test_a_sidewalk_belongs_to_its_road_and_a_footway_further_off_does_not() -> None:
    r"""
    ::

         r0 ║╎ r1      ╎ r2        r1: 6 m beside the road, r2: 25 m
        ────╫┼─────────┼────
    """
    layer = roads(across(0), across(6), across(25), road_class=["local", "footway", "footway"])
    found = detect(layer, straight())
    assert found["road_ids"].tolist() == ["r0;r1", "r2"]
    assert found["road_class"].tolist() == ["local", "footway"]
    assert place(found.iloc[0]) == pytest.approx((0, 0))
    assert reasons(found.iloc[0]) >= {"sidewalk"}


def test_two_lines_that_fork_make_two_crossings() -> None:
    r"""
    ::

        ────┼───────  line A           60 degrees between the lines: not parallel
           ╱│
          ╱ │ line B
    """
    lines = railway(TRACK, [(-300, -520), (-8.66, -15), (57.7, 100)], name=["A", "B"])
    found = detect(roads(across(-8.66)), lines)
    assert found["line"].tolist() == ["A", "B"]


# --- levels


LEVELS = [
    # road, track, outcome, reason
    ({"bridge": True}, {}, "apart", "bridge"),
    ({"bridge": True, "layer": 1}, {"layer": 0}, "apart", "bridge"),
    ({}, {"bridge": True}, "apart", "bridge"),
    ({"tunnel": True}, {}, "apart", "tunnel"),
    ({}, {"tunnel": True}, "apart", "tunnel"),
    ({"covered": True}, {}, "apart", "covered"),
    ({"layer": -1}, {"layer": 0}, "apart", "layers-differ"),
    ({"layer": 1}, {}, "review", "layer-of-one"),
    ({"layer": 0}, {}, "crossing", ""),
    ({}, {}, "crossing", "levels-unknown"),
    ({"bridge": False}, {"bridge": False}, "crossing", ""),
    ({"bridge": True, "layer": 1}, {"bridge": True, "layer": 1}, "review", "levels-contradict"),
]


def tagged(tags: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [value] for name, value in tags.items()}


@pytest.mark.parametrize(("road", "track", "outcome", "reason"), LEVELS)
def test_levels_decide_where_no_vertex_is_shared(
    road: dict[str, Any], track: dict[str, Any], outcome: str, reason: str
) -> None:
    row = one(detect(roads(across(0), **tagged(road)), railway(TRACK, **tagged(track))))
    assert row["outcome"] == outcome
    assert reasons(row) == ({reason} - {""})


@pytest.mark.parametrize(
    ("road", "track", "outcome"),
    [
        ({"bridge": True}, {}, "review"),
        ({"layer": 1}, {"layer": 0}, "review"),
        ({"layer": 1}, {}, "review"),
        ({"tunnel": True}, {}, "review"),
        ({"bridge": True, "layer": 1}, {"bridge": True, "layer": 1}, "crossing"),
        ({"bridge": True}, {"bridge": True}, "crossing"),
        ({"bridge": True, "layer": 2}, {"bridge": True, "layer": 1}, "review"),
        ({}, {}, "crossing"),
    ],
)
def test_unequal_levels_at_a_shared_vertex_are_looked_at_not_dropped(
    road: dict[str, Any], track: dict[str, Any], outcome: str
) -> None:
    layer = roads([(0, -100), (0, 0), (0, 100)], **tagged(road))
    row = one(detect(layer, railway([(-1000, 0), (0, 0), (1000, 0)], **tagged(track))))
    assert row["outcome"] == outcome
    assert ("levels-contradict" in reasons(row)) == (outcome == "review")


def test_node_ids_tell_a_shared_vertex_from_two_at_one_place() -> None:
    line: Line = [(0, -100), (0, 0), (0, 100)]
    track: Line = [(-1000, 0), (0, 0), (1000, 0)]
    lines = railway(track, node_ids=[np.array([1, 2, 3])])
    shared = detect(roads(line, node_ids=[np.array([7, 2, 8])]), lines)
    alone = detect(roads(line, node_ids=[np.array([7, 9, 8])]), lines)
    assert "no-shared-node" not in reasons(one(shared))
    assert reasons(one(alone)) == {"no-shared-node", "levels-unknown"}
    assert one(alone)["confidence"] < one(shared)["confidence"]
    bridge = roads(line, node_ids=[np.array([7, 9, 8])], bridge=[True])
    assert one(detect(bridge, lines))["outcome"] == "apart"


def test_a_bridge_over_a_double_track_and_a_river_is_one_row_apart() -> None:
    lines = railway(TRACK, [(-1000, 4), (1000, 4)])
    row = one(detect(roads(across(0, -300, 300), bridge=[True]), lines))
    assert (row["outcome"], row["tracks"]) == ("apart", 2)
    assert row["confidence"] < 0.05


def test_a_bridge_of_the_railway_that_ends_at_the_road_does_not_speak_against_it() -> None:
    lines = railway([(-1000, 0), (0, 0)], [(0, 0), (1000, 0)], bridge=[None, True])
    assert one(detect(roads([(0, -100), (0, 0), (0, 100)]), lines))["outcome"] == "crossing"


def test_a_road_bridge_whose_end_is_on_the_track_is_looked_at() -> None:
    layer = roads(across(0, high=0), across(0, low=0), bridge=[None, True])
    row = one(detect(layer, railway([(-1000, 0), (0, 0), (1000, 0)])))
    assert row["outcome"] == "review"
    assert "levels-contradict" in reasons(row)


@pytest.mark.parametrize(
    ("kind", "reason"), [("disused", "not-in-service"), ("tram", "no-heavy-rail")]
)
def test_tracks_without_trains_are_apart_for_their_reason(kind: str, reason: str) -> None:
    lines = railway(TRACK, [(-1000, 5), (1000, 5)], rail_kind=["rail", kind])
    found = detect(roads(across(0)), lines)
    assert sorted(found["outcome"]) == ["apart", "crossing"]
    gone = found[found["outcome"] == "apart"].iloc[0]
    assert reason in reasons(gone)
    assert pd.isna(gone["line_id"])
    assert found[found["outcome"] == "crossing"].iloc[0]["tracks"] == 1


# --- along the track


def test_a_street_along_the_track_is_one_row_to_be_looked_at() -> None:
    r"""
    ::

        ═══════════════  street and track, one vertex every 20 m
    """
    street = [(float(x), 0.0) for x in range(-400, 401, 20)]
    row = one(detect(roads(street), railway([(float(x), 0.0) for x in range(-1000, 1001, 20)])))
    assert row["outcome"] == "review"
    assert "along-track" in reasons(row)
    assert row["tracks"] == 1


@pytest.mark.parametrize(("step", "swing"), [(15, 3.0), (60, 10.0)])
def test_a_road_that_weaves_about_the_track_is_one_row_to_be_looked_at(
    step: int, swing: float
) -> None:
    weaving = [(float(x), swing * (-1) ** (x // step)) for x in range(-300, 301, step)]
    row = one(detect(roads(weaving), straight()))
    assert row["outcome"] == "review"
    assert reasons(row) & {"weaves", "along-track"}


def test_a_road_that_joins_the_track_and_leaves_it_is_one_row_to_be_looked_at() -> None:
    joins: Line = [(0, -100), (0, 0), (20, 0), (40, 0), (40, 100)]
    row = one(detect(roads(joins), railway([(float(x), 0.0) for x in range(-1000, 1001, 20)])))
    assert row["outcome"] == "review"


@pytest.mark.parametrize(("angle", "outcome"), [(12.0, "review"), (20.0, "crossing")])
def test_the_least_angle_decides(angle: float, outcome: str) -> None:
    far = 100 * np.tan(np.radians(angle))
    row = one(detect(roads([(-100, -far), (100, far)]), straight()))
    assert row["outcome"] == outcome
    assert row["angle"] == pytest.approx(angle, abs=0.1)


# --- stations


def test_a_crossing_of_four_tracks_or_of_side_tracks_is_in_a_station() -> None:
    four = railway(*[[(-1000, y), (1000, y)] for y in (0.0, 5.0, 10.0, 15.0)])
    row = one(detect(roads(across(0)), four))
    assert (row["tracks"], row["in_station"]) == (4, True)
    side = railway(TRACK, [(-200, 5), (200, 5)], service=[None, "siding"])
    row = one(detect(roads(across(0)), side))
    assert (row["tracks"], row["main_tracks"], row["in_station"]) == (2, 1, True)


def test_a_motorway_and_a_track_on_the_same_level_are_hardly_a_crossing() -> None:
    row = one(detect(roads(across(0), road_class=["motorway"]), straight()))
    assert (row["outcome"], "motorway" in reasons(row)) == ("crossing", True)
    assert row["confidence"] < 0.25


def test_a_crossing_near_switches_is_in_a_station_and_a_footway_there_leads_to_platforms() -> None:
    r"""
    ::

               ╱────────────  siding from (0, 0)
        ──┼───┴─────────────
          │ 30 m before the switch
    """
    lines = railway(
        [(-1000, 0), (0, 0), (1000, 0)], [(0, 0), (40, 5), (600, 5)], service=[None, "siding"]
    )
    row = one(detect(roads(across(-30), road_class=["local"]), lines))
    assert (row["in_station"], row["tracks"]) == (True, 1)
    assert "platform" not in reasons(row)
    walk = one(detect(roads(across(-30), road_class=["footway"]), lines))
    assert (walk["outcome"], "platform" in reasons(walk)) == ("crossing", True)
    assert walk["confidence"] < row["confidence"]
    assert not one(detect(roads(across(-80)), lines))["in_station"]


def test_a_switch_at_the_road_counts_two_tracks() -> None:
    lines = railway(
        [(-1000, 0), (0, 0), (1000, 0)], [(0, 0), (40, 5), (600, 5)], service=[None, "siding"]
    )
    assert one(detect(roads(across(0)), lines))["tracks"] == 2


# --- ends of roads


def test_path_ends_that_face_each_other_over_the_track_are_found() -> None:
    r"""
    ::

            ╷ r1, from 6 m
        ────────────
          ╵ r0, to -7 m, 5 m further west
    """
    layer = roads([(0, -90), (0, -7)], [(5, 6), (5, 90)], road_class=["path"] * 2)
    row = one(detect(layer, straight()))
    assert row["outcome"] == "facing"
    assert row["road_ids"] == "r0;r1"
    assert place(row) == pytest.approx((2.5, 0))
    assert row["confidence"] < 0.5
    assert row["tracks"] == 1


def test_facing_ends_over_a_double_track_count_both() -> None:
    lines = railway(TRACK, [(-1000, 4), (1000, 4)])
    row = one(detect(roads([(0, -90), (0, -7)], [(0, 11), (0, 90)]), lines))
    assert (row["outcome"], row["tracks"]) == ("facing", 2)


@pytest.mark.parametrize(
    "lines",
    [
        ([(0, -90), (0, -12)], [(0, 6), (0, 90)]),  # too far from the rail
        ([(0, -90), (0, -7)], [(18, 6), (18, 90)]),  # too far along it
        ([(0, -90), (0, -7)], [(5, -90), (5, -7)]),  # one side
        ([(-90, -7), (0, -7)], [(0, 6), (0, 90)]),  # runs along the rail
        ([(0, -90), (0, -7)], [(0, 6), (0, 90)], [(-50, 6), (0, 6), (50, 6)]),  # no loose end
    ],
)
def test_ends_that_do_not_face_each_other_make_no_row(lines: tuple[Line, ...]) -> None:
    assert detect(roads(*lines), straight()).empty


def test_facing_ends_pair_one_to_one_the_nearest_first() -> None:
    layer = roads([(0, -90), (0, -5)], [(1, 5), (1, 90)], [(8, 5), (8, 90)])
    row = one(detect(layer, straight()))
    assert row["road_ids"] == "r0;r1"


def test_a_sidewalk_with_ends_beside_a_crossing_belongs_to_it() -> None:
    layer = roads(
        across(0),
        [(6, -90), (6, -5)],
        [(6, 5), (6, 90)],
        road_class=["local", "footway", "footway"],
    )
    row = one(detect(layer, straight()))
    assert row["outcome"] == "crossing"
    assert set(row["road_ids"].split(";")) == {"r0", "r1", "r2"}


@pytest.mark.parametrize("end", [0.0, -0.6, 0.5])
def test_a_path_that_ends_on_the_track_is_looked_at(end: float) -> None:
    row = one(detect(roads([(0, -90), (0, end)], road_class=["path"]), straight()))
    assert (row["outcome"], "ends-at-track" in reasons(row)) == ("review", True)


def test_a_path_that_ends_on_the_track_and_one_that_faces_it_are_found_together() -> None:
    layer = roads([(0, -90), (0, 0)], [(4, 8), (4, 90)])
    row = one(detect(layer, straight()))
    assert (row["outcome"], row["road_ids"]) == ("facing", "r0;r1")


def test_two_ends_a_hand_apart_on_either_side_face_each_other() -> None:
    layer = roads([(0, -90), (0, -0.3)], [(0, 0.3), (0, 90)])
    row = one(detect(layer, straight()))
    assert row["outcome"] == "facing"
    assert row["angle"] == pytest.approx(90)


def test_roads_that_touch_the_track_from_one_side_do_not_cross_it() -> None:
    r"""
    ::

        ────┬──────
           ╱ ╲
       r0 ╱   ╲ r1
    """
    track: Line = [(-1000, 0), (0, 0), (1000, 0)]
    row = one(detect(roads([(-60, -60), (0, 0)], [(0, 0), (60, -60)]), railway(track)))
    assert (row["outcome"], "touches-track" in reasons(row)) == ("review", True)
    row = one(detect(roads([(-60, -60), (0, 0), (60, -60)]), railway(track)))
    assert (row["outcome"], "touches-track" in reasons(row)) == ("review", True)


def test_a_path_that_ends_at_the_vertex_of_a_crossing_belongs_to_it() -> None:
    layer = roads([(0, -90), (0, 0), (0, 90)], [(40, 40), (0, 0)], road_class=["local", "path"])
    row = one(detect(layer, straight()))
    assert (row["outcome"], row["road_ids"]) == ("crossing", "r0;r1")


# --- odd input


def test_the_track_may_end_where_it_is_crossed() -> None:
    assert one(detect(roads(across(1000)), straight()))["outcome"] == "crossing"


def test_heights_loops_and_roads_without_length_do_no_harm() -> None:
    ring = [(0, -40), (40, -40), (40, 40), (0, 40), (0, -40)]
    layer = roads(
        [(-300, -50, 7.0), (-300, 50, 9.0)], ring, [(200, 0), (200, 0)], [(300, 10), (300, 10)]
    )
    found = detect(layer, straight())
    assert found["road_ids"].tolist() == ["r0", "r1", "r1"]
    assert (found["outcome"] == "crossing").all()
    assert not shapely.has_z(found.geometry.array).any()


def test_a_ring_that_begins_at_the_track_crosses_there_once() -> None:
    ring = [(0, 0), (0, 40), (80, 40), (80, -40), (0, -40), (0, 0)]
    found = detect(roads(ring), railway([(-1000, 0), (0, 0), (80, 0), (1000, 0)]))
    assert [place(row)[0] for _, row in found.iterrows()] == pytest.approx([0, 80])
    assert (found["outcome"] == "crossing").all()


def test_without_railway_roads_or_meeting_there_is_an_empty_table() -> None:
    none = roads(across(0)).iloc[:0]
    gone = railway(TRACK, rail_kind=["abandoned"])
    for layer, lines in (
        (none, straight()),
        (roads(across(0, 50, 90)), straight()),
        (roads(across(5000)), gone),
        (none, rail_lines(straight().tracks.iloc[:0])),
        (roads(across(0)), rail_lines(straight().tracks.iloc[:0])),
    ):
        found = detect(layer, lines)
        check(found, FOUND_CROSSINGS)
        assert found.empty


def test_layers_that_cannot_be_compared_are_refused() -> None:
    degrees = gpd.GeoDataFrame(geometry=[shapely.LineString([(105, 21), (106, 21)])], crs=4326)
    with pytest.raises(BlackspotsError) as refusal:
        detect(degrees, straight())
    assert refusal.value.code == "crs-not-metric"
    with pytest.raises(ValueError, match="one CRS"):
        detect(roads(across(0)).to_crs(32649), straight())
    with pytest.raises(ValueError, match="0 or more"):
        detect(roads(across(0)), straight(), facing=-1)
    points = gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs=METRES)
    with pytest.raises(BlackspotsError) as refusal:
        detect(points, straight())
    assert refusal.value.code == "roads-unusable"


def test_a_layer_with_lines_of_several_parts_is_taken_apart() -> None:
    parts = shapely.MultiLineString([there(across(0)), there(across(300))])
    layer = gpd.GeoDataFrame(geometry=[parts], crs=METRES, index=pd.Index(["m"], name="road_id"))
    found = detect(layer, straight())
    assert found["road_ids"].tolist() == ["m", "m"]


def test_nothing_that_was_given_is_changed() -> None:
    layer, lines = roads(across(0), ref=["QL1"]), straight()
    before = layer.copy(), lines.tracks.copy(), lines.lines.copy()
    detect(layer, lines)
    for kept, now in zip(before, (layer, lines.tracks, lines.lines), strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(kept), pd.DataFrame(now))


# --- what holds for all


def test_ids_tell_line_and_chainage_and_do_not_hang_on_the_order_of_rows() -> None:
    layer = roads(across(0), across(0.2, 3, 90), across(200), across(500), bridge=[0, 0, 1, 0])
    lines = railway(TRACK, name=["Hà Nội – Đồng Đăng"])
    found = detect(layer, lines)
    again = detect(layer.iloc[::-1], lines)
    assert found.index.tolist()[0].startswith("LX-ha-noi-dong-dang-")
    assert found.index.tolist() == again.index.tolist()
    assert found["outcome"].tolist() == again["outcome"].tolist()


@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-15, 15), st.integers(30, 150), st.booleans()),
        min_size=1, max_size=8, unique_by=lambda road: road[0],
    ),
    st.integers(1, 3),
    st.floats(0, 2 * np.pi),
)  # fmt: skip
def test_every_road_over_the_railway_has_its_row_wherever_it_lies(
    ways: list[tuple[int, int, bool]], tracks: int, turn: float
) -> None:
    """Roads 60 m apart: one row each, of all tracks; bridges apart; however turned."""
    lean = [20.0 / np.tan(np.radians(a)) for _, a, _ in ways]
    lines = [
        [(60 * x - d, -20.0), (60 * x + d, 20.0)] for (x, _, _), d in zip(ways, lean, strict=True)
    ]
    layer = roads(*lines, bridge=[bridge for _, _, bridge in ways])
    rails = [[(-1000.0, 4.0 * i), (1000.0, 4.0 * i)] for i in range(tracks)]
    spun = layer.set_geometry(layer.rotate(turn, origin=(X, Y), use_radians=True))
    railways = road_layer(*[there(line) for line in rails])
    railways.index.name = "railway_id"
    railways = railways.set_geometry(railways.rotate(turn, origin=(X, Y), use_radians=True))
    found = detect(spun, rail_lines(railways))
    assert sorted(found["road_ids"]) == sorted(layer.index)
    assert (found["tracks"] == tracks).all()
    apart = found.set_index("road_ids")["outcome"].eq("apart")
    assert apart.to_dict() == layer["bridge"].astype(bool).to_dict()
    assert found["confidence"].between(0, 1).all()
    assert found.index.is_unique
