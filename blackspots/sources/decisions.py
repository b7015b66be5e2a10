"""The review list read back: which of its candidate places a person has chosen for each crash.

A review list is a workbook with sheets that a person reads, and one hidden sheet that holds the
same alternatives for this module. A decision is a letter in a visible sheet; where it lies is
told by the hidden one, in coordinates, so that it stays right whatever the segments are called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from blackspots import crs as crs_
from blackspots.errors import BlackspotsError
from blackspots.labels import LANGUAGES, text
from blackspots.presets.headers import plain
from blackspots.sources import values
from blackspots.sources.findings import Findings
from blackspots.sources.raw import RawTable
from blackspots.sources.workbooks import read_cells

DATA: Final = "_blackspots"
"""Name of the hidden sheet."""
MARK: Final = "blackspots review list"
LETTERS: Final = "ABCD"
NONE: Final = "-"
"""The choice that says that none of the alternatives is right."""
DATA_HEADER: Final = (
    *("crash_id", "choice", "crash_x", "crash_y"),
    *("letter", "x", "y", "distance", "probability", "place"),
)

_MOVED: Final = 1.0
"""Distance [m] from which a crash's coordinate is another than when it was decided."""


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

    ``choice``: a letter, :data:`NONE`, or ``""`` while nobody has decided. ``written``: the
    choice that the list was written with. ``spot``: the recorded coordinate.
    """

    crash_id: str
    spot: tuple[float, float] | None
    alternatives: tuple[Alternative, ...]
    choice: str = ""
    written: str = ""

    @property
    def place(self) -> tuple[float, float] | None:
        """Where the crash was decided to lie; None for none of the alternatives."""
        chosen = (each for each in self.alternatives if each.letter == self.choice)
        return next(((each.x, each.y) for each in chosen), None)


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a review list says.

    ``entries``: every crash that is decided. ``idle``: those of them that cannot be used,
    for there is no such crash in the register, or its coordinate is another now.
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
            yield [entry.crash_id, entry.choice, *spot, one.letter, *numbers, one.place]


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
        ``decisions-foreign`` when the file is no review list, or what opening it says.
    """
    sheets = read_cells(path)
    data = sheets.pop(DATA, [])
    foreign = BlackspotsError("decisions-foreign", file=path.name)
    if not data or data[0][0] != MARK or tuple(data[1][: len(DATA_HEADER)]) != DATA_HEADER:
        raise foreign
    try:
        frame = pd.DataFrame(
            [row[: len(DATA_HEADER)] for row in data[2:]], columns=list(DATA_HEADER)
        )
        entries = _entries(frame, CRS.from_user_input(data[0][2]), target)
    except (ValueError, TypeError, IndexError) as error:
        raise foreign from error
    typed = [each for name, rows in sheets.items() for each in _typed(name, rows)]
    if not typed and entries:
        raise foreign
    return _chosen(path.name, entries, typed, findings or Findings())


def _entries(frame: pd.DataFrame, source: CRS, target: CRS) -> dict[str, Entry]:
    numbers = ["crash_x", "crash_y", "x", "y", "distance", "probability"]
    frame[numbers] = frame[numbers].apply(pd.to_numeric).astype("float64")
    for x, y in (("crash_x", "crash_y"), ("x", "y")):
        frame[x], frame[y] = crs_.transform(
            frame[x].to_numpy(), frame[y].to_numpy(), source, target
        )
    if not np.isfinite(frame[["x", "y"]].to_numpy()).all():
        raise ValueError
    made: dict[str, Entry] = {}
    for row in frame.itertuples():
        told: Any = row
        crash, written = values.text(told.crash_id), values.text(told.choice)
        spot = (told.crash_x, told.crash_y)
        first = Entry(crash, spot if np.isfinite(spot).all() else None, (), written, written)
        known = made.get(crash, first)
        letter, place = values.text(told.letter), values.text(told.place)
        alternative = Alternative(letter, told.x, told.y, told.distance, told.probability, place)
        made[crash] = replace(known, alternatives=(*known.alternatives, alternative))
    return made


@dataclass(frozen=True, slots=True)
class _Typed:
    """What stands in the column of decisions beside a crash."""

    sheet: str
    row: int
    column: str
    crash: str
    words: str


def _typed(sheet: str, rows: list[list[Any]]) -> Iterator[_Typed]:
    """Each crash of a sheet with its decision, below the header in whichever language."""
    at: tuple[int, int] | None = None
    name = ""
    crash_words = {plain(text("column.crash_id", each)) for each in LANGUAGES}
    choice_words = {plain(text("review.head.choice", each)) for each in LANGUAGES}
    for number, row in enumerate(rows, 1):
        words = ["" if cell is None else values.text(cell) for cell in row]
        if at is None:
            known = [plain(word) for word in words]
            crashes = [i for i, word in enumerate(known) if word in crash_words]
            choices = [i for i, word in enumerate(known) if word in choice_words]
            if crashes and choices:
                at, name = (crashes[0], choices[0]), words[choices[0]]
        elif words[at[0]]:
            yield _Typed(sheet, number, name, words[at[0]], words[at[1]])


def _chosen(
    file: str, entries: dict[str, Entry], typed: Sequence[_Typed], findings: Findings
) -> dict[str, Entry]:
    none = {
        plain(word)
        for each in LANGUAGES
        for word in (text("review.none", each), *text("review.none-words", each).split(";"))
    }
    made = {crash: replace(entry, choice="") for crash, entry in entries.items()}
    seen: dict[str, str] = {}
    for one in typed:
        if not one.words:
            continue
        raw = RawTable(file, one.sheet, pd.DataFrame())
        choice = NONE if plain(one.words) in none or one.words == NONE else one.words.upper()
        known = made.get(one.crash)
        if known is None:
            findings.reject("decisions", raw, one.row, one.column, one.crash, "crash-not-listed")
        elif choice != NONE and all(each.letter != choice for each in known.alternatives):
            findings.reject("decisions", raw, one.row, one.column, one.words, "no-such-letter")
        elif seen.setdefault(one.crash, choice) != choice:
            findings.reject("decisions", raw, one.row, one.column, one.words, "decided-twice")
        else:
            made[one.crash] = replace(known, choice=choice)
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
        :data:`blackspots.schema.CRASHES`; a decision about a crash whose coordinate has
        changed since is not used.

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
    points = crashes.geometry
    gone, moved = [], []
    for crash, entry in entries.items():
        if crash not in crashes.index:
            gone.append(crash)
        elif _apart(points.loc[crash], entry.spot):
            moved.append(crash)
    raw = RawTable(path.name, None, pd.DataFrame())
    for code, found in (("doubtful.crash-not-there", gone), ("doubtful.crash-moved", moved)):
        if found:
            findings.remark_column(
                "decisions", raw, None, code, len(found), value=", ".join(found[:20])
            )
    return Decisions(path, entries, frozenset([*gone, *moved]), tuple(moved))


def _apart(point: Any, spot: tuple[float, float] | None) -> bool:
    """Whether a coordinate is another than the one of the list."""
    if point is None or spot is None:
        return (point is None) != (spot is None)
    return bool(np.hypot(point.x - spot[0], point.y - spot[1]) > _MOVED)
