"""The countermeasure catalogue: what works, how well, for how long, at what price."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from blackspots.errors import BlackspotsError
from blackspots.presets.files import read

KINDS: Final = ("segment", "junction", "crossing")
TARGETS: Final = ("all", "injury", "night")
NEEDS: Final = ("curve", "legs4", "self-opened", "unsigned", "passive", "lights", "unguarded")
"""Conditions of a site: bends; four legs; a self-opened path; a crossing without signs, with
nothing but signs, with lights but no gates, or without a guard."""
UNITS: Final = ("site", "km")
_TEXTS: Final = ("id", "name_vi", "name_en")
_NUMBERS: Final = ("life", "cost_low", "cost_high", "upkeep")
_FACTORS: Final = ("cmf", "cmf_fatal", "cmf_low", "cmf_high")


@dataclass(frozen=True, slots=True)
class Countermeasure:
    """One remedy.

    ``cmf`` multiplies crashes of the ``target``: all, those with casualties (``injury``) or
    those in the dark (``night``); ``cmf_fatal`` replaces it for fatal crashes where known. An
    entry without ``cmf`` has no effect that could be computed: it names a work, no more.
    ``cmf_low`` and ``cmf_high`` are the range of ``cmf``, where one is known. ``needs`` are the
    conditions of the site (:data:`NEEDS`), all of which it must meet. Costs in units of
    ``currency`` (empty: not said), for one site or one km.
    """

    id: str
    name: dict[str, str]
    kinds: tuple[str, ...]
    needs: tuple[str, ...]
    target: str
    cmf: float | None
    cmf_fatal: float | None
    life: float
    unit: str
    cost_low: float
    cost_high: float
    upkeep: float
    mark: str
    source: str
    currency: str = ""
    cmf_low: float | None = None
    cmf_high: float | None = None

    @property
    def cost(self) -> float:
        """Middle of the cost range, for one unit."""
        return (self.cost_low + self.cost_high) / 2


def catalogue(name: str, folder: Path = Path()) -> dict[str, Countermeasure]:
    """A catalogue by id, or by the path of a CSV file (relative to ``folder``).

    Raises
    ------
    BlackspotsError
        ``missing-preset``, or ``bad-catalogue`` naming file, row and column.
    """
    source, file = read("countermeasures", ".csv", name, folder)
    entries: dict[str, Countermeasure] = {}
    delimiter = max(",;\t", key=source.split("\n", 1)[0].count)
    rows = csv.DictReader(io.StringIO(source), delimiter=delimiter)
    for number, row in enumerate(rows, start=2):
        entry = _entry(row, file, number)
        if entry.id in entries:
            raise BlackspotsError(
                "bad-catalogue", file=file, row=number, column="id", value=entry.id
            )
        entries[entry.id] = entry
    return entries


def _entry(row: dict[str, str], file: str, number: int) -> Countermeasure:
    def refuse(column: str) -> BlackspotsError:
        value = row.get(column)
        return BlackspotsError("bad-catalogue", file=file, row=number, column=column, value=value)

    for column in _TEXTS:
        if not (row.get(column) or "").strip():
            raise refuse(column)
    numbers = {}
    for column in (*_NUMBERS, *_FACTORS):
        cell = (row.get(column) or "").strip()
        try:
            numbers[column] = float(cell) if cell or column in _NUMBERS else None
        except ValueError:
            raise refuse(column) from None
        value = numbers[column]
        if value is not None and not 0 <= value < math.inf:
            raise refuse(column)
    kinds, needs = (tuple((row.get(name) or "").split()) for name in ("kinds", "needs"))
    for column, good in (
        ("kinds", bool(kinds) and set(kinds) <= set(KINDS)),
        ("needs", set(needs) <= set(NEEDS)),
        ("target", row.get("target") in TARGETS),
        ("unit", row.get("unit") in UNITS),
        ("life", bool(numbers["life"])),
        ("cost_high", (numbers["cost_high"] or 0) >= (numbers["cost_low"] or 0)),
        ("cmf_low", _in_order(numbers["cmf_low"], numbers["cmf"])),
        ("cmf_high", _in_order(numbers["cmf"], numbers["cmf_high"])),
    ):
        if not good:
            raise refuse(column)
    return Countermeasure(
        id=row["id"].strip(),
        name={"vi": row["name_vi"], "en": row["name_en"]},
        kinds=kinds,
        needs=needs,
        target=row["target"],
        cmf=numbers["cmf"],
        cmf_fatal=numbers["cmf_fatal"],
        life=float(numbers["life"] or 0),
        unit=row["unit"],
        cost_low=float(numbers["cost_low"] or 0),
        cost_high=float(numbers["cost_high"] or 0),
        upkeep=float(numbers["upkeep"] or 0),
        mark=row.get("mark") or "A",
        source=row.get("source") or "",
        currency=(row.get("currency") or "").strip(),
        cmf_low=numbers["cmf_low"],
        cmf_high=numbers["cmf_high"],
    )


def _in_order(low: float | None, high: float | None) -> bool:
    """Whether neither is above the other; what is not known is."""
    return low is None or high is None or low <= high
