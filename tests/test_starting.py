"""A first study for a folder: what the files are taken for, and that it runs as it is written."""

import os
import shutil
import tomllib
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from pyproj import Transformer
from reading import run, summary
from small_study import (
    EAST,
    GRID,
    HEADER,
    NORTH,
    box,
    crash,
    crashes,
    line,
    point,
    roads,
    write_book,
    write_features,
    write_rows,
    write_study,
)

from blackspots import labels
from blackspots.cli import main
from blackspots.config import load_study
from blackspots.errors import BlackspotsError
from blackspots.presets.filewords import meanings
from blackspots.starting import draft, survey
from blackspots.starting.grids import official_grid


def init(folder: Path, language: str = "en") -> dict[str, Any]:
    """The study that is drafted for a folder, as TOML says it; it must load."""
    text = draft(survey(folder), language)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    load_study(folder)
    return tomllib.loads(text)


def read(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The study's run in figures."""
    assert main(["run", str(folder), "--quiet"]) == 0, capsys.readouterr().err
    capsys.readouterr()
    return summary(folder / "out")


def text_of(folder: Path) -> str:
    return (folder / "study.toml").read_text(encoding="utf-8")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The files of the small study, without the study."""
    write_study(tmp_path / "dữ liệu").unlink()
    return tmp_path / "dữ liệu"


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_sample_without_its_study_runs_and_gives_the_same(
    sample: Path, tmp_path: Path, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "Lạng Sơn"
    shutil.copytree(sample, folder, ignore=shutil.ignore_patterns("out", "check.xlsx"))
    own = tomllib.loads(text_of(folder))
    (folder / "study.toml").unlink()
    made = init(folder, language)
    for section in ("roads", "crossings", "railways", "boundary", "areas", "places", "repairs"):
        assert made[section] == own[section], section
    assert made["crashes"]["files"] == own["crashes"]["files"]
    for key in ("crs", "start", "end", "definition"):
        assert made["study"][key] == own["study"][key], key
    assert made["study"]["name"] == "Lạng Sơn"
    assert made["study"]["language"] == language
    assert "budget" not in made
    found = read(folder, capsys)
    assert found["read"] == 807
    theirs = run(sample, tmp_path / "theirs")
    assert theirs.returncode == 0, theirs.stderr
    other = summary(tmp_path / "theirs")
    assert {k: found[k] for k in ("placed", "rejected")} == {
        k: other[k] for k in ("placed", "rejected")
    }


def test_the_small_study_is_found_again(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = init(small)
    assert {s: made[s].get("file") for s in ("roads", "crossings", "railways", "boundary")} == {
        "roads": "roads.geojson",
        "crossings": "crossings.geojson",
        "railways": "railways.geojson",
        "boundary": "boundary.geojson",
    }
    assert made["areas"] == [{"level": "district", "file": "districts.geojson"}]
    assert made["repairs"] == {"file": "repairs.xlsx", "unit": "one"}
    assert "the headers do not say" in text_of(small)
    assert made["study"]["crs"] == "EPSG:9215"
    assert read(small, capsys)["read"] == 20


def test_a_register_of_a_file_a_year_and_roads_in_a_geopackage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_year: dict[str, list[dict[str, Any]]] = {}
    for row in crashes():
        by_year.setdefault(row["date"][-4:], []).append(row)
    for year, rows in by_year.items():
        write_rows(tmp_path / f"TNGT_{year}.csv", rows)
    layers = {"duong_bo": roads(), "duong_sat": [line((1000, -1500), (1000, 1500), name="HN")]}
    for layer, features in layers.items():
        write_features(tmp_path / "x.geojson", features)
        gpd.read_file(tmp_path / "x.geojson").to_file(tmp_path / "nen.gpkg", layer=layer)
    (tmp_path / "x.geojson").unlink()
    made = init(tmp_path)
    assert made["crashes"] == {"files": ["TNGT_2021.csv", "TNGT_2022.csv", "TNGT_2023.csv"]}
    assert made["roads"] == {"file": "nen.gpkg", "layer": "duong_bo"}
    assert made["railways"] == {"file": "nen.gpkg", "layer": "duong_sat"}
    found = read(tmp_path, capsys)
    assert found["read"] == 20
    assert found["placed"] == 20


def test_metres_without_a_grid_are_found_by_containment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_features(tmp_path / "roads.geojson", roads())
    to = Transformer.from_crs(GRID, "EPSG:9215", always_xy=True)
    rows = []
    for n in range(30):
        x, y = to.transform(EAST + 100 * n, NORTH + 3)
        row = crash(n, 0, 0)
        rows.append({**row, "easting": round(x, 2), "northing": round(y, 2)})
    header = [h for h in HEADER if h not in {"lat", "lon"}] + ["easting", "northing"]
    write_rows(tmp_path / "tai-nan.csv", rows, header)
    made = init(tmp_path)
    assert made["crashes"]["crs"] == "EPSG:9215"
    assert "found by containment: check" in text_of(tmp_path)
    assert read(tmp_path, capsys)["placed"] == 30


def test_what_nearly_matches_is_marked_and_the_study_runs(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"lat": "Vĩ độ", "date": "Ngày xảy ra vụ", "mode": "Loại phương tiện xe"}
    header = [names.get(h, h) for h in HEADER]
    rows = [{names.get(k, k): v for k, v in row.items()} for row in crashes()]
    write_rows(small / "crashes.csv", rows, header)
    made = init(small)
    assert made["crashes"]["columns"] == {"date": "Ngày xảy ra vụ", "mode": ""}
    assert "Please confirm" in text_of(small)
    assert '# mode = "Loại phương tiện xe"' in text_of(small)
    found = read(small, capsys)
    assert found["read"] == found["placed"] == 20
    assert main(["init", str(small), "--force", "--lang", "en"]) == 0
    said = capsys.readouterr().out
    assert "date = Ngày xảy ra vụ: Please confirm" in said
    assert "mode = left out" in said


def test_of_two_headers_for_a_column_one_is_taken_and_said(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{**row, "Most Severe Injury": "K", "Crash Severity": "K"} for row in crashes()]
    header = [h for h in HEADER if h not in {"severity", "deaths", "injured"}]
    write_rows(small / "crashes.csv", rows, [*header, "Crash Severity", "Most Severe Injury"])
    made = init(small)
    assert made["crashes"]["columns"] == {"severity": "Most Severe Injury"}
    assert '# severity = "Crash Severity"' in text_of(small)
    assert read(small, capsys)["read"] == 20


def test_ids_that_begin_again_and_words_that_are_not_known_do_not_stop_the_run(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (small / "crashes.csv").unlink()
    for year in (2021, 2022):
        rows = [
            {**crash(n, 100 * n, 1), "crash_id": n, "severity": "Loại " + "ABC"[n % 3]}
            for n in range(1, 21)
        ]
        for row in rows:
            row["date"] = f"{row['date'][:-4]}{year}"
        write_rows(small / f"crashes{year}.csv", rows)
    made = init(small)
    assert made["crashes"]["columns"] == {"crash_id": "", "severity": ""}
    assert '# "Loại A" = "..."' in text_of(small)
    assert read(small, capsys)["read"] == 40


def test_dates_with_the_month_first_and_slips_of_the_pen(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [crash(n, 100 + n, 1, date=f"03/{n % 28 + 1:02d}/2022") for n in range(100)]
    rows[7]["date"] = "03/17/1992"
    write_rows(small / "crashes.csv", rows)
    made = init(small)
    assert made["crashes"]["date_order"] == "mdy"
    assert str(made["study"]["start"]) == "2022-01-01"
    assert str(made["study"]["end"]) == "2022-12-31"
    assert "1992" in text_of(small)
    assert read(small, capsys)["rejected"] == 1


def test_sheets_that_are_no_register_are_not_read(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (small / "crashes.csv").unlink()
    (small / "repairs.xlsx").unlink()
    rows = [tuple(row[h] for h in HEADER) for row in crashes()]
    total = [("Huyện", "Số người chết", "Số người bị thương"), ("Cao Lộc", 3, 4)]
    works = [("Mã", "Tuyến đường", "Từ km", "Dự toán (triệu đồng)"), ("W1", "QL1", "Km11+400", 60)]
    book = {"Vụ việc": [HEADER, *rows], "Tổng hợp": total, "Công trình": works}
    write_book(small / "so lieu.xlsx", book)
    made = init(small)
    assert made["crashes"] == {"files": ["so lieu.xlsx"], "sheets": ["Vụ việc"]}
    assert made["repairs"] == {"file": "so lieu.xlsx", "layer": "Công trình", "unit": "million"}
    assert read(small, capsys)["read"] == 20


def test_a_copy_of_the_register_is_not_counted_twice(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(small / "crashes.csv", small / "crashes (bản sao).csv")
    assert len(init(small)["crashes"]["files"]) == 1
    assert "the same rows" in text_of(small)
    assert read(small, capsys)["read"] == 20


def test_what_is_unsure_or_elsewhere_stands_as_a_comment(small: Path) -> None:
    write_features(small / "lines.geojson", [line((0, 0), (9, 9), name="A")])
    far = {"type": "Point", "coordinates": [9.5, 47.1]}
    level = [{"type": "Feature", "properties": {"crossing_id": "LX9"}, "geometry": far}]
    write_features(small / "crossings liechtenstein.geojson", level, None)
    write_features(small / "huyen cu.geojson", [
        box(-1000, -3000, 1000, 3000, name="A"), box(1000, -3000, 5000, 3000, name="B"),
        box(1000, -3000, 2000, 3000, name="C"),
    ])  # fmt: skip
    made = init(small)
    text = text_of(small)
    assert made["roads"]["file"] == "roads.geojson"
    assert made["crossings"]["file"] == "crossings.geojson"
    assert len(made["areas"]) == 1
    assert '# file = "lines.geojson"' in text
    assert "it lies elsewhere" in text
    assert "another layer has the level district" in text


def test_junk_is_named_and_stops_nothing(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    junk = os.urandom(4000)
    for name in ("hỏng.xlsx", "hỏng.gpkg", "hỏng.osm.pbf", "hỏng.parquet", "b.xls", "c.shp"):
        (small / name).write_bytes(junk)
    (small / "ảnh.png").write_bytes(b"\x89PNG\r\n" + junk)
    (small / "empty.csv").write_bytes(b"")
    (small / "ghi chú.txt").write_text("Gọi lại cho anh Ba\nvà chị Tư", encoding="utf-8")
    (small / "thư.docx").write_bytes(junk)
    (small / "vô nghĩa.json").write_text("{}")
    (small / ".hidden.csv").write_text("a,b\n1,2\n")
    (small / "sub").mkdir()
    (small / "sub" / "x\ny.csv").write_text("a,b\n1,2\n")
    (small / "sub" / "deeper").mkdir()
    (small / "out").mkdir()
    (small / "out" / "crashes.csv").write_text("date,lat,lon\n1/1/2020,1,2\n")
    made = init(small)
    text = text_of(small)
    assert made["crashes"]["files"] == ["crashes.csv"]
    for name in ("hỏng.xlsx", "hỏng.gpkg", "hỏng.osm.pbf", "ảnh.png", "empty.csv", "thư.docx"):
        assert f"# {name}: " in text, name
    assert "hidden" not in text
    assert "chị Tư" not in text
    shutil.rmtree(small / "out")
    assert read(small, capsys)["read"] == 20


def test_only_junk_is_an_error_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.xlsx").write_bytes(os.urandom(3000))
    assert main(["init", str(tmp_path), "--lang", "en"]) == 1
    said = capsys.readouterr().err
    assert "no file here can be read" in said
    assert "a.xlsx" in said
    assert not (tmp_path / "study.toml").exists()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda _: None, "start-nothing"),
        (lambda folder: folder.rmdir(), "start-no-folder"),
        (lambda folder: write_features(folder / "roads.geojson", roads()), "start-no-register"),
    ],
    ids=["empty", "missing", "no register"],
)
def test_a_folder_without_a_register_is_refused(make: Any, code: str, tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    make(folder)
    with pytest.raises(BlackspotsError) as raised:
        survey(folder)
    assert raised.value.code == code
    assert main(["init", str(folder)]) == 1


def test_a_study_that_is_there_is_only_replaced_when_told(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (small / "study.toml").write_text("mine", encoding="utf-8")
    assert main(["init", str(small), "--lang", "vi"]) == 1
    assert "--force" in capsys.readouterr().err
    assert text_of(small) == "mine"
    assert main(["init", str(small), "--lang", "vi", "--force"]) == 0
    said = capsys.readouterr().out
    assert "crashes.csv: sổ tai nạn, 20 dòng" in said
    assert "blackspots check" in said
    assert "blackspots run" in said
    assert sorted(p.name for p in small.iterdir() if p.name.startswith(".")) == []


def test_a_register_without_anything_to_place_at_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(tmp_path / "crashes.csv", crashes())
    assert main(["init", str(tmp_path), "--lang", "en"]) == 0
    assert "no crash can be placed" in capsys.readouterr().out
    assert "no crash can be placed" in text_of(tmp_path)


def test_layers_without_a_crs_are_found_by_containment_or_left_out(small: Path) -> None:
    shapes = gpd.read_file(small / "roads.geojson")
    (small / "roads.geojson").unlink()
    shapes.set_crs(None, allow_override=True).to_file(small / "roads.shp", encoding="utf-8")
    made = init(small)
    assert made["roads"]["file"] == "roads.shp"
    assert made["roads"]["crs"].startswith("EPSG:")
    assert not any(name in text_of(small) for name in ("roads.dbf", "roads.shx"))


def test_areas_whose_names_stand_under_an_unknown_header(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (small / "boundary.geojson").unlink()
    shapes = gpd.read_file(small / "districts.geojson").rename(columns={"name": "TEN_HUYEN"})
    shapes.to_file(small / "districts.geojson")
    made = init(small)
    assert made["areas"][0]["columns"] == {"name": "TEN_HUYEN"}
    assert read(small, capsys)["read"] == 20


def test_roads_with_ids_that_repeat_still_run(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features = roads()
    for each in features:
        each["properties"]["road_id"] = "R1"
    write_features(small / "roads.geojson", features)
    assert init(small)["roads"]["columns"] == {"road_id": ""}
    assert read(small, capsys)["read"] == 20


def test_personal_data_do_not_reach_the_study(small: Path) -> None:
    rows = [{**row, "severity": f"Nguyễn Văn {n}"} for n, row in enumerate(crashes())]
    write_rows(small / "crashes.csv", rows)
    init(small, "vi")
    text = text_of(small)
    assert "Bí Mật" not in text
    assert "987.65" not in text


@pytest.mark.shared
def test_open_data_of_medellin(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "medellin"
    shutil.copytree(shared / "crashes" / "medellin", folder)
    made = init(folder)
    assert made["crashes"]["files"] == ["accidents.csv"]
    assert made["roads"]["file"] == "segments.csv"
    assert "start" not in made["study"]
    text = text_of(folder).replace("# start = 2021", "start = 2016")
    text = text.replace("# end = 2023", "end = 2016")
    (folder / "study.toml").write_text(text, encoding="utf-8")
    found = read(folder, capsys)
    assert found["read"] == found["placed"] == 665


@pytest.mark.shared
def test_open_data_of_lang_son(
    shared: Path, sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "vn"
    shutil.copytree(shared / "vn", folder)
    with pytest.raises(BlackspotsError) as raised:
        survey(folder)
    assert raised.value.code == "start-no-register"
    shutil.copy(sample / "tai-nan-2021-2023.xlsx", folder)
    made = init(folder, "vi")
    assert made["study"]["crs"] == "EPSG:9215"
    assert made["boundary"]["file"] == "langson_province.geojson"
    assert made["areas"] == [{"level": "district", "file": "langson_districts_pre2025.geojson"}]
    assert made["crossings"]["file"] == "langson_osm_level_crossings.geojson"
    assert made["railways"]["filter"] == {"loai_duong": ["Đường sắt"]}
    assert "roads" not in made or "Đường sắt" not in made["roads"]["filter"]["loai_duong"]
    assert made["places"]["file"] == "langson_osm_places.geojson"
    assert "liechtenstein" not in {v for s in made.values() if isinstance(s, dict) for v in s}
    assert read(folder, capsys)["read"] == 807


@pytest.mark.shared
def test_an_openstreetmap_file_serves_as_roads(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(shared / "vn" / "osm_fixtures" / "liechtenstein-2013-08-03.osm.pbf", tmp_path)
    places = [(9.52 + 0.001 * n, 47.14) for n in range(30)]
    pd.DataFrame(
        [
            {"date": f"2012-01-{n + 1:02d}", "lat": lat, "lon": lon, "killed": n % 2}
            for n, (lon, lat) in enumerate(places)
        ]
    ).to_csv(tmp_path / "crashes.csv", index=False)
    made = init(tmp_path)
    for section in ("roads", "crossings", "railways"):
        assert made[section]["file"] == "liechtenstein-2013-08-03.osm.pbf"
    assert read(tmp_path, capsys)["read"] == 30


@pytest.mark.parametrize(
    ("box", "grid"),
    [
        ((106.095, 21.325, 107.364, 22.46), "EPSG:9215"),
        ((-72.80, 41.70, -72.70, 41.80), "EPSG:6433"),
        ((-2.1, 52.4, -1.8, 52.6), "EPSG:27700"),
        ((4.8, 52.3, 5.0, 52.5), "EPSG:28992"),
        ((9.45, 47.04, 9.64, 47.28), "EPSG:2056"),
        ((100.0, -1.0, 110.0, 10.0), "EPSG:32648"),
    ],
)
def test_the_grid_is_that_of_the_country(box: tuple[float, float, float, float], grid: str) -> None:
    assert official_grid(box).to_string() == grid


def test_the_longest_words_of_a_name_speak_first() -> None:
    assert meanings("duong-sat 2024", "tables") == ["railways"]
    assert meanings("Đường ngang", "tables") == ["crossings"]
    assert meanings("TaiNan2021", "tables") == ["crashes"]
    assert meanings("ranh giới huyện", "levels") == ["district"]
    assert meanings("Dự toán (triệu đồng)", "units") == ["million"]


def test_every_text_of_the_draft_exists_in_both_languages(small: Path) -> None:
    write_features(small / "dots.geojson", [point(0, 0, name="A")])
    for language in labels.LANGUAGES:
        text = draft(survey(small), language)
        assert "{" not in "".join(line for line in text.splitlines() if line.startswith("#"))
