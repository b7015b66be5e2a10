"""The crash register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from blackspots.errors import BlackspotsError
from blackspots.presets.headers import plain, severity_vocabulary
from blackspots.schema import CRASHES, SEVERITIES, check
from blackspots.sources import values
from blackspots.sources.columns import add_missing, make_ids, match, parse_column, typed
from blackspots.sources.findings import Findings
from blackspots.sources.points import outside, points
from blackspots.sources.raw import RawTable, filtered, read_raw

_PARSERS = {
    "hour": values.hour,
    "deaths": values.count,
    "serious": values.count,
    "slight": values.count,
    "injured": values.count,
    "crash_type": values.text,
    "mode": values.text,
    "cause": values.text,
    "district": values.text,
    "route": values.route,
    "km": values.km,
    "train_involved": values.boolean,
}

_HABIT = 0.1
_RESTART = 5


@dataclass(frozen=True, slots=True)
class Register:
    """Crashes, how many rows were read, and headers that were left behind.

    ``dropped`` names headers that no column of the table stands for: personal data and
    whatever else the study has not asked for end here.
    """

    crashes: gpd.GeoDataFrame
    read: int
    dropped: tuple[str, ...]


def read_crashes(
    paths: Sequence[Path],
    target: CRS,
    findings: Findings,
    *,
    sheets: Sequence[str] = (),
    crs: str | None = None,
    columns: Mapping[str, str] | None = None,
    severity: Mapping[str, str] | None = None,
    keep: Mapping[str, Any] | None = None,
    boundary: gpd.GeoSeries | None = None,
    tolerance: float = 50.0,
    period: tuple[date | None, date | None] = (None, None),
    month_first: bool = False,
) -> Register:
    """Read the register: all files, all sheets, as one table.

    Parameters
    ----------
    target
        Metric CRS of the study.
    findings
        Collects every row that is refused.
    sheets
        Names of the sheets to read; all when empty.
    columns, severity
        What the study says of headers and severity words, before the known ones.
    keep
        Column to wanted values: other rows are not read.
    boundary
        Study area; a crash outside it by more than ``tolerance`` [m] is rejected.
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
    words = severity_vocabulary() | _own_words(severity or {})
    parts, read, dropped = [], 0, dict[str, None]()
    tables: dict[tuple[str, str | None], tuple[RawTable, dict[str, str]]] = {}
    for path, name in zip(paths, _names(paths), strict=True):
        for as_read in read_raw(path, sheets=sheets):
            raw = replace(as_read, file=name)
            table = filtered(raw, keep or {})
            found = match(table, "crashes", columns or {})
            used = set(found.values())
            dropped |= {str(header): None for header in raw.frame.columns if header not in used}
            _require(table, found)
            tables[raw.file, raw.sheet] = table, found
            if not month_first:
                _require_day_first(table, found.get("date"))
            read += len(table.frame)
            parts.append(
                _one_table(
                    table,
                    found,
                    target,
                    findings,
                    crs=crs,
                    words=words,
                    period=period,
                    month_first=month_first,
                )
            )
    crashes = pd.concat(parts) if parts else None
    if crashes is None or read == 0:
        raise BlackspotsError("no-crashes", file=", ".join(p.name for p in paths))
    out = outside(crashes.geometry, boundary, tolerance)
    crashes = _refuse(crashes, out, ("lat", "lon", "y", "x"), "outside-area", tables, findings)
    _refuse_restarts(crashes)
    again = crashes.index.duplicated()
    crashes = _refuse(crashes, again, ("crash_id",), "duplicate-id", tables, findings)
    if crashes.empty:
        raise findings.nothing_left("crashes", read)
    made = add_missing(crashes, CRASHES)
    result = gpd.GeoDataFrame(made, geometry=crashes.geometry, crs=target)
    result.index.name = CRASHES.index
    check(result, CRASHES)
    return Register(result, read, tuple(dropped))


def _names(paths: Sequence[Path]) -> list[str]:
    """What to call the files: their names, with as many folders as it takes to tell them apart."""
    names: list[str] = []
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            break
    return names


def _own_words(given: Mapping[str, str]) -> dict[str, str]:
    for word, level in given.items():
        if level not in SEVERITIES:
            have = ", ".join(SEVERITIES)
            raise BlackspotsError("unknown-severity-level", word=word, level=level, have=have)
    return {_word(word): level for word, level in given.items()}


def _word(cell: Any) -> str:
    """A severity as it is compared: a number by its value (-1 is not 1), a word plainly."""
    try:
        return f"{values.number(cell):g}"
    except values.Unreadable:
        return plain(values.text(cell))


def _require(raw: RawTable, found: Mapping[str, str]) -> None:
    """A register must say where: by geometry, coordinates, or route and km."""
    placed = (
        raw.geometry is not None
        or {"lon", "lat"} <= found.keys()
        or {"x", "y"} <= found.keys()
        or {"route", "km"} <= found.keys()
    )
    if not placed:
        have = ", ".join(str(c) for c in raw.frame.columns)
        raise BlackspotsError("no-location-columns", file=raw.where, have=have)


def _require_day_first(raw: RawTable, header: str | None) -> None:
    """Refuse a column whose dates plainly have the month first: the others would be misread.

    One such date is a slip of the pen and is rejected as a row; a tenth of all is a habit.
    """
    if header is None:
        return
    cells = raw.frame[header]
    plainly = cells.map(values.is_month_first)
    if plainly.sum() > max(1, _HABIT * len(cells)):
        example = cells[plainly].iloc[0]
        raise BlackspotsError("month-first", file=raw.where, column=header, value=example)


def _one_table(
    raw: RawTable,
    found: Mapping[str, str],
    target: CRS,
    findings: Findings,
    *,
    crs: str | None,
    words: Mapping[str, str],
    period: tuple[date | None, date | None],
    month_first: bool,
) -> gpd.GeoDataFrame:
    index, bad = raw.frame.index, np.zeros(len(raw.frame), dtype=bool)

    def parse(column: str, parser: Any) -> list[Any]:
        return parse_column(
            raw, found.get(column), parser, table="crashes", findings=findings, bad=bad
        )

    cells = {column: parse(column, parser) for column, parser in _PARSERS.items()}
    cells["date"] = _dates(
        raw,
        found,
        parse("date", partial(values.day, month_first=month_first)),
        bad,
        findings,
        period,
    )
    if "hour" not in found and "date" in found:
        cells["hour"] = [values.hour_of_date(cell) for cell in raw.frame[found["date"]]]
    kinds = {column.name: column.kind for column in CRASHES.columns}
    frame = pd.DataFrame({name: typed(cells[name], kinds[name], index) for name in cells})
    frame["injured"] = frame["injured"].fillna(frame["serious"] + frame["slight"])

    def severity_of(cell: Any) -> str:
        level = words.get(_word(cell))
        if level is None:
            raise values.Unreadable("unknown-severity")
        return level

    stated = pd.Series(parse("severity", severity_of), index=index, dtype="object")
    derived = severity_of_persons(frame)
    against = (
        stated.isin(["serious", "slight", "injury", "pdo"]) & (frame["deaths"] > 0).fillna(False)
    ).to_numpy(dtype=bool)
    if against.any():
        findings.reject_rows("crashes", raw, against & ~bad, found["severity"], "severity-deaths")
        bad |= against
    frame["severity"] = stated.where(stated.notna() & (stated != "unknown"), derived)
    located = points(raw, found, crs, target, table="crashes", findings=findings, bad=bad)
    frame["source_file"] = raw.file
    frame["source_sheet"] = raw.sheet
    frame["source_row"] = index.to_numpy()
    ids = raw.frame[found["crash_id"]] if "crash_id" in found else pd.Series([None] * len(index))
    prefix = f"{raw.file}:{raw.sheet}:" if raw.sheet else f"{raw.file}:"
    frame.index = pd.Index(make_ids(list(ids), prefix), dtype="object", name=CRASHES.index)
    located.index = frame.index
    return gpd.GeoDataFrame(frame, geometry=located, crs=target)[~bad]


def _dates(
    raw: RawTable,
    found: Mapping[str, str],
    days: list[Any],
    bad: np.ndarray,
    findings: Findings,
    period: tuple[date | None, date | None],
) -> list[Any]:
    """Refuse rows without a date, where the register has dates, and those out of the period."""
    header = found.get("date")
    if header is None:
        return days
    first, last = period
    for position, day in enumerate(days):
        if bad[position] and day is None:
            continue
        code = None
        if day is None:
            code = "no-date"
        elif (first and day < first) or (last and day > last):
            code = "outside-period"
        if code:
            bad[position] = True
            row, cell = int(raw.frame.index[position]), raw.frame[header].iloc[position]
            findings.reject("crashes", raw, row, header, cell, code)
    return days


def severity_of_persons(frame: pd.DataFrame) -> pd.Series:
    """Worst outcome of a crash from its numbers of persons; unknown when they do not say.

    Parameters
    ----------
    frame
        ``deaths``, ``serious``, ``slight``, ``injured`` [persons], missing for unknown.

    Returns
    -------
    Series of :data:`blackspots.schema.SEVERITIES`
    """
    some = {
        name: (frame[name].fillna(0) > 0).astype(bool)
        for name in ("deaths", "serious", "slight", "injured")
    }
    graded = frame["serious"].notna() & frame["slight"].notna()
    nobody = (frame["deaths"] == 0).fillna(False) & (frame["injured"] == 0).fillna(False)
    level = np.select(
        [
            some["deaths"],
            some["serious"],
            some["slight"] & graded,
            some["injured"] | some["slight"],
            nobody.astype(bool),
        ],
        ["fatal", "serious", "slight", "injury", "pdo"],
        "unknown",
    )
    return pd.Series(level, index=frame.index, dtype="object")


def _refuse_restarts(crashes: gpd.GeoDataFrame) -> None:
    """Ids that start again in each file or sheet are no ids of the whole register."""
    source = crashes["source_file"] + "/" + crashes["source_sheet"].fillna("")
    again = crashes.index.duplicated()
    within = pd.MultiIndex.from_arrays([source, crashes.index]).duplicated()
    for name, rows in pd.Series(again & ~within).groupby(source.to_numpy()):
        if rows.sum() >= _RESTART and rows.mean() > 0.5:  # noqa: PLR2004 - the greater part
            raise BlackspotsError("ids-restart", file=str(name).rstrip("/"), count=int(rows.sum()))


def _refuse(
    crashes: gpd.GeoDataFrame,
    rows: np.ndarray,
    columns: tuple[str, ...],
    code: str,
    tables: Mapping[tuple[str, str | None], tuple[RawTable, Mapping[str, str]]],
    findings: Findings,
) -> gpd.GeoDataFrame:
    """Leave out rows for a reason that only shows once all sheets are together."""
    for row in crashes[rows].itertuples():
        raw, found = tables[row.source_file, row.source_sheet]
        named = [found[column] for column in columns if column in found]
        shown = ", ".join(str(raw.frame.at[row.source_row, header]) for header in named)
        header = ", ".join(named) or "geometry"
        findings.reject("crashes", raw, row.source_row, header, shown or None, code)
    return crashes[~rows]
