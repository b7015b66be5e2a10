"""Which line end a road goes on to, and the chains that this makes.

Lines are numbered 0 to n - 1; end 2i is the start of line i, end 2i + 1 its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

STRAIGHT_ON: Final = float(np.radians(60))
"""Greatest turn [rad] at which a road without a number goes on through a junction."""
TURNED_BACK: Final = float(np.radians(120))
"""Turn [rad] from which a one-way line leads back beside another: the two sides of a road."""
NONE: Final = -1


@dataclass(frozen=True, slots=True)
class Chains:
    """Lines chained end to end, each in one chain.

    ``order``: line numbers, chain after chain; ``sign``: for each of them +1 where the chain
    runs along the line, -1 against; ``start``: position in ``order`` of each chain's first
    line, and at its end the number of lines.
    """

    order: np.ndarray
    sign: np.ndarray
    start: np.ndarray

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def number(self) -> np.ndarray:
        """The chain of each entry of ``order``."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    def numbers(self) -> np.ndarray:
        """The chain of each line, in the order of lines; every line is in one."""
        made = np.empty(len(self.order), dtype=int)
        made[self.order] = self.number
        return made

    def turned(self, chosen: np.ndarray) -> Chains:
        """The same chains, those of a mask the other way round."""
        number = self.number
        at = np.arange(len(self.order))
        back = self.start[:-1][number] + self.start[1:][number] - 1 - at
        at = np.where(chosen[number], back, at)
        return Chains(self.order[at], np.where(chosen[number], -1, 1) * self.sign[at], self.start)


@dataclass(frozen=True, slots=True)
class Ends:
    """What is known of each line's two ends, in the order of ends."""

    node: np.ndarray
    bearing: np.ndarray
    key: np.ndarray
    numbered: np.ndarray
    leaves: np.ndarray
    """Whether traffic may only enter the line here (+1), only leave it (-1), or both (0)."""


def ends_of(lines: gpd.GeoDataFrame) -> Ends:
    """The ends of segments or pieces.

    ``key`` numbers the road: its number, else its name, else its class.
    """
    shapes = lines.geometry.array
    count = shapely.get_num_points(shapes)
    first, second = (shapely.get_coordinates(shapely.get_point(shapes, i)) for i in (0, 1))
    last = shapely.get_coordinates(shapely.get_point(shapes, count - 1))
    before = shapely.get_coordinates(shapely.get_point(shapes, count - 2))
    out = np.empty((2 * len(lines), 2))
    out[0::2], out[1::2] = second - first, before - last
    key, numbered = road_keys(lines)
    way = np.nan_to_num(lines["oneway"].to_numpy(dtype="float64")).astype("int64")
    leaves = np.empty(2 * len(lines), dtype="int64")
    leaves[0::2], leaves[1::2] = way, -way
    return Ends(
        lines[["from_node", "to_node"]].to_numpy().ravel(),
        np.arctan2(out[:, 1], out[:, 0]),
        np.repeat(key, 2),
        np.repeat(numbered, 2),
        leaves,
    )


def road_keys(lines: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    """A code for each line's road: number, else name, else class; and whether it has a number."""
    ref, name = (lines[c].to_numpy(dtype="object") for c in ("ref", "name"))
    has_ref, has_name = (~pd.isna(words) & (words != "") for words in (ref, name))
    kind = lines["road_class"].to_numpy(dtype="object")
    word = np.where(has_ref, ref, np.where(has_name, name, kind))
    sort = np.where(has_ref, 0, np.where(has_name, 1, 2))
    code = pd.factorize(word, use_na_sentinel=True)[0] + 1
    return code * 3 + sort, has_ref


def turns(ends: Ends, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How far [rad] a road turns that goes on from each end to another; 0 is straight on."""
    around = (ends.bearing[a] - ends.bearing[b] + 2 * np.pi) % (2 * np.pi)
    return np.asarray(np.abs(around - np.pi))


def pair_ends(ends: Ends, among: np.ndarray | None = None) -> np.ndarray:
    """The end that each end's road goes on to at its node, -1 for none.

    At each node the ends of one road are paired, the straightest pair first. A road without a
    number must go about straight on unless nothing else meets there; two one-way lines that
    both lead to the node, or both away, or of which one leads back beside the other, are no
    pair.

    Parameters
    ----------
    among : bool, shape (lines,), optional
        Lines that may be paired, and only with each other.
    """
    size = len(ends.node)
    degree = np.bincount(ends.node, minlength=int(ends.node.max(initial=0)) + 1)[ends.node]
    candidates = np.arange(size)
    if among is not None:
        candidates = candidates[np.repeat(among, 2)]
    order = candidates[np.lexsort((candidates, ends.key[candidates], ends.node[candidates]))]
    node, key = ends.node[order], ends.key[order]
    new = np.r_[True, (node[1:] != node[:-1]) | (key[1:] != key[:-1])][: len(order)]
    begin = np.flatnonzero(new)
    group = np.cumsum(new) - 1
    count = np.diff(np.r_[begin, len(order)])
    here = np.arange(len(order))
    later = begin[group] + count[group] - here - 1
    one = np.repeat(here, later)
    other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(later) - later, later)
    a, b = order[one], order[other]
    turn = turns(ends, a, b)
    free = (degree[a] == 2) | (ends.numbered[a] & (count[group[one]] == 2))  # noqa: PLR2004
    one_way = (ends.leaves[a] != 0) & (ends.leaves[b] != 0)
    against = one_way & ((ends.leaves[a] == ends.leaves[b]) | (turn >= TURNED_BACK))
    fits = (a // 2 != b // 2) & (free | (turn <= STRAIGHT_ON)) & ~(against & (degree[a] > 2))  # noqa: PLR2004
    best = np.lexsort((b[fits], a[fits], turn[fits]))
    return matched(a[fits][best], b[fits][best], size)


def matched(a: np.ndarray, b: np.ndarray, size: int) -> np.ndarray:
    """Partners by taking pairs in their order, each end once.

    In rounds: a pair that is the first left for both of its ends is taken by all of them.
    """
    partner = np.full(size, NONE)
    while len(a):
        rank = np.arange(len(a))
        first = np.full(size, len(a))
        np.minimum.at(first, a, rank)
        np.minimum.at(first, b, rank)
        taken = (first[a] == rank) & (first[b] == rank)
        partner[a[taken]], partner[b[taken]] = b[taken], a[taken]
        left = (partner[a] == NONE) & (partner[b] == NONE)
        a, b = a[left], b[left]
    return partner


def chains_of(partner: np.ndarray) -> Chains:
    """Lines chained by the partners of their ends.

    A chain begins at its lower free end, a ring at the start of its lowest line; chains come
    in the order of their beginnings, rings after them.
    """
    state = np.arange(len(partner))
    end, steps = _followed(partner)
    rings = partner[end ^ 1] != NONE
    opened, entered = np.zeros((2, len(partner)), dtype=bool)
    if rings.any():
        first = 2 * _lowest_of_rings(partner, np.unique(state[rings] // 2))
        partner = partner.copy()
        opened[first] = opened[partner[first]] = entered[first] = True
        partner[partner[first]] = NONE
        partner[first] = NONE
        end, steps = _followed(partner)
    # A state is a line entered at an end. The path through it, walked back, is the path of the
    # opposite state: where that one ends, this one began.
    begin, place = end[state ^ 1] ^ 1, steps[state ^ 1]
    of_ring = opened[begin]
    found = state[np.where(of_ring, entered[begin], begin < (end ^ 1))]
    order = found[np.lexsort((place[found], begin[found], of_ring[found]))]
    begins = begin[order]
    start = np.flatnonzero(np.r_[True, begins[1:] != begins[:-1]][: len(order)])
    return Chains(order // 2, np.where(order % 2 == 0, 1, -1), np.r_[start, len(order)])


def _followed(partner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last state of the path from each state, and the steps to it.

    Each round doubles the steps that are known; in a ring there is no last state.
    """
    state = np.arange(len(partner))
    onward = partner[state ^ 1]
    hop = np.where(onward == NONE, state, onward)
    steps = (onward != NONE).astype("int64")
    for _ in range(len(partner).bit_length()):
        further = hop[hop]
        if np.array_equal(further, hop):
            break
        steps += steps[hop]
        hop = further
    return hop, steps


def _lowest_of_rings(partner: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """The lowest line of each ring, of the lines that are in one."""
    # Both ends: where lines are drawn against each other, ends meet ends and starts starts.
    one = np.concatenate([lines, lines])
    other = np.concatenate([partner[2 * lines], partner[2 * lines + 1]]) // 2
    size = len(partner) // 2
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(size, size))
    ring = connected_components(graph, directed=False)[1][lines]
    return np.asarray(lines[np.unique(ring, return_index=True)[1]])
