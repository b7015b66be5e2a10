"""Segments of one road chained to routes with one measure, and their official km."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots.network.carriageways import OTHER, Sides
from blackspots.network.chaining import Chains, chains_of, ends_of, pair_ends
from blackspots.network.cutting import words_of
from blackspots.network.merging import joined
from blackspots.schema import ROUTES

Origins = Mapping[str, tuple[float, float, float]]
_SAME_KM: Final = 1e-9
_SAME_MEASURE: Final = 1e-6


def chain(
    segments: gpd.GeoDataFrame, parts: pd.DataFrame, sides: Sides, origins: Origins
) -> gpd.GeoDataFrame:
    """The table :data:`blackspots.schema.ROUTES`.

    ``segments`` gets ``route_id``, ``route_offset``, ``route_span`` and ``route_sign``: where on
    the route it begins (in the route's direction), how much of the route's measure it takes,
    and whether it is drawn along it. Segments that are the other side of a divided road are in
    no chain; they lie beside the route of the main side and have its measures.

    A route runs in the direction of growing km, else away from its origin, else from its west
    end. Where km jump (a km equation) or stop and go on, the posts before and after are kept,
    so that each stretch has its own km.
    """
    other = sides.side == OTHER
    chains = _without(chains_of(pair_ends(ends_of(segments), ~other)), other)
    gain = np.bincount(
        parts["segment_id"],
        weights=(parts["km_to"] - parts["km_from"]).fillna(0.0),
        minlength=len(segments),
    )
    shapes = np.asarray(segments.geometry.array)
    refs = segments["ref"].to_numpy(dtype="object")
    chains = chains.turned(_backward(chains, gain, shapes, refs, origins))
    length = segments["length"].to_numpy()[chains.order]
    number = chains.number
    offset = np.cumsum(length, dtype="float64") - length
    offset -= offset[chains.start[:-1]][number] if len(number) else 0.0
    _place(segments, chains, offset, sides)
    first = chains.order[chains.start[:-1]]
    total = np.bincount(number, weights=length, minlength=len(chains))
    made = gpd.GeoDataFrame(
        {
            **{c: words_of(segments[c], first) for c in ("ref", "name", "road_id")},
            "length": total,
            "road_class": _classes(segments, chains),
        },
        geometry=joined(shapes, chains),
        crs=segments.crs,
        index=pd.RangeIndex(len(chains), name=ROUTES.index),
    )
    posts = _posts(chains, offset, parts, len(segments))
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
    chains: Chains, gain: np.ndarray, shapes: np.ndarray, refs: np.ndarray, origins: Origins
) -> np.ndarray:
    """Which chains have to be turned."""
    size = len(chains)
    rise = np.bincount(chains.number, weights=gain[chains.order] * chains.sign, minlength=size)
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


def _place(segments: gpd.GeoDataFrame, chains: Chains, offset: np.ndarray, sides: Sides) -> None:
    """Enter each segment's place on its route."""
    size = len(segments)
    route, sign = np.full(size, -1), np.ones(size, dtype="int64")
    start, span = np.zeros(size), segments["length"].to_numpy(dtype="float64").copy()
    route[chains.order], sign[chains.order] = chains.number, chains.sign
    start[chains.order] = offset
    ends = np.zeros(len(chains))
    np.maximum.at(ends, chains.number, offset + span[chains.order])
    for segment, near in sides.beside.groupby("segment"):
        at, main = int(str(segment)), near["main"].to_numpy()
        there = np.where(
            sign[main] > 0, near["main_measure"], span[main] - near["main_measure"].to_numpy()
        )
        routes, votes = np.unique(route[main], return_counts=True)
        chosen = routes[np.argmax(votes)]
        own = (route[main] == chosen) & ~near["place"].duplicated().to_numpy()
        measure = near["measure"].to_numpy()[own]
        on_route = (start[main] + there)[own]
        ways = sign[main[own]] * np.where(near["same_way"].to_numpy()[own], 1, -1)
        way = 1 if ways.sum() >= 0 else -1
        low = on_route[0] - way * measure[0]
        high = on_route[-1] + way * (span[at] - measure[-1])
        low, high = sorted((low, high)) if way > 0 else sorted((high, low))
        low, high = np.clip([low, high], 0.0, ends[chosen])
        route[at], sign[at], start[at] = chosen, way, low
        span[at] = high - low
    segments["route_id"], segments["route_sign"] = route, sign
    segments["route_offset"], segments["route_span"] = start, span


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


def _posts(chains: Chains, offset: np.ndarray, parts: pd.DataFrame, size: int) -> list[Posts]:
    """Measures and official km along each chain, at both ends of every part that has km."""
    posts: list[Posts] = [((), ())] * len(chains)
    known = parts["km_from"].notna() & parts["km_to"].notna()
    if not known.any():
        return posts
    where = np.full(size, -1)
    where[chains.order] = np.arange(len(chains.order))
    parts = parts[~parts["again"]]
    own = parts[known & (where[parts["segment_id"]] >= 0)]
    at = where[own["segment_id"]]
    length = np.bincount(parts["segment_id"], weights=parts["to_measure"] - parts["from_measure"])
    forward = chains.sign[at] > 0
    low = np.where(forward, own["from_measure"], length[own["segment_id"]] - own["to_measure"])
    measure = offset[at] + low
    ends = [
        np.where(forward, own[a], own[b]) for a, b in (("km_from", "km_to"), ("km_to", "km_from"))
    ]
    frame = pd.DataFrame(
        {
            "route": chains.number[at],
            "start": measure,
            "stop": measure + (own["to_measure"] - own["from_measure"]).to_numpy(),
            "first": ends[0],
            "last": ends[1],
        }
    ).sort_values(["route", "start"], kind="stable")
    for route, part in frame.groupby("route"):
        posts[int(str(route))] = _row(part)
    return posts


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
