"""Populations of a study: what a place whose traffic is not counted is compared with."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from blackspots.presets.spfs import published_function
from blackspots.screening.covariates import design
from blackspots.screening.expected import empirical_bayes
from blackspots.screening.model import Expectation, Population, expect, posterior
from blackspots.screening.spf import fit_spf


def junctions(units: int, counted: float, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    """Junctions, of which a share has its traffic counted, and their crashes."""
    rng = np.random.default_rng(seed)
    aadt = rng.uniform(500, 20_000, units)
    x = rng.poisson(np.exp(-6 + 0.8 * np.log(aadt)) * rng.gamma(2.0, 0.5, units))
    aadt[rng.random(units) >= counted] = np.nan
    table = pd.DataFrame({"label": "QL1", "legs": rng.choice([3, 4], units), "aadt": aadt})
    table.index.name = "junction_id"
    return table, x


def expectation(table: pd.DataFrame, x: np.ndarray) -> Expectation:
    located = pd.DataFrame({"place": "junction", "junction_id": np.repeat(table.index, x)})
    located["severity"] = np.where(np.arange(len(located)) % 4, "injury", "fatal")
    return expect(
        gpd.GeoDataFrame(located), routes=None, segments=None, junctions=gpd.GeoDataFrame(table),
        crossings=None, areas=None, window=500.0, years=2.0,
    )  # fmt: skip


def test_where_all_traffic_is_counted_every_place_has_the_k_of_the_fit() -> None:
    table, x = junctions(300, 1.0)
    population = expectation(table, x).populations["junction"]
    classes = table["legs"].map({3: "3 numbered", 4: "4 numbered"})
    spf = fit_spf(x, np.ones(300), design(classes, table["aadt"]))
    np.testing.assert_allclose(
        population.rate, spf.predict(np.ones(300), design(classes, table["aadt"]))
    )
    np.testing.assert_allclose(population.k, spf.k)
    np.testing.assert_allclose(population.sigma, 0.0)
    assert population.notes == ()
    assert population.k.index.equals(population.rate.index)


def test_a_place_without_a_count_is_less_sure_and_keeps_more_of_its_own() -> None:
    table, x = junctions(600, 0.5)
    population = expectation(table, x).populations["junction"]
    known = table["aadt"].notna()
    assert population.notes[0] == ("part-traffic", str(int((~known).sum())))
    assert (population.sigma[~known] > 0.2).all()
    assert (population.sigma[known] == 0).all()
    assert population.k[~known].min() > population.k[known].max()
    np.testing.assert_allclose(population.k[known], population.spf.k)
    assert (population.rate > 0).all()


@pytest.mark.parametrize("counted", [0.0, 0.02])
def test_too_little_traffic_leaves_the_classes(counted: float) -> None:
    table, x = junctions(300, counted)
    population = expectation(table, x).populations["junction"]
    assert population.notes[0][0] == ("few-traffic" if counted else "no-traffic")
    assert population.rate.nunique() == 2
    # What a count would say is unknown: so little is counted.
    assert population.sigma.isna().all()


def test_roads_are_predicted_by_the_traffic_of_their_sections() -> None:
    """Half of the roads are counted, each busy on its first half and quiet on its second."""
    rng = np.random.default_rng(3)
    routes = pd.DataFrame({"length": 2000.0, "road_class": "national"}, index=pd.RangeIndex(160))
    segments = pd.DataFrame(
        {
            "route_id": np.repeat(routes.index, 2), "route_span": 1000.0, "side": "both",
            "route_offset": np.tile([0.0, 1000.0], 160),
        }
    )  # fmt: skip
    aadt = np.tile([16_000.0, 2000.0], 160) * np.repeat(rng.uniform(0.5, 2, 160), 2)
    segments["aadt"] = np.where(np.repeat(np.arange(160) < 80, 2), aadt, np.nan)
    x = rng.poisson(4 * (aadt / 8000) ** 0.8)
    of = np.repeat(np.arange(320), x)
    located = pd.DataFrame({"route_id": of // 2, "place": "segment", "severity": "injury"})
    located["route_measure"] = of % 2 * 1000 + rng.uniform(0, 1000, len(of))
    made = expect(
        gpd.GeoDataFrame(located), routes=gpd.GeoDataFrame(routes),
        segments=gpd.GeoDataFrame(segments), junctions=None, crossings=None, areas=None,
        window=500.0, years=1.0,
    )  # fmt: skip
    population = made.populations["segment"]
    assert population.spf.units == 4 * 160
    assert population.notes[0] == ("part-traffic", "320")
    assert (population.sigma.iloc[320:] > 0).all()
    rate = population.rate.to_numpy().reshape(160, 4)
    assert (rate[:80, 0] > 3 * rate[:80, 3]).all()
    np.testing.assert_allclose(rate[80:], rate[80, 0])
    assert float((population.rate * 500).sum()) == pytest.approx(x.sum(), rel=0.15)


def test_a_posterior_takes_the_k_of_each_place() -> None:
    table, x = junctions(600, 0.5)
    made = expectation(table, x)
    population = made.populations["junction"]
    observed = pd.DataFrame(
        {"crashes": x, "fatal": 0, "serious": 0, "slight": 0, "injury": x, "pdo": 0}
    )
    mu = population.rate.to_numpy()
    own = posterior(population, observed, mu, 2.0, population.rate.index)
    eb = empirical_bayes(x, mu, population.k)
    np.testing.assert_allclose(own["expected"] * 2, eb["expected"])
    levels = [name for name in own if str(name).startswith("expected_") and name not in
              {"expected_low", "expected_high"}]  # fmt: skip
    np.testing.assert_allclose(own[levels].sum(axis=1), own["expected"])
    few = posterior(population, observed.iloc[:2], mu[:2], 2.0, population.rate.index[[5, 5]])
    again = empirical_bayes(x[:2], mu[:2], population.k.iloc[[5, 5]])
    np.testing.assert_allclose(few["expected"] * 2, again["expected"])


def test_a_published_function_calibrated_to_the_crashes_stands_where_traffic_is_counted() -> None:
    rng = np.random.default_rng(4)
    routes = pd.DataFrame({"length": 1000.0, "road_class": "national"}, index=pd.RangeIndex(90))
    segments = pd.DataFrame({"route_id": routes.index, "route_span": 1000.0, "side": "both"})
    segments["route_offset"] = 0.0
    aadt = np.r_[rng.uniform(2000, 15_000, 60), np.full(15, np.nan), np.full(15, 90_000.0)]
    segments["aadt"] = aadt
    of = np.repeat(routes.index, rng.poisson(3, 90))
    located = pd.DataFrame({"route_id": of, "place": "segment", "severity": "injury"})
    located["route_measure"] = rng.uniform(0, 1000, len(of))
    function = published_function("hsm1-rural-two-lane")

    def made(**options: Any) -> Population:
        return expect(
            gpd.GeoDataFrame(located), routes=gpd.GeoDataFrame(routes),
            segments=gpd.GeoDataFrame(segments), junctions=None, crossings=None, areas=None,
            window=500.0, years=3.0, **options,
        ).populations["segment"]  # fmt: skip

    own, fitted = made(published={"segment": function}), made()
    rate = own.rate.to_numpy().reshape(90, 2)
    # By hand: C AADT 365e-6 exp(-0.312) for a mile and year, k = 0.236 / length in miles.
    mu = aadt[:60] * 365e-6 * np.exp(-0.312) * 3 / 1609.344
    factor = (of < 60).sum() / (mu.sum() * 1000)
    np.testing.assert_allclose(rate[:60], factor * np.stack([mu, mu], axis=1))
    assert own.k.iloc[0] == pytest.approx(0.236 / (500 / 1609.344))
    # Uncounted, and busier than what the function was made from: as fitted.
    np.testing.assert_allclose(rate[60:], fitted.rate.to_numpy().reshape(90, 2)[60:])
    np.testing.assert_allclose(own.k.iloc[120:], fitted.k.iloc[120:])
    assert own.notes[-1][0] == "published"
    assert "120/180" in own.notes[-1][1]
    nothing = expect(
        gpd.GeoDataFrame(located.iloc[:0]), routes=gpd.GeoDataFrame(routes),
        segments=gpd.GeoDataFrame(segments), junctions=None, crossings=None, areas=None,
        window=500.0, years=3.0, published={"segment": function},
    ).populations["segment"]  # fmt: skip
    assert nothing.notes[-1][0] == "published-unused"
