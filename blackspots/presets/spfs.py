"""Safety performance functions that others have published, and bringing them to local data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blackspots.errors import BlackspotsError
from blackspots.presets.files import read_toml

SITES: Final = ("segment", "junction", "crossing")

UNITS: Final = {"": 1.0, "m": 1.0, "km": 1000.0, "mile": 1609.344}
"""Metres in the units of length that a file may name; without one length plays no part."""

Floats = NDArray[np.float64]


class Prediction(NamedTuple):
    """What a published function says of each place."""

    crashes: Floats
    """In the period, shape (places,); missing where a figure is."""
    k: Floats
    """Overdispersion, shape (places,)."""
    valid: NDArray[np.bool_]
    """Whether the traffic lies within what the function was made from."""


class Calibration(NamedTuple):
    """How local crashes compare with those predicted."""

    factor: float
    """Observed / predicted; missing where nothing is predicted."""
    variance: float
    crashes: float
    places: int


@dataclass(frozen=True, slots=True)
class PublishedFunction:
    """mu = calibration x factor x length x exp(constant) x product of figure^power, in a year.

    ``powers`` by name of the figure (``aadt``, ``aadt_major`` ... [vehicles/day]); ``length``
    the unit, empty where the length plays no part. ``k``, or ``k_times_length`` where
    k = k_times_length / length. ``validity`` gives the least and greatest of each figure;
    ``base_conditions`` what the places are like that it speaks of.
    """

    id: str
    site: str
    title: dict[str, str]
    citation: str
    mark: str
    crashes: str
    factor: float
    constant: float
    powers: dict[str, float]
    length: str
    k: float
    k_times_length: float
    validity: dict[str, tuple[float, float]]
    base_conditions: dict[str, str]
    calibration: float

    def predict(
        self,
        figures: Mapping[str, ArrayLike],
        *,
        length: ArrayLike | None = None,
        years: ArrayLike = 1.0,
    ) -> Prediction:
        """Crashes of each place in the period.

        Parameters
        ----------
        figures
            Each of ``powers`` by its name, shape (places,); 0 and less is not known.
        length
            Length [m] of each place, where the function has one.
        years
            Length of the period.

        Raises
        ------
        ValueError
            A figure, or the lengths, that the function needs are not given.

        Examples
        --------
        A mile of rural two-lane road with 10,000 vehicles a day:

        >>> made = published_function("hsm1-rural-two-lane").predict(
        ...     {"aadt": [10_000]}, length=[1609.344]
        ... )
        >>> made.crashes.round(3).tolist(), made.k.tolist(), made.valid.tolist()
        ([2.672], [0.236], [True])
        """
        lacking = [name for name in self.powers if name not in figures]
        if lacking or (self.length and length is None):
            raise ValueError(f"{self.id} needs {', '.join(lacking or ['length'])}")
        mu = np.asarray(self.calibration * self.factor * math.exp(self.constant))
        valid = np.asarray(True)
        for name, power in self.powers.items():
            value = np.asarray(figures[name], dtype="float64")
            value = np.where(value > 0, value, np.nan)
            mu = mu * value**power
            low, high = self.validity.get(name, (0.0, math.inf))
            valid = valid & (value >= low) & (value <= high)
        k = np.asarray(self.k)
        if self.length:
            long = np.asarray(length, dtype="float64") / UNITS[self.length]
            long = np.where(long > 0, long, np.nan)
            mu = mu * long
            if self.k_times_length > 0:
                k = self.k_times_length / long
        mu = np.atleast_1d(mu * np.asarray(years, dtype="float64"))
        return Prediction(
            mu, np.broadcast_to(k, mu.shape).copy(), np.broadcast_to(valid, mu.shape).copy()
        )


def published_function(name: str, folder: Path = Path()) -> PublishedFunction:
    """A function by id, or by the path of a TOML file (relative to ``folder``).

    Raises
    ------
    BlackspotsError
        ``missing-preset`` or ``bad-spf``, naming the key.
    """
    tree, file = read_toml("spf", name, folder)
    try:
        return _build(tree)
    except KeyError as error:
        raise BlackspotsError("bad-spf", file=file, problem=str(error.args[0])) from error
    except (AttributeError, TypeError, ValueError) as error:
        raise BlackspotsError("bad-spf", file=file, problem=str(error)) from error


def _build(tree: dict[str, Any]) -> PublishedFunction:
    model, spread = tree["model"], tree["dispersion"]
    if ("k" in spread) == ("k_times_length" in spread):
        raise ValueError("dispersion.k, dispersion.k_times_length")
    made = PublishedFunction(
        id=str(tree["id"]),
        site=str(tree["site"]),
        title=dict(tree["title"]),
        citation=str(tree["citation"]),
        mark=str(tree["mark"]),
        crashes=str(tree.get("crashes", "all")),
        factor=float(model.get("factor", 1.0)),
        constant=float(model["constant"]),
        powers={str(key): float(value) for key, value in model["powers"].items()},
        length=str(model.get("length", "")),
        k=float(spread.get("k", math.nan)),
        k_times_length=float(spread.get("k_times_length", math.nan)),
        validity={
            str(key): (float(low), float(high))
            for key, (low, high) in tree.get("validity", {}).items()
        },
        base_conditions={str(k): str(v) for k, v in tree.get("base_conditions", {}).items()},
        calibration=float(tree.get("calibration", {}).get("factor", 1.0)),
    )
    wrong = {
        "site": made.site not in SITES,
        "model.length": made.length not in UNITS,
        "model.factor": not 0 < made.factor < math.inf,
        "model.constant": not math.isfinite(made.constant),
        "model.powers": not all(map(math.isfinite, made.powers.values())),
        "dispersion.k": made.k < 0 or math.isinf(made.k),
        "dispersion.k_times_length": not (math.isnan(made.k_times_length) or made.length)
        or made.k_times_length <= 0,
        "validity": not made.validity.keys() <= made.powers.keys()
        or not all(low < high for low, high in made.validity.values()),
        "calibration.factor": not 0 < made.calibration < math.inf,
    }
    if any(wrong.values()):
        raise ValueError(", ".join(key for key, is_wrong in wrong.items() if is_wrong))
    return made


def calibrate(observed: ArrayLike, predicted: ArrayLike, k: ArrayLike) -> Calibration:
    """Bring a published function to local crashes.

    Parameters
    ----------
    observed, predicted : shape (places,)
        Crashes in the same period; places without either are left out.
    k
        Overdispersion, one for all or shape (places,).

    Notes
    -----
    C = sum(x) / sum(mu) (HSM appendix A; M), with variance
    sum(C mu + k (C mu)^2) / sum(mu)^2 (after Bahar and Hauer 2014, User's guide to develop HSM
    calibration factors, which has x in place of C mu; M). They want 30 to 50 places and 100
    crashes a year (M).

    Examples
    --------
    >>> made = calibrate([4, 2, 6], [2.0, 2.0, 2.0], 0.5)
    >>> made.factor, round(made.variance, 3)
    (2.0, 1.0)
    """
    x, mu = np.broadcast_arrays(
        np.asarray(observed, dtype="float64"), np.asarray(predicted, dtype="float64")
    )
    k = np.broadcast_to(np.asarray(k, dtype="float64"), mu.shape)
    known = np.isfinite(x) & np.isfinite(mu) & np.isfinite(k)
    x, mu, k = x[known], mu[known], k[known]
    if not mu.sum() > 0:
        return Calibration(math.nan, math.nan, float(x.sum()), len(x))
    factor = float(x.sum() / mu.sum())
    local = factor * mu
    variance = float((local + k * local**2).sum() / mu.sum() ** 2)
    return Calibration(factor, variance, float(x.sum()), len(x))
