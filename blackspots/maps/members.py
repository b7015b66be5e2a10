"""Which crashes a site counts, found again from where each crash was placed."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

REACH: Final = 150.0
"""How far [m] a junction or crossing may lie from the middle of its crashes."""

_GROUPS: Final = {"junction": "junction_id", "crossing": "crossing_id"}


def site_crashes(sites: gpd.GeoDataFrame, placed: gpd.GeoDataFrame) -> dict[str, tuple[str, ...]]:
    """Crash ids of each site.

    Road windows take the crashes of their route between their measures, areas those inside
    their polygon, junctions and crossings the group of crashes nearest to them. A site for
    which nothing can be told has no entry.
    """
    found: dict[str, tuple[str, ...]] = {}
    for kind, part in sites.groupby("kind"):
        if kind in _GROUPS:
            found |= _by_group(part, placed, str(kind), _GROUPS[str(kind)])
        elif kind == "area":
            found |= {str(i): _inside(shape, placed) for i, shape in part.geometry.items()}
        else:
            found |= {str(site.Index): _on_route(site, placed) for site in part.itertuples()}
    return found


def _on_route(site: Any, placed: gpd.GeoDataFrame) -> tuple[str, ...]:
    if pd.isna(site.route_id) or pd.isna(site.from_measure) or pd.isna(site.to_measure):
        return ()
    on = placed["route_id"].eq(site.route_id).fillna(False) & placed["place"].eq("segment")
    within = placed["route_measure"].between(site.from_measure - 0.5, site.to_measure + 0.5)
    return tuple(str(crash) for crash in placed.index[(on & within.fillna(False)).to_numpy(bool)])


def _inside(shape: Any, placed: gpd.GeoDataFrame) -> tuple[str, ...]:
    if shape is None or "Polygon" not in shape.geom_type:
        return ()
    rows = np.sort(placed.sindex.query(shape, predicate="intersects"))
    return tuple(str(crash) for crash in placed.index[rows])


def _by_group(
    sites: gpd.GeoDataFrame, placed: gpd.GeoDataFrame, kind: str, key: str
) -> dict[str, tuple[str, ...]]:
    at = placed[placed["place"].eq(kind).fillna(False) & placed[key].notna()]
    if at.empty:
        return {}
    groups = {name: part.index for name, part in at.groupby(key)}
    names = list(groups)
    middle = pd.DataFrame({"x": at.geometry.x, "y": at.geometry.y, "key": at[key]})
    centres = middle.groupby("key")[["x", "y"]].mean().loc[names].to_numpy()
    found: dict[str, tuple[str, ...]] = {}
    for site, shape in sites.geometry.items():
        if shape is None or shape.is_empty:
            continue
        centre = shape.centroid
        distance = np.hypot(centres[:, 0] - centre.x, centres[:, 1] - centre.y)
        nearest = int(distance.argmin())
        if distance[nearest] <= REACH:
            found[str(site)] = tuple(str(crash) for crash in groups[names[nearest]])
    return found
