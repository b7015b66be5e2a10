"""West Hartford: ranked on 2018 to 2020, scored on 2021 and 2022, by the authors' sections.

The set holds polygons and no roads, so that what is bought is area.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import reading

from blackspots.screening import empirical_bayes, fit_spf
from blackspots.screening.backtest import caught

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def made(shared: Path) -> pd.DataFrame:
    data = shared / "crashes" / "west_hartford"
    areas = gpd.read_file(data / "corridors.geojson").to_crs("EPSG:32618")
    areas["name"] = areas["corridor"] + areas["corridor-section"].fillna("")
    crashes = pd.read_csv(data / "crashes.csv").set_index("CrashId")
    section = pd.read_csv(data / "published_assignment.csv").set_index("CrashId")
    inside = crashes.join(section).dropna(subset="corridor")
    names = inside["corridor"] + inside["corridor-section"].fillna("")
    early = pd.to_datetime(inside["Date Of Crash"], format="mixed").dt.year <= 2020
    severe = inside["Most Severe Injury"].str[0].isin(["K", "A"])
    table = areas.dissolve("name").area.rename("area").to_frame()
    for name, mask in {
        "early": early, "late": ~early, "early_severe": early & severe,
        "late_severe": ~early & severe,
    }.items():  # fmt: skip
        table[name] = names[mask].value_counts().reindex(table.index).fillna(0)
    assert table[["early", "late"]].to_numpy().sum() == len(inside) == 5366
    spf = fit_spf(table["early"], table["area"], pd.DataFrame({"all": 1.0}, table.index))
    mu = spf.predict(table["area"], pd.DataFrame({"all": 1.0}, table.index))
    table["eb"] = empirical_bayes(table["early"], mu, spf.k)["expected"].to_numpy()
    scored = pd.DataFrame(
        {name: table[name] / table["area"] for name in ("early", "early_severe", "eb")}
    )
    later = table[["late", "late_severe"]].set_axis(["crashes", "severe"], axis=1)
    found = caught(table["area"], scored, later, shares_of_length=[0.1, 0.2], draws=200)
    return found.set_index(["target", "share_of_length", "method"])


def test_with_many_crashes_a_section_chance_is_small_and_the_ways_agree(made: pd.DataFrame) -> None:
    assert made.at[("crashes", 0.1, "early"), "later"] == 1971
    share = made["caught"]
    for bought in (0.1, 0.2):
        count, eb, best = (share["crashes", bought, way] for way in ("early", "eb", "oracle"))
        assert eb == pytest.approx(count, abs=0.005)
        assert best >= count > 2 * bought
        assert best - count < 0.01
        reading.tell(f"{bought:.0%} of the area: {count:.1%} of later crashes, at best {best:.1%}")


def test_severe_crashes_are_foretold_by_all_crashes_and_not_by_severe_ones(
    made: pd.DataFrame,
) -> None:
    """With 21 later severe crashes: the reason why severities are drawn towards those of all."""
    share = made["caught"]
    severe, eb = (share["severe", 0.2, way] for way in ("early_severe", "eb"))
    assert made.at[("severe", 0.2, "eb"), "later"] == 21
    assert eb > severe + 0.1
    assert np.isfinite(share).all()
    reading.tell(f"20 % of the area: {eb:.0%} by all crashes, {severe:.0%} by severe ones")
