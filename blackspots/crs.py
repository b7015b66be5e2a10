"""The one place that changes coordinate reference systems."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

import geopandas as gpd
import numpy as np
from pyproj import CRS, Proj, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_crs_info
from pyproj.enums import PJType
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


_AT_ONCE: Final = 100_000
"""Points above which several threads share a transformation."""


def transform(
    xs: np.ndarray, ys: np.ndarray, source: CRS, target: CRS
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in another CRS, x before y in both; infinite where a CRS does not reach.

    Parameters
    ----------
    xs, ys : float, shape (points,)
        Eastings or longitudes, northings or latitudes.
    """
    if source == target:
        return xs, ys

    def part(rows: slice) -> tuple[np.ndarray, np.ndarray]:
        # A transformer serves one thread.
        change = Transformer.from_crs(source, target, always_xy=True)
        made: tuple[np.ndarray, np.ndarray] = change.transform(xs[rows], ys[rows])
        return made

    if len(xs) <= _AT_ONCE:
        return part(slice(None))
    workers = min(4, os.cpu_count() or 1)
    edges = np.linspace(0, len(xs), workers + 1).astype(int)
    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(part, map(slice, edges[:-1], edges[1:])))
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


_AROUND: Final = (4.0, 15.0)
"""Degrees of longitude and latitude around a place within which grids are thought of."""


@cache
def grids_near(longitude: float, latitude: float, like: CRS) -> tuple[CRS, ...]:
    """Projected CRSs in metres that are used around a place, likely ones first.

    These are the transverse Mercator and conic grids of the EPSG register whose area of use
    comes near the place; neighbouring zones are among them, as offices do use them. Those on
    the datum of ``like`` come first, those on WGS 84 next.
    """
    area = AreaOfInterest(
        max(-180.0, longitude - _AROUND[0]),
        max(-90.0, latitude - _AROUND[1]),
        min(180.0, longitude + _AROUND[0]),
        min(90.0, latitude + _AROUND[1]),
    )
    found = query_crs_info("EPSG", PJType.PROJECTED_CRS, area_of_interest=area)
    named: dict[str, str] = {info.code: info.name for info in found}
    datum = _datum(like)
    ranked = []
    for code, name in named.items():
        if "grid system" in name:
            continue  # stands for all zones of its kind
        wanted = name.startswith((datum, "WGS 84 /"))
        crs = CRS.from_epsg(int(code))
        operation = crs.coordinate_operation
        method = operation.method_name if operation else ""
        metres = {axis.unit_name for axis in crs.axis_info[:2]} <= {"metre", "meter"}
        if metres and ("Transverse Mercator" in method or "Lambert Conic Conformal" in method):
            ranked.append(((not name.startswith(datum), not wanted, int(code)), crs))
    return tuple(crs for _, crs in sorted(ranked, key=lambda pair: pair[0]))


def _datum(crs: CRS) -> str:
    """How the names of CRSs on the same datum begin: ``VN-2000`` of ``VN-2000 / TM-3 107-15``."""
    base = crs.geodetic_crs
    return base.name if base is not None else crs.name.partition(" /")[0]
