"""Windows in space and time against an enumeration of all of them.

The judgement of a set of crashes is checked against the circular's rules as
shared/reference/screening.md gives them (vn-26-2012), written here once more by hand.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blackspots.presets import definition
from blackspots.schema import SEVERITIES
from blackspots.screening import scanning, windows
from blackspots.screening.events import layout_of
from blackspots.screening.windows import (
    BLACK_SPOT,
    NONE,
    POTENTIAL,
    UNDETERMINED,
    Window,
    choose,
    events,
    judge,
)

VN = definition("vn-26-2012")
LAYOUT = layout_of(VN)


def met(severities: list[str]) -> bool:
    """The three rules of circular 26/2012, as the reference gives them."""
    fatal = severities.count("fatal")
    injury_only = sum(s in {"serious", "slight", "injury"} for s in severities)
    return fatal >= 2 or (len(severities) >= 3 and fatal >= 1) or injury_only >= 4


def verdict(severities: list[str]) -> int:
    """Strongest verdict, unknown severities tried one by one."""
    known = [s for s in severities if s != "unknown"]
    unknown = len(severities) - len(known)
    if met(severities):
        return BLACK_SPOT
    if any(met([*known, *guess]) for guess in product(("fatal", "injury", "pdo"), repeat=unknown)):
        return UNDETERMINED
    if len(severities) >= 2 and any(met([*severities, one]) for one in ("fatal", "injury", "pdo")):
        return POTENTIAL
    return NONE


@pytest.mark.parametrize(
    ("fatal", "injury", "pdo", "unknown", "level", "rule"),
    [
        (2, 0, 0, 0, BLACK_SPOT, "two-fatal"),
        (1, 2, 0, 0, BLACK_SPOT, "three-with-one-fatal"),
        (1, 0, 2, 0, BLACK_SPOT, "three-with-one-fatal"),
        (1, 0, 0, 2, BLACK_SPOT, "three-with-one-fatal"),  # unknown ones are crashes
        (0, 4, 0, 0, BLACK_SPOT, "four-injury"),
        (2, 4, 0, 0, BLACK_SPOT, "two-fatal"),  # the first rule that holds is named
        (0, 3, 1, 0, POTENTIAL, "three-with-one-fatal"),
        (0, 3, 0, 0, POTENTIAL, "three-with-one-fatal"),
        (1, 1, 0, 0, POTENTIAL, "two-fatal"),
        (1, 0, 0, 0, NONE, None),  # a single crash is not yet a cluster
        (0, 2, 0, 0, POTENTIAL, "three-with-one-fatal"),
        (0, 0, 9, 0, POTENTIAL, "three-with-one-fatal"),
        (0, 0, 2, 0, POTENTIAL, "three-with-one-fatal"),
        (0, 1, 0, 0, NONE, None),
        (0, 0, 0, 1, NONE, None),
        (0, 0, 0, 2, UNDETERMINED, "two-fatal"),
        (1, 0, 0, 1, UNDETERMINED, "two-fatal"),
        (0, 2, 0, 1, UNDETERMINED, "three-with-one-fatal"),
        (0, 3, 0, 1, UNDETERMINED, "three-with-one-fatal"),
        (0, 1, 0, 1, POTENTIAL, "two-fatal"),
        (0, 0, 0, 0, NONE, None),
    ],
)
def test_what_the_circular_says(
    fatal: int, injury: int, pdo: int, unknown: int, level: int, rule: str | None
) -> None:
    got = judge(np.array([[fatal, 0, 0, injury, pdo, unknown]], dtype=float), LAYOUT, VN)
    severities = ["fatal"] * fatal + ["injury"] * injury + ["pdo"] * pdo + ["unknown"] * unknown
    assert level == verdict(severities)
    assert got.level[0] == level
    if rule is not None and level != POTENTIAL:
        assert VN.rules[got.rule[0]].id == rule


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["fatal", "serious", "slight", "injury", "pdo", "unknown"]), max_size=6
    )
)
def test_judgement_is_that_of_trying_every_severity(severities: list[str]) -> None:
    counts = [severities.count(name) for name in SEVERITIES]
    assert judge(np.array([counts], dtype=float), LAYOUT, VN).level[0] == verdict(severities)


# All windows --------------------------------------------------------------------------------

START = pd.Timestamp("2021-01-01")


def never(_track: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.zeros(len(count))


def scan(
    table: pd.DataFrame, length: float = 500.0, months: int = 12, one_period: bool = False
) -> list[Window]:
    made = events(table, "track", "position", VN, months, one_period=one_period)
    return choose(made, length, VN, never, 2.0)


def table_of(rows: list[tuple[int, float, object, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["track", "position", "date", "severity"])
    return frame.assign(date=pd.to_datetime(frame["date"])).rename_axis("crash_id")


@st.composite
def tracks(draw: st.DrawFn) -> pd.DataFrame:
    rows = []
    for _ in range(draw(st.integers(1, 14))):
        day = draw(st.integers(0, 900))
        known = draw(st.integers(0, 9)) > 0
        rows.append(
            (
                draw(st.integers(0, 1)),
                draw(st.integers(0, 16)) * 100.0,
                START + pd.Timedelta(days=day - day % 61) if known else pd.NaT,
                draw(st.sampled_from(["fatal", "injury", "slight", "pdo", "unknown"])),
            )
        )
    return table_of(rows)


def strongest(table: pd.DataFrame, length: float, months: int) -> dict[int, int]:
    """Every crash begins a window, every crash a period: all pairs are tried."""
    best: dict[int, int] = {}
    for track, here in table.groupby("track"):
        levels = [NONE]
        for x in here["position"]:
            within = here[(here["position"] >= x) & (here["position"] <= x + length)]
            undated = list(within["severity"][within["date"].isna()])
            if verdict(undated) <= UNDETERMINED:
                levels.append(UNDETERMINED)
            for day in within["date"].dropna():
                until = day + pd.DateOffset(months=months)
                inside = within[(within["date"] >= day) & (within["date"] < until)]
                levels.append(verdict(list(inside["severity"])))
                if verdict(list(inside["severity"]) + undated) <= UNDETERMINED:
                    levels.append(UNDETERMINED)  # a crash without a date may be of that period
        best[int(str(track))] = min(levels)
    return best


@settings(max_examples=100, deadline=None)
@given(tracks(), st.sampled_from([0.0, 100.0, 500.0, 5000.0]), st.sampled_from([6, 12]))
def test_the_strongest_verdict_of_each_route_is_that_of_all_windows(
    table: pd.DataFrame, length: float, months: int
) -> None:
    chosen = scan(table, length, months)
    for track, level in strongest(table, length, months).items():
        mine = [w.level for w in chosen if w.track == track]
        assert min(mine, default=NONE) == level
    members = [row for w in chosen for row in w.rows]
    assert len(members) == len(set(members))
    for w in chosen:
        own = table.iloc[w.rows]
        assert (own["track"] == w.track).all()
        assert own["position"].max() - own["position"].min() <= length
        assert (w.start, w.end) == (own["position"].min(), own["position"].max())
        evidence = table.iloc[w.rule_rows]
        assert set(w.rule_rows) <= set(w.rows)
        if w.level == UNDETERMINED:
            assert verdict(list(evidence["severity"])) <= UNDETERMINED
        else:
            assert verdict(list(evidence["severity"])) == w.level
            assert evidence["date"].notna().all()
        dated = evidence["date"].dropna()
        if len(dated):
            first = dated.min()
            assert first.toordinal() - pd.Timestamp(windows.FIRST_DAY).toordinal() == w.first_day
            assert (dated < first + pd.DateOffset(months=months)).all()


@settings(max_examples=60, deadline=None)
@given(tracks())
def test_a_route_that_has_a_black_spot_left_over_is_not_done(table: pd.DataFrame) -> None:
    """What no site claimed holds no listed window any more."""
    chosen = scan(table)
    claimed = {row for w in chosen for row in w.rows}
    left = table.iloc[[i for i in range(len(table)) if i not in claimed]]
    if len(left):
        assert set(strongest(left, 500.0, 12).values()) == {NONE}


def test_the_order_of_the_rows_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    rows = [
        (0, float(rng.integers(0, 3000)), START + pd.Timedelta(days=int(rng.integers(0, 800))), s)
        for s in rng.choice(["fatal", "injury", "pdo"], 60)
    ]
    table = table_of(rows)
    other = table.sample(frac=1, random_state=1)
    one = sorted(tuple(sorted(table.index[w.rows])) for w in scan(table))
    two = sorted(tuple(sorted(other.index[w.rows])) for w in scan(other))
    assert one == two
    assert one


# Single cases -------------------------------------------------------------------------------


def dates(*texts: str | None, severity: str = "injury", step: float = 10.0) -> pd.DataFrame:
    return table_of([(0, i * step, text, severity) for i, text in enumerate(texts)])


def test_the_rolling_year_runs_over_new_year() -> None:
    table = dates("2022-11-20", "2022-12-31", "2023-01-01", "2023-10-30")
    (found,) = scan(table)
    assert (found.level, VN.rules[2].id) == (BLACK_SPOT, found.rule)
    assert len(found.rule_rows) == 4


@pytest.mark.parametrize(("last", "level"), [("2023-02-28", BLACK_SPOT), ("2023-03-01", POTENTIAL)])
def test_twelve_months_end_the_day_before(last: str, level: int) -> None:
    found = scan(dates("2022-03-01", "2022-06-01", "2022-09-01", last))
    assert found[0].level == level


def test_a_window_starts_at_every_crash() -> None:
    """A cluster from 240 to 740 m: no window of a 500 m grid holds all four of it."""
    table = table_of([(0, x, "2023-05-01", "injury") for x in (240.0, 400.0, 600.0, 740.0)])
    (found,) = scan(table)
    assert (found.level, found.start, found.end) == (BLACK_SPOT, 240.0, 740.0)
    assert scan(table, 499.0)[0].level == POTENTIAL


def test_of_two_listed_windows_that_overlap_the_fuller_stands_and_the_rest_is_judged_anew() -> None:
    """From 0 m two fatal crashes; from 400 m three, one of them fatal: that at 0 is left."""
    rows = [(0.0, "fatal"), (400.0, "fatal"), (600.0, "injury"), (890.0, "injury")]
    (found,) = scan(table_of([(0, x, "2023-05-01", s) for x, s in rows]))
    assert (found.start, found.end, found.level) == (400.0, 890.0, BLACK_SPOT)
    more = [*rows, (-100.0, "injury"), (-200.0, "injury")]
    made = scan(table_of([(0, x, "2023-05-01", s) for x, s in more]))
    assert [(w.start, w.end, w.level) for w in made] == [
        (-200.0, 0.0, BLACK_SPOT),
        (400.0, 890.0, BLACK_SPOT),
    ]


def test_one_period_counts_crashes_whose_day_is_not_known() -> None:
    table = dates(None, "2023-01-05", None, "2023-12-31")
    (found,) = scan(table, one_period=True)
    assert found.level == BLACK_SPOT
    (open_,) = scan(table)
    assert open_.level == UNDETERMINED
    assert len(open_.rule_rows) == 4


def test_where_no_day_is_known_in_several_years_the_law_is_undetermined() -> None:
    (found,) = scan(dates(None, None, None, None))
    assert (found.level, found.first_day, len(found.rule_rows)) == (UNDETERMINED, -1, 4)
    assert scan(dates(None, None, None)) == []


def test_no_crash_one_crash_and_all_at_one_point() -> None:
    assert scan(table_of([]).astype({"track": "int64", "position": "float64"})) == []
    assert scan(dates("2023-01-01", severity="fatal")) == []
    crowd = table_of([(3, 77.0, "2023-01-01", "injury")] * 50)
    (found,) = scan(crowd)
    assert (found.level, found.track, len(found.rows)) == (BLACK_SPOT, 3, 50)
    assert found.start == found.end == 77.0


def test_tracks_do_not_mix() -> None:
    rows = [(i, 0.0, "2023-01-01", "fatal") for i in range(6)]
    assert scan(table_of(rows), 5000.0) == []


def test_a_window_that_the_law_passes_over_is_taken_for_its_numbers() -> None:
    table = dates("2021-01-05", "2022-06-05", "2023-12-31", severity="pdo")
    made = events(table, "track", "position", VN, 12, one_period=False)

    def chance(_track: np.ndarray, count: np.ndarray) -> np.ndarray:
        return np.where(count >= 3, 0.99, 0.0)

    (found,) = choose(made, 500.0, VN, chance, 0.95)
    assert (found.level, found.rule, len(found.rows), len(found.rule_rows)) == (NONE, "", 3, 0)
    assert choose(made, 500.0, VN, chance, 0.995) == []


def pairs_judged(monkeypatch: pytest.MonkeyPatch, crashes: int, routes: int) -> int:
    """Pairs of window and crash that a scan looks at; 4 crashes and 3 km to a route."""
    seen = 0
    judged = scanning._judge_lot

    def counting(made: Any, definition_: Any, group: Any, member: np.ndarray, *rest: Any) -> None:
        nonlocal seen
        seen += len(member)
        judged(made, definition_, group, member, *rest)

    monkeypatch.setattr(scanning, "_judge_lot", counting)
    rng = np.random.default_rng(5)
    table = pd.DataFrame(
        {
            "track": rng.integers(0, routes, crashes),
            "position": rng.uniform(0, 3000, crashes),
            "date": START + pd.to_timedelta(rng.integers(0, 1095, crashes), unit="D"),
            "severity": rng.choice(["fatal", "injury", "pdo"], crashes),
        }
    )
    made = scan(table)
    monkeypatch.undo()
    assert made
    return seen


def test_work_grows_with_the_crashes_and_not_with_their_square(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small, large = (pairs_judged(monkeypatch, n, n // 4) for n in (2_000, 20_000))
    assert large < 11 * small
    assert large < 3 * 20_000


# Windows on a fixed grid --------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 2500), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1)), max_size=30),
    st.sampled_from([(500, 100), (100, 100), (300, 100), (250, 100), (100, 30)]),
)
def test_fixed_windows_against_counting_each(
    lengths: list[int], crashes: list[tuple[int, float]], size: tuple[int, int]
) -> None:
    window, step = size
    track = np.array([t % len(lengths) for t, _ in crashes], dtype="int64")
    at = np.array([round(share * lengths[t % len(lengths)]) for t, share in crashes], dtype=float)
    made = windows.fixed_windows(at, lengths, window, step, track=track)
    for t, length in enumerate(lengths):
        own = made.counts[made.offsets[t] : made.offsets[t + 1]]
        here = at[track == t]
        begin = np.arange(len(own)) * step
        assert begin[-1] + window >= length > (begin[-2] + window if len(own) > 1 else 0)
        for i, low in enumerate(begin):
            last = i == len(own) - 1
            inside = (here >= low) & ((here < low + window) | last)
            assert own[i] == inside.sum()


def test_fixed_windows_refuse_what_is_no_grid() -> None:
    for window, step in ((0, 0), (100, 200), (np.nan, 100), (np.inf, 100), (100, -1)):
        with pytest.raises(ValueError, match="window"):
            windows.fixed_windows([1.0], [10.0], window, step)
    with pytest.raises(ValueError, match="finite"):
        windows.fixed_windows([np.nan], [10.0], 100, 100)
    assert windows.fixed_windows([], [950.0], 500, 100).counts.tolist() == [0] * 6
