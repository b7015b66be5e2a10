"""The command line on good and bad input: what it says, its exit code, what it leaves behind."""

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from small_study import (
    EAST,
    GRID,
    HEADER,
    NORTH,
    REPAIRS,
    at,
    box,
    crash,
    crashes,
    degrees,
    edit,
    feature,
    line,
    point,
    roads,
    tree,
    with_rows,
    without,
    write_book,
    write_features,
    write_study,
)

from blackspots.cli import main

OUTPUTS = {
    "agreement.csv",
    "areas.csv",
    "blackspots.gpkg",
    "candidates.csv",
    "certainty.csv",
    "closure-effects.csv",
    "closures.csv",
    "clusters.csv",
    "crossings-found.csv",
    "crossings-matches.csv",
    "crossings-to-verify.xlsx",
    "crossings.csv",
    "crossings.docx",
    "crossings.xlsx",
    "map.html",
    "parts.csv",
    "programme.csv",
    "ranking.csv",
    "ranking.xlsx",
    "rejected.csv",
    "remarks.csv",
    "review.xlsx",
    "segments.csv",
    "sites.xlsx",
    "summary.json",
    "unplaced.csv",
}


@dataclass(frozen=True)
class Bad:
    """An input that cannot be used: what is done to the study, and what has to be said."""

    name: str
    spoil: Callable[[Path], object]
    both: tuple[str, ...]
    vi: str
    en: str


def replace(old: str, new: str) -> Callable[[Path], None]:
    return lambda study: edit(study, old, new)


def file(name: str, content: str | bytes) -> Callable[[Path], object]:
    data = content.encode() if isinstance(content, str) else content
    return lambda study: (study.parent / name).write_bytes(data)


def use(name: str, content: str | bytes) -> Callable[[Path], None]:
    """The register in a file of another name."""

    def spoil(study: Path) -> None:
        file(name, content)(study)
        edit(study, '"crashes.csv"', f'"{name}"')

    return spoil


def road_layer(features: list[dict[str, Any]], crs: str | None = GRID) -> Callable[[Path], None]:
    return lambda study: write_features(study.parent / "roads.geojson", features, crs)


def roads_without_crs(study: Path) -> None:
    shapes = [shapely.LineString([at(0, 0), at(4000, 0)])]
    frame = gpd.GeoDataFrame({"road_id": ["R1"]}, geometry=shapes)
    frame.to_file(study.parent / "roads.shp", engine="pyogrio")
    edit(study, "roads.geojson", "roads.shp")


def two_layers(study: Path) -> None:
    for name in ("a", "b"):
        frame = gpd.GeoDataFrame(
            {"road_id": ["R1"]}, geometry=[shapely.LineString([at(0, 0), at(4000, 0)])], crs=GRID
        )
        frame.to_file(study.parent / "roads.gpkg", layer=name, engine="pyogrio")
    edit(study, "roads.geojson", "roads.gpkg")


def unknown_layer(study: Path) -> None:
    two_layers(study)
    edit(study, 'file = "roads.gpkg"', 'file = "roads.gpkg"\nlayer = "c"')


def unknown_sheet(study: Path) -> None:
    write_book(study.parent / "crashes.xlsx", {"2023": [HEADER, list(crashes()[0].values())]})
    edit(study, '["crashes.csv"]', '["crashes.xlsx"]\nsheets = ["2024"]')


def truncated_book(study: Path) -> None:
    book = study.parent / "crashes.xlsx"
    write_book(book, {"2023": [HEADER, *[list(row.values()) for row in crashes()]]})
    book.write_bytes(book.read_bytes()[: book.stat().st_size // 2])
    edit(study, "crashes.csv", "crashes.xlsx")


def foreign_out(study: Path) -> None:
    shutil.rmtree(study.parent / "out")
    (study.parent / "out").mkdir()
    (study.parent / "out" / "thesis.docx").write_bytes(b"mine")


def file_for_out(study: Path) -> None:
    shutil.rmtree(study.parent / "out")
    (study.parent / "out").write_text("a file where the folder should be")


def file_above_out(study: Path) -> None:
    shutil.rmtree(study.parent / "out")
    (study.parent / "taken").write_text("a file")
    with study.open("a", encoding="utf-8") as text:
        text.write('[output]\nfolder = "taken/out"\n')


def own_definition(text: str) -> Callable[[Path], None]:
    def spoil(study: Path) -> None:
        file("own.toml", text)(study)
        edit(study, "start = 2021", 'definition = "own.toml"\nstart = 2021')

    return spoil


def own_catalogue(text: str | bytes) -> Callable[[Path], None]:
    def spoil(study: Path) -> None:
        file("own.csv", text)(study)
        edit(study, "start = 2021", 'catalogue = "own.csv"\nstart = 2021')

    return spoil


DEFINITION = """\
id = "own"
jurisdiction = "VN"
citation = "ours"
mark = "A"
title = { vi = "Riêng", en = "Own" }
site = { window = 300, junction_radius = 100, crossing_radius = 40 }
period = { months = 24 }
[[rules]]
id = "five"
title = { vi = "Từ 5 vụ", en = "Five crashes" }
at_least = { any = 5 }
"""
CATALOGUE = """\
id,name_vi,name_en,kinds,needs,target,cmf,cmf_fatal,life,unit,cost_low,cost_high,upkeep,mark,source
rumble-bars,Gờ giảm tốc,Rumble bars,segment junction,,all,0.8,,3,site,20e6,60e6,1e6,A,x
lighting,Chiếu sáng,Lighting,segment,,night,0.5,,12,site,225e6,525e6,15e6,V,x
crossing-gates,Cần chắn,Gates,crossing,,all,0.31,,15,site,1700e6,3500e6,60e6,M,x
"""
LIGHTING = "lighting,Chiếu sáng,Lighting,segment,,night,0.5,,12,site,225e6,525e6,15e6,V,x"
TWICE = [
    *roads(),
    line((0, 500), (900, 500), road_id="R1"),
]

BAD = [
    Bad("no study file", lambda study: study.unlink(), ("study.toml",), "Ghi đường dẫn", "path of"),
    Bad("broken TOML", file("study.toml", "[study\n"), ("study.toml", "line 1"), "TOML", "TOML"),
    Bad(
        "study not in UTF-8",
        file("study.toml", "[study]\nname = 'Lạng'".encode("utf-16")),
        ("study.toml",),
        "không đọc được",
        "not a readable",
    ),
    Bad(
        "input file is not there",
        lambda study: (study.parent / "roads.geojson").unlink(),
        ("study.toml", "[roads]", "roads.geojson"),
        "Đường dẫn tính từ tệp nghiên cứu",
        "relative to the study file",
    ),
    Bad(
        "column that the file has not",
        replace('["crashes.csv"]', '["crashes.csv"]\ncolumns = { severity = "Muc do" }'),
        ("crashes.csv", "“Muc do”", "plate"),
        "không có cột",
        "no column",
    ),
    Bad(
        "column that the table has not",
        replace('["crashes.csv"]', '["crashes.csv"]\ncolumns = { severty = "severity" }'),
        ("crashes.columns.severty", "severity"),
        "không có cột này",
        "no such column",
    ),
    Bad(
        "empty layer",
        road_layer([]),
        ("roads.geojson",),
        "Kiểm tra lớp",
        "Check the layer",
    ),
    Bad(
        "filter that leaves no row",
        replace('"roads.geojson"', '"roads.geojson"\nfilter = { road_class = "motorway" }'),
        ("roads.geojson", "roads"),
        "bộ lọc",
        "filter",
    ),
    Bad(
        "filter on a column that is not there",
        replace('"roads.geojson"', '"roads.geojson"\nfilter = { klass = "national" }'),
        ("roads.geojson", "“klass”", "road_class"),
        "không có cột",
        "no column",
    ),
    Bad(
        "layer without a CRS",
        roads_without_crs,
        ("roads.shp", '[roads] crs = "EPSG:'),
        "Thêm vào nghiên cứu",
        "Add it to the study",
    ),
    Bad(
        "x and y without a CRS",
        use("grid.csv", f"x,y,date\n{EAST},{NORTH},1/2/2022\n"),
        ("grid.csv", '[crashes] crs = "EPSG:'),
        "không ghi hệ tọa độ",
        "does not say its CRS",
    ),
    Bad(
        "degrees said to be metres",
        replace('["crashes.csv"]', '["crashes.csv"]\ncrs = "EPSG:9215"'),
        ("crashes.csv", "lon", '[crashes] crs = "EPSG:4326"'),
        "cột lon là độ",
        "lon holds degrees",
    ),
    Bad(
        "geographic CRS for the study",
        replace('crs = "EPSG:32648"', 'crs = "EPSG:4326"'),
        ("[study] crs", "WGS 84", "EPSG:9215"),
        "Dùng hệ tọa độ phẳng",
        "Use a projected CRS",
    ),
    Bad(
        "Web Mercator for the study",
        replace('crs = "EPSG:32648"', 'crs = "EPSG:3857"'),
        ("[study] crs", "Mercator", "EPSG:9215"),
        "không đo bằng mét trên mặt đất",
        "does not measure metres",
    ),
    Bad(
        "Web Mercator by another name",
        replace(
            'crs = "EPSG:32648"',
            'crs = "+proj=merc +a=6378137 +b=6378137 +lat_ts=0 +lon_0=0 +units=m +nadgrids=@null"',
        ),
        ("[study] crs", "EPSG:9215"),
        "không đo bằng mét trên mặt đất",
        "does not measure metres",
    ),
    Bad(
        "feet for the study",
        replace('crs = "EPSG:32648"', 'crs = "EPSG:2263"'),
        ("[study] crs", "ftUS", "EPSG:9215"),
        "không đo bằng mét trên mặt đất",
        "does not measure metres",
    ),
    Bad(
        "no such CRS",
        replace('crs = "EPSG:32648"', 'crs = "EPSG:1234567"'),
        ("[study] crs", "“EPSG:1234567”", "EPSG:9215"),
        "không phải hệ tọa độ",
        "is not a CRS",
    ),
    Bad(
        "two roads of one id",
        road_layer(TWICE),
        ("roads.geojson", "R1", "1, 4", "road_id", "[roads.columns]"),
        "trùng mã",
        "share an id",
    ),
    Bad(
        "roads that are all points",
        road_layer([point(0, 0, road_id="P1"), point(9, 9, road_id="P2")]),
        ("roads.geojson", "Point"),
        "không phải đường",
        "not a line",
    ),
    Bad(
        "roads said to be in degrees",
        replace('"roads.geojson"', '"roads.geojson"\ncrs = "EPSG:4326"'),
        ("roads.geojson", "LineString"),
        "không có nơi này trên trái đất",
        "no such place on earth",
    ),
    Bad(
        "areas said to be in degrees",
        replace('"districts.geojson"', '"districts.geojson"\ncrs = "EPSG:4326"'),
        ("districts.geojson", "Polygon"),
        "không có nơi này trên trái đất",
        "no such place on earth",
    ),
    Bad(
        "crossings said to be in degrees",
        replace('"crossings.geojson"', '"crossings.geojson"\ncrs = "EPSG:4326"'),
        ("crossings.geojson", "geometry"),
        "không có nơi này trên trái đất",
        "no such place on earth",
    ),
    Bad(
        "areas that are lines",
        lambda study: write_features(
            study.parent / "districts.geojson", [line((0, 0), (1, 1), name="a")]
        ),
        ("districts.geojson", "LineString"),
        "không phải vùng",
        "not a polygon",
    ),
    Bad(
        "areas without names",
        lambda study: write_features(study.parent / "districts.geojson", [box(0, 0, 9, 9, nr="1")]),
        ("districts.geojson", "name", "nr"),
        "Ghi tên cột",
        "Name it in the study",
    ),
    Bad(
        "budget of nothing",
        replace("amount = 500", "amount = 0"),
        ("study.toml", "0", "[budget]"),
        "lớn hơn 0",
        "above 0",
    ),
    Bad(
        "budget below nothing",
        replace("amount = 500", "amount = -500"),
        ("study.toml", "-500"),
        "lớn hơn 0",
        "above 0",
    ),
    Bad(
        "budget that is no number",
        replace("amount = 500", "amount = nan"),
        ("study.toml", "budget.amount", "nan"),
        "số hữu hạn",
        "a finite number",
    ),
    Bad(
        "register that is only a header",
        file("crashes.csv", ",".join(HEADER) + "\n"),
        ("crashes.csv",),
        "không có vụ tai nạn nào",
        "no crash in it",
    ),
    Bad(
        "register without a byte",
        file("crashes.csv", ""),
        ("crashes.csv",),
        "không có dữ liệu",
        "holds no data",
    ),
    Bad(
        "register of blank lines",
        file("crashes.csv", "\n,,\n\n"),
        ("crashes.csv",),
        "không có dữ liệu",
        "holds no data",
    ),
    Bad(
        "every row rejected",
        lambda study: with_rows(study, lambda rows: [{**r, "date": "hôm qua"} for r in rows]),
        ("20", "crashes.csv", "date", "hôm qua", "2"),
        "không phải ngày: viết ngày/tháng/năm",
        "not a date: write dd/mm/yyyy",
    ),
    Bad(
        "unknown key with one like it",
        replace("[budget]", "[locating]\ntolerence = 3\n\n[budget]"),
        ("study.toml", "locating.tolerence", "tolerance"),
        "Có phải tolerance",
        "Did you mean tolerance",
    ),
    Bad(
        "unknown key like no other",
        replace("[budget]", "[zzz]\nx = 3\n\n[budget]"),
        ("study.toml", "zzz"),
        "không có khóa",
        "unknown key",
    ),
    Bad(
        "unknown key in a list of sections",
        replace('level = "district"', 'level = "district"\nfiles = "x"'),
        ("study.toml", "areas.0.files"),
        "Có phải file",
        "Did you mean file",
    ),
    Bad(
        "key that only the program sets",
        replace("[study]", 'path = "/tmp/x"\n[study]'),
        ("study.toml", "path"),
        "không có khóa",
        "unknown key",
    ),
    Bad(
        "missing key",
        replace('crs = "EPSG:32648"', ""),
        ("study.toml", "study.crs"),
        "thiếu",
        "is missing",
    ),
    Bad(
        "value of the wrong kind",
        replace("start = 2021-01-01", 'start = "tháng 1"'),
        ("study.toml", "study.start", "tháng 1"),
        "một ngày",
        "a date",
    ),
    Bad(
        "value that is not one of a few",
        replace('[budget]\namount = 500\nunit = "million"', '[budget]\namount = 5\nunit = "tỷ"'),
        ("study.toml", "budget.unit", "tỷ", "billion"),
        "một trong",
        "one of",
    ),
    Bad(
        "end before start",
        replace("end = 2023", "end = 2020"),
        ("study.toml", "[study]"),
        "end trước start",
        "end lies before start",
    ),
    Bad(
        "nothing to place crashes at",
        lambda study: [without(study, name) for name in ("roads", "crossings", "areas")],
        ("study.toml", "[roads]"),
        "cần có",
        "give [roads]",
    ),
    Bad(
        "repairs without roads",
        lambda study: without(study, "roads"),
        ("study.toml", "[repairs]", "[roads]"),
        "cần có",
        "needs",
    ),
    Bad(
        "unknown format",
        use("crashes.mdb", b"\x00\x01"),
        ("crashes.mdb", ".xlsx", ".csv", ".gpkg"),
        "Đọc được",
        "Known",
    ),
    Bad(
        "text with the name of a workbook",
        use("crashes.xlsx", "date,lat,lon\n1/1/2022,21.8,106.7\n"),
        ("crashes.xlsx",),
        "không mở được",
        "cannot be opened",
    ),
    Bad("truncated workbook", truncated_book, ("crashes.xlsx",), "không mở được", "cannot be"),
    Bad("no such sheet", unknown_sheet, ("crashes.xlsx", "“2024”", "2023"), "trang", "sheet"),
    Bad("no such layer", unknown_layer, ("roads.gpkg", "“c”", "a, b"), "không có lớp", "no layer"),
    Bad("several layers", two_layers, ("roads.gpkg", "a, b", "layer ="), "chọn một", "name one"),
    Bad(
        "GeoJSON cut short",
        file("roads.geojson", '{"type": "FeatureCollection", "features": [{"type":'),
        ("roads.geojson",),
        "không mở được",
        "cannot be opened",
    ),
    Bad(
        "GeoPackage that is none",
        lambda study: (
            file("roads.gpkg", "x" * 200)(study),
            edit(study, "roads.geojson", "roads.gpkg"),
        ),
        ("roads.gpkg",),
        "không mở được",
        "cannot be opened",
    ),
    Bad(
        "dates with the month first",
        lambda study: with_rows(study, lambda rows: [{**r, "date": "03/25/2022"} for r in rows]),
        ("crashes.csv", "“date”", "03/25/2022", 'date_order = "mdy"'),
        "tháng trước",
        "month first",
    ),
    Bad(
        "two headers for one column",
        use("twice.csv", "date,lat,vĩ độ,lon\n1/2/2022,21.8,21.8,106.7\n"),
        ("twice.csv", "“lat”", "“vĩ độ”", "[crashes.columns]"),
        "Ghi rõ trong nghiên cứu",
        "Say which in the study",
    ),
    Bad(
        "register without places",
        use("nowhere.csv", "date,severity\n1/2/2022,K\n"),
        ("nowhere.csv", "date, severity"),
        "không cột nào cho biết vị trí",
        "no column says where",
    ),
    Bad(
        "CSV that is not UTF-8",
        use(
            "old.csv",
            b"date,lat,lon,district\n1/2/2022,21.8,106.7,\x81\x8d\x8f\x90\x9d\n",
        ),
        ("old.csv", "UTF-8", "encoding ="),
        "bảng mã",
        "encoding",
    ),
    Bad(
        "CSV with a quote that never ends",
        use("quote.csv", 'date,lat,lon\n1/2/2022,"21.8,106.7\n1/2/2022,21.8,106.7\n'),
        ("quote.csv",),
        "dấu ngoặc kép",
        "the quotes of this row",
    ),
    Bad(
        "definition that is disabled",
        replace("start = 2021", 'definition = "vn-41-2024"\nstart = 2021'),
        ("vn-41-2024",),
        "chưa có văn bản gốc",
        "was not obtained",
    ),
    Bad(
        "no such definition",
        replace("start = 2021", 'definition = "vn-26-2013"\nstart = 2021'),
        ("vn-26-2013", "vn-26-2012", ".toml"),
        "Có sẵn",
        "Shipped",
    ),
    Bad(
        "own definition that is not there",
        replace("start = 2021", 'definition = "mine/own.toml"\nstart = 2021'),
        ("mine/own.toml", ".toml"),
        "ghi đường dẫn",
        "named by its path",
    ),
    Bad(
        "own definition without a window",
        own_definition(DEFINITION.replace("window = 300, ", "")),
        ("own.toml", "window", "vn-26-2012.toml"),
        "chưa đủ",
        "not complete",
    ),
    Bad(
        "own definition that counts something unknown",
        own_definition(DEFINITION.replace("any = 5", "trucks = 5")),
        ("own.toml", "five", "injury_only"),
        "Được đếm",
        "may count",
    ),
    Bad(
        "own definition in another encoding",
        lambda study: (
            own_definition(DEFINITION)(study)
            or (study.parent / "own.toml").write_bytes(DEFINITION.encode("utf-16"))
        ),
        ("own.toml",),
        "UTF-8",
        "UTF-8",
    ),
    Bad(
        "own catalogue with a bad row",
        own_catalogue(CATALOGUE.replace("night,0.5", "night,half")),
        ("own.csv", "3", "cmf", "half"),
        "dòng 3, cột cmf",
        "row 3, column cmf",
    ),
    Bad(
        "own catalogue with one id twice",
        own_catalogue(CATALOGUE + LIGHTING + "\n"),
        ("own.csv", "lighting"),
        "dòng 5, cột id",
        "row 5, column id",
    ),
    Bad(
        "own catalogue without a column",
        own_catalogue(CATALOGUE.replace("name_vi", "ten")),
        ("own.csv", "name_vi"),
        "dòng 2, cột name_vi",
        "row 2, column name_vi",
    ),
    Bad(
        "own catalogue with a row that is cut short",
        own_catalogue(CATALOGUE + "mirror,Gương\n"),
        ("own.csv",),
        "dòng 5, cột name_en",
        "row 5, column name_en",
    ),
    Bad(
        "own catalogue in another encoding",
        own_catalogue(CATALOGUE.encode("utf-16")),
        ("own.csv",),
        "UTF-8",
        "UTF-8",
    ),
    Bad(
        "severity explained by no severity",
        replace('["crashes.csv"]', '["crashes.csv"]\nseverity = { "nặng" = "heavy" }'),
        ("“nặng”", "heavy", "serious"),
        "phải là một trong",
        "must be one of",
    ),
    Bad(
        "one register given twice",
        replace('["crashes.csv"]', '["crashes.csv", "./crashes.csv"]'),
        ("study.toml", "crashes.csv"),
        "hai lần",
        "twice",
    ),
    Bad(
        "two layers of areas of one level",
        replace(
            "[repairs]", '[[areas]]\nlevel = "district"\nfile = "districts.geojson"\n\n[repairs]'
        ),
        ("study.toml", "district"),
        "hai lần",
        "twice",
    ),
    Bad(
        "study without a name",
        replace('{ vi = "Nghiên cứu nhỏ", en = "Small study" }', "{}"),
        ("study.toml", "study.name"),
        "không hợp lệ",
        "does not fit",
    ),
    Bad(
        "route that begins off the globe",
        replace("[budget]", "[routes.QL1]\nstart = [21.8, 106.7]\n\n[budget]"),
        ("study.toml", "routes.QL1.start", "106.7"),
        "không hợp lệ",
        "does not fit",
    ),
    Bad("foreign files in the output folder", foreign_out, ("thesis.docx",), "tệp khác", "other"),
    Bad("a file for the output folder", file_for_out, ("out",), "thư mục khác", "another one"),
    Bad(
        "a file above the output folder", file_above_out, ("taken",), "không ghi được", "could not"
    ),
]


def earlier_outputs(study: Path) -> None:
    """What an earlier run would have left, and a file of the user's own."""
    out = study.parent / "out"
    out.mkdir()
    (out / "summary.json").write_text('{"version": "0", "read": 1, "placed": 1, "rejected": 0}')
    (out / "map.html").write_text("<p>earlier</p>")
    (out / "notes.txt").write_text("mine")


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_bad_input_is_told_in_both_languages_and_changes_no_file(
    bad: Bad, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path / "study")
    earlier_outputs(study)
    bad.spoil(study)
    before = tree(tmp_path)
    said = {}
    for language, head, words in (("vi", "Lỗi: ", bad.vi), ("en", "Error: ", bad.en)):
        assert main(["run", str(study), "--quiet", "--lang", language]) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith(head)
        assert "Traceback" not in told.err
        for word in (*bad.both, words):
            assert word in told.err
        assert "{" not in told.err.replace("{}", "")
        said[language] = told.err
    assert said["vi"] != said["en"]
    assert tree(tmp_path) == before


def test_a_first_run_that_fails_makes_no_output_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path)
    with_rows(study, lambda rows: [{**row, "severity": "?!x"} for row in rows])
    before = tree(tmp_path)
    assert main(["run", str(study), "--quiet", "--out", str(tmp_path / "new" / "out")]) == 1
    assert "?!x" in capsys.readouterr().err
    assert tree(tmp_path) == before


def test_foreign_files_are_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_study(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.docx").write_bytes(b"mine")

    def worked(*_: Any) -> None:
        raise AssertionError("the stages ran")

    monkeypatch.setattr("blackspots.study.run_study", worked)
    assert main(["run", str(study), "--quiet"]) == 1
    assert "thesis.docx" in capsys.readouterr().err


def test_every_problem_of_a_study_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path)
    edit(study, "amount = 500", 'amount = "much"\nyear = 2024')
    edit(study, '"district"', "5")
    edit(study, 'crs = "EPSG:32648"', 'crss = "EPSG:32648"')
    assert main(["run", str(study), "--quiet", "--lang", "en"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Error: 5 problems:"
    keys = ["study.crs", "study.crss", "areas.0.level", "budget.amount", "budget.year"]
    assert sorted(line.startswith("- study.toml:") for line in lines[1:]) == [True] * 5
    for key in keys:
        assert sum(f"{key} " in f"{line} " or f"{key}." in line for line in lines[1:]) >= 1


def test_every_missing_file_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path)
    gone = ("crashes.csv", "roads.geojson", "districts.geojson", "repairs.xlsx")
    for name in gone:
        (tmp_path / name).unlink()
    edit(study, "amount = 500", "amount = 0")
    assert main(["run", str(study), "--quiet", "--lang", "en"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("Error: 5 problems:")
    assert all(name in told for name in (*gone, "budget"))


@dataclass(frozen=True)
class Refused:
    """Rows that are left out and counted, while the run goes on."""

    name: str
    spoil: Callable[[Path], object]
    table: str
    row: int
    column: str
    value: str
    code: str
    crashes: int = 0


def crash_cell(column: str, value: Any, code: str, **more: Any) -> Refused:
    """Row 12 of the register (crash C11) with one wrong cell."""

    def spoil(study: Path) -> None:
        with_rows(study, lambda rows: [*rows[:10], {**rows[10], column: value}, *rows[11:]])

    shown = more.pop("shown", str(value))
    name = f"crash whose {column} is {value!r}"
    return Refused(name, spoil, "crashes", 12, more.pop("told", column), shown, code, 1)


def more_roads(*features: dict[str, Any]) -> Callable[[Path], None]:
    return road_layer([*roads(), *features])


def broken_roads(study: Path) -> None:
    lines = [
        [at(0, 0), at(4000, 0)],
        [at(2000, -2000), at(2000, 0), at(2000, 2000)],
        [at(3000, 0), at(3000, 1500)],
        [at(0, 0), [float("nan"), NORTH]],
    ]
    frame = gpd.GeoDataFrame(
        {"road_id": list("abcd"), "ref": ["QL1", "DT234", None, None], "km_from": [10.0] * 4},
        geometry=shapely.linestrings(lines[:1]).tolist()
        + [shapely.LineString(each) for each in lines[1:]],
        crs=GRID,
    )
    frame["km_to"] = [14.0] * 4
    frame.to_file(study.parent / "roads.gpkg", engine="pyogrio")
    edit(study, "roads.geojson", "roads.gpkg")
    without(study, "repairs")


def works(*rows: tuple[Any, ...]) -> Callable[[Path], None]:
    return lambda study: write_book(study.parent / "repairs.xlsx", {"a": [*REPAIRS, *rows]})


def layer(name: str, *features: dict[str, Any]) -> Callable[[Path], None]:
    """One of the layers with more features behind those it has."""

    def spoil(study: Path) -> None:
        path = study.parent / f"{name}.geojson"
        kept = json.loads(path.read_text(encoding="utf-8"))["features"]
        write_features(path, [*kept, *features])

    return spoil


LON, LAT = degrees(2003, 4)
REFUSED = [
    Refused(
        "point among lines",
        more_roads(point(5, 5, road_id="P")),
        "roads",
        4,
        "geometry",
        "Point",
        "not-a-line",
    ),
    Refused(
        "polygon among lines",
        more_roads(line((0, 900), (0, 990), road_id="R5"), box(0, 0, 9, 9, road_id="P")),
        "roads",
        5,
        "geometry",
        "Polygon",
        "not-a-line",
    ),
    Refused(
        "line without length",
        more_roads(line((7, 7), (7, 7), road_id="Z")),
        "roads",
        4,
        "geometry",
        "LineString",
        "no-length",
    ),
    Refused(
        "line of one vertex",
        more_roads(line((7, 7), road_id="Z")),
        "roads",
        4,
        "geometry",
        "",
        "no-geometry",
    ),
    Refused(
        "feature without geometry",
        more_roads({"type": "Feature", "properties": {"road_id": "N"}, "geometry": None}),
        "roads",
        4,
        "geometry",
        "",
        "no-geometry",
    ),
    Refused(
        "line through nowhere",
        broken_roads,
        "roads",
        4,
        "geometry",
        "LineString",
        "broken-geometry",
    ),
    Refused(
        "road with traffic below nothing",
        more_roads(line((0, 900), (0, 990), road_id="R5", aadt=-3)),
        "roads",
        4,
        "aadt",
        "-3",
        "negative",
    ),
    Refused(
        "crossing that is a line",
        layer("crossings", line((0, 0), (1, 1), crossing_id="LX3")),
        "crossings",
        3,
        "geometry",
        "LineString",
        "not-a-point",
    ),
    Refused(
        "crossing outside the province",
        layer("crossings", point(90_000, 0, crossing_id="LX3")),
        "crossings",
        3,
        "geometry",
        "",
        "outside-area",
    ),
    Refused(
        "district without a name",
        layer("districts", box(5000, 0, 6000, 9, name=None)),
        "areas",
        3,
        "name",
        "",
        "no-name",
    ),
    Refused(
        "district that is a point",
        layer("districts", point(0, 0, name="?")),
        "areas",
        3,
        "geometry",
        "Point",
        "not-a-polygon",
    ),
    Refused(
        "railway that is a point",
        layer("railways", point(0, 0, railway_id="T3")),
        "railways",
        3,
        "geometry",
        "Point",
        "not-a-line",
    ),
    Refused(
        "work that costs less than nothing",
        works(("W4", "Sơn", "rumble-bars", "QL1", "Km13+000", "Km13+200", -60)),
        "repairs",
        5,
        "Dự toán",
        "-60",
        "negative",
    ),
    Refused(
        "work whose cost may be a thousand times more",
        works(("W4", "Sơn", "rumble-bars", "QL1", "Km13+000", "Km13+200", "1.500")),
        "repairs",
        5,
        "Dự toán",
        "1.500",
        "ambiguous-number",
    ),
    Refused(
        "work that the catalogue has not",
        works(("W4", "Sơn", "paint-it-black", "QL1", "Km13+000", "Km13+200", 60)),
        "repairs",
        5,
        "Biện pháp",
        "paint-it-black",
        "unknown-countermeasure",
    ),
    Refused(
        "work on a road that is not there",
        works(("W4", "Sơn", "rumble-bars", "QL99", "Km13+000", "Km13+200", 60)),
        "repairs",
        5,
        "Tuyến đường",
        "QL99",
        "route-not-in-network",
    ),
    Refused(
        "work of an id that was given",
        works(("W1", "Sơn", "rumble-bars", "QL1", "Km13+000", "Km13+200", 60)),
        "repairs",
        5,
        "repair_id",
        "W1",
        "duplicate-id",
    ),
    crash_cell("crash_id", "C3", "duplicate-id"),
    crash_cell("lat", degrees(2003, 90_000)[1], "outside-area", told="lat, lon", shown=""),
    Refused(
        "crash whose coordinates are swapped",
        lambda study: with_rows(
            study, lambda rows: [*rows[:10], {**rows[10], "lat": LON, "lon": LAT + 9}, *rows[11:]]
        ),
        "crashes",
        12,
        "lat",
        str(LON),
        "swapped",
        1,
    ),
    crash_cell("lat", 95, "off-globe"),
    crash_cell("lon", 206.7, "off-globe"),
    crash_cell("lat", "", "half-coordinate"),
    crash_cell("lat", "21x51'", "not-an-angle"),
    crash_cell("lon", "inf", "not-an-angle"),
    crash_cell("deaths", -1, "negative"),
    crash_cell("deaths", 1.5, "not-whole"),
    crash_cell("severity", "khá nặng", "unknown-severity"),
    crash_cell("date", "", "no-date"),
    crash_cell("date", "30/02/2022", "no-such-day"),
    crash_cell("date", "13/03/1022", "no-such-day"),
    crash_cell("date", "tháng ba", "not-a-date"),
    crash_cell("date", "01/01/2024", "outside-period"),
]


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.name)
def test_a_bad_row_is_left_out_and_counted_with_its_place(
    refused: Refused, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path)
    refused.spoil(study)
    assert main(["run", str(study), "--quiet", "--lang", "en"]) == 0
    said = capsys.readouterr().out
    out = tmp_path / "out"
    assert {file.name for file in out.iterdir()} == OUTPUTS
    with (out / "rejected.csv").open(encoding="utf-8-sig", newline="") as text:
        found = list(csv.DictReader(text))
    assert len(found) == 1
    row = found[0]
    told = (row["table"], int(row["row"]), row["column"], row["code"])
    assert told == (refused.table, refused.row, refused.column, refused.code)
    assert row["value"].lstrip("'").startswith(refused.value)
    assert row["file"].startswith(refused.table.replace("areas", "districts"))
    assert row["fix_vi"]
    assert row["fix_en"]
    assert row["fix_vi"] != row["fix_en"]
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["read"] == 20
    assert summary["rejected"] == refused.crashes
    assert summary["placed"] + summary["unplaced"] == 20 - refused.crashes
    assert summary["rejected_because"] == ({refused.code: 1} if refused.crashes else {})
    rejected = f"{20 - refused.crashes} placed + 0 unplaced + {refused.crashes} rejected"
    assert f"20 read = {rejected}" in said


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("hour", "25:10", "hour-unread"),
        ("hour", "hai giờ", "hour-unread"),
        ("km", "Km45+300 cách 200 m", "km-unread"),
    ],
)
def test_a_cell_that_a_crash_can_do_without_is_left_unknown_and_told(
    column: str, value: str, code: str, tmp_path: Path
) -> None:
    study = write_study(tmp_path)
    crash_cell(column, value, code).spoil(study)
    assert main(["run", str(study), "--quiet", "--lang", "en"]) == 0
    out = tmp_path / "out"
    with (out / "remarks.csv").open(encoding="utf-8-sig", newline="") as text:
        (row,) = csv.DictReader(text)
    told = (row["table"], row["row"], row["column"], row["value"], row["kind"], row["code"])
    assert told == ("crashes", "12", column, value, "doubtful", code)
    assert (out / "rejected.csv").read_text(encoding="utf-8-sig").count("\n") == 1
    crashes = pyogrio.read_dataframe(out / "blackspots.gpkg", layer="crashes")
    assert pd.isna(crashes.set_index("crash_id").at["C11", column])


def test_a_crash_far_away_is_unplaced_where_no_study_area_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path)
    without(study, "boundary")
    with_rows(study, lambda rows: [*rows, crash(21, 0, 0, lat=-10, lon=-73), crash(22, 0, 900)])
    assert main(["run", str(study), "--quiet", "--lang", "en"]) == 0
    assert "22 read = 20 placed + 2 unplaced + 0 rejected" in capsys.readouterr().out


def test_lines_of_several_parts_are_taken_apart(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    parts = [[at(0, 900), at(0, 990)], [at(100, 900), at(100, 990)]]
    more_roads(feature("MultiLineString", parts, road_id="M"))(study)
    assert main(["run", str(study), "--quiet"]) == 0
    with (tmp_path / "out" / "segments.csv").open(encoding="utf-8-sig", newline="") as text:
        ids = {row["road_id"] for row in csv.DictReader(text)}
    assert ids == {"R1", "R2", "R3", "M", "M#2"}


@pytest.mark.parametrize("rows", [[], [("W9", "x", None, -1)]], ids=["header only", "all rejected"])
def test_a_list_of_works_without_any_usable_row_funds_from_the_catalogue(
    tmp_path: Path, rows: list[tuple[Any, ...]]
) -> None:
    study = write_study(tmp_path)
    write_book(tmp_path / "repairs.xlsx", {"a": [REPAIRS[0], *rows]})
    assert main(["run", str(study), "--quiet"]) == 0
    with (tmp_path / "out" / "programme.csv").open(encoding="utf-8-sig", newline="") as text:
        assert {row["source"] for row in csv.DictReader(text)} == {"catalogue"}


def test_a_row_longer_than_the_header_is_told_with_its_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path)
    register = tmp_path / "crashes.csv"
    lines = register.read_text(encoding="utf-8").splitlines()
    lines[4] += ",and a text, with commas"
    register.write_text("\n".join(lines), encoding="utf-8")
    assert main(["run", str(study), "--quiet", "--lang", "en"]) == 1
    assert "crashes.csv" in (said := capsys.readouterr().err)
    assert "row 5: more cells" in said


def test_an_own_definition_and_catalogue_are_used(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    own_definition(DEFINITION)(study)
    file("own.csv", CATALOGUE.replace(",", ";"))(study)  # as Excel in Viet Nam writes it
    edit(study, 'definition = "own.toml"', 'definition = "own.toml"\ncatalogue = "own.csv"')
    assert main(["run", str(study), "--quiet"]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["definition"] == "own"
    with (tmp_path / "out" / "ranking.csv").open(encoding="utf-8-sig", newline="") as text:
        verdicts = {row["rule"]: row["verdict"] for row in csv.DictReader(text)}
    assert verdicts.get("five") == "black-spot"
    with (tmp_path / "out" / "programme.csv").open(encoding="utf-8-sig", newline="") as text:
        used = {row["countermeasure"] for row in csv.DictReader(text)}
    assert "lighting" in used
    assert used <= {"rumble-bars", "lighting", "crossing-gates"}


def test_words_for_severity_that_the_study_explains_are_understood(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    with_rows(study, lambda rows: [{**row, "severity": "Loại 1", "deaths": ""} for row in rows])
    edit(study, '["crashes.csv"]', '["crashes.csv"]\nseverity = { "loại 1" = "fatal" }')
    assert main(["run", str(study), "--quiet"]) == 0
    base = gpd.read_file(tmp_path / "out" / "blackspots.gpkg", layer="crashes", engine="pyogrio")
    assert base["severity"].tolist() == ["fatal"] * 20


def test_messages_are_in_the_language_of_the_study_unless_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLACKSPOTS_LANG", "en")
    study = write_study(tmp_path)
    edit(study, "start = 2021", 'language = "vi"\nstart = 2021')
    edit(study, "amount = 500", "amount = 0")
    assert main(["run", str(study), "--quiet"]) == 1
    assert capsys.readouterr().err.startswith("Lỗi: ")
    assert main(["--lang=en", "run", str(study), "--quiet"]) == 1
    assert capsys.readouterr().err.startswith("Error: ")
    study.unlink()
    assert main(["run", str(study), "--quiet"]) == 1
    assert capsys.readouterr().err.startswith("Error: ")
    monkeypatch.setenv("BLACKSPOTS_LANG", "vi_VN.UTF-8")
    assert main(["run", str(study), "--quiet"]) == 1
    assert capsys.readouterr().err.startswith("Lỗi: ")


def test_a_wrong_command_line_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["walk"], ["run"], ["run", "a.toml", "--fast"], ["--lang", "fr", "run", "a"]):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 2
        assert "usage: blackspots" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("language", "words"), [("vi", "chạy cả nghiên cứu"), ("en", "run a whole")]
)
def test_help_speaks_both_languages(
    language: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--help", "--lang", language])
    assert stop.value.code == 0
    assert words in capsys.readouterr().out


def test_help_loads_none_of_the_slow_libraries() -> None:
    code = (
        "import sys\n"
        "from blackspots.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as stop:\n    assert stop.code == 0\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True
    )
    loaded = set(json.loads(done.stderr.replace("'", '"')))
    slow = {"folium", "geopandas", "highspy", "numpy", "pandas", "pydantic", "pyogrio", "pyproj"}
    slow |= {"python_calamine", "rich", "scipy", "shapely", "xlsxwriter"}
    assert "blackspots" in loaded
    assert not loaded & slow


def test_help_imports_few_modules_beyond_those_of_a_bare_script() -> None:
    """Counts stand for the time they take, which no busy machine can distort."""

    def loaded(code: str) -> int:
        tail = "\nimport sys; print(len(sys.modules), file=sys.stderr)"
        run = [sys.executable, "-c", code + tail]
        return int(subprocess.run(run, capture_output=True, text=True, check=True).stderr)

    bare = loaded("import argparse, locale, pathlib, importlib.resources, tomllib, string")
    ours = loaded("from blackspots.cli import _parser; _parser('vi').format_help()")
    assert ours <= bare + 60


def test_running_in_a_process_writes_no_traceback_and_the_exit_code(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    edit(study, "amount = 500", "amount = 0")
    command = [sys.executable, "-m", "blackspots", "run", str(study)]
    environment = {**os.environ, "PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert done.returncode == 1
    assert "ngân sách là 0" in done.stderr.decode("utf-8")
    assert b"Traceback" not in done.stderr


def test_stopping_a_run_leaves_the_earlier_outputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_study(tmp_path)
    assert main(["run", str(study), "--quiet"]) == 0
    before = tree(tmp_path)

    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("blackspots.store.write_geopackage", stopped)
    assert main(["run", str(study), "--quiet", "--lang", "vi"]) == 130
    assert "Đã dừng" in capsys.readouterr().err
    assert tree(tmp_path) == before


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    for name in ("one", "two"):
        assert main(["run", str(study), "--quiet", "--out", str(tmp_path / name)]) == 0
    one, two = tree(tmp_path / "one"), tree(tmp_path / "two")
    assert set(one) == OUTPUTS
    assert [name for name in one if one[name] != two[name]] == []


def _words_in(folder: Path) -> str:
    """All that can be read out of a folder of outputs, packed files unpacked."""
    found = []
    for path in sorted(folder.iterdir()):
        found.append(path.read_bytes().decode("utf-8", "replace"))
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                found += [book.read(name).decode("utf-8", "replace") for name in book.namelist()]
    return "\n".join(found)


def test_columns_that_nobody_asked_for_leave_no_trace_in_any_output(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    with_rows(
        study,
        lambda rows: [
            *rows,
            crash(21, 10, 0, severity="khá nặng"),
            crash(22, 0, 900),
            crash(23, 10, 0, crash_id="C1"),
            crash(24, 90_000, 0),
        ],
    )
    assert main(["run", str(study), "--quiet"]) == 0
    words = _words_in(tmp_path / "out")
    for kept in ("QL1", "Huyện Tây", "khá nặng", "C22"):
        assert kept in words  # the search finds what is there
    for secret in ("Hoàng", "Bí Mật", "12A-987", "987.65", "B\\u00ed M\\u1eadt", "M&#7853;t"):
        assert secret not in words
