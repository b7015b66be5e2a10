"""Text that was written for an old font: letters that only looked right in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from blackspots.sources import legacy
from blackspots.sources.raw import RawTable, Repair, distinct_cells
from blackspots.sources.sheet import unique

_ROWS: Final = 2000
"""Rows from which the font of a table is told."""


def in_unicode(raw: RawTable) -> RawTable:
    """The table with text of TCVN3 and VNI fonts turned into Unicode, and that it was."""
    scheme = legacy.scheme_of(_words(raw))
    if scheme is None:
        return raw
    headers = unique([legacy.convert(str(name), scheme) for name in raw.frame.columns])
    count = sum(new != str(old) for new, old in zip(headers, raw.frame.columns, strict=True))
    example: tuple[str, str] | None = None
    frame = raw.frame.copy()
    for name in frame.columns:
        if not _holds_text(frame[name]):
            continue
        codes, cells = distinct_cells(frame[name])
        words = [legacy.convert(c, scheme) if isinstance(c, str) else c for c in cells]
        changed = [i for i, word in enumerate(words) if word is not cells[i] and word != cells[i]]
        if changed:
            example = example or (cells[changed[0]], words[changed[0]])
            count += int(np.isin(codes, changed).sum())
            made = np.array([*words, None], dtype=object)[codes]
            frame[name] = pd.Series(made, index=frame.index, dtype=object)
    frame.columns = pd.Index(headers)
    value, used = example or (str(raw.frame.columns[0]), headers[0])
    done = Repair(f"repaired.{scheme}", count, None, value, used)
    return replace(raw, frame=frame, repairs=(*raw.repairs, done))


def _holds_text(cells: pd.Series) -> bool:
    return cells.dtype == object or pd.api.types.is_string_dtype(cells.dtype)


def _words(raw: RawTable) -> Iterator[str]:
    """Headers, and different cells from the first rows."""
    yield from map(str, raw.frame.columns)
    for name in raw.frame.columns:
        some = raw.frame[name].iloc[:_ROWS]
        if _holds_text(some):
            yield from (cell for cell in distinct_cells(some)[1] if isinstance(cell, str))
