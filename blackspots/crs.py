"""The one place that changes coordinate reference systems."""

from __future__ import annotations

from typing import TypeVar

import geopandas as gpd
from pyproj import CRS, Proj
from pyproj.exceptions import CRSError

from blackspots.errors import BlackspotsError

F = TypeVar("F", gpd.GeoDataFrame, gpd.GeoSeries)

WGS84 = CRS.from_epsg(4326)


def parse(definition: str, where: str) -> CRS:
    """A CRS from ``EPSG:9215``, WKT or PROJ text.

    Raises
    ------
    BlackspotsError
        ``crs-unknown``, naming ``where`` it was given.
    """
    try:
        return CRS.from_user_input(definition)
    except CRSError as error:
        raise BlackspotsError("crs-unknown", value=definition, where=where) from error


def metric(crs: CRS, where: str, sample: gpd.GeoSeries | None = None) -> CRS:
    """``crs`` if lengths in it are metres on the ground; a refusal that names one otherwise.

    Mercator counts as unsuitable: its metres are too long by 1/cos(latitude).

    Raises
    ------
    BlackspotsError
        ``crs-not-metric``.
    """
    metres = {axis.unit_name for axis in crs.axis_info[:2]} <= {"metre", "meter"}
    if crs.is_projected and metres and not _is_mercator(crs):
        return crs
    raise BlackspotsError(
        "crs-not-metric", where=where, value=crs.name, proposal=_proposal(crs, sample)
    )


def _is_mercator(crs: CRS) -> bool:
    """Mercator on the equator, however it is called: Web Mercator, ``+proj=merc`` ..."""
    plain = crs.source_crs if crs.is_bound and crs.source_crs else crs
    horizontal = (plain.sub_crs_list or [plain])[0]
    operation = horizontal.coordinate_operation
    method = operation.method_name if operation else ""
    return "Mercator" in method and not method.startswith(("Transverse", "Oblique", "Hotine"))


def _proposal(crs: CRS, sample: gpd.GeoSeries | None) -> str:
    if sample is not None and len(sample):
        known = sample if sample.crs is not None else sample.set_crs(crs)
        return str(known.estimate_utm_crs().to_string())
    return "EPSG:9215 (Lạng Sơn), EPSG:32648 (UTM 48N)"


MAX_SCALE_ERROR = 0.01
"""Share by which a metre of the CRS may differ from one on the ground."""


def true_to_scale(places: gpd.GeoSeries, where: str) -> None:
    """Refuse a CRS whose metres are not those of the ground where the places are.

    A projected CRS of another part of the world, or one made for areas, measures metres that
    are too long or too short here.

    Raises
    ------
    BlackspotsError
        ``crs-not-metric``, with a CRS that fits.
    """
    known = places[places.notna()]
    if known.empty:
        return
    middle = gpd.GeoSeries.from_xy([known.x.median()], [known.y.median()], crs=known.crs).to_crs(
        WGS84
    )
    factors = Proj(known.crs).get_factors(float(middle.x.iloc[0]), float(middle.y.iloc[0]))
    error = max(abs(factors.meridional_scale - 1), abs(factors.parallel_scale - 1))
    if not error <= MAX_SCALE_ERROR:
        proposal = str(middle.estimate_utm_crs().to_string())
        raise BlackspotsError(
            "crs-not-metric", where=where, value=known.crs.name, proposal=proposal
        )


def reproject(frame: F, crs: CRS) -> F:
    """``frame`` in another CRS; itself when it is there already."""
    return frame if frame.crs == crs else frame.to_crs(crs)
