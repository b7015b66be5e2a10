"""How sure a rank is: draws of what is not known, ranked one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from blackspots.crossings.history import Floats, log_chance, prior

MOST_CELLS: Final = 10_000_000
"""Draws times crossings that are held at once; beyond this there are fewer draws."""

LEAST_DRAWS: Final = 200

_CELLS: Final = 1_000_000  # drawn at a time
_LOW, _HIGH = 5.0, 95.0


@dataclass(frozen=True, slots=True)
class Uncertain:
    """What is drawn of the rated crossings.

    ``ln_model``: logarithm of the model's output at equally likely points of the traffic, shape
    (points, crossings). ``design`` and ``shifts``: each draw multiplies it by
    exp(design @ shift), shapes (crossings, p) and (draws, p). ``counted``, ``years``: the
    history, 0 where unknown. ``floor``, ``k``: how accidents lie about the model
    (:func:`blackspots.crossings.history.prior`); ``accidents`` is False where the output is no
    number of accidents and only traffic is drawn. ``level`` multiplies what is drawn.
    """

    ln_model: Floats
    design: Floats
    shifts: Floats
    counted: Floats
    years: Floats
    level: Floats
    accidents: bool
    floor: float | None = None
    k: float = 1.0


@dataclass(frozen=True, slots=True)
class Intervals:
    """5 and 95 % points of the value and of the rank, each of shape (crossings,)."""

    low: Floats
    high: Floats
    rank_low: NDArray[np.int64]
    rank_high: NDArray[np.int64]
    draws: int


def ranks_of(values: Floats, order: NDArray[np.int64]) -> NDArray[np.int32]:
    """Ranks of each row, 1 for the greatest; of equal ones the first in ``order`` comes first.

    Parameters
    ----------
    values : shape (draws, crossings)
    order : shape (crossings,)
        The crossings by their ids.

    Examples
    --------
    >>> ranks_of(np.array([[2.0, 5.0, 2.0]]), np.array([2, 1, 0])).tolist()
    [[3, 1, 2]]
    """
    sorted_ = order[np.argsort(-values[:, order], axis=1, kind="stable")]
    made = np.empty(values.shape, dtype="int32")
    places = np.arange(1, values.shape[1] + 1, dtype="int32")
    np.put_along_axis(made, sorted_, np.broadcast_to(places, values.shape), axis=1)
    return made


def point_weights(of: Uncertain) -> Floats:
    """Chance of each point of the traffic given the history, shape (points, crossings).

    By Bayes' rule: a crossing with accidents is more likely one with much traffic.
    """
    if not of.accidents or not (of.years > 0).any():
        return np.full(of.ln_model.shape, 1 / len(of.ln_model))
    shape, rate = prior(np.exp(of.ln_model), floor=of.floor, k=of.k)
    chance = log_chance(of.counted, of.years, shape, rate)
    chance = np.exp(chance - chance.max(axis=0))
    return np.asarray(chance / chance.sum(axis=0))


def posterior_mean(of: Uncertain) -> Floats:
    """Mean of the value given the history and over the traffic, shape (crossings,).

    Where traffic is counted it is :func:`blackspots.crossings.history.posterior`; where it is
    not, the mean of that over the points of the traffic.
    """
    value = np.exp(of.ln_model)
    if not of.accidents:
        return np.asarray(of.level * value.mean(axis=0))
    shape, rate = prior(value, floor=of.floor, k=of.k)
    told = (shape + of.counted) / (rate + of.years)
    return np.asarray(of.level * (point_weights(of) * told).sum(axis=0))


def intervals(
    of: Uncertain, order: NDArray[np.int64], *, draws: int, generator: np.random.Generator
) -> Intervals:
    """Intervals of value and rank by simulation.

    Parameters
    ----------
    of
        The rated crossings.
    order
        The crossings by their ids, which settles equal values.
    draws
        How many; fewer where draws times crossings exceed :data:`MOST_CELLS`, but
        :data:`LEAST_DRAWS` at least.

    Notes
    -----
    Each draw takes traffic, calibration and accidents a year anew for every crossing and ranks
    them; the interval of the rank is that of the crossing's ranks over all draws.
    """
    size = of.ln_model.shape[1]
    draws = min(draws, max(LEAST_DRAWS, MOST_CELLS // max(size, 1)))
    values = np.empty((size, draws), dtype="float32")
    ranks = np.empty((size, draws), dtype="int32")
    spread = np.flatnonzero((of.ln_model[0] != of.ln_model[-1]) & np.isfinite(of.ln_model[0]))
    traffic = _Traffic(of.ln_model[:, spread], point_weights(of)[:, spread])
    step = max(1, _CELLS // max(size, 1))
    for first in range(0, draws, step):
        last = min(first + step, draws)
        ln = of.shifts[first:last] @ of.design.T + of.ln_model[0]
        if len(spread):
            more = traffic.draw(generator.random((last - first, len(spread))))
            ln[:, spread] += more - of.ln_model[0, spread]
        drawn = np.exp(ln)
        if of.accidents:
            shape, rate = prior(drawn, floor=of.floor, k=of.k)
            drawn = generator.standard_gamma(shape + of.counted) / (rate + of.years)
        drawn = drawn * of.level
        values[:, first:last] = drawn.T
        ranks[:, first:last] = ranks_of(drawn, order).T
    low, high = _points(values)
    rank_low, rank_high = _points(ranks)
    return Intervals(
        low.astype("float64"),
        high.astype("float64"),
        rank_low.astype("int64"),
        rank_high.astype("int64"),
        draws,
    )


class _Traffic:
    """The model's output over uncounted traffic: points, their chances, and between them."""

    def __init__(self, ln_model: Floats, weights: Floats) -> None:
        points, self.size = ln_model.shape
        self.steps = int(np.ceil(np.log2(points)))
        # Padded to a power of two, so that halving finds every point.
        full = np.full((1 << self.steps, self.size), 2.0)
        full[:points] = np.cumsum(weights, axis=0)
        full[points - 1] = 2.0
        self.bounds = full.ravel()
        self.ln = ln_model.ravel()
        self.weights = np.maximum(weights, 1e-300).ravel()
        self.slope = np.gradient(ln_model, axis=0).ravel()

    def draw(self, chance: Floats) -> Floats:
        """Logarithms at uniform chances, shape (draws, crossings)."""
        column = np.arange(self.size)
        point = np.zeros(chance.shape, dtype="int64")
        for power in range(self.steps - 1, -1, -1):
            half = 1 << power
            passed = chance > self.bounds[(point + half - 1) * self.size + column]
            point += half * passed
        at = point * self.size + column
        below = np.where(point > 0, self.bounds[at - self.size], 0.0)
        # Between two points the logarithm is taken as straight.
        within = np.clip((chance - below) / self.weights[at], 0.0, 1.0) - 0.5
        return np.asarray(self.ln[at] + within * self.slope[at])


def _points(drawn: NDArray[np.float32] | NDArray[np.int32]) -> tuple[Floats, Floats]:
    """5 and 95 % point of each row, a value that was drawn."""
    count = drawn.shape[1]
    low = max(int(np.ceil(_LOW / 100 * count)) - 1, 0)
    high = min(int(np.ceil(_HIGH / 100 * count)) - 1, count - 1)
    drawn.partition([low, high], axis=1)
    return drawn[:, low].astype("float64"), drawn[:, high].astype("float64")
