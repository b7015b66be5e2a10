"""Black-spot definitions: which crashes, within which length and time, make a spot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from blackspots.errors import BlackspotsError
from blackspots.presets.files import read_toml

CLASSES: Final = {
    "any": ("fatal", "serious", "slight", "injury", "pdo", "unknown"),
    "casualty": ("fatal", "serious", "slight", "injury"),
    "fatal": ("fatal",),
    "injury_only": ("serious", "slight", "injury"),
    "serious": ("serious",),
}
"""What a rule may count, as sets of crash severities."""


@dataclass(frozen=True, slots=True)
class Rule:
    """All of ``at_least`` must hold: least number of crashes by class of :data:`CLASSES`."""

    id: str
    title: dict[str, str]
    at_least: dict[str, int]


@dataclass(frozen=True, slots=True)
class Definition:
    """A national definition of a black spot.

    ``window`` and ``junction_radius``, ``crossing_radius`` in metres; ``months`` is the length
    of the rolling period. A site is *potential* when one more crash would meet a rule and it
    has at least ``potential_minimum`` crashes in the period.
    """

    id: str
    title: dict[str, str]
    jurisdiction: str
    citation: str
    valid_from: str
    mark: str
    window: float
    junction_radius: float
    crossing_radius: float
    months: int
    potential_minimum: int
    rules: tuple[Rule, ...]
    notes: dict[str, str]


def definition(name: str, folder: Path = Path()) -> Definition:
    """A definition by id, or by the path of a TOML file (relative to ``folder``).

    Raises
    ------
    BlackspotsError
        ``missing-preset``, ``definition-disabled`` (with the file's reason) or
        ``bad-definition``.
    """
    tree, file = read_toml("definitions", name, folder)
    if not tree.get("enabled", True):
        raise BlackspotsError("definition-disabled", name=name, why=tree.get("disabled_because"))
    try:
        built = _build(tree)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BlackspotsError("bad-definition", file=file, problem=str(error)) from error
    for rule in built.rules:
        if not set(rule.at_least) <= set(CLASSES) or not any(rule.at_least.values()):
            known = ", ".join(CLASSES)
            raise BlackspotsError("bad-rule", file=file, rule=rule.id, known=known)
    return built


def _build(tree: dict[str, Any]) -> Definition:
    site, potential = tree["site"], tree.get("potential", {})
    rules = tuple(
        Rule(
            str(rule["id"]),
            dict(rule.get("title", {})),
            {str(k): int(v) for k, v in rule["at_least"].items()},
        )
        for rule in tree["rules"]
    )
    if not rules:
        raise ValueError("rules")
    window = float(site["window"])
    months = int(tree["period"]["months"])
    radii = float(site["junction_radius"]), float(site["crossing_radius"])
    if not 0 < window < math.inf or not all(0 < radius < math.inf for radius in radii):
        raise ValueError("site")
    if months <= 0:
        raise ValueError("period.months")
    return Definition(
        id=str(tree["id"]),
        title=dict(tree["title"]),
        jurisdiction=str(tree["jurisdiction"]),
        citation=str(tree["citation"]),
        valid_from=str(tree.get("valid_from", "")),
        mark=str(tree["mark"]),
        window=window,
        junction_radius=radii[0],
        crossing_radius=radii[1],
        months=months,
        potential_minimum=int(potential.get("minimum_crashes", 1)),
        rules=rules,
        notes=dict(tree.get("notes", {})),
    )
