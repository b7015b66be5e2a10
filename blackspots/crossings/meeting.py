"""Where roads and tracks meet in the plane: each place, with the arms that roads have there.

::

            track                    track                  track
              │                        │                      │
    ──────────┼──────────      ────────┤                ──────┼─╴   (ends 0.4 m beyond)
      arm     │    arm           arm   │                 arm  │
         crosses it                touches it              touches it

An arm is what a road has on one side of a place; roads that meet at a vertex of the track have
one each and cross it together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import shapely

from blackspots.crossings.drawn import Array, Drawn, cross, dot, together
from blackspots.graph.plain import spread

SAME: Final = 0.01
"""Distance [m] within which two vertices are one (mark A)."""
ARM: Final = 5.0
"""How far [m] from a place the direction of a line is taken (mark A)."""
STUB: Final = 1.0
"""An arm that ends within this distance [m] is what was drawn too far (mark A)."""
_PIECE: Final = 200.0
"""Tracks are looked up in pieces of at most this length [m], so that their boxes are small."""
_ONE_PLACE: Final = 0.05
"""Meetings within this distance [m] are one place: rounding of coordinates, not of surveys."""
_AGAIN: Final = 0.5
"""A road that meets a track again within this way [m] meets it once."""
_PARALLEL: Final = float(np.sin(np.radians(2.0)))
"""Sine of the angle below which straight pieces that touch lie along each other."""
_BESIDE: Final = 0.02
"""Sine of the angle to the track below which an arm is on neither side of it."""


@dataclass(frozen=True, slots=True)
class Rails:
    """Tracks as straight pieces in a tree.

    ``drawn``: the tracks; ``start``, ``stop`` [m], shape (pieces, 2): ends of the pieces;
    ``track``, shape (pieces,); ``measure`` [m], shape (pieces,): of the start on its track.
    """

    drawn: Drawn
    start: Array
    stop: Array
    track: Array
    measure: Array
    tree: shapely.STRtree

    @classmethod
    def of(cls, shapes: Array) -> Rails:
        """From LineStrings of two vertices or more."""
        drawn = Drawn.of(shapes)
        begin = np.flatnonzero(drawn.line[:-1] == drawn.line[1:])
        length = drawn.scale[begin + 1] - drawn.scale[begin]
        parts = np.maximum(np.ceil(length / _PIECE), 1).astype(np.int64)
        own, part = spread(np.zeros(len(begin), dtype=np.int64), parts)
        line, step = drawn.line[begin], drawn.xy[begin + 1] - drawn.xy[begin]
        low, high = part / parts[own], (part + 1) / parts[own]
        start = drawn.xy[begin][own] + low[:, None] * step[own]
        stop = drawn.xy[begin][own] + high[:, None] * step[own]
        measure = drawn.scale[begin] - drawn.scale[drawn.first[line]]
        tree = shapely.STRtree(segments_of(start, stop))
        return cls(drawn, start, stop, line[own], measure[own] + low * length[own], tree)

    def near(self, shapes: Array, distance: float) -> Array:
        """Positions of the shapes that come within a distance [m] of a track, ascending."""
        found = self.tree.query(shapes, predicate="dwithin", distance=distance)[0]
        return np.unique(found)

    def nearest(self, points: Array, distance: float) -> tuple[Array, Array, Array, Array]:
        """Points near a track: position, nearest track, measure [m] on it, and distance [m].

        Of tracks that are equally near the first counts.
        """
        shapes = shapely.points(points)
        at, piece = self.tree.query(shapes, predicate="dwithin", distance=distance)
        step = self.stop[piece] - self.start[piece]
        length = np.hypot(*step.T)
        share = dot(points[at] - self.start[piece], step) / np.maximum(length**2, 1e-18)
        share = np.clip(share, 0.0, 1.0)
        foot = self.start[piece] + share[:, None] * step
        away = np.hypot(*(points[at] - foot).T)
        order = np.lexsort((self.track[piece], away.round(6), at))
        first = order[np.diff(at[order], prepend=-1) > 0]
        measure = self.measure[piece] + share * length
        return at[first], self.track[piece][first], measure[first], away[first]


def segments_of(start: Array, stop: Array) -> Array:
    """Straight LineStrings from point to point, shape (pieces,)."""
    return np.asarray(shapely.linestrings(np.stack([start, stop], axis=1)))


def meetings(roads: Drawn, rails: Rails) -> pd.DataFrame:
    """Each place where a road meets a track, and the number of the place.

    Returns
    -------
    DataFrame
        ``road``, ``track`` (positions), ``measure`` on the road, ``track_measure`` [m], ``x``,
        ``y`` [m], ``overlap`` (they lie along each other), ``place``; by road, track, measure.
    """
    begin = np.flatnonzero(roads.line[:-1] == roads.line[1:])
    shapes = segments_of(roads.xy[begin], roads.xy[begin + 1])
    own, piece = rails.tree.query(shapes, predicate="dwithin", distance=SAME)
    r0, a = roads.xy[begin][own], (roads.xy[begin + 1] - roads.xy[begin])[own]
    q0, b = rails.start[piece], (rails.stop - rails.start)[piece]
    length_a, length_b = np.hypot(*a.T), np.hypot(*b.T)
    real = (length_a > 0) & (length_b > 0)
    turn = cross(a, b)
    along = np.abs(turn) <= _PARALLEL * length_a * length_b
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(cross(q0 - r0, b) / turn, 0.0, 1.0)
        # Where they lie along each other: the middle of what they have in common.
        ends = np.stack([dot(q0 - r0, a), dot(q0 + b - r0, a)]) / length_a**2
    ends = np.clip(np.sort(ends, axis=0), 0.0, 1.0)
    share = np.where(along, ends.mean(axis=0), share)
    overlap = along & ((ends[1] - ends[0]) * length_a > _ONE_PLACE)
    point = r0 + share[:, None] * a
    with np.errstate(divide="ignore", invalid="ignore"):
        on = np.clip(dot(point - q0, b) / length_b**2, 0.0, 1.0)
    road = roads.line[begin][own]
    found = pd.DataFrame(
        {
            "road": road,
            "track": rails.track[piece],
            "measure": roads.scale[begin][own] - roads.scale[roads.first[road]] + share * length_a,
            "track_measure": rails.measure[piece] + on * length_b,
            "x": point[:, 0],
            "y": point[:, 1],
            "overlap": overlap,
        }
    )[real]
    found = _once(found)
    return found.assign(place=together(found[["x", "y"]].to_numpy(), _ONE_PLACE))


def _once(found: pd.DataFrame) -> pd.DataFrame:
    """Each meeting of a road and a track once, though pieces of both meet at their vertices."""
    found = found.sort_values(["road", "track", "measure", "track_measure"], ignore_index=True)
    step = found.diff()
    new = (step["road"] != 0) | (step["track"] != 0) | (step["measure"] > _AGAIN)
    new |= step["track_measure"].abs() > _AGAIN
    overlap = found["overlap"].groupby(new.cumsum()).transform("any")
    return found.assign(overlap=overlap)[new].reset_index(drop=True)


def visits_of(met: pd.DataFrame, ranks: Array) -> pd.DataFrame:
    """Each passing of a road through a place once, however many tracks go through the place.

    Parameters
    ----------
    met
        As of :func:`meetings`, of tracks of one sort.
    ranks : int, shape (tracks,)
        Which track of a place gives the direction: that of the least rank.

    Returns
    -------
    DataFrame
        ``place``, ``road``, ``measure``, ``overlap``, ``x``, ``y``, and the place's ``track``
        and ``track_measure``; by place, road, measure.
    """
    order = met.assign(rank=ranks[met["track"]]).sort_values(["place", "rank", "measure"])
    lead = order.drop_duplicates("place").set_index("place")[["track", "track_measure", "x", "y"]]
    met = met.sort_values(["place", "road", "measure"], ignore_index=True)
    step = met[["place", "road", "measure"]].diff()
    new = (step["place"] != 0) | (step["road"] != 0) | (step["measure"] > _AGAIN)
    overlap = met["overlap"].groupby(new.cumsum()).transform("any")
    visits = met.assign(overlap=overlap)[new][["place", "road", "measure", "overlap"]]
    return visits.join(lead, on="place").reset_index(drop=True)


def arms_of(visits: pd.DataFrame, roads: Drawn, rails: Rails, loose: Array) -> pd.DataFrame:
    """The arms of the roads at each visit.

    Parameters
    ----------
    loose : bool, shape (2 x roads,)
        Ends of the roads (first, last, first ...) that no other road shares.

    Returns
    -------
    DataFrame
        ``visit`` (position), ``way`` (-1 back along the road, 1 on), ``side`` of the track (1
        left, -1 right, 0 along it), ``angle`` [degrees] to the track.
    """
    road = np.tile(visits["road"].to_numpy(dtype=np.int64), 2)
    measure = np.tile(visits["measure"].to_numpy(dtype=np.float64), 2)
    way = np.repeat([-1, 1], len(visits))
    left = np.where(way < 0, measure, roads.length[road] - measure)
    stub = (left < STUB) & loose[2 * road + (way > 0)]
    there = (left > _ONE_PLACE) & ~stub
    reach = np.minimum(ARM, left)
    tip = roads.at(road, measure + way * reach) - np.tile(visits[["x", "y"]].to_numpy(), (2, 1))
    track = visits["track"].to_numpy(dtype=np.int64)
    ahead = rails.drawn.direction(track, visits["track_measure"].to_numpy(dtype=np.float64), ARM)
    ahead = np.tile(ahead, (2, 1))
    across, length = cross(ahead, tip), np.maximum(np.hypot(*tip.T), 1e-12)
    angle = np.degrees(np.arctan2(np.abs(across), np.abs(dot(ahead, tip))))
    arms = pd.DataFrame(
        {
            "visit": np.tile(np.arange(len(visits)), 2),
            "way": way,
            "side": np.where(np.abs(across) > _BESIDE * length, np.sign(across), 0).astype(int),
            "angle": angle,
        }
    )
    made: pd.DataFrame = arms[there].sort_values(["visit", "way"], ignore_index=True)
    return made
