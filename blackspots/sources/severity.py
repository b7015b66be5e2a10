"""The severity of each crash: what the register states, else what its persons tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from blackspots.errors import BlackspotsError
from blackspots.presets.headers import plain, severity_vocabulary, unclear_severities
from blackspots.schema import SEVERITIES
from blackspots.sources import personal, values
from blackspots.sources.columns import parse_column
from blackspots.sources.raw import RawTable, distinct_cells

COUNTS: Final = ("deaths", "serious", "slight", "injured")
"""Columns of persons."""
_MOST: Final = 0.5
_FEW: Final = 3


def vocabulary(given: Mapping[str, str]) -> dict[str, str]:
    """Plain word to severity: the known ones, and before them what the study says.

    Raises
    ------
    BlackspotsError
        ``unknown-severity-level``
    """
    own: dict[str, str] = {}
    for word, level in given.items():
        if level not in SEVERITIES:
            have = ", ".join(SEVERITIES)
            raise BlackspotsError("unknown-severity-level", word=word, level=level, have=have)
        own[_word(word)] = level
    return severity_vocabulary() | own


def _word(cell: Any) -> str:
    """A severity as it is compared: a number by its value (-1 is not 1), a word plainly."""
    try:
        return f"{values.number(cell):g}"
    except values.Unreadable:
        return plain(values.text(cell))


def read_severity(
    raw: RawTable,
    header: str | None,
    persons: Mapping[str, pd.Series],
    words: Mapping[str, str],
    told: dict[str, Any],
) -> pd.Series:
    """The severity stated, else what the persons tell.

    Persons killed where the severity is none of death are a row to put right: it is refused.
    Where the two differ in other ways the statement is taken, and doubted.

    Parameters
    ----------
    persons
        :data:`COUNTS`, missing for unknown.
    words
        As :func:`vocabulary` gives them.
    told
        ``table``, ``findings`` and ``bad``, as the readers of columns take them.

    Returns
    -------
    Series of :data:`blackspots.schema.SEVERITIES`

    Raises
    ------
    BlackspotsError
        ``severity-words`` when most words are not known.
    """
    derived = severity_of_persons(persons)
    _doubt_sum(raw, persons, told)
    if header is None:
        return derived

    def severity_of(cell: Any) -> Any:
        word = _word(cell)
        level = words.get(word)
        if level is not None:
            return level
        if word in unclear_severities():
            return values.Noted(None, "doubtful.severity-unclear")
        raise values.Unreadable("unknown-severity")

    _require_known_words(raw, header, words)
    stated = parse_column(raw, header, severity_of, "text", **told)
    level = stated.to_numpy(dtype=object)
    some, none = _some_and_none(persons)
    killed = np.isin(level, _NOT_FATAL) & some["deaths"]
    if killed.any():
        told["findings"].reject_rows(
            told["table"], raw, killed & ~told["bad"], header, "severity-deaths"
        )
        told["bad"] |= killed
    hurt = some["injured"] | some["serious"] | some["slight"]
    doubtful = (
        ((level == "fatal") & none["deaths"])
        | ((level == "serious") & none["serious"])
        | ((level == "slight") & (some["serious"] | none["slight"] & none["injured"]))
        | ((level == "injury") & none["injured"])
        | ((level == "pdo") & hurt)
    ) & ~told["bad"]
    if doubtful.any():
        told["findings"].remark_rows(
            told["table"],
            raw,
            doubtful,
            header,
            "doubtful.severity-persons",
            used=list(level[doubtful]),
        )
    return stated.where(stated.notna() & (stated != "unknown"), derived)


_NOT_FATAL: Final = ("serious", "slight", "injury", "pdo")


def _some_and_none(
    persons: Mapping[str, pd.Series],
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """By column of persons: where there are some, and where there are said to be none."""
    figures = {name: _figures(persons[name]) for name in COUNTS}
    return {k: v > 0 for k, v in figures.items()}, {k: v == 0 for k, v in figures.items()}


def _figures(cells: pd.Series) -> np.ndarray:
    return cells.to_numpy(dtype="float64", na_value=np.nan)


def _doubt_sum(raw: RawTable, persons: Mapping[str, pd.Series], told: dict[str, Any]) -> None:
    """More persons injured of a grade than injured at all."""
    serious, slight = (np.nan_to_num(_figures(persons[name])) for name in ("serious", "slight"))
    more = (serious + slight > _figures(persons["injured"])) & ~told["bad"]
    if more.any():
        used = persons["injured"][more].tolist()
        told["findings"].remark_rows(
            told["table"], raw, more, None, "doubtful.injured-sum", used=used
        )


def _require_known_words(raw: RawTable, header: str, known: Mapping[str, str]) -> None:
    """Ask for the meaning of a vocabulary that is not known, rather than reject every row."""
    codes, distinct = distinct_cells(raw.frame[header])
    words = [None if values.is_blank(cell) else _word(cell) for cell in distinct]
    strange = [w is not None and w not in known and w not in unclear_severities() for w in words]
    rows = np.array([*strange, False], dtype=bool)[codes]
    filled = np.array([*(w is not None for w in words), False], dtype=bool)[codes]
    if rows.sum() >= _FEW and rows.sum() > _MOST * filled.sum():
        block = "\n".join(
            f'"{personal.mask(values.text(cell))}" = "..."'
            for cell, odd in zip(distinct, strange, strict=True)
            if odd
        )
        raise BlackspotsError(
            "severity-words", file=raw.where, column=header, block=block, have=", ".join(SEVERITIES)
        )


def severity_of_persons(frame: Mapping[str, pd.Series] | pd.DataFrame) -> pd.Series:
    """Worst outcome of a crash from its numbers of persons; unknown when they do not say.

    Parameters
    ----------
    frame
        ``deaths``, ``serious``, ``slight``, ``injured`` [persons], missing for unknown.

    Returns
    -------
    Series of :data:`blackspots.schema.SEVERITIES`
    """
    count = {name: frame[name].to_numpy(dtype="float64", na_value=np.nan) for name in COUNTS}
    some = {name: persons > 0 for name, persons in count.items()}
    graded = ~np.isnan(count["serious"]) & ~np.isnan(count["slight"])
    level = np.full(len(graded), SEVERITIES.index("unknown"))
    for rows, severity in (  # the worst last: it has the last word
        ((count["deaths"] == 0) & (count["injured"] == 0), "pdo"),
        (some["injured"] | some["slight"], "injury"),
        (some["slight"] & graded, "slight"),
        (some["serious"], "serious"),
        (some["deaths"], "fatal"),
    ):
        level[rows] = SEVERITIES.index(severity)
    index = frame["deaths"].index
    return pd.Series(np.array(SEVERITIES, dtype=object)[level], index=index, dtype="object")
