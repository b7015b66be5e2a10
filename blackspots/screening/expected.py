"""Expected crashes: safety performance functions and Empirical Bayes.

Nomenclature: ``observed`` x [crashes in the period], ``predicted`` mu [crashes in the period]
of like places, ``k`` overdispersion with Var(x) = mu + k mu^2 (NB2), ``weight`` w of the
prediction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

MIN_CRASHES: Final = 30
"""Fewer crashes than this are not fitted: a pooled rate is used."""

MIN_UNITS: Final = 20
"""Fewer units than this are not fitted."""

ASSUMED_DISPERSION: Final = 1.0
"""k where the data cannot tell it (assumption; said in the output)."""

_FLAT: Final = 1e-2  # gradient below which a stopped search has still arrived
_K_BOUNDS: Final = (1e-6, 1e3)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SafetyPerformanceFunction:
    """mu = exposure x exp(X b); ``method`` says how it came about.

    ``negative-binomial``: fitted by maximum likelihood. ``pooled``: one rate for all,
    k by moments. ``pooled-assumed-k``: one rate, k assumed.
    """

    names: tuple[str, ...]
    coefficients: Floats
    k: float
    method: str
    units: int
    crashes: int
    log_likelihood: float

    def predict(self, exposure: ArrayLike, covariates: pd.DataFrame) -> Floats:
        """Crashes in the period; shape of ``exposure``."""
        x = covariates[list(self.names)].to_numpy(dtype="float64")
        return np.asarray(exposure, dtype="float64") * np.exp(x @ self.coefficients)


def fit_spf(
    observed: ArrayLike, exposure: ArrayLike, covariates: pd.DataFrame
) -> SafetyPerformanceFunction:
    """Fit a safety performance function, or pool where there is too little to fit.

    Parameters
    ----------
    observed : shape (units,)
        Crashes in the period.
    exposure : shape (units,)
        Length [m] or 1; enters with exponent 1.
    covariates : shape (units, p)
        One column a coefficient, the intercept (or a full set of classes) among them.

    Returns
    -------
    SafetyPerformanceFunction

    Notes
    -----
    The negative binomial log-likelihood (NB2) is maximised over b and ln k together, with its
    analytic gradient. Pooled: rate = crashes / exposure, k by moments,
    k = sum((x - mu)^2 - x) / sum(mu^2), floored at 0.05.
    """
    x = np.asarray(observed, dtype="float64")
    e = np.asarray(exposure, dtype="float64")
    if x.sum() >= MIN_CRASHES and len(x) >= MIN_UNITS:
        fitted = _fit_negative_binomial(x, e, covariates)
        if fitted is not None:
            return fitted
    return _pooled(x, e, covariates)


def _pooled(x: Floats, e: Floats, covariates: pd.DataFrame) -> SafetyPerformanceFunction:
    """One rate: every column that is a class gets it, every other coefficient is 0."""
    rate = max(x.sum(), 0.5) / e.sum()
    mu = e * rate
    classes = covariates.isin([0, 1]).all().to_numpy()
    coefficients = np.where(classes, np.log(rate), 0.0)
    moment = float(((x - mu) ** 2 - x).sum() / (mu**2).sum())
    known = x.sum() >= 2 and len(x) > 2 and moment > 0  # noqa: PLR2004
    return SafetyPerformanceFunction(
        names=tuple(covariates.columns),
        coefficients=coefficients,
        k=max(moment, 0.05) if known else ASSUMED_DISPERSION,
        method="pooled" if known else "pooled-assumed-k",
        units=len(x),
        crashes=int(x.sum()),
        log_likelihood=float("nan"),
    )


def _fit_negative_binomial(
    x: Floats, e: Floats, covariates: pd.DataFrame
) -> SafetyPerformanceFunction | None:
    design = covariates.to_numpy(dtype="float64")
    centre = np.where(np.ptp(design, axis=0) > 0, design.mean(axis=0), 0.0)
    has_constant = np.any(np.ptp(design, axis=0) == 0)
    shift = centre if has_constant else np.zeros_like(centre)
    z = design - shift
    log_e = np.log(e)
    log_factorial = special.gammaln(x + 1).sum()

    def negative_log_likelihood(theta: Floats) -> tuple[float, Floats]:
        b, k = theta[:-1], np.exp(theta[-1])
        mu = np.exp(np.clip(log_e + z @ b, -50, 50))
        r = 1 / k
        value = (
            special.gammaln(x + r)
            - special.gammaln(r)
            + x * np.log(k * mu)
            - (x + r) * np.log1p(k * mu)
        ).sum() - log_factorial
        d_mu = (x - mu) / (1 + k * mu)
        d_k = (
            (special.digamma(r) - special.digamma(x + r) + np.log1p(k * mu)) / k**2
            + (x - mu) / (k * (1 + k * mu))
        ).sum()
        return -value, -np.r_[z.T @ d_mu, d_k * k]

    start = np.zeros(design.shape[1] + 1)
    start[:-1] = np.linalg.lstsq(z, np.full(len(x), np.log(x.sum() / e.sum())), rcond=None)[0]
    bounds = [(-60.0, 60.0)] * design.shape[1] + [tuple(np.log(_K_BOUNDS))]
    found = optimize.minimize(
        negative_log_likelihood,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-8},
    )
    if not np.isfinite(found.fun) or (not found.success and np.abs(found.jac).max() > _FLAT):
        return None
    b = found.x[:-1].copy()
    constant = np.flatnonzero(np.ptp(design, axis=0) == 0)
    if len(constant):
        b[constant[0]] -= (shift @ b) / design[0, constant[0]]
    return SafetyPerformanceFunction(
        names=tuple(covariates.columns),
        coefficients=b,
        k=float(np.exp(found.x[-1])),
        method="negative-binomial",
        units=len(x),
        crashes=int(x.sum()),
        log_likelihood=-float(found.fun),
    )


def empirical_bayes(observed: ArrayLike, predicted: ArrayLike, k: ArrayLike) -> pd.DataFrame:
    """Empirical Bayes expected crashes and their posterior.

    Parameters
    ----------
    observed, predicted
        Crashes in the same period.
    k
        Overdispersion of the prediction.

    Returns
    -------
    DataFrame
        ``weight`` w = 1 / (1 + k mu); ``expected`` = w mu + (1 - w) x; ``variance`` =
        (1 - w) expected; ``shape`` = 1/k + x and ``rate`` = 1 + 1/(k mu) of the Gamma
        posterior; ``excess`` = expected - mu; ``p_excess`` = P(true mean > mu).

    References
    ----------
    Hauer, Harwood, Council, Griffith (2002), Transportation Research Record 1784.

    Examples
    --------
    >>> made = empirical_bayes([9], [4.0], 0.4)
    >>> round(float(made["expected"].iloc[0]), 3)
    7.077
    """
    x = np.atleast_1d(np.asarray(observed, dtype="float64"))
    mu = np.atleast_1d(np.asarray(predicted, dtype="float64"))
    k = np.broadcast_to(np.asarray(k, dtype="float64"), mu.shape)
    weight = 1 / (1 + k * mu)
    expected = weight * mu + (1 - weight) * x
    shape, rate = 1 / k + x, 1 + 1 / (k * mu)
    return pd.DataFrame(
        {
            "weight": weight,
            "expected": expected,
            "variance": (1 - weight) * expected,
            "shape": shape,
            "rate": rate,
            "excess": expected - mu,
            "p_excess": stats.gamma.sf(mu, shape, scale=1 / rate),
        }
    )


def classes_of(labels: pd.Series, observed: ArrayLike, minimum: int = 5) -> pd.Series:
    """Class of each unit, classes with few crashes made one (``other``).

    A class with hardly any crash has no rate of its own: its coefficient would run off.
    """
    named = labels.fillna("unknown").astype(str)
    totals = pd.Series(np.asarray(observed), index=named.index).groupby(named).sum()
    few = set(totals.index[totals < minimum])
    kept = named.where(~named.isin(few), "other")
    if few and totals[list(few)].sum() < minimum and len(set(kept)) > 1:
        smallest = totals.drop(list(few)).idxmin()
        kept = kept.replace("other", str(smallest))
    return kept


def design(classes: pd.Series, traffic: pd.Series | None = None) -> pd.DataFrame:
    """Covariates: one 0/1 column a class and, when known for every unit, ln(traffic)."""
    columns = {name: (classes == name).astype(float) for name in sorted(classes.unique())}
    made = pd.DataFrame(columns, index=classes.index)
    if traffic is not None and len(traffic) and bool((traffic > 0).all()):
        made["ln(traffic)"] = np.log(traffic.astype(float))
    return made
