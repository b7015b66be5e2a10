"""The unit that the header of a column of costs names, and a study that says another."""

from pathlib import Path
from typing import Any

import pytest
from pyproj import CRS
from reading_files import code_of
from small_study import GRID

from blackspots.errors import BlackspotsError
from blackspots.presets.filewords import unit_of
from blackspots.sources import Findings, read_repairs
from blackspots.sources.files import Source

UNITS = {"one": 1.0, "thousand": 1e3, "million": 1e6, "billion": 1e9}


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("Dự toán (đồng)", "one"),
        ("Kinh phí, đồng", "one"),
        ("Đơn giá (đồng/m2)", "one"),
        ("Thành tiền (VNĐ)", "one"),
        ("cost_vnd", "one"),
        ("Thành tiền (đ)", "one"),
        ("Kinh phí (nghìn đồng)", "thousand"),
        ("Kinh phí (1000 đồng)", "thousand"),
        ("Đơn giá (1.000 đ)", "thousand"),
        ("Đơn giá (1000đ)", "thousand"),
        ("Kinh phí (triệu đồng)", "million"),
        ("Dự toán (tr.đ)", "million"),
        ("Giá trị hợp đồng (trđ)", "million"),
        ("Cost (million VND)", "million"),
        ("cost_million", "million"),
        ("Kinh phí (tỷ đồng)", "billion"),
        ("Dự toán", None),
        ("Giá hợp đồng", None),
        ("Dự toán đường Đồng Đăng", None),
        ("unit cost", None),
        ("", None),
    ],
)
def test_a_header_names_its_unit(header: str, unit: str | None) -> None:
    assert unit_of(header) == unit


def read(folder: Path, unit: str, *headers: str, **options: Any) -> Any:
    path = folder / "w.csv"
    cells = ["60"] * len(headers)
    lines = [["lat", "lon", *headers], ["21.85", "106.76", *cells]]
    path.write_text("\n".join(";".join(line) for line in lines) + "\n", encoding="utf-8")
    return read_repairs(Source(path, **options), CRS(GRID), Findings(), unit=UNITS[unit])


@pytest.mark.parametrize("said", UNITS)
@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_that_the_header_denies_is_refused(said: str, unit: str, tmp_path: Path) -> None:
    words = {"one": "đồng", "thousand": "nghìn đồng", "million": "trđ", "billion": "tỷ đồng"}
    header = f"Dự toán được duyệt ({words[said]})"
    columns = {"columns": {"cost": header}}
    if said == unit:
        assert read(tmp_path, unit, header, **columns)["cost"].tolist() == [60 * UNITS[unit]]
        return
    with pytest.raises(BlackspotsError) as refused:
        read(tmp_path, unit, header, **columns)
    assert refused.value.code == "unit-differs"
    for language in ("vi", "en"):
        message = refused.value.message(language)
        assert header in message
        assert f'unit = "{said}"' in message
        assert f'"{unit}"' in message


def test_a_header_without_a_unit_takes_that_of_the_study(tmp_path: Path) -> None:
    assert read(tmp_path, "million", "Dự toán")["cost"].tolist() == [60e6]


def test_a_price_is_checked_as_well_and_a_column_left_out_is_not(tmp_path: Path) -> None:
    both = ("Khối lượng", "Dự toán (triệu đồng)", "Đơn giá (đồng)")
    assert code_of(lambda: read(tmp_path, "million", *both)) == "unit-differs"
    assert code_of(lambda: read(tmp_path, "one", *both)) == "unit-differs"
    left_out = read(tmp_path, "million", *both, columns={"unit_price": ""})
    assert left_out["cost"].tolist() == [60e6]
