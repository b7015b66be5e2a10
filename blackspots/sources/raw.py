"""Opening a file: its tables as they stand, every cell with its row number."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import python_calamine
from pyproj import CRS

from blackspots.errors import BlackspotsError
from blackspots.sources import values

VECTOR: Final = (".gpkg", ".geojson", ".json", ".shp", ".fgb")
SHEETS: Final = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
TEXT: Final = (".csv", ".tsv", ".txt")
_DELIMITERS: Final = (",", ";", "\t", "|")
_TITLE_LINES: Final = 10
"""How many lines may stand above a header."""


@dataclass(frozen=True, slots=True)
class RawTable:
    """Cells as read; the frame's index is the row number in the file.

    For spreadsheets and text the header is row 1; for vector files the first feature is row 1.
    """

    file: str
    sheet: str | None
    frame: pd.DataFrame
    geometry: gpd.GeoSeries | None = None
    crs: CRS | None = None

    @property
    def where(self) -> str:
        """File and sheet, for messages."""
        return f"{self.file} [{self.sheet}]" if self.sheet else self.file


@dataclass(frozen=True, slots=True)
class Source:
    """Where one table comes from, as a study says it.

    ``layer`` names a layer or sheet; ``crs`` goes before what the file says; ``columns`` maps
    columns of the table to headers; ``keep`` maps headers to the values of wanted rows.
    """

    path: Path
    layer: str | None = None
    crs: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, Any] = field(default_factory=dict)

    def tables(self) -> list[RawTable]:
        """All tables of the file, the unwanted rows left out."""
        return [filtered(raw, self.keep) for raw in read_raw(self.path, layer=self.layer)]

    def table(self, name: str) -> RawTable:
        """The one table of the file, which is called ``name`` in messages.

        Raises
        ------
        BlackspotsError
            ``several-layers`` or ``empty-layer``.
        """
        tables = self.tables()
        if len(tables) > 1:
            have = ", ".join(str(t.sheet) for t in tables)
            raise BlackspotsError("several-layers", file=self.path.name, have=have)
        if tables[0].frame.empty:
            raise BlackspotsError("empty-layer", file=tables[0].where, table=name)
        return tables[0]


def read_raw(path: Path, *, sheets: Sequence[str] = (), layer: str | None = None) -> list[RawTable]:
    """All tables of a file: every sheet, or those named; one layer, or those named.

    Raises
    ------
    BlackspotsError
        ``missing-input``, ``unreadable``, ``unknown-format``, ``unknown-sheet``,
        ``unknown-layer``, ``several-layers``, ``not-utf8`` or ``empty-file``.
    """
    if not path.is_file():
        raise BlackspotsError("missing-input", file=str(path))
    suffix = path.suffix.lower()
    if path.stat().st_size == 0:
        raise BlackspotsError("empty-file", file=path.name)
    if suffix in VECTOR:
        named: Sequence[str | None] = [layer] if layer else (sheets or [None])
        tables = [_read_vector(path, name) for name in named]
    elif suffix in SHEETS:
        tables = _read_workbook(path, [layer] if layer else sheets)
    elif suffix in TEXT:
        tables = [_read_text(path)]
    else:
        known = " ".join((*SHEETS, *TEXT, *VECTOR))
        raise BlackspotsError("unknown-format", file=path.name, known=known)
    return tables


def filtered(table: RawTable, wanted: Mapping[str, Any]) -> RawTable:
    """The rows whose columns hold one of the wanted values, as text.

    Raises
    ------
    BlackspotsError
        ``unknown-column`` when the table has no such column.
    """
    keep = np.ones(len(table.frame), dtype=bool)
    for column, one_or_more in wanted.items():
        if column not in table.frame.columns:
            raise unknown_column(table, column)
        allowed = one_or_more if isinstance(one_or_more, list) else [one_or_more]
        cells = table.frame[column].map(values.text)
        keep &= cells.isin([values.text(value) for value in allowed]).to_numpy()
    geometry = None if table.geometry is None else table.geometry[keep]
    return RawTable(table.file, table.sheet, table.frame[keep], geometry, table.crs)


def unknown_column(table: RawTable, column: str) -> BlackspotsError:
    """The error for a column that the study names and the table has not."""
    have = ", ".join(str(c) for c in table.frame.columns)
    return BlackspotsError("unknown-column", file=table.where, column=column, have=have)


def _read_vector(path: Path, layer: str | None) -> RawTable:
    try:
        names = [str(name) for name, _ in pyogrio.list_layers(path)]
    except (pyogrio.errors.DataSourceError, ValueError) as error:
        raise BlackspotsError("unreadable", file=path.name, problem=str(error)) from error
    if layer is not None and layer not in names:
        raise BlackspotsError("unknown-layer", file=path.name, layer=layer, have=", ".join(names))
    if layer is None and len(names) > 1:
        raise BlackspotsError("several-layers", file=path.name, have=", ".join(names))
    try:
        # Shapes that cannot exist (a line of one vertex) come as none and are rejected as rows.
        with warnings.catch_warnings():
            # Ids of features and time zones of the file play no part here.
            warnings.filterwarnings("ignore", category=RuntimeWarning, module="pyogrio")
            frame = pyogrio.read_dataframe(
                path, layer=layer or (names[0] if names else None), on_invalid="ignore"
            )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise BlackspotsError("unreadable", file=path.name, problem=str(error)) from error
    sheet = layer if len(names) > 1 else None
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    if not isinstance(frame, gpd.GeoDataFrame):
        return RawTable(path.name, sheet, frame.astype(object))
    cells = pd.DataFrame(frame.drop(columns=frame.geometry.name)).astype(object)
    return RawTable(path.name, sheet, cells, frame.geometry, frame.crs)


def _read_workbook(path: Path, sheets: Sequence[str]) -> list[RawTable]:
    try:
        with python_calamine.CalamineWorkbook.from_path(path) as book:
            missing = [name for name in sheets if name not in book.sheet_names]
            if missing:
                have = ", ".join(book.sheet_names)
                raise BlackspotsError("unknown-sheet", file=path.name, sheet=missing[0], have=have)
            found = [
                (name, book.get_sheet_by_name(name).to_python(skip_empty_area=False))
                for name in sheets or book.sheet_names
            ]
    except (python_calamine.CalamineError, OSError) as error:
        raise BlackspotsError("unreadable", file=path.name, problem=str(error)) from error
    tables = [
        _from_rows(path.name, name, [list(row) for row in rows])
        for name, rows in found
        if any(cell not in ("", None) for row in rows for cell in row)
    ]
    if not tables:
        raise BlackspotsError("empty-file", file=path.name)
    return tables


def _read_text(path: Path) -> RawTable:
    try:
        source = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BlackspotsError("not-utf8", file=path.name) from error
    except OSError as error:
        raise BlackspotsError("unreadable", file=path.name, problem=str(error)) from error
    try:
        # strict: a quote that never ends would swallow the rows after it without a word.
        lines = io.StringIO(source)
        rows: list[list[Any]] = list(csv.reader(lines, delimiter=_delimiter(source), strict=True))
    except csv.Error as error:
        raise BlackspotsError("unreadable", file=path.name, problem=str(error)) from error
    return _from_rows(path.name, None, rows)


def _delimiter(source: str) -> str:
    """The mark between cells, as the header shows it: the first line that is cut in three."""
    lines = source.split("\n", _TITLE_LINES)[:_TITLE_LINES]
    header = next((s for s in lines if max(map(s.count, _DELIMITERS)) > 1), lines[0])
    return max(_DELIMITERS, key=header.count)


def _from_rows(file: str, sheet: str | None, rows: list[list[Any]]) -> RawTable:
    """A table whose header is the first row with at least two filled cells."""
    filled = [sum(cell not in ("", None) for cell in row) for row in rows]
    top = next((i for i, n in enumerate(filled) if n > 1), None)
    if top is None:
        top = next((i for i, n in enumerate(filled) if n), None)
    if top is None:
        raise BlackspotsError("empty-file", file=file)
    names = _unique([str(cell).strip() for cell in rows[top]])
    numbers = [i + 1 for i in range(top + 1, len(rows)) if filled[i]]
    width = len(names)
    for i in numbers:
        if any(cell not in ("", None) for cell in rows[i - 1][width:]):
            # A comma inside a text that is not quoted would shift every later cell.
            raise BlackspotsError("row-too-long", file=file, sheet=sheet or "", row=i, count=width)
    cells = [(rows[i - 1] + [None] * width)[:width] for i in numbers]
    frame = pd.DataFrame(cells, columns=names, index=pd.Index(numbers, dtype="int64"), dtype=object)
    keep = [bool(name) for name in names]
    return RawTable(file, sheet, frame.loc[:, keep])


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 or not name else f"{name} ({seen[name]})")
    return result
