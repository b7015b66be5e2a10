"""Km posts as offices list them: layers of points, workbooks with ``Km45+300``, and their slips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely
from pyproj import CRS
from small_study import GRID, at, crash, crashes, degrees, write_rows, write_study

from blackspots import labels
from blackspots.checking import check_lines, workbook
from blackspots.cli import main
from blackspots.config import load_study
from blackspots.errors import BlackspotsError
from blackspots.presets.headers import aliases, listed, plain
from blackspots.schema import POSTS, check
from blackspots.sources import Findings, Source, read_posts
from blackspots.sources.personal import header_kind
from blackspots.study import check_study

Cell = Any


def sheet(folder: Path, *rows: tuple[Cell, ...], name: str = "posts.xlsx", **more: Any) -> Path:
    """A workbook of rows; ``more`` are further sheets by name."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for title, others in more.items():
        own = book.create_sheet(title)
        for row in others:
            own.append(row)
    book.save(folder / name)
    return folder / name


def read(path: Path, **options: Any) -> tuple[gpd.GeoDataFrame, Findings]:
    findings = Findings()
    made = read_posts(Source(path, **options), CRS(GRID), findings)
    check(made, POSTS)
    return made, findings


def place(x: float, y: float = 0.0) -> tuple[float, float]:
    """Latitude and longitude."""
    lon, lat = degrees(x, y)
    return lat, lon


HEAD = ("Tuyến đường", "Cọc km", "Vĩ độ", "Kinh độ")


def test_a_workbook_with_km_and_metres_is_read(tmp_path: Path) -> None:
    path = sheet(
        tmp_path,
        HEAD,
        ("Quốc lộ 1A", "Km45+300", *place(0)),
        ("ql 1", "Km 46", *place(700)),
        ("QL.1", 47, *place(1700)),
        ("QL1", "47,5", *place(2200)),
        ("QL1", "Km0", *place(9000)),
    )
    made, findings = read(path)
    assert set(made["ref"]) == {"QL1"}
    assert made["km"].tolist() == [45.3, 46, 47, 47.5, 0]
    assert made["source_row"].tolist() == [2, 3, 4, 5, 6]
    assert set(made["source_file"]) == {"posts.xlsx"}
    assert findings.rejects == []
    assert made.geometry.x.diff().iloc[1:4].tolist() == pytest.approx([700, 1000, 500], abs=0.1)


def test_the_road_may_stand_beside_the_km(tmp_path: Path) -> None:
    path = sheet(
        tmp_path,
        ("Lý trình", "Vĩ độ", "Kinh độ"),
        ("QL1A Km 45+300", *place(0)),
        ("Km46", *place(700)),
    )
    made, findings = read(path)
    assert made[["ref", "km"]].to_numpy().tolist() == [["QL1", 45.3]]
    assert [r["code"] for r in findings.rejects] == ["no-route"]


def test_the_column_goes_before_the_road_beside_the_km_and_it_is_told(tmp_path: Path) -> None:
    made, findings = read(sheet(tmp_path, HEAD, ("QL1", "QL4 Km45+300", *place(0))))
    assert made["ref"].tolist() == ["QL1"]
    assert [r["code"] for r in findings.remarks] == ["route-differs"]


def test_rows_without_road_km_or_place_are_rejected_with_the_reason(tmp_path: Path) -> None:
    path = sheet(
        tmp_path,
        HEAD,
        ("QL1", "Km45", *place(0)),
        (None, "Km46", *place(0)),
        ("QL1", None, *place(0)),
        ("QL1", "Km47", None, None),
        ("QL1", "cọc H3", *place(0)),
        ("QL1", "Km48", place(0)[0], None),
        ("QL1", -3, *place(0)),
        ("QL1", "Km48", 95.0, 106.7),
    )
    made, findings = read(path)
    assert made["km"].tolist() == [45]
    told = {r["row"]: r["code"] for r in findings.rejects}
    assert told == {
        3: "no-route",
        4: "no-km",
        5: "no-location",
        6: "not-a-km-post",
        7: "half-coordinate",
        8: "negative",
        9: "off-globe",
    }
    for language in ("vi", "en"):
        assert all(labels.text(f"reject.{code}", language) for code in told.values())
    assert {r["table"] for r in findings.rejects_frame().to_dict("records")} == {"posts"}


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "shp"])
def test_layers_of_points_are_read(suffix: str, tmp_path: Path) -> None:
    spots = gpd.GeoDataFrame(
        {"ref": ["QL1", "QL1", "QL4"], "km": ["Km10", "Km11+50", "Km2"]},
        geometry=[shapely.Point(at(x, 0)) for x in (0, 1050, 2000)],
        crs=GRID,
    )
    path = tmp_path / f"posts.{suffix}"
    spots.to_file(path)
    made, _ = read(path)
    assert made["km"].tolist() == [10, 11.05, 2]
    assert made["ref"].tolist() == ["QL1", "QL1", "QL4"]


def test_lines_are_no_posts(tmp_path: Path) -> None:
    line = shapely.LineString([at(0, 0), at(10, 0)])
    gpd.GeoDataFrame({"ref": ["QL1"], "km": [1]}, geometry=[line], crs=GRID).to_file(
        tmp_path / "posts.gpkg"
    )
    with pytest.raises(BlackspotsError) as refused:
        read(tmp_path / "posts.gpkg")
    assert refused.value.code == "all-rejected"


def test_every_sheet_is_read_and_an_id_that_comes_again_is_told_apart(tmp_path: Path) -> None:
    head = ("Mã cọc", *HEAD)
    rows = [head, ("1", "QL1", "Km45", *place(0)), ("1", "QL1", "Km46", *place(0))]
    path = sheet(tmp_path, *rows, other=[head, ("1", "QL4", "Km1", *place(0))])
    made, _ = read(path)
    assert made.index.tolist() == ["1", "1#2", "1#3"]
    assert made["source_sheet"].nunique() == 2


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (("Tuyến đường", "Vĩ độ", "Kinh độ"), "missing-column"),
        (("Cọc km", "Vĩ độ", "Kinh độ"), "missing-column"),
        (("Tuyến đường", "Cọc km", "Ghi chú"), "no-location-columns"),
    ],
)
def test_a_table_that_cannot_hold_posts_is_refused_by_what_it_lacks(
    head: tuple[str, ...], code: str, tmp_path: Path
) -> None:
    cells = {"Tuyến đường": "QL1", "Cọc km": "Km45", "Vĩ độ": place(0)[0], "Kinh độ": place(0)[1]}
    path = sheet(tmp_path, head, tuple(cells.get(name, "x") for name in head))
    with pytest.raises(BlackspotsError) as refused:
        read(path)
    assert refused.value.code == code
    assert refused.value.message("vi")


def test_headers_of_posts_mean_one_column_each_and_no_person() -> None:
    words = [plain(w) for column, ws in listed("posts").items() for w in {column, *ws}]
    assert len(aliases("posts")) == len(set(words))
    assert all(header_kind(w) is None for ws in listed("posts").values() for w in ws)
    assert set(listed("posts")) >= {column.name for column in POSTS.columns if column.unit == "km"}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The small study with posts: QL1 begins at km 20 by them, km 10 by its line."""
    path: Path = write_study(tmp_path)
    rows: list[tuple[Cell, ...]] = [("QL1", f"Km{20 + i}", *place(1000 * i, 8)) for i in range(4)]
    rows += [("QL1", "Km31", *place(4000, 8)), ("QL9", "Km1", *place(0, 8))]
    rows += [("QL1", "Km22", *place(2000, 500)), (None, "Km3", *place(0))]
    sheet(tmp_path, HEAD, *rows)
    text = path.read_text(encoding="utf-8")
    section = '[posts]\nfile = "posts.xlsx"\n\n[crossings]'
    path.write_text(text.replace("[crossings]", section, 1), encoding="utf-8")
    return path


def test_a_check_tells_the_posts_that_are_of_no_use(study: Path) -> None:
    checked = check_study(load_study(study))
    assert checked.network is not None
    own = checked.network.routes.set_index("ref")
    assert (own.at["QL1", "km_from"], own.at["QL1", "km_to"]) == pytest.approx((20, 24), abs=0.01)
    for language in ("vi", "en"):
        sheets = workbook.check_sheets(checked, language)
        title = labels.text("check.sheet.posts", language)
        (listed_posts,) = [each for each in sheets if each.name == title]
        told = [(row[0], row[1], row[2]) for row in listed_posts.rows]
        say = [labels.text(f"check.post.{c}", language) for c in ("outlier", "unknown-route")]
        far = labels.text("check.post.too-far", language)
        assert told == [
            (say[0], "QL1", "Km31+000"),
            (say[1], "QL9", "Km1+000"),
            (far, "QL1", "Km22+000"),
        ]
        words = labels.text("check.count.posts", language, total=7, unused=3, jumps=0)
        assert words in "\n".join(check_lines(checked, language))
    rejected = checked.inputs.rejects
    assert rejected.loc[rejected["table"] == "posts", "code"].tolist() == ["no-route"]


def test_a_study_without_posts_says_nothing_of_them(tmp_path: Path) -> None:
    checked = check_study(load_study(write_study(tmp_path)))
    names = [each.name for each in workbook.check_sheets(checked, "en")]
    assert labels.text("check.sheet.posts", "en") not in names
    assert not any("Km posts:" in line for line in check_lines(checked, "en"))


def test_posts_need_roads_and_their_file(study: Path) -> None:
    text = study.read_text(encoding="utf-8")
    for section in ("roads", "repairs"):
        start = text.index(f"[{section}]")
        text = text[:start] + text[text.index("\n\n", start) + 2 :]
    study.write_text(text, encoding="utf-8")
    with pytest.raises(BlackspotsError) as refused:
        check_study(load_study(study))
    assert refused.value.code == "posts-need-roads"
    (study.parent / "posts.xlsx").unlink()
    with pytest.raises(BlackspotsError) as refused:
        load_study(study)
    assert refused.value.code == "missing-file"


def test_locate_places_a_crash_by_the_km_of_the_posts(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study.parent
    by_post = crash(21, 0, 0, lat="", lon="", route="QL1", km="Km21+500")
    write_rows(folder / "crashes.csv", [*crashes(), by_post])
    files = [str(folder / name) for name in ("crashes.csv", "roads.geojson")]
    more = ["--crs", GRID, "--out", str(folder / "out"), "--quiet", "--lang", "vi"]
    assert main(["locate", *files, *more, "--posts", str(folder / "posts.xlsx")]) == 0
    assert "Cọc km: 7, không dùng được 3" in capsys.readouterr().out
    gpkg = folder / "out" / "located.gpkg"
    made = gpd.read_file(gpkg, layer="crashes").set_index("crash_id")
    assert made.at["C21", "route_measure"] == pytest.approx(1500, abs=5)
    posts = gpd.read_file(gpkg, layer="posts")
    assert int(pd.isna(posts["reason"]).sum()) == 4
