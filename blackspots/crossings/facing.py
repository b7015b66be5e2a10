"""Ends of roads and paths at the railway: those that face each other across it, and the rest.

::

        │ path                       Self-opened paths are often drawn up to the railway and
        ╵                            on from beyond it. Two such ends are a place where the
    ━━━━━━━━━━━━━━━ track            railway is crossed, though nothing in the data crosses it.
          ╷
          │ path
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import shapely

from blackspots.crossings.drawn import Array, Drawn, cross, dot, points_of
from blackspots.crossings.meeting import ARM, SAME, STUB, Rails, segments_of
from blackspots.crossings.strands import ends_of, one_to_one

SHIFT: Final = 15.0
"""How far [m] along the railway two ends may be shifted that face each other (mark A)."""
_TOWARDS: Final = 0.5
"""Sine of the least angle to the track at which an end points towards it (mark A)."""
_OPPOSITE: Final = -0.8
"""Greatest product of the directions in which two ends lie from their tracks (mark A)."""


def road_ends(roads: Drawn, rails: Rails, loose: Array, reach: float) -> pd.DataFrame:
    """Ends within ``reach`` [m] of a track, of those that are ``loose``, shape (2 x roads,).

    Returns
    -------
    DataFrame
        A row an end: ``end`` (2 x road, + 1 for the last vertex), ``x``, ``y`` [m], ``track``,
        ``track_measure``, ``away`` [m], ``foot_x``, ``foot_y`` [m]: where the track is nearest;
        ``out_x``, ``out_y``: unit vector across the track to the side that the road comes from;
        ``towards``: whether it points towards the track.
    """
    end = np.flatnonzero(loose)
    xy = roads.xy[ends_of(roads)[end]]
    at, track, measure, away = rails.nearest(xy, reach)
    end, xy, road = end[at], xy[at], end[at] // 2
    reached = np.minimum(ARM, roads.length[road])
    inner = roads.at(road, np.where(end % 2, roads.length[road] - reached, reached))
    foot = rails.drawn.at(track, measure)
    ahead = rails.drawn.direction(track, measure, ARM)
    inside, outside = cross(ahead, inner - foot), cross(ahead, xy - foot)
    side = np.where(inside < 0, -1.0, 1.0)
    towards = (inside - outside) * side >= _TOWARDS * np.hypot(*(inner - xy).T)
    normal = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) * side[:, None]
    return pd.DataFrame(
        {
            "end": end,
            "x": xy[:, 0],
            "y": xy[:, 1],
            "track": track,
            "track_measure": measure,
            "away": away,
            "foot_x": foot[:, 0],
            "foot_y": foot[:, 1],
            "out_x": normal[:, 0],
            "out_y": normal[:, 1],
            "towards": towards,
        }
    )


def facing_pairs(ends: pd.DataFrame, line: Array, reach: float) -> pd.DataFrame:
    """Ends that face each other across the tracks of one line, one to one, the nearest first.

    Returns
    -------
    DataFrame
        ``one``, ``other`` (rows of ``ends``), ``gap`` [m] between them, ``x``, ``y`` [m] of the
        place on the railway, ``angle`` [degrees] to the track.
    """
    of = ends[ends["towards"]].reset_index(names="row")
    xy = of[["x", "y"]].to_numpy()
    shapes = points_of(xy)
    tree = shapely.STRtree(shapes)
    a, b = tree.query(shapes, predicate="dwithin", distance=2 * reach + SHIFT)
    a, b = a[a < b], b[a < b]
    out = of[["out_x", "out_y"]].to_numpy()
    track = of["track"].to_numpy(dtype=np.int64)
    step = xy[b] - xy[a]
    ahead = np.stack([out[:, 1], -out[:, 0]], axis=1)
    one_line = (line[track[a]] == line[track[b]]) & ((line[track[a]] >= 0) | (track[a] == track[b]))
    fits = one_line & (dot(out[a], out[b]) <= _OPPOSITE)
    fits &= (np.abs(dot(step, ahead[a])) <= SHIFT) & (dot(step, out[a]) <= STUB)
    road = of["end"].to_numpy() // 2
    fits &= road[a] != road[b]
    a, b, step = a[fits], b[fits], step[fits]
    gap = np.hypot(*step.T)
    partner = one_to_one(a, b, gap, len(of))
    kept = partner[a] == b
    a, b, step, gap = a[kept], b[kept], step[kept], gap[kept]
    foot = of[["foot_x", "foot_y"]].to_numpy()
    place = (foot[a] + foot[b]) / 2
    slant = np.degrees(np.arctan2(np.abs(dot(step, out[a])), np.abs(dot(step, ahead[a]))))
    row = of["row"].to_numpy()
    return pd.DataFrame(
        {
            "one": row[a],
            "other": row[b],
            "gap": gap,
            "x": place[:, 0],
            "y": place[:, 1],
            "angle": np.where(gap > STUB, slant, 90.0),
        }
    ).reset_index(drop=True)


def tracks_between(pairs: pd.DataFrame, ends: pd.DataFrame, rails: Rails) -> pd.DataFrame:
    """Tracks that lie between the ends of each pair: ``pair``, ``track``; at least the nearest."""
    xy = ends[["x", "y"]].to_numpy()
    one, other = pairs["one"].to_numpy(), pairs["other"].to_numpy()
    shapes = segments_of(xy[one], xy[other]) if len(pairs) else np.empty(0, dtype=object)
    at, piece = rails.tree.query(shapes, predicate="dwithin", distance=SAME)
    every = np.arange(len(pairs))
    nearest = ends["track"].to_numpy(dtype=np.int64)
    found = pd.DataFrame(
        {"pair": np.r_[at, every], "track": np.r_[rails.track[piece], nearest[one]]}
    )
    # Of a place between two pieces of one track only one is counted.
    return found.drop_duplicates(ignore_index=True)
