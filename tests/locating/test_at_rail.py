"""Which crashes belong to a level crossing, to the railway line, or to the queue before one.

The rules are those of ``crossings.md``, *Finding unlisted crossings*, 5. Most pictures are of

    m   0        1000                2000               3000 (not to scale)
                   |                   |
    ===============x0==================x1=================  one line, km 10 to 13
                   |                   |
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from small import METRES, Line, crashes, crossings, roads

from blackspots.errors import BlackspotsError
from blackspots.locating import Placement, Reach, assign, locate, weights
from blackspots.locating.at_rail import Spots, claims_of
from blackspots.locating.rails import near_lines, rail_of
from blackspots.network import Network, build_network
from blackspots.schema import RAIL_LINES, check

HN_DD = "Hà Nội – Đồng Đăng"
"""Name of the line of most pictures."""


def rails(
    *shapes: Line, refs: list[str | None] | None = None, kms: object = None
) -> gpd.GeoDataFrame:
    """Railway lines 0, 1 ... with km from ``kms`` (first, last) each, else 10 up by length."""
    lines = [shapely.LineString(shape) for shape in shapes]
    ends = kms or [(10.0, 10.0 + line.length / 1000) for line in lines]
    made = gpd.GeoDataFrame(
        {
            "ref": refs or [HN_DD, *(f"line {i}" for i in range(1, len(lines)))],
            "length": [line.length for line in lines],
            "km_from": [first for first, _ in ends],
            "km_to": [last for _, last in ends],
            "post_measures": [(0.0, line.length) for line in lines],
            "post_km": list(ends),
        },
        index=pd.RangeIndex(len(lines), name="line_id"),
        geometry=lines,
        crs=METRES,
    )
    check(made, RAIL_LINES)
    return made


ONE_LINE = rails([(0, 0), (3000, 0)])
TWO = crossings([(1000, 0), (2000, 0)])
SURE = {"uncertainty": [0.0]}


def with_train(points: list[tuple[float, float] | None], **columns: object) -> gpd.GeoDataFrame:
    return crashes(points, train_involved=[True] * len(points), **columns)


# With a train ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "place", "crossing"),
    [
        ((1000, 3), "crossing", "x0"),
        ((1074, 0), "crossing", "x0"),  # within the footprint of 75 m
        ((1104, 0), "crossing", "x0"),  # and twice the 15 m that its coordinate spreads
        ((1106, 0), "railway", None),
        ((1190, 0), "railway", None),  # 190 m off: formerly the nearest crossing's
        ((1020, 190), "crossing", "x0"),  # beside the track, but 20 m along it
        ((1500, 229), "railway", None),  # 200 m and the error off the track
        ((1500, 231), None, None),
    ],
)
def test_a_trespass_strike_belongs_to_the_line_and_a_crash_in_the_footprint_to_its_crossing(
    point: tuple[float, float], place: str | None, crossing: str | None
) -> None:
    made = assign(with_train([point]), TWO, lines=ONE_LINE).iloc[0]
    assert (made["place"], made["crossing_id"]) == (place, crossing)
    if place is None:
        assert made["reason"] == "no-railway-near"
        assert pd.isna(made["rail_line"])
    else:
        assert made["rail_line"] == HN_DD
        assert made["rail_km"] == pytest.approx(10 + point[0] / 1000)
        along = {"crossing": abs(point[0] - 1000), "railway": point[1]}
        assert made["distance"] == pytest.approx(along[place])
        assert made["reason"] is None


def test_a_vague_coordinate_widens_the_footprint_no_farther_than_the_reach_of_trains() -> None:
    points = [(1150.0, 0.0)] * 3 + [(1199.0, 0.0), (1201.0, 0.0)]
    made = assign(
        with_train(points, uncertainty=[1.0, 60.0, 90.0, 600.0, 600.0]), TWO, lines=ONE_LINE
    )
    # 75 m and twice the root of 15^2 + 30^2 are 142 m; with 45^2 they are 170 m.
    assert made["place"].tolist() == ["railway", "railway", "crossing", "crossing", "railway"]


def test_competing_crossings_share_by_the_normal_likelihood_of_the_error() -> None:
    """Two alleys 30 m apart are two crossings; 10 m from one and 20 m from the other."""
    made = assign(with_train([(1010, 0)]), crossings([(1000, 0), (1030, 0)]), lines=ONE_LINE)
    ratio = np.exp((20**2 - 10**2) / (2 * 15**2))
    assert made["crossing_id"].tolist() == ["x0"]
    assert made["probability"].item() == pytest.approx(ratio / (1 + ratio))


def test_on_the_line_the_probability_is_that_of_lying_beyond_every_footprint() -> None:
    """A coordinate within 600 m (2 sd): the chance to be in a footprint by the normal law."""
    made = assign(with_train([(1500, 0)], uncertainty=[600.0]), TWO, lines=ONE_LINE).iloc[0]
    sigma = np.hypot(15, 300)
    chance = norm.cdf(575 / sigma) - norm.cdf(425 / sigma)
    assert made["place"] == "railway"
    assert made["probability"] == pytest.approx(1 - 2 * chance)


def test_a_footprint_ends_half_way_to_the_next_crossing() -> None:
    """Many crossings side by side can not take more than certainty."""
    many = crossings([(1000 + 20.0 * i, 0) for i in range(30)])
    made = assign(with_train([(750, 0)], uncertainty=[900.0]), many, lines=ONE_LINE).iloc[0]
    sigma = np.hypot(15, 450)
    row = norm.cdf((1580 + 75 - 750) / sigma) - norm.cdf((1000 - 75 - 750) / sigma)
    assert made["place"] == "railway"
    assert made["probability"] == pytest.approx(1 - row, abs=2e-3)


def test_a_crossing_is_that_of_the_crashs_own_line() -> None:
    r"""Beside the crash runs line A; the crossing, nearer as the crow flies, is on line B.

    B ============x0=====   y = 120
               c            y = 10
    A =====x1============   y = 0
    """
    lines = rails([(0, 0), (3000, 0)], [(0, 120), (3000, 120)], refs=["A", "B"])
    layer = crossings([(1020, 120), (940, 0)], railway=["B", "A"])
    made = assign(with_train([(1000, 10), (1000, 90)]), layer, lines=lines)
    assert made["crossing_id"].tolist() == ["x1", "x0"]
    assert made["rail_line"].tolist() == ["A", "B"]


def test_lines_side_by_side_share_their_crossings() -> None:
    lines = rails([(0, 0), (3000, 0)], [(0, 12), (3000, 12)], refs=["A", "B"])
    made = assign(with_train([(1020, -3), (1020, 15)]), crossings([(1000, 0)]), lines=lines)
    assert made["crossing_id"].tolist() == ["x0", "x0"]
    assert made["rail_line"].tolist() == ["A", "B"]


def test_the_line_that_the_record_names_goes_before_a_nearer_one() -> None:
    lines = rails([(0, 0), (3000, 0)], [(0, 80), (3000, 80)], refs=[HN_DD, "Kép – Hạ Long"])
    named = ["đường sắt Kép - Hạ Long", "QL1"]
    made = assign(with_train([(1500, 30), (1500, 30)], route=named), TWO, lines=lines)
    assert made["rail_line"].tolist() == ["Kép – Hạ Long", HN_DD]


def test_a_crossing_far_from_any_line_still_takes_the_crash_at_it() -> None:
    """The layer of railways lacks a branch; its crossing has no line."""
    layer = crossings([(1000, 0), (1500, 260)])
    made = assign(with_train([(1500, 250), (1500, 190)]), layer, lines=ONE_LINE)
    assert made["crossing_id"].tolist() == ["x1", "x1"]
    assert made["rail_line"].isna().tolist() == [True, False]


def test_without_railway_lines_a_train_goes_to_the_nearest_crossing_in_reach() -> None:
    points = [(1190.0, 0.0), (1210.0, 0.0)]
    for lines in (None, ONE_LINE.iloc[:0]):
        made = assign(with_train(points), TWO, lines=lines)
        assert made["place"].fillna("-").tolist() == ["crossing", "-"]
        assert made["reason"].tolist() == [None, "no-crossing-near"]
        assert made["rail_line"].isna().all()


def test_without_crossings_all_belongs_to_the_line() -> None:
    made = assign(with_train([(1000, 0), (5000, 0)]), TWO.iloc[:0], lines=ONE_LINE)
    assert made["place"].fillna("-").tolist() == ["railway", "-"]
    assert made["probability"].tolist()[0] == 1.0


# By km ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "km", "doubt", "expected"),
    [
        ("đường sắt Hà Nội - Đồng Đăng", 11.0, 0.0, ("crossing", "x0")),
        ("ĐS HÀ NỘI – ĐỒNG ĐĂNG", 11.09, 0.0, ("crossing", "x0")),
        ("Ha Noi - Dong Dang railway", 11.2, 10.0, ("railway", None)),
        ("Hà Nội – Đồng Đăng", 11.15, 100.0, ("crossing", "x0")),
        ("Hà Nội – Đồng Đăng", 11.15, 10.0, ("railway", None)),
    ],
)
def test_a_crash_without_coordinate_is_placed_by_its_km_on_the_railway(
    route: str, km: float, doubt: float, expected: tuple[str, str | None]
) -> None:
    record = {"route": [route], "km": [km], "km_uncertainty": [doubt]}
    made = assign(with_train([None], **record), TWO, lines=ONE_LINE).iloc[0]
    assert (made["place"], made["crossing_id"]) == expected
    assert made["rail_km"] == pytest.approx(km)
    assert made["rail_line"] == HN_DD


def test_why_a_km_on_the_railway_leads_nowhere() -> None:
    record = {"route": [HN_DD, "QL1", None], "km": [99.0, 11.0, 11.0]}
    made = assign(with_train([None] * 3, **record), TWO, lines=ONE_LINE)
    assert made["reason"].tolist() == ["km-outside-route", "no-location", "no-location"]
    bare = ONE_LINE.assign(post_measures=[()], post_km=[()])
    made = assign(with_train([None] * 3, **record), TWO, lines=bare)
    assert made["reason"].tolist()[0] == "route-without-km"


def test_the_km_goes_before_a_coordinate_that_is_vague_or_far_from_the_railway() -> None:
    record = {"route": [HN_DD] * 4, "km": [12.0] * 4, "uncertainty": [1.0, 9000.0, 1.0, 700.0]}
    points = [(1000.0, 0.0), (1000.0, 0.0), (1000.0, 4000.0), (1000.0, 0.0)]
    made = assign(with_train(points, **record), TWO, lines=ONE_LINE)
    assert made["crossing_id"].tolist() == ["x0", "x1", "x1", "x1"]


def test_a_km_that_stands_twice_is_two_places() -> None:
    """The km of the line go back to 10 after 1500 m."""
    lines = ONE_LINE.assign(post_measures=[(0.0, 1500.0, 1500.0, 3000.0)])
    lines = lines.assign(post_km=[(10.0, 11.5, 10.0, 11.5)])
    record = {"route": [HN_DD], "km": [11.0]}
    accident = with_train([None], **record)
    made = locate(accident, crossings=crossings([(1000, 0)]), lines=lines)
    assert made.crashes["probability"].tolist() == [0.5]
    assert made.candidates["place"].tolist() == ["crossing", "railway"]
    assert made.candidates["x"].tolist() == [1000.0, 2500.0]
    assert weights(made)["weight"].sum() == pytest.approx(1.0)


# Train not recorded, and without a train --------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "uncertainty", "place"),
    [(1049, 1.0, "crossing"), (1079, 1.0, "crossing"), (1081, 1.0, None), (1099, 900.0, "crossing"),
     (1101, 900.0, None)],
)  # fmt: skip
def test_where_the_train_is_not_recorded_the_reach_grows_with_the_error_up_to_twice(
    x: float, uncertainty: float, place: str | None
) -> None:
    made = assign(crashes([(x, 0)], uncertainty=[uncertainty]), TWO, lines=ONE_LINE).iloc[0]
    assert made["place"] == place
    assert made["reason"] == (None if place else "no-crossing-near")
    assert pd.isna(made["rail_line"]) == (place is None)


def test_junctions_compete_with_a_crossing_unless_there_was_a_train() -> None:
    #         x0      j
    #   ======|=======+     the crash 30 m from x0, 20 m from j
    junctions = gpd.GeoSeries([shapely.Point(1050, 0)], crs=METRES)
    three = crashes([(1030, 0)] * 3, train_involved=[True, None, False])
    made = assign(three, TWO, lines=ONE_LINE, junctions=junctions)
    assert made["place"].fillna("-").tolist() == ["crossing", "-", "-"]
    assert made["reason"].tolist() == [None, "junction-nearer", "road-crash"]


def test_a_crash_without_a_train_is_in_the_queue_and_never_at_the_crossing() -> None:
    points = [(1000.0, 0.0), (1000.0, 49.0), (1000.0, 51.0), None]
    made = assign(crashes(points, train_involved=[False] * 4), TWO, lines=ONE_LINE)
    assert made["place"].fillna("-").tolist() == ["queue", "queue", "-", "-"]
    assert made["crossing_id"].fillna("-").tolist() == ["x0", "x0", "-", "-"]
    assert made["reason"].tolist() == [None, None, "road-crash", "no-location"]


def test_a_register_of_the_railway_needs_no_column_for_trains() -> None:
    points = [(1090.0, 0.0), (1500.0, 0.0)]
    table = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*zip(*points, strict=True)), crs=METRES)
    unknown = assign(table, TWO, lines=ONE_LINE)
    railway = assign(table, TWO, lines=ONE_LINE, all_with_train=True)
    assert unknown["place"].isna().all()
    assert railway["place"].tolist() == ["crossing", "railway"]
    mixed = table.assign(train_involved=[False, None])
    made = assign(mixed, TWO, lines=ONE_LINE, all_with_train=True)
    assert made["place"].fillna("-").tolist() == ["-", "railway"]


# On a network of roads --------------------------------------------------------------------------

#   y  300  + r1 (a lane that ends beside the track)
#           |
#      60   |          +--------- r2: along the track
#           |x0        |
#       0 ==|==========|=========== railway (no road but r0 crosses it)
#           |          |
#    -300   + r0       + r2 comes up from the south at x = 1400, and turns before the track
ROADS = build_network(
    roads(
        [(1000, -300), (1000, 300)],
        [(1400, -300), (1400, -12), (2500, -12)],
        ref=["QL1", "ĐT242"],
        km_from=[5.0, 0.0],
        km_to=[5.6, 1.4],
    )
)
NO_JUNCTIONS = Reach(junction=0.0)


def on_roads(
    accidents: gpd.GeoDataFrame, layer: gpd.GeoDataFrame = TWO, net: Network = ROADS, **more: object
) -> Placement:
    names = ("segments", "parts", "nodes", "routes")
    given_ = {"lines": ONE_LINE, "reach": NO_JUNCTIONS, **more}
    tables = {name: getattr(net, name) for name in names}
    return locate(accidents, crossings=layer, **tables, **given_)  # type: ignore[arg-type]


def test_on_the_line_a_crash_is_placed_at_no_road_though_one_runs_beside_the_track() -> None:
    made = on_roads(with_train([(1600, -2), (2600, 0), (1002, 4), (1600, -400)]))
    table = made.crashes
    assert table["place"].fillna("-").tolist() == ["railway", "railway", "crossing", "-"]
    assert table["rail_km"].fillna(0).tolist() == [11.6, 12.6, 11.004, 0.0] or np.allclose(
        table["rail_km"].fillna(0), [11.6, 12.6, 11.002, 0.0]
    )
    here = table.iloc[:2]
    for column in ("segment_id", "route_id", "measure", "offset", "road_id", "junction_id"):
        assert here[column].isna().all()
    assert table["reason"].isna().tolist() == [True, True, True, False]
    assert table["segment_id"].notna().tolist() == [False, False, True, False]
    assert weights(made)["weight"].sum() == pytest.approx(3.0)


def test_the_same_crashes_without_lines_are_placed_as_before() -> None:
    table = on_roads(with_train([(1600, -2), (1190, 0)]), lines=None).crashes
    assert table["place"].tolist() == ["segment", "crossing"]
    assert table["rail_line"].isna().all()


def test_a_queue_is_on_the_road_that_passes_the_crossing() -> None:
    """x1 lies 12 m beside a road that does not cross the railway there."""
    points = [(1000.0, 40.0), (1000.0, 60.0), (2000.0, -12.0)]
    table = on_roads(crashes(points, train_involved=[False] * 3)).crashes
    assert table["place"].tolist() == ["segment"] * 3
    assert table["queue_at"].fillna("-").tolist() == ["x0", "-", "-"]
    assert table["crossing_id"].isna().all()
    known = on_roads(crashes(points, train_involved=[True, None, None])).crashes
    assert known["queue_at"].isna().all()


def test_a_crash_nearer_a_junction_is_in_no_queue() -> None:
    net = build_network(
        roads([(1000, -300), (1000, 40), (1000, 300)], [(1000, 40), (1500, 40)], ref=["QL1", None])
    )
    table = crashes([(1000, 25), (1000, 15)], train_involved=[False] * 2)
    made = on_roads(table, net=net, reach=Reach(junction=150)).crashes
    assert made["queue_at"].fillna("-").tolist() == ["-", "x0"]
    assert made["place"].tolist() == ["junction", "junction"]


def test_two_crossings_that_may_be_meant_stand_in_the_review_list_and_can_be_chosen() -> None:
    layer = crossings([(1000, 0), (1030, 0)])
    accident = with_train([(1013, 0)])
    doubted = on_roads(accident, layer)
    assert doubted.crashes["crossing_id"].tolist() == ["x0"]
    assert doubted.crashes["uncertain"].tolist() == [True]
    assert doubted.candidates["crossing_id"].tolist() == ["x0", "x1"]
    assert doubted.candidates["probability"].sum() == pytest.approx(1.0)
    other = doubted.candidates.iloc[1]
    chosen = on_roads(accident, layer, decisions={"c0": (other["x"], other["y"])})
    assert chosen.crashes["crossing_id"].tolist() == ["x1"]
    assert chosen.stale == ()
    none = on_roads(accident, layer, decisions={"c0": None})
    assert none.crashes["reason"].tolist() == ["decided"]


def test_a_km_of_the_railway_is_no_km_of_a_road() -> None:
    record = {"route": [HN_DD, HN_DD, "QL1"], "km": [12.0, 10.5, 5.3]}
    table = on_roads(with_train([None] * 3, **record)).crashes
    assert table["place"].tolist() == ["crossing", "railway", "crossing"]
    assert table["crossing_id"].fillna("-").tolist() == ["x1", "-", "x0"]
    assert table["located_by"].tolist() == ["route_km"] * 3
    assert [(p.x, p.y) for p in table.geometry] == [(2000, 0), (500, 0), (1000, 0)]
    unknown = crashes([None, (1000, 200)], route=[HN_DD] * 2, km=[10.5] * 2)
    assert on_roads(unknown).crashes["place"].tolist() == ["railway", "segment"]


def test_a_coordinate_off_the_railway_gives_way_to_the_km_post_at_it() -> None:
    """A train hit it, so that it was at Km5+300 and not 3 km off by the other road."""
    record = {"route": ["QL1"], "km": [5.3]}
    off = with_train([(1400, -250)], **record)
    assert on_roads(off).crashes["crossing_id"].tolist() == ["x0"]


def test_off_the_roads_a_train_keeps_its_crash_on_the_railway_and_not_at_a_km_post() -> None:
    """Two coordinates in a hundred are plainly wrong (Likelihood); the third is one of them."""
    record = {"route": ["QL1"] * 3, "km": [5.1] * 3}
    points = [(2600.0, 5.0), (2004.0, 90.0), (2600.0, 900.0)]
    table = on_roads(with_train(points, **record)).crashes
    assert table["place"].tolist() == ["railway", "crossing", "crossing"]
    assert table["crossing_id"].fillna("-").tolist() == ["-", "x1", "x0"]
    assert table["located_by"].tolist() == ["coordinate", "coordinate", "route_km"]
    assert table["probability"].tolist() == pytest.approx([0.98, 0.98, 1.0])


def test_inputs_stay_as_they_are() -> None:
    accidents = with_train([(1000, 5), None, (1500, 0)], ids=["b", "a", "z"])
    before = [frame.copy(deep=True) for frame in (accidents, TWO, ONE_LINE)]
    made = assign(accidents, TWO, lines=ONE_LINE)
    on_roads(accidents)
    for was, now in zip(before, (accidents, TWO, ONE_LINE), strict=True):
        pd.testing.assert_frame_equal(was, now)
    assert made.index.tolist() == ["b", "a", "z"]


# Bad and degenerate input -----------------------------------------------------------------------


def test_no_crossing_and_no_railway_is_said_of_every_accident() -> None:
    table = crashes([(0, 0), None, (0, 0)], train_involved=[True, None, False])
    made = assign(table, TWO.iloc[:0])
    assert made["reason"].tolist() == ["no-crossing-near", "no-location", "road-crash"]
    assert made["probability"].isna().all()
    assert len(assign(table.iloc[:0], TWO, lines=ONE_LINE)) == 0


def test_lines_without_names_and_crossings_without_points_harm_nothing() -> None:
    layer = crossings([(1000, 0), (1000, 0), (2000, 0)])
    layer.loc["x2", "geometry"] = None
    for lines in (ONE_LINE[["geometry"]], ONE_LINE.assign(ref=None)):
        made = assign(with_train([(1001, 0), (2001, 0)]), layer, lines=lines)
        assert made["crossing_id"].tolist() == ["x0", None]  # of a repeated point the first
        assert made["rail_line"].tolist() == ["#0", "#0"]
        assert made["probability"].tolist() == [0.5, 1.0]


def test_a_place_too_vague_is_said() -> None:
    table = with_train([(1000, 0)], uncertainty=[5000.0])
    assert assign(table, TWO, lines=ONE_LINE)["reason"].tolist() == ["too-vague"]


def test_layers_in_degrees_or_in_two_crs_are_refused() -> None:
    with pytest.raises(BlackspotsError) as refused:
        assign(with_train([(0, 0)], crs="EPSG:4326"), TWO.set_crs("EPSG:4326", allow_override=True))
    assert refused.value.code == "crs-not-metric"
    with pytest.raises(BlackspotsError) as refused:
        assign(with_train([(0, 0)]), TWO, lines=ONE_LINE.set_crs("EPSG:32647", allow_override=True))
    assert refused.value.code == "crs-differs"


@st.composite
def railways(draw: st.DrawFn) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Accidents, crossings and lines on a lattice, so that ties are common."""
    spot = st.tuples(st.integers(0, 60), st.integers(-6, 6))
    count = draw(st.integers(1, 8))
    points: list[tuple[float, float] | None] = []
    for _ in range(count):
        x, y = draw(spot)
        points.append(None if draw(st.integers(0, 9)) == 0 else (50.0 * x, 50.0 * y))
    train = [draw(st.sampled_from([True, False, None])) for _ in range(count)]
    vague = [draw(st.sampled_from([np.nan, 1.0, 80.0, 500.0, 4000.0])) for _ in range(count)]
    at = [(50.0 * x, 25.0 * y) for x, y in draw(st.lists(spot, max_size=6))]
    shapes = draw(st.lists(st.sampled_from([0.0, 40.0, 150.0, -250.0]), max_size=3, unique=True))
    lines = rails(*[[(0, y), (1500, y + 20), (3000, y)] for y in shapes]) if shapes else ONE_LINE
    lines = lines if shapes else lines.iloc[:0]
    return crashes(points, train_involved=train, uncertainty=vague), crossings(at), lines


@settings(max_examples=12, deadline=None)
@given(railways())
def test_every_accident_has_a_place_or_a_reason_and_locate_says_the_same(
    scene: tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame],
) -> None:
    accidents, layer, lines = scene
    made = assign(accidents, layer, lines=lines)
    assert made.index.equals(accidents.index)
    assert (made["place"].isna() == made["reason"].notna()).all()
    assert made["probability"].dropna().between(0, 1 + 1e-9).all()
    none = accidents["train_involved"].eq(False).fillna(False)
    assert not made.loc[none, "place"].isin(["crossing", "railway"]).any()
    placed = locate(accidents, crossings=layer, lines=lines)
    at_queue = made["place"].eq("queue")
    assert placed.crashes["place"].fillna("-").tolist() == (
        made["place"].mask(at_queue).fillna("-").tolist()
    )
    same = placed.crashes["crossing_id"].fillna(placed.crashes["queue_at"])
    assert same.fillna("-").tolist() == made["crossing_id"].fillna("-").tolist()
    sums = weights(placed).groupby("crash_id")["weight"].sum()
    assert np.allclose(sums, 1.0)
    assert len(sums) == int(placed.crashes["place"].notna().sum())


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=12, unique=True),
    st.lists(st.tuples(st.integers(0, 3000), st.sampled_from([1.0, 20.0, 400.0])), min_size=1),
)
def test_shares_of_crossings_and_line_are_those_of_brute_force(
    at: list[int], spots: list[tuple[int, float]]
) -> None:
    layer, reach = crossings([(float(x), 0.0) for x in at]), Reach()
    rail = rail_of(layer, ONE_LINE, reach)
    assert rail is not None
    points = np.array([shapely.Point(x, 5) for x, _ in spots], dtype=object)
    sigma = np.array([sd for _, sd in spots])
    made = claims_of(Spots.of(points, np.ones(len(points)), sigma=sigma), rail, reach)
    assert np.allclose(made.groupby("spot")["share"].sum(), 1.0)
    for i, (x, sd) in enumerate(spots):
        gap = np.abs(np.array(at) - x)
        inside = gap <= min(75 + 2 * sd, 200)
        first = made[made["spot"] == i].iloc[0]
        if inside.any():
            share = np.exp(-0.5 * (gap**2 - gap.min() ** 2) / sd**2) * inside
            assert gap[first["crossing"]] == gap.min()
            assert first["share"] == pytest.approx((share / share.sum()).max(), abs=0.01)
        else:
            line = made[(made["spot"] == i) & (made["crossing"] == -1)]
            # True places on a fine grid: where each is within a footprint.
            grid = np.linspace(x - 5 * sd, x + 5 * sd, 4001)
            covered = (np.abs(grid[:, None] - np.array(at)) <= 75).any(axis=1)
            density = norm.pdf(grid, x, sd)
            chance = (covered * density).sum() / density.sum()
            assert line["share"].item() == pytest.approx(1 - chance, abs=0.015)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(-30, 30)), min_size=2, max_size=90, unique=True
    ),
    st.lists(st.tuples(st.integers(0, 400), st.integers(-60, 60)), min_size=1, max_size=5),
)
def test_a_long_line_in_pieces_is_as_near_as_the_whole(
    vertices: list[tuple[int, int]], spots: list[tuple[int, int]]
) -> None:
    line = shapely.LineString(vertices)
    rail = rail_of(None, rails(list(line.coords)), Reach())
    assert rail is not None
    points = np.array([shapely.Point(spot) for spot in spots], dtype=object)
    made = near_lines(points, rail, 50.0).set_index("point")
    gap = shapely.distance(points, line)
    assert made.index.tolist() == np.flatnonzero(gap <= 50.0).tolist()
    assert np.allclose(made["offset"], gap[made.index])
    on = shapely.line_interpolate_point(line, made["measure"].to_numpy())
    assert np.allclose(shapely.distance(on, points[made.index]), made["offset"], atol=1e-6)


@pytest.mark.shared
def test_on_the_real_line_of_lang_son_crashes_come_back_to_where_they_were_planted(
    shared: Path,
) -> None:
    """Its real crossings lie 450 m apart and more: those 15 m off, and none of the others."""
    vn = shared / "vn"
    layer = gpd.read_file(vn / "langson_osm_reconstructed_lines.geojson").to_crs(METRES)
    line = layer[layer["kind"] == "rail"].geometry.iloc[0]
    real = gpd.read_file(vn / "langson_osm_level_crossings.geojson").to_crs(METRES)
    real = real[real.distance(line) < 30].reset_index(drop=True).rename_axis("crossing_id")
    assert len(real) == 20
    lines = rails(list(line.coords))
    rng = np.random.Generator(np.random.PCG64(5))
    own = np.repeat(np.arange(len(real)), 25)
    at = shapely.get_coordinates(real.geometry.to_numpy())[own]
    along = rng.uniform(0, line.length, 500)
    crossed = shapely.line_locate_point(line, real.geometry.to_numpy())
    along = along[(np.abs(along[:, None] - crossed) > 150).all(axis=1)]
    between = shapely.get_coordinates(shapely.line_interpolate_point(line, along))
    xy = np.concatenate([at, between])
    xy += rng.normal(0, 15, xy.shape)
    accidents = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*xy.T), crs=METRES)
    made = assign(accidents, real, lines=lines, all_with_train=True)
    assert made["crossing_id"].iloc[: len(own)].tolist() == own.tolist()
    assert made["place"].iloc[len(own) :].eq("railway").all()
