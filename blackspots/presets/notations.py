"""Words within cells: road numbers, directions, months, parts of the day."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from blackspots.presets.headers import plain


def bare(words: str) -> str:
    """Words without case and marks, but with đ: beside it a d may be a degree sign."""
    letters = unicodedata.normalize("NFD", words.casefold())
    return "".join(c for c in letters if not unicodedata.combining(c))


def marked(words: str) -> str:
    """Words without case and punctuation, but with their marks: cổng, a gate, is no cộng."""
    letters = unicodedata.normalize("NFC", words).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in letters).split())


@cache
def _tree(name: str) -> dict[str, Any]:
    file = files("blackspots") / "presets" / "headers" / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _compact(words: str) -> str:
    return plain(words).replace(" ", "")


def _means(known: Mapping[str, Iterable[str]]) -> dict[str, str]:
    return {bare(word): meaning for meaning, words in known.items() for word in words}


@cache
def bearings() -> dict[str, float]:
    """Plain word without spaces to a direction of travel, in degrees from north by east."""
    known = _tree("notations")["bearing"]
    return {_compact(word): float(turn) for turn, words in known.items() for word in words}


@cache
def towards() -> tuple[str, ...]:
    """Plain words without spaces that may stand before a direction, longest first."""
    words = {_compact(word) for word in _tree("notations")["towards"]["words"]}
    return tuple(sorted(words, key=len, reverse=True))


@cache
def road_prefixes() -> dict[str, str]:
    """Plain word without spaces to the prefix of a road number."""
    known = _tree("routes")["prefix"]
    return {_compact(word): prefix for prefix, words in known.items() for word in words}


@cache
def road_words() -> tuple[str, ...]:
    """The plain words that stand before a road number, longest first."""
    known = _tree("routes")["prefix"].values()
    return tuple(sorted({plain(word) for words in known for word in words}, key=len, reverse=True))


@cache
def named_roads() -> dict[str, str]:
    """Plain name without spaces to what stands for a road number."""
    known = _tree("routes")["named"]
    return {_compact(word): name for name, words in known.items() for word in words}


@cache
def same_roads() -> dict[str, str]:
    """Road number to the other number that the same road goes by."""
    known = _tree("routes")["same"]
    return {other: number for number, others in known.items() for other in others}


@cache
def angle_units() -> dict[str, str]:
    """Bare word to ``degree``, ``minute`` or ``second``."""
    return _means(_tree("notations")["unit"])


@cache
def directions() -> dict[str, str]:
    """Bare word or letter to n, s, e or w."""
    known = _tree("notations")["direction"]
    return _means(known["vi"]) | _means(known["en"])


@cache
def vietnamese_directions() -> frozenset[str]:
    """The bare words and letters for a direction that are Vietnamese."""
    return frozenset(_means(_tree("notations")["direction"]["vi"]))


@cache
def coordinates() -> dict[str, str]:
    """Bare word to ``lat``, ``lon``, ``x``, ``y``, ``east`` or ``north``."""
    return _means(_tree("notations")["coordinate"])


@cache
def months(language: str) -> dict[str, int]:
    """Plain name to the number of the month."""
    known = _tree("notations")["months"][language]
    return {plain(name): i for i, names in enumerate(known, 1) for name in names}


@cache
def halves() -> dict[str, str]:
    """Word in small letters, with its marks, to the half or part of the day."""
    known = _tree("notations")["half"]
    return {word.casefold(): half for half, words in known.items() for word in words}


@cache
def parts_of_day() -> frozenset[str]:
    """Words in small letters for a part of the day."""
    return frozenset(word.casefold() for word in _tree("notations")["part"]["words"])


@cache
def persons() -> frozenset[str]:
    """Plain units of a number of persons."""
    return frozenset(plain(word) for word in _tree("notations")["unit_of_count"]["words"])


@cache
def counting() -> frozenset[str]:
    """Plain words that make a number of what stands beside them."""
    return frozenset(plain(word) for word in _tree("notations")["counting"]["words"])


@cache
def error_words() -> tuple[str, ...]:
    """What spreadsheets show in a cell whose formula fails, as they write it."""
    return tuple(_tree("notations")["error"]["words"])


@cache
def row_words(kind: str) -> frozenset[str]:
    """Words of rows that are none of a table, with marks and without.

    Parameters
    ----------
    kind
        ``total``, ``part``, ``counted`` or ``note``.
    """
    known = _tree("rows")[kind]["words"]
    return frozenset(form(word) for word in known for form in (marked, plain))


@cache
def range_words(kind: str = "words") -> tuple[str, ...]:
    """Plain words between the ends of a range; ``days``: more, between two days."""
    return tuple(plain(word) for word in _tree("notations")["range"][kind])
