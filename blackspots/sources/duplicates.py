"""Crashes that seem to be in a register twice: flagged with their partner, and kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import pandas as pd
import shapely

from blackspots.presets.headers import plain

NEAR: Final = 50.0
"""Distance [m] within which two coordinates may be of one crash."""
NEAR_KM: Final = 0.1
"""Distance [km] within which two km posts may be."""
_LOOK: Final = 32
"""Neighbours along the sorted order that are compared with a row, so that time stays linear."""
_TELLING: Final = ("deaths", "serious", "slight", "injured", "mode", "crash_type")
_ENOUGH: Final = 2
"""Of those so many must be known and agree where an hour is not known on both sides."""
_MULTIPLIER: Final = 1_000_003
_EXACT: Final = 1e-6
"""Room for the last bit of a difference: Km45+400 is 0.1 km from Km45+300."""


def find_duplicates(crashes: pd.DataFrame) -> pd.Series:
    """The earlier crash that each crash seems to repeat; None for most.

    Two crashes are taken for one when they are of the same day, their hours agree (or, where
    one has none, at least two of the numbers of persons, mode and type of crash are recorded
    in both), their coordinates are within 50 m (without coordinates: the same road and
    within 100 m by km post), and nothing that is recorded in both differs: persons, severity,
    mode, type, train.

    Parameters
    ----------
    crashes
        A GeoDataFrame of :data:`blackspots.schema.CRASHES` in a metric CRS.

    Returns
    -------
    Series of ids, index of ``crashes``
    """
    partner = np.full(len(crashes), -1)
    days = crashes["date"].to_numpy(dtype="datetime64[D]")
    dated = np.flatnonzero(~np.isnat(days))
    first, later = _same_place(crashes, dated, days[dated].astype("int64"))
    if len(first):
        agree = _agree(crashes, first, later)
        earliest = np.full(len(crashes), len(crashes))
        np.minimum.at(earliest, later[agree], first[agree])
        partner = np.where(earliest < len(crashes), earliest, -1)
    made = np.full(len(crashes), None, dtype=object)
    flagged = np.flatnonzero(partner >= 0)
    made[flagged] = crashes.index.to_numpy(dtype=object)[partner[flagged]]
    return pd.Series(made, index=crashes.index, dtype=object)


def _same_place(
    crashes: pd.DataFrame, rows: np.ndarray, day: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows of one day that lie near each other, the earlier row first."""
    shapes = np.asarray(crashes["geometry"].array)
    x, y = shapely.get_x(shapes), shapely.get_y(shapes)
    located = ~np.isnan(x[rows])
    facts = partial(_mixed, crashes)
    pairs = _neighbours(rows[located], day[located], x, NEAR, facts)
    apart = np.hypot(x[pairs[0]] - x[pairs[1]], y[pairs[0]] - y[pairs[1]])
    pairs = pairs[:, apart <= NEAR + _EXACT]
    if not located.all():
        # Coordinates, where both have them, say more than km posts.
        km = crashes["km"].to_numpy(dtype="float64")
        route = pd.factorize(crashes["route"])[0]
        posted = (route[rows] >= 0) & ~np.isnan(km[rows])
        some = rows[posted]
        road = day[posted] * (route.max() + 1) + route[some]
        by_post = _neighbours(some, road, km, NEAR_KM, facts)
        unlocated = np.isnan(x[by_post[0]]) | np.isnan(x[by_post[1]])
        pairs = np.concatenate([pairs, by_post[:, unlocated]], axis=1)
    return pairs.min(axis=0), pairs.max(axis=0)


def _agree(crashes: pd.DataFrame, first: np.ndarray, later: np.ndarray) -> np.ndarray:
    """Whether nothing recorded in both differs, and enough is recorded in both."""
    rows, place = np.unique(np.concatenate([first, later]), return_inverse=True)
    one, two = np.split(place, 2)
    some = crashes.iloc[rows]
    hour = _codes(some["hour"])
    both = (hour[one] >= 0) & (hour[two] >= 0)
    good = ~both | (hour[one] == hour[two])
    told = np.zeros(len(first), dtype=int)
    severity = some["severity"].where(some["severity"] != "unknown", None)
    facts = {name: some[name] for name in _TELLING}
    for name, cells in (facts | {"severity": severity, "train": some["train_involved"]}).items():
        codes = _codes(cells)
        known = (codes[one] >= 0) & (codes[two] >= 0)
        good &= ~known | (codes[one] == codes[two])
        if name in facts:
            told += known
    return np.asarray(good & (both | (told >= _ENOUGH)))


def _codes(cells: pd.Series) -> np.ndarray:
    """Whole numbers that are equal where the cells say the same; -1 for unknown."""
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return cells.to_numpy(dtype="float64", na_value=-1.0).astype("int64")
    codes, words = pd.factorize(cells)
    same = pd.factorize(np.array([plain(str(word)) for word in words], dtype=object))[0]
    return np.append(same, -1)[codes]


def _mixed(crashes: pd.DataFrame) -> np.ndarray:
    """A number for each row that is the same where all that tells crashes apart is the same."""
    made = np.zeros(len(crashes), dtype="uint64")
    for name in ("hour", *_TELLING):
        made = made * np.uint64(_MULTIPLIER) + _codes(crashes[name]).astype("uint64")
    return made


def _sorted(
    rows: np.ndarray, group: np.ndarray, place: np.ndarray, facts: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Rows, which come in their order, and their groups by group, place and facts."""
    keys = (place[rows], group) if facts is None else (facts[rows], place[rows], group)
    order = np.lexsort(keys)
    return rows[order], group[order]


def _neighbours(
    rows: np.ndarray,
    group: np.ndarray,
    place: np.ndarray,
    reach: float,
    facts: Callable[[], np.ndarray],
) -> np.ndarray:
    """Pairs of rows of one group, shape (2, pairs), whose places on an axis are within ``reach``.

    Of many rows at one place, those of the same facts are compared first.

    Parameters
    ----------
    rows, group : int, shape (some,)
        Rows to compare, and the group of each.
    place : float, shape (crashes,)
        Where every crash is on the axis.
    facts
        Gives a number for what is told of every crash; asked only where rows heap up.
    """
    rows, group = _sorted(rows, group, place)
    beyond = np.arange(max(0, len(rows) - _LOOK))
    heaped = (place[rows[beyond + _LOOK]] - place[rows[beyond]] <= reach + _EXACT) & (
        group[beyond + _LOOK] == group[beyond]
    )
    if heaped.any():
        rows, group = _sorted(rows, group, place, facts())
    along = place[rows]
    found = [np.empty((2, 0), dtype=int)]
    start = np.arange(len(rows))
    for step in range(1, _LOOK + 1):
        start = start[: np.searchsorted(start, len(rows) - step)]
        near = along[start + step] - along[start] <= reach + _EXACT
        start = start[near & (group[start + step] == group[start])]
        if not len(start):
            break
        found.append(np.stack([rows[start], rows[start + step]]))
    return np.concatenate(found, axis=1)
