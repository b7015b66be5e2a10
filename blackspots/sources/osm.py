"""OpenStreetMap files: the roads, railways, level crossings and places in them.

What counts as each stands in ``presets/headers/osm.toml``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import shapely
from osmium.filter import TagFilter

from blackspots import crs as crs_
from blackspots.errors import BlackspotsError
from blackspots.presets import headers
from blackspots.presets.headers import OsmTable
from blackspots.sources import values
from blackspots.sources.raw import RawTable

SUFFIXES: Final = {
    ".osm.pbf": "pbf",
    ".osm": "osm",
    ".osm.xml": "osm",
    ".osm.gz": "osm.gz",
    ".osm.xml.gz": "osm.gz",
    ".osm.bz2": "osm.bz2",
    ".osm.xml.bz2": "osm.bz2",
}
"""How the name of a file ends, and libosmium's word for its format."""

_BROKEN: Final = (RuntimeError, ValueError, OSError, osmium.InvalidLocationError)
"""What pyosmium raises for a file that is not what its name says, or that breaks off."""

_BATCH: Final = 20_000
"""Objects after which shapes are made and those outside are dropped."""

_WORDS: Final = 50_000
"""Different words of a tag that are held at a time."""

_SPEED: Final = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*(km/?h|kph|mph)?", re.IGNORECASE | re.ASCII)
_LANES: Final = re.compile(r"\d{1,2}(?:\.\d)?", re.ASCII)
_LAYER: Final = re.compile(r"[+-]?\d{1,2}", re.ASCII)
KMH_PER_MPH: Final = 1.609344

Box = tuple[float, float, float, float]
Source = osmium.io.File | osmium.io.FileBuffer
Object = osmium.osm.Node | osmium.osm.Way
Tags = osmium.osm.TagList
Point = tuple[float, float]
Cell = Callable[[Tags, OsmTable], Any]


def is_osm(path: Path) -> bool:
    """Whether the name of the file is that of an OpenStreetMap file."""
    return _format(path) is not None


def read_osm(path: Path, layer: str, *, within: Box | None = None) -> RawTable:
    """One table of an OpenStreetMap file.

    Parameters
    ----------
    layer
        ``roads``, ``railways``, ``crossings`` or ``places``.
    within
        Box (west, south, east, north) [degrees]; what lies wholly outside is left out.

    Returns
    -------
    RawTable
        In EPSG:4326, rows 1 to n in the order of the file. Roads and railways hold in
        ``node_ids`` an int64 array of ids, one for each vertex. Of a way that lacks some of
        its nodes, as at the edge of an extract, the longest run of those that are there is
        kept; one without two in a row has no geometry. ``frame.attrs`` counts them:
        ``shortened`` and ``unlocated``, and what was left out as ``outside``.

    Raises
    ------
    BlackspotsError
        ``missing-input``, ``empty-file``, ``unreadable``, ``unknown-layer``, ``osm-no-ways``
        when lines are wanted of a file of nodes only, or ``empty-layer``.
    """
    if not path.is_file():
        raise BlackspotsError("missing-input", file=str(path))
    if path.stat().st_size == 0:
        raise BlackspotsError("empty-file", file=path.name)
    if layer not in _COLUMNS:
        have = ", ".join(_COLUMNS)
        raise BlackspotsError("unknown-layer", file=path.name, layer=layer, have=have)
    lines = layer in {"roads", "railways"}
    columns = ["osm_id", *_COLUMNS[layer], *(["node_ids"] if lines else [])]
    found = _Found(within)
    try:
        source = _open(path)
        (_read_ways if lines else _read_nodes)(source, layer, found)
        if not found.rows:
            raise _nothing(source, path, layer, lines=lines)
    except _BROKEN as error:
        raise BlackspotsError("unreadable", file=path.name, problem=str(error)) from error
    index = pd.RangeIndex(1, len(found.rows) + 1)
    frame = pd.DataFrame(found.rows, index=index, columns=columns, dtype=object)
    frame.attrs = {
        "outside": found.outside,
        "shortened": found.shortened,
        "unlocated": found.unlocated,
    }
    shapes = gpd.GeoSeries(np.concatenate(found.shapes), index=index, crs=crs_.WGS84)
    return RawTable(path.name, layer, frame, shapes, crs_.WGS84)


def speed(cell: Any, *, plain: float = 1.0) -> float | None:
    """A speed limit [km/h] from ``50``, ``50 km/h`` or ``30 mph``; None for ``none``, 0 ...

    ``plain`` is the unit [km/h] of a number without one. Limits that are no one number, such as
    ``VN:urban`` or ``50;60``, are not known.
    """
    found = _SPEED.fullmatch(values.text(cell))
    if found is None or not float(found[1]):
        return None
    unit = (found[2] or "").lower()
    return float(found[1]) * (KMH_PER_MPH if unit == "mph" else 1.0 if unit else plain)


def lanes(cell: Any) -> float | None:
    """A number of lanes; None for 0 and for what is no one number, such as ``2;3``."""
    words = values.text(cell)
    return (float(words) or None) if _LANES.fullmatch(words) else None


def node_ids(table: RawTable, header: str | None) -> pd.Series:
    """The ids of each line's vertices, arrays of whole numbers; None for what is none."""
    made = np.full(len(table.frame), None, dtype=object)
    for i, cell in enumerate(table.frame[header] if header is not None else ()):
        if isinstance(cell, np.ndarray) and cell.ndim == 1 and cell.dtype.kind == "i":
            made[i] = cell
    return pd.Series(made, index=table.frame.index)


def _format(path: Path) -> str | None:
    name = path.name.lower()
    return next((word for suffix, word in SUFFIXES.items() if name.endswith(suffix)), None)


def _open(path: Path) -> Source:
    # On Windows libosmium opens no file whose path has letters beyond the system's code page,
    # as Vietnamese ones are; such a file is read into memory.
    if os.name == "nt" and not str(path).isascii():
        return osmium.io.FileBuffer(path.read_bytes(), _format(path) or "")
    return osmium.io.File(str(path), _format(path) or "")


def _nothing(source: Source, path: Path, layer: str, *, lines: bool) -> BlackspotsError:
    """Why a file gave no row."""
    if not lines or next(_ways(source), None) is not None:
        return BlackspotsError("empty-layer", file=path.name, table=layer)
    count = sum(1 for _ in _nodes(source))
    if not count:
        return BlackspotsError("empty-file", file=path.name)
    return BlackspotsError("osm-no-ways", file=path.name, table=layer, nodes=count)


@dataclass(slots=True)
class _Found:
    """Rows so far, those wholly outside the box dropped a batch at a time."""

    within: Box | None
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    shapes: list[np.ndarray] = field(default_factory=list)
    outside: int = 0
    shortened: int = 0
    unlocated: int = 0

    def add(self, rows: list[tuple[Any, ...]], shapes: np.ndarray, cut: np.ndarray) -> None:
        """Rows, their shapes and which of them were shortened; nowhere counts as inside."""
        none = shapely.is_missing(shapes)
        inside = np.ones(len(rows), dtype=bool)
        if self.within is not None:
            inside = none | shapely.intersects(shapes, shapely.box(*self.within))
        self.rows += [row for row, wanted in zip(rows, inside, strict=True) if wanted]
        self.shapes.append(shapes[inside])
        self.outside += int((~inside).sum())
        self.shortened += int((cut & inside & ~none).sum())
        self.unlocated += int(none.sum())


def _read_nodes(source: Source, layer: str, found: _Found) -> None:
    rows = []
    xy = []
    taken = headers.osm()[layer]
    for node in _nodes(source, _tagged(taken)):
        if _is_taken(node, taken):
            rows.append(_row(node, layer, taken))
            xy.append(_place(node) or (np.nan, np.nan))
    places = np.array(xy, dtype="float64").reshape(-1, 2)
    shapes = np.array([None] * len(rows), dtype=object)
    known = ~np.isnan(places[:, 0])
    shapes[known] = shapely.points(places[known])
    found.add(rows, shapes, np.zeros(len(rows), dtype=bool))


def _read_ways(source: Source, layer: str, found: _Found) -> None:
    """Ways, in a second pass: a file may hold its ways before its nodes.

    The first holds the place of every node of the file, 16 bytes each. To hold only those that
    are needed takes more: pyosmium's sets of ids are bits up to the greatest id, 1.5 GB today.
    """
    taken = headers.osm()[layer]
    at_ways = osmium.NodeLocationsForWays(osmium.index.create_map("sparse_mem_array"))
    at_ways.ignore_errors()
    with osmium.io.Reader(source, osmium.osm.NODE) as reader:
        osmium.apply(reader, at_ways)
    drawn = cache(partial(_drawn, source))
    factory = osmium.geom.WKBFactory()
    rows: list[tuple[Any, ...]] = []
    wkb: list[str | None] = []
    cut: list[bool] = []
    for way in _ways(source, _tagged(taken), at_ways):
        if not _is_taken(way, taken):
            continue
        ids = np.fromiter((node.ref for node in way.nodes), "int64", len(way.nodes))
        run = slice(0, len(ids))
        try:
            shape: str | None = factory.create_linestring(way, osmium.geom.ALL)
        except (osmium.InvalidLocationError, RuntimeError):  # nodes missing, or fewer than two
            places = drawn() if ids.min(initial=0) < 0 else {}
            run, shape = _longest_run(way, places)
        cut.append(run.stop - run.start < len(ids))
        wkb.append(shape)
        rows.append((*_row(way, layer, taken), ids[run]))
        if len(rows) == _BATCH:
            found.add(rows, _shapes(wkb), np.array(cut, dtype=bool))
            rows, wkb, cut = [], [], []
    found.add(rows, _shapes(wkb), np.array(cut, dtype=bool))


def _shapes(wkb: list[str | None]) -> np.ndarray:
    return np.asarray(shapely.from_wkb(np.array(wkb, dtype=object)), dtype=object)


def _drawn(source: Source) -> dict[int, Point]:
    """Places of nodes that an editor drew and has not uploaded: their ids are negative."""
    places = ((node.id, _place(node)) for node in _nodes(source) if node.id < 0)
    return {number: place for number, place in places if place}


def _longest_run(way: osmium.osm.Way, drawn: Mapping[int, Point]) -> tuple[slice, str | None]:
    """The most vertices in a row whose place is known, and their line; the first of equals."""
    known = [drawn.get(node.ref) or _place(node) for node in way.nodes]
    runs: list[tuple[int, list[Point]]] = [(0, [])]
    for position, place in enumerate(known):
        if place is None:
            runs.append((position + 1, []))
        else:
            runs[-1][1].append(place)
    start, run = max(runs, key=lambda item: len(item[1]))
    shape = shapely.LineString(run).wkb_hex if len(run) > 1 else None
    return slice(start, start + len(run)), shape


def _place(node: osmium.osm.Node | osmium.osm.NodeRef) -> Point | None:
    return (node.lon, node.lat) if node.location.valid() else None


def _ways(source: Source, *handlers: object) -> Iterator[osmium.osm.Way]:
    with osmium.io.Reader(source, osmium.osm.WAY) as reader:
        for thing in osmium.OsmFileIterator(reader, *handlers):
            if isinstance(thing, osmium.osm.Way):
                yield thing


def _nodes(source: Source, *handlers: object) -> Iterator[osmium.osm.Node]:
    with osmium.io.Reader(source, osmium.osm.NODE) as reader:
        for thing in osmium.OsmFileIterator(reader, *handlers):
            if isinstance(thing, osmium.osm.Node):
                yield thing


def _tagged(taken: OsmTable) -> TagFilter:
    return TagFilter(*((taken.key, word) for word in taken.wanted))


def _is_taken(thing: Object, taken: OsmTable) -> bool:
    """Whether an object with a wanted tag is there, not deleted, and not ruled out."""
    return thing.visible and not any(
        thing.tags.get(key) in words for key, words in taken.without.items()
    )


def _row(thing: Object, layer: str, taken: OsmTable) -> tuple[Any, ...]:
    return (str(thing.id), *(cell(thing.tags, taken) for cell in _COLUMNS[layer].values()))


def _tag(key: str, parser: Callable[[str], Any]) -> Cell:
    """What a tag means: None without it, and for what cannot be read, as no road is lost for it.

    The same words come again and again; they are read and held once.
    """
    read = lru_cache(maxsize=_WORDS)(parser)

    def cell(tags: Tags, _: OsmTable) -> Any:
        found = tags.get(key)
        return None if found is None else read(found)

    return cell


def _word(found: str) -> str | None:
    return values.text(found) or None


def _first(found: str) -> str | None:
    """The first of several: a road of two numbers goes by the one named first."""
    return _word(found.partition(";")[0])


def _layer(found: str) -> int | None:
    return int(found) if _LAYER.fullmatch(found.strip()) else None


def _round(found: str) -> str | None:
    """``yes`` for a part of a roundabout."""
    return "yes" if found in {"roundabout", "circular"} else None


def _kind(_tags: Tags, _taken: OsmTable) -> str:
    """OpenStreetMap does not say whether a crossing is official or self-opened."""
    return "unknown"


def _protection(tags: Tags, taken: OsmTable) -> str | None:
    """What guards a crossing, in words."""
    known = (words.get(tags.get(key) or "") for key, words in taken.protection.items())
    return ", ".join(word for word in known if word) or None


def _rank(tags: Tags, taken: OsmTable) -> int | None:
    return taken.rank.get(tags.get(taken.key) or "")


_LEVELS: Final[dict[str, Cell]] = {
    "bridge": _tag("bridge", _word),
    "tunnel": _tag("tunnel", _word),
    "layer": _tag("layer", _layer),
}

_COLUMNS: Final[dict[str, dict[str, Cell]]] = {
    "roads": {
        "ref": _tag("ref", _first),
        "name": _tag("name", _word),
        "highway": _tag("highway", _word),
        **_LEVELS,
        "covered": _tag("covered", _word),
        "oneway": _tag("oneway", _word),
        "roundabout": _tag("junction", _round),
        "lanes": _tag("lanes", lanes),
        "surface": _tag("surface", _word),
        "maxspeed": _tag("maxspeed", speed),
    },
    "railways": {
        "name": _tag("name", _word),
        "ref": _tag("ref", _word),
        "rail_kind": _tag("railway", _word),
        "service": _tag("service", _word),
        **_LEVELS,
        "speed": _tag("maxspeed", speed),
    },
    # The header railway means the name of a line, and place a rank, which is a number.
    "crossings": {
        "name": _tag("name", _word),
        "kind": _kind,
        "protection": _protection,
        "railway_tag": _tag("railway", _word),
    },
    "places": {"name": _tag("name", _word), "rank": _rank, "place_tag": _tag("place", _word)},
}
"""Columns of each table after ``osm_id``, under headers that the tables know."""
