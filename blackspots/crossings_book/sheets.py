"""The sheets of the register's workbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from blackspots.crossings_book.shown import (
    CLOSURES,
    FINE,
    NOT_FOUND,
    REGISTER,
    SUMS,
    UNLISTED,
    Given,
    closures_shown,
    not_found_shown,
    sums_shown,
    unlisted_shown,
)
from blackspots.crossings_book.told import TENTHS, told
from blackspots.labels import text
from blackspots.reports import Sheet
from blackspots.reports.word import clean

_REGISTER_PRINT: Final = 17
_CLOSURES_PRINT: Final = 15


def sheets(given: Given) -> list[Sheet]:
    """All sheets; that of the groups to close only where they were reckoned."""
    language = given.language
    lines = [given.title, given.period, *told(given), "", text("book.notes", language)]
    lines += [*given.notes, "", text("book.sources", language), *given.sources]
    register = _with_digits(given.shown, REGISTER)
    made = [
        Sheet(text("rail-book.sheet.summary", language), lines),
        _sheet(given, "register", given.shown, register, [given.period], _REGISTER_PRINT),
    ]
    for key, head, sums in (("by-line", "line", given.by_line), ("by-area", "area", given.by_area)):
        none = text(f"rail-book.no-{head}", language)
        shown = sums_shown(sums, none, language).rename(columns={"name": head})
        made.append(_sheet(given, key, shown, {head: "", **SUMS}, [given.period]))
    if given.closures is not None:
        lines = [text("rail-book.no-closing", language)]
        if len(given.closures):
            money = text("rail-book.money", language, unit=given.unit)
            lines = [money, text("rail-book.how-best", language)]
        shown = closures_shown(given)
        columns = _with_digits(shown, CLOSURES)
        made.append(_sheet(given, "closures", shown, columns, lines, _CLOSURES_PRINT))
    for key, shown, columns, without in (
        ("not-found", not_found_shown(given), dict.fromkeys(NOT_FOUND, ""), "all-found"),
        ("unlisted", unlisted_shown(given), dict(UNLISTED), "none-unlisted"),
    ):
        lines = [] if len(shown) else [text(f"rail-book.{without}", language)]
        if key == "unlisted" and len(shown):
            lines.append(text("verify.never", language))
        made.append(_sheet(given, key, shown, columns, lines))
    return made


def _with_digits(shown: pd.DataFrame, formats: Mapping[str, str]) -> dict[str, str]:
    """Formats that show a decimal where a column of small figures would lose it."""
    made = dict(formats)
    for column, form in formats.items():
        if form not in {"#,##0", FINE}:
            continue
        values = pd.to_numeric(shown[column]).to_numpy("float64", na_value=np.nan)
        values = np.abs(values[np.isfinite(values) & (values != 0)])
        if (form == FINE and len(values) and values.max() >= TENTHS) or (
            form != FINE and (values[values < TENTHS] % 1 != 0).any()
        ):
            made[column] = "#,##0.0"
    return made


def _sheet(
    given: Given,
    key: str,
    shown: pd.DataFrame,
    formats: Mapping[str, str],
    lines: Sequence[str],
    printed: int | None = None,
) -> Sheet:
    name = text(f"rail-book.sheet.{key}", given.language)
    cells = shown[list(formats)].astype(object).to_numpy(dtype=object).tolist()
    rows = [[clean(c) if isinstance(c, str) else c for c in row] for row in cells]
    heads = [text(f"rail-book.column.{column}", given.language) for column in formats]
    top = [f"{name} – {given.title}", *lines]
    return Sheet(name, top, heads, rows, list(formats.values()), printed)
