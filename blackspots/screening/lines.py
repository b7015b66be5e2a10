"""Lines as they stand in a file, made a network: joined at shared vertices, cut into parts.

For the functions of :mod:`blackspots.screening.alone`, which know no study. Carriageways are not
paired, short gaps are bridged only if that is asked for, and a line that ends on another between
two of its vertices stays apart from it: what joins such lines is the network of a study.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from blackspots.graph import Graph, Lixels
from blackspots.graph.network import Array
from blackspots.graph.plain import bisect, spread
from blackspots.nearest.pieces import Pieces

SAME = 1e-6
"""Grid [m] on which vertices are compared: those of one place may differ by rounding."""


class Roads(NamedTuple):
    """Lines cut where they meet; each array of shape (edges,)."""

    graph: Graph
    """The network, its edges numbered as the arrays below."""
    geometry: Array
    """LineStrings of the edges, from the ``u`` to the ``v`` end."""
    line: Array
    """Position of the line that the edge is a part of, int64."""
    begin: Array
    """Metres [m] from the line's beginning to the edge's ``u`` end."""


def joined(lines: Array, *, node_tolerance: float = 0.0) -> Roads:
    """Cut lines at the vertices they share, which become nodes, as do all ends.

    Lines that cross without a common vertex, as at an overpass, stay apart.

    Parameters
    ----------
    lines
        LineStrings or MultiLineStrings, shape (lines,); the parts of one count one after the
        other.
    node_tolerance
        Greatest distance [m] of nodes that are taken for one, also over several steps; 0 for
        those alone that are at one place.

    Raises
    ------
    ValueError
        If a geometry is missing or no line, a coordinate is not finite, no line has a length,
        or the tolerance is below 0.

    Examples
    --------
    A road across which another one begins:

    >>> wkt = ["LINESTRING (0 0, 50 0, 90 0)", "LINESTRING (50 0, 50 9)"]
    >>> roads = joined(shapely.from_wkt(wkt))
    >>> roads.graph.length.tolist(), roads.line.tolist(), roads.begin.tolist()
    ([50.0, 40.0, 9.0], [0, 0, 1], [0.0, 50.0, 0.0])
    """
    if not node_tolerance >= 0.0:
        raise ValueError(f"node_tolerance must be 0 or more, not {node_tolerance}")
    xy, start, whole = _vertices(lines)
    count = np.diff(start)
    place = _numbered(xy)
    times = np.bincount(place)
    cut = times[place] > 1
    cut[start[:-1]] = cut[start[1:] - 1] = True
    at = np.flatnonzero(cut)
    own = np.repeat(np.arange(len(count)), count)
    same = own[at[1:]] == own[at[:-1]]
    first, last = at[:-1][same], at[1:][same]
    inner, where = spread(first, last + 1)
    offset = np.zeros(len(first) + 1, dtype=np.int64)
    np.cumsum(np.bincount(inner, minlength=len(first)), out=offset[1:])
    geometry = np.asarray(
        shapely.from_ragged_array(shapely.GeometryType.LINESTRING, xy[where], (offset,))
    )
    length = Pieces.of(geometry).measure[offset[1:] - 1]
    line = whole[own[first]]
    # Edges stand by line and along it.
    before = np.cumsum(length) - length
    begin = before - before[np.searchsorted(line, line)]
    node = _merged(xy, place, at, node_tolerance)
    graph = Graph(node[place[first]], node[place[last]], length, int(node.max()) + 1)
    return Roads(graph, geometry, line, begin)


def _vertices(lines: Array) -> tuple[Array, Array, Array]:
    """Vertices of the lines' parts that have a length, none twice in a row.

    Coordinates (vertices, 2), the start of each part (parts + 1,), and its line (parts,).
    """
    lines = np.asarray(lines, dtype=object)
    kinds = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)
    wrong = ~np.isin(shapely.get_type_id(lines), [int(kind) for kind in kinds])
    if wrong.any():
        raise ValueError(f"{int(wrong.sum())} of {len(lines)} lines are missing or no lines")
    parts, whole = shapely.get_parts(lines, return_index=True)
    xy, own = shapely.get_coordinates(parts, return_index=True)
    if not np.isfinite(xy).all():
        raise ValueError("lines must have finite coordinates")
    new = np.ones(len(xy), dtype=bool)
    new[1:] = (xy[1:] != xy[:-1]).any(axis=1) | (own[1:] != own[:-1])
    xy, own = xy[new], own[new]
    long = np.bincount(own, minlength=len(parts)) > 1
    if not long.any():
        raise ValueError("no line has a length")
    xy, own = xy[long[own]], own[long[own]]
    start = np.zeros(int(long.sum()) + 1, dtype=np.int64)
    np.cumsum(np.bincount(own, minlength=len(parts))[long], out=start[1:])
    return xy, start, whole[long].astype(np.int64)


def _numbered(xy: Array) -> Array:
    """A number for each place, the same for vertices that are at one, shape (vertices,)."""
    grid = np.rint(xy / SAME)
    order = np.lexsort((grid[:, 0], grid[:, 1]))
    new = np.zeros(len(xy), dtype=np.int64)
    new[1:] = (grid[order[1:]] != grid[order[:-1]]).any(axis=1)
    number = np.empty(len(xy), dtype=np.int64)
    number[order] = np.cumsum(new)
    return number


def _merged(xy: Array, place: Array, at: Array, tolerance: float) -> Array:
    """Node of each place, those within the tolerance of each other as one; -1 where none is."""
    places, first = np.unique(place[at], return_index=True)
    node = np.full(int(place.max()) + 1, -1, dtype=np.int64)
    number: Array = np.arange(len(places))
    if tolerance > 0.0:
        near = cKDTree(xy[at[first]]).query_pairs(tolerance, output_type="ndarray")
        links = sparse.csr_array(
            (np.ones(len(near), dtype=np.int8), (near[:, 0], near[:, 1])),
            shape=(len(places), len(places)),
        )
        number = csgraph.connected_components(links, directed=False)[1]
    node[places] = number
    return node


def drawn(roads: Roads, parts: Lixels) -> Array:
    """LineStrings of lixels, shape (lixels,), with the vertices of the edges between.

    Parameters
    ----------
    roads
        The network and its lines.
    parts
        Lixels of ``roads.graph``.
    """
    pieces = Pieces.of(roads.geometry)
    # Where one lixel ends and the next begins.
    inner = np.flatnonzero(parts.begin > 0.0)
    edge, measure = parts.edge[inner].astype(np.int64), parts.begin[inner]
    after = bisect(
        pieces.measure, pieces.start[edge] + 1, pieces.start[edge + 1] - 1, measure, right=False
    )
    before = after - 1
    step = pieces.measure[after] - pieces.measure[before]
    share = np.clip((measure - pieces.measure[before]) / step, 0.0, 1.0)[:, None]
    cuts = pieces.xy[before] * (1.0 - share) + pieces.xy[after] * share
    # Cuts after the vertex they follow, in the order of their measures.
    vertices = len(pieces.xy)
    follows = np.concatenate([np.arange(vertices), before + 0.5])
    order = np.lexsort((np.concatenate([pieces.measure, measure]), follows))
    cut = order >= vertices
    xy = np.concatenate([pieces.xy, cuts])[order]
    begins = np.zeros(len(order), dtype=bool)
    begins[pieces.start[:-1]] = True
    begins = begins[order]
    # A cut is the end of one lixel and the beginning of the next.
    twice = np.repeat(np.arange(len(order)), 1 + cut)
    second = np.zeros(len(twice), dtype=bool)
    second[1:] = twice[1:] == twice[:-1]
    number = np.cumsum(begins[twice] | second) - 1
    offset = np.zeros(len(parts.edge) + 1, dtype=np.int64)
    np.cumsum(np.bincount(number, minlength=len(parts.edge)), out=offset[1:])
    return np.asarray(
        shapely.from_ragged_array(shapely.GeometryType.LINESTRING, xy[twice], (offset,))
    )
