"""The run of a study: the only place where the stages meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots import crs as crs_
from blackspots import sources
from blackspots.appraisal import CrashCosts, appraise, crash_costs, yearly_cost
from blackspots.config import Study
from blackspots.errors import BlackspotsError
from blackspots.inputs import Inputs, read_inputs, rejected_rows
from blackspots.knowledge import Knowledge, knowledge_of
from blackspots.locating import (
    Placement,
    locate,
    locate_repairs,
    weights,
)
from blackspots.network import Network, build_network
from blackspots.programme import Programme, optimise
from blackspots.quality import Quality, assess
from blackspots.schema import SITES, check
from blackspots.screening import (
    Expectation,
    Layers,
    certainty,
    clusters_along,
    expect,
    expected_at,
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

STAGES: Final = ("read", "network", "locate", "screen", "appraise", "programme")

_FEW: Final = 3
"""Crashes from which their lying far from every road is no slip of the pen."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Result:
    """Everything a run found; the outputs are made from this alone."""

    study: Study
    knowledge: Knowledge
    inputs: Inputs
    period: tuple[date, date]
    network: Network | None
    located: gpd.GeoDataFrame
    candidates: pd.DataFrame
    placement: Placement
    expectation: Expectation
    sites: gpd.GeoDataFrame
    certainty: pd.DataFrame
    clusters: pd.DataFrame | None
    projects: gpd.GeoDataFrame
    programme: Programme | None
    crash_costs: CrashCosts
    areas: pd.DataFrame
    segments: gpd.GeoDataFrame | None
    parts: pd.DataFrame | None

    @property
    def read(self) -> int:
        """Rows of the register."""
        return self.inputs.register.read

    @property
    def rejected(self) -> int:
        """Rows of the register that were refused."""
        return rejected_rows(self.inputs.rejects, "crashes")

    @property
    def placed(self) -> int:
        """Crashes that have a place."""
        return int(self.located["place"].notna().sum())

    @property
    def unplaced(self) -> int:
        """Crashes that have none."""
        return int(self.located["place"].isna().sum())

    @property
    def gone(self) -> gpd.GeoDataFrame | None:
        """Sites of the earlier list that are not found now; None where no list was read."""
        before = self.inputs.listed
        return None if before is None else before.sites[~before.sites.index.isin(self.sites.index)]

    @property
    def valued(self) -> bool:
        """Whether severities are known, so that crashes have a cost."""
        return (
            bool(self.sites["cost_per_year"].notna().any())
            if len(self.sites)
            else bool((self.located["severity"] != "unknown").any())
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the crashes of a study lie."""

    study: Study
    inputs: Inputs
    network: Network | None
    placement: Placement

    @property
    def located(self) -> gpd.GeoDataFrame:
        """The crashes in their places."""
        return self.placement.crashes

    @property
    def read(self) -> int:
        """Rows of the register."""
        return self.inputs.register.read

    @property
    def rejected(self) -> int:
        """Rows of the register that were refused."""
        return rejected_rows(self.inputs.rejects, "crashes")


@dataclass(frozen=True, slots=True)
class Checked(Placed):
    """What a check found: also the period, and how good the register is."""

    period: tuple[date, date]
    quality: Quality

    def remarked(self, kind: str) -> int:
        """Cells of the register that were ``repaired``, or used though ``doubtful``."""
        remarks = self.inputs.remarks
        of_kind = (remarks["table"] == "crashes") & (remarks["kind"] == kind)
        return int(remarks.loc[of_kind, "count"].sum())


def check_study(study: Study, progress: Progress = lambda _stage: None) -> Checked:
    """Read and place a study's crashes, and judge the register; nothing is ranked.

    Raises
    ------
    BlackspotsError
        What is wrong with the inputs.
    """
    inputs, period, network, placement = _placed(study, knowledge_of(study), progress)
    years = range(period[0].year, period[1].year + 1)
    quality = assess(inputs.register.crashes, placement.crashes, years=years)
    return Checked(study, inputs, network, placement, period, quality)


def place_study(study: Study, progress: Progress = lambda _stage: None) -> Placed:
    """Read and place a study's crashes, and nothing else: they need not be dated.

    Raises
    ------
    BlackspotsError
        What is wrong with the inputs.
    """
    known = knowledge_of(study)
    inputs = _read(study, known, progress)
    progress("network")
    network = _network(study, inputs)
    progress("locate")
    return Placed(study, inputs, network, _locate(study, inputs, network, known))


def _placed(
    study: Study, known: Knowledge, progress: Progress
) -> tuple[Inputs, tuple[date, date], Network | None, Placement]:
    """The first stages: inputs, period, network, and the crashes in their places."""
    inputs = _read(study, known, progress)
    period = _period(study, inputs.register.crashes)
    progress("network")
    network = _network(study, inputs)
    progress("locate")
    return inputs, period, network, _locate(study, inputs, network, known)


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
    inputs, period, network, placement = _placed(study, known, progress)
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
    repairs, lost = _repairs(inputs, network, known)
    inputs = replace(inputs, rejects=lost, repairs=repairs)
    projects = _appraise(inputs, network, located, expectation, sites, costs, known, weight)
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


def _locate(study: Study, inputs: Inputs, network: Network | None, known: Knowledge) -> Placement:
    made = locate(
        inputs.register.crashes,
        segments=network.segments if network else None,
        parts=network.parts if network else None,
        nodes=network.nodes if network else None,
        routes=network.routes if network else None,
        crossings=inputs.crossings,
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
) -> gpd.GeoDataFrame:
    faced = None
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
        crossings=inputs.crossings,
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
