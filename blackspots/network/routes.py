"""Segments of one road chained to routes with one measure, and their official km."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.graph.plain import spread
from blackspots.network.carriageways import OTHER
from blackspots.network.chaining import NONE, Chains, chains_of
from blackspots.network.cutting import words_of
from blackspots.network.merging import joined
from blackspots.network.passing import Passing
from blackspots.schema import ROUTES

Origins = Mapping[str, tuple[float, float, float]]
_SAME_KM: Final = 1e-9
_SAME_MEASURE: Final = 1e-6
_PLACE: Final = ("route_id", "route_sign", "route_offset", "route_span")


@dataclass(frozen=True, slots=True)
class _Spots:
    """Route, sign, start [m] and span [m] of each segment; shape (segments,)."""

    route: np.ndarray
    sign: np.ndarray
    start: np.ndarray
    span: np.ndarray


def chain(
    segments: gpd.GeoDataFrame, parts: pd.DataFrame, passing: Passing, origins: Origins
) -> gpd.GeoDataFrame:
    """The table :data:`blackspots.schema.ROUTES`.

    ``segments`` gets ``route_id``, ``route_offset``, ``route_span`` and ``route_sign``: where on
    the route it begins (in the route's direction), how much of the route's measure it takes,
    and whether it is drawn along it. Segments that are the other side of a divided road are in
    no chain; they lie beside the route of the main side and have its measures. Between two
    segments that share no node, as across a roundabout, the route and its measure go straight.

    A route runs in the direction of growing km, else away from its origin, else from its west
    end. Where km jump (a km equation) or stop and go on, the posts before and after are kept,
    so that each stretch has its own. Km of the other side count where the main side has none.
    """
    other = passing.sides.side == OTHER
    chains = _without(chains_of(passing.partner), other)
    gain = np.bincount(
        parts["segment_id"],
        weights=(parts["km_to"] - parts["km_from"]).fillna(0.0),
        minlength=len(segments),
    )
    shapes = np.asarray(segments.geometry.array)
    refs = segments["ref"].to_numpy(dtype="object")
    spots = _spots(segments, chains, passing)
    chains = chains.turned(_backward(chains, spots, gain, shapes, refs, origins))
    spots = _spots(segments, chains, passing)
    for name, field in zip(_PLACE, fields(spots), strict=True):
        segments[name] = getattr(spots, field.name)
    first = chains.order[chains.start[:-1]]
    gap, apart = _gaps(segments, chains)
    length = segments["length"].to_numpy()[chains.order] + gap
    total = np.bincount(chains.number, weights=length, minlength=len(chains))
    made = gpd.GeoDataFrame(
        {
            **{c: words_of(segments[c], first) for c in ("ref", "name", "road_id")},
            "length": total,
            "road_class": _classes(segments, chains),
        },
        geometry=joined(shapes, chains, apart),
        crs=segments.crs,
        index=pd.RangeIndex(len(chains), name=ROUTES.index),
    )
    posts = _posts(segments, parts, len(chains), other, passing.around != NONE)
    for ref, route in _nearest_chain(chains, shapes, refs, origins).items():
        if not len(posts[route][0]):
            km = origins[ref][2]
            posts[route] = ((0.0, total[route]), (km, km + total[route] / 1000))
    made["km_from"] = [kms[0] if kms else np.nan for _, kms in posts]
    made["km_to"] = [kms[-1] if kms else np.nan for _, kms in posts]
    made["post_measures"] = pd.Series([measures for measures, _ in posts], dtype="object")
    made["post_km"] = pd.Series([kms for _, kms in posts], dtype="object")
    return made


def _without(chains: Chains, lines: np.ndarray) -> Chains:
    """The chains of the lines that a mask leaves; its lines are chains of their own before."""
    kept = ~lines[chains.order]
    count = np.bincount(chains.number[kept], minlength=len(chains))
    return Chains(
        chains.order[kept], chains.sign[kept], np.r_[0, np.cumsum(count[count > 0])].astype(int)
    )


def _backward(
    chains: Chains,
    spots: _Spots,
    gain: np.ndarray,
    shapes: np.ndarray,
    refs: np.ndarray,
    origins: Origins,
) -> np.ndarray:
    """Which chains have to be turned."""
    size = len(chains)
    rise = np.bincount(chains.number, weights=gain[chains.order] * chains.sign, minlength=size)
    beside = np.bincount(spots.route, weights=gain * spots.sign, minlength=size)
    rise = np.where(rise != 0, rise, beside)
    begin, end = _tips(chains, shapes)
    west = (begin[:, 0] > end[:, 0]) | ((begin[:, 0] == end[:, 0]) & (begin[:, 1] > end[:, 1]))
    for route in np.flatnonzero(np.isin(refs[chains.order[chains.start[:-1]]], list(origins))):
        x, y, _ = origins[refs[chains.order[chains.start[route]]]]
        away = [float(np.hypot(*(tip[route] - (x, y)))) for tip in (begin, end)]
        west[route] = away[0] > away[1]
    return np.where(rise != 0, rise < 0, west)


def _tips(chains: Chains, shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the beginning and the end of each chain, shape (chains, 2)."""
    first, last = chains.start[:-1], chains.start[1:] - 1
    tips = []
    for at, index in ((first, (0, -1)), (last, (-1, 0))):
        which = np.where(chains.sign[at] > 0, *index)
        tips.append(shapely.get_coordinates(shapely.get_point(shapes[chains.order[at]], which)))
    return tips[0], tips[1]


def _nearest_chain(
    chains: Chains, shapes: np.ndarray, refs: np.ndarray, origins: Origins
) -> dict[str, int]:
    """The chain of each number that its km begin at; of a broken road only the nearest."""
    best: dict[str, tuple[float, int]] = {}
    if not origins:
        return {}
    of_chain = refs[chains.order[chains.start[:-1]]]
    begin, end = _tips(chains, shapes)
    for route in np.flatnonzero(np.isin(of_chain, list(origins))):
        ref = of_chain[route]
        for tip in (begin[route], end[route]):
            gap = float(np.hypot(*(tip - origins[ref][:2])))
            best[ref] = min(best.get(ref, (np.inf, -1)), (gap, int(route)))
    return {ref: route for ref, (_, route) in best.items()}


def _gaps(segments: gpd.GeoDataFrame, chains: Chains) -> tuple[np.ndarray, np.ndarray]:
    """The straight line [m] before each line of the chains, and where there is one."""
    shapes = np.asarray(segments.geometry.array)
    node = segments[["from_node", "to_node"]].to_numpy()
    onward = (chains.sign > 0).astype(int)
    enters, leaves = node[chains.order, 1 - onward], node[chains.order, onward]
    apart = np.zeros(len(chains.order), dtype=bool)
    apart[1:] = (enters[1:] != leaves[:-1]) & (np.diff(chains.number) == 0)
    gap, at = np.zeros(len(chains.order)), np.flatnonzero(apart)
    ends = (
        shapely.get_point(shapes[chains.order[k]], np.where(last, -1, 0))
        for k, last in ((at, onward[at] == 0), (at - 1, onward[at - 1] == 1))
    )
    gap[at] = shapely.distance(*ends)
    return gap, apart


def _spots(segments: gpd.GeoDataFrame, chains: Chains, passing: Passing) -> _Spots:
    """Each segment's place on its route."""
    size = len(segments)
    length = segments["length"].to_numpy(dtype="float64")
    route, sign = np.full(size, -1), np.ones(size, dtype="int64")
    start, span = np.zeros(size), length.copy()
    route[chains.order], sign[chains.order] = chains.number, chains.sign
    gap, _ = _gaps(segments, chains)
    along = length[chains.order] + gap
    offset = np.cumsum(along) - length[chains.order]
    begin = (np.cumsum(along) - along)[chains.start[:-1]]
    start[chains.order] = offset - begin[chains.number]
    total = np.bincount(chains.number, weights=along, minlength=len(chains))
    spots = _Spots(route, sign, start, span)
    _put_beside(spots, length, total, passing.sides.beside)
    _put_around(spots, segments, passing)
    return spots


def _put_beside(spots: _Spots, length: np.ndarray, total: np.ndarray, beside: pd.DataFrame) -> None:
    """Enter the places of the other sides, by the first and the last place across from each."""
    if beside.empty:
        return
    main = beside["main"].to_numpy()
    there = np.where(
        spots.sign[main] > 0,
        beside["main_measure"],
        length[main] - beside["main_measure"].to_numpy(),
    )
    near = pd.DataFrame(
        {
            "segment": beside["segment"].to_numpy(),
            "place": beside["place"].to_numpy(),
            "measure": beside["measure"].to_numpy(),
            "route": spots.route[main],
            "at": spots.start[main] + there,
            "way": spots.sign[main] * np.where(beside["same_way"], 1, -1),
        }
    )
    votes = near.groupby(["segment", "route"]).size().rename("votes").reset_index()
    votes = votes.sort_values(["segment", "votes", "route"], ascending=[True, False, True])
    chosen = votes.drop_duplicates("segment").set_index("segment")["route"]
    near = near[near["route"].to_numpy() == chosen.loc[near["segment"]].to_numpy()]
    groups = near.drop_duplicates("place").groupby("segment")
    first, last = groups.first(), groups.last()
    own = first.index.to_numpy()
    way = np.where(groups["way"].sum() >= 0, 1, -1)
    begin = (first["at"] - way * first["measure"]).to_numpy()
    end = last["at"].to_numpy() + way * (length[own] - last["measure"].to_numpy())
    low, high = (
        np.clip(m, 0.0, total[chosen.loc[own]])
        for m in (np.minimum(begin, end), np.maximum(begin, end))
    )
    spots.route[own], spots.sign[own] = chosen.loc[own], way
    spots.start[own], spots.span[own] = low, high - low


def _put_around(spots: _Spots, segments: gpd.GeoDataFrame, passing: Passing) -> None:
    """Enter the places of rings beside the straight line of the road that passes them."""
    rows = np.flatnonzero(passing.around != NONE)
    if not len(rows):
        return
    shapes = np.asarray(segments.geometry.array)
    length = segments["length"].to_numpy()
    ends = passing.around[rows], passing.partner[passing.around[rows]]
    tips, at = [], []
    for line, last in (np.divmod(end, 2) for end in ends):
        tips.append(shapely.get_coordinates(shapely.get_point(shapes[line], -last)))
        far = (spots.sign[line] > 0) == (last == 1)
        at.append(spots.start[line] + np.where(far, length[line], 0.0))
    step = tips[1] - tips[0]
    whole = np.hypot(*step.T)
    # Where a road comes round to the junction it began in, its two ends are no line there.
    rise = np.where(np.abs(at[1] - at[0]) <= whole + 1.0, at[1] - at[0], 0.0)
    begin, end = (
        at[0] + rise * np.clip(((spot - tips[0]) * step).sum(axis=1) / whole**2, 0.0, 1.0)
        for spot in (
            shapely.get_coordinates(shapely.get_point(shapes[rows], index)) for index in (0, -1)
        )
    )
    spots.route[rows] = spots.route[ends[0] // 2]
    spots.sign[rows] = np.where(end >= begin, 1, -1)
    spots.start[rows] = np.minimum(begin, end)
    spots.span[rows] = np.abs(end - begin)


def _classes(segments: gpd.GeoDataFrame, chains: Chains) -> pd.Series:
    """The class that most of each chain's length has, the first by name of equals."""
    frame = pd.DataFrame(
        {
            "route": chains.number,
            "kind": words_of(segments["road_class"], chains.order),
            "length": segments["length"].to_numpy()[chains.order],
        }
    )
    total: pd.DataFrame = frame.groupby(["route", "kind"])["length"].sum().reset_index()
    best = total.sort_values(["route", "length", "kind"], ascending=[True, False, True])
    best = best.drop_duplicates("route").set_index("route")
    return words_of(best["kind"].reindex(range(len(chains))))


Posts = tuple[tuple[float, ...], tuple[float, ...]]


def _posts(
    segments: gpd.GeoDataFrame, parts: pd.DataFrame, routes: int, other: np.ndarray, no: np.ndarray
) -> list[Posts]:
    """Measures and official km along each route, at both ends of every part that has km.

    Parameters
    ----------
    other, no : bool, shape (segments,)
        Segments whose km count only where no other segment has any, and those whose do not.
    """
    posts: list[Posts] = [((), ())] * routes
    segment = parts["segment_id"].to_numpy()
    known = (parts["km_from"].notna() & parts["km_to"].notna() & ~parts["again"]).to_numpy()
    own = parts[known & ~no[segment]]
    if own.empty:
        return posts
    of = segments.iloc[own["segment_id"]]
    length = of["length"].to_numpy()
    scale = of["route_span"].to_numpy() / length
    forward = of["route_sign"].to_numpy() > 0
    low = np.where(forward, own["from_measure"], length - own["to_measure"])
    ends = [
        np.where(forward, own[a], own[b]) for a, b in (("km_from", "km_to"), ("km_to", "km_from"))
    ]
    start = of["route_offset"].to_numpy() + low * scale
    frame = pd.DataFrame(
        {
            "route": of["route_id"].to_numpy(),
            "start": start,
            "stop": start + (own["to_measure"] - own["from_measure"]).to_numpy() * scale,
            "first": ends[0],
            "last": ends[1],
        }
    )
    beside = other[own["segment_id"]]
    frame = pd.concat([frame[~beside], _where_none(frame[~beside], frame[beside])])
    frame = frame.sort_values(["route", "start"], kind="stable")
    for route, part in frame.groupby("route"):
        posts[int(str(route))] = _row(part)
    return posts


def _where_none(main: pd.DataFrame, beside: pd.DataFrame) -> pd.DataFrame:
    """Those stretches of the second table that lie in none of the first; of two the first row."""
    if beside.empty:
        return beside
    every = pd.concat([main, beside])
    ends = np.r_[every[["route", "start"]].to_numpy(), every[["route", "stop"]].to_numpy()]
    cuts, at = np.unique(ends, axis=0, return_inverse=True)
    first, last = at.reshape(2, -1)
    count = np.bincount(first[: len(main)], minlength=len(cuts)).astype(int)
    count -= np.bincount(last[: len(main)], minlength=len(cuts))
    row, cut = spread(first[len(main) :], last[len(main) :])
    free = np.cumsum(count)[cut] == 0
    row, cut = row[free], cut[free]
    cut, only = np.unique(cut, return_index=True)
    row = row[only]
    of = beside.iloc[row]
    start, stop = cuts[cut, 1], cuts[cut + 1, 1]
    whole = (of["stop"] - of["start"]).to_numpy()
    rise = (of["last"] - of["first"]).to_numpy()
    first_km, last_km = (
        of["first"].to_numpy() + rise * (m - of["start"].to_numpy()) / whole for m in (start, stop)
    )
    made = of.assign(start=start, stop=stop, first=first_km, last=last_km)
    long: pd.DataFrame = made[(stop - start) > _SAME_MEASURE]
    return long


def _row(part: pd.DataFrame) -> Posts:
    """Posts of one route, one at each place unless km jump there."""
    measures: list[float] = []
    kms: list[float] = []
    stops = zip(part["start"], part["stop"], part["first"], part["last"], strict=True)
    for start, stop, first, last in stops:
        for measure, km in ((start, first), (stop, last)):
            again = measures and (
                abs(measure - measures[-1]) < _SAME_MEASURE and abs(km - kms[-1]) < _SAME_KM
            )
            if not again:
                measures.append(float(measure))
                kms.append(float(km))
    return tuple(measures), tuple(kms)
