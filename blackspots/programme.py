"""Which projects to fund under a budget: the exact optimum, and why not the rest."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import highspy
import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array, vstack

from blackspots.errors import BlackspotsError

SCALE: Final = 1e5
"""The solver's budget and greatest net benefit, whatever the currency: far above its tolerance."""

_TOLERANCE: Final = 1e-9
_ROUNDING: Final = 1e-13
"""Share of the budget that sums of floating-point costs may be out by."""

UNDECIDED: Final = ("candidate",)

_TRIES: Final = 20

_NO_GAP: Final = 1e-12
"""A relative gap below this is rounding of sums, no doubt about the optimum."""


@dataclass(frozen=True, slots=True)
class Programme:
    """The chosen programme.

    ``projects`` carries ``funded`` and ``why``; ``gap`` is the solver's relative gap between
    the programme's net benefit and the best bound (0: proven optimal; infinite: the time was
    up before the solver had a programme, and nothing is funded).
    """

    projects: pd.DataFrame
    budget: float
    spent: float
    npv: float
    deaths_avoided: float
    injuries_avoided: float
    crashes_avoided: float
    gap: float
    seconds: float


def optimise(projects: pd.DataFrame, budget: float, *, time_limit: float = 60.0) -> Programme:
    """Choose the projects with the greatest net present value that the budget can pay.

    Solved as a mixed-integer programme by HiGHS: max sum NPV_j x_j, subject to
    sum cost_j x_j <= budget and, for every group (a site, or an overlap of two works), at most
    one project.

    Parameters
    ----------
    projects
        ``cost``, ``npv``, ``group`` (names joined by ``;``), ``why``; only those whose ``why``
        is ``candidate`` compete. Other columns are kept.
    budget
        In the currency of the costs.
    time_limit
        Seconds; the gap says whether it was reached.

    Returns
    -------
    Programme
        A copy of ``projects`` with ``funded`` and a reason for each: ``funded``,
        ``over-budget`` (dearer than the whole budget), ``better-at-site``, ``budget``, or the
        reason it came with.

    Raises
    ------
    BlackspotsError
        ``budget-not-positive``, ``negative-cost``, or ``no-programme`` when HiGHS finds none.
    """
    if not budget > 0:
        raise BlackspotsError("budget-not-positive", file="", value=budget)
    if (projects["cost"] < 0).any():
        name = projects["cost"].idxmin()
        raise BlackspotsError("negative-cost", value=float(projects["cost"].min()), name=name)
    began = time.perf_counter()
    made = projects.copy()
    made["funded"] = False
    running = made[made["why"].isin(UNDECIDED) & (made["cost"] <= budget)]
    chosen, gap = _solve(running, budget, time_limit)
    picked = made.loc[running.index[chosen]]
    made.loc[picked.index, "funded"] = True
    made["why"] = _reasons(made, budget)
    return Programme(
        projects=made,
        budget=budget,
        spent=float(picked["cost"].sum()),
        npv=float(picked["npv"].sum()),
        deaths_avoided=float(picked["deaths_avoided"].sum())
        if "deaths_avoided" in made
        else np.nan,
        injuries_avoided=float(picked["injuries_avoided"].sum())
        if "injuries_avoided" in made
        else np.nan,
        crashes_avoided=float(picked["crashes_avoided"].sum())
        if "crashes_avoided" in made
        else np.nan,
        gap=gap,
        seconds=time.perf_counter() - began,
    )


def _solve(running: pd.DataFrame, budget: float, time_limit: float) -> tuple[np.ndarray, float]:
    """Positions of the chosen projects, and the relative gap."""
    if running.empty:
        return np.zeros(0, dtype="int64"), 0.0
    cost = running["cost"].to_numpy(dtype="float64") * (SCALE / budget)
    value = running["npv"].to_numpy(dtype="float64")
    value = value * (SCALE / (np.abs(value).max() or 1.0))
    names = running["group"].map(_groups)
    group, _ = pd.factorize(names.explode())
    member = np.repeat(np.arange(len(running)), names.map(len))
    one_each = coo_array(
        (np.ones(len(group)), (group, member)), shape=(group.max() + 1, len(running))
    )
    matrix = csr_array(vstack([coo_array(cost[None, :]), one_each]))
    upper = np.r_[SCALE * (1 + _ROUNDING), np.ones(one_each.shape[0])]
    for _ in range(_TRIES):
        chosen, gap = _maximise(value, matrix, upper, time_limit)
        if _affordable(cost[chosen]):
            return chosen, gap
        # The solver's tolerance let it overspend: rule out what together is too dear.
        cover = chosen[np.argsort(-cost[chosen], kind="stable")]
        cover = cover[: next(n for n in range(len(cover) + 1) if not _affordable(cost[cover[:n]]))]
        row = coo_array(
            (np.ones(len(cover)), (np.zeros(len(cover), "int64"), cover)), shape=(1, len(running))
        )
        matrix, upper = csr_array(vstack([matrix, row])), np.r_[upper, len(cover) - 1]
    raise BlackspotsError("no-programme", problem="tolerance")


def _affordable(cost: np.ndarray) -> bool:
    """Whether scaled costs keep to the budget, but for the rounding of their sum."""
    return bool(cost.sum() <= SCALE * (1 + _ROUNDING))


def _maximise(
    value: np.ndarray, matrix: csr_array, upper: np.ndarray, time_limit: float
) -> tuple[np.ndarray, float]:
    """Max value x, matrix x <= upper, x binary: positions of the ones, and the relative gap."""
    rows, columns = matrix.shape
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, rows
    model.col_cost_ = -value
    model.col_lower_, model.col_upper_ = np.zeros(columns), np.ones(columns)
    model.row_lower_, model.row_upper_ = np.full(rows, -highspy.kHighsInf), upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = matrix.indptr
    model.a_matrix_.index_ = matrix.indices
    model.a_matrix_.value_ = matrix.data
    model.integrality_ = [highspy.HighsVarType.kInteger] * columns
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.silent()
    for option, setting in (
        # Presolve cuts off optima by its own tolerance where costs differ by many orders.
        ("presolve", "off"),
        ("mip_rel_gap", 0.0),
        ("mip_abs_gap", 0.0),
        ("mip_feasibility_tolerance", _TOLERANCE),
        ("time_limit", float(time_limit)),
        ("random_seed", 0),
        ("threads", 1),
    ):
        solver.setOptionValue(option, setting)
    solver.passModel(model)
    solver.run()
    status = solver.getModelStatus()
    solution = solver.getSolution()
    if status == highspy.HighsModelStatus.kTimeLimit and not solution.value_valid:
        return np.zeros(0, dtype="int64"), float("inf")
    done = (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kTimeLimit)
    if status not in done:
        raise BlackspotsError("no-programme", problem=solver.modelStatusToString(status))
    chosen = np.flatnonzero(np.asarray(solution.col_value) > 0.5)  # noqa: PLR2004
    gap = float(solver.getInfo().mip_gap)
    return chosen, gap if gap > _NO_GAP else 0.0


def _groups(joined: object) -> list[str]:
    """Names joined by ``;``, each once."""
    return list(dict.fromkeys(str(joined).split(";")))


def _reasons(made: pd.DataFrame, budget: float) -> pd.Series:
    taken = {g for group in made.loc[made["funded"], "group"] for g in _groups(group)}
    blocked = made["group"].map(lambda group: not taken.isdisjoint(_groups(group))).astype(bool)
    waiting = made["why"].isin(UNDECIDED)
    why = made["why"].copy()
    why[waiting] = "budget"
    why[waiting & blocked] = "better-at-site"
    why[waiting & (made["cost"] > budget)] = "over-budget"
    why[made["funded"]] = "funded"
    return why
