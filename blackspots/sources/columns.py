"""From the headers of a file to the columns of a table, and from cells to values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from blackspots.errors import BlackspotsError
from blackspots.presets.headers import aliases, plain
from blackspots.schema import EMPTY, Kind, Table
from blackspots.sources import values
from blackspots.sources.findings import Findings
from blackspots.sources.raw import RawTable, unknown_column


def match(raw: RawTable, table: str, given: Mapping[str, str]) -> dict[str, str]:
    """Column of the table to header of the file.

    What the study gives comes first (an empty header leaves the column out); then headers
    that are known words for a column, compared without marks and case.

    Raises
    ------
    BlackspotsError
        ``unknown-table-column``, ``unknown-column``, or ``ambiguous-header`` when two headers
        mean the same column.
    """
    known = aliases(table)
    columns = set(known.values())
    for column, header in given.items():
        if column not in columns:
            have = ", ".join(sorted(columns))
            raise BlackspotsError(
                "unknown-table-column", key=f"{table}.columns.{column}", have=have
            )
        if header and header not in raw.frame.columns:
            raise unknown_column(raw, header)
    found = {column: header for column, header in given.items() if header}
    taken = set(found.values())
    guessed: dict[str, str] = {}
    for header in raw.frame.columns:
        means = known.get(plain(str(header)))
        if means is None or means in given or header in taken:
            continue
        if means in guessed:
            raise BlackspotsError(
                "ambiguous-header",
                file=raw.where,
                column=means,
                one=guessed[means],
                other=header,
                table=table,
            )
        guessed[means] = str(header)
    return found | guessed


def parse_column(
    raw: RawTable,
    header: str | None,
    parser: Callable[[Any], Any],
    *,
    table: str,
    findings: Findings,
    bad: np.ndarray,
) -> list[Any]:
    """The values of one column, None where blank; rows that cannot be read are marked ``bad``.

    Parameters
    ----------
    bad : bool, shape (rows,)
        Set where a cell was refused; the problem is noted in ``findings``.
    """
    if header is None:
        return [None] * len(raw.frame)
    parsed: list[Any] = []
    for position, (row, cell) in enumerate(raw.frame[header].items()):
        if values.is_blank(cell):
            parsed.append(None)
            continue
        try:
            parsed.append(parser(cell))
        except values.Unreadable as error:
            parsed.append(None)
            bad[position] = True
            findings.reject(table, raw, int(str(row)), header, cell, error.code)
    return parsed


def typed(cells: list[Any], kind: Kind, index: pd.Index) -> pd.Series:
    """A column of the schema's kind; missing stays missing."""
    if kind == "date":
        return pd.Series(pd.to_datetime(pd.Series(cells, index=index, dtype="object")), index=index)
    return pd.Series(cells, index=index, dtype=EMPTY[kind])


def add_missing(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """``frame`` with every column of the table, in its order; absent ones unknown."""
    made = {
        column.name: frame[column.name]
        if column.name in frame
        else typed([None] * len(frame), column.kind, frame.index)
        for column in table.columns
    }
    return pd.DataFrame(made, index=frame.index)


def make_ids(cells: list[Any], prefix: str) -> list[str]:
    """Ids as text; rows without one get ``prefix`` and their position."""
    return [
        values.text(c) if not values.is_blank(c) else f"{prefix}{i + 1}"
        for i, c in enumerate(cells)
    ]
