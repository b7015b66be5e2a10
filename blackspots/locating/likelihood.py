r"""How likely each candidate place is.

A crash happened somewhere on the network; its register gives a coordinate, a road and a km,
each of which may be wrong. For a candidate segment the chance of what is recorded is

.. math::
    p \propto \lambda_{class} \; N(d; \sigma)\,
        \left[\Phi\left(\tfrac{L-m}{\sigma}\right) - \Phi\left(\tfrac{-m}{\sigma}\right)\right]
        T_{road} \, T_{km} \, T_{direction} \, T_{layer}

with the offset :math:`d`, the measure :math:`m` on a segment of length :math:`L`, and the
coordinate's standard deviation :math:`\sigma` across each axis: the integral of a
two-dimensional normal error along the (locally straight) segment. Its square is that of ordinary
positioning, which is estimated from the register itself, and that of the decimals given.
:math:`\lambda` is the density of crashes per metre of road of the segment's class, estimated
likewise (three rounds of expectation and maximisation, with a prior that a small register does not
move). :math:`T` are the chances of what is recorded given the place: see :class:`Likelihood`.

A km post is a candidate of its own where it lies beyond the search distance: then the coordinate
is one of those that are plainly wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import ndtr

_ROUNDS: Final = 3
_LEAST: Final = 1e-300
_PRIOR_CRASHES: Final = 10.0
"""Weight of the prior of each class's density, in crashes; that of sigma weighs as one crash."""
_FINEST: Final = 0.5
"""Least standard deviation [m] of a coordinate, however well a register fits its roads."""
_APART: Final = 20.0
"""Greatest ratio of a class's density of crashes to the mean."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Constants of the model; all are assumptions (mark A), to be overridden by a study.

    Parameters
    ----------
    sigma
        Standard deviation [m] of a coordinate across each axis before the register tells more.
    same_road, no_road, other_road
        Chance that a road is recorded where the crash was on it; on a road without a number; on
        a road of another number.
    km_sigma
        Standard deviation [m] of a km post.
    wrong_km, wrong_coordinate
        Share of km posts and of coordinates that are plainly wrong: anywhere along ``span``
        [m] of road, or in a square of that width.
    span
        Length [m] over which what is wrong is spread.
    direction
        Concentration of a recorded direction of travel about the road's (von Mises).
    wrong_layer
        Chance that a recorded level is another than the road's.
    """

    sigma: float = 15.0
    same_road: float = 0.9
    no_road: float = 0.05
    other_road: float = 0.02
    km_sigma: float = 100.0
    wrong_km: float = 0.05
    wrong_coordinate: float = 0.02
    span: float = 50_000.0
    direction: float = 2.0
    wrong_layer: float = 0.05


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of each candidate; arrays of shape (candidates,).

    ``crash``: number of the crash, sorted; ``offset`` [m], NaN where the crash has no
    coordinate; ``measure``, ``length`` [m] of the segment; ``uncertainty`` [m] of the
    coordinate; ``by_post``: a km post beyond the search distance; ``road``: 1 the recorded road,
    0 one of another number, NaN one without a number or nothing recorded; ``asked``: whether a
    road is recorded; ``km_gap`` [m] between the place's km and the one recorded, NaN unknown;
    ``km_uncertainty`` [m]; ``turn`` [rad] between direction of travel and road, NaN unknown;
    ``layer``: 1 the recorded level, 0 another, NaN unknown; ``kind``: number of the road's class.
    """

    crash: np.ndarray
    offset: np.ndarray
    measure: np.ndarray
    length: np.ndarray
    uncertainty: np.ndarray
    by_post: np.ndarray
    road: np.ndarray
    asked: np.ndarray
    km_gap: np.ndarray
    km_uncertainty: np.ndarray
    turn: np.ndarray
    layer: np.ndarray
    kind: np.ndarray


@dataclass(frozen=True, slots=True)
class Estimate:
    """Probabilities of the candidates, and what the register told of itself.

    ``probability``, shape (candidates,), sums to 1 for each crash; ``fit``: the logarithm of the
    chance at the candidate's very point, whatever the length and density of its road;
    ``sigma`` [m]; ``density``, shape (classes,): crashes per metre of each class, relative to
    their mean.
    """

    probability: np.ndarray
    fit: np.ndarray
    sigma: float
    density: np.ndarray


def probabilities(evidence: Evidence, lengths: np.ndarray, constants: Likelihood) -> Estimate:
    """Probability of each candidate of each crash.

    Parameters
    ----------
    lengths : shape (classes,)
        Length [m] of road of each class.
    """
    fixed = _of_records(evidence, constants)
    sigma = constants.sigma
    density = np.ones(len(lengths))
    probability = np.zeros(len(evidence.crash))
    for turn in range(_ROUNDS + 1):
        spread = np.hypot(sigma, np.nan_to_num(evidence.uncertainty) / 2)
        score = fixed + _of_place(evidence, spread, constants) + np.log(density[evidence.kind])
        probability = _normalised(evidence.crash, score)
        if turn < _ROUNDS:
            sigma = _sigma(evidence, probability, constants)
            density = _density(evidence, probability, lengths)
    spread = np.hypot(sigma, np.nan_to_num(evidence.uncertainty) / 2)
    fit = fixed + _of_place(evidence, spread, constants, along=False)
    return Estimate(probability, fit, sigma, density)


def _of_records(evidence: Evidence, constants: Likelihood) -> np.ndarray:
    """Logarithm of the chance of what is recorded besides the coordinate."""
    road = np.select(
        [evidence.road == 1, evidence.road == 0],
        [constants.same_road, constants.other_road],
        constants.no_road,
    )
    score = np.where(evidence.asked, np.log(road), 0.0)
    by_chance = 1 / constants.span
    spread = np.hypot(constants.km_sigma, np.nan_to_num(evidence.km_uncertainty))
    near = (1 - constants.wrong_km) * _normal(evidence.km_gap, spread)
    told = evidence.road == 1
    km = np.where(
        np.isnan(evidence.km_gap) | ~told, by_chance, near + constants.wrong_km * by_chance
    )
    # At its own km post the density has been summed up along the road.
    km = np.where(evidence.by_post, 1 - constants.wrong_km, km)
    score = score + np.log(km)
    turn = constants.direction * (np.cos(evidence.turn) - 1)
    score = score + np.where(np.isnan(evidence.turn), 0.0, turn)
    level = np.where(evidence.layer == 1, 1 - constants.wrong_layer, constants.wrong_layer)
    return np.asarray(score + np.where(np.isnan(evidence.layer), 0.0, np.log(level)))


def _of_place(
    evidence: Evidence, spread: np.ndarray, constants: Likelihood, *, along: bool = True
) -> np.ndarray:
    """Logarithm of the chance of the coordinate, summed up along the segment or not."""
    near = _normal(evidence.offset, spread)
    if along:
        beyond = (evidence.length - evidence.measure) / spread
        near = near * np.maximum(ndtr(beyond) - ndtr(-evidence.measure / spread), 1e-9)
    score = np.log(np.maximum((1 - constants.wrong_coordinate) * near, _LEAST))
    wrong = np.log(constants.wrong_coordinate / constants.span**2)
    score = np.where(evidence.by_post, wrong, score)
    return np.where(np.isnan(evidence.offset), 0.0, score)


def _normal(gap: np.ndarray, spread: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-0.5 * (gap / spread) ** 2) / (spread * np.sqrt(2 * np.pi)))


def _normalised(crash: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Scores to probabilities that sum to 1 for each crash."""
    if not len(crash):
        return np.zeros(0)
    begin = np.flatnonzero(np.r_[True, crash[1:] != crash[:-1]])
    owner = np.cumsum(np.r_[False, crash[1:] != crash[:-1]])
    weight = np.exp(score - np.maximum.reduceat(score, begin)[owner])
    return np.asarray(weight / np.add.reduceat(weight, begin)[owner])


def _sigma(evidence: Evidence, probability: np.ndarray, constants: Likelihood) -> float:
    """The coordinate's standard deviation [m] as the offsets of likely places show it."""
    measured = ~evidence.by_post & ~np.isnan(evidence.offset)
    own = evidence.offset**2 - (np.nan_to_num(evidence.uncertainty) / 2) ** 2
    weight = np.where(measured, probability, 0.0)
    fine = np.where(np.nan_to_num(evidence.uncertainty) <= constants.sigma, weight, 0.0)
    found = (constants.sigma**2 + (fine * np.nan_to_num(own)).sum()) / (1 + fine.sum())
    return float(np.sqrt(np.clip(found, _FINEST**2, (3 * constants.sigma) ** 2)))


def _density(evidence: Evidence, probability: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Crashes per metre of each class of road, relative to all roads."""
    crashes = np.bincount(evidence.kind, weights=probability, minlength=len(lengths))
    mean = max(crashes.sum(), 1e-9) / max(lengths.sum(), 1e-9)
    found = (crashes + _PRIOR_CRASHES) / (lengths + _PRIOR_CRASHES / mean)
    return np.asarray(np.clip(found / mean, 1 / _APART, _APART))


def summed(crash: np.ndarray, place: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """For each candidate the probability of its place: the sum over all of its crash there."""
    pairs = pd.DataFrame({"crash": crash, "place": place, "p": probability})
    return np.asarray(pairs.groupby(["crash", "place"], sort=False)["p"].transform("sum"))
