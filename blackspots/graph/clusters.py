"""Clusters of events along the network."""

from __future__ import annotations

import numpy as np

from blackspots.graph.distances import assigned, implementation, searched
from blackspots.graph.network import Array, Events, Graph, reach


def clusters_by_density(graph: Graph, events: Events, eps: float, minimum: int) -> Array:
    """DBSCAN with distances along the network.

    An event with at least ``minimum`` events (itself included) within ``eps`` is a core; cores
    within ``eps`` of each other are of one cluster; another event within ``eps`` of a core is
    of the cluster of its nearest one (at equal distances the one on the lowest edge, then of
    the lowest number), so the result does not depend on the order of the events.

    Parameters
    ----------
    graph, events
        The network and the points on it.
    eps
        Distance [m].
    minimum
        Number of events.

    Returns
    -------
    numpy.ndarray
        Labels, shape (events,), int64, in the order the events were given in: -1 for noise,
        clusters by their first event from 0.
    """
    use = implementation(graph, len(events))
    limit = reach(eps)
    core = use.counts(graph, events, events, limit) >= minimum
    cores = events.only(core)
    found = searched(graph, cores, 1, limit)
    label = np.full(len(events), -1, dtype=np.int64)
    component = _linked(graph, cores, found, limit)
    label[core] = component
    others = events.only(~core)
    nearest, _ = assigned(graph, others, cores, found, limit)
    label[~core] = np.where(nearest >= 0, component[nearest], -1) if len(cores) else -1
    return _numbered(events.unsorted(label))


def clusters_by_linkage(graph: Graph, events: Events, gap: float) -> Array:
    """Single linkage with distances along the network.

    Events are of one cluster if steps of at most ``gap`` lead from one to the other.

    Parameters
    ----------
    graph, events
        The network and the points on it.
    gap
        Distance [m] along the network.

    Returns
    -------
    numpy.ndarray
        Labels, shape (events,), int64, in the order the events were given in: clusters by
        their first event from 0.
    """
    limit = reach(gap)
    found = searched(graph, events, 1, limit)
    return _numbered(events.unsorted(_linked(graph, events, found, limit)))


def _linked(graph: Graph, events: Events, found: tuple[Array, Array], limit: float) -> Array:
    """Components of the events linked by at most ``limit``, in sorted order.

    Enough links are those across the border of two events' cells: where an edge, or the piece
    of one between an end and an event, joins a node of one cell to the other (Mehlhorn 1988).
    So the work is linear in the network, however dense the events are.
    """
    distance, label = (array[:, 0] for array in found)
    measure, edge = events.measure, events.edge
    one, other = [], []
    near = np.flatnonzero((edge[1:] == edge[:-1]) & (measure[1:] - measure[:-1] <= limit))
    one.append(near)
    other.append(near + 1)
    begin, end = events.start[:-1], events.start[1:]
    held = np.flatnonzero(end > begin)
    for node, event, way in (
        (graph.u[held], begin[held], measure[begin[held]]),
        (graph.v[held], end[held] - 1, graph.length[held] - measure[end[held] - 1]),
    ):
        # Without a label the distance is infinite.
        joins = distance[node] + way <= limit
        one.append(label[node[joins]])
        other.append(event[joins])
    joins = (distance[graph.u] + graph.length) + distance[graph.v] <= limit
    joins &= (label[graph.u] != label[graph.v]) & (end == begin)
    one.append(label[graph.u[joins]])
    other.append(label[graph.v[joins]])
    links = (np.concatenate(side).astype(np.int32) for side in (one, other))
    component: Array = implementation(graph, len(events)).components(len(events), *links)
    return component


def _numbered(component: Array) -> Array:
    """Numbers from 0 by first appearance; -1 stays."""
    label = np.full(len(component), -1, dtype=np.int64)
    at = np.flatnonzero(component >= 0)
    if not len(at):
        return label
    own = component[at]
    first = np.empty(int(own.max()) + 1, dtype=np.int64)
    # The last written wins: backwards, the first event.
    first[own[::-1]] = at[::-1]
    number = np.cumsum(first[own] == at) - 1
    label[at] = number
    label[at] = label[first[own]]
    return label
