"""The docs say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from blackspots.config import Areas, KmOrigin, Layer, Repairs, Study

ROOT = Path(__file__).resolve().parents[1]


def test_tables_page_is_what_the_schema_says() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "build_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_definitions_page_is_what_the_files_say() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "build_definitions.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def columns_named(page: str, prefix: str) -> set[str]:
    return set(re.findall(rf"`({prefix}\w+)`", (ROOT / "docs" / page).read_text("utf-8")))


def test_definitions_page_names_the_columns_of_the_sites() -> None:
    assert columns_named("definitions.md", "tight_") == columns_named("tables.md", "tight_")


def keys_by_section() -> dict[str, tuple[set[str], str]]:
    """Section of a study to the keys that docs/inputs.md gives it, and the cell of them."""
    page = (ROOT / "docs" / "inputs.md").read_text("utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `[")]
    made: dict[str, tuple[set[str], str]] = {}
    layer: set[str] = set()
    for heads, keys, *_ in rows:
        named = set(re.findall(r"`(\w+)[^`]*`", keys))
        if "`[roads]`" in heads:
            layer = named
        if keys.startswith("the same and"):
            named |= layer
        for section in re.findall(r"`\[+(\w+)[^`]*\]`", heads):
            made[section] = (named, keys)
    return made


def sections() -> dict[str, type[BaseModel]]:
    """Section to its model, of every key of a study file."""
    own = {"areas": Areas, "repairs": Repairs, "routes": KmOrigin}
    made: dict[str, type[BaseModel]] = {}
    for name, field in Study.model_fields.items():
        if name != "path":  # the file itself
            kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
            models = (k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel))
            made[name] = own[name] if name in own else next(models)
    return made


@pytest.mark.parametrize("section", sections())
def test_every_key_of_a_study_stands_in_the_page_of_inputs(section: str) -> None:
    told = keys_by_section()
    assert section in told
    assert set(sections()[section].model_fields) - told[section][0] == set()


def test_defaults_of_the_page_of_inputs_are_those_of_a_study() -> None:
    compared = 0
    for section, (_, cell) in keys_by_section().items():
        fields = sections()[section].model_fields
        for key, number in re.findall(r"`(\w+)` ([\d.]+)", cell):
            assert fields[key].default == float(number), (section, key)
            compared += 1
    assert compared >= 12
    assert sections()["roads"] is Layer
