"""Personal data in a register: left behind, masked, or allowed by name; never in a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyproj import CRS
from small_study import DRIVER, GRID, PLATE, Row, crashes, write_rows

from blackspots.errors import BlackspotsError
from blackspots.sources import Findings, read_crashes
from blackspots.sources.crashes import Register
from blackspots.sources.personal import MASK

TARGET = CRS(GRID)
NAMES = ("Nông Văn Bình", "Hoàng Thị Lan", "Lương Đình Quân", "Vi Văn Sáng", "Bế Thị Hoa")
PLATES = ("12A-123.45", "12C1-234.56", "29H-345.67", "98B2-456.78", "12A-567.89")
PHONE = "0912 345 678"


def written(folder: Path, **columns: Any) -> list[Path]:
    """The small register with more columns: a list of cells that is gone round, or one cell."""
    rows: list[Row] = []
    for i, row in enumerate(crashes()):
        more = {
            name: cells[i % len(cells)] if isinstance(cells, tuple) else cells
            for name, cells in columns.items()
        }
        rows.append({**row, **more})
    write_rows(folder / "c.csv", rows, list(rows[0]))
    return [folder / "c.csv"]


def read(paths: list[Path], **options: Any) -> tuple[Register, Findings]:
    findings = Findings()
    return read_crashes(paths, TARGET, findings, **options), findings


def everything(made: Register, findings: Findings) -> str:
    """All that may be written anywhere, but for the headers."""
    return str(
        [
            made.crashes.to_csv(),
            findings.rejects_frame().to_csv(),
            findings.remarks_frame().to_csv(),
        ]
    )


@pytest.mark.parametrize("cells", [NAMES, PLATES], ids=["names", "plates"])
@pytest.mark.parametrize("column", ["cause", "district", "crash_type", "mode"])
def test_a_column_whose_cells_are_persons_or_plates_is_left_out_and_said(
    cells: tuple[str, ...], column: str, tmp_path: Path
) -> None:
    made, findings = read(written(tmp_path, note=cells), columns={column: "note"})
    assert made.crashes[column].isna().all()
    (said,) = findings.remarks
    assert (said["kind"], said["code"], said["column"]) == ("repaired", "personal-column", "note")
    assert (said["count"], said["row"], said["value"]) == (20, None, None)
    assert not any(cell in everything(made, findings) for cell in cells)


def test_a_column_that_is_allowed_is_taken_as_it_stands(tmp_path: Path) -> None:
    paths = written(tmp_path, note=NAMES)
    made, findings = read(paths, columns={"cause": "note"}, allowed=["note"])
    assert set(made.crashes["cause"]) == set(NAMES)
    assert findings.remarks == []


def test_a_column_with_few_names_is_kept_and_the_places_stay(tmp_path: Path) -> None:
    places = ("Xã Yên Trạch", "Xã Tân Thành", "Phường Hoàng Văn Thụ", "Thị trấn Đồng Đăng")
    made, findings = read(written(tmp_path, note=places), columns={"district": "note"})
    assert set(made.crashes["district"]) == set(places)
    assert findings.remarks == []


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"say rượu, liên hệ {PHONE}", f"say rượu, liên hệ {MASK}"),
        (f"xe {PLATES[0]} lấn làn", f"xe {MASK} lấn làn"),
        (f"xe do {NAMES[0]} điều khiển", f"xe do {MASK} điều khiển"),
    ],
)
def test_a_text_keeps_its_words_without_the_person(text: str, masked: str, tmp_path: Path) -> None:
    made, findings = read(written(tmp_path, cause=("đi sai phần đường", text)))
    assert made.crashes["cause"].tolist() == ["đi sai phần đường", masked] * 10
    assert [(r["row"], r["column"], r["code"]) for r in findings.remarks] == [
        (row, "cause", "personal") for row in range(3, 23, 2)
    ]
    assert {(r["value"], r["used"]) for r in findings.remarks} == {(masked, masked)}
    allowed, silent = read(written(tmp_path, cause=text), allowed=["cause"])
    assert set(allowed.crashes["cause"]) == {text}
    assert silent.remarks == []


@pytest.mark.parametrize("header", ["driver", "plate", "Họ tên lái xe", "Số điện thoại", "CCCD"])
def test_a_personal_header_stands_for_no_column_unless_it_is_allowed(
    header: str, tmp_path: Path
) -> None:
    paths = written(tmp_path, **{header: "x"})
    with pytest.raises(BlackspotsError, match=header) as refusal:
        read(paths, columns={"cause": header})
    assert refusal.value.code == "personal-column"
    assert f'allow_personal = ["{header}"]' in refusal.value.message("en")
    made, _ = read(paths, columns={"cause": header}, allowed=[header])
    assert set(made.crashes["cause"]) == {"x"}


def test_rejects_and_remarks_show_no_person_wherever_one_is_typed(tmp_path: Path) -> None:
    """A phone number in the column of dates is still a phone number."""
    rows = crashes()
    secret = f"xe {PLATES[0]} của ông {NAMES[0]}, đt {PHONE}"
    columns = ("date", "hour", "severity", "deaths", "injured", "lat", "lon", "km")
    for i, column in enumerate(columns):
        rows[i][column] = secret
    rows[10]["severity"] = f"nhẹ {PHONE}"
    write_rows(tmp_path / "c.csv", rows)
    made, findings = read([tmp_path / "c.csv"])
    told = [*findings.rejects, *findings.remarks]
    refused = {(r["row"], r["column"]) for r in told}
    assert refused >= {(i + 2, column) for i, column in enumerate(columns)}
    for word in (PLATES[0], NAMES[0], PHONE, DRIVER, PLATE):
        assert word not in everything(made, findings)
    assert all(MASK in r["value"] for r in told)


def test_rejects_that_show_only_once_all_sheets_are_together_are_masked_too(
    tmp_path: Path,
) -> None:
    rows = crashes()
    rows[3]["crash_id"] = rows[4]["crash_id"] = f"đt {PHONE}"
    write_rows(tmp_path / "c.csv", rows)
    _, findings = read([tmp_path / "c.csv"])
    (refused,) = findings.rejects
    assert (refused["code"], refused["value"]) == ("duplicate-id", f"đt {MASK}")


def test_more_remarks_than_are_listed_show_a_masked_example(tmp_path: Path) -> None:
    rows = [
        {**crashes()[i % 20], "crash_id": f"D{i}", "cause": f"xe {PLATES[i % 5]} lấn làn"}
        for i in range(1100)
    ]
    write_rows(tmp_path / "c.csv", rows, list(rows[0]))
    made, findings = read([tmp_path / "c.csv"])
    (said,) = [r for r in findings.remarks if r["code"] == "personal"]
    assert (said["count"], said["row"], said["value"]) == (1100, None, f"xe {MASK} lấn làn")
    assert not any(plate in everything(made, findings) for plate in PLATES)


def test_the_register_names_its_personal_headers(tmp_path: Path) -> None:
    paths = written(tmp_path, **{"Họ tên lái xe": NAMES, "Số người chết": "0", "Ngày sinh": "1"})
    made, findings = read(paths, columns={"deaths": "deaths"})
    assert set(made.personal) == {"driver", "plate", "Họ tên lái xe", "Ngày sinh"}
    assert set(made.dropped) == {*made.personal, "Số người chết"}
    assert findings.remarks == []
    table: pd.DataFrame = made.crashes
    assert not any(name in table.to_csv() for name in (*NAMES, DRIVER, PLATE))
