"""Crashes as a caller gives them, brought to the table of placed crashes, or refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.errors import BlackspotsError
from blackspots.schema import CRASHES, EMPTY, LOCATED
from blackspots.sources import route_name

_NAMED: Final = 5
_NUMBERS: Final = ("km", "bearing", "road_layer", "uncertainty", "km_uncertainty")
"""Columns that placing reckons with."""


def same_crs(crashes: gpd.GeoDataFrame, **layers: gpd.GeoDataFrame | None) -> None:
    """Raise ``crs-differs`` for the first layer in another CRS than the crashes."""
    for name, layer in layers.items():
        if layer is not None and layer.crs != crashes.crs:
            raise BlackspotsError(
                "crs-differs", table=name, one=str(layer.crs), other=str(crashes.crs)
            )


@dataclass(frozen=True, slots=True)
class Layers:
    """A network's tables."""

    segments: gpd.GeoDataFrame
    parts: pd.DataFrame
    nodes: gpd.GeoDataFrame
    routes: gpd.GeoDataFrame


def network_of(
    segments: gpd.GeoDataFrame | None,
    parts: pd.DataFrame | None,
    nodes: gpd.GeoDataFrame | None,
    routes: gpd.GeoDataFrame | None,
) -> Layers | None:
    """The network, where one is given.

    Raises
    ------
    ValueError
        When some of its tables are given, but not all: it names those that are missing.
    """
    if segments is not None and parts is not None and nodes is not None and routes is not None:
        return Layers(segments, parts, nodes, routes)
    tables = {"segments": segments, "parts": parts, "nodes": nodes, "routes": routes}
    missing = [name for name, table in tables.items() if table is None]
    if len(missing) < len(tables):
        told = ", ".join(missing)
        raise ValueError(f"a network is segments, parts, nodes and routes; missing: {told}")
    return None


def blank(crashes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The crashes with all columns of :data:`blackspots.schema.LOCATED`, none of them placed.

    A plain layer of points lacks many columns of a register. Columns of results start empty,
    whatever the layer has under their names: another placing's, or words of the user's own.

    Raises
    ------
    ValueError
        When the index has several levels.
    BlackspotsError
        ``crashes-unusable`` for rows that are no points, or share their id with another (ids
        are text: 1 and "1" are one); ``crashes-not-numbers``, ``crashes-not-yes-no`` for a
        column that placing needs and cannot read.
    """
    if crashes.index.nlevels > 1:
        raise ValueError("crashes: the index has several levels; give each crash one id")
    names = crashes.index.map(str).rename(LOCATED.index)
    _require_points(crashes, names)
    made = crashes.set_axis(names)
    required = {
        "severity": "unknown",
        "source_file": "",
        "source_row": np.arange(1, len(crashes) + 1),
    }
    new: dict[str, object] = {}
    for column in LOCATED.columns:
        if column.name not in CRASHES.by_name or column.name not in crashes:
            empty = pd.Series(None, index=names, dtype=EMPTY[column.kind])
            new[column.name] = required.get(column.name, empty)
    new |= {name: _numbers(made[name]) for name in _NUMBERS if name in crashes}
    if "train_involved" in crashes:
        new["train_involved"] = _yes_or_no(made["train_involved"])
    return _without_nowhere(made.assign(**new))


def trains_of(crashes: pd.DataFrame) -> np.ndarray:
    """1 for a crash with a train, 0 for one without, NaN where it is not recorded."""
    known = crashes["train_involved"].astype("boolean")
    return np.asarray(known.to_numpy(dtype="float64", na_value=np.nan))


def spelt(roads: pd.Series) -> np.ndarray:
    """Numbers and names of roads in one spelling, as the readers of files write them.

    Each different one is read once; None where there is none.
    """
    code, words = pd.factorize(roads)
    read = [route_name(word) or None for word in words]
    return np.array([*read, None], dtype=object)[code]


def _require_points(crashes: gpd.GeoDataFrame, names: pd.Index) -> None:
    shapes = crashes.geometry.to_numpy()
    there = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    bad = there & (shapely.get_type_id(shapes) != shapely.GeometryType.POINT)
    bad |= names.duplicated()
    if bad.any():
        told = ", ".join(names[bad][:_NAMED])
        raise BlackspotsError("crashes-unusable", count=int(bad.sum()), rows=told)


def _without_nowhere(crashes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The same with no point instead of one without finite coordinates."""
    points = crashes.geometry.to_numpy().copy()
    xy, owner = shapely.get_coordinates(points, return_index=True)
    there = np.zeros(len(points), dtype=bool)
    there[owner[np.isfinite(xy).all(axis=1)]] = True
    if (there | shapely.is_missing(points)).all():
        return crashes
    points[~there] = None
    return crashes.set_geometry(gpd.GeoSeries(points, index=crashes.index, crs=crashes.crs))


def _numbers(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column
    found = pd.to_numeric(column, errors="coerce").astype("float64")
    if (lost := _first_lost(column, found)) is not None:
        raise BlackspotsError("crashes-not-numbers", column=str(column.name), value=lost)
    return found


def _yes_or_no(column: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(column.dtype):
        return column
    known = {True: True, False: False}  # 1 and 0 are equal to them
    found = pd.Series([known.get(value, pd.NA) for value in column], column.index, "boolean")
    if (lost := _first_lost(column, found)) is not None:
        raise BlackspotsError("crashes-not-yes-no", column=str(column.name), value=lost)
    return found


def _first_lost(column: pd.Series, found: pd.Series) -> str | None:
    """The first value that says something which was not read."""
    lost = column[(column.notna() & found.isna()).to_numpy()]
    return str(lost.iloc[0]) if len(lost) else None
