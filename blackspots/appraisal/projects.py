"""Candidate projects: the user's repairs first, then the catalogue's remedies for each site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots.appraisal.benefit import (
    LEVELS,
    CrashCosts,
    Effect,
    Terms,
    crashes_avoided,
    effect,
    night_share,
    overall_night_share,
    yearly_cost,
)
from blackspots.presets.countermeasures import Countermeasure
from blackspots.schema import PROJECTS, check

CURVE: Final = 45.0
"""Bends [degrees] within a site from which it counts as a curve."""

_SIMPLIFY = 5.0
_CROSSROADS = 4
_CODED: Final = "protection_code"
_GUARDS: Final = {
    "unsigned": {"none"},
    "passive": {"none", "signs"},
    "lights": {"lights"},
    "unguarded": {"none", "signs", "lights", "gates"},
}
"""What guards a crossing that meets a condition."""


def appraise(
    sites: gpd.GeoDataFrame,
    crashes: gpd.GeoDataFrame,
    catalogue: Mapping[str, Countermeasure],
    costs: CrashCosts,
    terms: Terms,
    *,
    repairs: gpd.GeoDataFrame | None = None,
    faced: pd.DataFrame | None = None,
    junctions: gpd.GeoDataFrame | None = None,
    crossings: gpd.GeoDataFrame | None = None,
    routes: gpd.GeoDataFrame | None = None,
) -> gpd.GeoDataFrame:
    """Candidate projects: the user's repairs, then the catalogue's remedies for each site.

    Parameters
    ----------
    sites
        :data:`blackspots.schema.SITES` (rank and later columns not needed).
    crashes
        Located crashes with ``site_id`` and ``hour``.
    repairs
        Works with their place (columns of :func:`blackspots.locating.locate_repairs` joined),
        those without a place left out.
    faced
        What each repair faces (:func:`blackspots.screening.expected_at`).

    Returns
    -------
    GeoDataFrame of :data:`blackspots.schema.PROJECTS`
        ``funded`` false and ``why`` a first reason (``candidate`` when there is none against
        it); :func:`blackspots.programme.optimise` decides.
    """
    overall = overall_night_share(crashes["hour"])
    rows: list[dict[str, Any]] = []
    if repairs is not None and faced is not None and len(repairs):
        rows = _repair_projects(
            repairs,
            faced,
            crashes,
            sites,
            catalogue,
            costs,
            terms,
            overall,
            routes,
            crossings,
            junctions,
        )
    own = {
        (site, row["countermeasure"])
        for row in rows
        for site in row["group"].split(";")
        if row["countermeasure"]
    }
    named = {row["project_id"] for row in rows}
    hours = dict(iter(crashes["hour"].groupby(crashes["site_id"])))
    for site in sites.itertuples():
        night = night_share(hours.get(site.Index, pd.Series(dtype="Int64")), overall)
        for remedy in catalogue.values():
            if (site.Index, remedy.id) in own or not _fits(remedy, site, junctions, crossings):
                continue
            row = _catalogue_project(site, remedy, costs, terms, night)
            if row is not None:
                while row["project_id"] in named:
                    row["project_id"] += "*"
                rows.append(row)
    names = [column.name for column in PROJECTS.columns]
    frame = pd.DataFrame(rows, columns=["project_id", *names, "geometry"]).set_index("project_id")
    numbers = [c.name for c in PROJECTS.columns if c.kind == "number"]
    frame = frame.astype({**dict.fromkeys(numbers, "float64"), "funded": "bool"})
    for column in PROJECTS.columns:
        if column.kind == "text":
            values = frame[column.name].astype("object")
            frame[column.name] = values.where(values.notna(), None)
    made = gpd.GeoDataFrame(frame, geometry="geometry", crs=sites.crs)
    check(made, PROJECTS)
    return made


def _fits(
    remedy: Countermeasure,
    site: Any,
    junctions: gpd.GeoDataFrame | None,
    crossings: gpd.GeoDataFrame | None,
) -> bool:
    if site.kind not in remedy.kinds:
        return False
    return all(_meets(condition, site, junctions, crossings) for condition in remedy.needs)


def _meets(
    condition: str,
    site: Any,
    junctions: gpd.GeoDataFrame | None,
    crossings: gpd.GeoDataFrame | None,
) -> bool:
    """Whether a site meets a condition of a remedy.

    What guards a crossing is ``protection_code``. Where that is not known, a self-opened path
    counts as bare, and an official crossing meets no condition on it: what was not looked at
    is not rebuilt.
    """
    if condition == "curve":
        return site.kind == "segment" and bends(site.geometry) >= CURVE
    if condition == "legs4":
        return junctions is not None and int(junctions.at[site.junction_id, "legs"]) >= _CROSSROADS
    if crossings is None or site.kind != "crossing":
        return False
    opened = crossings.at[site.crossing_id, "kind"] == "self-opened"
    if condition == "self-opened":
        return bool(opened)
    guard = crossings.at[site.crossing_id, "protection_code"] if _CODED in crossings else None
    if guard is None or pd.isna(guard):
        guard = "none" if opened else ""
    return guard in _GUARDS[condition]


def bends(line: Any) -> float:
    """Sum of the turns along a line [degrees], wiggles below 5 m left out."""
    xy = np.asarray(line.simplify(_SIMPLIFY).coords)
    if len(xy) < 3:  # noqa: PLR2004
        return 0.0
    bearing = np.arctan2(*np.diff(xy, axis=0).T[::-1])
    turn = (np.diff(bearing) + np.pi) % (2 * np.pi) - np.pi
    return float(np.degrees(np.abs(turn).sum()))


def _avoided_by(
    remedy: Countermeasure, expected: Mapping[str, float], night: float
) -> pd.Series | None:
    """Crashes a year that a remedy avoids; None where its effect is not known."""
    if remedy.cmf is None or (remedy.target == "night" and np.isnan(night)):
        return None
    return crashes_avoided(
        expected, target=remedy.target, cmf=remedy.cmf, cmf_fatal=remedy.cmf_fatal, night=night
    )


def _catalogue_project(
    site: Any, remedy: Countermeasure, costs: CrashCosts, terms: Terms, night: float
) -> dict[str, Any] | None:
    avoided = _avoided_by(
        remedy, {level: getattr(site, f"expected_{level}") for level in LEVELS}, night
    )
    if avoided is None:
        return None
    crossing = site.crossing_id if site.kind == "crossing" else None
    km = float(site.length) / 1000 if remedy.unit == "km" else 1.0
    cost, upkeep = float(round(remedy.cost * km)), float(round(remedy.upkeep * km))
    result = effect(
        avoided,
        costs,
        cost=cost,
        upkeep=upkeep,
        life=remedy.life,
        rate=terms.rate,
        growth=terms.growth,
    )
    return {
        "project_id": f"{site.Index}:{remedy.id}",
        "source": "catalogue",
        "group": _at_crossing(str(site.Index), crossing),
        "site_id": site.Index,
        "label": site.label,
        "work": None,
        "countermeasure": remedy.id,
        "expected": site.expected,
        "crash_cost": site.cost_per_year,
        "mark": remedy.mark,
        "geometry": site.geometry,
        **_money(result, cost, upkeep, remedy.life),
    }


def _at_crossing(group: str, crossing: Any) -> str:
    """A group that no other work at the same crossing shares a programme with."""
    return group if crossing is None else ";".join(filter(None, [group, f"crossing:{crossing}"]))


def _money(result: Effect | None, cost: float, upkeep: float, life: float) -> dict[str, Any]:
    nan = float("nan")
    made = result or Effect(nan, nan, nan, nan, nan, nan)
    return {
        "cost": cost,
        "upkeep": upkeep,
        "life": life,
        "crashes_avoided": made.crashes,
        "deaths_avoided": made.deaths,
        "injuries_avoided": made.injuries,
        "benefit": made.benefit,
        "npv": made.npv,
        "bcr": made.bcr,
        "funded": False,
        "why": _first_reason(result, cost),
    }


def _first_reason(made: Effect | None, cost: float) -> str:
    if np.isnan(cost):
        return "cost-unknown"
    if made is None:
        return "effect-unknown"
    if np.isnan(made.npv):
        return "value-unknown"
    return "candidate" if made.npv > 0 else "npv-not-positive"


def _repair_projects(
    repairs: gpd.GeoDataFrame,
    faced: pd.DataFrame,
    crashes: gpd.GeoDataFrame,
    sites: gpd.GeoDataFrame,
    catalogue: Mapping[str, Countermeasure],
    costs: CrashCosts,
    terms: Terms,
    overall: float,
    routes: gpd.GeoDataFrame | None,
    crossings: gpd.GeoDataFrame | None,
    junctions: gpd.GeoDataFrame | None,
) -> list[dict[str, Any]]:
    site_of, hour_of = crashes["site_id"].to_numpy(dtype="object"), crashes["hour"]
    overlaps = _overlaps(repairs, faced)
    alone = {key: f"work:{number}" for number, key in enumerate(repairs.index, start=1)}
    loss = yearly_cost(faced, costs)
    columns = [f"expected_{level}" for level in LEVELS]
    rows = []
    for item in repairs.itertuples():
        key = item.Index
        members = faced.at[key, "members"]
        touched = sorted({str(s) for s in site_of[members] if not pd.isna(s)})
        touched += [s for s in _same_place(item, sites) if s not in touched]
        remedy = catalogue.get(item.countermeasure) if item.countermeasure else None
        night = night_share(hour_of.iloc[members], overall)
        life = float(item.life) if not np.isnan(item.life) else (remedy.life if remedy else np.nan)
        expected: dict[str, float] = faced.loc[key, columns].set_axis(list(LEVELS)).to_dict()
        avoided = None
        if not np.isnan(item.cmf):
            avoided = crashes_avoided(expected, target="all", cmf=item.cmf)
        elif remedy is not None:
            avoided = _avoided_by(remedy, expected, night)
        per_km = remedy is not None and remedy.unit == "km" and item.place == "segment"
        km = (item.to_measure - item.from_measure) / 1000 if per_km else 1.0
        upkeep = float(round(remedy.upkeep * km)) if remedy else 0.0
        result = None
        if avoided is not None and not np.isnan(life):
            result = effect(
                avoided,
                costs,
                cost=item.cost,
                upkeep=upkeep,
                life=life,
                rate=terms.rate,
                growth=terms.growth,
            )
        shape, label = _where(item, routes, crossings, junctions)
        money = _money(result, item.cost, upkeep, life)
        if avoided is not None and np.isnan(life):
            money["why"] = "life-unknown"
        rows.append(
            {
                "project_id": key,
                "source": "repairs",
                "group": _at_crossing(
                    ";".join(touched + overlaps.get(key, [])),
                    item.crossing_id if item.place == "crossing" else None,
                )
                or alone[key],
                "site_id": touched[0] if touched else None,
                "label": label,
                "work": item.work,
                "countermeasure": item.countermeasure,
                "expected": faced.at[key, "expected"],
                "crash_cost": loss[key],
                "mark": "U" if remedy is None or not np.isnan(item.cmf) else remedy.mark,
                "geometry": shape,
                **money,
            }
        )
    return rows


def _same_place(item: Any, sites: gpd.GeoDataFrame) -> list[str]:
    """Sites at the very junction or crossing of a repair, or overlapping its stretch."""
    if item.place == "crossing":
        same = sites["crossing_id"] == item.crossing_id
    elif item.place == "junction":
        same = (sites["junction_id"] == item.junction_id).fillna(False)
    elif item.place == "segment":
        same = (sites["route_id"] == item.route_id).fillna(False)
        same &= (sites["from_measure"] < item.to_measure) & (
            sites["to_measure"] > item.from_measure
        )
    else:
        return []
    return [str(site) for site in sites.index[same.astype(bool)]]


def _overlaps(repairs: gpd.GeoDataFrame, faced: pd.DataFrame) -> dict[str, list[str]]:
    """For repairs that overlap, share a place or face the same crashes: a group for each pair."""
    pairs = {*_same_stretch(repairs), *_same_point(repairs), *_same_crashes(faced)}
    number = {str(key): i for i, key in enumerate(repairs.index, start=1)}
    groups: dict[str, list[str]] = {}
    for one, other in sorted(pairs):
        for key in (one, other):
            groups.setdefault(key, []).append(f"work:{number[one]}&{number[other]}")
    return groups


def _pairs(ids: Iterable[Any]) -> Iterator[tuple[str, str]]:
    yield from combinations(sorted(map(str, ids)), 2)


def _same_stretch(repairs: gpd.GeoDataFrame) -> Iterator[tuple[str, str]]:
    stretches = repairs[repairs["place"] == "segment"].sort_values(["route_id", "from_measure"])
    open_: list[Any] = []
    for item in stretches.itertuples():
        open_ = [
            o for o in open_ if o.route_id == item.route_id and o.to_measure > item.from_measure
        ]
        for other in open_:
            yield from _pairs((other.Index, item.Index))
        open_.append(item)


def _same_point(repairs: gpd.GeoDataFrame) -> Iterator[tuple[str, str]]:
    for kind in ("junction", "crossing"):
        for _, same in repairs[repairs["place"] == kind].groupby(f"{kind}_id"):
            yield from _pairs(same.index)


def _same_crashes(faced: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Works on two roads that meet at a junction: its crashes can be saved only once."""
    facing: dict[int, list[str]] = {}
    for repair, members in faced["members"].items():
        for crash in members:
            facing.setdefault(int(crash), []).append(str(repair))
    for together in set(map(tuple, facing.values())):
        yield from _pairs(together)


def _where(
    item: Any,
    routes: gpd.GeoDataFrame | None,
    crossings: gpd.GeoDataFrame | None,
    junctions: gpd.GeoDataFrame | None,
) -> tuple[Any, str]:
    """Geometry and words for a repair's place."""
    from blackspots import referencing  # noqa: PLC0415

    if item.place == "crossing" and crossings is not None:
        name = crossings.at[item.crossing_id, "name"]
        named = isinstance(name, str) and name
        return crossings.at[item.crossing_id, "geometry"], str(name if named else item.crossing_id)
    if item.place == "junction" and junctions is not None:
        row = junctions.loc[item.junction_id]
        return row.geometry, str(row["label"] or f"J{item.junction_id}")
    if item.place == "segment" and routes is not None:
        place = (routes, int(item.route_id), item.from_measure, item.to_measure)
        return referencing.stretch(*place), referencing.label(*place)
    return item.geometry, str(item.Index)
