"""A study small enough to write in a test: three roads, two level crossings, twenty crashes.

Places are metres from a corner near Lạng Sơn, in UTM 48N. QL1 runs east along y = 0 from km 10
to km 14, DT234 crosses it at x = 2000, a local road leaves it at x = 3000; the railway crosses
QL1 at x = 1000 and DT234 at y = -1000. Two districts meet at x = 2000.
"""

import csv
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
from pyproj import Transformer

EAST, NORTH = 683_000.0, 2_417_000.0
GRID = "EPSG:32648"
_TO_DEGREES = Transformer.from_crs(GRID, "EPSG:4326", always_xy=True)

STUDY = """\
[study]
name = { vi = "Nghiên cứu nhỏ", en = "Small study" }
crs = "EPSG:32648"
start = 2021-01-01
end = 2023-12-31

[crashes]
files = ["crashes.csv"]

[roads]
file = "roads.geojson"

[crossings]
file = "crossings.geojson"

[railways]
file = "railways.geojson"

[boundary]
file = "boundary.geojson"

[[areas]]
level = "district"
file = "districts.geojson"

[repairs]
file = "repairs.xlsx"
unit = "million"

[budget]
amount = 500
unit = "million"
"""

HEADER = (
    "crash_id",
    "date",
    "hour",
    "lat",
    "lon",
    "severity",
    "deaths",
    "injured",
    "mode",
    "route",
    "km",
    "driver",
    "plate",
)
DRIVER, PLATE = "Hoàng Bí Mật", "12A-987.65"
"""Personal data in columns that nobody asked for: they may leave the register nowhere."""

Row = dict[str, Any]


def degrees(x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude of metres from the corner."""
    lon, lat = _TO_DEGREES.transform(EAST + x, NORTH + y)
    return round(lon, 7), round(lat, 7)


def crash(number: int, x: float, y: float, **more: Any) -> Row:
    """One row of the register."""
    lon, lat = degrees(x, y)
    day, month, year = number % 27 + 1, number % 12 + 1, 2021 + number % 3
    return {
        "crash_id": f"C{number}",
        "date": f"{day:02d}/{month:02d}/{year}",
        "hour": f"{number % 24}:30",
        "lat": lat,
        "lon": lon,
        "severity": "Bị thương nhẹ",
        "deaths": 0,
        "injured": 1,
        "mode": "xe máy",
        "route": "",
        "km": "",
        "driver": f"{DRIVER} {number}",
        "plate": PLATE,
        **more,
    }


def crashes() -> list[Row]:
    """Twenty crashes: eight at one place of QL1 (three fatal), the others spread."""
    fatal = {"severity": "Chết người", "deaths": 1, "injured": 0}
    hot = [
        crash(n, 1500 + 20 * n, 3, **(fatal if n <= 3 else {}), date=f"{n:02d}/03/2022")
        for n in range(1, 9)
    ]
    spread = [
        crash(9, 1002, 2),
        crash(10, 2001, -999, **fatal),
        crash(11, 2003, 4),
        crash(12, 1998, -6),
        crash(13, 3001, 700),
        crash(14, 3000, 1200),
        crash(15, 2000, 1500),
        crash(16, 2002, -1500),
        crash(17, 300, -4),
        crash(18, 3600, 5),
        crash(19, 3700, 2),
        crash(20, 2500, 1),
    ]
    return hot + spread


def write_rows(
    path: Path,
    rows: Iterable[Mapping[str, Any]],
    header: Sequence[str] = HEADER,
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> None:
    """A table as text."""
    with path.open("w", encoding=encoding, newline="") as file:
        made = csv.DictWriter(file, header, delimiter=delimiter, extrasaction="ignore")
        made.writeheader()
        made.writerows(rows)


def feature(kind: str, coordinates: Any, /, **properties: Any) -> dict[str, Any]:
    """One feature of a GeoJSON file."""
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def at(x: float, y: float) -> list[float]:
    """Grid coordinates of metres from the corner."""
    return [EAST + x, NORTH + y]


def line(*points: tuple[float, float], **properties: Any) -> dict[str, Any]:
    return feature("LineString", [at(*p) for p in points], **properties)


def point(x: float, y: float, /, **properties: Any) -> dict[str, Any]:
    return feature("Point", at(x, y), **properties)


def box(left: float, low: float, right: float, high: float, /, **properties: Any) -> dict[str, Any]:
    ring = [at(left, low), at(right, low), at(right, high), at(left, high), at(left, low)]
    return feature("Polygon", [ring], **properties)


def write_features(
    path: Path, features: Iterable[Mapping[str, Any]], crs: str | None = GRID
) -> None:
    """A layer as GeoJSON, in the grid's CRS."""
    tree: dict[str, Any] = {"type": "FeatureCollection", "features": list(features)}
    if crs:
        name = "urn:ogc:def:crs:" + crs.replace(":", "::")
        tree["crs"] = {"type": "name", "properties": {"name": name}}
    path.write_text(json.dumps(tree), encoding="utf-8")


def roads() -> list[dict[str, Any]]:
    return [
        line(
            *[(x, 0) for x in range(0, 4001, 500)],
            road_id="R1",
            ref="QL1",
            name="Quốc lộ 1",
            road_class="national",
            aadt=9000,
            km_from=10,
            km_to=14,
        ),
        line(
            *[(2000, y) for y in range(-2000, 2001, 500)],
            road_id="R2",
            ref="DT234",
            name="Đường tỉnh 234",
            road_class="provincial",
            aadt=2500,
        ),
        line((3000, 0), (3000, 1500), road_id="R3", name="Đường làng", road_class="local"),
    ]


REPAIRS = (
    ("Mã", "Công việc", "Biện pháp", "Tuyến đường", "Từ km", "Đến km", "Dự toán"),
    ("W1", "Gờ giảm tốc", "rumble-bars", "QL1", "Km11+400", "Km11+800", 60),
    ("W2", "Lắp cần chắn", "crossing-gates", "QL1", "Km11+000", None, 450),
    ("W3", "Chiếu sáng", "lighting", "QL1", "Km13+500", "Km13+800", 300),
)


def write_book(path: Path, sheets: Mapping[str, Iterable[Sequence[Any]]]) -> None:
    """A workbook of plain sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(list(row))
    book.save(path)


def write_study(folder: Path) -> Path:
    """All files of the study; returns the path of ``study.toml``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "crashes.csv", crashes())
    write_features(folder / "roads.geojson", roads())
    write_features(
        folder / "crossings.geojson",
        [
            point(1000, 0, crossing_id="LX1", name="Km 98", kind="official", protection="gates"),
            point(2000, -1000, crossing_id="LX2", name="Lối mòn", kind="Lối đi tự mở"),
        ],
    )
    write_features(
        folder / "railways.geojson",
        [
            line((1000, -1500), (1000, 1500), railway_id="T1", name="Hà Nội – Đồng Đăng"),
            line((500, -1000), (3500, -1000), railway_id="T2", name="Mai Pha – Na Dương"),
        ],
    )
    write_features(folder / "boundary.geojson", [box(-1000, -3000, 5000, 3000, name="Tỉnh")])
    write_features(
        folder / "districts.geojson",
        [
            box(-1000, -3000, 2000, 3000, name="Huyện Tây"),
            box(2000, -3000, 5000, 3000, name="Huyện Đông"),
        ],
    )
    write_book(folder / "repairs.xlsx", {"Công trình": REPAIRS})
    path = folder / "study.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def edit(path: Path, old: str, new: str) -> None:
    """Change a text file at one place, which must be there."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def without(path: Path, section: str) -> None:
    """Take a section out of a study."""
    text = path.read_text(encoding="utf-8")
    made = re.sub(rf"(?m)^\[+{re.escape(section)}\]+\n(?:(?!\[).*\n?)*", "", text)
    assert made != text
    path.write_text(made, encoding="utf-8")


def with_rows(path: Path, change: Callable[[list[Row]], list[Row] | None]) -> None:
    """Rewrite the register; ``change`` gets the twenty rows."""
    rows = crashes()
    write_rows(path.parent / "crashes.csv", change(rows) or rows)


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its bytes; folders with None."""
    found: dict[str, bytes | None] = {}
    for base, folders, files in os.walk(folder):
        for name in folders:
            found[str((Path(base) / name).relative_to(folder))] = None
        for name in files:
            file = Path(base) / name
            found[str(file.relative_to(folder))] = file.read_bytes()
    return found
