"""The review list: crashes of uncertain place with their alternatives, for a person to decide.

The list holds every earlier decision too, so that it can replace the one it was read from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots import crs as crs_
from blackspots import referencing
from blackspots.config import Study
from blackspots.errors import BlackspotsError
from blackspots.kept_files import KeptFile, as_written
from blackspots.labels import format_number, text
from blackspots.reports.pictures import Mark, Scene, Surroundings, draw
from blackspots.reports.review_book import Block, Page, write_review_book
from blackspots.schema import SEVERITIES
from blackspots.sources.choices import LETTERS, NONE
from blackspots.sources.decisions import Alternative, Entry, data_rows, read_entries
from blackspots.sources.fingerprints import Recorded, is_made_up, recorded
from blackspots.study import Placed

NAME: Final = "review.xlsx"
OTHER_NAME: Final = "review-new.xlsx"
"""Name of the new list where the first one is the file that decisions are read from."""
_LIST: Final = KeptFile(NAME, OTHER_NAME)
MOST: Final = 5_000
"""Crashes in a list: more are not worked through by hand."""
PICTURES: Final = 500

_ONE_PLACE: Final = 100.0
"""Distance [m] along a road within which candidates on it are one alternative."""
_ON: Final = 25.0
"""Distance [m] from a road within which an earlier alternative is on it."""
_LEAST_SPREAD: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Listed:
    """A crash of the list, with what its picture shows."""

    entry: Entry
    facts: tuple[str, ...]
    lines: tuple[shapely.Geometry | None, ...]
    radius: float


@dataclass(frozen=True, slots=True)
class ReviewList:
    """Crashes to be decided, and those that are; ``total``: to be decided, the cut ones too."""

    placed: Placed
    open: list[_Listed] = field(default_factory=list)
    decided: list[_Listed] = field(default_factory=list)
    total: int = 0


def list_name(folder: Path, study: Study) -> str:
    """Name of the list that is written into ``folder``: never that of the one that is read."""
    return _LIST.name_in(folder, _read(study))


def _read(study: Study) -> Path | None:
    """The list that decisions are read from."""
    read = study.locating.decisions
    return None if read is None else study.resolve(read)


def refuse_unread(folder: Path, study: Study) -> None:
    """Refuse to replace a list with decisions that the study does not read.

    Raises
    ------
    BlackspotsError
        ``decisions-unread``, or ``decisions-foreign`` when the file is no review list.
    """
    path = folder / list_name(folder, study)
    if not path.is_file():
        return
    target = crs_.parse(study.study.crs, "[study] crs")
    there = read_entries(path, target)
    made = {crash: each for crash, each in there.items() if each.choice not in {"", each.written}}
    if made and study.locating.decisions is not None:
        read = read_entries(study.resolve(study.locating.decisions), target)
        made = {c: each for c, each in made.items() if not _same(each, read.get(c))}
    if made:
        told = as_written(path, study.folder)
        raise BlackspotsError(
            "decisions-unread", file=str(path), count=len(made), first=min(made), path=told
        )


def keep_read(folder: Path, fresh: Path, study: Study) -> None:
    """Copy the list that decisions were read from into the folder that takes its folder's place."""
    _LIST.keep(folder, fresh, _read(study))


def _same(one: Entry, other: Entry | None) -> bool:
    if other is None or not other.choice:
        return False
    if one.place is None or other.place is None:
        # An id that tells the row may be that of another crash in the other list.
        known = (each.recorded.fingerprint for each in (one, other) if each.recorded)
        return one.place is other.place and len(set(known)) < 2  # noqa: PLR2004 - one crash
    return bool(np.hypot(*np.subtract(one.place, other.place)) < 1)


def write_review(placed: Placed, path: Path, banner: str = "") -> None:
    """Write the review list of placed crashes as a workbook."""
    listed = review_list(placed)
    language = placed.study.study.language
    around = _surroundings(placed)
    left = iter(range(PICTURES))

    def blocks(part: list[_Listed]) -> Iterator[Block]:
        for each in part:
            marks = [
                Mark(one.x, one.y, line)
                for one, line in zip(each.entry.alternatives, each.lines, strict=True)
            ]
            scene = Scene(marks, each.entry.spot, each.radius)
            picture = draw(scene, around) if next(left, None) is not None else None
            yield Block(
                each.entry.crash_id,
                each.facts,
                picture,
                [(a.letter, a.place, a.distance, a.probability) for a in each.entry.alternatives],
                _shown(each.entry.choice, language),
            )

    pages = [_page(listed, "open", list(blocks(listed.open)))]
    if listed.decided:
        pages.append(_page(listed, "decided", list(blocks(listed.decided))))
    entries = [each.entry for each in (*listed.open, *listed.decided)]
    write_review_book(
        path, pages, data_rows(entries, placed.located.crs), language=language, banner=banner
    )


def _shown(choice: str, language: str) -> str:
    return text("review.none", language) if choice == NONE else choice


def _page(listed: ReviewList, kind: str, blocks: list[Block]) -> Page:
    study = listed.placed.study
    language = study.study.language

    def say(key: str, **fields: Any) -> str:
        return text(f"review.{key}", language, **fields)

    name = study.study.name.get(language) or next(iter(study.study.name.values()))
    head = say("title" if kind == "open" else "title-decided")
    lines = [f"{head} – {name}"]
    if not blocks:
        lines.append(say("nothing"))
    else:
        lines.append(say("how" if kind == "open" else "how-decided"))
        lines.append(say("legend"))
        if kind == "open":
            lines.append(say("order", certain=study.locating.certain * 100))
            if listed.total > len(blocks):
                lines.append(say("cut", shown=len(blocks), total=listed.total))
        drawn = sum(block.picture is not None for block in blocks)
        if drawn < len(blocks):
            lines.append(say("cut-pictures", shown=drawn))
    return Page(say(f"sheet-{kind}"), lines, blocks)


def review_list(placed: Placed) -> ReviewList:
    """The crashes to be decided, the severest and most doubtful first, and those decided."""
    words = _Words(placed)
    located, candidates = placed.located, placed.placement.candidates
    decisions = placed.inputs.decisions
    earlier = dict(decisions.entries) if decisions else {}
    stale = {*placed.placement.stale, *(decisions.moved if decisions else ())}
    groups = dict(iter(candidates.groupby("crash_id", sort=False)))
    ranked = _by_severity(located)
    doubted = [crash for crash in ranked if crash in groups]
    made = ReviewList(placed, total=len(doubted))
    made.open.extend(
        words.of_candidates(crash, groups[crash], stale=crash in stale) for crash in doubted[:MOST]
    )
    listed = {each.entry.crash_id for each in made.open}
    place = {crash: row for row, crash in enumerate(ranked)}
    order = sorted(earlier, key=lambda crash: (place.get(crash, len(place)), crash))
    made.decided.extend(
        words.of_entry(earlier[crash], stale=crash in stale)
        for crash in order
        if crash not in listed
    )
    return made


def _by_severity(located: gpd.GeoDataFrame) -> list[str]:
    keys = pd.DataFrame(
        {
            "severity": located["severity"].map({s: i for i, s in enumerate(SEVERITIES)}),
            "deaths": -located["deaths"].astype("float64").fillna(0),
            "sure": located["probability"].astype("float64").fillna(1).round(2),
            "row": np.arange(len(located)),
        },
        index=located.index,
    )
    order = keys.sort_values(["severity", "deaths", "sure", "row"], kind="stable")
    return [str(crash) for crash in order.index]


def _surroundings(placed: Placed) -> Surroundings:
    none = np.zeros(0, dtype=object)
    network, railways = placed.network, placed.inputs.railways
    roads = np.asarray(network.segments.geometry.array) if network else none
    main = network.segments["ref"].notna().to_numpy() if network else np.zeros(0, dtype=bool)
    rails = none if railways is None else np.asarray(railways.geometry.array)
    return Surroundings(roads, main, rails)


class _Words:
    """Crashes and places in the study's language."""

    def __init__(self, placed: Placed) -> None:
        self.language = placed.study.study.language
        self.network, self.inputs = placed.network, placed.inputs
        self.crashes, self.located = placed.inputs.register.crashes, placed.located
        self.sigma = placed.placement.sigma
        self.told = recorded(self.crashes)
        self.tree = shapely.STRtree(
            placed.network.segments.geometry.array if placed.network else []
        )

    def say(self, key: str, **fields: Any) -> str:
        return text(f"review.{key}", self.language, **fields)

    def of_candidates(self, crash: str, rows: pd.DataFrame, *, stale: bool) -> _Listed:
        """A crash that is to be decided."""
        places = _one_each(rows)
        spot = self.spot(crash)
        names = [self.place(row) for row, _ in places]
        alternatives, lines = [], []
        for letter, (row, share), name in zip(LETTERS, places, names, strict=False):
            told = name if names.count(name) == 1 else f"{name} ({row.road_id})"
            distance = np.hypot(row.x - spot[0], row.y - spot[1]) if spot else np.nan
            alternatives.append(Alternative(letter, row.x, row.y, float(distance), share, told))
            lines.append(self.line(row) if row.place == "segment" else None)
        entry = Entry(crash, spot, tuple(alternatives), recorded=Recorded(*self.told.loc[crash]))
        facts = self.facts(entry, self.say("stale") if stale else "", self._recorded(crash))
        return _Listed(entry, facts, tuple(lines), self.radius(crash))

    def of_entry(self, entry: Entry, *, stale: bool) -> _Listed:
        """A crash that was decided earlier, with the alternatives it had then."""
        points = [shapely.Point(each.x, each.y) for each in entry.alternatives]
        near = self.tree.query_nearest(points, max_distance=_ON, all_matches=False)
        on = dict(zip(*near.tolist(), strict=True))
        shapes: Any = self.tree.geometries
        lines = tuple(shapes[on[i]] if i in on else None for i in range(len(points)))
        known = entry.crash_id in self.crashes.index
        note = self.say("stale") if stale else "" if known else self.say("gone")
        # The row that an id tells may be that of another crash now.
        here = known and not (stale and is_made_up(entry.crash_id))
        facts = self.facts(
            entry, note, self._recorded(entry.crash_id) if here else self._remembered(entry)
        )
        return _Listed(entry, facts, lines, self.radius(entry.crash_id))

    def spot(self, crash: str) -> tuple[float, float] | None:
        point: Any = self.crashes.geometry.loc[crash]
        return None if point is None or point.is_empty else (float(point.x), float(point.y))

    def radius(self, crash: str) -> float:
        """Within which the place lies with about 95 %."""
        own = self.crashes["uncertainty"].get(crash, np.nan)
        vague = 0.0 if pd.isna(own) else float(own) / 2
        usual = _LEAST_SPREAD if np.isnan(self.sigma) else max(self.sigma, _LEAST_SPREAD)
        return 2 * float(np.hypot(usual, vague))

    def line(self, row: Any) -> shapely.Geometry | None:
        if self.network is None or pd.isna(row.segment_id):
            return None
        shape: shapely.Geometry = self.network.segments.geometry.loc[int(row.segment_id)]
        return shape

    def place(self, row: Any) -> str:
        """A candidate in words."""
        if row.place == "crossing":
            crossings = self.inputs.crossings
            name = None if crossings is None else crossings["name"].get(row.crossing_id)
            return self.say("crossing", name=name or row.crossing_id)
        if row.place == "junction" and self.network is not None:
            label = self.network.junctions["label"].get(int(row.junction_id))
            return self.say("junction", name=label or self.road(row))
        road = self.road(row)
        return self.say("by-post", place=road) if row.located_by == "route_km" else road

    def road(self, row: Any) -> str:
        if self.network is None or pd.isna(row.segment_id):
            return str(row.road_id)
        segment: Any = self.network.segments.loc[int(row.segment_id)]
        names = [word for word in (segment["ref"], segment["name"]) if isinstance(word, str)]
        road = next(filter(None, names), "")
        if not road:
            return self.say("unnamed", road=row.road_id)
        km = referencing.km_at(self.network.routes, int(row.route_id), row.route_measure)
        if np.isnan(km):
            metres = format_number(row.route_measure, self.language)
            return self.say("along", road=road, metres=metres)
        return f"{road} {referencing.km_text(km)}"

    def facts(self, entry: Entry, note: str, told: Iterator[str]) -> tuple[str, ...]:
        """What is known of a crash, in short lines; ``told``: those of the register."""
        lines = [note] if note else []
        lines += told
        points = np.array([(each.x, each.y) for each in entry.alternatives])
        gap = float(np.hypot(*(points[:, None] - points[None]).T).max())
        lines.append(self.say("apart", metres=format_number(gap, self.language)))
        return tuple(lines)

    def _remembered(self, entry: Entry) -> Iterator[str]:
        """What the list says of a crash that the register does not hold."""
        told = entry.recorded or Recorded()
        if told.date:
            yield f"{date.fromisoformat(told.date):%d/%m/%Y}"
        yield from self._at_post(told.route, told.km)

    def _at_post(self, road: str, km: float) -> Iterator[str]:
        post = "" if np.isnan(km) else referencing.km_text(km)
        if road or post:
            yield self.say("recorded", place=f"{road} {post}".strip())

    def _recorded(self, crash: str) -> Iterator[str]:
        row: pd.Series = self.crashes.loc[crash]
        hour = "" if pd.isna(row["hour"]) else f" · {int(row['hour'])} h"
        if not pd.isna(row["date"]):
            yield f"{row['date']:%d/%m/%Y}{hour}"
        severity = text(f"severity.{row['severity']}", self.language)
        deaths = 0 if pd.isna(row["deaths"]) else int(row["deaths"])
        yield f"{severity} · {self.say('deaths', count=deaths)}" if deaths else severity
        if isinstance(row["district"], str):
            yield row["district"]
        road = row["route"] if isinstance(row["route"], str) else ""
        yield from self._at_post(road, float(row["km"]))
        sheet = f" [{row['source_sheet']}]" if isinstance(row["source_sheet"], str) else ""
        if row["source_file"]:
            file = f"{row['source_file']}{sheet}"
            yield self.say("row", file=file, row=str(row["source_row"]))


def _one_each(rows: pd.DataFrame) -> list[tuple[Any, float]]:
    """The likeliest candidate of each place, and the probability of all that are there."""
    made: list[tuple[Any, float]] = []
    row: Any
    for row in rows.sort_values("rank").itertuples():
        same = (i for i, (other, _) in enumerate(made) if _is_same(row, other))
        i = next(same, None)
        if i is None:
            made.append((row, float(row.probability)))
        else:
            made[i] = (made[i][0], made[i][1] + float(row.probability))
    return sorted(made, key=lambda each: -each[1])[: len(LETTERS)]


def _is_same(one: Any, other: Any) -> bool:
    if one.place != other.place:
        return False
    if one.place != "segment":
        column = f"{one.place}_id"
        return bool(getattr(one, column) == getattr(other, column))
    same = one.route_id == other.route_id and one.located_by == other.located_by
    return bool(same and abs(one.route_measure - other.route_measure) <= _ONE_PLACE)
