"""The list of sites that people keep, read back: ids, status, owner, note.

The list is a workbook with a sheet that a person reads and fills in, and one hidden sheet that
holds where each site is, so that the next run knows it again. A row is known by its id alone:
it may be sorted, filtered and moved. A row that is deleted takes the site off the list; its id
stays in the hidden sheet and is not given again.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from blackspots import crs as crs_
from blackspots.errors import BlackspotsError, raise_all
from blackspots.labels import LANGUAGES, Term, text
from blackspots.presets.headers import plain
from blackspots.schema import LISTED, STATUSES, check
from blackspots.sources import values
from blackspots.sources.findings import Findings
from blackspots.sources.personal import mask
from blackspots.sources.raw import RawTable
from blackspots.sources.workbooks import read_cells

DATA: Final = "_blackspots"
"""Name of the hidden sheet."""
MARK: Final = "blackspots site list"
ENTERED: Final = ("status", "owner", "note")
"""What the user fills in."""
DATA_HEADER: Final = (
    *("site_id", "state", "kind", "label", "area", "first_listed", "last_listed"),
    *("status", "owner", "note", "geometry"),
)
CELL: Final = 32_000
"""Characters in a cell; Excel takes 32,767. What is longer runs on in the next cells."""

_ON, _OFF = "listed", "off"
_WORDS: Final = ("status", "status_text", "owner", "note")
_FINE: Final = 1.0
"""How far [m] the shape in the list may lie from the site's own."""


@dataclass(frozen=True, slots=True)
class SiteList:
    """What a list of sites says.

    ``sites``: :data:`blackspots.schema.LISTED`, those on the list. ``off``: the same of those
    that were taken off it. ``edited``: sites where something else stands than the list was
    written with, or that were taken off or put back. ``allowed``: columns of the user's that
    may leave the list as they are, with data of persons.
    """

    path: Path
    sites: gpd.GeoDataFrame
    off: gpd.GeoDataFrame
    edited: tuple[str, ...] = ()
    allowed: frozenset[str] = frozenset()

    @property
    def earlier(self) -> gpd.GeoDataFrame:
        """All sites as :func:`blackspots.screening.follow` takes them.

        Those off the list have no place, so that they are not found, but their ids are taken.
        Data of persons are masked: the user's words go into other files than the list.
        """
        nowhere = gpd.GeoSeries([None] * len(self.off), index=self.off.index, crs=self.off.crs)
        made = gpd.GeoDataFrame(
            pd.concat([self.sites, self.off.set_geometry(nowhere)]), crs=self.sites.crs
        )
        for column in {"owner", "note"} - self.allowed:
            made[column] = made[column].map(mask, na_action="ignore")
        return made

    def entries(self) -> dict[str, tuple[str, ...]]:
        """Site to what is entered beside it; only those where something is."""
        told = self.sites[list(_WORDS)].astype(object).fillna("")
        rows = zip(told.index, told.itertuples(index=False, name=None), strict=True)
        return {str(site): tuple(map(str, row)) for site, row in rows if any(row)}


def data_rows(sites: gpd.GeoDataFrame, off: gpd.GeoDataFrame) -> Iterator[list[Any]]:
    """The rows of the hidden sheet; frames as in :class:`SiteList`."""
    yield [MARK, 1, sites.crs.to_string()]
    yield list(DATA_HEADER)
    for frame, state in ((sites, _ON), (off, _OFF)):
        thin = shapely.simplify(frame.geometry.to_numpy(), _FINE)
        shapes = ["" if s is None else shapely.to_wkt(s, rounding_precision=1) for s in thin]
        row: Any
        for row, shape in zip(frame.itertuples(), shapes, strict=True):
            told = (row.area, row.first_listed, row.last_listed)
            status = row.status if isinstance(row.status, str) else row.status_text
            cells = [row.Index, state, row.kind, row.label, *told, status, row.owner, row.note]
            pieces = [shape[i : i + CELL] for i in range(0, len(shape), CELL)]
            yield [None if _is_empty(cell) else cell for cell in (*cells, *pieces)]


def _is_empty(cell: Any) -> bool:
    return cell is None or cell == "" or bool(pd.isna(cell))


def read_site_list(
    path: Path,
    target: CRS,
    findings: Findings | None = None,
    *,
    allowed: Collection[str] = (),
) -> SiteList:
    """The sites of a list, with what stands beside them now.

    Parameters
    ----------
    target
        CRS in which the sites are wanted.
    findings
        Gets the cells that cannot be understood: a status that is none, which stays in the
        list as it is, and words beside no site. Without it they are passed over.
    allowed
        Headers whose cells may leave the list with data of persons.

    Raises
    ------
    BlackspotsError
        ``sites-foreign`` when the file is no such list or has lost its hidden sheet,
        ``sites-column`` when a column is gone; all together, every ``sites-unknown-id`` and
        ``sites-twice``; or what opening the file says.
    """
    sheets = read_cells(path)
    known, was = _hidden(path.name, sheets.pop(DATA, []), target)
    tables = [made for name, rows in sheets.items() if (made := _table(path.name, name, rows))]
    if not tables:
        raise BlackspotsError("sites-foreign", file=path.name)
    typed = _of_sites(path.name, known.index, tables, findings or Findings())
    on = np.array([site in typed for site in known.index], dtype=bool)
    made = known.copy()
    for position, column in enumerate(_WORDS):
        now = {site: one.words[position] for site, one in typed.items()}
        words = [now.get(site, word) for site, word in zip(known.index, known[column], strict=True)]
        made[column] = pd.Series(words, index=known.index, dtype="object")
    before, after = (each[list(_WORDS)].astype(object).fillna("") for each in (known, made))
    edited = (on != was) | (on & (before != after).any(axis=1).to_numpy())
    free = {plain(header) for header in allowed}
    heads = {column: table.heads[column] for table in tables for column in ENTERED}
    open_ = frozenset(column for column, header in heads.items() if plain(header) in free)
    names = tuple(map(str, known.index[edited]))
    return SiteList(path, made[on], made[~on], names, open_)


def _hidden(
    file: str, data: Sequence[Sequence[Any]], target: CRS
) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """The sites of the hidden sheet as the list was written, and which were on it."""
    foreign = BlackspotsError("sites-foreign", file=file)
    try:
        (mark, _, source, *_), header, *below = data
        rows = [row for row in below if any(_words(cell) for cell in row)]
        if mark != MARK or tuple(header[: len(DATA_HEADER)]) != DATA_HEADER:
            raise foreign
        known, on = _known(rows, CRS.from_user_input(source), target)
        check(known, LISTED)
    except (ValueError, TypeError, CRSError, shapely.errors.GEOSException) as error:
        raise foreign from error
    return known, on


def _known(
    rows: Sequence[Sequence[Any]], source: CRS, target: CRS
) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """The same from cells as they stand.

    Raises
    ------
    ValueError, TypeError, GEOSException
        A cell that no run has written.
    """
    plain_ = len(DATA_HEADER) - 1
    told = [[_words(cell) for cell in row[:plain_]] for row in rows]
    frame = pd.DataFrame(told, columns=list(DATA_HEADER[:plain_]), dtype="object")
    parsed = [_status(word) for word in frame["status"]]
    for position, column in enumerate(("status", "status_text")):
        frame[column] = pd.Series([each[position] for each in parsed], dtype="object")
    for column in ("area", "owner", "note"):
        frame[column] = frame[column].where(frame[column] != "", None)
    for column in ("first_listed", "last_listed"):
        frame[column] = pd.to_numeric(frame[column]).astype("Int64")
    wkt = ["".join(str(cell) for cell in row[plain_:] if cell is not None) for row in rows]
    shapes = gpd.GeoSeries(
        shapely.from_wkt([shape or None for shape in wkt]), index=frame.index, crs=source
    )
    shapes = crs_.reproject(shapes, target)
    there = shapes[shapes.notna()]
    if frame["site_id"].eq("").any() or not np.isfinite(there.bounds.to_numpy()).all():
        raise ValueError
    names = [column.name for column in LISTED.columns]
    made = gpd.GeoDataFrame(frame[names], geometry=shapes, crs=target)
    made.index = pd.Index(frame["site_id"], name=LISTED.index, dtype="object")
    return made, (frame["state"] == _ON).to_numpy(dtype=bool)


def _words(cell: Any) -> str:
    """What a person wrote in a cell, with its line ends."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        lines = unicodedata.normalize("NFC", cell).replace("\r\n", "\n").split("\n")
        return "\n".join(line.strip() for line in lines).strip()
    return values.text(cell)


def _status(word: str) -> tuple[str | None, str | None]:
    """The status that a word stands for, and the word itself where it stands for none."""
    code = _statuses().get(plain(word))
    return code, word if code is None and plain(word) else None


@cache
def _statuses() -> dict[str, str]:
    return {
        plain(word): code
        for code in STATUSES
        for word in (code, *(text(f"status.{code}", language) for language in LANGUAGES))
    }


@dataclass(frozen=True, slots=True)
class _Typed:
    """One row of a sheet: ``words`` are those of the columns that the user fills in."""

    sheet: str
    row: int
    site: str
    words: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """A sheet with sites; ``heads``: column to its header as it stands."""

    heads: Mapping[str, str]
    rows: Sequence[_Typed]


def _table(file: str, sheet: str, cells: Sequence[Sequence[Any]]) -> _Table | None:
    """The rows below the header, in whichever language; None where there is no header.

    Raises
    ------
    BlackspotsError
        ``sites-column``.
    """
    wanted = {
        column: {plain(text(f"column.{column}", language)) for language in LANGUAGES}
        for column in ("site_id", *ENTERED)
    }
    for number, row in enumerate(cells, 1):
        words = [plain(_words(cell)) for cell in row]
        at = {
            column: next((i for i, word in enumerate(words) if word in names), None)
            for column, names in wanted.items()
        }
        if at["site_id"] is None or list(at.values()).count(None) == len(ENTERED):
            continue
        gone = [column for column, place in at.items() if place is None]
        if gone:
            column = Term(f"column.{gone[0]}")
            raise BlackspotsError("sites-column", file=file, sheet=sheet, column=column)
        heads = {column: _words(row[place]) for column, place in at.items() if place is not None}
        below = (
            _typed(sheet, n, [_words(cells[place]) for place in at.values() if place is not None])
            for n, cells in enumerate(cells[number:], number + 1)
        )
        return _Table(heads, [each for each in below if each.site or any(each.words)])
    return None


def _typed(sheet: str, row: int, words: Sequence[str]) -> _Typed:
    site, status, *others = words
    return _Typed(sheet, row, site, (*_status(status), *(word or None for word in others)))


def _of_sites(
    file: str, known: pd.Index, tables: Sequence[_Table], findings: Findings
) -> dict[str, _Typed]:
    """Site to its row.

    Raises
    ------
    BlackspotsError
        ``sites-unknown-id``, ``sites-twice``.
    """
    made: dict[str, _Typed] = {}
    wrong = []
    names = set(known)
    for table in tables:
        for one in table.rows:
            raw = RawTable(file, one.sheet, pd.DataFrame())
            odd = one.words[1]
            where = {"file": file, "sheet": one.sheet, "row": str(one.row)}
            where |= {"column": table.heads["site_id"], "value": one.site}
            first = made.get(one.site)
            if not one.site:
                told = next(word for word in one.words if word)
                findings.reject("sites", raw, one.row, where["column"], told, "no-site-id")
            elif one.site not in names:
                wrong.append(BlackspotsError("sites-unknown-id", **where))
            elif first is None:
                made[one.site] = one
                if odd:
                    head = table.heads["status"]
                    findings.reject("sites", raw, one.row, head, odd, "no-such-status")
            elif first.words != one.words:
                wrong.append(BlackspotsError("sites-twice", first=str(first.row), **where))
    raise_all(wrong)
    return made
