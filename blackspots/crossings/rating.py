"""Rating level crossings: accidents a year where the scale is known, else an index that orders.

A model's scale belongs to its own country. Elsewhere it is brought to the accidents of the study;
where these are too few, the model orders the crossings and says nothing of their number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blackspots.crossings import local_model as local
from blackspots.crossings.figures import NORMAL, Figures, figures_of, normalising, severity
from blackspots.crossings.history import Floats, known
from blackspots.crossings.rank_interval import (
    Intervals,
    Uncertain,
    intervals,
    posterior_mean,
    ranks_of,
)
from blackspots.presets.crossing_models import CrossingModel

Calibration = Literal["local", "factors", "none"]
"""``local``: by the accidents of the study, with the local model where it does better on the
hold-out. ``factors``: the same without a local model. ``none``: the crossings lie in the model's
own country, whose constants hold."""

Used = Literal["own", "calibrated", "local", "index"]
"""What the rating rests on: the model with its own country's constants; with local factors; the
local model; or the model's output as an index."""

ASSUMED_DISPERSION: Final = 1.0
"""k where no accidents tell it (assumption; said in the notes)."""

COLUMNS: Final = (
    "predicted", "accidents", "accidents_low", "accidents_high", "casualty", "fatal", "exposure",
    "score", "rank", "rank_low", "rank_high", "rate_reason", "rate_assumed",
)  # fmt: skip

Note = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Rated:
    """Crossings with what rates them.

    ``table``: indexed like the crossings, :data:`COLUMNS` as in
    :data:`blackspots.schema.CROSSING_REGISTER`, and ``rate_assumed``: figures that the model's
    defaults stood in for, joined by ;. ``notes``: codes with their fields. ``calibration``:
    factors by protection (:func:`blackspots.crossings.local_model.calibrate`); None where
    nothing was calibrated. ``holdout``: the comparison on the hold-out
    (:func:`blackspots.crossings.local_model.hold_out`) with ``used``; None without one.
    ``fitted``: the local model, where there is one, used or not. ``k``: overdispersion; NaN
    where none plays a part. ``elasticity``: of accidents to vehicles, of the model in use.
    """

    table: pd.DataFrame
    notes: tuple[Note, ...]
    model: str
    used: Used
    calibration: pd.DataFrame | None
    holdout: pd.DataFrame | None
    fitted: local.Fitted | None
    k: float
    elasticity: float
    draws: int


def rate(
    crossings: pd.DataFrame,
    traffic: pd.DataFrame,
    model: CrossingModel,
    *,
    crashes: pd.Series | None = None,
    years: float | pd.Series = 1.0,
    draws: int = 2000,
    seed: int = 1,
    calibration: Calibration = "local",
) -> Rated:
    """Rate and rank level crossings by a model.

    Parameters
    ----------
    crossings : shape (crossings, any)
        Columns of :data:`blackspots.schema.CROSSINGS`, and ``protection_code``
        (:func:`blackspots.crossings.figures.figures_of`).
    traffic
        Indexed like the crossings: ``vehicles`` (median a day; 0 is not counted), ``log_sd`` (0
        for a count taken as exact), ``trains`` a day, and ``trains_low``, ``trains_high`` where
        these are known.
    model
        :func:`blackspots.presets.crossing_models.crossing_model`.
    crashes
        Accidents with a train in the period by crossing id; unknown for a crossing without one.
    years
        Length of the period [years]; by crossing where an upgrade cut it short
        (:func:`blackspots.crossings.history.count_history`).
    draws, seed
        Of the simulation of intervals, and ``seed`` of the hold-out's folds.
    calibration
        See :data:`Calibration`.

    Returns
    -------
    Rated

    Raises
    ------
    ValueError
        Traffic of other crossings, an id that stands twice, or a figure below 0.

    Notes
    -----
    Uncounted traffic is lognormal. It enters as equally likely points, so that the model's
    accidents are a mean over it; a history makes the points with more or less traffic likelier
    (Bayes), and each draw of the simulation takes traffic, calibration and accidents anew.
    ``accidents`` is that mean, ``accidents_low`` and ``accidents_high`` are widened where it lies
    beyond the 5 or 95 % point, as the mean of a very skew distribution may; so is the interval
    of the rank.

    In the model's own country: A = normalising constant x B, B by
    :func:`blackspots.crossings.history.posterior`. Elsewhere a is first brought to the local
    accidents of each protection and B is Empirical Bayes with the overdispersion found.

    Examples
    --------
    Without local accidents a model of another country orders, and tells no number:

    >>> from blackspots.presets.crossing_models import crossing_model
    >>> ids = pd.Index(["km 3", "km 7"])
    >>> crossings = pd.DataFrame({"protection_code": ["none", "gates"]}, index=ids)
    >>> traffic = pd.DataFrame({"vehicles": 500.0, "log_sd": 0.0, "trains": 12.0}, index=ids)
    >>> made = rate(crossings, traffic, crossing_model("new-hampshire"))
    >>> made.used, made.table["score"].tolist(), made.table["rank"].tolist()
    ('index', [6000.0, 600.0], [1, 2])
    """
    figures = figures_of(crossings, traffic, model)
    counted, period = _history(figures.index, crashes, years)
    n, t = known(counted, period)
    notes: list[Note] = []
    chosen = _choose(figures, model, counted, period, calibration, seed, notes)
    rated = np.flatnonzero(figures.rated)
    uncertain = _uncertain(chosen, figures, rated, n, t, draws, seed)
    value = np.full(len(figures.index), np.nan)
    value[rated] = _rounded(posterior_mean(uncertain))
    order = np.argsort(figures.index[rated].astype(str).to_numpy(), kind="stable")
    generator = np.random.Generator(np.random.PCG64([seed, 1]))
    drawn = intervals(uncertain, order, draws=draws, generator=generator)
    table = _table(chosen, figures, model, rated, value, order, drawn)
    _tell(notes, table, figures, model, chosen, drawn.draws < draws, crashes, counted)
    return Rated(
        table=table,
        notes=tuple(notes),
        model=model.id,
        used=chosen.used,
        calibration=chosen.factors,
        holdout=chosen.holdout,
        fitted=chosen.fitted,
        k=chosen.k if chosen.floor is None and chosen.used != "index" else float("nan"),
        elasticity=model.elasticity
        + (chosen.fitted.elasticities[0] if chosen.used == "local" and chosen.fitted else 0.0),
        draws=drawn.draws,
    )


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The model as it is used: ``ln_model`` with its calibration, and what came of that."""

    used: Used
    ln_model: Floats
    level: Floats
    floor: float | None = None
    k: float = ASSUMED_DISPERSION
    factors: pd.DataFrame | None = None
    holdout: pd.DataFrame | None = None
    fitted: local.Fitted | None = None


def _history(
    index: pd.Index, crashes: pd.Series | None, years: float | pd.Series
) -> tuple[Floats, Floats]:
    """Accidents and years of each crossing; NaN where unknown."""
    counted = np.full(len(index), np.nan)
    if crashes is not None:
        counted = pd.to_numeric(crashes.reindex(index)).to_numpy(dtype="float64", na_value=np.nan)
    period = np.full(len(index), np.nan)
    if isinstance(years, pd.Series):
        period = pd.to_numeric(years.reindex(index)).to_numpy(dtype="float64", na_value=np.nan)
    else:
        period[:] = years
    if (counted < 0).any() or (period < 0).any():
        raise ValueError("accidents or years below 0")
    return counted, period


def _choose(
    figures: Figures,
    model: CrossingModel,
    counted: Floats,
    period: Floats,
    calibration: Calibration,
    seed: int,
    notes: list[Note],
) -> _Chosen:
    """The model with its own constants, with local ones, or as an index."""
    size = len(figures.index)
    plain = _Chosen("index", figures.ln_model, np.ones(size))
    data = _observed(figures, counted, period)
    mean, swell = data.moments()
    accidents, least = float(data.x.sum()), model.least_accidents
    if calibration == "none":
        if model.kind != "accidents":
            notes.append(("index-only", {"model": model.id}))
            return plain
        level = normalising(figures, model)
        if np.isfinite(model.floor):
            return replace(plain, used="own", level=level, floor=model.floor)
        if accidents >= least:
            own = level[figures.rated & np.isfinite(counted) & (period > 0)]
            k = local.dispersion(data.x, own * mean * data.years, swell)
            return replace(plain, used="own", level=level, k=k)
        notes.append(("dispersion-assumed", {"k": ASSUMED_DISPERSION}))
        return replace(plain, used="own", level=level)
    if accidents < least or not (mean * data.years).sum() > 0:
        notes.append(("too-few-to-calibrate", {"accidents": round(accidents), "least": least}))
        return plain
    factors, k = local.calibrated(data, prior=model.prior_accidents)
    ln = figures.ln_model + np.log(local.factors_at(factors, _groups(figures)))
    made = replace(plain, used="calibrated", ln_model=ln, k=k, factors=factors)
    return made if calibration == "factors" else _compare(made, figures, model, data, seed, notes)


def _compare(
    made: _Chosen,
    figures: Figures,
    model: CrossingModel,
    data: local.Observed,
    seed: int,
    notes: list[Note],
) -> _Chosen:
    """The local model where it does better on the hold-out, else the calibrated preset."""
    many = len(data.x) >= 2 * local.FOLDS and (data.x > 0).sum() > 1
    if not many:
        notes.append(("too-few-to-hold-out", {"crossings": len(data.x)}))
        return made
    holdout = local.hold_out(data, prior=model.prior_accidents, seed=seed)
    fitted = local.local_model(data)
    score = holdout["log_score"]
    better = bool(score["local"] > score["calibrated"])
    holdout["used"] = holdout.index == ("local" if better else "calibrated")
    code = "local-model-better" if better else "local-model-no-better"
    notes.append((code, {"local": float(score["local"]), "calibrated": float(score["calibrated"])}))
    if score[["calibrated", "local"]].max() <= score["flat"]:
        notes.append(("no-better-than-flat", {"flat": float(score["flat"])}))
    if not better:
        return replace(made, holdout=holdout, fitted=fitted)
    z = _design(fitted, figures)
    ln = figures.ln_model + z @ fitted.coefficients
    ln = ln + fitted.elasticities[0] * NORMAL[:, None] * figures.sd
    return replace(made, used="local", ln_model=ln, k=fitted.k, holdout=holdout, fitted=fitted)


def _observed(figures: Figures, counted: Floats, period: Floats) -> local.Observed:
    """Crossings that are rated and whose history is known."""
    here = figures.rated & np.isfinite(counted) & (period > 0)
    return local.Observed(
        x=counted[here],
        years=period[here],
        ln_model=figures.ln_model[:, here],
        shift=NORMAL[:, None] * figures.sd[here],
        vehicles=figures.by_name["vehicles"][here],
        trains=figures.by_name["trains"][here],
        protection=_groups(figures)[here],
    )


def _groups(figures: Figures) -> NDArray[np.object_]:
    return np.where(figures.protection == "", "unknown", figures.protection).astype(object)


def _design(fitted: local.Fitted, figures: Figures) -> Floats:
    of = figures.by_name
    return fitted.design(of["vehicles"], of["trains"], _groups(figures))


def _uncertain(
    chosen: _Chosen,
    figures: Figures,
    rated: NDArray[np.int64],
    n: Floats,
    t: Floats,
    draws: int,
    seed: int,
) -> Uncertain:
    """What is drawn: traffic, the calibration's own doubt, and accidents about the model."""
    generator = np.random.Generator(np.random.PCG64([seed, 0]))
    design, shifts = np.zeros((len(rated), 1)), np.zeros((draws, 1))
    if chosen.used == "calibrated" and chosen.factors is not None:
        factors = chosen.factors
        groups = _groups(figures)[rated]
        of = np.where(np.isin(groups, factors.index[1:]), groups, "all")
        design = (of[:, None] == factors.index.to_numpy()[None, :]).astype("float64")
        shape, rate_ = factors["shape"].to_numpy(), factors["rate"].to_numpy()
        drawn = generator.standard_gamma(shape, size=(draws, len(shape))) / rate_
        shifts = np.log(np.maximum(drawn, 1e-12) / factors["factor"].to_numpy())
    elif chosen.used == "local" and chosen.fitted is not None:
        design = _design(chosen.fitted, figures)[rated]
        value, vector = np.linalg.eigh(chosen.fitted.covariance)
        root = vector * np.sqrt(np.maximum(value, 0.0))
        shifts = generator.standard_normal((draws, len(root))) @ root.T
    return Uncertain(
        ln_model=chosen.ln_model[:, rated],
        design=design,
        shifts=shifts,
        counted=n[rated],
        years=t[rated],
        level=chosen.level[rated],
        accidents=chosen.used != "index",
        floor=chosen.floor,
        k=chosen.k,
    )


def _rounded(values: Floats) -> Floats:
    """To twelve significant digits: products that are equal on paper are then equal."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = 10.0 ** (11 - np.floor(np.log10(np.abs(values))))
        made = np.round(values * scale) / scale
    return np.where(np.isfinite(made), made, values)


def _table(
    chosen: _Chosen,
    figures: Figures,
    model: CrossingModel,
    rated: NDArray[np.int64],
    value: Floats,
    order: NDArray[np.int64],
    drawn: Intervals,
) -> pd.DataFrame:
    size = len(figures.index)
    low, high = np.full(size, np.nan), np.full(size, np.nan)
    low[rated] = np.minimum(drawn.low, value[rated])
    high[rated] = np.maximum(drawn.high, value[rated])
    rank = ranks_of(value[rated][None, :], order)[0]
    ends = {
        "rank": rank,
        "rank_low": np.minimum(drawn.rank_low, rank),
        "rank_high": np.maximum(drawn.rank_high, rank),
    }
    unknown = np.full(size, np.nan)
    counts = chosen.used != "index"
    predicted = unknown
    if counts:
        predicted = chosen.level * np.exp(chosen.ln_model).mean(axis=0)
    accidents = value if counts else unknown
    columns: dict[str, Any] = {
        "predicted": predicted,
        "accidents": accidents,
        "accidents_low": low if counts else unknown,
        "accidents_high": high if counts else unknown,
        "casualty": accidents * severity(figures, model, "casualty"),
        "fatal": accidents * severity(figures, model, "fatal"),
        "exposure": figures.exposure,
        "score": value,
    }
    for name, found in ends.items():
        column = pd.array([pd.NA] * size, dtype="Int64")
        column[rated] = found.astype("int64")
        columns[name] = column
    for name, texts in (("rate_reason", figures.reason), ("rate_assumed", figures.assumed)):
        said = [text or None for text in texts]
        columns[name] = pd.Series(said, index=figures.index, dtype="object")
    return pd.DataFrame(columns, index=figures.index)[list(COLUMNS)]


def _tell(
    notes: list[Note],
    table: pd.DataFrame,
    figures: Figures,
    model: CrossingModel,
    chosen: _Chosen,
    fewer: bool,  # noqa: FBT001 - a fact, not an option
    crashes: pd.Series | None,
    counted: Floats,
) -> None:
    """Notes on what stayed unknown, and on what was assumed of how many crossings."""
    rated = figures.rated
    for reason, count in table["rate_reason"].value_counts().sort_index().items():
        notes.append(("unrated", {"reason": str(reason), "crossings": int(count)}))
    named = pd.Series(figures.assumed[rated]).str.split(";").explode()
    named = named[named != ""]
    for name, count in named.value_counts().sort_index().items():
        notes.append(("assumed-figure", {"figure": str(name), "crossings": int(count)}))
    if crashes is not None and (without := int((rated & np.isnan(counted)).sum())):
        notes.append(("history-unknown", {"crossings": without}))
    if chosen.used != "index" and model.severity:
        without = int((rated & table["fatal"].isna().to_numpy()).sum())
        if without:
            notes.append(("severity-unknown", {"crossings": without}))
    if fewer:
        notes.append(("fewer-draws", {"crossings": int(rated.sum())}))
