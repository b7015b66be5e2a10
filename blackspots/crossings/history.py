"""A crossing's own accidents, and how they weigh against what a model says.

Nomenclature: ``a`` accidents a year by the model, ``N`` accidents counted in ``T`` years. The
accidents a year of one crossing are Gamma distributed with mean a about the model: with a
``floor`` its rate is T0 = 1 / (floor + a) years (US DOT), else 1 / (k a), where k is the
overdispersion of Var(N) = mu + k mu^2.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

LEAST: Final = 1e-12
"""Accidents a year that stand for none, so that a Gamma distribution has a shape."""

YEAR: Final = 365.25


def prior(a: ArrayLike, *, floor: float | None = None, k: float = 1.0) -> tuple[Floats, Floats]:
    """Shape and rate [years] of accidents a year about the model's ``a``, of its shape."""
    mean = np.maximum(np.asarray(a, dtype="float64"), LEAST)
    rate = 1 / (floor + mean) if floor is not None else 1 / (max(k, 1e-6) * mean)
    return mean * rate, rate


def posterior(
    a: ArrayLike, counted: ArrayLike, years: ArrayLike, *, floor: float | None = None, k: float = 1
) -> Floats:
    """Accidents a year with the history.

    Parameters
    ----------
    a : shape (crossings,)
        Accidents a year by the model.
    counted, years : shape (crossings,)
        Accidents N in T years; where either is unknown, or T is 0, the model stands alone.
    floor, k
        As in :func:`prior`; a floor goes before k.

    Returns
    -------
    shape (crossings,), between a and N / T

    Notes
    -----
    B = T0 / (T0 + T) a + T / (T0 + T) N / T, with T0 = 1 / (0.05 + a) in the US DOT formula (V);
    with T0 = 1 / (k a) it is Empirical Bayes (Hauer 1997).

    Examples
    --------
    The table of the Grade Crossing Handbook: a = 0.01, one year, none to five accidents.

    >>> posterior([0.01] * 6, [0, 1, 2, 3, 4, 5], 1, floor=0.05).round(3).tolist()
    [0.009, 0.066, 0.123, 0.179, 0.236, 0.292]
    """
    shape, rate = prior(a, floor=floor, k=k)
    n, t = known(counted, years)
    return np.asarray(np.where(np.isnan(a), np.nan, (shape + n) / (rate + t)))


def known(counted: ArrayLike, years: ArrayLike) -> tuple[Floats, Floats]:
    """N and T, both 0 where the history is unknown."""
    n, t = np.broadcast_arrays(
        np.asarray(counted, dtype="float64"), np.asarray(years, dtype="float64")
    )
    here = np.isfinite(n) & (t > 0)
    return np.where(here, n, 0.0), np.where(here, t, 0.0)


def log_chance(n: Floats, t: Floats, shape: Floats, rate: Floats) -> Floats:
    """Logarithm of the chance of N accidents in T years, without the terms of N and T alone."""
    lost = -shape * np.log1p(t / rate) - n * np.log(rate + t)
    return np.asarray(lost + special.gammaln(shape + n) - special.gammaln(shape))


def count_history(
    accidents: pd.DataFrame,
    crossings: pd.Index,
    *,
    start: pd.Timestamp,
    end: pd.Timestamp,
    upgraded: pd.Series | None = None,
) -> pd.DataFrame:
    """Accidents and years of each crossing that speak of its present protection.

    Parameters
    ----------
    accidents
        Columns ``crossing_id`` and ``date``: accidents with a train.
    crossings
        Ids of the crossings.
    start, end
        First and last day of the period.
    upgraded
        Day of the last upgrade by crossing id; unknown for none. Accidents up to and on that day
        do not count: after an upgrade only the later history is the crossing's own.

    Returns
    -------
    DataFrame indexed by ``crossings``
        ``crashes``, ``years`` [years], ``before``: accidents left out because of the upgrade, and
        ``undated``: because their day is not known at a crossing that was upgraded.

    Raises
    ------
    ValueError
        The period ends before it starts.
    """
    if end < start:
        raise ValueError("the period ends before it starts")
    began = pd.Series(start, index=crossings)
    if upgraded is not None:
        after = pd.to_datetime(upgraded).reindex(crossings) + pd.Timedelta(days=1)
        began = began.where(~(after > start), after)
    here = accidents[accidents["crossing_id"].isin(crossings)]
    day = pd.to_datetime(here["date"]).dt.normalize()
    first = here["crossing_id"].map(began)
    moved = first > start
    undated = day.isna() & moved
    before = ~undated & moved & (day < first)
    within = ~undated & ~before & ~(day < start) & ~(day > end)
    # An accident without a day belongs to the period unless an upgrade cuts it in two.
    counts = {
        name: here.loc[chosen, "crossing_id"].value_counts().reindex(crossings, fill_value=0)
        for name, chosen in (("crashes", within), ("before", before), ("undated", undated))
    }
    days = ((end - began).dt.days + 1).clip(lower=0)
    return pd.DataFrame(counts | {"years": days / YEAR}, index=crossings)[
        ["crashes", "years", "before", "undated"]
    ]
