"""Compiled simulations along tracks: the same as the plain ones, for large inputs.

Both start from the same random numbers and count in whole numbers; only the logarithm in
the statistic may differ in its last digit.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log, sqrt
from typing import Any, TypeVar, cast

import numba
import numpy as np

from blackspots.screening.kdeplus_null import Floats, Ints, Null

F = TypeVar("F", bound=Callable[..., Any])

_compiled = cast("Callable[[F], F]", numba.njit(cache=True, nogil=True, error_model="numpy"))
_inlined = cast("Callable[[F], F]", numba.njit(inline="always", error_model="numpy"))

_NO_WEIGHTS = np.zeros((0, 0), dtype=np.int64)


@_inlined
def _ratio(kernel: Any, g: Any, factor: Floats, expected: Floats) -> Any:
    observed = kernel * factor[g]
    if observed <= expected[g]:
        return 0.0
    return observed * log(observed / expected[g]) - (observed - expected[g])


@_compiled
def _simulate(  # noqa: C901, PLR0912, PLR0915 - calls within a compiled loop cost time
    spacing: Floats,
    weight: Ints,
    start: Floats,
    density: Floats,
    before: Floats,
    length: int,
    lattice: int,
    reach: int,
    step: int,
    factor: Floats,
    expected: Floats,
    minimum: int,
    place: Ints,
    much: Floats,
    sums: Ints,
) -> None:
    size, count = spacing.shape[0], spacing.shape[1] - 1
    weighted = weight.shape[0] > 0
    square = reach * reach
    per_step = 1.0 / step
    least, most = expected.min(), factor.max()
    slope = np.zeros(len(density))
    for r in range(len(density)):
        if density[r] > 0.0:
            slope[r] = 1.0 / density[r]
    y = np.empty(count, np.int64)
    w = np.ones(count, np.int64)
    share = np.empty(count)
    kernel = np.empty(count, np.int64)
    for s in range(size):
        total = 0.0
        for i in range(count):
            total += spacing[s, i]
            share[i] = total
        total = 1.0 / (total + spacing[s, count])
        r = 0
        for i in range(count):
            u = share[i] * total
            while r + 1 < len(before) and before[r + 1] <= u:
                r += 1
            x = start[r] + (u - before[r]) * slope[r]
            q = np.int64(x / lattice + 0.5) * lattice if lattice > 0 else np.int64(x + 0.5)
            y[i] = min(q, length)
        if weighted:
            for i in range(count):
                w[i] = weight[s, i]
        low = high = 0
        m0 = m1 = m2 = np.int64(0)
        top: Any = np.int64(0)
        best, best_at = 0.0, 0
        for i in range(count):
            x0 = y[i]
            while high < count and y[high] < x0 + reach:
                v, p = w[high], y[high]
                m0 += v
                m1 += v * p
                m2 += v * p * p
                high += 1
            while y[low] <= x0 - reach:
                v, p = w[low], y[low]
                m0 -= v
                m1 -= v * p
                m2 -= v * p * p
                low += 1
            k = m0 * (square - x0 * x0) + 2 * x0 * m1 - m2 if high - low >= minimum else 0
            kernel[i] = k
            if k > top:
                top, best_at = k, i
        if top > 0:
            best = _ratio(top, np.int64(y[best_at] * per_step + 0.5), factor, expected)
        # No place needs less for the same statistic than the one that needs least: at most it
        # is (O - E)^2 / (2 E). So most are passed over without a logarithm.
        need = np.int64((least + sqrt(2.0 * least * best)) / most * (1.0 - 1e-12))
        for i in range(count):
            if kernel[i] <= need:
                continue
            g = np.int64(y[i] * per_step + 0.5)
            more = kernel[i] * factor[g] - expected[g]
            if more > 0.0 and more * more > 2.0 * expected[g] * best:
                best = max(best, _ratio(kernel[i], g, factor, expected))
        much[s] = best
        low = high = 0
        m0 = m1 = m2 = np.int64(0)
        for k in range(len(place)):
            x0 = place[k]
            while high < count and y[high] < x0 + reach:
                v, p = w[high], y[high]
                m0 += v
                m1 += v * p
                m2 += v * p * p
                high += 1
            while low < high and y[low] <= x0 - reach:
                v, p = w[low], y[low]
                m0 -= v
                m1 -= v * p
                m2 -= v * p * p
                low += 1
            sums[k, s] = m0 * (square - x0 * x0) + 2 * x0 * m1 - m2


def some(
    made: Null, j: int, spacing: Floats, weight: Ints | None, place: Ints, minimum: int
) -> tuple[Floats, Ints]:
    """Maxima, and kernel sums (places, simulations), of one track from its random numbers."""
    pieces, grid = made.pieces, slice(made.grid[j], made.grid[j + 1])
    own = slice(pieces.first[j], pieces.first[j + 1])
    much = np.zeros(len(spacing))
    sums = np.zeros((len(place), len(spacing)), dtype=np.int64)
    _simulate(
        spacing,
        _NO_WEIGHTS if weight is None else weight,
        pieces.start[own],
        pieces.density[own],
        pieces.before[own],
        int(made.length[j]),
        made.scale.lattice,
        made.scale.reach,
        made.scale.step,
        made.factor[grid],
        made.expected[grid],
        minimum,
        place,
        much,
        sums,
    )
    return much, sums
