"""How sure it is that a place found in the data is a crossing at grade.

A product of factors, each a judgement (mark A): none is calibrated. The field-verification list
that is read back tells how often each was right.

======================================  =======  ==========================================
outcome                                 factor   reason code
======================================  =======  ==========================================
crossing                                .95
facing, ends that touch the track       .50      ``facing-ends``; falls to .25 at the
                                                 greatest gap
review: levels contradict at a vertex   .50      ``levels-contradict``
review: layer of one of the two only    .40      ``layer-of-one``
review: ends at the track               .30      ``ends-at-track``
review: along the track                 .15      ``along-track``, ``weaves``
review: touches, on one side only       .10      ``touches-track``
apart                                   .02      ``bridge``, ``tunnel``, ``covered`` ...
======================================  =======  ==========================================

and for a crossing or facing ends, and for what is to be reviewed:

======================================  =======  ==========================================
no shared vertex, though ids are known  .60      ``no-shared-node``: a bridge not tagged
no shared vertex, drawn independently   .95
levels of one of the two unknown        .97
levels of both unknown                  .90      ``levels-unknown``; .95 at a shared vertex
angle below 45 degrees                  .90      ``oblique``
in a station                            .85      ``in-station``
a footway in a station                  .70      ``platform``: most lead from platform to
                                                 platform
a path                                  .95      drawn from pictures taken from above
a motorway                              .20      ``motorway``: by rule never at grade
======================================  =======  ==========================================
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from blackspots.crossings.drawn import Array
from blackspots.crossings.levels import NOT_SHARED, SHARED

OBLIQUE: Final = 45.0

_BASE: Final = {
    "facing-ends": 0.5,
    "levels-contradict": 0.5,
    "layer-of-one": 0.4,
    "ends-at-track": 0.3,
    "along-track": 0.15,
    "weaves": 0.15,
    "touches-track": 0.1,
}
_CROSSING: Final = 0.95
_APART: Final = 0.02


def confidence(found: pd.DataFrame) -> tuple[Array, dict[str, Array]]:
    """Confidence of each place, and which reasons it gives rise to.

    Parameters
    ----------
    found
        ``outcome``, ``first_reason`` (the code that made the outcome, empty for a crossing),
        ``shared`` (:data:`~blackspots.crossings.levels.SHARED` ...), ``known`` (of how many of
        road and track, 0 to 2, levels are known), ``angle`` [degrees], ``in_station``,
        ``road_kind``, ``gap_share`` (of facing ends: gap over the greatest one).

    Returns
    -------
    confidence : float, shape (places,)
    reasons
        Code to where it applies, bool, shape (places,).
    """
    outcome, shared = found["outcome"].to_numpy(), found["shared"].to_numpy()
    known, kind = found["known"].to_numpy(), found["road_kind"].to_numpy()
    station = found["in_station"].to_numpy(dtype=bool)
    crosses, apart = outcome == "crossing", outcome == "apart"
    open_ = crosses | (outcome == "facing")
    base = found["first_reason"].map(_BASE).fillna(_CROSSING).to_numpy(dtype=np.float64)
    gap = 1.0 - 0.5 * np.clip(np.nan_to_num(found["gap_share"].to_numpy(dtype=np.float64)), 0, 1)
    unknown = (known == 0) & ~apart
    lone = crosses & (shared == NOT_SHARED)
    oblique = open_ & (found["angle"].to_numpy() < OBLIQUE)
    platform = open_ & station & (kind == "walked")
    factors = (
        (lone, 0.6),
        (crosses & (shared != NOT_SHARED) & (shared != SHARED), 0.95),
        (~apart & (known == 1), 0.97),
        (unknown & (shared == SHARED), 0.95),
        (unknown & (shared != SHARED), 0.9),
        (oblique, 0.9),
        (~apart & station & ~platform, 0.85),
        (platform, 0.7),
        (~apart & np.isin(kind, ("path", "walked")), 0.95),
        (~apart & (kind == "motorway"), 0.2),
    )
    sure = base * gap
    for where, factor in factors:
        sure = np.where(where, sure * factor, sure)
    reasons = {
        "no-shared-node": lone,
        "levels-unknown": unknown,
        "oblique": oblique,
        "in-station": station & ~apart,
        "platform": platform,
        "motorway": ~apart & (kind == "motorway"),
    }
    return np.where(apart, _APART, sure).round(3), reasons
