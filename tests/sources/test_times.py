"""Days and hours in all the ways that registers write them."""

from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackspots.sources import times, values
from blackspots.sources.values import DateOrder, Noted, Unreadable

DAYS = st.dates(date(1960, 1, 1), date(2099, 12, 31))
HOURS = st.integers(0, 23)
MINUTES = st.integers(0, 59)
APRIL_3 = date(2024, 4, 3)
ENGLISH = "January February March April May June July August September October November December"
VIETNAMESE = [
    *("Một", "Hai", "Ba", "Tư", "Năm", "Sáu", "Bảy", "Tám", "Chín", "Mười", "Mười Một", "Mười Hai")
]


def code(parser: Any, cell: Any) -> str:
    with pytest.raises(Unreadable) as refusal:
        parser(cell)
    return refusal.value.code


@given(DAYS)
def test_a_day_comes_back_from_every_way_of_naming_its_month(day: date) -> None:
    english = ENGLISH.split()[day.month - 1]
    ways = (
        f"ngày {day.day} tháng {day.month} năm {day.year}",
        f"{day.day:02d} tháng {day.month:02d}, {day.year}",
        f"{day.day} tháng {VIETNAMESE[day.month - 1]} năm {day.year}",
        f"{day.day} tháng {VIETNAMESE[day.month - 1].lower()} {day.year}",
        f"{day.day} {english} {day.year}",
        f"{english} {day.day}, {day.year}",
        f"{day.day}-{english[:3]}-{day.year}",
        f"{english[:3].upper()}. {day.day} {day.year}",
        f"{day.day}th of {english} {day.year}, 14:30",
        f"{day:%Y%m%d}",
        f"{day:%Y/%m/%d}",
        f"{day:%Y.%m.%d} 00:00:00",
        f"{day:%d / %m / %Y}",
        f"{day:%d–%m–%Y}",
        f"{day:%Y-%m-%d}T23:59:59.123+07:00",
        int(f"{day:%Y%m%d}"),
    )
    assert [values.day(way) for way in ways] == [day] * len(ways)


@pytest.mark.parametrize(
    "cell",
    [
        *("03/04/2024", "3-4-2024", "03.04.2024", "3/4-2024", "2024-04-03", "2024/04/03"),
        *("2024-04-03T14:30:00+07:00", "2024-04-03T14:30:00.000Z", "2024-04-03 00:00:00"),
        *("20240403", 20240403, 45385, 45385.6, "45385", "45385.6", "45385,6"),
        *("14h30 ngày 03/04/2024", "ngày 3 tháng 4 năm 2024", "ngày 3 tháng Tư năm 2024"),
        *("3 Apr 2024", "Apr 3, 2024", "3 tháng 4, 2024", "3 thg 4, 2024", "3rd of April 2024"),
        *("Thứ 4, 03/04/2024", "14h - 03/04/2024", "14:30, 03/04/2024", "02:30 PM 03/04/2024"),
        *("14 giờ 30 phút, ngày 03/04/2024", "14.30.15 03/04/2024", "03/04/2024 - 03/04/2024"),
        *("03／04／2024", "03–04–2024", "03\u00a0/ 04 /2024", "０３/０４/２０２４"),
    ],
)
def test_a_day_is_read_from(cell: Any) -> None:
    assert values.day(cell) == APRIL_3


@pytest.mark.parametrize("cell", ["03/04/24", "3-4-24", "03.04.24", "3-Apr-24", "14:30 03/04/24"])
def test_a_year_of_two_digits_is_noted(cell: str) -> None:
    assert values.day(cell) == Noted(APRIL_3, "repaired.two-digit-year")


@pytest.mark.parametrize(
    ("cell", "latest", "year"),
    [
        *(("01/02/69", None, 2069), ("01/02/70", None, 1970), ("01/02/00", None, 2000)),
        *(("1 Feb 99", None, 1999), ("1-Feb-26", None, 2026), ("1 tháng 2, 68", None, 2068)),
        *(("01/02/24", 2024, 2024), ("01/02/25", 2024, 2025), ("01/02/50", 2024, 1950)),
        *(("01/02/99", 2024, 1999), ("01/02/49", 2024, 2049), ("1 Feb 85", 1990, 1985)),
        *(("01/02/69", 2075, 2069), ("01/02/75", 2075, 2075), ("01/02/76", 2075, 1976)),
    ],
)
def test_a_year_of_two_digits_is_told_by_the_last_year_of_the_period_or_by_a_pivot(
    cell: str, latest: int | None, year: int
) -> None:
    read = values.day(cell, latest=latest)
    assert read == Noted(date(year, 2, 1), "repaired.two-digit-year")


@given(st.integers(0, 99), st.one_of(st.none(), st.integers(1950, 2100)))
def test_the_century_is_the_last_that_is_not_after_the_latest_year(
    short: int, latest: int | None
) -> None:
    found = times.year(short, latest=latest)
    assert isinstance(found, Noted)
    assert found.value % 100 == short
    if latest is None:
        assert 1970 <= found.value <= 2069
    else:
        assert found.value <= latest or found.value - 100 < 1950
        assert found.value >= 1950
        assert found.value + 100 > latest


def test_a_year_of_two_digits_may_follow_a_month_that_comes_first() -> None:
    assert values.day("04/03/24", month_first=True) == Noted(APRIL_3, "repaired.two-digit-year")


@pytest.mark.parametrize(
    "cell",
    [
        *("12-13/03/2024", "12/03/2024 - 13/03/2024", "12/03/2024-13/03/2024", "12/3 - 13/3/2024"),
        *("12 và 13/03/2024", "12, 13/03/2024", "từ 12 đến 13/03/2024", "12/03/2024 - 13/03"),
        *("2024-03-12/2024-03-13", "2024-03-12 - 2024-03-13"),
        *(
            "12-13/03/24",
            "12-03-24-13-03-24",
            "12/03/24-13/03/24",
            "12-13 tháng 3 năm 2024",
            "12-13 Mar 2024",
        ),
        *("đêm 12 rạng sáng 13/03/2024", "12-13 tháng 3 năm 2024", "12/03/2024 và 01/04/2024"),
    ],
)
def test_one_of_two_days_is_never_guessed(cell: str) -> None:
    assert code(values.day, cell) == "date-range"


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        *((cell, "not-a-date") for cell in ("Apr 2024", "tháng 4", "03/04", True, pd.NaT, "14:30")),
        *((cell, "not-a-date") for cell in ("vụ 5 ngày 03/04/24", "99999999")),
        *((cell, "no-such-day") for cell in ("31 Feb 2024", "31/12/1900", date(1900, 1, 1))),
    ],
)
def test_what_names_no_day_is_refused(cell: Any, why: str) -> None:
    assert code(values.day, cell) == why


def test_the_order_of_dates_is_counted_over_different_texts() -> None:
    cells = [
        *("13/04/2024", "13/04/24", "04/13/2024", "03/04/2024", "03/04/2024", "14:30 5/6/2024"),
        *("04/04/2024", "2024-04-03", "45385", "32/01/2024", "0/4/2024", 45385, None, APRIL_3),
    ]
    assert values.order_of_dates(cells) == DateOrder(day_first=2, month_first=1, either=2)


@given(HOURS, MINUTES)
def test_an_hour_comes_back_from_every_notation(hour: int, minute: int) -> None:
    half = "AM" if hour < 12 else "PM"
    twelve = hour % 12 or 12
    ways = (
        f"{hour}h{minute:02d}'",
        f"{hour} giờ {minute} phút",
        f"khoảng {hour}h{minute:02d}",
        f"{hour:02d}{minute:02d}",
        f"{twelve}:{minute:02d} {half.lower()[0]}.m.",
        f"{twelve} {half}",
        f"lúc {hour}g{minute:02d} ngày 03/04/2024",
        f"03/04/2024 - {hour}:{minute:02d}:59.5",
        f"2024-04-03T{hour:02d}:{minute:02d}:00-05:00",
        f"2024-04-03 {hour:02d}:{minute:02d}:00+07:00",
        f"{hour}h{minute:02d} - {hour}h59",
        f"từ {hour}h đến {hour + 1}h",
        f"{hour}h{minute:02d}-{hour + 1}h00",
        f"{hour}-{hour + 1}h",
    )
    assert [values.hour(way) for way in ways] == [hour] * len(ways)
    if hour:
        assert values.hour_of_date(f"03/04/2024 {hour}:{minute:02d}") == hour


@given(HOURS, HOURS)
def test_a_range_over_more_than_its_hour_is_unknown(first: int, last: int) -> None:
    found = values.hour(f"{first}h15 - {last}h30")
    expected = first if first == last else Noted(None, "doubtful.hour-range")
    assert found == expected
    assert values.hour_of_date(f"{first}h15 - {last}h30 ngày 03/04/2024") == expected


@pytest.mark.parametrize(
    ("cell", "hour"),
    [
        *(
            (cell, 14)
            for cell in ("14h30'", "14 giờ 30 phút", "khoảng 14h", "2:30 PM", "1430", 1430, 1430.0)
        ),
        *((cell, 14) for cell in ("14h00-15h00", "14h10-14h50", "14-15h", "14h đến 15", "2 PM")),
        *(
            (cell, 14)
            for cell in ("2 p.m.", "2h chiều", "2:00-3:00 PM", "14h30 (14:30)", "0.604166")
        ),
        *(("8 giờ sáng đến 9 giờ sáng", 8), ("23h-24h", 23), ("23h00-0h00", 23), ("0005", 0)),
        *(("12h trưa", 12), ("1h trưa", 13), ("11h trưa", 11), ("9h tối", 21), ("12h tối", 0)),
        *(("11h đêm", 23), ("12h đêm", 0), ("1h đêm", 1), ("12h30 sáng", 0), ("12:10 am", 0)),
    ],
)
def test_an_hour_is_read_from(cell: Any, hour: int) -> None:
    assert values.hour(cell) == hour


@pytest.mark.parametrize(
    "cell",
    [
        *("từ 14h đến 16h", "7h tới 9h", "22h-2h", "10h-11h30", "11:30 AM - 1 PM", "14-16h"),
        *("12/03/2024 14:00-16:00", "2024-03-12 14:00-16:00"),
    ],
)
def test_an_hour_is_not_chosen_from_a_range(cell: str) -> None:
    assert values.hour(cell) == Noted(None, "doubtful.hour-range")


@pytest.mark.parametrize("cell", ["sáng", "đêm", "Chiều", "buổi tối", "rạng sáng", "evening"])
def test_a_part_of_the_day_is_no_hour(cell: str) -> None:
    assert values.hour(cell) == Noted(None, "doubtful.hour-words")
    assert values.hour_of_date(f"{cell} 03/04/2024") == Noted(None, "doubtful.hour-words")


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        *((cell, "no-such-hour") for cell in ("24:00", "24h", "2575", "1475", 1475, 98, 2400)),
        *(("14.30", "not-whole"), ("gần chợ", "not-a-number")),
    ],
)
def test_what_is_no_hour_is_refused(cell: Any, why: str) -> None:
    assert code(values.hour, cell) == why


@pytest.mark.parametrize("cell", [99, 99.0, "99", " 99 ", 9999, "9999", "99:99"])
def test_an_hour_of_99_is_unknown(cell: Any) -> None:
    assert values.hour(cell) == Noted(None, "doubtful.hour-code")
    assert values.hour(cell, figures=True) == Noted(None, "doubtful.hour-code")


@given(HOURS, MINUTES, st.sampled_from([int, float, str]))
def test_hours_and_minutes_without_leading_zeros_are_both(
    hour: int, minute: int, kind: Any
) -> None:
    assert values.hour(kind(100 * hour + minute), figures=True) == hour
    assert values.hour(f"{hour:02d}:{minute:02d}", figures=True) == hour


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([930, 1430, *range(1000, 1030), 5], True),
        ([*map(str, range(900, 930)), "1430", "5"], True),
        (["0930", *map(str, range(1000, 1030)), "5"], False),
        ([930, 1430, *range(24)], False),
        ([930, "14:30", *range(1000, 1030)], False),
        ([5, 14, 23], False),
        ([], False),
    ],
)
def test_a_column_tells_whether_its_hours_lost_their_zeros(
    cells: list[Any],
    expected: bool,
) -> None:
    assert times.drops_zeros(cells) == expected


@pytest.mark.parametrize(
    ("cell", "month"),
    [
        *((3, 3), (3.0, 3), ("3", 3), ("03", 3), ("Mar", 3), ("MARCH", 3), ("tháng 3", 3)),
        *(("Tháng Ba", 3), ("tháng Năm", 5), ("Tháng 12", 12), ("Mười hai", 12), ("Sept", 9)),
    ],
)
def test_a_month_that_stands_alone_is_a_number_or_a_name(cell: Any, month: int) -> None:
    assert times.month(cell) == month


@pytest.mark.parametrize(
    ("parser", "cell", "why"),
    [
        *((times.month, cell, "date-part-unknown") for cell in (0, 99, "99", "tháng 99")),
        *((times.month, cell, "no-such-day") for cell in (13, -1, 100, "13")),
        *((times.month, cell, "not-a-number") for cell in ("x", "tháng", True, "5/2021")),
        *((times.day_of_month, cell, "date-part-unknown") for cell in (0, 99, "99")),
        *((times.day_of_month, cell, "no-such-day") for cell in (32, -1, "45385")),
        *((times.year, cell, "no-such-day") for cell in (1949, 2101, -1, 202)),
        *((times.year, 9999, "date-part-unknown"), (times.year, 2021.5, "not-whole")),
    ],
)
def test_a_part_of_a_date_that_is_none_is_refused(parser: Any, cell: Any, why: str) -> None:
    assert code(parser, cell) == why


@pytest.mark.parametrize(
    ("cell", "hour"),
    [
        ("2024-04-03 00:00:00", None),
        ("03/04/2024 12:00:00 AM", None),
        ("03/04/2024 0h00", 0),
        ("03/04/2024 00:05", 0),
        (45385.6, 14),
        (45385.0, None),
        (45385, None),
        ("03/04/2024 25:00", None),
        ("2024-04-03T14:30:00-05:00", 14),
        (pd.NaT, None),
    ],
)
def test_midnight_as_programs_write_it_is_no_hour_of_a_date(cell: Any, hour: int | None) -> None:
    assert values.hour_of_date(cell) == hour
