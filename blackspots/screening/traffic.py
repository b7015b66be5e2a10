"""Traffic of places that have no count: what their class tells, and how surely."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

MIN_TRAFFIC: Final = 20
"""Fewer places with traffic than this tell nothing about the others (assumption)."""

MIN_TRAFFIC_SHARE: Final = 0.1
"""Where a smaller share of the places has traffic, it does not speak for the rest (assumption)."""

_PRIOR_PLACES: Final = 5.0
"""Places that the spread of the whole is worth beside that of a class (assumption)."""

Floats = NDArray[np.float64]


class Traffic(NamedTuple):
    """ln(AADT) of each place."""

    ln_mean: Floats
    """ln of the count, or the mean of ln(AADT) of like places; NaN where no place has one."""
    sd: Floats
    """0 where it is counted, else the standard deviation of ln(AADT) of a place like it."""
    known: NDArray[np.bool_]
    """Whether it is counted: a number above 0."""

    @property
    def enough(self) -> bool:
        """Whether the counts speak for the places without one, or all are counted."""
        counted = int(self.known.sum())
        few = counted < MIN_TRAFFIC or counted < MIN_TRAFFIC_SHARE * len(self.known)
        return bool(self.known.all()) or not few


def traffic_model(aadt: ArrayLike, classes: ArrayLike) -> Traffic:
    """What is known of the traffic of every place.

    Parameters
    ----------
    aadt
        Annual average daily traffic [vehicles/day], shape (places,); missing, 0 and less are
        not known.
    classes
        Class of each place, shape (places,).

    Returns
    -------
    Traffic

    Notes
    -----
    ln(AADT) of a class is normal. With m_c and s_c^2 its mean and variance over the n_c places
    counted, sigma^2 the variance within classes, tau^2 that between them (by moments) and m
    the mean of the classes: the mean of the class is shrunk to
    w m_c + (1 - w) m with w = tau^2 / (tau^2 + sigma^2 / n_c), its variance to
    (5 sigma^2 + (n_c - 1) s_c^2) / (4 + n_c); the variance of a place without a count is that
    variance and the one of the shrunk mean, (1 - w) tau^2 (Gelman and Hill 2007, chapter 12;
    M). A class without any count has m and sigma^2 + tau^2.

    Examples
    --------
    >>> made = traffic_model([1000.0, 1000.0, None], ["a", "a", "a"])
    >>> round(float(made.ln_mean[2]), 3), float(made.sd[2])
    (6.908, 0.0)
    """
    values = pd.to_numeric(pd.Series(np.asarray(aadt, dtype="object")), errors="coerce")
    counts = values.to_numpy(dtype="float64", na_value=np.nan)
    known = np.isfinite(counts) & (counts > 0)
    ln = np.full(len(counts), np.nan)
    ln[known] = np.log(counts[known])
    sd = np.where(known, 0.0, np.nan)
    if known.all() or not known.any():
        return Traffic(ln, sd, known)
    code, _ = pd.factorize(np.asarray(classes), use_na_sentinel=False)
    n = np.bincount(code[known], minlength=code.max() + 1).astype("float64")
    some = n > 0
    mean = np.zeros(len(n))
    mean[some] = np.bincount(code[known], ln[known], len(n))[some] / n[some]
    squares = np.bincount(code[known], (ln[known] - mean[code[known]]) ** 2, len(n))
    within_df, groups = n.sum() - some.sum(), int(some.sum())
    within = float(squares.sum() / within_df) if within_df > 0 else float(np.var(ln[known]))
    whole, between = float(np.average(mean[some], weights=n[some])), 0.0
    if groups > 1:
        # The between-class sum of squares has expectation (groups - 1) sigma^2 + c tau^2.
        spread = float((n[some] * (mean[some] - whole) ** 2).sum())
        c = n.sum() - (n**2).sum() / n.sum()
        between = max((spread - (groups - 1) * within) / c, 0.0)
    own = between + np.divide(within, n, out=np.full(len(n), np.inf), where=some)
    weight = np.divide(between, own, out=np.zeros(len(n)), where=own > 0)
    if between > 0:
        sure = n[some] / (between * n[some] + within)
        whole = float(np.average(mean[some], weights=sure)) if sure.sum() > 0 else whole
    variance = (_PRIOR_PLACES * within + squares) / (_PRIOR_PLACES - 1 + np.maximum(n, 1))
    total = variance + (1 - weight) * between
    ln[~known] = (weight * mean + (1 - weight) * whole)[code[~known]]
    sd[~known] = np.sqrt(total)[code[~known]]
    return Traffic(ln, sd, known)
