"""The list of sites read back from a workbook: what holds, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
from pyproj import CRS

from blackspots.errors import BlackspotsError
from blackspots.labels import LANGUAGES, text
from blackspots.schema import LISTED, STATUSES, check
from blackspots.sources import Findings, read_site_list
from blackspots.sources.sitelist import CELL, DATA, ENTERED, SiteList, data_rows

GRID = CRS.from_epsg(9215)
HEADS = [text(f"column.{column}", "vi") for column in ("site_id", *ENTERED)]
LINE = shapely.LineString([(430_000, 2_410_000), (430_300.26, 2_410_000)])


def sites(**shapes: Any) -> gpd.GeoDataFrame:
    count = len(shapes)
    frame = gpd.GeoDataFrame(
        {
            "kind": ["segment"] * count,
            "label": [f"QL1 {name}" for name in shapes],
            "area": [None] * count,
            "first_listed": pd.array([2021] * count, dtype="Int64"),
            "last_listed": pd.array([2023] * count, dtype="Int64"),
            **{name: [None] * count for name in ("status", "status_text", "owner", "note")},
        },
        geometry=gpd.GeoSeries(list(shapes.values()), crs=GRID),
    )
    frame.index = pd.Index(list(shapes), name="site_id", dtype="object")
    return frame


def write(
    path: Path,
    frame: gpd.GeoDataFrame,
    rows: list[list[Any]] | None = None,
    off: gpd.GeoDataFrame | None = None,
) -> Path:
    """A list as a run writes it; ``rows`` stand in the visible sheet."""
    book = openpyxl.Workbook()
    page = book.active
    page.title = "Danh sách"
    page.append(["Danh sách vị trí"])
    page.append(HEADS)
    for row in rows if rows is not None else [[site] for site in frame.index]:
        page.append(row)
    hidden = book.create_sheet(DATA)
    for row in data_rows(frame, frame.iloc[:0] if off is None else off):
        hidden.append(row)
    hidden.sheet_state = "veryHidden"
    book.save(path)
    return path


def read(path: Path, findings: Findings | None = None) -> SiteList:
    return read_site_list(path, GRID, findings)


def test_a_list_gives_back_what_it_was_written_from(tmp_path: Path) -> None:
    square = shapely.box(430_000, 2_410_000, 431_000, 2_411_000)
    frame = sites(a=LINE, b=shapely.Point(430_000.04, 2_410_000), c=square, d=None)
    made = read(write(tmp_path / "sites.xlsx", frame))
    check(made.sites, LISTED)
    pd.testing.assert_frame_equal(
        pd.DataFrame(made.sites.drop(columns="geometry")),
        pd.DataFrame(frame.drop(columns="geometry")),
        check_dtype=False,
    )
    apart = shapely.distance(made.sites.geometry.array[:3], frame.geometry.array[:3])
    assert (apart <= 0.1).all()
    assert made.sites.geometry.isna().tolist() == [False, False, False, True]
    assert made.off.empty
    assert made.edited == ()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", STATUSES)
def test_a_status_is_understood_in_either_language(
    tmp_path: Path, language: str, code: str
) -> None:
    word = text(f"status.{code}", language)
    rows = [["a", f" {word.upper()} "]]
    made = read(write(tmp_path / "sites.xlsx", sites(a=LINE), rows))
    assert made.sites["status"].tolist() == [code]
    assert made.edited == ("a",)


def test_entries_are_kept_as_they_stand(tmp_path: Path) -> None:
    rows = [["a", "chờ", 115, "dòng một\ndòng hai"], ["b", None, None, "=SUM(A1)"]]
    findings = Findings()
    made = read(write(tmp_path / "sites.xlsx", sites(a=LINE, b=LINE), rows), findings)
    first = made.sites.loc["a"]
    assert first[["status_text", "owner", "note"]].tolist() == ["chờ", "115", "dòng một\ndòng hai"]
    assert first["status"] is None
    (told,) = findings.rejects
    assert {k: told[k] for k in ("file", "sheet", "row", "column", "value", "code")} == {
        "file": "sites.xlsx",
        "sheet": "Danh sách",
        "row": 3,
        "column": HEADS[1],
        "value": "chờ",
        "code": "no-such-status",
    }
    again = read(write(tmp_path / "sites.xlsx", made.sites, rows))
    assert "a" not in again.edited


def test_rows_are_known_by_their_id_wherever_they_stand(tmp_path: Path) -> None:
    path = write(tmp_path / "sites.xlsx", sites(a=LINE, b=LINE), [["b", "done"], [], ["a"]])
    book = openpyxl.load_workbook(path)
    book.create_sheet("Ghi chép", 0).append(["Việc khác"])
    copied = book.copy_worksheet(book["Danh sách"])  # every row twice, with the same words
    copied.insert_cols(1)
    copied["A2"] = "Hạng"
    book.save(path)
    made = read(path)
    assert made.sites["status"].to_dict() == {"a": None, "b": "done"}
    assert made.edited == ("b",)


def test_an_edited_id_and_a_site_that_stands_twice_are_told_together(tmp_path: Path) -> None:
    rows = [["a"], ["QL1"], ["a", None, "Sở GTVT"]]
    with pytest.raises(BlackspotsError) as raised:
        read(write(tmp_path / "sites.xlsx", sites(a=LINE, b=LINE), rows))
    told = raised.value.message("en")
    where = "sites.xlsx, sheet Danh sách, row {}, column “Mã vị trí”"
    assert f"{where.format(4)}: no run has given the id “QL1”" in told
    assert f"{where.format(5)}: site a stands in row 3" in told
    assert "chưa lần chạy nào cấp mã “QL1”" in raised.value.message("vi")


def test_words_beside_no_site_are_told(tmp_path: Path) -> None:
    findings = Findings()
    read(write(tmp_path / "sites.xlsx", sites(a=LINE), [["a"], [None, None, "lạc"]]), findings)
    (told,) = findings.rejects
    assert (told["code"], told["row"], told["value"]) == ("no-site-id", 4, "lạc")


def test_persons_are_masked_outside_the_list_unless_allowed(tmp_path: Path) -> None:
    words = "Ông Nguyễn Văn An, 0912 345 678"
    path = write(tmp_path / "sites.xlsx", sites(a=LINE), [["a", None, words, words]])
    made = read(path)
    assert made.sites["owner"].tolist() == [words]
    assert "0912 345 678" not in made.earlier.at["a", "owner"] + made.earlier.at["a", "note"]
    made = read_site_list(path, GRID, allowed=["đơn vị phụ trách"])
    assert made.earlier.at["a", "owner"] == words
    assert made.earlier.at["a", "note"] != words


def test_a_dash_is_no_status(tmp_path: Path) -> None:
    made = read(write(tmp_path / "sites.xlsx", sites(a=LINE), [["a", "–"]]))
    assert made.sites[["status", "status_text"]].isna().to_numpy().all()


def test_a_deleted_row_is_off_and_one_put_back_is_on_again(tmp_path: Path) -> None:
    frame = sites(a=LINE, b=LINE)
    made = read(write(tmp_path / "sites.xlsx", frame, [["a"]]))
    assert list(made.sites.index) == ["a"]
    assert list(made.off.index) == ["b"]
    assert made.edited == ("b",)
    same = read(write(tmp_path / "sites.xlsx", made.sites, [["a"]], made.off))
    assert (list(same.off.index), same.edited) == (["b"], ())
    back = read(write(tmp_path / "sites.xlsx", made.sites, [["b"], ["a"]], made.off))
    assert sorted(back.sites.index) == ["a", "b"]
    assert back.edited == ("b",)


def test_a_site_off_the_list_has_no_place_to_be_found_at(tmp_path: Path) -> None:
    made = read(write(tmp_path / "sites.xlsx", sites(a=LINE, b=LINE), [["a"]]))
    assert made.earlier.geometry.isna().to_dict() == {"a": False, "b": True}
    assert made.earlier.crs == GRID


def test_a_shape_too_long_for_a_cell_runs_on_in_the_next(tmp_path: Path) -> None:
    turn = np.linspace(0, 2 * np.pi, 4000)
    jagged = 5_000 + 500 * (np.arange(4000) % 2)
    ring = np.column_stack([430_000 + jagged * np.cos(turn), 2_410_000 + jagged * np.sin(turn)])
    shape = shapely.Polygon(ring)
    frame = sites(a=shape)
    (_, _, row) = data_rows(frame, frame.iloc[:0])
    assert len(row) > 12
    assert max(len(cell) for cell in row if isinstance(cell, str)) <= CELL
    made = read(write(tmp_path / "sites.xlsx", frame))
    shared = made.sites.geometry.iloc[0].intersection(shape).area
    assert shared == pytest.approx(shape.area, rel=1e-3)


def test_a_list_of_another_grid_lies_where_it_did(tmp_path: Path) -> None:
    path = write(tmp_path / "sites.xlsx", sites(a=LINE))
    made = read_site_list(path, CRS.from_epsg(32648)).sites
    assert made.crs.to_epsg() == 32648
    assert made.to_crs(GRID).geometry.iloc[0].hausdorff_distance(LINE) < 0.2


def test_an_empty_list_is_a_list(tmp_path: Path) -> None:
    made = read(write(tmp_path / "sites.xlsx", sites(a=LINE).iloc[:0]))
    assert (len(made.sites), len(made.off), made.edited) == (0, 0, ())
    check(made.sites, LISTED)


@pytest.mark.parametrize(
    ("do", "code"),
    [
        (lambda book: book.remove(book[DATA]), "sites-foreign"),
        (lambda book: book.remove(book.worksheets[0]), "sites-foreign"),
        (lambda book: book[DATA].append([c.value for c in book[DATA][3]]), "sites-foreign"),
        (lambda book: book[DATA].cell(3, 11, "LINESTRING (1"), "sites-foreign"),
        (lambda book: book[DATA].cell(3, 6, "năm nay"), "sites-foreign"),
        (lambda book: book[DATA].cell(3, 3, "quốc lộ"), "sites-foreign"),
        (lambda book: book[DATA].cell(1, 3, "hệ tọa độ"), "sites-foreign"),
        (lambda book: book[DATA].cell(2, 3, "loại"), "sites-foreign"),
        (lambda book: book[DATA].delete_rows(1, 9), "sites-foreign"),
        (lambda book: book.worksheets[0].delete_cols(3), "sites-column"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_in_both_languages(
    tmp_path: Path, do: Callable[[Any], object], code: str
) -> None:
    path = write(tmp_path / "sites.xlsx", sites(a=LINE))
    book = openpyxl.load_workbook(path)
    book.create_sheet("Khác").append(["Mã", "Tên"])
    do(book)
    book.save(path)
    with pytest.raises(BlackspotsError) as raised:
        read(path)
    assert raised.value.code == code
    for language in LANGUAGES:
        told = raised.value.message(language)
        assert "sites.xlsx" in told
        if code == "sites-column":
            assert "Danh sách" in told
            assert text("column.owner", language) in told
