"""Numpy and scipy: for inputs too small for compiled kernels, and for all where they are missing.

Bounded distances from many ends are taken block by block: a block is the edges around one of
them, searched on the part of the network that lies within reach, so that memory is bounded and
no array spans all ends and all nodes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from blackspots.graph.network import Array, Events, Graph

CELLS = 2_000_000
"""Most numbers in a matrix of distances."""

ROWS = 1_000_000
"""Most rows of (event, edge) or (event, event) looked at together."""


def bisect(values: Array, low: Array, high: Array, x: Array, *, right: bool) -> Array:
    """As :func:`numpy.searchsorted`, each ``x`` in its own stretch ``low`` to ``high``."""
    low, high = low.astype(np.int64), high.astype(np.int64)
    while (open_ := low < high).any():
        middle = (low + high) >> 1
        # What is searched out already looks at a value within bounds, and ignores it.
        value = values[np.minimum(middle, len(values) - 1)]
        above = open_ & ((value <= x) if right else (value < x))
        low = np.where(above, middle + 1, low)
        high = np.where(open_ & ~above, middle, high)
    return low


def spread(low: Array, high: Array) -> tuple[Array, Array]:
    """All whole numbers of the stretches ``low`` to ``high``, and whose they are."""
    count = np.maximum(high - low, 0)
    owner = np.repeat(np.arange(len(count)), count)
    first = np.cumsum(count) - count
    return owner, np.arange(len(owner)) - first[owner] + low[owner]


@dataclass(frozen=True, slots=True)
class _Block:
    """Edges and their distances to nodes around them [m]; infinity where out of reach."""

    edge: Array
    node: Array
    from_u: Array
    from_v: Array


def _blocks(graph: Graph, occupied: Array, radius: float) -> Iterator[_Block]:
    """The ``occupied`` edges, block by block."""
    matrix = graph.matrix
    ends = np.unique(np.concatenate([graph.u[occupied], graph.v[occupied]]))
    if len(ends) * graph.nodes <= CELLS:
        yield _block(graph, occupied, np.arange(graph.nodes), matrix, radius)
        return
    left = np.zeros(len(graph.u), dtype=bool)
    left[occupied] = True
    spread_ = 2.0 * radius + float(np.median(graph.length[occupied]))
    for first in occupied:
        if not left[first]:
            continue
        centre = np.unique([graph.u[first], graph.v[first]])
        away = csgraph.dijkstra(matrix, indices=centre, limit=spread_ + radius, min_only=True)
        node = np.flatnonzero(np.isfinite(away))
        start, _, half, _ = graph.adjacency
        _, at = spread(start[node], start[node + 1])
        edge = np.unique(half[at])
        far = np.maximum(away[graph.u[edge]], away[graph.v[edge]])
        inside = left[edge] & (far <= spread_)
        edge, far = edge[inside], far[inside]
        most = max(CELLS // (2 * len(node)), 1)
        if len(edge) > most:
            # The edge in the middle is always among the nearest, so each block has one more.
            edge = edge[np.lexsort((edge, edge != first, far))[:most]]
            spread_ /= 1.5
        elif len(edge) < most / 4:
            spread_ *= 1.5
        left[edge] = False
        yield _block(graph, edge, node, matrix[node][:, node], radius)


def _block(
    graph: Graph, edge: Array, node: Array, matrix: sparse.csr_array, radius: float
) -> _Block:
    ends, where = np.unique(np.concatenate([graph.u[edge], graph.v[edge]]), return_inverse=True)
    away = csgraph.dijkstra(matrix, indices=np.searchsorted(node, ends), limit=radius)
    return _Block(edge, node, away[where[: len(edge)]], away[where[len(edge) :]])


@dataclass(frozen=True, slots=True)
class _Rows:
    """Events and edges with targets within reach; shape (rows,).

    The targets within are ``first`` to ``head``, ``low`` to ``high`` and ``tail`` to ``last``;
    ``to_u`` and ``to_v`` are the distances [m] to the edge's ends.
    """

    source: Array
    edge: Array
    own: Array
    to_u: Array
    to_v: Array
    first: Array
    head: Array
    low: Array
    high: Array
    tail: Array
    last: Array


def _rows(graph: Graph, sources: Events, targets: Events, radius: float) -> Iterator[_Rows]:
    """All rows, some at a time."""
    begin, end = sources.start[:-1], sources.start[1:]
    occupied = np.flatnonzero(end > begin)
    if not (len(occupied) and len(targets)):
        return
    held = targets.start[1:] > targets.start[:-1]
    place = np.full(graph.nodes, -1)
    for block in _blocks(graph, occupied, radius):
        place[block.node] = np.arange(len(block.node))
        start, _, half, _ = graph.adjacency
        _, at = spread(start[block.node], start[block.node + 1])
        around = np.unique(half[at])
        around = around[held[around]]
        from_u, from_v = (_padded(away) for away in (block.from_u, block.from_v))
        # A node outside the block's part is out of reach: the column of infinity.
        u, v = place[graph.u[around]], place[graph.v[around]]
        length = graph.length[block.edge]
        least = sources.measure[begin[block.edge]]
        rest = length - sources.measure[end[block.edge] - 1]
        for part in _parts(len(block.edge), max(len(around), 1), CELLS):
            near_u = np.minimum(from_u[part][:, u], from_u[part][:, v])
            near_v = np.minimum(from_v[part][:, u], from_v[part][:, v])
            within = np.minimum(least[part, None] + near_u, rest[part, None] + near_v) <= radius
            within |= block.edge[part, None] == around
            i, j = np.nonzero(within)
            i += part.start
            count = (end - begin)[block.edge[i]]
            cut = np.cumsum(count) // ROWS
            for some in np.split(np.arange(len(i)), np.flatnonzero(np.diff(cut)) + 1):
                if len(some):
                    ends = (from_u, from_v, u, v)
                    yield _expanded(
                        graph, sources, targets, radius, block.edge, around, i[some], j[some], ends
                    )
        place[block.node] = -1


def _padded(away: Array) -> Array:
    return np.concatenate([away, np.full((len(away), 1), np.inf)], axis=1)


def _parts(rows: int, columns: int, most: int) -> Iterator[slice]:
    step = max(most // columns, 1)
    for low in range(0, rows, step):
        yield slice(low, min(low + step, rows))


def _expanded(
    graph: Graph,
    sources: Events,
    targets: Events,
    radius: float,
    edges: Array,
    around: Array,
    i: Array,
    j: Array,
    ends: tuple[Array, Array, Array, Array],
) -> _Rows:
    """Rows of the events on ``edges[i]`` and the edges ``around[j]``."""
    from_u, from_v, u, v = ends
    owner, source = spread(sources.start[edges[i]], sources.start[edges[i] + 1])
    here, edge = edges[i][owner], around[j][owner]
    own = here == edge
    measure = sources.measure[source]
    rest = graph.length[here] - measure
    to_u, to_v = (
        np.minimum(measure + from_u[i, at][owner], rest + from_v[i, at][owner])
        for at in (u[j], v[j])
    )
    first = targets.start[edge].astype(np.int64)
    last = targets.start[edge + 1].astype(np.int64)
    values = targets.measure
    # Where an end is out of reach, the bound is beyond all measures.
    head = bisect(values, first, last, radius - to_u, right=True)
    tail = bisect(values, first, last, graph.length[edge] - (radius - to_v), right=False)
    low, high = last.copy(), last.copy()
    low[own] = bisect(values, first[own], last[own], measure[own] - radius, right=False)
    high[own] = bisect(values, first[own], last[own], measure[own] + radius, right=True)
    head = np.where(own, np.minimum(head, low), head)
    tail = np.where(own, np.maximum(tail, high), np.maximum(tail, head))
    return _Rows(source, edge, own, to_u, to_v, first, head, low, high, tail, last)


def counts(graph: Graph, sources: Events, targets: Events, radius: float) -> Array:
    """Number of targets within ``radius`` of each source, in sorted order."""
    count = np.zeros(len(sources), dtype=np.int64)
    for rows in _rows(graph, sources, targets, radius):
        own = (rows.head - rows.first) + (rows.high - rows.low) + (rows.last - rows.tail)
        count += np.bincount(rows.source, own, len(count)).astype(np.int64)
    return count


def pairs(
    graph: Graph, sources: Events, targets: Events, radius: float
) -> tuple[Array, Array, Array]:
    """Positions of source and target in sorted order, and distance [m], of pairs within."""
    made: list[tuple[Array, Array, Array]] = []
    for rows in _rows(graph, sources, targets, radius):
        for low, high in (
            (rows.first, rows.head),
            (rows.low, rows.high),
            (rows.tail, rows.last),
        ):
            owner, found = spread(low, high)
            there = targets.measure[found]
            edge = rows.edge[owner]
            away = np.minimum(
                rows.to_u[owner] + there, rows.to_v[owner] + (graph.length[edge] - there)
            )
            straight = np.abs(there - sources.measure[rows.source[owner]])
            away = np.where(rows.own[owner], np.minimum(away, straight), away)
            made.append((rows.source[owner], found.astype(np.int32), away))
    if not made:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32), np.empty(0)
    source, found, distance = (np.concatenate(parts) for parts in zip(*made, strict=True))
    return source, found, distance


def search(
    graph: Graph, events: Events, seeds: tuple[Array, Array, Array], ways: int, limit: float
) -> tuple[Array, Array]:
    """The ``ways`` nearest events of each node.

    One search from all seeds at once, linear in the network but for its heap. At equal
    distances the event on the lowest edge, then of the lowest number, comes first.

    Parameters
    ----------
    graph, events
        The network and what is searched from.
    seeds
        Node, distance [m] and position of an event, each of shape (seeds,).
    ways
        How many different events each node gets.
    limit
        Distance [m] beyond which there is none.

    Returns
    -------
    distance, position
        Shape (nodes, ways); infinity and -1 where there is none.
    """
    start, node, _, length = (array.tolist() for array in graph.adjacency)
    # What decides between equal distances, and leads back to the event.
    rank = np.empty(len(events), dtype=np.int64)
    at_rank = np.lexsort((events.number, events.edge))
    rank[at_rank] = np.arange(len(events))
    at, away, event = seeds
    kept = away <= limit
    heap = list(
        zip(away[kept].tolist(), rank[event[kept]].tolist(), at[kept].tolist(), strict=True)
    )
    heapq.heapify(heap)
    found: list[list[tuple[float, int]]] = [[] for _ in range(graph.nodes)]
    while heap:
        d, r, n = heapq.heappop(heap)
        here = found[n]
        if len(here) == ways and (d, r) >= here[-1]:
            continue
        same = [k for k, (_, other) in enumerate(here) if other == r]
        if same:
            if here[same[0]][0] <= d:
                continue
            del here[same[0]]
        here.append((d, r))
        here.sort()
        del here[ways:]
        for q in range(start[n], start[n + 1]):
            there = d + length[q]
            if there <= limit:
                other_found = found[node[q]]
                if len(other_found) < ways or (there, r) < other_found[-1]:
                    heapq.heappush(heap, (there, r, node[q]))
    distance = np.full((graph.nodes, ways), np.inf)
    position = np.full((graph.nodes, ways), -1, dtype=np.int32)
    for k in range(ways):
        held = [n for n, own in enumerate(found) if len(own) > k]
        if held:
            distance[held, k] = [found[n][k][0] for n in held]
            position[held, k] = at_rank[[found[n][k][1] for n in held]]
    return distance, position


def components(size: int, one: Array, other: Array) -> Array:
    """A number for each of ``size`` things, the same for those that links connect."""
    links = sparse.csr_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(size, size))
    made: Array = csgraph.connected_components(links, directed=False)[1]
    return made
