"""The chapters of the register's document: one a line, one an area, the groups to close."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from blackspots.crossings_book.shown import COUNTED, Given, closures_shown, sums_shown
from blackspots.crossings_book.told import (
    UNKNOWN,
    figure,
    is_known,
    plain,
    sentences,
    told_closing,
)
from blackspots.labels import text
from blackspots.reports.word import Chapter, Grid

_BY_LINE: Final[Mapping[str, float]] = {
    "km": 16,
    "crossing": 57,
    "kind": 14,
    "crossing_class": 13,
    "protection": 20,
    "complies": 11,
    "vehicles": 18,
    "trains": 11,
    "harm": 13,
    "rank": 13,
}
"""Columns of a line's table in the document, and the share of the width that each takes."""
_BY_AREA: Final[Mapping[str, float]] = {
    "line": 26,
    "km": 16,
    "crossing": 57,
    "kind": 14,
    "protection": 20,
    "complies": 11,
    "harm": 13,
    "rank": 13,
}
_BEST: Final[Mapping[str, float]] = {
    "line": 24,
    "km_from": 16,
    "km_to": 16,
    "stretch": 22,
    "paths_closed": 11,
    "closed": 40,
    "building": 17,
    "detour": 18,
    "vehicles_moved": 15,
    "cost": 26,
}
_RIGHT: Final = {
    *("vehicles", "trains", "harm", "rank", "paths_closed", "building", "detour", "vehicles_moved"),
    *("cost", *COUNTED),
}
"""Columns of the document that stand at the right."""


def chapters(given: Given) -> Iterable[Chapter]:
    """Summaries, the lines, the areas, the groups to close, notes and sources."""
    language = given.language
    for key, head, sums in (("by-line", "line", given.by_line), ("by-area", "area", given.by_area)):
        if len(sums):
            none = text(f"rail-book.no-{head}", language)
            yield Chapter(
                text(f"rail-book.{key}", language), grid=_sums_grid(given, sums, head, none)
            )
    cells = _printed(given)
    yield from _registers(given, cells, given.by_line, "line", _BY_LINE, level=1)
    if len(given.by_area):
        yield Chapter(text("rail-book.of-areas", language), new_page=True)
    yield from _registers(given, cells, given.by_area, "area", _BY_AREA, level=2)
    if given.closures is not None:
        yield _closing_chapter(given)
    yield Chapter(text("rail-book.notes", language), lines=given.notes, new_page=True)
    if given.sources:
        yield Chapter(text("book.sources", language), 2, given.sources)


def _printed(given: Given) -> pd.DataFrame:
    """The register as the document says it, all cells as text; row by row as ``shown``."""
    shown, of, language = given.shown, given.register, given.language
    made = pd.DataFrame(index=shown.index)
    for column in ("line", "km", "kind", "protection", "complies"):
        made[column] = [plain(value) for value in shown[column]]
    names = zip(shown["crossing_id"], shown["name"], strict=True)
    made["crossing"] = [f"{i} {name}" if is_known(name) else str(i) for i, name in names]
    made["crossing_class"] = [
        _class(*row, language)
        for row in zip(of["crossing_class"], of["rule_reason"], of["kind"], strict=True)
    ]
    traffic = zip(
        *(of[c] for c in ("vehicles", "vehicles_from", "vehicles_low", "vehicles_high")),
        strict=True,
    )
    made["vehicles"] = [
        figure(mid, language)
        if came == "counted" or not is_known(mid)
        else f"≈ {figure(mid, language)}{_range(low, high, language)}"
        for mid, came, low, high in traffic
    ]
    made["trains"] = [figure(value, language) for value in of["trains"]]
    harm = zip(of["crashes"], of["deaths"], strict=True)
    made["harm"] = [" / ".join(figure(value, language) for value in pair) for pair in harm]
    ranks = zip(*(of[c] for c in ("rank", "rank_low", "rank_high")), strict=True)
    made["rank"] = [
        figure(rank, language) + _range(low, high, language) for rank, low, high in ranks
    ]
    return made


def _class(known: Any, reasons: Any, kind: Any, language: str) -> str:
    """The class; where it is not settled, those it may be. A self-opened path has none."""
    if is_known(known):
        return str(known)
    for code in str(reasons).split(";") if is_known(reasons) else ():
        if code.startswith("class-uncertain:"):
            return code.partition(":")[2].replace("/", text("rail-book.or", language))
    return "" if kind == "self-opened" else UNKNOWN


def _range(low: Any, high: Any, language: str) -> str:
    """A range behind a figure, where it is known and wider than the figure."""
    if not (is_known(low) and is_known(high)) or low == high:
        return ""
    return f" ({figure(low, language)}{UNKNOWN}{figure(high, language)})"


def _sums_grid(given: Given, sums: pd.DataFrame, head: str, none: str) -> Grid:
    shown = sums_shown(sums, none, given.language)
    rows = [
        [str(row["name"]), *(figure(row[column], given.language) for column in COUNTED)]
        for row in shown.to_dict("records")
    ]
    heads = _heads((head, *COUNTED), given.language)
    last = [len(rows) - 1] if len(rows) > len(sums) else []
    return Grid(heads, rows, [30, *[10] * len(COUNTED)], range(1, len(heads)), last)


def _registers(
    given: Given,
    cells: pd.DataFrame,
    sums: pd.DataFrame,
    head: str,
    columns: Mapping[str, float],
    *,
    level: int,
) -> Iterable[Chapter]:
    """One chapter for each line or area: its sums in sentences, its crossings in a table."""
    language = given.language
    names = given.register[head].fillna("").astype(object).to_numpy()
    members = pd.Series(np.arange(len(names))).groupby(names).indices
    rows = cells[list(columns)].to_numpy(dtype=object)
    right = [i for i, column in enumerate(columns) if column in _RIGHT]
    heads = _heads(columns, language)
    for name, row in zip(sums.index, sums.to_dict("records"), strict=True):
        titled = text(f"rail-book.{head}", language, name=name)
        yield Chapter(
            titled if name else text(f"rail-book.no-{head}", language),
            level,
            sentences(pd.Series(row), language) if level == 1 else (),
            Grid(heads, rows[members[name]].tolist(), list(columns.values()), right),
            new_page=level == 1,
        )


def _closing_chapter(given: Given) -> Chapter:
    """The best option of each stretch, and the stretches where none pays."""
    language = given.language
    of, title = given.closures, text("rail-book.closures", language)
    if of is None or not len(of):
        return Chapter(title, lines=[text("rail-book.no-closing", language)], new_page=True)
    of = of.reset_index(drop=True)
    best = of["best"].astype(bool)
    none = ~of["group_id"].isin(of.loc[best, "group_id"]) & ~of["group_id"].duplicated()
    shown = closures_shown(given)
    rows = []
    for place in np.flatnonzero(best | none):
        row = shown.iloc[place]
        cells = {column: plain(row[column]) for column in ("line", "km_from", "km_to", "stretch")}
        cells["paths_closed"] = f"0 / {figure(row['paths'], language)}"
        cells["closed"] = text("rail-book.not-worth", language)
        if best[place]:
            cells["closed"] = str(row["closed"])
            pair = (row["n_closed"], row["paths"])
            cells["paths_closed"] = " / ".join(figure(each, language) for each in pair)
            for column, pair in (
                ("building", ("service_road", "fence")),
                ("detour", ("detour_mean", "detour_longest")),
            ):
                cells[column] = " / ".join(figure(row[each], language) for each in pair)
            cells["vehicles_moved"] = figure(row["vehicles_moved"], language)
            span = _range(row["cost_low"], row["cost_high"], language)
            cells["cost"] = f"{figure(row['cost'], language)}{span}"
        rows.append([cells.get(column, "") for column in _BEST])
    right = [i for i, column in enumerate(_BEST) if column in _RIGHT]
    grid = Grid(_heads(_BEST, language), rows, list(_BEST.values()), right)
    lines = [*told_closing(given), text("rail-book.best-only", language, unit=given.unit)]
    return Chapter(title, 1, lines, grid, new_page=True)


def _heads(columns: Iterable[str], language: str) -> list[str]:
    return [text(f"rail-book.column.{column}", language) for column in columns]
