"""Which paths of one stretch to close: the exact optimum for each number closed.

A stretch is the crossings of one line from one that stays to the next, in order of measure. A
plan leaves some open and closes the others. An open crossing takes the users of the closed paths
beside it, from ``l`` to itself and from itself to ``r``; the paths between two such groups go
over a bridge or underpass. So a plan tiles the stretch with intervals, each around one open
crossing, and single paths that go over a bridge: the best tiling for each number closed is found
by dynamic programming over (crossings decided, paths closed), and is exact within
these, because what an open
crossing receives, on both of its sides, is known within its interval.

On each side of the railway each group has its own way to the open crossing: the roads that are
there, or those together with one run of service road beside the railway from one foot to
another, whichever costs less in all. A path without a way on one of the sides cannot be closed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["OVER", "Plan", "Rates", "Run", "Stretch", "plans"]

OVER = -1
"""In place of an open crossing: the users go over a bridge or underpass."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What a plan costs and saves, as present values.

    ``road``, ``fence``: [currency/m] with upkeep; ``closing``: [currency/path] with upkeep;
    ``years``: present value of 1 a year over the life; ``elasticity``: of a crossing's loss by
    its vehicles; ``reach``: longest way [m] along one side.
    """

    road: float
    fence: float
    closing: float
    years: float
    elasticity: float
    reach: float


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """The crossings of a stretch in order of their measure; n of them.

    Parameters
    ----------
    along
        Measures [m], rising, shape (n,).
    kept
        Those that stay open whatever happens, shape (n,).
    loss
        Expected crash cost [currency/year], shape (n,).
    vehicles
        Vehicles [1/day], above 0, shape (n,).
    burden
        What one metre of detour of all its users costs [currency/year/m], shape (n,).
    ways
        Ways [m] between the feet on the left and on the right, infinite for none,
        shape (2, n, n), symmetric, 0 on the diagonal.
    across
        Way [m] from the left foot to the right one over a bridge, infinite for none, shape (n,).
    buildable
        Whether a service road can run from each crossing to the next, shape (n - 1,).
    takes
        Whether an open crossing may take users of closed paths, shape (n,).
    """

    along: np.ndarray
    kept: np.ndarray
    loss: np.ndarray
    vehicles: np.ndarray
    burden: np.ndarray
    ways: np.ndarray
    across: np.ndarray
    buildable: np.ndarray
    takes: np.ndarray


@dataclass(frozen=True, slots=True)
class Run:
    """Service road on one side (0 left, 1 right) from one crossing's foot to another's."""

    side: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is closed, where its users go and what is built.

    ``to``, shape (n,): the open crossing that takes the users of each, itself for an open one,
    :data:`OVER` for those that go over a bridge. ``detour`` [m], shape (n,): NaN for open ones.
    ``received`` [vehicles/day], shape (n,). ``fence`` [m]: both sides, beside service roads too.
    ``value``: net present value [currency].
    """

    to: np.ndarray
    runs: tuple[Run, ...]
    fence: float
    detour: np.ndarray
    received: np.ndarray
    value: float

    @property
    def closed(self) -> np.ndarray:
        """Positions of the closed paths."""
        return np.flatnonzero(self.to != np.arange(len(self.to)))


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """The cheapest way for each group on one side, shape (n, n) each.

    Row ``i`` is the open crossing, column ``e`` the group's outermost path: the group is all
    between the two, ``e`` with them. ``start`` and ``stop`` bound the run; equal for none.
    """

    cost: np.ndarray
    start: np.ndarray
    stop: np.ndarray


def plans(stretch: Stretch, rates: Rates) -> list[Plan]:
    """The plan of greatest net present value for each number of paths that can be closed.

    NPV = F (sum of loss saved - sum of loss moved - detours) - C, with the loss moved to an open
    crossing loss ((v + dv) / v)^elasticity - loss, the detours those of vehicles and persons on
    foot, F the present value of 1 a year and C building and its upkeep. Of plans of one worth
    the first found counts, so that the same stretch always gives the same plans.

    A user goes over a bridge, and burdens no crossing, where that is no longer than the best
    way that could be built to the open crossing of the group.

    Returns
    -------
    list of Plan
        By the number closed, from 1; empty if nothing can be closed.
    """
    over = _over(stretch)
    groups = [_groups(stretch, rates, side, over) for side in (0, 1)]
    interval, middle = _intervals(stretch, rates, over, groups)
    single = np.where(stretch.kept, -np.inf, _gain(stretch, rates) - _bridged(stretch, rates))
    value, choice = _tiled(interval, single)
    numbers = np.flatnonzero(np.isfinite(value[-1]))
    return [
        _plan(stretch, rates, over, groups, _tiles(choice, middle, int(number)))
        for number in numbers[numbers > 0]
    ]


def linked(ways: np.ndarray, one: int, other: int, length: float) -> np.ndarray:
    """Shortest ways after one more link between two places, shape (n, n)."""
    through = ways[:, [one]] + (length + ways[[other], :])
    return np.asarray(np.minimum(np.minimum(ways, through), through.T))


def _over(stretch: Stretch) -> np.ndarray:
    """Whether users of ``p`` go over a bridge rather than to ``i``, shape (p, i)."""
    best = stretch.ways
    gaps = np.diff(stretch.along)
    for at in np.flatnonzero(stretch.buildable):
        best = np.stack([linked(side, int(at), int(at) + 1, gaps[at]) for side in best])
    bridge = stretch.across[:, None]
    return np.asarray(np.isfinite(bridge) & (bridge <= best[0] + best[1]))


def _gain(stretch: Stretch, rates: Rates) -> np.ndarray:
    return np.asarray(rates.years * stretch.loss - rates.closing)


def _bridged(stretch: Stretch, rates: Rates) -> np.ndarray:
    """What going over a bridge costs the users of each, infinite where there is none."""
    there = np.isfinite(stretch.across)
    way = np.where(there, stretch.across, 0.0)
    return np.where(there, rates.years * stretch.burden * way, np.inf)


def _groups(stretch: Stretch, rates: Rates, side: int, over: np.ndarray) -> _Groups:
    """Every run of service road tried for every group that it lies in."""
    n = len(stretch.along)
    along, gaps = stretch.along, np.diff(stretch.along)
    extent = np.abs(along[:, None] - along[None, :])
    cost = np.full((n, n), np.inf)
    begin = np.tile(np.arange(n)[:, None], (1, n))
    end = begin.copy()
    weight = rates.years * stretch.burden
    after = np.tri(n, k=-1, dtype=bool)  # path beyond the open crossing: p > i
    first = np.searchsorted(along, along - rates.reach, side="left")
    last = np.searchsorted(along, along + rates.reach, side="right")
    for start in range(n):
        low, high = int(first[start]), int(last[start])
        window = slice(low, high)
        ways = stretch.ways[side, window, window]
        beyond, away = after[window, window], over[window, window]
        burden = weight[window, None]
        here = start - low
        for stop in range(start, high):
            if stop > start:
                if not stretch.buildable[stop - 1]:
                    break
                ways = linked(ways, stop - 1 - low, stop - low, gaps[stop - 1])
            built = along[stop] - along[start]
            there = stop - low
            price = (rates.road - rates.fence) * built
            # Detours by path and open crossing; sums run outward from the open one.
            detour = np.full(ways.shape, np.inf)
            np.multiply(burden, ways, out=detour, where=ways <= rates.reach)
            detour[away] = 0.0
            right = np.where(beyond[:, : here + 1], detour[:, : here + 1], 0.0)
            right = np.cumsum(right, axis=0)[there:].T + price
            left = np.where(beyond.T[:, there:], detour[:, there:], 0.0)
            left = np.cumsum(left[::-1], axis=0)[::-1][: here + 1].T + price
            for made, rows, columns in (
                (right, slice(low, start + 1), slice(stop, high)),
                (left, slice(stop, high), slice(low, start + 1)),
            ):
                total = made + rates.fence * extent[rows, columns]
                kept = cost[rows, columns]
                better = total < kept
                np.copyto(kept, total, where=better)
                begin[rows, columns][better] = start
                end[rows, columns][better] = stop
    cost[extent > rates.reach] = np.inf
    np.fill_diagonal(cost, 0.0)
    for ends in (begin, end):
        np.fill_diagonal(ends, np.arange(n))
    return _Groups(cost, begin, end)


def _intervals(
    stretch: Stretch, rates: Rates, over: np.ndarray, groups: list[_Groups]
) -> tuple[np.ndarray, np.ndarray]:
    """Value of closing all in an interval but one, and that one; shape (first, last) each."""
    n = len(stretch.along)
    best = np.full((n, n), -np.inf)
    middle = np.full((n, n), -1)
    gain = np.where(stretch.kept, -np.inf, _gain(stretch, rates))
    bridged = _bridged(stretch, rates)
    building = groups[0].cost + groups[1].cost
    # Any may stay open and take nobody.
    np.fill_diagonal(best, 0.0)
    np.fill_diagonal(middle, np.arange(n))
    for j in np.flatnonzero(stretch.takes):
        worth = gain - np.where(over[:, j], bridged, 0.0)
        moved = np.where(over[:, j], 0.0, stretch.vehicles)
        before = np.r_[np.cumsum(worth[:j][::-1])[::-1], 0.0] - building[j, : j + 1]
        beyond = np.r_[0.0, np.cumsum(worth[j + 1 :])] - building[j, j:]
        low = int(np.argmax(np.isfinite(before)))
        high = j + int(np.flatnonzero(np.isfinite(beyond))[-1]) + 1
        before, beyond = before[low:], beyond[: high - j]
        more_before = np.r_[np.cumsum(moved[low:j][::-1])[::-1], 0.0]
        more_beyond = np.r_[0.0, np.cumsum(moved[j + 1 : high])]
        more = more_before[:, None] + more_beyond[None, :]
        burden = risen(stretch.loss[j], stretch.vehicles[j], more, rates.elasticity)
        value = before[:, None] + beyond[None, :] - rates.years * burden
        rows, columns = slice(low, j + 1), slice(j, high)
        better = value > best[rows, columns]
        best[rows, columns][better] = value[better]
        middle[rows, columns][better] = j
    return best, middle


def risen(
    loss: float | np.ndarray, vehicles: float | np.ndarray, more: np.ndarray, elasticity: float
) -> np.ndarray:
    """What a crossing loses more a year by more vehicles: loss (((v + dv) / v)^e - 1)."""
    return np.asarray(loss * (((vehicles + more) / vehicles) ** elasticity - 1.0))


def _tiled(interval: np.ndarray, single: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Best value of the first crossings with a number closed, and the last tile's start.

    Both of shape (n + 1, n + 1): crossings decided, paths closed. The start is that of an
    interval, or ``OVER`` for a single path that goes over a bridge.
    """
    n = len(single)
    value = np.full((n + 1, n + 1), -np.inf)
    choice = np.full((n + 1, n + 1), n + 1)
    value[0, 0] = 0.0
    for stop in range(n):
        own, made = value[stop + 1], choice[stop + 1]
        for start in np.flatnonzero(np.isfinite(interval[: stop + 1, stop])):
            closed = stop - start
            offer = value[start, : n + 1 - closed] + interval[start, stop]
            better = offer > own[closed:]
            own[closed:][better] = offer[better]
            made[closed:][better] = start
        offer = value[stop, :n] + single[stop]
        better = offer > own[1:]
        own[1:][better] = offer[better]
        made[1:][better] = OVER
    return value, choice


def _tiles(choice: np.ndarray, middle: np.ndarray, closed: int) -> list[tuple[int, int, int]]:
    """The tiles of the best plan: first, last, open crossing (or ``OVER``)."""
    tiles = []
    stop = len(choice) - 1
    while stop > 0:
        start = int(choice[stop, closed])
        if start == OVER:
            tiles.append((stop - 1, stop - 1, OVER))
            stop, closed = stop - 1, closed - 1
        else:
            tiles.append((start, stop - 1, int(middle[start, stop - 1])))
            stop, closed = start, closed - (stop - 1 - start)
    return tiles[::-1]


def _plan(
    stretch: Stretch,
    rates: Rates,
    over: np.ndarray,
    groups: list[_Groups],
    tiles: list[tuple[int, int, int]],
) -> Plan:
    n = len(stretch.along)
    to = np.full(n, OVER)
    detour = np.full(n, np.nan)
    received = np.zeros(n)
    runs: list[Run] = []
    fence = built = 0.0
    for first, last, j in tiles:
        if j == OVER:
            detour[first] = stretch.across[first]
            continue
        to[first : last + 1] = j
        for outer, members in ((first, np.arange(first, j)), (last, np.arange(j + 1, last + 1))):
            if not len(members):
                continue
            fence += 2 * abs(stretch.along[outer] - stretch.along[j])
            way = np.zeros(len(members))
            for side, group in enumerate(groups):
                run = Run(side, int(group.start[j, outer]), int(group.stop[j, outer]))
                way += with_run(stretch, run)[members, j]
                if run.stop > run.start:
                    runs.append(run)
                    built += stretch.along[run.stop] - stretch.along[run.start]
            by_bridge = over[members, j]
            detour[members] = np.where(by_bridge, stretch.across[members], way)
            received[j] += stretch.vehicles[members[~by_bridge]].sum()
            to[members[by_bridge]] = OVER
    closed = np.flatnonzero(to != np.arange(n))
    more = risen(stretch.loss, stretch.vehicles, received, rates.elasticity)
    yearly = (stretch.loss - stretch.burden * detour)[closed].sum() - more.sum()
    spent = rates.closing * len(closed) + rates.road * built + rates.fence * (fence - built)
    return Plan(to, tuple(runs), fence, detour, received, float(rates.years * yearly - spent))


def with_run(stretch: Stretch, run: Run) -> np.ndarray:
    """Ways [m] on a side once a run of service road is there, shape (n, n)."""
    ways: np.ndarray = stretch.ways[run.side]
    for at in range(run.start, run.stop):
        ways = linked(ways, at, at + 1, stretch.along[at + 1] - stretch.along[at])
    return ways
