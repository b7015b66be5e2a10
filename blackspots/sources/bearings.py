"""Directions of travel as registers write them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
import pandas as pd

from blackspots.presets import notations
from blackspots.presets.headers import plain
from blackspots.sources.cells import Unreadable, is_blank, number, text
from blackspots.sources.columns import read_sparing
from blackspots.sources.findings import Findings
from blackspots.sources.raw import RawTable, distinct_cells

ROUND: Final = 360.0

_CODES: Final = 8
"""Most different numbers that are codes (1 to 8 for the points of a compass), and ..."""
_BELOW: Final = 10
"""... what all of them are below; a register measured in degrees has others, too (mark A)."""


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


def read_bearings(
    raw: RawTable, header: str | None, *, table: str, findings: Findings, bad: np.ndarray
) -> pd.Series:
    """A column of directions [degrees]; what cannot be read is unknown, and noted.

    Numbers that are a list of codes (1, 2: with and against the km) are unknown, and noted
    once; words beside them are read.
    """
    parser: Callable[[Any], float | None] = bearing
    if header is not None:
        codes, cells = distinct_cells(raw.frame[header])
        if is_coded(cells):
            parser = _uncoded
            coded = [i for i, cell in enumerate(cells) if _number(cell) is not None]
            told = ", ".join(sorted({text(cells[i]) for i in coded}))
            count = int(np.isin(codes, coded).sum())
            code = "doubtful.bearing-codes"
            findings.remark_column(table, raw, header, code, count, value=told)
    code = "doubtful.bearing-unread"
    return read_sparing(
        raw, header, parser, "number", code, table=table, findings=findings, bad=bad
    )


def is_coded(cells: Iterable[Any]) -> bool:
    """Whether the numbers of a column are a few small whole ones, and so codes, no degrees."""
    numbers = {value for cell in cells if (value := _number(cell)) is not None}
    small = all(0 <= value < _BELOW and value.is_integer() for value in numbers)
    return 0 < len(numbers) <= _CODES and small


def _number(cell: Any) -> float | None:
    if is_blank(cell):
        return None
    try:
        return float(number(cell))
    except Unreadable:
        return None


def _uncoded(cell: Any) -> float | None:
    """The direction of words; codes have none that is known."""
    return None if _number(cell) is not None else bearing(cell)


def _of_words(words: str) -> float:
    compact = plain(words).replace(" ", "")
    for first in ("", *notations.towards()):
        known = notations.bearings().get(compact.removeprefix(first))
        if known is not None:
            return known
    raise Unreadable("not-a-direction")
