"""Write docs/tables.md: every table, its columns, and the headers a file may use for them.

    python scripts/build_docs.py [--check]

``--check`` writes nothing and fails when the page is not what the code says.
"""

from __future__ import annotations

import sys
from pathlib import Path

from blackspots import schema
from blackspots.presets.headers import listed

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tables.md"
INPUTS = (
    schema.CRASHES,
    schema.ROADS,
    schema.POSTS,
    schema.CROSSINGS,
    schema.RAILWAYS,
    schema.AREAS,
    schema.REPAIRS,
)
HEAD = """# Tables

Written by `scripts/build_docs.py` from `blackspots/schema/` and
`blackspots/presets/headers/columns.toml`; do not edit by hand.

An empty cell means *unknown*, never 0. Headers are compared without marks, case and
punctuation; any other header is named in the study:

```toml
[crashes.columns]
deaths = "Số nạn nhân tử vong"
```
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## What goes in\n"]
    parts += [_table(table, headers=True) for table in INPUTS]
    parts.append("## What the stages make\n")
    parts += [_table(table, headers=False) for table in schema.TABLES if table not in INPUTS]
    return "\n".join(parts)


def _table(table: schema.Table, *, headers: bool) -> str:
    known = listed(table.name) if headers else {}
    lines = [f"### {table.name}\n", f"{table.meaning} Index: `{table.index}`.", ""]
    if table.geometry:
        lines += [f"Geometry: {', '.join(table.geometry)}.", ""]
    last = "headers known" if headers else "always filled"
    lines += [f"| column | holds | unit | {last} |", "|---|---|---|---|"]
    own = {column.name for column in table.columns}
    if headers:
        lines += [_extra(name, known) for name in known if name == table.index]
    for column in table.columns:
        if headers and column.name not in known:
            continue
        meaning = column.meaning
        if column.allowed:
            meaning += ": " + ", ".join(f"`{value}`" for value in column.allowed)
        end = ", ".join(known[column.name]) if headers else "yes" if column.required else ""
        cells = [f"`{column.name}`", meaning, column.unit, end]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [_extra(n, known) for n in known if n not in own and n != table.index]
    return "\n".join(lines) + "\n"


EXTRA = {
    "year": "year of the crash; with `month` and `day`, where no column holds the whole `date`",
    "month": "month, 1 to 12 or its name",
    "day": "day of the month",
    "coordinates": "latitude and longitude, or metres of the table's `crs`, in one cell",
    "lat": "latitude [degrees]",
    "lon": "longitude [degrees]",
    "x": "easting [m], in the table's `crs`",
    "y": "northing [m], in the table's `crs`",
    "x_from": "easting of a straight line's first end",
    "y_from": "northing of its first end",
    "x_to": "easting of its last end",
    "y_to": "northing of its last end",
}


def _extra(name: str, known: dict[str, list[str]]) -> str:
    meaning = EXTRA.get(name, "unique id; made from the position where it is missing")
    return f"| `{name}` | {meaning} | | {', '.join(known[name])} |"


def main() -> int:
    """Write the page, or check it."""
    made = page()
    if "--check" in sys.argv[1:]:
        same = PAGE.read_text(encoding="utf-8") == made
        print("docs/tables.md is current" if same else "docs/tables.md: run scripts/build_docs.py")
        return 0 if same else 1
    PAGE.write_text(made, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
