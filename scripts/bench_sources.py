"""Time and memory of reading a register, as ratios to the bare read of the same file.

    python scripts/bench_sources.py [--csv-rows N] [--xlsx-rows N] [--rounds R] [--folder DIR]

For each file two peers: the bare read (pyarrow for CSV, python-calamine for XLSX), and
``read_crashes`` to a validated table in the study's CRS. For CSV a third shows what of the
difference no reader can save: the bare read, its coordinates brought to the CRS on one thread,
and a GeoDataFrame of points, nothing looked at. Each run is a process of its own; the peers
take turns, and a ratio is taken within a round, so that other load on the machine falls on
all. Imports are not timed. ``peak`` is what the process grew by at most, ``kept`` what it
holds of it afterwards: the table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from benching import in_turns, ratios, timed

SEED = 20_260_101
HEADER = (
    "Số hồ sơ",
    "Ngày xảy ra",
    "Giờ",
    "Số người chết",
    "Bị thương nặng",
    "Bị thương nhẹ",
    "Hình thức",
    "Phương tiện",
    "Nguyên nhân",
    "Huyện",
    "Tuyến đường",
    "Lý trình",
    "Vĩ độ",
    "Kinh độ",
)
WORDS = {
    "Hình thức": ["Đâm trực diện", "Đâm ngang", "Tự gây", "Đâm đuôi"],
    "Phương tiện": ["Xe máy", "Ô tô con - xe máy", "Xe tải - xe máy", "Người đi bộ"],
    "Nguyên nhân": ["Không chú ý quan sát", "Vượt sai quy định", "Tốc độ cao", ""],
    "Huyện": ["Cao Lộc", "Lộc Bình", "Hữu Lũng", "Chi Lăng"],
    "Tuyến đường": ["QL1A", "QL1B", "QL4A", "QL4B", "ĐT234"],
}
"""Made-up words of a register."""


def columns(rows: int) -> dict[str, list[Any]]:
    """A made-up register of three years, column by column."""
    chance = np.random.default_rng(SEED)
    days = np.datetime64("2021-01-01") + chance.integers(0, 1095, rows)
    iso = np.datetime_as_string(days)
    minutes = chance.integers(0, 1440, rows)
    km = chance.integers(0, 1200, rows)
    made: dict[str, list[Any]] = {
        "Số hồ sơ": [f"TN-{i:07d}" for i in range(rows)],
        "Ngày xảy ra": [f"{d[8:10]}/{d[5:7]}/{d[:4]}" for d in iso],
        "Giờ": [f"{m // 60:02d}:{m % 60:02d}" for m in minutes],
    }
    for name, most in (("Số người chết", 3), ("Bị thương nặng", 4), ("Bị thương nhẹ", 3)):
        made[name] = chance.integers(0, most, rows).tolist()
    for name, words in WORDS.items():
        made[name] = [words[i] for i in chance.integers(0, len(words), rows)]
    made["Lý trình"] = [f"Km{k // 10}+{k % 10 * 100:03d}" for k in km]
    made["Vĩ độ"] = np.round(chance.uniform(21.4, 22.4, rows), 6).tolist()
    made["Kinh độ"] = np.round(chance.uniform(106.2, 107.3, rows), 6).tolist()
    return {name: made[name] for name in HEADER}


def write_csv(path: Path, rows: int) -> None:
    """The register as a text file."""
    table = columns(rows)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(HEADER) + "\n")
        file.writelines(",".join(map(str, row)) + "\n" for row in zip(*table.values(), strict=True))


def write_xlsx(path: Path, rows: int) -> None:
    """The register as a workbook."""
    import xlsxwriter  # noqa: PLC0415 - only where a workbook is made

    table = columns(rows)
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        page = book.add_worksheet("Sổ")
        page.write_row(0, 0, HEADER)
        for i, row in enumerate(zip(*table.values(), strict=True), start=1):
            page.write_row(i, 0, row)


def bare_csv(path: Path) -> Callable[[], Any]:
    """Pyarrow's own reading."""
    import pyarrow.csv  # noqa: PLC0415 - each peer imports its own

    return lambda: pyarrow.csv.read_csv(path)


def points_csv(path: Path) -> Callable[[], Any]:
    """Pyarrow's reading, made into points of the CRS and nothing more."""
    import geopandas as gpd  # noqa: PLC0415 - each peer imports its own
    import pyarrow.csv  # noqa: PLC0415

    def run() -> Any:
        frame = pyarrow.csv.read_csv(path).to_pandas()
        places = gpd.points_from_xy(frame["Kinh độ"], frame["Vĩ độ"], crs=4326)
        return gpd.GeoDataFrame(frame, geometry=places).to_crs(9215)

    return run


def bare_xlsx(path: Path) -> Callable[[], Any]:
    """Calamine's own reading."""
    import python_calamine  # noqa: PLC0415 - each peer imports its own

    return lambda: (
        python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    )


def validated(path: Path) -> Callable[[], Any]:
    """The register as the study gets it."""
    from pyproj import CRS  # noqa: PLC0415 - each peer imports its own

    from blackspots.sources import Findings, read_crashes  # noqa: PLC0415

    target = CRS.from_epsg(9215)
    return lambda: read_crashes([path], target, Findings())


PEERS = {
    "csv": {"pyarrow": bare_csv, "read_crashes": validated, "pyarrow, points": points_csv},
    "xlsx": {"calamine": bare_xlsx, "read_crashes": validated},
}


def child(kind: str, peer: str, path: Path, small: Path) -> None:
    """One timed run; prints its figures as JSON."""
    PEERS[kind][peer](small)()  # imports, and what is only done once
    print(json.dumps(timed(PEERS[kind][peer](path))[0]))


def measure(kind: str, path: Path, small: Path, rounds: int) -> None:
    """All rounds of the peers of one kind of file, and their table."""
    words = {peer: (kind, peer, str(path), str(small)) for peer in PEERS[kind]}
    figures = in_turns(__file__, words, rounds)
    bare, ours, *least = figures.values()
    found = [ratios(ours, bare), *(ratios(ours, each) for each in least)]
    print(f"{path.name} ({path.stat().st_size / 1e6:.0f} MB), {rounds} rounds")
    for peer, runs in figures.items():
        middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        print(
            f"  {peer:16s} {middle['wall']:7.2f} s   peak +{middle['peak']:5.0f} MB"
            f"   kept +{middle['kept']:5.0f} MB"
        )
    memory = statistics.median(run["peak"] / run["kept"] for run in ours)
    for name, some in zip(("the bare read", "a table of points"), found, strict=False):
        typical = statistics.median(some)
        print(f"  time: {typical:.2f} x {name} ({some[0]:.2f} to {some[-1]:.2f})")
    print(f"  memory: {memory:.2f} x the table\n")


def main() -> int:
    """Make the files, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--csv-rows", type=int, default=1_000_000)
    parser.add_argument("--xlsx-rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the files are kept between runs")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        kind, peer, path, small = options.child
        child(kind, peer, Path(path), Path(small))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        writers = (("csv", write_csv, options.csv_rows), ("xlsx", write_xlsx, options.xlsx_rows))
        for kind, write, rows in writers:
            path, small = folder / f"{rows}.{kind}", folder / f"small.{kind}"
            for file, count in ((path, rows), (small, 500)):
                if not file.exists():
                    write(file, count)
            measure(kind, path, small, options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
