"""Lạng Sơn: the real province, railway, QL1B and level crossings, with the sample's QL1B crashes.

The sample is simulated and its km are those of a schematic QL1B; here they are only km posts
to be found on the real line.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pytest
import reading
import shapely

pytestmark = pytest.mark.shared

CRS = "EPSG:9215"
REGISTER = "tai-nan-2021-2023.xlsx"
HEADERS = [
    "Số hồ sơ", "Ngày xảy ra", "Giờ", "Tuyến đường", "Lý trình", "Số người chết",
    "Số người bị thương", "Liên quan tàu hỏa",
]  # fmt: skip

STUDY = """
[study]
name = "Lạng Sơn: QL1B thật, tai nạn mô phỏng"
crs = "{crs}"
start = 2021-01-01
end = 2023-12-31
simulated = true
sources = ["© OpenStreetMap contributors, ODbL 1.0", "gis.chinhphu.vn, daohoangson/dvhcvn"]

[crashes]
files = ["tai-nan-ql1b.csv"]

[roads]
file = "{vn}/langson_osm_reconstructed_lines.geojson"
filter = {{ kind = "road" }}

[routes.QL1B]
start = [{lon}, {lat}]
km = 0

[railways]
file = "{vn}/langson_osm_reconstructed_lines.geojson"
filter = {{ kind = "rail" }}

[crossings]
file = "{vn}/langson_osm_level_crossings.geojson"

[boundary]
file = "{vn}/langson_province.geojson"

[[areas]]
level = "district"
file = "{vn}/langson_districts_pre2025.geojson"

[budget]
amount = 5000
unit = "million"
"""


class Run:
    """A run and what it read."""

    def __init__(self, folder: Path, shared: Path, register: list[list[object]]) -> None:
        self.vn = shared / "vn"
        lines = gpd.read_file(self.vn / "langson_osm_reconstructed_lines.geojson")
        self.road = lines[lines["ref"] == "QL1B"].geometry.iloc[0]
        # Đồng Đăng is the eastern end of QL1B, at 106.7 E; the other is cut at 106.0 E.
        lon, lat = max(self.road.coords[0], self.road.coords[-1])
        assert lon == pytest.approx(106.7065, abs=1e-3)
        text = STUDY.format(crs=CRS, vn=self.vn.as_posix(), lon=lon, lat=lat)
        (folder / "study.toml").write_text(text, encoding="utf-8")
        self.register = register
        with (folder / "tai-nan-ql1b.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([HEADERS, *self.register])
        self.out = folder / "out"
        self.done = reading.run(folder / "study.toml", self.out)

    @property
    def kms(self) -> dict[str, float]:
        return {str(row[0]): _km(str(row[4])) for row in self.register}


def _of_ql1b(book: Path) -> list[list[object]]:
    """The sample's crashes on QL1B that have a km post, without their coordinates."""
    found = []
    for sheet in openpyxl.load_workbook(book, read_only=True):
        lines = sheet.iter_rows(values_only=True)
        header = list(next(lines))
        for line in lines:
            row = dict(zip(header, line, strict=True))
            if row["Tuyến đường"] == "QL1B" and str(row["Lý trình"]).startswith("Km"):
                day = row["Ngày xảy ra"]
                row["Ngày xảy ra"] = f"{day:%d/%m/%Y}" if hasattr(day, "year") else day
                found.append([row[name] for name in HEADERS])
    return found


def _km(post: str) -> float:
    whole, _, metres = post.removeprefix("Km").partition("+")
    return int(whole) + int(metres or 0) / 1000


@pytest.fixture(scope="module")
def real(shared: Path, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("lang-son-real"), shared, _of_ql1b(sample / REGISTER))


def test_it_completes_and_every_row_is_accounted_for(real: Run) -> None:
    assert real.done.returncode == 0, real.done.stderr
    reading.reconciles(real.out)
    made = reading.summary(real.out)
    assert made["read"] == len(real.register)
    reading.tell(
        {key: made[key] for key in ("read", "placed", "unplaced", "rejected", "placed_at")}
    )
    assert made["placed"] > 50


def test_every_file_is_written(real: Run) -> None:
    names = {path.name for path in real.out.iterdir()}
    assert names >= {
        "map.html", "blackspots.gpkg", "ranking.xlsx", "ranking.csv", "programme.csv",
        "rejected.csv", "unplaced.csv", "areas.csv", "segments.csv", "summary.json",
    }  # fmt: skip
    text = (real.out / "map.html").read_text(encoding="utf-8")
    assert "© OpenStreetMap contributors" in text


def test_only_the_crossings_in_the_province_are_kept(real: Run) -> None:
    given = json.loads((real.vn / "langson_osm_level_crossings.geojson").read_text("utf-8"))
    inside = {
        str(f["properties"]["osm_id"])
        for f in given["features"]
        if f["properties"]["district_pre2025"] not in (None, "", "outside", "ngoài")
    }
    assert len(given["features"]) == 21
    kept = reading.layer(real.out, "crossings")
    assert set(kept["crossing_id"]) == inside
    assert len(kept) == 15
    refused = [
        row for row in reading.rows(real.out / "rejected.csv") if row["table"] == "crossings"
    ]
    assert Counter(row["code"] for row in refused) == {"outside-area": 6}
    assert {row["file"] for row in refused} == {"langson_osm_level_crossings.geojson"}
    outside = [
        number
        for number, f in enumerate(given["features"], 1)
        if str(f["properties"]["osm_id"]) not in inside
    ]
    assert [int(row["row"]) for row in refused] == outside
    assert {row["kind"] for _, row in kept.iterrows()} == {"unknown"}


def test_the_crossings_lie_on_the_railway(real: Run) -> None:
    kept = reading.layer(real.out, "crossings")
    rail = reading.layer(real.out, "railways")
    assert len(rail) == 1
    assert kept.crs == rail.crs
    away = kept.geometry.distance(rail.geometry.iloc[0]).round(1)
    reading.tell(
        "metres from the railway:", dict(sorted(zip(kept["crossing_id"], away, strict=True)))
    )
    assert (away <= 50).all()


def test_km_posts_are_found_on_the_real_line(real: Run) -> None:
    """The line is measured here along the ellipsoid, vertex by vertex, from Đồng Đăng."""
    line = [
        row for row in reading.rows(real.vn / "langson_osm_vertices.csv") if row["line"] == ROAD
    ]
    assert len(line) == 968
    metres = np.array([float(row["m_from_start"]) for row in line])
    points = gpd.GeoSeries.from_xy(
        [float(row["lon"]) for row in line], [float(row["lat"]) for row in line], crs=4326
    ).to_crs(CRS)
    if points.x.iloc[0] < points.x.iloc[-1]:
        points, metres = points[::-1], metres[-1] - metres[::-1]
    drawn = shapely.LineString(list(zip(points.x, points.y, strict=True)))
    along = np.r_[0, np.cumsum(np.hypot(np.diff(points.x), np.diff(points.y)))]
    placed = reading.layer(real.out, "crashes").set_index("crash_id")
    assert set(placed["located_by"]) == {"route_km"}
    kms = real.kms
    worst_off = worst_km = 0.0
    for crash, row in placed.iterrows():
        assert row["route"] == "QL1B"
        assert row["km"] == pytest.approx(kms[str(crash)])
        worst_off = max(worst_off, drawn.distance(row.geometry))
        here = np.interp(drawn.project(row.geometry), along, metres)
        worst_km = max(worst_km, abs(here - 1000 * kms[str(crash)]))
    reading.tell(f"{len(placed)} crashes; at most {worst_off:.3f} m off the line,")
    reading.tell(f"{worst_km:.1f} m from their km along the ellipsoid")
    assert worst_off < 0.5
    assert worst_km < 60


ROAD = "Quốc lộ 1B"


def test_crashes_of_the_province_lie_in_it(real: Run) -> None:
    province = gpd.read_file(real.vn / "langson_province.geojson").to_crs(CRS).geometry.iloc[0]
    placed = reading.layer(real.out, "crashes")
    beyond = placed[~placed.within(province.buffer(50))]
    reading.tell("outside the province:", sorted(beyond["km"]))
    assert beyond.empty
    assert placed["area"].notna().sum() >= len(placed) - 1
    reading.tell(Counter(placed["area"]))


def test_totals_by_district_are_those_of_the_crashes(real: Run) -> None:
    count = Counter(reading.crashes(real.out)["area"].dropna())
    table = {
        row["name"]: int(row["crashes"])
        for row in reading.rows(real.out / "areas.csv")
        if row["group"] == "area"
    }
    assert len(table) == 11
    assert {name: n for name, n in table.items() if n} == dict(count)


def test_a_km_post_beyond_the_province_places_nothing(shared: Path, tmp_path: Path) -> None:
    """The real line leaves the province at Km98.4 and goes on to Km114."""
    inside = ["in", "02/01/2023", "", "QL1B", "Km98+000", 0, 1, ""]
    beyond = ["out", "02/01/2023", "", "QL1B", "Km105+000", 1, 0, ""]
    made = Run(tmp_path, shared, [inside, beyond])
    assert made.done.returncode == 0, made.done.stderr
    reading.reconciles(made.out)
    assert list(reading.layer(made.out, "crashes")["crash_id"]) == ["in"]
    unplaced = reading.rows(made.out / "unplaced.csv")
    assert [(row["crash_id"], row["reason"]) for row in unplaced] == [("out", "outside-area")]
