"""What a work faces: expected crashes at places that a user names.

Checked against the sites of the same study and against sums over parts.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from small import crashes, crossings, roads
from test_sites import NET, VN, YEARS

from blackspots.locating import Reach, locate
from blackspots.network import Network, build_network
from blackspots.screening import Expectation, Layers, expect, expected_at, screen

COLUMNS = ["place", "route_id", "from_measure", "to_measure", "junction_id", "crossing_id"]


def prepared(
    given_: gpd.GeoDataFrame, net: Network = NET, rail: gpd.GeoDataFrame | None = None
) -> tuple[gpd.GeoDataFrame, Expectation]:
    located = locate(
        given_, segments=net.segments, parts=net.parts, nodes=net.nodes, routes=net.routes,
        crossings=rail, reach=Reach(junction=150),
    ).crashes  # fmt: skip
    expectation = expect(
        located, routes=net.routes, segments=net.segments, junctions=net.junctions,
        crossings=rail, areas=None, window=500.0, years=YEARS,
    )  # fmt: skip
    return located, expectation


def faced(
    located: gpd.GeoDataFrame, expectation: Expectation, *rows: dict[str, Any], net: Network = NET
) -> pd.DataFrame:
    places = pd.DataFrame(list(rows), columns=COLUMNS)
    places.index = pd.Index([f"w{i}" for i in range(len(rows))], name="repair_id")
    return expected_at(
        places, located, expectation, segments=net.segments, nodes=net.nodes, routes=net.routes
    )


def stretch(start: float, end: float, route_id: int = 0) -> dict[str, Any]:
    return {"place": "segment", "route_id": route_id, "from_measure": start, "to_measure": end}


MANY = crashes(
    [(x, 0.0) for x in np.random.default_rng(2).choice(100, 60) * 100.0]
    + [(6000.0, 500.0)] * 3
    + [(6000.0, 20.0)] * 5,
    severity=list(np.random.default_rng(3).choice(["fatal", "slight", "pdo"], 68)),
)
READY = prepared(MANY)


def test_a_work_over_a_whole_site_faces_at_least_its_crashes() -> None:
    located, expectation = READY
    layers = Layers(
        routes=NET.routes, segments=NET.segments, nodes=NET.nodes, junctions=NET.junctions
    )
    screened = screen(located, expectation, VN, layers)
    sites, membership = screened.sites, screened.membership
    assert {"segment", "junction"} <= set(sites["kind"])
    made = expected_at(
        sites.rename(columns={"kind": "place"}), located, expectation,
        segments=NET.segments, nodes=NET.nodes, routes=NET.routes,
    )  # fmt: skip
    assert (made["crashes"] >= sites["crashes"]).all()
    for site_id, members in made["members"].items():
        mine = set(np.flatnonzero((membership == site_id).to_numpy()))
        assert mine <= set(members)
    junction = sites.index[sites["kind"] == "junction"]
    np.testing.assert_allclose(
        made.loc[junction, "expected"].astype(float), sites.loc[junction, "expected"]
    )
    fatal = made.loc[junction, "expected_fatal"].astype(float)
    np.testing.assert_allclose(fatal, sites.loc[junction, "expected_fatal"])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 95), st.integers(2, 60), st.floats(0, 1))
@example(50, 20, 0.5)  # cut at the junction
def test_two_halves_of_a_stretch_add_up(start: int, size: int, share: float) -> None:
    """Cut anywhere, at a crash and at the junction too, which belong to one half."""
    located, expectation = READY
    low, high = start * 100.0, min((start + size) * 100.0, 10_000.0)
    cut = np.clip(round((low + share * (high - low)) / 100) * 100.0, low + 100, high - 100)
    whole, one, two = (
        row for _, row in faced(
            located, expectation, stretch(low, high), stretch(low, cut), stretch(cut, high)
        ).iterrows()
    )  # fmt: skip
    for name in ("crashes", "fatal", "slight", "pdo"):
        assert one[name] + two[name] == whole[name]
    assert one["predicted"] + two["predicted"] == pytest.approx(whole["predicted"])
    assert sorted([*one["members"], *two["members"]]) == sorted(whole["members"])


def test_expectations_add_up_over_the_sections_of_a_stretch() -> None:
    """Each section of a window's length shrinks for itself, so cuts between them change nothing."""
    located, expectation = READY
    made = faced(located, expectation, stretch(0, 1500), stretch(0, 500), stretch(500, 1500))
    columns = ["expected", "predicted", "expected_fatal", "expected_slight", "expected_pdo"]
    values = made[columns].astype(float)
    np.testing.assert_allclose(values.loc["w1"] + values.loc["w2"], values.loc["w0"])
    assert (values["expected_fatal"] > 0).all()


def test_the_end_of_the_road_belongs_to_its_last_stretch() -> None:
    located, expectation = prepared(crashes([(10_000, 0), (0, 0), (9999, 0)]))
    made = faced(located, expectation, stretch(9000, 10_000), stretch(0, 10_000))
    assert made["crashes"].tolist() == [2, 3]


def test_predicted_is_rate_by_length_and_the_junction_by_itself() -> None:
    located, expectation = READY
    made = faced(located, expectation, stretch(0, 1000), stretch(5500, 6500))
    rate = float(expectation.populations["segment"].rate[0])
    junction = float(expectation.populations["junction"].rate[0])
    assert made["predicted"].tolist() == pytest.approx(
        [rate * 1000 / YEARS, (rate * 1000 + junction) / YEARS]
    )


def test_a_junction_of_two_nodes_on_the_stretch_counts_once() -> None:
    net = build_network(
        roads(
            [(0, 0), (300, 0), (320, 0), (1000, 0)],
            [(300, 0), (300, 300)],
            [(320, 0), (320, -300)],
            ref=["QL1", None, None],
        )
    )
    located, expectation = prepared(crashes([(310, 0), (290, 0), (305, 0), (800, 0)]), net)
    (route,) = net.routes.index[net.routes["ref"] == "QL1"]
    made = faced(located, expectation, stretch(0, 1000, int(route)), net=net)
    assert made["crashes"].tolist() == [4]
    assert sorted(made.at["w0", "members"]) == [0, 1, 2, 3]


def test_places_of_every_kind_and_nowhere() -> None:
    rail = crossings([(8000, 0)])
    given_ = crashes([(8000, 1), (6000, 10), (1000, 0)], deaths=[1, None, None])
    located, expectation = prepared(given_, rail=rail)
    made = faced(
        located,
        expectation,
        {"place": "crossing", "crossing_id": "x0"},
        {"place": "junction", "junction_id": 0},
        stretch(900, 1100),
        stretch(7000, 9000),  # level crossings on a stretch are works of their own
        stretch(3000, 4000),
        {"place": None},
    )
    assert made["crashes"].tolist()[:5] == [1, 1, 1, 0, 0]
    assert made["deaths"].iloc[0] == 1
    assert made["deaths"].iloc[1:].isna().all()
    assert (made["expected"].iloc[:5].astype(float) > 0).all()
    assert pd.isna(made["expected"].iloc[5])
    assert pd.isna(made["crashes"].iloc[5])
    assert len(made.at["w5", "members"]) == 0


def test_unknown_severities_leave_the_expected_severities_unknown() -> None:
    given_ = crashes([(1000, 0), (1010, 0)], severity=["unknown"] * 2)
    made = faced(*prepared(given_), stretch(500, 1500))
    assert made["expected"].iloc[0] > 0
    assert np.isnan(float(made["expected_fatal"].iloc[0]))


def test_a_crash_of_uncertain_place_counts_for_a_work_by_its_probability() -> None:
    """Two of 40 crashes may lie as well beyond the stretch: 39 count on it and 1 there."""
    located, expectation = prepared(crashes([(100.0 * i, 0.0) for i in range(1, 6)] * 8))
    columns = ["place", "route_id", "route_measure", "junction_id", "crossing_id"]
    weight = pd.DataFrame(located[columns]).assign(crash_id=located.index, weight=1.0)
    doubted = weight.iloc[:2].assign(weight=0.5)
    beyond = doubted.assign(route_measure=4000.0)
    weight = pd.concat([doubted, beyond, weight.iloc[2:]], ignore_index=True)
    places = pd.DataFrame([stretch(50, 550), stretch(3900, 4400)], columns=COLUMNS)
    layers = {"segments": NET.segments, "nodes": NET.nodes, "routes": NET.routes}
    whole = expected_at(places, located, expectation, **layers)
    made = expected_at(places, located, expectation, weight=weight, **layers)
    assert made["crashes"].tolist() == whole["crashes"].tolist() == [40, 0]
    population = expectation.populations["segment"]
    mu, k = whole["predicted"].to_numpy() * YEARS, population.k.iloc[0]
    by_hand = (mu + k * mu * np.array([39.0, 1.0])) / (1 + k * mu) / YEARS
    np.testing.assert_allclose(made["expected"].astype(float), by_hand)
