"""Which line is near a point, how near, and where along it.

Distances and measures are computed the same way at every size: below
:data:`COMPILED_FROM` points shapely's tree finds the candidates, above it (if numba is
installed, the extra ``fast``) a compiled grid does.
"""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import NamedTuple

import numpy as np

from blackspots.nearest import plain
from blackspots.nearest.pieces import TIE, Array, Pieces

__all__ = ["COMPILED_FROM", "TIE", "Pairs", "Snapped", "nearest", "within"]

COMPILED_FROM = 40_000
"""Points from which the compiled grid pays for being loaded: 0.5 to 0.9 s where numba has it on
disk (once, it compiles for half a minute), as long as shapely takes for so many."""


class Pairs(NamedTuple):
    """Points and lines within a distance, by point, then distance, then line."""

    point: Array
    """Number of the point, shape (pairs,), int64."""
    line: Array
    """Number of the line, shape (pairs,), int64."""
    distance: Array
    """Distance [m] between them, shape (pairs,)."""
    measure: Array
    """Metres [m] along the line to where it is nearest, shape (pairs,)."""


class Snapped(NamedTuple):
    """The nearest line of each point."""

    line: Array
    """Its number, -1 where none is within the distance, shape (points,), int64."""
    distance: Array
    """Distance [m], NaN where there is none, shape (points,)."""
    measure: Array
    """Metres [m] along the line to where it is nearest, NaN where there is none, (points,)."""


def _kernels(points: int) -> ModuleType | None:
    if points < COMPILED_FROM or importlib.util.find_spec("numba") is None:
        return None
    try:
        from blackspots.nearest import kernels  # noqa: PLC0415 - compiles on first use
    except (ImportError, RuntimeError):
        # A numba that refuses this numpy, or finds no folder to keep what it compiles.
        return None
    return kernels


def _checked(xy: Array, lines: Array, distance: Array | float) -> tuple[Array, Array, Array]:
    xy = np.ascontiguousarray(xy, dtype=np.float64)
    if xy.ndim != 2 or xy.shape[1] != 2:  # noqa: PLR2004 - x and y
        raise ValueError("xy must be of shape (points, 2)")
    limits = np.array(np.broadcast_to(np.asarray(distance, dtype=np.float64), len(xy)))
    if not (limits >= 0.0).all():
        raise ValueError("a distance must be 0 or more")
    return xy, np.asarray(lines, dtype=object), limits


def within(xy: Array, lines: Array, distance: Array | float) -> Pairs:
    """All lines within a distance of each point.

    Parameters
    ----------
    xy
        Coordinates [m], shape (points, 2); a point with NaN finds nothing.
    lines
        LineStrings, shape (lines,).
    distance
        Greatest distance [m], one for all or shape (points,).
    """
    xy, lines, limits = _checked(xy, lines, distance)
    if not (len(xy) and len(lines)):
        none = np.empty(0, dtype=np.int64)
        return Pairs(none, none, np.empty(0), np.empty(0))
    kernels = _kernels(len(xy))
    if kernels is None:
        return Pairs(*plain.within(xy, lines, limits))
    return Pairs(*kernels.within(xy, Pieces.of(lines, kernels.running), limits))


def nearest(xy: Array, lines: Array, distance: Array | float) -> Snapped:
    """The nearest line of each point.

    Lines whose distances differ by no more than :data:`TIE` are equally near, as those that
    end at one vertex: the lowest of them counts.

    Parameters
    ----------
    xy
        Coordinates [m], shape (points, 2); a point with NaN finds nothing.
    lines
        LineStrings, shape (lines,).
    distance
        Greatest distance [m], one for all or shape (points,).
    """
    xy, lines, limits = _checked(xy, lines, distance)
    out = np.full(len(xy), -1, dtype=np.int64), np.full(len(xy), np.nan), np.full(len(xy), np.nan)
    if not (len(xy) and len(lines)):
        return Snapped(*out)
    kernels = _kernels(len(xy))
    if kernels is None:
        plain.nearest(xy, lines, limits, out)
        return Snapped(*out)
    pieces = Pieces.of(lines, kernels.running)
    if kernels.nearest(xy, pieces, limits, out):
        # Points far from all lines, with a limit as far: the tree knows the way.
        left = np.flatnonzero(out[0] == -2)  # noqa: PLR2004 - the kernels' mark
        part = np.full(len(left), -1), np.full(len(left), np.nan), np.full(len(left), np.nan)
        plain.nearest(xy[left], lines, limits[left], part)
        for whole, own in zip(out, part, strict=True):
            whole[left] = own
    return Snapped(*out)
