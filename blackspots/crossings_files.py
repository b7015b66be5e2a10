"""Level crossings from files to files, without a study: detect, match, assign, rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from blackspots import crs as crs_
from blackspots import sources
from blackspots.config import LevelCrossings
from blackspots.crossings.lines import Lines, rail_lines
from blackspots.crossings.matching import Matched, match
from blackspots.crossings.rating import Calibration, Rated
from blackspots.crossings_results import Made
from blackspots.errors import BlackspotsError
from blackspots.level_crossings import (
    CrossingKnowledge,
    empty,
    find_crossings,
    place_crossings,
    rate_register,
)
from blackspots.locating.assigning import assign
from blackspots.locating.places import Reach
from blackspots.presets.crossing_models import crossing_model
from blackspots.presets.crossing_rules import CrossingRules, crossing_rules
from blackspots.presets.crossing_traffic import crossing_traffic
from blackspots.schema import FOUND_CROSSINGS, RAILWAYS
from blackspots.schema.rail import OUTCOMES
from blackspots.sources.findings import Findings
from blackspots.sources.osm import KMH_PER_MPH

TABLES: Final = ("roads", "railways", "inventory", "accidents", "found")
"""What the files of these commands are called where their columns are named."""
_OF_FOUND: Final = (
    *("outcome", "line", "measure", "km", "road_name", "road_class", "crossing_id", "status"),
)
"""What is written of found crossings that were read from a file."""
SPEEDS: Final = {"km/h": 1.0, "mph": KMH_PER_MPH}
"""Units of speed [km/h]."""


@dataclass(frozen=True, slots=True)
class Given:
    """A file with how it is to be read.

    ``columns``: column of the table to its header in the file.
    """

    path: Path
    crs: str | None = None
    layer: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> sources.Source:
        """The file as the readers take it."""
        return sources.Source(self.path, self.layer, self.crs, self.columns)


def detect_files(
    roads: Given,
    railways: Given,
    *,
    crs: str,
    inventory: Given | None = None,
    verified: Path | None = None,
    options: LevelCrossings | None = None,
) -> Made:
    """Find where roads cross railways, and which of it an inventory lists.

    Raises
    ------
    BlackspotsError
        What reading the files says.
    """
    target, findings = _target(crs), Findings()
    tracks = sources.read_railways(railways.source, target, findings)
    ways = sources.read_roads(roads.source, target, findings)
    listed = None if inventory is None else _crossings(inventory, target, findings)
    entries = None
    if verified is not None:
        entries = sources.read_verification(verified, target, findings).entries
    made = find_crossings(
        ways, tracks, listed, entries, crs=target, options=options or LevelCrossings()
    )
    status = made.found["status"].value_counts()
    counts = {code: int(count) for code, count in status.items()}
    lines: list[tuple[str, Mapping[str, Any]]] = [
        ("lines", {"count": len(made.lines.lines), "km": _km(made.lines)}),
        ("found", {"total": len(made.found), **_zero(counts)}),
    ]
    unused = int(made.lines.tracks["reason"].notna().sum())
    if unused:
        lines.append(("unused-tracks", {"count": unused}))
    if listed is not None:
        lines += _match_lines(made.matched)
    rails = made.lines.tracks.drop(columns="node_ids", errors="ignore")
    return Made(
        "detect",
        crs,
        {
            "crossings-found.csv": made.found,
            "crossings-matches.csv": made.matched.matches,
            "tracks.csv": pd.DataFrame(rails.drop(columns=rails.geometry.name)),
        },
        {
            **_lines_layer(made.lines),
            "tracks": rails,
            "found": made.found,
            "inventory": made.crossings,
        },
        {"read": len(ways), "placed": len(made.found), "unplaced": 0},
        tuple(lines),
        findings,
        _agreement(made.matched),
        made,
        verified,
    )


def match_files(
    found: Given, inventory: Given, *, crs: str, railways: Given | None = None, gate: float = 50.0
) -> Made:
    """Match found crossings, of ``detect`` or of anyone, with an inventory, one to one.

    Raises
    ------
    BlackspotsError
        What reading the files says.
    """
    target, findings = _target(crs), Findings()
    listed = _crossings(inventory, target, findings)
    lines = _lines(railways, target, findings, listed)
    points, known = _found(found, target, findings)
    at = place_crossings(points, lines)
    blank = empty(FOUND_CROSSINGS, target).drop(columns="geometry").reindex(points.index)
    own = blank.assign(
        outcome=known["outcome"],
        confidence=known["confidence"],
        tracks=1,
        main_tracks=1,
        in_station=False,
        line_id=at["line_id"],
        line=at["line"],
        measure=at["measure"],
        km=at["km"],
        road_name=points["name"],
        road_class=points["road_class"],
    )
    own.index.name = FOUND_CROSSINGS.index
    places = gpd.GeoDataFrame(own, geometry=points.geometry.array, crs=target)
    placed = place_crossings(listed, lines) if railways is not None else None
    made = match(places, listed, placed=placed, gate=gate)
    # What the file does not tell of its points was only put in to have a whole table.
    told = made.found[[*_OF_FOUND, "geometry"]]
    return Made(
        "match",
        crs,
        {"crossings-matches.csv": made.matches},
        {**_lines_layer(lines), "found": told, "inventory": listed},
        {"read": len(listed), "placed": made.pairs, "unplaced": len(listed) - made.pairs},
        tuple(_match_lines(made)),
        findings,
        _agreement(made),
    )


def assign_files(
    accidents: Given,
    inventory: Given,
    *,
    crs: str,
    railways: Given | None = None,
    all_with_train: bool = False,
    footprint: float = 75.0,
) -> Made:
    """Say which accidents belong to a crossing, to the line, or to the queue before a crossing.

    Raises
    ------
    BlackspotsError
        What reading the files says.
    """
    target, findings = _target(crs), Findings()
    listed = _crossings(inventory, target, findings)
    lines = _lines(railways, target, findings, listed)
    register = _accidents(accidents, target, findings, listed)
    where = assign(
        register.crashes,
        listed,
        lines=lines.lines if railways is not None else None,
        reach=Reach(footprint=footprint),
        all_with_train=all_with_train,
    )
    crashes, joined = register.crashes, _joined(register, where)
    tally = where["place"].value_counts()
    counts = {code: int(tally.get(code, 0)) for code in ("crossing", "railway", "queue")}
    placed = int(where["place"].notna().sum())
    told = {"read": register.read, "none": len(where) - placed, **counts}
    rejected = register.read - len(crashes)
    layer = gpd.GeoDataFrame(joined, geometry=crashes.geometry, crs=target)
    return Made(
        "assign",
        crs,
        {"accidents.csv": joined},
        {
            **_lines_layer(lines),
            "inventory": listed,
            "accidents": layer[layer.geometry.notna()],
        },
        {"read": register.read, "placed": placed, "unplaced": len(where) - placed},
        (("assigned", {**told, "rejected": rejected}),),
        findings,
        counts,
    )


def rate_files(
    inventory: Given,
    *,
    crs: str,
    model: str,
    accidents: Given | None = None,
    railways: Given | None = None,
    by: str | None = None,
    years: float | None = None,
    rules: str = "default",
    on: date | None = None,
    traffic: str = "default",
    calibration: Calibration = "local",
    all_with_train: bool = False,
    speed_unit: str = "km/h",
    vocabulary: str | None = None,
    draws: int = 2000,
    seed: int = 1,
) -> Made:
    """Rate and rank an inventory, with the accidents of a period where they are given.

    Parameters
    ----------
    accidents, years
        Accidents, and the length of their period.
    by
        Header of the accidents' crossing, an id of the inventory; without it they are assigned by
        place.
    on
        Day on which the rules are to hold; the latest ones by default.
    speed_unit
        Unit of plain numbers in the column of speeds, a key of :data:`SPEEDS`.
    vocabulary
        Name of the words or codes of the column of protections; the general words by default.

    Raises
    ------
    BlackspotsError
        What reading the files says; ``rate-years`` when accidents come without the length of
        their period; ``rate-no-crossing`` when none of them names a crossing of the inventory.
    """
    target, findings = _target(crs), Findings()
    if accidents is not None and years is None:
        raise BlackspotsError("rate-years")
    known = crossing_model(model, Path.cwd())
    law = crossing_rules(rules, Path.cwd(), on=on or date.max)
    listed = sources.read_crossings(
        inventory.source, target, findings, speed_unit=SPEEDS[speed_unit]
    )
    lines = _lines(railways, target, findings, listed)
    placed = place_crossings(listed, lines)
    seen = pd.DataFrame({"crashes": pd.array([pd.NA] * len(listed), "Int64")}, index=listed.index)
    extra: dict[str, pd.DataFrame | None] = {}
    told: list[tuple[str, Mapping[str, Any]]] = []
    if accidents is not None:
        axes = lines.lines if railways is not None else None
        at, of_each, read = _accidents_at(
            accidents, listed, axes, target, findings, by=by, all_with_train=all_with_train
        )
        extra["accidents.csv"] = of_each
        used, kept = len(at), len(of_each)
        told.append(
            (
                "used-accidents",
                {"read": read, "used": used, "none": kept - used, "rejected": read - kept},
            )
        )
        hit = at.value_counts().reindex(listed.index).fillna(0)
        seen["crashes"] = hit.astype("Int64")
    presets = CrossingKnowledge(
        model=known, rules=law, traffic=crossing_traffic(traffic, Path.cwd()), closing=None
    )
    made = rate_register(
        listed,
        placed,
        lines,
        seen,
        presets,
        years=years or 1.0,
        draws=draws,
        seed=seed,
        calibration=calibration,
        vocabulary=vocabulary,
    )
    table, rated = made.register, made.rated
    scored = int(table["rank"].notna().sum())
    extra |= {"hold-out.csv": rated.holdout, "calibration.csv": rated.calibration}
    return Made(
        "rate",
        crs,
        {"crossings.csv": table, **{n: f for n, f in extra.items() if f is not None}},
        {**_lines_layer(lines), "crossings": table},
        {"read": len(table), "placed": scored, "unplaced": len(table) - scored},
        (
            ("rated", {"read": len(table), "rated": scored}),
            *_rule_lines(law),
            *told,
            *rate_lines(rated, known.title, history=accidents is not None),
        ),
        findings,
        {"model": known.id, "used": rated.used, "seed": seed, "draws": draws},
    )


def _accidents_at(
    accidents: Given,
    listed: gpd.GeoDataFrame,
    axes: gpd.GeoDataFrame | None,
    target: CRS,
    findings: Findings,
    *,
    by: str | None,
    all_with_train: bool,
) -> tuple[pd.Series, pd.DataFrame, int]:
    """The crossing of each accident at one, all accidents with what became of each, their number.

    Rejected ones are counted, and stand in the findings.
    """
    if by is not None:
        named = sources.read_sites(accidents.source, findings, numbers=[], words=[by])[by]
        there = named.isin(listed.index)
        at = named[there]
        if at.empty:
            first = named.dropna().head(1).tolist() or [""]
            raise BlackspotsError(
                "rate-no-crossing", file=accidents.path.name, column=by, value=first[0]
            )
        why = named.isna().map({True: "names-none", False: "not-in-inventory"})
        each = {"named": named, "crossing_id": at.reindex(named.index), "reason": why.mask(there)}
        return at, pd.DataFrame(each), len(named)
    register = _accidents(accidents, target, findings, listed)
    where = assign(register.crashes, listed, lines=axes, all_with_train=all_with_train)
    at = where.loc[where["place"] == "crossing", "crossing_id"]
    return at, _joined(register, where), register.read


def _joined(register: sources.Register, where: pd.DataFrame) -> pd.DataFrame:
    """The accidents as read, with where each belongs in ``assigned_`` columns."""
    crashes = register.crashes
    plain = pd.DataFrame(crashes.drop(columns=crashes.geometry.name))
    return plain.join(where.add_prefix("assigned_"))


def _rule_lines(law: CrossingRules) -> list[tuple[str, Mapping[str, Any]]]:
    """The rules of protection that a rating went by, and the versions that it could not use."""
    if law.id == "default":
        return []
    lines: list[tuple[str, Mapping[str, Any]]] = [
        ("rules-used", {"title": dict(law.title), "citation": law.citation})
    ]
    for version in law.withheld:
        told = {"citation": version.citation, "why": version.disabled_because}
        lines.append(("rules-withheld", told))
    return lines


def _target(crs: str) -> CRS:
    return crs_.metric(crs_.parse(crs, "--crs"), "--crs")


def _lines(
    railways: Given | None, target: CRS, findings: Findings, listed: gpd.GeoDataFrame
) -> Lines:
    """The lines, their km told by the inventory."""
    tracks = empty(RAILWAYS, target)
    if railways is not None:
        tracks = sources.read_railways(railways.source, target, findings)
    return rail_lines(tracks, crossings=listed)


def _crossings(given: Given, target: CRS, findings: Findings) -> gpd.GeoDataFrame:
    return sources.read_crossings(given.source, target, findings)


def _found(given: Given, target: CRS, findings: Findings) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Points of a file, with ``outcome`` and ``confidence`` of each.

    ``detect`` says which of its points are bridges; those of anyone else are crossings.
    """
    own = {"crossing_id": "found_id", "name": "road_name", "road_class": "road_class"}
    words = ["found_id", "outcome", "road_name", "road_class"]
    try:
        told = sources.read_sites(given.source, Findings(), numbers=["confidence"], words=words)
    except BlackspotsError as error:
        if error.code != "unknown-column":
            raise
        points = _crossings(given, target, findings)
        return points, pd.DataFrame({"outcome": "crossing", "confidence": 1.0}, points.index)
    points = _crossings(replace(given, columns={**own, **given.columns}), target, findings)
    known = told.drop_duplicates("found_id").set_index("found_id").reindex(points.index)
    known["outcome"] = known["outcome"].where(known["outcome"].isin(OUTCOMES), "crossing")
    return points, known.fillna({"confidence": 1.0})


def _accidents(
    given: Given, target: CRS, findings: Findings, listed: gpd.GeoDataFrame
) -> sources.Register:
    return sources.read_crashes(
        [given.path],
        target,
        findings,
        sheets=[given.layer] if given.layer else [],
        crs=given.crs,
        columns=given.columns,
        extent=sources.extent_of(target, roads=None, others=(listed,)),
    )


def _lines_layer(lines: Lines) -> dict[str, pd.DataFrame]:
    made = lines.lines.drop(columns=["post_measures", "post_km"], errors="ignore")
    return {"rail_lines": made} if len(made) else {}


def _km(lines: Lines) -> float:
    return round(float(lines.lines["length"].sum()) / 1000, 1)


def _zero(counts: Mapping[str, int]) -> dict[str, int]:
    known = ("listed", "candidate", "review", "apart", "verified", "refused")
    return {code: counts.get(code, 0) for code in known}


def _agreement(made: Matched) -> dict[str, Any]:
    """Recall and precision; None where there is nothing to divide by."""
    shares = {"recall": made.recall, "precision": made.precision}
    return {name: None if share != share else round(share, 6) for name, share in shares.items()}  # noqa: PLR0124


def _match_lines(made: Matched) -> list[tuple[str, Mapping[str, Any]]]:
    if not made.listed:
        return [("nothing-listed", {})]
    told = {"pairs": made.pairs, "listed": made.listed, "recall": made.recall * 100}
    lines: list[tuple[str, Mapping[str, Any]]] = [("recall", told)]
    if made.found_count:
        share = {"matched": made.found_matched, "found": made.found_count}
        lines.append(("precision", {**share, "precision": made.precision * 100}))
    alone = made.matches[made.matches["found_id"].isna()]
    for code, count in alone["reason"].value_counts().sort_index().items():
        lines.append((f"unmatched:{code}", {"count": int(count)}))
    if made.shift is not None:
        shift = {"dx": made.shift.dx, "dy": made.shift.dy, "count": made.shift.count}
        lines.append(("shift", {"listed": made.listed, **shift}))
    return lines


def rate_lines(
    rated: Rated, title: Mapping[str, str], *, history: bool
) -> list[tuple[str, Mapping[str, Any]]]:
    """What the rating rests on: codes of ``rail.`` and of ``rate-note.`` with their fields.

    ``history``: whether accidents were given; without them none is said to have been counted.
    """
    first: tuple[str, Mapping[str, Any]] = (f"used:{rated.used}", {"model": dict(title)})
    other = {} if history else {"too-few-to-calibrate": "no-accidents-given"}
    return [first, *((f"note:{other.get(code, code)}", about) for code, about in rated.notes)]
