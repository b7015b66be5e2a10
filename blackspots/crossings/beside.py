"""Strands that are one crossing: the carriageways of a divided road, a sidewalk beside a road.

A register lists one crossing where a road with two carriageways or with a sidewalk meets the
railway; a footway of its own, further off, is a crossing of its own.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import shapely

from blackspots.crossings.drawn import Array, dot, points_of
from blackspots.crossings.strands import one_to_one

DIVIDED: Final = 25.0
"""Greatest distance [m] between the carriageways of a divided road (mark A)."""
SIDEWALK: Final = 10.0
"""Greatest distance [m] of a sidewalk's axis from that of its road (mark A): half a carriageway
of four lanes (7 m), half a walk (1.5 m), and how roughly both are drawn."""
_ALONG: Final = float(np.cos(np.radians(20.0)))
"""Cosine of the greatest angle between a road and what runs beside it (mark A)."""

_ONE_WAY: Final = {
    **dict.fromkeys(("yes", "true", "1", "1.0", "y", "t", "có", "x"), 1),
    **dict.fromkeys(("-1", "-1.0", "reverse"), -1),
}


def ways_of(oneway: pd.Series) -> Array:
    """1 along the line, -1 against it, 0 both ways, 2 not known."""
    known = {w: _ONE_WAY.get(str(w).strip().casefold(), 0) for w in oneway.dropna().unique()}
    return oneway.map(known).astype("Float64").fillna(2).to_numpy(dtype=np.int64)


def merged(strands: pd.DataFrame) -> tuple[Array, pd.Series]:
    """The strand that each one is part of, and why.

    Parameters
    ----------
    strands
        ``x``, ``y`` [m], ``line`` (-1 none), ``track``, ``ahead_x``, ``ahead_y`` (direction of
        its road), ``way`` (as of :func:`ways_of`), ``road_key`` (number of its number or name,
        -1 none), ``road_kind`` (``road``, ``path``, ``walked`` ...).

    Returns
    -------
    leader : int, shape (strands,)
        Position of the strand that stands for it, itself for most.
    reason : str, shape (strands,)
        ``divided``, ``sidewalk`` or empty, of those that another stands for.
    """
    count = len(strands)
    leader, reason = np.arange(count), np.full(count, "", dtype=object)
    if not count:
        return leader, pd.Series(reason, index=strands.index)
    xy = strands[["x", "y"]].to_numpy()
    shapes = points_of(xy)
    a, b = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=DIVIDED)
    line, track = strands["line"].to_numpy(), strands["track"].to_numpy()
    one = (line[a] == line[b]) & ((line[a] >= 0) | (track[a] == track[b])) & (a != b)
    a, b = a[one], b[one]
    ahead = strands[["ahead_x", "ahead_y"]].to_numpy()
    away = np.hypot(*(xy[a] - xy[b]).T)
    turn = dot(ahead[a], ahead[b])
    beside = np.abs(turn) >= _ALONG
    way, key = strands["way"].to_numpy(), strands["road_key"].to_numpy()
    kind = strands["road_kind"].to_numpy()
    against = np.isin(way[a], (1, -1)) & np.isin(way[b], (1, -1)) & (turn * way[a] * way[b] < 0)
    unknown = (way[a] == 2) & (way[b] == 2)  # noqa: PLR2004 - not known
    pair = (key[a] == key[b]) & (key[a] >= 0) & (against | unknown) & beside & (a < b)
    partner = one_to_one(a[pair], b[pair], away[pair], count)
    second = np.flatnonzero((partner >= 0) & (partner < np.arange(count)))
    leader[second], reason[second] = partner[second], "divided"
    minor = np.isin(kind, ("path", "walked"))
    walk = minor[a] & ~minor[b] & beside & (away <= SIDEWALK) & (leader[a] == a)
    order = np.lexsort((b[walk], away[walk].round(3), a[walk]))
    of, by = a[walk][order], b[walk][order]
    first = np.diff(of, prepend=-1) != 0
    leader[of[first]] = leader[by[first]]
    reason[of[first]] = "sidewalk"
    return leader, pd.Series(reason, index=strands.index)
