"""Official km of railway lines by the crossings and tracks whose km are known."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.calibrating import ONE_PLACE, calibration, falling
from blackspots.presets.railwords import line_key
from blackspots.referencing import project

REACH: Final = 100.0
"""Distance [m] from its line within which the km of a crossing count (mark A): coordinates read
from a map are some tens of metres off; what is farther may lie anywhere along the line, too."""
SAME_KM: Final = 0.02
"""Difference [km] up to which crossings at one place agree (mark A)."""

ENOUGH: Final = 5
"""Neighbouring marks that tell how coarsely a line is drawn (mark A)."""
COARSE: Final = 1.5
"""Official length for length drawn, at the most (mark A)."""


def placed(
    points: gpd.GeoSeries, lines: gpd.GeoDataFrame, *, reach: float, named: pd.Series | None = None
) -> pd.DataFrame:
    """:func:`blackspots.referencing.project`, but the line that is named goes before a nearer one.

    Parameters
    ----------
    named
        Names of lines in order of the points, compared by
        :func:`blackspots.presets.railwords.line_key`; a name that no line within reach bears
        says nothing.
    """
    found = project(points, lines, reach=reach)
    if named is None or not len(lines):
        return found
    wanted, of = line_keys(named), line_keys(lines["ref"])
    at = lines.index.get_indexer(found["route"].to_numpy(dtype="int64", na_value=-1))
    # The nearest line may be the one that is named already.
    other = np.isin(wanted.astype(str), of[of != ""].astype(str)) & (
        (at < 0) | (np.append(of, "")[at] != wanted)
    )
    for key in np.unique(wanted[other].astype(str)):
        some = np.flatnonzero(other & (wanted == key))
        own = project(points.iloc[some], lines[of == key], reach=reach)
        there = own["route"].notna().to_numpy()
        for column in found.columns:
            values = found[column].array.copy()
            values[some[there]] = own[column].array[there]
            found[column] = values
    return found


def line_keys(names: pd.Series) -> np.ndarray:
    """Names of lines as they are compared, each different one read once; empty for missing."""
    known = {name: line_key(str(name)) for name in names.dropna().unique()}
    return np.asarray(names.map(known).astype(object).fillna(""), dtype=object)


def with_km(
    lines: gpd.GeoDataFrame, tracks: gpd.GeoDataFrame, crossings: gpd.GeoDataFrame | None
) -> gpd.GeoDataFrame:
    """Lines with the official km that tracks and crossings give.

    A track gives the km of its two ends, a crossing that of its place, within :data:`REACH` of
    the line that it names, else of the nearest. What is mistyped is left out and equations stay
    as :mod:`blackspots.calibrating` says; crossings at one place whose km differ are left out,
    too. A line has km where at least two neighbouring marks agree: one alone does not tell in
    which direction they grow. Lines whose km fall are turned.
    """
    marks = [_of_tracks(lines, tracks)]
    if crossings is not None:
        marks.append(_of_crossings(lines, crossings))
    route, measure, km = (np.concatenate(each) for each in zip(*marks, strict=True))
    posts: list[tuple[tuple[float, ...], tuple[float, ...]]] = [((), ())] * len(lines)
    shapes = np.asarray(lines.geometry.array).copy()
    if len(route):
        total = lines["length"].to_numpy(dtype="float64")
        measure = np.clip(measure, 0.0, total[route])
        turned = falling(route, measure, km, len(lines))
        shapes[turned] = shapely.reverse(shapes[turned])
        measure = np.where(turned[route], total[route] - measure, measure)
        rate = _rates(route, measure, km, len(lines))
        made = calibration(route, measure * rate[route], km, total * rate)
        agreed = made.marks["jump"].isna().groupby(made.marks["route"]).sum()
        nodes = made.nodes
        for line in agreed.index[agreed > 1]:
            low, high = np.searchsorted(nodes.route, [line, line + 1])
            at = np.minimum(nodes.measure[low:high] / rate[line], total[line])
            posts[line] = tuple(at.tolist()), tuple(nodes.km[low:high].tolist())
    return lines.assign(
        km_from=[own[0] if own else np.nan for _, own in posts],
        km_to=[own[-1] if own else np.nan for _, own in posts],
        post_measures=pd.Series([own for own, _ in posts], lines.index, dtype="object"),
        post_km=pd.Series([own for _, own in posts], lines.index, dtype="object"),
    ).set_geometry(gpd.GeoSeries(shapes, lines.index, crs=lines.crs))


def _rates(route: np.ndarray, measure: np.ndarray, km: np.ndarray, size: int) -> np.ndarray:
    """Official length for length drawn of each line: the median of neighbouring marks, by length.

    A line drawn for small scales cuts its curves, and would seem to jump all along. 1 where
    fewer than :data:`ENOUGH` neighbours tell, and at most :data:`COARSE` from it.
    """
    order = np.lexsort((km, measure, route))
    route, length, rise = route[order], np.diff(measure[order]), 1000 * np.diff(km[order])
    pair = np.flatnonzero((np.diff(route) == 0) & (length > ONE_PLACE) & (rise > 0))
    of, length, slope = route[pair], length[pair], rise[pair] / length[pair]
    order = np.lexsort((slope, of))
    of, length, slope = of[order], length[order], slope[order]
    rate = np.ones(size)
    on, first, count = np.unique(of, return_index=True, return_counts=True)
    for line, low, many in zip(on, first, count, strict=True):
        if many >= ENOUGH:
            share = np.cumsum(length[low : low + many])
            rate[line] = slope[low + np.searchsorted(share, share[-1] / 2)]
    return np.clip(rate, 1 / COARSE, COARSE)


def _of_tracks(
    lines: gpd.GeoDataFrame, tracks: gpd.GeoDataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Line, measure [m] and km of the ends of main tracks whose km are known."""
    at = lines.index.get_indexer(tracks["line_id"].to_numpy(dtype="int64", na_value=-1))
    shapes, axis = np.asarray(tracks.geometry.array), np.asarray(lines.geometry.array)
    made = []
    for column, end in (("km_from", 0), ("km_to", -1)):
        km = tracks[column].to_numpy(dtype="float64", na_value=np.nan)
        some = np.flatnonzero(~np.isnan(km) & tracks["main"].to_numpy(dtype=bool) & (at >= 0))
        spots = shapely.get_point(shapes[some], end)
        near = shapely.distance(axis[at[some]], spots) <= REACH
        some, spots = some[near], spots[near]
        made.append((at[some], shapely.line_locate_point(axis[at[some]], spots), km[some]))
    route, measure, km = (np.concatenate(each) for each in zip(*made, strict=True))
    return route, measure, km


def _of_crossings(
    lines: gpd.GeoDataFrame, crossings: gpd.GeoDataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Line, measure [m] and km of crossings whose km are known."""
    km = crossings["km"].to_numpy(dtype="float64", na_value=np.nan)
    found = placed(crossings.geometry, lines, reach=REACH, named=crossings.get("railway"))
    some = np.flatnonzero(~np.isnan(km) & found["route"].notna().to_numpy())
    route = lines.index.get_indexer(found["route"].to_numpy()[some].astype("int64"))
    measure, km = found["measure"].to_numpy()[some], km[some]
    order = np.lexsort((km, measure, route))
    route, measure, km = route[order], measure[order], km[order]
    new = (np.diff(route) != 0) | (np.diff(measure) > ONE_PLACE)
    place = np.r_[0, np.cumsum(new)][: len(route)]
    spread = pd.Series(km).groupby(place).transform(lambda own: own.max() - own.min())
    agree = spread.to_numpy(dtype="float64") <= SAME_KM
    return route[agree], measure[agree], km[agree]
