"""Railway lines: from tracks to one axis with one measure, and where points lie on it.

- Tracks on which no train runs that a road could meet (disused, tram ...) keep the reason and
  belong to no line; words for them are in ``presets/headers/rail_kinds.toml``.
- Main tracks of one name (else number) make a line; those without either, what hangs together.
  A short piece without a name that fills the gap of a name takes it.
- The line is an axis through them (:mod:`blackspots.crossings.axes`); second tracks and passing
  loops beside it have its measure. Branches, and parts beyond a longer gap, are lines of their
  own with the same name.
- Sidings, yards and spurs belong to the line they lie beside; one that leads away from all is
  an axis of its own, too.
- An axis runs in the direction of growing km (:mod:`blackspots.crossings.chainage`), else from
  its west end, of two equally far west from the south.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from blackspots.crossings.axes import GRID, Axes, axes, distinct, nearby, vertex_keys
from blackspots.crossings.chainage import line_keys, placed, with_km
from blackspots.presets.railwords import is_side, line_key, no_train
from blackspots.referencing import kms_at
from blackspots.schema import CROSSINGS, RAIL_LINES, RAILWAYS, TRACKS, Table
from blackspots.schema.keeping import EMPTY

__all__ = ["Lines", "km_reasons", "on_lines", "rail_lines"]

SIDE_REACH: Final = 150.0
"""Distance [m] from an axis within which a side track belongs to it (mark A): a station of ten
tracks is 50 m wide; the yards beside it go as far again."""
SIDE_SHARE: Final = 0.5
"""Share of a side track within :data:`SIDE_REACH` for the whole to belong to the line (mark A)."""
FILLED: Final = 10_000.0
"""Greatest length [m] of pieces without a name, one after the other, that take the name they begin
and end at (mark A): bridges, tunnels and stations that are mapped apart."""

KM_DIFFERS: Final = 0.15
"""Difference [km] above which a recorded km is not that of its place (mark A): lists round to
100 m and places are some tens of metres off."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The railway lines of a study.

    ``lines``: :data:`blackspots.schema.RAIL_LINES` with ``post_measures`` [m] and ``post_km``
    [km] as routes carry them (:mod:`blackspots.referencing`). ``tracks``:
    :data:`blackspots.schema.TRACKS`, every row of the railways.
    """

    lines: gpd.GeoDataFrame
    tracks: gpd.GeoDataFrame


def rail_lines(railways: gpd.GeoDataFrame, *, crossings: gpd.GeoDataFrame | None = None) -> Lines:
    """The railway lines that tracks make, with their official km.

    Parameters
    ----------
    railways
        :data:`blackspots.schema.RAILWAYS` in a metric CRS; columns that are missing are unknown.
    crossings
        :data:`blackspots.schema.CROSSINGS` in the same CRS, whose ``railway`` and ``km`` tell
        the km of the lines.

    Returns
    -------
    Lines
        Lines by name, then the longest first, those without a name last; ``line_id`` from 0.
        Reasons of tracks are ``not-in-service``, ``no-heavy-rail``, ``no-track`` and
        ``no-geometry``. Where no track is left there is no line.
    """
    tracks = _completed(railways, RAILWAYS)
    shapes = shapely.force_2d(np.asarray(tracks.geometry.array))
    reason = _reasons(tracks, shapes)
    side = tracks["service"].map(_side) | tracks["rail_kind"].map(_side)
    used = reason.isna().to_numpy()
    main = used & ~side.to_numpy(dtype=bool)
    key, shown = _names(tracks)
    of = np.full(len(tracks), -1)
    first, names = _axes_of(shapes, key, np.flatnonzero(main))
    of[main] = first.of
    rest = _beside_axes(shapes, np.flatnonzero(used & ~main), first.line, key, names, of)
    second, more = _axes_of(shapes, key, rest)
    of[rest] = np.where(second.of >= 0, second.of + len(first.line), -1)
    lines, number = _frame(
        np.r_[first.line, second.line], [shown.get(name) for name in names + more], tracks
    )
    line_id = np.where(of >= 0, number[of] if len(number) else -1, -1)
    tracks = tracks.assign(
        line_id=pd.arrays.IntegerArray(line_id.astype("int64"), line_id < 0),
        main=main,
        reason=reason,
    )
    given = None if crossings is None else _completed(crossings, CROSSINGS)
    kept = [column.name for column in TRACKS.columns]
    others = [c for c in tracks.columns if c not in kept and c != tracks.geometry.name]
    return Lines(with_km(lines, tracks, given), tracks.drop(columns=others))


def on_lines(
    points: gpd.GeoSeries | gpd.GeoDataFrame,
    lines: Lines,
    *,
    reach: float = 100.0,
    named: pd.Series | None = None,
) -> pd.DataFrame:
    """Where on the railway lines points lie.

    Parameters
    ----------
    points
        Points in the CRS of the lines.
    reach
        Greatest distance [m] from a line.
    named
        Name of the line of each point, indexed as the points; where a line of that name is
        within reach, it goes before a nearer one.

    Returns
    -------
    DataFrame
        Indexed as the points: ``line_id`` (Int64), ``line`` (its name), ``measure`` [m],
        ``offset`` [m], ``side`` (1 left, -1 right, 0 on it), ``km``, and ``reason`` where there
        is no line: ``no-location``, ``no-railway`` or ``far-from-line``.
    """
    spots = points.geometry
    if named is not None:
        named = named.reindex(points.index) if points.index.is_unique else named
    found = placed(spots, lines.lines, reach=reach, named=named)
    found = found.rename(columns={"route": "line_id"})
    line = found["line_id"].to_numpy(dtype="int64", na_value=-1)
    km = np.full(len(found), np.nan)
    for own in np.unique(line[line >= 0]):
        on = line == own
        km[on] = kms_at(lines.lines, int(own), found["measure"].to_numpy()[on])
    nowhere = np.asarray(shapely.is_missing(spots.array) | shapely.is_empty(spots.array))
    why = np.full(len(found), None, dtype=object)
    why[line < 0] = "far-from-line" if len(lines.lines) else "no-railway"
    why[nowhere] = "no-location"
    found.insert(1, "line", _words(found["line_id"].map(lines.lines["ref"])))
    return found.assign(km=km, reason=pd.Series(why, found.index, dtype=object))


def km_reasons(crossings: gpd.GeoDataFrame, lines: Lines) -> pd.Series:
    """What became of the recorded km of crossings, by which lines are calibrated.

    Parameters
    ----------
    crossings
        Those that :func:`rail_lines` had: ``km`` and, where known, ``railway``.

    Returns
    -------
    Series
        Indexed as the crossings: None where the km is that of its place on the line, else
        ``no-km`` (none recorded), ``km-differs`` (by more than :data:`KM_DIFFERS`: mistyped, or
        misplaced), ``line-without-km`` (too few to tell) or the reason of :func:`on_lines`.
    """
    found = on_lines(crossings, lines, named=crossings.get("railway"))
    recorded = crossings["km"].to_numpy(dtype="float64", na_value=np.nan)
    km = found["km"].to_numpy()
    why = found["reason"].to_numpy(dtype=object).copy()
    there = found["reason"].isna().to_numpy()
    why[there & np.isnan(km)] = "line-without-km"
    why[there & (np.abs(recorded - km) > KM_DIFFERS)] = "km-differs"
    why[np.isnan(recorded)] = "no-km"
    return pd.Series(why, crossings.index, dtype=object)


def _words(values: pd.Series) -> pd.Series:
    """A column of text with None where it is missing."""
    words = values.astype(object)
    made: pd.Series = words.where(words.notna(), None)
    return made


def _completed(frame: gpd.GeoDataFrame, table: Table) -> gpd.GeoDataFrame:
    """The frame with the columns of its table that it lacks, empty."""
    missing = {
        column.name: pd.Series(index=frame.index, dtype=EMPTY[column.kind])
        for column in table.columns
        if column.name not in frame.columns
    }
    made: gpd.GeoDataFrame = frame.assign(**missing)
    return made.rename_axis(table.index)


def _reasons(tracks: gpd.GeoDataFrame, shapes: np.ndarray) -> pd.Series:
    """Why no train that a road could meet runs on tracks."""
    kinds = {kind: no_train(str(kind)) for kind in tracks["rail_kind"].dropna().unique()}
    reason = _words(tracks["rail_kind"].map(kinds))
    whole = (shapely.get_type_id(shapes) == shapely.GeometryType.LINESTRING) & (
        shapely.length(shapes) > 2 * GRID
    )
    made: pd.Series = reason.mask(reason.isna() & ~whole, "no-geometry")
    return made


def _side(words: object) -> bool:
    return isinstance(words, str) and is_side(words)


def _names(tracks: gpd.GeoDataFrame) -> tuple[np.ndarray, dict[str, str]]:
    """The key of each track's name, empty for none, and each key as it is written most often.

    A number stands for the name that tracks of this number bear, if it is one name.
    """
    name, ref = (line_keys(tracks[c]) for c in ("name", "ref"))
    both = pd.DataFrame({"ref": ref, "name": name}).replace("", None).dropna().drop_duplicates()
    alone = both[~both["ref"].duplicated(keep=False)].set_index("ref")["name"]
    numbered = np.where(ref != "", "#" + ref, "")
    known = pd.Series(ref).map(alone).astype(object).fillna("").to_numpy()
    key = np.where(name != "", name, np.where(known != "", known, numbered))
    written = tracks["name"].where(name != "", tracks["ref"])
    length = tracks.geometry.length.fillna(0.0).to_numpy()
    own = np.where(name != "", name, numbered)
    told = pd.DataFrame({"key": own, "written": written.to_numpy(), "length": length})
    told = told[told["key"] != ""].groupby(["key", "written"])["length"].sum().reset_index()
    told = told.sort_values(["key", "length", "written"], ascending=[True, False, True])
    told = told.drop_duplicates("key")
    return key.astype(object), dict(zip(told["key"], told["written"].astype(str), strict=True))


def _axes_of(shapes: np.ndarray, key: np.ndarray, some: np.ndarray) -> tuple[Axes, list[str]]:
    """The axes of some tracks, and the name's key of each."""
    if not len(some):
        none = np.empty(0, dtype="int64")
        return Axes(np.empty(0, dtype=object), none, none), []
    group, names = _groups(shapes[some], key[some])
    made = axes(shapes[some], group, np.array([not name for name in names]))
    return made, [names[own] for own in made.group]


def _groups(shapes: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The group of each track and the key of each group: names, then connected parts without."""
    xy, of = shapely.get_coordinates(shapes, return_index=True)
    place = pd.factorize(vertex_keys(xy))[0]
    end = np.r_[True, np.diff(of) != 0, True]
    # How many stretches of track meet there: one at the end of a piece, two within it.
    degree = np.bincount(place, weights=2.0 - end[:-1] - end[1:])
    at, track = np.divmod(distinct(place * len(key) + of), len(key))
    bare = key[track] == ""
    name = np.where(key == "", _filled(shapes, key, at, track, degree), key).astype(object)
    part = _connected(at[bare], track[bare], len(key))
    known = np.unique(name[name != ""].astype(str))
    group = np.where(name != "", np.searchsorted(known, name.astype(str)), -1)
    left = group < 0
    number, parts = pd.factorize(part[left])
    group[left] = len(known) + number
    return group, [*known.tolist(), *[""] * len(parts)]


def _filled(
    shapes: np.ndarray, key: np.ndarray, at: np.ndarray, track: np.ndarray, degree: np.ndarray
) -> np.ndarray:
    """The name that pieces without one begin and end at, one after the other; else empty.

    ``at`` and ``track`` are the pairs of a place and a track that has a vertex there, ``degree``
    how many stretches meet at each place.
    """
    bare = key[track] == ""
    plain = bare & (degree[at] == 2) & (np.bincount(at, weights=~bare)[at] == 0)  # noqa: PLR2004
    part = _connected(at[plain], track[plain], len(key))
    length = np.bincount(part, weights=shapely.length(shapes))
    touched = pd.DataFrame({"at": at[bare], "part": part[track[bare]]}).drop_duplicates()
    named = pd.DataFrame({"at": at[~bare], "name": key[track[~bare]]}).drop_duplicates()
    ends = touched.merge(named, on="at").value_counts(["part", "name"]).reset_index()
    ends = ends[(ends["count"] > 1) & (length[ends["part"].to_numpy(dtype="int64")] <= FILLED)]
    ends = ends[~ends["part"].duplicated(keep=False)]
    taken = pd.Series(part).map(ends.set_index("part")["name"])
    return np.asarray(taken.astype(object).fillna(""), dtype=object)


def _connected(place: np.ndarray, of: np.ndarray, size: int) -> np.ndarray:
    """Number of the part of each track that hangs together by the places of its vertices."""
    count = int(place.max(initial=-1)) + 1
    joined = coo_array((np.ones(len(of)), (of, size + place)), shape=(size + count, size + count))
    return np.asarray(connected_components(joined, directed=False)[1][:size])


def _beside_axes(
    shapes: np.ndarray,
    some: np.ndarray,
    lines: np.ndarray,
    key: np.ndarray,
    names: list[str],
    of: np.ndarray,
) -> np.ndarray:
    """Gives some side tracks the axis they lie beside, in ``of``; returns those beside none.

    An axis of their own name goes before a nearer one.
    """
    track, axis, share = nearby(shapes[some], lines, SIDE_REACH)
    good = share >= SIDE_SHARE
    track, axis, share = track[good], axis[good], share[good]
    # How far is asked only where there is a choice.
    away = np.zeros(len(track))
    more = np.flatnonzero(np.bincount(track)[track] > 1)
    middle = shapely.line_interpolate_point(shapes[some[track[more]]], 0.5, normalized=True)
    away[more] = shapely.distance(middle, lines[axis[more]])
    other = key[some[track]] != np.array(names, dtype=object)[axis]
    order = np.lexsort((axis, away, other, track))
    order = order[np.unique(track[order], return_index=True)[1]]
    of[some[track[order]]] = axis[order]
    left: np.ndarray = some[of[some] < 0]
    return left


def _frame(
    shapes: np.ndarray, names: list[str | None], tracks: gpd.GeoDataFrame
) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """The lines in their order without km, and the number of each axis in it."""
    ends = [shapely.get_coordinates(shapely.get_point(shapes, at)) for at in (0, -1)]
    west, south = (np.round((ends[1] - ends[0]) / GRID)[:, axis] for axis in (0, 1))
    back = (west < 0) | ((west == 0) & (south < 0))
    shapes = shapes.copy()
    shapes[back] = shapely.reverse(shapes[back])
    start = shapely.get_coordinates(shapely.get_point(shapes, 0))
    length = shapely.length(shapes)
    spelt = np.array([line_key(name) if name else "" for name in names], dtype=str)
    nameless = np.array([not name for name in names], dtype=bool)
    order = np.lexsort((start[:, 1], start[:, 0], -length, spelt, nameless))
    made = gpd.GeoDataFrame(
        {
            "ref": pd.Series([names[i] for i in order], dtype=object),
            "length": length[order].astype("float64"),
            "km_from": np.full(len(order), np.nan),
            "km_to": np.full(len(order), np.nan),
        },
        geometry=gpd.GeoSeries(shapes[order], crs=tracks.crs),
    ).rename_axis(RAIL_LINES.index)
    number = np.empty(len(order), dtype="int64")
    number[order] = np.arange(len(order))
    return made, number
