"""Compiled kernels: the same results as :mod:`blackspots.graph.plain`, for large inputs.

Arrays have one type each (int32 for nodes, edges and events, float64 for metres), so that each
kernel is compiled once, and kept on disk. They release the GIL: threads share the edges.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import numba
import numpy as np

from blackspots.graph import choice
from blackspots.graph.network import Array, Events, Graph

F = TypeVar("F", bound=Callable[..., Any])

compiled = cast("Callable[[F], F]", numba.njit(cache=True, nogil=True))
inlined = cast("Callable[[F], F]", numba.njit(inline="always"))


@compiled
def sorted_events(edge: Array, measure: Array, edges: int) -> tuple[Array, Array]:
    """Start of each edge's events and their numbers, sorted by (edge, measure, number)."""
    start = np.zeros(edges + 1, np.int32)
    for i in range(len(edge)):
        start[edge[i] + 1] += 1
    for e in range(edges):
        start[e + 1] += start[e]
    fill = start[:-1].copy()
    number = np.empty(len(edge), np.int32)
    for i in range(len(edge)):
        number[fill[edge[i]]] = i
        fill[edge[i]] += 1
    for e in range(edges):
        low, high = start[e], start[e + 1]
        if high - low > 32:  # noqa: PLR2004 - where sorting by insertion ends to be quicker
            own = number[low:high].copy()
            number[low:high] = own[np.argsort(measure[own], kind="mergesort")]
            continue
        for q in range(low + 1, high):
            x = number[q]
            r = q - 1
            while r >= low and measure[number[r]] > measure[x]:
                number[r + 1] = number[r]
                r -= 1
            number[r + 1] = x
    return start, number


@inlined
def _push(heap: Array, held: Array, size: int, d: float, item: int) -> int:
    """A binary heap in two arrays: the distance, and what waits there."""
    i = size
    while i > 0:
        above = (i - 1) >> 1
        if heap[above] <= d:
            break
        heap[i] = heap[above]
        held[i] = held[above]
        i = above
    heap[i] = d
    held[i] = item
    return size + 1


@inlined
def _pop(heap: Array, held: Array, size: int) -> tuple[float, int, int]:
    d, item = heap[0], held[0]
    size -= 1
    last, last_item = heap[size], held[size]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= last:
            break
        heap[i] = heap[child]
        held[i] = held[child]
        i = child
    heap[i] = last
    held[i] = last_item
    return d, item, size


@compiled
def _ball(
    source: int,
    limit: float,
    start: Array,
    node: Array,
    length: Array,
    distance: Array,
    stamp: Array,
    tag: int,
    settled: Array,
    heap: Array,
    held: Array,
) -> int:
    """Bounded search from a node; how many nodes were settled.

    ``distance`` holds where ``stamp`` is ``tag``. A node is pushed at most once for each
    half-edge into it, so heaps as long as there are half-edges never overflow.
    """
    if limit < 0.0:
        return 0
    distance[source] = 0.0
    stamp[source] = tag
    size = _push(heap, held, 0, 0.0, source)
    count = 0
    while size > 0:
        d, n, size = _pop(heap, held, size)
        if d > distance[n]:
            continue
        settled[count] = n
        count += 1
        for q in range(start[n], start[n + 1]):
            other = node[q]
            there = d + length[q]
            if there <= limit and (stamp[other] != tag or there < distance[other]):
                distance[other] = there
                stamp[other] = tag
                size = _push(heap, held, size, there, other)
    return count


@inlined
def _upto(values: Array, low: int, high: int, x: float) -> int:
    """Position after the last value that is at most ``x``."""
    while low < high:
        middle = (low + high) >> 1
        if values[middle] <= x:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def _from(values: Array, low: int, high: int, x: float) -> int:
    """Position of the first value that is at least ``x``."""
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _pairs(  # noqa: C901, PLR0912, PLR0915 - a call of a kernel costs, a branch does not
    occupied: Array,
    u: Array,
    v: Array,
    length: Array,
    start: Array,
    node: Array,
    half: Array,
    half_length: Array,
    sources: Array,
    source_measure: Array,
    targets: Array,
    target_measure: Array,
    radius: float,
    offset: Array,
    count: Array,
    found: Array,
    distance: Array,
) -> None:
    """Targets within ``radius`` of each source on the ``occupied`` edges.

    Two searches for each edge serve all its sources: from its ends, as far as the nearest
    source allows. With an empty ``found`` it only counts, by bisection; otherwise it writes
    target and distance from ``offset`` on.
    """
    nodes, edges = len(start) - 1, len(u)
    from_u, from_v = np.empty(nodes), np.empty(nodes)
    stamp_u, stamp_v = np.full(nodes, -1, np.int32), np.full(nodes, -1, np.int32)
    seen = np.full(edges, -1, np.int32)
    near_u, near_v = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    heap, held = np.empty(len(node) + 1), np.empty(len(node) + 1, np.int32)
    around = np.empty(edges, np.int32)
    fill = len(found) > 0
    for e in occupied:
        s0, s1 = sources[e], sources[e + 1]
        most_u = radius - source_measure[s0]
        count_u = _ball(
            u[e], most_u, start, node, half_length, from_u, stamp_u, e, near_u, heap, held
        )
        most_v = radius - (length[e] - source_measure[s1 - 1])
        count_v = _ball(
            v[e], most_v, start, node, half_length, from_v, stamp_v, e, near_v, heap, held
        )
        around[0] = e
        seen[e] = e
        size = 1
        for k in range(count_u + count_v):
            n = near_u[k] if k < count_u else near_v[k - count_u]
            for q in range(start[n], start[n + 1]):
                f = half[q]
                if seen[f] != e:
                    seen[f] = e
                    if targets[f] < targets[f + 1]:
                        around[size] = f
                        size += 1
        for k in range(size):
            f = around[k]
            f0, f1 = targets[f], targets[f + 1]
            if f0 == f1:
                continue
            c, d = u[f], v[f]
            u_c = from_u[c] if stamp_u[c] == e else np.inf
            v_c = from_v[c] if stamp_v[c] == e else np.inf
            u_d = from_u[d] if stamp_u[d] == e else np.inf
            v_d = from_v[d] if stamp_v[d] == e else np.inf
            for i in range(s0, s1):
                m = source_measure[i]
                rest = length[e] - m
                to_c = min(m + u_c, rest + v_c)
                to_d = min(m + u_d, rest + v_d)
                head, tail = f0, f1
                if to_c <= radius:
                    head = _upto(target_measure, f0, f1, radius - to_c)
                if to_d <= radius:
                    tail = _from(target_measure, f0, f1, length[f] - (radius - to_d))
                # Own edge: straight on, besides out at one end and in at the other. The
                # middle reaches beyond neither head nor tail the other way.
                low, high = f1, f1
                if f == e:
                    low = _from(target_measure, f0, f1, m - radius)
                    high = _upto(target_measure, f0, f1, m + radius)
                    head = min(head, low)
                    tail = max(tail, high)
                elif head > tail:
                    tail = head
                if not fill:
                    count[i] += (head - f0) + (f1 - tail) + (high - low)
                    continue
                at = offset[i] + count[i]
                for j in range(f0, f1):
                    if head <= j < tail and not low <= j < high:
                        continue
                    t = target_measure[j]
                    away = min(to_c + t, to_d + (length[f] - t))
                    if f == e:
                        away = min(away, abs(t - m))
                    found[at] = j
                    distance[at] = away
                    at += 1
                count[i] = at - offset[i]


def _shared(graph: Graph, sources: Events, targets: Events, radius: float, *out: Array) -> None:
    """All occupied edges, in as many threads as there are processors."""
    start, node, half, half_length = graph.adjacency
    occupied = np.flatnonzero(sources.start[1:] > sources.start[:-1]).astype(np.int32)

    def run(part: Array) -> None:
        _pairs(
            part,
            graph.u,
            graph.v,
            graph.length,
            start,
            node,
            half,
            half_length,
            sources.start,
            sources.measure,
            targets.start,
            targets.measure,
            radius,
            *out,
        )

    # Each thread has tables of its own over the whole network: no more of them than pay.
    count = min(choice.threads(), max(len(occupied) // 5000, 1))
    if count == 1:
        run(occupied)
        return
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(run, np.array_split(occupied, count)))


def counts(graph: Graph, sources: Events, targets: Events, radius: float) -> Array:
    """Number of targets within ``radius`` of each source, in sorted order."""
    count = np.zeros(len(sources), dtype=np.int64)
    offset, found = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
    _shared(graph, sources, targets, radius, offset, count, found, np.empty(0))
    return count


def pairs(
    graph: Graph, sources: Events, targets: Events, radius: float
) -> tuple[Array, Array, Array]:
    """Positions of source and target in sorted order, and distance [m], of pairs within."""
    count = counts(graph, sources, targets, radius)
    offset = np.zeros(len(count) + 1, dtype=np.int64)
    np.cumsum(count, out=offset[1:])
    found = np.empty(offset[-1], dtype=np.int32)
    distance = np.empty(offset[-1])
    if len(found):
        _shared(graph, sources, targets, radius, offset, np.zeros_like(count), found, distance)
    return np.repeat(np.arange(len(count)), count), found, distance


@inlined
def _offer(
    n: int, d: float, event: int, edge: Array, number: Array, distance: Array, label: Array
) -> bool:
    """Take ``event`` at ``d`` among the nearest ones of a node, if it belongs there."""
    ways = distance.shape[1]
    place = ways
    for k in range(ways - 1, -1, -1):
        other = label[n, k]
        before = other < 0 or d < distance[n, k]
        if not before and d == distance[n, k]:
            before = edge[event] < edge[other] or (
                edge[event] == edge[other] and number[event] < number[other]
            )
        if before:
            place = k
    last = ways - 1
    for k in range(ways):
        if label[n, k] == event:
            last = k
            if distance[n, k] <= d:
                place = ways
    if place == ways:
        return False
    for k in range(last, place, -1):
        distance[n, k] = distance[n, k - 1]
        label[n, k] = label[n, k - 1]
    distance[n, place] = d
    label[n, place] = event
    return True


@inlined
def _grown(values: Array, needed: int) -> Array:
    """The same array, or a longer one with its values where that is needed."""
    if needed <= len(values):
        return values
    more = np.empty(2 * needed, values.dtype)
    more[: len(values)] = values
    return more


@compiled
def _search(  # noqa: C901 - a call of a kernel costs, a branch does not
    seed_node: Array,
    seed_distance: Array,
    seed_event: Array,
    ways: int,
    limit: float,
    edge: Array,
    number: Array,
    start: Array,
    node: Array,
    length: Array,
) -> tuple[Array, Array]:
    nodes = len(start) - 1
    distance = np.full((nodes, ways), np.inf)
    label = np.full((nodes, ways), -1, np.int32)
    for k in range(len(seed_node)):
        if seed_distance[k] <= limit:
            _offer(seed_node[k], seed_distance[k], seed_event[k], edge, number, distance, label)
    # What waits is a place in the lists of node and event, used again when it is free.
    heap, held = np.empty(nodes + 16), np.empty(nodes + 16, np.int32)
    at_node, at_event = np.empty(nodes + 16, np.int32), np.empty(nodes + 16, np.int32)
    free = np.empty(nodes + 16, np.int32)
    size, used, spare = 0, 0, 0
    for n in range(nodes):
        for w in range(ways):
            if label[n, w] >= 0:
                heap, held = _grown(heap, size + 1), _grown(held, size + 1)
                at_node, at_event = _grown(at_node, used + 1), _grown(at_event, used + 1)
                at_node[used], at_event[used] = n, label[n, w]
                size = _push(heap, held, size, distance[n, w], used)
                used += 1
    while size > 0:
        d, place, size = _pop(heap, held, size)
        n, event = at_node[place], at_event[place]
        free = _grown(free, spare + 1)
        free[spare] = place
        spare += 1
        current = False
        for w in range(ways):
            current |= label[n, w] == event and distance[n, w] == d
        if not current:
            continue
        for q in range(start[n], start[n + 1]):
            there, other = d + length[q], node[q]
            if (
                there > limit
                or there > distance[other, ways - 1]
                or not _offer(other, there, event, edge, number, distance, label)
            ):
                continue
            if spare > 0:
                spare -= 1
                place = free[spare]
            else:
                place = used
                used += 1
                at_node, at_event = _grown(at_node, used), _grown(at_event, used)
            heap, held = _grown(heap, size + 1), _grown(held, size + 1)
            at_node[place], at_event[place] = other, event
            size = _push(heap, held, size, there, place)
    return distance, label


def search(
    graph: Graph, events: Events, seeds: tuple[Array, Array, Array], ways: int, limit: float
) -> tuple[Array, Array]:
    """The ``ways`` nearest events of each node, as :func:`blackspots.graph.plain.search`."""
    start, node, _, length = graph.adjacency
    return _search(*seeds, ways, limit, events.edge, events.number, start, node, length)


@inlined
def _root(parent: Array, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@compiled
def components(size: int, one: Array, other: Array) -> Array:
    """A number for each of ``size`` things, the same for those that links connect."""
    parent = np.arange(size).astype(np.int32)
    for k in range(len(one)):
        a, b = _root(parent, one[k]), _root(parent, other[k])
        if a < b:
            parent[b] = a
        elif b < a:
            parent[a] = b
    for i in range(size):
        parent[i] = _root(parent, i)
    return parent
