"""Axes of railway lines: from pieces of track to one line through them.

The pieces of a group (the tracks of one name) make a graph: they are cut where they share a
vertex, and ends that face each other over a short gap are joined. An axis is the longest of the
shortest paths through a connected part (two sweeps of Dijkstra's method from its longest piece,
and a third from what they found), along which a train can run: where more than two pieces meet,
it turns by less than a right angle, so that it never goes back from one leg of a switch into
the other. Pieces that run beside an axis are a second track of it. What is left over makes the
next axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import KDTree

GRID: Final = 0.01
"""Distance [m] within which two vertices are one (mark A): layers are written to centimetres."""
GAP: Final = 100.0
"""Distance [m] over which ends that face each other belong together (mark A)."""
BESIDE: Final = 40.0
"""Distance [m] within which a track runs beside an axis (mark A): station tracks lie 4 to 6 m
apart, some eight side by side; layers drawn from images are some 10 m off."""
SHARE: Final = 0.8
"""Share of a piece's length that runs beside an axis for the whole to belong to it (mark A)."""
TOUCHING: Final = 0.05
"""Share of an axis beside a longer one above which it is made anew from what is left (mark A)."""
SAMPLE: Final = 100.0
"""Distance [m] between the places at which it is looked what runs beside, at least
:data:`PLACES` of them on a track (mark A)."""
PLACES: Final = 5
"""See :data:`SAMPLE`."""
_CHORD: Final = 20.0
_PIECE: Final = 8


@dataclass(frozen=True, slots=True)
class Axes:
    """Axes, the longest of each round first, and the axis of each piece.

    ``line``: LineStrings, shape (axes,); ``group``: the group of each. ``of``: the axis that the
    greatest length of each piece belongs to, -1 for a piece without length, shape (pieces,).
    """

    line: np.ndarray
    group: np.ndarray
    of: np.ndarray


@dataclass(frozen=True, slots=True)
class _Edges:
    """Stretches of track between nodes, and gaps (``piece`` -1); shape (edges,).

    ``start`` and ``stop`` are their first and last vertex in ``xy`` (for a gap, the two ends),
    ``tail`` and ``head`` the nodes there.
    """

    xy: np.ndarray
    piece: np.ndarray
    group: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    tail: np.ndarray
    head: np.ndarray
    length: np.ndarray
    nodes: int


def vertex_keys(xy: np.ndarray) -> np.ndarray:
    """A number for each place on a grid of :data:`GRID`, the same for the same place."""
    cell = np.round(xy / GRID).astype("int64")
    cell -= cell.min(axis=0, initial=0)
    return np.asarray(cell[:, 0] * (cell[:, 1].max(initial=0) + 1) + cell[:, 1])


def axes(pieces: np.ndarray, group: np.ndarray, free: np.ndarray) -> Axes:
    """The axes of groups of pieces.

    Parameters
    ----------
    pieces
        LineStrings [m], shape (pieces,).
    group
        Number of the group of each piece, from 0, shape (pieces,).
    free
        Whether the pieces of a group may run beside an axis of another group, as those without
        a name may, shape (groups,).
    """
    edges = _edges(pieces, group)
    after, before = _arcs(edges)
    real = edges.piece >= 0
    owner = np.full(len(edges.piece), -1)
    left = np.ones(len(edges.piece), dtype=bool)
    lines: list[shapely.LineString] = []
    groups: list[int] = []
    while (left & real).any():
        paths = _longest_paths(edges, after, before, left)
        made = np.array([_shape(edges, path) for path in paths], dtype=object)
        of = edges.group[[path[0] // 2 for path in paths]]
        # Named axes first, the longest first.
        order = np.lexsort((np.arange(len(made)), -shapely.length(made), free[of]))
        made, of, paths = made[order], of[order], [paths[i] for i in order]
        rank = np.arange(len(made))
        # One alone in its group, with a name, can be beside none before it.
        some = np.flatnonzero(free[of] | (np.bincount(of)[of] > 1))
        share = _beside(made[some], of[some], rank[some], made, of, free)[1]
        taken = np.setdiff1d(rank, some[share > TOUCHING])
        number = len(lines) + np.arange(len(taken))
        for axis, i in zip(number, taken, strict=True):
            on = paths[i] // 2
            owner[on], left[on] = axis, False
        rest = np.flatnonzero(left & real)
        shapes = _stretches(edges, rest)
        last = np.full(len(rest), len(taken))
        beside, share = _beside(shapes, edges.group[rest], last, made[taken], of[taken], free)
        own = rest[share >= SHARE]
        owner[own], left[own] = number[beside[share >= SHARE]], False
        lines += list(made[taken])
        groups += of[taken].tolist()
    return Axes(
        np.array(lines, dtype=object),
        np.array(groups, dtype="int64"),
        _by_length(edges, owner, len(pieces)),
    )


def _edges(pieces: np.ndarray, group: np.ndarray) -> _Edges:
    """Pieces cut at the vertices that they share with others of their group, and the gaps."""
    xy, piece = shapely.get_coordinates(pieces, return_index=True)
    key = vertex_keys(xy)
    again = np.r_[False, (np.diff(piece) == 0) & (np.diff(key) == 0)][: len(key)]
    xy, piece, key = xy[~again], piece[~again], key[~again]
    of = group[piece]
    order = np.lexsort((key, of))
    new = np.r_[True, (np.diff(of[order]) != 0) | (np.diff(key[order]) != 0)][: len(order)]
    place = np.empty(len(key), dtype="int64")
    place[order] = np.cumsum(new) - 1
    ends = np.r_[True, np.diff(piece) != 0, True]
    shared = np.bincount(place)[place] > 1
    node = np.flatnonzero(shared | ends[:-1][: len(key)] | ends[1:][: len(key)])
    within = piece[node[1:]] == piece[node[:-1]]
    start, stop = node[:-1][within], node[1:][within]
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(xy, axis=0).T))]
    names, ends_at = np.unique(place[np.r_[start, stop]], return_inverse=True)
    tail, head = np.split(ends_at, 2)
    edges = _Edges(
        xy, piece[start], of[start], start, stop, tail, head, along[stop] - along[start], len(names)
    )
    return _with_gaps(edges)


def _with_gaps(edges: _Edges) -> _Edges:
    """The edges, and one over each gap between loose ends of two parts that face each other."""
    degree = np.bincount(np.r_[edges.tail, edges.head], minlength=edges.nodes)
    loose = [np.flatnonzero(degree[at] == 1) for at in (edges.tail, edges.head)]
    vertex = np.r_[edges.start[loose[0]], edges.stop[loose[1]]]
    edge = np.r_[loose[0], loose[1]]
    node = np.r_[edges.tail[loose[0]], edges.head[loose[1]]]
    out = np.r_[-_ways(edges, forward=True)[loose[0]], -_ways(edges, forward=False)[loose[1]]]
    if len(vertex) < 2:  # noqa: PLR2004 - a gap has two ends
        return edges
    part = _parts(edges, np.ones(len(edges.tail), dtype=bool))
    a, b = KDTree(edges.xy[vertex]).query_pairs(GAP, output_type="ndarray").T
    way = edges.xy[vertex[b]] - edges.xy[vertex[a]]
    apart = np.hypot(*way.T)
    facing = (
        (edges.group[edge[a]] == edges.group[edge[b]])
        & (part[edge[a]] != part[edge[b]])
        & ((out[a] * out[b]).sum(axis=1) < 0)
        & ((out[a] * way).sum(axis=1) >= 0)
        & ((out[b] * way).sum(axis=1) <= 0)
    )
    a, b, apart = a[facing], b[facing], apart[facing]
    nearest = np.full(len(vertex), np.inf)
    np.minimum.at(nearest, np.r_[a, b], np.r_[apart, apart])
    mutual = np.flatnonzero((apart == nearest[a]) & (apart == nearest[b]))
    # Of ends that are equally near one pair holds.
    mutual = mutual[np.lexsort((b[mutual], a[mutual]))]
    mutual = mutual[np.unique(a[mutual], return_index=True)[1]]
    mutual = mutual[np.unique(b[mutual], return_index=True)[1]]
    a, b, apart = a[mutual], b[mutual], apart[mutual]
    return _Edges(
        edges.xy,
        np.r_[edges.piece, np.full(len(a), -1)],
        np.r_[edges.group, edges.group[edge[a]]],
        np.r_[edges.start, vertex[a]],
        np.r_[edges.stop, vertex[b]],
        np.r_[edges.tail, node[a]],
        np.r_[edges.head, node[b]],
        np.r_[edges.length, np.maximum(apart, GRID)],
        edges.nodes,
    )


def _ways(edges: _Edges, *, forward: bool) -> np.ndarray:
    """Unit vectors in which edges leave their tail (else their head), shape (edges, 2).

    Told by the first vertex that is :data:`_CHORD` away, along the edge, else its other end.
    """
    xy = edges.xy
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(xy, axis=0).T))]
    if forward:
        here = edges.start
        there = np.minimum(np.searchsorted(along, along[here] + _CHORD), edges.stop)
    else:
        here = edges.stop
        back = np.searchsorted(along, along[here] - _CHORD, side="right") - 1
        there = np.maximum(back, edges.start)
    gap = edges.piece < 0
    there = np.where(gap, edges.stop if forward else edges.start, there)
    way = xy[there] - xy[here]
    size = np.hypot(*way.T)[:, None]
    return np.asarray(np.divide(way, size, out=np.zeros_like(way), where=size > 0))


def _arcs(edges: _Edges) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of directed edges (2 x edge, + 1 for backwards) of which the second follows the first.

    Returns
    -------
    Second and first of each pair.
    """
    count = len(edges.tail)
    if not count:
        return np.empty(0, dtype="int64"), np.empty(0, dtype="int64")
    leaves = np.column_stack([edges.tail, edges.head]).ravel()
    comes = np.column_stack([edges.head, edges.tail]).ravel()
    ways = np.stack([_ways(edges, forward=True), _ways(edges, forward=False)], axis=1)
    out = ways.reshape(-1, 2)
    # A directed edge arrives against the way in which its reverse leaves.
    arrive = -ways[:, ::-1].reshape(-1, 2)
    order = np.argsort(leaves, kind="stable")
    degree = np.bincount(leaves, minlength=edges.nodes)
    first = np.cumsum(degree) - degree
    own = degree[comes]
    before = np.repeat(np.arange(2 * count), own)
    within = np.arange(len(before)) - np.repeat(np.cumsum(own) - own, own)
    after = order[first[comes[before]] + within]
    ahead = (arrive[before] * out[after]).sum(axis=1) > 0
    simple = degree[comes[before]] == 2  # noqa: PLR2004 - the one edge that goes on
    good = (before // 2 != after // 2) & (ahead | simple)
    return after[good], before[good]


def _parts(edges: _Edges, some: np.ndarray) -> np.ndarray:
    """Number of the connected part of each of some edges, shape (edges,); -1 for the others."""
    joined = coo_array(
        (np.ones(int(some.sum())), (edges.tail[some], edges.head[some])),
        shape=(edges.nodes, edges.nodes),
    )
    part = connected_components(joined, directed=False)[1]
    return np.where(some, part[edges.tail], -1)


def _longest_paths(
    edges: _Edges, after: np.ndarray, before: np.ndarray, left: np.ndarray
) -> list[np.ndarray]:
    """The longest of the shortest paths of each connected part: directed edges in their order.

    All parts are swept together: none leads to another.
    """
    size = 2 * len(left)
    on = left[after // 2] & left[before // 2]
    weight = np.repeat(edges.length, 2)
    graph = csr_array((weight[after[on]], (before[on], after[on])), shape=(size, size))
    part = _parts(edges, left & _with_track(edges, left))
    directed = np.repeat(part, 2)
    there = np.flatnonzero(directed >= 0)
    start = _farthest(directed, there, weight)
    sources = np.sort(np.r_[start, start ^ 1])
    for _ in range(3):
        away, came, _ = dijkstra(graph, indices=sources, return_predecessors=True, min_only=True)
        reached = there[np.isfinite(away[there])]
        ends = _farthest(directed, reached, away)
        sources = np.sort(ends ^ 1)
    return [_traced(end, came) for end in ends]


def _with_track(edges: _Edges, left: np.ndarray) -> np.ndarray:
    """Edges in whose connected part some track is left, not a gap alone."""
    part = _parts(edges, left)
    some = np.zeros(edges.nodes, dtype=bool)
    some[part[left & (edges.piece >= 0)]] = True
    return np.asarray(some[part])


def _farthest(part: np.ndarray, those: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Of each part the one of the greatest value, the first of equal ones."""
    order = those[np.lexsort((those, -value[those], part[those]))]
    return np.asarray(order[np.unique(part[order], return_index=True)[1]])


def _traced(end: int, came: np.ndarray) -> np.ndarray:
    """The path to a directed edge by the predecessors."""
    path = [int(end)]
    while came[path[-1]] >= 0:
        path.append(int(came[path[-1]]))
    return np.array(path[::-1])


def _shape(edges: _Edges, path: np.ndarray) -> shapely.LineString:
    """The line along directed edges; gaps are straight, at either end they are left out."""
    track = np.flatnonzero(edges.piece[path // 2] >= 0)
    path = path[track[0] : track[-1] + 1]
    vertices = []
    for step in path[edges.piece[path // 2] >= 0]:
        own = np.arange(edges.start[step // 2], edges.stop[step // 2] + 1)
        vertices.append(own[::-1] if step % 2 else own)
    xy = edges.xy[np.concatenate(vertices)]
    key = vertex_keys(xy)
    return shapely.LineString(xy[np.r_[True, np.diff(key) != 0]])


def _stretches(edges: _Edges, those: np.ndarray) -> np.ndarray:
    """The lines of some edges that are track."""
    size = edges.stop[those] - edges.start[those] + 1
    index = np.repeat(np.arange(len(those)), size)
    vertex = np.arange(len(index)) - np.repeat(np.cumsum(size) - size - edges.start[those], size)
    if not len(those):
        return np.empty(0, dtype=object)
    return np.asarray(shapely.linestrings(edges.xy[vertex], indices=index))


def short_pieces(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lines in pieces of a few segments, and the number of the line of each, for a tree."""
    xy, of = shapely.get_coordinates(lines, return_index=True)
    first = np.searchsorted(of, np.arange(len(lines) + 1))
    number = np.arange(len(xy)) - first[of]
    last = np.diff(first)[of] - 1
    begin = np.flatnonzero((number % _PIECE == 0) & (number < last))
    if not len(begin):
        return np.empty(0, dtype=object), begin
    size = np.minimum(last[begin] - number[begin], _PIECE) + 1
    piece = np.repeat(np.arange(len(begin)), size)
    vertex = np.arange(len(piece)) - np.repeat(np.cumsum(size) - size - begin, size)
    return np.asarray(shapely.linestrings(xy[vertex], indices=piece)), of[begin]


def nearby(lines: np.ndarray, others: np.ndarray, reach: float) -> tuple[np.ndarray, ...]:
    """How much of lines lies within reach of others, by places along them.

    Returns
    -------
    line, other, share
        Pairs of numbers with the share of the line's places that are near the other.
    """
    pieces, of = short_pieces(others)
    none = np.empty(0, dtype="int64")
    if not len(pieces) or not len(lines):
        return none, none, np.empty(0)
    places, line = _places(lines)
    place, near = shapely.STRtree(pieces).query(
        shapely.points(places), predicate="dwithin", distance=reach
    )
    pair = distinct(place * len(others) + of[near])
    place, other = pair // len(others), pair % len(others)
    key, count = np.unique(line[place] * len(others) + other, return_counts=True)
    of_line = key // len(others)
    return of_line, key % len(others), count / np.bincount(line, minlength=len(lines))[of_line]


def distinct(numbers: np.ndarray) -> np.ndarray:
    """The different ones, sorted: what is sorted nearly is sorted quickly."""
    numbers = np.sort(numbers, kind="stable")
    return np.asarray(numbers[np.r_[True, np.diff(numbers) != 0][: len(numbers)]])


def _places(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places evenly along lines, :data:`SAMPLE` apart or less, and the line of each."""
    xy, of = shapely.get_coordinates(lines, return_index=True)
    size = np.r_[0.0, np.hypot(*np.diff(xy, axis=0).T)]
    size[1:][np.diff(of) != 0] = 0.0
    along = np.cumsum(size)
    first = np.searchsorted(of, np.arange(len(lines)))
    length = np.bincount(of, weights=size, minlength=len(lines))
    count = np.maximum(np.ceil(length / SAMPLE).astype("int64"), PLACES)
    line = np.repeat(np.arange(len(lines)), count)
    number = np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count)
    # In the middle of equal parts: the ends would count twice as much.
    at = along[first[line]] + (number + 0.5) * length[line] / count[line]
    return np.column_stack([np.interp(at, along, way) for way in xy.T]), line


def _beside(
    lines: np.ndarray,
    group: np.ndarray,
    rank: np.ndarray,
    others: np.ndarray,
    other_group: np.ndarray,
    free: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The other that most of each line runs beside, and which share of it, 0 where none.

    Others count that are of the same group, or of any where the line is free, and before its
    rank.
    """
    line, other, share = nearby(lines, others, BESIDE)
    good = (other < rank[line]) & ((group[line] == other_group[other]) | free[group[line]])
    line, other, share = line[good], other[good], share[good]
    order = np.lexsort((other, -share, line))
    order = order[np.unique(line[order], return_index=True)[1]]
    best, part = np.full(len(lines), -1), np.zeros(len(lines))
    best[line[order]], part[line[order]] = other[order], share[order]
    return best, part


def _by_length(edges: _Edges, owner: np.ndarray, size: int) -> np.ndarray:
    """The axis that most of each piece belongs to, -1 where it has no edge, shape (pieces,)."""
    real = np.flatnonzero(edges.piece >= 0)
    made = np.full(size, -1)
    if not len(real):
        return made
    width = int(owner.max()) + 1
    key, at = np.unique(edges.piece[real] * width + owner[real], return_inverse=True)
    length = np.bincount(at, weights=edges.length[real])
    order = np.lexsort((key, -length, key // width))
    order = order[np.unique(key[order] // width, return_index=True)[1]]
    made[key[order] // width] = key[order] % width
    return made
