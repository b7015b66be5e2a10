"""Which line is near a point: worked cases, ties, and both ways the same."""

from __future__ import annotations

import importlib.util
import sys
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needs import missing

import blackspots.nearest as snapping
from blackspots.nearest import Pairs, Snapped, nearest, within

Array = np.ndarray[Any, Any]


@pytest.fixture(params=["plain", "compiled"])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """One implementation for all sizes."""
    kept = snapping.COMPILED_FROM
    if request.param == "compiled":
        if importlib.util.find_spec("numba") is None:
            missing("numba", "pip install numba")
        snapping.COMPILED_FROM = 0
        assert snapping._kernels(0) is not None
    else:
        snapping.COMPILED_FROM = 10**12
    yield request.param
    snapping.COMPILED_FROM = kept


def lines(*vertices: list[tuple[float, float]]) -> Array:
    made = np.empty(len(vertices), dtype=object)
    made[:] = [shapely.LineString(each) for each in vertices]
    return made


# 10 |     1
#    |     |
#  0 |--0--+--2--
#    0    10    20
TEE = lines([(0, 0), (10, 0)], [(10, 0), (10, 10)], [(10, 0), (15, 0), (20, 0)])


def test_line_distance_and_measure(way: str) -> None:
    made = nearest(np.array([[4.0, 3.0], [11.0, 6.0], [17.0, -2.0], [25.0, 0.0]]), TEE, 5.0)
    assert made.line.tolist() == [0, 1, 2, 2], way
    assert made.distance.tolist() == [3.0, 1.0, 2.0, 5.0]
    assert made.measure.tolist() == [4.0, 6.0, 7.0, 10.0]


def test_beyond_the_distance_there_is_none(way: str) -> None:
    made = nearest(np.array([[25.1, 0.0], [4.0, 3.0]]), TEE, np.array([5.0, 2.9]))
    assert made.line.tolist() == [-1, -1], way
    assert np.isnan(made.distance).all()
    assert np.isnan(made.measure).all()


def test_at_a_shared_vertex_the_lowest_line_counts(way: str) -> None:
    points = np.array([[10.0, 0.0], [10.0, -3.0], [12.0, 2.0]])
    made = nearest(points, TEE, 50.0)
    assert made.line.tolist() == [0, 0, 1], way
    assert made.measure.tolist() == [10.0, 10.0, 2.0]
    turned = nearest(points, TEE[::-1], 50.0)
    assert turned.line.tolist() == [0, 0, 0]
    assert turned.measure.tolist() == [0.0, 0.0, 2.0]


@pytest.mark.parametrize("away", [99.0, 100.0, 399.0, 400.0, 1000.0])
def test_what_differs_by_less_than_a_tie_is_equally_near_at_any_distance(
    way: str, away: float
) -> None:
    # The lower line is half a tie farther off, and so beyond 100 or 400 m, where others are not.
    for more, line in ((5e-10, 0), (5e-9, 1)):
        roads = lines([(0, away + more), (10, away + more)], [(0, -away), (10, -away)])
        assert nearest(np.array([[5.0, 0.0]]), roads, 2000.0).line.tolist() == [line], way


def test_of_a_line_given_twice_the_first_counts(way: str) -> None:
    made = nearest(np.array([[4.0, 3.0]]), np.concatenate([TEE[1:], TEE[:1], TEE[:1]]), 5.0)
    assert made.line.tolist() == [2], way


def test_all_within_by_point_distance_and_line(way: str) -> None:
    made = within(np.array([[np.nan, 0.0], [10.0, 1.0], [1.0, 1.0]]), TEE, np.array([9, 1, 1]))
    assert made.point.tolist() == [1, 1, 1, 2], way
    assert made.line.tolist() == [1, 0, 2, 0]
    assert made.distance.tolist() == [0.0, 1.0, 1.0, 1.0]
    assert made.measure.tolist() == [1.0, 10.0, 0.0, 1.0]


def test_a_point_without_place_finds_nothing(way: str) -> None:
    points = np.array([[np.nan, 0.0], [0.0, np.nan], [np.inf, 0.0]])
    assert nearest(points, TEE, 1e9).line.tolist() == [-1, -1, -1], way
    assert len(within(points, TEE, 10.0).point) == 0


def test_nothing_gives_nothing(way: str) -> None:
    none = np.empty(0, dtype=object)
    assert len(nearest(np.empty((0, 2)), TEE, 5.0).line) == 0, way
    assert nearest(np.array([[0.0, 0.0]]), none, 5.0).line.tolist() == [-1]
    assert len(within(np.array([[0.0, 0.0]]), none, 5.0).point) == 0


def test_far_from_all_lines_the_way_is_found(way: str) -> None:
    made = nearest(np.array([[-1e6, 0.0], [5e6, 0.0]]), TEE, np.inf)
    assert made.line.tolist() == [0, 2], way
    assert made.distance.tolist() == [1e6, 5e6 - 20]


@pytest.mark.parametrize(
    ("xy", "roads", "distance"),
    [
        (np.zeros((2, 3)), TEE, 1.0),
        (np.zeros(2), TEE, 1.0),
        (np.zeros((2, 2)), TEE, -1.0),
        (np.zeros((2, 2)), TEE, np.nan),
        (np.zeros((1, 2)), np.array([shapely.Point(0, 0)]), 1.0),
        (np.zeros((1, 2)), np.array([shapely.LineString()]), 1.0),
        (np.zeros((1, 2)), np.array([None]), 1.0),
        (np.zeros((1, 2)), np.array([shapely.LineString([(0, 0), (np.nan, 1)])]), 1.0),
    ],
)
def test_what_is_no_input_is_refused(way: str, xy: Array, roads: Array, distance: float) -> None:
    with pytest.raises(ValueError, match=r"xy|distance|lines"):
        nearest(xy, roads, distance)
    with pytest.raises(ValueError, match=r"xy|distance|lines"):
        within(xy, roads, distance)
    assert way


def test_a_vertex_astray_takes_no_memory(way: str) -> None:
    # Two towns 5,000 km apart: a dense grid of 100 m would have 2.5 thousand million cells.
    chance = np.random.default_rng(2)
    roads = np.concatenate([TEE, shapely.transform(TEE, lambda xy: xy + 5e6)])
    points = chance.uniform(-20.0, 40.0, (2000, 2)) + 5e6 * chance.integers(0, 2, (2000, 1))
    nearest(points[:1], roads, 50.0)  # what is compiled is not counted
    tracemalloc.start()
    try:
        made = nearest(points, roads, 50.0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (made.line >= 0).all(), way
    assert peak < 30e6


def test_a_great_distance_is_no_search_of_all_the_land_between(way: str) -> None:
    roads = np.concatenate([TEE, shapely.transform(TEE, lambda xy: xy + 5e6)])
    points = np.random.default_rng(4).uniform(-20.0, 40.0, (50, 2))
    assert np.bincount(within(points, roads, 1e6).point).tolist() == [3] * 50, way
    assert np.bincount(within(points, roads, np.inf).point).tolist() == [6] * 50


def test_a_numba_that_cannot_be_used_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapping, "COMPILED_FROM", 0)
    monkeypatch.delattr(snapping, "kernels", raising=False)
    monkeypatch.setitem(sys.modules, "blackspots.nearest.kernels", None)
    assert nearest(np.array([[4.0, 3.0]]), TEE, 5.0).line.tolist() == [0]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Array, Array, Array]:
    """Lines between few vertices (so that they touch), some twice, and points."""
    scale = draw(st.sampled_from([1.0, 0.1, 37.3]))
    origin = draw(st.sampled_from([0.0, 450_000.0]))
    place = st.tuples(st.integers(0, 6), st.integers(0, 6))
    # A vertex may follow itself: a piece without length.
    made = draw(st.lists(st.lists(place, min_size=2, max_size=5), min_size=1, max_size=8))
    roads = lines(*[[(origin + x * scale, origin + y * scale) for x, y in each] for each in made])
    roads = roads[draw(st.lists(st.integers(0, len(roads) - 1), min_size=1, max_size=10))]
    vertices = shapely.get_coordinates(roads)
    loose = st.tuples(st.floats(-20.0, 30.0), st.floats(-20.0, 30.0))
    points = [(origin + x * scale, origin + y * scale) for x, y in draw(st.lists(loose))]
    on = draw(st.lists(st.integers(0, len(vertices) - 1)))
    xy = np.concatenate([np.array(points).reshape(-1, 2), vertices[on]])
    limit = st.sampled_from([0.0, scale, 3.0 * scale, 500.0, np.inf])
    limits = draw(st.lists(limit, min_size=len(xy), max_size=len(xy)))
    return xy, roads, np.array(limits, dtype=float)


def both(xy: Array, roads: Array, limits: Array) -> list[tuple[Snapped, Pairs]]:
    """The results of both ways."""
    kept = snapping.COMPILED_FROM
    made = []
    try:
        for limit in (10**12, 0) if importlib.util.find_spec("numba") else (10**12,):
            snapping.COMPILED_FROM = limit
            pairs = within(xy, roads, np.minimum(limits, 600.0))
            made.append((nearest(xy, roads, limits), pairs))
    finally:
        snapping.COMPILED_FROM = kept
    return made


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_both_ways_are_one_and_those_of_shapely(case: tuple[Array, Array, Array]) -> None:
    xy, roads, limits = case
    first, *others = both(xy, roads, limits)
    for other in others:
        for one, two in zip((*first[0], *first[1]), (*other[0], *other[1]), strict=True):
            assert np.array_equal(one, two, equal_nan=True)
    made, pairs = first
    away = shapely.distance(shapely.points(xy)[:, None], roads[None, :])
    for i, limit in enumerate(limits):
        least = away[i].min()
        clear = abs(least - limit) > 1e-7
        if clear:
            assert (made.line[i] >= 0) == (least <= limit)
        if made.line[i] >= 0:
            assert made.distance[i] == pytest.approx(least, abs=1e-7)
            assert away[i, made.line[i]] == pytest.approx(least, abs=1e-7)
            assert not (away[i, : made.line[i]] < least - 1e-7).any()
            there = shapely.line_interpolate_point(roads[made.line[i]], made.measure[i])
            assert shapely.distance(there, shapely.Point(xy[i])) == pytest.approx(least, abs=1e-6)
        near = np.flatnonzero(away[i] <= min(limit, 600.0) - 1e-7)
        assert set(near) <= set(pairs.line[pairs.point == i])
    assert (away[pairs.point, pairs.line] <= np.minimum(limits, 600.0)[pairs.point] + 1e-7).all()
    keys = list(zip(pairs.point, pairs.distance, pairs.line, strict=True))
    assert keys == sorted(keys)


def test_both_ways_are_one_on_a_larger_network() -> None:
    if importlib.util.find_spec("numba") is None:
        missing("numba", "pip install numba")
    chance = np.random.default_rng(11)
    begin = chance.uniform(0.0, 20_000.0, (3000, 1, 2))
    bends = np.cumsum(chance.normal(0.0, 60.0, (3000, 8, 2)), axis=1)
    roads = shapely.linestrings(begin + bends)
    roads[:5] = shapely.linestrings(chance.uniform(-2e5, 2e5, (5, 2, 2)))  # long straight ones
    xy = chance.uniform(-3000.0, 23_000.0, (25_000, 2))
    xy[:3000] = shapely.get_coordinates(roads)[chance.integers(0, 20_000, 3000)]
    one, two = both(xy, roads, chance.uniform(0.0, 300.0, len(xy)))
    for a, b in zip((*one[0], *one[1]), (*two[0], *two[1]), strict=True):
        assert np.array_equal(a, b, equal_nan=True)
