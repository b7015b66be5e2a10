"""Sites of a whole small study: network, placing, expectation and screening together.

Verdicts are those of vn-26-2012; numbers are worked by hand or with the formulas of
shared/reference/screening.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from small import areas, crashes, crossings, roads

from blackspots.locating import Reach, locate
from blackspots.network import Network, build_network
from blackspots.presets import definition
from blackspots.screening import Layers, expect, rank, screen

VN = definition("vn-26-2012")
YEARS = 3.0
# A straight road of 10 km drawn as two lines of two classes, and a side road at its middle.
NET = build_network(
    roads(
        [(0, 0), (3000, 0)],
        [(3000, 0), (6000, 0), (10_000, 0)],
        [(6000, 0), (6000, 2000)],
        ref=["QL1", "QL1", None],
        road_class=["national", "trunk", None],
        km_from=[20, 23, None],
        km_to=[23, 30, None],
    )
)


def study(
    given_: gpd.GeoDataFrame,
    net: Network | None = NET,
    *,
    years: float = YEARS,
    p_excess: float = 0.95,
    rail: gpd.GeoDataFrame | None = None,
    districts: gpd.GeoDataFrame | None = None,
) -> tuple[gpd.GeoDataFrame, pd.Series, gpd.GeoDataFrame]:
    """Sites, membership and placed crashes."""
    located = locate(
        given_,
        segments=net.segments if net else None,
        parts=net.parts if net else None,
        nodes=net.nodes if net else None,
        routes=net.routes if net else None,
        crossings=rail,
        areas=districts,
        reach=Reach(junction=150),
    ).crashes
    layers = Layers(
        routes=net.routes if net else None,
        segments=net.segments if net else None,
        nodes=net.nodes if net else None,
        junctions=net.junctions if net else None,
        crossings=rail,
        areas=districts,
    )
    expectation = expect(
        located,
        routes=layers.routes,
        segments=layers.segments,
        junctions=layers.junctions,
        crossings=rail,
        areas=districts,
        window=500.0,
        years=years,
    )
    made = screen(located, expectation, VN, layers, p_excess=p_excess)
    return made.sites, made.membership, located


def on_road(*xs: float, **columns: Any) -> gpd.GeoDataFrame:
    return crashes([(x, 1.0) for x in xs], **columns)


def days(*texts: str | None) -> list[pd.Timestamp]:
    return list(pd.to_datetime(pd.Series(texts)))


def test_a_cluster_across_a_segment_end_is_one_site() -> None:
    sites, membership, located = study(on_road(2800, 2950, 3050, 3200))
    assert located["segment_id"].nunique() == 2
    (site,) = sites.itertuples()
    assert (site.verdict, site.rule, site.crashes) == ("black-spot", "four-injury", 4)
    assert (site.from_measure, site.to_measure) == (2750, 3250)
    assert membership.tolist() == [site.Index] * 4
    assert site.label == "QL1 Km22+750–Km23+250"
    assert site.Index == "QL1-Km22+750"
    assert site.geometry.length == pytest.approx(500)


def test_the_year_runs_over_new_year_and_the_evidence_is_named() -> None:
    when = days("2021-03-01", "2022-11-20", "2022-12-31", "2023-01-01", "2023-10-30")
    sites, _, _ = study(on_road(1000, 1010, 1020, 1030, 1040, date=when))
    site = sites.iloc[0]
    assert site["verdict"] == "black-spot"
    assert (site["window_start"], site["window_end"]) == tuple(days("2022-11-20", "2023-10-30"))
    assert site["window_crashes"] == "c1;c2;c3;c4"
    assert site["crashes"] == 5


def test_one_year_counts_crashes_whose_day_is_not_known() -> None:
    given_ = on_road(1000, 1010, 1020, 1030, date=days(None, "2024-05-01", None, None))
    (site,) = study(given_, years=1.0)[0].itertuples()
    assert site.verdict == "black-spot"
    assert pd.isna(site.window_start)
    assert pd.isna(site.window_end)
    assert study(given_, years=3.0)[0]["verdict"].tolist() != ["black-spot"]


@pytest.mark.parametrize("length", [365, 366])
def test_a_leap_year_is_one_period_too(length: int) -> None:
    given_ = on_road(1000, 1010, 1020, 1030, date=days(None, None, None, None))
    assert study(given_, years=length / 365.25)[0]["verdict"].tolist() == ["black-spot"]


def test_severities_that_are_not_recorded_are_neither_guessed_nor_left_out() -> None:
    sites, _, _ = study(on_road(1000, 1010, severity=["unknown"] * 2))
    (site,) = sites.itertuples()
    assert (site.verdict, site.unknown, site.crashes) == ("undetermined", 2, 2)
    severities = ["fatal", "serious", "slight", "injury", "pdo"]
    assert np.isnan([getattr(site, f"expected_{name}") for name in severities]).all()
    assert site.expected > 0
    assert pd.isna(site.deaths)


def test_no_crash_and_one_crash_make_no_site() -> None:
    for given_ in (crashes([]), on_road(1000, severity=["fatal"])):
        sites, membership, _ = study(given_)
        assert len(sites) == 0
        assert membership.isna().all()
        ranked = rank(sites.assign(cost_per_year=pd.Series(dtype="float64")))
        assert len(ranked) == 0


def test_all_crashes_at_one_point_are_one_site_with_an_extent() -> None:
    (site,) = study(on_road(*[1000.0] * 30))[0].itertuples()
    assert site.crashes == 30
    assert (site.from_measure, site.to_measure) == (950, 1050)


def test_a_route_shorter_than_the_window() -> None:
    net = build_network(roads([(0, 0), (120, 0)]))
    (site,) = study(on_road(10, 50, 90, 119), net)[0].itertuples()
    assert (site.verdict, site.from_measure, site.to_measure) == ("black-spot", 0, 120)
    assert site.Index == "Rr0-0m"
    assert site.label == "#r0 0–120 m"


def test_the_prediction_of_a_short_route_is_for_its_length() -> None:
    """Pooled: 8 crashes on 10.12 km; windows of 500 m, and a route of 120 m."""
    net = build_network(roads([(0, 0), (10_000, 0)], [(0, 900), (120, 900)]))
    given_ = crashes([(x, y) for y in (0, 900) for x in (10, 50, 90, 119)])
    sites, _, _ = study(given_, net)
    per_metre = 8 / 10_120
    assert sorted(sites["predicted"] * YEARS) == pytest.approx([120 * per_metre, 500 * per_metre])


def test_junction_crashes_are_a_population_of_their_own() -> None:
    given_ = crashes([(5900, 0), (6000, 80), (6100, 0), (6000, 30), (6200, 0)])
    sites, membership, _ = study(given_)
    (site,) = sites[sites["verdict"] == "black-spot"].itertuples()
    assert (site.kind, site.crashes, site.Index) == ("junction", 4, "J0")
    assert membership.tolist()[:4] == ["J0"] * 4
    assert membership.isna().tolist()[4]


def test_a_level_crossing_is_a_site() -> None:
    rail = crossings([(8000, 0)], name=["Đường ngang"], railway=["HN-ĐĐ"], km=[150.2])
    given_ = on_road(8010, 7990, severity=["fatal"] * 2, train_involved=[True, True], deaths=[2, 1])
    (site,) = study(given_, rail=rail)[0].itertuples()
    assert (site.kind, site.crossing_id, site.Index) == ("crossing", "x0", "X-x0")
    assert (site.verdict, site.rule) == ("black-spot", "two-fatal")
    assert site.label == "Đường ngang (HN-ĐĐ Km150+200)"
    assert site.deaths == 3


def test_areas_are_sites_where_there_is_nothing_else() -> None:
    districts = areas((0, 0, 10, 10), (10, 0, 20, 10), names=["Cao Lộc", "Lộc Bình"])
    sites, membership, _ = study(crashes([(5, 5), (6, 6), (15, 5)]), None, districts=districts)
    assert sites["crashes"].to_dict() == {"A-Cao Lộc": 2, "A-Lộc Bình": 1}
    assert membership.tolist() == ["A-Cao Lộc"] * 2 + ["A-Lộc Bình"]


def test_numbers_of_a_site_are_those_of_the_formulas() -> None:
    sites, _, _ = study(
        on_road(1000, 1100, 1200, 1300, 8000, severity=["fatal"] * 2 + ["slight"] * 3)
    )
    site = sites.loc["QL1-Km20+950"]
    # 12 km of road in 24 sections, 4 + 1 crashes: pooled rate, k by moments.
    sections = np.zeros(24)
    sections[[2, 16]] = 4, 1
    mu = 5 / 24
    k = ((sections - mu) ** 2 - sections).sum() / (24 * mu**2)
    weight = 1 / (1 + k * mu)
    expected = weight * mu + (1 - weight) * 4
    assert site["predicted"] == pytest.approx(mu / YEARS)
    assert site["weight"] == pytest.approx(weight)
    assert site["expected"] == pytest.approx(expected / YEARS)
    assert site["excess"] == pytest.approx((expected - mu) / YEARS)
    posterior = stats.gamma(1 / k + 4, scale=1 / (1 + 1 / (k * mu)))
    assert site["p_excess"] == pytest.approx(posterior.sf(mu))
    assert site["expected_low"] == pytest.approx(posterior.ppf(0.05) / YEARS)
    assert site["expected_high"] == pytest.approx(posterior.ppf(0.95) / YEARS)
    by_level = [site[f"expected_{s}"] for s in ("fatal", "serious", "slight", "injury", "pdo")]
    assert sum(by_level) == pytest.approx(site["expected"])
    assert by_level[1] == by_level[3] == by_level[4] == 0
    assert by_level[0] > by_level[2] * 0.5


@pytest.mark.parametrize(
    ("p_excess", "severity", "agreement"),
    [
        (0.5, "injury", "both"),
        (0.99999999, "injury", "legal-only"),
        (0.5, "pdo", "eb-only"),
        (0.99999999, "pdo", "neither"),
    ],
)
def test_legal_and_statistical_verdicts_stand_side_by_side(
    p_excess: float, severity: str, agreement: str
) -> None:
    given_ = on_road(1000, 1100, 1200, 1300, severity=[severity] * 4)
    assert study(given_, p_excess=p_excess)[0]["agreement"].tolist() == [agreement]


def test_two_roads_without_number_or_name_have_sites_of_different_names() -> None:
    """Beside a numbered road, whose column makes pandas say NaN for the others."""
    lines = [[(0, y), (1000, y)] for y in (0, 1000, 2000)]
    net = build_network(roads(*lines, ref=["QL1", None, None]))
    given_ = crashes([(x, y) for y in (0, 1000, 2000) for x in (400, 450, 500, 550)])
    sites, _, _ = study(given_, net)
    assert sorted(sites.index) == ["QL1-350m", "Rr1-350m", "Rr2-350m"]
    assert sorted(sites["label"]) == ["#r1 350–600 m", "#r2 350–600 m", "QL1 350–600 m"]


@st.composite
def registers(draw: st.DrawFn) -> gpd.GeoDataFrame:
    count = draw(st.integers(0, 25))
    points = []
    for _ in range(count):
        if draw(st.integers(0, 5)):
            points.append((draw(st.integers(0, 100)) * 100.0, 0.0))
        else:
            points.append((6000.0, draw(st.integers(0, 20)) * 100.0))
    kinds = st.sampled_from(["fatal", "injury", "pdo", "unknown"])
    when = [
        pd.Timestamp("2022-01-01") + pd.Timedelta(days=30 * draw(st.integers(0, 35)))
        for _ in points
    ]
    return crashes(points, severity=[draw(kinds) for _ in points], date=when)


@settings(max_examples=40, deadline=None)
@given(registers())
def test_each_crash_counts_for_one_site_at_most_and_lies_in_it(given_: gpd.GeoDataFrame) -> None:
    before = given_.copy(deep=True)
    sites, membership, located = study(given_)
    pd.testing.assert_frame_equal(given_, before)
    assert sites.index.is_unique
    assert membership.index.equals(given_.index)
    counted = membership.value_counts()
    assert counted.to_dict() == sites["crashes"].astype(int).to_dict()
    for crash_id, site_id in membership.dropna().items():
        crash, site = located.loc[crash_id], sites.loc[site_id]
        # A site of one kind may hold parts of another, on its stretch.
        if crash["place"] == "segment":
            assert crash["route_id"] == site["route_id"]
            assert site["from_measure"] <= crash["route_measure"] <= site["to_measure"]
        else:
            assert crash["junction_id"] == site["junction_id"]
    sites = sites[sites["junctions"].isna() | sites["route_id"].isna()]  # of one part
    low, high = sites[["predicted", "expected"]], sites["crashes"] / YEARS
    between = np.minimum(low["predicted"], high) - 1e-9, np.maximum(low["predicted"], high) + 1e-9
    assert (sites["expected"] >= between[0]).all()
    assert (sites["expected"] <= between[1]).all()


# Rank ---------------------------------------------------------------------------------------


def ranked(cost: Sequence[float], expected: Sequence[float], verdict: Sequence[str]) -> list[str]:
    sites = gpd.GeoDataFrame(
        {"cost_per_year": cost, "expected": expected, "verdict": verdict},
        index=pd.Index(list("abcdef"[: len(cost)]), name="site_id"),
    )
    made = rank(sites)
    assert made["rank"].tolist() == list(range(1, len(cost) + 1))
    return list(made.index)


def test_cost_ranks_first_then_crashes_then_the_verdict_then_the_id() -> None:
    assert ranked([1, 3, 2], [9, 1, 1], ["none"] * 3) == ["b", "c", "a"]
    assert ranked([1, 1], [1, 2], ["none"] * 2) == ["b", "a"]
    assert ranked([1, 1, 1], [1, 1, 1], ["none", "potential", "black-spot"]) == ["c", "b", "a"]
    assert ranked([1, 1], [1, 1], ["none"] * 2) == ["a", "b"]


def test_without_costs_the_expected_crashes_rank_and_a_known_cost_goes_first() -> None:
    nan = float("nan")
    assert ranked([nan, nan, nan], [1, 3, 2], ["none"] * 3) == ["b", "c", "a"]
    assert ranked([nan, 5, nan], [9, 1, 2], ["none"] * 3) == ["b", "a", "c"]
