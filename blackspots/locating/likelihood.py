r"""How likely each candidate place is.

A crash happened somewhere on the network; its register gives a coordinate, a road and a km,
each of which may be wrong. For a candidate segment the chance of what is recorded is

.. math::
    p \propto \lambda_{class} \; t(d; \sigma)\,
        \left[T\left(\tfrac{L-m}{\sigma}\right) - T\left(\tfrac{-m}{\sigma}\right)\right]
        T_{road} \, T_{km} \, T_{direction} \, T_{layer}

with the offset :math:`d`, the measure :math:`m` on a segment of length :math:`L`, and the
coordinate's standard deviation :math:`\sigma` across each axis: about the integral of a
two-dimensional error, with the tails of Student's t, along the (locally straight) segment. The
square of :math:`\sigma` is that of ordinary positioning, which is estimated from the register
itself, and that of the decimals given.
:math:`\lambda` is the density of crashes per metre of road of the segment's class, estimated
likewise, and so are the shares of crashes whose road is recorded, on roads with a number and on
others (rounds of expectation and maximisation, with a prior that a small register does not move).
:math:`T_{road}` and so on are the chances of what is recorded given the place
(:class:`Likelihood`).

A km post is a candidate of its own where it lies beyond the search distance: then the coordinate
is one of those that are plainly wrong; or where the coordinate is too vague to be searched: then
the chance of the coordinate is that of its two-dimensional error, or of a plainly wrong one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import gammaln, stdtr

_ROUNDS: Final = 6
_LEAST: Final = 1e-300
_PRIOR_CRASHES: Final = 10.0
"""Weight of the prior of each class's density, in crashes; that of sigma weighs as one crash."""
_TAILS: Final = 5.0
"""Degrees of freedom of Student's t: receivers, and people who read maps, are not all alike."""
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
    same_road, other_road, no_road
        Chance, where a road is recorded, that it is the road of the crash; that it is a given
        other one; and, of a crash on a road without a number, that it is the one recorded.
    recorded, recorded_elsewhere
        Share of crashes whose road is recorded, on roads with a number and on others, before
        the register tells more.
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
    same_road: float = 0.95
    other_road: float = 0.02
    no_road: float = 0.5
    recorded: float = 0.8
    recorded_elsewhere: float = 0.2
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
    coordinate; ``repeats``: crashes that stand on the same one; ``by_post``: a km post beyond the
    search distance; ``post_gap`` [m] from it to a coordinate too vague to be searched, else NaN;
    ``road``: 1 the recorded road, 0 another road, NaN one without number or name, or nothing
    recorded; ``asked``: whether a
    road is recorded; ``numbered``: whether the place's road has a number or name; ``km_gap`` [m]
    between the place's km and the one recorded, NaN unknown;
    ``km_uncertainty`` [m]; ``turn`` [rad] between direction of travel and road, NaN unknown;
    ``layer``: 1 the recorded level, 0 another, NaN unknown; ``kind``: number of the road's class.
    """

    crash: np.ndarray
    offset: np.ndarray
    measure: np.ndarray
    length: np.ndarray
    uncertainty: np.ndarray
    repeats: np.ndarray
    by_post: np.ndarray
    post_gap: np.ndarray
    road: np.ndarray
    asked: np.ndarray
    numbered: np.ndarray
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
    ``sigma`` [m]; ``readings``: number of different coordinates that show it (0: it is the
    prior); ``density``, shape (classes,): crashes per metre of each class, relative to
    their mean.
    """

    probability: np.ndarray
    fit: np.ndarray
    sigma: float
    readings: int
    density: np.ndarray


def probabilities(evidence: Evidence, lengths: np.ndarray, constants: Likelihood) -> Estimate:
    """Probability of each candidate of each crash.

    Parameters
    ----------
    lengths : shape (classes,)
        Length [m] of road of each class.
    """
    records = _of_records(evidence, constants)
    recorded = np.array([constants.recorded_elsewhere, constants.recorded])
    sigma = constants.sigma
    density = np.ones(len(lengths))
    probability = np.zeros(len(evidence.crash))
    for turn in range(_ROUNDS + 1):
        spread = np.hypot(sigma, np.nan_to_num(evidence.uncertainty) / 2)
        share = recorded[evidence.numbered.astype(int)]
        fixed = records + np.log(np.where(evidence.asked, share, 1 - share))
        score = fixed + _of_place(evidence, spread, constants) + np.log(density[evidence.kind])
        probability = _normalised(evidence.crash, score)
        if turn < _ROUNDS:
            sigma = _sigma(evidence, probability, constants)
            recorded = _recorded(evidence, probability, constants)
            density = _density(evidence, probability, lengths)
    spread = np.hypot(sigma, np.nan_to_num(evidence.uncertainty) / 2)
    fit = fixed + _of_place(evidence, spread, constants, along=False)
    readings = round(float(_fine(evidence, probability, constants).sum()))
    return Estimate(probability, fit, sigma, readings, density)


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
    near = _student(evidence.offset, spread)
    if along:
        # Its standard deviation is ``spread``, not its scale.
        scale = spread * np.sqrt((_TAILS - 2) / _TAILS)
        beyond = stdtr(_TAILS, (evidence.length - evidence.measure) / scale)
        before = stdtr(_TAILS, -evidence.measure / scale)
        near = near * np.maximum(beyond - before, 1e-9)
    score = np.log(np.maximum((1 - constants.wrong_coordinate) * near, _LEAST))
    anywhere = constants.wrong_coordinate / constants.span**2
    about = (1 - constants.wrong_coordinate) * _student_around(evidence.post_gap, spread)
    wrong = np.log(anywhere + np.nan_to_num(about))
    score = np.where(evidence.by_post, wrong, score)
    return np.where(np.isnan(evidence.offset), 0.0, score)


def _student(gap: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Density of Student's t with the standard deviation ``spread``."""
    scale = spread * np.sqrt((_TAILS - 2) / _TAILS)
    half = (_TAILS + 1) / 2
    norm = gammaln(half) - gammaln(_TAILS / 2) - 0.5 * np.log(_TAILS * np.pi)
    return np.asarray(np.exp(norm - half * np.log1p((gap / scale) ** 2 / _TAILS)) / scale)


def _student_around(gap: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The same at a distance in the plane: per square metre (Kotz and Nadarajah 2004, ch. 1)."""
    square = spread**2 * (_TAILS - 2) / _TAILS
    shape = (1 + gap**2 / (square * _TAILS)) ** (-(_TAILS + 2) / 2)
    return np.asarray(shape / (2 * np.pi * square))


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


def _fine(evidence: Evidence, probability: np.ndarray, constants: Likelihood) -> np.ndarray:
    """How much each offset tells of the coordinate's standard deviation.

    Crashes on one coordinate are one reading of it; one that is given coarsely is none.
    """
    coarse = np.nan_to_num(evidence.uncertainty) > constants.sigma
    silent = evidence.by_post | np.isnan(evidence.offset) | coarse
    return np.where(silent, 0.0, probability / evidence.repeats)


def _sigma(evidence: Evidence, probability: np.ndarray, constants: Likelihood) -> float:
    """The coordinate's standard deviation [m] as the offsets of likely places show it."""
    own = evidence.offset**2 - (np.nan_to_num(evidence.uncertainty) / 2) ** 2
    fine = _fine(evidence, probability, constants)
    found = (constants.sigma**2 + (fine * np.nan_to_num(own)).sum()) / (1 + fine.sum())
    return float(np.sqrt(np.clip(found, _FINEST**2, (3 * constants.sigma) ** 2)))


def _recorded(evidence: Evidence, probability: np.ndarray, constants: Likelihood) -> np.ndarray:
    """Share of crashes whose road is recorded, on roads without a number and with one."""
    numbered = evidence.numbered.astype(int)
    prior = np.array([constants.recorded_elsewhere, constants.recorded])
    total = np.bincount(numbered, weights=probability, minlength=2)
    asked = np.bincount(numbered, weights=probability * evidence.asked, minlength=2)
    return np.asarray((asked + _PRIOR_CRASHES * prior) / (total + _PRIOR_CRASHES))


def _density(evidence: Evidence, probability: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Crashes per metre of each class of road, relative to all roads."""
    crashes = np.bincount(evidence.kind, weights=probability, minlength=len(lengths))
    mean = max(crashes.sum(), 1e-9) / max(lengths.sum(), 1e-9)
    found = (crashes + _PRIOR_CRASHES) / (lengths + _PRIOR_CRASHES / mean)
    return np.asarray(np.clip(found / mean, 1 / _APART, _APART))
