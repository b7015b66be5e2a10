"""Crashes as events on tracks: where, when, and what each adds to the rules of a definition.

Nomenclature: an *event* is a crash; its *columns* are numbers that rules sum over the crashes
of a window. Where the register leaves a number open there are two columns, the least and the
greatest that it may be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blackspots.presets.definitions import PERSONS, Definition, Rule, Score, modes_named
from blackspots.presets.rules import CLASSES, GRADES
from blackspots.schema import SEVERITIES

NO_DAY: Final = -1
NO_TYPE: Final = -1
FIRST_DAY: Final = np.datetime64("1900-01-01", "D")
"""Day 0: before any crash, so that no day is negative."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

POSSIBLE: Final = {
    severity: GRADES
    if severity == "unknown"
    else ("serious", "slight")
    if severity == "injury"
    else (severity,)
    for severity in SEVERITIES
}
"""Grades that a crash of a recorded severity may be."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns stand that a definition needs.

    The first are one for each severity. ``pairs`` has the least and the greatest of a score
    (rule, "score") or a number of persons (rule, class); ``areas`` the type of area; ``aadt``
    the traffic and whether it is unknown, -1 where no rule asks for it.
    """

    width: int
    pairs: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)
    areas: dict[str, int] = field(default_factory=dict)
    aadt: tuple[int, int] = (-1, -1)


@dataclass(frozen=True, slots=True)
class Period:
    """Periods that begin with each event: days of event e in ``[begin[e], until[e])``.

    ``one``: the study is no longer than the period, so that dates do not matter.
    """

    begin: Ints
    until: Ints
    one: bool


@dataclass(frozen=True, slots=True)
class Events:
    """Crashes sorted by track and position.

    ``row`` points to the crash table; ``day`` counts days, ``NO_DAY`` when unknown; ``kind``
    of collision is a number, ``NO_TYPE`` when unknown; ``columns`` as ``layout`` says;
    ``periods`` by months and whether they roll; ``rules`` of the definition that apply here.
    """

    row: Ints
    track: Ints
    position: Floats
    day: Ints
    kind: Ints
    columns: Floats
    layout: Layout
    periods: dict[tuple[int, bool], Period]
    rules: tuple[int, ...]
    months: int

    def period_of(self, rule: Rule, definition: Definition) -> tuple[int, bool]:
        """Key of the periods of a rule."""
        months = self.months if rule.months is None else rule.months
        return months, definition.rolls(rule)


def events(
    crashes: pd.DataFrame,
    track: str,
    position: str | None,
    definition: Definition,
    months: int,
    *,
    one_period: bool,
    place: str | None = None,
    study: tuple[date, date] | None = None,
) -> Events:
    """Crashes of one kind of place as events.

    Parameters
    ----------
    crashes
        ``date``, ``severity``, the ``track`` column (integer) and ``position`` [m]. Rules that
        ask for them also read ``deaths``, ``serious``, ``slight``, ``injured`` [persons],
        ``mode``, ``crash_type``, ``aadt`` [vehicles/day] and ``area_type``; a column that is
        not there is unknown.
    months
        Period of the rules that have none of their own.
    one_period
        The study is no longer than ``months``: dates do not matter.
    place
        Kind of place, for rules that hold for some only; None applies all.
    study
        First and last day of the study; tells for each rule whether dates matter. Without it
        the rolling periods of at least ``months`` follow ``one_period``, all others need dates.
    """
    layout = layout_of(definition)
    tracks = crashes[track].to_numpy(dtype="int64")
    positions = (
        np.zeros(len(crashes)) if position is None else crashes[position].to_numpy("float64")
    )
    dates = pd.to_datetime(crashes["date"])
    day = _days(dates)
    applied = tuple(
        number for number, rule in enumerate(definition.rules) if place is None or place in rule.at
    )
    wanted = {
        (rule.months or months, definition.rolls(rule))
        for rule in (definition.rules[number] for number in applied)
    } | {(months, definition.rolling)}
    if study is None:
        one = {key: one_period and key[0] >= months and key[1] for key in wanted}
    else:
        one = {key: _holds_all(study, *key) for key in wanted}
    columns = _columns(crashes, definition, layout)
    kind = _kinds(crashes) if any(rule.same for rule in definition.rules) else None
    # Where no date matters none decides the order either.
    sorting = np.zeros(len(day), dtype="int64") if all(one.values()) else day
    order = np.lexsort((crashes.index.astype(str), sorting, positions, tracks))
    dates, day = dates.iloc[order], day[order]
    return Events(
        np.arange(len(crashes))[order],
        tracks[order],
        positions[order],
        day,
        np.full(len(day), NO_TYPE, dtype="int64") if kind is None else kind[order],
        columns[order],
        layout,
        {key: _period(dates, day, key, one=one[key]) for key in sorted(wanted)},
        applied,
        months,
    )


def _holds_all(study: tuple[date, date], months: int, rolling: bool) -> bool:  # noqa: FBT001
    """Whether one period holds every day of the study."""
    first, last = (pd.Timestamp(day) for day in study)
    if not rolling:
        first = pd.Timestamp(first.year, 1, 1)
    return bool(last < first + pd.DateOffset(months=months))


def _days(dates: pd.Series) -> Ints:
    known = dates.notna().to_numpy()
    result = np.full(len(dates), NO_DAY, dtype="int64")
    days = dates[known].to_numpy().astype("datetime64[D]") - FIRST_DAY
    result[known] = days.astype("int64")
    return result


def _period(dates: pd.Series, day: Ints, key: tuple[int, bool], *, one: bool) -> Period:
    months, rolling = key
    if one:
        return Period(np.zeros_like(day), np.ones_like(day), one=True)
    if rolling:
        return Period(day, _days(dates + pd.DateOffset(months=months)), one=False)
    begin = dates.dt.to_period("Y").dt.start_time
    return Period(_days(begin), _days(begin + pd.DateOffset(months=months)), one=False)


def layout_of(definition: Definition) -> Layout:
    """The columns that the rules of a definition need."""
    width = len(SEVERITIES)
    pairs: dict[tuple[int, str], tuple[int, int]] = {}
    for number, rule in enumerate(definition.rules):
        names = rule.classes if rule.unit == "persons" else ()
        for name in (*names, *(["score"] if rule.score else [])):
            pairs[number, name] = (width, width + 1)
            width += 2
    types = sorted({area for rule in definition.rules for area in rule.at_least_by_area_type})
    areas = {area: width + i for i, area in enumerate(types)}
    width += len(areas)
    if any(rule.risk for rule in definition.rules):
        return Layout(width + 2, pairs, areas, (width, width + 1))
    return Layout(width, pairs, areas)


def _columns(crashes: pd.DataFrame, definition: Definition, layout: Layout) -> Floats:
    severity = crashes["severity"].to_numpy()
    made = np.zeros((len(crashes), layout.width))
    for number, name in enumerate(SEVERITIES):
        made[:, number] = severity == name
    persons = None
    for (number, name), (low, high) in layout.pairs.items():
        rule = definition.rules[number]
        if persons is None and (rule.unit == "persons" or (rule.score or rule).unit == "persons"):
            persons = _persons(crashes)
        if name == "score" and rule.score is not None:
            made[:, low], made[:, high] = _scores(crashes, rule.score, persons)
        elif persons is not None:
            least = [rule.at_least.get(name, 0)]
            least += [of.get(name, 0) for of in rule.at_least_by_area_type.values()]
            made[:, low], greatest = _sum_of(persons, dict.fromkeys(PERSONS[name], 1.0))
            # An unknown number of persons may be all that the rule asks for.
            made[:, high] = np.where(np.isinf(greatest), max(least), greatest)
    if layout.areas and "area_type" in crashes:
        given = crashes["area_type"].to_numpy(dtype="object")
        for name, column in layout.areas.items():
            made[:, column] = given == name
    if layout.aadt[0] >= 0:
        traffic = _number(crashes, "aadt")
        # A traffic of 0 beside a crash is no measurement.
        known = traffic > 0
        made[:, layout.aadt[0]] = np.where(known, traffic, 0.0)
        made[:, layout.aadt[1]] = ~known
    return made


def _number(crashes: pd.DataFrame, name: str) -> Floats:
    if name not in crashes:
        return np.full(len(crashes), np.nan)
    return crashes[name].to_numpy(dtype="float64", na_value=np.nan)


def _kinds(crashes: pd.DataFrame) -> Ints:
    """Types of collision as numbers, compared without case and space."""
    if "crash_type" not in crashes:
        return np.full(len(crashes), NO_TYPE, dtype="int64")
    words = crashes["crash_type"].astype("string").str.strip().str.casefold()
    return np.asarray(pd.factorize(words.mask(words == ""), sort=True)[0], dtype="int64")


@dataclass(frozen=True, slots=True)
class Persons:
    """Least and greatest numbers of persons by grade, and of all the injured.

    The greatest is infinite where nothing recorded bounds it.
    """

    low: dict[str, Floats]
    high: dict[str, Floats]


def _persons(crashes: pd.DataFrame) -> Persons:
    severity = crashes["severity"].to_numpy()
    deaths, serious, slight, injured = (
        _number(crashes, name) for name in ("deaths", "serious", "slight", "injured")
    )
    both = serious + slight
    injured = np.where(np.isnan(injured), both, np.fmax(injured, np.nan_to_num(both)))
    low, high = {}, {}
    # The severity is the worst outcome: below it nobody is known, above it there is nobody.
    above = {"fatal": (), "serious": ("fatal",), "slight": ("fatal", "serious")}
    above |= {"pdo": ("fatal", "serious", "slight"), "injury": ("fatal",), "unknown": ()}
    for name, given in (("fatal", deaths), ("serious", serious), ("slight", slight)):
        none = np.isin(severity, [s for s, grades in above.items() if name in grades])
        open_ = np.where(none, 0.0, np.inf)
        if name != "fatal":
            other = slight if name == "serious" else serious
            rest = injured - np.nan_to_num(other)
            open_ = np.fmin(open_, np.where(np.isnan(injured), np.inf, rest))
        known = ~np.isnan(given)
        low[name] = np.where(known, given, severity == name)
        high[name] = np.where(known, given, np.maximum(open_, low[name]))
    some = np.maximum(low["serious"] + low["slight"], severity == "injury")
    low["injured"] = np.where(np.isnan(injured), some, np.maximum(injured, some))
    most = np.maximum(high["serious"] + high["slight"], some)
    high["injured"] = np.where(np.isnan(injured), most, low["injured"])
    return Persons(low, high)


def _sum_of(persons: Persons, weight: dict[str, float]) -> tuple[Floats, Floats]:
    """Least and greatest weighted sums over the persons of each crash.

    Of the injured whose grade is open, each counts with the lighter or the heavier weight.
    """
    w = {grade: weight.get(grade, 0.0) for grade in ("fatal", "serious", "slight")}
    light, heavy = sorted((w["serious"], w["slight"]))
    made = []
    for bound, other in ((persons.low, light), (persons.high, heavy)):
        sure = w["serious"] * persons.low["serious"] + w["slight"] * persons.low["slight"]
        rest = bound["injured"] - persons.low["serious"] - persons.low["slight"]
        room = {grade: persons.high[grade] - persons.low[grade] for grade in ("serious", "slight")}
        # Where one grade is known the rest is of the other.
        each = np.where(
            room["serious"] == 0,
            w["slight"],
            np.where(room["slight"] == 0, w["serious"], other),
        )
        # 0 x infinity: without a weight it does not matter how many.
        with np.errstate(invalid="ignore"):
            dead, hurt = w["fatal"] * bound["fatal"], each * np.maximum(rest, 0.0)
        made.append(np.nan_to_num(dead, posinf=np.inf) + sure + np.nan_to_num(hurt, posinf=np.inf))
    return made[0], made[1]


def _scores(crashes: pd.DataFrame, score: Score, persons: Persons | None) -> tuple[Floats, Floats]:
    """What each crash adds to a score, at least and at most."""
    weight = score.by_grade()
    if score.unit == "persons" and persons is not None:
        low, high = _sum_of(persons, weight)
    else:
        severity = crashes["severity"].to_numpy()
        low, high = np.zeros(len(crashes)), np.zeros(len(crashes))
        for name, grades in POSSIBLE.items():
            each = [weight[grade] for grade in grades]
            low[severity == name], high[severity == name] = min(each), max(each)
    if score.modes:
        low_by, high_by = _factors(crashes, score)
        with np.errstate(invalid="ignore"):
            low, high = low * low_by, high * high_by
    return low, np.where(np.isinf(high), score.at_least, high)


def _factors(crashes: pd.DataFrame, score: Score) -> tuple[Floats, Floats]:
    """Least and greatest factor by the modes that took part; open where none is known."""
    open_ = min(1.0, score.factor), max(1.0, score.factor)
    if "mode" not in crashes:
        return np.full(len(crashes), open_[0]), np.full(len(crashes), open_[1])
    codes, words = pd.factorize(crashes["mode"].astype("string"))
    pairs = [open_]
    for word in words:
        named = modes_named(str(word))
        factor = score.factor if named & set(score.modes) else 1.0
        pairs.append((factor, factor) if named else open_)
    both = np.array(pairs)[codes + 1]
    return both[:, 0], both[:, 1]


@cache
def counted_as(name: str, unit: str) -> tuple[str, ...]:
    """Grades of a class, of crashes or of persons."""
    if unit == "persons":
        return PERSONS[name]
    return tuple(grade for grade in GRADES if grade in CLASSES[name])
