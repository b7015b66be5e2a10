"""Where sites are, in ids, words and lines."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain, count
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots import referencing
from blackspots.screening.joining import Joined


def place_of(
    site: Joined,
    crashes: pd.DataFrame,
    *,
    routes: gpd.GeoDataFrame | None,
    junctions: gpd.GeoDataFrame | None,
    crossings: gpd.GeoDataFrame | None,
) -> dict[str, Any]:
    """Id, kind, words, extent and geometry of a site.

    Parameters
    ----------
    crashes
        ``route`` and ``km`` of its crashes, as recorded.

    Notes
    -----
    A site is of the kind of its strongest spot. One that holds a stretch of road is drawn as
    that stretch, whatever its kind.
    """
    first = site.spots[0]
    made: dict[str, Any] = {"kind": first.kind}
    inside = [int(spot.key) for spot in site.spots if spot.kind == "junction"]
    if inside:
        made |= {"junction_id": inside[0], "junctions": ";".join(f"J{key}" for key in inside)}
    if site.route is not None and routes is not None:
        made |= _stretch(routes, site.route, site.low, site.high)
        if inside and junctions is not None:
            names = [str(junctions.at[key, "label"] or f"J{key}") for key in inside]
            made["label"] = " · ".join([made["label"], *names])
    if first.kind == "junction" and junctions is not None:
        row = junctions.loc[first.key]
        made["site_id"] = f"J{first.key}"
        made.setdefault("label", _junction_label(f"J{first.key}", str(row["label"]), crashes))
        made.setdefault("geometry", row.geometry)
    elif first.kind == "crossing" and crossings is not None:
        row = crossings.loc[first.key]
        made |= {"site_id": f"X-{first.key}", "label": _crossing_label(str(first.key), row)}
        made |= {"crossing_id": first.key, "geometry": row.geometry}
    return made


def _stretch(routes: gpd.GeoDataFrame, route_id: int, start: float, end: float) -> dict[str, Any]:
    row = routes.loc[route_id]
    km = referencing.km_at(routes, route_id, start)
    road = row["ref"] or f"R{row['road_id']}"
    mark = f"{start:.0f}m" if np.isnan(km) else referencing.km_text(km)
    return {
        "site_id": f"{road}-{mark}",
        "label": referencing.label(routes, route_id, start, end),
        "route_id": route_id,
        "from_measure": start,
        "to_measure": end,
        "length": end - start,
        "geometry": referencing.stretch(routes, route_id, start, end),
    }


def _junction_label(name: str, roads: str, crashes: pd.DataFrame) -> str:
    """The roads that meet, and the km post that most of its crashes were recorded near."""
    posts = [
        (str(route), float(km))
        for route, km in zip(crashes["route"], crashes["km"], strict=True)
        if isinstance(route, str) and not np.isnan(km)
    ]
    if not posts:
        return roads or name
    counts = Counter(route for route, _ in posts)
    route = min(counts, key=lambda name: (-counts[name], name))
    km = float(np.median([km for name, km in posts if name == route]))
    return f"{roads or route} ({route} {referencing.km_text(km)})"


def _crossing_label(key: str, row: pd.Series) -> str:
    name = row["name"] if isinstance(row["name"], str) else key
    if not isinstance(row["railway"], str) or np.isnan(row["km"]):
        return str(name)
    post = referencing.km_text(float(row["km"]))
    return str(name) if post in name else f"{name} ({row['railway']} {post})"


def unique(names: pd.Series) -> list[str]:
    """Ids that differ, in the order given; the signs that join groups of sites are left out."""
    taken: dict[str, None] = {}
    for name in names:
        plain = re.sub(r"[;&]+", "-", str(name))
        tries = chain([plain], (f"{plain}-{n}" for n in count(2)))
        taken[next(name for name in tries if name not in taken)] = None
    return list(taken)


def areas_of_sites(
    sites: gpd.GeoDataFrame, middle: gpd.GeoSeries, areas: gpd.GeoDataFrame | None
) -> pd.Series:
    """Name of the first area that holds the middle of each site; an area site is its own."""
    named = pd.Series(None, index=sites.index, dtype="object")
    if areas is None:
        return named
    who, what = shapely.STRtree(areas.geometry.array).query(middle.array, predicate="intersects")
    pairs = pd.DataFrame({"who": who, "what": what}).sort_values(["who", "what"])
    first = pairs.drop_duplicates("who")
    named.iloc[first["who"].to_numpy()] = areas["name"].to_numpy()[first["what"]]
    return named.where(sites["kind"] != "area", sites["label"])
