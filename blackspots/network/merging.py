"""Pieces of one road to segments, from junction to junction."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.graph.plain import spread
from blackspots.network.chaining import NONE, Chains, Ends, chains_of, ends_of
from blackspots.network.cutting import words_of
from blackspots.schema import NODES, SEGMENTS

_NUMBERS: Final = ("aadt", "lanes", "maxspeed")


def merge(
    pieces: gpd.GeoDataFrame, points: np.ndarray
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, gpd.GeoDataFrame]:
    """Segments, the parts they are made of, and nodes.

    A piece drawn on the vertices of another is no second road: it is left out, but for a part
    marked ``again``. Two pieces are one segment where nothing else meets at their node, and
    their road's number, name, class and one-way rule are the same. Numbers that differ become
    their mean by length, of the pieces that have one; ``road_id`` is that of the longest.

    Parameters
    ----------
    pieces, points
        As :func:`blackspots.network.cutting.cut` gives them.

    Returns
    -------
    segments, parts, nodes
        :data:`~blackspots.schema.SEGMENTS` (no routes yet), ``PARTS``, ``NODES`` (no
        junctions yet).
    """
    drawn_again, pieces = pieces[pieces["twin"] >= 0], _once(pieces)
    ends = ends_of(pieces)
    chains = chains_of(_joins(pieces, ends))
    drawn = pieces["length"].to_numpy()[chains.order] * chains.sign
    # A segment runs as most of it was drawn.
    chains = chains.turned(np.bincount(chains.number, weights=drawn, minlength=len(chains)) < 0)
    order, sign, number = chains.order, chains.sign, chains.number
    length = pieces["length"].to_numpy()[order]
    from_measure = np.cumsum(length, dtype="float64") - length
    from_measure -= from_measure[chains.start[:-1]][number] if len(order) else 0.0
    first, last = chains.start[:-1], chains.start[1:] - 1
    node = ends.node.reshape(-1, 2)
    entry = np.where(sign > 0, node[order, 0], node[order, 1])
    leave = np.where(sign > 0, node[order, 1], node[order, 0])
    forward = sign > 0
    km = [
        np.where(forward, pieces[a].to_numpy()[order], pieces[b].to_numpy()[order])
        for a, b in (("km_from", "km_to"), ("km_to", "km_from"))
    ]
    longest = _longest(length, chains)
    kept = np.unique(np.r_[entry[first], leave[last]], return_inverse=True)
    size = len(chains)
    columns = {c: words_of(pieces[c], order[longest]) for c in ("ref", "name", "road_class")}
    frame = gpd.GeoDataFrame(
        {
            "road_id": pieces["road_id"].to_numpy()[order[longest]],
            **columns,
            **{c: _mean(pieces[c].to_numpy()[order], length, number, size) for c in _NUMBERS},
            "oneway": pd.array(pieces["oneway"].to_numpy()[order] * sign, dtype="Float64")[first],
            "roundabout": np.bitwise_or.reduceat(pieces["roundabout"].to_numpy()[order], first)
            if size
            else np.zeros(0, dtype=bool),
            "from_node": kept[1][:size],
            "to_node": kept[1][size:],
            "length": np.bincount(number, weights=length, minlength=size),
            "km_from": km[0][first],
            "km_to": km[1][last],
        },
        geometry=joined(pieces.geometry.array, chains),
        crs=pieces.crs,
    )
    frame["oneway"] = frame["oneway"].astype("Int64")
    frame.index = pd.RangeIndex(size, name=SEGMENTS.index)
    road_from = pieces["road_from"].to_numpy()[order]
    parts = pd.DataFrame(
        {
            "segment_id": number,
            "from_measure": from_measure,
            "to_measure": from_measure + length,
            "road_id": pieces["road_id"].to_numpy()[order],
            "road_from": np.where(forward, road_from, road_from + length),
            "road_to": np.where(forward, road_from + length, road_from),
            "km_from": km[0],
            "km_to": km[1],
            "layer": pieces["layer"].to_numpy()[order],
            "again": False,
        },
        index=pieces.index[order],
    )
    parts = _with_twins(parts, drawn_again, forward)
    ends_at = np.r_[frame["from_node"].to_numpy(), frame["to_node"].to_numpy()]
    nodes = gpd.GeoDataFrame(
        {"degree": np.bincount(ends_at, minlength=len(kept[0]))},
        geometry=shapely.points(points[kept[0]]),
        crs=pieces.crs,
    )
    nodes.index.name = NODES.index
    return frame, parts, nodes


def _once(pieces: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Each piece once; one that is drawn for either direction is open both ways."""
    twin, way = pieces["twin"].to_numpy(), pieces["oneway"].to_numpy().copy()
    again = np.flatnonzero(twin >= 0)
    onward = way[again] * np.where(pieces["turned"].to_numpy()[again], -1, 1)
    way[twin[again[onward == -way[twin[again]]]]] = 0.0
    return pieces.assign(oneway=way)[twin < 0]


def _with_twins(parts: pd.DataFrame, again: gpd.GeoDataFrame, forward: np.ndarray) -> pd.DataFrame:
    """Parts of the pieces that are left out beside those of the pieces they repeat."""
    if len(again):
        of = parts.loc[again["twin"]]
        ahead = pd.Series(forward, index=parts.index).loc[again["twin"]].to_numpy()
        ahead = ahead != again["turned"].to_numpy()
        length = again["length"].to_numpy()
        start, stop = again["road_from"].to_numpy(), again["road_from"].to_numpy() + length
        copies = of.assign(
            road_id=again["road_id"].to_numpy(),
            road_from=np.where(ahead, start, stop),
            road_to=np.where(ahead, stop, start),
            km_from=np.nan,
            km_to=np.nan,
            again=True,
        )
        parts = pd.concat([parts, copies])
    parts.index = pd.RangeIndex(len(parts), name="part_id")
    return parts


def _joins(pieces: gpd.GeoDataFrame, ends: Ends) -> np.ndarray:
    """Partners of ends at which one segment goes on."""
    degree = np.bincount(ends.node)[ends.node] if len(ends.node) else np.zeros(0, dtype="int64")
    alone = np.flatnonzero(degree == 2)  # noqa: PLR2004
    pair = alone[np.argsort(ends.node[alone], kind="stable")].reshape(-1, 2)
    one, other = pair[:, 0], pair[:, 1]
    kind = pd.factorize(pieces["road_class"], use_na_sentinel=True)[0]
    name = pd.factorize(pieces["name"], use_na_sentinel=True)[0]
    way = np.nan_to_num(pieces["oneway"].to_numpy(dtype="float64"), nan=9.0)
    # Along the chain: a piece that is entered at its end is walked against its direction.
    along = way[one // 2] * np.where(way[one // 2] == 9, 1, np.where(one % 2 == 1, 1, -1))  # noqa: PLR2004
    onward = way[other // 2] * np.where(way[other // 2] == 9, 1, np.where(other % 2 == 0, 1, -1))  # noqa: PLR2004
    same = (
        (one // 2 != other // 2)
        & (ends.key[one] == ends.key[other])
        & (kind[one // 2] == kind[other // 2])
        & (name[one // 2] == name[other // 2])
        & (along == onward)
    )
    partner = np.full(len(ends.node), NONE)
    partner[one[same]], partner[other[same]] = other[same], one[same]
    return partner


def _longest(length: np.ndarray, chains: Chains) -> np.ndarray:
    """The position of each chain's longest line, the first of equals."""
    number = chains.number
    order = np.lexsort((np.arange(len(length)), -length, number))
    return np.asarray(order[chains.start[:-1]])


def _mean(values: np.ndarray, length: np.ndarray, number: np.ndarray, size: int) -> np.ndarray:
    """Mean by length of the known values of each chain; NaN where none is known."""
    known = ~np.isnan(values)
    weight = np.bincount(number[known], weights=length[known], minlength=size)
    total = np.bincount(number[known], weights=(values * length)[known], minlength=size)
    low = np.full(size, np.inf)
    high = np.full(size, -np.inf)
    np.minimum.at(low, number[known], values[known])
    np.maximum.at(high, number[known], values[known])
    with np.errstate(invalid="ignore"):
        # Between its values, whatever rounding does: the mean of equals is their value.
        return np.asarray(np.clip(total / weight, low, high))


def joined(shapes: np.ndarray, chains: Chains, apart: np.ndarray | None = None) -> np.ndarray:
    """One line for each chain of lines, their common vertices once.

    Where a line does not begin where the one before it ends (``apart``, in the order of the
    chains) a straight line leads there.
    """
    xy, line = shapely.get_coordinates(np.asarray(shapes), return_index=True)
    count = np.bincount(line, minlength=len(shapes))
    begin = np.cumsum(count) - count
    size = count[chains.order]
    owner, take = spread(np.zeros(len(size), dtype="int64"), size)
    forward = chains.sign[owner] > 0
    at = begin[chains.order][owner] + np.where(forward, take, size[owner] - 1 - take)
    first = np.zeros(len(chains.order), dtype=bool)
    first[chains.start[:-1]] = True
    if apart is not None:
        first |= apart
    kept = (take > 0) | first[owner]
    return np.asarray(shapely.linestrings(xy[at[kept]], indices=chains.number[owner[kept]]))
