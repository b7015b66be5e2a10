"""Distances along a tiny network by Floyd's algorithm, events inserted as nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from blackspots.graph import Events, Graph

QUARTERS = 4.0
"""Made-up lengths are whole quarters, so that equal distances are common and exact."""


def between(graph: Graph, events: Events) -> np.ndarray[Any, Any]:
    """Distance of each two events, in the order they were given in."""
    size = graph.nodes + events.size
    away = np.full((size, size), np.inf)
    np.fill_diagonal(away, 0.0)

    def joined(a: int, b: int, length: float) -> None:
        away[a, b] = away[b, a] = min(away[a, b], length)

    for e in range(len(graph.u)):
        last, at = int(graph.u[e]), 0.0
        own = [k for k in range(len(events)) if events.edge[k] == e]
        for k in sorted(own, key=lambda k: float(events.measure[k])):
            here = graph.nodes + int(events.number[k])
            joined(last, here, float(events.measure[k]) - at)
            last, at = here, float(events.measure[k])
        joined(last, int(graph.v[e]), float(graph.length[e]) - at)
    for k in range(size):
        away = np.minimum(away, away[:, [k]] + away[[k], :])
    return away


def numbered(labels: list[int]) -> list[int]:
    """Labels from 0 by first appearance, -1 for noise."""
    seen: dict[int, int] = {}
    return [seen.setdefault(label, len(seen)) if label >= 0 else -1 for label in labels]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Few nodes and edges: loops, parallel edges, zero lengths, parts out of reach."""
    nodes = draw(st.integers(1, 6))
    ends = st.integers(0, nodes - 1)
    edges = draw(st.lists(st.tuples(ends, ends, st.integers(0, 12)), min_size=1, max_size=9))
    u, v, length = (np.array(side) for side in zip(*edges, strict=True))
    return Graph(u, v, length / QUARTERS, nodes)


@st.composite
def placed(draw: st.DrawFn, graph: Graph, most: int = 9) -> Events:
    """Events on a graph, some at one place."""
    edge = draw(st.lists(st.integers(0, len(graph.u) - 1), max_size=most))
    measure = [draw(st.integers(0, int(graph.length[e] * QUARTERS))) / QUARTERS for e in edge]
    return Events.on(graph, np.array(edge, dtype=np.int64), np.array(measure))


@st.composite
def networks(draw: st.DrawFn) -> tuple[Graph, Events]:
    """A graph with events."""
    graph = draw(graphs())
    return graph, draw(placed(graph))
