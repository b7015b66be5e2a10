"""What a road layer may have wrong: parts that nothing joins, and ends that nearly do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

NEARLY: Final = 5.0
"""Distance [m] at which a dead end is told as one that may be meant to touch a road."""


@dataclass(frozen=True, slots=True)
class Health:
    """Islands and dead ends of a network.

    ``island``, shape (segments,): 0 for the greatest connected part, then 1, 2 ... by length.
    ``islands``: index as before, ``segments`` and ``length`` [m] of each part.
    ``dead_ends``: points, index the node; ``gap`` [m] to the nearest segment that does not end
    there, ``near`` that segment; both empty beyond :data:`NEARLY`.
    """

    island: np.ndarray
    islands: pd.DataFrame
    dead_ends: gpd.GeoDataFrame


def health_of(segments: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame) -> Health:
    """Islands and dead ends of :data:`~blackspots.schema.SEGMENTS` and ``NODES``."""
    a, b = segments["from_node"].to_numpy(), segments["to_node"].to_numpy()
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(len(nodes),) * 2)
    part = connected_components(graph, directed=False)[1][a]
    length = np.bincount(part, weights=segments["length"].to_numpy())
    count = np.bincount(part, minlength=len(length))
    used = np.flatnonzero(count)
    order = used[np.lexsort((used, -length[used]))]
    rank = np.full(len(length), -1)
    rank[order] = np.arange(len(order))
    islands = pd.DataFrame(
        {"segments": count[order], "length": length[order]},
        index=pd.RangeIndex(len(order), name="island"),
    )
    return Health(rank[part], islands, _dead_ends(segments, nodes))


def _dead_ends(segments: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    alone = np.flatnonzero(nodes["degree"].to_numpy() == 1)
    made = gpd.GeoDataFrame(
        {"gap": np.nan, "near": pd.array([pd.NA] * len(alone), dtype="Int64")},
        index=nodes.index[alone],
        geometry=nodes.geometry.array[alone],
        crs=nodes.crs,
    )
    if not len(alone):
        return made
    shapes = np.asarray(segments.geometry.array)
    points = np.asarray(nodes.geometry.array)[alone]
    who, what = shapely.STRtree(shapes).query(points, predicate="dwithin", distance=NEARLY)
    ends = segments[["from_node", "to_node"]].to_numpy()[what]
    apart = ~(ends == alone[who][:, None]).any(axis=1)
    who, what = who[apart], what[apart]
    gap = shapely.distance(points[who], shapes[what])
    order = np.lexsort((what, gap, who))
    first = order[np.unique(who[order], return_index=True)[1]]
    made.iloc[who[first], made.columns.get_loc("gap")] = gap[first]
    made.iloc[who[first], made.columns.get_loc("near")] = what[first]
    return made
