"""Severity costs and discounting: what a death or an injury is valued at, and time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blackspots.errors import BlackspotsError
from blackspots.presets.files import read_toml


@dataclass(frozen=True, slots=True)
class CostTable:
    """Values per person (per crash for ``pdo``) in ``currency``, at the price year.

    ``injured`` is an injured person whose grade is not recorded. ``marks`` says for each value
    where it stands: V, M or A.
    """

    id: str
    title: dict[str, str]
    currency: str
    price_year: int
    death: float
    serious: float
    slight: float
    injured: float
    pdo: float
    discount_rate: float
    growth: float
    marks: dict[str, str]
    formula: dict[str, str]


def cost_table(name: str, folder: Path = Path()) -> CostTable:
    """A cost table by id, or by the path of a TOML file (relative to ``folder``).

    The value of a death is given, or follows as ``gdp_per_capita x multiplier``; that of
    injuries is given, or follows as a share of the value of a death.

    Raises
    ------
    BlackspotsError
        ``missing-preset`` or ``bad-costs``.
    """
    tree, file = read_toml("costs", name, folder)
    try:
        table = _build(tree)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BlackspotsError("bad-costs", file=file, problem=str(error)) from error
    values = (table.death, table.serious, table.slight, table.injured, table.pdo)
    if min(values) < 0 or table.death <= 0 or not math.isfinite(sum(values)):
        raise BlackspotsError("bad-costs", file=file, problem="persons, crash")
    if not 0 <= table.discount_rate < 1 or not -1 < table.growth < 1:
        raise BlackspotsError("bad-costs", file=file, problem="time")
    return table


def _build(tree: dict[str, Any]) -> CostTable:
    persons = tree["persons"]
    death = float(persons.get("death") or persons["gdp_per_capita"] * persons["multiplier"])
    serious = float(persons.get("serious", death * persons.get("serious_share", 0)))
    slight = float(persons.get("slight", death * persons.get("slight_share", 0)))
    among = float(persons["serious_among_injured"])
    injured = float(persons.get("injured", among * serious + (1 - among) * slight))
    return CostTable(
        id=str(tree["id"]),
        title=dict(tree["title"]),
        currency=str(tree["currency"]),
        price_year=int(tree["price_year"]),
        death=death,
        serious=serious,
        slight=slight,
        injured=injured,
        pdo=float(tree["crash"]["pdo"]),
        discount_rate=float(tree["time"]["discount_rate"]),
        growth=float(tree["time"]["growth"]),
        marks={str(k): str(v) for k, v in tree.get("marks", {}).items()},
        formula=dict(tree.get("formula", {})),
    )


def present_value_factor(rate: float, growth: float, years: float) -> float:
    """Present value of 1 a year, growing, the first paid after a year.

    F = sum_{t=1..n} (1+g)^(t-1) / (1+r)^t.

    Examples
    --------
    >>> round(present_value_factor(0.10, 0.04, 10), 4)
    7.155
    """
    if abs(rate - growth) < 1e-8:  # noqa: PLR2004
        return years / (1 + rate)
    return float((1 - ((1 + growth) / (1 + rate)) ** years) / (rate - growth))
