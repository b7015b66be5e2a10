"""Ways along each side of a railway that never cross it at grade, on drawings and real roads."""

from __future__ import annotations

from collections import deque
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from closing_world import railway, register
from small import METRES, roads

from blackspots.crossings.detours import Ways, feet_of, ways_between
from blackspots.crossings.lines import Lines

RAIL = railway([(0, 0), (3000, 0)])
PATHS = {"A": (500.0, "official"), "p": (1000.0, "self-opened"), "B": (1500.0, "official")}


def ways(
    crossings: gpd.GeoDataFrame,
    layer: gpd.GeoDataFrame,
    lines: Lines = RAIL,
    reach: float = 5000.0,
    **other: Any,
) -> tuple[Ways, int]:
    """Ways among all crossings, and the number of unlisted cuts."""
    size = len(crossings)
    feet = feet_of(crossings, layer, lines, reach=reach, wanted=np.ones(size, dtype=bool))
    given = {"line": np.zeros(size), "open_": np.zeros(size, dtype=bool), **other}
    (way,) = ways_between(feet, [np.arange(size)], reach=reach, **given)
    return way, len(feet.unlisted)


def across(x: float, up: float = 200.0, down: float = -200.0) -> list[tuple[float, float]]:
    return [(x, down), (x, up)]


def test_roads_on_one_side_do_not_serve_the_other() -> None:
    """
        +-------+-------+   y = 200
        |       |       |
    ====A=======p=======B====
        |       |       |
    """
    layer = roads(across(500), across(1000), across(1500), [(500, 200), (1000, 200), (1500, 200)])
    way, unlisted = ways(register(PATHS), layer)
    assert unlisted == 0
    left, right = way.along
    np.testing.assert_allclose(left, [[0, 900, 1400], [900, 0, 900], [1400, 900, 0]])
    assert np.isinf(right[~np.eye(3, dtype=bool)]).all()
    assert np.isinf(way.across).all()


@pytest.mark.parametrize("level", [{"bridge": True}, {"tunnel": True}, {"layer": 1}, {"layer": -1}])
def test_a_bridge_or_underpass_is_the_way_from_one_side_to_the_other(level: dict[str, Any]) -> None:
    """
        +---+   +
        |   #   |
    ====p===#===B====   # bridge at 1200
        |   #
        +---+
    """
    (name, value), empty = next(iter(level.items())), {"layer": 0}
    columns = {name: [empty.get(name, False), empty.get(name, False), value]}
    layer = roads(
        [(1000, -200), (1000, 200), (1200, 200)],
        [(1000, -200), (1200, -200)],
        [(1200, -200), (1200, 200)],
        **columns,
    )
    way, unlisted = ways(register(PATHS), layer)
    assert unlisted == 0
    assert way.across[1] == pytest.approx(200 + 200 + 400 + 200 + 200)
    assert np.isinf(way.across[[0, 2]]).all()


def test_a_road_beneath_a_bridge_of_the_railway_is_an_underpass() -> None:
    lines = railway([(0, 0), (3000, 0)])
    tracks = gpd.GeoDataFrame(
        {"line_id": [0, 0, 0], "reason": None, "bridge": [False, True, False]},
        geometry=[
            shapely.LineString(pair)
            for pair in ([(0, 0), (1190, 0)], [(1190, 0), (1210, 0)], [(1210, 0), (3000, 0)])
        ],
        crs=METRES,
    )
    layer = roads(
        [(1000, -200), (1000, 200), (1200, 200), (1200, -200), (1000, -200)], bridge=[None]
    )
    way, _ = ways(register(PATHS), layer, Lines(lines.lines, tracks))
    assert way.across[1] == pytest.approx(1200.0)


def test_an_unlisted_crossing_is_no_way_round_and_is_counted() -> None:
    layer = roads([(1000, -200), (1000, 200), (1200, 200), (1200, -200), (1000, -200)])
    way, unlisted = ways(register(PATHS), layer)
    assert unlisted == 1
    assert np.isinf(way.across).all()


def test_a_road_split_at_the_very_crossing_is_cut() -> None:
    """Two lines that end on the track, a little beside it by rounding: no way through."""
    for off in (0.0, 1e-7, -0.004):
        layer = roads(
            [(1000, -200), (1000, off)],
            [(1000, off), (1000, 200), (1200, 200), (1200, -200), (1000, -200)],
            bridge=[False, False],
        )
        way, unlisted = ways(register(PATHS), layer)
        assert unlisted == 1
        assert np.isinf(way.across).all()


def test_node_ids_tell_where_roads_meet() -> None:
    """Without a shared id two roads do not meet though they share a place."""
    drawn = [across(500), across(1000), [(500, 200), (1000, 200)]]
    for ids, length in (([0, 1, 2, 3, 1, 3], 900.0), ([0, 1, 2, 3, 1, 9], np.inf)):
        layer = roads(*drawn, node_ids=[np.array(ids[i : i + 2]) for i in (0, 2, 4)])
        way, _ = ways(register(PATHS), layer)
        assert way.along[0, 0, 1] == pytest.approx(length)


def test_roads_of_unequal_levels_do_not_meet_at_a_vertex_between() -> None:
    """A flyover above a road, a vertex of both at one place; it would shorten the way.

    ====A=======p====    A and p go up to y = 200, where the flyover (layer 1) passes.
    """
    over = [(400, 200), (500, 200), (1000, 200), (1100, 200)]
    up = [[(x, -50), (x, 200), (x, 300)] for x in (500, 1000)]
    way, _ = ways(register(PATHS), roads(*up, over, layer=[0, 0, 1]))
    assert np.isinf(way.along[0, 0, 1])
    way, _ = ways(register(PATHS), roads(*up, over, layer=[0, 0, 0]))
    assert way.along[0, 0, 1] == pytest.approx(900)


def test_double_track_is_one_cut() -> None:
    """
        |           tracks at y = 0 and y = 4, the crossing listed between them
    ====|====
    ====|====
    """
    lines = railway([(0, 0), (3000, 0)])
    tracks = gpd.GeoDataFrame(
        {"line_id": [0, 0], "reason": None},
        geometry=[shapely.LineString([(0, y), (3000, y)]) for y in (0, 4)],
        crs=METRES,
    )
    layer = roads(across(500), across(1000), [(500, 200), (1000, 200)], [(500, -200), (1000, -200)])
    way, unlisted = ways(register(PATHS), layer, Lines(lines.lines, tracks))
    assert unlisted == 0
    assert way.along[0, 0, 1] == pytest.approx(196 + 500 + 196)  # the foot is beyond both tracks
    assert way.along[1, 0, 1] == pytest.approx(900)
    assert np.isinf(way.across).all()


def test_two_crossings_listed_at_one_double_track_have_no_way_across() -> None:
    """One road over two tracks, each with a crossing of its own in the list, as OSM has them."""
    lines = railway([(0, 0), (3000, 0)])
    tracks = gpd.GeoDataFrame(
        {"line_id": [0, 0], "reason": None},
        geometry=[shapely.LineString([(0, y), (3000, y)]) for y in (0, 4)],
        crs=METRES,
    )
    crossings = register({"p": (1000.0, "self-opened"), "q": (1000.0, "self-opened")})
    for heights in ((0, 4), (4, 0)):
        points = [shapely.Point(1000, y) for y in heights]
        pair = crossings.set_geometry(gpd.GeoSeries(points, crossings.index, crs=METRES))
        layer = roads([(1000, -200), (1000, 0), (1000, 4), (1000, 200)])
        way, unlisted = ways(pair, layer, Lines(lines.lines, tracks))
        assert unlisted == 0
        assert np.isinf(way.across).all()
        assert (way.along < 10).all()


def test_a_path_that_is_not_drawn_starts_at_the_nearest_road_of_its_side() -> None:
    """
    ----A----------B-----  y = 40: a road along the railway, on the left
    ====A====p=====B=====
    """
    layer = roads([(0, 40), (3000, 40)])
    way, _ = ways(register(PATHS), layer)
    np.testing.assert_allclose(way.along[0], [[0, 580, 1080], [580, 0, 580], [1080, 580, 0]])
    assert np.isinf(way.along[1][~np.eye(3, dtype=bool)]).all()
    far, _ = ways(register(PATHS), roads([(0, 60), (3000, 60)]))
    assert np.isinf(far.along[0, 0, 1])


def test_a_path_that_ends_before_the_track_starts_at_its_end() -> None:
    layer = roads([(1000, 8), (1000, 200), (500, 200), (500, -200)])
    way, _ = ways(register(PATHS), layer)
    assert way.along[0, 0, 1] == pytest.approx(8 + 192 + 500 + 200)


def test_no_way_longer_than_reach() -> None:
    layer = roads(across(500), across(1000), [(500, 200), (1000, 200)])
    assert np.isfinite(ways(register(PATHS), layer, reach=901.0)[0].along[0, 0, 1])
    assert np.isinf(ways(register(PATHS), layer, reach=899.0)[0].along[0, 0, 1])


def test_open_crossings_of_another_line_may_be_used() -> None:
    """
    ==A====p====  L0, y = 0; the road between A and p crosses L1 (y = 300) twice
      |    |
    ==x====y====  L1: open or not
      +----+      y = 400
    """
    lines = railway([(0, 0), (3000, 0)], [(0, 300), (3000, 300)])
    crossings = register({**PATHS, "x": (500.0, "official"), "y": (1000.0, "official")})
    points = [*crossings.geometry[:3], shapely.Point(500, 300), shapely.Point(1000, 300)]
    crossings = crossings.set_geometry(gpd.GeoSeries(points, crossings.index, crs=METRES))
    layer = roads([(500, -100), (500, 400), (1000, 400), (1000, -100)])
    feet = feet_of(crossings, layer, lines, reach=5000.0, wanted=np.arange(5) < 3)
    for open_, length in ((True, 1302.0), (False, np.inf)):
        (way,) = ways_between(
            feet,
            [np.arange(3)],
            reach=5000.0,
            line=np.array([0, 0, 0, 1, 1]),
            open_=np.array([True, False, True, open_, open_]),
        )
        assert way.along[0, 0, 1] == pytest.approx(length)


def steps_from(start: tuple[int, int], links: dict[tuple[int, int], list[Any]]) -> dict[Any, int]:
    """Breadth-first search: how many steps away each place is."""
    found, queue = {start: 0}, deque([start])
    while queue:
        here = queue.popleft()
        for there in links.get(here, []):
            if there not in found:
                found[there] = found[here] + 1
                queue.append(there)
    return found


def test_ways_against_breadth_first_search_on_a_grid_with_gaps() -> None:
    """Streets 100 m apart on both sides, a quarter of them missing; crossings end at y = 0."""
    rng = np.random.Generator(np.random.PCG64(7))
    steps = [
        ((i, j), (i + di, j + dj))
        for i in range(12)
        for j in range(-5, 6)
        for di, dj in ((1, 0), (0, 1))
        if rng.random() < 0.75 and i + di < 12 and j + dj <= 5 and not (di and j == 0)
    ]
    layer = roads(*[[(100.0 * a, 100.0 * b) for a, b in pair] for pair in steps])
    crossings = register({f"c{i}": (100.0 * i, "self-opened") for i in range(12)})
    way, _ = ways(crossings, layer)
    compared = 0
    for side, sign in enumerate((1, -1)):
        links: dict[tuple[int, int], list[Any]] = {}
        for one, other in (pair for pair in steps if all(sign * b >= 0 for _, b in pair)):
            links.setdefault(one, []).append(other)
            links.setdefault(other, []).append(one)
        drawn = [i for i in range(12) if (i, 0) in links]
        for i in drawn:
            known = steps_from((i, 0), links)
            for j in drawn:
                assert way.along[side, i, j] == pytest.approx(100.0 * known.get((j, 0), np.inf))
                compared += 1
    assert compared > 100


def test_without_roads_nothing_is_joined() -> None:
    way, unlisted = ways(register(PATHS), roads())
    assert unlisted == 0
    assert np.isinf(way.along[:, ~np.eye(3, dtype=bool)]).all()
