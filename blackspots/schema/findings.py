"""The tables of what was refused on reading, and of what was taken with a remark."""

from __future__ import annotations

from typing import Final

from blackspots.schema.keeping import Column, Table

REJECTS: Final = Table(
    "rejects",
    "reject_id",
    "Rows that could not be read, one line for each problem of a row.",
    (
        Column("table", "text", "table the row was meant for", required=True),
        Column("file", "text", "file", required=True),
        Column("sheet", "text", "sheet or layer"),
        Column("row", "integer", "row in the file, the header being row 1", required=True),
        Column("column", "text", "column"),
        Column("value", "text", "value found"),
        Column("code", "text", "key below reject. in the label files", required=True),
    ),
)

REMARKS: Final = Table(
    "remarks",
    "remark_id",
    "Cells that were used though not as they stand, or though they may be wrong.",
    (
        Column("table", "text", "table the row was meant for", required=True),
        Column("file", "text", "file", required=True),
        Column("sheet", "text", "sheet or layer"),
        Column("row", "integer", "row in the file; empty where the entry is of many cells"),
        Column("count", "integer", "number of cells", required=True, minimum=0),
        Column("column", "text", "column"),
        Column("value", "text", "value found, or one example"),
        Column("used", "text", "value used instead"),
        Column("kind", "text", "what became of it", "", True, ("repaired", "doubtful")),
        Column("code", "text", "key below repaired. or doubtful. in the label files", "", True),
    ),
)
