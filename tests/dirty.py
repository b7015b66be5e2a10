"""A register near Lạng Sơn as offices write it: clean rows, and every kind of dirt in known rows.

Two files, three tables: a workbook with a sheet in Unicode and one in an old font, each below a
title, with a sheet of notes beside them; and a text file. Every dirty row has one kind of dirt.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS, Transformer
from small_study import write_book

from blackspots.presets import encodings

TARGET: Final = CRS.from_epsg(9215)
TO_DEGREES: Final = Transformer.from_crs(TARGET, "EPSG:4326", always_xy=True)
EAST, NORTH, HALF = 450_000.0, 2_417_000.0, 30_000.0
BOUNDARY: Final = gpd.GeoSeries(
    [shapely.box(EAST - HALF, NORTH - HALF, EAST + HALF, NORTH + HALF)], crs=TARGET
)
PERIOD: Final = (dt.date(2022, 1, 1), dt.date(2023, 12, 31))
DISTRICTS: Final = ("Cao Lộc", "Chi Lăng", "Lộc Bình")
PER_TABLE: Final = 110

BOOK, TEXT = "so-tai-nan.xlsx", "tngt.csv"
UNICODE, FONT, NOTES = "Năm 2022", "Năm 2023", "Ghi chú"
TABLES: Final = ((BOOK, UNICODE), (BOOK, FONT), (TEXT, None))

ID, DATE, HOUR, LAT, LON = "Mã vụ", "Ngày xảy ra", "Giờ", "Vĩ độ", "Kinh độ"
SEVERITY, DEATHS, SERIOUS, SLIGHT = "Mức độ", "Số người chết", "Bị thương nặng", "Bị thương nhẹ"
MODE, CAUSE, DISTRICT, ROUTE, KM = "Phương tiện", "Nguyên nhân", "Huyện", "Tuyến đường", "Lý trình"
TWICE, DRIVER, TOWN = "Trùng", "Lái xe", "Người nhập"
HEADER: Final = (
    *(ID, DATE, HOUR, LAT, LON, SEVERITY, DEATHS, SERIOUS, SLIGHT, MODE, CAUSE, DISTRICT),
    *(ROUTE, KM, TWICE, DRIVER, TOWN),
)
LEVELS: Final = {
    "Chết người": ("fatal", (1, 1, 0)),
    "Bị thương nặng": ("serious", (0, 1, 2)),
    "Bị thương nhẹ": ("slight", (0, 0, 1)),
    "Va chạm": ("pdo", (0, 0, 0)),
}
CAUSES: Final = ("chạy quá tốc độ", "đi sai phần đường", "không nhường đường")
DRIVERS: Final = ("Hoàng Văn Thái", "Nông Thị Bích", "Lương Đình Quân", "Vi Văn Sáng")

Table = tuple[str, str | None]
Row = dict[str, Any]
Key = tuple[str, str | None, int]
"""File, sheet and row."""


@dataclass(frozen=True)
class Dirt:
    """One kind: cells that are overwritten, and what is to be said of it.

    ``rejected`` and ``remarked`` are column and code; ``truth`` is what the crash then holds
    where that differs from the clean row (a key of the schema to its value).
    """

    kind: str
    cells: Row
    rejected: tuple[str, str] | None = None
    remarked: tuple[str, str] | None = None
    truth: Row = field(default_factory=dict)
    only: tuple[Table, ...] = TABLES


BOTH: Final = f"{LON}, {LAT}"

KINDS: Final = (
    Dirt("a word for a number", {DEATHS: "hai"}, (DEATHS, "not-a-number")),
    Dirt("a negative count", {SLIGHT: -1}, (SLIGHT, "negative")),
    Dirt("a fraction of a person", {SERIOUS: 0.5}, (SERIOUS, "not-whole")),
    Dirt("a thousands separator in a count", {SLIGHT: "1.500"}, (SLIGHT, "ambiguous-number")),
    Dirt("an impossible day", {DATE: "31/02/2022"}, (DATE, "no-such-day")),
    Dirt("the month first by a slip", {DATE: "03/25/2022"}, (DATE, "no-such-day")),
    Dirt("a range of days", {DATE: "24-25/03/2022"}, (DATE, "date-range")),
    Dirt("words for a day", {DATE: "không nhớ ngày"}, (DATE, "not-a-date")),
    Dirt("no date", {DATE: None}, (DATE, "no-date")),
    Dirt("out of the period", {DATE: "15/06/2019"}, (DATE, "outside-period")),
    Dirt(
        "an impossible hour",
        {HOUR: "25h10"},
        remarked=(HOUR, "hour-unread"),
        truth={"hour": None},
    ),
    Dirt(
        "an N that may be Nam beside a Vietnamese letter",
        {LAT: "21°51'13\"N", LON: "106°45'40\"Đ"},
        (LAT, "ambiguous-hemisphere"),
    ),
    Dirt("a sign against its letter", {LAT: "-21.85N"}, (LAT, "sign-hemisphere")),
    Dirt("75 minutes of an angle", {LAT: "21°75'13\""}, (LAT, "angle-minutes")),
    Dirt("a longitude without latitude", {LAT: None}, (LAT, "half-coordinate")),
    Dirt("a latitude without longitude", {LON: None}, (LON, "half-coordinate")),
    Dirt("a coordinate that is off the globe", {LAT: 218.5}, (LAT, "off-globe")),
    Dirt("thousands separators in a coordinate", {LAT: "21.853.712"}, (LAT, "not-an-angle")),
    Dirt(
        "a place in Sài Gòn", {LAT: 10.776111, LON: 106.700981}, (f"{LAT}, {LON}", "outside-area")
    ),
    Dirt(
        "words for a km post",
        {KM: "gần chợ Kỳ Lừa"},
        remarked=(KM, "km-unread"),
        truth={"km": None, "km_uncertainty": None},
    ),
    Dirt(
        "words for a km post and no coordinate",
        {KM: "gần chợ Kỳ Lừa", LAT: None, LON: None},
        (KM, "not-a-km-post"),
    ),
    Dirt(
        "a severity that is no known word", {SEVERITY: "thảm khốc"}, (SEVERITY, "unknown-severity")
    ),
    Dirt(
        "a death that the severity denies",
        {SEVERITY: "Bị thương nhẹ", DEATHS: 1},
        (SEVERITY, "severity-deaths"),
    ),
    Dirt(
        "a fatal crash without a death",
        {SEVERITY: "Chết người", DEATHS: 0, SERIOUS: 1, SLIGHT: 0},
        remarked=(SEVERITY, "severity-persons"),
        truth={"severity": "fatal", "deaths": 0, "serious": 1, "slight": 0, "injured": 1},
    ),
    Dirt(
        "a crash without injury that injured",
        {SEVERITY: "Va chạm", DEATHS: 0, SERIOUS: 0, SLIGHT: 2},
        remarked=(SEVERITY, "severity-persons"),
        truth={"severity": "pdo", "deaths": 0, "serious": 0, "slight": 2, "injured": 2},
    ),
    Dirt("a row said to be a duplicate", {TWICE: "x"}, (TWICE, "said-duplicate")),
    Dirt(
        "a unit beside a count",
        {SEVERITY: "Bị thương nhẹ", DEATHS: 0, SERIOUS: 0, SLIGHT: "2 người"},
        remarked=(SLIGHT, "number-in-words"),
        truth={"severity": "slight", "deaths": 0, "serious": 0, "slight": 2, "injured": 2},
    ),
    Dirt(
        "a year of two digits",
        {DATE: "25/03/22"},
        remarked=(DATE, "two-digit-year"),
        truth={"date": dt.date(2022, 3, 25)},
    ),
    Dirt("hours from to", {HOUR: "14h-16h30"}, remarked=(HOUR, "hour-range"), truth={"hour": None}),
    Dirt(
        "an hour in words", {HOUR: "buổi tối"}, remarked=(HOUR, "hour-words"), truth={"hour": None}
    ),
    Dirt("latitude and longitude swapped", {}, remarked=(BOTH, "swapped")),
    Dirt(
        "one figure of metres",
        {KM: "Km45+5"},
        remarked=(KM, "km-few-metres"),
        truth={"km": 45.005, "km_uncertainty": 0.5},
    ),
    Dirt(
        "1200 metres",
        {KM: "Km45+1200"},
        remarked=(KM, "km-over-1000"),
        truth={"km": 46.2, "km_uncertainty": 50.0},
    ),
    Dirt(
        "a km range",
        {KM: "Km45+200 - Km45+600"},
        remarked=(KM, "km-range"),
        truth={"km": 45.4, "km_uncertainty": 200.0},
    ),
    Dirt(
        "another road in the km cell",
        {ROUTE: "QL1", KM: "QL4A Km45+300"},
        remarked=(KM, "route-differs"),
        truth={"route": "QL1", "km": 45.3, "km_uncertainty": 50.0},
    ),
    Dirt(
        "a grade of the law",
        {SEVERITY: "Nghiêm trọng", DEATHS: 0, SERIOUS: 1, SLIGHT: 0},
        remarked=(SEVERITY, "severity-unclear"),
        truth={"severity": "serious", "deaths": 0, "serious": 1, "slight": 0, "injured": 1},
    ),
    Dirt(
        "a phone number in a text",
        {CAUSE: "chạy quá tốc độ, liên hệ 0912 345 678"},
        remarked=(CAUSE, "personal"),
        truth={"cause": "chạy quá tốc độ, liên hệ •••"},
    ),
    Dirt(
        "a plate in a text",
        {CAUSE: "xe 12C-123.45 đi sai phần đường"},
        remarked=(CAUSE, "personal"),
        truth={"cause": "xe ••• đi sai phần đường"},
    ),
    Dirt(
        "the time in the cell of the date",
        {DATE: "14h30 ngày 25/03/2022", HOUR: None},
        truth={"date": dt.date(2022, 3, 25), "hour": 14},
    ),
    Dirt(
        "the road in the km cell only",
        {ROUTE: None, KM: "QL1 Km45+300"},
        truth={"route": "QL1", "km": 45.3, "km_uncertainty": 50.0},
    ),
    Dirt("degrees, minutes and seconds among decimals", {}),
    Dirt("few decimals", {}),
    Dirt("spaces and NBSP around", {}),
    Dirt("digits as text", {}),
    Dirt("the middle of a district", {}, only=((BOOK, UNICODE),)),
    Dirt("an id that stands in an earlier row", {}, (ID, "duplicate-id"), only=((TEXT, None),)),
    Dirt("a crash that stands in another file", {}, only=((TEXT, None),)),
)


@dataclass(frozen=True)
class Planted:
    """A dirty row, and the id of the row that it repeats, if that is its dirt."""

    dirt: Dirt
    repeats: str | None = None


@dataclass
class Register:
    """What was written, and what is true: ``clean`` and ``dirty`` rows by where they stand."""

    paths: list[Path] = field(default_factory=list)
    truth: dict[Key, Row] = field(default_factory=dict)
    planted: dict[Key, Planted] = field(default_factory=dict)
    totals: list[Key] = field(default_factory=list)

    @property
    def read(self) -> int:
        return len(self.truth) + len(self.totals)

    def at(self, kind: str) -> list[Key]:
        return [key for key, planted in self.planted.items() if planted.dirt.kind == kind]


def districts() -> gpd.GeoDataFrame:
    """Three strips from west to east."""
    edge = [EAST - HALF + 2 * HALF * i / 3 for i in range(4)]
    shapes = [shapely.box(a, NORTH - HALF, b, NORTH + HALF) for a, b in pairwise(edge)]
    return gpd.GeoDataFrame({"name": list(DISTRICTS)}, geometry=shapes, crs=TARGET)


def write_register(folder: Path, seed: int) -> Register:
    """Write both files."""
    chance = random.Random(seed)
    made = Register([folder / BOOK, folder / TEXT])
    sheets: dict[str, list[Sequence[Any]]] = {}
    for number, (file, sheet) in enumerate(TABLES):
        lines = _table(made, (file, sheet), number, chance)
        if sheet == FONT:
            lines = [[_in_font(cell) for cell in line] for line in lines]
        if sheet:
            sheets[sheet] = lines
        else:
            rows = [";".join("" if c is None else _text(c) for c in line) for line in lines]
            (folder / file).write_text("\n".join(rows) + "\n", encoding="utf-8")
    sheets[NOTES] = [["Nội dung", "Cán bộ"], ["Số liệu chưa đối chiếu với công an huyện", "L."]]
    write_book(folder / BOOK, sheets)
    return made


def _table(made: Register, table: Table, number: int, chance: random.Random) -> list[Sequence[Any]]:
    """The lines of one table: title, header, rows with blank ones between them, the total."""
    file, sheet = table
    lines: list[Sequence[Any]] = [["SỔ THEO DÕI"] if sheet == UNICODE else ["So theo doi"], []]
    lines.append(HEADER)
    kinds = [d for d in KINDS if table in d.only]
    kinds += [d for d in kinds if d.kind == "the middle of a district"] * 5
    spots = chance.sample(range(PER_TABLE), len(kinds))
    dirty = dict(zip(spots, kinds, strict=True))
    deaths = 0
    for i in range(PER_TABLE):
        if i % 37 == 20:
            lines.append([None] * len(HEADER))
        row, truth = _clean(f"V{number}{i:03d}", chance, typed=sheet is not None)
        key = (file, sheet, len(lines) + 1)
        if i in dirty:
            repeats = _spoil(dirty[i], row, truth, made, chance)
            made.planted[key] = Planted(dirty[i], repeats)
        made.truth[key] = truth
        deaths += truth["deaths"] or 0
        lines.append([row[name] for name in HEADER])
    total = {ID: "Tổng cộng", DEATHS: deaths}
    made.totals.append((file, sheet, len(lines) + 1))
    lines.append([total.get(name) for name in HEADER])
    return lines


def _clean(name: str, chance: random.Random, *, typed: bool) -> tuple[Row, Row]:
    """A row as a file has it, and what it says."""
    x = round(EAST + chance.uniform(-0.9, 0.9) * HALF, 1)
    y = round(NORTH + chance.uniform(-0.9, 0.9) * HALF, 1)
    lon, lat = (_unround(v, chance) for v in TO_DEGREES.transform(x, y))
    day = PERIOD[0] + dt.timedelta(days=chance.randrange(700))
    hour, minute = chance.randrange(24), chance.randrange(60)
    word = chance.choice(list(LEVELS))
    severity, (deaths, serious, slight) = LEVELS[word]
    km = chance.randrange(10, 90) + chance.randrange(10, 99) / 100
    route = chance.choice(["QL1", "QL1B", "DT234"])
    whole, metres = divmod(round(km * 1000), 1000)
    mode, cause = chance.choice(["xe máy", "xe ô tô"]), chance.choice(CAUSES)
    district = chance.choice(DISTRICTS)
    row = {
        ID: name,
        DATE: day if typed else f"{day:%d/%m/%Y}",
        HOUR: dt.time(hour, minute) if typed else f"{hour}h{minute:02d}",
        LAT: lat,
        LON: lon,
        SEVERITY: word,
        DEATHS: deaths,
        SERIOUS: serious,
        SLIGHT: slight,
        MODE: mode,
        CAUSE: cause,
        DISTRICT: district,
        ROUTE: route,
        KM: f"Km{whole}+{metres:03d}",
        TWICE: None,
        DRIVER: chance.choice(DRIVERS),
        TOWN: "cán bộ đội",
    }
    truth = {
        "crash_id": name,
        "date": day,
        "hour": hour,
        "severity": severity,
        "deaths": deaths,
        "serious": serious,
        "slight": slight,
        "injured": serious + slight,
        "mode": mode,
        "cause": cause,
        "district": district,
        "route": route,
        "km": km,
        "km_uncertainty": 0.5 if metres % 10 else 5.0 if metres % 100 else 50.0,
        "x": x,
        "y": y,
        "uncertainty": 1.0,
    }
    return row, truth


def _unround(degrees: float, chance: random.Random) -> float:
    """Six decimals, the last of which is not 0: 6 m would else be all that is known."""
    made = round(degrees, 6)
    return made if round(made * 1e6) % 10 else round(made + chance.choice([-1, 1]) * 1e-6, 6)


def _spoil(dirt: Dirt, row: Row, truth: Row, made: Register, chance: random.Random) -> str | None:
    """Plant one kind of dirt in a row; returns the id of the row that it repeats, if any."""
    row |= dirt.cells
    truth |= dirt.truth
    lat, lon = row[LAT], row[LON]
    if dirt.kind == "latitude and longitude swapped":
        row[LAT], row[LON] = lon, lat
    elif dirt.kind == "degrees, minutes and seconds among decimals":
        row[LAT], row[LON] = _dms(lat, "B"), _dms(lon, "Đ")
        half = 0.05 / 3600 * 111_320
        truth["uncertainty"] = math.hypot(half, half * math.cos(math.radians(lat)))
    elif dirt.kind == "few decimals":
        row[LAT], row[LON] = 21.83, 106.77
        truth["x"], truth["y"] = TO_DEGREES.transform(106.77, 21.83, direction="INVERSE")
        half = 0.005 * 111_320
        truth["uncertainty"] = math.hypot(half, half * math.cos(math.radians(21.83)))
    elif dirt.kind == "spaces and NBSP around":
        row[ROUTE], row[LAT] = f"\u00a0{row[ROUTE]} ", f" {lat}\u00a0"
        row[DISTRICT], row[DEATHS] = f"  {row[DISTRICT]}\u00a0", f" {row[DEATHS]} "
        row[SEVERITY], row[KM] = f" {row[SEVERITY]}\u00a0", f"\u00a0{row[KM]} "
    elif dirt.kind == "digits as text":
        row |= {name: str(row[name]) for name in (LAT, LON, DEATHS, SERIOUS, SLIGHT)}
    elif dirt.kind == "the middle of a district":
        middle = districts().geometry.iloc[0].centroid
        lon, lat = TO_DEGREES.transform(middle.x, middle.y)
        row[LAT], row[LON] = round(lat, 6), round(lon, 6)
        truth["x"], truth["y"] = middle.x, middle.y
    elif dirt.kind in {
        "an id that stands in an earlier row",
        "a crash that stands in another file",
    }:
        free = [k for k in made.truth if k not in made.planted and k[1] == UNICODE]
        other = made.truth[chance.choice(free)]
        if dirt.rejected:
            row[ID] = other["crash_id"]
        else:
            truth |= {k: v for k, v in other.items() if k != "crash_id"}
            lon, lat = TO_DEGREES.transform(other["x"] + 20, other["y"] - 10)
            truth["x"], truth["y"] = other["x"] + 20, other["y"] - 10
            row[LAT], row[LON] = _unround(lat, chance), _unround(lon, chance)
            words = {level: word for word, (level, _) in LEVELS.items()}
            row |= {
                DATE: f"{other['date']:%d/%m/%Y}",
                HOUR: f"{other['hour']}h",
                SEVERITY: words[other["severity"]],
                DEATHS: other["deaths"],
                SERIOUS: other["serious"],
                SLIGHT: other["slight"],
                MODE: other["mode"].capitalize(),
                CAUSE: other["cause"],
                DISTRICT: other["district"],
                ROUTE: other["route"],
                KM: None,
            }
            truth |= {"km": None, "km_uncertainty": None, "mode": other["mode"].capitalize()}
            return str(other["crash_id"])
    return None


def _dms(degrees: float, letter: str) -> str:
    tenths = round(degrees * 36_000)
    minutes, tenths = divmod(tenths, 600)
    return f"{minutes // 60}°{minutes % 60:02d}'{tenths / 10:04.1f}\"{letter}"


def _text(cell: Any) -> str:
    return f"{cell:.6f}".rstrip("0").rstrip(".") if isinstance(cell, float) else str(cell)


def _in_font(cell: Any) -> Any:
    """Text as the fonts of TCVN3 have it; they know no capital with a tone."""
    if not isinstance(cell, str):
        return cell
    return cell.translate({ord(meant): shown for shown, meant in encodings.table("tcvn3").items()})


def is_near(x: float, y: float, truth: Row) -> bool:
    return bool(np.hypot(x - truth["x"], y - truth["y"]) <= truth["uncertainty"] + 0.2)
