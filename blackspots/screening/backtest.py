"""The backtest: rank on the first years, and count what the next ones bring.

Ways of ranking are judged by what they were made for: each buys the same length of road, its
best units first, and is credited with the share of the *later* crashes that happen there. A way
that follows chance buys places that were unlucky; the later crashes do not return to them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from blackspots.screening.scores import METHODS, ORACLE, RANDOM, TARGETS, scores, tally
from blackspots.screening.units import Units

SHARES: Final = (0.01, 0.02, 0.05, 0.1)
"""Shares of all road that are bought."""
LEVEL: Final = 0.9
"""Of the intervals."""
COLUMNS: Final = (
    *("target", "share_of_length", "method", "later", "caught", "low", "high"),
    *("behind", "behind_low", "behind_high", "p_best"),
)
"""Of the tables made here."""
ALL: Final = "all"
"""The split that puts the others together."""

BLOCK: Final = 5000.0
"""Length [m] of the blocks that the bootstrap draws, along routes (assumption A): ten windows of
500 m, so that a block holds whole clusters; a whole trunk road as one block would decide alone."""

_BLOCK_CELLS: Final = 4_000_000
"""Numbers held at once while blocks are drawn."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Split:
    """Years to rank by and years to score on, both inclusive."""

    train: tuple[int, int]
    test: tuple[int, int]

    @property
    def name(self) -> str:
        """``2018-2020 > 2021-2022``."""
        first, then = (str(a) if a == b else f"{a}-{b}" for a, b in (self.train, self.test))
        return f"{first} > {then}"


def splits_of(years: Collection[int], *, train_until: int | None = None) -> list[Split]:
    """The years to rank by and to score on.

    Parameters
    ----------
    years
        Calendar years of the dated crashes.
    train_until
        One split: up to this year, and all after it. Otherwise a rolling origin: the years
        1..k rank, year k + 1 scores, for each k.

    Returns
    -------
    list of Split
        Empty where no year is left to rank by or to score on.

    Examples
    --------
    >>> [split.name for split in splits_of([2018, 2019, 2020])]
    ['2018 > 2019', '2018-2019 > 2020']
    >>> [split.name for split in splits_of([2018, 2019, 2020, 2021], train_until=2019)]
    ['2018-2019 > 2020-2021']
    """
    known = sorted({int(year) for year in years})
    if train_until is not None:
        before = [year for year in known if year <= train_until]
        after = [year for year in known if year > train_until]
        if not before or not after:
            return []
        return [Split((before[0], before[-1]), (after[0], after[-1]))]
    return [Split((known[0], known[i]), (year, year)) for i, year in enumerate(known[1:])]


def bought(length: ArrayLike, score: ArrayLike, budgets: ArrayLike) -> Floats:
    """Share of each unit that is bought when the best are bought first.

    Parameters
    ----------
    length : shape (units,)
        [m], or whatever is bought.
    score : shape (units,)
        Score per length; NaN comes last.
    budgets : shape (budgets,)
        Length bought.

    Returns
    -------
    shape (units, budgets)
        From 0 to 1. The last unit is bought in part. Units of one score share what is left for
        them in proportion to their length: what is expected when metres of tied road are drawn
        at random, so that no order of rows matters.

    Examples
    --------
    >>> bought([100, 100, 200], [3, 1, 1], [100, 250]).tolist()
    [[1.0, 1.0], [0.0, 0.5], [0.0, 0.5]]
    """
    long = np.asarray(length, dtype="float64")
    value = np.asarray(score, dtype="float64")
    limit = np.asarray(budgets, dtype="float64")
    if not len(long):
        return np.zeros((0, len(limit)))
    key = np.where(np.isnan(value), -np.inf, value)
    order = np.argsort(-key, kind="stable")
    new = np.r_[True, np.diff(key[order]) < 0]
    group = np.cumsum(new) - 1
    size = np.bincount(group, long[order])
    before = np.cumsum(size) - size
    left = limit[None, :] - before[:, None]
    share = np.divide(
        left, size[:, None], out=(left >= 0).astype("float64"), where=size[:, None] > 0
    )
    made = np.empty((len(long), len(limit)))
    made[order] = np.clip(share, 0, 1)[group]
    return made


def caught(
    length: ArrayLike,
    scored: pd.DataFrame,
    later: pd.DataFrame,
    *,
    shares_of_length: Sequence[float] = SHARES,
    blocks: ArrayLike | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Share of what came later that each way of ranking catches within the same length.

    Parameters
    ----------
    length : shape (units,)
        Of the units [m], or another measure of what is bought.
    scored
        One row a unit, one column a way of ranking: score per length, higher first. A column
        of NaN was not to be had and is left out.
    later
        One row a unit, one column a target: crashes or persons of the later years. A column
        that holds NaN, or sums to 0, is left out: nothing is to be caught.
    shares_of_length
        Shares of all length that are bought, between 0 and 1.
    blocks : shape (units,)
        Block of each unit, such as its route; each unit is its own without.
    draws, seed
        Of the bootstrap.

    Returns
    -------
    DataFrame
        One row a target, share of length and way: ``target``, ``share_of_length``, ``method``,
        ``later`` (crashes or persons in all), ``caught``, ``low``, ``high`` (90 % interval),
        ``behind`` (what the best way catches more), ``behind_low``, ``behind_high``, ``p_best``
        (share of the draws in which this way is the best, ties shared). ``oracle`` knows the
        later years and is the ceiling, ``random`` the floor; neither is a candidate for the
        best, and their ``p_best`` is NaN.

    Raises
    ------
    ValueError
        Lengths that are not positive, rows that do not match, or shares that are none.

    Notes
    -----
    The bootstrap draws blocks of units with replacement, and counts again what is caught by
    the road as it was bought. Crashes of one road have causes in common; drawing single crashes
    would take them for independent, and give intervals that are too narrow. All ways are counted
    on the same draws, so that differences between them are paired. The interval says how far
    another set of roads and years of this kind might differ, not how far the ranking would.
    """
    return _compared([_hits(length, scored, later, shares_of_length, blocks)], draws, seed)


def backtest(
    units: Units,
    crashes: pd.DataFrame,
    splits: Sequence[Split],
    *,
    shares_of_length: Sequence[float] = SHARES,
    draws: int = 1000,
    seed: int = 0,
    methods: Collection[str] = METHODS,
    **options: Any,
) -> pd.DataFrame:
    """Rank by the first years and score on the next, for each split and for all together.

    Parameters
    ----------
    units
        From :func:`blackspots.screening.units.units_of`, with these crashes.
    crashes
        ``date``, ``severity``, ``deaths``. Those without a date or a unit are left out.
    splits
        From :func:`splits_of`.
    methods, options
        As :func:`blackspots.screening.scores.scores` takes them.

    Returns
    -------
    DataFrame
        As :func:`caught` with a column ``split`` before: its name, and ``all`` where what all
        splits catch is put together, a later year weighing as many crashes as it has. The
        blocks are stretches of :data:`BLOCK` along the routes, and are drawn for all splits
        together.

    Raises
    ------
    ValueError
        No split, or no crash to rank by or to score on in any of them.
    """
    on_road = crashes[(units.of_crash.reindex(crashes.index) >= 0).to_numpy()]
    year = pd.to_datetime(on_road["date"]).dt.year
    table, blocks = units.table, _blocks(units.table)
    found: list[tuple[Split, _Hits]] = []
    for split in splits:
        first, then = (on_road[year.between(*years)] for years in (split.train, split.test))
        if first.empty or then.empty:
            continue
        ranked = scores(units, first, seed=seed, methods=methods, **options)
        later = tally(units, then)[list(TARGETS)]
        found.append((split, _hits(table["length"], ranked, later, shares_of_length, blocks)))
    if not found:
        raise ValueError("no years with crashes to rank by and to score on")
    parts = [_compared([made], draws, seed).assign(split=split.name) for split, made in found]
    together = _compared([made for _, made in found], draws, seed).assign(split=ALL)
    made = pd.concat([together, *parts], ignore_index=True)
    return made[["split", *(name for name in made if name != "split")]]


def _blocks(table: pd.DataFrame) -> Ints:
    """Number of the block of each unit: its route, and which stretch of it."""
    middle = (table["from"] + table["to"]) / 2
    number = (middle // BLOCK).astype("int64")
    return table.groupby([table["route"], number]).ngroup().to_numpy().astype("int64")


@dataclass(frozen=True, slots=True)
class _Hits:
    """What each way catches, by block.

    ``caught`` by target: shape (blocks, ways, shares); ``there`` by target: shape (blocks,).
    Blocks where nothing came later are left out, but counted in ``blocks``.
    """

    ways: tuple[str, ...]
    shares: tuple[float, ...]
    caught: dict[str, Floats]
    there: dict[str, Floats]
    blocks: int


def _hits(
    length: ArrayLike,
    scored: pd.DataFrame,
    later: pd.DataFrame,
    shares: Sequence[float],
    blocks: ArrayLike | None,
) -> _Hits:
    long = np.asarray(length, dtype="float64")
    if len(scored) != len(long) or len(later) != len(long):
        raise ValueError(f"{len(long)} lengths, {len(scored)} scores and {len(later)} counts")
    if not (np.isfinite(long) & (long > 0)).all():
        raise ValueError("every unit needs a length above 0")
    if not len(shares) or not all(0 < share <= 1 for share in shares):
        raise ValueError(f"shares of length lie above 0 and up to 1: {list(shares)}")
    budgets = np.asarray(shares, dtype="float64") * long.sum()
    own = np.arange(len(long)) if blocks is None else np.asarray(blocks)
    block = np.unique(own, return_inverse=True)[1]
    size = int(block.max(initial=-1)) + 1
    have = [str(name) for name in scored if scored[name].notna().any()]
    ways = [name for name in have if name != RANDOM]
    ways += [RANDOM] if RANDOM in have else []
    bare = {name: bought(long, scored[name], budgets) for name in ways}
    made = _Hits((*ways, ORACLE), tuple(shares), {}, {}, size)
    for target in later:
        came = later[target].to_numpy("float64")
        if not np.isfinite(came).all() or not came.sum() > 0:
            continue
        known = bought(long, came / long, budgets)
        parts = np.stack([*bare.values(), known], axis=1) * came[:, None, None]
        total = np.bincount(block, came, minlength=size).astype("float64")
        flat = parts.reshape(len(long), -1)
        sums = np.zeros((size, flat.shape[1]))
        some = came > 0
        np.add.at(sums, block[some], flat[some])
        made.there[str(target)] = total
        made.caught[str(target)] = sums.reshape(size, *parts.shape[1:])
    return made


def _compared(found: Sequence[_Hits], draws: int, seed: int) -> pd.DataFrame:
    """The table of :func:`caught` for one split or several of the same units."""
    tables = []
    for target in dict.fromkeys(name for made in found for name in made.there):
        of = [made for made in found if target in made.there]
        ways = [way for way in of[0].ways if all(way in made.ways for made in of)]
        hits = np.sum(
            [made.caught[target][:, [made.ways.index(way) for way in ways]] for made in of], axis=0
        )
        there = np.sum([made.there[target] for made in of], axis=0)
        tables.append(_of_target(target, ways, of[0].shares, hits, there, draws, seed))
    if tables:
        return pd.concat(tables, ignore_index=True)
    return pd.DataFrame(
        {name: pd.Series(dtype=object if name in {"target", "method"} else float)
         for name in COLUMNS}
    )  # fmt: skip


def _of_target(
    target: str,
    ways: Sequence[str],
    shares: Sequence[float],
    hits: Floats,
    there: Floats,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    point = hits.sum(axis=0) / there.sum()
    drawn = _drawn(hits, there, draws, seed)
    may = np.array([way not in {RANDOM, ORACLE} for way in ways])
    tails = [50 * (1 - LEVEL), 100 - 50 * (1 - LEVEL)]
    low, high = _between(drawn, tails)
    behind = np.full_like(point, np.nan)
    edges = np.full((2, *point.shape), np.nan)
    chance = np.full_like(point, np.nan)
    if may.any():
        best = np.argmax(np.where(may[:, None], point, -np.inf), axis=0)
        column = np.arange(len(shares))
        behind = point[best, column] - point
        apart = drawn[:, best, column][:, None, :] - drawn
        edges = np.stack(_between(apart, tails))
        among = drawn[:, may]
        top = np.isclose(among, among.max(axis=1, keepdims=True), rtol=0, atol=1e-12)
        shared = top / top.sum(axis=1, keepdims=True)
        chance[may] = shared.mean(axis=0) if len(drawn) else np.nan
    return pd.DataFrame(
        {
            "target": target,
            "share_of_length": np.repeat(np.asarray(shares, dtype="float64"), len(ways)),
            "method": np.tile(np.asarray(ways, dtype=object), len(shares)),
            "later": float(there.sum()),
            **{
                name: value.T.ravel()
                for name, value in (
                    ("caught", point),
                    ("low", low),
                    ("high", high),
                    ("behind", behind),
                    ("behind_low", edges[0]),
                    ("behind_high", edges[1]),
                    ("p_best", chance),
                )
            },
        }
    )


def _between(drawn: Floats, tails: list[float]) -> tuple[Floats, Floats]:
    if not len(drawn):
        nothing = np.full(drawn.shape[1:], np.nan)
        return nothing, nothing
    low, high = np.percentile(drawn, tails, axis=0)
    return low, high


def _drawn(hits: Floats, there: Floats, draws: int, seed: int) -> Floats:
    """Shares caught in draws of blocks with replacement; shape (draws, ways, shares).

    Blocks where nothing came later change no share: of N blocks of which n are not empty, a draw
    has Binomial(N, n / N) of the latter. Draws in which nothing came later say nothing, and
    are left out.
    """
    chance = np.random.Generator(np.random.PCG64(seed))
    some = np.flatnonzero(there > 0)
    flat = hits[some].reshape(len(some), -1)
    picked = chance.binomial(len(there), len(some) / len(there), size=draws)
    step = max(_BLOCK_CELLS // max(len(some), 1), 1)
    parts = []
    for begin in range(0, draws, step):
        sizes = picked[begin : begin + step]
        draw = np.repeat(np.arange(len(sizes)), sizes)
        block = chance.integers(0, len(some), size=int(sizes.sum()))
        weight = np.bincount(draw * len(some) + block, minlength=len(sizes) * len(some))
        weight = weight.reshape(len(sizes), len(some)).astype("float64")
        total = weight @ there[some]
        kept = total > 0
        parts.append((weight[kept] @ flat) / total[kept, None])
    made = np.concatenate(parts) if parts else np.zeros((0, flat.shape[1]))
    return np.asarray(made.reshape(-1, *hits.shape[1:]))
