"""The run of a study: the only place where the stages meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots import crs as crs_
from blackspots import sources
from blackspots.appraisal import (
    CrashCosts,
    appraise,
    crash_costs,
    with_closures,
    yearly_cost,
)
from blackspots.config import Study
from blackspots.errors import BlackspotsError
from blackspots.inputs import Inputs, read_inputs
from blackspots.knowledge import Knowledge, knowledge_of
from blackspots.level_crossings import (
    CrossingRegister,
    Railway,
    close_crossings,
    closure_labels,
    find_crossings,
    register_crossings,
)
from blackspots.locating import (
    Placement,
    areas_of,
    locate,
    locate_repairs,
    weights,
)
from blackspots.network import Network, build_network
from blackspots.programme import optimise
from blackspots.quality import assess
from blackspots.results import Checked, Placed, Result
from blackspots.schema import SITES, check
from blackspots.screening import (
    Expectation,
    Layers,
    certainty,
    clusters_along,
    expect,
    expected_at,
    expected_at_crossings,
    follow,
    rank,
    screen,
)
from blackspots.tabulating import (
    area_table,
    decided,
    parts_counted,
    segments_counted,
    with_decision,
)

__all__ = ["STAGES", "Checked", "Placed", "Result", "check_study", "place_study", "run_study"]

STAGES: Final = ("read", "network", "locate", "screen", "appraise", "programme")

_FEW: Final = 3
"""Crashes from which their lying far from every road is no slip of the pen."""

Progress = Callable[[str], None]


def check_study(study: Study, progress: Progress = lambda _stage: None) -> Checked:
    """Read and place a study's crashes, and judge the register; nothing is ranked.

    Raises
    ------
    BlackspotsError
        What is wrong with the inputs.
    """
    known = knowledge_of(study)
    inputs = _read(study, known, progress)
    period = _period(study, inputs.register.crashes)
    made = _placed(study, inputs, known, progress)
    years = range(period[0].year, period[1].year + 1)
    quality = assess(inputs.register.crashes, made.located, years=years)
    return Checked(
        study,
        made.inputs,
        made.network,
        made.placement,
        made.railway,
        period=period,
        quality=quality,
    )


def place_study(study: Study, progress: Progress = lambda _stage: None) -> Placed:
    """Read and place a study's crashes, and nothing else: they need not be dated.

    Raises
    ------
    BlackspotsError
        What is wrong with the inputs.
    """
    known = knowledge_of(study)
    return _placed(study, _read(study, known, progress), known, progress)


def _placed(study: Study, inputs: Inputs, known: Knowledge, progress: Progress) -> Placed:
    """The first stages: network, railway, and the crashes in their places."""
    progress("network")
    network = _network(study, inputs)
    railway = _railway(study, inputs)
    if railway is not None and len(railway.crossings):
        inputs = replace(inputs, crossings=railway.crossings)
    progress("locate")
    lines = railway.lines.lines if railway is not None else None
    placement = _locate(study, inputs, network, known, lines)
    return Placed(study, inputs, network, placement, railway)


def _read(study: Study, known: Knowledge, progress: Progress) -> Inputs:
    """The inputs, in a CRS that measures metres where they are."""
    target = crs_.metric(crs_.parse(study.study.crs, "[study] crs"), "[study] crs")
    progress("read")
    inputs = read_inputs(study, target, countermeasures=frozenset(known.catalogue))
    places = inputs.register.crashes.geometry
    if inputs.roads is not None and places.isna().all():
        places = inputs.roads.geometry.representative_point()
    crs_.true_to_scale(places, "[study] crs")
    return inputs


def run_study(study: Study, progress: Progress = lambda _stage: None) -> Result:
    """Run all stages of a study.

    Parameters
    ----------
    study
        From :func:`blackspots.config.load_study`.
    progress
        Called with the name of each stage (:data:`STAGES`) as it begins.

    Raises
    ------
    BlackspotsError
        What is wrong with the inputs.
    """
    known = knowledge_of(study)
    inputs = _read(study, known, progress)
    period = _period(study, inputs.register.crashes)
    listed = inputs.crossings.index if inputs.crossings is not None else pd.Index([])
    placed = _placed(study, inputs, known, progress)
    inputs, network, placement = placed.inputs, placed.network, placed.placement
    located = placement.crashes
    years = ((period[1] - period[0]).days + 1) / 365.25
    progress("screen")
    layers = Layers(
        routes=network.routes if network else None,
        segments=network.segments if network else None,
        nodes=network.nodes if network else None,
        junctions=network.junctions if network else None,
        crossings=inputs.crossings,
        areas=_first(inputs.areas),
    )
    expectation = expect(
        located,
        routes=layers.routes,
        segments=layers.segments,
        junctions=layers.junctions,
        crossings=layers.crossings,
        areas=layers.areas,
        window=known.window,
        years=years,
        published=known.published,
    )
    weight = weights(placement)
    clusters = None
    if network is not None:
        clusters = clusters_along(
            located,
            network.routes,
            network.segments,
            network.nodes,
            radius=known.reach.junction,
            bandwidth=study.screening.bandwidth,
            simulations=study.screening.simulations,
            level=study.screening.cluster_level,
            seed=study.screening.seed,
        )
    screened = screen(
        located,
        expectation,
        known.definition,
        layers,
        weight=weight,
        clusters=clusters,
        months=known.months,
        period=period,
        p_excess=study.screening.p_excess,
        least=study.screening.site_minimum,
        most=study.screening.site_maximum,
    )
    earlier = inputs.listed.earlier if inputs.listed else None
    screened = follow(screened, earlier, year=period[1].year)
    sites = screened.sites
    located["site_id"] = screened.membership
    progress("appraise")
    costs = crash_costs(located, known.costs)
    sites["cost_per_year"] = yearly_cost(sites, costs)
    crossings = _register(study, placed, known, listed, years)
    repairs, lost = _repairs(inputs, network, known)
    inputs = replace(inputs, rejects=lost, repairs=repairs)
    projects = _appraise(
        inputs, network, located, expectation, sites, costs, known, weight, crossings
    )
    closures = None
    if crossings is not None and placed.railway is not None:
        faced = expected_at_crossings(located, expectation, weight=weight)
        closures = close_crossings(
            crossings,
            placed.railway,
            inputs.roads,
            expected=faced,
            loss=yearly_cost(faced, costs),
            prices=known.crossings.closing,
            rate=known.terms.rate,
            growth=known.terms.growth,
            close_unknown=study.level_crossings.close_unknown,
        )
    if closures is not None:
        projects = with_closures(
            projects,
            closures.table,
            faced,
            sites,
            costs,
            known.terms,
            closure_labels(closures.table),
        )
    progress("programme")
    programme = optimise(projects, study.budget.total) if study.budget else None
    projects = decided(projects, programme)
    sites = with_decision(rank(sites), projects, decided=programme is not None)
    sure = certainty(
        screened,
        located,
        sites.index,
        costs=costs.cost,
        paid=(int(sites["funded"].sum()) or None) if programme is not None else None,
        period=period,
        draws=study.screening.draws,
        seed=study.screening.seed,
    )
    sites = sites.join(sure[[c.name for c in SITES.columns if c.name in sure]])
    check(sites, SITES)
    result = Result(
        study=study,
        knowledge=known,
        inputs=inputs,
        period=period,
        network=network,
        located=located,
        candidates=placement.candidates,
        placement=placement,
        expectation=expectation,
        sites=sites,
        certainty=sure,
        railway=placed.railway,
        crossings=crossings,
        closures=closures,
        clusters=clusters,
        projects=projects,
        programme=programme,
        crash_costs=costs,
        areas=area_table(located, inputs.areas),
        segments=segments_counted(network, placement),
        parts=parts_counted(network, located),
    )
    _reconcile(result)
    return result


def _period(study: Study, crashes: gpd.GeoDataFrame) -> tuple[date, date]:
    """The study's period; where it does not say, whole calendar years of the crashes."""
    start, end = study.study.start, study.study.end
    if start and end:
        return start, end
    days = crashes["date"].dropna()
    if days.empty:
        raise BlackspotsError("no-period", file=study.path.name)
    years = set(days.dt.year)
    gaps = [year for year in range(min(years), max(years)) if year not in years]
    if gaps:
        # One mistyped year would stretch the period, and shrink every yearly figure.
        raise BlackspotsError(
            "period-gaps",
            file=study.path.name,
            first=str(min(years)),
            last=str(max(years)),
            gap=str(gaps[0]),
        )
    first = start or date(days.min().year, 1, 1)
    return first, end or date(days.max().year, 12, 31)


def _network(study: Study, inputs: Inputs) -> Network | None:
    if inputs.roads is None:
        return None
    origins = {}
    for ref, origin in study.routes.items():
        point = gpd.GeoSeries.from_xy([origin.start[0]], [origin.start[1]], crs=crs_.WGS84)
        metres = crs_.reproject(point, inputs.roads.crs)
        name = sources.route_name(ref)
        if name in origins or name not in set(inputs.roads["ref"].dropna()):
            have = ", ".join(sorted(set(inputs.roads["ref"].dropna()))[:20])
            raise BlackspotsError("unknown-route", file=study.path.name, name=ref, have=have)
        origins[name] = (float(metres.x.iloc[0]), float(metres.y.iloc[0]), origin.km)
    return build_network(
        inputs.roads,
        node_tolerance=study.network.node_tolerance,
        junction_link=study.network.junction_link,
        divided_gap=study.network.divided_gap,
        minor_classes=study.network.minor_classes,
        origins=origins,
        posts=inputs.posts,
    )


def _railway(study: Study, inputs: Inputs) -> Railway | None:
    """The railway with what crosses it; None where the study has neither lines nor crossings."""
    if inputs.railways is None and inputs.crossings is None:
        return None
    return find_crossings(
        inputs.roads,
        inputs.railways,
        inputs.crossings,
        inputs.verified.entries if inputs.verified else None,
        crs=inputs.register.crashes.crs,
        options=study.level_crossings,
    )


def _register(
    study: Study, placed: Placed, known: Knowledge, listed: pd.Index, years: float
) -> CrossingRegister | None:
    """The register of level crossings; None where there are none."""
    if placed.railway is None or not len(placed.railway.crossings):
        return None
    crossings, areas = placed.railway.crossings, _first(placed.inputs.areas)
    nowhere = pd.Series(None, crossings.index, dtype="object")
    return register_crossings(
        placed.railway,
        placed.located,
        nowhere if areas is None else areas_of(crossings.geometry, areas),
        known.crossings,
        listed=listed,
        years=years,
        draws=study.screening.draws,
        seed=study.screening.seed,
    )


def _locate(
    study: Study,
    inputs: Inputs,
    network: Network | None,
    known: Knowledge,
    lines: gpd.GeoDataFrame | None,
) -> Placement:
    made = locate(
        inputs.register.crashes,
        segments=network.segments if network else None,
        parts=network.parts if network else None,
        nodes=network.nodes if network else None,
        routes=network.routes if network else None,
        crossings=inputs.crossings,
        lines=lines,
        areas=_first(inputs.areas),
        boundary=inputs.boundary,
        reach=known.reach,
        certain=study.locating.certain,
        decisions=inputs.decisions.used if inputs.decisions else None,
    )
    _require_roads_near(study, inputs, made)
    return made


def _require_roads_near(study: Study, inputs: Inputs, placement: Placement) -> None:
    """Stop where no crash lies near any road: one of the two is in the wrong place."""
    crashes = placement.crashes
    own = crashes.geometry.notna() & (crashes["located_by"] != "route_km")
    own &= ~crashes["reason"].eq("too-vague").fillna(value=False)  # may be anywhere
    own &= ~crashes["place"].isin(["railway", "crossing"])  # near the railway says nothing of roads
    on_road = crashes["segment_id"].notna() & (crashes["located_by"] == "coordinate")
    points = crashes.geometry[own]
    if inputs.roads is None or len(points) < _FEW or on_road.any():
        return
    tree = shapely.STRtree(inputs.roads.geometry.array)
    gap = tree.query_nearest(points.array, return_distance=True, all_matches=False)[1]
    raise BlackspotsError(
        "roads-elsewhere",
        file=study.roads.file.name if study.roads else "",
        count=len(points),
        distance=round(float(np.median(gap)) / 1000, 1),
        crs=inputs.roads.crs.to_string(),
    )


def _first(areas: dict[str, gpd.GeoDataFrame]) -> gpd.GeoDataFrame | None:
    """The first level of areas: the one that sites and crashes are said to lie in."""
    return next(iter(areas.values()), None)


def _repairs(
    inputs: Inputs, network: Network | None, known: Knowledge
) -> tuple[gpd.GeoDataFrame | None, pd.DataFrame]:
    """The works with their place; those that have none are rejected with the reason."""
    records: list[dict[str, Any]] = inputs.rejects.to_dict("records")  # type: ignore[assignment]
    findings = sources.Findings(records)
    if inputs.repairs is None or network is None:
        return None, inputs.rejects
    works = inputs.repairs
    spots = locate_repairs(
        works,
        segments=network.segments,
        parts=network.parts,
        nodes=network.nodes,
        routes=network.routes,
        crossings=inputs.crossings,
        reach=known.reach,
        window=known.window,
    )
    nowhere = spots["reason"].notna()
    for row, reason in zip(works[nowhere].itertuples(), spots["reason"][nowhere], strict=True):
        findings.reject_work(row, str(reason), works.attrs["headers"])
    own = works.drop(columns=["crossing_id", "route"])[~nowhere]
    return own.join(pd.DataFrame(spots.drop(columns="geometry"))), findings.rejects_frame()


def _appraise(
    inputs: Inputs,
    network: Network | None,
    located: gpd.GeoDataFrame,
    expectation: Expectation,
    sites: gpd.GeoDataFrame,
    costs: CrashCosts,
    known: Knowledge,
    weight: pd.DataFrame,
    register: CrossingRegister | None,
) -> gpd.GeoDataFrame:
    faced, crossings = None, inputs.crossings
    if crossings is not None and register is not None:
        crossings = crossings.join(register.register["protection_code"])
    if inputs.repairs is not None and network is not None:
        faced = expected_at(
            inputs.repairs,
            located,
            expectation,
            segments=network.segments,
            nodes=network.nodes,
            routes=network.routes,
            weight=weight,
        )
    return appraise(
        sites,
        located,
        known.catalogue,
        costs,
        known.terms,
        repairs=inputs.repairs,
        faced=faced,
        junctions=network.junctions if network else None,
        crossings=crossings,
        routes=network.routes if network else None,
    )


def _reconcile(result: Result) -> None:
    """Every row of the register ends placed, unplaced or rejected, or the run stops."""
    total = result.placed + result.unplaced + result.rejected
    if result.read != total:
        raise RuntimeError(
            f"read {result.read} != placed {result.placed} + unplaced {result.unplaced}"
            f" + rejected {result.rejected}"
        )
    without = result.located["place"].isna() & result.located["reason"].isna()
    if without.any():
        raise RuntimeError(f"{int(without.sum())} unplaced crashes have no reason")
