"""Two US crossings as the agency published them, and the United Kingdom's inventory.

Authority: US national inventory of 2014 (DOTACPD, DOTCASPD, DOTFATPD), shared/data/crashes,
section 3. The British inventory has no accidents: nothing of it may be lost, that is all.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from pyproj import CRS

from blackspots.crossings.rating import Rated, rate
from blackspots.presets.crossing_models import crossing_model
from blackspots.sources.files import Source
from blackspots.sources.findings import Findings
from blackspots.sources.layers import read_crossings

pytestmark = pytest.mark.shared

MILE = 1.609344

UK = {
    "Automatic Barrier Crossing (Locally) Monitored": "gates",
    "Automatic Half Barrier": "gates",
    "Automatic Open Crossing (Locally) Monitored": "lights",
    "Manned Full Gates": "guarded",
    "Manually Controlled Barrier": "gates",
    "Manually Controlled Barrier (Remote)": "gates",
    "Manually Controlled Barrier with CCTV": "gates",
    "Manually Controlled Barrier with Obstacle Detection": "gates",
    "Barrow Staff Crossing": "signs",
    "Barrow Staff Crossing with MSL": "lights",
    "Footpath Crossing": "signs",
    "Footpath Crossing with MSL": "lights",
    "Open Crossing": "signs",
    "User Worked Crossing": "signs",
    "User Worked Crossing with MSL": "lights",
    "User Worked Crossing with Telephone": "signs",
}


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "crashes" / "level_crossings"


def us(folder: Path, **options: object) -> tuple[pd.DataFrame, Rated]:
    """The inventory's columns in the units of the table of crossings."""
    given = pd.read_csv(folder / "fra_published_predictions.csv").set_index("CROSSING")
    devices = np.select([given["WDCODE"] < 5, given["WDCODE"] < 8], ["signs", "lights"], "gates")
    crossings = pd.DataFrame(
        {
            "protection_code": devices,
            "day_trains": given["DAYTHRU"],
            "switch_trains": given["TOTALSWT"],
            "speed": given["MAXTTSPD"] * MILE,
            "main_tracks": given["MAINTRK"],
            "tracks": given["MAINTRK"] + given["OTHRTRK"],
            "paved": given["HWYPVED"] == 1,
            "lanes": given["TRAFICLN"],
            "urban": given["HWYCLASS"] >= 11,
        }
    )
    traffic = pd.DataFrame(
        {"vehicles": given["AADT"], "log_sd": 0.0, "trains": given["TOTALTRN"]}
    ).astype("float64")
    accidents = given[[f"ACCCNT{i}" for i in range(1, 6)]].sum(axis=1)
    made = rate(
        crossings, traffic, crossing_model("us-dot"),
        crashes=accidents, years=5.0, **{"calibration": "none", **options},  # type: ignore[arg-type]
    )  # fmt: skip
    return given, made


def test_us_dot_reproduces_the_published_values(folder: Path) -> None:
    """009972A 0.003390/0.001271/0.000181 and 017385U 0.007147/0.002680/0.000842, to 1e-6."""
    given, made = us(folder)
    assert list(made.table.index) == ["009972A", "017385U"]
    for ours, theirs in (("accidents", "DOTACPD"), ("casualty", "DOTCASPD"), ("fatal", "DOTFATPD")):
        np.testing.assert_allclose(made.table[ours], given[theirs], atol=1.0000001e-6, rtol=0)
    assert made.table["rate_assumed"].isna().all()
    assert made.table["rank"].tolist() == [2, 1]


def test_elsewhere_the_same_figures_give_no_number_of_accidents(folder: Path) -> None:
    _, made = us(folder, calibration="local")
    assert made.table[["accidents", "casualty", "fatal"]].isna().all(axis=None)
    assert made.table["rank"].tolist() == [2, 1]


class Britain:
    def __init__(self, folder: Path) -> None:
        self.findings = Findings()
        path = folder / "uk_level_crossings.csv"
        self.read = read_crossings(Source(path, crs="EPSG:4326"), CRS("EPSG:27700"), self.findings)
        self.crossings = self.read.assign(protection_code=self.read["protection"].map(UK))
        self.traffic = pd.DataFrame(
            {"vehicles": self.read["aadt"], "log_sd": 0.0, "trains": self.read["trains"]}
        )


@pytest.fixture(scope="module")
def britain(folder: Path) -> Britain:
    return Britain(folder)


def test_every_row_of_the_british_inventory_is_read(britain: Britain) -> None:
    """6,855 rows; a missing id gets one; 642 repeated coordinates stay."""
    read = britain.read
    assert isinstance(read, gpd.GeoDataFrame)
    assert len(read) == 6855
    assert not britain.findings.rejects
    assert read.index.is_unique
    assert read.index.notna().all()
    assert (read.index != "").all()
    assert read.geometry.to_wkb().duplicated().sum() == 642
    assert britain.crossings["protection_code"].notna().all()


@pytest.mark.parametrize("name", ["us-dot", "new-hampshire", "in-units", "vn-class"])
def test_every_british_crossing_is_rated_or_has_a_reason(britain: Britain, name: str) -> None:
    """4,492 without vehicles and 313 without trains are not counted, and not 0."""
    made = rate(britain.crossings, britain.traffic, crossing_model(name), draws=200)
    table = made.table
    assert table.index.equals(britain.read.index)
    uncounted = {
        "needs:vehicles": britain.read["aadt"].isna(),
        "needs:trains": britain.read["trains"].isna(),
    }
    assert {k: int(v.sum()) for k, v in uncounted.items()} == {
        "needs:vehicles": 4492, "needs:trains": 313,
    }  # fmt: skip
    reasons = table["rate_reason"].fillna("").str.split(";")
    for code, where in uncounted.items():
        assert reasons.map(lambda said, code=code: code in said).equals(where)
    rated = table["rate_reason"].isna()
    assert sorted(table.loc[rated, "rank"]) == list(range(1, int(rated.sum()) + 1))
    assert (table.loc[rated, "score"] > 0).all()
    assert table.loc[~rated, ["score", "rank", "accidents"]].isna().all(axis=None)
    assert rated.sum() + sum(n["crossings"] for c, n in made.notes if c == "unrated") == 6855


def test_with_traffic_as_a_distribution_all_with_trains_are_rated(britain: Britain) -> None:
    """What is not counted is a spread; the rank says how unsure it is."""
    counted = britain.traffic["vehicles"].notna()
    traffic = britain.traffic.assign(
        vehicles=britain.traffic["vehicles"].fillna(3.0), log_sd=np.where(counted, 0.0, 1.2)
    )
    table = rate(britain.crossings, traffic, crossing_model("us-dot"), draws=400).table
    assert (table["rate_reason"].isna() == britain.read["trains"].notna()).all()
    rated = table[table["rate_reason"].isna()]
    width = (rated["rank_high"] - rated["rank_low"]).astype("float64")
    known = counted.reindex(rated.index)
    assert width[~known].median() > 3 * width[known].median()
    assert ((rated["rank_low"] <= rated["rank"]) & (rated["rank"] <= rated["rank_high"])).all()


def test_planted_accidents_calibrate_the_british_inventory(britain: Britain) -> None:
    generator = np.random.Generator(np.random.PCG64(3))
    flows = britain.traffic["vehicles"] * britain.traffic["trains"]
    truth = 3e-5 * flows.fillna(0).to_numpy() ** 0.6
    accidents = pd.Series(generator.poisson(5 * truth), index=britain.read.index)
    made = rate(
        britain.crossings, britain.traffic, crossing_model("us-dot"),
        crashes=accidents, years=5.0, draws=200,
    )  # fmt: skip
    assert made.holdout is not None
    score = made.holdout["log_score"]
    assert max(score["calibrated"], score["local"]) > score["flat"]
    assert made.used == ("local" if score["local"] > score["calibrated"] else "calibrated")
    rated = made.table["rate_reason"].isna()
    expected = 5 * made.table.loc[rated, "predicted"].sum()
    assert expected == pytest.approx(accidents[rated].sum(), rel=0.1)
