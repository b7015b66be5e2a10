"""What the register found, in sentences, and its figures as the language writes them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from blackspots.crossings_book.shown import COUNTED, SUMS, Given, not_found_shown
from blackspots.labels import format_number, text

UNKNOWN: Final = "–"
TENTHS: Final = 10.0
"""Figures below are told with a decimal."""


def told(given: Given) -> list[str]:
    """What was found, in sentences."""
    language, register = given.language, given.register
    if not len(register):
        return [text("rail-book.empty", language), *_told_apart(given)]
    lines = sentences(given.by_line[list(SUMS)].sum(min_count=1), language)
    ranks = register["rank"].to_numpy("float64", na_value=np.nan)
    if rated := int(np.isfinite(ranks).sum()):
        first = given.shown.iloc[int(np.nanargmin(ranks))]
        named = ", ".join(
            plain(first[c]) for c in ("crossing_id", "line", "km") if is_known(first[c])
        )
        about = {"rated": rated, "total": len(register), "first": named}
        lines.append(text("rail-book.rated", language, **about))
    else:
        lines.append(text("rail-book.unrated", language))
    return [*lines, *_told_apart(given), *told_closing(given)]


def _told_apart(given: Given) -> list[str]:
    status = given.found["status"].value_counts()
    open_ = {code: int(status.get(code, 0)) for code in ("candidate", "review")}
    lines = [text("rail-book.unlisted", given.language, **open_)] if any(open_.values()) else []
    if count := len(not_found_shown(given)):
        lines.append(text("rail-book.not-found", given.language, count=count))
    return lines


def told_closing(given: Given) -> list[str]:
    """Groups of paths to close, in a sentence; none where they were not reckoned."""
    if given.closures is None:
        return []
    if not len(given.closures):
        return [text("rail-book.no-closing", given.language)]
    best = given.closures[given.closures["best"].astype(bool)]
    return [
        text(
            "rail-book.closing",
            given.language,
            groups=int(given.closures["group_id"].nunique()),
            options=len(given.closures),
            best=len(best),
            closed=int(best["n_closed"].sum()),
            cost=figure(float(best["cost"].sum()) / given.money_unit, given.language),
            unit=given.unit,
        )
    ]


def sentences(sums: pd.Series, language: str) -> list[str]:
    """Sums in sentences; an unknown one is a question mark."""
    about = {name: int(sums[name]) if is_known(sums[name]) else None for name in COUNTED}
    return [
        text(f"rail-book.{key}", language, **about) for key in ("crossings", "complying", "crashes")
    ]


def is_known(value: Any) -> bool:
    """Whether a cell holds something."""
    return value is not None and not pd.isna(value)


def plain(value: Any) -> str:
    """Text of a cell; a dash where it holds nothing."""
    return str(value) if is_known(value) else UNKNOWN


def figure(value: Any, language: str) -> str:
    """A figure as the language writes it; with a decimal below ten that is no whole number."""
    if not is_known(value):
        return UNKNOWN
    number = float(value)
    digits = int(abs(number) < TENTHS and round(number, 1) != round(number))
    return format_number(number, language, digits)
