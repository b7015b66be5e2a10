"""OpenStreetMap files: what is taken of them, what is left out, and how a broken one is told.

The real extract of Liechtenstein is checked against the same objects read from XML without
the package: its connected parts, its shortest ways, its counts.
"""

from __future__ import annotations

import bz2
import gzip
import heapq
import itertools
import random
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, dijkstra

from blackspots.errors import BlackspotsError
from blackspots.network import Network, build_network
from blackspots.presets.headers import osm as taken
from blackspots.sources import (
    Findings,
    Source,
    osm,
    read_crossings,
    read_places,
    read_railways,
    read_roads,
)
from blackspots.sources.osm import is_osm, lanes, read_osm, speed
from blackspots.sources.raw import RawTable

TARGET = CRS("EPSG:32632")
LINES, LAYERS = ("roads", "railways"), ("roads", "railways", "crossings", "places")

Tags = Mapping[str, str]
Nodes = Mapping[int, tuple[float, float]]
Way = tuple[int, Sequence[int], Tags]


def xml(nodes: Nodes, ways: Sequence[Way] = (), points: Mapping[int, Tags] | None = None) -> str:
    """An OSM file as text, its nodes in hundredths of a degree from 9.5 E, 47 N."""
    points = points or {}

    def tags(of: Tags) -> str:
        return "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in of.items())

    made = [
        f'<node id="{i}" version="1" lon="{9.5 + x / 100:.7f}" lat="{47 + y / 100:.7f}">'
        f"{tags(points.get(i, {}))}</node>"
        for i, (x, y) in nodes.items()
    ]
    for i, refs, of in ways:
        nds = "".join(f'<nd ref="{ref}"/>' for ref in refs)
        made.append(f'<way id="{i}" version="1">{nds}{tags(of)}</way>')
    return '<?xml version="1.0"?>\n<osm version="0.6">' + "\n".join(made) + "</osm>"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def shapes(raw: RawTable) -> list[Any]:
    assert raw.geometry is not None
    return raw.geometry.to_list()


def code_of(path: Path, layer: str, **options: Any) -> str:
    with pytest.raises(BlackspotsError) as refusal:
        read_osm(path, layer, **options)
    assert refusal.value.message("vi") != refusal.value.message("en")
    return refusal.value.code


#            6                  1-2-3-4  primary QL.1B, 50 mph, on the ground
#            |                  5-3-6    path over a bridge, shares node 3 with the road
#   1 --2-- 3 --4               2=7      a track that begins at the place of 2: not joined
#      7    |                   1-8-9    railway, crossed by the road at 1
#            5                  10       town; 9 crossing with half gates and lights
NODES = {
    1: (0, 0), 2: (1, 0), 3: (2, 0), 4: (3, 0), 5: (2, -1), 6: (2, 1), 7: (1, 0), 8: (0, 1),
    9: (0, 2), 10: (1, 1), 11: (1, -1),
}  # fmt: skip
WAYS: list[Way] = [
    (20, (1, 2, 3, 4), {
        "highway": "primary", "ref": "QL.1B;QL.4", "name": "Đường số 1", "lanes": "2",
        "maxspeed": "50 mph", "surface": "asphalt", "oneway": "-1", "layer": "ground",
    }),
    (21, (5, 3, 6), {"highway": "path", "bridge": "yes", "layer": "1", "lanes": "2;3"}),
    (22, (7, 11), {"highway": "track", "name": "  ", "maxspeed": "VN:rural"}),
    (30, (1, 8, 9), {"railway": "rail", "name": "Hà Nội – Đồng Đăng", "service": "siding"}),
    (40, (1, 2), {"highway": "proposed"}),
    (41, (1, 2, 3, 1), {"highway": "pedestrian", "area": "yes"}),
    (42, (1, 2), {"highway": "platform"}),
    (43, (1, 2), {"railway": "abandoned"}),
    (44, (1, 2), {"building": "yes"}),
]  # fmt: skip
POINTS = {
    1: {"railway": "level_crossing", "name": "Đường ngang"},
    9: {"railway": "crossing", "crossing:barrier": "half", "crossing:light": "yes"},
    8: {"railway": "switch"},
    10: {"place": "town", "name": "Đồng Đăng"},
    11: {"place": "farm", "name": "Trại"},
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write(tmp_path / "small.osm", xml(NODES, WAYS, POINTS))


# What a file is, and what is taken of it -------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("vietnam-latest.osm.pbf", True), ("a.osm", True), ("a.osm.xml", True),
        ("a.osm.gz", True), ("a.osm.xml.gz", True), ("a.osm.bz2", True), ("A.OSM.XML.BZ2", True),
        ("a.xml", False), ("a.gz", False), ("osm.gpkg", False), ("a.osm.gpkg", False),
    ],
)  # fmt: skip
def test_a_file_is_known_by_its_name(name: str, *, known: bool) -> None:
    assert is_osm(Path(name)) is known


def test_roads_hold_what_their_tags_say(small: Path) -> None:
    raw = read_osm(small, "roads")
    assert (raw.file, raw.sheet, list(raw.frame.index)) == ("small.osm", "roads", [1, 2, 3])
    assert raw.frame.drop(columns="node_ids").to_dict("records") == [
        {
            "osm_id": "20", "ref": "QL.1B", "name": "Đường số 1", "highway": "primary",
            "bridge": None, "tunnel": None, "layer": None, "covered": None,
            "oneway": "-1", "roundabout": None,
            "lanes": 2.0, "surface": "asphalt", "maxspeed": pytest.approx(80.4672),
        },
        {
            "osm_id": "21", "ref": None, "name": None, "highway": "path",
            "bridge": "yes", "tunnel": None, "layer": 1, "covered": None, "oneway": None,
            "roundabout": None, "lanes": None, "surface": None, "maxspeed": None,
        },
        {
            "osm_id": "22", "ref": None, "name": None, "highway": "track",
            "bridge": None, "tunnel": None, "layer": None, "covered": None, "oneway": None,
            "roundabout": None, "lanes": None, "surface": None, "maxspeed": None,
        },
    ]  # fmt: skip
    assert [ids.tolist() for ids in raw.frame["node_ids"]] == [[1, 2, 3, 4], [5, 3, 6], [7, 11]]
    assert raw.geometry is not None
    assert raw.crs == CRS("EPSG:4326") == raw.geometry.crs
    assert raw.geometry[1].coords[:] == [(9.5, 47.0), (9.51, 47.0), (9.52, 47.0), (9.53, 47.0)]
    assert raw.frame.attrs == {"outside": 0, "shortened": 0, "unlocated": 0}


def test_a_road_with_odd_tags_is_read_like_any_other(small: Path) -> None:
    findings = Findings()
    roads = read_roads(Source(small), TARGET, findings)
    assert findings.rejects == []
    first = roads.loc["20"]
    assert (first["ref"], first["road_class"], first["oneway"]) == ("QL1B", "primary", "-1")
    assert (first["lanes"], first["maxspeed"]) == (2.0, pytest.approx(80.4672))
    assert bool(roads.at["21", "bridge"])
    assert roads["layer"].isna().tolist() == [True, False, True]
    assert [ids.tolist() for ids in roads["node_ids"]] == [[1, 2, 3, 4], [5, 3, 6], [7, 11]]


def test_roads_join_where_they_share_a_node_and_nowhere_else(small: Path) -> None:
    net = build_network(read_roads(Source(small), TARGET, Findings()), minor_classes=[])
    assert Counter(net.segments["road_id"]) == {"20": 2, "21": 2, "22": 1}
    assert sorted(net.nodes["degree"]) == [1, 1, 1, 1, 1, 1, 4]


def test_railways_crossings_and_places(small: Path) -> None:
    rails = read_railways(Source(small), TARGET, Findings())
    assert rails["name"].to_dict() == {"30": "Hà Nội – Đồng Đăng"}
    raw = read_osm(small, "railways").frame
    assert (raw.at[1, "service"], raw.at[1, "node_ids"].tolist()) == ("siding", [1, 8, 9])
    crossings = read_crossings(Source(small), TARGET, Findings())
    assert crossings["kind"].to_dict() == {"1": "unknown", "9": "unknown"}
    assert crossings["name"].to_dict() == {"1": "Đường ngang", "9": None}
    assert crossings["protection"].to_dict() == {"1": None, "9": "half gates, lights"}
    assert crossings["railway"].isna().all()  # the tag is no name of a line
    assert list(read_osm(small, "crossings").frame["railway_tag"]) == ["level_crossing", "crossing"]
    places = read_places(Source(small), TARGET)
    assert list(places["name"]) == ["Đồng Đăng"]
    assert list(read_osm(small, "places").frame["rank"]) == [2]


def test_every_place_that_is_taken_has_a_rank() -> None:
    assert set(taken()["places"].rank) == set(taken()["places"].wanted)
    assert set(taken()) == set(LAYERS)
    for table in taken().values():
        assert len(set(table.wanted)) == len(table.wanted)


def test_names_are_in_composed_letters(tmp_path: Path) -> None:
    apart = unicodedata.normalize("NFD", "Đường Trần Hưng Đạo")
    path = write(
        tmp_path / "a.osm", xml(NODES, [(1, (1, 2), {"highway": "service", "name": apart})])
    )
    assert read_osm(path, "roads").frame.at[1, "name"] == "Đường Trần Hưng Đạo" != apart


@pytest.mark.parametrize(
    ("words", "km_h"),
    [
        ("50", 50.0), (" 50 km/h", 50.0), ("50kmh", 50.0), ("30 mph", 48.28032), (60, 60.0),
        (np.float64(80.0), 80.0), ("7.5", 7.5), ("none", None), ("VN:urban", None),
        ("50;60", None), ("walk", None), ("0", None), ("-50", None), ("5000", None),
        ("50 knots", None), ("", None), ("٥٠", None),
    ],
)  # fmt: skip
def test_a_speed_limit_is_one_number_of_km_h_or_unknown(words: Any, km_h: float | None) -> None:
    assert speed(words) == (None if km_h is None else pytest.approx(km_h, rel=1e-12))


@pytest.mark.parametrize(
    ("words", "number"),
    [("2", 2.0), ("1.5", 1.5), (4, 4.0), (3.0, 3.0), ("2;3", None), ("0", None), ("-1", None),
     ("many", None), ("", None)],
)  # fmt: skip
def test_lanes_are_one_number_or_unknown(words: Any, number: float | None) -> None:
    assert lanes(words) == number


def test_a_layer_of_another_kind_loses_no_road_for_its_lanes(tmp_path: Path) -> None:
    roads = gpd.GeoDataFrame(
        {"Số làn": ["2;3", "2"], "Tốc độ tối đa": ["none", "60"], "Mặt đường": ["nhựa", None]},
        geometry=[shapely.LineString([(0, 0), (1, 1)]), shapely.LineString([(0, 0), (1, 2)])],
        crs="EPSG:4326",
    )
    roads.to_file(tmp_path / "roads.gpkg")
    findings = Findings()
    read = read_roads(Source(tmp_path / "roads.gpkg"), TARGET, findings)
    assert findings.rejects == []
    assert read["lanes"].fillna(-1).tolist() == [-1, 2]
    assert read["maxspeed"].fillna(-1).tolist() == [-1, 60]
    assert read["surface"].tolist() == ["nhựa", None]
    assert read["node_ids"].isna().all()


# Files that are whole but not as usual -----------------------------------------------------------


def test_ways_may_come_before_their_nodes(tmp_path: Path, small: Path) -> None:
    head, body = xml(NODES, WAYS, POINTS).split('<osm version="0.6">')
    nodes, ways = body[: body.index("<way")], body[body.index("<way") : -len("</osm>")]
    turned = write(tmp_path / "b.osm", f'{head}<osm version="0.6">{ways}{nodes}</osm>')
    for layer in LAYERS:
        same(read_osm(small, layer), read_osm(turned, layer))


def test_what_an_editor_drew_or_deleted_itself(tmp_path: Path) -> None:
    """JOSM gives new objects negative ids and marks deleted ones; very great ids are ids too."""
    way = {"highway": "track"}
    great = 2**50
    text = xml({-1: (0, 0), 2: (1, 0), great: (2, 0)}, [(-9, (-1, 2, great), way), (5, (2,), way)])
    path = write(
        tmp_path / "a.osm",
        text.replace('<way id="5"', '<way id="5" action="delete" visible="false"'),
    )
    raw = read_osm(path, "roads")
    assert list(raw.frame["osm_id"]) == ["-9"]
    assert raw.frame.at[1, "node_ids"].tolist() == [-1, 2, great]
    assert raw.geometry is not None
    assert [x for x, _ in raw.geometry[1].coords] == pytest.approx([9.5, 9.51, 9.52])
    assert raw.frame.attrs["shortened"] == 0


@pytest.mark.parametrize(
    ("refs", "kept", "shortened"),
    [
        ((1, 2, 3, 4), [1, 2, 3, 4], 0),
        ((91, 1, 2, 3), [1, 2, 3], 1),
        ((1, 2, 91, 3, 4, 8, 92), [3, 4, 8], 1),
        ((1, 2, 91, 3, 4), [1, 2], 1),  # the first of equals
        ((1, 91, 2, 92), None, 0),
        ((91, 92), None, 0),
        ((1,), None, 0),
    ],
)
def test_a_way_cut_by_the_extract_keeps_its_longest_run(
    tmp_path: Path, refs: Sequence[int], kept: list[int] | None, shortened: int
) -> None:
    ways = [(7, refs, {"highway": "road"}), (8, (5, 6), {"highway": "road"})]
    path = write(tmp_path / "a.osm", xml(NODES, ways))
    raw, findings = read_osm(path, "roads"), Findings()
    assert raw.geometry is not None
    assert raw.frame.attrs == {
        "outside": 0, "shortened": shortened, "unlocated": int(kept is None)
    }  # fmt: skip
    roads = read_roads(Source(path), TARGET, findings)
    if kept is None:
        assert raw.geometry[1] is None
        assert [(r["row"], r["code"]) for r in findings.rejects] == [(1, "no-geometry")]
        assert list(roads.index) == ["8"]
        return
    assert raw.frame.at[1, "node_ids"].tolist() == kept
    expected = [(9.5 + NODES[i][0] / 100, 47 + NODES[i][1] / 100) for i in kept]
    np.testing.assert_allclose(raw.geometry[1].coords, expected, atol=1e-9)
    assert findings.rejects == []


def test_only_what_reaches_the_box_is_kept(small: Path) -> None:
    west = (9.495, 47.005, 9.515, 47.015)
    assert list(read_osm(small, "railways", within=west).frame["osm_id"]) == ["30"]
    assert list(read_osm(small, "places", within=west).frame["osm_id"]) == ["10"]
    east = (9.515, 47.005, 9.525, 47.015)
    roads = read_osm(small, "roads", within=east)
    assert list(roads.frame["osm_id"]) == ["21"]
    assert (list(roads.frame.index), roads.frame.attrs["outside"]) == ([1], 2)
    assert len(shapes(roads)) == 1
    assert code_of(small, "crossings", within=east) == "empty-layer"


def test_a_corner_around_the_box_is_outside(tmp_path: Path) -> None:
    path = write(tmp_path / "a.osm", xml(NODES, [(1, (9, 1, 4), {"highway": "road"})]))
    assert code_of(path, "roads", within=(9.51, 47.005, 9.52, 47.01)) == "empty-layer"
    assert len(read_osm(path, "roads", within=(9.51, 46.99, 9.52, 47.01)).frame) == 1


def test_many_ways_are_read_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ways = [(i, (1 + i % 6, 2 + i % 6), {"highway": "road"}) for i in range(1, 24)]
    path = write(tmp_path / "a.osm", xml(NODES, ways))
    whole = read_osm(path, "roads")
    for size in (1, 5, 23):
        monkeypatch.setattr(osm, "_BATCH", size)
        same(read_osm(path, "roads"), whole)


def test_a_file_that_windows_could_not_open_by_name(
    tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "Bản đồ" / "Lạng Sơn.osm"
    there.parent.mkdir()
    there.write_bytes(small.read_bytes())
    monkeypatch.setattr(osm, "os", SimpleNamespace(name="nt"))
    for layer in LAYERS:
        raw = read_osm(there, layer)
        same(raw, read_osm(small, layer))


# Files that cannot be used -----------------------------------------------------------------------


def test_an_extract_of_nodes_only_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.osm", xml(NODES, (), POINTS))
    for layer in LINES:
        with pytest.raises(BlackspotsError, match="11 nodes but no ways") as refusal:
            read_osm(path, layer)
        assert refusal.value.code == "osm-no-ways"
    assert len(read_osm(path, "crossings").frame) == 2


def test_a_file_without_what_is_wanted(tmp_path: Path) -> None:
    other = write(tmp_path / "a.osm", xml(NODES, [(1, (1, 2), {"building": "yes"})]))
    assert [code_of(other, layer) for layer in LAYERS] == ["empty-layer"] * 4
    nothing = write(tmp_path / "b.osm", xml({}))
    assert [code_of(nothing, layer) for layer in LINES] == ["empty-file"] * 2
    assert code_of(write(tmp_path / "c.osm", ""), "roads") == "empty-file"
    assert code_of(tmp_path / "d.osm", "roads") == "missing-input"
    assert code_of(other, "areas") == "unknown-layer"


@pytest.mark.parametrize(
    "text",
    [
        "<html></html>",
        xml(NODES, WAYS)[:-20],
        xml(NODES, WAYS).replace('id="3"', 'id="x"', 1),
        xml(NODES, WAYS).replace('lat="47.0000000"', 'lat="north"', 1),
        "osm_id,name\n1,QL1\n",
    ],
)
def test_text_that_is_no_osm_file_is_told(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "a.osm", text)
    assert [code_of(path, layer) for layer in LINES] == ["unreadable"] * 2


def test_letters_that_are_not_utf8_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.osm"
    path.write_bytes(xml(NODES, WAYS).encode().replace("Đường".encode(), b"\xff\xfe"))
    assert code_of(path, "roads") == "unreadable"


def test_a_node_off_the_globe_has_no_place(tmp_path: Path) -> None:
    text = xml(NODES, WAYS, POINTS).replace('lat="47.0000000"', 'lat="97.0000000"', 1)
    path = write(tmp_path / "a.osm", text)
    assert read_osm(path, "roads").frame["node_ids"].iloc[0].tolist() == [2, 3, 4]
    assert shapes(read_osm(path, "crossings"))[0] is None


@pytest.mark.parametrize("suffix", list(osm.SUFFIXES))
@pytest.mark.parametrize("layer", LAYERS)
def test_random_bytes_are_told(tmp_path: Path, suffix: str, layer: str) -> None:
    chance = random.Random(7)
    for size in (1, 3, 64, 5000):
        path = tmp_path / f"{size}{suffix}"
        path.write_bytes(chance.randbytes(size))
        assert code_of(path, layer) == "unreadable"


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".osm.gz", gzip.compress), (".osm.bz2", bz2.compress)]
)
def test_packed_files_are_read_and_cut_ones_told(
    tmp_path: Path, small: Path, suffix: str, pack: Any
) -> None:
    packed = pack(small.read_bytes())
    path = tmp_path / f"a{suffix}"
    for layer in LAYERS:
        path.write_bytes(packed)
        same(read_osm(path, layer), read_osm(small, layer))
        for size in (12, len(packed) // 2, len(packed) - 1):
            path.write_bytes(packed[:size])
            assert code_of(path, layer) == "unreadable"


def same(one: RawTable, other: RawTable) -> None:
    """Two tables hold the same cells, ids and coordinates in the same order."""
    assert list(one.frame.columns) == list(other.frame.columns)
    assert len(one.frame) == len(other.frame) > 0
    for column in one.frame:
        ours, theirs = one.frame[column].to_list(), other.frame[column].to_list()
        if column == "node_ids":
            ours, theirs = ([ids.tolist() for ids in rows] for rows in (ours, theirs))
        assert ours == theirs
    assert one.frame.attrs == other.frame.attrs
    assert shapely.to_wkb(shapes(one)).tolist() == shapely.to_wkb(shapes(other)).tolist()


# Real extracts -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fixtures(shared: Path) -> Path:
    return shared / "vn" / "osm_fixtures"


@pytest.fixture(scope="module")
def liechtenstein(fixtures: Path) -> Path:
    return fixtures / "liechtenstein-2013-08-03.osm.pbf"


class Plain:
    """Liechtenstein's roads from XML, read without the package."""

    def __init__(self, path: Path) -> None:
        with bz2.open(path) as file:
            root = ET.parse(file).getroot()  # noqa: S314 - our own file
        at = {
            n.get("id"): (float(n.get("lon", "")), float(n.get("lat", "")))
            for n in root.iter("node")
        }
        self.ways = {}
        for way in root.iter("way"):
            tags = {t.get("k"): t.get("v") for t in way.iter("tag")}
            if tags.get("highway") in taken()["roads"].wanted and tags.get("area") != "yes":
                self.ways[way.get("id")] = [nd.get("ref") for nd in way.iter("nd")]
        used = sorted({ref for refs in self.ways.values() for ref in refs})
        to_metres = Transformer.from_crs("EPSG:4326", TARGET, always_xy=True)
        xs, ys = to_metres.transform(*np.array([at[ref] for ref in used]).T)
        self.xy = {ref: (x, y) for ref, x, y in zip(used, xs, ys, strict=True)}

    def parts(self) -> set[frozenset[Any]]:
        """Ways that hang together, by union over the ids of their nodes."""
        leader: dict[Any, Any] = {}

        def find(ref: Any) -> Any:
            while leader.setdefault(ref, ref) != ref:
                leader[ref] = leader[leader[ref]]
                ref = leader[ref]
            return ref

        for refs in self.ways.values():
            for ref in refs[1:]:
                leader[find(ref)] = find(refs[0])
        groups = defaultdict(set)
        for way, refs in self.ways.items():
            groups[find(refs[0])].add(way)
        return {frozenset(group) for group in groups.values()}

    def distances(self, start: Any) -> dict[Any, float]:
        """Shortest ways [m] from one node along all vertices, by Dijkstra's method."""
        steps = defaultdict(list)
        for refs in self.ways.values():
            for a, b in itertools.pairwise(refs):
                length = float(np.hypot(*np.subtract(self.xy[a], self.xy[b])))
                steps[a].append((b, length))
                steps[b].append((a, length))
        far, queue = {start: 0.0}, [(0.0, start)]
        while queue:
            way, here = heapq.heappop(queue)
            if way > far[here]:
                continue
            for there, length in steps[here]:
                if way + length < far.get(there, np.inf):
                    far[there] = way + length
                    heapq.heappush(queue, (far[there], there))
        return far


@pytest.fixture(scope="module")
def plain(fixtures: Path) -> Plain:
    return Plain(fixtures / "liechtenstein-2013-08-03.osm.bz2")


@pytest.fixture(scope="module")
def network(liechtenstein: Path) -> Network:
    return build_network(read_roads(Source(liechtenstein), TARGET, Findings()))


@pytest.mark.shared
@pytest.mark.parametrize("layer", LAYERS)
def test_pbf_and_xml_of_one_extract_give_the_same(liechtenstein: Path, layer: str) -> None:
    packed = liechtenstein.with_name("liechtenstein-2013-08-03.osm.bz2")
    same(read_osm(liechtenstein, layer), read_osm(packed, layer))


@pytest.mark.shared
def test_liechtenstein_has_what_is_known_of_it(liechtenstein: Path, plain: Plain) -> None:
    roads = read_osm(liechtenstein, "roads").frame
    classes = roads["highway"].value_counts()
    known = {"primary": 81, "secondary": 90, "tertiary": 33, "residential": 842}
    assert {name: classes[name] for name in known} == known
    assert not {"construction", "proposed", "platform"} & set(classes.index)
    assert (
        dict(
            zip(roads["osm_id"], ([str(i) for i in row] for row in roads["node_ids"]), strict=True)
        )
        == plain.ways
    )
    rails = read_osm(liechtenstein, "railways").frame
    assert rails["rail_kind"].value_counts().to_dict() == {"rail": 34}
    crossings = read_osm(liechtenstein, "crossings").frame
    assert crossings["railway_tag"].value_counts().to_dict() == {
        "level_crossing": 13,
        "crossing": 2,
    }


@pytest.mark.shared
def test_liechtenstein_is_read_without_a_rejected_row(liechtenstein: Path) -> None:
    findings, source = Findings(), Source(liechtenstein)
    read = (
        read_roads(source, TARGET, findings),
        read_railways(source, TARGET, findings),
        read_crossings(source, TARGET, findings),
    )
    assert findings.rejects == []
    assert [len(table) for table in read] == [2749, 34, 15]
    vertices = shapely.get_num_coordinates(read[0].geometry.array).tolist()
    assert [len(ids) for ids in read[0]["node_ids"]] == vertices


@pytest.mark.shared
def test_the_network_hangs_together_as_shared_ids_say(network: Network, plain: Plain) -> None:
    ends = network.segments[["from_node", "to_node"]].to_numpy().T
    graph = coo_array((np.ones(len(ends[0])), ends), shape=(len(network.nodes),) * 2)
    _, part = connected_components(graph, directed=False)
    groups = defaultdict(set)
    for road, segment in zip(network.parts["road_id"], network.parts["segment_id"], strict=True):
        groups[part[ends[0][segment]]].add(road)
    assert {frozenset(group) for group in groups.values()} == plain.parts()
    assert len(groups) > 1


@pytest.mark.shared
def test_shortest_ways_are_those_along_all_vertices(network: Network, plain: Plain) -> None:
    ends = network.segments[["from_node", "to_node"]].to_numpy().T
    lengths = network.segments["length"].to_numpy()
    # Of two segments between the same nodes the shorter counts; a sparse matrix would add them.
    order = np.lexsort((-lengths, *ends))
    matrix = np.zeros((len(network.nodes),) * 2)
    matrix[tuple(ends[:, order])] = lengths[order]
    back = matrix.T.copy()
    both = np.where((matrix > 0) & (back > 0), np.minimum(matrix, back), np.maximum(matrix, back))
    at = {
        tuple(np.round(xy, 3)): i
        for i, xy in enumerate(shapely.get_coordinates(network.nodes.geometry.array))
    }
    start = next(ref for refs in plain.ways.values() if len(refs) > 3 for ref in refs[:1])
    far = plain.distances(start)
    node = {
        ref: at[tuple(np.round(plain.xy[ref], 3))]
        for ref in far
        if tuple(np.round(plain.xy[ref], 3)) in at
    }
    found = dijkstra(both, indices=node[start], directed=False)
    assert len(node) > 1000
    np.testing.assert_allclose(
        [found[i] for i in node.values()], [far[ref] for ref in node], rtol=1e-9
    )


@pytest.mark.shared
def test_an_extract_cut_anywhere_is_told(tmp_path: Path, fixtures: Path) -> None:
    for name in ("liechtenstein-2013-08-03.osm.pbf", "hanoi_vanmieu_2023-12-20.osm.gz"):
        whole = (fixtures / name).read_bytes()
        for share in (0.1, 0.5, 0.97):
            path = tmp_path / name
            path.write_bytes(whole[: int(share * len(whole))])
            assert code_of(path, "roads") == "unreadable"


@pytest.mark.shared
def test_the_extract_of_nodes_only_still_has_its_crossings_and_places(fixtures: Path) -> None:
    path = fixtures / "langson_nodes_2026-03-25.osm.pbf"
    for layer in LINES:
        with pytest.raises(BlackspotsError, match="11,077 nodes but no ways") as refusal:
            read_osm(path, layer)
        assert refusal.value.code == "osm-no-ways"
    crossings = read_crossings(Source(path), CRS("EPSG:32648"), Findings())
    assert len(crossings) == 21
    assert set(crossings["kind"]) == {"unknown"}
    listed = gpd.read_file(path.parent.parent / "langson_osm_level_crossings.geojson")
    assert set(crossings.index) == {str(i) for i in listed["osm_id"]}
    places = read_places(Source(path), CRS("EPSG:32648"))
    listed = gpd.read_file(path.parent.parent / "langson_osm_places.geojson")
    assert Counter(places["name"]) == Counter(listed["name"])


@pytest.mark.shared
def test_streets_of_ha_noi_keep_their_names(fixtures: Path) -> None:
    roads = read_osm(fixtures / "hanoi_vanmieu_2023-12-20.osm.gz", "roads").frame
    names = set(roads["name"].dropna())
    assert {"Phố Quốc Tử Giám", "Phố Văn Miếu", "Phố Tôn Đức Thắng"} & names
    assert all(name == unicodedata.normalize("NFC", name) for name in names)
    assert sum(not name.isascii() for name in names) > 50
    assert code_of(fixtures / "hanoi_vanmieu_2023-12-20.osm.gz", "railways") == "empty-layer"
