"""The register as two files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from blackspots.crossings_book.chapters import chapters
from blackspots.crossings_book.sheets import sheets
from blackspots.crossings_book.shown import Given, register_shown, unit_of
from blackspots.crossings_book.told import told
from blackspots.labels import text
from blackspots.reports import write_workbook
from blackspots.reports.word import clean, write_document


def write_register(
    path_xlsx: Path,
    path_docx: Path,
    *,
    register: pd.DataFrame,
    closures: pd.DataFrame | None,
    matches: pd.DataFrame,
    found: pd.DataFrame,
    by_line: pd.DataFrame,
    by_commune: pd.DataFrame,
    notes: Sequence[str],
    sources: Sequence[str],
    title: str,
    period: str,
    language: str,
    banner: str,
    currency: str,
    money_unit: float,
) -> None:
    """Write the register as a workbook and as a document; equal content gives equal bytes.

    Parameters
    ----------
    register
        :data:`blackspots.schema.CROSSING_REGISTER`, by line and measure.
    closures
        :data:`blackspots.schema.CLOSURES`; None where they were not reckoned.
    matches, found
        :data:`blackspots.schema.MATCHES` and :data:`blackspots.schema.FOUND_CROSSINGS` with
        ``status``.
    by_line, by_commune
        Sums as :mod:`blackspots.crossings.register` makes them; the row without a name is of
        no line or area.
    notes, sources
        Methods and limits; where the data come from, and their licences.
    title, period
        Name of the study; the period of its crashes, in words.
    banner
        What stands on every sheet and page (that the data are simulated); empty for nothing.
    currency, money_unit
        Currency of the closures; money is told in so many of it.
    """
    given = Given(
        register=register,
        shown=register_shown(register, language),
        closures=closures,
        matches=matches,
        found=found,
        by_line=by_line,
        by_area=by_commune,
        notes=[clean(note) for note in notes],
        sources=[clean(source) for source in sources],
        title=clean(text("rail-book.title", language, name=title)),
        period=period,
        language=language,
        unit=unit_of(currency, money_unit, language),
        money_unit=money_unit,
    )
    write_workbook(path_xlsx, sheets(given), banner=clean(banner))
    write_document(
        path_docx,
        title=given.title,
        lines=[period, *told(given), text("rail-book.unknown", language)],
        chapters=chapters(given),
        language=language,
        banner=banner,
    )
