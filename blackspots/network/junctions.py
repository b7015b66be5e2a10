"""Nodes to junctions, by a stated rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from blackspots.network.carriageways import BOTH, MAIN, OTHER
from blackspots.network.chaining import road_keys
from blackspots.schema import JUNCTIONS

MIN_LEGS: Final = 3
_ROUND: Final = 0.88
"""Least compactness (4 pi area / perimeter^2) of a ring that is a roundabout: a circle has 1, a
hexagon 0.91, a square block 0.79."""

_ON_RING: Final = 1e-3
"""Distance [m] at which a line's middle lies on a ring that is made of it."""


@dataclass(frozen=True, slots=True)
class Consolidation:
    """Which junction nodes are one junction; distances in [m].

    A junction node is one where three or more ends of roads meet that are not minor. Two are
    one junction when they are joined

    - by a segment no longer than ``link`` (staggered crossroads, slip lanes);
    - by the ring of a roundabout: segments recorded as one, or a round ring no longer than
      ``ring``;
    - across a divided road, by a segment no longer than ``median`` from one carriageway to the
      other.

    What these make is cut again, its longer links first, where it is wider than ``extent``: a
    chain of short blocks is a street, not a junction.
    """

    link: float = 30.0
    median: float = 60.0
    ring: float = 250.0
    extent: float = 150.0


@dataclass(frozen=True, slots=True)
class Rings:
    """Roundabouts.

    ``on``, shape (segments,): segments that are the ring of one; ``pairs``, shape (2, pairs):
    nodes of one ring.
    """

    on: np.ndarray
    pairs: np.ndarray


def rings_of(
    segments: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame, major: np.ndarray, rule: Consolidation
) -> Rings:
    """Rings that are recorded, and those that are round; see :func:`consolidate`."""
    a, b = segments["from_node"].to_numpy(), segments["to_node"].to_numpy()
    is_junction = _is_junction(a, b, major, len(nodes))
    pairs, on = _round(
        segments, nodes, major & is_junction[a] & is_junction[b] & (a != b), rule.ring
    )
    recorded = segments["roundabout"].to_numpy()
    # A recorded ring is one also where only a path meets it.
    around = np.stack([a, b])[:, recorded & (a != b)]
    return Rings(on | recorded, np.concatenate([pairs, around], axis=1))


def _is_junction(a: np.ndarray, b: np.ndarray, major: np.ndarray, nodes: int) -> np.ndarray:
    return np.asarray(np.bincount(np.r_[a[major], b[major]], minlength=nodes) >= MIN_LEGS)


def consolidate(
    segments: gpd.GeoDataFrame,
    nodes: gpd.GeoDataFrame,
    major: np.ndarray,
    rings: Rings,
    rule: Consolidation,
) -> gpd.GeoDataFrame:
    """The table :data:`blackspots.schema.JUNCTIONS`; ``nodes`` gets its ``junction_id``.

    Parameters
    ----------
    major : bool, shape (segments,)
        Segments that count as legs.
    """
    a, b = segments["from_node"].to_numpy(), segments["to_node"].to_numpy()
    is_junction = _is_junction(a, b, major, len(nodes))
    both = is_junction[a] & is_junction[b] & (a != b)
    across = both & _across(segments, a, b, rule.median)
    fixed = np.concatenate([rings.pairs, np.stack([a, b])[:, across]], axis=1)
    cluster = _clusters(segments, nodes, fixed, major & both, rule)
    numbers = np.unique(cluster[is_junction], return_inverse=True)[1]
    junction = pd.array([pd.NA] * len(nodes), dtype="Int64")
    junction[np.flatnonzero(is_junction)] = numbers
    nodes["junction_id"] = junction
    of_node = np.full(len(nodes), -1)
    of_node[is_junction] = numbers
    count = int(numbers.max()) + 1 if len(numbers) else 0
    return _described(segments, nodes, of_node, major, count)


def _clusters(
    segments: gpd.GeoDataFrame,
    nodes: gpd.GeoDataFrame,
    fixed: np.ndarray,
    links: np.ndarray,
    rule: Consolidation,
) -> np.ndarray:
    """A number for each node, one for those of one junction.

    Parameters
    ----------
    fixed : int, shape (2, pairs)
        Nodes that are one in any case.
    links : bool, shape (segments,)
        Segments that make one of their nodes if they are short.
    """
    a, b = segments["from_node"].to_numpy(), segments["to_node"].to_numpy()
    length = segments["length"].to_numpy()
    short = links & (length <= rule.link)
    xy = shapely.get_coordinates(nodes.geometry.array)
    reach = rule.link
    while True:
        one = np.concatenate([fixed, np.stack([a, b])[:, short]], axis=1)
        graph = coo_array((np.ones(one.shape[1]), tuple(one)), shape=(len(nodes),) * 2)
        _, cluster = connected_components(graph, directed=False)
        wide = _widths(xy, cluster) > rule.extent
        cuttable = short & wide[cluster[a]]
        if not cuttable.any():
            return np.asarray(cluster)
        reach = reach / 2 if reach > 1.0 else 0.0
        short &= ~(cuttable & ((length > reach) | (reach == 0.0)))


def _widths(xy: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """The diagonal [m] of the box around each cluster."""
    size = int(cluster.max(initial=-1)) + 1
    low, high = np.full((size, 2), np.inf), np.full((size, 2), -np.inf)
    np.minimum.at(low, cluster, xy)
    np.maximum.at(high, cluster, xy)
    return np.asarray(np.hypot(*(high - low).T))


def _round(
    segments: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame, may: np.ndarray, longest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of nodes, shape (2, pairs), that lie on one round ring; and which segments are one."""
    none = np.zeros((2, 0), dtype=int), np.zeros(len(segments), dtype=bool)
    few = np.flatnonzero(may & (segments["length"].to_numpy() <= longest))
    if not len(few):
        return none
    shapes = np.asarray(segments.geometry.array)[few]
    rings = shapely.get_parts(shapely.polygonize(shapes))
    if not len(rings):
        return none
    around = shapely.length(rings)
    compact = 4 * np.pi * shapely.area(rings) / np.maximum(around, 1e-9) ** 2
    rings = rings[(around <= longest) & (compact >= _ROUND)]
    if not len(rings):
        return none
    a, b = segments[["from_node", "to_node"]].to_numpy()[few].T
    ends = np.unique(np.r_[a, b])
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    at = pd.DataFrame(shapely.get_coordinates(nodes.geometry.array[ends]), columns=["x", "y"])
    corners = pd.DataFrame({"x": xy[:, 0], "y": xy[:, 1], "ring": ring})
    met = corners.merge(at.assign(node=ends), on=["x", "y"]).drop_duplicates(["ring", "node"])
    met = met.sort_values(["ring", "node"])
    first = met.groupby("ring")["node"].transform("first")
    on = met[["ring", "node"]]
    both = pd.DataFrame({"line": np.arange(len(few)), "a": a, "b": b})
    both = both.merge(on, left_on="a", right_on="node").merge(
        on, left_on=["b", "ring"], right_on=["node", "ring"]
    )
    line, ring = both["line"].to_numpy(), both["ring"].to_numpy()
    middle = shapely.line_interpolate_point(shapes[line], 0.5, normalized=True)
    # A street between two nodes of the ring may lead across it.
    own = line[shapely.distance(shapely.boundary(rings)[ring], middle) < _ON_RING]
    none[1][few[own]] = True
    return np.stack([first.to_numpy(), met["node"].to_numpy()]), none[1]


def _across(segments: gpd.GeoDataFrame, a: np.ndarray, b: np.ndarray, median: float) -> np.ndarray:
    """Segments from one carriageway of a divided road to its other."""
    side = segments["side"].to_numpy()
    link = (side == BOTH) & (segments["length"].to_numpy() <= median)
    if not link.any() or not (side == OTHER).any():
        return np.zeros(len(segments), dtype=bool)
    key = road_keys(segments)[0]
    on = {
        name: pd.DataFrame(
            {
                "node": np.r_[a[side == name], b[side == name]],
                "key": np.tile(key[side == name], 2),
            }
        ).drop_duplicates()
        for name in (MAIN, OTHER)
    }
    links = pd.DataFrame({"link": np.flatnonzero(link), "a": a[link], "b": b[link]})
    found: set[int] = set()
    for one, other in (("a", "b"), ("b", "a")):
        met = links.merge(on[MAIN], left_on=one, right_on="node")
        met = met.merge(on[OTHER], left_on=[other, "key"], right_on=["node", "key"])
        found.update(met["link"].tolist())
    made = np.zeros(len(segments), dtype=bool)
    made[list(found)] = True
    return made


def _described(
    segments: gpd.GeoDataFrame,
    nodes: gpd.GeoDataFrame,
    of_node: np.ndarray,
    major: np.ndarray,
    count: int,
) -> gpd.GeoDataFrame:
    """The junctions' middles, names, legs and traffic."""
    a, b = segments["from_node"].to_numpy(), segments["to_node"].to_numpy()
    ja, jb = of_node[a], of_node[b]
    leaves = major & ((ja != jb) | (a == b))
    at_a, at_b = leaves & (ja >= 0), leaves & (jb >= 0)
    legs = pd.DataFrame(
        {
            "junction": np.r_[ja[at_a], jb[at_b]],
            "segment": np.r_[np.flatnonzero(at_a), np.flatnonzero(at_b)],
        }
    ).sort_values(["junction", "segment"])
    legs["road"] = segments["ref"].fillna(segments["name"]).to_numpy()[legs["segment"]]
    legs["aadt"] = segments["aadt"].to_numpy()[legs["segment"]]
    groups = legs.groupby("junction")
    here = of_node >= 0
    members = np.bincount(of_node[here], minlength=count)
    xy = shapely.get_coordinates(nodes.geometry.array[here])
    x, y = (np.bincount(of_node[here], weights=v, minlength=count) / members for v in xy.T)
    index = pd.RangeIndex(count, name=JUNCTIONS.index)
    frame = gpd.GeoDataFrame(index=index, geometry=shapely.points(x, y), crs=segments.crs)
    named = legs.dropna(subset="road").groupby("junction")["road"].agg(_meeting)
    frame["label"] = named.reindex(index).fillna("").astype(object)
    frame["legs"] = groups.size().reindex(index, fill_value=0).astype("int64")
    known = groups["aadt"].count() == groups.size()
    frame["aadt"] = (groups["aadt"].sum() / 2).where(known).reindex(index)
    return frame


def _meeting(roads: pd.Series) -> str:
    """Names of the roads that meet, each once."""
    return " × ".join(sorted({str(road) for road in roads}))
