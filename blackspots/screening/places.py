"""Expected crashes at places that a user names, whether or not they stand out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blackspots.schema import SEVERITIES
from blackspots.screening.joining import junctions_on_routes
from blackspots.screening.model import KNOWN, Expectation, Population, posterior, severity_counts

_AT_END = 1e-3  # [m] what lies so near a road's end is at it
_COLUMNS = ("predicted", "expected", *(f"expected_{level}" for level in KNOWN))


def expected_at(
    places: pd.DataFrame,
    located: gpd.GeoDataFrame,
    expectation: Expectation,
    *,
    segments: gpd.GeoDataFrame,
    nodes: gpd.GeoDataFrame,
    routes: gpd.GeoDataFrame,
    weight: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Empirical Bayes expected crashes a year that each place faces.

    A stretch of road is taken in sections of the window's length; junctions on it count with
    it, level crossings do not. What lies just at its end belongs to the next stretch, unless
    the road ends there: adjoining stretches count nothing twice.

    Parameters
    ----------
    places
        ``place``, ``route_id``, ``from_measure``, ``to_measure`` [m], ``junction_id``,
        ``crossing_id``, as :func:`blackspots.locating.locate_repairs` gives them.
    weight
        Places of uncertain crashes (:func:`blackspots.locating.weights`), which count for what
        is expected by their probability; without it every crash counts whole.

    Returns
    -------
    DataFrame, index of ``places``
        ``crashes``, severities, ``deaths``, ``injured`` (observed in the period),
        ``predicted``, ``expected``, ``expected_<severity>`` [1/year]; all missing for a place
        that is nowhere. ``members`` are the rows of the crashes counted.
    """
    at = junctions_on_routes(segments, nodes)
    whole = located.assign(row=np.arange(len(located)), weight=1.0)
    here = _Index(whole, at)
    counted = here
    if weight is not None:
        row = located.index.get_indexer(weight["crash_id"])
        severity = located["severity"].to_numpy()[row]
        counted = _Index(weight.assign(row=row, severity=severity), at)
    rows = [_one(row, located, expectation, here, counted, routes) for row in places.itertuples()]
    names = ["crashes", *SEVERITIES, "deaths", "injured", *_COLUMNS]
    return pd.DataFrame(rows, index=places.index, columns=[*names, "members"])


def expected_at_crossings(
    located: gpd.GeoDataFrame, expectation: Expectation, *, weight: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Empirical Bayes expected crashes a year at every level crossing.

    Parameters
    ----------
    weight
        As in :func:`expected_at`.

    Returns
    -------
    DataFrame, index ``crossing_id``
        ``predicted``, ``expected``, ``expected_<severity>`` [1/year]; without crossings no row.
    """
    population = expectation.populations.get("crossing")
    if population is None:
        return pd.DataFrame(columns=list(_COLUMNS), dtype="float64")
    ids = population.rate.index
    table = pd.DataFrame(located[["place", "crossing_id"]]).assign(weight=1.0)
    table["severity"] = located["severity"]
    if weight is not None:
        severity = located["severity"].reindex(weight["crash_id"]).to_numpy()
        table = weight.assign(severity=severity)
    here = table[table["place"] == "crossing"]
    at = ids.get_indexer(pd.Index(here["crossing_id"]))
    weighed, level = here["weight"].to_numpy("float64"), here["severity"].to_numpy(dtype=object)
    observed = pd.DataFrame({"crashes": np.bincount(at, weighed, len(ids))}, index=ids)
    for name in SEVERITIES:
        observed[name] = np.bincount(at, weighed * (level == name), len(ids))
    rate = population.rate.to_numpy("float64")
    made = posterior(population, observed, rate, expectation.years, ids)
    return made[list(_COLUMNS)]


class _Index:
    """Places of crashes with their weight, and the junctions along each route.

    ``at``: rows of ``table`` (``place``, ``route_id``, ``route_measure`` [m], ``junction_id``,
    ``crossing_id``, ``row`` among the located, ``severity``, ``weight``).
    """

    def __init__(self, table: pd.DataFrame, junctions: pd.DataFrame) -> None:
        self.row = table["row"].to_numpy("int64")
        self.weight = table["weight"].to_numpy("float64")
        self.severity = table["severity"].to_numpy(dtype=object)
        road = np.flatnonzero((table["place"] == "segment").to_numpy())
        frame = pd.DataFrame(
            {
                "at": road,
                "route": table["route_id"].iloc[road].astype("int64").to_numpy(),
                "measure": table["route_measure"].iloc[road].to_numpy("float64"),
            }
        ).sort_values(["route", "measure", "at"])
        self.on_route = {int(str(r)): part for r, part in frame.groupby("route")}
        self.at_junction = _groups(table, "junction", "junction_id")
        self.at_crossing = _groups(table, "crossing", "crossing_id")
        # A junction of several nodes lies at their middle, so that it is on one stretch only.
        middle = junctions.assign(measure=(junctions["low"] + junctions["high"]) / 2)
        self.junctions = {int(str(r)): part for r, part in middle.groupby("route")}

    def of(self, part: _Part) -> NDArray[np.int64]:
        """Places at a part."""
        if part.kind == "segment":
            return self.along(part.route, part.low, part.high)
        groups = self.at_junction if part.kind == "junction" else self.at_crossing
        return groups.get(part.key, np.zeros(0, dtype="int64"))

    def counts(self, groups: list[NDArray[np.int64]]) -> pd.DataFrame:
        """Weighted crashes of groups of rows, by severity too."""
        owner = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        member = np.concatenate([np.zeros(0, "int64"), *groups])
        weight, severity = self.weight[member], self.severity[member]
        size = len(groups)
        made = pd.DataFrame({"crashes": np.bincount(owner, weight, size)})
        for level in SEVERITIES:
            made[level] = np.bincount(owner, weight * (severity == level), size)
        return made

    def along(self, route: int, start: float, end: float) -> NDArray[np.int64]:
        """Places on a stretch ``[start, end)``."""
        part = self.on_route.get(route)
        if part is None:
            return np.zeros(0, dtype="int64")
        low, high = np.searchsorted(part["measure"], [start, end])
        return part["at"].to_numpy()[low:high]

    def junctions_on(self, route: int, start: float, end: float) -> list[int]:
        """Junctions on a stretch ``[start, end)``, each once."""
        part = self.junctions.get(route)
        if part is None:
            return []
        inside = part[(part["measure"] >= start) & (part["measure"] < end)]
        return sorted({int(j) for j in inside["junction"]})


def _groups(located: gpd.GeoDataFrame, kind: str, column: str) -> dict[object, NDArray[np.int64]]:
    rows = np.flatnonzero((located["place"] == kind).to_numpy())
    keys = located[column].iloc[rows].to_numpy(dtype="object")
    return {
        key: rows[part] for key, part in pd.Series(range(len(rows))).groupby(keys).indices.items()
    }


class _Part(NamedTuple):
    """A stretch, junction or crossing of a place, and the crashes predicted in the period.

    ``key`` is that of its population; ``low`` and ``high`` bound a stretch of ``route`` [m].
    """

    kind: str
    key: Any
    predicted: float
    route: int = -1
    low: float = 0.0
    high: float = 0.0


def _one(
    row: Any,
    located: gpd.GeoDataFrame,
    expectation: Expectation,
    here: _Index,
    counted: _Index,
    routes: gpd.GeoDataFrame,
) -> dict[str, object]:
    parts = _parts(row, expectation, here, routes)
    if not parts:
        return {"members": np.zeros(0, dtype="int64")}
    groups = [here.row[here.of(part)] for part in parts]
    seen = severity_counts(located, groups)
    total: dict[str, object] = {
        str(name): seen[name].sum(min_count=1 if name in {"deaths", "injured"} else 0)
        for name in seen.columns
    }
    observed = counted.counts([counted.of(part) for part in parts])
    sums = dict.fromkeys(_COLUMNS, 0.0)
    for kind in {part.kind for part in parts}:
        mine = [i for i, part in enumerate(parts) if part.kind == kind]
        made = posterior(
            expectation.populations[kind],
            observed.iloc[mine],
            np.array([parts[i].predicted for i in mine]),
            expectation.years,
            pd.Index([parts[i].key for i in mine]),
        )
        for name in _COLUMNS:
            sums[name] += float(made[name].sum(skipna=False))
    return {**total, **sums, "members": np.concatenate(groups)}


def _parts(
    row: Any, expectation: Expectation, here: _Index, routes: gpd.GeoDataFrame
) -> list[_Part]:
    """What a place consists of: nothing where it is nowhere."""
    place = getattr(row, "place", None)
    if place == "crossing":
        return [_at("crossing", row.crossing_id, expectation)]
    if place == "junction":
        return [_at("junction", int(row.junction_id), expectation)]
    if place != "segment":
        return []
    route, start, end = int(row.route_id), float(row.from_measure), float(row.to_measure)
    population, last = expectation.populations["segment"], float(routes.at[route, "length"])
    beyond = end + _AT_END if end >= last - _AT_END else end
    count = max(int(np.ceil((end - start) / expectation.window - 1e-9)), 1)
    cuts = np.linspace(start, end, count + 1)
    stretches = [
        _stretch(population, route, low, high, beyond if high == end else high)
        for low, high in pairwise(cuts)
    ]
    inside = here.junctions_on(route, start, beyond)
    return stretches + [_at("junction", junction, expectation) for junction in inside]


def _stretch(population: Population, route: int, low: float, high: float, until: float) -> _Part:
    """A stretch of road, of the section that holds its middle."""
    sections = population.sections
    if sections is None:
        raise ValueError("roads are predicted by sections")
    mean = sections.over(population.rate.to_numpy(), [route], [low], [high])
    key = int(sections.at([route], [(low + high) / 2])[0])
    return _Part("segment", key, float(mean[0]), route, low, until)


def _at(kind: str, key: Any, expectation: Expectation) -> _Part:
    return _Part(kind, key, float(expectation.populations[kind].rate[key]))
