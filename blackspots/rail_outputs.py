"""What a run says of level crossings: tables, layers, registers, and the list for the field."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd

from blackspots import store, verification
from blackspots.crossings.register import by_commune, by_line
from blackspots.crossings_book import write_register
from blackspots.labels import text
from blackspots.rail_words import rail_notes
from blackspots.results import Result
from blackspots.summary import MILLION, banner

REGISTER: Final = "crossings"
"""Name of the register's workbook, document and table."""


def write_rail(result: Result, folder: Path, fresh: Path, notice: str) -> None:
    """Write all files of level crossings into ``fresh``, which takes ``folder``'s place."""
    railway, made = result.railway, result.crossings
    if railway is None:
        return
    _write_tables(result, fresh, notice)
    entries = None if railway.applied is None else railway.applied.entries
    study = result.study.study
    language = study.language
    name = study.name.get(language) or next(iter(study.name.values()))
    verification.write_verification(
        fresh / verification.list_name(folder, result.study),
        verification.verification_places(railway.found, entries),
        crossings=railway.crossings,
        matches=railway.matched.matches,
        name=name,
        language=language,
        banner=notice,
    )
    verification.keep_read(folder, fresh, result.study)
    if made is None:
        return
    closures = result.closures
    start, end = (f"{day:%d/%m/%Y}" for day in result.period)
    write_register(
        fresh / f"{REGISTER}.xlsx",
        fresh / f"{REGISTER}.docx",
        register=made.register,
        closures=None if closures is None else closures.table,
        matches=railway.matched.matches,
        found=railway.found,
        by_line=by_line(made.register),
        by_commune=by_commune(made.register),
        notes=rail_notes(result, language),
        sources=list(study.sources),
        title=name,
        period=text("book.period", language, start=start, end=end),
        language=language,
        banner=banner(result, language),
        currency=result.knowledge.costs.currency,
        money_unit=MILLION,
    )


def _write_tables(result: Result, fresh: Path, notice: str) -> None:
    railway, made, closures = result.railway, result.crossings, result.closures
    if railway is None:
        return
    frames: dict[str, pd.DataFrame] = {
        "crossings-found.csv": railway.found,
        "crossings-matches.csv": railway.matched.matches,
    }
    if made is not None:
        frames[f"{REGISTER}.csv"] = made.register
        rated = made.rated
        proofs = {"calibration": rated.calibration, "hold-out": rated.holdout}
        frames |= {f"{REGISTER}-{n}.csv": f for n, f in proofs.items() if f is not None}
    if closures is not None:
        frames["closures.csv"] = closures.table
        frames["closure-effects.csv"] = closures.effects
    for name, frame in frames.items():
        plain = frame
        if isinstance(frame, gpd.GeoDataFrame):
            plain = pd.DataFrame(frame.drop(columns=frame.geometry.name))
        store.write_csv(plain, fresh / name, notice=notice)


def rail_layers(result: Result) -> dict[str, Any]:
    """Layers of the GeoPackage."""
    railway, made, closures = result.railway, result.crossings, result.closures
    if railway is None:
        return {}
    lines = railway.lines.lines
    layers: dict[str, Any] = {
        "rail_lines": lines.drop(columns=["post_measures", "post_km"], errors="ignore"),
        "crossings_found": railway.found,
    }
    if made is not None:
        layers["crossing_register"] = made.register
    if closures is not None:
        of = closures.table
        layers["closures"] = of[of.geom_type.isin(["LineString", "MultiLineString"])]
    return {name: frame for name, frame in layers.items() if len(frame)}
