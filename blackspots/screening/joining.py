"""Spots that overlap on the road, made one site that a crew can treat.

A *spot* is what one way of looking finds at one kind of place: a window of the definition or of
Empirical Bayes on a route, a cluster, a junction or a level crossing with its crashes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blackspots.graph.plain import spread
from blackspots.screening.windows import Window

Ints = NDArray[np.int64]

MARGIN: Final = 50.0
"""Road [m] added before the first and after the last crash of a site."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place that stands out.

    ``key`` is the route, junction or crossing by its id; ``rows`` are positions of its crashes
    among the located, ``start`` and ``end`` their first and last measure [m] on the route (NaN
    at a point). ``window`` has its rows among the located too; None for a cluster that neither
    the definition nor Empirical Bayes finds.
    """

    kind: str
    key: Any
    rows: Ints
    start: float
    end: float
    window: Window | None

    @property
    def strength(self) -> tuple[int, int, int]:
        """Strongest first: verdict, crashes of the period that met it, crashes of all years."""
        if self.window is None:
            return (_BEYOND, 0, -len(self.rows))
        return (self.window.level, -len(self.window.rule_rows), -len(self.rows))


_BEYOND: Final = 9  # after every verdict


@dataclass(frozen=True, slots=True)
class Joined:
    """Spots that are one site, the strongest first, and its extent on a route.

    ``route`` is None for a junction or crossing alone; ``low`` and ``high`` [m] hold the margins.
    """

    spots: tuple[Spot, ...]
    route: int | None
    low: float
    high: float


def junctions_on_routes(segments: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame) -> pd.DataFrame:
    """Where junctions lie on routes: ``junction``, ``route``, ``low`` and ``high`` [m].

    One row a junction and route; a junction of several nodes takes the stretch between them.
    """
    ends = []
    for column, back in (("from_node", False), ("to_node", True)):
        forward = (segments["route_sign"].to_numpy() > 0) != back
        ends.append(
            pd.DataFrame(
                {
                    "junction": nodes["junction_id"].reindex(segments[column]).to_numpy(),
                    "route": segments["route_id"].to_numpy(),
                    "at": segments["route_offset"].to_numpy()
                    + np.where(forward, 0.0, segments["route_span"].to_numpy()),
                }
            ).dropna()
        )
    every = pd.concat(ends).astype({"junction": "int64", "route": "int64"})
    made = every.groupby(["junction", "route"])["at"].agg(["min", "max"]).reset_index()
    return made.set_axis(["junction", "route", "low", "high"], axis=1)


def join(
    spots: list[Spot],
    lengths: pd.Series,
    at: pd.DataFrame,
    *,
    least: float,
    most: float,
) -> list[Joined]:
    """Spots to sites, in the order of their strongest spot.

    Parameters
    ----------
    lengths
        Length [m] of each route.
    at
        Where junctions lie, as :func:`junctions_on_routes` gives it.
    least, most
        Least and greatest length [m] of a site on a road. A stretch that is longer by itself
        stays what it is.

    Notes
    -----
    The margins of a road spot reach :data:`MARGIN` beyond its crashes, or further up to the
    least length. Two spots on one route whose stretches overlap are one site, as are a road
    spot and a junction within its stretch, while the whole is no longer than ``most``; the
    strongest join first. A site lies on one route. What may not join meets halfway between
    its crashes. Level crossings stay alone: another budget treats them.
    """
    order = sorted(range(len(spots)), key=lambda i: (spots[i].strength, i))
    place = np.empty(len(spots), dtype="int64")
    place[order] = np.arange(len(spots))
    stretches = _stretches(spots, lengths, at, least)
    groups = _Groups(spots, stretches)
    for one, other in sorted(_overlaps(stretches), key=lambda pair: sorted(place[list(pair)])):
        groups.unite(one, other, most)
    made: dict[int, list[int]] = {}
    for i in order:
        made.setdefault(groups.of(i), []).append(i)
    return _apart(
        [
            Joined(tuple(spots[i] for i in members), *groups.extent(root))
            for root, members in made.items()
        ]
    )


def _stretches(
    spots: list[Spot], lengths: pd.Series, at: pd.DataFrame, least: float
) -> pd.DataFrame:
    """Stretches of routes that each spot takes: ``spot``, ``route``, ``low``, ``high`` [m]."""
    road = [i for i, spot in enumerate(spots) if spot.kind == "segment"]
    route = np.array([spots[i].key for i in road], dtype="int64")
    start = np.array([spots[i].start for i in road], dtype="float64")
    end = np.array([spots[i].end for i in road], dtype="float64")
    margin = np.maximum(MARGIN, (least - (end - start)) / 2)
    last = lengths.reindex(route).to_numpy(dtype="float64")
    low, high = np.maximum(start - margin, 0.0), np.minimum(end + margin, last)
    # At a road's end the other side makes up for what is missing there.
    low = np.maximum(np.minimum(low, high - least), 0.0)
    high = np.minimum(np.maximum(high, low + least), last)
    on_road = pd.DataFrame({"spot": road, "route": route, "low": low, "high": high})
    junction = [i for i, spot in enumerate(spots) if spot.kind == "junction"]
    keys = pd.DataFrame(
        {"spot": junction, "junction": np.array([spots[i].key for i in junction], dtype="int64")}
    )
    points = keys.merge(at, on="junction")[["spot", "route", "low", "high"]]
    return pd.concat([on_road, points.astype(on_road.dtypes)], ignore_index=True)


def _overlaps(stretches: pd.DataFrame) -> list[tuple[int, int]]:
    """Pairs of spots that share road, one of them at least a road spot by construction."""
    own = stretches.sort_values(["route", "low", "high", "spot"])
    if own.empty:
        return []
    low, high = own["low"].to_numpy(), own["high"].to_numpy()
    step = float(high.max()) + 1.0
    key = own["route"].to_numpy() * step
    last = np.searchsorted(key + low, key + high, side="right")
    first, second = spread(np.arange(len(own)) + 1, last)
    pairs = np.sort(own["spot"].to_numpy()[np.stack([first, second], axis=1)], axis=1)
    return [(int(one), int(other)) for one, other in np.unique(pairs, axis=0)]


class _Groups:
    """Spots united step by step, each group with its route and extent."""

    def __init__(self, spots: list[Spot], stretches: pd.DataFrame) -> None:
        self._root = list(range(len(spots)))
        self._road: dict[int, int] = {
            i: int(spot.key) for i, spot in enumerate(spots) if spot.kind == "segment"
        }
        self._where: dict[int, dict[int, tuple[float, float]]] = {i: {} for i in self._root}
        values = (stretches[c].tolist() for c in ("spot", "route", "low", "high"))
        for spot, route, low, high in zip(*values, strict=True):
            self._where[spot][route] = (low, high)

    def of(self, i: int) -> int:
        """The group of a spot."""
        while self._root[i] != i:
            self._root[i] = self._root[self._root[i]]
            i = self._root[i]
        return i

    def extent(self, root: int) -> tuple[int | None, float, float]:
        """Route and extent [m] of a group; no route for a point alone."""
        route = self._road.get(root)
        if route is None:
            return None, float("nan"), float("nan")
        return route, *self._where[root][route]

    def unite(self, one: int, other: int, most: float) -> None:
        """Make two groups one, where the rule allows it."""
        a, b = sorted((self.of(one), self.of(other)))
        roads = {self._road[root] for root in (a, b) if root in self._road}
        if a == b or len(roads) != 1:
            return
        route = roads.pop()
        if route not in self._where[a] or route not in self._where[b]:
            return
        low = min(self._where[a][route][0], self._where[b][route][0])
        high = max(self._where[a][route][1], self._where[b][route][1])
        if high - low > most:
            return
        self._root[b] = a
        self._road[a] = route
        self._where[a] = {route: (low, high)}


def _apart(sites: list[Joined]) -> list[Joined]:
    """Sites whose margins overlap on a route cut halfway between their crashes."""
    on_road = [i for i, site in enumerate(sites) if site.route is not None]
    low = {i: sites[i].low for i in on_road}
    high = {i: sites[i].high for i in on_road}
    inner = {i: _inner(sites[i]) for i in on_road}
    order = sorted(on_road, key=lambda i: (sites[i].route or 0, inner[i]))
    for one, other in pairwise(order):
        same = sites[one].route == sites[other].route
        if same and high[one] > low[other] and inner[one][1] <= inner[other][0]:
            between = (inner[one][1] + inner[other][0]) / 2
            high[one], low[other] = min(high[one], between), max(low[other], between)
    return [
        Joined(site.spots, site.route, low.get(i, site.low), high.get(i, site.high))
        for i, site in enumerate(sites)
    ]


def _inner(site: Joined) -> tuple[float, float]:
    """First and last measure [m] of the crashes of a site on its road."""
    road = [spot for spot in site.spots if spot.kind == "segment"]
    return min(spot.start for spot in road), max(spot.end for spot in road)
