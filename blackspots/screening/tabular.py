"""Screening of a plain table of sites: no network and no study are needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from blackspots.presets.spfs import PublishedFunction, calibrate, published_function
from blackspots.screening.covariates import classes_of, covariates_of
from blackspots.screening.expected import empirical_bayes, epdo, level_of_service
from blackspots.screening.mix import mix_of
from blackspots.screening.spf import Dispersion, LengthAs, SafetyPerformanceFunction, fit_spf

INTERVAL: Final = (0.05, 0.95)
"""Points of the posterior that are given beside its mean."""

Floats = NDArray[np.float64]


Function = SafetyPerformanceFunction | PublishedFunction


class TableScreened(NamedTuple):
    """A table of sites, and the function their expected crashes rest on."""

    table: pd.DataFrame
    """As :func:`screen_table` gives it."""
    function: Function | None
    """Fitted or published; None for a table without rows."""


class _Predicted(NamedTuple):
    mu: Floats
    k: Floats
    sigma: Floats
    method: str
    notes: tuple[tuple[str, str], ...]
    function: Function | None


def screen_table(
    table: pd.DataFrame,
    *,
    observed: str,
    length: str | None = None,
    traffic: str | Mapping[str, str] | None = None,
    classes: str | None = None,
    years: float | str = 1.0,
    costs: Mapping[str, float] | None = None,
    spf: PublishedFunction | str | None = None,
    calibrated: bool = True,
    length_as: LengthAs = "offset",
    dispersion: Dispersion = "constant",
) -> pd.DataFrame:
    """Expected crashes of every site of a table, beside those of sites like it.

    Parameters
    ----------
    table : shape (sites, columns)
        One row a site.
    observed
        Column of the crashes in the period.
    length
        Column of the length [km]; without it a site is a unit (a junction).
    traffic
        Column of the AADT [vehicles/day], which may be missing for some sites; for a published
        function with several figures, the column of each by its name (``aadt_major`` ...).
    classes
        Column of the kind of site; sites of one kind are alike.
    years
        Length of the period, for all sites, or the column that has it.
    costs
        Cost of a crash by severity, ``pdo`` among them; each severity is also the column of its
        crashes.
    spf
        A published function (or its id) in place of one fitted to the table.
    calibrated
        Whether a published function is brought to the table's own number of crashes.
    length_as, dispersion
        Of the fitted function (:func:`blackspots.screening.spf.fit_spf`).

    Returns
    -------
    DataFrame, index of ``table``
        ``predicted`` crashes of like sites, ``expected`` (Empirical Bayes), ``expected_low`` and
        ``expected_high`` (5 and 95 % points), ``excess`` (potential for safety improvement, PSI)
        [1/year]; ``weight`` of the prediction; ``k``; ``sigma`` (standard deviation of ln mu from
        traffic that is not known); ``service`` (level of service of safety of the expected
        crashes, ``I`` to ``IV``); ``p_excess`` = P(true mean > predicted); ``method`` of the
        prediction. With ``costs``: ``expected_<severity>`` [1/year], ``cost`` [a year, in the
        unit of the costs] and ``epdo`` [1/year]. What cannot be told is missing.
        ``attrs["notes"]`` are the notes of the function: pairs of a code and what it is about.

    Raises
    ------
    KeyError
        A column that is named is not in the table.
    ValueError
        A count below 0, or a figure that the published function needs is not named.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {
    ...         "crashes": [0, 1, 9, 2, 0, 3, 1, 0, 2, 1] * 3,
    ...         "km": [1.0, 2.0, 2.0, 1.5, 0.5, 2.0, 1.0, 1.0, 2.0, 1.0] * 3,
    ...     }
    ... )
    >>> made = screen_table(table, observed="crashes", length="km", years=3)
    >>> made.loc[2, ["predicted", "expected", "excess"]].astype(float).round(2).tolist()
    [0.84, 1.96, 1.13]
    >>> made.loc[2, "service"], made.loc[2, "method"]
    ('IV', 'negative-binomial')
    """
    return screen_with_function(
        table,
        observed=observed,
        length=length,
        traffic=traffic,
        classes=classes,
        years=years,
        costs=costs,
        spf=spf,
        calibrated=calibrated,
        length_as=length_as,
        dispersion=dispersion,
    ).table


def screen_with_function(
    table: pd.DataFrame,
    *,
    observed: str,
    length: str | None = None,
    traffic: str | Mapping[str, str] | None = None,
    classes: str | None = None,
    years: float | str = 1.0,
    costs: Mapping[str, float] | None = None,
    spf: PublishedFunction | str | None = None,
    calibrated: bool = True,
    length_as: LengthAs = "offset",
    dispersion: Dispersion = "constant",
) -> TableScreened:
    """What :func:`screen_table` gives, with the function: the parameters are the same."""
    x = _figures(table, observed)
    label = table[classes] if classes else pd.Series("site", index=table.index)
    period = _figures(table, years) if isinstance(years, str) else np.full(len(table), years)
    long = None if length is None else _figures(table, length)
    if not len(table):
        none = np.zeros(0)
        made = _Predicted(none, none, none, "pooled-assumed-k", (), None)
    elif spf is not None:
        function = published_function(spf) if isinstance(spf, str) else spf
        made = _published(table, function, x, period, long, traffic, calibrated=calibrated)
    else:
        if traffic is not None and not isinstance(traffic, str):
            raise ValueError("a fitted function has one column of traffic")
        aadt = table[traffic] if traffic else None
        made = _fitted(label, aadt, x, period, long, length_as, dispersion)
    frame = _judged(table.index, x, period, made)
    if costs is not None:
        frame = frame.join(_priced(table, label, frame["expected"], costs))
    frame.attrs["notes"] = made.notes
    return TableScreened(frame, made.function)


def _figures(table: pd.DataFrame, name: str) -> Floats:
    return pd.to_numeric(table[name], errors="coerce").to_numpy(dtype="float64", na_value=np.nan)


def _fitted(
    label: pd.Series,
    aadt: pd.Series | None,
    x: Floats,
    period: Floats,
    long: Floats | None,
    length_as: LengthAs,
    dispersion: Dispersion,
) -> _Predicted:
    label = label.reset_index(drop=True)
    if aadt is not None:
        aadt = aadt.reset_index(drop=True)
    covariates = covariates_of(classes_of(label, np.nan_to_num(x)), aadt)
    sigma = covariates.sigma
    spf = fit_spf(
        x, period, covariates.frame, length=long, length_as=length_as, dispersion=dispersion,
        sigma=sigma,
    )  # fmt: skip
    mu = spf.predict(period, covariates.frame, length=long, sigma=sigma)
    k = spf.k_of(len(x), length=long, sigma=sigma)
    notes = (*covariates.notes, *spf.notes)
    return _Predicted(_positive(mu), k, spf.sigma_log_mu(sigma), spf.method, notes, spf)


def _published(
    table: pd.DataFrame,
    function: PublishedFunction,
    x: Floats,
    period: Floats,
    long: Floats | None,
    traffic: str | Mapping[str, str] | None,
    *,
    calibrated: bool,
) -> _Predicted:
    named = {"aadt": traffic} if isinstance(traffic, str) else dict(traffic or {})
    figures = {name: _figures(table, column) for name, column in named.items()}
    metres = None if long is None else long * 1000
    made = function.predict(figures, length=metres, years=period)
    mu, notes = _positive(made.crashes), []
    outside = int((np.isfinite(mu) & ~made.valid).sum())
    if outside:
        notes.append(("outside-validity", str(outside)))
    method = "published"
    if calibrated:
        own = calibrate(x, mu, made.k)
        if own.factor > 0:
            mu, method = mu * own.factor, "published-calibrated"
            notes.append(("calibration", f"{own.factor:.4g}"))
    return _Predicted(mu, made.k, np.zeros(len(mu)), method, tuple(notes), function)


def _positive(mu: Floats) -> Floats:
    """A prediction of nothing says that a length or period is, not that a place is safe."""
    return np.where(mu > 0, mu, np.nan)


def _judged(index: pd.Index, x: Floats, period: Floats, made: _Predicted) -> pd.DataFrame:
    eb = empirical_bayes(x, made.mu, made.k)
    low, high = (stats.gamma.ppf(p, eb["shape"], scale=1 / eb["rate"]) for p in INTERVAL)
    frame = pd.DataFrame(
        {
            "predicted": made.mu / period,
            "expected": eb["expected"].to_numpy() / period,
            "expected_low": low / period,
            "expected_high": high / period,
            "excess": eb["excess"].to_numpy() / period,
            "weight": eb["weight"].to_numpy(),
            "k": made.k,
            "sigma": made.sigma,
            "service": level_of_service(eb["expected"], made.mu, made.k),
            "p_excess": eb["p_excess"].to_numpy(),
        },
        index=index,
    )
    return frame.assign(method=made.method)


def _priced(
    table: pd.DataFrame, label: pd.Series, expected: pd.Series, costs: Mapping[str, float]
) -> pd.DataFrame:
    """Expected crashes of each severity a year, their cost, and property-damage equivalents.

    The severities are the mix of the site, drawn towards that of its class.
    """
    levels = [str(level) for level in costs]
    counts = pd.DataFrame({level: _figures(table, level) for level in levels})
    classes = label.reset_index(drop=True).fillna("unknown").astype(str)
    shares = mix_of(counts.fillna(0.0), classes).shares(counts.fillna(0.0))
    by_level = shares.set_axis(table.index).mul(expected, axis=0)
    price = pd.Series({level: float(costs[level]) for level in levels})
    cost = pd.Series(by_level.to_numpy() @ price.to_numpy(), index=table.index, name="cost")
    return by_level.add_prefix("expected_").join(cost).join(epdo(by_level, price))
