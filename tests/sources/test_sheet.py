"""Where a table's header is, and the names of its columns."""

import unicodedata
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from reading_files import cells, code_of
from small_study import GRID, crashes

from blackspots.sources import Findings, read_crashes
from blackspots.sources.sheet import MAX_COLUMNS, find_header, table_of, unique

E = ""
LETTERHEAD = [
    ["CÔNG AN TỈNH LẠNG SƠN", E, E, E, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", E, E],
    ["PHÒNG CẢNH SÁT GIAO THÔNG", E, E, E, "Độc lập - Tự do - Hạnh phúc", E, E],
    [E] * 7,
    ["DANH SÁCH VỤ TAI NẠN", E, E, E, E, E, E],
]
UPPER = ["STT", "Ngày", "Tọa độ", E, "Thiệt hại về người", E, "Ghi chú"]
LOWER = [E, E, "Vĩ độ", "Kinh độ", "Chết", "Bị thương", E]
SINGLE = ["STT", "Ngày", "Vĩ độ", "Kinh độ", "Chết", "Bị thương", "Ghi chú"]
DATA = [1.0, "01/02/2022", 21.85, 106.76, 1.0, 0.0, "đường trơn"]
TWO = (
    "STT",
    "Ngày",
    "Tọa độ / Vĩ độ",
    "Tọa độ / Kinh độ",
    "Thiệt hại về người / Chết",
    "Thiệt hại về người / Bị thương",
    "Ghi chú",
)
NUMBERINGS = [
    [f"({i})" for i in range(1, 8)],
    [str(i) for i in range(1, 8)],
    [float(i) for i in range(1, 8)],
    ["A", "B", 1.0, 2.0, 3.0, 4.0, 5.0],
    ["a", "b", "(1)", "(2)", "(3)", "(4)", "(5)"],
    [f"[{i}]" for i in range(1, 8)],
]


def read(rows: list[list[Any]]) -> tuple[tuple[str, ...], list[int], list[list[Any]]]:
    header = find_header("f", rows)
    frame = table_of("f", None, rows, header)
    return header.names, frame.index.tolist(), cells(frame)


@pytest.mark.parametrize("numbering", [[], *([row] for row in NUMBERINGS)])
@pytest.mark.parametrize("above", range(5))
@pytest.mark.parametrize("blank", [[], [[E] * 7]])
def test_a_header_in_two_rows_under_a_letterhead(
    numbering: list[list[Any]], above: int, blank: list[list[Any]]
) -> None:
    rows = [*LETTERHEAD[:above], UPPER, LOWER, *numbering, *blank, DATA]
    assert read(rows) == (TWO, [len(rows)], [DATA])


@pytest.mark.parametrize("numbering", [[], *([row] for row in NUMBERINGS)])
@pytest.mark.parametrize("above", [LETTERHEAD[:n] for n in range(5)] + [LETTERHEAD[:1] * 2])
def test_a_header_in_one_row_under_a_letterhead(
    numbering: list[list[Any]], above: list[list[Any]]
) -> None:
    rows = [*above, SINGLE, *numbering, DATA]
    assert read(rows) == (tuple(SINGLE), [len(rows)], [DATA])


def test_groups_above_names_that_repeat_tell_them_apart() -> None:
    rows = [
        ["Tuyến", "Km", "Năm nay", E, "Năm trước", E],
        [E, E, "Chết", "Bị thương", "Chết", "Bị thương"],
        ["QL1", "12", 1.0, 2.0, 3.0, 4.0],
    ]
    names, numbers, _ = read(rows)
    assert names[2:] == (
        "Năm nay / Chết",
        "Năm nay / Bị thương",
        "Năm trước / Chết",
        "Năm trước / Bị thương",
    )
    assert numbers == [3]


HEADERS = [
    ["lat", "lon", "Ghi chú", E],
    ["lat", "lon", E, "Ghi chú"],
    ["Mức độ", E, "lat", "lon"],
    ["Tên", E, "Mã", E],
    ["x1 gì đó", E, "b", "c"],
]
WORDS = ["tốt", "xấu", "Chợ Kỳ Lừa", "xe máy", "đường trơn", "Lạng Sơn", "không rõ", E]


@settings(max_examples=300, deadline=None)
@given(
    header=st.sampled_from(HEADERS),
    rows=st.lists(st.lists(st.sampled_from(WORDS), min_size=4, max_size=4), min_size=1, max_size=4),
)
def test_data_of_words_are_never_taken_for_a_second_header_row(
    header: list[str], rows: list[list[str]]
) -> None:
    found = find_header("f", [header, *rows])
    assert found.rows == 1
    assert found.names == tuple(header)


def test_words_of_data_that_are_headers_too_are_data() -> None:
    rows = [
        ["Ngày", "vd", "kd", "Loại gì", "Xe"],
        ["01/02/2022", "21.8", "106.7", "Bị thương nặng", "Tàu hỏa"],
        ["02/02/2022", "21.9", "106.8", "Bị thương nhẹ", "Tàu hỏa"],
    ]
    assert read(rows)[:2] == (tuple(rows[0]), [2, 3])


@pytest.mark.parametrize("row", [["1", "2", "3"], [1.0, 2.0, 3.0], ["1", "2", "5"]])
def test_three_numbers_in_order_may_be_data(row: list[Any]) -> None:
    assert read([["id", "deaths", "injured"], row])[1:] == ([2], [row])


def test_numbers_may_be_names_and_missing_names_are_numbered() -> None:
    names, numbers, data = read(
        [
            ["Tên", "Mã", 2021.0, 2022.0, E, E],
            ["a", "b", 1.0, 2.0, "x", E],
            ["c", "d", 3.0, E, E, E],
        ]
    )
    assert names == ("Tên", "Mã", "2021", "2022", "", "")
    assert numbers == [2, 3]
    assert data == [["a", "b", 1.0, 2.0, "x"], ["c", "d", 3.0, E, E]]


def test_blank_rows_between_are_left_out_and_counted() -> None:
    rows = [["lat", "lon"], [E, " "], [1.0, 2.0], [E, E], [None, None], [3.0, 4.0]]
    assert read(rows)[1:] == ([3, 6], [[1.0, 2.0], [3.0, 4.0]])


NAMES = st.lists(st.sampled_from(["a", "a (2)", "a (3)", "#1", "#2", "#3", "", "b"]), max_size=8)


@given(names=NAMES)
def test_repeated_names_are_told_apart(names: list[str]) -> None:
    made = unique(names)
    shown = [name or f"#{i}" for i, name in enumerate(made, 1)]
    assert len(set(shown)) == len(names)
    assert [not name for name in made] == [not name for name in names]
    first = {name: i for i, name in reversed(list(enumerate(names)))}
    unnamed = {f"#{i}" for i, name in enumerate(names, 1) if not name}
    assert all(made[i] == name for name, i in first.items() if name not in unnamed)


@given(names=NAMES.filter(any))
def test_no_column_is_lost_to_its_name(names: list[str]) -> None:
    header = find_header("f", [names])
    frame = table_of("f", None, [names, ["x"] * len(names)], header)
    assert frame.shape == (1, len(names))
    assert frame.columns.is_unique


def test_names_are_composed() -> None:
    name = unicodedata.normalize("NFD", "Vĩ độ")
    assert find_header("f", [[name, "lon"]]).names == ("Vĩ độ", "lon")


def test_what_is_no_table_is_refused() -> None:
    assert code_of(lambda: find_header("f", [])) == "empty-file"
    assert code_of(lambda: find_header("f", [[E, None, " "]])) == "empty-file"
    assert code_of(lambda: find_header("f", [["a"] * (MAX_COLUMNS + 1)])) == "too-many-columns"
    rows = [["lat", "lon"], [1, 2, 3]]
    assert code_of(lambda: table_of("f", None, rows, find_header("f", rows))) == "row-too-long"


@pytest.mark.parametrize("numbering", [None, *NUMBERINGS])
def test_a_register_with_merged_cells_is_read(numbering: list[Any] | None, tmp_path: Path) -> None:
    path = tmp_path / "c.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Năm 2022")
        sheet.merge_range("A1:D1", "CÔNG AN TỈNH LẠNG SƠN")
        sheet.merge_range("E1:G1", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM")
        sheet.merge_range("A3:G3", "DANH SÁCH VỤ TAI NẠN")
        for column, name in ((0, "STT"), (1, "Ngày"), (6, "Ghi chú")):
            sheet.merge_range(3, column, 4, column, name)
        sheet.merge_range("C4:D4", "Tọa độ")
        sheet.merge_range("E4:F4", "Thiệt hại về người")
        sheet.write_row(4, 2, ["Vĩ độ", "Kinh độ", "Chết", "Bị thương"])
        first = 5
        if numbering:
            sheet.write_row(5, 0, numbering)
            first = 6
        for i, row in enumerate(crashes()):
            cells = [i + 1, row["date"], row["lat"], row["lon"], row["deaths"], row["injured"]]
            sheet.write_row(first + i, 0, cells)
    register = read_crashes([path], CRS(GRID), Findings())
    assert register.read == len(register.crashes) == 20
    rows = crashes()
    assert register.crashes["deaths"].tolist() == [row["deaths"] for row in rows]
    assert register.crashes["injured"].tolist() == [row["injured"] for row in rows]
    assert register.crashes["source_row"].tolist() == list(range(first + 1, first + 21))
    assert register.crashes.geometry.notna().all()
