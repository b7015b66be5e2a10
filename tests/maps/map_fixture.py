"""A made-up province for the page's tests: roads, a railway, crashes, sites, works."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString, MultiPoint, Point
from shapely.ops import substring

from blackspots.maps import MapData
from blackspots.schema import LOCATED, PROJECTS, SITES

CRS = "EPSG:9215"
TOWNS = {
    "Lạng Sơn": (106.761, 21.853, 1),
    "Đồng Đăng": (106.697, 21.945, 2),
    "Cao Lộc": (106.790, 21.885, 4),
    "Lộc Bình": (106.930, 21.757, 3),
    "Na Dương": (106.975, 21.700, 4),
    "Đình Lập": (107.090, 21.545, 3),
    "Đồng Mỏ": (106.570, 21.660, 3),
    "Hữu Lũng": (106.345, 21.505, 2),
    "Bắc Sơn": (106.320, 21.900, 3),
    "Bình Gia": (106.370, 21.952, 3),
    "Văn Quan": (106.540, 21.862, 3),
    "Na Sầm": (106.612, 22.052, 3),
    "Thất Khê": (106.475, 22.255, 2),
}
ROUTES = {
    "QL1A": ("national", ["Hữu Lũng", "Đồng Mỏ", "Lạng Sơn", "Cao Lộc", "Đồng Đăng"]),
    "QL4B": ("national", ["Lạng Sơn", "Lộc Bình", "Na Dương", "Đình Lập"]),
    "QL4A": ("national", ["Đồng Đăng", "Na Sầm", "Thất Khê"]),
    "QL1B": ("national", ["Đồng Đăng", "Văn Quan", "Bình Gia", "Bắc Sơn"]),
    "ĐT242": ("provincial", ["Hữu Lũng", "Bắc Sơn"]),
    "ĐT226": ("provincial", ["Bình Gia", "Thất Khê"]),
    "ĐT234": ("provincial", ["Lạng Sơn", "Văn Quan"]),
    "ĐT250": ("provincial", ["Đồng Mỏ", "Na Dương"]),
    "ĐT239": ("provincial", ["Đồng Mỏ", "Văn Quan"]),
}
TYPES = ["Đâm trực diện", "Đâm ngang", "Đâm từ phía sau", "Tự gây tai nạn", "Đâm người đi bộ"]
WORKS = ["speed-camera", "chevrons", "lighting", "right-turn-sight", "guardrail", "close-path"]


def _wiggle(rng: np.random.Generator, a: Any, b: Any, amplitude: float) -> np.ndarray:
    a, b = np.asarray(a), np.asarray(b)
    n = max(8, int(np.hypot(*(b - a)) / 350))
    t = np.linspace(0, 1, n)
    normal = np.array([-(b - a)[1], (b - a)[0]]) / np.hypot(*(b - a))
    noise = sum(
        rng.normal() * amplitude / k * np.sin(np.pi * k * t) for k in (1, 2, 3, 5, 8, 13, 21)
    )
    return a + t[:, None] * (b - a) + np.asarray(noise)[:, None] * normal


def _frame(rows: list[dict[str, Any]], columns: Any, index: str, geometry: list[Any]) -> Any:
    frame = pd.DataFrame(rows, columns=[column.name for column in columns])
    for column in columns:
        if column.kind == "integer":
            frame[column.name] = frame[column.name].astype("Int64")
        elif column.kind == "number":
            frame[column.name] = frame[column.name].astype("Float64")
        elif column.kind == "boolean":
            frame[column.name] = frame[column.name].astype("boolean")
        elif column.kind == "date":
            frame[column.name] = pd.to_datetime(frame[column.name])
    frame.index = pd.Index([f"{index[:4]}-{i + 1:04d}" for i in range(len(frame))], name=index)
    return gpd.GeoDataFrame(frame, geometry=geometry, crs=CRS)


def _network(rng: np.random.Generator, towns: dict[str, Any]) -> Any:
    rows, lines = [], []
    for number, (ref, (kind, stops)) in enumerate(ROUTES.items()):
        pieces = [
            _wiggle(rng, towns[a], towns[b], 900 if kind == "national" else 1500)
            for a, b in zip(stops, stops[1:], strict=False)
        ]
        line = LineString(np.vstack(pieces))
        rows.append({"route_id": number, "ref": ref, "road_class": kind, "line": line})
    routes = {row["ref"]: row for row in rows}
    segments = []
    for row in rows:
        cuts = np.arange(0, row["line"].length, 1500)
        for start in cuts:
            segments.append((row["ref"], row["road_class"], row["route_id"]))
            lines.append(substring(row["line"], start, min(start + 1500, row["line"].length)))
    centres = list(towns.values())
    for _ in range(260):
        a = np.asarray(centres[rng.integers(len(centres))]) + rng.normal(0, 9000, 2)
        b = a + rng.normal(0, 5000, 2)
        segments.append((pd.NA, "district" if rng.random() < 0.4 else "local", -1))
        lines.append(LineString(_wiggle(rng, a, b, 500)))
    frame = pd.DataFrame(segments, columns=["ref", "road_class", "route_id"])
    frame["name"] = pd.NA
    frame.index = pd.RangeIndex(len(frame), name="segment_id")
    return routes, gpd.GeoDataFrame(frame, geometry=lines, crs=CRS)


def _districts(towns: dict[str, Any]) -> tuple[Any, Any]:
    outline = MultiPoint(list(towns.values())).convex_hull.buffer(16000).simplify(2500)
    seeds = {n: p for n, p in towns.items() if n not in ("Đồng Đăng", "Na Dương")}
    cells = shapely.get_parts(
        shapely.voronoi_polygons(MultiPoint(list(seeds.values())), extend_to=outline)
    )
    named = []
    for cell in cells:
        name = next(n for n, p in seeds.items() if cell.contains(Point(p)))
        named.append((name, cell.intersection(outline)))
    frame = gpd.GeoDataFrame(
        {"name": [n for n, _ in named], "level": "district"},
        geometry=[g for _, g in named],
        crs=CRS,
    )
    return frame, gpd.GeoDataFrame(geometry=[outline], crs=CRS)


def _severity(rng: np.random.Generator) -> str:
    return str(rng.choice(["fatal", "serious", "slight", "injury", "pdo", "unknown"],
                          p=[0.2, 0.24, 0.28, 0.08, 0.12, 0.08]))  # fmt: skip


def _crash(rng: np.random.Generator, district: Any, place: str, **where: Any) -> dict[str, Any]:
    severity = _severity(rng)
    known = severity != "unknown"
    night = rng.random() < 0.45
    hour = int(rng.choice([18, 19, 20, 21, 22, 5, 4])) if night else int(rng.integers(6, 18))
    return {
        "date": date(2019, 1, 1) + pd.Timedelta(days=int(rng.integers(0, 365 * 6))),
        "hour": pd.NA if rng.random() < 0.1 else hour,
        "severity": severity,
        "deaths": (1 + int(rng.random() < 0.1)) if severity == "fatal" else (0 if known else pd.NA),
        "serious": 1 if severity == "serious" else (0 if known else pd.NA),
        "slight": 1 if severity == "slight" else (0 if known else pd.NA),
        "injured": int(severity in ("serious", "slight", "injury")) if known else pd.NA,
        "crash_type": pd.NA if rng.random() < 0.08 else str(rng.choice(TYPES)),
        "area": district,
        "place": place,
        "source_file": "so-theo-doi.xlsx",
        "source_row": 2,
        **where,
    }


def _sum(crashes: list[dict[str, Any]], name: str) -> Any:
    known = [crash[name] for crash in crashes if crash[name] is not pd.NA]
    return sum(known) if known else pd.NA


def build(
    *, sites: int = 60, crashes: int = 800, projects: int = 80, seed: int = 7, **changes: Any
) -> MapData:
    """The province, with figures drawn at random."""
    rng = np.random.default_rng(seed)
    at = gpd.GeoSeries([Point(x, y) for x, y, _ in TOWNS.values()], crs=4326).to_crs(CRS)
    towns = {name: (p.x, p.y) for name, p in zip(TOWNS, at, strict=True)}
    routes, segments = _network(rng, towns)
    districts, boundary = _districts(towns)
    rails = [
        LineString(_wiggle(rng, np.add(towns[a], 900), np.add(towns[b], 900), 700))
        for a, b in (("Hữu Lũng", "Đồng Mỏ"), ("Đồng Mỏ", "Lạng Sơn"), ("Lạng Sơn", "Đồng Đăng"))
    ]
    rails.append(LineString(_wiggle(rng, np.add(towns["Lạng Sơn"], 900), towns["Na Dương"], 600)))
    railways = gpd.GeoDataFrame(
        {"name": ["Hà Nội - Đồng Đăng"] * 3 + ["Mai Pha - Na Dương"]}, geometry=rails, crs=CRS
    )
    on_rail = [
        line.interpolate(float(t), normalized=True) for line in rails for t in rng.random(22)
    ]
    crossings = gpd.GeoDataFrame(
        {
            "name": [f"Km{i + 60}+{i * 7:03d}" for i in range(len(on_rail))],
            "kind": rng.choice(
                ["official", "self-opened", "unknown"], len(on_rail), p=[0.3, 0.6, 0.1]
            ),
        },
        geometry=on_rail,
        crs=CRS,
    )

    def district(point: Any) -> Any:
        inside = districts.index[districts.contains(point)]
        return districts.loc[inside[0], "name"] if len(inside) else pd.NA

    rows: list[dict[str, Any]] = []
    shapes: list[Any] = []
    site_rows: list[dict[str, Any]] = []
    site_shapes: list[Any] = []
    refs = list(ROUTES)
    for number in range(sites):
        kind = str(
            rng.choice(["segment", "junction", "crossing", "area"], p=[0.6, 0.24, 0.13, 0.03])
        )
        ref = refs[
            int(rng.choice(len(refs), p=[0.3, 0.2, 0.12, 0.14, 0.06, 0.05, 0.05, 0.04, 0.04]))
        ]
        line, route_id = routes[ref]["line"], routes[ref]["route_id"]
        count = int(rng.poisson(2 + crashes / sites / 2 * rng.gamma(1.2, 0.6)))
        start = float(rng.uniform(0, line.length - 600))
        km = f"Km{int(start // 1000)}+{int(start % 1000):03d}"
        where: dict[str, Any] = {}
        if kind == "segment":
            shape: Any = substring(line, start, start + 500)
            label, length = f"{ref} {km}", 500.0
        elif kind == "junction":
            shape = line.interpolate(start)
            label, length = f"Nút giao {ref} – ĐT{int(rng.integers(230, 250))}", pd.NA
            where = {"junction_id": number}
        elif kind == "crossing":
            shape = on_rail[int(rng.integers(len(on_rail)))]
            label, length = (
                f"Đường sắt Hà Nội–Đồng Đăng Km{rng.integers(90, 160)}+{rng.integers(999):03d}",
                pd.NA,
            )
            where = {"crossing_id": f"X{number}"}
        else:
            shape = line.interpolate(start).buffer(1500, 6)
            label, length = f"Khu vực {district(line.interpolate(start))}", pd.NA
        own = []
        for _ in range(count):
            if kind == "segment":
                measure = start + float(rng.uniform(0, 500))
                spot = line.interpolate(measure)
                where = {"route_id": route_id, "route_measure": measure}
            else:
                spot = shapely.centroid(shape)
                spot = Point(spot.x + rng.normal(0, 25), spot.y + rng.normal(0, 25))
            crash = _crash(rng, district(spot), kind, **where)
            own.append(crash)
            rows.append(crash)
            shapes.append(Point(spot.x + rng.normal(0, 6), spot.y + rng.normal(0, 6)))
        tally = {s: sum(c["severity"] == s for c in own) for s in
                 ("fatal", "serious", "slight", "injury", "pdo", "unknown")}  # fmt: skip
        predicted = float(rng.gamma(3, 0.25))
        expected = 0.4 * predicted + 0.6 * count / 6
        verdict = (
            "black-spot"
            if tally["fatal"] >= 3
            else (
                "undetermined"
                if tally["unknown"] >= 2
                else "potential"
                if tally["serious"] >= 2
                else "none"
            )
        )
        middle = shapely.centroid(shape)
        site_rows.append(
            {
                "kind": kind, "label": label, "area": district(middle),
                "route_id": route_id if kind == "segment" else pd.NA,
                "from_measure": start if kind == "segment" else pd.NA,
                "to_measure": start + 500 if kind == "segment" else pd.NA,
                "length": length, "verdict": verdict,
                "rule": {"black-spot": "two-fatal", "potential": "four-injury"}.get(verdict, pd.NA),
                "window_start": date(2022, 3, 1) if verdict == "black-spot" else pd.NaT,
                "window_end": date(2023, 2, 28) if verdict == "black-spot" else pd.NaT,
                "window_crashes": ", ".join(f"cras-{len(rows) - i:04d}" for i in range(2))
                if verdict == "black-spot" else pd.NA,
                "crashes": count, **tally,
                "deaths": _sum(own, "deaths"), "injured": _sum(own, "injured"),
                "years": 6.0, "predicted": predicted, "expected": expected,
                "expected_low": expected * 0.62, "expected_high": expected * 1.5,
                "weight": 0.4, "excess": expected - predicted,
                "p_excess": float(1 / (1 + np.exp(-3 * (expected - predicted)))),
                "agreement": pd.NA, "cost_per_year": expected * 9e8,
            }
        )  # fmt: skip
        site_shapes.append(shape)
    order = np.argsort([-row["expected"] for row in site_rows], kind="stable")
    site_rows = [{**site_rows[i], "rank": rank + 1} for rank, i in enumerate(order)]
    site_shapes = [site_shapes[i] for i in order]
    while len(rows) < crashes:
        ref = refs[int(rng.integers(len(refs)))]
        line = routes[ref]["line"]
        measure = float(rng.uniform(0, line.length))
        spot = line.interpolate(measure)
        rows.append(_crash(rng, district(spot), "segment",
                           route_id=routes[ref]["route_id"], route_measure=measure))  # fmt: skip
        shapes.append(spot)
    for _ in range(max(1, crashes // 50)):
        rows.append(
            _crash(rng, pd.NA, pd.NA, reason=str(rng.choice(["no-location", "no-road-near"])))
        )
        shapes.append(Point())
    located = _frame(rows, LOCATED.columns, "crash_id", shapes)

    works, work_shapes, spent, budget = [], [], 0.0, 20e9
    for number in range(projects):
        site = int(number % sites) if sites and number < projects * 0.9 else None
        cost = float(np.round(rng.lognormal(20.3, 0.9), -6))
        bcr = float(rng.lognormal(0.8, 0.9))
        fits = bcr > 1 and spent + cost <= budget and number < max(sites, 10) + 6
        spent += cost if fits else 0
        entry = str(rng.choice(WORKS))
        own_work = rng.random() < 0.35
        works.append(
            {
                "source": "repairs" if own_work else "catalogue", "group": f"g{number}",
                "site_id": pd.NA if site is None else f"site-{site + 1:04d}",
                "label": site_rows[site]["label"] if site is not None else f"ĐT239 Km{number}+200",
                "work": "Cắm biển, sơn gờ giảm tốc" if own_work else entry,
                "countermeasure": pd.NA if own_work else entry,
                "cost": cost, "upkeep": cost * 0.02, "life": float(rng.choice([5, 10, 20])),
                "expected": 2.0, "crash_cost": 1e9, "crashes_avoided": float(rng.gamma(2, 0.2)),
                "deaths_avoided": float(rng.gamma(1.5, 0.08)),
                "injuries_avoided": float(rng.gamma(2, 0.2)), "benefit": cost * bcr,
                "npv": cost * (bcr - 1), "bcr": bcr, "mark": str(rng.choice(list("VMAU"))),
                "funded": fits,
                "why": "funded" if fits else "npv-not-positive" if bcr < 1 else "budget",
            }
        )  # fmt: skip
        spot = (
            site_shapes[site]
            if site is not None
            else routes["ĐT239"]["line"].interpolate(4000 + number * 40)
        )
        work_shapes.append(spot)
    chosen = {w["site_id"] for w in works if w["funded"] and w["site_id"] is not pd.NA}
    for number, row in enumerate(site_rows):
        row["funded"] = f"site-{number + 1:04d}" in chosen
        row["why"] = "funded" if row["funded"] else "budget"
    site_frame = _frame(site_rows, SITES.columns, "site_id", site_shapes)
    data = MapData(
        title={"vi": "Điểm đen giao thông tỉnh Lạng Sơn", "en": "Road black spots in Lạng Sơn"},
        language="vi",
        start=date(2019, 1, 1),
        end=date(2024, 12, 31),
        definition={
            "vi": "Thông tư 26/2012/TT-BGTVT: trong 12 tháng có từ 2 vụ chết người, hoặc từ 3 vụ "
            "trong đó 1 vụ chết người, hoặc từ 4 vụ có người bị thương.",
            "en": "Circular 26/2012/TT-BGTVT: within 12 months 2 fatal crashes, or 3 of which 1 "
            "is fatal, or 4 with injury.",
        },
        rank_by={"vi": "số vụ kỳ vọng mỗi năm", "en": "expected crashes a year"},
        simulated=True,
        budget=budget,
        read=len(rows) + 21,
        placed=len(rows) - max(1, crashes // 50),
        unplaced=max(1, crashes // 50),
        rejected=21,
        notes=(
            {
                "vi": "Kỳ vọng là ước lượng Bayes thực nghiệm của Hauer.",
                "en": "Expected is Hauer's Empirical Bayes.",
            },
            {
                "vi": "Vụ không rõ mức độ không được coi là va chạm nhẹ.",
                "en": "Unknown severity is not taken as slight.",
            },
        ),
        sources=("Mô phỏng, không phải số liệu thật", "© OpenStreetMap contributors, ODbL 1.0"),
        sites=site_frame,
        projects=_frame(works, PROJECTS.columns, "project_id", work_shapes),
        crashes=located,
        segments=segments,
        railways=railways,
        crossings=crossings,
        areas=districts,
        boundary=boundary,
        places=gpd.GeoDataFrame(
            {"name": list(TOWNS), "rank": [r for _, _, r in TOWNS.values()]},
            geometry=at.to_numpy(),
            crs=CRS,
        ),
    )
    return replace(data, **changes)
