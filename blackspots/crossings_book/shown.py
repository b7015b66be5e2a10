"""The tables of the register in words: codes of the language, unknown left empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from blackspots.labels import format_number, has, text
from blackspots.rail_words import rate_reason
from blackspots.referencing import km_text

FINE: Final = "0.0000"
REGISTER: Final[Mapping[str, str]] = {
    **dict.fromkeys(("crossing_id", "name", "kind", "line", "km", "area", "crossing_class"), ""),
    **dict.fromkeys(("protection", "required", "complies"), ""),
    **dict.fromkeys(("vehicles", "vehicles_low", "vehicles_high", "trains"), "#,##0"),
    **dict.fromkeys(("crashes", "deaths", "rank", "rank_low", "rank_high"), "0"),
    **dict.fromkeys(("score", "accidents", "accidents_low", "accidents_high"), FINE),
    **dict.fromkeys(("vehicles_from", "trains_from"), ""),
    **dict.fromkeys(("queue_crashes", "injured"), "0"),
    "listed": "",
    "reasons": "",
}
"""Columns of the register's sheet, and their number formats."""
COUNTED: Final = (
    *("crossings", "official", "self_opened", "unknown", "complying", "not_complying"),
    *("compliance_unknown", "crashes", "queue_crashes", "deaths", "injured"),
)
SUMS: Final[Mapping[str, str]] = {
    **dict.fromkeys(COUNTED, "#,##0"),
    "accidents": "0.00",
    "without_accidents": "#,##0",
}
CLOSURES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("stretch", "line", "km_from", "km_to", "best"), ""),
    **dict.fromkeys(("paths", "n_closed"), "0"),
    "closed": "",
    **dict.fromkeys(("service_road", "fence", "detour_mean", "detour_longest"), "#,##0"),
    **dict.fromkeys(("vehicles_moved", "cost", "cost_low", "cost_high"), "#,##0"),
    **dict.fromkeys(("upkeep", "detour_cost"), "#,##0.0"),
    "avoided_fatal": "0.000",
    "life": "0",
    **dict.fromkeys(("kept", "mark"), ""),
}
_MONEY: Final = ("cost", "cost_low", "cost_high", "upkeep", "detour_cost")
NOT_FOUND: Final = ("crossing_id", "name", "kind", "line", "km", "area", "reason")
UNLISTED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("found_id", "line", "km", "road_name", "road_class"), ""),
    "tracks": "0",
    **dict.fromkeys(("outcome", "status"), ""),
    "confidence": "0%",
    "reasons": "",
}
_PLACE_REASONS: Final = ("place-reason", "page.place-reason")
_FOUND_REASONS: Final = ("found-reason", "page.found-reason")
_ROAD_CLASSES: Final = ("road-class", "page.road-class", "traffic-class")
"""Sections of the label files in which a code is looked up, the first that has it."""
_UNLISTED_STATUS: Final = ("candidate", "review", "verified", "refused")
"""Status of what the maps show and the inventory has not; bridges and tunnels are no crossings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the register is made of; ``shown`` is the register in words, one row a crossing.

    ``unit`` names the unit of money, ``money_unit`` is that many of the currency.
    """

    register: pd.DataFrame
    shown: pd.DataFrame
    closures: pd.DataFrame | None
    matches: pd.DataFrame
    found: pd.DataFrame
    by_line: pd.DataFrame
    by_area: pd.DataFrame
    notes: Sequence[str]
    sources: Sequence[str]
    title: str
    period: str
    language: str
    unit: str
    money_unit: float


def unit_of(currency: str, money_unit: float, language: str) -> str:
    """Name of a unit of money: ``million VND``."""
    key = f"rail-book.unit.{money_unit:.0f}"
    times = format_number(money_unit, language)
    return text(
        key if has(key) else "rail-book.unit.other", language, currency=currency, times=times
    )


def _say(codes: Any, groups: Iterable[str], language: str, sign: str = "; ") -> str | None:
    """Codes joined by ; in words, from the first group that has them; else as they stand.

    What follows the colon of a code (``class-uncertain:I/II``, ``by-counted:path``) is a field
    of its sentence.
    """
    if not isinstance(codes, str) or not codes:
        return None
    told = []
    for one in codes.split(";"):
        code, _, about = one.partition(":")
        key = next((f"{group}.{code}" for group in groups if has(f"{group}.{code}")), None)
        kind = f"traffic-class.{about}"
        fields = {
            "about": about,
            "classes": about.replace("/", text("rail-book.or", language)),
            "class": text(kind, language) if has(kind) else about,
        }
        told.append(one if key is None else text(key, language, **fields))
    return sign.join(told)


def words(codes: pd.Series, groups: Iterable[str], language: str, sign: str = "; ") -> pd.Series:
    """A column of codes in words, each different one looked up once; unknown stays empty."""
    known = {code: _say(code, tuple(groups), language, sign) for code in codes.dropna().unique()}
    made = codes.astype(object).map(known)
    return made.astype(object).where(made.notna(), None)


def yes_no(values: pd.Series, language: str, key: str) -> pd.Series:
    """What is so in words of the label section; unknown stays empty."""
    said = {True: text(f"{key}.yes", language), False: text(f"{key}.no", language)}
    made = values.astype(object).map(said).astype(object)
    return made.where(made.notna(), None)


def posts(kms: pd.Series) -> list[str | None]:
    """Km as they are written on posts."""
    known = kms.to_numpy("float64", na_value=np.nan)
    return [km_text(km) if np.isfinite(km) else None for km in known]


def register_shown(register: pd.DataFrame, language: str) -> pd.DataFrame:
    """The register's columns with codes in words, numbers as they are."""
    made = register.reset_index().reindex(columns=list(REGISTER)).astype(object)
    of = register.reset_index()
    made["km"] = pd.Series(posts(of["km"]), dtype=object)
    made["kind"] = words(of["kind"].where(of["kind"].ne("unknown")), ["rail-book.kind"], language)
    # A word for protection that no rule understands is still what the list says.
    guard = words(of["protection_code"], ["protection"], language)
    made["protection"] = guard.where(guard.notna(), of["protection"])
    either = text("rail-book.or", language)
    made["required"] = words(of["required"], ["protection"], language, either)
    made["complies"] = yes_no(of["complies"], language, "rail-book.complies")
    made["vehicles_from"] = words(of["vehicles_from"], ["vehicles-from"], language)
    trains_from = of["trains_from"].where(of["trains_from"].ne("unknown"))
    made["trains_from"] = words(trains_from, ["trains-from"], language)
    made["listed"] = yes_no(of["listed"], language, "term")
    rated = {code: rate_reason(code, language) for code in of["rate_reason"].dropna().unique()}
    parts = pd.DataFrame(
        {
            "place": words(of["place_reason"], _PLACE_REASONS, language),
            "rule": words(of["rule_reason"], ["rule-reason"], language),
            "rate": of["rate_reason"].map(rated),
            "listed": of["listed"].map({False: text("rail-book.unlisted-one", language)}),
        },
        dtype=object,
    )
    made["reasons"] = [
        "; ".join(part for part in row if isinstance(part, str) and part) or None
        for row in parts.to_numpy(dtype=object)
    ]
    return made


def closures_shown(given: Given) -> pd.DataFrame:
    """The options in the order of the railway, money in its unit, codes in words."""
    language = given.language
    of = (given.closures if given.closures is not None else pd.DataFrame()).reset_index(drop=True)
    made = of.reindex(columns=list(CLOSURES)).astype(object)
    ends = [
        of[f"{end}_crossing"].fillna(text(f"rail-book.{word}", language)).astype(str)
        for end, word in (("from", "line-start"), ("to", "line-end"))
    ]
    made["stretch"] = ends[0] + " – " + ends[1]
    for column in ("km_from", "km_to"):
        made[column] = pd.Series(posts(of[column]), dtype=object)
    made["best"] = of["best"].map({True: text("rail-book.best-yes", language)}).astype(object)
    for column in ("closed", "kept"):
        made[column] = of[column].map(lambda names: names.replace(";", ", "), na_action="ignore")
    for column in _MONEY:
        made[column] = of[column] / given.money_unit
    made["mark"] = words(of["mark"], ["mark"], language)
    return made


def not_found_shown(given: Given) -> pd.DataFrame:
    """Crossings of the inventory without a found one, in the order of the register."""
    alone = given.matches[given.matches["found_id"].isna() & given.matches["crossing_id"].notna()]
    known = given.shown.set_index("crossing_id")
    order = pd.Series(np.arange(len(known)), index=known.index)
    alone = alone.iloc[np.argsort(alone["crossing_id"].map(order).to_numpy(), kind="stable")]
    made = known.reindex(alone["crossing_id"]).reset_index()
    reason = alone["reason"].reset_index(drop=True)
    made["reason"] = words(reason, ["unmatched"], given.language)
    return made[list(NOT_FOUND)]


def unlisted_shown(given: Given) -> pd.DataFrame:
    """Places that the maps show and the inventory has not, by line and km."""
    language = given.language
    of = given.found[given.found["status"].isin(_UNLISTED_STATUS)].reset_index()
    made = of.reindex(columns=list(UNLISTED)).astype(object)
    made["km"] = pd.Series(posts(of["km"]), dtype=object)
    made["road_class"] = words(of["road_class"], _ROAD_CLASSES, language)
    made["outcome"] = words(of["outcome"], ["verify.outcome"], language)
    made["status"] = words(of["status"], ["rail-book.status"], language)
    made["reasons"] = words(of["reasons"], _FOUND_REASONS, language)
    return made


def sums_shown(sums: pd.DataFrame, none: str, language: str) -> pd.DataFrame:
    """Sums with a name in their first column, and a last row of their total."""
    made = sums.reset_index(names="name")
    made["name"] = made["name"].replace("", none)
    if len(made) > 1:
        # What no row has stays unknown; what some have is their sum, as in the rows themselves.
        total = sums[list(SUMS)].sum(min_count=1).to_frame().T
        total.insert(0, "name", text("term.total", language))
        made = pd.concat([made.astype(object), total.astype(object)], ignore_index=True)
    return made
