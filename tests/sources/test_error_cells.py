"""Failed formulas, #N/A and its kin: unknown, told once a sheet, and no row is lost for them."""

import base64
import time
import zlib
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pytest
import xlsxwriter
from pyproj import CRS
from reading_files import cells
from small_study import GRID, write_book
from test_workbooks import MAIN, ODS, XLS, cell, ods, row, xlsx

from blackspots.presets.notations import error_words
from blackspots.sources import Findings, read_crashes
from blackspots.sources.cells import is_error
from blackspots.sources.files import read_raw
from blackspots.sources.raw import RawTable
from blackspots.sources.spans import XlsxSpan, xls_cells

HEAD = ["Ngày", "lat", "lon", "Chết", "Bị thương", "Huyện"]
GOOD = ["01/03/2022", "21.85", "106.76", "1", "0", "Cao Lộc"]
FAILED = ["02/03/2022", "21.86", "106.77", "#N/A", " #REF! ", "#VALUE!"]
CODE = "doubtful.error-cells"


def said(raw: RawTable) -> list[tuple[int, str | None, str | None]]:
    return [(r.count, r.column, r.value) for r in raw.repairs if r.code == CODE]


def write_text(path: Path, *rows: list[str], tidy: bool = True) -> RawTable:
    """A text file; an untidy one, which the strict reader reads, has a row of bare commas."""
    lines = [",".join(each) for each in (HEAD, *rows)]
    path.write_text("\n".join([*lines, *([] if tidy else [",,,"])]) + "\n", encoding="utf-8")
    (raw,) = read_raw(path)
    return raw


def formulas(path: Path, *errors: str, sheets: tuple[str, ...] = ("a",)) -> Path:
    """A workbook whose second row of data holds formulas that fail, from ``Chết`` on."""
    with xlsxwriter.Workbook(path) as book:
        for name in sheets:
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, HEAD)
            sheet.write_row(1, 0, GOOD)
            sheet.write_row(2, 0, FAILED[:3])
            for i, error in enumerate(errors):
                sheet.write_formula(2, 3 + i, "=1/0", None, error)
    return path


@pytest.mark.parametrize("tidy", [True, False])
def test_in_a_text_file_they_are_blank_and_told(tidy: bool, tmp_path: Path) -> None:
    raw = write_text(tmp_path / "c.csv", GOOD, FAILED, tidy=tidy)
    assert cells(raw.frame) == [GOOD, [*FAILED[:3], "", "", ""]]
    assert said(raw) == [(3, "Chết, Bị thương, Huyện", "#N/A")]


def test_a_row_of_nothing_else_is_no_row(tmp_path: Path) -> None:
    made = [
        write_text(tmp_path / "c.csv", GOOD, ["#N/A"] * 6, FAILED, ["#REF!"] * 6, tidy=tidy)
        for tidy in (True, False)
    ]
    for raw in made:
        assert raw.frame.index.tolist() == [2, 4]
        assert said(raw)[0][0] == 15
    pd.testing.assert_frame_equal(made[0].frame, made[1].frame)
    write_book(tmp_path / "c.xlsx", {"a": [HEAD, GOOD, ["#N/A"] * 6, FAILED]})
    (book,) = read_raw(tmp_path / "c.xlsx")
    assert book.frame.index.tolist() == [2, 4]
    assert said(book) == [(9, ", ".join(HEAD), "#N/A")]


@pytest.mark.parametrize("word", [*error_words(), "Err:502", " #N/A\u00a0"])
def test_every_error_of_a_spreadsheet_is_known(word: str, tmp_path: Path) -> None:
    assert is_error(word)
    raw = write_text(tmp_path / "c.csv", GOOD, [*GOOD[:3], word, "0", "x"])
    assert cells(raw.frame)[1][3] == ""
    assert said(raw) == [(1, "Chết", word.strip())]


@pytest.mark.parametrize("word", ["#1", "N/A", "#N/A là gì", "số #N/A", "Err:5", "#", "##", "#REF"])
@pytest.mark.parametrize("tidy", [True, False])
def test_other_words_stay_as_they_are(word: str, tidy: bool, tmp_path: Path) -> None:
    assert not is_error(word)
    raw = write_text(tmp_path / "c.csv", GOOD, [*GOOD[:5], word], tidy=tidy)
    assert cells(raw.frame)[1][5] == word
    assert raw.repairs == ()


def test_in_a_workbook_they_are_counted_by_sheet(tmp_path: Path) -> None:
    path = formulas(tmp_path / "c.xlsx", "#N/A", "#REF!", sheets=("Năm 2022 & <'x'>", "b"))
    write_book(tmp_path / "d.xlsx", {"a": [HEAD, GOOD]})
    for raw in read_raw(path):
        assert said(raw) == [(2, "Chết, Bị thương", "#N/A")]
        assert cells(raw.frame)[1][3:5] == ["", ""]
    (raw,) = read_raw(tmp_path / "d.xlsx")
    assert raw.repairs == ()


def test_a_sheet_that_is_not_read_says_nothing(tmp_path: Path) -> None:
    path = formulas(tmp_path / "c.xlsx", "#N/A", sheets=("a", "b"))
    (raw,) = read_raw(path, sheets=["b"])
    assert said(raw) == [(1, "Chết", "#N/A")]


def test_errors_typed_as_text_count_as_those_of_formulas(tmp_path: Path) -> None:
    write_book(tmp_path / "c.xlsx", {"a": [HEAD, GOOD, FAILED]})
    (raw,) = read_raw(tmp_path / "c.xlsx")
    assert cells(raw.frame) == [GOOD, [*FAILED[:3], "", "", ""]]
    assert said(raw) == [(3, "Chết, Bị thương, Huyện", "#N/A")]


def test_above_the_header_they_are_nobodys_and_a_text_is_no_mark(tmp_path: Path) -> None:
    text = '<c r="A{0}" t="inlineStr"><is><t>{1}</t></is></c>'
    rows = (
        '<row r="1"><c r="C1" t="e"><v>#REF!</v></c></row>'
        f'<row r="2">{text.format(2, "lat")}<c r="B2" t="inlineStr"><is><t>lon</t></is></c></row>'
        f'<row r="3">{text.format(3, "một t=&quot;e&quot; hai")}'
        f"{text.format(3, 'ba').replace('A3', 'B3')}</row>"
        '<row r="4"><c r="A4"><v>1</v></c>'
        '<c r="B4" t="inlineStr"><is><t> t="e" </t></is></c></row>'
    )
    (raw,) = read_raw(xlsx(tmp_path / "c.xlsx", rows, at="any/where.xml"))
    assert raw.repairs == ()
    (raw,) = read_raw(
        xlsx(
            tmp_path / "d.xlsx",
            rows + '<row r="5"><c r="A5" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>',
            at="any/where.xml",
        )
    )
    assert said(raw) == [(1, "lat", "#DIV/0!")]


@pytest.mark.parametrize("size", [1, 9, 64, 5000])
def test_the_count_does_not_depend_on_the_pieces(size: int) -> None:
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>' + "".join(
        f'<row r="{i}"><c r="A{i}" t="e"><v>#N/A</v></c><c r="B{i}"><v>1</v></c></row>'
        for i in range(1, 101)
    )
    span = XlsxSpan()
    for at in range(0, len(sheet), size):
        span.feed(sheet.encode()[at : at + size])
    span.end()
    assert sum(span.failed.places.values()) == 100
    assert {column for _, column in span.failed.places} == {1}
    assert span.failed.places[5, 1] == 1


def test_in_an_open_document_they_are_counted(tmp_path: Path) -> None:
    wrong = (
        '<table:table-cell office:value-type="string" office:string-value="" '
        'calcext:value-type="error"><text:p>#DIV/0!</text:p></table:table-cell>'
    ).replace("calcext:", f'xmlns:calcext="{ODS}calcext:1.0" calcext:')
    rows = row("lat", "lon", "Chết") + row("21", "106", more=wrong) + row("21", "107", "1")
    first, second = read_raw(ods(tmp_path / "c.ods", rows, rows + row("22", more=wrong * 2)))
    assert said(first) == [(1, "Chết", "#DIV/0!")]
    assert said(second) == [(3, "lon, Chết", "#DIV/0!")]
    assert cells(first.frame) == [["21", "106", ""], ["21", "107", "1"]]
    text = row("lat", "lon") + row("21", more=cell("Err:508"))
    (raw,) = read_raw(ods(tmp_path / "d.ods", text))
    assert said(raw) == [(1, "lon", "Err:508")]


FAILED_XLS: Final = (  # what formulas() makes, saved as a workbook of Excel 97, packed
    "eNrtWE1sVFUUPvfN35v+zbS0iAXGEYX+tzNTLTWKLS0oJGiJIhJDItMy/ZGh05SaSIJxENkYSTQs3EBMk+40ijHRhSa0"
    "K03U6IYFRJPCwmhwMRqNktiO3znvvtdHaZNOS0yEnpfv3XvOuz/n3nPO/Xnff1c+Pf5x9VWaR4+Sh2bzQfK7ZAoospkw"
    "kaFls/l83hbnV+l/RTM6ZRt6YT8fwDYPACYQ1PYt1ukq3Vn0DGXwjFGUdtIw0lE6ToXQWniMu72l1JldYrml0mr/y++f"
    "129exz3AYvHPaz7HfwlQCpQBIWsLoHKgAlgDVAJV4hNE9wDrgHuBamA9sAHYCESA+4AocD+wCXgAeBDYDGwBaoBaoA6o"
    "Bxq03k06ZcSQj2u+FelDq2tUwRQ0YUW/jz4v/YZNLra/Co+44J0Sv7gGHKQR9o3uZLov+l9Rl+iQVKzDJJx0m/LCVw06"
    "B5TRRyL/Qt7bxP9AnRRt1z59wOgU7c/Ie5O8y/BW9JnUuSKSODzxB/HztyUMFAVUNyUpTUPUi5VwCCWq6SuOsNekBMeH"
    "2i5fuNRKvka8JTTBUfZkajg1mkxPS/RM0J/5qCtSJ6Ms5+oi/2NpcqNAOd118gnM3ULz3GCVz82X1y0ib1xEXr+IPHiL"
    "/KyByMpSntNw1iNpedYvaUXWK+mabEDSyqwvf0j89zRaWuuzfD3JzN8Bi+l9izhOFE0pEyDad0bRdXgz1uvcC9KnPycj"
    "N60136C5c7xy5VupOMdxdREFTTqpsA+Yk6oT706K/Ba2dgITO4KJld78C5vBP3ReVvaQtZM8PTB9HB2kk2P8zgxDrW4a"
    "pIuRMairuujrSBTHjUG6oMbVMA1g41G76GWcPr6MDPOOE4u3xFpbErFEAuNMxJvbH8bSFI+1NW9tg35xIBYgCdcMTLmH"
    "Lkf6pFpiXrU2u9rWPL6HaL/X2sj6zCpgzgWqdGrwbmetiuGbVsUSzM1hNMCrSLnMUxgz09S94fq1tuqOF0WepbkWN7Nl"
    "qVGdxJcpb73UaJD361LW3i1PiewNeW9B/YF+pp86alz5WqfdnzvqXPlxrG1BaEVicwO9Nap1Jf5TU4emO+xU0XP4YtKr"
    "MmxSb5ohPdIySTxkj9A0wjrfaK1YKiQytYDMkLPCnGxG3wytti1OgVMOZ8jc2ZwHnMfhvOC8DucD59Ockjb9DsdtBhyO"
    "2zQdjtsMOhy3WeRw3Gax5gxps8ThuM1Sh+M2y2TEG5H3iNYBOWVZ0xagiGJH91sFvIsX+JX28sfcLstXcqaOLR4qRp+L"
    "iR7eXK3Ig7nwAmc1g4qkHtfhOXncqKBP/dZ2R/SY2J5PVSFtR9J7DQ0gMAdMd0PKPh+ueviqh99+D4+6PdxchoebLg+n"
    "lXv40kjhxuApsu5QYdOwdmXr0xN8Z3lqqG80cyzTPxbd+UpfKh19ZGvTvmRvKp1Oicm6hvr721dyd1PWlrtsms2TeMkC"
    "7dL06fd+v9EzGH7/HZMaaj65zNY4oSOBv7fr+12nnrE9+p53QN/1Duv73og+F/wyY93dOB/T9Wy6JT+ergyd+FG584Xo"
    "L+eSS99eOte8Pnz2XejfeOPDHRw582QH9T3TPr+EXbrudWLfumvaYza0jvZ5h8e8fWRkf2r02FBm+Oaxsn/FE80xEN2J"
    "dDv//8j8z4uhheqwTTpLrfzz6H2UjuCEynocKVj/ClnPrH8X+QL+q1wpsuOkG/0ehY/3QIeXltW/x/UPZil1GoHdTpz2"
    "4DaYWrb9eD0v9P9Ps/5XI3dSehan7qN4kmL73fCCfrEJS8ZwW81AsjjV6v59Bcx/C/CB0/8O9NAnOqTEAwvTp30Z40+4"
    "+r/b///9C8MjNVc="
)


def test_in_an_old_workbook_they_are_counted(tmp_path: Path) -> None:
    sound = zlib.decompress(base64.b64decode("".join(XLS)))
    assert xls_cells(sound)[1][0].places.total() == 0
    path = tmp_path / "c.xls"
    path.write_bytes(zlib.decompress(base64.b64decode("".join(FAILED_XLS))))
    found = read_raw(path)
    assert [raw.sheet for raw in found] == ["a", "b"]
    for raw in found:
        assert said(raw) == [(2, "Chết, Bị thương", "#DIV/0!")]


@pytest.mark.parametrize("name", ["c.csv", "c.xlsx"])
def test_the_crash_is_kept_and_what_failed_is_unknown(name: str, tmp_path: Path) -> None:
    if name == "c.csv":
        write_text(tmp_path / name, GOOD, FAILED)
    else:
        formulas(tmp_path / name, "#N/A", "#REF!", "#VALUE!")
    findings = Findings()
    register = read_crashes([tmp_path / name], CRS(GRID), findings)
    assert register.read == len(register.crashes) == 2
    assert register.crashes["deaths"].isna().tolist() == [False, True]
    assert register.crashes["injured"].isna().tolist() == [False, True]
    assert findings.rejects == []
    told = [e for e in findings.remarks_frame().to_dict("records") if e["code"] == "error-cells"]
    (entry,) = told
    assert (entry["kind"], entry["count"], entry["value"]) == ("doubtful", 3, "#N/A")


def test_looking_for_them_is_cheap() -> None:
    piece = b'<row r="9"><c r="A9" s="1" t="s"><v>123</v></c><c r="B9"><v>21.8537</v></c></row>'
    text = piece * 50_000

    def seconds(work: Any) -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    span = XlsxSpan()
    alone = min(seconds(lambda: span._find_errors(text)) for _ in range(3))
    whole = min(seconds(lambda: XlsxSpan().feed(text)) for _ in range(3))
    assert alone < whole / 3
    assert span.failed.places.total() == 0
