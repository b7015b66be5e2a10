"""Opening whatever file a study names, and the tables in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd

from blackspots.errors import BlackspotsError
from blackspots.sources import delimited, osm, vector, workbooks
from blackspots.sources.fonts import in_unicode
from blackspots.sources.raw import RawTable, Repair, filtered

KNOWN: Final = (*workbooks.SUFFIXES, *delimited.SUFFIXES, *vector.SUFFIXES, *osm.SUFFIXES)
"""Endings of the files that can be read."""

Headers = Mapping[str, str | Sequence[str]]
"""Column of a table to its header in the file, or to several of which a file has one."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where one table comes from, as a study says it.

    ``layer`` names a layer or sheet; ``crs`` goes before what the file says; ``columns`` maps
    columns of the table to headers; ``keep`` maps headers to the values of wanted rows;
    ``within`` is a box of longitudes and latitudes beyond which OpenStreetMap data are left
    out; ``allowed`` names headers of personal data that may be used.
    """

    path: Path
    layer: str | None = None
    crs: str | None = None
    columns: Headers = field(default_factory=dict)
    keep: Mapping[str, Any] = field(default_factory=dict)
    encoding: str | None = None
    within: tuple[float, float, float, float] | None = None
    allowed: tuple[str, ...] = ()

    def tables(self, name: str) -> list[RawTable]:
        """All tables of the file, the unwanted rows left out; ``name`` is the table wanted."""
        if osm.is_osm(self.path):
            _require_file(self.path)
            raw = osm.read_osm(self.path, name, within=self.within)
            raws: Iterator[RawTable] = iter([replace(raw, repairs=_said(raw))])
        else:
            raws = read_raw(self.path, layer=self.layer, encoding=self.encoding)
        return _whole([filtered(raw, self.keep) for raw in raws])

    def table(self, name: str) -> RawTable:
        """The one table of the file, which is called ``name`` in messages.

        Raises
        ------
        BlackspotsError
            ``several-layers`` or ``empty-layer``.
        """
        tables = self.tables(name)
        if len(tables) > 1:
            have = ", ".join(str(t.sheet) for t in tables)
            raise BlackspotsError("several-layers", file=self.path.name, have=have)
        if not len(tables[0].frame):  # not "empty": a layer may have shapes only
            raise BlackspotsError("empty-layer", file=tables[0].where, table=name)
        return tables[0]


def read_raw(
    path: Path,
    *,
    sheets: Sequence[str] = (),
    layer: str | None = None,
    encoding: str | None = None,
) -> Iterator[RawTable]:
    """All tables of a file: every sheet, or those named; one layer, or those named.

    A layer too big to hold comes in pieces, one after the other.

    Raises
    ------
    BlackspotsError
        ``missing-input``, ``empty-file``, ``unknown-format``, or what reading the file says.
    """
    _require_file(path)
    suffix = path.suffix.lower()
    if suffix in vector.SUFFIXES:
        named: Sequence[str | None] = [layer] if layer else (sheets or [None])
        for name in named:
            yield from map(in_unicode, vector.read_vector(path, name))
    elif suffix in workbooks.SUFFIXES:
        yield from workbooks.read_workbook(path, [layer] if layer else sheets)
    elif suffix in delimited.SUFFIXES:
        yield in_unicode(delimited.read_delimited(path, encoding))
    else:
        raise BlackspotsError("unknown-format", file=path.name, known=" ".join(KNOWN))


def _said(raw: RawTable) -> tuple[Repair, ...]:
    """What reading an OpenStreetMap file left out or cut, as entries for the user."""
    codes = {"outside": "repaired.osm-outside", "shortened": "repaired.osm-shortened"}
    counts = {code: int(raw.frame.attrs.get(key, 0)) for key, code in codes.items()}
    return tuple(Repair(code, count) for code, count in counts.items() if count)


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise BlackspotsError("missing-input", file=str(path))
    if path.stat().st_size == 0:
        raise BlackspotsError("empty-file", file=path.name)


def _whole(parts: Sequence[RawTable]) -> list[RawTable]:
    """Tables with the pieces of a streamed layer put together."""
    made: dict[tuple[str, str | None], list[RawTable]] = {}
    for part in parts:
        made.setdefault((part.file, part.sheet), []).append(part)
    return [_joined(pieces) for pieces in made.values()]


def _joined(pieces: Sequence[RawTable]) -> RawTable:
    first = pieces[0]
    if len(pieces) == 1:
        return first
    frame = pd.concat([piece.frame for piece in pieces])
    shapes = [piece.geometry for piece in pieces if piece.geometry is not None]
    geometry = gpd.GeoSeries(pd.concat(shapes), crs=first.crs) if shapes else None
    return replace(first, frame=frame, geometry=geometry)
