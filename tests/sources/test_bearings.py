"""A direction of travel, in degrees or in words; what may mean two of them is refused."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS
from small_study import GRID, degrees, write_rows

from blackspots.sources import Findings, read_crashes
from blackspots.sources.bearings import bearing
from blackspots.sources.values import Unreadable


@pytest.mark.parametrize(
    ("cell", "turn"),
    [
        ("Bắc", 0), ("hướng Bắc", 0), ("NB", 0), ("northbound", 0), ("ĐÔNG BẮC", 45),
        ("Đông-Nam", 135), ("về phía Nam", 180), ("south west", 225), ("Tây", 270), ("NW", 315),
        (90, 90), ("97,5", 97.5), (360, 0), ("0", 0),
    ],
)  # fmt: skip
def test_directions_as_they_are_written(cell: object, turn: float) -> None:
    assert bearing(cell) == turn


@pytest.mark.parametrize(
    "cell", ["N", "B", "S", -5, 361, "đi Hà Nội", "Hà Nội - Lạng Sơn", "nan", "Nam Bắc"]
)
def test_what_is_no_direction_or_may_be_two(cell: object) -> None:
    with pytest.raises(Unreadable):
        bearing(cell)


@given(st.one_of(st.text(max_size=12), st.floats(), st.integers(), st.booleans(), st.none()))
def test_any_cell_is_a_bearing_or_refused(cell: object) -> None:
    with contextlib.suppress(Unreadable):
        assert 0 <= bearing(cell) < 360


def read(folder: Path, cells: list[object]) -> tuple[list[float | None], Findings]:
    lon, lat = degrees(0, 0)
    rows = [{"Hướng đi": cell, "lat": lat, "lon": lon} for cell in cells]
    write_rows(folder / "c.csv", rows, list(rows[0]))
    findings = Findings()
    made = read_crashes([folder / "c.csv"], CRS.from_user_input(GRID), findings).crashes
    return [None if pd.isna(turn) else turn for turn in made["bearing"]], findings


@pytest.mark.parametrize("codes", [[1, 2], [1, 2, 3, 4], [*range(1, 9)], [0], [0, 1], ["1.0", 2]])
def test_a_list_of_codes_is_no_direction_and_is_told_once(
    tmp_path: Path, codes: list[object]
) -> None:
    turns, findings = read(tmp_path, [*codes, *codes, ""])
    assert turns == [None] * (2 * len(codes) + 1)
    assert [(r["column"], r["code"], r["count"]) for r in findings.remarks] == [
        ("Hướng đi", "bearing-codes", 2 * len(codes))
    ]
    assert findings.rejects == []


@pytest.mark.parametrize(
    "turns", [[0, 90, 180, 270], [1, 2, 95], [0.5, 1], [5, 10], [*range(9)], [3, 359]]
)
def test_a_column_of_degrees_is_read_as_such(tmp_path: Path, turns: list[float]) -> None:
    assert read(tmp_path, list(turns))[0] == turns


def test_words_beside_codes_are_read(tmp_path: Path) -> None:
    turns, findings = read(tmp_path, ["Bắc", 1, "Nam", 2])
    assert turns == [0, None, 180, None]
    assert [r["code"] for r in findings.remarks] == ["bearing-codes"]


def test_a_crash_keeps_its_place_though_its_direction_cannot_be_read(tmp_path: Path) -> None:
    lon, lat = degrees(0, 0)
    rows = [
        {"Hướng đi": turn, "Tầng đường": layer, "lat": lat, "lon": lon}
        for turn, layer in (("Bắc", 1), ("đi chợ", -1), ("", "cao"))
    ]
    write_rows(tmp_path / "c.csv", rows, list(rows[0]))
    findings = Findings()
    made = read_crashes([tmp_path / "c.csv"], CRS.from_user_input(GRID), findings).crashes
    assert made["bearing"].tolist()[0] == 0
    assert made["bearing"].isna().tolist() == [False, True, True]
    assert made["road_layer"].astype(object).tolist() == [1, -1, pd.NA]
    assert findings.rejects == []
    told = [(r["row"], r["column"], r["value"], r["code"]) for r in findings.remarks]
    assert told == [
        (3, "Hướng đi", "đi chợ", "bearing-unread"),
        (4, "Tầng đường", "cao", "road-layer-unread"),
    ]
