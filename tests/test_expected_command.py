"""Expected crashes of a table of sites, from file to file, against the functions behind it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

import blackspots
from blackspots.cli import main
from blackspots.errors import BlackspotsError
from blackspots.expected_files import RESULTS, Columns, expected_of_file
from blackspots.presets.costs import cost_table
from blackspots.screening.covariates import design

PERSON = "Nguyễn Văn An"
FIT = ["--length", "km", "--traffic", "aadt", "--class", "kind", "--years", "3"]


def sites(count: int = 120, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "site": [f"S{i}" for i in range(count)],
            "Lái xe": PERSON,
            "km": rng.uniform(0.2, 2.0, count).round(2),
            "aadt": rng.integers(500, 20_000, count),
            "minor": rng.integers(100, 4_000, count),
            "kind": rng.choice(["national", "local"], count),
            "period": 3,
        }
    )
    mu = table["km"] * np.exp(-6 + 0.8 * np.log(table["aadt"]))
    table["crashes"] = rng.poisson(mu * rng.gamma(2.0, 0.5, count))
    table["dead"] = rng.binomial(table["crashes"], 0.1)
    table["hurt"] = table["crashes"] - table["dead"]
    return table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sites().to_csv(tmp_path / "sites.csv", index=False)
    return tmp_path


def expected(folder: Path, *more: str, out: str = "out.csv", table: str = "sites.csv") -> int:
    told = ["--observed", "crashes", "--id", "site", "--out", str(folder / out)]
    return main(["expected", str(folder / table), *told, "--quiet", "--lang", "en", *more])


def test_the_table_is_what_the_function_gives(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected(folder, *FIT) == 0
    told = capsys.readouterr().out
    assert "Sites: 120 read, 120 judged" in told
    made = pd.read_csv(folder / "out.csv")
    assert list(made.columns) == [
        *("source_row", "site", "kind", "crashes", "km", "aadt"),
        *RESULTS,
    ]
    table = sites()
    wanted = blackspots.screen_table(
        table, observed="crashes", length="km", traffic="aadt", classes="kind", years=3
    )
    for column in wanted.select_dtypes("number").columns:
        np.testing.assert_allclose(made[column], wanted[column], rtol=1e-9)
    assert made["service"].tolist() == wanted["service"].tolist()
    assert made["source_row"].tolist() == list(range(2, 122))
    best = table["site"][wanted["excess"].idxmax()]
    assert f"  {best}: " in told.partition("Most above")[2].splitlines()[1]


def test_a_workbook_has_the_function_on_its_second_sheet(folder: Path) -> None:
    assert expected(folder, *FIT, out="out.xlsx") == 0
    book = openpyxl.load_workbook(folder / "out.xlsx")
    assert book.sheetnames == ["Sites", "Function"]
    rows = [row for row in book["Function"].iter_rows(values_only=True) if row[1] is not None]
    table = sites()
    spf = blackspots.fit_spf(
        table["crashes"],
        3.0 * table["km"],
        design(table["kind"], table["aadt"]),
    )
    got = {str(name): values for name, *values in rows[1:]}
    for name, *values in spf.table().itertuples():
        assert got[name] == pytest.approx(values, rel=1e-4)
    told = " ".join(str(row[0]) for row in book["Function"].iter_rows(values_only=True))
    assert f"k = {spf.k:.3f} (95 % interval: {spf.k_interval[0]:.3f}" in told
    assert f"ln L = {spf.log_likelihood:.2f}" in told
    listed = pd.read_excel(folder / "out.xlsx", engine="openpyxl", skiprows=3)
    assert listed["excess"].is_monotonic_decreasing
    assert set(listed["site"]) == set(table["site"])


def test_no_column_that_is_not_named_is_written(folder: Path) -> None:
    assert expected(folder, *FIT) == expected(folder, *FIT, out="out.xlsx") == 0
    assert PERSON not in (folder / "out.csv").read_text("utf-8")
    assert (
        PERSON not in pd.read_excel(folder / "out.xlsx", engine="openpyxl", header=None).to_string()
    )


def test_a_column_of_persons_is_refused_by_its_header_and_masked_by_its_cells(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected(folder, "--class", "Lái xe") == 1
    assert "holds personal data" in capsys.readouterr().err
    table = sites().rename(columns={"Lái xe": "note"})
    table["note"] = [f"{PERSON} {letter}" for letter in "ABCD" * 30]
    table.to_csv(folder / "sites.csv", index=False)
    assert expected(folder, "--class", "note") == 0
    assert "note: left out" in capsys.readouterr().out
    assert PERSON not in (folder / "out.csv").read_text("utf-8")


@pytest.mark.parametrize(("unit", "factor"), [("m", 1000.0), ("mile", 1 / 1.609344)])
def test_the_unit_of_length_is_that_which_is_named(folder: Path, unit: str, factor: float) -> None:
    """The overdispersion of this function goes with length; a fitted one would make up for it."""
    table = sites()
    table.assign(km=table["km"] * factor).to_csv(folder / "other.csv", index=False)
    named = ["--length", "km", "--traffic", "aadt", "--spf", "hsm1-rural-two-lane"]
    assert expected(folder, *named) == 0
    assert expected(folder, *named, "--length-unit", unit, table="other.csv", out="o.csv") == 0
    km, other = (pd.read_csv(folder / out) for out in ("out.csv", "o.csv"))
    assert km["k"].to_numpy() == pytest.approx(0.236 / (table["km"] / 1.609344))
    for column in ("k", "expected"):
        np.testing.assert_allclose(other[column], km[column], rtol=1e-9)


def test_a_published_function_wants_its_figures_in_order(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published = ["--spf", "hsm1-rural-3st", "--years", "period"]
    assert expected(folder, *published, "--traffic", "aadt") == 1
    assert "aadt_major, aadt_minor" in capsys.readouterr().err
    assert expected(folder, *published, "--traffic", "aadt,minor") == 0
    assert "mark M" in capsys.readouterr().out
    table = sites()
    wanted = blackspots.screen_table(
        table,
        observed="crashes",
        traffic={"aadt_major": "aadt", "aadt_minor": "minor"},
        years="period",
        spf="hsm1-rural-3st",
    )
    made = pd.read_csv(folder / "out.csv")
    np.testing.assert_allclose(made["expected"], wanted["expected"], rtol=1e-9)
    assert set(made["method"]) == {"published-calibrated"}


def test_costs_are_those_of_a_person_of_each_grade(folder: Path) -> None:
    grades = ["--severity", "fatal=dead", "--severity", "slight=hurt", "--costs", "vn-2024"]
    assert expected(folder, *FIT, *grades) == 0
    made, price = pd.read_csv(folder / "out.csv"), cost_table("vn-2024")
    wanted = made["expected_fatal"] * price.death + made["expected_slight"] * price.slight
    np.testing.assert_allclose(made["cost"], wanted, rtol=1e-9)
    np.testing.assert_allclose(made["epdo"], wanted / price.pdo, rtol=1e-9)
    total = made["expected_fatal"] + made["expected_slight"]
    np.testing.assert_allclose(total, made["expected"], rtol=1e-9)
    assert "expected_pdo" not in made


def test_what_cannot_be_read_is_unknown_and_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = sites().astype({"crashes": object, "km": object})
    table.loc[0, "crashes"], table.loc[1, "crashes"] = "many", None
    table.loc[2, "km"] = "0"
    table.to_csv(folder / "sites.csv", index=False)
    assert expected(folder, *FIT) == 0
    told = capsys.readouterr().out
    assert "120 read, 117 judged" in told
    assert "crashes: 1 cells could not be read" in told
    made = pd.read_csv(folder / "out.csv")
    assert made["expected"].isna()[[0, 1, 2]].all()
    assert made["crashes"].isna()[[0, 1]].all()
    assert made["expected"].notna()[3:].all()


@pytest.mark.parametrize("count", [1, 5])
def test_few_sites_are_pooled_and_said_to_be(
    folder: Path, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    sites().head(count).to_csv(folder / "sites.csv", index=False)
    assert expected(folder, *FIT, out="out.xlsx") == 0
    assert "one pooled rate" in capsys.readouterr().out
    made = pd.read_excel(folder / "out.xlsx", engine="openpyxl", skiprows=3)
    assert made["expected"].notna().all()
    assert made["method"].str.startswith("pooled").all()


def test_no_crash_at_all_is_an_answer(folder: Path) -> None:
    sites().assign(crashes=0).to_csv(folder / "sites.csv", index=False)
    assert expected(folder, *FIT) == 0
    assert (pd.read_csv(folder / "out.csv")["expected"] > 0).all()


def test_a_column_called_as_a_result_is_kept_beside_it(folder: Path) -> None:
    sites().rename(columns={"km": "expected", "site": "k"}).to_csv(
        folder / "sites.csv", index=False
    )
    assert expected(folder, "--length", "expected", "--id", "k") == 0
    made = pd.read_csv(folder / "out.csv")
    assert made["expected (given)"].tolist() == sites()["km"].tolist()
    assert made["k (given)"].tolist() == sites()["site"].tolist()


@pytest.mark.parametrize("out", ["sites.csv", "other.xlsx"])
def test_only_an_earlier_result_is_replaced(
    folder: Path, out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sites().to_excel(folder / "other.xlsx", index=False)
    before = (folder / out).read_bytes()
    assert expected(folder, out=out) == 1
    assert "would be replaced" in capsys.readouterr().err
    assert (folder / out).read_bytes() == before
    for mine in ("mine.csv", "mine.xlsx"):
        assert expected(folder, out=mine) == expected(folder, *FIT, out=mine) == 0


def test_equal_inputs_give_equal_bytes(folder: Path) -> None:
    for out in ("one.xlsx", "two.xlsx", "one.csv", "two.csv"):
        assert expected(folder, *FIT, out=out) == 0
    for form in ("xlsx", "csv"):
        one, two = ((folder / f"{name}.{form}").read_bytes() for name in ("one", "two"))
        assert one == two


def test_what_is_wrong_is_said(folder: Path) -> None:
    for code, columns, more in (
        ("unknown-column", Columns("accidents"), {}),
        ("expected-traffic-one", Columns("crashes", traffic=["aadt", "minor"]), {}),
        ("expected-length", Columns("crashes", traffic=["aadt"]), {"spf": "hsm1-rural-two-lane"}),
        ("expected-costs", Columns("crashes"), {"costs": "vn-2024"}),
        ("expected-costs", Columns("crashes", severities={"fatal": "dead"}), {}),
        ("missing-preset", Columns("crashes"), {"spf": "no-such"}),
    ):
        with pytest.raises(BlackspotsError) as caught:
            expected_of_file(folder / "sites.csv", columns, **more)
        assert caught.value.code == code
    for wrong in (["--years", "0"], ["--severity", "mild=hurt"], ["--length-unit", "ell"]):
        with pytest.raises(SystemExit):
            expected(folder, *wrong)
    with pytest.raises(SystemExit):
        expected(folder, out="out.txt")
