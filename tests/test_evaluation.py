"""Totals by area, checked against the table that BikeWestHartford published.

shared/data/crashes/README.md, section 1; `real/test_west_hartford.py` runs the same through
the whole study, this one the sums alone.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from small import crashes

from blackspots.evaluation import by_area
from blackspots.schema import SEVERITIES

KABCO = {"K": "fatal", "A": "serious", "B": "slight", "C": "slight", "O": "pdo"}


def test_every_crash_is_counted_once_in_its_group_and_once_in_the_total() -> None:
    rows = crashes(
        [(0, 0), (1, 1), (2, 2), (9, 9), None],
        severity=["fatal", "slight", "unknown", "pdo", "serious"],
        deaths=[2, 0, None, 0, None],
        injured=[1, 3, None, None, None],
    )
    names = pd.Series(["Cao Lộc", "Cao Lộc", "Lộc Bình", None, None], index=rows.index)
    made = by_area(rows, names, ["Lộc Bình", "Cao Lộc", "Tràng Định"])
    assert made["name"].tolist() == ["Lộc Bình", "Cao Lộc", "Tràng Định", "", "", ""]
    assert made["group"].tolist() == ["area"] * 3 + ["outside", "nowhere", "total"]
    assert made["crashes"].tolist() == [1, 2, 0, 1, 1, 5]
    assert made["casualty"].tolist() == [0, 2, 0, 0, 1, 3]
    assert made["ksi"].tolist() == [0, 1, 0, 0, 1, 2]
    parts, total = made.iloc[:-1], made.iloc[-1]
    for column in ("crashes", "casualty", "ksi", *SEVERITIES):
        assert parts[column].sum() == total[column]
    assert (made[list(SEVERITIES)].sum(axis=1) == made["crashes"]).all()


def test_persons_that_no_crash_tells_are_missing_and_not_zero() -> None:
    rows = crashes([(0, 0), (1, 1)], deaths=[None, 0], injured=[None, None])
    names = pd.Series(["a", "b"], index=rows.index)
    made = by_area(rows, names, ["a", "b"]).set_index("name")
    assert pd.isna(made.at["a", "deaths"])
    assert made.at["b", "deaths"] == 0
    assert made["injured"].isna().all()


def test_no_crash_and_no_area() -> None:
    rows = crashes([])
    made = by_area(rows, pd.Series(dtype="object"), ["a"])
    assert made["crashes"].tolist() == [0, 0, 0, 0]
    assert by_area(rows, pd.Series(dtype="object"), [])["group"].tolist() == [
        "outside",
        "nowhere",
        "total",
    ]


@pytest.mark.shared
def test_the_published_table_of_west_hartford_row_by_row(shared: Path) -> None:
    folder = shared / "crashes" / "west_hartford"
    table = pd.read_csv(folder / "crashes.csv")
    names = pd.read_csv(folder / "published_assignment.csv")["corridor"]
    published = pd.read_csv(folder / "published_ranking.csv").set_index("corridor")
    rows = crashes(
        list(zip(table["Longitude"], table["Latitude"], strict=True)),
        crs="EPSG:4326",
        severity=table["Most Severe Injury"].map(KABCO).fillna("unknown").tolist(),
    )
    names.index = rows.index
    order = list(names.dropna().unique())
    assert len(order) == 20
    made = by_area(rows, names, order)
    for row in made[made["group"] == "area"].itertuples():
        theirs = published.loc[row.name]
        assert (row.crashes, row.casualty, row.ksi) == tuple(theirs), row.name
    total = made.iloc[-1]
    assert (total["crashes"], total["casualty"], total["ksi"]) == (6750, 2006, 51)
    outside = made[made["group"] == "outside"].iloc[0]
    assert (outside["crashes"], outside["casualty"], outside["ksi"]) == (1384, 265, 10)
    assert total["unknown"] == 15
    assert made[made["group"] == "area"]["crashes"].sum() + outside["crashes"] == 6750
