"""Workbooks: XLSX, XLS, ODS.

A few kilobytes can unpack to more than a machine holds, or put one cell at the far corner of a
sheet, which the reader would lay out in full. So packed sheets are measured before they are
opened.
"""

from __future__ import annotations

import html
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import python_calamine

from blackspots.errors import BlackspotsError
from blackspots.sources import legacy
from blackspots.sources.cells import is_error, shows_error
from blackspots.sources.raw import RawTable, Repair, failed_cells
from blackspots.sources.sheet import HEADER_ROWS, Header, find_header, table_of
from blackspots.sources.spans import Failed, Locked, OdsSpan, XlsxSpan, xls_cells

SUFFIXES: Final = (".xlsx", ".xlsm", ".xls", ".ods")
MAX_CELLS: Final = 30_000_000
"""Cells that a sheet may span, empty ones counted: a million rows of 30."""
MAX_UNPACKED: Final = 2 << 30
"""Bytes that a workbook may unpack to."""
_MUCH: Final = 100 << 20
_MAX_RATIO: Final = 200
"""How many times its packed size a part may unpack to, once that is much; sheets do 50 times."""
_MAX_TAGS: Final = 6 * MAX_CELLS
"""Tags in one part: a cell with text has six."""

_PIECE: Final = 4 << 20
_RESERVED: Final = re.compile(rb"""uniqueCount\s*=\s*["']\s*\+?0*(\d+)""")
"""Texts for which the reader takes memory on the word of the file."""
_NEAR: Final = 256
_SAMPLE_ROWS: Final = 300
_LINK: Final = re.compile(r"<(?:\w+:)?Relationship(?=\s)([^>]*)>")
_SHEET: Final = re.compile(r"<(?:\w+:)?sheet(?=\s)([^>]*)>")
_ATTRIBUTE: Final = re.compile(r"""\s(?:\w+:)?(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    NotImplementedError,  # a way of packing that is not known
    RuntimeError,
    EOFError,
    ValueError,
    OSError,
)
"""What unpacking a broken workbook ends in."""


def sheet_names(path: Path) -> list[str]:
    """Names of the sheets.

    Raises
    ------
    BlackspotsError
        ``unreadable`` or ``password``.
    """
    with _opened(path) as book:
        return list(book.sheet_names)


def read_cells(path: Path) -> dict[str, list[list[Any]]]:
    """The cells of every sheet, hidden ones too, as they stand.

    Raises
    ------
    BlackspotsError
        ``unreadable``, ``password`` or ``too-big``.
    """
    _measure(path)
    with _opened(path) as book:
        return {
            name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            for name in book.sheet_names
        }


def read_workbook(path: Path, sheets: Sequence[str] = ()) -> list[RawTable]:
    """Every sheet in view that holds something, or those named; of hidden ones it is said.

    Raises
    ------
    BlackspotsError
        ``unreadable``, ``password``, ``too-big``, ``unknown-sheet`` or ``empty-file``.
    """
    measured = _measure(path)
    with _opened(path) as book:
        missing = [name for name in sheets if name not in book.sheet_names]
        if missing:
            have = ", ".join(book.sheet_names)
            raise BlackspotsError("unknown-sheet", file=path.name, sheet=missing[0], have=have)
        hidden = [] if sheets else _hidden(book)
        failed = _by_sheet(path, measured, book.sheet_names)
        tables = []
        for name in sheets or [name for name in book.sheet_names if name not in hidden]:
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            if any(cell not in ("", None) for row in rows for cell in row):
                found = failed.get(name) or Failed()
                tables.append(
                    _table(path.name, name, rows, found, error_words=measured.error_words)
                )
    if not tables:
        raise BlackspotsError("empty-file", file=path.name)
    said = tuple(Repair("doubtful.sheet-hidden", value=name) for name in hidden)
    return [replace(tables[0], repairs=(*tables[0].repairs, *said)), *tables[1:]]


def _hidden(book: Any) -> list[str]:
    """The sheets that are not in view; none where no other is."""
    visible = python_calamine.SheetVisibleEnum.Visible
    names = [sheet.name for sheet in book.sheets_metadata if sheet.visible != visible]
    return names if len(names) < len(book.sheet_names) else []


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


def _table(
    file: str,
    sheet: str,
    rows: list[list[Any]],
    failed: Failed,
    *,
    error_words: bool,
) -> RawTable:
    repairs: tuple[Repair, ...] = ()
    if error_words:
        rows = _without_errors(rows, failed)
    scheme = legacy.scheme_of(
        cell for row in rows[:_SAMPLE_ROWS] for cell in row if isinstance(cell, str)
    )
    if scheme:
        rows, repairs = _converted(rows, scheme)
    header = find_header(file, rows[:HEADER_ROWS])
    repairs += _said(failed, header)
    return RawTable(file, sheet, table_of(file, sheet, rows, header), repairs=repairs)


def _without_errors(rows: list[list[Any]], failed: Failed) -> list[list[Any]]:
    """The rows with the texts for failed formulas blank, which are counted as those are."""
    made = []
    for number, row in enumerate(rows, 1):
        wrong = [i for i, cell in enumerate(row) if is_error(cell)]
        if wrong:
            for i in wrong:
                failed.add(number, i + 1, row[i].strip)
            row = ["" if i in wrong else cell for i, cell in enumerate(row)]  # noqa: PLW2901
        made.append(row)
    return made


def _said(failed: Failed, header: Header) -> tuple[Repair, ...]:
    """The entry for the failed cells below the header, with the columns they stand in."""
    counts: dict[str, int] = {}
    example = None
    for (row, column), count in sorted(failed.places.items(), key=lambda item: item[0][1]):
        if row > header.rows:
            known = 0 < column <= len(header.names)
            name = (header.names[column - 1] or f"#{column}") if known else ""
            counts[name] = counts.get(name, 0) + count
            example = example or failed.shown.get((row, column))
    return failed_cells(counts, example)


def _by_sheet(path: Path, measured: _Measured, names: Sequence[str]) -> dict[str, Failed]:
    """The failed cells by name of the sheet."""
    if measured.sheets:
        return dict(zip(names, measured.sheets, strict=False))
    if not measured.parts:
        return {}
    try:
        with zipfile.ZipFile(path) as packed:
            parts = _sheet_parts(packed)
    except (*_DAMAGED, KeyError):
        return {}
    return {name: measured.parts[part] for name, part in parts.items() if part in measured.parts}


def _sheet_parts(packed: zipfile.ZipFile) -> dict[str, str]:
    """Name of each sheet of an XLSX file to the part that holds it.

    Raises
    ------
    KeyError
        The parts that say so are not where every program writes them.
    """
    links = {}
    for tag in _LINK.findall(packed.read("xl/_rels/workbook.xml.rels").decode()):
        said = _attributes(tag)
        target = said["Target"]
        links[said["Id"]] = target[1:] if target.startswith("/") else f"xl/{target}"
    made = {}
    for tag in _SHEET.findall(packed.read("xl/workbook.xml").decode()):
        said = _attributes(tag)
        made[said["name"]] = links[said["id"]]
    return made


def _attributes(tag: str) -> dict[str, str]:
    return {name: html.unescape(one or other) for name, one, other in _ATTRIBUTE.findall(tag)}


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


@dataclass(slots=True)
class _Measured:
    """What was seen of failed formulas while a workbook was measured.

    ``parts``: the failed cells by part of an XLSX file; ``sheets``: in the order of the sheets,
    where the format has them so; ``error_words``: whether texts such as ``#N/A`` stand in it.
    """

    parts: dict[str, Failed] = field(default_factory=dict)
    sheets: list[Failed] = field(default_factory=list)
    error_words: bool = False


def _measure(path: Path) -> _Measured:
    """Refuse a workbook that would not fit in memory; what failed in it is noted on the way.

    Raises
    ------
    BlackspotsError
        ``too-big``, ``password`` or ``unreadable``.
    """
    seen = _Measured()
    try:
        if not zipfile.is_zipfile(path):
            count, seen.sheets = xls_cells(path.read_bytes())
            if count > MAX_CELLS:
                raise BlackspotsError("too-big", file=path.name, part=path.name)
            seen.error_words = True  # small enough to look at every cell
            return seen
        with zipfile.ZipFile(path) as packed:
            room = MAX_UNPACKED
            for entry in packed.infolist():
                if "media/" not in entry.filename and "Pictures/" not in entry.filename:
                    room -= _measured(path.name, packed, entry, room, seen)
    except Locked as error:
        raise BlackspotsError("password", file=path.name) from error
    except _DAMAGED as error:
        raise BlackspotsError("unreadable", file=path.name, problem=str(error)) from error
    return seen


def _measured(
    file: str, packed: zipfile.ZipFile, entry: zipfile.ZipInfo, room: int, seen: _Measured
) -> int:
    """Bytes of one part, which may be a sheet whatever it is called.

    Raises
    ------
    BlackspotsError
        ``too-big`` or ``unreadable``.
    """
    span = OdsSpan() if entry.filename == "content.xml" else XlsxSpan()
    size = tags = 0
    last = b""
    with packed.open(entry) as stream:
        while piece := stream.read(_PIECE):
            size += len(piece)
            found = piece.count(b"<")
            tags += found
            span.feed(piece)
            of_ods = isinstance(span, OdsSpan)
            seen.error_words = seen.error_words or shows_error(piece, libreoffice=of_ods)
            # No cell holds as much text as one piece.
            empty = len(piece) == _PIECE and not found and entry.filename.endswith(".xml")
            reserved = max(_reserved(last + piece[:_NEAR]), _reserved(piece))
            last = piece[-_NEAR:]
            swells = size > max(_MUCH, _MAX_RATIO * entry.compress_size)
            if (
                empty
                or swells
                or reserved > entry.file_size
                or size > room
                or tags > _MAX_TAGS
                or span.cells > MAX_CELLS
            ):
                raise BlackspotsError("too-big", file=file, part=entry.filename)
    span.end()
    if span.cells > MAX_CELLS:
        raise BlackspotsError("too-big", file=file, part=entry.filename)
    if isinstance(span, OdsSpan):
        seen.sheets = span.failed
    elif span.failed.places:
        seen.parts[entry.filename] = span.failed
    return size


def _reserved(piece: bytes) -> int:
    if b"uniqueCount" not in piece:
        return 0
    return max((int(found[:18]) for found in _RESERVED.findall(piece)), default=0)
