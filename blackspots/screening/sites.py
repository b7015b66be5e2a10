"""Sites: windows that stand out, with what is known and expected of each."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain, count
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy import stats

from blackspots import referencing
from blackspots.presets.definitions import Definition
from blackspots.schema import SITES, VERDICTS
from blackspots.screening.model import Expectation, Population, posterior, severity_counts
from blackspots.screening.windows import FIRST_DAY, NO_DAY, Window, choose, events

MARGIN: Final = 50.0
"""Road [m] added before the first and after the last crash of a site."""

_DAYS_A_YEAR: Final = 366


def screen(
    located: gpd.GeoDataFrame,
    expectation: Expectation,
    definition: Definition,
    *,
    routes: gpd.GeoDataFrame | None = None,
    junctions: gpd.GeoDataFrame | None = None,
    crossings: gpd.GeoDataFrame | None = None,
    areas: gpd.GeoDataFrame | None = None,
    months: int | None = None,
    p_excess: float = 0.95,
) -> tuple[gpd.GeoDataFrame, pd.Series]:
    """Find the sites of a study.

    A site is a window that the definition lists, one that it would list if unrecorded
    severities were known, one crash short of it, or one whose Empirical Bayes mean exceeds
    that of like places with chance ``p_excess``. Each crash counts for one site at most.
    Where there is neither road nor crossing, every area is a site.

    Parameters
    ----------
    located
        :data:`blackspots.schema.LOCATED`.
    expectation
        From :func:`expect` on the same crashes.
    months
        Rolling period; the definition's by default.

    Returns
    -------
    sites : GeoDataFrame, index ``site_id``
        :data:`blackspots.schema.SITES` without ``rank``, ``cost_per_year``, ``funded``, ``why``.
    membership : Series, index of ``located``
        Site each crash counts for, missing for none.
    """
    months = months or definition.months
    one_period = expectation.years * 12 <= months + 12 / _DAYS_A_YEAR
    columns = {"segment": "route_id", "junction": "junction_id", "crossing": "crossing_id"}
    layers = {"segment": routes, "junction": junctions, "crossing": crossings}
    frames = []
    for kind, column in columns.items():
        population, layer = expectation.populations.get(kind), layers[kind]
        rows = np.flatnonzero((located["place"] == kind).to_numpy())
        if population is None or layer is None or not len(rows):
            continue
        here = located.iloc[rows].assign(_track=layer.index.get_indexer(located[column].iloc[rows]))
        made = events(
            here,
            "_track",
            "route_measure" if kind == "segment" else None,
            definition,
            months,
            one_period=one_period,
        )
        span = np.ones(len(layer))
        if kind == "segment":
            span = np.minimum(layer["length"].to_numpy(), expectation.window)
        mean = population.rate.to_numpy() * span
        chosen = choose(
            made,
            expectation.window if kind == "segment" else 0.0,
            definition,
            lambda track, count, mean=mean, k=population.spf.k: _chance(mean[track], count, k),  # type: ignore[misc]
            p_excess,
        )
        if chosen:
            groups = [rows[w.rows] for w in chosen]
            predicted = mean[[w.track for w in chosen]]
            frame = _describe(located, chosen, rows, groups, population, predicted, expectation)
            frames.append(_place(frame, kind, chosen, layer, located, groups))
    if "area" in expectation.populations and areas is not None:
        frames.append(_areas(located, expectation, areas))
    return _assemble(frames, located, areas, p_excess)


def _chance(mean: NDArray[np.float64], count: NDArray[np.int64], k: float) -> NDArray[np.float64]:
    """P(true mean > that of like places); a single crash is no evidence."""
    p = stats.gamma.sf(mean, 1 / k + count, scale=1 / (1 + 1 / (k * mean)))
    return np.where(count > 1, p, 0.0)


def _describe(
    located: gpd.GeoDataFrame,
    chosen: list[Window],
    rows: NDArray[np.int64],
    groups: list[NDArray[np.int64]],
    population: Population,
    predicted: NDArray[np.float64],
    expectation: Expectation,
) -> pd.DataFrame:
    counts = severity_counts(located, groups)
    frame = counts.join(posterior(population, counts, predicted, expectation.years))
    frame["years"] = expectation.years
    frame["verdict"] = [VERDICTS[w.level] for w in chosen]
    frame["rule"] = [w.rule or None for w in chosen]
    one_period = [w.first_day == 0 and w.last_day == 0 for w in chosen]
    for column, day in (("window_start", "first_day"), ("window_end", "last_day")):
        days = [
            None if getattr(w, day) == NO_DAY or one else getattr(w, day)
            for w, one in zip(chosen, one_period, strict=True)
        ]
        frame[column] = pd.to_datetime(pd.Series(days, dtype="float64"), unit="D", origin=FIRST_DAY)
    ids = located.index.to_numpy()
    frame["window_crashes"] = [
        ";".join(map(str, sorted(ids[rows[w.rule_rows]]))) or None for w in chosen
    ]
    return frame


def _place(
    frame: pd.DataFrame,
    kind: str,
    chosen: list[Window],
    layer: gpd.GeoDataFrame,
    located: gpd.GeoDataFrame,
    groups: list[NDArray[np.int64]],
) -> gpd.GeoDataFrame:
    """Where the sites of one kind are: id, label, extent, geometry."""
    records: list[dict[str, Any]] = []
    posts = pd.DataFrame({"route": located["route"], "km": located["km"]})
    for window, group in zip(chosen, groups, strict=True):
        key = layer.index[window.track]
        if kind == "segment":
            records.append(_stretch(layer, int(key), window))
            continue
        shape = layer.geometry.iloc[window.track]
        row = layer.iloc[window.track]
        if kind == "junction":
            site_id = f"J{key}"
            label = _junction_label(site_id, str(row["label"]), posts.iloc[group])
        else:
            label, site_id = _crossing_label(str(key), row), f"X-{key}"
        records.append({"site_id": site_id, "label": label, f"{kind}_id": key, "geometry": shape})
    place = pd.DataFrame.from_records(records)
    made = gpd.GeoDataFrame(frame.reset_index(drop=True).join(place), crs=layer.crs)
    made["kind"], made["_members"] = kind, groups
    return made


def _stretch(routes: gpd.GeoDataFrame, route_id: int, window: Window) -> dict[str, Any]:
    start = max(window.start - MARGIN, 0.0)
    end = min(window.end + MARGIN, float(routes.at[route_id, "length"]))
    row = routes.loc[route_id]
    km = referencing.km_at(routes, route_id, start)
    road = row["ref"] or f"R{row['road_id']}"
    mark = f"{start:.0f}m" if np.isnan(km) else referencing.km_text(km)
    return {
        "site_id": f"{road}-{mark}",
        "label": referencing.label(routes, route_id, start, end),
        "route_id": route_id,
        "from_measure": start,
        "to_measure": end,
        "length": end - start,
        "geometry": referencing.stretch(routes, route_id, start, end),
    }


def _junction_label(name: str, roads: str, crashes: gpd.GeoDataFrame) -> str:
    """The roads that meet, and the km post that most of its crashes were recorded near."""
    posts = [
        (str(route), float(km))
        for route, km in zip(crashes["route"], crashes["km"], strict=True)
        if isinstance(route, str) and not np.isnan(km)
    ]
    if not posts:
        return roads or name
    counts = Counter(route for route, _ in posts)
    route = min(counts, key=lambda name: (-counts[name], name))
    km = float(np.median([km for name, km in posts if name == route]))
    return f"{roads or route} ({route} {referencing.km_text(km)})"


def _crossing_label(key: str, row: pd.Series) -> str:
    name = row["name"] if isinstance(row["name"], str) else key
    if not isinstance(row["railway"], str) or np.isnan(row["km"]):
        return str(name)
    post = referencing.km_text(float(row["km"]))
    return str(name) if post in name else f"{name} ({row['railway']} {post})"


def _areas(
    located: gpd.GeoDataFrame, expectation: Expectation, areas: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    population = expectation.populations["area"]
    place = located["area"].where(located["place"] == "area")
    groups = [np.flatnonzero((place == name).to_numpy()) for name in population.rate.index]
    counts = severity_counts(located, groups)
    frame = counts.join(
        posterior(population, counts, population.rate.to_numpy(), expectation.years)
    )
    shapes = areas.dissolve("name").geometry.reindex(population.rate.index)
    made = gpd.GeoDataFrame(frame, geometry=shapes.to_numpy(), crs=areas.crs)
    made["site_id"] = [f"A-{name}" for name in population.rate.index]
    made["label"] = population.rate.index.to_numpy(dtype="object")
    made["kind"], made["verdict"], made["years"] = "area", "none", expectation.years
    made["_members"] = groups
    made["rule"] = made["window_crashes"] = None
    made["window_start"] = made["window_end"] = pd.NaT
    return made


_ENTERED_LATER: Final = {"rank", "crashes_weighted", "cost_per_year", "funded", "why"}


def _assemble(
    frames: list[gpd.GeoDataFrame],
    located: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame | None,
    threshold: float,
) -> tuple[gpd.GeoDataFrame, pd.Series]:
    membership = pd.Series(None, index=located.index, dtype="object")
    names = [c.name for c in SITES.columns if c.name not in _ENTERED_LATER]
    if not frames:
        empty = gpd.GeoDataFrame(
            {n: pd.Series(dtype="object") for n in names}, geometry=[], crs=located.crs
        )
        empty.index = pd.Index([], name=SITES.index, dtype="object")
        return empty, membership
    sites = pd.concat(frames, ignore_index=True)
    for name in ("route_id", "from_measure", "to_measure", "length", "junction_id", "crossing_id"):
        if name not in sites:
            sites[name] = None if name == "crossing_id" else np.nan
    sites = sites.astype({"route_id": "Int64", "junction_id": "Int64", "crossing_id": "object"})
    sites["crossing_id"] = sites["crossing_id"].where(sites["crossing_id"].notna(), None)
    high = sites["p_excess"] >= threshold
    listed, open_ = sites["verdict"] == "black-spot", sites["verdict"] == "undetermined"
    # No definition speaks of areas, so that none of them is hidden from it.
    unruled = sites["kind"] == "area"
    sites["agreement"] = np.select(
        [listed & high, listed, open_ & high, open_, unruled & high, high],
        ["both", "legal-only", "eb-undetermined", "undetermined", "eb", "eb-only"],
        "neither",
    )
    middle = gpd.GeoSeries(sites.geometry.representative_point(), crs=located.crs)
    sites["area"] = _areas_of_sites(sites, middle, areas)
    sites["site_id"] = _unique(sites["site_id"])
    for site_id, members in zip(sites["site_id"], sites["_members"], strict=True):
        membership.iloc[members] = site_id
    sites = sites.set_index("site_id")
    return gpd.GeoDataFrame(sites[names], geometry=sites.geometry, crs=located.crs), membership


def _unique(names: pd.Series) -> list[str]:
    """Ids that differ, in the order given; the signs that join groups of sites are left out."""
    taken: dict[str, None] = {}
    for name in names:
        plain = re.sub(r"[;&]+", "-", str(name))
        tries = chain([plain], (f"{plain}-{n}" for n in count(2)))
        taken[next(name for name in tries if name not in taken)] = None
    return list(taken)


def _areas_of_sites(
    sites: gpd.GeoDataFrame, middle: gpd.GeoSeries, areas: gpd.GeoDataFrame | None
) -> pd.Series:
    """Name of the first area that holds the middle of each site; an area site is its own."""
    named = pd.Series(None, index=sites.index, dtype="object")
    if areas is None:
        return named
    who, what = shapely.STRtree(areas.geometry.array).query(middle.array, predicate="intersects")
    pairs = pd.DataFrame({"who": who, "what": what}).sort_values(["who", "what"])
    first = pairs.drop_duplicates("who")
    named.iloc[first["who"].to_numpy()] = areas["name"].to_numpy()[first["what"]]
    return named.where(sites["kind"] != "area", sites["label"])


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
