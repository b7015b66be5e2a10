"""Whether a road and a track that meet in the plane meet in space: bridges, tunnels, layers.

A tag that is missing is unknown, not "no". Which of the two is above does not matter: what
lies apart has no level crossing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots.crossings.drawn import Array

AT_GRADE, DOUBTFUL, APART, UNUSED = 0, 1, 2, 3
"""What the tags say: nothing against a crossing; they contradict each other; apart; no train."""

SHARED, NOT_SHARED, UNKNOWN = 1, 0, -1
"""Whether road and track have a vertex in common; unknown where they were drawn on their own."""

_YES: Final = 1


@dataclass(frozen=True, slots=True)
class Tags:
    """Levels of lines: ``bridge``, ``tunnel``, ``covered`` (1, 0, -1 unknown), ``layer`` (NaN)."""

    bridge: Array
    tunnel: Array
    covered: Array
    layer: Array

    @classmethod
    def of(cls, frame: gpd.GeoDataFrame) -> Tags:
        """From the columns of a table; what it lacks is unknown."""
        bridge, tunnel, covered = (_flag(frame, n) for n in ("bridge", "tunnel", "covered"))
        layer = np.full(len(frame), np.nan)
        if "layer" in frame:
            layer = pd.to_numeric(frame["layer"]).to_numpy(dtype=np.float64, na_value=np.nan)
        return cls(bridge, tunnel, covered, layer)

    def take(self, rows: Array) -> Tags:
        """The levels of some of the lines."""
        return Tags(self.bridge[rows], self.tunnel[rows], self.covered[rows], self.layer[rows])

    @property
    def known(self) -> Array:
        """Where bridge or layer is known."""
        return np.asarray((self.bridge != UNKNOWN) | ~np.isnan(self.layer))


def _flag(frame: gpd.GeoDataFrame, name: str) -> Array:
    if name not in frame:
        return np.full(len(frame), UNKNOWN)
    column = frame[name].astype("boolean")
    return np.asarray(column.astype("Int8").to_numpy(dtype=np.int64, na_value=UNKNOWN))


def judged(road: Tags, track: Tags, shared: Array) -> tuple[Array, Array]:
    """What the tags say of roads and tracks that meet, a pair each.

    ::

        road        track         no shared vertex       shared vertex
        tunnel      any           apart   tunnel         doubtful levels-contradict
        bridge      not bridge    apart   bridge         doubtful levels-contradict
        bridge      bridge        doubtful               at grade (one bridge bears both)
        layer 1     layer 0       apart   layers-differ  doubtful levels-contradict
        layer 1     unknown       doubtful layer-of-one  doubtful levels-contradict
        layer 0     unknown       at grade               at grade
        unknown     unknown       at grade               at grade

    and so with the two the other way round.

    Returns
    -------
    verdict
        :data:`AT_GRADE`, :data:`DOUBTFUL` or :data:`APART`, shape (pairs,).
    reason
        Its code; empty for what is at grade, shape (pairs,), str.
    """
    tunnel = (road.tunnel == _YES) | (track.tunnel == _YES)
    one_bridge = (road.bridge == _YES) != (track.bridge == _YES)
    two_bridges = (road.bridge == _YES) & (track.bridge == _YES)
    covered = (road.covered == _YES) | (track.covered == _YES)
    lacking = np.isnan(road.layer), np.isnan(track.layer)
    differ = ~lacking[0] & ~lacking[1] & (road.layer != track.layer)
    raised = (np.nan_to_num(road.layer) != 0) | (np.nan_to_num(track.layer) != 0)
    of_one = (lacking[0] != lacking[1]) & raised
    node = shared == SHARED
    apart = tunnel | one_bridge | covered | differ
    doubtful = (apart & node) | (~apart & (of_one | (two_bridges & ~node)))
    verdict = np.select([doubtful, apart], [DOUBTFUL, APART], AT_GRADE)
    reason = np.select(
        [
            (verdict == DOUBTFUL) & of_one & ~node & ~two_bridges,
            verdict == DOUBTFUL,
            (verdict == APART) & tunnel,
            (verdict == APART) & one_bridge,
            (verdict == APART) & covered,
            verdict == APART,
        ],
        ["layer-of-one", "levels-contradict", "tunnel", "bridge", "covered", "layers-differ"],
        "",
    )
    return verdict, reason.astype(object)
