"""Patterns of points along lines, from files to files."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from small_study import (
    DRIVER,
    PLATE,
    crash,
    crashes,
    roads,
    write_features,
    write_rows,
    write_study,
)

import blackspots
from blackspots import alone_commands, expected_files, patterns_files
from blackspots.cli import main
from blackspots.errors import BlackspotsError
from blackspots.patterns_files import Options, patterns_of_files

FILES = {
    *("patterns.gpkg", "lixels.csv", "kdeplus.csv", "k_function.csv", "rejected.csv"),
    *("remarks.csv", "summary.json"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Crashes and roads, a crash far from all, and one whose coordinate cannot be read."""
    write_features(tmp_path / "roads.geojson", roads())
    rows = [*crashes(), crash(21, 400, 900), {**crash(22, 0, 0), "lat": "?!"}]
    write_rows(tmp_path / "crashes.csv", rows)
    return tmp_path


def patterns(folder: Path, *more: str, events: str = "crashes.csv", out: str = "out") -> int:
    files = [str(folder / events), str(folder / "roads.geojson")]
    told = ["--crs", "EPSG:32648", "--out", str(folder / out), "--quiet", "--lang", "en"]
    quick = ["--simulations", "99", "--k-simulations", "19"]
    return main(["patterns", *files, *told, *quick, *more])


def layer(folder: Path, name: str) -> gpd.GeoDataFrame:
    return pyogrio.read_dataframe(folder / "out" / "patterns.gpkg", layer=name)


def summary(folder: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((folder / "out" / "summary.json").read_text("utf-8"))
    return made


def test_points_and_lines_are_enough(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert patterns(folder) == 0
    told = capsys.readouterr().out
    assert "22 read = 20 on the lines + 1 without a place or more than 50 m away + 1 rejec" in told
    assert "Clusters (DBSCAN, 5 points within 150 m along the lines): 1, with 8 points" in told
    assert {file.name for file in (folder / "out").iterdir()} == FILES
    made = summary(folder)
    assert made["read"] == made["placed"] + made["unplaced"] + made["rejected"] == 22
    names = set(pyogrio.list_layers(folder / "out" / "patterns.gpkg")[:, 0])
    assert {"lixels", "clusters", "events", "layer_styles"} <= names
    with sqlite3.connect(folder / "out" / "patterns.gpkg") as base:
        styled = {name for (name,) in base.execute("SELECT f_table_name FROM layer_styles")}
    assert styled == {"lixels", "clusters", "events"}


def test_the_files_hold_what_the_functions_give(folder: Path) -> None:
    assert patterns(folder, "--bandwidth", "120", "--lixel", "40") == 0
    events = layer(folder, "events")
    points = events[["geometry"]]
    lines = gpd.read_file(folder / "roads.geojson").to_crs(32648).set_index("road_id")
    lixels = blackspots.lixel_density(points, lines, bandwidth=120.0, lixel=40.0)
    made = pd.read_csv(folder / "out" / "lixels.csv")
    assert made["density"].to_numpy() == pytest.approx(lixels["density"].to_numpy(), abs=1e-6)
    assert made["line"].tolist() == lixels["line"].tolist()
    assert (made["density"] > 0).equals(made["class"] != "none")
    cluster = blackspots.cluster_points(points, lines, eps=150.0, min_crashes=5)
    assert events["cluster"].fillna(-9).tolist() == cluster.fillna(-9).tolist()
    k = blackspots.network_k(points, lines, radii=np.array([100.0]), seed=1, simulations=0)
    read = pd.read_csv(folder / "out" / "k_function.csv").set_index("radius")
    assert read.at[100.0, "K"] == pytest.approx(k["K"].iloc[0], abs=1e-6)


def test_the_densest_lixels_take_their_share_of_the_length(folder: Path) -> None:
    assert patterns(folder, "--methods", "density", "--lixel", "10") == 0
    made = pd.read_csv(folder / "out" / "lixels.csv")
    length = made["end"] - made["begin"]
    lowest = made.groupby("class")["density"].min()
    assert lowest["highest"] > made.loc[made["class"] == "high", "density"].max()
    share = length.groupby(made["class"]).sum() / length.sum()
    # A lixel that the share ends in is in, and so are all that are as dense.
    assert 0.01 <= share["highest"] < 0.02


def test_no_personal_data_reaches_a_result(folder: Path) -> None:
    assert patterns(folder) == 0
    for file in (folder / "out").iterdir():
        data = file.read_bytes()
        assert PLATE.encode() not in data
        assert DRIVER.encode() not in data
    assert set(layer(folder, "events").columns) == {
        *("source_row", "id", "placed", "line", "measure", "offset", "nearest", "cluster"),
        *("kdeplus", "geometry"),
    }


def test_only_the_methods_asked_for_leave_files_and_older_ones_go(folder: Path) -> None:
    assert patterns(folder) == 0
    (folder / "out" / "mine.txt").write_text("mine")
    assert patterns(folder, "--methods", "clusters") == 0
    left = {file.name for file in (folder / "out").iterdir()}
    assert left == FILES - {"lixels.csv", "kdeplus.csv", "k_function.csv"} | {"mine.txt"}


def test_equal_inputs_give_equal_bytes(folder: Path) -> None:
    assert patterns(folder) == patterns(folder, out="again") == 0
    for name in FILES:
        one, two = ((folder / out / name).read_bytes() for out in ("out", "again"))
        assert one == two, name


@pytest.mark.parametrize("form", ["gpkg", "xlsx"])
def test_a_layer_and_a_workbook_give_what_a_csv_gives(folder: Path, form: str) -> None:
    assert patterns(folder) == 0
    wanted = summary(folder)
    rows = pd.read_csv(folder / "crashes.csv").head(21)
    places = gpd.points_from_xy(rows["lon"].astype(float), rows["lat"].astype(float), crs=4326)
    if form == "gpkg":
        gpd.GeoDataFrame(geometry=places).to_file(folder / "points.gpkg")
    else:
        pd.DataFrame({"Ost": shapely.get_x(places), "Nord": shapely.get_y(places)}).to_excel(
            folder / "points.xlsx", index=False
        )
    named = ["--column", "lon=Ost", "--column", "lat=Nord"] if form == "xlsx" else []
    assert patterns(folder, *named, events=f"points.{form}") == 0
    made = summary(folder)
    for key in ("placed", "nearest_mean", "density_max", "clusters", "kdeplus_clusters"):
        assert made[key] == pytest.approx(wanted[key], abs=1e-3), key


def test_lines_that_share_an_id_are_named_by_their_rows(folder: Path) -> None:
    features = roads()
    for feature in features:
        feature["properties"]["road_id"] = "same"
    write_features(folder / "roads.geojson", features)
    assert patterns(folder, "--methods", "density") == 0
    assert pd.read_csv(folder / "out" / "lixels.csv")["line"].str.fullmatch(r"R\d+").all()


def test_nothing_is_replaced_that_is_not_patterns(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "full").mkdir()
    (folder / "full" / "thesis.txt").write_text("mine")
    assert patterns(folder, out="full") == 1
    assert "this folder holds other files" in capsys.readouterr().err
    study = tmp_path / "study"
    study.mkdir()
    assert main(["run", str(write_study(study)), "--quiet"]) == 0
    before = {file.name: file.read_bytes() for file in (study / "out").iterdir()}
    assert patterns(folder, "--out", str(study / "out")) == 1
    assert "holds the results of `blackspots run`" in capsys.readouterr().err
    assert {file.name: file.read_bytes() for file in (study / "out").iterdir()} == before


def asked(folder: Path, **more: Any) -> Any:
    given = {"crs_name": "EPSG:32648", "options": Options(methods=("k",), k_simulations=0)}
    return patterns_of_files(folder / "crashes.csv", folder / "roads.geojson", **{**given, **more})


def test_what_is_wrong_is_said(folder: Path) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "crs-not-metric": {"crs_name": "EPSG:4326"},
        "crs-unknown": {"crs_name": "EPSG:nothing"},
        "unknown-table-column": {"columns": {"date": "date"}},
        "patterns-none": {"options": Options(methods=(), tolerance=0.0)},
    }
    for code, more in wrong.items():
        with pytest.raises(BlackspotsError) as caught:
            asked(folder, **more)
        assert caught.value.code == code
    (folder / "crashes.csv").write_text("severity,day\nfatal,1\nslight,2\n")
    with pytest.raises(BlackspotsError) as caught:
        asked(folder)
    assert caught.value.code == "no-coordinates"


def test_one_point_has_a_density_and_no_k(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(folder / "crashes.csv", [crash(1, 300, 0)])
    assert patterns(folder) == 0
    assert "fewer than two points" in capsys.readouterr().out
    made = summary(folder)
    assert (made["nearest_mean"], made["clusters"], made["kdeplus_clusters"]) == (None, 0, 0)
    assert made["density_max"] > 0
    assert not (folder / "out" / "k_function.csv").exists()


def test_heaps_of_points_are_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(folder / "crashes.csv", [crash(n, 300, 0) for n in range(1, 11)])
    assert patterns(folder, "--methods", "density") == 0
    assert "10 points are at the very place of another" in capsys.readouterr().out


def test_numbers_out_of_range_are_wrong_usage(folder: Path) -> None:
    for option, value in (
        ("--bandwidth", "0"),
        ("--simulations", "5"),
        ("--seed", "1.5"),
        ("--methods", "guess"),
        ("--radii", "50,x"),
    ):
        with pytest.raises(SystemExit) as caught:
            patterns(folder, option, value)
        assert caught.value.code == 2, option


def test_what_can_be_asked_is_what_there_is() -> None:
    for name in ("METHODS", "DENSITY_METHODS", "KERNELS"):
        assert getattr(alone_commands, name) == getattr(patterns_files, name)
    assert set(alone_commands.LEVELS) == set(expected_files.LEVELS)
    assert set(alone_commands.UNITS) == set(expected_files.UNITS)


def test_an_error_that_names_the_study_file_is_put_into_options(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "crashes.csv").write_text("x,y\n500000,2400000\n500100,2400100\n")
    assert patterns(folder) == 1
    told = capsys.readouterr().err
    assert "[crashes] crs" in told
    assert "[crashes] crs is --events-crs" in told
