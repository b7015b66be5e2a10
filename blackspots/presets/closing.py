"""Prices of closing self-opened paths in groups: service road, fence, detours."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from blackspots.errors import BlackspotsError
from blackspots.presets.files import read_toml

MARKS: Final = ("V", "C", "M", "A")
"""How well a figure is founded, best first: read in a source, computed from such, from memory,
assumed."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with its range, mark and source."""

    value: float
    low: float
    high: float
    unit: str
    mark: str
    source: str


@dataclass(frozen=True, slots=True)
class ClosingPrices:
    """What closing paths costs and what a detour costs, in ``currency``, nominal.

    ``service_road``: with its fence [currency/km]; ``fence``: alone, one side [currency/km];
    ``closing``: one path [currency]; ``upkeep``: share of the cost [1/year]; ``life`` [years];
    ``vehicle_detour`` [currency/vehicle-km] and ``walker_detour`` [currency/person-km];
    ``vehicles`` and ``walkers`` [1/day] over a path where the traffic of no crossing is known;
    ``reach`` [m], the greatest way that a user is sent along one side of the railway;
    ``beside`` [m], from the axis of the railway to the service road. ``lead_to_paths``: whether
    users of closed paths may be led to another path that stays open.
    """

    id: str
    title: dict[str, str]
    currency: str
    price_year: int
    service_road: Figure
    fence: Figure
    closing: Figure
    upkeep: Figure
    life: Figure
    vehicle_detour: Figure
    walker_detour: Figure
    vehicles: Figure
    walkers: Figure
    reach: Figure
    beside: Figure
    lead_to_paths: bool

    @property
    def figures(self) -> dict[str, Figure]:
        """All figures by name."""
        all_of = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: f for name, f in all_of.items() if isinstance(f, Figure)}


_POSITIVE: Final = ("life", "vehicles", "reach")


def closing_prices(name: str, folder: Path = Path()) -> ClosingPrices:
    """Prices by id, or by the path of a TOML file (relative to ``folder``).

    Raises
    ------
    BlackspotsError
        ``missing-preset``, or ``bad-closing`` naming file and problem.
    """
    tree, file = read_toml("closing", name, folder)
    try:
        prices = _build(tree)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BlackspotsError("bad-closing", file=file, problem=str(error)) from error
    for key, figure in prices.figures.items():
        ordered = 0 <= figure.low <= figure.value <= figure.high < math.inf
        positive = figure.low > 0 or key not in _POSITIVE
        if not (ordered and positive and figure.mark in MARKS):
            raise BlackspotsError("bad-closing", file=file, problem=key)
    return prices


def _build(tree: dict[str, Any]) -> ClosingPrices:
    names = [f.name for f in fields(ClosingPrices) if f.type in {"Figure", Figure}]
    return ClosingPrices(
        id=str(tree["id"]),
        title=dict(tree["title"]),
        currency=str(tree["currency"]),
        price_year=int(tree["price_year"]),
        lead_to_paths=_flag(tree["lead_to_paths"]),
        **{name: _figure(tree[name]) for name in names},
    )


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("lead_to_paths")
    return value


def _figure(entry: dict[str, Any]) -> Figure:
    value = float(entry["value"])
    return Figure(
        value=value,
        low=float(entry.get("low", value)),
        high=float(entry.get("high", value)),
        unit=str(entry["unit"]),
        mark=str(entry["mark"]),
        source=str(entry["source"]),
    )
