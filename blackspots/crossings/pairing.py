"""One-to-one assignment of places to places, in groups that have nothing to do with each other."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching
from scipy.spatial import cKDTree

Array = np.ndarray[Any, Any]

ALONE: Final = 1.0
"""Cost of a row that stays alone; pairs cost less, so that none stays alone beside a free one."""
NEAREST: Final = 24
"""Candidates of one place (A): so many crossings within a gate are a station, and places heaped
on one point must not be compared each with each."""
_DENSE: Final = 250_000
"""Cells of a group's table above which it is solved as a sparse one (C)."""
_TIE: Final = 1e-9
"""What tells equals apart: the first in either table."""


def candidates(xy: Array, others: Array, gate: float) -> tuple[Array, Array, Array]:
    """Pairs of places within a distance, for each place its :data:`NEAREST` ones at most.

    Parameters
    ----------
    xy, others
        Coordinates [m], shapes (rows, 2) and (columns, 2), all finite.
    gate
        Greatest distance [m].

    Returns
    -------
    row, column, distance : shape (pairs,)
        By row, then distance.
    """
    if not len(xy) or not len(others):
        none = np.zeros(0, dtype=np.int64)
        return none, none, np.zeros(0)
    distance, column = nearest(xy, others, NEAREST, gate)
    row, rank = np.nonzero(np.isfinite(distance))
    return row, column[row, rank].astype(np.int64), distance[row, rank]


def nearest(xy: Array, others: Array, count: int, reach: float) -> tuple[Array, Array]:
    """Distance and number of the nearest places, shape (rows, up to count); inf for none."""
    ranks = np.arange(1, min(count, len(others)) + 1)
    limit = float(np.nextafter(reach, np.inf))
    made: tuple[Any, Any] = cKDTree(others).query(xy, k=ranks, distance_upper_bound=limit)
    return made


def assign(row: Array, column: Array, cost: Array, *, rows: int, columns: int) -> Array:
    """The partner of each row, so that the costs of the pairs and of rows left alone are least.

    Parameters
    ----------
    row, column : int, shape (pairs,)
        The pairs that may be; none twice.
    cost : shape (pairs,)
        Their costs, from 0 to below :data:`ALONE`, which a row without a partner costs.
    rows, columns
        How many there are of each.

    Returns
    -------
    int, shape (rows,)
        Column of each row, -1 for none; no column twice.

    Raises
    ------
    ValueError
        A cost out of range.

    Notes
    -----
    The linear assignment problem, solved exactly in each connected component of the pairs:
    by the shortest augmenting path algorithm for small ones [1]_, by its sparse form with one
    dummy column for each row for great ones [2]_.

    References
    ----------
    .. [1] Crouse (2016), On implementing 2D rectangular assignment algorithms. IEEE Trans.
       Aerosp. Electron. Syst. 52(4).
    .. [2] Jonker & Volgenant (1987), A shortest augmenting path algorithm for dense and sparse
       linear assignment problems. Computing 38.
    """
    partner = np.full(rows, -1, dtype=np.int64)
    if not len(row):
        return partner
    if not ((cost >= 0) & (cost < ALONE)).all():
        raise ValueError("a cost must be 0 or more and below 1")
    told = cost + _TIE * (row / rows + column / columns)
    size = rows + columns
    graph = coo_array((np.ones(len(row)), (row, rows + column)), shape=(size, size))
    group = connected_components(graph, directed=False)[1][row]
    order = np.lexsort((column, row, group))
    begins = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0])
    count = np.diff(np.r_[begins, len(order)])
    single = order[begins[count == 1]]
    partner[row[single]] = column[single]
    for begin, length in zip(begins[count > 1], count[count > 1], strict=True):
        pairs = order[begin : begin + length]
        _solve(row[pairs], column[pairs], told[pairs], partner)
    return partner


def _solve(row: Array, column: Array, cost: Array, partner: Array) -> None:
    """The same within one component; fills ``partner``."""
    own, r = np.unique(row, return_inverse=True)
    other, c = np.unique(column, return_inverse=True)
    wide = len(other) + len(own)
    chosen: tuple[Array, Array]
    if len(own) * wide <= _DENSE:
        # Cells that are no pair cost as much as staying alone: they stand for it, too.
        table = np.full((len(own), wide), ALONE)
        table[r, c] = cost
        chosen = linear_sum_assignment(table)
        kept = table[chosen] < ALONE
    else:
        dummies = np.arange(len(own))
        # Raised by 1, which every row pays once, for a sparse table holds no zeros.
        costs = 1.0 + np.r_[cost, np.full(len(own), ALONE)]
        at = np.r_[r, dummies], np.r_[c, len(other) + dummies]
        chosen = min_weight_full_bipartite_matching(csr_array((costs, at), (len(own), wide)))
        kept = chosen[1] < len(other)
    partner[own[chosen[0][kept]]] = other[chosen[1][kept]]
