"""Empirical Bayes, and what else judges a place beside its like, against published answers.

Authorities: Hauer, Harwood, Council, Griffith 2002 (TRR 1784); the rows `ranks`, `peak search`
and `beta test` of shared/reference/screening.md; scipy.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from blackspots.screening.expected import (
    by_severity,
    empirical_bayes,
    epdo,
    level_of_service,
    of_each_year,
)
from blackspots.screening.over_representation import (
    benjamini_hochberg,
    overrepresented,
    share_of_type,
)
from blackspots.screening.peaks import peak_search


def test_hauer_2002_one_year() -> None:
    """1.8 km, ADT 4,000, mu = 0.0224 ADT^0.564, phi = 2.05 per km, 12 crashes in a year."""
    per_km = 0.0224 * 4000**0.564
    assert per_km == pytest.approx(2.409, abs=5e-4)
    row = empirical_bayes([12], [1.8 * per_km], 1 / (2.05 * 1.8)).iloc[0]
    assert row["weight"] == pytest.approx(0.460, abs=5e-4)
    assert row["expected"] == pytest.approx(8.48, abs=5e-3)
    assert np.sqrt(row["variance"]) == pytest.approx(2.14, abs=5e-3)
    assert row["expected"] / 1.8 == pytest.approx(4.71, abs=5e-3)
    assert np.sqrt(row["variance"]) / 1.8 == pytest.approx(1.19, abs=5e-3)


def test_hauer_2002_three_years() -> None:
    """12, 7 and 8 crashes in three years: prediction and count are of the same period."""
    row = empirical_bayes([27], [3 * 1.8 * 0.0224 * 4000**0.564], 1 / (2.05 * 1.8)).iloc[0]
    assert row["weight"] == pytest.approx(0.221, abs=5e-4)
    assert row["expected"] / 3 == pytest.approx(7.97, abs=5e-3)
    assert np.sqrt(row["variance"]) / 3 == pytest.approx(1.44, abs=5e-3)
    assert row["expected"] / 3 / 1.8 == pytest.approx(4.43, abs=5e-3)


def test_the_ranks_row() -> None:
    """k = .4; mu 4, 4, 1; x 9, 7, 6. P(first by excess): 400,000 draws, 2.6 errors wide."""
    made = empirical_bayes([9, 7, 6], [4.0, 4.0, 1.0], 0.4)
    np.testing.assert_allclose(made["expected"], [7.077, 5.846, 2.429], atol=5e-4)
    np.testing.assert_allclose(made["excess"], [3.077, 1.846, 1.429], atol=5e-4)
    np.testing.assert_allclose(made["weight"], [1 / 2.6, 1 / 2.6, 1 / 1.4])
    rng = np.random.default_rng(1)
    draws = rng.gamma(made["shape"], 1 / made["rate"], (400_000, 3))
    first = np.bincount((draws - [4, 4, 1]).argmax(axis=1), minlength=3) / len(draws)
    np.testing.assert_allclose(first, [0.593, 0.279, 0.128], atol=0.002)
    np.testing.assert_allclose(draws.mean(axis=0), made["expected"], rtol=0.005)
    np.testing.assert_allclose(draws.var(axis=0), made["variance"], rtol=0.02)
    np.testing.assert_allclose((draws > [4, 4, 1]).mean(axis=0), made["p_excess"], atol=0.003)


@settings(max_examples=200)
@given(st.integers(0, 500), st.floats(1e-3, 1e3), st.floats(1e-3, 50))
def test_eb_lies_between_what_was_predicted_and_what_was_seen(x: int, mu: float, k: float) -> None:
    row = empirical_bayes([x], [mu], k).iloc[0]
    slack = 1e-9 * max(x, mu)
    assert min(x, mu) - slack <= row["expected"] <= max(x, mu) + slack
    assert 0 < row["weight"] < 1
    assert row["shape"] / row["rate"] == pytest.approx(row["expected"])
    assert row["shape"] / row["rate"] ** 2 == pytest.approx(row["variance"])


@settings(max_examples=50)
@given(st.integers(0, 100), st.floats(0.01, 100), st.floats(0.01, 10))
def test_one_more_crash_never_makes_a_place_look_safer(x: int, mu: float, k: float) -> None:
    made = empirical_bayes([x, x + 1], [mu, mu], k)
    assert made["expected"].is_monotonic_increasing
    assert made["p_excess"].is_monotonic_increasing


# Years, weights, unknowns -------------------------------------------------------------------


def test_hauer_2002_year_by_year() -> None:
    """12, 7 and 8 crashes: w .221, 7.97 a year; a year twice as busy has twice the crashes."""
    year = 1.8 * 0.0224 * 4000**0.564
    mu = np.full((1, 3), year)
    made = empirical_bayes([[12, 7, 8]], mu, 1 / (2.05 * 1.8))
    assert made["weight"].iloc[0] == pytest.approx(0.221, abs=5e-4)
    assert made["expected"].iloc[0] / 3 == pytest.approx(7.97, abs=5e-3)
    np.testing.assert_allclose(of_each_year(made["expected"], mu), made["expected"].iloc[0] / 3)
    uneven = np.array([[year, 2 * year, year]])
    shared = of_each_year(empirical_bayes([[12, 7, 8]], uneven, 0.27)["expected"], uneven)[0]
    assert shared[1] == pytest.approx(2 * shared[0])


def test_a_year_without_a_figure_counts_in_neither_sum() -> None:
    made = empirical_bayes([[3, np.nan, 1], [np.nan] * 3], [[2.0, 2.0, 1.0], [1.0] * 3], 0.5)
    plain = empirical_bayes([4], [3.0], 0.5)
    pd.testing.assert_series_equal(made.iloc[0], plain.iloc[0])
    assert made.iloc[1].isna().all()


def test_weighted_counts_lie_between_the_whole_ones() -> None:
    made = empirical_bayes([2, 2.4, 3], [2.0] * 3, 0.5)["expected"]
    assert made[1] == pytest.approx(0.6 * made[0] + 0.4 * made[2])


def test_without_overdispersion_all_like_places_are_the_same() -> None:
    row = empirical_bayes([9], [4.0], 0).iloc[0]
    assert (row["weight"], row["expected"], row["variance"], row["excess"]) == (1, 4, 0, 0)
    assert row["p_excess"] == pytest.approx(0.5, abs=1e-3)


def test_an_unknown_prediction_expects_nothing_known() -> None:
    assert empirical_bayes([3], [np.nan], 0.5).isna().all(axis=None)
    assert np.isnan(empirical_bayes([3], [1.0], np.nan)["expected"][0])


@pytest.mark.parametrize(("x", "mu", "k"), [(-1, 1, 1), (1, -1, 1), (1, 1, -0.1)])
def test_figures_below_nothing_are_faults(x: float, mu: float, k: float) -> None:
    with pytest.raises(ValueError, match="below 0"):
        empirical_bayes([x], [mu], k)


# Severities and costs -----------------------------------------------------------------------


def test_severities_add_up_to_the_estimate_for_all_and_spread_the_unknown() -> None:
    observed = pd.DataFrame({"crashes": [9, 4], "fatal": [1, 0], "injury": [5, 0], "pdo": [2, 0]})
    shares = pd.Series({"fatal": 0.1, "injury": 0.5, "pdo": 0.4})
    made = by_severity(observed, [4.0, 2.0], shares, [0.4, 0.8])
    total = empirical_bayes([9, 4], [4.0, 2.0], [0.4, 0.8])["expected"]
    np.testing.assert_allclose(made.sum(axis=1), total)
    each = [empirical_bayes([x], [4.0 * p], 0.4)["expected"][0] for x, p in
            zip([1, 5, 2], shares, strict=True)]  # fmt: skip
    np.testing.assert_allclose(made.iloc[0], np.array(each) / sum(each) * total[0])
    assert by_severity(observed, [4.0, 2.0], shares * np.nan, 0.4).isna().all(axis=None)


def test_epdo_weights_follow_from_the_costs() -> None:
    """The first manual's 542, 11 and 1 (M), from any table in that proportion."""
    counts = pd.DataFrame({"fatal": [1], "injury": [2], "pdo": [3]}, index=["here"])
    made = epdo(counts, {"fatal": 542 * 7400.0, "injury": 11 * 7400.0, "pdo": 7400.0})
    assert made["here"] == pytest.approx(542 + 22 + 3)
    with pytest.raises(ValueError, match="injury"):
        epdo(counts, {"fatal": 5.0, "pdo": 1.0})
    with pytest.raises(ValueError, match="pdo"):
        epdo(counts, {"fatal": 5.0, "injury": 2.0, "pdo": 0.0})


def test_levels_of_service_hold_a_fifth_three_tenths_three_tenths_and_a_fifth() -> None:
    rng = np.random.default_rng(1)
    means = rng.gamma(1 / 0.4, 0.4 * 3.0, 40_000)
    level = level_of_service(means, np.full(40_000, 3.0), 0.4)
    share = pd.Series(level).value_counts(normalize=True)
    np.testing.assert_allclose(share[["I", "II", "III", "IV"]], [0.2, 0.3, 0.3, 0.2], atol=0.01)
    middle = stats.gamma.median(2.5, scale=1.2)
    assert level_of_service([middle - 1e-6, middle + 1e-6], [3.0] * 2, 0.4).tolist() == [
        "II",
        "III",
    ]
    assert level_of_service([1.0, np.nan], [np.nan, 1.0], 0.4).tolist() == [None, None]


# Over-representation ------------------------------------------------------------------------


def test_the_beta_test_row() -> None:
    """Mean .22, alpha .80, beta 2.84: 2 of 10 -> .396, 2 of 4 -> .794."""
    made = overrepresented([2, 2], [10, 4], threshold=0.22, prior=(0.80, 2.84))
    np.testing.assert_allclose(made["probability"], [0.396, 0.794], atol=5e-4)
    variance = 0.22 * 0.78 / (0.80 + 2.84 + 1)
    made = overrepresented([2, 2], [10, 4], mean=0.22, variance=variance)
    np.testing.assert_allclose(made["probability"], [0.396, 0.794], atol=2e-3)


def test_the_spread_of_shares_is_that_which_made_the_counts() -> None:
    rng = np.random.default_rng(2)
    n = rng.integers(0, 40, 20_000)
    y = rng.binomial(n, rng.beta(2.0, 6.0, 20_000))
    mean, variance = share_of_type(y, n)
    assert mean == pytest.approx(0.25, abs=0.005)
    assert variance == pytest.approx(0.25 * 0.75 / 9, rel=0.05)
    made = overrepresented(y, n)
    truly = stats.beta.sf(mean, 2.0 + y, 6.0 + n - y)
    np.testing.assert_allclose(made["probability"], truly, atol=0.03)


@pytest.mark.parametrize(("y", "n"), [([1], [5]), ([1, 1], [2, 2]), ([0, 0], [9, 9]), ([], [])])
def test_sites_that_do_not_differ_have_no_distribution_to_judge_by(
    y: list[int], n: list[int]
) -> None:
    made = overrepresented(y, n)
    assert made[["probability", "q", "expected_share"]].isna().all(axis=None)
    assert len(made) == len(n)


def test_more_of_a_kind_than_crashes_is_a_fault() -> None:
    with pytest.raises(ValueError, match="of a kind"):
        overrepresented([3], [2])


@settings(max_examples=100)
@given(st.lists(st.floats(0, 1), max_size=40))
def test_false_discovery_rates_are_those_of_scipy(p: list[float]) -> None:
    expected = stats.false_discovery_control(p) if p else []
    np.testing.assert_allclose(benjamini_hochberg(p), expected, rtol=1e-12)
    some = benjamini_hochberg([np.nan, *p])
    assert np.isnan(some[0])
    np.testing.assert_allclose(some[1:], expected, rtol=1e-12)


# Peak search --------------------------------------------------------------------------------

COUNTS = [0, 0, 3, 0, 0, 1, 0, 0, 0]


def test_the_peak_search_row() -> None:
    """sigma 1.014; CV .338 and 1.014; limit .30 -> none, .35 -> window 3."""
    row = peak_search(COUNTS, limit=0.35).iloc[0]
    assert (row["start"] + 1, row["units"], row["value"]) == (3, 1, 3)
    assert row["sigma"] == pytest.approx(1.014, abs=5e-4)
    assert row["cv"] == pytest.approx(0.338, abs=5e-4)
    assert row["sigma"] / 1 == pytest.approx(1.014, abs=5e-4)
    assert peak_search(COUNTS, limit=0.30).isna().all(axis=None)


def test_windows_grow_until_one_is_sure_enough() -> None:
    """No unit alone is, of the windows of two the first is."""
    pair = peak_search([4, 5, 4, 0, 1, 0], limit=0.45).iloc[0]
    two = np.array([9, 9, 4, 1, 1])
    assert np.std([4, 5, 4, 0, 1, 0], ddof=1) / 5 > 0.45
    assert (pair["start"], pair["units"], pair["value"]) == (0, 2, 9)
    assert pair["cv"] == pytest.approx(np.std(two, ddof=1) / 9)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=8), min_size=1, max_size=5),
    st.floats(0.05, 1.5),
)
def test_sections_are_searched_together_as_each_alone(
    sections: list[list[int]], limit: float
) -> None:
    name = np.repeat(np.arange(len(sections)), [len(s) for s in sections])
    made = peak_search(np.concatenate(sections), limit=limit, section=name)
    for i, values in enumerate(sections):
        want: tuple[float, ...] | None = None
        for size in range(1, len(values)):
            windows = np.convolve(values, np.ones(size, int), "valid")
            sigma = np.std(windows, ddof=1)
            if 0 < sigma <= limit * windows.max() * (1 + 1e-12):
                want = (int(windows.argmax()), size, windows.max())
                break
        row = made.loc[i]
        got = None if pd.isna(row["start"]) else (row["start"], row["units"], row["value"])
        assert got == want


def test_units_of_a_section_stand_together_and_none_is_missing() -> None:
    with pytest.raises(ValueError, match="stand together"):
        peak_search([1, 2, 3], limit=1.0, section=[0, 1, 0])
    with pytest.raises(ValueError, match="missing"):
        peak_search([1, np.nan], limit=1.0)
    assert len(peak_search([], limit=1.0)) == 0
