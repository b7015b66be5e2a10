"""From road centrelines to a network: segments, nodes, junctions and routes.

Roads meet only where they share a vertex: of one node id where every road has node ids, as those
of OpenStreetMap have; else of one place (equal after rounding to a tolerance) and layer. Lines
that merely cross, as at an overpass, stay apart.

The steps, each a module: ``cutting`` (lines to pieces between shared vertices), ``merging``
(pieces of one road to segments), ``carriageways`` (the two sides of a divided road),
``junctions`` (nodes to junctions), ``passing`` (roads that go on across a junction),
``routes`` (segments to routes with one measure),
``calibration`` (official km by the km posts), ``health`` (islands and dead ends).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots import crs as crs_
from blackspots.errors import BlackspotsError
from blackspots.network.calibration import REACH, calibrate
from blackspots.network.carriageways import sides_of
from blackspots.network.cutting import cut
from blackspots.network.health import NEARLY, Health, health_of
from blackspots.network.junctions import Consolidation, consolidate, rings_of
from blackspots.network.merging import merge
from blackspots.network.passing import pass_through
from blackspots.network.routes import chain
from blackspots.schema import JUNCTIONS, NODES, PARTS, PLACED_POSTS, ROUTES, SEGMENTS, check

__all__ = ["NEARLY", "REACH", "Consolidation", "Health", "Network", "build_network"]


_LINES: Final = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)
_NAMED: Final = 5
MINOR: Final = ("path", "footway", "pedestrian", "bridleway", "track", "steps", "cycleway")
"""Classes of ways that make no junction with a road."""


@dataclass(frozen=True, slots=True)
class Network:
    """A road network.

    The tables :data:`~blackspots.schema.SEGMENTS`, ``PARTS``, ``NODES``, ``JUNCTIONS`` and
    ``ROUTES``; ``health`` tells of islands and dead ends, ``posts``
    (:data:`~blackspots.schema.PLACED_POSTS`) what each km post was good for, where there are any.
    """

    segments: gpd.GeoDataFrame
    parts: pd.DataFrame
    nodes: gpd.GeoDataFrame
    junctions: gpd.GeoDataFrame
    routes: gpd.GeoDataFrame
    health: Health
    posts: gpd.GeoDataFrame | None = None


def build_network(
    roads: gpd.GeoDataFrame,
    *,
    node_tolerance: float = 0.01,
    junction_link: float = 30.0,
    divided_gap: float = 60.0,
    minor_classes: Collection[str] = MINOR,
    origins: Mapping[str, tuple[float, float, float]] | None = None,
    posts: gpd.GeoDataFrame | None = None,
) -> Network:
    """Segments, nodes, junctions and routes of a road layer.

    Parameters
    ----------
    roads
        :data:`blackspots.schema.ROADS` in a metric CRS; only the geometry is needed, other
        columns are used where they are there.
    node_tolerance
        Vertices closer than about this [m] are one node, unless every road has ``node_ids``.
    junction_link
        Junction nodes joined by a segment no longer than this [m] are one junction; see
        :class:`Consolidation` for the whole rule.
    divided_gap
        Greatest distance [m] between the two carriageways of one divided road.
    minor_classes
        Road classes that do not make a junction.
    origins
        Road number to (x, y, km): the route's end nearest to (x, y) has that official km,
        which then grows by length. For roads whose layer holds no km.
    posts
        Km posts as points with ``ref`` and ``km`` [km], such as
        :data:`blackspots.schema.POSTS`. On a route that has some they go before the km of the
        road layer and the origin; see :mod:`blackspots.network.calibration`.

    Returns
    -------
    Network
        Without node ids segments join across layers only where one begins. A segment runs from
        junction or dead end to the next, or to where number, name, class or one-way rule
        change; ``parts`` tells the road that each stretch of it was drawn as. Routes chain the
        segments of one number, else of one name, else those going straight on; the second
        carriageway of a divided road shares the measure of the first.

    Raises
    ------
    BlackspotsError
        ``crs-not-metric``, ``no-crs`` (of roads or posts), or ``roads-unusable`` for rows that
        are no lines.
    """
    if roads.crs is None:
        raise BlackspotsError("no-crs", file="roads", table="roads")
    crs_.metric(roads.crs, "roads", roads.geometry)
    pieces, points = cut(_with_columns(_lines(roads)), node_tolerance)
    segments, parts, nodes = merge(pieces, points)
    rule = Consolidation(link=junction_link, median=divided_gap)
    major = ~segments["road_class"].isin(list(minor_classes)).to_numpy()
    rings = rings_of(segments, nodes, major, rule)
    sides = sides_of(segments, divided_gap, rings.on)
    segments["side"] = sides.side
    junctions = consolidate(segments, nodes, major, rings, rule)
    passing = pass_through(segments, nodes, sides, rings.on, divided_gap)
    segments["side"] = passing.sides.side
    routes = chain(segments, parts, passing, origins or {})
    placed = None
    if posts is not None:
        if posts.crs is None:
            raise BlackspotsError("no-crs", file="posts", table="posts")
        made = calibrate(segments, parts, routes, crs_.reproject(posts, roads.crs))
        segments, parts, routes, placed = made.segments, made.parts, made.routes, made.posts
        check(placed, PLACED_POSTS)
    for table, columns in (
        (segments, SEGMENTS),
        (parts, PARTS),
        (nodes, NODES),
        (junctions, JUNCTIONS),
        (routes, ROUTES),
    ):
        check(table, columns)
    return Network(segments, parts, nodes, junctions, routes, health_of(segments, nodes), placed)


def _lines(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The layer with one line a row and text for ids; what is no line is refused by name."""
    shapes = np.asarray(roads.geometry.array)
    xy, row = shapely.get_coordinates(shapes, return_index=True)
    bad = ~np.isin(shapely.get_type_id(shapes), _LINES) | shapely.is_empty(shapes)
    bad[row[~np.isfinite(xy).all(axis=1)]] = True
    if bad.any():
        names = ", ".join(str(label) for label in roads.index[bad][:_NAMED])
        raise BlackspotsError("roads-unusable", count=int(bad.sum()), rows=names)
    made = roads.explode() if (shapely.get_type_id(shapes) != _LINES[0]).any() else roads
    return (
        made if all(isinstance(i, str) for i in made.index) else made.set_axis(made.index.map(str))
    )


def _with_columns(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The layer with all columns that are used; what is no number (``2;3``) is unknown."""
    texts = ("ref", "name", "road_class", "oneway")
    numbers = ("aadt", "km_from", "km_to", "layer", "lanes", "maxspeed")
    missing = {**dict.fromkeys(texts), **dict.fromkeys((*numbers, "roundabout"), np.nan)}
    new = {c: value for c, value in missing.items() if c not in roads}
    for c in numbers:
        if c in roads and not pd.api.types.is_numeric_dtype(roads[c].dtype):
            new[c] = pd.to_numeric(roads[c], errors="coerce").astype("float64")
    return roads.assign(**new)
