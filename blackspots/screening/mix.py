"""The mix of severities at places, drawn towards that of like places.

One death at a place says little about the next crash there. The share of each severity is
therefore the mean of a Dirichlet posterior, before any cost is applied to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

WORTH: Final = 20.0
"""Crashes that the mix of severities of all is worth beside that of a class, and that of a class
beside a place's own, where the data cannot tell (assumption A)."""

_LEAST_RHO, _MOST_RHO = 0.002, 0.5
"""Correlation of the severities of two crashes of one place: a worth from 1 to about 500."""
SEVERE: Final = ("fatal", "serious")
"""Severities that count as severe."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mix:
    """What is known of severities before a place's own crashes are looked at.

    ``prior``: share of each severity at like places, one row a place; missing where no
    severity is known. ``worth``: number of crashes that it counts for.
    """

    prior: pd.DataFrame
    worth: float

    def at(self, places: pd.Index) -> Mix:
        """The same for some places, or for places again and again."""
        return Mix(self.prior.reindex(places), self.worth)

    def shares(self, counts: pd.DataFrame) -> pd.DataFrame:
        """Share of each severity with the crashes of known severity at each place.

        Parameters
        ----------
        counts
            A column for each severity, one row for each of ``prior``; weighted counts as well.

        Returns
        -------
        DataFrame, index of ``counts``
            (a p + x) / (a + n), a the worth and p the prior; rows sum to 1.
        """
        x = counts[list(self.prior.columns)].to_numpy("float64")
        made = self.worth * self.prior.to_numpy("float64") + x
        made /= self.strength(counts)[:, None]
        return pd.DataFrame(made, index=counts.index, columns=self.prior.columns)

    def strength(self, counts: pd.DataFrame) -> Floats:
        """Crashes that the shares rest on, a + n, shape (places,)."""
        own = counts[list(self.prior.columns)].to_numpy("float64").sum(axis=1)
        return np.asarray(self.worth + own)


def mix_of(counts: pd.DataFrame, classes: pd.Series, overall: pd.Series | None = None) -> Mix:
    """The mix of like places, and what it is worth, from the counts of all.

    Parameters
    ----------
    counts
        Crashes of known severity at each place, a column for each severity.
    classes
        Class of each place, index of ``counts``.
    overall
        Shares towards which classes are drawn; those of all the counts by default.

    Notes
    -----
    Places have shares of a Dirichlet distribution of mean p (their class) and worth
    a = 1 / rho - 1. By moments, rho, the correlation of being fatal or serious between two
    crashes of one place, solves
    sum((s - n p)^2) = sum(n p (1 - p) (1 + (n - 1) rho)); :data:`WORTH` where no place has two
    crashes. The shares of a class are drawn likewise to those of all by :data:`WORTH`.
    """
    levels = list(counts.columns)
    x = counts.to_numpy("float64")
    n = x.sum(axis=1)
    if overall is None:
        overall = pd.Series(x.sum(axis=0) / n.sum() if n.sum() > 0 else np.nan, index=levels)
    whole = overall[levels].to_numpy("float64")
    like = pd.factorize(classes, sort=True)[0]
    sums = np.stack([np.bincount(like, column) for column in x.T], axis=1)
    own = (WORTH * whole + sums) / (WORTH + sums.sum(axis=1, keepdims=True))
    prior = pd.DataFrame(own[like], index=counts.index, columns=levels)
    severe = [levels.index(name) for name in SEVERE if name in levels]
    p, s = own[like][:, severe].sum(axis=1), x[:, severe].sum(axis=1)
    pairs = float((n * (n - 1) * p * (1 - p)).sum())
    if not pairs > 0:
        return Mix(prior, WORTH)
    rho = float(((s - n * p) ** 2 - n * p * (1 - p)).sum()) / pairs
    return Mix(prior, 1 / min(max(rho, _LEAST_RHO), _MOST_RHO) - 1)
