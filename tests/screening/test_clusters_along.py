"""Clusters along the routes of a study, and what they say of sites."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from small import crashes, roads

from blackspots.locating import Reach, locate, weights
from blackspots.network import Network, build_network
from blackspots.presets import definition
from blackspots.screening import Layers, Screened, clusters_along, expect, screen
from blackspots.screening.clusters import _exposure, touched_by

HOT = [(7000.0 + 12 * i, 1.0) for i in range(9)]
EVEN = [(x, 1.0) for x in np.linspace(200, 19_800, 25)]


def net(**columns: Any) -> Network:
    return build_network(
        roads(
            [(0, 0), (5000, 0)],
            [(5000, 0), (20_000, 0)],
            [(5000, 0), (5000, -300)],
            ref=["QL1", "QL1", None],
            **columns,
        )
    )


def located(at: list[tuple[float, float]], of: Network, **columns: Any) -> gpd.GeoDataFrame:
    return locate(
        crashes(at, severity=["pdo"] * len(at), **columns),
        segments=of.segments, parts=of.parts, nodes=of.nodes, routes=of.routes,
        reach=Reach(junction=20),
    ).crashes  # fmt: skip


def found(at: list[tuple[float, float]], of: Network, **columns: Any) -> pd.DataFrame:
    made = clusters_along(
        located(at, of, **columns), of.routes, of.segments, of.nodes, radius=20,
        bandwidth=150, simulations=199, level=0.05, seed=3,
    )  # fmt: skip
    return made[made["significant"]]


def test_a_heap_of_crashes_is_a_cluster_and_even_ones_are_none() -> None:
    of = net()
    made = found([*EVEN, *HOT], of)
    assert len(made) == 1
    assert 6700 < made["low"].iloc[0] < 7000
    assert 7100 < made["high"].iloc[0] < 7400
    assert made["null"].tolist() == ["exposure"]
    assert found(EVEN, of).empty
    assert found([], of).empty


def test_a_heap_that_the_traffic_explains_is_none() -> None:
    rng = np.random.default_rng(1)
    at = [(x, 1.0) for x in [*rng.uniform(0, 5000, 120), *rng.uniform(5000, 20_000, 9)]]
    assert len(found(at, net()))
    made = found(at, net(aadt=[20_000.0, 500.0, None]))
    assert made.empty


def test_crashes_heaped_at_km_posts_are_compared_with_rounded_ones() -> None:
    of = net(km_from=[0, 5, None], km_to=[5, 20, None])
    rng = np.random.default_rng(5)
    kms = np.round(rng.uniform(0.2, 19.8, 60), 1)
    at = [(float("nan"), float("nan"))] * 60
    made = found(at, of, route=["QL1"] * 60, km=kms, km_uncertainty=[50.0] * 60)
    assert made.empty


def test_the_null_follows_the_traffic_and_leaves_junctions_out() -> None:
    of = net(aadt=[20_000.0, None, 5.0])
    made = _exposure(of.routes, of.segments, of.nodes, 100.0)
    main = made[made["track"] == made["track"].iloc[0]]
    found = [(a, b, "?" if np.isnan(v) else v) for _, a, b, v in main.itertuples(index=False)]
    assert found == [
        (0.0, 4900.0, 20_000.0), (4900.0, 5000.0, 0.0), (5000.0, 5100.0, 0.0),
        (5100.0, 20_000.0, "?"),
    ]  # fmt: skip
    side = made[made["track"] != made["track"].iloc[0]]
    assert sorted(side["value"]) == [0.0, 5.0]
    none = _exposure(net().routes, net().segments, net().nodes, 0.0)
    assert set(none["value"]) == {1.0}


def test_crashes_at_a_junction_are_no_cluster_of_the_road() -> None:
    at = [*EVEN, *[(5000.0, 0.0)] * 12]
    assert found(at, net()).empty


def test_places_are_found_in_their_cluster() -> None:
    clusters = pd.DataFrame(
        {
            "route_id": [0, 0, 1], "low": [100.0, 900.0, 0.0], "high": [200.0, 950.0, 50.0],
            "significant": [True, False, True],
        }
    )  # fmt: skip
    route = np.array([0, 0, 0, 1, 0, np.nan])
    at = np.array([100.0, 200.1, 920.0, 20.0, 150.0, 3.0])
    assert touched_by(clusters, route, at).tolist() == [0, -1, -1, 2, 0, -1]


def screened(at: list[tuple[float, float]], of: Network, dates: list[str]) -> Screened:
    placement = locate(
        crashes(at, severity=["pdo"] * len(at), date=pd.to_datetime(dates)),
        segments=of.segments, parts=of.parts, nodes=of.nodes, routes=of.routes,
        reach=Reach(junction=20),
    )  # fmt: skip
    there = placement.crashes
    expectation = expect(
        there, routes=of.routes, segments=of.segments, junctions=of.junctions,
        crossings=None, areas=None, window=500.0, years=3.0,
    )  # fmt: skip
    clusters = clusters_along(
        there,
        of.routes,
        of.segments,
        of.nodes,
        radius=20,
        bandwidth=150,
        simulations=199,
        level=0.05,
        seed=3,
    )
    layers = Layers(routes=of.routes, segments=of.segments, nodes=of.nodes, junctions=of.junctions)
    return screen(
        there, expectation, definition("vn-26-2012"), layers, weight=weights(placement),
        clusters=clusters, p_excess=0.999_999,
    )  # fmt: skip


def test_a_cluster_that_nothing_else_finds_is_a_site_of_its_own() -> None:
    # Years apart, so that no rolling year holds two of them.
    years = ["2021-01-05", "2022-05-05", "2023-09-05"]
    even = [(x, y) for x, y in EVEN if not 6400 < x < 7700]
    dates = [f"{2021 + i % 3}-06-30" for i in range(len(even))]
    sites = screened([*even, *HOT[:3]], net(), [*dates, *years]).sites
    assert sites["verdict"].tolist() == ["none"]
    site = sites.iloc[0]
    assert (site["agreement"], site["eb"], bool(site["cluster"])) == ("cluster-only", False, True)
    assert site["crashes"] == 3
    assert site["cluster_q"] <= 0.05
    assert (site["from_measure"], site["to_measure"]) == (6950.0, 7074.0)
