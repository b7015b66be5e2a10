"""The register of crossings: what happened at each, in order of line and km, and its sums."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from blackspots.crossings.protection import protect
from blackspots.crossings.register import SUMS, assemble, by_commune, by_line, counts
from blackspots.crossings.traffic import traffic_of
from blackspots.crs import parse
from blackspots.presets.crossing_rules import crossing_rules
from blackspots.schema import CROSSING_REGISTER, CROSSINGS, EMPTY, LOCATED, check
from blackspots.sources import Findings, Source, read_crossings

RULES = crossing_rules("vn", on=date(2024, 12, 31))


def crossings(names: list[str], **columns: list[Any]) -> gpd.GeoDataFrame:
    index = pd.Index(names, name="crossing_id", dtype=object)
    columns = {"kind": ["official"] * len(names)} | columns
    frame = pd.DataFrame(
        {
            c.name: pd.Series(columns.get(c.name), index=index, dtype=EMPTY[c.kind])
            for c in CROSSINGS.columns
        }
    )
    points = [shapely.Point(i * 100.0, 0.0) for i in range(len(names))]
    return gpd.GeoDataFrame(frame, geometry=points, crs="EPSG:32648")


def located(**columns: list[Any]) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    index = pd.Index([f"c{i}" for i in range(size)], name="crash_id")
    return pd.DataFrame(
        {
            c.name: pd.Series(columns.get(c.name), index=index, dtype=EMPTY[c.kind])
            for c in LOCATED.columns
        }
    )


def rated(index: pd.Index, accidents: list[float] | None = None) -> pd.DataFrame:
    figures = ("exposure", "predicted", "accidents_low", "accidents_high", "casualty", "fatal")
    made = pd.DataFrame(dict.fromkeys((*figures, "score"), np.nan), index=index)
    made["accidents"] = np.nan if accidents is None else accidents
    for name in ("rank", "rank_low", "rank_high"):
        made[name] = pd.array([pd.NA] * len(index), dtype="Int64")
    made["rate_reason"] = "needs:trains"
    return made


def placed(index: pd.Index, **columns: list[Any]) -> pd.DataFrame:
    given = {name: [None] * len(index) for name in ("line", "km", "measure", "offset", "reason")}
    return pd.DataFrame(given | columns, index=index)


def register(frame: gpd.GeoDataFrame, **given: Any) -> gpd.GeoDataFrame:
    index = frame.index
    traffic = traffic_of(frame)
    parts = {
        "placed": placed(index),
        "areas": pd.Series(None, index=index, dtype=object),
        "listed": pd.Series(data=True, index=index),
        "traffic": traffic,
        "protection": protect(frame, traffic, RULES),
        "counts": counts(located(place=[]), frame),
        "rated": rated(index),
    }
    return assemble(frame, **(parts | given))


# ------------------------------------------------------------------------------------ counts


def test_crashes_with_a_train_and_those_in_the_queue_are_counted_apart() -> None:
    """
    ----- A (train, train unknown) ----- B (queue before it) ----- line (trespass)
    """
    crashes = located(
        place=["crossing", "crossing", "segment", "railway", None, "crossing"],
        crossing_id=["A", "A", None, None, None, "B"],
        train_involved=[True, None, False, True, True, False],
        queue_at=[None, None, "B", None, None, None],
        deaths=[1, None, 5, 1, 1, 0],
        injured=[0, None, 0, 0, 0, 3],
    )
    made = counts(crashes, crossings(["A", "B", "C"]))
    assert made["crashes"].tolist() == [2, 0, 0]
    # A crash without a train at a crossing stands with the queue: it is no train's.
    assert made["queue_crashes"].tolist() == [0, 2, 0]
    assert made["deaths"].tolist() == [1, 0, 0]
    assert made["injured"].tolist() == [0, 0, 0]


def test_persons_that_nobody_recorded_are_not_nought() -> None:
    crashes = located(place=["crossing"], crossing_id=["A"], train_involved=[True])
    made = counts(crashes, crossings(["A", "B"]))
    assert made["crashes"].tolist() == [1, 0]
    assert made[["deaths", "injured"]].isna().all(axis=None)
    some = located(
        place=["crossing", "crossing"], crossing_id=["A", "B"], deaths=[None, 2], serious=[None, 1]
    )
    made = counts(some, crossings(["A", "B", "C"]))
    assert made["deaths"].isna().tolist() == [True, False, False]
    assert made["deaths"].tolist()[1:] == [2, 0]
    assert made["injured"].tolist()[1:] == [1, 0]


@pytest.mark.parametrize(
    ("injured", "serious", "slight", "expected"),
    [(3, 1, 1, 3), (None, 1, 2, 3), (1, 2, 2, 4), (None, None, 2, 2), (5, None, None, 5)],
)
def test_the_injured_are_the_total_or_the_sum_of_their_grades(
    injured: int | None, serious: int | None, slight: int | None, expected: int
) -> None:
    crashes = located(
        place=["crossing"], crossing_id=["A"], injured=[injured], serious=[serious], slight=[slight]
    )
    assert counts(crashes, crossings(["A"]))["injured"].tolist() == [expected]


def test_a_crash_at_a_crossing_that_is_not_there_is_an_error_and_not_lost() -> None:
    crashes = located(place=["crossing"], crossing_id=["Z"])
    with pytest.raises(ValueError, match="not listed: Z"):
        counts(crashes, crossings(["A"]))


def test_no_crash_and_no_crossing_are_answered() -> None:
    made = counts(located(place=[]), crossings(["A"]))
    assert made["crashes"].tolist() == [0]
    assert made["deaths"].isna().all()
    assert counts(located(place=[]), crossings([])).empty


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["crossing", "segment", "railway", None]),
            st.sampled_from(["A", "B"]),
            st.sampled_from([True, False, None]),
            st.sampled_from(["A", "", None]),
        ),
        max_size=20,
    )
)
def test_every_crash_at_a_crossing_or_in_its_queue_is_counted_once(
    rows: list[tuple[str | None, str, bool | None, str | None]],
) -> None:
    crashes = located(
        place=[r[0] for r in rows],
        crossing_id=[r[1] if r[0] == "crossing" else None for r in rows],
        train_involved=[r[2] for r in rows],
        queue_at=[r[3] if r[0] == "segment" else None for r in rows],
    )
    made = counts(crashes, crossings(["A", "B"]))
    there = sum(r[0] == "crossing" or (r[0] == "segment" and r[3] == "A") for r in rows)
    assert made["crashes"].sum() + made["queue_crashes"].sum() == there


# ---------------------------------------------------------------------------------- register


def test_the_register_stands_in_order_of_line_and_measure_with_the_unplaced_last() -> None:
    frame = crossings(
        ["A", "B", "C", "D", "E"], railway=[None, None, "X", "X", None], km=[None] * 3 + [2.0, None]
    )
    frame["km"] = [np.nan, np.nan, 7.0, 2.0, np.nan]
    on = placed(
        frame.index,
        line=["M", "M", None, None, "K"],
        measure=[900.0, 100.0, None, None, 5.0],
        km=[45.9, 45.1, None, None, None],
        offset=[3.0, 4.0, 500.0, None, 0.0],
        reason=[None, None, "far-from-line", "far-from-line", ""],
    )
    made = register(frame, placed=on)
    assert made.index.tolist() == ["E", "B", "A", "D", "C"]
    assert made["line"].tolist() == ["K", "M", "M", "X", "X"]
    assert made["km"].tolist()[1:] == [45.1, 45.9, 2.0, 7.0]
    assert np.isnan(made["km"].iloc[0])
    reasons = made["place_reason"]
    assert reasons.isna().tolist() == [True, True, True, False, False]


def test_the_register_says_what_traffic_and_rules_say() -> None:
    frame = crossings(
        ["A", "B"],
        kind=["official", "self-opened"],
        protection=["no gates, lights", None],
        road_class=["Cấp III", None],
        aadt=[900.0, None],
        trains=[12.0, None],
        railway=["X", "X"],
        km=[1.0, 2.0],
    )
    made = register(frame)
    assert made["trains"].tolist() == [12.0, 12.0]
    assert made["trains_from"].tolist() == ["counted", "of-line"]
    assert made["protection"].tolist()[0] == "no gates, lights"
    assert made["protection_code"].tolist()[0] == "lights"
    assert made["crossing_class"].tolist()[0] == "I"
    assert made["complies"].tolist()[0] is False
    assert made["aadt"].isna().tolist() == [False, True]
    assert made["vehicles"].notna().all()


def test_an_argument_that_lacks_a_crossing_is_named() -> None:
    frame = crossings(["A", "B"])
    with pytest.raises(ValueError, match="missing in: areas, rated"):
        register(frame, rated=rated(frame.index[:1]), areas=pd.Series(["x"], index=["A"]))


def test_arguments_in_another_order_make_the_same_register() -> None:
    frame = crossings(["A", "B", "C"])
    areas = pd.Series(["p", "q", "r"], index=frame.index)
    one = register(frame, areas=areas)
    other = register(frame, areas=areas[::-1], rated=rated(frame.index[::-1]))
    pd.testing.assert_frame_equal(one, other)
    assert one["area"].to_dict() == {"A": "p", "B": "q", "C": "r"}


@pytest.mark.parametrize("names", [[], ["A"]])
def test_an_empty_register_and_one_of_one_crossing_keep_to_the_table(names: list[str]) -> None:
    made = register(crossings(names))
    check(made, CROSSING_REGISTER)
    assert by_line(made)["crossings"].sum() == len(names)
    assert list(by_line(made).columns) == list(SUMS)


# -------------------------------------------------------------------------------------- sums


def test_sums_by_line_and_commune_are_worked_by_hand() -> None:
    frame = crossings(
        ["A", "B", "C", "D", "E"],
        kind=["official", "official", "self-opened", "unknown", "official"],
        road_class=["Cấp I"] * 5,
        protection=["guarded", "signs", "guarded", "guarded", "chain"],
        railway=["M", "M", "M", "K", None],
        km=[1.0, 2.0, 3.0, 4.0, None],
    )
    crashes = located(
        place=["crossing", "crossing", "segment"],
        crossing_id=["A", "C", None],
        train_involved=[True, True, False],
        queue_at=[None, None, "D"],
        deaths=[2, None, None],
    )
    made = register(
        frame,
        areas=pd.Series(["a", "a", "b", None, None], index=frame.index),
        counts=counts(crashes, frame),
        rated=rated(frame.index, [0.5, 0.25, np.nan, np.nan, np.nan]),
    )
    lines = by_line(made)
    assert lines.index.tolist() == ["K", "M", ""]
    assert lines.index.name == "line"
    m = lines.loc["M"]
    assert [m["crossings"], m["official"], m["self_opened"], m["unknown"]] == [3, 2, 1, 0]
    assert [m["complying"], m["not_complying"], m["compliance_unknown"]] == [1, 1, 0]
    assert [m["crashes"], m["queue_crashes"], m["deaths"]] == [2, 0, 2]
    assert (m["accidents"], m["without_accidents"]) == (0.75, 1)
    k = lines.loc["K"]
    assert [k["unknown"], k["compliance_unknown"], k["queue_crashes"]] == [1, 1, 1]
    assert pd.isna(k["accidents"])
    assert lines.loc["", "compliance_unknown"] == 1
    communes = by_commune(made)
    assert communes.index.tolist() == ["a", "b", ""]
    assert communes.index.name == "area"
    assert communes["crossings"].tolist() == [2, 1, 2]
    assert communes["deaths"].isna().tolist() == [False, True, False]


def test_the_sums_of_the_lines_are_those_of_the_communes() -> None:
    names = [f"X{i}" for i in range(40)]
    frame = crossings(names, kind=["official", "self-opened"] * 20, railway=["M", None] * 20)
    areas = pd.Series([["a", "b", None][i % 3] for i in range(40)], index=frame.index)
    made = register(frame, areas=areas, rated=rated(frame.index, [0.1] * 40))
    one, other = by_line(made).sum(), by_commune(made).sum()
    assert one["crossings"] == 40
    pd.testing.assert_series_equal(one.astype(float), other.astype(float))


def test_the_samples_crossings_make_a_register(sample: Path) -> None:
    source = Source(sample / "crossings.geojson", crs="EPSG:4326")
    frame = read_crossings(source, parse("EPSG:9215", "test"), Findings())
    made = register(frame)
    check(made, CROSSING_REGISTER)
    assert sorted(made.index) == sorted(frame.index)
    assert by_line(made)["crossings"].to_dict() == {
        "Hà Nội – Đồng Đăng": 41,
        "Mai Pha – Na Dương": 12,
    }
    assert by_line(made)[["official", "self_opened"]].sum().tolist() == [25, 28]
    # In order of km on each line, though no line was given.
    for _, line in made.groupby("line"):
        assert line["km"].is_monotonic_increasing
