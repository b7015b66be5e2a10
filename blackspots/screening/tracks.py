"""Tracks: the parts of lines chained into ways along which crashes have one measure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely
from scipy import sparse
from scipy.sparse import csgraph

from blackspots.graph.network import Array
from blackspots.graph.plain import bisect, spread
from blackspots.nearest.pieces import Pieces
from blackspots.screening.lines import Roads

NONE = -1


class Tracks(NamedTuple):
    """Each edge on one track, each track a way that comes by no edge twice."""

    track: Array
    """Track of each edge, shape (edges,), numbered by the first edge of each."""
    before: Array
    """Metres [m] along the track to where the edge begins, shape (edges,)."""
    turned: Array
    """Whether the track passes the edge from its ``v`` to its ``u`` end, shape (edges,)."""
    length: Array
    """Lengths [m] of the tracks, shape (tracks,)."""

    def along(self, edge: Array, measure: Array, lengths: Array) -> Array:
        """Metres [m] along its track of each point, from those along its edge.

        Parameters
        ----------
        edge, measure
            Edge and metres [m] from its ``u`` end of each point, shape (points,).
        lengths
            Lengths [m] of the edges.
        """
        own = np.where(self.turned[edge], lengths[edge] - measure, measure)
        return np.asarray(self.before[edge] + own)


def chained(roads: Roads, names: pd.Series | None = None) -> Tracks:
    """Chain the edges of lines into tracks.

    Two ends are joined where no third one can be meant: where just two ends of all meet, or just
    two of one line (of one name, if names are given). A track therefore runs through a junction
    along its line or name, and ends where the name does, branches or comes to an end itself. A
    ring begins at the ``u`` end of its first edge.

    Parameters
    ----------
    roads
        Lines made a network by :func:`blackspots.screening.lines.joined`.
    names
        Name or number of the road that each line is part of, missing where it is not known,
        shape (lines,). Lines of two names are never joined.

    Examples
    --------
    A road in two pieces, drawn towards each other, and a lane that begins where they meet:

    >>> from blackspots.screening.lines import joined
    >>> wkt = ["LINESTRING (0 0, 50 0)", "LINESTRING (90 0, 50 0)", "LINESTRING (50 0, 50 9)"]
    >>> roads = joined(shapely.from_wkt(wkt))
    >>> chained(roads).track.tolist()
    [0, 1, 2]
    >>> tracks = chained(roads, pd.Series(["QL1", "QL1", None]))
    >>> tracks.track.tolist(), tracks.before.tolist(), tracks.length.tolist()
    ([0, 0, 1], [0.0, 50.0, 0.0], [90.0, 9.0])
    """
    graph = roads.graph
    edges = len(graph.u)
    partner = _partners(np.stack([graph.u, graph.v], axis=1).ravel(), *_keys(roads, names))
    # A track in either direction is a list of the ends by which its edges are entered: from an
    # end one leaves its edge by the other (half ^ 1), and enters the next by its partner.
    half = np.arange(2 * edges)
    track, first = _components(partner, edges)
    # A ring has no loose end: cut before its first edge.
    loose = np.zeros(len(first), dtype=bool)
    loose[track[half[partner == NONE] >> 1]] = True
    cut = 2 * first[~loose]
    partner[partner[cut]] = NONE
    partner[cut] = NONE
    back = np.where(partner >= 0, partner ^ 1, NONE)
    before, start = _ranked(back, np.repeat(graph.length, 2))
    # The direction in which the first edge is entered by its u end.
    turned = start[2 * np.arange(edges)] != start[2 * first][track]
    chosen = 2 * np.arange(edges) + turned
    length = np.bincount(track, graph.length, minlength=len(first))
    return Tracks(track, before[chosen], turned, length)


def _keys(roads: Roads, names: pd.Series | None) -> tuple[Array, Array]:
    """What an edge is a part of, and with which others it may be joined; shape (edges,) both."""
    if names is None:
        return roads.line, np.zeros(len(roads.line), dtype=np.int64)
    code, known = pd.factorize(names)
    # A line of no known name is a part of itself alone, but may go on in another such line.
    own = np.where(code >= 0, code, len(known) + np.arange(len(code)))
    return own[roads.line], code[roads.line]


def _partners(node: Array, part: Array, group: Array) -> Array:
    """The end that each end is joined with, or -1, shape (2 edges,)."""
    partner = np.full(len(node), NONE, dtype=np.int64)
    group, part = np.repeat(group, 2), np.repeat(part, 2)
    for keys in ((node,), (part, node)):
        order = np.lexsort(keys)
        new = np.ones(len(order) + 1, dtype=bool)
        new[1:-1] = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
        begin = np.flatnonzero(new)
        two = begin[:-1][np.diff(begin) == 2]  # noqa: PLR2004 - a pair of ends
        one, other = order[two], order[two + 1]
        fits = group[one] == group[other]
        one, other = one[fits], other[fits]
        partner[one], partner[other] = other, one
    return partner


def _components(partner: Array, edges: int) -> tuple[Array, Array]:
    """Chain of each edge, numbered by first edges, and the first edge of each chain."""
    half = np.flatnonzero(partner >= 0)
    links = sparse.csr_array(
        (np.ones(len(half), dtype=np.int8), (half >> 1, partner[half] >> 1)), shape=(edges, edges)
    )
    label = csgraph.connected_components(links, directed=False)[1]
    _, first, chain = np.unique(label, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[chain], first[order]


def _ranked(back: Array, length: Array) -> tuple[Array, Array]:
    """Metres before each member of its list, and the list's first member, by doubling steps."""
    before = np.where(back >= 0, length[back], 0.0)
    start = np.where(back >= 0, back, np.arange(len(back)))
    back = back.copy()
    while (on := np.flatnonzero(back >= 0)).size:
        to = back[on]
        before[on] += before[to]
        start[on] = start[to]
        back[on] = back[to]
    return before, start


def cut_out(roads: Roads, tracks: Tracks, track: Array, begin: Array, end: Array) -> Array:
    """LineStrings of stretches of tracks, shape (stretches,).

    Parameters
    ----------
    track
        Number of each stretch's track, shape (stretches,).
    begin, end
        Metres [m] along it, shape (stretches,); the end not before the beginning.
    """
    if not len(track):
        return np.zeros(0, dtype=object)
    pieces = Pieces.of(roads.geometry)
    edge = np.repeat(np.arange(len(roads.line)), np.diff(pieces.start))
    # Vertices in the order of the tracks; those of an edge's end and the next one's beginning
    # are at one place, and both stay.
    own = pieces.measure * (roads.graph.length[edge] / pieces.measure[pieces.start[edge + 1] - 1])
    measure = tracks.along(edge, own, roads.graph.length)
    number = np.arange(len(edge))
    within = np.where(tracks.turned[edge], -number, number)
    order = np.lexsort((within, tracks.before[edge], tracks.track[edge]))
    xy, measure = pieces.xy[order], measure[order]
    count = np.bincount(tracks.track[edge], minlength=len(tracks.length))
    start = np.concatenate([[0], np.cumsum(count)])
    low, high = start[track], start[track + 1]
    after = bisect(measure, low, high, begin, right=True)
    until = np.maximum(bisect(measure, low, high, end, right=False), after)
    ends = [_at(xy, measure, low, high, where) for where in (begin, end)]
    owner, inner = spread(after, until)
    many = until - after + 2
    offset = np.concatenate([[0], np.cumsum(many)]).astype(np.int64)
    made = np.empty((offset[-1], 2))
    made[offset[:-1]], made[offset[1:] - 1] = ends
    made[offset[owner] + 1 + inner - after[owner]] = xy[inner]
    return np.asarray(shapely.from_ragged_array(shapely.GeometryType.LINESTRING, made, (offset,)))


def _at(xy: Array, measure: Array, low: Array, high: Array, where: Array) -> Array:
    """Coordinates at measures along tracks, whose vertices are ``low`` to ``high``."""
    after = np.clip(bisect(measure, low, high, where, right=True), low + 1, high - 1)
    step = measure[after] - measure[after - 1]
    share = np.where(step > 0, (where - measure[after - 1]) / np.where(step > 0, step, 1.0), 0.0)
    share = np.clip(share, 0.0, 1.0)[:, None]
    return np.asarray(xy[after - 1] * (1.0 - share) + xy[after] * share)
