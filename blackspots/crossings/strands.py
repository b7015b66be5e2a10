"""How roads go on from line to line near the railway, so that one way over it is one strand.

::

             track 1   track 2
                │         │
    ──── a ─────┼──┬── b ─┼──── c ────       a, b, c: one chain, whatever their names,
                │  ╷      │                  where no choice is left; else the same name,
                   d                         else straight on

Two ends of roads at one vertex go on into each other, one to one. A measure runs along each
chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots.crossings.drawn import Array, Drawn, cross, dot
from blackspots.crossings.meeting import ARM, SAME

STRAIGHT_ON: Final = 45.0
"""Greatest turn [degrees] at which a road goes on without a name that says so (mark A)."""
TURNED: Final = 100.0
"""Greatest turn [degrees] of a road of one number or name where others meet it (mark A)."""
_OTHER_NAME: Final = 60.0
"""What it costs [degrees] to go on into a road of another number or name (mark A)."""


@dataclass(frozen=True, slots=True)
class Vertices:
    """Numbers of vertices, equal where lines share them.

    ``key``, shape (vertices,); ``by_id``: whether node ids tell, else places.
    """

    key: Array
    by_id: bool


def vertices_of(layer: gpd.GeoDataFrame, drawn: Drawn) -> Vertices:
    """Vertices by their ids where every line has them, else by place to 1 cm."""
    ids = ids_of(layer, drawn)
    if ids is not None and (ids != 0).all():
        return Vertices(np.unique(ids, return_inverse=True)[1], True)
    return Vertices(keys_at(drawn.xy), False)


def keys_at(xy: Array) -> Array:
    """A number for each place, equal within a square of 1 cm."""
    cell = np.round(xy / SAME).astype(np.int64)
    if not len(cell):
        return np.empty(0, dtype=np.int64)
    low = cell.min(axis=0)
    span = int(cell[:, 1].max() - low[1]) + 1
    place = (cell[:, 0] - low[0]) * span + cell[:, 1] - low[1]
    return np.asarray(np.unique(place, return_inverse=True)[1])


def ids_of(layer: gpd.GeoDataFrame, drawn: Drawn) -> Array | None:
    """Node ids, shape (vertices,), 0 where a line has none that fit; None where no line has."""
    if "node_ids" not in layer or layer["node_ids"].isna().all():
        return None
    count = drawn.last - drawn.first + 1
    lists = layer["node_ids"].to_numpy()
    made = [
        ids if isinstance(ids, np.ndarray) and len(ids) == n else np.zeros(n, dtype=np.int64)
        for ids, n in zip(lists, count, strict=True)
    ]
    return np.concatenate(made)


def arms_at(drawn: Drawn, key: Array) -> Array:
    """How many different ways lead from each key to a next one, shape (keys,).

    Lines drawn twice count once.
    """
    inner = np.flatnonzero((drawn.line[:-1] == drawn.line[1:]) & (key[:-1] != key[1:]))
    size = int(key.max(initial=-1)) + 1
    a, b = key[inner], key[inner + 1]
    ways = np.sort(np.r_[a * size + b, b * size + a])
    ways = ways[np.diff(ways, prepend=-1) != 0]
    return np.bincount(ways // max(size, 1), minlength=size)


def ends_of(drawn: Drawn) -> Array:
    """The vertex of each end: first, last of line 0, first, last of line 1 ..."""
    return np.asarray(np.stack([drawn.first, drawn.last], axis=1).ravel())


@dataclass(frozen=True, slots=True)
class Chains:
    """Roads laid end to end: ``number``, ``start`` [m] of the road's first vertex, ``sign``."""

    number: Array
    start: Array
    sign: Array

    def measure(self, road: Array, measure: Array) -> Array:
        """Measures [m] on the chains of places on roads."""
        return np.asarray(self.start[road] + self.sign[road] * measure)


def chains_of(roads: gpd.GeoDataFrame, drawn: Drawn, key: Array, arms: Array) -> Chains:
    """Chains of the roads of a layer.

    Parameters
    ----------
    key, arms
        Numbers of the vertices, and how many ways lead from each.
    """
    partner = _partners(roads, drawn, key, arms)
    partner = _opened(partner, len(drawn.length))
    # A road goes 2i from first to last vertex, 2i + 1 back; before each is what leads to it.
    way = np.arange(2 * len(drawn.length))
    entry = partner[way]
    before = np.where(entry >= 0, entry ^ 1, -1)
    head, so_far, jump = way.copy(), np.zeros(len(way)), before
    length = np.repeat(drawn.length, 2)
    so_far[before >= 0] = length[before[before >= 0]]
    head[before >= 0] = before[before >= 0]
    while (jump >= 0).any():
        go = np.flatnonzero(jump >= 0)
        to = jump[go]
        so_far[go] += so_far[to]
        head[go] = head[to]
        jump = jump.copy()
        jump[go] = jump[to]
    on = head[::2] <= head[1::2]
    pick = np.where(on, way[::2], way[1::2])
    start = so_far[pick] + np.where(on, 0.0, drawn.length)
    return Chains(head[pick], start, np.where(on, 1.0, -1.0))


def _opened(partner: Array, roads: int) -> Array:
    """The partners with each ring cut at its first end."""
    from scipy.sparse import coo_array  # noqa: PLC0415 - slow to load
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    a = np.flatnonzero(partner >= 0)
    links = (np.ones(len(a), np.int8), (a // 2, partner[a] // 2))
    ring = connected_components(coo_array(links, shape=(roads, roads)), directed=False)[1]
    free = np.bincount(ring, weights=(partner.reshape(-1, 2) < 0).sum(axis=1)) > 0
    closed = a[~free[ring[a // 2]]]
    first = closed[np.unique(ring[closed // 2], return_index=True)[1]]
    made = partner.copy()
    made[partner[first]] = -1
    made[first] = -1
    return made


def _partners(roads: gpd.GeoDataFrame, drawn: Drawn, key: Array, arms: Array) -> Array:
    """The end that each end goes on into, -1 for none; shape (2 x roads,)."""
    vertex = ends_of(drawn)
    end = np.arange(len(vertex))
    line = end // 2
    back = np.where(end % 2, np.maximum(drawn.length[line] - ARM, 0.0), 0.0)
    fore = np.where(end % 2, drawn.length[line], np.minimum(ARM, drawn.length[line]))
    out = drawn.at(line, np.where(end % 2, back, fore)) - drawn.xy[vertex]
    table = pd.DataFrame({"key": key[vertex], "end": end})
    table = table[table["key"].duplicated(keep=False)]
    pairs = table.merge(table, on="key", suffixes=("", "_to"))
    pairs = pairs[pairs["end"] < pairs["end_to"]]
    a, b = pairs["end"].to_numpy(), pairs["end_to"].to_numpy()
    turn = 180.0 - np.degrees(np.abs(np.arctan2(cross(out[a], out[b]), dot(out[a], out[b]))))
    named = _same(roads, "ref", a // 2, b // 2) | _same(roads, "name", a // 2, b // 2)
    only = (arms[pairs["key"].to_numpy()] == 2) & (turn < 180.0 - 1e-6)  # noqa: PLR2004 - ways
    fits = (only | (turn <= STRAIGHT_ON) | (named & (turn <= TURNED))) & (a // 2 != b // 2)
    cost = turn + _OTHER_NAME * ~named
    return one_to_one(a[fits], b[fits], cost[fits], len(vertex))


def _same(roads: gpd.GeoDataFrame, column: str, a: Array, b: Array) -> Array:
    if column not in roads:
        return np.zeros(len(a), dtype=bool)
    code = pd.factorize(roads[column])[0]
    return np.asarray((code[a] == code[b]) & (code[a] >= 0))


def one_to_one(a: Array, b: Array, cost: Array, size: int) -> Array:
    """Partners by least cost: in rounds, those who are each other's best."""
    partner = np.full(size, -1)
    order = np.lexsort((b, a, cost))
    a, b = a[order], b[order]
    while len(a):
        best = np.full(size, len(a))
        rank = np.arange(len(a))
        np.minimum.at(best, a, rank)
        np.minimum.at(best, b, rank)
        mutual = (best[a] == rank) & (best[b] == rank)
        partner[a[mutual]], partner[b[mutual]] = b[mutual], a[mutual]
        left = (partner[a] < 0) & (partner[b] < 0)
        a, b = a[left], b[left]
    return partner
