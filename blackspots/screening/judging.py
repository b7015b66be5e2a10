"""What a definition says of sets of crashes, from the sums of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from blackspots.presets.definitions import CLASSES, GRADES, PERSONS, Definition, Rule
from blackspots.schema import SEVERITIES, VERDICTS
from blackspots.screening.events import POSSIBLE, Floats, Ints, Layout, counted_as

BLACK_SPOT, UNDETERMINED, POTENTIAL, NONE = range(len(VERDICTS))
TINY: Final = 1e-6
"""Sums this much below a threshold reach it: they are of decimal weights."""

_INJURY, _UNKNOWN = SEVERITIES.index("injury"), SEVERITIES.index("unknown")

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """For each set: index into :data:`~blackspots.schema.VERDICTS`, rule, what is missing.

    ``rule`` is -1 for none. ``short`` has a bit for each of
    :data:`~blackspots.presets.rules.GRADES` of which one more would meet the rule.
    """

    level: Ints
    rule: Ints
    short: Ints


def judge(
    sums: Floats,
    layout: Layout,
    definition: Definition,
    rules: Sequence[int] | None = None,
    *,
    bound: bool = False,
) -> Verdicts:
    """What the definition says of sets of crashes.

    Parameters
    ----------
    sums : shape (n, layout.width)
        Columns of :class:`~blackspots.screening.events.Events`, summed over each set.
    rules
        Numbers of the rules to judge by; all by default.
    bound
        Give the best that a *part* of each set may be, which passes over what may be better
        for a part than for the whole (traffic).

    Notes
    -----
    *Undetermined*: not met as recorded, but met if what the register leaves open were what the
    rule asks for; where several sums are open each is taken for itself, so that it is said
    rather once too often. *Potential*: met by one more crash, or by one more person.
    """
    level = np.full(len(sums), NONE, dtype="int64")
    rule_of = np.full(len(sums), -1, dtype="int64")
    short = np.zeros(len(sums), dtype="int64")
    enough = sums[:, : len(SEVERITIES)].sum(axis=1) >= definition.potential_minimum
    for number in range(len(definition.rules)) if rules is None else rules:
        met, may, fits = _holds(sums, layout, definition.rules[number], number, bound=bound)
        bits = fits @ (1 << np.arange(len(GRADES)))
        for value, where in (
            (BLACK_SPOT, met),
            (UNDETERMINED, may),
            (POTENTIAL, (bits > 0) & enough),
        ):
            better = where & (level > value)
            level[better], rule_of[better] = value, number
            short[better] = bits[better] if value == POTENTIAL else 0
    return Verdicts(level, rule_of, short)


def _holds(
    sums: Floats, layout: Layout, rule: Rule, number: int, *, bound: bool
) -> tuple[Bools, Bools, Bools]:
    """Whether a rule is met, may be met, and is met with one more of each grade (n, 4)."""
    met, may = np.ones(len(sums), dtype=bool), np.ones(len(sums), dtype=bool)
    fits = np.ones((len(sums), len(GRADES)), dtype=bool)
    lacking: dict[str, Floats] = {}
    counted: list[Floats] = []
    for name in rule.classes:
        strict, lenient = thresholds(sums, layout, rule, name)
        more = np.array([grade in counted_as(name, rule.unit) for grade in GRADES], dtype=float)
        if rule.unit == "persons":
            low, high = (sums[:, column] for column in layout.pairs[number, name])
            may &= high >= lenient
        else:
            low = sums[:, columns_of(name)].sum(axis=1)
            lacking[name] = np.maximum(lenient - low, 0.0)
            counted.append(low)
        met &= low >= strict
        fits &= low[:, None] + more >= lenient[:, None]
    if lacking:
        may &= _can_be(sums, lacking)
    if rule.score is not None:
        low, high = (sums[:, column] for column in layout.pairs[number, "score"])
        least = rule.score.at_least - TINY
        each = np.array(list(rule.score.by_grade().values()))
        if rule.score.unit == "persons":
            each = each * np.array([grade in PERSONS["casualties"] for grade in GRADES])
        met &= low >= least
        may &= high >= least
        fits &= low[:, None] + each >= least
    if rule.risk is not None and not bound:
        counts = counted_as(rule.classes[0], rule.unit)
        more = np.array([grade in counts for grade in GRADES])
        perhaps = [
            number
            for number, severity in enumerate(SEVERITIES)
            if set(POSSIBLE[severity]) & set(counts) and severity not in CLASSES[rule.classes[0]]
        ]
        open_ = sums[:, perhaps].sum(axis=1)
        needed, unknown = crashes_needed(sums, layout, rule)
        met &= ~unknown & (counted[0] >= needed)
        may &= counted[0] + open_ >= needed
        fits &= counted[0][:, None] + more >= needed[:, None]
    return met, may, fits


def columns_of(name: str) -> list[int]:
    """Columns of the severities that surely are of a class."""
    return [SEVERITIES.index(severity) for severity in CLASSES[name]]


def thresholds(sums: Floats, layout: Layout, rule: Rule, name: str) -> tuple[Floats, Floats]:
    """Least number of a class: the one that surely suffices, the one that may.

    They differ where the type of area is unknown, or where a set lies in several.
    """
    common = float(rule.at_least.get(name, 0))
    if not rule.at_least_by_area_type:
        same = np.full(len(sums), common)
        return same, same
    least = np.array([float(of.get(name, 0)) for of in rule.at_least_by_area_type.values()])
    there = sums[:, [layout.areas[area] for area in rule.at_least_by_area_type]]
    unknown = sums[:, : len(SEVERITIES)].sum(axis=1) > there.sum(axis=1)
    may = (there > 0) | (unknown | (there.sum(axis=1) == 0))[:, None]
    strict = np.where(may, least, -np.inf).max(axis=1)
    lenient = np.where(may, least, np.inf).min(axis=1)
    return np.maximum(strict, common), np.maximum(lenient, common)


def crashes_needed(sums: Floats, layout: Layout, rule: Rule) -> tuple[Floats, Bools]:
    """Crashes at which the risk of a rule is reached, and where traffic is unknown.

    U >= at_least (base + per_aadt AADT), AADT the mean over the crashes; where it is unknown
    the number for no traffic at all.
    """
    risk = rule.risk
    if risk is None:
        raise ValueError(rule.id)
    total = sums[:, : len(SEVERITIES)].sum(axis=1)
    traffic, missing = sums[:, layout.aadt[0]], sums[:, layout.aadt[1]]
    unknown = (missing > 0) | (total == 0)
    mean = np.where(unknown, 0.0, traffic / np.maximum(total, 1.0))
    return risk.at_least * (risk.base + risk.per_aadt * mean) - TINY, unknown


def _can_be(sums: Floats, lacking: dict[str, Floats]) -> Bools:
    """Whether crashes of open severity can make up what is lacking in each class.

    Classes are runs of the grades, and a crash at the last grade of one serves the most of
    those that end later (stabbing of intervals): going by their ends, as many are put there as
    are still missing. Those of severity ``injury`` first, which can be little else.
    """
    injury, unknown = sums[:, _INJURY].copy(), sums[:, _UNKNOWN].copy()
    put = np.zeros((2, len(sums), len(GRADES)))  # of severity injury, of unknown severity
    possible = np.ones(len(sums), dtype=bool)
    runs = {
        name: [i for i, grade in enumerate(GRADES) if grade in CLASSES[name]] for name in lacking
    }
    for name in sorted(lacking, key=lambda name: (runs[name][-1], -runs[name][0])):
        run, still = runs[name], lacking[name].copy()
        if "unknown" not in CLASSES[name]:
            still -= put[1][:, run].sum(axis=1)
            if "injury" not in CLASSES[name]:
                still -= put[0][:, run].sum(axis=1)
                if GRADES[run[-1]] in {"serious", "slight"}:
                    some = np.clip(still, 0.0, injury)
                    put[0][:, run[-1]] += some
                    injury -= some
                    still -= some
            some = np.clip(still, 0.0, unknown)
            put[1][:, run[-1]] += some
            unknown -= some
            still -= some
        possible &= still <= 0
    return possible


@cache
def shortage(bits: int, unit: str) -> str:
    """Code of what is missing where one more would do: a class, or its grades joined by +.

    Examples
    --------
    >>> shortage(0b0001, "crashes"), shortage(0b1111, "crashes"), shortage(0b0001, "persons")
    ('fatal', 'any', 'deaths')
    >>> shortage(0b0101, "crashes")
    'fatal+slight'
    """
    grades = tuple(grade for i, grade in enumerate(GRADES) if bits >> i & 1)
    known = PERSONS if unit == "persons" else CLASSES
    named = (name for name in known if counted_as(name, unit) == grades)
    return next(named, "+".join(grades))
