"""Plain points, lines and tables: nothing is read but what is wanted."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from pyproj import CRS

from blackspots.errors import BlackspotsError
from blackspots.sources import Findings, Source, read_lines, read_points, read_sites

UTM = CRS.from_epsg(32648)


def table(folder: Path, **columns: list[object]) -> Source:
    pd.DataFrame(columns).to_csv(folder / "table.csv", index=False)
    return Source(folder / "table.csv")


def test_points_need_no_date_and_no_severity_and_a_wrong_one_does_no_harm(tmp_path: Path) -> None:
    places: dict[str, list[object]] = {"lat": [21.1, 21.2], "lon": [106.0, 106.1]}
    source = table(tmp_path, id=["a", "b"], **places, date=["?", "x"], severity=[7, 8])
    findings = Findings()
    made = read_points(source, UTM, findings)
    assert list(made.columns) == ["id", "geometry"]
    assert made["id"].tolist() == ["a", "b"]
    assert made.index.tolist() == [2, 3]
    assert findings.rejects == []
    back = made.to_crs(4326)
    assert back.geometry.y.tolist() == pytest.approx([21.1, 21.2])


def test_a_point_without_coordinates_is_kept_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    source = table(tmp_path, id=[1, 2, 3], lat=[21.1, None, "north"], lon=[106.0, None, 106.1])
    findings = Findings()
    made = read_points(source, UTM, findings)
    assert made.geometry.isna().tolist() == [False, True]
    assert [each["row"] for each in findings.rejects] == [4]


@pytest.mark.parametrize(
    ("code", "columns"),
    [
        ("no-coordinates", {}),
        ("unknown-table-column", {"date": "when"}),
        ("unknown-column", {"lat": "Breite"}),
    ],
)
def test_a_table_that_does_not_say_where_is_refused(
    tmp_path: Path, code: str, columns: dict[str, str]
) -> None:
    table(tmp_path, when=[1], east=[2])
    with pytest.raises(BlackspotsError) as caught:
        read_points(Source(tmp_path / "table.csv", columns=columns), UTM, Findings())
    assert caught.value.code == code


def test_lines_keep_their_ids_unless_two_share_one(tmp_path: Path) -> None:
    shapes = shapely.from_wkt(["LINESTRING (0 0, 9 0)", "LINESTRING (9 0, 20 0)"])
    for ids, wanted in ((["x", "y"], ["x", "y"]), (["x", "x"], ["R1", "R2"])):
        frame = gpd.GeoDataFrame(
            {"id": ids, "ref": ["QL1", None], "aadt": ["?", "many"]}, geometry=shapes, crs=UTM
        )
        frame.to_file(tmp_path / "lines.gpkg")
        findings = Findings()
        made = read_lines(Source(tmp_path / "lines.gpkg"), UTM, findings)
        assert made.index.tolist() == wanted
        assert list(made.columns) == ["ref", "name", "geometry"]
        assert findings.rejects == []


def test_figures_are_read_as_they_are_written_and_unread_ones_are_unknown(tmp_path: Path) -> None:
    source = table(tmp_path, n=["1,5", "-2", None, "1.500", "7"], kind=list("aabbb"), other=[1] * 5)
    findings = Findings()
    made = read_sites(source, findings, numbers=["n"], words=["kind"])
    assert list(made.columns) == ["kind", "n"]
    assert made["n"].fillna(-1).tolist() == [1.5, -1, -1, -1, 7]
    assert [(each["kind"], each["count"]) for each in findings.remarks] == [("doubtful", 1)] * 2
    assert findings.rejects == []


@pytest.mark.parametrize("header", ["Driver name", "Biển số xe"])
def test_a_column_of_persons_is_refused(tmp_path: Path, header: str) -> None:
    pd.DataFrame({"n": [1], header: ["x"]}).to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(BlackspotsError) as caught:
        read_sites(Source(tmp_path / "table.csv"), Findings(), numbers=["n"], words=[header])
    assert caught.value.code == "personal-header"
