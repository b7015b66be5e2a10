"""Projects of closure groups: paths across a railway that are closed together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.appraisal.benefit import LEVELS, CrashCosts, Terms, effect, yearly_cost
from blackspots.presets.costs import present_value_factor
from blackspots.schema import PROJECTS, check

MEASURE: Final = "closure-group"
"""What such a project is called where entries of the catalogue are named."""

ALONE: Final = "close-crossing"
"""The catalogue's entry that closes one path at an average price."""


def with_closures(
    projects: gpd.GeoDataFrame,
    closures: gpd.GeoDataFrame,
    expected: pd.DataFrame,
    sites: gpd.GeoDataFrame,
    costs: CrashCosts,
    terms: Terms,
    labels: Mapping[str, str],
) -> gpd.GeoDataFrame:
    """The projects with one more for each way to close the paths of a stretch.

    The ways of one stretch exclude each other, and each excludes every other work at a crossing
    that it closes. Where a way closes a path, the catalogue's closing of that path alone
    (:data:`ALONE`) is left out: its average price and assumed effect would stand beside the
    measured service road and the counted detours of the same work, and win by what they leave
    out. The user's own works stay.

    Parameters
    ----------
    projects
        :data:`blackspots.schema.PROJECTS`, as :func:`blackspots.appraisal.appraise` gives them.
    closures
        :data:`blackspots.schema.CLOSURES`.
    expected
        ``expected_<severity>`` [1/year] of every crossing.
    sites
        Sites, of which those at a closed crossing are treated.
    labels
        Option to its place in words.
    """
    rows = [
        _project(option, expected, sites, costs, terms, labels[str(option.Index)])
        for option in closures.itertuples()
    ]
    if not rows:
        return projects
    projects = projects[~_averaged(projects, closures)]
    own = gpd.GeoDataFrame(rows, geometry="geometry", crs=projects.crs).set_index("project_id")
    frames = [frame.astype(object) for frame in (projects, own) if len(frame)]
    both = pd.concat(frames).reindex(columns=projects.columns)
    for column in PROJECTS.columns:
        values = both[column.name]
        if column.kind == "number":
            both[column.name] = values.astype("float64")
        elif column.kind == "text":
            both[column.name] = values.where(values.notna(), None)
    both["funded"] = both["funded"].astype(bool)
    made = gpd.GeoDataFrame(both, geometry="geometry", crs=projects.crs)
    made.index.name = PROJECTS.index
    check(made, PROJECTS)
    return made


def _averaged(projects: gpd.GeoDataFrame, closures: gpd.GeoDataFrame) -> np.ndarray:
    """Which projects are the catalogue's closing of a path that some way closes, shape (n,)."""
    closed = {f"crossing:{c}" for way in closures["closed"] for c in str(way).split(";")}
    alone = (projects["source"] == "catalogue") & (projects["countermeasure"] == ALONE)
    at = [not closed.isdisjoint(str(group).split(";")) for group in projects["group"]]
    return np.asarray(alone.to_numpy(dtype=bool) & np.array(at, dtype=bool))


def _project(
    option: Any,
    expected: pd.DataFrame,
    sites: gpd.GeoDataFrame,
    costs: CrashCosts,
    terms: Terms,
    label: str,
) -> dict[str, Any]:
    closed = str(option.closed).split(";")
    treated = [str(s) for s in sites.index[sites["crossing_id"].isin(closed)]]
    avoided = pd.Series({level: float(getattr(option, f"avoided_{level}")) for level in LEVELS})
    life = float(option.life)
    # Detours grow with the traffic, as crashes do; upkeep stays as it is.
    grown = present_value_factor(terms.rate, terms.growth, life)
    grown /= present_value_factor(terms.rate, 0.0, life)
    made = effect(
        avoided,
        costs,
        cost=float(option.cost),
        upkeep=float(option.upkeep) + float(option.detour_cost) * grown,
        life=life,
        rate=terms.rate,
        growth=terms.growth,
    )
    faced = expected.reindex(closed)
    why = "candidate" if made.npv > 0 else "npv-not-positive"
    return {
        "project_id": f"close:{option.Index}",
        "source": "closures",
        "group": ";".join([str(option.group_id), *treated, *(f"crossing:{c}" for c in closed)]),
        "site_id": treated[0] if treated else None,
        "label": label,
        "work": None,
        "countermeasure": MEASURE,
        "cost": float(option.cost),
        "upkeep": float(option.upkeep),
        "detour_cost": float(option.detour_cost),
        "life": life,
        "expected": float(faced["expected"].sum(min_count=1)),
        "crash_cost": float(yearly_cost(faced, costs).sum(min_count=1)),
        "crashes_avoided": made.crashes,
        "deaths_avoided": made.deaths,
        "injuries_avoided": made.injuries,
        "benefit": made.benefit,
        "npv": made.npv,
        "bcr": made.bcr,
        "mark": option.mark,
        "funded": False,
        "why": "value-unknown" if np.isnan(made.npv) else why,
        "geometry": _drawn(option.geometry),
    }


def _drawn(shape: Any) -> Any:
    """The service road; where none is built, the closed paths joined by a line."""
    if shape.geom_type != "MultiPoint":
        return shape
    points = list(shape.geoms)
    return points[0] if len(points) == 1 else shapely.LineString(points)
