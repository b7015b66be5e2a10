"""The ranking as an Excel workbook that an office can print and filter."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import pandas as pd
import xlsxwriter

CREATED: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - workbooks hold local time; fixed for equal bytes
_WIDEST: Final = 34
_PROSE: Final = 74
"""Letters of a line of prose: as many as fit on upright paper, in a wide font too."""
_TITLE: Final = 22
_LINE: Final = 15
_FILL: Final = 0.95
"""Share of a column's width that text fills before it wraps."""
_DAY: Final = 12
_ROOM: Final = 26
"""Width of a column in which the user may write anything; of figures and days it is that of a
day."""
_FINE: Final = re.compile(r"0\.0{5,}")
"""The format of figures with many decimals, as degrees have, ..."""
_DEGREES: Final = 3
"""... and how many letters such a figure may be longer than its format."""
_ARROW: Final = 4
"""Room for the arrow of a drop-down, in letters."""
_MAX_TEXT: Final = 32_000
_MAX_LINKS: Final = 65_530
"""Links on a sheet, and ..."""
_MAX_URL: Final = 2_079
"""... letters of one, above which Excel says that the file is damaged."""
_WEB: Final = re.compile(r"https?://[!#-;=?-Z_a-z~]+")
"""Addresses in letters that need no escape."""
_INK, _PAPER, _WARN, _FADED = "#17324d", "#e9eff5", "#9a3412", "#8a8a8a"
_LINK: Final = {"font_color": "#1d4ed8", "underline": 1}
INPUT: Final = "#fff8e1"
"""Behind cells that the user fills in."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its name, lines above the table, headers and cells.

    ``formats`` gives the number format of each column (``""`` for text). ``printed`` columns
    fit on paper; the others are for the screen. ``inputs`` are the columns that the user fills
    in, with the words to choose from (none: any). ``links`` are the columns of addresses on the
    web, with the words to click on (``""``: the address itself). ``faded`` rows are grey,
    ``frozen`` columns stay in view.
    """

    name: str
    lines: Sequence[str]
    headers: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    formats: Sequence[str] = ()
    printed: int | None = None
    inputs: Mapping[int, Sequence[str]] = field(default_factory=dict)
    links: Mapping[int, str] = field(default_factory=dict)
    faded: Collection[int] = ()
    frozen: int = 2
    choose: str = ""


def write_workbook(
    path: Path,
    sheets: Sequence[Sheet],
    *,
    banner: str = "",
    hidden: tuple[str, Iterable[Sequence[Any]]] | None = None,
) -> None:
    """Write sheets; text is always written as text, so that no cell becomes a formula.

    Parameters
    ----------
    banner
        A line on top of every sheet (that the data are simulated), in a warning colour.
    hidden
        Name and rows of a sheet that a later run reads.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": CREATED, "title": "blackspots"})
        for sheet in sheets:
            _write_sheet(book, sheet, banner)
        if hidden is not None:
            write_hidden(book, *hidden)


def write_hidden(book: Any, name: str, rows: Iterable[Sequence[Any]]) -> None:
    """A sheet of texts and numbers that only a program sees; what is unknown stays empty."""
    page = book.add_worksheet(name)
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            if isinstance(value, str):
                page.write_string(number, column, value)
            elif value is not None and math.isfinite(value):
                page.write_number(number, column, float(value))
    page.very_hidden()


def _write_sheet(book: Any, sheet: Sheet, banner: str) -> None:
    page = book.add_worksheet(sheet.name[:31])
    page.hide_gridlines(2)
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    top = _write_lines(book, page, sheet, banner)
    if not sheet.headers:
        page.set_portrait()
        page.set_column(0, 0, _PROSE)
        return
    page.set_landscape()
    widths = [
        _width(title, [sheet.links.get(column) or values[column] for values in sheet.rows], form)
        for column, (title, form) in enumerate(
            zip_longest(sheet.headers, sheet.formats, fillvalue="")
        )
    ]
    for column, choices in sheet.inputs.items():
        anything = _DAY if sheet.formats[column] else _ROOM
        room = max(len(word) for word in choices) + _ARROW if choices else anything
        widths[column] = max(widths[column], float(room))
    for column, width in enumerate(widths):
        page.set_column(column, column, width)
    _write_table(book, page, sheet, top + 1, widths)
    page.freeze_panes(top + 2, min(sheet.frozen, len(sheet.headers)))
    page.repeat_rows(top + 1)
    last = top + 1 + len(sheet.rows)
    page.print_area(0, 0, last, (sheet.printed or len(sheet.headers)) - 1)
    if sheet.rows:
        page.autofilter(top + 1, 0, last, len(sheet.headers) - 1)
        for column, choices in sheet.inputs.items():
            if choices:
                rule = {"validate": "list", "source": list(choices), "error_message": sheet.choose}
                page.data_validation(top + 2, column, last, column, rule)


def _write_lines(book: Any, page: Any, sheet: Sheet, banner: str) -> int:
    """The lines above the table; returns the first free row."""
    prose = {"text_wrap": True, "valign": "top"} if not sheet.headers else {}
    title = book.add_format({"bold": True, "font_size": 14, "font_color": _INK, **prose})
    plain = book.add_format({"font_color": "#444444", **prose})
    warning = book.add_format({"bold": True, "font_color": _WARN})
    lines = [(banner, warning)] if banner else []
    lines += [(line, plain if i else title) for i, line in enumerate(sheet.lines)]
    for row, (line, style) in enumerate(lines):
        page.write_string(row, 0, str(line)[:_MAX_TEXT], style)
        if prose and style is title:
            page.set_row(row, _TITLE)
        elif prose and len(line) > _PROSE:
            page.set_row(row, _LINE * math.ceil(len(line) / _PROSE))
    return len(lines)


def _write_table(book: Any, page: Any, sheet: Sheet, row: int, widths: Sequence[float]) -> None:
    head = book.add_format(
        {
            "bold": True,
            "bg_color": _PAPER,
            "font_color": _INK,
            "bottom": 1,
            "text_wrap": True,
            "valign": "vcenter",
            "align": "center",
        }
    )
    for column, title in enumerate(sheet.headers):
        page.write_string(row, column, title, head)
    page.set_row(row, _LINE * _lines(sheet.headers, widths, 0.85))
    plain, faded = (_cells(book, sheet, own) for own in ({}, {"font_color": _FADED}))
    links = 0
    for offset, values in enumerate(sheet.rows, start=1):
        cells = faded if offset - 1 in sheet.faded else plain
        for column, value in enumerate(values):
            if column in sheet.links and links < _MAX_LINKS and _is_link(value):
                said = sheet.links[column] or value
                page.write_url(row + offset, column, value, cells[column], said)
                links += 1
            else:
                _write_cell(page, row + offset, column, value, cells[column])
        # Viewers other than Excel do not fit rows to wrapped text by themselves.
        shown = sheet.printed or len(values)
        told = [sheet.links.get(column) or value for column, value in enumerate(values[:shown])]
        high = _lines(told, widths[:shown], _FILL)
        if high > 1:
            page.set_row(row + offset, _LINE * high)


def _cells(book: Any, sheet: Sheet, own: dict[str, Any]) -> list[Any]:
    """The format of each column's cells."""
    body = {"valign": "top", "bottom": 4, "bottom_color": "#c8d2dc", **own}
    texts = {"text_wrap": True, "align": "left", "indent": 1}
    return [
        book.add_format(
            {
                **body,
                **({"num_format": form} if form else texts),
                **({"bg_color": INPUT} if column in sheet.inputs else {}),
                **(_LINK if column in sheet.links else {}),
            }
        )
        for column, form in enumerate(sheet.formats)
    ]


def _lines(values: Sequence[Any], widths: Sequence[float], fill: float) -> int:
    """Lines that the longest wrapped text of a row takes, three at the most."""
    texts = zip(values, widths, strict=True)
    need = [math.ceil((len(v) + 2) / (w * fill)) for v, w in texts if isinstance(v, str)]
    return min(max(need, default=1), 3)


def _width(title: str, values: Sequence[Any], form: str) -> float:
    """Wide enough for the longest word of the header, for most of the texts, and for degrees."""
    word = max((len(word) for word in title.split()), default=4)
    day = _DAY if any(isinstance(value, pd.Timestamp) for value in values) else 0
    texts = sorted(len(value) for value in values if isinstance(value, str))
    usual = texts[int(len(texts) * 0.8)] if texts else 0
    # As much as _lines asks for, or a text that fits would get the height of two lines.
    degrees = len(form) + _DEGREES if _FINE.fullmatch(form) else 0
    return float(min(max(word + 2, 8, day, degrees, math.ceil((usual + 2) / _FILL)), _WIDEST))


def _is_link(value: Any) -> bool:
    """Whether a cell is an address on the web that Excel takes as a link."""
    return isinstance(value, str) and len(value) <= _MAX_URL and _WEB.fullmatch(value) is not None


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
