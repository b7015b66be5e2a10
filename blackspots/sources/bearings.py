"""Directions of travel as registers write them."""

from __future__ import annotations

from typing import Any, Final

from blackspots.presets import notations
from blackspots.presets.headers import plain
from blackspots.sources.cells import Unreadable, number, text

ROUND: Final = 360.0


def bearing(cell: Any) -> float:
    """A direction of travel in degrees from north by east, 0 or more and below 360.

    Degrees, or a word in Vietnamese or English (``hướng Bắc``, ``Đông Nam``, ``NB``,
    ``southwest``). A lone letter is refused: N is north in one language and south in the other.
    So is what leads to a place (``đi Hà Nội``).
    """
    try:
        turn = number(cell)
    except Unreadable:
        turn = _of_words(text(cell))
    if not 0 <= turn <= ROUND:
        raise Unreadable("not-a-direction")
    return turn % ROUND


def _of_words(words: str) -> float:
    compact = plain(words).replace(" ", "")
    for first in ("", *notations.towards()):
        known = notations.bearings().get(compact.removeprefix(first))
        if known is not None:
            return known
    raise Unreadable("not-a-direction")
