"""The register as an office would hand it over, planted errors and all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from random import Random
from typing import Final

from .areas import district_of
from .crashes import Crash, noisy
from .files import Cell
from .lines import km_text, to_lonlat
from .network import Network

HEADER: Final = (
    "STT",
    "Số hồ sơ",
    "Ngày xảy ra",
    "Giờ",
    "Huyện",
    "Tuyến đường",
    "Lý trình",
    "Vĩ độ",
    "Kinh độ",
    "Số người chết",
    "Số người bị thương",
    "Phương tiện",
    "Hình thức tai nạn",
    "Nguyên nhân",
    "Liên quan tàu hỏa",
    "Biển số",
)
TEXT_DATES: Final = "2021"
"""The sheet whose dates are text."""
NO_COORDINATES: Final = 0.08
NO_ROUTE: Final = 0.04
NEITHER: Final = 12
"""Crashes with neither coordinates nor km post, over all years."""

Row = dict[str, Cell]
Dirt = tuple[str, int, str, Cell, str]


def _where(crash: Crash, mode: str, rng: Random) -> Row:
    """Return the columns that say where, as far as ``mode`` lets them."""
    road = crash.road
    row: Row = {}
    if mode in ("all", "no-route"):
        crossing = crash.train or (crash.spot is not None and crash.spot.kind == "crossing")
        point = noisy(crash.point, 5.0, 14.0 if crossing else 25.0, rng)
        lon, lat = to_lonlat(point)
        row |= {"Vĩ độ": lat, "Kinh độ": lon}
    if mode in ("all", "no-coordinates") and road is not None:
        numbered = road.ref and crash.km is not None
        row["Tuyến đường"] = road.ref if numbered else road.name
        if numbered and crash.km is not None:
            coarse = mode == "all" and rng.random() < 0.3
            row["Lý trình"] = km_text(round(crash.km, 1 if coarse else 2))
    return row


def _row(crash: Crash, mode: str, net: Network, rng: Random, plate: int) -> Row:
    hour, minute = divmod(crash.minute, 60)
    clock = rng.choices((f"{hour:02d}:{minute:02d}", f"{hour}h{minute:02d}", ""), (60, 34, 6))[0]
    single = " – " not in crash.vehicles or "người đi bộ" in crash.vehicles or crash.train
    plates = [f"MP-{plate + i:05d}" for i in range(1 if single else 2)]
    return {
        "Số hồ sơ": crash.crash_id,
        "Ngày xảy ra": f"{crash.day:%d/%m/%Y}" if crash.day.year == int(TEXT_DATES) else crash.day,
        "Giờ": clock or None,
        "Huyện": district_of(crash.point, net.districts),
        **_where(crash, mode, rng),
        "Số người chết": crash.deaths,
        "Số người bị thương": crash.injured,
        "Phương tiện": crash.vehicles,
        "Hình thức tai nạn": crash.collision,
        "Nguyên nhân": crash.cause,
        "Liên quan tàu hỏa": "Có" if crash.train else "Không",
        "Biển số": "; ".join(plates),
    }


def _modes(crashes: Sequence[Crash], rng: Random) -> list[str]:
    """Choose which crashes lack coordinates, route or both."""
    modes = ["all"] * len(crashes)

    def choose(pool: list[int], count: int, mode: str) -> None:
        pool = [i for i in pool if modes[i] == "all"]
        rng.shuffle(pool)
        for i in pool[:count]:
            modes[i] = mode

    free = [i for i, c in enumerate(crashes) if c.spot is None and not c.train]
    with_km = [i for i, c in enumerate(crashes) if c.km is not None]
    posts = [i for i in with_km if (spot := crashes[i].spot) is None or spot.kind == "segment"]
    for i, crash in enumerate(crashes):  # nobody writes down the name of a foot path
        if crash.road is not None and crash.road.road_class == "path":
            modes[i] = "no-route"
    choose(free, NEITHER, "neither")
    choose(posts, round(NO_COORDINATES * len(crashes)), "no-coordinates")
    missing = round(NO_ROUTE * len(crashes)) - modes.count("no-route")
    choose(free, max(missing, 0), "no-route")
    return modes


def build_register(
    net: Network, crashes: Sequence[Crash], rng: Random
) -> tuple[dict[str, tuple[Sequence[str], list[list[Cell]]]], list[Dirt]]:
    """Return the sheets and the list of planted errors."""
    modes = _modes(crashes, rng)
    sheets: dict[str, list[Row]] = {}
    plate = 1
    for crash, mode in zip(crashes, modes, strict=True):
        row = _row(crash, mode, net, rng, plate)
        plate += str(row["Biển số"]).count("MP-")
        sheets.setdefault(str(crash.day.year), []).append(row)
    marks = _spoil(sheets, rng)
    tables: dict[str, tuple[Sequence[str], list[list[Cell]]]] = {}
    dirt: list[Dirt] = []
    for name, rows in sheets.items():
        body = []
        for number, row in enumerate(rows, start=1):
            row["STT"] = None if row.get("Số hồ sơ") == "Tổng cộng" else number
            body.append([row.get(column) for column in HEADER])
            for mark_row, column, kind in marks:
                if mark_row is row:
                    value = row.get(column)
                    text = f"{value:%d/%m/%Y}" if isinstance(value, dt.date) else value
                    dirt.append((name, number + 1, column, text, kind))
        tables[name] = (HEADER, body)
    return tables, dirt


def _spoil(sheets: dict[str, list[Row]], rng: Random) -> list[tuple[Row, str, str]]:
    """Put one extra row into the sheets for every kind of planted error."""
    errors: tuple[tuple[str, str, str, Row], ...] = (
        ("2021", "impossible-date", "Ngày xảy ra", {"Ngày xảy ra": "14/13/2021"}),
        ("2021", "negative-number", "Số người chết", {"Số người chết": -1}),
        ("2021", "text-coordinate", "Vĩ độ", {"Vĩ độ": "N/A", "Kinh độ": "N/A"}),
        ("2021", "fractional-number", "Số người bị thương", {"Số người bị thương": 1.5}),
        ("2022", "impossible-date", "Ngày xảy ra", {"Ngày xảy ra": "31/02/2022"}),
        ("2022", "text-number", "Số người chết", {"Số người chết": "hai"}),
        ("2022", "swapped-coordinates", "Vĩ độ", {"Vĩ độ": 106.744321, "Kinh độ": 21.881234}),
        ("2022", "missing-date", "Ngày xảy ra", {"Ngày xảy ra": None}),
        ("2023", "text-date", "Ngày xảy ra", {"Ngày xảy ra": "không rõ"}),
        ("2023", "outside-province", "Vĩ độ", {"Vĩ độ": 21.028511, "Kinh độ": 105.854167}),
        (
            "2023",
            "text-km-post",
            "Lý trình",
            {"Lý trình": "gần chợ", "Vĩ độ": None, "Kinh độ": None},
        ),
        ("2023", "outside-period", "Ngày xảy ra", {"Ngày xảy ra": dt.date(2019, 6, 15)}),
        ("2023", "impossible-coordinate", "Vĩ độ", {"Vĩ độ": 2185.3, "Kinh độ": 106.7612}),
    )
    marks: list[tuple[Row, str, str]] = []
    full = {
        name: [r for r in rows if r.get("Vĩ độ") and r.get("Lý trình")]
        for name, rows in sheets.items()
    }
    next_number = {name: len(rows) + 1 for name, rows in sheets.items()}
    for sheet, kind, column, change in errors:
        row = dict(rng.choice(full[sheet]))
        row |= {"Số hồ sơ": f"LS-{sheet}-{next_number[sheet]:04d}", "Biển số": None, **change}
        next_number[sheet] += 1
        rows = sheets[sheet]
        rows.insert(20 + int(rng.random() * (len(rows) - 40)), row)
        marks.append((row, column, kind))
    rows = sheets["2021"]
    spoiled = [row for row, _, _ in marks]
    first = rng.choice([r for r in rows[40:80] if all(r is not m for m in spoiled)])
    twin = dict(first)
    rows.insert(rows.index(first) + 12, twin)
    marks.append((twin, "Số hồ sơ", "duplicate-id"))
    total: Row = {"Số hồ sơ": "Tổng cộng"}
    for column in ("Số người chết", "Số người bị thương"):
        clean = [r for r in sheets["2023"] if all(r is not m for m in spoiled)]
        total[column] = sum(v for r in clean if isinstance(v := r[column], int))
    sheets["2023"].append(total)
    marks.append((total, "Ngày xảy ra", "total-row"))
    return marks
