r"""Where a road goes on at a node that it does not share: through a roundabout, or a stagger.

::

         ╭───╮                     │
    ─────┤   ├─────          ──────┤ QL1
    QL1  ╰─┬─╯  QL1                ├──────
           │                       │   QL1

Roads of one number or name that end at nodes of one junction go on straight across it: the
measure is that of the straight line, whatever is built between. So each of the roads that
meet in a roundabout passes it, though they share its ring. A ring of the number (or name) of a
road that passes it lies beside that road.

Islands are looked at before: where a road parts in two before a junction, the two lines are
the sides of one road, as those of a longer divided road are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.graph.plain import spread
from blackspots.network.carriageways import (
    MAIN,
    MOST,
    OTHER,
    Sides,
    across_from,
    is_known,
    nearly_along,
    open_both_ways,
    places_of,
    together,
)
from blackspots.network.chaining import (
    NONE,
    STRAIGHT_ON,
    TURNED_BACK,
    Ends,
    chains_of,
    ends_of,
    matched,
    pair_ends,
    turns,
)

_REACH: Final = 50.0
"""Distance [m] from a road's end at which its bearing is taken (mark A): roads flare at a ring."""
_ALIKE: Final = 2.0
"""How many times longer the one way around an island may be than the other (mark A)."""


@dataclass(frozen=True, slots=True)
class Passing:
    """How roads go on from segment to segment.

    ``partner``, shape (2 x segments,): the end that each end's road goes on to, -1 for none,
    numbered as in :mod:`blackspots.network.chaining`; ``sides``: with islands and rings;
    ``around``, shape (segments,): for a ring that lies beside the road that passes it one of
    the ends where this enters or leaves, else -1.
    """

    partner: np.ndarray
    sides: Sides
    around: np.ndarray


@dataclass(frozen=True, slots=True)
class _Roads:
    """Segments, their ends, the junction or node that each end is at, and which are a ring."""

    segments: gpd.GeoDataFrame
    ends: Ends
    place: np.ndarray
    ring: np.ndarray


def pass_through(
    segments: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame, sides: Sides, ring: np.ndarray, gap: float
) -> Passing:
    """How each road goes on, at its nodes and across its junctions.

    Parameters
    ----------
    nodes
        With their ``junction_id``.
    ring : bool, shape (segments,)
        Segments that are the ring of a roundabout.
    gap
        Greatest distance [m] between the two sides of a road at an island.
    """
    ends = ends_of(segments)
    roads = _Roads(segments, ends, _places(nodes)[ends.node], ring)
    single = sides.side != OTHER
    partner = np.where(
        np.repeat(ring, 2), pair_ends(ends, single & ring), pair_ends(ends, single & ~ring)
    )
    sides = _with_islands(roads, partner, sides, gap)
    partner = _without(partner, sides.side == OTHER)
    across = _across(roads, partner, sides)
    around = _around(roads, across)
    beside = around != NONE
    sides = Sides(np.where(beside, OTHER, sides.side), sides.beside)
    partner = _without(np.where(across != NONE, across, partner), beside)
    return Passing(partner, sides, around)


def _places(nodes: gpd.GeoDataFrame) -> np.ndarray:
    """A number for each node, one for all nodes of a junction."""
    junction = nodes["junction_id"].to_numpy(dtype="int64", na_value=-1)
    count = int(junction.max(initial=-1)) + 1
    return np.where(junction >= 0, junction, count + np.arange(len(nodes)))


def _without(partner: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Partners without the ends of the lines of a mask."""
    out = np.repeat(lines, 2)
    made = np.where(out, NONE, partner)
    return np.where((made != NONE) & out[made], NONE, made)


def _with_islands(roads: _Roads, partner: np.ndarray, sides: Sides, gap: float) -> Sides:
    """The sides with the shorter lines around islands.

    A chain of segments is the other side of a longer one of its road where it begins at a node
    of that one, and ends at another, or in a junction to which that one leads, no further apart
    than ``gap``, and about as long.
    """
    segments = roads.segments
    number = chains_of(partner).numbers()
    length = np.bincount(number, weights=segments["length"].to_numpy())
    tried = _loops(roads, partner, sides)
    of = np.full(len(length), NONE)
    of[tried["chain"]] = tried["main"]
    may = of[number] != NONE
    if not may.any():
        return sides
    places = places_of(segments, may)
    single = (sides.side != OTHER) & ~roads.ring
    pairs = nearly_along(across_from(segments, places, single, gap, roads.ends.key[::2]))
    pairs = pairs[number[pairs["main"]] == of[number[pairs["segment"]]]]
    pairs = pairs.drop_duplicates("place")
    size = len(length)
    count = np.bincount(number[places.segment], minlength=size)
    seen = np.bincount(number[pairs["segment"]], minlength=size)
    start, sign = _chain_measure(segments, partner)
    at = start[pairs["main"]] + pairs["main_measure"].to_numpy() * sign[pairs["main"]]
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, number[pairs["segment"]], at)
    np.maximum.at(high, number[pairs["segment"]], at)
    good = (seen >= MOST * np.maximum(count, 1)) & (seen > 1)
    alike = np.zeros(size)
    # From the first place to the last it is one step less than the whole.
    alike[good] = (high - low)[good] * seen[good] / (seen - 1)[good]
    good &= (alike <= _ALIKE * length) & (alike * _ALIKE >= length)
    good &= ~np.isin(of, np.flatnonzero(good))
    pairs = pairs[good[number[pairs["segment"]]]]
    side = sides.side.copy()
    side[pairs["main"]] = MAIN
    side[good[number]] = OTHER
    return Sides(side, together([sides.beside, pairs]))


def _chain_measure(
    segments: gpd.GeoDataFrame, partner: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each segment the measure [m] of its start on its chain, and its sign there."""
    chains = chains_of(partner)
    length = segments["length"].to_numpy()
    along = length[chains.order]
    offset = np.cumsum(along) - along
    start, sign = np.empty(len(length)), np.empty(len(length))
    start[chains.order] = np.where(chains.sign > 0, offset, offset + along)
    sign[chains.order] = chains.sign
    return start, sign


def _loops(roads: _Roads, partner: np.ndarray, sides: Sides) -> pd.DataFrame:
    """Chains that leave a longer chain of their road and meet it again: ``chain``, ``main``.

    They leave it at one of its nodes, and meet it at one or in a junction that it is part of.
    """
    segments, ends, place, ring = roads.segments, roads.ends, roads.place, roads.ring
    number = chains_of(partner).numbers()
    length = np.bincount(number, weights=segments["length"].to_numpy())
    barred = open_both_ways(segments) | ring | (sides.side == OTHER) | ~is_known(segments)
    may = np.ones(len(length), dtype=bool)
    may[number[barred]] = False
    every = np.arange(len(ends.node))
    # What is beside a road meets its nodes as the road itself does.
    of = number.copy()
    of[sides.beside["segment"]] = number[sides.beside["main"]]
    member = pd.DataFrame(
        {"key": ends.key, "node": ends.node, "place": place, "main": of[every // 2]}
    )[~np.repeat(ring, 2)]
    free = every[(partner == NONE) & may[number[every // 2]]]
    free = free[np.argsort(number[free // 2], kind="stable")].reshape(-1, 2)
    tries = []
    for leaves, meets in (free.T, free.T[::-1]):
        chain = pd.DataFrame(
            {
                "chain": number[leaves // 2],
                "key": ends.key[leaves],
                "node": ends.node[leaves],
                "place": place[meets],
            }
        )
        by_node = member[["key", "node", "main"]].drop_duplicates()
        by_place = member[["key", "place", "main"]].drop_duplicates()
        tries.append(chain.merge(by_node, on=["key", "node"]).merge(by_place))
    found = pd.concat(tries)[["chain", "main"]]
    one, main = found["chain"].to_numpy(), found["main"].to_numpy()
    longer = (length[main] > length[one]) | ((length[main] == length[one]) & (main < one))
    found = found.assign(length=length[main])[longer & (one != main)]
    found = found.sort_values(["chain", "length", "main"], ascending=[True, False, True])
    best: pd.DataFrame = found.drop_duplicates("chain")[["chain", "main"]].astype(int)
    return best


def _across(roads: _Roads, partner: np.ndarray, sides: Sides) -> np.ndarray:
    """Partners of the ends at which a road goes on at another node of their junction.

    The straightest pair first; a road with a number that has two ends there goes on however it
    turns, short of turning back.
    """
    segments, ends, place = roads.segments, roads.ends, roads.place
    number = np.repeat(chains_of(partner).numbers(), 2)
    may = is_known(segments) & ~roads.ring & (sides.side != OTHER)
    loose = np.flatnonzero((partner == NONE) & np.repeat(may, 2))
    loose = loose[np.lexsort((loose, ends.key[loose], place[loose]))]
    new = np.r_[True, (np.diff(place[loose]) != 0) | (np.diff(ends.key[loose]) != 0)][: len(loose)]
    first = np.flatnonzero(new)
    count = np.diff(np.r_[first, len(loose)])
    stop = np.repeat(np.r_[first[1:], len(loose)][: len(first)], count)
    one, other = spread(np.arange(len(loose)) + 1, stop)
    a, b = loose[one], loose[other]
    apart = (ends.node[a] != ends.node[b]) & (number[a] != number[b])
    a, b, two = a[apart], b[apart], np.repeat(count, count)[one][apart] == 2  # noqa: PLR2004
    far = _from_afar(segments, ends, np.unique(np.r_[a, b]))
    turn = turns(far, a, b)
    # A side of a divided road stands for both; an entry whose exit is not known as one may be
    # all that is one-way of a road.
    length = segments["length"].to_numpy()
    both = np.where((sides.side == MAIN) | (ends.leaves[::2] == 0), length, -length)
    open_ = np.bincount(number[::2], weights=both) >= 0
    way = np.where(open_[number], 0, ends.leaves)
    against = (way[a] != 0) & (way[a] == way[b])
    free = ends.numbered[a] & two & (turn < TURNED_BACK)
    fits = (free | (turn <= STRAIGHT_ON)) & ~against
    best = np.lexsort((b[fits], a[fits], turn[fits]))
    return matched(a[fits][best], b[fits][best], len(partner))


def _from_afar(segments: gpd.GeoDataFrame, ends: Ends, chosen: np.ndarray) -> Ends:
    """The ends, some with the bearing of the point that is a little way along the line."""
    line, back = np.divmod(chosen, 2)
    shapes = np.asarray(segments.geometry.array)[line]
    length = segments["length"].to_numpy()[line]
    reach = np.minimum(_REACH, length)
    here = np.where(back, length, 0.0)
    there = np.where(back, length - reach, reach)
    step = np.subtract(
        *(shapely.get_coordinates(shapely.line_interpolate_point(shapes, m)) for m in (there, here))
    )
    bearing = ends.bearing.copy()
    bearing[chosen] = np.arctan2(step[:, 1], step[:, 0])
    return Ends(ends.node, bearing, ends.key, ends.numbered, ends.leaves)


def _around(roads: _Roads, across: np.ndarray) -> np.ndarray:
    """For each segment of a ring an end of the road of its number that passes it, -1 for none."""
    ends, place = roads.ends, roads.place
    ring = roads.ring & is_known(roads.segments)
    made = np.full(len(ring), NONE)
    passing = np.flatnonzero(across != NONE)
    if not len(passing) or not ring.any():
        return made
    of = pd.DataFrame({"place": place[passing], "key": ends.key[passing], "end": passing})
    rows = np.flatnonzero(ring)
    own = pd.DataFrame({"place": place[2 * rows], "key": ends.key[2 * rows]})
    found = own.merge(of.drop_duplicates(["place", "key"]), on=["place", "key"], how="left")
    made[rows] = found["end"].fillna(NONE).to_numpy(dtype=int)
    return made
