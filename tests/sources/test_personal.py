"""Data of persons: told by header and cells, masked in text."""

import time
import unicodedata
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS
from small_study import GRID, line, point, write_features

from blackspots.presets import headers
from blackspots.sources import Findings, personal, read_crossings, read_roads
from blackspots.sources.files import Source
from blackspots.sources.personal import MASK

HEADERS = {
    "name": [
        "Họ tên", "Họ và tên", "HỌ TÊN LÁI XE", "Tên lái xe", "Người điều khiển", "Nạn nhân",
        "Nạn nhân 1", "Họ tên nạn nhân (2)", "Lái xe", "Chủ phương tiện", "Driver name",
        "Driver's name", "Full name", "Name of victim", "Driver", "ho_ten",
    ],
    "plate": [
        "Biển số", "Biển số xe", "BKS", "BKS xe 1", "Biển kiểm soát", "Licence plate",
        "license plate number", "Registration No.", "bien_so",
    ],
    "identity": [
        "CMND", "Số CMND/CCCD", "CCCD", "Căn cước công dân", "Hộ chiếu", "GPLX", "Số GPLX",
        "Giấy phép lái xe số", "passport", "Driver licence", "License number",
    ],
    "phone": ["Số điện thoại", "SĐT", "Điện thoại liên hệ", "Phone", "phone number", "Tel."],
    "birth": ["Ngày sinh", "Năm sinh", "Ngày, tháng, năm sinh", "Date of birth", "DOB"],
    "address": ["Địa chỉ thường trú", "Hộ khẩu thường trú", "Quê quán", "Chỗ ở", "Home address"],
    "email": ["Email", "E-mail", "Thư điện tử"],
}  # fmt: skip
NOT_PERSONAL = [
    "Số người chết", "Số người bị thương", "Người chết", "Người bị thương", "Nạn nhân tử vong",
    "Số nạn nhân", "Tổng số nạn nhân", "Số lái xe có nồng độ cồn", "Nạn nhân chết", "Tên đường",
    "Tên", "name", "Road name", "ĐT", "Địa chỉ", "Hạng GPLX", "Có GPLX", "Loại giấy phép lái xe",
    "License type", "Biển báo", "Biển số hiệu đường", "Số hiệu đường", "Tuổi người điều khiển",
    "Lái xe sử dụng điện thoại", "Phone use", "Driver age", "Drivers", "Victims",
    "Number of victims", "Ngày xảy ra", "Ngày phát sinh", "Làn dành cho ô tô", "Giới tính", "",
    "Nguyên nhân", "Lỗi người điều khiển", "Tên cầu", "Tên nút giao", "Trường học", "Km",
]  # fmt: skip

TABLES = ["crashes", "roads", "crossings", "railways", "areas", "boundary", "places", "repairs"]

DIGIT = "0123456789"
SERIES = "ABCDEFGHKLMNPSTUVXYZ"


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text(DIGIT, min_size=count, max_size=count)


PLATES = st.one_of(
    st.tuples(
        st.integers(11, 99).map(str),
        st.sampled_from(["", "-", " - "]),
        st.sampled_from(SERIES),
        st.sampled_from(["", *DIGIT]),
        st.sampled_from(["-", " ", ""]),
        digits(3),
        st.just("."),
        digits(2),
    ),
    st.tuples(st.integers(11, 99).map(str), st.sampled_from(SERIES), st.just("-"), digits(4)),
    st.tuples(st.integers(11, 99).map(str), st.sampled_from(SERIES), st.just("-"), digits(5)),
).map("".join)
PHONES = st.tuples(st.sampled_from("35789"), digits(8), st.integers(0, 5)).map(
    lambda t: [
        f"0{t[0]}{t[1]}",
        f"+84{t[0]}{t[1]}",
        f"+84 {t[0]}{t[1][:2]} {t[1][2:5]} {t[1][5:]}",
        f"0{t[0]}{t[1][:2]}.{t[1][2:5]}.{t[1][5:]}",
        f"0{t[0]}{t[1][:1]} {t[1][1:4]} {t[1][4:]}",
        f"0{t[0]}{t[1][:2]}-{t[1][2:4]}-{t[1][4:6]}-{t[1][6:]}",
    ][t[2]]
)
CITIZENS = st.tuples(st.integers(1, 96), st.sampled_from("0123"), digits(8)).map(
    lambda t: f"{t[0]:03d}{t[1]}{t[2]}"
)
NAMES = st.tuples(
    st.sampled_from(["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Nông", "Đặng"]),
    st.sampled_from(["Văn", "Thị", "Đình"]),
    st.sampled_from(["A", "B", "C", "D"]),
).map(" ".join)
DAYS = st.dates(date(1900, 1, 1))
TIMES = st.datetimes(datetime(1900, 1, 1))  # noqa: DTZ001 - registers know no zones
PERSONS = st.sampled_from(
    ["ông", "Bà", "anh", "chị", "cháu", "lái xe", "Lái xe", "tài xế", "nạn nhân", "Nạn nhân:",
     "người điều khiển là", "chủ xe tên", "hành khách"]
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "header"), [(kind, header) for kind, some in HEADERS.items() for header in some]
)
def test_a_header_announces_personal_data(kind: str, header: str) -> None:
    assert personal.header_kind(header) == kind
    assert personal.header_kind(unicodedata.normalize("NFD", header.upper())) == kind


@pytest.mark.parametrize("header", NOT_PERSONAL)
def test_a_header_of_counts_roads_and_classes_does_not(header: str) -> None:
    assert personal.header_kind(header) is None


@pytest.mark.parametrize("table", TABLES)
def test_no_known_header_is_personal(table: str) -> None:
    for column, words in headers.listed(table).items():
        assert [w for w in (column, *words) if personal.header_kind(w)] == []


@given(st.text(max_size=60))
def test_any_header_has_a_kind_or_none(header: str) -> None:
    assert personal.header_kind(header) in {*HEADERS, None}


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("plate", ["12A-123.45", "12A1-123.45", "29-H1 234.56", "12A-1234", "80A 123.45"]),
        ("plate", ["KV 12-34", "TM-45-67", "qa 11-22"]),
        ("plate", ["12A-123.45", None, "", "12a-123.46", "29C12345", "xe máy", "xe đạp"]),
        ("phone", ["0912345678", "+84 912 345 678", "0987.654.321", "(024) 3825 1234"]),
        ("email", ["a@b.vn", "c.d@e.com.vn", "x_y@z.org"]),
        ("name", ["Nguyễn Văn A", "TRẦN THỊ B", "Lê Văn C (1985)", "Nông D", "không rõ"]),
    ],
)
def test_cells_of_persons_are_known(kind: str, cells: list[Any]) -> None:
    assert personal.cells_kind(cells) == kind


@pytest.mark.parametrize(
    "cells",
    [
        ["QL1A", "DT234B", "QL4B", "ĐT.242"],
        ["Km12+300", "Km1+100", "12,5", "45+300"],
        [20230001, 20230002, 20230003.0, None],
        ["21.85234", "106.76123", "21.9", "107"],
        ["150.000.000", "84.912.345", "1.500"],
        ["12/05/2023", "01/02/2022", "2023-05-12"],
        ["Cao Lộc", "Văn Lãng", "Bình Gia", "Văn Quan", "Hà Nội"],
        ["Trần Hưng Đạo", "Lê Lợi", "Nguyễn Huệ", "Lê Văn A"],
        ["đường Nguyễn Văn A", "Lê Văn B", "Trần Thị C", "Phạm Văn D"],
        ["Ngã tư Lê Văn A", "Nguyễn Văn B", "Trần Văn C"],
        ["Nguyễn Văn A", "Trần Thị B"],
        ["Nguyễn Văn A", "Nguyễn Văn A", "Nguyễn Văn A"],
        ["Xe máy", "Ô tô con", "Xe tải", "Tàu hỏa"],
        [],
    ],
)
def test_cells_of_roads_places_and_numbers_are_not(cells: list[Any]) -> None:
    assert personal.cells_kind(cells) is None


def test_identity_numbers_are_told_only_when_asked() -> None:
    for cells in (
        ["001095012345", "020195012345", "001295012345"],
        [123456789, 123456780, 123456781],
        ["123 456 789", "123.456.780", "B1234567"],
    ):
        assert personal.cells_kind(cells) is None
        assert personal.cells_kind(cells, numbers=True) == "identity"


@given(st.lists(PLATES, min_size=3, max_size=9, unique=True))
def test_any_plates_are_plates(cells: list[str]) -> None:
    assert personal.cells_kind(cells) == "plate"


@given(st.lists(PHONES, min_size=3, max_size=9, unique=True))
def test_any_phones_are_phones(cells: list[str]) -> None:
    assert personal.cells_kind(cells) == "phone"


@given(found=st.one_of(PLATES, PHONES, CITIZENS, st.just("a.b@c.com.vn")))
@pytest.mark.parametrize("text", ["xe {} va chạm", "{}", "Tại Km45+300, {}, QL1A", "xe ({})."])
def test_numbers_in_a_sentence_are_masked(text: str, found: str) -> None:
    assert personal.mask(text.format(found)) == text.format(MASK)


@given(person=PERSONS, name=NAMES)
def test_a_name_after_a_person_s_word_is_masked(person: str, name: str) -> None:
    for written in (name, name.upper()):
        assert personal.mask(f"{person} {written} đi bộ") == f"{person} {MASK} đi bộ"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("xe do Nguyễn Văn A điều khiển", "xe do ••• điều khiển"),
        ("xe do Lê A điều khiển", "xe do ••• điều khiển"),
        ("Trần Thị B (SN 1985) ngã", "••• (SN 1985) ngã"),
        ("Trần Thị B, sinh năm 1990, ngã", "•••, sinh năm 1990, ngã"),
        ("ông Ba qua đường, chị Hoa ngã", "ông ••• qua đường, chị ••• ngã"),
        ("SĐT:0912345678-0987654321", "SĐT:•••-•••"),
        ("CMND số 123456789", "CMND số •••"),
        ("GPLX: 120123456789", "GPLX: •••"),
        ("Hộ chiếu B1234567", "Hộ chiếu •••"),
        ("điện thoại 024 3825 1234", "điện thoại •••"),
        ("xe 12a1-123.45 và KV 12-34", "xe ••• và •••"),
        ("Mr Smith hit Mrs. Brown", "Mr ••• hit Mrs. •••"),
        ("the driver John Smith fled", "the driver ••• fled"),
        ("plate ABC-1234", "plate •••"),
    ],
)
def test_personal_parts_are_masked_and_their_word_stays(text: str, masked: str) -> None:
    assert personal.mask(text) == masked
    assert personal.mask(unicodedata.normalize("NFD", text)) == masked
    assert personal.mask(masked) is masked


@pytest.mark.parametrize(
    "text",
    [
        "QL1A Km45+300 ngày 12/05/2023 lúc 15h30, ĐT234B, DT.242",
        "150.000.000 đồng, 84.912.345.678 đồng, 150000000, 1.091.234.567",
        "21.852341, 106.761234 X=2418123.45 Y=654321.12 48N 654321 2418000",
        "21°51'23\"N 106°45'12\"E",
        "đường Trần Hưng Đạo giao Lê Lợi; Bà Rịa - Vũng Tàu; Hai Bà Trưng; Ông Ích Khiêm",
        "trẻ em Việt Nam; lái xe Toyota Vios; lái xe ô tô; xã Nguyễn Trãi",
        "Driver Failed To Yield; Driver Inattention/Distraction",
        "do Hà Nội quản lý; do mưa; Thông tư 41/2024/TT-BGTVT; biển số 102; biển P.102",
        "Km 12+345 - Km 13+456; lô 12A 2023; 2023-05-12 14:30",
        "xe mô tô đi không đúng phần đường, vượt ẩu",
        "",
    ],
)
def test_text_without_persons_is_the_same_object(text: str) -> None:
    assert personal.mask(text) is text
    decomposed = unicodedata.normalize("NFD", text)
    assert personal.mask(decomposed) is decomposed


STREETS = [
    "Ngõ Ông Nguyễn Văn Hùng", "NGÕ BÀ TRẦN THỊ B", "Đường Cụ Nguyễn Văn Tố", "Dr.-Albert-Strasse",
    "Dr. Albert-Strasse", "Dr. Josef Hoopweg", "Dr Martin Luther King Drive", "Phố Bà Triệu",
]  # fmt: skip


@pytest.mark.parametrize("street", STREETS)
def test_the_name_of_a_street_is_that_of_no_person(street: str) -> None:
    assert personal.mask(street, names=False) is street
    assert personal.mask_road(street) is street


@pytest.mark.parametrize(
    "words",
    ["đường trước nhà ông Hùng", "Đường nhà Bà Nguyễn Thị B", "Mr Smith", "near Mr Smith Road"],
)
def test_a_person_beside_a_road_is_masked(words: str) -> None:
    assert MASK in personal.mask_road(words)


@given(found=st.one_of(PLATES, PHONES, CITIZENS, st.just("a.b@c.com.vn")))
def test_numbers_in_names_of_streets_are_masked(found: str) -> None:
    assert personal.mask_road(f"Đường {found}") == f"Đường {MASK}"
    assert personal.mask(f"Đường {found}", names=False) == f"Đường {MASK}"


def test_names_of_roads_stay_and_never_become_one(tmp_path: Path) -> None:
    names = [*STREETS, "Đường 0912345678", "Đường 0912345679", "Đường 0912345678", "nhà ông Hùng"]
    write_features(
        tmp_path / "r.geojson",
        [line((0, 9 * n), (500, 9 * n), name=name) for n, name in enumerate(names)],
    )
    findings = Findings()
    source, grid = Source(tmp_path / "r.geojson"), CRS.from_user_input(GRID)
    made = list(read_roads(source, grid, findings)["name"])
    assert made[:-4] == STREETS
    assert made[-4:] == ["Đường •••", "Đường ••• (2)", "Đường •••", "nhà ông Hùng"]
    assert not any("0912" in str(record) for record in findings.remarks)
    spots = [point(9 * n, 0, name=name) for n, name in enumerate(("Nhà ông Ba", "Nhà ông Tư"))]
    write_features(tmp_path / "x.geojson", spots)
    crossings = read_crossings(Source(tmp_path / "x.geojson"), grid, findings)
    assert list(crossings["name"]) == ["Nhà ông •••", "Nhà ông ••• (2)"]


@given(
    st.one_of(
        st.tuples(st.integers(0, 9999), st.integers(0, 999)).map(lambda t: f"Km{t[0]}+{t[1]:03d}"),
        st.tuples(st.integers(0, 9999), st.integers(0, 999)).map(lambda t: f"Km {t[0]} + {t[1]}"),
        DAYS.map(lambda d: f"{d.day:02d}/{d.month:02d}/{d.year}"),
        DAYS.map(lambda d: f"{d.day:02d}.{d.month:02d}.{d.year}"),
        TIMES.map(lambda d: d.isoformat(" ", "minutes")),
        DAYS.map(lambda d: d.strftime("%Y%m%d")),
        st.floats(-180, 180).map(lambda x: f"{x:.8f}"),
        st.floats(0, 9e6).map(lambda x: f"X={x:.2f}"),
        st.integers(0, 10**12).map(lambda n: f"{n:,}".replace(",", ".")),
        st.integers(0, 10**12).map(lambda n: f"{n:,}"),
        st.integers(1, 10**12).map(str),
        st.integers(1, 999).map(lambda n: f"QL{n}A"),
        st.integers(1, 999).map(lambda n: f"ĐT.{n}B"),
    )
)
def test_posts_dates_coordinates_and_amounts_stay(value: str) -> None:
    for text in (value, f"tại {value} đường", f"({value}); {value}"):
        assert personal.mask(text) is text


@given(st.text(max_size=120))
def test_any_text_is_masked_or_the_same(text: str) -> None:
    masked = personal.mask(text)
    assert masked is text or MASK in masked


@pytest.mark.parametrize(
    "unit", ["1", "0", "a", "A ", "ông ", "Nguyễn ", "a@", "12A", "0912 ", ". "]
)
def test_masking_takes_time_in_proportion(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    start = time.perf_counter()
    personal.mask(text)
    personal.mask_road(text)
    personal.header_kind(text)
    personal.cells_kind([text])
    assert time.perf_counter() - start < 10
