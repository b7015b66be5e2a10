"""Sites followed into the next list: years, entries, and ids that are given once."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from shapely import LineString
from shapely.geometry.base import BaseGeometry

from blackspots.screening import follow
from blackspots.screening.sites import Screened


def road(start: float) -> LineString:
    return LineString([(start, 0), (start + 400, 0)])


def screened(**shapes: BaseGeometry) -> Screened:
    sites = gpd.GeoDataFrame(
        {"kind": ["segment"] * len(shapes)}, geometry=list(shapes.values()), crs="EPSG:9215"
    )
    sites.index = pd.Index(list(shapes), name="site_id", dtype="object")
    names = pd.Series(list(shapes), dtype="object")
    return Screened(sites, names, pd.DataFrame({"site_id": names}), pd.DataFrame())


def listed(years: tuple[int, int], **shapes: BaseGeometry | None) -> gpd.GeoDataFrame:
    count = len(shapes)
    made = gpd.GeoDataFrame(
        {
            "kind": ["segment"] * count,
            "first_listed": pd.array([years[0]] * count, dtype="Int64"),
            "last_listed": pd.array([years[1]] * count, dtype="Int64"),
            "status": ["done"] * count,
            "owner": ["Sở GTVT"] * count,
            "note": [None] * count,
        },
        geometry=gpd.GeoSeries(list(shapes.values()), crs="EPSG:9215"),
    )
    made.index = pd.Index(list(shapes), name="site_id", dtype="object")
    return made


def entries(made: Screened) -> dict[str, list[Any]]:
    columns = ["new", "first_listed", "last_listed", "status", "owner", "note"]
    told = made.sites[columns].astype(object)
    rows = told.where(told.notna(), None).to_numpy().tolist()
    return dict(zip(made.sites.index, rows, strict=True))


def test_a_known_site_keeps_id_and_entries_and_a_new_one_begins_this_year() -> None:
    made = follow(screened(n=road(50), m=road(5000)), listed((2021, 2023), a=road(0)), year=2024)
    assert entries(made) == {
        "a": [False, 2021, 2024, "done", "Sở GTVT", None],
        "m": [True, 2024, 2024, None, None, None],
    }
    assert made.membership.tolist() == ["a", "m"]
    assert made.parts["site_id"].tolist() == ["a", "m"]


def test_without_a_list_nothing_is_known_of_earlier_years() -> None:
    before = screened(n=road(0))
    assert entries(follow(before, None, year=2024)) == {"n": [None] * 6}
    assert "new" not in before.sites  # nothing is changed in place


def test_an_earlier_period_moves_the_first_year_and_not_the_last() -> None:
    made = follow(screened(n=road(0)), listed((2021, 2023), a=road(0)), year=2019)
    assert entries(made)["a"][1:3] == [2019, 2023]


def test_an_id_without_a_place_is_taken_but_never_found() -> None:
    made = follow(screened(a=road(0)), listed((2021, 2023), a=None), year=2024)
    assert entries(made) == {"a-2": [True, 2024, 2024, None, None, None]}


@pytest.mark.parametrize("old", [{}, {"a": road(0)}])
def test_no_site_at_all_is_followed_too(old: dict[str, BaseGeometry]) -> None:
    made = follow(screened(), listed((2021, 2023), **old), year=2024)
    assert entries(made) == {}
    assert made.sites["first_listed"].dtype == "Int64"
