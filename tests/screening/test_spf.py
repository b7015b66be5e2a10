"""Safety performance functions against published answers and other programs.

Authorities: statsmodels NegativeBinomial; scipy's gradient search; Hauer 2001; the closed forms
of a class mean and of a lognormal mixture.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from blackspots.screening import negative_binomial as nb
from blackspots.screening import spf as functions
from blackspots.screening.covariates import classes_of, covariates_of, design
from blackspots.screening.spf import fit_spf
from blackspots.screening.traffic import traffic_model


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
        ([0] * 10, "pooled-assumed-k", functions.ASSUMED_DISPERSION),
        ([1] + [0] * 9, "pooled-assumed-k", functions.ASSUMED_DISPERSION),
        ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], "pooled-assumed-k", functions.ASSUMED_DISPERSION),
        ([30, 0], "pooled-assumed-k", functions.ASSUMED_DISPERSION),
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


# Standard errors, intervals, forms ----------------------------------------------------------


def made_up(
    seed: int, units: int, *, phi: float | None = None, k: float = 0.6, power: float = 1.0
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Counts, lengths [km] and covariates of units with a known function."""
    rng = np.random.default_rng(seed)
    length = rng.uniform(0.2, 3.0, units)
    ln = rng.normal(8.0, 0.9, units)
    mu = length**power * np.exp(-7.0 + 0.8 * ln)
    shape = np.full(units, 1 / k) if phi is None else phi * length
    x = rng.poisson(mu * rng.gamma(shape, 1 / shape)).astype(float)
    return x, length, pd.DataFrame({"one": 1.0, "ln(traffic)": ln})


def log_likelihood(x: np.ndarray, mu: np.ndarray, k: np.ndarray | float) -> float:
    r = np.broadcast_to(1 / np.asarray(k), mu.shape)
    return float(stats.nbinom.logpmf(x, r, r / (r + mu)).sum())


def test_standard_errors_are_those_of_statsmodels_expected_information() -> None:
    x, length, covariates = made_up(1, 500)
    spf = fit_spf(x, length, covariates)
    family = sm.families.NegativeBinomial(alpha=spf.k)
    peer = sm.GLM(x, covariates, family=family, offset=np.log(length)).fit()
    np.testing.assert_allclose(spf.standard_errors, peer.bse, rtol=1e-4)
    np.testing.assert_allclose(spf.table()["standard_error"], peer.bse, rtol=1e-4)
    assert spf.aic == pytest.approx(2 * 3 - 2 * spf.log_likelihood)


@pytest.mark.parametrize("dispersion", ["constant", "per-length"])
@pytest.mark.parametrize("length_as", ["offset", "exponent"])
def test_every_form_is_where_a_general_search_finds_the_greatest_likelihood(
    dispersion: functions.Dispersion, length_as: functions.LengthAs
) -> None:
    x, length, covariates = made_up(2, 400, phi=1.5, power=0.8)
    spf = fit_spf(
        x, np.ones(400), covariates, length=length, length_as=length_as, dispersion=dispersion
    )
    z = covariates.to_numpy() - [0.0, 8.0]

    def negative(theta: np.ndarray) -> float:
        power = theta[2] if length_as == "exponent" else 1.0
        mu = length**power * np.exp(z @ theta[:2])
        k = np.exp(theta[-1])
        return -log_likelihood(x, mu, k / length if dispersion == "per-length" else k)

    found = optimize.minimize(
        negative, [-1.0, 0.5, 1.0, 0.0], method="Nelder-Mead", options={"maxiter": 4000,
        "xatol": 1e-7, "fatol": 1e-10}
    )  # fmt: skip
    assert spf.log_likelihood == pytest.approx(-found.fun, abs=1e-6)
    assert spf.coefficients[1] == pytest.approx(found.x[1], abs=1e-4)
    assert spf.k == pytest.approx(np.exp(found.x[-1]), rel=1e-3)
    if length_as == "exponent":
        assert spf.names[-1] == "ln(length)"
        assert spf.coefficients[-1] == pytest.approx(found.x[2], abs=1e-4)
        assert 0 < spf.standard_errors[-1] < 0.2
    mu = spf.predict(np.ones(400), covariates, length=length)
    assert log_likelihood(x, mu, spf.k_of(400, length=length)) == pytest.approx(-found.fun)


def test_hauer_2001_dispersion_per_length_is_found_again() -> None:
    """k_i = 1 / (phi L_i): long sections are known better than short ones."""
    x, length, covariates = made_up(3, 6000, phi=2.0)
    spf = fit_spf(x, np.ones(6000), covariates, length=length, dispersion="per-length")
    assert spf.k_interval[0] < 1 / 2.0 < spf.k_interval[1]
    np.testing.assert_allclose(spf.k_of(2, length=[1.0, 2.0]), [spf.k, spf.k / 2])
    one = fit_spf(x, np.ones(6000), covariates, length=length)
    assert spf.aic < one.aic - 10


def test_the_interval_of_k_is_that_of_the_profile_likelihood() -> None:
    """At its ends statsmodels, with k held, has lost 1.92 of log-likelihood."""
    x, length, covariates = made_up(4, 300)
    spf = fit_spf(x, length, covariates)
    for end in spf.k_interval:
        family = sm.families.NegativeBinomial(alpha=end)
        peer = sm.GLM(x, covariates, family=family, offset=np.log(length)).fit(tol=1e-10)
        lost = spf.log_likelihood - log_likelihood(x, peer.mu, end)
        assert lost == pytest.approx(1.9207, abs=2e-3)
    assert spf.k_interval[0] < spf.k < spf.k_interval[1]


def test_counts_no_wider_than_chance_have_no_overdispersion_and_say_so() -> None:
    rng = np.random.default_rng(8)
    x = rng.binomial(10, 0.3, 200)
    spf = fit_spf(x, np.ones(200), pd.DataFrame({"one": np.ones(200)}))
    assert spf.k == functions.K_LEAST
    assert spf.k_interval[0] == 0.0
    assert 0 < spf.k_interval[1] < 0.2
    assert ("no-overdispersion", "k") in spf.notes
    assert spf.log_likelihood == pytest.approx(stats.poisson.logpmf(x, x.mean()).sum(), abs=1e-3)


def test_a_k_that_chance_could_make_has_nothing_as_its_lower_end() -> None:
    rng = np.random.default_rng(11)
    x = rng.poisson(1.0, 60)
    spf = fit_spf(x, np.ones(60), pd.DataFrame({"one": np.ones(60)}))
    assert spf.k_interval[0] == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_the_gradient_search_that_stands_by_finds_the_same(seed: int) -> None:
    x, length, covariates = made_up(seed, 300)
    z = covariates.to_numpy() - [0.0, 8.0]
    counts = nb.Counts(x, z, np.log(length))
    found = nb.fit(counts)
    beside = nb._search(nb.Likelihood(counts), *nb._start(counts))
    assert found is not None
    assert beside is not None
    assert found.steps > 0
    np.testing.assert_allclose(found.b, beside.b, atol=1e-4)
    assert found.k == pytest.approx(beside.k, rel=1e-4)


def test_where_scoring_fails_the_gradient_search_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    x, length, covariates = made_up(5, 300)
    whole = fit_spf(x, length, covariates)
    monkeypatch.setattr(nb, "_score", lambda *_, **__: None)
    spf = fit_spf(x, length, covariates)
    np.testing.assert_allclose(spf.coefficients, whole.coefficients, rtol=1e-3)


def test_a_start_from_evenly_spaced_units_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, length, covariates = made_up(6, 5000)
    plain = fit_spf(x, length, covariates, interval=False)
    monkeypatch.setattr(nb, "_SAMPLE", 250)
    quick = fit_spf(x, length, covariates, interval=False)
    np.testing.assert_allclose(quick.coefficients, plain.coefficients, rtol=1e-6)
    assert quick.k == pytest.approx(plain.k, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 5.0), st.booleans(), st.booleans())
def test_derivatives_are_those_of_the_likelihood(
    seed: int, k: float, whole: bool, own: bool
) -> None:
    """By differences, for one k and for a k of each unit, whole counts and weighted ones."""
    rng = np.random.default_rng(seed)
    x = rng.poisson(2.0, 12) * (1.0 if whole else 0.7)
    z = np.column_stack([np.ones(12), rng.normal(0, 1, 12)])
    slope, shift = (rng.uniform(0.5, 2, 12), rng.uniform(0, 1, 12)) if own else (None, None)
    like = nb.Likelihood(nb.Counts(x, z, rng.normal(0, 0.5, 12), slope, shift))
    b, h = np.array([0.4, -0.2]), 1e-5
    at = like.at(b, k)
    up, down = like.at(b, k + h * k), like.at(b, k - h * k)
    assert at.d_k == pytest.approx((up.value - down.value) / (2 * h * k), rel=1e-4, abs=1e-4)
    assert at.d2_k == pytest.approx((up.d_k - down.d_k) / (2 * h * k), rel=1e-3, abs=1e-3)
    for j, e in enumerate(np.eye(2)):
        slope_j = (like.at(b + h * e, k).value - like.at(b - h * e, k).value) / (2 * h)
        assert at.score[j] == pytest.approx(slope_j, rel=1e-4, abs=1e-5)
    alpha = np.full(12, k) if slope is None else k * slope + shift
    mu = np.exp(z @ b + like.counts.offset)
    if whole:
        assert at.value == pytest.approx(log_likelihood(x, mu, alpha), rel=1e-9, abs=1e-7)


# What cannot be estimated -------------------------------------------------------------------


def test_a_column_that_others_make_up_is_dropped_and_named() -> None:
    x, length, covariates = made_up(7, 200)
    twice = covariates.assign(again=2 * covariates["ln(traffic)"] - 3)
    spf = fit_spf(x, length, twice)
    assert ("column-dropped", "again") in spf.notes
    plain = fit_spf(x, length, covariates)
    assert spf.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-7)
    np.testing.assert_allclose(spf.coefficients, [*plain.coefficients, 0.0], rtol=1e-6)
    assert np.isnan(spf.standard_errors[2])
    assert spf.aic == pytest.approx(plain.aic)


def test_traffic_that_is_the_same_everywhere_explains_nothing() -> None:
    x, length, covariates = made_up(7, 200)
    spf = fit_spf(x, length, covariates.assign(**{"ln(traffic)": 8.0}))
    assert ("column-dropped", "ln(traffic)") in spf.notes


def test_a_class_without_a_crash_is_named() -> None:
    x = np.r_[np.tile([1, 0, 0, 5], 20), np.zeros(20)]
    label = pd.Series(["a"] * 80 + ["b"] * 20)
    spf = fit_spf(x, np.ones(100), design(label))
    assert spf.notes == (("column-without-crashes", "b"),)
    assert np.exp(spf.coefficients[0]) == pytest.approx(1.5, rel=1e-6)


def test_units_that_lack_a_figure_are_left_out_and_counted() -> None:
    x, length, covariates = made_up(9, 200)
    plain = fit_spf(x, length, covariates)
    more = pd.concat([covariates, covariates.iloc[:4]], ignore_index=True)
    more.iloc[203, 1] = np.nan
    spf = fit_spf(np.r_[x, np.nan, 3, 3, 3], np.r_[length, 1.0, 0.0, np.nan, 1.0], more)
    assert spf.units == 200
    assert spf.notes == (("units-left-out", "4"),)
    np.testing.assert_allclose(spf.coefficients, plain.coefficients)


def test_counts_below_nothing_and_lengths_that_lack_are_faults() -> None:
    one = pd.DataFrame({"one": [1.0, 1.0]})
    with pytest.raises(ValueError, match="below 0"):
        fit_spf([-1, 2], [1, 1], one)
    with pytest.raises(ValueError, match="lengths are wanted"):
        fit_spf([1, 2], [1, 1], one, dispersion="per-length")
    spf = fit_spf([1, 2], [1, 1], one, length=[1, 1], length_as="exponent", dispersion="per-length")
    with pytest.raises(ValueError, match="lengths are wanted"):
        spf.predict([1, 1], one)
    with pytest.raises(ValueError, match="lengths are wanted"):
        spf.k_of(2)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=20, max_size=60), st.integers(0, 99))
def test_any_counts_give_finite_rates_and_a_k_above_nothing(counts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    label = pd.Series(rng.choice(["a", "b", "c"], len(counts)))
    covariates = design(classes_of(label, counts), pd.Series(rng.uniform(1, 1e5, len(counts))))
    exposure = rng.uniform(0.1, 9, len(counts))
    spf = fit_spf(counts, exposure, covariates, interval=False)
    mu = spf.predict(np.ones(len(counts)), covariates)
    assert np.isfinite(mu).all()
    assert (mu > 0).all()
    assert functions.K_LEAST <= spf.k < np.inf
    assert fit_spf(counts, exposure, covariates, interval=False).k == spf.k


# Traffic that is not counted everywhere -----------------------------------------------------


def half_counted(seed: int, units: int = 4000) -> tuple[np.ndarray, pd.Series, pd.Series]:
    rng = np.random.default_rng(seed)
    label = pd.Series(rng.choice(["a", "b"], units))
    ln = rng.normal(8.0, 0.8, units) + label.map({"a": 1.0, "b": 0.0})
    x = rng.poisson(np.exp(-6.5 + 0.8 * ln) * rng.gamma(2.0, 0.5, units)).astype(float)
    aadt = np.exp(ln)
    aadt[rng.random(units) < 0.5] = np.nan
    return x, label, aadt


def test_a_model_of_traffic_by_class_is_near_the_class_and_shrunk_to_the_whole() -> None:
    rng = np.random.default_rng(1)
    label = np.repeat(["much", "some", "few", "none"], [400, 60, 3, 10])
    ln = rng.normal(8.0, 0.5, len(label)) + np.repeat([1.0, 0.0, -1.0, 0.0], [400, 60, 3, 10])
    aadt = np.exp(ln)
    aadt[::3] = np.nan
    aadt[label == "none"] = 0.0
    made = traffic_model(aadt, label)
    guess = {name: made.ln_mean[(label == name) & ~made.known][0] for name in set(label)}
    own = {name: ln[(label == name) & made.known].mean() for name in ("much", "some", "few")}
    assert guess["much"] == pytest.approx(own["much"], abs=0.02)
    assert own["few"] < guess["few"] < guess["none"] < guess["much"]
    sd = {name: made.sd[(label == name) & ~made.known][0] for name in set(label)}
    counted = ln[(label == "much") & made.known]
    assert sd["much"] == pytest.approx(counted.std(ddof=1), rel=0.02)
    assert sd["none"] > sd["few"] > 0.4
    np.testing.assert_allclose(made.sd[made.known], 0.0)
    np.testing.assert_allclose(made.ln_mean[made.known], np.log(aadt[made.known]))


@pytest.mark.parametrize(
    ("counted", "units", "enough"),
    [(20, 200, True), (19, 100, False), (20, 201, False), (3, 3, True)],
)
def test_traffic_speaks_for_the_rest_from_twenty_places_and_a_tenth(
    counted: int, units: int, enough: bool
) -> None:
    aadt = pd.Series(np.r_[np.linspace(900, 1100, counted), np.full(units - counted, np.nan)])
    label = pd.Series(["a"] * units)
    assert traffic_model(aadt, label).enough == enough
    made = covariates_of(label, aadt)
    assert ("ln(traffic)" in made.frame) == enough
    if not enough:
        assert made.notes == (("few-traffic", str(counted)),)


def test_no_traffic_at_all_leaves_the_classes() -> None:
    label = pd.Series(["a", "b", "a"])
    made = covariates_of(label, pd.Series([np.nan, 0.0, -1.0]))
    assert list(made.frame) == ["a", "b"]
    assert made.notes == (("no-traffic", "0"),)
    assert covariates_of(label, None).notes == ()


def test_the_mean_over_unknown_traffic_and_its_spread_are_those_of_draws() -> None:
    """mu = E, and 1 + k' = (1 + k) exp(b^2 sigma^2): 400,000 draws of traffic and Gamma."""
    x, label, aadt = half_counted(1)
    made = covariates_of(label, aadt)
    spf = fit_spf(x, np.ones(len(x)), made.frame, sigma=made.sigma)
    unit = int(np.flatnonzero(made.sigma > 0)[0])
    b, sigma = spf.coefficients[spf.names.index("ln(traffic)")], made.sigma[unit]
    rng = np.random.default_rng(2)
    base = np.exp(made.frame.iloc[unit].to_numpy() @ spf.coefficients)
    draws = base * np.exp(b * sigma * rng.normal(size=400_000))
    draws = draws * rng.gamma(1 / spf.k, spf.k, 400_000)
    row = made.frame.iloc[[unit]]
    mu = spf.predict([1.0], row, sigma=[sigma])[0]
    assert mu == pytest.approx(draws.mean(), rel=0.02)
    k = spf.k_of(1, sigma=[sigma])[0]
    assert k == pytest.approx(draws.var() / mu**2, rel=0.1)
    assert spf.sigma_log_mu([sigma, 0.0]).tolist() == [pytest.approx(abs(b) * sigma), 0.0]


def test_a_function_with_half_the_traffic_finds_what_made_the_counts() -> None:
    x, label, aadt = half_counted(8)
    made = covariates_of(label, aadt)
    spf = fit_spf(x, np.ones(len(x)), made.frame, sigma=made.sigma)
    table = spf.table()
    low, high = spf.k_interval
    assert table.loc["ln(traffic)", "low"] < 0.8 < table.loc["ln(traffic)", "high"]
    assert low < 0.5 < high
    mu = spf.predict(np.ones(len(x)), made.frame, sigma=made.sigma)
    k = spf.k_of(len(x), sigma=made.sigma)
    for part in (made.sigma > 0, made.sigma == 0):
        assert mu[part].sum() == pytest.approx(x[part].sum(), rel=0.1)
        spread = ((x - mu)[part] ** 2).sum()
        assert spread == pytest.approx((mu + k * mu**2)[part].sum(), rel=0.25)
    # Guessed traffic gives the counts a long tail that is not the roads' own: it makes no k.
    counted = made.sigma == 0
    alone = fit_spf(x[counted], np.ones(counted.sum()), made.frame[counted])
    assert spf.k == pytest.approx(alone.k)
    assert spf.k_interval == pytest.approx(alone.k_interval)
    # A guess is told as one: it is surer of no place than a count is.
    assert k[made.sigma > 0].min() > k[made.sigma == 0].max()
