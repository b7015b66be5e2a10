"""How good the register is: what it holds, what it lacks, and where it contradicts itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd

KM_APART: Final = 500.0
"""Distance [m] between coordinate and km post from which a crash is listed."""

JUDGED: Final = (
    "date",
    "hour",
    "severity",
    "deaths",
    "injured",
    "serious",
    "slight",
    "crash_type",
    "mode",
    "cause",
    "district",
    "route",
    "km",
    "coordinate",
)
"""Columns whose completeness is told."""

_SOURCE: Final = ["source_file", "source_sheet", "source_row"]


@dataclass(frozen=True, slots=True)
class Quality:
    """The tables of a check; shares are of usable crashes, 0 to 1.

    ``completeness``: index column, ``filled`` and ``share``. ``by_district``, ``by_year``:
    index district or year, ``crashes`` and one share for each judged column. ``apart``:
    crashes whose coordinate and km post disagree, ``km_difference`` [m]. ``km_gaps``: the same
    for each route, then each district (``by``, ``name``): ``crashes`` that have both, ``median``
    and ``p90`` of the distance [m], ``shift`` (median of km post less coordinate) [m], and the
    share ``beyond`` :data:`KM_APART`, the worst first. ``duplicates``:
    crashes that seem to repeat another, with their partner. Tables of crashes hold the file,
    sheet and row they came from.
    """

    completeness: pd.DataFrame
    by_district: pd.DataFrame
    by_year: pd.DataFrame
    apart: pd.DataFrame
    km_gaps: pd.DataFrame
    duplicates: pd.DataFrame


def assess(
    crashes: gpd.GeoDataFrame, located: gpd.GeoDataFrame | None, *, years: Sequence[int] = ()
) -> Quality:
    """Judge a register.

    Parameters
    ----------
    crashes
        :data:`blackspots.schema.CRASHES`.
    located
        The same crashes as :data:`blackspots.schema.LOCATED`, for ``area`` (the district where
        the register has none) and ``km_difference``.
    years
        Years that must stand in ``by_year`` even without a crash.
    """
    filled = _filled(crashes)
    completeness = pd.DataFrame(
        {"filled": filled.sum(), "share": filled.mean() if len(filled) else np.nan}
    )
    completeness.index.name = "column"
    district = crashes["district"]
    if located is not None:
        district = district.where(district.notna(), located["area"])
    by_year = _shares(filled, crashes["date"].dt.year.astype("Int64"))
    missing = [year for year in years if year not in by_year.index]
    by_year = by_year.reindex([*by_year.index, *missing]).sort_index()
    by_year["crashes"] = by_year["crashes"].fillna(0).astype("int64")
    return Quality(
        completeness=completeness,
        by_district=_shares(filled, district).rename_axis("district"),
        by_year=by_year.rename_axis("year"),
        apart=_apart(located),
        km_gaps=_km_gaps(located, district),
        duplicates=_duplicates(crashes),
    )


def _filled(crashes: gpd.GeoDataFrame) -> pd.DataFrame:
    """For each crash which of the judged columns says something."""
    made = {
        column: crashes[column].notna()
        for column in JUDGED
        if column not in {"severity", "coordinate"}
    }
    made["severity"] = crashes["severity"] != "unknown"
    made["coordinate"] = crashes.geometry.notna()
    return pd.DataFrame({column: made[column].astype(bool) for column in JUDGED})


def _shares(filled: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    groups = filled.groupby(
        by.astype(object).where(by.notna(), None).to_numpy(), dropna=True, sort=True
    )
    shares = groups.mean()
    shares.insert(0, "crashes", groups.size())
    return shares


def _apart(located: gpd.GeoDataFrame | None) -> pd.DataFrame:
    columns = ["route", "km", "km_difference", *_SOURCE]
    if located is None:
        return pd.DataFrame(columns=columns)
    far = located[located["km_difference"].abs() > KM_APART]
    order = far["km_difference"].abs().sort_values(ascending=False, kind="stable").index
    return pd.DataFrame(far.loc[order, columns])


def _km_gaps(located: gpd.GeoDataFrame | None, district: pd.Series) -> pd.DataFrame:
    """How far km posts and coordinates lie apart, by route and by district."""
    columns = ["by", "name", "crashes", "median", "p90", "shift", "beyond"]
    if located is None or not located["km_difference"].notna().any():
        return pd.DataFrame(columns=columns)
    both = located["km_difference"].notna()
    gap = located.loc[both, "km_difference"].astype("float64")
    parts = []
    for by, names in (("route", located["route"]), ("district", district)):
        name = names[both].to_numpy(dtype=object)
        groups = gap.groupby(pd.Series(name, index=gap.index), sort=True)
        far = gap.abs().groupby(pd.Series(name, index=gap.index), sort=True)
        made = pd.DataFrame(
            {
                "crashes": groups.size(),
                "median": far.median(),
                "p90": far.quantile(0.9),
                "shift": groups.median(),
                "beyond": far.agg(lambda g: float((g > KM_APART).mean())),
            }
        )
        made = made.rename_axis("name").reset_index().assign(by=by)
        parts.append(made.sort_values("median", ascending=False, kind="stable"))
    return pd.concat(parts, ignore_index=True)[columns]


def _duplicates(crashes: gpd.GeoDataFrame) -> pd.DataFrame:
    own = ["date", "hour", "route", "km", "deaths", "injured", *_SOURCE]
    flagged = crashes[crashes["duplicate_of"].notna()]
    made = pd.DataFrame(flagged[["duplicate_of", *own]])
    partner = pd.DataFrame(crashes.loc[flagged["duplicate_of"], _SOURCE])
    for column in _SOURCE:
        made[f"partner_{column.removeprefix('source_')}"] = partner[column].to_numpy()
    return made
