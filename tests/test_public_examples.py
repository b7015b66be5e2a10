"""The examples in the docstrings run, and every public verb is there and is described."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import blackspots

DOCS = Path(__file__).resolve().parents[1] / "docs"

MODULES = (
    "graph.density",
    "graph.lixels",
    "presets.spfs",
    "screening.alone",
    "screening.expected",
    "screening.judging",
    "screening.kdeplus",
    "screening.kdeplus_along",
    "screening.lines",
    "screening.over_representation",
    "screening.peaks",
    "screening.spf",
    "screening.tabular",
    "screening.tracks",
    "screening.traffic",
    "screening.windows",
)
ALONE = (
    "cluster_points",
    "density_at",
    "empirical_bayes",
    "events_on",
    "fit_spf",
    "kde_plus",
    "kde_plus_along",
    "lixel_density",
    "nearest_distances",
    "network_k",
    "screen_table",
)
"""Verbs that need no study: whoever reads one of them should see it at work."""


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_show(name: str) -> None:
    made = doctest.testmod(import_module(f"blackspots.{name}"))
    assert made.attempted > 0
    assert made.failed == 0


@pytest.mark.parametrize("name", ALONE)
def test_a_verb_that_needs_no_study_has_an_example_of_its_own(name: str) -> None:
    verb = getattr(blackspots, name)
    shown = str(inspect.getdoc(verb)).partition("Examples")[2]
    assert ">>> " in shown
    assert f"{name}(" in shown
    assert verb.__module__.removeprefix("blackspots.") in MODULES


@pytest.mark.parametrize("name", blackspots.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(blackspots, name) is not None
    assert name in dir(blackspots)


def test_the_package_is_imported_without_its_verbs() -> None:
    code = "import sys, blackspots; print({'pandas', 'scipy', 'geopandas'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_the_examples_of_the_docs_give_what_they_show(page: Path) -> None:
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 0
