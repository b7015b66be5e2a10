"""Vector layers: GeoPackage, GeoJSON, Shapefile, FlatGeobuf, and GeoParquet.

A layer is read at one go by way of Arrow. One that is too big to hold beside what is made of
it is streamed feature by feature, and given in pieces of the same layer.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
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

from blackspots.errors import BlackspotsError
from blackspots.sources.raw import RawTable

PARQUET: Final = (".parquet", ".geoparquet")
SUFFIXES: Final = (".gpkg", ".geojson", ".json", ".shp", ".fgb", *PARQUET)
STREAM_ABOVE: Final = 2_000_000
"""Features above which a layer is streamed."""
PIECE: Final = 250_000
"""Features in one piece of a streamed layer."""

_CANNOT_OPEN: Final = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FeatureError,
    pyogrio.errors.FieldError,
    pyogrio.errors.GeometryError,
    pa.ArrowException,
    shapely.errors.ShapelyError,
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
    meta, table = pyogrio.read_arrow(path, layer=layer)
    name = meta["geometry_name"] or "wkb_geometry"
    if name not in table.column_names:
        return RawTable(path.name, sheet, _cells(table))
    # Shapes that cannot exist (a line of one vertex) come as none and are rejected as rows.
    shapes = shapely.from_wkb(table[name].to_numpy(), on_invalid="ignore")
    cells = _cells(table.drop_columns([name]))
    return _located(path, sheet, cells, shapes, meta["crs"])


def _located(path: Path, sheet: str | None, cells: pd.DataFrame, shapes: Any, crs: Any) -> RawTable:
    known = None if not crs else CRS.from_user_input(crs)
    geometry = gpd.GeoSeries(shapes, index=cells.index, crs=known)
    return RawTable(path.name, sheet, cells, geometry, known)


def _cells(table: pa.Table, first: int = 1) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
    for field in table.schema:
        if pa.types.is_nested(field.type):  # lists have no different values to tell
            frame[field.name] = pd.Series(table[field.name].to_pylist(), dtype=object)
    frame.index = pd.RangeIndex(first, first + len(frame))
    return frame


def _parquet(path: Path) -> RawTable:
    table = pyarrow.parquet.read_table(path)
    if b"geo" not in (table.schema.metadata or {}):
        return RawTable(path.name, None, _cells(table))
    located = gpd.read_parquet(path)
    others = [n for n in located.columns if isinstance(located[n].dtype, gpd.array.GeometryDtype)]
    cells = _cells(table.select([n for n in located.columns if n not in others]))
    return _located(path, None, cells, located.geometry.array, located.crs)


def _streamed(path: Path, layer: str | None, sheet: str | None) -> Iterator[RawTable]:
    import fiona  # noqa: PLC0415 - slow, and only for what is too big to hold

    try:
        with fiona.open(path, layer=layer) as features:
            crs, first = features.crs_wkt or None, 1
            names = list(features.schema["properties"])
            rest = iter(features)
            while piece := list(islice(rest, PIECE)):
                cells = pd.DataFrame(
                    {name: [f.properties.get(name) for f in piece] for name in names}, dtype=object
                )
                cells.index = pd.RangeIndex(first, first + len(piece))
                shapes = [None if f.geometry is None else _shape(f.geometry) for f in piece]
                yield _located(path, sheet, cells, shapes, crs)
                first += len(piece)
    except fiona.errors.FionaError as error:
        raise BlackspotsError("unreadable", file=path.name, problem=str(error)) from error


def _shape(geometry: Any) -> Any:
    try:
        return shapely.geometry.shape(geometry)
    except (ValueError, shapely.errors.ShapelyError):
        return None  # as in a layer read whole: rejected as a row
