"""Crashes heaped on one coordinate: when they are told, why, and how far they may be."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from blackspots.sources.stacks import heaped

Row = tuple[float | None, float | None, str | None, float | None]
"""x, y, route, km."""


def crashes(rows: list[Row], uncertainty: float = 1.0) -> gpd.GeoDataFrame:
    index = pd.Index([f"C{i}" for i in range(len(rows))], dtype=object)
    shapes = [None if x is None or y is None else shapely.Point(x, y) for x, y, _, _ in rows]
    made = {
        "route": pd.Series([r[2] for r in rows], index=index, dtype=object),
        "km": pd.Series([r[3] for r in rows], index=index, dtype="float64"),
        "uncertainty": pd.Series(
            [np.nan if s is None else uncertainty for s in shapes], index=index, dtype="float64"
        ),
    }
    return gpd.GeoDataFrame(made, geometry=gpd.GeoSeries(shapes, index=index, crs=32648))


def areas(**boxes: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    names = pd.Series(list(boxes), dtype=object)
    shapes = [shapely.box(*box) for box in boxes.values()]
    return gpd.GeoDataFrame({"name": names}, geometry=shapes, crs=32648)


WEST = areas(West=(0, 0, 10_000, 6_000))
MIDDLE = (5000.0, 3000.0)
RADIUS = (10_000 * 6_000 / np.pi) ** 0.5


def looked_at(rows: list[Row], layers: dict[str, gpd.GeoDataFrame] | None = None) -> Any:
    return heaped(crashes(rows), layers or {})


def test_a_busy_junction_is_not_suspicious_however_many_crashes_it_has() -> None:
    rows: list[Row] = [(100.0, 100.0, ("QL1", "QL4A")[i % 2], 12.0 + i % 2) for i in range(400)]
    frame, stacks = looked_at(rows, {"district": WEST})
    assert stacks.empty
    assert (frame["uncertainty"] == 1).all()


def test_a_heap_at_the_middle_of_a_district_may_lie_anywhere_in_it() -> None:
    rows: list[Row] = [(*MIDDLE, None, None)] * 5 + [(7000.0, 10.0, None, None)]
    frame, stacks = looked_at(rows, {"district": WEST})
    (heap,) = stacks.to_dict("records")
    assert (heap["x"], heap["y"]) == MIDDLE
    assert (heap["crashes"], heap["reason"], heap["area"]) == (5, "middle", "West")
    assert heap["uncertainty"] == pytest.approx(RADIUS)
    assert heap["ids"] == "C0;C1;C2;C3;C4"
    assert frame["uncertainty"].tolist() == [pytest.approx(RADIUS)] * 5 + [1.0]


@pytest.mark.parametrize(
    ("count", "off", "told"), [(4, 0.0, False), (5, 0.0, True), (5, 199.0, True), (5, 201.0, False)]
)
def test_four_crashes_or_a_heap_beside_the_middle_are_no_stack(
    count: int, off: float, told: bool
) -> None:
    rows: list[Row] = [(MIDDLE[0] + off, MIDDLE[1], None, None)] * count
    assert len(looked_at(rows, {"district": WEST})[1]) == told


def test_the_middle_of_a_bent_area_is_told_by_its_inner_point_too() -> None:
    bent = shapely.Polygon([(0, 0), (9000, 0), (9000, 900), (900, 900), (900, 9000), (0, 9000)])
    layer = gpd.GeoDataFrame({"name": ["L"]}, geometry=[bent], crs=32648)
    assert not bent.contains(bent.centroid)
    inner = shapely.point_on_surface(bent)
    rows: list[Row] = [(inner.x, inner.y, None, None)] * 5
    assert looked_at(rows, {"district": layer})[1]["area"].tolist() == ["L"]


def test_a_junction_near_the_middle_of_a_small_area_is_not_suspicious() -> None:
    """Every place of it is within 200 m of its middle."""
    block = areas(Block=(0, 0, 300, 300))
    for off, told in ((0.0, True), (16.0, True), (18.0, False), (140.0, False)):
        stacks = looked_at([(150.0 + off, 150.0, None, None)] * 9, {"block": block})[1]
        assert len(stacks) == told


def test_of_two_levels_the_first_tells_the_area_and_how_far() -> None:
    inner = areas(Town=(4000, 2000, 6000, 4000))
    rows: list[Row] = [(*MIDDLE, None, None)] * 6
    for layers, name, size in (
        ({"district": WEST, "commune": inner}, "West", 6e7),
        ({"commune": inner, "district": WEST}, "Town", 4e6),
    ):
        (heap,) = looked_at(rows, layers)[1].to_dict("records")
        assert (heap["area"], heap["uncertainty"]) == (name, pytest.approx((size / np.pi) ** 0.5))


def test_of_two_middles_near_a_heap_the_nearer_is_its_area() -> None:
    for shift in (60.0, -60.0):
        layer = areas(
            West=(0, 0, 10_000, 6_000), Other=(4000 + shift * 2, 2000, 6000 + shift * 2, 4000)
        )
        for x, name in ((MIDDLE[0], "West"), (MIDDLE[0] + 2 * shift, "Other")):
            (heap,) = looked_at([(x, MIDDLE[1], None, None)] * 5, {"d": layer})[1].to_dict(
                "records"
            )
            assert heap["area"] == name


def test_posts_of_one_road_that_lie_far_apart_show_that_it_is_no_place() -> None:
    rows: list[Row] = [(1.0, 2.0, "QL1", km) for km in (10, 11, 12, 13, 14.5)]
    frame, stacks = looked_at(rows)
    (heap,) = stacks.to_dict("records")
    assert (heap["reason"], heap["uncertainty"]) == ("posts", 2250.0)
    assert (frame["uncertainty"] == 2250).all()


def test_posts_of_two_roads_are_not_compared_and_one_kilometre_is_not_far() -> None:
    two: list[Row] = [(1.0, 2.0, ("QL1", "QL4A")[i % 2], (10.0, 90.0)[i % 2]) for i in range(8)]
    near: list[Row] = [(1.0, 2.0, "QL1", km) for km in (10, 10.5, 11, 11, 11)]
    unnamed: list[Row] = [(1.0, 2.0, None, km) for km in (10, 20, 30, 40, 50)]
    assert all(looked_at(rows)[1].empty for rows in (two, near, unnamed))


def test_three_roads_at_one_point_are_told_though_not_how_far_they_are() -> None:
    rows: list[Row] = [(1.0, 2.0, f"QL{i % 3}", None) for i in range(6)]
    frame, stacks = looked_at(rows)
    assert stacks["reason"].tolist() == ["roads"]
    assert stacks["uncertainty"].isna().all()
    assert (frame["uncertainty"] == 1).all()


def test_uncertainty_is_raised_and_never_lowered() -> None:
    frame = crashes([(1.0, 2.0, "QL1", km) for km in (10.0, 10, 10, 10, 12)], uncertainty=5000)
    assert (heaped(frame, {})[0]["uncertainty"] == 5000).all()
    assert (frame["uncertainty"] == 5000).all()


def test_crashes_without_a_place_are_no_heap() -> None:
    rows: list[Row] = [(None, None, f"QL{i}", float(i)) for i in range(9)]
    frame, stacks = looked_at(rows, {"district": WEST})
    assert stacks.empty
    assert frame["uncertainty"].isna().all()


POINTS = st.tuples(
    st.sampled_from([0.0, 1.0, 5000.0, 5150.0]),
    st.sampled_from([0.0, 3000.0]),
    st.sampled_from([None, "A", "B", "C"]),
    st.sampled_from([None, 1.0, 1.5, 2.0, 2.5]),
)


def by_hand(rows: list[Row]) -> dict[tuple[float, float], tuple[int, str, float]]:
    """What the docstring says, heap by heap."""
    heaps: dict[tuple[float, float], list[Row]] = defaultdict(list)
    for row in rows:
        assert row[0] is not None
        assert row[1] is not None
        heaps[row[0], row[1]].append(row)
    told = {}
    for place, members in heaps.items():
        posts: dict[str, list[float]] = defaultdict(list)
        for _, _, route, km in members:
            if route is not None and km is not None:
                posts[route].append(km)
        far = max((max(kms) - min(kms) for kms in posts.values()), default=0.0)
        roads = {route for _, _, route, _ in members if route is not None}
        if len(members) < 5:
            continue
        if np.hypot(place[0] - MIDDLE[0], place[1] - MIDDLE[1]) <= 200:
            told[place] = len(members), "middle", RADIUS
        elif far > 1:
            told[place] = len(members), "posts", far * 500
        elif len(roads) >= 3:
            told[place] = len(members), "roads", np.nan
    return told


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(POINTS, max_size=50))
def test_the_stacks_are_those_that_each_heap_looked_at_gives(rows: list[Row]) -> None:
    frame, stacks = looked_at(rows, {"district": WEST})
    expected = by_hand(rows)
    got = {
        (s["x"], s["y"]): (s["crashes"], s["reason"], s["uncertainty"])
        for s in stacks.to_dict("records")
    }
    assert got.keys() == expected.keys()
    for place, (count, reason, size) in expected.items():
        assert got[place][:2] == (count, reason)
        assert got[place][2] == pytest.approx(size, nan_ok=True)
    for row, uncertainty in zip(rows, frame["uncertainty"], strict=True):
        assert row[0] is not None
        assert row[1] is not None
        size = expected.get((row[0], row[1]), (0, "", np.nan))[2]
        assert uncertainty == pytest.approx(max(1.0, np.nan_to_num(size)))


def test_many_heaps_and_areas_take_seconds() -> None:
    count, per = 20_000, 10
    x = np.repeat(np.arange(count) * 10.0, per)
    index = pd.RangeIndex(len(x)).astype(str)
    frame = gpd.GeoDataFrame(
        {
            "route": pd.Series(np.tile(np.array(["A", "B"]), len(x) // 2), index=index),
            "km": pd.Series(np.tile([1.0, 2.0, 1.2, 2.2, 5.0], len(x) // 5), index=index),
            "uncertainty": pd.Series(1.0, index=index),
        },
        geometry=gpd.GeoSeries(shapely.points(x, np.zeros(len(x))), index=index, crs=32648),
    )
    left = np.arange(2000) * 100.0
    boxes = shapely.box(left, np.full(2000, -50.0), left + 100, np.full(2000, 50.0))
    layer = gpd.GeoDataFrame({"name": left.astype(str)}, geometry=boxes, crs=32648)
    start = time.perf_counter()
    made, stacks = heaped(frame, {"commune": layer})
    assert time.perf_counter() - start < 20
    assert len(stacks) == count
    assert (made["uncertainty"] > 50).all()
