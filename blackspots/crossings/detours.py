"""Ways along each side of a railway, without crossing it at grade.

The roads are cut wherever they meet a track at grade, at a listed crossing or not; over bridges
and through underpasses they run on. Each crossing gets a foot on the left of its line and one on
the right, where the ends of the cut road lie, or, where no road is drawn on that side, the
nearest point of a road there. Ways from foot to foot are then shortest paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from blackspots.crossings.lines import Lines
from blackspots.crossings.severing import INWARD, Pieces, Sides, cut_at_railway, parts_of
from blackspots.graph import Graph
from blackspots.graph.plain import spread

__all__ = ["Feet", "Ways", "feet_of", "ways_between"]

ACCESS: Final = 50.0
"""Distance [m] from a crossing to the nearest road on a side without a drawn one (A)."""

_AT_ONCE: Final = 4_000_000
"""Distances held at a time: 32 MB."""

_OTHERS: Final = 1.0
"""Way [m] over an open crossing of another railway line."""


@dataclass(frozen=True, slots=True, eq=False)
class Feet:
    """The cut network and where the crossings stand in it.

    ``foot``, shape (2, crossings): node of the foot on the left and on the right. ``place``,
    shape (nodes,): points. ``unlisted``: one point for each place where a road meets a track at
    grade and no crossing is listed; roads are cut there too.
    """

    graph: Graph
    foot: np.ndarray
    place: np.ndarray
    unlisted: gpd.GeoSeries


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """Ways [m] between the feet of n crossings, infinite for none within reach.

    ``along``, shape (2, n, n): on the left, on the right; ``across``, shape (n,): from the left
    foot of each to its right one, over a bridge or underpass or round the end of the line.
    """

    along: np.ndarray
    across: np.ndarray


def feet_of(
    crossings: gpd.GeoDataFrame,
    roads: gpd.GeoDataFrame,
    lines: Lines,
    *,
    reach: float,
    wanted: np.ndarray,
) -> Feet:
    """The roads around some crossings, cut at the railway, and the crossings' feet.

    Parameters
    ----------
    crossings
        Points on the lines, none missing.
    roads
        :data:`blackspots.schema.ROADS`; columns of levels may be missing.
    lines
        Their axes give the sides, their tracks the places where roads are cut.
    reach
        Longest way [m] of interest.
    wanted : bool, shape (crossings,)
        Those that ways are asked for: roads that no such way can take are left out.
    """
    near = _near(roads, crossings[wanted], reach)
    pieces, unlisted = cut_at_railway(near, lines, crossings)
    sides = Sides(lines)
    pieces, foot = _joined(pieces, crossings, sides)
    length = shapely.length(pieces.line)
    graph = Graph(pieces.ends[0], pieces.ends[1], length, pieces.nodes)
    place = np.full(pieces.nodes, None, dtype=object)
    for end, at in ((0, 0), (1, -1)):
        place[pieces.ends[end]] = shapely.get_point(pieces.line, at)
    for side in (0, 1):
        place[foot[side]] = np.asarray(crossings.geometry.array)
    return Feet(graph, foot, place, unlisted)


def _near(roads: gpd.GeoDataFrame, crossings: gpd.GeoDataFrame, reach: float) -> gpd.GeoDataFrame:
    lines = np.asarray(roads.geometry.array)
    usable = ~(shapely.is_missing(lines) | shapely.is_empty(lines)) & (shapely.length(lines) > 0)
    # A way within reach leads at most half of it away from either end.
    around = shapely.union_all(shapely.buffer(np.asarray(crossings.geometry.array), reach / 2))
    rows = np.flatnonzero(usable)
    hits = shapely.STRtree(lines[rows]).query(around, "intersects")
    return roads.iloc[rows[np.sort(hits)]]


def _joined(pieces: Pieces, crossings: gpd.GeoDataFrame, sides: Sides) -> tuple[Pieces, np.ndarray]:
    """Feet without a road of their own linked to the nearest road on their side.

    The link is as long as the straight way; where no road lies within :data:`ACCESS` the foot
    stands alone.
    """
    size = len(crossings)
    foot = np.stack([2 * np.arange(size), 2 * np.arange(size) + 1])
    has = np.zeros(pieces.nodes, dtype=bool)
    has[pieces.ends.ravel()] = True
    level_road = np.flatnonzero(~pieces.level)
    spots = np.asarray(crossings.geometry.array)
    missing = np.flatnonzero(~has[foot].all(axis=0))
    tree = shapely.STRtree(pieces.line[level_road])
    who, which = tree.query(spots[missing], "dwithin", distance=ACCESS)
    who, which = missing[who], level_road[which]
    near = shapely.line_locate_point(pieces.line[which], spots[who])
    at = shapely.line_interpolate_point(pieces.line[which], near)
    # A piece that ends on the track is seen from within: its end is on neither side.
    length = shapely.length(pieces.line[which])
    within = np.clip(near, np.minimum(INWARD, length / 2), length - np.minimum(INWARD, length / 2))
    side = sides.of(shapely.line_interpolate_point(pieces.line[which], within))
    offers = pd.DataFrame(
        {
            "crossing": who,
            "piece": which,
            "along": near,
            "side": side,
            "distance": shapely.distance(at, spots[who]),
        }
    )
    offers = offers[offers["side"] >= 0]
    offers = offers[~has[foot[offers["side"], offers["crossing"]]]]
    offers = offers.sort_values(["crossing", "side", "distance", "piece"])
    offers = offers.drop_duplicates(["crossing", "side"])
    return _with_links(pieces, offers, foot, spots), foot


def _with_links(
    pieces: Pieces, offers: pd.DataFrame, foot: np.ndarray, spots: np.ndarray
) -> Pieces:
    """Pieces broken where links begin, and the links."""
    piece = offers["piece"].to_numpy(dtype="int64")
    along = offers["along"].to_numpy(dtype="float64")
    node = pieces.nodes + np.arange(len(offers))
    whole = np.arange(len(pieces.line))
    length = shapely.length(pieces.line)
    breaks = pd.DataFrame(
        {
            "piece": np.r_[whole, piece, whole],
            "along": np.r_[np.zeros(len(whole)), along, length],
            "order": np.r_[np.zeros(len(whole)), np.ones(len(piece)), np.full(len(whole), 2)],
            "node": np.r_[pieces.ends[0], node, pieces.ends[1]],
        }
    ).sort_values(["piece", "order", "along"], kind="stable")
    of = breaks["piece"].to_numpy(dtype="int64")
    at, node_at = breaks["along"].to_numpy(), breaks["node"].to_numpy(dtype="int64")
    low = np.flatnonzero(of[1:] == of[:-1]) if len(of) else of
    line = parts_of(pieces.line, of[low], at[low], at[low + 1]) if len(low) else pieces.line
    start = shapely.get_coordinates(shapely.line_interpolate_point(pieces.line[piece], along))
    end = shapely.get_coordinates(spots[offers["crossing"].to_numpy(dtype="int64")])
    links = shapely.linestrings(np.stack([start, end], axis=1)) if len(offers) else line[:0]
    own = foot[offers["side"].to_numpy(dtype="int64"), offers["crossing"].to_numpy(dtype="int64")]
    return Pieces(
        np.concatenate([line, links]),
        np.stack([np.r_[node_at[low], node], np.r_[node_at[low + 1], own]]),
        np.r_[pieces.level[of[low]], np.zeros(len(offers), dtype=bool)],
        pieces.nodes + len(offers),
    )


def ways_between(
    feet: Feet,
    members: Sequence[np.ndarray],
    *,
    reach: float,
    line: np.ndarray,
    open_: np.ndarray,
) -> Iterator[Ways]:
    """Ways between the feet of some crossings, for one group of crossings after another.

    Parameters
    ----------
    feet
        As :func:`feet_of` gives them.
    members
        Positions of the crossings of each group, all of one railway line.
    reach
        Longest way [m]; a longer one counts as none.
    line : shape (crossings,)
        Railway line of each crossing.
    open_ : bool, shape (crossings,)
        Crossings over which a way may lead where they are of another line than the group's.
    """
    matrix: csr_array[Any, Any] = feet.graph.matrix
    tree = shapely.STRtree(feet.place)
    number = np.full(feet.graph.nodes, -1)
    for rows in members:
        spots = feet.place[feet.foot[0, rows]]
        box = shapely.box(*shapely.total_bounds(spots))
        inside = tree.query(box, "dwithin", distance=reach / 2)
        local = np.unique(np.r_[inside, feet.foot[:, rows].ravel()])
        number[local] = np.arange(len(local))
        part = _part(matrix, local, number)
        elsewhere = np.flatnonzero(open_ & (line != line[rows[0]]))
        part = _opened(part, number[feet.foot[:, elsewhere]])
        source = number[feet.foot[:, rows].ravel()]
        number[local] = -1
        found = _searched(part, source, reach)
        n = len(rows)
        along = np.stack([found[:n, :n], found[n:, n:]])
        yield Ways(np.minimum(along, along.transpose(0, 2, 1)), found[:n, n:].diagonal().copy())


def _searched(part: csr_array[Any, Any], source: np.ndarray, reach: float) -> np.ndarray:
    """Ways from each source to each, a few sources at a time: scipy gives all nodes of each."""
    step = max(_AT_ONCE // part.shape[0], 1)
    return np.concatenate(
        [
            dijkstra(part, indices=source[low : low + step], limit=reach)[:, source]
            for low in range(0, len(source), step)
        ]
    )


def _part(
    matrix: csr_array[Any, Any], local: np.ndarray, number: np.ndarray
) -> csr_array[Any, Any]:
    """The graph between some nodes; ``number`` says which they are, -1 for the others."""
    row, at = spread(matrix.indptr[local].astype("int64"), matrix.indptr[local + 1].astype("int64"))
    column = number[matrix.indices[at]]
    there = column >= 0
    entries = (matrix.data[at[there]], (row[there], column[there]))
    return csr_array(coo_array(entries, shape=(len(local),) * 2))


def _opened(part: csr_array[Any, Any], ends: np.ndarray) -> csr_array[Any, Any]:
    """The graph with ways over the open crossings of other lines, their feet shape (2, k)."""
    ends = ends[:, (ends >= 0).all(axis=0)]
    if not ends.shape[1]:
        return part
    both = np.concatenate([ends, ends[::-1]], axis=1)
    entries = (np.full(both.shape[1], _OTHERS), (both[0], both[1]))
    return csr_array(part + coo_array(entries, shape=part.shape))
