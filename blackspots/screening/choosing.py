"""The choice among windows that overlap, so that each crash counts for one site."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from blackspots.presets.definitions import Definition
from blackspots.screening.events import NO_DAY, NO_TYPE, Events, Floats, Ints
from blackspots.screening.judging import (
    BLACK_SPOT,
    NONE,
    POTENTIAL,
    TINY,
    UNDETERMINED,
    columns_of,
    crashes_needed,
    shortage,
    thresholds,
)
from blackspots.screening.scanning import (
    NO_EVENT,
    Group,
    Judged,
    groups_by_length,
    judge_windows,
    parts_may_be_better,
    windows_along,
)


@dataclass(frozen=True, slots=True)
class Window:
    """A chosen window: its crashes, what the definition says, and the period that said so.

    ``rows`` are all its crashes in the study, ``rule_rows`` those of the period (and, where a
    rule counts alike crashes, of one type). ``tight_start`` and ``tight_end`` [m]: the shortest
    stretch whose crashes of that period still meet ``rule``; where no rule is met, the stretch
    that holds ``rule_rows``; NaN where no rule speaks. ``short_of``: for a potential site the
    class of which one more would do (:func:`~blackspots.screening.judging.shortage`), else
    empty. ``rules``: all rules that it meets, each within its own length and period.
    ``length`` [m] of the window that was laid, 0 at a point.
    """

    track: int
    rows: Ints
    start: float
    end: float
    level: int
    rule: str
    first_day: int
    last_day: int
    rule_rows: Ints
    tight_start: float = float("nan")
    tight_end: float = float("nan")
    short_of: str = ""
    rules: tuple[str, ...] = ()
    length: float = 0.0


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
        Window length [m] of the rules that have none of their own; 0 for junctions and
        crossings, where the crashes of each are at one point.
    chance_of
        (first events of windows, by their position in ``made``; numbers of crashes) to the chance
        that the true mean of windows of ``length`` there exceeds that of like places.
    threshold
        A window of ``length`` that the definition passes over is still taken at this chance.
    """
    if not len(made.row):
        return []
    laid = _lay(made, length, definition, chance_of)
    heap = [
        (laid.key(laid.judged, i, float(laid.chance[i]), int(laid.ends[i] - laid.starts[i])), i)
        for i in map(int, np.flatnonzero((laid.judged.level < NONE) | (laid.chance >= threshold)))
    ]
    heapq.heapify(heap)
    claimed = np.zeros(len(made.row), dtype=bool)
    state: dict[int, tuple[Ints, Judged]] = {}
    taken: list[tuple[Ints, Judged, float]] = []
    while heap:
        _, i = heapq.heappop(heap)
        members, verdict = state.get(i) or (
            np.arange(laid.starts[i], laid.ends[i]),
            laid.judged.one(i),
        )
        left = members[~claimed[members]]
        if len(left) == len(members):
            claimed[members] = True
            taken.append((members, verdict, float(laid.length[i])))
            continue
        if not len(left):
            continue
        whole = np.zeros(1, dtype="int64"), np.full(1, len(left))
        again = judge_windows(made, definition, laid.groups.get(laid.length[i], []), left, *whole)
        p = 0.0
        if laid.length[i] == length:
            p = float(chance_of(left[:1], np.array([len(left)]))[0])
        if again.level[0] < NONE or p >= threshold:
            state[i] = (left, again)
            heapq.heappush(heap, (laid.key(again, 0, p, len(left)), i))
    met = _all_met(made, definition, laid.groups, [members for members, *_ in taken])
    return [
        _window(made, definition, members, verdict, own, rules)
        for (members, verdict, own), rules in zip(taken, met, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Laid:
    """All windows of all lengths, with their verdicts."""

    starts: Ints
    ends: Ints
    length: Floats
    judged: Judged
    chance: Floats
    groups: dict[float, list[Group]]

    @staticmethod
    def key(judged: Judged, i: int, chance: float, total: int) -> tuple[float, ...]:
        """Strongest first: verdict, crashes in the period, crashes in all years, chance."""
        return (float(judged.level[i]), -float(judged.size[i]), -float(total), -chance)


def _lay(
    made: Events,
    length: float,
    definition: Definition,
    chance_of: Callable[[Ints, Ints], Floats],
) -> _Laid:
    groups = groups_by_length(made, definition, length)
    order, every = np.arange(len(made.row)), parts_may_be_better(definition)
    parts, judged = [], []
    for own in sorted({length, *groups}):
        starts, ends = windows_along(made.track, made.position, own, every=every)
        judged.append(judge_windows(made, definition, groups.get(own, []), order, starts, ends))
        chance = np.zeros(len(starts))
        if own == length:
            chance = chance_of(starts, ends - starts)
        parts.append((starts, ends, np.full(len(starts), own), chance))
    starts, ends, lengths, chance = (np.concatenate(values) for values in zip(*parts, strict=True))
    together = Judged(
        *(np.concatenate([getattr(j, name) for j in judged]) for name in Judged.__slots__)
    )
    return _Laid(starts, ends, lengths, together, chance, groups)


def _all_met(
    made: Events,
    definition: Definition,
    groups: dict[float, list[Group]],
    sets: list[Ints],
) -> list[tuple[str, ...]]:
    """The rules that each set of crashes meets, each within its own length and period."""
    met = np.zeros((len(sets), len(definition.rules)), dtype=bool)
    if sets:
        order = np.concatenate(sets)
        owner = np.repeat(np.arange(len(sets)), [len(members) for members in sets])
        every = parts_may_be_better(definition)
        for own, those in groups.items():
            starts, ends = windows_along(owner, made.position[order], own, every=every)
            for group in those:
                for number in group.rules:
                    alone = [Group((number,), group.period, group.same)]
                    judged = judge_windows(made, definition, alone, order, starts, ends)
                    met[owner[starts[judged.level == BLACK_SPOT]], number] = True
    return [tuple(r.id for r, m in zip(definition.rules, row, strict=True) if m) for row in met]


def _window(
    made: Events,
    definition: Definition,
    members: Ints,
    verdict: Judged,
    length: float,
    rules: tuple[str, ...],
) -> Window:
    level, number, event = (int(v[0]) for v in (verdict.level, verdict.rule, verdict.event))
    inside, first_day, last_day = np.zeros(0, dtype="int64"), NO_DAY, NO_DAY
    tight = (float("nan"), float("nan"))
    short_of = ""
    if level < NONE:
        rule = definition.rules[number]
        period = made.periods[made.period_of(rule, definition)]
        day = np.zeros(len(members), dtype="int64") if period.one else made.day[members]
        alike = np.full(len(members), True)
        if rule.same:
            kind = made.kind[members]
            alike = kind == verdict.kind[0]
            if level == UNDETERMINED:
                alike |= kind == NO_TYPE
        if event != NO_EVENT:
            within = (day >= period.begin[event]) & (day < period.until[event]) & alike
            inside = members[within]
            # Part of a calendar year may hold no crash, not even the one that led to it.
            if within.any():
                first_day, last_day = int(day[within].min()), int(day[within].max())
        if level == UNDETERMINED:
            inside = np.sort(np.r_[inside, members[(day == NO_DAY) & alike]])
        tight = float(made.position[inside[0]]), float(made.position[inside[-1]])
        if level == BLACK_SPOT:
            tight = _tightest(made, definition, number, inside)
        if level == POTENTIAL:
            short_of = shortage(int(verdict.short[0]), rule.unit)
    return Window(
        track=int(made.track[members[0]]),
        rows=made.row[members],
        start=float(made.position[members].min()),
        end=float(made.position[members].max()),
        level=level,
        rule=definition.rules[number].id if level < NONE else "",
        first_day=first_day,
        last_day=last_day,
        rule_rows=made.row[inside],
        tight_start=tight[0],
        tight_end=tight[1],
        short_of=short_of,
        rules=rules,
        length=length,
    )


def _tightest(
    made: Events, definition: Definition, number: int, inside: Ints
) -> tuple[float, float]:
    """Ends [m] of the shortest stretch whose crashes still meet the rule; of equals the first.

    From each crash on, the running sums tell where each number that the rule asks for is
    reached; the furthest of them ends the stretch. Traffic and type of area are those of all.
    """
    rule, columns = definition.rules[number], made.columns[inside]
    whole = columns.sum(axis=0)[None]
    asked: list[tuple[Floats, float]] = []
    for name in rule.classes:
        if rule.unit == "persons":
            values = columns[:, made.layout.pairs[number, name][0]]
        else:
            values = columns[:, columns_of(name)].sum(axis=1)
        asked.append((values, float(thresholds(whole, made.layout, rule, name)[0][0])))
    if rule.risk is not None:
        needed, _ = crashes_needed(whole, made.layout, rule)
        asked.append((asked[0][0], float(np.ceil(needed[0]))))
    if rule.score is not None:
        values = columns[:, made.layout.pairs[number, "score"][0]]
        asked.append((values, rule.score.at_least - TINY))
    last = np.zeros(len(inside), dtype="int64")
    for values, least in asked:
        running = np.r_[0.0, np.cumsum(values)]
        last = np.maximum(last, np.searchsorted(running, running[:-1] + least - TINY) - 1)
    at = made.position[inside]
    ends = np.flatnonzero(last < len(inside))
    last = np.maximum(last, np.arange(len(inside)))
    best = ends[np.argmin(at[last[ends]] - at[ends])]
    return float(at[best]), float(at[last[best]])
