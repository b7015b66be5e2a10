"""Headers and vocabularies: which words of a register mean which column or severity."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final

DATE_PARTS: Final = ("year", "month", "day")
"""Columns of a register that together stand for its ``date``; no columns of the table."""


def plain(words: str) -> str:
    """A header or word without marks, case and punctuation: ``Số người chết`` to ``so nguoi chet``.

    đ has no decomposition in Unicode and is replaced by hand.
    """
    folded = unicodedata.normalize("NFD", words.casefold().replace("đ", "d"))
    letters = (c if c.isalnum() else " " for c in folded if not unicodedata.combining(c))
    return " ".join("".join(letters).split())


@cache
def _tree(name: str) -> dict[str, dict[str, list[str]]]:
    file = files("blackspots") / "presets" / "headers" / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def aliases(table: str) -> dict[str, str]:
    """Plain header to column, for one table (``crashes``, ``roads`` ...)."""
    known = _tree("columns")[table]
    return {plain(word): column for column, words in known.items() for word in (column, *words)}


def meaning_of(header: str, known: Mapping[str, str]) -> str | None:
    """The column that a header stands for, None where it is not known.

    A header that is not known as it stands is tried with its words apart: ``crashYear`` as
    *crash Year*. Words of cells are never split so.

    Parameters
    ----------
    known
        Plain header to column, as :func:`aliases` gives it.
    """
    means = known.get(plain(header))
    return means or known.get(plain(_apart(header)))


def _apart(header: str) -> str:
    """A header with a blank before each capital that begins a word: ``GPSLat`` to ``GPS Lat``."""
    letters = unicodedata.normalize("NFC", header)
    made = []
    for i, (before, letter) in enumerate(pairwise(letters), 1):
        after = letters[i + 1 : i + 2]
        if letter.isupper() and (before.islower() or (before.isupper() and after.islower())):
            made.append(" ")
        made.append(letter)
    return letters[:1] + "".join(made)


@cache
def every_alias() -> frozenset[str]:
    """Plain headers that are known for any table: what a header row is told by."""
    return frozenset(word for table in _tree("columns") for word in aliases(table))


@cache
def severity_vocabulary() -> dict[str, str]:
    """Plain word to severity; words are those of KABCO, Vietnamese and English registers."""
    known = _tree("severities")["severity"]
    return {plain(word): level for level, words in known.items() for word in (level, *words)}


@cache
def unclear_severities() -> frozenset[str]:
    """Plain words for grades that a law makes of deaths, injuries and damage together."""
    return frozenset(plain(word) for word in _tree("severities")["unclear"]["words"])


@cache
def booleans() -> dict[str, bool]:
    """Plain word to yes or no."""
    known = _tree("severities")["boolean"]
    return {plain(word): level == "yes" for level, words in known.items() for word in words}


@cache
def blanks() -> frozenset[str]:
    """Plain words that mean *not recorded*."""
    return frozenset(plain(word) for word in _tree("severities")["blank"]["words"])


@cache
def crossing_kinds() -> dict[str, str]:
    """Plain word to kind of level crossing."""
    known = _tree("severities")["crossing_kind"]
    return {plain(word): kind for kind, words in known.items() for word in (kind, *words)}


def listed(table: str) -> dict[str, list[str]]:
    """Column to the headers that are known for it, as written in the file."""
    return dict(_tree("columns")[table])


@dataclass(frozen=True, slots=True)
class OsmTable:
    """Which OpenStreetMap objects make a table: ``key`` = one of ``wanted``, not ``without``.

    ``protection`` (tag to value to words) is of crossings, ``rank`` (value to 1 for the
    greatest) of places.
    """

    key: str
    wanted: tuple[str, ...]
    without: Mapping[str, list[str]] = field(default_factory=dict)
    protection: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rank: Mapping[str, int] = field(default_factory=dict)


@cache
def osm() -> dict[str, OsmTable]:
    """What is taken from OpenStreetMap, by table: roads, railways, crossings, places."""
    file = files("blackspots") / "presets" / "headers" / "osm.toml"
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return {
        name: OsmTable(**{**table, "wanted": tuple(table["wanted"])})
        for name, table in tables.items()
    }
