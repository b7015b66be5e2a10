"""What a command of level crossings found, its files and its lines on the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd

from blackspots import __version__, store, verification
from blackspots import crs as crs_
from blackspots.labels import format_number, text
from blackspots.level_crossings import Railway
from blackspots.rail_words import rate_note, said
from blackspots.shown import rejected_table, remark_table
from blackspots.sources.findings import Findings

COMMAND: Final = "crossings"
FILES: Final = frozenset(
    {
        store.MARKER,
        "crossings.gpkg",
        "crossings.csv",
        "crossings-found.csv",
        "crossings-matches.csv",
        verification.NAME,
        verification.OTHER_NAME,
        "accidents.csv",
        "tracks.csv",
        "hold-out.csv",
        "calibration.csv",
        "rejected.csv",
        "remarks.csv",
    }
)


@dataclass(frozen=True, slots=True)
class Made:
    """What a command found: tables by file name, layers, counts of the summary, lines to say."""

    action: str
    crs: str
    tables: Mapping[str, pd.DataFrame]
    layers: Mapping[str, pd.DataFrame]
    counts: Mapping[str, int]
    lines: tuple[tuple[str, Mapping[str, Any]], ...]
    findings: Findings
    told: Mapping[str, Any] = field(default_factory=dict)
    railway: Railway | None = None
    verified: Path | None = None


def refuse_other(folder: Path, verified: Path | None, crs: str) -> None:
    """Refuse a folder that is not for the results of these commands.

    Parameters
    ----------
    verified
        The field-verification list that is read; what only another list in the folder says
        would be lost.

    Raises
    ------
    BlackspotsError
        What :func:`blackspots.store.refuse_foreign` says, or ``verification-unread``.
    """
    store.refuse_foreign(folder, COMMAND)
    target = crs_.parse(crs, "--crs")
    verification.refuse_lost(folder, verified, target, base=Path.cwd())


def say(line: tuple[str, Mapping[str, Any]], language: str) -> str:
    """A line in words."""
    key, about = line
    prefix, _, code = key.partition(":")
    if prefix == "note":
        return "  " + rate_note((code, about), language)
    told = {name: said(value, language) for name, value in about.items()}
    if prefix == "unmatched":
        return f"  {text(f'unmatched.{code}', language)}: {told['count']}"
    return text(f"rate-used.{code}" if prefix == "used" else f"rail.{key}", language, **told)


def write_made(made: Made, folder: Path, language: str) -> Path:
    """Write what was found, whole or not at all; returns the GeoPackage.

    Where nothing has a place there is none, and the folder is returned.

    Raises
    ------
    BlackspotsError
        What :func:`blackspots.store.whole_folder` says of the folder.
    """
    with store.whole_folder(folder, COMMAND, own=FILES) as fresh:
        layers = {name: frame for name, frame in made.layers.items() if len(frame)}
        if layers:
            store.write_geopackage(fresh / "crossings.gpkg", layers, {})
        for name, frame in made.tables.items():
            plain = frame
            if isinstance(frame, gpd.GeoDataFrame):
                plain = pd.DataFrame(frame.drop(columns=frame.geometry.name))
                plain = plain.assign(x=frame.geometry.x.round(2), y=frame.geometry.y.round(2))
            store.write_csv(plain, fresh / name)
        rejects, remarks = made.findings.rejects_frame(), made.findings.remarks_frame()
        store.write_csv(rejected_table(rejects), fresh / "rejected.csv", index=False)
        store.write_csv(remark_table(remarks), fresh / "remarks.csv", index=False)
        if made.railway is not None:
            entries = None if made.railway.applied is None else made.railway.applied.entries
            verification.write_verification(
                fresh / verification.name_in(folder, made.verified),
                verification.verification_places(made.railway.found, entries),
                crossings=made.railway.crossings,
                matches=made.railway.matched.matches,
                name=text("rail.alone", language),
                language=language,
            )
            verification.keep_list(folder, fresh, made.verified)
        rejected = len(rejects.drop_duplicates(["table", "file", "sheet", "row"]))
        summary = {
            "version": __version__,
            "command": COMMAND,
            "action": made.action,
            "crs": made.crs,
            **made.counts,
            "rejected": rejected,
            **made.told,
        }
        told = json.dumps(summary, ensure_ascii=False, indent=1)
        (fresh / store.MARKER).write_text(told + "\n", encoding="utf-8", newline="\n")
    return folder.resolve() / ("crossings.gpkg" if layers else "")


def made_lines(made: Made, language: str) -> list[str]:
    """What was found, in a few lines for the terminal."""
    lines = [say(line, language) for line in made.lines]
    rejects = made.findings.rejects_frame().drop_duplicates(["table", "file", "sheet", "row"])
    if len(rejects):
        lines.append(text("rail.rejected", language, count=format_number(len(rejects), language)))
    return lines
