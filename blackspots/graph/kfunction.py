"""The K function of events on a network: whether they cluster, and at what distance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from blackspots.graph import distances, plain
from blackspots.graph.network import Array, Events, Graph, reach

SOURCES = 1_000
"""Events looked at together; bounds the arrays of pairs."""


class KFunction(NamedTuple):
    """Estimates of the K function, each shape (radii,)."""

    radius: Array
    """Distances [m]."""
    corrected: Array
    """Geometrically corrected [m]: without interaction it is the radius on any network."""
    uncorrected: Array
    """The plain estimate [m]: it grows with the network's branching, too."""


def k_function(
    graph: Graph, events: Events, radii: Array, *, coincident: bool = False
) -> KFunction:
    """Mean number of further events within a distance along the network, by intensity.

    Each pair counts; corrected, by the reciprocal of the number of places on the network at
    the pair's distance from its first event (Ang, Baddeley and Nair 2012). It enumerates the
    pairs within the greatest radius.

    Parameters
    ----------
    graph, events
        The network and the points on it; at least two.
    radii
        Distances [m], shape (radii,).
    coincident
        Whether pairs at one and the same place count. By default they do not: registers put
        many crashes at one junction or km post, which says nothing about distances.
    """
    radii = np.asarray(radii, dtype=np.float64)
    count = len(events)
    if count < 2:  # noqa: PLR2004 - a pair
        raise ValueError("a K function needs two events or more")
    bounds = np.array([reach(radius) for radius in radii])
    most = float(bounds.max(initial=0.0))
    rising = np.argsort(bounds)
    plainly, corrected = np.zeros(len(radii) + 1), np.zeros(len(radii) + 1)
    nodes, node_of = _nodes(graph)
    use = distances.implementation(graph, count)
    for low in range(0, count, SOURCES):
        chosen = np.zeros(count, dtype=bool)
        chosen[low : low + SOURCES] = True
        some = events.only(chosen)
        source, target, away = use.pairs(graph, some, events, most)
        further = (target != source + low) & (coincident | (away > 0.0))
        source, away = source[further], away[further]
        order = np.argsort(source, kind="stable")
        source, away = source[order], away[order]
        found, at, far = use.pairs(graph, some, nodes, most)
        weight = 1.0 / _places(graph, some, (found, node_of[at], far), source, away)
        # By the least radius that holds them.
        held = np.searchsorted(bounds[rising], away, side="left")
        plainly += np.bincount(held, minlength=len(plainly))
        corrected += np.bincount(held, weight, minlength=len(corrected))
    scale = float(graph.length.sum()) / (count * (count - 1))
    back = np.argsort(rising)
    return KFunction(
        radii, scale * np.cumsum(corrected)[:-1][back], scale * np.cumsum(plainly)[:-1][back]
    )


def _nodes(graph: Graph) -> tuple[Events, Array]:
    """The nodes as points on edges, and the node of each in sorted order."""
    node, first = np.unique(np.concatenate([graph.u, graph.v]), return_index=True)
    edge = first % len(graph.u)
    points = Events.on(graph, edge, np.where(first < len(graph.u), 0.0, graph.length[edge]))
    return points, node[points.number]


def _places(
    graph: Graph,
    sources: Events,
    found: tuple[Array, Array, Array],
    source: Array,
    away: Array,
) -> Array:
    """How many places are at distance ``away`` [m] from each ``source``, shape (pairs,).

    ``found`` are sources, nodes and distances [m] of all within reach; ``source`` is sorted.

    Each end of an edge that is reached sends one front along it, from the end's distance to
    where it meets the front from the other end; a front beyond all radii has no end. So many
    places are at a distance as fronts have begun before it and have not met.
    """
    begin, node, half, length = graph.adjacency
    first_pair = np.searchsorted(source, np.arange(len(sources) + 1))
    order = np.argsort(found[0], kind="stable")
    who, at, far = (array[order] for array in found)
    first_node = np.searchsorted(who, np.arange(len(sources) + 1))
    distance = np.full(graph.nodes, np.inf)
    count = np.empty(len(away))
    for i in range(len(sources)):
        mine = slice(first_pair[i], first_pair[i + 1])
        if mine.start == mine.stop:
            continue
        reached = at[first_node[i] : first_node[i + 1]]
        distance[reached] = far[first_node[i] : first_node[i + 1]]
        owner, q = plain.spread(begin[reached], begin[reached + 1])
        other = half[q] != sources.edge[i]
        owner, q = owner[other], q[other]
        start = distance[reached[owner]]
        meet = (start + distance[node[q]] + length[q]) / 2.0
        # The own edge is two pieces with the event between.
        own, edge = sources.measure[i], sources.edge[i]
        ends = distance[[graph.u[edge], graph.v[edge]]]
        halves = (ends + np.array([own, graph.length[edge] - own])) / 2.0
        start = np.sort(np.concatenate([start, ends, [0.0, 0.0]]))
        meet = np.sort(np.concatenate([meet, halves, halves]))
        count[mine] = np.searchsorted(start, away[mine]) - np.searchsorted(meet, away[mine])
        distance[reached] = np.inf
    return np.maximum(count, 1.0)
