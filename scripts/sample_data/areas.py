"""The province and its districts, drawn so that the districts tile the province."""

from __future__ import annotations

from random import Random
from typing import Final

import shapely
from shapely.geometry import MultiPoint, Point, Polygon
from shapely.geometry.polygon import orient

from .facts import DISTRICTS, OUTLINE
from .lines import distance, draw, on_grid, to_xy

CELL: Final = 3_600.0
"""Spacing of the cells that districts are put together from, in metres."""


def _canonical(polygon: Polygon) -> Polygon:
    """Return the polygon on the grid, each ring starting at its lowest leftmost vertex."""
    rings = []
    for ring in (orient(polygon).exterior, *orient(polygon).interiors):
        points = [on_grid((x, y)) for x, y in ring.coords[:-1]]
        first = points.index(min(points))
        rings.append(points[first:] + points[:first])
    return Polygon(rings[0], sorted(rings[1:]))


def build_areas(rng: Random) -> tuple[Polygon, dict[str, Polygon]]:
    """Return the province and its districts by name, in metres."""
    corners = [to_xy(*p) for p in OUTLINE]
    ring = draw([*corners, corners[0]], rng, step=600.0, shortest=2_400.0, most=650.0)
    sketch = Polygon(ring[:-1])
    west, south, east, north = sketch.buffer(3 * CELL).bounds
    seeds = []
    for j in range(int((north - south) / CELL)):
        for i in range(int((east - west) / CELL)):
            x = west + (i + 0.5 * (j % 2) + rng.uniform(-0.35, 0.35)) * CELL
            y = south + (j + rng.uniform(-0.35, 0.35)) * CELL
            seeds.append((x, y))
    shapers = [(name, to_xy(*p)) for _, name, points in DISTRICTS for p in points]
    cells: dict[str, list[Polygon]] = {name: [] for _, name, _ in DISTRICTS}
    diagram = [_canonical(cell) for cell in shapely.voronoi_polygons(MultiPoint(seeds)).geoms]
    tree = shapely.STRtree(diagram)
    for seed in seeds:
        (index,) = tree.query(Point(seed), predicate="within")
        owner, _ = min(shapers, key=lambda s: distance(s[1], seed))
        cells[owner].append(diagram[index])
    districts = {}
    for name, parts in cells.items():
        piece = shapely.union_all(parts).intersection(sketch)
        if not isinstance(piece, Polygon):
            raise TypeError(f"district {name} is not in one piece")
        districts[name] = _canonical(piece)
    province = shapely.union_all(list(districts.values()))
    if not isinstance(province, Polygon) or province.interiors:
        raise ValueError("the districts do not tile the province")
    return _canonical(province), districts


def district_of(point: tuple[float, float], districts: dict[str, Polygon]) -> str:
    """Return the name of the district a point lies in."""
    here = Point(point)
    return min(districts, key=lambda name: districts[name].distance(here))
