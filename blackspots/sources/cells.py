"""What all parsers of cells share: refusals, notes, plain text, numbers, yes and no."""

from __future__ import annotations

import math
import mmap
import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from blackspots.presets import headers, notations

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_THOUSANDS: Final = re.compile(r"-?\d{1,3}([.,]\d{3})+")
_COUNTED: Final = re.compile(r"(\d{1,4}) ?([^\W\d]+)")
MOST_PERSONS: Final = 1000
"""Persons of one crash above which a number is taken for another column's."""
_LARGEST: Final = 1e15
"""Greatest sum or quantity."""
_ALIKE: Final = {
    "'": "′’‘ʹ´`ʼ＇",
    '"': "″”“„ʺ˝＂",
    "°": "º˚ᵒ",
    "-": "‐‑‒–—―−﹣－",
    "": "\u200b\u200c\u200d\ufeff",
}
_ERROR: Final = f"(?:{'|'.join(map(re.escape, notations.error_words()))}|Err:[0-9]{{3}})"
ERROR_CELL: Final = f"^[\\s\u00a0]*{_ERROR}[\\s\u00a0]*$"
"""A cell that a spreadsheet shows for a failed formula: a pattern for Arrow and for Python."""
_ERROR_BYTES: Final = re.compile(_ERROR.encode())
_ERROR_CELL: Final = re.compile(ERROR_CELL)
_ONE_SPELLING: Final = str.maketrans({odd: one for one, many in _ALIKE.items() for odd in many})


class Unreadable(ValueError):
    """A cell that is not what its column holds; ``code`` is a key below ``reject.``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Noted:
    """A value that was taken though not cleanly written.

    ``code`` is a key in the label files: ``repaired.`` or ``doubtful.`` and a name.
    """

    value: Any
    code: str


def is_blank(cell: Any) -> bool:
    """Whether the cell says nothing: empty, NaN, or a word for *not recorded*."""
    if cell is None:
        return True
    if isinstance(cell, float):
        return math.isnan(cell)
    if isinstance(cell, str):
        words = cell.strip()
        return not words or (headers.plain(words) in headers.blanks() and not words.isdigit())
    return bool(pd.api.types.is_scalar(cell) and pd.isna(cell))


def shows_error(data: bytes | mmap.mmap, *, libreoffice: bool = True) -> bool:
    """Whether words for a failed formula stand anywhere in UTF-8 text.

    Without those of LibreOffice it takes a tenth of the time.
    """
    some = data.find(b"#") >= 0 or (libreoffice and data.find(b"Err:") >= 0)
    return some and _ERROR_BYTES.search(data) is not None


def is_error(cell: Any) -> bool:
    """Whether the cell is the text that a spreadsheet shows for a failed formula: ``#N/A``."""
    return isinstance(cell, str) and _ERROR_CELL.match(cell) is not None


def text(cell: Any) -> str:
    """Text in Unicode NFC, white space folded; whole numbers without a decimal point."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return " ".join(unicodedata.normalize("NFC", str(cell)).split())


def tidy(cell: Any) -> str:
    """Text with one spelling of dashes, quotes, degree signs, digits and spaces.

    White space is folded to single spaces, which keeps the patterns of the parsers linear.
    """
    words = unicodedata.normalize("NFKC", str(cell).translate(_ONE_SPELLING))
    return " ".join(words.replace("''", '"').split())


def number(cell: Any) -> float:
    """A number; in text, one comma or point may be the decimal mark."""
    if isinstance(cell, bool):
        raise Unreadable("not-a-number")
    if isinstance(cell, int | float):
        try:
            value = float(cell)
        except OverflowError:
            raise Unreadable("not-a-number") from None
    else:
        words = str(cell).strip().replace("\u00a0", "").replace(" ", "")
        if words.count(",") == 1 and "." not in words:
            words = words.replace(",", ".")
        if not _NUMBER.fullmatch(words):  # float() would take 1_000 and nan
            raise Unreadable("not-a-number")
        value = float(words)
    if not math.isfinite(value):
        raise Unreadable("not-a-number")
    return value


def amount(cell: Any) -> float:
    """A quantity or sum of money, not negative.

    A number in text whose point or comma could be a thousands separator (``1.500``) is
    refused: reading it wrongly errs by a factor of a thousand.
    """
    if isinstance(cell, str) and _THOUSANDS.fullmatch(cell.strip()):
        raise Unreadable("ambiguous-number")
    value = number(cell)
    if value < 0:
        raise Unreadable("negative")
    if value > _LARGEST:
        raise Unreadable("too-large")
    return value


def count(cell: Any) -> int | Noted:
    """A whole number, not negative; ``2 người`` is noted."""
    if isinstance(cell, str) and (counted := _COUNTED.fullmatch(tidy(cell))):
        if headers.plain(counted[2]) not in notations.persons():
            raise Unreadable("not-a-number")
        return Noted(int(counted[1]), "repaired.number-in-words")
    if isinstance(cell, str) and _THOUSANDS.fullmatch(cell.strip()):
        raise Unreadable("ambiguous-number")
    value = number(cell)
    if value < 0:
        raise Unreadable("negative")
    if value > MOST_PERSONS:
        raise Unreadable("too-many")
    return integer(value)


def integer(cell: Any) -> int:
    """A whole number of either sign."""
    value = number(cell)
    if value != int(value):
        raise Unreadable("not-whole")
    return int(value)


def boolean(cell: Any) -> bool:
    """Yes or no, in the words of ``presets/headers/severities.toml``."""
    if isinstance(cell, bool):
        return cell
    known = headers.booleans().get(headers.plain(text(cell)))
    if known is None:
        raise Unreadable("not-yes-or-no")
    return known


def flag(cell: Any) -> bool:
    """Yes unless it says no: a bridge may be a ``viaduct``, a tunnel a ``culvert``."""
    known = headers.booleans().get(headers.plain(text(cell)))
    return known is not False
