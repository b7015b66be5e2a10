"""Kinds of crash that are over-represented at a site, beside sites like it."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

LEAST_CRASHES: Final = 2
"""A site with fewer crashes tells nothing about how shares differ."""

Floats = NDArray[np.float64]


def share_of_type(y: ArrayLike, n: ArrayLike) -> tuple[float, float]:
    """Mean and variance over sites of the true share of a kind of crash.

    Parameters
    ----------
    y, n : shape (sites,)
        Crashes of the kind, and all crashes; sites with fewer than 2 crashes are left out.

    Returns
    -------
    mean, variance
        The mean is that of all crashes together. Missing where fewer than 2 sites are left.

    Notes
    -----
    s^2 = (sum (y^2 - y) / (n^2 - n) - (sum y / n)^2 / N) / (N - 1): the first term holds no
    chance of the count, so that s^2 is of the shares alone (HSM chapter 4; M). It is 0 where
    the counts differ by no more than chance.
    """
    y, n = np.asarray(y, dtype="float64"), np.asarray(n, dtype="float64")
    some = n >= LEAST_CRASHES
    y, n = y[some], n[some]
    if len(n) < 2:  # noqa: PLR2004 - a variance needs two
        return float("nan"), float("nan")
    square = ((y**2 - y) / (n**2 - n)).sum()
    variance = (square - (y / n).sum() ** 2 / len(n)) / (len(n) - 1)
    return float(y.sum() / n.sum()), max(float(variance), 0.0)


def overrepresented(
    y: ArrayLike,
    n: ArrayLike,
    *,
    threshold: float | None = None,
    mean: float | None = None,
    variance: float | None = None,
    prior: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """How surely a kind of crash has more than its share at each site.

    Parameters
    ----------
    y, n : shape (sites,)
        Crashes of the kind, and all crashes.
    threshold
        The share p* to exceed; the mean by default.
    mean, variance
        Of the share over like sites; from these sites by default (:func:`share_of_type`).
    prior
        alpha and beta of the shares of like sites, in place of ``mean`` and ``variance``.

    Returns
    -------
    DataFrame, one row a site
        ``share`` y / n, ``expected_share`` (alpha + y) / (alpha + beta + n), ``probability``
        P(p > p*), and ``q``, the false discovery rate of the sites at least as sure
        (:func:`benjamini_hochberg` of 1 - ``probability``). All but ``share`` are missing where
        like sites do not differ, or fewer than 2 of them have 2 crashes: then there is no
        distribution to judge by.

    Raises
    ------
    ValueError
        More crashes of the kind than crashes, or counts below 0.

    Notes
    -----
    alpha = (p^2 - p^3 - s^2 p) / s^2, beta = alpha / p - alpha;
    P(p > p*) = 1 - I_{p*}(alpha + y, beta + n - y) (HSM chapter 4; M).

    Examples
    --------
    >>> made = overrepresented([2, 2], [10, 4], threshold=0.22, prior=(0.80, 2.84))
    >>> made["probability"].round(3).tolist()
    [0.396, 0.794]
    """
    y, n = np.asarray(y, dtype="float64"), np.asarray(n, dtype="float64")
    if (y < 0).any() or (y > n).any():
        raise ValueError("crashes of a kind must be between 0 and all crashes")
    if prior is None:
        found = share_of_type(y, n) if mean is None or variance is None else (mean, variance)
        p = found[0] if mean is None else mean
        s2 = found[1] if variance is None else variance
        alpha, beta = _shape(p, s2)
    else:
        alpha, beta = prior
        p = alpha / (alpha + beta)
    limit = p if threshold is None else threshold
    share = np.divide(y, n, out=np.full(len(n), np.nan), where=n > 0)
    probability = special.betaincc(alpha + y, beta + n - y, limit)
    return pd.DataFrame(
        {
            "share": share,
            "expected_share": (alpha + y) / (alpha + beta + n),
            "probability": probability,
            "q": benjamini_hochberg(1 - probability),
        }
    )


def _shape(p: float, s2: float) -> tuple[float, float]:
    """Both shapes of a Beta distribution; missing where it is none."""
    if not 0 < p < 1 or not 0 < s2 < p * (1 - p):
        return float("nan"), float("nan")
    alpha = (p**2 - p**3 - s2 * p) / s2
    return alpha, alpha / p - alpha


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """False discovery rates: the least rate at which each test would still be called.

    Parameters
    ----------
    p : shape (tests,)
        Chances under no effect; missing ones stay missing and are no test.

    Notes
    -----
    q_(i) = min over j >= i of p_(j) m / j, p sorted upwards (Benjamini and Hochberg 1995,
    Journal of the Royal Statistical Society B 57; M).

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5]).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    p = np.asarray(p, dtype="float64")
    made = np.full(p.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    made[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return made
