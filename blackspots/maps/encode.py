"""Columns and geometries as the short JSON arrays that the page reads.

Coordinates are whole numbers of 1e-5 degree (about 1 m), the later vertices of a line as
differences from the vertex before.
"""

from __future__ import annotations

import json
import os
import string
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from blackspots import crs

UNITS_PER_DEGREE: Final = 100_000

_DIGITS: Final = string.digits + string.ascii_lowercase
_ESCAPES: Final = {
    ord("<"): "\\u003c",
    ord(">"): "\\u003e",
    ord("&"): "\\u0026",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


def script_json(value: Any) -> str:
    """JSON that can stand inside a ``<script>`` element: nothing in it ends or opens a tag."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_ESCAPES)


def digits(values: list[Any]) -> str | list[Any]:
    """Whole numbers below 36 as one base-36 digit each, ``-`` for null; others unchanged."""
    if all(value is None or 0 <= value < len(_DIGITS) for value in values):
        return "".join("-" if value is None else _DIGITS[value] for value in values)
    return values


def joined(names: list[str]) -> dict[str, Any]:
    """Names without the start they share, in one string where that can be cut up again."""
    start = os.path.commonprefix(names) if len(names) > 1 else ""
    rest = [name[len(start) :] for name in names]
    clean = not any("|" in name for name in rest) and bool(rest)
    return {"start": start, "rest": "|".join(rest) if clean else rest}


def steps(values: Iterable[int]) -> list[int]:
    """Whole numbers as differences from the one before, the first from zero."""
    array = np.fromiter(values, dtype=np.int64)
    return [int(step) for step in np.diff(array, prepend=0)]


def texts(values: pd.Series) -> list[str | None]:
    """Text column: the unknown as null."""
    return [None if pd.isna(value) else str(value) for value in values]


def words(values: pd.Series) -> dict[str, Any]:
    """Text column that repeats itself: its different values, and the place of each row's."""
    codes, different = pd.factorize(values.astype("string"), sort=True)
    return {
        "words": [str(value) for value in different],
        "at": digits([None if code < 0 else int(code) for code in codes]),
    }


def numbers(values: pd.Series, digits: int = 0) -> list[Any]:
    """Number column rounded to ``digits``; the unknown and the infinite as null."""
    array = (
        pd.to_numeric(values, errors="coerce").astype("Float64").to_numpy(float, na_value=np.nan)
    )
    if digits == 0:
        return [int(round(value)) if np.isfinite(value) else None for value in array]
    return [_short(round(float(value), digits)) if np.isfinite(value) else None for value in array]


def significant(values: pd.Series, figures: int) -> list[Any]:
    """Number column rounded to so many significant ``figures``: small rates keep their digits."""
    array = (
        pd.to_numeric(values, errors="coerce").astype("Float64").to_numpy(float, na_value=np.nan)
    )
    return [_short(float(f"{v:.{figures}g}")) if np.isfinite(v) else None for v in array]


def _short(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def flags(values: pd.Series) -> list[int | None]:
    """Truth column as 1, 0 or null."""
    return [None if pd.isna(value) else int(bool(value)) for value in values]


def dates(values: pd.Series) -> list[str | None]:
    """Date column as ISO days."""
    return [None if pd.isna(value) else pd.Timestamp(value).date().isoformat() for value in values]


def days(values: pd.Series, origin: pd.Timestamp) -> list[int | None]:
    """Date column as days since ``origin``."""
    return numbers((pd.to_datetime(values) - origin).dt.days)


def geographic(frame: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Geometries in longitude and latitude, flat, empty ones as missing."""
    geometry = frame.geometry
    if frame.crs is not None:
        geometry = crs.reproject(geometry, crs.WGS84)
    flat = gpd.GeoSeries(shapely.force_2d(geometry.to_numpy()), index=frame.index)
    return flat.where(~(flat.is_empty | flat.isna()))


def points(geometries: Iterable[BaseGeometry | None]) -> dict[str, list[int | None]]:
    """Points as two columns of whole numbers."""
    east: list[int | None] = []
    north: list[int | None] = []
    for geometry in geometries:
        known = geometry is not None and not geometry.is_empty
        point = anchor(geometry) if known and geometry is not None else None
        east.append(_whole(point.x) if point is not None else None)
        north.append(_whole(point.y) if point is not None else None)
    return {"x": east, "y": north}


def anchor(geometry: BaseGeometry) -> Any:
    """The point that stands for a geometry: a line's middle, a point inside a polygon."""
    if geometry.geom_type == "Point":
        return geometry
    if geometry.geom_type == "LineString":
        return geometry.interpolate(0.5, normalized=True)
    if geometry.geom_type == "MultiLineString":
        longest: BaseGeometry = max(shapely.get_parts(geometry), key=lambda part: part.length)
        return longest.interpolate(0.5, normalized=True)
    return geometry.representative_point()


def paths(geometry: BaseGeometry | None) -> list[list[int]]:
    """Lines, or rings of polygons, as flat difference-coded whole numbers."""
    if geometry is None or geometry.is_empty or geometry.geom_type in ("Point", "MultiPoint"):
        return []
    parts: Sequence[BaseGeometry] = list(shapely.get_parts(geometry))
    if "Polygon" in geometry.geom_type:
        rings = shapely.get_rings(np.asarray(parts))
        return [_differences(shapely.get_coordinates(ring)) for ring in rings]
    return [_differences(shapely.get_coordinates(part)) for part in parts]


def _differences(coordinates: np.ndarray) -> list[int]:
    whole = np.rint(coordinates * UNITS_PER_DEGREE).astype(np.int64)
    moved = np.any(np.diff(whole, axis=0) != 0, axis=1)
    whole = whole[np.concatenate(([True], moved))]
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
    return [int(step) for step in steps.ravel()]


def _whole(degrees: float) -> int:
    return round(degrees * UNITS_PER_DEGREE)


def simplified(frame: gpd.GeoDataFrame, tolerance: float) -> gpd.GeoDataFrame:
    """``frame`` with its lines thinned to ``tolerance`` [m]."""
    thin = frame.geometry.simplify(tolerance, preserve_topology=True)
    return frame.set_geometry(thin)


def merged_lines(frame: gpd.GeoDataFrame, by: Sequence[str]) -> gpd.GeoDataFrame:
    """Lines that agree in ``by`` joined end to end: fewer to draw, and labels that fit."""
    rows: list[tuple[Hashable, BaseGeometry]] = []
    keys = frame[list(by)].astype("string").fillna("")
    for key, part in frame.groupby([keys[name] for name in by], sort=True):
        lines = shapely.line_merge(
            shapely.union_all(shapely.multilinestrings(shapely.get_parts(part.geometry.to_numpy())))
        )
        rows += [(key, line) for line in shapely.get_parts(lines)]
    columns = {name: [key[i] for key, _ in rows] for i, name in enumerate(by)}  # type: ignore[index]
    return gpd.GeoDataFrame(columns, geometry=[line for _, line in rows], crs=frame.crs)
