"""A whole run where the input is not what it seems."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from small_study import edit, without, write_study

from blackspots.cli import main
from blackspots.config import load_study
from blackspots.errors import BlackspotsError
from blackspots.study import run_study

HEAD = """\
[study]
name = "x"
language = "en"
crs = "EPSG:32648"
{study}
[crashes]
files = ["crashes.csv"]
crs = "EPSG:32648"
[roads]
file = "roads.geojson"
crs = "EPSG:32648"
{more}
"""
EAST, NORTH = 683_000.0, 2_417_000.0


def line(start: float, end: float, **properties: Any) -> dict[str, Any]:
    xy = [[EAST + start, NORTH], [EAST + end, NORTH]]
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "LineString", "coordinates": xy},
    }


def run(
    folder: Path,
    roads: list[dict[str, Any]],
    crashes: list[dict[str, Any]],
    *,
    study: str = "",
    more: str = "",
) -> int:
    folder.mkdir(exist_ok=True)
    collection = {"type": "FeatureCollection", "features": roads}
    (folder / "roads.geojson").write_text(json.dumps(collection), encoding="utf-8")
    with (folder / "crashes.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(crashes[0]))
        writer.writeheader()
        writer.writerows(crashes)
    text = HEAD.format(study=study, more=more)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return main(["run", str(folder / "study.toml"), "--quiet"])


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "out" / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def cluster(at: float, year: int = 2023, count: int = 4, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{year}-{at:.0f}-{i}",
            "date": f"{5 + i:02d}/03/{year}",
            "x": EAST + at + 10 * i,
            "y": NORTH,
            "severity": "fatal",
            **more,
        }
        for i in range(count)
    ]


BUDGET = '[budget]\namount = 5\nunit = "billion"'


def test_a_road_with_two_numbers_is_funded_like_one_with_one(tmp_path: Path) -> None:
    """The sign between the numbers also joins the names of groups of works."""
    crashes = [c for at in (1000.0, 4000.0, 8000.0) for c in cluster(at)]
    found = []
    for name, ref in (("one", "QL1"), ("two", "QL1;QL4B")):
        folder = tmp_path / name
        assert run(folder, [line(0, 10_000, ref=ref)], crashes, more=BUDGET) == 0
        found.append([(r["verdict"], r["funded"], r["why"]) for r in rows(folder, "ranking.csv")])
    assert found[0] == found[1] == [("black-spot", "True", "funded")] * 3


def test_one_recorded_severity_does_not_value_all_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crashes = [c for at in range(500, 9500, 300) for c in cluster(at, severity="")]
    crashes[0]["severity"] = "fatal"
    assert run(tmp_path, [line(0, 10_000, ref="QL1")], crashes, more=BUDGET) == 0
    assert "severities are not recorded" in capsys.readouterr().out.lower()
    assert not any(r["cost_per_year"] for r in rows(tmp_path, "ranking.csv"))
    page = (tmp_path / "out" / "map.html").read_text(encoding="utf-8")
    assert f"Only 1 of {len(crashes)} crashes have a recorded severity" in page
    assert not any(r["funded"] == "True" for r in rows(tmp_path, "programme.csv"))


def test_the_same_crashes_are_judged_alike_in_every_century(tmp_path: Path) -> None:
    verdicts = []
    for year in (1965, 1969, 2023):
        folder = tmp_path / str(year)
        crashes = [*cluster(1000, year), *cluster(6000, year, 3)]
        assert run(folder, [line(0, 10_000, ref="QL1")], crashes) == 0
        verdicts.append(
            [(r["site_id"], r["verdict"], r["window_end"][5:]) for r in rows(folder, "ranking.csv")]
        )
    assert verdicts[0] == verdicts[1] == verdicts[2]
    assert {verdict for _, verdict, _ in verdicts[0]} == {"black-spot"}


def test_km_posts_lie_where_they_are_on_a_road_of_two_touching_parts(tmp_path: Path) -> None:
    road = line(0, 10_000, ref="QL1", km_from=0, km_to=10)
    first, last = road["geometry"]["coordinates"]
    middle = [EAST + 4000, NORTH]
    road["geometry"] = {
        "type": "MultiLineString",
        "coordinates": [[first, middle], [middle, last]],
    }
    posts = [
        {"id": str(km), "date": "05/03/2023", "route": "QL1", "km": km, "severity": "fatal"}
        for km in (2, 5, 9)
    ]
    assert run(tmp_path, [road], posts) == 0
    import pyogrio  # noqa: PLC0415

    placed = pyogrio.read_dataframe(tmp_path / "out" / "blackspots.gpkg", layer="crashes")
    at = dict(zip(placed["crash_id"], placed.geometry.x - EAST, strict=True))
    assert at == pytest.approx({"2": 2000.0, "5": 5000.0, "9": 9000.0}, abs=1)


def test_of_a_broken_road_only_the_part_at_the_origin_has_km(tmp_path: Path) -> None:
    roads = [line(7000, 10_000, ref="QL1"), line(0, 5000, ref="QL1")]
    posts = [
        {"id": str(km), "date": "05/03/2023", "route": "QL1", "km": km, "severity": "fatal"}
        for km in (1, 4, 8)
    ]
    more = "[routes.QL1]\nstart = [106.7708, 21.8475]"
    assert run(tmp_path, roads, posts, more=more) == 0
    import pyogrio  # noqa: PLC0415

    placed = pyogrio.read_dataframe(tmp_path / "out" / "blackspots.gpkg", layer="crashes")
    at = dict(zip(placed["crash_id"], placed.geometry.x - EAST, strict=True))
    assert at == pytest.approx({"1": 1000.0, "4": 4000.0}, abs=30)
    assert [r["reason"] for r in rows(tmp_path, "unplaced.csv")] == ["km-outside-route"]


def test_a_bridge_by_any_name_stays_in_the_network(tmp_path: Path) -> None:
    roads = [line(0, 5000, ref="QL1"), line(5000, 10_000, ref="QL1", bridge="viaduct")]
    assert run(tmp_path, roads, cluster(7000)) == 0
    assert not rows(tmp_path, "unplaced.csv")


@pytest.mark.parametrize("crs", ["EPSG:32645", "ESRI:54009", "EPSG:6933"])
def test_a_crs_whose_metres_are_not_those_here_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], crs: str
) -> None:
    assert run(tmp_path, [line(0, 10_000, ref="QL1")], cluster(1000)) == 0
    text = (tmp_path / "study.toml").read_text(encoding="utf-8")
    wrong = text.replace('crs = "EPSG:32648"', f'crs = "{crs}"', 1)
    (tmp_path / "study.toml").write_text(wrong, encoding="utf-8")
    assert main(["run", str(tmp_path / "study.toml"), "--quiet"]) == 1
    assert "EPSG:32648" in capsys.readouterr().err


def test_a_mistyped_year_does_not_stretch_the_period(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crashes = [*cluster(1000), {**cluster(3000)[0], "date": "05/03/1951"}]
    assert run(tmp_path, [line(0, 10_000, ref="QL1")], crashes) == 1
    said = capsys.readouterr().err
    assert "1951 to 2023" in said
    assert "1952" in said
    stated = "start = 2023-01-01\nend = 2023-12-31"
    assert run(tmp_path, [line(0, 10_000, ref="QL1")], crashes, study=stated) == 0
    assert [r["code"] for r in rows(tmp_path, "rejected.csv")] == ["outside-period"]


def test_a_catalogue_in_another_currency_than_the_values_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "usd.toml").write_text(
        'id = "usd"\ncurrency = "USD"\nprice_year = 2024\ntitle = { en = "x" }\n'
        "[persons]\ndeath = 3e5\nserious_among_injured = 0.5\n[crash]\npdo = 800\n"
        "[time]\ndiscount_rate = 0.1\ngrowth = 0\n",
        encoding="utf-8",
    )
    study = 'costs = "usd.toml"'
    assert run(tmp_path, [line(0, 10_000, ref="QL1")], cluster(1000), study=study) == 1
    assert "VND" in (said := capsys.readouterr().err)
    assert "USD" in said


def test_a_summary_of_somebody_else_does_not_make_the_folder_ours(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(parents=True)
    (tmp_path / "out" / "summary.json").write_text('{"mine": 1}', encoding="utf-8")
    assert run(tmp_path, [line(0, 10_000, ref="QL1")], cluster(1000)) == 1
    assert (tmp_path / "out" / "summary.json").read_text(encoding="utf-8") == '{"mine": 1}'


def test_a_register_of_km_posts_only_is_checked_by_its_roads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    road = line(0, 10_000, ref="QL1", km_from=0, km_to=10)
    posts = [{"id": "a", "date": "05/03/2023", "route": "QL1", "km": 2, "severity": "fatal"}]
    assert run(tmp_path, [road], posts) == 0
    text = (tmp_path / "study.toml").read_text(encoding="utf-8")
    wrong = text.replace('crs = "EPSG:32648"', 'crs = "EPSG:32645"', 1)
    (tmp_path / "study.toml").write_text(wrong, encoding="utf-8")
    assert main(["run", str(tmp_path / "study.toml"), "--quiet"]) == 1
    assert "EPSG:32648" in capsys.readouterr().err


@pytest.mark.parametrize("names", [["QL99"], ["QL1", '"ql 1"']])
def test_the_origin_of_a_road_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], names: list[str]
) -> None:
    more = "\n".join(f"[routes.{name}]\nstart = [106.77, 21.85]" for name in names)
    assert run(tmp_path, [line(0, 10_000, ref="QL1")], cluster(1000), more=more) == 1
    said = capsys.readouterr().err
    assert names[-1].strip('"') in said
    assert "The layer has: QL1" in said


def test_roads_in_another_place_than_all_crashes_stop_the_run(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    without(path, "boundary")
    edit(path, 'file = "roads.geojson"', 'file = "roads.geojson"\ncrs = "EPSG:32649"')
    with pytest.raises(BlackspotsError) as refusal:
        run_study(load_study(path))
    assert refusal.value.code == "roads-elsewhere"
    assert "roads.geojson" in refusal.value.message("vi")
    assert "EPSG" in refusal.value.message("en")


def test_a_published_function_predicts_where_traffic_is_known_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spf = '[screening]\nspf.segment = "hsm1-rural-two-lane"'
    road = line(0, 10_000, ref="QL1", aadt=8000)
    assert run(tmp_path, [road], cluster(1000), more=f"{spf}\n{BUDGET}") == 0
    predicted = float(rows(tmp_path, "ranking.csv")[0]["predicted"])
    # Calibrated, all sections are alike: the four crashes of 10 km, on 500 m.
    assert predicted == pytest.approx(4 * 500 / 10_000, rel=1e-3)
    notes = gpd.read_file(tmp_path / "out" / "blackspots.gpkg", layer="notes")["notice"]
    assert any("hsm1-rural-two-lane, C = " in note for note in notes)
    for name, said in (("hsm1-rural-3st", "aadt_major"), ("nothing", "nothing")):
        more = f'[screening]\nspf.segment = "{name}"\n{BUDGET}'
        assert run(tmp_path, [road], cluster(1000), more=more) == 1
        assert said in capsys.readouterr().err
