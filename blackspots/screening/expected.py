"""Empirical Bayes: what a place is expected to have, from its own count and from like places.

Nomenclature: ``observed`` x and ``predicted`` mu [crashes in the period], ``k`` overdispersion
of the prediction with Var(x) = mu + k mu^2 (NB2), ``weight`` w of the prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

K_LEAST: Final = 1e-9
"""k taken for 0 where a Gamma needs a shape; the answers are then those of the limit."""

LEVELS_OF_SERVICE: Final = ("I", "II", "III", "IV")
"""Level of service of safety, the best first."""

SERVICE_LIMITS: Final = (0.2, 0.5, 0.8)
"""Percentiles between the levels of service of safety (M)."""

Floats = NDArray[np.float64]


def empirical_bayes(observed: ArrayLike, predicted: ArrayLike, k: ArrayLike) -> pd.DataFrame:
    """Empirical Bayes expected crashes and their posterior.

    Parameters
    ----------
    observed, predicted
        Crashes in the same period, shape (places,); or year by year, shape (places, years),
        where a year without either figure counts in neither. A count need not be whole: a
        crash whose place is uncertain counts for each place by its probability.
    k
        Overdispersion of the prediction, one for all or shape (places,).

    Returns
    -------
    DataFrame
        ``weight`` w = 1 / (1 + k mu); ``expected`` = w mu + (1 - w) x; ``variance`` =
        (1 - w) expected; ``shape`` = 1/k + x and ``rate`` = 1 + 1/(k mu) of the Gamma
        posterior; ``excess`` = expected - mu; ``p_excess`` = P(true mean > mu). All are of the
        whole period (:func:`of_each_year` shares them out). Missing where an input is.

    Raises
    ------
    ValueError
        k, a count or a prediction below 0.

    Notes
    -----
    A place keeps its own safety through the years, so that x and mu are summed over them and
    one weight holds. With k = 0 all like places are the same: w = 1 and the variance is 0.

    References
    ----------
    Hauer, Harwood, Council, Griffith (2002), Transportation Research Record 1784.

    Examples
    --------
    >>> made = empirical_bayes([9], [4.0], 0.4)
    >>> round(float(made["expected"].iloc[0]), 3)
    7.077

    Three years, the prediction of a year being 4.336:

    >>> made = empirical_bayes([[12, 7, 8]], [[4.336, 4.336, 4.336]], 0.271)
    >>> round(float(made["weight"].iloc[0]), 3), round(float(made["expected"].iloc[0] / 3), 2)
    (0.221, 7.97)
    """
    x = np.atleast_1d(np.asarray(observed, dtype="float64"))
    mu = np.atleast_1d(np.asarray(predicted, dtype="float64"))
    if mu.ndim == 2:  # noqa: PLR2004 - places and years
        x, mu = _totals(x, mu)
    own = np.broadcast_to(np.asarray(k, dtype="float64"), mu.shape)
    for name, values in (("a count", x), ("a prediction", mu), ("k", own)):
        if (values < 0).any():
            raise ValueError(f"{name} cannot be below 0")
    weight = 1 / (1 + own * mu)
    expected = weight * mu + (1 - weight) * x
    spread: Floats = np.maximum(own, K_LEAST)
    with np.errstate(divide="ignore"):
        shape: Floats = np.where(np.isnan(mu), np.nan, 1 / spread + x)
        rate: Floats = 1 + 1 / (spread * mu)
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


def _totals(x: Floats, mu: Floats) -> tuple[Floats, Floats]:
    """Sums over the years that have both figures; missing where none has."""
    x, mu = np.broadcast_arrays(x, mu)
    both = np.isfinite(x) & np.isfinite(mu)
    none = ~both.any(axis=1)
    return tuple(
        np.where(none, np.nan, np.where(both, values, 0.0).sum(axis=1)) for values in (x, mu)
    )  # type: ignore[return-value]


def of_each_year(total: ArrayLike, predicted: ArrayLike) -> Floats:
    """Expected crashes of each year, shape (places, years).

    Parameters
    ----------
    total
        Expected crashes of the years that :func:`empirical_bayes` summed, shape (places,).
    predicted
        Predicted crashes year by year, shape (places, years), missing for a year that was left
        out there.

    Notes
    -----
    A place that has e times the crashes of like places in all has so every year:
    expected_y = mu_y expected / sum(mu).
    """
    mu = np.asarray(predicted, dtype="float64")
    sums = np.nansum(mu, axis=1, keepdims=True)
    ratio = np.divide(
        np.asarray(total, dtype="float64")[:, None],
        sums,
        out=np.full_like(sums, np.nan),
        where=sums > 0,
    )
    return np.asarray(mu * ratio)


def by_severity(
    observed: pd.DataFrame, predicted: ArrayLike, shares: pd.Series, k: ArrayLike
) -> pd.DataFrame:
    """Empirical Bayes for each severity, adding up to the estimate for all crashes.

    Parameters
    ----------
    observed : shape (places, columns)
        ``crashes`` and a column for each severity of ``shares`` (totals of the period).
    predicted : shape (places,)
        Crashes of the period, all severities together.
    shares
        Share of each severity among like places; missing where not known.
    k
        Overdispersion, one for all or shape (places,).

    Returns
    -------
    DataFrame, index of ``observed``, one column a severity
        Expected crashes of the period; missing where the shares are.

    Notes
    -----
    Each severity has its own Empirical Bayes estimate with the same k,
    N_s = w_s mu_s + (1 - w_s) x_s, so that one death does not stand for many; they are then
    scaled to add up to the estimate for all crashes, which also spreads crashes of unknown
    severity.
    """
    levels = list(shares.index)
    if shares.isna().any():
        return pd.DataFrame(np.nan, index=observed.index, columns=levels)
    mu = np.asarray(predicted, dtype="float64")
    own = np.broadcast_to(np.asarray(k, dtype="float64"), mu.shape)
    mix = shares.to_numpy(dtype="float64")
    means = np.multiply.outer(mu, mix)
    weight = 1 / (1 + own[:, None] * means)
    counts = observed[levels].to_numpy(dtype="float64")
    each = np.where(means > 0, weight * means + (1 - weight) * counts, 0.0)
    all_weight = 1 / (1 + own * mu)
    total = all_weight * mu + (1 - all_weight) * observed["crashes"].to_numpy(dtype="float64")
    sums = each.sum(axis=1)
    scale = np.divide(total, sums, out=np.full(len(mu), np.nan), where=sums > 0)
    return pd.DataFrame(each * scale[:, None], index=observed.index, columns=levels)


def level_of_service(value: ArrayLike, predicted: ArrayLike, k: ArrayLike) -> NDArray[np.object_]:
    """Level of service of safety, ``I`` (safe) to ``IV``; None where it cannot be told.

    Parameters
    ----------
    value, predicted : shape (places,)
        Observed or Empirical Bayes crashes, and those of like places, in the same period.
    k
        Overdispersion, one for all or shape (places,).

    Notes
    -----
    The means of like places follow Gamma(1/k, scale k mu). I lies below its 20 % point, II
    below the median, III below the 80 % point, IV above (HSM chapter 4; M).

    Examples
    --------
    >>> level_of_service([0.1, 2.0, 5.0, 12.0], [4.0] * 4, 0.4).tolist()
    ['I', 'II', 'III', 'IV']
    """
    x, mu = np.asarray(value, dtype="float64"), np.asarray(predicted, dtype="float64")
    own = np.broadcast_to(np.maximum(np.asarray(k, dtype="float64"), K_LEAST), mu.shape)
    points = np.array([stats.gamma.ppf(p, 1 / own, scale=own * mu) for p in SERVICE_LIMITS])
    made = np.array(LEVELS_OF_SERVICE, dtype="object")[(x >= points).sum(axis=0)]
    made[~np.isfinite(x) | ~np.isfinite(points).all(axis=0)] = None
    return np.asarray(made, dtype="object")


def epdo(counts: pd.DataFrame, costs: Mapping[str, float] | pd.Series) -> pd.Series:
    """Equivalent property-damage-only crashes of each place.

    Parameters
    ----------
    counts : shape (places, severities)
        Crashes by severity, observed or (steadier, for one death weighs much) expected
        (:func:`by_severity`).
    costs
        Cost of a crash by severity, ``pdo`` among them.

    Raises
    ------
    ValueError
        A severity without a cost, or no cost above 0 for ``pdo``.

    Notes
    -----
    sum over s of n_s cost_s / cost_pdo: the weights follow from the cost table.

    Examples
    --------
    >>> counts = pd.DataFrame({"fatal": [1, 0], "injury": [2, 3], "pdo": [4, 5]})
    >>> epdo(counts, {"fatal": 542.0, "injury": 11.0, "pdo": 1.0}).tolist()
    [568.0, 38.0]
    """
    price = pd.Series(dict(costs), dtype="float64").reindex(["pdo", *counts.columns])
    if price.isna().any() or not price.iloc[0] > 0:
        lacking = ", ".join(dict.fromkeys(price.index[price.isna()])) or "pdo"
        raise ValueError(f"a cost is wanted for {lacking}")
    weights = (price.iloc[1:] / price.iloc[0]).to_numpy()
    return pd.Series(counts.to_numpy(dtype="float64") @ weights, index=counts.index, name="epdo")
