"""How sure the ranks of a study's sites are: posteriors, other years, better data."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small import crashes, roads

from blackspots.locating import Reach, locate, weights
from blackspots.network import build_network
from blackspots.presets import definition
from blackspots.screening import Layers, Screened, certainty, expect, rank, screen
from blackspots.screening.certainty import _by_block, _moments
from blackspots.screening.model import KNOWN

PERIOD = (date(2021, 1, 1), date(2023, 12, 31))
COSTS = pd.Series({"fatal": 1000.0, "serious": 100.0, "slight": 30.0, "injury": 50.0, "pdo": 5.0})
# Two roads 30 m apart, so that what lies between them may be on either, and one far off.
NET = build_network(
    roads(
        [(0, 0), (8000, 0)], [(0, 30), (8000, 30)], [(0, 5000), (8000, 5000)],
        ref=["QL1", "DT2", "DT3"],
    )
)  # fmt: skip


def study(at: list[tuple[float, float]], **columns: Any) -> tuple[Screened, Any, pd.DataFrame]:
    """Screened sites, located crashes, and the sites in the order of their expected crashes."""
    days = pd.date_range("2021-01-03", "2023-12-20", len(at)) if at else []
    given = crashes(at, **{"date": days, "severity": ["slight"] * len(at), **columns})
    placement = locate(
        given, segments=NET.segments, parts=NET.parts, nodes=NET.nodes, routes=NET.routes,
        reach=Reach(junction=20),
    )  # fmt: skip
    located = placement.crashes
    expectation = expect(
        located, routes=NET.routes, segments=NET.segments, junctions=NET.junctions,
        crossings=None, areas=None, window=500.0, years=3.0,
    )  # fmt: skip
    layers = Layers(
        routes=NET.routes, segments=NET.segments, nodes=NET.nodes, junctions=NET.junctions
    )
    made = screen(located, expectation, definition("vn-26-2012"), layers, weight=weights(placement))
    ranked = rank(made.sites.assign(cost_per_year=np.nan))
    return made, located, ranked


def sure(at: list[tuple[float, float]], **options: Any) -> pd.DataFrame:
    made, located, ranked = study(at)
    given: dict[str, Any] = {"costs": None, "paid": 1, "draws": 500, "seed": 1, **options}
    return certainty(made, located, ranked.index, period=PERIOD, **given).loc[ranked.index]


def heap(x: float, y: float, crashes: int) -> list[tuple[float, float]]:
    return [(x + i, y) for i in range(crashes)]


THREE = [*heap(1000, 5000, 12), *heap(3000, 5000, 6), *heap(6000, 5000, 4)]


@pytest.mark.parametrize("costs", [None, COSTS])
def test_chances_add_up_and_follow_the_rank(costs: pd.Series | None) -> None:
    made = sure(THREE, costs=costs)
    assert len(made) == 3
    assert made["p_paid"].sum() == pytest.approx(1)
    assert made["p_paid"].is_monotonic_decreasing
    assert made["p_paid"].iloc[0] > 0.7
    assert (made["p_first_5"] == 1).all()
    assert (made["rank_low"] <= made["rank_median"]).all()
    assert (made["rank_median"] <= made["rank_high"]).all()
    assert made["boot_p_paid"].sum() == pytest.approx(1)
    assert made["boot_p_paid"].iloc[0] > made["boot_p_paid"].iloc[2]
    # Nothing is in doubt that better data could settle.
    assert not made[["p_change_location", "expected_gain"]].any(axis=None)
    # No traffic is counted anywhere: what a count would change is unknown, not nothing.
    assert made["p_change_traffic"].isna().all()


def test_the_same_seed_gives_the_same_figures_and_another_one_others() -> None:
    one, again, other = (sure(THREE, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    assert not one["p_paid"].equals(other["p_paid"])


def test_crashes_between_two_roads_leave_open_which_site_goes_first() -> None:
    between = heap(1000, 15, 6)
    made = sure([*between, *heap(1000, 0, 3), *heap(1000, 30, 3)])
    assert len(made) == 2
    assert made["p_change_location"].min() > 0.02
    assert made["expected_gain"].min() > 0


def test_without_dates_nothing_is_known_of_other_years_and_few_are_spread_evenly() -> None:
    made, located, ranked = study(THREE)
    given: dict[str, Any] = {"costs": None, "paid": 1, "draws": 500, "seed": 1}
    undated = located.assign(date=pd.NaT)
    some = certainty(made, undated, ranked.index, period=PERIOD, **given)
    assert some.filter(like="boot_").isna().all(axis=None)
    assert some["rank_low"].notna().all()
    half = located.assign(date=located["date"].where(np.arange(len(located)) % 2 == 0))
    blocks = _by_block(made, half, ranked.index, PERIOD)
    assert blocks.shape == (36, 3)
    assert blocks.sum(axis=0).tolist() == pytest.approx([12, 6, 4])
    assert blocks.min() > 0


def test_the_cost_of_a_site_has_the_moments_of_gamma_crashes_and_dirichlet_shares() -> None:
    """Against draws: 400,000 of T ~ Gamma and m ~ Dirichlet, and T sum(m c)."""
    mix = np.array([0.1, 0.2, 0.4, 0.0, 0.3])
    parts = pd.DataFrame([{"expected": 2.0, "variance": 0.5, "strength": 9.0}])
    parts[[f"mix_{level}" for level in KNOWN]] = mix
    price = COSTS[list(KNOWN)].to_numpy()
    mean, variance = _moments(parts, price)
    rng = np.random.default_rng(1)
    total = rng.gamma(2.0**2 / 0.5, 0.5 / 2.0, 400_000)
    shares = rng.dirichlet(np.maximum(9 * mix, 1e-9), 400_000)
    drawn = total * (shares @ price)
    assert mean[0] == pytest.approx(drawn.mean(), rel=0.01)
    assert variance[0] == pytest.approx(drawn.var(), rel=0.03)


def test_no_site_has_no_figures() -> None:
    made = sure([])
    assert made.empty
    assert {"p_paid", "rank_low", "boot_rank_low", "expected_gain"} <= set(made)


def test_severities_nobody_has_cost_nothing_and_break_nothing() -> None:
    made, located, ranked = study(THREE, severity=["fatal"] * 3 + ["pdo"] * (len(THREE) - 3))
    assert (made.parts["mix_injury"] == 0).all()
    figures = certainty(
        made, located, ranked.index, costs=COSTS, paid=None, period=PERIOD, draws=200, seed=1
    )
    assert figures["rank_low"].notna().all()
    assert figures["p_paid"].isna().all()
    assert set(KNOWN) == set(COSTS.index)
