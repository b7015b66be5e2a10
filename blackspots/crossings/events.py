"""What roads do at each place where they meet a track: cross it, touch it, run along it.

At a place the roads whose levels say nothing against it are looked at first: where they come
from both sides of the track they cross it. Else those with contradicting levels join, then
those that are apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from blackspots.crossings.drawn import Array, dot
from blackspots.crossings.levels import APART as LEVELS_APART
from blackspots.crossings.levels import AT_GRADE, DOUBTFUL
from blackspots.crossings.meeting import Rails

CROSSES, DOUBT, ALONG, TOUCHES, APART, UNUSED = range(6)
"""What happens at a place: roads cross the track at grade; they would but for levels that
contradict each other; they run along it; they end or turn at it; they are above or below it; no
train runs on it."""

_PARALLEL: Final = float(np.cos(np.radians(30.0)))
"""Cosine of the angle within which two tracks run side by side (mark A)."""
_WEAVES: Final = 100.0
"""A road that crosses one track three times or more, each within this way [m] of the one before,
was drawn along it (mark A)."""
_OFTEN: Final = 3


@dataclass(frozen=True, slots=True)
class Events:
    """What happens at each place.

    ``table``, a row an event: ``kind`` (:data:`CROSSES` ...), ``angle`` [degrees], ``x``, ``y``
    [m], ``track`` and ``track_measure`` [m] that give the direction. ``roads``: ``event``,
    ``road``, ``measure`` [m]. ``reasons``: ``event``, ``reason``.
    """

    table: pd.DataFrame
    roads: pd.DataFrame
    reasons: pd.DataFrame


def events_of(visits: pd.DataFrame, arms: pd.DataFrame, least_angle: float) -> Events:
    """Events from visits (with their ``verdict`` and ``reason``) and their arms.

    A road that is apart from the track at a place where others cross it is an event of its own.
    """
    size = int(visits["place"].max()) + 1 if len(visits) else 0
    place, verdict = visits["place"].to_numpy(), visits["verdict"].to_numpy()
    at = arms["visit"].to_numpy()
    side, angle = arms["side"].to_numpy(), arms["angle"].to_numpy()
    best = np.full((size, 3, 2), -1.0)
    here = side != 0
    slot = (place[at[here]], verdict[at[here]], (side[here] > 0).astype(int))
    np.maximum.at(best, slot, angle[here])
    best = np.maximum.accumulate(best, axis=1)
    both: Array = np.asarray((best >= 0).all(axis=2))
    level = np.where(both.any(axis=1), both.argmax(axis=1), -1)
    mine = level[place]
    extra = (mine >= 0) & (verdict > mine)
    event, keys = pd.factorize(2 * place + extra, sort=True)
    count = len(keys)
    # The lesser verdict counts where nothing passes.
    least = np.full(count, LEVELS_APART)
    np.minimum.at(least, event, verdict)
    whole = np.where(keys % 2 == 0, level[keys // 2], -1)
    steepest = np.full(count, 0.0)
    np.maximum.at(steepest, event[at], angle)
    rows = np.flatnonzero(whole >= 0)
    steepest[rows] = best[keys[rows] // 2, whole[rows]].mean(axis=1)
    laid = np.ones(count, dtype=bool)
    np.logical_and.at(laid, event, visits["overlap"].to_numpy(dtype=bool))
    some = np.zeros(count, dtype=bool)
    np.logical_or.at(some, event, visits["overlap"].to_numpy(dtype=bool))
    deciding = np.where(whole >= 0, whole, least)
    level_with = deciding == AT_GRADE
    along = level_with & ((steepest < least_angle) | laid | (some & (whole < 0)))
    kind = np.select(
        [along, level_with & (whole >= 0), level_with, deciding == DOUBTFUL],
        [ALONG, CROSSES, TOUCHES, DOUBT],
        APART,
    )
    lead = visits.groupby(event)[["x", "y", "track", "track_measure"]].first()
    table = lead.assign(kind=kind, angle=steepest)
    roads = visits[["road", "measure"]].assign(event=event)
    reasons = pd.DataFrame({"event": event, "reason": visits["reason"].to_numpy()})
    # What speaks against a road that is not needed to cross does not speak against the rest.
    told = (reasons["reason"] != "") & (verdict <= np.maximum(deciding[event], AT_GRADE))
    return Events(table, roads, reasons[told].drop_duplicates(ignore_index=True))


@dataclass(frozen=True, slots=True)
class Sequence:
    """Events in their order along chains of roads; an event on two chains stands twice.

    ``event``, ``chain``, ``measure`` [m] on the chain, each of shape (rows,).
    """

    event: Array
    chain: Array
    measure: Array


def by_way(sequence: Sequence, events: Events, way: float) -> Array:
    """Kinds of the events, those that belong to a road drawn along the track turned into ALONG.

    These are: crossings of one track again within ``way`` [m] along a road; three or more, each
    within 100 m of the one before; and places where a road comes upon a track that it then
    follows.
    """
    kind = events.table["kind"].to_numpy().copy()
    track = events.table["track"].to_numpy(dtype=np.int64)
    rows = np.flatnonzero(kind[sequence.event] == CROSSES)
    rows = rows[
        np.lexsort((sequence.measure[rows], track[sequence.event[rows]], sequence.chain[rows]))
    ]
    event, measure = sequence.event[rows], sequence.measure[rows]
    same = (np.diff(sequence.chain[rows]) == 0) & (np.diff(track[event]) == 0)
    same &= np.diff(event) != 0
    step = np.diff(measure)
    soon = np.flatnonzero(same & (step <= way))
    run = np.cumsum(np.r_[True, ~(same & (step <= _WEAVES))][: len(rows)])
    often = np.bincount(run, minlength=1)[run] >= _OFTEN
    kind[event[np.r_[soon, soon + 1]]] = ALONG
    kind[event[often]] = ALONG
    # Where it comes upon the track, or leaves it.
    order = np.lexsort((sequence.measure, sequence.chain))
    event, measure = sequence.event[order], sequence.measure[order]
    follows = kind[event] == ALONG
    for turn in (slice(None), slice(None, None, -1)):
        ahead = pd.Series(np.where(follows, measure, np.nan)[turn])
        near = ahead.groupby(sequence.chain[order][turn]).ffill().to_numpy()
        close = np.abs(near - measure[turn]) <= way
        touching = event[turn][close & (kind[event[turn]] == TOUCHES)]
        kind[touching] = ALONG
    return kind


def links_of(
    sequence: Sequence, events: Events, kind: Array, rails: Rails, line: Array, way: float
) -> tuple[Array, Array]:
    """Pairs of events that one strand makes: next to each other on it, of one kind.

    No more than ``way`` [m] apart along the road, but for those of a road along the track; and
    their tracks of one line, or parallel.
    """
    track = events.table["track"].to_numpy(dtype=np.int64)
    measure = events.table["track_measure"].to_numpy(dtype=np.float64)
    ahead = rails.drawn.direction(track, measure, 5.0)
    order = np.lexsort((sequence.measure, kind[sequence.event], sequence.chain))
    event, chain, at = sequence.event[order], sequence.chain[order], sequence.measure[order]
    a, b = event[:-1], event[1:]
    near = (chain[:-1] == chain[1:]) & (kind[a] == kind[b])
    near &= (np.diff(at) <= way) | (kind[a] == ALONG)
    one_line = (line[track[a]] == line[track[b]]) & (line[track[a]] >= 0)
    near &= one_line | (np.abs(dot(ahead[a], ahead[b])) >= _PARALLEL)
    return a[near], b[near]
