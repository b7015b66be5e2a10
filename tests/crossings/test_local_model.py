"""Calibration to local accidents and the local model: planted rates, and statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from blackspots.crossings import local_model as lm
from blackspots.crossings.figures import NORMAL
from blackspots.crossings.rating import Rated, rate
from blackspots.presets.crossing_models import crossing_model

KINDS = ("none", "signs", "lights", "gates", "guarded")


class Planted:
    """Crossings whose accidents follow a known law."""

    def __init__(
        self, size: int, *, seed: int, elasticity: float, level: float, unsure: float = 0.0
    ) -> None:
        generator = np.random.Generator(np.random.PCG64(seed))
        index = pd.Index([f"x{i:05d}" for i in range(size)])
        self.table = pd.DataFrame(
            {"protection_code": generator.choice(KINDS, size), "speed": 60.0}, index=index
        )
        median = generator.lognormal(5, 1.5, size)
        sd = np.where(generator.random(size) < unsure, 1.0, 0.0)
        trains = generator.integers(4, 40, size).astype("float64")
        vehicles = median * np.exp(sd * generator.standard_normal(size))
        self.traffic = pd.DataFrame(
            {"vehicles": median, "log_sd": sd, "trains": trains}, index=index
        )
        gates = np.where(self.table["protection_code"] == "gates", 0.2, 1.0)
        self.rate = level * (vehicles * trains / 3000) ** elasticity * gates
        spread = generator.gamma(2.0, 0.5, size)
        self.crashes = pd.Series(generator.poisson(3 * self.rate * spread), index=index)

    def rated(self, model: str = "us-dot", **options: object) -> Rated:
        return rate(
            self.table,
            self.traffic,
            crossing_model(model),
            crashes=self.crashes,
            years=3.0,
            **{"draws": 300, **options},  # type: ignore[arg-type]
        )


def observed(size: int, seed: int, *, prior_level: float = 0.2) -> lm.Observed:
    generator = np.random.Generator(np.random.PCG64(seed))
    vehicles = generator.lognormal(5, 1, size)
    mu = prior_level * vehicles**0.5 / 10
    return lm.Observed(
        x=generator.negative_binomial(2, 2 / (2 + mu)).astype("float64"),
        years=np.ones(size),
        ln_model=np.broadcast_to(np.log(vehicles**0.5), (3, size)),
        shift=np.zeros((3, size)),
        vehicles=vehicles,
        trains=generator.lognormal(2, 0.5, size),
        protection=generator.choice(["gates", "none"], size).astype(object),
    )


def test_factors_close_on_the_accidents() -> None:
    """crossings.md: sum(observed) / sum(predicted) per device, over all exactly."""
    study = Planted(2000, seed=1, elasticity=0.37, level=0.05)
    made = study.rated(calibration="factors")
    assert made.used == "calibrated"
    assert made.calibration is not None
    table = made.calibration
    assert table.at["all", "accidents"] == study.crashes.sum()
    assert table.at["all", "factor"] == pytest.approx(
        table.at["all", "accidents"] / table.at["all", "predicted"]
    )
    by_kind = table.drop(index="all")
    for column in ("crossings", "accidents", "predicted"):
        assert by_kind[column].sum() == pytest.approx(table.at["all", column])
    kinds = study.table["protection_code"]
    here = study.crashes.groupby(kinds).sum()
    pd.testing.assert_series_equal(by_kind["accidents"], here.astype("float64"), check_names=False)
    assert (table["low"] < table["factor"]).all()
    assert (table["factor"] < table["high"]).all()
    # Gates were planted five times as safe.
    ratio = table["factor"] / table["factor"].drop(["all", "gates"]).mean()
    assert ratio["gates"] < 0.5 * (ratio["guarded"])
    assert made.table["predicted"].sum() * 3 == pytest.approx(study.crashes.sum(), rel=0.05)


@given(
    x=st.lists(st.integers(0, 30), min_size=2, max_size=2),
    mu=st.lists(st.floats(0.1, 50), min_size=2, max_size=2),
    prior=st.floats(0.5, 50),
    k=st.floats(0, 3),
)
def test_a_factor_lies_between_its_own_accidents_and_the_overall(
    x: list[int], mu: list[float], prior: float, k: float
) -> None:
    if not sum(x):
        return
    groups = np.array(["a", "b"], dtype=object)
    made = lm.calibrate(np.array(x, dtype=float), np.array(mu), groups, k=k, prior=prior)
    for i, name in enumerate("ab"):
        ends = sorted((x[i] / mu[i], made.at["all", "factor"]))
        assert ends[0] * (1 - 1e-9) <= made.at[name, "factor"] <= ends[1] * (1 + 1e-9)


def test_the_score_is_the_negative_binomial() -> None:
    x, mu, alpha = np.arange(6.0), np.linspace(0.2, 4, 6), np.linspace(0.1, 2, 6)
    r = 1 / alpha
    want = stats.nbinom.logpmf(x, r, r / (r + mu))
    np.testing.assert_allclose(lm.log_score(x, mu, alpha), want, rtol=1e-9)


def test_the_fit_is_where_the_penalised_likelihood_is_greatest() -> None:
    data = observed(300, 2)
    made = lm.local_model(data)
    z = made.design(data.vehicles, data.trains, data.protection)
    sd = np.array([np.inf, lm.ELASTICITY_SD, lm.ELASTICITY_SD, lm.PROTECTION_SD, lm.PROTECTION_SD])

    def loss(at: np.ndarray) -> float:
        mu = np.exp(data.ln_model[0] + z @ at[:-1])
        far = ((at[:-1] / sd) ** 2).sum() + (at[-1] / lm.DISPERSION_SD) ** 2
        return far / 2 - lm.log_score(data.x, mu, np.full(300, np.exp(at[-1]))).sum()

    found = optimize.minimize(loss, np.zeros(6), method="BFGS")
    np.testing.assert_allclose([*made.coefficients, np.log(made.k)], found.x, atol=3e-3)


def test_with_many_accidents_it_is_the_fit_of_statsmodels() -> None:
    """Where the data speak, the penalties hardly matter."""
    data = observed(20_000, 3, prior_level=1.0)
    made = lm.local_model(data)
    design = made.design(data.vehicles, data.trains, data.protection)[:, :4]
    fit = sm.NegativeBinomial(data.x, design, offset=data.ln_model[0]).fit(disp=False)
    np.testing.assert_allclose(made.elasticities, fit.params[1:3], atol=0.01)
    assert made.k == pytest.approx(fit.params[-1], rel=0.03)
    gates = made.coefficients[3] - made.coefficients[4]
    assert gates == pytest.approx(fit.params[3], abs=0.01)
    error = np.sqrt(np.diag(made.covariance))[1:3]
    np.testing.assert_allclose(error, fit.bse[1:3], rtol=0.1)


def test_few_accidents_stay_near_the_base_model_and_many_leave_it() -> None:
    """The base says V^0.5; the accidents do not depend on traffic at all."""
    slopes = []
    for size in (30, 300, 6000):
        data = observed(size, 4)
        generator = np.random.Generator(np.random.PCG64(size))
        flat = generator.poisson(0.5, size).astype("float64")
        slopes.append(lm.local_model(lm.Observed(flat, *(getattr(data, n) for n in REST))))
    few, some, many = (made.elasticities[0] for made in slopes)
    assert many == pytest.approx(-0.5, abs=0.05)
    assert many < some < few


REST = ("years", "ln_model", "shift", "vehicles", "trains", "protection")


def test_no_accident_makes_no_local_model() -> None:
    data = observed(30, 5)
    with pytest.raises(ValueError, match="accidents"):
        lm.local_model(lm.Observed(np.zeros(30), *(getattr(data, n) for n in REST)))


@pytest.mark.parametrize("unsure", [0.0, 0.6])
def test_the_local_model_wins_where_the_base_is_wrong_and_finds_the_law(unsure: float) -> None:
    study = Planted(4000, seed=7, elasticity=0.8, level=0.06, unsure=unsure)
    made = study.rated()
    assert made.used == "local"
    assert made.holdout is not None
    score = made.holdout["log_score"]
    assert score["local"] > score["calibrated"] > score["flat"]
    assert made.holdout["used"].to_dict() == {
        "flat": False, "exposure": False, "calibrated": False, "local": True,
    }  # fmt: skip
    assert made.elasticity == pytest.approx(0.8, abs=0.12)
    assert made.table["predicted"].sum() * 3 == pytest.approx(study.crashes.sum(), rel=0.03)
    assert made.table["accidents"].sum() * 3 == pytest.approx(study.crashes.sum(), rel=0.03)
    codes = [code for code, _ in made.notes]
    assert "local-model-better" in codes


def test_a_tie_with_the_preset_keeps_the_preset() -> None:
    """Few accidents that follow the preset: whichever the hold-out says, the note says it too."""
    seen = set()
    for seed in range(5):
        made = Planted(300, seed=seed, elasticity=0.37, level=0.04).rated()
        assert made.holdout is not None
        score = made.holdout["log_score"]
        better = score["local"] > score["calibrated"]
        assert made.used == ("local" if better else "calibrated")
        codes = [code for code, _ in made.notes]
        assert ("local-model-better" in codes) == better
        assert ("local-model-no-better" in codes) != better
        seen.add(made.used)
    assert "calibrated" in seen


def test_the_holdout_shows_when_nothing_beats_one_rate_for_all() -> None:
    study = Planted(1500, seed=11, elasticity=0.0, level=0.05)
    study.traffic["vehicles"] = study.traffic["vehicles"].to_numpy()[::-1]
    study.table["protection_code"] = study.table["protection_code"].to_numpy()[::-1]
    made = study.rated("new-hampshire")
    assert made.holdout is not None
    assert made.holdout["log_score"].idxmax() == "flat"
    assert "no-better-than-flat" in [code for code, _ in made.notes]
    assert made.holdout.at["flat", "first_tenth"] == pytest.approx(0.1)


def test_the_intervals_cover_the_planted_rates() -> None:
    """Nine in ten true rates lie between the 5 and the 95 % point."""
    study = Planted(3000, seed=13, elasticity=0.5, level=0.2)
    generator = np.random.Generator(np.random.PCG64(99))
    spread = generator.gamma(2.0, 0.5, 3000)
    study.crashes = pd.Series(generator.poisson(3 * study.rate * spread), index=study.table.index)
    made = study.rated().table
    truth = study.rate * spread
    share = ((made["accidents_low"] <= truth) & (truth <= made["accidents_high"])).mean()
    assert 0.85 < share < 0.95


def test_crossings_without_history_are_rated_and_do_not_calibrate() -> None:
    study = Planted(800, seed=17, elasticity=0.4, level=0.1)
    study.crashes = study.crashes.astype("float64")
    study.crashes.iloc[:100] = np.nan
    made = study.rated(calibration="factors")
    assert made.calibration is not None
    assert made.calibration.at["all", "crossings"] == 700
    np.testing.assert_allclose(
        made.table["accidents"].iloc[:100], made.table["predicted"].iloc[:100]
    )
    assert dict(made.notes)["history-unknown"] == {"crossings": 100}


def test_all_accidents_at_one_crossing_are_calibrated_without_a_holdout() -> None:
    study = Planted(60, seed=19, elasticity=0.4, level=0.1)
    study.crashes[:] = 0
    study.crashes.iloc[3] = 25
    made = study.rated()
    assert made.used == "calibrated"
    assert made.holdout is None
    assert "too-few-to-hold-out" in [code for code, _ in made.notes]
    assert made.table["rank"].iloc[3] == 1


def test_an_index_without_trains_calibrates_nothing() -> None:
    study = Planted(60, seed=21, elasticity=0.4, level=1.0)
    study.traffic["trains"] = 0.0
    made = study.rated("new-hampshire")
    assert made.used == "index"
    assert made.table["score"].eq(0).all()


@given(seed=st.integers(0, 1000))
@settings(max_examples=3, deadline=None)
def test_the_same_seed_gives_the_same_and_another_changes_only_draws(seed: int) -> None:
    study = Planted(80, seed=seed, elasticity=0.5, level=0.4, unsure=0.5)
    one, two = study.rated(seed=seed), study.rated(seed=seed)
    pd.testing.assert_frame_equal(one.table, two.table, check_exact=True)
    other = study.rated(seed=seed + 1, calibration="factors").table
    same = study.rated(seed=seed, calibration="factors").table
    pd.testing.assert_frame_equal(
        other[["accidents", "rank", "predicted"]], same[["accidents", "rank", "predicted"]]
    )


def test_the_mean_over_uncounted_traffic() -> None:
    """E[V^b] = exp(b m + b^2 s^2 / 2), which the points give to 3 in a hundred."""
    data = lm.Observed(
        np.zeros(1), np.ones(1), 0.4 * NORMAL[:, None], NORMAL[:, None], np.ones(1), np.ones(1),
        np.array(["none"], dtype=object),
    )  # fmt: skip
    mean, swell = data.moments(0.3)
    assert mean[0] == pytest.approx(np.exp(0.7**2 / 2), rel=0.03)
    assert swell[0] == pytest.approx(np.exp(0.7**2), rel=0.05)
