"""What sites count and what is expected of them: parts, weights of uncertain places, sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from small import crashes, roads

from blackspots.locating import Reach, locate, weights
from blackspots.network import build_network
from blackspots.presets import definition
from blackspots.screening import Layers, Screened, expect, screen
from blackspots.screening.evidence import Parts, doubtful, parts_of, stretch_of, weighted
from blackspots.screening.joining import Joined, Spot
from blackspots.screening.model import posterior

VN = definition("vn-26-2012")
ROWS = pd.DataFrame(
    {
        "kind": ["segment", "junction", "segment", "crossing"],
        "key": [0, 7, 0, "X"],
        "site": [0, 0, 1, 2],
        "low": [100.0, np.nan, 900.0, np.nan],
        "high": [500.0, np.nan, 1000.0, np.nan],
    }
)


def test_places_on_a_stretch_are_found_by_route_and_measure() -> None:
    routes = np.array([0, 0, 0, 1, 0, np.nan, 0])
    at = np.array([100.0, 500.0, 500.1, 300.0, 950.0, 950.0, np.nan])
    assert stretch_of(ROWS, routes, at).tolist() == [0, 0, -1, -1, 2, -1, -1]
    assert stretch_of(ROWS.iloc[1:2], routes, at).tolist() == [-1] * 7


def test_a_site_takes_the_crashes_on_its_stretch_that_are_no_other_site_s() -> None:
    located = pd.DataFrame(
        {
            "place": ["segment", "segment", "segment", "junction", "segment", None],
            "route_id": pd.array([0, 0, 0, 0, 0, None], dtype="Int64"),
            "route_measure": [100.0, 150.0, 260.0, 150.0, 180.0, np.nan],
        }
    )
    one = Spot("segment", 0, np.array([0, 2]), 100.0, 260.0, None)
    other = Spot("segment", 0, np.array([4]), 180.0, 180.0, None)
    joined = [Joined((one,), 0, 50.0, 310.0), Joined((other,), 0, 170.0, 190.0)]
    parts = parts_of(joined, located)
    assert [rows.tolist() for rows in parts.rows] == [[0, 1, 2], [4]]
    assert [rows.tolist() for rows in parts.of_sites(3)] == [[0, 1, 2], [4], []]


def test_uncertain_crashes_count_by_their_probability_and_widen_the_interval() -> None:
    located = pd.DataFrame(
        {"severity": ["fatal", "slight", "pdo"]}, index=pd.Index(["a", "b", "c"])
    )
    parts = Parts(ROWS, [np.array([0, 1]), np.array([2]), np.zeros(0, int), np.zeros(0, int)])
    weight = pd.DataFrame(
        {
            "crash_id": ["a", "b", "b", "b", "c"],
            "place": ["segment", "segment", "segment", "crossing", "junction"],
            "route_id": pd.array([0, 0, 0, None, None], dtype="Int64"),
            "route_measure": [200.0, 110.0, 120.0, np.nan, np.nan],
            "junction_id": pd.array([None, None, None, None, 7], dtype="Int64"),
            "crossing_id": [None, None, None, "X", None],
            "weight": [1.0, 0.5, 0.2, 0.3, 1.0],
        }
    )
    unsure = doubtful(parts, located, weight)
    assert unsure["probability"].tolist() == pytest.approx([0.7, 0.3])
    made = weighted(parts, located, unsure)
    assert made["crashes"].tolist() == pytest.approx([1.7, 1.0, 0.0, 0.3])
    assert made["fatal"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert made["slight"].tolist() == pytest.approx([0.7, 0.0, 0.0, 0.3])
    # Two candidates in one part are one chance of 0.7.
    assert made["spread"].tolist() == pytest.approx([0.21, 0.0, 0.0, 0.21])
    whole = weighted(parts, located, None)
    assert whole["crashes"].tolist() == [2.0, 1.0, 0.0, 0.0]
    assert not whole["spread"].any()


NET = build_network(
    roads(
        [(0, 0), (1000, 0), (10_000, 0)],
        [(1000, 0), (1000, 800)],
        ref=["QL1", None],
        road_class=["national", "local"],
    )
)
LAYERS = Layers(routes=NET.routes, segments=NET.segments, nodes=NET.nodes, junctions=NET.junctions)


def screened(xs: list[tuple[float, float]], radius: float = 20, **options: Any) -> Screened:
    placement = locate(
        crashes(xs, severity=["slight"] * len(xs)),
        segments=NET.segments, parts=NET.parts, nodes=NET.nodes, routes=NET.routes,
        reach=Reach(junction=radius),
    )  # fmt: skip
    located = placement.crashes
    expectation = expect(
        located, routes=NET.routes, segments=NET.segments, junctions=NET.junctions,
        crossings=None, areas=None, window=500.0, years=3.0,
    )  # fmt: skip
    return screen(located, expectation, VN, LAYERS, weight=weights(placement), **options)


AROUND = [(1001.0, 0.0)] * 6 + [(1080.0, 0.0)] * 4 + [(900.0, 0.0)]


def test_a_junction_and_the_road_around_it_are_one_site_with_both_expectations() -> None:
    made = screened(AROUND)
    assert len(made.sites) == 1
    site = made.sites.iloc[0]
    assert (site["kind"], site["crashes"], site["junctions"]) == ("junction", 11, "J0")
    assert (site["from_measure"], site["to_measure"]) == (850.0, 1130.0)
    assert made.sites.geometry.iloc[0].length == pytest.approx(280)
    assert made.parts["kind"].tolist() == ["segment", "junction"]
    assert made.membership.notna().all()
    alone = screened(AROUND, most=150.0).sites
    assert sorted(alone["kind"]) == ["junction", "segment"]
    assert site["expected"] == pytest.approx(alone["expected"].sum())
    assert site["predicted"] == pytest.approx(alone["predicted"].sum())
    assert alone["expected_low"].sum() < site["expected_low"] < site["expected"]


def test_a_site_of_one_part_has_the_posterior_of_its_part() -> None:
    site = screened(AROUND, most=150.0).sites
    site = site[site["kind"] == "junction"]
    placement = locate(
        crashes(AROUND, severity=["slight"] * len(AROUND)),
        segments=NET.segments, parts=NET.parts, nodes=NET.nodes, routes=NET.routes,
        reach=Reach(junction=20),
    )  # fmt: skip
    population = expect(
        placement.crashes, routes=NET.routes, segments=NET.segments, junctions=NET.junctions,
        crossings=None, areas=None, window=500.0, years=3.0,
    ).populations["junction"]  # fmt: skip
    mean = population.rate.to_numpy()[:1]
    own = posterior(population, site.reset_index(), mean, 3.0, population.rate.index).iloc[0]
    for name in ("expected", "expected_low", "expected_high", "p_excess", "weight", "excess"):
        assert site[name].iloc[0] == pytest.approx(own[name]), name
