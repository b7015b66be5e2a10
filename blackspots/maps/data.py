"""What the page shows, and how the tables become its data.

Only the columns listed here enter the page: whatever else a frame carries (names, plates,
addresses) stays out of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import geopandas as gpd
import pandas as pd

from blackspots import labels
from blackspots.maps import encode
from blackspots.maps.members import site_crashes
from blackspots.maps.railway import rail_payload
from blackspots.schema import SEVERITIES

Text = str | Mapping[str, str]

SITE_COLUMNS: Final[dict[str, str]] = {
    "rank": "integer",
    "kind": "word",
    "label": "text",
    "area": "word",
    "length": "integer",
    "verdict": "word",
    "rule": "word",
    "window_start": "date",
    "window_end": "date",
    "crashes": "integer",
    **dict.fromkeys(SEVERITIES, "integer"),
    "deaths": "integer",
    "injured": "integer",
    "years": "number",
    "predicted": "number",
    "expected": "number",
    "expected_low": "number",
    "expected_high": "number",
    "weight": "number",
    "excess": "number",
    "p_excess": "number",
    "agreement": "word",
    "cost_per_year": "integer",
    "funded": "boolean",
    "why": "word",
}
"""Columns of a site that the page holds; ``window_crashes`` enters as places in the list."""

PROJECT_COLUMNS: Final[dict[str, str]] = {
    "source": "word",
    "group": "word",
    "label": "word",
    "work": "word",
    "countermeasure": "word",
    "cost": "integer",
    "upkeep": "integer",
    "life": "number",
    "crashes_avoided": "number",
    "deaths_avoided": "number",
    "injuries_avoided": "number",
    "benefit": "integer",
    "npv": "integer",
    "bcr": "number",
    "mark": "word",
    "funded": "boolean",
    "why": "word",
}
"""Columns of a project that the page holds."""

CRASH_COLUMNS: Final[dict[str, str]] = {
    "date": "day",
    "hour": "integer",
    "severity": "word",
    "deaths": "integer",
    "serious": "integer",
    "slight": "integer",
    "injured": "integer",
    "crash_type": "word",
    "area": "word",
}
"""Columns of a crash that the page holds, beside its id and its place."""

TERMS: Final = (
    "why.",
    "rule.",
    "countermeasure.",
    "severity.",
    "verdict.",
    "kind.",
    "reason.",
    "term.",
    "mark.",
    "agreement.",
)
"""Label keys that the page takes over beside its own ``page.`` ones."""

RAIL_TERMS: Final = (
    "protection.",
    "rule-reason.",
    "rate-reason.",
    "rate-figure.",
    "found-reason.",
    "vehicles-from.",
    "trains-from.",
    "traffic-class.",
)
"""Those of the level crossings: taken where there are any, as are the page's own of these."""

_RAIL_TEXTS: Final = (
    "page.rail.",
    "page.crossing-kind.",
    "page.place-reason.",
    "page.found-outcome.",
    "page.road-class.",
)
_ROAD_WEIGHTS: Final = {
    "motorway": 0, "expressway": 0, "trunk": 0, "national": 0, "primary": 0,
    "provincial": 1, "secondary": 1,
    "district": 2, "tertiary": 2, "urban": 2, "residential": 3, "local": 3, "commune": 3,
    "unclassified": 3, "service": 3, "path": 4, "footway": 4, "track": 4, "steps": 4,
    "cycleway": 4,
}  # fmt: skip
_REF_WEIGHTS: Final = ((r"^(CT|QL|AH)", 0), (r"^(ĐT|DT|TL)", 1), (r"^(ĐH|DH)", 2))
_ROAD_TOLERANCE: Final = 6.0
_AREA_TOLERANCE: Final = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MapData:
    """Everything the page shows.

    Texts are a string or one string for each language. Frames keep to the tables of
    :mod:`blackspots.schema`, all in one metric CRS. ``crashes`` are located crashes, the
    unplaced ones among them with an empty geometry. ``places`` are towns with ``name`` and
    ``rank`` (1 for the first to be labelled). ``members`` says which crashes a site counts
    (site id to crash ids); where it is missing they are found by place. ``terms`` names what
    the label files do not (``countermeasure.<id>``, ``rule.<id>``).

    ``register`` are the level crossings with class, protection and rating; ``found`` the
    crossings seen in the road layer, of which the candidates are shown; ``closures`` the ways
    to close paths in groups; ``rating`` names the model that rates them. Without register
    and found crossings the page shows ``crossings`` as points of the background.
    """

    title: Text
    sites: gpd.GeoDataFrame
    projects: gpd.GeoDataFrame
    crashes: gpd.GeoDataFrame
    segments: gpd.GeoDataFrame
    language: str = "vi"
    start: date | None = None
    end: date | None = None
    definition: Text = ""
    rank_by: Text = ""
    simulated: bool = False
    currency: str = "VND"
    money_unit: float = 1e6
    budget: float | None = None
    read: int = 0
    placed: int = 0
    unplaced: int = 0
    rejected: int = 0
    notes: tuple[Text, ...] = ()
    sources: tuple[str, ...] = ()
    railways: gpd.GeoDataFrame | None = None
    crossings: gpd.GeoDataFrame | None = None
    areas: gpd.GeoDataFrame | None = None
    boundary: gpd.GeoDataFrame | None = None
    places: gpd.GeoDataFrame | None = None
    members: Mapping[str, tuple[str, ...]] | None = None
    terms: Mapping[str, Text] | None = None
    register: gpd.GeoDataFrame | None = None
    found: gpd.GeoDataFrame | None = None
    closures: gpd.GeoDataFrame | None = None
    rating: Text = ""

    def __post_init__(self) -> None:
        if self.language not in labels.LANGUAGES:
            raise ValueError(f"language is {self.language!r}, not one of {labels.LANGUAGES}")
        if self.money_unit <= 0:
            raise ValueError("money_unit must be above 0")


def in_languages(text: Text) -> dict[str, str]:
    """One string for each language of the page, the fallback's where one is missing."""
    if isinstance(text, str):
        return dict.fromkeys(labels.LANGUAGES, text)
    spare = text.get(labels.FALLBACK) or next(iter(text.values()), "")
    return {language: text.get(language) or spare for language in labels.LANGUAGES}


def payload(data: MapData) -> dict[str, Any]:
    """The page's data: plain lists and dicts, ready for JSON."""
    sites = data.sites.sort_values("rank", kind="stable")
    placed = _placed(data.crashes)
    members = data.members if data.members is not None else site_crashes(sites, placed)
    placed = _in_file_order(placed, sites, members)
    rail = rail_payload(data.register, data.found, data.closures, placed=placed, areas=data.areas)
    return {
        "meta": _meta(data),
        "labels": {
            language: _labels(language, data.terms, rail=rail is not None)
            for language in labels.LANGUAGES
        },
        "sites": _sites(sites, placed, members),
        "projects": _projects(data.projects, sites),
        "crashes": _crashes(placed),
        "roads": _roads(data.segments),
        "railways": _lines(data.railways),
        "crossings": _named_points(
            data.crossings if data.register is None else None, {"name": "text", "kind": "word"}
        ),
        "rail": rail,
        "areas": _areas(data.areas),
        "boundary": _lines(data.boundary, _AREA_TOLERANCE),
        "places": _named_points(data.places, {"name": "text", "rank": "integer"}),
    }


def _labels(language: str, terms: Mapping[str, Text] | None, *, rail: bool) -> dict[str, str]:
    known = labels.texts(language)
    wanted = ("page.", *TERMS, *(RAIL_TERMS if rail else ()))
    spared = () if rail else _RAIL_TEXTS
    taken = {
        key: known[key]
        for key in sorted(known)
        if key.startswith(wanted) and not key.startswith(spared)
    }
    return taken | {key: in_languages(text)[language] for key, text in (terms or {}).items()}


def _meta(data: MapData) -> dict[str, Any]:
    unplaced = data.crashes[_is_unplaced(data.crashes)]
    reasons = unplaced["reason"].dropna().value_counts() if "reason" in unplaced else {}
    return {
        "title": in_languages(data.title),
        "language": data.language,
        "start": data.start.isoformat() if data.start else None,
        "end": data.end.isoformat() if data.end else None,
        "definition": in_languages(data.definition),
        "rank_by": in_languages(data.rank_by),
        "rating": in_languages(data.rating),
        "simulated": bool(data.simulated),
        "currency": data.currency,
        "money_unit": data.money_unit,
        "budget": data.budget,
        "counts": {
            "read": int(data.read),
            "placed": int(data.placed),
            "unplaced": int(data.unplaced),
            "rejected": int(data.rejected),
        },
        "reasons": {str(code): int(count) for code, count in sorted(reasons.items())},
        "notes": [in_languages(note) for note in data.notes],
        "sources": list(data.sources),
    }


def _columns(frame: pd.DataFrame, wanted: Mapping[str, str], origin: Any = None) -> dict[str, Any]:
    encoded: dict[str, Any] = {}
    for name, kind in wanted.items():
        values = frame[name] if name in frame else pd.Series(pd.NA, frame.index, dtype="object")
        if kind == "day":
            encoded[name] = encode.days(values, origin)
        elif kind == "number":
            encoded[name] = encode.numbers(values, 4)
        elif kind == "word":
            encoded[name] = encode.words(values)
        else:
            encoded[name] = _PLAIN[kind](values)
    return encoded


_PLAIN: Final[dict[str, Callable[[pd.Series], list[Any]]]] = {
    "text": encode.texts,
    "integer": encode.numbers,
    "boolean": encode.flags,
    "date": encode.dates,
}


def _is_unplaced(crashes: gpd.GeoDataFrame) -> Any:
    return crashes.geometry.isna() | crashes.geometry.is_empty


def _placed(crashes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return crashes[~_is_unplaced(crashes)]


def _in_file_order(
    placed: gpd.GeoDataFrame, sites: gpd.GeoDataFrame, members: Mapping[str, Any]
) -> gpd.GeoDataFrame:
    """Crashes of one site together, the others along their road: near numbers are short."""
    first: dict[str, int] = {}
    for row, site in enumerate(sites.index):
        for crash in members.get(str(site), ()):
            first.setdefault(str(crash), row)
    keys = pd.DataFrame(
        {
            "site": [first.get(str(crash), len(sites)) for crash in placed.index],
            "route": pd.to_numeric(placed["route_id"], errors="coerce").to_numpy(
                float, na_value=-1
            ),
            "along": placed["route_measure"].to_numpy(float, na_value=-1),
            "date": placed["date"].to_numpy(),
        }
    )
    inside = keys["site"] < len(sites)
    keys.loc[inside, ["route", "along"]] = 0.0
    order = keys.sort_values(["site", "route", "along", "date"], kind="stable").index
    return placed.iloc[order]


def _crashes(placed: gpd.GeoDataFrame) -> dict[str, Any]:
    dated = placed["date"].dropna()
    origin = pd.Timestamp(dated.min()) if len(dated) else pd.Timestamp(2000, 1, 1)
    at = encode.points(encode.geographic(placed))
    columns = _columns(placed, CRASH_COLUMNS, origin.normalize())
    small = ("hour", "deaths", "serious", "slight", "injured")
    return {
        "id": encode.joined([str(crash) for crash in placed.index]),
        "origin": origin.date().isoformat(),
        **columns,
        **{name: encode.digits(columns[name]) for name in small},
        "x": encode.steps(value or 0 for value in at["x"]),
        "y": encode.steps(value or 0 for value in at["y"]),
    }


def _sites(
    sites: gpd.GeoDataFrame, placed: gpd.GeoDataFrame, members: Mapping[str, Any]
) -> dict[str, Any]:
    geometry = encode.geographic(sites)
    at = {str(crash): row for row, crash in enumerate(placed.index)}
    windows = sites.get("window_crashes", pd.Series(pd.NA, sites.index))
    return {
        "id": [str(site) for site in sites.index],
        **_columns(sites, SITE_COLUMNS),
        **encode.points(geometry),
        "paths": [encode.paths(shape) for shape in geometry],
        "polygon": [int("Polygon" in shape.geom_type) if shape else 0 for shape in geometry],
        "members": [_rows(members.get(str(site), ()), at) for site in sites.index],
        "window": [_rows(_ids(value), at) for value in windows],
    }


def _rows(crashes: Any, at: Mapping[str, int]) -> list[int]:
    return encode.steps(sorted({at[str(crash)] for crash in crashes if str(crash) in at}))


def _ids(value: Any) -> list[str]:
    if value is None or (not isinstance(value, list | tuple) and pd.isna(value)):
        return []
    return re.split(r"[;,|\s]+", value) if isinstance(value, str) else [str(v) for v in value]


def _projects(projects: gpd.GeoDataFrame, sites: gpd.GeoDataFrame) -> dict[str, Any]:
    geometry = encode.geographic(projects)
    order = {str(site): row for row, site in enumerate(sites.index)}
    site = projects.get("site_id", pd.Series(pd.NA, projects.index))
    lonely = [None if pd.isna(value) else order.get(str(value)) for value in site]
    shapes = zip(geometry, lonely, strict=True)
    named = [
        [*str(group).split(";"), str(of)] for group, of in zip(projects["group"], site, strict=True)
    ]
    return {
        "id": [str(project) for project in projects.index],
        "site": lonely,
        "sites": [sorted({order[name] for name in names if name in order}) for names in named],
        **_columns(projects, PROJECT_COLUMNS),
        **encode.points(geometry),
        "paths": [encode.paths(shape) if row is None else [] for shape, row in shapes],
    }


def _roads(segments: gpd.GeoDataFrame) -> dict[str, Any]:
    if not len(segments):
        return {"weight": [], "ref": encode.words(pd.Series([], dtype="string")), "points": []}
    frame = segments.assign(
        weight=[
            _weight(kind, ref)
            for kind, ref in zip(segments["road_class"], segments["ref"], strict=True)
        ]
    )
    lines = encode.merged_lines(encode.simplified(frame, _ROAD_TOLERANCE), ["weight", "ref"])
    refs = lines["ref"].where(lines["ref"] != "")
    return {
        "weight": [int(weight) for weight in lines["weight"]],
        "ref": encode.words(refs),
        "points": [encode.paths(line)[0] for line in encode.geographic(lines)],
    }


def _weight(road_class: Any, ref: Any) -> int:
    known = None if pd.isna(road_class) else _ROAD_WEIGHTS.get(str(road_class).strip().lower())
    if known is not None:
        return known
    name = "" if pd.isna(ref) else str(ref).strip().upper()
    return next((weight for start, weight in _REF_WEIGHTS if re.match(start, name)), 3)


def _lines(frame: gpd.GeoDataFrame | None, tolerance: float = _ROAD_TOLERANCE) -> list[list[int]]:
    if frame is None:
        return []
    thin = encode.geographic(encode.simplified(frame, tolerance))
    return [path for shape in thin for path in encode.paths(shape)]


def _areas(areas: gpd.GeoDataFrame | None) -> dict[str, Any]:
    if areas is None:
        return {"name": [], "level": encode.words(pd.Series([], dtype="string")), "x": [],
                "y": [], "paths": []}  # fmt: skip
    thin = encode.geographic(encode.simplified(areas, _AREA_TOLERANCE))
    return {
        **_columns(areas, {"name": "text", "level": "word"}),
        **encode.points(thin),
        "paths": [encode.paths(shape) for shape in thin],
    }


def _named_points(frame: gpd.GeoDataFrame | None, wanted: Mapping[str, str]) -> dict[str, Any]:
    if frame is None:
        frame = gpd.GeoDataFrame(geometry=[])
    return {**_columns(frame, wanted), **encode.points(encode.geographic(frame))}
