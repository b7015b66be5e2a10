"""Cells in the plainest notation are read by a short way: it must say what the long one says."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackspots.sources import posts, times
from blackspots.sources.cells import Unreadable

DIGITS = st.integers(0, 99)


def outcome(parser: Callable[..., Any], cell: str) -> Any:
    try:
        return parser(cell)
    except Unreadable as refusal:
        return refusal.code


@given(day=DIGITS, month=DIGITS, year=st.integers(0, 9999))
def test_a_date(day: int, month: int, year: int) -> None:
    cell = f"{day:02d}/{month:02d}/{year:04d}"
    assert outcome(times.day, cell) == outcome(times.day, f" {cell} ")


@given(hour=DIGITS, minute=DIGITS)
def test_a_time(hour: int, minute: int) -> None:
    cell = f"{hour}:{minute:02d}"
    assert outcome(times.hour, cell) == outcome(times.hour, f" {cell} ")


@given(km=st.integers(0, 9999), metres=st.integers(0, 999))
def test_a_km_post(km: int, metres: int) -> None:
    cell = f"Km{km}+{metres:03d}"
    assert posts.km_post(cell) == posts.km_post(f" {cell} ")


@pytest.mark.parametrize("cell", ["٠١/٠٢/٢٠٢٢", "٠١:٣٠"])
def test_digits_of_other_scripts_take_the_long_way(cell: str) -> None:
    parser = times.hour if ":" in cell else times.day
    assert outcome(parser, cell) == outcome(parser, f" {cell} ")
