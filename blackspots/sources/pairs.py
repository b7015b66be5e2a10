"""The coordinates of a table's rows as its columns or its geometry give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from blackspots import crs as crs_
from blackspots.errors import BlackspotsError
from blackspots.presets import notations
from blackspots.sources import places, values
from blackspots.sources.columns import parse_numbers, read_cells, spread
from blackspots.sources.extent import Extent, likely_names
from blackspots.sources.findings import Findings
from blackspots.sources.raw import RawTable

MAX_LONGITUDE: Final = 180.0
GEOMETRY: Final = "geometry"
"""What the column of a layer's shapes is called where it is told of."""
_MOST: Final = 0.5
_POINT, _MULTI_POINT = 0, 4


@dataclass(slots=True)
class Pairs:
    """Two numbers a row as the file has them, x before y; NaN where there is none."""

    x: np.ndarray
    y: np.ndarray
    x_resolution: np.ndarray
    y_resolution: np.ndarray
    crs: CRS
    headers: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Noting:
    """The table that is read, and where its problems are noted."""

    raw: RawTable
    table: str
    findings: Findings
    bad: np.ndarray

    def refuse(
        self, rows: np.ndarray, header: str, code: str, show: pd.Series | None = None
    ) -> None:
        """Mark rows, given by a mask, as bad, and note why."""
        if rows.any():
            self.findings.reject_rows(self.table, self.raw, rows, header, code, show)
            self.bad[rows] = True


def pairs_of_columns(
    note: Noting, columns: Mapping[str, str], given: str | None, extent: Extent | None
) -> Pairs | None:
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


def _look_like_degrees(pairs: Pairs) -> bool:
    known = ~np.isnan(pairs.x)
    return not known.any() or bool((np.abs(pairs.x[known]) <= MAX_LONGITUDE).mean() > _MOST)


def _grid(
    note: Noting, columns: Mapping[str, str], stated: CRS | None, extent: Extent | None
) -> Pairs:
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
    x, y = found["x"], found["y"]
    if stated is None:
        raise _without_crs(note, x, y, extent)
    fine = places.resolution(x), places.resolution(y)
    return Pairs(x, y, *fine, stated, (columns["x"], columns["y"]))


def _without_crs(
    note: Noting, xs: np.ndarray, ys: np.ndarray, extent: Extent | None
) -> BlackspotsError:
    """The error for metres of no stated grid, with what the study's ground says of it."""
    likely = likely_names(xs, ys, extent)
    code = "no-crs-likely" if likely else "no-crs"
    return BlackspotsError(code, file=note.raw.where, table=note.table, likely=likely)


def _degrees(note: Noting, lon: str, lat: str, stated: CRS | None) -> Pairs:
    """Longitudes and latitudes, decimal or in degrees, minutes and seconds."""
    lons, lats = (_angles(note, header) for header in (lon, lat))
    crs, headers = stated or crs_.WGS84, (lon, lat)
    if lons.letter is None and lats.letter is None:
        return Pairs(lons.degrees, lats.degrees, lons.resolution, lats.resolution, crs, headers)
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
    return Pairs(x, y, lons.resolution, lats.resolution, crs, headers)


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


def _angles(note: Noting, header: str) -> _Angles:
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


def _of_one_column(note: Noting, header: str, stated: CRS | None, extent: Extent | None) -> Pairs:
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

    return Pairs(
        part(lambda e: e.x if isinstance(e, places.Grid) else e.lon.degrees),
        part(lambda e: e.y if isinstance(e, places.Grid) else e.lat.degrees),
        part(lambda e: e.resolution if isinstance(e, places.Grid) else e.lon.resolution),
        part(lambda e: e.resolution if isinstance(e, places.Grid) else e.lat.resolution),
        stated or crs_.WGS84,
        (header, header),
    )


def pairs_of_geometry(note: Noting, crs: CRS) -> Pairs:
    """The points of a layer; a row of another kind of geometry is refused."""
    assert note.raw.geometry is not None  # noqa: S101 - the caller's branch
    shapes = note.raw.geometry
    array = np.asarray(shapes.array)
    none = shapely.is_missing(array) | shapely.is_empty(array)
    kinds = shapely.get_type_id(array)
    one = (kinds == _MULTI_POINT) & (shapely.get_num_geometries(array) == 1)
    array = np.where(one, shapely.get_geometry(array, 0), array)
    wrong = (kinds != _POINT) & ~one & ~none
    if wrong.any():
        note.refuse(wrong, GEOMETRY, "not-a-point", shapes.geom_type)
    xs, ys = shapely.get_x(array), shapely.get_y(array)
    broken = ~none & ~wrong & ~(np.isfinite(xs) & np.isfinite(ys))
    note.refuse(broken, GEOMETRY, "broken-geometry")
    lost = none | wrong | broken
    x, y = np.where(lost, np.nan, xs), np.where(lost, np.nan, ys)
    return Pairs(x, y, places.resolution(x), places.resolution(y), crs, (GEOMETRY, GEOMETRY))
