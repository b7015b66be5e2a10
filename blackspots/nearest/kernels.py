"""Compiled snapping: the same results as :mod:`blackspots.nearest.plain`, for large inputs.

The pieces of all lines are registered in square cells. Cells lie in tiles of 16 by 16, and a
hash table holds the tiles that have any: a sparse network of national extent, or one vertex
astray, takes no memory for the land between. Points are processed tile by tile, so that what
is near stays in the cache.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

from blackspots.nearest.pieces import TIE, Array, Pieces

F = TypeVar("F", bound=Callable[..., Any])

compiled = cast("Callable[[F], F]", numba.njit(cache=True, nogil=True))
inlined = cast("Callable[[F], F]", numba.njit(inline="always"))

PAD = 1e-6
"""How far [m] beyond its cells a piece is registered, so that rounding loses none."""

RINGS = 16
"""Rings of cells looked through around a point before it is left to the other path."""

PER_CELL = 6.0
"""Side of a cell, in mean lengths of a piece."""

SIDE = 10.0
"""Shortest side [m] of a cell."""


class Grid(NamedTuple):
    """Pieces by cell."""

    table: Array
    """Hash table: number of a tile, -1 where free, shape (power of 2,)."""
    keys: Array
    """Key of each place of the table, int64."""
    start: Array
    """Cell ``c`` of tile ``t`` has the entries from ``start[256 t + c]`` on, int32."""
    entries: Array
    """Pieces, cell by cell, int32."""
    x: float
    y: float
    """The corner [m] that cells are counted from."""
    per: float
    """Cells in a metre."""
    columns: int
    rows: int


@inlined
def _slot(table: Array, keys: Array, key: int) -> Any:
    """Place of a key in the table, or the free one where it belongs."""
    mask = len(table) - 1
    h = key * np.int64(-7046029254386353131)
    place = (h >> 32) & mask
    while table[place] >= 0 and keys[place] != key:
        place = (place + 1) & mask
    return place


@inlined
def _key(i: int, j: int) -> int:
    return ((i >> 4) << 31) + (j >> 4)


@compiled
def _wider(table: Array, keys: Array) -> tuple[Array, Array]:
    """The same hash table with twice the room."""
    more, more_keys = np.full(2 * len(table), -1, np.int32), np.zeros(2 * len(table), np.int64)
    for k in range(len(table)):
        if table[k] >= 0:
            place = _slot(more, more_keys, keys[k])
            more[place], more_keys[place] = table[k], keys[k]
    return more, more_keys


@compiled
def _register(  # noqa: C901, PLR0912, PLR0915 - a call of a kernel costs, a branch does not
    xy: Array, start: Array, x: float, y: float, per: float, scratch: Array
) -> tuple[Array, Array, Array, Array]:
    """All pieces in their cells: table, keys, start and entries of a :class:`Grid`.

    Cells are looked up once: ``scratch``, shape (vertices,), keeps that of each piece for the
    second pass, or -1 for one in several.
    """
    table, keys = np.full(1024, -1, np.int32), np.zeros(1024, np.int64)
    tiles = 0
    count = np.zeros(256 * 512, np.int32)
    entries = np.empty(0, np.int32)
    pad = PAD * per
    for fill in range(2):
        if fill:
            total = 0
            for c in range(256 * tiles + 1):
                own = count[c]
                count[c] = total
                total += own
            entries = np.empty(total, np.int32)
        last: Any = np.int64(-1)
        tile: Any = np.int64(0)
        for line in range(len(start) - 1):
            bx, by = (xy[start[line], 0] - x) * per, (xy[start[line], 1] - y) * per
            for s in range(start[line], start[line + 1] - 1):
                if fill and scratch[s] >= 0:
                    entries[count[scratch[s]]] = s
                    count[scratch[s]] += 1
                    continue
                if fill:
                    bx, by = (xy[s, 0] - x) * per, (xy[s, 1] - y) * per
                ax, ay = bx, by
                bx, by = (xy[s + 1, 0] - x) * per, (xy[s + 1, 1] - y) * per
                left, right = int(min(ax, bx) - pad), int(max(ax, bx) + pad)
                bottom, top = int(min(ay, by) - pad), int(max(ay, by) + pad)
                slanted = right > left and top > bottom
                slope = (by - ay) / (bx - ax) if slanted and bx != ax else 0.0
                scratch[s] = -1
                for i in range(left, right + 1):
                    low, high = bottom, top
                    if slanted and bx != ax:
                        # The part within the column, from one side to the other.
                        one = ay + (max(i - pad, min(ax, bx)) - ax) * slope
                        two = ay + (min(i + 1 + pad, max(ax, bx)) - ax) * slope
                        low = max(int(min(one, two) - pad), low)
                        high = min(int(max(one, two) + pad), high)
                    for j in range(low, high + 1):
                        key = _key(i, j)
                        if key != last:
                            last = key
                            place = _slot(table, keys, key)
                            if table[place] < 0:
                                table[place], keys[place] = tiles, key
                                tiles += 1
                                if 256 * (tiles + 1) > len(count):
                                    more = np.zeros(2 * len(count), np.int32)
                                    more[: len(count)] = count
                                    count = more
                                if 2 * tiles > len(table):
                                    table, keys = _wider(table, keys)
                                    place = _slot(table, keys, key)
                            tile = np.int64(table[place])
                        cell = (tile << 8) + ((i & 15) << 4) + (j & 15)
                        if fill:
                            entries[count[cell]] = s
                        count[cell] += 1
                        if left == right and bottom == top:
                            scratch[s] = cell
    # Each cell was filled to where the next one begins.
    for c in range(256 * tiles, 0, -1):
        count[c] = count[c - 1]
    count[0] = 0
    return table, keys, count[: 256 * tiles + 1].copy(), entries


@compiled
def running(xy: Array, start: Array) -> Array:
    """Metres [m] from the beginning of its line for each vertex, shape (vertices,)."""
    measure = np.zeros(len(xy))
    for line in range(len(start) - 1):
        for s in range(start[line] + 1, start[line + 1]):
            dx, dy = xy[s, 0] - xy[s - 1, 0], xy[s, 1] - xy[s - 1, 1]
            measure[s] = measure[s - 1] + np.sqrt(dx * dx + dy * dy)
    return measure


@compiled
def _lines(start: Array, line: Array) -> None:
    """Line of each vertex, written into ``line``."""
    for k in range(len(start) - 1):
        for s in range(start[k], start[k + 1]):
            line[s] = k


def gridded(pieces: Pieces, within: Array | None = None) -> tuple[Grid, Array]:
    """The cells of all pieces, as wide as a few of them are long, and the line of each.

    Where all cells ``within`` some distances [m] will be looked through, they are wider, so
    that a point has no more of them than in :data:`RINGS` rings, in the mean of all points.
    """
    # Column by column: over both at once numpy takes many times as long.
    columns = pieces.xy[:, 0], pieces.xy[:, 1]
    low = [float(column.min()) for column in columns]
    extent = [float(column.max()) - least for column, least in zip(columns, low, strict=True)]
    mean = float(pieces.measure[pieces.start[1:] - 1].sum()) / len(pieces.xy)
    # No more columns than keys have room for.
    side = max(PER_CELL * mean, SIDE, max(extent) / 2.0**30)
    if within is not None:
        far = np.minimum(within, max(extent))
        side = max(side, float(np.sqrt(np.mean(far * far))) / RINGS)
    # One cell more on each side, so that none has a negative number.
    x, y = (least - side for least in low)
    line = np.empty(len(pieces.xy), dtype=np.int32)
    made = _register(pieces.xy, pieces.start, x, y, 1.0 / side, line)
    _lines(pieces.start, line)
    return Grid(*made, x, y, 1.0 / side, *(int(each / side) + 3 for each in extent)), line


@compiled
def _ordered(xy: Array, grid: Grid) -> Array:
    """Numbers of the finite points, tile by tile: a counting sort."""
    tiles = (len(grid.start) - 1) >> 8
    tile = np.empty(len(xy), np.int32)
    first = np.zeros(tiles + 3, np.int32)
    for k in range(len(xy)):
        px, py = (xy[k, 0] - grid.x) * grid.per, (xy[k, 1] - grid.y) * grid.per
        tile[k] = tiles
        if not (np.isfinite(px) and np.isfinite(py)):
            tile[k] = tiles + 1
        elif 0.0 <= px < grid.columns and 0.0 <= py < grid.rows:
            found = grid.table[_slot(grid.table, grid.keys, _key(int(px), int(py)))]
            if found >= 0:
                tile[k] = found
        first[tile[k] + 1] += 1
    for t in range(tiles + 2):
        first[t + 1] += first[t]
    order = np.empty(first[tiles + 1], np.int32)
    for k in range(len(xy)):
        if tile[k] <= tiles:
            order[first[tile[k]]] = k
            first[tile[k]] += 1
    return order


@inlined
def _away(xy: Array, s: int, px: float, py: float) -> tuple[float, float]:
    """Squared distance of a point from a piece, and how far along that is, 0 to 1."""
    ax, ay = xy[s, 0], xy[s, 1]
    dx, dy = xy[s + 1, 0] - ax, xy[s + 1, 1] - ay
    square = dx * dx + dy * dy
    along = (px - ax) * dx + (py - ay) * dy
    t = 0.0
    if not (along <= 0.0 or square == 0.0):
        t = 1.0 if along >= square else along / square
    ex, ey = (ax - px) + t * dx, (ay - py) + t * dy
    return ex * ex + ey * ey, t


@compiled
def _lowest(
    px: float, py: float, least: float, limit: float, xy: Array, line: Array, grid: Grid
) -> Any:
    """The lowest line as near as ``least``, but for rounding."""
    wide = least + 2.0 * TIE
    low_i = max(int(np.floor((px - wide - grid.x) * grid.per)), 0)
    low_j = max(int(np.floor((py - wide - grid.y) * grid.per)), 0)
    high_i = min(int(np.floor((px + wide - grid.x) * grid.per)), grid.columns - 1)
    high_j = min(int(np.floor((py + wide - grid.y) * grid.per)), grid.rows - 1)
    lowest: Any = len(line)
    for i in range(low_i, high_i + 1):
        for j in range(low_j, high_j + 1):
            tile = grid.table[_slot(grid.table, grid.keys, _key(i, j))]
            if tile < 0:
                continue
            cell = (tile << 8) + ((i & 15) << 4) + (j & 15)
            for q in range(grid.start[cell], grid.start[cell + 1]):
                s = grid.entries[q]
                if line[s] < lowest:
                    square, _ = _away(xy, s, px, py)
                    d = np.sqrt(square)
                    if d <= least + TIE and d <= limit:
                        lowest = line[s]
    return lowest


@compiled
def _nearest(  # noqa: C901, PLR0912, PLR0915 - a call of a kernel costs, a branch does not
    order: Array,
    points: Array,
    limits: Array,
    xy: Array,
    measure: Array,
    start: Array,
    line: Array,
    grid: Grid,
    found: Array,
    distance: Array,
    along: Array,
) -> int:
    """Nearest line of the points in ``order``; how many are left, with ``found`` -2."""
    side = 1.0 / grid.per
    left = 0
    for k in order:
        px, py, limit = points[k, 0], points[k, 1], limits[k]
        fx, fy = (px - grid.x) * grid.per, (py - grid.y) * grid.per
        i0, j0 = int(np.floor(fx)), int(np.floor(fy))
        inside = min(fx - i0, i0 + 1 - fx, fy - j0, j0 + 1 - fy) * side - PAD
        best, best_t = np.inf, 0.0
        piece: Any = np.int64(-1)
        least = limit
        bound = (limit + 2.0 * TIE) ** 2
        # Whether another line may be as near as the best one.
        tied = False
        ring = 0
        while True:
            for i in range(max(i0 - ring, 0), min(i0 + ring, grid.columns - 1) + 1):
                step = 1 if i in (i0 - ring, i0 + ring) else max(2 * ring, 1)
                for j in range(j0 - ring, j0 + ring + 1, step):
                    if j < 0 or j >= grid.rows:
                        continue
                    tile = grid.table[_slot(grid.table, grid.keys, _key(i, j))]
                    if tile < 0:
                        continue
                    cell = (tile << 8) + ((i & 15) << 4) + (j & 15)
                    for q in range(grid.start[cell], grid.start[cell + 1]):
                        s = grid.entries[q]
                        square, t = _away(xy, s, px, py)
                        if square > bound:
                            continue
                        d = np.sqrt(square)
                        if d > limit:
                            continue
                        if piece >= 0:
                            if d < least - TIE:
                                tied = False
                            elif line[s] != line[piece]:
                                tied = True
                        if square < best or (square == best and s < piece):
                            best, best_t, piece, least = square, t, s, d
                            bound = (d + 2.0 * TIE) ** 2
            reach = inside + ring * side
            if reach >= least + 2.0 * TIE:
                break
            ring += 1
            if ring > RINGS:
                break
        if ring > RINGS:
            found[k] = -2
            left += 1
            continue
        if piece < 0:
            continue
        if tied:
            lowest = _lowest(px, py, least, limit, xy, line, grid)
            if lowest != line[piece]:
                best = np.inf
                for s in range(start[lowest], start[lowest + 1] - 1):
                    square, t = _away(xy, s, px, py)
                    if square < best:
                        best, best_t, piece = square, t, s
        found[k] = line[piece]
        distance[k] = np.sqrt(best)
        along[k] = measure[piece] + best_t * (measure[piece + 1] - measure[piece])
    return left


@inlined
def _grown(values: Array, needed: int) -> Array:
    if needed <= len(values):
        return values
    more = np.empty(2 * needed, values.dtype)
    more[: len(values)] = values
    return more


@compiled
def _within(  # noqa: C901 - a call of a kernel costs, a branch does not
    order: Array,
    points: Array,
    limits: Array,
    xy: Array,
    measure: Array,
    line: Array,
    lines: int,
    grid: Grid,
    count: Array,
) -> tuple[Array, Array, Array]:
    """Lines within reach of the points in ``order``, by distance and number."""
    stamp, at = np.full(lines, -1, np.int32), np.empty(lines, np.int32)
    found, size = np.empty(1024, np.int32), 0
    square_, along = np.empty(1024), np.empty(1024)
    piece = np.empty(1024, np.int32)
    for k in order:
        px, py, limit = points[k, 0], points[k, 1], limits[k]
        wide = limit + 2.0 * PAD
        low_i = max(int(np.floor(max((px - wide - grid.x) * grid.per, 0.0))), 0)
        low_j = max(int(np.floor(max((py - wide - grid.y) * grid.per, 0.0))), 0)
        high_i = int(np.floor(min((px + wide - grid.x) * grid.per, grid.columns - 1.0)))
        high_j = int(np.floor(min((py + wide - grid.y) * grid.per, grid.rows - 1.0)))
        begin = size
        bound = (limit + TIE) ** 2
        for i in range(low_i, high_i + 1):
            for j in range(low_j, high_j + 1):
                tile = grid.table[_slot(grid.table, grid.keys, _key(i, j))]
                if tile < 0:
                    continue
                cell = (tile << 8) + ((i & 15) << 4) + (j & 15)
                for q in range(grid.start[cell], grid.start[cell + 1]):
                    s = grid.entries[q]
                    square, t = _away(xy, s, px, py)
                    if square > bound or np.sqrt(square) > limit:
                        continue
                    own = line[s]
                    if stamp[own] != k:
                        stamp[own], at[own] = k, size
                        found, piece = _grown(found, size + 1), _grown(piece, size + 1)
                        square_, along = _grown(square_, size + 1), _grown(along, size + 1)
                        found[size], square_[size], piece[size] = own, np.inf, s
                        size += 1
                    place = at[own]
                    if square < square_[place] or (square == square_[place] and s < piece[place]):
                        square_[place], piece[place] = square, s
                        along[place] = measure[s] + t * (measure[s + 1] - measure[s])
        count[k] = size - begin
        for a in range(begin, size):
            square_[a] = np.sqrt(square_[a])
            b = a
            while b > begin and (
                square_[b] < square_[b - 1]
                or (square_[b] == square_[b - 1] and found[b] < found[b - 1])
            ):
                square_[b], square_[b - 1] = square_[b - 1], square_[b]
                found[b], found[b - 1] = found[b - 1], found[b]
                along[b], along[b - 1] = along[b - 1], along[b]
                b -= 1
    return found[:size].copy(), square_[:size].copy(), along[:size].copy()


def _shared(run: Callable[[Array], Any], order: Array) -> list[Any]:
    """``run`` for stretches of points, in as many threads as there are processors."""
    count = min(os.cpu_count() or 1, max(len(order) // 10_000, 1), 8)
    if count == 1:
        return [run(order)]
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, np.array_split(order, count)))


def nearest(xy: Array, pieces: Pieces, distance: Array, out: tuple[Array, Array, Array]) -> bool:
    """As :func:`blackspots.nearest.plain.nearest`; whether any are left for it, -2 in ``out``."""
    grid, line = gridded(pieces)
    found, away, along = out

    def run(order: Array) -> int:
        return _nearest(
            order,
            xy,
            distance,
            pieces.xy,
            pieces.measure,
            pieces.start,
            line,
            grid,
            found,
            away,
            along,
        )

    return any(_shared(run, _ordered(xy, grid)))


def within(xy: Array, pieces: Pieces, distance: Array) -> tuple[Array, Array, Array, Array]:
    """As :func:`blackspots.nearest.plain.within`."""
    (grid, line), lines = gridded(pieces, distance), len(pieces.start) - 1
    count = np.zeros(len(xy), dtype=np.int64)

    def run(order: Array) -> tuple[Array, Array, Array]:
        return _within(order, xy, distance, pieces.xy, pieces.measure, line, lines, grid, count)

    order = _ordered(xy, grid)
    made = [np.concatenate(each) for each in zip(*_shared(run, order), strict=True)]
    # From the order of tiles back to that of points.
    begin = np.zeros(len(xy), dtype=np.int64)
    begin[order] = np.cumsum(count[order]) - count[order]
    point = np.repeat(np.arange(len(xy)), count)
    first = np.cumsum(count) - count
    at = begin[point] + (np.arange(len(point)) - first[point])
    return point, made[0][at].astype(np.int64), made[1][at], made[2][at]
