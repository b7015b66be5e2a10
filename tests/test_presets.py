"""Definitions, cost tables and catalogues: the shipped ones, and a user's own."""

import math
from pathlib import Path

import pytest

from blackspots.errors import BlackspotsError
from blackspots.presets import catalogue, cost_table, definition
from blackspots.presets.files import read, shipped
from blackspots.presets.headers import aliases, listed, plain

COSTS, _ = read("costs", ".toml", "vn-2024", Path())
RULES, _ = read("definitions", ".toml", "vn-26-2012", Path())


def test_the_shipped_definition_says_what_the_circular_says() -> None:
    rules = {rule.id: rule.at_least for rule in definition("vn-26-2012").rules}
    assert rules == {
        "two-fatal": {"fatal": 2},
        "three-with-one-fatal": {"any": 3, "fatal": 1},
        "four-injury": {"injury_only": 4},
    }
    assert definition("vn-26-2012").months == 12


def test_the_shipped_costs_follow_from_their_formula() -> None:
    costs = cost_table("vn-2024")
    assert costs.death == 70 * 114e6 == 7.98e9
    assert costs.serious == costs.death / 4
    assert costs.slight == costs.death / 100
    assert costs.injured == (costs.serious + costs.slight) / 2
    assert costs.marks["multiplier"] == "V"


def test_every_shipped_remedy_is_named_in_both_languages_with_its_source() -> None:
    entries = catalogue("starter")
    assert len(entries) >= 15
    for entry in entries.values():
        assert entry.name["vi"] != entry.name["en"]
        assert entry.source
        assert entry.mark in {"V", "M", "A"}
        assert entry.cost_low <= entry.cost <= entry.cost_high
        assert entry.cmf is None or 0 < entry.cmf < 1
        assert 0 < entry.life <= 50


@pytest.mark.parametrize(("kind", "load"), [("definitions", definition), ("costs", cost_table)])
def test_every_shipped_preset_loads_or_says_why_not(kind: str, load: object) -> None:
    assert callable(load)
    assert shipped(kind)
    for name in shipped(kind):
        if name == "vn-41-2024":
            with pytest.raises(BlackspotsError, match="41/2024") as refusal:
                load(name)
            assert refusal.value.code == "definition-disabled"
        else:
            assert load(name).id == name


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("gdp_per_capita = 114e6", ""),
        ("gdp_per_capita = 114e6", "gdp_per_capita = -1"),
        ("gdp_per_capita = 114e6", "gdp_per_capita = nan"),
        ("gdp_per_capita = 114e6", "gdp_per_capita = inf"),
        ("pdo = 20e6", "pdo = -1"),
        ("discount_rate = 0.10", "discount_rate = 1.5"),
        ("discount_rate = 0.10", "discount_rate = 'ten'"),
        ("growth = 0.0", "growth = nan"),
        ("[persons]", "[people]"),
        ("[time]", "time = 3\n[times]"),
        ("[crash]", "[marks2]"),
    ],
)
def test_costs_that_make_no_sense_are_refused(old: str, new: str, tmp_path: Path) -> None:
    assert COSTS.count(old) >= 1
    (tmp_path / "own.toml").write_text(COSTS.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BlackspotsError, match=r"own\.toml") as refusal:
        cost_table("own.toml", tmp_path)
    assert refusal.value.code in {"bad-costs", "not-toml"}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("window = 500.0", "window = 0", "bad-value"),
        ("window = 500.0", "window = nan", "bad-value"),
        ("junction_radius = 150.0", "junction_radius = -5", "bad-value"),
        ("crossing_radius = 50.0", "", "bad-definition"),
        ("months = 12", "months = 0", "bad-value"),
        ("months = 12", 'months = "year"', "bad-value"),
        ("{ fatal = 2 }", "{ fatal = 0 }", "bad-value"),
        ("{ fatal = 2 }", "{ lorry = 2 }", "bad-rule"),
        ("{ fatal = 2 }", "2", "bad-definition"),
        ("[site]", "[sites]", "unknown-key-near"),
        ("enabled = true", "enabled = false", "definition-disabled"),
        ("[title]", "[title", "not-toml"),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(
    old: str, new: str, code: str, tmp_path: Path
) -> None:
    assert RULES.count(old) >= 1
    (tmp_path / "own.toml").write_text(RULES.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BlackspotsError) as refusal:
        definition("own.toml", tmp_path)
    assert refusal.value.code == code


HEAD = "id,name_vi,name_en,kinds,needs,target,cmf,cmf_fatal,life,unit,cost_low,cost_high,upkeep\n"
GOOD = {
    "id": "a",
    "name_vi": "b",
    "name_en": "c",
    "kinds": "segment",
    "needs": "",
    "target": "all",
    "cmf": "0.5",
    "cmf_fatal": "",
    "life": "5",
    "unit": "km",
    "cost_low": "1",
    "cost_high": "2",
    "upkeep": "0",
}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", " "),
        ("name_vi", ""),
        ("name_en", ""),
        ("kinds", ""),
        ("kinds", "segment bridge"),
        ("target", "lorries"),
        ("unit", "mile"),
        ("life", "0"),
        ("life", ""),
        ("life", "-3"),
        ("cmf", "x"),
        ("cmf", "-0.1"),
        ("cmf", "nan"),
        ("cmf_fatal", "inf"),
        ("cost_low", ""),
        ("cost_high", "0.5"),
        ("upkeep", "-1"),
    ],
)
def test_a_remedy_that_makes_no_sense_is_named_by_row_and_column(
    column: str, value: str, tmp_path: Path
) -> None:
    rows = [GOOD, GOOD | {"id": "z", column: value}]
    body = "".join(",".join(row.values()) + "\n" for row in rows)
    (tmp_path / "own.csv").write_text(HEAD + body, encoding="utf-8")
    with pytest.raises(BlackspotsError) as refusal:
        catalogue("own.csv", tmp_path)
    assert refusal.value.code == "bad-catalogue"
    assert (refusal.value.fields["row"], refusal.value.fields["column"]) == (3, column)


def test_a_good_remedy_is_read(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("\ufeff" + HEAD + ",".join(GOOD.values()), encoding="utf-8")
    entry = catalogue("own.csv", tmp_path)["a"]
    assert (entry.cmf, entry.cmf_fatal, entry.cost, entry.mark) == (0.5, None, 1.5, "A")
    assert math.isfinite(entry.upkeep)


def test_headers_are_compared_without_marks_case_and_punctuation() -> None:
    assert plain("  Số NGƯỜI chết: ") == "so nguoi chet"
    assert plain("Đường") == "duong"
    assert plain("Lý trình (Km)") == "ly trinh km"


@pytest.mark.parametrize(
    "table", ["crashes", "roads", "crossings", "railways", "areas", "places", "repairs"]
)
def test_no_header_means_two_columns_of_a_table(table: str) -> None:
    words = [(plain(w), column) for column, ws in listed(table).items() for w in (column, *ws)]
    meanings: dict[str, set[str]] = {}
    for word, column in words:
        meanings.setdefault(word, set()).add(column)
    assert {word: columns for word, columns in meanings.items() if len(columns) > 1} == {}
    assert set(aliases(table)) == set(meanings)
