"""Safety performance functions and Empirical Bayes against published answers.

Authorities: Hauer, Harwood, Council, Griffith 2002 (TRR 1784); R MASS `glm.nb`
(shared/data/crashes/README.md, section 4); statsmodels NegativeBinomial; the row `ranks` of
shared/reference/screening.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from blackspots.screening import expected
from blackspots.screening.expected import classes_of, design, empirical_bayes, fit_spf


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


# Fitting ------------------------------------------------------------------------------------


@pytest.mark.shared
def test_the_fit_is_that_of_r_glm_nb(shared: Path) -> None:
    """318 junctions: -9.917109, 1.073186, 0.005988, theta 0.190130, logLik -762.2924."""
    table = pd.read_csv(shared / "crashes" / "intersections_before_after" / "reference.csv")
    covariates = pd.DataFrame(
        {"one": 1.0, "max": np.log(table["Max_AADT"]), "min": np.log(table["Min_AADT"])}
    )
    spf = fit_spf(table["kabco"], table["year"], covariates)
    assert (spf.method, spf.units, spf.crashes) == ("negative-binomial", 318, 3134)
    np.testing.assert_allclose(spf.coefficients, [-9.917109, 1.073186, 0.005988], atol=2e-5)
    assert 1 / spf.k == pytest.approx(0.190130, abs=1e-6)
    assert spf.log_likelihood == pytest.approx(-762.2924, abs=5e-5)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_fit_is_that_of_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    units = 400
    length = rng.uniform(50, 500, units)
    traffic = rng.uniform(500, 20_000, units)
    urban = rng.integers(0, 2, units)
    mu = length * np.exp(-12 + 0.9 * np.log(traffic) + 0.5 * urban)
    x = rng.poisson(mu * rng.gamma(2.0, 0.5, units))
    covariates = pd.DataFrame({"one": 1.0, "ln": np.log(traffic), "urban": urban})
    spf = fit_spf(x, length, covariates)
    peer = sm.NegativeBinomial(x, covariates, offset=np.log(length)).fit(
        disp=0, method="newton", maxiter=200
    )
    assert spf.log_likelihood >= peer.llf - 1e-6
    np.testing.assert_allclose(spf.coefficients, peer.params.iloc[:-1], rtol=2e-4, atol=2e-4)
    assert spf.k == pytest.approx(peer.params["alpha"], rel=1e-3)
    np.testing.assert_allclose(
        spf.predict(length, covariates),
        length * np.exp(covariates @ peer.params.iloc[:-1]),
        rtol=1e-3,
    )


def test_classes_without_an_intercept_fit_like_an_intercept_and_contrasts() -> None:
    rng = np.random.default_rng(4)
    label = pd.Series(rng.choice(["a", "b", "c"], 300))
    mean = label.map({"a": 1.0, "b": 3.0, "c": 6.0}).to_numpy()
    x = rng.poisson(mean * rng.gamma(1.5, 1 / 1.5, 300))
    spf = fit_spf(x, np.ones(300), design(label))
    # The maximum-likelihood mean of an NB2 class is its average count.
    averages = pd.Series(x).groupby(label).mean()
    np.testing.assert_allclose(np.exp(spf.coefficients), averages, rtol=1e-4)
    assert spf.names == ("a", "b", "c")


def test_counts_without_overdispersion_give_a_k_of_about_nothing() -> None:
    x = np.tile([2, 3, 2, 3, 2, 3], 20)
    spf = fit_spf(x, np.ones(len(x)), pd.DataFrame({"one": np.ones(len(x))}))
    assert spf.method == "negative-binomial"
    assert spf.k < 1e-3
    assert spf.predict([1.0], pd.DataFrame({"one": [1.0]}))[0] == pytest.approx(2.5, rel=1e-3)


# Too little to fit --------------------------------------------------------------------------


def test_few_crashes_are_pooled_with_k_by_moments() -> None:
    """Seven crashes on ten units of unequal length, worked by hand from the formula."""
    x = np.array([4, 0, 0, 1, 0, 0, 2, 0, 0, 0.0])
    e = np.array([2, 1, 1, 1, 1, 1, 1, 1, 1, 4.0])
    spf = fit_spf(x, e, pd.DataFrame({"one": np.ones(10)}))
    mu = e * 7 / 14
    assert spf.method == "pooled"
    np.testing.assert_allclose(spf.predict(e, pd.DataFrame({"one": np.ones(10)})), mu)
    assert spf.k == pytest.approx(((x - mu) ** 2 - x).sum() / (mu**2).sum())
    assert np.isnan(spf.log_likelihood)


@pytest.mark.parametrize(
    ("x", "method", "k"),
    [
        ([0] * 10, "pooled-assumed-k", expected.ASSUMED_DISPERSION),
        ([1] + [0] * 9, "pooled-assumed-k", expected.ASSUMED_DISPERSION),
        ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], "pooled-assumed-k", expected.ASSUMED_DISPERSION),
        ([30, 0], "pooled-assumed-k", expected.ASSUMED_DISPERSION),
    ],
)
def test_k_is_assumed_where_the_counts_cannot_tell_it(x: list[int], method: str, k: float) -> None:
    spf = fit_spf(x, np.ones(len(x)), pd.DataFrame({"one": np.ones(len(x))}))
    assert (spf.method, spf.k) == (method, k)


def test_no_crash_at_all_predicts_half_a_crash_over_all_and_not_zero() -> None:
    spf = fit_spf([0, 0], [10.0, 30.0], pd.DataFrame({"one": [1.0, 1.0]}))
    np.testing.assert_allclose(
        spf.predict([10.0, 30.0], pd.DataFrame({"one": [1.0] * 2})), [0.125, 0.375]
    )


@pytest.mark.parametrize(
    ("crashes", "units", "fitted"), [(30, 20, True), (29, 20, False), (30, 19, False)]
)
def test_a_fit_needs_thirty_crashes_on_twenty_units(crashes: int, units: int, fitted: bool) -> None:
    x = np.zeros(units)
    x[: crashes // 5] = 5
    x[-1] = crashes % 5
    spf = fit_spf(x, np.ones(units), pd.DataFrame({"one": np.ones(units)}))
    assert spf.crashes == crashes
    assert (spf.method == "negative-binomial") == fitted


def test_pooling_gives_every_class_the_same_rate_and_traffic_no_part() -> None:
    label = pd.Series(["a", "a", "b", "b"])
    covariates = design(label, pd.Series([100.0, 5000.0, 40.0, 9000.0]))
    spf = fit_spf([3, 0, 1, 0], [1.0] * 4, covariates)
    np.testing.assert_allclose(spf.predict([1.0] * 4, covariates), 1.0)


# Classes and traffic ------------------------------------------------------------------------


def test_classes_with_few_crashes_are_made_one() -> None:
    label = pd.Series(["national"] * 3 + ["path", "track", None])
    made = classes_of(label, [10, 10, 10, 2, 3, 1])
    assert made.tolist() == ["national"] * 3 + ["other"] * 3


def test_leftovers_too_few_for_a_class_join_the_smallest_kept_one() -> None:
    label = pd.Series(["national", "local", "path"])
    assert classes_of(label, [30, 9, 1]).tolist() == ["national", "local", "local"]


@pytest.mark.parametrize("traffic", [[100.0, None], [100.0, 0.0]])
def test_traffic_that_is_not_known_everywhere_is_left_out(traffic: list[float | None]) -> None:
    """Zero or missing traffic is never silently 0 or 1."""
    made = design(pd.Series(["a", "a"]), pd.Series(traffic, dtype="float64"))
    assert list(made.columns) == ["a"]
    full = design(pd.Series(["a", "a"]), pd.Series([100.0, 200.0]))
    np.testing.assert_allclose(full["ln(traffic)"], np.log([100, 200]))
