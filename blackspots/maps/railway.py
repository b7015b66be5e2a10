"""The level crossings of the page: the register, the candidates, the ways to close them.

Found crossings enter only while they are ``candidate`` or ``review``: those that match a
listed crossing stand in the register, and those that lie apart (bridge, tunnel) are none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots.maps import encode
from blackspots.schema import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Callable

REGISTER_COLUMNS: Final[dict[str, str]] = {
    "name": "text",
    "kind": "word",
    "line": "word",
    "km": "km",
    "place_reason": "word",
    "area": "word",
    "listed": "boolean",
    "road_class": "word",
    "width": "figure",
    "tracks": "integer",
    "speed": "integer",
    "sight": "boolean",
    "protection": "word",
    "protection_code": "word",
    "crossing_class": "word",
    "required": "word",
    "complies": "boolean",
    "rule_reason": "word",
    "vehicles": "integer",
    "vehicles_low": "integer",
    "vehicles_high": "integer",
    "vehicles_from": "word",
    "walkers": "integer",
    "trains": "figure",
    "trains_from": "word",
    "crashes": "integer",
    "queue_crashes": "integer",
    "deaths": "integer",
    "injured": "integer",
    "predicted": "figure",
    "accidents": "figure",
    "accidents_low": "figure",
    "accidents_high": "figure",
    "casualty": "figure",
    "fatal": "figure",
    "score": "figure",
    "rank": "integer",
    "rank_low": "integer",
    "rank_high": "integer",
    "rate_reason": "word",
}
"""Columns of a crossing of the register that the page holds, beside its id and place."""

FOUND_COLUMNS: Final[dict[str, str]] = {
    "status": "word",
    "outcome": "word",
    "reasons": "word",
    "confidence": "figure",
    "line": "word",
    "km": "km",
    "area": "word",
    "tracks": "integer",
    "main_tracks": "integer",
    "road_name": "text",
    "road_class": "word",
    "angle": "integer",
    "in_station": "boolean",
}
"""Columns of a found crossing that the page holds, beside its id and place."""

CLOSURE_COLUMNS: Final[dict[str, str]] = {
    "line": "word",
    "km_from": "km",
    "km_to": "km",
    "paths": "integer",
    "n_closed": "integer",
    "service_road": "integer",
    "fence": "integer",
    "detour_mean": "integer",
    "detour_longest": "integer",
    "vehicles_moved": "integer",
    "cost": "integer",
    "cost_low": "integer",
    "cost_high": "integer",
    "upkeep": "integer",
    "detour_cost": "integer",
    "life": "figure",
    "mark": "word",
    **{f"avoided_{level}": "figure" for level in SEVERITIES if level != "unknown"},
    "best": "boolean",
}
"""Columns of a closure that the page holds, beside its id, group, crossings and lines."""

SHOWN: Final = ("candidate", "review")
"""Found crossings that the page shows, by their status."""

_FIGURES: Final = 3
_KM_DIGITS: Final = 3
_LINE_TOLERANCE: Final = 2.0


def rail_payload(
    register: gpd.GeoDataFrame | None,
    found: gpd.GeoDataFrame | None,
    closures: gpd.GeoDataFrame | None,
    *,
    placed: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame | None = None,
) -> dict[str, Any] | None:
    """Level crossings as the page's data.

    The score enters only where no accidents are given: elsewhere those are what ranks.

    Parameters
    ----------
    register, found, closures
        Tables ``CROSSING_REGISTER``, ``FOUND_CROSSINGS`` and ``CLOSURES``.
    placed
        Crashes with a place, in the order in which the page holds them.
    areas
        With ``name``: the area of a candidate is the one it lies in.

    Returns
    -------
    dict or None
        Without a register and without found crossings there is nothing to show.
    """
    if register is None and found is None:
        return None
    listed = _in_order(register, ["rank", "line", "measure", "km"])
    if {"score", "accidents"} <= set(listed.columns):
        listed = listed.assign(score=listed["score"].where(listed["accidents"].isna()))
    shown = found[found["status"].isin(SHOWN)] if found is not None else None
    if shown is not None and areas is not None and "area" not in shown:
        shown = shown.assign(area=_areas_at(shown, areas))
    candidates = _in_order(shown, ["line", "measure"])
    return {
        "register": _rows(listed, REGISTER_COLUMNS),
        "found": _rows(candidates, FOUND_COLUMNS),
        "closures": _closures(closures, listed),
        "crashes": _crashes_at(listed, placed),
    }


def _in_order(frame: gpd.GeoDataFrame | None, by: list[str]) -> gpd.GeoDataFrame:
    if frame is None:
        return gpd.GeoDataFrame(geometry=[])
    known = [name for name in by if name in frame]
    return frame.sort_values(known, kind="stable", na_position="last") if known else frame


def _areas_at(found: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> list[Any]:
    points, shapes = areas.sindex.query(found.geometry.to_numpy(), predicate="intersects")
    names = areas["name"].to_numpy()
    at: list[Any] = [pd.NA] * len(found)
    for point, shape in sorted(zip(points.tolist(), shapes.tolist(), strict=True), reverse=True):
        at[point] = names[shape]
    return at


def _rows(frame: gpd.GeoDataFrame, wanted: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": encode.joined([str(row) for row in frame.index]),
        **_columns(frame, wanted),
        **encode.points(encode.geographic(frame)),
    }


def _columns(frame: pd.DataFrame, wanted: Mapping[str, str]) -> dict[str, Any]:
    missing = pd.Series(pd.NA, frame.index, dtype="object")
    encoded: dict[str, Any] = {}
    for name, kind in wanted.items():
        values = frame.get(name, missing)
        if kind in _NAMED:
            encoded[name] = _NAMED[kind](values)
        else:
            encoded[name] = _short(_FIGURED[kind](values))
    return encoded


def _short(values: list[Any]) -> str | list[Any]:
    whole = all(value is None or isinstance(value, int) for value in values)
    return encode.digits(values) if whole else values


def _km(values: pd.Series) -> list[Any]:
    return encode.numbers(values, _KM_DIGITS)


def _figures(values: pd.Series) -> list[Any]:
    return encode.significant(values, _FIGURES)


_NAMED: Final[dict[str, Callable[[pd.Series], Any]]] = {
    "text": encode.texts,
    "word": encode.words,
}
_FIGURED: Final[dict[str, Callable[[pd.Series], list[Any]]]] = {
    "integer": encode.numbers,
    "boolean": encode.flags,
    "km": _km,
    "figure": _figures,
}


def _closures(closures: gpd.GeoDataFrame | None, register: gpd.GeoDataFrame) -> dict[str, Any]:
    frame = _in_order(closures, ["group_id", "n_closed", "cost"])
    order = {str(crossing): row for row, crossing in enumerate(register.index)}
    missing = pd.Series(pd.NA, frame.index, dtype="object")
    thin = encode.simplified(frame, _LINE_TOLERANCE) if len(frame) else frame
    return {
        "id": encode.joined([str(row) for row in frame.index]),
        "group": encode.words(frame.get("group_id", missing)),
        **_columns(frame, CLOSURE_COLUMNS),
        "from": [_row(value, order) for value in frame.get("from_crossing", missing)],
        "to": [_row(value, order) for value in frame.get("to_crossing", missing)],
        "closed": [_row_list(value, order) for value in frame.get("closed", missing)],
        "kept": [_row_list(value, order) for value in frame.get("kept", missing)],
        "paths_drawn": [encode.paths(shape) for shape in encode.geographic(thin)],
    }


def _row(value: Any, order: Mapping[str, int]) -> int | None:
    return None if pd.isna(value) else order.get(str(value))


def _row_list(value: Any, order: Mapping[str, int]) -> list[int]:
    if pd.isna(value):
        return []
    names = (name.strip() for name in re.split(";", str(value)))
    return [order[name] for name in names if name in order]


def _crashes_at(register: gpd.GeoDataFrame, placed: gpd.GeoDataFrame) -> dict[str, Any]:
    """Crashes of each crossing: at it with a train, and in the queue before it."""
    order = pd.Series(np.arange(len(register)), index=register.index.astype("string"))
    at = _matched(placed, "crossing_id", order)
    if "place" in placed:
        at = at.where(placed["place"].eq("crossing").fillna(False).to_numpy(bool), -1)
    queue = _matched(placed, "queue_at", order).where(at < 0, -1)
    rows = np.flatnonzero((at >= 0) | (queue >= 0))
    queued = (at.to_numpy()[rows] < 0).astype(int).tolist()
    return {
        "at": at.where(at >= 0, queue).to_numpy()[rows].tolist(),
        "crash": encode.steps(rows.tolist()),
        "queue": encode.digits(queued),
    }


def _matched(placed: gpd.GeoDataFrame, column: str, order: pd.Series) -> pd.Series:
    if column not in placed or order.empty:
        return pd.Series(-1, index=placed.index)
    found = placed[column].astype("string").map(order[~order.index.duplicated()])
    return pd.Series(pd.to_numeric(found, errors="coerce"), placed.index).fillna(-1).astype(int)
