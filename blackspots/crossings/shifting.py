"""A list of places that is off by a constant: wrong datum, wrong zone, wrong false easting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from blackspots.crossings.pairing import Array, assign, candidates, nearest

REACH: Final = 1_500.0
"""Greatest shift [m] that is looked for (A): VN-2000 and WGS 84 differ by about 200 m, and lists
off by 850 m are known (reference/crossings.md, V)."""
LEAST: Final = 5
"""Places that must fit after the shift (A), beside more than half of all."""
CLEAR: Final = 1.5
"""How many times the votes of every other shift the right one must have (A)."""
_PLACES: Final = 2_000
"""Places that vote; more would say the same."""
_PARTNERS: Final = 200
"""Displacements of one place that are votes, the shortest."""
_ROUNDS: Final = 5
_APART: Final = 3.0
"""Gates between two shifts that are not the same one."""


@dataclass(frozen=True, slots=True)
class Shift:
    """``dx``, ``dy`` [m] to be added to the listed places; ``count`` of them then fit."""

    dx: float
    dy: float
    count: int


def constant_shift(listed: Array, found: Array, *, gate: float) -> Shift | None:
    """The shift that brings most listed places to found ones; None where none clearly does.

    Parameters
    ----------
    listed, found
        Coordinates [m], shapes (places, 2), all finite.
    gate
        Distance [m] within which two places fit.

    Notes
    -----
    Each displacement from a listed place to a found one within :data:`REACH` votes for itself
    (a Hough transform of translations, in cells of half a gate, each with its neighbours). The
    shift with the most places behind it is refined by the median of its votes. It counts if it
    brings more than half of the places, at least :data:`LEAST`, one to one within the gate, and
    if it has :data:`CLEAR` times the votes of any shift elsewhere: crossings at even distances
    fit one another after many shifts, and then nothing can be said.
    """
    places = np.unique(np.round(listed, 2), axis=0)
    if len(places) < LEAST or len(found) < LEAST:
        return None
    step = max(len(places) / _PLACES, 1.0)
    voters = places[np.arange(0, len(places), step).astype(int)]
    whose, votes = _displacements(voters, np.unique(np.round(found, 2), axis=0))
    if not len(votes):
        return None
    cell = gate / 2
    middles, count = _cells(whose, votes, cell)
    best = middles[count.argmax()]
    for _ in range(_ROUNDS):
        best = np.median(_nearest_votes(whose, votes, best, 1.5 * cell), axis=0)
    behind = len(_nearest_votes(whose, votes, best, 1.5 * cell))
    elsewhere = np.hypot(*(middles - best).T) > _APART * gate
    rival = int(count[elsewhere].max(initial=0))
    row, column, distance = candidates(listed + best, found, gate)
    cost = 0.5 * distance / gate
    partner = assign(row, column, cost, rows=len(listed), columns=len(found))
    fits = int((partner >= 0).sum())
    if fits < LEAST or 2 * fits <= len(listed) or behind < CLEAR * rival:
        return None
    return Shift(float(best[0]), float(best[1]), fits)


def _displacements(voters: Array, found: Array) -> tuple[Array, Array]:
    """Number of the voter and displacement [m] of each vote, shapes (votes,) and (votes, 2)."""
    distance, at = nearest(voters, found, _PARTNERS, REACH)
    whose, rank = np.nonzero(np.isfinite(distance))
    return whose, found[at[whose, rank]] - voters[whose]


def _cells(whose: Array, votes: Array, cell: float) -> tuple[Array, Array]:
    """Middles of the cells [m], shape (cells, 2), and the voters in each and its neighbours."""
    around = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    at = np.floor(votes / cell).astype(np.int64)[:, None, :] + around
    half = int(np.ceil(REACH / cell)) + 2
    side = 2 * half + 1
    key = (at[..., 0] + half) * side + at[..., 1] + half
    each = np.unique(whose[:, None] * side**2 + key)
    known, count = np.unique(each % side**2, return_counts=True)
    middles = (np.stack(np.divmod(known, side), axis=1) - half + 0.5) * cell
    return middles, count


def _nearest_votes(whose: Array, votes: Array, middle: Array, radius: float) -> Array:
    """The vote of each voter that is nearest to a shift, of those within a radius [m] of it.

    Of a shift that nobody votes for, the shift itself.
    """
    distance = np.hypot(*(votes - middle).T)
    near = np.flatnonzero(distance <= radius)
    order = near[np.lexsort((distance[near], whose[near]))]
    _, first = np.unique(whose[order], return_index=True)
    chosen: Array = votes[order[first]]
    return chosen if len(chosen) else middle[None, :]
