"""Level crossings from roads and railways alone: where a road or path meets a track at grade.

Each place where a road meets a track ends in a row: a crossing, path ends that face each other,
something to be looked at, or apart (bridge, tunnel, no train). What is one crossing on the
ground is one row: the tracks of a line one after the other, the ways that a road was cut into,
its carriageways and sidewalks.

The steps, each a module: ``scene`` (roads near the railway), ``meeting`` (places where they
meet, and the arms of the roads there), ``levels`` (bridges, tunnels, layers), ``events`` (what
happens at each place), ``strands`` (how roads go on), ``places`` and ``beside`` (what is one
crossing), ``facing`` (ends of paths), ``confidence``, ``telling`` (names and chainage).
"""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.crossings import events as happening
from blackspots.crossings.beside import SIDEWALK
from blackspots.crossings.drawn import Array, points_of, together
from blackspots.crossings.events import Events, Sequence, by_way, events_of, links_of
from blackspots.crossings.facing import facing_pairs, road_ends, tracks_between
from blackspots.crossings.levels import APART, UNKNOWN, judged
from blackspots.crossings.lines import Lines
from blackspots.crossings.meeting import SAME, STUB, arms_of, meetings, visits_of
from blackspots.crossings.places import Places, merged_into, strands_of, with_sides
from blackspots.crossings.scene import Roads, Scene, Tracks, scene_of, shared_vertices
from blackspots.crossings.strands import Chains, chains_of
from blackspots.crossings.telling import told

__all__ = ["detect"]

_TWICE_DRAWN: Final = 1.0
"""Roads that cross a track within this distance [m] were drawn twice (mark A)."""


def detect(
    roads: gpd.GeoDataFrame,
    lines: Lines,
    *,
    facing: float = 10.0,
    least_angle: float = 15.0,
    along_road: float = 30.0,
    station: float = 50.0,
) -> gpd.GeoDataFrame:
    """Where roads and paths cross the railway at grade, or seem to, or do not.

    Parameters
    ----------
    roads
        :data:`blackspots.schema.ROADS` in a metric CRS; only the geometry is needed, other
        columns are used where they are there. A missing bridge, tunnel or layer is unknown.
        Roads without length meet nothing.
    lines
        The railway, as of :func:`blackspots.crossings.lines.rail_lines`.
    facing
        Greatest distance [m] from the rail of path ends that face each other over it.
    least_angle
        Angle [degrees] to the track below which a road runs along it and is to be looked at.
    along_road
        Tracks of a line (or parallel) that a road meets one after the other within this way
        [m] are one crossing (mark A).
    station
        A crossing within this distance [m] of a switch lies in a station, as one of side tracks
        or of four tracks does (mark A).

    Returns
    -------
    GeoDataFrame of :data:`blackspots.schema.FOUND_CROSSINGS`
        By line and measure, with ``crossing_id`` and ``status`` empty. ``outcome`` is
        ``crossing``, ``facing``, ``review`` or ``apart``; ``confidence`` as of
        :mod:`blackspots.crossings.confidence`. ``found_id`` is ``LX-``, the line's name and the
        chainage [m] (the coordinates where the place is on no line): the same in every run.

    Raises
    ------
    BlackspotsError
        ``no-crs``, ``crs-not-metric``, ``roads-unusable``.
    ValueError
        When a distance is negative, or roads and railway are not in one CRS.
    """
    if min(facing, least_angle, along_road, station) < 0:
        raise ValueError("facing, least_angle, along_road and station must be 0 or more")
    # Of a way between two tracks each piece is within half of it of one of them.
    scene = scene_of(roads, lines, max(facing, along_road / 2))
    lots = [_in_service(scene, facing, least_angle, along_road)]
    if len(scene.unused.frame):
        lots.append(_without_trains(scene, along_road))
    return told(Places.joined(lots), scene, lines, station)


def _in_service(scene: Scene, facing: float, least_angle: float, way: float) -> Places:
    """What roads and tracks in service make."""
    roads, tracks = scene.roads, scene.tracks
    met = _met(roads, tracks)
    verdict, reason = judged(
        roads.tags.take(met["road"].to_numpy()),
        tracks.tags.take(met["track"].to_numpy()),
        met["shared"].to_numpy(),
    )
    met = met.assign(verdict=verdict, reason=reason)
    events, pairs = _events(met, roads, tracks, least_angle)
    sequence = _sequence(events, chains_of(roads.frame, roads.drawn, roads.key, roads.arms))
    kind = by_way(sequence, events, way)
    at_end = _ends_at(events, roads)
    ends = _free_ends(events, kind, roads, tracks, facing)
    faced = facing_pairs(ends, tracks.line, facing)
    strand = _linked(events, kind, sequence, tracks, way)
    strands = strands_of(events, kind, strand, pairs, roads, tracks)
    strands = with_sides(_explained(strands, events, kind, strand, at_end), roads)
    taken = ends["end"].to_numpy()[faced[["one", "other"]].to_numpy().ravel()]
    strands = _without(strands, _all_taken(at_end, taken, strands))
    free = ~np.isin(ends["end"], np.r_[taken, at_end[at_end >= 0]])
    at_track = ends[free & ends["towards"] & (ends["away"] <= STUB)]
    lots = [strands, _faced(faced, ends, roads, tracks, facing), _dangling(at_track, roads, tracks)]
    return _beside_crossings(Places.joined(lots))


def _without_trains(scene: Scene, way: float) -> Places:
    """Where roads meet tracks on which no train runs: apart, for the track's own reason.

    Left out are places through which a track in service goes as well.
    """
    roads, tracks = scene.roads, scene.unused
    met = _met(roads, tracks)
    used = scene.tracks.rails.tree.query(
        points_of(met[["x", "y"]].to_numpy()), predicate="dwithin", distance=5 * SAME
    )[0]
    met = met[~np.isin(np.arange(len(met)), used)].reset_index(drop=True)
    why = tracks.frame["reason"].to_numpy(dtype=object)[met["track"]]
    events, pairs = _events(met.assign(verdict=APART, reason=why), roads, tracks, 0.0)
    sequence = _sequence(events, chains_of(roads.frame, roads.drawn, roads.key, roads.arms))
    kind = np.full(len(events.table), happening.UNUSED)
    strand = _linked(events, kind, sequence, tracks, way)
    return strands_of(events, kind, strand, pairs, roads, tracks)


def _met(roads: Roads, tracks: Tracks) -> pd.DataFrame:
    """Meetings with ``shared``, ``known`` (of how many levels are known), ``arms`` of the track."""
    met = meetings(roads.drawn, tracks.rails)
    road, track = met["road"].to_numpy(), met["track"].to_numpy()
    at = met["track_measure"].to_numpy()
    inside = (at > STUB / 10) & (at < tracks.rails.drawn.length[track] - STUB / 10)
    known = roads.tags.known[road].astype(np.int64) + tracks.tags.known[track]
    shared = shared_vertices(met, roads, tracks)
    return met.assign(shared=shared, known=known, arms=np.where(inside, 2, 1))


def _events(
    met: pd.DataFrame, roads: Roads, tracks: Tracks, least_angle: float
) -> tuple[Events, pd.DataFrame]:
    """What happens at each place, and the pairs of road and track that make each event.

    Of several tracks at one place that counts whose levels say the least against a crossing.
    """
    drawn = tracks.rails.drawn
    ranks = np.lexsort((np.arange(len(drawn.length)), ~tracks.main)).argsort()
    visits = visits_of(met, ranks)
    best = met.sort_values("verdict", kind="stable").drop_duplicates(["place", "road"])
    best = best[["place", "road", "verdict", "reason"]]
    visits = visits.merge(best, on=["place", "road"], how="left")
    arms = arms_of(visits, roads.drawn, tracks.rails, roads.loose)
    events = events_of(visits, arms, least_angle)
    own = visits[["place", "road"]].assign(event=events.roads["event"]).drop_duplicates()
    pairs = met.merge(own, on=["place", "road"])
    return events, pairs[["event", "road", "track", "arms", "shared", "known"]]


def _sequence(events: Events, chains: Chains) -> Sequence:
    road = events.roads["road"].to_numpy(dtype=np.int64)
    along = chains.measure(road, events.roads["measure"].to_numpy(dtype=np.float64))
    return Sequence(events.roads["event"].to_numpy(), chains.number[road], along)


def _ends_at(events: Events, roads: Roads) -> Array:
    """For each road of an event the loose end that is there, -1 for none."""
    road = events.roads["road"].to_numpy(dtype=np.int64)
    at = events.roads["measure"].to_numpy(dtype=np.float64)
    first = roads.loose[2 * road] & (at < STUB)
    last = roads.loose[2 * road + 1] & (roads.drawn.length[road] - at < STUB)
    return np.where(first, 2 * road, np.where(last, 2 * road + 1, -1))


def _free_ends(
    events: Events, kind: Array, roads: Roads, tracks: Tracks, facing: float
) -> pd.DataFrame:
    """Loose ends near a track which their road does not meet just before, but for its very end.

    Roads and tracks on bridges or in tunnels have none.
    """
    loose = roads.loose.copy()
    passed = kind[events.roads["event"]] != happening.TOUCHES
    road = events.roads["road"].to_numpy(dtype=np.int64)[passed]
    at = events.roads["measure"].to_numpy(dtype=np.float64)[passed]
    loose[2 * road[at <= 2 * facing]] = False
    loose[2 * road[roads.drawn.length[road] - at <= 2 * facing] + 1] = False
    of, over = roads.tags, tracks.tags
    apart = (of.bridge == 1) | (of.tunnel == 1) | (of.covered == 1)
    loose &= ~np.repeat(apart, 2)
    ends = road_ends(roads.drawn, tracks.rails, loose, max(facing, STUB))
    track = ends["track"].to_numpy(dtype=np.int64)
    made: pd.DataFrame = ends[(over.bridge[track] != 1) & (over.tunnel[track] != 1)]
    return made.reset_index(drop=True)


def _linked(events: Events, kind: Array, sequence: Sequence, tracks: Tracks, way: float) -> Array:
    """The strand of each event, shape (events,)."""
    from scipy.sparse import coo_array  # noqa: PLC0415 - slow to load
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    count = len(events.table)
    if not count:
        return np.empty(0, dtype=np.int64)
    a, b = links_of(sequence, events, kind, tracks.rails, tracks.line, way)
    xy = events.table[["x", "y"]].to_numpy()
    track = events.table["track"].to_numpy(dtype=np.int64)
    group = pd.DataFrame({"near": together(xy, _TWICE_DRAWN), "kind": kind, "track": track})
    first = group.groupby(["near", "kind", "track"]).ngroup().to_numpy()
    start = np.unique(first, return_index=True)[1][first]
    a, b = np.r_[a, start], np.r_[b, np.arange(count)]
    linked = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(count, count))
    return np.asarray(connected_components(linked, directed=False)[1], dtype=np.int64)


def _explained(
    strands: Places, events: Events, kind: Array, strand: Array, at_end: Array
) -> Places:
    """The strands with the reason that made their outcome."""
    size = len(strands.table)
    dangling, wove, contradicts = (np.zeros(size, dtype=bool) for _ in range(3))
    of = events.roads["event"].to_numpy()
    dangling[strand[of[at_end >= 0]]] = True
    wove[strand[(kind == happening.ALONG) & (events.table["kind"] == happening.CROSSES)]] = True
    reasons = strands.reasons
    contradicts[reasons.loc[reasons["reason"] == "levels-contradict", "place"]] = True
    what = strands.table["kind"].to_numpy()
    first = np.select(
        [
            (what == happening.DOUBT) & contradicts,
            what == happening.DOUBT,
            (what == happening.ALONG) & wove,
            what == happening.ALONG,
            (what == happening.TOUCHES) & dangling,
            what == happening.TOUCHES,
        ],
        [
            "levels-contradict",
            "layer-of-one",
            "weaves",
            "along-track",
            "ends-at-track",
            "touches-track",
        ],
        "",
    ).astype(object)
    table = strands.table.assign(first_reason=first)
    return Places(table, strands.roads, strands.reasons)


def _all_taken(at_end: Array, taken: Array, strands: Places) -> Array:
    """Which strands are but ends of roads that face others; bool, shape (strands,)."""
    road = np.unique(taken[np.isin(taken, at_end)] // 2)
    rest = strands.roads.loc[~strands.roads["road"].isin(road), "place"]
    only: Array = np.asarray(strands.table["kind"] == happening.TOUCHES).copy()
    only[rest] = False
    return only


def _without(places: Places, dropped: Array) -> Places:
    """The places without some of them."""
    number = np.cumsum(~dropped) - 1
    roads, reasons = (
        frame[~dropped[frame["place"]]].assign(place=lambda f: number[f["place"]])
        for frame in (places.roads, places.reasons)
    )
    return Places(places.table[~dropped].reset_index(drop=True), roads, reasons)


def _faced(
    faced: pd.DataFrame, ends: pd.DataFrame, roads: Roads, tracks: Tracks, facing: float
) -> Places:
    """Places where ends of roads face each other."""
    one, other = (ends.iloc[faced[c].to_numpy()].reset_index(drop=True) for c in ("one", "other"))
    across = tracks_between(faced, ends, tracks.rails)
    count = np.bincount(across["pair"], minlength=len(faced))
    main = np.bincount(across["pair"], tracks.main[across["track"]], minlength=len(faced))
    road = one["end"].to_numpy() // 2, other["end"].to_numpy() // 2
    longer = roads.drawn.length[road[0]] >= roads.drawn.length[road[1]]
    track = one["track"].to_numpy(dtype=np.int64)
    known = tracks.tags.known[track].astype(np.int64)
    known = known + (roads.tags.known[road[0]] & roads.tags.known[road[1]])
    table = faced[["x", "y", "angle"]].assign(
        kind=-1,
        outcome="facing",
        first_reason="facing-ends",
        tracks=count,
        main_tracks=main.astype(np.int64),
        line=tracks.line[track],
        track=track,
        shared=UNKNOWN,
        known=known,
        road=np.where(longer, *road),
        gap_share=(one["away"] + other["away"]) / max(2 * facing, STUB),
    )
    place = np.tile(np.arange(len(faced)), 2)
    return Places(table, pd.DataFrame({"place": place, "road": np.concatenate(road)}), _NO_REASONS)


def _dangling(ends: pd.DataFrame, roads: Roads, tracks: Tracks) -> Places:
    """Ends just short of the track with none that faces them."""
    road, track = ends["end"].to_numpy() // 2, ends["track"].to_numpy(dtype=np.int64)
    table = pd.DataFrame(
        {
            "kind": -1,
            "outcome": "review",
            "first_reason": "ends-at-track",
            "x": ends["foot_x"],
            "y": ends["foot_y"],
            "angle": np.nan,
            "tracks": 1,
            "main_tracks": tracks.main[track].astype(np.int64),
            "line": tracks.line[track],
            "track": track,
            "shared": UNKNOWN,
            "known": roads.tags.known[road].astype(np.int64) + tracks.tags.known[track],
            "road": road,
            "gap_share": np.nan,
        }
    ).reset_index(drop=True)
    return Places(table, pd.DataFrame({"place": np.arange(len(road)), "road": road}), _NO_REASONS)


def _beside_crossings(places: Places) -> Places:
    """The places with path ends that face each other beside a crossing made part of it."""
    of = places.table
    faced, crossed = (np.flatnonzero(of["outcome"] == o) for o in ("facing", "crossing"))
    part, why = np.arange(len(of)), np.full(len(of), "", dtype=object)
    shapes = points_of(of[["x", "y"]].to_numpy())
    tree = shapely.STRtree(shapes[crossed])
    (at, near), away = tree.query_nearest(
        shapes[faced], max_distance=max(SIDEWALK, SAME), all_matches=False, return_distance=True
    )
    at, near = faced[at[away <= SIDEWALK]], crossed[near[away <= SIDEWALK]]
    one_line = of["line"].to_numpy()[at] == of["line"].to_numpy()[near]
    part[at[one_line]], why[at[one_line]] = near[one_line], "path-ends-beside"
    return merged_into(places, part, why)


_NO_REASONS: Final = pd.DataFrame(
    {"place": pd.Series(dtype=np.int64), "reason": pd.Series(dtype=object)}
)
