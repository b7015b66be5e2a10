"""What a folder holds, and what of it makes a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from pyproj import CRS

from blackspots.errors import BlackspotsError
from blackspots.labels import Term
from blackspots.presets.filewords import meanings
from blackspots.presets.headers import plain, severity_vocabulary, unclear_severities
from blackspots.sources import personal, times, values
from blackspots.sources.proposals import propose
from blackspots.sources.raw import RawTable, distinct_cells
from blackspots.starting import places
from blackspots.starting.grids import Box, official_grid
from blackspots.starting.places import Given
from blackspots.starting.tables import (
    Part,
    Unread,
    Use,
    columns,
    headers,
    name_column,
    read_folder,
    says_where,
    uses,
)

SINGLE: Final = ("roads", "crossings", "railways", "boundary", "places", "repairs")
"""Sections of a study that take one file each."""

_SEVERITY: Final = frozenset({"severity", "deaths", "serious", "slight", "injured"})
_PLACE: Final = frozenset({"lat", "lon", "x", "y", "coordinates", "route", "km"})
_IDS: Final = {"roads": "road_id", "crossings": "crossing_id", "railways": "railway_id"}
_MOST: Final = 0.5
_COPY: Final = 0.9
_FEW: Final = 3
_REACH: Final = 1000.0
"""Distance [m] from the roads within which most crashes lie, if the roads are complete."""
_RESTART: Final = 5
_STRAY: Final = 0.02
"""Share of the dates below which years apart from the others are taken for slips."""
_MONTH_FIRST: Final = 0.1
_WORDS: Final = 20
_LONGEST: Final = 40
_COMPARED: Final = 5000


@dataclass(frozen=True, slots=True)
class Choice:
    """A header that the study names for a column, or ``""`` to leave the column out.

    ``instead`` holds lines that stand beside it as comments; of an ``open`` choice the line
    itself is one.
    """

    column: str
    header: str | list[str]
    note: Term
    instead: tuple[str, ...] = ()
    open: bool = False


@dataclass(slots=True)
class Taken:
    """A table that the study uses, or might: then ``doubt`` says why it stands as a comment."""

    part: Part
    table: str
    doubt: Term | None = None
    keep: tuple[str, tuple[str, ...]] | None = None
    crs: Given | None = None
    level: str = ""
    unit: tuple[str, Term] | None = None
    columns: list[Choice] = field(default_factory=list)
    rows: int = 0


@dataclass(slots=True)
class Survey:
    """What was found; the register first, then the layers in the order of a study."""

    folder: Path
    register: list[Taken]
    layers: list[Taken]
    unused: list[tuple[str, Term | BlackspotsError]]
    grid: CRS | None
    crs: Given | None
    sheets: list[str]
    columns: list[Choice]
    severity: list[str]
    month_first: str | None
    start: date | None
    end: date | None
    stray: list[int]

    @property
    def findings(self) -> list[Taken]:
        """Every table that has, or may have, a use."""
        return [*self.register, *self.layers]

    @property
    def can_place(self) -> bool:
        """Whether crashes can be placed at something."""
        wanted = {"roads", "crossings", "areas"}
        return any(t.table in wanted and t.doubt is None for t in self.layers)


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
    return _read_register(folder, register, layers, unused, grid, extent)


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
    taken.columns = _rivals([raw], table)
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
        named = meanings(found.get(column, ""), "units")
        if named:
            unit = next((u for u in named if u != "one"), named[0])
            return unit, Term("start.unit-said", {"header": found[column]})
    return "one", Term("start.unit-unsaid")


def _rivals(raws: Sequence[RawTable], table: str) -> list[Choice]:
    """Columns that two headers of one table are known for: the study must say which."""
    made = []
    several: dict[str, list[str]] = {}
    for raw in raws:
        for column, some in headers(raw, table).items():
            if len(some) > 1:
                several.setdefault(column, []).extend(some[1:])
    for column, left in several.items():
        header = _in_all(raws, table, column, {})
        if header is not None:
            others = tuple(dict.fromkeys(left))
            quoted = ", ".join(f"“{h}”" for h in others)
            made.append(Choice(column, header, Term("start.rival", {"others": quoted}), others))
    return made


def _in_all(
    raws: Sequence[RawTable], table: str, column: str, nearly: Mapping[int, str]
) -> str | list[str] | None:
    """The headers for a column, if every table has one; a study cannot say it otherwise."""
    names = []
    for i, raw in enumerate(raws):
        header = columns(raw, table).get(column) or nearly.get(i)
        if header is None:
            return None
        names.append(header)
    distinct = list(dict.fromkeys(names))
    return distinct[0] if len(distinct) == 1 else distinct


def _read_register(
    folder: Path,
    register: list[Taken],
    layers: list[Taken],
    unused: list[tuple[str, Term | BlackspotsError]],
    grid: CRS | None,
    extent: Any,
) -> Survey:
    parts = [taken.part for taken in register if taken.doubt is None]
    raws = [part.raw for part in parts]
    given = next((g for g in (places.find_crs(p, "crashes", extent) for p in parts) if g), None)
    if given is not None and any(p.raw.crs is not None for p in parts):
        given = None  # one CRS for all files would go before what some say themselves
    choices = _rivals(raws, "crashes")
    choices += _proposed(raws, {choice.column for choice in choices})
    picked = {c.column: c.header for c in choices if not c.open}
    if _restarts(raws):
        choices = [c for c in choices if c.column != "crash_id"]
        choices.append(Choice("crash_id", "", Term("start.ids-restart")))
    words = _strange_words(raws, picked)
    if words and not any(c.column == "severity" and c.header == "" for c in choices):
        header = _header(raws[0], "severity", picked) or ""
        choices = [c for c in choices if c.column != "severity"]
        note = Term("start.severity-strange", {"header": header})
        choices.append(Choice("severity", "", note, (header,)))
    month_first = _month_first(raws, picked)
    years = _years(raws, picked, month_first=month_first is not None)
    kept, stray = _run_of(years)
    return Survey(
        folder=folder,
        register=register,
        layers=layers,
        unused=unused,
        grid=grid,
        crs=given,
        sheets=_sheets(register, layers, unused),
        columns=choices,
        severity=words,
        month_first=month_first,
        start=date(kept[0], 1, 1) if kept else None,
        end=date(kept[-1], 12, 31) if kept else None,
        stray=stray,
    )


def _header(raw: RawTable, column: str, picked: Mapping[str, str | list[str]]) -> str | None:
    """The header of a column in one table of the register."""
    named = picked.get(column)
    if named is not None:
        names = [named] if isinstance(named, str) else named
        return next((n for n in names if n in raw.frame.columns), None)
    return columns(raw, "crashes").get(column)


def _proposed(raws: Sequence[RawTable], taken: set[str]) -> list[Choice]:
    """Headers that nearly read like known ones.

    Where the register lacks the column (a place, a day, what became of the persons) the
    nearest header is taken, and marked; others are left out until a person says so, as a run
    would ask.
    """
    nearly: dict[str, dict[int, str]] = {}
    without: set[str] = set()
    for i, raw in enumerate(raws):
        found = columns(raw, "crashes")
        lacks = set() if says_where(raw, found) else set(_PLACE)
        lacks |= set() if found.keys() & _SEVERITY else set(_SEVERITY)
        without |= lacks | {"date"}
        for proposal in propose(raw, "crashes", found, dict.fromkeys(taken, "")):
            nearly.setdefault(proposal.column, {})[i] = proposal.header
    made = []
    for column, by_table in nearly.items():
        names = list(dict.fromkeys(by_table.values()))
        shown = ", ".join(f"“{n}”" for n in names)
        header = _in_all(raws, "crashes", column, by_table)
        if header is None:
            # Named for all files it would be missed in some; left out, lost in others.
            made.append(Choice(column, names, Term("start.open", {"header": shown}), open=True))
        elif column in without:
            made.append(Choice(column, header, Term("start.confirm", {"header": shown})))
        elif len(by_table) == len(raws):
            made.append(Choice(column, "", Term("start.left", {"header": shown}), tuple(names)))
        else:
            made.append(Choice(column, header, Term("start.confirm", {"header": shown})))
    return made


def _restarts(raws: Sequence[RawTable]) -> bool:
    """Whether the ids begin again in each table."""
    seen: set[str] = set()
    for raw in raws:
        header = columns(raw, "crashes").get("crash_id")
        if header is None:
            continue
        ids = [values.text(cell) for cell in raw.frame[header] if not values.is_blank(cell)]
        again = sum(each in seen for each in ids)
        if again >= _RESTART and again > _MOST * len(ids):
            return True
        seen |= set(ids)
    return False


def _strange_words(raws: Sequence[RawTable], picked: Mapping[str, str | list[str]]) -> list[str]:
    """The words for severity, if most are not known; empty where they are."""
    known = severity_vocabulary().keys() | unclear_severities()
    strange: dict[str, None] = {}
    odd = total = 0
    for raw in raws:
        header = _header(raw, "severity", picked)
        if not header:
            continue
        codes, distinct = distinct_cells(raw.frame[header])
        counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
        for cell, count in zip(distinct, counts, strict=True):
            if values.is_blank(cell):
                continue
            word = values.text(cell)
            total += int(count)
            if plain(word) not in known and _number_word(cell) not in known:
                odd += int(count)
                strange[word] = None
    if odd < _FEW or odd <= _MOST * total:
        return []
    short = [personal.mask(word) for word in strange if len(word) <= _LONGEST]
    return short[:_WORDS] or ["..."]


def _number_word(cell: Any) -> str:
    try:
        return f"{values.number(cell):g}"
    except values.Unreadable:
        return ""


def _month_first(raws: Sequence[RawTable], picked: Mapping[str, str | list[str]]) -> str | None:
    """An example, if the dates plainly have the month first."""
    plainly, rows, example = 0, 0, None
    for raw in raws:
        header = _header(raw, "date", picked)
        if not header:
            continue
        codes, distinct = distinct_cells(raw.frame[header])
        marks = np.array([*map(times.is_month_first, distinct), False], dtype=bool)
        plainly += int(marks[codes].sum())
        rows += len(codes)
        example = example or next(
            (str(c) for c, m in zip(distinct, marks, strict=False) if m), None
        )
    return example if plainly > max(1, _MONTH_FIRST * rows) else None


def _years(
    raws: Sequence[RawTable], picked: Mapping[str, str | list[str]], *, month_first: bool
) -> Counter[int]:
    counted: Counter[int] = Counter()
    for raw in raws:
        header = _header(raw, "date", picked)
        if not header:
            continue
        codes, distinct = distinct_cells(raw.frame[header])
        counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
        for cell, count in zip(distinct, counts, strict=True):
            try:
                day = times.day(cell, month_first=month_first)
            except values.Unreadable:
                continue
            if isinstance(day, values.Noted):
                day = day.value
            counted[day.year] += int(count)
    return counted


def _run_of(years: Counter[int]) -> tuple[list[int], list[int]]:
    """The years of the study, and years apart that hold too few dates to be meant."""
    total = sum(years.values())
    strays: list[int] = []
    kept = sorted(years)
    while len(kept) > 1:
        low = years[kept[0]] < _STRAY * total and kept[1] - kept[0] > 1
        high = years[kept[-1]] < _STRAY * total and kept[-1] - kept[-2] > 1
        if not (low or high):
            break
        strays.append(kept.pop(0) if low else kept.pop())
    return kept, sorted(strays)


def _sheets(
    register: Sequence[Taken],
    layers: Sequence[Taken],
    unused: Sequence[tuple[str, Term | BlackspotsError]],
) -> list[str]:
    """The sheets of the register to name: where its files hold other sheets, too."""
    used = [t.part for t in register if t.doubt is None]
    files = {part.file for part in used}
    names = {part.file: [p.layer for p in used if p.file == part.file] for part in used}
    left = {
        t.part.file for t in (*register, *layers) if t.doubt is not None or t.table != "crashes"
    }
    left |= {file.rpartition(" [")[0] for file, _ in unused}
    if not files & left:
        return []
    sheets = [tuple(n) for n in names.values() if n != [None]]
    if len(set(sheets)) != 1:
        return []
    return [name for name in sheets[0] if name is not None]
