"""``blackspots crossings``: inventories and accidents of other countries, from file to file."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from blackspots.cli import main

LEVEL = Path("crashes") / "level_crossings"
SAMPLE = Path(__file__).resolve().parents[1] / "data" / "lang-son"
GRID = "EPSG:25832"


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


def lines(path: Path, rows: Mapping[str, Sequence[tuple[float, float]]], **more: Any) -> Path:
    shapes = [
        shapely.LineString([(500_000 + x, 5_000_000 + y) for x, y in r]) for r in rows.values()
    ]
    gpd.GeoDataFrame({"id": list(rows), **more}, geometry=shapes, crs=GRID).to_file(path)
    return path


def summary(folder: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return made


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name, encoding="utf-8-sig", dtype={"crossing_id": str})


@pytest.fixture
def rail(tmp_path: Path) -> Path:
    """A line of 4 km from west to east.

        A    B              C
    ----+----+--------------+------ rail
        0.5  0.6            3.0     km
    """
    lines(tmp_path / "rail.geojson", {"r": [(0, 0), (2000, 0), (4000, 0)]}, name="West–East")
    rows = [
        {
            "nr": name,
            "easting": 500_000 + x,
            "northing": 5_000_000,
            "DTV": cars,
            "Zuege": 20,
            "protection": "signs",
        }
        for name, x, cars in (("A", 500, 800), ("B", 600, ""), ("C", 3000, 50))
    ]
    write(tmp_path / "list.csv", rows)
    return tmp_path


MAPPED = ["--column", "inventory.crossing_id=nr", "--column", "inventory.aadt=DTV",
          "--column", "inventory.trains=Zuege", "--inventory-crs", GRID]  # fmt: skip


def run(*words: Any) -> int:
    return main([str(word) for word in ("crossings", *words, "--quiet", "--lang", "en")])


def test_accidents_of_another_country_are_assigned_with_its_own_headers(
    rail: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = {"at A": (503, 1), "strike": (1800, 2), "queue": (520, 9), "far": (1500, 3000)}
    train = {"at A": "yes", "strike": "yes", "queue": "no", "far": "yes"}
    rows = [
        {"case": name, "X": 500_000 + x, "Y": 5_000_000 + y, "Zug": train[name], "sev": "fatal"}
        for name, (x, y) in at.items()
    ]
    write(rail / "unfaelle.csv", rows)
    named = {"crash_id": "case", "x": "X", "y": "Y", "train_involved": "Zug", "severity": "sev"}
    columns = [w for k, v in named.items() for w in ("--column", f"accidents.{k}={v}")]
    assert run(
        "assign", rail / "unfaelle.csv", rail / "list.csv", "--crs", GRID, "--accidents-crs", GRID,
        "--railways", rail / "rail.geojson", "--out", rail / "out", *MAPPED, *columns,
    ) == 0  # fmt: skip
    made = table(rail / "out", "accidents.csv").set_index("crash_id")
    assert made["assigned_place"].fillna("").to_dict() == {
        "at A": "crossing", "strike": "railway", "queue": "queue", "far": "",
    }  # fmt: skip
    assert made.at["at A", "assigned_crossing_id"] == "A"
    assert made.at["strike", "assigned_rail_line"] == "West–East"
    assert summary(rail / "out")["read"] == 4
    assert "read 4 = at a crossing 1 + on the line 1 + in the queue 1 + none of these 1" in (
        capsys.readouterr().out
    )


def test_an_inventory_is_rated_with_accidents_that_name_their_crossing(rail: Path) -> None:
    rows = [{"GX": name} for name in ("A", "A", "C", "Z")]
    write(rail / "acc.csv", rows)
    words = ["rate", rail / "list.csv", "--crs", GRID, "--accidents", rail / "acc.csv", *MAPPED]
    named = ["--accidents-crossing", "GX", "--years", "5", "--out", rail / "out"]
    assert run(*words, *named) == 0
    made = table(rail / "out", "crossings.csv").set_index("crossing_id")
    assert made["crashes"].to_dict() == {"A": 2, "B": 0, "C": 1}
    assert sorted(made["rank"]) == [1, 2, 3]
    assert made["vehicles_from"].str.partition(":")[0].to_dict()["A"] == "counted"
    assert made.at["B", "vehicles_low"] < made.at["B", "vehicles"] < made.at["B", "vehicles_high"]
    assert made["accidents"].isna().all()  # too few of them to say how many


def test_accidents_that_name_no_crossing_stop_the_rating(
    rail: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(rail / "acc.csv", [{"GX": "elsewhere"}])
    words = ["rate", rail / "list.csv", "--crs", GRID, "--accidents", rail / "acc.csv", *MAPPED]
    assert run(*words, "--accidents-crossing", "GX", "--years", "5", "--out", rail / "out") == 1
    assert "acc.csv, column GX" in capsys.readouterr().err
    assert run(*words, "--accidents-crossing", "GX", "--out", rail / "out") == 1
    assert "--years" in capsys.readouterr().err
    assert not (rail / "out").exists()


def test_found_and_listed_are_matched_one_to_one_and_a_constant_shift_is_told(
    rail: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xs = [300, 900, 1000, 1700, 2600, 3100, 3900]
    for name, dx in (("found", 0), ("listed", 850)):
        rows = [
            {"id": f"{name}{i}", "x": 500_000 + x + dx, "y": 5_000_000} for i, x in enumerate(xs)
        ]
        write(rail / f"{name}.csv", rows)
    words = ["match", rail / "found.csv", rail / "listed.csv", "--crs", GRID, "--out", rail / "out"]
    assert run(*words, "--found-crs", GRID, "--inventory-crs", GRID) == 0
    told = capsys.readouterr().out
    assert "moved -850 m east" in told
    made = table(rail / "out", "crossings-matches.csv")
    pairs = made.dropna(subset=["crossing_id", "found_id"])
    assert pairs["found_id"].is_unique
    assert len(made) == 14 - len(pairs)


def test_what_is_left_off_the_list_of_the_sample_is_found_and_no_bridge_is(
    tmp_path: Path,
) -> None:
    rows = json.loads((SAMPLE / "crossings.geojson").read_text(encoding="utf-8"))
    with (SAMPLE / "unlisted.csv").open(encoding="utf-8", newline="") as file:
        hidden = [(float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file)]
    taken = [f for f in rows["features"] if f["properties"]["kind"] == "self-opened"][::5]
    rows["features"] = [f for f in rows["features"] if f not in taken]
    listed = tmp_path / "listed.geojson"
    listed.write_text(json.dumps(rows), encoding="utf-8")
    words = ["detect", SAMPLE / "roads.geojson", SAMPLE / "railways.geojson", "--crs", "EPSG:9215"]
    assert run(*words, "--inventory", listed, "--out", tmp_path / "out") == 0
    made = table(tmp_path / "out", "crossings-found.csv")
    known = summary(tmp_path / "out")
    assert known["recall"] == 1.0
    candidates = made[made["status"] == "candidate"]
    truth = [*(f["geometry"]["coordinates"] for f in taken), *hidden]
    places = gpd.GeoSeries.from_xy(*zip(*truth, strict=True), crs="EPSG:4326").to_crs("EPSG:9215")
    at = gpd.GeoSeries.from_xy(candidates["x"], candidates["y"], crs="EPSG:9215")
    assert len(candidates) == len(truth)
    assert places.map(lambda p: at.distance(p).min()).max() < 1
    assert (made["status"] == "apart").sum() == 3  # the bridges
    book = tmp_path / "out" / "crossings-to-verify.xlsx"
    assert book.is_file()


@pytest.mark.shared
def test_the_inventory_of_the_united_kingdom_is_rated_without_loss(
    shared: Path, tmp_path: Path
) -> None:
    file = shared / LEVEL / "uk_level_crossings.csv"
    words = ["rate", file, "--inventory-crs", "EPSG:4326", "--crs", "EPSG:27700"]
    assert run(*words, "--model", "new-hampshire", "--draws", "200", "--out", tmp_path / "uk") == 0
    made = table(tmp_path / "uk", "crossings.csv")
    assert len(made) == 6_855
    assert (made["rank"].notna() ^ made["rate_reason"].notna()).all()
    assert len(table(tmp_path / "uk", "rejected.csv")) == 0


@pytest.mark.shared
def test_american_crossings_are_as_the_railroad_administration_published_them(
    shared: Path, tmp_path: Path
) -> None:
    given = pd.read_csv(shared / LEVEL / "fra_published_predictions.csv")
    own = pd.DataFrame(
        {
            "crossing_id": given["CROSSING"],
            "aadt": given["AADT"],
            "trains": given["TOTALTRN"],
            "day_trains": given["DAYTHRU"],
            "switch_trains": given["TOTALSWT"],
            "speed": given["MAXTTSPD"],
            "main_tracks": given["MAINTRK"],
            "tracks": given["MAINTRK"] + given["OTHRTRK"],
            "paved": given["HWYPVED"].eq(1).map({True: "yes", False: "no"}),
            "lanes": given["TRAFICLN"],
            "urban": given["HWYCLASS"].ge(11).map({True: "yes", False: "no"}),
            "protection": given["WDCODE"],
            "lat": given["lat"],
            "lon": given["lon"],
        }
    )
    other = own.head(1).assign(crossing_id="other", lon=own["lon"].head(1) + 1)
    pd.concat([own, other]).to_csv(tmp_path / "us.csv", index=False)
    write(tmp_path / "accidents.csv", [{"GX": "other"}])  # none at the two in five years
    words = ["rate", tmp_path / "us.csv", "--inventory-crs", "EPSG:4326", "--crs", "EPSG:5070"]
    history = ["--accidents", tmp_path / "accidents.csv", "--accidents-crossing", "GX"]
    codes = ["--speed-unit", "mph", "--protection-words", "fra-wdcode", "--own-country"]
    assert run(*words, *history, "--years", "5", *codes, "--out", tmp_path / "us") == 0
    made = table(tmp_path / "us", "crossings.csv").set_index("crossing_id").loc[given["CROSSING"]]
    for column, published in (
        ("accidents", "DOTACPD"), ("casualty", "DOTCASPD"), ("fatal", "DOTFATPD"),
    ):  # fmt: skip
        assert made[column].to_numpy() == pytest.approx(given[published].to_numpy(), abs=1e-6)


@pytest.mark.parametrize("action", ["detect", "match", "assign", "rate"])
def test_help_speaks_both_languages(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    for language in ("vi", "en"):
        with pytest.raises(SystemExit) as stop:
            main(["--lang", language, "crossings", action, "--help"])
        assert stop.value.code == 0
    vi, en = capsys.readouterr().out.split("usage:")[1:]
    assert vi != en


def test_a_column_of_no_table_is_refused(rail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["rate", rail / "list.csv", "--crs", GRID, "--out", rail / "out"]
    assert run(*words, "--column", "aadt=DTV") == 1
    assert "inventory.aadt" in capsys.readouterr().err
