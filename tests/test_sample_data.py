"""The sample study is what data/README.md says it is, and its script still makes it."""

import csv
import datetime as dt
import importlib.util
import re
import tomllib
import unicodedata
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pytest
import shapely
from shapely.geometry import LineString, Point

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data" / "lang-son"
LOCAL = "EPSG:9215"
REGISTER = "tai-nan-2021-2023.xlsx"
WORKS = "sua-chua.xlsx"

Cells = dict[str, Any]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = ROOT / "scripts" / "build_sample_data.py"
    spec = importlib.util.spec_from_file_location("build_sample_data", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("lang-son")
    module.build(folder)
    return folder


def committed_files() -> list[Path]:
    """Files of the study, without what a run of it leaves in the folder "out"."""
    return [path for path in DATA.iterdir() if path.is_file()]


def layer(name: str) -> gpd.GeoDataFrame:
    return gpd.read_file(DATA / f"{name}.geojson").to_crs(LOCAL)


def table(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def sheet(book: str, name: str) -> dict[int, Cells]:
    """Rows of a sheet by their number."""
    rows = openpyxl.load_workbook(DATA / book)[name].iter_rows(values_only=True)
    header = [str(cell) for cell in next(rows)]
    return {n: dict(zip(header, row, strict=True)) for n, row in enumerate(rows, start=2)}


def planted_errors(name: str) -> dict[int, dict[str, str]]:
    return {int(d["row"]): d for d in table("dirt.csv") if d["sheet"] == name}


def day(cells: Cells) -> dt.date:
    value = cells["Ngày xảy ra"]
    if isinstance(value, dt.datetime):
        return value.date()
    date, month, year = (int(part) for part in value.split("/"))
    return dt.date(year, month, date)


def km(post: str) -> float:
    whole, metres = post.removeprefix("Km").split("+")
    return int(whole) + int(metres) / 1_000


@pytest.fixture(scope="module")
def clean() -> dict[str, list[Cells]]:
    """Rows without a planted error, by sheet."""
    return {
        year: [row for n, row in sheet(REGISTER, year).items() if n not in planted_errors(year)]
        for year in ("2021", "2022", "2023")
    }


@pytest.fixture(scope="module")
def roads() -> gpd.GeoDataFrame:
    return layer("roads")


@pytest.fixture(scope="module")
def junctions(roads: gpd.GeoDataFrame) -> list[Point]:
    ends: Counter[tuple[float, float]] = Counter()
    for line in roads.geometry:
        vertices = list(line.coords)
        ends.update(vertices[1:-1] * 2)
        ends.update((vertices[0], vertices[-1]))
    return [Point(vertex) for vertex, count in ends.items() if count >= 3]


def test_the_script_makes_the_committed_files_byte_for_byte(built: Path) -> None:
    assert sorted(p.name for p in built.iterdir()) == sorted(p.name for p in committed_files())
    for path in built.iterdir():
        committed = DATA / path.name
        if path.suffix == ".xlsx":
            # The deflated stream depends on the zlib that wrote it, what is in it does not.
            with zipfile.ZipFile(path) as ours, zipfile.ZipFile(committed) as theirs:
                assert ours.namelist() == theirs.namelist()
                for name in ours.namelist():
                    assert ours.getinfo(name).date_time == theirs.getinfo(name).date_time
                    assert ours.read(name) == theirs.read(name), f"{path.name}: {name}"
        else:
            # Checked out on Windows a text file may have other line ends.
            assert path.read_bytes() == committed.read_bytes().replace(b"\r\n", b"\n"), path.name


def test_it_is_small() -> None:
    assert sum(p.stat().st_size for p in committed_files()) < 2_500_000


def test_text_is_nfc_and_coordinates_have_at_most_six_decimals() -> None:
    for path in DATA.glob("*.geojson"):
        text = path.read_text(encoding="utf-8")
        assert unicodedata.is_normalized("NFC", text)
        assert not re.search(r"\d\.\d{7,}", text)
    for name in ("2021", "2022", "2023"):
        for row in sheet(REGISTER, name).values():
            texts = [value for value in row.values() if isinstance(value, str)]
            assert all(unicodedata.is_normalized("NFC", text) for text in texts)


def test_2023_has_the_published_totals(clean: dict[str, list[Cells]]) -> None:
    rows = clean["2023"]
    assert len(rows) == 278
    assert sum(row["Số người chết"] for row in rows) == 105
    assert sum(row["Số người bị thương"] for row in rows) == 272
    assert 95 <= sum(row["Số người chết"] > 0 for row in rows) <= 98
    assert (len(clean["2021"]), len(clean["2022"])) == (251, 263)


def test_every_row_outside_dirt_csv_is_valid(clean: dict[str, list[Cells]]) -> None:
    province = gpd.read_file(DATA / "province.geojson").geometry.union_all()
    seen = set()
    for name, row in ((name, row) for name, rows in clean.items() for row in rows):
        assert str(day(row).year) == name
        assert isinstance(row["Ngày xảy ra"], str) == (name == "2021")
        assert row["Số hồ sơ"] not in seen
        seen.add(row["Số hồ sơ"])
        for column in ("Số người chết", "Số người bị thương"):
            assert isinstance(row[column], int)
            assert row[column] >= 0
        if row["Giờ"] is not None:
            hour, minute = (int(part) for part in re.split("[h:]", row["Giờ"]))
            assert hour < 24
            assert minute < 60
        assert (row["Vĩ độ"] is None) == (row["Kinh độ"] is None)
        if row["Vĩ độ"] is not None:
            assert province.contains(Point(row["Kinh độ"], row["Vĩ độ"]))
        if row["Lý trình"] is not None:
            assert re.fullmatch(r"Km\d+\+\d{3}", row["Lý trình"])
            assert row["Tuyến đường"]
        assert row["Liên quan tàu hỏa"] in ("Có", "Không")
        assert all(re.fullmatch(r"MP-\d{5}", p) for p in row["Biển số"].split("; "))


def test_the_mix_of_rows_is_as_described(clean: dict[str, list[Cells]]) -> None:
    rows = [row for rows in clean.values() for row in rows]
    kinds = Counter((r["Vĩ độ"] is not None, r["Tuyến đường"] is not None) for r in rows)
    assert kinds[False, True] == round(0.08 * len(rows))
    assert kinds[True, False] == round(0.04 * len(rows))
    assert kinds[False, False] == 12
    riders = sum("xe máy" in row["Phương tiện"].lower() for row in rows)
    assert 0.65 < riders / len(rows) < 0.75


def test_dirt_csv_names_every_planted_error() -> None:
    entries = table("dirt.csv")
    assert len(entries) == 17
    for entry in entries:
        book = WORKS if entry["sheet"] == "Sửa chữa" else REGISTER
        value = sheet(book, entry["sheet"])[int(entry["row"])][entry["column"]]
        if isinstance(value, dt.datetime):
            value = f"{value:%d/%m/%Y}"
        assert ("" if value is None else str(value)) == entry["value"]
    register = [e for e in entries if e["sheet"] != "Sửa chữa"]
    assert len({(e["kind"], e["column"]) for e in register}) == len(register) - 1
    # Two impossible dates, of different kinds: no such month, no such day.
    assert [e["value"] for e in register if e["kind"] == "impossible-date"] == [
        "14/13/2021",
        "31/02/2022",
    ]
    total = next(e for e in register if e["kind"] == "total-row")
    assert sheet(REGISTER, "2023")[int(total["row"])]["Số người chết"] == 105


def meets(rows: list[Cells], rule: str) -> bool:
    """Whether a rolling twelve months of rows meets a rule of vn-26-2012."""
    for first in map(day, rows):
        end = first.replace(year=first.year + 1)
        inside = [row for row in rows if first <= day(row) < end]
        fatal = sum(row["Số người chết"] > 0 for row in inside)
        injury = sum(row["Số người chết"] == 0 < row["Số người bị thương"] for row in inside)
        if {
            "two-fatal": fatal >= 2,
            "three-with-fatal": fatal >= 1 and fatal + injury >= 3,
            "four-injury": injury >= 4,
        }[rule]:
            return True
    return False


def place(row: Cells, roads: gpd.GeoDataFrame) -> Point:
    """Where a row says it was, by coordinates or by km post."""
    if row["Vĩ độ"] is not None:
        here = gpd.GeoSeries([Point(row["Kinh độ"], row["Vĩ độ"])], crs="EPSG:4326")
        found: Point = here.to_crs(LOCAL).iloc[0]
        return found
    post = km(row["Lý trình"])
    road = roads[
        (roads["ref"] == row["Tuyến đường"]) & (roads.km_from <= post) & (post <= roads.km_to)
    ].iloc[0]
    share = (post - road.km_from) / (road.km_to - road.km_from)
    along: Point = road.geometry.interpolate(share, normalized=True)
    return along


def test_planted_spots_meet_their_rule_where_they_are(
    clean: dict[str, list[Cells]], roads: gpd.GeoDataFrame
) -> None:
    by_id = {row["Số hồ sơ"]: row for rows in clean.values() for row in rows}
    spots = table("planted.csv")
    assert Counter(s["kind"] for s in spots) == {"segment": 8, "junction": 3, "crossing": 3}
    assert Counter(s["rule"] for s in spots).keys() == {
        "two-fatal",
        "three-with-fatal",
        "four-injury",
    }
    for spot in spots:
        rows = [by_id[crash] for crash in spot["crash_ids"].split(";")]
        assert meets(rows, spot["rule"]), spot["spot_id"]
        assert {day(row).year for row in rows} == {2021, 2022, 2023}
        centre = gpd.GeoSeries([Point(float(spot["lon"]), float(spot["lat"]))], crs="EPSG:4326")
        point = centre.to_crs(LOCAL).iloc[0]
        places = [place(row, roads) for row in rows]
        if spot["kind"] == "crossing":
            trains = [row for row in rows if row["Liên quan tàu hỏa"] == "Có"]
            assert meets(trains, spot["rule"]), spot["spot_id"]
        if spot["kind"] == "segment":
            lines = roads[(roads["ref"] == spot["route"]) & (roads.distance(point) < 400)]
            route = shapely.line_merge(shapely.union_all(lines.geometry.to_numpy()))
            assert isinstance(route, LineString)
            along = [route.project(p) for p in places]
            assert max(along) - min(along) <= 300
            assert all(route.distance(p) < 30 for p in places)
        else:
            reach = {"junction": 60, "crossing": 25}[spot["kind"]]
            assert all(p.distance(point) <= reach for p in places)


def test_planted_segments_lie_away_from_junctions_and_crossings(junctions: list[Point]) -> None:
    spots = [s for s in table("planted.csv") if s["kind"] == "segment"]
    points = gpd.GeoSeries.from_xy(
        [float(s["lon"]) for s in spots], [float(s["lat"]) for s in spots], crs="EPSG:4326"
    ).to_crs(LOCAL)
    others = shapely.union_all([*junctions, *layer("crossings").geometry])
    assert points.distance(others).min() > 500


def test_planted_crossings_are_two_self_opened_and_one_official() -> None:
    kinds = layer("crossings").set_index("crossing_id")["kind"]
    spots = [s for s in table("planted.csv") if s["kind"] == "crossing"]
    assert sorted(kinds[s["crossing_id"]] for s in spots) == [
        "official",
        "self-opened",
        "self-opened",
    ]


def test_roads_meet_only_at_shared_vertices(roads: gpd.GeoDataFrame) -> None:
    lines = gpd.read_file(DATA / "roads.geojson").geometry.to_numpy()
    assert 400 <= len(roads) <= 900
    vertices = [set(line.coords) for line in lines]
    first, second = shapely.STRtree(lines).query(lines, predicate="intersects")
    for i, j in zip(first, second, strict=True):
        if i < j:
            shared = vertices[i] & vertices[j]
            for part in shapely.get_parts(lines[i].intersection(lines[j])):
                assert isinstance(part, Point)
                assert min(part.distance(Point(v)) for v in shared) < 1e-9


@pytest.mark.parametrize("classes", [("national",), ("national", "provincial"), ()])
def test_roads_hang_together(roads: gpd.GeoDataFrame, classes: tuple[str, ...]) -> None:
    chosen = roads[roads.road_class.isin(classes)] if classes else roads
    parts: list[set[tuple[float, float]]] = []
    for line in chosen.geometry:
        vertices = set(line.coords)
        touching = [part for part in parts if not part.isdisjoint(vertices)]
        parts = [part for part in parts if part.isdisjoint(vertices)]
        parts.append(vertices.union(*touching))
    assert len(parts) == 1


def test_official_km_run_along_the_numbered_roads(roads: gpd.GeoDataFrame) -> None:
    numbered = roads[roads.road_class.isin(["national", "provincial"])]
    assert numbered[["km_from", "km_to", "aadt"]].notna().all(axis=None)
    gained = (numbered.km_to - numbered.km_from) * 1_000 / numbered.length
    assert gained.between(0.94, 1.06).all()
    for ref, lines in numbered.groupby("ref"):
        gaps = (lines.km_from - lines.km_to.shift()).dropna()
        assert (gaps >= 0).all()
        assert (gaps > 0).sum() == (1 if ref == "QL279" else 0)  # it shares a part of QL1B
    others = roads[~roads.road_class.isin(["national", "provincial"])]
    assert others[["km_from", "km_to", "aadt"]].isna().all(axis=None)


def test_crossings_lie_on_a_road_and_on_the_railway(roads: gpd.GeoDataFrame) -> None:
    crossings = layer("crossings")
    rails = layer("railways").set_index("name")
    assert Counter(crossings["kind"]) == {"official": 25, "self-opened": 28}
    for crossing in crossings.itertuples():
        assert roads.distance(crossing.geometry).min() < 0.5
        assert rails.geometry[crossing.railway].distance(crossing.geometry) < 0.5
    assert (crossings.protection[crossings["kind"] == "self-opened"] == "none").all()
    assert crossings.aadt[crossings["kind"] == "official"].notna().all()
    assert crossings.aadt[crossings["kind"] == "self-opened"].isna().mean() > 0.5


def test_the_railway_is_crossed_at_crossings_and_under_bridges_only(
    roads: gpd.GeoDataFrame,
) -> None:
    rails = layer("railways").geometry.union_all()
    listed = layer("crossings").geometry
    unlisted = gpd.GeoSeries.from_xy(
        [float(row["lon"]) for row in table("unlisted.csv")],
        [float(row["lat"]) for row in table("unlisted.csv")],
        crs="EPSG:4326",
    ).to_crs(LOCAL)
    assert len(unlisted) == 7
    assert unlisted.distance(listed.union_all()).min() > 50
    crossings = listed.union_all().union(unlisted.union_all())
    met = roads[roads.intersects(rails) | (roads.distance(rails) < 0.01)]
    over = met[met.bridge]
    assert len(over) == roads.bridge.sum() == 3
    assert (roads.layer == roads.bridge.astype(int)).all()
    assert over.distance(crossings).min() > 50
    for line in met[~met.bridge].geometry:
        for part in shapely.get_parts(line.intersection(rails)):
            assert part.distance(crossings) < 0.5


def test_everything_lies_in_the_province_and_districts_tile_it(roads: gpd.GeoDataFrame) -> None:
    province = layer("province").geometry.union_all()
    districts = layer("districts")
    assert len(districts) == 11
    assert districts.is_valid.all()
    assert districts.area.sum() == pytest.approx(province.area, rel=1e-6)
    assert shapely.symmetric_difference(districts.union_all(), province).area < 1_000
    for name in ("railways", "crossings", "towns"):
        assert layer(name).within(province).all()
    assert roads.within(province.buffer(-50)).all()
    towns = layer("towns")
    assert towns["name"].is_unique
    owners = dict(zip(districts["name"], districts.geometry, strict=True))
    for town in towns[(towns["rank"] == 2) & (towns["name"].isin(owners))].itertuples():
        assert owners[town.name].contains(town.geometry)


def test_works_name_places_that_exist(roads: gpd.GeoDataFrame) -> None:
    errors = planted_errors("Sửa chữa")
    rows = {n: row for n, row in sheet(WORKS, "Sửa chữa").items() if n not in errors}
    crossings = set(layer("crossings").crossing_id)
    ways: Counter[str] = Counter()
    for row in rows.values():
        if row["Km đầu"] is not None:
            ways["km"] += 1
            here = roads[roads["ref"] == row["Tuyến đường"]]
            assert here.km_from.min() <= km(row["Km đầu"]) < km(row["Km cuối"]) <= here.km_to.max()
        elif row["Mã đường ngang"] is not None:
            ways["crossing"] += 1
            assert row["Mã đường ngang"] in crossings
        elif row["Mã đoạn đường"] is not None:
            ways["road"] += 1
            assert row["Mã đoạn đường"] in set(roads.road_id)
        else:
            ways["coordinates"] += 1
            assert row["Vĩ độ"]
            assert row["Kinh độ"]
        lump = row["Dự toán (triệu đồng)"]
        assert (lump is None) == (row["Khối lượng"] is not None)
    assert ways.keys() == {"km", "crossing", "road", "coordinates"}
    assert sum(row["Dự toán (triệu đồng)"] is None for row in rows.values()) == 1


def test_the_study_names_files_that_exist() -> None:
    study = tomllib.loads((DATA / "study.toml").read_text(encoding="utf-8"))
    assert study["study"]["simulated"] is True
    assert study["study"]["start"] == dt.date(2021, 1, 1)
    files = [*study["crashes"]["files"], *(area["file"] for area in study["areas"])]
    files += [part["file"] for part in study.values() if isinstance(part, dict) and "file" in part]
    assert len(files) == 8
    assert all((DATA / name).is_file() for name in files)
