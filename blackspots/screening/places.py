"""Expected crashes at places that a user names, whether or not they stand out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blackspots.schema import SEVERITIES
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

    Returns
    -------
    DataFrame, index of ``places``
        ``crashes``, severities, ``deaths``, ``injured`` (observed in the period),
        ``predicted``, ``expected``, ``expected_<severity>`` [1/year]; all missing for a place
        that is nowhere. ``members`` are the rows of the crashes counted.
    """
    here = _Index(located, segments, nodes)
    rows = [_one(row, located, expectation, here, routes) for row in places.itertuples()]
    names = ["crashes", *SEVERITIES, "deaths", "injured", *_COLUMNS]
    return pd.DataFrame(rows, index=places.index, columns=[*names, "members"])


class _Index:
    """Crashes by place, and the junctions along each route."""

    def __init__(
        self, located: gpd.GeoDataFrame, segments: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame
    ) -> None:
        at = np.arange(len(located))
        road = (located["place"] == "segment").to_numpy()
        frame = pd.DataFrame(
            {
                "row": at[road],
                "route": located["route_id"][road].astype("int64").to_numpy(),
                "measure": located["route_measure"][road].to_numpy("float64"),
            }
        ).sort_values(["route", "measure", "row"])
        self.on_route = {int(str(r)): part for r, part in frame.groupby("route")}
        self.at_junction = _groups(located, "junction", "junction_id")
        self.at_crossing = _groups(located, "crossing", "crossing_id")
        ends = []
        for column, back in (("from_node", False), ("to_node", True)):
            junction = nodes["junction_id"].reindex(segments[column]).to_numpy()
            forward = (segments["route_sign"].to_numpy() > 0) != back
            measure = segments["route_offset"] + np.where(forward, 0.0, segments["route_span"])
            ends.append(
                pd.DataFrame(
                    {"route": segments["route_id"], "measure": measure, "junction": junction}
                ).dropna()
            )
        every = pd.concat(ends)
        self.junctions = {int(str(r)): part for r, part in every.groupby("route")}

    def along(self, route: int, start: float, end: float) -> NDArray[np.int64]:
        """Rows of crashes on a stretch ``[start, end)``."""
        part = self.on_route.get(route)
        if part is None:
            return np.zeros(0, dtype="int64")
        low, high = np.searchsorted(part["measure"], [start, end])
        return part["row"].to_numpy()[low:high]

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
    """A stretch, junction or crossing of a place: predicted crashes of the period, and its own."""

    kind: str
    key: Any
    predicted: float
    members: NDArray[np.int64]


def _one(
    row: object,
    located: gpd.GeoDataFrame,
    expectation: Expectation,
    here: _Index,
    routes: gpd.GeoDataFrame,
) -> dict[str, object]:
    nothing = np.zeros(0, dtype="int64")
    parts: list[_Part] = []
    place = getattr(row, "place", None)
    if place == "crossing":
        key = row.crossing_id  # type: ignore[attr-defined]
        parts = [_at("crossing", key, expectation, here.at_crossing.get(key, nothing))]
    elif place == "junction":
        parts = [_junction(int(row.junction_id), expectation, here)]  # type: ignore[attr-defined]
    elif place == "segment":
        route = int(row.route_id)  # type: ignore[attr-defined]
        start, end = float(row.from_measure), float(row.to_measure)  # type: ignore[attr-defined]
        population = expectation.populations["segment"]
        last = float(routes.at[route, "length"])
        count = max(int(np.ceil((end - start) / expectation.window - 1e-9)), 1)
        cuts = np.linspace(start, end, count + 1)
        beyond = end + _AT_END if end >= last - _AT_END else end
        for low, high in pairwise(cuts):
            members = here.along(route, low, beyond if high == end else high)
            parts.append(_stretch(population, route, low, high, members))
        inside = here.junctions_on(route, start, beyond)
        parts += [_junction(j, expectation, here) for j in inside]
    else:
        return {"members": nothing}
    groups = [part.members for part in parts]
    counts = severity_counts(located, groups)
    total: dict[str, object] = {
        str(name): counts[name].sum(min_count=1 if name in {"deaths", "injured"} else 0)
        for name in counts.columns
    }
    sums = dict.fromkeys(_COLUMNS, 0.0)
    for kind in {part.kind for part in parts}:
        mine = [i for i, part in enumerate(parts) if part.kind == kind]
        predicted = np.array([parts[i].predicted for i in mine])
        made = posterior(
            expectation.populations[kind],
            counts.iloc[mine],
            predicted,
            expectation.years,
            pd.Index([parts[i].key for i in mine]),
        )
        for name in _COLUMNS:
            sums[name] += float(made[name].sum(skipna=False))
    return {**total, **sums, "members": np.concatenate(groups)}


def _junction(junction: int, expectation: Expectation, here: _Index) -> _Part:
    members = here.at_junction.get(junction, np.zeros(0, dtype="int64"))
    return _at("junction", junction, expectation, members)


def _stretch(
    population: Population, route: int, low: float, high: float, members: NDArray[np.int64]
) -> _Part:
    """A stretch of road, of the section that holds its middle."""
    sections = population.sections
    if sections is None:
        raise ValueError("roads are predicted by sections")
    mean = sections.over(population.rate.to_numpy(), [route], [low], [high])
    key = int(sections.at([route], [(low + high) / 2])[0])
    return _Part("segment", key, float(mean[0]), members)


def _at(kind: str, key: Any, expectation: Expectation, members: NDArray[np.int64]) -> _Part:
    return _Part(kind, key, float(expectation.populations[kind].rate[key]), members)
