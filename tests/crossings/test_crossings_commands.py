"""``blackspots crossings``: files to files, nothing lost, nothing of others' replaced."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
from shapely import LineString

from blackspots.cli import main
from blackspots.labels import text

CRS = "EPSG:32648"
X, Y = 500_000, 2_000_000

#      R1      R2     bridge                 disused, no road
#  -----+-------+-------=------------- rail   - - - - - - - -
#       |       |       |
#      500    1000    1500                   km fall: 9.5 at 500


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)

    def line(*points: tuple[float, float]) -> LineString:
        return LineString([(X + x, Y + y) for x, y in points])

    rails = [line((0, 0), (5000, 0)), line((0, 3000), (5000, 3000))]
    roads = [line((x, -100), (x, 100)) for x in (500, 1000, 1500)]
    _layer("rail.gpkg", {"railway": ["rail", "disused"], "name": ["North", None]}, rails)
    _layer("unused.gpkg", {"railway": ["disused", "tram"], "name": [None, None]}, rails)
    about = {"highway": ["path", "track", "primary"], "bridge": [None, None, "yes"]}
    _layer("roads.gpkg", about, roads)
    listed = {"id": ["A", "B"], "x": [X + 500, X + 1000], "y": [Y, Y], "km": [9.5, 9.0]}
    pd.DataFrame({**listed, "railway": "North"}).to_csv("list.csv", index=False)
    accidents = {
        "id": [1, 2, 3, 4],
        "date": "2021-01-02",
        "severity": "fatal",
        "x": [X + 500, X + 3000, None, X + 500],
        "y": [Y, Y, None, Y],
        "train": "yes",
        "xing": ["A", "ZZ", None, "A"],
    }
    pd.DataFrame(accidents).to_csv("accidents.csv", index=False)
    return tmp_path


def _layer(name: str, columns: dict[str, list[str | None]], shapes: list[LineString]) -> None:
    gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS).to_file(name)


def _run(*given: str) -> int:
    inventory = ["--inventory-crs", CRS] if "list.csv" in given else []
    accidents = ["--accidents-crs", CRS] if "accidents.csv" in given else []
    rest = ["--crs", CRS, "--out", "out", "--quiet", "--lang", "en"]
    return main(["crossings", *given, *inventory, *accidents, *rest])


def _read(name: str, folder: str = "out") -> pd.DataFrame:
    return pd.read_csv(Path(folder) / name, encoding="utf-8-sig")


@pytest.mark.usefixtures("files")
def test_tracks_without_trains_are_told_with_the_reason() -> None:
    assert _run("detect", "roads.gpkg", "rail.gpkg") == 0
    assert _read("tracks.csv")["reason"].fillna("").tolist() == ["", "not-in-service"]


@pytest.mark.usefixtures("files")
def test_where_no_track_carries_trains_every_track_has_its_reason() -> None:
    assert _run("detect", "roads.gpkg", "unused.gpkg") == 0
    assert _read("tracks.csv")["reason"].tolist() == ["not-in-service", "no-heavy-rail"]
    assert _read("crossings-found.csv").empty


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("command", ["run", "patterns", "locate"])
def test_results_of_another_command_are_never_replaced(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("out").mkdir()
    marker = f'{{"version": "1", "command": "{command}", "read": 1, "placed": 1, "rejected": 0}}'
    Path("out/summary.json").write_text(marker, encoding="utf-8")
    assert _run("detect", "roads.gpkg", "rail.gpkg") == 1
    assert f"blackspots {command}" in capsys.readouterr().err
    assert Path("out/summary.json").read_text(encoding="utf-8") == marker
    assert len(list(Path("out").iterdir())) == 1


@pytest.mark.usefixtures("files")
def test_bridges_that_detect_found_are_no_crossings_to_match(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pd.concat(
        [
            pd.read_csv("list.csv"),
            pd.DataFrame({"id": ["bridge"], "x": [X + 1500], "y": [Y]}),
        ]
    ).to_csv("list.csv", index=False)
    assert _run("detect", "roads.gpkg", "rail.gpkg", "--inventory", "list.csv") == 0
    detected = _read("crossings-matches.csv")
    Path("out").rename("found")
    capsys.readouterr()
    for found in (
        ["found/crossings.gpkg", "--found-layer", "found"],
        ["found/crossings-found.csv", "--found-crs", CRS],
    ):
        assert _run("match", found[0], "list.csv", *found[1:], "--railways", "rail.gpkg") == 0
        pd.testing.assert_frame_equal(_read("crossings-matches.csv"), detected)
        assert "2 of 2 crossings found are listed (100 %)" in capsys.readouterr().out


@pytest.mark.usefixtures("files")
def test_a_table_of_anyone_is_matched_as_crossings_at_grade() -> None:
    pd.read_csv("list.csv").to_csv("points.csv", index=False)
    assert _run("match", "points.csv", "list.csv", "--found-crs", CRS) == 0
    assert _read("crossings-matches.csv")[["crossing_id", "found_id"]].to_numpy().tolist() == [
        ["A", "A"],
        ["B", "B"],
    ]


@pytest.mark.usefixtures("files")
def test_km_of_the_list_give_km_to_accidents_on_the_line() -> None:
    assert _run("assign", "accidents.csv", "list.csv", "--railways", "rail.gpkg") == 0
    made = _read("accidents.csv").set_index("crash_id")
    assert made.loc[2, "assigned_place"] == "railway"
    assert made.loc[2, "assigned_rail_km"] == pytest.approx(7.0)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("by", [["--accidents-crossing", "xing"], ["--railways", "rail.gpkg"]])
def test_every_accident_of_a_rating_is_told(
    by: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("rate", "list.csv", "--accidents", "accidents.csv", "--years", "3", *by) == 0
    said = "read 4 = at a crossing 2 + at no crossing of the inventory 2 (see accidents.csv)"
    assert said in capsys.readouterr().out
    assert len(_read("accidents.csv")) == 4
    assert _read("crossings.csv").set_index("crossing_id")["crashes"].to_dict() == {"A": 2, "B": 0}


@pytest.mark.usefixtures("files")
def test_without_accidents_none_is_said_to_have_been_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _run("rate", "list.csv") == 0
    told = capsys.readouterr().out
    assert "No accidents are given" in told
    assert "0 accidents" not in told


@pytest.mark.usefixtures("files")
def test_an_error_that_speaks_of_a_study_says_what_stands_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["crossings", "rate", "list.csv", "--crs", CRS, "--out", "out", "--lang", "en"]
    assert main(given) == 1
    assert "--inventory-crs" in capsys.readouterr().err


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_list_to_verify_names_classes_of_road_in_its_language(language: str) -> None:
    given = ["detect", "roads.gpkg", "rail.gpkg", "--crs", CRS, "--out", "out", "--quiet"]
    assert main(["crossings", *given, "--lang", language]) == 0
    sheet = openpyxl.load_workbook("out/crossings-to-verify.xlsx").worksheets[0]
    rows = list(sheet.iter_rows(values_only=True))
    head = text("verify.head.road_class", language)
    top = next(n for n, row in enumerate(rows) if head in row)
    column = rows[top].index(head)
    said = {row[column] for row in rows[top + 1 :] if row[column]}
    assert len(said) == 2
    if language == "vi":
        assert not said & {"path", "track"}
