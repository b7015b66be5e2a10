"""What the command tells of the scatter of coordinates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_study import crash, roads, write_features, write_rows

from blackspots.cli import main


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ([(400, 3)] * 6, "(different coordinates: 1)"),
        ([(400 + 9 * i, 3) for i in range(6)], "(different coordinates: 6)"),
        ([(400, 900)], ""),
    ],
    ids=["all on one point", "each on its own", "none near a road"],
)
def test_the_scatter_is_told_only_where_the_register_shows_it(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    places: list[tuple[float, float]],
    told: str,
) -> None:
    write_features(tmp_path / "roads.geojson", roads())
    write_rows(tmp_path / "crashes.csv", [crash(i, *place) for i, place in enumerate(places)])
    files = [str(tmp_path / name) for name in ("crashes.csv", "roads.geojson")]
    out = ["--crs", "EPSG:32648", "--out", str(tmp_path / "out"), "--quiet", "--lang", "en"]
    assert main(["locate", *files, *out]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "Scatter" in line]
    assert len(lines) == bool(told)
    assert all(line.endswith(told) for line in lines)
    sigma = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))["sigma"]
    assert (sigma is None) == (not told)
