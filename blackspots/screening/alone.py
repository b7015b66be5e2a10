"""Crashes along roads without a study: functions on two frames, points and lines.

All take any projected CRS in metres, the same for both frames. The lines are joined where they
share a vertex (:func:`blackspots.screening.lines.joined`), the points go to the nearest line
within a tolerance, and distances run along the network. A study places crashes with more care
(by recorded road, km post and carriageway); here nothing is known but geometry.
"""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots import crs
from blackspots.graph import (
    Events,
    Graph,
    adaptive_bandwidths,
    clusters_by_density,
    k_function,
    kernel_density,
    lixelize,
)
from blackspots.graph import nearest as nearest_events
from blackspots.graph.density import Kernel, Method
from blackspots.graph.network import Array
from blackspots.nearest import nearest
from blackspots.screening.lines import Roads, drawn, joined

KILOMETRE = 1000.0
"""Metres in a kilometre."""


class Placed(NamedTuple):
    """Points on a network made of lines."""

    graph: Graph
    """The network; its edges are parts of the lines."""
    events: Events
    """The points that are on it, numbered 0, 1 ... in their order among those placed."""
    found: pd.DataFrame
    """On the points' index: ``placed``; ``line``, the index label of its line; ``measure``,
    metres [m] along that; ``offset``, metres [m] to it; the last three NA beyond the tolerance."""
    roads: Roads
    """The lines the edges are parts of."""


def events_on(
    lines: gpd.GeoDataFrame,
    points: gpd.GeoDataFrame,
    *,
    tolerance: float = 50.0,
    node_tolerance: float = 0.0,
) -> Placed:
    """Join lines to a network and put points on it.

    Parameters
    ----------
    lines
        LineStrings or MultiLineStrings.
    points
        Points; one without coordinates is not placed.
    tolerance
        Greatest distance [m] of a point from its line. Of equally near lines the first counts.
    node_tolerance
        Greatest distance [m] of ends and shared vertices that are taken for one node.

    Raises
    ------
    BlackspotsError
        ``crs-not-metric``.
    ValueError
        If a CRS is missing or the two differ, a geometry is of the wrong kind, or no line has a
        length.

    Examples
    --------
    >>> lines = gpd.GeoDataFrame(
    ...     index=["QL1", "DT2"],
    ...     geometry=shapely.from_wkt(
    ...         ["LINESTRING (0 0, 100 0, 200 0)", "LINESTRING (100 0, 100 80)"]
    ...     ),
    ...     crs="EPSG:9215",
    ... )
    >>> points = gpd.GeoDataFrame(
    ...     index=[7, 8, 9], geometry=gpd.points_from_xy([150, 103, 50], [4, 60, 90]), crs=9215
    ... )
    >>> made = events_on(lines, points, tolerance=50.0)
    >>> made.found
       placed  line  measure  offset
    7    True   QL1    150.0     4.0
    8    True   DT2     60.0     3.0
    9   False  <NA>      NaN     NaN
    """
    return _placed(_roads(lines, node_tolerance), lines, points, tolerance)


def lixel_density(
    points: gpd.GeoDataFrame,
    lines: gpd.GeoDataFrame,
    *,
    bandwidth: float,
    lixel: float = 50.0,
    method: Method = "discontinuous",
    kernel: Kernel = "quartic",
    adaptive: bool = False,
    weights: pd.Series | Array | None = None,
    tolerance: float = 50.0,
    node_tolerance: float = 0.0,
) -> gpd.GeoDataFrame:
    """Density of points along lines, in the middle of lixels (network kernel density).

    Parameters
    ----------
    points, lines, tolerance, node_tolerance
        As for :func:`events_on`.
    bandwidth, method, kernel
        As for :func:`blackspots.graph.kernel_density`.
    lixel
        Greatest length [m] of a lixel: each part of a line between junctions is cut into equal
        ones.
    adaptive
        Whether each point has a bandwidth of its own, by
        :func:`blackspots.graph.adaptive_bandwidths`.
    weights
        What each point counts for, 0 or more, shape (points,).

    Returns
    -------
    geopandas.GeoDataFrame
        Lixels, with ``line`` (the line's index label), ``begin`` and ``end`` (metres [m] along
        it), ``density`` [points per km, of the whole time they span] and the geometry. Its
        ``attrs`` tell how many points were ``given`` and how many ``placed``.

    Examples
    --------
    >>> lines = gpd.GeoDataFrame(
    ...     geometry=shapely.from_wkt(["LINESTRING (0 0, 300 0)"]), crs="EPSG:9215"
    ... )
    >>> points = gpd.GeoDataFrame(geometry=gpd.points_from_xy([150, 150], [5, 0]), crs="EPSG:9215")
    >>> made = lixel_density(points, lines, bandwidth=150.0, lixel=100.0)
    >>> made["density"].round(2).tolist()
    [3.86, 12.5, 3.86]
    """
    made = events_on(lines, points, tolerance=tolerance, node_tolerance=node_tolerance)
    parts = lixelize(made.graph, lixel)
    density = _density(
        made, parts.edge, parts.middle, bandwidth, method, kernel, weights, adaptive=adaptive
    )
    before = made.roads.begin[parts.edge]
    out = gpd.GeoDataFrame(
        {
            "line": lines.index.take(made.roads.line[parts.edge]),
            "begin": before + parts.begin,
            "end": before + parts.end,
            "density": KILOMETRE * density,
        },
        geometry=drawn(made.roads, parts),
        crs=lines.crs,
    )
    out.attrs = {"given": len(points), "placed": len(made.events)}
    return out


def density_at(
    points: gpd.GeoDataFrame,
    lines: gpd.GeoDataFrame,
    places: gpd.GeoDataFrame,
    *,
    bandwidth: float,
    method: Method = "discontinuous",
    kernel: Kernel = "quartic",
    adaptive: bool = False,
    weights: pd.Series | Array | None = None,
    tolerance: float = 50.0,
    node_tolerance: float = 0.0,
) -> pd.Series:
    """Density of points along lines at given places, on the places' index.

    Parameters
    ----------
    places
        Points where it is wanted; each goes to its line as the points do.
    points, lines, bandwidth, method, kernel, adaptive, weights, tolerance, node_tolerance
        As for :func:`lixel_density`.

    Returns
    -------
    pandas.Series
        ``density`` [points per km], NaN for a place further than the tolerance from all lines.

    Examples
    --------
    >>> lines = gpd.GeoDataFrame(
    ...     geometry=shapely.from_wkt(["LINESTRING (0 0, 900 0)"]), crs="EPSG:9215"
    ... )
    >>> points = gpd.GeoDataFrame(geometry=gpd.points_from_xy([450, 450], [5, 0]), crs="EPSG:9215")
    >>> places = gpd.GeoDataFrame(
    ...     index=["school", "farm"], geometry=gpd.points_from_xy([450, 450], [0, 300]), crs=9215
    ... )
    >>> density_at(points, lines, places, bandwidth=150.0).to_dict()
    {'school': 12.5, 'farm': nan}
    """
    roads = _roads(lines, node_tolerance)
    made = _placed(roads, lines, points, tolerance)
    wanted = _placed(roads, lines, places, tolerance)
    there = wanted.found["placed"].to_numpy()
    edge, measure = (
        wanted.events.unsorted(each) for each in (wanted.events.edge, wanted.events.measure)
    )
    out = np.full(len(places), np.nan)
    out[there] = KILOMETRE * _density(
        made, edge, measure, bandwidth, method, kernel, weights, adaptive=adaptive
    )
    return pd.Series(out, index=places.index, name="density")


def cluster_points(
    points: gpd.GeoDataFrame,
    lines: gpd.GeoDataFrame,
    *,
    eps: float,
    min_crashes: int,
    tolerance: float = 50.0,
    node_tolerance: float = 0.0,
) -> pd.Series:
    """Clusters of points along lines (DBSCAN with distances along the network).

    Parameters
    ----------
    points, lines, tolerance, node_tolerance
        As for :func:`events_on`.
    eps, min_crashes
        As ``eps`` and ``minimum`` of :func:`blackspots.graph.clusters_by_density`.

    Returns
    -------
    pandas.Series
        ``cluster``, Int64 on the points' index: numbers from 0 by the first point of each, -1
        for noise, NA for a point that is on no line.

    Examples
    --------
    >>> lines = gpd.GeoDataFrame(
    ...     geometry=shapely.from_wkt(["LINESTRING (0 0, 900 0)"]), crs="EPSG:9215"
    ... )
    >>> points = gpd.GeoDataFrame(
    ...     geometry=gpd.points_from_xy([100, 110, 130, 700, 5], [0, 0, 0, 0, 99]), crs="EPSG:9215"
    ... )
    >>> cluster_points(points, lines, eps=25.0, min_crashes=3).tolist()
    [0, 0, 0, -1, <NA>]
    """
    made = events_on(lines, points, tolerance=tolerance, node_tolerance=node_tolerance)
    out = pd.Series(pd.NA, index=points.index, dtype="Int64", name="cluster")
    there = np.flatnonzero(made.found["placed"].to_numpy())
    if len(there):
        out.iloc[there] = clusters_by_density(made.graph, made.events, eps, min_crashes)
    return out


def nearest_distances(
    points: gpd.GeoDataFrame,
    lines: gpd.GeoDataFrame,
    *,
    tolerance: float = 50.0,
    node_tolerance: float = 0.0,
) -> pd.Series:
    """Distance of each point along lines to the nearest other one.

    Parameters
    ----------
    points, lines, tolerance, node_tolerance
        As for :func:`events_on`.

    Returns
    -------
    pandas.Series
        ``nearest`` [m] on the points' index; 0 where another is at the same place, infinite
        where none can be reached, NaN for a point that is on no line.

    Examples
    --------
    >>> lines = gpd.GeoDataFrame(
    ...     geometry=shapely.from_wkt(["LINESTRING (0 0, 900 0)"]), crs="EPSG:9215"
    ... )
    >>> points = gpd.GeoDataFrame(
    ...     geometry=gpd.points_from_xy([300, 310, 700, 5], [0, 3, 0, 99]), crs="EPSG:9215"
    ... )
    >>> nearest_distances(points, lines).tolist()
    [10.0, 10.0, 390.0, nan]
    """
    made = events_on(lines, points, tolerance=tolerance, node_tolerance=node_tolerance)
    out = np.full(len(points), np.nan)
    there = made.found["placed"].to_numpy()
    out[there] = nearest_events(made.graph, made.events, made.events).distance
    return pd.Series(out, index=points.index, name="nearest")


def network_k(
    points: gpd.GeoDataFrame,
    lines: gpd.GeoDataFrame,
    *,
    radii: Array,
    seed: int,
    simulations: int = 99,
    coincident: bool = False,
    tolerance: float = 50.0,
    node_tolerance: float = 0.0,
) -> pd.DataFrame:
    """The K function of points along lines, beside that of points thrown at random on them.

    Parameters
    ----------
    points, lines, tolerance, node_tolerance
        As for :func:`events_on`.
    radii
        Distances [m], shape (radii,).
    seed
        Of the simulations.
    simulations
        How often as many points are thrown, each place of the network as likely as any.
    coincident
        Whether pairs at one and the same place count: see
        :func:`blackspots.graph.k_function`, whose corrected estimate this is.

    Returns
    -------
    pandas.DataFrame
        ``radius``, ``K`` and ``theoretical`` (the radius: what complete randomness expects), and
        ``low`` and ``high``, the least and greatest of the simulations, all [m]; NaN without
        simulations. At one radius chosen beforehand, K outside is significant at the ``level``
        2 / (simulations + 1) that stands in ``attrs``; over many radii together it is not.

    Raises
    ------
    ValueError
        As :func:`events_on`, and where fewer than two points are on the lines.

    Examples
    --------
    Of three points two are 10 m apart; K at 20 m is far above the 20 m of complete randomness:

    >>> lines = gpd.GeoDataFrame(
    ...     geometry=shapely.from_wkt(["LINESTRING (0 0, 900 0)"]), crs="EPSG:9215"
    ... )
    >>> points = gpd.GeoDataFrame(
    ...     geometry=gpd.points_from_xy([300, 310, 700], [0, 0, 0]), crs="EPSG:9215"
    ... )
    >>> made = network_k(points, lines, radii=np.array([20.0]), seed=1, simulations=0)
    >>> made[["radius", "K"]].to_dict("records")
    [{'radius': 20.0, 'K': 150.0}]
    """
    if simulations < 0:
        raise ValueError(f"simulations must be 0 or more, not {simulations}")
    radii = np.asarray(radii, dtype=np.float64)
    made = events_on(lines, points, tolerance=tolerance, node_tolerance=node_tolerance)
    observed = k_function(made.graph, made.events, radii, coincident=coincident)
    chance = np.random.Generator(np.random.PCG64(seed))
    low, high = np.full((2, len(radii)), np.nan)
    for _ in range(simulations):
        thrown = _thrown(made.graph, len(made.events), chance)
        simulated = k_function(made.graph, thrown, radii, coincident=coincident).corrected
        low, high = np.fmin(low, simulated), np.fmax(high, simulated)
    out = pd.DataFrame(
        {
            "radius": radii,
            "K": observed.corrected,
            "theoretical": radii,
            "low": low,
            "high": high,
        }
    )
    out.attrs = {
        "given": len(points),
        "placed": len(made.events),
        "level": 2.0 / (simulations + 1) if simulations else np.nan,
    }
    return out


def _thrown(graph: Graph, count: int, chance: np.random.Generator) -> Events:
    """Points anywhere on the network, each metre as likely as any."""
    ends = np.cumsum(graph.length)
    at = chance.random(count) * ends[-1]
    edge = np.minimum(np.searchsorted(ends, at, side="right"), len(ends) - 1)
    measure = np.clip(at - (ends[edge] - graph.length[edge]), 0.0, graph.length[edge])
    return Events.on(graph, edge, measure)


def _roads(lines: gpd.GeoDataFrame, node_tolerance: float) -> Roads:
    if lines.crs is None:
        raise ValueError("the lines have no CRS")
    crs.metric(lines.crs, "lines")
    return joined(lines.geometry.to_numpy(), node_tolerance=node_tolerance)


def _placed(
    roads: Roads, lines: gpd.GeoDataFrame, points: gpd.GeoDataFrame, tolerance: float
) -> Placed:
    if points.crs != lines.crs:
        raise ValueError("points and lines differ in their CRS: use to_crs on one of them")
    geometry = points.geometry.to_numpy()
    kind = shapely.get_type_id(geometry)
    wrong = (kind != -1) & (kind != shapely.GeometryType.POINT)
    if wrong.any():
        raise ValueError(f"{int(wrong.sum())} of {len(points)} points are no points")
    xy = np.full((len(points), 2), np.nan)
    known, row = shapely.get_coordinates(geometry, return_index=True)
    xy[row] = known
    snapped = nearest(xy, roads.geometry, tolerance)
    there = snapped.line >= 0
    edge = snapped.line[there]
    events = Events.on(roads.graph, edge, snapped.measure[there])
    line = pd.Series(pd.NA, index=points.index, dtype="object")
    line.iloc[np.flatnonzero(there)] = lines.index.take(roads.line[edge]).to_numpy()
    measure = np.full(len(points), np.nan)
    measure[there] = roads.begin[edge] + snapped.measure[there]
    found = pd.DataFrame(
        {"placed": there, "line": line, "measure": measure, "offset": snapped.distance},
        index=points.index,
    )
    return Placed(roads.graph, events, found, roads)


def _density(
    made: Placed,
    edge: Array,
    measure: Array,
    bandwidth: float,
    method: Method,
    kernel: Kernel,
    weights: pd.Series | Array | None,
    *,
    adaptive: bool,
) -> Array:
    """Density [points/m] at places on the network."""
    share = None
    if weights is not None:
        share = np.asarray(weights, dtype=np.float64)
        if share.shape != (len(made.found),):
            raise ValueError(f"weights must hold one number for each of {len(made.found)} points")
        share = share[made.found["placed"].to_numpy()]
    own = None
    if adaptive:
        own = adaptive_bandwidths(
            made.graph,
            made.events,
            bandwidth=bandwidth,
            method=method,
            kernel=kernel,
            weights=share,
        )
    return kernel_density(
        made.graph,
        made.events,
        edge,
        measure,
        bandwidth=bandwidth,
        method=method,
        kernel=kernel,
        weights=share,
        bandwidths=own,
    )
