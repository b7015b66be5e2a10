"""From events to places: one for each strand of road, with what counts for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from blackspots.crossings import events as happening
from blackspots.crossings.beside import merged, ways_of
from blackspots.crossings.drawn import Array
from blackspots.crossings.events import Events
from blackspots.crossings.levels import NOT_SHARED
from blackspots.crossings.scene import Roads, Tracks

_OUTCOMES: Final = {
    happening.CROSSES: "crossing",
    happening.DOUBT: "review",
    happening.ALONG: "review",
    happening.TOUCHES: "review",
    happening.APART: "apart",
    happening.UNUSED: "apart",
}


@dataclass(frozen=True, slots=True)
class Places:
    """What was found, a row a place.

    ``table``: ``outcome``, ``first_reason``, ``x``, ``y`` [m], ``angle`` [degrees], ``tracks``,
    ``main_tracks``, ``line`` (-1 none), ``track`` (position), ``shared``, ``known``, ``road``
    (position of the one that gives name and class), ``gap_share`` (NaN but for facing ends).
    ``roads``: ``place``, ``road``. ``reasons``: ``place``, ``reason``.
    """

    table: pd.DataFrame
    roads: pd.DataFrame
    reasons: pd.DataFrame

    @classmethod
    def joined(cls, lots: list[Places]) -> Places:
        """Several lots as one."""
        start = np.cumsum([0, *(len(each.table) for each in lots[:-1])])
        roads, reasons = (
            pd.concat(
                [
                    f.assign(place=f["place"] + first)
                    for f, first in zip(frames, start, strict=True)
                ],
                ignore_index=True,
            )
            for frames in ([each.roads for each in lots], [each.reasons for each in lots])
        )
        return cls(pd.concat([each.table for each in lots], ignore_index=True), roads, reasons)


def strands_of(
    events: Events, kind: Array, strand: Array, pairs: pd.DataFrame, roads: Roads, tracks: Tracks
) -> Places:
    """One place for each strand.

    Parameters
    ----------
    kind, strand : int, shape (events,)
        What happens at each event, and the strand that it is part of.
    pairs
        ``event``, ``road``, ``track``, ``arms`` (2 where the track goes through, 1 where it
        ends), ``shared``, ``known``: roads and tracks that meet at the events.
    """
    table = events.table.assign(strand=strand, kind=kind)
    fresh, counts = _counted(table, pairs, tracks)
    first = table.groupby("strand").first()
    mean = table[fresh].groupby("strand")[["x", "y"]].mean()
    spread_out = (first["kind"] == happening.ALONG).to_numpy()
    shared = pairs.assign(rank=np.where(pairs["shared"] == NOT_SHARED, -2, pairs["shared"]))
    best = shared.groupby("event")["rank"].max().reindex(range(len(table)), fill_value=-1)
    worst = best.groupby(strand).min().to_numpy()
    own = pairs.assign(strand=strand[pairs["event"]])
    members = events.roads.assign(strand=strand[events.roads["event"]])
    rep = _representative(members, roads)
    track = first["track"].to_numpy(dtype=np.int64)
    made = pd.DataFrame(
        {
            "kind": first["kind"],
            "outcome": first["kind"].map(_OUTCOMES),
            "x": np.where(spread_out, first["x"], mean["x"].reindex(first.index)),
            "y": np.where(spread_out, first["y"], mean["y"].reindex(first.index)),
            "angle": table.groupby("strand")["angle"].mean(),
            "tracks": np.maximum(counts["tracks"], 1),
            "main_tracks": counts["main"],
            "line": tracks.line[track],
            "track": track,
            "shared": np.where(worst == -2, NOT_SHARED, worst),  # noqa: PLR2004 - as ranked
            "known": own.groupby("strand")["known"].min().reindex(first.index).to_numpy(),
            "road": rep["road"].to_numpy(),
            "road_measure": rep["measure"].to_numpy(),
            "gap_share": np.nan,
        }
    ).reset_index(drop=True)
    told = events.reasons.assign(place=strand[events.reasons["event"]])[["place", "reason"]]
    part_of = members[["strand", "road"]].set_axis(["place", "road"], axis=1)
    return Places(
        made,
        part_of.drop_duplicates(ignore_index=True),
        told.drop_duplicates(ignore_index=True),
    )


def _counted(
    table: pd.DataFrame, pairs: pd.DataFrame, tracks: Tracks
) -> tuple[Array, pd.DataFrame]:
    """Events at which a strand meets a track for the first time, and its tracks.

    At one place two ends of tracks are one track: it was cut there. A place of which a track
    was met before does not count again.
    """
    strand = table["strand"].to_numpy()
    at = pairs.groupby(["event", "track"], as_index=False)["arms"].max()
    at["strand"] = strand[at["event"]]
    new = at["event"] == at.groupby(["strand", "track"])["event"].transform("min")
    met_again = np.zeros(len(table), dtype=bool)
    met_again[at.loc[~new, "event"]] = True
    at["main"] = at["arms"] * tracks.main[at["track"]]
    arms = at.groupby("event")[["arms", "main"]].sum().reindex(range(len(table)), fill_value=0)
    halves = np.ceil(arms.to_numpy() / 2).astype(np.int64)
    halves[met_again] = 0
    counts = pd.DataFrame(halves, columns=["tracks", "main"]).groupby(strand).sum()
    return ~met_again, counts


def _representative(members: pd.DataFrame, roads: Roads) -> pd.DataFrame:
    """The road of each strand that gives it name and class: no path if it has a road, named."""
    road = members["road"].to_numpy()
    path = pd.Series(roads.kind[road]).map({"path": 1, "walked": 2}).fillna(0).to_numpy()
    nameless = names_of(roads)[road] == None  # noqa: E711 - each of an array
    order = np.lexsort((road, -roads.drawn.length[road].round(3), nameless, path))
    return members.iloc[order].drop_duplicates("strand").sort_values("strand")


def names_of(roads: Roads) -> Array:
    """Number of each road, else its name, else None."""
    made = np.full(len(roads.frame), None, dtype=object)
    for column in ("name", "ref"):
        if column in roads.frame:
            words = roads.frame[column].to_numpy(dtype=object)
            known = ~pd.isna(words) & (words != "")
            made[known] = words[known]
    return made


def with_sides(places: Places, roads: Roads) -> Places:
    """The places with carriageways and sidewalks made part of the road they belong to."""
    of = places.table
    rows = np.flatnonzero(of["outcome"] == "crossing")
    road = of["road"].to_numpy()[rows]
    ahead = roads.drawn.direction(road, of["road_measure"].to_numpy()[rows], 5.0)
    oneway = (
        roads.frame["oneway"] if "oneway" in roads.frame else pd.Series(None, roads.frame.index)
    )
    leader, reason = merged(
        pd.DataFrame(
            {
                "x": of["x"].to_numpy()[rows],
                "y": of["y"].to_numpy()[rows],
                "line": of["line"].to_numpy()[rows],
                "track": of["track"].to_numpy()[rows],
                "ahead_x": ahead[:, 0],
                "ahead_y": ahead[:, 1],
                "way": ways_of(oneway.iloc[road]),
                "road_key": pd.factorize(names_of(roads))[0][road],
                "road_kind": roads.kind[road],
            }
        )
    )
    part = np.arange(len(of))
    part[rows] = rows[leader]
    why = np.full(len(of), "", dtype=object)
    why[rows] = reason
    return merged_into(places, part, why)


def merged_into(places: Places, part: Array, why: Array) -> Places:
    """The places with some made part of others.

    Parameters
    ----------
    part : int, shape (places,)
        The place that each is part of: itself for those that stay.
    why : str, shape (places,)
        Reason that those which do not stay leave with the place that takes them.
    """
    table = places.table.copy()
    lost = np.flatnonzero(part != np.arange(len(table)))
    for column in ("tracks", "main_tracks"):
        most = table[column].to_numpy().copy()
        np.maximum.at(most, part[lost], most[lost])
        table[column] = most
    sides = lost[why[lost] == "divided"]
    own = part[sides]
    for axis in ("x", "y"):
        middle = table[axis].to_numpy().copy()
        middle[own] = (middle[own] + middle[sides]) / 2
        table[axis] = middle
    kept = np.flatnonzero(part == np.arange(len(table)))
    number = np.full(len(table), -1)
    number[kept] = np.arange(len(kept))
    roads = places.roads.assign(place=number[part[places.roads["place"]]])
    reasons = places.reasons.assign(place=number[part[places.reasons["place"]]])
    new = pd.DataFrame({"place": number[part[lost]], "reason": why[lost]})
    reasons = pd.concat([reasons, new], ignore_index=True)
    return Places(
        table.iloc[kept].reset_index(drop=True),
        roads.drop_duplicates(ignore_index=True),
        reasons[reasons["reason"] != ""].drop_duplicates(ignore_index=True),
    )
