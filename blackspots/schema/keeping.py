"""What a table is, and whether a frame keeps to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

Kind = Literal["text", "integer", "number", "boolean", "date", "ids"]
"""``ids``: one array of whole numbers a row."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, what it holds and in which unit.

    ``required`` columns hold a value in every row; others may be missing or empty, and empty
    means unknown.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    required: bool = False
    allowed: tuple[str, ...] = ()
    minimum: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the name of its unique index, its columns and its geometry types."""

    name: str
    index: str
    meaning: str
    columns: tuple[Column, ...]
    geometry: tuple[str, ...] = ()
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})


EMPTY: Final[dict[Kind, str]] = {
    "text": "object",
    "integer": "Int64",
    "number": "float64",
    "boolean": "boolean",
    "date": "datetime64[ns]",
    "ids": "object",
}
"""Dtype of each kind of column, with room for missing values."""

_IS_KIND: Final[dict[Kind, Callable[[pd.Series], bool]]] = {
    "text": lambda s: s.dtype == object or pd.api.types.is_string_dtype(s),
    "integer": pd.api.types.is_integer_dtype,
    "number": pd.api.types.is_numeric_dtype,
    "boolean": pd.api.types.is_bool_dtype,
    "date": pd.api.types.is_datetime64_any_dtype,
    "ids": lambda s: all(isinstance(v, np.ndarray) and v.dtype.kind == "i" for v in s.dropna()),
}


class SchemaError(TypeError):
    """A frame that does not keep to its table: a fault of the code, not of the data."""


def check(frame: pd.DataFrame, table: Table) -> None:
    """Raise :class:`SchemaError` with every way in which ``frame`` is not a ``table``."""
    wrong: list[str] = []
    if frame.index.name != table.index:
        wrong.append(f"index is {frame.index.name!r}, not {table.index!r}")
    if not frame.index.is_unique:
        wrong.append("index is not unique")
    wrong += [p for column in table.columns for p in _differences(frame, column)]
    if table.geometry:
        wrong += _geometry_differences(frame, table)
    if wrong:
        raise SchemaError(f"{table.name}: " + "; ".join(wrong))


def _differences(frame: pd.DataFrame, column: Column) -> list[str]:
    if column.name not in frame.columns:
        return [f"column {column.name!r} is missing"]
    values = frame[column.name]
    if len(values) and not _IS_KIND[column.kind](values) and not values.isna().all():
        return [f"column {column.name!r} is {values.dtype}, not {column.kind}"]
    wrong = []
    if column.allowed:
        # Words are told apart and missing ones found in one go.
        codes, distinct = pd.factorize(values)
        empty = int((codes < 0).sum())
        odd = sorted(set(distinct) - set(column.allowed))[:3]
        if odd:
            wrong.append(f"column {column.name!r} holds {odd}")
    else:
        empty = int(values.isna().sum()) if column.required else 0
    if column.required and empty:
        wrong.append(f"column {column.name!r} has {empty} empty values")
    least = None if column.minimum is None else values.min()
    if least is not None and not pd.isna(least) and least < column.minimum:
        wrong.append(f"column {column.name!r} goes below {column.minimum:g}")
    return wrong


_SPELT: Final = {
    "LINESTRING": "LineString",
    "LINEARRING": "LinearRing",
    "MULTIPOINT": "MultiPoint",
    "MULTILINESTRING": "MultiLineString",
    "MULTIPOLYGON": "MultiPolygon",
    "GEOMETRYCOLLECTION": "GeometryCollection",
}
"""Names of the geometry types as a layer's ``geom_type`` spells them."""


def _type_ids(frame: gpd.GeoDataFrame) -> np.ndarray:
    # Counting types by their number is an order of magnitude quicker than by their name.
    return np.asarray(shapely.get_type_id(frame.geometry.array))


def _geometry_differences(frame: pd.DataFrame, table: Table) -> list[str]:
    if not isinstance(frame, gpd.GeoDataFrame):
        return ["is not a GeoDataFrame"]
    found = {shapely.GeometryType(kind).name for kind in np.unique(_type_ids(frame)) if kind >= 0}
    kinds = {_SPELT.get(name, name.title()) for name in found} - set(table.geometry)
    return [f"geometry holds {sorted(kinds)}"] if kinds else []
