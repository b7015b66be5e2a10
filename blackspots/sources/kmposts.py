"""The official km posts beside the roads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from blackspots.errors import BlackspotsError
from blackspots.schema import POSTS, check
from blackspots.sources import values
from blackspots.sources.columns import add_missing, make_ids, match, parse_column, read_cells
from blackspots.sources.extent import Extent
from blackspots.sources.files import Source
from blackspots.sources.findings import Findings
from blackspots.sources.points import points
from blackspots.sources.raw import RawTable

_PLACES: Final = ({"lon", "lat"}, {"x", "y"}, {"coordinates"})


def read_posts(
    source: Source, target: CRS, findings: Findings, *, extent: Extent | None = None
) -> gpd.GeoDataFrame:
    """Km posts: a layer of points, or a table with coordinates; all sheets of a workbook.

    The road of a post stands in a column of its own, else beside the km (``QL1 Km45+300``).
    Rows without road, km or place are rejected. An id that is there again gets ``#2``, ``#3``
    and so on: nothing else names posts.

    Parameters
    ----------
    extent
        Ground of the study, which tells whether coordinates are exchanged.

    Returns
    -------
    GeoDataFrame of :data:`blackspots.schema.POSTS`

    Raises
    ------
    BlackspotsError
        ``missing-column`` when no column says which km, or nothing says which road;
        ``no-location-columns``, ``empty-layer``, ``all-rejected``, or what reading the file
        says.
    """
    parts, count = [], 0
    for table in source.tables("posts"):
        findings.opened("posts", table)
        found = match(table, "posts", source.columns, allowed=source.allowed)
        _require(table, found)
        count += len(table.frame)
        parts.append(_one_table(table, found, target, findings, source=source, extent=extent))
    if not count:
        raise BlackspotsError("empty-layer", file=source.path.name, table="posts")
    posts = pd.concat(parts)
    if posts.empty:
        raise findings.nothing_left("posts", count)
    made = add_missing(posts, POSTS, posts.geometry)
    made.index = _each_once(made.index)
    check(made, POSTS)
    return made


def _require(raw: RawTable, found: Mapping[str, str]) -> None:
    have = ", ".join(str(c) for c in raw.frame.columns)
    if "km" not in found:
        raise BlackspotsError(
            "missing-column", file=raw.where, column="km", table="posts", have=have
        )
    if raw.geometry is None and not any(place <= found.keys() for place in _PLACES):
        raise BlackspotsError("no-location-columns", file=raw.where, have=have)


def _one_table(
    raw: RawTable,
    found: Mapping[str, str],
    target: CRS,
    findings: Findings,
    *,
    source: Source,
    extent: Extent | None,
) -> gpd.GeoDataFrame:
    index, bad = raw.frame.index, np.zeros(len(raw.frame), dtype=bool)
    told: dict[str, Any] = {"table": "posts", "findings": findings, "bad": bad}
    reading = read_cells(raw, found["km"], values.km_post, **told)
    beside = reading.spread("text", index, lambda post: post.route)
    if "ref" not in found and len(index) and beside.isna().all():
        have = ", ".join(str(c) for c in raw.frame.columns)
        raise BlackspotsError(
            "missing-column", file=raw.where, column="ref", table="posts", have=have
        )
    ref = parse_column(raw, found.get("ref"), values.route, "text", **told)
    differs = (ref.notna() & beside.notna() & (ref != beside)).to_numpy() & ~bad
    findings.remark_rows(
        "posts", raw, differs, found["km"], "doubtful.route-differs", used=list(ref[differs])
    )
    ref = ref.where(ref.notna(), beside)
    km = reading.spread("number", index, lambda post: post.km)
    located = points(raw, found, source.crs, target, extent=extent, **told).geometry
    for values_of, column, code in (
        (ref, found.get("ref", found["km"]), "no-route"),
        (km, found["km"], "no-km"),
        (located, "geometry", "no-location"),
    ):
        lacking = values_of.isna().to_numpy() & ~bad
        findings.reject_rows("posts", raw, lacking, column, code)
        bad |= lacking
    frame = pd.DataFrame({"ref": ref, "km": km}, index=index)
    frame["source_file"] = raw.file
    frame["source_sheet"] = raw.sheet
    frame["source_row"] = index.to_numpy()
    ids = make_ids(raw, found.get("post_id"), "P")
    frame.index = pd.Index(ids, dtype="object", name=POSTS.index)
    located.index = frame.index
    return gpd.GeoDataFrame(frame, geometry=located, crs=target)[~bad]


def _each_once(ids: pd.Index) -> pd.Index:
    """Ids of which a repeated one carries the number of its repetition."""
    again = ids.to_series().groupby(ids, sort=False).cumcount().to_numpy()
    made = [f"{name}#{n + 1}" if n else name for name, n in zip(ids, again, strict=True)]
    # A name that was made may be there already; then the names in their order are taken.
    unique = len(set(made)) == len(made)
    return pd.Index(
        made if unique else [f"P{i + 1}" for i in range(len(made))],
        dtype="object",
        name=POSTS.index,
    )
