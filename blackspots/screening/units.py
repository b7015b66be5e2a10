"""Fixed units of road: every metre and every crash belongs to one of them.

Sites are windows laid where the crashes are, so that two ways of ranking cannot be compared on
them: each would bring its own. Units are laid without looking at a crash. *Sections* are parts of
a route, *junctions* the road within a radius of one, measured along the road.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra

from blackspots.graph import Graph

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_DIGITS: Final = 3
"""Places are kept to the millimetre, so that no sliver is left between two neighbours."""
_SLIVER: Final = 10.0**-_DIGITS


@dataclass(frozen=True, slots=True)
class Units:
    """Units of road, the stretches each is made of, and the unit of each crash.

    ``table``, index ``unit_id``: ``kind`` (``section`` or ``junction``), ``length`` [m],
    ``class``, ``aadt`` [vehicles/day] (NaN unknown), ``route`` (that most of it lies on),
    ``from`` and ``to`` [m] (ends on that route), ``junction`` (-1 for a section).
    ``pieces``: ``unit`` (row of ``table``), ``route`` (row of the routes), ``from``, ``to`` and
    ``start`` [m], the last on one axis where the routes follow one another.
    ``of_crash``: row of ``table``, -1 for a crash that is on no road; ``at``: its place on the
    axis [m]; both indexed as the crashes.
    """

    table: pd.DataFrame
    pieces: pd.DataFrame
    of_crash: pd.Series
    at: pd.Series


def units_of(
    located: pd.DataFrame,
    routes: gpd.GeoDataFrame,
    segments: gpd.GeoDataFrame,
    junctions: gpd.GeoDataFrame | None = None,
    nodes: gpd.GeoDataFrame | None = None,
    *,
    length: float,
    radius: float = 0.0,
) -> Units:
    """Cut the road into units.

    Parameters
    ----------
    located
        ``place``, ``route_id``, ``route_measure`` [m], ``junction_id``.
    routes, segments, junctions, nodes
        A :class:`blackspots.network.Network`; without junctions, or with radius 0, routes are
        cut to sections and nothing else.
    length
        Greatest length of road in a section [m].
    radius
        Road nearer than this [m] to a junction, along the road, belongs to the nearest one: the
        rule by which crashes are placed there. A junction away from others has
        2 x radius x legs / 2 of road.

    Returns
    -------
    Units
        The lengths of the units add up to that of the routes; both sides of a divided road are
        one length. What a junction leaves of a route is cut to equal parts, so that none is a
        remnant. A crash at a junction counts there, any other where it lies; a crash at a level
        crossing counts for the road that it lies on. Crashes without a road have no unit.

    Raises
    ------
    ValueError
        ``length`` is not positive, or ``radius`` negative.
    """
    if not length > 0 or not radius >= 0:
        raise ValueError(f"length {length} must be positive and radius {radius} not negative")
    ends = np.r_[0.0, np.cumsum(routes["length"].to_numpy("float64"))]
    start: Floats = np.asarray(np.round(ends, _DIGITS))
    main = segments[(segments["side"] != "other").to_numpy()]
    low, high = _on_axis(main, routes, start)
    cover = _covers(main, segments, nodes, low, high, radius if junctions is not None else 0.0)
    free = _Measure.of_gaps(cover, start)
    cuts, first, count = _cuts(free, start, length)
    pieces = _pieces(start, cover, cuts)
    middle = (pieces["start"] + (pieces["to"] - pieces["from"]) / 2).to_numpy()
    junction = _covering(cover, middle)
    route = pieces["route"].to_numpy()
    share = (free.at(start[1:]) - free.at(start[:-1])) / np.maximum(count, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        number = (free.at(middle) - free.at(start[:-1])[route]) / share[route]
    number = np.clip(np.nan_to_num(number), 0, np.maximum(count - 1, 0)[route]).astype("int64")
    code = np.where(junction >= 0, first[-1] + junction, first[route] + number)
    kept, unit = np.unique(code, return_inverse=True)
    pieces["unit"] = unit
    table = _described(pieces, kept, int(first[-1]), routes, junctions, main, low, high)
    return Units(table, pieces, *_units_of_crashes(located, routes, start, table, pieces))


@dataclass(frozen=True, slots=True)
class _Measure:
    """A quantity summed along the axis, linear between knots."""

    place: Floats
    sum: Floats

    @classmethod
    def of_gaps(cls, cover: pd.DataFrame, start: Floats) -> _Measure:
        """The road that no cover takes."""
        place = np.unique(np.r_[start, cover["from"], cover["to"]])
        taken = _covering(cover, (place[1:] + place[:-1]) / 2) >= 0
        return cls(place, np.r_[0.0, np.cumsum(np.where(taken, 0.0, np.diff(place)))])

    @classmethod
    def of(cls, low: Floats, high: Floats, value: Floats) -> _Measure:
        """The integral of values given for stretches that do not overlap."""
        order = np.argsort(low, kind="stable")
        place = np.stack([low, high], axis=1)[order].ravel()
        gain = np.stack([np.zeros(len(low)), (high - low) * value], axis=1)[order].ravel()
        return cls(np.maximum.accumulate(place), np.cumsum(gain))

    def at(self, place: Floats) -> Floats:
        if not len(self.place):
            return np.zeros(len(place))
        return np.asarray(np.interp(place, self.place, self.sum), dtype="float64")


def _on_axis(
    segments: gpd.GeoDataFrame, routes: gpd.GeoDataFrame, start: Floats
) -> tuple[Floats, Floats]:
    """Where each segment begins and ends on the axis."""
    low = start[routes.index.get_indexer(segments["route_id"])] + segments["route_offset"]
    return low.to_numpy("float64"), (low + segments["route_span"]).to_numpy("float64")


def _covers(
    main: gpd.GeoDataFrame,
    segments: gpd.GeoDataFrame,
    nodes: gpd.GeoDataFrame | None,
    low: Floats,
    high: Floats,
    radius: float,
) -> pd.DataFrame:
    """Stretches of the axis that belong to a junction: ``from``, ``to``, ``junction``, sorted.

    A place m on a segment of length L is m + d_a from the junction beyond its first end and
    L - m + d_b from that beyond its last; the nearer has it.
    """
    nothing = pd.DataFrame({"from": np.zeros(0), "to": np.zeros(0), "junction": np.zeros(0, int)})
    if nodes is None or radius <= 0 or not len(main):
        return nothing
    at = np.flatnonzero(nodes["junction_id"].notna().to_numpy())
    if not len(at):
        return nothing
    ends = segments[["from_node", "to_node"]].to_numpy("int64")
    graph = Graph(ends[:, 0], ends[:, 1], segments["length"].to_numpy("float64"), len(nodes))
    distance, _, source = dijkstra(
        graph.matrix,
        directed=False,
        indices=at,
        min_only=True,
        limit=radius,
        return_predecessors=True,
    )
    near = nodes["junction_id"].to_numpy(dtype="int64", na_value=-1)
    of_node = np.where(source >= 0, near[np.maximum(source, 0)], -1)
    a, b = main[["from_node", "to_node"]].to_numpy("int64").T
    long = main["length"].to_numpy("float64")
    reach = [np.where(np.isfinite(d), radius - d, 0.0) for d in (distance[a], distance[b])]
    far = [np.where(np.isfinite(d), d, 4 * radius + 2 * long) for d in (distance[a], distance[b])]
    meet = np.clip((long + far[1] - far[0]) / 2, 0, long)
    from_a = np.clip(reach[0], 0, meet) / long
    from_b = np.clip(reach[1], 0, long - meet) / long
    forth = (main["route_sign"] > 0).to_numpy()
    span = high - low
    before = np.where(forth, from_a, from_b) * span
    after = np.where(forth, from_b, from_a) * span
    made = pd.DataFrame(
        {
            "from": np.round(np.r_[low, high - after], _DIGITS),
            "to": np.round(np.r_[low + before, high], _DIGITS),
            "junction": np.r_[
                of_node[np.where(forth, a, b)], of_node[np.where(forth, b, a)]
            ].astype("int64"),
        }
    )
    made = made[made["to"] > made["from"]]
    return made.sort_values(["from", "to"], kind="stable", ignore_index=True)


def _covering(cover: pd.DataFrame, place: Floats) -> Ints:
    """Junction whose stretch holds each place, -1 for none."""
    if not len(cover):
        return np.full(len(place), -1, dtype="int64")
    row = np.searchsorted(cover["from"].to_numpy(), place, side="right") - 1
    inside = (row >= 0) & (place < cover["to"].to_numpy()[np.maximum(row, 0)])
    return np.where(inside, cover["junction"].to_numpy()[np.maximum(row, 0)], -1).astype("int64")


def _cuts(free: _Measure, start: Floats, length: float) -> tuple[Floats, Ints, Ints]:
    """Cuts on the axis; number of the first section of each route; sections of each route."""
    begin = free.at(start)
    has = np.diff(begin)
    count = np.where(has > _SLIVER, np.ceil(has / length - 1e-9), 0).astype("int64")
    count = np.where((has > _SLIVER) & (count < 1), 1, count)
    first = np.r_[0, np.cumsum(np.maximum(count, 1))]
    inner = np.maximum(count - 1, 0)
    route = np.repeat(np.arange(len(count)), inner)
    number = np.arange(inner.sum()) - np.repeat(np.cumsum(inner) - inner, inner) + 1
    wanted = begin[route] + has[route] * number / count[route]
    row = np.searchsorted(free.sum, wanted)
    return free.place[row] - (free.sum[row] - wanted), first, count


def _pieces(start: Floats, cover: pd.DataFrame, cuts: Floats) -> pd.DataFrame:
    """Elementary stretches between any two neighbouring cuts of the axis."""
    place = np.unique(np.round(np.r_[start, cover["from"], cover["to"], cuts], _DIGITS))
    place = place[(place >= start[0]) & (place <= start[-1])]
    begin, end = place[:-1], place[1:]
    route = np.searchsorted(start, (begin + end) / 2, side="right") - 1
    own = start[route]
    return pd.DataFrame({"route": route, "from": begin - own, "to": end - own, "start": begin})


def _described(
    pieces: pd.DataFrame,
    kept: Ints,
    sections: int,
    routes: gpd.GeoDataFrame,
    junctions: gpd.GeoDataFrame | None,
    main: gpd.GeoDataFrame,
    low: Floats,
    high: Floats,
) -> pd.DataFrame:
    """The table of the units."""
    unit, size = pieces["unit"].to_numpy(), len(kept)
    long = (pieces["to"] - pieces["from"]).to_numpy()
    parts = pd.DataFrame({"unit": unit, "route": pieces["route"], "long": long})
    by_route = parts.groupby(["unit", "route"])["long"].sum().reset_index()
    longest = by_route.sort_values(["unit", "long", "route"], ascending=[True, False, True])
    most = longest.drop_duplicates("unit")["route"].to_numpy()
    there = pieces[pieces["route"].to_numpy() == most[unit]].groupby("unit")
    junction = np.where(kept >= sections, kept - sections, -1)
    at = junction >= 0
    aadt = main["aadt"].to_numpy("float64", na_value=np.nan)
    known = np.isfinite(aadt) & (aadt > 0)
    begin = pieces["start"].to_numpy()
    counted, driven = (
        np.bincount(unit, sums.at(begin + long) - sums.at(begin), minlength=size)
        for sums in (
            _Measure.of(low, high, known.astype("float64")),
            _Measure.of(low, high, np.where(known, aadt, 0.0)),
        )
    )
    traffic = np.where(counted > _SLIVER, driven / np.maximum(counted, _SLIVER), np.nan)
    classes = routes["road_class"].astype(object).fillna("unknown").to_numpy(dtype=object)[most]
    if junctions is not None and at.any():
        of = junctions.loc[junction[at]]
        traffic[at] = of["aadt"].to_numpy("float64", na_value=np.nan)
        legs = np.where(of["legs"] >= 4, "4 ", "3 ")  # noqa: PLR2004 - crossroads, or a fork
        classes[at] = legs + np.where(of["label"] != "", "numbered", "local")
    return pd.DataFrame(
        {
            "kind": np.where(at, "junction", "section"),
            "length": np.bincount(unit, long, minlength=size),
            "class": classes,
            "aadt": np.where(traffic > 0, traffic, np.nan),
            "route": routes.index.to_numpy()[most],
            "from": there["from"].min().to_numpy(),
            "to": there["to"].max().to_numpy(),
            "junction": junction,
        },
        index=pd.RangeIndex(size, name="unit_id"),
    )


def _units_of_crashes(
    located: pd.DataFrame,
    routes: gpd.GeoDataFrame,
    start: Floats,
    table: pd.DataFrame,
    pieces: pd.DataFrame,
) -> tuple[pd.Series, pd.Series]:
    """Unit and place on the axis of each crash."""
    route = routes.index.get_indexer(located["route_id"].astype("Float64").fillna(-1))
    measure = located["route_measure"].to_numpy("float64", na_value=np.nan)
    on_road = (route >= 0) & np.isfinite(measure)
    place = np.clip(measure, 0, start[route + 1] - start[route])
    at = np.where(on_road, start[route] + place, np.nan)
    unit = np.full(len(located), -1, dtype="int64")
    if len(pieces):
        row = np.searchsorted(pieces["start"].to_numpy(), at[on_road], side="right") - 1
        # The end of a route is where the next begins: it is the former's.
        row -= pieces["route"].to_numpy()[row] > route[on_road]
        unit[on_road] = pieces["unit"].to_numpy()[row]
    own = table.index[table["junction"] >= 0]
    of_junction = pd.Series(own, index=table.loc[own, "junction"])
    at_junction = (located["place"] == "junction").to_numpy()
    its = of_junction.reindex(located["junction_id"].astype("Float64").fillna(-1)).to_numpy()
    use = at_junction & ~np.isnan(its)
    unit[use] = its[use].astype("int64")
    return (
        pd.Series(unit, index=located.index, name="unit"),
        pd.Series(at, index=located.index, name="at"),
    )
