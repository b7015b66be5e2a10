"""A severity that is stated, and what the numbers of persons say of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyproj import CRS
from small_study import GRID, degrees, write_rows

from blackspots.errors import BlackspotsError
from blackspots.sources import Findings, read_crashes


def read_one(folder: Path, **cells: object) -> tuple[str, list[tuple[str | None, str]]]:
    """The severity of one crash, and column and code of the remarks."""
    lon, lat = degrees(0, 0)
    row = {**cells, "lat": lat, "lon": lon}
    write_rows(folder / "c.csv", [row], list(row))
    findings = Findings()
    made = read_crashes([folder / "c.csv"], CRS.from_user_input(GRID), findings)
    assert not findings.rejects
    return made.crashes["severity"].item(), [(r["column"], r["code"]) for r in findings.remarks]


@pytest.mark.parametrize(
    ("word", "persons"),
    [
        ("fatal", {"deaths": 0}),
        ("serious", {"serious": 0, "slight": 1}),
        ("slight", {"serious": 1}),
        ("slight", {"injured": 0, "slight": 0}),
        ("injury", {"injured": 0}),
        ("pdo", {"injured": 2}),
        ("pdo", {"slight": 1}),
    ],
)
def test_a_statement_that_the_persons_deny_is_taken_and_doubted(
    word: str, persons: dict[str, int], tmp_path: Path
) -> None:
    level, remarks = read_one(tmp_path, severity=word, **persons)
    assert level == word
    assert remarks == [("severity", "severity-persons")]


@pytest.mark.parametrize(
    ("word", "persons"),
    [
        ("fatal", {"deaths": 1, "injured": 0}),
        ("fatal", {"injured": 2}),
        ("serious", {"serious": 1, "slight": 0}),
        ("serious", {"injured": 1}),
        ("slight", {"serious": 0, "slight": 1, "injured": 1}),
        ("slight", {"slight": "", "injured": ""}),
        ("injury", {"deaths": 0}),
        ("pdo", {"deaths": 0, "injured": 0}),
        ("unknown", {"deaths": 0, "injured": 3}),
    ],
)
def test_a_statement_that_the_persons_do_not_deny_is_not_doubted(
    word: str, persons: dict[str, object], tmp_path: Path
) -> None:
    level, remarks = read_one(tmp_path, severity=word, **persons)
    assert level == ("injury" if word == "unknown" else word)
    assert remarks == []


def test_more_injured_of_the_grades_than_in_all_are_doubted(tmp_path: Path) -> None:
    level, remarks = read_one(tmp_path, serious=2, slight=1, injured=1)
    assert (level, remarks) == ("serious", [(None, "injured-sum")])


def test_the_words_to_explain_show_no_personal_data(tmp_path: Path) -> None:
    lon, lat = degrees(0, 0)
    rows = [
        {"severity": f"gọi 09123456{i:02d}", "lat": lat, "lon": lon, "deaths": 0} for i in range(9)
    ]
    write_rows(tmp_path / "c.csv", rows, list(rows[0]))
    with pytest.raises(BlackspotsError) as refusal:
        read_crashes([tmp_path / "c.csv"], CRS.from_user_input(GRID), Findings())
    assert refusal.value.code == "severity-words"
    assert "09123456" not in refusal.value.message("en")
