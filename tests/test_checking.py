"""The check: every figure is that of the frames, in both languages, and nothing leaks."""

import json
import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from small_study import (
    DRIVER,
    HEADER,
    PLATE,
    REPAIRS,
    Row,
    at,
    crash,
    degrees,
    edit,
    point,
    tree,
    with_rows,
    write_book,
    write_features,
    write_rows,
    write_study,
)

from blackspots import checking, labels
from blackspots.checking import workbook
from blackspots.checking.told import Words
from blackspots.cli import main
from blackspots.config import load_study
from blackspots.errors import BlackspotsError
from blackspots.inputs import rejected_rows
from blackspots.quality import JUDGED
from blackspots.study import Checked, check_study

SHEETS = (
    *("summary", "rejected", "unplaced", "repaired", "doubtful", "complete"),
    *("district", "year", "apart", "km", "roads", "heaps", "outside", "duplicates"),
)


def say(key: str, language: str = "vi", **fields: Any) -> str:
    return labels.text(f"check.{key}", language, **fields)


def dirt(rows: list[Row]) -> list[Row]:
    """Something of everything that a check looks for."""
    number = iter(range(100, 1000))
    without = {"lat": "", "lon": ""}

    def add(x: float, y: float, **more: Any) -> None:
        rows.append(crash(next(number), x, y, **more))

    for i in range(6):
        add(500, 0, severity="", **({"route": "QL1", "km": 11 + i} if i % 2 else {}))
    for i in range(7):
        add(1200, -200, route=("QL1", "DT234", "DH5")[i % 3], deaths="", injured="", severity="")
    add(1500, 2, route="QL1", km="Km13+400")
    add(90_000, 90_000)
    add(80_000, 0)
    add(700, 1, date="31/02/2022")
    add(700, 1, severity="=cmd|x")
    add(700, 1, deaths="hai", hour="27:10")
    add(700, 1, date="")
    add(100, 1, date="05/06/2021", hour="8:30", deaths=0)
    add(110, 1, date="05/06/2021", hour="8:30", deaths=0)
    add(0, 0, **without, route="QL1", km="Km11+300 - Km11+500")
    add(0, 0, **without, route="QL9", km="Km1")
    add(600, 1, hour="sáng")
    add(640, 1, hour="7-9h")
    add(680, 1, date="3/4/21")
    lon, lat = degrees(400, 0)
    add(0, 0, lat=lon, lon=lat)
    add(800, 0, mode=f"xe máy của ông {DRIVER} {PLATE}")
    add(3999, 900)
    add(4900, 0)
    add(2600, 2, route="QL1", km="Km10+900")
    add(2700, 2, route="QL1", km="Km10+800")
    return rows


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_study(tmp_path_factory.mktemp("check"))
    edit(path, "start = 2021", 'simulated = true\nsources = ["Sổ mẫu", "ODbL 1.0"]\nstart = 2021')
    with_rows(path, dirt)
    folder = path.parent
    crossing = {"name": "Km 98", "kind": "official"}
    write_features(
        folder / "crossings.geojson",
        [point(1000, 0, crossing_id="LX1", **crossing), point(90_000, 0, crossing_id="LX9")],
    )
    bad = ("W4", "Biển báo", "lighting", "QL1", "Km11+000", None, -5)
    write_book(folder / "repairs.xlsx", {"Công trình": [*REPAIRS, bad]})
    return path


@pytest.fixture(scope="module")
def checked(study: Path) -> Checked:
    return check_study(load_study(study))


@pytest.fixture(scope="module")
def files(study: Path) -> dict[str, Path]:
    """The workbook in each language."""
    made = {language: study.parent / f"{language}.xlsx" for language in labels.LANGUAGES}
    for language, path in made.items():
        asked = ["--lang", language, "--out", str(path), "--quiet"]
        assert main(["check", str(study), *asked]) == 0
    return made


def cells(path: Path) -> dict[str, list[list[Any]]]:
    book = openpyxl.load_workbook(path)
    assert len(book.sheetnames) == len(SHEETS)
    return {
        key: [[cell.value for cell in row] for row in page.iter_rows()]
        for key, page in zip(SHEETS, book, strict=True)
    }


@pytest.fixture(scope="module", params=labels.LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def book(files: dict[str, Path], language: str) -> dict[str, list[list[Any]]]:
    return cells(files[language])


def table(rows: list[list[Any]]) -> list[list[Any]]:
    """The rows below the header, the first row whose second cell is filled."""
    top = next(i for i, row in enumerate(rows) if len(row) > 1 and row[1] is not None)
    return rows[top + 1 :]


def lines(rows: list[list[Any]]) -> list[str]:
    return [str(row[0]) for row in rows if row[0] is not None]


def clean(values: Any) -> list[Any]:
    return [None if pd.isna(value) else value for value in values]


def test_the_dirty_register_holds_something_of_everything(checked: Checked) -> None:
    quality, inputs = checked.quality, checked.inputs
    assert len(quality.apart) > 1
    assert len(quality.duplicates) == 1
    assert len(inputs.stacks) == 2
    assert set(inputs.rejects["table"]) == {"crashes", "crossings", "repairs"}
    assert checked.remarked("repaired") == 4
    assert checked.remarked("doubtful") == 3
    assert len(inputs.register.personal) == 2


def test_the_rows_add_up(checked: Checked, book: dict[str, Any], language: str) -> None:
    read = 20 + len(dirt([]))
    usable, rejected = len(checked.inputs.register.crashes), checked.rejected
    placed = int(checked.located["place"].notna().sum())
    assert read == checked.read == usable + rejected
    numbers = {"read": read, "usable": usable, "rejected": rejected}
    numbers |= {"placed": placed, "unplaced": usable - placed}
    assert say("rows.sum", language, **numbers) in lines(book["summary"])
    assert len(table(book["unplaced"])) == usable - placed
    own = [row for row in table(book["rejected"]) if row[0] == say("table.crashes", language)]
    assert len({tuple(row[1:4]) for row in own}) == rejected
    assert own == table(book["rejected"])[: len(own)]


def test_rejected_rows_by_reason_add_up_to_the_rejected(checked: Checked, language: str) -> None:
    summary = next(iter(checking.check_sheets(checked, language))).lines
    at = list(summary).index(say("part.rejected", language).upper())
    counts = []
    for line in summary[at + 1 :]:
        if not line:
            break
        counts.append(int(line.split("–")[0]))
    assert sum(counts) == checked.rejected
    assert counts == sorted(counts, reverse=True)
    for name in ("crossings", "repairs"):
        told = f"{say(f'table.{name}', language)}: {rejected_rows(checked.inputs.rejects, name)}"
        assert any(line.strip() == told for line in summary)


def test_every_reject_is_listed_with_what_to_do(
    checked: Checked, book: dict[str, Any], language: str
) -> None:
    rejects = checked.inputs.rejects
    wanted = {
        (row.file, row.sheet, row.row, row.column, row.value, f"reject.{row.code}")
        for row in rejects.itertuples()
    }
    keys = {labels.text(key, language): key for *_, key in wanted}
    found = [(*row[1:6], keys[row[6]]) for row in table(book["rejected"])]
    assert len(found) == len(rejects)
    assert set(found) == wanted
    words = labels.text("reject.outside-area", language)
    outside = [row for row in table(book["rejected"]) if row[6] == words]
    assert table(book["outside"]) == outside
    assert len(outside) == 3


@pytest.mark.parametrize("kind", ["repaired", "doubtful"])
def test_every_remark_is_listed_in_words(
    kind: str, checked: Checked, book: dict[str, Any], language: str
) -> None:
    frame = checked.inputs.remarks[checked.inputs.remarks["kind"] == kind]
    found = table(book[kind])
    assert sum(row[5] for row in found) == frame["count"].sum()
    assert {row[3] for row in found} == set(frame["row"])
    words = {labels.text(f"{kind}.{code}", language) for code in frame["code"]}
    assert {row[8] for row in found} == words
    told = "\n".join(lines(book["summary"]))
    for word in words:
        assert f"1  –  {word}" in told
    assert not any("KmPost" in str(value) for row in found for value in row)


def test_completeness_is_that_of_the_frames(
    checked: Checked, book: dict[str, Any], language: str
) -> None:
    frame, usable = checked.quality.completeness, len(checked.located)
    found = table(book["complete"])
    assert [row[1] for row in found] == [frame.at[c, "filled"] for c in JUDGED]
    assert all(row[1] + row[2] == usable for row in found)
    shares = [frame.at[column, "share"] for column in JUDGED]
    assert [row[3] for row in found] == pytest.approx(shares)
    grades = dict(zip(JUDGED, [row[4] for row in found], strict=True))
    assert grades["date"] == say("grade.good", language)
    assert grades["severity"] == say("grade.fair", language)
    assert grades["km"] == say("grade.weak", language)
    assert grades["cause"] == say("grade.none", language)


@pytest.mark.parametrize("key", ["district", "year"])
def test_shares_by_group_and_of_the_rest_add_up(
    key: str, checked: Checked, book: dict[str, Any], language: str
) -> None:
    quality = checked.quality
    frame = quality.by_district if key == "district" else quality.by_year
    *found, total = table(book[key])
    assert [row[0] for row in found[: len(frame)]] == list(frame.index)
    assert [row[1] for row in found[: len(frame)]] == list(frame["crashes"])
    assert total[0] == labels.text("term.total", language)
    assert sum(row[1] for row in found) == total[1] == len(checked.located)
    for i, column in enumerate(JUDGED, start=2):
        filled = sum(row[1] * (row[i] or 0) for row in found)
        assert filled == pytest.approx(quality.completeness.at[column, "filled"]), column
        assert [row[i] for row in found[: len(frame)]] == pytest.approx(list(frame[column]))
    if key == "district":
        assert found[-1][0] == say("without-district", language)


def test_km_posts_against_coordinates_are_told_by_route_and_district(
    checked: Checked, book: dict[str, Any], language: str
) -> None:
    located = checked.located
    gap = located["km_difference"].dropna().astype(float)
    assert len(gap) == 3
    found = table(book["km"])
    routes = {row[1]: row for row in found if row[0] == say("column.route", language)}
    for route, own in gap.groupby(located["route"]):
        row = routes[route]
        assert row[2] == len(own)
        assert row[3] == pytest.approx(own.abs().median())
        assert row[5] == pytest.approx(own.median())
        assert row[6] == pytest.approx((own.abs() > 500).mean())
    assert sum(row[2] for row in found if row[0] == say("column.route", language)) == len(gap)


def test_ends_that_nearly_touch_and_islands_are_listed(tmp_path: Path, language: str) -> None:
    path = write_study(tmp_path)
    layer = json.loads((tmp_path / "roads.geojson").read_text(encoding="utf-8"))
    for name, ends in (("N", [at(500, 2.5), at(500, 300)]), ("I", [at(0, 900), at(400, 900)])):
        geometry = {"type": "LineString", "coordinates": [list(end) for end in ends]}
        properties = {"road_id": name}
        layer["features"].append(
            {"type": "Feature", "properties": properties, "geometry": geometry}
        )
    (tmp_path / "roads.geojson").write_text(json.dumps(layer), encoding="utf-8")
    sheets = workbook.check_sheets(check_study(load_study(path)), language)
    (sheet,) = [each for each in sheets if each.name == say("sheet.roads", language)]
    near = [row for row in sheet.rows if row[0] == say("road.nearly", language)]
    assert [(row[1], round(row[3], 1)) for row in near] == [("N", 2.5)]
    apart = [row for row in sheet.rows if row[0] == say("road.island", language)]
    assert {row[1] for row in apart} >= {"N", "I"}
    assert {row[1]: row[2] for row in apart}["I"] == pytest.approx(0.4, abs=1e-3)


def test_contradictions_heaps_and_duplicates_are_listed(
    checked: Checked, book: dict[str, Any], language: str
) -> None:
    apart = checked.quality.apart
    found = table(book["apart"])
    assert [row[0] for row in found] == list(apart.index)
    assert [row[3] for row in found] == pytest.approx(list(apart["km_difference"].abs()))
    assert [row[6] for row in found] == list(apart["source_row"])
    stacks = checked.inputs.stacks.sort_values("crashes", ascending=False)
    heaps = table(book["heaps"])
    assert [row[0] for row in heaps] == list(stacks["crashes"])
    assert [row[1] for row in heaps] == [say(f"heap.{code}", language) for code in stacks["reason"]]
    assert [row[3] for row in heaps] == clean(stacks["uncertainty"])
    lon, lat = degrees(1200, -200)
    assert [float(part) for part in heaps[0][4].split(", ")] == pytest.approx([lat, lon], abs=2e-6)
    (twice,) = table(book["duplicates"])
    (row,) = checked.quality.duplicates.itertuples()
    assert twice[:2] == [row.Index, row.duplicate_of]
    assert twice[2] == datetime(2021, 6, 5)  # noqa: DTZ001 - a day
    assert twice[8:11] == [row.source_file, row.source_sheet, row.source_row]
    assert twice[11:] == [row.partner_file, row.partner_sheet, row.partner_row]
    assert "“Trùng”" in lines(book["duplicates"])[2]


def test_every_sheet_says_what_it_is_and_that_the_data_are_simulated(
    book: dict[str, Any], language: str
) -> None:
    for key, rows in book.items():
        told = lines(rows)
        assert "DỮ LIỆU MÔ PHỎNG" in told[0], key
        assert "SIMULATED DATA" in told[0], key
        if key != "summary":
            assert told[1].startswith(say(f"sheet.{key}", language))
            assert told[2] == say(f"about.{key}", language, limit=500, nearly=5.0)
    assert {"Sổ mẫu", "ODbL 1.0"} <= set(lines(book["summary"]))


def test_personal_columns_are_named_by_themselves(book: dict[str, Any], language: str) -> None:
    assert say("columns.personal", language, list="driver, plate") in lines(book["summary"])


def test_the_greatest_losses_come_first(book: dict[str, Any], language: str) -> None:
    told = lines(book["summary"])
    at = told.index(say("part.first", language).upper())
    counts = [int(re.findall(r"\d+", line)[1]) for line in told[at + 1 : at + 4]]
    assert counts[0] == 13
    assert counts == sorted(counts, reverse=True)
    assert say("sheet.heaps", language) in told[at + 1]


def test_no_personal_data_leave_the_register(
    study: Path, files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(study), "--out", str(study.parent / "p.xlsx"), "--quiet"]) == 0
    shown = capsys.readouterr().out
    for path in files.values():
        with zipfile.ZipFile(path) as archive:
            shown += "".join(archive.read(name).decode("utf-8") for name in archive.namelist())
    assert DRIVER not in shown
    assert PLATE not in shown


def test_no_cell_is_a_formula(files: dict[str, Path]) -> None:
    for path in files.values():
        found = [cell for page in openpyxl.load_workbook(path) for row in page for cell in row]
        assert {cell.data_type for cell in found} <= {"s", "n", "d", "b"}
        assert any(cell.value == "=cmd|x" for cell in found)


def test_shares_are_percent_and_days_are_days(files: dict[str, Path]) -> None:
    pages = dict(zip(SHEETS, openpyxl.load_workbook(files["vi"]), strict=True))
    assert pages["complete"].cell(pages["complete"].max_row, 4).number_format == "0 %"
    assert pages["duplicates"].cell(pages["duplicates"].max_row, 3).number_format == "dd/mm/yyyy"
    assert all(page.freeze_panes for key, page in pages.items() if key != "summary")


def test_the_terminal_is_calm_and_ends_with_the_workbook(
    study: Path, checked: Checked, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = study.parent / "t.xlsx"
    assert main(["check", str(study), "--lang", language, "--out", str(out), "--quiet"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "\x1b" not in shown.out
    told = shown.out.splitlines()
    assert len(told) <= 46
    assert max(map(len, told[:-1])) <= 100
    assert told[-1] == labels.text("cli.check-at", language, path=out.resolve())
    numbers = {line.split()[-1 if i == 0 else -3] for i, line in enumerate(told[4:9])}
    assert {str(checked.read), str(len(checked.located)), str(checked.rejected)} <= numbers


def test_a_clean_study_finds_nothing_and_says_so(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    with_rows(study, lambda rows: [row for row in rows if row["crash_id"] not in {"C14", "C15"}])
    assert main(["check", str(study), "--quiet"]) == 0
    made = cells(tmp_path / "check.xlsx")
    for key in ("rejected", "repaired", "doubtful", "apart", "heaps", "outside", "duplicates"):
        assert say("none") in lines(made[key]), key
        assert table(made[key]) == []
    assert not any("MÔ PHỎNG" in line for rows in made.values() for line in lines(rows))


def test_nothing_lost_is_nothing_to_do(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    checked = check_study(load_study(study))
    assert checked.located["place"].notna().all()
    assert say("loss.none") in next(iter(checking.check_sheets(checked, "vi"))).lines


def test_what_the_user_left_out_is_no_loss(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    rows = [crash(n, 300 + 40 * n, 0) | {"Trùng": "có" if n < 9 else ""} for n in range(1, 30)]
    write_rows(tmp_path / "crashes.csv", rows, [*HEADER, "Trùng"])
    checked = check_study(load_study(study))
    assert checked.rejected == 8
    summary = next(iter(checking.check_sheets(checked, "vi"))).lines
    at = list(summary).index(say("part.first").upper())
    assert labels.text("reject.said-duplicate", "vi") not in "".join(summary[at : at + 4])


def test_a_register_without_days_has_its_rows_under_no_year(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    rows = [crash(n, 300 + 40 * n, 0) for n in range(1, 9)]
    write_rows(tmp_path / "crashes.csv", rows, [name for name in HEADER if name != "date"])
    assert main(["check", str(study), "--quiet"]) == 0
    *years, rest, total = table(cells(tmp_path / "check.xlsx")["year"])
    assert [row[:3] for row in years] == [[y, 0, None] for y in (2021, 2022, 2023)]
    assert rest[:3] == [say("without-year"), 8, 0]
    assert total[1] == 8


def test_a_list_that_is_too_long_is_cut_and_says_so(
    checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "_MOST_ROWS", 2)
    sheets = dict(zip(SHEETS, checking.check_sheets(checked, "vi"), strict=True))
    assert len(sheets["rejected"].rows) == 2
    total = len(checked.inputs.rejects)
    assert say("cut", shown=2, total=total) in sheets["rejected"].lines


def test_a_share_is_never_all_when_something_is_missing_nor_none_of_something() -> None:
    words = Words("vi")
    assert words.share(0, 10) == "0 %"
    assert words.share(10, 10) == "100 %"
    assert words.share(99_999, 100_000) == "> 99,9 %"
    assert words.share(1, 100_000) == "< 0,1 %"
    assert words.share(29, 100) == "29 %"
    assert words.share(12, 807) == "1,5 %"


def test_figures_that_do_not_add_up_stop_the_check(
    checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Checked, "read", property(lambda _self: 7))
    with pytest.raises(RuntimeError, match="read 7"):
        checking.check_lines(checked, "vi")


def test_the_workbook_is_written_beside_the_study_and_again(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    before = tree(tmp_path)
    for _ in range(2):
        assert main(["check", str(tmp_path), "--quiet"]) == 0
    assert tree(tmp_path).keys() - before.keys() == {"check.xlsx"}
    first = (tmp_path / "check.xlsx").read_bytes()
    openpyxl.load_workbook(tmp_path / "check.xlsx").save(tmp_path / "check.xlsx")
    assert main(["check", str(study), "--quiet"]) == 0
    assert (tmp_path / "check.xlsx").read_bytes() == first
    assert {name: data for name, data in tree(tmp_path).items() if name in before} == before


def test_another_file_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = write_study(tmp_path)
    before = tree(tmp_path)
    for name in ("repairs.xlsx", "REPAIRS2.XLSX"):
        if name not in before:
            (tmp_path / name).write_bytes(b"mine")
        kept = (tmp_path / name).read_bytes()
        assert main(["check", str(study), "--out", str(tmp_path / name), "--quiet"]) == 1
        assert name in capsys.readouterr().err
        assert (tmp_path / name).read_bytes() == kept


@pytest.mark.parametrize("at", ["write", "replace"])
def test_a_failed_write_leaves_the_earlier_workbook(
    at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path)
    assert main(["check", str(study), "--quiet"]) == 0
    before = tree(tmp_path)
    capsys.readouterr()

    def refuse(*_args: Any, **_more: Any) -> None:
        raise PermissionError(13, "in use")

    if at == "write":
        monkeypatch.setattr(workbook, "write_workbook", refuse)
    else:
        monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(BlackspotsError) as caught:
        checking.write_check(check_study(load_study(study)), tmp_path / "check.xlsx", "vi")
    assert caught.value.code == ("output-failed" if at == "write" else "output-locked")
    assert main(["check", str(study), "--quiet"]) == 1
    assert "check.xlsx" in capsys.readouterr().err
    assert tree(tmp_path) == before


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    out = tmp_path / "a" / "b" / "c.xlsx"
    assert main(["check", str(study), "--out", str(out), "--quiet"]) == 0
    assert out.is_file()


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none.toml")]) == 1
    study = write_study(tmp_path)
    for wrong in (["--out", "a.csv"], ["--budget"]):
        with pytest.raises(SystemExit) as caught:
            main(["check", str(study), *wrong])
        assert caught.value.code == 2
    assert "a.csv" in capsys.readouterr().err
    (tmp_path / "crashes.csv").unlink()
    assert main(["check", str(study), "--quiet"]) == 1
    assert not (tmp_path / "check.xlsx").exists()


def test_a_blocked_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = write_study(tmp_path)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    out = tmp_path / "file" / "c.xlsx"
    assert main(["check", str(study), "--out", str(out), "--quiet", "--lang", "en"]) == 1
    assert "could not be written" in capsys.readouterr().err


def test_every_text_of_the_check_is_used() -> None:
    files = Path(checking.__file__).parent.glob("*.py")
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    built = {"without"}  # f"without-{key}"
    groups = {key.split(".")[1] for key in labels.texts("vi") if key.startswith("check.")}
    for group in groups:
        assert group in code or group.partition("-")[0] in built, group
