"""The straight pieces of lines, as flat arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

TIE = 1e-9
"""Distances [m] that differ by no more are equal, as those of lines that share a vertex."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Vertices of all lines; a piece is named by the vertex it begins at.

    Parameters
    ----------
    xy
        Coordinates [m], shape (vertices, 2).
    measure
        Metres [m] from the beginning of its line, shape (vertices,).
    start
        Line ``i`` has the vertices ``start[i]`` to ``start[i + 1]``, shape (lines + 1,), int64.
    """

    xy: Array
    measure: Array
    start: Array

    @classmethod
    def of(cls, lines: Array, measures: Callable[[Array, Array], Array] | None = None) -> Pieces:
        """The pieces of LineStrings, shape (lines,); ``measures`` as :func:`running`."""
        if not (shapely.get_type_id(lines) == shapely.GeometryType.LINESTRING).all():
            raise ValueError("lines must all be LineStrings")
        count = shapely.get_num_coordinates(lines)
        if (count == 0).any():
            raise ValueError("lines must not be empty")
        start = np.zeros(len(lines) + 1, dtype=np.int64)
        np.cumsum(count, out=start[1:])
        xy = shapely.get_coordinates(lines)
        measure = (measures or running)(xy, start)
        # What is no number anywhere in a line is none at its end.
        if not np.isfinite(measure[start[1:] - 1]).all():
            raise ValueError("lines must have finite coordinates")
        return cls(xy, measure, start)


def running(xy: Array, start: Array) -> Array:
    """Metres [m] from the beginning of its line for each vertex, shape (vertices,).

    Not the difference of two sums over all lines, which would lose digits, but as many
    additions as the longest line has vertices, each for all lines that have that many.
    """
    measure = np.zeros(len(xy))
    dx, dy = np.diff(xy[:, 0]), np.diff(xy[:, 1])
    np.sqrt(dx * dx + dy * dy, out=measure[1:])
    measure[start[:-1]] = 0.0
    count = np.diff(start)
    order = np.argsort(-count, kind="stable")
    begin, count = start[:-1][order], count[order]
    for k in range(1, int(count[0]) if len(count) else 0):
        at = begin[: np.searchsorted(-count, -k, side="left")] + k
        measure[at] += measure[at - 1]
    return measure
