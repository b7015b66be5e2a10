"""Clusters of crashes along routes, whatever a definition says: KDE+ on the routes of a study."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots.screening.joining import junctions_on_routes
from blackspots.screening.kdeplus import kde_plus

HEAPED: Final = 0.1
"""Share of crashes placed by km post from which positions are compared as rounded (assumption)."""


def clusters_along(
    located: gpd.GeoDataFrame,
    routes: gpd.GeoDataFrame,
    segments: gpd.GeoDataFrame,
    nodes: gpd.GeoDataFrame,
    *,
    radius: float,
    bandwidth: float,
    simulations: int,
    level: float,
    seed: int,
) -> pd.DataFrame:
    """Clusters of mid-block crashes on every route.

    Parameters
    ----------
    located
        :data:`blackspots.schema.LOCATED`. Crashes at junctions are a population of their own:
        that a junction has more crashes than the road beside it is no cluster.
    radius
        Distance [m] along the road from a junction within which crashes were placed at it.
    bandwidth
        Of the kernel [m].
    level
        Of the local test; of the false discovery rate where ``significant`` is told.

    Returns
    -------
    DataFrame, one row a cluster
        ``route_id``, ``low``, ``high`` [m], and what
        :func:`blackspots.screening.kdeplus.kde_plus` tells; ``significant``: q below ``level``.
        The null is even along a route, or follows the traffic of its segments; it lays no crash
        at a junction. Where crashes were placed by km posts, positions are rounded to the step
        of the posts, and so are the simulated ones: a heap at a post is no cluster.
    """
    here = located[(located["place"] == "segment").to_numpy()]
    found = kde_plus(
        routes.index.get_indexer(here["route_id"].astype("int64")),
        here["route_measure"].to_numpy(dtype="float64"),
        routes["length"].to_numpy(dtype="float64"),
        bandwidth=bandwidth,
        simulations=simulations,
        level=level,
        seed=seed,
        exposure=_exposure(routes, segments, nodes, radius),
        rounding=_rounding(here),
    )
    made = found.clusters.rename(columns={"from": "low", "to": "high"})
    made.insert(0, "route_id", routes.index.to_numpy()[made.pop("track").to_numpy(dtype="int64")])
    made["significant"] = made["q"].to_numpy() <= level
    return pd.DataFrame(made.reset_index(drop=True).rename_axis("cluster_id"))


def _exposure(
    routes: gpd.GeoDataFrame, segments: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame, radius: float
) -> pd.DataFrame:
    """What chance is proportional to along each route: traffic, and nothing at junctions.

    Columns ``track`` (position of the route), ``from``, ``to`` [m], ``value``.
    """
    own = segments[segments["side"] != "other"]
    track = routes.index.get_indexer(own["route_id"])
    low = own["route_offset"].to_numpy("float64")
    high = low + own["route_span"].to_numpy("float64")
    at = junctions_on_routes(segments, nodes)
    zone = routes.index.get_indexer(at["route"])
    length = routes["length"].to_numpy("float64")
    near = np.clip(at["low"] - radius, 0.0, None).to_numpy("float64")
    far = np.minimum(at["high"].to_numpy("float64") + radius, length[zone])
    # Every piece of road between two ends of anything; keys order them route after route.
    step = float(length.max(initial=0.0)) + 1.0
    ends = np.unique(np.r_[track * step + low, track * step + high, zone * step + near,
                           zone * step + far])  # fmt: skip
    middle = (ends[:-1] + ends[1:]) / 2
    order = np.argsort(track * step + low, kind="stable")
    of = np.searchsorted((track * step + low)[order], middle, side="right") - 1
    inside = (of >= 0) & (middle <= (track * step + high)[order][of])
    open_ = np.searchsorted(np.sort(zone * step + near), middle, side="right")
    closed = np.searchsorted(np.sort(zone * step + far), middle, side="right")
    piece = order[of[inside]]
    value = own["aadt"].to_numpy("float64", na_value=np.nan)[piece]
    counted = np.bincount(track[piece], ~np.isnan(value), minlength=len(routes)) > 0
    value = np.where(counted[track[piece]], value, 1.0)
    value[(open_ > closed)[inside]] = 0.0
    base = track[piece] * step
    return pd.DataFrame(
        {
            "track": track[piece],
            "from": ends[:-1][inside] - base,
            "to": ends[1:][inside] - base,
            "value": value,
        }
    )


def _rounding(here: pd.DataFrame) -> float | None:
    """The step [m] of km posts, where so many crashes lie on posts that these make heaps."""
    by_post = here["located_by"] == "route_km"
    if by_post.mean() < HEAPED:
        return None
    step = 2 * here.loc[by_post, "km_uncertainty"].astype("float64")
    return float(step.mode().iloc[0]) if step.gt(0).any() else None


def touched_by(clusters: pd.DataFrame, route: np.ndarray, measure: np.ndarray) -> np.ndarray:
    """The significant cluster in which each place lies (its row), -1 for none."""
    own = np.flatnonzero(clusters["significant"].to_numpy(bool))
    made = np.full(len(route), -1, dtype="int64")
    known = np.flatnonzero(~np.isnan(route) & ~np.isnan(measure))
    if not len(own) or not len(known):
        return made
    of, low, high = (clusters[c].to_numpy()[own] for c in ("route_id", "low", "high"))
    order = np.lexsort((low, of))
    of, low, high, own = of[order], low[order], high[order], own[order]
    step = max(float(high.max()), float(measure[known].max())) + 1.0
    asked = route[known] * step + measure[known]
    at = np.searchsorted(of * step + low, asked, side="right") - 1
    inside = (at >= 0) & (of[at] == route[known]) & (measure[known] <= high[at])
    made[known[inside]] = own[at[inside]]
    return made
