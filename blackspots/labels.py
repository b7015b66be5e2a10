"""Texts that a user reads, from the label files ``presets/labels/<language>/*.toml``.

A text is named by a dotted key (``error.missing-file``) and may hold named fields
(``{file}``). Vietnamese and English are shipped; another language is one more folder there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, Final

LANGUAGES: Final = ("vi", "en")
FALLBACK: Final = "en"


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = str(value)
    return flat


@cache
def texts(language: str) -> dict[str, str]:
    """All texts of one language, by dotted key."""
    folder = files("blackspots") / "presets" / "labels" / language
    table: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            table |= _flatten(tomllib.loads(file.read_text(encoding="utf-8")))
    return table


@dataclass(frozen=True, slots=True)
class Term:
    """A field that is a text itself, said in the language of the sentence it stands in."""

    key: str
    fields: Mapping[str, Any] = field(default_factory=dict)


class _Fields(Formatter):
    """Formats numbers as the language writes them and leaves unknown values readable."""

    def __init__(self, language: str) -> None:
        self.language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None:
            return "?"
        if isinstance(value, Term):
            return text(value.key, self.language, **value.fields)
        if isinstance(value, int | float) and not isinstance(value, bool):
            spec = format_spec or (",d" if isinstance(value, int) else ",g")
            if isinstance(value, float) and spec == ",d":
                spec = ",.0f"
            return _localise(format(value, spec), self.language)
        return str(super().format_field(value, format_spec))


def _localise(number: str, language: str) -> str:
    if language != "vi":
        return number
    return number.translate(str.maketrans(",.", ".,"))


def format_number(value: float, language: str, digits: int = 0) -> str:
    """``12345.6`` as ``12.345,6`` in Vietnamese and ``12,345.6`` in English."""
    return _localise(f"{value:,.{digits}f}", language)


def has(key: str) -> bool:
    """Whether a text of this key exists."""
    return key in texts(FALLBACK)


def text(key: str, language: str = FALLBACK, /, **fields: Any) -> str:
    """The text of ``key`` with its fields filled in.

    Raises
    ------
    KeyError
        If neither the language nor the fallback has the key.
    """
    table = texts(language) if language in LANGUAGES else {}
    template = table.get(key) or texts(FALLBACK)[key]
    return _Fields(language).vformat(template, (), fields) if fields else template
