"""Days and hours as registers write them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import pandas as pd

from blackspots.presets import notations
from blackspots.presets.headers import plain as plainly
from blackspots.sources.cells import Noted, Unreadable, integer, number, text, tidy

HOURS: Final = 24
MONTHS, DAYS = 12, 31
_EITHER: Final = range(1, MONTHS + 1)
_MINUTES: Final = 60
_NOON: Final = 12
_AFTER_NOON: Final = 3  # 3 giờ trưa is 15, 11 giờ trưa is 11
_NIGHTFALL: Final = 6  # 6 giờ đêm and later is evening, earlier is morning
_EXCEL_EPOCH: Final = date(1899, 12, 30)
_EXCEL_RANGE: Final = (20_000, 80_000)  # 1954 to 2119: a bare number outside is no date
_YEARS: Final = (1950, 2100)
_COMPACT: Final = 8  # yyyymmdd
_PIVOT: Final = 70
"""Two-digit years from this on are of the 1900s, those below of the 2000s."""
_NO_PART: Final = frozenset({0, 99})
"""A day or month that is recorded as unknown."""
_NO_YEAR: Final = 9999
_NO_HOUR: Final = frozenset({99, 9999})
_NOT_KNOWN: Final = Noted(None, "doubtful.hour-code")


def _any(words: Iterable[str]) -> str:
    """A pattern for any of the words, the longer ones tried first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_EN: Final = notations.months("en")
_VI: Final = notations.months("vi")
_TO: Final = _any(notations.range_words())
_HALVES: Final = notations.halves()

# Dates are sought in text without marks, where white space is folded: \s? is enough.
_YMD: Final = re.compile(
    r"(?<!\d)(?<!\d[/.\-])(\d{4})\s?[/.\-]\s?(\d{1,2})\s?[/.\-]\s?(\d{1,2})(?!\d)"
)
_PLAIN_DAY: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_FEW_SHORT: Final = 0.1
_CLOCK_FIGURES: Final = 100
"""Number from which an hour is one of hours and minutes without a mark between them."""
_PLAIN_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
_DMY: Final = re.compile(r"(?<!\d)(\d{1,2})\s?[/.\-]\s?(\d{1,2})\s?[/.\-]\s?(\d{4})(?!\d)")
_DMYY: Final = re.compile(r"(?<!\d)(\d{1,2})\s?([/.\-])\s?(\d{1,2})\s?\2\s?(\d{2})(?!\d)")
_NAMED: Final = re.compile(
    rf"(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[\s/.,\-]{{0,2}}(?:of\s)?"
    rf"(?:(?:thang|thg|th)\.?\s?(?P<vi>\d{{1,2}}(?!\d)|(?:{_any(_VI)})(?![a-z]))"
    rf"|(?P<en>{_any(_EN)})(?![a-z])\.?)"
    rf"[\s/.,\-]{{0,3}}(?:nam\s?)?(?P<year>\d{{4}}|\d{{2}})(?!\d)"
    rf"|(?<![a-z])(?P<en_first>{_any(_EN)})\.?\s(?P<day_after>\d{{1,2}})(?:st|nd|rd|th)?"
    rf",?\s(?P<year_after>\d{{4}})(?!\d)"
)
_WEEKDAY: Final = re.compile(r"(?<!\w)(?:thu|t)\s?[2-7](?=[\s,])")
_BETWEEN_DAYS: Final = rf"(?:[\-~÷,;&+]|{_TO}|{_any(notations.range_words('days'))})"
_DAY_BEFORE: Final = re.compile(
    rf"(?<![\w:.,/])\d{{1,2}}(?:/\d{{1,2}})?\s?{_BETWEEN_DAYS}\s?(?:ngay\s)?$"
)
_DAY_AFTER: Final = re.compile(rf"\s?{_BETWEEN_DAYS}\s?(?:ngay\s)?\d{{1,2}}/\d{{1,2}}(?![\d/])")
_NEAR: Final = 40

_CLOCK: Final = re.compile(
    r"(?<!\d)(?<!\d[/.])(?P<hour>\d{1,2})\s?"
    r"(?:(?P<mark>:|h(?:rs?|ours?)?|giờ|gio|g)(?![^\W\d_])\s?"
    r"(?:(?P<minute>\d{1,2})(?!\d)(?::\d{1,2}(?:[.,]\d{1,9})?(?!\d))?"
    r"(?:\s?(?:'|phút|phut|ph|p|m|min)(?![^\W\d_]))?)?"
    r"|(?=(?:am|pm|sa|ch)(?!\w)))"
)
_SECONDS: Final = r"(?::\d{2}(?:[.,]\d{1,9})?)?"
_ZONE: Final = re.compile(  # after a blank, -16:00 would be the end of a range
    rf"(?<=\d)(?P<iso>t\d{{2}}:\d{{2}}{_SECONDS}| \d{{2}}:\d{{2}}{_SECONDS}(?=z|\+))"
    r"\s?(?:z|[+\-]\d{2}:?\d{2})(?!\d)"
)
_POINTED: Final = re.compile(r"(?<![^\W\d_])([ap])\.\s?m(?:\.|(?!\w))")
_HALF: Final = re.compile(rf"(?<![^\W\d_])(?:{_any(_HALVES)})(?!\w)")
_UNTIL: Final = rf"(?:-|~|÷|{_any(notations.range_words())}|đến|tới)"
_HOUR_BEFORE: Final = re.compile(rf"(?<![\d/.:\-])(\d{{1,2}})\s?{_UNTIL}\s?$")
_HOUR_AFTER: Final = re.compile(rf"\s?{_UNTIL}\s?(\d{{1,2}})(?![\d/.:\-])")
_PART: Final = re.compile(rf"(?<!\w)(?:{_any(notations.parts_of_day())})(?!\w)")
_FIGURE: Final = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class DateOrder:
    """How many different text dates can be read only one way, or either way.

    Dates that are the same either way (``04/04/2024``) count nowhere.
    """

    day_first: int
    month_first: int
    either: int


def day(cell: Any, *, month_first: bool = False, latest: int | None = None) -> date | Noted:
    """The day of a date: an Excel date or serial, ISO, dd/mm/yyyy, or with the month's name.

    The month comes first only when told. A two-digit year is noted; two different days in one
    cell are refused (``date-range``).

    Parameters
    ----------
    latest
        Year that a two-digit one is not after, if that leaves it in 1950 or later; without
        it, 00 to 69 are 2000 to 2069 and 70 to 99 are 1970 to 1999.
    """
    if isinstance(cell, date):  # a datetime is one
        return _checked(cell)
    if isinstance(cell, bool):
        raise Unreadable("not-a-date")
    if isinstance(cell, int | float):
        return _day_of_number(cell)
    if plain := _PLAIN_DAY.fullmatch(str(cell)):  # as most are: no need to look further
        one, two, year = map(int, plain.groups())
        return _numeric(year, one, two, month_first=month_first)
    words = tidy(cell)
    if re.fullmatch(r"\d{1,9}([.,]\d{1,12})?", words):
        return _day_of_number(float(words.replace(",", ".")))
    return _day_of_words(_folded(words), month_first=month_first, latest=latest)


def _checked(cell: date) -> date:
    if pd.isna(cell):  # NaT is a datetime
        raise Unreadable("not-a-date")
    return _calendar(cell.year, cell.month, cell.day)


def _calendar(year: int, month: int, number_of_day: int) -> date:
    if not _YEARS[0] <= year <= _YEARS[1]:
        raise Unreadable("no-such-day")
    try:
        return date(year, month, number_of_day)
    except ValueError:
        raise Unreadable("no-such-day") from None


def _day_of_number(cell: float) -> date:
    """A serial of Excel, or eight digits yyyymmdd that are a day."""
    if math.isfinite(cell) and _EXCEL_RANGE[0] <= cell <= _EXCEL_RANGE[1]:
        return _EXCEL_EPOCH + timedelta(days=int(cell))
    digits = f"{cell:.0f}" if math.isfinite(cell) and cell == int(cell) else ""
    if len(digits) == _COMPACT and digits.isdigit():
        try:
            return _calendar(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
        except Unreadable:
            raise Unreadable("not-a-date") from None
    raise Unreadable("not-a-date")


def _folded(words: str) -> str:
    """Text in which dates are sought: no marks, no clock times, no numbered weekdays."""
    clockless = _CLOCK.sub(" | ", _ZONE.sub(r"\g<iso>", words.casefold()))
    return _WEEKDAY.sub("", notations.bare(clockless).replace("đ", "d"))


def _day_of_words(words: str, *, month_first: bool, latest: int | None) -> date | Noted:
    found: dict[tuple[int, int], tuple[date, bool]] = {}
    for match in _YMD.finditer(words):
        year, month, number_of_day = (int(part) for part in match.groups())
        found[match.span()] = _calendar(year, month, number_of_day), False
    for match in _DMY.finditer(words):
        one, two, year = (int(part) for part in match.groups())
        found[match.span()] = _numeric(year, one, two, month_first=month_first), False
    for match in _NAMED.finditer(words):
        found[match.span()] = _with_name(match, latest)
    if not found:  # 12.30.15 may be a time of day beside a date: the last resort
        for match in _DMYY.finditer(words):
            year = _century(int(match[4]), latest)
            one, two = int(match[1]), int(match[3])
            found[match.span()] = _numeric(year, one, two, month_first=month_first), True
        if found and _FIGURE.search(_DMYY.sub("", words)) and not _has_neighbour(words, found):
            raise Unreadable("not-a-date")
    if not found:
        raise Unreadable("not-a-date")
    days = {when for when, _ in found.values()}
    if len(days) > 1 or _has_neighbour(words, found):
        raise Unreadable("date-range")
    value = days.pop()
    short = any(short for _, short in found.values())
    return Noted(value, "repaired.two-digit-year") if short else value


def _numeric(year: int, one: int, two: int, *, month_first: bool) -> date:
    return _calendar(year, one, two) if month_first else _calendar(year, two, one)


def _with_name(match: re.Match[str], latest: int | None) -> tuple[date, bool]:
    if match["en_first"]:
        month = _EN[match["en_first"]]
        return _calendar(int(match["year_after"]), month, int(match["day_after"])), False
    name = match["vi"]
    month = _EN[match["en"]] if name is None else _VI.get(name) or int(name)
    year, short = int(match["year"]), len(match["year"]) == 2  # noqa: PLR2004
    full = _century(year, latest) if short else year
    return _calendar(full, month, int(match["day"])), short


def _century(year: int, latest: int | None) -> int:
    """A two-digit year in full; never by today's date, or a file would come to read otherwise."""
    if latest is None:
        return year + (1900 if year >= _PIVOT else 2000)
    full = latest - (latest - year) % 100
    return full if full >= _YEARS[0] else full + 100


def year(cell: Any, *, latest: int | None = None) -> int | Noted:
    """A year that stands alone, in four digits or, noted, in two; ``latest`` as in :func:`day`.

    Raises
    ------
    Unreadable
        ``date-part-unknown`` (9999), ``no-such-day`` or as :func:`integer` does.
    """
    value = integer(cell)
    if value == _NO_YEAR:
        raise Unreadable("date-part-unknown")
    if 0 <= value < 100:  # noqa: PLR2004 - two digits
        return Noted(_century(value, latest), "repaired.two-digit-year")
    if not _YEARS[0] <= value <= _YEARS[1]:
        raise Unreadable("no-such-day")
    return value


def month(cell: Any) -> int:
    """A month that stands alone: its number, 1 to 12, or its name (``Mar``, ``tháng Ba``).

    Raises
    ------
    Unreadable
        ``date-part-unknown`` (0, 99), ``no-such-day`` or as :func:`integer` does.
    """
    if isinstance(cell, str):
        name = plainly(text(cell)).removeprefix("thang ")
        named = _EN.get(name) or _VI.get(name)
        if named is not None:
            return named
        cell = name if name.isdecimal() else cell
    return _part(cell, MONTHS)


def day_of_month(cell: Any) -> int:
    """A day of the month that stands alone, 1 to 31; refused as a :func:`month` is."""
    return _part(cell, DAYS)


def _part(cell: Any, most: int) -> int:
    value = integer(cell)
    if value in _NO_PART:
        raise Unreadable("date-part-unknown")
    if not 1 <= value <= most:
        raise Unreadable("no-such-day")
    return value


def of_parts(year: int, month: int, number_of_day: int) -> date | None:
    """The day of a year, month and day of the month; None where there is none (31 February)."""
    try:
        return _calendar(year, month, number_of_day)
    except Unreadable:
        return None


def _has_neighbour(words: str, found: Iterable[tuple[int, int]]) -> bool:
    """Whether a day of a range stands beside a date: ``12-13/03/2024``, ``12/3 - 13/3/2024``."""
    return any(
        _DAY_BEFORE.search(words[max(0, start - _NEAR) : start])
        or _DAY_AFTER.match(words, end, end + _NEAR)
        for start, end in found
    )


def hour(cell: Any, *, figures: bool = False) -> int | Noted:
    """Hour of the day, 0 to 23, from a clock time, a day fraction or a whole hour.

    A range within one hour is that hour (``14h00-15h00`` ends before 15); one over several
    hours, a part of the day in words, or 99 is unknown and noted.

    Parameters
    ----------
    figures
        Whole numbers are hours and minutes without leading zeros: 1430, 930, and 5 for 00:05.
    """
    if isinstance(cell, time) or (isinstance(cell, datetime) and not pd.isna(cell)):
        return cell.hour
    if isinstance(cell, timedelta) and not pd.isna(cell):
        return _valid_hour(math.floor(cell.total_seconds() / 3600))
    if isinstance(cell, int | float):
        return _hour_of_number(cell, fraction=isinstance(cell, float), figures=figures)
    if plain := _PLAIN_TIME.fullmatch(str(cell).strip()):
        return _NOT_KNOWN if plain[0] == "99:99" else _valid_hour(int(plain[1]), int(plain[2]))
    words = tidy(cell).casefold()
    clocked = _hour_of_words(words)
    if clocked is None and not _FIGURE.search(words) and _PART.search(words):
        return Noted(None, "doubtful.hour-words")
    return _hour_of_figures(words, figures=figures) if clocked is None else clocked


def _hour_of_number(cell: float, *, fraction: bool, figures: bool) -> int | Noted:
    if fraction and 0 < cell < 1:
        return _valid_hour(int(cell * HOURS + 1e-9))
    if cell in _NO_HOUR:
        return _NOT_KNOWN
    clock = figures and cell >= 0
    whole = math.isfinite(cell) and cell == int(cell)
    if (clock or cell >= _CLOCK_FIGURES) and whole:  # 1430 is 14:30, as in text
        return _valid_hour(*divmod(int(cell), 100))
    return _valid_hour(integer(cell))


def _hour_of_figures(words: str, *, figures: bool) -> int | Noted:
    """An hour from figures alone: ``1430``, ``14`` or the fraction of a day."""
    if re.fullmatch(r"\d{4}", words) and words != str(max(_NO_HOUR)):
        return _valid_hour(int(words[:2]), int(words[2:]))
    return _hour_of_number(number(words), fraction=True, figures=figures)


def drops_zeros(cells: Iterable[Any]) -> bool:
    """Whether whole numbers of a column are hours and minutes that lost their leading zeros.

    Nearly all are 100 or more, and some have three figures: so is the 5 beside 930 and 1430
    five past midnight, and beside 0930 it is not.
    """
    words = [text(cell) for cell in cells]
    if not all(word.isdecimal() for word in words):
        return False
    short = sum(int(word) < _CLOCK_FIGURES for word in words)
    return any(len(word) == 3 for word in words) and short <= _FEW_SHORT * len(words)  # noqa: PLR2004


def hour_of_date(cell: Any) -> int | Noted | None:
    """The hour that a date cell carries with it, if any; midnight to the minute counts as none.

    Programs write 00:00 where no time is known; ``0h00``, which a person writes, is an hour.
    """
    if isinstance(cell, datetime) and not pd.isna(cell):
        return cell.hour if (cell.hour, cell.minute, cell.second) != (0, 0, 0) else None
    if isinstance(cell, float) and _EXCEL_RANGE[0] <= cell <= _EXCEL_RANGE[1]:
        minutes = round(cell % 1 * HOURS * _MINUTES)
        return min(minutes // _MINUTES, HOURS - 1) if minutes else None
    if not isinstance(cell, str):
        return None
    words = tidy(cell).casefold()
    try:
        clocked = _hour_of_words(words)
    except Unreadable:
        return None
    if clocked is None and _PART.search(words):
        return Noted(None, "doubtful.hour-words")
    return None if clocked == 0 and _written_by_program(words) else clocked


def _written_by_program(words: str) -> bool:
    clocks = list(_CLOCK.finditer(words))
    return all(clock["mark"] == ":" and int(clock["minute"] or 0) == 0 for clock in clocks)


def _hour_of_words(words: str) -> int | Noted | None:
    """The hour of the clock times in a text; None where there is none."""
    words = _POINTED.sub(r"\1m", _ZONE.sub(r"\g<iso>", words))
    clocks = list(_CLOCK.finditer(words))
    if not clocks:
        return None
    starts = [clock.start() for clock in clocks[1:]] + [len(words)]
    any_half = _HALF.search(words)
    ends = []
    for clock, stop in zip(clocks, starts, strict=True):
        half = _HALF.search(words, clock.end(), stop) or any_half
        minute = int(clock["minute"] or 0)
        value = _of_day(int(clock["hour"]), _HALVES[half[0]] if half else "")
        ends.append((value, minute))
    if before := _HOUR_BEFORE.search(words[max(0, clocks[0].start() - _NEAR) : clocks[0].start()]):
        half_of_first = _HALVES[any_half[0]] if any_half else ""
        ends.insert(0, (_of_day(int(before[1]), half_of_first), 0))
    elif after := _HOUR_AFTER.match(words, clocks[-1].end()):
        ends.append((_of_day(int(after[1]), ""), 0))
    return _one_hour(ends)


def _one_hour(ends: list[tuple[int, int]]) -> int | Noted:
    """The hour that holds a time or range; the end of a range at a full hour is left out."""
    first = _valid_hour(*ends[0])
    hours = {first}
    for i, (value, minute) in enumerate(ends[1:], 1):
        midnight = value in (0, HOURS) and minute == 0
        last = HOURS if midnight else _valid_hour(value, minute)
        is_end = i == len(ends) - 1 and minute == 0 and last > first
        hours.add(last - 1 if is_end else last % HOURS)
    return first if len(hours) == 1 else Noted(None, "doubtful.hour-range")


def _of_day(value: int, half: str) -> int:
    """An hour of the clock with its half or part of the day, if the words say one."""
    if not half or value > _NOON:
        return value
    if half == "noon":
        return value + _NOON if value <= _AFTER_NOON else value
    if half == "am" or (half == "evening" and value == _NOON):
        return value % _NOON
    if half == "night":
        return value + _NOON if _NIGHTFALL <= value < _NOON else value % _NOON
    return value % _NOON + _NOON


def _valid_hour(value: int, minute: int = 0) -> int:
    if not (0 <= value < HOURS and 0 <= minute < _MINUTES):
        raise Unreadable("no-such-hour")
    return value


def is_month_first(cell: Any) -> bool:
    """Whether a text date can only be read with its month first (``03/25/2024``)."""
    parts = _two_numbers(cell)
    return parts is not None and parts[0] <= MONTHS < parts[1] <= DAYS


def order_of_dates(cells: Iterable[Any]) -> DateOrder:
    """What the different text dates of a column tell about the order of day and month."""
    texts = {cell for cell in cells if isinstance(cell, str)}
    pairs = [pair for cell in texts if (pair := _two_numbers(cell)) is not None]
    return DateOrder(
        day_first=sum(two <= MONTHS < one <= DAYS for one, two in pairs),
        month_first=sum(one <= MONTHS < two <= DAYS for one, two in pairs),
        either=sum(one != two and one in _EITHER and two in _EITHER for one, two in pairs),
    )


def _two_numbers(cell: Any) -> tuple[int, int] | None:
    """The first two numbers of a date in figures that does not begin with its year."""
    if not isinstance(cell, str):
        return None
    if plain := _PLAIN_DAY.fullmatch(cell):
        return int(plain[1]), int(plain[2])
    words = _folded(tidy(cell))
    if _YMD.search(words):
        return None
    if found := _DMY.search(words):
        return int(found[1]), int(found[2])
    if found := _DMYY.search(words):
        return int(found[1]), int(found[3])
    return None
