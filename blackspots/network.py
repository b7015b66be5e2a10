"""From road centrelines to a network: segments, nodes, junctions and routes.

Roads meet only where they share a vertex: of one node id where every road has node ids, as those
of OpenStreetMap have; else of one place (equal after rounding to a tolerance) and layer. Lines
that merely cross, as at an overpass, stay apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from blackspots import crs as crs_
from blackspots.errors import BlackspotsError
from blackspots.schema import JUNCTIONS, NODES, ROUTES, SEGMENTS, check

STRAIGHT_ON = np.radians(60)
"""Greatest turn [rad] at which a road without a number goes on through a junction."""

MIN_LEGS = 3


@dataclass(frozen=True, slots=True)
class Network:
    """The tables :data:`~blackspots.schema.SEGMENTS`, ``NODES``, ``JUNCTIONS``, ``ROUTES``."""

    segments: gpd.GeoDataFrame
    nodes: gpd.GeoDataFrame
    junctions: gpd.GeoDataFrame
    routes: gpd.GeoDataFrame


def build_network(
    roads: gpd.GeoDataFrame,
    *,
    node_tolerance: float = 0.01,
    junction_link: float = 30.0,
    minor_classes: Collection[str] = ("path", "footway", "track", "steps", "cycleway"),
    origins: Mapping[str, tuple[float, float, float]] | None = None,
) -> Network:
    """Segments, nodes, junctions and routes of a road layer.

    Parameters
    ----------
    roads
        :data:`blackspots.schema.ROADS` in a metric CRS; only the geometry is needed, other
        columns are used where they are there.
    node_tolerance
        Vertices closer than about this [m] are one node, unless every road has ``node_ids``.
    junction_link
        Junction nodes joined by a segment no longer than this [m] are one junction.
    minor_classes
        Road classes that do not make a junction.
    origins
        Road number to (x, y, km): the route's end nearest to (x, y) has that official km,
        which then grows by length. For roads whose layer holds no km.

    Returns
    -------
    Network
        Without node ids segments join across layers only where one begins; routes chain the
        segments of one number, else of one name, else those going straight on.

    Raises
    ------
    BlackspotsError
        ``crs-not-metric`` or ``no-crs``.
    """
    if roads.crs is None:
        raise BlackspotsError("no-crs", file="roads", table="roads")
    crs_.metric(roads.crs, "roads", roads.geometry)
    roads = _with_columns(roads)
    segments, points = _cut(roads, node_tolerance)
    major = ~segments["road_class"].isin(list(minor_classes)).to_numpy()
    nodes = _nodes(segments, points, major, roads.crs)
    junctions = _junctions(segments, nodes, major, junction_link)
    routes = _routes(segments, origins or {})
    check(segments, SEGMENTS)
    check(nodes, NODES)
    check(junctions, JUNCTIONS)
    check(routes, ROUTES)
    return Network(segments, nodes, junctions, routes)


def _with_columns(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    wanted = ("ref", "name", "road_class", "aadt", "km_from", "km_to", "layer")
    missing = {c: None if c in {"ref", "name", "road_class"} else np.nan for c in wanted}
    return roads.assign(**{c: value for c, value in missing.items() if c not in roads})


def _cut(roads: gpd.GeoDataFrame, tolerance: float) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """Segments between nodes, and the coordinates of each node number."""
    xy, line = shapely.get_coordinates(roads.geometry.array, return_index=True)
    cell = np.round(xy / max(tolerance, 1e-9)).astype("int64")
    repeated = np.zeros(len(xy), dtype=bool)
    repeated[1:] = (line[1:] == line[:-1]) & (cell[1:] == cell[:-1]).all(axis=1)
    shared = _shared_ids(roads, repeated)
    several = np.bincount(line[~repeated], minlength=len(roads))[line] > 1
    kept = ~repeated & several
    xy, line, cell = xy[kept], line[kept], cell[kept]
    end = np.ones(len(xy), dtype=bool)
    end[1:-1] = (line[1:-1] != line[:-2]) | (line[1:-1] != line[2:])
    place = _layered(roads, cell, line, end) if shared is None else shared[kept]
    _, first, vertex = np.unique(place, return_index=True, return_inverse=True)
    met = np.bincount(vertex)[vertex]
    split = end | (met > 1)

    at = np.flatnonzero(split)
    start, stop = at[:-1], at[1:]
    inside = line[start] == line[stop]
    start, stop = start[inside], stop[inside]
    size = stop - start + 1
    owner = np.repeat(np.arange(len(start)), size)
    take = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size) + start[owner]
    shapes = shapely.linestrings(xy[take], indices=owner)

    step = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    step[np.r_[True, line[1:] != line[:-1]]] = 0.0
    along = np.cumsum(step)
    begin = np.flatnonzero(np.r_[True, line[1:] != line[:-1]])
    along -= along[begin][np.searchsorted(begin, np.arange(len(xy)), side="right") - 1]
    whole = np.zeros(len(roads))
    np.maximum.at(whole, line, along)
    road = line[start]
    km_0, km_1 = (
        pd.to_numeric(roads[c]).to_numpy(dtype="float64")[road] for c in ("km_from", "km_to")
    )
    share = np.stack([along[start], along[stop]]) / whole[road]
    kms = km_0 + share * (km_1 - km_0)
    numbers, node = np.unique(vertex[np.r_[start, stop]], return_inverse=True)
    frame = gpd.GeoDataFrame(
        {
            "road_id": roads.index.to_numpy(dtype="object")[road],
            **{c: roads[c].to_numpy(dtype="object")[road] for c in ("ref", "name", "road_class")},
            "aadt": pd.to_numeric(roads["aadt"]).to_numpy(dtype="float64")[road],
            "from_node": node[: len(start)],
            "to_node": node[len(start) :],
            "length": along[stop] - along[start],
            "km_from": kms[0],
            "km_to": kms[1],
        },
        geometry=shapes,
        crs=roads.crs,
    )
    frame.index = pd.RangeIndex(len(frame), name=SEGMENTS.index)
    _none_for_missing(frame, "ref", "name", "road_class")
    return frame, xy[first[numbers]]


def _shared_ids(roads: gpd.GeoDataFrame, repeated: np.ndarray) -> np.ndarray | None:
    """A number for each vertex, one for each node id; None where not every road has its ids.

    A vertex at the place of the one before it (``repeated``) is one with it, whatever its id.
    """
    if "node_ids" not in roads or roads.empty or roads["node_ids"].isna().any():
        return None
    rows = roads["node_ids"].to_list()
    if [len(ids) for ids in rows] != shapely.get_num_coordinates(roads.geometry.array).tolist():
        return None
    known, number = np.unique(np.concatenate(rows), return_inverse=True)
    again = np.flatnonzero(repeated)
    same = (np.ones(len(again)), (number[again - 1], number[again]))
    _, number_of = connected_components(coo_array(same, shape=(len(known),) * 2), directed=False)
    return np.asarray(number_of[number])


def _layered(
    roads: gpd.GeoDataFrame, cell: np.ndarray, line: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """A number for each vertex, one for all that are at one place on one layer."""
    _, place = np.unique(cell, axis=0, return_inverse=True)
    layer = pd.to_numeric(roads["layer"]).fillna(0).to_numpy(dtype="int64")[line]
    level = _levels(place.ravel(), layer, end)
    _, number = np.unique(np.stack([place.ravel(), level]), axis=1, return_inverse=True)
    return np.asarray(number.ravel())


def _none_for_missing(frame: gpd.GeoDataFrame, *columns: str) -> None:
    """Text columns with None where empty: NaN, which pandas puts there, passes for a name."""
    for column in columns:
        words = frame[column].astype("object")
        frame[column] = words.where(words.notna(), None)


def _levels(vertex: np.ndarray, layer: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The layer on which each line meets others at its vertex.

    A layer that goes on beyond the vertex stays apart from others that do. A line that ends
    there, alone on its layer, as the road to a bridge does, joins the nearest of them.
    """
    strands = pd.DataFrame({"vertex": vertex, "layer": layer, "strands": np.where(end, 1, 2)})
    groups = strands.groupby(["vertex", "layer"])
    at = groups["strands"].sum().reset_index()
    level = at["layer"].to_numpy().copy()
    for _, here in at[at["vertex"].duplicated(keep=False)].groupby("vertex"):
        rows, layers = here.index.to_numpy(), here["layer"].to_numpy()
        alone = (here["strands"] == 1).to_numpy()
        onto = layers[:1] if alone.all() else layers[~alone]
        for row, own in zip(rows[alone], layers[alone], strict=True):
            level[row] = onto[np.argmin(np.abs(onto - own))]
    return np.asarray(level[groups.ngroup()])


def _nodes(
    segments: gpd.GeoDataFrame, points: np.ndarray, major: np.ndarray, crs: Any
) -> gpd.GeoDataFrame:
    ends = segments[["from_node", "to_node"]].to_numpy()
    degree = np.bincount(ends.ravel(), minlength=len(points))
    frame = gpd.GeoDataFrame({"degree": degree}, geometry=shapely.points(points), crs=crs)
    frame["_legs"] = np.bincount(ends[major].ravel(), minlength=len(points))
    frame.index.name = NODES.index
    return frame


def _junctions(
    segments: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame, major: np.ndarray, link: float
) -> gpd.GeoDataFrame:
    """Junctions; ``nodes`` gets its ``junction_id`` and loses its helper column."""
    is_junction = nodes.pop("_legs").to_numpy() >= MIN_LEGS
    a, b = segments["from_node"].to_numpy(), segments["to_node"].to_numpy()
    short = major & (segments["length"].to_numpy() <= link) & is_junction[a] & is_junction[b]
    graph = coo_array((np.ones(short.sum()), (a[short], b[short])), shape=(len(nodes),) * 2)
    _, cluster = connected_components(graph, directed=False)
    numbers = np.unique(cluster[is_junction], return_inverse=True)[1]
    junction = pd.array([pd.NA] * len(nodes), dtype="Int64")
    junction[np.flatnonzero(is_junction)] = numbers
    nodes["junction_id"] = junction

    of_node = np.full(len(nodes), -1)
    of_node[is_junction] = numbers
    ja, jb = of_node[a], of_node[b]
    leaves = major & ((ja != jb) | (a == b))
    legs = pd.DataFrame(
        {
            "junction": np.r_[ja[leaves & (ja >= 0)], jb[leaves & (jb >= 0)]],
            "segment": np.r_[
                np.flatnonzero(leaves & (ja >= 0)), np.flatnonzero(leaves & (jb >= 0))
            ],
        }
    ).sort_values(["junction", "segment"])
    legs["road"] = (segments["ref"].fillna(segments["name"])).to_numpy()[legs["segment"]]
    legs["aadt"] = segments["aadt"].to_numpy()[legs["segment"]]
    legs["road_class"] = segments["road_class"].to_numpy()[legs["segment"]]
    groups = legs.groupby("junction")
    centre = nodes.loc[is_junction].geometry
    count = int(numbers.max()) + 1 if len(numbers) else 0
    x = np.bincount(numbers, weights=centre.x, minlength=count) / np.bincount(
        numbers, minlength=count
    )
    y = np.bincount(numbers, weights=centre.y, minlength=count) / np.bincount(
        numbers, minlength=count
    )
    index = pd.RangeIndex(count, name=JUNCTIONS.index)
    frame = gpd.GeoDataFrame(index=index, geometry=shapely.points(x, y), crs=segments.crs)
    frame["label"] = groups["road"].agg(_meeting).reindex(index).fillna("").astype(object)
    frame["legs"] = groups.size().reindex(index, fill_value=0).astype("int64")
    known = groups["aadt"].count() == groups.size()
    frame["aadt"] = (groups["aadt"].sum() / 2).where(known).reindex(index)
    return frame


def _meeting(roads: pd.Series) -> str:
    """Names of the roads that meet, the number of unnamed ones left out."""
    return " × ".join(dict.fromkeys(str(r) for r in sorted(roads.dropna(), key=str)))


def _routes(
    segments: gpd.GeoDataFrame, origins: Mapping[str, tuple[float, float, float]]
) -> gpd.GeoDataFrame:
    """Routes; ``segments`` gets ``route_id``, ``route_offset`` and ``route_sign``."""
    chains = _chains(segments)
    number = len(segments)
    route_id = np.full(number, -1, dtype="int64")
    offset, sign = np.zeros(number), np.ones(number, dtype="int64")
    length = segments["length"].to_numpy()
    km = segments[["km_from", "km_to"]].to_numpy()
    shapes = segments.geometry.array
    columns = {c: segments[c].to_numpy() for c in ("ref", "name", "road_class", "road_id")}
    rows: list[dict[str, Any]] = []
    begins = _beginning(chains, shapes, columns["ref"], origins)
    for found in chains:
        chain = _directed(found, km, shapes, columns["ref"], origins)
        ids = np.array([segment for segment, _ in chain])
        signs = np.array([direction for _, direction in chain])
        starts = np.r_[0.0, np.cumsum(length[ids])]
        this = len(rows)
        route_id[ids], sign[ids] = this, signs
        offset[ids] = starts[:-1]
        total = float(starts[-1])
        measures, kms = _posts(ids, signs, starts, km)
        ref = columns["ref"][ids[0]]
        if not len(measures) and begins.get(ref) == this:
            measures, kms = (0.0, total), (origins[ref][2], origins[ref][2] + total / 1000)
        classes = pd.Series(length[ids]).groupby(columns["road_class"][ids]).sum()
        rows.append(
            {
                "ref": ref,
                "name": columns["name"][ids[0]],
                "road_id": columns["road_id"][ids[0]],
                "length": total,
                "road_class": classes.idxmax() if len(classes) else None,
                "km_from": kms[0] if kms else np.nan,
                "km_to": kms[-1] if kms else np.nan,
                "post_measures": measures,
                "post_km": kms,
                "geometry": _join(shapes, ids, signs),
            }
        )
    segments["route_id"], segments["route_offset"], segments["route_sign"] = route_id, offset, sign
    routes = gpd.GeoDataFrame(rows, geometry="geometry", crs=segments.crs)
    routes.index.name = ROUTES.index
    _none_for_missing(routes, "ref", "name", "road_class")
    return routes


def _beginning(
    chains: list[Chain],
    shapes: Any,
    refs: np.ndarray,
    origins: Mapping[str, tuple[float, float, float]],
) -> dict[str, int]:
    """The chain of each number that its km begin at; of a broken road only the nearest."""
    best: dict[str, tuple[float, int]] = {}
    for number, chain in enumerate(chains):
        ref = refs[chain[0][0]]
        if ref not in origins:
            continue
        for (segment, sign), end in ((chain[0], 0), (chain[-1], -1)):
            point = shapely.get_coordinates(shapes[segment])[end if sign > 0 else -1 - end]
            gap = float(np.hypot(*(point - origins[ref][:2])))
            best[ref] = min(best.get(ref, (np.inf, -1)), (gap, number))
    return {ref: number for ref, (_, number) in best.items()}


def _join(shapes: Any, ids: np.ndarray, signs: np.ndarray) -> shapely.LineString:
    parts = [shapely.get_coordinates(shapes[i])[:: int(s)] for i, s in zip(ids, signs, strict=True)]
    return shapely.LineString(np.concatenate([parts[0], *(part[1:] for part in parts[1:])]))


def _posts(
    ids: np.ndarray, signs: np.ndarray, starts: np.ndarray, km: np.ndarray
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Measures and official km along a chain, at the ends of every segment that has km."""
    measures: list[float] = []
    kms: list[float] = []
    for position, (segment, direction) in enumerate(zip(ids, signs, strict=True)):
        pair = km[segment][:: int(direction)]
        if np.isnan(pair).any():
            continue
        for measure, value in zip(starts[position : position + 2], pair, strict=True):
            if not measures or measure > measures[-1] + 1e-6:
                measures.append(float(measure))
                kms.append(float(value))
    return tuple(measures), tuple(kms)


Chain = list[tuple[int, int]]


def _directed(
    chain: Chain,
    km: np.ndarray,
    shapes: Any,
    refs: np.ndarray,
    origins: Mapping[str, tuple[float, float, float]],
) -> Chain:
    """The chain in the direction of growing km, away from its origin, or from its west end."""
    reverse: Chain = [(segment, -direction) for segment, direction in reversed(chain)]
    gain = sum(float((km[s][1] - km[s][0]) * d) for s, d in chain if not np.isnan(km[s]).any())
    if gain:
        return chain if gain > 0 else reverse
    ends = [
        shapely.get_coordinates(shapes[s])[0 if d > 0 else -1] for s, d in (chain[0], reverse[0])
    ]
    origin = origins.get(refs[chain[0][0]])
    if origin is not None:
        away = [float(np.hypot(*(end - origin[:2]))) for end in ends]
        return chain if away[0] <= away[1] else reverse
    return chain if tuple(ends[0]) <= tuple(ends[1]) else reverse


def _chains(segments: gpd.GeoDataFrame) -> list[Chain]:
    """Segments chained end to end: each list holds (segment, +1 or -1)."""
    partner = _pair_ends(segments)
    used = np.zeros(len(segments), dtype=bool)
    chains = []
    free = [e for e in range(2 * len(segments)) if e not in partner]
    for end in (*free, *range(2 * len(segments))):
        if used[end // 2]:
            continue
        chain: Chain = []
        here: int | None = end
        while here is not None and not used[here // 2]:
            used[here // 2] = True
            chain.append((here // 2, 1 if here % 2 == 0 else -1))
            here = partner.get(here ^ 1)
        chains.append(chain)
    return chains


def _pair_ends(segments: gpd.GeoDataFrame) -> dict[int, int]:
    """Which segment end a road goes on to: end 2i is the start of segment i, 2i+1 its end.

    At each node the ends of one road (number, else name, else unnamed of one class) are paired,
    the straightest pair first; roads without a number must go about straight on unless
    nothing else meets there.
    """
    shapes = segments.geometry.array
    count = shapely.get_num_points(shapes)
    first, second = (shapely.get_coordinates(shapely.get_point(shapes, i)) for i in (0, 1))
    last = shapely.get_coordinates(shapely.get_point(shapes, count - 1))
    before = shapely.get_coordinates(shapely.get_point(shapes, count - 2))
    out = np.empty((2 * len(segments), 2))
    out[0::2], out[1::2] = second - first, before - last
    bearing = np.arctan2(out[:, 1], out[:, 0])
    ends = segments[["from_node", "to_node"]].to_numpy().ravel()
    keys = [
        ("ref", ref) if ref else ("name", name) if name else ("class", kind)
        for ref, name, kind in zip(
            segments["ref"], segments["name"], segments["road_class"], strict=True
        )
    ]
    at_node: dict[int, list[int]] = defaultdict(list)
    for end, node in enumerate(ends):
        at_node[int(node)].append(end)
    partner: dict[int, int] = {}
    for here in at_node.values():
        if len(here) > 1:
            _pair_at_node(here, keys, bearing, partner)
    return partner


def _pair_at_node(
    here: list[int],
    keys: list[tuple[str, Any]],
    bearing: np.ndarray,
    partner: dict[int, int],
) -> None:
    roads: dict[tuple[str, Any], list[int]] = defaultdict(list)
    for end in here:
        roads[keys[end // 2]].append(end)
    for key, mine in roads.items():
        turns = sorted(
            (_turn(bearing[a], bearing[b]), a, b)
            for i, a in enumerate(mine)
            for b in mine[i + 1 :]
            if a // 2 != b // 2
        )
        free_to_turn = len(here) == 2 or (key[0] == "ref" and len(mine) == 2)  # noqa: PLR2004
        for turn, a, b in turns:
            if a in partner or b in partner:
                continue
            if free_to_turn or turn <= STRAIGHT_ON:
                partner[a], partner[b] = b, a


def _turn(one: float, other: float) -> float:
    """Deflection [rad] between going in on one bearing and out on the other; 0 straight on."""
    return float(abs((one - other + 2 * np.pi) % (2 * np.pi) - np.pi))
