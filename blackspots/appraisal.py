"""What a work buys: crashes avoided, valued and discounted, against its cost.

The user's own repairs come first; remedies of the catalogue are added for every site. An
effect that is not known is not guessed: such a work is listed with the crash cost it faces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots.presets.costs import CostTable
from blackspots.presets.countermeasures import Countermeasure
from blackspots.schema import PROJECTS, check

LEVELS: Final = ("fatal", "serious", "slight", "injury", "pdo")
CURVE: Final = 45.0
"""Bends [degrees] within a site from which it counts as a curve."""

NIGHT_FROM, NIGHT_TO = 18, 6
_PRIOR_HOURS = 5.0
_SIMPLIFY = 5.0
_CROSSROADS = 4


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
    hours = dict(iter(crashes["hour"].groupby(crashes["site_id"])))
    for site in sites.itertuples():
        night = night_share(hours.get(site.Index, pd.Series(dtype="Int64")), overall)
        for remedy in catalogue.values():
            if (site.Index, remedy.id) in own or not _fits(remedy, site, junctions, crossings):
                continue
            row = _catalogue_project(site, remedy, costs, terms, night)
            if row is not None:
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
    if remedy.needs == "curve":
        return site.kind == "segment" and bends(site.geometry) >= CURVE
    if remedy.needs == "legs4":
        return junctions is not None and int(junctions.at[site.junction_id, "legs"]) >= _CROSSROADS
    if remedy.needs == "self-opened":
        return crossings is not None and crossings.at[site.crossing_id, "kind"] == "self-opened"
    return not remedy.needs


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
        "group": site.Index,
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
    overlaps = _overlaps(repairs)
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
                "group": ";".join(touched + overlaps.get(key, [])) or key,
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


def _overlaps(repairs: gpd.GeoDataFrame) -> dict[str, list[str]]:
    """For repairs whose stretches overlap, or that share a place: a group for each pair."""
    groups: dict[str, list[str]] = {}

    def pair(one: str, other: str) -> None:
        for key in (one, other):
            groups.setdefault(key, []).append(f"{one}&{other}")

    stretches = repairs[repairs["place"] == "segment"].sort_values(["route_id", "from_measure"])
    open_: list[Any] = []
    for item in stretches.itertuples():
        open_ = [
            o for o in open_ if o.route_id == item.route_id and o.to_measure > item.from_measure
        ]
        for other in open_:
            pair(other.Index, item.Index)
        open_.append(item)
    for column in ("junction_id", "crossing_id"):
        points = repairs[repairs["place"] == column.removesuffix("_id")]
        for _, same in points.groupby(column):
            ids = list(same.index)
            for i, one in enumerate(ids):
                for other in ids[i + 1 :]:
                    pair(one, other)
    return groups


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
