"""Routes cut into sections as long as the window: the units that roads are predicted by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sections:
    """Sections of routes, numbered route after route.

    ``routes`` are the ids of the routes; route i has the sections ``first[i]`` to
    ``first[i + 1]``, each ``window`` [m] long but the last, which may be shorter. ``route``
    (position in ``routes``), ``start`` and ``length`` [m] have shape (sections,).
    """

    routes: pd.Index[Any]
    first: Ints
    window: float
    route: Ints
    start: Floats
    length: Floats

    @classmethod
    def of(cls, routes: gpd.GeoDataFrame, window: float) -> Sections:
        """The sections of a table of routes."""
        total = routes["length"].to_numpy("float64")
        pieces = np.maximum(np.ceil(total / window - 1e-9), 1).astype("int64")
        first = np.r_[0, np.cumsum(pieces)]
        route = np.repeat(np.arange(len(routes)), pieces)
        start = (np.arange(first[-1]) - first[route]) * window
        return cls(
            routes.index, first, window, route, start, np.minimum(total[route] - start, window)
        )

    def at(self, route_ids: ArrayLike, measure: ArrayLike) -> Ints:
        """The section that holds each place, shape (places,)."""
        of = self.routes.get_indexer(pd.Index(np.asarray(route_ids, dtype="int64")))
        number = (np.asarray(measure, dtype="float64") // self.window).astype("int64")
        made: Ints = np.clip(self.first[of] + number, self.first[of], self.first[of + 1] - 1)
        return made

    def over(self, rate: Floats, route_ids: ArrayLike, low: ArrayLike, high: ArrayLike) -> Floats:
        """Sum of a rate [1/m] of each section over stretches, shape (stretches,)."""
        before = np.r_[0.0, np.cumsum(rate * self.length)]
        ends = []
        for measure in (low, high):
            at = self.at(route_ids, measure)
            along = np.asarray(measure, dtype="float64") - self.start[at]
            ends.append(before[at] + rate[at] * np.clip(along, 0.0, self.length[at]))
        made: Floats = ends[1] - ends[0]
        return made

    def around(
        self, route_ids: ArrayLike, middle: ArrayLike, length: ArrayLike
    ) -> tuple[Floats, Floats]:
        """Ends [m] of stretches of a length around places, moved to lie on their route."""
        of = self.routes.get_indexer(pd.Index(np.asarray(route_ids, dtype="int64")))
        last = self.first[of + 1] - 1
        total = self.start[last] + self.length[last]
        long = np.minimum(np.asarray(length, dtype="float64"), total)
        low = np.clip(np.asarray(middle, dtype="float64") - long / 2, 0.0, total - long)
        return low, low + long

    def traffic(self, segments: gpd.GeoDataFrame) -> pd.Series:
        """Traffic [vehicles/day] of each section, the mean by length of its counted stretches.

        NaN where none is counted. Of a divided road it is that of the main side.
        """
        own = segments[
            (segments["side"] != "other").to_numpy() & segments["aadt"].notna().to_numpy()
        ]
        of = self.routes.get_indexer(own["route_id"])
        own, of = own[of >= 0], of[of >= 0]
        low = own["route_offset"].to_numpy("float64")
        high = low + own["route_span"].to_numpy("float64")
        begin, end = (self.at(self.routes[of], measure) for measure in (low, high))
        count = end - begin + 1
        who = np.repeat(np.arange(len(own)), count)
        section = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + begin[who]
        inside = np.minimum(high[who], (self.start + self.length)[section])
        inside -= np.maximum(low[who], self.start[section])
        inside = np.clip(inside, 0.0, None)
        size = len(self.route)
        known = np.bincount(section, inside, size)
        total = np.bincount(section, inside * own["aadt"].to_numpy("float64")[who], size)
        return pd.Series(np.divide(total, known, out=np.full(size, np.nan), where=known > 0))
