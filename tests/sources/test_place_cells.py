"""Angles and pairs of coordinates in all the ways that registers write them."""

import math
from decimal import Decimal
from time import perf_counter
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackspots.sources import values
from blackspots.sources.values import Angle, Degrees, Grid, Unreadable

LAT = st.integers(0, 90 * 36_000 - 1)  # tenths of a second
LON = st.integers(0, 180 * 36_000 - 1)


def code(parser: Any, *cell: Any) -> str:
    with pytest.raises(Unreadable) as refusal:
        parser(*cell)
    return refusal.value.code


def parts(tenths: int) -> tuple[int, int, str]:
    return tenths // 36_000, tenths // 600 % 60, f"{tenths % 600 / 10:.1f}"


def notations(tenths: int, letter: str, word: str) -> tuple[str, ...]:
    d, m, s = parts(tenths)
    comma = s.replace(".", ",")
    minutes, degrees = f"{tenths / 600 % 60:.4f}", f"{tenths / 36_000:.7f}"
    if minutes.startswith("60"):
        minutes = "59.9999"
    return (
        f"{d}°{m:02d}'{s}\"{letter}",
        f"{d}° {m}' {comma}\" {letter}",
        f"{d}º{m}′{s}″ {word}",
        f"{d}˚{m}’{comma}” {word}",
        f"{d}°{m}'{s}''{letter}",
        f"{letter}{d}°{m}'{s}\"",
        f"{word} {d} {m} {s}",
        f"{d} {m} {s} {letter}",
        f"{d}:{m:02d}:{s} {letter}",
        f"{d}d{m}m{s}s {letter}",
        f"{d} độ {m} phút {comma} giây {word}",
        f"{d}°{minutes}'{letter}",
        f"{d} {minutes} {letter}",
        f"{degrees} {letter}",
        f"{letter} {degrees.replace('.', ',')}",
        f"{degrees}° {word}",
        degrees,
    )


SIDES = {
    "n": [("N", "North"), ("B", "Bắc"), ("B", "BẮC"), ("n", "bac")],
    "s": [("S", "South"), ("S", "Nam"), ("s", "NAM")],
    "e": [("E", "East"), ("Đ", "Đông"), ("đ", "dong")],
    "w": [("W", "West"), ("T", "Tây"), ("w", "tay")],
}


@given(st.data(), st.sampled_from("nsew"))
def test_an_angle_comes_back_from_every_notation_to_within_its_resolution(
    data: st.DataObject, side: str
) -> None:
    tenths = data.draw(LAT if side in "ns" else LON)
    letter, word = data.draw(st.sampled_from(SIDES[side]))
    axis: Literal["lat", "lon"] = "lat" if side in "ns" else "lon"
    for way in notations(tenths, letter, word):
        found = values.angle(way, axis)
        assert found.hemisphere in {side, ""}
        sign = -1 if found.hemisphere in {"s", "w"} else 1
        assert abs(found.degrees - sign * tenths / 36_000) <= found.resolution + 1e-9, way
        assert 0 < found.resolution < 2e-5


@given(LAT, LON, st.sampled_from(["{}; {}", "{}, {}", "{} {}", "({} ; {})", "{} / {}", "{} | {}"]))
def test_a_pair_comes_back_from_every_notation(lat: int, lon: int, form: str) -> None:
    for north, east in (("N", "E"), ("B", "Đ")):
        ways = zip(notations(lat, north, north), notations(lon, east, east), strict=True)
        for one, two in list(ways)[:-1]:
            for cell in (form.format(one, two), form.format(two, one)):
                found = values.pair(cell)
                assert isinstance(found, Degrees), cell
                assert found.certain
                assert found.lat.degrees == pytest.approx(lat / 36_000, abs=2e-5), cell
                assert found.lon.degrees == pytest.approx(lon / 36_000, abs=2e-5), cell


@given(st.floats(-90, 90), st.floats(-180, 180), st.integers(1, 7))
def test_plain_degrees_have_their_latitude_first(lat: float, lon: float, places: int) -> None:
    one, two = f"{lat:.{places}f}", f"{lon:.{places}f}"
    ways = [f"{one}, {two}", f"{one} {two}", f"{one},{two}", f"({one};{two})"]
    commas = [way.replace(".", ",") for way in (f"{one}; {two}", f"{one}, {two}", f"{one} {two}")]
    for way in ways + commas:
        found = values.pair(way)
        assert isinstance(found, Degrees), way
        assert (found.lat.degrees, found.lon.degrees) == (float(one), float(two))
        assert found.certain == (abs(float(two)) > 90)
        assert found.lat.resolution == pytest.approx(0.5 * 10**-places)


@pytest.mark.parametrize(
    ("cell", "degrees", "hemisphere", "resolution"),
    [
        ("21°51'10,8\"B", 21.853, "n", 0.05 / 3600),
        ("21° 51' 10.8\" N", 21.853, "n", 0.05 / 3600),
        ("21 51 10.8", 21.853, "", 0.05 / 3600),
        ("21:51:10.8", 21.853, "", 0.05 / 3600),
        ("21-51-10.8 N", 21.853, "n", 0.05 / 3600),
        ("21d51m10.8s", 21.853, "", 0.05 / 3600),
        ("21d51m10.8sN", 21.853, "n", 0.05 / 3600),
        ("21d51m10.8sS", -21.853, "s", 0.05 / 3600),
        ("21 độ 51 phút 10,8 giây Bắc", 21.853, "n", 0.05 / 3600),
        ("21°51.18'", 21.853, "", 0.005 / 60),
        ("B21°51'", 21.85, "n", 0.5 / 60),
        ("vĩ độ Bắc 21°51'", 21.85, "n", 0.5 / 60),
        ("Vĩ độ 21°51' Bắc", 21.85, "n", 0.5 / 60),
        ("vĩ độ Bắc 21°", 21, "n", 0.5),
        ("Kinh độ: 106,76", 106.76, "", 0.005),
        ("106°45'36\"Đ", 106.76, "e", 0.5 / 3600),
        ("106 45 36 D", 106.76, "e", 0.5 / 3600),
        ("106.76D", 106.76, "", 0.005),
        ("E 106.76", 106.76, "e", 0.005),
        ("-21.85", -21.85, "", 0.005),
        ("−21,8500", -21.85, "", 0.00005),
        ("-0°30'", -0.5, "", 0.5 / 60),
        ("-10 S", -10, "s", 0.5),
        ("Tây 106", -106, "w", 0.5),
        (21.85, 21.85, "", 0.005),
        (np.float64(21.85), 21.85, "", 0.005),
        (21.0, 21, "", 0.5),
        (20, 20, "", 0.5),
        (106.123456789, 106.123456789, "", 0.5e-7),
    ],
)
def test_an_angle_is_read_from(
    cell: Any, degrees: float, hemisphere: str, resolution: float
) -> None:
    found = values.angle(cell)
    assert found.degrees == pytest.approx(degrees, abs=1e-12)
    assert found.hemisphere == hemisphere
    assert found.resolution == pytest.approx(resolution)


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        *((cell, "angle-minutes") for cell in ("21°60'", "21 51 60", "21°51'75\"", "21:99")),
        *((cell, "sign-hemisphere") for cell in ("-21.85 N", "+10 S", "-106 Đông")),
        *((cell, "off-globe") for cell in ("200", 2417325.12, "91 N", "91°B", "181 E", -181)),
        *(
            (cell, "not-an-angle")
            for cell in ("abc", "°", "51'", "21.5 30", '21°10"', "21 51 10 5")
        ),
        *((cell, "not-an-angle") for cell in ("21°51'N E", "B 21 N", "QL1", "--21", "21..5", True)),
        *((cell, "not-an-angle") for cell in ("21:", "21,8537,1", float("inf"), "Kinh độ 21 B")),
    ],
)
def test_what_is_no_angle_is_refused(cell: Any, why: str) -> None:
    assert code(values.angle, cell) == why


def test_an_angle_of_the_other_axis_is_refused() -> None:
    assert code(values.angle, "106.76 E", "lat") == "swapped"
    assert code(values.angle, "Vĩ độ 21,85", "lon") == "swapped"
    assert values.angle("106.76", "lat").degrees == 106.76


@pytest.mark.parametrize("lon", ["106°Đ", "106 Đông", "106°T", "Tây 106", "106 45' D"])
def test_an_n_beside_a_vietnamese_letter_may_be_south(lon: str) -> None:
    assert code(values.pair, f"10°N, {lon}") == "ambiguous-hemisphere"
    assert code(values.check_letters, values.angle("10°N"), values.angle(lon)) == (
        "ambiguous-hemisphere"
    )
    for word, sign in (("B", 1), ("Bắc", 1), ("Nam", -1), ("North", 1), ("S", -1)):
        found = values.pair(f"10° {word}, {lon}")
        assert isinstance(found, Degrees)
        assert found.lat.degrees == sign * 10


@pytest.mark.parametrize("lon", ["106 E", "106 W", "106"])
def test_an_n_beside_an_english_letter_or_none_is_north(lon: str) -> None:
    found = values.pair(f"10 N, {lon}")
    assert isinstance(found, Degrees)
    assert found.lat.hemisphere == "n"
    values.check_letters(found.lat, found.lon)


@pytest.mark.parametrize(
    ("cell", "lat", "lon", "certain"),
    [
        ("21.8537, 106.7615", 21.8537, 106.7615, True),
        ("21,8537; 106,7615", 21.8537, 106.7615, True),
        ("21,8537, 106,7615", 21.8537, 106.7615, True),
        ("21,8537,106,7615", 21.8537, 106.7615, True),
        ("21,8537 106,7615", 21.8537, 106.7615, True),
        ("(21.85 ; 106.76)", 21.85, 106.76, True),
        ("21°51'10,8\"B 106°45'36\"Đ", 21.853, 106.76, True),
        ("21°51'10.8\"N106°45'36\"E", 21.853, 106.76, True),
        ("21 51 10.8 106 45 36", 21.853, 106.76, True),
        ("21 51 10.8 46 45 36", 21.853, 46.76, False),
        ("106.76 E, 21.85 N", 21.85, 106.76, True),
        ("106.76 Đ 21.85", 21.85, 106.76, True),
        ("21.85 N 106.76", 21.85, 106.76, True),
        ("E106.76 N21.85", 21.85, 106.76, True),
        ("106.76, 21.85", 21.85, 106.76, True),
        ("10.5, 20.5", 10.5, 20.5, False),
        ("-21.85 -56.76", -21.85, -56.76, False),
        ("Vĩ độ: 21,85; Kinh độ: 106,76", 21.85, 106.76, True),
        ("lon 10.5 lat 20.5", 20.5, 10.5, True),
        ("21.85/106.76", 21.85, 106.76, True),
        ("POINT (10.5 20.5)", 20.5, 10.5, True),
    ],
)
def test_a_pair_is_read_from(cell: str, lat: float, lon: float, certain: bool) -> None:
    found = values.pair(cell)
    assert isinstance(found, Degrees)
    assert found.lat.degrees == pytest.approx(lat, abs=1e-12)
    assert found.lon.degrees == pytest.approx(lon, abs=1e-12)
    assert (found.lat.axis, found.lon.axis, found.certain) == ("lat", "lon", certain)


@pytest.mark.parametrize(
    ("cell", "grid"),
    [
        ("X=2417325.12 Y=456789.3", Grid(2417325.12, 456789.3, 0.05, "xy")),
        ("Y: 456789; X: 2417325", Grid(2417325, 456789, 0.5, "xy")),
        ("2417325,456789", Grid(2417325, 456789, 0.5, "")),
        ("456789.5 2417325", Grid(456789.5, 2417325, 0.5, "")),
        ("2417325,12; 456789,3", Grid(2417325.12, 456789.3, 0.05, "")),
        ("2417325,12, 456789,3", Grid(2417325.12, 456789.3, 0.05, "")),
        ("2417325,12,456789,3", Grid(2417325.12, 456789.3, 0.05, "")),
        ("2417300, 456000", Grid(2417300, 456000, 500, "")),
        ("E 456789 N 2417325", Grid(456789, 2417325, 0.5, "en")),
        ("2417325 mN, 456789 mE", Grid(456789, 2417325, 0.5, "en")),
        ("POINT(456789 2417325)", Grid(456789, 2417325, 0.5, "")),
    ],
)
def test_a_pair_of_grid_numbers_is_read_from(cell: str, grid: Grid) -> None:
    assert values.pair(cell) == grid


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        *(
            (cell, "not-a-pair")
            for cell in ("21.85", "21,853", "abc, def", "1,2,3", "21.85 B", 21.85)
        ),
        *(
            (cell, "not-a-pair")
            for cell in ("106.7 E, 106.8 E", "10 N 20 S", "21.85 106.76 12", "")
        ),
        *((cell, "off-globe") for cell in ("95, 100", "200, 300")),
        ("21 71 10 106 45 40", "angle-minutes"),
        ("-21.85 N, 106.76 E", "sign-hemisphere"),
    ],
)
def test_what_is_no_pair_is_refused(cell: Any, why: str) -> None:
    assert code(values.pair, cell) == why


def of_repr(value: float) -> float:
    """Half a unit of the last place of the shortest text that is this number."""
    if not math.isfinite(value):
        return math.nan
    if value == 0:
        return 0.5
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return 0.5 * 10.0 ** min(4, max(-7, exponent))


@given(
    st.lists(
        st.one_of(
            st.floats(-1e7, 1e7),
            st.builds(round, st.floats(-5e6, 5e6), st.integers(-5, 9)),
            st.integers(-(10**7), 10**7).map(float),
        ),
        max_size=20,
    )
)
def test_the_resolution_of_numbers_is_that_of_their_shortest_text(numbers: list[float]) -> None:
    found = values.resolution(np.array(numbers, dtype="float64"))
    assert found == pytest.approx([of_repr(float(n)) for n in numbers], rel=1e-12)


def test_the_resolution_of_whole_numbers_counts_their_zeros() -> None:
    numbers = np.array([452_000, 452_100, 452_130, 452_131, 452_131.5, 21.8537, 0, np.nan, np.inf])
    expected = [500, 50, 5, 0.5, 0.05, 0.00005, 0.5, np.nan, np.nan]
    assert values.resolution(numbers) == pytest.approx(expected, nan_ok=True)
    assert values.resolution(np.array([])).shape == (0,)


def test_a_million_numbers_take_less_than_a_second() -> None:
    numbers = np.random.default_rng(1).uniform(100, 110, 1_000_000)
    start = perf_counter()
    values.resolution(numbers)
    assert perf_counter() - start < 1


def test_an_angle_says_what_it_is_of() -> None:
    assert values.angle("10 B") == Angle(10, "n", 0.5, "b", "lat")
