"""Traffic over crossings that were not counted: a distribution, and trains of the line."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from blackspots.crossings.lines import Lines
from blackspots.crossings.traffic import COLUMNS, draw_vehicles, meanings, traffic_of
from blackspots.crs import parse
from blackspots.errors import BlackspotsError
from blackspots.presets.crossing_traffic import crossing_traffic
from blackspots.presets.files import read, shipped
from blackspots.presets.headers import osm
from blackspots.sources import Findings, Source, read_crossings

PRESET = crossing_traffic()


def crossings(**columns: list[object]) -> gpd.GeoDataFrame:
    size = len(next(iter(columns.values())))
    index = pd.Index([f"X{i}" for i in range(size)], name="crossing_id")
    points = columns.pop("at", [None] * size)
    frame = pd.DataFrame(columns, index=index)
    return gpd.GeoDataFrame(frame, geometry=list(points), crs="EPSG:32648")


def test_a_count_is_taken_as_it_stands() -> None:
    made = traffic_of(crossings(aadt=[150.0, 1.0], road_class=["path", None]))
    assert made["vehicles"].tolist() == [150.0, 1.0]
    assert made["vehicles_low"].tolist() == made["vehicles_high"].tolist() == [150.0, 1.0]
    assert made["log_sd"].tolist() == [0.0, 0.0]
    assert made["vehicles_from"].tolist() == ["counted", "counted"]
    assert list(made.columns) == list(COLUMNS)


@pytest.mark.parametrize("nothing", [0.0, np.nan, -3.0, None, np.inf])
def test_a_path_without_a_count_is_a_distribution_and_never_a_silent_one(nothing: object) -> None:
    made = traffic_of(crossings(aadt=[nothing], road_class=["Đường mòn"])).iloc[0]
    assert made["vehicles_from"] == "assumed:path"
    assert made["vehicles"] == PRESET.classes["path"].median != 1
    assert made["vehicles_low"] < made["vehicles"] < made["vehicles_high"]
    assert made["log_sd"] > 0


def test_the_range_is_that_of_the_preset_where_it_lies_evenly_about_the_median() -> None:
    made = traffic_of(crossings(road_class=["national"])).iloc[0]
    assert made["vehicles_low"] == pytest.approx(1200)
    assert made["vehicles_high"] == pytest.approx(30000)


def test_an_unknown_class_has_the_widest_range_of_all() -> None:
    widest = PRESET.classes["unknown"].log_sd
    assert all(of.log_sd <= widest for of in PRESET.classes.values())
    made = traffic_of(crossings(road_class=[None, "một con đường", "không rõ"]))
    assert made["vehicles_from"].tolist() == ["assumed:unknown"] * 3
    assert made["log_sd"].tolist() == pytest.approx([widest] * 3)


def test_a_self_opened_path_without_a_class_is_a_self_opened_path() -> None:
    made = traffic_of(crossings(kind=["self-opened", "self-opened"], road_class=[None, "service"]))
    assert made["traffic_class"].tolist() == ["self-opened", "service"]


def test_a_kind_of_crossing_tells_the_class_where_no_road_does() -> None:
    made = traffic_of(
        crossings(
            protection=["Footpath Crossing with MSL", "Footpath Crossing", "half gates", None],
            road_class=[None, "track", None, None],
            kind=["official", "official", "official", "self-opened"],
        )
    )
    assert made["traffic_class"].tolist() == ["footway", "track", "unknown", "self-opened"]


def test_the_class_is_that_of_the_list_then_that_of_the_road_found_there() -> None:
    frame = crossings(road_class=["track", None, None])
    found = gpd.GeoDataFrame(
        {
            "crossing_id": ["X0", "X1", None, ""],
            "road_class": ["trunk", "residential", "path", "x"],
        },
        index=pd.Index(["f0", "f1", "f2", "f3"], name="found_id"),
    )
    made = traffic_of(frame, found=found)
    assert made["traffic_class"].tolist() == ["track", "residential", "unknown"]


def test_every_road_class_taken_from_openstreetmap_is_known() -> None:
    words = pd.Series([w for w in osm()["roads"].wanted if w != "busway"], dtype=object)
    assert meanings(words, PRESET.words).notna().all()


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("Quốc lộ", "national"),
        ("Cấp III miền núi", "national"),
        ("đường cấp", "unknown"),
        ("ĐƯỜNG HUYỆN", "district"),
        ("Ngõ 12", "residential"),
        ("footway", "footway"),
    ],
)
def test_words_for_roads_are_known_without_marks_and_with_what_follows(
    word: str, name: str
) -> None:
    assert traffic_of(crossings(road_class=[word]))["traffic_class"].tolist() == [name]


def test_vehicles_by_wheels_stand_in_for_a_missing_total() -> None:
    made = traffic_of(
        crossings(
            aadt=[None, 90.0, None, None],
            four_wheelers=[100.0, 100.0, 100.0, np.nan],
            three_wheelers=[5.0, 5.0, np.nan, np.nan],
            two_wheelers=[400.0, 400.0, 400.0, 900.0],
            road_class=["path"] * 4,
        )
    )
    assert made["vehicles"].tolist()[:3] == [505.0, 90.0, 500.0]
    assert made["vehicles_from"].tolist() == [*["counted"] * 3, "counted-in-part:path"]
    # Only motorcycles were counted: at least these, and how many more is not known.
    assert made["vehicles"].iloc[3] >= 900
    assert made["log_sd"].iloc[3] > 0


def test_two_counted_crossings_do_not_speak_for_their_class_and_three_do() -> None:
    for number, source in ((2, "assumed:path"), (3, "by-counted:path")):
        made = traffic_of(
            crossings(aadt=[*[90.0] * number, None], road_class=["path"] * (number + 1))
        )
        assert made["vehicles_from"].iloc[-1] == source


def test_counted_crossings_move_the_median_as_the_conjugate_normal_says() -> None:
    """Gelman and others 2013, section 2.5, worked by hand: n = 4, all ln(100)."""
    made = traffic_of(crossings(aadt=[*[100.0] * 4, None], road_class=["path"] * 5)).iloc[-1]
    prior = PRESET.classes["path"]
    tau2 = sigma2 = prior.log_sd**2 / 2
    sigma2 = 5 * sigma2 / 8
    precision = 1 / tau2 + 4 / sigma2
    mean = (np.log(prior.median) / tau2 + 4 * np.log(100) / sigma2) / precision
    assert made["vehicles"] == pytest.approx(np.exp(mean))
    assert made["log_sd"] == pytest.approx(np.sqrt(sigma2 + 1 / precision))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.5, 1e5), min_size=3, max_size=30), st.sampled_from(["path", "local"]))
def test_the_median_lies_between_the_assumed_and_the_counted(
    counted: list[float], name: str
) -> None:
    frame = crossings(aadt=[*counted, None], road_class=[name] * (len(counted) + 1))
    made = traffic_of(frame).iloc[-1]
    geometric = float(np.exp(np.mean(np.log(counted))))
    low, high = sorted((geometric, PRESET.classes[name].median))
    assert low * (1 - 1e-9) <= made["vehicles"] <= high * (1 + 1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(1, 1e4), min_size=3, max_size=10), st.floats(1.01, 100))
def test_busier_counted_crossings_never_make_the_others_less_busy(
    counted: list[float], more: float
) -> None:
    medians = []
    for factor in (1.0, more):
        frame = crossings(
            aadt=[*(c * factor for c in counted), None], road_class=["path"] * (len(counted) + 1)
        )
        medians.append(traffic_of(frame)["vehicles"].iloc[-1])
    assert medians[0] < medians[1]


def test_counts_of_one_class_say_nothing_of_another() -> None:
    made = traffic_of(crossings(aadt=[9.0] * 9 + [None], road_class=["path"] * 9 + ["trunk"]))
    assert made["vehicles"].iloc[-1] == PRESET.classes["national"].median


def test_trains_are_those_of_the_nearest_counted_crossing_between_which_it_lies() -> None:
    """
    A  X0(12) . X1 ...... X2 . X3(20)   X4
    B  X5
    """
    frame = crossings(trains=[12.0, np.nan, 0.0, 20.0, np.nan, np.nan])
    placed = pd.DataFrame(
        {
            "line_id": pd.array([0, 0, 0, 0, 0, 1], dtype="Int64"),
            "measure": [0.0, 100.0, 900.0, 1000.0, 1500.0, 50.0],
        },
        index=frame.index,
    )
    made = traffic_of(frame, placed=placed)
    assert made["trains"].tolist()[:5] == [12.0, 12.0, 20.0, 20.0, 20.0]
    assert made["trains_low"].tolist()[:5] == [12.0, 12.0, 12.0, 20.0, 20.0]
    assert made["trains_high"].tolist()[:5] == [12.0, 20.0, 20.0, 20.0, 20.0]
    source = ["counted", "of-line", "of-line", "counted", "of-line", "unknown"]
    assert made["trains_from"].tolist() == source
    assert np.isnan(made["trains"].iloc[5])


def test_trains_follow_the_railway_and_km_of_a_plain_list() -> None:
    frame = crossings(
        trains=[4.0, np.nan, 30.0, np.nan, np.nan],
        railway=["Mai Pha – Na Dương", "MAI PHA - NA DUONG", "Hà Nội", None, "Hà Nội"],
        km=[1.0, 2.0, 1.0, 1.0, np.nan],
    )
    assert traffic_of(frame)["trains"].tolist()[:3] == [4.0, 4.0, 30.0]
    assert np.isnan(traffic_of(frame)["trains"].iloc[3])
    assert traffic_of(frame)["trains"].iloc[4] == 30.0


@pytest.mark.parametrize(("split", "high"), [(False, 30.0), (True, 30.0)])
def test_trains_of_a_double_track_are_the_most_of_one_up_to_their_sum(
    split: bool, high: float
) -> None:
    """
    ====|====   18 trains, drawn as one piece or as two that meet at the crossing
    ====|====   12
    """
    pieces = [[(0, 0), (500, 0)], [(500, 0), (1000, 0)]] if split else [[(0, 0), (1000, 0)]]
    shapes = [shapely.LineString(p) for p in (*pieces, [(0, 5), (1000, 5)], [(0, 9), (1000, 9)])]
    tracks = gpd.GeoDataFrame(
        {
            "trains": [*[18.0] * len(pieces), 12.0, 99.0],
            "main": [*[True] * len(pieces), True, False],
            "line_id": pd.array([0] * len(shapes), dtype="Int64"),
        },
        geometry=shapes,
        crs="EPSG:32648",
    )
    lines = Lines(gpd.GeoDataFrame(geometry=[], crs="EPSG:32648"), tracks)
    frame = crossings(at=[shapely.Point(500, 2), shapely.Point(500, 200)])
    made = traffic_of(frame, lines=lines)
    assert made.iloc[0][["trains", "trains_low", "trains_high"]].tolist() == [18.0, 18.0, high]
    assert made["trains_from"].tolist() == ["of-line", "unknown"]
    placed = pd.DataFrame({"line_id": pd.array([1, None], dtype="Int64"), "measure": [0.0, np.nan]})
    placed.index = frame.index
    assert np.isnan(traffic_of(frame, lines=lines, placed=placed)["trains"].iloc[0])


@pytest.mark.parametrize("size", [0, 1])
def test_no_crossing_and_one_of_which_nothing_is_known_are_answered(size: int) -> None:
    made = traffic_of(crossings(aadt=[None] * size))
    assert len(made) == size
    assert made["trains"].isna().all()
    assert draw_vehicles(made, 3, 1).shape == (3, size)


def test_draws_have_the_median_and_range_that_the_table_states_and_counts_never_vary() -> None:
    made = traffic_of(crossings(aadt=[70.0, None], road_class=["path", "path"]))
    drawn = draw_vehicles(made, 40_000, 7)
    assert (drawn[:, 0] == 70.0).all()
    low, median, high = np.quantile(drawn[:, 1], [0.05, 0.5, 0.95])
    assert median == pytest.approx(made["vehicles"].iloc[1], rel=0.05)
    assert low == pytest.approx(made["vehicles_low"].iloc[1], rel=0.05)
    assert high == pytest.approx(made["vehicles_high"].iloc[1], rel=0.05)


def test_one_seed_gives_the_same_draws_and_another_gives_others() -> None:
    made = traffic_of(crossings(road_class=["path", "track"]))
    assert (draw_vehicles(made, 5, 3) == draw_vehicles(made, 5, 3)).all()
    assert (draw_vehicles(made, 5, 3) != draw_vehicles(made, 5, 4)).all()


def test_nothing_that_is_handed_in_is_changed() -> None:
    frame = crossings(aadt=[5.0, None], trains=[3.0, None], railway=["A", "A"], km=[1.0, 2.0])
    before = frame.copy(deep=True)
    traffic_of(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_the_sample_lists_its_crossings_and_none_is_lost(sample: Path) -> None:
    grid = parse("EPSG:9215", "test")
    source = Source(sample / "crossings.geojson", crs="EPSG:4326")
    frame = read_crossings(source, grid, Findings())
    made = traffic_of(frame)
    assert len(made) == 53
    assert made.index.equals(frame.index)
    assert (made["vehicles_from"] == "counted").sum() == frame["aadt"].notna().sum() == 31
    # Six counted self-opened paths speak for the other 22.
    assert (made["vehicles_from"] == "by-counted:self-opened").sum() == 22
    assert made["vehicles"].notna().all()
    assert (made["trains_from"] == "counted").all()


@pytest.mark.shared
def test_a_uk_crossing_with_a_count_of_zero_is_not_counted(shared: Path) -> None:
    uk = pd.read_csv(shared / "crashes" / "level_crossings" / "uk_level_crossings.csv")
    frame = uk.rename(columns={"Veh Per Day": "aadt", "Trains Per Day": "trains"})
    frame = frame.rename(columns={"Main Crossing Type": "protection"})
    made = traffic_of(gpd.GeoDataFrame(frame, geometry=None))
    assert len(made) == 6855
    counted = made["vehicles_from"] == "counted"
    assert counted.sum() == (uk["Veh Per Day"] > 0).sum()
    assert (made.loc[~counted, "log_sd"] > 0).all()
    # Nobody drives over a footpath crossing as over a road of which nothing is known.
    assert (made["traffic_class"] == "footway").sum() == 2569 + 160 + 87 + 22
    of = made[~counted].groupby("traffic_class")["vehicles"].first()
    assert of["footway"] < of["unknown"]
    # User-worked crossings are counted by hundreds: the others lean on those.
    assert made.loc[~counted & (made["traffic_class"] == "track"), "vehicles"].max() < 5


OWN = """
id = "own"
mark = "U"
citation = "own counts"
title = { vi = "a", en = "b" }
update = { least_counted = 3, median_share = 0.5, spread_worth = 5.0 }
by_kind = { self-opened = "path" }
[classes.path]
vehicles = 20
range = [2, 200]
words = ["lane"]
[classes.unknown]
vehicles = 100
range = [1, 10000]
"""


def test_a_file_of_the_users_own_works_by_path(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    preset = crossing_traffic("own.toml", tmp_path)
    made = traffic_of(crossings(kind=["self-opened"], road_class=["lane"]), preset=preset)
    assert made["vehicles"].tolist() == [20.0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[classes.unknown]", "[classes.other]"),
        ("range = [2, 200]", "range = [30, 200]"),
        ("range = [2, 200]", "range = [2]"),
        ("range = [2, 200]", ""),
        ("median_share = 0.5", "median_share = 1.0"),
        ("least_counted = 3", "least_counted = 0"),
        ('self-opened = "path"', 'self-opened = "road"'),
        ("vehicles = 100", 'vehicles = "many"'),
        ("range = [1, 10000]", 'range = [1, 10000]\nwords = ["lane"]'),
        ("range = [1, 10000]", 'range = [1, 10000]\nwords = ["path"]'),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, old: str, new: str) -> None:
    assert old in OWN
    (tmp_path / "own.toml").write_text(OWN.replace(old, new), encoding="utf-8")
    with pytest.raises(BlackspotsError) as refusal:
        crossing_traffic("own.toml", tmp_path)
    assert refusal.value.code == "bad-crossing-traffic"


def test_every_shipped_file_loads_and_says_that_its_figures_are_assumptions() -> None:
    for name in shipped("crossing_traffic"):
        assert crossing_traffic(name).mark == "A"
        assert read("crossing_traffic", ".toml", name, Path())[0].startswith("#")
