"""How sure the rank is: draws of what is expected, years drawn again, and better data.

Nomenclature as in :mod:`blackspots.screening.expected`. The *line* runs below the first n
sites, those that are looked at or paid for; to *cross* it is to enter or leave these.
Sites are best given in the order of their rank: ties go to the one that stands first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

LOW: Final = 0.05
"""Lower end of the 90 % interval of a rank; the upper is 1 less it."""

FEWEST_BLOCKS: Final = 2
"""One block drawn again is itself: a bootstrap of it would claim certainty."""

DRAWS, ROWS = 32, 4096  # of one stream of random numbers; other values give other draws
AT_ONCE = 1 << 21  # numbers held together
_STORED = 1 << 24  # ranks kept one by one; more are counted in classes
_EXACT, _CLASSES = 64, 32  # ranks that are their own class; classes from there to the double
ROUNDING = 1e-6  # by which sums of probabilities and k may miss
_NOISE_BITS = 12  # of 52: values that differ by less than 1e-12 of themselves are equal

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Posterior draws of a value for each site, made when they are asked for.

    ``shape``, ``rate`` and ``costs`` have shape (severities, sites), ``less`` (sites,).
    """

    shape: Floats
    rate: Floats
    costs: Floats
    less: Floats
    index: pd.Index
    draws: int
    seed: int

    @property
    def known(self) -> NDArray[np.bool_]:
        """Sites that have a posterior, shape (sites,)."""
        factor = self.costs / self.rate
        return np.asarray(np.isfinite(self.shape + factor).all(axis=0) & np.isfinite(self.less))

    def chunks(self) -> Iterator[Floats]:
        """All draws in turn, some at a time, each chunk of shape (some draws, sites)."""
        sites, known = len(self.less), self.known
        # A stand-in: the sampler is not made for an unknown shape.
        shape = np.where(known, self.shape, 1.0)
        factor = self.costs / self.rate
        step = max(AT_ONCE // max(sites, 1) // DRAWS, 1) * DRAWS
        for low in range(0, self.draws, step):
            made = np.empty((min(step, self.draws - low), sites))
            for first in range(0, len(made), DRAWS):
                part = made[first : first + DRAWS]
                for top in range(0, sites, ROWS):
                    rows = slice(top, top + ROWS)
                    value = -self.less[rows, None]
                    for level in range(len(shape)):
                        key = (level, top // ROWS, (low + first) // DRAWS)
                        a = shape[level, rows, None]
                        gamma = stream(self.seed, *key).standard_gamma(a, (len(a), DRAWS))
                        value = value + factor[level, rows, None] * gamma
                    part[:, rows] = value.T[: len(part)]
            yield made


def posterior_draws(
    shape: ArrayLike,
    rate: ArrayLike,
    *,
    costs: ArrayLike | None = None,
    less: ArrayLike = 0.0,
    draws: int = 2000,
    seed: int = 0,
) -> Draws:
    """Draws from the Gamma posteriors of Empirical Bayes, made in chunks when read.

    Parameters
    ----------
    shape, rate
        Of the posterior of the period's expected crashes, shape (sites,) or
        (sites, severities): 1/k + x and 1 + 1/(k mu). NaN is unknown; an infinite rate is a
        severity that does not occur.
    costs
        Value of a crash [currency/crash], shape (severities,) or (sites, severities), for one
        severity a number or (sites,); it may hold 1/years and the factor by which
        :func:`blackspots.screening.model.posterior` scales severities. 1 by default.
    less
        Taken off each draw, shape (sites,): the prediction, to rank by excess.

    Returns
    -------
    Draws
        sum_s costs_s Gamma(shape_s, rate_s) - less, for each site.

    Raises
    ------
    ValueError
        If a shape or rate is not positive, or there is no draw.

    Notes
    -----
    Severities are drawn independently (assumption). Random numbers come in streams of
    4,096 sites and 32 draws: neither more draws nor a site added at the end changes those
    that were there; a site put in between changes the draws of all after it.

    References
    ----------
    Hauer, Harwood, Council, Griffith (2002), Transportation Research Record 1784.
    """
    a, b = severity_first(shape), severity_first(rate)
    if a.shape != b.shape:
        raise ValueError("shape and rate must have the same shape")
    if (a <= 0).any() or (b <= 0).any() or np.isinf(a).any():
        raise ValueError("shape and rate must be positive, and shape finite")
    if draws < 1:
        raise ValueError("at least one draw is needed")
    value = costs_like(1.0 if costs is None else costs, a)
    off = np.broadcast_to(np.asarray(less, dtype="float64"), a.shape[1:])
    return Draws(a, b, value, off, index_of(shape, a.shape[1]), draws, seed)


def rank_certainty(
    values: Draws | ArrayLike, *, first: Sequence[int] = (5, 10, 20), paid: int | None = None
) -> pd.DataFrame:
    """How often each site is among the first, and between which ranks it lies.

    Parameters
    ----------
    values
        :class:`Draws`, or draws of shape (draws, sites); more is worse. A site with an
        unknown draw is left out of the ranking.
    first
        The n for which P(rank <= n) is wanted.
    paid
        Number of sites that the budget pays for, if known.

    Returns
    -------
    DataFrame, one row a site
        ``p_first_<n>``; ``p_paid`` = P(rank <= paid); ``rank_median``, ``rank_low``,
        ``rank_high``: the least ranks that 50, 5 and 95 % of the draws do not exceed. Missing
        where unknown.

    Notes
    -----
    A share of D draws is sure to about sqrt(p (1 - p) / D): 0.011 at most for 2,000. Where
    sites times draws exceed 16 million, ranks from 65 are counted in classes of a 32nd of the
    power of two below them; the interval is then rounded outwards.
    """
    if isinstance(values, Draws):
        source: Iterable[Floats] = values.chunks()
        known, draws, index = values.known, values.draws, values.index
    else:
        table = np.asarray(values, dtype="float64")
        if table.ndim != 2 or not len(table):  # noqa: PLR2004
            raise ValueError("draws must have shape (draws, sites), with one draw or more")
        known, draws = ~np.isnan(table).any(axis=0), len(table)
        index = values.columns if isinstance(values, pd.DataFrame) else index_of(None, len(known))
        source = [table]
    return _certainty(source, known, draws, index, first, paid, "")


def block_bootstrap(
    counts_by_block: ArrayLike,
    predicted: ArrayLike,
    k: ArrayLike,
    *,
    costs: ArrayLike | None = None,
    crashes_by_block: ArrayLike | None = None,
    first: Sequence[int] = (5, 10, 20),
    paid: int | None = None,
    draws: int = 2000,
    seed: int = 0,
    index: pd.Index | None = None,
) -> pd.DataFrame:
    """Ranks of the Empirical Bayes means, had the years been others.

    Whole blocks are drawn with replacement, so that what happened together at all sites stays
    together; as many as there are. The safety performance function is not fitted again.

    Parameters
    ----------
    counts_by_block
        Crashes, shape (blocks, sites) or (blocks, sites, severities). Blocks are equally
        long: calendar years, or months where there are fewer than four years.
    predicted
        Crashes of the whole period, shape (sites,) or (sites, severities); or of each block,
        with the shape of ``counts_by_block``.
    k
        Overdispersion, a number or shape (sites,).
    costs
        As in :func:`posterior_draws`; without, sites rank by expected crashes.
    crashes_by_block
        All crashes, those of unknown severity among them, shape (blocks, sites); the sum over
        severities by default.
    index
        Of the sites.

    Returns
    -------
    DataFrame, one row a site
        The columns of :func:`rank_certainty`, each with ``boot_`` before its name; all missing
        where there is one block only, which cannot tell how blocks differ.

    References
    ----------
    Efron, Tibshirani (1993), An Introduction to the Bootstrap, ch. 8.
    """
    counts, mean = np.asarray(counts_by_block, "float64"), np.asarray(predicted, "float64")
    if counts.ndim == 2:  # noqa: PLR2004
        counts, mean = counts[..., None], mean[..., None]
    blocks, sites, levels = counts.shape
    if draws < 1:
        raise ValueError("at least one draw is needed")
    if mean.shape not in {counts.shape, (sites, levels)}:
        raise ValueError("predicted must have the shape of the counts, or that without blocks")
    everything = counts.sum(axis=2) if crashes_by_block is None else crashes_by_block
    parts = [np.asarray(everything, "float64")[..., None], counts]
    if mean.ndim == counts.ndim:
        parts.append(mean)
    # One product of matrices gives all sums: x, then x_s, then mu_s.
    table = np.concatenate(parts, axis=2)
    width = table.shape[2]
    joined = table.reshape(blocks, sites * width)
    of = np.broadcast_to(np.asarray(k, "float64"), (sites,))
    value = None if costs is None else costs_like(costs, counts[0].T)

    def chunks() -> Iterator[Floats]:
        rng = np.random.Generator(np.random.PCG64(seed))
        times = rng.multinomial(blocks, np.full(blocks, 1 / blocks), draws).astype("float64")
        step = max(AT_ONCE // max(joined.shape[1], 1), 1)
        for low in range(0, draws, step):
            drawn = times[low : low + step] @ joined
            drawn = np.moveaxis(drawn.reshape(len(drawn), sites, width), 2, 0)
            mu = drawn[1 + levels :] if mean.ndim == counts.ndim else mean.T[:, None, :]
            each = None if value is None else value[:, None, :]
            yield value_of(drawn[0], drawn[1 : 1 + levels], mu, of, each)

    known = np.isfinite(table).all(axis=(0, 2)) & np.isfinite(of)
    if mean.ndim < counts.ndim:
        known &= np.isfinite(mean).all(axis=1)
    if value is not None:
        known &= np.isfinite(value).all(axis=0)
    if blocks < FEWEST_BLOCKS:
        known[:] = False
    names = index_of(None, sites) if index is None else index
    return _certainty(chunks(), known, draws, names, first, paid, "boot_")


def _certainty(
    chunks: Iterable[Floats],
    known: NDArray[np.bool_],
    draws: int,
    index: pd.Index,
    first: Sequence[int],
    paid: int | None,
    prefix: str,
) -> pd.DataFrame:
    if any(n < 1 for n in first) or (paid is not None and paid < 0):
        raise ValueError("numbers of first sites must be positive")
    lines = {f"{prefix}p_first_{n}": n for n in first}
    if paid is not None:
        lines[f"{prefix}p_paid"] = paid
    sites, among = len(known), int(known.sum())
    hits = np.zeros((len(lines), among))
    tally = _Tally(among, draws)
    for chunk in chunks if among else ():
        order = ranks_of(chunk if among == sites else chunk[:, known])
        for i, n in enumerate(lines.values()):
            hits[i] += np.bincount(order[:, :n].ravel(), minlength=among)
        tally.add(order)
    made = pd.DataFrame(index=index)
    for i, name in enumerate(lines):
        made[name] = _spread(hits[i] / draws, known)
    if paid is None:
        made[f"{prefix}p_paid"] = np.nan
    for name, p in (("median", 0.5), ("low", LOW), ("high", 1 - LOW)):
        ranks = _spread(tally.quantile(p) if among else np.zeros(0), known)
        made[f"{prefix}rank_{name}"] = pd.Series(ranks, index=index).astype("Int64")
    return made


def ranks_of(values: Floats) -> Integers:
    """Sites of each draw, the highest value first, ties by position; shape of ``values``.

    The number of the site replaces the last bits of its value, so that a plain sort, several
    times as fast as one of positions, keeps both.
    """
    sites = values.shape[1]
    bits = max(int(sites).bit_length(), _NOISE_BITS)
    # From the highest; whole numbers in the order of the floats whose bits they share.
    key = (0.0 - values).view(np.int64)
    key ^= (key >> 63) & np.int64(np.iinfo(np.int64).max)
    key += np.int64(1 << (bits - 1))
    key >>= np.int64(bits)
    key <<= np.int64(bits)
    key |= np.arange(sites)
    key.sort(axis=1)
    key &= np.int64((1 << bits) - 1)
    return key


class _Tally:
    """Ranks of sites over draws: each one while they are few, else counts in classes."""

    def __init__(self, sites: int, draws: int) -> None:
        self.sites, self.draws, self.done = sites, draws, 0
        self.stored = sites * draws <= _STORED
        rank = np.arange(1, sites + 1)
        self.lowest, self.class_of = rank, rank
        if not self.stored:
            width = 1 << np.maximum(np.frexp(rank)[1] - 1 - int(np.log2(_CLASSES)), 0)
            start = np.where(rank <= _EXACT, rank, rank // width * width)
            self.lowest, self.class_of = np.unique(start, return_inverse=True)
        shape = (draws, sites) if self.stored else (sites, len(self.lowest))
        small = draws <= np.iinfo(np.uint16).max
        self.held: NDArray[Any] = np.zeros(
            shape, dtype="int32" if self.stored else "uint16" if small else "uint32"
        )

    def add(self, order: Integers) -> None:
        """Count draws, shape (some draws, sites), as from :func:`order`."""
        if self.stored:
            part = self.held[self.done : self.done + len(order)]
            np.put_along_axis(part, order, self.class_of[None, :], axis=1)
        else:
            flat, start = self.held.reshape(-1), np.arange(self.sites) * len(self.lowest)
            at = np.empty(self.sites, dtype="int64")
            for sites in order:
                at[sites] = self.class_of
                flat[start + at] += 1
        self.done += len(order)

    def quantile(self, p: float) -> Integers:
        """Least rank that a share ``p`` of the draws does not exceed, shape (sites,)."""
        least = max(int(np.ceil(p * self.draws - 1e-9)), 1)
        if self.stored:
            self.held.partition(least - 1, axis=0)
            return np.asarray(self.held[least - 1], dtype="int64")
        found = np.empty(self.sites, dtype="int64")
        for low in range(0, self.sites, ROWS):
            below = np.cumsum(self.held[low : low + ROWS], axis=1, dtype="int32")
            found[low : low + ROWS] = (below < least).sum(axis=1)
        upper = np.append(self.lowest[1:] - 1, self.sites)
        if p == LOW:
            return self.lowest[found]
        return upper[found] if p == 1 - LOW else (self.lowest[found] + upper[found]) // 2


def value_of(
    crashes: Floats, observed: Floats, predicted: Floats, k: Floats, costs: Floats | None
) -> Floats:
    """Empirical Bayes mean, or its cost, as :func:`blackspots.screening.model.posterior` has it.

    ``observed``, ``predicted`` and ``costs`` have the severities first; ``crashes`` are all.
    N = mu (1 + k x) / (1 + k mu), for all and for each severity, the latter scaled to the former.
    """
    # Severities are added one after another, so that the same site is the same in any array.
    mu = sum(predicted[1:], start=predicted[0])
    total = mu * (1 + k * crashes) / (1 + k * mu)
    if costs is None:
        return np.asarray(total)
    cost, many = np.zeros_like(total), np.zeros_like(total)
    for x, m, c in zip(observed, predicted, costs, strict=True):
        expected = m * (1 + k * x) / (1 + k * m)
        cost, many = cost + c * expected, many + expected
    return np.asarray(total * cost / np.where(many == 0, 1.0, many))


def severity_first(values: ArrayLike) -> Floats:
    """Shape (sites,) or (sites, severities) as (severities, sites)."""
    made = np.asarray(values, dtype="float64")
    return made[None, :] if made.ndim == 1 else made.T


def costs_like(costs: ArrayLike, like: Floats) -> Floats:
    """Cost by severity and site, in the shape of ``like``, (severities, sites)."""
    given = np.asarray(costs, dtype="float64")
    if len(like) == 1:
        return np.broadcast_to(given.reshape(-1) if given.size == 1 else given.T, like.shape)
    return np.broadcast_to(given, like.T.shape).T


def index_of(values: object, sites: int) -> pd.Index:
    """The index of a table, else the numbers of the sites."""
    return values.index if isinstance(values, pd.DataFrame | pd.Series) else pd.RangeIndex(sites)


def _spread(values: NDArray[Any], known: NDArray[np.bool_]) -> Floats:
    """Values of the known sites at their places, NaN elsewhere."""
    made = np.full(len(known), np.nan)
    made[known] = values
    return made


def stream(seed: int, *key: int) -> np.random.Generator:
    """Random numbers of their own for each key."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
