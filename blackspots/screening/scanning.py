"""The strongest verdict of a window over all periods, for many windows at once.

A window is a run ``order[start:end]`` of events that lie along one track. Within it a period
begins at every crash; sums over periods are differences of running sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from blackspots.presets.definitions import Definition
from blackspots.screening.events import NO_DAY, NO_TYPE, Events, Floats, Ints
from blackspots.screening.judging import NONE, UNDETERMINED, judge

NO_EVENT: Final = -1
_PAIRS_AT_ONCE: Final = 1_000_000
_TOUCH: Final = 1e-6
"""Crashes this much [m] beyond a window's length are in it: measures are rounded."""


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are judged together: of one length, one period, and alike in the same way."""

    rules: tuple[int, ...]
    period: tuple[int, bool]
    same: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """The best period of each window: arrays of one value a window.

    ``size`` counts the crashes of the period; it begins with ``event`` (``NO_EVENT``: no crash
    has a date). ``kind`` is the type of collision where a rule counts alike crashes; ``short``
    as in :class:`~blackspots.screening.judging.Verdicts`.
    """

    level: Ints
    rule: Ints
    size: Ints
    event: Ints
    kind: Ints
    short: Ints

    @classmethod
    def none(cls, count: int) -> Judged:
        """Nothing found in ``count`` windows."""
        values = (NONE, -1, 0, NO_EVENT, NO_TYPE, 0)
        return cls(*(np.full(count, value, dtype="int64") for value in values))

    def one(self, i: int) -> Judged:
        """Window ``i`` alone."""
        return Judged(*(getattr(self, name)[i : i + 1] for name in self.__slots__))


def groups_by_length(
    made: Events, definition: Definition, length: float
) -> dict[float, list[Group]]:
    """The rules that apply, by length of the window [m].

    Where ``length`` is 0, crashes are at one point and every rule is of that length.
    """
    found: dict[float, dict[tuple[tuple[int, bool], bool], list[int]]] = {}
    for number in made.rules:
        rule = definition.rules[number]
        own = length if rule.window is None or length == 0 else rule.window
        key = made.period_of(rule, definition), bool(rule.same)
        found.setdefault(own, {}).setdefault(key, []).append(number)
    return {
        own: [Group(tuple(rules), *key) for key, rules in groups.items()]
        for own, groups in found.items()
    }


def parts_may_be_better(definition: Definition) -> bool:
    """Whether a part of a window may meet a rule that the whole does not.

    So it is where a threshold hangs on the traffic or the type of area of the crashes.
    """
    return any(rule.risk or rule.at_least_by_area_type for rule in definition.rules)


def windows_along(
    track: Ints, position: Floats, length: float, *, every: bool = False
) -> tuple[Ints, Ints]:
    """A window from each event on that reaches further than the one before it.

    Parameters
    ----------
    track, position
        Sorted by track, then position [m].
    length
        A window takes the crashes up to this far from its first.
    every
        Also windows that reach no further, which are parts of the one before them.

    Returns
    -------
    start, end
        The events of window w are ``start[w]:end[w]``.
    """
    if not len(track):
        return np.zeros(0, dtype="int64"), np.zeros(0, dtype="int64")
    begins = np.r_[True, track[1:] != track[:-1]]
    first = np.flatnonzero(begins)
    last = np.r_[first[1:], len(track)] - 1
    room = position[last] - position[first] + length + 1.0
    at = np.cumsum(room) - room - position[first]
    along = position + np.repeat(at, last - first + 1)
    ends = np.searchsorted(along, along + length + _TOUCH, side="right").astype("int64")
    starts = np.flatnonzero(np.r_[True, ends[1:] > ends[:-1]] | begins | every)
    return starts, ends[starts]


def judge_windows(
    made: Events,
    definition: Definition,
    groups: Sequence[Group],
    order: Ints,
    starts: Ints,
    ends: Ints,
) -> Judged:
    """The strongest verdict over all periods and rules, for each window of ``order``.

    Of equal verdicts that with the most crashes in its period stands, then the first rule.
    """
    judged = Judged.none(len(starts))
    running = _running(made.columns[order])
    whole = running[ends] - running[starts]
    for group in groups:
        # No period can hold more than the window does in all years.
        best = judge(whole, made.layout, definition, group.rules, bound=True)
        some = np.flatnonzero(best.level < NONE)
        for lot in _lots((ends - starts)[some]):
            windows = some[lot]
            owner, at = _runs(starts[windows], ends[windows])
            _judge_lot(made, definition, group, order[at], owner, windows, judged)
    return judged


def _running(columns: Floats) -> Floats:
    """Running sums, from 0 on."""
    made = np.zeros((len(columns) + 1, columns.shape[1]))
    np.cumsum(columns, axis=0, out=made[1:])
    return made


def _lots(sizes: Ints) -> Iterator[Ints]:
    """Window numbers in lots of a bounded number of crashes."""
    if not len(sizes):
        return
    edges = np.searchsorted(np.cumsum(sizes), np.arange(0, sizes.sum(), _PAIRS_AT_ONCE), "right")
    for low, high in pairwise(np.unique([*edges, len(sizes)])):
        yield np.arange(low, high)


def _runs(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Number of the run and index for each index of ``start:end``, run after run."""
    sizes = ends - starts
    owner = np.repeat(np.arange(len(starts)), sizes)
    return owner, np.arange(sizes.sum()) + np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)


@dataclass(frozen=True, slots=True)
class _Entries:
    """Crashes by the set that they may count in: a window, or one type of collision in it.

    ``sure``: whether they surely count. ``owner`` and ``kind`` by set.
    """

    member: Ints
    key: Ints
    sure: Ints
    owner: Ints
    kind: Ints


def _entries(made: Events, group: Group, member: Ints, owner: Ints, count: int) -> _Entries:
    if not group.same:
        sure = np.ones(len(member), dtype="int64")
        every = np.arange(count)
        return _Entries(member, owner, sure, every, np.full(count, NO_TYPE, dtype="int64"))
    # A crash whose type is unknown may be of any: it stands in a set of its own (the last of
    # its window) and, with a question mark, in that of each type there.
    types = int(made.kind.max(initial=0)) + 2
    kind = made.kind[member]
    typed = kind != NO_TYPE
    keys, of = np.unique(owner * types + np.where(typed, kind, types - 1), return_inverse=True)
    set_owner, set_kind = keys // types, keys % types
    set_kind[set_kind == types - 1] = NO_TYPE
    open_ = member[~typed]
    by_owner = np.searchsorted(owner[~typed], np.arange(count + 1))
    takes = np.flatnonzero(set_kind != NO_TYPE)
    who, at = _runs(by_owner[set_owner[takes]], by_owner[set_owner[takes] + 1])
    return _Entries(
        np.r_[member, open_[at]],
        np.r_[of, takes[who]],
        np.r_[typed.astype("int64"), np.zeros(len(at), dtype="int64")],
        set_owner,
        set_kind,
    )


def _judge_lot(
    made: Events,
    definition: Definition,
    group: Group,
    member: Ints,
    owner: Ints,
    windows: Ints,
    judged: Judged,
) -> None:
    """Enter the strongest verdict of each window of a lot; ``owner`` counts within the lot.

    A crash without a date may lie in any period: where the undated ones would make a period
    meet a rule, the window is undetermined.
    """
    period = made.periods[group.period]
    sets = _entries(made, group, member, owner, len(windows))
    dated = np.full(len(sets.member), True) if period.one else made.day[sets.member] != NO_DAY
    loose = _sums(made.columns[sets.member[~dated]], sets.key[~dated], len(sets.owner))
    might = judge(loose, made.layout, definition, group.rules)
    alone = np.flatnonzero(might.level <= UNDETERMINED)
    undated = np.bincount(sets.key[~dated], minlength=len(sets.owner))
    found = Judged(
        np.full(len(alone), UNDETERMINED, dtype="int64"),
        might.rule[alone],
        undated[alone],
        np.full(len(alone), NO_EVENT, dtype="int64"),
        sets.kind[alone],
        np.zeros(len(alone), dtype="int64"),
    )
    owners = sets.owner[alone]
    if dated.any():
        member, key, sure = (values[dated] for values in (sets.member, sets.key, sets.sure))
        over = _over_periods(made, definition, group, member, key, sure, loose)
        found = Judged(*(np.r_[getattr(over, n), getattr(found, n)] for n in Judged.__slots__))
        found.kind[: len(over.kind)] = sets.kind[over.kind]
        owners = np.r_[sets.owner[over.kind], owners]
    _enter(found, owners, windows, judged)


def _sums(columns: Floats, key: Ints, count: int) -> Floats:
    made = np.zeros((count, columns.shape[1]))
    if len(key):
        for number in range(columns.shape[1]):
            made[:, number] = np.bincount(key, weights=columns[:, number], minlength=count)
    return made


def _over_periods(
    made: Events,
    definition: Definition,
    group: Group,
    member: Ints,
    key: Ints,
    sure: Ints,
    loose: Floats,
) -> Judged:
    """The verdict of the period that begins with each crash; ``kind`` holds its set."""
    period = made.periods[group.period]
    day = np.zeros(len(member), dtype="int64") if period.one else made.day[member]
    order = np.lexsort((member, day, key))
    member, key, day, sure = member[order], key[order], day[order], sure[order]
    begin, until = period.begin[member], period.until[member]
    span = int(until.max()) + 1
    when = key * span + day
    first = np.searchsorted(when, key * span + begin, side="left")
    stop = np.searchsorted(when, key * span + until, side="left")
    columns = made.columns[member]
    running = _running(columns * sure[:, None] if not sure.all() else columns)
    sums = running[stop] - running[first]
    verdict = judge(sums, made.layout, definition, group.rules)
    level, rule = verdict.level, verdict.rule
    if loose.any() or not sure.all():
        running = _running(columns)
        every = running[stop] - running[first] + loose[key]
        might = judge(every, made.layout, definition, group.rules)
        may = (might.level <= UNDETERMINED) & (level > UNDETERMINED)
        level[may], rule[may] = UNDETERMINED, might.rule[may]
    counted = np.r_[0, np.cumsum(sure)]
    return Judged(level, rule, counted[stop] - counted[first], member, key, verdict.short)


def _enter(found: Judged, owner: Ints, windows: Ints, judged: Judged) -> None:
    """Keep the best of what was found for each window, where it is better than before."""
    # Of equals the earliest: they stand by set and day, those without a day last.
    best = np.lexsort((np.arange(len(owner)), -found.size, found.event < 0, found.level, owner))
    best = best[np.r_[True, np.diff(owner[best]) > 0]] if len(best) else best
    target = windows[owner[best]]
    level, size = found.level[best], found.size[best]
    better = (level < judged.level[target]) | (
        (level == judged.level[target]) & (size > judged.size[target])
    )
    target, best = target[better], best[better]
    for name in Judged.__slots__:
        getattr(judged, name)[target] = getattr(found, name)[best]
    judged.short[target[judged.level[target] <= UNDETERMINED]] = 0
