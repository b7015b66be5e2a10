"""Crashes avoided, valued and discounted: the formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from blackspots.presets.costs import CostTable, present_value_factor

LEVELS: Final = ("fatal", "serious", "slight", "injury", "pdo")
NIGHT_FROM, NIGHT_TO = 18, 6
_PRIOR_HOURS = 5.0


@dataclass(frozen=True, slots=True)
class CrashCosts:
    """What a crash of each severity costs, and how many it kills and injures.

    ``cost`` [currency/crash], ``deaths``, ``injuries`` [persons/crash], indexed by severity.
    ``basis`` is ``register`` when persons per crash come from it, else ``assumed``: one person
    of that grade in each crash.
    """

    cost: pd.Series
    deaths: pd.Series
    injuries: pd.Series
    basis: str


def crash_costs(crashes: pd.DataFrame, table: CostTable) -> CrashCosts:
    """Cost of a crash by severity: persons per crash in the register times value per person.

    Parameters
    ----------
    crashes
        ``severity``, ``deaths``, ``serious``, ``slight``, ``injured``.
    """
    deaths = pd.Series(0.0, index=list(LEVELS))
    injuries = pd.Series(0.0, index=list(LEVELS))
    cost = pd.Series(0.0, index=list(LEVELS))
    assumed = {
        "fatal": (1.0, 0.0),
        "serious": (0.0, 1.0),
        "slight": (0.0, 1.0),
        "injury": (0.0, 1.0),
    }
    value = {"serious": table.serious, "slight": table.slight, "injury": table.injured}
    measured = False
    for level in LEVELS:
        rows = crashes[(crashes["severity"] == level) & crashes["deaths"].notna()]
        rows = rows[rows["injured"].notna()]
        if level == "pdo":
            cost[level] = table.pdo
        elif rows.empty:
            deaths[level], injuries[level] = assumed[level]
            cost[level] = deaths[level] * table.death + injuries[level] * value.get(level, 0.0)
        else:
            measured = True
            deaths[level] = float(rows["deaths"].mean())
            injuries[level] = float(rows["injured"].mean())
            graded = rows["serious"].notna() & rows["slight"].notna()
            known, other = rows[graded], rows[~graded]
            injury_cost = (
                float(known["serious"].sum()) * table.serious
                + float(known["slight"].sum()) * table.slight
                + float(other["injured"].sum()) * value.get(level, table.injured)
            ) / len(rows)
            cost[level] = deaths[level] * table.death + injury_cost
    return CrashCosts(cost, deaths, injuries, "register" if measured else "assumed")


def yearly_cost(places: pd.DataFrame, costs: CrashCosts) -> pd.Series:
    """Expected crash cost a year [currency/year] from ``expected_<severity>``."""
    columns = [f"expected_{level}" for level in LEVELS]
    return places[columns].astype("float64").dot(costs.cost.set_axis(columns))


def night_share(hours: pd.Series, overall: float) -> float:
    """Share of crashes in the dark, drawn towards the study's share where hours are few.

    NaN when neither hours nor the study's share are known.
    """
    known = hours.dropna().astype("int64")
    if np.isnan(overall):
        return float("nan")
    dark = ((known >= NIGHT_FROM) | (known < NIGHT_TO)).sum()
    return float((dark + _PRIOR_HOURS * overall) / (len(known) + _PRIOR_HOURS))


def overall_night_share(hours: pd.Series) -> float:
    """Share of crashes in the dark among those whose hour is recorded; NaN for none."""
    known = hours.dropna().astype("int64")
    if known.empty:
        return float("nan")
    return float(((known >= NIGHT_FROM) | (known < NIGHT_TO)).mean())


def crashes_avoided(
    expected: Mapping[str, float],
    *,
    target: str,
    cmf: float,
    cmf_fatal: float | None = None,
    night: float = float("nan"),
) -> pd.Series:
    """Crashes avoided in the first year, by severity.

    Parameters
    ----------
    expected
        Expected crashes a year by severity of :data:`LEVELS`.
    target
        ``all``, ``injury`` (crashes with casualties) or ``night`` (casualties in the dark).
    cmf, cmf_fatal
        Crash modification factor of the target crashes, and of fatal ones where it differs.
    night
        Share of crashes in the dark; a ``night`` target without it gives NaN.
    """
    n = pd.Series({level: float(expected[level]) for level in LEVELS})
    cut = pd.Series(1 - cmf, index=list(LEVELS))
    if cmf_fatal is not None:
        cut["fatal"] = 1 - cmf_fatal
    if target in {"injury", "night"}:
        cut["pdo"] = 0.0
    if target == "night":
        cut *= night
    return n * cut


@dataclass(frozen=True, slots=True)
class Effect:
    """Money side of a work: crashes and persons a year, present values, ratio."""

    crashes: float
    deaths: float
    injuries: float
    benefit: float
    npv: float
    bcr: float


def effect(
    avoided: pd.Series,
    costs: CrashCosts,
    *,
    cost: float,
    upkeep: float,
    life: float,
    rate: float,
    growth: float,
) -> Effect:
    """Discounted benefit, net present value and benefit-cost ratio of a work.

    PVB = B F(r, g, n); NPV = PVB - C - PV(upkeep); BCR = PVB / (C + PV(upkeep)).

    Parameters
    ----------
    avoided
        Crashes avoided in the first year by severity.
    cost, upkeep
        Currency now, and currency a year.
    life
        Service life n [years].
    """
    yearly = float((avoided * costs.cost).sum(skipna=False))
    benefit = yearly * present_value_factor(rate, growth, life)
    spent = cost + upkeep * present_value_factor(rate, 0.0, life)
    return Effect(
        crashes=float(avoided.sum(skipna=False)),
        deaths=float((avoided * costs.deaths).sum(skipna=False)),
        injuries=float((avoided * costs.injuries).sum(skipna=False)),
        benefit=benefit,
        npv=benefit - spent,
        bcr=benefit / spent if spent > 0 else float("nan"),
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """Discount rate and growth [1/year]."""

    rate: float
    growth: float
