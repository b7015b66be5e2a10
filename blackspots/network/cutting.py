"""Road lines cut at their shared vertices."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from blackspots.graph.plain import spread

ONE_WAY: Final = {
    **dict.fromkeys(("yes", "true", "1", "1.0", "y", "t", "có", "x"), 1.0),
    **dict.fromkeys(("-1", "-1.0", "reverse"), -1.0),
    **dict.fromkeys(("no", "false", "0", "0.0", "n", "f", "không"), 0.0),
}
"""What a one-way rule says: along the line, against it, or neither."""
_NUMBERS: Final = ("aadt", "lanes", "maxspeed")
_WORDS: Final = ("ref", "name", "road_class")


def cut(roads: gpd.GeoDataFrame, tolerance: float) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """Pieces of the roads between nodes, and the coordinates of each node number.

    A node is an end of a line, or a vertex that lines share or one line passes twice.

    Returns
    -------
    GeoDataFrame, shape (pieces,)
        ``road`` (position in the layer), ``road_id``, ``ref``, ``name``, ``road_class``,
        ``oneway`` (+1, -1, 0, NaN), ``aadt``, ``lanes``, ``maxspeed``, ``layer``, ``roundabout``,
        ``from_node``, ``to_node``, ``length`` [m], ``road_from`` [m] (measure on the road of
        its start), ``km_from``, ``km_to``, ``twin`` (the first piece drawn on the very same
        vertices, -1 for none) and whether it is ``turned`` against that one.
    points : float, shape (nodes, 2)
    """
    xy, line = shapely.get_coordinates(roads.geometry.array, return_index=True)
    cell = np.round(xy / max(tolerance, 1e-9)).astype("int64")
    line = line.astype("int64")  # of no line at all numpy makes numbers with a point
    repeated = np.zeros(len(xy), dtype=bool)
    repeated[1:] = (line[1:] == line[:-1]) & (cell[1:] == cell[:-1]).all(axis=1)
    shared = _shared_ids(roads, repeated)
    several = np.bincount(line[~repeated], minlength=len(roads))[line] > 1
    kept = ~repeated & several
    xy, line, cell = xy[kept], line[kept], cell[kept]
    end = np.ones(len(xy), dtype=bool)
    end[1:-1] = (line[1:-1] != line[:-2]) | (line[1:-1] != line[2:])
    place = _layered(roads, cell, line, end) if shared is None else shared[kept]
    _, first, vertex = np.unique(place, return_index=True, return_inverse=True)
    split = end | (np.bincount(vertex)[vertex] > 1)
    # A line that turns back upon itself would be one piece twice as long as its road.
    split[1:-1] |= ~end[1:-1] & (vertex[:-2] == vertex[2:])

    at = np.flatnonzero(split)
    start, stop = at[:-1], at[1:]
    inside = line[start] == line[stop]
    start, stop = start[inside], stop[inside]
    owner, take = spread(start, stop + 1)
    along, whole = _measures(xy, line, len(roads))
    road = line[start]
    share = np.stack([along[start], along[stop]]) / whole[road]
    km_0, km_1 = (_numbers(roads, c)[road] for c in ("km_from", "km_to"))
    kms = km_0 + share * (km_1 - km_0)
    numbers, node = np.unique(vertex[np.r_[start, stop]], return_inverse=True)
    ways = roads["oneway"].map(lambda w: ONE_WAY.get(str(w).strip().casefold(), np.nan))
    frame = gpd.GeoDataFrame(
        {
            "road": road,
            "road_id": roads.index.to_numpy(dtype="object")[road],
            **{c: words_of(roads[c], road) for c in _WORDS},
            "oneway": ways.to_numpy(dtype="float64")[road],
            **{c: _numbers(roads, c)[road] for c in _NUMBERS},
            "layer": np.nan_to_num(_numbers(roads, "layer")).astype("int64")[road],
            "roundabout": (_numbers(roads, "roundabout") == 1)[road],
            "from_node": node[: len(start)],
            "to_node": node[len(start) :],
            "length": along[stop] - along[start],
            "road_from": along[start],
            "km_from": kms[0],
            "km_to": kms[1],
        },
        geometry=shapely.linestrings(xy[take], indices=owner),
        crs=roads.crs,
    )
    frame["twin"], frame["turned"] = _twins(frame)
    return frame, xy[first[numbers]]


def _twins(pieces: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    """For each piece the first one drawn on the same vertices, and whether the other way round."""
    twin = np.full(len(pieces), -1)
    ends = np.sort(pieces[["from_node", "to_node"]].to_numpy(), axis=1)
    like = pd.DataFrame({"a": ends[:, 0], "b": ends[:, 1], "length": pieces["length"].round(3)})
    alike = np.flatnonzero(like.duplicated(keep=False).to_numpy())
    if len(alike):
        shapes = shapely.to_wkb(shapely.normalize(np.asarray(pieces.geometry.array)[alike]))
        code = pd.factorize(shapes)[0]
        first = pd.Series(alike).groupby(code).transform("first").to_numpy()
        twin[alike] = np.where(first == alike, -1, first)
    turned = np.zeros(len(pieces), dtype=bool)
    again = np.flatnonzero(twin >= 0)
    shapes = np.asarray(pieces.geometry.array)
    turned[again] = ~shapely.equals_exact(shapes[again], shapes[twin[again]], tolerance=1e-9)
    return twin, turned


def words_of(words: pd.Series, rows: np.ndarray | None = None) -> pd.Series:
    """Text of some rows, None where empty: NaN, which pandas puts there, passes for a name."""
    text = words.to_numpy(dtype="object").copy()
    text[pd.isna(text)] = None
    return pd.Series(text if rows is None else text[rows], dtype="object")


def _numbers(roads: gpd.GeoDataFrame, column: str) -> np.ndarray:
    return np.asarray(pd.to_numeric(roads[column]).to_numpy(dtype="float64", na_value=np.nan))


def _measures(xy: np.ndarray, line: np.ndarray, lines: int) -> tuple[np.ndarray, np.ndarray]:
    """Distance [m] of each vertex from its line's start, and the length of each line."""
    step = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    begins = np.r_[True, line[1:] != line[:-1]][: len(line)]
    step[begins] = 0.0
    along = np.cumsum(step)
    begin = np.flatnonzero(begins)
    along -= along[begin][np.cumsum(begins) - 1]
    whole = np.zeros(lines)
    np.maximum.at(whole, line, along)
    return along, whole


def _shared_ids(roads: gpd.GeoDataFrame, repeated: np.ndarray) -> np.ndarray | None:
    """A number for each vertex, one for each node id; None where not every road has its ids.

    A vertex at the place of the one before it (``repeated``) is one with it, whatever its id.
    """
    if "node_ids" not in roads or roads.empty or roads["node_ids"].isna().any():
        return None
    rows = roads["node_ids"].to_list()
    if [len(ids) for ids in rows] != shapely.get_num_coordinates(roads.geometry.array).tolist():
        return None
    known, number = np.unique(np.concatenate(rows), return_inverse=True)
    again = np.flatnonzero(repeated)
    same = (np.ones(len(again)), (number[again - 1], number[again]))
    _, number_of = connected_components(coo_array(same, shape=(len(known),) * 2), directed=False)
    return np.asarray(number_of[number])


def _layered(
    roads: gpd.GeoDataFrame, cell: np.ndarray, line: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """A number for each vertex, one for all that are at one place on one layer."""
    # Rows as one key each: unique of rows sorts them many times slower.
    low = cell.min(axis=0) if len(cell) else np.zeros(2, dtype="int64")
    span = int(cell[:, 1].max() - low[1]) + 1 if len(cell) else 1
    place = np.unique((cell[:, 0] - low[0]) * span + cell[:, 1] - low[1], return_inverse=True)[1]
    layer = pd.to_numeric(roads["layer"]).fillna(0).to_numpy(dtype="int64")[line]
    if not layer.any():
        return np.asarray(place)
    level = _levels(place, layer, end)
    _, number = np.unique(np.stack([place, level]), axis=1, return_inverse=True)
    return np.asarray(number.ravel())


def _levels(vertex: np.ndarray, layer: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The layer on which each line meets others at its vertex.

    A layer that goes on beyond the vertex stays apart from others that do. A line that ends
    there, alone on its layer, as the road to a bridge does, joins the nearest of them.
    """
    strands = pd.DataFrame({"vertex": vertex, "layer": layer, "strands": np.where(end, 1, 2)})
    groups = strands.groupby(["vertex", "layer"])
    at = groups["strands"].sum().reset_index()
    level = at["layer"].to_numpy().copy()
    for _, here in at[at["vertex"].duplicated(keep=False)].groupby("vertex"):
        rows, layers = here.index.to_numpy(), here["layer"].to_numpy()
        alone = (here["strands"] == 1).to_numpy()
        onto = layers[:1] if alone.all() else layers[~alone]
        for row, own in zip(rows[alone], layers[alone], strict=True):
            level[row] = onto[np.argmin(np.abs(onto - own))]
    return np.asarray(level[groups.ngroup()])
