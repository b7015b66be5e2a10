"""Coordinates of a table's rows, brought to the study's CRS, and how exact each is."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from blackspots import crs as crs_
from blackspots.errors import BlackspotsError
from blackspots.presets import notations
from blackspots.sources import places, values
from blackspots.sources.columns import parse_numbers, read_cells, spread
from blackspots.sources.extent import Extent, beside_the_roads, likely_grids, sample
from blackspots.sources.findings import Findings
from blackspots.sources.raw import RawTable

MAX_LATITUDE: Final = 90.0
MAX_LONGITUDE: Final = 180.0
METRES_PER_DEGREE: Final = 111_320.0
"""Of latitude, and of longitude on the equator."""
FINEST: Final = 1.0
"""Least uncertainty [m] of a crash's place, however many decimals it has."""
_FEW: Final = 3
"""Rows below which nothing is concluded about a whole table."""
_MOST: Final = 0.5
_NEARLY_ALL: Final = 0.9


@dataclass(slots=True)
class _Pairs:
    """Two numbers a row as the file has them, x before y; NaN where there is none."""

    x: np.ndarray
    y: np.ndarray
    x_resolution: np.ndarray
    y_resolution: np.ndarray
    crs: CRS | None
    headers: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Points:
    """One point a row in the study's CRS, None where there is none.

    ``uncertainty`` [m]: how far the true place may be, going by the decimals that are given;
    at least 1 m, NaN without a point.
    """

    geometry: gpd.GeoSeries
    uncertainty: np.ndarray


def source_crs(raw: RawTable, given: str | None, *, table: str) -> CRS:
    """The CRS of a layer: what the study says, else what the file says.

    Raises
    ------
    BlackspotsError
        ``no-crs`` when neither says.
    """
    if given:
        return crs_.parse(given, f"{table}.crs")
    if raw.crs is None:
        raise BlackspotsError("no-crs", file=raw.where, table=table)
    return raw.crs


def points(
    raw: RawTable,
    columns: Mapping[str, str],
    given: str | None,
    target: CRS,
    *,
    table: str,
    findings: Findings,
    bad: np.ndarray,
    extent: Extent | None = None,
) -> Points:
    """The points of a table, by geometry or by its columns of coordinates.

    With an ``extent``, a pair that only lies in the study's ground when its numbers are
    exchanged is exchanged, and said to be. Rows whose coordinates cannot be read, are half
    given, or cannot be on the globe are marked ``bad`` and noted.

    Raises
    ------
    BlackspotsError
        ``no-crs``, ``no-crs-likely``, ``crs-mismatch``; ``crs-likely`` when most rows lie
        outside the study's ground, but inside in another grid; ``crs-likely-roads`` when
        another grid brings them onto the roads.
    """
    if raw.geometry is not None:
        return _from_geometry(raw, given, target, table=table, findings=findings, bad=bad)
    note = _Noting(raw, table, findings, bad)
    pairs = _pairs(note, columns, given, extent)
    if pairs is None:
        none = gpd.GeoSeries([None] * len(raw.frame), index=raw.frame.index, crs=target)
        return Points(none, np.full(len(raw.frame), np.nan))
    one = (np.isnan(pairs.x) ^ np.isnan(pairs.y)) & ~bad
    for numbers, header in zip((pairs.x, pairs.y), pairs.headers, strict=True):
        note.refuse(one & np.isnan(numbers), header, "half-coordinate")
    xs, ys = _settled(note, pairs, target, extent)
    lost = ~(np.isfinite(xs) & np.isfinite(ys))
    given_here = ~np.isnan(pairs.x) & ~np.isnan(pairs.y) & ~bad
    note.refuse(lost & given_here, pairs.headers[0], "off-globe")
    located = np.full(len(xs), None, dtype=object)
    good = given_here & ~lost
    located[good] = _made(xs[good], ys[good])
    assert pairs.crs is not None  # noqa: S101 - _pairs sees to it
    # The finer of the two coordinates speaks for both: one in ten ends in a zero by chance,
    # but rarely both of a place that was measured finely.
    fine = np.fmin(pairs.x_resolution, pairs.y_resolution)
    uncertainty = np.where(good, _uncertainty(pairs.y, pairs.crs, fine), np.nan)
    return Points(gpd.GeoSeries(located, index=raw.frame.index, crs=target), uncertainty)


def _made(xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Points, made while the garbage collector waits: it would look at all of them many times."""
    running = gc.isenabled()
    gc.disable()
    try:
        return np.asarray(shapely.points(xs, ys))
    finally:
        if running:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _Noting:
    """The table that is read, and where its problems are noted."""

    raw: RawTable
    table: str
    findings: Findings
    bad: np.ndarray

    def refuse(
        self, rows: np.ndarray, header: str, code: str, show: pd.Series | None = None
    ) -> None:
        if rows.any():
            self.findings.reject_rows(self.table, self.raw, rows, header, code, show)
            self.bad[rows] = True


def _pairs(
    note: _Noting, columns: Mapping[str, str], given: str | None, extent: Extent | None
) -> _Pairs | None:
    """The columns that hold the coordinates, as numbers, and their CRS."""
    degrees, grid = {"lon", "lat"} <= columns.keys(), {"x", "y"} <= columns.keys()
    stated = crs_.parse(given, f"{note.table}.crs") if given else None
    if grid and not (degrees and (stated is None or stated.is_geographic)):
        return _grid(note, columns, stated, extent)
    if degrees:
        pairs = _degrees(note, columns["lon"], columns["lat"], stated)
        if stated is not None and not stated.is_geographic:
            if _look_like_degrees(pairs):
                raise BlackspotsError(
                    "crs-mismatch",
                    file=note.raw.where,
                    crs=stated.name,
                    column=columns["lon"],
                    table=note.table,
                )
            pairs.crs = stated
        return pairs
    if "coordinates" in columns:
        return _of_one_column(note, columns["coordinates"], stated, extent)
    return None


def _look_like_degrees(pairs: _Pairs) -> bool:
    known = ~np.isnan(pairs.x)
    return not known.any() or bool((np.abs(pairs.x[known]) <= MAX_LONGITUDE).mean() > _MOST)


def _grid(
    note: _Noting, columns: Mapping[str, str], stated: CRS | None, extent: Extent | None
) -> _Pairs:
    """Eastings and northings; where the study does not say in which CRS, the error proposes one."""
    found = {}
    for axis in ("x", "y"):
        numbers, rest = parse_numbers(
            note.raw,
            columns[axis],
            values.number,
            table=note.table,
            findings=note.findings,
            bad=note.bad,
        )
        found[axis] = np.where(
            np.isnan(numbers), rest.spread("number", note.raw.frame.index), numbers
        )
    pairs = _Pairs(
        found["x"],
        found["y"],
        places.resolution(found["x"]),
        places.resolution(found["y"]),
        stated,
        (columns["x"], columns["y"]),
    )
    if stated is None:
        raise _without_crs(note, pairs.x, pairs.y, extent)
    return pairs


def _without_crs(
    note: _Noting, xs: np.ndarray, ys: np.ndarray, extent: Extent | None
) -> BlackspotsError:
    """The error for metres of no stated grid, with what the study's ground says of it."""
    likely = _likely(xs, ys, extent)
    code = "no-crs-likely" if likely else "no-crs"
    return BlackspotsError(code, file=note.raw.where, table=note.table, likely=likely)


def _likely(xs: np.ndarray, ys: np.ndarray, extent: Extent | None) -> str:
    """Names of the grids that would bring the pairs into the study's ground."""
    known = sample(~np.isnan(xs) & ~np.isnan(ys))
    if extent is None or not len(known):
        return ""
    return _names(likely_grids(xs[known], ys[known], extent))


def _names(grids: Sequence[CRS]) -> str:
    return ", ".join(f"{grid.to_string()} ({grid.name})" for grid in grids)


def _degrees(note: _Noting, lon: str, lat: str, stated: CRS | None) -> _Pairs:
    """Longitudes and latitudes, decimal or in degrees, minutes and seconds."""
    lons, lats = (_angles(note, header) for header in (lon, lat))
    crs, headers = stated or crs_.WGS84, (lon, lat)
    if lons.letter is None and lats.letter is None:
        return _Pairs(lons.degrees, lats.degrees, lons.resolution, lats.resolution, crs, headers)
    # In Vietnamese N is Nam, the south; in English it is the north.
    vietnamese = np.isin(lons.letters().astype(str), list(notations.vietnamese_directions()))
    doubt = (lats.letters() == "n") & vietnamese
    note.refuse(doubt & ~note.bad, lat, "ambiguous-hemisphere")
    told = lons.axes() == "lat", lats.axes() == "lon"
    both = told[0] & told[1]
    note.refuse((told[0] ^ told[1]) & ~note.bad, lat, "swapped")
    if both.any():
        note.findings.remark_rows(note.table, note.raw, both, lat, "repaired.swapped")
    x, y = np.where(both, lats.degrees, lons.degrees), np.where(both, lons.degrees, lats.degrees)
    return _Pairs(x, y, lons.resolution, lats.resolution, crs, headers)


@dataclass(frozen=True, slots=True)
class _Angles:
    """A column of angles; letter and axis only where some cell is no plain number."""

    degrees: np.ndarray
    resolution: np.ndarray
    letter: np.ndarray | None = None
    axis: np.ndarray | None = None

    def letters(self) -> np.ndarray:
        return _or_blank(self.letter, len(self.degrees))

    def axes(self) -> np.ndarray:
        return _or_blank(self.axis, len(self.degrees))


def _or_blank(words: np.ndarray | None, count: int) -> np.ndarray:
    return np.full(count, "", dtype=object) if words is None else words


def _angles(note: _Noting, header: str) -> _Angles:
    plain, rest = parse_numbers(
        note.raw, header, places.angle, table=note.table, findings=note.findings, bad=note.bad
    )
    exact, written = places.resolution(plain), np.isnan(plain)
    if not any(rest.found):
        return _Angles(plain, exact)
    index = note.raw.frame.index

    def part(kind: Literal["number", "text"], pick: Callable[[places.Angle], Any]) -> np.ndarray:
        made: np.ndarray = rest.spread(kind, index, pick).to_numpy()
        return made

    return _Angles(
        np.where(written, part("number", lambda a: a.degrees), plain),
        np.where(written, part("number", lambda a: a.resolution), exact),
        part("text", lambda a: a.letter),
        part("text", lambda a: a.axis),
    )


def _of_one_column(note: _Noting, header: str, stated: CRS | None, extent: Extent | None) -> _Pairs:
    """Both coordinates in one column: degrees, or metres of the CRS that the study says."""
    reading = read_cells(
        note.raw,
        header,
        places.pair,
        table=note.table,
        findings=note.findings,
        bad=note.bad,
    )
    grids = [isinstance(each, places.Grid) for each in reading.found]
    if any(grids) and (stated is None or stated.is_geographic):
        metric = [each if isinstance(each, places.Grid) else None for each in reading.found]
        xs = spread([e and e.x for e in metric], reading.codes, "number", note.raw.frame.index)
        ys = spread([e and e.y for e in metric], reading.codes, "number", note.raw.frame.index)
        raise _without_crs(note, xs.to_numpy(), ys.to_numpy(), extent)
    if stated is not None and not stated.is_geographic:
        metric = np.array([*grids, True], dtype=bool)[reading.codes]
        note.refuse(~metric & ~note.bad, header, "not-metres")

    def part(pick: Callable[[Any], float]) -> np.ndarray:
        values_ = [None if each is None else pick(each) for each in reading.found]
        made: np.ndarray = spread(values_, reading.codes, "number", note.raw.frame.index).to_numpy()
        return np.where(note.bad, np.nan, made)

    return _Pairs(
        part(lambda e: e.x if isinstance(e, places.Grid) else e.lon.degrees),
        part(lambda e: e.y if isinstance(e, places.Grid) else e.lat.degrees),
        part(lambda e: e.resolution if isinstance(e, places.Grid) else e.lon.resolution),
        part(lambda e: e.resolution if isinstance(e, places.Grid) else e.lat.resolution),
        stated or crs_.WGS84,
        (header, header),
    )


def _settled(
    note: _Noting, pairs: _Pairs, target: CRS, extent: Extent | None
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs in the study's CRS, exchanged where only that brings them to its ground."""
    assert pairs.crs is not None  # noqa: S101 - _pairs sees to it
    known = ~np.isnan(pairs.x) & ~np.isnan(pairs.y) & ~note.bad
    if extent is None:
        if pairs.crs.is_geographic:
            _refuse_off_globe(note, pairs)
        return _moved(pairs.x, pairs.y, pairs.crs, target)
    if known.any():
        _look_at_all(note, pairs, target, extent, known)
    settled = np.zeros(len(known), dtype=bool)
    xs, ys = _moved(pairs.x, pairs.y, pairs.crs, target)
    out = np.flatnonzero(known & ~extent.holds(xs, ys))
    if len(out):
        x, y = _moved(pairs.y[out], pairs.x[out], pairs.crs, target)
        back = extent.holds(x, y)
        rows = out[back]
        xs[rows], ys[rows] = x[back], y[back]
        exchanged = np.zeros(len(xs), dtype=bool)
        exchanged[rows] = True
        told = [f"{pairs.x[i]:.10g}; {pairs.y[i]:.10g}" for i in rows]
        used = [f"{pairs.y[i]:.10g}; {pairs.x[i]:.10g}" for i in rows]
        cells = np.full(len(xs), None, dtype=object)
        cells[rows] = told
        shown = pd.Series(cells, index=note.raw.frame.index)
        note.findings.remark_rows(
            note.table,
            note.raw,
            exchanged,
            ", ".join(dict.fromkeys(pairs.headers)),
            "repaired.swapped",
            used=used,
            shown=shown,
        )
        settled |= exchanged
    if pairs.crs.is_geographic:
        _refuse_off_globe(note, pairs, ~settled)
    return xs, ys


def _moved(
    xs: np.ndarray, ys: np.ndarray, source: CRS, target: CRS
) -> tuple[np.ndarray, np.ndarray]:
    x, y = crs_.transform(xs, ys, source, target)
    return np.array(x), np.array(y)


def _look_at_all(
    note: _Noting, pairs: _Pairs, target: CRS, extent: Extent, known: np.ndarray
) -> None:
    """Exchange the axes of a whole table, or tell its likely CRS, if most of it lies outside."""
    assert pairs.crs is not None  # noqa: S101 - _pairs sees to it
    some = sample(known)
    x, y = pairs.x[some], pairs.y[some]
    if len(some) < _FEW:
        return
    inside = extent.holds(*crs_.transform(x, y, pairs.crs, target)).mean()
    exchanged = extent.holds(*crs_.transform(y, x, pairs.crs, target)).mean()
    # Near the diagonal of a grid many places lie in the area either way.
    clearly = exchanged >= _NEARLY_ALL and exchanged > inside + (1 - _NEARLY_ALL)
    if clearly or inside <= _MOST < exchanged:
        note.findings.remark_column(
            note.table,
            note.raw,
            ", ".join(dict.fromkeys(pairs.headers)),
            "repaired.axes-swapped",
            int(known.sum()),
            value=f"{x[0]:.10g}; {y[0]:.10g}",
            used=f"{y[0]:.10g}; {x[0]:.10g}",
        )
        pairs.x, pairs.y = pairs.y, pairs.x
        pairs.x_resolution, pairs.y_resolution = pairs.y_resolution, pairs.x_resolution
        return
    if inside > _MOST:
        if better := beside_the_roads(x, y, pairs.crs, extent):
            raise BlackspotsError(
                "crs-likely-roads",
                file=note.raw.where,
                table=note.table,
                crs=f"{pairs.crs.to_string()} ({pairs.crs.name})",
                likely=_names(better),
            )
        return
    likely = _likely(pairs.x, pairs.y, extent)
    if likely:
        raise BlackspotsError(
            "crs-likely",
            file=note.raw.where,
            table=note.table,
            crs=f"{pairs.crs.to_string()} ({pairs.crs.name})",
            share=100 * (1 - float(inside)),
            likely=likely,
        )


def _refuse_off_globe(note: _Noting, pairs: _Pairs, rows: np.ndarray | None = None) -> None:
    """Degrees that are on no globe; those that would be with the two exchanged are told so."""
    there = np.ones(len(pairs.x), dtype=bool) if rows is None else rows
    swapped = (np.abs(pairs.y) > MAX_LATITUDE) & (np.abs(pairs.x) <= MAX_LATITUDE) & there
    lon, lat = pairs.headers
    note.refuse(swapped, lat, "swapped")
    note.refuse((np.abs(pairs.y) > MAX_LATITUDE) & ~swapped & there, lat, "off-globe")
    note.refuse((np.abs(pairs.x) > MAX_LONGITUDE) & there, lon, "off-globe")


def _uncertainty(ys: np.ndarray, crs: CRS, fine: np.ndarray) -> np.ndarray:
    """How far [m] from its coordinates a place may be, as far as their decimals say.

    ``fine``: half a unit of the last place given, in units of the CRS.
    """
    if not crs.is_geographic:
        return np.asarray(np.fmax(np.hypot(fine, fine), FINEST))
    tall = fine * METRES_PER_DEGREE
    return np.asarray(np.fmax(np.hypot(tall * np.cos(np.radians(ys)), tall), FINEST))


def _from_geometry(
    raw: RawTable,
    given: str | None,
    target: CRS,
    *,
    table: str,
    findings: Findings,
    bad: np.ndarray,
) -> Points:
    assert raw.geometry is not None  # noqa: S101 - the caller's branch
    note = _Noting(raw, table, findings, bad)
    shapes = raw.geometry.set_crs(source_crs(raw, given, table=table), allow_override=True)
    array = np.asarray(shapes.array)
    none = shapely.is_missing(array) | shapely.is_empty(array)
    kinds = shapely.get_type_id(array)
    one = (kinds == _MULTI_POINT) & (shapely.get_num_geometries(array) == 1)
    array = np.where(one, shapely.get_geometry(array, 0), array)
    wrong = (kinds != _POINT) & ~one & ~none
    if wrong.any():
        note.refuse(wrong, "geometry", "not-a-point", shapes.geom_type)
    xs, ys = shapely.get_x(array), shapely.get_y(array)
    broken = ~none & ~wrong & ~(np.isfinite(xs) & np.isfinite(ys))
    note.refuse(broken, "geometry", "broken-geometry")
    good = ~(none | wrong | broken)
    x, y = crs_.transform(xs[good], ys[good], shapes.crs, target)
    lost = np.zeros(len(array), dtype=bool)
    lost[good] = ~(np.isfinite(x) & np.isfinite(y))
    note.refuse(lost, "geometry", "off-globe")
    located = np.full(len(array), None, dtype=object)
    kept = good & ~lost
    located[kept] = _made(np.asarray(x)[kept[good]], np.asarray(y)[kept[good]])
    fine = np.fmin(places.resolution(xs), places.resolution(ys))
    uncertainty = np.where(kept, _uncertainty(ys, shapes.crs, fine), np.nan)
    return Points(gpd.GeoSeries(located, index=raw.frame.index, crs=target), uncertainty)


_POINT, _MULTI_POINT = 0, 4


def finite(shapes: gpd.GeoSeries) -> np.ndarray:
    """Which shapes have numbers for coordinates; a CRS gives none for places it cannot reach."""
    xy, owner = shapely.get_coordinates(shapes.array, return_index=True)
    result = np.ones(len(shapes), dtype=bool)
    result[owner[~np.isfinite(xy).all(axis=1)]] = False
    return result


def outside(located: gpd.GeoSeries, boundary: gpd.GeoSeries | None, tolerance: float) -> np.ndarray:
    """Which points lie outside the study area by more than ``tolerance`` [m]."""
    array = np.asarray(located.array)
    xs, ys = shapely.get_x(array), shapely.get_y(array)
    known = ~np.isnan(xs)
    result = np.zeros(len(located), dtype=bool)
    if boundary is None or not known.any():
        return result
    area = shapely.union_all(boundary.array).buffer(tolerance)
    shapely.prepare(area)
    result[known] = ~shapely.intersects_xy(area, xs[known], ys[known])
    return result
