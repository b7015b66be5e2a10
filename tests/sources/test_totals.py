"""Sums and lines of signatures among the rows of a register: told, and never taken for crashes."""

import datetime as dt
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from small_study import GRID, write_book

from blackspots.sources import Findings, read_crashes
from blackspots.sources.columns import match
from blackspots.sources.files import read_raw
from blackspots.sources.raw import RawTable
from blackspots.sources.totals import not_rows, only_rows

E = ""
HEAD = ["Mã vụ", "Ngày", "Vĩ độ", "Kinh độ", "Chết", "Bị thương", "Huyện", "Nguyên nhân"]
ROWS: list[list[Any]] = [
    [f"{i}", f"{i:02d}/03/2022", f"21.8{i}37", f"106.7{i}15", "1", "0", "Cao Lộc", "đường trơn"]
    for i in range(1, 7)
]
SUMS = [
    "Tổng cộng",
    "TỔNG CỘNG:",
    "Cộng",
    "Cong",
    "Tổng số",
    "TỔNG",
    "Tổng cộng: 6 vụ",
    "Tổng cộng 6 vụ, 6 người chết",
    "Cộng huyện Cao Lộc",
    "Cộng tháng 3/2022",
    "Tổng năm 2022",
    "Luỹ kế",
    "Total",
    "Grand total",
    "Total for March 2022",
]
NO_SUMS = [
    "Công an huyện Cao Lộc",
    "Cổng xã Yên Trạch",
    "Cống",
    "Cộng Hòa",
    "Công ty 79",
    "Tổng cục Đường bộ",
    "Total station",
    "Tổn thất",
    "Lũy",
]
SIGNATURES: list[list[Any]] = [
    [E, E, E, E, E, "Lạng Sơn, ngày 5 tháng 1 năm 2024", E, E],
    [E, "NGƯỜI LẬP BIỂU", E, E, E, "TRƯỞNG PHÒNG", E, E],
    [E, "(Ký, ghi rõ họ tên)", E, E, E, "(Ký, ghi rõ họ tên)", E, E],
    [E, "Hoàng Văn Thái", E, E, E, "Nông Thị Bích", E, E],
    ["Nơi nhận:", E, E, E, E, E, E, E],
    ["- Phòng PC08, Công an tỉnh;", E, E, E, E, E, E, E],
    ["- Lưu: VT.", E, E, E, E, E, E, E],
]


def told(raw: RawTable) -> dict[str, list[int]]:
    """The rows of the file that are none of the register, by code."""
    found = not_rows(raw, match(raw, "crashes", {}))
    return {code: raw.frame.index[rows].tolist() for code, rows in found.items()}


def arrow(rows: list[list[Any]], head: list[str] = HEAD) -> RawTable:
    text = pd.ArrowDtype(pa.string())
    frame = pd.DataFrame(rows, columns=head).astype(text)
    frame.index = pd.RangeIndex(2, len(rows) + 2)
    return RawTable("c.csv", None, frame)


def objects(rows: list[list[Any]], head: list[str] = HEAD) -> RawTable:
    frame = pd.DataFrame(rows, columns=head, dtype=object)
    frame.index = pd.RangeIndex(2, len(rows) + 2)
    return RawTable("c.xlsx", "S", frame)


def sums(word: str, column: int = 0) -> list[Any]:
    made = [E, E, E, E, "6", "0", E, E]
    made[column] = word
    return made


@pytest.mark.parametrize("make", [arrow, objects])
@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("word", SUMS)
def test_a_sum_at_the_end_is_told(word: str, column: int, make: Any) -> None:
    assert told(make([*ROWS, sums(word, column)])) == {"total-row": [8]}


@pytest.mark.parametrize("make", [arrow, objects])
@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize("word", SUMS)
def test_sums_of_parts_are_told_far_above_the_end(word: str, column: int, make: Any) -> None:
    raw = make([*ROWS, sums(word, column), *(ROWS * 20)])
    assert told(raw) == {"total-row": [8]}


@pytest.mark.parametrize("make", [arrow, objects])
@pytest.mark.parametrize("word", NO_SUMS)
def test_words_that_only_look_like_a_sum_are_none(word: str, make: Any) -> None:
    assert told(make([*ROWS, sums(word), *ROWS])) == {}
    assert told(make([*ROWS, sums(word, 1), *ROWS])) == {}


@pytest.mark.parametrize("make", [arrow, objects])
@pytest.mark.parametrize("at", [7, 120])
@pytest.mark.parametrize(
    "cells",
    [
        {"Ngày": "12/03/2022"},
        {"Ngày": "ngày 5 tháng 1 năm 2024"},
        {"Vĩ độ": "21.85", "Kinh độ": "106.76"},
        {"Vĩ độ": "21.85"},
        {"Mã vụ": "V012"},
    ],
)
def test_a_row_that_says_when_where_or_which_is_a_crash(
    cells: dict[str, str], at: int, make: Any
) -> None:
    row = dict.fromkeys(HEAD, "") | {"Huyện": "Tổng cộng", "Chết": "1"} | cells
    rows = ROWS * 30
    rows.insert(at, list(row.values()))
    head = ["Huyện", *(name for name in HEAD if name != "Huyện")]
    frame = pd.DataFrame(rows, columns=HEAD)[head]
    assert told(make(frame.to_numpy().tolist(), head)) == {}


def test_typed_cells_count_as_what_they_are() -> None:
    day = dt.datetime(2022, 3, 1)  # noqa: DTZ001 - as Excel has it
    crash = [1.0, day, 21.85, 106.76, 1.0, 0.0, "Cao Lộc", "đường trơn"]
    total = [E, 6.0, E, E, 6.0, 0.0, E, E]
    total[0] = "Tổng cộng"
    assert told(objects([crash, total, crash])) == {"total-row": [3]}
    total[1] = day
    assert told(objects([crash, total, crash])) == {}


def test_a_register_without_days_keeps_its_unplaced_crashes() -> None:
    head = ["Mã vụ", "Vĩ độ", "Kinh độ", "Chết", "Huyện", "Nguyên nhân"]
    crash = ["V1", "21.85", "106.76", "1", "Cao Lộc", "đường trơn"]
    bare = [E, E, E, "1", "Cao Lộc", E]
    total = ["Tổng cộng", E, E, "3", E, E]
    assert told(arrow([crash, bare, total, bare], head)) == {"total-row": [4]}


@pytest.mark.parametrize("make", [arrow, objects])
@pytest.mark.parametrize("above", [[], [sums("Tổng cộng")]])
def test_signatures_below_the_table_are_told(above: list[list[Any]], make: Any) -> None:
    raw = make([*ROWS, *above, *SIGNATURES])
    first = 8 + len(above)
    notes = {"note-row": list(range(first, first + len(SIGNATURES)))}
    assert told(raw) == ({"total-row": [8]} if above else {}) | notes


def test_three_may_sign() -> None:
    rows = [
        ["Người lập", E, E, "Đội trưởng", E, "Trưởng phòng", E, E],
        ["Hoàng Văn Thái", E, E, "Nông Thị Bích", E, "Vi Văn Sáng", E, E],
    ]
    assert told(arrow([*ROWS, *rows])) == {"note-row": [8, 9]}
    assert told(arrow([*ROWS, rows[1]])) == {}


@pytest.mark.parametrize("make", [arrow, objects])
def test_the_same_lines_above_a_crash_are_rows(make: Any) -> None:
    assert told(make([*ROWS, *SIGNATURES, ROWS[0]])) == {}


@pytest.mark.parametrize(
    "cells",
    [
        {"Mã vụ": "7"},
        {"Mã vụ": "V07", "Huyện": "Cao Lộc"},
        {"Ngày": "12/03/2022"},
        {"Ngày": "ngày 5 tháng 1 năm 2024"},
        {"Chết": "1"},
        {"Chết": "2 người"},
        {"Huyện": "Cao Lộc", "Nguyên nhân": "đường trơn"},
        {"Huyện": "Cao Lộc", "Nguyên nhân": "Lưu thông ngược chiều"},
        {"Ngày": "Cao Lộc, ngày 5 tháng 3 năm 2022", "Nguyên nhân": "đường trơn"},
    ],
)
def test_a_last_row_that_says_little_is_a_crash(cells: dict[str, str]) -> None:
    row = dict.fromkeys(HEAD, "") | cells
    assert told(arrow([*ROWS, list(row.values())])) == {}


def test_a_severity_alone_is_a_crash_and_a_narrow_table_has_no_notes() -> None:
    head = [*HEAD[:-1], "Mức độ"]
    rows = [[*row[:-1], "Va chạm"] for row in ROWS]
    assert told(arrow([*rows, [*[E] * 7, "Chết người"]], head)) == {}
    narrow = [["21.85", "106.76", "a", "b"], ["Ghi chú: chưa đủ", E, E, E]]
    assert told(arrow(narrow, ["lat", "lon", "cause", "district"])) == {}


CELLS = st.sampled_from([E, "1", "0", "Cao Lộc", "Tổng cộng", "Cộng", "Ghi chú", "đường trơn", "-"])


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=8, max_size=8), max_size=12), place=st.booleans())
def test_no_row_with_a_day_or_a_place_is_ever_taken(rows: list[list[str]], place: bool) -> None:
    for row in rows:
        if place:
            row[2:4] = ["21.85", "106.76"]
        else:
            row[1] = "01/03/2022"
    assert told(arrow([*ROWS, *rows])) == {}


def test_a_day_beside_the_hour_makes_a_crash() -> None:
    head = ["Huyện", "Giờ", "Vĩ độ", "Kinh độ", "Chết", "Nguyên nhân"]
    crash = ["Tổng cộng", "14h30 ngày 03/04/2024", E, E, "1", E]
    total = ["Tổng cộng", E, E, E, "2", E]
    assert told(arrow([crash, total, crash], head)) == {"total-row": [3]}


WORDS = st.one_of(
    st.text(max_size=20), st.sampled_from([*SUMS, *(s[0] or s[1] for s in SIGNATURES)])
)


@pytest.mark.parametrize("make", [arrow, objects])
@settings(max_examples=100, deadline=None)
@given(
    words=st.lists(WORDS, min_size=4, max_size=4),
    day=st.dates(dt.date(1990, 1, 1), dt.date(2099, 12, 31)),
    form=st.sampled_from(["%d/%m/%Y", "%Y-%m-%d", "ngày %d tháng %m năm %Y", "%d.%m.%y"]),
)
def test_a_full_crash_is_never_taken_whatever_its_words(
    words: list[str], day: dt.date, form: str, make: Any
) -> None:
    number, way, district, cause = words
    dated = [number, day.strftime(form), E, E, "1", way, district, cause]
    placed = [number, E, "21.8537", "106.7615", E, way, district, cause]
    assert told(make([*ROWS, dated, placed])) == {}
    assert told(make([dated, *ROWS, *SIGNATURES[:2], placed])) == {}


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=8, max_size=8), min_size=1, max_size=70))
def test_text_files_and_workbooks_are_judged_alike(rows: list[list[str]]) -> None:
    assert told(arrow(rows)) == told(objects(rows))


def test_each_is_rejected_by_its_code_and_no_name_is_shown() -> None:
    raw = arrow([*ROWS, sums("Cộng huyện Cao Lộc", 1), *SIGNATURES])
    findings = Findings()
    kept = only_rows(raw, match(raw, "crashes", {}), findings)
    assert kept.frame.index.tolist() == list(range(2, 8))
    rejects = findings.rejects_frame()
    assert len(rejects) + len(kept.frame) == len(raw.frame)
    first, *others = rejects.to_dict("records")
    assert (first["row"], first["column"], first["code"]) == (8, "Ngày", "total-row")
    assert first["value"] == "Cộng huyện Cao Lộc"
    assert {entry["code"] for entry in others} == {"note-row"}
    assert [entry["row"] for entry in others] == list(range(9, 16))
    assert "Thái" not in rejects.to_csv()
    assert only_rows(kept, match(kept, "crashes", {}), findings) is kept


def test_registers_of_an_office_are_told_row_by_row(tmp_path: Path) -> None:
    lines = [["SỔ THEO DÕI"], [], HEAD, *ROWS[:3], sums("Cộng huyện Cao Lộc"), *ROWS[3:]]
    lines += [[], sums("Tổng cộng"), [], *SIGNATURES]
    write_book(tmp_path / "c.xlsx", {"a": lines})
    text = "\n".join(",".join(f'"{cell}"' for cell in line) for line in lines)
    (tmp_path / "c.csv").write_text(text, encoding="utf-8")
    for name in ("c.xlsx", "c.csv"):
        (raw,) = read_raw(tmp_path / name)
        assert told(raw) == {"total-row": [7, 12], "note-row": list(range(14, 21))}


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("name", ["c.xlsx", "c.csv"])
def test_sums_and_signatures_are_rejected_once_each_and_counted_as_read(
    name: str, dated: bool, tmp_path: Path
) -> None:
    """Without dates the sum would else be a crash without a place, with all deaths of its table."""
    lines = [HEAD, *ROWS[:3], sums("Cộng huyện Cao Lộc"), *ROWS[3:], sums("Tổng cộng"), *SIGNATURES]
    if not dated:
        lines = [[cell for i, cell in enumerate(line) if i != 1] for line in lines]
    if name == "c.xlsx":
        write_book(tmp_path / name, {"a": lines, "b": [lines[0], lines[-len(SIGNATURES) - 1]]})
    else:
        text = "\n".join(",".join(f'"{cell}"' for cell in line) for line in lines)
        (tmp_path / name).write_text(text, encoding="utf-8")
    findings = Findings()
    register = read_crashes([tmp_path / name], CRS(GRID), findings)
    rejects = findings.rejects_frame()
    assert len(register.crashes) == register.crashes["deaths"].sum() == 6
    assert register.crashes.geometry.notna().all()
    assert register.read == len(register.crashes) + len(rejects)
    of_first = rejects[rejects["sheet"] != "b"]
    assert of_first["row"].is_unique
    told = of_first.groupby("code")["row"].agg(list).to_dict()
    assert told == {"total-row": [5, 9], "note-row": list(range(10, 17))}


def test_a_million_clean_rows_take_no_time() -> None:
    count = 1_000_000
    numbers = pa.array(range(count)).cast(pa.string())
    words = {name: pa.array(["21.853712"]).take(pa.array([0] * count)) for name in HEAD[2:]}
    text = pd.ArrowDtype(pa.string())
    made = {"Mã vụ": numbers, "Ngày": words["Chết"]} | words
    frame = pd.DataFrame({name: pd.array(cells, dtype=text) for name, cells in made.items()})
    raw = RawTable("c.csv", None, frame)
    found = match(raw, "crashes", {})
    began = time.perf_counter()
    assert not_rows(raw, found) == {}
    assert time.perf_counter() - began < 0.2  # on a busy machine; else 0.01
