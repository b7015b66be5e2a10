"""Roads cut where they meet a railway at grade, so that no way leads over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from blackspots.crossings.lines import Lines
from blackspots.graph.plain import spread
from blackspots.referencing import project

__all__ = ["INWARD", "Pieces", "Sides", "cut_at_railway", "in_use", "parts_of"]

ON_TRACK: Final = 0.5
"""Distance [m] within which a vertex of a road lies on a track (A)."""

STRAND: Final = 30.0
"""Way [m] along a road within which the tracks that it meets are one crossing (A)."""

NEAR: Final = 15.0
"""Distance [m] from a crossing within which a road that is cut is its road (A)."""

_CELL: Final = 0.01
INWARD: Final = 5.0
"""How far [m] within a piece it is seen on which side of the railway its end lies."""

_SIDED: Final = 200.0
_VERTICES: Final = 32


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Roads between the places where they meet, end or are cut.

    ``line``: LineStrings; ``ends``, shape (2, pieces): node at the first and last vertex, of
    ``nodes`` in all; ``level``: on a bridge or in a tunnel.
    """

    line: np.ndarray
    ends: np.ndarray
    level: np.ndarray
    nodes: int


def cut_at_railway(
    roads: gpd.GeoDataFrame, lines: Lines, crossings: gpd.GeoDataFrame
) -> tuple[Pieces, gpd.GeoSeries]:
    """Roads between their meeting places, no longer joined across the railway.

    Roads meet where they share a node id, or, where not all roads have ids, a vertex to the
    centimetre on one level. Node ``2 c`` is the left foot of crossing ``c``, ``2 c + 1`` its
    right one; those of unlisted places follow.

    Returns
    -------
    Pieces
    GeoSeries of Point
        Places where no crossing is listed within :data:`NEAR`, one for each strand of road.
    """
    shapes = shapely.force_2d(np.asarray(roads.geometry.array))
    xy, road = shapely.get_coordinates(shapes, return_index=True)
    road = road.astype("int64")
    vertex = _meeting(roads, xy, road)
    along = _measures(xy, road)
    cuts = _cuts(roads, shapes, xy, road, along, vertex, lines)
    strand = _strands(cuts)
    owner, unlisted = _owners(cuts, strand, crossings)

    # Breaks of the roads: ends, shared vertices, cuts; a cut at a vertex replaces it.
    end = np.ones(len(xy), dtype=bool)
    end[1:-1] = (road[1:-1] != road[:-2]) | (road[1:-1] != road[2:])
    at_cut = cuts.vertex[cuts.vertex >= 0]
    cut_vertex = np.isin(vertex, at_cut)
    shared = np.bincount(vertex)[vertex] > 1 if len(vertex) else end
    own = np.flatnonzero((end | shared) & ~cut_vertex)
    through = np.flatnonzero(cut_vertex)
    loose = cuts.vertex < 0
    owner_of_vertex = np.full(int(vertex.max(initial=-1)) + 1, -1)
    owner_of_vertex[at_cut] = owner[cuts.vertex >= 0]
    breaks = pd.DataFrame(
        {
            "road": np.r_[road[own], road[through], cuts.road[loose]],
            "along": np.r_[along[own], along[through], cuts.along[loose]],
            "node": np.r_[vertex[own], np.full(len(through) + loose.sum(), -1)],
            "owner": np.r_[np.full(len(own), -1), owner_of_vertex[vertex[through]], owner[loose]],
        }
    ).sort_values(["road", "along"], kind="stable", ignore_index=True)
    return _pieces(roads, shapes, breaks, lines, len(crossings)), unlisted


def _meeting(roads: gpd.GeoDataFrame, xy: np.ndarray, road: np.ndarray) -> np.ndarray:
    """A number for each vertex, one for all that are one place on one level."""
    count = np.bincount(road, minlength=len(roads)) if len(road) else np.zeros(len(roads))
    if "node_ids" in roads and len(roads) and roads["node_ids"].notna().all():
        ids = roads["node_ids"].to_list()
        if [len(own) for own in ids] == count.astype(int).tolist():
            return np.unique(np.concatenate(ids), return_inverse=True)[1]
    cell = np.rint(xy / _CELL).astype("int64")
    place = _numbered(cell[:, 0], cell[:, 1])
    layer = _layers(roads)[road].astype("int64")
    if not layer.any():
        return place
    level = _numbered(place, layer)
    end = np.ones(len(xy), dtype=bool)
    end[1:-1] = (road[1:-1] != road[:-2]) | (road[1:-1] != road[2:])
    # A line that ends meets what is at the place on other levels, as the road to a bridge does.
    first_at_place = np.unique(place, return_index=True)[1]
    open_place = np.zeros(int(place.max(initial=-1)) + 1, dtype=bool)
    open_place[place[end]] = True
    joined = open_place[place]
    link = (level[joined], level[first_at_place[place[joined]]])
    size = int(level.max(initial=-1)) + 1
    whole = coo_array((np.ones(joined.sum()), link), shape=(size, size))
    return np.asarray(connected_components(whole, directed=False)[1][level], dtype="int64")


def _numbered(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A number for each pair of whole numbers, in their order."""
    low = other.min(initial=0)
    span = int(other.max(initial=0) - low) + 1
    first = np.unique(one, return_inverse=True)[1].astype("int64")
    return np.unique(first * span + (other - low), return_inverse=True)[1].astype("int64")


def _layers(frame: gpd.GeoDataFrame) -> np.ndarray:
    if "layer" not in frame:
        return np.zeros(len(frame))
    return np.asarray(
        pd.to_numeric(frame["layer"]).fillna(0).to_numpy(dtype="float64", na_value=0.0)
    )


def _flag(frame: gpd.GeoDataFrame, name: str) -> np.ndarray:
    if name not in frame:
        return np.zeros(len(frame), dtype=bool)
    return np.asarray(frame[name].astype("boolean").fillna(False).to_numpy(dtype=bool))


def _measures(xy: np.ndarray, road: np.ndarray) -> np.ndarray:
    """Distance [m] of each vertex from its line's start."""
    step = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    begins = np.ones(len(xy), dtype=bool)
    begins[1:] = road[1:] != road[:-1]
    step[begins] = 0.0
    along = np.cumsum(step)
    return np.asarray(along - along[np.flatnonzero(begins)][np.cumsum(begins) - 1])


@dataclass(frozen=True, slots=True, eq=False)
class _Cuts:
    """Where roads meet tracks at grade: ``vertex`` is the vertex number there, -1 for none."""

    road: np.ndarray
    along: np.ndarray
    xy: np.ndarray
    vertex: np.ndarray


def _cuts(
    roads: gpd.GeoDataFrame,
    shapes: np.ndarray,
    xy: np.ndarray,
    road: np.ndarray,
    along: np.ndarray,
    vertex: np.ndarray,
    lines: Lines,
) -> _Cuts:
    tracks = _tracks(lines)
    split, of = _split(np.asarray(tracks.geometry.array))
    tree = shapely.STRtree(split)
    line, piece = tree.query(shapes, "dwithin", distance=ON_TRACK)
    apart = _flag(roads, "bridge") | _flag(roads, "tunnel") | _flag(roads, "covered")
    above = _flag(tracks, "bridge") | _flag(tracks, "tunnel")
    levels = _layers(roads)[line] != _layers(tracks)[of[piece]]
    # On one level both on a bridge is a street with a track in it.
    same = apart[line] & above[of[piece]] & ~levels
    meets = same | ~(apart[line] | above[of[piece]] | levels)
    line, piece = line[meets], piece[meets]
    points, pair = shapely.get_coordinates(
        shapely.intersection(shapes[line], split[piece]), return_index=True
    )
    cut_road = line[pair]
    cut_along = shapely.line_locate_point(shapes[cut_road], shapely.points(points))
    # Vertices on a track, which rounding may have put beside it.
    own = np.isin(road, cut_road) | np.isin(road, line)
    rows = np.flatnonzero(own)
    close, on = tree.query(np.asarray(shapely.points(xy[rows])), "dwithin", distance=ON_TRACK)
    at_grade = pd.MultiIndex.from_arrays([line, piece])
    kept = pd.MultiIndex.from_arrays([road[rows[close]], on]).isin(at_grade)
    on_track = rows[np.unique(close[kept])]
    # An intersection at such a vertex is that vertex.
    there = pd.DataFrame({"road": cut_road, "along": cut_along, "vertex": -1, "row": -1})
    there[["x", "y"]] = points
    at = pd.DataFrame({"road": road[on_track], "along": along[on_track]})
    at["vertex"], at["row"] = vertex[on_track], on_track
    at[["x", "y"]] = xy[on_track]
    both = pd.concat([at, there], ignore_index=True).sort_values(
        ["road", "along", "row"], kind="stable", ignore_index=True
    )
    vertices = both[both["row"] >= 0]
    keep = (both["row"] >= 0).to_numpy().copy()
    alone = np.flatnonzero(~keep)
    keep[alone] = ~_beside(both.iloc[alone], vertices)
    both = both[keep].drop_duplicates(["road", "along", "vertex"])
    return _Cuts(
        both["road"].to_numpy(dtype="int64"),
        both["along"].to_numpy(dtype="float64"),
        both[["x", "y"]].to_numpy(dtype="float64"),
        both["vertex"].to_numpy(dtype="int64"),
    )


def _beside(cuts: pd.DataFrame, vertices: pd.DataFrame) -> np.ndarray:
    """Whether a vertex on a track lies within two such distances along the road of each cut."""
    if vertices.empty or cuts.empty:
        return np.zeros(len(cuts), dtype=bool)
    tree = shapely.STRtree(np.asarray(shapely.points(vertices["along"], vertices["road"] * 10.0)))
    found = tree.query(
        shapely.points(cuts["along"], cuts["road"] * 10.0), "dwithin", distance=2 * ON_TRACK
    )[0]
    made = np.zeros(len(cuts), dtype=bool)
    made[found] = True
    return made


def in_use(lines: Lines) -> gpd.GeoDataFrame:
    """Tracks that trains run on."""
    tracks = lines.tracks
    if "reason" in tracks:
        tracks = tracks[tracks["reason"].isna() | (tracks["reason"] == "")]
    there = ~(tracks.geometry.isna() | tracks.geometry.is_empty)
    return tracks[there]


def _tracks(lines: Lines) -> gpd.GeoDataFrame:
    """Tracks in use, and the axis of a line of which none is given."""
    used = in_use(lines)
    drawn = set(used["line_id"].dropna()) if "line_id" in used else set()
    axes = lines.lines.loc[~lines.lines.index.isin(drawn), ["geometry"]]
    if axes.empty:
        return used
    known = [c for c in ("bridge", "tunnel", "layer", "geometry") if c in used]
    both = [used[known], axes] if len(used) else [axes]
    return gpd.GeoDataFrame(pd.concat(both, ignore_index=True), geometry="geometry")


def _split(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lines in short pieces, so that their boxes are small, and the line each is of."""
    xy, line = shapely.get_coordinates(shapes, return_index=True)
    if not len(xy):
        return np.zeros(0, dtype=object), np.zeros(0, dtype="int64")
    count = np.bincount(line, minlength=len(shapes))
    start = np.cumsum(count) - count
    parts = np.maximum(-(-(count - 1) // (_VERTICES - 1)), 0)
    owner, number = spread(np.zeros(len(shapes), dtype="int64"), parts)
    low = start[owner] + number * (_VERTICES - 1)
    high = np.minimum(low + _VERTICES, start[owner] + count[owner])
    piece, rows = spread(low, high)
    return np.asarray(shapely.linestrings(xy[rows], indices=piece)), owner


def _strands(cuts: _Cuts) -> np.ndarray:
    """A number for each cut, one for those of a strand: along one road, or at one vertex."""
    size = len(cuts.road)
    chain = (
        np.flatnonzero((cuts.road[1:] == cuts.road[:-1]) & (np.diff(cuts.along) <= STRAND))
        if size
        else np.zeros(0, dtype="int64")
    )
    order = np.argsort(cuts.vertex, kind="stable")
    same = (
        np.flatnonzero(
            (cuts.vertex[order][1:] == cuts.vertex[order][:-1]) & (cuts.vertex[order][1:] >= 0)
        )
        if size
        else np.zeros(0, dtype="int64")
    )
    one = np.r_[chain, order[same]]
    other = np.r_[chain + 1, order[same + 1]] if size else one
    whole = coo_array((np.ones(len(one)), (one, other)), shape=(size, size))
    if not size:
        return np.zeros(0, dtype="int64")
    return np.asarray(connected_components(whole, directed=False)[1], dtype="int64")


def _owners(
    cuts: _Cuts, strand: np.ndarray, crossings: gpd.GeoDataFrame
) -> tuple[np.ndarray, gpd.GeoSeries]:
    """The crossing each cut is at, those of unlisted strands numbered beyond the listed."""
    points = np.asarray(shapely.points(cuts.xy))
    spots = np.asarray(crossings.geometry.array)
    found, distance = shapely.STRtree(spots).query_nearest(
        points, max_distance=NEAR, return_distance=True, all_matches=False
    )
    offers = pd.DataFrame(
        {"strand": strand[found[0]], "crossing": found[1], "distance": distance}
    ).sort_values(["strand", "distance", "crossing"])
    nearest = offers.drop_duplicates("strand")
    of_strand = np.full(int(strand.max(initial=-1)) + 1, -1)
    of_strand[nearest["strand"]] = nearest["crossing"]
    owner = of_strand[strand]
    free = np.flatnonzero(owner < 0)
    first, number = np.unique(strand[free], return_index=True, return_inverse=True)[1:]
    owner[free] = len(spots) + number
    return owner, gpd.GeoSeries(points[free[first]], crs=crossings.crs)


class Sides:
    """Sides of points by their railway line: 0 left of the axis, 1 right."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines.lines

    def of(self, points: np.ndarray) -> np.ndarray:
        """0 left of the nearest line or on it, 1 right, -1 where none is near."""
        found = project(gpd.GeoSeries(points, crs=self.lines.crs), self.lines, reach=_SIDED)
        side = found["side"].to_numpy(dtype="float64", na_value=np.nan)
        return np.where(np.isnan(side), -1, np.where(side < 0, 1, 0))


def _pieces(
    roads: gpd.GeoDataFrame,
    shapes: np.ndarray,
    breaks: pd.DataFrame,
    lines: Lines,
    crossings: int,
) -> Pieces:
    road = breaks["road"].to_numpy(dtype="int64")
    along = breaks["along"].to_numpy(dtype="float64")
    low = np.flatnonzero((road[1:] == road[:-1]) & (along[1:] > along[:-1])) if len(road) else road
    high = low + 1
    line = parts_of(shapes, road[low], along[low], along[high])
    owner = breaks["owner"].to_numpy(dtype="int64")
    owners = max(int(owner.max(initial=-1)) + 1, crossings)
    ends = np.full((2, len(low)), -1, dtype="int64")
    length = along[high] - along[low]
    sides = Sides(lines)
    for end, rows, sign in ((0, low, 1.0), (1, high, -1.0)):
        node = breaks["node"].to_numpy(dtype="int64")[rows]
        ends[end] = np.where(node >= 0, node + 2 * owners, -1)
        cut = np.flatnonzero(owner[rows] >= 0)
        inward = np.minimum(INWARD, length[cut] / 2)
        at = np.where(sign > 0, inward, length[cut] - inward)
        side = sides.of(shapely.line_interpolate_point(line[cut], at))
        ends[end, cut] = 2 * owner[rows][cut] + np.maximum(side, 0)
    known = int(ends.max(initial=-1)) + 1
    level = _flag(roads, "bridge") | _flag(roads, "tunnel")
    return Pieces(line, ends, level[road[low]], max(known, 2 * owners))


def parts_of(
    shapes: np.ndarray, road: np.ndarray, start: np.ndarray, stop: np.ndarray
) -> np.ndarray:
    """The parts of lines between two measures [m] each."""
    xy, line = shapely.get_coordinates(shapes, return_index=True)
    along = _measures(xy, line.astype("int64"))
    count = np.bincount(line, minlength=len(shapes))
    first = np.cumsum(count) - count
    # One rising key for all vertices: no two lines overlap in it.
    span = np.maximum.reduceat(along, first) if len(first) and len(along) else np.zeros(0)
    base = np.concatenate([[0.0], np.cumsum(span + 1.0)])[:-1] if len(span) else span
    key = along + base[line]
    low = np.searchsorted(key, start + base[road], side="right")
    high = np.searchsorted(key, stop + base[road], side="left")
    high = np.maximum(high, low)
    owner, rows = spread(low, high)
    last = first[road] + count[road] - 1
    begin, end = (
        _between(xy, along, np.clip(at, first[road] + 1, last), measure)
        for at, measure in ((low, start), (high, stop))
    )
    number = np.arange(len(road))
    order = np.lexsort(
        (
            np.r_[np.zeros(len(road)), np.ones(len(rows)), np.full(len(road), 2)],
            np.r_[number, owner, number],
        )
    )
    points = np.concatenate([begin, xy[rows], end])[order]
    return np.asarray(shapely.linestrings(points, indices=np.r_[number, owner, number][order]))


def _between(
    xy: np.ndarray, along: np.ndarray, after: np.ndarray, measure: np.ndarray
) -> np.ndarray:
    """Points at measures [m] between a vertex and the one before it."""
    before = after - 1
    gap = along[after] - along[before]
    share = np.where(gap > 0, (measure - along[before]) / np.where(gap > 0, gap, 1.0), 0.0)
    return np.asarray(xy[before] + share[:, None] * (xy[after] - xy[before]))
