"""The user's own list of works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from blackspots.config import UNITS
from blackspots.errors import BlackspotsError
from blackspots.presets.filewords import unit_of
from blackspots.schema import REPAIRS, check
from blackspots.sources import values
from blackspots.sources.columns import add_missing, make_ids, match, parse_column, read_words
from blackspots.sources.extent import Extent, extent_of
from blackspots.sources.files import Source
from blackspots.sources.findings import Findings
from blackspots.sources.points import outside, points
from blackspots.sources.raw import RawTable

_PARSERS = {
    "countermeasure": values.text,
    "cmf": values.amount,
    "life": values.amount,
    "cost": values.amount,
    "quantity": values.amount,
    "unit_price": values.amount,
    "road_id": values.text,
    "crossing_id": values.text,
    "route": values.route,
    "km_from": values.km,
    "km_to": values.km,
}


def read_repairs(
    source: Source,
    target: CRS,
    findings: Findings,
    *,
    unit: float = 1.0,
    countermeasures: frozenset[str] = frozenset(),
    boundary: gpd.GeoSeries | None = None,
    tolerance: float = 50.0,
) -> gpd.GeoDataFrame:
    """Works with place and cost; a work without any cost keeps it unknown.

    Parameters
    ----------
    unit
        What one unit of the cost columns is in currency units (1e6 for million).
    countermeasures
        Ids of the catalogue; a work that names another one is rejected.

    Returns
    -------
    GeoDataFrame of :data:`blackspots.schema.REPAIRS`

    Raises
    ------
    BlackspotsError
        ``missing-column`` when no column says where or what it costs; ``unit-differs`` when a
        header says that its costs are in another unit.
    """
    parts, headers = [], dict[str, str]()
    extent = extent_of(target, boundary=boundary, tolerance=tolerance)
    for table in source.tables("repairs"):
        findings.opened("repairs", table)
        found = match(table, "repairs", source.columns, allowed=source.allowed)
        _require(table, found)
        _agree(table, found, unit)
        headers |= found
        parts.append(
            _one_table(
                table,
                found,
                target,
                findings,
                source=source,
                unit=unit,
                known=countermeasures,
                extent=extent,
            )
        )
    works = pd.concat(parts)
    works = _refuse(works, findings, outside(works.geometry, boundary, tolerance), "outside-area")
    works = _refuse(works, findings, works.index.duplicated(), "duplicate-id")
    made = add_missing(works, REPAIRS, works.geometry)
    made.index.name = REPAIRS.index
    check(made, REPAIRS)
    made.attrs["headers"] = headers
    return made


def _require(raw: RawTable, found: Mapping[str, str]) -> None:
    have = ", ".join(str(c) for c in raw.frame.columns)
    if not {"cost"} <= found.keys() and not {"quantity", "unit_price"} <= found.keys():
        raise BlackspotsError(
            "missing-column", file=raw.where, column="cost", table="repairs", have=have
        )
    places = ({"road_id"}, {"crossing_id"}, {"route", "km_from"}, {"lon", "lat"}, {"x", "y"})
    if raw.geometry is None and not any(place <= found.keys() for place in places):
        raise BlackspotsError("no-location-columns", file=raw.where, have=have)


def _agree(raw: RawTable, found: Mapping[str, str], unit: float) -> None:
    """Refuse a unit of the study that a header denies: costs would be wrong by a thousand."""
    for column in ("cost", "unit_price"):
        header = found.get(column)
        said = None if header is None else unit_of(header)
        if said is not None and UNITS[said] != unit:
            given = next((name for name, value in UNITS.items() if value == unit), str(unit))
            raise BlackspotsError(
                "unit-differs", file=raw.where, column=header, said=said, unit=given
            )


def _one_table(
    raw: RawTable,
    found: Mapping[str, str],
    target: CRS,
    findings: Findings,
    *,
    source: Source,
    unit: float,
    known: frozenset[str],
    extent: Extent | None,
) -> gpd.GeoDataFrame:
    index, bad = raw.frame.index, np.zeros(len(raw.frame), dtype=bool)
    kinds = {column.name: column.kind for column in REPAIRS.columns}
    told: dict[str, Any] = {"table": "repairs", "findings": findings, "bad": bad}
    frame = pd.DataFrame(index=index)
    frame["work"] = read_words(raw, found.get("work"), allowed=source.allowed, **told)
    for column, parser in _PARSERS.items():
        frame[column] = parse_column(raw, found.get(column), parser, kinds[column], **told)
    frame["cost"] = frame["cost"].fillna(frame["quantity"] * frame["unit_price"]) * unit
    frame["unit_price"] *= unit
    odd = frame["countermeasure"].notna() & ~frame["countermeasure"].isin(known)
    for row, cell in frame.loc[odd, "countermeasure"].items():
        findings.reject(
            "repairs", raw, int(str(row)), found["countermeasure"], cell, "unknown-countermeasure"
        )
    bad |= odd.to_numpy()
    located = points(raw, found, source.crs, target, extent=extent, **told).geometry
    frame["source_file"] = raw.file
    frame["source_sheet"] = raw.sheet
    frame["source_row"] = index.to_numpy()
    ids = make_ids(raw, found.get("repair_id"), "W")
    frame.index = pd.Index(ids, dtype="object", name=REPAIRS.index)
    located.index = frame.index
    return gpd.GeoDataFrame(frame, geometry=located, crs=target)[~bad]


def _refuse(
    works: gpd.GeoDataFrame, findings: Findings, rows: np.ndarray, code: str
) -> gpd.GeoDataFrame:
    for row in works[rows].itertuples():
        raw = RawTable(row.source_file, row.source_sheet, pd.DataFrame())
        column = "repair_id" if code == "duplicate-id" else "geometry"
        findings.reject("repairs", raw, row.source_row, column, row.Index, code)
    return works[~rows]
