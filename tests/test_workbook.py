"""The workbook: text stays text, numbers are those of the CSV, simulated data say so."""

import csv
import datetime as dt
import string
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_study import crash, edit, with_rows, write_study

from blackspots import labels
from blackspots.cli import main
from blackspots.reports.workbook import Sheet, write_workbook

HOSTILE = (
    *("=1+1", "+84", "-2", "@SUM(A1)", '=HYPERLINK("http://x")', "http://example.org"),
    *("mailto:a@b", "internal:A1", "12", "1e5", "TRUE", "#N/A", "<b>&amp;", "'quoted"),
    *("{=SUM(A1)}", "a\nb", " padded ", "_x000D_"),
)


def cells(path: Path, sheet: str = "s") -> list[list[Any]]:
    return [list(row) for row in openpyxl.load_workbook(path)[sheet].iter_rows()]


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_stays_text(text: str, tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    write_workbook(path, [Sheet("s", [text], [text, "b"], [[text, 1]], ["", "0"])], banner=text)
    found = [cell for row in cells(path) for cell in row if cell.value is not None]
    texts = [cell for cell in found if cell.value not in {1, "b"}]
    assert len(texts) == 4  # the banner, the line above, the header, the cell
    for cell in texts:
        assert cell.data_type == "s"
        assert cell.value == text
        assert cell.hyperlink is None
    with zipfile.ZipFile(path) as book:
        pages = [book.read(name) for name in book.namelist() if "worksheets/sheet" in name]
    assert not any(b"<f>" in page or b"<hyperlink" in page for page in pages)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(string.printable + "ấ\u0000\u0008", min_size=1, max_size=40))
def test_a_workbook_of_any_text_can_be_opened(text: str, tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    write_workbook(path, [Sheet("s", ["line"], ["h"], [[text]], [""])])
    assert cells(path)[-1][0].data_type in {"s", "n"}
    with zipfile.ZipFile(path) as book:
        for name in book.namelist():
            ET.fromstring(book.read(name))  # noqa: S314 - our own file


def test_cells_keep_their_kind_and_missing_ones_are_blank(tmp_path: Path) -> None:
    day = pd.Timestamp("2023-02-01")
    values = [1.5, 7, True, day, None, float("nan"), pd.NA, pd.NaT, "x"]
    path = tmp_path / "b.xlsx"
    sheet = Sheet("s", [], [str(i) for i in range(len(values))], [values], [""] * len(values))
    write_workbook(path, [sheet])
    found = [cell.value for cell in cells(path)[-1]]
    assert found[:3] == [1.5, 7, True]
    assert found[4:9] == [None, None, None, None, "x"]
    assert found[3] in (dt.datetime.fromisoformat("2023-02-01"), 44958)


def test_an_empty_table_keeps_its_headers(tmp_path: Path) -> None:
    write_workbook(tmp_path / "b.xlsx", [Sheet("s", ["t"], ["a", "b"], [], ["", ""])])
    assert [cell.value for cell in cells(tmp_path / "b.xlsx")[-1]] == ["a", "b"]


def test_a_long_text_is_cut_to_what_a_cell_holds(tmp_path: Path) -> None:
    write_workbook(tmp_path / "b.xlsx", [Sheet("s", [], ["a"], [["x" * 40_000]], [""])])
    assert len(cells(tmp_path / "b.xlsx")[-1][0].value) == 32_000


def test_a_sheet_name_that_excel_refuses_does_not_stop_the_run(tmp_path: Path) -> None:
    write_workbook(tmp_path / "b.xlsx", [Sheet("x" * 60, ["t"])])
    assert len(openpyxl.load_workbook(tmp_path / "b.xlsx").sheetnames[0]) == 31


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("book"))
    edit(study, "start = 2021", "simulated = true\nstart = 2021")
    with_rows(
        study,
        lambda rows: [
            *rows,
            crash(21, 10, 0, severity="=cmd|x"),
            crash(22, 0, 900, crash_id="+22"),
            *[crash(n, 3500 + 10 * n - 250, 0) for n in range(30, 36)],
        ],
    )
    assert main(["run", str(study), "--quiet"]) == 0
    return study.parent / "out"


def book_of(out: Path) -> dict[str, list[list[Any]]]:
    book = openpyxl.load_workbook(out / "ranking.xlsx")
    return {page.title: [list(row) for row in page.iter_rows()] for page in book}


def table(rows: list[list[Any]], first: str) -> list[dict[str, Any]]:
    """The rows below the header that begins with ``first``."""
    values = [[cell.value for cell in row] for row in rows]
    top = next(i for i, row in enumerate(values) if row[0] == first and row[1] is not None)
    return [dict(zip(values[top], row, strict=True)) for row in values[top + 1 :] if any(row)]


def text(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_simulated_data_are_called_so_on_every_sheet(out: Path) -> None:
    book = book_of(out)
    assert len(book) == 7
    for name, rows in book.items():
        words = [str(cell.value) for row in rows[:3] for cell in row]
        assert any("DỮ LIỆU MÔ PHỎNG" in w and "SIMULATED DATA" in w for w in words), name


def test_real_data_are_not_called_simulated(tmp_path: Path) -> None:
    assert main(["run", str(write_study(tmp_path)), "--quiet"]) == 0
    for rows in book_of(tmp_path / "out").values():
        assert not any("MÔ PHỎNG" in str(cell.value) for row in rows for cell in row)


def test_no_cell_of_a_run_is_a_formula(out: Path) -> None:
    found = [cell for rows in book_of(out).values() for row in rows for cell in row]
    assert {cell.data_type for cell in found} <= {"s", "n", "d", "b"}
    assert any(cell.value == "=cmd|x" for cell in found)
    assert any(cell.value == "+22" for cell in found)


def head(column: str) -> str:
    return labels.text(f"column.{column}", "vi")


def page(out: Path, name: str) -> list[list[Any]]:
    return book_of(out)[labels.text(f"sheet.{name}", "vi")]


def test_the_ranking_has_the_numbers_of_the_csv(out: Path) -> None:
    shown = table(page(out, "ranking"), head("rank"))
    given = text(out / "ranking.csv")
    assert len(shown) == len(given) > 1
    for row, source in zip(shown, given, strict=True):
        for column, unit in (("rank", 1), ("crashes", 1), ("expected", 1), ("cost_per_year", 1e6)):
            value = row[head(column)] * unit
            assert value == pytest.approx(float(source[column]), rel=1e-9), column


def test_the_programme_has_the_numbers_of_the_csv(out: Path) -> None:
    shown = table(page(out, "programme"), head("funded"))
    given = text(out / "programme.csv")
    assert len(shown) == len(given) > 3
    for column in ("cost", "benefit", "npv"):
        numbers = sorted(row[head(column)] for row in shown if row[head(column)] is not None)
        wanted = sorted(float(row[column]) / 1e6 for row in given if row[column])
        assert numbers == pytest.approx(wanted, rel=1e-9)
    funded = sum(row["funded"] in {"True", "1"} for row in given)
    assert funded == sum(row[head("funded")] == labels.text("term.yes", "vi") for row in shown) > 0


def test_rejected_and_unplaced_rows_are_listed_with_what_to_do(out: Path) -> None:
    rejected = [cell.value for cell in page(out, "rejected")[-1]]
    assert "=cmd|x" in rejected
    assert labels.text("reject.unknown-severity", "vi") in rejected
    unplaced = [cell.value for cell in page(out, "unplaced")[-1]]
    assert labels.text("reason.no-road-near", "vi") in unplaced
