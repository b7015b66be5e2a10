"""Rules of protection at level crossings: dated versions, read from a file for each country."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from blackspots.errors import BlackspotsError
from blackspots.presets.files import read_toml
from blackspots.presets.headers import plain
from blackspots.schema.rail import PROTECTIONS

BOUNDS: Final = ("above", "at_least", "below", "up_to")
PARTS: Final = ("classes", "protection", "self_opened", "siting")


@dataclass(frozen=True, slots=True)
class Condition:
    """All that it names must hold; what it leaves out may be anything.

    ``roads``: groups of roads, one of which must be that of the crossing; ``urban``; ``bounds``
    (of :data:`BOUNDS`) on the exposure [1/day^2].
    """

    roads: tuple[str, ...] = ()
    urban: bool | None = None
    bounds: dict[str, float] = field(default_factory=dict)

    def holds(self, road: str, *, urban: bool, exposure: float) -> bool:
        """Whether it holds of a crossing of which everything is known."""
        within = {
            "above": exposure > self.bounds.get("above", -math.inf),
            "at_least": exposure >= self.bounds.get("at_least", -math.inf),
            "below": exposure < self.bounds.get("below", math.inf),
            "up_to": exposure <= self.bounds.get("up_to", math.inf),
        }
        return (
            (not self.roads or road in self.roads)
            and (self.urban is None or self.urban == urban)
            and all(within[name] for name in self.bounds)
        )


@dataclass(frozen=True, slots=True)
class CrossingClass:
    """A class: one of its conditions must hold."""

    id: str
    any: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """Where a part of the rules stands, and when it holds; days empty where it has no end."""

    part: str
    id: str
    citation: str
    mark: str
    valid_from: str
    valid_to: str
    disabled_because: str = ""
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Classes:
    """How crossings are classed.

    The first class counts of which a condition holds. ``words``: plain word for a road to the
    groups it may mean; one that is not known may be of any group.
    """

    version: Version
    classes: tuple[CrossingClass, ...]
    words: dict[str, tuple[str, ...]]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Protection:
    """What may guard a crossing: (class, sight) to codes of protection."""

    version: Version
    allowed: dict[tuple[str, bool], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class SelfOpened:
    """What the law wants of self-opened paths.

    Those from ``narrow_from`` [m] on are to be made narrower; all are to be removed by the day
    ``remove_by``, empty where none is set.
    """

    version: Version
    narrow_from: float
    remove_by: str = ""


@dataclass(frozen=True, slots=True)
class Siting:
    """How far a new crossing must be from others and from tunnels and abutments [m]."""

    version: Version
    spacing_outside_towns: float
    from_tunnel_or_abutment: float


@dataclass(frozen=True, slots=True)
class CrossingRules:
    """Rules of a country as they hold on one day.

    A part is None where no version of it holds that day, or the one that does is disabled:
    ``withheld`` then says why.
    """

    id: str
    title: dict[str, str]
    jurisdiction: str
    citation: str
    mark: str
    on: date
    classes: Classes | None = None
    protection: Protection | None = None
    self_opened: SelfOpened | None = None
    siting: Siting | None = None
    withheld: tuple[Version, ...] = ()


def crossing_rules(name: str = "default", folder: Path = Path(), *, on: date) -> CrossingRules:
    """The rules of a country as they hold on a day.

    Parameters
    ----------
    name
        Id of a shipped file, or the path of a TOML file (relative to ``folder``).
    on
        The last day of the study.

    Raises
    ------
    BlackspotsError
        ``missing-preset``; ``rules-disabled`` where the whole file is, with its reason (a
        disabled version of one part is withheld: see :class:`CrossingRules`);
        ``bad-crossing-rules`` naming what does not fit.

    Examples
    --------
    >>> made = crossing_rules("vn", on=date(2023, 12, 31))
    >>> made.protection.version.id, made.self_opened.narrow_from
    ('tt-29-2023', 3.0)
    >>> [version.id for version in crossing_rules("vn", on=date(2026, 6, 30)).withheld]
    ['nd-16-2026']
    """
    tree, file = read_toml("crossing_rules", name, folder)
    if not tree.get("enabled", True):
        raise BlackspotsError("rules-disabled", name=name, why=tree.get("disabled_because"))
    try:
        return _build(tree, on)
    except KeyError as error:
        problem = str(error.args[0])
    except (AttributeError, TypeError, ValueError) as error:
        problem = str(error)
    raise BlackspotsError("bad-crossing-rules", file=file, problem=problem)


def rule_version(name: str, part: str, version: str, folder: Path = Path()) -> Version:
    """One version of one part of a file, by its id.

    Raises
    ------
    BlackspotsError
        ``rules-disabled`` with its reason; ``bad-crossing-rules`` where the file has none.
    """
    tree, file = read_toml("crossing_rules", name, folder)
    for given in tree.get(part, ()):
        if given.get("id") == version:
            made = _version(given, part)
            if made.disabled_because:
                raise BlackspotsError("rules-disabled", name=version, why=made.disabled_because)
            return made
    raise BlackspotsError("bad-crossing-rules", file=file, problem=f"{part}.{version}")


def _build(tree: dict[str, Any], on: date) -> CrossingRules:
    unknown = set(tree) - {
        "id", "jurisdiction", "citation", "mark", "title", "enabled", "disabled_because", *PARTS,
    }  # fmt: skip
    if unknown:
        raise ValueError(", ".join(sorted(unknown)))
    builders = {
        "classes": _classes,
        "protection": _protection,
        "self_opened": _self_opened,
        "siting": _siting,
    }
    parts: dict[str, Any] = {}
    withheld = []
    for part, build in builders.items():
        held = []
        for given in tree.get(part, ()):
            version = _version(given, part)
            # All that is enabled is built, so that a wrong version does not wait for its day.
            made = None if version.disabled_because else build(given, version)
            if _holds(version, on):
                held.append((version, made))
        if len(held) > 1:
            raise ValueError(", ".join(f"{part}.{version.id}" for version, _ in held))
        for version, made in held:
            parts[part] = made
            withheld += [version] if made is None else []
    rules = CrossingRules(
        id=str(tree["id"]),
        title=dict(tree["title"]),
        jurisdiction=str(tree.get("jurisdiction", "")),
        citation=str(tree["citation"]),
        mark=str(tree["mark"]),
        on=on,
        withheld=tuple(withheld),
        **parts,
    )
    if rules.classes is not None and rules.protection is not None:
        named = {name for name, _ in rules.protection.allowed}
        lacking = sorted({known.id for known in rules.classes.classes} - named)
        if lacking:
            raise ValueError(f"protection.{rules.protection.version.id}: {', '.join(lacking)}")
    return rules


def _version(given: dict[str, Any], part: str) -> Version:
    enabled = given.get("enabled", True)
    why = "" if enabled else str(given["disabled_because"])
    made = Version(
        part=part,
        id=str(given["id"]),
        citation=str(given["citation"]),
        mark=str(given["mark"]),
        valid_from=str(given.get("valid_from", "")),
        valid_to=str(given.get("valid_to", "")),
        disabled_because=why,
        notes=dict(given.get("notes", {})),
    )
    days = [date.fromisoformat(day) for day in (made.valid_from, made.valid_to) if day]
    if not enabled and not why:
        raise ValueError(f"{part}.{made.id}.disabled_because")
    if days != sorted(days):
        raise ValueError(f"{part}.{made.id}.valid_to")
    return made


def _holds(version: Version, on: date) -> bool:
    start = date.fromisoformat(version.valid_from) if version.valid_from else date.min
    end = date.fromisoformat(version.valid_to) if version.valid_to else date.max
    return start <= on <= end


def _classes(given: dict[str, Any], version: Version) -> Classes:
    words: dict[str, tuple[str, ...]] = {}
    for roads in given.get("roads", ()):
        groups = tuple(str(group) for group in roads["groups"])
        for word in roads["words"]:
            if words.setdefault(plain(str(word)), groups) != groups:
                raise ValueError(f"classes.{version.id}.roads: {word}")
    classes = tuple(
        CrossingClass(str(one["id"]), tuple(_condition(c, version) for c in one["any"]))
        for one in given["class"]
    )
    named = {g for c in classes for one in c.any for g in one.roads}
    groups = tuple(sorted({g for held in words.values() for g in held} | named))
    if not classes or len({c.id for c in classes}) < len(classes):
        raise ValueError(f"classes.{version.id}.class")
    return Classes(version, classes, words, groups)


def _condition(given: dict[str, Any], version: Version) -> Condition:
    bounds = {str(name): float(value) for name, value in given.get("exposure", {}).items()}
    urban = given.get("urban")
    fits = (
        set(given) <= {"road", "urban", "exposure"}
        and set(bounds) <= set(BOUNDS)
        and all(math.isfinite(value) and value >= 0 for value in bounds.values())
        and (urban is None or isinstance(urban, bool))
    )
    if not fits:
        raise ValueError(f"classes.{version.id}.class.any: {given}")
    return Condition(tuple(str(group) for group in given.get("road", ())), urban, bounds)


def _protection(given: dict[str, Any], version: Version) -> Protection:
    allowed: dict[tuple[str, bool], tuple[str, ...]] = {}
    for one in given["allowed"]:
        codes = tuple(str(code) for code in one["protections"])
        if not codes or not set(codes) <= set(PROTECTIONS):
            raise ValueError(f"protection.{version.id}.allowed: {', '.join(codes)}")
        sight = one.get("sight")
        for seen in (True, False) if sight is None else (bool(sight),):
            if (str(one["class"]), seen) in allowed:
                raise ValueError(f"protection.{version.id}.allowed: {one['class']}")
            allowed[str(one["class"]), seen] = tuple(c for c in PROTECTIONS if c in codes)
    lacking = {name for name, _ in allowed if {(name, True), (name, False)} - allowed.keys()}
    if lacking:
        raise ValueError(f"protection.{version.id}.allowed: {', '.join(sorted(lacking))}")
    return Protection(version, allowed)


def _self_opened(given: dict[str, Any], version: Version) -> SelfOpened:
    remove_by, width = str(given.get("remove_by", "")), float(given["narrow_from"])
    if remove_by:
        date.fromisoformat(remove_by)
    if not 0 < width < math.inf:
        raise ValueError(f"self_opened.{version.id}.narrow_from")
    return SelfOpened(version, width, remove_by)


def _siting(given: dict[str, Any], version: Version) -> Siting:
    spacing, tunnel = (
        float(given[key]) for key in ("spacing_outside_towns", "from_tunnel_or_abutment")
    )
    if not (0 <= spacing < math.inf and 0 <= tunnel < math.inf):
        raise ValueError(f"siting.{version.id}")
    return Siting(version, spacing, tunnel)
