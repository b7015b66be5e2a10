"""Writing the files, byte for byte the same from the same content."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import xlsxwriter
from shapely.geometry import LineString, Polygon, mapping
from shapely.geometry import Point as Dot
from shapely.geometry.base import BaseGeometry

from .facts import DISTRICTS, RAILWAYS, TOWNS
from .lines import to_lonlat, to_xy
from .network import Network

CREATED: Final = dt.datetime(2024, 1, 15, 8, 0, 0)  # noqa: DTZ001  Workbooks know no time zone.
"""The moment every workbook claims to be made at."""

Cell = str | int | float | dt.date | None
Feature = tuple[Mapping[str, Any], BaseGeometry]

STUDY: Final = """\
# Nghiên cứu mẫu: dữ liệu mô phỏng, không phải số liệu thật của tỉnh.

[study]
name = { vi = "Lạng Sơn – dữ liệu mô phỏng", en = "Lạng Sơn – simulated data" }
language = "vi"                # ngôn ngữ của kết quả: "vi" hoặc "en"
crs = "EPSG:9215"              # VN-2000 / TM-3, kinh tuyến trục 107°15' của Lạng Sơn
start = 2021-01-01             # ngày đầu của thời gian nghiên cứu
end = 2023-12-31               # ngày cuối, tính cả ngày này
definition = "vn-26-2012"      # tiêu chí điểm đen: Thông tư 26/2012
simulated = true               # ghi chữ "mô phỏng" lên mọi kết quả
sources = [                    # các dòng ghi nguồn trên mọi kết quả
  "Dữ liệu mô phỏng: đường, đường sắt, đường ngang và tai nạn đều do chương trình tạo ra",
  "Tổng số năm 2023 (278 vụ, 105 người chết, 272 người bị thương): văn kiện gốc của chương trình",
]

# Sổ đăng ký tai nạn: đọc mọi trang tính.
[crashes]
files = ["tai-nan-2021-2023.xlsx"]
crs = "EPSG:4326"              # tọa độ trong sổ là WGS 84 (vĩ độ, kinh độ)

# Tim đường.
[roads]
file = "roads.geojson"

# Đường ngang và lối đi tự mở.
[crossings]
file = "crossings.geojson"

# Đường sắt.
[railways]
file = "railways.geojson"

# Ranh giới tỉnh: vụ nằm ngoài sẽ bị loại.
[boundary]
file = "province.geojson"

# Các vùng để cộng kết quả, ở đây là huyện.
[[areas]]
level = "district"
file = "districts.geojson"

# Tên nơi chốn để ghi trên bản đồ.
[places]
file = "towns.geojson"

# Danh sách công việc sửa chữa và chi phí.
[repairs]
file = "sua-chua.xlsx"
unit = "million"               # chi phí tính bằng triệu đồng

# Kinh phí.
[budget]
amount = 5000
unit = "million"               # triệu đồng

# Nơi ghi kết quả.
[output]
folder = "out"
"""


def _geometry(shape: BaseGeometry) -> dict[str, Any]:
    def rounded(value: Any) -> Any:
        if isinstance(value[0], float):
            return list(to_lonlat((value[0], value[1])))
        return [rounded(part) for part in value]

    plain = mapping(shape)
    return {"type": plain["type"], "coordinates": rounded(plain["coordinates"])}


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def write_geojson(path: Path, features: Iterable[Feature]) -> None:
    """Write features, given in metres, one a line in degrees."""
    rows = [
        json.dumps(
            {"type": "Feature", "properties": dict(properties), "geometry": _geometry(shape)},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for properties, shape in features
    ]
    head = f'{{"type":"FeatureCollection","name":"{path.stem}","features":[\n'
    _write_text(path, head + ",\n".join(rows) + "\n]}\n")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a table as UTF-8 text."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_xlsx(
    path: Path, title: str, sheets: Mapping[str, tuple[Sequence[str], Sequence[Sequence[Cell]]]]
) -> None:
    """Write a workbook; text is always written as text, dates as Excel dates."""
    book = xlsxwriter.Workbook(str(path))
    book.set_properties({"title": title, "created": CREATED})
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    for name, (header, rows) in sheets.items():
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for column, text in enumerate(header):
            longest = max([len(text) // 2, *(_width(row[column]) for row in rows)])
            sheet.set_column(column, column, min(max(longest, 6), 40) + 1)
            sheet.write_string(0, column, text, bold)
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(number, column, value)
                elif isinstance(value, dt.date):
                    moment = dt.datetime.combine(value, dt.time())
                    sheet.write_datetime(number, column, moment, day)
                elif value is not None:
                    sheet.write_number(number, column, value)
    book.close()


def _width(value: Cell) -> int:
    return 10 if isinstance(value, dt.date) else len(str(value)) if value is not None else 0


def write_maps(folder: Path, net: Network, unlisted: Collection[str] = ()) -> None:
    """Write the layers of the map."""
    write_geojson(
        folder / "roads.geojson",
        (
            (
                {
                    "road_id": road.road_id,
                    "ref": road.ref or None,
                    "name": road.name,
                    "road_class": road.road_class,
                    "aadt": road.aadt,
                    "km_from": road.km[0] if road.km else None,
                    "km_to": road.km[1] if road.km else None,
                    "bridge": road.bridge,
                    "tunnel": False,
                    "layer": int(road.bridge),
                },
                LineString(road.points),
            )
            for road in net.roads
        ),
    )
    write_geojson(
        folder / "railways.geojson",
        (
            ({"railway_id": r.railway_id, "name": r.name}, net.rails[r.railway_id].line)
            for r in RAILWAYS
        ),
    )
    write_geojson(
        folder / "crossings.geojson",
        (
            (
                {
                    "crossing_id": c.crossing_id,
                    "name": c.name,
                    "kind": c.kind,
                    "protection": c.protection,
                    "railway": c.railway.name,
                    "km": c.km,
                    "aadt": c.aadt,
                    "trains": c.railway.trains,
                },
                Dot(c.point),
            )
            for c in net.crossings
            if c.crossing_id not in unlisted
        ),
    )
    write_geojson(
        folder / "districts.geojson",
        (({"area_id": code, "name": name}, net.districts[name]) for code, name, _ in DISTRICTS),
    )
    write_geojson(
        folder / "province.geojson",
        [({"area_id": "20", "name": "Lạng Sơn"}, Polygon(net.province))],
    )
    write_geojson(
        folder / "towns.geojson",
        (({"name": t.name, "rank": t.rank}, Dot(to_xy(t.lon, t.lat))) for t in TOWNS),
    )
