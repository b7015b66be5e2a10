"""Measures on segments and on routes, one from the other."""

from __future__ import annotations

from collections.abc import Collection

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.referencing import kms_at


def segments_at(
    segments: gpd.GeoDataFrame, route_ids: Collection[int], measures: Collection[float]
) -> pd.DataFrame:
    """Segment and measure [m] of points given by route and route measure [m].

    On a divided road it is the carriageway that bears the measure.
    """
    own = segments[segments["side"] != "other"]
    order = own.sort_values(["route_id", "route_offset"], kind="stable")
    routes = order["route_id"].to_numpy()
    step = float(order["route_offset"].max() + order["length"].max()) + 1.0
    keys = routes * step + order["route_offset"].to_numpy()
    asked = np.asarray(route_ids, dtype="float64") * step + np.asarray(measures, dtype="float64")
    position = np.clip(np.searchsorted(keys, asked + 1e-9, side="right") - 1, 0, None)
    of = order.iloc[position]
    along = np.asarray(measures, dtype="float64") - of["route_offset"].to_numpy()
    along = np.clip(along, 0.0, of["length"].to_numpy())
    measure = np.where(of["route_sign"] > 0, along, of["length"].to_numpy() - along)
    return pd.DataFrame({"segment_id": of.index, "measure": measure})


def segments_across(
    segments: gpd.GeoDataFrame, route_ids: np.ndarray, measures: np.ndarray
) -> pd.DataFrame:
    """Places on the carriageways of a divided road that do not bear its measure.

    Parameters
    ----------
    route_ids, measures : shape (places,)
        Route and route measure [m].

    Returns
    -------
    DataFrame, by place, then segment
        ``place``, ``segment`` (positions), ``measure`` [m] on the segment, across from the
        place. None where the road is not divided; several where it has more than two
        carriageways.
    """
    rows = np.flatnonzero((segments["side"] == "other").to_numpy())
    of = segments.iloc[rows]
    start, route = of["route_offset"].to_numpy(), of["route_id"].to_numpy(dtype="float64")
    stop = start + of["route_span"].to_numpy()
    # Each as a line at the height of its route's number: those that hold a measure cross it.
    tree = shapely.STRtree(shapely.box(start, route - 0.25, stop, route + 0.25))
    place, found = tree.query(shapely.points(measures, np.asarray(route_ids, dtype="float64")))
    inside = (measures[place] >= start[found]) & (measures[place] < stop[found])
    place, found = place[inside], found[inside]
    share = (measures[place] - start[found]) / (stop - start)[found]
    share = np.where(of["route_sign"].to_numpy()[found] > 0, share, 1 - share)
    order = np.lexsort((found, place))
    return pd.DataFrame(
        {
            "place": place[order],
            "segment": rows[found[order]],
            "measure": (share * of["length"].to_numpy()[found])[order],
        }
    )


def official_km(
    routes: gpd.GeoDataFrame, route_ids: np.ndarray, measures: np.ndarray
) -> np.ndarray:
    """Official km at places given by route and route measure [m]; NaN where there is none."""
    made = np.full(len(route_ids), np.nan)
    has = np.array([len(posts) > 0 for posts in routes["post_km"]], dtype=bool)
    wanted = np.flatnonzero(np.isin(route_ids, routes.index.to_numpy()[has]))
    for route, rows in pd.Series(wanted).groupby(route_ids[wanted]):
        at = rows.to_numpy()
        made[at] = kms_at(routes, int(str(route)), measures[at])
    return made


def roads_at(parts: pd.DataFrame, segment_ids: np.ndarray, measures: np.ndarray) -> np.ndarray:
    """Rows of ``parts`` that hold places given by segment and measure [m].

    At the border of two parts it is the later one.
    """
    own = np.flatnonzero(~parts["again"].to_numpy())
    of = parts.iloc[own]
    order = np.lexsort((of["from_measure"], of["segment_id"]))
    of, own = of.iloc[order], own[order]
    step = float(of["to_measure"].max()) + 1.0
    keys = of["segment_id"].to_numpy() * step + of["from_measure"].to_numpy()
    asked = segment_ids * step + measures
    return np.asarray(own[np.clip(np.searchsorted(keys, asked, side="right") - 1, 0, None)])
