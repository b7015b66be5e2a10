"""How many cells the sheets of a workbook span, told before the workbook is opened.

The reader lays a sheet out in full, from its first cell to its last, and ends the whole program
when memory does not suffice: one cell at a far corner is enough. What is told here is never
less than what the reader would lay out.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np

_LONGEST: Final = 1 << 20
"""Bytes of one tag above which it is not looked at any more."""
_ENDLESS: Final = 1 << 62

_ROWS: Final = 1_048_576
_COLUMNS: Final = 16_384
_PLACE: Final = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]*)(\d*)""")
_LETTERS: Final = 3
_CHARACTERS: Final = 10
"""Of the farthest place, XFD1048576."""
_SPACE: Final = 32
_AFTER_NAME: Final = b" \t\r\n/>"

_ERROR_MARK: Final = b't="e"'
_ERROR_VALUE: Final = re.compile(rb"[^<]*(?:<f\b[^<]*(?:</f>)?)?<v>(#[^<]{1,20})</v>")
_LONG_CELL: Final = 20_000
"""Bytes of a cell within which its error stands after the formula."""
_CELL_NAME: Final = re.compile(rb"<(?:\w+:)?c\s")
_HEAD_ROWS: Final = 64
"""Rows in which a header may stand; those of failed cells below need not be told apart."""

_ODS_TAG: Final = re.compile(
    rb"<table:(?P<what>table-row|table-cell|covered-table-cell|table)(?=[\s/>])"
    rb"""(?P<rest>(?:[^>"']|"[^"]*"|'[^']*')*)>"""
)
_ODS_REPEAT: Final = re.compile(rb"""table:number-(?:rows|columns)-repeated\s*=\s*["']\s*(\d+)""")
_ODS_SHOWN: Final = re.compile(rb"\s*<text:p[^>]*>([^<]{1,20})<")
_ODS_SPACES: Final = re.compile(rb"""text:c\s*=\s*["']\s*\+?(\d{4,})""")


def _whole_tags(text: bytes, endless: bool) -> tuple[int, bool]:  # noqa: FBT001
    """Where the last tag starts, which may go on; and whether a tag never ends."""
    cut = text.rfind(b"<")
    if cut < 0:
        return len(text), endless
    if len(text) - cut > _LONGEST:
        return len(text), endless or b">" not in text[cut:]
    return cut, endless


@dataclass(slots=True)
class Failed:
    """Cells of one sheet whose formulas failed, which the reader gives as blanks.

    ``places``: row and column, both from 1, to the number of cells. Rows far below any header
    count as one, and column 0 stands for one that is not told. ``shown``: what stands there.
    """

    places: Counter[tuple[int, int]] = field(default_factory=Counter)
    shown: dict[tuple[int, int], str] = field(default_factory=dict)

    def add(self, row: int, column: int, show: Callable[[], str | None], count: int = 1) -> None:
        """Count cells of a place in; what the first of them shows is asked for."""
        place = min(row, _HEAD_ROWS), column
        self.places[place] += count
        if place not in self.shown and (shown := show()):
            self.shown[place] = shown


def _shown(pattern: re.Pattern[bytes], text: bytes, at: int) -> str | None:
    """What a cell shows, whose tag ends there."""
    found = pattern.match(text, at, at + _LONG_CELL)
    return None if found is None else found[1].decode("utf-8", "replace")


class XlsxSpan:
    """One sheet of an XLSX file: from the places that its cells and rows name."""

    def __init__(self) -> None:
        self.failed = Failed()
        self._row = self._row_named = self._column = 0
        self._placed = self._cells = self._rows = self._rows_named = self._most = 0
        self._rest = b""
        self._endless = False

    @property
    def cells(self) -> int:
        """Rows times columns."""
        rows, columns = self._row, self._column
        if self._cells > self._placed:  # a cell that does not say its place is beside the last
            rows = max(rows, self._row_named) + max(0, self._rows - self._rows_named)
            columns += self._most
        fits = rows <= _ROWS and columns <= _COLUMNS and not self._endless
        return rows * columns if fits else _ENDLESS

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the sheet."""
        text = self._rest + piece
        cut, self._endless = _whole_tags(text, self._endless)
        self._rest = text[cut:]
        self._take(text[:cut])

    def end(self) -> None:
        """Take what is left."""
        self._take(self._rest)
        self._rest = b""

    def _take(self, text: bytes) -> None:
        self._find_errors(text)
        data = np.frombuffer(text + b" " * 16, dtype=np.uint8)
        names = np.flatnonzero(data[1:-16] == ord("r")) + 1
        names = names[(data[names - 1] <= _SPACE)]
        after = data[names + 1]
        names = names[(after == ord("=")) | (after <= _SPACE)]
        quotes = data[names + 2]
        usual = (data[names + 1] == ord("=")) & ((quotes == ord('"')) | (quotes == ord("'")))
        if usual.all():
            self._places(data, names + 3)
        else:
            self._odd_places(text)
        self._count(data)

    def _find_errors(self, text: bytes) -> None:
        """Note the cells that hold an error; ``t="e"`` in a text is none."""
        at = text.find(_ERROR_MARK)
        while at >= 0:
            start, end = text.rfind(b"<", 0, at), text.find(b">", at)
            if start >= 0 and end >= 0 and _CELL_NAME.match(text, start, end):
                place = _PLACE.search(text, start, end)
                letters, digits = place.groups() if place else (b"", b"")
                show = partial(_shown, _ERROR_VALUE, text, end + 1)
                self.failed.add(int(digits[:9] or _HEAD_ROWS), _column(letters), show)
            at = text.find(_ERROR_MARK, at + 1)

    def _places(self, data: np.ndarray, starts: np.ndarray) -> None:
        """Places such as XFD1048576, and the numbers of rows."""
        rows = np.zeros(len(starts), dtype=np.int64)
        columns = np.zeros(len(starts), dtype=np.int64)
        alive = np.arange(len(starts))
        for k in range(_CHARACTERS + 1):
            character = data[starts[alive] + k]
            digit = character - np.uint8(48)
            letter = (character | np.uint8(32)) - np.uint8(97)
            is_digit, is_letter = digit < 10, letter < 26  # noqa: PLR2004 - wrapped round below
            if k < _LETTERS + 1:
                which = alive[is_letter]
                columns[which] = 26 * columns[which] + letter[is_letter] + 1
            which = alive[is_digit]
            rows[which] = 10 * rows[which] + digit[is_digit]
            alive = alive[is_digit | is_letter]
            if not len(alive):
                break
        else:
            rows[alive] = columns[alive] = _ENDLESS >> 31
        self._add(rows, columns)

    def _odd_places(self, text: bytes) -> None:
        found = _PLACE.findall(text)
        rows = [min(int(digits[:18] or b"0"), _ENDLESS >> 31) for _, digits in found]
        columns = [_column(letters) for letters, _ in found]
        self._add(np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64))

    def _add(self, rows: np.ndarray, columns: np.ndarray) -> None:
        of_cells = columns > 0
        self._placed += int(of_cells.sum())
        self._rows_named += int((~of_cells).sum())
        self._row = max(self._row, int(rows.max(initial=0, where=of_cells)))
        self._row_named = max(self._row_named, int(rows.max(initial=0, where=~of_cells)))
        self._column = max(self._column, int(columns.max(initial=0)))

    def _count(self, data: np.ndarray) -> None:
        """Count cells and rows, and the most cells of one row in this piece or over several."""
        ends = np.isin(np.arange(256), list(_AFTER_NAME))
        cells = np.flatnonzero(data[1:-16] == ord("c")) + 1
        cells = cells[_opens(data, cells) & ends[data[cells + 1]]]
        self._cells += len(cells)
        rows = np.flatnonzero(data[1:-16] == ord("w")) + 1
        rows = rows[(data[rows - 1] == ord("o")) & ends[data[rows + 1]]]
        rows = rows[(rows > 2) & (data[rows - 2] == ord("r"))]  # noqa: PLR2004 - <row
        rows = rows[_opens(data, rows - 2)]
        self._rows += len(rows)
        if self._cells > self._placed:
            # The row that goes on from piece to piece is not told apart: never too few.
            counts = np.bincount(np.searchsorted(rows, cells), minlength=1)
            self._most += int(counts.max())


def _column(letters: bytes) -> int:
    """Number of a column by its letters, from 1; 0 without any."""
    column = 0
    for letter in letters[: _LETTERS + 1].upper():
        column = 26 * column + letter - 64
    return column


def _opens(data: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Whether names begin there: after < or the mark of a prefix."""
    before = data[at - 1]
    result: np.ndarray = (before == ord("<")) | (before == ord(":"))
    return result


class OdsSpan:
    """All sheets of an ODS file, repeated rows and cells as often as they are repeated.

    A sheet is laid out up to its last filled row, every row as wide as the widest.
    """

    def __init__(self) -> None:
        self.failed: list[Failed] = []
        """Of each sheet in turn."""
        self._done = self._rows = self._last = self._widest = 0
        self._repeat = self._width = self._filled = self._spaces = 0
        self._rest = b""
        self._endless = False

    @property
    def cells(self) -> int:
        """Rows times columns of all sheets so far; what spaces take counts as well."""
        if self._endless:
            return _ENDLESS
        rows = self._rows + self._repeat if self._filled else self._last
        return self._done + _within(rows, max(self._widest, self._filled)) + self._spaces

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the content."""
        text = self._rest + piece
        cut, self._endless = _whole_tags(text, self._endless)
        self._rest = text[cut:]
        self._take(text[:cut])

    def end(self) -> None:
        """Take what is left."""
        self._take(self._rest)
        self._rest = b""

    def _take(self, text: bytes) -> None:
        # A repeated space is a character of one cell; a thousand of them take what cells take.
        self._spaces += sum(int(n[:18]) // 16 for n in _ODS_SPACES.findall(text))
        for tag in _ODS_TAG.finditer(text):
            rest = tag["rest"]
            times = int(found[1][:18]) if (found := _ODS_REPEAT.search(rest)) else 1
            if tag["what"] == b"table":
                self._end_row()
                self._done += _within(self._last, self._widest)
                self._rows = self._last = self._widest = 0
                self.failed.append(Failed())
            elif tag["what"] == b"table-row":
                self._end_row()
                self._repeat = times
            else:
                if b'calcext:value-type="error"' in rest and self.failed:
                    repeat = min(times, _COLUMNS) * min(max(self._repeat, 1), _ROWS)
                    show = partial(_shown, _ODS_SHOWN, text, tag.end())
                    self.failed[-1].add(self._rows + 1, self._width + 1, show, repeat)
                self._width += times
                if b"value" in rest or b"formula" in rest or not rest.endswith(b"/"):
                    self._filled = self._width

    def _end_row(self) -> None:
        self._rows += self._repeat
        if self._filled:
            self._last = self._rows
            self._widest = max(self._widest, self._filled)
        self._repeat = self._width = self._filled = 0


def _within(rows: int, columns: int) -> int:
    """Cells of so many rows and columns; the reader stops at the size of a sheet."""
    return min(rows, _ROWS) * min(columns, _COLUMNS)


_OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_FREE: Final = 0xFFFFFFFA
"""Sector numbers from here on are marks."""
_NO_STREAM: Final = struct.error("no workbook in it, or a broken one")
_EOF, _PASSWORD, _SHEET, _MULTIPLE = 0x0A, 0x2F, 0x85, frozenset({0xBD, 0xBE})
_DIMENSIONS: Final = 0x0200
_CORNERS: Final = {10: "<4H", 14: "<IIHH"}
_CELLS: Final = frozenset({0x02, 0x03, 0x04, 0x05, 0x06, 0xD6, 0xFD, 0x0201, 0x0202, 0x0203}) | {
    *(0x0204, 0x0205, 0x0206, 0x0406, 0x027E),
    *_MULTIPLE,
}


_BOOL_OR_ERROR: Final = 0x0205
_FORMULAS: Final = frozenset({0x06, 0x0206, 0x0406})
_RESULT_ERROR: Final = 2
_ERROR_CODES: Final = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
}


class Locked(Exception):
    """The workbook has a password."""


def xls_cells(data: bytes) -> tuple[int, list[Failed]]:
    """How many cells the sheets of an XLS file span together: all are laid out at opening.

    Beside it, the failed cells of each sheet.

    Raises
    ------
    Locked
        It has a password.
    struct.error
        It is broken.
    """
    if not data.startswith(_OLE):
        return 0, []  # not read: pages and text under a borrowed ending
    stream = _workbook_stream(data)
    starts = []
    for kind, at, size in _records(stream, 0):
        if kind == _PASSWORD:
            raise Locked
        if kind == _SHEET and size >= 4:  # noqa: PLR2004 - one number
            starts.append(struct.unpack_from("<I", stream, at)[0])
    found = [_sheet_cells(stream, start) for start in dict.fromkeys(starts or [0])]
    return sum(cells for cells, _ in found), [failed for _, failed in found]


def _sheet_cells(stream: bytes, start: int) -> tuple[int, Failed]:
    row = column = -1
    failed = Failed()
    said = 0
    for kind, at, size in _records(stream, start):
        if kind == _DIMENSIONS and size in _CORNERS:
            said = max(said, _corners(struct.unpack_from(_CORNERS[size], stream, at)))
        if kind in _CELLS and size >= 4:  # noqa: PLR2004 - row and column
            here, first = struct.unpack_from("<HH", stream, at)
            last = struct.unpack_from("<H", stream, at + size - 2)[0] if kind in _MULTIPLE else 0
            row, column = max(row, here), max(column, first, last)
            code = _error_code(stream, kind, at, size)
            if code is not None:
                failed.add(here + 1, first + 1, partial(_ERROR_CODES.get, code))
    return max(said, (row + 1) * (column + 1)), failed


def _error_code(stream: bytes, kind: int, at: int, size: int) -> int | None:
    """The error that a cell holds, or that its formula came to; None for none."""
    if kind == _BOOL_OR_ERROR and size >= 8:  # noqa: PLR2004 - the value, and which it is
        return stream[at + 6] if stream[at + 7] == 1 else None
    if kind in _FORMULAS and size >= 14:  # noqa: PLR2004 - place, format, result
        result = stream[at + 6 : at + 14]
        # Results other than numbers begin with their kind, and end in ones.
        return result[2] if result[0] == _RESULT_ERROR and result[6:] == b"\xff\xff" else None
    return None


def _corners(corners: tuple[int, ...]) -> int:
    """Cells for which the reader takes memory on the word of the file."""
    first, last, left, right = corners[:4]
    if not last or not right:
        return 0
    if last < first or right < left:
        raise _NO_STREAM
    return (last - first) * (right - left)


def _records(stream: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """Kind, place and size of each record up to the end of its part."""
    while start + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, start)
        if kind == _EOF or start + 4 + size > len(stream):
            return
        yield kind, start + 4, size
        start += 4 + size


def _workbook_stream(data: bytes) -> bytes:
    """The stream of the workbook in a compound file."""
    shift, mini_shift = struct.unpack_from("<HH", data, 30)
    if shift not in {9, 12} or mini_shift != 6:  # noqa: PLR2004 - as the format has it
        raise _NO_STREAM
    size = 1 << shift
    folder, _, cutoff, mini, _, further, count = struct.unpack_from("<7I", data, 48)
    table = list(struct.unpack_from("<109I", data, 76))
    while further < _FREE and count and len(table) < len(data):
        block = struct.unpack_from(f"<{size // 4}I", data, size * (further + 1))
        table += block[:-1]
        further, count = block[-1], count - 1
    fat = b"".join(data[size * (n + 1) : size * (n + 2)] for n in table if n < _FREE)
    entries = _chain(data, folder, fat, size, size)
    root = None
    for at in range(0, len(entries) - 127, 128):
        length = struct.unpack_from("<H", entries, at + 64)[0]
        name = entries[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
        first, total = struct.unpack_from("<II", entries, at + 116)
        if at == 0:
            root = first
        if name == "EncryptedPackage":
            raise Locked
        if name.casefold() in {"workbook", "book"}:
            if total >= cutoff or root is None:
                return _chain(data, first, fat, size, size)[:total]
            small = _chain(data, root, fat, size, size)
            mini_fat = _chain(data, mini, fat, size, size)
            return _chain(small, first, mini_fat, 1 << mini_shift, 0)[:total]
    raise _NO_STREAM


def _chain(data: bytes, first: int, fat: bytes, size: int, offset: int) -> bytes:
    """The sectors of a stream one after the other."""
    parts, seen = [], set()
    while first < _FREE and first not in seen and 4 * first + 4 <= len(fat):
        seen.add(first)
        parts.append(data[offset + size * first : offset + size * (first + 1)])
        first = struct.unpack_from("<I", fat, 4 * first)[0]
    return b"".join(parts)
