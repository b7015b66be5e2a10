"""The review list read back: which of its candidate places a person has chosen for each crash.

A review list is a workbook with sheets that a person reads, and one hidden sheet that holds the
same alternatives for this module. A decision is a letter in a visible sheet; where it lies is
told by the hidden one, in coordinates, so that it stays right whatever the segments are called.
The hidden sheet also tells each crash by what is recorded of it: where the register has no ids,
a crash is known again though rows were entered above it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from blackspots import crs as crs_
from blackspots.errors import BlackspotsError
from blackspots.sources import choices, values
from blackspots.sources.findings import Findings
from blackspots.sources.fingerprints import Recorded, Register, apart, is_made_up, same_post
from blackspots.sources.raw import RawTable
from blackspots.sources.workbooks import read_cells

DATA: Final = "_blackspots"
"""Name of the hidden sheet."""
MARK: Final = "blackspots review list"
DATA_HEADER: Final = (
    *("crash_id", "choice", "crash_x", "crash_y"),
    *("letter", "x", "y", "distance", "probability", "place"),
    *("date", "route", "km", "fingerprint"),
)

_EARLIER: Final = 10
"""Columns of lists that do not say yet what is recorded of a crash."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One place that a crash may be at: in words, and its point on the network [m]."""

    letter: str
    x: float
    y: float
    distance: float
    probability: float
    place: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One crash of a review list.

    ``choice``: a letter, ``-`` for none, or ``""`` while nobody has decided. ``written``: the
    choice that the list was written with. ``spot``: the recorded coordinate. ``recorded``: what
    else the register says of it; None in lists that do not tell.
    """

    crash_id: str
    spot: tuple[float, float] | None
    alternatives: tuple[Alternative, ...]
    choice: str = ""
    written: str = ""
    recorded: Recorded | None = None

    @property
    def place(self) -> tuple[float, float] | None:
        """Where the crash was decided to lie; None for none of the alternatives."""
        chosen = (each for each in self.alternatives if each.letter == self.choice)
        return next(((each.x, each.y) for each in chosen), None)


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a review list says.

    ``entries``: every crash that is decided, by its id in the register now. ``idle``: those of
    them that cannot be used, for there is no such crash in the register, or it is recorded
    elsewhere now (``moved``).
    """

    path: Path
    entries: Mapping[str, Entry]
    idle: frozenset[str] = frozenset()
    moved: tuple[str, ...] = ()

    @property
    def used(self) -> dict[str, tuple[float, float] | None]:
        """Crash to the place chosen, as :func:`blackspots.locating.locate` takes it."""
        return {
            crash: entry.place for crash, entry in self.entries.items() if crash not in self.idle
        }


def data_rows(entries: Sequence[Entry], crs: CRS) -> Iterator[list[Any]]:
    """The rows of the hidden sheet."""
    yield [MARK, 1, crs.to_string()]
    yield list(DATA_HEADER)
    for entry in entries:
        spot = entry.spot or (None, None)
        for one in entry.alternatives:
            numbers = (one.x, one.y, one.distance, one.probability)
            row = [entry.crash_id, entry.choice, *spot, one.letter, *numbers, one.place]
            told = entry.recorded
            yield [*row, told.date, told.route, told.km, told.fingerprint] if told else row


def read_entries(path: Path, target: CRS, findings: Findings | None = None) -> dict[str, Entry]:
    """Every crash of a review list, with the choice that stands there now.

    Parameters
    ----------
    target
        CRS in which coordinates are wanted.
    findings
        Gets the decisions that cannot be understood; without it they are passed over.

    Raises
    ------
    BlackspotsError
        ``decisions-foreign`` when the file is no review list, ``decisions-column`` or
        ``decisions-headers`` when a header of it is gone, or what opening it says.
    """
    sheets = read_cells(path)
    data = sheets.pop(DATA, [])
    foreign = BlackspotsError("decisions-foreign", file=path.name)
    header = tuple(data[1][: len(DATA_HEADER)]) if len(data) > 1 else ()
    if not header or data[0][0] != MARK or header[:_EARLIER] != DATA_HEADER[:_EARLIER]:
        raise foreign
    try:
        frame = pd.DataFrame([row[: len(header)] for row in data[2:]], columns=list(header))
        frame = frame.reindex(columns=list(DATA_HEADER))
        entries = _entries(frame, CRS.from_user_input(data[0][2]), target)
    except (ValueError, TypeError, IndexError) as error:
        raise foreign from error
    places = {
        crash: {each.letter: (each.place, each.probability) for each in entry.alternatives}
        for crash, entry in entries.items()
    }
    heads = {name: choices.header(path.name, name, rows) for name, rows in sheets.items()}
    if entries and not any(heads.values()):
        wanted = ", ".join(choices.both(column) for column in ("crash_id", "choice"))
        raise BlackspotsError("decisions-headers", file=path.name, columns=wanted)
    typed = [
        each
        for name, head in heads.items()
        if head is not None
        for each in choices.typed(name, sheets[name], head, places)
    ]
    made = choices.understood(path.name, typed, places, findings or Findings())
    return {crash: replace(entry, choice=made.get(crash, "")) for crash, entry in entries.items()}


def _entries(frame: pd.DataFrame, source: CRS, target: CRS) -> dict[str, Entry]:
    numbers = ["crash_x", "crash_y", "x", "y", "distance", "probability", "km"]
    frame[numbers] = frame[numbers].apply(pd.to_numeric).astype("float64")
    for x, y in (("crash_x", "crash_y"), ("x", "y")):
        frame[x], frame[y] = crs_.transform(
            frame[x].to_numpy(), frame[y].to_numpy(), source, target
        )
    if not np.isfinite(frame[["x", "y"]].to_numpy()).all():
        raise ValueError
    words = ["crash_id", "choice", "letter", "place", "date", "route", "fingerprint"]
    frame[words] = frame[words].astype(object).where(frame[words].notna(), "")
    made: dict[str, Entry] = {}
    for row in frame.itertuples():
        told: Any = row
        crash, written = values.text(told.crash_id), values.text(told.choice)
        spot = (told.crash_x, told.crash_y)
        first = Entry(crash, spot if np.isfinite(spot).all() else None, (), written, written)
        if told.fingerprint:
            date, route = values.text(told.date), values.text(told.route)
            if date:
                dt.date.fromisoformat(date)  # a list that was tampered with is none
            first = replace(first, recorded=Recorded(date, route, told.km, told.fingerprint))
        known = made.get(crash, first)
        letter, place = values.text(told.letter), values.text(told.place)
        alternative = Alternative(letter, told.x, told.y, told.distance, told.probability, place)
        made[crash] = replace(known, alternatives=(*known.alternatives, alternative))
    return made


def read_decisions(
    path: Path, target: CRS, findings: Findings, crashes: gpd.GeoDataFrame
) -> Decisions:
    """The decisions of a review list for the crashes of a register.

    Parameters
    ----------
    target
        CRS of the crashes.
    findings
        Gets the decisions that cannot be used, with their cell.
    crashes
        :data:`blackspots.schema.CRASHES`; a decision about a crash that is recorded elsewhere
        since is not used, and one about a crash in another row goes with it.

    Raises
    ------
    BlackspotsError
        As :func:`read_entries`.
    """
    entries = {
        crash: entry
        for crash, entry in read_entries(path, target, findings).items()
        if entry.choice
    }
    register = Register(crashes)
    at = _known_again(entries, register)
    made: dict[str, Entry] = {}
    for crash, row in at.items():
        name, spot = str(register.ids[row]), register.spot(row)
        told = register.recorded(row)
        made[name] = replace(entries[crash], crash_id=name, spot=spot, recorded=told)
    gone: list[str] = []
    moved: list[str] = []
    for crash, entry in entries.items():
        if crash in at:
            continue
        if crash in made:  # the row that it had is now that of another crash decided
            name = next(f"{crash} ({n})" for n in count(2) if f"{crash} ({n})" not in entries)
            made[name] = replace(entry, crash_id=name)
            gone.append(name)
        else:
            made[crash] = entry
            (gone if register.row(crash) is None else moved).append(crash)
    raw = RawTable(path.name, None, pd.DataFrame())
    for code, found in (("doubtful.crash-not-there", gone), ("doubtful.crash-moved", moved)):
        if found:
            findings.remark_column(
                "decisions", raw, None, code, len(found), value=", ".join(found[:20])
            )
    shifted = [(crash, str(register.ids[row])) for crash, row in at.items()]
    shifted = [(was, now) for was, now in shifted if was != now]
    if shifted:
        old, new = (", ".join(names[:20]) for names in zip(*shifted, strict=True))
        code = "repaired.crash-row-moved"
        findings.remark_column("decisions", raw, None, code, len(shifted), value=old, used=new)
    return Decisions(path, made, frozenset([*gone, *moved]), tuple(moved))


def _known_again(entries: Mapping[str, Entry], register: Register) -> dict[str, int]:
    """Decided crash to its position in the register; those that it has no more are left out.

    A crash is the one of its id if all that is recorded of it is the same. Else it is the one
    crash elsewhere of which all is the same: its row has moved. Else it is the one of its id if
    its place is the same, for other things in its row may have been put right; an id that only
    tells the row needs the date for that, too.
    """
    told = {
        crash: (entry.recorded, entry.spot)
        for crash, entry in entries.items()
        if entry.recorded is not None
    }
    rows = {crash: at for crash in entries if (at := register.row(crash)) is not None}
    made = {
        crash: rows[crash]
        for crash, (was, spot) in told.items()
        if crash in rows
        and register.recorded(rows[crash]).fingerprint == was.fingerprint
        and not apart(spot, register.spot(rows[crash]))
    }
    # A row without a date may be like that of another crash by chance.
    sought = {
        crash: each
        for crash, each in told.items()
        if crash not in made and (each[0].date or is_made_up(crash))
    }
    taken = set(made.values())
    for crash, row in register.alike(sought).items():
        if row not in taken:
            made[crash] = row
            taken.add(row)
    for crash, row in rows.items():
        if crash not in made and row not in taken and _fits(entries[crash], register, row):
            made[crash] = row
    return {crash: made[crash] for crash in entries if crash in made}


def _fits(entry: Entry, register: Register, row: int) -> bool:
    """Whether the crash in the row may be that of the entry, with other things put right."""
    now, made_up = register.recorded(row), is_made_up(entry.crash_id)
    if apart(entry.spot, register.spot(row)):
        return False
    if entry.recorded is None:
        return entry.spot is not None or not made_up
    if made_up and entry.recorded.date != now.date:
        return False
    return entry.spot is not None or same_post(entry.recorded, now)
