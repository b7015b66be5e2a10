"""Safety performance functions: how many crashes like places have.

Nomenclature: ``observed`` x [crashes in the period], ``predicted`` mu [crashes in the period],
``k`` overdispersion with Var(x) = mu + k mu^2 (NB2), ``sigma`` standard deviation of ln(AADT)
of a place without a count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from blackspots.screening import negative_binomial as nb
from blackspots.screening.covariates import TRAFFIC

MIN_CRASHES: Final = 30
"""Fewer crashes than this are not fitted: a pooled rate is used."""

MIN_UNITS: Final = 20
"""Fewer units than this are not fitted."""

ASSUMED_DISPERSION: Final = 1.0
"""k where the data cannot tell it (assumption; said in the output)."""

K_LEAST: Final = nb.K_LEAST
"""k of counts that vary no more than chance (Poisson): as good as 0, but a Gamma has a shape."""

LENGTH: Final = "ln(length)"

_LEAST_POOLED: Final = 0.05
_MOST_SPREAD: Final = 20.0  # b^2 sigma^2 beyond which an exponential says nothing
_ROUNDS: Final = 40

Floats = NDArray[np.float64]
LengthAs = Literal["offset", "exponent"]
Dispersion = Literal["constant", "per-length"]


@dataclass(frozen=True, slots=True)
class SafetyPerformanceFunction:
    """mu = exposure x length x exp(X b); ``method`` says how it came about.

    ``negative-binomial``: fitted by maximum likelihood. ``pooled``: one rate for all,
    k by moments. ``pooled-assumed-k``: one rate, k assumed.

    With ``length_as`` = ``exponent`` ln(length) is the last of ``names``, and its coefficient
    the exponent. ``k`` is of a unit of any length, or with ``dispersion`` = ``per-length`` that
    of a unit of length 1: k_i = k / length_i (Hauer 2001). ``k_interval`` is the 95 % interval
    of the profile likelihood. ``notes`` are pairs of a code and what it is about:
    ``column-dropped`` (others make it up; its coefficient is 0), ``column-without-crashes``
    (its coefficient has no lower bound), ``no-overdispersion`` (k is at its least, as good
    as 0), ``units-left-out`` (their number; they lack a figure), ``traffic-unsettled``
    (traffic was dropped, for no estimate agrees with itself).
    """

    names: tuple[str, ...]
    coefficients: Floats
    k: float
    method: str
    units: int
    crashes: int
    log_likelihood: float
    covariance: Floats
    """Of the coefficients, shape (p, p); NaN where none was estimated."""
    k_interval: tuple[float, float] = (float("nan"), float("nan"))
    length_as: LengthAs = "offset"
    dispersion: Dispersion = "constant"
    traffic: str = TRAFFIC
    """Name of the column of ln(AADT)."""
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def standard_errors(self) -> Floats:
        """Of the coefficients, shape (p,), from the expected information."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 (estimated parameters) - 2 ln L; NaN where nothing was fitted."""
        estimated = int(np.isfinite(np.diag(self.covariance)).sum()) + 1
        return 2 * estimated - 2 * self.log_likelihood

    def table(self) -> pd.DataFrame:
        """Coefficients by name: ``coefficient``, ``standard_error``, ``low``, ``high`` (95 %)."""
        error = self.standard_errors
        return pd.DataFrame(
            {
                "coefficient": self.coefficients,
                "standard_error": error,
                "low": self.coefficients - 1.96 * error,
                "high": self.coefficients + 1.96 * error,
            },
            index=pd.Index(self.names, name="name"),
        )

    def predict(
        self,
        exposure: ArrayLike,
        covariates: pd.DataFrame,
        *,
        length: ArrayLike | None = None,
        sigma: ArrayLike | None = None,
    ) -> Floats:
        """Crashes in the period; shape of ``exposure``.

        Parameters
        ----------
        length
            As in the fit; wanted if the fit had it.
        sigma
            Standard deviation of ln(AADT), 0 where it is counted. mu is then the mean over the
            lognormal traffic: E[A^b] = exp(b m + b^2 sigma^2 / 2).
        """
        own = [name for name in self.names if name != LENGTH or self.length_as == "offset"]
        x = covariates[own].to_numpy(dtype="float64")
        eta = x @ self.coefficients[: len(own)] + self._spread(sigma) / 2
        made = np.asarray(exposure, dtype="float64") * np.exp(eta)
        if length is not None:
            power = self.coefficients[-1] if self.length_as == "exponent" else 1.0
            made = made * np.asarray(length, dtype="float64") ** power
        elif self.length_as == "exponent":
            raise ValueError("the lengths are wanted: the function has an exponent of length")
        return np.asarray(made)

    def k_of(
        self, units: int, *, length: ArrayLike | None = None, sigma: ArrayLike | None = None
    ) -> Floats:
        """Overdispersion of each unit, shape (units,).

        Notes
        -----
        Not knowing the traffic spreads the means of like units: with ln mu of variance
        b^2 sigma^2 beside the Gamma, 1 + k' = (1 + k) exp(b^2 sigma^2).
        """
        k = np.full(units, self.k)
        if self.dispersion == "per-length":
            if length is None:
                raise ValueError("the lengths are wanted: k goes with length")
            k = k / np.asarray(length, dtype="float64")
        return np.asarray((1 + k) * np.exp(self._spread(sigma)) - 1)

    def sigma_log_mu(self, sigma: ArrayLike) -> Floats:
        """Standard deviation of ln mu that comes from not knowing the traffic."""
        return np.asarray(np.sqrt(np.broadcast_to(self._spread(sigma), np.shape(sigma))))

    def _spread(self, sigma: ArrayLike | None) -> Any:
        """b^2 sigma^2, the variance of ln mu."""
        if sigma is None or self.traffic not in self.names:
            return 0.0
        b = self.coefficients[self.names.index(self.traffic)]
        return np.minimum((b * np.asarray(sigma, dtype="float64")) ** 2, _MOST_SPREAD)


def fit_spf(
    observed: ArrayLike,
    exposure: ArrayLike,
    covariates: pd.DataFrame,
    *,
    length: ArrayLike | None = None,
    length_as: LengthAs = "offset",
    dispersion: Dispersion = "constant",
    sigma: ArrayLike | None = None,
    traffic: str = TRAFFIC,
    interval: bool = True,
) -> SafetyPerformanceFunction:
    """Fit a safety performance function, or pool where there is too little to fit.

    Parameters
    ----------
    observed : shape (units,)
        Crashes in the period.
    exposure : shape (units,)
        Length [m], years, or 1; enters with exponent 1.
    covariates : shape (units, p)
        One column a coefficient, the intercept (or a full set of classes) among them.
    length : shape (units,)
        Length in any unit, where it is to have an exponent of its own, or a part in k.
    length_as
        ``offset``: mu is proportional to it; ``exponent``: its exponent is estimated.
    dispersion
        ``per-length``: k_i = k / length_i.
    sigma : shape (units,)
        Standard deviation of ln(AADT) where column ``traffic`` is a guess, else 0
        (:func:`blackspots.screening.covariates.covariates_of`).
    interval
        Whether to find the interval of k, which takes a few fits more.

    Returns
    -------
    SafetyPerformanceFunction

    Raises
    ------
    ValueError
        A count below 0, or no length where one is wanted.

    Notes
    -----
    NB2 by maximum likelihood (:mod:`blackspots.screening.negative_binomial`). Units without a
    count, exposure, length or covariate are left out. Where traffic is guessed, mu and k of the
    unit are those of the mixture (:meth:`SafetyPerformanceFunction.predict`, ``k_of``), with b
    from the round before until it stands still. k and its interval are then those of the units
    with counted traffic, where these can be fitted alone; with neither, the interval is missing.
    The standard errors take the model of traffic as given.

    Pooled: rate = crashes / exposure, k by moments, k = sum((x - mu)^2 - x) / sum(mu^2),
    floored at 0.05.

    References
    ----------
    Hauer (2001), Overdispersion in modelling accidents on road sections and in Empirical Bayes
    estimation, Accident Analysis and Prevention 33.

    Examples
    --------
    >>> crashes = [2, 0, 3, 1, 0, 5, 1, 2] * 5
    >>> spf = fit_spf(crashes, [1.0] * 40, pd.DataFrame({"rate": [1.0] * 40}))
    >>> spf.method, round(float(np.exp(spf.coefficients[0])), 3), round(spf.k, 3)
    ('negative-binomial', 1.75, 0.257)
    """
    if length is None and (length_as == "exponent" or dispersion == "per-length"):
        raise ValueError("the lengths are wanted for an exponent or a k of length")
    x = np.asarray(observed, dtype="float64")
    if (x < 0).any():
        raise ValueError("a count of crashes cannot be below 0")
    e = np.asarray(exposure, dtype="float64")
    long = np.ones(len(x)) if length is None else np.asarray(length, dtype="float64")
    guess = np.zeros(len(x)) if sigma is None else np.asarray(sigma, dtype="float64")
    z = covariates.to_numpy(dtype="float64")
    usable = np.isfinite(z).all(axis=1) & np.isfinite(x) & np.isfinite(guess)
    usable &= (e > 0) & (long > 0) & np.isfinite(e) & np.isfinite(long)
    notes: list[tuple[str, str]] = []
    if not usable.all():
        notes.append(("units-left-out", str(int((~usable).sum()))))
        x, e, long, guess, z = x[usable], e[usable], long[usable], guess[usable], z[usable]
    names = [str(name) for name in covariates.columns]
    if length_as == "exponent":
        z, names = np.column_stack([z, np.log(long)]), [*names, LENGTH]
    data = _Data(x, e, long, z, tuple(names), guess, length_as, dispersion, traffic)
    if x.sum() >= MIN_CRASHES and len(x) >= MIN_UNITS:
        fitted = _fitted(data, notes, interval=interval)
        if fitted is not None:
            return fitted
    return _pooled(data, notes)


class _Data(NamedTuple):
    x: Floats
    exposure: Floats
    length: Floats
    z: Floats
    names: tuple[str, ...]
    sigma: Floats
    length_as: LengthAs
    dispersion: Dispersion
    traffic: str

    @property
    def total(self) -> Floats:
        """Exposure with length in it."""
        return self.exposure * self.length

    @property
    def inverse(self) -> Floats:
        """What k is multiplied by."""
        return 1 / self.length if self.dispersion == "per-length" else np.ones(len(self.x))


def _pooled(data: _Data, notes: list[tuple[str, str]]) -> SafetyPerformanceFunction:
    """One rate: every column that is a class gets it, every other coefficient is 0."""
    x, z = data.x, data.z
    total = float(data.total.sum())
    rate = max(float(x.sum()), 0.5) / total if total > 0 else float("nan")
    mu = data.total * rate
    classes = _zero_one(z)
    coefficients = np.where(classes, np.log(rate), 0.0)
    if data.length_as == "exponent":
        coefficients[-1] = 1.0
    square = float((mu**2 * data.inverse).sum())
    moment = float(((x - mu) ** 2 - x).sum()) / square if square > 0 else float("nan")
    known = x.sum() >= 2 and len(x) > 2 and moment > 0  # noqa: PLR2004
    return SafetyPerformanceFunction(
        names=data.names,
        coefficients=coefficients,
        k=max(moment, _LEAST_POOLED) if known else ASSUMED_DISPERSION,
        method="pooled" if known else "pooled-assumed-k",
        units=len(x),
        crashes=round(float(x.sum())),
        log_likelihood=float("nan"),
        covariance=np.full((len(coefficients), len(coefficients)), np.nan),
        length_as=data.length_as,
        dispersion=data.dispersion,
        traffic=data.traffic,
        notes=tuple(notes),
    )


def _fitted(
    data: _Data, notes: list[tuple[str, str]], *, interval: bool
) -> SafetyPerformanceFunction | None:
    classes = _zero_one(data.z)
    kept = ~nb.dependent(_centred(data.z, classes))
    said = [*notes, *(("column-dropped", data.names[j]) for j in np.flatnonzero(~kept))]
    z = data.z if kept.all() else data.z[:, kept]
    names = [name for name, here in zip(data.names, kept, strict=True) if here]
    empty = classes[kept] & (data.x @ z == 0)
    said += [("column-without-crashes", names[j]) for j in np.flatnonzero(empty)]
    offset = np.log(data.exposure if data.length_as == "exponent" else data.total)
    scale, slope = 1.0, None
    if data.dispersion == "per-length":
        scale = float(np.median(data.inverse))
        slope = data.inverse / scale
    counts = nb.Counts(data.x, z, offset, slope)
    judged, clear = counts, nb.fit(counts)
    found = clear
    if clear is not None and data.traffic in names and (data.sigma > 0).any():
        own = _counted(counts, data.sigma == 0)
        alone = None if own is None else nb.fit(own)
        if own is not None and alone is not None:
            judged, clear = own, alone
        k = None if alone is None else alone.k
        found = _mixed(counts, clear, names.index(data.traffic), data.sigma, k)
        if found is None:
            without = data.z.copy()
            without[:, data.names.index(data.traffic)] = 0.0
            said = [*notes, ("traffic-unsettled", data.traffic)]
            return _fitted(data._replace(z=without), said, interval=interval)
        clear = alone
    if found is None:
        return None
    low, high = float("nan"), float("nan")
    if interval and clear is not None:
        low, high = nb.interval(judged, clear)
    b = np.zeros(len(kept))
    b[kept] = found.b
    covariance = np.full((len(kept), len(kept)), np.nan)
    covariance[np.ix_(kept, kept)] = np.linalg.pinv(found.information, hermitian=True)
    if found.k <= nb.K_LEAST:
        said.append(("no-overdispersion", "k"))
    return SafetyPerformanceFunction(
        names=data.names,
        coefficients=b,
        k=found.k / scale,
        method="negative-binomial",
        units=len(data.x),
        crashes=round(float(data.x.sum())),
        log_likelihood=found.log_likelihood,
        covariance=covariance,
        k_interval=(low / scale, high / scale),
        length_as=data.length_as,
        dispersion=data.dispersion,
        traffic=data.traffic,
        notes=tuple(said),
    )


def _counted(counts: nb.Counts, known: NDArray[np.bool_]) -> nb.Counts | None:
    """The units whose traffic is counted, if a function can be fitted to them alone.

    Where traffic is guessed, the counts have a longer tail than NB2 with the same variance, and
    would make k too small.
    """
    x, z = counts.x[known], counts.z[known]
    if x.sum() < MIN_CRASHES or len(x) < MIN_UNITS or nb.dependent(z).any():
        return None
    slope = None if counts.slope is None else counts.slope[known]
    return nb.Counts(x, z, counts.offset[known], slope)


def _zero_one(z: Floats) -> NDArray[np.bool_]:
    """Columns that are a class, shape (p,)."""
    few = [bool(np.isin(column[:100], (0, 1)).all()) for column in z.T]
    return np.array(
        [first and bool(((c == 0) | (c == 1)).all()) for first, c in zip(few, z.T, strict=True)],
        dtype=bool,
    )


def _centred(z: Floats, classes: NDArray[np.bool_]) -> Floats:
    """Numbers without their mean where there is a constant, so that a narrow one still counts.

    ln(AADT) of like roads differs little against its size; classes are left as they are.
    """
    if classes.all() or not classes.any() or np.ptp(z[:, classes].sum(axis=1)) > 0:
        return z
    return z - np.where(classes, 0.0, z.mean(axis=0))


def _mixed(
    counts: nb.Counts, found: nb.Fit, column: int, sigma: Floats, k: float | None
) -> nb.Fit | None:
    """The fit in which mu and alpha of guessed traffic agree with its own coefficient.

    With ``k`` it is held.
    """
    slope = np.ones(len(sigma)) if counts.slope is None else counts.slope
    for round_ in range(_ROUNDS):
        b = float(found.b[column])
        spread = np.minimum((b * sigma) ** 2, _MOST_SPREAD)
        grown = np.exp(spread)
        mixed = counts._replace(
            offset=counts.offset + spread / 2, slope=slope * grown, shift=grown - 1
        )
        new: nb.Fit | None
        if k is None:
            new = nb.fit(mixed, start=(found.b, found.k))
        else:
            new = nb.profile(nb.Likelihood(mixed), found.b, k, settled=1e-10)
        if new is None or not np.isfinite(new.log_likelihood):
            return None
        if abs(new.b[column] - b) < 1e-7:  # noqa: PLR2004 - far below its standard error
            return new
        # Rounds that swing to and fro meet in the middle.
        half = 1.0 if round_ < 10 else 0.5  # noqa: PLR2004
        found = new._replace(b=found.b + half * (new.b - found.b))
    return None
