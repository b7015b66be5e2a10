"""Placing crashes and works on the network.

Checked against brute force (every pair of crash and segment; Floyd-Warshall for distances
along roads) and drawings whose answer is plain.
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
from small import METRES, areas, crashes, crossings, repairs, roads

from blackspots.errors import BlackspotsError
from blackspots.locating import (
    Placement,
    Reach,
    areas_of,
    locate,
    locate_repairs,
    nearest_segments,
    segments_at,
    weights,
)
from blackspots.network import Network, build_network
from blackspots.schema import LOCATED, check

NO_JUNCTIONS = Reach(junction=0.0)


def place(
    made: gpd.GeoDataFrame, net: Network | None = None, reach: Reach | None = None, **layers: object
) -> gpd.GeoDataFrame:
    return placed(made, net, reach, **layers).crashes


def placed(
    made: gpd.GeoDataFrame, net: Network | None = None, reach: Reach | None = None, **layers: object
) -> Placement:
    names = ("segments", "parts", "nodes", "routes")
    network = {name: getattr(net, name) for name in names} if net else {}
    return locate(made, reach=reach, **network, **layers)  # type: ignore[arg-type]


def segment_of_road(net: Network, road_id: str) -> int:
    return int(net.segments.index[net.segments["road_id"] == road_id][0])


# Nearest segment ----------------------------------------------------------------------------

whole = st.integers(-10, 10)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[gpd.GeoDataFrame, gpd.GeoSeries, list[str | None], float]:
    """Segments and points on a lattice, so that ties are common."""
    lines, refs = [], []
    for _ in range(draw(st.integers(1, 6))):
        ends = draw(st.lists(st.tuples(whole, whole), min_size=2, max_size=4, unique=True))
        lines.append([(10.0 * x, 10.0 * y) for x, y in ends])
        refs.append(draw(st.sampled_from([None, "QL1", "QL4A"])))
    segments = roads(*lines, ref=refs)
    segments.index = pd.RangeIndex(len(segments), name="segment_id")
    spots = draw(st.lists(st.tuples(whole, whole), min_size=1, max_size=8))
    points = gpd.GeoSeries([shapely.Point(10.0 * x, 10.0 * y) for x, y in spots], crs=segments.crs)
    asked = [draw(st.sampled_from([None, "QL1", "QL4A"])) for _ in spots]
    return segments, points, asked, draw(st.sampled_from([5.0, 10.0, 20.0, 50.0]))


@settings(max_examples=120, deadline=None)
@given(scenes())
def test_nearest_segment_is_that_of_brute_force(
    scene: tuple[gpd.GeoDataFrame, gpd.GeoSeries, list[str | None], float],
) -> None:
    segments, points, asked, tolerance = scene
    found = nearest_segments(points, segments, tolerance, pd.Series(asked, dtype="object"))
    for i, point in enumerate(points):
        best: tuple[bool, float, int] | None = None
        for number, line in segments.geometry.items():
            distance = point.distance(line)
            other = asked[i] is None or segments.at[number, "ref"] != asked[i]
            if distance <= tolerance and (best is None or (other, distance, number) < best):
                best = (other, distance, number)
        if best is None:
            assert i not in found.index
            continue
        assert found.at[i, "segment_id"] == best[2]
        assert found.at[i, "offset"] == pytest.approx(best[1])
        assert found.at[i, "measure"] == pytest.approx(segments.geometry[best[2]].project(point))


def test_a_tie_goes_to_the_lowest_segment() -> None:
    net = build_network(roads([(0, 40), (100, 40)], [(0, 0), (100, 0)]))
    made = place(crashes([(50, 20)]), net)
    assert made["segment_id"].tolist() == [0]
    assert made["offset"].tolist() == [20.0]


def test_the_recorded_road_goes_before_a_nearer_one_but_not_beyond_the_tolerance() -> None:
    net = build_network(roads([(0, 0), (100, 0)], [(0, 60), (100, 60)], ref=["QL1", None]))
    near_other = [(50, 35), (50, 55)]
    made = place(crashes(near_other, route=["QL1", "QL1"]), net, Reach(tolerance=50))
    assert made["segment_id"].tolist() == [segment_of_road(net, "r0"), segment_of_road(net, "r1")]
    assert made["offset"].tolist() == [35.0, 5.0]


def test_the_tolerance_is_to_the_line_and_not_to_its_box() -> None:
    net = build_network(roads([(0, 0), (1000, 1000)]))
    made = place(crashes([(900, 100), (500, 570), (500, 572)]), net, Reach(tolerance=50))
    assert made["place"].isna().tolist() == [True, False, True]
    assert made["reason"].tolist()[0] == "no-road-near"


def test_measures_run_with_the_segment_and_along_the_route() -> None:
    net = build_network(
        roads(
            [(1000, 0), (0, 0)],
            [(1000, 0), (2000, 0)],
            ref=["QL1"] * 2,
            km_from=[1, 1],
            km_to=[0, 2],
        )
    )
    made = place(crashes([(300, 5), (1700, -5)]), net)
    assert made["measure"].tolist() == [300.0, 1700.0] or made["measure"].tolist() == [1700, 300]
    assert made["road_id"].tolist() == ["r0", "r1"]
    assert made["route_measure"].tolist() == [300.0, 1700.0]
    assert made["offset"].tolist() == [5.0, 5.0]


# Kilometre posts ----------------------------------------------------------------------------

KM_ROAD = build_network(
    roads([(0, 0), (1000, 0), (3000, 0)], [(1000, 0), (1000, 900)], [(0, 5000), (100, 5000)],
          ref=["QL1", None, "QL9"], km_from=[10, None, None], km_to=[13, None, None])
)  # fmt: skip


def test_a_crash_without_coordinates_is_placed_at_its_km_post() -> None:
    made = place(crashes([None], route=["QL1"], km=[12.5]), KM_ROAD)
    row = made.iloc[0]
    assert (row["place"], row["located_by"], row["offset"]) == ("segment", "route_km", 0.0)
    assert row.geometry.equals(shapely.Point(2500, 0))
    assert row["route_measure"] == pytest.approx(2500)
    assert made["reason"].isna().all()


def test_a_crash_off_the_roads_is_placed_at_its_km_post() -> None:
    made = place(crashes([(2500, 800)], route=["QL1"], km=[12.5]), KM_ROAD)
    row = made.iloc[0]
    assert (row["place"], row["located_by"]) == ("segment", "route_km")
    assert row.geometry.equals(shapely.Point(2500, 0))
    assert np.isnan(row["km_difference"])


def test_a_coordinate_goes_before_the_km_post_and_the_difference_is_told() -> None:
    made = place(
        crashes([(2000, 3), (1000, 700), (2000, 3)], route=["QL1", "QL1", None], km=[12.4, 12, 12]),
        KM_ROAD,
    )
    assert made["located_by"].tolist() == ["coordinate"] * 3
    assert made["km_difference"].iloc[0] == pytest.approx(400)
    assert made["km_difference"].iloc[1:].isna().all()


def test_a_km_post_at_a_junction_places_at_the_junction() -> None:
    made = place(crashes([None], route=["QL1"], km=[11.05]), KM_ROAD)
    assert made["place"].tolist() == ["junction"]


@pytest.mark.parametrize(
    ("point", "route", "km", "reason"),
    [
        (None, None, None, "no-location"),
        (None, "QL1", None, "no-location"),
        (None, None, 3.0, "no-location"),
        ((500, 400), None, None, "no-road-near"),
        ((500, 400), "QL1", None, "no-road-near"),
        (None, "QL7", 3.0, "route-not-in-network"),
        (None, "QL9", 3.0, "route-without-km"),
        (None, "QL1", 99.0, "km-outside-route"),
        ((500, 400), "QL1", 99.0, "km-outside-route"),
    ],
)
def test_every_unplaced_crash_has_its_reason(
    point: tuple[float, float] | None, route: str | None, km: float | None, reason: str
) -> None:
    made = place(crashes([point], route=[route], km=[km]), KM_ROAD)
    assert made["place"].isna().all()
    assert made["reason"].tolist() == [reason]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1)), min_size=1, max_size=10))
def test_segments_at_leads_back_to_the_route_measure(asked: list[tuple[int, float]]) -> None:
    net = KM_ROAD
    ids = [i for i, _ in asked]
    measures = [share * float(net.routes.at[i, "length"]) for i, share in asked]
    found = segments_at(net.segments, ids, measures)
    of = net.segments.loc[found["segment_id"]]
    assert of["route_id"].tolist() == ids
    measure = found["measure"].to_numpy()
    along = np.where(of["route_sign"] > 0, measure, of["length"].to_numpy() - measure)
    np.testing.assert_allclose(of["route_offset"].to_numpy() + along, measures, atol=1e-6)


# Junctions ----------------------------------------------------------------------------------


@st.composite
def grids(draw: st.DrawFn) -> tuple[gpd.GeoDataFrame, list[tuple[float, float]], float]:
    """Roads along the edges of a small lattice, and crashes at points on them."""
    edges = [((x, y), (x + 1, y)) for x in range(3) for y in range(4)]
    edges += [((x, y), (x, y + 1)) for x in range(4) for y in range(3)]
    kept = draw(st.lists(st.sampled_from(edges), min_size=3, max_size=18, unique=True))
    lines = [[(100.0 * a, 90.0 * b), (100.0 * c, 90.0 * d)] for (a, b), (c, d) in kept]
    spots = []
    for _ in range(draw(st.integers(1, 8))):
        (x0, y0), (x1, y1) = draw(st.sampled_from(lines))
        t = draw(st.sampled_from([0.0, 0.13, 0.29, 0.5, 0.71, 1.0]))
        spots.append((x0 + t * (x1 - x0), y0 + t * (y1 - y0)))
    return roads(*lines), spots, draw(st.sampled_from([20.0, 60.0, 150.0, 400.0]))


@settings(max_examples=50, deadline=None)
@given(grids())
def test_reach_of_a_junction_is_that_of_floyd_and_warshall(
    scene: tuple[gpd.GeoDataFrame, list[tuple[float, float]], float],
) -> None:
    layer, spots, radius = scene
    net = build_network(layer, junction_link=0.0)
    made = place(crashes(spots), net, Reach(junction=radius))
    count = len(net.nodes)
    far = np.full((count, count), np.inf)
    np.fill_diagonal(far, 0.0)
    for s in net.segments.itertuples():
        shorter = min(far[s.from_node, s.to_node], s.length)
        far[s.from_node, s.to_node] = far[s.to_node, s.from_node] = shorter
    for via in range(count):
        far = np.minimum(far, far[:, [via]] + far[[via], :])
    at = {int(j): n for n, j in net.nodes["junction_id"].dropna().items()}
    for row in made.itertuples():
        own = net.segments.loc[row.segment_id]
        reach = {
            j: min(
                row.measure + far[own.from_node, n], own.length - row.measure + far[own.to_node, n]
            )
            for j, n in at.items()
        }
        best = min(reach.values(), default=np.inf)
        if best <= radius:
            assert row.place == "junction"
            assert reach[row.junction_id] == pytest.approx(best)
        else:
            assert row.place == "segment"
            assert pd.isna(row.junction_id)


def test_a_crash_on_the_overpass_above_a_junction_is_not_taken_by_it() -> None:
    net = build_network(
        roads(
            [(0, 0), (500, 0), (1000, 0)], [(500, 0), (500, 500)],
            [(400, -600), (400, 600)],
            layer=[0, 0, 1],
        )
    )  # fmt: skip
    made = place(crashes([(400, 20), (420, 1), (560, 1)]), net, Reach(junction=150))
    assert made["place"].tolist() == ["segment", "junction", "junction"]


@pytest.mark.parametrize(("x", "placed"), [(650.0, "junction"), (650.5, "segment")])
def test_the_radius_of_a_junction_is_kept(x: float, placed: str) -> None:
    net = build_network(roads([(0, 0), (500, 0), (2000, 0)], [(500, 0), (500, 500)]))
    made = place(crashes([(x, 0)]), net, Reach(junction=150))
    assert made["place"].tolist() == [placed]


def test_the_radius_runs_along_the_road_and_not_through_the_air() -> None:
    """A hairpin: 20 m from the junction across the slope, 220 m along the road."""
    net = build_network(
        roads([(-300, 0), (0, 0), (100, 0), (100, 20), (0, 20)], [(0, 0), (0, -90)])
    )
    made = place(crashes([(0, 20), (90, 0)]), net, Reach(junction=150))
    assert made["place"].tolist() == ["segment", "junction"]


def test_a_merged_junction_takes_crashes_about_all_its_nodes() -> None:
    net = build_network(
        roads(
            [(0, 0), (300, 0), (320, 0), (600, 0)], [(300, 0), (300, 300)], [(320, 0), (320, -300)]
        )
    )
    made = place(crashes([(210, 0), (310, 0), (410, 0), (460, 0)]), net, Reach(junction=100))
    assert made["place"].tolist() == ["junction"] * 3 + ["segment"]
    assert made["junction_id"].dropna().tolist() == [0, 0, 0]


# Level crossings ----------------------------------------------------------------------------

ROAD_AND_RAIL = build_network(
    roads([(0, 0), (500, 0), (2000, 0)], [(500, 0), (500, 500)], ref=["QL1", None])
)


@pytest.mark.parametrize(
    ("x", "train", "placed"),
    [
        (1190, True, "crossing"),  # 190 m from it, within the reach of trains
        (1210, True, "segment"),
        (1040, None, "crossing"),
        (1060, None, "crossing"),  # within its reach and the error of the coordinate
        (1110, None, "segment"),
        (1010, False, "segment"),  # known to be without a train
        (560, None, "junction"),
    ],
)
def test_trains_decide_what_a_crossing_takes(x: float, train: bool | None, placed: str) -> None:
    made = place(
        crashes([(x, 2)], train_involved=[train]),
        ROAD_AND_RAIL,
        Reach(junction=150, crossing=50, train=200),
        crossings=crossings([(1000, 0)]),
    )
    assert made["place"].tolist() == [placed]
    assert made["crossing_id"].notna().tolist() == [placed == "crossing"]
    assert made["junction_id"].notna().tolist() == [placed == "junction"]


@pytest.mark.parametrize(
    ("x", "train", "placed"),
    [
        (519, None, "junction"),  # 19 m from the junction, 21 m from the crossing
        (521, None, "crossing"),
        (505, True, "crossing"),  # a train was there: no junction takes it
        (539, False, "junction"),
    ],
)
def test_junction_and_crossing_compete_by_distance(
    x: float, train: bool | None, placed: str
) -> None:
    made = place(
        crashes([(x, 0)], train_involved=[train]),
        ROAD_AND_RAIL,
        crossings=crossings([(540, 0)]),
    )
    assert made["place"].tolist() == [placed]


def test_of_two_crossings_the_nearer_takes_the_crash_and_a_tie_goes_to_the_first() -> None:
    made = place(
        crashes([(1029, 0), (1030, 0), (1031, 0)]),
        ROAD_AND_RAIL,
        crossings=crossings([(1000, 0), (1060, 0)]),
    )
    assert made["crossing_id"].tolist() == ["x0", "x0", "x1"]


def test_a_crash_with_a_train_far_from_any_road_still_reaches_its_crossing() -> None:
    made = place(
        crashes([(1000, 120), (1000, 260)], train_involved=[True, True]),
        ROAD_AND_RAIL,
        crossings=crossings([(1000, 0)]),
    )
    assert made["place"].tolist()[0] == "crossing"
    assert made["located_by"].tolist()[0] == "coordinate"
    assert made["reason"].isna().tolist() == [True, False]


def test_a_crash_placed_by_its_km_post_is_not_pulled_to_a_crossing_by_its_bad_coordinate() -> None:
    """Its coordinate is 400 m off the road, at a crossing of another line."""
    net = build_network(roads([(0, 0), (2000, 0)], ref=["QL1"], km_from=[0], km_to=[2]))
    made = place(
        crashes([(1500, 400)], route=["QL1"], km=[0.5]), net, crossings=crossings([(1500, 410)])
    )
    assert made["place"].tolist() == ["segment"]
    at_post = place(
        crashes([(1500, 400)], route=["QL1"], km=[0.5]), net, crossings=crossings([(510, 0)])
    )
    assert at_post["place"].tolist() == ["crossing"]


def test_crossings_alone_place_without_roads() -> None:
    made = place(crashes([(0, 10), (500, 0), None]), crossings=crossings([(0, 0)]))
    assert made["place"].fillna("-").tolist() == ["crossing", "-", "-"]
    assert made["reason"].notna().tolist() == [False, True, True]


# Areas --------------------------------------------------------------------------------------


def test_the_first_polygon_wins_and_outside_is_missing() -> None:
    layer = areas((0, 0, 10, 10), (5, 0, 20, 10), names=["Cao Lộc", "Lộc Bình"])
    points = gpd.GeoSeries.from_xy([2, 7, 15, 30], [5, 5, 5, 5], crs=layer.crs)
    names = areas_of(points, layer)
    assert names.fillna("-").tolist() == ["Cao Lộc", "Cao Lộc", "Lộc Bình", "-"]
    assert areas_of(points, layer.iloc[::-1])[1] == "Lộc Bình"


def test_without_roads_and_crossings_the_area_is_the_place() -> None:
    layer = areas((0, 0, 10, 10), names=["Cao Lộc"])
    made = place(crashes([(5, 5), (50, 50), None]), areas=layer)
    assert made["place"].fillna("-").tolist() == ["area", "-", "-"]
    assert made["reason"].fillna("-").tolist() == ["-", "outside-areas", "no-location"]
    assert made["located_by"].fillna("-").tolist() == ["coordinate", "-", "-"]


@pytest.mark.shared
def test_west_hartford_has_the_published_corridor_of_every_crash(shared: Path) -> None:
    """6,750 of 6,750 rows, shared/data/crashes/README.md section 1."""
    folder = shared / "crashes" / "west_hartford"
    table = pd.read_csv(folder / "crashes.csv")
    published = pd.read_csv(folder / "published_assignment.csv").set_index("CrashId")["corridor"]
    layer = gpd.read_file(folder / "corridors.geojson").rename(columns={"corridor": "name"})
    points = gpd.GeoSeries.from_xy(
        table["Longitude"], table["Latitude"], crs="EPSG:4326", index=table["CrashId"]
    )
    names = areas_of(points, layer)
    assert len(names) == 6750
    assert names.fillna("-").tolist() == published.loc[names.index].fillna("-").tolist()


# What comes back ----------------------------------------------------------------------------


def test_inputs_stay_as_they_are_and_rows_keep_their_order() -> None:
    ids = ["b", "z", "a", "m"]
    given_ = crashes([(1040, 0), None, (510, 3), (9999, 9)], ids=ids)
    layers = {
        "crossings": crossings([(1000, 0)]),
        "areas": areas((0, -100, 700, 100), names=["Cao Lộc"]),
    }
    net = ROAD_AND_RAIL
    every = [given_, net.segments, net.nodes, net.routes, *layers.values()]
    before = [frame.copy(deep=True) for frame in every]
    made = place(given_, net, **layers)
    for was, now in zip(before, every, strict=True):
        pd.testing.assert_frame_equal(was, now)
    assert made.index.tolist() == ids
    check(made, LOCATED)
    assert (made["place"].isna() == made["reason"].notna()).all()
    assert made["area"].fillna("-").tolist() == ["-", "-", "Cao Lộc", "-"]


def test_no_crash_at_all() -> None:
    made = place(crashes([]), ROAD_AND_RAIL, crossings=crossings([(1000, 0)]))
    assert len(made) == 0


def test_layers_in_another_crs_are_refused() -> None:
    with pytest.raises(BlackspotsError) as refused:
        place(crashes([(0, 0)], crs="EPSG:32647"), ROAD_AND_RAIL)
    assert refused.value.code == "crs-differs"


@pytest.mark.shared
def test_medellin_crashes_lie_on_the_published_segments(shared: Path) -> None:
    """Section 2 of the README: `ref_segment`, `ref_tp`; the greatest counts per segment."""
    folder = shared / "crashes" / "medellin"
    table = pd.read_csv(folder / "segments.csv")
    net = build_network(
        roads(*table[["x0", "y0", "x1", "y1"]].to_numpy().reshape(-1, 2, 2), crs="EPSG:3116")
    )
    points = pd.read_csv(folder / "accidents.csv")
    made = place(
        crashes(list(zip(points["x"], points["y"], strict=True)), crs="EPSG:3116"),
        net,
        NO_JUNCTIONS,
    )
    assert made["segment_id"].notna().all()
    assert made["offset"].max() < 0.01
    road = made["road_id"].str[1:].astype(int).to_numpy() + 1
    inner = points["ref_tp"].between(1e-3, 1 - 1e-3).to_numpy()
    assert inner.sum() > 500
    assert (road == points["ref_segment"].to_numpy())[inner].all()
    counts = pd.Series(road).value_counts()
    assert counts[141] in {17, 18}
    assert counts.idxmax() == 141
    assert all(counts[segment] in {15, 16} for segment in (49, 106, 239, 255))


# Works --------------------------------------------------------------------------------------


def place_works(given_: gpd.GeoDataFrame, net: Network = KM_ROAD, **more: object) -> pd.DataFrame:
    made = locate_repairs(
        given_,
        segments=net.segments,
        parts=net.parts,
        nodes=net.nodes,
        routes=net.routes,
        **more,  # type: ignore[arg-type]
    )
    assert made.index.equals(given_.index)
    assert (made["place"].isna() == made["reason"].notna()).all()
    return made


def test_a_work_at_a_crossing() -> None:
    made = place_works(repairs([None], crossing_id=["x0"]), crossings=crossings([(1500, 0)]))
    assert made.iloc[0][["place", "crossing_id"]].tolist() == ["crossing", "x0"]


@pytest.mark.parametrize(
    ("km_from", "km_to", "stretch"),
    [
        (11.5, 12.5, (1500, 2500)),
        (12.5, 11.5, (1500, 2500)),
        (12.0, None, (1750, 2250)),  # one post: half a window to each side
        (12.0, 12.0, (1750, 2250)),
        (10.1, None, (0, 350)),  # cut at the end of the road
        (12.5, 13.4, (2500, 3000)),  # within the slack of a post beyond the end
    ],
)
def test_a_work_by_road_number_and_km(
    km_from: float, km_to: float | None, stretch: tuple[float, float]
) -> None:
    made = place_works(repairs([None], route=["QL1"], km_from=[km_from], km_to=[km_to]))
    row = made.iloc[0]
    assert row["place"] == "segment"
    assert KM_ROAD.routes.at[row["route_id"], "ref"] == "QL1"
    assert (row["from_measure"], row["to_measure"]) == pytest.approx(stretch)


def test_a_work_on_a_whole_road_takes_all_its_segments() -> None:
    row = place_works(repairs([None], road_id=["r0"])).iloc[0]
    assert (row["place"], row["from_measure"], row["to_measure"]) == ("segment", 0.0, 3000.0)


def test_a_work_on_a_road_of_two_routes_is_sent_back() -> None:
    """An unnamed road that turns sharply where another meets it runs on in two routes."""
    net = build_network(
        roads([(0, 0), (100, 0), (100, 900)], [(100, 0), (200, 0)], [(100, 0), (100, -100)])
    )
    made = place_works(repairs([None, None], road_id=["r0", "r1"]), net)
    assert made["reason"].iloc[0] == "road-in-several-parts"
    assert pd.isna(made["reason"].iloc[1])


@pytest.mark.parametrize(
    ("point", "placed"),
    [((2000, 10), "segment"), ((1080, 10), "junction"), ((1500, 30), "crossing")],
)
def test_a_work_by_coordinates(point: tuple[float, float], placed: str) -> None:
    row = place_works(repairs([point]), crossings=crossings([(1500, 0)])).iloc[0]
    assert row["place"] == placed
    if placed == "segment":
        assert (row["from_measure"], row["to_measure"]) == (1750, 2250)


def test_the_first_way_that_a_row_gives_is_used() -> None:
    every = {"crossing_id": ["x0"], "route": ["QL1"], "km_from": [12.0], "road_id": ["r1"]}
    layer = crossings([(1500, 0)])
    assert place_works(repairs([(2000, 0)], **every), crossings=layer)["place"].tolist() == [
        "crossing"
    ]
    every["crossing_id"] = [None]  # type: ignore[list-item]
    row = place_works(repairs([(2900, 0)], **every), crossings=layer).iloc[0]
    assert row["from_measure"] == 1750
    every["route"] = [None]  # type: ignore[list-item]
    row = place_works(repairs([(2900, 0)], **every), crossings=layer).iloc[0]
    assert row["to_measure"] - row["from_measure"] == 900


@pytest.mark.parametrize(
    ("point", "columns", "reason"),
    [
        (None, {}, "no-location"),
        (None, {"route": ["QL1"]}, "no-location"),
        ((0, 3000), {}, "no-road-near"),
        (None, {"crossing_id": ["x9"]}, "unknown-crossing"),
        (None, {"road_id": ["r9"]}, "unknown-road"),
        (None, {"route": ["QL7"], "km_from": [1.0]}, "route-not-in-network"),
        (None, {"route": ["QL9"], "km_from": [1.0]}, "route-without-km"),
        (None, {"route": ["QL1"], "km_from": [11.0], "km_to": [40.0]}, "km-outside-route"),
    ],
)
def test_a_work_that_is_nowhere_says_why(
    point: tuple[float, float] | None, columns: dict[str, list[object]], reason: str
) -> None:
    made = place_works(repairs([point], **columns), crossings=crossings([(1500, 0)]))
    assert made["reason"].tolist() == [reason]


def test_a_km_range_over_two_lines_is_refused() -> None:
    net = build_network(
        roads(
            [(0, 0), (1000, 0)],
            [(9000, 0), (9900, 0)],
            ref=["QL1"] * 2,
            km_from=[0, 9],
            km_to=[1, 9.9],
        )
    )
    made = place_works(repairs([None], route=["QL1"], km_from=[0.5], km_to=[9.5]), net)
    assert made["reason"].tolist() == ["km-range-on-two-lines"]


# Probabilities ------------------------------------------------------------------------------

TWO_ROADS = build_network(
    roads(
        [(0, 0), (4000, 0)], [(0, 40), (4000, 40)], ref=["QL1", "DT2"], km_from=[0, 0], km_to=[4, 4]
    )
)


def test_a_crash_between_two_roads_keeps_both_and_their_probabilities_sum_to_1() -> None:
    made = placed(crashes([(1000, 20), (2000, 1)]), TWO_ROADS)
    assert made.crashes["uncertain"].tolist() == [True, False]
    both = made.candidates
    assert both["crash_id"].tolist() == ["c0", "c0"]
    assert both["rank"].tolist() == [1, 2]
    assert both["probability"].sum() == pytest.approx(1)
    assert both["probability"].tolist() == pytest.approx([0.5, 0.5], abs=0.01)
    assert both[["x", "y"]].to_numpy().tolist() == [[1000, 0], [1000, 40]]
    # A tie goes to the lowest segment.
    assert made.crashes["road_id"].tolist() == ["r0", "r0"]


@pytest.mark.parametrize(
    ("columns", "road"),
    [
        ({"route": ["DT2"]}, "r1"),
        ({"route": ["DT2"], "km": [1.0]}, "r1"),
        ({"route": ["QL1"], "km": [1.0]}, "r0"),
    ],
)
def test_what_is_recorded_settles_what_the_coordinate_leaves_open(
    columns: dict[str, list[object]], road: str
) -> None:
    made = placed(crashes([(1000, 20)], **columns), TWO_ROADS)
    assert made.crashes["road_id"].item() == road
    assert not made.crashes["uncertain"].item()
    assert made.crashes["probability"].item() > 0.9
    assert made.candidates.empty


def test_a_name_is_a_road_as_a_number_is() -> None:
    net = build_network(
        roads([(0, 0), (400, 0)], [(0, 40), (400, 40)], name=["Lê Lợi", "Trần Phú"])
    )
    made = placed(crashes([(200, 18)], route=["tran phu"]), net)
    assert made.crashes["road_id"].item() == "r1"
    assert made.crashes["probability"].item() > 0.9


def test_a_street_with_a_name_may_be_part_of_the_numbered_road() -> None:
    lines = [(0, 0), (400, 0)], [(0, 40), (400, 40)], [(0, 900), (400, 900)]
    net = build_network(roads(*lines, name=["Lê Lợi", None, None], ref=[None, None, "QL1"]))
    near = placed(crashes([(200, 18)], route=["QL1"]), net).candidates
    assert near["same_road"].isna().all()
    other = placed(crashes([(200, 18)], route=["Trần Phú"]), net)
    assert other.crashes["road_id"].item() == "r1"


def test_a_direction_of_travel_tells_the_side_of_a_divided_road() -> None:
    net = build_network(
        roads([(0, 0), (4000, 0)], [(4000, 12), (0, 12)], ref=["QL1"] * 2, oneway=["yes"] * 2)
    )
    given_ = crashes([(1000, 6), (1000, 6)]).assign(bearing=[90.0, 270.0])
    assert placed(given_, net).crashes["road_id"].tolist() == ["r0", "r1"]


def test_a_recorded_level_tells_the_bridge_from_the_road_below() -> None:
    net = build_network(roads([(0, 0), (400, 0)], [(200, -200), (200, 200)], layer=[0, 1]))
    given_ = crashes([(201, 1), (201, 1)]).assign(road_layer=[0, 1])
    assert placed(given_, net, NO_JUNCTIONS).crashes["road_id"].tolist() == ["r0", "r1"]


def test_a_km_post_that_stands_twice_is_two_places() -> None:
    net = build_network(
        roads(
            [(0, 0), (2000, 0)],
            [(2000, 0), (4000, 0)],
            ref=["QL1"] * 2,
            km_from=[0, 1],
            km_to=[2, 3],
        )
    )
    made = placed(crashes([None], route=["QL1"], km=[1.5]), net)
    assert sorted(made.candidates["x"]) == pytest.approx([1500, 2500])
    assert made.candidates["probability"].tolist() == pytest.approx([0.5, 0.5])


def test_a_vague_coordinate_is_settled_by_its_km_post() -> None:
    made = placed(
        crashes([(1400, 300)], route=["QL1"], km=[1.0], uncertainty=[554.0]), TWO_ROADS
    ).crashes
    assert made["road_id"].item() == "r0"
    alone = placed(crashes([(1400, 300)], uncertainty=[554.0]), TWO_ROADS)
    assert alone.crashes["uncertain"].item()


def test_a_decision_is_final_and_one_that_means_nothing_is_told() -> None:
    given_ = crashes([(1000, 20), (1500, 20), (2000, 20)])
    layers = {n: getattr(TWO_ROADS, n) for n in ("segments", "parts", "nodes", "routes")}
    made = locate(
        given_, **layers, decisions={"c0": (1000, 40), "c1": None, "c2": (9, 9), "zz": (0, 0)}
    )
    assert made.crashes["road_id"].astype(object).tolist()[::2] == ["r1", "r0"]
    assert made.crashes["probability"].iloc[0] == 1.0
    assert made.crashes["reason"].tolist() == [None, "decided", None]
    assert made.crashes["uncertain"].tolist() == [False, False, True]
    assert made.stale == ("c2", "zz")


def test_weights_of_each_placed_crash_sum_to_1() -> None:
    given_ = crashes([(1000, 20), (1200, 1), (3900, 2), (2000, 900)])
    made = placed(given_, TWO_ROADS)
    weight = weights(made)
    assert weight.groupby("crash_id")["weight"].sum().to_dict() == pytest.approx(
        {"c0": 1, "c1": 1, "c2": 1}
    )


def test_plain_points_are_enough() -> None:
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy([1000.0], [3.0]), crs=METRES)
    made = placed(points, TWO_ROADS).crashes
    assert made.index.tolist() == ["0"]
    assert (made["road_id"].item(), made["severity"].item()) == ("r0", "unknown")
    assert made["measure"].item() == pytest.approx(1000)


@settings(max_examples=30, deadline=None)
@given(scenes())
def test_probabilities_are_probabilities_on_any_lattice(
    scene: tuple[gpd.GeoDataFrame, gpd.GeoSeries, list[str | None], float],
) -> None:
    lines, points, asked, tolerance = scene
    net = build_network(lines.rename_axis("road_id").set_index(lines.index.map(str)))
    given_ = crashes([(p.x, p.y) for p in points], route=asked)
    made = placed(given_, net, Reach(tolerance=tolerance))
    there = made.crashes["place"].notna()
    assert made.crashes.loc[there, "probability"].between(0, 1 + 1e-9).all()
    near = points.distance(shapely.union_all(net.segments.geometry.to_numpy())) <= tolerance + 1e-9
    assert (there.to_numpy() == near.to_numpy()).all()
    sums = made.candidates.groupby("crash_id")["probability"].sum()
    assert np.allclose(sums, 1)
    assert set(sums.index) == set(made.crashes.index[made.crashes["uncertain"].astype(bool)])
    assert (made.crashes.loc[there, "offset"] <= tolerance + 1e-9).all()
    again = placed(given_.iloc[::-1], net, Reach(tolerance=tolerance))
    pd.testing.assert_frame_equal(
        again.crashes.loc[given_.index, ["road_id", "probability"]],
        made.crashes[["road_id", "probability"]],
    )
