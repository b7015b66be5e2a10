"""Data of persons in a register: told by header, by cells, and masked in free text.

What a header, a plate or a name looks like is data in ``presets/headers/personal.toml``.
"""

from __future__ import annotations

import re
import sys
import tomllib
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, Final

from blackspots.presets import headers
from blackspots.sources import values

MASK: Final = "•••"
"""What stands in place of personal data."""

_LEAST: Final = 3
"""Least number of cells that look alike before a column is called personal ..."""
_MAJORITY: Final = 0.5
"""... and their least share of the filled ones."""
_PLACES: Final = 0.1
"""Share of places, or of persons of history, from which a column of names holds places."""
_FULL: Final = 3
"""Words of a full name; places have two more often than persons."""

_NUMBER: Final = re.compile(r"\b\d+\b")
_PLACEHOLDER: Final = re.compile(r"<([A-Za-z]+)>")


def header_kind(header: str) -> str | None:
    """Which personal data a header announces: ``name``, ``plate``, ``identity`` ..., if any."""
    words = headers.plain(header)
    every, kinds = _headers()
    if not words or every.search(words):
        return None
    bare = " ".join(_NUMBER.sub(" ", words).split())
    for kind, (anywhere, alone, never) in kinds.items():
        if (bare in alone or anywhere.search(words)) and not never.search(words):
            return kind
    return None


def cells_kind(cells: Iterable[Any], *, numbers: bool = False) -> str | None:
    """Which personal data the distinct cells of a column are, if most of them are of one kind.

    ``numbers`` asks for identity numbers, too, which look like ids of crashes.
    """
    told = list(dict.fromkeys(values.text(cell) for cell in cells if not values.is_blank(cell)))
    for kind, pattern in _cells().items():
        if kind == "identity" and not numbers:
            continue
        found = [cell for cell in told if pattern.fullmatch(cell)]
        enough = len(found) >= max(_LEAST, _MAJORITY * len(told))
        if enough and (kind != "name" or _are_persons(found, told)):
            return kind
    return None


def mask(text: str, *, names: bool = True) -> str:
    """Free text without plates, identity numbers, phones, e-mails and names of persons.

    A name is told by the word before it (*lái xe*, *ông*, *Mr*), which stays, or the year of
    birth after it. Text without such data comes back as the same object.

    Parameters
    ----------
    names
        Whether to look for names of persons; those of roads and places are none.
    """
    words = text if text.isascii() else unicodedata.normalize("NFC", text)
    count = 0
    for is_name, hint, patterns in _text():
        if is_name and not names:
            continue
        if hint.search(words):
            for pattern in patterns:
                words, found = pattern.subn(_masked, words)
                count += found
    return words if count else text


def mask_road(text: str) -> str:
    """The road of a crash without data of persons; the name of a street is no person's.

    The cell is a street's name where it begins or ends with a word for one and all else in it
    is written as a name: *Ngõ Ông Nguyễn Văn Hùng*, but not *đường trước nhà ông Hùng*.
    """
    return mask(text, names=not _street().fullmatch(unicodedata.normalize("NFC", text)))


def _masked(match: re.Match[str]) -> str:
    return (match[1] or "") + MASK


def _are_persons(names: list[str], cells: list[str]) -> bool:
    """Whether names are those of persons: full, not of history, and no places among the cells."""
    place, street = _places()
    elsewhere = sum(bool(place.match(cell)) for cell in cells)
    famous = sum(name.casefold() in street for name in names)
    full = sum(len(name.split()) >= _FULL for name in names)
    return (
        elsewhere < _PLACES * len(cells)
        and famous < _PLACES * len(names)
        and full * 2 >= len(names)
    )


@cache
def _tree() -> dict[str, Any]:
    file = files("blackspots") / "presets" / "headers" / "personal.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def _headers() -> tuple[
    re.Pattern[str], dict[str, tuple[re.Pattern[str], set[str], re.Pattern[str]]]
]:
    """What no personal header has, and for each kind: anywhere, alone, never."""
    tree = _tree()["headers"]
    kinds = {
        kind: (
            _phrases(known["anywhere"]),
            {headers.plain(words) for words in known["alone"]},
            _phrases(known["never"]),
        )
        for kind, known in tree.items()
        if kind != "never"
    }
    return _phrases(tree["never"]), kinds


def _phrases(words: list[str]) -> re.Pattern[str]:
    """Any of some phrases as whole words of a plain header; of none, nothing matches."""
    plain = "|".join(re.escape(headers.plain(phrase)) for phrase in words)
    return re.compile(rf"\b(?:{plain})\b" if plain else r"(?!)")


@cache
def _cells() -> dict[str, re.Pattern[str]]:
    """Kind to what a whole cell of it looks like; identity numbers and names last."""
    tree = _tree()
    alike = {k: _compiled(v, re.IGNORECASE) for k, v in tree["cells"].items()}
    return alike | {"name": _compiled(tree["cells_as_written"]["name"])}


@cache
def _places() -> tuple[re.Pattern[str], frozenset[str]]:
    """The beginning of a place, and names of persons that streets bear."""
    words = _tree()["words"]
    begins = re.compile(rf"(?:{_word('place')})(?![^\W\d_])", re.IGNORECASE)
    return begins, frozenset(name.casefold() for name in words["street"])


@cache
def _text() -> tuple[tuple[bool, re.Pattern[str], tuple[re.Pattern[str], ...]], ...]:
    """What to mask, in order: whether it is names, a quick hint, the patterns behind it."""
    return tuple(
        (
            group.get("names", False),
            _compiled([group["hint"]]),
            tuple(_compiled([p]) for p in group["patterns"]),
        )
        for group in _tree()["text"]
    )


@cache
def _street() -> re.Pattern[str]:
    """The whole name of a street."""
    return _compiled(_tree()["cells_as_written"]["street"])


def _compiled(patterns: list[str], flags: int = 0) -> re.Pattern[str]:
    written = "|".join(f"(?:{pattern})" for pattern in patterns)
    return re.compile(_PLACEHOLDER.sub(lambda m: _word(m[1]), written), flags)


@cache
def _word(name: str) -> str:
    """The pattern of a placeholder: a list of words, or any capital letter."""
    if name == "capital":
        letters = (c for c in map(chr, range(sys.maxunicode)) if c.isupper() and c < "\u2000")
        return f"[{''.join(letters)}]"
    words = sorted(_tree()["words"][name.lower()], key=len, reverse=True)
    if name[0].isupper():
        # Spelt out, as a pattern that folds case is slow to look for.
        forms = ((word, word[0].upper() + word[1:], word.upper()) for word in words)
        words = list(dict.fromkeys(form for three in forms for form in three))
    return "|".join(map(re.escape, words))
