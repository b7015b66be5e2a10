"""Crashes to level crossings and railway lines alone, without a network of roads."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.crs import metric
from blackspots.locating.at_rail import queue_at
from blackspots.locating.candidates import too_vague
from blackspots.locating.entering import enter_places
from blackspots.locating.given import blank, same_crs, trains_of
from blackspots.locating.likelihood import Likelihood
from blackspots.locating.options import no_options, ranked, with_bare
from blackspots.locating.places import Reach
from blackspots.locating.rails import Rail, names_of, rail_kms, rail_of


def assign(
    accidents: gpd.GeoDataFrame,
    crossings: gpd.GeoDataFrame,
    *,
    lines: gpd.GeoDataFrame | None = None,
    junctions: gpd.GeoSeries | None = None,
    reach: Reach | None = None,
    likelihood: Likelihood | None = None,
    all_with_train: bool = False,
) -> pd.DataFrame:
    """Which accidents belong to a crossing, to the railway line, or to the queue before one.

    By the rules of :func:`blackspots.locating.locate` (:mod:`blackspots.locating.at_rail`), for
    plain tables: of accidents only points are needed. A column ``train_involved`` (true, false,
    empty where not recorded) decides most; ``uncertainty`` [m], ``route`` (the name of a railway
    line), ``km`` and ``km_uncertainty`` [m] are used where they are there.

    Parameters
    ----------
    accidents
        Points in a metric CRS.
    crossings
        :data:`blackspots.schema.CROSSINGS`; only points are needed.
    lines
        :data:`blackspots.schema.RAIL_LINES` with ``post_measures`` and ``post_km``.
    junctions
        Points of road junctions, which compete with the crossings by straight distance.
    reach
        Distances.
    likelihood
        Its ``sigma`` is the standard deviation [m] of a coordinate.
    all_with_train
        Whether every accident that does not say otherwise was with a train, as in a register
        of the railway.

    Returns
    -------
    DataFrame, index of ``accidents``
        ``place`` (``crossing``, ``railway``, ``queue``, or missing), ``crossing_id``,
        ``rail_line``, ``rail_km`` [km], ``distance`` [m] (from the crossing, along the line where
        it was placed by that; from the line for ``railway``), ``probability``, and ``reason``
        where there is no place (a key below ``reason.`` in the label files).

    Raises
    ------
    ValueError
        When the index has several levels.
    BlackspotsError
        ``crs-not-metric``; else as :func:`blackspots.locating.locate`.
    """
    reach, constants = reach or Reach(), likelihood or Likelihood()
    if accidents.crs is not None:
        metric(accidents.crs, "accidents", accidents.geometry)
    same_crs(accidents, crossings=crossings, lines=lines, junctions=junctions)
    made = blank(accidents)
    if all_with_train:
        train = made["train_involved"].astype("boolean").fillna(value=True)
        made = made.assign(train_involved=train)
    table = _nothing(accidents.index)
    rail = rail_of(crossings, lines, reach)
    vague = too_vague(made["uncertainty"].to_numpy(dtype="float64"), reach.tolerance)
    junction = _nearest_junction(made.geometry, junctions)
    options, refused = enter_places(
        with_bare(no_options(), made, vague),
        *(made, None, rail, reach),
        sigma=constants.sigma,
        constants=constants,
        junction=junction,
    )
    options = ranked(options)
    best = options[options["rank"] == 1]
    ids = crossings.index.to_numpy(dtype=object)
    if rail is not None:
        _enter(table, best, rail, ids)
        _enter_queues(table, made, junction, rail, reach, ids, vague)
    table["reason"] = _reasons(table, made, refused, vague, junction, rail, reach)
    return table


def _nothing(index: pd.Index) -> pd.DataFrame:
    """The table with no place."""
    text = pd.Series(np.full(len(index), None, dtype=object), index=index, dtype="object")
    number = pd.Series(np.nan, index=index)
    words = dict.fromkeys(("place", "crossing_id", "rail_line"), text)
    numbers = dict.fromkeys(("rail_km", "distance", "probability"), number)
    return pd.DataFrame({**words, **numbers, "reason": text})


def _nearest_junction(points: gpd.GeoSeries, junctions: gpd.GeoSeries | None) -> np.ndarray:
    """Straight distance [m] from each point to the nearest junction; infinite for none."""
    made = np.full(len(points), np.inf)
    if junctions is None:
        return made
    shapes = junctions.to_numpy()
    there = shapes[~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)]
    known = np.flatnonzero(~points.isna().to_numpy())
    if len(there) and len(known):
        (row, _), gap = shapely.STRtree(there).query_nearest(
            points.to_numpy()[known], return_distance=True, all_matches=False
        )
        made[known[row]] = gap
    return made


def _enter(table: pd.DataFrame, best: pd.DataFrame, rail: Rail, ids: np.ndarray) -> None:
    rows = best["crash"].to_numpy(dtype="int64")
    line, crossing = best["rail"].to_numpy(), best["crossing"].to_numpy()
    entered = {
        "place": best["place"].to_numpy(dtype=object),
        "crossing_id": np.array([*ids, None], dtype=object)[crossing],
        "rail_line": names_of(rail, line),
        "rail_km": rail_kms(rail, line, best["rail_measure"].to_numpy(dtype="float64")),
        "distance": best["distance"].to_numpy(),
        "probability": best["place_probability"].to_numpy(),
    }
    _put(table, rows, entered)


def _put(table: pd.DataFrame, rows: np.ndarray, entered: dict[str, Any]) -> None:
    """Enter values of columns in rows by position; ids may repeat."""
    for column, values in entered.items():
        made = table[column].to_numpy(copy=True)
        made[rows] = values
        table[column] = pd.Series(made, index=table.index, dtype=made.dtype)


def _enter_queues(
    table: pd.DataFrame,
    made: gpd.GeoDataFrame,
    junction: np.ndarray,
    rail: Rail,
    reach: Reach,
    ids: np.ndarray,
    vague: np.ndarray,
) -> None:
    rows = np.flatnonzero((trains_of(made) == 0) & ~vague)
    points = made.geometry.to_numpy()[rows]
    crossing, distance = queue_at(points, junction[rows], rail, reach)
    at = rows[crossing >= 0]
    what = crossing[crossing >= 0]
    entered = {
        "place": "queue",
        "crossing_id": ids[what],
        "rail_line": names_of(rail, rail.line[what]),
        "rail_km": rail_kms(rail, rail.line[what], rail.measure[what]),
        "distance": distance[crossing >= 0],
        "probability": 1.0,
    }
    _put(table, at, entered)


def _reasons(
    table: pd.DataFrame,
    made: gpd.GeoDataFrame,
    refused: np.ndarray,
    vague: np.ndarray,
    junction: np.ndarray,
    rail: Rail | None,
    reach: Reach,
) -> pd.Series:
    """Why each accident without a place has none."""
    train = trains_of(made)
    has_lines = rail is not None and len(rail.lines) > 0
    reasons = np.full(len(made), "no-crossing-near", dtype=object)
    if has_lines:
        reasons[train == 1] = "no-railway-near"
    nowhere = made.geometry.isna().to_numpy()
    rows = np.flatnonzero(np.isnan(train) & np.isfinite(junction) & ~nowhere)
    if rail is not None and len(rows):
        # Were there no junction, a crossing would have had it.
        points, free = made.geometry.to_numpy()[rows], np.full(len(rows), np.inf)
        reasons[rows[queue_at(points, free, rail, reach)[0] >= 0]] = "junction-nearer"
    reasons[train == 0] = "road-crash"
    reasons[vague] = "too-vague"
    reasons[nowhere] = "no-location"
    refused_ = ~pd.isna(refused)
    reasons[refused_] = refused[refused_]
    reasons[table["place"].notna().to_numpy()] = None
    return pd.Series(reasons, index=table.index, dtype="object")
