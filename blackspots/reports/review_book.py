"""The review list as a workbook: for each crash a picture, its alternatives, and a decision.

A crash takes four rows, one for each alternative, and cells merged across them for the rest:
that keeps letters and colours beside their words, and leaves nothing to sort apart.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from blackspots.labels import text
from blackspots.reports.pictures import COLOURS, FINE, SHOWN
from blackspots.reports.workbook import CREATED, INPUT, write_hidden
from blackspots.sources.choices import HEADS, LETTERS
from blackspots.sources.decisions import DATA

_INK, _PAPER, _WARN, _LINE = "#17324d", "#e9eff5", "#9a3412", "#c8d2dc"
_HIGH, _LOW = SHOWN[1] * 0.75 / 4 + 1.5, 24
"""Height [pt] of a row: with a picture across four of them, and without."""
_WIDTHS: Final = (17, 27, SHOWN[0] / 7 + 0.6, 7, 34, 11, 12, 14)
"""Widths of the columns, in letters: of crash, facts, picture, letter, words ..., decision."""
_FORMATS: Final[Mapping[str, dict[str, Any]]] = {
    "crash": {"bold": True, "font_color": _INK, "align": "center"},
    "facts": {"font_color": "#333333", "indent": 1, "font_size": 10},
    "picture": {"align": "center", "font_color": "#888888"},
    "place": {"indent": 1},
    "distance": {"num_format": "#,##0", "align": "center"},
    "probability": {
        "num_format": '[>=0.995]">99 %";[<0.005]"<1 %";0 %',
        "align": "center",
    },
    "choice": {
        "bold": True,
        "font_size": 14,
        "align": "center",
        "bg_color": INPUT,
        "border": 1,
        "border_color": "#d8c690",
    },
}
_ON_PAGE: Final = 3
"""Crashes on a printed page."""


@dataclass(frozen=True, slots=True)
class Block:
    """One crash: ``rows`` are letter, place in words, distance [m] and probability."""

    crash_id: str
    facts: Sequence[str]
    picture: bytes | None
    rows: Sequence[tuple[str, str, float, float]]
    choice: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One sheet: its name, the lines above, the crashes."""

    name: str
    lines: Sequence[str]
    blocks: Sequence[Block]


def write_review_book(
    path: Path,
    pages: Sequence[Page],
    data: Iterable[Sequence[Any]],
    *,
    language: str,
    banner: str = "",
) -> None:
    """Write the sheets, and the hidden one that :mod:`blackspots.sources.decisions` reads."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": CREATED, "title": "blackspots"})
        for page in pages:
            _Writer(book, page, language).write(banner)
        write_hidden(book, DATA, data)


class _Writer:
    def __init__(self, book: Any, page: Page, language: str) -> None:
        self.book, self.page, self.language = book, page, language
        self.sheet = book.add_worksheet(page.name[:31])
        top = {"valign": "vcenter", "top": 1, "top_color": _LINE, "text_wrap": True}
        self.formats: Mapping[str, Any] = {
            key: book.add_format({**top, "bottom": 1, "bottom_color": _LINE, **own})
            for key, own in _FORMATS.items()
        }
        self.letters = [
            book.add_format(
                {**top, "bold": True, "align": "center", "font_color": "#ffffff", "bg_color": c}
            )
            for c in COLOURS
        ]
        foot = {"bottom": 1, "bottom_color": _LINE}
        self.rest = {last: book.add_format(foot if last else {}) for last in (False, True)}
        self.done = book.add_format({"bg_color": "#dff0e3", "font_color": "#14532d"})

    def write(self, banner: str) -> None:
        sheet = self.sheet
        sheet.hide_gridlines(2)
        sheet.set_paper(9)
        sheet.set_landscape()
        sheet.set_margins(0.4, 0.4, 0.5, 0.5)
        sheet.fit_to_pages(1, 0)
        for column, width in enumerate(_WIDTHS):
            sheet.set_column(column, column, width)
        head = self._lines(banner)
        if not self.page.blocks:
            return
        self._head(head)
        row = head + 1
        for block in self.page.blocks:
            self._block(row, block)
            row += len(LETTERS)
        sheet.set_h_pagebreaks(range(head + 1, row, _ON_PAGE * len(LETTERS))[1:])
        sheet.freeze_panes(head + 1, 1)
        sheet.repeat_rows(head)
        sheet.print_area(0, 0, row - 1, len(_WIDTHS) - 1)
        choices = (head + 1, len(_WIDTHS) - 1, row - 1, len(_WIDTHS) - 1)
        sheet.conditional_format(*choices, {"type": "no_blanks", "format": self.done})
        shares = (head + 1, len(_WIDTHS) - 2, row - 1, len(_WIDTHS) - 2)
        bars = {"type": "data_bar", "bar_color": "#bcd0e4", "bar_solid": True}
        scale = {"min_type": "num", "max_type": "num", "min_value": 0, "max_value": 1}
        sheet.conditional_format(*shares, {**bars, **scale})

    def _lines(self, banner: str) -> int:
        """The lines above; returns the row of the header."""
        formats = {
            "warning": {"bold": True, "font_color": _WARN},
            "title": {"bold": True, "font_size": 14, "font_color": _INK},
            "plain": {"font_color": "#444444", "text_wrap": True, "valign": "top"},
        }
        made = {key: self.book.add_format(own) for key, own in formats.items()}
        lines = [(banner, "warning")] if banner else []
        lines += [(line, "plain" if i else "title") for i, line in enumerate(self.page.lines)]
        wide = sum(_WIDTHS)
        for row, (line, key) in enumerate(lines):
            if key == "plain":
                self.sheet.merge_range(row, 0, row, len(_WIDTHS) - 1, "", made[key])
                self.sheet.set_row(row, 15 * math.ceil(len(line) / (wide * 0.9)))
            self.sheet.write_string(row, 0, line, made[key])
        return len(lines) + 1

    def _head(self, row: int) -> None:
        style = self.book.add_format(
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
        words = [text("column.crash_id", self.language)]
        words += [text(f"review.head.{key}", self.language) for key in HEADS]
        for column, word in enumerate(words):
            self.sheet.write_string(row, column, word, style)
        self.sheet.set_row(row, 32)

    def _block(self, row: int, block: Block) -> None:
        sheet, last = self.sheet, row + len(LETTERS) - 1
        for each in range(row, last + 1):
            sheet.set_row(each, _LOW if block.picture is None else _HIGH)
        column = len(_WIDTHS) - 1
        for at, key, words in (
            (0, "crash", block.crash_id),
            (1, "facts", "\n".join(block.facts)),
            (2, "picture", "" if block.picture else "–"),
            (column, "choice", block.choice),
        ):
            sheet.merge_range(row, at, last, at, "", self.formats[key])
            if words:
                # A merged cell would be written as whatever it looks like; text stays text.
                sheet.write_string(row, at, words, self.formats[key])
        if block.picture is not None:
            options = {
                "image_data": io.BytesIO(block.picture),
                "x_scale": 1 / FINE,
                "y_scale": 1 / FINE,
                "x_offset": 3,
                "y_offset": 3,
                "object_position": 2,
                "description": block.crash_id,
            }
            sheet.insert_image(row, 2, "map.png", options)
        for offset in range(len(LETTERS)):
            self._alternative(row + offset, block.rows[offset : offset + 1], offset)
        choices = [letter for letter, *_ in block.rows] + [text("review.none", self.language)]
        message = text("review.choose", self.language)
        rule = {"validate": "list", "source": choices, "error_message": message}
        sheet.data_validation(row, column, row, column, rule)

    def _alternative(
        self, row: int, found: Sequence[tuple[str, str, float, float]], number: int
    ) -> None:
        sheet = self.sheet
        if not found:
            for column in range(3, 7):
                sheet.write_blank(row, column, None, self.rest[number == len(LETTERS) - 1])
            return
        letter, place, distance, share = found[0]
        sheet.write_string(row, 3, letter, self.letters[number])
        sheet.write_string(row, 4, place, self.formats["place"])
        if math.isnan(distance):
            sheet.write_blank(row, 5, None, self.formats["distance"])
        else:
            sheet.write_number(row, 5, distance, self.formats["distance"])
        sheet.write_number(row, 6, share, self.formats["probability"])
