"""The crash register."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from blackspots.errors import BlackspotsError
from blackspots.schema import CRASHES, Kind, check
from blackspots.sources import personal, posts, values
from blackspots.sources.bearings import read_bearings
from blackspots.sources.columns import (
    Headers,
    add_missing,
    make_ids,
    match,
    parse_column,
    read_cells,
    read_sparing,
    read_words,
    spread,
)
from blackspots.sources.dates import Period, date_columns, read_dates
from blackspots.sources.duplicates import find_duplicates
from blackspots.sources.extent import Extent, extent_of
from blackspots.sources.files import read_raw
from blackspots.sources.findings import Findings
from blackspots.sources.points import points
from blackspots.sources.proposals import Proposal, UnconfirmedHeaders, propose
from blackspots.sources.raw import RawTable, distinct_cells, filtered, unknown_column
from blackspots.sources.severity import COUNTS, read_severity, vocabulary
from blackspots.sources.totals import only_rows

_WORDS: Final = ("crash_type", "mode", "cause", "district")
_SPARED: Final[tuple[tuple[str, Callable[[Any], Any], Kind, str], ...]] = (
    ("road_layer", values.integer, "integer", "doubtful.road-layer-unread"),
)
"""Columns that a crash can do without: parser, kind, and the remark on what cannot be read."""
_PLACES: Final = ("lat", "lon", "coordinates", "y", "x")

_RESTART: Final = 5
_COLUMNS: Final = 2
"""Columns of a register that a sheet must have to be taken for one."""
_MOST: Final = 0.5
_SAMPLE: Final = 500


@dataclass(frozen=True, slots=True)
class Register:
    """Crashes, how many rows were read, and headers that were left behind.

    ``dropped`` names headers that no column of the table stands for: whatever the study has
    not asked for ends here; ``personal`` names those among them, or among the used ones,
    that hold personal data.
    """

    crashes: gpd.GeoDataFrame
    read: int
    dropped: tuple[str, ...]
    personal: tuple[str, ...] = ()

    def with_crashes(self, crashes: gpd.GeoDataFrame) -> Register:
        """The register with another table of the same crashes."""
        return replace(self, crashes=crashes)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What the study says of every table of the register."""

    target: CRS
    crs: str | None
    words: Mapping[str, str]
    period: Period
    month_first: bool
    extent: Extent | None
    allowed: tuple[str, ...]


def read_crashes(
    paths: Sequence[Path],
    target: CRS,
    findings: Findings,
    *,
    sheets: Sequence[str] = (),
    crs: str | None = None,
    columns: Headers | None = None,
    severity: Mapping[str, str] | None = None,
    keep: Mapping[str, Any] | None = None,
    encoding: str | None = None,
    allowed: Sequence[str] = (),
    boundary: gpd.GeoSeries | None = None,
    tolerance: float = 50.0,
    extent: Extent | None = None,
    period: tuple[date | None, date | None] = (None, None),
    month_first: bool = False,
) -> Register:
    """Read the register: all files, all sheets, as one table.

    Parameters
    ----------
    target
        Metric CRS of the study.
    findings
        Collects every row that is refused, and what was done to others.
    sheets
        Names of the sheets to read; all when empty. Of several sheets, those without any
        column of a register are left out, and said to be.
    columns, severity
        What the study says of headers and severity words, before the known ones.
    keep
        Column to wanted values: other rows are not read.
    encoding
        Of text files, where it is not to be found out.
    allowed
        Headers of personal data that may be used.
    boundary
        Study area; a crash outside it by more than ``tolerance`` [m] is rejected.
    extent
        Where the study is, to tell swapped coordinates and wrong grids; the boundary's when
        not given.
    period
        First and last day; a crash outside is rejected.
    month_first
        Dates with slashes are mm/dd/yyyy.

    Returns
    -------
    Register
        ``crashes`` keeps to :data:`blackspots.schema.CRASHES`.

    Raises
    ------
    BlackspotsError
        The files cannot be read, the headers are not understood, or no crash is left.
    """
    bounds = None
    if boundary is not None:
        bounds = extent_of(target, boundary=boundary, tolerance=tolerance)
    if bounds is not None and extent is not None:
        bounds = replace(bounds, lines=extent.lines)
    rules = _Rules(
        target=target,
        crs=crs,
        words=vocabulary(severity or {}),
        period=period,
        month_first=month_first,
        extent=bounds or extent,
        allowed=tuple(allowed),
    )
    seen = _Seen()
    tables = _tables(paths, sheets, encoding, keep or {}, findings)
    parts = list(_parts(tables, seen, findings, rules, columns or {}, bool(sheets)))
    if not parts or seen.read == 0:
        raise BlackspotsError("no-crashes", file=", ".join(p.name for p in paths))
    crashes = parts[0] if len(parts) == 1 else pd.concat(parts)
    del parts
    if bounds is not None:
        out = crashes.geometry.notna().to_numpy() & ~bounds.holds(
            crashes.geometry.x.to_numpy(), crashes.geometry.y.to_numpy()
        )
        crashes = _refuse(crashes, out, _PLACES, "outside-area", seen, findings)
    _refuse_restarts(crashes)
    again = crashes.index.duplicated()
    crashes = _refuse(crashes, again, ("crash_id",), "duplicate-id", seen, findings)
    said = crashes["duplicate"].fillna(False).to_numpy(dtype=bool)
    crashes = _refuse(crashes, said, ("duplicate",), "said-duplicate", seen, findings)
    if crashes.empty:
        raise findings.nothing_left("crashes", seen.read)
    repeats = find_duplicates(crashes)
    crashes["duplicate_of"] = repeats.where(crashes["duplicate"].isna(), None)
    crashes.index.name = CRASHES.index
    check(crashes, CRASHES)
    return Register(crashes, seen.read, tuple(seen.dropped), tuple(seen.personal))


def _tables(
    paths: Sequence[Path],
    sheets: Sequence[str],
    encoding: str | None,
    keep: Mapping[str, Any],
    findings: Findings,
) -> Iterator[RawTable]:
    """The tables of all files, the unwanted rows left out."""
    for path, name in zip(paths, _names(paths), strict=True):
        for as_read in read_raw(path, sheets=sheets, encoding=encoding):
            raw = replace(as_read, file=name)
            findings.opened("crashes", raw)
            yield filtered(raw, keep)


def _parts(
    tables: Iterator[RawTable],
    seen: _Seen,
    findings: Findings,
    rules: _Rules,
    columns: Headers,
    named: bool,  # noqa: FBT001 - whether the study names the sheets
) -> Iterator[gpd.GeoDataFrame]:
    """The crashes of each table; headers to confirm are told of all tables together."""
    unsure: list[tuple[str, list[Proposal]]] = []
    left: list[RawTable] = []
    known: dict[str, dict[str, None]] = {}
    missed: list[tuple[RawTable, set[str]]] = []
    read = 0
    for table in tables:
        absent: set[str] = set()
        found = match(table, "crashes", columns, allowed=rules.allowed, absent=absent)
        found = date_columns(table, found)
        missed.append((replace(table, frame=table.frame.iloc[:0], geometry=None), absent))
        for column, header in found.items():
            known.setdefault(column, {})[header] = None
        asked = propose(table, "crashes", found, columns.keys() - absent)
        if asked:
            unsure.append((table.where, asked))
            continue
        if table.sheet and not named and _is_no_register(table, found):
            left.append(table)
            continue
        _require(table, found)
        if unsure:
            continue
        seen.add(table, found)
        read += 1
        yield _one_table(table, found, findings, rules)
    _require_somewhere(missed, columns)
    if unsure:
        raise UnconfirmedHeaders("crashes", unsure, known)
    for table in left:
        if not read:
            _require(table, {})
        if len(table.frame):
            code = "doubtful.sheet-left-out"
            findings.remark_column("crashes", table, None, code, len(table.frame))


def _require_somewhere(missed: Sequence[tuple[RawTable, set[str]]], columns: Headers) -> None:
    """A header that the study names must be in some table of the register."""
    if not missed:
        return
    nowhere = set.intersection(*(absent for _, absent in missed))
    for column in columns:
        if column in nowhere:
            named = columns[column]
            raise unknown_column(missed[0][0], named if isinstance(named, str) else named[0])


class _Seen:
    """What was read so far: how much, what was left behind, and cells to show with rejects."""

    def __init__(self) -> None:
        self.read = 0
        self.dropped: dict[str, None] = {}
        self.personal: dict[str, None] = {}
        self._cells: dict[tuple[str, str | None], list[tuple[RawTable, dict[str, str]]]] = {}

    def add(self, table: RawTable, found: Mapping[str, str]) -> None:
        """Count a table in."""
        self.read += len(table.frame)
        used = set(found.values())
        for header in map(str, table.frame.columns):
            if header not in used:
                self.dropped[personal.mask(header)] = None
            if personal.header_kind(header):
                self.personal[personal.mask(header)] = None
        shown = {c: h for c, h in found.items() if c in {*_PLACES, "crash_id", "duplicate"}}
        slim = replace(table, frame=table.frame[list(dict.fromkeys(shown.values()))], geometry=None)
        self._cells.setdefault((table.file, table.sheet), []).append((slim, shown))

    def row(self, file: str, sheet: str | None, row: int) -> tuple[RawTable, dict[str, str]]:
        """The table that holds a row of a file, with its headers."""
        pieces = self._cells[file, sheet]
        return next(piece for piece in pieces if row in piece[0].frame.index)


def _names(paths: Sequence[Path]) -> list[str]:
    """What to call the files: their names, with as many folders as it takes to tell them apart."""
    names: list[str] = []
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            break
    return names


def _says_where(raw: RawTable, found: Mapping[str, str]) -> bool:
    """Whether a table places its rows: by geometry, coordinates, or km posts with their road."""
    pairs = ({"lon", "lat"}, {"x", "y"}, {"coordinates"}, {"km"})
    return raw.geometry is not None or any(pair <= found.keys() for pair in pairs)


def _is_no_register(raw: RawTable, found: Mapping[str, str]) -> bool:
    """Whether a sheet beside others holds something else: notes, totals.

    One that has days but no place is none of these: it must say where.
    """
    return "date" not in found and not _says_where(raw, found) and len(found) < _COLUMNS


def _require(raw: RawTable, found: Mapping[str, str]) -> None:
    """A register must say where."""
    if not _says_where(raw, found):
        have = ", ".join(str(c) for c in raw.frame.columns)
        raise BlackspotsError("no-location-columns", file=raw.where, have=have)


def _one_table(
    raw: RawTable, found: Mapping[str, str], findings: Findings, rules: _Rules
) -> gpd.GeoDataFrame:
    raw = only_rows(raw, found, findings)
    index, told = raw.frame.index, _telling(raw, findings)
    beside, of_posts = _telling(raw, Findings()), _telling(raw, Findings())
    # Coordinates take as long as all else, and for the greater part leave Python free.
    with ThreadPoolExecutor(1) as pool:
        place = partial(points, raw, found, rules.crs, rules.target, extent=rules.extent)
        waiting = pool.submit(place, **beside)
        frame = _attributes(raw, found, rules, told)
        _posts(raw, found, frame, of_posts)
        located = waiting.result()
    findings.add(beside["findings"])
    # A crash that has a coordinate can do without its km post.
    placed = of_posts["bad"] & located.geometry.notna().to_numpy()
    findings.add_sparing(of_posts["findings"], index[placed], "doubtful.km-unread")
    bad = told["bad"] | beside["bad"] | (of_posts["bad"] & ~placed)
    frame["uncertainty"] = located.uncertainty
    everywhere = np.zeros(len(index), dtype=int)
    frame["source_file"] = spread([raw.file], everywhere, "text", index)
    frame["source_sheet"] = spread([raw.sheet], everywhere, "text", index)
    frame["source_row"] = pd.Series(index.to_numpy(), index=index)
    prefix = f"{raw.file}:{raw.sheet}:" if raw.sheet else f"{raw.file}:"
    ids = make_ids(raw, _id_header(raw, found, rules, findings), prefix)
    made = add_missing(frame, CRASHES, located.geometry)
    made.index = pd.Index(ids, dtype="object", name=CRASHES.index)
    return made[~bad] if bad.any() else made


def _telling(raw: RawTable, findings: Findings) -> dict[str, Any]:
    """What the readers of columns note their problems in."""
    return {"table": "crashes", "findings": findings, "bad": np.zeros(len(raw.frame), dtype=bool)}


def _id_header(
    raw: RawTable, found: Mapping[str, str], rules: _Rules, findings: Findings
) -> str | None:
    """The column of ids, unless it holds plates, phones or names: ids stand on every output."""
    header = found.get("crash_id")
    if header is None or header in rules.allowed:
        return header
    some = distinct_cells(raw.frame[header].iloc[:_SAMPLE])[1]
    if personal.cells_kind(values.text(cell) for cell in some) is None:
        return header
    findings.remark_column("crashes", raw, header, "repaired.personal-column", len(raw.frame))
    return None


def _attributes(
    raw: RawTable, found: Mapping[str, str], rules: _Rules, told: dict[str, Any]
) -> dict[str, Any]:
    """All columns but those of the place."""
    frame: dict[str, Any] = {}
    frame["date"], frame["hour"] = read_dates(
        raw, found, period=rules.period, month_first=rules.month_first, told=told
    )
    for column in COUNTS:
        frame[column] = parse_column(raw, found.get(column), values.count, "integer", **told)
    frame["injured"] = frame["injured"].fillna(frame["serious"] + frame["slight"])
    for column in _WORDS:
        frame[column] = read_words(raw, found.get(column), allowed=rules.allowed, **told)
    for column in ("train_involved", "duplicate"):
        frame[column] = parse_column(raw, found.get(column), values.boolean, "boolean", **told)
    frame["bearing"] = read_bearings(raw, found.get("bearing"), **told)
    for column, parser, kind, code in _SPARED:
        frame[column] = read_sparing(raw, found.get(column), parser, kind, code, **told)
    frame["severity"] = read_severity(raw, found.get("severity"), frame, rules.words, told)
    return frame


def _route(cell: Any) -> str:
    """A road number; what is none is text, and may hold anything."""
    return personal.mask_road(posts.route(cell))


def _posts(
    raw: RawTable, found: Mapping[str, str], frame: dict[str, Any], told: dict[str, Any]
) -> None:
    """Road number and km; a number that stands with the km post serves where no other does."""
    frame["route"] = parse_column(raw, found.get("route"), _route, "text", **told)
    reading = read_cells(raw, found.get("km"), posts.km_post, **told)
    frame["km"] = reading.spread("number", raw.frame.index, lambda post: post.km)
    frame["km_uncertainty"] = reading.spread(
        "number", raw.frame.index, lambda post: post.resolution_m
    )
    if all(post is None or post.route is None for post in reading.found):
        return
    beside = reading.spread("text", raw.frame.index, lambda post: post.route)
    differs = beside.notna() & frame["route"].notna() & (beside != frame["route"])
    if differs.any():
        told["findings"].remark_rows(
            "crashes",
            raw,
            differs.to_numpy(),
            found["km"],
            "doubtful.route-differs",
            used=list(frame["route"][differs]),
        )
    frame["route"] = frame["route"].where(frame["route"].notna(), beside)


def _refuse_restarts(crashes: gpd.GeoDataFrame) -> None:
    """Ids that start again in each file or sheet are no ids of the whole register."""
    again = crashes.index.duplicated()
    if not again.any():
        return
    source = crashes["source_file"] + "/" + crashes["source_sheet"].fillna("")
    within = pd.MultiIndex.from_arrays([source, crashes.index]).duplicated()
    for name, rows in pd.Series(again & ~within).groupby(source.to_numpy()):
        if rows.sum() >= _RESTART and rows.mean() > _MOST:
            raise BlackspotsError("ids-restart", file=str(name).rstrip("/"), count=int(rows.sum()))


def _refuse(
    crashes: gpd.GeoDataFrame,
    rows: np.ndarray,
    columns: Sequence[str],
    code: str,
    seen: _Seen,
    findings: Findings,
) -> gpd.GeoDataFrame:
    """Leave out rows for a reason that only shows once all sheets are together."""
    if not rows.any():
        return crashes
    for row in crashes[rows].itertuples():
        raw, found = seen.row(row.source_file, row.source_sheet, row.source_row)
        named = [found[column] for column in columns if column in found]
        shown = ", ".join(str(raw.frame.at[row.source_row, header]) for header in named)
        header = ", ".join(named) or "geometry"
        findings.reject("crashes", raw, row.source_row, header, shown or None, code)
    return crashes[~rows]
