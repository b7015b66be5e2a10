"""A table as a file holds it: cells as they stand, each row with its number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from blackspots.errors import BlackspotsError
from blackspots.sources import values


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done to a table while it was opened, to many cells alike."""

    code: str
    count: int = 1
    column: str | None = None
    value: str | None = None
    used: str | None = None


@dataclass(frozen=True, slots=True)
class RawTable:
    """Cells as read; the frame's index is the row number in the file.

    For spreadsheets and text the first row is 1; for vector files the first feature is row 1.
    Columns are of any dtype: objects, Arrow text, numbers.
    """

    file: str
    sheet: str | None
    frame: pd.DataFrame
    geometry: gpd.GeoSeries | None = None
    crs: CRS | None = None
    repairs: tuple[Repair, ...] = ()

    @property
    def where(self) -> str:
        """File and sheet, for messages."""
        return f"{self.file} [{self.sheet}]" if self.sheet else self.file

    def rows(self, wanted: np.ndarray) -> RawTable:
        """Only the rows of a mask."""
        geometry = None if self.geometry is None else self.geometry[wanted]
        return replace(self, frame=self.frame[wanted], geometry=geometry)


def filtered(table: RawTable, wanted: Mapping[str, Any]) -> RawTable:
    """The rows whose columns hold one of the wanted values, as text.

    Raises
    ------
    BlackspotsError
        ``unknown-column`` when the table has no such column.
    """
    if not wanted:
        return table
    keep = np.ones(len(table.frame), dtype=bool)
    for column, one_or_more in wanted.items():
        if column not in table.frame.columns:
            raise unknown_column(table, column)
        allowed = one_or_more if isinstance(one_or_more, list) else [one_or_more]
        words = {values.text(value) for value in allowed}
        codes, distinct = distinct_cells(table.frame[column])
        good = np.array([values.text(cell) in words for cell in distinct] + [False], dtype=bool)
        keep &= good[codes]
    return table.rows(keep)


def distinct_cells(cells: pd.Series) -> tuple[np.ndarray, list[Any]]:
    """Which different values a column holds: a code for each row (-1: none), and the values.

    Values that Python holds equal though they are of different kinds (``True`` and 1) stay
    apart.
    """
    if cells.dtype != object:
        codes, distinct = pd.factorize(cells)
        return np.asarray(codes), list(distinct.tolist())
    array = cells.to_numpy(dtype=object)
    try:
        mixed = pd.api.types.infer_dtype(array, skipna=True) in _MIXED
        if not mixed:
            codes, found = pd.factorize(array)
            return np.asarray(codes), list(found)
    except TypeError:
        mixed = True
    return _apart(array)


_MIXED = {"mixed", "mixed-integer", "boolean", "unknown-array"}


def _apart(array: Iterable[Any]) -> tuple[np.ndarray, list[Any]]:
    seen: dict[Any, int] = {}
    distinct: list[Any] = []
    codes = []
    for cell in array:
        if cell is None or (pd.api.types.is_scalar(cell) and pd.isna(cell)):
            codes.append(-1)
            continue
        key = (type(cell), cell if pd.api.types.is_hashable(cell) else repr(cell))
        code = seen.setdefault(key, len(distinct))
        if code == len(distinct):
            distinct.append(cell)
        codes.append(code)
    return np.array(codes, dtype=np.intp), distinct


def failed_cells(counts: Mapping[str, int], example: str | None) -> tuple[Repair, ...]:
    """The entry for cells of failed formulas, which are unknown: one for a table.

    ``counts``: header to number of such cells, ``""`` where the column is not known.
    """
    total = sum(counts.values())
    if not total:
        return ()
    columns = ", ".join(name for name, count in counts.items() if name and count)
    return (Repair("doubtful.error-cells", total, columns or None, example),)


def unknown_column(table: RawTable, column: str) -> BlackspotsError:
    """The error for a column that the study names and the table has not."""
    have = ", ".join(str(c) for c in table.frame.columns)
    return BlackspotsError("unknown-column", file=table.where, column=column, have=have)
