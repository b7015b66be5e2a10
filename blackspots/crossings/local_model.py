"""Bringing a rating model to local accidents: factors by protection, and a fitted local model.

Nomenclature: ``x`` accidents counted in ``years`` T, ``a`` the model's accidents a year, ``mean``
its mean over uncounted traffic and ``swell`` = E[a^2] / E[a]^2 (1 where traffic is counted),
``k`` overdispersion. Not knowing the traffic adds to it: 1 + k' = (1 + k) swell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special

from blackspots.crossings.history import Floats

ELASTICITY_SD: Final = 0.25
"""How far the exponents of vehicles and trains may lie from those of the base model (A)."""

PROTECTION_SD: Final = 0.5
"""How far ln of the level of one protection may lie from that of the base model (A)."""

DISPERSION_SD: Final = 1.0
"""Spread of ln k about ln 1 before any accident is seen (A)."""

FOLDS: Final = 5

FIRST: Final = 0.1
"""Share of crossings whose part of the held-out accidents is reported."""

MODELS: Final = ("flat", "exposure", "calibrated", "local")
"""What is compared on the hold-out: one rate for all; vehicles x trains; the preset calibrated by
protection; the local model."""

_LN_K: Final = (-9.0, 5.0)
_LEAST_MEAN: Final = 1e-9
_LEAST_TRAINS: Final = 0.1
_ETA: Final = 50.0  # |ln mu| beyond this is cut off: exp must stay finite
_ROUNDS: Final = 60
_SETTLED: Final = 1e-3  # far below the standard error of an exponent
_STEPS: Final = 50
_HALVINGS: Final = 20
_GAIN: Final = 1e-8  # log-likelihood that is not worth a step


@dataclass(frozen=True, slots=True)
class Observed:
    """Crossings whose accidents are counted and that the base model rates, shape (crossings,)."""

    x: Floats
    years: Floats
    ln_model: Floats
    """ln a at equally likely points of the traffic, shape (points, crossings)."""
    shift: Floats
    """ln of the traffic at those points less its median, shape (points, crossings)."""
    vehicles: Floats
    trains: Floats
    protection: NDArray[np.object_]

    def part(self, chosen: NDArray[np.bool_]) -> Observed:
        """Some of the crossings."""
        return Observed(
            self.x[chosen],
            self.years[chosen],
            self.ln_model[:, chosen],
            self.shift[:, chosen],
            self.vehicles[chosen],
            self.trains[chosen],
            self.protection[chosen],
        )

    def moments(self, more: float = 0.0) -> tuple[Floats, Floats]:
        """Mean and swell of a, with ``more`` added to its exponent of traffic."""
        a = np.exp(self.ln_model + more * self.shift)
        mean = a.mean(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            swell = np.where(mean > 0, (a**2).mean(axis=0) / mean**2, 1.0)
        return mean, np.maximum(swell, 1.0)

    @property
    def exposure(self) -> Floats:
        """Mean of vehicles times trains; NaN where trains are unknown."""
        return np.asarray(self.vehicles * self.trains * np.exp(self.shift).mean(axis=0))


@dataclass(frozen=True, slots=True)
class Fitted:
    """The base model times exp(b0 + Z b): ``coefficients`` with b0 first, by ``names``.

    Columns of Z: ln vehicles and ln trains about ``centre``, then one for each protection.
    ``k`` overdispersion, ``covariance`` of the coefficients (Laplace).
    """

    names: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    centre: tuple[float, float]
    k: float

    @property
    def elasticities(self) -> tuple[float, float]:
        """What is added to the base model's exponents of vehicles and of trains."""
        return float(self.coefficients[1]), float(self.coefficients[2])

    def design(self, vehicles: Floats, trains: Floats, protection: NDArray[np.object_]) -> Floats:
        """The matrix (1, Z), shape (crossings, p)."""
        return np.column_stack(
            [
                np.ones(len(vehicles)),
                _centred(vehicles, self.centre[0]),
                _centred(np.maximum(trains, _LEAST_TRAINS), self.centre[1]),
                *(protection == name for name in self.names[3:]),
            ]
        ).astype("float64")


def calibrate(
    observed: Floats, predicted: Floats, groups: NDArray[np.object_], *, k: float, prior: float
) -> pd.DataFrame:
    """Factors that bring a model to local accidents, by group and over all.

    Parameters
    ----------
    observed, predicted : shape (crossings,)
        Accidents of the same years. Where ``predicted`` already has a history in it, the
        accidents must be those of later years: else they would count twice.
    groups
        What each crossing is guarded by.
    k
        Overdispersion, which widens the intervals.
    prior
        How many accidents the overall factor weighs against those of a group.

    Returns
    -------
    DataFrame indexed by ``group``, the first row ``all``
        ``crossings``, ``accidents``, ``predicted``, ``factor``, ``low``, ``high`` (5 and 95 %),
        and ``shape``, ``rate`` of the factor's Gamma distribution.

    Notes
    -----
    Over all c = sum(x) / sum(mu). The factor of a group is Gamma with mean c and the weight of
    ``prior`` accidents before, so that after x accidents on mu predicted it is
    (prior + x) / (prior / c + mu): few accidents leave it near c. For overdispersion both are
    divided by phi = sum(c mu + k (c mu)^2) / sum(c mu).

    Examples
    --------
    >>> kinds = np.array(["gates", "gates", "none", "none"], dtype=object)
    >>> made = calibrate(np.array([4.0, 8, 20, 28]), np.full(4, 10.0), kinds, k=0.0, prior=10)
    >>> made["factor"].round(3).to_dict()
    {'all': 1.5, 'gates': 0.825, 'none': 2.175}
    """
    rows = {"all": _factor(observed, predicted, k=k, prior=0.0, level=1.0)}
    level = rows["all"]["factor"]
    for group in sorted(set(groups)):
        here = groups == group
        rows[str(group)] = _factor(
            observed[here], predicted[here], k=k, prior=prior, level=float(level)
        )
    made = pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")
    return made.astype({"crossings": "int64"})


def _factor(x: Floats, mu: Floats, *, k: float, prior: float, level: float) -> dict[str, float]:
    total = float(mu.sum())
    if prior <= 0:
        level = float(x.sum()) / total if total > 0 else np.nan
    scaled = level * mu
    phi = 1 + k * float((scaled**2).sum()) / max(float(scaled.sum()), _LEAST_MEAN)
    shape = prior + float(x.sum()) / phi
    rate = (prior / level if prior > 0 else 0.0) + total / phi
    low, high = np.nan, np.nan
    if rate > 0:
        low, high = (float(special.gammaincinv(shape, p)) / rate for p in (0.05, 0.95))
    return {
        "crossings": len(x),
        "accidents": float(x.sum()),
        "predicted": total,
        "factor": shape / rate if rate > 0 else np.nan,
        "low": low,
        "high": high,
        "shape": shape,
        "rate": rate,
    }


def factors_at(table: pd.DataFrame, groups: NDArray[np.object_]) -> Floats:
    """Factor of each crossing; that over all where its group has none."""
    own = table["factor"].drop("all").reindex(groups).to_numpy(dtype="float64")
    return np.where(np.isnan(own), table["factor"].loc["all"], own)


def log_score(x: Floats, mu: Floats, alpha: Floats) -> Floats:
    """Natural logarithm of the negative binomial's chance of each count, shape of ``x``."""
    r = 1 / np.maximum(alpha, 1e-9)
    mu = np.maximum(mu, _LEAST_MEAN)
    tied = special.gammaln(x + r) - special.gammaln(r) - special.gammaln(x + 1)
    return np.asarray(tied - r * np.log1p(mu / r) + x * (np.log(mu) - np.log(r + mu)))


def dispersion(x: Floats, mu: Floats, swell: Floats | float = 1.0) -> float:
    """Overdispersion k of counts about given means: the likeliest, with ln k near 0."""

    def loss(ln_k: float) -> float:
        alpha = (1 + np.exp(ln_k)) * swell - 1
        far = 0.5 * (ln_k / DISPERSION_SD) ** 2
        return far - float(log_score(x, mu, np.broadcast_to(alpha, x.shape)).sum())

    return float(np.exp(optimize.minimize_scalar(loss, bounds=_LN_K, method="bounded").x))


def calibrated(data: Observed, *, prior: float) -> tuple[pd.DataFrame, float]:
    """Factors of a base model by protection, and k about the calibrated means."""
    mean, swell = data.moments()
    mu = mean * data.years
    k = 1.0
    for _ in range(2):  # the factors hardly depend on k
        table = calibrate(data.x, mu, data.protection, k=k, prior=prior)
        k = dispersion(data.x, factors_at(table, data.protection) * mu, swell)
    return calibrate(data.x, mu, data.protection, k=k, prior=prior), k


def local_model(data: Observed) -> Fitted:
    """Accidents by vehicles, trains and protection, drawn towards the base model.

    Parameters
    ----------
    data
        At least one accident, and a base model above 0 somewhere.

    Returns
    -------
    Fitted

    Raises
    ------
    ValueError
        No accident, or nothing that the base model predicts.

    Notes
    -----
    Negative binomial with log link and the base model, meant over uncounted traffic, as offset,

        mu = T a exp(b0 + b_v (ln V - mean) + b_t (ln trains - mean) + b_p),

    by maximum penalised likelihood: b_v, b_t ~ N(0, 0.25^2), b_p ~ N(0, 0.5^2), ln k ~ N(0, 1),
    b0 free. The exponents thus stay near those of the base model until enough accidents say
    otherwise; speed, lanes and the like keep the base model's effect. The covariance is the
    inverse of the information at the maximum (Laplace).
    """
    mean, swell = data.moments()
    total = float((mean * data.years).sum())
    if not data.x.sum() > 0 or not total > 0:
        raise ValueError("a local model needs accidents, and a base model above 0")
    centre = (_centre(data.vehicles), _centre(np.maximum(data.trains, _LEAST_TRAINS)))
    kinds = tuple(sorted(set(data.protection)))
    size = 3 + len(kinds)
    start = Fitted(
        ("level", "vehicles", "trains", *kinds), np.zeros(size), np.zeros((size, size)), centre, 1.0
    )
    z = start.design(data.vehicles, data.trains, data.protection)
    sd = np.array([np.inf, ELASTICITY_SD, ELASTICITY_SD, *([PROTECTION_SD] * len(kinds))])
    weight = 1 / sd**2
    b, k = np.zeros(size), 1.0
    b[0] = np.log(data.x.sum() / total)
    for round_ in range(_ROUNDS):
        # The mean over uncounted traffic depends on the exponent, and b hardly on k: in turn
        # until all agree, in half steps where they swing.
        offset = np.log(np.maximum(mean * data.years, _LEAST_MEAN))
        new = _scored(data.x, z, offset, (1 + k) * swell - 1, weight, b)
        new = b + (1.0 if round_ < _ROUNDS // 3 else 0.5) * (new - b)
        told = dispersion(data.x, np.exp(np.clip(offset + z @ new, -_ETA, _ETA)), swell)
        settled = max(np.abs(new - b).max(), abs(np.log(told / k))) < _SETTLED
        b, k = new, told
        if settled:
            break
        mean, swell = data.moments(float(b[1]))
    alpha = (1 + k) * swell - 1
    mu = np.exp(np.clip(offset + z @ b, -_ETA, _ETA))
    covariance: Floats = np.linalg.inv(_information(z, mu, alpha, weight)).astype("float64")
    return Fitted(start.names, b, covariance, centre, k)


def _information(z: Floats, mu: Floats, alpha: Floats, weight: Floats) -> Floats:
    """Expected information of b with that of the penalties."""
    made: Floats = z.T @ (z * (mu / (1 + alpha * mu))[:, None]) + np.diag(weight)
    return made


def _scored(
    x: Floats, z: Floats, offset: Floats, alpha: Floats, weight: Floats, start: Floats
) -> Floats:
    """Coefficients of the greatest penalised likelihood with alpha held: Fisher scoring."""

    def value(b: Floats) -> float:
        mu = np.exp(np.clip(offset + z @ b, -_ETA, _ETA))
        return float(log_score(x, mu, alpha).sum() - 0.5 * (weight * b**2).sum())

    b, best = start, value(start)
    for _ in range(_STEPS):
        mu = np.exp(np.clip(offset + z @ b, -_ETA, _ETA))
        slope = z.T @ ((x - mu) / (1 + alpha * mu)) - weight * b
        step = np.linalg.solve(_information(z, mu, alpha, weight), slope)
        if slope @ step < _GAIN:
            break
        for half in range(_HALVINGS):
            tried = b + step / 2**half
            if (reached := value(tried)) >= best:
                b, best = tried, reached
                break
        else:
            break
    return b


def hold_out(data: Observed, *, prior: float, seed: int, folds: int = FOLDS) -> pd.DataFrame:
    """How well each model tells the accidents of crossings it has not seen.

    Parameters
    ----------
    data
        At least ``folds`` crossings, and accidents at two of them or more.
    prior
        As in :func:`calibrate`.
    seed
        Of the folds.

    Returns
    -------
    DataFrame indexed by ``model``, :data:`MODELS`
        ``log_score``: mean natural logarithm of the chance given to each count (greater is
        better); ``first_tenth``: share of the accidents at the tenth of each fold's crossings that
        the model puts first (of crossings it puts alike, their part); ``accidents``,
        ``crossings``.

    Notes
    -----
    Folds are of crossings, so that no crossing is told by its own history; those with accidents
    are dealt out first, so that every fold has its share of them.
    """
    size = len(data.x)
    mixed = np.random.Generator(np.random.PCG64(seed)).permutation(size)
    fold = np.empty(size, dtype="int64")
    fold[mixed[np.argsort(-data.x[mixed], kind="stable")]] = np.arange(size) % folds
    scores = np.full((len(MODELS), size), np.nan)
    rates = np.full((len(MODELS), size), np.nan)
    for number in range(folds):
        test = fold == number
        for row, (rate, swell, k) in enumerate(_told(data.part(~test), data.part(test), prior)):
            mu = rate * data.years[test]
            scores[row, test] = log_score(data.x[test], mu, (1 + k) * swell - 1)
            rates[row, test] = rate
    # Within each fold: between folds the levels differ by what was left out.
    parts = [fold == number for number in range(folds)]
    return pd.DataFrame(
        {
            "log_score": scores.mean(axis=1),
            "first_tenth": [
                sum(first_tenth(data.x[f], rate[f]) * data.x[f].sum() for f in parts) / data.x.sum()
                for rate in rates
            ],
            "accidents": data.x.sum(),
            "crossings": size,
        },
        index=pd.Index(MODELS, name="model"),
    )


def _told(train: Observed, test: Observed, prior: float) -> list[tuple[Floats, Floats, float]]:
    """What each model, made from some crossings, says of others: rates, swell, k."""
    made = []
    for one, other in (
        (np.ones(len(train.x)), np.ones(len(test.x))),
        (_filled(train.exposure), _filled(test.exposure, train.exposure)),
    ):
        level = train.x.sum() / (one * train.years).sum()
        k = dispersion(train.x, level * one * train.years)
        made.append((level * other, np.ones(len(test.x)), k))
    table, k = calibrated(train, prior=prior)
    mean, swell = test.moments()
    made.append((factors_at(table, test.protection) * mean, swell, k))
    fitted = local_model(train)
    z = fitted.design(test.vehicles, test.trains, test.protection)
    mean, swell = test.moments(fitted.elasticities[0])
    made.append((mean * np.exp(z @ fitted.coefficients), swell, fitted.k))
    return made


def first_tenth(x: Floats, rate: Floats) -> float:
    """Share of accidents at the tenth of crossings with the greatest rates.

    Crossings with one rate share what falls to them, as if they came in every order.

    Examples
    --------
    >>> first_tenth(np.array([3.0] + [1.0] * 9), np.arange(10.0)[::-1])
    0.25
    >>> round(first_tenth(np.array([3.0] + [1.0] * 9), np.ones(10)), 3)
    0.1
    """
    value, which = np.unique(-rate, return_inverse=True)
    size = np.bincount(which, minlength=len(value))
    taken = np.clip(FIRST * len(x) - (np.cumsum(size) - size), 0, size)
    return float((np.bincount(which, weights=x, minlength=len(value)) * taken / size).sum()) / max(
        float(x.sum()), _LEAST_MEAN
    )


def _centre(values: Floats) -> float:
    known = np.log(values[values > 0])
    return float(known.mean()) if len(known) else 0.0


def _centred(values: Floats, centre: float) -> Floats:
    """Logarithm about the mean; 0, which changes nothing, where it is unknown."""
    with np.errstate(divide="ignore", invalid="ignore"):
        made = np.log(values) - centre
    return np.where(np.isfinite(made), made, 0.0)


def _filled(values: Floats, by: Floats | None = None) -> Floats:
    """Unknown ones by the mean, which leaves them in the middle."""
    known = values if by is None else by
    known = known[np.isfinite(known)]
    mean = float(known.mean()) if len(known) else 1.0
    made = np.where(np.isfinite(values), values, mean)
    return np.maximum(made, _LEAST_MEAN * max(mean, 1.0))
