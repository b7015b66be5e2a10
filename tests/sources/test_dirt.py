"""Dirt of every kind, planted in known rows: each is told by its name, and no row is lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dirty
import geopandas as gpd
import pandas as pd
import pytest
from dirty import CAUSE, DRIVER, FONT, HEADER, KINDS, LAT, NOTES, TABLES, TEXT, Dirt, Key

from blackspots.sources import Findings, heaped, read_crashes
from blackspots.sources.crashes import Register

SEEDS = (1, 2)
COLUMNS = (
    *("date", "hour", "severity", "deaths", "serious", "slight", "injured", "mode", "cause"),
    *("district", "route", "km", "km_uncertainty"),
)


@dataclass(frozen=True)
class Read:
    """What was written and what came of it, crashes by where they stood."""

    written: dirty.Register
    register: Register
    crashes: dict[Key, Any]
    stacks: pd.DataFrame
    rejects: pd.DataFrame
    remarks: pd.DataFrame

    def refused(self, key: Key) -> list[tuple[str, str]]:
        return self._told(self.rejects, key)

    def remarked(self, key: Key) -> list[tuple[str, str]]:
        return self._told(self.remarks, key)

    @staticmethod
    def _told(frame: pd.DataFrame, key: Key) -> list[tuple[str, str]]:
        return [(r["column"], r["code"]) for r in frame.to_dict("records") if place(r) == key]


def place(entry: Any) -> Key:
    """File, sheet and row of an entry; row 0 where it is of a whole table."""
    sheet = entry["sheet"]
    row = entry["row"]
    return entry["file"], None if pd.isna(sheet) else sheet, 0 if pd.isna(row) else int(row)


def read(folder: Path, seed: int) -> Read:
    written = dirty.write_register(folder, seed)
    findings = Findings()
    register = read_crashes(
        written.paths, dirty.TARGET, findings, boundary=dirty.BOUNDARY, period=dirty.PERIOD
    )
    frame, stacks = heaped(register.crashes, {"district": dirty.districts()})
    crashes = {
        (r["source_file"], r["source_sheet"], r["source_row"]): {**r, "crash_id": name}
        for name, r in zip(frame.index, frame.to_dict("records"), strict=True)
    }
    return Read(
        written, register, crashes, stacks, findings.rejects_frame(), findings.remarks_frame()
    )


@pytest.fixture(scope="module", params=SEEDS)
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Read:
    return read(tmp_path_factory.mktemp("dirt"), request.param)


def is_intact(row: Any, truth: dirty.Row) -> list[str]:
    """The columns of a crash that do not hold what is true."""
    wrong = []
    for column in COLUMNS:
        cell, meant = row[column], truth[column]
        if pd.isna(cell) or meant is None:
            same = bool(pd.isna(cell)) and meant is None
        elif column == "date":
            same = cell.date() == meant
        elif isinstance(meant, float):
            same = cell == pytest.approx(meant, abs=1e-6)
        else:
            same = cell == meant
        wrong += [] if same else [f"{column}: {cell!r}, not {meant!r}"]
    if not dirty.is_near(row["geometry"].x, row["geometry"].y, truth):
        wrong.append("place")
    return wrong


def test_forty_kinds_are_planted_in_three_tables(done: Read) -> None:
    assert len(KINDS) >= 40
    planted = Counter(p.dirt.kind for p in done.written.planted.values())
    assert set(planted) == {dirt.kind for dirt in KINDS}
    assert len(done.written.truth) - len(done.written.planted) > 150


def test_no_row_is_lost(done: Read) -> None:
    refused = {place(r) for r in done.rejects.to_dict("records")}
    assert done.register.read == done.written.read
    assert len(done.crashes) == len(done.register.crashes)
    assert not refused & done.crashes.keys()
    assert refused | done.crashes.keys() == {*done.written.truth, *done.written.totals}


def test_clean_rows_are_intact_cell_by_cell_and_nothing_is_said_of_them(done: Read) -> None:
    clean = [key for key in done.written.truth if key not in done.written.planted]
    for key in clean:
        row, truth = done.crashes[key], done.written.truth[key]
        assert is_intact(row, truth) == [], key
        assert row["crash_id"] == truth["crash_id"]
        assert row["uncertainty"] == 1
        assert row["duplicate_of"] is None
    told = pd.concat([done.rejects, done.remarks]).to_dict("records")
    assert not {place(entry) for entry in told} & set(clean)


@pytest.mark.parametrize("dirt", KINDS, ids=[dirt.kind for dirt in KINDS])
def test_each_kind_is_told_by_its_name_in_its_cell_and_nothing_else(done: Read, dirt: Dirt) -> None:
    keys = done.written.at(dirt.kind)
    assert {key[:2] for key in keys} == set(dirt.only)
    for key in keys:
        assert done.refused(key) == ([] if dirt.rejected is None else [dirt.rejected])
        assert done.remarked(key) == ([] if dirt.remarked is None else [dirt.remarked])
        assert (key in done.crashes) == (dirt.rejected is None)
        if key in done.crashes:
            assert is_intact(done.crashes[key], done.written.truth[key]) == []


def test_the_value_that_is_told_is_the_one_that_stands_there(done: Read) -> None:
    for dirt in KINDS:
        told = dirt.rejected or dirt.remarked
        if told is None or told[0] not in dirt.cells or told[0] == CAUSE:
            continue
        frame = done.rejects if dirt.rejected else done.remarks
        for key in done.written.at(dirt.kind):
            (value,) = [r["value"] for r in frame.to_dict("records") if place(r) == key]
            cell = dirt.cells[told[0]]
            assert (value or None) == (None if cell is None else str(cell)), dirt.kind


def test_what_was_used_instead_is_told_and_holds_no_personal_data(done: Read) -> None:
    used = {
        dirt: [r for r in done.remarks.to_dict("records") if place(r) in done.written.at(dirt)]
        for dirt in ("a unit beside a count", "a phone number in a text", "a plate in a text")
    }
    assert {r["used"] for r in used["a unit beside a count"]} == {"2"}
    for dirt in ("a phone number in a text", "a plate in a text"):
        assert all("•••" in r["used"] and "•••" in r["value"] for r in used[dirt])
    everything = done.rejects.to_csv() + done.remarks.to_csv() + done.register.crashes.to_csv()
    for secret in ("0912", "345 678", "12C", "123.45", *dirty.DRIVERS):
        assert secret not in everything


def test_few_decimals_and_seconds_say_how_far_a_place_may_be(done: Read) -> None:
    for kind, least, most in (
        ("few decimals", 700, 800),
        ("degrees, minutes and seconds among decimals", 2, 3),
    ):
        for key in done.written.at(kind):
            uncertainty = done.crashes[key]["uncertainty"]
            assert least < uncertainty < most
            assert uncertainty == pytest.approx(done.written.truth[key]["uncertainty"], rel=0.01)


def test_the_heap_at_the_middle_of_a_district_is_the_only_stack(done: Read) -> None:
    keys = done.written.at("the middle of a district")
    (stack,) = done.stacks.to_dict("records")
    assert (stack["crashes"], stack["reason"], stack["area"]) == (6, "middle", dirty.DISTRICTS[0])
    assert set(stack["ids"].split(";")) == {done.written.truth[key]["crash_id"] for key in keys}
    size = dirty.districts().geometry.iloc[0].area
    for key in keys:
        assert done.crashes[key]["uncertainty"] == pytest.approx((size / 3.14159265) ** 0.5)


def test_the_crash_of_another_file_is_flagged_with_its_partner_and_kept(done: Read) -> None:
    (key,) = done.written.at("a crash that stands in another file")
    flagged = {k: row["duplicate_of"] for k, row in done.crashes.items() if row["duplicate_of"]}
    assert flagged == {key: done.written.planted[key].repeats}


def test_the_total_below_each_table_is_refused(done: Read) -> None:
    assert len(done.written.totals) == 3
    for key in done.written.totals:
        assert done.refused(key) == [(dirty.ID, "total-row")]


def test_what_is_true_of_a_whole_table_is_told_once(done: Read) -> None:
    whole = done.remarks[done.remarks["row"].isna()]
    said = {place(r)[:2]: [] for r in whole.to_dict("records")}  # type: ignore[var-annotated]
    for entry in whole.to_dict("records"):
        said[place(entry)[:2]].append((entry["column"], entry["code"]))
    assert said == {
        (dirty.BOOK, FONT): [(None, "tcvn3")],
        (dirty.BOOK, NOTES): [(None, "sheet-left-out")],
        (TEXT, None): [("Ngày xảy ra", "date-order-mixed")],
    }
    mixed = whole[whole["code"] == "date-order-mixed"].iloc[0]
    own = [t["date"] for k, t in done.written.truth.items() if k[0] == TEXT]
    either = sum(d.day <= 12 and d.day != d.month for d in own)
    assert abs(mixed["count"] - either) <= len(KINDS)
    assert "/" in mixed["value"]


def test_columns_of_persons_are_named_as_personal_and_left_behind(done: Read) -> None:
    assert done.register.personal == (DRIVER,)
    assert set(done.register.dropped) == {DRIVER, "Người nhập"}
    assert not set(HEADER) & set(done.register.crashes.columns)


def test_the_same_dirt_is_found_whatever_the_order_of_the_files(tmp_path: Path) -> None:
    """Only which of two rows comes first may differ."""
    written = dirty.write_register(tmp_path, 3)
    made: list[set[tuple[Any, ...]]] = []
    for paths in (written.paths, written.paths[::-1]):
        findings = Findings()
        read_crashes(paths, dirty.TARGET, findings, boundary=dirty.BOUNDARY, period=dirty.PERIOD)
        told = [*findings.rejects, *findings.remarks]
        made.append({(place(e), e["column"], e["code"]) for e in told})
    assert {code for _, _, code in made[0] ^ made[1]} == {"duplicate-id"}


def test_a_swapped_row_keeps_its_place(done: Read) -> None:
    swapped = done.written.at("latitude and longitude swapped")
    assert len(swapped) == len(TABLES)
    frame: gpd.GeoDataFrame = done.register.crashes
    bounds = dirty.BOUNDARY.total_bounds
    assert frame.geometry.x.between(bounds[0], bounds[2]).all()
    for key in swapped:
        (entry,) = [r for r in done.remarks.to_dict("records") if place(r) == key]
        assert entry["value"] == "; ".join(reversed(entry["used"].split("; ")))
        assert LAT in entry["column"]
