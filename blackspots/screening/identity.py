"""Sites that keep their id from one list to the next, whatever their crashes do to their ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.screening.describing import unique
from blackspots.screening.sites import Screened

NEAR: Final = 50.0
"""How far [m] an earlier site may lie from what is still the same place (assumption)."""

SHARE: Final = 0.5
"""Share of the shorter of two stretches that both must take to be one site (assumption)."""

_POINTS: Final = (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT)


def same_sites(sites: gpd.GeoDataFrame, earlier: gpd.GeoDataFrame) -> pd.Series:
    """The earlier site that each site is, missing for new ones.

    Parameters
    ----------
    sites, earlier
        In one metric CRS; the index is the site's id, ``kind`` its kind.

    Returns
    -------
    Series, index of ``sites``
        Ids of ``earlier``, none of them twice.

    Notes
    -----
    Two stretches are alike by the share of the shorter one that lies within :data:`NEAR` of
    the other, from :data:`SHARE` on; two points by their distance up to :data:`NEAR`; a point
    is at a stretch that passes it as near, but a stretch or point that is more alike goes
    first. A crossing is no road and a road no crossing. The most alike are matched first, of
    equals the first in either table.
    """
    made = pd.Series(pd.NA, index=sites.index, dtype="object")
    new, old = sites.geometry.to_numpy(), earlier.geometry.to_numpy()
    there = np.flatnonzero(~(shapely.is_missing(old) | shapely.is_empty(old)))
    if not len(new) or not len(there):
        return made
    tree = shapely.STRtree(old[there])
    one, other = tree.query(new, predicate="dwithin", distance=NEAR)
    other = there[other]
    apart = ["crossing", "area"]
    kinds = sites["kind"].to_numpy(object)[one], earlier["kind"].to_numpy(object)[other]
    fits = (kinds[0] == kinds[1]) | ~(np.isin(kinds[0], apart) | np.isin(kinds[1], apart))
    one, other = one[fits], other[fits]
    alike = _alike(new[one], old[other])
    good = np.flatnonzero(alike > 0)
    order = good[np.lexsort((other[good], one[good], -alike[good]))]
    free = np.ones(len(sites), dtype=bool), np.ones(len(earlier), dtype=bool)
    for a, b in zip(one[order], other[order], strict=True):
        if free[0][a] and free[1][b]:
            free[0][a] = free[1][b] = False
            made.iloc[a] = earlier.index[b]
    return made


def _alike(new: np.ndarray[Any, Any], old: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """How alike pairs of shapes are, 0 (not the same) to 1."""
    points = np.isin(shapely.get_type_id(new), _POINTS), np.isin(shapely.get_type_id(old), _POINTS)
    near = 1.0 - shapely.distance(new, old) / (2 * NEAR)
    lines = ~points[0] & ~points[1]
    made = np.where(points[0] & points[1], near, near * SHARE)
    size = [_size(shape[lines]) for shape in (new, old)]
    short = np.where(size[0] <= size[1], new[lines], old[lines])
    long = np.where(size[0] <= size[1], old[lines], new[lines])
    # Flat ends: what only touches the end of a stretch has no road in common with it.
    around = shapely.buffer(long, NEAR, cap_style="flat")
    share = _size(shapely.intersection(short, around)) / np.minimum(*size)
    made[lines] = np.where(share >= SHARE, share, 0.0)
    return made


def _size(shapes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Area of polygons, length of lines."""
    area = shapely.area(shapes)
    return np.where(area > 0, area, shapely.length(shapes))


def keep_ids(screened: Screened, earlier: gpd.GeoDataFrame) -> tuple[Screened, pd.Series]:
    """The same sites, with the ids that they had in an earlier list.

    A new site takes no id that the list has given before, were it of a site that is gone.

    Returns
    -------
    screened
        With ids changed in every table.
    known : Series of bool, index of its sites
        Whether the site was in the list.
    """
    found = same_sites(screened.sites, earlier)
    known = found.notna().to_numpy()
    taken = [str(name) for name in earlier.index]
    fresh = [str(name) for name in screened.sites.index[~known]]
    names = np.empty(len(found), dtype=object)
    names[known] = found[known]
    names[~known] = unique(pd.Series([*taken, *fresh], dtype="object"))[len(taken) :]
    of = dict(zip(screened.sites.index, names, strict=True))
    membership = screened.membership.map(of).astype("object")
    made = replace(
        screened,
        sites=screened.sites.set_axis(pd.Index(names, name=screened.sites.index.name)),
        membership=membership.where(membership.notna(), None),
        parts=screened.parts.assign(site_id=screened.parts["site_id"].map(of)),
    )
    return made, pd.Series(known, index=made.sites.index)
