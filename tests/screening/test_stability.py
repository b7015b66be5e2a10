"""How sure the rank is, against closed forms and cases made by hand.

Authorities: the row `ranks` of shared/reference/screening.md; the beta distribution of the
share of one gamma variable in the sum of two; enumeration of all outcomes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from blackspots.screening import stability
from blackspots.screening.expected import by_severity, empirical_bayes
from blackspots.screening.stability import (
    block_bootstrap,
    posterior_draws,
    rank_certainty,
)
from blackspots.screening.worth import worth_of_data

RANKS = ["rank_median", "rank_low", "rank_high"]


def some_posterior(sites: int, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return empirical_bayes(rng.poisson(4, sites), rng.uniform(0.5, 6, sites), 0.5)


def all_draws(draws: stability.Draws) -> np.ndarray:
    return np.concatenate(list(draws.chunks()))


# Posterior draws and ranks --------------------------------------------------------------------


def test_the_ranks_row() -> None:
    """k = .4; mu 4, 4, 1; x 9, 7, 6: P(first by excess) .593, .279, .128."""
    eb = empirical_bayes([9, 7, 6], [4.0, 4.0, 1.0], 0.4)
    drawn = posterior_draws(eb["shape"], eb["rate"], less=[4, 4, 1], draws=200_000, seed=1)
    made = rank_certainty(drawn, first=(1, 2, 3))
    np.testing.assert_allclose(made["p_first_1"], [0.593, 0.279, 0.128], atol=0.004)
    assert made["p_first_1"].sum() == pytest.approx(1)
    assert made["p_first_2"].sum() == pytest.approx(2)
    assert (made["p_first_3"] == 1).all()


@pytest.mark.parametrize("which", [(9, 4.0, 7, 4.0), (2, 0.5, 12, 9.0), (0, 1.0, 0, 3.0)])
def test_two_sites_against_the_beta_distribution(which: tuple[float, ...]) -> None:
    """Of X ~ Gamma(a, r) and Y ~ Gamma(b, s), Xr / (Xr + Ys) ~ Beta(a, b)."""
    eb = empirical_bayes(which[::2], which[1::2], 0.4)
    (a, b), (r, s) = eb["shape"], eb["rate"]
    made = rank_certainty(posterior_draws(eb["shape"], eb["rate"], draws=100_000), first=(1,))
    exact = stats.beta.sf(r / (r + s), a, b)
    np.testing.assert_allclose(made["p_first_1"], [exact, 1 - exact], atol=0.006)


def test_draws_have_the_moments_of_the_posterior() -> None:
    eb = some_posterior(5)
    drawn = all_draws(posterior_draws(eb["shape"], eb["rate"], draws=50_000, seed=3))
    np.testing.assert_allclose(drawn.mean(axis=0), eb["expected"], rtol=0.02)
    np.testing.assert_allclose(drawn.var(axis=0), eb["variance"], rtol=0.05)


def test_severities_add_up_at_their_cost() -> None:
    shape, rate = np.array([[3.0, 5.0], [2.0, 9.0]]), np.array([[2.0, 1.5], [3.0, np.inf]])
    costs = np.array([100.0, 7.0])
    drawn = all_draws(posterior_draws(shape, rate, costs=costs, draws=50_000))
    np.testing.assert_allclose(drawn.mean(axis=0), (costs * shape / rate).sum(axis=1), rtol=0.02)
    np.testing.assert_allclose(
        drawn.var(axis=0), (costs**2 * shape / rate**2).sum(axis=1), rtol=0.05
    )
    by_site = posterior_draws(shape, rate, costs=[costs, 2 * costs], draws=640)
    np.testing.assert_allclose(
        all_draws(by_site), all_draws(posterior_draws(shape, rate, costs=costs, draws=640)) * [1, 2]
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(0, 100), st.integers(1, 130))
def test_shares_add_up_and_grow_with_the_line(sites: int, seed: int, draws: int) -> None:
    eb = some_posterior(sites, seed)
    made = rank_certainty(
        posterior_draws(eb["shape"], eb["rate"], draws=draws, seed=seed), first=(1, 3, 7), paid=5
    )
    for name, n in (("p_first_1", 1), ("p_first_3", 3), ("p_paid", 5), ("p_first_7", 7)):
        assert made[name].sum() == pytest.approx(min(n, sites))
    shares = made[["p_first_1", "p_first_3", "p_paid", "p_first_7"]].to_numpy()
    assert (np.diff(shares, axis=1) >= 0).all()
    assert (made["rank_low"] <= made["rank_median"]).all()
    assert (made["rank_median"] <= made["rank_high"]).all()
    assert made[RANKS].to_numpy().min() >= 1
    assert made[RANKS].to_numpy().max() <= sites


def test_ranks_are_those_of_sorting_every_draw() -> None:
    drawn = np.random.default_rng(5).normal(size=(501, 30)) + np.linspace(1, -1, 30)
    made = rank_certainty(drawn, first=(1, 4))
    rank = stats.rankdata(-drawn, axis=1)
    np.testing.assert_array_equal(made["p_first_4"], (rank <= 4).mean(axis=0))
    for name, p in (("rank_median", 0.5), ("rank_low", 0.05), ("rank_high", 0.95)):
        exact = np.quantile(rank, p, axis=0, method="inverted_cdf")
        np.testing.assert_array_equal(made[name].astype(float), exact)


def test_equal_values_rank_by_position_and_noise_is_no_difference() -> None:
    value = np.array([0.1 + 0.2, 0.3, -0.0, 0.0, -2.0, -2.0 * (1 + 1e-15)])
    made = rank_certainty(np.tile(value, (4, 1)))
    assert made["rank_median"].tolist() == [1, 2, 3, 4, 5, 6]
    back = rank_certainty(np.tile(value[::-1], (4, 1)))
    assert back["rank_median"].tolist() == [5, 6, 3, 4, 1, 2]
    assert rank_certainty([[np.nextafter(1, 0), 1.0]])["rank_median"].tolist() == [1, 2]


def test_draws_in_many_chunks_are_those_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    eb = some_posterior(200)
    drawn = posterior_draws(eb["shape"], eb["rate"], draws=333)
    assert len(list(drawn.chunks())) == 1
    whole, ranked = all_draws(drawn), rank_certainty(drawn)
    monkeypatch.setattr(stability, "AT_ONCE", 200 * 40)
    assert len(list(drawn.chunks())) == 11
    np.testing.assert_array_equal(all_draws(drawn), whole)
    pd.testing.assert_frame_equal(rank_certainty(drawn), ranked)


@pytest.mark.parametrize("sites", [1, 7, 4095, 4096, 4097])
def test_neither_a_site_at_the_end_nor_more_draws_change_the_others(sites: int) -> None:
    eb = some_posterior(sites + 3)
    some = all_draws(posterior_draws(eb["shape"][:sites], eb["rate"][:sites], draws=40))
    more = all_draws(posterior_draws(eb["shape"], eb["rate"], draws=100))
    np.testing.assert_array_equal(more[:40, :sites], some)


def test_draws_differ_by_seed_site_and_stream_only() -> None:
    shape, rate = np.full(5000, 2.0), np.ones(5000)
    drawn = posterior_draws(shape, rate, draws=70, seed=1)
    np.testing.assert_array_equal(all_draws(drawn), all_draws(drawn))
    assert len(np.unique(all_draws(drawn))) == 70 * 5000
    assert not np.isin(
        all_draws(posterior_draws(shape, rate, draws=70, seed=2)), all_draws(drawn)
    ).any()


def test_classes_of_ranks_hold_the_exact_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    eb = some_posterior(700)
    drawn = posterior_draws(eb["shape"], eb["rate"], draws=400)
    exact = rank_certainty(drawn)
    monkeypatch.setattr(stability, "_STORED", 0)
    made = rank_certainty(drawn)
    shares = [name for name in exact if name.startswith("p_")]
    pd.testing.assert_frame_equal(made[shares], exact[shares])
    few = exact[RANKS] <= 64
    assert few.to_numpy().any()
    assert ((made[RANKS] == exact[RANKS]) | ~few).all(axis=None)
    assert (abs(made[RANKS] - exact[RANKS]) <= exact[RANKS] / 32).all(axis=None)
    assert (made["rank_low"] <= exact["rank_low"]).all()
    assert (made["rank_high"] >= exact["rank_high"]).all()


def test_an_unknown_site_is_left_out_of_the_ranking() -> None:
    eb = some_posterior(6)
    others = eb.drop(index=2)
    eb.loc[2, "rate"] = np.nan
    made = rank_certainty(posterior_draws(eb["shape"], eb["rate"], draws=64), first=(1, 9), paid=2)
    assert made.loc[2].isna().all()
    assert made.drop(index=2)["p_first_9"].eq(1).all()
    assert made["p_first_1"].sum() == pytest.approx(1)
    assert made["rank_high"].max() <= len(others)


def test_no_budget_known_is_no_share_paid() -> None:
    made = rank_certainty(np.ones((2, 3)))
    assert made["p_paid"].isna().all()
    assert rank_certainty(np.ones((2, 3)), paid=0)["p_paid"].eq(0).all()


def test_one_site_no_site_and_sites_all_alike() -> None:
    one = rank_certainty(posterior_draws([2.0], [1.0], draws=50))
    assert one[["p_first_5", *RANKS]].iloc[0].tolist() == [1, 1, 1, 1]
    none = rank_certainty(posterior_draws([], [], draws=50))
    assert none.empty
    assert list(none.columns) == list(one.columns)
    alike = rank_certainty(posterior_draws(np.ones(4), np.ones(4), draws=40_000), first=(1,))
    np.testing.assert_allclose(alike["p_first_1"], 0.25, atol=0.01)


def test_the_index_is_kept() -> None:
    eb = some_posterior(2).set_index(pd.Index(["a", "b"], name="site_id"))
    made = rank_certainty(posterior_draws(eb["shape"], eb["rate"], draws=3))
    pd.testing.assert_index_equal(made.index, eb.index)


@pytest.mark.parametrize(
    ("shape", "rate", "draws"),
    [([0.0], [1.0], 5), ([1.0], [-1.0], 5), ([np.inf], [1.0], 5), ([1.0], [1.0], 0)],
)
def test_what_is_no_posterior_is_refused(shape: list[float], rate: list[float], draws: int) -> None:
    with pytest.raises(ValueError, match=r"positive|at least one draw"):
        posterior_draws(shape, rate, draws=draws)
    with pytest.raises(ValueError, match="positive"):
        rank_certainty(np.ones((1, 1)), first=(0,))


# Years drawn again ----------------------------------------------------------------------------


def test_blocks_all_alike_leave_no_doubt() -> None:
    rng = np.random.default_rng(2)
    counts, mean = rng.poisson(3, 30), rng.uniform(1, 5, 30)
    value = empirical_bayes(5 * counts, 5 * mean, 0.7)["expected"]
    rank = value.rank(ascending=False, method="first").astype("Int64")
    for predicted in (5 * mean, np.tile(mean, (5, 1))):
        made = block_bootstrap(np.tile(counts, (5, 1)), predicted, 0.7, draws=300)
        for name in RANKS:
            assert made[f"boot_{name}"].tolist() == rank.tolist()
        assert made["boot_p_first_5"].tolist() == (rank <= 5).astype(float).tolist()


def test_two_blocks_against_all_ways_to_draw_them() -> None:
    """Site 0 leads in the first year only: behind in 1 of 4 samples of two years."""
    counts = np.array([[9, 4], [0, 4]])
    made = block_bootstrap(counts, [6.0, 6.0], 0.5, draws=20_000, first=(1,), paid=1)
    np.testing.assert_allclose(made["boot_p_first_1"], [0.75, 0.25], atol=0.01)
    np.testing.assert_array_equal(made["boot_p_paid"], made["boot_p_first_1"])
    assert made["boot_rank_low"].tolist() == [1, 1]
    assert made["boot_rank_high"].tolist() == [2, 2]


def test_values_are_those_of_the_expected_crashes_by_severity() -> None:
    """Severities by their own estimate, scaled to that for all crashes, at their cost."""
    rng = np.random.default_rng(8)
    shares = pd.Series([0.1, 0.2, 0.3, 0.4, 0.0], index=list("abcde"))
    observed = pd.DataFrame(rng.poisson(2, (12, 5)), columns=list("abcde"))
    observed["crashes"] = observed.sum(axis=1) + rng.poisson(1, 12)
    mean, cost = rng.uniform(1, 9, 12), np.array([100.0, 30.0, 7.0, 5.0, 1.0])
    exact = by_severity(observed, mean, shares, 0.6).to_numpy() @ cost
    counts = observed[list("abcde")].to_numpy()
    value = stability.value_of(
        observed["crashes"].to_numpy(),
        counts.T,
        np.outer(shares, mean),
        np.full(12, 0.6),
        np.tile(cost[:, None], 12),
    )
    np.testing.assert_allclose(value, exact)
    boot = block_bootstrap(
        np.tile(counts, (3, 1, 1)),
        3 * np.outer(mean, shares),
        0.6 / 3,
        costs=cost,
        crashes_by_block=np.tile(observed["crashes"], (3, 1)),
        draws=10,
    )
    rank = pd.Series(exact).rank(ascending=False).astype("Int64")
    assert boot["boot_rank_median"].tolist() == rank.tolist()


def test_a_severity_changes_the_order_by_cost() -> None:
    counts = np.tile([[0.0, 9.0], [3.0, 0.0]], (4, 1, 1))
    predicted = np.full((2, 2), 8.0)
    plain = block_bootstrap(counts, predicted, 0.5, draws=9)
    dear = block_bootstrap(counts, predicted, 0.5, costs=[100.0, 1.0], draws=9)
    assert plain["boot_rank_median"].tolist() == [1, 2]
    assert dear["boot_rank_median"].tolist() == [2, 1]


def test_one_block_tells_nothing() -> None:
    made = block_bootstrap(np.array([[3, 4]]), [2.0, 2.0], 0.5, draws=10)
    assert made.shape[0] == 2
    assert made.isna().all(axis=None)


def test_a_bootstrap_without_crashes_or_sites() -> None:
    made = block_bootstrap(np.zeros((3, 4)), np.ones(4), 1.0, draws=10)
    assert made["boot_rank_high"].tolist() == [1, 2, 3, 4]
    assert block_bootstrap(np.zeros((3, 0)), np.ones(0), 1.0, draws=10).empty
    unknown = block_bootstrap(np.zeros((3, 2)), [np.nan, 1.0], 1.0, draws=10)
    assert unknown["boot_rank_high"].isna().tolist() == [True, False]
    with pytest.raises(ValueError, match="shape of the counts"):
        block_bootstrap(np.zeros((3, 2)), np.ones(3), 1.0)


def test_a_bootstrap_in_chunks_is_that_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.random.default_rng(3).poisson(2, (5, 40))
    whole = block_bootstrap(counts, np.full(40, 9.0), 0.4, draws=500)
    monkeypatch.setattr(stability, "AT_ONCE", 1000)
    pd.testing.assert_frame_equal(block_bootstrap(counts, np.full(40, 9.0), 0.4, draws=500), whole)


# What better data is worth ---------------------------------------------------------------------

GAINS = ["gain_traffic", "gain_location", "expected_gain"]
CHANCES = ["p_change_traffic", "p_change_location"]


def doubt(*rows: tuple[object, int, float, float]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["crash", "site", "probability", "counted"])


def test_sure_data_are_worth_nothing_more() -> None:
    made = worth_of_data([5, 3, 1], [2.0, 2.0, 2.0], 0.5, first=1, sigma=[0.0, np.nan, 0.0])
    assert (made[[*CHANCES, *GAINS]] == 0).all(axis=None)
    sure = doubt((1, 0, 1.0, True), (2, 1, 1.0, True), (2, 2, 0.0, False))
    made = worth_of_data([5, 3, 1], [2.0, 2.0, 2.0], 0.5, first=1, doubtful=sure)
    assert (made[[*CHANCES, *GAINS]] == 0).all(axis=None)


def test_a_traffic_count_against_integration() -> None:
    """Site 1 enters where EB(mu exp(s z - s^2/2)) exceeds that of site 0."""
    x, mu, s = [6, 5], [4.0, 4.0], 0.6
    k, now = 0.4, 1.4 * np.exp(s * s) - 1
    line = empirical_bayes(x, mu, k)["expected"][0]

    z = np.linspace(-8, 8, 400_001)
    m = 4.0 * np.exp(s * z - s * s / 2)
    p = stats.norm.pdf(z) * stats.nbinom.pmf(5, 1 / k, 1 / (1 + k * m))
    p /= p.sum()
    value = empirical_bayes(np.full(len(m), 5), m, k)["expected"].to_numpy()
    made = worth_of_data(x, mu, [k, now], first=1, sigma=[0.0, s], draws=20_000)
    assert made["p_change_traffic"].tolist() == [
        0.0,
        pytest.approx(p[value > line].sum(), abs=2e-4),
    ]
    gain = p @ np.maximum(value, line) - max(p @ value, line)
    assert made["gain_traffic"].tolist() == [0.0, pytest.approx(gain, rel=1e-3)]
    assert 0.1 < made["p_change_traffic"][1] < 0.9


def test_the_doubt_about_traffic_is_in_k_now() -> None:
    s = np.array([0.0, 0.5])
    k = 1.4 * np.exp(s**2) - 1
    made = worth_of_data([7, 5], [4.0, 4.0], k, first=1, sigma=s)
    assert 0 < made["p_change_traffic"][1] < 0.5
    with pytest.raises(ValueError, match="doubt about traffic"):
        worth_of_data([9, 5], [4.0, 4.0], 0.2, first=1, sigma=s)


def test_more_doubt_about_traffic_is_worth_more() -> None:
    made = [
        worth_of_data([6, 5], [4.0, 4.0], 1.4 * np.exp([0, s * s]) - 1, first=1, sigma=[0, s])[
            "gain_traffic"
        ][1]
        for s in (0.2, 0.5, 1.0)
    ]
    assert (np.diff(made) > 0).all()


def enumerated(
    x: np.ndarray, mu: np.ndarray, k: float, first: int, rows: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Every outcome of the doubtful crashes of each site, others as counted."""

    def value(counts: np.ndarray) -> np.ndarray:
        return empirical_bayes(counts, mu, k)["expected"].to_numpy()

    def best(values: np.ndarray) -> set[int]:
        return set(np.argsort(-values, kind="stable")[:first].tolist())

    chance, gain = np.zeros(len(x)), np.zeros(len(x))
    for site in range(len(x)):
        own = rows["crash"][rows["site"] == site].unique()
        outcomes: list[list[tuple[float, np.ndarray]]] = []
        for crash in own:
            of = rows[rows["crash"] == crash]
            base = np.zeros(len(x))
            base[of["site"][of["counted"]]] -= 1
            ways = [(1 - of["probability"].sum(), base)]
            for where, p in zip(of["site"], of["probability"], strict=True):
                moved = base.copy()
                moved[where] += 1
                ways.append((p, moved))
            outcomes.append(ways)
        knowing, mean = 0.0, np.zeros(len(x))
        for way in itertools.product(*outcomes):
            p = np.prod([one for one, _ in way])
            new = value(x + sum(change for _, change in way))
            knowing += p * np.sort(new)[::-1][:first].sum()
            mean += p * new
            chance[site] += p * ((site in best(new)) != (site in best(value(x))))
        gain[site] = knowing - np.sort(mean)[::-1][:first].sum()
    return chance, gain


def test_a_location_fix_by_hand() -> None:
    """One crash, at site 0 (counted there) or at site 1; alike but for it."""
    made = worth_of_data(
        [5, 4, 0],
        [4.0, 4.0, 4.0],
        0.5,
        first=1,
        doubtful=doubt(("c", 0, 0.7, True), ("c", 1, 0.3, False)),
        draws=40_000,
    )
    np.testing.assert_allclose(made["p_change_location"], [0.3, 0.3, 0.0], atol=0.01)
    # EB of 5, 4 and 0 more: a step of (1 - w) = 2/3. Knowing gives the 5 always.
    np.testing.assert_allclose(made["gain_location"], [0.2, 0.2, 0.0], atol=0.01)


def test_a_crash_counted_in_shares_is_worth_the_same_to_place() -> None:
    """Half here, half there: each site has 4.5 now, and 5 or 4 once the place is known."""
    rows = doubt(("c", 0, 0.5, 0.5), ("c", 1, 0.5, 0.5))
    made = worth_of_data([4.5, 4.5], [4.0, 4.0], 0.5, first=1, doubtful=rows, draws=20_000)
    np.testing.assert_allclose(made["p_change_location"], 0.5, atol=0.01)
    np.testing.assert_allclose(made["gain_location"], 1 / 3, atol=0.01)


CASES = {
    "pair": ([5, 4, 3, 0], 2, doubt((1, 1, 0.6, True), (1, 2, 0.4, False))),
    "none": ([5, 4, 3, 0], 2, doubt((1, 1, 0.5, True), (2, 1, 0.4, True), (2, 3, 0.1, False))),
    "all": (
        [6, 5, 5, 4, 1],
        3,
        doubt(
            ("a", 0, 0.3, True), ("a", 1, 0.2, False), ("a", 2, 0.2, False), ("a", 3, 0.3, False),
            ("b", 3, 0.6, False), ("b", 2, 0.4, True), ("c", 4, 0.5, False), ("c", 3, 0.5, True),
        ),
    ),
    "first": ([5, 5, 4], 1, doubt((1, 0, 0.5, True), (1, 1, 0.5, False), (2, 2, 0.9, False))),
    "last": ([3, 2, 2], 2, doubt((1, 0, 0.5, True), (2, 1, 0.5, True), (1, 2, 0.4, False))),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_location_fix_against_all_outcomes(case: str) -> None:
    counts, first, rows = CASES[case]
    x, mu = np.array(counts, dtype=float), np.linspace(3, 4, len(counts))
    made = worth_of_data(x, mu, 0.5, first=first, doubtful=rows, draws=40_000)
    chance, gain = enumerated(x, mu, 0.5, first, rows)
    np.testing.assert_allclose(made["p_change_location"], chance, atol=0.012)
    np.testing.assert_allclose(made["gain_location"], gain, atol=0.015)


def test_the_same_crash_at_two_rows_of_a_site_is_there_once() -> None:
    two = doubt((1, 0, 0.3, True), (1, 0, 0.4, False), (1, 1, 0.3, False))
    one = doubt((1, 0, 0.7, True), (1, 1, 0.3, False))
    args = ([5, 4, 0], [4.0, 4.0, 4.0], 0.5)
    pd.testing.assert_frame_equal(
        worth_of_data(*args, first=1, doubtful=two), worth_of_data(*args, first=1, doubtful=one)
    )


def test_a_doubtful_death_counts_at_its_cost() -> None:
    """A slight crash does not turn the order, a death does; one unknown counts for all."""
    observed, predicted = [[2, 5], [1, 5], [0, 0]], np.full((3, 2), 3.0)
    rows = doubt(("c", 0, 0.5, True), ("c", 1, 0.5, False))
    made = {
        severity: worth_of_data(
            observed,
            predicted,
            0.5,
            first=1,
            costs=[100.0, 1.0],
            crashes=[8, 7, 0],
            doubtful=rows.assign(severity=severity),
        )["p_change_location"].tolist()
        for severity in (0, 1, None)
    }
    assert made[0] == [pytest.approx(0.5, abs=0.05)] * 2 + [0.0]
    assert made[1] == [0.0, 0.0, 0.0]
    assert made[None] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("severity", [0, 1, None])
def test_a_doubtful_crash_by_severity_against_both_outcomes(severity: int | None) -> None:
    """At site 0, where it counts now, or at site 1."""
    shares, cost = pd.Series([0.2, 0.8], index=["dead", "hurt"]), np.array([20.0, 1.0])
    now = pd.DataFrame({"dead": [2, 1], "hurt": [5, 6], "crashes": [8, 8]})
    moved = now.copy()
    for name in ["crashes"] if severity is None else ["crashes", shares.index[severity]]:
        moved[name] += [-1, 1]
    here, there = (
        by_severity(frame, [6.0, 7.0], shares, 0.5).to_numpy() @ cost for frame in (now, moved)
    )
    rows = doubt(("c", 0, 0.6, True), ("c", 1, 0.4, False)).assign(severity=severity)
    made = worth_of_data(
        now[["dead", "hurt"]],
        np.outer([6.0, 7.0], shares),
        0.5,
        first=1,
        costs=cost,
        crashes=now["crashes"],
        doubtful=rows,
        draws=20_000,
    )
    gain = 0.6 * here.max() + 0.4 * there.max() - (0.6 * here + 0.4 * there).max()
    change = 0.4 * (here.argmax() != there.argmax())
    np.testing.assert_allclose(made["p_change_location"], change, atol=0.01)
    np.testing.assert_allclose(made["gain_location"], gain, atol=0.02 * here.max())
    assert change or severity != 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_a_gain_is_never_negative_and_none_without_a_change(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sites, first = int(rng.integers(1, 12)), int(rng.integers(1, 6))
    crash = np.repeat(np.arange(4), 2)
    site = rng.integers(0, sites, 8)
    rows = doubt(*zip(crash, site, rng.uniform(0, 0.5, 8), np.tile([True, False], 4), strict=True))
    x = rng.poisson(3, sites) + np.bincount(site[::2], minlength=sites)
    made = worth_of_data(
        x, rng.uniform(1, 4, sites), 2.0, first=first, sigma=rng.uniform(0, 1, sites),
        doubtful=rows, draws=200,
    )  # fmt: skip
    assert ((made[CHANCES] >= 0) & (made[CHANCES] <= 1)).all(axis=None)
    assert (made[GAINS] >= 0).all(axis=None)
    assert made["p_change_location"][~np.isin(np.arange(sites), site)].eq(0).all()
    if first >= sites:
        assert (made == 0).all(axis=None)


def many(seed: int = 4) -> Iterator[object]:
    rng = np.random.default_rng(seed)
    rows = doubt(*zip(
        np.repeat(np.arange(150), 2), rng.integers(0, 60, 300), rng.uniform(0, 0.5, 300),
        np.zeros(300, dtype=bool), strict=True,
    ))  # fmt: skip
    yield from (rng.poisson(4, 60), rng.uniform(2, 4, 60), rows)


def test_worth_in_chunks_is_that_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    x, mu, rows = many()
    whole = worth_of_data(x, mu, 0.5, first=9, sigma=0.5, doubtful=rows, draws=100)
    assert (whole[[*CHANCES, *GAINS]] > 0).any().all()
    monkeypatch.setattr(stability, "AT_ONCE", 5000)
    made = worth_of_data(x, mu, 0.5, first=9, sigma=0.5, doubtful=rows, draws=100)
    pd.testing.assert_frame_equal(made, whole, rtol=1e-12)


def test_a_crash_added_at_the_end_changes_no_other_site() -> None:
    x, mu, rows = many()
    away = doubt((999, 60, 0.5, False))
    x, mu = np.append(x, 0), np.append(mu, 0.1)
    some = worth_of_data(x, mu, 0.5, first=9, doubtful=rows, draws=100)
    more = worth_of_data(x, mu, 0.5, first=9, doubtful=pd.concat([rows, away]), draws=100)
    pd.testing.assert_frame_equal(more.iloc[:60], some.iloc[:60])


def test_unknown_sites_have_no_worth_and_no_place_in_the_line() -> None:
    rows = doubt((1, 1, 0.5, True), (1, 2, 0.5, False), (1, 0, 0.0, False))
    made = worth_of_data([9, 5, 4], [np.nan, 4.0, 4.0], 0.5, first=1, sigma=0.3, doubtful=rows)
    assert made.loc[0].isna().all()
    assert (made.loc[1:, [*CHANCES, *GAINS]] > 0).all(axis=None)


def test_worth_of_one_site_no_site_and_no_crash() -> None:
    assert worth_of_data([], [], 0.5, first=3).empty
    assert worth_of_data([4], [2.0], 2.0, first=1, sigma=1.0).eq(0).all(axis=None)
    quiet = worth_of_data([0, 0], [1.0, 1.0], 0.5, first=1, sigma=[0.5, 0.0])
    assert 0 < quiet["p_change_traffic"][0] < 1
    assert worth_of_data([0, 0], [0.0, 0.0], 0.5, first=1, sigma=0.5).eq(0).all(axis=None)


@pytest.mark.parametrize(
    "rows",
    [
        doubt((1, 5, 0.5, True)),
        doubt((1, 0, 1.5, True)),
        doubt((1, 0, 0.8, True), (1, 1, 0.8, False)),
        doubt((1, 0, 0.5, True), (1, 1, 0.5, True)),
    ],
)
def test_doubtful_crashes_that_cannot_be_are_refused(rows: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"crash|probability"):
        worth_of_data([4, 3], [2.0, 2.0], 0.5, first=1, doubtful=rows)
