"""Lixels: edges cut into equal parts, the places where a density along the network is read.

The term is of Xie and Yan (2008), Computers, Environment and Urban Systems 32(5), 396-406: the
linear pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from blackspots.graph.network import SLACK, Array, Graph


class Lixels(NamedTuple):
    """Parts of edges, by edge and then along it; each array of shape (lixels,) but ``start``."""

    edge: Array
    """Edge of each, int32."""
    begin: Array
    """Metres [m] from the edge's ``u`` end to where it begins."""
    end: Array
    """Metres [m] from the edge's ``u`` end to where it ends."""
    start: Array
    """Edge ``e`` has the lixels ``start[e]`` to ``start[e + 1]``, shape (edges + 1,), int64."""

    @property
    def middle(self) -> Array:
        """Metres [m] from the edge's ``u`` end to its middle."""
        return (self.begin + self.end) / 2.0

    @property
    def length(self) -> Array:
        """Its length [m]."""
        return self.end - self.begin


def lixelize(graph: Graph, longest: float) -> Lixels:
    """Cut each edge into as few equal parts as make none longer than a length.

    Nothing of an edge is lost: its first part begins at 0 and its last ends at its length. An
    edge of no length has one part.

    Parameters
    ----------
    graph
        The network.
    longest
        Greatest length [m] of a part.

    Raises
    ------
    ValueError
        If ``longest`` is not greater than 0.

    Examples
    --------
    >>> import numpy as np
    >>> graph = Graph(np.array([0, 1]), np.array([1, 2]), np.array([120.0, 30.0]), 3)
    >>> lixelize(graph, 50.0).length.tolist()
    [40.0, 40.0, 40.0, 30.0]
    """
    if not longest > 0.0:
        raise ValueError(f"a lixel must be longer than 0, not {longest}")
    count = np.maximum(np.ceil((graph.length - SLACK) / longest), 1.0).astype(np.int64)
    start = np.zeros(len(count) + 1, dtype=np.int64)
    np.cumsum(count, out=start[1:])
    edge = np.repeat(np.arange(len(count), dtype=np.int32), count)
    number = np.arange(start[-1]) - start[edge]
    length, parts = graph.length[edge], count[edge]
    # Multiplied before divided, so that the last part ends at the very length.
    return Lixels(edge, length * number / parts, length * (number + 1) / parts, start)
