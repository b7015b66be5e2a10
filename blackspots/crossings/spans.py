"""The register made ready for closing: stretches between crossings that stay."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.crossings.lines import Lines
from blackspots.crossings.severing import in_use
from blackspots.presets.closing import ClosingPrices, Figure
from blackspots.schema.rail import LEVELS

__all__ = ["Span", "Study", "studied"]

LONG_BRIDGE: Final = 30.0
"""Length [m] of a bridge or tunnel of the railway beside which no service road is thought of, as
its price is that of a bridge of its own (A)."""

_TAIL: Final = 1.6448536269514722  # 95 % point of the standard normal distribution


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """A stretch: its crossings by position among the placed ones, those that stay at the ends."""

    group_id: str
    line_id: int
    rows: np.ndarray
    first_stays: bool
    last_stays: bool

    @property
    def paths(self) -> int:
        """How many paths lie between the crossings that stay."""
        return len(self.rows) - self.first_stays - self.last_stays


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """The register made ready.

    ``placed``: crossings on a line, with ``line_id``, ``measure`` [m], ``km``, ``path`` (whether
    it may be closed), ``loss``, expected crashes by severity, ``vehicles`` (mean), ``walkers`` and
    ``assumed`` (whether one of the numbers is a median or a preset's figure). ``known``: whether
    the loss of any crossing is known. ``blocked``: measures [m] that no service road passes.
    """

    lines: Lines
    placed: gpd.GeoDataFrame
    stretches: list[Span]
    crossings: pd.DataFrame
    notes: dict[str, int]
    blocked: dict[int, np.ndarray]
    known: bool


def studied(
    register: gpd.GeoDataFrame,
    lines: Lines,
    expected: pd.DataFrame,
    loss: pd.Series,
    prices: ClosingPrices,
    keep: Collection[str],
    *,
    close_unknown: bool,
) -> Study:
    """Lines, numbers and stretches of a register; see :mod:`blackspots.crossings.closing`."""
    geometry = register.geometry
    lost = geometry.isna() | geometry.is_empty
    line_id = _line_ids(register, lines.lines)
    measure = register["measure"].astype("float64")
    reason = np.where(lost, "no-location", np.where(line_id.isna() | measure.isna(), "no-line", ""))
    closable = register["kind"].eq("self-opened").fillna(value=False)
    if close_unknown:
        closable |= register["kind"].eq("unknown") | register["kind"].isna()
    closable &= ~register.index.isin(list(keep))
    crossings = pd.DataFrame(
        {
            "role": closable.map({True: "path", False: "stays"}).where(reason == "", None),
            "group_id": pd.Series(None, index=register.index, dtype="object"),
            "reason": reason,
        },
        index=register.index,
    )
    kind = register["kind"].astype("object").where(register["kind"].notna(), "unknown")
    numbers = pd.DataFrame({"loss": loss.reindex(register.index).astype("float64")})
    for level in LEVELS:
        numbers[level] = expected[level].reindex(register.index).astype("float64")
    vehicles = _mean_vehicles(register)
    numbers["vehicles"] = vehicles.where(vehicles > 0)
    numbers["walkers"] = register["walkers"].astype("float64")
    on_line = reason == ""
    known = bool(numbers["loss"].notna().any())
    missing = numbers[on_line].isna().sum()
    assumed = numbers[["loss", "vehicles", "walkers"]].isna().any(axis=1)
    for name in numbers:
        column = numbers[name]
        column = column.fillna(column.groupby(kind).transform("median")).fillna(column.median())
        if name in {"vehicles", "walkers"}:
            figure: Figure = getattr(prices, name)
            column = column.fillna(figure.value)
        numbers[name] = column
    placed = gpd.GeoDataFrame(
        {
            "line_id": line_id,
            "measure": measure,
            "km": register["km"].astype("float64"),
            "path": closable,
            "assumed": assumed,
            **dict(numbers.items()),
        },
        geometry=geometry,
        crs=register.crs,
    )[on_line]
    placed = placed.astype({"line_id": "int64"})
    spans = _spans(placed, lines.lines)
    for span in spans:
        paths = placed.index[span.rows][placed["path"].to_numpy()[span.rows]]
        crossings.loc[paths, "group_id"] = span.group_id
    blocked = _blocked(lines)
    notes = {
        "vehicles-assumed": int(missing["vehicles"]),
        "walkers-assumed": int(missing["walkers"]),
        "loss-assumed": int(missing["loss"]) if known else 0,
        "long-bridges": sum(map(len, blocked.values())),
    }
    return Study(lines, placed, spans, crossings, notes, blocked, known)


def _mean_vehicles(register: pd.DataFrame) -> pd.Series:
    """Mean vehicles [1/day]: of a lognormal m exp(s^2 / 2), with median m and s by its ends.

    What detours cost rises with the vehicles, so that of uncounted ones the mean counts; the
    median would leave out a part of it that grows with what is not known.
    """
    median = register["vehicles"].to_numpy(dtype="float64", na_value=np.nan)
    mean = median
    if {"vehicles_low", "vehicles_high"} <= set(register.columns):
        low, high = (
            register[f"vehicles_{end}"].to_numpy(dtype="float64", na_value=np.nan)
            for end in ("low", "high")
        )
        wide = (low > 0) & (high > low)
        ratio = np.divide(high, low, out=np.ones(len(low)), where=wide)
        mean = median * np.exp((np.log(ratio) / (2 * _TAIL)) ** 2 / 2)
    return pd.Series(mean, index=register.index)


def _line_ids(register: gpd.GeoDataFrame, axes: gpd.GeoDataFrame) -> pd.Series:
    """The line of each crossing: as given, else by its name, else the nearest of that name."""
    if "line_id" in register:
        given = register["line_id"].astype("Int64")
        known: pd.Series = given.where(given.isin(axes.index))
        return known
    made = pd.Series(pd.NA, index=register.index, dtype="Int64")
    name = register["line"].astype("object").where(register["line"].notna(), "")
    of = axes["ref"].astype("object").where(axes["ref"].notna(), "")
    for word, own in of.groupby(of, sort=True):
        rows = np.flatnonzero((name == word).to_numpy())
        apart = [
            shapely.distance(axes.geometry[i], register.geometry.array[rows]) for i in own.index
        ]
        nearest = np.argmin(np.nan_to_num(np.stack(apart), nan=np.inf), axis=0)
        made.iloc[rows] = own.index.to_numpy()[nearest]
    return made


def _spans(placed: gpd.GeoDataFrame, axes: gpd.GeoDataFrame) -> list[Span]:
    """From crossing that stays to crossing that stays, along every line."""
    order = np.lexsort((placed.index.astype(str), placed["measure"], placed["line_id"]))
    line = placed["line_id"].to_numpy()[order]
    stays = ~placed["path"].to_numpy()[order]
    names = placed.index.astype(str)[order]
    made = []
    for line_id in axes.index:
        low, high = np.searchsorted(line, line_id, "left"), np.searchsorted(line, line_id, "right")
        marks = [low - 1, *(np.flatnonzero(stays[low:high]) + low), high]
        for start, stop in pairwise(marks):
            first, last = start >= low, stop < high
            one = names[start] if first else f"start-{line_id}"
            other = names[stop] if last else f"end-{line_id}"
            rows = order[start if first else low : stop + 1 if last else high]
            made.append(Span(f"{one}~{other}", int(line_id), rows, first, last))
    return made


def _blocked(lines: Lines) -> dict[int, np.ndarray]:
    """Measures [m] between which each line runs over a long bridge or through a tunnel."""
    tracks = in_use(lines)
    raised = [c for c in ("bridge", "tunnel") if c in tracks]
    if not raised or "line_id" not in tracks:
        return {}
    flagged = tracks[raised].astype("boolean").fillna(value=False).any(axis=1)
    tracks = tracks[flagged & tracks["line_id"].isin(lines.lines.index)]
    made = {}
    for line_id, own in tracks.groupby("line_id", sort=True):
        axis = lines.lines.geometry[line_id]
        ends = [shapely.get_point(np.asarray(own.geometry.array), at) for at in (0, -1)]
        both = np.sort([shapely.line_locate_point(axis, end) for end in ends], axis=0)
        both = both[:, both[1] - both[0] >= LONG_BRIDGE]
        if both.shape[1]:
            made[int(line_id)] = both.T
    return made
