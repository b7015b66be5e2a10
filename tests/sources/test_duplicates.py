"""Crashes that stand in a register twice: against every pair looked at one by one."""

from __future__ import annotations

import math
import time
from itertools import combinations
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from blackspots.sources.columns import nothing
from blackspots.sources.duplicates import find_duplicates

FACTS = ("deaths", "serious", "slight", "injured", "mode", "crash_type")
INTEGERS = ("hour", "deaths", "serious", "slight", "injured")
WORDS = ("mode", "crash_type", "route")

Row = dict[str, Any]


def register(rows: list[Row]) -> gpd.GeoDataFrame:
    """Rows as the reader hands them on; what a row does not say is unknown."""
    index = pd.Index([f"C{i}" for i in range(len(rows))])

    def cells(name: str) -> list[Any]:
        return [row.get(name) for row in rows]

    made: dict[str, Any] = {
        "date": pd.Series(pd.to_datetime(cells("date")), index=index).astype("datetime64[ns]"),
        "km": pd.Series(cells("km"), index=index, dtype="float64"),
        "severity": pd.Series(
            [row.get("severity") or "unknown" for row in rows], index=index, dtype=object
        ),
        "train_involved": pd.Series(cells("train"), index=index, dtype="boolean"),
    }
    made |= {name: pd.Series(cells(name), index=index, dtype="Int64") for name in INTEGERS}
    made |= {name: pd.Series(cells(name), index=index, dtype=object) for name in WORDS}
    shapes = [None if row.get("xy") is None else shapely.Point(row["xy"]) for row in rows]
    return gpd.GeoDataFrame(made, geometry=gpd.GeoSeries(shapes, index=index, crs=32648))


def near(one: Row, two: Row) -> bool:
    if one.get("xy") and two.get("xy"):
        return math.dist(one["xy"], two["xy"]) <= 50
    if None in (one.get("km"), two.get("km"), one.get("route"), two.get("route")):
        return False
    metres = abs(round(one["km"] * 1000) - round(two["km"] * 1000))
    return bool(one["route"] == two["route"] and metres <= 100)


def same(one: Row, two: Row) -> bool:
    """The rule as it is told to users, for one pair."""
    if one.get("date") is None or one.get("date") != two.get("date") or not near(one, two):
        return False
    both = [f for f in FACTS if one.get(f) is not None and two.get(f) is not None]
    hours = one.get("hour"), two.get("hour")
    if None in hours:
        if len(both) < 2:
            return False
    elif hours[0] != hours[1]:
        return False
    compared = [*both]
    if one.get("train") is not None and two.get("train") is not None:
        compared.append("train")
    if "unknown" not in (one.get("severity", "unknown"), two.get("severity", "unknown")):
        compared.append("severity")
    return all(str(one[f]).casefold() == str(two[f]).casefold() for f in compared)


def by_hand(rows: list[Row]) -> list[str | None]:
    partner: list[str | None] = [None] * len(rows)
    for i, j in combinations(range(len(rows)), 2):
        if same(rows[i], rows[j]) and partner[j] is None:
            partner[j] = f"C{i}"
    return partner


def found(rows: list[Row]) -> list[str | None]:
    return list(find_duplicates(register(rows)))


MAYBE = st.sampled_from([None, 0, 1])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "date": st.sampled_from([None, "2022-03-01", "2022-03-02"]),
            "hour": st.sampled_from([None, 3, 4]),
            "deaths": MAYBE,
            "serious": MAYBE,
            "injured": MAYBE,
            "mode": st.sampled_from([None, "xe máy", "Xe máy", "ô tô"]),
            "crash_type": st.sampled_from([None, "đâm nhau"]),
            "severity": st.sampled_from(["unknown", "fatal", "pdo"]),
            "train": st.sampled_from([None, True, False]),
            "route": st.sampled_from([None, "QL1", "QL1B"]),
            "km": st.sampled_from([None, 45.2, 45.3, 45.4, 45.401, 45.0]),
            "xy": st.one_of(
                st.none(),
                st.tuples(st.sampled_from([0, 30, 40, 50, 51, 90]), st.sampled_from([0, 40, 50])),
            ),
        }
    ),
    max_size=28,
)


@settings(max_examples=300, deadline=None)
@given(rows=ROWS)
def test_the_crashes_flagged_are_those_that_every_pair_looked_at_gives(rows: list[Row]) -> None:
    assert found(rows) == by_hand(rows)


ALIKE: Row = {"date": "2022-03-01", "hour": 3, "deaths": 1, "injured": 0, "xy": (0.0, 0.0)}
POSTED: Row = {"date": "2022-03-01", "hour": 3, "deaths": 1, "route": "QL1", "km": 45.3}

PAIRS = [
    ("the same in everything", ALIKE, {}, True),
    ("the day after", ALIKE, {"date": "2022-03-02"}, False),
    ("neither has a day", {**ALIKE, "date": None}, {}, False),
    ("another hour", ALIKE, {"hour": 4}, False),
    ("an hour that is not known, and two numbers that agree", ALIKE, {"hour": None}, True),
    ("no hour, and one number", {**ALIKE, "hour": None, "injured": None}, {}, False),
    ("no hour, and nothing else", {"date": "2022-03-01", "xy": (0.0, 0.0)}, {}, False),
    ("the hour, and nothing else", {"date": "2022-03-01", "hour": 3, "xy": (0.0, 0.0)}, {}, True),
    ("another number of deaths", ALIKE, {"deaths": 2}, False),
    ("a number that is not known", ALIKE, {"deaths": None}, True),
    ("the severity differs", {**ALIKE, "severity": "fatal"}, {"severity": "pdo"}, False),
    ("one severity is not known", {**ALIKE, "severity": "fatal"}, {"severity": "unknown"}, True),
    ("a train in one of them", {**ALIKE, "train": True}, {"train": False}, False),
    ("the mode in another spelling", {**ALIKE, "mode": "Xe Máy"}, {"mode": "xe may"}, True),
    ("another mode", {**ALIKE, "mode": "xe máy"}, {"mode": "ô tô"}, False),
    ("50 m apart", ALIKE, {"xy": (30.0, 40.0)}, True),
    ("50 m in x and in y", ALIKE, {"xy": (50.0, 50.0)}, False),
    ("51 m apart", ALIKE, {"xy": (0.0, 51.0)}, False),
    ("the same post", POSTED, {}, True),
    ("100 m by the posts", POSTED, {"km": 45.4}, True),
    ("101 m by the posts", POSTED, {"km": 45.401}, False),
    ("another road", POSTED, {"route": "QL1B"}, False),
    ("a post without its road", {**POSTED, "route": None}, {}, False),
    (
        "far coordinates and the same post",
        {**POSTED, "xy": (0.0, 0.0)},
        {"xy": (0.0, 900.0)},
        False,
    ),
    ("coordinates in one of them only, and the same post", POSTED, {"xy": (0.0, 0.0)}, True),
]


@pytest.mark.parametrize(
    ("one", "change", "twice"), [p[1:] for p in PAIRS], ids=[p[0] for p in PAIRS]
)
def test_two_crashes_are_taken_for_one(one: Row, change: Row, twice: bool) -> None:
    assert found([one, {**one, **change}]) == [None, "C0" if twice else None]


def test_the_partner_is_the_earliest_row_and_stays_unflagged() -> None:
    other = {**ALIKE, "hour": 5}
    assert found([other, ALIKE, other, ALIKE, ALIKE]) == [None, None, "C0", "C1", "C1"]


def test_neighbouring_days_and_many_roads_do_not_run_into_one_another() -> None:
    # Three thousand roads, each with one crash; the last row repeats the first.
    rows: list[Row] = [{**POSTED, "route": f"R{i}", "km": 9999.95} for i in range(3000)]
    far = [{**ALIKE, "date": f"2022-03-{day:02d}", "xy": (1e7, 1e7)} for day in range(1, 29)]
    assert found([*rows, *far, rows[0]]) == [None] * 3028 + ["C0"]


def heap(count: int) -> gpd.GeoDataFrame:
    """So many crashes of one day at one place, 2400 of them different."""
    index = pd.Index(np.arange(count).astype(str), dtype=object)
    number = np.arange(count)
    made = {
        "date": pd.Series(np.full(count, np.datetime64("2022-03-01", "ns")), index=index),
        "km": nothing("number", index),
        "severity": pd.Series(np.full(count, "injury"), index=index, dtype=object),
        "train_involved": nothing("boolean", index),
        "hour": pd.array(number % 24, dtype="Int64"),
        "deaths": pd.array(number // 24 % 100, dtype="Int64"),
    }
    made |= {n: nothing("integer", index) for n in ("serious", "slight", "injured")}
    made |= {n: nothing("text", index) for n in WORDS}
    shapes = shapely.points(np.zeros(count), np.zeros(count))
    return gpd.GeoDataFrame(made, geometry=gpd.GeoSeries(shapes, index=index, crs=32648))


def test_a_heap_of_crashes_on_one_place_and_day_takes_seconds_and_is_flagged() -> None:
    crashes = heap(200_000)
    start = time.perf_counter()
    repeats = find_duplicates(crashes)
    assert time.perf_counter() - start < 30
    flagged = repeats.notna().to_numpy()
    assert flagged.sum() == 200_000 - 2400
    assert not flagged[:2400].any()
    # Every partner has the same hour and deaths, which repeat every 2400 rows.
    own = np.flatnonzero(flagged)
    assert ((own - repeats[flagged].astype(int).to_numpy()) % 2400 == 0).all()
