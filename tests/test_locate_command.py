"""Placing without a study: from files to files, and from layers to layers."""

from __future__ import annotations

import builtins
import json
import shutil
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely
from small_study import (
    EAST,
    NORTH,
    crash,
    crashes,
    line,
    roads,
    tree,
    write_features,
    write_rows,
    write_study,
)

import blackspots
from blackspots.cli import main
from blackspots.review import OTHER_NAME

FILES = {
    *("candidates.csv", "located.gpkg", "rejected.csv", "remarks.csv", "review.xlsx"),
    "summary.json",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the small study, without its study file, and a crash between two roads."""
    write_study(tmp_path).unlink()
    beside = line((100, 28), (900, 28), road_id="R4", name="Đường gom")
    write_features(tmp_path / "roads.geojson", [*roads(), beside])
    write_rows(tmp_path / "crashes.csv", [*crashes(), crash(21, 400, 14), crash(22, 0, 900)])
    return tmp_path


def locate(folder: Path, *more: str, register: str = "crashes.csv") -> int:
    files = [str(folder / register), str(folder / "roads.geojson")]
    out = ["--crs", "EPSG:32648", "--out", str(folder / "out"), "--quiet", "--lang", "en"]
    return main(["locate", *files, *out, *more])


def placed(folder: Path) -> pd.DataFrame:
    made = pyogrio.read_dataframe(folder / "out" / "located.gpkg", layer="crashes")
    return pd.DataFrame(made.set_index("crash_id"))


def test_a_register_and_roads_are_enough(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert locate(folder) == 0
    told = capsys.readouterr().out
    assert "22 read = 21 placed + 1 unplaced + 0 rejected" in told
    assert "Uncertain place: 1 crashes" in told
    assert "Scatter of the coordinates" in told
    out = folder / "out"
    assert {file.name for file in out.iterdir()} == FILES
    layers = set(pyogrio.list_layers(out / "located.gpkg")[:, 0])
    assert {"crashes", "crashes_unplaced", "segments", "junctions", "routes"} <= layers
    assert placed(folder).at["C1", "road_id"] == "R1"
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert summary["read"] == summary["placed"] + summary["unplaced"] + summary["rejected"]
    assert set(pd.read_csv(out / "candidates.csv")["crash_id"]) == {"C21"}


def test_it_puts_each_crash_where_a_run_does(folder: Path, tmp_path: Path) -> None:
    both = ["--crossings", str(folder / "crossings.geojson")]
    both += ["--boundary", str(folder / "boundary.geojson")]
    assert locate(folder, *both) == 0
    mine = placed(folder)
    study = write_study(tmp_path / "study")
    for name in ("crashes.csv", "roads.geojson"):
        shutil.copy(folder / name, study.parent / name)
    # Circular 26/2012 sets the distances of both.
    assert main(["run", str(study), "--quiet"]) == 0
    gpkg = study.parent / "out" / "blackspots.gpkg"
    theirs = pyogrio.read_dataframe(gpkg, layer="crashes").set_index("crash_id")
    columns = ["place", "road_id", "measure", "route_measure", "crossing_id", "probability"]
    pd.testing.assert_frame_equal(mine[columns], pd.DataFrame(theirs)[columns])


def test_dates_are_not_needed(folder: Path) -> None:
    rows = [{**row, "date": ""} for row in crashes()]
    header = ("crash_id", "lat", "lon", "severity")
    write_rows(folder / "crashes.csv", rows, header)
    assert locate(folder) == 0
    assert len(placed(folder)) == 20


def test_two_commands_write_the_same_bytes(folder: Path) -> None:
    assert locate(folder) == 0
    before = tree(folder / "out")
    assert locate(folder) == 0
    assert tree(folder / "out") == before


def test_decisions_are_taken_and_never_lost(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert locate(folder) == 0
    own = folder / "out" / "review.xlsx"
    book = openpyxl.load_workbook(own)
    page = book.worksheets[0]
    row = next(cell.row for cell in page["A"] if cell.value == "C21")
    gom = next(r for r in range(row, row + 4) if "Đường gom" in str(page.cell(r, 5).value))
    page.cell(row, 8).value = page.cell(gom, 4).value
    book.save(own)
    before = own.read_bytes()
    assert locate(folder) == 1
    assert "--decisions" in capsys.readouterr().err
    assert locate(folder, "--decisions", str(own)) == 0
    assert placed(folder).at["C21", "road_id"] == "R4"
    assert placed(folder).at["C21", "probability"] == 1
    assert own.read_bytes() == before
    assert (folder / "out" / OTHER_NAME).is_file()


def test_what_the_command_line_can_say_of_the_files(folder: Path) -> None:
    frame = pd.DataFrame(crashes())
    frame["Kinh độ X"] = frame.pop("lon")
    frame["Ghi chú ngày"] = frame.pop("date")
    with pd.ExcelWriter(folder / "r.xlsx", engine="openpyxl") as book:
        frame.to_excel(book, sheet_name="2021", index=False)
        frame.head(3).to_excel(book, sheet_name="nháp", index=False)
    options = ["--sheet", "2021", "--column", "lon=Kinh độ X", "--column", "date=Ghi chú ngày"]
    options += ["--crashes-crs", "EPSG:4326", "--roads-crs", "EPSG:32648"]
    assert locate(folder, *options, register="r.xlsx") == 0
    assert len(placed(folder)) == 20
    assert placed(folder)["date"].notna().all()


def test_headers_that_nearly_match_are_asked_for_and_kept_for_the_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    register = folder / "crashes.csv"
    register.write_text(register.read_text("utf-8").replace("severity", "severityy"), "utf-8")
    assert locate(folder) == 1
    told = capsys.readouterr().err
    assert "severityy" in told
    assert "--column" in told
    monkeypatch.setattr("blackspots.cli._is_terminal", lambda: True)
    monkeypatch.setattr(builtins, "input", lambda _question: "y")
    options = [str(register), str(folder / "roads.geojson"), "--crs", "EPSG:32648"]
    assert main(["locate", *options, "--out", str(folder / "out"), "--lang", "en"]) == 0
    assert '--column severity="severityy"' in capsys.readouterr().out
    assert set(placed(folder)["severity"]) == {"fatal", "slight"}
    assert not (folder / "study.toml").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--tolerance", "0"],
        ["--tolerance", "far"],
        ["--certain", "0.5"],
        ["--certain", "1.2"],
        ["--column", "date"],
    ],
)
def test_a_wrong_option_is_wrong_usage(
    options: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        locate(folder, *options)
    assert stop.value.code == 2
    assert options[1] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("crs", "told"), [("EPSG:4326", "EPSG:9215"), ("EPSG:3857", "EPSG:9215"), ("x", "is not a CRS")]
)
def test_a_grid_without_metres_is_refused(
    crs: str, told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert locate(folder, "--crs", crs) == 1
    assert told in (said := capsys.readouterr().err)
    assert "--crs" in said
    assert not (folder / "out").exists()


def test_missing_files_and_foreign_folders_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert locate(folder, register="no.csv") == 1
    assert "no.csv" in capsys.readouterr().err
    (folder / "out").mkdir()
    (folder / "out" / "thesis.docx").write_bytes(b"mine")
    assert locate(folder) == 1
    assert "thesis.docx" in capsys.readouterr().err


def test_the_results_of_a_run_are_not_replaced(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path / "study")
    assert main(["run", str(study), "--out", str(folder / "out"), "--quiet"]) == 0
    marker = folder / "out" / "summary.json"
    told = json.loads(marker.read_text("utf-8"))
    assert told["command"] == "run"
    for without in ((), ("command",)):  # as earlier versions wrote it
        marker.write_text(json.dumps({k: v for k, v in told.items() if k not in without}))
        before = tree(folder / "out")
        assert locate(folder) == 1
        assert "blackspots run" in capsys.readouterr().err
        assert tree(folder / "out") == before
    assert main(["run", str(study), "--out", str(folder / "out"), "--quiet"]) == 0


def test_a_decision_goes_with_its_row_from_list_to_list(folder: Path) -> None:
    """The register has no ids, and the crash no coordinate: only its row tells it."""
    header = ("date", "deaths", "route", "km")
    one, two = (
        {"date": f"{day}/01/2022", "deaths": day % 2, "route": "QL4", "km": f"Km0+{day}00"}
        for day in (3, 4)
    )
    twice = [
        line((0, y), (900, y), road_id=f"Q{y}", ref="QL4", km_from=0, km_to=1) for y in (0, 80)
    ]
    write_features(folder / "roads.geojson", twice)
    write_rows(folder / "crashes.csv", [one, two], header)
    assert locate(folder) == 0
    own = folder / "review.xlsx"
    shutil.copy(folder / "out" / "review.xlsx", own)
    book = openpyxl.load_workbook(own)
    page = book.worksheets[0]
    row = next(cell.row for cell in page["A"] if cell.value == "crashes.csv:2")
    page.cell(row, 8).value = "none"
    book.save(own)
    above = [{**one, "date": "02/01/2022", "km": f"Km0+{n}50"} for n in (1, 2)]
    for rows, its in (([*above[:1], one, two], 3), ([*above, one, two], 4), ([two, *above], None)):
        write_rows(folder / "crashes.csv", rows, header)
        assert locate(folder, "--decisions", str(own)) == 0
        if its is None:
            continue
        lost = pyogrio.read_dataframe(folder / "out" / "located.gpkg", layer="crashes_unplaced")
        assert lost[["crash_id", "date", "reason"]].to_numpy().tolist() == [
            [f"crashes.csv:{its}", "2022-01-03", "decided"]
        ]
        shutil.copy(folder / "out" / "review.xlsx", own)
    assert len(placed(folder)) == 3
    remarks = pd.read_csv(folder / "out" / "remarks.csv")
    assert list(remarks["code"][remarks["table"] == "decisions"]) == ["crash-moved"]


def test_decisions_that_are_not_understood_are_told_with_their_place(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert locate(folder) == 0
    own = folder / "review.xlsx"
    shutil.copy(folder / "out" / "review.xlsx", own)
    book = openpyxl.load_workbook(own)
    page = book.worksheets[0]
    row = next(cell.row for cell in page["A"] if cell.value == "C21")
    page.cell(row, 8).value = "?"
    book.save(own)
    capsys.readouterr()
    assert locate(folder, "--decisions", str(own)) == 0
    told = capsys.readouterr().out
    line = next(line for line in told.splitlines() if "rejected.csv" in line)
    assert f"review.xlsx [{page.title}], row(s) {row}" in line
    assert placed(folder).at["C21", "probability"] != 1
    assert "not-a-decision" in (folder / "out" / "rejected.csv").read_text("utf-8")


def test_the_public_functions_take_plain_layers() -> None:
    """Points and lines with nothing but geometry, in any projected CRS."""
    lines = [[(0, 0), (500, 0), (1000, 0)], [(500, -400), (500, 0)], [(500, 0), (500, 400)]]
    corner = [(EAST + x, NORTH + y) for x, y in [(100, 4), (502, 3), (504, 200), (100, 90)]]
    for crs in ("EPSG:32648", "EPSG:9215"):
        shapes = [shapely.LineString([(EAST + x, NORTH + y) for x, y in part]) for part in lines]
        layer = gpd.GeoDataFrame(geometry=shapes, crs="EPSG:32648").to_crs(crs)
        points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*zip(*corner, strict=True)))
        points = points.set_crs("EPSG:32648").to_crs(crs)
        network = blackspots.build_network(layer)
        made = blackspots.locate(
            points,
            segments=network.segments,
            parts=network.parts,
            nodes=network.nodes,
            routes=network.routes,
        )
        places = list(made.crashes["place"])
        assert places[:3] == ["segment", "junction", "segment"], crs
        assert pd.isna(places[3])
        assert made.crashes["reason"].iloc[3] == "no-road-near"
        assert list(made.crashes["offset"].iloc[[0, 2]]) == pytest.approx([4, 4], abs=0.05)
        assert isinstance(made.crashes, gpd.GeoDataFrame)
        assert made.crashes.crs == points.crs


def test_a_plain_layer_may_name_road_and_km() -> None:
    shapes = [shapely.LineString([(EAST, NORTH), (EAST + 2000, NORTH)])]
    posts = {"ref": ["QL1"], "km_from": [10.0], "km_to": [12.0]}
    network = blackspots.build_network(gpd.GeoDataFrame(posts, geometry=shapes, crs="EPSG:32648"))
    spots = [shapely.Point(EAST + 300, NORTH + 5), None]
    points = gpd.GeoDataFrame(
        {"route": ["QL1", "QL1"], "km": [10.3, 11.5]}, geometry=spots, crs="EPSG:32648"
    )
    made = blackspots.locate(
        points,
        segments=network.segments,
        parts=network.parts,
        nodes=network.nodes,
        routes=network.routes,
    ).crashes
    assert list(made["located_by"]) == ["coordinate", "route_km"]
    assert list(made["measure"]) == pytest.approx([300, 1500])
