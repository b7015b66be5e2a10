"""Workbooks: XLSX, XLS, ODS.

A few kilobytes can unpack to more than a machine holds, or put one cell at the far corner of a
sheet, which the reader would lay out in full. So packed sheets are measured before they are
opened.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import python_calamine

from blackspots.errors import BlackspotsError
from blackspots.sources import legacy
from blackspots.sources.raw import RawTable, Repair
from blackspots.sources.sheet import HEADER_ROWS, find_header, table_of

SUFFIXES: Final = (".xlsx", ".xlsm", ".xls", ".ods")
MAX_CELLS: Final = 30_000_000
"""Cells that a sheet may span, empty ones counted: a million rows of 30."""
MAX_UNPACKED: Final = 4 << 30
"""Bytes that a workbook may unpack to."""

_PIECE: Final = 4 << 20
_OVERLAP: Final = 4096
_PLACE: Final = re.compile(rb"""\sr=["']([A-Z]{1,3})(\d{1,7})["']""")
_BEYOND_Z: Final = re.compile(rb"""\sr=["'](?:[A-Z]{2,3}\d|[A-Z]\d{7})""")
_ODS_TAG: Final = re.compile(
    rb"<table:(?P<what>table-row|table-cell|covered-table-cell|table)\b(?P<rest>[^>]*)>"
)
_ODS_REPEAT: Final = re.compile(rb'table:number-(?:rows|columns)-repeated="(\d+)"')
_SAMPLE_ROWS: Final = 300


def sheet_names(path: Path) -> list[str]:
    """Names of the sheets.

    Raises
    ------
    BlackspotsError
        ``unreadable`` or ``password``.
    """
    with _opened(path) as book:
        return list(book.sheet_names)


def read_workbook(path: Path, sheets: Sequence[str] = ()) -> list[RawTable]:
    """Every sheet that holds something, or those named.

    Raises
    ------
    BlackspotsError
        ``unreadable``, ``password``, ``too-big``, ``unknown-sheet`` or ``empty-file``.
    """
    _measure(path)
    with _opened(path) as book:
        missing = [name for name in sheets if name not in book.sheet_names]
        if missing:
            have = ", ".join(book.sheet_names)
            raise BlackspotsError("unknown-sheet", file=path.name, sheet=missing[0], have=have)
        tables = []
        for name in sheets or book.sheet_names:
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            if any(cell not in ("", None) for row in rows for cell in row):
                tables.append(_table(path.name, name, rows))
    if not tables:
        raise BlackspotsError("empty-file", file=path.name)
    return tables


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The workbook, what its reader says of it told as our errors."""
    try:
        with python_calamine.CalamineWorkbook.from_path(path) as book:
            yield book
    except python_calamine.PasswordError as error:
        raise BlackspotsError("password", file=path.name) from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise BlackspotsError("unreadable", file=path.name, problem=str(error)) from error
    except BaseException as error:
        # The reader's own faults on broken files come as an exception outside of Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise BlackspotsError("unreadable", file=path.name, problem="panic") from error


def _table(file: str, sheet: str, rows: list[list[Any]]) -> RawTable:
    repairs: tuple[Repair, ...] = ()
    scheme = legacy.scheme_of(
        cell for row in rows[:_SAMPLE_ROWS] for cell in row if isinstance(cell, str)
    )
    if scheme:
        rows, repairs = _converted(rows, scheme)
    header = find_header(file, rows[:HEADER_ROWS])
    return RawTable(file, sheet, table_of(file, sheet, rows, header), repairs=repairs)


def _converted(rows: list[list[Any]], scheme: str) -> tuple[list[list[Any]], tuple[Repair, ...]]:
    """The rows with text of an old font turned into Unicode, and how many cells that were."""
    known: dict[str, str] = {}
    count, example = 0, None
    made = []
    for row in rows:
        new = []
        for cell in row:
            if isinstance(cell, str) and not cell.isascii():
                word = known.get(cell)
                if word is None:
                    word = known[cell] = legacy.convert(cell, scheme)
                if word != cell:
                    count += 1
                    example = example or (cell, word)
                new.append(word)
            else:
                new.append(cell)
        made.append(new)
    if example is None:
        return rows, ()
    return made, (Repair(f"repaired.{scheme}", count, None, *example),)


def _measure(path: Path) -> None:
    """Refuse a packed workbook that would not fit in memory.

    Raises
    ------
    BlackspotsError
        ``too-big`` or ``unreadable``.
    """
    if not zipfile.is_zipfile(path):
        return  # XLS cannot span more than 65,536 rows of 256 cells
    room = MAX_UNPACKED
    try:
        with zipfile.ZipFile(path) as packed:
            for entry in packed.infolist():
                name = entry.filename
                if name == "content.xml":
                    measure: Any = _OdsSpan()
                elif name.startswith("xl/worksheets/") and name.endswith(".xml"):
                    measure = _XlsxSpan()
                elif name.endswith(".xml"):
                    measure = None
                else:
                    continue  # pictures and the like are not read
                for piece in _pieces(packed, entry):
                    room -= len(piece)
                    if measure is not None:
                        measure.feed(piece)
                    if room < 0 or (measure is not None and measure.cells > MAX_CELLS):
                        raise BlackspotsError("too-big", file=path.name, part=name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise BlackspotsError("unreadable", file=path.name, problem=str(error)) from error


def _pieces(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with packed.open(entry) as stream:
        while piece := stream.read(_PIECE):
            yield piece


class _XlsxSpan:
    """How many cells a sheet spans, from the places of its cells."""

    def __init__(self) -> None:
        self.rows = self.columns = 0
        self._rest = b""

    @property
    def cells(self) -> int:
        """Rows times columns; up to Z and 999,999 rows are always within bounds."""
        return self.rows * self.columns

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the sheet."""
        text = self._rest + piece
        self._rest = text[-_OVERLAP:]
        if _BEYOND_Z.search(text) is None and not self.columns:
            return
        for letters, digits in _PLACE.findall(text):
            self.rows = max(self.rows, int(digits))
            column = 0
            for letter in letters:
                column = 26 * column + letter - 64
            self.columns = max(self.columns, column)


class _OdsSpan:
    """How many cells the sheets span, repeated ones counted as often as they are repeated."""

    def __init__(self) -> None:
        self.cells = 0
        self._repeat = self._width = self._filled = 0
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the content."""
        text = self._rest + piece
        end = text.rfind(b">") + 1
        self._rest = text[end:][-_OVERLAP:]
        for tag in _ODS_TAG.finditer(text, 0, end):
            times = int(found[1]) if (found := _ODS_REPEAT.search(tag["rest"])) else 1
            if tag["what"] in {b"table-row", b"table"}:
                # Only up to the last filled cell is a row laid out.
                self.cells += self._repeat * self._filled
                self._repeat = times if tag["what"] == b"table-row" else 0
                self._width = self._filled = 0
            else:
                self._width += times
                if b"office:value" in tag["rest"] or not tag["rest"].endswith(b"/"):
                    self._filled = self._width
        if end and b"</office:spreadsheet>" in text:
            self.cells += self._repeat * self._filled
            self._repeat = 0
