"""What a definition of black spots is made of: rules, what they count, and where.

Nomenclature: a *class* is a set of crash severities; a *grade* is a severity that is fully
known (fatal, serious, slight, pdo). A crash of severity ``injury`` is serious or slight, one
of severity ``unknown`` any of the four.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

GRADES: Final = ("fatal", "serious", "slight", "pdo")
"""Severities that are known in full, worst first."""

CLASSES: Final = {
    "any": ("fatal", "serious", "slight", "injury", "pdo", "unknown"),
    "casualty": ("fatal", "serious", "slight", "injury"),
    "fatal": ("fatal",),
    "serious_or_fatal": ("fatal", "serious"),
    "injury_only": ("serious", "slight", "injury"),
    "serious": ("serious",),
    "slight": ("slight",),
}
"""What a rule may count of crashes. Each class is a run of :data:`GRADES`."""

PERSONS: Final = {
    "casualties": ("fatal", "serious", "slight"),
    "deaths": ("fatal",),
    "serious_or_deaths": ("fatal", "serious"),
    "injured": ("serious", "slight"),
    "serious": ("serious",),
    "slight": ("slight",),
}
"""What a rule may count of persons, as sets of grades."""

UNITS: Final = ("crashes", "persons")
KINDS: Final = ("segment", "junction", "crossing")
"""Kinds of place that a rule may be held to."""

NOTHING: Final[MappingProxyType[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Score:
    """A weighted sum that must reach ``at_least``.

    ``weights`` by class of :data:`CLASSES` (for ``unit`` persons of :data:`PERSONS`); of two
    classes that hold a grade the narrower one counts. What a crash adds is multiplied by
    ``factor`` where one of ``modes`` takes part.
    """

    weights: dict[str, float]
    at_least: float
    unit: str = "crashes"
    modes: tuple[str, ...] = ()
    factor: float = 1.0

    def by_grade(self) -> dict[str, float]:
        """Weight of each of :data:`GRADES`; 0 where no class holds it."""
        known = PERSONS if self.unit == "persons" else CLASSES
        made = dict.fromkeys(GRADES, 0.0)
        for name in sorted(self.weights, key=lambda name: -len(known[name])):
            made |= {grade: self.weights[name] for grade in known[name] if grade in made}
        return made


@dataclass(frozen=True, slots=True)
class Risk:
    """A crash rate against traffic, U / (base + per_aadt AADT) >= at_least.

    U are the crashes that the rule counts, AADT the traffic there [vehicles/day].
    """

    at_least: float
    base: float
    per_aadt: float


@dataclass(frozen=True, slots=True)
class Rule:
    """All that it names must hold.

    ``at_least`` by class: least numbers of crashes (``unit`` persons: of persons);
    ``at_least_by_area_type`` the same by type of area. ``same``: only crashes that are alike in
    this column are counted together. ``window`` [m], ``junction_radius`` [m], ``months`` and
    ``rolling`` are the definition's where they are None; ``at`` names the kinds of place.
    """

    id: str
    title: dict[str, str]
    at_least: dict[str, int]
    unit: str = "crashes"
    at_least_by_area_type: dict[str, dict[str, int]] = field(default_factory=dict)
    score: Score | None = None
    risk: Risk | None = None
    same: str = ""
    window: float | None = None
    junction_radius: float | None = None
    months: int | None = None
    rolling: bool | None = None
    at: tuple[str, ...] = KINDS
    mark: str = ""

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes with a least number, each once."""
        names = [*self.at_least, *(c for t in self.at_least_by_area_type.values() for c in t)]
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class Definition:
    """A national definition of a black spot.

    ``window`` (``site_mark``: where it is from), ``junction_radius`` (``junction_mark``) and
    ``crossing_radius`` (always the project's own) in metres; ``months`` is the length of the
    period, which rolls, or else begins on a 1 January. A site is *potential* when one more
    crash would meet a rule and it has at least ``potential_minimum`` crashes in the period.
    ``valid_to`` is empty while it is in force.
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
    valid_to: str = ""
    verified: bool = False
    site_mark: str = "A"
    junction_mark: str = "A"
    citation_mark: str = "M"
    rolling: bool = True

    def window_of(self, rule: Rule) -> float:
        """Length of the road window of a rule [m]."""
        return self.window if rule.window is None else rule.window

    def months_of(self, rule: Rule) -> int:
        """Length of the period of a rule [months]."""
        return self.months if rule.months is None else rule.months

    def rolls(self, rule: Rule) -> bool:
        """Whether the period of a rule may begin on any day."""
        return self.rolling if rule.rolling is None else rule.rolling
