"""Crashes heaped on one coordinate: some office put them at the middle of a district or road."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

HEAP: Final = 5
"""Crashes on exactly one coordinate from which it is looked at."""
MIDDLE: Final = 200.0
"""Distance [m] from the middle of an area within which a heap is taken to stand for the area."""
SMALL: Final = 0.1
"""Share of an area's radius that this may be: all of a small area is near its middle."""
SPREAD_KM: Final = 1.0
"""Difference [km] of the km posts of one road within a heap that shows it is none place."""
ROADS: Final = 3
"""Different roads named within a heap that show the same."""
_COLUMNS: Final = ["x", "y", "crashes", "reason", "area", "uncertainty", "ids"]


def heaped(
    crashes: gpd.GeoDataFrame, areas: Mapping[str, gpd.GeoDataFrame]
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Find heaps that are no places, and give their crashes the uncertainty that this means.

    A coordinate that five or more crashes share is suspicious when it is within 200 m (and a
    tenth of the area's radius) of the middle (centroid, or point on the surface) of an area,
    when its crashes name three or more roads, or when their km posts on one road differ by more
    than 1 km. A busy junction whose crashes were all snapped to one point is none of these.

    Parameters
    ----------
    crashes
        :data:`blackspots.schema.CRASHES`.
    areas
        Level to :data:`blackspots.schema.AREAS`.

    Returns
    -------
    crashes
        With ``uncertainty`` [m] raised: to the radius of a circle as large as the area, or
        half the spread of the km posts.
    stacks : DataFrame
        One row a suspicious coordinate: ``x``, ``y`` [m], ``crashes``, ``reason`` (``middle``,
        ``roads``, ``posts``), ``area``, ``uncertainty`` [m; NaN where not known], ``ids``.
    """
    points = np.asarray(crashes.geometry.array)
    x, y = shapely.get_x(points), shapely.get_y(points)
    known = np.flatnonzero(~np.isnan(x))
    order = known[np.lexsort((known, y[known], x[known]))]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(x[order]) != 0) | (np.diff(y[order]) != 0)
    heap = np.cumsum(new) - 1
    large = np.bincount(heap, minlength=1)[heap] >= HEAP
    rows = order[large]
    if not len(rows):
        return crashes, pd.DataFrame(columns=_COLUMNS)
    heap = pd.factorize(heap[large])[0]
    first = rows[np.flatnonzero(np.r_[True, np.diff(heap) != 0])]
    found = pd.DataFrame({"x": x[first], "y": y[first], "crashes": np.bincount(heap)})
    found["ids"] = pd.Series(crashes.index.to_numpy()[rows].astype(str)).groupby(heap).agg(";".join)
    _explain(found, crashes.iloc[rows], heap, areas)
    uncertainty = crashes["uncertainty"].to_numpy(dtype="float64", copy=True)
    uncertainty[rows] = np.fmax(uncertainty[rows], found["uncertainty"].to_numpy()[heap])
    suspicious = found[found["reason"].notna()].reset_index(drop=True)
    return crashes.assign(uncertainty=uncertainty), suspicious[_COLUMNS]


def _explain(
    found: pd.DataFrame,
    crashes: pd.DataFrame,
    heap: np.ndarray,
    areas: Mapping[str, gpd.GeoDataFrame],
) -> None:
    """Why each heap is no place, the area it stands for, and how far its crashes may be [m]."""
    found["reason"] = pd.Series(None, index=found.index, dtype=object)
    found["area"] = pd.Series(None, index=found.index, dtype=object)
    found["uncertainty"] = np.nan
    named = pd.DataFrame({"heap": heap, "route": crashes["route"].to_numpy()})
    named["km"] = crashes["km"].to_numpy()
    several = named.dropna(subset=["route"]).groupby("heap")["route"].nunique()
    roads = several.index[several >= ROADS]
    found.loc[roads, "reason"] = "roads"
    kms = named.dropna(subset=["route", "km"]).groupby(["heap", "route"])["km"]
    spread = (kms.max() - kms.min()).groupby("heap").max()
    spread = spread[spread > SPREAD_KM]
    found.loc[spread.index, "reason"] = "posts"
    found.loc[spread.index, "uncertainty"] = spread * 500.0
    points = np.asarray(shapely.points(found["x"], found["y"]))
    for layer in list(areas.values())[::-1]:  # the first level has the last word
        shapes = np.asarray(layer.geometry.array)
        middles = np.concatenate([shapely.centroid(shapes), shapely.point_on_surface(shapes)])
        radius = np.tile(np.sqrt(shapely.area(shapes) / np.pi), 2)
        who, what = shapely.STRtree(middles).query(points, "dwithin", MIDDLE)
        near = shapely.distance(points[who], middles[what]) <= SMALL * radius[what]
        who, what = who[near], what[near]
        nearest = np.argsort(shapely.distance(points[who], middles[what]), kind="stable")
        who, at = np.unique(who[nearest], return_index=True)
        what = what[nearest][at] % len(shapes)
        found.loc[who, "reason"] = "middle"
        found.loc[who, "area"] = layer["name"].to_numpy(dtype=object)[what]
        found.loc[who, "uncertainty"] = np.sqrt(shapely.area(shapes[what]) / np.pi)
