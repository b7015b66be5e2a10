"""Tracks, against a walk by hand and against the lines they are made of."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from blackspots.screening.lines import Roads, joined
from blackspots.screening.tracks import chained, cut_out

CORNER = st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda p: (10.0 * p[0], 10.0 * p[1]))
LINE = st.lists(CORNER, min_size=2, max_size=6).filter(lambda xy: len(set(xy)) > 1)
NETWORK = st.lists(st.tuples(LINE, st.sampled_from(["A", "B", None])), min_size=1, max_size=8)


def lines(*wkt: str) -> Roads:
    return joined(shapely.from_wkt(list(wkt)))


def walked(roads: Roads, names: list[str | None] | None) -> list[int]:
    """The first edge of each edge's track, by joining pairs of ends one after the other."""
    group = names or ["all"] * (int(roads.line.max()) + 1)
    part = [f"line {i}" if names is None or n is None else n for i, n in enumerate(group)]
    at_node, of_part = defaultdict(list), defaultdict(list)
    for edge, (u, v, line) in enumerate(zip(roads.graph.u, roads.graph.v, roads.line, strict=True)):
        for node in (u, v):
            at_node[node].append((edge, group[line]))
            of_part[node, part[line]].append((edge, group[line]))
    root = list(range(len(roads.line)))

    def top(edge: int) -> int:
        return edge if root[edge] == edge else top(root[edge])

    for ends in [*at_node.values(), *of_part.values()]:
        if len(ends) == 2 and ends[0][1] == ends[1][1]:
            low, high = sorted(top(edge) for edge, _ in ends)
            root[high] = low
    return [top(edge) for edge in range(len(root))]


@given(NETWORK, st.booleans())
@settings(max_examples=150, deadline=None)
def test_tracks_join_the_edges_that_a_walk_joins(
    network: list[tuple[list[tuple[float, float]], str | None]], named: bool
) -> None:
    roads = joined(np.array([shapely.LineString(xy) for xy, _ in network]))
    names = [name for _, name in network] if named else None
    tracks = chained(roads, None if names is None else pd.Series(names, dtype=object))
    first = np.unique(tracks.track, return_index=True)[1]
    assert first[tracks.track].tolist() == walked(roads, names)
    assert (np.diff(first) > 0).all()


@given(NETWORK, st.booleans(), st.floats(0.0, 1.0))
@settings(max_examples=150, deadline=None)
def test_a_place_on_an_edge_is_where_its_track_has_its_measure(
    network: list[tuple[list[tuple[float, float]], str | None]], named: bool, share: float
) -> None:
    roads = joined(np.array([shapely.LineString(xy) for xy, _ in network]))
    names = pd.Series([name for _, name in network], dtype=object)
    tracks = chained(roads, names if named else None)
    length = roads.graph.length
    assert np.allclose(tracks.length, np.bincount(tracks.track, length))
    edge = np.arange(len(length))
    at = tracks.along(edge, share * length, length)
    number = np.arange(len(tracks.length))
    whole = cut_out(roads, tracks, number, np.zeros(len(number)), tracks.length)
    assert np.allclose(shapely.length(whole), tracks.length)
    placed = shapely.line_interpolate_point(whole[tracks.track], at)
    wanted = shapely.line_interpolate_point(roads.geometry, share * length)
    assert (shapely.distance(placed, wanted) < 1e-6).all()
    stretch = cut_out(roads, tracks, tracks.track, np.zeros(len(edge)), at)
    assert np.allclose(shapely.length(stretch), at, atol=1e-6)


def test_a_line_runs_on_through_a_junction_and_a_side_road_does_not_join_it() -> None:
    roads = lines("LINESTRING (0 0, 50 0, 90 0)", "LINESTRING (50 0, 50 9)")
    assert chained(roads).track.tolist() == [0, 0, 1]


def test_roads_of_two_names_stay_apart_where_they_meet_end_to_end() -> None:
    roads = lines("LINESTRING (0 0, 50 0)", "LINESTRING (50 0, 90 0)")
    assert chained(roads).track.tolist() == [0, 0]
    assert chained(roads, pd.Series(["QL1", "DT2"])).track.tolist() == [0, 1]
    assert chained(roads, pd.Series(["QL1", None])).track.tolist() == [0, 1]
    assert chained(roads, pd.Series([None, None], dtype=object)).track.tolist() == [0, 0]


def test_a_name_that_branches_ends_at_the_fork() -> None:
    roads = lines("LINESTRING (0 0, 50 0)", "LINESTRING (50 0, 90 9)", "LINESTRING (50 0, 90 -9)")
    assert chained(roads, pd.Series(["QL1"] * 3)).track.tolist() == [0, 1, 2]


def test_a_ring_begins_at_its_first_edge() -> None:
    roads = lines("LINESTRING (0 0, 10 0, 10 10)", "LINESTRING (0 0, 0 10, 10 10)")
    tracks = chained(roads)
    assert tracks.track.tolist() == [0, 0]
    assert tracks.before.tolist() == [0.0, 20.0]
    assert tracks.turned.tolist() == [False, True]


def test_no_stretch_gives_no_line() -> None:
    roads = lines("LINESTRING (0 0, 10 0)")
    none = np.zeros(0)
    assert len(cut_out(roads, chained(roads), none.astype(int), none, none)) == 0
