"""Rows that could not be read: kept with file, row, column and value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from blackspots.errors import BlackspotsError
from blackspots.labels import Term
from blackspots.schema import REJECTS, check
from blackspots.sources.raw import RawTable
from blackspots.sources.values import text

_SHOWN = 200


@dataclass(slots=True)
class Rejects:
    """Collects problems; a row may have several."""

    records: list[dict[str, Any]] = field(default_factory=list)

    def add(self, table: str, raw: RawTable, row: int, column: str, value: Any, code: str) -> None:
        """Note one problem of one row."""
        absent = pd.api.types.is_scalar(value) and pd.isna(value)
        shown = None if absent else text(value)[:_SHOWN]
        self.records.append(
            {
                "table": table,
                "file": raw.file,
                "sheet": raw.sheet,
                "row": int(row),
                "column": column or None,
                "value": shown,
                "code": code,
            }
        )

    def add_rows(
        self,
        table: str,
        raw: RawTable,
        rows: np.ndarray,
        column: str,
        code: str,
        shown: pd.Series | None = None,
    ) -> None:
        """Note the same problem of several rows, given by a mask over the table."""
        cells = raw.frame.get(column) if shown is None else shown
        for position in map(int, np.flatnonzero(rows)):
            value = None if cells is None else cells.iloc[position]
            self.add(table, raw, int(raw.frame.index[position]), column, value, code)

    def add_work(self, row: Any, code: str, headers: Mapping[str, str]) -> None:
        """Note that a work, a row of the table of repairs, has no place.

        ``headers``: column of the table to header of the file.
        """
        raw = RawTable(row.source_file, row.source_sheet, pd.DataFrame())
        column = {"unknown-crossing": "crossing_id", "unknown-road": "road_id"}.get(code)
        names = (column,) if column else ("route", "km_from", "km_to")
        told = [str(getattr(row, name)) for name in names if not pd.isna(getattr(row, name))]
        header = headers.get(names[0], names[0])
        self.add("repairs", raw, row.source_row, header, " ".join(told) or None, code)

    def nothing_left(self, table: str, count: int) -> BlackspotsError:
        """The error for a table none of whose rows could be used, with the first problem."""
        first = next(record for record in self.records if record["table"] == table)
        place = {key: first[key] for key in ("file", "row", "column", "value")}
        reason = Term(f"reject.{first['code']}")
        return BlackspotsError("all-rejected", count=count, reason=reason, **place)

    def frame(self) -> pd.DataFrame:
        """The table :data:`blackspots.schema.REJECTS`."""
        names = [column.name for column in REJECTS.columns]
        frame = pd.DataFrame(self.records, columns=names)
        frame["row"] = frame["row"].astype("int64")
        for name in set(names) - {"row"}:
            frame[name] = frame[name].astype("object").where(frame[name].notna(), None)
        frame.index = pd.RangeIndex(1, len(frame) + 1, name=REJECTS.index)
        check(frame, REJECTS)
        return frame
