"""Where a study is tells which grid its coordinates are in, and which are exchanged.

Places are drawn on made-up roads of a study in the CRS that its office uses, and written in
another. The right answer is known, as the test wrote them.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer
from small_study import write_rows

from blackspots.errors import BlackspotsError
from blackspots.sources import Findings, extent_of, read_crashes
from blackspots.sources.crashes import Register

Coordinates = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Ground:
    """A study area with roads, and places on them [m in the study's CRS]."""

    crs: CRS
    boundary: gpd.GeoSeries
    roads: gpd.GeoDataFrame
    x: np.ndarray
    y: np.ndarray

    def written(self, crs: str) -> Coordinates:
        """The places as another CRS writes them, easting or longitude first."""
        change = Transformer.from_crs(self.crs, CRS(crs), always_xy=True)
        made: Coordinates = change.transform(self.x, self.y)
        return made


def ground(epsg: int, lon: float, lat: float, size: float = 60_000, count: int = 120) -> Ground:
    """A bent boundary of about ``size`` [m] around a place, and places within 5 m of roads."""
    rng = np.random.default_rng(epsg)
    crs = CRS(epsg)
    to_metres = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x0, y0 = to_metres.transform(lon, lat)
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    far = size * (1 + 0.2 * np.cos(3 * turn))
    outline = shapely.Polygon(np.c_[x0 + far * np.cos(turn), y0 + far * np.sin(turn)])
    # Crooked roads some 3 km apart.
    lines = []
    for k in range(-20, 21):
        along = np.linspace(-size, size, 80)
        aside = 3000 * k + np.cumsum(rng.normal(0, 300, 80))
        lines.append(shapely.LineString(np.c_[x0 + along, y0 + aside]))
        lines.append(shapely.LineString(np.c_[x0 + aside, y0 + along]))
    roads = gpd.GeoDataFrame(geometry=lines, crs=crs)
    xs: list[float] = []
    ys: list[float] = []
    while len(xs) < count:
        line = lines[rng.integers(len(lines))]
        at = shapely.line_interpolate_point(line, rng.random(), normalized=True)
        if outline.contains(at):
            xs.append(at.x + rng.uniform(-5, 5))
            ys.append(at.y + rng.uniform(-5, 5))
    boundary = gpd.GeoSeries([outline], crs=crs)
    return Ground(crs, boundary, roads, np.array(xs), np.array(ys))


@pytest.fixture(scope="module")
def lang_son() -> Ground:
    return ground(9215, 106.75, 21.85)


def register(
    folder: Path,
    place: Ground,
    x: np.ndarray,
    y: np.ndarray,
    names: tuple[str, str],
    **options: Any,
) -> tuple[Register, Findings]:
    """Read places from a file whose columns of coordinates have these names."""
    rows = [
        {"id": f"C{i}", names[0]: repr(float(a)), names[1]: repr(float(b))}
        for i, (a, b) in enumerate(zip(x, y, strict=True))
    ]
    write_rows(folder / "c.csv", rows, list(rows[0]))
    findings = Findings()
    made = read_crashes([folder / "c.csv"], place.crs, findings, **options)
    return made, findings


def told(folder: Path, place: Ground, grid: str, **options: Any) -> tuple[str, list[str]]:
    """The code of the error for places written in a CRS, and the CRSs that it names as likely."""
    x, y = place.written(grid)
    with pytest.raises(BlackspotsError) as refusal:
        register(folder, place, x, y, ("easting", "northing"), **options)
    likely = refusal.value.message("en").partition("Likely is: ")[2]
    return refusal.value.code, re.findall(r"(EPSG:\d+) \(", likely)


def roads_of(place: Ground) -> dict[str, Any]:
    return {"boundary": place.boundary, "extent": extent_of(place.crs, roads=place.roads)}


def landed(made: Register, place: Ground) -> np.ndarray:
    """Distance [m] of each crash from where it was."""
    frame = made.crashes
    rows = frame.index.str.removeprefix("C").astype(int).to_numpy()
    return np.hypot(frame.geometry.x - place.x[rows], frame.geometry.y - place.y[rows]).to_numpy()


VIETNAM = [
    *(f"EPSG:{code}" for code in range(9205, 9219)),
    *("EPSG:5896", "EPSG:5897", "EPSG:5898", "EPSG:5899", "EPSG:3405", "EPSG:3406"),
    "EPSG:32648",
]


@pytest.mark.parametrize("crs", VIETNAM)
def test_without_a_crs_the_roads_tell_the_grid_of_vietnam(
    crs: str, tmp_path: Path, lang_son: Ground
) -> None:
    code, likely = told(tmp_path, lang_son, crs, **roads_of(lang_son))
    assert code == "no-crs-likely"
    assert likely[0] == crs
    assert len(likely) <= 3


@pytest.mark.parametrize("crs", VIETNAM)
def test_without_a_crs_and_roads_the_grid_is_among_those_named(
    crs: str, tmp_path: Path, lang_son: Ground
) -> None:
    code, likely = told(tmp_path, lang_son, crs, boundary=lang_son.boundary)
    assert code == "no-crs-likely"
    assert crs in likely


@pytest.mark.parametrize("crs", ["EPSG:9214", "EPSG:9216", "EPSG:9213", "EPSG:3405", "EPSG:32648"])
def test_a_wrong_zone_is_told_by_the_roads_though_most_places_stay_inside(
    crs: str, tmp_path: Path, lang_son: Ground
) -> None:
    stated = (
        "EPSG:3405" if crs == "EPSG:32648" else "EPSG:9215" if crs != "EPSG:3405" else "EPSG:32648"
    )
    x, y = lang_son.written(crs)
    change = Transformer.from_crs(CRS(stated), lang_son.crs, always_xy=True)
    inside = shapely.intersects_xy(lang_son.boundary.iloc[0], *change.transform(x, y))
    assert 0.2 < inside.mean() <= 1
    code, likely = told(tmp_path, lang_son, crs, crs=stated, **roads_of(lang_son))
    assert code in {"crs-likely", "crs-likely-roads"}
    assert code == "crs-likely-roads" or inside.mean() < 0.5
    assert likely[0] == crs


@pytest.mark.parametrize("crs", ["EPSG:9205", "EPSG:9210", "EPSG:5896", "EPSG:5899", "EPSG:3406"])
@pytest.mark.parametrize("roads", [True, False])
def test_a_wrong_zone_far_from_the_right_one_is_told_by_the_boundary(
    crs: str, roads: bool, tmp_path: Path, lang_son: Ground
) -> None:
    options = roads_of(lang_son) if roads else {"boundary": lang_son.boundary}
    code, likely = told(tmp_path, lang_son, crs, crs="EPSG:9215", **options)
    assert code == "crs-likely"
    assert likely[0] == crs


@pytest.mark.parametrize("crs", ["EPSG:9215", "EPSG:9214", "EPSG:3405", "EPSG:32648"])
def test_the_right_grid_is_taken_without_a_word(crs: str, tmp_path: Path, lang_son: Ground) -> None:
    x, y = lang_son.written(crs)
    made, findings = register(
        tmp_path, lang_son, x, y, ("easting", "northing"), crs=crs, **roads_of(lang_son)
    )
    assert landed(made, lang_son).max() < 0.01
    assert (len(made.crashes), findings.rejects, findings.remarks) == (len(x), [], [])


def test_a_grid_with_places_off_the_roads_is_not_doubted(tmp_path: Path, lang_son: Ground) -> None:
    """Coarse coordinates lie beside the roads in every grid: the stated one holds."""
    x, y = lang_son.written("EPSG:9215")
    made, findings = register(
        tmp_path,
        lang_son,
        np.round(x, -3),
        np.round(y, -3),
        ("easting", "northing"),
        crs="EPSG:9215",
        **roads_of(lang_son),
    )
    assert findings.remarks == []
    assert len(made.crashes) + len(findings.rejects) == len(x)
    assert {r["code"] for r in findings.rejects} <= {"outside-area"}


def test_the_northing_called_x_is_read_as_vietnamese_forms_have_it(
    tmp_path: Path, lang_son: Ground
) -> None:
    x, y = lang_son.written("EPSG:9215")
    made, findings = register(
        tmp_path, lang_son, y, x, ("Tọa độ X", "Tọa độ Y"), crs="EPSG:9215", **roads_of(lang_son)
    )
    assert landed(made, lang_son).max() < 0.01
    assert findings.remarks == []


@pytest.mark.parametrize(
    ("names", "crs"),
    [
        (("easting", "northing"), "EPSG:9215"),
        (("x", "y"), "EPSG:3405"),
        (("Tọa độ Y", "Tọa độ X"), "EPSG:9215"),
        (("lon", "lat"), "EPSG:4326"),
    ],
)
def test_two_columns_that_are_exchanged_are_exchanged_back_and_said_once(
    names: tuple[str, str], crs: str, tmp_path: Path, lang_son: Ground
) -> None:
    x, y = lang_son.written(crs)
    made, findings = register(tmp_path, lang_son, y, x, names, crs=crs, **roads_of(lang_son))
    assert landed(made, lang_son).max() < 0.05
    (said,) = findings.remarks
    assert (said["kind"], said["code"]) == ("repaired", "axes-swapped")
    assert (said["count"], said["row"]) == (len(x), None)
    assert said["column"] == ", ".join(names)
    assert findings.rejects == []


@pytest.mark.parametrize("crs", ["EPSG:9215", "EPSG:3405", "EPSG:4326"])
def test_single_rows_that_are_exchanged_are_said_by_row(
    crs: str, tmp_path: Path, lang_son: Ground
) -> None:
    x, y = lang_son.written(crs)
    odd = [3, 40, 41]
    x[odd], y[odd] = y[odd].copy(), x[odd].copy()
    names = ("lon", "lat") if crs == "EPSG:4326" else ("easting", "northing")
    made, findings = register(tmp_path, lang_son, x, y, names, crs=crs, **roads_of(lang_son))
    assert landed(made, lang_son).max() < 0.05
    assert [(r["row"], r["code"]) for r in findings.remarks] == [(i + 2, "swapped") for i in odd]
    assert findings.rejects == []


@pytest.mark.parametrize("roads", [True, False])
def test_nothing_happens_to_a_table_that_is_right_and_lies_at_the_edge(
    roads: bool, tmp_path: Path, lang_son: Ground
) -> None:
    """Two in five rows just outside: they go one by one, the others stay where they are."""
    outline = lang_son.boundary.iloc[0]
    middle = outline.centroid
    ring = shapely.get_coordinates(
        shapely.line_interpolate_point(outline.exterior, np.linspace(0, 1, 100), normalized=True)
    )
    out = np.arange(100) % 5 < 2
    scale = np.where(out, 1.02, 0.98)[:, None]
    x, y = (np.array([middle.x, middle.y]) + (ring - [middle.x, middle.y]) * scale).T
    options = roads_of(lang_son) if roads else {"boundary": lang_son.boundary}
    made, findings = register(
        tmp_path, lang_son, x, y, ("easting", "northing"), crs="EPSG:9215", **options
    )
    kept = made.crashes.index.str.removeprefix("C").astype(int)
    assert list(kept) == list(np.flatnonzero(~out))
    assert np.allclose(made.crashes.geometry.x, x[~out], rtol=0, atol=1e-6)
    assert {r["code"] for r in findings.rejects} == {"outside-area"}
    assert findings.remarks == []


def test_degrees_below_x_and_y_are_told(tmp_path: Path, lang_son: Ground) -> None:
    x, y = lang_son.written("EPSG:4326")
    for a, b in ((x, y), (y, x)):
        with pytest.raises(BlackspotsError, match="EPSG:4326") as refusal:
            register(tmp_path, lang_son, a, b, ("x", "y"), **roads_of(lang_son))
        assert refusal.value.code == "no-crs-likely"
    made, findings = register(
        tmp_path, lang_son, x, y, ("x", "y"), crs="EPSG:4326", **roads_of(lang_son)
    )
    assert landed(made, lang_son).max() < 0.05
    assert findings.rejects == findings.remarks == []


@pytest.mark.parametrize("form", ["{0:.2f} {1:.2f}", "X={1:.2f}; Y={0:.2f}", "{1:.2f}; {0:.2f}"])
def test_metres_in_one_column_are_told_their_grid_and_order(
    form: str, tmp_path: Path, lang_son: Ground
) -> None:
    x, y = lang_son.written("EPSG:3405")
    rows = [
        {"id": f"C{i}", "Tọa độ": form.format(a, b)}
        for i, (a, b) in enumerate(zip(x, y, strict=True))
    ]
    write_rows(tmp_path / "c.csv", rows, list(rows[0]))
    options = roads_of(lang_son)
    with pytest.raises(BlackspotsError, match=r"Likely is: EPSG:3405") as refusal:
        read_crashes([tmp_path / "c.csv"], lang_son.crs, Findings(), **options)
    assert refusal.value.code == "no-crs-likely"
    made = read_crashes([tmp_path / "c.csv"], lang_son.crs, Findings(), crs="EPSG:3405", **options)
    assert landed(made, lang_son).max() < 0.02


def test_a_place_that_no_grid_brings_into_the_study_proposes_none(
    tmp_path: Path, lang_son: Ground
) -> None:
    far = np.full(len(lang_son.x), 12.0)
    with pytest.raises(BlackspotsError) as refusal:
        register(tmp_path, lang_son, far, far, ("x", "y"), **roads_of(lang_son))
    assert refusal.value.code == "no-crs"


COUNTRIES = [
    # study CRS, place, what others may have written, neighbours that are stated wrongly
    (2180, 19.0, 52.0, ("EPSG:2180", "EPSG:2177", "EPSG:2178", "EPSG:32634", "EPSG:4326")),
    (31983, -46.6, -23.5, ("EPSG:31983", "EPSG:31982", "EPSG:29193", "EPSG:4326")),
    (2193, 175.3, -39.5, ("EPSG:2193", "EPSG:2105", "EPSG:32760", "EPSG:4326")),
    (27700, -1.5, 52.5, ("EPSG:27700", "EPSG:32630", "EPSG:32631", "EPSG:4326")),
    (32618, -72.7, 41.7, ("EPSG:32618", "EPSG:32619", "EPSG:26918", "EPSG:4326")),
]
ALIKE = {"EPSG:26918": "EPSG:32618", "EPSG:29193": "EPSG:5533", "EPSG:32760": "EPSG:2135"}
"""Grids that are within a metre of another, on a datum of the country."""
ABROAD = [(*country[:3], crs) for country in COUNTRIES for crs in country[3]]


@pytest.mark.parametrize(("epsg", "lon", "lat", "crs"), ABROAD)
def test_grids_of_other_countries_are_told_in_the_same_way(
    epsg: int, lon: float, lat: float, crs: str, tmp_path: Path
) -> None:
    place = ground(epsg, lon, lat)
    start = time.perf_counter()
    code, likely = told(tmp_path, place, crs, **roads_of(place))
    assert time.perf_counter() - start < 20
    assert code == "no-crs-likely"
    assert likely[0] in {crs, ALIKE.get(crs)}


@pytest.mark.parametrize(
    ("epsg", "lon", "lat", "stated"),
    [
        (2180, 19.0, 52.0, "EPSG:32634"),
        (31983, -46.6, -23.5, "EPSG:31982"),
        (2193, 175.3, -39.5, "EPSG:32760"),
        (27700, -1.5, 52.5, "EPSG:32630"),
    ],
)
def test_wrong_grids_of_other_countries_are_told_and_axes_put_right(
    epsg: int, lon: float, lat: float, stated: str, tmp_path: Path
) -> None:
    place = ground(epsg, lon, lat)
    own = f"EPSG:{epsg}"
    code, likely = told(tmp_path, place, own, crs=stated, **roads_of(place))
    assert (code, likely[0]) == ("crs-likely", own)
    # The register of New Zealand names northing first, as its grid does; so may any.
    made, findings = register(
        tmp_path, place, place.y, place.x, ("northing", "easting"), crs=own, **roads_of(place)
    )
    assert landed(made, place).max() < 0.01
    assert findings.remarks == []
    made, findings = register(
        tmp_path, place, place.y, place.x, ("x", "y"), crs=own, **roads_of(place)
    )
    assert landed(made, place).max() < 0.01
    assert [r["code"] for r in findings.remarks] == ["axes-swapped"]


def layer_of(folder: Path, x: np.ndarray, y: np.ndarray, crs: str) -> Path:
    """Places as a layer that says to be in a CRS."""
    frame = gpd.GeoDataFrame(
        {"id": [f"C{i}" for i in range(len(x))]}, geometry=gpd.points_from_xy(x, y), crs=crs
    )
    path = folder / "c.gpkg"
    frame.to_file(path, driver="GPKG")
    return path


def test_a_layer_that_says_another_grid_is_stopped_like_a_table(
    lang_son: Ground, tmp_path: Path
) -> None:
    x, y = lang_son.written("EPSG:9217")
    path = layer_of(tmp_path, x, y, "EPSG:3405")
    with pytest.raises(BlackspotsError) as refusal:
        read_crashes([path], lang_son.crs, Findings(), **roads_of(lang_son))
    assert refusal.value.code == "crs-likely"
    assert "EPSG:9217" in refusal.value.message("en")
    said = read_crashes([path], lang_son.crs, Findings(), crs="EPSG:9217", **roads_of(lang_son))
    assert landed(said, lang_son).max() < 1e-3


@pytest.mark.parametrize("rows", [slice(None), slice(3, 5)], ids=["all", "some"])
def test_a_layer_with_latitude_for_x_is_put_right(
    lang_son: Ground, tmp_path: Path, rows: slice
) -> None:
    x, y = lang_son.written("EPSG:4326")
    x[rows], y[rows] = y[rows].copy(), x[rows].copy()
    path = layer_of(tmp_path, x, y, "EPSG:4326")
    findings = Findings()
    made = read_crashes([path], lang_son.crs, findings, **roads_of(lang_son))
    assert landed(made, lang_son).max() < 1e-3
    assert not findings.rejects
    whole = rows == slice(None)
    assert {r["code"] for r in findings.remarks} == {"axes-swapped" if whole else "swapped"}
    assert sum(r["count"] for r in findings.remarks) == len(x[rows])
