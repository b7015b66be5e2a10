"""Lines as flat arrays of vertices: a place at a measure, a direction there, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely

Array = np.ndarray[Any, Any]

_GAP: Final = 1.0
"""What lies between two lines on the common scale of measures, so that each place is of one."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Vertices of lines, one line after the other.

    ``xy`` [m], shape (vertices, 2); ``line``, shape (vertices,): whose; ``scale`` [m], shape
    (vertices,): distance along all lines laid end to end; ``first``, ``last``, shape (lines,):
    first and last vertex; ``length`` [m], shape (lines,).
    """

    xy: Array
    line: Array
    scale: Array
    first: Array
    last: Array
    length: Array

    @classmethod
    def of(cls, shapes: Array) -> Drawn:
        """From LineStrings of two vertices or more, shape (lines,)."""
        xy, line = shapely.get_coordinates(shapes, return_index=True)
        line = line.astype(np.int64)
        count = np.bincount(line, minlength=len(shapes))
        last = np.cumsum(count) - 1
        first = last - count + 1
        step = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
        step[first] = _GAP
        scale = np.cumsum(step)
        return cls(xy, line, scale, first, last, scale[last] - scale[first])

    def vertex_before(self, lines: Array, measures: Array) -> Array:
        """The vertex at which the piece begins that holds each place [m]; never the last one."""
        at = self.scale[self.first[lines]] + np.clip(measures, 0.0, self.length[lines])
        found = np.searchsorted(self.scale, at, side="right") - 1
        return np.asarray(np.clip(found, self.first[lines], self.last[lines] - 1))

    def at(self, lines: Array, measures: Array) -> Array:
        """Coordinates [m] of places, shape (places, 2); beyond an end it is the end."""
        start = self.vertex_before(lines, measures)
        piece = np.maximum(self.scale[start + 1] - self.scale[start], 1e-12)
        along = np.clip(measures, 0.0, self.length[lines])
        share = (along - (self.scale[start] - self.scale[self.first[lines]])) / piece
        share = np.clip(share, 0.0, 1.0)[:, None]
        return np.asarray(self.xy[start] + share * (self.xy[start + 1] - self.xy[start]))

    def direction(self, lines: Array, measures: Array, reach: float) -> Array:
        """Direction of the chord from ``reach`` [m] before to as much after; unit vectors."""
        chord = self.at(lines, measures + reach) - self.at(lines, measures - reach)
        return np.asarray(chord / np.maximum(np.hypot(*chord.T), 1e-12)[:, None])

    def vertex_at(self, lines: Array, measures: Array, tolerance: float) -> Array:
        """The vertex within ``tolerance`` [m] along the line of each place, -1 for none."""
        start = self.vertex_before(lines, measures)
        at = self.scale[self.first[lines]] + np.clip(measures, 0.0, self.length[lines])
        left, right = at - self.scale[start], self.scale[start + 1] - at
        nearer = np.where(left <= right, start, start + 1)
        return np.where(np.minimum(left, right) <= tolerance, nearer, -1)


def points_of(xy: Array) -> Array:
    """Points at coordinates [m] of shape (points, 2)."""
    return np.asarray(shapely.points(xy), dtype=object)


def cross(one: Array, other: Array) -> Array:
    """The third component of the cross product of plane vectors, shape (vectors,)."""
    return np.asarray(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0])


def dot(one: Array, other: Array) -> Array:
    """The scalar product of plane vectors, shape (vectors,)."""
    return np.asarray((one * other).sum(axis=1))


def together(points: Array, distance: float) -> Array:
    """A number for each point, one for all that hang together within a distance [m].

    Numbers grow with the first point of each. Points are shape (points, 2).
    """
    from scipy.sparse import coo_array  # noqa: PLC0415 - slow to load
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    if not len(points):
        return np.empty(0, dtype=np.int64)
    shapes = points_of(points)
    a, b = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=distance)
    linked = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(len(points),) * 2)
    return np.asarray(connected_components(linked, directed=False)[1], dtype=np.int64)
