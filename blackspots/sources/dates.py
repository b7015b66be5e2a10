"""The day and hour of a register's crashes, and what its dates as a whole give away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from blackspots.errors import BlackspotsError
from blackspots.presets.headers import DATE_PARTS
from blackspots.sources import times, values
from blackspots.sources.columns import parse_column, read_cells, read_sparing, spread
from blackspots.sources.raw import RawTable, distinct_cells

Period = tuple[date | None, date | None]

_HABIT: Final = 0.1
_MOST: Final = 0.5
_FEW: Final = 3
_WEEK: Final = 7
_BEYOND_CHANCE: Final = 10
"""Days of the month of which one lies after the 7th: all before it are days of the week."""
_TOGETHER: Final = ", "
"""Between the headers, and the cells, of a date in several columns."""


def date_columns(raw: RawTable, found: Mapping[str, str]) -> dict[str, str]:
    """The columns that were found, those of the date reduced to the ones it is read from.

    That is ``date`` if it holds days; else ``year``, ``month`` and ``day`` where all three are
    there, a ``date`` of bare days of the month being the last of them (``Ngày`` beside
    ``Tháng`` and ``Năm``). Parts that make no date are left out: no day is invented.

    Parameters
    ----------
    found
        Column to header, as :func:`blackspots.sources.columns.match` gives it.
    """
    parts = {column: found[column] for column in DATE_PARTS if column in found}
    others = {column: header for column, header in found.items() if column not in DATE_PARTS}
    if not parts:
        return others
    header, hours = found.get("date"), found.get("hour")
    if header is None:
        complete = len(parts) == len(DATE_PARTS)
        whole = hours is not None and _holds_days(raw, hours)
        return dict(found) if complete and not whole else others
    if "day" not in parts and _holds_days_of_month(raw, header):
        parts["day"] = header
    elif any(map(_reads, distinct_cells(raw.frame[header])[1])):
        return others
    if len(parts) < len(DATE_PARTS):
        return others
    return {column: name for column, name in others.items() if column != "date"} | parts


def read_dates(
    raw: RawTable,
    found: Mapping[str, str],
    *,
    period: Period,
    month_first: bool,
    told: dict[str, Any],
) -> tuple[pd.Series, pd.Series]:
    """Day and hour of each row; rows without a day, where there are days, or out of the period go.

    The last year of the period tells the century of a two-digit year.

    Parameters
    ----------
    found
        Column to header; of the columns of a date those are taken that :func:`date_columns`
        leaves.
    told
        ``table``, ``findings`` and ``bad``, as the readers of columns take them.

    Raises
    ------
    BlackspotsError
        ``month-first`` where the dates plainly have the month first, and the study does not say so.
    """
    found = date_columns(raw, found)
    header, hours = found.get("date"), found.get("hour")
    latest = period[1].year if period[1] else None
    if header is None and hours is not None and _holds_days(raw, hours):
        header, hours = hours, None
    if header is None and "day" in found:
        if _holds_days_of_month(raw, found["day"]):
            days = _of_parts(raw, [found[part] for part in DATE_PARTS], latest, period, told)
            return days, _hours(raw, hours, None, told)
        told["findings"].remark_column(
            told["table"], raw, found["day"], "doubtful.no-day-of-month", len(raw.frame)
        )
    if header is None:
        if any(period):
            told["findings"].remark_column(
                told["table"], raw, None, "doubtful.no-date-column", len(raw.frame)
            )
        nothing = parse_column(raw, None, times.day, "date", **told)
        return nothing, _hours(raw, hours, None, told)
    codes, cells = distinct_cells(raw.frame[header])
    order = times.order_of_dates(cells)
    if not month_first:
        _require_day_first(raw, header, cells, codes, order)
    bad = told["bad"]
    before = bad.copy()
    reader = partial(times.day, month_first=month_first, latest=latest)
    days = parse_column(raw, header, reader, "date", **told)
    hour = _hours(raw, hours, header, told)
    unread = bad & ~before
    _refuse(raw, header, days, unread, period, told)
    _doubt_order(raw, header, cells, codes, order, month_first=month_first, told=told)
    return days, hour


def _refuse(
    raw: RawTable,
    header: str,
    days: pd.Series,
    unread: np.ndarray,
    period: Period,
    told: dict[str, Any],
    shown: pd.Series | None = None,
) -> None:
    without = days.isna().to_numpy() & ~unread
    told["findings"].reject_rows(told["table"], raw, without, header, "no-date", shown)
    first, last = period
    out = np.zeros(len(days), dtype=bool)
    if first:
        out |= (days < pd.Timestamp(first)).to_numpy()
    if last:
        out |= (days >= pd.Timestamp(last) + pd.Timedelta(days=1)).to_numpy()
    told["findings"].reject_rows(told["table"], raw, out, header, "outside-period", shown)
    told["bad"][without | out] = True


def _of_parts(
    raw: RawTable,
    headers: Sequence[str],
    latest: int | None,
    period: Period,
    told: dict[str, Any],
) -> pd.Series:
    """The day of each row from its year, month and day; a row that lacks one of them goes."""
    bad = told["bad"]
    before = bad.copy()
    parsers: tuple[Callable[[Any], Any], ...] = (
        partial(times.year, latest=latest),
        times.month,
        times.day_of_month,
    )
    columns = [
        parse_column(raw, header, parser, "integer", **told)
        for header, parser in zip(headers, parsers, strict=True)
    ]
    parts = np.column_stack([c.to_numpy(dtype="int64", na_value=0) for c in columns])
    read = np.asarray((parts > 0).all(axis=1))
    different, codes = np.unique(parts[read], axis=0, return_inverse=True)
    made = [times.of_parts(*map(int, each)) for each in different]
    at = np.full(len(read), -1)
    at[read] = codes.ravel()
    days = spread(made, at, "date", raw.frame.index)
    header, shown = _TOGETHER.join(headers), _side_by_side(raw, headers)
    never = read & days.isna().to_numpy()
    told["findings"].reject_rows(told["table"], raw, never, header, "no-such-day", shown)
    bad |= never
    _refuse(raw, header, days, bad & ~before, period, told, shown)
    return days


def _side_by_side(raw: RawTable, headers: Sequence[str]) -> pd.Series:
    """The cells of several columns as one text a row: ``2021, 2, 31``."""
    texts = []
    for header in headers:
        codes, cells = distinct_cells(raw.frame[header])
        words = ["" if values.is_blank(cell) else values.text(cell) for cell in cells]
        texts.append(np.array([*words, ""], dtype=object)[codes])
    joined = [_TOGETHER.join(row) for row in zip(*texts, strict=True)]
    return pd.Series(joined, index=raw.frame.index, dtype=object)


def _hours(raw: RawTable, hours: str | None, dates: str | None, told: dict[str, Any]) -> pd.Series:
    """The hour, and where its cell is blank the one that stands with the day, if any."""
    silent = None
    reader: Callable[[Any], Any] = times.hour
    if hours is not None:
        codes, distinct = distinct_cells(raw.frame[hours])
        filled = [cell for cell in distinct if not values.is_blank(cell)]
        if times.drops_zeros(filled):
            reader = partial(times.hour, figures=True)
    # A crash can do without its hour.
    own = read_sparing(raw, hours, reader, "integer", "doubtful.hour-unread", **told)
    if hours is not None:
        silent = np.array([*map(values.is_blank, distinct), True], dtype=bool)[codes]
        if not silent.any():
            return own
    beside = read_cells(raw, dates, times.hour_of_date, only=silent, **told)
    return own.fillna(beside.spread("integer", raw.frame.index))


def _holds_days(raw: RawTable, header: str) -> bool:
    """Whether most cells of a column of times hold a day as well: ``14h30 ngày 03/04/2024``."""
    cells = [c for c in distinct_cells(raw.frame[header])[1] if not values.is_blank(c)]
    return sum(map(_is_day, cells)) > _MOST * len(cells)


def _holds_days_of_month(raw: RawTable, header: str) -> bool:
    """Whether most cells of a column are bare days of a month, and they are none of the week."""
    codes, cells = distinct_cells(raw.frame[header])
    rows = np.bincount(codes[codes >= 0], minlength=len(cells))
    filled, largest, fit = 0, 0, 0
    for cell, count in zip(cells, map(int, rows), strict=True):
        if values.is_blank(cell):
            continue
        filled += count
        try:
            largest, fit = max(largest, times.day_of_month(cell)), fit + count
        except values.Unreadable:
            continue
    return fit > _MOST * filled and (fit < _BEYOND_CHANCE or largest > _WEEK)


def _is_day(cell: Any) -> bool:
    if not isinstance(cell, str | date) or not _reads(cell):
        return False
    return not isinstance(cell, str) or not cell.strip().isdigit()


def _reads(cell: Any) -> bool:
    """Whether a cell is read as a day."""
    try:
        times.day(cell)
    except values.Unreadable:
        return False
    return True


def _require_day_first(
    raw: RawTable,
    header: str,
    cells: Sequence[Any],
    codes: np.ndarray,
    order: times.DateOrder,
) -> None:
    """Refuse a column whose dates plainly have the month first: the others would be misread.

    One such date among others that have the day first is a slip of the pen and is rejected
    as a row; a tenth of all is a habit, as is any where nothing speaks for the day.
    """
    plainly = np.array([*map(times.is_month_first, cells), False], dtype=bool)[codes]
    habit = plainly.sum() > max(1, _HABIT * len(plainly))
    if habit or (order.month_first and not order.day_first):
        example = raw.frame[header].iloc[int(np.flatnonzero(plainly)[0])]
        raise BlackspotsError("month-first", file=raw.where, column=header, value=example)


def _doubt_order(
    raw: RawTable,
    header: str,
    cells: Sequence[Any],
    codes: np.ndarray,
    order: times.DateOrder,
    *,
    month_first: bool,
    told: dict[str, Any],
) -> None:
    """Say where day and month may be exchanged."""
    other = order.day_first if month_first else order.month_first
    proven = order.month_first if month_first else order.day_first
    if order.either and (other or not proven):
        code = "doubtful.date-order-mixed" if other else "doubtful.date-order-unproven"
        open_ = [bool(times.order_of_dates([cell]).either) for cell in cells]
        rows = np.array([*open_, False], dtype=bool)[codes]
        example = raw.frame[header].iloc[int(rows.argmax())]
        told["findings"].remark_column(
            told["table"], raw, header, code, int(rows.sum()), value=example
        )
    typed = [cell for cell in cells if isinstance(cell, date)]
    if order.day_first >= _FEW and not order.either and len(typed) >= _FEW:
        # Excel takes 03/04/2024 for March where the month comes first, and leaves 25/03/2024.
        early = all(cell.day <= times.MONTHS for cell in typed)
        if early and any(cell.day != cell.month for cell in typed):
            rows = np.array([*(isinstance(c, date) for c in cells), False], dtype=bool)[codes]
            told["findings"].remark_rows(told["table"], raw, rows, header, "doubtful.dates-mangled")
