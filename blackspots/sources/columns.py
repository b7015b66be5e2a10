"""From the headers of a file to the columns of a table, and from cells to values.

A column is parsed by its different cells: a register of a million rows holds a few hundred
different dates, hours and words. Only plain numbers, which all differ, are converted at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from blackspots.errors import BlackspotsError
from blackspots.presets.headers import DATE_PARTS, aliases, blanks, meaning_of
from blackspots.schema import Kind, Table
from blackspots.sources import personal, values
from blackspots.sources.findings import Findings
from blackspots.sources.raw import RawTable, distinct_cells, unknown_column
from blackspots.sources.sheet import PARTS

Headers = Mapping[str, str | Sequence[str]]

_PLAIN_NUMBER: Final = r"^\s*[+-]?\d+(?:[.,]\d+)?\s*$"
_OF_WHAT: Final = frozenset({"date", "hour", "crash_id", *DATE_PARTS})
"""Columns whose lower part of a header says nothing without the upper one."""
_SAMPLE: Final = 500
"""Different cells that a column is judged by."""


def match(
    raw: RawTable,
    table: str,
    given: Headers,
    *,
    allowed: Sequence[str] = (),
    absent: set[str] | None = None,
) -> dict[str, str]:
    """Column of the table to header of the file.

    What the study gives comes first (an empty header leaves the column out; of several
    headers the one that the file has, of which an empty one says that it may have none); then
    headers that are known words for a column, compared without marks and case. A header of
    personal data is taken only if ``allowed`` names it.

    Parameters
    ----------
    absent
        For one of several tables: takes the columns whose headers this one has not, which
        is then no error; they are found by known words, if at all.

    Raises
    ------
    BlackspotsError
        ``unknown-table-column``, ``unknown-column``, ``personal-column``, or
        ``ambiguous-header`` when two headers mean the same column.
    """
    known = aliases(table)
    columns = set(known.values())
    found: dict[str, str] = {}
    for column, headers in given.items():
        if column not in columns:
            have = ", ".join(sorted(columns))
            raise BlackspotsError(
                "unknown-table-column", key=f"{table}.columns.{column}", have=have
            )
        header = _given(raw, headers)
        if header is None:
            if absent is None:
                raise unknown_column(raw, headers if isinstance(headers, str) else headers[0])
            absent.add(column)
        elif header:
            if personal.header_kind(header) and header not in allowed:
                raise BlackspotsError(
                    "personal-column", file=raw.where, column=header, table=table, key=column
                )
            found[column] = header
    taken, lacking = set(found.values()), absent or set()
    guessed: dict[str, list[str]] = {}
    for header in map(str, raw.frame.columns):
        first = _again(header)
        means = _meaning(first if first in raw.frame.columns else header, known)
        if means is None or header in taken or (means in given and means not in lacking):
            continue
        guessed.setdefault(means, []).append(header)
    return found | _one_each(raw, table, guessed, dated="date" in {*found, *guessed})


def _one_each(
    raw: RawTable, table: str, guessed: Mapping[str, Sequence[str]], *, dated: bool
) -> dict[str, str]:
    """The header of each column, refused where two mean it; beside a date no part is needed."""
    made = {}
    for column, headers in guessed.items():
        if len(headers) > 1 and not (dated and column in DATE_PARTS):
            one, other = headers[:2]
            raise BlackspotsError(
                "ambiguous-header", file=raw.where, column=column, one=one, other=other, table=table
            )
        if len(headers) == 1:
            made[column] = headers[0]
    return made


def _given(raw: RawTable, headers: str | Sequence[str]) -> str | None:
    """The header that the study names, the first that is there of several; None for none."""
    if headers == "":
        return ""
    names = [headers] if isinstance(headers, str) else headers
    there = next((header for header in names if header and header in raw.frame.columns), None)
    return "" if there is None and "" in names else there


def _again(header: str) -> str:
    """The header that one is a repetition of: ``Chết`` of ``Chết (2)``; else itself."""
    return re.sub(r" \(\d+\)$", "", header)


def _meaning(header: str, known: Mapping[str, str]) -> str | None:
    """The column a header stands for; of a header in two rows also by its lower part."""
    means = meaning_of(header, known)
    if means is None and PARTS in header:
        over, _, part = header.rpartition(PARTS)
        means = meaning_of(part, known)
        # The day of what? Below "Báo cáo" it is not the crash's.
        if means in _OF_WHAT and meaning_of(over, known) not in _OF_WHAT:
            return None
    return means


@dataclass(frozen=True, slots=True)
class Reading:
    """What a column's different cells came to.

    ``codes``: for each row which of the cells, -1 for none; ``found``: what each cell was
    read as, None where it is blank or was refused.
    """

    codes: np.ndarray
    found: list[Any]

    def spread(self, kind: Kind, index: pd.Index, pick: Callable[[Any], Any] | None = None) -> Any:
        """A column of the schema's kind; ``pick`` takes one part of each value."""
        chosen = self.found
        if pick is not None:
            chosen = [None if value is None else pick(value) for value in chosen]
        return spread(chosen, self.codes, kind, index)


def read_cells(
    raw: RawTable,
    header: str | None,
    parser: Callable[[Any], Any],
    *,
    table: str,
    findings: Findings,
    bad: np.ndarray,
    only: np.ndarray | None = None,
) -> Reading:
    """Parse the different cells of a column; rows whose cell is refused are marked ``bad``.

    Parameters
    ----------
    bad : bool, shape (rows,)
        Set where a cell was refused; the problem is noted in ``findings``, as are remarks.
    only : bool, shape (rows,), optional
        The rows to read; the others have no value.
    """
    if header is None:
        return Reading(np.full(len(raw.frame), -1), [])
    codes, distinct = distinct_cells(raw.frame[header])
    if only is not None:
        codes = np.where(only, codes, -1)
    made: list[Any] = []
    refused: dict[str, list[int]] = {}
    noted: dict[str, list[int]] = {}
    for i, cell in enumerate(distinct):
        value = None
        if not values.is_blank(cell):
            try:
                value = parser(cell)
            except values.Unreadable as error:
                refused.setdefault(error.code, []).append(i)
            if isinstance(value, values.Noted):
                noted.setdefault(value.code, []).append(i)
                value = value.value
        made.append(value)
    for code, which in refused.items():
        rows = _rows_of(codes, which, len(distinct))
        bad |= rows
        findings.reject_rows(table, raw, rows, header, code)
    for code, which in noted.items():
        rows = _rows_of(codes, which, len(distinct))
        used = [made[i] for i in codes[rows]]
        findings.remark_rows(table, raw, rows, header, code, used=used)
    return Reading(codes, made)


def _rows_of(codes: np.ndarray, which: Sequence[int], count: int) -> np.ndarray:
    """Mask of the rows whose cell is one of those."""
    chosen = np.zeros(count + 1, dtype=bool)
    chosen[list(which)] = True
    result: np.ndarray = chosen[codes]
    return result


def parse_column(
    raw: RawTable,
    header: str | None,
    parser: Callable[[Any], Any],
    kind: Kind,
    *,
    table: str,
    findings: Findings,
    bad: np.ndarray,
) -> pd.Series:
    """One column as the schema's kind, missing where blank; see :func:`read_cells`."""
    reading = read_cells(raw, header, parser, table=table, findings=findings, bad=bad)
    made: pd.Series = reading.spread(kind, raw.frame.index)
    return made


def read_sparing(
    raw: RawTable,
    header: str | None,
    parser: Callable[[Any], Any],
    kind: Kind,
    code: str,
    *,
    table: str,
    findings: Findings,
    bad: np.ndarray,  # noqa: ARG001 - called as the other readers are; no row is refused
) -> pd.Series:
    """A column that a row can do without: what cannot be read is unknown, and noted as ``code``."""
    apart, unread = Findings(), np.zeros(len(raw.frame), dtype=bool)
    made = parse_column(raw, header, parser, kind, table=table, findings=apart, bad=unread)
    findings.add_sparing(apart, raw.frame.index[unread], code)
    return made


def read_words(
    raw: RawTable,
    header: str | None,
    *,
    table: str,
    findings: Findings,
    bad: np.ndarray,  # noqa: ARG001 - called as the other readers are; text is never refused
    allowed: Sequence[str] = (),
) -> pd.Series:
    """A column of text without personal data, unless ``allowed`` names its header.

    A column whose cells are mostly names or plates is left out as a whole; elsewhere numbers
    and names that show a person are masked. Both are said.
    """
    index = raw.frame.index
    if header is None:
        return nothing("text", index)
    codes, distinct = distinct_cells(raw.frame[header])
    words = [None if values.is_blank(cell) else values.text(cell) for cell in distinct]
    if header not in allowed:
        told = [word for word in words if word is not None]
        if personal.cells_kind(told[:_SAMPLE]):
            count = int((codes >= 0).sum())
            findings.remark_column(table, raw, header, "repaired.personal-column", count)
            return nothing("text", index)
        masked = [None if word is None else personal.mask(word) for word in words]
        changed = [i for i, word in enumerate(words) if word != masked[i]]
        if changed:
            rows = _rows_of(codes, changed, len(distinct))
            used = [masked[i] for i in codes[rows]]
            findings.remark_rows(table, raw, rows, header, "repaired.personal", used=used)
        words = masked
    return spread(words, codes, "text", index)


def parse_numbers(
    raw: RawTable,
    header: str,
    parser: Callable[[Any], Any],
    *,
    table: str,
    findings: Findings,
    bad: np.ndarray,
) -> tuple[np.ndarray, Reading]:
    """A column of numbers that mostly differ: plain ones at once, the others by ``parser``.

    Returns
    -------
    numbers : float, shape (rows,)
        NaN where the cell is no plain number.
    reading
        What the parser made of those other cells.
    """
    numbers = plain_numbers(raw.frame[header])
    rest = np.isnan(numbers)
    if not rest.any():
        return numbers, Reading(np.full(len(numbers), -1), [])
    reading = read_cells(raw, header, parser, table=table, findings=findings, bad=bad, only=rest)
    return numbers, reading


def plain_numbers(cells: pd.Series) -> np.ndarray:
    """The cells that are numbers, or text that is one with at most one point or comma; else NaN."""
    if isinstance(cells.dtype, pd.ArrowDtype):
        kind = cells.dtype.pyarrow_dtype
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return _from_text(pa.chunked_array(pa.array(cells)))
    if pd.api.types.is_bool_dtype(cells.dtype):
        return np.full(len(cells), np.nan)
    if pd.api.types.is_numeric_dtype(cells.dtype):
        made = cells.to_numpy(dtype="float64", na_value=np.nan)
    elif cells.dtype == object and pd.api.types.infer_dtype(cells, skipna=True) in _NUMBERS:
        made = pd.to_numeric(cells).to_numpy(dtype="float64", na_value=np.nan)
    elif cells.dtype == object:
        made = np.array(
            [float(c) if type(c) in (int, float) else np.nan for c in cells], dtype="float64"
        )
        words = [c if isinstance(c, str) else None for c in cells]
        text = _from_text(pa.chunked_array([pa.array(words, pa.string())]))
        made = np.where(np.isnan(made), text, made)
    else:
        return np.full(len(cells), np.nan)
    return np.where(np.isfinite(made), made, np.nan)


_NUMBERS: Final = {"floating", "integer", "mixed-integer-float"}


def _from_text(cells: pa.ChunkedArray) -> np.ndarray:
    try:
        made = pc.cast(pc.if_else(pc.equal(cells, ""), None, cells), pa.float64())
        found = made.to_numpy()
        if np.isfinite(found[~np.isnan(found)]).all() and not pc.any(pc.is_nan(made)).as_py():
            return np.asarray(found, dtype="float64")
    except pa.ArrowInvalid:
        pass
    fits = pc.match_substring_regex(cells, _PLAIN_NUMBER)
    trimmed = pc.replace_substring(pc.utf8_trim_whitespace(cells), ",", ".")
    chosen = pc.if_else(fits, trimmed, None)
    return np.asarray(pc.cast(chosen, pa.float64()).to_numpy(), dtype="float64")


def spread(cells: Sequence[Any], codes: np.ndarray, kind: Kind, index: pd.Index) -> pd.Series:
    """Values by code (-1: missing) as a column of the schema's kind; missing stays missing."""
    known = np.array([cell is not None for cell in cells] + [False], dtype=bool)
    if kind in {"text", "ids"}:
        made = np.empty(len(cells) + 1, dtype=object)
        for i, cell in enumerate(cells):
            made[i] = cell
        return pd.Series(made[codes], index=index, dtype=object, copy=False)
    if kind == "date":
        days = [np.datetime64("NaT") if c is None else np.datetime64(c) for c in cells]
        stamps = np.array([*days, np.datetime64("NaT")], dtype="datetime64[ns]")
        return pd.Series(stamps[codes], index=index, copy=False)
    if kind == "number":
        figures = np.array([np.nan if c is None else c for c in cells] + [np.nan], dtype="float64")
        return pd.Series(figures[codes], index=index, copy=False)
    if kind == "boolean":
        flags = np.array([bool(c) for c in cells] + [False], dtype=bool)
        answers = pd.arrays.BooleanArray(flags[codes], ~known[codes])
        return pd.Series(answers, index=index, copy=False)
    whole = np.array([0 if c is None else c for c in cells] + [0], dtype="int64")
    counts = pd.arrays.IntegerArray(whole[codes], ~known[codes])
    return pd.Series(counts, index=index, copy=False)


def nothing(kind: Kind, index: pd.Index) -> pd.Series:
    """A column of the schema's kind in which all is unknown."""
    return spread([], np.full(len(index), -1), kind, index)


def add_missing(
    cells: Mapping[str, pd.Series] | pd.DataFrame, table: Table, geometry: gpd.GeoSeries
) -> gpd.GeoDataFrame:
    """A frame with every column of the table, in its order; absent ones unknown.

    ``geometry`` gives the index and the CRS.
    """
    index = geometry.index
    made = {
        column.name: cells[column.name] if column.name in cells else nothing(column.kind, index)
        for column in table.columns
    }
    # Not copied: the columns were made for this frame.
    return gpd.GeoDataFrame(
        made | {"geometry": geometry}, geometry="geometry", crs=geometry.crs, copy=False
    )


def make_ids(raw: RawTable, header: str | None, prefix: str) -> np.ndarray:
    """Ids as text, shape (rows,); rows without one get ``prefix`` and their number in the file."""
    if header is None:
        return np.array([f"{prefix}{row}" for row in raw.frame.index], dtype=object)
    cells = raw.frame[header]
    ready = _plain_words(cells)
    if ready is not None:
        return ready
    codes, distinct = distinct_cells(cells)
    words = [None if values.is_blank(cell) else values.text(cell) for cell in distinct]
    made = spread(words, codes, "text", raw.frame.index)
    own = [f"{prefix}{row}" for row in raw.frame.index[made.isna()]]
    made[made.isna()] = own
    return made.to_numpy()


def _plain_words(cells: pd.Series) -> np.ndarray | None:
    """The cells of a text column as they stand, if none of them is blank or needs folding."""
    if not isinstance(cells.dtype, pd.ArrowDtype) or cells.dtype.pyarrow_dtype != pa.string():
        return None
    if cells.empty:
        return None
    words = pa.chunked_array(pa.array(cells))
    spaced = pc.or_(pc.match_substring(words, " "), pc.invert(pc.ascii_is_printable(words)))
    if words.null_count or pc.any(spaced).as_py():
        return None
    nothing_said = ["", "-", "--", "?", *blanks()]
    if pc.min(pc.binary_length(words)).as_py() <= max(map(len, nothing_said)):
        blank = pc.is_in(pc.utf8_lower(words), value_set=pa.array(nothing_said))
        if pc.any(blank).as_py():
            return None
    return np.asarray(words.to_numpy(zero_copy_only=False), dtype=object)
