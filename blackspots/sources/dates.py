"""The day and hour of a register's crashes, and what its dates as a whole give away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from blackspots.errors import BlackspotsError
from blackspots.sources import times, values
from blackspots.sources.columns import parse_column, read_cells
from blackspots.sources.raw import RawTable, distinct_cells

Period = tuple[date | None, date | None]

_HABIT: Final = 0.1
_MOST: Final = 0.5
_FEW: Final = 3


def read_dates(
    raw: RawTable,
    found: Mapping[str, str],
    *,
    period: Period,
    month_first: bool,
    told: dict[str, Any],
) -> tuple[pd.Series, pd.Series]:
    """Day and hour of each row; rows without a day, where there are days, or out of the period go.

    Parameters
    ----------
    told
        ``table``, ``findings`` and ``bad``, as the readers of columns take them.

    Raises
    ------
    BlackspotsError
        ``month-first`` where the dates plainly have the month first, and the study does not say so.
    """
    header, hours = found.get("date"), found.get("hour")
    if header is None and hours is not None and _holds_days(raw, hours):
        header, hours = hours, None
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
    days = parse_column(raw, header, partial(times.day, month_first=month_first), "date", **told)
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
) -> None:
    without = days.isna().to_numpy() & ~unread
    told["findings"].reject_rows(told["table"], raw, without, header, "no-date")
    first, last = period
    out = np.zeros(len(days), dtype=bool)
    if first:
        out |= (days < pd.Timestamp(first)).to_numpy()
    if last:
        out |= (days >= pd.Timestamp(last) + pd.Timedelta(days=1)).to_numpy()
    told["findings"].reject_rows(told["table"], raw, out, header, "outside-period")
    told["bad"][without | out] = True


def _hours(raw: RawTable, hours: str | None, dates: str | None, told: dict[str, Any]) -> pd.Series:
    """The hour, and where its cell is blank the one that stands with the day, if any."""
    silent = None
    own = parse_column(raw, hours, times.hour, "integer", **told)
    if hours is not None:
        codes, distinct = distinct_cells(raw.frame[hours])
        silent = np.array([*map(values.is_blank, distinct), True], dtype=bool)[codes]
        if not silent.any():
            return own
    beside = read_cells(raw, dates, times.hour_of_date, only=silent, **told)
    return own.fillna(beside.spread("integer", raw.frame.index))


def _holds_days(raw: RawTable, header: str) -> bool:
    """Whether most cells of a column of times hold a day as well: ``14h30 ngày 03/04/2024``."""
    cells = [c for c in distinct_cells(raw.frame[header])[1] if not values.is_blank(c)]
    return sum(map(_is_day, cells)) > _MOST * len(cells)


def _is_day(cell: Any) -> bool:
    if not isinstance(cell, str | date):
        return False
    try:
        times.day(cell)
    except values.Unreadable:
        return False
    return not isinstance(cell, str) or not cell.strip().isdigit()


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
