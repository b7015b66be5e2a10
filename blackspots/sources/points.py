"""Coordinates of a table's rows, brought to the study's CRS."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from blackspots import crs as crs_
from blackspots.errors import BlackspotsError
from blackspots.sources import values
from blackspots.sources.columns import parse_column
from blackspots.sources.findings import Findings
from blackspots.sources.raw import RawTable

MAX_LATITUDE = 90.0
MAX_LONGITUDE = 180.0


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
) -> gpd.GeoSeries:
    """One point a row in ``target``; empty (None) where the row has no coordinates.

    Rows whose coordinates cannot be read, are half given, or cannot be on the globe are
    marked ``bad`` and noted.
    """
    if raw.geometry is not None:
        return _from_geometry(raw, given, target, table=table, findings=findings, bad=bad)
    pair, frame_crs = _pair(raw, columns, given, table=table)
    if pair is None:
        return gpd.GeoSeries([None] * len(raw.frame), index=raw.frame.index, crs=target)
    xs, ys = (
        np.array(
            [
                np.nan if v is None else v
                for v in parse_column(
                    raw, columns[name], values.number, table=table, findings=findings, bad=bad
                )
            ],
            dtype="float64",
        )
        for name in pair
    )
    half = (np.isnan(xs) ^ np.isnan(ys)) & ~bad
    _note(raw, half, columns[pair[0]], "half-coordinate", table=table, findings=findings, bad=bad)
    if frame_crs.is_geographic:
        swapped = (np.abs(ys) > MAX_LATITUDE) & (np.abs(xs) <= MAX_LATITUDE)
        _note(raw, swapped, columns[pair[1]], "swapped", table=table, findings=findings, bad=bad)
        for header, off in (
            (columns[pair[1]], (np.abs(ys) > MAX_LATITUDE) & ~swapped),
            (columns[pair[0]], (np.abs(xs) > MAX_LONGITUDE)),
        ):
            _note(raw, off, header, "off-globe", table=table, findings=findings, bad=bad)
    none = np.isnan(xs) | np.isnan(ys) | bad
    shapes = shapely.points(np.where(none, 0, xs), np.where(none, 0, ys))
    located = gpd.GeoSeries(shapes, index=raw.frame.index, crs=frame_crs)
    located = crs_.reproject(located, target)
    located[none] = None
    lost = ~finite(located)
    _note(raw, lost, columns[pair[0]], "off-globe", table=table, findings=findings, bad=bad)
    located[lost] = None
    return located


def _pair(
    raw: RawTable, columns: Mapping[str, str], given: str | None, *, table: str
) -> tuple[tuple[str, str] | None, CRS]:
    """Which two columns hold the coordinates, and their CRS."""
    degrees, grid = {"lon", "lat"} <= columns.keys(), {"x", "y"} <= columns.keys()
    if given:
        frame_crs = crs_.parse(given, f"{table}.crs")
        if grid and (not frame_crs.is_geographic or not degrees):
            return ("x", "y"), frame_crs
        if degrees and frame_crs.is_geographic:
            return ("lon", "lat"), frame_crs
        if degrees:
            raise BlackspotsError(
                "crs-mismatch",
                file=raw.where,
                crs=frame_crs.name,
                column=columns["lon"],
                table=table,
            )
        return None, frame_crs
    if degrees:
        return ("lon", "lat"), crs_.WGS84
    if grid:
        raise BlackspotsError("no-crs", file=raw.where, table=table)
    return None, crs_.WGS84


def _from_geometry(
    raw: RawTable,
    given: str | None,
    target: CRS,
    *,
    table: str,
    findings: Findings,
    bad: np.ndarray,
) -> gpd.GeoSeries:
    assert raw.geometry is not None  # noqa: S101 - the caller's branch
    shapes = raw.geometry.set_crs(source_crs(raw, given, table=table), allow_override=True)
    none = shapes.isna().to_numpy() | shapes.is_empty.to_numpy()
    kinds = shapes.geom_type
    one = kinds.eq("MultiPoint").to_numpy() & (shapely.get_num_geometries(shapes.array) == 1)
    shapes = shapes.where(~one, gpd.GeoSeries(shapely.get_geometry(shapes.array, 0), shapes.index))
    wrong = ~kinds.eq("Point").to_numpy() & ~one & ~none
    _note(
        raw, wrong, "geometry", "not-a-point", table=table, findings=findings, bad=bad, show=kinds
    )
    broken = ~none & ~wrong & ~finite(shapes)
    _note(raw, broken, "geometry", "broken-geometry", table=table, findings=findings, bad=bad)
    located = crs_.reproject(shapes.where(~(none | wrong | broken)), target)
    lost = ~finite(located)
    _note(raw, lost, "geometry", "off-globe", table=table, findings=findings, bad=bad)
    return gpd.GeoSeries(located.where(~lost), index=raw.frame.index, crs=target)


def _note(
    raw: RawTable,
    rows: np.ndarray,
    header: str,
    code: str,
    *,
    table: str,
    findings: Findings,
    bad: np.ndarray,
    show: pd.Series | None = None,
) -> None:
    findings.reject_rows(table, raw, rows, header, code, show)
    bad |= rows


def finite(shapes: gpd.GeoSeries) -> np.ndarray:
    """Which shapes have numbers for coordinates; a CRS gives none for places it cannot reach."""
    xy, owner = shapely.get_coordinates(shapes.array, return_index=True)
    result = np.ones(len(shapes), dtype=bool)
    result[owner[~np.isfinite(xy).all(axis=1)]] = False
    return result


def outside(located: gpd.GeoSeries, boundary: gpd.GeoSeries | None, tolerance: float) -> np.ndarray:
    """Which points lie outside the study area by more than ``tolerance`` [m]."""
    known = ~located.isna().to_numpy()
    result = np.zeros(len(located), dtype=bool)
    if boundary is None or not known.any():
        return result
    area = shapely.union_all(boundary.array).buffer(tolerance)
    shapely.prepare(area)
    result[known] = ~shapely.intersects(area, located[known].array)
    return result
