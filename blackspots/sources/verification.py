"""The field-verification list read back: what was seen where a crossing seemed to be.

The list is a workbook with a sheet that a person fills in, and one hidden sheet that holds where
each place is and what it seemed to be, so that an answer stays one whatever the next run finds. A
row is known by its id alone: it may be sorted, filtered and moved. A row that is deleted says
nothing: its place is listed again if it is found again.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS
from pyproj.exceptions import CRSError

from blackspots import crs as crs_
from blackspots.errors import BlackspotsError
from blackspots.labels import LANGUAGES, Term, text
from blackspots.presets.headers import plain
from blackspots.schema.rail import PROTECTIONS
from blackspots.sources import values
from blackspots.sources.findings import Findings
from blackspots.sources.personal import mask
from blackspots.sources.raw import RawTable
from blackspots.sources.workbooks import read_cells

DATA: Final = "_blackspots"
"""Name of the hidden sheet."""
MARK: Final = "blackspots verification list"
ANSWERS: Final = ("crossing", "path", "nothing", "bridge", "unreached")
"""What is there: a crossing, a self-opened path, no crossing, a bridge or underpass; or nobody
got there."""
ENTERED: Final = ("there", "width", "protection", "vehicles", "persons", "checked", "note")
"""What the user fills in: what is there, width [m], what guards it, vehicles and persons [1/day],
date of the visit, note. Who was there is not asked: it would be data of a person."""
WORDS: Final[Mapping[str, tuple[str, ...]]] = {"there": ANSWERS, "protection": PROTECTIONS}
"""Columns with words to choose from; the words stand below ``verify.there.`` and the like."""
FACTS: Final = (
    *("outcome", "reasons", "line", "road_name", "road_class"),
    *("confidence", "measure", "km", "tracks", "main_tracks"),
)
"""What the list knows of a place, texts first."""
_TEXTS: Final = 5
DATA_HEADER: Final = ("verify_id", "x", "y", *FACTS, *ENTERED)
_NUMBERS: Final = ("width", "vehicles", "persons")


@dataclass(frozen=True, slots=True)
class Verified:
    """What a field-verification list says.

    ``places``: every place of the list, index ``verify_id``; :data:`FACTS`; a point.
    ``entries``: those beside which something is entered, with ``answer`` (of :data:`ANSWERS`),
    ``width`` [m], ``protection`` (of :data:`blackspots.schema.PROTECTIONS`), ``vehicles`` and
    ``persons`` [1/day], ``checked`` (date), ``note`` (data of persons masked), ``source_sheet``,
    ``source_row``, and ``cells``: what is to stand in the next list, in the order of
    :data:`ENTERED`: a code, number, date or text; the words themselves where they are not
    understood. ``edited``: places where something else stands than the list was written with.
    ``strays``: ids of rows with entries that are of no place in the list.
    """

    path: Path
    places: gpd.GeoDataFrame
    entries: gpd.GeoDataFrame
    edited: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()

    def states(self) -> dict[str, tuple[str, ...]]:
        """Place to what is entered beside it, the same in every language."""
        rows = zip(self.entries.index, self.entries["cells"], strict=True)
        return {str(place): tuple(map(_said, cells)) for place, cells in rows}


def data_rows(places: gpd.GeoDataFrame, cells: Sequence[Sequence[Any]]) -> Iterator[list[Any]]:
    """The rows of the hidden sheet.

    Parameters
    ----------
    places
        As in :class:`Verified`.
    cells
        What stands in the columns of :data:`ENTERED` beside each place, in words.
    """
    yield [MARK, 1, places.crs.to_string()]
    yield list(DATA_HEADER)
    spots = zip(places.geometry.x.round(2), places.geometry.y.round(2), strict=True)
    facts = places[list(FACTS)].itertuples(index=False, name=None)
    for place, spot, known, entered in zip(places.index, spots, facts, cells, strict=True):
        told = [None if _is_empty(cell) else cell for cell in known]
        yield [str(place), *spot, *told, *(_said(cell) or None for cell in entered)]


def _is_empty(cell: Any) -> bool:
    return cell is None or cell == "" or bool(pd.isna(cell))


def read_verification(path: Path, target: CRS, findings: Findings | None = None) -> Verified:
    """What stands in a field-verification list now.

    Parameters
    ----------
    target
        CRS in which the places are wanted.
    findings
        Gets the cells that cannot be understood, each with its sheet, row and column: an answer
        that is none, a figure that is none. That cell is unknown, the rest of the row is used;
        the words stay in the next list. It also gets entries beside no place, and all but the
        last of several rows of one place that say different things.

    Raises
    ------
    BlackspotsError
        ``verification-foreign`` when the file is no such list or has lost its hidden sheet,
        ``verification-column`` when a column is gone; or what opening the file says.
    """
    found = findings or Findings()
    sheets = read_cells(path)
    places, was = _hidden(path.name, sheets.pop(DATA, []), target)
    read = (_table(path.name, name, rows) for name, rows in sheets.items())
    tables = [table for table in read if table is not None]
    if not tables:
        raise BlackspotsError("verification-foreign", file=path.name)
    typed, strays = _of_places(path.name, set(places.index), tables, found)
    own = [place for place in places.index if place in typed]
    parsed = [_parsed(path.name, typed[place], found) for place in own]
    columns = ["answer", *ENTERED[1:], "source_sheet", "source_row", "cells"]
    frame = pd.DataFrame(
        {
            name: pd.Series(list(each), dtype="object")
            for name, each in zip(columns, zip(*parsed, strict=True), strict=True)
        }
        if parsed
        else {name: pd.Series([], dtype="object") for name in columns}
    ).set_axis(pd.Index(own, dtype="object", name="verify_id"))
    frame = frame.astype(dict.fromkeys(_NUMBERS, "float64"))
    frame["checked"] = pd.to_datetime(frame["checked"]).astype("datetime64[ns]")
    frame["source_row"] = frame["source_row"].astype("int64")
    entries = places.loc[own].join(frame)
    now = {place: tuple(map(_said, one.cells)) for place, one in typed.items()}
    empty = ("",) * len(ENTERED)
    edited = tuple(p for p in places.index if now.get(p, empty) != was[p])
    return Verified(path, places, gpd.GeoDataFrame(entries, crs=target), edited, strays)


def _hidden(
    file: str, data: Sequence[Sequence[Any]], target: CRS
) -> tuple[gpd.GeoDataFrame, dict[str, tuple[str, ...]]]:
    """The places of the hidden sheet, and what stood beside them when the list was written."""
    foreign = BlackspotsError("verification-foreign", file=file)
    try:
        (mark, _, source, *_), header, *below = data
        if mark != MARK or tuple(header[: len(DATA_HEADER)]) != DATA_HEADER:
            raise foreign
        rows = [row[: len(DATA_HEADER)] for row in below if any(map(_said, row))]
        frame = pd.DataFrame(rows, columns=list(DATA_HEADER), dtype="object")
        xy = frame[["x", "y"]].apply(pd.to_numeric).to_numpy("float64")
        x, y = crs_.transform(xy[:, 0], xy[:, 1], CRS.from_user_input(source), target)
        ids = [_said(cell) for cell in frame["verify_id"]]
        known = {name: _fact(frame[name]) for name in FACTS}
    except (ValueError, TypeError, CRSError) as error:
        raise foreign from error
    if not all(ids) or len(set(ids)) < len(ids) or not np.isfinite([x, y]).all():
        raise foreign
    places = gpd.GeoDataFrame(known, geometry=gpd.points_from_xy(x, y), crs=target)
    places.index = pd.Index(ids, name="verify_id", dtype="object")
    was = frame[list(ENTERED)].itertuples(index=False, name=None)
    told = {place: tuple(map(_said, row)) for place, row in zip(ids, was, strict=True)}
    return places, told


def _fact(cells: pd.Series) -> pd.Series:
    """A column of the hidden sheet; empty cells are unknown."""
    if cells.name in FACTS[:_TEXTS]:
        return pd.Series([_said(cell) or None for cell in cells], dtype="object")
    numbers: pd.Series = pd.to_numeric(cells.where(cells != "", None)).astype("float64")
    if cells.name in {"tracks", "main_tracks"}:
        return numbers.astype("Int64")
    return numbers


def _said(cell: Any) -> str:
    """A cell in plain text: what a person wrote, with its line ends; a day as 2024-05-31."""
    if _is_empty(cell):
        return ""
    if isinstance(cell, dt.date):  # a datetime and a Timestamp are ones
        return f"{cell:%Y-%m-%d}"
    if isinstance(cell, str):
        lines = unicodedata.normalize("NFC", cell).replace("\r\n", "\n").split("\n")
        return "\n".join(line.strip() for line in lines).strip()
    return values.text(cell)


@dataclass(frozen=True, slots=True)
class _Typed:
    """One row of a sheet: ``cells`` are those of the columns that the user fills in."""

    sheet: str
    row: int
    place: str
    cells: tuple[Any, ...]
    heads: Mapping[str, str]

    @property
    def told(self) -> str:
        """All that is entered, for a finding."""
        return "; ".join(word for cell in self.cells if (word := _said(cell)))


def _table(file: str, sheet: str, cells: Sequence[Sequence[Any]]) -> list[_Typed] | None:
    """The rows below the header, in whichever language; None where there is no header.

    Raises
    ------
    BlackspotsError
        ``verification-column``.
    """
    wanted = {
        column: {plain(text(f"verify.head.{column}", language)) for language in LANGUAGES}
        for column in ("verify_id", *ENTERED)
    }
    for number, row in enumerate(cells, 1):
        words = [plain(_said(cell)) for cell in row]
        at = {
            column: next((i for i, word in enumerate(words) if word in names), None)
            for column, names in wanted.items()
        }
        known = {column: place for column, place in at.items() if place is not None}
        if "verify_id" not in known or len(known) == 1:
            continue
        gone = [column for column in at if column not in known]
        if gone:
            column = Term(f"verify.head.{gone[0]}")
            raise BlackspotsError("verification-column", file=file, sheet=sheet, column=column)
        heads = {column: _said(row[place]) for column, place in known.items()}
        below = []
        for n, line in enumerate(cells[number:], number + 1):
            place, *entered = (line[i] for i in known.values())
            below.append(_Typed(sheet, n, _said(place), tuple(entered), heads))
        return below
    return None


def _of_places(
    file: str, known: set[str], tables: Sequence[Sequence[_Typed]], findings: Findings
) -> tuple[dict[str, _Typed], tuple[str, ...]]:
    """Place to its row, of those with entries; and the rows that are of no place.

    Of several rows of one place the last one with entries is used.
    """
    made: dict[str, _Typed] = {}
    strays = []
    for one in (row for table in tables for row in table if row.told):
        raw = RawTable(file, one.sheet, pd.DataFrame())
        if not one.place:
            strays.append(f"{one.sheet} {one.row}")
            head = one.heads["verify_id"]
            findings.reject("verification", raw, one.row, head, one.told, "no-place-id")
        elif one.place not in known:
            strays.append(one.place)
            head = one.heads["verify_id"]
            findings.reject("verification", raw, one.row, head, one.place, "place-not-listed")
        else:
            earlier = made.get(one.place)
            if earlier is not None and earlier.told != one.told:
                raw = RawTable(file, earlier.sheet, pd.DataFrame())
                head = earlier.heads["there"]
                findings.reject(
                    "verification", raw, earlier.row, head, earlier.told, "answered-again"
                )
            made[one.place] = one
    return made, tuple(strays)


def _parsed(file: str, one: _Typed, findings: Findings) -> tuple[Any, ...]:
    """The values of a row, its sheet and number, and what is to stand in the next list."""
    raw = RawTable(file, one.sheet, pd.DataFrame())
    read: list[Any] = []
    keep: list[Any] = []
    for column, cell in zip(ENTERED, one.cells, strict=True):
        value = None
        if _said(cell):
            try:
                value = _PARSERS[column](cell)
            except values.Unreadable as error:
                head = one.heads[column]
                findings.reject("verification", raw, one.row, head, cell, error.code)
        read.append(mask(value) if column == "note" and value else value)
        keep.append(_said(cell) if value is None else value)
    return (*read, one.sheet, one.row, tuple(keep))


def _answer(cell: Any) -> str:
    return _chosen("there", cell, "not-an-answer")


def _protection(cell: Any) -> str:
    return _chosen("protection", cell, "not-a-protection")


def _chosen(column: str, cell: Any, code: str) -> str:
    """The code of a word to choose, in whichever language."""
    known = _codes(column).get(plain(_said(cell)))
    if known is None:
        raise values.Unreadable(code)
    return known


@cache
def _codes(column: str) -> dict[str, str]:
    return {
        plain(word): code
        for code in WORDS[column]
        for word in (code, *(text(f"verify.{column}.{code}", each) for each in LANGUAGES))
    }


def _day(cell: Any) -> dt.date:
    day = values.day(cell)
    return day.value if isinstance(day, values.Noted) else day


def _amount(cell: Any) -> float:
    return values.amount(cell)


_PARSERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "there": _answer,
    "width": _amount,
    "protection": _protection,
    "vehicles": _amount,
    "persons": _amount,
    "checked": _day,
    "note": _said,
}
