"""Junctions before and after treatment: 318 of reference and 228 treated, by R and by Hauer.

Authority: R MASS `glm.nb` and the EB before-after of Hauer (1997), as computed in
shared/data/crashes/README.md, section 4.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blackspots.screening.expected import empirical_bayes
from blackspots.screening.spf import SafetyPerformanceFunction, fit_spf

pytestmark = pytest.mark.shared


def covariates(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {"one": 1.0, "max": np.log(table["Max_AADT"]), "min": np.log(table["Min_AADT"])}
    )


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "crashes" / "intersections_before_after"


@pytest.fixture(scope="module")
def spf(folder: Path) -> SafetyPerformanceFunction:
    table = pd.read_csv(folder / "reference.csv")
    return fit_spf(table["kabco"], table["year"], covariates(table))


def test_the_fit_is_that_of_r_glm_nb(spf: SafetyPerformanceFunction) -> None:
    """-9.917109, 1.073186, 0.005988, theta 0.190130, logLik -762.2924."""
    assert (spf.method, spf.units, spf.crashes) == ("negative-binomial", 318, 3134)
    np.testing.assert_allclose(spf.coefficients, [-9.917109, 1.073186, 0.005988], atol=1e-6)
    assert 1 / spf.k == pytest.approx(0.190130, abs=1e-6)
    assert spf.log_likelihood == pytest.approx(-762.2924, abs=5e-5)
    assert spf.aic == pytest.approx(2 * 4 + 2 * 762.2924, abs=1e-4)
    assert spf.k_interval[0] < spf.k < spf.k_interval[1]


def test_the_before_after_study_is_that_of_hauer(
    spf: SafetyPerformanceFunction, folder: Path
) -> None:
    """lambda 1929, pi 1632.6484, Var(pi) 1951.6925, CMF 1.180651, SE 0.041722."""
    before, after = (pd.read_csv(folder / f"{name}.csv") for name in ("before", "after"))
    mu, later = (spf.predict(table["year"], covariates(table)) for table in (before, after))
    made = empirical_bayes(before["kabco"], mu, spf.k)
    ratio = later / mu
    expected = float((made["expected"] * ratio).sum())
    variance = float((made["variance"] * ratio**2).sum())
    observed = int(after["kabco"].sum())
    assert observed == 1929
    assert expected == pytest.approx(1632.6484, abs=5e-4)
    assert variance == pytest.approx(1951.6925, abs=5e-4)
    factor = 1 + variance / expected**2
    cmf = observed / expected / factor
    assert cmf == pytest.approx(1.180651, abs=1e-6)
    error = cmf * np.sqrt(1 / observed + variance / expected**2) / factor
    assert error == pytest.approx(0.041722, abs=1e-6)
