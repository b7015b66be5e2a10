"""Totals by area: what a district, commune or corridor counts."""

from __future__ import annotations

import pandas as pd

from blackspots.schema import SEVERITIES

CASUALTY = ("fatal", "serious", "slight", "injury")
KSI = ("fatal", "serious")


def by_area(crashes: pd.DataFrame, names: pd.Series, order: list[str]) -> pd.DataFrame:
    """Crashes and persons of each area, of those outside, without coordinates, and in all.

    Parameters
    ----------
    crashes
        ``severity``, ``deaths``, ``injured``; geometry missing where the place is not known.
    names
        Area of each crash, missing outside; same index.
    order
        Names of all areas; those without a crash are kept with 0.

    Returns
    -------
    DataFrame
        Columns ``name``, ``group`` (``area``, ``outside``, ``nowhere``, ``total``), ``crashes``,
        the severities, ``casualty``, ``ksi``, ``deaths``, ``injured``. Persons are missing
        where no crash of the area has the figure.
    """
    nowhere = crashes.geometry.isna()
    parts = [(name, "area", names == name) for name in order]
    parts += [
        ("", "outside", names.isna() & ~nowhere),
        ("", "nowhere", nowhere),
        ("", "total", pd.Series(data=True, index=crashes.index)),
    ]
    rows = []
    for name, group, mask in parts:
        here = crashes[mask.to_numpy()]
        levels = here["severity"].value_counts()
        count = {level: int(levels.get(level, 0)) for level in SEVERITIES}
        persons = {
            column: here[column].dropna().sum() if here[column].notna().any() else pd.NA
            for column in ("deaths", "injured")
        }
        rows.append(
            {
                "name": name,
                "group": group,
                "crashes": len(here),
                **count,
                "casualty": sum(count[level] for level in CASUALTY),
                "ksi": sum(count[level] for level in KSI),
                **persons,
            }
        )
    return pd.DataFrame(rows).astype({"deaths": "Int64", "injured": "Int64"})
