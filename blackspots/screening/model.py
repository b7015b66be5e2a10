"""What is expected where: one population of like places for each kind of site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blackspots.presets.spfs import PublishedFunction, calibrate
from blackspots.schema import SEVERITIES
from blackspots.screening.covariates import Covariates, classes_of, covariates_of
from blackspots.screening.expected import empirical_bayes
from blackspots.screening.mix import Mix, mix_of
from blackspots.screening.sections import Sections
from blackspots.screening.spf import SafetyPerformanceFunction, fit_spf

KNOWN: Final = tuple(level for level in SEVERITIES if level != "unknown")
MIN_SHARE: Final = 0.1
"""Where a smaller share of severities is recorded, they do not speak for the rest (assumption)."""

Floats = NDArray[np.float64]


class Counted(NamedTuple):
    """What was counted at each place: crashes, traffic [vehicles/day], and its length [m]."""

    crashes: Floats
    aadt: Floats
    length: Floats


@dataclass(frozen=True, slots=True)
class Population:
    """Like places: the rate of each, its overdispersion and its mix of severities.

    ``rate`` is indexed by the place's id in crashes of the whole period; of roads the places
    are ``sections``, by number, and the rate is for a metre. ``mix``, ``k`` and ``sigma`` have
    its index. ``mix``: the severities of like places, missing when none are known. ``k``: the
    overdispersion of each place, with what not knowing its traffic adds. ``sigma``: the
    standard deviation of ln mu that this alone comes to, 0 where the traffic is counted, NaN
    where it is not and so little is counted that what it would say is unknown. ``notes`` are
    those of :class:`Covariates` and of the function.
    """

    kind: str
    spf: SafetyPerformanceFunction
    rate: pd.Series
    mix: Mix
    k: pd.Series
    sigma: pd.Series
    notes: tuple[tuple[str, str], ...] = ()
    sections: Sections | None = None
    counted: Counted | None = None


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
    published: Mapping[str, PublishedFunction] | None = None,
) -> Expectation:
    """Fit one safety performance function for each kind of place that the study has.

    Roads are cut into sections of the window's length, so that the overdispersion is that of
    windows; junctions, crossings and areas are units as they are. A function of ``published``
    (by kind of place), calibrated to the crashes, stands for the fitted one where the traffic is
    counted.
    """
    overall = _shares(located["severity"])
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
    for kind, function in (published or {}).items():
        if kind in populations:
            populations[kind] = _by_published(populations[kind], function, years)
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
    sections = Sections.of(routes, window)
    section = sections.at(here["route_id"], here["route_measure"])
    size = len(sections.route)
    observed = np.bincount(section, minlength=size)
    labels = routes["road_class"].iloc[sections.route].reset_index(drop=True)
    classes = classes_of(labels, observed)
    traffic = sections.traffic(segments)
    made = covariates_of(classes, traffic)
    spf = fit_spf(observed, sections.length, made.frame, sigma=made.sigma)
    mix = _mix(here["severity"], section, size, classes, overall)
    population = _population("segment", spf, made, pd.RangeIndex(size), mix)
    counted = Counted(observed.astype("float64"), traffic.to_numpy("float64"), sections.length)
    return replace(population, sections=sections, counted=counted)


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
    made = covariates_of(classes_of(labels, observed), traffic)
    spf = fit_spf(observed, np.ones(len(labels)), made.frame, sigma=made.sigma)
    at = labels.index.get_indexer(here[column])
    mix = _mix(here["severity"], at, len(labels), labels.fillna("unknown").astype(str), overall)
    aadt = np.full(len(labels), np.nan) if traffic is None else traffic.to_numpy("float64")
    population = _population(kind, spf, made, labels.index, mix)
    return replace(population, counted=Counted(observed, aadt, np.ones(len(labels))))


def _population(
    kind: str,
    spf: SafetyPerformanceFunction,
    made: Covariates,
    places: pd.Index,
    mix: Mix,
) -> Population:
    """The function's answers for each place."""
    rate = spf.predict(np.ones(len(places)), made.frame, sigma=made.sigma)
    sigma = pd.Series(spf.sigma_log_mu(made.sigma), index=places)
    unasked = {code for code, _ in made.notes} & {"few-traffic", "no-traffic"}
    return Population(
        kind=kind,
        spf=spf,
        rate=pd.Series(rate, index=places),
        mix=Mix(mix.prior.set_axis(places), mix.worth),
        k=pd.Series(spf.k_of(len(places), sigma=made.sigma), index=places),
        sigma=sigma * np.nan if unasked else sigma,
        notes=(*made.notes, *spf.notes),
    )


def _by_published(population: Population, function: PublishedFunction, years: float) -> Population:
    """The population as a published function has it, where the traffic is counted.

    What remains, uncounted or beyond what the function was made from, is as it was fitted.
    """
    if population.counted is None:
        return population
    crashes, aadt, length = population.counted
    made = function.predict({"aadt": aadt}, length=length, years=years)
    use = np.isfinite(made.crashes) & made.valid
    local = calibrate(crashes[use], made.crashes[use], made.k[use])
    if not local.factor > 0:
        return replace(population, notes=(*population.notes, ("published-unused", function.id)))
    rate = np.where(use, local.factor * made.crashes / length, population.rate.to_numpy())
    k = np.where(use, made.k, population.k.to_numpy())
    sigma = np.where(use, 0.0, population.sigma.to_numpy())
    places = population.rate.index
    told = f"{function.id}, C = {local.factor:.2f}, {int(use.sum())}/{len(use)}"
    return replace(
        population,
        rate=pd.Series(rate, index=places),
        k=pd.Series(k, index=places),
        sigma=pd.Series(sigma, index=places),
        notes=(*population.notes, ("published", told)),
    )


def _mix(
    severity: pd.Series,
    place: NDArray[np.int64],
    places: int,
    classes: pd.Series,
    overall: pd.Series,
) -> Mix:
    """The severities of places of one kind; ``place`` is that of each crash."""
    counts = pd.DataFrame(
        {
            level: np.bincount(place[(severity == level).to_numpy()], minlength=places)
            for level in KNOWN
        }
    ).astype("float64")
    return mix_of(counts, classes.reset_index(drop=True), overall)


def _shares(severity: pd.Series) -> pd.Series:
    """Share of each severity among the known ones of a study; missing where few are known."""
    known = severity[severity.isin(KNOWN)]
    if known.empty or len(known) < MIN_SHARE * len(severity):
        return pd.Series(np.nan, index=list(KNOWN))
    return known.value_counts(normalize=True).reindex(list(KNOWN)).fillna(0.0)


def posterior(
    population: Population,
    observed: pd.DataFrame,
    predicted: Floats,
    years: float,
    places: pd.Index,
) -> pd.DataFrame:
    """Empirical Bayes for places of one population, per year, by severity too.

    Parameters
    ----------
    observed
        One row a place: ``crashes`` and a column for each severity (period totals).
    predicted
        Crashes of the period by the safety performance function, one a place.
    places
        The place of the population that each row is of, or is part of.

    Returns
    -------
    DataFrame, index of ``observed``
        ``predicted``, ``expected``, ``expected_low``, ``expected_high`` (5 and 95 % points),
        ``excess`` [1/year], ``weight``, ``p_excess``, and ``expected_<severity>`` [1/year].

    Notes
    -----
    The expected crashes are spread over severities by :class:`~blackspots.screening.mix.Mix`,
    which also spreads those of unknown severity. Of the ways of ranking that the backtest
    compares, this catches the most later deaths (docs/screening.md).
    """
    from scipy import stats  # noqa: PLC0415 - slow to import, used here only

    own = population.k.reindex(places).to_numpy(dtype="float64")
    total = empirical_bayes(observed["crashes"], predicted, own)
    total.index = observed.index
    made = pd.DataFrame(index=observed.index)
    made["predicted"] = predicted / years
    made["expected"] = total["expected"] / years
    for name, p in (("expected_low", 0.05), ("expected_high", 0.95)):
        made[name] = stats.gamma.ppf(p, total["shape"], scale=1 / total["rate"]) / years
    made["excess"] = total["excess"] / years
    made["weight"] = total["weight"]
    made["p_excess"] = total["p_excess"]
    shares = population.mix.at(places).shares(observed)
    levels = shares.mul(made["expected"], axis=0)
    return made.join(levels.add_prefix("expected_"))


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
