"""Where each crash may have happened: the segments near its coordinate, and its km post."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.locating.measures import segments_across, segments_at
from blackspots.nearest import within
from blackspots.referencing import RouteFinder

WIDEST: Final = 1500.0
"""Greatest distance [m] at which segments are looked for, however vague a coordinate is."""
_POST: Final = ["crash", "segment", "measure", "post", "offset", "across"]
_VAGUE: Final = 2.0
"""A vague coordinate is looked around within so many times its uncertainty."""


def by_coordinate(
    points: np.ndarray, segments: gpd.GeoDataFrame, distance: np.ndarray | float
) -> pd.DataFrame:
    """Segments within a distance of points.

    Parameters
    ----------
    points : Point, shape (crashes,)
        In the segments' metric CRS; missing ones find nothing.
    distance
        Greatest distance [m], measured to the line itself; one, or one for each point.

    Returns
    -------
    DataFrame, one row for each pair, in the order of points, then of segments
        ``crash`` and ``segment`` (positions), ``offset`` [m], ``measure`` [m] along the segment.
    """
    known = np.flatnonzero(~shapely.is_missing(points) & ~shapely.is_empty(points))
    reach = np.broadcast_to(np.asarray(distance, dtype="float64"), len(points))[known]
    lines = np.asarray(segments.geometry.array)
    found = within(shapely.get_coordinates(points[known]), lines, reach)
    order = np.lexsort((found.line, found.point))
    return pd.DataFrame(
        {
            "crash": known[found.point[order]],
            "segment": found.line[order],
            "offset": found.distance[order],
            "measure": found.measure[order],
        }
    )


def nearest_segments(
    points: gpd.GeoSeries,
    segments: gpd.GeoDataFrame,
    tolerance: float,
    refs: pd.Series | None = None,
) -> pd.DataFrame:
    """Nearest segment of each point within a tolerance; ties go to the first segment.

    Parameters
    ----------
    points
        Metric CRS; empty points find nothing.
    segments
        Lines with an index; ``ref`` where ``refs`` are given.
    tolerance
        Greatest distance [m], measured to the line itself.
    refs
        Road number of each point, or missing: a segment of that number within the tolerance
        goes before nearer ones of other roads.

    Returns
    -------
    DataFrame, index of ``points``, one row for each point that found one
        ``segment_id``, ``offset`` [m], ``measure`` [m] along the segment.
    """
    pairs = by_coordinate(points.to_numpy(), segments, tolerance)
    pairs["other_road"] = True
    if refs is not None and len(pairs):
        asked = refs.to_numpy(dtype="object")[pairs["crash"]]
        has = segments["ref"].to_numpy(dtype="object")[pairs["segment"]]
        pairs["other_road"] = pd.isna(asked) | (asked != has)
    pairs = pairs.sort_values(["crash", "other_road", "offset", "segment"], kind="stable")
    best = pairs.drop_duplicates("crash")
    return pd.DataFrame(
        {
            "segment_id": segments.index.to_numpy()[best["segment"]],
            "offset": best["offset"].to_numpy(),
            "measure": best["measure"].to_numpy(),
        },
        index=points.index[best["crash"]],
    )


BEYOND: Final = 1.5
"""Roads up to so many times the distance are looked at: they may be meant though too far."""


def search_distance(uncertainty: np.ndarray, tolerance: float) -> np.ndarray:
    """How far [m] a crash may lie from its road: the tolerance, or farther if it is vague."""
    vague = np.nan_to_num(uncertainty) * _VAGUE
    return np.asarray(np.maximum(np.minimum(vague, WIDEST), tolerance))


def too_vague(uncertainty: np.ndarray, tolerance: float) -> np.ndarray:
    """Which coordinates are uncertain by more than is searched around them.

    All roads within their circle would have to be weighed to say which one is meant; those that
    are near by, weighed alone, would share out a certainty that nobody has.
    """
    return np.asarray(uncertainty > search_distance(uncertainty, tolerance))


def rows_by(code: np.ndarray) -> list[np.ndarray]:
    """The positions of each number 0, 1 ... of an array."""
    order = np.argsort(code, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(code[order])) + 1) if len(code) else []


def by_km_post(
    refs: np.ndarray,
    kms: np.ndarray,
    segments: gpd.GeoDataFrame,
    routes: gpd.GeoDataFrame,
    directed: np.ndarray | None = None,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Places of km posts on roads.

    Several, where stretches of one road have the same km. A post stands on the side of a divided
    road that bears the measure; a recorded direction of travel may mean the other side as well.

    Parameters
    ----------
    refs, kms : shape (crashes,)
        Road number and official km [km]; missing ones find nothing.
    directed : shape (crashes,)
        Which crashes have a direction of travel; none unless given.

    Returns
    -------
    found : DataFrame, by crash, then segment
        ``crash``, ``segment`` (positions), ``measure``, ``post`` [m; the route's measure],
        ``offset`` 0, ``across`` (on the side that does not bear the measure).
    reasons : shape (crashes,)
        Why there is none, a key below ``reason.``; None where there is one, or none was asked.
    """
    finder = RouteFinder(routes)
    asked = np.flatnonzero(~pd.isna(refs) & ~np.isnan(kms))
    reasons = np.full(len(refs), None, dtype=object)
    places: list[tuple[int, int, float]] = []
    code, different = pd.factorize(pd.MultiIndex.from_arrays([refs[asked], kms[asked]]))
    for (ref, km), rows in zip(different, rows_by(code), strict=True):
        spots = finder.find_all(str(ref), float(km))
        if spots[0].reason:
            reasons[asked[rows]] = spots[0].reason
            continue
        places += [
            (int(crash), spot.route_id, spot.measure) for crash in asked[rows] for spot in spots
        ]
    made = pd.DataFrame(places, columns=["crash", "route", "post"])
    made = made.astype({"crash": "int64", "route": "int64", "post": "float64"})
    if made.empty:
        made["segment"], made["measure"] = made["crash"], made["post"]
        return made.assign(offset=0.0, across=False)[_POST], reasons
    at = segments_at(segments, made["route"], made["post"])
    made["segment"] = segments.index.get_indexer(at["segment_id"])
    made["measure"], made["offset"], made["across"] = at["measure"].to_numpy(), 0.0, False
    if directed is not None and directed[made["crash"]].any():
        asked_of = made[directed[made["crash"]]].reset_index(drop=True)
        over = segments_across(segments, asked_of["route"].to_numpy(), asked_of["post"].to_numpy())
        across = asked_of.iloc[over["place"]].assign(
            segment=over["segment"].to_numpy(), measure=over["measure"].to_numpy(), across=True
        )
        made = pd.concat([made, across], ignore_index=True)
    made = made.sort_values(["crash", "segment", "measure"], kind="stable", ignore_index=True)
    return made[_POST], reasons
