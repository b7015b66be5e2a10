"""Everything a study names, read in the order that lets one layer tell of the next.

The boundary, the areas and the roads come first: they say where the study is, and so whether
the register's coordinates are swapped or in another grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from blackspots import crs as crs_
from blackspots import sources
from blackspots.config import UNITS, Layer, Study
from blackspots.errors import BlackspotsError
from blackspots.sources.crashes import Register

_AROUND_OSM = 2_000.0
"""Distance [m] around the boundary within which OpenStreetMap data are taken."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was read, in the study's CRS; the register's ``stacks`` are crashes heaped up."""

    register: Register
    stacks: pd.DataFrame
    rejects: pd.DataFrame
    remarks: pd.DataFrame
    roads: gpd.GeoDataFrame | None
    posts: gpd.GeoDataFrame | None
    crossings: gpd.GeoDataFrame | None
    railways: gpd.GeoDataFrame | None
    areas: dict[str, gpd.GeoDataFrame]
    boundary: gpd.GeoSeries | None
    places: gpd.GeoDataFrame | None
    repairs: gpd.GeoDataFrame | None
    decisions: sources.Decisions | None = None
    listed: sources.SiteList | None = None
    verified: sources.Verified | None = None


def read_inputs(
    study: Study, target: CRS, *, countermeasures: frozenset[str] = frozenset()
) -> Inputs:
    """Read every file that the study names.

    Parameters
    ----------
    target
        Metric CRS of the study.
    countermeasures
        Ids of the catalogue, which a work may name.

    Raises
    ------
    BlackspotsError
        What is wrong with a file as a whole.
    """
    findings = sources.Findings()
    within: tuple[float, float, float, float] | None = None

    def source(layer: Layer) -> sources.Source:
        return sources.Source(
            study.resolve(layer.file),
            layer.layer,
            layer.crs,
            layer.columns,
            layer.filter,
            encoding=layer.encoding,
            within=within,
            allowed=tuple(study.study.allow_personal),
        )

    s, tolerance = study, study.locating.tolerance
    boundary: gpd.GeoSeries | None = (
        sources.read_boundary(source(s.boundary), target, findings) if s.boundary else None
    )
    within = _box(boundary)
    areas = {
        layer.level: sources.read_areas(source(layer), target, findings, layer.level)
        for layer in s.areas
    }
    if s.repairs and not s.roads:
        raise BlackspotsError("repairs-need-roads", file=s.path.name)
    if s.posts and not s.roads:
        raise BlackspotsError("posts-need-roads", file=s.path.name)
    roads = s.roads and sources.read_roads(source(s.roads), target, findings)
    around = sources.extent_of(target, roads=roads, others=tuple(areas.values()))
    posts = s.posts and sources.read_posts(source(s.posts), target, findings, extent=around)
    crossings = s.crossings and sources.read_crossings(
        source(s.crossings), target, findings, boundary=boundary, tolerance=tolerance
    )
    register = sources.read_crashes(
        [study.resolve(file) for file in s.crashes.files],
        target,
        findings,
        sheets=s.crashes.sheets,
        crs=s.crashes.crs,
        columns=s.crashes.columns,
        severity=s.crashes.severity,
        keep=s.crashes.filter,
        encoding=s.crashes.encoding,
        allowed=s.study.allow_personal,
        boundary=boundary,
        tolerance=tolerance,
        extent=sources.extent_of(target, roads=roads, others=(*areas.values(), crossings)),
        period=(s.study.start, s.study.end),
        month_first=s.crashes.date_order == "mdy",
    )
    crashes, stacks = sources.heaped(register.crashes, areas)
    decisions = (
        sources.read_decisions(study.resolve(s.locating.decisions), target, findings, crashes)
        if s.locating.decisions
        else None
    )
    listed = (
        sources.read_site_list(
            study.resolve(s.sites.file), target, findings, allowed=s.study.allow_personal
        )
        if s.sites
        else None
    )
    field = s.level_crossings.verified
    verified = sources.read_verification(study.resolve(field), target, findings) if field else None
    railways = s.railways and sources.read_railways(source(s.railways), target, findings)
    places = s.places and sources.read_places(source(s.places), target)
    repairs = s.repairs and sources.read_repairs(
        source(s.repairs),
        target,
        findings,
        unit=UNITS[s.repairs.unit],
        countermeasures=countermeasures,
        boundary=boundary,
        tolerance=tolerance,
    )
    return Inputs(
        register=register.with_crashes(crashes),
        stacks=stacks,
        rejects=findings.rejects_frame(),
        remarks=findings.remarks_frame(),
        roads=roads,
        posts=posts,
        crossings=crossings,
        railways=railways,
        areas=areas,
        boundary=boundary,
        places=places,
        repairs=repairs,
        decisions=decisions,
        listed=listed,
        verified=verified,
    )


def rejected_rows(rejects: pd.DataFrame, table: str) -> int:
    """Number of rejected rows of a table, a row with several problems once."""
    return len(rejects[rejects["table"] == table].drop_duplicates(["file", "sheet", "row"]))


def _box(boundary: gpd.GeoSeries | None) -> tuple[float, float, float, float] | None:
    """Longitudes and latitudes around the boundary, as west, south, east, north."""
    if boundary is None:
        return None
    around = gpd.GeoSeries(boundary.buffer(_AROUND_OSM), crs=boundary.crs)
    west, south, east, north = np.asarray(crs_.reproject(around, crs_.WGS84).total_bounds)
    return float(west), float(south), float(east), float(north)
