"""Roads, level crossings, railways, areas and the study area."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from blackspots import crs as crs_
from blackspots.errors import BlackspotsError
from blackspots.presets.headers import crossing_kinds, plain
from blackspots.schema import AREAS, CROSSINGS, RAILWAYS, ROADS, Table, check
from blackspots.sources import osm, personal, values
from blackspots.sources.columns import (
    add_missing,
    make_ids,
    match,
    parse_column,
)
from blackspots.sources.extent import extent_of
from blackspots.sources.files import Source
from blackspots.sources.findings import Findings
from blackspots.sources.points import finite, outside, points, source_crs
from blackspots.sources.raw import RawTable

_ENDS = ("x_from", "y_from", "x_to", "y_to")
_NAMED: Final = frozenset({"roads", "railways", "areas"})
"""Layers whose names are not those of persons, but may sound like them."""


def read_roads(source: Source, target: CRS, findings: Findings) -> gpd.GeoDataFrame:
    """Road centrelines: a vector layer, or a table of straight lines with their two ends.

    Multi-part lines are taken apart (``id``, ``id#2`` ...). Lines without length or with
    broken coordinates, and features that are no lines, are rejected.

    Returns
    -------
    GeoDataFrame of :data:`blackspots.schema.ROADS`

    Raises
    ------
    BlackspotsError
        ``duplicate-ids`` when two lines have one id (repairs could not name them),
        ``empty-layer``, or what reading the file says.
    """
    raw = source.table("roads")
    findings.opened("roads", raw)
    found = match(raw, "roads", source.columns, allowed=source.allowed)
    frame, bad = _attributes(raw, found, ROADS, "roads", findings)
    frame["aadt"] = frame["aadt"].replace(0, np.nan)
    lines = _lines(raw, found, source.crs, target, "roads", findings, bad)
    return _line_table(raw, frame, lines, bad, found, ROADS, findings, target)


def read_railways(source: Source, target: CRS, findings: Findings) -> gpd.GeoDataFrame:
    """Railway lines, as :func:`read_roads` reads roads."""
    raw = source.table("railways")
    findings.opened("railways", raw)
    found = match(raw, "railways", source.columns, allowed=source.allowed)
    frame, bad = _attributes(raw, found, RAILWAYS, "railways", findings)
    lines = _lines(raw, found, source.crs, target, "railways", findings, bad)
    return _line_table(raw, frame, lines, bad, found, RAILWAYS, findings, target)


def read_crossings(
    source: Source,
    target: CRS,
    findings: Findings,
    *,
    boundary: gpd.GeoSeries | None = None,
    tolerance: float = 50.0,
    speed_unit: float = 1.0,
) -> gpd.GeoDataFrame:
    """Level crossings, listed and self-opened; a zero traffic count is taken as not counted.

    ``speed_unit`` is the unit [km/h] of speeds that are plain numbers.

    Returns
    -------
    GeoDataFrame of :data:`blackspots.schema.CROSSINGS`

    Raises
    ------
    BlackspotsError
        ``duplicate-ids``, ``empty-layer``, or what reading the file says.
    """
    raw = source.table("crossings")
    findings.opened("crossings", raw)
    found = match(raw, "crossings", source.columns, allowed=source.allowed)
    frame, bad = _attributes(raw, found, CROSSINGS, "crossings", findings, speed_unit=speed_unit)
    for column in ("aadt", "trains", "four_wheelers", "three_wheelers", "two_wheelers", "walkers"):
        frame[column] = frame[column].replace(0, np.nan)
    frame["protection"] = _with_none(frame["protection"], raw, found.get("protection"))
    kinds = frame["kind"].map(lambda k: None if k is None else crossing_kinds().get(plain(k)))
    frame["kind"] = kinds.where(kinds.notna(), "unknown").astype(object)
    extent = extent_of(target, boundary=boundary, tolerance=tolerance)
    located = points(
        raw,
        found,
        source.crs,
        target,
        table="crossings",
        findings=findings,
        bad=bad,
        extent=extent,
    ).geometry
    lost = located.isna().to_numpy() & ~bad
    findings.reject_rows("crossings", raw, lost, "geometry", "no-location")
    bad |= lost
    out = outside(located.where(~bad), boundary, tolerance)
    findings.reject_rows("crossings", raw, out, "geometry", "outside-area")
    bad |= out
    ids = _ids(raw, found, "crossing_id", "LX")
    _refuse_duplicates(raw, ids, "crossings", "crossing_id")
    made = add_missing(frame, CROSSINGS, located)[~bad]
    if made.empty:
        raise findings.nothing_left("crossings", len(raw.frame))
    made.index = pd.Index(ids[~bad], name=CROSSINGS.index, dtype="object")
    check(made, CROSSINGS)
    return made


def _with_none(protection: pd.Series, raw: RawTable, header: str | None) -> pd.Series:
    """The protection of crossings, where "none" is no word for unknown: nothing guards them."""
    if header is None:
        return protection
    said = raw.frame[header].map(lambda cell: isinstance(cell, str) and plain(cell) == "none")
    return protection.mask(protection.isna() & said.astype(bool), "none")


def read_areas(source: Source, target: CRS, findings: Findings, level: str) -> gpd.GeoDataFrame:
    """Polygons of one level; invalid outlines are mended, features without area rejected."""
    raw = source.table("areas")
    findings.opened("areas", raw)
    found = match(raw, "areas", source.columns, allowed=source.allowed)
    if "name" not in found:
        have = ", ".join(str(c) for c in raw.frame.columns)
        raise BlackspotsError(
            "missing-column", file=raw.where, column="name", table="areas", have=have
        )
    frame, bad = _attributes(raw, found, AREAS, "areas", findings, skip=("level",))
    shapes = _polygons(raw, source.crs, target, "areas", findings, bad)
    unnamed = frame["name"].isna().to_numpy() & ~bad
    findings.reject_rows("areas", raw, unnamed, found["name"], "no-name")
    bad |= unnamed
    frame["level"] = level
    made = add_missing(frame, AREAS, shapes)[~bad]
    if made.empty:
        raise findings.nothing_left("areas", len(raw.frame))
    made.index = pd.Index([f"{level}/{i + 1}" for i in range(len(made))], name=AREAS.index)
    check(made, AREAS)
    return made


def read_boundary(source: Source, target: CRS, findings: Findings) -> gpd.GeoSeries:
    """The study area: polygons outside of which nothing is taken."""
    raw = source.table("boundary")
    bad = np.zeros(len(raw.frame), dtype=bool)
    shapes = _polygons(raw, source.crs, target, "boundary", findings, bad)[~bad]
    if shapes.empty:
        raise findings.nothing_left("boundary", len(raw.frame))
    return shapes


def read_places(source: Source, target: CRS) -> gpd.GeoDataFrame:
    """Towns for the labels of a map: ``name``, ``rank`` and a point each."""
    raw = source.table("places")
    found = match(raw, "places", source.columns)
    bad = np.zeros(len(raw.frame), dtype=bool)
    located = points(
        raw, {}, source.crs, target, table="places", findings=Findings(), bad=bad
    ).geometry
    made = gpd.GeoDataFrame(
        {
            name: [
                None if values.is_blank(v) else values.text(v)
                for v in (raw.frame[found[name]] if name in found else [None] * len(raw.frame))
            ]
            for name in ("name", "rank")
        },
        geometry=located.array,
        crs=target,
    )
    return made[made.geometry.notna() & made["name"].notna()]


def _attributes(
    raw: RawTable,
    found: Mapping[str, str],
    table: Table,
    name: str,
    findings: Findings,
    skip: tuple[str, ...] = (),
    speed_unit: float = 1.0,
) -> tuple[pd.DataFrame, np.ndarray]:
    bad = np.zeros(len(raw.frame), dtype=bool)
    own: dict[str, Callable[[Any], Any]] = {"km": values.km, "ref": values.route}
    own |= {"km_from": values.km, "km_to": values.km}
    own |= dict.fromkeys(("bridge", "tunnel", "covered", "roundabout"), values.flag)
    # A limit or a number of lanes that cannot be read is unknown: no reason to lose a road.
    own |= {"lanes": osm.lanes, "maxspeed": osm.speed}
    own["speed"] = partial(osm.speed, plain=speed_unit)
    cells = {}
    for column in table.columns:
        if column.name in skip:
            continue
        if column.kind == "ids":
            cells[column.name] = osm.node_ids(raw, found.get(column.name))
            continue
        words = _Words(names=name not in _NAMED) if column.kind == "text" else None
        parser = own.get(column.name, words)
        parser = parser or values.PARSERS[column.kind]
        if column.minimum == 0 and column.name not in own:
            parser = values.amount
        cells[column.name] = parse_column(
            raw,
            found.get(column.name),
            parser,
            column.kind,
            table=name,
            findings=findings,
            bad=bad,
        )
    return pd.DataFrame(cells, index=raw.frame.index), bad


class _Words:
    """Text without data of persons; two texts of a column stay two.

    ``names``: whether names of persons are looked for, as in those of crossings, which may be
    that of a householder.
    """

    def __init__(self, *, names: bool) -> None:
        self.names = names
        self.masked: dict[str, str] = {}

    def __call__(self, cell: Any) -> str | values.Noted:
        text = values.text(cell)
        masked = personal.mask(text, names=self.names)
        if masked == text:
            return text
        alike = (masked if n == 1 else f"{masked} ({n})" for n in count(1))
        made = next(word for word in alike if self.masked.setdefault(word, text) == text)
        return values.Noted(made, "repaired.personal")


def _geometry(raw: RawTable, crs: str | None, table: str) -> gpd.GeoSeries:
    if raw.geometry is None:
        raise BlackspotsError("no-geometry", file=raw.where, table=table)
    return raw.geometry.set_crs(source_crs(raw, crs, table=table), allow_override=True)


def _lines(
    raw: RawTable,
    found: Mapping[str, str],
    crs: str | None,
    target: CRS,
    table: str,
    findings: Findings,
    bad: np.ndarray,
) -> gpd.GeoSeries:
    """One (multi-)line a row in the target CRS; rows that have none are marked bad."""
    if raw.geometry is None and set(_ENDS) <= found.keys():
        shapes = _two_point_lines(raw, found, crs, table, findings, bad)
    else:
        shapes = _geometry(raw, crs, table)
    kinds = shapes.geom_type
    for code, wrong in (
        ("no-geometry", shapes.isna().to_numpy() | shapes.is_empty.to_numpy()),
        ("not-a-line", ~kinds.isin(["LineString", "MultiLineString"]).to_numpy()),
        ("broken-geometry", ~finite(shapes)),
        ("no-length", ~(shapely.length(shapes.array) > 0)),
    ):
        findings.reject_rows(table, raw, wrong & ~bad, "geometry", code, kinds)
        bad |= wrong
    good = shapes.where(~bad)
    flat = gpd.GeoSeries(shapely.force_2d(good.array), good.index, crs=shapes.crs)
    return _reached(raw, crs_.reproject(flat, target), table, findings, bad)


def _reached(
    raw: RawTable, shapes: gpd.GeoSeries, table: str, findings: Findings, bad: np.ndarray
) -> gpd.GeoSeries:
    """The shapes without those that the study's CRS cannot hold; these are marked bad."""
    lost = ~finite(shapes)
    findings.reject_rows(table, raw, lost, "geometry", "off-globe", shapes.geom_type)
    bad |= lost
    return shapes.where(~lost)


def _two_point_lines(
    raw: RawTable,
    found: Mapping[str, str],
    crs: str | None,
    table: str,
    findings: Findings,
    bad: np.ndarray,
) -> gpd.GeoSeries:
    if not crs:
        raise BlackspotsError("no-crs", file=raw.where, table=table)
    ends = np.array(
        [
            parse_column(
                raw, found[end], values.number, "number", table=table, findings=findings, bad=bad
            )
            for end in _ENDS
        ],
        dtype="float64",
    ).T
    short = np.isnan(ends).any(axis=1) & ~bad
    findings.reject_rows(table, raw, short, found["x_from"], "no-geometry")
    bad |= short
    ends[bad] = 0.0
    made = shapely.linestrings(ends.reshape(-1, 2, 2))
    return gpd.GeoSeries(made, raw.frame.index, crs=crs_.parse(crs, f"{table}.crs"))


def _polygons(
    raw: RawTable, crs: str | None, target: CRS, table: str, findings: Findings, bad: np.ndarray
) -> gpd.GeoSeries:
    shapes = _geometry(raw, crs, table)
    wrong = ~shapes.geom_type.isin(["Polygon", "MultiPolygon"]).to_numpy() | ~finite(shapes)
    findings.reject_rows(table, raw, wrong & ~bad, "geometry", "not-a-polygon", shapes.geom_type)
    bad |= wrong
    mended = shapes.where(~bad)
    invalid = ~mended.is_valid & ~bad
    mended[invalid] = mended[invalid].make_valid().buffer(0)
    return _reached(raw, crs_.reproject(mended, target), table, findings, bad)


def _ids(raw: RawTable, found: Mapping[str, str], column: str, prefix: str) -> np.ndarray:
    return make_ids(raw, found.get(column), prefix)


def _refuse_duplicates(raw: RawTable, ids: np.ndarray, table: str, column: str) -> None:
    again = pd.Index(ids).duplicated(keep=False)
    if again.any():
        rows = ", ".join(str(row) for row in raw.frame.index[again][:6])
        raise BlackspotsError(
            "duplicate-ids",
            file=raw.where,
            table=table,
            column=column,
            value=ids[again][0],
            count=int(again.sum()),
            rows=rows,
        )


def _line_table(
    raw: RawTable,
    frame: pd.DataFrame,
    lines: gpd.GeoSeries,
    bad: np.ndarray,
    found: Mapping[str, str],
    table: Table,
    findings: Findings,
    target: CRS,
) -> gpd.GeoDataFrame:
    ids = _ids(raw, found, table.index, "R")
    _refuse_duplicates(raw, ids, table.name, table.index)
    made = add_missing(frame, table, lines)[~bad]
    if made.empty:
        raise findings.nothing_left(table.name, len(raw.frame))
    made.index = pd.Index(ids[~bad], name=table.index, dtype="object")
    # Lines of one part stay as they are: merging drops repeated vertices, which have ids too.
    several = (made.geom_type == "MultiLineString").to_numpy()
    shapes = made.geometry.to_numpy(copy=True)
    shapes[several] = shapely.line_merge(shapes[several], directed=True)
    made.geometry = gpd.GeoSeries(shapes, made.index, crs=target)
    if "node_ids" in made:
        made.loc[several, "node_ids"] = None
    apart = made.geom_type == "MultiLineString"
    for column in {"km_from", "km_to"} & set(made.columns):
        made.loc[apart, column] = np.nan  # of the whole: where each part begins is not known
    made = made.explode(index_parts=False)
    part = made.groupby(level=0).cumcount().to_numpy()
    names = [f"{i}#{n + 1}" if n else i for i, n in zip(made.index, part, strict=True)]
    made.index = pd.Index(names, name=table.index, dtype="object")
    made = made[made.geometry.length > 0]
    check(made, table)
    return made
