"""One cell to one value."""

import string
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackspots.sources import values
from blackspots.sources.values import Unreadable

DAY = date(2022, 3, 4)
DAYS = st.dates(date(1960, 1, 1), date(2099, 12, 31))


def code(parser: Any, cell: Any) -> str:
    with pytest.raises(Unreadable) as refusal:
        parser(cell)
    return refusal.value.code


@given(DAYS, st.sampled_from("/.-"), st.booleans())
def test_a_day_comes_back_from_every_way_of_writing_it(day: date, mark: str, padded: bool) -> None:
    width = "02d" if padded else "d"
    written = mark.join((format(day.day, width), format(day.month, width), str(day.year)))
    serial = (day - date(1899, 12, 30)).days
    ways = (
        written,
        f" {written} ",
        f"{written} 14:30",
        f"14h30 ngày {written}",
        day.isoformat(),
        f"{day.isoformat()}T14:30:00",
        day,
        datetime.combine(day, time(14, 30)),
        pd.Timestamp(day),
        serial,
        float(serial),
        serial + 0.6,
        str(serial),
    )
    assert {values.day(way) for way in ways} == {day}


@given(DAYS)
def test_a_day_with_the_month_first_is_read_so_only_when_told(day: date) -> None:
    written = f"{day.month}/{day.day}/{day.year}"
    assert values.day(written, month_first=True) == day
    assert values.day(day.isoformat(), month_first=True) == day
    assert values.is_month_first(written) == (day.day > 12)
    if day.day > 12:
        assert code(values.day, written) == "no-such-day"


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("31/04/2022", "no-such-day"),
        ("29/02/2023", "no-such-day"),
        ("2022-13-01", "no-such-day"),
        ("00/01/2022", "no-such-day"),
        ("03/01/0022", "no-such-day"),
        ("03/01/3022", "no-such-day"),
        ("103/01/2022", "not-a-date"),
        ("12022-01-03", "not-a-date"),
        ("tháng 3 năm 2022", "not-a-date"),
        (2022, "not-a-date"),
        ("2022", "not-a-date"),
        (99_999, "not-a-date"),
        (-5.0, "not-a-date"),
        (True, "not-a-date"),
        (float("inf"), "not-a-date"),
        ("20240230", "not-a-date"),
    ],
)
def test_what_is_no_day_is_refused(cell: Any, why: str) -> None:
    assert code(values.day, cell) == why


@given(st.integers(0, 23), st.integers(0, 59))
def test_an_hour_comes_back_from_every_way_of_writing_it(hour: int, minute: int) -> None:
    half = "SA" if hour < 12 else "CH"
    twelve = hour % 12 or 12
    ways: tuple[Any, ...] = (
        f"{hour}:{minute:02d}",
        f"{hour:02d}:{minute:02d}:59",
        f"{hour}h{minute:02d}",
        f"{hour} giờ {minute:02d}",
        f"{hour}g{minute:02d}",
        f"{hour}h",
        str(hour),
        hour,
        float(hour),
        time(hour, minute),
        datetime.combine(DAY, time(hour, minute)),
        timedelta(hours=hour, minutes=minute),
        f"{twelve}:{minute:02d} {half}",
        f"{twelve}:{minute:02d}{'am' if hour < 12 else 'PM'}",
    )
    assert {values.hour(way) for way in ways} == {hour}
    if hour or minute:
        assert values.hour((hour + minute / 60) / 24) == hour


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("24:00", "no-such-hour"),
        ("25", "no-such-hour"),
        (24, "no-such-hour"),
        (-1, "no-such-hour"),
        ("14:75", "no-such-hour"),
        (1.5, "not-whole"),
        ("không", "not-a-number"),
        (True, "not-a-number"),
        (timedelta(hours=30), "no-such-hour"),
        (timedelta(minutes=-5), "no-such-hour"),
    ],
)
def test_what_is_no_hour_is_refused(cell: Any, why: str) -> None:
    assert code(values.hour, cell) == why


@pytest.mark.parametrize(
    ("cell", "hour"),
    [
        ("04/03/2022 14:30", 14),
        ("04/03/2022 2:30 PM", 14),
        ("14h30 04/03/2022", 14),
        ("04/03/2022", None),
        (datetime.combine(DAY, time(14, 30)), 14),
        (datetime.combine(DAY, time()), None),
        (DAY, None),
    ],
)
def test_a_date_may_carry_its_hour(cell: Any, hour: int | None) -> None:
    assert values.hour_of_date(cell) == hour


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("3", 3),
        ("02", 2),
        (3, 3),
        (3.0, 3),
        (" 3 ", 3),
        ("3,0", 3),
        ("3.0", 3),
        (np.int64(3), 3),
        (0, 0),
    ],
)
def test_a_count_is_a_whole_number(cell: Any, number: int) -> None:
    assert values.count(cell) == number


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("-1", "negative"),
        (-1, "negative"),
        ("1.5", "not-whole"),
        (1.5, "not-whole"),
        ("hai", "not-a-number"),
        ("1 (nam)", "not-a-number"),
        ("2 người chết", "not-a-number"),
        ("2 xe", "not-a-number"),
        ("không", "not-a-number"),
        (10**400, "not-a-number"),
        (True, "not-a-number"),
        ("inf", "not-a-number"),
        (float("inf"), "not-a-number"),
        ("1e999", "not-a-number"),
        ("1_0", "not-a-number"),
        ("1,2,3", "not-a-number"),
        ("1,234.5", "not-a-number"),
        ([1, 2], "not-a-number"),
        (date(2022, 1, 1), "not-a-number"),
    ],
)
def test_what_is_no_count_is_refused(cell: Any, why: str) -> None:
    assert code(values.count, cell) == why


@pytest.mark.parametrize("cell", ["2 người", "2 nguoi", "02 Người", "2người", "2 persons"])
def test_a_number_of_persons_may_stand_in_words_and_is_noted(cell: str) -> None:
    assert values.count(cell) == values.Noted(2, "repaired.number-in-words")


@given(st.floats(-1e6, 1e6, allow_nan=False))
def test_a_number_comes_back_with_either_decimal_mark(value: float) -> None:
    for written in (repr(value), f"{value:.6f}", f"{value:.6f}".replace(".", ",")):
        assert values.number(written) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("cell", ["1.500", "1,500", "12.500.000", "1,500,000", "-1.500"])
def test_money_whose_mark_may_separate_thousands_is_refused(cell: str) -> None:
    assert code(values.amount, cell) == "ambiguous-number"


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1500", 1500), ("1,5", 1.5), ("1.25", 1.25), ("0,1234", 0.1234), (2e9, 2e9)],
)
def test_money_that_can_be_read_one_way_is_read(cell: Any, value: float) -> None:
    assert values.amount(cell) == value


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        *((cell, True) for cell in ("có", "Có", "X", 1, "Yes", 1.0, True)),
        *((cell, False) for cell in ("không", "KHONG", 0, "no", 0.0, False)),
    ],
)
def test_yes_and_no_are_understood(cell: Any, answer: bool) -> None:
    assert values.boolean(cell) is answer


def test_neither_yes_nor_no_is_refused() -> None:
    assert code(values.boolean, "có lẽ") == "not-yes-or-no"
    assert code(values.boolean, 2) == "not-yes-or-no"


@pytest.mark.parametrize(
    "cell",
    [
        *(None, float("nan"), pd.NA, pd.NaT, "", "  ", "\u00a0", "-", "--", "?"),
        *("null", "NaN", "không rõ", "Chưa rõ", "Unknown"),
    ],
)
def test_words_for_not_recorded_are_blank(cell: Any) -> None:
    assert values.is_blank(cell)


@pytest.mark.parametrize("cell", [0, 0.0, "0", False, "không", "a", [1, 2], np.array([1, 2])])
def test_what_says_something_is_not_blank(cell: Any) -> None:
    assert not values.is_blank(cell)


@given(st.text(string.printable + "ấĐđớ ", max_size=30))
def test_text_is_composed_and_folded_once_and_for_all(words: str) -> None:
    once = values.text(words)
    assert values.text(once) == once
    assert "  " not in once


def test_text_in_composed_and_decomposed_letters_is_the_same() -> None:
    assert values.text("Lạng Sơn") == values.text("La\u0323ng  So\u031bn") == "Lạng Sơn"
    assert values.text(12.0) == "12"


PARSERS = (
    *(values.day, values.hour, values.km, values.count, values.amount, values.integer),
    *(values.boolean, values.text, values.route, values.number, values.hour_of_date),
    *(values.km_post, values.angle, values.pair, values.flag, values.is_month_first),
)
PIECES = st.sampled_from(
    [
        *("12", "3", "2024", "45", "300", "106.76", "1,5", "0"),
        *("km", "Km", "+", "h", "giờ", "ngày", "tháng", "năm", "Apr", "đến", "tới", "QL1A", "PM"),
        *(
            "°",
            "'",
            '"',
            "N",
            "Đ",
            "S",
            "B",
            "vĩ độ",
            "độ",
            "X=",
            ",",
            ";",
            "-",
            "/",
            ":",
            ".",
            " ",
        ),
    ]
)


@given(
    st.one_of(
        st.text(max_size=20),
        st.lists(PIECES, max_size=12).map("".join),
        st.floats(),
        st.integers(),
        st.booleans(),
        st.dates(),
        st.datetimes(),
        st.times(),
        st.timedeltas(),
        st.lists(st.integers(), max_size=3),
    )
)
def test_no_cell_can_do_more_than_be_refused(cell: Any) -> None:
    if values.is_blank(cell):
        return
    for parser in PARSERS:
        with suppress(Unreadable):
            parser(cell)
    values.order_of_dates([cell])


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "1",
            " ",
            "1 ",
            "1/",
            "12/",
            "Km1",
            "+",
            "1+",
            "h",
            "1h",
            "1h-",
            "QL",
            "QL1 ",
            "a",
            "ngày ",
        ),
        *(
            "°",
            "1°",
            "1'",
            "12/03/2024 ",
            "-",
            ",",
            "1,",
            ", ",
            "độ",
            ".",
            "Km1+100 - ",
            "3 tháng ",
        ),
    ],
)
def test_a_long_cell_takes_no_longer_than_its_length(piece: str) -> None:
    cell = (piece * 10_000)[:10_000]
    start = perf_counter()
    for parser in PARSERS:
        with suppress(Unreadable):
            parser(cell)
    assert perf_counter() - start < 1
