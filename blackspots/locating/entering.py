"""Which candidate places are at a crossing, at a junction, or on the railway line."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.locating.at_rail import ERROR, POST_SIGMA, Spots, claims_of, queue_at
from blackspots.locating.given import Layers, trains_of
from blackspots.locating.likelihood import Likelihood
from blackspots.locating.options import KIND, keys_of_posts
from blackspots.locating.places import Reach, at_junctions
from blackspots.locating.rails import Rail, by_rail_km, line_keys, names_of, rail_kms

_OFF_ROAD = {
    "segment": -1,
    "segment_id": -1,
    "route_id": -1,
    "measure": np.nan,
    "offset": np.nan,
    "route_measure": np.nan,
    "km_difference": np.nan,
    "road": np.nan,
    "road_id": None,
    "junction_id": -1,
    "junction_distance": np.inf,
}
"""What a candidate on the railway line has of a road: nothing."""


def enter_places(
    options: pd.DataFrame,
    crashes: gpd.GeoDataFrame,
    network: Layers | None,
    rail: Rail | None,
    reach: Reach,
    *,
    sigma: float,
    constants: Likelihood,
    junction: np.ndarray | float = np.inf,
) -> tuple[pd.DataFrame, np.ndarray]:
    """The candidates that are at something.

    Where railway lines are given, a candidate of a crash with a train becomes one for each
    crossing or line that claims it, and one that nothing claims is none if another is claimed.
    A crash that a train is not known to be absent from, and whose coordinate leads nowhere on the
    railway, is looked for by its km on the railway, where its record gives one.

    Parameters
    ----------
    crashes
        As :func:`blackspots.locating.given.blank` gives them.
    sigma
        Standard deviation of a coordinate [m].
    junction : shape (crashes,)
        Without a network, distance [m] of each crash from the nearest junction.

    Returns
    -------
    options : DataFrame
        With ``place``, ``located_by``, ``key``, equal for one place, ``crossing``, ``rail``
        (positions, -1 for none), ``rail_measure`` [m], ``distance`` [m] as
        :func:`blackspots.locating.at_rail.claims_of` gives it, ``alone`` (for the choice it is
        no place on a road).
    reasons : shape (crashes,)
        Why a km on the railway leads nowhere, a key below ``reason.``, or None.
    """
    options = options.copy()
    near = np.broadcast_to(np.asarray(junction, dtype="float64"), len(crashes))
    options["junction_id"] = -1
    options["junction_distance"] = near[options["crash"].to_numpy(dtype="int64")]
    if network is not None:
        at_junctions(options, network.segments, network.nodes, reach.junction)
    options["crossing"], options["rail"], options["rail_measure"] = -1, -1, np.nan
    options["distance"], options["alone"], options["claimed"] = np.nan, False, False
    reasons = np.full(len(crashes), None, dtype=object)
    if rail is not None:
        spread = spread_of(crashes, sigma)
        named = line_keys(crashes["route"], len(crashes))
        options = _claimed(options, crashes, spread, named, rail, reach, constants)
        if len(rail.lines):
            options, reasons = _with_rail_km(options, crashes, spread, named, rail, reach)
    return _told(options), reasons


def spread_of(crashes: gpd.GeoDataFrame, sigma: float) -> np.ndarray:
    """Standard deviation [m] of each coordinate: that of the register, and of its decimals."""
    uncertainty = crashes["uncertainty"].to_numpy(dtype="float64", na_value=np.nan)
    return np.asarray(np.hypot(sigma, np.nan_to_num(uncertainty) / 2))


def _claimed(
    options: pd.DataFrame,
    crashes: gpd.GeoDataFrame,
    spread: np.ndarray,
    named: np.ndarray,
    rail: Rail,
    reach: Reach,
    constants: Likelihood,
) -> pd.DataFrame:
    """The candidates, those that the railway claims entered."""
    crash = options["crash"].to_numpy(dtype="int64")
    by_post = options["by_post"].to_numpy(dtype=bool)
    doubt = crashes["km_uncertainty"].to_numpy(dtype="float64", na_value=np.nan)
    at_post = np.hypot(constants.km_sigma, np.nan_to_num(doubt))
    spots = Spots.of(
        options["point"].to_numpy(dtype=object),
        options["train"].to_numpy(dtype="float64"),
        sigma=np.where(by_post, at_post[crash], spread[crash]),
        junction=options["junction_distance"].to_numpy(dtype="float64"),
        named=named[crash],
    )
    return _split(options, claims_of(spots, rail, reach), rail)


def _split(options: pd.DataFrame, claims: pd.DataFrame, rail: Rail) -> pd.DataFrame:
    """A candidate for each claim, beside those that nothing claims."""
    if claims.empty:
        return options
    own = options.iloc[claims["spot"]].reset_index(drop=True)
    own["probability"] = own["probability"].to_numpy() * claims["share"].to_numpy()
    own["crossing"], own["rail"] = claims["crossing"].to_numpy(), claims["line"].to_numpy()
    own["rail_measure"], own["claimed"] = claims["measure"].to_numpy(), True
    own["distance"] = claims["distance"].to_numpy()
    own["alone"] = claims["along"].to_numpy(dtype=bool)
    free = np.ones(len(options), dtype=bool)
    free[claims["spot"]] = False
    if len(rail.lines):
        # A crash with a train was where trains run.
        sure = np.unique(own["crash"][own["train"] == 1])
        free &= ~((options["train"] == 1) & options["crash"].isin(sure)).to_numpy()
    parts = [part for part in (options[free], _gathered(own, rail)) if len(part)]
    made = pd.concat(parts, ignore_index=True)
    made["probability"] /= made.groupby("crash")["probability"].transform("sum")
    order = ["crash", "segment", "measure"]
    return made.sort_values(order, kind="stable", ignore_index=True)


def _gathered(own: pd.DataFrame, rail: Rail) -> pd.DataFrame:
    """One candidate for each place on the railway, at the road that fits best."""
    alone = own["alone"].to_numpy(dtype=bool)
    on_line = own["crossing"].to_numpy() < 0
    for column, nothing in _OFF_ROAD.items():
        own[column] = own[column].where(~on_line, nothing)
    own["spot"] = own["spot"].astype(object)
    rows = np.flatnonzero(alone)
    if not len(rows):
        return own
    crossing, line = own["crossing"].to_numpy(), own["rail"].to_numpy()
    spots = own["spot"].to_numpy(copy=True)
    at = rows[~on_line[rows]]
    spots[at] = rail.points[crossing[at]]
    at = rows[on_line[rows]]
    shapes = rail.lines.geometry.to_numpy()[line[at]]
    spots[at] = shapely.line_interpolate_point(shapes, own["rail_measure"].to_numpy()[at])
    own["spot"] = spots
    own.loc[alone, "far"] = False
    along = own["rail_measure"].round(1).where(on_line, 0.0)
    keys = ["crash", "crossing", "rail", "_along"]
    there = own.assign(_along=along)[alone].sort_values("fit", ascending=False, kind="stable")
    total = there.groupby(keys)["probability"].transform("sum")
    one = there.assign(probability=total).drop_duplicates(keys).drop(columns="_along")
    return pd.concat([part for part in (own[~alone], one) if len(part)], ignore_index=True)


def _with_rail_km(
    options: pd.DataFrame,
    crashes: gpd.GeoDataFrame,
    spread: np.ndarray,
    named: np.ndarray,
    rail: Rail,
    reach: Reach,
) -> tuple[pd.DataFrame, np.ndarray]:
    """With the places of km on the railway, for crashes whose coordinate tells less."""
    train = trains_of(crashes)
    kms = crashes["km"].to_numpy(dtype="float64", na_value=np.nan)
    there = np.zeros(len(crashes), dtype=bool)
    somewhere = options["claimed"] | (options["segment"] >= 0)
    there[options["crash"][somewhere]] = True
    at_rail = np.zeros(len(crashes), dtype=bool)
    at_rail[options["crash"][options["claimed"]]] = True
    told = (train == 1) & at_rail & (ERROR * spread <= reach.train)
    wanted = np.where(train == 1, ~told, np.isnan(train) & ~there)
    asked = named.copy()
    asked[~wanted] = None
    found, reasons = by_rail_km(asked, kms, rail)
    if found.empty:
        return options, reasons
    crash, line = found["crash"].to_numpy(), found["line"].to_numpy()
    measure = found["measure"].to_numpy()
    points = shapely.line_interpolate_point(rail.lines.geometry.to_numpy()[line], measure)
    spots = Spots(
        points=points,
        train=train[crash],
        sigma=km_spread(crashes)[crash],
        junction=np.full(len(found), np.inf),
        named=named[crash],
        line=line,
        measure=measure,
    )
    number = np.bincount(crash, minlength=len(crashes))
    more = pd.DataFrame(
        {
            **_OFF_ROAD,
            "crash": crash,
            "by_post": True,
            "far": False,
            "post": np.nan,
            "post_gap": np.nan,
            "point": points,
            "spot": points,
            "probability": 1 / number[crash],
            "fit": 0.0,
            "train": train[crash],
            "crossing": -1,
            "rail": -1,
            "rail_measure": np.nan,
            "distance": np.nan,
            "alone": True,
            "claimed": False,
        },
        index=range(len(found)),
    )
    more = _split(more, claims_of(spots, rail, reach), rail)
    kept = options[~options["crash"].isin(crash)]
    made = pd.concat([part for part in (kept, more) if len(part)], ignore_index=True)
    order = ["crash", "segment", "measure"]
    return made.sort_values(order, kind="stable", ignore_index=True), reasons


def km_spread(crashes: gpd.GeoDataFrame) -> np.ndarray:
    """Standard deviation [m] of each km on the railway."""
    doubt = crashes["km_uncertainty"].to_numpy(dtype="float64", na_value=np.nan)
    return np.asarray(np.hypot(POST_SIGMA, np.nan_to_num(doubt) / 2))


def _told(options: pd.DataFrame) -> pd.DataFrame:
    """The candidates with the kind of place each is, without those that are at nothing."""
    at_crossing = options["crossing"].to_numpy() >= 0
    on_line = ~at_crossing & options["claimed"].to_numpy(dtype=bool)
    at_junction = ~at_crossing & (options["junction_id"].to_numpy() >= 0)
    on_road = options["segment"].to_numpy() >= 0
    kinds = [at_crossing, on_line, at_junction, on_road]
    options["place"] = pd.Series(
        np.select(kinds, ["crossing", "railway", "junction", "segment"], "").astype(object),
        index=options.index,
    )
    along = pd.MultiIndex.from_arrays([options["rail"], options["rail_measure"].round(1)])
    by_post = options["by_post"].to_numpy(dtype=bool)
    options["key"] = np.select(
        kinds,
        [
            2 * KIND + options["crossing"],
            5 * KIND + pd.factorize(along)[0],
            KIND + options["junction_id"],
            np.where(by_post, keys_of_posts(options), options["route_id"]),
        ],
        -1,
    )
    options["located_by"] = pd.Series(
        np.where(by_post, "route_km", "coordinate").astype(object), index=options.index
    )
    lost = options["place"] == ""
    made = options[~lost]
    again = made["crash"].isin(options["crash"][lost])
    if again.any():
        # A coordinate that leads nowhere leaves its chance to the km post.
        total = made.groupby("crash")["probability"].transform("sum")
        made = made.assign(
            probability=made["probability"].where(~again, made["probability"] / total)
        )
    return made


def enter_rail(made: gpd.GeoDataFrame, best: pd.DataFrame, rail: Rail) -> None:
    """Enter line and km of the crashes with a train, and of those at a crossing."""
    rows = made.index[best["crash"].to_numpy()]
    line, measure = best["rail"].to_numpy(), best["rail_measure"].to_numpy(dtype="float64")
    made.loc[rows, "rail_line"] = names_of(rail, line)
    made.loc[rows, "rail_km"] = rail_kms(rail, line, measure)


def enter_queues(
    made: gpd.GeoDataFrame,
    best: pd.DataFrame,
    rail: Rail,
    reach: Reach,
    network: Layers | None,
    ids: np.ndarray,
    vague: np.ndarray,
) -> None:
    """Enter the crossing in whose queue crashes without a train were.

    ``ids`` of the crossings; ``vague``: coordinates that tell no place.
    """
    junction = np.full(len(made), np.inf)
    junction[best["crash"]] = best["junction_distance"]
    without = trains_of(made) == 0
    points = made.geometry.to_numpy()
    if network is None:
        rows = np.flatnonzero(without & ~vague)
        crossing = queue_at(points[rows], junction[rows], rail, reach)[0]
    else:
        rows = np.flatnonzero(without & made["segment_id"].notna().to_numpy())
        route = made["route_id"].to_numpy(dtype="int64", na_value=-1)[rows]
        crossing = queue_at(
            points[rows], junction[rows], rail, reach, route=route, segments=network.segments
        )[0]
    at = crossing >= 0
    made.loc[made.index[rows[at]], "queue_at"] = ids[crossing[at]]
