"""One cell to one value; a cell that cannot be read raises :class:`Unreadable` with a code."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import pandas as pd

from blackspots.presets import headers

_ROAD_NUMBER: Final = re.compile(r"[A-Z]{1,4}\d{1,4}[A-Z]{0,2}")
_EXCEL_EPOCH: Final = date(1899, 12, 30)
_EXCEL_RANGE: Final = (20_000, 80_000)  # 1954 to 2119: a bare number outside is no date
_YEARS: Final = (1950, 2100)
_DMY: Final = re.compile(r"(?<!\d)(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})(?!\d)")
_ISO: Final = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_CLOCK: Final = re.compile(r"(?<!\d)(\d{1,2})\s*(?::|h|giờ|g)\s*(\d{1,2})?(?!\d)", re.IGNORECASE)
_HALF: Final = re.compile(
    r"(?<![^\W\d])(?:(?P<am>am|sa|sáng)|(?P<pm>pm|ch|chiều|tối))\b", re.IGNORECASE
)
_KM_POST: Final = re.compile(
    r"(?:^|[^+]*?(?<!\d[.,])\b)(?:km|lt)?\s*(\d{1,4})\s*\+\s*(\d{1,4})(?:[.,]\d+)?\s*m?\s*$",
    re.IGNORECASE,
)
_KM_PLAIN: Final = re.compile(
    r"^\s*(?:km)?\s*(\d{1,4}(?:[.,]\d{1,3})?)\s*(?:km)?\s*$", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_METRES_IN_KM: Final = 1000
HOURS: Final = 24
MONTHS, DAYS = 12, 31


class Unreadable(ValueError):
    """A cell that is not what its column holds; ``code`` is a key below ``reject.``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


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


def text(cell: Any) -> str:
    """Text in Unicode NFC, white space folded; whole numbers without a decimal point."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return " ".join(unicodedata.normalize("NFC", str(cell)).split())


def number(cell: Any) -> float:
    """A number; in text, one comma or point may be the decimal mark."""
    if isinstance(cell, bool):
        raise Unreadable("not-a-number")
    if isinstance(cell, int | float):
        value = float(cell)
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
    if isinstance(cell, str) and re.fullmatch(r"-?\d{1,3}([.,]\d{3})+", cell.strip()):
        raise Unreadable("ambiguous-number")
    value = number(cell)
    if value < 0:
        raise Unreadable("negative")
    return value


def count(cell: Any) -> int:
    """A whole number, not negative."""
    value = number(cell)
    if value < 0:
        raise Unreadable("negative")
    if value != int(value):
        raise Unreadable("not-whole")
    return int(value)


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


def day(cell: Any, *, month_first: bool = False) -> date:
    """A date: an Excel date or serial, dd/mm/yyyy or ISO; a month first only when told."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, int | float) or str(cell).strip().isdigit():
        serial = number(cell)
        if _EXCEL_RANGE[0] <= serial <= _EXCEL_RANGE[1]:
            return _EXCEL_EPOCH + timedelta(days=int(serial))
        raise Unreadable("not-a-date")
    words = str(cell)
    iso, dmy = _ISO.search(words), _DMY.search(words)
    found = iso or dmy
    if found is None:
        raise Unreadable("not-a-date")
    parts = [int(part) for part in found.groups()]
    year, month, number_of_day = parts if iso else parts[::-1]
    if month_first and not iso:
        month, number_of_day = number_of_day, month
    if not _YEARS[0] <= year <= _YEARS[1]:
        raise Unreadable("no-such-day")
    try:
        return date(year, month, number_of_day)
    except ValueError:
        raise Unreadable("no-such-day") from None


def hour(cell: Any) -> int:
    """Hour of the day, 0 to 23, from a clock time, a day fraction or a whole hour."""
    if isinstance(cell, datetime | time):
        return cell.hour
    if isinstance(cell, timedelta):
        value = cell.total_seconds() / 3600
        return _valid_hour(int(value))
    if isinstance(cell, int | float):
        fraction = isinstance(cell, float) and 0 < cell < 1
        return _valid_hour(int(cell * HOURS + 1e-9) if fraction else integer(cell))
    words = str(cell).strip()
    clock = _CLOCK.search(words)
    if clock is None:
        return _valid_hour(integer(words))
    if int(clock[2] or 0) > 59:  # noqa: PLR2004
        raise Unreadable("no-such-hour")
    return _valid_hour(_of_day(int(clock[1]), words))


def _of_day(value: int, words: str) -> int:
    """An hour of the clock with its half of the day, if the words say one: am, pm, SA, CH."""
    half = _HALF.search(words.replace(".", ""))
    if half is None or value > HOURS // 2:
        return value
    return value % (HOURS // 2) + (HOURS // 2 if half["pm"] else 0)


def hour_of_date(cell: Any) -> int | None:
    """The hour that a date cell carries with it, if any; midnight counts as none."""
    if isinstance(cell, datetime):
        return cell.hour if (cell.hour, cell.minute, cell.second) != (0, 0, 0) else None
    if isinstance(cell, str) and (clock := _CLOCK.search(cell)):
        value = _of_day(int(clock[1]), cell)
        return value if value < HOURS else None
    return None


def _valid_hour(value: int) -> int:
    if not 0 <= value < HOURS:
        raise Unreadable("no-such-hour")
    return value


def km(cell: Any) -> float:
    """A km post [km]: ``Km45+300``, ``QL1 Km 45+300``, ``Km 45,300`` or a number of km."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        value = number(cell)
        if value < 0:
            raise Unreadable("negative")
        return value
    words = str(cell).strip()
    if post := _KM_POST.match(words):
        metres = int(post[2])
        if metres >= _METRES_IN_KM:
            raise Unreadable("km-metres")
        return int(post[1]) + metres / _METRES_IN_KM
    if plain := _KM_PLAIN.match(words):
        return float(plain[1].replace(",", "."))
    raise Unreadable("not-a-km-post")


def route(cell: Any) -> str:
    """The number of a road in one spelling: ``ql 1b``, ``QL-1B`` and ``QL.1B`` are ``QL1B``.

    ``Đ`` is written ``D`` so that ``ĐT234`` and ``DT234`` meet. A road with a name in place
    of a number keeps its name.
    """
    name = text(cell)
    words = name.upper().replace("Đ", "D")
    words = re.sub(r"^QUOC LO|^QUỐC LỘ", "QL", words)
    words = re.sub(r"^TINH LO|^TỈNH LỘ|^TL(?=\d)", "DT", words)
    number = re.sub(r"[\s.\-_]+", "", words)
    return number if _ROAD_NUMBER.fullmatch(number) else name


def is_month_first(cell: Any) -> bool:
    """Whether a text date can only be read with its month first (``03/25/2024``)."""
    found = _DMY.search(cell) if isinstance(cell, str) and not _ISO.search(cell) else None
    return found is not None and int(found[1]) <= MONTHS < int(found[2]) <= DAYS


PARSERS: Final[dict[str, Callable[[Any], Any]]] = {
    "text": text,
    "number": number,
    "integer": integer,
    "boolean": boolean,
    "date": day,
}
