"""What a person has written into the sheets of a review list: one choice for each crash."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import pandas as pd

from blackspots.errors import BlackspotsError
from blackspots.labels import LANGUAGES, text
from blackspots.presets.headers import plain
from blackspots.sources import values
from blackspots.sources.findings import Findings
from blackspots.sources.raw import RawTable

LETTERS: Final = "ABCD"
NONE: Final = "-"
"""The choice that says that none of the alternatives is right."""
HEADS: Final = ("facts", "picture", "letter", "place", "distance", "probability", "choice")
"""Columns of a sheet after the crash's id, below ``review.head.`` in the label files."""

_DASHES: Final = frozenset("-–—−")
_MARKS: Final = frozenset("xX×✓✔☑")
"""A cross or tick beside an alternative chooses it."""
_AROUND: Final = " .,:;)(]["
"""What may stand around a letter: ``A.``, ``b)``."""
_SHARE: Final = 1e-6
_ENOUGH: Final = 3
"""Headers in a row from which it is the header of a list, though one of them was renamed."""

Places = Mapping[str, tuple[str, float]]
"""Letter to the words and the probability of an alternative."""


@dataclass(frozen=True, slots=True)
class Head:
    """The header of a sheet: its row from 1, the place of each column, and the decision's words."""

    row: int
    at: Mapping[str, int]
    choice: str


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the column of decisions.

    ``crash``: ``""`` where it cannot be told. ``beside``: letter of the alternative in the same
    row; ``alone``: whether the row has no id of its own, but follows that of its crash.
    """

    sheet: str
    row: int
    column: str
    crash: str
    words: str
    beside: str = ""
    alone: bool = False


def header(file: str, sheet: str, rows: Sequence[Sequence[Any]]) -> Head | None:
    """The header of a sheet, in whichever language; None where the sheet is no list.

    Raises
    ------
    BlackspotsError
        ``decisions-column`` when the crash or the decision has no column.
    """
    for number, row in enumerate(rows, 1):
        words = [plain(_words(cell)) for cell in row]
        at = {}
        for column, names in _heads().items():
            place = next((i for i, word in enumerate(words) if word in names), None)
            if place is not None:
                at[column] = place
        if {"crash_id", "choice"} <= at.keys():
            return Head(number, at, _words(row[at["choice"]]))
        if len(at) >= _ENOUGH:
            column = "choice" if "choice" not in at else "crash_id"
            where = {"file": file, "sheet": sheet, "row": str(number)}
            raise BlackspotsError("decisions-column", column=both(column), **where)
    return None


def both(column: str) -> str:
    """The header of a column in every language: any of them is known."""
    return " / ".join(text(_key(column), language) for language in reversed(LANGUAGES))


def typed(
    sheet: str, rows: Sequence[Sequence[Any]], head: Head, places: Mapping[str, Places]
) -> Iterator[Typed]:
    """Each filled cell of the column of decisions, with the crash that it is about.

    Where cells are merged no more, a row without an id belongs to the crash above if it is the
    next of its alternatives, as the hidden sheet has them in ``places``.
    """
    crash, last = "", ""
    for number, row in enumerate(rows[head.row :], head.row + 1):
        cells = {key: row[place] for key, place in head.at.items() if place < len(row)}
        told = {key: _words(cell) for key, cell in cells.items()}
        own, letter = told.get("crash_id", ""), told.get("letter", "").upper()
        if own:
            crash = own
        elif not (crash and _is_next(last, letter) and _is_of(places.get(crash, {}), cells)):
            crash = ""
        last = letter
        if told.get("choice", ""):
            alone = not own
            yield Typed(sheet, number, head.choice, crash, told["choice"], letter, alone)


def _is_next(last: str, letter: str) -> bool:
    return bool(last and letter) and last + letter in LETTERS


def _is_of(places: Places, cells: Mapping[str, Any]) -> bool:
    """Whether a row holds an alternative of a crash: its words, and its probability."""
    known = places.get(_words(cells.get("letter")).upper())
    share = cells.get("probability")
    if known is None or not isinstance(share, int | float):
        return False
    same = math.isclose(known[1], share, abs_tol=_SHARE, rel_tol=0)
    return same and known[0] == _words(cells.get("place"))


def understood(
    file: str, cells: Sequence[Typed], places: Mapping[str, Places], findings: Findings
) -> dict[str, str]:
    """Crash to its choice: a letter of its alternatives, or :data:`NONE`.

    What is no choice is noted in ``findings``, and so is another one than an earlier row's: of
    two that differ neither is taken.
    """
    made: dict[str, str] = {}
    torn: set[str] = set()
    for one in cells:
        known = places.get(one.crash)
        choice = _choice(one)
        if known is None:
            code = "crash-not-listed" if one.crash else "no-crash-beside"
        elif choice is None:
            code = "beside-another" if one.alone else "not-a-decision"
        elif choice != NONE and choice not in known:
            code = "no-such-letter"
        elif made.setdefault(one.crash, choice) != choice:
            code = "decided-twice"
            torn.add(one.crash)
        else:
            continue
        shown = one.crash if code == "crash-not-listed" else one.words
        raw = RawTable(file, one.sheet, pd.DataFrame())
        findings.reject("decisions", raw, one.row, one.column, shown, code)
    return {crash: choice for crash, choice in made.items() if crash not in torn}


def _choice(one: Typed) -> str | None:
    """The letter, or :data:`NONE`, that is meant; None where it cannot be told.

    A row that follows its crash's can choose its own alternative only. A cross in the first
    row of a crash may stand in a cell merged across all of them.
    """
    words = unicodedata.normalize("NFKC", one.words).strip()
    letter = words.strip(_AROUND).upper()
    if words in _MARKS:
        return one.beside if one.beside and one.beside != LETTERS[0] else None
    if one.alone:
        return letter if letter == one.beside else None
    if len(letter) == 1 and "A" <= letter <= "Z":
        return letter
    # "không?" asks, and says nothing.
    is_none = words in _DASHES or ("?" not in words and plain(words) in _none_words())
    return NONE if is_none else None


def _words(cell: Any) -> str:
    return "" if cell is None else values.text(cell)


def _key(column: str) -> str:
    return "column.crash_id" if column == "crash_id" else f"review.head.{column}"


@cache
def _heads() -> dict[str, frozenset[str]]:
    return {
        column: frozenset(plain(text(_key(column), language)) for language in LANGUAGES)
        for column in ("crash_id", *HEADS)
    }


@cache
def _none_words() -> frozenset[str]:
    words = (
        plain(word)
        for each in LANGUAGES
        for word in (text("review.none", each), *text("review.none-words", each).split(";"))
    )
    return frozenset(words) - {""}
