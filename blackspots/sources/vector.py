"""Vector layers: GeoPackage, GeoJSON, Shapefile, FlatGeobuf, and GeoParquet.

A layer is read at one go by way of Arrow. One that is too big to hold beside what is made of
it is streamed feature by feature, and given in pieces of the same layer.
"""

from __future__ import annotations

import datetime as dt
import glob
import importlib.util
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pyogrio
import shapely
from pyproj import CRS
from pyproj.exceptions import ProjError

from blackspots.errors import BlackspotsError
from blackspots.presets import encodings
from blackspots.sources import legacy
from blackspots.sources.raw import RawTable, Repair

PARQUET: Final = (".parquet", ".geoparquet")
SUFFIXES: Final = (".gpkg", ".geojson", ".json", ".shp", ".fgb", *PARQUET)
STREAM_ABOVE: Final = 2_000_000
"""Features above which a layer is streamed."""
PIECE: Final = 250_000
"""Features in one piece of a streamed layer."""

_BYTES: Final = "ISO-8859-1"
"""Each byte as one letter."""
_SAMPLE: Final = 50_000
"""Features by which the encoding of a streamed layer is told."""

_CANNOT_OPEN: Final = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FeatureError,
    pyogrio.errors.FieldError,
    pyogrio.errors.GeometryError,
    pa.ArrowException,
    shapely.errors.ShapelyError,
    ProjError,
    LookupError,
    TypeError,
    OSError,
    ValueError,
)


def layer_names(path: Path) -> list[str]:
    """Names of the layers of a file, in its order.

    Raises
    ------
    BlackspotsError
        ``unreadable``.
    """
    if path.suffix.lower() in PARQUET:
        return [path.stem]
    try:
        return [str(name) for name, _ in pyogrio.list_layers(path)]
    except _CANNOT_OPEN as error:
        raise BlackspotsError("unreadable", file=path.name, problem=str(error)) from error


def read_vector(path: Path, layer: str | None) -> Iterator[RawTable]:
    """One layer, in one piece or several.

    Raises
    ------
    BlackspotsError
        ``unreadable``, ``unknown-layer`` or ``several-layers``.
    """
    names = layer_names(path)
    if layer is not None and layer not in names:
        raise BlackspotsError("unknown-layer", file=path.name, layer=layer, have=", ".join(names))
    if layer is None and len(names) > 1:
        raise BlackspotsError("several-layers", file=path.name, have=", ".join(names))
    sheet = layer if len(names) > 1 else None
    name = layer or (names[0] if names else None)
    try:
        with warnings.catch_warnings():
            # Ids of features and time zones of the file play no part here.
            warnings.filterwarnings("ignore", category=RuntimeWarning, module="pyogrio")
            if path.suffix.lower() in PARQUET:
                yield _parquet(path)
            elif _too_big(path, name):
                yield from _streamed(path, name, sheet)
            else:
                yield _whole(path, name, sheet)
    except _CANNOT_OPEN as error:
        raise BlackspotsError("unreadable", file=path.name, problem=str(error)) from error


def _too_big(path: Path, layer: str | None) -> bool:
    known = pyogrio.read_info(path, layer=layer, force_feature_count=False)["features"]
    # fiona has no wheels for the newest Python; without it a layer is read whole.
    return known > STREAM_ABOVE and importlib.util.find_spec("fiona") is not None


def _whole(path: Path, layer: str | None, sheet: str | None) -> RawTable:
    tones = _tones_apart(path)
    meta, stored = pyogrio.read_arrow(path, layer=layer, encoding=_BYTES if tones else None)
    table, repairs = _in_unicode(path.name, stored)
    if tones:
        words = {name: _changed(table[name], _joined_tones) for name in _texts(table)}
        table = _with_words(table, words)
    name = meta["geometry_name"] or "wkb_geometry"
    if name not in table.column_names:
        return RawTable(path.name, sheet, _cells(table, table.num_rows), repairs=repairs)
    # Shapes that cannot exist (a line of one vertex) come as none and are rejected as rows.
    shapes = shapely.from_wkb(table[name].to_numpy(), on_invalid="ignore")
    cells = _cells(table.drop_columns([name]), table.num_rows)
    return replace(_located(path, sheet, cells, shapes, meta["crs"]), repairs=repairs)


def _in_unicode(file: str, table: pa.Table) -> tuple[pa.Table, tuple[Repair, ...]]:
    """The table with its text in Unicode: a Shapefile need not say what its bytes mean.

    Raises
    ------
    BlackspotsError
        ``unknown-encoding``.
    """
    try:
        table.validate(full=True)
    except pa.ArrowInvalid:
        texts = _texts(table)
    else:
        return table, ()
    stored = {name: table[name].cast(pa.binary()) for name in texts}
    cells = {cell for column in stored.values() for cell in column.unique().to_pylist() if cell}
    _, used = legacy.decode(b"\n".join(sorted(cells)), file=file)
    read = {cell: legacy.decode(cell, used, file=file)[0] for cell in cells} | {b"": ""}
    words = {name: _changed(column, read.__getitem__) for name, column in stored.items()}
    table = _with_words(table, words)
    table.validate(full=True)  # what is still wrong is no text
    return table, (Repair("repaired.encoding", used=used),)


def _texts(table: pa.Table) -> list[str]:
    """Names of the columns of text."""
    kinds = (pa.string(), pa.large_string())
    return [field.name for field in table.schema if field.type in kinds]


def _with_words(table: pa.Table, words: Mapping[str, Any]) -> pa.Table:
    """The table with other columns of these names."""
    for name, column in words.items():
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def _changed(column: pa.ChunkedArray, change: Callable[[Any], str]) -> pa.ChunkedArray:
    words = [None if cell is None else change(cell) for cell in column.to_pylist()]
    return pa.chunked_array([pa.array(words, pa.string())])


def _joined_tones(word: str) -> str:
    """A word of cp1258 from its bytes."""
    found = word.encode("latin-1", "replace").decode("cp1258", "replace")
    return unicodedata.normalize("NFC", found)


def _tones_apart(path: Path) -> bool:
    """Whether a Shapefile says that it is in cp1258.

    GDAL loses the last letter of such texts: it waits for a tone that may follow.
    """
    said = _cpg(path)
    return said is not None and "1258" in said.read_text("latin-1")


def _cpg(path: Path) -> Path | None:
    """The file that says the encoding of a Shapefile."""
    if path.suffix.lower() != ".shp":
        return None
    return next(path.parent.glob(f"{glob.escape(path.stem)}.[cC][pP][gG]"), None)


def _located(path: Path, sheet: str | None, cells: pd.DataFrame, shapes: Any, crs: Any) -> RawTable:
    known = None if not crs else CRS.from_user_input(crs)
    geometry = gpd.GeoSeries(shapes, index=cells.index, crs=known)
    return RawTable(path.name, sheet, cells, geometry, known)


def _cells(table: pa.Table, rows: int) -> pd.DataFrame:
    """The columns as a frame; ``rows`` is said, as a table without columns has none."""
    index = pd.RangeIndex(1, rows + 1)
    if not table.column_names:
        return pd.DataFrame(index=index)
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
    for field in table.schema:
        # Lists and objects have no different values to tell.
        if pa.types.is_nested(field.type) or isinstance(field.type, pa.BaseExtensionType):
            frame[field.name] = pd.Series(table[field.name].to_pylist(), dtype=object)
    frame.index = index
    return frame


def _parquet(path: Path) -> RawTable:
    table = pyarrow.parquet.read_table(path)
    if b"geo" not in (table.schema.metadata or {}):
        return RawTable(path.name, None, _cells(table, table.num_rows))
    located = gpd.read_parquet(path)
    others = [n for n in located.columns if isinstance(located[n].dtype, gpd.array.GeometryDtype)]
    names = [n for n in located.columns if n not in others]
    cells = _cells(table.select(names), table.num_rows)
    return _located(path, None, cells, located.geometry.array, located.crs)


def _streamed(path: Path, layer: str | None, sheet: str | None) -> Iterator[RawTable]:
    import fiona  # noqa: PLC0415 - slow, and only for what is too big to hold

    try:
        encoding, tones = _encoding(path)
        with fiona.open(path, layer=layer, encoding=encoding) as features:
            crs, first = features.crs_wkt or None, 1
            kinds = {
                n: _KINDS.get(k, _joined_tones if tones else None)
                for n, k in features.schema["properties"].items()
            }
            rest = iter(features)
            while piece := list(islice(rest, PIECE)):
                cells = pd.DataFrame(
                    {
                        name: [_cell(f.properties.get(name), kind) for f in piece]
                        for name, kind in kinds.items()
                    },
                    dtype=object,
                    index=pd.RangeIndex(first, first + len(piece)),
                )
                shapes = [None if f.geometry is None else _shape(f.geometry) for f in piece]
                if features.schema["geometry"] == "None":
                    yield RawTable(path.name, sheet, cells)
                else:
                    yield _located(path, sheet, cells, shapes, crs)
                first += len(piece)
    except (fiona.errors.FionaError, fiona._err.CPLE_BaseError) as error:  # noqa: SLF001
        raise BlackspotsError("unreadable", file=path.name, problem=str(error)) from error


def _encoding(path: Path) -> tuple[str | None, bool]:
    """With which encoding to stream, if it has to be said; and whether tones stand apart.

    Of a Shapefile that does not say it, it is told by the first rows. Letters of an old font
    come as they are shown, as in any other file.
    """
    if _tones_apart(path):
        return _BYTES, True
    if path.suffix.lower() != ".shp" or _cpg(path) is not None:
        return None, False
    _, repairs = _in_unicode(path.name, pyogrio.read_arrow(path, max_features=_SAMPLE)[1])
    used = repairs[0].used if repairs else "utf-8"
    if used == "cp1258":
        return _BYTES, True
    return ("cp1252" if used in encodings.SCHEMES else used), False


def _shape(geometry: Any) -> Any:
    try:
        return shapely.geometry.shape(geometry)
    except (ValueError, shapely.errors.ShapelyError):
        return None  # as in a layer read whole: rejected as a row


_KINDS: Final = {"date": dt.date.fromisoformat, "datetime": dt.datetime.fromisoformat}


def _cell(value: Any, kind: Any) -> Any:
    """A cell as a layer read whole has it: days and times are not text."""
    if kind is None or not isinstance(value, str):
        return value
    try:
        return kind(value)
    except ValueError:
        return value
