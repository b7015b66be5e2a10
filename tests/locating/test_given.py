"""What a caller may hand over: plain layers, his own columns, ids of any kind; or a clear error."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from small import METRES, crashes, roads

from blackspots.errors import BlackspotsError
from blackspots.labels import LANGUAGES
from blackspots.locating import Placement, locate
from blackspots.network import Network, build_network
from blackspots.schema import CRASHES, LOCATED

NET = build_network(
    roads(
        *([(0, 0), (1000, 0)], [(0, 30), (1000, 30)]),
        ref=["QL1", "QL4A"],
        km_from=[0, 0],
        km_to=[1, 1],
    )
)
TABLES = ("segments", "parts", "nodes", "routes")


def layers(net: Network = NET) -> dict[str, Any]:
    return {name: getattr(net, name) for name in TABLES}


def points(*places: tuple[float, float] | None, index: Any = None, **columns: Any) -> Any:
    shapes = [None if place is None else shapely.Point(place) for place in places]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=METRES, index=index)


def place(given: gpd.GeoDataFrame, net: Network = NET, **more: Any) -> Placement:
    return locate(given, **layers(net), **more)


def test_results_of_an_earlier_placing_are_not_kept() -> None:
    first = place(points((500, 5), (500, 27), route=["QL1"] * 2, km=[0.5] * 2)).crashes
    elsewhere = build_network(roads([(0, 5000), (1000, 5000)]))
    made = place(first, elsewhere).crashes
    results = [c.name for c in LOCATED.columns if c.name not in CRASHES.by_name]
    assert made["reason"].tolist() == ["route-not-in-network"] * 2
    assert made[[c for c in results if c not in {"reason", "uncertain"}]].isna().all(axis=None)
    assert not made["uncertain"].any()
    pd.testing.assert_frame_equal(place(first).crashes, first)


def test_columns_of_the_users_own_are_no_results() -> None:
    own = points((500, 5), (500, 900), place=["Hà Nội", "Huế"], site_id=[1, 2], area=[7.5, 8.5])
    made = place(own).crashes
    assert made["place"].iloc[0] == "segment"
    assert made["place"].isna().tolist() == [False, True]
    assert made[["site_id", "area"]].isna().all(axis=None)
    assert own["place"].tolist() == ["Hà Nội", "Huế"]


@pytest.mark.parametrize("route", ["QL4A", "QL 4A", "ql.4a", "Quốc lộ 4A"])
@pytest.mark.parametrize("ref", ["QL4A", "QL.4A"])
def test_roads_are_read_in_any_spelling(route: str, ref: str) -> None:
    net = build_network(
        roads(
            [(0, 0), (900, 0)], [(0, 30), (900, 30)], ref=["QL1", ref], km_from=[0, 0], km_to=[1, 1]
        )
    )
    made = place(points((500, 14), None, route=[route] * 2, km=[None, 0.5]), net).crashes
    assert made["road_id"].tolist() == ["r1", "r1"]
    assert made["probability"].min() > 0.9
    assert made["route"].tolist() == [route] * 2


def test_an_empty_text_is_no_recorded_road() -> None:
    blank, none = (place(points((500, 14), route=[word])).crashes for word in ("", None))
    assert blank["probability"].item() == none["probability"].item()


def test_decisions_are_named_by_the_id_or_its_text() -> None:
    given = points((500, 15), (500, 15), (500, 15), index=[7, 8, 9])
    made = place(given, decisions={7: (500, 30), "8": (500, 30), 9: None})
    assert made.crashes["road_id"].tolist()[:2] == ["r1", "r1"]
    assert made.crashes["reason"].tolist() == [None, None, "decided"]
    assert made.stale == ()


@pytest.mark.parametrize("spot", [None, (500.0, 30.0)])
def test_a_decision_about_no_crash_is_told(spot: tuple[float, float] | None) -> None:
    assert place(points((500, 15)), decisions={"99": spot}).stale == ("99",)


@pytest.mark.parametrize("lacking", TABLES)
def test_a_part_of_a_network_is_refused_by_name(lacking: str) -> None:
    some = {name: table for name, table in layers().items() if name != lacking}
    with pytest.raises(ValueError, match=f"missing: {lacking}$"):
        locate(points((500, 5)), **some)
    others = ", ".join(name for name in TABLES if name != lacking)
    with pytest.raises(ValueError, match=f"missing: {others}$"):
        locate(points((500, 5)), **{lacking: layers()[lacking]})


def test_ids_of_several_levels_are_refused() -> None:
    index = pd.MultiIndex.from_tuples([(1, 2), (1, 3)])
    with pytest.raises(ValueError, match="several levels"):
        place(points((500, 5), (500, 5), index=index))


def test_ids_that_are_one_text_are_refused() -> None:
    with pytest.raises(BlackspotsError) as told:
        place(points((500, 5), (500, 5), index=pd.Index([1, "1"], dtype=object)))
    assert told.value.code == "crashes-unusable"
    assert told.value.fields["rows"] == "1"


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("km", "Km0+500", "crashes-not-numbers"),
        ("bearing", "NB", "crashes-not-numbers"),
        ("uncertainty", "khoảng 50", "crashes-not-numbers"),
        ("train_involved", "yes", "crashes-not-yes-no"),
        ("train_involved", "2", "crashes-not-yes-no"),
    ],
)
def test_columns_that_cannot_be_read_are_named(column: str, value: object, code: str) -> None:
    with pytest.raises(BlackspotsError) as told:
        place(points((500, 5), (500, 5), **{column: [None, value]}))
    assert told.value.code == code
    for language in LANGUAGES:
        assert f"“{column}”" in told.value.message(language)
        assert f"“{value}”" in told.value.message(language)


def test_numbers_and_truths_are_taken_in_any_type() -> None:
    plain = points((500, 15), (500, 15), km=["0.5", None], route=["QL1"] * 2, train_involved=[1, 0])
    typed = crashes(
        [(500, 15)] * 2, km=[0.5, None], route=["QL1"] * 2, train_involved=[True, False]
    )
    left, right = (place(given).crashes for given in (plain, typed))
    np.testing.assert_array_equal(left["probability"], right["probability"])
    assert left["train_involved"].tolist() == [True, False]


def test_points_without_finite_coordinates_are_no_location() -> None:
    given = gpd.GeoDataFrame(
        geometry=[None, shapely.Point(), shapely.Point(np.inf, 0), shapely.Point(500, 5)],
        crs=METRES,
    )
    made = place(given).crashes
    assert made["reason"].tolist() == ["no-location"] * 3 + [None]


def test_what_is_no_number_of_lanes_or_speed_is_unknown() -> None:
    lines = [(0, 0), (900, 0)], [(0, 30), (900, 30)]
    made = build_network(roads(*lines, lanes=["2", "2;3"], maxspeed=["50", "none"])).segments
    np.testing.assert_array_equal(made["lanes"], [2, np.nan])
    np.testing.assert_array_equal(made["maxspeed"], [50, np.nan])
