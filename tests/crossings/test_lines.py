"""Railway lines: one axis with one measure and official km from the tracks of a layer.

Checked against drawings whose lengths and km are known by arithmetic, the sample's recorded km,
and the real railways of Lạng Sơn and Liechtenstein.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from blackspots.crossings.lines import Lines, km_reasons, on_lines, rail_lines
from blackspots.presets.railwords import is_side, line_key, no_train
from blackspots.referencing import RouteFinder, km_at, kms_at, label, project
from blackspots.schema import CROSSINGS, RAIL_LINES, RAILWAYS, TRACKS, check
from blackspots.schema.keeping import EMPTY
from blackspots.sources import Findings, Source, read_crossings, read_railways

METRES = "EPSG:3405"
XY = Sequence[tuple[float, float]]


def railways(*lines: XY | shapely.Geometry | None, **columns: Any) -> gpd.GeoDataFrame:
    """RAILWAYS of drawn lines [m]; a column is one value for all or a list."""
    shapes = [
        shapely.LineString(line) if isinstance(line, (list, tuple)) else line for line in lines
    ]
    frame = gpd.GeoDataFrame(geometry=gpd.GeoSeries(shapes, crs=METRES))
    frame.index = pd.Index([f"R{i}" for i in range(len(shapes))], name=RAILWAYS.index)
    for column in RAILWAYS.columns:
        frame[column.name] = pd.Series(index=frame.index, dtype=EMPTY[column.kind])
        if column.name in columns:
            value = columns[column.name]
            own = value if isinstance(value, list) else [value] * len(frame)
            frame[column.name] = pd.Series(own, frame.index, dtype=EMPTY[column.kind])
    return frame


def posts(spots: XY, km: Sequence[float], railway: str | None = None) -> gpd.GeoDataFrame:
    """CROSSINGS at places [m] with their km."""
    frame = gpd.GeoDataFrame(geometry=gpd.GeoSeries(shapely.points(spots), crs=METRES))
    frame.index = pd.Index([f"C{i}" for i in range(len(frame))], name=CROSSINGS.index)
    for column in CROSSINGS.columns:
        frame[column.name] = pd.Series(index=frame.index, dtype=EMPTY[column.kind])
    frame["km"], frame["railway"] = [float(k) for k in km], railway
    return frame


def made(tracks: gpd.GeoDataFrame, crossings: gpd.GeoDataFrame | None = None) -> Lines:
    """The lines, which keep to their tables whatever the tracks are."""
    check(tracks, RAILWAYS)
    before = tracks.copy(deep=True)
    lines = rail_lines(tracks, crossings=crossings)
    check(lines.lines, RAIL_LINES)
    check(lines.tracks, TRACKS)
    assert lines.lines.index.tolist() == list(range(len(lines.lines)))
    assert lines.tracks.index.equals(tracks.index)
    assert (lines.tracks["line_id"].isna() == lines.tracks["reason"].notna()).all()
    assert lines.lines.crs == tracks.crs
    pd.testing.assert_frame_equal(tracks, before)
    return lines


def ids(lines: Lines) -> list[int | None]:
    return [None if pd.isna(i) else int(i) for i in lines.tracks["line_id"]]


def test_double_track_is_one_line_with_one_measure() -> None:
    #   0         1000        2000        3000
    #   o----A----o-----B-----o-----C-----o      4.5 m apart, not joined
    #   o--------D--------o-------E-------o
    lines = made(
        railways(
            [(0, 4.5), (1000, 4.5)], [(1000, 4.5), (2000, 4.5)], [(2000, 4.5), (3000, 4.5)],
            [(3000, 0), (1400, 0)], [(1400, 0), (0, 0)], name="Bắc Nam",
        )
    )  # fmt: skip
    assert lines.lines["ref"].tolist() == ["Bắc Nam"]
    assert lines.lines["length"].tolist() == [3000.0]
    assert ids(lines) == [0, 0, 0, 0, 0]
    spots = gpd.GeoSeries(shapely.points([(700, 0), (700, 4.5)]), crs=METRES)
    assert on_lines(spots, lines)["measure"].tolist() == [700.0, 700.0]


def test_a_second_track_that_is_longer_at_one_end_leaves_its_rest_only() -> None:
    #   o---------A---------o
    #           o---------B---------o-----C-----o      C is main line, too
    lines = made(
        railways(
            [(0, 0), (5000, 0)], [(500, 5), (4900, 5)], [(4900, 5), (4950, 5), (5600, 300)],
            name="X",
        )
    )  # fmt: skip
    assert ids(lines)[:2] == [0, 0]
    assert lines.lines["length"].max() >= 5000.0
    assert lines.lines["length"].sum() < 5000.0 + 800.0


def test_loops_and_sidings_of_a_station_belong_to_its_line() -> None:
    #            ____S____           S siding (service), L a passing loop without a word
    #           /____L____\
    #   o---A--o-----B-----o---C--o
    #                \_Y            Y a yard
    lines = made(
        railways(
            [(0, 0), (2000, 0)], [(2000, 0), (2800, 0)], [(2800, 0), (6000, 0)],
            [(2000, 0), (2060, 5), (2740, 5), (2800, 0)],
            [(2060, 5), (2100, 10), (2700, 10), (2740, 5)],
            [(2400, 0), (2450, -15), (2700, -15)],
            name=["X", "X", "X", None, None, None],
            service=[None, None, None, None, "siding", "yard"],
        )
    )  # fmt: skip
    assert lines.lines["length"].tolist() == [6000.0]
    assert ids(lines) == [0] * 6
    assert lines.tracks["main"].tolist() == [True] * 4 + [False] * 2


def test_a_branch_is_a_line_of_its_own_and_no_train_turns_back_at_a_switch() -> None:
    #   o---------A---------J---------C---------o     B leaves in the switch J for (5000, 2000)
    #   0                 2000 \__B__            4500  through (2600, 100). The longest way of all,
    #                             \___________o       B-J-C, would turn back in J.
    lines = made(
        railways(
            [(0, 0), (2000, 0)], [(2000, 0), (2600, 100), (5000, 2000)], [(2000, 0), (4500, 0)],
            name="X",
        )
    )  # fmt: skip
    branch = 608.2762530 + 3061.0455730
    # A-J-B is the longest that a train can run; C is left.
    assert lines.lines["length"].tolist() == pytest.approx([2000 + branch, 2500])
    assert ids(lines) == [0, 0, 1]
    assert lines.lines["ref"].tolist() == ["X", "X"]


def test_a_spur_that_leads_away_is_an_axis_of_its_own_but_no_main_track() -> None:
    lines = made(
        railways(
            [(0, 0), (5000, 0)], [(2000, 0), (2200, 60), (2200, 3000)], name=["X", None],
            service=[None, "spur"],
        )
    )  # fmt: skip
    assert ids(lines) == [0, 1]
    assert lines.tracks["main"].tolist() == [True, False]
    assert lines.lines["ref"].tolist() == ["X", None]


@pytest.mark.parametrize(("gap", "count"), [(90.0, 1), (110.0, 2), (5000.0, 2)])
def test_pieces_of_one_name_join_over_a_short_gap_only(gap: float, count: int) -> None:
    #   o-----A-----o   gap   o---B---o
    lines = made(railways([(0, 0), (1000, 0)], [(1500 + gap, 0), (1000 + gap, 0)], name="X"))
    assert len(lines.lines) == count
    whole = [1500.0 + gap] if count == 1 else [1000.0, 500.0]
    assert lines.lines["length"].tolist() == whole
    assert lines.lines["ref"].tolist() == ["X"] * count


def test_ends_side_by_side_are_no_gap() -> None:
    #   o-----A-----o            60 m apart: they end at one place, but do not face each other
    #
    #   o-----B-----o
    lines = made(railways([(0, 0), (1000, 0)], [(0, 60), (1010, 60)], name="X"))
    assert lines.lines["length"].tolist() == [1010.0, 1000.0]


def test_pieces_without_a_name_are_what_hangs_together_or_fill_the_gap_of_a_name() -> None:
    #   o--X--o==bridge==o--X--o      o--?--o--?--o       o--?--o
    lines = made(
        railways(
            [(0, 0), (1000, 0)], [(1000, 0), (1300, 0)], [(1300, 0), (3000, 0)],
            [(9000, 0), (9400, 0)], [(9400, 0), (10_000, 0)], [(9000, 700), (9200, 700)],
            name=["X", None, "X", None, None, None],
        )
    )  # fmt: skip
    assert ids(lines) == [0, 0, 0, 1, 1, 2]
    assert lines.lines["ref"].tolist() == ["X", None, None]
    assert lines.lines["length"].tolist() == [3000.0, 1000.0, 200.0]


def test_a_number_stands_for_the_name_it_is_given_with() -> None:
    lines = made(
        railways(
            [(0, 0), (1000, 0)], [(1000, 0), (1900, 0)], [(0, 500), (700, 500)],
            name=["Tuyến đường sắt Bắc Nam", None, None], ref=["1", "1", "7"],
        )
    )  # fmt: skip
    assert lines.lines["ref"].tolist() == ["7", "Tuyến đường sắt Bắc Nam"]
    assert ids(lines) == [1, 1, 0]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("tram", "no-heavy-rail"), ("Tàu điện ngầm", "no-heavy-rail"),
        ("monorail", "no-heavy-rail"),
        ("disused", "not-in-service"), ("Đường sắt đã tháo dỡ", "not-in-service"),
        ("construction", "not-in-service"), ("Đang xây dựng", "not-in-service"),
        ("platform", "no-track"), ("rail", None), ("narrow_gauge", None), ("", None),
        ("Khổ 1000 mm", None), (None, None),
    ],
)  # fmt: skip
def test_tracks_without_trains_keep_the_reason(kind: str | None, reason: str | None) -> None:
    lines = made(railways([(0, 0), (1000, 0)], [(0, 900), (800, 900)], rail_kind=["rail", kind]))
    assert lines.tracks["reason"].tolist() == [None, reason]
    assert len(lines.lines) == (1 if reason else 2)


def test_words_are_told_without_marks_but_a_station_is_no_tram() -> None:
    assert no_train("TRAM") == "no-heavy-rail"
    assert no_train("Đường trạm Đồng Mỏ") is None
    assert no_train("Tuyến chưa khai thác") == "not-in-service"
    assert [is_side(w) for w in ("siding", "Đường đón gửi số 2", "chính tuyến", "main")] == [
        True, True, False, False,
    ]  # fmt: skip
    assert line_key("ĐS Hà Nội - Đồng Đăng") == line_key("Tuyến đường sắt HÀ NỘI – ĐỒNG ĐĂNG")
    assert line_key("Đường sắt") == "duong sat"


def test_no_usable_track_gives_no_line_and_all_reasons() -> None:
    square = shapely.box(0, 0, 10, 10)
    tracks = railways(
        [(0, 0), (1000, 0)], [(5, 5), (5, 5)], None, shapely.LineString(), square,
        rail_kind=["abandoned", None, None, None, None],
    )  # fmt: skip
    lines = rail_lines(tracks, crossings=posts([(0, 0)], [1.0]))
    assert len(lines.lines) == 0
    check(lines.lines, RAIL_LINES)
    assert lines.tracks["reason"].tolist() == ["not-in-service"] + ["no-geometry"] * 4
    spots = gpd.GeoSeries([shapely.Point(0, 0), None], crs=METRES)
    assert on_lines(spots, lines)["reason"].tolist() == ["no-railway", "no-location"]
    assert len(rail_lines(tracks.iloc[:0]).tracks) == 0


def test_a_circle_is_one_line_all_round() -> None:
    turn = np.linspace(0, 2 * np.pi, 73)
    ring = [(1000 * np.cos(t), 1000 * np.sin(t)) for t in turn[:-1]]
    ring.append(ring[0])
    whole = shapely.LineString(ring).length
    for cut in ([ring], [ring[:30], ring[29:]]):
        assert made(railways(*cut)).lines["length"].tolist() == pytest.approx([whole])


def test_a_layer_without_the_columns_and_in_three_dimensions_is_read() -> None:
    tracks = gpd.GeoDataFrame(
        geometry=[shapely.LineString([(0, 0, 5), (300, 400, 90)])], crs=METRES
    )
    assert rail_lines(tracks).lines["length"].tolist() == [500.0]


# --- official km


def test_the_km_of_crossings_count_up_from_the_west_end_without_them() -> None:
    lines = made(railways([(5000, 0), (0, 0)], name="X"))
    assert lines.lines.geometry.iloc[0].coords[0] == (0, 0)
    assert lines.lines[["km_from", "km_to"]].isna().all(axis=None)
    assert lines.lines["post_km"].tolist() == [()]
    south = made(railways([(0, 900), (0, 0)])).lines.geometry.iloc[0]
    assert south.coords[0] == (0, 0)


def test_falling_km_turn_the_line_round() -> None:
    #   km 14      13      12      11      10
    #   o---+------+-------+-------+-------+---o
    lines = made(
        railways([(0, 0), (5000, 0)], name="X"),
        posts([(500 + 1000 * i, 3) for i in range(5)], [14 - i for i in range(5)], "X"),
    )
    assert lines.lines.geometry.iloc[0].coords[0] == (5000, 0)
    assert lines.lines[["km_from", "km_to"]].iloc[0].tolist() == pytest.approx([9.5, 14.5])
    spots = gpd.GeoSeries(shapely.points([(1000, 0), (4000, 7)]), crs=METRES)
    found = on_lines(spots, lines)
    assert found["km"].tolist() == pytest.approx([13.5, 10.5])
    # Right of growing km is now north.
    assert found["side"].tolist() == [0, -1]


@pytest.mark.parametrize("wrong", [2.0, 58.3, 11.1, 999.0])
@pytest.mark.parametrize("at", [0, 4, 9])
def test_one_mistyped_km_does_not_bend_the_line(wrong: float, at: int) -> None:
    km = [20.3 + 0.7 * i for i in range(10)]
    km[at] = wrong
    lines = made(
        railways([(0, 0), (8000, 0)], name="X"),
        posts([(300 + 700 * i, 0) for i in range(10)], km, "X"),
    )
    assert kms_at(lines.lines, 0, np.array([0.0, 3500.0, 8000.0])) == pytest.approx(
        [20.0, 23.5, 28.0]
    )


def test_every_recorded_km_is_accounted_for() -> None:
    spots = [(1000 * i, 0.0) for i in range(6)] + [(2500, 850), (3500, 0), (0, 9000)]
    crossings = posts(spots, [10, 11, 12, 31, 14, 15, 12.5, np.nan, 4], "X")
    tracks = railways([(0, 0), (6000, 0)], [(0, 9000), (500, 9000)], name=["X", "Y"])
    lines = made(tracks, crossings)
    assert km_reasons(crossings, lines).tolist() == [
        None, None, None, "km-differs", None, None, "far-from-line", "no-km", "line-without-km",
    ]  # fmt: skip


def test_an_equation_of_the_km_stays() -> None:
    #   km 10    11    12 | 15    16    17          3 km are left out behind measure 2 km
    lines = made(
        railways([(0, 0), (5000, 0)], name="X"),
        posts([(1000 * i, 0) for i in range(6)], [10, 11, 12, 16, 17, 18], "X"),
    )
    assert km_at(lines.lines, 0, 2900.0) == pytest.approx(12.9)
    assert km_at(lines.lines, 0, 3100.0) == pytest.approx(16.1)
    assert RouteFinder(lines.lines).find("X", 17.5).measure == pytest.approx(4500.0)
    assert label(lines.lines, 0, 3100.0, 3200.0) == "X Km16+100–Km16+200"


def test_a_line_without_name_has_a_label() -> None:
    assert label(made(railways([(0, 0), (50, 0)])).lines, 0, 10.0, 20.0) == "#0 10–20 m"


@pytest.mark.parametrize("km", [[12.0], [12.0, 12.0], [12.0, 96.0]])
def test_km_that_do_not_tell_a_direction_or_contradict_each_other_are_unknown(
    km: list[float],
) -> None:
    lines = made(
        railways([(0, 0), (5000, 0)], name="X"),
        posts([(1000 + 1000 * i, 0) for i in range(len(km))], km, "X"),
    )
    assert lines.lines["km_from"].isna().all()


def test_crossings_at_one_place_whose_km_differ_say_nothing() -> None:
    spots = [(0, 0), (1000, 0), (2000, 0), (2004, 0), (3000, 0), (4000, 0)]
    lines = made(railways([(0, 0), (5000, 0)], name="X"), posts(spots, [5, 6, 7, 7.2, 8, 9], "X"))
    assert kms_at(lines.lines, 0, np.arange(0, 5000, 500)) == pytest.approx(
        5 + np.arange(0, 5, 0.5)
    )


def test_the_km_of_tracks_calibrate_the_line_whichever_way_they_are_drawn() -> None:
    #   km 3.0 --A--> 4.0 | 6.1 <--B-- 5.1          an equation at the joint
    lines = made(
        railways(
            [(0, 0), (1000, 0)], [(2000, 0), (1000, 0)], name="X", km_from=[3.0, 6.1],
            km_to=[4.0, 5.1],
        )
    )  # fmt: skip
    assert lines.lines[["km_from", "km_to"]].iloc[0].tolist() == [3.0, 6.1]
    assert kms_at(lines.lines, 0, np.array([999.0, 1000.0])) == pytest.approx([3.999, 5.1])


def test_a_line_drawn_coarsely_is_stretched_and_does_not_jump_all_along() -> None:
    # 1.4 km official for 1 km drawn: the curves are cut.
    km = np.round(50 + 1.4 * np.array([0.1, 1.2, 1.5, 3.9, 5.0, 5.2, 7.7]), 3)
    spots = [(1000 * (k - 50) / 1.4, 0.0) for k in km]
    lines = made(railways([(0, 0), (8000, 0)], name="X"), posts(spots, km.tolist(), "X"))
    assert kms_at(lines.lines, 0, np.array([0, 4000, 8000.0])) == pytest.approx(
        [50.0, 55.6, 61.2], abs=1e-3
    )


def test_a_crossing_belongs_to_the_line_it_names_and_to_the_nearest_without() -> None:
    #   o------------X------------o
    #       c           ^ 30 m
    #   o------------Y------------o
    tracks = railways([(0, 30), (5000, 30)], [(0, 0), (5000, 0)], name=["X", "Y"])
    spots = [(1000 * i, 10.0) for i in range(1, 5)]
    lines = made(tracks, posts(spots, [21, 22, 23, 24], "Đường sắt x"))
    assert lines.lines["km_to"].tolist() == pytest.approx([25.0, np.nan], nan_ok=True)
    for name in (None, "another"):
        lines = made(tracks, posts(spots, [21, 22, 23, 24], name))
        assert lines.lines["km_to"].tolist() == pytest.approx([np.nan, 25.0], nan_ok=True)


# --- places on the lines


def test_points_have_line_measure_offset_and_side_or_a_reason() -> None:
    lines = made(railways([(0, 0), (1000, 0)], [(0, 40), (1000, 40)], name=["X", "Y"]))
    points = gpd.GeoSeries(
        [shapely.Point(200, 10), shapely.Point(300, 10), shapely.Point(9999, 0), None],
        index=list("abcd"), crs=METRES,
    )  # fmt: skip
    named = pd.Series({"a": None, "b": "Tuyến Y", "c": "X"}, dtype=object)
    found = on_lines(points, lines, named=named)
    assert found.index.tolist() == list("abcd")
    assert found["line"].tolist() == ["X", "Y", None, None]
    assert found["measure"].tolist()[:2] == [200.0, 300.0]
    assert found["offset"].tolist()[:2] == [10.0, 30.0]
    assert found["side"].tolist()[:2] == [1, -1]
    assert found["reason"].tolist() == [None, None, "far-from-line", "no-location"]
    assert found["km"].isna().all()
    assert on_lines(points.iloc[:0], lines).shape == (0, 7)


def test_the_side_at_a_corner_is_that_of_both_legs() -> None:
    #        a
    #      o-----o        direction: north, then east
    #      | b
    #      o
    route = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (0, 10), (10, 10)])], index=[7])
    spots = gpd.GeoSeries(shapely.points([(-1, 11), (1, 9), (12, 10), (0, 4), (0, -3), (99, 99)]))
    found = project(spots, route, reach=5.0)
    assert found["route"].tolist()[:5] == [7] * 5
    assert found["side"].tolist()[:5] == [1, -1, 0, 0, 0]
    assert found["offset"].tolist()[:5] == pytest.approx([2**0.5, 1.0, 2.0, 0.0, 3.0])
    assert found.iloc[5].isna().all()
    with pytest.raises(ValueError, match="LineStrings"):
        project(spots, gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)]), reach=5.0)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_place_agrees_with_shapely_on_every_route(seed: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    lines = [
        shapely.LineString(np.cumsum(rng.normal(0, 30, (int(rng.integers(2, 200)), 2)), axis=0))
        for _ in range(3)
    ]
    routes = gpd.GeoDataFrame(geometry=lines, index=[4, 9, 2])
    spots = gpd.GeoSeries(shapely.points(rng.normal(0, 200, (20, 2))))
    found = project(spots, routes, reach=150.0)
    away = np.array([shapely.distance(spots.values, line) for line in lines]).T
    near = away.min(axis=1) <= 150.0
    assert found["route"].notna().tolist() == near.tolist()
    assert found["offset"].to_numpy()[near] == pytest.approx(away.min(axis=1)[near], abs=1e-6)
    for spot, row in zip(spots[near], found[near].itertuples(), strict=True):
        line = routes.geometry[row.route]
        here = shapely.line_interpolate_point(line, row.measure)
        assert shapely.distance(here, spot) == pytest.approx(row.offset, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_tracks_split_turned_and_shuffled_make_the_same_line(seed: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    xy = np.column_stack([np.arange(60) * 80.0, np.cumsum(rng.normal(0, 15, 60))])
    cuts = np.unique(np.r_[0, rng.integers(1, 59, 6), 59])
    pieces = [xy[a : b + 1] for a, b in pairwise(cuts)]
    pieces = [own[::-1] if rng.random() < 0.5 else own for own in pieces]
    drawn = [pieces[i].tolist() for i in rng.permutation(len(pieces))]
    lines = made(railways(*[[tuple(p) for p in own] for own in drawn], name="X"))
    assert len(lines.lines) == 1
    assert lines.lines.geometry.iloc[0].equals(shapely.LineString(xy))


def test_lines_are_ordered_by_name_then_the_longest_and_come_out_the_same_twice() -> None:
    tracks = railways(
        [(0, 9000), (700, 9000)], [(0, 0), (1000, 0)], [(0, 3000), (2000, 3000)],
        [(0, 6000), (500, 6000)], name=[None, "B", "B", "A"],
    )  # fmt: skip
    one, two = made(tracks), made(tracks)
    assert one.lines["ref"].tolist() == ["A", "B", "B", None]
    assert one.lines["length"].tolist() == [500.0, 2000.0, 1000.0, 700.0]
    assert ids(one) == [3, 2, 1, 0]
    pd.testing.assert_frame_equal(one.lines, two.lines)


def test_a_long_network_takes_time_in_proportion() -> None:
    def network(km: int) -> gpd.GeoDataFrame:
        x = np.arange(0, km * 1000 + 1, 40.0)
        xy = np.column_stack([x, 3000 * np.sin(x / 9000)])
        both = (xy, xy + np.array([0, 4.5]))
        pieces = [own[i : i + 51] for own in both for i in range(0, len(xy) - 1, 50)]
        shapes = gpd.GeoSeries([shapely.LineString(own) for own in pieces], crs=METRES)
        return gpd.GeoDataFrame({"name": "X"}, index=range(len(pieces)), geometry=shapes)

    rail_lines(network(50))
    spent = []
    for km in (400, 1600):
        start = time.process_time()
        lines = rail_lines(network(km))
        spent.append(time.process_time() - start)
        assert len(lines.lines) == 1
    assert spent[1] < 10 * spent[0] + 0.5


# --- real railways, and the sample


def test_the_km_of_the_samples_crossings_are_those_recorded(sample: Path) -> None:
    target = CRS("EPSG:9215")
    rails = read_railways(Source(sample / "railways.geojson"), target, Findings())
    crossings = read_crossings(Source(sample / "crossings.geojson"), target, Findings())
    lines = made(rails, crossings)
    found = on_lines(crossings, lines, named=crossings["railway"])
    assert found["line"].tolist() == crossings["railway"].tolist()
    assert (found["km"] - crossings["km"]).abs().max() <= 0.005
    assert len(crossings) == 53


@pytest.mark.shared
def test_the_real_crossings_of_lang_son_lie_on_the_real_line(shared: Path) -> None:
    target = CRS("EPSG:9215")
    vn = shared / "vn"
    file = vn / "langson_osm_reconstructed_lines.geojson"
    rails = read_railways(Source(file, keep={"kind": ["rail"]}), target, Findings())
    crossings = read_crossings(
        Source(vn / "langson_osm_level_crossings.geojson"), target, Findings()
    )
    listed = gpd.read_file(vn / "langson_osm_level_crossings.geojson").set_index("osm_id")
    inside = listed.index[listed["district_pre2025"].notna()].astype(str)
    found = on_lines(crossings, made(rails)).loc[inside]
    assert len(inside) == 15
    assert found["line"].eq("Đường sắt Hà Nội - Đồng Đăng").all()
    assert found["offset"].max() < 30.0


@pytest.mark.shared
def test_liechtenstein_has_one_main_line_of_ten_km(shared: Path) -> None:
    file = shared / "vn" / "osm_fixtures" / "liechtenstein-2013-08-03.osm.pbf"
    rails = read_railways(Source(file), CRS("EPSG:2056"), Findings())
    lines = made(rails)
    assert len(lines.lines) == 1
    assert lines.lines["length"].iloc[0] == pytest.approx(10_193, abs=1.0)
    assert lines.tracks["main"].value_counts().to_dict() == {True: 32, False: 2}
