"""What a survey of a folder says: tables and their use, and the choices a study must make."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pyproj import CRS

from blackspots.errors import BlackspotsError
from blackspots.labels import Term
from blackspots.starting.places import Given
from blackspots.starting.tables import Part


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
