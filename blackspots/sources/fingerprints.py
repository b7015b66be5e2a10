"""What tells a crash from every other one, so that it is known again though its row has moved."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

APART: Final = 1.0
"""Distance [m] from which a crash's coordinate is another one."""

_TEXTS: Final = ("severity", "crash_type", "mode", "cause", "district", "route")
_NUMBERS: Final = ("hour", "deaths", "serious", "slight", "injured")
_MADE_UP: Final = re.compile(r"\.\w+:(?:.*:)?\d+")
_FINE: Final = 3
"""Decimals of a km that count."""

Spot = tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a register says of a crash, but for its coordinate; ``""`` and NaN: not known.

    ``fingerprint`` stands for all of its row that is used, whatever its file and row are.
    """

    date: str = ""
    route: str = ""
    km: float = np.nan
    fingerprint: str = ""


class Register:
    """The crashes of a register, to be looked up.

    Parameters
    ----------
    crashes
        :data:`blackspots.schema.CRASHES`
    """

    def __init__(self, crashes: gpd.GeoDataFrame) -> None:
        self.ids = crashes.index
        self.told = recorded(crashes)
        points = crashes.geometry.to_numpy()
        self.x, self.y = shapely.get_x(points), shapely.get_y(points)
        self._at = pd.Series(np.arange(len(crashes)), index=crashes.index)

    def row(self, crash: str) -> int | None:
        """Position of a crash, None where there is none."""
        at = self._at.get(crash)
        return None if at is None else int(at)

    def recorded(self, at: int) -> Recorded:
        """What is recorded of the crash in a position."""
        date, route, km, fingerprint = self.told.iloc[at]
        return Recorded(date, route, float(km), fingerprint)

    def spot(self, at: int) -> Spot:
        """The coordinate of the crash in a position [m]."""
        spot = (float(self.x[at]), float(self.y[at]))
        return spot if np.isfinite(spot).all() else None

    def alike(self, wanted: Mapping[str, tuple[Recorded, Spot]]) -> dict[str, int]:
        """The one crash whose row and coordinate are the wanted ones; not where several are."""
        prints = {told.fingerprint for told, _ in wanted.values()} - {""}
        rows = np.flatnonzero(self.told["fingerprint"].isin(prints))
        keys = pd.DataFrame(
            {
                "fingerprint": self.told["fingerprint"].to_numpy()[rows],
                "x": np.floor(self.x[rows] / APART),
                "y": np.floor(self.y[rows] / APART),
                "row": rows,
            }
        ).fillna({"x": np.inf, "y": np.inf})
        groups = keys.groupby(["fingerprint", "x", "y"])["row"].agg(["size", "first"])
        known: dict[Hashable, Any] = groups.T.to_dict("list")
        made = {}
        for crash, (told, spot) in wanted.items():
            around = [known[key] for key in _cells(told.fingerprint, spot) if key in known]
            near = [(size, at) for size, at in around if not apart(spot, self.spot(int(at)))]
            if sum(size for size, _ in near) == 1:
                made[crash] = int(near[0][1])
        return made


def _cells(fingerprint: str, spot: Spot) -> list[tuple[str, float, float]]:
    """The square of a coordinate with those around it, as it may lie on an edge."""
    if spot is None:
        return [(fingerprint, np.inf, np.inf)]
    x, y = (float(np.floor(value / APART)) for value in spot)
    return [(fingerprint, x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]


def apart(one: Spot, other: Spot) -> bool:
    """Whether two coordinates [m] are not the same one; a missing one is the same as none."""
    if one is None or other is None:
        return (one is None) != (other is None)
    return bool(np.hypot(one[0] - other[0], one[1] - other[1]) > APART)


def same_post(one: Recorded, other: Recorded) -> bool:
    """Whether two crashes have the same road and km post, or neither."""
    return one.route == other.route and bool(
        np.isclose(one.km, other.km, atol=0.5 * 10.0**-_FINE, rtol=0, equal_nan=True)
    )


def is_made_up(crash: str) -> bool:
    """Whether an id is the place of a row (``file.xlsx:sheet:12``): it tells the row, no crash."""
    return _MADE_UP.search(crash) is not None and crash.rpartition(":")[2].isdecimal()


def recorded(crashes: pd.DataFrame) -> pd.DataFrame:
    """Date, route, km and fingerprint of each crash, as :class:`Recorded` has them.

    The fingerprint is a hash of 64 bits of what is recorded, without the coordinate, which
    depends on the CRS, and without file and row.
    """
    made = pd.DataFrame(index=crashes.index)
    made["date"] = crashes["date"].dt.strftime("%Y-%m-%d").astype(object).fillna("")
    made["route"] = crashes["route"].astype(object).fillna("")
    made["km"] = crashes["km"].astype("float64").round(_FINE)
    whole = made.copy()
    for column in _TEXTS:
        whole[column] = crashes[column].astype(object).fillna("").astype(str)
    for column in _NUMBERS:
        whole[column] = crashes[column].astype("Float64").to_numpy(dtype="float64", na_value=-1.0)
    whole["km"] = whole["km"].fillna(-1.0)
    hashes = pd.util.hash_pandas_object(whole, index=False).to_numpy(dtype="uint64")
    made["fingerprint"] = [f"{number:016x}" for number in hashes.tolist()]
    return made
