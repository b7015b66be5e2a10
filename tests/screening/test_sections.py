"""Sections of routes: where places lie, what rates add up to, whose traffic they have."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackspots.screening.sections import Sections

ROUTES = gpd.GeoDataFrame({"length": [1200.0, 300.0]}, index=[7, 9])
SECTIONS = Sections.of(ROUTES, 500.0)


def test_a_route_is_cut_into_windows_and_what_is_left() -> None:
    assert SECTIONS.route.tolist() == [0, 0, 0, 1]
    assert SECTIONS.start.tolist() == [0, 500, 1000, 0]
    assert SECTIONS.length.tolist() == [500, 500, 200, 300]
    at = SECTIONS.at([7, 7, 7, 7, 9, 9], [0, 499.9, 500, 1200, 0, 301])
    assert at.tolist() == [0, 0, 1, 2, 3, 3]


def test_a_rate_adds_up_over_ends_of_sections() -> None:
    rate = np.array([1.0, 2.0, 3.0, 10.0])
    made = SECTIONS.over(rate, [7, 7, 9, 7], [0, 400, 100, 600], [1200, 1100, 300, 600])
    assert made.tolist() == pytest.approx([2100, 1400, 2000, 0])


def test_a_stretch_around_a_place_stays_on_its_route() -> None:
    low, high = SECTIONS.around([7, 7, 7, 9], [100, 600, 1190, 50], [500, 500, 500, 500])
    assert low.tolist() == [0, 350, 700, 0]
    assert high.tolist() == [500, 850, 1200, 300]


def test_traffic_is_the_mean_by_length_of_what_is_counted() -> None:
    segments = gpd.GeoDataFrame(
        {
            "route_id": [7, 7, 7, 7, 5], "side": ["both", "both", "main", "other", "both"],
            "route_offset": [0.0, 250.0, 600.0, 600.0, 0.0],
            "route_span": [250.0, 350.0, 300.0, 300.0, 100.0],
            "aadt": [1000.0, 3000.0, np.nan, 9.0, 9.0],
        }
    )  # fmt: skip
    made = SECTIONS.traffic(segments)
    assert made.iloc[:2].tolist() == [2000.0, 3000.0]
    assert made.iloc[2:].isna().all()


@given(
    st.lists(st.integers(1, 3000), min_size=1, max_size=5),
    st.integers(50, 1500),
    st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1), st.floats(0, 1)), max_size=8),
)
def test_stretches_end_to_end_add_up(
    lengths: list[int], window: int, drawn: list[tuple[int, float, float]]
) -> None:
    routes = gpd.GeoDataFrame({"length": np.array(lengths, float)})
    sections = Sections.of(routes, window)
    rate = np.random.default_rng(1).uniform(0, 2, len(sections.route))
    total = pd.Series(rate * sections.length).groupby(sections.route).sum()
    for number, one, other in drawn:
        route = number % len(lengths)
        low, high = np.sort([one, other]) * lengths[route]
        parts = sections.over(rate, [route] * 3, [0, low, high], [low, high, lengths[route]])
        assert parts.sum() == pytest.approx(total[route])
        assert (parts >= -1e-9).all()
