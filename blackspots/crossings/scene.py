"""The roads near the railway and its tracks, ready to be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots import crs as crs_
from blackspots.crossings import levels
from blackspots.crossings.drawn import Array, Drawn
from blackspots.crossings.lines import Lines
from blackspots.crossings.meeting import SAME, Rails
from blackspots.crossings.strands import arms_at, ends_of, ids_of, vertices_of
from blackspots.errors import BlackspotsError
from blackspots.presets.roadwords import kind_of

_LINES: Final = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)
_NAMED: Final = 3
_SWITCH: Final = 3
"""Ways that lead from a switch."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """Tracks of one sort, those in service or those on which no train runs.

    ``frame``: their rows; ``line``, shape (tracks,): line id, -1 none; ``ids``: node ids, 0 for
    none, shape (vertices,), None where no track has them.
    """

    frame: gpd.GeoDataFrame
    rails: Rails
    line: Array
    main: Array
    tags: levels.Tags
    ids: Array | None

    @classmethod
    def of(cls, frame: gpd.GeoDataFrame) -> Tracks:
        """From rows of :data:`blackspots.schema.TRACKS`, each line drawn once."""
        frame = frame[~shapely.is_empty(frame.geometry.array) & frame.geometry.notna()]
        frame = frame[shapely.length(frame.geometry.array) > 0]
        shapes = shapely.to_wkb(shapely.normalize(frame.geometry.array))
        frame = frame[~pd.Series(shapes).duplicated().to_numpy()]
        rails = Rails.of(np.asarray(frame.geometry.array))
        line = frame["line_id"].to_numpy(dtype=np.int64, na_value=-1)
        main = frame["main"].to_numpy(dtype=bool)
        ids = ids_of(frame, rails.drawn)
        return cls(frame, rails, line, main, levels.Tags.of(frame), ids)

    @property
    def switches(self) -> Array:
        """Places [m] where ends of three tracks or more meet, or one ends upon another."""
        if self.frame.empty:
            return np.empty((0, 2))
        drawn = self.rails.drawn
        key = vertices_of(self.frame, drawn).key
        ends = np.unique(key[ends_of(drawn)], return_index=True)
        many = arms_at(drawn, key)[ends[0]] >= _SWITCH
        return np.asarray(drawn.xy[ends_of(drawn)[ends[1][many]]])


@dataclass(frozen=True, slots=True)
class Roads:
    """The roads near a track.

    ``frame``: their rows; ``key``, shape (vertices,): numbers of the vertices; ``arms``, shape
    (keys,): how many ways lead from each; ``loose``, shape (2 x roads,): ends that no other
    road shares; ``kind``: ``road``, ``path``, ``walked``, ``motorway``.
    """

    frame: gpd.GeoDataFrame
    drawn: Drawn
    key: Array
    arms: Array
    loose: Array
    kind: Array
    tags: levels.Tags
    ids: Array | None

    @classmethod
    def of(cls, frame: gpd.GeoDataFrame) -> Roads:
        """From rows of :data:`blackspots.schema.ROADS`."""
        drawn = Drawn.of(np.asarray(frame.geometry.array))
        key = vertices_of(frame, drawn).key
        arms = arms_at(drawn, key)
        kinds = frame["road_class"] if "road_class" in frame else pd.Series(None, frame.index)
        known = {word: kind_of(word) for word in kinds.dropna().unique()}
        kind = kinds.map(known).astype(object).fillna("road")
        loose = arms[key[ends_of(drawn)]] <= 1
        tags, ids = levels.Tags.of(frame), ids_of(frame, drawn)
        return cls(frame, drawn, key, arms, loose, kind.to_numpy(dtype=object), tags, ids)


@dataclass(frozen=True, slots=True)
class Scene:
    """Roads near the railway, tracks in service, and those on which no train runs."""

    roads: Roads
    tracks: Tracks
    unused: Tracks


def scene_of(roads: gpd.GeoDataFrame, lines: Lines, reach: float) -> Scene:
    """The roads within ``reach`` [m] of a track, and the tracks.

    Raises
    ------
    BlackspotsError
        ``no-crs``, ``crs-not-metric``, ``roads-unusable``.
    ValueError
        When roads and railway are not in one CRS.
    """
    if roads.crs is None:
        raise BlackspotsError("no-crs", file="roads", table="roads")
    crs_.metric(roads.crs, "roads", roads.geometry)
    tracks = lines.tracks
    if len(tracks) and tracks.crs is not None and tracks.crs != roads.crs:
        raise ValueError("roads and railway are not in one CRS")
    idle = tracks["reason"].notna() & (tracks["reason"] != "")
    used, unused = Tracks.of(tracks[~idle]), Tracks.of(tracks[idle])
    roads = _lines(roads)
    shapes = np.asarray(roads.geometry.array)
    near = np.union1d(used.rails.near(shapes, reach), unused.rails.near(shapes, SAME))
    near = near[shapely.length(shapes[near]) > 0]
    return Scene(Roads.of(_flat(roads.iloc[near])), used, unused)


def _lines(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One line a row; what is no line is refused by name."""
    shapes = np.asarray(roads.geometry.array)
    kind = shapely.get_type_id(shapes)
    bad = ~np.isin(kind, _LINES) | shapely.is_empty(shapes)
    bad |= ~np.isfinite(shapely.bounds(shapes)).all(axis=1)
    if bad.any():
        names = ", ".join(str(label) for label in roads.index[bad][:_NAMED])
        raise BlackspotsError("roads-unusable", count=int(bad.sum()), rows=names)
    return roads.explode() if (kind != _LINES[0]).any() else roads


def _flat(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.set_geometry(
        gpd.GeoSeries(shapely.force_2d(frame.geometry.array), frame.index, crs=frame.crs)
    )


def shared_vertices(met: pd.DataFrame, roads: Roads, tracks: Tracks) -> Array:
    """Whether road and track have a vertex in common where they meet.

    By node ids where both have them; else by place, and then what is not shared is not known to
    be apart: the two layers may have been drawn each on its own.

    Returns
    -------
    int, shape (meetings,)
        :data:`~blackspots.crossings.levels.SHARED`, ``NOT_SHARED`` or ``UNKNOWN``.
    """
    road, track = met["road"].to_numpy(), met["track"].to_numpy()
    drawn, rails = roads.drawn, tracks.rails.drawn
    a = drawn.vertex_at(road, met["measure"].to_numpy(), 2 * SAME)
    b = rails.vertex_at(track, met["track_measure"].to_numpy(), 2 * SAME)
    both = (a >= 0) & (b >= 0)
    near = both & (np.hypot(*(drawn.xy[a] - rails.xy[b]).T) <= 2 * SAME)
    shared = np.where(near, levels.SHARED, levels.UNKNOWN)
    if roads.ids is None or tracks.ids is None:
        return shared
    have = (roads.ids[drawn.first[road]] != 0) & (tracks.ids[rails.first[track]] != 0)
    equal = both & (roads.ids[a] == tracks.ids[b])
    return np.where(have, np.where(equal, levels.SHARED, levels.NOT_SHARED), shared)
