"""Registers by other people: read as they were published, with nothing said that is not so."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from pyproj import CRS, Transformer
from reading import tell

from blackspots.sources import Findings, extent_of, heaped, read_crashes
from blackspots.sources.crashes import Register
from blackspots.sources.duplicates import find_duplicates

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "crashes"


def west_hartford(folder: Path) -> tuple[Register, Findings, pd.DataFrame]:
    file = folder / "west_hartford" / "crashes.csv"
    findings = Findings()
    made = read_crashes([file], CRS(32618), findings, columns={"severity": "Most Severe Injury"})
    return made, findings, pd.read_csv(file, dtype=str).set_index("CrashId")


def test_west_hartford_is_read_without_a_word(folder: Path) -> None:
    made, findings, rows = west_hartford(folder)
    assert made.read == len(made.crashes) == len(rows) == 6750
    assert findings.rejects == []
    assert findings.remarks == []
    assert made.personal == ()
    meant = {"K": "fatal", "A": "serious", "B": "slight", "C": "slight", "O": "pdo"}
    own = rows.loc[made.crashes.index]
    severity = own["Most Severe Injury"].map(meant).fillna("unknown")  # 15 have none
    assert (made.crashes["severity"].to_numpy() == severity.to_numpy()).all()
    assert (made.crashes["date"] == pd.to_datetime(own["Date Of Crash"])).all()
    change = Transformer.from_crs(4326, 32618, always_xy=True)
    x, y = change.transform(own["Longitude"].astype(float), own["Latitude"].astype(float))
    assert np.hypot(made.crashes.geometry.x - x, made.crashes.geometry.y - y).max() < 0.01


def test_west_hartford_is_as_certain_as_its_decimals(folder: Path) -> None:
    made, _, rows = west_hartford(folder)
    own = rows.loc[made.crashes.index]
    decimals = np.maximum(
        *(own[c].str.split(".").str[1].str.rstrip("0").str.len() for c in ("Latitude", "Longitude"))
    )
    uncertainty = made.crashes["uncertainty"]
    # Half a unit of the fifth decimal is 0.56 m of latitude; the scale is a metre at least.
    assert (uncertainty[decimals.to_numpy() >= 5] == 1).all()
    for places in range(1, 5):
        some = uncertainty[decimals.to_numpy() == places]
        size = 0.5 * 10.0**-places * 111_320
        assert some.between(size, 1.5 * size).all()
    tell(f"West Hartford, uncertainty [m]: {uncertainty.value_counts().head(5).to_dict()}")


def test_west_hartford_s_repeats_are_not_told_by_day_and_place_alone(folder: Path) -> None:
    """The register has no hour and no persons: two crashes of a day at a junction stay two."""
    made, _, rows = west_hartford(folder)
    frame = made.crashes
    flagged = frame[frame["duplicate_of"].notna()]
    same = frame.assign(x=frame.geometry.x, y=frame.geometry.y)
    twice = int(same.duplicated(["date", "x", "y", "severity"]).sum())
    tell(f"West Hartford: {len(flagged)} of {len(rows)} flagged; {twice} of one day and point")
    assert twice > 0
    assert flagged.empty


def test_west_hartford_s_repeats_are_of_one_day_when_an_hour_is_known(folder: Path) -> None:
    """With an hour put in, what is flagged is what every pair of a day gives."""
    made, _, _ = west_hartford(folder)
    frame = made.crashes.assign(hour=pd.array([12] * len(made.crashes), dtype="Int64"))
    repeats = find_duplicates(frame).dropna()
    tell(f"West Hartford, were all of one hour: {len(repeats)} flagged")
    one, two = frame.loc[repeats.index], frame.loc[repeats]
    assert len(repeats) > 0
    assert (one["date"].to_numpy() == two["date"].to_numpy()).all()
    expected = set()
    for _, day in frame.groupby("date"):
        xy = np.c_[day.geometry.x, day.geometry.y]
        levels = day["severity"].to_numpy()
        for j in range(len(day)):
            near = np.hypot(*(xy[:j] - xy[j]).T) <= 50
            agree = (levels[:j] == levels[j]) | (levels[:j] == "unknown") | (levels[j] == "unknown")
            if (near & agree).any():
                expected.add(day.index[j])
    assert set(repeats.index) == expected


def test_west_hartford_has_heaps_at_its_junctions_only(folder: Path) -> None:
    made, _, _ = west_hartford(folder)
    corridors = gpd.read_file(folder / "west_hartford" / "corridors.geojson").to_crs(32618)
    town = gpd.read_file(folder / "west_hartford" / "town_outline.geojson").to_crs(32618)
    ring = gpd.GeoDataFrame(
        {"name": ["West Hartford"]}, geometry=[town.union_all().convex_hull], crs=32618
    )
    layer = corridors.rename(columns={"corridor": "name"})[["name", "geometry"]]
    _, stacks = heaped(made.crashes, {"town": ring})
    assert stacks.empty
    _, stacks = heaped(made.crashes, {"corridor": layer})
    tell(f"West Hartford, heaps near the middle of a corridor: {len(stacks)}")
    assert set(stacks["reason"]) <= {"middle"}


def medellin(folder: Path) -> tuple[Register, Findings, pd.DataFrame]:
    file = folder / "medellin" / "accidents.csv"
    findings = Findings()
    made = read_crashes([file], CRS(3116), findings, crs="EPSG:3116", columns={"x": "x", "y": "y"})
    return made, findings, pd.read_csv(file, dtype=str).set_index("id")


def test_medellin_is_read_without_a_word(folder: Path) -> None:
    made, findings, rows = medellin(folder)
    assert made.read == len(made.crashes) == len(rows) == 665
    assert findings.rejects == []
    assert findings.remarks == []
    own = rows.loc[made.crashes.index]
    assert (made.crashes["hour"] == own["hour"].astype(int)).all()
    away = np.hypot(
        made.crashes.geometry.x - own["x"].astype(float),
        made.crashes.geometry.y - own["y"].astype(float),
    )
    assert away.max() < 1e-3
    # Coordinates to the decimetre and finer: nothing beyond the least.
    assert (made.crashes["uncertainty"] == 1).all()
    assert made.crashes["duplicate_of"].isna().all()  # it has no day


def test_medellin_s_degrees_and_metres_are_the_same_places(folder: Path) -> None:
    made, _, rows = medellin(folder)
    findings = Findings()
    other = read_crashes(
        [folder / "medellin" / "accidents.csv"],
        CRS(3116),
        findings,
        columns={"x": "", "y": "", "lat": "lat", "lon": "lon"},
    )
    assert findings.rejects == findings.remarks == []
    away = made.crashes.geometry.distance(other.crashes.geometry.loc[made.crashes.index])
    assert len(away) == len(rows)
    assert away.max() < 1


def test_the_streets_of_medellin_tell_its_grid_and_do_not_doubt_it(folder: Path) -> None:
    table = pd.read_csv(folder / "medellin" / "segments.csv")
    ends = table[["x0", "y0", "x1", "y1"]].to_numpy()
    roads = gpd.GeoDataFrame(
        geometry=gpd.GeoSeries.from_wkt(
            [f"LINESTRING ({a} {b}, {c} {d})" for a, b, c, d in ends], crs=3116
        )
    )
    findings = Findings()
    made = read_crashes(
        [folder / "medellin" / "accidents.csv"],
        CRS(3116),
        findings,
        crs="EPSG:3116",
        columns={"x": "x", "y": "y"},
        extent=extent_of(CRS(3116), roads=roads),
    )
    assert len(made.crashes) == 665
    assert findings.rejects == findings.remarks == []
