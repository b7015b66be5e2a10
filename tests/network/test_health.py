"""Islands and dead ends are told, and ends that nearly touch."""

from __future__ import annotations

import pytest
from small import roads

from blackspots.network import build_network


def test_islands_come_by_length_and_every_segment_has_one() -> None:
    net = build_network(
        roads([(0, 0), (100, 0)], [(500, 0), (1500, 0)], [(1500, 0), (1500, 900)], ref=list("abc"))
    )
    assert net.health.islands["length"].tolist() == [1900, 100]
    assert net.health.islands["segments"].tolist() == [2, 1]
    of = dict(zip(net.segments["road_id"], net.health.island, strict=True))
    assert of == {"r0": 1, "r1": 0, "r2": 0}


def test_dead_ends_tell_the_road_that_they_nearly_touch() -> None:
    net = build_network(roads([(0, 0), (300, 0)], [(100, 0.4), (100, 200)]))
    ends = net.health.dead_ends
    assert len(ends) == 4
    near = ends[ends["gap"].notna()]
    assert near["gap"].tolist() == pytest.approx([0.4])
    assert net.segments["road_id"].loc[near["near"]].tolist() == ["r0"]


def test_a_closed_road_has_no_dead_end() -> None:
    net = build_network(roads([(0, 0), (100, 0), (100, 100), (0, 0)]))
    assert net.health.dead_ends.empty
