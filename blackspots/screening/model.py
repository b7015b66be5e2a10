"""What is expected where: one population of like places for each kind of site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blackspots.schema import SEVERITIES
from blackspots.screening.expected import (
    SafetyPerformanceFunction,
    classes_of,
    design,
    empirical_bayes,
    fit_spf,
)

KNOWN: Final = tuple(level for level in SEVERITIES if level != "unknown")
MIN_KNOWN: Final = 20
"""Fewer crashes of known severity than this take the severities of the whole study."""

MIN_SHARE: Final = 0.1
"""Where a smaller share of severities is recorded, they do not speak for the rest (assumption)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Population:
    """Like places: the rate of each, its overdispersion and its mix of severities.

    ``rate`` is indexed by the place's id (for roads by route, per metre) in crashes of the
    whole period; ``shares`` by severity, empty of values when no severity is known.
    """

    kind: str
    spf: SafetyPerformanceFunction
    rate: pd.Series
    shares: pd.Series


@dataclass(frozen=True, slots=True)
class Expectation:
    """The populations of a study, its length in years, and the window length [m]."""

    populations: dict[str, Population]
    years: float
    window: float


def expect(
    located: gpd.GeoDataFrame,
    *,
    routes: gpd.GeoDataFrame | None,
    segments: gpd.GeoDataFrame | None,
    junctions: gpd.GeoDataFrame | None,
    crossings: gpd.GeoDataFrame | None,
    areas: gpd.GeoDataFrame | None,
    window: float,
    years: float,
) -> Expectation:
    """Fit one safety performance function for each kind of place that the study has.

    Roads are cut into sections of the window's length, so that the overdispersion is that of
    windows; junctions, crossings and areas are units as they are.
    """
    overall = _shares(located["severity"], None)
    populations: dict[str, Population] = {}
    if routes is not None and segments is not None and len(routes):
        populations["segment"] = _roads(located, routes, segments, window, overall)
    if junctions is not None and len(junctions):
        numbered = junctions["label"].ne("").map({True: "numbered", False: "local"})
        legs = junctions["legs"].ge(4).map({True: "4", False: "3"})
        labels = legs + " " + numbered
        populations["junction"] = _units(
            located, "junction", "junction_id", labels, junctions["aadt"], overall
        )
    if crossings is not None and len(crossings):
        exposure = crossings["aadt"] * crossings["trains"]
        populations["crossing"] = _units(
            located, "crossing", "crossing_id", crossings["kind"], exposure, overall
        )
    if not populations and areas is not None:
        names = pd.Index(areas["name"].drop_duplicates())
        labels = pd.Series("area", index=names)
        populations["area"] = _units(located, "area", "area", labels, None, overall)
    return Expectation(populations, years, window)


def _roads(
    located: gpd.GeoDataFrame,
    routes: gpd.GeoDataFrame,
    segments: gpd.GeoDataFrame,
    window: float,
    overall: pd.Series,
) -> Population:
    here = located[located["place"] == "segment"]
    length = routes["length"].to_numpy()
    pieces = np.maximum(np.ceil(length / window - 1e-9), 1).astype("int64")
    route = np.repeat(np.arange(len(routes)), pieces)
    first = np.cumsum(pieces) - pieces
    number = np.arange(pieces.sum()) - first[route]
    long = np.minimum(length[route] - number * window, window)
    of = routes.index.get_indexer(here["route_id"].astype("int64"))
    section = first[of] + np.minimum(
        (here["route_measure"].to_numpy("float64") // window).astype("int64"), pieces[of] - 1
    )
    observed = np.bincount(section, minlength=len(route))
    weight = segments["length"].where(segments["aadt"].notna(), 0.0)
    total = weight.groupby(segments["route_id"]).sum()
    traffic = (segments["aadt"].fillna(0) * weight).groupby(segments["route_id"]).sum() / total
    traffic = traffic.reindex(routes.index)
    labels = routes["road_class"].iloc[route].reset_index(drop=True)
    classes = classes_of(labels, observed)
    covariates = design(classes, traffic.iloc[route].reset_index(drop=True))
    spf = fit_spf(observed, long, covariates)
    per_route = covariates.iloc[first].set_axis(routes.index)
    rate = pd.Series(spf.predict(np.ones(len(routes)), per_route), index=routes.index)
    return Population("segment", spf, rate, _shares(here["severity"], overall))


def _units(
    located: gpd.GeoDataFrame,
    kind: str,
    column: str,
    labels: pd.Series,
    traffic: pd.Series | None,
    overall: pd.Series,
) -> Population:
    here = located[located["place"] == kind]
    counts = here[column].value_counts()
    observed = counts.reindex(labels.index).fillna(0).to_numpy(dtype="float64")
    covariates = design(classes_of(labels, observed), traffic)
    spf = fit_spf(observed, np.ones(len(labels)), covariates)
    rate = pd.Series(spf.predict(np.ones(len(labels)), covariates), index=labels.index)
    return Population(kind, spf, rate, _shares(here["severity"], overall))


def _shares(severity: pd.Series, overall: pd.Series | None) -> pd.Series:
    """Share of each severity among the known ones; of the whole study where few are known."""
    known = severity[severity.isin(KNOWN)]
    if overall is not None and len(known) < MIN_KNOWN:
        return overall
    if known.empty or len(known) < MIN_SHARE * len(severity):
        return pd.Series(np.nan, index=list(KNOWN))
    return known.value_counts(normalize=True).reindex(list(KNOWN)).fillna(0.0)


def posterior(
    population: Population, observed: pd.DataFrame, predicted: Floats, years: float
) -> pd.DataFrame:
    """Empirical Bayes for places of one population, per year, by severity too.

    Parameters
    ----------
    observed
        One row a place: ``crashes`` and a column for each severity (period totals).
    predicted
        Crashes of the period by the safety performance function, one a place.

    Returns
    -------
    DataFrame, index of ``observed``
        ``predicted``, ``expected``, ``expected_low``, ``expected_high`` (5 and 95 % points),
        ``excess`` [1/year], ``weight``, ``p_excess``, and ``expected_<severity>`` [1/year].

    Notes
    -----
    Each severity has its own Empirical Bayes estimate with the same k,
    N_s = w_s mu_s + (1 - w_s) x_s; they are then scaled to add up to the estimate for all
    crashes, which also spreads crashes of unknown severity.
    """
    from scipy import stats  # noqa: PLC0415 - slow to import, used here only

    k = population.spf.k
    total = empirical_bayes(observed["crashes"], predicted, k)
    total.index = observed.index
    made = pd.DataFrame(index=observed.index)
    made["predicted"] = predicted / years
    made["expected"] = total["expected"] / years
    for name, p in (("expected_low", 0.05), ("expected_high", 0.95)):
        made[name] = stats.gamma.ppf(p, total["shape"], scale=1 / total["rate"]) / years
    made["excess"] = total["excess"] / years
    made["weight"] = total["weight"]
    made["p_excess"] = total["p_excess"]
    shares = population.shares
    if shares.isna().all():
        for level in KNOWN:
            made[f"expected_{level}"] = np.nan
        return made
    by_level = pd.DataFrame(0.0, index=observed.index, columns=list(KNOWN))
    for level in KNOWN:
        mu = predicted * float(shares[level])
        some = mu > 0
        if some.any():
            eb = empirical_bayes(observed[level][some], mu[some], k)
            by_level.loc[some, level] = eb["expected"].to_numpy()
    scale = total["expected"] / by_level.sum(axis=1) / years
    for level in KNOWN:
        made[f"expected_{level}"] = by_level[level] * scale
    return made


def severity_counts(located: gpd.GeoDataFrame, groups: list[NDArray[np.int64]]) -> pd.DataFrame:
    """Crashes, by severity, and persons of sets of crashes (row positions in ``located``).

    Persons are missing where no crash of the set has the figure.
    """
    sizes = np.array([len(group) for group in groups], dtype="int64")
    owner = np.repeat(np.arange(len(groups)), sizes)
    member = np.concatenate([np.zeros(0, "int64"), *groups])

    def total(values: NDArray[Any]) -> NDArray[np.int64]:
        return np.bincount(owner, weights=values, minlength=len(groups)).astype("int64")

    severity = located["severity"].to_numpy()[member]
    made = pd.DataFrame({"crashes": sizes} | {s: total(severity == s) for s in SEVERITIES})
    for name in ("deaths", "injured"):
        persons = located[name].to_numpy(dtype="float64", na_value=np.nan)[member]
        known = ~np.isnan(persons)
        sums = pd.array(total(np.where(known, persons, 0.0)), dtype="Int64")
        sums[total(known) == 0] = pd.NA
        made[name] = sums
    return made
