"""Definitions of every kind against an enumeration of all windows, periods and completions.

Rules are written here once more by hand: a set of crashes meets a rule when every way to fill
in what the register leaves open does, and may meet it when one way does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import combinations_with_replacement, product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blackspots.presets import definition
from blackspots.presets.definitions import CLASSES, GRADES, PERSONS, Definition, Risk, Rule, Score
from blackspots.schema import SEVERITIES
from blackspots.screening.events import _persons, _scores, events, layout_of
from blackspots.screening.windows import (
    BLACK_SPOT,
    NONE,
    POTENTIAL,
    UNDETERMINED,
    Window,
    choose,
    judge,
    shortage,
)

START = pd.Timestamp("2020-01-01")


def own(*rules: Rule, **options: Any) -> Definition:
    """A definition of these rules; 100 m and 12 months."""
    given_: dict[str, Any] = {
        "id": "own",
        "title": {},
        "jurisdiction": "",
        "citation": "",
        "valid_from": "",
        "mark": "A",
        "window": 100.0,
        "junction_radius": 50.0,
        "crossing_radius": 50.0,
        "months": 12,
        "potential_minimum": 2,
        "notes": {},
    }
    return Definition(**(given_ | options), rules=rules)


def rule(name: str = "r", /, **options: Any) -> Rule:
    return Rule(**({"id": name, "title": {}, "at_least": {}} | options))


def never(_track: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.zeros(len(count))


def scan(
    table: pd.DataFrame, law: Definition, length: float = 100.0, **options: Any
) -> list[Window]:
    options = {"one_period": False} | options
    return choose(
        events(table, "track", "position", law, law.months, **options), length, law, never, 2.0
    )


# What a set of crashes says, tried out --------------------------------------------------------


def grades(severities: list[str]) -> Iterator[list[str]]:
    """Every way to fill in the severities that are open, each once."""
    known = [s for s in severities if s in GRADES]
    unknown, injury = severities.count("unknown"), severities.count("injury")
    for one, two in product(
        combinations_with_replacement(GRADES, unknown),
        combinations_with_replacement(("serious", "slight"), injury),
    ):
        yield [*known, *one, *two]


def holds(law: Rule, severities: list[str], least: dict[str, int], aadt: float) -> bool:
    """Whether crashes of known severity meet a rule that counts crashes."""
    count = {name: sum(s in CLASSES[name] for s in severities) for name in least}
    if any(count[name] < number for name, number in least.items()):
        return False
    if law.score is not None:
        weight = law.score.by_grade()
        if sum(weight[s] for s in severities) < law.score.at_least - 1e-9:
            return False
    if law.risk is not None:
        u = count[law.classes[0]]
        return u / (law.risk.base + law.risk.per_aadt * aadt) >= law.risk.at_least
    return True


class Crash(NamedTuple):
    position: float
    date: pd.Timestamp | None
    severity: str
    crash_type: str | None
    aadt: float
    area_type: str | None


Crashes = tuple[Crash, ...]


def listed(table: pd.DataFrame) -> Crashes:
    """Rows as they are tried out."""
    own_ = table[[*Crash._fields]].astype("object")
    return tuple(Crash(*row) for row in own_.where(own_.notna(), None).itertuples(index=False))


def says(law: Rule, crashes: Crashes, minimum: int) -> int:
    """Verdict of a rule on a set of crashes, dates aside."""
    severities = [c.severity for c in crashes]
    limits = [law.at_least]
    if law.at_least_by_area_type:
        by = law.at_least_by_area_type
        there = {c.area_type for c in crashes}
        open_ = not there <= set(by) or not crashes
        limits = [by[str(a)] for a in (by if open_ else there)]
        names = limits[0]
        limits = [{n: f(limit[n] for limit in limits) for n in names} for f in (max, min)]
    known = bool(crashes) and all(c.aadt is not None for c in crashes)
    traffic = sum(c.aadt for c in crashes) / len(crashes) if known else 0.0
    filled = list(grades(severities))
    if (law.risk is None or known) and all(holds(law, way, limits[0], traffic) for way in filled):
        return BLACK_SPOT
    if any(holds(law, way, limits[-1], traffic) for way in filled):
        return UNDETERMINED
    # One more: the open ones count for what they surely are, the least of every way.
    if len(severities) >= minimum and any(
        all(holds(law, [*way, one], limits[-1], traffic) for way in filled) for one in GRADES
    ):
        return POTENTIAL
    return NONE


def sets(law: Rule, within: Crashes) -> Iterator[tuple[Crashes, Crashes]]:
    """Crashes that surely count together, and those that may beside them."""
    if not law.same:
        yield within, ()
        return
    open_ = tuple(c for c in within if c.crash_type is None)
    for kind in {c.crash_type for c in within} - {None}:
        yield tuple(c for c in within if c.crash_type == kind), open_
    yield (), open_


def strongest(crashes: Crashes, law: Definition, rules: tuple[Rule, ...] = ()) -> int:
    """Every crash begins a window and a period of each rule."""
    best = {NONE}
    for each in rules or law.rules:
        tried: dict[Crashes, int] = {}

        def judged(those: Crashes, each: Rule = each, tried: dict[Crashes, int] = tried) -> int:
            if those not in tried:
                tried[those] = says(each, those, law.potential_minimum)
            return tried[those]

        for x in {c.position for c in crashes}:
            within = tuple(c for c in crashes if x <= c.position <= x + law.window_of(each))
            for sure, maybe in sets(each, within):
                undated = tuple(c for c in (*sure, *maybe) if c.date is None)
                if judged(undated) <= UNDETERMINED:
                    best.add(UNDETERMINED)
                for day in {c.date for c in (*sure, *maybe) if c.date is not None}:
                    first = day if law.rolls(each) else pd.Timestamp(day.year, 1, 1)
                    until = first + pd.DateOffset(months=law.months_of(each))
                    inside, beside = (
                        tuple(c for c in those if c.date is not None and first <= c.date < until)
                        for those in (sure, maybe)
                    )
                    best.add(judged(inside))
                    if judged((*inside, *beside, *undated)) <= UNDETERMINED:
                        best.add(UNDETERMINED)
    return min(best)


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    rows = []
    aadt = draw(st.sampled_from([np.nan, 2000.0, 30_000.0]))
    area = draw(st.sampled_from(["urban", "regional", None]))
    for _ in range(draw(st.integers(1, 9))):
        day = START + pd.Timedelta(days=61 * draw(st.integers(0, 14)))
        open_ = draw(st.integers(0, 7)) == 0
        rows.append(
            {
                "track": 0,
                "position": draw(st.integers(0, 8)) * 50.0,
                "date": pd.NaT if draw(st.integers(0, 11)) == 0 else day,
                "severity": draw(st.sampled_from(["unknown", "injury"]))
                if open_
                else draw(st.sampled_from(GRADES)),
                "crash_type": draw(st.sampled_from(["rear", "side", "rear", None])),
                "aadt": aadt,
                "area_type": area if draw(st.integers(0, 5)) else "urban",
            }
        )
    return pd.DataFrame(rows).rename_axis("crash_id")


few = st.integers(1, 4)
classes = st.dictionaries(st.sampled_from(sorted(CLASSES)), few, min_size=1, max_size=3)
weights = st.dictionaries(
    st.sampled_from(sorted(CLASSES)), st.sampled_from([0.5, 1.0, 1.7, 5.0]), min_size=1, max_size=3
)
scores = st.builds(Score, weights, st.sampled_from([2.0, 5.1, 10.0]))
lengths = st.sampled_from([None, 50.0, 100.0, 250.0])
spans = st.sampled_from([None, 6, 12, 24])
rolls = st.sampled_from([None, True, False])
risks = st.builds(Risk, st.sampled_from([0.8, 1.5]), st.just(0.5), st.just(7e-5))
common = {"window": lengths, "months": spans, "rolling": rolls}
KINDS_OF_RULE = {
    "counts": st.builds(rule, at_least=classes, **common),
    "score": st.builds(rule, score=scores, **common),
    "both": st.builds(rule, at_least=st.fixed_dictionaries({"any": few}), score=scores, **common),
    "same": st.builds(rule, at_least=classes, same=st.just("crash_type"), **common),
    "risk": st.builds(rule, at_least=classes.map(lambda c: dict([*c.items()][:1])), risk=risks),
    "area": st.builds(
        rule,
        at_least_by_area_type=st.builds(
            lambda a, b: {"urban": {"casualty": a}, "regional": {"casualty": b}}, few, few
        ),
        **common,
    ),
}


@pytest.mark.parametrize("kind", KINDS_OF_RULE)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_best_verdict_is_that_of_all_windows_periods_and_completions(
    kind: str, data: st.DataObject
) -> None:
    table = data.draw(tables())
    law = own(data.draw(KINDS_OF_RULE[kind]), potential_minimum=data.draw(st.sampled_from([1, 2])))
    chosen = scan(table, law)
    assert min((w.level for w in chosen), default=NONE) == strongest(listed(table), law)


@settings(max_examples=25, deadline=None)
@given(tables(), st.lists(st.one_of(*KINDS_OF_RULE.values()), min_size=2, max_size=3))
def test_several_rules_each_with_its_own_length_and_period(
    table: pd.DataFrame, rules: list[Rule]
) -> None:
    law = own(*(rule(**{f: getattr(r, f) for f in FIELDS} | {"id": f"r{i}"})
                for i, r in enumerate(rules)))  # fmt: skip
    chosen = scan(table, law)
    assert min((w.level for w in chosen), default=NONE) == strongest(listed(table), law)
    members = [row for w in chosen for row in w.rows]
    assert len(members) == len(set(members))
    for w in chosen:
        mine = listed(table.iloc[w.rows])
        met = [r.id for r in law.rules if strongest(mine, law, (r,)) == BLACK_SPOT]
        assert list(w.rules) == met
        by = next(r for r in law.rules if r.id == w.rule)
        assert w.length == law.window_of(by)
        assert w.end - w.start <= w.length
        assert w.start <= w.tight_start <= w.tight_end <= w.end
        evidence = listed(table.iloc[w.rule_rows])
        assert set(w.rule_rows) <= set(w.rows)
        if w.level == BLACK_SPOT:
            assert w.rule in w.rules
            assert says(by, evidence, 2) == BLACK_SPOT
            if not by.at_least_by_area_type:  # there the type of area is that of all the evidence
                assert w.tight_end - w.tight_start == tightest(by, evidence)
        if w.level == POTENTIAL:
            assert says(by, evidence, 2) == POTENTIAL
            if not by.at_least_by_area_type and by.risk is None:
                assert w.short_of == missing(by, evidence)
        else:
            assert not w.short_of


FIELDS = [name for name in Rule.__slots__ if name != "id"]


def tightest(law: Rule, evidence: Crashes) -> float:
    """Length of the shortest stretch that still meets the rule."""
    ends = [c.position for c in evidence]
    return float(
        min(
            high - low
            for low, high in product(ends, repeat=2)
            if says(law, tuple(c for c in evidence if low <= c.position <= high), 1) == BLACK_SPOT
        )
    )


def missing(law: Rule, evidence: Crashes) -> str:
    """Class of the crashes of which one more would meet the rule, whatever is open."""
    fits = 0
    for number, grade in enumerate(GRADES):
        ways = [(*way, grade) for way in grades([c.severity for c in evidence])]
        more = [tuple(evidence[0]._replace(severity=s) for s in way) for way in ways]
        if all(says(law, way, 1) <= UNDETERMINED for way in more):
            fits |= 1 << number
    return shortage(fits, "crashes")


@settings(max_examples=150, deadline=None)
@given(
    classes,
    st.lists(st.sampled_from(["unknown", "injury", "injury", *GRADES]), min_size=1, max_size=7),
)
def test_open_severities_against_every_way_to_fill_them_in(
    least: dict[str, int], severities: list[str]
) -> None:
    law = rule(at_least=least)
    sums = np.array([[severities.count(name) for name in SEVERITIES]], dtype=float)
    crashes = tuple(Crash(0.0, None, severity, None, 0.0, None) for severity in severities)
    assert judge(sums, layout_of(own(law)), own(law)).level[0] == says(law, crashes, 2)


def test_the_evidence_of_an_open_verdict_holds_what_is_open() -> None:
    table = crowd(*["pdo"] * 6, crash_type=[None, *["rear"] * 4, "side"])
    (found,) = scan(table, definition("de-hesse"))
    assert (found.level, sorted(found.rule_rows)) == (UNDETERMINED, [0, 1, 2, 3, 4])
    assert found.rules == ()


# Persons --------------------------------------------------------------------------------------


@st.composite
def casualties(draw: st.DrawFn) -> dict[str, Any]:
    """A crash, and what the register keeps of it."""
    dead, serious, slight = (draw(st.integers(0, 3)) for _ in range(3))
    severity = "fatal" if dead else "serious" if serious else "slight" if slight else "pdo"
    blurred = ["unknown", *(["injury"] if severity in {"serious", "slight"} else [])]
    hide = {name: draw(st.booleans()) for name in ("deaths", "serious", "slight", "injured")}
    given_ = {"deaths": dead, "serious": serious, "slight": slight, "injured": serious + slight}
    return {
        "severity": draw(st.sampled_from([severity, severity, *blurred])),
        **{name: np.nan if hide[name] else value for name, value in given_.items()},
    }


def possible(crash: dict[str, Any], most: int) -> Iterator[tuple[int, int, int]]:
    """Persons killed, seriously and slightly injured that agree with what was kept."""
    for dead, serious, slight in product(range(most), repeat=3):
        worst = "fatal" if dead else "serious" if serious else "slight" if slight else "pdo"
        said = crash["severity"]
        if said not in {worst, "unknown"} and not (
            said == "injury" and worst in {"serious", "slight"}
        ):
            continue
        told = {"deaths": dead, "serious": serious, "slight": slight, "injured": serious + slight}
        if all(np.isnan(crash[name]) or crash[name] == value for name, value in told.items()):
            yield dead, serious, slight


@settings(max_examples=80, deadline=None)
@given(
    casualties(),
    st.tuples(*[st.sampled_from([0.0, 1.0, 3.0, 5.0])] * 3).filter(any),
)
def test_persons_of_a_crash_lie_between_the_least_and_the_most_that_agree_with_the_register(
    crash: dict[str, Any], weight: tuple[float, ...]
) -> None:
    table = pd.DataFrame([crash])
    cap = 1000.0
    score = Score(dict(zip(("deaths", "serious", "slight"), weight, strict=True)), cap, "persons")
    low, high = _scores(table, score, _persons(table))
    sums, less = (
        [float(np.dot(weight, each)) for each in possible(crash, most)] for most in (8, 7)
    )
    open_ = max(sums) > max(less)
    # A bound may be wide of what agrees, never within it.
    assert low[0] <= min(sums)
    assert high[0] >= max(sums)
    if open_:
        assert high[0] == cap
    if all(not np.isnan(crash[n]) for n in ("deaths", "serious", "slight")):
        assert low[0] == high[0] == sums[0]


def persons(*rows: tuple[str, float]) -> pd.DataFrame:
    """Crashes at one point and of one day: severity and deaths."""
    frame = pd.DataFrame(rows, columns=["severity", "deaths"])
    return frame.assign(track=0, position=0.0, date=START).rename_axis("crash_id")


IN = definition("in-morth")
nan = float("nan")


@pytest.mark.parametrize(
    ("rows", "level", "short"),
    [
        ([("fatal", 6.0), ("fatal", 4.0)], BLACK_SPOT, ""),
        ([("fatal", 6.0), ("fatal", 3.0)], POTENTIAL, "deaths"),
        ([("fatal", 6.0), ("fatal", nan)], UNDETERMINED, ""),
        ([("fatal", 9.0), ("fatal", nan)], BLACK_SPOT, ""),  # a fatal crash killed one at least
        ([("fatal", 6.0), ("unknown", nan)], UNDETERMINED, ""),
        ([("fatal", 6.0), ("serious", nan)], NONE, ""),
        ([("fatal", 6.0), ("slight", nan), ("fatal", 1.0)], NONE, ""),
        ([("fatal", 1.0)] * 5, BLACK_SPOT, ""),
        ([("fatal", 1.0)] * 3 + [("serious", 0.0)], POTENTIAL, "serious_or_fatal"),
        ([("fatal", 1.0)] * 4 + [("injury", 0.0)], UNDETERMINED, ""),
    ],
)
def test_deaths_are_persons_against_morth(
    rows: list[tuple[str, float]], level: int, short: str
) -> None:
    found = scan(persons(*rows), IN, 500.0)
    assert [w.level for w in found] == ([level] if level < NONE else [])
    assert [w.short_of for w in found] == ([short] if level < NONE else [])


def test_calendar_years_against_morth() -> None:
    """Five crashes in 30 months over four calendar years are not in three of them."""
    days = ["2020-12-30", "2021-06-01", "2022-03-01", "2023-01-02", "2023-05-01"]
    table = persons(*[("fatal", 1.0)] * 5).assign(date=pd.to_datetime(days))
    assert scan(table, IN, 500.0)[0].level == POTENTIAL
    table.loc[0, "date"] = pd.Timestamp("2021-01-01")
    (found,) = scan(table, IN, 500.0)
    assert (found.level, found.rule) == (BLACK_SPOT, "five-fatal-or-grievous")


def test_half_a_calendar_year_without_a_crash_of_its_own() -> None:
    law = own(rule(at_least={"any": 2}), months=6, rolling=False)
    table = crowd("pdo", "pdo", "pdo").assign(date=pd.to_datetime(["2020-09-01", None, None]))
    (found,) = scan(table, law)
    assert (found.level, found.first_day, sorted(found.rule_rows)) == (UNDETERMINED, -1, [1, 2])


# The shipped ones -----------------------------------------------------------------------------


def crowd(*severities: str, **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"severity": severities, "position": 0.0, "track": 0, "date": START})
    return frame.assign(**columns).rename_axis("crash_id")


@pytest.mark.parametrize(
    ("preset", "table", "level"),
    [
        ("de-rural", crowd("fatal", "serious", "serious"), BLACK_SPOT),
        ("de-rural", crowd("fatal", "serious", "slight", "slight"), POTENTIAL),
        ("de-rural", crowd(*["slight"] * 8), BLACK_SPOT),
        ("de-rural", crowd(*["slight"] * 7), POTENTIAL),
        ("de-rural", crowd(*["pdo"] * 70), NONE),
        ("de-rural", crowd("injury", "injury", "injury"), UNDETERMINED),
        ("de-hesse", crowd(*["pdo"] * 5, crash_type="rear"), BLACK_SPOT),
        ("de-hesse", crowd(*["pdo"] * 5, crash_type=["Rear ", *["rear"] * 4]), BLACK_SPOT),
        ("de-hesse", crowd(*["pdo"] * 5, crash_type=["side", *["rear"] * 4]), POTENTIAL),
        ("de-hesse", crowd(*["pdo"] * 5, crash_type=[None, *["rear"] * 4]), UNDETERMINED),
        ("de-hesse", crowd(*["pdo"] * 5), UNDETERMINED),
        ("de-hesse", crowd("serious", "serious", "fatal"), BLACK_SPOT),
        ("at", crowd(*["slight"] * 3, crash_type="rear", aadt=8000.0), BLACK_SPOT),
        # Rk = 3 / (0.5 + 7e-5 x 47,000) = 0.79
        ("at", crowd(*["slight"] * 3, crash_type="rear", aadt=47_000.0), POTENTIAL),
        ("at", crowd(*["slight"] * 3, crash_type="rear", aadt=46_400.0), BLACK_SPOT),
        ("at", crowd(*["slight"] * 3, crash_type="rear"), UNDETERMINED),
        ("at", crowd(*["slight"] * 3, crash_type="rear", aadt=0.0), UNDETERMINED),
        ("at", crowd(*["slight"] * 2, "injury", crash_type="rear", aadt=8000.0), BLACK_SPOT),
        ("at", crowd(*["slight"] * 2, "unknown", crash_type="rear", aadt=8000.0), UNDETERMINED),
        ("at", crowd(*["pdo"] * 5), BLACK_SPOT),
        ("au", crowd("slight", "slight", "injury"), BLACK_SPOT),
        ("au", crowd("slight", "slight"), UNDETERMINED),
        ("au", crowd("slight", "slight", area_type="regional"), BLACK_SPOT),
        ("au", crowd("slight", "slight", area_type="urban"), POTENTIAL),
        ("au", crowd("slight", "slight", area_type=["urban", "regional"]), UNDETERMINED),
        ("uk-wales", crowd(*["injury"] * 4), BLACK_SPOT),
        ("uk-wales", crowd(*["injury"] * 3, "pdo"), POTENTIAL),
        ("kr", crowd(*["pdo"] * 5), BLACK_SPOT),
        ("kr", crowd(*["pdo"] * 4), POTENTIAL),
        ("no", crowd(*["slight"] * 4), BLACK_SPOT),
    ],
)
def test_shipped_definitions_against_the_reference_table(
    preset: str, table: pd.DataFrame, level: int
) -> None:
    law = definition(preset)
    assert min((w.level for w in scan(table, law, law.window)), default=NONE) == level


def flemish(modes: str | None, serious: int = 1) -> pd.DataFrame:
    """Three crashes with one dead or seriously injured each: 5 + 3 or 3 + 3 points and more."""
    return crowd(
        *["fatal"] * 1, *["serious"] * 2, mode=modes, deaths=[1, 0, 0], serious=[0, serious, 1],
        slight=0, injured=[0, serious, 1],
    )  # fmt: skip


def test_a_crash_of_open_severity_counts_once_against_traffic() -> None:
    law = own(rule(at_least={"any": 1}, risk=Risk(0.8, 0.5, 7e-5)))
    assert scan(crowd("unknown", "unknown", aadt=30_000.0), law)[0].level == POTENTIAL
    assert scan(crowd(*["unknown"] * 3, aadt=30_000.0), law)[0].level == BLACK_SPOT


def test_flanders_weighs_persons_and_multiplies_for_the_vulnerable() -> None:
    law = definition("flanders")
    # 5 + 3 + 3 = 11; x 1.7 = 18.7
    assert scan(flemish("Ô tô con; xe tải"), law)[0].level == POTENTIAL
    assert scan(flemish("Ô tô con - người đi bộ"), law)[0].level == BLACK_SPOT
    assert scan(flemish(None), law)[0].level == UNDETERMINED
    assert scan(flemish("vật thể lạ"), law)[0].level == UNDETERMINED
    assert scan(flemish("car", serious=3), law)[0].level == BLACK_SPOT  # 5 + 9 + 3
    assert scan(flemish("bicycle").drop(columns="mode"), law)[0].level == UNDETERMINED
    # Two crashes, however bad, are one short.
    assert scan(flemish("voetganger", serious=9).iloc[:2], law)[0].short_of == "casualty"


def test_norway_takes_the_longer_section_on_roads_only() -> None:
    law = definition("no")
    table = crowd(*["slight"] * 10).assign(position=np.arange(10) * 110.0)
    (section,) = [w for w in scan(table, law) if w.level == BLACK_SPOT]
    assert (section.rule, section.length, section.end - section.start) == ("section", 1000.0, 990)
    assert (section.tight_start, section.tight_end) == (0.0, 990.0)
    table["position"] = [*(np.arange(4) * 30.0), *(300 + np.arange(6) * 110.0)]
    both = scan(table, law)[0]
    assert both.rules == ("point", "section")
    junction = scan(table.assign(position=0.0), law, 0.0, place="junction")[0]
    assert (junction.rules, junction.length) == (("point",), 0.0)


def test_korea_reaches_further_for_fatal_crashes() -> None:
    law = definition("kr")
    assert (law.window, law.junction_radius, law.window_of(law.rules[1])) == (100, 50, 300)
    table = crowd(*["fatal"] * 3).assign(position=[0.0, 150.0, 300.0])
    assert [(w.rule, w.length) for w in scan(table, law)] == [("three-fatal", 300.0)]
    table.loc[2, "position"] = 300.01
    assert scan(table, law)[0].level == POTENTIAL


# Time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "months", "level"),
    [
        ("2020-02-29", "2021-02-27", 12, BLACK_SPOT),
        ("2020-02-29", "2021-02-28", 12, NONE),  # 29 Feb + 12 months is 28 Feb
        ("2019-03-01", "2020-02-29", 12, BLACK_SPOT),
        ("2019-03-01", "2020-03-01", 12, NONE),
        ("2020-01-31", "2020-02-28", 1, BLACK_SPOT),
        ("2020-01-31", "2020-02-29", 1, NONE),
        ("2020-06-15", "2023-06-14", 36, BLACK_SPOT),
        ("2020-06-15", "2023-06-15", 36, NONE),
    ],
)
def test_a_period_ends_the_day_before_the_same_day(
    first: str, last: str, months: int, level: int
) -> None:
    law = own(rule(at_least={"any": 2}), months=months)
    table = crowd("pdo", "pdo").assign(date=pd.to_datetime([first, last]))
    found = scan(table, law)
    assert [w.level for w in found if w.level != POTENTIAL] == ([level] if level < NONE else [])


def test_a_study_of_one_year_needs_dates_for_the_rules_of_less_only() -> None:
    law = own(rule("year", at_least={"any": 3}), rule("month", at_least={"fatal": 2}, months=1))
    year = {"study": (date(2020, 1, 1), date(2020, 12, 31))}
    table = crowd("pdo", "pdo", "pdo").assign(date=pd.to_datetime([None] * 3))
    assert scan(table, law, **year)[0].level == BLACK_SPOT
    assert scan(table, law, one_period=True)[0].level == BLACK_SPOT
    assert scan(table, law, study=(date(2020, 1, 1), date(2021, 1, 1)))[0].level == UNDETERMINED
    fatal = crowd("fatal", "fatal").assign(date=pd.to_datetime(["2020-01-01", "2020-02-01"]))
    assert (scan(fatal, law, **year)[0].level, scan(fatal, law, **year)[0].rule) == (
        POTENTIAL,
        "year",
    )
    fatal["date"] = pd.to_datetime(["2020-01-01", "2020-01-31"])
    (found,) = scan(fatal, law, **year)
    assert (found.level, found.rule) == (BLACK_SPOT, "month")


def test_a_study_of_three_years_within_four_calendar_years_needs_dates() -> None:
    table = persons(*[("fatal", 1.0)] * 5).assign(date=pd.to_datetime([None] * 5))
    three = {"study": (date(2020, 1, 1), date(2022, 12, 31))}
    four = {"study": (date(2020, 7, 1), date(2023, 6, 30))}
    assert scan(table, IN, 500.0, **three)[0].level == BLACK_SPOT
    assert scan(table, IN, 500.0, **four)[0].level == UNDETERMINED
    assert scan(table, IN, 500.0, one_period=True)[0].level == UNDETERMINED


def test_a_site_of_exactly_the_windows_length() -> None:
    """On many long tracks too, where a measure is a small part of the running distance."""
    law = own(rule(at_least={"any": 2}))
    tracks = np.repeat(np.arange(20_000), 2)
    at = 99_000.1 + np.tile([0.0, 100.0], 20_000)
    table = crowd(*["pdo"] * 40_000).assign(track=tracks, position=at)
    first = scan(table.iloc[:200], law)
    assert [w.level for w in first] == [BLACK_SPOT] * 100
    made = events(table, "track", "position", law, 12, one_period=True)
    from blackspots.screening.scanning import windows_along  # noqa: PLC0415

    starts, ends = windows_along(made.track, made.position, 100.0)
    assert len(starts) == 20_000
    assert (ends - starts == 2).all()
    starts, ends = windows_along(made.track, made.position, 99.999)
    assert (ends - starts == 1).all()


def test_same_inputs_give_the_same_windows() -> None:
    rng = np.random.default_rng(7)
    table = crowd(*rng.choice(GRADES, 300)).assign(
        position=rng.uniform(0, 20_000, 300).round(),
        date=START + pd.to_timedelta(rng.integers(0, 1500, 300), unit="D"),
        crash_type=rng.choice(["a", "b", None], 300),
    )
    law = definition("de-hesse")
    one, two = scan(table, law), scan(table.sample(frac=1, random_state=2), law)
    assert one
    for a, b in zip(one, two, strict=True):
        assert (a.start, a.end, a.level, a.rule, a.rules, a.short_of, a.first_day) == (
            b.start, b.end, b.level, b.rule, b.rules, b.short_of, b.first_day,
        )  # fmt: skip


def test_persons_and_crashes_have_their_own_classes() -> None:
    assert set(PERSONS) & set(CLASSES) == {"serious", "slight"}
    assert [shortage(1 << i, "crashes") for i in range(3)] == ["fatal", "serious", "slight"]
