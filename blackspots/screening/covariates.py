"""What a safety performance function is fitted with: classes of places, and their traffic."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from blackspots.screening.traffic import traffic_model

TRAFFIC: Final = "ln(traffic)"
"""Name of the column of ln(AADT)."""

Floats = NDArray[np.float64]


class Covariates(NamedTuple):
    """What a function is fitted with, and how sure the traffic is."""

    frame: pd.DataFrame
    """Shape (units, p)."""
    sigma: Floats
    """Standard deviation of ln(AADT) of each unit; 0 where counted or not used."""
    notes: tuple[tuple[str, str], ...]
    """``no-traffic``, ``few-traffic`` (counted units; traffic is not used), ``part-traffic``
    (units without a count, guessed from their class)."""


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
        made[TRAFFIC] = np.log(traffic.astype(float))
    return made


def covariates_of(classes: pd.Series, aadt: pd.Series | None) -> Covariates:
    """Covariates with ln(AADT), guessed from the class where it is not counted.

    Parameters
    ----------
    classes
        Class of each unit, shape (units,).
    aadt
        Annual average daily traffic [vehicles/day], shape (units,); missing or 0 is not known.

    Returns
    -------
    Covariates
        Where fewer than 20 units, or a tenth of them, have traffic, the rest cannot be guessed
        from them, and the classes stand alone.
    """
    made = design(classes)
    none = np.zeros(len(classes))
    if aadt is None or not len(aadt):
        return Covariates(made, none, ())
    model = traffic_model(aadt, classes)
    counted = int(model.known.sum())
    if not model.enough:
        note = "few-traffic" if counted else "no-traffic"
        return Covariates(made, none, ((note, str(counted)),))
    made[TRAFFIC] = model.ln_mean
    missing = len(aadt) - counted
    notes = (("part-traffic", str(missing)),) if missing else ()
    return Covariates(made, model.sd, notes)
