"""How far crashes may lie from what they are placed at, and which places are at a junction."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.sparse.csgraph import dijkstra

from blackspots.graph import Graph


@dataclass(frozen=True, slots=True)
class Reach:
    """How far [m] a crash may lie from what it is placed at.

    ``tolerance``: from the road; ``junction``: along the road from a junction; ``crossing``:
    from a level crossing; ``train``: the same for a crash with a train, and from the track;
    ``footprint``: along the railway from a crossing, for a crash with a train.
    """

    tolerance: float = 50.0
    junction: float = 150.0
    crossing: float = 50.0
    train: float = 200.0
    footprint: float = 75.0


def at_junctions(
    made: pd.DataFrame, segments: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame, radius: float
) -> None:
    """Enter the nearest junction along the road within ``radius`` [m] (one search for all).

    Parameters
    ----------
    made
        Places: ``segment_id``, ``measure`` [m]. Gets ``junction_id`` (-1 for none) and
        ``junction_distance`` [m] (infinite for none).
    """
    made["junction_id"] = -1
    made["junction_distance"] = np.inf
    at = np.flatnonzero(nodes["junction_id"].notna().to_numpy())
    rows = np.flatnonzero(made["segment_id"].to_numpy() >= 0)
    if not len(at) or not len(rows):
        return
    a, b = segments["from_node"].to_numpy(), segments["to_node"].to_numpy()
    length = segments["length"].to_numpy()
    distance, _, source = dijkstra(
        Graph(a, b, length, len(nodes)).matrix,
        directed=False,
        indices=at,
        min_only=True,
        limit=radius,
        return_predecessors=True,
    )
    of = segments.index.get_indexer(made["segment_id"].to_numpy()[rows])
    measure = made["measure"].to_numpy()[rows]
    ends = np.stack([a[of], b[of]], axis=1)
    reach = np.stack([measure, length[of] - measure], axis=1) + distance[ends]
    nearer = np.argmin(reach, axis=1)
    row = np.arange(len(reach))
    best, node = reach[row, nearer], ends[row, nearer]
    close = best <= radius
    junction = nodes["junction_id"].to_numpy(dtype="int64", na_value=-1)[source[node[close]]]
    ids, far = made["junction_id"].to_numpy().copy(), made["junction_distance"].to_numpy().copy()
    ids[rows[close]], far[rows[close]] = junction, best[close]
    made["junction_id"], made["junction_distance"] = ids, far
