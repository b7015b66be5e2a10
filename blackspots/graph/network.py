"""A road network and the points on it, as flat arrays.

Lengths and measures are held on a grid of :data:`STEP`. Sums of such numbers are exact in
double precision for paths of up to 134,000 km, so a distance does not depend on the end from
which, or the order in which, a path is added up, equal distances are equal, and every way of
computing one gives the same number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from blackspots.graph import choice

STEP = 2.0**-26
"""Grid [m] of lengths and measures: 15 nm."""

SLACK = 2.0**-20
"""How much [m] a distance may exceed a radius and still count as within: a micrometre, more
than the rounding of coordinates and measures, so that 0.1 and 0.4 are within 0.3."""

TOLERANCE = 1.0
"""How far [m] beyond the ends of its edge a measure may lie, as files round lengths."""

Array = np.ndarray[Any, Any]


def on_grid(values: Array) -> Array:
    """Values [m] rounded to the grid."""
    return np.rint(np.asarray(values, dtype=np.float64) / STEP) * STEP


LONGEST = 2.0**27
"""No path [m] is longer: 134,000 km, up to which sums are exact."""


def reach(radius: float) -> float:
    """The greatest distance [m] on the grid that is within a radius."""
    if np.isnan(radius) or radius < 0:
        raise ValueError(f"a radius must be 0 or more, not {radius}")
    return float(min(np.floor((radius + SLACK) / STEP) * STEP, LONGEST))


@dataclass(frozen=True, eq=False)
class Graph:
    """Edges between numbered nodes; parallel edges and loops are edges like others.

    Parameters
    ----------
    u, v
        Node numbers at the ends of each edge, 0 to ``nodes`` - 1, shape (edges,), int32.
    length
        Lengths [m], shape (edges,), on the grid.
    nodes
        Number of nodes.
    names
        What each node is called in the table the graph was made of, shape (nodes,).
    """

    u: Array
    v: Array
    length: Array
    nodes: int
    names: Array | None = None

    def __post_init__(self) -> None:
        for name in ("u", "v"):
            ends = np.ascontiguousarray(getattr(self, name), dtype=np.int32)
            object.__setattr__(self, name, ends)
            if len(ends) and (ends.min() < 0 or ends.max() >= self.nodes):
                raise ValueError(f"{name} has node numbers outside 0 to {self.nodes - 1}")
        length = np.ascontiguousarray(self.length, dtype=np.float64)
        if not len(self.u) == len(self.v) == len(length):
            raise ValueError("u, v and length differ in their number of edges")
        if not (np.isfinite(length).all() and (length >= 0).all()):
            raise ValueError("lengths must be finite and 0 or more")
        object.__setattr__(self, "length", on_grid(length))

    @classmethod
    def of(cls, segments: pd.DataFrame) -> Graph:
        """The graph of a table of segments.

        Parameters
        ----------
        segments
            Columns ``from_node``, ``to_node`` (of any kind that sorts) and ``length`` [m].
            Edges are the positions of its rows, 0 to n - 1, whatever the index is.
        """
        ends = pd.concat([segments["from_node"], segments["to_node"]], ignore_index=True)
        numbers, names = pd.factorize(ends, sort=True)
        if len(numbers) and numbers.min() < 0:
            raise ValueError("from_node or to_node is missing in a row")
        half = len(segments)
        length = segments["length"].to_numpy(dtype=np.float64)
        return cls(numbers[:half], numbers[half:], length, len(names), np.asarray(names))

    @cached_property
    def adjacency(self) -> tuple[Array, Array, Array, Array]:
        """Neighbours of each node: ``start`` (nodes + 1,), ``node``, ``edge``, ``length``.

        Node ``n`` has the entries ``start[n]`` to ``start[n + 1]``; a loop stands at its node
        twice. Edges that begin at a node come first, each kind by its number.
        """
        edges = len(self.u)
        # A counting sort: half-edges are the columns, so that no two fall together.
        halves = sparse.csr_array(
            (
                np.ones(2 * edges, dtype=np.int8),
                (np.concatenate([self.u, self.v]), np.arange(2 * edges, dtype=np.int32)),
            ),
            shape=(self.nodes, 2 * edges),
        )
        half = halves.indices.astype(np.int32, copy=False)
        back = half >= edges
        edge = half - back * np.int32(edges)
        node = np.where(back, self.u[edge], self.v[edge])
        return halves.indptr.astype(np.int32, copy=False), node, edge, self.length[edge]

    @cached_property
    def matrix(self) -> sparse.csr_array[Any, Any]:
        """Shortest edge between each two nodes, both directions, as scipy reads it."""
        low, high = np.minimum(self.u, self.v), np.maximum(self.u, self.v)
        order = np.lexsort((self.length, high, low))
        order = order[low[order] != high[order]]
        low, high, length = low[order], high[order], self.length[order]
        first = np.ones(len(low), dtype=bool)
        first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
        low, high, length = low[first], high[first], length[first]
        made = sparse.csr_array(
            (np.tile(length, 2), (np.concatenate([low, high]), np.concatenate([high, low]))),
            shape=(self.nodes, self.nodes),
        )
        made.sort_indices()
        return made


@dataclass(frozen=True, eq=False)
class Events:
    """Points on edges, sorted by edge, measure and number.

    Parameters
    ----------
    edge, measure
        Edge and metres [m] from its ``u`` end of each point, sorted, shape (events,).
    number
        Number of each point in the order it was given in, shape (events,).
    start
        Edge ``e`` has the points ``start[e]`` to ``start[e + 1]``, shape (edges + 1,).
    """

    edge: Array
    measure: Array
    number: Array
    start: Array
    size: int = field(kw_only=True)
    """How many points the numbers count; greater than the length of a selection."""

    @classmethod
    def on(cls, graph: Graph, edge: Array, measure: Array) -> Events:
        """Points in any order.

        Parameters
        ----------
        graph
            What they are on.
        edge
            Edge of each, shape (events,); one that is on none does not belong here.
        measure
            Metres [m] from the edge's ``u`` end, shape (events,), clipped to its length; more
            than :data:`TOLERANCE` beyond it is refused.
        """
        edge = np.asarray(edge)
        measure = np.asarray(measure, dtype=np.float64)
        if edge.shape != measure.shape or edge.ndim != 1:
            raise ValueError("edge and measure must be of one dimension and length")
        if len(edge) and not np.issubdtype(edge.dtype, np.integer):
            raise ValueError("edge must hold whole numbers")
        edges = len(graph.u)
        if len(edge) and not (edge.min() >= 0 and edge.max() < edges):
            raise ValueError(f"edge has numbers outside 0 to {edges - 1}")
        if np.isnan(measure).any():
            raise ValueError("measure must not be NaN")
        edge = edge.astype(np.int32)
        length = graph.length[edge]
        if ((measure < -TOLERANCE) | (measure > length + TOLERANCE)).any():
            raise ValueError("measure lies beyond the ends of its edge")
        measure = np.clip(on_grid(measure), 0.0, length)
        kernels = choice.kernels(len(edge))
        if kernels is not None:
            start, number = kernels.sorted_events(edge, measure, edges)
        else:
            number = np.lexsort((measure, edge)).astype(np.int32)
            start = np.zeros(edges + 1, dtype=np.int32)
            np.cumsum(np.bincount(edge, minlength=edges), out=start[1:])
        return cls(edge[number], measure[number], number, start, size=len(edge))

    def __len__(self) -> int:
        return len(self.edge)

    def only(self, chosen: Array) -> Events:
        """A selection, by a mask in the sorted order; the numbers stay."""
        before = np.zeros(len(self) + 1, dtype=np.int32)
        np.cumsum(chosen, out=before[1:])
        return Events(
            self.edge[chosen],
            self.measure[chosen],
            self.number[chosen],
            before[self.start],
            size=self.size,
        )

    def unsorted(self, values: Array) -> Array:
        """Values in the sorted order, put back into the order the points were given in."""
        out = np.empty_like(values)
        out[self.number] = values
        return out
