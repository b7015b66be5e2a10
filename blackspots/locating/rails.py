"""Level crossings and railway lines, made ready for finding what happened at them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.locating.candidates import rows_by
from blackspots.locating.places import Reach
from blackspots.nearest import within
from blackspots.nearest.pieces import Pieces
from blackspots.presets.railwords import line_key
from blackspots.referencing import RouteFinder, kms_at

BESIDE: Final = 50.0
"""Distance [m] within which every line is crossed at a crossing (mark A): side by side, lines
share their crossings; beyond it a crossing has the line that it names, else the nearest."""
_PIECE: Final = 16
"""Vertices of a line that are looked up together."""


@dataclass(frozen=True, slots=True)
class Rail:
    """Crossings, and lines where there are any; positions stand for both.

    ``points``: the crossings, shape (crossings,); ``tree`` of them; ``line``, ``measure`` [m]:
    the line of each crossing, -1 for none. ``lines``:
    :data:`blackspots.schema.RAIL_LINES` by position, ``name`` of each as it is shown, ``bare`` as
    it is compared. ``members``: each crossing on every line that it crosses, by line and
    measure: ``crossing``, ``line``, ``measure``, and ``low``, ``high`` [m], between which the
    line is within its footprint and nearer to it than to the next crossing.
    """

    points: np.ndarray
    tree: shapely.STRtree
    line: np.ndarray
    measure: np.ndarray
    lines: gpd.GeoDataFrame
    name: np.ndarray
    bare: np.ndarray
    members: pd.DataFrame
    pieces: np.ndarray
    of_piece: np.ndarray
    start: np.ndarray


def rail_of(
    crossings: gpd.GeoDataFrame | None, lines: gpd.GeoDataFrame | None, reach: Reach
) -> Rail | None:
    """The railway of a study; None where it has neither crossing nor line.

    Parameters
    ----------
    crossings
        :data:`blackspots.schema.CROSSINGS`; of its columns only ``railway`` is used, where it
        is there.
    lines
        :data:`blackspots.schema.RAIL_LINES` with ``post_measures`` and ``post_km``; of lines
        alone there are neither names nor km.
    """
    points = np.zeros(0, dtype=object) if crossings is None else crossings.geometry.to_numpy()
    own = _usable(lines)
    if not len(points) and not len(own):
        return None
    id_ = own["line_id"].to_numpy(dtype=object)
    name = np.array(
        [
            f"#{i}" if pd.isna(ref) or not ref else str(ref)
            for ref, i in zip(own["ref"], id_, strict=True)
        ],
        dtype=object,
    )
    pieces, of_piece, start = _pieces(own.geometry.to_numpy())
    bare = np.array([line_key(word) for word in name], dtype=object)
    made = Rail(
        points=points,
        tree=shapely.STRtree(points),
        line=np.full(len(points), -1),
        measure=np.full(len(points), np.nan),
        lines=own,
        name=name,
        bare=bare,
        members=pd.DataFrame(),
        pieces=pieces,
        of_piece=of_piece,
        start=start,
    )
    named = None if crossings is None or "railway" not in crossings else crossings["railway"]
    return _with_members(made, named, reach)


def _usable(lines: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    """The lines that have a shape, by position, their id in ``line_id``."""
    if lines is None:
        columns = ["ref", "post_measures", "post_km", "line_id"]
        return gpd.GeoDataFrame({name: [] for name in columns}, geometry=[])
    shapes = lines.geometry.to_numpy()
    own = lines[~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)]
    lacks: dict[str, object] = {"line_id": own.index.to_numpy()}
    if "ref" not in own:
        lacks["ref"] = None
    if "post_km" not in own:
        lacks |= dict.fromkeys(("post_measures", "post_km"), [()] * len(own))
    return own.assign(**lacks).reset_index(drop=True)


def _pieces(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lines cut to pieces of a few vertices: piece, its line, and the measure [m] it begins at.

    A tree of whole lines, each across a country, would find them all near every point.
    """
    if not len(lines):
        return np.zeros(0, dtype=object), np.zeros(0, dtype="int64"), np.zeros(0)
    whole = Pieces.of(lines)
    count = np.maximum(-(-(np.diff(whole.start) - 1) // _PIECE), 1)
    line = np.repeat(np.arange(len(lines)), count)
    nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    first = whole.start[line] + nth * _PIECE
    size = np.minimum(first + _PIECE, whole.start[line + 1] - 1) - first + 1
    at = np.repeat(first - (np.cumsum(size) - size), size) + np.arange(size.sum())
    shapes = shapely.linestrings(whole.xy[at], indices=np.repeat(np.arange(len(size)), size))
    return shapes, line, whole.measure[first]


def near_lines(points: np.ndarray, rail: Rail, distance: np.ndarray | float) -> pd.DataFrame:
    """Every line within a distance [m] of each point, one row a pair, by point, then line.

    Returns
    -------
    DataFrame
        ``point``, ``line`` (positions), ``offset``, ``measure`` [m].
    """
    known = np.flatnonzero(~shapely.is_missing(points) & ~shapely.is_empty(points))
    reach = np.broadcast_to(np.asarray(distance, dtype="float64"), len(points))[known]
    found = within(shapely.get_coordinates(points[known]), rail.pieces, reach)
    made = pd.DataFrame(
        {
            "point": known[found.point],
            "line": rail.of_piece[found.line],
            "offset": found.distance,
            "measure": rail.start[found.line] + found.measure,
        }
    )
    made = made.sort_values(["point", "line", "offset", "measure"], kind="stable")
    return made.drop_duplicates(["point", "line"], ignore_index=True)


def best_lines(near: pd.DataFrame, rail: Rail, named: np.ndarray) -> pd.DataFrame:
    """Of the lines near each point the one that it names, else the nearest; index ``point``.

    Parameters
    ----------
    named : shape (points,)
        Name of the line that each point belongs to, as it is compared, or None.
    """
    asked = named[near["point"].to_numpy()]
    other = rail.bare[near["line"].to_numpy()] != asked
    made = near.assign(other=other).sort_values(["point", "other", "offset", "line"], kind="stable")
    return made.drop_duplicates("point").set_index("point")


def line_keys(words: pd.Series | None, size: int) -> np.ndarray:
    """Names of railway lines as they are compared, shape (size,); None where there is none."""
    if words is None:
        return np.full(size, None, dtype=object)
    code, different = pd.factorize(words)
    read = [line_key(str(word)) or None for word in different]
    return np.array([*read, None], dtype=object)[code]


def _with_members(rail: Rail, named: pd.Series | None, reach: Reach) -> Rail:
    near = near_lines(rail.points, rail, max(reach.train, BESIDE))
    asked = line_keys(named, len(rail.points))
    best = best_lines(near, rail, asked)
    line, measure = rail.line.copy(), rail.measure.copy()
    line[best.index], measure[best.index] = best["line"], best["measure"]
    own = near["line"].to_numpy() == line[near["point"].to_numpy()]
    members = near[own | (near["offset"] <= BESIDE)].rename(columns={"point": "crossing"})
    members = members.sort_values(["line", "measure", "crossing"], ignore_index=True)
    at, of = members["measure"].to_numpy(), members["line"].to_numpy()
    gap = np.where(np.diff(of) == 0, np.diff(at) / 2, np.inf)
    members["low"] = at - np.minimum(np.r_[np.inf, gap][: len(at)], reach.footprint)
    members["high"] = at + np.minimum(np.r_[gap, np.inf][: len(at)], reach.footprint)
    return replace(rail, line=line, measure=measure, members=members)


def by_rail_km(names: np.ndarray, kms: np.ndarray, rail: Rail) -> tuple[pd.DataFrame, np.ndarray]:
    """Places of km posts on railway lines.

    Several, where stretches of lines of one name have the same km.

    Parameters
    ----------
    names, kms : shape (crashes,)
        Name of the line, as it is compared, and official km [km]; missing ones find nothing,
        nor do names that no line has.

    Returns
    -------
    found : DataFrame, by crash
        ``crash``, ``line`` (positions), ``measure`` [m].
    reasons : shape (crashes,)
        Why there is none, a key below ``reason.``; None where there is one, or none was asked.
    """
    finder = RouteFinder(rail.lines.assign(ref=rail.bare))
    asked = np.flatnonzero(pd.Series(names).isin(rail.bare).to_numpy() & ~np.isnan(kms))
    reasons = np.full(len(names), None, dtype=object)
    places: list[tuple[int, int, float]] = []
    code, different = pd.factorize(pd.MultiIndex.from_arrays([names[asked], kms[asked]]))
    for (name, km), rows in zip(different, rows_by(code), strict=True):
        spots = finder.find_all(str(name), float(km))
        if spots[0].reason:
            reasons[asked[rows]] = spots[0].reason
            continue
        places += [(int(i), spot.route_id, spot.measure) for i in asked[rows] for spot in spots]
    made = pd.DataFrame(places, columns=["crash", "line", "measure"])
    made = made.astype({"crash": "int64", "line": "int64", "measure": "float64"})
    return made.sort_values("crash", kind="stable", ignore_index=True), reasons


def rail_kms(rail: Rail, line: np.ndarray, measure: np.ndarray) -> np.ndarray:
    """Official km [km] of places on lines (positions, -1 for none); NaN where there is none."""
    made = np.full(len(line), np.nan)
    for number in np.unique(line[line >= 0]):
        rows = np.flatnonzero(line == number)
        made[rows] = kms_at(rail.lines, int(number), measure[rows])
    return made


def names_of(rail: Rail, line: np.ndarray) -> np.ndarray:
    """Names of lines (positions); None for -1."""
    return np.asarray(np.array([*rail.name, None], dtype=object)[line])
