"""Maximum likelihood of the negative binomial (NB2), fast enough for a million units.

Nomenclature: ``x`` counts, mu = exp(offset + Z b) their means, Var(x) = mu + alpha mu^2 with
alpha = k slope + shift for each unit: (1, 0) where one k holds for all, slope = 1/length where
it goes with length, shift > 0 where mu itself is uncertain.

With mu held, the log-likelihood of a unit is

    sum_{j < x} ln(1 + alpha j) + x ln mu - (x + 1/alpha) ln(1 + alpha mu) - ln x!

(Lawless 1987, Canadian Journal of Statistics 15; M). The sum over j is taken over the histogram
of the counts where alpha is one for all, so that no gamma function of a unit is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Floats = NDArray[np.float64]

K_LEAST: Final = 1e-6
"""k that stands for none: below it counts cannot be told from Poisson ones."""

K_MOST: Final = 1e3
SETTLED: Final = 1e-12
"""Scoring has arrived when less log-likelihood than this is left to gain, for each 1,000 units:
the rounding of the sum grows with them."""

STEPS: Final = 100
"""Steps after which scoring gives up and the gradient search takes over."""

_SAMPLE: Final = 20_000  # units from which a start is found where there are many more
_BLOCK: Final = 1 << 13  # rows at a time: their columns stay in the cache
_PRODUCTS: Final = 1 << 18  # multiplications up to which BLAS takes one thread
_PAIRS: Final = 50_000_000  # crashes beyond which gamma functions are cheaper than sums
_ETA: Final = 50.0  # |ln mu| beyond this is cut off: exp must stay finite
_FLAT: Final = 1e-2  # gradient below which a stopped gradient search has still arrived
_CUT: Final = 3.8414588206941254 / 2  # half the 95 % point of chi-square(1)


class Counts(NamedTuple):
    """What is fitted: counts, design, ln exposure, and how k makes up each unit's alpha."""

    x: Floats
    """Shape (units,)."""
    z: Floats
    """Shape (units, p)."""
    offset: Floats
    """Shape (units,)."""
    slope: Floats | None = None
    """Shape (units,), with a median of about 1; None for 1."""
    shift: Floats | None = None
    """Shape (units,); None for 0."""


class Fit(NamedTuple):
    """Where the likelihood is greatest."""

    b: Floats
    k: float
    information: Floats
    """Expected information of b, shape (p, p); b and k are orthogonal."""
    curvature: float
    """Of the log-likelihood in ln k, negative at a maximum."""
    log_likelihood: float
    steps: int
    """Of scoring; 0 where the gradient search was needed."""


class _At(NamedTuple):
    value: float
    score: Floats
    information: Floats
    d_k: float
    d2_k: float


class Likelihood:
    """The log-likelihood of :class:`Counts`, with its first and second derivatives."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        x = counts.x
        self.constant = -float(_unique_sum(x, lambda u: special.gammaln(u + 1)))
        self.one = counts.slope is None and counts.shift is None
        self.whole = bool((x == np.floor(x)).all()) and float(x.sum()) < _PAIRS
        if not self.whole:
            return
        n = x.astype("int64")
        if self.one:
            more = len(n) - np.cumsum(np.bincount(n))[:-1]
            self.j = np.arange(len(more), dtype="float64")
            self.weight = more.astype("float64")
        else:
            self.unit = np.repeat(np.arange(len(n)), n)
            self.j = np.arange(len(self.unit)) - np.repeat(np.cumsum(n) - n, n).astype("float64")
            # j = 0 adds nothing.
            some = self.j > 0
            self.unit, self.j = self.unit[some], self.j[some]

    def at(self, b: Floats, k: float) -> _At:
        """Value, score and information of b, derivatives in k."""
        counts, p = self.counts, len(b)
        value, d_k, d2_k = 0.0, 0.0, 0.0
        score, information = np.zeros(p), np.zeros((p, p))
        # Blocks so small that no product of theirs is shared out to threads, which on a busy
        # machine wait for one another far longer than they work.
        rows = min(max(_PRODUCTS // (p * (p + 1)), 1 << 10), _BLOCK)
        room = np.empty((p + 1, rows)).T
        for start in range(0, len(counts.x), rows):
            part = slice(start, start + rows)
            x, z = counts.x[part], counts.z[part]
            slope = 1.0 if counts.slope is None else counts.slope[part]
            shift = 0.0 if counts.shift is None else counts.shift[part]
            alpha = k * slope + shift
            eta = np.einsum("ij,j->i", z, b) + counts.offset[part]
            np.clip(eta, -_ETA, _ETA, out=eta)
            mu = np.exp(eta)
            grown = 1 + alpha * mu
            weight = mu / grown
            weighted = room[: len(x)]
            np.multiply(z, weight[:, None], out=weighted[:, :-1])
            np.divide(x - mu, grown, out=weighted[:, -1])
            both = z.T @ weighted
            information += both[:, :-1]
            score += both[:, -1]
            value += float(x @ eta)
            alpha = np.maximum(alpha, K_LEAST * 1e-3)
            log = np.log1p(alpha * mu)
            a, count = 1 / alpha, x + 1 / alpha
            value -= float(count @ log)
            first = log * a**2 - count * weight
            d_k += float(np.sum(slope * first))
            second = -2 * log * a**3 + 2 * weight * a**2 + count * weight**2
            d2_k += float(np.sum(slope * slope * second))
        added, added_1, added_2 = self._rising(k)
        value += added + self.constant
        return _At(value, score, information, d_k + added_1, d2_k + added_2)

    def _rising(self, k: float) -> tuple[float, float, float]:
        """Sum of ln(1 + alpha j) over j < x and over units, with its derivatives in k."""
        counts = self.counts
        if self.whole and self.one:
            grown = 1 + k * self.j
            ratio = self.j / grown
            return (
                float(self.weight @ np.log(grown)),
                float(self.weight @ ratio),
                -float(self.weight @ ratio**2),
            )
        slope = np.ones_like(counts.x) if counts.slope is None else counts.slope
        alpha = k * slope + (0.0 if counts.shift is None else counts.shift)
        if self.whole:
            grown = 1 + alpha[self.unit] * self.j
            ratio = slope[self.unit] * self.j / grown
            return float(np.log(grown).sum()), float(ratio.sum()), -float((ratio**2).sum())
        r = 1 / np.maximum(alpha, K_LEAST)
        x = counts.x
        digamma = special.digamma(x + r) - special.digamma(r)
        trigamma = special.polygamma(1, x + r) - special.polygamma(1, r)
        value = special.gammaln(x + r) - special.gammaln(r) - x * np.log(r)
        first = x * r - digamma * r**2
        second = -x * r**2 + 2 * digamma * r**3 + trigamma * r**4
        return (
            float(value.sum()),
            float((slope * first).sum()),
            float((slope**2 * second).sum()),
        )


def _unique_sum(x: Floats, of: Callable[[Floats], Floats]) -> float:
    values, times = np.unique(x, return_counts=True)
    return float(times @ of(values))


def fit(counts: Counts, *, start: tuple[Floats, float] | None = None) -> Fit | None:
    """The b and k of greatest likelihood; None where neither search arrives.

    Parameters
    ----------
    counts
        The design has no column that the others make up (:func:`dependent`).
    start
        b and k to begin from.

    Notes
    -----
    Fisher scoring for b and Newton's method for ln k, side by side, as their information is
    block-diagonal. From ten times :data:`_SAMPLE` units on they start from what evenly spaced
    units give. A step that loses likelihood is halved. Scoring converges linearly: when a step
    is to gain G = g' I^-1 g + g_k^2 / -h_k and the last was to gain L, some G (G / L) is left
    after it; the step for which this is below :data:`SETTLED` is the last. After
    :data:`STEPS` steps the gradient search (L-BFGS-B in b and ln k) takes over. k that falls
    to :data:`K_LEAST` with the likelihood still falling in k stays there (Poisson).
    """
    likelihood = Likelihood(counts)
    every = len(counts.x) // _SAMPLE
    if start is None and every >= 10:  # noqa: PLR2004 - said above
        few = Counts(*(None if part is None else part[::every] for part in counts))  # type: ignore[arg-type]
        if few.x.any() and not dependent(few.z).any():
            rough = _score(Likelihood(few), *_start(few), settled=0.01)
            start = None if rough is None else (rough.b, rough.k)
    b, k = _start(counts) if start is None else start
    k = min(max(k, 10 * K_LEAST), K_MOST)
    found = _score(likelihood, b, k)
    return found if found is not None else _search(likelihood, b, k)


def _start(counts: Counts) -> tuple[Floats, float]:
    """One rate for all, as near as the design can say it, and k by moments."""
    exposure = np.exp(counts.offset)
    rate = counts.x.sum() / exposure.sum()
    gram = counts.z.T @ counts.z
    b = np.linalg.solve(gram, counts.z.sum(axis=0) * np.log(rate))
    mu = exposure * rate
    moment = float((((counts.x - mu) ** 2 - counts.x).sum()) / (mu @ mu))
    return b, min(max(moment, 0.05), 5.0)


def _score(likelihood: Likelihood, b: Floats, k: float, *, settled: float = SETTLED) -> Fit | None:
    at, before = likelihood.at(b, k), 0.0
    settled *= max(1.0, len(likelihood.counts.x) / 1000)
    for step in range(1, STEPS + 1):
        move = _solve(at.information, at.score)
        if move is None or not np.isfinite(at.value):
            return None
        d, d2 = k * at.d_k, k * k * at.d2_k + k * at.d_k
        # Where the likelihood curves upwards in ln k, go uphill by a fixed step.
        by = float(np.clip(-d / d2, -1.5, 1.5)) if d2 < 0 else 0.7 * float(np.sign(d))
        bound = (k <= K_LEAST and d <= 0) or (k >= K_MOST and d >= 0)
        gain = float(at.score @ move) + (0.0 if bound else d * by)
        part = 1.0
        while True:
            new_b = b + part * move
            new_k = float(np.clip(k * np.exp(part * (0.0 if bound else by)), K_LEAST, K_MOST))
            new = likelihood.at(new_b, new_k)
            if new.value >= at.value - 1e-9 * abs(at.value) - 1e-9:
                break
            part /= 2
            if part < 1e-6:  # noqa: PLR2004 - no way up
                return None
        b, k, at = new_b, new_k, new
        left = gain * min(gain / before, 1.0) if before > 0 else gain
        before = gain if part == 1.0 else 0.0
        if part == 1.0 and 0 <= left < settled:
            d2 = k * k * at.d2_k + k * at.d_k
            return Fit(b, k, at.information, d2, at.value, step)
    return None


def _solve(information: Floats, score: Floats) -> Floats | None:
    size = np.sqrt(np.maximum(np.diag(information), 1e-300))
    try:
        made = np.linalg.solve(information / np.outer(size, size), score / size) / size
    except np.linalg.LinAlgError:
        return None
    return made if np.isfinite(made).all() else None


def _search(likelihood: Likelihood, b: Floats, k: float) -> Fit | None:
    """The gradient search, from the start that scoring had."""

    def negative(theta: Floats) -> tuple[float, Floats]:
        k = float(np.exp(theta[-1]))
        at = likelihood.at(theta[:-1], k)
        return -at.value, -np.r_[at.score, k * at.d_k]

    found = optimize.minimize(
        negative,
        np.r_[b, np.log(k)],
        jac=True,
        method="L-BFGS-B",
        bounds=[(-60.0, 60.0)] * len(b) + [(np.log(K_LEAST), np.log(K_MOST))],
        options={"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-8},
    )
    if not np.isfinite(found.fun) or (not found.success and np.abs(found.jac).max() > _FLAT):
        return None
    b, k = np.asarray(found.x[:-1], dtype="float64"), float(np.exp(found.x[-1]))
    at = likelihood.at(b, k)
    return Fit(b, k, at.information, k * k * at.d2_k + k * at.d_k, at.value, 0)


def profile(likelihood: Likelihood, b: Floats, k: float, *, settled: float = 1e-6) -> Fit:
    """The b of greatest likelihood with k held.

    Parameters
    ----------
    settled
        Gain of log-likelihood below which a step is the last.
    """
    at = likelihood.at(b, k)
    for _ in range(STEPS):
        move = _solve(at.information, at.score)
        if move is None:
            break
        gain, part = float(at.score @ move), 1.0
        new = likelihood.at(b + move, k)
        while new.value < at.value - 1e-12 * abs(at.value) and part > 1e-6:  # noqa: PLR2004
            part /= 2
            new = likelihood.at(b + part * move, k)
        if part <= 1e-6:  # noqa: PLR2004 - no way up
            break
        b, at = b + part * move, new
        if gain < settled:
            break
    return Fit(b, k, at.information, k * k * at.d2_k + k * at.d_k, at.value, 0)


def interval(counts: Counts, found: Fit) -> tuple[float, float]:
    """95 % interval of k from the profile likelihood; 0 where Poisson counts lie within it.

    Notes
    -----
    The ends are where 2 (l(k^) - l(k)) = 3.841, l with b maximised anew at each k. The signed
    root of the left side is nearly straight in ln k: a secant from the curvature's guess.
    """
    likelihood = Likelihood(counts)
    top, b, k = found.log_likelihood, found.b, found.k
    spread = 1 / np.sqrt(-found.curvature) if found.curvature < 0 else 1.0
    spread = float(np.clip(spread, 1e-3, 2.0))

    def drop(log_k: float) -> float:
        return top - profile(likelihood, b, float(np.exp(log_k))).log_likelihood

    least, most = float(np.log(K_LEAST)), float(np.log(K_MOST))
    middle = float(np.log(k))
    if k <= K_LEAST:
        # Up from nothing in strides, until the likelihood has fallen enough.
        low, spread = 0.0, 2.0
    elif drop(least) <= _CUT:
        low = 0.0
    else:
        low = float(np.exp(_end(drop, middle, -spread, least)))
    end = _end(drop, middle, spread, most)
    return low, float("inf") if end >= most else float(np.exp(end))


def _end(drop: Callable[[float], float], middle: float, stride: float, last: float) -> float:
    """Where the likelihood has fallen by the cut, from ``middle`` towards ``last``."""
    near, far, value = middle, middle, 0.0
    goal = float(np.sqrt(_CUT))
    reach = 1.96 * stride
    while value < goal:
        near = far
        far = middle + reach
        if abs(far - middle) >= abs(last - middle):
            far = last
        value = _root(drop, far)
        if value < goal and far == last:
            return last
        reach *= 1.6
    low, high = near, far
    low_value = _root(drop, low) - goal if low != middle else -goal
    high_value = value - goal
    for _ in range(60):
        guess = low - low_value * (high - low) / (high_value - low_value)
        made = _root(drop, guess) - goal
        if abs(made) < 1e-5 or abs(high - low) < 1e-8:  # noqa: PLR2004
            return guess
        if made > 0:
            high, high_value, low_value = guess, made, low_value * (0.5 if abs(made) > 0.1 else 1)  # noqa: PLR2004
        else:
            low, low_value, high_value = guess, made, high_value * (0.5 if abs(made) > 0.1 else 1)  # noqa: PLR2004
    return guess


def _root(drop: Callable[[float], float], log_k: float) -> float:
    return float(np.sqrt(max(drop(log_k), 0.0)))


def dependent(z: Floats) -> NDArray[np.bool_]:
    """Columns that the columns before them make up (or that are all 0), shape (p,).

    The Cholesky factor of the Gram matrix of the columns brought to length 1: a column is made
    up by the others where what is left of its squared length is below 1e-10.
    """
    gram = z.T @ z
    size = np.sqrt(np.diag(gram))
    size[size == 0] = 1.0
    gram = gram / np.outer(size, size)
    factor = np.zeros_like(gram)
    made_up = np.zeros(len(gram), dtype=bool)
    for j in range(len(gram)):
        left = gram[j, j] - factor[j, :j] @ factor[j, :j]
        if left < 1e-10:  # noqa: PLR2004 - said above
            made_up[j] = True
            continue
        factor[j, j] = np.sqrt(left)
        factor[j + 1 :, j] = (gram[j + 1 :, j] - factor[j + 1 :, :j] @ factor[j, :j]) / factor[j, j]
    return made_up
