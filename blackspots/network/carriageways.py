"""The two carriageways of a divided road, told by where they run and which way.

A segment is one of two sides where, for most of its length, another of the same road (number,
or name, and class) runs beside it within a distance: one-way the other way; where one-way rules
are not recorded, as another chain of segments, so that the limbs of a hairpin are no two sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.graph.plain import spread
from blackspots.network.chaining import chains_of, ends_of, pair_ends, road_keys

BOTH, MAIN, OTHER = "both", "main", "other"
_STEP: Final = 25.0
"""Distance [m] between the places at which a segment is looked at."""
_MOST: Final = 0.7
"""Share of a segment's length beside which another must run."""
_ALONG: Final = float(np.cos(np.radians(30)))
"""Cosine of the greatest angle between the two sides."""
_ACROSS: Final = 0.5
"""Greatest cosine between a side and the line across to the other."""


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


def sides_of(segments: gpd.GeoDataFrame, gap: float) -> Sides:
    """The sides of divided roads.

    Parameters
    ----------
    segments
        :data:`blackspots.schema.SEGMENTS`.
    gap
        Greatest distance [m] between the two sides.
    """
    side = np.full(len(segments), BOTH, dtype=object)
    pairs = _beside(segments, gap)
    looked = _looked_at(segments)
    seen = pairs.drop_duplicates("place")
    covered = np.bincount(seen["segment"], minlength=len(segments)) / np.maximum(looked, 1)
    divided = covered >= _MOST
    pairs = pairs[divided[pairs["segment"]] & divided[pairs["main"]]]
    if pairs.empty:
        return Sides(side, pairs)
    strand, length = _strands(segments, divided)
    mains = _mains(pairs, strand, length)
    is_main = np.isin(strand, list(mains))
    is_other = np.isin(strand, [other for others in mains.values() for other in others])
    pairs = pairs[is_other[pairs["segment"]] & is_main[pairs["main"]]]
    side[is_main] = MAIN
    side[np.unique(pairs["segment"])] = OTHER
    return Sides(side, pairs)


def _may_be_one(segments: gpd.GeoDataFrame) -> np.ndarray:
    """Segments that may be one side: of a known road, and not open both ways."""
    known = segments["ref"].notna() | segments["name"].notna()
    two_way = (segments["oneway"] == 0).fillna(False)
    return np.asarray(known & ~two_way.astype(bool) & ~segments["roundabout"])


def _looked_at(segments: gpd.GeoDataFrame) -> np.ndarray:
    """At how many places each segment is looked at."""
    length = segments["length"].to_numpy()
    return np.where(_may_be_one(segments), np.maximum(np.ceil(length / _STEP), 2), 0).astype(int)


def _beside(segments: gpd.GeoDataFrame, gap: float) -> pd.DataFrame:
    """Places of segments with the places across from them, nearest first for each place."""
    columns = ("place", "segment", "measure", "main", "main_measure", "same_way")
    shapes = np.asarray(segments.geometry.array)
    length = segments["length"].to_numpy()
    count = _looked_at(segments)
    owner, step = spread(np.zeros(len(count), dtype=int), count)
    measure = (step + 0.5) * length[owner] / count[owner]
    there = np.flatnonzero(count)
    if not len(there):
        return pd.DataFrame({c: [] for c in columns}).astype({"segment": int, "main": int})
    points = shapely.line_interpolate_point(shapes[owner], measure)
    place, found = shapely.STRtree(shapes[there]).query(points, predicate="dwithin", distance=gap)
    other = there[found]
    code = road_keys(segments)[0] * (segments["road_class"].nunique() + 2)
    code = code + pd.factorize(segments["road_class"])[0]
    kept = (code[owner[place]] == code[other]) & (owner[place] != other)
    place, other = place[kept], other[kept]
    own = owner[place]
    across = shapely.line_locate_point(shapes[other], points[place])
    mine, theirs = (
        _heading(shapes[s], m, length[s]) for s, m in ((own, measure[place]), (other, across))
    )
    cosine = (mine * theirs).sum(axis=1)
    way = segments["oneway"].to_numpy(dtype="float64", na_value=np.nan)
    both = way[own] * way[other]
    opposed = np.where(np.isnan(both), False, cosine * both <= -_ALONG)
    unknown = np.isnan(way[own]) & np.isnan(way[other])
    if unknown.any():
        chains = chains_of(pair_ends(ends_of(segments)))
        chain = np.empty(len(segments), dtype=int)
        chain[chains.order] = chains.number
        opposed |= unknown & (np.abs(cosine) >= _ALONG) & (chain[own] != chain[other])
    link = shapely.get_coordinates(
        shapely.line_interpolate_point(shapes[other], across)
    ) - shapely.get_coordinates(points[place])
    distance = np.hypot(*link.T)
    skew = np.abs((link * mine).sum(axis=1)) <= _ACROSS * distance + 1e-6
    made: pd.DataFrame = pd.DataFrame(
        {
            "place": place,
            "segment": own,
            "measure": measure[place],
            "main": other,
            "main_measure": across,
            "same_way": cosine > 0,
            "distance": distance,
        }
    )[opposed & skew]
    made = made.sort_values(["place", "distance", "main"], kind="stable")
    return made[list(columns)].reset_index(drop=True)


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
    chains = chains_of(pair_ends(ends_of(segments), divided))
    number = np.empty(len(segments), dtype=int)
    number[chains.order] = chains.number
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
