"""Decisions read back: whose they are, what they say, and what is told of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from blackspots.errors import BlackspotsError
from blackspots.labels import text
from blackspots.sources import Decisions, Findings, read_crashes, read_decisions
from blackspots.sources.choices import HEADS
from blackspots.sources.decisions import DATA, Alternative, Entry, data_rows, read_entries
from blackspots.sources.fingerprints import Recorded, Register, recorded

GRID = CRS.from_epsg(9215)
HEADER = ("Ngày", "Tuyến đường", "Lý trình", "Vĩ độ", "Kinh độ", "Số người chết")
Row = tuple[Any, ...]
ONE: Row = ("13/01/2022", "QL1", "Km2+200", None, None, 1)
TWO: Row = ("14/01/2022", "QL1", "Km2+300", None, None, 0)
THREE: Row = ("15/01/2022", "QL1", "Km2+400", None, None, 0)


def register(folder: Path, rows: list[Row], header: Row = HEADER) -> Any:
    """Crashes of a register, whose ids are rows of ``c.xlsx`` where the header names none."""
    book = openpyxl.Workbook()
    for row in (header, *rows):
        book.active.append(list(row))
    book.active.title = "S"
    book.save(folder / "c.xlsx")
    return read_crashes([folder / "c.xlsx"], GRID, Findings()).crashes


def entries(crashes: Any, **more: Any) -> list[Entry]:
    """Each crash of a register with two places beside it."""
    known = Register(crashes)
    places = tuple(
        Alternative(letter, 500_000.0 + at, 2_400_000.0, 5.0, share, f"QL{at} Km1")
        for at, (letter, share) in enumerate((("A", 0.6), ("B", 0.4)))
    )
    return [
        Entry(str(crash), known.spot(at), places, **{"recorded": known.recorded(at), **more})
        for at, crash in enumerate(crashes.index)
    ]


def write(path: Path, listed: list[Entry], rows: list[Row], lang: str = "vi") -> Path:
    """A review list; ``rows`` are crash, letter, words, probability and decision of each row."""
    book = openpyxl.Workbook()
    page = book.active
    page.title = "Cần quyết định"
    page.append(["Các vụ"])
    heads = [text("column.crash_id", lang), *(text(f"review.head.{h}", lang) for h in HEADS)]
    page.append(heads)
    for crash, letter, words, share, decision in rows:
        page.append([crash, None, None, letter, words, 5.0, share, decision])
    hidden = book.create_sheet(DATA)
    for row in data_rows(listed, GRID):
        hidden.append(row)
    book.save(path)
    return path


def beside(*decisions: tuple[Any, Any], ids: list[str]) -> list[Row]:
    """Rows of crashes whose cells are not merged; a pair of decisions for A and B."""
    made: list[Row] = []
    for crash, (first, second) in zip(ids, decisions, strict=True):
        made.append((crash, "A", "QL0 Km1", 0.6, first))
        made.append((None, "B", "QL1 Km1", 0.4, second))
    return made


def decided(path: Path, crashes: Any) -> tuple[Decisions, Findings]:
    findings = Findings()
    return read_decisions(path, GRID, findings, crashes), findings


def reading(tmp_path: Path, *decisions: tuple[Any, Any]) -> tuple[dict[str, str], list[str]]:
    """The choices that are read for crashes C1, C2 ..., and the codes of those refused."""
    path = tmp_path / "review.xlsx"
    if not path.exists():
        rows = [(f"C{n + 1}", *ONE) for n in range(len(decisions))]
        crashes = register(tmp_path, rows, ("Mã vụ", *HEADER))
        write(path, entries(crashes), beside(*decisions, ids=list(crashes.index)))
    findings = Findings()
    made = read_entries(path, GRID, findings)
    return {crash: each.choice for crash, each in made.items()}, [
        record["code"] for record in findings.rejects
    ]


# Whose a decision is ------------------------------------------------------------------------


@pytest.mark.parametrize("choice", ["-", "B"])
def test_a_row_entered_above_takes_no_decision_to_another_crash(
    tmp_path: Path, choice: str
) -> None:
    crashes = register(tmp_path, [ONE, TWO, THREE])
    first = str(crashes.index[0])
    path = write(tmp_path / "r.xlsx", entries(crashes), [(first, "A", "QL0 Km1", 0.6, choice)])
    same, _ = decided(path, crashes)
    assert list(same.used) == [first]
    later = register(tmp_path, [("12/01/2022", "QL1", "Km2+250", None, None, 0), ONE, TWO, THREE])
    made, findings = decided(path, later)
    (crash,) = made.used
    assert later.at[crash, "date"] == pd.Timestamp("2022-01-13")
    assert made.entries[crash].choice == choice
    assert [(r["code"], r["value"], r["used"]) for r in findings.remarks] == [
        ("crash-row-moved", first, crash)
    ]


def test_a_crash_that_is_gone_leaves_its_decision_to_no_other(tmp_path: Path) -> None:
    crashes = register(tmp_path, [ONE, TWO, THREE])
    path = write(
        tmp_path / "r.xlsx",
        entries(crashes),
        [(crash, "A", "QL0 Km1", 0.6, "-") for crash in crashes.index[:2]],
    )
    made, findings = decided(path, register(tmp_path, [TWO, THREE]))
    second, first = made.entries  # the row of the first is the second's now
    assert list(made.used) == [second] == [str(crashes.index[0])]
    assert made.idle == {first}
    assert {r["code"]: r["value"] for r in findings.remarks} == {
        "crash-not-there": first,
        "crash-row-moved": str(crashes.index[1]),
    }
    alone, findings = decided(path, register(tmp_path, [THREE]))
    assert alone.used == {}
    assert alone.moved == (str(crashes.index[0]),)
    assert {r["code"] for r in findings.remarks} == {"crash-moved", "crash-not-there"}


def test_two_rows_of_the_same_contents_are_not_chosen_between(tmp_path: Path) -> None:
    crashes = register(tmp_path, [ONE, TWO])
    path = write(
        tmp_path / "r.xlsx", entries(crashes), [(crashes.index[0], "A", "QL0 Km1", 0.6, "-")]
    )
    made, _ = decided(path, register(tmp_path, [THREE, ONE, ONE]))
    assert made.used == {}
    assert made.moved == (str(crashes.index[0]),)


def test_what_was_put_right_elsewhere_in_the_row_costs_no_decision(tmp_path: Path) -> None:
    spot = (21.8, 106.7)
    rows = [(*ONE[:3], *spot, 1), (*TWO[:3], *spot, 0)]
    crashes = register(tmp_path, rows)
    path = write(
        tmp_path / "r.xlsx", entries(crashes), [(crashes.index[0], "A", "QL0 Km1", 0.6, "B")]
    )
    more_deaths, _ = decided(path, register(tmp_path, [(*ONE[:3], *spot, 2), rows[1]]))
    assert len(more_deaths.used) == 1
    other_day, _ = decided(path, register(tmp_path, [("1/2/2022", *ONE[1:3], *spot, 2), rows[1]]))
    assert other_day.used == {}
    moved, _ = decided(path, register(tmp_path, [(*ONE[:3], 21.81, 106.7, 1), rows[1]]))
    assert moved.used == {}


def test_an_id_of_the_register_stays_its_crash_with_the_same_place(tmp_path: Path) -> None:
    header = ("Mã vụ", *HEADER)
    crashes = register(tmp_path, [("C1", *ONE), ("C2", *TWO)], header)
    path = write(tmp_path / "r.xlsx", entries(crashes), [("C1", "A", "QL0 Km1", 0.6, "-")])
    put_right = register(tmp_path, [("C2", *TWO), ("C1", "1/3/2022", *ONE[1:])], header)
    assert list(decided(path, put_right)[0].used) == ["C1"]
    post = register(tmp_path, [("C1", ONE[0], "QL1", "Km9", None, None, 1), ("C2", *TWO)], header)
    assert decided(path, post)[0].moved == ("C1",)
    renumbered = register(tmp_path, [("C1", *TWO), ("C2", *ONE)], header)
    assert list(decided(path, renumbered)[0].used) == ["C2"]


def test_a_list_without_fingerprints_holds_where_coordinates_tell(tmp_path: Path) -> None:
    rows = [(*ONE[:3], 21.8, 106.7, 1), TWO]
    crashes = register(tmp_path, rows)
    old = entries(crashes, recorded=None)
    shown = [(crash, "A", "QL0 Km1", 0.6, "B") for crash in crashes.index]
    made, _ = decided(write(tmp_path / "r.xlsx", old, shown), crashes)
    assert list(made.used) == [str(crashes.index[0])]
    assert made.moved == (str(crashes.index[1]),)


@settings(max_examples=12, deadline=None)
@given(st.permutations(range(5)), st.sets(st.integers(0, 4)))
def test_in_any_order_of_rows_each_decision_stays_with_its_crash(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], gone: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("r")
    rows: list[Row] = [(f"{n + 1}/01/2022", "QL1", f"Km{n}", None, None, n) for n in range(5)]
    crashes = register(folder, rows)
    shown = [(crash, "A", "QL0 Km1", 0.6, "-") for crash in crashes.index]
    path = write(folder / "r.xlsx", entries(crashes), shown)
    left = [n for n in order if n not in gone]
    if not left:
        return
    now = register(folder, [rows[n] for n in left])
    made, _ = decided(path, now)
    assert set(made.used) == set(now.index)
    assert len(made.entries) == len(crashes)


def test_a_fingerprint_is_the_same_on_any_computer(tmp_path: Path) -> None:
    """A pinned value: another one would make every list of today forget its crashes."""
    told = recorded(register(tmp_path, [ONE])).iloc[0]
    assert Recorded(*told) == Recorded("2022-01-13", "QL1", 2.2, "1786f0b25b97bccc")


# What a decision says -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "choice"),
    [
        ("b", "B"), (" A ", "A"), ("A.", "A"), ("b)", "B"), ("(A)", "A"), ("Ａ", "A"), ("ｂ", "B"),
        ("-", "-"), ("–", "-"), ("none", "-"), ("Không có", "-"), ("khong", "-"), ("ko", "-"),
    ],
)  # fmt: skip
def test_plain_ways_to_write_a_decision(tmp_path: Path, words: str, choice: str) -> None:
    assert reading(tmp_path, (words, None)) == ({"C1": choice}, [])


@pytest.mark.parametrize(
    "words",
    ["?", ".", "*", "...", "!", "A?", "không?", "A/B", "nơi A", "Không rõ", "x", "1", 2, "А"],
)
def test_what_is_no_decision_is_told(tmp_path: Path, words: str) -> None:
    assert reading(tmp_path, (words, None)) == ({"C1": ""}, ["not-a-decision"])


@pytest.mark.parametrize("words", ["C", "d.", "E"])
def test_a_letter_of_no_alternative_is_told(tmp_path: Path, words: str) -> None:
    assert reading(tmp_path, (words, None)) == ({"C1": ""}, ["no-such-letter"])


@given(st.text("?.*!,;:-–/()[]· ", max_size=6))
@settings(max_examples=15, deadline=None)
def test_no_punctuation_but_a_dash_is_a_decision(
    tmp_path_factory: pytest.TempPathFactory, words: str
) -> None:
    choices, codes = reading(tmp_path_factory.mktemp("r"), (words or None, None))
    if words.strip() in {"-", "–"}:
        assert choices == {"C1": "-"}
    else:
        assert choices == {"C1": ""}
        assert codes == ["not-a-decision"] * bool(words.strip())


def test_a_cross_or_letter_beside_an_alternative_chooses_it(tmp_path: Path) -> None:
    choices, codes = reading(
        tmp_path,
        *((None, "B"), (None, "x"), ("B", "b."), ("A", "x"), (None, "A"), (None, "?"), (None, "-")),
    )
    assert list(choices.values()) == ["B", "B", "B", "", "", "", ""]
    assert codes == ["decided-twice", *["beside-another"] * 3]


def test_a_row_that_does_not_follow_its_crash_is_told(tmp_path: Path) -> None:
    """As where a sheet was sorted after its cells were taken apart."""
    crashes = register(tmp_path, [("C1", *ONE), ("C2", *TWO)], ("Mã vụ", *HEADER))
    for crash, words, share in (("C1", "another road", 0.4), ("C1", "QL1 Km1", 0.3)):
        shown: list[Row] = [(crash, "A", "QL0 Km1", 0.6, None), (None, "B", words, share, "x")]
        path = write(tmp_path / "r.xlsx", entries(crashes), shown)
        findings = Findings()
        assert not any(each.choice for each in read_entries(path, GRID, findings).values())
        assert [(r["code"], r["row"]) for r in findings.rejects] == [("no-crash-beside", 4)]


def test_ids_filled_down_do_not_change_what_a_cross_means(tmp_path: Path) -> None:
    crashes = register(tmp_path, [("C1", *ONE), ("C2", *TWO)], ("Mã vụ", *HEADER))
    shown: list[Row] = [
        ("C1", "A", "QL0 Km1", 0.6, None), ("C1", "B", "QL1 Km1", 0.4, "x"),
        ("C2", "A", "QL0 Km1", 0.6, "A"), ("C2", "B", "QL1 Km1", 0.4, "A"),
    ]  # fmt: skip
    made = read_entries(write(tmp_path / "r.xlsx", entries(crashes), shown), GRID)
    assert {crash: each.choice for crash, each in made.items()} == {"C1": "B", "C2": "A"}


# The sheet ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("column", "name"), [(8, "Quyết định"), (1, "Mã vụ")])
def test_a_header_that_was_renamed_is_named(tmp_path: Path, column: int, name: str) -> None:
    crashes = register(tmp_path, [("C1", *ONE)], ("Mã vụ", *HEADER))
    path = write(tmp_path / "r.xlsx", entries(crashes), beside(("A", None), ids=["C1"]))
    book = openpyxl.load_workbook(path)
    assert book.worksheets[0].cell(2, column).value == name
    book.worksheets[0].cell(2, column).value = "Chọn"
    book.save(path)
    with pytest.raises(BlackspotsError) as wrong:
        read_entries(path, GRID)
    assert wrong.value.code == "decisions-column"
    for language in ("vi", "en"):
        assert name in wrong.value.message(language)
        assert "Cần quyết định" in wrong.value.message(language)


def test_sheets_without_any_header_are_told_as_such(tmp_path: Path) -> None:
    crashes = register(tmp_path, [("C1", *ONE)], ("Mã vụ", *HEADER))
    path = write(tmp_path / "r.xlsx", entries(crashes), beside(("A", None), ids=["C1"]))
    book = openpyxl.load_workbook(path)
    book.worksheets[0].delete_rows(2)
    book.save(path)
    with pytest.raises(BlackspotsError) as wrong:
        read_entries(path, GRID)
    assert wrong.value.code == "decisions-headers"
    assert "Quyết định" in str(wrong.value)
