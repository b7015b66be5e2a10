"""Rows of a register that are no crashes: sums, and the lines of signatures below the table.

A row is taken for one only where it says neither when nor where: no crash is lost that could
have been placed, and no sum counts as a crash with all deaths of its table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from blackspots.presets.headers import plain, severity_vocabulary
from blackspots.presets.notations import marked, row_words
from blackspots.sources.cells import is_blank
from blackspots.sources.findings import Findings
from blackspots.sources.raw import RawTable, distinct_cells

_PLACES: Final = ("lat", "lon", "x", "y", "coordinates", "km")
_DAYS: Final = ("date", "hour")
"""Columns that hold the day: of the hour as 14h30 ngày 03/04/2024."""
_PARTS: Final = ("year", "month", "day")
_FIRST: Final = 6
"""Columns from the left in which the word for a sum may stand."""
_TAIL: Final = 50
"""Rows at the end among which notes are looked for."""
_COLUMNS: Final = 5
"""Columns that a table has at least where a row of one cell is a note."""
_ALONE: Final = 1
_SIGNED: Final = 4
"""Filled cells of a note at most: above the first line of signatures, and from there on."""
_WORDS: Final = 3
"""Words from which a text with figures is no id."""
_LONGEST: Final = 200
"""Characters of a cell above which it is not the name of a sum."""
_NO_DAY: Final = 1000
"""Numbers below are neither the serial of a day nor a year."""
_DAY: Final = re.compile(r"\d\D{1,12}\d|\d{4}")
_FIGURE: Final = re.compile(r"\d")
_FIRST_LETTERS: Final = re.compile(r"\W*(\w\w)")
_LETTERS: Final = re.compile(r"[^\W\d_]{2}")
_SIGNED_ON: Final = re.compile(
    r"[^\d,]{2,40}, ?ngày ?[\d.… ]{0,20}tháng ?[\d.… ]{0,20}năm ?[\d.… ]{0,20}", re.IGNORECASE
)
"""``Lạng Sơn, ngày 5 tháng 1 năm 2024``."""


def not_rows(raw: RawTable, found: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The rows that are none of the register, by the code of their reject.

    Parameters
    ----------
    found
        Column of the table of crashes to header of the file.

    Returns
    -------
    dict of str to bool, shape (rows,)
        ``total-row``: sums of all or of some rows, anywhere; ``note-row``: lines below the
        last full row. A code without any row is left out; no row has both.
    """
    frame = raw.frame
    if raw.geometry is not None or frame.empty:
        return {}
    totals = _totals(frame, found)
    made = {"total-row": totals, "note-row": _notes(frame, found, totals)}
    return {code: rows for code, rows in made.items() if rows.any()}


def only_rows(raw: RawTable, found: Mapping[str, str], findings: Findings) -> RawTable:
    """The register without such rows, each of which is noted as a reject.

    Of the notes no words are shown: they hold names of persons.
    """
    keep = np.ones(len(raw.frame), dtype=bool)
    for code, rows in not_rows(raw, found).items():
        keep &= ~rows
        for position in map(int, np.flatnonzero(rows)):
            header, cell = "", None
            if code == "total-row":
                first = raw.frame.iloc[position]
                header, cell = next((str(h), c) for h, c in first.items() if _is_sum(c))
            row = int(raw.frame.index[position])
            findings.reject("crashes", raw, row, header, cell, code)
    return raw if keep.all() else raw.rows(keep)


def _totals(frame: pd.DataFrame, found: Mapping[str, str]) -> np.ndarray:
    """Sums: a word for one in a first column, and neither place, day nor id."""
    rest = np.ones(len(frame), dtype=bool)
    for column in _PLACES:
        if column in found and rest.any():
            cells = frame[found[column]]
            rest[rest] = _blank(cells if rest.all() else cells[rest])
    # At the end the word may stand in a column of the place itself: few rows, all looked at.
    end = max(0, len(frame) - _TAIL)
    rest[end:] = True
    at = np.flatnonzero(rest)
    for column in _PLACES:
        at = _which(frame, found.get(column), at, _no_place)
    for column in _DAYS:
        at = _which(frame, found.get(column), at, _no_day)
    at = _which(frame, found.get("crash_id"), at, _no_place)
    parts = [found[column] for column in _PARTS if column in found]
    if len(parts) == len(_PARTS):
        lacking = [_which(frame, header, at, _no_place) for header in parts]
        at = np.unique(np.concatenate(lacking))
    named = [_which(frame, header, at, _is_sum) for header in list(frame.columns)[:_FIRST]]
    made = np.zeros(len(frame), dtype=bool)
    made[np.concatenate(named)] = True
    return made


def _which(
    frame: pd.DataFrame, header: str | None, at: np.ndarray, test: Callable[[Any], bool]
) -> np.ndarray:
    """Those of some rows whose cell passes a test; all where there is no such column."""
    if header is None or not len(at):
        return at
    codes, distinct = distinct_cells(frame[header].iloc[at])
    good = np.array([test(cell) for cell in distinct] + [test(None)], dtype=bool)
    chosen: np.ndarray = at[good[codes]]
    return chosen


def _blank(cells: pd.Series) -> np.ndarray:
    """Whether each cell is blank; of text by Arrow only the plainest ways of it are known."""
    if isinstance(cells.dtype, pd.ArrowDtype) and pa.types.is_string(cells.dtype.pyarrow_dtype):
        words = pa.chunked_array(pa.array(cells))
        lengths = pc.fill_null(pc.binary_length(words), 0).to_numpy()
        made = np.asarray(lengths <= 1)
        if made.any():
            short = words.filter(pa.array(made))
            plainest = pa.array(["", " ", "-", "?", None], pa.string())
            made[made] = pc.is_in(short, value_set=plainest).to_numpy()
        return made
    if cells.dtype != object:
        return cells.isna().to_numpy(dtype=bool)
    return np.array([_no_place(cell) for cell in cells], dtype=bool)


def _no_place(cell: Any) -> bool:
    """Whether a cell is no coordinate, km post or id: blank, a sum, or a text without figures."""
    if isinstance(cell, str):
        return _FIGURE.search(cell) is None or _is_sum(cell)
    return is_blank(cell)


def _no_day(cell: Any) -> bool:
    """Whether a cell is no day of a crash; a number of crashes is none."""
    if isinstance(cell, str):
        return _DAY.search(cell) is None or _is_sum(cell)
    if isinstance(cell, int | float) and cell < _NO_DAY:
        return True
    return is_blank(cell)


def _is_sum(cell: Any) -> bool:
    """Whether the whole cell is the name of a sum."""
    if not isinstance(cell, str) or len(cell) > _LONGEST:
        return False
    # Ids are many, and few begin as a sum does.
    first = _FIRST_LETTERS.match(cell)
    return first is not None and first[1].casefold() in _sum_letters() and _names_sum(cell)


@cache
def _sum_letters() -> frozenset[str]:
    return frozenset(name[:2] for name in row_words("total"))


@lru_cache(maxsize=4096)
def _names_sum(cell: str) -> bool:
    words = marked(cell)
    for name in row_words("total"):
        if words == name:
            return True
        if words.startswith(f"{name} "):
            rest = words[len(name) + 1 :]
            if _starts(rest, row_words("part")) or _counts(rest):
                return True
    return False


def _counts(words: str) -> bool:
    """Whether words are numbers of crashes and persons."""
    known = row_words("counted")
    return all(word.isdecimal() or word in known for word in words.split())


def _starts(words: str, known: frozenset[str]) -> bool:
    """Whether words begin with one of those that are known, whole words only."""
    return any(f"{words} ".startswith(f"{name} ") for name in known)


def _notes(frame: pd.DataFrame, found: Mapping[str, str], totals: np.ndarray) -> np.ndarray:
    """Lines below the last full row: text in a cell or two that belongs to no column."""
    made = np.zeros(len(frame), dtype=bool)
    if len(frame.columns) < _COLUMNS:
        return made
    columns = {header: column for column, header in found.items()}
    start = max(0, len(frame) - _TAIL)
    rows = frame.iloc[start:].astype(object).to_numpy()
    headers = [columns.get(header) for header in map(str, frame.columns)]
    filled = [
        [(column, cell) for column, cell in zip(headers, row, strict=True) if not is_blank(cell)]
        for row in rows
    ]
    below = len(rows)
    while below and (totals[start + below - 1] or _may_be_note(filled[below - 1])):
        below -= 1
    signed, first = False, below
    for i in range(below, len(rows)):
        if totals[start + i]:
            continue
        signed = signed or any(_is_note(cell) for _, cell in filled[i])
        made[start + i] = True
        if len(filled[i]) > (_SIGNED if signed else _ALONE):
            # A row of the table after all, and so are those above it.
            made[start + first : start + i + 1] = False
            signed, first = False, i + 1
    return made


def _may_be_note(filled: list[tuple[str | None, Any]]) -> bool:
    # A day below its header is that of a crash, but where nothing else is told of it.
    if len(filled) > 1 and any(
        column in _DAYS and isinstance(cell, str) and not _no_day(cell) for column, cell in filled
    ):
        return False
    return len(filled) <= _SIGNED and all(
        _is_note(cell) or _is_words(column, cell) for column, cell in filled
    )


def _is_note(cell: Any) -> bool:
    """Whether a cell is a line as offices write below a table."""
    if not isinstance(cell, str):
        return False
    words = " ".join(cell.split())
    return _SIGNED_ON.fullmatch(words) is not None or _starts(marked(words), row_words("note"))


def _is_words(column: str | None, cell: Any) -> bool:
    """Whether a cell is text that tells nothing of a crash."""
    if not isinstance(cell, str) or _LETTERS.search(cell) is None:
        return False
    if column == "severity":
        return plain(cell) not in severity_vocabulary()
    if column is None or _FIGURE.search(cell) is None:
        return True
    return column == "crash_id" and len(cell.split()) >= _WORDS
