"""Level crossings in a study: found, confirmed in the field, rated, closed, and paid for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from small_study import box, crash, edit, line, point, write_features, write_rows, write_study
from small_study import crashes as small_crashes
from small_study import roads as small_roads

from blackspots import verification
from blackspots.appraisal import yearly_cost
from blackspots.config import load_study
from blackspots.errors import BlackspotsError
from blackspots.schema import CLOSURES, CROSSING_REGISTER, FOUND_CROSSINGS, MATCHES, check
from blackspots.screening import expected_at, expected_at_crossings
from blackspots.study import Result, run_study

TRAIN = {"severity": "Chết người", "deaths": 1, "injured": 0, "train": "có"}


def railway_study(folder: Path) -> Path:
    """The small study with three paths over its railway T1, two of them in the list.

            T1 (x = 1000)
    y = 900   ---+---  LX4, self-opened, two deaths
    y = 600   ---+---  in no list
    y = 300   ---+---  LX3, self-opened
    y = 0     ===+===  LX1 of QL1, official
            the paths end at a lane on either side, which meets QL1
    """
    study = write_study(folder)
    lanes = [
        line((x, 0), (x, 300), (x, 600), (x, 900), road_id=f"L{x}", road_class="local")
        for x in (800, 1300)
    ]
    paths = [
        line((800, y), (1000, y), (1300, y), road_id=f"P{y}", road_class="path")
        for y in (300, 600, 900)
    ]
    roads = small_roads()
    roads[0]["geometry"]["coordinates"] = sorted(
        [
            *roads[0]["geometry"]["coordinates"],
            *(lane["geometry"]["coordinates"][0] for lane in lanes),
        ]
    )
    write_features(folder / "roads.geojson", [*roads, *lanes, *paths])
    listed = [
        point(1000, 0, crossing_id="LX1", name="Km 98", kind="official", protection="gates",
              railway="Hà Nội – Đồng Đăng", km=98.0, aadt=9000, trains=12),
        point(2000, -1000, crossing_id="LX2", name="Lối mòn", kind="Lối đi tự mở"),
        point(1000, 300, crossing_id="LX3", kind="Lối đi tự mở", protection="none",
              railway="Hà Nội – Đồng Đăng", km=98.3, width=3.5),
        point(1000, 900, crossing_id="LX4", kind="Lối đi tự mở", protection="none",
              railway="Hà Nội – Đồng Đăng", km=98.9),
    ]  # fmt: skip
    write_features(folder / "crossings.geojson", listed)
    rows = small_crashes()
    rows += [crash(n, 1001, 902, **TRAIN) for n in (21, 22)]
    rows += [crash(23, 1001, 602, **TRAIN), crash(24, 1000, 1400, **TRAIN)]
    rows += [crash(25, 1015, 1, train="không")]
    header = [*rows[0], "train"]
    write_rows(folder / "crashes.csv", [{"train": "", **row} for row in rows], header)
    return study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return railway_study(tmp_path_factory.mktemp("rail")).parent


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    return run_study(load_study(folder / "study.toml"))


def test_every_table_keeps_to_its_schema(result: Result) -> None:
    assert result.railway is not None
    assert result.crossings is not None
    assert result.closures is not None
    for frame, of in (
        (result.railway.found, FOUND_CROSSINGS),
        (result.railway.matched.matches, MATCHES),
        (result.crossings.register, CROSSING_REGISTER),
        (result.closures.table, CLOSURES),
    ):
        check(frame, of)
        assert len(frame)


def test_what_no_list_has_is_a_candidate_and_all_that_is_listed_is_found(result: Result) -> None:
    assert result.railway is not None
    found = result.railway.found
    assert result.railway.matched.recall == 1.0
    candidate = found[found["status"] == "candidate"]
    assert len(candidate) == 1
    assert candidate["km"].item() == pytest.approx(98.6, abs=0.01)
    assert set(found["crossing_id"].dropna()) == {"LX1", "LX2", "LX3", "LX4"}


def test_crashes_with_trains_are_at_their_crossing_or_on_the_line(result: Result) -> None:
    located = result.located
    assert located.loc[["C21", "C22"], "crossing_id"].tolist() == ["LX4", "LX4"]
    # Nobody lists the path at 600 m, and 1400 m is between crossings: both belong to the line.
    assert located.loc[["C23", "C24"], "place"].tolist() == ["railway", "railway"]
    assert located.at["C23", "rail_km"] == pytest.approx(98.602, abs=0.001)
    assert located.at["C25", "place"] != "crossing"
    assert located.at["C25", "queue_at"] == "LX1"
    assert result.read == result.placed + result.unplaced + result.rejected


def test_the_register_counts_what_was_placed_there(result: Result) -> None:
    assert result.crossings is not None
    register = result.crossings.register
    assert register["crashes"].to_dict()["LX4"] == 2
    assert register["deaths"].to_dict()["LX4"] == 2
    assert register["queue_crashes"].to_dict()["LX1"] == 1
    assert register.at["LX3", "protection_code"] == "none"
    assert register.at["LX2", "rule_reason"].startswith("self-opened")
    assert register["rank"].min() == 1


def test_expected_crashes_of_all_crossings_are_those_of_each(result: Result) -> None:
    network, crossings = result.network, result.inputs.crossings
    assert network is not None
    assert crossings is not None
    made = expected_at_crossings(result.located, result.expectation)
    places = pd.DataFrame({"place": "crossing", "crossing_id": crossings.index}, crossings.index)
    each = expected_at(
        places,
        result.located,
        result.expectation,
        segments=network.segments,
        nodes=network.nodes,
        routes=network.routes,
    )
    for column in made:
        assert made[column].to_numpy() == pytest.approx(each[column].astype(float).to_numpy())


def test_a_group_and_a_work_at_one_of_its_paths_are_never_both_funded(result: Result) -> None:
    projects = result.projects
    closing = projects[projects["source"] == "closures"]
    assert len(closing)
    for tokens in closing["group"]:
        assert any(token.startswith("crossing:") for token in tokens.split(";"))
    funded = projects[projects["funded"]]["group"].str.split(";").explode()
    assert funded.is_unique


def test_what_a_group_avoids_is_what_its_factors_say(result: Result) -> None:
    assert result.closures is not None
    expected = expected_at_crossings(result.located, result.expectation)
    loss = yearly_cost(expected, result.crash_costs)
    for option in result.closures.table.itertuples():
        own = result.closures.effects
        own = own[own["closure_id"] == option.Index].set_index("crossing_id")["factor"]
        saved = sum((1 - factor) * loss[crossing] for crossing, factor in own.items())
        row = result.projects.loc[f"close:{option.Index}"]
        avoided = [getattr(option, f"avoided_{level}") for level in result.crash_costs.cost.index]
        assert float(np.dot(avoided, result.crash_costs.cost)) == pytest.approx(saved)
        assert row["crashes_avoided"] == pytest.approx(sum(avoided))


def test_what_the_field_confirms_is_a_crossing_of_the_next_run(
    result: Result, tmp_path: Path
) -> None:
    study = railway_study(tmp_path)
    assert result.railway is not None
    book = tmp_path / "seen.xlsx"
    verification.write_verification(
        book,
        verification.verification_places(result.railway.found),
        crossings=result.railway.crossings,
        matches=result.railway.matched.matches,
        name="x",
        language="vi",
    )
    sheet = openpyxl.load_workbook(book)
    page = sheet.worksheets[0]
    rows = list(page.iter_rows())
    head = next(row for row in rows if any(cell.value == "Tại chỗ là gì" for cell in row) or any(
        cell.value == _head("there") for cell in row))  # fmt: skip
    at = {cell.value: cell.column for cell in head}
    first = head[0].row + 1
    page.cell(first, at[_head("there")], _word("there", "path"))
    page.cell(first, at[_head("width")], 2.5)
    sheet.save(book)
    text = study.read_text(encoding="utf-8") + '\n[level_crossings]\nverified = "seen.xlsx"\n'
    study.write_text(text, encoding="utf-8")
    again = run_study(load_study(study))
    assert again.crossings is not None
    assert again.railway is not None
    new = again.crossings.register[~again.crossings.register["listed"]]
    assert new["kind"].tolist() == ["self-opened"]
    assert new["width"].tolist() == [2.5]
    assert again.located.at["C23", "crossing_id"] == new.index[0]
    assert (again.railway.found["status"] == "verified").sum() == 1
    assert not (again.railway.found["status"] == "candidate").any()


def _head(column: str) -> str:
    from blackspots.labels import text  # noqa: PLC0415

    return text(f"verify.head.{column}", "vi")


def _word(column: str, code: str) -> str:
    from blackspots.labels import text  # noqa: PLC0415

    return text(f"verify.{column}.{code}", "vi")


def test_a_study_without_a_railway_or_crossings_has_no_register(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    for section in ("crossings", "railways"):
        edit(study, f'[{section}]\nfile = "{section}.geojson"\n', "")
    edit(study, '[repairs]\nfile = "repairs.xlsx"\nunit = "million"\n', "")
    made = run_study(load_study(study))
    assert made.railway is None
    assert made.crossings is None
    assert made.closures is None


def test_crossings_far_from_any_line_stay_in_the_register_with_the_reason(tmp_path: Path) -> None:
    study = railway_study(tmp_path)
    rows = json.loads((tmp_path / "crossings.geojson").read_text(encoding="utf-8"))
    rows["features"].append(point(3600, 1500, crossing_id="LX9", kind="official"))
    write_features(tmp_path / "crossings.geojson", rows["features"])
    made = run_study(load_study(study))
    assert made.crossings is not None
    assert made.railway is not None
    assert made.crossings.register.at["LX9", "place_reason"] == "far-from-line"
    reasons = made.railway.matched.matches.set_index("crossing_id")["reason"]
    assert reasons["LX9"] == "far-from-line"


def test_railways_that_are_areas_are_told_and_the_run_goes_on(tmp_path: Path) -> None:
    study = railway_study(tmp_path)
    area = box(900, -1000, 910, 1000, railway_id="T9")
    rows = json.loads((tmp_path / "railways.geojson").read_text(encoding="utf-8"))
    write_features(tmp_path / "railways.geojson", [*rows["features"], area])
    made = run_study(load_study(study))
    rejects = made.inputs.rejects
    assert (rejects["table"] == "railways").sum() == 1
    assert made.crossings is not None
    assert made.crossings.register["rank"].notna().any()


def test_prices_in_another_currency_are_refused_where_they_are_named(tmp_path: Path) -> None:
    study = railway_study(tmp_path)
    own = tmp_path / "closing.toml"
    from importlib.resources import files  # noqa: PLC0415

    shipped = files("blackspots") / "presets" / "closing" / "vn-2019.toml"
    own.write_text(shipped.read_text(encoding="utf-8").replace('"VND"', '"LAK"'), encoding="utf-8")
    text = study.read_text(encoding="utf-8") + '\n[level_crossings]\nclosing = "closing.toml"\n'
    study.write_text(text, encoding="utf-8")
    with pytest.raises(BlackspotsError, match="LAK"):
        run_study(load_study(study))
