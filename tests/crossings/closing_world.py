"""Small railways for tests of closing: a straight line to the east, crossings, roads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from small import METRES

from blackspots.crossings.lines import Lines
from blackspots.schema.rail import LEVELS

Line = Sequence[tuple[float, float]]


def railway(*axes: Line, names: Sequence[str | None] = (), **tracks: Sequence[Any]) -> Lines:
    """Lines of one track each, named L0, L1 ... unless told; columns of the tracks by name."""
    shapes = [shapely.LineString(axis) for axis in axes]
    refs = list(names) or [f"L{i}" for i in range(len(axes))]
    lines = gpd.GeoDataFrame(
        {
            "ref": pd.Series(refs, dtype="object"),
            "length": [s.length for s in shapes],
            "km_from": 10.0,
            "km_to": [10 + s.length / 1000 for s in shapes],
            "post_measures": [(0.0, s.length) for s in shapes],
            "post_km": [(10.0, 10 + s.length / 1000) for s in shapes],
        },
        geometry=shapes,
        crs=METRES,
    ).rename_axis("line_id")
    drawn = gpd.GeoDataFrame(
        {"line_id": range(len(shapes)), "reason": None, "main": True, **tracks},
        geometry=shapes,
        crs=METRES,
        index=pd.Index([f"t{i}" for i in range(len(shapes))], name="railway_id"),
    )
    return Lines(lines, drawn)


def register(crossings: Mapping[str, tuple[float, str]], **columns: Any) -> gpd.GeoDataFrame:
    """Crossings of line L0, which runs east from 0, by id: x [m] and kind."""
    xs = [x for x, _ in crossings.values()]
    index = pd.Index(list(crossings), name="crossing_id")
    given = {
        "kind": [kind for _, kind in crossings.values()],
        "line": "L0",
        "measure": xs,
        "km": [10 + x / 1000 for x in xs],
        "vehicles": 100.0,
        "walkers": 20.0,
        **columns,
    }
    points = [shapely.Point(x, 0.0) for x in xs]
    return gpd.GeoDataFrame(given, index=index, geometry=points, crs=METRES)


def crashes_at(index: pd.Index, fatal: float = 0.1) -> pd.DataFrame:
    """Expected crashes: so many fatal ones a year at each, as many slight ones, no others."""
    made = pd.DataFrame(0.0, index=index, columns=list(LEVELS))
    made["fatal"] = made["slight"] = fatal
    return made
