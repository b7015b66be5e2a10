"""Level crossings from files to files, without a study: detect, match, assign, rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from blackspots import crs as crs_
from blackspots import sources
from blackspots.config import LevelCrossings
from blackspots.crossings.lines import Lines, rail_lines
from blackspots.crossings.matching import Matched, match
from blackspots.crossings.protection import protect
from blackspots.crossings.rating import Rated, rate
from blackspots.crossings.register import assemble
from blackspots.crossings.traffic import traffic_of
from blackspots.crossings_results import Made
from blackspots.errors import BlackspotsError
from blackspots.level_crossings import empty, find_crossings, place_crossings
from blackspots.locating.assigning import assign
from blackspots.locating.places import Reach
from blackspots.presets.crossing_models import crossing_model
from blackspots.presets.crossing_rules import crossing_rules
from blackspots.presets.crossing_traffic import crossing_traffic
from blackspots.schema import FOUND_CROSSINGS, RAILWAYS
from blackspots.sources.findings import Findings

TABLES: Final = ("roads", "railways", "inventory", "accidents", "found")
"""What the files of these commands are called where their columns are named."""
Calibration = Literal["local", "factors", "none"]


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
    return Made(
        "detect",
        crs,
        {"crossings-found.csv": made.found, "crossings-matches.csv": made.matched.matches},
        {**_lines_layer(made.lines), "found": made.found, "inventory": made.crossings},
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
    lines = _lines(railways, target, findings)
    listed = _crossings(inventory, target, findings)
    points = _crossings(found, target, findings)
    at = place_crossings(points, lines)
    blank = empty(FOUND_CROSSINGS, target).drop(columns="geometry").reindex(points.index)
    own = blank.assign(
        outcome="crossing",
        confidence=1.0,
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
    return Made(
        "match",
        crs,
        {"crossings-matches.csv": made.matches},
        {**_lines_layer(lines), "found": made.found, "inventory": listed},
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
    lines = _lines(railways, target, findings)
    listed = _crossings(inventory, target, findings)
    register = _accidents(accidents, target, findings, listed)
    where = assign(
        register.crashes,
        listed,
        lines=lines.lines if railways is not None else None,
        reach=Reach(footprint=footprint),
        all_with_train=all_with_train,
    )
    crashes = register.crashes
    joined = pd.DataFrame(crashes.drop(columns=crashes.geometry.name)).join(
        where.add_prefix("assigned_")
    )
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
        Day on which the rules are to hold; today's in force by default.

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
    lines = _lines(railways, target, findings)
    listed = _crossings(inventory, target, findings)
    placed = place_crossings(listed, lines)
    figures = traffic_of(
        listed, placed=placed, lines=lines, preset=crossing_traffic(traffic, Path.cwd())
    )
    guard = protect(listed, figures, law)
    seen = pd.DataFrame({"crashes": pd.array([pd.NA] * len(listed), "Int64")}, index=listed.index)
    read = used = 0
    if accidents is not None:
        axes = lines.lines if railways is not None else None
        at, read = _accidents_at(
            accidents, listed, axes, target, findings, by=by, all_with_train=all_with_train
        )
        used = len(at)
        hit = at.value_counts().reindex(listed.index).fillna(0)
        seen["crashes"] = hit.astype("Int64")
    rated = rate(
        listed.assign(protection_code=guard["protection_code"]),
        figures,
        known,
        crashes=None if accidents is None else seen["crashes"],
        years=years or 1.0,
        draws=draws,
        seed=seed,
        calibration=calibration,
    )
    table = assemble(
        listed,
        placed=placed,
        areas=pd.Series(None, listed.index, dtype="object"),
        listed=pd.Series(data=True, index=listed.index),
        traffic=figures,
        protection=guard,
        counts=seen,
        rated=rated.table,
    )
    scored = int(table["rank"].notna().sum())
    extra = {"hold-out.csv": rated.holdout, "calibration.csv": rated.calibration}
    return Made(
        "rate",
        crs,
        {"crossings.csv": table, **{n: f for n, f in extra.items() if f is not None}},
        {**_lines_layer(lines), "crossings": table},
        {"read": len(table), "placed": scored, "unplaced": len(table) - scored},
        (
            ("rated", {"read": len(table), "rated": scored}),
            *([("used-accidents", {"read": read, "used": used})] if accidents is not None else []),
            *rate_lines(rated, known.title),
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
) -> tuple[pd.Series, int]:
    """The crossing of each accident at one, and how many accidents were read."""
    if by is not None:
        named = sources.read_sites(accidents.source, findings, numbers=[], words=[by])[by]
        at = named[named.isin(listed.index)]
        if at.empty:
            first = named.dropna().head(1).tolist() or [""]
            raise BlackspotsError(
                "rate-no-crossing", file=accidents.path.name, column=by, value=first[0]
            )
        return at, len(named)
    register = _accidents(accidents, target, findings, listed)
    where = assign(register.crashes, listed, lines=axes, all_with_train=all_with_train)
    return where.loc[where["place"] == "crossing", "crossing_id"], register.read


def _target(crs: str) -> CRS:
    return crs_.metric(crs_.parse(crs, "--crs"), "--crs")


def _lines(railways: Given | None, target: CRS, findings: Findings) -> Lines:
    tracks = empty(RAILWAYS, target)
    if railways is not None:
        tracks = sources.read_railways(railways.source, target, findings)
    return rail_lines(tracks)


def _crossings(given: Given, target: CRS, findings: Findings) -> gpd.GeoDataFrame:
    return sources.read_crossings(given.source, target, findings)


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


def rate_lines(rated: Rated, title: Mapping[str, str]) -> list[tuple[str, Mapping[str, Any]]]:
    """What the rating rests on: codes of ``rail.`` and of ``rate-note.`` with their fields."""
    first: tuple[str, Mapping[str, Any]] = (f"used:{rated.used}", {"model": dict(title)})
    return [first, *((f"note:{code}", about) for code, about in rated.notes)]
