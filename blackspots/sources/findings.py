"""What reading found: rows that were refused, and cells that were taken all the same.

Every entry names file, sheet, row, column and value. A *reject* is a row that cannot be used.
A *remark* is a cell that was used though not as it stands (``repaired``), or used as it stands
though it may be wrong (``doubtful``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from blackspots.errors import BlackspotsError
from blackspots.labels import Term
from blackspots.schema import REJECTS, REMARKS, check
from blackspots.sources.personal import mask
from blackspots.sources.raw import RawTable
from blackspots.sources.values import text

_SHOWN = 200
LISTED = 1000
"""Rows with the same remark on one column that are told one by one; more are told as a number."""


@dataclass(slots=True)
class Findings:
    """Collects rejects and remarks; a row may have several of each."""

    rejects: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[dict[str, Any]] = field(default_factory=list)

    def reject(
        self, table: str, raw: RawTable, row: int, column: str, value: Any, code: str
    ) -> None:
        """Note one problem of one row."""
        self.rejects.append(
            {
                "table": table,
                "file": raw.file,
                "sheet": raw.sheet,
                "row": int(row),
                "column": column or None,
                "value": _shown(value),
                "code": code,
            }
        )

    def reject_rows(
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
            self.reject(table, raw, int(raw.frame.index[position]), column, value, code)

    def reject_work(self, row: Any, code: str, headers: Mapping[str, str]) -> None:
        """Note that a work, a row of the table of repairs, has no place.

        ``headers``: column of the table to header of the file.
        """
        raw = RawTable(row.source_file, row.source_sheet, pd.DataFrame())
        column = {"unknown-crossing": "crossing_id", "unknown-road": "road_id"}.get(code)
        names = (column,) if column else ("route", "km_from", "km_to")
        told = [str(getattr(row, name)) for name in names if not pd.isna(getattr(row, name))]
        header = headers.get(names[0], names[0])
        self.reject("repairs", raw, row.source_row, header, " ".join(told) or None, code)

    def remark_rows(
        self,
        table: str,
        raw: RawTable,
        rows: np.ndarray,
        column: str | None,
        code: str,
        *,
        used: Sequence[Any] | None = None,
        shown: pd.Series | None = None,
    ) -> None:
        """Note what was done with several rows, given by a mask over the table.

        Parameters
        ----------
        code
            Key in the label files: ``repaired.`` or ``doubtful.`` and a name.
        used
            What was taken for each of these rows, in their order.
        """
        at = np.flatnonzero(rows)
        cells = raw.frame.get(column) if shown is None and column is not None else shown
        if len(at) > LISTED:
            value = None if cells is None else cells.iloc[at[0]]
            example = None if used is None else used[0]
            self.remark_column(table, raw, column, code, len(at), value=value, used=example)
            return
        for i, position in enumerate(map(int, at)):
            value = None if cells is None else cells.iloc[position]
            taken = None if used is None else used[i]
            row = int(raw.frame.index[position])
            self._remark(table, raw, row, 1, column, _shown(value), _shown(taken), code)

    def remark_column(
        self,
        table: str,
        raw: RawTable,
        column: str | None,
        code: str,
        count: int,
        *,
        value: Any = None,
        used: Any = None,
    ) -> None:
        """Note what was done with ``count`` cells of a column (or a table) alike; one example."""
        self._remark(table, raw, None, count, column, _shown(value), _shown(used), code)

    def _remark(
        self,
        table: str,
        raw: RawTable,
        row: int | None,
        count: int,
        column: str | None,
        value: str | None,
        used: str | None,
        code: str,
    ) -> None:
        kind, _, name = code.partition(".")
        self.remarks.append(
            {
                "table": table,
                "file": raw.file,
                "sheet": raw.sheet,
                "row": row,
                "count": count,
                "column": column or None,
                "value": value,
                "used": used,
                "kind": kind,
                "code": name,
            }
        )

    def add(self, others: Findings) -> None:
        """Take over what was noted apart."""
        self.rejects += others.rejects
        self.remarks += others.remarks

    def add_sparing(self, others: Findings, spared: Iterable[int], code: str) -> None:
        """Take over what was noted apart of one table; spared rows keep their place.

        A row whose only fault is a cell that can be done without is used, that cell unknown:
        what would be a reject becomes the remark ``code``.
        """
        kept = set(spared)
        doubted: dict[str | None, list[dict[str, Any]]] = {}
        for record in others.rejects:
            if record["row"] in kept:
                doubted.setdefault(record["column"], []).append(record)
            else:
                self.rejects.append(record)
        self.remarks += others.remarks
        kind, _, name = code.partition(".")
        for records in doubted.values():
            made = [
                {**record, "count": 1, "used": None, "kind": kind, "code": name}
                for record in records
            ]
            if len(made) > LISTED:
                made = [{**made[0], "row": None, "count": len(made)}]
            self.remarks += made

    def opened(self, table: str, raw: RawTable) -> None:
        """Note what was done to a whole table when it was opened."""
        for each in raw.repairs:
            self.remark_column(
                table, raw, each.column, each.code, each.count, value=each.value, used=each.used
            )

    def nothing_left(self, table: str, count: int) -> BlackspotsError:
        """The error for a table none of whose rows could be used, with the first problem."""
        first = next(record for record in self.rejects if record["table"] == table)
        place = {key: first[key] for key in ("file", "row", "column", "value")}
        reason = Term(f"reject.{first['code']}")
        return BlackspotsError("all-rejected", count=count, reason=reason, **place)

    def rejects_frame(self) -> pd.DataFrame:
        """The table :data:`blackspots.schema.REJECTS`."""
        frame = pd.DataFrame(self.rejects, columns=[column.name for column in REJECTS.columns])
        return _checked(frame.astype({"row": "int64"}), REJECTS)

    def remarks_frame(self) -> pd.DataFrame:
        """The table :data:`blackspots.schema.REMARKS`."""
        frame = pd.DataFrame(self.remarks, columns=[column.name for column in REMARKS.columns])
        return _checked(frame.astype({"row": "Int64", "count": "int64"}), REMARKS)


def _shown(value: Any) -> str | None:
    absent = value is None or (pd.api.types.is_scalar(value) and pd.isna(value))
    # A phone number typed into the column of dates is still a phone number.
    return None if absent else mask(text(value))[:_SHOWN]


def _checked(frame: pd.DataFrame, table: Any) -> pd.DataFrame:
    for column in table.columns:
        if column.kind == "text":
            cells = frame[column.name].astype("object")
            frame[column.name] = cells.where(cells.notna(), None)
    frame.index = pd.RangeIndex(1, len(frame) + 1, name=table.index)
    check(frame, table)
    return frame
