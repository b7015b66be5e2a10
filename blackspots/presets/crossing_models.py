"""Models that rate level crossings: published formulas and indices, each a TOML file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blackspots.errors import BlackspotsError
from blackspots.presets.files import read_toml

Floats = NDArray[np.float64]

KINDS: Final = ("accidents", "index", "class")
"""What a model's output is: accidents a year; an index that only orders; the traffic product by
which a law sorts crossings into classes."""

PROTECTIONS: Final = ("none", "signs", "lights", "gates", "guarded")

FIGURES: Final = (
    "vehicles", "units", "trains", "day_trains", "switch_trains", "through_trains", "lanes",
    "paved", "urban", "tracks", "main_tracks", "speed", "width", "walkers",
)  # fmt: skip
"""Figures of a crossing that a formula may name, in the units of the table of crossings: speed in
km/h, traffic a day; paved and urban are 1 or 0. ``units`` are vehicles weighted by kind,
``through_trains`` the trains that do not switch."""

VEHICLE_KINDS: Final = ("four_wheelers", "three_wheelers", "two_wheelers")

SCALES: Final = {"": 1.0, "mph": 1 / 1.609344, "km/h": 1.0, "feet": 1 / 0.3048, "m": 1.0}
"""What a figure is multiplied by to stand in the unit that a formula wants."""

MARKS: Final = ("V", "M", "A", "C")

_OF_TRAFFIC: Final = frozenset({"vehicles", "units"})


@dataclass(frozen=True, slots=True)
class Power:
    """((plus + product of the figures ``of``) / over) ^ power."""

    of: tuple[str, ...]
    power: float
    plus: float = 0.0
    over: float = 1.0
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Exponential:
    """exp(coefficient x (figure - minus)), the figure in ``unit``."""

    of: str
    coefficient: float
    minus: float = 0.0
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Product:
    """constant x product of powers x product of exponentials."""

    constant: float
    powers: tuple[Power, ...] = ()
    exponentials: tuple[Exponential, ...] = ()

    @property
    def figures(self) -> tuple[str, ...]:
        """What it needs, each once."""
        named = [name for power in self.powers for name in power.of]
        return tuple(dict.fromkeys(named + [e.of for e in self.exponentials]))

    def log(self, figures: Mapping[str, ArrayLike]) -> Floats:
        """Natural logarithm of the product; -inf for 0, NaN where a figure is missing.

        Parameters
        ----------
        figures
            Each of :attr:`figures` by its name, of shapes that broadcast.
        """
        made = np.asarray(math.log(self.constant))
        with np.errstate(divide="ignore", invalid="ignore"):
            for power in self.powers:
                product = np.asarray(1.0)
                for name in power.of:
                    product = product * np.asarray(figures[name], dtype="float64")
                product = product * SCALES[power.unit]
                made = made + power.power * np.log((power.plus + product) / power.over)
            for term in self.exponentials:
                value = np.asarray(figures[term.of], dtype="float64") * SCALES[term.unit]
                made = made + term.coefficient * (value - term.minus)
        return np.asarray(made, dtype="float64")


@dataclass(frozen=True, slots=True)
class Group:
    """The formula of crossings with some protections.

    ``zeros`` is the odds that no accident can happen (zero-inflated models): the product is
    then divided by 1 + odds. ``normalising`` brings accidents with history to the level of the
    model's own country and years. ``assumed`` lists the protections that the source does not
    name and that are taken into this group by assumption.
    """

    name: str
    protections: tuple[str, ...]
    product: Product
    normalising: float = 1.0
    zeros: Product | None = None
    assumed: tuple[str, ...] = ()

    @property
    def figures(self) -> tuple[str, ...]:
        """What it needs, each once."""
        more = () if self.zeros is None else self.zeros.figures
        return tuple(dict.fromkeys(self.product.figures + more))

    def log(self, figures: Mapping[str, ArrayLike]) -> Floats:
        """Natural logarithm of the model's output before ``normalising``."""
        made = self.product.log(figures)
        if self.zeros is not None:
            made = made - np.logaddexp(0.0, self.zeros.log(figures))
        return np.asarray(made)


@dataclass(frozen=True, slots=True)
class Default:
    """What stands in for a figure that is unknown: a value, or a share of another figure.

    ``severity``: whether the severity equations may rest on it too.
    """

    figure: str
    mark: str
    value: float = math.nan
    share: float = math.nan
    of: str = ""
    severity: bool = True


@dataclass(frozen=True, slots=True)
class CrossingModel:
    """A model that rates level crossings.

    ``groups``: one formula for each set of protections. ``severity``: odds *against* an accident
    with killed (``fatal``) or with injured or killed (``casualty``), P = 1 / (1 + odds).
    ``floor`` [1/year] of T0 = 1 / (floor + a), the weight of the model against the history;
    missing where the source has no such rule. ``elasticity`` of accidents to vehicles, for
    traffic that moves to another crossing. ``weights`` of kinds of vehicles in ``units`` and
    ``shares`` of them where only the total is known. ``least_accidents``: fewer than these
    calibrate nothing. ``prior_accidents``: how many accidents the overall factor weighs against
    the accidents of one protection.
    """

    id: str
    kind: str
    country: str
    title: dict[str, str]
    citation: str
    mark: str
    source: str
    groups: tuple[Group, ...]
    defaults: tuple[Default, ...]
    severity: dict[str, Product]
    floor: float
    elasticity: float
    elasticity_mark: str
    least_accidents: float
    prior_accidents: float
    weights: dict[str, float]
    shares: dict[str, float]
    notes: dict[str, str]

    @property
    def protections(self) -> tuple[str, ...]:
        """Protections that it rates."""
        return tuple(p for p in PROTECTIONS if any(p in g.protections for g in self.groups))


def crossing_model(name: str, folder: Path = Path()) -> CrossingModel:
    """A model by id, or by the path of a TOML file (relative to ``folder``).

    A user's own file must say in ``source`` where its coefficients were read.

    Raises
    ------
    BlackspotsError
        ``missing-preset``; ``crossing-model-disabled`` with the reason;
        ``crossing-model-source`` for a user's file without a source; ``bad-crossing-model``,
        naming the key.

    Examples
    --------
    >>> model = crossing_model("us-dot")
    >>> model.kind, model.mark, model.country
    ('accidents', 'V', 'US')
    """
    tree, file = read_toml("crossing_models", name, folder)
    if not tree.get("enabled", True):
        why = str(tree.get("disabled_because", "?"))
        raise BlackspotsError("crossing-model-disabled", name=name, why=why)
    if name.endswith(".toml") and not str(tree.get("source", "")).strip():
        raise BlackspotsError("crossing-model-source", file=file)
    try:
        return _build(tree)
    except KeyError as error:
        raise BlackspotsError(
            "bad-crossing-model", file=file, problem=str(error.args[0])
        ) from error
    except (AttributeError, TypeError, ValueError) as error:
        raise BlackspotsError("bad-crossing-model", file=file, problem=str(error)) from error


_TOP: Final = (
    "id", "kind", "country", "title", "citation", "mark", "source", "enabled",
    "disabled_because", "groups", "defaults", "severity", "history", "elasticity",
    "calibration", "units", "notes",
)  # fmt: skip


def _build(tree: dict[str, Any]) -> CrossingModel:
    _keys(tree, _TOP, "")
    moved = _part(tree["elasticity"], ("value", "mark"), "elasticity")
    history = _part(tree.get("history", {}), ("floor", "mark"), "history")
    fitting = _part(
        tree["calibration"], ("least_accidents", "prior_accidents", "mark"), "calibration"
    )
    units = _part(tree.get("units", {}), ("weights", "shares", "mark"), "units")
    made = CrossingModel(
        id=str(tree["id"]),
        kind=str(tree["kind"]),
        country=str(tree.get("country", "")),
        title={str(k): str(v) for k, v in tree["title"].items()},
        citation=str(tree["citation"]),
        mark=str(tree["mark"]),
        source=str(tree.get("source", "")),
        groups=tuple(_group(str(k), v) for k, v in tree["groups"].items()),
        defaults=tuple(_default(str(k), v) for k, v in tree.get("defaults", {}).items()),
        severity={
            str(k): _product(v, f"severity.{k}") for k, v in tree.get("severity", {}).items()
        },
        floor=_number(history.get("floor", math.nan), "history.floor", unknown=True),
        elasticity=_number(moved["value"], "elasticity.value"),
        elasticity_mark=str(moved["mark"]),
        least_accidents=_number(fitting["least_accidents"], "calibration.least_accidents"),
        prior_accidents=_number(fitting["prior_accidents"], "calibration.prior_accidents"),
        weights=_numbers(units.get("weights", {}), "units.weights"),
        shares=_numbers(units.get("shares", {}), "units.shares"),
        notes={str(k): str(v) for k, v in tree.get("notes", {}).items()},
    )
    _judge(made)
    return made


def _judge(made: CrossingModel) -> None:
    """Refuse what makes no sense, naming every key."""
    taken = [p for group in made.groups for p in group.protections]
    named = {name for group in made.groups for name in group.figures}
    grave = {name for product in made.severity.values() for name in product.figures}
    stand_in = {default.figure for default in made.defaults}
    has_units = set(made.weights) == set(made.shares) == set(VEHICLE_KINDS)
    wrong = {
        "kind": made.kind not in KINDS,
        "mark": made.mark not in MARKS,
        "elasticity.mark": made.elasticity_mark not in MARKS,
        "groups": not made.groups or len(taken) != len(set(taken)),
        "groups.protections": not set(taken) <= set(PROTECTIONS)
        or any(not set(g.assumed) <= set(g.protections) for g in made.groups),
        "figures": not named | grave | stand_in <= set(FIGURES),
        "defaults": bool(stand_in & _OF_TRAFFIC)
        or any(d.of not in {"", *FIGURES} or d.of in _OF_TRAFFIC for d in made.defaults),
        "defaults.mark": any(d.mark not in MARKS for d in made.defaults),
        "severity": not set(made.severity) <= {"casualty", "fatal"} or bool(grave & _OF_TRAFFIC),
        "units": not has_units if "units" in named or made.weights or made.shares else False,
        "units.weights": any(w < 0 for w in made.weights.values()),
        "units.shares": bool(made.shares)
        and not (math.isclose(sum(made.shares.values()), 1) and min(made.shares.values()) >= 0),
        "history.floor": made.floor < 0,
        "calibration.least_accidents": made.least_accidents < 1,
        "calibration.prior_accidents": made.prior_accidents <= 0,
    }
    if any(wrong.values()):
        raise ValueError(", ".join(key for key, is_wrong in wrong.items() if is_wrong))


def _group(name: str, tree: dict[str, Any]) -> Group:
    known = (
        "protections", "constant", "powers", "exponentials", "normalising", "zeros", "assumed",
    )  # fmt: skip
    _keys(tree, known, f"groups.{name}")
    normalising = _number(tree.get("normalising", 1.0), f"groups.{name}.normalising")
    if normalising <= 0:
        raise ValueError(f"groups.{name}.normalising")
    zeros = tree.get("zeros")
    parts = ("constant", "powers", "exponentials")
    own: dict[str, Any] = {key: tree[key] for key in parts if key in tree}
    return Group(
        name=name,
        protections=tuple(str(p) for p in tree["protections"]),
        product=_product(own, f"groups.{name}"),
        normalising=normalising,
        zeros=None if zeros is None else _product(zeros, f"groups.{name}.zeros"),
        assumed=tuple(str(p) for p in tree.get("assumed", [])),
    )


def _product(tree: dict[str, Any], where: str) -> Product:
    _keys(tree, ("constant", "powers", "exponentials"), where)
    if "constant" not in tree:
        raise KeyError(f"{where}.constant")
    constant = _number(tree["constant"], f"{where}.constant")
    if constant <= 0:
        raise ValueError(f"{where}.constant")
    return Product(
        constant,
        tuple(_power(part, f"{where}.powers") for part in tree.get("powers", [])),
        tuple(_exponential(part, f"{where}.exponentials") for part in tree.get("exponentials", [])),
    )


def _power(tree: dict[str, Any], where: str) -> Power:
    _keys(tree, ("of", "power", "plus", "over", "unit"), where)
    made = Power(
        of=tuple(str(name) for name in tree["of"]),
        power=_number(tree["power"], f"{where}.power"),
        plus=_number(tree.get("plus", 0.0), f"{where}.plus"),
        over=_number(tree.get("over", 1.0), f"{where}.over"),
        unit=str(tree.get("unit", "")),
    )
    if not made.of or isinstance(tree["of"], str):
        raise ValueError(f"{where}.of")
    if made.plus < 0 or made.over <= 0:
        raise ValueError(f"{where}.plus, {where}.over")
    if made.unit not in SCALES:
        raise ValueError(f"{where}.unit")
    return made


def _exponential(tree: dict[str, Any], where: str) -> Exponential:
    _keys(tree, ("of", "coefficient", "minus", "unit"), where)
    made = Exponential(
        of=str(tree["of"]),
        coefficient=_number(tree["coefficient"], f"{where}.coefficient"),
        minus=_number(tree.get("minus", 0.0), f"{where}.minus"),
        unit=str(tree.get("unit", "")),
    )
    if made.unit not in SCALES:
        raise ValueError(f"{where}.unit")
    return made


def _default(figure: str, tree: dict[str, Any]) -> Default:
    where = f"defaults.{figure}"
    _keys(tree, ("value", "share", "of", "mark", "severity"), where)
    if ("value" in tree) == ("share" in tree) or ("share" in tree) != ("of" in tree):
        raise ValueError(f"{where}.value, {where}.share, {where}.of")
    return Default(
        figure=figure,
        mark=str(tree["mark"]),
        value=_number(tree.get("value", math.nan), f"{where}.value", unknown="share" in tree),
        share=_number(tree.get("share", math.nan), f"{where}.share", unknown="value" in tree),
        of=str(tree.get("of", "")),
        severity=bool(tree.get("severity", True)),
    )


def _keys(tree: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    """Refuse keys that would be passed over."""
    if not isinstance(tree, dict):
        raise TypeError(where)
    unknown = [f"{where}.{key}" if where else key for key in tree if key not in known]
    if unknown:
        raise ValueError(", ".join(unknown))


def _part(tree: Any, known: tuple[str, ...], where: str) -> dict[str, Any]:
    _keys(tree, known, where)
    return dict(tree)


def _number(value: Any, where: str, *, unknown: bool = False) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(where)
    if not (math.isfinite(value) or (unknown and math.isnan(value))):
        raise ValueError(where)
    return float(value)


def _numbers(tree: dict[str, Any], where: str) -> dict[str, float]:
    return {str(key): _number(value, f"{where}.{key}") for key, value in tree.items()}
