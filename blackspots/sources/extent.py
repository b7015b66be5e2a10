"""Where a study is: what tells coordinates that are swapped or in another grid."""

from __future__ import annotations

from dataclasses import dataclass
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
_NEAR: Final = 0.98
"""Share of the best candidate's hits that another needs to be named beside it."""
_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Extent:
    """The ground a study covers, in its CRS.

    ``lines`` are road centrelines: they tell grids apart that all lead into the area.
    """

    area: shapely.Geometry
    crs: CRS
    lines: np.ndarray | None = None

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
    the points then lie from the roads.

    Parameters
    ----------
    xs, ys : float, shape (points,)
        A sample of the table's coordinates.
    """
    middle = shapely.centroid(extent.area)
    lon, lat = crs_.transform(np.array([middle.x]), np.array([middle.y]), extent.crs, crs_.WGS84)
    scored = []
    grids = (extent.crs, crs_.WGS84, *crs_.grids_near(float(lon[0]), float(lat[0]), extent.crs))
    for order, grid in enumerate(dict.fromkeys(grids)):
        hits, distance = max(_score(a, b, grid, extent) for a, b in ((xs, ys), (ys, xs)))
        if hits > 0.5:  # noqa: PLR2004 - most of them
            scored.append((hits, distance, -order, grid))
    best = max((s[0] for s in scored), default=0.0)
    good = [s for s in scored if s[0] >= _NEAR * best]
    good.sort(key=lambda s: (s[1], s[0], s[2]), reverse=True)
    return [s[3] for s in good[:_NAMED]]


def _score(xs: np.ndarray, ys: np.ndarray, grid: CRS, extent: Extent) -> tuple[float, float]:
    """Share of the points in the area, and less their median distance from the roads [m]."""
    x, y = crs_.transform(xs, ys, grid, extent.crs)
    inside = extent.holds(x, y)
    if extent.lines is None or not inside.any():
        return float(inside.mean()), 0.0
    points = shapely.points(x[inside], y[inside])
    tree = shapely.STRtree(extent.lines)
    distance = tree.query_nearest(points, return_distance=True, all_matches=False)[1]
    return float(inside.mean()), -float(np.median(distance))
