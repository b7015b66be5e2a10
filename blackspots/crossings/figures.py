"""What a rating model is fed with: figures of each crossing, what is missing, what is assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from blackspots.presets.crossing_models import (
    FIGURES,
    PROTECTIONS,
    VEHICLE_KINDS,
    CrossingModel,
    Group,
)

Floats = NDArray[np.float64]

_TAIL: Final = 1.6448536269514722  # 95 % point of the standard normal

POINTS: Final = 41
"""Equally likely points at which the distribution of uncounted traffic is taken."""

_MIDDLES = special.ndtri((np.arange(POINTS) + 0.5) / POINTS)
NORMAL: Final[Floats] = _MIDDLES / np.sqrt((_MIDDLES**2).mean())
"""The standard normal at those points, stretched to a variance of 1; they end at about 2.3
standard deviations, which is where traffic is cut off."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of the crossings, in their order.

    ``by_name``: each of shape (crossings,), NaN where unknown. ``protection``: the codes, empty
    where unknown. ``sd``: standard deviation of ln(vehicles x trains). ``reason``: why a crossing
    is not rated, empty for the rated. ``assumed``: what stood in for a figure of the list, joined
    by ;. ``ln_model`` is the logarithm of the model's output at the points of the traffic's
    distribution, shape (points, crossings), NaN for the unrated.
    """

    index: pd.Index
    by_name: dict[str, Floats]
    firm: dict[str, Floats]
    """As ``by_name``, without what the severity equations may not rest on."""
    protection: NDArray[np.object_]
    sd: Floats
    reason: NDArray[np.object_]
    assumed: NDArray[np.object_]
    ln_model: Floats

    @property
    def rated(self) -> NDArray[np.bool_]:
        """Whether the model says something, shape (crossings,)."""
        return np.asarray(self.reason == "", dtype=bool)

    @property
    def exposure(self) -> Floats:
        """Vehicles times trains [1/day^2]."""
        return np.asarray(self.by_name["vehicles"] * self.by_name["trains"])


def figures_of(crossings: pd.DataFrame, traffic: pd.DataFrame, model: CrossingModel) -> Figures:
    """Figures that a model needs, with its stated defaults where a list does not have them.

    Parameters
    ----------
    crossings : shape (crossings, any)
        Columns of :data:`blackspots.schema.CROSSINGS` as far as there are any, and
        ``protection_code``; without that, ``protection`` where it is such a code.
    traffic
        Indexed like the crossings: ``vehicles``, ``log_sd``, ``trains``; ``trains_low`` and
        ``trains_high`` (5 and 95 %) where trains are those of the line. Their doubt is added to
        that of the vehicles, as if both had one exponent.

    Raises
    ------
    ValueError
        The two are not of the same crossings, an id stands twice, or a figure is below 0.
    """
    if not crossings.index.is_unique:
        raise ValueError("an id of a crossing stands twice")
    if not crossings.index.sort_values().equals(traffic.index.sort_values()):
        raise ValueError("traffic and crossings are not of the same crossings")
    traffic = traffic.reindex(crossings.index)
    values, firm, stood_in = _values(crossings, traffic, model)
    protection = _protection(crossings)
    sd = np.hypot(_spread(_numbers(traffic, "log_sd")), _trains_sd(traffic))
    size = len(crossings)
    reason = np.full(size, "", dtype=object)
    assumed = np.full(size, "", dtype=object)
    ln_model = np.full((POINTS, size), np.nan)
    # What a figure comes from where it is not in the list itself.
    causes = {"units": "vehicles", "through_trains": "trains"}
    causes |= {d.figure: causes.get(d.of, d.of) for d in model.defaults if d.of}
    spread = {name: value[None, :] for name, value in values.items()}
    factor = np.exp(NORMAL[:, None] * sd)
    spread |= {name: spread[name] * factor for name in ("vehicles", "units")}
    unguarded = np.ones(size, dtype=bool)
    everywhere = set(model.protections) == set(PROTECTIONS) and len(model.groups) == 1
    for group in model.groups:
        here = np.isin(protection, group.protections)
        if everywhere:  # the protection plays no part
            here = np.ones(size, dtype=bool)
        unguarded &= ~here
        _lack(group, here, values, reason, causes)
        _name_assumed(group, here, stood_in, protection, assumed)
        done = np.flatnonzero(here & (reason == ""))
        part = {name: spread[name][:, done] for name in dict.fromkeys([*group.figures, "vehicles"])}
        ln_model[:, done] = group.log(part) + np.zeros((POINTS, 1))
    reason[unguarded & (protection == "")] = "needs:protection"
    reason[unguarded & (protection != "")] = "not-in-model"
    odd = (reason == "") & (np.isnan(ln_model) | (ln_model == np.inf)).any(axis=0)
    reason[odd] = "outside-model"
    ln_model[:, reason != ""] = np.nan
    return Figures(crossings.index, values, firm, protection, sd, reason, assumed, ln_model)


def normalising(figures: Figures, model: CrossingModel) -> Floats:
    """The model's own normalising constant for each crossing; NaN where it rates none."""
    made = np.full(len(figures.index), np.nan)
    for group in model.groups:
        made[np.isin(figures.protection, group.protections)] = group.normalising
    return made


def severity(figures: Figures, model: CrossingModel, kind: str) -> Floats:
    """Share of accidents with killed (``fatal``) or with injured or killed (``casualty``).

    P = 1 / (1 + odds); NaN where the model has no such equation or a figure is unknown.
    """
    odds = model.severity.get(kind)
    if odds is None:
        return np.full(len(figures.index), np.nan)
    with np.errstate(over="ignore"):
        return np.asarray(special.expit(-odds.log(figures.firm)) + np.zeros(len(figures.index)))


def _values(
    crossings: pd.DataFrame, traffic: pd.DataFrame, model: CrossingModel
) -> tuple[dict[str, Floats], dict[str, Floats], dict[str, NDArray[np.bool_]]]:
    """Figures by name, those the severity may rest on, and where something stood in."""
    values = {name: _numbers(crossings, name) for name in FIGURES}
    vehicles = _numbers(traffic, "vehicles")
    values["vehicles"] = np.where(vehicles > 0, vehicles, np.nan)  # 0 is not counted
    values["trains"] = _numbers(traffic, "trains")
    values["units"], mixed = _units(crossings, values["vehicles"], model)
    stood_in = {"units": mixed}
    values["through_trains"] = _through(values)
    firm = dict(values)
    for default in model.defaults:
        name = default.figure
        missing = np.isnan(values[name])
        for table in (values, firm) if default.severity else (values,):
            other = table[default.of] * default.share if default.of else default.value
            table[name] = np.where(np.isnan(table[name]), other, table[name])
            table["through_trains"] = _through(table)
        stood_in[name] = missing & ~np.isnan(values[name])
    return values, firm, stood_in


def _spread(sd: Floats) -> Floats:
    return np.where(np.isfinite(sd) & (sd > 0), sd, 0.0)


def _trains_sd(traffic: pd.DataFrame) -> Floats:
    """Standard deviation of ln trains, 0 where they are counted."""
    low, high = _numbers(traffic, "trains_low"), _numbers(traffic, "trains_high")
    with np.errstate(divide="ignore", invalid="ignore"):
        return _spread(np.log(high / low) / (2 * _TAIL))


def _through(values: dict[str, Floats]) -> Floats:
    """Trains that do not switch."""
    return np.asarray(np.maximum(values["trains"] - values["switch_trains"], 0.0))


def _units(
    crossings: pd.DataFrame, vehicles: Floats, model: CrossingModel
) -> tuple[Floats, NDArray[np.bool_]]:
    """Vehicles weighted by kind, and where their composition is assumed.

    Vehicles of no known kind are shared out among the kinds that were not counted, by the
    model's shares; where all kinds were counted, the counts give the composition.
    """
    if not model.weights:
        return np.full(len(crossings), np.nan), np.zeros(len(crossings), dtype=bool)
    weights = np.array([model.weights[kind] for kind in VEHICLE_KINDS])
    shares = np.array([model.shares[kind] for kind in VEHICLE_KINDS])
    counts = np.column_stack([_numbers(crossings, kind) for kind in VEHICLE_KINDS])
    counted = ~np.isnan(counts)
    sure = np.nansum(counts, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.maximum(vehicles - sure, 0.0)[:, None]
        left = np.where(counted, 0.0, shares)
        # Kinds that the model gives no share are shared alike, so that no vehicle is lost.
        left = np.where(left.sum(axis=1, keepdims=True) > 0, left, ~counted)
        split = rest * left / left.sum(axis=1, keepdims=True)
        filled = np.where(counted, counts, split)
        total = filled.sum(axis=1)
        mean = (filled @ weights) / total
    none = ~(total > 0) | np.isnan(mean)
    mean = np.where(none, shares @ weights, mean)
    guessed = ~counted.all(axis=1) | none
    return np.asarray(vehicles * mean), guessed


def _protection(crossings: pd.DataFrame) -> NDArray[np.object_]:
    name = "protection_code" if "protection_code" in crossings else "protection"
    if name not in crossings:
        return np.full(len(crossings), "", dtype=object)
    codes = crossings[name].astype(object)
    return np.asarray(codes.where(codes.isin(PROTECTIONS), "").to_numpy(dtype=object))


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    if name not in frame:
        return np.full(len(frame), np.nan)
    made = pd.to_numeric(frame[name], errors="raise").to_numpy(dtype="float64", na_value=np.nan)
    if (made < 0).any():
        raise ValueError(f"{name} below 0 at a crossing")
    return np.asarray(made)


def _lack(
    group: Group,
    here: NDArray[np.bool_],
    values: dict[str, Floats],
    reason: NDArray[np.object_],
    causes: dict[str, str],
) -> None:
    """Say what a crossing lacks, every figure."""
    said: set[str] = set()
    for name in group.figures:
        cause = causes.get(name, name)
        if cause in said:
            continue
        said.add(cause)
        missing = here & np.isnan(values[name])
        reason[missing] = _joined(reason[missing], f"needs:{cause}")


def _name_assumed(
    group: Group,
    here: NDArray[np.bool_],
    stood_in: dict[str, NDArray[np.bool_]],
    protection: NDArray[np.object_],
    assumed: NDArray[np.object_],
) -> None:
    """Say what was assumed of a crossing, in the order of the formula."""
    for name in group.figures:
        if name in stood_in:
            those = here & stood_in[name]
            assumed[those] = _joined(assumed[those], name)
    those = here & np.isin(protection, group.assumed)
    assumed[those] = _joined(assumed[those], "protection")


def _joined(texts: NDArray[np.object_], more: str) -> NDArray[np.object_]:
    return np.array([f"{text};{more}" if text else more for text in texts], dtype=object)
