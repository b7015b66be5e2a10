"""Text files with a mark between cells: CSV, TSV and their kin.

A clean file is read by Arrow, many rows at a time. Where rows differ in length, quotes stand
inside words, or the text is not UTF-8, the standard library's reader takes over: slower, and
strict about what it finds. Both give the same table.
"""

from __future__ import annotations

import codecs
import csv
import io
import mmap
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from blackspots.errors import BlackspotsError
from blackspots.presets.headers import every_alias, plain
from blackspots.sources import legacy
from blackspots.sources.cells import ERROR_CELL, shows_error
from blackspots.sources.raw import RawTable, Repair, failed_cells
from blackspots.sources.sheet import HEADER_ROWS, MAX_COLUMNS, Header, find_header

SUFFIXES: Final = (".csv", ".tsv", ".txt")
_DELIMITERS: Final = (",", ";", "\t", "|")
_HEAD: Final = 4 << 20
"""Bytes that are searched for the header."""
_CHUNK: Final = 50_000
"""Rows that are held as Python objects at a time."""
_PIECE: Final = 16 << 20
_LONGEST_HEADER: Final = 100_000
"""Characters of a line that are searched for known headers."""
_LINE_END: Final = re.compile(r"\r\n?|\n")


class _Untidy(Exception):
    """The file is not for Arrow: rows of several lengths, stray quotes, another encoding."""


def read_delimited(path: Path, encoding: str | None = None) -> RawTable:
    """The table in a text file, cells as text.

    Parameters
    ----------
    encoding
        What the study says; found out where it says nothing.

    Raises
    ------
    BlackspotsError
        ``unreadable``, ``broken-quotes``, ``unknown-encoding`` or another of the encoding,
        ``empty-file``, ``row-too-long`` or ``too-many-columns``.
    """
    try:
        with path.open("rb") as file:
            # Not closed by hand: Arrow's buffers look into it, and it goes with the last of them.
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise BlackspotsError("unreadable", file=path.name, problem=str(error)) from error
    if encoding is None:
        with suppress(_Untidy):
            return _by_arrow(path.name, data)
    source, found = legacy.decode(data[:], encoding, file=path.name)
    said = () if found == "utf-8" or encoding else (Repair("repaired.encoding", used=found),)
    try:
        return _by_rows(path.name, source, said)
    except UnicodeEncodeError as error:  # halves of characters, as UTF-7 and its like let pass
        raise BlackspotsError("wrong-encoding", file=path.name, encoding=found) from error


def _by_arrow(file: str, data: mmap.mmap) -> RawTable:
    """The table of a tidy UTF-8 file.

    Raises
    ------
    _Untidy
        It is not one.
    """
    header, delimiter, start = _head(file, data)
    quoted = data.find(b'"', start) >= 0
    if quoted and _stray_quotes(data, start, delimiter):
        raise _Untidy
    names = [str(i) for i in range(len(header.names))]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(pa.py_buffer(data).slice(start)),
            read_options=pyarrow.csv.ReadOptions(column_names=names),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=quoted, ignore_empty_lines=False
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string())
            ),
        )
    except pa.ArrowInvalid as error:
        raise _Untidy from error
    columns = [_composed(table.column(i)) for i in range(table.num_columns)]
    if _has_blank_row(columns):
        raise _Untidy  # a row of bare delimiters is no row of the table
    index = pd.RangeIndex(header.rows + 1, header.rows + 1 + len(table))
    return _table(file, header, columns, index, failed=shows_error(data))


def _composed(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Letters and their marks as one character, as the strict reader has them."""
    if pc.all(pc.string_is_ascii(cells)).as_py():
        return cells
    # The different words of a column are few, and normalising is slow.
    coded = cells.combine_chunks().dictionary_encode()
    words = pc.utf8_normalize(coded.dictionary, form="NFC")
    return pa.chunked_array([pc.take(words, coded.indices)])


def _has_blank_row(columns: Sequence[pa.ChunkedArray]) -> bool:
    """Whether any row has nothing in any column."""
    return bool(pc.any(_blank_rows(columns)).as_py())


def _blank_rows(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    """Which rows have nothing in any column; a column that is always filled settles it."""
    blank = None
    for column in columns:
        empty = pc.or_(pc.equal(pc.binary_length(column), 0), pc.utf8_is_space(column))
        blank = empty if blank is None else pc.and_(blank, empty)
        if not pc.any(blank).as_py():
            break
    return blank


def _head(file: str, data: mmap.mmap) -> tuple[Header, str, int]:
    """The header, the mark between cells, and the byte where the data begin."""
    head = data[:_HEAD]
    if len(head) == _HEAD:
        head = head[: head.rfind(b"\n") + 1]
    try:
        source = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Untidy from error
    if not source or "\0" in source:
        raise _Untidy
    delimiter = _delimiter(source)
    lines, rows, ends = io.StringIO(source, newline=""), [], []
    try:
        for row in csv.reader(iter(lines.readline, ""), delimiter=delimiter, strict=True):
            _limit(file, row)
            rows.append(row)
            ends.append(lines.tell())
            if len(rows) == HEADER_ROWS:
                break
    except csv.Error as error:
        raise _Untidy from error
    header = find_header(file, rows)
    if header.rows >= len(rows):
        raise _Untidy  # nothing below it
    mark = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    return header, delimiter, mark + len(source[: ends[header.rows - 1]].encode())


def _delimiter(source: str) -> str:
    """The mark between cells: the one that shows most known headers, if it shows two.

    Else the one that cuts a line in most parts, in the first line that is cut in three.
    """
    lines = _LINE_END.split(source, HEADER_ROWS)[:HEADER_ROWS]
    known = {mark: max(len(_words(line, mark)) for line in lines) for mark in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda mark: known[mark])
    if known[best] > 1:
        return best
    header = next((s for s in lines if max(map(s.count, _DELIMITERS)) > 1), lines[0])
    return max(_DELIMITERS, key=header.count)


def _words(line: str, mark: str) -> set[str]:
    """The known headers in a line."""
    cells = line[:_LONGEST_HEADER].split(mark)
    return {plain(cell) for cell in cells} & every_alias()


def _stray_quotes(data: mmap.mmap, start: int, delimiter: str) -> bool:
    """Whether a quote may stand elsewhere than around a whole cell.

    The quotes must open and close cells in turn: each first one after a delimiter or line end,
    each second one before it. Quotes within quotes do not, and go to the strict reader too.
    """
    marks = np.isin(np.arange(256), [ord(delimiter), *b"\n\r"])
    opens = True
    for at in range(start, len(data), _PIECE):
        # One byte before and one after: a line end where the file has none.
        before = data[at - 1 : at] if at > start else b"\n"
        piece = before + data[at : at + _PIECE + 1]
        if at + _PIECE >= len(data):
            piece += b"\n"
        view = np.frombuffer(piece, dtype=np.uint8)
        quotes = np.flatnonzero(view[1:-1] == ord('"')) + 1
        first, second = (quotes[::2], quotes[1::2]) if opens else (quotes[1::2], quotes[::2])
        if not (marks[view[first - 1]].all() and marks[view[second + 1]].all()):
            return True
        opens ^= bool(len(quotes) % 2)
    return not opens


def _by_rows(file: str, source: str, repairs: tuple[Repair, ...]) -> RawTable:
    """The table by the strict reader.

    Raises
    ------
    BlackspotsError
        ``broken-quotes`` where a quote never ends: it would swallow the rows after it without
        a word; ``row-too-long``, ``too-many-columns``, ``empty-file``.
    """
    reader = csv.reader(io.StringIO(source, newline=""), delimiter=_delimiter(source), strict=True)
    rows = _numbered(reader, file)
    first = []
    for number, row in islice(rows, HEADER_ROWS):
        _limit(file, row)
        first.append((number, row))
    header = find_header(file, [row for _, row in first])
    width = len(header.names)
    parts: list[list[pa.Array]] = [[] for _ in range(width)]
    numbers: list[int] = []
    rest = chain(first[header.rows :], rows)
    while chunk := list(islice(rest, _CHUNK)):
        cells = []
        for number, row in chunk:
            if not any(cell and not cell.isspace() for cell in row):
                continue
            if len(row) > width and any(cell and not cell.isspace() for cell in row[width:]):
                # A comma inside a text that is not quoted would shift every later cell.
                raise BlackspotsError("row-too-long", file=file, sheet="", row=number, count=width)
            numbers.append(number)
            cells.append([*row, *[""] * (width - len(row))][:width])
        for part, column in zip(parts, zip(*cells, strict=True), strict=False):
            part.append(pa.array(column, pa.string()))
    columns = [pa.chunked_array(part, pa.string()) for part in parts]
    index = pd.Index(numbers, dtype="int64")
    return _table(file, header, columns, index, repairs, failed="#" in source or "Err:" in source)


def _numbered(reader: Iterator[list[str]], file: str) -> Iterator[tuple[int, list[str]]]:
    number = 0
    try:
        for number, row in enumerate(reader, 1):
            yield number, row
    except csv.Error as error:
        raise BlackspotsError(
            "broken-quotes", file=file, row=number + 1, problem=str(error)
        ) from error


def _limit(file: str, row: Sequence[str]) -> None:
    """Refuse a row that is too wide before forty of them are held."""
    if len(row) > MAX_COLUMNS:
        raise BlackspotsError("too-many-columns", file=file, count=len(row), limit=MAX_COLUMNS)


def _table(
    file: str,
    header: Header,
    columns: Sequence[pa.ChunkedArray],
    index: pd.Index,
    repairs: tuple[Repair, ...] = (),
    *,
    failed: bool = False,
) -> RawTable:
    if failed:
        columns, index, said = _without_errors(header, columns, index)
        repairs += said
    text = pd.ArrowDtype(pa.string())
    made = {}
    for i, (name, cells) in enumerate(zip(header.names, columns, strict=True)):
        if name or pc.any(pc.greater(pc.binary_length(cells), 0)).as_py():
            made[name or f"#{i + 1}"] = pd.Series(pd.array(cells, dtype=text), index=index)
    return RawTable(file, None, pd.DataFrame(made, index=index), repairs=repairs)


def _without_errors(
    header: Header, columns: Sequence[pa.ChunkedArray], index: pd.Index
) -> tuple[list[pa.ChunkedArray], pd.Index, tuple[Repair, ...]]:
    """The cells with those of failed formulas blank, as in a workbook; and how many they were.

    A row that has nothing else is no row: formulas are copied down below the last one.
    """
    made, counts, example = [], dict[str, int](), None
    for i, cells in enumerate(columns):
        # Fixed characters are found ten times as fast as the pattern.
        count = 0
        if any(pc.any(pc.match_substring(cells, mark)).as_py() for mark in ("#", "Err:")):
            wrong = pc.match_substring_regex(cells, ERROR_CELL)
            count = pc.sum(wrong).as_py()
        if count:
            counts[header.names[i] or f"#{i + 1}"] = count
            example = example or pc.filter(cells, wrong)[0].as_py().strip()
        made.append(pc.if_else(wrong, "", cells) if count else cells)
    if not counts:
        return made, index, ()
    blank = _blank_rows(made)
    if pc.any(blank).as_py():
        kept = pc.invert(blank)
        made = [cells.filter(kept) for cells in made]
        index = pd.Index(index[kept.to_numpy()], dtype="int64")
    return made, index, failed_cells(counts, example)
