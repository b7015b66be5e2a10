"""Dates in several columns: year, month and day, as national registers have them."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS
from reading import summary
from small_study import GRID, crashes, write_book, write_rows, write_study

from blackspots.cli import main
from blackspots.errors import BlackspotsError
from blackspots.presets.headers import aliases, meaning_of, plain
from blackspots.sources import Findings, read_crashes
from blackspots.sources.columns import match
from blackspots.sources.crashes import Register
from blackspots.sources.dates import date_columns, read_dates
from blackspots.sources.proposals import propose
from blackspots.sources.raw import RawTable
from blackspots.starting import draft, survey

TARGET = CRS(GRID)
PLACE = {"lat": 21.8, "lon": 106.7}
FARS = ("YEAR", "MONTH", "DAY")
BAAC = ("an", "mois", "jour")
VIETNAMESE = ("Năm", "Tháng", "Ngày")
DAYS = st.dates(dt.date(1970, 1, 1), dt.date(2069, 12, 31))
Rows = list[dict[str, Any]]


def read(path: Path, rows: Rows, findings: Findings | None = None, **options: Any) -> Register:
    if path.suffix == ".xlsx":
        write_book(path, {"a": [[*rows[0]], *([*row.values()] for row in rows)]})
    else:
        write_rows(path, rows, list(rows[0]))
    return read_crashes([path], TARGET, findings or Findings(), **options)


def rows_of(days: list[tuple[Any, Any, Any]], headers: tuple[str, ...] = FARS) -> Rows:
    return [{**dict(zip(headers, day, strict=True)), **PLACE} for day in days]


def made(register: Register) -> list[str]:
    return [str(day.date()) for day in register.crashes["date"]]


def apart() -> Rows:
    """The crashes of the small study, their dates in three columns."""
    made = []
    for row in crashes():
        day, month, year = row["date"].split("/")
        rest = {name: cell for name, cell in row.items() if name != "date"}
        made.append({"Ngày": day, "Tháng": month, "Năm": year, **rest})
    return made


def table(**columns: list[Any]) -> RawTable:
    return RawTable("f.csv", None, pd.DataFrame(columns, dtype=object))


def built(raw: RawTable, *, period: Any = (None, None)) -> tuple[list[Any], list[str], Findings]:
    """Days of a table whose columns are called as the parts are, and why rows were refused."""
    findings, bad = Findings(), np.zeros(len(raw.frame), dtype=bool)
    told: dict[str, Any] = {"table": "crashes", "findings": findings, "bad": bad}
    found = {str(column): str(column) for column in raw.frame.columns}
    days, _ = read_dates(raw, found, period=period, month_first=False, told=told)
    assert {r["row"] for r in findings.rejects} == set(raw.frame.index[bad])
    return list(days), [r["code"] for r in findings.rejects], findings


@pytest.mark.parametrize("headers", [FARS, BAAC, VIETNAMESE, ("Nam", "Thang", "Ngay")])
@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_date_in_three_columns_is_read(
    headers: tuple[str, ...], suffix: str, tmp_path: Path
) -> None:
    days = [(2021, 2, 28), (2020, 2, 29), (2021, 12, 1), (2021, 1, 31)]
    findings = Findings()
    register = read(tmp_path / f"c.{suffix}", rows_of(days, headers), findings)
    assert made(register) == ["2021-02-28", "2020-02-29", "2021-12-01", "2021-01-31"]
    assert (findings.rejects, findings.remarks, register.dropped) == ([], [], ())


def test_a_register_like_fars_is_read_as_it_is(tmp_path: Path) -> None:
    cells = [(1, 14, 5), (99, 3, 5), (7, 99, 99), (31, 24, 0), (28, 0, 12)]
    rows: Rows = [
        {"ST_CASE": 10001 + i, "DAY": day, "MONTH": 3, "YEAR": 2019, "DAY_WEEK": 1}
        | {"HOUR": hour, "MINUTE": minute, "LATITUDE": 21.8, "LONGITUDE": 106.7, "FATALS": 1}
        for i, (day, hour, minute) in enumerate(cells)
    ]
    findings = Findings()
    register = read(tmp_path / "c.csv", rows, findings, period=(dt.date(2019, 1, 1), None))
    assert made(register) == ["2019-03-01", "2019-03-07", "2019-03-31", "2019-03-28"]
    assert register.crashes["hour"].astype(object).tolist() == [14, pd.NA, pd.NA, 0]
    assert [(r["row"], r["column"], r["code"]) for r in findings.rejects] == [
        (3, "DAY", "date-part-unknown"),
    ]
    assert sorted((r["row"], r["column"], r["code"]) for r in findings.remarks) == [
        (4, "HOUR", "hour-code"),
        (5, "HOUR", "hour-unread"),
    ]
    assert {"ST_CASE", "DAY_WEEK", "MINUTE", "FATALS"} == set(register.dropped)


@pytest.mark.parametrize("mark", ["", ":"])
def test_a_register_like_baac_is_read_as_it_is(mark: str, tmp_path: Path) -> None:
    # Those of before 2019 have a year of two digits, and hours that lost their zeros.
    clocks = [(14, 5), (9, 30), (0, 5), (0, 45), *((h, m) for h in range(7, 23) for m in (0, 10))]
    rows: Rows = [
        {"Num_Acc": i, "jour": 1 + i % 28, "mois": 7, "an": 18, "agg": 2}
        | {"hrmn": f"{hour}:{minute:02d}" if mark else str(100 * hour + minute)}
        | {"lat": "21,8", "long": "106,7"}
        for i, (hour, minute) in enumerate(clocks)
    ]
    findings = Findings()
    register = read(tmp_path / "c.csv", rows, findings)
    assert findings.rejects == []
    assert set(register.crashes["date"].dt.strftime("%Y-%m")) == {"2018-07"}
    assert register.crashes["hour"].tolist() == [hour for hour, _ in clocks]
    assert {r["code"] for r in findings.remarks} == {"two-digit-year"}


@pytest.mark.parametrize(
    ("day", "column", "value", "code"),
    [
        ((2021, 2, 29), "YEAR, MONTH, DAY", "2021, 2, 29", "no-such-day"),
        ((2021, 99, 5), "MONTH", "99", "date-part-unknown"),
        ((2021, 5, 99), "DAY", "99", "date-part-unknown"),
        ((2021, 5, 0), "DAY", "0", "date-part-unknown"),
        ((9999, 5, 5), "YEAR", "9999", "date-part-unknown"),
        ((2021, "", 5), "YEAR, MONTH, DAY", "2021, , 5", "no-date"),
        (("", "", ""), "YEAR, MONTH, DAY", ", ,", "no-date"),
        ((2021, 13, 5), "MONTH", "13", "no-such-day"),
        ((2021, 1, 32), "DAY", "32", "no-such-day"),
        ((1900, 1, 1), "YEAR", "1900", "no-such-day"),
        ((2021, "x", 5), "MONTH", "x", "not-a-number"),
        ((2021, 1, "1.5"), "DAY", "1.5", "not-whole"),
        ((2018, 1, 1), "YEAR, MONTH, DAY", "2018, 1, 1", "outside-period"),
    ],
)
def test_a_row_whose_parts_make_no_day_is_refused_with_its_columns(
    day: tuple[Any, ...], column: str, value: str, code: str, tmp_path: Path
) -> None:
    good: list[tuple[Any, Any, Any]] = [(2021, 5, 20), (2021, 5, 21)]
    findings = Findings()
    register = read(
        tmp_path / "c.csv",
        rows_of([*good, day]),
        findings,
        period=(dt.date(2021, 1, 1), dt.date(2021, 12, 31)),
    )
    assert made(register) == ["2021-05-20", "2021-05-21"]
    (refused,) = findings.rejects
    told = (refused["row"], refused["column"], refused["value"], refused["code"])
    assert told == (4, column, value, code)


PART = st.sampled_from([None, "", 0, 1, 2, 7, 12, 13, 28, 29, 30, 31, 32, 99, "x", "3", 4.0])
YEARS = st.sampled_from([None, 2020, 2021, "2022", 2023.0, 9999, 1800, 21])


@given(st.lists(st.tuples(YEARS, PART, PART), min_size=1, max_size=30))
def test_parts_make_the_day_they_say_or_the_row_is_refused(days: list[tuple[Any, ...]]) -> None:
    years, months, numbers = map(list, zip(*days, strict=True))
    # Good days beside them, so that the column is one of days of the month.
    raw = table(year=[*years, *[2020] * 60], month=[*months, *[1] * 60], day=[*numbers, *[31] * 60])
    found, codes, _ = built(raw)
    for day, (year, month, number) in zip(found, days, strict=False):
        try:
            whole = int(year) + (2000 if int(year) < 100 else 0)
            expected = dt.date(whole, int(month), int(number)) if 1950 <= whole < 2101 else None
        except (TypeError, ValueError):
            expected = None
        assert (None if pd.isna(day) else day.date()) == expected
    assert len(codes) >= sum(map(pd.isna, found))


@given(st.lists(DAYS, min_size=1, max_size=30), st.booleans())
def test_a_day_taken_apart_is_put_together_again(days: list[dt.date], short: bool) -> None:
    raw = table(
        year=[d.year % 100 if short else d.year for d in [*days, dt.date(2000, 1, 31)]],
        month=[*(d.month for d in days), 1],
        day=[*(d.day for d in days), 31],
    )
    found, codes, findings = built(raw)
    assert [day.date() for day in found[:-1]] == days
    assert codes == []
    assert {r["code"] for r in findings.remarks} == ({"two-digit-year"} if short else set())


@pytest.mark.parametrize("headers", [("YEAR",), ("YEAR", "MONTH"), ("MONTH", "DAY")])
def test_no_day_is_invented_where_a_part_has_no_column(
    headers: tuple[str, ...], tmp_path: Path
) -> None:
    row = {name: value for name, value in zip(FARS, (2021, 5, 20), strict=True) if name in headers}
    findings = Findings()
    register = read(
        tmp_path / "c.csv", [{**row, **PLACE}], findings, period=(dt.date(2021, 1, 1), None)
    )
    assert register.crashes["date"].isna().all()
    assert [r["code"] for r in findings.remarks] == ["no-date-column"]


@pytest.mark.parametrize("cells", [[1, 2, 3, 4, 5, 6, 7] * 3, ["Mon", "Tue", "Sun"], [""] * 3])
def test_days_of_the_week_are_no_days_of_the_month(cells: list[Any], tmp_path: Path) -> None:
    findings = Findings()
    register = read(tmp_path / "c.csv", rows_of([(2021, 5, cell) for cell in cells]), findings)
    assert register.crashes["date"].isna().all()
    assert len(register.crashes) == len(cells)
    assert [(r["column"], r["code"]) for r in findings.remarks] == [("DAY", "no-day-of-month")]


def test_few_days_of_one_week_are_days_of_the_month(tmp_path: Path) -> None:
    days = [(2021, 5, day) for day in (1, 2, 7)]
    assert len(made(read(tmp_path / "c.csv", rows_of(days)))) == 3


@pytest.mark.parametrize("date", ["15/06/2022", "2022-06-15", dt.date(2022, 6, 15), 44727])
def test_a_date_that_is_whole_comes_before_its_parts(date: Any, tmp_path: Path) -> None:
    rows = [{"Ngày": date, "Năm": 2019, "Tháng": 1, "jour": 2, **PLACE}]
    assert made(read(tmp_path / "c.xlsx", rows)) == ["2022-06-15"]
    rows = [{"Ngày": date, "Năm": "không phải năm", **PLACE}]
    findings = Findings()
    assert made(read(tmp_path / "d.xlsx", rows, findings)) == ["2022-06-15"]
    assert findings.rejects == []


def test_parts_serve_where_the_column_of_dates_says_nothing(tmp_path: Path) -> None:
    rows = [{"date": "", **row} for row in rows_of([(2021, 5, 20), (2021, 5, 21)])]
    assert made(read(tmp_path / "c.csv", rows)) == ["2021-05-20", "2021-05-21"]


def test_a_day_that_stands_with_the_hour_comes_before_the_parts(tmp_path: Path) -> None:
    rows = [{"Thời gian": "15h30 ngày 13/03/2019", **row} for row in rows_of([(2021, 5, 20)])]
    assert made(read(tmp_path / "c.csv", rows)) == ["2019-03-13"]


def test_bare_days_without_year_and_month_are_no_dates(tmp_path: Path) -> None:
    findings = Findings()
    raw = table(date=[5, 20], year=[2021, 2021])
    assert date_columns(raw, {"date": "date", "year": "year"}) == {"date": "date"}
    rows = [{"date": "13/03/2021", **PLACE}, {"date": "14", **PLACE}]
    read(tmp_path / "c.csv", rows, findings)
    assert [r["code"] for r in findings.rejects] == ["not-a-date"]


def test_one_whole_date_among_bare_days_does_not_make_them_dates() -> None:
    raw = table(date=[5, 20, "03/04/2021"], year=[2021] * 3, month=[4] * 3)
    found, codes, _ = built(raw)
    assert [day.day for day in found[:2]] == [5, 20]
    assert codes == ["not-a-number"]


def test_the_study_names_the_parts(tmp_path: Path) -> None:
    rows = rows_of([(2021, "Mar", 20), (2021, "tháng Tư", 21)], ("Y", "M", "D"))
    columns = {"year": "Y", "month": "M", "day": "D"}
    assert made(read(tmp_path / "c.csv", rows, columns=columns)) == ["2021-03-20", "2021-04-21"]


def test_the_date_that_parts_make_is_that_of_the_column(tmp_path: Path) -> None:
    whole, parts = read(tmp_path / "c.csv", crashes()), read(tmp_path / "d.csv", apart())
    pd.testing.assert_series_equal(whole.crashes["date"], parts.crashes["date"])
    assert list(whole.crashes.columns) == list(parts.crashes.columns)
    assert whole.dropped == parts.dropped


def test_parts_of_a_date_are_never_proposed_nor_a_date_beside_them() -> None:
    names: dict[str, list[Any]] = {"Monht": [1], "Crash Yera": [1], "Crash Dat": ["?"]}
    raw = table(**names)
    assert [p.column for p in propose(raw, "crashes", {}, ())] == ["date"]
    parts = {"year": "Y", "month": "M", "day": "D"}
    assert propose(raw, "crashes", parts, ()) == []


def test_what_is_left_out_where_the_date_is_whole() -> None:
    raw = table(date=["15/06/2022"], year=[2022], month=[6], day=[15])
    found = {column: column for column in ("date", "year", "month", "day")}
    assert date_columns(raw, found) == {"date": "date"}
    assert date_columns(raw, {"year": "year", "deaths": "month"}) == {"deaths": "month"}
    parts = {column: column for column in ("year", "month", "day")}
    assert date_columns(raw, parts) == parts
    assert date_columns(raw, {"deaths": "month"}) == {"deaths": "month"}


@given(DAYS, st.dates(dt.date(1999, 1, 1), dt.date(2049, 12, 31)))
def test_the_period_tells_the_century_of_a_year_in_two_digits(day: dt.date, end: dt.date) -> None:
    # The last day is always of the period, whatever the year.
    raw = table(date=[f"{day:%d/%m/%y}", f"{end:%d/%m/%y}"])
    found, _, _ = built(raw, period=(None, end))
    assert found[1].date() == end
    first = found[0] if not pd.isna(found[0]) else None
    assert first is None or (first.date() <= end or first.year < 2050)


@pytest.mark.parametrize(
    ("header", "column"),
    [
        *(("crashYear", "year"), ("CrashDate", "date"), ("accident_date", "date")),
        *(("LATITUDE", "lat"), ("dateOfCrash", "date"), ("crashSeverity", "severity")),
        *(
            ("kmPost", "km"),
            ("roadNumber", "route"),
            ("crash_ID", "crash_id"),
            ("LatLong", "coordinates"),
        ),
        *(
            ("NgàyXảyRa", "date"),
            ("SốNgườiChết", "deaths"),
            ("GPSLatLong", None),
            ("crashdate", None),
        ),
        *(("CRASHDATE", None), ("Crash dAte", "date"), ("", None), ("X", "x"), ("iD", "crash_id")),
    ],
)
def test_a_header_in_one_word_is_known_by_its_capitals(header: str, column: str | None) -> None:
    assert meaning_of(header, aliases("crashes")) == column


@given(st.text(max_size=30))
def test_a_header_that_is_known_as_it_stands_keeps_its_meaning(header: str) -> None:
    known = {plain(header): "itself"}
    assert meaning_of(header, known) == "itself"
    means = meaning_of(header, aliases("crashes"))
    assert means in {*aliases("crashes").values(), None}


@given(st.sampled_from(sorted(aliases("crashes"))))
def test_a_known_header_is_known_in_camel_case(words: str) -> None:
    first, *others = words.split()
    camel = first + "".join(word.capitalize() for word in others)
    known = aliases("crashes")
    if not any(c.isdigit() for c in words):
        assert meaning_of(camel, known) == known[words]
        assert meaning_of(camel[:1].upper() + camel[1:], known) == known[words]


def test_a_folder_with_a_register_of_parts_is_started_and_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(tmp_path).unlink()
    rows = apart()
    write_rows(tmp_path / "crashes.csv", rows, list(rows[0]))
    text = draft(survey(tmp_path), "en")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    assert main(["run", str(tmp_path), "--quiet"]) == 0, capsys.readouterr().err
    capsys.readouterr()
    made = summary(tmp_path / "out")
    assert (made["read"], made["placed"]) == (20, 20)


def test_parts_beside_a_whole_date_are_left_out_and_named(tmp_path: Path) -> None:
    rows = [{"Ngày": "15/06/2022", "Năm": 2022, "YEAR": 2022, "Tháng": 6, **PLACE}]
    register = read(tmp_path / "c.csv", rows)
    assert made(register) == ["2022-06-15"]
    assert set(register.dropped) == {"Năm", "YEAR", "Tháng"}


def test_two_columns_for_a_part_that_is_needed_stop_the_reading(tmp_path: Path) -> None:
    rows = [{"Năm": 2022, "YEAR": 2022, "MONTH": 6, "DAY": 15, **PLACE}]
    with pytest.raises(BlackspotsError) as refusal:
        read(tmp_path / "c.csv", rows)
    assert refusal.value.code == "ambiguous-header"
    assert made(read(tmp_path / "c.csv", rows, columns={"year": "YEAR"})) == ["2022-06-15"]


def test_men_among_the_dead_are_no_year() -> None:
    names = ("Số người chết / Nam", "Bị thương / Nam", "Ngày sinh / Năm")
    assert match(table(**{name: [1] for name in names}), "crashes", {}) == {}


def test_parts_below_the_day_of_the_crash_make_its_date(tmp_path: Path) -> None:
    head = ["Ngày xảy ra", None, None, "Vĩ độ", "Kinh độ"]
    rows = [[day, 3, 2021, 21.8, 106.7] for day in (13, 14, 5)]
    write_book(tmp_path / "c.xlsx", {"a": [head, ["Ngày", "Tháng", "Năm", None, None], *rows]})
    register = read_crashes([tmp_path / "c.xlsx"], TARGET, Findings())
    assert made(register) == ["2021-03-13", "2021-03-14", "2021-03-05"]


def test_a_sheet_of_totals_by_year_and_month_is_no_register(tmp_path: Path) -> None:
    days = [["date", "lat", "lon"], *([f"{d}/03/2021", 21.8, 106.7] for d in (13, 14))]
    totals = [["Năm", "Tháng", "Số vụ"], [2021, 3, 2], [2021, 4, 0]]
    write_book(tmp_path / "c.xlsx", {"a": days, "b": totals})
    findings = Findings()
    assert len(read_crashes([tmp_path / "c.xlsx"], TARGET, findings).crashes) == 2
    assert [r["code"] for r in findings.remarks] == ["sheet-left-out"]


def test_headers_in_camel_case_are_matched(tmp_path: Path) -> None:
    rows = [
        {"crashYear": 2021, "crashMonth": 5, "dayOfCrash": 20, "crashHour": 8}
        | {"numberOfDeaths": 1, "Latitude": 21.8, "Longitude": 106.7}
    ]
    register = read(tmp_path / "c.csv", rows)
    assert made(register) == ["2021-05-20"]
    assert register.crashes["deaths"].tolist() == [1]
    assert register.dropped == ()
