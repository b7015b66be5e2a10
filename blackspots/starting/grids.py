"""The metric grid that fits a place: an official one of the EPSG register, else UTM."""

from __future__ import annotations

import math
from typing import Any, Final

import geopandas as gpd
import shapely
from pyproj import CRS, Proj
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_crs_info
from pyproj.enums import PJType

from blackspots import crs as crs_

Box = tuple[float, float, float, float]
"""West, south, east, north [degrees]."""

MAX_SCALE_ERROR: Final = 0.001
"""Share by which a metre of the grid may differ from one on the ground, anywhere in the box."""

_SPILL: Final = 0.025
"""Share of the box on each side that may lie outside the grid's area of use."""
_METHODS: Final = (
    "Transverse Mercator",
    "Lambert Conic Conformal",
    "Oblique Mercator",
    "Oblique Stereographic",
)
_FAMILIES: Final = ("UTM zone", "UTM grid", "Gauss-Kruger", "WGS 72", "grid system")
"""Names of zones that cover the world and are no country's own."""
_NOT_OF_A_COUNTRY: Final = ("on or related to", "corridor", "offshore - ")


def official_grid(box: Box) -> CRS:
    """The grid with the smallest area of use that holds the box, true to scale within it.

    Of several made for the same area the one on the newest datum is taken. Where no country's
    own grid fits it is UTM on WGS 84.
    """
    west, south, east, north = box
    wide, tall = (east - west) * _SPILL, (north - south) * _SPILL
    area = AreaOfInterest(west + wide, south + tall, east - wide, north - tall)
    found = query_crs_info("EPSG", PJType.PROJECTED_CRS, area_of_interest=area, contains=True)
    ranked = sorted((i for i in found if _is_official(i)), key=_size)
    for size in dict.fromkeys(map(_size, ranked)):
        fitting = [
            crs
            for crs in (CRS.from_epsg(int(i.code)) for i in ranked if _size(i) == size)
            if _is_conformal(crs) and _true_to_scale(crs, box)
        ]
        if fitting:
            return max(fitting, key=lambda crs: (_datum(crs), crs.to_epsg() or 0))
    middle = gpd.GeoSeries([shapely.box(*box).centroid], crs=crs_.WGS84)
    return CRS.from_user_input(middle.estimate_utm_crs())


def _is_official(info: Any) -> bool:
    use = info.area_of_use.name if info.area_of_use else ""
    return not any(word in info.name for word in _FAMILIES) and not any(
        word in use and "onshore" not in use for word in _NOT_OF_A_COUNTRY
    )


def _size(info: Any) -> float:
    """Area of the box of use, in square degrees of the equator, coarsely."""
    use = info.area_of_use
    if use is None:
        return math.inf
    width = (use.east - use.west) % 360 or 360.0
    height = use.north - use.south
    shrunk = math.cos(math.radians((use.north + use.south) / 2))
    return float(round(width * height * shrunk, 2))


def _is_conformal(crs: CRS) -> bool:
    operation = crs.coordinate_operation
    method = operation.method_name if operation else ""
    metres = {axis.unit_name for axis in crs.axis_info[:2]} <= {"metre", "meter"}
    return metres and any(name in method for name in _METHODS)


def _true_to_scale(crs: CRS, box: Box) -> bool:
    projection = Proj(crs)
    west, south, east, north = box
    for lon in (west, (west + east) / 2, east):
        for lat in (south, (south + north) / 2, north):
            factors = projection.get_factors(lon, lat)
            error = max(abs(factors.meridional_scale - 1), abs(factors.parallel_scale - 1))
            if not error <= MAX_SCALE_ERROR:
                return False
    return True


def _datum(crs: CRS) -> int:
    """A number that is higher for newer datums: the register counts up."""
    base = crs.geodetic_crs
    if base is None or base.prime_meridian is None or base.prime_meridian.longitude:
        return 0
    return base.to_epsg() or 0
