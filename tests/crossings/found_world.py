"""Found crossings from plain coordinates in metres, for tests of matching and verification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from small import METRES

from blackspots.schema import EMPTY, FOUND_CROSSINGS

Place = tuple[float, float]


def found(points: Sequence[Place], *, crs: str = METRES, **columns: Any) -> gpd.GeoDataFrame:
    """Found crossings LX-0, LX-1 ... at grade on one track, unless columns say otherwise."""
    count = len(points)
    index = pd.Index([f"LX-{i}" for i in range(count)], name=FOUND_CROSSINGS.index, dtype="object")
    given = {
        "outcome": ["crossing"] * count,
        "confidence": [0.9] * count,
        "tracks": [1] * count,
        "main_tracks": [1] * count,
        "in_station": [False] * count,
        **columns,
    }
    frame = {
        column.name: pd.Series(given.get(column.name), index=index, dtype=EMPTY[column.kind])
        for column in FOUND_CROSSINGS.columns
    }
    return gpd.GeoDataFrame(frame, geometry=[shapely.Point(p) for p in points], crs=crs)


def on_line(points: Sequence[Place]) -> dict[str, list[float]]:
    """Line and measure of places where the railway is the x axis."""
    return {"line_id": [0] * len(points), "measure": [x for x, _ in points]}


def placed(points: Sequence[Place | None], index: pd.Index, reach: float = 100.0) -> pd.DataFrame:
    """Where listed crossings are on that railway, as ``on_lines`` says it."""
    near = [p is not None and abs(p[1]) <= reach for p in points]
    told = list(zip(points, near, strict=True))
    return pd.DataFrame(
        {
            "line_id": pd.array([0 if ok else None for ok in near], dtype="Int64"),
            "measure": [p[0] if p and ok else float("nan") for p, ok in told],
            "offset": [abs(p[1]) if p and ok else float("nan") for p, ok in told],
        },
        index=index,
    )
