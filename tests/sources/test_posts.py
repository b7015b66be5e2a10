"""Km posts and road numbers in all the ways that registers write them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackspots.sources import values
from blackspots.sources.values import KmPost, Noted, Unreadable

KMS = st.tuples(st.integers(0, 9999), st.integers(0, 999))


def code(parser: Any, cell: Any) -> str:
    with pytest.raises(Unreadable) as refusal:
        parser(cell)
    return refusal.value.code


def plain(found: Any) -> Any:
    return found.value if isinstance(found, Noted) else found


@given(
    KMS, st.sampled_from(["", "QL1 ", "QL.4B - ", "QL1: ", "Lý trình ", "xã 12, "]), st.booleans()
)
def test_a_km_post_comes_back_from_every_way_of_writing_it(
    post: tuple[int, int], head: str, spaced: bool
) -> None:
    km, metres = post
    gap = " " if spaced else ""
    value = round(km + metres / 1000, 3)
    ways = (
        f"{head}Km{gap}{km}{gap}+{gap}{metres:03d}",
        f"{head}KM{km}+{metres:03d}m (trái tuyến)",
        f"{head}K{km}+{metres:03d} P/T",
        f"km {km}+{metres:03d}.00",
        f"{km}+{metres}",
        f"Km {km},{metres:03d}",
        f"QL1 Km {km}.{metres:03d}",
        f"{km},{metres:03d} km",
        value,
    )
    assert [plain(values.km(way)) for way in ways] == [value] * len(ways)
    fine = next((unit / 2 for unit in (1000, 100, 10) if metres % unit == 0), 0.5)
    assert {plain(values.km_post(way)).resolution_m for way in ways} == {fine}


@given(KMS, st.integers(1, 5000), st.sampled_from([" - ", "-", " đến ", " ÷ ", " to ", "–"]))
def test_a_range_of_km_posts_is_its_middle(post: tuple[int, int], metres: int, mark: str) -> None:
    start = min(post[0], 9000) * 1000 + post[1]
    end = start + metres
    one, two = (f"Km{m // 1000}+{m % 1000:03d}" for m in (start, end))
    found = values.km_post(f"QL4B {one}{mark}{two}")
    assert isinstance(found, Noted)
    assert found.code == "repaired.km-range"
    assert found.value.route == "QL4B"
    assert found.value.km == pytest.approx((start + end) / 2000, abs=1e-6)
    assert found.value.resolution_m >= metres / 2


@pytest.mark.parametrize(
    ("cell", "post"),
    [
        ("Km45+300", (None, 45.3, 50)),
        ("QL1A Km45+300", ("QL1", 45.3, 50)),
        ("QL.1A - Km 45 + 300", ("QL1", 45.3, 50)),
        ("QL1Km45+300", ("QL1", 45.3, 50)),
        ("Quốc lộ 4B, Km12+050", ("QL4B", 12.05, 5)),
        ("ĐT.241 Km5", ("DT241", 5, 500)),
        ("đường Hồ Chí Minh Km5+100", ("HCM", 5.1, 50)),
        ("US 44 Km 3", ("US44", 3, 500)),
        ("Km45+300 QL4B", ("QL4B", 45.3, 50)),
        ("Km45+300 trên QL4B (phải tuyến)", ("QL4B", 45.3, 50)),
        ("Km45+300/QL1A", ("QL1", 45.3, 50)),
        ("giao QL4B, QL1A Km45+300", (None, 45.3, 50)),
        ("Lê Lợi Km2+300", (None, 2.3, 50)),
        ("Km9+508 (Mai Pha – Na Dương)", (None, 9.508, 0.5)),
        ("Km 45,300", (None, 45.3, 50)),
        ("Km45.3", (None, 45.3, 50)),
        ("Km45", (None, 45, 500)),
        ("Km45+000", (None, 45, 500)),
        ("K45+300", (None, 45.3, 50)),
        ("45+300", (None, 45.3, 50)),
        ("lý trình Km45+300", (None, 45.3, 50)),
        ("Km45+300m", (None, 45.3, 50)),
        ("Km45+300 (trái tuyến)", (None, 45.3, 50)),
        ("Km45+300 P/T", (None, 45.3, 50)),
        ("Km45+300.5", (None, 45.3005, 0.5)),
        ("Km45+350", (None, 45.35, 5)),
        ("Km45+351", (None, 45.351, 0.5)),
        ("Km45+50", (None, 45.05, 5)),
        ("KM45＋300", (None, 45.3, 50)),
        (45, (None, 45, 500)),
        (45.3, (None, 45.3, 50)),
        (45.3512, (None, 45.3512, 0.5)),
    ],
)
def test_a_km_post_is_read_from(cell: Any, post: tuple[str | None, float, float]) -> None:
    assert values.km_post(cell) == KmPost(*post)
    assert values.km(cell) == post[1]


@pytest.mark.parametrize(
    ("cell", "post", "why"),
    [
        ("Km45+5", (None, 45.005, 0.5), "doubtful.km-few-metres"),
        ("Km45+1200", (None, 46.2, 50), "doubtful.km-over-1000"),
        ("QL1 Km45+1000", ("QL1", 46, 500), "doubtful.km-over-1000"),
        ("Km45+300 - Km45+500", (None, 45.4, 100), "repaired.km-range"),
        ("Km45+300 đến Km46", (None, 45.65, 350), "repaired.km-range"),
        ("từ Km45+300 đến Km46+100 QL1A", ("QL1", 45.7, 400), "repaired.km-range"),
        ("Km45+300 - 45+500", (None, 45.4, 100), "repaired.km-range"),
        ("QL1A Km45+300 - QL1 Km45+500", ("QL1", 45.4, 100), "repaired.km-range"),
        ("Km45+300 ÷ Km45+300", (None, 45.3, 50), "repaired.km-range"),
        ("Km45+5 - Km45+500", (None, 45.2525, 247.5), "doubtful.km-few-metres"),
    ],
)
def test_a_km_post_that_is_not_clean_is_noted(
    cell: str, post: tuple[str | None, float, float], why: str
) -> None:
    assert values.km_post(cell) == Noted(KmPost(*post), why)
    assert values.km(cell) == Noted(post[1], why)


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("Km45.5+300", "not-a-km-post"),
        ("gần chợ", "not-a-km-post"),
        ("Km", "not-a-km-post"),
        ("Km12345+100", "not-a-km-post"),
        ("Km45+12000", "not-a-km-post"),
        ("-4", "not-a-km-post"),
        (-4, "negative"),
        (True, "not-a-km-post"),
        (float("inf"), "not-a-number"),
        ("45-46", "not-a-km-post"),
        ("1 km 200", "not-a-km-post"),
        ("Km45+300 cách cầu 200m", "not-a-km-post"),
        ("QL1A Km45+300 - QL4B Km45+500", "not-a-km-post"),
        ("Km45+300 giao Km3+200", "not-a-km-post"),
        ("Km1+100, Km2+200, Km3+300", "not-a-km-post"),
    ],
)
def test_what_is_no_km_post_is_refused(cell: Any, why: str) -> None:
    assert code(values.km, cell) == why
    assert code(values.km_post, cell) == why


@given(
    st.sampled_from(["QL", "DT", "DH", "CT", "XL"]),
    st.integers(2, 999),
    st.sampled_from(["", "A", "B"]),
    st.sampled_from(["", " ", "-", ".", "_", " - ", ". "]),
)
def test_a_route_has_one_spelling_however_it_is_written(
    kind: str, number: int, letter: str, gap: str
) -> None:
    one = f"{kind}{number}{letter}"
    ways = {f"{kind}{gap}{number}{letter}", f" {kind.lower()}{gap}{number}{gap}{letter.lower()} "}
    if kind == "QL":
        ways |= {f"Quốc lộ {number}{letter}", f"quoc lo{gap}{number}{letter}"}
        ways |= {f"Quốc lộ số {number}{letter}", f"Đường QL{number}{letter}"}
    if kind == "DT":
        ways |= {f"ĐT{gap}{number}{letter}", f"đt.{number}{letter}", f"Tỉnh lộ {number}{letter}"}
        ways |= {f"TL{gap}{number}{letter}", f"tinh lo {number}{letter}"}
        ways |= {f"Đường tỉnh {number}{letter}"}
    if kind == "DH":
        ways |= {
            f"Huyện lộ {number}{letter}",
            f"đường huyện {number}{letter}",
            f"HL{number}{letter}",
        }
    if kind == "CT":
        ways |= {f"cao tốc {number}{letter}", f"Đường cao tốc {number}{letter}"}
    assert {values.route(way) for way in ways} == {one}


@pytest.mark.parametrize(("one", "other"), [("QL1", "QL1B"), ("QL4A", "QL4B"), ("QL1", "DT1")])
def test_routes_that_differ_stay_different(one: str, other: str) -> None:
    assert values.route(one) != values.route(other)


@pytest.mark.parametrize(
    ("cell", "road"),
    [
        *((cell, "QL1") for cell in ("QL1", "QL1A", "ql 1a", "Quốc lộ số 1A", "QL.1 A")),
        *(
            (cell, "HCM")
            for cell in ("Hồ Chí Minh", "Đường Hồ Chí Minh", "HCM", "duong ho chi minh")
        ),
        *(("US 44", "US44"), ("I-84", "I84"), ("SR-9", "SR9"), ("A38", "A38"), ("M1", "M1")),
        *(("CT.01", "CT01"), (44, "44"), (44.0, "44"), ("QL4", "QL4")),
        *((name, name) for name in ("Route 44", "Trần Hưng Đạo", "Ngõ 12", "QL1;QL4B", "QL1A cũ")),
        *((name, name) for name in ("cao tốc Bắc Giang - Lạng Sơn", "đường tỉnh")),
    ],
)
def test_a_road_is_called(cell: Any, road: str) -> None:
    assert values.route(cell) == road
