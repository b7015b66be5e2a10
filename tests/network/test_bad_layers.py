"""Layers that are no road layers, or hardly: refused by name, or built as far as they go."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from small import METRES, roads

from blackspots.errors import BlackspotsError
from blackspots.locating import locate
from blackspots.network import Network, build_network

LINE = shapely.LineString([(0, 0), (100, 0)])


def layers(net: Network) -> dict[str, object]:
    return {name: getattr(net, name) for name in ("segments", "parts", "nodes", "routes")}


@pytest.mark.parametrize(
    "shape",
    [None, shapely.Point(0, 0), shapely.LineString(), shapely.LineString([(0, 0), (np.inf, 1)])],
)
def test_a_row_that_is_no_line_is_refused_by_name(shape: shapely.Geometry | None) -> None:
    layer = gpd.GeoDataFrame(geometry=[LINE, shape], crs=METRES, index=["a", "b"])
    with pytest.raises(BlackspotsError) as refusal:
        build_network(layer)
    assert refusal.value.code == "roads-unusable"
    assert "b" in refusal.value.message("en")
    assert "1 dòng" in refusal.value.message("vi")


def test_lines_of_several_parts_are_roads_of_several_lines() -> None:
    parts = shapely.MultiLineString([[(0, 0), (100, 0)], [(500, 0), (600, 0)]])
    net = build_network(gpd.GeoDataFrame(geometry=[parts], crs=METRES, index=[7]))
    assert net.segments["road_id"].tolist() == ["7", "7"]
    assert net.segments["length"].tolist() == [100, 100]


def test_no_road_at_all_is_an_empty_network_on_which_nothing_is_placed() -> None:
    net = build_network(gpd.GeoDataFrame(geometry=[], crs=METRES))
    assert (len(net.segments), len(net.routes), len(net.junctions)) == (0, 0, 0)
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy([1.0], [2.0]), crs=METRES)
    assert locate(points, **layers(net)).crashes["reason"].tolist() == ["no-road-near"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shapes", "index"),
    [([shapely.box(0, 0, 1, 1)], ["a"]), ([shapely.Point(0, 0)] * 2, ["a", "a"])],
)
def test_crashes_that_are_no_points_or_share_an_id_are_refused(
    shapes: list[shapely.Geometry], index: list[str]
) -> None:
    net = build_network(roads([(0, 0), (100, 0)]))
    with pytest.raises(BlackspotsError) as refusal:
        locate(gpd.GeoDataFrame(geometry=shapes, crs=METRES, index=index), **layers(net))  # type: ignore[arg-type]
    assert refusal.value.code == "crashes-unusable"
