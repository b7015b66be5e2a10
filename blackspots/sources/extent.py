"""Where a study is: what tells coordinates that are swapped or in another grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from blackspots import crs as crs_

SAMPLE: Final = 400
"""Points that a guess about a whole table is made from."""
_MARGIN: Final = 20_000.0
"""Distance [m] around the roads within which crashes may lie, where no boundary says more."""
_MOST: Final = 0.5
_NEAR: Final = 0.98
"""Share of the best candidate's hits that another needs to be named beside it."""
_NAMED: Final = 3
_ALIKE: Final = (1.25, 1.0)
"""Distances from the roads that tell no two grids apart: by this factor and so many metres."""
_SHIFT: Final = 0.02
"""Degrees by which places on two datums may differ."""
_ENOUGH: Final = 30
"""Points from which the roads may speak against the grid that is stated ..."""
_ON_ROADS: Final = 15.0
"""... by a grid in which half the points are within so many metres of a road ..."""
_TIMES: Final = 4
"""... and so many times farther in the one that is stated."""


@dataclass(frozen=True)
class Extent:
    """The ground a study covers, in its CRS.

    ``lines`` are road centrelines: they tell grids apart that all lead into the area.
    """

    area: shapely.Geometry
    crs: CRS
    lines: np.ndarray | None = None

    @cached_property
    def tree(self) -> shapely.STRtree | None:
        """The lines by where they are."""
        return None if self.lines is None else shapely.STRtree(self.lines)

    def holds(self, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
        """Which points lie in the area; none that is no number."""
        known = np.isfinite(xs) & np.isfinite(ys)
        result = np.zeros(len(xs), dtype=bool)
        result[known] = shapely.intersects_xy(self.area, xs[known], ys[known])
        return result


def extent_of(
    crs: CRS,
    *,
    boundary: gpd.GeoSeries | None = None,
    tolerance: float = 0.0,
    roads: gpd.GeoDataFrame | None = None,
    others: tuple[gpd.GeoDataFrame | None, ...] = (),
) -> Extent | None:
    """The ground of a study: its boundary, else the surroundings of its roads and areas.

    Parameters
    ----------
    boundary
        Study area; ``tolerance`` [m] is added to it.
    roads, others
        Layers in ``crs``.
    """
    lines = None if roads is None or roads.empty else np.asarray(roads.geometry.array)
    if boundary is not None:
        area = shapely.union_all(boundary.array).buffer(tolerance)
    else:
        layers = [layer for layer in (roads, *others) if layer is not None and len(layer)]
        if not layers:
            return None
        boxes = [shapely.box(*layer.total_bounds) for layer in layers]
        area = shapely.union_all(boxes).convex_hull.buffer(_MARGIN)
    shapely.prepare(area)
    return Extent(area, crs, lines)


def sample(known: np.ndarray) -> np.ndarray:
    """Positions of at most :data:`SAMPLE` rows of a mask, evenly taken."""
    rows = np.flatnonzero(known)
    return rows if len(rows) <= SAMPLE else rows[np.linspace(0, len(rows) - 1, SAMPLE).astype(int)]


def likely_grids(xs: np.ndarray, ys: np.ndarray, extent: Extent) -> list[CRS]:
    """CRSs in which most of the points lie in the study's ground, the best first, at most three.

    Both orders of the axes are tried. Grids that do equally well are told apart by how far
    the points then lie from the roads; else those come first that are meant for the place.

    Parameters
    ----------
    xs, ys : float, shape (points,)
        A sample of the table's coordinates.
    """
    return [grid for grid, _ in _ranked(xs, ys, extent)]


def likely_names(xs: np.ndarray, ys: np.ndarray, extent: Extent | None) -> str:
    """Names of the grids that would bring a table's pairs into the study's ground, or nothing."""
    known = sample(~np.isnan(xs) & ~np.isnan(ys))
    if extent is None or not len(known):
        return ""
    return named(likely_grids(xs[known], ys[known], extent))


def named(grids: Sequence[CRS]) -> str:
    """Grids as they are told to a user, by code and name."""
    return ", ".join(f"{grid.to_string()} ({grid.name})" for grid in grids)


def beside_the_roads(xs: np.ndarray, ys: np.ndarray, stated: CRS, extent: Extent) -> list[CRS]:
    """Likely grids, where the stated one leads beside the roads and another onto them.

    A zone next to the right one shifts places by 26 km, a datum by 200 m: most still lie in a
    province, on no road. Empty when nothing speaks against the stated grid.

    Parameters
    ----------
    xs, ys : float, shape (points,)
        A sample of the table's coordinates.
    """
    if extent.lines is None or stated.is_geographic or len(xs) < _ENOUGH:
        return []
    own = _fit(xs, ys, stated, extent)
    if own.distance <= _TIMES * _ON_ROADS:
        return []
    likely = _ranked(xs, ys, extent)
    good = likely and likely[0][0] != stated and likely[0][1].inside >= own.inside
    if not good or likely[0][1].distance > min(_ON_ROADS, own.distance / _TIMES):
        return []
    return [grid for grid, _ in likely]


@dataclass(frozen=True, slots=True)
class _Fit:
    """Share of the points in the area, and their median distance from the roads [m]."""

    inside: float
    distance: float


def _ranked(xs: np.ndarray, ys: np.ndarray, extent: Extent) -> list[tuple[CRS, _Fit]]:
    """The likely grids, the best first, and how they fit."""
    middle = shapely.centroid(extent.area)
    lons, lats = crs_.transform(np.array([middle.x]), np.array([middle.y]), extent.crs, crs_.WGS84)
    lon, lat = float(lons[0]), float(lats[0])
    box = _box(extent)
    datums = {_datum(extent.crs), _datum(crs_.WGS84)}

    def order(grid: CRS) -> tuple[bool, bool]:
        return _datum(grid) not in datums, not _is_meant_for(grid, lon, lat)

    around = sorted(crs_.grids_near(lon, lat, extent.crs), key=order)
    made = []
    for grid in dict.fromkeys((extent.crs, crs_.WGS84, *around)):
        orders = [(a, b) for a, b in ((xs, ys), (ys, xs)) if _may_fit(a, b, grid, box)]
        fits = [_fit(a, b, grid, extent) for a, b in orders]
        if fits and (best := max(fits, key=lambda f: (f.inside, -f.distance))).inside > _MOST:
            made.append((grid, best))
    most = max((fit.inside for _, fit in made), default=0.0)
    good = [(grid, fit) for grid, fit in made if fit.inside >= _NEAR * most]
    nearest = min((fit.distance for _, fit in good), default=0.0)
    alike = nearest * _ALIKE[0] + _ALIKE[1]
    good.sort(key=lambda made: max(alike, made[1].distance))  # stable: the order of the grids
    return good[:_NAMED]


def _box(extent: Extent) -> tuple[float, float, float, float]:
    """Longitudes and latitudes around the area, as west, south, east, north."""
    edge = shapely.segmentize(shapely.box(*shapely.bounds(extent.area)), _MARGIN)
    xy = shapely.get_coordinates(edge)
    lon, lat = crs_.transform(xy[:, 0], xy[:, 1], extent.crs, crs_.WGS84)
    return lon.min() - _SHIFT, lat.min() - _SHIFT, lon.max() + _SHIFT, lat.max() + _SHIFT


def _may_fit(
    xs: np.ndarray, ys: np.ndarray, grid: CRS, box: tuple[float, float, float, float]
) -> bool:
    """Whether most points may lie in a box, going by the grid alone: its datum takes longer."""
    base = grid.geodetic_crs
    if base is None or base.prime_meridian is None or base.prime_meridian.longitude:
        return True
    if {axis.unit_name for axis in base.axis_info[:2]} != {"degree"}:
        return True
    lon, lat = crs_.transform(xs, ys, grid, base)
    west, south, east, north = box
    return bool(((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)).mean() > _MOST)


def _datum(grid: CRS) -> str:
    return "" if grid.geodetic_crs is None else grid.geodetic_crs.name


def _is_meant_for(grid: CRS, lon: float, lat: float) -> bool:
    use = grid.area_of_use
    return use is not None and use.west <= lon <= use.east and use.south <= lat <= use.north


def _fit(xs: np.ndarray, ys: np.ndarray, grid: CRS, extent: Extent) -> _Fit:
    x, y = crs_.transform(xs, ys, grid, extent.crs)
    inside = extent.holds(x, y)
    if extent.tree is None or not inside.any():
        return _Fit(float(inside.mean()), 0.0)
    points = shapely.points(x[inside], y[inside])
    distance = extent.tree.query_nearest(points, return_distance=True, all_matches=False)[1]
    return _Fit(float(inside.mean()), float(np.median(distance)))
