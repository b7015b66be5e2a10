"""Spots: what the definition, Empirical Bayes and clusters find, kind by kind of place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from blackspots.presets.definitions import Definition
from blackspots.screening.clusters import touched_by
from blackspots.screening.joining import Spot
from blackspots.screening.model import Expectation, Population
from blackspots.screening.windows import Events, Window, choose, events

_DAYS_A_YEAR: Final = 366
_MANY: Final = 2
"""Crashes from which a cluster that nothing else finds is a site of its own."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers on which crashes were placed; None for those that a study has not."""

    routes: gpd.GeoDataFrame | None = None
    segments: gpd.GeoDataFrame | None = None
    nodes: gpd.GeoDataFrame | None = None
    junctions: gpd.GeoDataFrame | None = None
    crossings: gpd.GeoDataFrame | None = None
    areas: gpd.GeoDataFrame | None = None


def find_spots(
    located: gpd.GeoDataFrame,
    expectation: Expectation,
    definition: Definition,
    layers: Layers,
    months: int | None,
    p_excess: float,
    period: tuple[date, date] | None = None,
) -> list[Spot]:
    """Windows of the definition and of Empirical Bayes, kind by kind.

    ``period``: first and last day of the study; without it rules of calendar years, and of
    other lengths than ``months``, need dates.
    """
    months = months or definition.months
    one_period = expectation.years * 12 <= months + 12 / _DAYS_A_YEAR
    made: list[Spot] = []
    for kind, column, layer in (
        ("segment", "route_id", layers.routes),
        ("junction", "junction_id", layers.junctions),
        ("crossing", "crossing_id", layers.crossings),
    ):
        population = expectation.populations.get(kind)
        rows = np.flatnonzero((located["place"] == kind).to_numpy())
        if population is None or layer is None or not len(rows):
            continue
        here = located.iloc[rows].assign(_track=layer.index.get_indexer(located[column].iloc[rows]))
        here["aadt"] = _traffic(here, column, layer, layers.segments)
        on_road = kind == "segment"
        along = events(
            here,
            "_track",
            "route_measure" if on_road else None,
            definition,
            months,
            one_period=one_period,
            place=kind,
            study=period,
        )
        mean, k = _expected_at(along, population, layer, expectation.window)
        chosen = choose(
            along,
            expectation.window if on_road else 0.0,
            definition,
            lambda at, count, mean=mean, k=k: _chance(mean[at], count, k[at]),  # type: ignore[misc]
            p_excess,
        )
        for window in chosen:
            key = layer.index[window.track]
            where = (window.start, window.end) if on_road else (np.nan, np.nan)
            own = _among(window, rows)
            made.append(Spot(kind, int(key) if kind != "crossing" else key, own.rows, *where, own))
    return made


def _expected_at(
    along: Events, population: Population, layer: pd.DataFrame, window: float
) -> tuple[Floats, Floats]:
    """Predicted crashes of the period, and k, of the window that starts at each event."""
    sections = population.sections
    if sections is None:
        at = along.track
        return population.rate.to_numpy()[at], population.k.to_numpy()[at]
    route = layer.index.to_numpy()[along.track]
    low, high = sections.around(route, along.position + window / 2, np.full(len(route), window))
    middle = sections.at(route, (low + high) / 2)
    mean = sections.over(population.rate.to_numpy(), route, low, high)
    return mean, population.k.to_numpy()[middle]


def _traffic(
    here: pd.DataFrame, column: str, layer: pd.DataFrame, segments: pd.DataFrame | None
) -> Floats:
    """Traffic [vehicles/day] where each crash lies, for rules that weigh it; NaN unknown."""
    if column == "route_id":
        layer, column = (layer, column) if segments is None else (segments, "segment_id")
    if "aadt" not in layer:
        return np.full(len(here), np.nan)
    return layer["aadt"].reindex(here[column]).to_numpy(dtype="float64", na_value=np.nan)


def _chance(mean: Floats, count: Ints, k: Floats) -> Floats:
    """P(true mean > that of like places); a single crash is no evidence."""
    p = stats.gamma.sf(mean, 1 / k + count, scale=1 / (1 + 1 / (k * mean)))
    return np.where(count > 1, p, 0.0)


def _among(window: Window, rows: Ints) -> Window:
    """A window whose rows are positions among all located crashes."""
    return replace(window, rows=rows[window.rows], rule_rows=rows[window.rule_rows])


def lone_clusters(
    spots: list[Spot], located: gpd.GeoDataFrame, clusters: pd.DataFrame
) -> list[Spot]:
    """Significant clusters of mid-block crashes that are no other spot's."""
    free = (located["place"] == "segment").to_numpy(copy=True)
    for spot in spots:
        free[spot.rows] = False
    rows = np.flatnonzero(free)
    route = located["route_id"].to_numpy(dtype="float64", na_value=np.nan)[rows]
    measure = located["route_measure"].to_numpy(dtype="float64", na_value=np.nan)[rows]
    found = pd.DataFrame(
        {"row": rows, "at": measure, "cluster": touched_by(clusters, route, measure)}
    )
    made = []
    for cluster, own in found[found["cluster"] >= 0].groupby("cluster"):
        if len(own) >= _MANY:
            key = int(clusters["route_id"].iloc[int(str(cluster))])
            rows = own["row"].to_numpy(dtype="int64")
            made.append(Spot("segment", key, rows, own["at"].min(), own["at"].max(), None))
    return made
