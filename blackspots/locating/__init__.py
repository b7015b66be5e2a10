"""From coordinates, or road number and km post, to a place on the network.

Every crash ends at a level crossing, a junction, a segment, on a railway line (or in an area,
where a study has no roads), or among the unplaced with a reason. Where more than one place may be
meant, each has its probability (:mod:`blackspots.locating.likelihood`), and the crash stands in
the review list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.locating.assigning import assign
from blackspots.locating.candidates import nearest_segments, too_vague
from blackspots.locating.entering import enter_places, enter_queues, enter_rail
from blackspots.locating.given import blank, network_of, same_crs, trains_of
from blackspots.locating.likelihood import Likelihood
from blackspots.locating.measures import roads_at, segments_at
from blackspots.locating.options import (
    decided,
    no_options,
    options_of,
    ranked,
    weigh,
    with_bare,
)
from blackspots.locating.places import Reach
from blackspots.locating.rails import rail_of
from blackspots.locating.works import locate_repairs
from blackspots.referencing import route_measures
from blackspots.schema import CANDIDATES, LOCATED, check

__all__ = [
    "Likelihood",
    "Placement",
    "Reach",
    "areas_of",
    "assign",
    "locate",
    "locate_repairs",
    "nearest_segments",
    "roads_at",
    "route_measures",
    "segments_at",
    "weights",
]

_LEAST: Final = 1e-3
"""Probability below which a candidate is dropped."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where crashes were placed.

    ``crashes``: :data:`blackspots.schema.LOCATED`. ``candidates``:
    :data:`blackspots.schema.CANDIDATES`, of the crashes whose place is not certain; the
    probabilities of a crash sum to 1. ``sigma`` [m]: standard deviation of a coordinate; NaN
    without a network. ``readings``: how many different coordinates it was seen at; 0 where the
    register shows nothing of it, and it is that of the :class:`Likelihood`. ``stale``: crashes
    with a decision that means none of their candidates (any more), or that are not there.
    """

    crashes: gpd.GeoDataFrame
    candidates: pd.DataFrame
    sigma: float = float("nan")
    readings: int = 0
    stale: tuple[str, ...] = ()


def locate(
    crashes: gpd.GeoDataFrame,
    *,
    segments: gpd.GeoDataFrame | None = None,
    parts: pd.DataFrame | None = None,
    nodes: gpd.GeoDataFrame | None = None,
    routes: gpd.GeoDataFrame | None = None,
    crossings: gpd.GeoDataFrame | None = None,
    lines: gpd.GeoDataFrame | None = None,
    areas: gpd.GeoDataFrame | None = None,
    boundary: gpd.GeoSeries | None = None,
    reach: Reach | None = None,
    likelihood: Likelihood | None = None,
    certain: float = 0.8,
    decisions: Mapping[Any, tuple[float, float] | None] | None = None,
) -> Placement:
    """Place each crash once, and say how sure.

    The candidates of a crash are the segments within the tolerance of its coordinate (farther
    about a vague one), and the place of its km post where that lies farther away; on a divided
    road a recorded direction of travel tells the side. A coordinate that is
    uncertain by more than the search reaches (1500 m, or the tolerance if that is more) finds
    nothing: the crash is placed by its km post, or not at all (``too-vague``). A candidate is
    at a level crossing, at a junction, or on its route; the probabilities of candidates on one
    road, or at one junction or crossing, are summed, the likeliest of these is taken, and in it
    the candidate that fits best. A crash with a train goes to the crossing in whose footprint along
    the railway it lies, else to the railway line (:mod:`blackspots.locating.at_rail`), and
    without railway lines to the nearest level crossing;
    one whose train is not recorded goes to a crossing that is within reach and nearer
    than any junction; a place within reach of a junction along the road is the junction.
    Ties go to the lowest segment.

    Parameters
    ----------
    crashes
        :data:`blackspots.schema.CRASHES`, in the CRS of the other layers; only points are
        needed, other columns (``route``, ``km``, ``uncertainty`` [m] ...) are used where they
        are there. Roads may be spelt in any way (``QL 1A``); km are numbers. Columns of results,
        such as those of an earlier placing, are not used and are written anew.
    segments, parts, nodes, routes
        A network (:func:`blackspots.network.build_network`); all four or none.
    crossings
        :data:`blackspots.schema.CROSSINGS`.
    lines
        :data:`blackspots.schema.RAIL_LINES` with ``post_measures`` and ``post_km``: crashes with
        a train, and those at a crossing, get line and km of the railway; a crash that has no
        usable coordinate is placed by the line's name in ``route`` and its km.
    areas
        :data:`blackspots.schema.AREAS`: gives ``area`` (first polygon wins); where there is
        neither network nor crossing, also the place.
    boundary
        Study area: a km post outside it places no crash.
    reach
        Distances.
    likelihood
        Constants of the model.
    certain
        Probability from which a place is certain.
    decisions
        Crash, as its id or as text, to the (x, y) of the candidate that a person has chosen;
        None says that none is right: the crash is then unplaced.

    Returns
    -------
    Placement
        As many crashes as were given, in their order. ``geometry`` is the coordinate as given;
        for a crash placed by its km post it is the post's point.

    Raises
    ------
    ValueError
        For a part of a network, or ids of several levels.
    BlackspotsError
        ``crs-differs`` when layers are in different CRSs; ``crashes-unusable`` for rows that are
        no points, or share their id; ``crashes-not-numbers`` and ``crashes-not-yes-no`` for a
        column that cannot be read.
    """
    reach = reach or Reach()
    network = network_of(segments, parts, nodes, routes)
    same_crs(crashes, segments=segments, crossings=crossings, lines=lines, areas=areas)
    made = blank(crashes)
    constants = likelihood or Likelihood()
    rail = rail_of(crossings, lines, reach)
    chosen = {str(crash): spot for crash, spot in (decisions or {}).items()}
    options, sigma, readings = no_options(), float("nan"), 0
    if network is not None:
        options, made["reason"] = options_of(made, network, boundary, reach)
        sigma, readings = weigh(options, made, network, constants)
    vague = too_vague(made["uncertainty"].to_numpy(dtype="float64"), reach.tolerance)
    wrong = None if rail is None or not len(rail.lines) else constants.wrong_coordinate
    options = with_bare(options, made, vague, wrong=wrong)
    spread = constants.sigma if network is None else sigma
    options, refused = enter_places(
        options, made, network, rail, reach, sigma=spread, constants=constants
    )
    made["reason"] = np.where(pd.isna(refused), made["reason"], refused)
    options, stale = decided(options, chosen, made)
    options = ranked(options)
    best = options[options["rank"] == 1]
    _enter(made, best, crossings, certain)
    if rail is not None:
        enter_rail(made, best, rail)
    if rail is not None and crossings is not None and len(crossings):
        ids = crossings.index.to_numpy(dtype=object)
        enter_queues(made, best, rail, reach, network, ids, vague)
    if areas is not None and len(areas):
        made["area"] = areas_of(made.geometry, areas)
    only_areas = network is None and crossings is None and lines is None
    if only_areas:
        made["place"] = made["place"].where(made["area"].isna(), "area")
        made.loc[made["place"].notna(), "located_by"] = "coordinate"
    _give_reasons(made, _nowhere(made, network is not None, crossings, lines, vague), chosen)
    check(made, LOCATED)
    return Placement(made, _listed(options, made, crossings), sigma, readings, stale)


def _nowhere(
    made: gpd.GeoDataFrame,
    roads: bool,  # noqa: FBT001
    crossings: gpd.GeoDataFrame | None,
    lines: gpd.GeoDataFrame | None,
    vague: np.ndarray,
) -> np.ndarray:
    """Why each crash that has a coordinate and no place has none."""
    only_areas = not roads and crossings is None and lines is None
    if roads:
        near = "no-road-near"
    elif only_areas:
        near = "outside-areas"
    else:
        near = "no-crossing-near" if lines is None or not len(lines) else "no-railway-near"
    reasons = np.full(len(made), near, dtype=object)
    if not only_areas:
        if not roads:
            reasons[trains_of(made) == 0] = "road-crash"
        reasons[vague] = "too-vague"
    return reasons


def _enter(
    made: gpd.GeoDataFrame,
    best: pd.DataFrame,
    crossings: gpd.GeoDataFrame | None,
    certain: float,
) -> None:
    """Enter the likeliest candidate of each crash."""
    rows = made.index[best["crash"].to_numpy()]
    for column in ("place", "located_by", "road_id"):
        made.loc[rows, column] = best[column].to_numpy(dtype=object)
    on_road = (best["segment"] >= 0).to_numpy()
    for column in ("segment_id", "route_id"):
        made.loc[rows[on_road], column] = best.loc[on_road, column].to_numpy()
    for column in ("measure", "offset", "route_measure"):
        made.loc[rows[on_road], column] = best.loc[on_road, column].to_numpy()
    by_coordinate_ = on_road & ~best["by_post"].to_numpy()
    made.loc[rows[by_coordinate_], "km_difference"] = best.loc[
        by_coordinate_, "km_difference"
    ].to_numpy()
    at = (best["place"] == "junction").to_numpy()
    made.loc[rows[at], "junction_id"] = best.loc[at, "junction_id"].to_numpy()
    at = (best["place"] == "crossing").to_numpy()
    if crossings is not None and at.any():
        ids = crossings.index.to_numpy(dtype=object)[best.loc[at, "crossing"]]
        made.loc[rows[at], "crossing_id"] = ids
    made.loc[rows, "probability"] = best["place_probability"].to_numpy()
    made["uncertain"] = made["probability"].lt(certain).fillna(False).astype("boolean")
    posts = best["by_post"].to_numpy()
    shapes = made.geometry.to_numpy().copy()
    shapes[best["crash"].to_numpy()[posts]] = best["point"].to_numpy()[posts]
    made.geometry = gpd.GeoSeries(shapes, index=made.index, crs=made.crs)


def _listed(
    options: pd.DataFrame, made: gpd.GeoDataFrame, crossings: gpd.GeoDataFrame | None
) -> pd.DataFrame:
    """The table of candidates of crashes whose place is not certain."""
    doubted = made["uncertain"].to_numpy(dtype=bool)
    own = options[doubted[options["crash"]]]
    own = own[(own["probability"] >= _LEAST) | (own["rank"] == 1)].copy()
    own["probability"] /= own.groupby("crash")["probability"].transform("sum")
    own["rank"] = own.groupby("crash").cumcount() + 1
    ids = np.full(len(own), None, dtype=object)
    at = (own["place"] == "crossing").to_numpy()
    if crossings is not None and at.any():
        ids[at] = crossings.index.to_numpy(dtype=object)[own.loc[at, "crossing"]]
    xy = shapely.get_coordinates(own["spot"].to_numpy())
    at_junction = own["place"] == "junction"
    table = pd.DataFrame(
        {
            "crash_id": pd.Series(made.index.to_numpy(dtype=object)[own["crash"]], dtype=object),
            "rank": own["rank"].to_numpy(),
            "place": pd.Series(own["place"].to_numpy(dtype=object), dtype=object),
            "located_by": pd.Series(own["located_by"].to_numpy(dtype=object), dtype=object),
            "segment_id": pd.array(own["segment_id"], dtype="Int64"),
            "measure": own["measure"].to_numpy(),
            "offset": own["offset"].to_numpy(),
            "road_id": pd.Series(own["road_id"].to_numpy(dtype=object), dtype=object),
            "route_id": pd.array(own["route_id"], dtype="Int64"),
            "route_measure": own["route_measure"].to_numpy(),
            "junction_id": pd.array(own["junction_id"].where(at_junction), dtype="Int64"),
            "crossing_id": pd.Series(ids, dtype=object),
            "same_road": pd.array(own["road"].to_numpy(), dtype="Float64").astype("boolean"),
            "km_difference": own["km_difference"].to_numpy(),
            "probability": own["probability"].to_numpy(),
            "place_probability": own["place_probability"].to_numpy(),
            "x": xy[:, 0],
            "y": xy[:, 1],
        }
    )
    table.index = pd.RangeIndex(1, len(table) + 1, name=CANDIDATES.index)
    check(table, CANDIDATES)
    return table


def weights(placement: Placement) -> pd.DataFrame:
    """Places of all placed crashes with the weight each counts with.

    Returns
    -------
    DataFrame
        ``crash_id``, ``place``, ``segment_id``, ``route_id``, ``route_measure`` [m],
        ``junction_id``, ``crossing_id``, ``weight``: 1 for a crash whose place is certain, else
        one row for each candidate with its probability. The weights of a crash sum to 1.
    """
    columns = ["place", "segment_id", "route_id", "route_measure", "junction_id", "crossing_id"]
    crashes = placement.crashes
    sure = crashes[crashes["place"].notna() & ~crashes["uncertain"].astype(bool)]
    certain = pd.DataFrame(sure[columns]).assign(weight=1.0)
    certain.insert(0, "crash_id", sure.index.to_numpy(dtype=object))
    doubted = placement.candidates[["crash_id", *columns, "probability"]]
    both = [certain, doubted.rename(columns={"probability": "weight"})]
    return pd.concat([part for part in both if len(part)] or both[:1], ignore_index=True)


def areas_of(points: gpd.GeoSeries, areas: gpd.GeoDataFrame) -> pd.Series:
    """Name of the first area (in the layer's order) that holds each point; missing outside."""
    known = np.flatnonzero(~points.isna().to_numpy())
    tree = shapely.STRtree(areas.geometry.array)
    who, what = tree.query(points.array[known], predicate="intersects")
    pairs = pd.DataFrame({"who": known[who], "what": what}).sort_values(["who", "what"])
    first = pairs.drop_duplicates("who")
    names = pd.Series(None, index=points.index, dtype="object")
    names.iloc[first["who"].to_numpy()] = areas["name"].to_numpy()[first["what"]]
    return names


def _give_reasons(
    made: gpd.GeoDataFrame, nothing_near: np.ndarray, decisions: Mapping[str, object]
) -> None:
    """Why each crash without a place has none: ``nothing_near`` where it has a coordinate."""
    made.loc[made["place"].notna(), "reason"] = None
    open_ = made["place"].isna()
    refused = open_ & made.index.isin([crash for crash, spot in decisions.items() if spot is None])
    made.loc[refused, "reason"] = "decided"
    open_ &= made["reason"].isna()
    without = made.geometry.isna()
    made.loc[open_ & without, "reason"] = "no-location"
    near = (open_ & ~without).to_numpy()
    made.loc[near, "reason"] = nothing_near[near]
