"""KDE+ along lines, against KDE+ along the track that they make."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pandas.testing import assert_frame_equal

from blackspots.screening.kdeplus import kde_plus
from blackspots.screening.kdeplus_along import kde_plus_along

CRS = "EPSG:9215"
HEAP = 2000.0 + np.array([0.0, 5.0, 12.0, 20.0, 30.0, 41.0, 50.0, 60.0])
X = np.concatenate([np.arange(250.0, 5000.0, 500.0), HEAP])


def road(*wkt: str, **columns: Any) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=shapely.from_wkt(list(wkt)), crs=CRS)


def at(x: np.ndarray, y: float = 3.0) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, np.full(len(x), y)), crs=CRS)


def test_clusters_are_those_of_the_track_however_it_is_drawn() -> None:
    options: dict[str, Any] = {"bandwidth": 100.0, "simulations": 199, "seed": 3}
    wanted = kde_plus(np.zeros(len(X), dtype=int), X, [5000.0], **options)
    whole = road("LINESTRING (0 0, 5000 0)")
    pieces = road(
        "LINESTRING (0 0, 1000 0, 2030 0)",
        "LINESTRING (5000 0, 2030 0)",
        "LINESTRING (1000 0, 1000 9)",
    )
    for lines in (whole, pieces.iloc[:2]):
        clusters, member = kde_plus_along(at(X), lines, **options)
        assert_frame_equal(
            pd.DataFrame(clusters[wanted.clusters.columns]), wanted.clusters, atol=1e-6
        )
        assert member.tolist() == wanted.member.tolist()
    # A side road ends the track of lines without a name, but not of one that runs through.
    clusters, _ = kde_plus_along(at(X), pieces, **options)
    assert clusters["crashes"].tolist() == wanted.clusters["crashes"].tolist()
    assert clusters.attrs == {"given": 18, "placed": 18, "tracks": 2, "tested": 1}


def test_a_cluster_is_drawn_where_its_points_are() -> None:
    lines = road("LINESTRING (0 0, 2030 0)", "LINESTRING (5000 0, 2030 0)", ref=["QL1", "QL1"])
    clusters, member = kde_plus_along(at(X), lines, bandwidth=100.0, simulations=199, by="ref")
    row = clusters.iloc[0]
    assert row["road"] == "QL1"
    assert row.geometry.length == pytest.approx(row["to"] - row["from"])
    inside = at(X)[(member == 0).to_numpy()]
    assert (inside.distance(row.geometry) < 3.0 + 1e-6).all()
    assert row["line"] == (0 if row["peak"] < 2031 else 1)


def test_a_name_carries_a_track_through_junctions() -> None:
    wkt = [f"LINESTRING ({x} 0, {x + 500} 0)" for x in range(0, 5000, 500)]
    side = [f"LINESTRING ({x} 0, {x} 90)" for x in range(500, 5000, 500)]
    lines = road(*wkt, *side, name=["QL1"] * len(wkt) + [None] * len(side))
    options: dict[str, Any] = {"bandwidth": 100.0, "simulations": 199}
    beside = at(X, -3.0)  # away from the side roads
    apart, _ = kde_plus_along(beside, lines, **options)
    through, _ = kde_plus_along(beside, lines, by="name", **options)
    assert apart.attrs["tracks"] == 19
    assert through.attrs["tracks"] == 10
    assert through.attrs["tested"] == 1
    assert through.iloc[0]["crashes"] == 8


@pytest.mark.parametrize("count", [0, 1, 10])
def test_few_points_or_all_at_one_place_give_an_answer(count: int) -> None:
    lines = road("LINESTRING (0 0, 5000 0)")
    clusters, member = kde_plus_along(
        at(np.full(count, 700.0)), lines, bandwidth=100.0, simulations=99
    )
    assert len(member) == count
    assert clusters.crs == lines.crs
    if count < 2:
        assert clusters.empty
        assert (member == -1).all()
    else:
        assert clusters["crashes"].tolist() == [count]
        assert not clusters.geometry.iloc[0].is_empty


def test_a_point_on_no_line_is_in_no_cluster_that_is_known() -> None:
    _, member = kde_plus_along(
        at(np.array([100.0]), 900.0), road("LINESTRING (0 0, 500 0)"), bandwidth=50.0
    )
    assert member.isna().all()


def test_equal_seeds_give_equal_bytes_and_nothing_is_changed() -> None:
    points, lines = at(X), road("LINESTRING (0 0, 5000 0)", ref=["QL1"])
    before = points.copy(), lines.copy()
    one, two = (
        kde_plus_along(points, lines, bandwidth=100.0, simulations=99, by="ref")[0]
        for _ in range(2)
    )
    assert one.to_csv() == two.to_csv()
    assert points.equals(before[0])
    assert lines.equals(before[1])
    with pytest.raises(KeyError):
        kde_plus_along(points, lines, bandwidth=100.0, by="name")
