"""The two carriageways of a divided road, told by where they run and which way.

A segment is one of two sides where, for most of its length, another of the same road (number,
or name, and class) runs beside it within a distance: one-way the other way; where one-way rules
are not recorded, as another chain of segments, so that the limbs of a hairpin are no two sides.
A chain that comes back to itself, as the two sides of a road that parts and meets again, is two
where it turns back. What runs beside either side, whichever way, is an outer line of that road.

::

    ──<────<────<────<──    other (outer)
    ──<────<────<────<──    other
    ──>────>────>────>──    main
    ──>────>────>────>──    other (outer)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.graph.plain import spread
from blackspots.network.chaining import (
    NONE,
    TURNED_BACK,
    Ends,
    chains_of,
    ends_of,
    pair_ends,
    road_keys,
    turns,
)

BOTH, MAIN, OTHER = "both", "main", "other"
_STEP: Final = 25.0
"""Distance [m] between the places at which a segment is looked at."""
MOST: Final = 0.7
"""Share of a segment's length beside which another must run."""
_ALONG: Final = float(np.cos(np.radians(30)))
"""Cosine of the greatest angle between the two sides."""
_NEARLY_ALONG: Final = float(np.cos(np.radians(60)))
"""The same for the two sides of an island (mark A)."""
_ACROSS: Final = 0.5
"""Greatest cosine between a side and the line across to the other."""
_COLUMNS: Final = ("place", "segment", "measure", "main", "main_measure", "same_way")


@dataclass(frozen=True, slots=True)
class Sides:
    """Which segments are a side of a divided road.

    ``side``, shape (segments,): ``both`` (not divided), ``main`` (the side that bears the
    route's measure) or ``other``. ``beside``: places on other sides (``segment``, ``measure``
    [m]), the place of the main side across from each (``main``, ``main_measure`` [m]), and
    whether the two lines are drawn the ``same_way`` there.
    """

    side: np.ndarray
    beside: pd.DataFrame


def sides_of(segments: gpd.GeoDataFrame, gap: float, ring: np.ndarray) -> Sides:
    """The two sides of divided roads, and their outer lines.

    Parameters
    ----------
    segments
        :data:`blackspots.schema.SEGMENTS`.
    gap
        Greatest distance [m] between the two sides, and between a side and an outer line.
    ring : bool, shape (segments,)
        Segments that are the ring of a roundabout, and no side.
    """
    side = np.full(len(segments), BOTH, dtype=object)
    may = is_known(segments) & ~open_both_ways(segments) & ~ring
    pairs = _opposite(segments, may, gap)
    divided = _covered(pairs, places_of(segments, may)) >= MOST
    pairs = pairs[divided[pairs["segment"]] & divided[pairs["main"]]]
    if pairs.empty:
        return Sides(side, pairs)
    strand, length = _strands(segments, divided)
    mains = _mains(pairs, strand, length)
    mains = _one_for_each_road(segments, pairs, strand, mains, gap)
    is_main = np.isin(strand, list(mains))
    is_other = np.isin(strand, [other for others in mains.values() for other in others])
    pairs = pairs[is_other[pairs["segment"]] & is_main[pairs["main"]]]
    side[is_main] = MAIN
    side[np.unique(pairs["segment"])] = OTHER
    return _with_outer(segments, Sides(side, pairs), gap, is_known(segments) & ~ring)


def _with_outer(segments: gpd.GeoDataFrame, sides: Sides, gap: float, may: np.ndarray) -> Sides:
    """The sides with the lines beside them, in rounds: what is beside an outer line is one too.

    Each has its places across from the main side itself.
    """
    code, side, beside = _road_of(segments), sides.side.copy(), [sides.beside]
    may = may & np.isin(code, code[side == MAIN])
    left = may & (side == BOTH)
    near, reach = side != BOTH, gap
    while left.any():
        places = places_of(segments, left)
        pairs = _along(across_from(segments, places, near, gap, code))
        left = left & (_covered(pairs, places) >= MOST)
        reach += gap
        places = places_of(segments, left)
        pairs = _along(across_from(segments, places, side == MAIN, reach, code))
        near = left & (_covered(pairs, places) >= MOST)
        if not near.any():
            break
        side[near] = OTHER
        beside.append(pairs[near[pairs["segment"]]])
        left = may & (side == BOTH)
    return Sides(side, together(beside))


def _one_for_each_road(
    segments: gpd.GeoDataFrame,
    pairs: pd.DataFrame,
    strand: np.ndarray,
    mains: dict[int, list[int]],
    gap: float,
) -> dict[int, list[int]]:
    """The main strands without those that lie beside a longer one, for most of their length.

    Of four lines side by side two could bear a measure, with an opposite one each. Those that
    are left out are outer lines, as what lay beside them is.
    """
    rank = {main: at for at, main in enumerate(mains)}
    of = np.full(int(strand.max()) + 2, NONE)
    for main, others in mains.items():
        of[[main, *others]] = rank[main]
    one, other = of[strand[pairs["segment"]]], of[strand[pairs["main"]]]
    shared = (one != other) & (one >= 0) & (other >= 0)
    if not shared.any():
        return mains
    is_main = np.isin(strand, list(mains))
    places = places_of(segments, is_main & np.isin(of[strand], np.r_[one[shared], other[shared]]))
    near = _along(across_from(segments, places, is_main, 2 * gap, _road_of(segments)))
    near = near.assign(one=of[strand[near["segment"]]], other=of[strand[near["main"]]])
    near = near[near["other"] < near["one"]].drop_duplicates(["place", "other"])
    count = np.bincount(of[strand[places.segment]], minlength=len(mains))
    seen = near.groupby(["one", "other"]).size()
    seen = seen[seen >= MOST * count[seen.index.get_level_values("one")]]
    linked = {frozenset(two) for two in zip(one[shared], other[shared], strict=True)}
    left_out: set[int] = set()
    for main, longer in sorted(seen.index):
        if longer not in left_out and frozenset((main, longer)) in linked:
            left_out.add(main)
    return {main: others for main, others in mains.items() if rank[main] not in left_out}


def together(beside: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables of places across as one, each place with a number of its own."""
    first = np.cumsum([0, *(len(pairs) and int(pairs["place"].max()) + 1 for pairs in beside)])
    made = [
        pairs.assign(place=pairs["place"] + begin) if begin else pairs
        for pairs, begin in zip(beside, first[:-1], strict=True)
        if len(pairs)
    ]
    return pd.concat(made, ignore_index=True) if made else beside[0]


def is_known(segments: gpd.GeoDataFrame) -> np.ndarray:
    """Segments of a road with a number or a name."""
    return np.asarray(segments["ref"].notna() | segments["name"].notna())


def open_both_ways(segments: gpd.GeoDataFrame) -> np.ndarray:
    """Segments that are recorded as open both ways."""
    return np.asarray((segments["oneway"] == 0).fillna(False).astype(bool))


def _road_of(segments: gpd.GeoDataFrame) -> np.ndarray:
    """A code for each segment's road and class."""
    code = road_keys(segments)[0] * (segments["road_class"].nunique() + 2)
    return np.asarray(code + pd.factorize(segments["road_class"])[0])


@dataclass(frozen=True, slots=True)
class Places:
    """Places at even distances along some segments.

    ``segment`` and ``measure`` [m], shape (places,); ``count``, shape (segments,): how many
    each segment has.
    """

    segment: np.ndarray
    measure: np.ndarray
    count: np.ndarray


def places_of(segments: gpd.GeoDataFrame, chosen: np.ndarray) -> Places:
    """At least two places on each segment of a mask, no more than 25 m apart."""
    length = segments["length"].to_numpy()
    count = np.where(chosen, np.maximum(np.ceil(length / _STEP), 2), 0).astype(int)
    owner, step = spread(np.zeros(len(count), dtype=int), count)
    return Places(owner, (step + 0.5) * length[owner] / count[owner], count)


def _covered(pairs: pd.DataFrame, places: Places) -> np.ndarray:
    """Share of each segment's places that have one across."""
    seen = pairs.drop_duplicates("place")
    size = len(places.count)
    return np.asarray(np.bincount(seen["segment"], minlength=size) / np.maximum(places.count, 1))


def across_from(
    segments: gpd.GeoDataFrame, places: Places, among: np.ndarray, gap: float, code: np.ndarray
) -> pd.DataFrame:
    """What lies across from places, on segments of a mask with the same code.

    Returns
    -------
    DataFrame, by place, then distance
        ``place``, ``segment``, ``measure`` [m]; ``main`` and ``main_measure`` [m] of the place
        across; ``cosine`` of the angle between the two lines, ``distance`` [m]. The line from
        one to the other is across both, so that a road's own continuation is not beside it.
    """
    shapes = np.asarray(segments.geometry.array)
    length = segments["length"].to_numpy()
    there = np.flatnonzero(among)
    points = shapely.line_interpolate_point(shapes[places.segment], places.measure)
    place, found = shapely.STRtree(shapes[there]).query(points, predicate="dwithin", distance=gap)
    other, own = there[found], places.segment[place]
    kept = (code[own] == code[other]) & (own != other)
    place, other, own = place[kept], other[kept], own[kept]
    measure = places.measure[place]
    across = shapely.line_locate_point(shapes[other], points[place])
    mine, theirs = (_heading(shapes[s], m, length[s]) for s, m in ((own, measure), (other, across)))
    link = shapely.get_coordinates(
        shapely.line_interpolate_point(shapes[other], across)
    ) - shapely.get_coordinates(points[place])
    distance = np.hypot(*link.T)
    skew = np.abs((link * mine).sum(axis=1)) <= _ACROSS * distance + 1e-6
    made: pd.DataFrame = pd.DataFrame(
        {
            "place": place,
            "segment": own,
            "measure": measure,
            "main": other,
            "main_measure": across,
            "cosine": (mine * theirs).sum(axis=1),
            "distance": distance,
        }
    )[skew]
    return made.sort_values(["place", "distance", "main"], kind="stable", ignore_index=True)


def _beside(pairs: pd.DataFrame, chosen: np.ndarray) -> pd.DataFrame:
    """The chosen of what :func:`across_from` gives, as :class:`Sides` has them."""
    made = pairs.assign(same_way=pairs["cosine"] > 0).loc[chosen, list(_COLUMNS)]
    return made.reset_index(drop=True)


def _along(pairs: pd.DataFrame) -> pd.DataFrame:
    """Places across on lines that run the same way or the opposite."""
    return _beside(pairs, np.abs(pairs["cosine"].to_numpy()) >= _ALONG)


def nearly_along(pairs: pd.DataFrame) -> pd.DataFrame:
    """The same for the two sides of an island, which lie at an angle."""
    return _beside(pairs, np.abs(pairs["cosine"].to_numpy()) >= _NEARLY_ALONG)


def _opposite(segments: gpd.GeoDataFrame, may: np.ndarray, gap: float) -> pd.DataFrame:
    """Places of some segments with those across on the other side of a divided road."""
    pairs = across_from(segments, places_of(segments, may), may, gap, _road_of(segments))
    cosine = pairs["cosine"].to_numpy()
    own, other = pairs["segment"].to_numpy(), pairs["main"].to_numpy()
    way = segments["oneway"].to_numpy(dtype="float64", na_value=np.nan)
    both = way[own] * way[other]
    opposed = np.where(np.isnan(both), False, cosine * both <= -_ALONG)
    unknown = np.isnan(way[own]) & np.isnan(way[other]) & (np.abs(cosine) >= _ALONG)
    if unknown.any():
        chain = _one_road(segments)
        opposed |= unknown & (chain[own] != chain[other])
    return _beside(pairs, opposed)


def _one_road(segments: gpd.GeoDataFrame) -> np.ndarray:
    """The chain each segment is in; one that comes back to itself is cut where it turns back.

    A hairpin ends elsewhere than it began, and stays one chain however sharp it is.
    """
    ends = ends_of(segments)
    partner = pair_ends(ends)
    chain = np.repeat(chains_of(partner).numbers(), 2)
    visit = chain * (int(ends.node.max(initial=0)) + 1) + ends.node
    _, spot, count = np.unique(visit, return_inverse=True, return_counts=True)
    free = partner == NONE
    returns = free & (count[spot] > 1)
    closed = np.ones(int(chain.max(initial=-1)) + 1, dtype=bool)
    closed[chain[free]] = False
    closed[chain[returns]] = True
    return chains_of(_unless_back(partner, ends, closed[chain])).numbers()


def _unless_back(partner: np.ndarray, ends: Ends, where: np.ndarray) -> np.ndarray:
    """Partners without those that turn back, of the ends of a mask."""
    back = (
        where & (partner != NONE) & (turns(ends, np.arange(len(partner)), partner) >= TURNED_BACK)
    )
    return np.where(back, NONE, partner)


def _heading(shapes: np.ndarray, measure: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Unit vectors along lines at measures [m]."""
    reach = np.minimum(2.0, length / 4)
    low, high = np.clip(measure - reach, 0, None), np.minimum(measure + reach, length)
    ends = [
        shapely.get_coordinates(shapely.line_interpolate_point(shapes, at)) for at in (low, high)
    ]
    step = ends[1] - ends[0]
    return np.asarray(step / np.maximum(np.hypot(*step.T), 1e-12)[:, None])


def _strands(segments: gpd.GeoDataFrame, divided: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The chain of divided segments each is in (-1 for none), and the length [m] of each chain."""
    ends = ends_of(segments)
    unknown = np.repeat(segments["oneway"].isna().to_numpy(), 2)
    # Where the sides part or meet they are alone among the divided, but not one strand.
    number = chains_of(_unless_back(pair_ends(ends, divided), ends, unknown)).numbers()
    length = np.bincount(number, weights=segments["length"].to_numpy())
    return np.where(divided, number, -1), length


def _mains(pairs: pd.DataFrame, strand: np.ndarray, length: np.ndarray) -> dict[int, list[int]]:
    """The strands that bear the measure, the longest first, with the strands beside each."""
    near = pd.DataFrame(
        {
            "one": strand[pairs["segment"].to_numpy()],
            "other": strand[pairs["main"].to_numpy()],
            "place": pairs["place"].to_numpy(),
        }
    )
    near = near[near["one"] != near["other"]]
    seen = near.drop_duplicates(["one", "place"]).groupby("one").size()
    votes = near.groupby(["one", "other"]).size()
    most = votes[votes >= 0.5 * seen.reindex(votes.index.get_level_values("one")).to_numpy()]
    beside: dict[int, list[int]] = {}
    for one, other in most.index:
        beside.setdefault(int(other), []).append(int(one))
    taken: set[int] = set()
    mains: dict[int, list[int]] = {}
    for main in sorted(beside, key=lambda s: (-length[s], s)):
        others = [s for s in beside[main] if s not in taken and s not in mains]
        if main not in taken and others:
            mains[main] = others
            taken.update(others)
    return mains
