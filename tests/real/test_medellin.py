"""Medellin, Colombia: 665 crashes of 2016 on 728 real road segments, no severity recorded.

The counts per segment are those of spatstat (shared/data/crashes/README.md).
"""

from __future__ import annotations

from collections import Counter
from math import hypot
from pathlib import Path

import pytest
import reading

pytestmark = pytest.mark.shared

STUDY = """
[study]
name = "Medellin 2016"
language = "en"
crs = "EPSG:3116"
start = 2016-01-01
end = 2016-12-31

[crashes]
files = ["{data}/accidents.csv"]
crs = "EPSG:3116"
[crashes.columns]
x = "x"
y = "y"

[roads]
file = "{data}/segments.csv"
crs = "EPSG:3116"
[roads.columns]
road_id = "seg"
x_from = "x0"
y_from = "y0"
x_to = "x1"
y_to = "y1"
{more}
"""

BUDGET = """
[budget]
amount = 10000
unit = "million"
"""


class Run:
    """A run and what it read."""

    def __init__(self, folder: Path, shared: Path, more: str = "") -> None:
        self.data = shared / "crashes" / "medellin"
        folder.mkdir(parents=True, exist_ok=True)
        study = folder / "study.toml"
        study.write_text(STUDY.format(data=self.data.as_posix(), more=more), encoding="utf-8")
        self.out = folder / "out"
        self.done = reading.run(study, self.out)
        self.said = self.done.stdout + self.done.stderr


@pytest.fixture(scope="module")
def medellin(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("medellin"), shared)


@pytest.fixture(scope="module")
def budgeted(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("medellin-budget"), shared, BUDGET)


def test_it_completes_and_every_row_is_accounted_for(medellin: Run) -> None:
    assert medellin.done.returncode == 0, medellin.said
    reading.reconciles(medellin.out)
    made = reading.summary(medellin.out)
    assert made["read"] == len(reading.rows(medellin.data / "accidents.csv")) == 665
    assert (made["placed"], made["unplaced"], made["rejected"]) == (665, 0, 0)
    assert made["programme"] is None
    assert "Severities are not recorded" in medellin.done.stdout


def test_the_network_is_the_published_one(medellin: Run) -> None:
    parts = reading.rows(medellin.out / "parts.csv")
    given = reading.rows(medellin.data / "segments.csv")
    assert sorted(int(row["road_id"]) for row in parts) == [int(row["seg"]) for row in given]
    made = reading.rows(medellin.out / "segments.csv")
    assert sum(float(row["length"]) for row in made) == pytest.approx(29_759.42, abs=0.01)
    degree = Counter(row[end] for row in given for end in ("from", "to"))
    nodes = {row[end] for row in made for end in ("from_node", "to_node")}
    assert (len(degree), len(nodes)) == (643, sum(count != 2 for count in degree.values()))


def test_unknown_severity_stays_unknown(medellin: Run) -> None:
    everyone = reading.crashes(medellin.out)
    assert set(everyone["severity"]) == {"unknown"}
    assert everyone[["deaths", "injured", "serious", "slight"]].isna().all(axis=None)

    ranking = reading.rows(medellin.out / "ranking.csv")
    assert ranking
    empty = [
        "cost_per_year",
        "deaths",
        "injured",
        "funded",
        *(f"expected_{level}" for level in ("fatal", "serious", "slight", "injury", "pdo")),
    ]
    for row in ranking:
        assert row["verdict"] == "undetermined"
        assert row["unknown"] == row["crashes"]
        assert not any(row[column] for column in empty), {c: row[c] for c in empty}

    page = reading.page(medellin.out)
    assert len(page["sites"]["id"]) == len(ranking)
    assert set(reading.words(page["sites"]["verdict"])) == {"undetermined"}
    for column in ("cost_per_year", "deaths", "injured", "funded"):
        assert set(page["sites"][column]) == {None}, column
    assert set(reading.words(page["crashes"]["severity"])) == {"unknown"}
    for column in ("deaths", "injured"):
        assert set(reading.digits(page["crashes"][column])) == {None}, column
    notes = " ".join(note["en"] for note in page["meta"]["notes"])
    assert "No crash has a recorded severity" in notes


def test_unknown_days_stay_unknown(medellin: Run) -> None:
    """The set has the hour and the year, no day: none may be made up."""
    assert reading.crashes(medellin.out)["date"].isna().all()
    page = reading.page(medellin.out)
    assert set(page["crashes"]["date"]) == {None}
    hours = Counter(reading.digits(page["crashes"]["hour"]))
    given = reading.rows(medellin.data / "accidents.csv")
    assert hours == Counter(int(row["hour"]) for row in given)
    assert (page["meta"]["start"], page["meta"]["end"]) == ("2016-01-01", "2016-12-31")
    for row in reading.rows(medellin.out / "ranking.csv"):
        assert row["window_start"] == row["window_end"] == ""
    note = next(n["en"] for n in page["meta"]["notes"] if "665 crashes have no date" in n["en"])
    # One year is one rolling period: all count, and the note must not say otherwise.
    assert "but not in the rolling period" not in note


def test_counts_per_segment_are_the_published_ones(medellin: Run) -> None:
    count = {
        int(row["road_id"]): int(row["crashes"]) for row in reading.rows(medellin.out / "parts.csv")
    }
    given = {
        int(row["seg"]): int(row["ref_count"])
        for row in reading.rows(medellin.data / "segments.csv")
    }
    assert sum(count.values()) == sum(given.values()) == 665
    same = sum(count[seg] == given[seg] for seg in given)
    reading.tell(f"{same} of {len(given)} segments have the published count")
    greatest = {141: 18, 49: 16, 106: 16, 239: 16, 255: 16}
    assert {seg: given[seg] for seg in greatest} == greatest
    assert {seg: count[seg] for seg in greatest} == greatest
    assert Counter(count.values()).most_common()[0][0] == 0
    assert sorted(count.values(), reverse=True)[:5] == [18, 16, 16, 16, 16]


def test_each_crash_is_on_the_published_segment_or_at_an_end_it_shares(medellin: Run) -> None:
    given = {int(row["seg"]): row for row in reading.rows(medellin.data / "segments.csv")}
    road = reading.crashes(medellin.out)["road_id"]
    register = reading.rows(medellin.data / "accidents.csv")
    moved = []
    for row in register:
        chosen, reference = int(road[row["id"]]), int(row["ref_segment"])
        if chosen == reference:
            continue
        here = float(row["x"]), float(row["y"])
        ends = {
            given[chosen][number]: (float(given[chosen][x]), float(given[chosen][y]))
            for number, x, y in (("from", "x0", "y0"), ("to", "x1", "y1"))
        }
        shared_ends = ends.keys() & {given[reference]["from"], given[reference]["to"]}
        assert shared_ends, f"crash {row['id']}: {chosen} does not touch {reference}"
        gap = min(hypot(here[0] - ends[v][0], here[1] - ends[v][1]) for v in shared_ends)
        assert gap <= 0.01, f"crash {row['id']}: {gap:.3f} m from the end it shares"
        moved.append(row["id"])
    reading.tell(f"{len(register) - len(moved)} of {len(register)} on the published segment,")
    reading.tell(f"{len(moved)} at an end that it shares with the chosen one: {moved}")


def test_a_budget_without_severities_funds_nothing_and_says_why(budgeted: Run) -> None:
    assert budgeted.done.returncode == 0, budgeted.said
    reading.reconciles(budgeted.out)
    assert "cannot be valued: severities are not recorded" in budgeted.done.stdout
    made = reading.summary(budgeted.out)["programme"]
    assert (made["spent"], made["works"]) == (0, 0)
    for figure in ("npv", "crashes_avoided", "deaths_avoided", "injuries_avoided"):
        assert not made[figure], figure
    programme = reading.rows(budgeted.out / "programme.csv")
    assert programme
    for row in programme:
        assert row["funded"] == "False"
        assert row["why"]
        assert not row["benefit"]
        assert not row["npv"]
        assert not row["bcr"]
    reading.tell("why:", Counter(row["why"] for row in programme))
    ranking = reading.rows(budgeted.out / "ranking.csv")
    assert ranking
    assert {row["funded"] for row in ranking} == {"False"}
    assert {row["cost_per_year"] for row in ranking} == {""}
