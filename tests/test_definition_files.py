"""Files of definitions: the shipped ones against the reference table, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from blackspots.errors import BlackspotsError
from blackspots.labels import LANGUAGES
from blackspots.presets import definition
from blackspots.presets.definitions import MARKS, modes_named
from blackspots.presets.files import read, shipped

ROOT = Path(__file__).resolve().parents[1]
ENABLED = [name for name in shipped("definitions") if name != "vn-41-2024"]
TEXT = """\
id = "own"
jurisdiction = "VN"
citation = "ours"
mark = "A"
title = { vi = "Riêng", en = "Own" }
site = { window = 300, junction_radius = 100, crossing_radius = 40 }
period = { months = 24 }

[[rules]]
id = "five"
at_least = { any = 5 }
"""


def own(folder: Path, text: str) -> Path:
    (folder / "own.toml").write_text(text, encoding="utf-8")
    return folder


def test_every_jurisdiction_of_the_reference_table_has_its_file() -> None:
    table = "vn-26-2012 vn-41-2024 de-rural de-hesse at flanders in-morth au uk-wales kr no"
    assert set(table.split()) == set(shipped("definitions"))


@pytest.mark.parametrize("name", ENABLED)
def test_a_shipped_definition_is_said_in_both_languages_with_its_marks(name: str) -> None:
    law = definition(name)
    assert law.id == name
    assert law.citation
    assert {law.mark, law.site_mark, law.citation_mark} <= set(MARKS)
    assert law.verified == (law.mark == "V")
    for texts in (law.title, law.notes, *(rule.title for rule in law.rules)):
        assert set(texts) == set(LANGUAGES)
        assert texts["vi"] != texts["en"]


@pytest.mark.parametrize(
    ("name", "window", "months", "rolling", "mark"),
    [
        ("vn-26-2012", 500, 12, True, "M"),
        ("de-rural", 300, 36, True, "V"),
        ("de-hesse", 300, 36, True, "V"),
        ("at", 250, 36, True, "V"),
        ("flanders", 100, 36, True, "V"),
        ("in-morth", 500, 36, False, "V"),
        ("au", 200, 60, True, "V"),
        ("uk-wales", 100, 36, True, "V"),
        ("kr", 100, 36, True, "V"),
        ("no", 100, 60, True, "M"),
    ],
)
def test_lengths_and_periods_against_the_reference_table(
    name: str, window: float, months: int, rolling: bool, mark: str
) -> None:
    law = definition(name)
    assert (law.window, law.months, law.rolling, law.mark) == (window, months, rolling, mark)


def test_the_rules_of_their_own_length_and_period_against_the_reference_table() -> None:
    found = {
        (name, rule.id): (law.window_of(rule), law.months_of(rule))
        for name in ("de-hesse", "at", "kr", "no")
        for law in [definition(name)]
        for rule in law.rules
    }
    assert found == {
        ("de-hesse", "five-alike"): (300, 12),
        ("de-hesse", "three-serious"): (300, 36),
        ("at", "three-similar-at-risk"): (250, 36),
        ("at", "five-any"): (250, 12),
        ("kr", "five-crashes"): (100, 36),
        ("kr", "three-fatal"): (300, 36),
        ("kr", "ten-serious"): (300, 36),
        ("no", "point"): (100, 60),
        ("no", "section"): (1000, 60),
    }


BAD = [
    ("at_least = { any = 5 }", "at_least = { any = 0 }", "bad-value"),
    ("at_least = { any = 5 }", "at_least = { any = -1 }", "bad-value"),
    ("at_least = { any = 5 }", "at_least = { any = 2.5 }", "bad-value"),
    ("at_least = { any = 5 }", "at_least = { any = true }", "bad-value"),
    ("at_least = { any = 5 }", "at_least = { any = 5, fatal = 0 }", "bad-value"),
    ("at_least = { any = 5 }", "at_least = {}", "bad-rule"),
    ("at_least = { any = 5 }", "at_least = { lorry = 5 }", "bad-rule"),
    ("at_least = { any = 5 }", "at_least = { deaths = 5 }", "bad-rule"),
    ("at_least = { any = 5 }", 'unit = "persons"\nat_least = { any = 5 }', "bad-rule"),
    ("at_least = { any = 5 }", 'unit = "dogs"\nat_least = { any = 5 }', "bad-value"),
    ("at_least = { any = 5 }", "at_least = 5", "bad-definition"),
    ("at_least = { any = 5 }", "", "rule-empty"),
    ("at_least = { any = 5 }", "at_leats = { any = 5 }", "unknown-key-near"),
    ("at_least = { any = 5 }", "at_least = { any = 5 }\nzzz = 1", "unknown-key"),
    ("at_least", "window = 0\nat_least", "bad-value"),
    ("at_least", "window = inf\nat_least", "bad-value"),
    ("at_least", 'window = "long"\nat_least', "bad-value"),
    ("at_least", "window = 1e9\nat_least", "bad-value"),
    ("at_least", "radius = -50\nat_least", "bad-value"),
    ("at_least", "months = 0\nat_least", "bad-value"),
    ("at_least", "months = 1.5\nat_least", "bad-value"),
    ("at_least", "months = 99999\nat_least", "bad-value"),
    ("at_least", 'rolling = "no"\nat_least', "bad-value"),
    ("at_least", 'same = "colour"\nat_least', "bad-value"),
    ("at_least", "at = []\nat_least", "bad-value"),
    ("at_least", 'at = ["bridge"]\nat_least', "bad-value"),
    ("at_least", 'at = "segment"\nat_least', "bad-value"),
    ("at_least", 'mark = "X"\nat_least', "bad-value"),
    ("at_least", "risk = { at_least = 0, base = 1, per_aadt = 0 }\nat_least", "bad-value"),
    ("at_least", "risk = { at_least = 1, base = 0, per_aadt = 0 }\nat_least", "bad-value"),
    ("at_least", "risk = { at_least = 1, base = 1 }\nat_least", "bad-definition"),
    ("at_least", "risk = 3\nat_least", "bad-definition"),
    ("at_least = { any = 5 }", "score = { weights = {}, at_least = 1 }", "bad-rule"),
    ("at_least = { any = 5 }", "score = { weights = { any = -1 }, at_least = 1 }", "bad-value"),
    ("at_least = { any = 5 }", "score = { weights = { any = nan }, at_least = 1 }", "bad-value"),
    ("at_least = { any = 5 }", "score = { weights = { any = 0 }, at_least = 1 }", "rule-never"),
    ("at_least = { any = 5 }", "score = { weights = { any = 1 }, at_least = 0 }", "bad-value"),
    ("at_least = { any = 5 }", "score = { weights = { any = 1 }, at_least = inf }", "bad-value"),
    ("at_least = { any = 5 }", "score = { weights = { any = 1 } }", "bad-definition"),
    (
        "at_least = { any = 5 }",
        'score = { weights = { any = 1 }, at_least = 1, modes = ["lama"], factor = 2 }',
        "bad-value",
    ),
    (
        "at_least = { any = 5 }",
        'score = { weights = { any = 1 }, at_least = 1, modes = ["cyclist"], factor = 0 }',
        "bad-value",
    ),
    (
        "at_least = { any = 5 }",
        "at_least_by_area_type = { urban = { any = 3 }, rural = { fatal = 1 } }",
        "bad-value",
    ),
    (
        "at_least = { any = 5 }",
        "at_least = { any = 5 }\n[[rules]]\nid = 'five'\nat_least = { any = 6 }",
        "rule-twice",
    ),
    ("months = 24", "months = 18, rolling = false", "rule-years"),
    ("at_least", "months = 6\nrolling = false\nat_least", "rule-years"),
    ('id = "five"', "", "bad-definition"),
    ("months = 24", "months = -1", "bad-value"),
    ("window = 300, ", "", "bad-definition"),
    ("crossing_radius = 40", "", "not-toml"),
    ('mark = "A"', 'mark = "Z"', "bad-value"),
    ('mark = "A"', 'mark = "A"\nvalid_from = 2025-01-01\nvalid_to = 2020-01-01', "bad-definition"),
    ('mark = "A"', 'mark = "A"\nverified = "yes"', "bad-value"),
    ("[[rules]]", "[rules]", "bad-definition"),
]


@pytest.mark.parametrize(("old", "new", "code"), BAD)
def test_a_rule_that_makes_no_sense_is_refused_in_both_languages(
    old: str, new: str, code: str, tmp_path: Path
) -> None:
    assert TEXT.count(old) >= 1
    with pytest.raises(BlackspotsError) as refusal:
        definition("own.toml", own(tmp_path, TEXT.replace(old, new)))
    assert refusal.value.code == code
    for language in LANGUAGES:
        assert "own.toml" in refusal.value.message(language)


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    law = definition("own.toml", own(tmp_path, TEXT))
    assert (law.window, law.months, law.rolling, law.potential_minimum) == (300, 24, True, 1)
    assert (law.rules[0].at_least, law.rules[0].unit, law.verified) == (
        {"any": 5},
        "crashes",
        False,
    )
    more = TEXT.replace(
        "at_least = { any = 5 }",
        'score = { weights = { casualty = 1, fatal = 5 }, at_least = 7 }\nat = ["segment"]',
    ).replace("window = 300, junction_radius = 100", "radius = 60")
    law = definition("own.toml", own(tmp_path, more))
    assert (law.window, law.junction_radius, law.rules[0].at) == (120, 60, ("segment",))
    assert law.rules[0].score is not None
    assert law.rules[0].score.by_grade() == {"fatal": 5, "serious": 1, "slight": 1, "pdo": 0}


def test_the_example_of_the_page_is_a_definition(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")
    text = page.split("```toml\n")[1].split("```")[0]
    assert [r.id for r in definition("own.toml", own(tmp_path, text)).rules] == [
        "three-alike",
        "weighted",
        "by-area",
    ]


def test_whoever_has_the_text_of_41_2024_fills_in_a_copy(tmp_path: Path) -> None:
    text, _ = read("definitions", ".toml", "vn-26-2012", Path())
    law = definition("own.toml", own(tmp_path, text.replace("vn-26-2012", "vn-41-2024")))
    assert law.id == "vn-41-2024"


@pytest.mark.parametrize(
    ("words", "modes"),
    [
        ("Xe đạp điện", {"moped"}),
        ("Xe máy, xe đạp", {"motorcycle", "cyclist"}),
        ("Ô tô tải - người đi bộ", {"lorry", "pedestrian"}),
        ("CAR/PEDESTRIAN", {"car", "pedestrian"}),
        ("scarecrow", set()),
        ("", set()),
        ("Không rõ", set()),
    ],
)
def test_modes_are_named_by_whole_words(words: str, modes: set[str]) -> None:
    assert modes_named(words) == modes


def test_definitions_page_is_what_the_files_say() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "build_definitions.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")
    assert [name for name in shipped("definitions") if f"| `{name}` |" not in page] == []
