"""Coordinates of a table's rows, brought to the study's CRS, and how exact each is."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from blackspots import crs as crs_
from blackspots.errors import BlackspotsError
from blackspots.sources.extent import Extent, beside_the_roads, likely_names, named, sample
from blackspots.sources.findings import Findings
from blackspots.sources.pairs import (
    MAX_LONGITUDE,
    Noting,
    Pairs,
    pairs_of_columns,
    pairs_of_geometry,
)
from blackspots.sources.raw import RawTable

MAX_LATITUDE: Final = 90.0
METRES_PER_DEGREE: Final = 111_320.0
"""Of latitude, and of longitude on the equator."""
FINEST: Final = 1.0
"""Least uncertainty [m] of a crash's place, however many decimals it has."""
_FEW: Final = 3
"""Rows below which nothing is concluded about a whole table."""
_MOST: Final = 0.5
_NEARLY_ALL: Final = 0.9


@dataclass(frozen=True, slots=True)
class Points:
    """One point a row in the study's CRS, None where there is none.

    ``uncertainty`` [m]: how far the true place may be, going by the decimals that are given;
    at least 1 m, NaN without a point.
    """

    geometry: gpd.GeoSeries
    uncertainty: np.ndarray


def source_crs(raw: RawTable, given: str | None, *, table: str) -> CRS:
    """The CRS of a layer: what the study says, else what the file says.

    Raises
    ------
    BlackspotsError
        ``no-crs`` when neither says.
    """
    if given:
        return crs_.parse(given, f"{table}.crs")
    if raw.crs is None:
        raise BlackspotsError("no-crs", file=raw.where, table=table)
    return raw.crs


def points(
    raw: RawTable,
    columns: Mapping[str, str],
    given: str | None,
    target: CRS,
    *,
    table: str,
    findings: Findings,
    bad: np.ndarray,
    extent: Extent | None = None,
) -> Points:
    """The points of a table, by geometry or by its columns of coordinates.

    With an ``extent``, a pair that only lies in the study's ground when its numbers are
    exchanged is exchanged, and said to be. Rows whose coordinates cannot be read, are half
    given, or cannot be on the globe are marked ``bad`` and noted.

    Raises
    ------
    BlackspotsError
        ``no-crs``, ``no-crs-likely``, ``crs-mismatch``; ``crs-likely`` when most rows lie
        outside the study's ground, but inside in another grid; ``crs-likely-roads`` when
        another grid brings them onto the roads.
    """
    note = Noting(raw, table, findings, bad)
    if raw.geometry is not None:
        pairs: Pairs | None = pairs_of_geometry(note, source_crs(raw, given, table=table))
    else:
        pairs = pairs_of_columns(note, columns, given, extent)
    if pairs is None:
        none = gpd.GeoSeries([None] * len(raw.frame), index=raw.frame.index, crs=target)
        return Points(none, np.full(len(raw.frame), np.nan))
    one = (np.isnan(pairs.x) ^ np.isnan(pairs.y)) & ~bad
    for numbers, header in zip((pairs.x, pairs.y), pairs.headers, strict=True):
        note.refuse(one & np.isnan(numbers), header, "half-coordinate")
    xs, ys = _settled(note, pairs, target, extent)
    lost = ~(np.isfinite(xs) & np.isfinite(ys))
    given_here = ~np.isnan(pairs.x) & ~np.isnan(pairs.y) & ~bad
    note.refuse(lost & given_here, pairs.headers[0], "off-globe")
    located = np.full(len(xs), None, dtype=object)
    good = given_here & ~lost
    located[good] = _made(xs[good], ys[good])
    # The finer of the two coordinates speaks for both: one in ten ends in a zero by chance,
    # but rarely both of a place that was measured finely.
    fine = np.fmin(pairs.x_resolution, pairs.y_resolution)
    uncertainty = np.where(good, _uncertainty(pairs.y, pairs.crs, fine), np.nan)
    return Points(gpd.GeoSeries(located, index=raw.frame.index, crs=target), uncertainty)


def _made(xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Points, made while the garbage collector waits: it would look at all of them many times."""
    running = gc.isenabled()
    gc.disable()
    try:
        return np.asarray(shapely.points(xs, ys))
    finally:
        if running:
            gc.enable()


def _settled(
    note: Noting, pairs: Pairs, target: CRS, extent: Extent | None
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs in the study's CRS, exchanged where only that brings them to its ground."""
    known = ~np.isnan(pairs.x) & ~np.isnan(pairs.y) & ~note.bad
    if extent is None:
        if pairs.crs.is_geographic:
            _refuse_off_globe(note, pairs)
        return _moved(pairs.x, pairs.y, pairs.crs, target)
    if known.any():
        _look_at_all(note, pairs, target, extent, known)
    settled = np.zeros(len(known), dtype=bool)
    xs, ys = _moved(pairs.x, pairs.y, pairs.crs, target)
    out = np.flatnonzero(known & ~extent.holds(xs, ys))
    if len(out):
        x, y = _moved(pairs.y[out], pairs.x[out], pairs.crs, target)
        back = extent.holds(x, y)
        rows = out[back]
        xs[rows], ys[rows] = x[back], y[back]
        exchanged = np.zeros(len(xs), dtype=bool)
        exchanged[rows] = True
        told = [f"{pairs.x[i]:.10g}; {pairs.y[i]:.10g}" for i in rows]
        used = [f"{pairs.y[i]:.10g}; {pairs.x[i]:.10g}" for i in rows]
        cells = np.full(len(xs), None, dtype=object)
        cells[rows] = told
        shown = pd.Series(cells, index=note.raw.frame.index)
        note.findings.remark_rows(
            note.table,
            note.raw,
            exchanged,
            ", ".join(dict.fromkeys(pairs.headers)),
            "repaired.swapped",
            used=used,
            shown=shown,
        )
        settled |= exchanged
    if pairs.crs.is_geographic:
        _refuse_off_globe(note, pairs, ~settled)
    return xs, ys


def _moved(
    xs: np.ndarray, ys: np.ndarray, source: CRS, target: CRS
) -> tuple[np.ndarray, np.ndarray]:
    x, y = crs_.transform(xs, ys, source, target)
    return np.array(x), np.array(y)


def _look_at_all(
    note: Noting, pairs: Pairs, target: CRS, extent: Extent, known: np.ndarray
) -> None:
    """Exchange the axes of a whole table, or tell its likely CRS, if most of it lies outside."""
    some = sample(known)
    x, y = pairs.x[some], pairs.y[some]
    if len(some) < _FEW:
        return
    inside = extent.holds(*crs_.transform(x, y, pairs.crs, target)).mean()
    exchanged = extent.holds(*crs_.transform(y, x, pairs.crs, target)).mean()
    # Near the diagonal of a grid many places lie in the area either way.
    clearly = exchanged >= _NEARLY_ALL and exchanged > inside + (1 - _NEARLY_ALL)
    if clearly or inside <= _MOST < exchanged:
        note.findings.remark_column(
            note.table,
            note.raw,
            ", ".join(dict.fromkeys(pairs.headers)),
            "repaired.axes-swapped",
            int(known.sum()),
            value=f"{x[0]:.10g}; {y[0]:.10g}",
            used=f"{y[0]:.10g}; {x[0]:.10g}",
        )
        pairs.x, pairs.y = pairs.y, pairs.x
        pairs.x_resolution, pairs.y_resolution = pairs.y_resolution, pairs.x_resolution
        return
    if inside > _MOST:
        if better := beside_the_roads(x, y, pairs.crs, extent):
            raise BlackspotsError(
                "crs-likely-roads",
                file=note.raw.where,
                table=note.table,
                crs=f"{pairs.crs.to_string()} ({pairs.crs.name})",
                likely=named(better),
            )
        return
    likely = likely_names(pairs.x, pairs.y, extent)
    if likely:
        raise BlackspotsError(
            "crs-likely",
            file=note.raw.where,
            table=note.table,
            crs=f"{pairs.crs.to_string()} ({pairs.crs.name})",
            share=100 * (1 - float(inside)),
            likely=likely,
        )


def _refuse_off_globe(note: Noting, pairs: Pairs, rows: np.ndarray | None = None) -> None:
    """Degrees that are on no globe; those that would be with the two exchanged are told so."""
    there = np.ones(len(pairs.x), dtype=bool) if rows is None else rows
    swapped = (np.abs(pairs.y) > MAX_LATITUDE) & (np.abs(pairs.x) <= MAX_LATITUDE) & there
    lon, lat = pairs.headers
    note.refuse(swapped, lat, "swapped")
    note.refuse((np.abs(pairs.y) > MAX_LATITUDE) & ~swapped & there, lat, "off-globe")
    note.refuse((np.abs(pairs.x) > MAX_LONGITUDE) & there, lon, "off-globe")


def _uncertainty(ys: np.ndarray, crs: CRS, fine: np.ndarray) -> np.ndarray:
    """How far [m] from its coordinates a place may be, as far as their decimals say.

    ``fine``: half a unit of the last place given, in units of the CRS.
    """
    if not crs.is_geographic:
        return np.asarray(np.fmax(np.hypot(fine, fine), FINEST))
    tall = fine * METRES_PER_DEGREE
    return np.asarray(np.fmax(np.hypot(tall * np.cos(np.radians(ys)), tall), FINEST))


def finite(shapes: gpd.GeoSeries) -> np.ndarray:
    """Which shapes have numbers for coordinates; a CRS gives none for places it cannot reach."""
    xy, owner = shapely.get_coordinates(shapes.array, return_index=True)
    result = np.ones(len(shapes), dtype=bool)
    result[owner[~np.isfinite(xy).all(axis=1)]] = False
    return result


def outside(located: gpd.GeoSeries, boundary: gpd.GeoSeries | None, tolerance: float) -> np.ndarray:
    """Which points lie outside the study area by more than ``tolerance`` [m]."""
    array = np.asarray(located.array)
    xs, ys = shapely.get_x(array), shapely.get_y(array)
    known = ~np.isnan(xs)
    result = np.zeros(len(located), dtype=bool)
    if boundary is None or not known.any():
        return result
    area = shapely.union_all(boundary.array).buffer(tolerance)
    shapely.prepare(area)
    result[known] = ~shapely.intersects_xy(area, xs[known], ys[known])
    return result
