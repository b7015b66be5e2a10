"""Kernel density along a network in numpy, for inputs too small for compiled kernels.

The arithmetic of one event at one place is that of :mod:`blackspots.graph.density_kernels`, with
the same distances; only the order in which contributions are added up differs, so that both
agree to the rounding of a sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, pi, sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import erf

from blackspots.graph import plain
from blackspots.graph.network import Array, Events, Graph

CUT = 3.0
"""Standard deviations at which the Gaussian kernel ends (it is scaled to integrate to 1)."""

UNIFORM, TRIANGULAR, EPANECHNIKOV, QUARTIC, TRIWEIGHT, GAUSSIAN = range(6)

GAUSSIAN_MASS = float(erf(CUT / sqrt(2.0)))
GAUSSIAN_PEAK = 1.0 / sqrt(2.0 * pi) / GAUSSIAN_MASS

ORIGINS = 2_000
"""Edges whose searches are made together; bounds their arrays."""

WALKS = 20_000
"""Walks that are followed together; bounds their arrays."""


class Halves(NamedTuple):
    """Half-edges by the node they leave from; a loop leaves from its node twice."""

    start: Array
    """Node ``n`` has the entries ``start[n]`` to ``start[n + 1]``, shape (nodes + 1,)."""
    node: Array
    """Node each leads to."""
    half: Array
    """The edge, plus the number of edges where it leaves from the edge's ``v`` end."""
    length: Array
    """Length of the edge [m]."""


class Walks(NamedTuple):
    """Where walks begin, and what is known of the events they carry."""

    node: Array
    """Node that a walk comes to first, shape (origins,)."""
    back: Array
    """Half-edge that leads back to the event, -1 where it is at the node itself."""
    low: Array
    """The origin's events are ``low`` to ``high`` of the next two arrays, the nearest first."""
    high: Array
    base: Array
    """Distance [m] of the event to the node."""
    event: Array
    """Position of the event."""


class _Front(NamedTuple):
    """Walks that have come to a node, each of shape (walks,)."""

    node: Array
    """The node."""
    back: Array
    """Half-edge that leads back, -1 at a beginning."""
    away: Array
    """Distance [m] walked from the origin."""
    weight: Array
    """Share of the event it carries [1]."""
    origin: Array
    """Where it began."""


class Shapes(NamedTuple):
    """Kernels of the events, each shape (events,) but ``kernel``."""

    kernel: int
    reach: Array
    """Distance [m] at which it ends."""
    inverse: Array
    """Reciprocal of the bandwidth [1/m]."""
    scale: Array
    """Weight of the event by its bandwidth [events/m]."""


def value(kernel: int, x: Array) -> Array:
    """The kernel at ``x`` bandwidths from its middle, within its support."""
    y = 1.0 - x * x
    if kernel == QUARTIC:
        return 0.9375 * y * y
    if kernel == EPANECHNIKOV:
        return 0.75 * y
    if kernel == TRIWEIGHT:
        return 1.09375 * y * y * y
    if kernel == TRIANGULAR:
        return 1.0 - x
    if kernel == UNIFORM:
        return np.full_like(x, 0.5)
    made: Array = GAUSSIAN_PEAK * np.exp(-0.5 * x * x)
    return made


def beyond(kernel: int, x: Array) -> Array:
    """Share of the kernel's mass further than ``x`` bandwidths to one side, within support."""
    z = x * x
    if kernel == QUARTIC:
        return 0.5 - x * (0.9375 - z * (0.625 - 0.1875 * z))
    if kernel == EPANECHNIKOV:
        return 0.5 - x * (0.75 - 0.25 * z)
    if kernel == TRIWEIGHT:
        return 0.5 - x * (1.09375 - z * (1.09375 - z * (0.65625 - 0.15625 * z)))
    if kernel == TRIANGULAR:
        return 0.5 * (1.0 - x) * (1.0 - x)
    if kernel == UNIFORM:
        return 0.5 - 0.5 * x
    made: Array = 0.5 - 0.5 * erf(x / sqrt(2.0)) / GAUSSIAN_MASS
    return made


def halves(graph: Graph) -> Halves:
    """The half-edges of a graph."""
    start, node, edge, length = graph.adjacency
    owner = np.repeat(np.arange(graph.nodes), np.diff(start))
    # Those that leave from the u end come first.
    forward = np.bincount(graph.u, minlength=graph.nodes)
    back = np.arange(len(edge)) - start[owner] >= forward[owner]
    half = edge + np.where(back, np.int32(len(graph.u)), np.int32(0))
    return Halves(start, node, half.astype(np.int32), length)


def simple(graph: Graph, events: Events, places: Events, shapes: Shapes) -> Array:
    """Sum of the kernels at the distances along the network, in the places' sorted order."""
    out = np.zeros(len(places))
    begin, end = events.start[:-1].astype(np.int64), events.start[1:].astype(np.int64)
    occupied = np.flatnonzero(end > begin)
    begin, end = begin[occupied], end[occupied]
    rest = graph.length[events.edge] - events.measure
    most_u = np.maximum.reduceat(shapes.reach - events.measure, begin)
    most_v = np.maximum.reduceat(shapes.reach - rest, begin)
    for low in range(0, len(occupied), ORIGINS):
        part = slice(low, low + ORIGINS)
        edge = occupied[part]
        count = len(edge)
        key, away = _balls(
            graph,
            np.concatenate([graph.u[edge], graph.v[edge]]),
            np.concatenate([most_u[part], most_v[part]]),
        )
        # All edges that a node within reach is an end of, and the own one.
        start, _, half, _ = graph.adjacency
        node = key % graph.nodes
        owner, q = plain.spread(start[node], start[node + 1])
        whose = (key[owner] // graph.nodes) % count
        both = np.concatenate(
            [whose * len(graph.u) + half[q], np.arange(count) * len(graph.u) + edge]
        )
        row, around = np.divmod(np.unique(both), len(graph.u))
        held = places.start[around + 1] > places.start[around]
        row, around = row[held], around[held]
        ends = tuple(
            _found(key, away, (row + side * count) * graph.nodes + node)
            for node in (graph.u[around], graph.v[around])
            for side in (0, 1)
        )
        _spread_out(
            out,
            graph,
            events,
            places,
            shapes,
            edge[row],
            around,
            ends,
            begin[part][row],
            end[part][row],
        )
    return out


def _balls(graph: Graph, source: Array, limit: Array) -> tuple[Array, Array]:
    """Nodes within a limit [m] of each source: source * nodes + node, sorted; distance [m].

    Step by step from all sources together, each step from the nodes that came nearer in the
    last one, until none does.
    """
    start, to, _, length = graph.adjacency
    there = np.flatnonzero(limit >= 0.0)
    key, away = there * graph.nodes + source[there], np.zeros(len(there))
    front, far = key, away
    while len(front):
        node = front % graph.nodes
        owner, q = plain.spread(start[node], start[node + 1])
        further = far[owner] + length[q]
        reached = front[owner] - node[owner] + to[q]
        within = further <= limit[reached // graph.nodes]
        reached, further = reached[within], further[within]
        keys, ways = np.concatenate([key, reached]), np.concatenate([away, further])
        # At equal distances the one known before comes first.
        order = np.lexsort((ways, keys))
        keys = keys[order]
        first = np.ones(len(keys), dtype=bool)
        first[1:] = keys[1:] != keys[:-1]
        order = order[first]
        better = order >= len(key)
        key, away = keys[first], ways[order]
        front, far = key[better], away[better]
    return key, away


def _found(key: Array, away: Array, wanted: Array) -> Array:
    """Distances [m] of the wanted keys, infinity for those that are not there."""
    if not len(key):
        return np.full(len(wanted), np.inf)
    at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    made: Array = np.where(key[at] == wanted, away[at], np.inf)
    return made


def _spread_out(
    out: Array,
    graph: Graph,
    events: Events,
    places: Events,
    shapes: Shapes,
    edge: Array,
    around: Array,
    ends: tuple[Array, ...],
    begin: Array,
    end: Array,
) -> None:
    """Add what the events ``begin`` to ``end`` of an edge give to the places of one around it.

    ``ends`` are distances [m] to the ``u`` end of the edge around from either end of the
    events' edge, then to its ``v`` end.
    """
    for rows in _blocks(end - begin):
        owner, source = plain.spread(begin[rows], end[rows])
        owner += rows.start
        measure = events.measure[source]
        rest = graph.length[edge[owner]] - measure
        to_u = np.minimum(measure + ends[0][owner], rest + ends[1][owner])
        to_v = np.minimum(measure + ends[2][owner], rest + ends[3][owner])
        on, own = around[owner], edge[owner] == around[owner]
        first, last = (places.start[on + k].astype(np.int64) for k in (0, 1))
        reach, length = shapes.reach[source], graph.length[on]
        head = plain.bisect(places.measure, first, last, reach - to_u, right=True)
        tail = plain.bisect(places.measure, first, last, length - (reach - to_v), right=False)
        # On the own edge all are looked at, as the way is straight to some of them.
        head = np.where(own, last, head)
        tail = np.maximum(tail, head)
        for low, high in ((first, head), (tail, last)):
            for some in _blocks(high - low):
                row, target = plain.spread(low[some], high[some])
                row += some.start
                along = places.measure[target]
                away = np.minimum(to_u[row] + along, to_v[row] + (length[row] - along))
                direct = np.abs(along - measure[row])
                away = np.where(own[row], np.minimum(away, direct), away)
                _add(out, shapes, source[row], target, away, None)


def straight(graph: Graph, events: Events, places: Events, shapes: Shapes) -> Array:
    """What each event gives to its own edge before any node, in the places' sorted order."""
    del graph
    out = np.zeros(len(places))
    first, last = (places.start[events.edge + k].astype(np.int64) for k in (0, 1))
    low, high = (
        plain.bisect(places.measure, first, last, events.measure + way, right=right)
        if len(places)
        else first
        for way, right in ((-shapes.reach, False), (shapes.reach, True))
    )
    for rows in _blocks(high - low):
        owner, target = plain.spread(low[rows], high[rows])
        source = owner + rows.start
        away = np.abs(places.measure[target] - events.measure[source])
        _add(out, shapes, source, target, away, None)
    return out


def walked(
    graph: Graph,
    places: Events,
    shapes: Shapes,
    walks: Walks,
    *,
    continuous: bool,
    least: float,
    most: int,
    total: float = inf,
) -> tuple[Array, Array, int]:
    """What walks from the events give to the places, many walks a step at a time.

    Parameters
    ----------
    graph, places, shapes, walks
        Where, and of what.
    continuous
        Whether walks turn round at nodes.
    least
        Share of an event [1] below which a walk is not followed.
    most, total
        Steps, from one origin and in all, after which it stops.

    Returns
    -------
    numpy.ndarray
        Density [events/m] in the places' sorted order.
    numpy.ndarray
        Share of each event's mass on walks that were not followed, (events,).
    int
        The most steps from one origin; greater than ``most`` or, where all together exceeded
        ``total``, -1: then the rest is of no use.
    """
    out, lost = np.zeros(len(places)), np.zeros(len(shapes.reach))
    every, edges = halves(graph), len(graph.u)
    slack = np.zeros(len(walks.node))
    held = walks.high > walks.low
    if held.any():
        room = shapes.reach[walks.event] - walks.base
        slack[held] = np.maximum.reduceat(room, walks.low[held])
    taken = np.zeros(len(walks.node), dtype=np.int64)
    origin = np.flatnonzero(slack > 0.0)
    ones = np.ones(len(origin))
    waiting = [_Front(walks.node[origin], walks.back[origin], 0.0 * ones, ones, origin)]
    done = 0
    while waiting:
        front = waiting.pop()
        if len(front.node) > WALKS:
            # In parts, one to its end before the next, so that few walks are held at a time.
            waiting += [_Front(*(each[WALKS:] for each in front))]
            front = _Front(*(each[:WALKS] for each in front))
        node, back, away, weight, origin = front
        owner, q = plain.spread(every.start[node], every.start[node + 1])
        split = weight[owner] * _factor(every, node, back, owner, q, continuous=continuous)
        light = np.abs(split) < least
        gone = light & (split != 0.0)
        _lose(lost, shapes, walks, origin[owner[gone]], away[owner[gone]], split[gone])
        light |= split == 0.0
        owner, q, split = owner[~light], q[~light], split[~light]
        half, begun, whose = every.half[q], away[owner], origin[owner]
        np.add.at(taken, whose, 1)
        done += len(q)
        if done > total:
            return out, lost, -1
        if len(q) and int(taken[whose].max()) > most:
            return out, lost, most + 1
        _lay(out, graph, places, shapes, walks, whose, half, begun, split)
        there = begun + every.length[q]
        on = there < slack[whose]
        if on.any():
            half = half[on]
            back = np.where(half < edges, half + edges, half - edges)
            waiting.append(_Front(every.node[q[on]], back, there[on], split[on], whose[on]))
    return out, lost, int(taken.max(initial=0))


def _factor(
    every: Halves, node: Array, back: Array, owner: Array, q: Array, *, continuous: bool
) -> Array:
    """Share of a walk that takes each half-edge of the node it has come to."""
    degree = (every.start[node + 1] - every.start[node])[owner].astype(np.float64)
    beginning = back[owner] < 0
    returning = every.half[q] == back[owner]
    if continuous:
        share: Array = np.where(returning, 2.0 / degree - 1.0, 2.0 / degree)
        return share
    share = np.where(beginning, 2.0 / degree, 1.0 / np.maximum(degree - 1.0, 1.0))
    # All turns round at a dead end.
    share[returning & (degree > 1.0)] = 0.0
    return share


def _lose(
    lost: Array, shapes: Shapes, walks: Walks, whose: Array, away: Array, weight: Array
) -> None:
    """Add the mass that walks would still have laid down."""
    low, high = walks.low[whose], walks.high[whose]
    for rows in _blocks(high - low):
        owner, carried = plain.spread(low[rows], high[rows])
        event = walks.event[carried]
        far = walks.base[carried] + away[rows][owner]
        there = far < shapes.reach[event]
        event, owner = event[there], owner[there]
        mass = weight[rows][owner] * beyond(shapes.kernel, far[there] * shapes.inverse[event])
        lost += np.bincount(event, mass, minlength=len(lost))


def _lay(
    out: Array,
    graph: Graph,
    places: Events,
    shapes: Shapes,
    walks: Walks,
    whose: Array,
    half: Array,
    away: Array,
    weight: Array,
) -> None:
    """Add what walks along half-edges give to the places on them."""
    edges = len(graph.u)
    backwards = half >= edges
    edge = np.where(backwards, half - edges, half)
    low, high = walks.low[whose], walks.high[whose]
    low = np.where(places.start[edge + 1] > places.start[edge], low, high)
    for rows in _blocks(high - low):
        owner, carried = plain.spread(low[rows], high[rows])
        owner += rows.start
        event = walks.event[carried]
        begun = walks.base[carried] + away[owner]
        room = shapes.reach[event] - begun
        there = room >= 0.0
        owner, event, begun, room = owner[there], event[there], begun[there], room[there]
        on, turned = edge[owner], backwards[owner]
        length = graph.length[on]
        first, last = places.start[on].astype(np.int64), places.start[on + 1].astype(np.int64)
        upto = plain.bisect(places.measure, first, last, room, right=True)
        since = plain.bisect(places.measure, first, last, length - room, right=False)
        first, last = np.where(turned, since, first), np.where(turned, last, upto)
        for some in _blocks(last - first):
            row, target = plain.spread(first[some], last[some])
            row += some.start
            along = places.measure[target]
            along = np.where(turned[row], length[row] - along, along)
            _add(out, shapes, event[row], target, begun[row] + along, weight[owner[row]])


def _add(
    out: Array, shapes: Shapes, source: Array, target: Array, away: Array, weight: Array | None
) -> None:
    """Add kernels of events at distances [m] to places."""
    within = away <= shapes.reach[source]
    if not within.all():
        source, target, away = source[within], target[within], away[within]
        weight = None if weight is None else weight[within]
    scale = shapes.scale[source] if weight is None else weight * shapes.scale[source]
    made = scale * value(shapes.kernel, away * shapes.inverse[source])
    out += np.bincount(target, made, minlength=len(out))


def _blocks(count: Array) -> Iterator[slice]:
    """Stretches of rows that expand to about :data:`plain.ROWS` each."""
    total = np.cumsum(np.maximum(count, 0))
    low = 0
    while low < len(total):
        before = total[low - 1] if low else 0
        high = int(np.searchsorted(total, before + plain.ROWS, side="right"))
        high = max(high, low + 1)
        if total[high - 1] > before:
            yield slice(low, high)
        low = high
