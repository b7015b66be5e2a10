"""What guards a level crossing, from the words of its list."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from blackspots.presets.headers import blanks, plain
from blackspots.schema.rail import PROTECTIONS

_CLAUSES: Final = str.maketrans(dict.fromkeys(",;/+|()\n.–—", ","))


class Codes(NamedTuple):
    """Codes of protection, and the words that told none."""

    codes: pd.Series
    """One of :data:`blackspots.schema.PROTECTIONS`, None where it is not known."""
    unread: dict[str, int]
    """Cells that stand for none of them, with the number of crossings; most frequent first."""


def protection_codes(
    words: pd.Series, *, vocabulary: str | Mapping[str, str] | None = None
) -> Codes:
    """What guards each crossing, from the words of a list.

    Parameters
    ----------
    words
        Cells as recorded; several words may stand in one.
    vocabulary
        The user's own words or numbers to codes, or the name of a shipped table of them
        (``fra-wdcode``); they go before all other words. A bare number means nothing without.

    Raises
    ------
    ValueError
        The vocabulary is not known, or names a code that is none.

    Notes
    -----
    The strongest word counts that is not denied. *No gates* tells that there are no gates, not
    what there is: without a word that is not denied the code is unknown, unless signs, lights,
    gates and guards are all denied.

    Examples
    --------
    >>> cells = pd.Series(["half gates, lights, bell, not guarded", "no gates", "Không phòng vệ"])
    >>> protection_codes(cells).codes.tolist()
    ['gates', None, 'none']
    """
    own = _own_words(vocabulary)
    numbers, distinct = pd.factorize(words.map(_text, na_action="ignore"))
    values = np.empty(len(distinct) + 1, dtype=object)
    values[: len(distinct)] = [_code(cell, own) for cell in distinct]
    codes = values[numbers]
    count = np.bincount(numbers[numbers >= 0], minlength=len(distinct))
    unread = {
        str(cell): int(n)
        for cell, code, n in zip(distinct, values, count, strict=False)
        if code is None and plain(str(cell)) not in blanks()
    }
    ordered = dict(sorted(unread.items(), key=lambda item: (-item[1], item[0])))
    return Codes(pd.Series(codes, index=words.index, dtype=object), ordered)


def _text(cell: object) -> str:
    """A cell as text; whole numbers without a decimal point."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _own_words(vocabulary: str | Mapping[str, str] | None) -> dict[str, str]:
    if isinstance(vocabulary, str):
        known = _tree()["vocabulary"]
        if vocabulary not in known:
            raise ValueError(f"no vocabulary {vocabulary!r}; known: {', '.join(known)}")
        codes: dict[str, str] = known[vocabulary]
    else:
        codes = dict(vocabulary or {})
    odd = sorted(set(codes.values()) - set(PROTECTIONS))
    if odd:
        raise ValueError(f"no protection: {', '.join(odd)}; known: {', '.join(PROTECTIONS)}")
    return {plain(str(word)): code for word, code in codes.items()}


@cache
def _tree() -> dict[str, Any]:
    file = files("blackspots") / "presets" / "headers" / "protections.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


class _Words(NamedTuple):
    """Plain phrases as their words, to what they stand for."""

    phrases: dict[tuple[str, ...], str]
    alone: dict[tuple[str, ...], str]
    denied: dict[tuple[str, ...], str]
    ignored: frozenset[tuple[str, ...]]
    longest: int
    denials: frozenset[tuple[str, ...]]
    ends: frozenset[tuple[str, ...]]


@cache
def _words() -> _Words:
    tree = _tree()

    def codes(section: str) -> dict[tuple[str, ...], str]:
        known = tree[section].items()
        return {_parts(word): code for code, words in known for word in words}

    phrases, alone, denied = codes("protection"), codes("alone"), codes("denied")
    ignored = frozenset(map(_parts, tree["ignored"]["words"]))
    denials, ends = (frozenset(map(_parts, tree["denial"][name])) for name in ("before", "ends"))
    longest = max(map(len, (*phrases, *denied, *ignored, *denials, *ends)))
    return _Words(phrases, alone | phrases, denied, ignored, longest, denials, ends)


def _parts(words: str) -> tuple[str, ...]:
    return tuple(plain(words).split())


def _code(cell: str, own: Mapping[str, str]) -> str | None:
    """Code of one cell."""
    whole = plain(cell)
    if whole in own:
        return own[whole]
    known = _words().alone
    if tuple(whole.split()) in known:
        return known[tuple(whole.split())]
    said: set[str] = set()
    denied: set[str] = set()
    for clause in cell.translate(_CLAUSES).split(","):
        for code, is_denied in _said(plain(clause).split()):
            (denied if is_denied else said).add(code)
    if said:
        return max(said, key=PROTECTIONS.index)
    return "none" if denied >= set(PROTECTIONS) - {"none"} else None


def _said(words: list[str]) -> Iterator[tuple[str, bool]]:
    """What a clause names, and whether it is denied; the longest phrases first."""
    known, at, is_denied = _words(), 0, False
    while at < len(words):
        for size in range(min(known.longest, len(words) - at), 0, -1):
            phrase = tuple(words[at : at + size])
            if phrase in known.denied:
                yield known.denied[phrase], True
            elif phrase in known.phrases:
                yield known.phrases[phrase], is_denied
            elif phrase in known.denials or phrase in known.ends:
                is_denied = phrase in known.denials
            elif phrase not in known.ignored:
                continue
            at += size
            break
        else:
            at += 1
