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

SCALE: Final = 1e6
"""Money enters the solver in millions, so that its tolerance is one currency unit."""

UNDECIDED: Final = ("candidate",)

_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Programme:
    """The chosen programme.

    ``projects`` carries ``funded`` and ``why``; ``gap`` is the solver's relative gap between
    the programme's net benefit and the best bound (0: proven optimal).
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
    cost = running["cost"].to_numpy(dtype="float64") / SCALE
    value = running["npv"].to_numpy(dtype="float64") / SCALE
    names = running["group"].astype(str).str.split(";")
    group, _ = pd.factorize(names.explode())
    member = np.repeat(np.arange(len(running)), names.map(len))
    one_each = coo_array(
        (np.ones(len(group)), (group, member)), shape=(group.max() + 1, len(running))
    )
    limit = budget / SCALE
    matrix = csr_array(vstack([coo_array(cost[None, :]), one_each]))
    for _ in range(_TRIES):
        upper = np.r_[limit, np.ones(one_each.shape[0])]
        chosen, gap = _maximise(value, matrix, upper, time_limit)
        over = running["cost"].to_numpy()[chosen].sum() - budget
        if over <= 0:
            return chosen, gap
        # The solver's feasibility tolerance let it overspend: take that much off and repeat.
        limit -= max(over / SCALE * 2, 1e-6)
    raise BlackspotsError("no-programme", problem="tolerance")


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
        ("mip_rel_gap", 0.0),
        ("mip_abs_gap", 0.0),
        ("time_limit", float(time_limit)),
        ("random_seed", 0),
        ("threads", 1),
    ):
        solver.setOptionValue(option, setting)
    solver.passModel(model)
    solver.run()
    status = solver.getModelStatus()
    solution = solver.getSolution()
    done = (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kTimeLimit)
    if status not in done or not solution.value_valid:
        raise BlackspotsError("no-programme", problem=solver.modelStatusToString(status))
    chosen = np.flatnonzero(np.asarray(solution.col_value) > 0.5)  # noqa: PLR2004
    return chosen, float(solver.getInfo().mip_gap)


def _reasons(made: pd.DataFrame, budget: float) -> pd.Series:
    taken = {g for group in made.loc[made["funded"], "group"] for g in str(group).split(";")}
    blocked = made["group"].map(lambda group: bool(taken & set(str(group).split(";"))))
    waiting = made["why"].isin(UNDECIDED)
    why = made["why"].copy()
    why[waiting] = "budget"
    why[waiting & blocked] = "better-at-site"
    why[waiting & (made["cost"] > budget)] = "over-budget"
    why[made["funded"]] = "funded"
    return why
