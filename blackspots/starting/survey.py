"""What a folder holds, and what of it makes a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from pyproj import CRS

from blackspots.errors import BlackspotsError
from blackspots.labels import Term
from blackspots.presets.filewords import meanings, unit_of
from blackspots.sources import values
from blackspots.sources.raw import RawTable
from blackspots.starting import places
from blackspots.starting.found import Choice, Survey, Taken
from blackspots.starting.grids import Box, official_grid
from blackspots.starting.register import read_register, rivals
from blackspots.starting.tables import (
    Part,
    Unread,
    Use,
    columns,
    name_column,
    read_folder,
    uses,
)

SINGLE: Final = ("roads", "crossings", "railways", "boundary", "places", "repairs")
"""Sections of a study that take one file each."""

_IDS: Final = {"roads": "road_id", "crossings": "crossing_id", "railways": "railway_id"}
_MOST: Final = 0.5
_COPY: Final = 0.9
_FEW: Final = 3
_REACH: Final = 1000.0
"""Distance [m] from the roads within which most crashes lie, if the roads are complete."""
_COMPARED: Final = 5000


def survey(folder: Path) -> Survey:
    """Look at every file in a folder, and decide what each is for.

    Raises
    ------
    BlackspotsError
        ``start-no-folder``, ``start-nothing`` for a folder without files that can be read,
        ``start-no-register``.
    """
    if not folder.is_dir():
        raise BlackspotsError("start-no-folder", folder=str(folder))
    parts, unread = read_folder(folder)
    unused: list[tuple[str, Term | BlackspotsError]] = [(u.file, u.why) for u in unread]
    if not parts:
        raise BlackspotsError("start-nothing", folder=str(folder), list=_listed(unread))
    candidates = [(part, uses(part)) for part in parts]
    register = _register(candidates)
    if not any(taken.doubt is None for taken in register):
        have = ", ".join(dict.fromkeys(part.file for part in parts))
        raise BlackspotsError("start-no-register", folder=str(folder), have=have)
    return _arranged(folder, candidates, register, unused)


def _listed(unread: Sequence[Unread]) -> str:
    return ", ".join(u.file for u in unread) or "-"


def _register(candidates: Sequence[tuple[Part, list[Use]]]) -> list[Taken]:
    """The tables of crashes; of two that hold the same rows the second is left out."""
    found: list[Taken] = []
    seen: list[set[tuple[str, ...]]] = []
    for part, some in candidates:
        use = next((u for u in some if u.table == "crashes"), None)
        if use is None or (some[0].table != "crashes"):
            continue
        taken = Taken(part, "crashes", use.doubt, rows=len(part.raw.frame))
        marks = _marks(part)
        if marks and any(len(marks & other) > _COPY * len(marks) for other in seen):
            taken.doubt = Term("start.doubt.copy")
        elif use.doubt is None:
            seen.append(marks)
        found.append(taken)
    named = _named_layers(found)
    for taken in found:
        if taken.doubt is None and named is not None and taken.part.path != named:
            unsuited = taken.part.raw.geometry is not None or taken.part.layer is not None
            if unsuited:
                taken.doubt = Term("start.doubt.several-files")
    return found


def _named_layers(found: Sequence[Taken]) -> Path | None:
    """The file whose layers must be named, which no other file with layers has then."""
    return next(
        (
            t.part.path
            for t in found
            if t.doubt is None and t.part.layer is not None and t.part.raw.geometry is not None
        ),
        None,
    )


def _marks(part: Part) -> set[tuple[str, ...]]:
    """What tells the rows of a register from one another: day, hour, place."""
    found = columns(part.raw, "crashes")
    used = [found[c] for c in ("crash_id", "date", "hour", "lat", "lon", "x", "y") if c in found]
    if len(used) < _FEW:
        return set()
    cells = part.raw.frame[used].iloc[:_COMPARED].astype(str)
    return set(cells.itertuples(index=False, name=None))


def _arranged(
    folder: Path,
    candidates: Sequence[tuple[Part, list[Use]]],
    register: list[Taken],
    unused: list[tuple[str, Term | BlackspotsError]],
) -> Survey:
    used = [taken.part for taken in register if taken.doubt is None]
    points = [p for p in (places.degrees(part, "crashes") for part in used) if p is not None]
    region = places.box_of(points)
    others = [
        (part, [use for use in some if use.table != "crashes"])
        for part, some in candidates
        if not any(part is taken.part for taken in register)
    ]
    if region is None:
        region = _region_of(others)
    boundary = _boundary(others, region, points)
    areas = _areas(others, region)
    around = _box_of_layers([t for t in (*boundary, *areas) if t.doubt is None], region)
    grid = official_grid(around) if around else None
    layers = [*boundary, *areas]
    for table in SINGLE:
        if table != "boundary":
            layers += _chosen(table, others, region)
    if grid is not None and any(t.table == "areas" and t.doubt is None for t in layers):
        _far_from_roads(layers, points, grid)
    extent = None
    if grid is not None:
        firm = [t.part for t in layers if t.doubt is None]
        outline = next((t.part for t in boundary if t.doubt is None), None)
        known = [np.concatenate([p[axis] for p in points]) for axis in (0, 1)] if points else []
        extent = places.ground(grid, outline, firm, known)
    for taken in layers:
        _complete(taken, extent)
    _works_need_roads(layers)
    first = {id(t.part) for t in layers} | {id(t.part) for t in register}
    unused += [
        (_name(part), Term("start.why.unknown")) for part, _ in others if id(part) not in first
    ]
    order = ("roads", "crossings", "railways", "boundary", "areas", "places", "repairs")
    layers.sort(key=lambda t: (order.index(t.table), t.doubt is not None))
    return read_register(folder, register, layers, unused, grid, extent)


def _name(part: Part) -> str:
    return f"{part.file} [{part.layer}]" if part.layer else part.file


def _region_of(others: Sequence[tuple[Part, list[Use]]]) -> Box | None:
    """Where the study is, by its layers, when the register does not say."""
    for table in ("boundary", "areas", "roads", "crossings"):
        boxes = [
            box
            for part, some in others
            if some and some[0].table == table and some[0].doubt is None
            if (box := places.whole_box(part)) is not None
        ]
        if boxes:
            return boxes[0]
    return None


def _box_of_layers(taken: Sequence[Taken], region: Box | None) -> Box | None:
    boxes = [box for t in taken if (box := places.whole_box(t.part)) is not None]
    if not boxes:
        return region
    bounds = shapely.union_all([shapely.box(*box) for box in boxes]).bounds
    return float(bounds[0]), float(bounds[1]), float(bounds[2]), float(bounds[3])


def _boundary(
    others: Sequence[tuple[Part, list[Use]]],
    region: Box | None,
    points: Sequence[tuple[np.ndarray, np.ndarray]],
) -> list[Taken]:
    found = _chosen("boundary", others, region)
    for taken in found:
        share = places.share_within(taken.part, points) if taken.doubt is None else 1.0
        if share < _MOST:
            taken.doubt = Term("start.doubt.outside", {"share": 100 * (1 - share)})
    return found


def _areas(others: Sequence[tuple[Part, list[Use]]], region: Box | None) -> list[Taken]:
    """Layers of areas, each with its level, the larger areas first."""
    found = []
    for part, some in others:
        use = next((u for u in some if u.table == "areas"), None)
        if use is None:
            continue
        taken = Taken(part, "areas", use.doubt, rows=len(part.raw.frame))
        called = part.levels or [
            level
            for header in columns(part.raw, "areas").values()
            for level in meanings(header, "levels")
        ]
        taken.level = called[0] if called else "area"
        if taken.doubt is None and not places.near(part, "areas", region):
            taken.doubt = Term("start.doubt.elsewhere")
        found.append(taken)
    found.sort(key=lambda t: (t.doubt is not None, t.rows, t.part.file))
    levels: set[str] = set()
    for taken in found:
        if taken.doubt is None and taken.level in levels:
            taken.doubt = Term("start.doubt.level-twice", {"level": taken.level})
        if taken.doubt is None:
            levels.add(taken.level)
    return found


def _chosen(
    table: str, others: Sequence[tuple[Part, list[Use]]], region: Box | None
) -> list[Taken]:
    """The candidates for a section, the one to use first and without a doubt."""
    ranked = []
    for part, some in others:
        for place, use in enumerate(some):
            if use.table != table or (place and use.doubt and not some[0].doubt):
                continue
            taken = Taken(part, table, use.doubt, use.keep, rows=len(part.raw.frame))
            count = places.near(part, table, region)
            if part.seen and not count and taken.doubt is None:
                taken.doubt = Term("start.doubt.elsewhere")
            if place and not use.keep and taken.doubt is None:
                taken.doubt = Term(
                    "start.doubt.other-use", {"table": Term(f"start.{some[0].table}")}
                )
            called = table in part.words
            key = (taken.doubt is not None, part.osm is not None, not called, -count, taken.rows)
            ranked.append((*key, part.file, part.layer or "", taken))
    ranked.sort(key=lambda r: r[:-1])
    found = [r[-1] for r in ranked]
    for taken in found[1:]:
        if taken.doubt is None:
            taken.doubt = Term("start.doubt.another", {"file": found[0].part.file})
    return found


def _far_from_roads(
    layers: Sequence[Taken], points: Sequence[tuple[np.ndarray, np.ndarray]], grid: CRS
) -> None:
    """A few main roads would leave most crashes unplaced, which areas would not."""
    for taken in layers:
        if taken.table == "roads" and taken.doubt is None:
            share = places.share_near(taken.part, points, grid, _REACH)
            if share < _MOST:
                taken.doubt = Term("start.doubt.far", {"share": 100 * (1 - share)})


def _works_need_roads(layers: Sequence[Taken]) -> None:
    if any(t.table == "roads" and t.doubt is None for t in layers):
        return
    for taken in layers:
        if taken.table == "repairs" and taken.doubt is None:
            taken.doubt = Term("start.doubt.no-roads")


def _complete(taken: Taken, extent: Any) -> None:
    """What the study must say of a layer beyond its file: CRS, columns, unit."""
    part, table, raw = taken.part, taken.table, taken.part.raw
    if not part.seen or part.osm:
        return
    taken.crs = places.find_crs(part, table, extent)
    if taken.crs is None and places.metres(part, table) is not None and taken.doubt is None:
        taken.doubt = Term("start.doubt.no-crs")
    taken.columns = rivals([raw], table)
    index = _IDS.get(table)
    found = columns(raw, table)
    if index in found and _repeats(raw, found[index], taken.keep):
        taken.columns = [c for c in taken.columns if c.column != index]
        taken.columns.append(Choice(index, "", Term("start.ids-repeat", {"header": found[index]})))
    if table == "areas" and "name" not in found:
        name = name_column(raw)
        if name is not None:
            note = Term("start.confirm", {"header": name})
            taken.columns.append(Choice("name", name, note))
    if table == "repairs":
        taken.unit = _unit(found)


def _repeats(raw: RawTable, header: str, keep: tuple[str, tuple[str, ...]] | None) -> bool:
    cells = raw.frame[header]
    if keep is not None:
        cells = cells[raw.frame[keep[0]].isin(list(keep[1]))]
    words = [values.text(cell) for cell in cells if not values.is_blank(cell)]
    return len(set(words)) < len(words)


def _unit(found: Mapping[str, str]) -> tuple[str, Term]:
    for column in ("cost", "unit_price"):
        unit = unit_of(found.get(column, ""))
        if unit is not None:
            return unit, Term("start.unit-said", {"header": found[column]})
    return "one", Term("start.unit-unsaid")
