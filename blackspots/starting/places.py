"""Where the tables of a folder lie, and in which grids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from blackspots import crs as crs_
from blackspots.labels import Term
from blackspots.sources import values
from blackspots.sources.extent import Extent, extent_of, likely_grids, sample
from blackspots.starting.grids import Box
from blackspots.starting.tables import Part, columns, numbers, sampled

_MARGIN: Final = 0.05
"""Degrees around the crashes within which a layer is still of the same place."""
_MOST: Final = 0.5
_QUANTILES: Final = (0.01, 0.99)
_LONGITUDE, _LATITUDE = 180.0, 90.0


@dataclass(frozen=True, slots=True)
class Given:
    """A CRS that the study has to say, and how it was found."""

    crs: str
    note: Term


def degrees(part: Part, table: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Longitudes and latitudes of a table's rows (middles of their shapes), NaN for none.

    None where the table does not say them itself.
    """
    if part.raw.geometry is not None:
        if part.raw.crs is None or part.raw.geometry.empty:
            return None
        bounds = part.raw.geometry.bounds.to_numpy()
        x, y = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
        return crs_.transform(x, y, part.raw.crs, crs_.WGS84)
    found = columns(part.raw, table)
    if {"lon", "lat"} <= found.keys():
        return _checked(_angles(part, found["lon"]), _angles(part, found["lat"]))
    if "coordinates" in found:
        pairs = [_pair(cell) for cell in sampled(part.raw.frame[found["coordinates"]])]
        some = [p for p in pairs if isinstance(p, values.Degrees)]
        return _checked(
            np.array([p.lon.degrees for p in some]), np.array([p.lat.degrees for p in some])
        )
    return None


def _angles(part: Part, header: str) -> np.ndarray:
    made = numbers(part.raw, header)
    if np.isnan(made).all():
        found = [_angle(cell) for cell in sampled(part.raw.frame[header])]
        made = np.array([np.nan if a is None else a for a in found], dtype="float64")
    return made


def _angle(cell: object) -> float | None:
    try:
        return values.angle(cell).degrees
    except values.Unreadable:
        return None


def _pair(cell: object) -> object:
    try:
        return values.pair(cell)
    except values.Unreadable:
        return None


def _checked(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The two as degrees, if most of them can be that."""
    if len(x) != len(y):
        size = min(len(x), len(y))
        x, y = x[:size], y[:size]
    known = np.isfinite(x) & np.isfinite(y)
    good = known & (np.abs(x) <= _LONGITUDE) & (np.abs(y) <= _LATITUDE)
    if not known.any() or good.sum() <= _MOST * known.sum():
        return None
    return np.where(good, x, np.nan), np.where(good, y, np.nan)


def metres(part: Part, table: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Coordinates of a table that does not say in which CRS they are; None for none."""
    raw = part.raw
    if raw.geometry is not None:
        if raw.crs is not None:
            return None
        xy = shapely.get_coordinates(raw.geometry.array)
        return (xy[:, 0], xy[:, 1]) if len(xy) else None
    found = columns(raw, table)
    for x, y in (("x", "y"), ("x_from", "y_from"), ("lon", "lat")):
        if {x, y} <= found.keys() and degrees(part, table) is None:
            return numbers(raw, found[x]), numbers(raw, found[y])
    if "coordinates" in found and degrees(part, table) is None:
        pairs = [_pair(cell) for cell in sampled(raw.frame[found["coordinates"]])]
        some = [p for p in pairs if isinstance(p, values.Grid)]
        return np.array([p.x for p in some]), np.array([p.y for p in some])
    return None


def box_of(points: Sequence[tuple[np.ndarray, np.ndarray]]) -> Box | None:
    """The box around most of the points: a slip of the pen does not widen it."""
    if not points:
        return None
    x, y = (np.concatenate([pair[axis] for pair in points]) for axis in (0, 1))
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return None
    west, east = np.quantile(x[known], _QUANTILES)
    south, north = np.quantile(y[known], _QUANTILES)
    return float(west), float(south), float(east), float(north)


def whole_box(part: Part) -> Box | None:
    """The box around a layer of shapes."""
    geometry, crs = part.raw.geometry, part.raw.crs
    if geometry is None or crs is None or geometry.empty:
        return None
    known = geometry[geometry.notna() & ~geometry.is_empty]
    bounds = gpd.GeoSeries(shapely.box(*known.total_bounds), crs=crs).to_crs(crs_.WGS84)
    west, south, east, north = bounds.total_bounds
    made = float(west), float(south), float(east), float(north)
    return made if np.isfinite(made).all() else None


def near(part: Part, table: str, region: Box | None) -> int:
    """How many rows of a table lie where the crashes are; all where that is not known."""
    if region is None or not part.seen:
        return len(part.raw.frame)
    west, south, east, north = region
    if part.raw.geometry is not None and part.raw.crs is not None:
        around = shapely.box(west - _MARGIN, south - _MARGIN, east + _MARGIN, north + _MARGIN)
        shapes = gpd.GeoSeries([around], crs=crs_.WGS84).segmentize(0.1).to_crs(part.raw.crs)
        known = part.raw.geometry.notna().to_numpy()
        return int(np.sum(known & shapely.intersects(part.raw.geometry.array, shapes.iloc[0])))
    found = degrees(part, table)
    if found is None:
        return len(part.raw.frame)
    inside = (
        (np.abs(found[0] - (west + east) / 2) <= (east - west) / 2 + _MARGIN)
        & (np.abs(found[1] - (south + north) / 2) <= (north - south) / 2 + _MARGIN)
    )  # fmt: skip
    return int(inside.sum())


def share_within(part: Part, points: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Share of the points that lie in the polygons of a layer; 1 where nothing is known."""
    if not points or part.raw.geometry is None or part.raw.crs is None:
        return 1.0
    x, y = (np.concatenate([pair[axis] for pair in points]) for axis in (0, 1))
    rows = sample(np.isfinite(x) & np.isfinite(y))
    if not len(rows):
        return 1.0
    shapes = part.raw.geometry[part.raw.geometry.notna()].make_valid()
    area = shapely.union_all(shapes.array)
    x, y = crs_.transform(x[rows], y[rows], crs_.WGS84, part.raw.crs)
    return float(shapely.intersects_xy(area, x, y).mean())


def share_near(
    part: Part, points: Sequence[tuple[np.ndarray, np.ndarray]], grid: CRS, distance: float
) -> float:
    """Share of the points within a distance [m] of a layer; 1 where nothing is known."""
    if not points or part.raw.geometry is None or part.raw.crs is None:
        return 1.0
    x, y = (np.concatenate([pair[axis] for pair in points]) for axis in (0, 1))
    rows = sample(np.isfinite(x) & np.isfinite(y))
    shapes = part.raw.geometry[part.raw.geometry.notna()].to_crs(grid)
    if not len(rows) or shapes.empty:
        return 1.0
    there = shapely.points(*crs_.transform(x[rows], y[rows], crs_.WGS84, grid))
    tree = shapely.STRtree(np.asarray(shapes.array))
    found = tree.query_nearest(there, max_distance=distance, all_matches=False)[0]
    return len(np.unique(found)) / len(rows)


def ground(
    grid: CRS, boundary: Part | None, layers: Sequence[Part], crashes: Sequence[np.ndarray]
) -> Extent | None:
    """The ground of the study, by which coordinates without a CRS are judged."""
    made = [
        gpd.GeoDataFrame(geometry=part.raw.geometry.dropna()).to_crs(grid)
        for part in layers
        if part.raw.geometry is not None and part.raw.crs is not None and part.seen
    ]
    lines = next((f for f in made if (f.geom_type.str.endswith("LineString")).all()), None)
    if crashes and not made:
        x, y = crs_.transform(crashes[0], crashes[1], crs_.WGS84, grid)
        known = np.isfinite(x) & np.isfinite(y)
        made.append(gpd.GeoDataFrame(geometry=gpd.points_from_xy(x[known], y[known]), crs=grid))
    if boundary is not None and boundary.raw.geometry is not None and boundary.raw.crs is not None:
        shapes = boundary.raw.geometry.dropna().to_crs(grid).make_valid()
        return extent_of(grid, boundary=shapes, tolerance=1000.0, roads=lines)
    return extent_of(grid, roads=lines, others=tuple(made))


def find_crs(part: Part, table: str, extent: Extent | None) -> Given | None:
    """The CRS that a study has to state for a table, by containment; None for none."""
    found = metres(part, table)
    if found is None:
        return None
    x, y = found
    rows = sample(np.isfinite(x) & np.isfinite(y))
    if not len(rows):
        return None
    if extent is not None:
        grids = likely_grids(x[rows], y[rows], extent)
        if grids:
            others = ", ".join(f"{g.to_string()} ({g.name})" for g in grids[1:]) or "-"
            fields = {"name": grids[0].name, "others": others}
            return Given(grids[0].to_string(), Term("start.crs-found", fields))
    if part.raw.geometry is not None and _checked(x[rows], y[rows]) is not None:
        return Given("EPSG:4326", Term("start.crs-degrees"))
    return None
