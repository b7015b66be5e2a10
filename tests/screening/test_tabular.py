"""Screening of a plain table, against the functions that it is made of.

Authorities: the row `ranks` of shared/reference/screening.md; HSM 2010 (M) by hand.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from blackspots.presets.spfs import PublishedFunction, published_function
from blackspots.screening.covariates import design
from blackspots.screening.expected import empirical_bayes
from blackspots.screening.spf import fit_spf
from blackspots.screening.tabular import screen_table


def sites(units: int = 300, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "km": rng.uniform(0.2, 2.0, units),
            "aadt": rng.uniform(500, 20_000, units),
            "kind": rng.choice(["national", "local"], units),
        },
        index=[f"s{i}" for i in range(units)],
    )
    mu = table["km"] * np.exp(-6 + 0.8 * np.log(table["aadt"]))
    table["crashes"] = rng.poisson(mu * rng.gamma(2.0, 0.5, units))
    table["fatal"] = rng.binomial(table["crashes"], 0.1)
    table["pdo"] = rng.binomial(table["crashes"] - table["fatal"], 0.5)
    return table


def test_the_ranks_row_per_year() -> None:
    """k = .4; mu 4, 4, 1; x 9, 7, 6: EB 7.077, 5.846, 2.429; PSI 3.077, 1.846, 1.429."""
    function = PublishedFunction(
        "own", "junction", {}, "", "A", "all", 1.0, 0.0, {"mu": 1.0}, "", 0.4, math.nan, {}, {}, 1.0
    )
    table = pd.DataFrame({"x": [9, 7, 6], "mu": [2.0, 2.0, 0.5]})
    made = screen_table(
        table, observed="x", traffic={"mu": "mu"}, years=2, spf=function, calibrated=False
    )
    np.testing.assert_allclose(made["expected"] * 2, [7.077, 5.846, 2.429], atol=5e-4)
    np.testing.assert_allclose(made["excess"] * 2, [3.077, 1.846, 1.429], atol=5e-4)
    assert set(made["method"]) == {"published"}
    assert (made["expected_low"] < made["expected"]).all()
    assert (made["expected"] < made["expected_high"]).all()


def test_a_table_gives_what_the_fit_and_empirical_bayes_give() -> None:
    table = sites()
    made = screen_table(
        table, observed="crashes", length="km", traffic="aadt", classes="kind", years=3
    )
    covariates = design(table["kind"], table["aadt"])
    spf = fit_spf(table["crashes"], 3 * table["km"], covariates)
    mu = spf.predict(3 * table["km"], covariates)
    eb = empirical_bayes(table["crashes"], mu, spf.k)
    assert made.index.equals(table.index)
    np.testing.assert_allclose(made["predicted"] * 3, mu, rtol=1e-5)
    np.testing.assert_allclose(made["expected"] * 3, eb["expected"], rtol=1e-5)
    np.testing.assert_allclose(made["p_excess"], eb["p_excess"], rtol=1e-4)
    assert set(made["service"]) == {"I", "II", "III", "IV"}
    assert set(made["method"]) == {"negative-binomial"}
    assert made.attrs["notes"] == ()
    pd.testing.assert_frame_equal(
        made,
        screen_table(
            table, observed="crashes", length="km", traffic="aadt", classes="kind", years=3
        ),
    )


def test_traffic_that_is_known_in_part_is_used_and_the_rest_is_less_sure() -> None:
    table = sites(600)
    table.loc[table.index[::2], "aadt"] = np.nan
    made = screen_table(table, observed="crashes", length="km", traffic="aadt", classes="kind")
    guessed = table["aadt"].isna()
    assert made.attrs["notes"][0] == ("part-traffic", "300")
    assert (made.loc[guessed, "sigma"] > 0).all()
    assert (made.loc[~guessed, "sigma"] == 0).all()
    assert made.loc[guessed, "k"].min() > made.loc[~guessed, "k"].max()
    assert (made["predicted"] > 0).all()


def test_costs_weight_what_is_expected_and_not_what_was_counted() -> None:
    table = sites()
    costs = {"fatal": 500.0, "pdo": 2.0}
    made = screen_table(table, observed="crashes", length="km", classes="kind", costs=costs)
    np.testing.assert_allclose(made["expected_fatal"] + made["expected_pdo"], made["expected"])
    np.testing.assert_allclose(
        made["cost"], 500 * made["expected_fatal"] + 2 * made["expected_pdo"]
    )
    np.testing.assert_allclose(made["epdo"], made["cost"] / 2)
    none = table.assign(fatal=0, pdo=0)
    made = screen_table(none, observed="crashes", length="km", costs=costs)
    assert made[["cost", "epdo", "expected_fatal"]].isna().all(axis=None)
    assert made["expected"].notna().all()


def test_a_published_function_is_brought_to_the_tables_own_crashes() -> None:
    table = sites()
    made = screen_table(
        table, observed="crashes", length="km", traffic="aadt", years=2, spf="hsm1-rural-two-lane"
    )
    assert made["predicted"].sum() * 2 == pytest.approx(table["crashes"].sum())
    assert set(made["method"]) == {"published-calibrated"}
    assert [code for code, _ in made.attrs["notes"]] == ["outside-validity", "calibration"]
    plain = screen_table(
        table, observed="crashes", length="km", traffic="aadt", years=2,
        spf=published_function("hsm1-rural-two-lane"), calibrated=False,
    )  # fmt: skip
    by_hand = table["km"] / 1.609344 * table["aadt"] * 365e-6 * math.exp(-0.312)
    np.testing.assert_allclose(plain["predicted"], by_hand)


def test_years_may_differ_from_site_to_site() -> None:
    table = sites().assign(years=np.tile([1.0, 4.0, 2.0], 100))
    table["crashes"] *= table["years"].astype(int)
    made = screen_table(table, observed="crashes", length="km", years="years")
    per_km = made["predicted"] / table["km"]
    np.testing.assert_allclose(per_km, per_km.iloc[0])


def test_what_lacks_is_missing_in_its_own_row_only() -> None:
    table = sites(60)
    table["crashes"] = table["crashes"].astype(float)
    table.loc["s1", "crashes"] = np.nan
    table.loc["s2", "km"] = 0.0
    made = screen_table(table, observed="crashes", length="km")
    assert ("units-left-out", "2") in made.attrs["notes"]
    assert made.loc["s1", "predicted"] > 0
    assert np.isnan(made.loc["s1", "expected"])
    assert pd.isna(made.loc["s1", "service"])
    assert made.loc["s2", ["predicted", "expected"]].isna().all()
    assert made.drop(index=["s1", "s2"])["expected"].notna().all()


@pytest.mark.parametrize("crashes", [[], [0], [3], [0, 0, 0], [7] * 9])
def test_little_data_is_pooled_and_says_so(crashes: list[int]) -> None:
    table = pd.DataFrame({"x": crashes, "kind": "a", "aadt": np.nan})
    made = screen_table(table, observed="x", classes="kind", traffic="aadt")
    assert len(made) == len(crashes)
    assert made["method"].str.startswith("pooled").all()
    assert (made["expected"] > 0).all()


def test_columns_that_are_not_there_and_counts_below_nothing_are_faults() -> None:
    with pytest.raises(KeyError):
        screen_table(sites(5), observed="vụ")
    with pytest.raises(ValueError, match="below 0"):
        screen_table(pd.DataFrame({"x": [-1]}), observed="x")
    with pytest.raises(ValueError, match="one column"):
        screen_table(sites(5), observed="crashes", traffic={"aadt": "aadt"})
