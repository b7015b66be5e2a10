"""Kernel sums along tracks, and what they are when crashes fall by chance.

Positions are counted in whole units, a small share of the bandwidth (2^-20 unless very many
crashes lie on one track), and weights in whole numbers: every kernel sum is a whole number,
the same in any order of summing, and equal densities are equal. Products wrap around modulo
2^64; what is kept of them, the sum over one bandwidth, fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blackspots.graph import choice

COMPILED_FROM = 2_000_000
"""Simulated crashes from which compiled kernels pay for being loaded: half a second to a second,
as long as numpy takes for so many."""

FINEST = 20
"""Units in a bandwidth at most, as a power of two: 0.1 mm at a bandwidth of 100 m."""

_BITS = 62
_AT_ONCE = 1 << 18
"""Simulated crashes held at once."""

_LEAST = 1e-12
_SALT = 0x4B44452B
"""Keeps these random numbers apart from those of a caller who seeds with the same number."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scale:
    """Units shared by all tracks.

    ``unit`` [m]; ``reach``, ``step`` and ``lattice`` in units: the bandwidth, the distance of
    the places where densities are compared, and what positions are rounded to (0: not).
    """

    unit: float
    reach: int
    step: int
    lattice: int

    @property
    def phases(self) -> int:
        """How many places of the grid make one step of the lattice."""
        return max(self.lattice // self.step, 1)


def scale(bandwidth: float, step: float, rounding: float | None, heaviest: float) -> Scale:
    """The units for a bandwidth, step and rounding [m].

    Parameters
    ----------
    heaviest
        The greatest sum of whole-number weights on one track.
    """
    bits = min(FINEST, (_BITS - int(np.ceil(np.log2(max(heaviest, 1.0))))) // 2)
    reach = 1 << bits
    unit = bandwidth / reach
    if rounding is None:
        return Scale(unit, reach, max(round(step / unit), 1), 0)
    # Step and rounding as multiples of one another, so that the phases of the grid repeat.
    if rounding <= step:
        lattice = max(round(rounding / unit), 1)
        return Scale(unit, reach, lattice * max(round(step / rounding), 1), lattice)
    phases = int(np.ceil(rounding / step - 1e-9))
    own = max(round(rounding / phases / unit), 1)
    return Scale(unit, reach, own, own * phases)


def prefix(points: Ints, weights: Ints | None) -> tuple[Ints, Ints, Ints]:
    """Sums of 1, y and y^2 over the points before each, times the weight; modulo 2^64."""
    weight = np.ones_like(points) if weights is None else weights
    sums = np.zeros((3, len(points) + 1), dtype=np.int64)
    np.cumsum(weight, out=sums[0, 1:])
    np.cumsum(weight * points, out=sums[1, 1:])
    np.cumsum(weight * points * points, out=sums[2, 1:])
    return sums[0], sums[1], sums[2]


def kernel_sums(
    points: Ints, sums: tuple[Ints, Ints, Ints], at: Ints, reach: int
) -> tuple[Ints, Ints]:
    """Sum of w (h^2 - d^2) over the points at a distance d < h, and their number.

    Parameters
    ----------
    points
        Positions [units], ascending, and their sums by :func:`prefix`.
    at
        Places [units], of any shape.
    reach
        The bandwidth h [units].

    Notes
    -----
    The Epanechnikov kernel is 3/4 (1 - (d/h)^2) / h: its sum is this one times 3/4 / h^3.
    """
    low = np.searchsorted(points, at - reach, side="right")
    high = np.searchsorted(points, at + reach, side="left")
    zeroth, first, second = (part[high] - part[low] for part in sums)
    return zeroth * (reach * reach - at * at) + 2 * at * first - second, high - low


@dataclass(frozen=True, slots=True)
class Stretches:
    """Where crashes fall by chance: pieces of tracks on which they are equally likely.

    ``first`` (tracks + 1,) points to the pieces of each track; ``start`` [units] and ``end``
    of each; ``density``, the chance per unit, and ``before``, the chance of all pieces before;
    ``known`` (tracks,) tells whether the track has exposure.
    """

    first: Ints
    start: Floats
    end: Floats
    density: Floats
    before: Floats
    known: NDArray[np.bool_]


def stretches(length: Floats, exposure: pd.DataFrame, unit: float) -> Stretches:
    """The pieces of each track.

    Parameters
    ----------
    length
        Of each track [units], positive.
    exposure
        ``track`` (place in ``length``), ``from``, ``to`` [m] and ``value``, NaN when unknown;
        rows may overlap (two carriageways of one measure): their values add up.

    Notes
    -----
    An unknown value, and a stretch no row speaks of, has the mean of the track's known ones
    by length; a track without a known value is uniform.
    """
    tracks = len(length)
    of = exposure["track"].to_numpy(np.int64)
    low = np.clip(exposure["from"].to_numpy(np.float64) / unit, 0.0, length[of])
    high = np.clip(exposure["to"].to_numpy(np.float64) / unit, 0.0, length[of])
    value = exposure["value"].to_numpy(np.float64)
    kept = high > low
    of, low, high, value = of[kept], low[kept], high[kept], value[kept]
    missing = np.isnan(value)
    size = np.where(missing, 0.0, high - low)
    amount = np.where(missing, 0.0, value)
    total = np.bincount(of, amount * size, minlength=tracks)
    known = total > 0.0
    mean = np.divide(
        total, np.bincount(of, size, minlength=tracks), where=known, out=np.ones(tracks)
    )
    amount = np.where(missing | ~known[of], mean[of], value)
    every = np.arange(tracks)
    # Where a value begins or ends, one row each; the track's own ends change nothing.
    where = np.concatenate([np.zeros(tracks), length, low, high])
    track = np.concatenate([every, every, of, of])
    change = np.concatenate([np.zeros(2 * tracks), amount, -amount])
    rows = np.concatenate([np.zeros(2 * tracks), np.ones(len(of)), -np.ones(len(of))])
    order = np.lexsort((where, track))
    where, track, change, rows = where[order], track[order], change[order], rows[order]
    density = np.cumsum(change)
    nothing = ~known[track] | (np.cumsum(rows) < 1.0)
    density = np.where(nothing, mean[track], np.maximum(density, 0.0))
    last = np.r_[track[1:] != track[:-1], True]
    piece = ~last & (np.r_[where[1:], 0.0] > where)
    start, track, density = where[piece], track[piece], density[piece]
    near = np.abs(np.diff(density)) <= 1e-9 * np.maximum(density[1:], density[:-1])
    same = np.r_[False, near & (track[1:] == track[:-1])]
    start, track, density = start[~same], track[~same], density[~same]
    first = np.searchsorted(track, np.arange(tracks + 1)).astype(np.int64)
    end = np.r_[start[1:], 0.0]
    end[first[1:] - 1] = length
    mass = density * (end - start)
    density = density / np.bincount(track, mass, minlength=tracks)[track]
    before = np.cumsum(density * (end - start))
    before = np.r_[0.0, before[:-1]]
    return Stretches(first, start, end, density, before - before[first[:-1]][track], known)


@dataclass(frozen=True, slots=True)
class Null:
    """Tracks, their crashes' number and weights, and what chance makes of them.

    ``name`` (tracks,) starts the random numbers of each; ``first`` and ``grid`` (tracks + 1,)
    point to crashes and to places of the grid; ``factor`` and ``expected`` (grid,) make a
    kernel sum and its mean those of a Poisson count (see :func:`statistic`). Grid points
    around which chance is the same share a place: ``place_of`` (grid,), ``place`` (places,)
    [units], ``places`` (tracks + 1,).
    """

    scale: Scale
    name: Ints
    length: Floats
    pieces: Stretches
    first: Ints
    weights: Ints | None
    grid: Ints
    factor: Floats
    expected: Floats
    place_of: Ints
    place: Ints
    places: Ints


def nearest(at: Ints, step: int) -> Ints:
    """The number of the grid point nearest to places of one track."""
    return (at * (1.0 / step) + 0.5).astype(np.int64)


def grid_size(length: Floats, scale: Scale) -> Ints:
    """Places on each track: from 0 to its end, or to less than a step beyond it."""
    return np.ceil(length / scale.step).astype(np.int64) + 1


def null(
    name: Ints, length: Floats, count: Ints, weights: Ints | None, pieces: Stretches, scale: Scale
) -> Null:
    """What chance makes of ``count`` crashes on each track, ``length`` in units."""
    tracks = len(length)
    grid = np.r_[0, np.cumsum(grid_size(length, scale))]
    first = np.r_[0, np.cumsum(count)]
    of = np.repeat(np.arange(tracks), np.diff(grid))
    at = (np.arange(grid[-1]) - grid[of]) * scale.step
    mean, square, alike = _moments(of, at, grid, pieces, scale)
    if weights is None:
        total = count.astype(np.float64)
        squares = total
    else:
        own = np.repeat(np.arange(tracks), count)
        weight = weights.astype(np.float64)
        total = np.bincount(own, weight, minlength=tracks).astype(np.float64)
        squares = np.bincount(own, weight**2, minlength=tracks).astype(np.float64)
    expected = total[of] * mean
    variance = squares[of] * np.maximum(square - mean**2, _LEAST * square)
    there = (expected > _LEAST) & (variance > 0.0)
    factor = np.divide(expected, variance, where=there, out=(total / squares)[of])
    expected = np.maximum(expected * factor, _LEAST)
    # Alike are the places well inside one piece, at the same phase of the lattice.
    point = np.arange(grid[-1])
    change = np.r_[True, alike[1:] != alike[:-1]]
    begin = np.maximum.accumulate(np.where(change, point, 0))
    lead = np.where(alike < 0, point, begin + (point - begin) % scale.phases)
    chosen = lead == point
    rank = np.cumsum(chosen) - 1
    return Null(
        scale,
        name,
        length,
        pieces,
        first,
        weights,
        grid,
        factor / float(scale.reach) ** 2,
        expected,
        rank[lead],
        at[chosen],
        np.searchsorted(of[chosen], np.arange(tracks + 1)).astype(np.int64),
    )


def _moments(
    of: Ints, at: Ints, grid: Ints, pieces: Stretches, scale: Scale
) -> tuple[Floats, Floats, Ints]:
    """Mean of (1 - t^2) and of its square over where a crash falls, t = d/h, at each place.

    And the piece that reaches a bandwidth to both sides, -1 where none does. Both moments
    are those of the piece at the place, corrected by each break of the density within reach.
    """
    tracks = len(grid) - 1
    track = np.repeat(np.arange(tracks), np.diff(pieces.first))
    key = float(at.max(initial=0)) + 3.0 * scale.reach
    here = np.searchsorted(track * key + pieces.start, of * key + at, side="right") - 1
    density = np.where(at < pieces.end[here], pieces.density[here], 0.0)
    mean = density * (scale.reach * 4.0 / 3.0)
    square = density * (scale.reach * 16.0 / 15.0)
    # The breaks: the start of each piece, and the ends of tracks.
    final = pieces.first[1:] - 1
    before = np.r_[0.0, pieces.density[:-1]]
    before[pieces.first[:-1]] = 0.0
    jump = np.concatenate([pieces.density - before, -pieces.density[final]])
    place = np.concatenate([pieces.start, pieces.end[final]])
    own = np.concatenate([track, np.arange(tracks)])
    low = np.ceil((place - scale.reach) / scale.step).astype(np.int64)
    high = np.floor((place + scale.reach) / scale.step).astype(np.int64) + 1
    size = np.diff(grid)[own]
    low, high = np.clip(low, 0, size), np.clip(high, 0, size)
    which = np.repeat(np.arange(len(place)), high - low)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
    point = grid[own[which]] + low[which] + nth
    t = (place[which] - at[point]) / scale.reach
    # A break behind the place or at it is undone to the left, one ahead is added to the right.
    ahead = place[which] > at[point]
    size_of = np.where(ahead, jump[which], -jump[which]) * scale.reach
    t = np.minimum(np.abs(t), 1.0)
    tail = 2.0 / 3.0 - t + t**3 / 3.0
    tail2 = 8.0 / 15.0 - t + 2.0 * t**3 / 3.0 - t**5 / 5.0
    mean += np.bincount(point, size_of * tail, minlength=len(at))
    square += np.bincount(point, size_of * tail2, minlength=len(at))
    broken = np.zeros(len(at), dtype=bool)
    broken[point] = True
    return np.maximum(mean, 0.0), np.maximum(square, 0.0), np.where(broken, -1, here)


def statistic(sums: Ints, factor: Floats, expected: Floats) -> Floats:
    """How much a kernel sum exceeds its mean: O ln(O/E) - (O - E) where O > E, else 0.

    The likelihood ratio of a Poisson count (Kulldorff 1997, Communications in Statistics
    26:1481, M), for a kernel sum S of mean m and variance v scaled to O = S m/v and E = m^2/v,
    so that the variance of O is its mean. It compares places of unlike exposure, and those
    near the end of a track, where a kernel reaches over it.
    """
    observed = sums * factor
    ratio = np.maximum(observed / expected, 1.0)
    value: Floats = np.where(
        observed > expected, observed * np.log(ratio) - (observed - expected), 0.0
    )
    return value


def compiled(size: int) -> Any:
    """The compiled kernels if they are to serve ``size`` simulated crashes, else ``None``."""
    if size < COMPILED_FROM or choice.kernels(choice.COMPILED_FROM) is None:
        return None
    from blackspots.screening import kdeplus_kernels  # noqa: PLC0415 - compiles on first use

    return kdeplus_kernels


def simulated(
    made: Null,
    seed: tuple[int, int],
    simulations: int,
    *,
    highest: int,
    minimum: int,
    kernels: Any,
) -> tuple[Floats, Ints]:
    """Simulate each track so many times.

    Returns
    -------
    maxima : shape (tracks, simulations)
        The greatest :func:`statistic` at a crash with ``minimum`` crashes within reach of it.
    sums : shape (places, highest)
        The greatest kernel sums at each place, in no order; nothing when ``highest`` is 0.
    """
    tracks = len(made.length)
    maxima = np.zeros((tracks, simulations))
    sums = np.zeros((len(made.place) if highest else 0, highest), dtype=np.int64)
    some: Callable[..., tuple[Floats, Ints]] = _plainly if kernels is None else kernels.some

    def one(j: int) -> None:
        own = slice(made.places[j], made.places[j + 1]) if highest else slice(0, 0)
        best: Ints | None = None
        done = 0
        for spacing, weight in _random(made, j, seed, simulations):
            much, at = some(made, j, spacing, weight, made.place[own], minimum)
            maxima[j, done : done + len(much)] = much
            done += len(much)
            if highest:
                best = at if best is None else np.concatenate([best, at], axis=1)
                if best.shape[1] > highest:
                    best = np.partition(best, best.shape[1] - highest, axis=1)[:, -highest:]
        if best is not None:
            sums[own] = best

    if kernels is None:
        for j in range(tracks):
            one(j)
    else:
        with ThreadPoolExecutor(choice.threads()) as pool:
            list(pool.map(one, range(tracks)))
    return maxima, sums


def _random(
    made: Null, j: int, seed: tuple[int, int], simulations: int
) -> Iterator[tuple[Floats, Ints | None]]:
    """Exponential spacings and shuffled weights of one track, some simulations at a time."""
    count = int(made.first[j + 1] - made.first[j])
    entropy = [*seed, int(made.name[j]), _SALT]
    spacings = np.random.Generator(np.random.PCG64(entropy))
    shuffles = np.random.Generator(np.random.PCG64([*entropy, 1]))
    rows = max(_AT_ONCE // (count + 1), 1)
    for low in range(0, simulations, rows):
        size = min(rows, simulations - low)
        spacing = spacings.standard_exponential((size, count + 1))
        if made.weights is None:
            yield spacing, None
            continue
        own = made.weights[made.first[j] : made.first[j + 1]]
        yield spacing, shuffles.permuted(np.tile(own, (size, 1)), axis=1)


def _plainly(
    made: Null, j: int, spacing: Floats, weight: Ints | None, place: Ints, minimum: int
) -> tuple[Floats, Ints]:
    """Maxima, and kernel sums (places, simulations), by numpy."""
    scale, pieces = made.scale, made.pieces
    size, count = spacing.shape[0], spacing.shape[1] - 1
    # Exponential spacings over their sum are the gaps between sorted uniform numbers.
    total = np.cumsum(spacing, axis=1)
    share = total[:, :-1] * (1.0 / total[:, -1:])
    own = slice(pieces.first[j], pieces.first[j + 1])
    start, density, before = pieces.start[own], pieces.density[own], pieces.before[own]
    slope = np.divide(1.0, density, where=density > 0.0, out=np.zeros_like(density))
    piece = np.searchsorted(before, share, side="right") - 1
    point = start[piece] + (share - before[piece]) * slope[piece]
    if scale.lattice:
        y = np.floor(point / scale.lattice + 0.5).astype(np.int64) * scale.lattice
    else:
        y = np.floor(point + 0.5).astype(np.int64)
    np.minimum(y, int(made.length[j]), out=y)
    grid = nearest(y, scale.step) + made.grid[j]
    # One line for all simulations, each out of reach of the next.
    base = np.arange(size)[:, None] * (int(made.length[j]) + 4 * scale.reach)
    line = (y + base).ravel()
    sums = prefix(line, None if weight is None else weight.ravel())
    found, near = kernel_sums(line, sums, line, scale.reach)
    value = statistic(found, made.factor[grid].ravel(), made.expected[grid].ravel())
    much = np.where(near >= minimum, value, 0.0).reshape(size, count).max(axis=1)
    if not len(place):
        return much, np.zeros((0, size), dtype=np.int64)
    at, _ = kernel_sums(line, sums, (place + base).ravel(), scale.reach)
    return much, np.ascontiguousarray(at.reshape(size, len(place)).T)
