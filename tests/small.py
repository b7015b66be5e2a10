"""Small worlds for tests: roads and crashes from plain coordinates in metres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from blackspots.schema import CRASHES, CROSSINGS, EMPTY, REPAIRS, Table

METRES = "EPSG:32648"
Line = Sequence[tuple[float, float]]


def roads(*lines: Line, crs: str | None = METRES, **columns: Sequence[Any]) -> gpd.GeoDataFrame:
    """Road layer from vertex lists; road ids are r0, r1 ...; columns by name."""
    index = pd.Index([f"r{i}" for i in range(len(lines))], name="road_id")
    shapes = [shapely.LineString(line) for line in lines]
    return gpd.GeoDataFrame(
        {name: list(values) for name, values in columns.items()},
        index=index,
        geometry=shapes,
        crs=crs,
    )


def _table(table: Table, names: list[str], columns: dict[str, Any]) -> dict[str, pd.Series]:
    index = pd.Index(names, name=table.index)
    return {
        column.name: pd.Series(columns.get(column.name), index=index, dtype=EMPTY[column.kind])
        for column in table.columns
    }


def _points(points: Sequence[tuple[float, float] | None]) -> list[shapely.Point | None]:
    return [None if p is None else shapely.Point(p) for p in points]


def crashes(
    points: Sequence[tuple[float, float] | None],
    *,
    crs: str = METRES,
    ids: Sequence[str] | None = None,
    **columns: Any,
) -> gpd.GeoDataFrame:
    """Crashes of 2024-06-01 and severity injury unless columns say otherwise."""
    count = len(points)
    given = {
        "date": pd.to_datetime(["2024-06-01"] * count),
        "severity": ["injury"] * count,
        "source_file": ["test"] * count,
        "source_row": list(range(2, count + 2)),
        **columns,
    }
    names = list(ids) if ids is not None else [f"c{i}" for i in range(count)]
    return gpd.GeoDataFrame(_table(CRASHES, names, given), geometry=_points(points), crs=crs)


def crossings(points: Sequence[tuple[float, float]], **columns: Any) -> gpd.GeoDataFrame:
    """Level crossings x0, x1 ..."""
    names = [f"x{i}" for i in range(len(points))]
    kinds = {"kind": ["official"] * len(points), **columns}
    return gpd.GeoDataFrame(_table(CROSSINGS, names, kinds), geometry=_points(points), crs=METRES)


def repairs(points: Sequence[tuple[float, float] | None], **columns: Any) -> gpd.GeoDataFrame:
    """Repairs w0, w1 ... as read, not yet placed."""
    names = [f"w{i}" for i in range(len(points))]
    given = {
        "source_file": ["works"] * len(points),
        "source_row": list(range(2, len(points) + 2)),
        **columns,
    }
    return gpd.GeoDataFrame(_table(REPAIRS, names, given), geometry=_points(points), crs=METRES)


def areas(*corners: tuple[float, float, float, float], names: Sequence[str]) -> gpd.GeoDataFrame:
    """Boxes (x0, y0, x1, y1) as areas."""
    index = pd.Index([f"a{i}" for i in range(len(corners))], name="area_id")
    return gpd.GeoDataFrame(
        {"name": list(names), "level": "district"},
        index=index,
        geometry=[shapely.box(*c) for c in corners],
        crs=METRES,
    )
