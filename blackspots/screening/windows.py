"""Windows in space and time that meet a definition, and the choice among overlapping ones.

A *track* is a line on which crashes have a position: a route, or a junction or crossing where
all positions are 0. A window starts at every crash, so that no cluster is lost at a segment's
end; likewise the rolling period starts at every crash.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blackspots.presets.definitions import CLASSES, Definition
from blackspots.schema import VERDICTS

NO_DAY = -1
FIRST_DAY = np.datetime64("1900-01-01", "D")
"""Day 0: before any crash, so that no day is negative."""

_PAIRS_AT_ONCE = 4_000_000
BLACK_SPOT, UNDETERMINED, POTENTIAL, NONE = range(len(VERDICTS))

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Events:
    """Crashes sorted by track and position.

    ``row`` points to the crash table; ``day`` counts days, ``NO_DAY`` when unknown;
    ``until`` is the first day after the rolling period that starts on ``day``;
    ``counts`` has one 0/1 column for each class that the rules count, ``unknown`` the last.
    """

    row: Ints
    track: Ints
    position: Floats
    day: Ints
    until: Ints
    counts: Ints
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """A chosen window: its crashes, what the definition says, and the period that said so."""

    track: int
    rows: Ints
    start: float
    end: float
    level: int
    rule: str
    first_day: int
    last_day: int
    rule_rows: Ints


def events(
    crashes: pd.DataFrame,
    track: str,
    position: str | None,
    definition: Definition,
    months: int,
    *,
    one_period: bool,
) -> Events:
    """Crashes of one kind of place as events.

    Parameters
    ----------
    crashes
        ``date``, ``severity``, the ``track`` column (integer) and ``position`` [m].
    one_period
        The study is no longer than the rolling period: dates do not matter.
    """
    names = (*sorted({name for rule in definition.rules for name in rule.at_least}), "unknown")
    severity = crashes["severity"].to_numpy()
    counts = np.stack(
        [np.isin(severity, CLASSES.get(name, (name,))) for name in names], axis=1
    ).astype("int64")
    tracks = crashes[track].to_numpy(dtype="int64")
    positions = (
        np.zeros(len(crashes)) if position is None else crashes[position].to_numpy("float64")
    )
    if one_period:
        day = np.zeros(len(crashes), dtype="int64")
        until = day + 1
    else:
        dates = pd.to_datetime(crashes["date"])
        day = _days(dates)
        until = _days(dates + pd.DateOffset(months=months))
    order = np.lexsort((crashes.index.astype(str), day, positions, tracks))
    return Events(
        np.arange(len(crashes))[order],
        tracks[order],
        positions[order],
        day[order],
        until[order],
        counts[order],
        names,
    )


def _days(dates: pd.Series) -> Ints:
    known = dates.notna().to_numpy()
    result = np.full(len(dates), NO_DAY, dtype="int64")
    days = dates[known].to_numpy().astype("datetime64[D]") - FIRST_DAY
    result[known] = days.astype("int64")
    return result


def judge(counts: Ints, names: tuple[str, ...], definition: Definition) -> tuple[Ints, Ints]:
    """What the definition says of sets of crashes.

    Parameters
    ----------
    counts : shape (n, classes + 1)
        Crashes by class in the order of ``names``, the unknown severities last.

    Returns
    -------
    level, rule : shape (n,)
        Index into :data:`~blackspots.schema.VERDICTS` and into the rules (-1 for none).

    Notes
    -----
    *Undetermined*: not met as recorded, but met if crashes of unknown severity were what the
    rule asks for. *Potential*: met by one more crash.
    """
    level = np.full(len(counts), NONE, dtype="int64")
    rule_of = np.full(len(counts), -1, dtype="int64")
    unknown = counts[:, -1]
    total = (
        counts[:, names.index("any")] if "any" in names else counts[:, :-1].sum(axis=1) + unknown
    )
    enough = total >= definition.potential_minimum
    for index, rule in enumerate(definition.rules):
        short = {
            name: np.maximum(least - counts[:, names.index(name)], 0)
            for name, least in rule.at_least.items()
        }
        of_any = short.pop("any", np.zeros(len(counts), dtype="int64"))
        of_class = np.sum(list(short.values()), axis=0) if short else np.zeros_like(of_any)
        met = (of_any == 0) & (of_class == 0)
        may = (of_any == 0) & (of_class <= unknown) & ~met
        almost = (of_any <= 1) & (of_class <= 1) & enough & ~met
        for value, where in ((BLACK_SPOT, met), (UNDETERMINED, may), (POTENTIAL, almost)):
            better = where & (level > value)
            level[better], rule_of[better] = value, index
    return level, rule_of


def _ends(made: Events, length: float) -> Ints:
    """For the window that starts at each event: one past its last event."""
    step = float(made.position.max() - made.position.min()) + length + 1.0
    rank = np.unique(made.track, return_inverse=True)[1]
    keys = rank * step + (made.position - made.position.min())
    ends: Ints = np.searchsorted(keys, keys + length + 1e-9, side="right").astype("int64")
    return ends


@dataclass(frozen=True, slots=True)
class Judged:
    """The best rolling period of each window: arrays of one value a window."""

    level: Ints
    rule: Ints
    size: Ints
    first_day: Ints


def _judge_windows(made: Events, starts: Ints, ends: Ints, definition: Definition) -> Judged:
    """The strongest verdict over all rolling periods, for each window ``[start, end)``."""
    count = len(starts)
    result = Judged(
        np.full(count, NONE, "int64"),
        np.full(count, -1, "int64"),
        np.zeros(count, "int64"),
        np.full(count, NO_DAY, "int64"),
    )
    for chunk in _chunks(ends - starts):
        member, owner = _members(
            [np.arange(a, b) for a, b in zip(starts[chunk], ends[chunk], strict=True)]
        )
        _judge_members(made, member, owner, chunk, definition, result)
    return result


def _chunks(sizes: Ints) -> Iterator[Ints]:
    """Window numbers in lots of a bounded number of crashes."""
    edges = np.searchsorted(np.cumsum(sizes), np.arange(0, sizes.sum(), _PAIRS_AT_ONCE), "right")
    bounds = [*np.unique(edges), len(sizes)]
    for low, high in pairwise(bounds):
        yield np.arange(low, high)


def _members(parts: list[Ints]) -> tuple[Ints, Ints]:
    owner = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return (np.concatenate(parts) if parts else np.zeros(0, "int64")), owner


def _judge_members(
    made: Events, member: Ints, owner: Ints, windows: Ints, definition: Definition, result: Judged
) -> None:
    """Enter the strongest verdict of each window of a lot; ``owner`` counts within the lot.

    A crash without a date may lie in any period: where the undated ones would make a period
    meet a rule, the window is undetermined.
    """
    dated = made.day[member] != NO_DAY
    undated = np.zeros((len(windows), made.counts.shape[1]), dtype="int64")
    np.add.at(undated, owner[~dated], made.counts[member[~dated]])
    _enter_undated(undated, made, windows, definition, result)
    member, owner = member[dated], owner[dated]
    if not len(member):
        return
    order = np.lexsort((member, made.day[member], owner))
    member, owner = member[order], owner[order]
    day = made.day[member]
    span = int(made.until.max()) + 1
    stop = np.searchsorted(owner * span + day, owner * span + made.until[member], side="left")
    cumulated = np.vstack(
        [np.zeros((1, made.counts.shape[1]), "int64"), np.cumsum(made.counts[member], axis=0)]
    )
    start = np.searchsorted(owner * span + day, owner * span + day, side="left")
    counts = cumulated[stop] - cumulated[start]
    level, rule = judge(counts, made.names, definition)
    if undated.any():
        might, by = judge(counts + undated[owner], made.names, definition)
        may = (might <= UNDETERMINED) & (level > UNDETERMINED)
        level[may], rule[may] = UNDETERMINED, by[may]
    size = stop - start
    best = np.lexsort((start, -size, level, owner))
    first = best[np.r_[True, owner[best][1:] != owner[best][:-1]]]
    first = first[level[first] <= result.level[windows[owner[first]]]]
    target = windows[owner[first]]
    result.level[target], result.rule[target] = level[first], rule[first]
    result.size[target], result.first_day[target] = size[first], day[first]


def _enter_undated(
    undated: Ints, made: Events, windows: Ints, definition: Definition, result: Judged
) -> None:
    """Windows whose undated crashes alone would meet a rule."""
    level, rule = judge(undated, made.names, definition)
    met = level <= UNDETERMINED
    target = windows[met]
    result.level[target], result.rule[target] = UNDETERMINED, rule[met]
    result.size[target] = undated[met].max(axis=1)
    result.first_day[target] = NO_DAY


def choose(
    made: Events,
    length: float,
    definition: Definition,
    chance_of: Callable[[Ints, Ints], Floats],
    threshold: float,
) -> list[Window]:
    """Windows that are listed, potential, undetermined or statistically high; none overlap.

    The strongest is taken first and claims its crashes; what is left of the others is judged
    again, so that no crash counts for two sites.

    Parameters
    ----------
    length
        Window length [m]; 0 for junctions and crossings.
    chance_of
        (tracks, numbers of crashes) to the chance that the true mean of such windows exceeds
        that of like places.
    threshold
        A window that the definition passes over is still taken at this chance.
    """
    if not len(made.row):
        return []
    ends = _ends(made, length)
    starts = np.arange(len(ends), dtype="int64")
    # A window inside the one before it adds nothing: keep those that reach further.
    maximal = np.r_[True, ends[1:] > ends[:-1]] | np.r_[True, made.track[1:] != made.track[:-1]]
    starts, ends = starts[maximal], ends[maximal]
    judged = _judge_windows(made, starts, ends, definition)
    chance = chance_of(made.track[starts], ends - starts)
    heap = [
        (_key(judged, i, chance[i], int(ends[i] - starts[i])), i)
        for i in map(int, np.flatnonzero((judged.level < NONE) | (chance >= threshold)))
    ]
    heapq.heapify(heap)
    claimed = np.zeros(len(made.row), dtype=bool)
    state: dict[int, tuple[Ints, Judged]] = {}
    chosen: list[Window] = []
    while heap:
        _, i = heapq.heappop(heap)
        members, verdict = state.get(i, (np.arange(starts[i], ends[i]), _one(judged, i)))
        left = members[~claimed[members]]
        if len(left) == len(members):
            claimed[members] = True
            chosen.append(_window(made, members, verdict, definition))
            continue
        if not len(left):
            continue
        again = Judged(*(np.full(1, v, "int64") for v in (NONE, -1, 0, NO_DAY)))
        _judge_members(
            made, left, np.zeros(len(left), "int64"), np.zeros(1, "int64"), definition, again
        )
        p = float(chance_of(made.track[left[:1]], np.array([len(left)]))[0])
        if again.level[0] < NONE or p >= threshold:
            state[i] = (left, again)
            heapq.heappush(heap, (_key(again, 0, p, len(left)), i))
    return chosen


def _one(judged: Judged, i: int) -> Judged:
    return Judged(
        *(getattr(judged, name)[i : i + 1] for name in ("level", "rule", "size", "first_day"))
    )


def _key(judged: Judged, i: int, chance: float, total: int) -> tuple[float, ...]:
    """Strongest first: verdict, crashes in the period, crashes in all years, chance."""
    return (float(judged.level[i]), -float(judged.size[i]), -float(total), -chance)


def _window(made: Events, members: Ints, verdict: Judged, definition: Definition) -> Window:
    level, rule = int(verdict.level[0]), int(verdict.rule[0])
    first_day = int(verdict.first_day[0]) if level < NONE else NO_DAY
    inside = np.zeros(0, dtype="int64")
    last_day = NO_DAY
    day = made.day[members]
    if first_day != NO_DAY:
        until = made.until[members[day == first_day][0]]
        inside = members[(day >= first_day) & (day < until)]
        last_day = int(made.day[inside].max())
    if level == UNDETERMINED:
        inside = np.sort(np.r_[inside, members[day == NO_DAY]])
    return Window(
        track=int(made.track[members[0]]),
        rows=made.row[members],
        start=float(made.position[members].min()),
        end=float(made.position[members].max()),
        level=level,
        rule=definition.rules[rule].id if level < NONE else "",
        first_day=first_day,
        last_day=last_day,
        rule_rows=made.row[inside],
    )
