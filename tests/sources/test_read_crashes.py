"""The register: formats, headers, sheets, severity, and that no row is lost."""

import datetime as dt
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import CRS
from small_study import (
    GRID,
    HEADER,
    Row,
    crashes,
    degrees,
    edit,
    write_book,
    write_rows,
    write_study,
)

from blackspots.config import load_study
from blackspots.errors import BlackspotsError
from blackspots.presets.headers import DATE_PARTS, listed, severity_vocabulary
from blackspots.sources import Findings, read_crashes
from blackspots.sources.crashes import Register
from blackspots.sources.severity import severity_of_persons
from blackspots.study import place_study

TARGET = CRS(GRID)


def read(*paths: Path, findings: Findings | None = None, **options: Any) -> Register:
    return read_crashes(list(paths), TARGET, findings or Findings(), **options)


Told = tuple[list[tuple[Any, ...]], list[list[float]]]


def told(frame: gpd.GeoDataFrame) -> Told:
    """What a table of crashes says and where, whatever file it came from."""
    frame = frame.sort_index()
    kept = frame.drop(columns=["source_file", "source_sheet", "source_row", "geometry"])
    rows = kept.astype(object).where(kept.notna(), None).itertuples(name=None)
    return list(rows), shapely.get_coordinates(frame.geometry.array).tolist()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Told:
    path = tmp_path_factory.mktemp("csv") / "crashes.csv"
    write_rows(path, crashes())
    found = told(read(path).crashes)
    assert len(found[0]) == len(found[1]) == 20
    return found


def frame_of(rows: list[Row]) -> gpd.GeoDataFrame:
    lons, lats = [row["lon"] for row in rows], [row["lat"] for row in rows]
    cells = pd.DataFrame(rows).drop(columns=["lat", "lon"])
    return gpd.GeoDataFrame(cells, geometry=gpd.points_from_xy(lons, lats), crs=4326)


def as_text(delimiter: str, encoding: str = "utf-8", suffix: str = "csv") -> Any:
    def write(folder: Path) -> list[Path]:
        path = folder / f"c.{suffix}"
        write_rows(path, crashes(), delimiter=delimiter, encoding=encoding)
        return [path]

    return write


def decimal_commas(folder: Path) -> list[Path]:
    rows = [{**r, **{k: str(r[k]).replace(".", ",") for k in ("lat", "lon")}} for r in crashes()]
    write_rows(folder / "c.csv", rows, delimiter=";")
    return [folder / "c.csv"]


def titled_text(folder: Path) -> list[Path]:
    write_rows(folder / "c.csv", crashes(), delimiter=";")
    body = (folder / "c.csv").read_text(encoding="utf-8")
    head = "Danh sách tai nạn, tỉnh Lạng Sơn\n\n"
    (folder / "c.csv").write_text(head + body, encoding="utf-8")
    return [folder / "c.csv"]


def book(folder: Path) -> list[Path]:
    """Two sheets and a second file; cells typed as Excel types them."""
    rows = []
    for row in crashes():
        day, month, year = map(int, row["date"].split("/"))
        hour, minute = map(int, row["hour"].split(":"))
        typed = {**row, "date": dt.date(year, month, day), "hour": dt.time(hour, minute)}
        rows.append([typed[name] if typed[name] != "" else None for name in HEADER])
    write_book(folder / "one.xlsx", {"2021": [HEADER, *rows[:5]], "2022": [HEADER, *rows[5:12]]})
    title = [["SỔ THEO DÕI TAI NẠN"], [], HEADER]
    write_book(folder / "two.xlsx", {"Trang 1": [*title, *rows[12:]]})
    return [folder / "one.xlsx", folder / "two.xlsx"]


def serials(folder: Path) -> list[Path]:
    """A workbook whose dates and times are bare numbers."""
    rows = []
    for row in crashes():
        day, month, year = map(int, row["date"].split("/"))
        hour, minute = map(int, row["hour"].split(":"))
        serial = (dt.date(year, month, day) - dt.date(1899, 12, 30)).days
        typed = {**row, "date": serial, "hour": (hour + minute / 60) / 24}
        rows.append([typed[name] if typed[name] != "" else None for name in HEADER])
    write_book(folder / "c.xlsx", {"a": [HEADER, *rows]})
    return [folder / "c.xlsx"]


def layer(suffix: str, crs: str = "EPSG:4326") -> Any:
    def write(folder: Path) -> list[Path]:
        frame = frame_of(crashes()).to_crs(crs)
        path = folder / f"c.{suffix}"
        if suffix == "geojson":
            frame.to_file(path, engine="pyogrio", COORDINATE_PRECISION=9)
        else:
            frame.to_file(path, engine="pyogrio")
        return [path]

    return write


FORMATS = {
    "commas with BOM": as_text(",", "utf-8-sig"),
    "semicolons": as_text(";"),
    "semicolons and decimal commas": decimal_commas,
    "tabs": as_text("\t", suffix="tsv"),
    "pipes": as_text("|", suffix="txt"),
    "title above the header": titled_text,
    "workbooks": book,
    "workbook of serials": serials,
    "GeoPackage": layer("gpkg"),
    "GeoPackage in metres": layer("gpkg", "EPSG:9215"),
    "GeoJSON": layer("geojson"),
    "Shapefile": layer("shp"),
}


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_same_crashes(form: str, tmp_path: Path, expected: Told) -> None:
    findings = Findings()
    register = read(*FORMATS[form](tmp_path), findings=findings)
    assert register.read == 20
    assert findings.rejects == []
    rows, places = told(register.crashes)
    assert rows == expected[0]
    assert np.allclose(places, expected[1], rtol=0, atol=0.05)
    assert {"driver", "plate"} <= set(register.dropped)
    assert not {"driver", "plate"} & set(register.crashes.columns)


def test_a_row_knows_its_file_sheet_and_number(tmp_path: Path) -> None:
    frame = read(*book(tmp_path)).crashes
    first = frame.loc["C6", ["source_file", "source_sheet", "source_row"]]
    assert list(first) == ["one.xlsx", "2022", 2]
    # Below a title, an empty row and the header in row 3.
    last = frame.loc["C13", ["source_file", "source_sheet", "source_row"]]
    assert list(last) == ["two.xlsx", "Trang 1", 4]


def test_only_the_sheets_that_are_named_are_read(tmp_path: Path) -> None:
    path = book(tmp_path)[0]
    assert list(read(path, sheets=["2021"]).crashes.index) == ["C1", "C2", "C3", "C4", "C5"]


def test_a_geopackage_of_several_layers_is_read_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "c.gpkg"
    for name, rows in (("a", crashes()[:5]), ("b", crashes()[5:12]), ("c", crashes()[12:])):
        frame_of(rows).to_file(path, layer=name, engine="pyogrio")
    register = read(path, sheets=["a", "c"])
    assert register.read == 13
    assert set(register.crashes["source_sheet"]) == {"a", "c"}
    with pytest.raises(BlackspotsError, match="sheets") as refusal:
        read(path)
    assert refusal.value.code == "several-layers"


def test_files_of_one_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    rows = [
        {**row, "crash_id": "", "deaths": -1 if i == 4 else 0} for i, row in enumerate(crashes())
    ]
    for year in ("2021", "2022"):
        (tmp_path / year).mkdir()
        write_rows(tmp_path / year / "crashes.csv", rows)
    findings = Findings()
    register = read(
        tmp_path / "2021" / "crashes.csv", tmp_path / "2022" / "crashes.csv", findings=findings
    )
    assert register.read == 40
    assert len(register.crashes) == 38
    assert sorted(r["file"] for r in findings.rejects) == ["2021/crashes.csv", "2022/crashes.csv"]


def test_a_filter_keeps_the_rows_it_names_whatever_the_cell_type(tmp_path: Path) -> None:
    rows = [["date", "lat", "lon", "year", "kind"]]
    for year, kind in ((2021, "a"), (2022, "b"), (2022, "c"), (2023, "b")):
        lon, lat = degrees(0, 0)
        rows.append([f"01/01/{year}", lat, lon, year, kind])
    write_book(tmp_path / "c.xlsx", {"s": rows})
    write_rows(tmp_path / "c.csv", [dict(zip(rows[0], r, strict=True)) for r in rows[1:]], rows[0])
    for name in ("c.xlsx", "c.csv"):
        register = read(tmp_path / name, keep={"year": [2022, 2023], "kind": "b"})
        assert register.read == 2
        assert register.crashes["date"].dt.year.tolist() == [2022, 2023]


@pytest.mark.parametrize(
    "column", [c for c in listed("crashes") if c not in ("x", "y", *DATE_PARTS)]
)
def test_every_known_header_is_matched_with_and_without_marks(column: str, tmp_path: Path) -> None:
    bare = str.maketrans("ốđìạễộứàạảờẳướừựáềịẹọéêôâăươ", "o" + "d" + "iaeouaaaoauouuaeieoeeoaauo")
    values = {
        "date": "01/02/2022",
        "hour": "3",
        "severity": "K",
        "route": "QL1",
        "km": "Km1+5",
        "train_involved": "có",
        "duplicate": "không",
        "coordinates": "21.8, 106.7",
        "lat": "21.8",
        "lon": "106.7",
    }
    value = values.get(column, "1")
    for number, word in enumerate(listed("crashes")[column]):
        for spelled in {word, word.upper(), word.lower().translate(bare).replace("/", " / ")}:
            others = {"lat": "21.8", "lon": "106.7"}
            others.pop(column, None)
            path = tmp_path / f"{number}.csv"
            write_rows(path, [{spelled: value, **others}], [spelled, *others])
            register = read(path)
            assert register.dropped == (), spelled
            assert len(register.crashes) == 1


def test_what_the_study_says_of_a_header_comes_first(tmp_path: Path) -> None:
    lon, lat = degrees(0, 0)
    row = {"Mức độ": "K", "grade": "nhẹ", "lat": lat, "lon": lon, "Huyện": "a"}
    write_rows(tmp_path / "c.csv", [row], list(row))
    assert read(tmp_path / "c.csv").crashes["severity"].tolist() == ["fatal"]
    told_so = read(tmp_path / "c.csv", columns={"severity": "grade", "district": ""})
    assert told_so.crashes["severity"].tolist() == ["slight"]
    assert told_so.crashes["district"].isna().all()
    assert set(told_so.dropped) == {"Mức độ", "Huyện"}


PERSONS = [
    # deaths, serious, slight, injured -> severity
    ((1, None, None, None), "fatal"),
    ((2, 3, 0, 3), "fatal"),
    ((0, 1, 4, 5), "serious"),
    ((None, 1, None, None), "serious"),
    ((0, 0, 2, 2), "slight"),
    ((None, 0, 2, None), "slight"),
    ((0, None, 2, None), "injury"),
    ((0, None, None, 3), "injury"),
    ((None, None, None, 3), "injury"),
    ((0, None, None, 0), "pdo"),
    ((0, 0, 0, 0), "pdo"),
    ((0, None, None, None), "unknown"),
    ((None, None, None, 0), "unknown"),
    ((None, None, None, None), "unknown"),
    ((None, 0, 0, None), "unknown"),
]


@pytest.mark.parametrize(("persons", "severity"), PERSONS)
def test_severity_follows_from_the_persons(persons: tuple[Any, ...], severity: str) -> None:
    names = ("deaths", "serious", "slight", "injured")
    frame = pd.DataFrame(
        {n: pd.array([p], dtype="Int64") for n, p in zip(names, persons, strict=True)}
    )
    assert severity_of_persons(frame).tolist() == [severity]


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        *(("K", "fatal"), ("a", "serious"), ("B", "slight"), ("C", "slight"), ("O", "pdo")),
        *(("U", "unknown"), ("", "unknown"), ("không rõ", "unknown"), ("CHẾT NGƯỜI", "fatal")),
        *(("Bi thuong nang", "serious"), ("Bị thương", "injury"), ("va chạm", "pdo")),
    ],
)
def test_severity_words_are_understood_and_blank_ones_stay_unknown(
    word: str, severity: str, tmp_path: Path
) -> None:
    lon, lat = degrees(0, 0)
    row = {"severity": word, "lat": lat, "lon": lon}
    write_rows(tmp_path / "c.csv", [row], list(row))
    findings = Findings()
    assert read(tmp_path / "c.csv", findings=findings).crashes["severity"].tolist() == [severity]
    assert findings.rejects == []


def test_no_severity_word_means_two_levels() -> None:
    from blackspots.presets.headers import _tree, plain  # noqa: PLC0415

    words = [plain(w) for ws in _tree("severities")["severity"].values() for w in ws]
    assert len(words) == len(set(words))
    assert set(words) <= set(severity_vocabulary())


def test_what_the_register_states_comes_before_what_persons_tell(tmp_path: Path) -> None:
    lon, lat = degrees(0, 0)
    rows = [
        {"severity": word, "deaths": deaths, "injured": 0, "lat": lat, "lon": lon}
        for word, deaths in (("nhẹ", 0), ("không rõ", 1), ("", 0), ("", ""))
    ]
    write_rows(tmp_path / "c.csv", rows, list(rows[0]))
    frame = read(tmp_path / "c.csv").crashes
    assert frame["severity"].tolist() == ["slight", "fatal", "pdo", "unknown"]


def test_a_severity_that_is_not_fatal_and_deaths_contradict_each_other(tmp_path: Path) -> None:
    lon, lat = degrees(0, 0)
    rows = [
        {"severity": word, "deaths": deaths, "lat": lat, "lon": lon}
        for word, deaths in (("nhẹ", 1), ("nhẹ", 0), ("tử vong", 1))
    ]
    write_rows(tmp_path / "c.csv", rows, list(rows[0]))
    findings = Findings()
    register = read_crashes([tmp_path / "c.csv"], CRS.from_user_input(GRID), findings)
    assert register.crashes["severity"].tolist() == ["slight", "fatal"]
    (refused,) = findings.rejects
    assert (refused["row"], refused["column"], refused["code"]) == (
        2,
        "severity",
        "severity-deaths",
    )


@pytest.mark.parametrize(("cell", "level"), [("-1", "unknown"), ("1", "fatal"), ("1.0", "fatal")])
def test_a_code_of_severity_is_read_by_its_value(tmp_path: Path, cell: str, level: str) -> None:
    lon, lat = degrees(0, 0)
    row = {"severity": cell, "lat": lat, "lon": lon}
    write_rows(tmp_path / "c.csv", [row], list(row))
    words = {"-1": "unknown", "1": "fatal"}
    register = read_crashes(
        [tmp_path / "c.csv"], CRS.from_user_input(GRID), Findings(), severity=words
    )
    assert register.crashes["severity"].tolist() == [level]


def test_ids_that_start_again_in_each_file_are_told(tmp_path: Path) -> None:
    lon, lat = degrees(0, 0)
    rows = [{"id": str(i), "lat": lat, "lon": lon} for i in range(6)]
    for name in ("a.csv", "b.csv"):
        write_rows(tmp_path / name, rows, list(rows[0]))
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    with pytest.raises(BlackspotsError, match=r"b\.csv: 6 ids") as raised:
        read_crashes(paths, CRS.from_user_input(GRID), Findings())
    assert raised.value.code == "ids-restart"
    without = read_crashes(paths, CRS.from_user_input(GRID), Findings(), columns={"crash_id": ""})
    assert len(without.crashes) == 12


def test_injured_is_the_sum_of_its_grades_only_where_both_are_given(tmp_path: Path) -> None:
    lon, lat = degrees(0, 0)
    rows = [
        {"serious": a, "slight": b, "injured": c, "lat": lat, "lon": lon}
        for a, b, c in ((1, 2, ""), (1, "", ""), (1, 2, 9))
    ]
    write_rows(tmp_path / "c.csv", rows, list(rows[0]))
    assert read(tmp_path / "c.csv").crashes["injured"].astype(object).tolist() == [3, pd.NA, 9]


def test_a_row_with_several_bad_cells_is_one_row_with_several_problems(tmp_path: Path) -> None:
    rows = [{**row} for row in crashes()]
    rows[3] |= {"deaths": -1, "date": "hôm qua", "lat": 200}
    write_rows(tmp_path / "c.csv", rows)
    findings = Findings()
    register = read(tmp_path / "c.csv", findings=findings)
    assert len(register.crashes) == 19
    frame = findings.rejects_frame()
    assert sorted(frame["code"]) == ["negative", "not-a-date", "off-globe"]
    assert set(frame["row"]) == {5}


def test_a_cell_that_is_a_list_is_refused_as_any_other(tmp_path: Path) -> None:
    features = (
        '{"type":"Feature","properties":{"deaths":[1,2]},'
        '"geometry":{"type":"Point","coordinates":[106.7,21.8]}},'
        '{"type":"Feature","properties":{"deaths":[1]},'
        '"geometry":{"type":"Point","coordinates":[106.7,21.8]}}'
    )
    path = tmp_path / "c.geojson"
    path.write_text('{"type":"FeatureCollection","features":[' + features + "]}")
    with pytest.raises(BlackspotsError) as refusal:
        read(path)
    assert refusal.value.code == "all-rejected"


DIRT = {
    "crash_id": st.sampled_from(["C1", "C2", "", "x"]),
    "date": st.sampled_from(["", "31/02/2022", "?", "01/01/2035", "15/06/2022", "6/2022"]),
    "hour": st.sampled_from(["", "25", "12h", "trưa", "-1"]),
    "lat": st.sampled_from(["", "106.7", "21.85", "95", "-21", "21,9", "x", "0"]),
    "lon": st.sampled_from(["", "21.8", "106.77", "200", "-73", "nan", "0", "180"]),
    "severity": st.sampled_from(["", "K", "??", "rất buồn", "O"]),
    "deaths": st.sampled_from(["", "-1", "1.5", "3", "hai"]),
    "route": st.sampled_from(["", "QL1", "QL99", "ĐT 234"]),
    "km": st.sampled_from(["", "Km12+300", "Km12+3000", "Km99+0", "chợ"]),
}
SPOTS = st.tuples(st.integers(0, 19), st.sampled_from(list(DIRT)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("dirty"))
    edit(study, "amount = 500", "amount = 1")
    return study.parent


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spots=st.lists(SPOTS, max_size=25), data=st.data(), bounded=st.booleans())
def test_every_row_read_ends_placed_unplaced_or_rejected(
    folder: Path, spots: list[tuple[int, str]], data: st.DataObject, bounded: bool
) -> None:
    rows = crashes()
    for i, column in spots:
        rows[i][column] = data.draw(DIRT[column])
    write_rows(folder / "crashes.csv", rows)
    study = load_study(folder)
    if not bounded:
        study = study.model_copy(update={"boundary": None})
    result = place_study(study)
    assert result.read == 20
    assert len(result.located) + result.rejected == 20
    without = result.located["place"].isna()
    assert result.located.loc[without, "reason"].notna().all()
    clean = {f"C{i + 1}" for i in range(20)} - {f"C{i + 1}" for i, _ in spots}
    taken = {str(row["crash_id"]) for row in rows[:20]}
    assert clean & taken <= set(result.located.index) | {"C1", "C2"}
    placed = result.located[result.located["place"].notna()]
    assert placed["reason"].isna().all()
    assert shapely.is_valid(placed.geometry.dropna().array).all()


def test_a_hidden_sheet_is_not_read_but_told(tmp_path: Path) -> None:
    write_book(
        tmp_path / "c.xlsx",
        {"a": [HEADER, *as_lists(crashes())], "b": [HEADER, *as_lists(crashes())]},
    )
    opened = openpyxl.load_workbook(tmp_path / "c.xlsx")
    opened["b"].sheet_state = "hidden"
    opened.save(tmp_path / "c.xlsx")
    findings = Findings()
    assert read(tmp_path / "c.xlsx", findings=findings).read == 20
    assert [(r["code"], r["value"]) for r in findings.remarks] == [("sheet-hidden", "b")]
    assert read(tmp_path / "c.xlsx", sheets=["b"]).read == 20


def as_lists(rows: list[Row]) -> list[list[Any]]:
    return [[row[name] for name in HEADER] for row in rows]


def test_a_number_of_persons_that_no_crash_has_is_refused(tmp_path: Path) -> None:
    lon, lat = degrees(0, 0)
    cells = ("0912345678", "1e300", "99999999999999999999", "1.000", "1001", "1000")
    rows = [{"deaths": c, "lat": lat, "lon": lon} for c in cells]
    write_rows(tmp_path / "c.csv", rows, list(rows[0]))
    findings = Findings()
    assert read(tmp_path / "c.csv", findings=findings).crashes["deaths"].tolist() == [1000]
    codes = [r["code"] for r in findings.rejects]
    assert sorted(codes) == ["ambiguous-number", *["too-many"] * 4]


def test_a_header_that_stands_twice_stops_the_reading(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("lat,lon,deaths,deaths\n21.8,106.7,0,7\n", encoding="utf-8")
    with pytest.raises(BlackspotsError) as refusal:
        read(tmp_path / "c.csv")
    assert refusal.value.code == "ambiguous-header"


@pytest.mark.parametrize("header", ["Thời gian", "Ngày giờ"])
def test_a_day_that_stands_in_the_column_of_times_is_the_day(header: str, tmp_path: Path) -> None:
    rows = [{header: f"15h30 ngày {d}/03/2019", "lat": 21.8, "lon": 106.7} for d in (13, 14, 25)]
    write_rows(tmp_path / "c.csv", rows, list(rows[0]))
    frame = read(tmp_path / "c.csv").crashes
    assert frame["date"].dt.day.tolist() == [13, 14, 25]
    assert frame["hour"].tolist() == [15, 15, 15]


def test_a_register_without_days_in_a_study_with_a_period_is_doubtful(tmp_path: Path) -> None:
    write_rows(tmp_path / "c.csv", [{"lat": 21.8, "lon": 106.7}], ["lat", "lon"])
    findings = Findings()
    read(tmp_path / "c.csv", findings=findings, period=(dt.date(2021, 1, 1), None))
    assert [r["code"] for r in findings.remarks] == ["no-date-column"]


def test_dates_with_the_month_first_stop_where_nothing_speaks_for_the_day(tmp_path: Path) -> None:
    days = [f"{m:02d}/0{1 + m % 9}/2021" for m in range(1, 10)] * 4 + ["11/25/2021"]
    rows = [{"date": day, "lat": 21.8, "lon": 106.7} for day in days]
    write_rows(tmp_path / "c.csv", rows, list(rows[0]))
    with pytest.raises(BlackspotsError) as refusal:
        read(tmp_path / "c.csv")
    assert refusal.value.code == "month-first"
    write_rows(tmp_path / "c.csv", [*rows, {**rows[0], "date": "25/11/2021"}], list(rows[0]))
    assert len(read(tmp_path / "c.csv").crashes) == 37


def test_days_and_months_that_a_program_exchanged_are_doubtful(tmp_path: Path) -> None:
    cells: list[Any] = [dt.date(2021, 4, d) for d in (3, 5, 9, 11)]
    cells += [f"{d}/03/2021" for d in (13, 20, 25, 31)]
    rows = [["date", "lat", "lon"], *([cell, 21.8, 106.7] for cell in cells)]
    write_book(tmp_path / "c.xlsx", {"a": rows})
    findings = Findings()
    read(tmp_path / "c.xlsx", findings=findings)
    assert [(r["code"], r["row"]) for r in findings.remarks] == [
        ("dates-mangled", row) for row in (2, 3, 4, 5)
    ]
    right = [["date", "lat", "lon"], *([dt.date(2021, 4, d), 21.8, 106.7] for d in (3, 15, 20))]
    write_book(tmp_path / "d.xlsx", {"a": [*right, *rows[5:]]})
    findings = Findings()
    read(tmp_path / "d.xlsx", findings=findings)
    assert findings.remarks == []


def test_a_sheet_with_days_and_no_place_stops_rather_than_be_left_out(tmp_path: Path) -> None:
    sheets = {
        "a": [HEADER, *as_lists(crashes())],
        "b": [["Ngày", "V.Đ", "K.Đ", "Số chết"], ["13/03/2021", 21.8, 106.7, 0]],
    }
    write_book(tmp_path / "c.xlsx", sheets)
    with pytest.raises(BlackspotsError) as refusal:
        read(tmp_path / "c.xlsx")
    assert refusal.value.code in {"no-location-columns", "headers-unconfirmed"}


def test_numbers_and_headers_that_show_a_person_reach_no_column_and_no_list(tmp_path: Path) -> None:
    rows = [
        {"id": f"12A-345.{i:02d}", "route": f"chợ, gọi 09123456{i:02d}", "lat": 21.8, "lon": 106.7}
        | {"Lái xe Nguyễn Văn A 0912345678": "x"}
        for i in range(12)
    ]
    write_rows(tmp_path / "c.csv", rows, list(rows[0]))
    findings = Findings()
    register = read(tmp_path / "c.csv", findings=findings)
    told = repr((register.crashes.reset_index().to_dict(), register.dropped, register.personal))
    assert "12A-345" not in told
    assert "0912345" not in told
    assert "personal-column" in {r["code"] for r in findings.remarks}
    long = "x" * 195 + " 0912345678"
    write_rows(tmp_path / "d.csv", [{"date": long, "lat": 1, "lon": 2}], ["date", "lat", "lon"])
    with pytest.raises(BlackspotsError):
        read(tmp_path / "d.csv", findings=findings)
    assert "09123" not in repr(findings.rejects)


def test_an_object_in_a_geojson_is_a_cell_like_any_other(tmp_path: Path) -> None:
    feature = (
        '{"type":"Feature","properties":{"district":{"a":[1]},"hour":{"b":2}},'
        '"geometry":{"type":"Point","coordinates":[106.7,21.8]}}'
    )
    plain = feature.replace('{"b":2}', "3").replace('{"a":[1]}', '"x"')
    path = tmp_path / "c.geojson"
    path.write_text('{"type":"FeatureCollection","features":[' + feature + "," + plain + "]}")
    findings = Findings()
    assert read(path, findings=findings).crashes["hour"].astype(object).tolist() == [pd.NA, 3]
    assert {(r["column"], r["code"]) for r in findings.remarks} == {("hour", "hour-unread")}


@pytest.mark.parametrize(
    ("over", "taken"), [("Báo cáo", False), ("Thời gian xảy ra", True), ("Thời gian", True)]
)
def test_the_hour_below_a_group_is_the_crashs_only_if_the_group_is(
    over: str, taken: bool, tmp_path: Path
) -> None:
    rows = [["Ngày xảy ra", over, None, "Vĩ độ", "Kinh độ"], [None, "Giờ", "Phút", None, None]]
    rows += [[f"{d}/03/2021", 8, 15, 21.8, 106.7] for d in (13, 14, 15)]
    write_book(tmp_path / "c.xlsx", {"a": rows})
    assert read(tmp_path / "c.xlsx").crashes["hour"].notna().all() == taken


def test_a_header_repeated_for_a_new_page_is_no_row(tmp_path: Path) -> None:
    rows = as_lists(crashes())
    write_book(tmp_path / "c.xlsx", {"a": [HEADER, *rows[:10], HEADER, *rows[10:]]})
    findings = Findings()
    register = read(tmp_path / "c.xlsx", findings=findings)
    assert (register.read, len(register.crashes), findings.rejects) == (20, 20, [])
    assert register.crashes.loc["C11", "source_row"] == 13


def test_a_header_repeated_in_another_order_stops_the_reading(tmp_path: Path) -> None:
    rows = as_lists(crashes())
    write_book(tmp_path / "c.xlsx", {"a": [HEADER, *rows[:10], HEADER[::-1], *rows[10:]]})
    with pytest.raises(BlackspotsError, match="row 12") as refusal:
        read(tmp_path / "c.xlsx")
    assert refusal.value.code == "header-differs"
