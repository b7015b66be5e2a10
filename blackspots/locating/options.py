"""The candidate places of all crashes, as one table, and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from blackspots.locating.candidates import (
    BEYOND,
    by_coordinate,
    by_km_post,
    search_distance,
    too_vague,
)
from blackspots.locating.given import Layers, spelt, trains_of
from blackspots.locating.likelihood import Evidence, Likelihood, probabilities
from blackspots.locating.measures import roads_at
from blackspots.locating.places import Reach
from blackspots.presets.headers import plain
from blackspots.referencing import route_measures
from blackspots.sources import outside

_SAME: Final = 5.0
"""Distance [m] from a candidate within which a decision means it: nearer than any two roads lie
side by side, farther than a line moves when it is drawn anew."""
KIND: Final = 2**40
"""Keys of places of one kind lie within this of each other."""
_COLUMNS: Final = {
    "crash": "int64",
    "segment": "int64",
    "measure": "float64",
    "offset": "float64",
    "by_post": "bool",
    "far": "bool",
    "post": "float64",
    "post_gap": "float64",
    "segment_id": "int64",
    "route_id": "int64",
    "route_measure": "float64",
    "km_difference": "float64",
    "road": "float64",
    "road_id": "object",
    "point": "object",
    "spot": "object",
    "probability": "float64",
    "fit": "float64",
}


def no_options() -> pd.DataFrame:
    """The table without a row."""
    return pd.DataFrame({name: np.zeros(0, kind) for name, kind in _COLUMNS.items()})


def options_of(
    crashes: gpd.GeoDataFrame, network: Layers, boundary: gpd.GeoSeries | None, reach: Reach
) -> tuple[pd.DataFrame, np.ndarray]:
    """The candidates of all crashes, and why a km post gave none.

    Returns
    -------
    options : DataFrame, by crash, then segment
        ``crash``, ``segment`` (positions), ``measure``, ``offset`` [m], ``by_post``, ``post``
        [m; the km post's measure on its route], ``post_gap`` [m; the km post's distance from a
        coordinate too vague to be searched], ``far``
        (beyond the distance at which a crash is placed), ``road_id``,
        ``segment_id``, ``route_id``, ``route_measure`` [m], ``km_difference`` [m], ``road``
        (1 the recorded road, 0 another, NaN unknown), ``spot`` (the point on the network),
        ``point`` (what it was found by), ``probability``.
    reasons : shape (crashes,)
        Keys below ``reason.``, or None.
    """
    points = crashes.geometry.to_numpy()
    uncertainty = crashes["uncertainty"].to_numpy(dtype="float64", na_value=np.nan)
    around = search_distance(uncertainty, reach.tolerance)
    vague = too_vague(uncertainty, reach.tolerance)
    searched = points.copy()
    searched[vague] = None
    near = by_coordinate(searched, network.segments, around * BEYOND)
    near["by_post"], near["post"], near["post_gap"] = False, np.nan, np.nan
    near["far"] = near["offset"].to_numpy() > around[near["crash"].to_numpy()]
    # One beyond the distance is no place to put a crash, but takes some of its certainty.
    near = near[~near.groupby("crash")["far"].transform("all").to_numpy(dtype=bool)]
    refs = spelt(crashes["route"])
    kms = crashes["km"].to_numpy(dtype="float64", na_value=np.nan)
    directed = crashes["bearing"].notna().to_numpy()
    routes = network.routes.assign(ref=spelt(network.routes["ref"]))
    posts, reasons = by_km_post(refs, kms, network.segments, routes, directed)
    posts["by_post"], posts["far"] = True, False
    shapes = np.asarray(network.segments.geometry.array)
    spots = shapely.line_interpolate_point(shapes[posts["segment"]], posts["measure"].to_numpy())
    at_post = gpd.GeoSeries(spots, crs=crashes.crs)
    inside = ~outside(at_post, boundary, reach.tolerance)
    lost = np.setdiff1d(posts["crash"], posts["crash"][inside])
    reasons[lost] = "outside-area"
    gap = shapely.distance(spots, points[posts["crash"]])
    # Within the search distance the segments are candidates already.
    of_vague = vague[posts["crash"].to_numpy()]
    far = of_vague | ~(gap <= around[posts["crash"].to_numpy()])
    posts["post_gap"] = np.where(of_vague, gap, np.nan)
    both = [part for part in (near, posts[inside & far]) if len(part)]
    if not both:
        return no_options(), reasons
    options = pd.concat(both, ignore_index=True)
    options = options.sort_values(["crash", "segment", "measure"], kind="stable", ignore_index=True)
    of = network.segments.iloc[options["segment"]]
    options["segment_id"] = of.index.to_numpy()
    options["route_id"] = of["route_id"].to_numpy()
    options["route_measure"] = route_measures(of, options["measure"].to_numpy())
    options["km_difference"] = _km_differences(options, posts, network)
    options["road"] = _same_road(refs, options, network.segments)
    part = roads_at(network.parts, options["segment_id"].to_numpy(), options["measure"].to_numpy())
    options["road_id"] = network.parts["road_id"].to_numpy(dtype=object)[part]
    options["part"] = part
    options["spot"] = shapely.line_interpolate_point(
        shapes[options["segment"]], options["measure"].to_numpy()
    )
    options["point"] = np.where(
        options["by_post"], options["spot"], points[options["crash"].to_numpy()]
    )
    return options, reasons


def _km_differences(options: pd.DataFrame, posts: pd.DataFrame, network: Layers) -> np.ndarray:
    """Distance [m] along the route from each candidate to the nearest of its crash's posts."""
    posts = posts[~posts["across"].to_numpy(dtype=bool)]
    of = network.segments.iloc[posts["segment"]]
    at = pd.DataFrame(
        {
            "crash": posts["crash"].to_numpy(),
            "route_id": of["route_id"].to_numpy(),
            "post": route_measures(of, posts["measure"].to_numpy()),
        }
    )
    own = options[["crash", "route_id", "route_measure"]].assign(row=np.arange(len(options)))
    pairs = own.merge(at, on=["crash", "route_id"])
    pairs["difference"] = pairs["post"] - pairs["route_measure"]
    pairs["size"] = pairs["difference"].abs()
    best = pairs.sort_values(["row", "size"], kind="stable").drop_duplicates("row")
    made = np.full(len(options), np.nan)
    made[best["row"]] = best["difference"]
    return made


def _same_road(refs: np.ndarray, options: pd.DataFrame, segments: gpd.GeoDataFrame) -> np.ndarray:
    """1 where a candidate is the recorded road by number or name, 0 another road, else NaN."""
    asked = refs[options["crash"].to_numpy()]
    known_refs = spelt(segments["ref"])
    ref = known_refs[options["segment"].to_numpy()]
    name = segments["name"].to_numpy(dtype=object)[options["segment"].to_numpy()]
    plainly = {word: plain(str(word)) for word in {*asked, *name} if not _missing(word)}
    same_name = np.array(
        [
            not _missing(a) and not _missing(n) and plainly[a] == plainly[n]
            for a, n in zip(asked, name, strict=True)
        ],
        dtype=bool,
    )
    known = ~pd.isna(asked)
    same = known & ((ref == asked) | same_name)
    # A street with a name may be part of a numbered road; another name is another road.
    numbers = {word for word in known_refs if word is not None}
    numbered = np.array([word in numbers for word in asked], dtype=bool)
    other = known & ~same & (~pd.isna(ref) | (~numbered & ~pd.isna(name)))
    return np.select([same, other], [1.0, 0.0], np.nan)


def _missing(word: object) -> bool:
    return word is None or word != word  # noqa: PLR0124 - NaN


def weigh(
    options: pd.DataFrame, crashes: gpd.GeoDataFrame, network: Layers, constants: Likelihood
) -> tuple[float, int]:
    """Enter the probability of each candidate.

    Returns
    -------
    sigma, readings
        The standard deviation [m] of a coordinate, and how many different ones show it.
    """
    segments = network.segments
    crash, segment = options["crash"].to_numpy(), options["segment"].to_numpy()
    kinds, names = pd.factorize(segments["road_class"], use_na_sentinel=False)
    length = segments["length"].to_numpy()
    there = shapely.is_missing(crashes.geometry.to_numpy())[crash]
    offset = np.where(there, np.nan, options["offset"].to_numpy())

    def of_crash(column: str) -> np.ndarray:
        return np.asarray(crashes[column].to_numpy(dtype="float64", na_value=np.nan)[crash])

    evidence = Evidence(
        crash=crash,
        offset=offset,
        measure=options["measure"].to_numpy(),
        length=length[segment],
        uncertainty=of_crash("uncertainty"),
        repeats=_repeats(crashes)[crash],
        by_post=options["by_post"].to_numpy(dtype=bool),
        post_gap=options["post_gap"].to_numpy(dtype="float64"),
        road=options["road"].to_numpy(),
        asked=~pd.isna(spelt(crashes["route"]))[crash],
        numbered=(segments["ref"].notna() | segments["name"].notna()).to_numpy()[segment],
        km_gap=options["km_difference"].to_numpy(),
        km_uncertainty=of_crash("km_uncertainty"),
        turn=_turns(options, segments, of_crash("bearing")),
        layer=_layers(options, network.parts, of_crash("road_layer")),
        kind=kinds[segment],
    )
    lengths = np.bincount(kinds, weights=length, minlength=len(names))
    made = probabilities(evidence, lengths, constants)
    options["probability"], options["fit"] = made.probability, made.fit
    return made.sigma, made.readings


def _repeats(crashes: gpd.GeoDataFrame) -> np.ndarray:
    """How many crashes stand on the very coordinate of each; shape (crashes,)."""
    points = crashes.geometry.to_numpy()
    place = pd.factorize(pd.MultiIndex.from_arrays([shapely.get_x(points), shapely.get_y(points)]))
    return np.asarray(np.bincount(place[0], minlength=1)[place[0]])


def _turns(options: pd.DataFrame, segments: gpd.GeoDataFrame, bearing: np.ndarray) -> np.ndarray:
    """Angle [rad] between a direction of travel [degrees from north] and the road there."""
    made = np.full(len(options), np.nan)
    rows = np.flatnonzero(~np.isnan(bearing))
    if not len(rows):
        return made
    of = segments.iloc[options["segment"].to_numpy()[rows]]
    shapes, measure = of.geometry.to_numpy(), options["measure"].to_numpy()[rows]
    low, high = np.maximum(measure - 2, 0), np.minimum(measure + 2, of["length"].to_numpy())
    ends = [
        shapely.get_coordinates(shapely.line_interpolate_point(shapes, at)) for at in (low, high)
    ]
    east, north = (ends[1] - ends[0]).T
    turn = np.abs((np.degrees(np.arctan2(east, north)) - bearing[rows] + 180) % 360 - 180)
    way = of["oneway"].to_numpy(dtype="float64", na_value=0.0)
    turn = np.where(way < 0, 180 - turn, np.where(way > 0, turn, np.minimum(turn, 180 - turn)))
    made[rows] = np.radians(turn)
    return made


def _layers(options: pd.DataFrame, parts: pd.DataFrame, layer: np.ndarray) -> np.ndarray:
    """1 where a candidate is on the recorded level, 0 where not, NaN where none is recorded."""
    if np.isnan(layer).all():
        return layer
    has = parts["layer"].to_numpy(dtype="float64")[options["part"].to_numpy()]
    return np.where(np.isnan(layer), np.nan, (has == layer).astype(float))


def with_bare(
    options: pd.DataFrame,
    crashes: gpd.GeoDataFrame,
    vague: np.ndarray,
    *,
    wrong: float | None = None,
) -> pd.DataFrame:
    """Also one row for each crash that has a coordinate but no candidate, on no segment.

    None for a coordinate that is too ``vague``: no crossing can be told from it either.
    All rows get ``train``: 1, 0, or NaN where it is not recorded.

    Parameters
    ----------
    wrong
        Share of coordinates that are plainly wrong. Where it is given, a crash with a train whose
        candidates are km posts alone gets a row too: off the roads, it may lie on the railway.
    """
    points, trains = crashes.geometry.to_numpy(), trains_of(crashes)
    there = ~shapely.is_missing(points) & ~vague
    near = np.zeros(len(crashes), dtype=bool)
    near[options["crash"].to_numpy()] = True
    bare = there & ~near
    if wrong is not None and len(options):
        by_post = options["by_post"].to_numpy(dtype=bool)
        seen = np.zeros(len(crashes), dtype=bool)
        seen[options["crash"].to_numpy()[~by_post]] = True
        beside = there & near & ~seen & (trains == 1)
        bare |= beside
        own = beside[options["crash"].to_numpy()]
        share = np.where(own, wrong, 1.0) * options["probability"].to_numpy()
        options = options.assign(probability=share)
    rows = np.flatnonzero(bare)
    if len(rows):
        more = pd.DataFrame(
            {
                "crash": rows,
                "segment": -1,
                "segment_id": -1,
                "route_id": -1,
                "by_post": False,
                "far": False,
                "road_id": None,
                "point": points[rows],
                "spot": points[rows],
                "probability": np.where(near[rows], 1.0 - (wrong or 0.0), 1.0),
                "fit": 0.0,
            }
        )
        options = pd.concat([options, more], ignore_index=True) if len(options) else more
        options = options.reindex(columns=[*_COLUMNS])
        options = options.sort_values("crash", kind="stable", ignore_index=True)
    return options.assign(train=trains[options["crash"].to_numpy(dtype="int64")])


def keys_of_posts(options: pd.DataFrame) -> np.ndarray:
    """Keys of km posts, -1 for other candidates.

    Each post beyond the search distance is a place of its own, of whatever route; on a divided
    road it is one place with two sides.
    """
    made = np.full(len(options), -1)
    own = options["by_post"].to_numpy(dtype=bool)
    keys = [options[column].to_numpy()[own] for column in ("crash", "route_id", "post")]
    made[own] = 3 * KIND + pd.factorize(pd.MultiIndex.from_arrays(keys))[0]
    return made


def decided(
    options: pd.DataFrame,
    decisions: Mapping[str, tuple[float, float] | None],
    crashes: gpd.GeoDataFrame,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The candidates that a person's decisions leave, and the crashes whose decision means none."""
    if not decisions:
        return options, ()
    where = {str(crash): row for row, crash in enumerate(crashes.index)}
    kept = np.ones(len(options), dtype=bool)
    stale = []
    xy = shapely.get_coordinates(options["spot"].to_numpy())
    probability = options["probability"].to_numpy().copy()
    for crash, spot in decisions.items():
        rows = np.flatnonzero(options["crash"].to_numpy() == where.get(crash, -1))
        if spot is None and crash in where:
            kept[rows] = False
            continue
        if spot is None or not len(rows):
            stale.append(crash)
            continue
        gap = np.hypot(*(xy[rows] - spot).T)
        if gap.min() > _SAME:
            stale.append(crash)
            continue
        kept[rows] = False
        kept[rows[gap.argmin()]], probability[rows[gap.argmin()]] = True, 1.0
    return options.assign(probability=probability)[kept], tuple(stale)


def ranked(options: pd.DataFrame) -> pd.DataFrame:
    """The candidates of each crash, its likeliest place first, and in it the one that fits best.

    For the choice, candidates on one route, or at one junction or crossing, are one place:
    where along a road its coordinate puts a crash is no doubt about the road.
    ``place_probability`` of a candidate is the probability of those on its own route or at its
    own junction or crossing. Ties go to the lowest segment.
    """
    crash, place, own = (options[c].to_numpy() for c in ("crash", "key", "probability"))
    route = options["route_id"].to_numpy()
    alone = 4 * KIND + np.arange(len(options))
    posts = keys_of_posts(options)
    off_road = options["alone"].to_numpy(dtype=bool)
    route = np.select([off_road, posts >= 0, route < 0], [alone, posts, alone], route)
    sure = summed([crash, route], own) + summed([crash, place], own)
    group = _groups(crash, place, route)
    made = options.assign(place_probability=sure - summed([crash, route, place], own))
    # Differences that only rounding makes are none.
    made["_far"] = made.groupby(group)["far"].transform("all")
    made["_group"] = -summed([crash, group], own).round(9)
    made["_own"] = -made["fit"].round(9)
    made["_first"] = made.groupby(group)["segment"].transform("min")
    order = ["crash", "_far", "_group", "_first", "far", "_own", "segment", "measure"]
    made = made.sort_values(order, kind="stable")
    made["rank"] = made.groupby("crash").cumcount() + 1
    return made.drop(columns=["_far", "_group", "_own", "_first"]).reset_index(drop=True)


def _groups(crash: np.ndarray, *keys: np.ndarray) -> np.ndarray:
    """A number for each candidate, the same for those of a crash linked by sharing a key."""
    size = start = len(crash)
    links = [np.zeros((2, 0), dtype=int)]
    for key in keys:
        code, different = pd.factorize(pd.MultiIndex.from_arrays([crash, key]))
        links.append(np.stack([np.arange(size), start + code]))
        start += len(different)
    pairs = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(pairs.shape[1]), tuple(pairs)), shape=(start, start))
    return np.asarray(connected_components(graph, directed=False)[1][:size])


def summed(keys: Sequence[np.ndarray], probability: np.ndarray) -> np.ndarray:
    """For each candidate the sum over all that have its keys."""
    names = [f"key{i}" for i in range(len(keys))]
    frame = pd.DataFrame(dict(zip(names, keys, strict=True)) | {"p": probability})
    return np.asarray(frame.groupby(names, sort=False)["p"].transform("sum"), dtype="float64")
