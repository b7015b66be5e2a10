"""The ranking as an Excel workbook that an office can print and filter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd
import xlsxwriter

_CREATED: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - workbooks hold local time; fixed for equal bytes
_WIDEST: Final = 48
_MAX_TEXT: Final = 32_000
_INK, _PAPER, _WARN = "#17324d", "#e9eff5", "#9a3412"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its name, lines above the table, headers and cells.

    ``formats`` gives the number format of each column (``""`` for text).
    """

    name: str
    lines: Sequence[str]
    headers: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    formats: Sequence[str] = ()


def write_workbook(path: Path, sheets: Sequence[Sheet], *, banner: str = "") -> None:
    """Write sheets; text is always written as text, so that no cell becomes a formula.

    Parameters
    ----------
    banner
        A line on top of every sheet (that the data are simulated), in a warning colour.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": _CREATED, "title": "blackspots"})
        for sheet in sheets:
            _write_sheet(book, sheet, banner)


def _write_sheet(book: Any, sheet: Sheet, banner: str) -> None:
    page = book.add_worksheet(sheet.name[:31])
    page.hide_gridlines(2)
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    row = 0
    if banner:
        page.write_string(row, 0, banner, book.add_format({"bold": True, "font_color": _WARN}))
        row += 1
    for i, line in enumerate(sheet.lines):
        style = (
            {"bold": True, "font_size": 14, "font_color": _INK}
            if i == 0
            else {"font_color": "#444444"}
        )
        page.write_string(row, 0, str(line)[:_MAX_TEXT], book.add_format(style))
        row += 1
    if not sheet.headers:
        page.set_column(0, 0, 110)
        return
    row += 1
    head = book.add_format(
        {
            "bold": True,
            "bg_color": _PAPER,
            "font_color": _INK,
            "bottom": 1,
            "text_wrap": True,
            "valign": "vcenter",
        }
    )
    for column, title in enumerate(sheet.headers):
        page.write_string(row, column, title, head)
    cells = [book.add_format({"num_format": f} if f else {}) for f in sheet.formats]
    for offset, values in enumerate(sheet.rows, start=1):
        for column, value in enumerate(values):
            _write_cell(page, row + offset, column, value, cells[column])
    page.freeze_panes(row + 1, min(2, len(sheet.headers)))
    page.repeat_rows(row)
    if sheet.rows:
        page.autofilter(row, 0, row + len(sheet.rows), len(sheet.headers) - 1)
    for column, title in enumerate(sheet.headers):
        texts = [
            len(str(values[column]))
            for values in sheet.rows[:200]
            if isinstance(values[column], str)
        ]
        longest_word = max((len(word) for word in title.split()), default=4)
        page.set_column(column, column, min(max([longest_word + 3, 9, *texts]), _WIDEST))


def _write_cell(page: Any, row: int, column: int, value: Any, style: Any) -> None:
    if (
        value is None
        or value is pd.NA
        or (isinstance(value, float) and math.isnan(value))
        or value is pd.NaT
    ):
        page.write_blank(row, column, None, style)
    elif isinstance(value, pd.Timestamp):
        page.write_datetime(row, column, value.to_pydatetime(), style)
    elif isinstance(value, bool):
        page.write_boolean(row, column, value, style)
    elif isinstance(value, str):
        page.write_string(row, column, value[:_MAX_TEXT], style)
    else:
        page.write_number(row, column, float(value), style)
