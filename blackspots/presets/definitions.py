"""Black-spot definitions: which crashes, within which length and time, make a spot."""

from __future__ import annotations

import difflib
import math
import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from blackspots.errors import BlackspotsError
from blackspots.labels import Term
from blackspots.presets.files import read_toml
from blackspots.presets.headers import blanks, plain
from blackspots.presets.rules import (
    CLASSES,
    GRADES,
    KINDS,
    PERSONS,
    UNITS,
    Definition,
    Risk,
    Rule,
    Score,
)

__all__ = [
    "CLASSES",
    "GRADES",
    "KINDS",
    "MARKS",
    "PERSONS",
    "UNITS",
    "Definition",
    "Risk",
    "Rule",
    "Score",
    "definition",
    "modes_named",
]

MARKS: Final = ("V", "M", "A", "U")
"""Verified in a source, from memory, assumption, the user's."""

SAME: Final = ("crash_type",)
"""Columns in which crashes of a rule may have to be alike."""

_LONGEST: Final = 1e6  # [m]
_MONTHS: Final = 1200
_REQUIRED: Final = object()


def definition(name: str, folder: Path = Path()) -> Definition:
    """A definition by id, or by the path of a TOML file (relative to ``folder``).

    Raises
    ------
    BlackspotsError
        ``missing-preset``, ``definition-disabled`` (with the file's reason), ``bad-definition``
        where a section is missing or of another kind; ``bad-value``, ``bad-rule``,
        ``rule-empty``, ``rule-never``, ``rule-twice``, ``rule-years``, ``unknown-key`` for what
        makes no sense.
    """
    tree, file = read_toml("definitions", name, folder)
    if not tree.get("enabled", True):
        raise BlackspotsError("definition-disabled", name=name, why=tree.get("disabled_because"))
    try:
        return _build(_Section(tree, file))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BlackspotsError("bad-definition", file=file, problem=str(error)) from error


class _Section:
    """A part of the file, whose values are fetched with what they must be."""

    def __init__(self, tree: dict[str, Any], file: str, path: str = "") -> None:
        if not isinstance(tree, dict):
            raise TypeError(path)
        self.tree, self.file, self.path = tree, file, path

    def key(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def part(self, name: str) -> _Section:
        return _Section(self.tree[name], self.file, self.key(name))

    def keys(self, known: tuple[str, ...]) -> None:
        """Refuse keys that would be passed over."""
        for name in self.tree:
            if name in known:
                continue
            near = difflib.get_close_matches(name, known, 1)
            key = self.key(name)
            if near:
                raise BlackspotsError("unknown-key-near", file=self.file, key=key, near=near[0])
            raise BlackspotsError("unknown-key", file=self.file, key=key)

    def wrong(self, name: str, need: str, **fields: Any) -> BlackspotsError:
        return BlackspotsError(
            "bad-value",
            file=self.file,
            key=self.key(name),
            value=str(self.tree[name]),
            need=Term(f"need.{need}", {"limit": None, "words": ""} | fields),
        )

    def number(self, name: str, *, floor: float = 0.0, inclusive: bool = False) -> float:
        """A finite number above ``floor`` (or from it on)."""
        value = self.tree[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(name, "number")
        if not math.isfinite(value):
            raise self.wrong(name, "finite")
        if value < floor or (value == floor and not inclusive):
            raise self.wrong(name, "at-least" if inclusive else "above", limit=floor)
        return float(value)

    def length(self, name: str) -> float:
        """A length [m]."""
        value = self.number(name)
        if value > _LONGEST:
            raise self.wrong(name, "at-most", limit=_LONGEST)
        return value

    def whole(self, name: str, most: int | None = None) -> int:
        """A whole number from 1 on."""
        value = self.tree[name]
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(name, "integer")
        if value < 1:
            raise self.wrong(name, "above", limit=0)
        if most is not None and value > most:
            raise self.wrong(name, "at-most", limit=most)
        return value

    def flag(self, name: str, *, default: bool | None) -> bool | None:
        value = self.tree.get(name, default)
        if value is not default and not isinstance(value, bool):
            raise self.wrong(name, "boolean")
        return value

    def one_of(self, name: str, known: tuple[str, ...], default: str) -> str:
        value = self.tree.get(name, default)
        if value not in known and value != default:
            raise self.wrong(name, "one-of", words=", ".join(known))
        return str(value)

    def several(self, name: str, known: tuple[str, ...]) -> tuple[str, ...]:
        values = self.tree[name]
        if not isinstance(values, list):
            raise self.wrong(name, "list")
        if not values:
            raise self.wrong(name, "not-empty")
        if not all(value in known for value in values):
            raise self.wrong(name, "one-of", words=", ".join(known))
        return tuple(dict.fromkeys(values))


_TOP: Final = (
    "id", "jurisdiction", "citation", "citation_mark", "valid_from", "valid_to", "mark",
    "verified", "unit", "enabled", "disabled_because", "title", "site", "period", "rules",
    "potential", "notes",
)  # fmt: skip
_SITE: Final = ("window", "junction_radius", "crossing_radius", "radius", "mark", "junction_mark")
_RULE: Final = (
    "id", "title", "unit", "at_least", "at_least_by_area_type", "score", "risk", "same", "window",
    "junction_radius", "radius", "months", "rolling", "at", "mark",
)  # fmt: skip


def _build(top: _Section) -> Definition:
    tree = top.tree
    top.keys(_TOP)
    site, period = top.part("site"), top.part("period")
    site.keys(_SITE)
    period.keys(("months", "rolling"))
    potential = _Section(tree.get("potential", {}), top.file, "potential")
    potential.keys(("minimum_crashes",))
    unit = top.one_of("unit", UNITS, "crashes")
    if not isinstance(tree["rules"], list) or not tree["rules"]:
        raise ValueError("rules")
    rules = tuple(_rule(_Section(rule, top.file, "rules"), unit) for rule in tree["rules"])
    rolling, months = bool(period.flag("rolling", default=True)), period.whole("months", _MONTHS)
    for number, rule in enumerate(rules):
        whole = (rule.months or months) % 12 == 0
        if not whole and not (rolling if rule.rolling is None else rule.rolling):
            raise BlackspotsError("rule-years", file=top.file, rule=rule.id)
        if any(rule.id == other.id for other in rules[:number]):
            raise BlackspotsError("rule-twice", file=top.file, rule=rule.id)
    valid_from, valid_to = str(tree.get("valid_from", "")), str(tree.get("valid_to", ""))
    if valid_from and valid_to and valid_to < valid_from[: len(valid_to)]:
        raise ValueError("valid_from > valid_to")
    window, radius = _lengths(site)
    if window is None or radius is None:
        raise KeyError("site.window" if window is None else "site.junction_radius")
    mark = top.one_of("mark", MARKS, tree["mark"] if tree["mark"] in MARKS else "")
    if not mark:
        raise top.wrong("mark", "one-of", words=", ".join(MARKS))
    return Definition(
        id=str(tree["id"]),
        title=dict(tree["title"]),
        jurisdiction=str(tree["jurisdiction"]),
        citation=str(tree["citation"]),
        valid_from=valid_from,
        mark=mark,
        window=window,
        junction_radius=radius,
        crossing_radius=site.length("crossing_radius"),
        months=months,
        potential_minimum=potential.whole("minimum_crashes") if potential.tree else 1,
        rules=rules,
        notes=dict(tree.get("notes", {})),
        valid_to=valid_to,
        verified=bool(top.flag("verified", default=mark == "V")),
        site_mark=site.one_of("mark", MARKS, "A"),
        junction_mark=site.one_of("junction_mark", MARKS, "A"),
        citation_mark=top.one_of("citation_mark", MARKS, mark),
        rolling=rolling,
    )


def _lengths(given: _Section) -> tuple[float | None, float | None]:
    """Road window and junction radius [m]; a ``radius`` r is a window of 2 r and a radius of r."""
    radius = given.length("radius") if "radius" in given.tree else None
    window = None if radius is None else 2 * radius
    if "window" in given.tree:
        window = given.length("window")
    if "junction_radius" in given.tree:
        radius = given.length("junction_radius")
    return window, radius


def _rule(given: _Section, unit: str) -> Rule:
    tree = given.tree
    name = str(tree["id"])
    given.path = f"rules.{name}"
    given.keys(_RULE)
    unit = given.one_of("unit", UNITS, unit)
    window, radius = _lengths(given)
    by_type = {
        str(area): _least(given.part("at_least_by_area_type"), str(area), unit, name)
        for area in tree.get("at_least_by_area_type", {})
    }
    rule = Rule(
        id=name,
        title=dict(tree.get("title", {})),
        at_least=_least(given, "at_least", unit, name) if "at_least" in tree else {},
        unit=unit,
        at_least_by_area_type=by_type,
        score=_score(given.part("score"), unit, name) if "score" in tree else None,
        risk=_risk(given.part("risk")) if "risk" in tree else None,
        same=given.one_of("same", SAME, ""),
        window=window,
        junction_radius=radius,
        months=given.whole("months", _MONTHS) if "months" in tree else None,
        rolling=given.flag("rolling", default=None),
        at=given.several("at", KINDS) if "at" in tree else KINDS,
        mark=given.one_of("mark", MARKS, ""),
    )
    if len({tuple(sorted(least)) for least in by_type.values()}) > 1:
        raise given.wrong("at_least_by_area_type", "other")
    if not rule.classes and rule.score is None:
        raise BlackspotsError("rule-empty", file=given.file, rule=name)
    if rule.risk is not None and (unit != "crashes" or not rule.classes):
        raise given.wrong("risk", "other")
    return rule


def _least(given: _Section, name: str, unit: str, rule: str) -> dict[str, int]:
    part = given.part(name)
    _known(part, unit, rule)
    return {str(key): part.whole(key) for key in part.tree}


def _known(part: _Section, unit: str, rule: str) -> None:
    """Refuse classes that are none."""
    known = PERSONS if unit == "persons" else CLASSES
    if not part.tree or not set(part.tree) <= set(known):
        raise BlackspotsError("bad-rule", file=part.file, rule=rule, known=", ".join(known))


def _score(given: _Section, unit: str, rule: str) -> Score:
    given.keys(("weights", "at_least", "unit", "modes", "factor"))
    unit = given.one_of("unit", UNITS, unit)
    weights = given.part("weights")
    _known(weights, unit, rule)
    modes = given.several("modes", tuple(_modes())) if "modes" in given.tree else ()
    made = Score(
        weights={str(key): weights.number(key, inclusive=True) for key in weights.tree},
        at_least=given.number("at_least"),
        unit=unit,
        modes=modes,
        factor=given.number("factor") if modes else 1.0,
    )
    if not any(made.weights.values()):
        raise BlackspotsError("rule-never", file=given.file, rule=rule)
    return made


def _risk(given: _Section) -> Risk:
    given.keys(("at_least", "base", "per_aadt"))
    return Risk(
        at_least=given.number("at_least"),
        base=given.number("base"),
        per_aadt=given.number("per_aadt", inclusive=True),
    )


@cache
def _modes() -> dict[str, tuple[str, ...]]:
    """Mode to its plain words, longest first."""
    file = files("blackspots") / "presets" / "definitions" / "_modes.toml"
    tree = tomllib.loads(file.read_text(encoding="utf-8"))["mode"]
    return {
        mode: tuple(sorted({plain(word) for word in words}, key=lambda w: (-len(w), w)))
        for mode, words in tree.items()
    }


@cache
def modes_named(words: str) -> frozenset[str]:
    """Modes of traffic that a cell names; empty where it names none that is known.

    Examples
    --------
    >>> sorted(modes_named("Ô tô con - người đi bộ"))
    ['car', 'pedestrian']
    >>> modes_named("không rõ")
    frozenset()
    """
    text = plain(words)
    if not text or text in blanks():
        return frozenset()
    spaced, found = f" {text} ", set()
    every = [(word, mode) for mode, known in _modes().items() for word in known]
    # The longest words first: what they took names nothing else (xe đạp điện is no xe đạp).
    for word, mode in sorted(every, key=lambda pair: (-len(pair[0]), pair)):
        if f" {word} " in spaced:
            found.add(mode)
            spaced = spaced.replace(f" {word} ", " | ")
    return frozenset(found)
