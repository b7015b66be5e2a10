"""Runs a study by the command line, and reads what it wrote without the package's own code."""

from __future__ import annotations

import csv
import json
import os
import re
import string
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio

DIGITS = string.digits + string.ascii_lowercase


def run(
    study: Path, out: Path, *, env: Mapping[str, str] | None = None, lang: str | None = None
) -> subprocess.CompletedProcess[str]:
    """``blackspots run`` in a process of its own."""
    command = [sys.executable, "-m", "blackspots", "run", str(study), "--out", str(out), "--quiet"]
    return subprocess.run(
        command + (["--lang", lang] if lang else []),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, **(env or {})},
    )


def rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV, cells as text."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def summary(out: Path) -> dict[str, Any]:
    """The run in figures."""
    made: dict[str, Any] = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return made


def layer(out: Path, name: str) -> gpd.GeoDataFrame:
    """One layer or attribute table of the GeoPackage."""
    return pyogrio.read_dataframe(out / "blackspots.gpkg", layer=name)


def layer_names(out: Path) -> list[str]:
    return [str(name) for name, _ in pyogrio.list_layers(out / "blackspots.gpkg")]


def crashes(out: Path) -> pd.DataFrame:
    """All crashes of the GeoPackage, placed and unplaced, by id."""
    parts = [pd.DataFrame(layer(out, "crashes"))]
    if "crashes_unplaced" in layer_names(out):
        parts.append(layer(out, "crashes_unplaced"))
    return pd.concat([part.astype(object) for part in parts]).set_index("crash_id")


def page(out: Path) -> dict[str, Any]:
    """The data inside the map page."""
    text = (out / "map.html").read_text(encoding="utf-8")
    found = re.findall(
        r'<script type="application/json" id="page-data">(.*?)</script>', text, re.DOTALL
    )
    assert len(found) == 1
    made: dict[str, Any] = json.loads(found[0])
    return made


def digits(values: str | list[Any]) -> list[int | None]:
    """A column of the page's data that may be packed as base-36 digits."""
    if isinstance(values, str):
        return [None if c == "-" else DIGITS.index(c) for c in values]
    return values


def words(column: Mapping[str, Any]) -> list[str | None]:
    """A column of the page's data that is packed as different words and their places."""
    return [None if at is None else column["words"][at] for at in digits(column["at"])]


def ids(column: Mapping[str, Any]) -> list[str]:
    """Names that are packed without their common start."""
    rest = column["rest"]
    return [column["start"] + name for name in (rest.split("|") if isinstance(rest, str) else rest)]


def unstep(steps: list[int]) -> list[int]:
    """Whole numbers from their differences."""
    total, made = 0, []
    for step in steps:
        total += step
        made.append(total)
    return made


def figure(text: str) -> float | None:
    """A cell of a CSV as a number; empty is unknown."""
    return float(text) if text else None


def reconciles(out: Path) -> None:
    """Every row is placed, unplaced or rejected, and every file says the same."""
    made = summary(out)
    rejected = {
        (r["file"], r["sheet"], r["row"])
        for r in rows(out / "rejected.csv")
        if r["table"] == "crashes"
    }
    unplaced = rows(out / "unplaced.csv")
    everyone = crashes(out)
    assert made["read"] == made["placed"] + made["unplaced"] + made["rejected"]
    assert made["rejected"] == len(rejected)
    assert made["unplaced"] == len(unplaced) == int(everyone["place"].isna().sum())
    assert made["placed"] == int(everyone["place"].notna().sum())
    assert made["placed"] == sum(made["placed_at"].values())
    assert all(row["reason"] for row in unplaced)
    assert everyone.index.is_unique
    counts = page(out)["meta"]["counts"]
    assert counts == {key: made[key] for key in ("read", "placed", "unplaced", "rejected")}


def tell(*lines: object) -> None:
    """Figures for a reader of the test's output (``pytest -s``)."""
    sys.stdout.writelines(f"{line}\n" for line in lines)
