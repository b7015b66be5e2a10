"""Crashes along roads without a study: joining, placing, lixels, clusters, the K function."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from blackspots.errors import BlackspotsError
from blackspots.graph import Lixels, k_function, lixelize
from blackspots.screening.alone import (
    cluster_points,
    density_at,
    events_on,
    lixel_density,
    network_k,
)
from blackspots.screening.lines import drawn, joined

GRID = 9215


def roads(*wkt: str, index: Any = None) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=shapely.from_wkt(list(wkt)), index=index, crs=GRID)


def crashes(*xy: tuple[float, float], index: Any = None) -> gpd.GeoDataFrame:
    x, y = zip(*xy, strict=True) if xy else ((), ())
    return gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y), index=index, crs=GRID)


#          0,80
#           |
# -100,0 ---+--- 100,0     the northern road begins at a vertex inside the other
CROSSING = roads("LINESTRING (-100 0, 0 0, 100 0)", "LINESTRING (0 0, 0 80)", index=["a", "b"])


# --- joining


def test_lines_are_joined_at_shared_vertices_and_not_where_they_only_cross() -> None:
    made = joined(
        shapely.from_wkt(
            [
                "LINESTRING (0 0, 10 0, 20 0)",
                "LINESTRING (10 0, 10 10)",
                "LINESTRING (15 -5, 15 5)",  # over the first
            ]
        )
    )
    assert made.line.tolist() == [0, 0, 1, 2]
    assert made.begin.tolist() == [0.0, 10.0, 0.0, 0.0]
    assert made.graph.length.tolist() == [10.0, 10.0, 10.0, 10.0]
    assert np.bincount(np.concatenate([made.graph.u, made.graph.v])).max() == 3
    assert made.graph.nodes == 6


def test_a_ring_and_a_line_that_meets_itself_are_cut_there() -> None:
    ring, eight = (
        joined(shapely.from_wkt([wkt]))
        for wkt in (
            "LINESTRING (0 0, 5 0, 5 5, 0 0)",
            "LINESTRING (0 0, 4 0, 4 4, 2 0, 0 -9)",
        )
    )
    assert ring.graph.u.tolist() == ring.graph.v.tolist() == [0]
    # It comes by (2, 0) once as a vertex, once between two: not joined there.
    assert len(eight.graph.u) == 1
    lasso = joined(shapely.from_wkt(["LINESTRING (0 0, 4 0, 4 4, 8 4, 4 0)"]))
    assert lasso.graph.length[0] == 4.0
    assert (lasso.graph.u[1], lasso.begin[1]) == (lasso.graph.v[1], 4.0)


def test_gaps_are_bridged_only_if_wanted() -> None:
    lines = shapely.from_wkt(["LINESTRING (0 0, 10 0)", "LINESTRING (10.4 0, 20 0)"])
    assert joined(lines).graph.nodes == 4
    made = joined(lines, node_tolerance=0.5)
    assert made.graph.nodes == 3
    assert made.graph.length.tolist() == pytest.approx([10.0, 9.6])


def test_parts_of_a_line_count_one_after_the_other_and_repeated_vertices_do_not() -> None:
    made = joined(
        shapely.from_wkt(
            [
                "MULTILINESTRING ((0 0, 0 0, 7 0), (9 0, 9 0), (9 0, 12 0, 12 0))",
                "LINESTRING (7 0, 7 5)",
            ]
        )
    )
    assert made.line.tolist() == [0, 0, 1]
    assert made.begin.tolist() == [0.0, 7.0, 0.0]
    assert made.graph.nodes == 5


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ([], "no line has a length"),
        (["LINESTRING (1 1, 1 1)"], "no line has a length"),
        (["POINT (0 0)"], "1 of 1 lines"),
        ([None], "1 of 1 lines"),
    ],
)
def test_what_makes_no_network_is_refused(lines: list[str | None], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        joined(np.array([each and shapely.from_wkt(each) for each in lines], dtype=object))


def test_a_coordinate_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        joined(np.array([shapely.LineString([(0, 0), (np.inf, 1)])], dtype=object))


# --- lixels drawn


@given(seed=st.integers(0, 10_000), longest=st.floats(0.5, 40.0))
@settings(max_examples=40, deadline=None)
def test_drawn_lixels_are_the_parts_of_their_edges(seed: int, longest: float) -> None:
    chance = np.random.Generator(np.random.PCG64(seed))
    lines = [
        shapely.LineString(chance.integers(0, 6, (int(chance.integers(2, 7)), 2)) * 5.0 + 0.1 * k)
        for k in range(4)
    ]
    lines = [line for line in lines if line.length] or [shapely.LineString([(0, 0), (3, 4)])]
    made = joined(np.array(lines, dtype=object))
    parts: Lixels = lixelize(made.graph, longest)
    geometry = drawn(made, parts)
    assert shapely.length(geometry) == pytest.approx(parts.length, abs=1e-6)
    total = shapely.length(np.array(lines, dtype=object)).sum()
    assert shapely.length(geometry).sum() == pytest.approx(total)
    for place, measure in ((0, parts.begin), (-1, parts.end)):
        ends = shapely.get_point(geometry, place)
        at = shapely.line_interpolate_point(made.geometry[parts.edge], measure)
        assert shapely.distance(ends, at).max() < 1e-6


# --- placing


def test_points_are_placed_and_those_beyond_are_told() -> None:
    points = crashes((50, 5), (3, 40), (0, 150), index=[9, 5, 7])
    made = events_on(CROSSING, points, tolerance=30.0)
    assert made.found["placed"].tolist() == [True, True, False]
    assert made.found["line"].tolist()[:2] == ["a", "b"]
    assert made.found["measure"].tolist()[:2] == [150.0, 40.0]
    assert made.found["offset"].tolist()[:2] == [5.0, 3.0]
    assert made.found.loc[7].isna().sum() == 3
    assert len(made.events) == 2


def test_a_point_without_coordinates_is_not_placed() -> None:
    points = gpd.GeoDataFrame(geometry=[None, shapely.Point(), shapely.Point(1, 1)], crs=GRID)
    assert events_on(CROSSING, points).found["placed"].tolist() == [False, False, True]
    found = cluster_points(points, CROSSING, eps=5, min_crashes=1)
    assert found.isna().tolist() == [True, True, False]


def test_a_crs_that_is_no_metric_one_is_refused() -> None:
    points = crashes((1, 1))
    with pytest.raises(BlackspotsError):
        events_on(CROSSING.set_crs(4326, allow_override=True), points)
    with pytest.raises(ValueError, match="differ"):
        events_on(CROSSING, points.set_crs(32648, allow_override=True))
    with pytest.raises(ValueError, match="no CRS"):
        events_on(gpd.GeoDataFrame(geometry=CROSSING.geometry.to_numpy()), points)
    with pytest.raises(ValueError, match="no points"):
        events_on(CROSSING, CROSSING)


# --- density


@pytest.mark.parametrize("method", ["discontinuous", "continuous"])
@pytest.mark.parametrize("adaptive", [False, True])
def test_the_density_of_lixels_integrates_to_the_points_placed(method: Any, adaptive: bool) -> None:
    points = crashes((50, 5), (51, 0), (0, 1), (3, 40), (0, 999))
    made = lixel_density(
        points, CROSSING, bandwidth=40.0, lixel=0.5, method=method, adaptive=adaptive
    )
    assert (made["density"] * made.length / 1000).sum() == pytest.approx(4.0, rel=1e-4)
    assert made.attrs == {"given": 5, "placed": 4}
    assert list(made.columns) == ["line", "begin", "end", "density", "geometry"]
    assert made.groupby("line")["end"].max().to_dict() == {"a": 200.0, "b": 80.0}
    assert (made["end"] - made["begin"]).to_numpy() == pytest.approx(made.length.to_numpy())


def test_density_at_places_is_that_of_the_lixel_there() -> None:
    points = crashes((50, 5), (3, 40))
    made = lixel_density(points, CROSSING, bandwidth=60.0, lixel=10.0)
    middle = gpd.GeoDataFrame(geometry=made.interpolate(0.5, normalized=True), crs=GRID)
    found = density_at(points, CROSSING, middle, bandwidth=60.0)
    assert found.to_numpy() == pytest.approx(made["density"].to_numpy())
    far = density_at(points, CROSSING, crashes((0, 999), index=["x"]), bandwidth=60.0)
    assert np.isnan(far["x"])


def test_weights_stand_for_points() -> None:
    twice = lixel_density(crashes((50, 5), (50, 5), (20, 0)), CROSSING, bandwidth=60.0)
    points = crashes((50, 5), (0, 900), (20, 0))
    made = lixel_density(points, CROSSING, bandwidth=60.0, weights=pd.Series([2.0, np.nan, 1.0]))
    assert made["density"].to_numpy() == pytest.approx(twice["density"].to_numpy())
    with pytest.raises(ValueError, match="weights"):
        lixel_density(points, CROSSING, bandwidth=60.0, weights=np.ones(2))


def test_no_point_gives_no_density_and_no_cluster() -> None:
    none = crashes()
    made = lixel_density(none, CROSSING, bandwidth=60.0)
    assert (made["density"] == 0.0).all()
    assert len(cluster_points(none, CROSSING, eps=5, min_crashes=2)) == 0
    with pytest.raises(ValueError, match="two events"):
        network_k(crashes((1, 1)), CROSSING, radii=np.array([5.0]), seed=1)


# --- clusters and K


def test_clusters_follow_the_road_and_not_the_bird() -> None:
    #  Two parallel roads 20 m apart, joined 300 m away.
    lines = roads("LINESTRING (0 0, 300 0, 300 20, 0 20)")
    points = crashes((10, 0), (12, 0), (10, 20), (12, 20), (150, 10_000), index=list("abcde"))
    found = cluster_points(points, lines, eps=30.0, min_crashes=2)
    assert found.loc[["a", "b", "c", "d"]].tolist() == [0, 0, 1, 1]
    assert found.loc[["e"]].isna().all()
    assert found.dtype == "Int64"


def test_the_k_function_stands_beside_its_envelope() -> None:
    chance = np.random.Generator(np.random.PCG64(1))
    hot = crashes(*((float(x), 0.0) for x in chance.uniform(40, 50, 25)))
    even = crashes(*((float(x), 0.0) for x in chance.uniform(-100, 100, 25)))
    radii = np.array([5.0, 10.0, 20.0])
    made = {
        name: network_k(points, CROSSING, radii=radii, simulations=19, seed=5)
        for name, points in (("hot", hot), ("even", even))
    }
    assert (made["hot"]["K"] > made["hot"]["high"]).all()
    assert (made["even"]["low"] <= made["even"]["high"]).all()
    assert made["hot"].attrs["level"] == 0.1
    # Envelopes know only how many points there are, and the seed.
    assert made["hot"]["low"].tolist() == made["even"]["low"].tolist()
    placed = events_on(CROSSING, hot)
    assert (
        made["hot"]["K"].tolist()
        == k_function(placed.graph, placed.events, radii).corrected.tolist()
    )
    again = network_k(hot, CROSSING, radii=radii, simulations=19, seed=5)
    pd.testing.assert_frame_equal(again, made["hot"])
    assert network_k(hot, CROSSING, radii=radii, simulations=0, seed=5)["low"].isna().all()


def test_the_envelope_holds_the_radius_as_theory_says() -> None:
    radii = np.array([5.0, 15.0, 30.0])
    points = crashes(*((float(x), 0.0) for x in range(-100, 100, 5)))
    made = network_k(points, CROSSING, radii=radii, simulations=39, seed=2)
    assert (made["low"] < made["theoretical"]).all()
    assert (made["theoretical"] < made["high"]).all()
