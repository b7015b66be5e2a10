"""Spots that overlap on the road become one site; lengths and roads bound it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from small import roads

from blackspots.network import build_network
from blackspots.screening.joining import MARGIN, Joined, Spot, join, junctions_on_routes
from blackspots.screening.windows import Window

LENGTHS = pd.Series([5000.0, 800.0], index=[0, 1])
NOWHERE = pd.DataFrame({"junction": [], "route": [], "low": [], "high": []})


def spot(start: float, end: float, *, route: int = 0, level: int = 0, crashes: int = 3) -> Spot:
    rows = np.arange(crashes)
    window = Window(0, rows, start, end, level, "r", 0, 0, rows)
    return Spot("segment", route, rows, start, end, window)


def junction(key: int, *, level: int = 0, crashes: int = 3) -> Spot:
    rows = np.arange(crashes)
    nan = float("nan")
    return Spot("junction", key, rows, nan, nan, Window(0, rows, 0, 0, level, "r", 0, 0, rows))


def joined(*spots: Spot, at: Any = None, least: float = 100, most: float = 1000) -> list[Joined]:
    where = NOWHERE if at is None else pd.DataFrame(at, columns=list(NOWHERE.columns))
    return join(list(spots), LENGTHS, where, least=least, most=most)


def extents(made: list[Joined]) -> list[tuple[int | None, float, float, int]]:
    return [(one.route, one.low, one.high, len(one.spots)) for one in made]


def test_margins_reach_beyond_the_crashes_and_stop_at_the_ends_of_the_road() -> None:
    assert extents(joined(spot(1000, 1300), spot(20, 200, level=1))) == [
        (0, 950, 1350, 1), (0, 0, 250, 1),
    ]  # fmt: skip
    assert extents(joined(spot(700, 790, route=1))) == [(1, 650, 800, 1)]


def test_a_site_is_no_shorter_than_the_least_length() -> None:
    assert extents(joined(spot(1000, 1000), least=300)) == [(0, 850, 1150, 1)]
    assert extents(joined(spot(10, 10), least=300)) == [(0, 0, 300, 1)]
    assert extents(joined(spot(795, 795, route=1), least=300)) == [(1, 500, 800, 1)]
    assert extents(joined(spot(400, 400, route=1), least=2000, most=3000)) == [(1, 0, 800, 1)]


def test_overlapping_stretches_join_and_the_strongest_names_the_site() -> None:
    weak, strong = spot(1000, 1300, level=2), spot(1380, 1500, level=0)
    made = joined(weak, strong)
    assert extents(made) == [(0, 950, 1550, 2)]
    assert made[0].spots == (strong, weak)
    assert len(joined(spot(1000, 1300), spot(1401, 1500))) == 2
    assert len(joined(spot(700, 750), spot(700, 750, route=1))) == 2


def test_what_would_be_too_long_meets_halfway_and_the_strongest_join_first() -> None:
    left, middle, right = spot(1000, 1400, level=1), spot(1450, 1850), spot(1900, 2300, level=2)
    made = joined(left, middle, right)
    assert [one.spots for one in made] == [(middle, left), (right,)]
    assert extents(made) == [(0, 950, 1875, 2), (0, 1875, 2350, 1)]


def test_a_stretch_longer_than_the_greatest_length_stays_what_it_is() -> None:
    assert extents(joined(spot(1000, 2600), spot(2650, 2700))) == [
        (0, 950, 2625, 1), (0, 2625, 2750, 1),
    ]  # fmt: skip


def test_a_junction_within_a_stretch_joins_it_and_one_road_only() -> None:
    at = [(7, 0, 1200.0, 1210.0), (7, 1, 400.0, 400.0), (8, 0, 3000.0, 3000.0)]
    road, other = spot(1000, 1300, level=1), spot(380, 500, route=1, level=2)
    made = joined(road, other, junction(7), junction(8), at=at)
    assert extents(made)[0] == (0, 950, 1350, 2)
    assert made[1].route is None
    assert [one.spots[0].key for one in made] == [7, 8, 1]


def test_junctions_alone_and_crossings_do_not_join() -> None:
    at = [(7, 0, 1200.0, 1200.0), (8, 0, 1200.0, 1200.0)]
    crossing = Spot("crossing", "x", np.arange(2), np.nan, np.nan, None)
    assert len(joined(junction(7), junction(8), crossing, at=at)) == 3


def test_junctions_lie_on_every_route_that_meets_there() -> None:
    net = build_network(
        roads(
            [(0, 0), (1000, 0), (3000, 0)],
            [(1000, 0), (1000, 500)],
            [(1020, 0), (1020, -500)],
            ref=["QL1", "DT2", "DT3"],
        )
    )
    # The third road ends on the first without a common vertex: no junction.
    made = junctions_on_routes(net.segments, net.nodes)
    ref = net.routes["ref"].to_dict()
    found = {(ref[r], low, high) for r, low, high in made[["route", "low", "high"]].to_numpy()}
    assert ("QL1", 1000.0, 1000.0) in found
    assert found - {("QL1", 1000.0, 1000.0)} <= {("DT2", 0.0, 0.0), ("DT2", 500.0, 500.0)}
    assert len(found) == 2


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 4900), st.integers(0, 500), st.integers(0, 3)),
        max_size=12,
    ),
    st.integers(50, 400),
    st.integers(400, 2000),
)
def test_every_spot_is_in_one_site_within_its_stretch_and_bounds(
    drawn: list[tuple[int, int, int, int]], least: int, most: int
) -> None:
    given_ = [
        spot(min(a, LENGTHS[r]), min(a + long, LENGTHS[r]), route=r, level=level, crashes=2 + i)
        for i, (r, a, long, level) in enumerate(drawn)
    ]
    made = joined(*given_, least=least, most=most)
    assert sorted(id(s) for one in made for s in one.spots) == sorted(map(id, given_))
    for one in made:
        assert one.low <= min(s.start for s in one.spots)
        assert one.high >= max(s.end for s in one.spots)
        assert {s.key for s in one.spots} == {one.route}
        if len(one.spots) > 1:
            assert one.high - one.low <= most + 1e-6
        strengths = [s.strength for s in one.spots]
        assert strengths == sorted(strengths)
        inner = max(s.end for s in one.spots) - min(s.start for s in one.spots)
        assert one.high - one.low <= max(inner + 2 * MARGIN, least) + least + 1e-6


@given(st.permutations(range(5)))
def test_the_order_of_the_spots_does_not_matter(order: list[int]) -> None:
    given_ = [spot(300 * i, 300 * i + 260, crashes=3 + i) for i in range(5)]
    made = {tuple(sorted(s.start for s in one.spots)) for one in joined(*given_)}
    again = {
        tuple(sorted(s.start for s in one.spots)) for one in joined(*(given_[i] for i in order))
    }
    assert made == again
