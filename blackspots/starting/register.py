"""What a study must say of its register: headers, severity words, order of dates, period."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from pyproj import CRS

from blackspots.errors import BlackspotsError
from blackspots.labels import Term
from blackspots.presets.headers import plain, severity_vocabulary, unclear_severities
from blackspots.sources import personal, times, values
from blackspots.sources.proposals import propose
from blackspots.sources.raw import RawTable, distinct_cells
from blackspots.starting import places
from blackspots.starting.found import Choice, Survey, Taken
from blackspots.starting.tables import columns, headers, says_where

_SEVERITY: Final = frozenset({"severity", "deaths", "serious", "slight", "injured"})
_PLACE: Final = frozenset({"lat", "lon", "x", "y", "coordinates", "route", "km"})
_MOST: Final = 0.5
_FEW: Final = 3
_RESTART: Final = 5
_STRAY: Final = 0.02
"""Share of the dates below which years apart from the others are taken for slips."""
_MONTH_FIRST: Final = 0.1
_WORDS: Final = 20
_LONGEST: Final = 40


def rivals(raws: Sequence[RawTable], table: str) -> list[Choice]:
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


def read_register(
    folder: Path,
    register: list[Taken],
    layers: list[Taken],
    unused: list[tuple[str, Term | BlackspotsError]],
    grid: CRS | None,
    extent: Any,
) -> Survey:
    """The survey, with what the study must say of its register."""
    parts = [taken.part for taken in register if taken.doubt is None]
    raws = [part.raw for part in parts]
    given = next((g for g in (places.find_crs(p, "crashes", extent) for p in parts) if g), None)
    if given is not None and any(p.raw.crs is not None for p in parts):
        given = None  # one CRS for all files would go before what some say themselves
    choices = rivals(raws, "crashes")
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
