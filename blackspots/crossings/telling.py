"""Found places as a table: names of roads and lines, chainage, reasons, stable ids."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.crossings.confidence import confidence
from blackspots.crossings.drawn import Array, points_of
from blackspots.crossings.lines import Lines, on_lines
from blackspots.crossings.places import Places, names_of
from blackspots.crossings.scene import Roads, Scene
from blackspots.presets.headers import plain
from blackspots.schema import FOUND_CROSSINGS, check
from blackspots.schema.rail import OUTCOMES

_STATION_TRACKS: Final = 4
"""So many tracks side by side are a station (mark A)."""


def told(places: Places, scene: Scene, lines: Lines, station: float) -> gpd.GeoDataFrame:
    """:data:`blackspots.schema.FOUND_CROSSINGS` of places, by line and measure.

    Parameters
    ----------
    station
        Greatest distance [m] from a switch of what lies in a station.
    """
    table, roads = places.table, scene.roads
    points = gpd.GeoSeries(
        shapely.points(table[["x", "y"]].to_numpy(dtype=np.float64)), crs=roads.frame.crs
    )
    on = _chainage(points, table, lines)
    table = table.assign(
        in_station=_in_station(table, points, scene, station),
        road_kind=roads.kind[table["road"].to_numpy(dtype=np.int64)],
    )
    sure, why = confidence(table)
    ids = pd.Series(roads.frame.index.astype(str).to_numpy(dtype=object))
    road, size = table["road"].to_numpy(dtype=np.int64), len(table)
    empty = np.full(len(table), None, dtype=object)
    columns = {
        "outcome": _words(table["outcome"]),
        "reasons": _words(_reasons(places, why)),
        "confidence": sure,
        "line_id": on["line_id"].array,
        "line": _words(on["line"]),
        "measure": on["measure"].to_numpy(dtype=np.float64),
        "km": on["km"].to_numpy(dtype=np.float64),
        "tracks": table["tracks"].to_numpy(dtype=np.int64),
        "main_tracks": table["main_tracks"].to_numpy(dtype=np.int64),
        "road_ids": _words(_lists(places.roads["place"], ids.iloc[places.roads["road"]], size)),
        "road_name": _words(names_of(roads)[road]),
        "road_class": _words(_classes(roads)[road]),
        "angle": table["angle"].to_numpy(dtype=np.float64).round(1),
        "in_station": table["in_station"].to_numpy(dtype=bool),
        "crossing_id": _words(empty),
        "status": _words(empty),
    }
    found = gpd.GeoDataFrame(columns, geometry=points.array, crs=roads.frame.crs)
    found = _named(found)
    check(found, FOUND_CROSSINGS)
    return found


def _words(words: pd.Series | Array) -> pd.Series:
    """Text as objects, None where there is none."""
    made = np.asarray(words, dtype=object).copy()
    made[pd.isna(made)] = None
    return pd.Series(made, dtype=object)


def _chainage(points: gpd.GeoSeries, table: pd.DataFrame, lines: Lines) -> pd.DataFrame:
    """Line, measure and km of each place; of those whose track is of no line, none."""
    line = table["line"].to_numpy(dtype=np.int64)
    known = lines.lines["ref"]
    named = pd.Series(line, index=points.index).map(known.to_dict()).astype(object)
    on = on_lines(points, lines, named=named)
    on.loc[line < 0, ["measure", "km"]] = np.nan
    on.loc[line < 0, "line_id"] = pd.NA
    on.loc[line < 0, "line"] = None
    return on


def _in_station(table: pd.DataFrame, points: gpd.GeoSeries, scene: Scene, station: float) -> Array:
    many = (table["tracks"] >= _STATION_TRACKS) | (table["main_tracks"] < table["tracks"])
    near = np.zeros(len(table), dtype=bool)
    switches = points_of(scene.tracks.switches)
    tree = shapely.STRtree(switches)
    near[tree.query(points.array, predicate="dwithin", distance=station)[0]] = True
    apart = table["outcome"].to_numpy() == "apart"
    return np.asarray((many.to_numpy(dtype=bool) & ~apart) | near)


def _reasons(places: Places, why: dict[str, Array]) -> Array:
    """Codes of each place joined by ;, the one that made the outcome first."""
    first = places.table["first_reason"].fillna("").to_numpy(dtype=object)
    lots = [
        pd.DataFrame({"place": np.arange(len(first)), "reason": first}),
        places.reasons[["place", "reason"]].sort_values(["place", "reason"]),
        *(pd.DataFrame({"place": np.flatnonzero(at), "reason": code}) for code, at in why.items()),
    ]
    every = pd.concat(lots, ignore_index=True)
    every = every[every["reason"] != ""].drop_duplicates()
    return _lists(every["place"], every["reason"], len(first))


def _lists(place: pd.Series, words: pd.Series, size: int) -> Array:
    """Different words of each place joined by ;, None for none; in their order."""
    at = place.to_numpy(dtype=np.int64)
    order = np.argsort(at, kind="stable")
    at, listed = at[order], words.to_numpy(dtype=object)[order]
    first = np.flatnonzero(np.diff(at, prepend=-1))
    count = np.diff(np.r_[first, len(at)])
    made = np.full(size, None, dtype=object)
    made[at[first]] = listed[first]
    for start, several in zip(first[count > 1], count[count > 1], strict=True):
        made[at[start]] = ";".join(dict.fromkeys(listed[start : start + several]))
    return made


def _classes(roads: Roads) -> Array:
    if "road_class" not in roads.frame:
        return np.full(len(roads.frame), None, dtype=object)
    return np.asarray(roads.frame["road_class"].to_numpy(dtype=object))


def _named(found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The table with its ids, by line and measure.

    What is found at one chainage a second time is numbered, crossings first.
    """
    xy = np.stack([found.geometry.x, found.geometry.y], axis=1)
    metres = np.where(found["km"].notna(), found["km"] * 1000, found["measure"])
    line = found["line_id"].to_numpy(dtype=np.int64, na_value=-1)
    slugs = [
        (plain(name) if isinstance(name, str) else "").replace(" ", "-") or str(number)
        for name, number in zip(found["line"], line, strict=True)
    ]
    stem = [
        f"LX-{slug}-{round(at)}" if number >= 0 else f"LX-{round(x)}-{round(y)}"
        for slug, number, at, (x, y) in zip(slugs, line, metres, xy, strict=True)
    ]
    rank = found["outcome"].map({name: at for at, name in enumerate(OUTCOMES)}).to_numpy()
    order = np.lexsort((found["road_ids"], xy[:, 1], xy[:, 0], found["measure"], rank))
    stems = pd.Series(stem, dtype=object).iloc[order]
    again = stems.groupby(stems).cumcount().sort_index()
    ids = [s if n == 0 else f"{s}-{n + 1}" for s, n in zip(stem, again, strict=True)]
    made = found.set_axis(pd.Index(ids, name=FOUND_CROSSINGS.index, dtype=object))
    by_line = np.where(line < 0, np.iinfo(np.int64).max, line)
    return made.iloc[np.lexsort((np.array(ids, dtype=str), rank, found["measure"], by_line))]
