"""Writing results: an output folder that is whole or untouched, tables, a styled GeoPackage."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd
import pyogrio

from blackspots.errors import BlackspotsError

MARKER: Final = "summary.json"
"""A folder that holds this file was written by a command, which it names, and may be replaced."""
LOCATE: Final = "locate"
"""The command that places crashes without a study."""

OWN: Final = frozenset(
    {
        MARKER,
        "agreement.csv",
        "areas.csv",
        "blackspots.gpkg",
        "certainty.csv",
        "clusters.csv",
        "closure-effects.csv",
        "closures.csv",
        "crossings-calibration.csv",
        "crossings-found.csv",
        "crossings-hold-out.csv",
        "crossings-matches.csv",
        "crossings-to-verify.xlsx",
        "crossings.csv",
        "crossings.docx",
        "crossings.xlsx",
        "map.html",
        "programme.csv",
        "ranking.csv",
        "ranking.xlsx",
        "rejected.csv",
        "remarks.csv",
        "review.xlsx",
        "segments.csv",
        "sites.xlsx",
        "candidates.csv",
        "parts.csv",
        "unplaced.csv",
    }
)
"""What a run may write; an earlier run's that the new one has not would contradict it."""

_STAMP: Final = "2000-01-01T00:00:00.000Z"
_NUMBER: Final = re.compile(r"[+-]?\d+([.,]\d+)?")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def _writer(marker: Path) -> str | None:
    """The command that wrote the results that a marker stands beside; None if it is no marker."""
    try:
        told = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(told, dict) or not {"version", "read", "placed", "rejected"} <= told.keys():
        return None
    # Markers that do not say it yet: only a run has a definition.
    return str(told.get("command") or ("run" if "definition" in told else LOCATE))


def refuse_foreign(folder: Path, command: str = "run") -> None:
    """Refuse a folder that is not for the results of ``command``.

    Raises
    ------
    BlackspotsError
        ``output-foreign`` when it is a file, or holds files but no results; ``output-of-run``
        when it holds those of another command, which would be replaced or mixed. A run takes
        the place of placed crashes, which are a part of it.
    """
    if not folder.exists():
        return
    writer = _writer(folder / MARKER)
    if writer is None:
        found = [] if not folder.is_dir() else sorted(p.name for p in folder.iterdir())[:3]
        if found or not folder.is_dir():
            raise BlackspotsError(
                "output-foreign", folder=str(folder), found=", ".join(found) or folder.name
            )
    elif writer != command and (command, writer) != ("run", LOCATE):
        raise BlackspotsError("output-of-run", folder=str(folder), command=writer)


@contextmanager
def whole_folder(
    folder: Path, command: str = "run", *, own: Collection[str] = OWN
) -> Iterator[Path]:
    """A temporary folder that takes ``folder``'s place when the block ends without an error.

    Files in the old folder that are none of ``own`` are kept.

    Raises
    ------
    BlackspotsError
        What :func:`refuse_foreign` says of it for this command; ``output-locked`` or
        ``output-failed`` when it cannot be written or replaced.
    """
    folder = folder.resolve()
    refuse_foreign(folder, command)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise BlackspotsError("output-failed", folder=str(folder), problem=str(error)) from error
    try:
        yield fresh
        _swap(fresh, folder, own)
    except OSError as error:
        raise BlackspotsError("output-failed", folder=str(folder), problem=str(error)) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary file that takes ``path``'s place when the block ends without an error.

    A reader sees the old file or the new one. The mode of the old one stays; a link is
    followed.

    Raises
    ------
    BlackspotsError
        ``output-locked`` when ``path`` is there and cannot be replaced; ``output-failed``.
    """
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent
        )
        os.close(handle)
    except OSError as error:
        raise BlackspotsError("output-failed", folder=str(path), problem=str(error)) from error
    fresh = Path(name)
    try:
        yield fresh
        if path.exists():
            shutil.copymode(path, fresh)
        else:
            fresh.chmod(0o644)
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        _take_place(fresh, path)
    except OSError as error:
        raise BlackspotsError("output-failed", folder=str(path), problem=str(error)) from error
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


def _take_place(fresh: Path, path: Path) -> None:
    """Put ``fresh`` where ``path`` is; a file that is open elsewhere cannot be replaced."""
    try:
        fresh.replace(path)
    except OSError as error:
        if not path.exists():
            raise
        raise BlackspotsError("output-locked", file=str(path)) from error


def _swap(fresh: Path, folder: Path, own: Collection[str]) -> None:
    """Put ``fresh`` where ``folder`` is; back to the old one if that fails half-way."""
    fresh.chmod(0o755)
    for file in fresh.rglob("*"):
        if file.is_file():
            with file.open("rb+") as handle:
                os.fsync(handle.fileno())
    if not folder.exists():
        fresh.replace(folder)
        return
    for entry in folder.iterdir():
        if entry.name not in own and not (fresh / entry.name).exists():
            # Copied, not moved: whatever fails from here on, the old folder is still whole.
            keep = shutil.copytree if entry.is_dir() else shutil.copy2
            keep(entry, fresh / entry.name)
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
    try:
        folder.replace(old / "was")
    except OSError as error:
        shutil.rmtree(old, ignore_errors=True)
        raise BlackspotsError("output-locked", file=str(folder)) from error
    try:
        fresh.replace(folder)
    except OSError:
        (old / "was").replace(folder)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def safe_text(value: Any) -> Any:
    """Text that a spreadsheet will not run: a leading = + - @ gets an apostrophe."""
    if not isinstance(value, str) or not value.startswith(_FORMULA) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"


def _one_cell(value: Any) -> Any:
    """Safe text whose line ends the writer will quote: it leaves a lone CR as it is."""
    safe = safe_text(value)
    return re.sub(r"\r\n?", "\n", safe) if isinstance(safe, str) else safe


def write_csv(frame: pd.DataFrame, path: Path, *, index: bool = True, notice: str = "") -> None:
    """A table as CSV: UTF-8 with BOM (for Excel), points as decimal marks, dates ISO.

    ``notice`` (that the data are simulated) stands in a last column of every row.
    """
    made = frame.reset_index() if index else frame.copy()
    if isinstance(made, gpd.GeoDataFrame):
        made = pd.DataFrame(made.drop(columns=made.geometry.name))
    for column in made.columns:
        if pd.api.types.is_datetime64_any_dtype(made[column]):
            made[column] = made[column].dt.strftime("%Y-%m-%d")
        elif made[column].dtype == object or pd.api.types.is_string_dtype(made[column]):
            made[column] = made[column].map(_one_cell)
    if notice:
        made["notice"] = notice
    made.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\n", float_format="%.15g")


def write_geopackage(
    path: Path,
    layers: Mapping[str, pd.DataFrame],
    styles: Mapping[str, str],
    *,
    description: str = "",
) -> None:
    """Layers as a GeoPackage whose default styles QGIS applies on opening.

    Parameters
    ----------
    layers
        Name to frame; frames without geometry become attribute tables, empty ones are left
        out. List-like columns are left out.
    styles
        Layer name to QML.
    description
        What every layer says of itself: that its data are simulated, and its sources.

    Notes
    -----
    Time stamps are fixed so that equal results give equal files.
    """
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _STAMP})
    written: set[str] = set()
    for name, frame in layers.items():
        if frame is None or frame.empty:
            continue
        made = _plain(frame)
        pyogrio.write_dataframe(
            made,
            path,
            layer=name,
            driver="GPKG",
            append=bool(written),
            promote_to_multi=False,
            layer_options={"DESCRIPTION": description} if description else {},
            # The version that older QGIS in offices reads without a warning.
            dataset_options={"VERSION": "1.2"},
        )
        written.add(name)
    _add_styles(path, {name: qml for name, qml in styles.items() if name in written})


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Column types that a GeoPackage has."""
    made = frame.reset_index()
    for column in made.columns:
        if isinstance(made, gpd.GeoDataFrame) and column == made.geometry.name:
            continue
        values = made[column]
        if values.map(lambda v: isinstance(v, list | tuple | set)).any():
            made = made.drop(columns=column)
        elif pd.api.types.is_datetime64_any_dtype(values):
            made[column] = values.dt.strftime("%Y-%m-%d").astype(object).where(values.notna(), None)
        elif pd.api.types.is_bool_dtype(values) and values.dtype != bool:
            made[column] = values.astype("Int8")
        elif values.dtype == object and values.isna().all():
            made[column] = pd.Series([None] * len(values), dtype="object")
    return made


def _add_styles(path: Path, styles: Mapping[str, str]) -> None:
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(
            "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,"
            " f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256),"
            " f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,"
            " useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),"
            " update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"
        )
        base.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description,"
            " last_change, srs_id) VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?, 0)",
            (_STAMP,),
        )
        base.executemany(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name,"
            " f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, owner,"
            " update_time) VALUES ('', '', ?, ?, ?, ?, '', 1, '', '', ?)",
            [
                (name, _geometry_column(base, name), name, qml, _STAMP)
                for name, qml in styles.items()
            ],
        )


def _geometry_column(base: sqlite3.Connection, name: str) -> str:
    row = base.execute(
        "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (name,)
    ).fetchone()
    return str(row[0]) if row else ""
