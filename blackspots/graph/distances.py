"""Distances along the network between points on it."""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

import numpy as np

from blackspots.graph import choice, plain
from blackspots.graph.network import Array, Events, Graph, reach


class Neighbours(NamedTuple):
    """Pairs of points, by source, then distance, then the target's edge and number."""

    source: Array
    """Number of the source, shape (pairs,), int64."""
    target: Array
    """Number of the target, shape (pairs,), int64."""
    distance: Array
    """Distance [m] along the network, shape (pairs,)."""


class Nearest(NamedTuple):
    """The nearest of many points, for each of some places."""

    number: Array
    """Its number, -1 where none is within the limit, int64."""
    distance: Array
    """Distance [m] along the network, infinity where none is within the limit."""


def implementation(graph: Graph, events: int) -> ModuleType:
    """What computes at this size: compiled kernels, or numpy and scipy."""
    return choice.kernels(events + len(graph.u)) or plain


def counts_within(graph: Graph, events: Events, radius: float) -> Array:
    """How many events are within a distance along the network of each, itself included.

    No pairs are enumerated: the events of an edge share two searches, and bisection counts.

    Parameters
    ----------
    graph, events
        The network and the points on it.
    radius
        Distance [m]; a pair at exactly this distance counts.

    Returns
    -------
    numpy.ndarray
        Shape (events,), int64, in the order the events were given in.
    """
    use = implementation(graph, len(events))
    return events.unsorted(use.counts(graph, events, events, reach(radius)))


def neighbours(graph: Graph, sources: Events, targets: Events, radius: float) -> Neighbours:
    """All pairs of a source and a target within a distance along the network.

    It enumerates the pairs, so memory grows with their number: in hot spots with the square
    of the events. Where numbers of pairs suffice, use :func:`counts_within`. An event of
    ``sources`` that is also in ``targets`` finds itself at distance 0.

    Parameters
    ----------
    graph, sources, targets
        The network and the points on it; both may be the same.
    radius
        Distance [m]; a pair at exactly this distance counts.
    """
    use = implementation(graph, len(sources) + len(targets))
    source, target, distance = use.pairs(graph, sources, targets, reach(radius))
    numbers = sources.number[source], targets.number[target]
    order = np.lexsort((numbers[1], targets.edge[target], distance, numbers[0]))
    return Neighbours(
        numbers[0][order].astype(np.int64), numbers[1][order].astype(np.int64), distance[order]
    )


def node_distances(graph: Graph, sources: Events, limit: float = np.inf) -> Nearest:
    """The nearest source of each node, by one search from all of them.

    At equal distances it is the one on the lowest edge, then of the lowest number.

    Parameters
    ----------
    graph, sources
        The network and the points on it.
    limit
        Distance [m] beyond which a node has none.

    Returns
    -------
    Nearest
        Each shape (nodes,).
    """
    distance, position = searched(graph, sources, 1, reach(limit))
    return _numbered(sources, position[:, 0], distance[:, 0])


def nearest(graph: Graph, sources: Events, targets: Events, limit: float = np.inf) -> Nearest:
    """The nearest target of each source, by one search from all targets.

    At equal distances it is the one on the lowest edge, then of the lowest number. Where
    ``targets`` is the very object ``sources``, no event is its own neighbour.

    Parameters
    ----------
    graph, sources, targets
        The network and the points on it.
    limit
        Distance [m] beyond which a source has none.

    Returns
    -------
    Nearest
        Each shape (sources,), in the order the sources were given in.
    """
    same = sources is targets
    found = searched(graph, targets, 2 if same else 1, reach(limit))
    position, distance = assigned(graph, sources, targets, found, reach(limit))
    made = _numbered(targets, position, distance)
    return Nearest(sources.unsorted(made.number), sources.unsorted(made.distance))


def _numbered(events: Events, position: Array, distance: Array) -> Nearest:
    number = np.full(len(position), -1, dtype=np.int64)
    number[position >= 0] = events.number[position[position >= 0]]
    return Nearest(number, distance)


def groups(events: Events) -> Array:
    """Position of the first event at each event's place, shape (events,), int64."""
    first = np.ones(len(events), dtype=bool)
    first[1:] = (events.edge[1:] != events.edge[:-1]) | (events.measure[1:] != events.measure[:-1])
    return np.maximum.accumulate(np.where(first, np.arange(len(events)), 0))


def _seeds(graph: Graph, events: Events, ways: int) -> tuple[Array, Array, Array]:
    """The events next to the ends of each edge: node, distance [m] and position."""
    begin, end = events.start[:-1], events.start[1:]
    edge = np.flatnonzero(end > begin).astype(np.int32)
    begin, end = begin[edge], end[edge]
    place = groups(events)
    # Of several at one place the first has the lowest number.
    last = place[end - 1].astype(np.int32)
    towards_u, towards_v = [(edge, begin)], [(edge, last)]
    if ways > 1:
        more = end - begin > 1
        towards_u.append((edge[more], begin[more] + 1))
        one = last + 1 == end
        second = np.where(one, place[np.maximum(last - 1, 0)], last + 1).astype(np.int32)
        towards_v.append((edge[more], second[more]))
    node, away, position = [], [], []
    for on, at in towards_u:
        node.append(graph.u[on])
        away.append(events.measure[at])
        position.append(at)
    for on, at in towards_v:
        node.append(graph.v[on])
        away.append(graph.length[on] - events.measure[at])
        position.append(at)
    return np.concatenate(node), np.concatenate(away), np.concatenate(position).astype(np.int32)


def searched(graph: Graph, events: Events, ways: int, limit: float) -> tuple[Array, Array]:
    """The ``ways`` nearest events of each node: distance [m], position; (nodes, ways)."""
    use = implementation(graph, len(events))
    found: tuple[Array, Array] = use.search(graph, events, _seeds(graph, events, ways), ways, limit)
    return found


def assigned(
    graph: Graph,
    points: Events,
    targets: Events,
    found: tuple[Array, Array],
    limit: float,
) -> tuple[Array, Array]:
    """Position of the nearest target of each point and its distance [m], in sorted order.

    Parameters
    ----------
    graph, points, targets
        The network and the points on it; where both are the same object, no event is its own
        neighbour, and ``found`` must hold two targets for each node.
    found
        The nearest targets of each node, as :func:`searched` gives them.
    limit
        Distance [m] beyond which a point has none.
    """
    edge, measure = points.edge, points.measure
    best = np.full(len(points), np.inf)
    chosen = np.full(len(points), -1, dtype=np.int64)
    if not (len(points) and len(targets)):
        return chosen, best
    own = np.arange(len(points)) if points is targets else np.full(len(points), -1)

    def offer(position: Array, distance: Array, there: Array) -> None:
        at = np.maximum(position, 0)
        kept = np.maximum(chosen, 0)
        first = (targets.edge[at] < targets.edge[kept]) | (
            (targets.edge[at] == targets.edge[kept]) & (targets.number[at] < targets.number[kept])
        )
        better = there & (position != own) & (distance <= limit)
        better &= (distance < best) | ((distance == best) & first)
        np.copyto(best, distance, where=better)
        np.copyto(chosen, position, where=better)

    begin, end = targets.start[edge], targets.start[edge + 1]
    if points is targets:
        before, after = own - 1, own + 1
    else:
        after = plain.bisect(targets.measure, begin, end, measure, right=False)
        before = after - 1
    place = groups(targets)
    before_there, after_there = before >= begin, after < end
    before = place[np.maximum(before, 0)]
    after = np.minimum(after, len(targets) - 1)
    offer(before, measure - targets.measure[before], before_there)
    offer(after, targets.measure[after] - measure, after_there)
    distance, position = found
    for ends, way in ((graph.u, measure), (graph.v, graph.length[edge] - measure)):
        node = ends[edge]
        for k in range(distance.shape[1]):
            label = position[node, k]
            offer(label, distance[node, k] + way, label >= 0)
    return chosen, best
