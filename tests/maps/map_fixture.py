"""A made-up province for the page's tests: roads, a railway, crashes, sites, works."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString, MultiPoint, Point
from shapely.ops import substring

from blackspots.maps import MapData
from blackspots.schema import (
    CLOSURES,
    CROSSING_REGISTER,
    FOUND_CROSSINGS,
    LOCATED,
    PROJECTS,
    SITES,
)

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
HOSTILE = (
    "{{7*7}}",
    "{{ cycler.__init__.__globals__.os.system('true') }}",
    "{% for x in y %}",
    "{# note",
    "${7*7}",
    "`${window.__pwned=1}`",
    "</script><script>window.__pwned=1</script>",
    "<img src=x onerror=window.__pwned=1>",
    "<!--<script>",
    "line\u2028break",
    "\"'><svg onload=window.__pwned=1>",
    "=1+1",
)
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


PATHS = ["residential", "service", "track", "path", "footway"]


def _along(crossings: Any, railways: Any) -> Any:
    """Line and measure of each crossing on the nearest railway."""
    tracks = railways.to_crs(CRS)
    near = tracks.sindex.nearest(crossings.geometry, return_all=False)[1]
    shapes = tracks.geometry.to_numpy()[near]
    names = tracks["name"].to_numpy()[near]
    return names, shapely.line_locate_point(shapes, crossings.geometry.to_numpy()), shapes


def with_register(data: MapData, *, seed: int = 3, candidates: int = 14) -> MapData:
    """The same province with its level crossings rated: a made-up register, candidates that
    no list names, and ways to close the self-opened paths of each stretch."""
    rng = np.random.default_rng(seed)
    assert data.crossings is not None
    assert data.railways is not None
    points = data.crossings.to_crs(CRS).copy()
    n = len(points)
    lines, measures, shapes = _along(points, data.railways)
    kinds = points["kind"].fillna("unknown").to_numpy(str)
    official = kinds == "official"
    counted = official & (rng.random(n) < 0.6)
    vehicles = np.where(official, rng.lognormal(6.4, 0.8, n), rng.lognormal(4.0, 0.9, n)).round()
    guards = np.where(official, rng.choice(["guarded", "gates", "lights", "signs"], n), "none")
    known = rng.random(n) < 0.9
    classes = np.where(vehicles > 900, "I", np.where(vehicles > 400, "II", "III"))
    complies = np.where(classes == "III", guards != "signs", guards == "guarded")
    trains = np.where(np.asarray(lines) == lines[0], 12.0, 4.0)
    own = points.index.name == "crossing_id"
    names = points.index if own else [f"cros-{i + 1:04d}" for i in range(n)]
    names = pd.Index(names, name="crossing_id").astype(str)
    located = _at_crossings(rng, data.crashes, points, names)
    struck = located[located["place"].eq("crossing").fillna(False).to_numpy(bool)]
    by_place = struck.groupby(struck["crossing_id"].astype(str))
    crashes = by_place.size().reindex(names, fill_value=0).to_numpy()
    deaths = by_place["deaths"].sum().reindex(names, fill_value=0).to_numpy()
    queues = located["queue_at"].value_counts().reindex(names, fill_value=0).to_numpy()
    accidents = 1e-5 * vehicles**0.6 * trains + 0.05 * crashes
    rated = rng.random(n) < 0.94
    places = pd.Series(np.where(rated, -accidents, np.nan)).rank(method="first").to_numpy()
    km = points["km"] if "km" in points else pd.Series(60 + measures / 1000, points.index)
    areas = data.areas.to_crs(CRS) if data.areas is not None else None
    rows = []
    for i in range(n):
        uncertain = 1.05 if counted[i] else 2.6
        rank = places[i]
        rows.append(
            {
                "name": points["name"].iloc[i], "kind": kinds[i], "line": lines[i],
                "km": km.iloc[i] if i % 29 else pd.NA, "measure": measures[i], "offset": 2.0,
                "place_reason": pd.NA, "area": _area_of(areas, points.geometry.iloc[i]),
                "listed": i % 17 != 5, "road_class": pd.NA if official[i] else PATHS[i % 5],
                "width": pd.NA if i % 3 else 3.5, "tracks": 2 if i % 11 == 0 else 1, "speed": 70,
                "protection": guards[i] if known[i] else pd.NA,
                "protection_code": guards[i] if known[i] else pd.NA,
                "crossing_class": classes[i] if official[i] else pd.NA,
                "required": ("lights;gates;guarded" if classes[i] == "III" else "guarded")
                if official[i] else pd.NA,
                "complies": bool(complies[i]) if official[i] and known[i] else pd.NA,
                "rule_reason": "self-opened" if not official[i]
                else "class-by-exposure" if known[i] else "needs-protection",
                "vehicles": vehicles[i], "vehicles_low": vehicles[i] / uncertain,
                "vehicles_high": vehicles[i] * uncertain,
                "vehicles_from": "counted" if counted[i] else f"assumed:{PATHS[i % 5]}",
                "walkers": pd.NA, "trains": trains[i] if rated[i] else pd.NA,
                "trains_from": "counted" if rated[i] else "unknown",
                "crashes": int(crashes[i]), "queue_crashes": int(queues[i]),
                "deaths": int(deaths[i]), "injured": int(crashes[i]),
                "exposure": vehicles[i] * trains[i],
                "predicted": accidents[i] * 0.8 if rated[i] else pd.NA,
                "accidents": accidents[i] if rated[i] else pd.NA,
                "accidents_low": accidents[i] / uncertain if rated[i] else pd.NA,
                "accidents_high": accidents[i] * uncertain if rated[i] else pd.NA,
                "casualty": accidents[i] * 0.4 if rated[i] else pd.NA,
                "fatal": accidents[i] * 0.15 if rated[i] else pd.NA,
                "score": accidents[i] if rated[i] else pd.NA,
                "rank": int(rank) if rated[i] else pd.NA,
                "rank_low": max(1, int(rank / uncertain)) if rated[i] else pd.NA,
                "rank_high": min(n, int(rank * uncertain) + 1) if rated[i] else pd.NA,
                "rate_reason": pd.NA if rated[i] else "needs:trains",
            }
        )  # fmt: skip
    register = _frame(rows, CROSSING_REGISTER.columns, "crossing_id", list(points.geometry))
    register.index = names
    return replace(
        data,
        crashes=located,
        register=register,
        found=_found(rng, register, data.railways.to_crs(CRS), candidates),
        closures=_closures(register, np.asarray(shapes)),
        rating={"vi": "US DOT, có lịch sử tai nạn", "en": "US DOT with accident history"},
    )


def _at_crossings(rng: Any, crashes: Any, points: Any, names: Any) -> Any:
    """Crashes at a crossing take the nearest of the list; a few others queue before one."""
    located = crashes.copy()
    for column in ("crossing_id", "queue_at"):
        held = located[column] if column in located else pd.Series(pd.NA, located.index)
        located[column] = held.astype("string")
    known = ~(located.geometry.isna() | located.geometry.is_empty).to_numpy()
    rows = np.flatnonzero(known)
    near = points.sindex.nearest(located.geometry.iloc[rows].to_crs(CRS), return_all=False)[1]
    at = located["place"].eq("crossing").fillna(False).to_numpy(bool)[rows]
    nearest = names.to_numpy()[near]
    crossing, queue = (located[name].to_numpy(object) for name in ("crossing_id", "queue_at"))
    crossing[rows[at]] = nearest[at]
    queued = ~at & (rng.random(len(rows)) < 0.03)
    queue[rows[queued]] = nearest[queued]
    return located.assign(
        crossing_id=pd.array(crossing, "string"), queue_at=pd.array(queue, "string")
    )


def _area_of(areas: Any, point: Any) -> Any:
    inside = areas.index[areas.contains(point)] if areas is not None else ()
    return areas.loc[inside[0], "name"] if len(inside) else pd.NA


def _found(rng: Any, register: Any, railways: Any, candidates: int) -> Any:
    rows, shapes = [], []
    for i in range(candidates + 6):
        line = railways.geometry.iloc[i % len(railways)]
        measure = float(rng.uniform(0, line.length))
        status = "candidate" if i < candidates else ("review", "listed", "apart")[i % 3]
        facing = status == "candidate" and i % 4 == 1
        contradict = status == "review"
        rows.append(
            {
                "outcome": "apart" if status == "apart" else "review" if contradict
                else "facing" if facing else "crossing",
                "reasons": "levels-contradict;in-station" if contradict
                else "facing-ends" if facing else "levels-unknown;oblique",
                "confidence": round(float(rng.uniform(0.3, 0.9)), 2),
                "line_id": i % len(railways), "line": railways["name"].iloc[i % len(railways)],
                "measure": measure, "km": 60 + measure / 1000, "tracks": 1, "main_tracks": 1,
                "road_ids": f"w{i}", "road_name": "Ngõ 12" if i % 3 == 0 else pd.NA,
                "road_class": PATHS[i % 5], "angle": float(rng.uniform(40, 90)),
                "in_station": i % 7 == 0,
                "crossing_id": register.index[i] if status == "listed" else pd.NA,
                "status": status,
            }
        )  # fmt: skip
        shapes.append(line.interpolate(measure))
    return _frame(rows, FOUND_CROSSINGS.columns, "found_id", shapes)


def _closures(register: Any, shapes: Any) -> Any:
    """Two options for each stretch between official crossings: one path, or all of them."""
    rows, drawn = [], []
    order = register.assign(at=np.arange(len(register))).sort_values(["line", "measure"])
    for line, part in order.groupby("line", sort=True):
        open_ones = np.flatnonzero((part["kind"] == "official").to_numpy())
        for first, last in pairwise(open_ones):
            between = part.iloc[first + 1 : last]
            paths = list(between.index[(between["kind"] == "self-opened").to_numpy()])
            axis = shapes[part["at"].iloc[first]]
            for closed in [paths[:1], paths] if len(paths) > 1 else [paths] if paths else []:
                reach = between.loc[closed, "measure"]
                ends = float(reach.min()), float(reach.max())
                piece = substring(axis, *ends) if ends[1] - ends[0] > 1 else None
                road = piece.offset_curve(18) if piece else between.geometry.loc[closed[0]]
                length = float(road.length)
                rows.append(
                    {
                        "group_id": f"{part.index[first]}-{part.index[last]}",
                        "line": line, "km_from": part["km"].iloc[first],
                        "km_to": part["km"].iloc[last], "from_crossing": part.index[first],
                        "to_crossing": part.index[last], "paths": len(paths),
                        "closed": ";".join(closed), "n_closed": len(closed),
                        "kept": ";".join(p for p in paths if p not in closed) or pd.NA,
                        "service_road": length, "fence": length, "detour_mean": 300.0 + length / 4,
                        "detour_longest": 500.0 + length / 2, "vehicles_moved": 90.0 * len(closed),
                        "cost": 2e8 + length * 4e6, "cost_low": 1e8 + length * 3e6,
                        "cost_high": 3e8 + length * 6e6, "upkeep": length * 4e4,
                        "detour_cost": 4e7 * len(closed), "life": 30.0, "mark": "A",
                        "avoided_fatal": 0.004 * len(closed), "avoided_serious": 0.003,
                        "avoided_slight": 0.002, "avoided_injury": 0.001, "avoided_pdo": 0.01,
                        "best": closed is paths,
                    }
                )  # fmt: skip
                drawn.append(road)
    return _frame(rows, CLOSURES.columns, "closure_id", drawn)
