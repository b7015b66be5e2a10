"""Official km of lines by marks along them: the arithmetic of a piecewise calibration.

Between two marks the official km run evenly with the measure, however long the line between
them is. A mark is a place on a route whose official km is known: a km post, or a level crossing
with its km.

How marks are read, in the order of the steps:

- A route runs in the direction of growing km, by most pairs of neighbouring marks
  (:func:`falling`). One mark alone, or marks of one km, do not tell.
- Marks of one km within :data:`JUMP` of each other, as posts on the two sides of a road, are
  one mark at their mean measure.
- The km *jump* between two neighbours whose difference in km is not that of the line between
  them, by more than :data:`JUMP` and more than :data:`JUMP_SHARE` of its length; and between
  two marks at one place (:data:`ONE_PLACE`) with different km, a km equation in the open.
- Jumps part the marks into runs. Runs (:data:`SLIPS` at the most) between two that fit each
  other are mistyped and left out, if these two have more marks; so is a single first or last
  mark of a route on which others agree. A jump that stays is an equation, or a gap of the km.
- Of two neighbours in a run whose km fall, by less than a jump, the one is left out that goes
  worse with the marks around them.

Where the km jump between two marks, those after the first go on by length (``Km45+300`` is
300 m behind the post of km 45) until the second. Before the first mark of a route and behind
its last the km go by length, down to 0 at the lowest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

JUMP: Final = 300.0
"""Difference [m] between km and length above which it is no error of either (mark A)."""
JUMP_SHARE: Final = 0.3
"""The same as a share of the length (mark A): roads are rebuilt shorter, but rarely by a third."""
ONE_PLACE: Final = 10.0
"""Distance [m] along the line within which two marks stand at one place (mark A)."""
SLIPS: Final = 5
"""Most runs of mistyped marks in a row between two that fit each other (mark A)."""
_KM_DECIMALS: Final = 6
_NOTHING: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Nodes:
    """Where on the routes which km stands, in order of route and measure; shape (nodes,)."""

    route: np.ndarray
    measure: np.ndarray
    km: np.ndarray


@dataclass(frozen=True, slots=True)
class Calibration:
    """What marks say about the km of their routes.

    ``marks``: those that are used, in order along the routes: ``route``, ``measure`` [m], ``km``,
    and ``jump`` [m], how far the km jump there beyond the length since the one before, else NaN;
    the index names the mark. ``mark``: the mark that each of the given ones is merged into,
    shape (given,); one that is not in ``marks`` was left out. ``nodes``: the km of the routes.
    """

    marks: pd.DataFrame
    mark: np.ndarray
    nodes: Nodes


def calibration(
    route: np.ndarray, measure: np.ndarray, km: np.ndarray, total: np.ndarray
) -> Calibration:
    """The km of routes that run with growing km, by marks on them.

    Parameters
    ----------
    route, measure, km
        Number of the route, measure on it [m] and official km [km] of each mark, shape (given,).
    total
        Length of each route [m], shape (routes,).
    """
    marks, mark = _merged(route, measure, km)
    marks = _paired(marks)
    marks = marks.iloc[_growing(marks, _fitting(marks))]
    jump = _jumps(marks)
    return Calibration(marks.assign(jump=jump), mark, _nodes(marks, jump, total))


def falling(route: np.ndarray, measure: np.ndarray, km: np.ndarray, size: int) -> np.ndarray:
    """Which routes run against their km, by most pairs of neighbours, else by the outermost."""
    order = np.lexsort((km, measure, route))
    route, measure, km = route[order], measure[order], km[order]
    pair = (np.diff(route) == 0) & (np.diff(measure) > ONE_PLACE)
    votes = np.bincount(route[1:], weights=np.sign(np.diff(km)) * pair, minlength=size)
    on, first = np.unique(route, return_index=True)
    last = np.r_[first[1:], len(route)] - 1
    outer = np.zeros(size)
    outer[on] = np.sign(km[last] - km[first])
    return np.where(votes == 0, outer, votes) < 0


def _merged(
    route: np.ndarray, measure: np.ndarray, km: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray]:
    """Marks (route, measure [m], km) in order along the routes, and the mark of each post."""
    written = np.round(km, _KM_DECIMALS)
    order = np.lexsort((measure, written, route))
    link = (
        (np.diff(route[order]) == 0)
        & (np.diff(written[order]) == 0)
        & (np.diff(measure[order]) <= JUMP)
    )
    mark = np.empty(len(order), dtype="int64")
    mark[order] = np.r_[0, np.cumsum(~link)][: len(order)]
    posts = pd.DataFrame({"route": route, "measure": measure, "km": km})
    marks = posts.groupby(mark).agg({"route": "first", "measure": "mean", "km": "first"})
    return marks.sort_values(["route", "measure", "km"], kind="stable"), mark


def _paired(marks: pd.DataFrame) -> pd.DataFrame:
    """Marks with those of an open equation at one measure, the km that end before those that begin.

    Which of the two comes first is told by the marks before and after them.
    """
    route, measure, km = (marks[c].to_numpy().copy() for c in ("route", "measure", "km"))
    one = (
        (np.diff(route) == 0)
        & (np.diff(measure) <= ONE_PLACE)
        & (1000 * np.abs(np.diff(km)) > 2 * ONE_PLACE)
    )
    place = np.r_[0, np.cumsum(~one)]
    count = np.bincount(place)
    measure = (np.bincount(place, weights=measure) / count)[place]
    first = np.flatnonzero(np.r_[one, False] & (count[place] == 2))  # noqa: PLR2004
    second = first + 1
    straight, crossed = (
        _miss(route, measure, km, first - 1, a) + _miss(route, measure, km, b, second + 1)
        for a, b in ((first, second), (second, first))
    )
    order = np.arange(len(marks))
    swap = crossed < straight
    order[first[swap]], order[second[swap]] = second[swap], first[swap]
    return marks.assign(measure=measure).iloc[order]


def _miss(
    group: np.ndarray, measure: np.ndarray, km: np.ndarray, a: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Km less length [m] between marks ``a`` and ``b``; 0 where one is not there, or of others."""
    there = (a >= 0) & (b < len(km))
    a, b = np.maximum(a, 0), np.minimum(b, len(km) - 1)
    gap = np.abs(measure[b] - measure[a] - 1000 * (km[b] - km[a]))
    return np.asarray(np.where(there & (group[a] == group[b]), gap, 0.0))


def _disagree(length: np.ndarray, rise: np.ndarray) -> np.ndarray:
    """Whether km [km] and length [m] between posts differ too much to be of one road."""
    miss = np.abs(length - 1000 * rise)
    return np.asarray(miss > np.maximum(JUMP, JUMP_SHARE * np.abs(length)))


def _apart(route: np.ndarray, measure: np.ndarray, km: np.ndarray) -> np.ndarray:
    """Whether a run ends between a mark and the next, shape (marks - 1,)."""
    length = np.diff(measure)
    return np.asarray((np.diff(route) != 0) | (length == 0) | _disagree(length, np.diff(km)))


def _fitting(marks: pd.DataFrame) -> np.ndarray:
    """Positions of the marks but for the runs that are mistyped, the shortest left out first."""
    every = [marks[c].to_numpy() for c in ("route", "measure", "km")]
    kept = np.arange(len(marks))
    while len(kept):
        route, measure, km = (column[kept] for column in every)
        start = np.flatnonzero(np.r_[True, _apart(route, measure, km)])
        stop = np.r_[start[1:], len(kept)]
        runs = _Runs(
            route[start], stop - start, measure[start], km[start], measure[stop - 1], km[stop - 1]
        )
        wrong = _between_fitting(runs)
        if not wrong.any():
            wrong = _lone_ends(runs)
        if not wrong.any():
            break
        kept = kept[~np.repeat(wrong, runs.size)]
    return kept


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of marks without a jump, in order along the routes; shape (runs,)."""

    route: np.ndarray
    size: np.ndarray
    measure_from: np.ndarray
    km_from: np.ndarray
    measure_to: np.ndarray
    km_to: np.ndarray


def _between_fitting(runs: _Runs) -> np.ndarray:
    """Which runs stand between two that fit each other and have more marks; the fewest first.

    Of two such findings that contradict each other, as one would leave out what the other
    relies on, only the one that leaves out less holds: without it the other may not arise.
    """
    count = len(runs.size)
    before = np.r_[0, np.cumsum(runs.size)]
    found = []
    for many in range(1, SLIPS + 1):
        a = np.arange(max(count - many - 1, 0))
        b = a + many + 1
        length, rise = runs.measure_from[b] - runs.measure_to[a], runs.km_from[b] - runs.km_to[a]
        between = before[b] - before[a + 1]
        good = (
            (runs.route[a] == runs.route[b])
            & (rise > 0)
            & ~_disagree(length, rise)
            & (between < runs.size[a] + runs.size[b])
        )
        found.append(np.c_[a, b, between][good])
    first, last, cost = np.concatenate(found).T
    rank = np.empty(len(first), dtype="int64")
    rank[np.lexsort((first, last - first, cost))] = np.arange(len(first))
    # The best finding that leaves a run out, and that does so or relies on it.
    out, touched = np.full(count, len(first)), np.full(count, len(first))
    for step in range(1, SLIPS + 1):
        own = first + step < last
        np.minimum.at(out, (first + step)[own], rank[own])
    np.minimum.at(touched, first, rank)
    np.minimum.at(touched, last, rank)
    touched = np.minimum(touched, out)
    holds = (out[first] > rank) & (out[last] > rank)
    for step in range(1, SLIPS + 1):
        own = first + step < last
        holds[own] &= touched[(first + step)[own]] == rank[own]
    wrong = np.zeros(count, dtype=bool)
    for step in range(1, SLIPS + 1):
        own = holds & (first + step < last)
        wrong[(first + step)[own]] = True
    return wrong


def _lone_ends(runs: _Runs) -> np.ndarray:
    """Which first and last runs of a route are one mark alone, where another run has more.

    Two posts at one place are no slip: the second is there to be seen.
    """
    other = np.diff(runs.route) != 0
    joint = ~other & (runs.measure_from[1:] == runs.measure_to[:-1])
    outermost = np.r_[True, other] | np.r_[other, True]
    most = pd.Series(runs.size).groupby(runs.route).transform("max").to_numpy()
    paired = np.r_[False, joint] | np.r_[joint, False]
    return np.asarray((runs.size == 1) & outermost & ~paired & (most > 1))


def _growing(marks: pd.DataFrame, kept: np.ndarray) -> np.ndarray:
    """Of the positions those whose km grow within their run.

    Of two marks whose km fall the one stays that goes better with the marks around them.
    """
    while True:
        route, measure, km = (marks[c].to_numpy()[kept] for c in ("route", "measure", "km"))
        apart = _apart(route, measure, km)
        first = np.flatnonzero(~apart & (np.diff(km) <= 0))
        if not len(first):
            return kept
        run = np.r_[0, np.cumsum(apart)]
        one, other = (
            _miss(run, measure, km, first - 1, at) + _miss(run, measure, km, at, first + 2)
            for at in (first, first + 1)
        )
        kept = np.delete(kept, np.where(one <= other, first + 1, first))


def _jumps(marks: pd.DataFrame) -> np.ndarray:
    """How far [m] the km jump at each mark, beyond the length since the one before; else NaN."""
    route, measure, km = (marks[c].to_numpy() for c in ("route", "measure", "km"))
    leap = 1000 * np.diff(km) - np.diff(measure)
    at = _apart(route, measure, km) & (np.diff(route) == 0)
    return np.asarray(np.r_[np.nan, np.where(at, leap, np.nan)])


def _nodes(marks: pd.DataFrame, jump: np.ndarray, total: np.ndarray) -> Nodes:
    """The marks, the km that end where others begin, and those at the ends of the routes."""
    route, measure, km = (marks[c].to_numpy() for c in ("route", "measure", "km"))
    place = np.arange(len(marks), dtype="float64")
    at = np.flatnonzero(~np.isnan(jump))
    at = at[measure[at] > measure[at - 1]]
    first = np.flatnonzero(np.r_[True, np.diff(route) != 0])[: len(marks)]
    last = np.r_[first[1:], len(marks)][: len(first)] - 1
    back = np.minimum(measure[first], 1000 * km[first])
    first, back = first[back > _NOTHING], back[back > _NOTHING]
    ahead = total[route[last]] - measure[last]
    last, ahead = last[ahead > _NOTHING], ahead[ahead > _NOTHING]
    ended = km[at - 1] + (measure[at] - measure[at - 1]) / 1000
    order = np.argsort(np.r_[place, at - 0.5, first - 0.5, last + 0.25], kind="stable")
    return Nodes(
        np.r_[route, route[at], route[first], route[last]][order],
        np.r_[measure, measure[at], measure[first] - back, total[route[last]]][order],
        np.r_[km, ended, np.maximum(km[first] - back / 1000, 0.0), km[last] + ahead / 1000][order],
    )


def km_at_nodes(nodes: Nodes, route: np.ndarray, measure: np.ndarray, *, ends: bool) -> np.ndarray:
    """Official km at places of calibrated routes.

    Where the km jump it is the km of the stretch that begins there, or of the one that ``ends``.
    """
    step = float(np.max(np.r_[nodes.measure, measure], initial=0.0)) + 1.0
    keys, asked = nodes.route * step + nodes.measure, route * step + measure
    low = np.searchsorted(nodes.route, route, side="left")
    high = np.searchsorted(nodes.route, route, side="right") - 1
    at = np.searchsorted(keys, asked, side="left" if ends else "right") - 1
    at = np.clip(at, low, np.maximum(high - 1, low))
    then = np.minimum(at + 1, high)
    length = np.maximum(nodes.measure[then] - nodes.measure[at], _NOTHING)
    share = np.clip((measure - nodes.measure[at]) / length, 0.0, 1.0)
    return np.asarray(nodes.km[at] + share * (nodes.km[then] - nodes.km[at]))
