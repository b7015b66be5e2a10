"""From the rows of a sheet or text file to named columns: where the header is, and its names.

Office tables begin with a letterhead and a title, spread a header over two rows under merged
cells, and number their columns in a row of its own; none of that is data.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from blackspots.errors import BlackspotsError
from blackspots.presets.headers import every_alias, plain

HEADER_ROWS: Final = 40
"""How many rows are searched for a header."""

MAX_COLUMNS: Final = 16_384
"""Widest table that is read: what Excel can hold."""

PARTS: Final = " / "
"""Between the two parts of a header that stands in two rows."""

_HEADER_CELLS: Final = 3
"""Cells of a row that are headers of the table, from which it is the header again."""
_NUMBERED: Final = 0.8
"""Least share of the columns that a row of column numbers numbers."""
_BARE: Final = 4
"""Least count of column numbers without brackets: 1, 2, 3 may be data."""
_MEASURE: Final = re.compile(r"[-+]?\d+(?:[.,:/ -]+\d+)+")


@dataclass(frozen=True, slots=True)
class Header:
    """Names of the columns, ``""`` where there is none, and how many rows lie above the data."""

    names: tuple[str, ...]
    rows: int


def find_header(file: str, rows: Sequence[Sequence[Any]]) -> Header:
    """The header among the first rows of a table.

    It is the first row that holds the most headers known for any table, if that is two or
    more; else the first row with at least two filled cells, else with one. A row with
    dates or measures is none: severities and vehicles are words of headers, too.

    Raises
    ------
    BlackspotsError
        ``empty-file`` or ``too-many-columns``.
    """
    head = rows[:HEADER_ROWS]
    widest = max((len(row) for row in head), default=0)
    if widest > MAX_COLUMNS:
        raise BlackspotsError("too-many-columns", file=file, count=widest, limit=MAX_COLUMNS)
    known = [0 if any(map(_measure, row)) else _known(row) for row in head]
    filled = [sum(not _empty(cell) for cell in row) for row in head]
    best = max(known, default=0)
    if best > 1:
        top: int | None = known.index(best)
    else:
        top = next((i for i, n in enumerate(filled) if n > 1), None)
        if top is None:
            top = next((i for i, n in enumerate(filled) if n), None)
    if top is None:
        raise BlackspotsError("empty-file", file=file)
    names = [_name(cell) for cell in head[top]]
    below = top + 1
    # The known words may stand in the lower of two header rows: look above it as well.
    if top and _spans(head[top - 1], head[top]) and _wants(head[top - 1], head[top]):
        names, below = _joined(head[top - 1], head[top]), top + 1
    elif below < len(head) and _spans(head[top], head[below]) and _named(head[top], head[below]):
        names, below = _joined(head[top], head[below]), below + 1
    if below < len(head) and _numbers_columns(head[below]):
        below += 1
    return Header(tuple(unique(names)), below)


def table_of(
    file: str, sheet: str | None, rows: Sequence[Sequence[Any]], header: Header
) -> pd.DataFrame:
    """The rows below the header as a frame of objects, blank rows left out.

    The index is the row in the file, from 1. A column without a header that holds something
    is called by its number (``#7``), so that it can be told what was left out.

    Raises
    ------
    BlackspotsError
        ``row-too-long`` where a row has more cells than the header; ``header-differs`` where
        the header stands again, its columns in another order.
    """
    width = len(header.names)
    places = {name: i for i, name in enumerate(header.names) if name}
    numbers, cells = [], []
    for number, row in enumerate(rows[header.rows :], header.rows + 1):
        if all(map(_empty, row)):
            continue
        again = [
            (i, places[cell]) for i, cell in enumerate(row) if _is_text(cell) and cell in places
        ]
        if len(again) >= _HEADER_CELLS:
            if any(here != there for here, there in again):
                raise BlackspotsError("header-differs", file=file, sheet=sheet or "", row=number)
            continue  # repeated for a new page
        if len(row) > width and not all(map(_empty, row[width:])):
            # A comma inside a text that is not quoted would shift every later cell.
            raise BlackspotsError(
                "row-too-long", file=file, sheet=sheet or "", row=number, count=width
            )
        numbers.append(number)
        cells.append(row if len(row) == width else _fitted(row, width))
    columns = list(zip(*cells, strict=True)) if cells else [()] * width
    made = {
        name or f"#{i + 1}": pd.Series(column, dtype=object)
        for i, (name, column) in enumerate(zip(header.names, columns, strict=True))
        if name or not all(map(_empty, column))
    }
    frame = pd.DataFrame(made, dtype=object)
    frame.index = pd.Index(numbers, dtype="int64")
    return frame


def _is_text(cell: Any) -> bool:
    return isinstance(cell, str)


def _fitted(row: Sequence[Any], width: int) -> list[Any]:
    return [*row[:width], *[None] * (width - len(row))]


def _empty(cell: Any) -> bool:
    return cell is None or cell == "" or (isinstance(cell, str) and cell.isspace())


def _name(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return "" if cell is None else unicodedata.normalize("NFC", " ".join(str(cell).split()))


def _known(row: Sequence[Any]) -> int:
    words = every_alias()
    return len({plain(cell) for cell in row if isinstance(cell, str)} & words)


def _measure(cell: Any) -> bool:
    """Whether a cell is a date, an hour or a number with decimals; a year may be a name."""
    if isinstance(cell, str):
        return _MEASURE.fullmatch(cell.strip()) is not None
    return not (cell is None or (isinstance(cell, int | float) and float(cell).is_integer()))


def _spans(upper: Sequence[Any], lower: Sequence[Any]) -> bool:
    """Whether two rows are one header: the lower one names the parts of the upper one's cells.

    Every cell of the lower row is a word, and stands under an empty cell or under the first
    cell of a run (a filled one with an empty one beside it); elsewhere the upper row has a name.
    """
    if len(upper) != len(lower):
        return False
    below = [i for i, cell in enumerate(lower) if not _empty(cell)]
    if len(below) < 2 or sum(not _empty(cell) for cell in upper) < 2:  # noqa: PLR2004 - a run
        return False
    if any(not isinstance(lower[i], str) or _figure(lower[i]) for i in below):
        return False
    if any(not isinstance(cell, str) for cell in upper if not _empty(cell)):
        return False

    def in_run(i: int) -> bool:
        return _empty(upper[i]) or (i + 1 < len(upper) and _empty(upper[i + 1]) and i + 1 in runs)

    runs = {i for i in below if _empty(upper[i])}
    named = all(not _empty(upper[i]) or i in runs for i in range(min(below), max(below) + 1))
    return bool(runs) and named and all(in_run(i) for i in below) and _under(upper, min(below))


def _under(upper: Sequence[Any], first: int) -> bool:
    """Whether the first of the lower cells has a name above it or to its upper left."""
    return any(not _empty(cell) for cell in upper[: first + 1])


def _wants(upper: Sequence[Any], lower: Sequence[Any]) -> bool:
    """Whether a header lacks the row above it: for a name, or to tell two of its names apart.

    A letterhead stands above a header that is complete without it.
    """
    lacks = any(not _empty(a) and _empty(b) for a, b in zip(upper, lower, strict=True))
    names = [plain(_name(cell)) for cell in lower if not _empty(cell)]
    return lacks or len(set(names)) < len(names)


def _named(upper: Sequence[Any], lower: Sequence[Any]) -> bool:
    """Whether a row below a header is known for one: a row of data may be all words, too."""
    words = every_alias()
    whole = {
        plain(joined)
        for joined, cell in zip(_joined(upper, lower), lower, strict=True)
        if not _empty(cell)
    }
    return len(whole & words) > 1 or _known(lower) > 1


def _figure(word: str) -> bool:
    return any(c.isdigit() for c in word)


def _joined(upper: Sequence[Any], lower: Sequence[Any]) -> list[str]:
    names, over = [], ""
    for above, below in zip(upper, lower, strict=True):
        over = _name(above) or over
        if _empty(below):
            names.append(_name(above))
        else:
            names.append(f"{over}{PARTS}{_name(below)}" if over else _name(below))
    return names


def _numbers_columns(row: Sequence[Any]) -> bool:
    """Whether a row numbers the columns: (1) (2) (3) ..., 1 2 3 ..., perhaps with A and B."""
    cells = [_name(cell) for cell in row if not _empty(cell)]
    marks = [cell.strip("()[]. ") for cell in cells]
    letters = [mark for mark in marks if len(mark) == 1 and mark.isalpha()]
    figures = [int(mark) for mark in marks[len(letters) :] if mark.isdecimal()]
    if len(figures) < 2 or len(letters) + len(figures) != len(marks):  # noqa: PLR2004 - a row
        return False
    bracketed = all(cell[0] in "([" and cell[-1] in ")]" for cell in cells)
    in_order = figures == list(range(figures[0], figures[0] + len(figures)))
    from_a = [letter.upper() for letter in letters] == list("ABCDEFGH"[: len(letters)])
    enough = bracketed or len(marks) >= _BARE
    starts = figures[0] <= 2  # noqa: PLR2004 - the first column may go without
    return enough and in_order and from_a and starts and len(marks) >= _NUMBERED * len(row)


def unique(names: Sequence[str]) -> list[str]:
    """Names told apart by numbers where they repeat; ``""`` stays, and is later ``#7``."""
    taken = {f"#{i}" for i, name in enumerate(names, 1) if not name} | set(names)
    used = {f"#{i}" for i, name in enumerate(names, 1) if not name}
    result = []
    for name in names:
        made, count = name, 1
        while made and (made in used or (count > 1 and made in taken)):
            count += 1
            made = f"{name} ({count})"
        used.add(made)
        result.append(made)
    return result
