"""Which class a level crossing is of, and whether what guards it is enough.

Rules are data (:mod:`blackspots.presets.crossing_rules`). What is not known of a crossing is
not guessed: the rules are applied to every state that it may be in, and only what they say of
all of these is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise, product
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blackspots.crossings.protection_words import Codes, protection_codes
from blackspots.crossings.traffic import column, meanings, road_words
from blackspots.presets.crossing_rules import Classes, CrossingRules, Protection

__all__ = ["COLUMNS", "Codes", "protect", "protection_codes"]

COLUMNS: Final = ("protection_code", "crossing_class", "required", "complies", "rule_reason")

Flags = NDArray[np.bool_]


def protect(
    crossings: gpd.GeoDataFrame,
    traffic: pd.DataFrame,
    rules: CrossingRules,
    *,
    found: gpd.GeoDataFrame | None = None,
    vocabulary: str | Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Protection, class and compliance of each crossing.

    Parameters
    ----------
    crossings
        :data:`blackspots.schema.CROSSINGS`, or a frame with some of its columns.
    traffic
        As :func:`blackspots.crossings.traffic.traffic_of` makes it.
    rules
        As they hold at the end of the study.
    found
        As for ``traffic_of``: class of the road where the list has none.
    vocabulary
        As for :func:`protection_codes`.

    Returns
    -------
    DataFrame
        Index as the crossings.

        - ``protection_code``: what guards it, None where not known.
        - ``crossing_class``: None where it may be more than one, or is self-opened.
        - ``required``: codes of which one must guard it, joined by ``;``; None where that
          depends on what is not known.
        - ``complies``: whether its protection is one of these; NA where that depends on what
          is not known, or no rule says. A class that may be one of two can do.
        - ``rule_reason``: codes joined by ``;``. ``class-by-road``, ``class-by-exposure``, or
          ``class-uncertain:II/III`` with what would settle it: ``needs-road-class``,
          ``needs-urban``, ``needs-trains``, ``needs-vehicles``; then, where the compliance is
          open, ``needs-protection``, ``needs-sight``, ``needs-kind`` (not known whether it is
          official: class and what is required are those of an official one). ``self-opened``
          (no crossing by law) with ``narrowing-due``, ``narrowed``, ``needs-width`` and
          ``removal-overdue``. ``no-rules``, ``no-class``, ``no-protection-rule``,
          ``no-self-opened-rule`` where the file says nothing for that day or is disabled there
          (``CrossingRules.withheld``).

    Notes
    -----
    Exposure is trains x vehicles a day, from the product of the low to that of the high ends;
    a class is uncertain where that range spans a bound. Every combination of what is not known
    (group of the road, in a town or not, exposure between the bounds, sight) is classed by the
    rules; there are few of them, whatever the number of crossings.

    A self-opened path does not comply where it is to be narrowed and is known to be too wide,
    or where all should have been removed; else nothing is said of it.
    """
    codes = protection_codes(column(crossings, "protection"), vocabulary=vocabulary).codes
    made = pd.DataFrame(
        {
            "protection_code": codes,
            "crossing_class": None,
            "required": None,
            "complies": pd.array([pd.NA] * len(crossings), dtype="boolean"),
            "rule_reason": "no-rules",
        },
        index=crossings.index,
    ).astype({"crossing_class": object, "required": object, "rule_reason": object})
    path = column(crossings, "kind").eq("self-opened").to_numpy(dtype=bool)
    parts = (rules.classes, rules.protection, rules.self_opened)
    if rules.withheld or any(part is not None for part in parts):
        made["rule_reason"] = "no-class"
        if rules.classes is not None:
            judged = _judged(crossings, traffic, rules, road_words(crossings, found), codes)
            made.loc[~path, judged.columns] = judged[~path]
        paths = _paths(crossings, rules)
        made.loc[path, paths.columns] = paths[path]
    for name in COLUMNS:
        if made[name].dtype == object:
            made[name] = made[name].where(made[name].notna(), None)
    return made[list(COLUMNS)]


def _paths(crossings: pd.DataFrame, rules: CrossingRules) -> pd.DataFrame:
    """What the law wants of each crossing, were it a self-opened path."""
    made = pd.DataFrame({"rule_reason": "self-opened"}, index=crossings.index, dtype=object)
    made["complies"] = pd.array([pd.NA] * len(crossings), dtype="boolean")
    rule = rules.self_opened
    if rule is None:
        made["rule_reason"] += ";no-self-opened-rule"
        return made
    given = pd.to_numeric(column(crossings, "width"), errors="coerce")
    width = given.where(given > 0).to_numpy(dtype="float64", na_value=np.nan)
    state = ["needs-width", "narrowing-due"]
    made["rule_reason"] += ";" + np.select(
        [np.isnan(width), width >= rule.narrow_from], state, default="narrowed"
    ).astype(object)
    made.loc[width >= rule.narrow_from, "complies"] = False
    if rule.remove_by and rules.on > date.fromisoformat(rule.remove_by):
        made["rule_reason"] += ";removal-overdue"
        made["complies"] = False
    return made


def _judged(
    crossings: pd.DataFrame,
    traffic: pd.DataFrame,
    rules: CrossingRules,
    words: pd.Series,
    codes: pd.Series,
) -> pd.DataFrame:
    """Class, what is required and compliance of each crossing, were it official."""
    classes, protection = rules.classes, rules.protection
    assert classes is not None  # noqa: S101 - the caller has looked
    states = _States(crossings, traffic, classes, words)
    n = len(crossings)
    names = [*(one.id for one in classes.classes), ""]
    allowed = _allowed(protection)
    said = _Said(n, len(names), len(allowed))
    code = codes.to_numpy(dtype=object)
    enough = [np.isin(code, of) for of in allowed]
    for road, urban, cell, sight in states:
        possible = states.possible(road, urban, cell, sight)
        name, by = _class_of(classes, road, urban=urban, exposure=states.exposures[cell])
        of = allowed.index(protection.allowed[name, sight]) if protection and name else -1
        said.add(possible, names.index(name), by, of, (road, urban, cell, sight))
        if of >= 0:
            said.met |= possible & enough[of]
            said.missed |= possible & ~enough[of]
        else:
            said.open |= possible
    return _table(said, names, allowed, crossings, traffic, code)


def _allowed(protection: Protection | None) -> list[tuple[str, ...]]:
    """The different sets of protections that the rules allow."""
    return [] if protection is None else sorted(set(protection.allowed.values()))


def _class_of(classes: Classes, road: str, *, urban: bool, exposure: float) -> tuple[str, str]:
    """Class of a crossing of which everything is known, and what it is by; empty for none."""
    for one in classes.classes:
        for condition in one.any:
            if condition.holds(road, urban=urban, exposure=exposure):
                return one.id, "exposure" if condition.bounds else "road"
    return "", ""


class _States:
    """The states in which crossings may be, as far as the rules tell them apart."""

    def __init__(
        self, crossings: pd.DataFrame, traffic: pd.DataFrame, classes: Classes, words: pd.Series
    ) -> None:
        bounds = {b for c in classes.classes for one in c.any for b in one.bounds.values()}
        self.bounds = sorted(bounds)
        edges = [0.0, *self.bounds, np.inf]
        # Odd cells are the bounds themselves, even ones lie between.
        self.cells = [(low, high) for pair in pairwise(edges) for low, high in (pair, pair[1:] * 2)]
        del self.cells[-1]
        self.exposures = [_inside(low, high) for low, high in self.cells]
        self.urban = _either(crossings, "urban")
        self.sight = _either(crossings, "sight")
        self.road = self._roads(classes, words)
        low, high = (
            traffic[f"trains_{end}"].to_numpy(dtype="float64")
            * traffic[f"vehicles_{end}"].to_numpy(dtype="float64")
            for end in ("low", "high")
        )
        self.low, self.high = (
            np.where(np.isnan(low), 0.0, low),
            np.where(np.isnan(high), np.inf, high),
        )

    def _roads(self, classes: Classes, words: pd.Series) -> dict[str, Flags]:
        groups = meanings(words, classes.words)
        codes, distinct = pd.factorize(groups)
        return {
            group: np.array([*(group in held for held in distinct), True], dtype=bool)[codes]
            for group in classes.groups or ("",)
        }

    def __iter__(self) -> Iterator[tuple[str, bool, int, bool]]:
        yes_no = (True, False)
        yield from product(self.road, yes_no, range(len(self.cells)), yes_no)

    def possible(self, road: str, urban: bool, cell: int, sight: bool) -> Flags:  # noqa: FBT001
        """Which crossings may be in a state."""
        low, high = self.cells[cell]
        if low == high:
            there = (self.low <= low) & (low <= self.high)
        else:
            # What is counted as 0 lies in the first cell.
            there = (self.low < high) & ((low < self.high) | (low == 0.0))
        return self.road[road] & self.urban[urban] & self.sight[sight] & there


def _inside(low: float, high: float) -> float:
    return low if low == high else 2 * low + 1 if np.isinf(high) else (low + high) / 2


def _either(frame: pd.DataFrame, name: str) -> dict[bool, Flags]:
    """Whether a yes-or-no column may be yes, and whether it may be no."""
    values = column(frame, name)
    unknown = np.asarray(values.isna(), dtype=bool)
    yes = np.asarray(values.where(~unknown, other=False), dtype=bool)
    return {True: yes | unknown, False: ~yes | unknown}


class _Said:
    """What the rules say of each crossing over its states."""

    def __init__(self, n: int, classes: int, allowed: int) -> None:
        self.classes = np.zeros((classes, n), dtype=bool)
        self.allowed = np.zeros((allowed, n), dtype=bool)
        self.by = {"road": np.zeros(n, dtype=bool), "exposure": np.zeros(n, dtype=bool)}
        self.met, self.missed, self.open = (np.zeros(n, dtype=bool) for _ in range(3))
        # By what is not known and its value: the classes, or what is allowed, as a set of bits.
        self.under: dict[str, dict[Any, NDArray[np.int64]]] = {
            name: {} for name in ("road", "urban", "exposure", "sight")
        }

    def add(
        self, possible: Flags, crossing_class: int, by: str, allowed: int, state: tuple[Any, ...]
    ) -> None:
        """Take in a state of the crossings of which it is possible."""
        self.classes[crossing_class] |= possible
        if by:
            self.by[by] |= possible
        if allowed >= 0:
            self.allowed[allowed] |= possible
        for (name, bits), value in zip(self.under.items(), state, strict=True):
            bit = 1 << (allowed + 1 if name == "sight" else crossing_class)
            held = bits.get(value, np.zeros(len(possible), dtype=np.int64))
            bits[value] = held | np.where(possible, bit, 0)

    @property
    def sure(self) -> Flags:
        """Of which crossings the class is the same in every state."""
        return np.asarray(self.classes.sum(axis=0) == 1)

    def matters(self, name: str) -> Flags:
        """Of which crossings the classes (for sight: what is allowed) depend on it."""
        bits = np.array(list(self.under[name].values()))
        most = bits.max(axis=0)
        return np.asarray(((bits != most) & (bits != 0)).any(axis=0))


def _table(
    said: _Said,
    names: list[str],
    allowed: list[tuple[str, ...]],
    crossings: pd.DataFrame,
    traffic: pd.DataFrame,
    code: NDArray[np.object_],
) -> pd.DataFrame:
    n, unread = len(crossings), pd.isna(code)
    official = column(crossings, "kind").eq("official").to_numpy(dtype=bool)
    settled = (said.met ^ said.missed) & ~said.open & ~unread & official
    one = said.sure & (said.classes[-1] == 0)
    made = pd.DataFrame(index=crossings.index)
    made["crossing_class"] = _one_of(said.classes[:-1], names[:-1], one)
    same = (said.allowed.sum(axis=0) == 1) & ~said.open
    made["required"] = _one_of(said.allowed, [";".join(of) for of in allowed], same)
    complies = pd.Series(pd.array(said.met, dtype="boolean"), made.index)
    made["complies"] = complies.where(settled, pd.NA)
    exposure = ~said.sure & said.matters("exposure")
    reasons = {
        "class-by-road": one & ~said.by["exposure"],
        "class-by-exposure": one & said.by["exposure"],
        "no-class-fits": said.sure & ~one,
        "class-uncertain": ~said.sure,
        "needs-road-class": ~said.sure & said.matters("road"),
        "needs-urban": ~said.sure & said.matters("urban"),
        "needs-trains": exposure & ~_exact(traffic, "trains"),
        "needs-vehicles": exposure & ~_exact(traffic, "vehicles"),
        "no-protection-rule": np.full(n, not allowed),
        "needs-protection": unread & bool(allowed),
        "needs-sight": ~settled & said.matters("sight"),
        "needs-kind": ~official,
    }
    text = np.full(n, "", dtype=object)
    for reason, holds in reasons.items():
        text[holds] += f";{reason}"
        if reason == "class-uncertain":
            text[holds] += [":" + _joined(names, held) for held in said.classes[:, holds].T]
    made["rule_reason"] = pd.Series([reason[1:] for reason in text], made.index, dtype=object)
    return made


def _one_of(held: Flags, names: list[str], where: Flags) -> NDArray[np.object_]:
    """The name that is held, where there is one only; else None."""
    made = np.full(len(where), None, dtype=object)
    if names:
        made[where] = np.array(names, dtype=object)[held.argmax(axis=0)[where]]
    return made


def _joined(names: list[str], held: Flags) -> str:
    return "/".join(name for name, is_it in zip(names, held, strict=True) if name and is_it)


def _exact(traffic: pd.DataFrame, name: str) -> Flags:
    """Whether low and high ends are known and the same."""
    return traffic[f"{name}_low"].eq(traffic[f"{name}_high"]).to_numpy(dtype=bool)
