"""The backtest of a study, from the command line, in both languages."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from small_study import (
    HEADER,
    Row,
    crash,
    crashes,
    edit,
    tree,
    with_rows,
    without,
    write_rows,
    write_study,
)

from blackspots import backtesting, labels
from blackspots.backtesting import backtest_lines, backtest_study
from blackspots.cli import main
from blackspots.config import load_study
from blackspots.errors import BlackspotsError
from blackspots.screening.backtest import ALL, SHARES
from blackspots.screening.scores import METHODS, TARGETS


def busy(rows: list[Row]) -> list[Row]:
    """One bad place that goes on for three years, and crashes all over the roads."""
    number = iter(range(100, 1000))
    fatal = {"severity": "Chết người", "deaths": 1, "injured": 0}
    for year in (2021, 2022, 2023):
        for i in range(12):
            more = fatal if i < 4 else {}
            rows.append(crash(next(number), 1190 + i, 2, **more, date=f"03/04/{year}"))
        for i in range(20):
            x = (137 * i + 53 * year) % 3900
            rows.append(crash(next(number), x, 1, date=f"05/06/{year}"))
    return rows


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_study(tmp_path_factory.mktemp("study"))
    with_rows(path, busy)
    return path


@pytest.mark.parametrize("language", labels.LANGUAGES)
def test_it_says_what_was_compared_and_writes_all_figures(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    out = tmp_path / "figures.csv"
    assert main(["backtest", str(study), "--out", str(out), "--lang", language, "--quiet"]) == 0
    said = capsys.readouterr().out
    for method in (*METHODS, "oracle"):
        assert labels.text(f"backtest.method.{method}", language) in said
    assert "2021 > 2022, 2021-2022 > 2023" in said
    assert str(out) in said
    table = pd.read_csv(out, encoding="utf-8-sig")
    assert tuple(table) == backtesting._COLUMNS
    assert set(table["split"]) == {ALL, "2021 > 2022", "2021-2022 > 2023"}
    assert set(table["method"]) == {*METHODS, "oracle"}
    assert set(table["target"]) == set(TARGETS)
    assert sorted(set(table["share_of_length"])) == list(SHARES)
    shown = table[(table["split"] == ALL) & (table["target"] == "crashes")]
    chance = shown[shown["method"] == "random"]
    assert chance["caught"].tolist() == pytest.approx(list(SHARES))
    count = float(shown.loc[(shown["method"] == "count") & (shown["share_of_length"] == 0.05),
                            "caught"].iloc[0])  # fmt: skip
    assert labels.format_number(100 * count, language, 1) + " %" in said


def test_the_place_that_goes_on_is_caught(study: Path) -> None:
    found = backtest_study(load_study(study))
    rows = found.verdict("severe").set_index("method")
    assert rows["later"].iloc[0] == 12  # 4 + 4 at the place; 4 of the twenty crashes of the study
    assert rows.at["eb", "caught"] > 0.6
    assert rows.at["eb", "caught"] > 5 * rows.at["random", "caught"]
    used = found.table[(found.table["target"] == "crashes") & (found.table["split"] == ALL)]
    located = found.placed.located
    later = located["date"].dt.year.isin([2022, 2023]) & (found.units.of_crash >= 0)
    assert used["later"].iloc[0] == later.sum()


def test_one_split_is_cut_where_asked_for(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "b.csv"
    given = ["backtest", str(study), "--train-until", "2022", "--out", str(out), "--quiet"]
    assert main(given) == 0
    assert set(pd.read_csv(out)["split"]) == {ALL, "2021-2022 > 2023"}


def test_equal_runs_give_equal_bytes_and_replace_their_own_file_only(study: Path) -> None:
    before = set(tree(study.parent))
    assert main(["backtest", str(study), "--quiet"]) == 0
    written = study.parent / "backtest.csv"
    assert set(tree(study.parent)) - before == {"backtest.csv"}
    first = written.read_bytes()
    assert main(["backtest", str(study), "--quiet"]) == 0
    assert written.read_bytes() == first
    written.unlink()


def test_the_register_is_not_replaced(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register = study.parent / "crashes.csv"
    before = register.read_bytes()
    assert main(["backtest", str(study), "--out", str(register), "--quiet"]) == 1
    assert "--out" in capsys.readouterr().err
    assert register.read_bytes() == before


def test_a_file_that_is_no_csv_is_wrong_usage(study: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["backtest", str(study), "--out", "figures.xlsx"])
    assert stopped.value.code == 2


def fails(path: Path, code: str, **options: int) -> None:
    with pytest.raises(BlackspotsError) as raised:
        backtest_study(load_study(path), **options)
    assert raised.value.code == code
    for language in labels.LANGUAGES:
        assert "?" not in raised.value.message(language)


def test_it_says_what_cannot_be_done(tmp_path: Path) -> None:
    path = write_study(tmp_path / "roads")
    without(path, "roads")
    without(path, "repairs")
    fails(path, "backtest-no-roads")
    path = write_study(tmp_path / "year")
    with_rows(path, lambda rows: [row | {"date": "01/02/2022"} for row in rows])
    fails(path, "backtest-one-year")
    path = write_study(tmp_path / "until")
    fails(path, "backtest-train-until", train_until=2023)
    fails(path, "backtest-train-until", train_until=2020)


def test_a_register_without_dates_or_without_a_crash_on_a_road_allows_none(tmp_path: Path) -> None:
    path = write_study(tmp_path / "dates")
    write_rows(path.parent / "crashes.csv", crashes(), [name for name in HEADER if name != "date"])
    fails(path, "backtest-no-dates")
    path = write_study(tmp_path / "roads")
    with_rows(path, lambda _rows: [crash(n, 300, -1500) for n in range(2)])
    fails(path, "backtest-no-crashes")


@pytest.mark.parametrize("language", labels.LANGUAGES)
def test_without_severities_crashes_alone_are_scored(tmp_path: Path, language: str) -> None:
    path = write_study(tmp_path)
    blank = {"severity": "", "deaths": "", "injured": ""}
    with_rows(path, lambda rows: [row | blank for row in busy(rows)])
    found = backtest_study(load_study(path))
    assert set(found.table["target"]) == {"crashes"}
    assert {"epdo", "severe", "eb_cost"} <= set(found.ways_left_out)
    said = "\n".join(backtest_lines(found, language))
    assert labels.text("backtest.method.epdo", language) in said
    assert labels.text("backtest.goal.deaths", language) in said


def test_simulated_data_are_called_so(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    edit(path, 'crs = "EPSG:32648"', 'crs = "EPSG:32648"\nsimulated = true')
    found = backtest_study(load_study(path))
    banner = labels.text("term.simulated", "vi")
    assert banner in "\n".join(backtest_lines(found, "en"))
    written = backtesting.write_backtest(found, tmp_path / "b.csv")
    assert pd.read_csv(written)["notice"].str.contains(banner).all()
    backtesting.write_backtest(found, written)


def test_few_crashes_decide_nothing(tmp_path: Path) -> None:
    found = backtest_study(load_study(write_study(tmp_path)))
    said = "\n".join(backtest_lines(found, "en"))
    assert "no way catches more than chance" in said
    assert "(90 % interval 0.0 to 7.3)." not in said
