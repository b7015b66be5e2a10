"""West Hartford, Connecticut: 6,750 crashes by corridor, against the table its authors published.

Areas only: the set holds polygons and no road network.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import reading

pytestmark = pytest.mark.shared

STUDY = """
[study]
name = "West Hartford 2018-2022"
language = "en"
crs = "EPSG:32618"
start = 2018-01-01
end = 2022-12-31

[crashes]
files = ["{data}/crashes.csv"]
{severity}
"""

SEVERITY = """
[crashes.columns]
severity = "Most Severe Injury"
"""

CORRIDOR = """
[[areas]]
level = "corridor"
file = "{data}/corridors.geojson"
columns = {{ name = "corridor" }}
"""

MILE = """
[[areas]]
level = "mile"
file = "{data}/corridors_newbritain3.geojson"
columns = {{ name = "corridor-section" }}
"""

SECTION = """
[[areas]]
level = "section"
file = "{data}/corridors.geojson"
columns = {{ name = "corridor-section" }}
"""

PUBLISHED = ("all_crashes", "any_injury_KABC", "fatal_or_serious_KA")
OURS = ("crashes", "casualty", "ksi")


class Run:
    """A run and what it read."""

    def __init__(self, folder: Path, shared: Path, layers: str, severity: str = SEVERITY) -> None:
        self.data = shared / "crashes" / "west_hartford"
        data = self.data.as_posix()
        self.study = folder / "study.toml"
        text = STUDY.format(data=data, severity=severity) + layers.format(data=data)
        self.study.write_text(text, encoding="utf-8")
        self.out = folder / "out"
        self.done = reading.run(self.study, self.out)
        self.said = self.done.stdout + self.done.stderr

    @property
    def register(self) -> list[dict[str, str]]:
        return reading.rows(self.data / "crashes.csv")

    @property
    def published(self) -> dict[str, tuple[int | None, ...]]:
        return {
            row["corridor"]: tuple(int(row[c]) if row[c] else None for c in PUBLISHED)
            for row in reading.rows(self.data / "published_ranking.csv")
        }

    @property
    def areas(self) -> dict[tuple[str, str, str], tuple[int, ...]]:
        return {
            (row["level"], row["group"], row["name"]): tuple(int(row[c]) for c in OURS)
            for row in reading.rows(self.out / "areas.csv")
        }


@pytest.fixture(scope="module")
def hartford(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("hartford"), shared, CORRIDOR + MILE)


def test_it_completes_and_every_row_is_accounted_for(hartford: Run) -> None:
    assert hartford.done.returncode == 0, hartford.said
    reading.reconciles(hartford.out)
    made = reading.summary(hartford.out)
    assert made["read"] == len(hartford.register) == 6750
    assert made["rejected"] == 0
    assert made["placed_at"] == {"area": 6750 - 1384}
    assert made["unplaced_because"] == {"outside-areas": 1384}


def test_every_row_of_the_published_table_is_reproduced(hartford: Run) -> None:
    """All but Interstate 84, whose records are not in the authors' repository: taken off."""
    published, areas = hartford.published, hartford.areas
    interstate = published.pop("Interstate I-84")
    everywhere = published.pop("Total")
    local = tuple(a - b for a, b in zip(everywhere, interstate, strict=True) if a and b)
    assert local == (6750, 2006, 51)
    assert areas["corridor", "total", ""] == local
    outside = published.pop("Other locations not above")
    assert areas["corridor", "outside", ""] == outside == (1384, 265, 10)
    assert areas["corridor", "nowhere", ""] == (0, 0, 0)
    miles = {name: published.pop(name) for name in list(published) if "1-mile" in name}
    assert len(miles) == 3
    for name, figures in miles.items():
        ours = areas["mile", "area", name.removesuffix(" (1-mile section)")]
        assert ours[:2] == figures[:2], name
        assert figures[2] is None, "the authors give no fatal or serious ones by mile"
    corridors = {name: v for (level, group, name), v in areas.items()
                 if (level, group) == ("corridor", "area")}  # fmt: skip
    assert len(corridors) == 20
    assert corridors == published
    reading.tell(
        f"{len(corridors) + len(miles) + 2} of 25 rows without I-84 agree, I-84 by difference"
    )


def test_blank_severities_are_unknown(hartford: Run) -> None:
    level = {"K": "fatal", "A": "serious", "B": "slight", "C": "slight", "O": "pdo", "": "unknown"}
    given = {row["CrashId"]: level[row["Most Severe Injury"].strip()] for row in hartford.register}
    assert sum(one == "unknown" for one in given.values()) == 15
    found = reading.crashes(hartford.out)["severity"]
    assert dict(found) == given
    total = next(
        row
        for row in reading.rows(hartford.out / "areas.csv")
        if (row["level"], row["group"]) == ("corridor", "total")
    )
    counts = {name: int(total[name]) for name in ("fatal", "serious", "slight", "pdo", "unknown")}
    assert counts == {"fatal": 4, "serious": 47, "slight": 1955, "pdo": 4729, "unknown": 15}
    assert total["deaths"] == ""
    notes = " ".join(note["en"] for note in reading.page(hartford.out)["meta"]["notes"])
    assert "15 of 6,750" in notes or "15 of 6750" in notes


def _assigned(out: Path) -> dict[str, str]:
    found = reading.crashes(out)["area"]
    return {str(crash): "" if area is None else str(area) for crash, area in found.items()}


def test_each_crash_is_in_the_corridor_its_authors_gave_it(hartford: Run) -> None:
    published = {
        row["CrashId"]: row["corridor"]
        for row in reading.rows(hartford.data / "published_assignment.csv")
    }
    ours = _assigned(hartford.out)
    same = sum(ours[crash] == corridor for crash, corridor in published.items())
    reading.tell(f"{same} of {len(published)} crashes in the published corridor")
    assert ours == published


def test_each_crash_is_in_the_section_its_authors_gave_it(shared: Path, tmp_path: Path) -> None:
    made = Run(tmp_path, shared, SECTION)
    assert made.done.returncode == 0, made.said
    published = {
        row["CrashId"]: row["corridor-section"]
        for row in reading.rows(made.data / "published_assignment.csv")
    }
    assert _assigned(made.out) == published


def test_ranking_and_map_count_what_the_areas_count(hartford: Run) -> None:
    corridors = {name: v for (level, group, name), v in hartford.areas.items()
                 if (level, group) == ("corridor", "area")}  # fmt: skip
    ranking = reading.rows(hartford.out / "ranking.csv")
    assert ranking
    for row in ranking:
        ksi = int(row["fatal"]) + int(row["serious"])
        casualty = ksi + int(row["slight"]) + int(row["injury"])
        assert (int(row["crashes"]), casualty, ksi) == corridors[row["label"]], row["label"]
    page = reading.page(hartford.out)["sites"]
    assert page["label"] == [row["label"] for row in ranking]
    assert page["crashes"] == [int(row["crashes"]) for row in ranking]


def test_two_severity_columns_are_told_with_a_block_to_paste(shared: Path, tmp_path: Path) -> None:
    made = Run(tmp_path, shared, CORRIDOR, severity="")
    assert made.done.returncode == 1
    assert not made.out.exists()
    for words in ("Crash Severity", "Most Severe Injury", "[crashes.columns]", "severity ="):
        assert words in made.done.stderr
    message = made.done.stderr
    block = message[message.index("[crashes.columns]") :].strip()
    assert tomllib.loads(block) == {"crashes": {"columns": {"severity": "Crash Severity"}}}
    text = made.study.read_text(encoding="utf-8")
    made.study.write_text(text + "\n" + block + "\n", encoding="utf-8")
    again = reading.run(made.study, made.out)
    assert again.returncode == 0, again.stderr
