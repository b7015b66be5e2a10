"""Ways of ranking units of road, each a score per length.

Every score is a density: what is bought is road, and the same length of it for each way. A score
that cannot be had (no traffic known, no severity recorded) is NaN for every unit.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blackspots.screening.covariates import classes_of, covariates_of
from blackspots.screening.expected import by_severity, empirical_bayes
from blackspots.screening.mix import SEVERE, mix_of
from blackspots.screening.model import KNOWN
from blackspots.screening.spf import fit_spf
from blackspots.screening.units import Units

TARGETS: Final = ("crashes", "severe", "deaths")
"""What is to be caught: crashes, those of them with a killed or seriously injured person, and
persons killed."""

RANDOM: Final = "random"
ORACLE: Final = "oracle"
METHODS: Final = (
    "count",
    "rate",
    "severe",
    "epdo",
    "kde",
    "kde_plus",
    "eb",
    "eb_excess",
    "eb_severe",
    "eb_cost",
    "eb_mix",
    RANDOM,
)

BANDWIDTH: Final = 250.0
"""Bandwidth [m] of the kernel along a route (assumption A): half a window of 500 m."""
PEAK_BANDWIDTH: Final = 100.0
"""Bandwidth [m] of KDE+ (assumption A)."""

MIN_KNOWN: Final = 20
"""Fewer crashes of known severity than this take the severities of all units."""

_METRES_A_KM: Final = 1000.0
_LEAST: Final = 1e-12

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def tally(units: Units, crashes: pd.DataFrame) -> pd.DataFrame:
    """Crashes and persons of each unit.

    Parameters
    ----------
    crashes
        ``severity``, and ``deaths`` [persons] where it is known; rows of those that the units
        were made with.

    Returns
    -------
    DataFrame, index of ``units.table``
        :data:`TARGETS` and a column for each of :data:`KNOWN`. ``severe`` and ``deaths`` are
        NaN throughout where no crash has the figure.
    """
    unit = units.of_crash.reindex(crashes.index).to_numpy()
    here, size = unit >= 0, len(units.table)

    def total(values: NDArray[Any]) -> Floats:
        made = np.bincount(unit[here], values[here].astype("float64"), minlength=size)
        return made.astype("float64")

    severity = crashes["severity"].to_numpy()
    made = pd.DataFrame({"crashes": total(np.ones(len(crashes)))}, index=units.table.index)
    graded = np.isin(severity, KNOWN).any()
    made["severe"] = total(np.isin(severity, SEVERE)) if graded else np.nan
    made["deaths"] = np.nan
    if "deaths" in crashes:
        deaths = crashes["deaths"].to_numpy("float64", na_value=np.nan)
        if np.isfinite(deaths).any():
            made["deaths"] = total(np.nan_to_num(deaths))
    for level in KNOWN:
        made[level] = total(severity == level)
    return made


def scores(
    units: Units,
    crashes: pd.DataFrame,
    *,
    costs: pd.Series | None = None,
    bandwidth: float = BANDWIDTH,
    peak_bandwidth: float = PEAK_BANDWIDTH,
    simulations: int = 200,
    seed: int = 0,
    methods: Collection[str] = METHODS,
) -> pd.DataFrame:
    """Score each unit by each way of ranking, from the crashes of the first years.

    Parameters
    ----------
    units
        From :func:`blackspots.screening.units.units_of`.
    crashes
        Crashes to rank by: ``severity``.
    costs
        Cost of a crash by severity of :data:`KNOWN`; without it ``epdo`` and ``eb_cost`` are
        NaN.
    bandwidth, peak_bandwidth
        Of ``kde`` and ``kde_plus`` [m].
    simulations, seed
        Of ``kde_plus``.
    methods
        Those wanted, of :data:`METHODS`.

    Returns
    -------
    DataFrame, index of ``units.table``, one column a method
        Score per km. ``count``: crashes. ``rate``: crashes per vehicle; where traffic is not
        counted, the mean of the units of its kind and class, else of its kind (assumption A).
        ``severe``: crashes with a killed or seriously injured person. ``epdo``: crashes weighted
        by cost. ``kde``: quartic kernel density along the route, mean over the unit; what would
        lie beyond the route's end is put back on it. ``kde_plus``: strength of the clusters of
        KDE+ by the share of the unit that they cover. ``eb``: Empirical Bayes expected crashes;
        ``eb_excess``: less those predicted (PSI); ``eb_severe`` and ``eb_cost``: Empirical Bayes
        by severity, severe ones only or all weighted by cost; ``eb_mix``: Empirical Bayes
        expected crashes times the cost of a crash by the unit's mix of severities, drawn
        towards that of its class (:func:`blackspots.screening.mix.mix_of`). ``random``: the
        same for all.

    Raises
    ------
    ValueError
        A method that is not known.
    """
    unknown = set(methods) - set(METHODS)
    if unknown:
        raise ValueError(f"methods not known: {sorted(unknown)}")
    table = units.table
    km = (table["length"] / _METRES_A_KM).to_numpy()
    counts = tally(units, crashes)
    wanted = [name for name in METHODS if name in set(methods)]
    made = pd.DataFrame(np.nan, index=table.index, columns=wanted)
    weights = None if costs is None else costs.reindex(list(KNOWN)).to_numpy("float64")
    graded = bool(counts["severe"].notna().all()) and len(counts) > 0
    value: dict[str, Any] = {"count": counts["crashes"].to_numpy(), RANDOM: np.ones(len(km))}
    value["rate"] = counts["crashes"].to_numpy() / traffic_of(table).to_numpy()
    value["severe"] = counts["severe"].to_numpy()
    if weights is not None and graded:
        value["epdo"] = counts[list(KNOWN)].to_numpy() @ weights
    if "kde" in wanted:
        value["kde"] = _kernel(units, crashes, bandwidth)
    if "kde_plus" in wanted:
        value["kde_plus"] = _clusters(units, crashes, peak_bandwidth, simulations, seed)
    if any(name.startswith("eb") for name in wanted):
        found = _expected(table, counts)
        value["eb"] = found["expected"].to_numpy()
        value["eb_excess"] = (found["expected"] - found["predicted"]).to_numpy()
        if graded:
            by_level = found[list(KNOWN)].to_numpy()
            value["eb_severe"] = found[list(SEVERE)].sum(axis=1).to_numpy()
            if weights is not None:
                value["eb_cost"] = by_level @ weights
                value["eb_mix"] = value["eb"] * (mixes(table, counts).to_numpy() @ weights)
    for name in wanted:
        if name in value:
            made[name] = value[name] if name == RANDOM else value[name] / km
    return made


def traffic_of(table: pd.DataFrame) -> pd.Series:
    """AADT of each unit; where it is not counted, the mean of like units by length.

    NaN throughout where it is counted nowhere.
    """
    known = table["aadt"].notna()
    driven = (table["aadt"] * table["length"]).where(known, 0.0)
    counted = table["length"].where(known, 0.0)
    made = table["aadt"].copy()
    for keys in (["kind", "class"], ["kind"], []):
        by = [table[key] for key in keys] or [pd.Series(0, index=table.index)]
        mean = driven.groupby(by).transform("sum") / counted.groupby(by).transform("sum")
        made = made.fillna(mean.replace([np.inf, -np.inf], np.nan))
    return made


def mixes(table: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Share of each severity at each unit, drawn towards that of like units.

    Parameters
    ----------
    table
        ``kind`` and ``class`` of each unit.
    counts
        A column for each of :data:`KNOWN`.

    Returns
    -------
    DataFrame, index of ``table``, one column a severity
        Rows sum to 1; NaN where no severity is known at all.
    """
    own = counts[list(KNOWN)]
    if not own.to_numpy("float64").sum() > 0:
        return pd.DataFrame(np.nan, index=table.index, columns=list(KNOWN))
    classes = table.groupby(["kind", "class"]).ngroup()
    return mix_of(own, classes).shares(own)


def _expected(table: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """``predicted`` and ``expected`` crashes of each unit, and expected ones of each level.

    One safety performance function for sections and one for junctions; severities as
    :func:`blackspots.screening.expected.by_severity`, their shares those of the kind of unit,
    or of all where few are known.
    """
    names = ["predicted", "expected", *KNOWN]
    made = pd.DataFrame(np.nan, index=table.index, columns=names)
    overall = counts[list(KNOWN)].sum()
    for kind, like in table.groupby("kind"):
        here = counts.loc[like.index]
        observed = here["crashes"].to_numpy()
        exposure = np.ones(len(like)) if kind == "junction" else like["length"].to_numpy()
        mu, k = _predicted(like, observed, exposure)
        own = here[list(KNOWN)].sum()
        shares = own if own.sum() >= MIN_KNOWN else overall
        mix = shares / shares.sum() if shares.sum() > 0 else shares * np.nan
        made.loc[like.index, "predicted"] = mu
        made.loc[like.index, "expected"] = empirical_bayes(observed, mu, k)["expected"].to_numpy()
        made.loc[like.index, list(KNOWN)] = by_severity(here, mu, mix, k)
    return made


def _predicted(like: pd.DataFrame, observed: Floats, exposure: Floats) -> tuple[Floats, Floats]:
    """Predicted crashes of like units, and the overdispersion of each."""
    covariates = covariates_of(classes_of(like["class"], observed), like["aadt"])
    spf = fit_spf(observed, exposure, covariates.frame, sigma=covariates.sigma, interval=False)
    mu = spf.predict(exposure, covariates.frame, sigma=covariates.sigma)
    return np.maximum(mu, _LEAST), spf.k_of(len(like), sigma=covariates.sigma)


def _kernel(units: Units, crashes: pd.DataFrame, h: float) -> Floats:
    """Crashes of each unit, each spread along its route by a quartic kernel."""
    at = units.at.reindex(crashes.index).to_numpy()
    at = at[np.isfinite(at)]
    pieces = units.pieces
    size = len(units.table)
    if not len(at) or not len(pieces):
        return np.zeros(size)
    low = pieces["start"].to_numpy()
    high = low + (pieces["to"] - pieces["from"]).to_numpy()
    route = pieces["route"].to_numpy()
    own = route[np.clip(np.searchsorted(low, at, side="right") - 1, 0, None)]
    first = np.maximum(np.searchsorted(high, at - h, side="right"), np.searchsorted(route, own))
    last = np.minimum(np.searchsorted(low, at + h), np.searchsorted(route, own, side="right"))
    count = np.maximum(last - first, 0)
    crash = np.repeat(np.arange(len(at)), count)
    piece = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[crash]
    mass = _quartic((high[piece] - at[crash]) / h) - _quartic((low[piece] - at[crash]) / h)
    inside = np.bincount(crash, mass, minlength=len(at))
    # A crash beside a route's end has part of its kernel beyond it.
    mass = mass / inside[crash]
    return np.bincount(pieces["unit"].to_numpy()[piece], mass, minlength=size).astype("float64")


def _quartic(u: Floats) -> Floats:
    """The integral of 15/16 (1 - u^2)^2 from -1."""
    u = np.clip(u, -1, 1)
    return np.asarray(0.5 + 15 / 16 * (u - 2 * u**3 / 3 + u**5 / 5))


def _clusters(
    units: Units, crashes: pd.DataFrame, bandwidth: float, simulations: int, seed: int
) -> Floats:
    """Strength of the KDE+ clusters, by the length [km] of the unit that they cover."""
    from blackspots.screening.kdeplus import kde_plus  # noqa: PLC0415 - used here only

    at = units.at.reindex(crashes.index).to_numpy()
    at = at[np.isfinite(at)]
    pieces, size = units.pieces, len(units.table)
    if not len(at) or not len(pieces):
        return np.zeros(size)
    low = pieces["start"].to_numpy()
    long = (pieces["to"] - pieces["from"]).to_numpy()
    route = pieces["route"].to_numpy()
    begin = low[np.unique(route, return_index=True)[1]]
    numbers = np.unique(route)
    track = np.clip(np.searchsorted(begin, at, side="right") - 1, 0, None)
    lengths = np.bincount(route, long)[numbers]
    found = kde_plus(
        track,
        np.minimum(at - begin[track], lengths[track]),
        lengths,
        bandwidth=bandwidth,
        simulations=simulations,
        seed=seed,
    ).clusters
    start = begin[found["track"].to_numpy()]
    order = np.argsort(start + found["from"].to_numpy(), kind="stable")
    left = (start + found["from"].to_numpy())[order]
    right = np.maximum((start + found["to"].to_numpy())[order], left)
    gain = np.stack([np.zeros(len(left)), (right - left) * found["strength"].to_numpy()[order]], 1)
    place = np.maximum.accumulate(np.stack([left, right], axis=1).ravel())
    if not len(place):
        return np.zeros(size)
    level = np.cumsum(gain.ravel())
    covered = np.interp(low + long, place, level) - np.interp(low, place, level)
    return np.bincount(pieces["unit"].to_numpy(), covered, minlength=size) / _METRES_A_KM
