"""Self-opened paths closed in groups: what to close between two crossings that stay.

Between two crossings that stay open lie self-opened paths. Which of them to close, where a
service road with a fence runs, how far the residents then go and what the traffic that moves
adds to the neighbours is one calculation for each stretch (:mod:`.stretches`), on the ways that
the road network has on each side of the railway (:mod:`.detours`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.crossings.detours import Feet, Ways, feet_of, ways_between
from blackspots.crossings.lines import Lines
from blackspots.crossings.severing import parts_of
from blackspots.crossings.spans import Span, Study, studied
from blackspots.crossings.stretches import Plan, Rates, Stretch, plans, risen
from blackspots.presets.closing import MARKS, ClosingPrices
from blackspots.presets.costs import present_value_factor
from blackspots.referencing import kms_at
from blackspots.schema import CLOSURES, EMPTY, check
from blackspots.schema.rail import LEVELS

__all__ = ["Closures", "closure_options"]

_DAYS: Final = 365.0


@dataclass(frozen=True, slots=True, eq=False)
class Closures:
    """The ways to close paths, and what became of every crossing.

    Parameters
    ----------
    table
        :data:`blackspots.schema.CLOSURES`, every option.
    effects
        One row for each crossing that an option changes: ``closure_id``, ``crossing_id``,
        ``factor`` of its expected crashes: 0 for a closed path, above 1 for an open crossing
        that takes moved traffic.
    worth
        Indexed by ``closure_id``: ``npv`` [currency], ``loss_saved`` of the closed paths and
        ``loss_moved`` to open crossings [currency/year].
    stretches
        Indexed by ``group_id``: ``line_id``, ``line``, ``from_crossing``, ``to_crossing``,
        ``from_measure`` and ``to_measure`` [m], ``km_from`` and ``km_to`` [km], ``paths`` that
        may be closed, ``options`` and ``reason``: empty, ``nothing-to-close``, ``no-way-round``,
        ``loss-unknown`` or ``not-worth-it`` (its options are in the table, none of them best).
    crossings
        Indexed as the register: ``role`` (``stays``, ``path``, or empty for those left out),
        ``group_id`` of the paths, ``reason`` (``no-line``: on no line, ``no-location``).
    notes
        How many: ``unlisted-cuts`` (places where a road meets the railway at grade and no
        crossing is listed; no detour leads there), ``vehicles-assumed``, ``walkers-assumed``,
        ``loss-assumed`` (crossings that took the median of their kind, or the preset's figure),
        ``long-bridges`` (bridges and tunnels of the railway that no service road passes).
    """

    table: gpd.GeoDataFrame
    effects: pd.DataFrame
    worth: pd.DataFrame
    stretches: pd.DataFrame
    crossings: pd.DataFrame
    notes: pd.Series


def closure_options(
    register: gpd.GeoDataFrame,
    roads: gpd.GeoDataFrame,
    lines: Lines,
    *,
    expected: pd.DataFrame,
    loss: pd.Series,
    elasticity: float,
    prices: ClosingPrices,
    rate: float,
    growth: float,
    close_unknown: bool = False,
    keep: Collection[str] = (),
) -> Closures:
    """Ways to close self-opened paths between crossings that stay, stretch by stretch.

    For each number of paths closed the plan of greatest net present value is found exactly
    (:func:`blackspots.crossings.stretches.plans`). Those are kept that no other of the stretch
    beats in cost and net present value, and always the one that closes the most. Users are led to
    a crossing that stays; to another path only where the prices say so (``lead_to_paths``).

        NPV = F(rate, growth, life) (loss saved - loss moved - detours) - cost
              - F(rate, 0, life) upkeep

    Loss moved: an open crossing of v vehicles that takes dv more loses
    loss (((v + dv) / v)^elasticity - 1) more a year. Detours: the whole way from a closed path's
    left foot over the open crossing to its right foot, or over a bridge, for vehicles and
    persons on foot; as users begin behind the foot, this is rather too long. They grow as the
    crashes do. Stretches are judged each for itself: a crossing that takes traffic from both its
    stretches has both factors in ``effects``.

    Parameters
    ----------
    register
        Indexed by ``crossing_id``: ``kind``, ``line``, ``measure`` [m], ``km`` [km],
        ``vehicles`` and ``walkers`` [1/day], points as geometry; ``line_id`` where names of
        lines repeat (else the nearest line of the name). Where ``vehicles_low`` and
        ``vehicles_high`` (5 and 95 %) are there, ``vehicles`` is the median of a lognormal, of
        which the mean is taken. Vehicles that are unknown or 0, and
        unknown persons, are the median of the same kind, else of all, else the preset's figure.
    roads
        :data:`blackspots.schema.ROADS`, in the same CRS.
    lines
        Railway lines and their tracks.
    expected
        Expected crashes [1/year] by crossing, columns ``fatal``, ``serious``, ``slight``,
        ``injury``, ``pdo``.
    loss
        Cost of the expected crashes [currency/year] by crossing; unknown as with vehicles.
    elasticity
        Of crashes by vehicles.
    rate, growth
        Discount rate and yearly growth of crash cost and detours [1/year].
    close_unknown
        Whether crossings of unknown kind may be closed; else they stay.
    keep
        Ids of paths that stay in any case. Official crossings always stay.

    Raises
    ------
    ValueError
        If elasticity, rate or growth is no usable number, ``keep`` names no crossing, or the
        layers are in different CRSs.
    """
    known = {crs for crs in (register.crs, roads.crs, lines.lines.crs) if crs is not None}
    if len(known) > 1:
        raise ValueError("register, roads and lines must be in one CRS")
    if not (np.isfinite(elasticity) and elasticity >= 0):
        raise ValueError(f"elasticity must be 0 or more, not {elasticity}")
    if not (0 <= rate < 1 and -1 < growth < 1):
        raise ValueError(f"rate and growth must be shares a year, not {rate} and {growth}")
    strange = sorted(set(keep) - set(register.index))
    if strange:
        raise ValueError(f"keep names no crossing: {', '.join(strange[:3])}")
    study = studied(register, lines, expected, loss, prices, keep, close_unknown=close_unknown)
    feet = None
    busy = [s for s in study.stretches if s.paths]
    if busy and study.known:
        wanted = np.zeros(len(study.placed), dtype=bool)
        wanted[np.concatenate([s.rows for s in busy])] = True
        reach = prices.reach.value
        feet = feet_of(study.placed, roads, lines, reach=reach, wanted=wanted)
    return _collected(study, feet, prices, rate, growth, elasticity)


@dataclass(frozen=True, slots=True)
class _Money:
    """Prices at one end of their range: [currency/m], [currency/m], [currency/path]."""

    road: float
    fence: float
    closing: float

    @classmethod
    def at(cls, prices: ClosingPrices, end: str) -> _Money:
        road, fence, closing = (
            float(getattr(figure, end))
            for figure in (prices.service_road, prices.fence, prices.closing)
        )
        return cls(road / 1000, fence / 1000, closing)

    def cost(self, built: float, fence: float, closed: int) -> float:
        return self.road * built + self.fence * (fence - built) + self.closing * closed


def _collected(
    study: Study,
    feet: Feet | None,
    prices: ClosingPrices,
    rate: float,
    growth: float,
    elasticity: float,
) -> Closures:
    years = present_value_factor(rate, growth, prices.life.value)
    held = 1 + prices.upkeep.value * present_value_factor(rate, 0.0, prices.life.value)
    money = _Money.at(prices, "value")
    rates = Rates(
        road=money.road * held,
        fence=money.fence * held,
        closing=money.closing * held,
        years=years,
        elasticity=elasticity,
        reach=prices.reach.value,
    )
    of = _arrays(study, prices)
    found: dict[str, list[Plan]] = {}
    if feet is not None:
        busy = [span for span in study.stretches if span.paths]
        ways = ways_between(
            feet,
            [span.rows for span in busy],
            reach=prices.reach.value,
            line=of["line_id"],
            open_=~of["path"],
        )
        for span, way in zip(busy, ways, strict=True):
            found[span.group_id] = plans(_stretch(of, span, way, study.blocked, prices), rates)
    rows: list[dict[str, Any]] = []
    effects: list[tuple[str, str, float]] = []
    chosen: list[tuple[Span, Plan]] = []
    stretches = []
    for span in study.stretches:
        place = _where(study, of, span)
        offered = _offered(found.get(span.group_id, []), of, span, money)
        worth = max((plan.value for plan in offered), default=-np.inf)
        first = next((plan for plan in offered if plan.value == worth > 0), None)
        for plan in offered:
            row, changes = _option(of, span, plan, prices, elasticity, best=plan is first)
            rows.append({**place, **row})
            chosen.append((span, plan))
            effects += changes
        reason = ""
        if not span.paths:
            reason = "nothing-to-close"
        elif not study.known:
            reason = "loss-unknown"
        elif not offered:
            reason = "no-way-round"
        elif worth <= 0:
            reason = "not-worth-it"
        stretches.append({**place, "paths": span.paths, "options": len(offered), "reason": reason})
    for row, shape in zip(rows, _drawn(study, chosen, prices.beside.value), strict=True):
        row["geometry"] = shape
    unlisted = 0 if feet is None else len(feet.unlisted)
    notes = pd.Series({"unlisted-cuts": unlisted, **study.notes}, name="notes", dtype="int64")
    return _framed(study, rows, effects, stretches, notes)


def _arrays(study: Study, prices: ClosingPrices) -> dict[str, np.ndarray]:
    """The placed crossings by column, with their ``id`` and ``burden`` [currency/year/m]."""
    of: dict[str, np.ndarray] = {
        name: study.placed[name].to_numpy() for name in study.placed.columns if name != "geometry"
    }
    a_day = of["vehicles"] * prices.vehicle_detour.value
    a_day = a_day + of["walkers"] * prices.walker_detour.value
    return {**of, "id": study.placed.index.astype(str).to_numpy(), "burden": _DAYS / 1000 * a_day}


def _stretch(
    of: dict[str, np.ndarray],
    span: Span,
    way: Ways,
    blocked: dict[int, np.ndarray],
    prices: ClosingPrices,
) -> Stretch:
    along = of["measure"][span.rows]
    closed_to = blocked.get(span.line_id, np.zeros((0, 2)))
    overlap = (along[:-1, None] < closed_to[:, 1]) & (along[1:, None] > closed_to[:, 0])
    return Stretch(
        along=along,
        kept=~of["path"][span.rows],
        loss=of["loss"][span.rows],
        vehicles=of["vehicles"][span.rows],
        burden=of["burden"][span.rows],
        ways=way.along,
        across=way.across,
        buildable=~overlap.any(axis=1),
        takes=~of["path"][span.rows] | prices.lead_to_paths,
    )


def _built(plan: Plan, along: np.ndarray) -> float:
    return float(sum(along[run.stop] - along[run.start] for run in plan.runs))


def _offered(found: list[Plan], of: dict[str, np.ndarray], span: Span, money: _Money) -> list[Plan]:
    """Plans that no other beats in cost and net present value, and the one that closes most."""
    along = of["measure"][span.rows]
    cost = np.array([money.cost(_built(p, along), p.fence, len(p.closed)) for p in found])
    value = np.array([p.value for p in found])
    beaten = (cost[None, :] <= cost[:, None]) & (value[None, :] >= value[:, None])
    beaten &= (cost[None, :] < cost[:, None]) | (value[None, :] > value[:, None])
    kept = np.atleast_1d(~beaten.any(axis=1))
    kept[-1:] = True
    return [plan for plan, keep in zip(found, kept, strict=True) if keep]


def _where(study: Study, of: dict[str, np.ndarray], span: Span) -> dict[str, Any]:
    """Where a stretch begins and ends, in measures and official km."""
    axes = study.lines.lines
    ref = axes.at[span.line_id, "ref"]
    ends = [0.0, float(axes.at[span.line_id, "length"])]
    kms = [np.nan, np.nan]
    names: list[str | None] = [None, None]
    for end, stays, at in ((0, span.first_stays, 0), (1, span.last_stays, -1)):
        if stays:
            row = span.rows[at]
            ends[end], kms[end] = float(of["measure"][row]), float(of["km"][row])
            names[end] = of["id"][row]
    if "post_measures" in axes and np.isnan(kms).any():
        by_posts = kms_at(axes, span.line_id, np.array(ends))
        kms = list(np.where(np.isnan(kms), by_posts, kms))
    return {
        "group_id": span.group_id,
        "line_id": span.line_id,
        "line": None if pd.isna(ref) else ref,
        "from_crossing": names[0],
        "to_crossing": names[1],
        "from_measure": ends[0],
        "to_measure": ends[1],
        "km_from": kms[0],
        "km_to": kms[1],
    }


def _option(
    of: dict[str, np.ndarray],
    span: Span,
    plan: Plan,
    prices: ClosingPrices,
    elasticity: float,
    *,
    best: bool,
) -> tuple[dict[str, Any], list[tuple[str, str, float]]]:
    """The row of an option, and the crossings it changes: option, crossing, factor."""
    own = {name: values[span.rows] for name, values in of.items()}
    along, vehicles = own["measure"], own["vehicles"]
    closed = plan.closed
    users = (vehicles + own["walkers"])[closed]
    built = _built(plan, along)
    cost, low, high = (
        float(round(_Money.at(prices, end).cost(built, plan.fence, len(closed))))
        for end in ("value", "low", "high")
    )
    factor = ((vehicles + plan.received) / vehicles) ** elasticity
    factor[closed] = 0.0
    changed = np.flatnonzero(factor != 1.0)
    open_paths = np.setdiff1d(np.flatnonzero(own["path"]), closed)
    closure_id = f"{span.group_id}:{len(closed)}"
    detour = plan.detour[closed]
    loss = own["loss"]
    row = {
        "closure_id": closure_id,
        "paths": span.paths,
        "closed": ";".join(own["id"][closed]),
        "n_closed": len(closed),
        "kept": ";".join(own["id"][open_paths]) or None,
        "service_road": built,
        "fence": plan.fence,
        "detour_mean": float(np.average(detour, weights=users)),
        "detour_longest": float(detour.max()),
        "vehicles_moved": float(plan.received.sum()),
        "cost": cost,
        "cost_low": low,
        "cost_high": high,
        "upkeep": float(round(cost * prices.upkeep.value)),
        "detour_cost": float(round((own["burden"][closed] * detour).sum())),
        "life": prices.life.value,
        "mark": _mark(prices, built, plan.fence, assumed=bool(own["assumed"].any())),
        **{f"avoided_{level}": float((own[level] * (1 - factor)).sum()) for level in LEVELS},
        "best": best,
        "npv": plan.value,
        "loss_saved": float(loss[closed].sum()),
        "loss_moved": float(risen(loss, vehicles, plan.received, elasticity).sum()),
    }
    return row, [(closure_id, own["id"][at], float(factor[at])) for at in changed]


def _mark(prices: ClosingPrices, built: float, fence: float, *, assumed: bool) -> str:
    """The weakest mark of the figures that an option rests on."""
    used = {"closing", "upkeep", "life", "vehicle_detour", "walker_detour"}
    used |= {"service_road"} if built else set()
    used |= {"fence"} if fence > built else set()
    marks = {prices.figures[name].mark for name in used} | ({"A"} if assumed else set())
    return max(marks, key=MARKS.index)


def _drawn(study: Study, chosen: list[tuple[Span, Plan]], beside: float) -> list[shapely.Geometry]:
    """The service roads of options beside the axis; the closed paths where none is built."""
    axes, placed = study.lines.lines, study.placed
    measure, points = placed["measure"].to_numpy(), np.asarray(placed.geometry.array)
    runs = [
        (number, span.line_id, span.rows[run.start], span.rows[run.stop], run.side)
        for number, (span, plan) in enumerate(chosen)
        for run in plan.runs
    ]
    made: list[shapely.Geometry] = [
        shapely.MultiPoint(points[span.rows[plan.closed]].tolist()) for span, plan in chosen
    ]
    if not runs:
        return made
    owner, line_id, first, last, side = map(np.asarray, zip(*runs, strict=True))
    line, start, stop = axes.index.get_indexer(line_id), measure[first], measure[last]
    pieces = parts_of(np.asarray(axes.geometry.array), line, start, stop)
    asides = shapely.offset_curve(pieces, np.where(side == 0, beside, -beside))
    # Where the offset of a tight bend fails the road is drawn on the axis.
    roads = np.where(shapely.length(asides) > 0, asides, pieces)
    numbers, begin = np.unique(owner, return_index=True)
    for number, low, high in zip(numbers, begin, [*begin[1:], len(owner)], strict=True):
        own = shapely.get_parts(roads[low:high][stop[low:high] > start[low:high]])
        if len(own):
            made[number] = own[0] if len(own) == 1 else shapely.MultiLineString(own.tolist())
    return made


def _framed(
    study: Study,
    rows: list[dict[str, Any]],
    effects: list[tuple[str, str, float]],
    stretches: list[dict[str, Any]],
    notes: pd.Series,
) -> Closures:
    names = [column.name for column in CLOSURES.columns]
    values = ["npv", "loss_saved", "loss_moved"]
    frame = pd.DataFrame(rows, columns=["closure_id", *names, *values, "geometry"])
    frame = frame.set_index("closure_id")
    kinds = {c.name: EMPTY[c.kind] for c in CLOSURES.columns if c.kind != "boolean"}
    frame = frame.astype({**kinds, **dict.fromkeys(values, "float64"), "best": "bool"})
    texts = [column.name for column in CLOSURES.columns if column.kind == "text"]
    frame[texts] = _worded(frame[texts])
    table = gpd.GeoDataFrame(frame[[*names, "geometry"]], geometry="geometry", crs=study.placed.crs)
    check(table, CLOSURES)
    spans = pd.DataFrame(
        stretches,
        columns=[
            *("group_id", "line_id", "line", "from_crossing", "to_crossing", "from_measure"),
            *("to_measure", "km_from", "km_to", "paths", "options", "reason"),
        ],
    ).set_index("group_id")
    words = ["line", "from_crossing", "to_crossing"]
    spans[words] = _worded(spans[words])
    columns = {"closure_id": "object", "crossing_id": "object", "factor": "float64"}
    changes = pd.DataFrame(effects, columns=list(columns)).astype(columns)
    return Closures(
        table=table,
        effects=changes,
        worth=frame[values],
        stretches=spans,
        crossings=study.crossings.assign(**_worded(study.crossings[["role", "group_id"]])),
        notes=notes,
    )


def _worded(texts: pd.DataFrame) -> pd.DataFrame:
    """Texts with None for none, which pandas turns into NaN."""
    plain = texts.astype("object")
    return plain.where(plain.notna(), None)
