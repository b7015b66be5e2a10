"""Sites keep their id while their crashes shift their ends, and new ones take no old id."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from blackspots.screening.identity import keep_ids, same_sites
from blackspots.screening.sites import Screened

KINDS = {"LineString": "segment", "Point": "junction", "Polygon": "area"}


def listed(**shapes: BaseGeometry | None) -> gpd.GeoDataFrame:
    kinds = [KINDS[shape.geom_type] if shape else "segment" for shape in shapes.values()]
    return gpd.GeoDataFrame(
        {"kind": kinds}, index=list(shapes), geometry=list(shapes.values()), crs="EPSG:9215"
    )


def road(start: float, end: float, y: float = 0) -> LineString:
    return LineString([(start, y), (end, y)])


def test_a_stretch_whose_ends_shift_is_the_same_site() -> None:
    made = same_sites(
        listed(n1=road(120, 640), n2=road(2000, 2300), n3=road(130, 600, y=300)),
        listed(a=road(0, 500), b=road(2299, 2800)),
    )
    assert made["n1"] == "a"
    assert made[["n2", "n3"]].isna().all()


def test_the_most_alike_are_matched_and_each_once() -> None:
    made = same_sites(listed(n1=road(0, 300), n2=road(250, 700)), listed(a=road(240, 700)))
    assert made.astype(object).where(made.notna(), None).to_dict() == {"n1": None, "n2": "a"}
    split = same_sites(listed(n1=road(0, 300), n2=road(350, 800)), listed(a=road(0, 800)))
    assert split.notna().sum() == 1


def test_points_match_by_distance_and_a_stretch_around_a_junction_is_it() -> None:
    old = listed(a=Point(0, 0), b=Point(70, 0), c=Point(1000, 20))
    made = same_sites(listed(n1=Point(30, 0), n2=Point(69, 0), n3=road(900, 1100)), old)
    assert made.to_dict() == {"n1": "a", "n2": "b", "n3": "c"}


def test_a_crossing_is_no_road() -> None:
    crossing = listed(x=Point(100, 0)).assign(kind="crossing")
    assert same_sites(listed(n=road(0, 200)), crossing).isna().all()
    assert same_sites(crossing, crossing).to_dict() == {"x": "x"}


def test_areas_match_by_what_they_share() -> None:
    square = Polygon([(0, 0), (1000, 0), (1000, 1000), (0, 1000)])
    other = Polygon([(1000, 0), (2000, 0), (2000, 1000), (1000, 1000)])
    made = same_sites(listed(n=square, m=other), listed(b=other, a=square))
    assert made.to_dict() == {"n": "a", "m": "b"}


def test_nothing_and_sites_without_a_place_match_nothing() -> None:
    assert same_sites(listed(n=road(0, 10)), listed(a=None)).isna().all()
    assert same_sites(listed(), listed(a=road(0, 10))).empty


def test_new_sites_take_no_id_that_was_given_before() -> None:
    sites = listed(**{"QL1-Km1+000": road(0, 500), "QL1-Km9+000": road(9000, 9500)})
    sites.index.name = "site_id"
    screened = Screened(
        sites,
        pd.Series(["QL1-Km1+000", None, "QL1-Km9+000"], dtype=object),
        pd.DataFrame({"site_id": ["QL1-Km9+000", "QL1-Km1+000"]}),
        pd.DataFrame(),
    )
    earlier = listed(**{"QL1-Km1+200": road(30, 470), "QL1-Km9+000": road(4000, 4200)})
    made, known = keep_ids(screened, earlier)
    assert made.sites.index.tolist() == ["QL1-Km1+200", "QL1-Km9+000-2"]
    assert made.membership.tolist() == ["QL1-Km1+200", None, "QL1-Km9+000-2"]
    assert made.parts["site_id"].tolist() == ["QL1-Km9+000-2", "QL1-Km1+200"]
    assert known.tolist() == [True, False]
    again, kept = keep_ids(made, made.sites)
    assert again.sites.index.tolist() == made.sites.index.tolist()
    assert kept.all()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=8, unique=True), st.floats(-100, 100))
def test_sites_that_all_shift_a_little_keep_their_ids(at: list[int], shift: float) -> None:
    old = listed(**{f"s{i}": road(600 * i, 600 * i + 400) for i in at})
    new = listed(**{f"n{i}": road(600 * i + shift, 600 * i + 400 + shift) for i in reversed(at)})
    made = same_sites(new, old)
    assert made.to_dict() == {f"n{i}": f"s{i}" for i in at}
    assert np.unique(made).size == len(made)


def test_a_share_of_half_is_enough_and_less_is_not() -> None:
    assert same_sites(listed(n=road(250, 750)), listed(a=road(0, 500)))["n"] == "a"
    assert pd.isna(same_sites(listed(n=road(252, 752)), listed(a=road(0, 500)))["n"])
    assert same_sites(listed(n=road(0, 500)), listed(a=road(0, 500, y=49)))["n"] == "a"
