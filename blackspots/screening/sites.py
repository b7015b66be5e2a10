"""Sites: places that stand out, with what is known and expected of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blackspots.presets.definitions import Definition
from blackspots.schema import SITES, VERDICTS
from blackspots.screening.clusters import touched_by
from blackspots.screening.describing import areas_of_sites, place_of, unique
from blackspots.screening.evidence import (
    Parts,
    area_parts,
    doubtful,
    expected_of,
    parts_of,
    weighted,
)
from blackspots.screening.joining import Joined, join, junctions_on_routes
from blackspots.screening.model import Expectation, severity_counts
from blackspots.screening.spotting import Layers, find_spots, lone_clusters
from blackspots.screening.windows import BLACK_SPOT, FIRST_DAY, NO_DAY, Window

__all__ = ["Layers", "Screened", "rank", "screen"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Screened:
    """The sites of a study.

    ``sites``: :data:`blackspots.schema.SITES` without the columns that later stages enter.
    ``membership``: site that each crash counts for, missing for none, index of the located.
    ``parts``: the stretches, junctions and crossings of each site, and what is expected of
    them (:func:`blackspots.screening.evidence.expected_of`). ``doubtful``: crashes that may lie at
    a site (``site``, its position; ``row``, position among the located; ``probability``;
    ``counted``, the share that counts there).
    """

    sites: gpd.GeoDataFrame
    membership: pd.Series
    parts: pd.DataFrame
    doubtful: pd.DataFrame


def screen(
    located: gpd.GeoDataFrame,
    expectation: Expectation,
    definition: Definition,
    layers: Layers,
    *,
    weight: pd.DataFrame | None = None,
    clusters: pd.DataFrame | None = None,
    months: int | None = None,
    period: tuple[date, date] | None = None,
    p_excess: float = 0.95,
    least: float = 100.0,
    most: float = 1000.0,
) -> Screened:
    """Find the sites of a study.

    A window is taken that the definition lists, one that it would list if unrecorded
    severities were known, one crash short of it, or one whose Empirical Bayes mean exceeds
    that of like places with chance ``p_excess``; and a cluster that none of these meets. What
    overlaps is one site (:func:`blackspots.screening.joining.join`). Each crash counts for one
    site at most. Where there is neither road nor crossing, every area is a site.

    Parameters
    ----------
    located
        :data:`blackspots.schema.LOCATED`.
    expectation
        From :func:`expect` on the same crashes.
    weight
        Places of uncertain crashes (:func:`blackspots.locating.weights`), which count for
        Empirical Bayes by their probability; the definition counts whole crashes.
    clusters
        From :func:`blackspots.screening.clusters.clusters_along`; without it the cluster
        verdict is unknown.
    months
        Rolling period; the definition's by default.
    period
        First and last day of the study: tells for each rule whether dates matter.
    least, most
        Least and greatest length [m] of a site on a road.
    """
    lengths = pd.Series(dtype="float64")
    if "area" in expectation.populations and layers.areas is not None:
        parts, places = area_parts(located, expectation), _areas(expectation, layers.areas)
        found: dict[str, Any] = {"verdict": VERDICTS[-1]}
    else:
        spots = find_spots(located, expectation, definition, layers, months, p_excess, period)
        if clusters is not None:
            spots += lone_clusters(spots, located, clusters)
        at = pd.DataFrame(columns=["junction", "route", "low", "high"])
        if layers.routes is not None:
            lengths = layers.routes["length"]
            if layers.segments is not None and layers.nodes is not None:
                at = junctions_on_routes(layers.segments, layers.nodes)
        joined = join(spots, lengths, at, least=least, most=most)
        parts = parts_of(joined, located)
        places = _places(joined, parts, located, layers)
        found = _found(joined, parts, located, clusters)
    if not len(places):
        return _none(located)
    unsure = doubtful(parts, located, weight) if weight is not None else _NOTHING
    observed = weighted(parts, located, unsure[unsure["part"] >= 0])
    expected, basis = expected_of(parts, observed, expectation, len(places))
    groups = parts.of_sites(len(places))
    frame = severity_counts(located, groups).join(expected)
    frame["crashes_weighted"] = np.bincount(
        parts.table["site"], weights=observed["crashes"], minlength=len(places)
    )
    frame["years"] = expectation.years
    sites = _assembled(frame.assign(**found).join(places), located, layers.areas, p_excess)
    membership = pd.Series(None, index=located.index, dtype="object")
    for site_id, members in zip(sites.index, groups, strict=True):
        membership.iloc[members] = site_id
    ids = sites.index.to_numpy()
    return Screened(
        sites,
        membership,
        parts.table.assign(site_id=ids[parts.table["site"]]).drop(columns="site").join(basis),
        _at_sites(unsure, parts),
    )


def _none(located: gpd.GeoDataFrame) -> Screened:
    """No site at all."""
    index = pd.Index([], name=SITES.index, dtype="object")
    names = [c.name for c in SITES.columns if c.name not in _ENTERED_LATER]
    sites = gpd.GeoDataFrame(
        {name: pd.Series(dtype="object") for name in names}, geometry=[], crs=located.crs
    )
    return Screened(
        sites.set_axis(index),
        pd.Series(None, index=located.index, dtype="object"),
        pd.DataFrame(columns=["kind", "key", "low", "high", "site_id"]),
        pd.DataFrame(columns=["crash", "site", "probability", "counted"]),
    )


def _places(
    joined: list[Joined], parts: Parts, located: gpd.GeoDataFrame, layers: Layers
) -> pd.DataFrame:
    """Id, kind, words, extent and geometry of each site."""
    posts = pd.DataFrame({"route": located["route"], "km": located["km"]})
    places = [
        place_of(
            site,
            posts.iloc[group],
            routes=layers.routes,
            junctions=layers.junctions,
            crossings=layers.crossings,
        )
        for site, group in zip(joined, parts.of_sites(len(joined)), strict=True)
    ]
    return pd.DataFrame.from_records(places, columns=list(_PLACED))


def _areas(expectation: Expectation, areas: gpd.GeoDataFrame) -> pd.DataFrame:
    """Every area as a site."""
    names = expectation.populations["area"].rate.index
    made = pd.DataFrame({"site_id": [f"A-{name}" for name in names], "kind": "area"})
    made["label"] = names.to_numpy(dtype="object")
    made["geometry"] = areas.dissolve("name").geometry.reindex(names).to_numpy()
    return made.reindex(columns=list(_PLACED))


def _at_sites(unsure: pd.DataFrame, parts: Parts) -> pd.DataFrame:
    """Doubtful crashes by the sites at which they may lie; there they count by probability."""
    there = unsure[unsure["part"] >= 0]
    return pd.DataFrame(
        {
            "crash": there["row"].to_numpy(),
            "site": parts.table["site"].to_numpy()[there["part"]],
            "probability": there["probability"].to_numpy(),
            "counted": there["probability"].to_numpy(),
        }
    )


def _found(
    joined: list[Joined],
    parts: Parts,
    located: gpd.GeoDataFrame,
    clusters: pd.DataFrame | None,
) -> dict[str, Any]:
    """What the definition and the clusters say of each site: that of its strongest spot."""
    windows = [site.spots[0].window for site in joined]
    each = list(zip(windows, joined, strict=True))
    ids = located.index.to_numpy()
    made: dict[str, Any] = {
        "verdict": [VERDICTS[w.level] if w else VERDICTS[-1] for w in windows],
        "rule": [(w.rule or None) if w else None for w in windows],
        "rules": [(";".join(w.rules) or None) if w else None for w in windows],
        "short_of": [(w.short_of or None) if w else None for w in windows],
        "tight_from": [w.tight_start if w and _met(site) else np.nan for w, site in each],
        "tight_to": [w.tight_end if w and _met(site) else np.nan for w, site in each],
        "window_crashes": [
            (";".join(map(str, sorted(ids[w.rule_rows]))) or None) if w else None for w in windows
        ],
    }
    if "uncertain" in located:
        unsure = located["uncertain"].fillna(value=False).to_numpy(bool)
        counts = [unsure[w.rule_rows].sum() if w else None for w in windows]
        made["rule_uncertain"] = pd.array(counts, dtype="Int64")
    for column, name in (("window_start", "first_day"), ("window_end", "last_day")):
        days = [_day(w, name) for w in windows]
        made[column] = pd.to_datetime(pd.Series(days, dtype="float64"), unit="D", origin=FIRST_DAY)
    if clusters is None:
        return {**made, "cluster": pd.array([pd.NA] * len(joined), "boolean"), "cluster_q": np.nan}
    at = touched_by(
        clusters,
        located["route_id"].to_numpy(dtype="float64", na_value=np.nan),
        located["route_measure"].to_numpy(dtype="float64", na_value=np.nan),
    )
    at[~(located["place"] == "segment").to_numpy()] = -1
    tested = (parts.table["kind"] == "segment").groupby(parts.table["site"]).any().to_numpy()
    q = np.full(len(joined), np.nan)
    for i, group in enumerate(parts.of_sites(len(joined))):
        inside = at[group]
        inside = inside[inside >= 0]
        if len(inside):
            q[i] = clusters["q"].to_numpy()[inside].min()
    flag = pd.array(~np.isnan(q), dtype="boolean")
    flag[~tested] = pd.NA
    return {**made, "cluster": flag, "cluster_q": q}


def _met(site: Joined) -> bool:
    """Whether the strongest spot meets a rule on a stretch of road."""
    first = site.spots[0]
    return first.kind == "segment" and first.window is not None and first.window.level == BLACK_SPOT


def _day(window: Window | None, name: str) -> int | None:
    if window is None or (window.first_day == 0 and window.last_day == 0):
        return None  # one period: dates did not matter
    day: int = getattr(window, name)
    return None if day == NO_DAY else day


_ENTERED_LATER: Final = {
    *("rank", "cost_per_year", "funded", "why"),
    *("rank_median", "rank_low", "rank_high", "p_first_10", "p_paid"),
    *("p_change_traffic", "p_change_location"),
    *("new", "first_listed", "last_listed", "status", "owner", "note"),
}


_TEXTS: Final = [c.name for c in SITES.columns if c.kind == "text" and c.name not in _ENTERED_LATER]
_PLACED: Final = (
    *("site_id", "kind", "label", "route_id", "from_measure", "to_measure", "length"),
    *("junction_id", "junctions", "crossing_id", "geometry"),
)
_NOTHING: Final = pd.DataFrame(
    {"part": np.zeros(0, "int64"), "row": np.zeros(0, "int64"), "probability": np.zeros(0)}
)


def _assembled(
    sites: pd.DataFrame,
    located: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame | None,
    threshold: float,
) -> gpd.GeoDataFrame:
    """The table of sites, with ids, verdicts side by side, and the area of each."""
    names = [c.name for c in SITES.columns if c.name not in _ENTERED_LATER]
    sites = sites.astype({"route_id": "Int64", "junction_id": "Int64", "crossing_id": "object"})
    sites = sites.reindex(columns=[*dict.fromkeys([*names, *sites.columns])])
    for name in _TEXTS:
        sites[name] = sites[name].astype("object").where(sites[name].notna(), None)
    sites["cluster"] = sites["cluster"].astype("boolean")
    sites["rule_uncertain"] = sites["rule_uncertain"].astype("Int64")
    for name in ("window_start", "window_end"):
        sites[name] = pd.to_datetime(sites[name])
    high = sites["p_excess"] >= threshold
    sites["eb"] = high.astype("boolean")
    listed, open_ = sites["verdict"] == "black-spot", sites["verdict"] == "undetermined"
    alone = sites["cluster"].fillna(False).astype(bool)
    # No definition speaks of areas, so that none of them is hidden from it.
    unruled = sites["kind"] == "area"
    sites["agreement"] = np.select(
        [listed & high, listed, open_ & high, open_, unruled & high, high, alone],
        ["both", "legal-only", "eb-undetermined", "undetermined", "eb", "eb-only", "cluster-only"],
        "neither",
    )
    made = gpd.GeoDataFrame(sites, geometry="geometry", crs=located.crs)
    middle = gpd.GeoSeries(made.geometry.representative_point(), crs=located.crs)
    made["area"] = areas_of_sites(made, middle, areas)
    made.index = pd.Index(unique(made["site_id"]), name=SITES.index, dtype="object")
    return made[[*names, "geometry"]]


def rank(sites: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Sites first to treat first: by expected crash cost, else by expected crashes.

    Ties go to the stronger verdict, then to the lower id. Where no cost is known (severities
    are not recorded) the expected number of crashes ranks.
    """
    verdict = sites["verdict"].map({name: i for i, name in enumerate(VERDICTS)})
    keys = pd.DataFrame(
        {
            "cost": -sites["cost_per_year"].astype("float64").fillna(-np.inf),
            "expected": -sites["expected"].astype("float64"),
            "verdict": verdict.astype("float64"),
            "id": sites.index.astype(str),
        },
        index=sites.index,
    )
    ranked = sites.loc[keys.sort_values(list(keys.columns), kind="stable").index].copy()
    ranked["rank"] = np.arange(1, len(ranked) + 1)
    return ranked
