"""Published safety performance functions: the first manual's sample figures, and user's files.

Authorities: HSM 2010 chapter 10, constants from memory (M), worked by hand; Bahar and Hauer 2014.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from blackspots.errors import BlackspotsError
from blackspots.presets.files import shipped
from blackspots.presets.spfs import calibrate, published_function

MILE = 1609.344


@pytest.mark.parametrize("name", shipped("spf"))
def test_every_shipped_function_says_where_it_stands(name: str) -> None:
    made = published_function(name)
    assert made.id == name
    assert made.mark in {"V", "M", "A"}
    assert made.citation
    assert set(made.title) == {"vi", "en"}
    assert made.title["vi"] != made.title["en"]
    assert made.validity.keys() == made.powers.keys()
    assert made.base_conditions


def test_hsm_two_lane_road() -> None:
    """AADT x L x 365e-6 x exp(-0.312), k = 0.236 / L [mile]."""
    made = published_function("hsm1-rural-two-lane").predict(
        {"aadt": [10_000, 10_000, 20_000]}, length=[1.5 * MILE, MILE, MILE], years=[1, 3, 1]
    )
    one = 10_000 * 365e-6 * math.exp(-0.312)
    assert one == pytest.approx(2.672, abs=5e-4)
    np.testing.assert_allclose(made.crashes, [1.5 * one, 3 * one, 2 * one])
    np.testing.assert_allclose(made.k, [0.236 / 1.5, 0.236, 0.236])
    assert made.valid.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("name", "b", "major", "minor", "k"),
    [
        ("hsm1-rural-3st", -9.86, 0.79, 0.49, 0.54),
        ("hsm1-rural-4st", -8.56, 0.60, 0.61, 0.24),
        ("hsm1-rural-4sg", -5.13, 0.60, 0.20, 0.11),
    ],
)
def test_hsm_junctions(name: str, b: float, major: float, minor: float, k: float) -> None:
    made = published_function(name).predict({"aadt_major": [8000], "aadt_minor": [1000]})
    expected = math.exp(b + major * math.log(8000) + minor * math.log(1000))
    np.testing.assert_allclose(made.crashes, expected)
    np.testing.assert_allclose(made.k, k)
    assert made.valid.all()


def test_traffic_or_length_that_is_not_known_predicts_nothing_known() -> None:
    made = published_function("hsm1-rural-two-lane").predict(
        {"aadt": [np.nan, 0.0, 5000.0]}, length=[MILE, MILE, 0.0]
    )
    assert np.isnan(made.crashes).all()
    assert made.valid.tolist() == [False, False, True]


def test_a_figure_that_is_wanted_is_named() -> None:
    with pytest.raises(ValueError, match="aadt_minor"):
        published_function("hsm1-rural-3st").predict({"aadt_major": [1.0]})
    with pytest.raises(ValueError, match="length"):
        published_function("hsm1-rural-two-lane").predict({"aadt": [1.0]})


def test_calibration_is_observed_over_predicted_and_its_variance_that_of_draws() -> None:
    rng = np.random.default_rng(1)
    mu = rng.uniform(0.5, 6.0, 60)
    draws = rng.poisson(1.4 * mu * rng.gamma(1 / 0.5, 0.5, (20_000, 60)))
    factors = draws.sum(axis=1) / mu.sum()
    made = calibrate(1.4 * mu, mu, 0.5)
    assert made.factor == pytest.approx(1.4)
    assert made.variance == pytest.approx(factors.var(), rel=0.05)
    some = calibrate([4, np.nan, 2], [2.0, 2.0, np.nan], 0.5)
    assert (some.factor, some.crashes, some.places) == (2.0, 4.0, 1)
    assert np.isnan(calibrate([], [], 1.0).factor)


OWN = """
id = "own"
site = "segment"
citation = "own"
mark = "A"
[title]
en = "Own"
[model]
constant = -7.0
length = "km"
powers = { aadt = 0.8 }
[dispersion]
k = 0.5
"""


def test_a_function_of_the_users_own_works_by_path(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN + "[calibration]\nfactor = 2\n", encoding="utf-8")
    made = published_function("own.toml", tmp_path).predict({"aadt": [3000]}, length=[500])
    np.testing.assert_allclose(made.crashes, 2 * 0.5 * math.exp(-7) * 3000**0.8)
    np.testing.assert_allclose(made.k, 0.5)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("constant = -7.0", "", "constant"),
        ("constant = -7.0", "constant = inf", "model.constant"),
        ('"km"', '"league"', "model.length"),
        ('"segment"', '"bridge"', "site"),
        ("k = 0.5", "", "dispersion"),
        ("k = 0.5", "k = -1", "dispersion.k"),
        ("k = 0.5", "k = 0.5\nk_times_length = 1", "dispersion"),
        ("k = 0.5", "k = 0.5\n[validity]\nspeed = [0, 9]", "validity"),
        ("k = 0.5", "k = 0.5\n[validity]\naadt = [9, 0]", "validity"),
        ("k = 0.5", "k = 0.5\n[calibration]\nfactor = 0", "calibration.factor"),
        ("{ aadt = 0.8 }", '"aadt"', ""),
        ('length = "km"', 'length = ""\nfactor = 1', None),
    ],
)
def test_a_file_that_does_not_fit_names_the_key(
    tmp_path: Path, old: str, new: str, key: str | None
) -> None:
    (tmp_path / "own.toml").write_text(OWN.replace(old, new), encoding="utf-8")
    if key is None:
        assert published_function("own.toml", tmp_path).length == ""
        return
    with pytest.raises(BlackspotsError, match=r"own\.toml") as caught:
        published_function("own.toml", tmp_path)
    assert caught.value.code == "bad-spf"
    assert key in str(caught.value)
    assert "hsm1-rural-two-lane" in caught.value.message("vi")


def test_a_name_that_is_not_shipped_lists_those_that_are() -> None:
    with pytest.raises(BlackspotsError, match="hsm1-rural-3st"):
        published_function("hsm9")
