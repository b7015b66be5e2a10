"""Outputs are whole or untouched, safe to open in a spreadsheet, and styled in QGIS."""

import csv
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from needs import missing
from small_study import edit, tree, without, write_study

from blackspots import store, styles
from blackspots.cli import main
from blackspots.errors import BlackspotsError


def written(folder: Path, **files: str) -> None:
    with store.whole_folder(folder) as fresh:
        (fresh / store.MARKER).write_text('{"version": "0", "read": 1, "placed": 1, "rejected": 0}')
        for name, text in files.items():
            (fresh / name).write_text(text)


def test_a_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    written(tmp_path / "a" / "b" / "out", one="1")
    assert (tmp_path / "a" / "b" / "out" / "one").read_text() == "1"
    assert {file.name for file in (tmp_path / "a" / "b").iterdir()} == {"out"}


def test_a_failure_leaves_the_earlier_folder_as_it_was(tmp_path: Path) -> None:
    written(tmp_path / "out", one="earlier")
    before = tree(tmp_path)

    def fail() -> None:
        with store.whole_folder(tmp_path / "out") as fresh:
            (fresh / "one").write_text("later")
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        fail()
    assert tree(tmp_path) == before


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    written(tmp_path / "out", one="earlier")
    before = tree(tmp_path)

    def fail() -> None:
        with store.whole_folder(tmp_path / "out"):
            raise OSError(28, "No space left on device")

    with pytest.raises(BlackspotsError, match="No space left") as refusal:
        fail()
    assert refusal.value.code == "output-failed"
    assert tree(tmp_path) == before


@pytest.mark.parametrize("step", [1, 2])
def test_a_swap_that_fails_at_any_step_brings_the_earlier_folder_back(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "out", one="earlier")
    (tmp_path / "out" / "mine.txt").write_text("mine")
    before = tree(tmp_path)
    moves = 0

    def failing(move: Any) -> Any:
        def moved(*words: Any) -> Any:
            nonlocal moves
            moves += 1
            if moves == step:
                raise PermissionError(13, "open in another program")
            return move(*words)

        return moved

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing(Path.replace))
        with pytest.raises(BlackspotsError) as refusal:
            written(tmp_path / "out", one="later")
    assert refusal.value.code == ("output-locked" if step == 1 else "output-failed")
    assert tree(tmp_path) == before


def test_a_file_of_the_users_own_that_cannot_be_kept_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "out", one="earlier")
    (tmp_path / "out" / "mine.txt").write_text("mine")
    before = tree(tmp_path)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(store.shutil, "copy2", full)
        with pytest.raises(BlackspotsError):
            written(tmp_path / "out", one="later")
    assert tree(tmp_path) == before


def test_a_second_run_replaces_the_first_and_keeps_files_of_the_users_own(tmp_path: Path) -> None:
    written(tmp_path / "out", one="1", two="2")
    (tmp_path / "out" / "mine.txt").write_text("mine")
    (tmp_path / "out" / "photos").mkdir()
    (tmp_path / "out" / "photos" / "a.jpg").write_bytes(b"jpg")
    written(tmp_path / "out", one="new")
    out = tmp_path / "out"
    assert (out / "one").read_text() == "new"
    assert (out / "mine.txt").read_text() == "mine"
    assert (out / "photos" / "a.jpg").read_bytes() == b"jpg"
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_an_earlier_output_that_the_new_run_has_not_is_gone(tmp_path: Path) -> None:
    """areas.csv of a run with areas would stand beside results that know of none."""
    study = write_study(tmp_path)
    assert main(["run", str(study), "--quiet"]) == 0
    assert (tmp_path / "out" / "areas.csv").is_file()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    without(study, "areas")
    assert main(["run", str(study), "--quiet"]) == 0
    assert not (tmp_path / "out" / "areas.csv").exists()
    assert (tmp_path / "out" / "mine.txt").is_file()


def test_every_output_of_a_run_is_known_as_its_own(tmp_path: Path) -> None:
    assert main(["run", str(write_study(tmp_path)), "--quiet"]) == 0
    # Too few accidents with trains to calibrate a rating, or to hold some of them out.
    others = {"crossings-calibration.csv", "crossings-hold-out.csv"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == store.OWN - others


def test_an_empty_folder_is_taken_and_a_foreign_one_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    written(tmp_path / "out", one="1")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.docx").write_bytes(b"mine")
    with pytest.raises(BlackspotsError, match=re.escape("thesis.docx")) as refusal:
        written(tmp_path / "other")
    assert refusal.value.code == "output-foreign"


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    written(tmp_path / "real", one="1")
    (tmp_path / "out").symlink_to(tmp_path / "real", target_is_directory=True)
    written(tmp_path / "out", one="2")
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "real" / "one").read_text() == "2"


HOSTILE = ["=1+1", "+84 912", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")']


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("text", HOSTILE)
def test_text_that_a_spreadsheet_would_run_is_written_as_text(text: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"note": [text, "plain", None], "n": [-1.5, 2.0, None]}, index=[text, "b", "c"]
    )
    frame.index.name = "id"
    store.write_csv(frame, tmp_path / "t.csv")
    found = rows(tmp_path / "t.csv")
    safe = "'" + text.replace("\r", "\n")
    assert [row["note"] for row in found] == [safe, "plain", ""]
    assert found[0]["id"] == safe
    assert [row["n"] for row in found] == ["-1.5", "2", ""]  # a number may begin with a minus


@given(st.text(max_size=12))
def test_no_text_begins_with_what_starts_a_formula(text: str) -> None:
    safe = store.safe_text(text)
    assert safe in {text, "'" + text}
    assert safe[:1] not in {"=", "+", "-", "@", "\t", "\r"} or text[1:].replace(".", "").isdigit()


@pytest.mark.parametrize("number", ["-5", "+84912", "-2.5", "-2,5"])
def test_text_that_is_a_number_is_left_as_it_is(number: str) -> None:
    assert store.safe_text(number) == number


def test_a_csv_opens_in_excel_with_vietnamese_letters_and_iso_dates(tmp_path: Path) -> None:
    frame = pd.DataFrame({"tên": ["Lạng Sơn"], "ngày": pd.to_datetime(["2023-02-01"])})
    store.write_csv(frame, tmp_path / "t.csv", index=False)
    assert (tmp_path / "t.csv").read_bytes() == "\ufefftên,ngày\nLạng Sơn,2023-02-01\n".encode()


@pytest.fixture
def layers() -> dict[str, pd.DataFrame]:
    points = gpd.GeoDataFrame(
        {
            "severity": ["fatal", "pdo"],
            "deaths": pd.array([1, None], dtype="Int64"),
            "funded": pd.array([True, None], dtype="boolean"),
            "date": pd.to_datetime(["2023-02-01", None]),
            "empty": [None, None],
            "parts": [(1, 2), ()],
        },
        geometry=[shapely.Point(1, 2), shapely.Point(3, 4)],
        index=pd.Index(["a", "b"], name="crash_id"),
        crs=32648,
    )
    lines = gpd.GeoDataFrame(
        {"ref": ["QL1"]}, geometry=[shapely.LineString([(0, 0), (9, 9)])], crs=32648
    )
    notes = pd.DataFrame({"notice": ["DỮ LIỆU MÔ PHỎNG"]}).rename_axis("note_id")
    return {"crashes": points, "segments": lines, "notes": notes, "none": points.iloc[:0]}


STYLES = {
    "crashes": styles.categorised(
        "marker", "severity", {"fatal": ('Chết & "nặng" <1>', {"color": "1,2,3,255"})}
    ),
    "segments": styles.single("line", {"line_color": "1,2,3,255"}),
    "none": styles.single("marker", {}),
}


def style_rows(path: Path) -> Iterator[tuple[str, str, str, int]]:
    with closing(sqlite3.connect(path)) as base:
        yield from base.execute(
            "SELECT f_table_name, f_geometry_column, styleQML, useAsDefault FROM layer_styles"
        )


def test_a_geopackage_holds_the_layers_their_values_and_one_style_each(
    tmp_path: Path, layers: dict[str, pd.DataFrame]
) -> None:
    path = tmp_path / "b.gpkg"
    store.write_geopackage(path, layers, STYLES)
    found = gpd.read_file(path, layer="crashes", engine="pyogrio")
    assert found["crash_id"].tolist() == ["a", "b"]
    assert found["deaths"].iloc[0] == 1
    assert pd.isna(found["deaths"].iloc[1])
    assert found["date"].iloc[0] == "2023-02-01"
    assert "parts" not in found
    assert found.crs.to_epsg() == 32648
    styled = list(style_rows(path))
    assert sorted(row[0] for row in styled) == ["crashes", "segments"]
    assert all(row[1] == "geom" and row[3] == 1 for row in styled)
    for row in styled:
        assert ET.fromstring(row[2]).tag == "qgis"  # noqa: S314 - our own text


def test_a_style_keeps_any_label() -> None:
    qml = ET.fromstring(STYLES["crashes"])  # noqa: S314 - our own text
    category = qml.find(".//category")
    assert category is not None
    assert category.get("label") == 'Chết & "nặng" <1>'
    assert category.get("value") == "fatal"
    symbols = {symbol.get("name") for symbol in qml.iter("symbol")}
    assert {c.get("symbol") for c in qml.iter("category")} <= symbols


def test_writing_twice_gives_the_same_bytes(
    tmp_path: Path, layers: dict[str, pd.DataFrame]
) -> None:
    for name in ("one.gpkg", "two.gpkg"):
        store.write_geopackage(tmp_path / name, layers, STYLES)
    assert (tmp_path / "one.gpkg").read_bytes() == (tmp_path / "two.gpkg").read_bytes()


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    study = write_study(folder)
    edit(study, "start = 2021", "simulated = true\nstart = 2021")
    assert main(["run", str(study), "--quiet"]) == 0
    return folder / "out"


def test_the_geopackage_of_a_run_is_read_by_other_software(out: Path) -> None:
    try:
        import fiona  # noqa: PLC0415
    except ImportError:
        missing("fiona", "it has no build for this Python")
    path = out / "blackspots.gpkg"
    names = set(fiona.listlayers(path))
    assert {"crashes", "segments", "sites_road", "areas_district", "boundary", "notes"} <= names
    with fiona.open(path, layer="crashes") as layer:
        assert len(layer) == 20
        assert layer.crs.to_epsg() == 32648
        assert layer.schema["geometry"] == "Point"
        first = next(iter(layer))
        assert first["properties"]["severity"] == "fatal"
        assert not {"driver", "plate"} & set(layer.schema["properties"])


def test_every_drawn_layer_of_a_run_has_one_default_style(out: Path) -> None:
    path = out / "blackspots.gpkg"
    with closing(sqlite3.connect(path)) as base:
        drawn = {name for (name,) in base.execute("SELECT table_name FROM gpkg_geometry_columns")}
    styled = [name for name, _, _, default in style_rows(path) if default]
    assert len(styled) == len(set(styled))
    assert set(styled) == drawn
    for _, column, qml, _ in style_rows(path):
        assert column == "geom"
        assert ET.fromstring(qml).find("renderer-v2") is not None  # noqa: S314 - our own text


def test_the_geopackage_of_a_run_keeps_to_the_standard(out: Path) -> None:
    with closing(sqlite3.connect(out / "blackspots.gpkg")) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert base.execute("PRAGMA foreign_key_check").fetchall() == []
        assert base.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
        tables = {n for (n,) in base.execute("SELECT table_name FROM gpkg_contents")}
        assert "layer_styles" in tables
        stamps = {s for (s,) in base.execute("SELECT last_change FROM gpkg_contents")}
    assert len(stamps) == 1
