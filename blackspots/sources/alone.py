"""Plain layers and tables, of which nothing is wanted but places, or columns that are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from blackspots.errors import BlackspotsError
from blackspots.presets.headers import aliases
from blackspots.sources import personal, values
from blackspots.sources.columns import make_ids, match, read_sparing, read_words
from blackspots.sources.extent import Extent
from blackspots.sources.files import Headers, Source
from blackspots.sources.findings import Findings
from blackspots.sources.layers import read_roads
from blackspots.sources.points import points
from blackspots.sources.raw import RawTable, unknown_column

_PLACE = frozenset({"crash_id", "lat", "lon", "x", "y", "coordinates"})
_LINE = frozenset({"road_id", "ref", "name", "x_from", "y_from", "x_to", "y_to"})
_TABLES = {"crashes": _PLACE, "roads": _LINE}


def read_points(
    source: Source, target: CRS, findings: Findings, *, extent: Extent | None = None
) -> gpd.GeoDataFrame:
    """Points of any layer or table: no column but id and coordinates is read.

    Parameters
    ----------
    source
        Its ``columns`` name headers of ``crash_id``, ``lat``, ``lon``, ``x``, ``y`` and
        ``coordinates``, where they are not known words.
    target
        CRS of what is returned.
    findings
        Collects the rows that are refused.
    extent
        Where the points may be, to tell coordinates that are swapped or in another grid.

    Returns
    -------
    GeoDataFrame
        Index: number of the row in the file; ``id``; the points, None where a row has no
        coordinates. Rows whose coordinates cannot be read are left out.

    Raises
    ------
    BlackspotsError
        ``no-coordinates`` when no column has them, ``personal-column``, ``empty-layer``, or
        what reading the file says.
    """
    raw = source.table("crashes")
    findings.opened("crashes", raw)
    found = match(raw, "crashes", _only("crashes", source.columns), allowed=source.allowed)
    axes = ({"lat", "lon"}, {"x", "y"}, {"coordinates"})
    if raw.geometry is None and not any(each <= found.keys() for each in axes):
        have = ", ".join(str(name) for name in raw.frame.columns)
        raise BlackspotsError("no-coordinates", file=raw.where, have=have)
    bad = np.zeros(len(raw.frame), dtype=bool)
    located = points(
        raw, found, source.crs, target, table="crashes", findings=findings, bad=bad, extent=extent
    ).geometry
    header = found.get("crash_id")
    ids = make_ids(raw, header, "")
    made = gpd.GeoDataFrame({"id": ids}, geometry=located, index=raw.frame.index, crs=target)[~bad]
    if made.empty:
        raise findings.nothing_left("crashes", len(raw.frame))
    made.index.name = "source_row"
    return made


def read_lines(source: Source, target: CRS, findings: Findings) -> gpd.GeoDataFrame:
    """Lines of any layer: no column but id, ``ref`` and ``name`` is read.

    As :func:`blackspots.sources.read_roads`, but lines may share an id: then all are named by
    their number in the file.
    """
    columns = _only("roads", source.columns)

    def read(more: Headers) -> tuple[gpd.GeoDataFrame, Findings]:
        apart = Findings()
        alone = replace(source, columns={**columns, **more}, keep={})
        return read_roads(alone, target, apart), apart

    try:
        made, noted = read({})
    except BlackspotsError as error:
        if error.code != "duplicate-ids":
            raise
        made, noted = read({"road_id": ""})
    findings.add(noted)
    return made[["ref", "name", made.geometry.name]]


def _only(table: str, given: Headers) -> dict[str, str | Sequence[str]]:
    """Headers as given, all columns that are not wanted left out.

    Raises
    ------
    BlackspotsError
        ``unknown-table-column``.
    """
    wanted = _TABLES[table]
    for column in given:
        if column not in wanted:
            raise BlackspotsError(
                "unknown-table-column", key=column, have=", ".join(sorted(wanted))
            )
    others = set(aliases(table).values()) - wanted
    return {**dict.fromkeys(others, ""), **given}


def read_sites(
    source: Source, findings: Findings, *, numbers: Sequence[str], words: Sequence[str] = ()
) -> pd.DataFrame:
    """Columns of a table of sites, by their headers; all others are left behind.

    Parameters
    ----------
    numbers
        Headers of quantities, 0 or more. A cell that cannot be read is unknown, and noted.
    words
        Headers of ids and kinds. Names of persons and the like are masked, or left out.

    Returns
    -------
    DataFrame
        The columns, float64 or text, on the number of the row in the file.

    Raises
    ------
    BlackspotsError
        ``unknown-column``, ``personal-header``, ``empty-layer``, or what reading the file says.
    """
    raw = source.table("sites")
    findings.opened("sites", raw)
    for header in (*numbers, *words):
        _require(raw, header)
    bad = np.zeros(len(raw.frame), dtype=bool)
    made = {
        header: read_words(raw, header, table="sites", findings=findings, bad=bad)
        for header in words
    }
    for header in numbers:
        made[header] = read_sparing(
            raw, header, values.amount, "number", "doubtful.number-unread", table="sites",
            findings=findings, bad=bad,
        ).astype("float64")  # fmt: skip
    return pd.DataFrame(made, index=raw.frame.index.rename("source_row"))


def _require(raw: RawTable, header: str) -> None:
    if header not in raw.frame.columns:
        raise unknown_column(raw, header)
    if personal.header_kind(header):
        raise BlackspotsError("personal-header", file=raw.where, column=header)
