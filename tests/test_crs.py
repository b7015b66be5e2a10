"""Which coordinate reference systems lengths may be measured in."""

import geopandas as gpd
import pytest
from pyproj import CRS

from blackspots import crs
from blackspots.errors import BlackspotsError

MERCATOR = "+proj=merc +a=6378137 +b=6378137 +lat_ts=0 +lon_0=0 +units=m +nadgrids=@null +type=crs"


@pytest.mark.parametrize(
    "name", ["EPSG:9215", "EPSG:32648", "EPSG:3405", "EPSG:27700", "EPSG:2056"]
)
def test_metres_on_the_ground_are_taken_as_they_are(name: str) -> None:
    assert crs.metric(CRS(name), "study") == CRS(name)


@pytest.mark.parametrize(
    "name",
    [
        *("EPSG:4326", "EPSG:4756", "EPSG:3857", "EPSG:3395", "ESRI:102100", "EPSG:2263"),
        *(MERCATOR, "EPSG:4978"),
    ],
)
def test_what_does_not_measure_metres_on_the_ground_is_refused(name: str) -> None:
    with pytest.raises(BlackspotsError) as refusal:
        crs.metric(CRS(name), "study")
    assert refusal.value.code == "crs-not-metric"
    assert "EPSG:9215" in refusal.value.message("vi")


def test_the_proposal_fits_the_data_where_they_are_known() -> None:
    medellin = gpd.GeoSeries.from_xy([-75.57], [6.24], crs=4326)
    with pytest.raises(BlackspotsError, match="EPSG:32618"):
        crs.metric(CRS("EPSG:4326"), "study", medellin)


@pytest.mark.parametrize("name", ["", "EPSG:0", "VN 2000 chuẩn", "EPSG:abc", "WGS"])
def test_what_is_no_crs_is_refused_with_where_it_stands(name: str) -> None:
    with pytest.raises(BlackspotsError) as refusal:
        crs.parse(name, "roads.crs")
    assert refusal.value.code == "crs-unknown"
    assert "roads.crs" in str(refusal.value)


def test_a_layer_that_is_in_the_crs_already_is_not_copied() -> None:
    points = gpd.GeoSeries.from_xy([683_000], [2_417_000], crs=32648)
    assert crs.reproject(points, CRS(32648)) is points
    moved = crs.reproject(points, CRS(4326))
    assert (round(moved.x[0], 1), round(moved.y[0], 1)) == (106.8, 21.8)
