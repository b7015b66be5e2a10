"""What was seen in the field, brought to the crossings found and to the list of crossings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.crossings.pairing import Array, assign, candidates
from blackspots.schema import CROSSINGS, EMPTY, FOUND_CROSSINGS, check

__all__ = ["CONFIRMED", "REACH", "REFUSED", "Applied", "apply_verified"]

REACH: Final = 15.0
"""How far [m] a crossing may have moved since it was looked at (A): a road layer drawn anew moves
by the width of a road, the next alley is 30 m away."""
CONFIRMED: Final = {"crossing": "unknown", "path": "self-opened"}
"""Answers that a crossing is there, and its kind: what it is by law the field does not tell."""
REFUSED: Final = ("nothing", "bridge")
"""Answers that there is none at grade."""
_PREFIX: Final = "XM-"
_SHARE: Final = 0.99
"""Cost of a pair that is as far apart as it may be."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of the entries of a field-verification list.

    ``found``: :data:`blackspots.schema.FOUND_CROSSINGS`; confirmed ones have status ``verified``
    and the id of their crossing, others ``refused``. ``crossings``:
    :data:`blackspots.schema.CROSSINGS` with the confirmed ones added. ``entries``: as given, with
    ``found_id`` (found crossing of this run at that place, None for none), ``crossing_id`` (the
    crossing that it is) and ``became``: ``added``, ``listed`` (the list has it by now),
    ``refused``, ``open`` (no answer, or nobody got there).
    """

    found: gpd.GeoDataFrame
    crossings: gpd.GeoDataFrame
    entries: gpd.GeoDataFrame


def apply_verified(
    found: gpd.GeoDataFrame,
    crossings: gpd.GeoDataFrame,
    entries: gpd.GeoDataFrame,
    *,
    reach: float = REACH,
) -> Applied:
    """Bring the answers of the field to this run.

    Parameters
    ----------
    found
        :data:`blackspots.schema.FOUND_CROSSINGS` with ``status``, as
        :func:`blackspots.crossings.matching.match` gives it.
    crossings
        :data:`blackspots.schema.CROSSINGS`, the inventory, in the same metric CRS.
    entries
        ``entries`` of :class:`blackspots.sources.verification.Verified`: index ``verify_id``;
        ``answer``, ``protection``, ``width`` [m], ``vehicles`` and ``persons`` [1/day],
        ``line``, ``km``, ``road_name``, ``road_class``, ``tracks``, ``main_tracks``; a point.
    reach
        Greatest distance [m] from an entry to the found crossing that it is about.

    Returns
    -------
    Applied

    Raises
    ------
    ValueError
        ``reach`` is not positive, or the tables are in different CRSs.

    Notes
    -----
    Entries belong to found crossings by place, one to one with the least sum of distances, so
    that they outlive changes of the ids. A confirmed crossing that geometry no longer shows is
    one all the same, at the place where it was seen, unless a listed one that is matched to
    nothing lies within ``reach``. Where the list has a crossing, the list wins over a refusal.
    The id of an added crossing is ``XM-`` and the id of its entry, which the next list keeps.
    """
    if not reach > 0:
        raise ValueError("the reach must be above 0")
    if found.crs != crossings.crs or found.crs != entries.crs:
        raise ValueError("found and listed crossings and entries must be in one CRS")
    at = _partners(entries, found, np.ones(len(found), dtype=bool), reach)
    ids = found.index.to_numpy(dtype=object)
    there = np.full(len(at), None, dtype=object)
    there[at >= 0] = ids[at[at >= 0]]
    own = np.full(len(entries), None, dtype=object)
    listed = found["crossing_id"].to_numpy(dtype=object)
    own[at >= 0] = listed[at[at >= 0]]
    lone = np.flatnonzero(at < 0)
    free = ~crossings.index.isin(found["crossing_id"].dropna())
    near = _partners(entries.iloc[lone], crossings, free, reach)
    own[lone[near >= 0]] = crossings.index.to_numpy(dtype=object)[near[near >= 0]]
    is_listed = pd.notna(own)
    answer = entries["answer"].to_numpy(dtype=object)
    yes, no = np.isin(answer, list(CONFIRMED)), np.isin(answer, REFUSED)
    added = yes & ~is_listed
    own[added] = _new_ids(entries.index[added], crossings.index)
    became = np.full(len(entries), "open", dtype=object)
    became[no] = "refused"
    became[added] = "added"
    became[is_listed & (yes | no)] = "listed"
    own[~(added | is_listed)] = None
    status, names = (found[c].to_numpy(dtype=object, copy=True) for c in ("status", "crossing_id"))
    for mask, word in ((added, "verified"), (no & ~is_listed, "refused")):
        status[at[mask & (at >= 0)]] = word
    names[at[added & (at >= 0)]] = own[added & (at >= 0)]
    made = _words(found, status=status, crossing_id=names)
    check(made, FOUND_CROSSINGS)
    told = _words(entries, found_id=there, crossing_id=own, became=became)
    return Applied(made, _with(crossings, told[added], found), told)


def _words(frame: gpd.GeoDataFrame, **columns: Array) -> gpd.GeoDataFrame:
    """The frame with columns of text, in which None stays None."""
    made: gpd.GeoDataFrame = frame.assign(
        **{name: pd.Series(c, index=frame.index, dtype="object") for name, c in columns.items()}
    )
    return made


def _partners(one: gpd.GeoDataFrame, other: gpd.GeoDataFrame, free: Array, reach: float) -> Array:
    """Position of the place in ``other`` that each of ``one`` is, -1 for none; none twice."""
    place, spot = (_xy(frame) for frame in (one, other))
    left = np.flatnonzero(np.isfinite(place).all(axis=1))
    right = np.flatnonzero(np.isfinite(spot).all(axis=1) & free)
    row, column, distance = candidates(place[left], spot[right], reach)
    cost = _SHARE * distance / reach
    partner = assign(row, column, cost, rows=len(left), columns=len(right))
    made = np.full(len(one), -1, dtype=np.int64)
    made[left[partner >= 0]] = right[partner[partner >= 0]]
    return made


def _xy(frame: gpd.GeoDataFrame) -> Array:
    points = frame.geometry.to_numpy()
    return np.column_stack([shapely.get_x(points), shapely.get_y(points)])


def _new_ids(entries: pd.Index, taken: pd.Index) -> list[str]:
    """An id for each new crossing that the list does not use for another."""
    known = set(map(str, taken))
    made: list[str] = []
    for entry in entries:
        name, n = f"{_PREFIX}{entry}", 2
        while name in known:
            name, n = f"{_PREFIX}{entry}-{n}", n + 1
        known.add(name)
        made.append(name)
    return made


def _with(
    crossings: gpd.GeoDataFrame, added: gpd.GeoDataFrame, found: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """The list with the confirmed crossings behind it.

    What this run says of the place (line, km, road, tracks) goes before what the entry says,
    and its point before the entry's.
    """
    if added.empty:
        return crossings.copy()
    now = found.reindex(added["found_id"]).set_axis(added.index)

    def newest(column: str) -> pd.Series:
        fresh, old = now[column].astype(object), added[column].astype(object)
        made: pd.Series = fresh.where(fresh.notna(), old)
        return made

    values: dict[str, Any] = {
        "name": newest("road_name"),
        "kind": added["answer"].map(CONFIRMED),
        "protection": added["protection"],
        "railway": newest("line"),
        "km": newest("km"),
        "aadt": added["vehicles"],
        "walkers": added["persons"],
        "width": added["width"],
        "road_class": newest("road_class"),
        "tracks": newest("tracks"),
        "main_tracks": newest("main_tracks"),
    }
    index = pd.Index(added["crossing_id"].to_numpy(dtype=object), name=CROSSINGS.index)
    frame = {
        column.name: pd.Series(
            pd.array(values[column.name].to_numpy(dtype=object), dtype=EMPTY[column.kind])
            if column.name in values
            else None,
            index=index,
            dtype=EMPTY[column.kind],
        )
        for column in CROSSINGS.columns
    }
    place, spot = added.geometry.to_numpy(), now.geometry.to_numpy()
    points = np.where(shapely.is_missing(spot), place, spot)
    fresh = gpd.GeoDataFrame(frame, geometry=points, crs=crossings.crs)
    names = [*crossings.columns, *(c for c in fresh.columns if c not in crossings.columns)]
    both = pd.concat([crossings, fresh])[names] if len(crossings) else fresh
    made = gpd.GeoDataFrame(both, geometry="geometry", crs=crossings.crs)
    made.index.name = CROSSINGS.index
    check(made, CROSSINGS)
    return made
