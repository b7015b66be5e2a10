"""The level crossings of a study: found, matched, rated, and closed in groups.

Where the modules of :mod:`blackspots.crossings` meet; frames in, frames out.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from blackspots.config import LevelCrossings
from blackspots.crossings.closing import Closures, closure_options
from blackspots.crossings.detecting import detect
from blackspots.crossings.lines import Lines, on_lines, rail_lines
from blackspots.crossings.matching import Matched, match
from blackspots.crossings.protection import protect
from blackspots.crossings.rating import Calibration, Rated, rate
from blackspots.crossings.register import assemble, counts
from blackspots.crossings.traffic import traffic_of
from blackspots.crossings.verified import Applied, apply_verified
from blackspots.presets.closing import ClosingPrices
from blackspots.presets.crossing_models import CrossingModel
from blackspots.presets.crossing_rules import CrossingRules
from blackspots.presets.crossing_traffic import CrossingTraffic
from blackspots.referencing import km_text
from blackspots.schema import CROSSINGS, EMPTY, FOUND_CROSSINGS, RAILWAYS, Table


@dataclass(frozen=True, slots=True)
class CrossingKnowledge:
    """The presets that level crossings are judged by.

    ``closing`` is None where no prices in the study's currency are at hand.
    """

    model: CrossingModel
    rules: CrossingRules
    traffic: CrossingTraffic
    closing: ClosingPrices | None


@dataclass(frozen=True, slots=True)
class Railway:
    """The railway of a study and what crosses it.

    ``crossings``: :data:`blackspots.schema.CROSSINGS`, listed and confirmed in the field, perhaps
    none. ``placed``: where each lies (:func:`blackspots.crossings.lines.on_lines`). ``applied``:
    what became of the list that came back from the field; None without one.
    """

    lines: Lines
    matched: Matched
    crossings: gpd.GeoDataFrame
    placed: pd.DataFrame
    applied: Applied | None

    @property
    def found(self) -> gpd.GeoDataFrame:
        """Where roads and railways meet, with what the field said of it."""
        return self.matched.found if self.applied is None else self.applied.found


@dataclass(frozen=True, slots=True)
class CrossingRegister:
    """All crossings with their class, protection, traffic, accidents, rating.

    ``register``: :data:`blackspots.schema.CROSSING_REGISTER`.
    """

    register: gpd.GeoDataFrame
    traffic: pd.DataFrame
    rated: Rated


def find_crossings(
    roads: gpd.GeoDataFrame | None,
    railways: gpd.GeoDataFrame | None,
    listed: gpd.GeoDataFrame | None,
    entries: gpd.GeoDataFrame | None,
    *,
    crs: CRS,
    options: LevelCrossings,
) -> Railway:
    """Find where roads cross the railway, and which of it is listed.

    Parameters
    ----------
    listed
        :data:`blackspots.schema.CROSSINGS`; None where the study has no list.
    entries
        Answers of the field (:func:`blackspots.sources.read_verification`).
    crs
        CRS of all of them.
    """
    inventory = empty(CROSSINGS, crs) if listed is None else listed
    lines = rail_lines(empty(RAILWAYS, crs) if railways is None else railways, crossings=listed)
    found = empty(FOUND_CROSSINGS, crs)
    if roads is not None and len(lines.lines):
        found = detect(roads, lines, facing=options.facing)
    placed = place_crossings(inventory, lines)
    matched = match(found, inventory, placed=placed, gate=options.match)
    applied, crossings = None, inventory
    if entries is not None:
        applied = apply_verified(matched.found, inventory, entries)
        crossings = applied.crossings
        placed = place_crossings(crossings, lines)
    return Railway(lines, matched, crossings, placed, applied)


def empty(table: Table, crs: CRS) -> gpd.GeoDataFrame:
    """A table without a row."""
    columns = {c.name: pd.Series(dtype=EMPTY[c.kind]) for c in table.columns}
    index = pd.Index([], name=table.index, dtype="object")
    return gpd.GeoDataFrame(columns, geometry=[], crs=crs).set_axis(index)


def place_crossings(crossings: gpd.GeoDataFrame, lines: Lines) -> pd.DataFrame:
    """Where crossings lie on the lines, on the one that they name where it is near."""
    return on_lines(crossings.geometry, lines, named=crossings["railway"])


def register_crossings(
    railway: Railway,
    located: gpd.GeoDataFrame,
    areas: pd.Series,
    known: CrossingKnowledge,
    *,
    listed: pd.Index,
    years: float,
    draws: int,
    seed: int,
) -> CrossingRegister:
    """Class, protection, traffic and rating of every crossing.

    Parameters
    ----------
    located
        :data:`blackspots.schema.LOCATED` on the same crossings.
    areas
        Area of each crossing.
    listed
        Crossings of the list; the others were confirmed in the field.
    years
        Length of the study's period.
    draws, seed
        Of the intervals.
    """
    crossings = railway.crossings
    return rate_register(
        crossings,
        railway.placed,
        railway.lines,
        counts(located, crossings),
        known,
        found=railway.found,
        areas=areas,
        listed=listed,
        years=years,
        draws=draws,
        seed=seed,
    )


def rate_register(
    crossings: gpd.GeoDataFrame,
    placed: pd.DataFrame,
    lines: Lines,
    seen: pd.DataFrame,
    known: CrossingKnowledge,
    *,
    found: gpd.GeoDataFrame | None = None,
    areas: pd.Series | None = None,
    listed: pd.Index | None = None,
    years: float,
    draws: int,
    seed: int,
    calibration: Calibration = "local",
    vocabulary: str | None = None,
) -> CrossingRegister:
    """The same of crossings with their crashes, of a study or not.

    Parameters
    ----------
    placed
        Where each crossing lies (:func:`place_crossings`).
    seen
        ``crashes`` of each crossing, and persons; unknown where nobody counted.
    found
        Roads found at the crossings, for their class.
    areas, listed
        Area of each crossing, and which are listed; none and all by default.
    calibration
        As in :func:`blackspots.crossings.rating.rate`.
    vocabulary
        Name of the words in which protection is recorded
        (:func:`blackspots.crossings.protection_words.protection_codes`).
    """
    traffic = traffic_of(crossings, found=found, placed=placed, lines=lines, preset=known.traffic)
    protection = protect(crossings, traffic, known.rules, found=found, vocabulary=vocabulary)
    rated = rate(
        crossings.assign(protection_code=protection["protection_code"]),
        traffic,
        known.model,
        crashes=seen["crashes"] if seen["crashes"].notna().any() else None,
        years=years,
        draws=draws,
        seed=seed,
        calibration=calibration,
    )
    on_list = crossings.index if listed is None else listed
    register = assemble(
        crossings,
        placed=placed,
        areas=pd.Series(None, crossings.index, dtype="object") if areas is None else areas,
        listed=pd.Series(crossings.index.isin(on_list), crossings.index),
        traffic=traffic,
        protection=protection,
        counts=seen,
        rated=rated.table,
    )
    return CrossingRegister(register, traffic, rated)


def close_crossings(
    made: CrossingRegister,
    railway: Railway,
    roads: gpd.GeoDataFrame | None,
    *,
    expected: pd.DataFrame,
    loss: pd.Series,
    prices: ClosingPrices | None,
    rate: float,
    growth: float,
    close_unknown: bool,
) -> Closures | None:
    """Ways to close paths in groups; None without roads, railway, crossings or prices.

    Parameters
    ----------
    expected
        ``expected_<severity>`` [1/year] of every crossing.
    loss
        Cost of expected crashes [currency/year] of every crossing.
    """
    if roads is None or prices is None or not len(railway.lines.lines) or not len(made.register):
        return None
    levels = expected.filter(like="expected_")
    return closure_options(
        made.register.join(railway.placed[["line_id"]]),
        roads,
        railway.lines,
        expected=levels.set_axis(levels.columns.str.removeprefix("expected_"), axis=1),
        loss=loss,
        elasticity=made.rated.elasticity,
        prices=prices,
        rate=rate,
        growth=growth,
        close_unknown=close_unknown,
    )


def closure_labels(closures: gpd.GeoDataFrame) -> dict[str, str]:
    """Option to its stretch in words: line and km posts."""
    made = {}
    for option in closures.itertuples():
        kms = [km_text(km) for km in (option.km_from, option.km_to) if km == km]  # noqa: PLR0124
        made[str(option.Index)] = " ".join(filter(None, [option.line, "–".join(kms)]))
    return made
