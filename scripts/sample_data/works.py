"""The office's list of works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .crashes import Planted
from .files import Cell
from .lines import km_text, to_lonlat
from .network import Network
from .register import Dirt

HEADER: Final = (
    "Mã",
    "Công việc",
    "Biện pháp",
    "Tuyến đường",
    "Km đầu",
    "Km cuối",
    "Mã đường ngang",
    "Mã đoạn đường",
    "Vĩ độ",
    "Kinh độ",
    "Khối lượng",
    "Đơn giá (triệu đồng)",
    "Dự toán (triệu đồng)",
)
SHEET: Final = "Sửa chữa"

# Work, catalogue entry, where, cost in million VND (A: the size of the starter catalogue's costs).
# Where: a spot, with the km before and after it for a spot on the road; or route and km.
_WORKS: Final[tuple[tuple[str, str, tuple[str, float, float], float], ...]] = (
    ("Cắm biển hướng rẽ tại đường cong", "chevrons", ("S01", 0.2, 0.2), 110),
    ("Lắp hộ lan tôn sóng 600 m", "guardrail", ("S01", 0.3, 0.3), 1_080),
    ("Sơn gờ giảm tốc", "rumble-bars", ("S02", 0.2, 0.2), 45),
    ("Lắp camera giám sát tốc độ", "speed-camera", ("S02", 0.25, 0.25), 1_400),
    ("Lắp đèn chiếu sáng 24 cột", "lighting", ("S03", 0.35, 0.35), 0),
    ("Biển báo cong cua và đèn chớp vàng", "curve-signs", ("S04", 0.2, 0.2), 180),
    ("Gờ giảm tốc tim đường", "centreline-rumble", ("S05", 0.4, 0.4), 60),
    ("Mở rộng đường cong", "widening", ("S06", 0.15, 0.15), 6_800),
    ("Gia cố lề", "paved-shoulder", ("S08", 0.5, 0.5), 2_600),
    ("Xây vòng xuyến", "roundabout", ("S09", 0, 0), 9_500),
    ("Lắp đèn tín hiệu", "signal", ("S10", 0, 0), 1_350),
    ("Cải tạo tầm nhìn nút giao", "sight-line", ("S11", 0, 0), 620),
    ("Xóa bỏ lối đi tự mở, làm đường gom", "close-crossing", ("S12", 0, 0), 3_200),
    ("Lắp cần chắn, đèn, chuông", "crossing-gates", ("S13", 0, 0), 2_700),
    ("Gờ giảm tốc và biển báo đường ngang", "crossing-humps", ("S14", 0, 0), 95),
    ("Thảm lại mặt đường 1,5 km", "overlay", ("QL31", 108.0, 109.5), 4_100),
    ("Phát quang, vét rãnh", "", ("QL3B", 82.0, 88.0), 260),
    ("Sửa chữa cầu nhỏ", "", ("road", 0, 0), 1_900),
)


def build_works(net: Network, plans: Sequence[Planted]) -> tuple[list[list[Cell]], list[Dirt]]:
    """Return the rows of the list of works and its planted errors."""
    by_id = {plan.spot.spot_id: plan for plan in plans}
    rows: list[dict[str, Cell]] = []
    for work, countermeasure, (where, before, after), cost in _WORKS:
        row: dict[str, Cell] = {"Công việc": work, "Biện pháp": countermeasure or None}
        if where == "road":
            lines = [r for r in net.roads if r.ref == "QL279" and not r.bridge]
            row["Mã đoạn đường"] = lines[len(lines) // 3].road_id
        elif where not in by_id:
            row |= {"Tuyến đường": where, "Km đầu": km_text(before), "Km cuối": km_text(after)}
        else:
            row |= _at_spot(by_id[where], before, after)
        if cost:
            row["Dự toán (triệu đồng)"] = cost
        else:
            row |= {"Khối lượng": 24, "Đơn giá (triệu đồng)": 28}
        rows.append(row)
    errors = (
        ("Sơn kẻ lại vạch đường", "Dự toán (triệu đồng)", "negative-number",
         {"Tuyến đường": "QL1", "Km đầu": "Km66+000", "Km cuối": "Km69+000"}, -150),
        ("Lắp đèn cảnh báo đường ngang", "Mã đường ngang", "unknown-crossing",
         {"Biện pháp": "crossing-lights", "Mã đường ngang": "DN-999"}, 1_100),
    )  # fmt: skip
    dirt: list[Dirt] = []
    for work, column, kind, place, cost in errors:
        row = {"Công việc": work, **place, "Dự toán (triệu đồng)": cost}
        rows.append(row)
        dirt.append((SHEET, len(rows) + 1, column, row[column], kind))
    for number, row in enumerate(rows, start=1):
        row["Mã"] = f"SC-{number:02d}"
    return [[row.get(column) for column in HEADER] for row in rows], dirt


def _at_spot(plan: Planted, before: float, after: float) -> dict[str, Cell]:
    if plan.crossing is not None:
        return {"Mã đường ngang": plan.crossing.crossing_id}
    if plan.spot.kind == "junction":
        lon, lat = to_lonlat(plan.point)
        return {"Vĩ độ": lat, "Kinh độ": lon}
    return {
        "Tuyến đường": plan.route,
        "Km đầu": km_text(plan.km - before),
        "Km cuối": km_text(plan.km + after),
    }
