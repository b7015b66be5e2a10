"""The review list: what it shows, that decisions are read back, and that none is ever lost."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
from PIL import Image
from small_study import crash, edit, line, roads, tree, with_rows, write_features, write_study

from blackspots import review
from blackspots.cli import main
from blackspots.labels import text
from blackspots.reports.pictures import COLOURS, Mark, Scene, Surroundings, draw
from blackspots.sources.decisions import DATA

DOUBTED = ("C21", "C22", "C23")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A service road 28 m beside QL1, and three crashes between the two, none with its road."""
    path = write_study(tmp_path)
    beside = line((100, 28), (900, 28), road_id="R4", name="Đường gom")
    write_features(path.parent / "roads.geojson", [*roads(), beside])
    fatal = {"severity": "Chết người", "deaths": 2, "injured": 0}
    with_rows(
        path,
        lambda rows: [*rows, crash(21, 400, 14), crash(22, 500, 15, **fatal), crash(23, 600, 14)],
    )
    return path


def run(study: Path, *options: str) -> int:
    return main(["run", str(study), "--quiet", *options])


def decide(path: Path, **choices: str | None) -> None:
    """Fill in decisions as a person would, in whichever sheet a crash stands."""
    book = openpyxl.load_workbook(path)
    left = dict(choices)
    for page in book.worksheets:
        for row in page.iter_rows():
            if row[0].value in left and page.title != DATA:
                row[-1].value = left.pop(row[0].value)
    assert not left
    book.save(path)


def use(study: Path, name: str = "review.xlsx") -> None:
    edit(study, "[budget]", f'[locating]\ndecisions = "{name}"\n\n[budget]')


def located(study: Path) -> gpd.GeoDataFrame:
    gpkg = study.parent / "out" / "blackspots.gpkg"
    return gpd.read_file(gpkg, layer="crashes", engine="pyogrio").set_index("crash_id")


def blocks(path: Path, sheet: int = 0) -> dict[str, dict[str, Any]]:
    """Crash to its alternatives (letter: words, distance, probability) and decision."""
    page = openpyxl.load_workbook(path).worksheets[sheet]
    rows = [[cell.value for cell in row] for row in page.iter_rows()]
    heads = [i for i, row in enumerate(rows) if row[0] == text("column.crash_id", "vi")]
    top = heads[0] if heads else len(rows)
    made: dict[str, dict[str, Any]] = {}
    for i in range(top + 1, len(rows), 4):
        places = {row[3]: row[4:7] for row in rows[i : i + 4] if row[3]}
        made[rows[i][0]] = {"facts": rows[i][1], "places": places, "choice": rows[i][-1]}
    return made


def said(study: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((study.parent / "out" / "summary.json").read_text("utf-8"))
    return made


def letter_of(path: Path, crash_id: str, words: str) -> str:
    places = blocks(path)[crash_id]["places"]
    return next(str(letter) for letter, row in places.items() if words in row[0])


def rejected(study: Path) -> pd.DataFrame:
    found = pd.read_csv(study.parent / "out" / "rejected.csv")
    return found[found["table"] == "decisions"]


def test_uncertain_crashes_are_listed_with_their_alternatives(study: Path) -> None:
    assert run(study) == 0
    found = blocks(study.parent / "out" / "review.xlsx")
    assert list(found) == ["C22", "C21", "C23"]  # the fatal one first
    assert "2 người chết" in found["C22"]["facts"]
    assert "crashes.csv, dòng 23" in found["C22"]["facts"]
    for one in found.values():
        words = [row[0] for row in one["places"].values()]
        assert any("QL1 Km10+" in word for word in words)
        assert any("Đường gom" in word for word in words)
        assert sum(row[2] for row in one["places"].values()) == pytest.approx(1, abs=0.01)
        assert all(10 < row[1] < 15 for row in one["places"].values())
        assert one["choice"] is None
    assert said(study)["uncertain"] == 3


def test_each_crash_has_its_picture_and_its_list_of_letters(study: Path) -> None:
    assert run(study) == 0
    page = openpyxl.load_workbook(study.parent / "out" / "review.xlsx").worksheets[0]
    starts = {cell.row for cell in page["A"] if cell.value in DOUBTED}
    assert {image.anchor._from.row + 1 for image in page._images} == starts
    for image in page._images:
        drawn = Image.open(io.BytesIO(image._data())).convert("RGB")
        assert drawn.size == (720, 480)
        shades = {colour for _, colour in drawn.getcolors(1 << 20) or ()}
        for wanted in COLOURS[:2]:
            rgb = np.array([int(wanted[i : i + 2], 16) for i in (1, 3, 5)])
            assert min(np.abs(np.array(shade) - rgb).max() for shade in shades) < 12
    rules = page.data_validations.dataValidation
    assert {cell.split(":")[0] for rule in rules for cell in str(rule.sqref).split()} == {
        f"H{row}" for row in starts
    }
    assert all(rule.formula1 == '"A,B,không có"' for rule in rules)


def test_a_decision_ends_where_it_says_with_certainty(study: Path) -> None:
    assert run(study) == 0
    listed = study.parent / "out" / "review.xlsx"
    shutil.copy(listed, study.parent / "review.xlsx")
    gom, main_road = letter_of(listed, "C21", "Đường gom"), letter_of(listed, "C22", "QL1")
    decide(study.parent / "review.xlsx", C21=gom.lower(), C22=main_road, C23="Không có")
    use(study)
    assert run(study) == 0
    crashes = located(study)
    assert crashes.at["C21", "road_id"] == "R4"
    assert crashes.at["C22", "road_id"] == "R1"
    assert list(crashes.loc[["C21", "C22"], "probability"]) == [1, 1]
    unplaced = pd.read_csv(study.parent / "out" / "unplaced.csv").set_index("crash_id")
    assert unplaced.at["C23", "reason"] == "decided"
    told = said(study)
    assert (told["uncertain"], told["decided"], told["decisions_stale"]) == (0, 3, [])
    assert told["placed"] + told["unplaced"] + told["rejected"] == told["read"] == 23
    kept = blocks(listed, sheet=1)
    choices = {name: one["choice"] for name, one in kept.items()}
    assert choices == {"C21": gom, "C22": main_road, "C23": "không có"}


def test_a_list_written_after_serves_as_the_next_one(study: Path) -> None:
    """What was decided stays decided through any number of lists."""
    assert run(study) == 0
    out, own = study.parent / "out" / "review.xlsx", study.parent / "review.xlsx"
    shutil.copy(out, own)
    decide(own, C21=letter_of(own, "C21", "Đường gom"))
    use(study)
    assert run(study) == 0
    assert set(blocks(out)) == {"C22", "C23"}
    shutil.copy(out, own)
    decide(own, C22=letter_of(own, "C22", "Đường gom"))
    for _ in range(2):
        assert run(study) == 0
        assert list(located(study).loc[["C21", "C22"], "road_id"]) == ["R4", "R4"]
        assert set(blocks(out, sheet=1)) == {"C21", "C22"}
        shutil.copy(out, own)
    decide(own, C21=None)  # taken back
    assert run(study) == 0
    assert set(blocks(out)) == {"C21", "C23"}


def test_the_list_that_is_read_is_never_written_over(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(study) == 0
    out = study.parent / "out" / "review.xlsx"
    decide(out, C21=letter_of(out, "C21", "Đường gom"))
    before = out.read_bytes()
    use(study, "out/review.xlsx")
    for _ in range(2):
        assert run(study) == 0
        assert out.read_bytes() == before
    assert review.OTHER_NAME in capsys.readouterr().out
    new = out.with_name(review.OTHER_NAME)
    assert set(blocks(new)) == {"C22", "C23"}
    assert set(blocks(new, sheet=1)) == {"C21"}


def test_a_run_that_would_lose_decisions_does_not_begin(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(study) == 0
    out = study.parent / "out" / "review.xlsx"
    decide(out, C21="B")
    before = tree(study.parent)
    assert run(study, "--lang", "en") == 1
    told = capsys.readouterr().err
    assert 'decisions = "out/review.xlsx"' in told
    assert "C21" in told
    assert tree(study.parent) == before
    shutil.copy(out, study.parent / "review.xlsx")
    use(study)  # the same decision is read from elsewhere: nothing would be lost
    assert run(study) == 0


def test_what_cannot_be_understood_is_told_with_its_cell(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(study) == 0
    own = study.parent / "review.xlsx"
    shutil.copy(study.parent / "out" / "review.xlsx", own)
    decide(own, C21="D", C22="Quốc lộ")
    book = openpyxl.load_workbook(own)
    page = book.worksheets[0]
    page.append(["C9", *[None] * 6, "A"])
    page.append(["C23", *[None] * 6, "A"])
    page.append(["C23", *[None] * 6, "B"])
    book.save(own)
    use(study)
    assert run(study) == 0
    found = rejected(study).set_index("code")
    assert sorted(found.index) == [
        *("crash-not-listed", "decided-twice", "no-such-letter", "not-a-decision"),
    ]
    assert found.at["no-such-letter", "value"] == "D"
    assert found.at["not-a-decision", "value"] == "Quốc lộ"
    row = found.loc["crash-not-listed"]
    assert (row["file"], row["sheet"], row["value"]) == ("review.xlsx", page.title, "C9")
    assert row["column"] == text("review.head.choice", "vi")
    assert row["row"] == page.max_row - 2
    told = capsys.readouterr().out
    assert "quyết định 4" in told
    assert f"review.xlsx [{page.title}], dòng" in told


def test_a_file_that_is_no_review_list_is_refused(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(study) == 0
    shutil.copy(study.parent / "out" / "ranking.xlsx", study.parent / "review.xlsx")
    use(study)
    assert run(study, "--lang", "en") == 1
    assert "review.xlsx: this is no review list" in capsys.readouterr().err
    (study.parent / "review.xlsx").write_text("no workbook")
    assert run(study, "--lang", "en") == 1
    (study.parent / "review.xlsx").unlink()
    assert run(study, "--lang", "en") == 1
    assert "[locating] names review.xlsx" in capsys.readouterr().err


def test_a_decision_about_a_crash_that_moved_or_went_is_kept_but_not_used(study: Path) -> None:
    assert run(study) == 0
    own = study.parent / "review.xlsx"
    shutil.copy(study.parent / "out" / "review.xlsx", own)
    decide(own, C21="A", C22="không có", C23="B")
    use(study)
    with_rows(
        study, lambda rows: [*rows, crash(21, 410, 14), crash(22, 500, 15), crash(30, 800, 14)]
    )
    assert run(study) == 0
    told = said(study)
    assert (told["decided"], told["decisions_stale"]) == (1, ["C21"])
    remarks = pd.read_csv(study.parent / "out" / "remarks.csv").set_index("code")
    assert remarks.at["crash-not-there", "value"] == "C23"
    assert remarks.at["crash-moved", "value"] == "C21"
    out = study.parent / "out" / "review.xlsx"
    assert text("review.stale", "vi") in blocks(out)["C21"]["facts"]
    kept = blocks(out, sheet=1)
    assert {name: one["choice"] for name, one in kept.items()} == {"C22": "không có", "C23": "B"}
    assert text("review.gone", "vi") in kept["C23"]["facts"]


def test_a_decision_whose_road_is_gone_is_told_and_asked_again(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(study) == 0
    own = study.parent / "review.xlsx"
    shutil.copy(study.parent / "out" / "review.xlsx", own)
    decide(own, C21=letter_of(own, "C21", "Đường gom"))
    use(study)
    beside = line((100, -40), (900, -40), road_id="R4", name="Đường gom")
    write_features(study.parent / "roads.geojson", [*roads(), beside])
    assert run(study, "--lang", "en") == 0
    assert "Decisions that fit no place any more: 1 (C21)" in capsys.readouterr().out
    assert said(study)["decisions_stale"] == ["C21"]
    kept = blocks(study.parent / "out" / "review.xlsx", sheet=1)["C21"]
    assert text("review.stale", "vi") in kept["facts"]
    assert kept["choice"]  # until the person takes it back


def test_decisions_hold_in_another_grid_and_language(study: Path) -> None:
    assert run(study) == 0
    own = study.parent / "review.xlsx"
    shutil.copy(study.parent / "out" / "review.xlsx", own)
    decide(own, C21=letter_of(own, "C21", "Đường gom"), C22="none")
    use(study)
    edit(study, 'crs = "EPSG:32648"', 'crs = "EPSG:9215"\nlanguage = "en"')
    assert run(study) == 0
    assert located(study).at["C21", "road_id"] == "R4"
    assert said(study)["decided"] == 2
    kept = openpyxl.load_workbook(study.parent / "out" / "review.xlsx")
    assert kept.sheetnames[:2] == ["To decide", "Decided"]


def test_two_runs_write_the_same_bytes(study: Path) -> None:
    for name in ("one", "two"):
        assert run(study, "--out", str(study.parent / name)) == 0
    one, two = ((study.parent / name / "review.xlsx").read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_list_without_doubts_says_so(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    assert run(study) == 0
    book = openpyxl.load_workbook(study.parent / "out" / "review.xlsx")
    assert book.sheetnames[-1] == DATA
    assert book[DATA].sheet_state == "veryHidden"
    words = [cell.value for row in book.worksheets[0].iter_rows() for cell in row]
    assert text("review.nothing", "vi") in words


def test_beyond_the_limit_crashes_stand_without_pictures_and_it_is_said(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "PICTURES", 1)
    monkeypatch.setattr(review, "MOST", 2)
    assert run(study) == 0
    path = study.parent / "out" / "review.xlsx"
    page = openpyxl.load_workbook(path).worksheets[0]
    assert len(page._images) == 1
    assert list(blocks(path)) == ["C22", "C21"]
    words = [cell.value for cell in page["A"]]
    assert text("review.cut", "vi", shown=2, total=3) in words
    assert text("review.cut-pictures", "vi", shown=1) in words


def test_no_cell_is_a_formula_and_no_personal_data_are_in_it(study: Path) -> None:
    with_rows(
        study,
        lambda rows: [*rows, crash(21, 400, 14, crash_id="=1+1"), crash(22, 500, 14)],
    )
    assert run(study) == 0
    book = openpyxl.load_workbook(study.parent / "out" / "review.xlsx")
    cells = [cell for page in book for row in page.iter_rows() for cell in row]
    assert "f" not in {cell.data_type for cell in cells}
    values = [str(cell.value) for cell in cells]
    assert "=1+1" in values
    assert not any("Hoàng" in value or "12A" in value for value in values)


def test_certainty_is_the_users_to_set(study: Path) -> None:
    edit(study, "[budget]", "[locating]\ncertain = 0.501\n\n[budget]")
    assert run(study) == 0
    few = said(study)["uncertain"]
    edit(study, "certain = 0.501", "certain = 1")
    assert run(study) == 0
    assert few < said(study)["uncertain"]


# The picture --------------------------------------------------------------------------------


def picture(scene: Scene, *lines: shapely.LineString) -> np.ndarray:
    roads = np.array(lines or [shapely.LineString([(0, 5), (9, 5)])], dtype=object)
    main, rails = np.zeros(len(roads), dtype=bool), np.array([shapely.LineString([(0, 0), (9, 9)])])
    png = draw(scene, Surroundings(roads, main, rails))
    assert png == draw(scene, Surroundings(roads, main, rails))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def where(pixels: np.ndarray, colour: str) -> np.ndarray:
    """Mean row and column of the pixels of about a colour."""
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    at = np.argwhere(np.abs(pixels - rgb).max(axis=2) < 24)
    assert len(at) > 50
    return np.asarray(at.mean(axis=0))


def test_north_is_up_and_east_is_right() -> None:
    scene = Scene([Mark(0, 100), Mark(100, -100)], (0.0, 0.0), 30.0)
    pixels = picture(scene, shapely.LineString([(-500, 0), (500, 0)]))
    a, b = (where(pixels, colour) for colour in COLOURS[:2])
    assert a[0] < b[0]
    assert a[1] < b[1]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_places_at_one_spot_keep_their_letters_apart(count: int) -> None:
    marks = [Mark(0.0, 0.0) for _ in range(count)]
    pixels = picture(Scene(marks, (0.0, 0.0), 20.0), shapely.LineString([(0, 500), (0, 900)]))
    spots = [where(pixels, colour) for colour in COLOURS[1:count]]
    for i, one in enumerate(spots):
        for other in spots[i + 1 :]:
            assert np.hypot(*(one - other)) > 25


@pytest.mark.parametrize("far", [1.0, 5e2, 4e4])
def test_near_and_far_places_fit_on_the_picture(far: float) -> None:
    road = shapely.LineString([(0, -far), (0, 2 * far)])
    marks = [Mark(0, 0, road), Mark(far, far)]
    for spot in (None, (far, 0.0)):
        pixels = picture(Scene(marks, spot, 50.0), road)
        assert where(pixels, COLOURS[0]).shape == (2,)


def test_no_letter_hides_the_north_arrow_or_the_scale_bar() -> None:
    for corner in ((1.0, 0.62), (-1.0, -0.62)):
        far = np.array(corner) * 1000
        pixels = picture(Scene([Mark(0, 0), Mark(*far)], (0.0, 0.0), 20.0))
        row, column = where(pixels, COLOURS[1]) / 2
        assert not (column > 328 and row < 32)
        assert not (column < 110 and row > 208)
