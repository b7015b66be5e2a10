"""The tables in a folder, and what each may be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from blackspots.errors import BlackspotsError
from blackspots.labels import Term
from blackspots.presets.filewords import meanings
from blackspots.presets.headers import aliases, meaning_of, plain
from blackspots.sources import files, osm, values, vector
from blackspots.sources.proposals import propose
from blackspots.sources.raw import RawTable, distinct_cells
from blackspots.sources.sheet import PARTS

BIG_OSM: Final = 60 << 20
"""Bytes above which an OpenStreetMap file is not looked into."""

_OSM_TABLES: Final = ("roads", "crossings", "railways", "places")
_BESIDE: Final = frozenset(
    {
        ".dbf",
        ".shx",
        ".prj",
        ".cpg",
        ".sbn",
        ".sbx",
        ".qix",
        ".qpj",
        ".qmd",
        ".qml",
        ".sld",
        ".xml",
        ".lock",
        ".gpkg-wal",
        ".gpkg-shm",
        ".gpkg-journal",
        ".aux",
        ".ini",
        ".toml",
        ".py",
        ".cmd",
        ".bat",
        ".sh",
    }
)
"""Endings of files that are part of another one, or no data."""
_OWN: Final = frozenset({"check.xlsx", "thumbs.db", "desktop.ini"})
_RESULT: Final = {"version", "read", "placed", "rejected"}
_EVIDENCE: Final = frozenset(
    {
        "date",
        "hour",
        "severity",
        "deaths",
        "serious",
        "slight",
        "injured",
        "crash_type",
        "mode",
        "cause",
        "train_involved",
    }
)
_OF_ROADS: Final = frozenset(
    {
        "ref",
        "road_class",
        "aadt",
        "km_from",
        "km_to",
        "bridge",
        "tunnel",
        "oneway",
        "lanes",
        "surface",
        "maxspeed",
    }
)
_OF_CROSSINGS: Final = frozenset({"crossing_id", "kind", "protection", "railway", "trains"})
_ENOUGH: Final = 2
_SAMPLE: Final = 200
_FEW_POLYGONS: Final = 3
_KINDS: Final = 40


@dataclass(frozen=True, slots=True)
class Part:
    """One table of one file; ``layer`` is its name where the file has several.

    ``seen`` is false for a file too big to look into.
    """

    path: Path
    layer: str | None
    raw: RawTable
    osm: str | None = None
    seen: bool = True

    @property
    def file(self) -> str:
        """The path within the folder, as a study writes it."""
        return self.path.as_posix()

    @property
    def words(self) -> list[str]:
        """Tables that the names of the file and its layer speak of."""
        return meanings(f"{self.path.stem} {self.layer or ''}", "tables")

    @property
    def levels(self) -> list[str]:
        """Levels of areas that they speak of."""
        return meanings(f"{self.path.stem} {self.layer or ''}", "levels")


@dataclass(frozen=True, slots=True)
class Use:
    """What a table may serve as; ``doubt`` says why that is not sure."""

    table: str
    doubt: Term | None = None
    keep: tuple[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that gave no table, and why."""

    file: str
    why: BlackspotsError | Term


def read_folder(folder: Path) -> tuple[list[Part], list[Unread]]:
    """All tables of the folder and of the folders in it, one level deep."""
    parts: list[Part] = []
    unread: list[Unread] = []
    for path in _files(folder):
        shown = path.relative_to(folder)
        try:
            shown.as_posix().encode()
        except UnicodeEncodeError:
            name = shown.as_posix().encode("utf-8", "replace").decode()
            unread.append(Unread(name, Term("start.why.name")))
            continue
        if not path.name.lower().endswith(files.KNOWN):
            unread.append(Unread(shown.as_posix(), Term("start.why.format")))
            continue
        try:
            parts += _parts(path, shown)
        except BlackspotsError as error:
            unread.append(Unread(shown.as_posix(), error))
        except Exception as error:  # noqa: BLE001 - whatever a broken file does to its reader
            problem = f"{type(error).__name__}: {error}"
            why = BlackspotsError("unreadable", file=path.name, problem=problem)
            unread.append(Unread(shown.as_posix(), why))
    return parts, unread


def _files(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith((".", "~$")):
            continue
        if entry.is_dir():
            if entry.name.lower() == "out" or _is_result(entry):
                continue
            yield from (f for f in sorted(entry.iterdir()) if f.is_file() and _may_be_data(f))
        elif entry.is_file() and _may_be_data(entry):
            yield entry


def _may_be_data(path: Path) -> bool:
    name = path.name.lower()
    if name.startswith((".", "~$")) or name in _OWN:
        return False
    return osm.is_osm(path) or path.suffix.lower() not in _BESIDE


def _is_result(folder: Path) -> bool:
    """Whether a run wrote the folder."""
    try:
        told = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and told.keys() >= _RESULT


def _parts(path: Path, shown: Path) -> Iterator[Part]:
    if osm.is_osm(path):
        yield from _osm_parts(path, shown)
        return
    names: list[str] = []
    if path.suffix.lower() in vector.SUFFIXES:
        names = vector.layer_names(path)
    seen: set[str | None] = set()
    tables = []
    # Of a layer that comes in pieces the first shows what it is.
    for raw in files.read_raw(path, sheets=names if len(names) > 1 else ()):
        if raw.sheet not in seen:
            seen.add(raw.sheet)
            tables.append(raw)
        if len(names) == 1:
            break
    for raw in tables:
        yield Part(shown, raw.sheet if len(tables) > 1 else None, raw)


def _osm_parts(path: Path, shown: Path) -> Iterator[Part]:
    if path.stat().st_size > BIG_OSM:
        for name in _OSM_TABLES[:3]:
            yield Part(shown, None, RawTable(path.name, name, pd.DataFrame()), name, seen=False)
        return
    for name in _OSM_TABLES:
        try:
            yield Part(shown, None, osm.read_osm(path, name), name)
        except BlackspotsError as error:
            if error.code not in {"empty-layer", "osm-no-ways"}:
                raise


def headers(raw: RawTable, table: str) -> dict[str, list[str]]:
    """Column to the headers that are known for it, the one most its own first."""
    known = aliases(table)
    order = {word: i for i, word in enumerate(known)}
    found: dict[str, list[tuple[int, str]]] = {}
    for header in map(str, raw.frame.columns):
        means = meaning_of(header, known)
        word = plain(header)
        if means is None and PARTS in header:
            word = plain(header.rpartition(PARTS)[2])
            means = known.get(word)
        if means is not None:
            found.setdefault(means, []).append((order.get(word, len(order)), header))
    return {column: [header for _, header in sorted(some)] for column, some in found.items()}


def columns(raw: RawTable, table: str) -> dict[str, str]:
    """Column to its header."""
    return {column: some[0] for column, some in headers(raw, table).items()}


def says_where(raw: RawTable, found: dict[str, str]) -> bool:
    """Whether a register's rows have places."""
    pairs = ({"lon", "lat"}, {"x", "y"}, {"coordinates"}, {"km"})
    return raw.geometry is not None or any(pair <= found.keys() for pair in pairs)


def uses(part: Part) -> list[Use]:
    """What a table may serve as, likeliest first; none where nothing is known about it."""
    if part.osm:
        return [Use(part.osm)]
    raw = part.raw
    if raw.frame.empty and raw.geometry is None:
        return []
    shape = _shape(raw)
    if shape == "polygon":
        return _of_polygons(part)
    if shape == "line":
        return _of_lines(part)
    if shape == "mixed":
        return []
    found = [_crash(part), _repair(part), _crossing(part)]
    if shape == "point":
        found.append(_place(part))
    else:
        found.append(_two_ended(part))
    return [use for use in found if use is not None]


def _shape(raw: RawTable) -> str | None:
    if raw.geometry is None:
        return None
    kinds = {str(kind).removeprefix("Multi") for kind in raw.geometry.geom_type.dropna().unique()}
    names = {"Point": "point", "LineString": "line", "Polygon": "polygon"}
    return names.get(kinds.pop(), "mixed") if len(kinds) == 1 else "mixed"


def _of_polygons(part: Part) -> list[Use]:
    raw = part.raw
    count = len(raw.frame)
    name = columns(raw, "areas").get("name") or name_column(raw)
    distinct = 0 if name is None else len(distinct_cells(raw.frame[name])[1])
    called = "boundary" in part.words
    if distinct > 1 and not (called and not part.levels and count <= _FEW_POLYGONS):
        return [Use("areas")]
    if count <= _FEW_POLYGONS:
        doubt = None
        if not called and (part.levels or "areas" in part.words):
            doubt = Term("start.doubt.one-area")
        return [Use("boundary", doubt)]
    if called:
        return [Use("boundary")]
    return [Use("areas", Term("start.doubt.no-names"))]


def name_column(raw: RawTable) -> str | None:
    """The header of names where none is known: its words, else the one column of texts."""
    texts = []
    for header in map(str, raw.frame.columns):
        codes, distinct = distinct_cells(raw.frame[header])
        words = [cell for cell in distinct if isinstance(cell, str) and not _is_number(cell)]
        if not distinct or len(words) < len(distinct) or len(distinct) < _ENOUGH:
            continue
        told = set(plain(header).split())
        if told & {"ten", "name", "nom", "nombre"} or meanings(header, "levels"):
            return header
        if len(distinct) == int((codes >= 0).sum()):
            texts.append(header)
    return texts[0] if len(texts) == 1 else None


def _is_number(cell: str) -> bool:
    try:
        values.number(cell)
    except values.Unreadable:
        return False
    return True


def _of_lines(part: Part) -> list[Use]:
    mixed = _told_apart(part.raw)
    if mixed:
        return mixed
    known = columns(part.raw, "roads").keys() & _OF_ROADS
    words = [word for word in part.words if word in {"roads", "railways"}]
    if words == ["railways"]:
        return [Use("railways")]
    if words == ["roads"] or (not words and known):
        return [Use("roads")]
    if len(words) > 1:
        return [Use("roads", Term("start.doubt.roads-or-rails"))]
    return [Use("roads", Term("start.doubt.lines"))]


def _told_apart(raw: RawTable) -> list[Use]:
    """Roads and railways in one layer, by a column whose values say which is which."""
    for header in map(str, raw.frame.columns):
        _, distinct = distinct_cells(raw.frame[header])
        words = [cell for cell in distinct if isinstance(cell, str)]
        if not _ENOUGH <= len(words) == len(distinct) <= _KINDS:
            continue
        rails = [w for w in words if meanings(w, "values") == ["railways"]]
        roads = [w for w in words if "roads" in meanings(w, "values")]
        if rails and roads:
            rest = tuple(w for w in words if w not in rails)
            return [
                Use("roads", keep=(header, rest)),
                Use("railways", keep=(header, tuple(rails))),
            ]
    return []


def _crash(part: Part) -> Use | None:
    raw, called = part.raw, "crashes" in part.words
    found = columns(raw, "crashes")
    told = len(found.keys() & _EVIDENCE)
    nearly = propose(raw, "crashes", found, {})
    if columns(raw, "repairs").keys() & {"cost", "unit_price"} and not called:
        return None
    if told < (1 if called else _ENOUGH) and not (called and (raw.geometry is not None or nearly)):
        return None
    placed = says_where(raw, found | {p.column: p.header for p in nearly})
    return Use("crashes", None if placed else Term("start.doubt.no-place"))


def _repair(part: Part) -> Use | None:
    found = columns(part.raw, "repairs").keys()
    if "cost" in found or {"quantity", "unit_price"} <= found:
        places = ({"road_id"}, {"crossing_id"}, {"route", "km_from"}, {"lon", "lat"}, {"x", "y"})
        placed = part.raw.geometry is not None or any(place <= found for place in places)
        return Use("repairs", None if placed else Term("start.doubt.no-place"))
    if "repairs" in part.words:
        return Use("repairs", Term("start.doubt.no-cost"))
    return None


def _crossing(part: Part) -> Use | None:
    found = columns(part.raw, "crossings").keys()
    if part.raw.geometry is None and not ({"lat", "lon"} <= found or {"x", "y"} <= found):
        return None
    if "crossings" in part.words:
        return Use("crossings")
    if len(found & _OF_CROSSINGS) >= _ENOUGH:
        return Use("crossings", Term("start.doubt.by-headers"))
    return None


def _place(part: Part) -> Use | None:
    found = columns(part.raw, "places")
    if "name" not in found:
        return None
    if "places" in part.words or "rank" in found:
        return Use("places")
    return Use("places", Term("start.doubt.points"))


def _two_ended(part: Part) -> Use | None:
    found = columns(part.raw, "roads").keys()
    return Use("roads") if {"x_from", "y_from", "x_to", "y_to"} <= found else None


def sampled(cells: pd.Series) -> list[Any]:
    """Some different cells of a column that are not blank."""
    _, distinct = distinct_cells(cells.iloc[:_SAMPLE])
    return [cell for cell in distinct if not values.is_blank(cell)]


def numbers(raw: RawTable, header: str) -> np.ndarray:
    """The plain numbers of a column, NaN elsewhere."""
    from blackspots.sources.columns import plain_numbers  # noqa: PLC0415 - names would clash

    return plain_numbers(raw.frame[header])
