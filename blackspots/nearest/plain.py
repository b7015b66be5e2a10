"""Shapely's tree finds candidates; what is nearest of them is computed as the kernels do it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import shapely

from blackspots.nearest.pieces import TIE, Array, Pieces

CHUNK = 20_000
"""Points looked up together; bounds the arrays of candidates."""

ROWS = 1_000_000
"""Most (point, piece) rows computed together."""

NEAR = 100.0
"""Distance [m] at which most crashes have found their road: looked up first."""

DOUBT = 1e-6
"""More [m] than shapely's distances can differ from ours."""


def _tree(lines: Array) -> shapely.STRtree:
    """The tree of LineStrings, which :class:`Pieces` refuses later where they are none."""
    whole = shapely.get_type_id(lines) == shapely.GeometryType.LINESTRING
    # The tree leaves out what is empty or no number, and nothing would find it.
    doubtful = ~(whole & np.isfinite(shapely.length(lines)) & ~shapely.is_empty(lines))
    if doubtful.any():
        Pieces.of(lines[doubtful])
    return shapely.STRtree(lines)


def _threaded(run: Callable[[Array], Any], points: Array) -> list[Any]:
    """``run`` for chunks of point numbers, in as many threads as there are processors."""
    parts = np.array_split(points, max(-(-len(points) // CHUNK), 1))
    if len(parts) == 1:
        return [run(parts[0])]
    # Shapely releases the GIL.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, len(parts), 8)) as pool:
        return list(pool.map(run, parts))


def measured(xy: Array, lines: Array, point: Array, line: Array) -> tuple[Array, Array]:
    """Distance [m] and measure [m] of points on lines, pair by pair.

    The first piece of a line that is nearest counts.
    """
    distance, measure = np.empty(len(point)), np.empty(len(point))
    if not len(point):
        return distance, measure
    # Only lines that are near a point are taken to pieces.
    wanted = np.zeros(len(lines), dtype=bool)
    wanted[line] = True
    used = np.flatnonzero(wanted)
    pieces = Pieces.of(lines[used])
    line = (np.cumsum(wanted) - 1)[line]
    x, y = pieces.xy[:, 0].copy(), pieces.xy[:, 1].copy()
    count = pieces.start[line + 1] - 1 - pieces.start[line]
    cut = np.cumsum(count) // ROWS
    for some in np.split(np.arange(len(point)), np.flatnonzero(np.diff(cut)) + 1):
        own = count[some]
        first = np.cumsum(own) - own
        at = np.arange(first[-1] + own[-1]) + np.repeat(pieces.start[line[some]] - first, own)
        px, py = np.repeat(xy[point[some], 0], own), np.repeat(xy[point[some], 1], own)
        ax, ay = x[at], y[at]
        at += 1
        dx, dy = x[at] - ax, y[at] - ay
        square = dx * dx + dy * dy
        along = (px - ax) * dx + (py - ay) * dy
        inside = (along > 0.0) & (square > 0.0)
        # Beyond its end a piece is nearest at its end.
        t = np.divide(np.minimum(along, square), square, out=np.zeros(len(at)), where=inside)
        ex, ey = (ax - px) + t * dx, (ay - py) + t * dy
        away = ex * ex + ey * ey
        least = np.minimum.reduceat(away, first)
        best = np.flatnonzero(away == np.repeat(least, own))
        # The first of each line.
        best = best[np.searchsorted(best, first)]
        distance[some] = np.sqrt(least)
        before, after = pieces.measure[at[best] - 1], pieces.measure[at[best]]
        measure[some] = before + t[best] * (after - before)
    return distance, measure


def within(xy: Array, lines: Array, distance: Array) -> tuple[Array, Array, Array, Array]:
    """Point, line, distance and measure of all pairs, sorted by point, distance and line."""
    tree = _tree(lines)
    there = np.flatnonzero(np.isfinite(xy).all(axis=1))

    def run(numbers: Array) -> tuple[Array, Array, Array, Array]:
        made = tree.query(
            shapely.points(xy[numbers]), predicate="dwithin", distance=distance[numbers] + DOUBT
        )
        point, line = numbers[made[0]], made[1]
        away, measure = measured(xy, lines, point, line)
        kept = np.flatnonzero(away <= distance[point])
        kept = kept[np.lexsort((line[kept], away[kept], point[kept]))]
        return point[kept], line[kept], away[kept], measure[kept]

    parts = _threaded(run, there)
    point, line, away, measure = (np.concatenate(each) for each in zip(*parts, strict=True))
    return point, line, away, measure


def nearest(xy: Array, lines: Array, distance: Array, out: tuple[Array, Array, Array]) -> None:
    """Line, distance and measure of each point, written into ``out`` where it is -1."""
    tree = _tree(lines)
    found, away, measure = out
    left = np.flatnonzero(np.isfinite(xy).all(axis=1) & (found < 0))
    # Few lines are near a point, many are within a great distance of it: small steps first.
    for step in (NEAR, 4 * NEAR, None):
        if not len(left):
            return

        def run(numbers: Array, step: float | None = step) -> None:
            limit = distance[numbers]
            most = limit if step is None else np.minimum(limit, step)
            points = np.asarray(shapely.points(xy[numbers]))
            if step is not None:
                # By boxes: whether they are within would be a distance, too, but not told.
                around = (most + DOUBT)[:, None]
                corners = np.stack([xy[numbers] - around, xy[numbers] + around], axis=1)
                point, line = tree.query(shapely.linestrings(corners))
                guess = shapely.distance(points[point], lines[line])
            else:
                (point, line), away_by_tree = tree.query_nearest(
                    points, return_distance=True, all_matches=False
                )
                # What is equally near, but for rounding.
                bound = np.full(len(numbers), np.nan)
                bound[point] = away_by_tree
                point, line = tree.query(points, predicate="dwithin", distance=bound + DOUBT)
                guess = bound[point]
            if not len(point):
                return
            # Shapely's distance leaves few candidates.
            least = np.full(len(numbers), np.inf)
            np.minimum.at(least, point, guess)
            kept = guess <= least[point] + DOUBT
            point, line = point[kept], line[kept]
            own, way = measured(xy, lines, numbers[point], line)
            kept = own <= limit[point]
            point, line, own, way = point[kept], line[kept], own[kept], way[kept]
            least = np.full(len(numbers), np.inf)
            np.minimum.at(least, point, own)
            # Beyond the step, not all that are as near as the nearest may have been looked up.
            kept = np.flatnonzero((own <= least[point] + TIE) & (least[point] <= most[point]))
            # The lowest line of each point.
            kept = kept[np.lexsort((line[kept], point[kept]))]
            first = np.ones(len(kept), dtype=bool)
            first[1:] = point[kept][1:] != point[kept][:-1]
            kept = kept[first]
            at = numbers[point[kept]]
            found[at], away[at], measure[at] = line[kept], own[kept], way[kept]

        _threaded(run, left)
        left = left[(found[left] < 0) & (distance[left] > (step or np.inf))]
