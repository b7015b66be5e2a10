"""An official inventory and the crossings found, one to one; what remains on either side.

What is found and not listed is a *candidate unlisted crossing*, never an illegal one: it goes
into a list for verification in the field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from rapidfuzz import fuzz, process

from blackspots.crossings.pairing import ALONE, Array, assign, candidates
from blackspots.crossings.shifting import Shift, constant_shift
from blackspots.presets.headers import plain
from blackspots.schema import FOUND_CROSSINGS, MATCHES, check

__all__ = ["GATE", "Matched", "Shift", "match", "pair_costs"]

GATE: Final = 50.0
"""Greatest distance [m] between a listed crossing and the one found (reference/crossings.md:
25 to 50 m)."""
NEAR, CLASS, NAME = 0.7, 0.15, 0.15
"""Shares of distance, class of road and name in the cost of a pair (A)."""
OFFSET: Final = 0.5
"""Weight of metres across the railway beside metres along it (A): a listed crossing's distance
from the rail says less about which one it is than its chainage does."""
_UNKNOWN: Final = 0.5
"""Cost of a class or name that is not known of both: between alike and different."""
_SAME: Final = 100.0
"""Parts of a metre in which two places are the same: 1 cm."""
_PART: Final = ("crossing", "facing", "review")
"""Outcomes that a listed crossing may be; tags that contradict each other do not tell."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What became of every listed crossing and every found one.

    ``found``: :data:`blackspots.schema.FOUND_CROSSINGS` with ``crossing_id`` and ``status``.
    ``matches``: :data:`blackspots.schema.MATCHES`, every listed crossing in the order of its
    table, then the found ones that stand alone. ``pairs``: matched ones. ``listed``: listed
    crossings that have a location. ``found_count``: found ones with outcome ``crossing``, of
    which ``found_matched`` are listed. ``recall``: pairs / listed; ``precision``: found_matched /
    found_count; NaN where there is nothing to divide by. ``shift``: a constant that would bring
    most listed crossings to found ones; it is told, not applied.
    """

    found: gpd.GeoDataFrame
    matches: pd.DataFrame
    pairs: int
    listed: int
    found_count: int
    found_matched: int
    shift: Shift | None = None

    @property
    def recall(self) -> float:
        """Share of the listed crossings that were found."""
        return self.pairs / self.listed if self.listed else float("nan")

    @property
    def precision(self) -> float:
        """Share of the found crossings that are listed."""
        return self.found_matched / self.found_count if self.found_count else float("nan")


def match(
    found: gpd.GeoDataFrame,
    crossings: gpd.GeoDataFrame,
    *,
    placed: pd.DataFrame | None = None,
    gate: float = GATE,
) -> Matched:
    """Find each listed crossing among the found ones, one to one.

    Parameters
    ----------
    found
        :data:`blackspots.schema.FOUND_CROSSINGS`.
    crossings
        :data:`blackspots.schema.CROSSINGS`, in the same metric CRS; the inventory.
    placed
        Where the listed crossings are on the lines: ``line_id``, ``measure`` [m], ``offset``
        [m], index of ``crossings``, as :func:`blackspots.crossings.lines.on_lines` gives it.
        Without it pairs are judged by plain distance, and a listed crossing that is not found
        has the reason ``nothing-near``, for it is not known whether a railway is near.
    gate
        Greatest distance [m] of a pair.

    Returns
    -------
    Matched
        A listed crossing without a partner has one of these reasons: ``no-location``;
        ``same-place`` (another listed one has the same coordinates and is matched, or stands
        before it); ``at-grade-separated`` (the nearest place found is a bridge or tunnel);
        ``taken`` (all within the gate are those of other listed ones); ``far-from-line`` (no
        railway near); ``no-road-there`` (at the railway, but no road or path meets it within
        the gate). A found one without a partner has ``not-listed`` or ``apart``.

    Raises
    ------
    ValueError
        The gate is not positive, or the two are in different CRSs.

    Notes
    -----
    The sum of :func:`pair_costs` and of 1 for each listed crossing left alone is least, exactly
    (:func:`blackspots.crossings.pairing.assign`); of equals, the first listed is taken.
    """
    if not gate > 0:
        raise ValueError("the gate must be above 0")
    if found.crs != crossings.crs:
        raise ValueError("found and listed crossings must be in one CRS")
    place, spot = _xy(crossings), _xy(found)
    known = np.isfinite(place).all(axis=1)
    part = found["outcome"].isin(_PART).to_numpy() & np.isfinite(spot).all(axis=1)
    own, other = np.flatnonzero(known), np.flatnonzero(part)
    row, column, distance = candidates(place[own], spot[other], gate)
    listed_at, found_at = own[row], other[column]
    along = _along(found, placed, crossings.index, listed_at, found_at)
    cost = pair_costs(found, crossings, listed_at, found_at, distance, along, gate=gate)
    partner = assign(row, column, cost, rows=len(own), columns=len(other))
    whose = np.full(len(crossings), -1)
    whose[own[partner >= 0]] = other[partner[partner >= 0]]
    reason = _reasons(place, spot, part, whose, np.isin(np.arange(len(place)), listed_at), gate)
    nowhere = (reason == "") & (whose < 0)
    reason[nowhere] = "nothing-near"
    if placed is not None:
        off = placed["line_id"].reindex(crossings.index).isna().to_numpy()
        reason[nowhere] = np.where(off, "far-from-line", "no-road-there")[nowhere]
    taken = partner[row] == column
    told = pd.DataFrame({"distance": distance[taken], "along": along[taken]}, listed_at[taken])
    told = told.reindex(np.arange(len(crossings)))
    made = _status(found, crossings.index, whose)
    pairs, listed = int((whose >= 0).sum()), int(known.sum())
    sure = found["outcome"].eq("crossing").to_numpy()
    return Matched(
        made,
        _matches(made, crossings.index, whose, told, reason),
        pairs=pairs,
        listed=listed,
        found_count=int(sure.sum()),
        found_matched=int(sure[whose[whose >= 0]].sum()),
        shift=constant_shift(place[known], spot[part], gate=gate) if 2 * pairs < listed else None,
    )


def pair_costs(
    found: pd.DataFrame,
    crossings: pd.DataFrame,
    listed_at: Array,
    found_at: Array,
    distance: Array,
    along: Array,
    *,
    gate: float,
) -> Array:
    """Cost of taking a listed crossing for a found one, from 0 to below 1.

    Parameters
    ----------
    listed_at, found_at : int, shape (pairs,)
        Positions of the two in their tables.
    distance, along : shape (pairs,)
        Metres between them, and of these along the line; NaN where they are not known to be on
        one line.
    gate
        Greatest distance [m].

    Returns
    -------
    shape (pairs,)
        ``0.7 near + 0.15 class + 0.15 name`` (A). *near* is ``hypot(along, across / 2) / gate``
        on one line, else ``distance / gate``. *class* is 0 for the same class of road, 1 for
        another, ½ where it is not known of both; a word that no found road has is of another
        vocabulary and says nothing. *name* is 1 less the share of words that the names have in
        common, ½ where there are not two names.
    """
    across = np.sqrt(np.clip(distance**2 - along**2, 0.0, None))
    near = np.where(np.isnan(along), distance, np.hypot(along, OFFSET * across)) / gate
    kind = [_plain(frame, "road_class") for frame in (crossings, found)]
    one, two = kind[0][listed_at], kind[1][found_at]
    sure = (one != "") & (two != "") & np.isin(one, np.unique(kind[1].astype(str)))
    classes = np.where(sure, (one != two).astype(float), _UNKNOWN)
    one, two = _plain(crossings, "name")[listed_at], _plain(found, "road_name")[found_at]
    names = np.full(len(distance), _UNKNOWN)
    both = np.flatnonzero((one != "") & (two != ""))
    if len(both):
        alike = process.cpdist(one[both], two[both], scorer=fuzz.token_set_ratio)
        names[both] = 1.0 - alike / 100.0
    cost: Array = NEAR * np.minimum(near, 1.0) + CLASS * classes + NAME * names
    return np.minimum(cost, ALONE - 1e-6)


def _plain(frame: pd.DataFrame, column: str) -> Array:
    """A column of words in plain letters, ``""`` where there is none; each word once."""
    if column not in frame:
        return np.full(len(frame), "", dtype=object)
    codes, distinct = pd.factorize(frame[column].astype(object))
    made = np.array([*(plain(str(word)) for word in distinct), ""], dtype=object)
    return made[codes]


def _xy(frame: gpd.GeoDataFrame) -> Array:
    """Coordinates, shape (rows, 2); NaN without a place."""
    points = frame.geometry.to_numpy()
    return np.column_stack([shapely.get_x(points), shapely.get_y(points)])


def _along(
    found: pd.DataFrame,
    placed: pd.DataFrame | None,
    index: pd.Index,
    listed_at: Array,
    found_at: Array,
) -> Array:
    """Metres along the line from the listed to the found one; NaN if not known on one line."""
    if placed is None:
        return np.full(len(listed_at), np.nan)
    there = placed.reindex(index)
    line, measure = (there[c].to_numpy("float64", na_value=np.nan) for c in ("line_id", "measure"))
    other, spot = (found[c].to_numpy("float64", na_value=np.nan) for c in ("line_id", "measure"))
    along = spot[found_at] - measure[listed_at]
    return np.where(line[listed_at] == other[found_at], along, np.nan)


def _reasons(
    place: Array, spot: Array, part: Array, whose: Array, tried: Array, gate: float
) -> Array:
    """Why a listed crossing has no partner, as far as it shows in the places; ``""`` if not."""
    known: Array = np.asarray(np.isfinite(place).all(axis=1))
    reason = np.full(len(place), "", dtype=object)
    alone: Array = whose < 0
    reason[alone & tried] = "taken"
    nearest = [np.full(len(place), np.inf) for _ in range(2)]
    for distances, those in zip(
        nearest, (part, ~part & np.isfinite(spot).all(axis=1)), strict=True
    ):
        row, _, distance = candidates(place[known], spot[those], gate)
        np.minimum.at(distances, np.flatnonzero(known)[row], distance)
    reason[alone & (nearest[1] < nearest[0])] = "at-grade-separated"
    reason[alone & _repeated(place, whose, known)] = "same-place"
    reason[alone & ~known] = "no-location"
    return reason


def _repeated(place: Array, whose: Array, known: Array) -> Array:
    """Whether another listed crossing stands for this place: a matched one, else the first."""
    made = np.zeros(len(place), dtype=bool)
    at = np.flatnonzero(known)
    if not len(at):
        return made
    group = np.unique(np.round(place[at] * _SAME), axis=0, return_inverse=True)[1].ravel()
    order = np.lexsort((at, whose[at] < 0, group))
    first = np.r_[True, np.diff(group[order]) != 0]
    made[at[order[~first]]] = True
    return made


def _status(found: gpd.GeoDataFrame, index: pd.Index, whose: Array) -> gpd.GeoDataFrame:
    """The found ones with the listed crossing that each is, and what that makes it."""
    names = np.full(len(found), None, dtype=object)
    listed = np.flatnonzero(whose >= 0)
    names[whose[listed]] = index.to_numpy(dtype=object)[listed]
    status = found["outcome"].map(
        {"crossing": "candidate", "facing": "candidate", "review": "review", "apart": "apart"}
    )
    status = status.astype(object).to_numpy(copy=True)
    status[whose[listed]] = "listed"
    words = {"crossing_id": names, "status": status}
    made = found.assign(
        **{name: pd.Series(each, index=found.index, dtype="object") for name, each in words.items()}
    )
    check(made, FOUND_CROSSINGS)
    return made


def _matches(
    found: gpd.GeoDataFrame, index: pd.Index, whose: Array, told: pd.DataFrame, reason: Array
) -> pd.DataFrame:
    ids = found.index.to_numpy(dtype=object)
    partner = np.full(len(index), None, dtype=object)
    partner[whose >= 0] = ids[whose[whose >= 0]]
    alone = found["crossing_id"].isna().to_numpy()
    apart = found["outcome"].eq("apart").to_numpy()[alone]
    rows: dict[str, Any] = {
        "crossing_id": [*index, *[None] * int(alone.sum())],
        "found_id": [*partner, *ids[alone]],
        "distance": [*told["distance"], *[np.nan] * int(alone.sum())],
        "along": [*told["along"], *[np.nan] * int(alone.sum())],
        "reason": [
            *(code or None for code in reason),
            *("apart" if far else "not-listed" for far in apart),
        ],
    }
    made = pd.DataFrame(rows)
    made = made.astype({"distance": "float64", "along": "float64"})
    for column in ("crossing_id", "found_id", "reason"):
        made[column] = pd.Series(rows[column], index=made.index, dtype="object")
    made.index = pd.Index(
        [f"M{n}" for n in range(1, len(made) + 1)], name=MATCHES.index, dtype="object"
    )
    check(made, MATCHES)
    return made
