"""Encodings of single bytes from before Unicode, and how the syllables of their language look."""

from __future__ import annotations

import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any, Final

SCHEMES: Final = ("tcvn3", "vni")
"""Encodings that are known by a table of their own."""

TONES: Final = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
_STOPPED: Final = ("\u0301", "\u0323")
"""Tones of a syllable that ends in a stop."""


@cache
def _tree(name: str) -> dict[str, Any]:
    file = files("blackspots") / "presets" / "encodings" / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def table(scheme: str) -> dict[str, str]:
    """What is shown (one or two letters of cp1252) to the letter that is meant."""
    tree = _tree(scheme)
    pairs = [
        pair
        for shown, meant in tree["rows"]
        for pair in zip(shown.split(" "), meant.split(" "), strict=True)
    ]
    found = dict(pairs)
    if tree["capitals"]:
        for shown, meant in pairs:
            base, mark = shown[0], shown[1:]
            found[base + mark.upper()] = meant
            found[base.upper() + mark] = meant.upper()
            found[base.upper() + mark.upper()] = meant.upper()
    return found


@cache
def has_capitals(scheme: str) -> bool:
    """Whether every letter has a capital of its own."""
    return bool(_tree(scheme)["capitals"])


@cache
def syllables() -> frozenset[str]:
    """Every syllable that can be written, in small letters and Unicode NFC."""
    tree = _tree("syllables")
    rhymes = (*tree["rhymes"].split(), *(r for group in tree["onsets"] for r in _named(group)))
    found = set(tree["more"])
    for group in tree["onsets"]:
        first, named = tuple(group.get("before", ())), _named(group)
        ends = {
            toned
            for rhyme in rhymes
            if rhyme in named or rhyme.startswith(first)
            for toned in _toned(rhyme, tree["stops"], tree["either"])
        }
        found |= {onset + end for onset in group["onsets"] for end in ends}
    return frozenset(found)


def _named(group: dict[str, Any]) -> list[str]:
    return list(group.get("rhymes", ()))


def _toned(rhyme: str, stops: list[str], either: list[str]) -> list[str]:
    """A rhyme with every tone that it can bear, on the vowel that bears it."""
    vowels = rhyme.rstrip("chmnpgt")
    coda = rhyme[len(vowels) :]
    marked = [i for i, letter in enumerate(vowels) if not letter.isascii()]
    if marked:
        places = marked[-1:]
    elif coda:
        places = [len(vowels) - 1]
    else:
        middle = len(vowels) - 1 if len(vowels) < 3 else 1  # noqa: PLR2004
        places = [0, 1] if rhyme in either else [0 if len(vowels) == 2 else middle]  # noqa: PLR2004
    tones = _STOPPED if coda in stops else TONES
    return [
        unicodedata.normalize("NFC", rhyme[: i + 1] + tone) + rhyme[i + 1 :]
        for i in places
        for tone in tones
    ]
