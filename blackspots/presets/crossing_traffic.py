"""Traffic of level crossings that nobody counted, by class of road or path."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from blackspots.errors import BlackspotsError
from blackspots.presets.files import read_toml
from blackspots.presets.headers import plain

UNKNOWN: Final = "unknown"
"""Class of a crossing whose road or path has none that is known; every preset has it."""

_TAIL: Final = 1.6448536269514722  # 95 % point of the standard normal distribution


@dataclass(frozen=True, slots=True)
class TrafficClass:
    """Vehicles a day over a crossing of one class: lognormal.

    ``median`` [vehicles/day]; ``log_sd``, the standard deviation of ln(vehicles), is that of a
    lognormal distribution whose 5 % and 95 % points are as far apart as the range's.
    """

    name: str
    median: float
    log_sd: float


@dataclass(frozen=True, slots=True)
class CrossingTraffic:
    """What is assumed of the traffic over crossings without a count.

    ``classes`` by name; ``words``: plain word for a road to class; ``crossing_words``: that for
    a kind of crossing, where the road has none; ``by_kind``: kind of crossing to the
    class that stands for those whose road or path has none. ``least_counted``: fewer counted
    crossings of a class say nothing of its others. ``median_share`` of the variance of
    ln(vehicles) is that of the median; ``spread_worth``: counted crossings that the assumed
    spread is worth.
    """

    id: str
    title: dict[str, str]
    citation: str
    mark: str
    classes: dict[str, TrafficClass]
    words: dict[str, str]
    crossing_words: dict[str, str]
    by_kind: dict[str, str]
    least_counted: int
    median_share: float
    spread_worth: float


def crossing_traffic(name: str = "default", folder: Path = Path()) -> CrossingTraffic:
    """Assumptions by id, or by the path of a TOML file (relative to ``folder``).

    Raises
    ------
    BlackspotsError
        ``missing-preset``, or ``bad-crossing-traffic`` naming the key.

    Examples
    --------
    >>> made = crossing_traffic()
    >>> made.words["duong mon"], made.classes["path"].median
    ('path', 25.0)
    """
    tree, file = read_toml("crossing_traffic", name, folder)
    try:
        return _build(tree)
    except KeyError as error:
        problem = str(error.args[0])
    except (AttributeError, TypeError, ValueError) as error:
        problem = str(error)
    raise BlackspotsError("bad-crossing-traffic", file=file, problem=problem)


def _build(tree: dict[str, Any]) -> CrossingTraffic:
    update = tree["update"]
    classes = {str(name): _class(name, given) for name, given in tree["classes"].items()}
    made = CrossingTraffic(
        id=str(tree["id"]),
        title=dict(tree["title"]),
        citation=str(tree["citation"]),
        mark=str(tree["mark"]),
        classes=classes,
        words=_words(tree["classes"], "words"),
        crossing_words=_words(tree["classes"], "crossing_words"),
        by_kind={str(kind): str(name) for kind, name in tree.get("by_kind", {}).items()},
        least_counted=int(update["least_counted"]),
        median_share=float(update["median_share"]),
        spread_worth=float(update["spread_worth"]),
    )
    wrong = {
        f"classes.{UNKNOWN}": UNKNOWN not in classes,
        "by_kind": not set(made.by_kind.values()) <= classes.keys(),
        "update.least_counted": made.least_counted < 1,
        "update.median_share": not 0 < made.median_share < 1,
        "update.spread_worth": not 1 <= made.spread_worth < math.inf,
    }
    if any(wrong.values()):
        raise ValueError(", ".join(key for key, is_wrong in wrong.items() if is_wrong))
    return made


def _words(classes: dict[str, Any], key: str) -> dict[str, str]:
    """Plain word to class; a word may stand for one only."""
    made = {plain(name): name for name in classes} if key == "words" else {}
    for name, given in classes.items():
        for word in given.get(key, ()):
            if made.setdefault(plain(str(word)), name) != name:
                raise ValueError(f"classes.{name}.{key}: {word}")
    return made


def _class(name: str, given: dict[str, Any]) -> TrafficClass:
    median, (low, high) = float(given["vehicles"]), map(float, given["range"])
    if not 0 < low < median < high < math.inf:
        raise ValueError(f"classes.{name}")
    return TrafficClass(name, median, math.log(high / low) / (2 * _TAIL))
