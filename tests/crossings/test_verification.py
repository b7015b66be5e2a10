"""The field-verification list: written, filled in, read back, and carried into the next one."""

from __future__ import annotations

import datetime as dt
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
from found_world import found
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from small import METRES, crossings

from blackspots import labels, verification
from blackspots.crossings.matching import Matched, match
from blackspots.crossings.verified import Applied, apply_verified
from blackspots.errors import BlackspotsError
from blackspots.labels import text
from blackspots.reports.workbook import Sheet, write_workbook
from blackspots.schema import CROSSINGS, check
from blackspots.schema.rail import PROTECTIONS
from blackspots.sources.findings import Findings
from blackspots.sources.verification import ANSWERS, DATA, ENTERED, Verified, read_verification

TARGET = CRS.from_user_input(METRES)
X, Y = 500_000.0, 2_400_000.0
"""A place in the zone of the tests' CRS."""
COLUMNS = ("verify_id", *ENTERED)


def world(**columns: Any) -> gpd.GeoDataFrame:
    """Five places, 1 km from each other along one line: LX-3 is a bridge, LX-4 listed."""
    given_ = {
        "outcome": ["crossing", "facing", "review", "apart", "crossing"],
        "reasons": ["levels-unknown;beside:LX-9", "facing-ends", "no-such-code", "bridge", None],
        "line": ["Hà Nội – Đồng Đăng"] * 5,
        "line_id": [0] * 5,
        "measure": [1_000.0 * i for i in range(5)],
        "km": [45.3, 46.3, None, 48.3, 49.3],
        "road_name": ["Ngõ 5", None, "=1+1", None, None],
        "road_class": ["path", "footway", "service", "primary", "primary"],
        **columns,
    }
    return found([(X + 1_000.0 * i, Y) for i in range(5)], **given_)


def inventory() -> gpd.GeoDataFrame:
    """One that is found, and one that is not."""
    spots = [(X + 4_000.0, Y + 6.0), (X + 9_000.0, Y)]
    return crossings(spots, name=["Đường ngang A", "Đường ngang B"], km=[49.3, 54.3])


@dataclass(frozen=True)
class Run:
    """One run: what was matched, what the field said, and the list that it writes."""

    matched: Matched
    applied: Applied
    path: Path


def run(
    path: Path,
    *,
    seen: gpd.GeoDataFrame | None = None,
    listed: gpd.GeoDataFrame | None = None,
    verified: Verified | None = None,
    language: str = "vi",
) -> Run:
    seen = world() if seen is None else seen
    listed = inventory() if listed is None else listed
    matched = match(seen, listed)
    entries = None if verified is None else verified.entries
    applied = Applied(matched.found, listed, gpd.GeoDataFrame())
    if entries is not None:
        applied = apply_verified(matched.found, listed, entries)
    places = verification.verification_places(
        applied.found, None if entries is None else applied.entries
    )
    verification.write_verification(
        path, places, crossings=listed, matches=matched.matches, name="Thử", language=language
    )
    return Run(matched, applied, path)


def change(
    path: Path, do: Callable[[Any, dict[str, int], dict[str, int]], object], language: str = "vi"
) -> None:
    """Work on the visible sheet: ``do`` gets it with rows by id and columns by name."""
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    head = top(page, language)
    words = {cell.value: cell.column for cell in page[head]}
    at = {name: words[text(f"verify.head.{name}", language)] for name in COLUMNS}
    rows = {page.cell(i, 1).value: i for i in range(head + 1, page.max_row + 1)}
    do(page, rows, at)
    book.save(path)


def top(page: Any, language: str) -> int:
    wanted = text("verify.head.verify_id", language)
    return next(cell.row for cell in page["A"] if cell.value == wanted)


def enter(path: Path, place: str, language: str = "vi", **cells: Any) -> None:
    def do(page: Any, rows: dict[str, int], at: dict[str, int]) -> None:
        for name, value in cells.items():
            page.cell(rows[place], at[name], value)

    change(path, do, language)


def shown(path: Path, sheet: int = 0, language: str = "vi") -> pd.DataFrame:
    page = openpyxl.load_workbook(path).worksheets[sheet]
    ids = {text(f"verify.head.{name}", language) for name in ("verify_id", "crossing_id")}
    head = next(cell.row for cell in page["A"] if cell.value in ids)
    first, *rows = page.iter_rows(min_row=head, values_only=True)
    return pd.DataFrame(rows, columns=first, dtype="object").set_index(first[0])


def word(column: str, code: str, language: str = "vi") -> str:
    return text(f"verify.{column}.{code}", language)


def rejected(findings: Findings) -> list[tuple[int, str, str]]:
    return [(r["row"], r["column"], r["code"]) for r in findings.rejects]


# What is written ---------------------------------------------------------------------------------


@pytest.mark.parametrize("language", labels.LANGUAGES)
def test_the_list_has_a_row_for_each_candidate_and_doubtful_place(
    language: str, tmp_path: Path
) -> None:
    path = run(tmp_path / "a.xlsx", language=language).path
    made = shown(path, language=language)
    assert list(made.index) == ["LX-0", "LX-1", "LX-2"]

    def column(name: str) -> list[Any]:
        return list(made[text(f"verify.head.{name}", language)])

    assert column("km") == ["Km45+300", "Km46+300", "2000 m"]
    point = gpd.GeoSeries.from_xy([X], [Y], crs=METRES).to_crs("EPSG:4326")
    assert column("latitude")[0] == pytest.approx(point.y[0], abs=5e-7)
    assert column("longitude")[0] == round(float(point.x[0]), 6)
    assert column("seems") == [
        word("outcome", code, language) for code in ("crossing", "facing", "review")
    ]
    assert column("confidence") == [0.9] * 3
    assert column("road_name") == ["Ngõ 5", None, "=1+1"]
    assert column("reasons")[2] == "no-such-code"
    for name in ENTERED:
        assert column(name) == [None] * 3


def test_listed_crossings_that_were_not_found_stand_on_a_sheet_of_their_own(tmp_path: Path) -> None:
    made = shown(run(tmp_path / "a.xlsx", language="en").path, 1, "en")
    assert list(made.index) == ["x1"]
    assert made.loc["x1", ["Name", "Km"]].tolist() == ["Đường ngang B", "Km54+300"]
    assert made.loc["x1", text("verify.head.reason", "en")] == text("unmatched.nothing-near", "en")


def test_the_map_is_one_click_away_and_words_to_choose_fit_into_excel(tmp_path: Path) -> None:
    page = openpyxl.load_workbook(run(tmp_path / "a.xlsx").path).worksheets[0]
    link = page.cell(top(page, "vi") + 1, 6)
    assert link.value == text("verify.map", "vi")
    assert link.hyperlink.target.startswith("https://www.openstreetmap.org/?mlat=21.")
    assert "&mlon=105.0" in link.hyperlink.target
    rules = page.data_validations.dataValidation
    assert len(rules) == 2
    assert all(len(rule.formula1) <= 257 for rule in rules)
    for row in page.iter_rows():
        assert all(cell.data_type != "f" for cell in row)


def test_no_place_to_verify_and_none_listed_make_a_list_that_can_be_read(tmp_path: Path) -> None:
    path = run(tmp_path / "a.xlsx", seen=found([]), listed=crossings([])).path
    read = read_verification(path, TARGET)
    assert (len(read.places), len(read.entries), read.edited) == (0, 0, ())
    assert len(apply_verified(found([]), crossings([]), read.entries).crossings) == 0


def test_the_same_run_writes_the_same_bytes(tmp_path: Path) -> None:
    one, two = (run(tmp_path / name).path.read_bytes() for name in ("a.xlsx", "b.xlsx"))
    assert one == two


def test_links_are_kept_within_what_excel_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blackspots.reports.workbook._MAX_LINKS", 2)
    urls = ["https://a.org/x", "https://a.org/" + "y" * 2_100, "javascript:alert(1)",
            "internal:A1", "https://a.org/ b", "http://b.org", "https://c.org"]  # fmt: skip
    path = tmp_path / "a.xlsx"
    write_workbook(path, [Sheet("s", ["t"], ["h"], [[u] for u in urls], [""], links={0: ""})])
    cells = list(openpyxl.load_workbook(path).worksheets[0]["A"])[3:]
    assert [cell.value for cell in cells] == urls
    assert [i for i, cell in enumerate(cells) if cell.hyperlink] == [0, 5]
    with zipfile.ZipFile(path) as book:
        assert book.testzip() is None


# Round trip --------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", labels.LANGUAGES)
def test_what_is_filled_in_is_read_back(language: str, tmp_path: Path) -> None:
    path = run(tmp_path / "a.xlsx", language=language).path
    cells = {
        "there": word("there", "path", language),
        "width": 2.5,
        "protection": word("protection", "signs", language),
        "vehicles": 120,
        "persons": "35",
        "checked": dt.date(2026, 5, 31),
        "note": "bùn; gọi ông Nguyễn Văn Hùng",
    }
    enter(path, "LX-1", language, **cells)
    enter(path, "LX-0", language, there=word("there", "nothing", language).upper())
    findings = Findings()
    read = read_verification(path, TARGET, findings)
    assert findings.rejects == []
    assert list(read.places.index) == ["LX-0", "LX-1", "LX-2"]
    assert list(read.entries.index) == ["LX-0", "LX-1"]
    one = read.entries.loc["LX-1"]
    assert one[["answer", "width", "protection", "vehicles", "persons"]].tolist() == [
        "path", 2.5, "signs", 120.0, 35.0,
    ]  # fmt: skip
    assert one["checked"] == pd.Timestamp("2026-05-31")
    assert "Hùng" not in one["note"]
    assert one["cells"][-1] == cells["note"]
    assert one.geometry.distance(world().geometry["LX-1"]) < 0.02
    assert (one["line"], one["km"], one["tracks"]) == ("Hà Nội – Đồng Đăng", 46.3, 1)
    assert read.entries.loc["LX-0", "answer"] == "nothing"
    assert np.isnan(read.entries.loc["LX-0", "width"])
    assert read.edited == ("LX-0", "LX-1")


@pytest.mark.parametrize("code", ANSWERS)
def test_every_answer_is_known_in_every_language_and_as_its_code(code: str, tmp_path: Path) -> None:
    path = run(tmp_path / "a.xlsx").path
    words = [code, *(word("there", code, language) for language in labels.LANGUAGES)]
    for place, said in zip(("LX-0", "LX-1", "LX-2"), words, strict=True):
        enter(path, place, there=said)
    assert read_verification(path, TARGET).entries["answer"].tolist() == [code] * 3


def test_words_to_choose_are_all_different() -> None:
    for language in labels.LANGUAGES:
        assert len({word("there", code, language) for code in ANSWERS}) == len(ANSWERS)
        assert len({word("protection", c, language) for c in PROTECTIONS}) == len(PROTECTIONS)


def test_a_list_is_read_in_another_crs_and_another_language_than_it_was_written(
    tmp_path: Path,
) -> None:
    path = run(tmp_path / "a.xlsx", language="en").path
    enter(path, "LX-0", "en", there="self-opened path")
    read = read_verification(path, CRS.from_epsg(9215))
    there = world().to_crs("EPSG:9215").geometry["LX-0"]
    assert read.entries.geometry["LX-0"].distance(there) < 0.02


def test_wrong_cells_are_told_with_their_place_and_the_rest_of_the_row_is_used(
    tmp_path: Path,
) -> None:
    path = run(tmp_path / "a.xlsx").path
    enter(path, "LX-0", there="chắc là có", width="rộng", protection="rào", vehicles=-3)
    enter(path, "LX-1", there=word("there", "path"), width="2,4", persons="1.500", checked="mai")
    findings = Findings()
    read = read_verification(path, TARGET, findings)
    first = top(openpyxl.load_workbook(path).worksheets[0], "vi") + 1
    heads = {name: text(f"verify.head.{name}", "vi") for name in ENTERED}
    assert rejected(findings) == [
        (first, heads["there"], "not-an-answer"),
        (first, heads["width"], "not-a-number"),
        (first, heads["protection"], "not-a-protection"),
        (first, heads["vehicles"], "negative"),
        (first + 1, heads["persons"], "ambiguous-number"),
        (first + 1, heads["checked"], "not-a-date"),
    ]
    told = findings.rejects_frame()
    assert set(told["file"]) == {"a.xlsx"}
    assert set(told["sheet"]) == {text("verify.sheet", "vi")}
    assert all(labels.has(f"reject.{code}") for code in told["code"])
    assert read.entries.loc["LX-0", ["answer", "protection"]].isna().all()
    assert read.entries.loc["LX-1", "answer"] == "path"
    assert read.entries.loc["LX-1", "width"] == 2.4
    # The words stay in the next list.
    after = shown(run(tmp_path / "b.xlsx", verified=read).path)
    assert after.loc["LX-0", heads["there"]] == "chắc là có"
    assert after.loc["LX-1", heads["checked"]] == "mai"


def test_rows_may_be_moved(tmp_path: Path) -> None:
    path = run(tmp_path / "a.xlsx").path
    enter(path, "LX-2", there=word("there", "crossing"))
    enter(path, "LX-0", there=word("there", "nothing"))

    def turn(page: Any, rows: dict[str, int], _: dict[str, int]) -> None:
        first, last = rows["LX-0"], rows["LX-2"]
        for column in range(1, page.max_column + 1):
            one, two = page.cell(first, column), page.cell(last, column)
            one.value, two.value = two.value, one.value

    change(path, turn)
    read = read_verification(path, TARGET)
    assert read.entries["answer"].to_dict() == {"LX-0": "nothing", "LX-2": "crossing"}


def test_a_deleted_row_says_nothing_and_its_place_is_listed_again(tmp_path: Path) -> None:
    path = run(tmp_path / "a.xlsx").path
    enter(path, "LX-0", there=word("there", "path"))
    second = run(tmp_path / "b.xlsx", verified=read_verification(path, TARGET)).path
    assert list(shown(second).index) == ["LX-1", "LX-2", "LX-0"]
    change(second, lambda page, rows, _: page.delete_rows(rows["LX-0"]))
    read = read_verification(second, TARGET)
    assert (len(read.places), len(read.entries), read.edited) == (3, 0, ("LX-0",))
    third = run(tmp_path / "c.xlsx", verified=read)
    assert third.applied.found.loc["LX-0", "status"] == "candidate"
    assert list(shown(third.path).index) == ["LX-0", "LX-1", "LX-2"]


def test_of_rows_of_one_place_the_later_is_used_and_the_earlier_told(tmp_path: Path) -> None:
    path = run(tmp_path / "a.xlsx").path
    enter(path, "LX-0", there=word("there", "path"))

    def again(page: Any, _: dict[str, int], at: dict[str, int]) -> None:
        last = page.max_row
        for n, answer in ((1, word("there", "nothing")), (2, None)):
            page.cell(last + n, at["verify_id"], "LX-0")
            page.cell(last + n, at["there"], answer)
        page.cell(last + 3, at["verify_id"], "LX-77")
        page.cell(last + 3, at["note"], "ai ghi?")
        page.cell(last + 4, at["note"], "không mã")

    change(path, again)
    findings = Findings()
    read = read_verification(path, TARGET, findings)
    assert read.entries["answer"].to_dict() == {"LX-0": "nothing"}
    codes = [code for *_, code in rejected(findings)]
    assert codes == ["answered-again", "place-not-listed", "no-place-id"]
    assert read.strays[0] == "LX-77"


def test_a_file_that_is_no_list_and_a_column_that_is_gone_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.xlsx"
    write_workbook(other, [Sheet("s", ["t"], ["h"], [["x"]], [""])])
    with pytest.raises(BlackspotsError) as error:
        read_verification(other, TARGET)
    assert error.value.code == "verification-foreign"
    path = run(tmp_path / "a.xlsx").path
    change(path, lambda page, _, at: page.delete_cols(at["width"]))
    with pytest.raises(BlackspotsError) as error:
        read_verification(path, TARGET)
    assert error.value.code == "verification-column"
    assert text("verify.head.width", "vi") in error.value.message("vi")
    bare = run(tmp_path / "b.xlsx").path
    book = openpyxl.load_workbook(bare)
    del book[DATA]
    book.save(bare)
    with pytest.raises(BlackspotsError) as error:
        read_verification(bare, TARGET)
    assert error.value.code == "verification-foreign"
    spoilt = run(tmp_path / "c.xlsx").path
    book = openpyxl.load_workbook(spoilt)
    book[DATA].cell(3, 2, "nowhere")
    book.save(spoilt)
    with pytest.raises(BlackspotsError) as error:
        read_verification(spoilt, TARGET)
    assert error.value.code == "verification-foreign"


# What the field says counts ----------------------------------------------------------------------


def answered(tmp_path: Path, **answers: str) -> Verified:
    """A list filled in: place (with _ for -) to answer."""
    path = run(tmp_path / "answered.xlsx").path
    for place, code in answers.items():
        enter(path, place.replace("_", "-"), there=word("there", code), width=2.5, vehicles=90)
    return read_verification(path, TARGET)


def test_confirmed_ones_become_crossings_and_refused_ones_do_not(tmp_path: Path) -> None:
    read = answered(tmp_path, LX_0="path", LX_1="nothing", LX_2="crossing")
    applied = run(tmp_path / "b.xlsx", verified=read).applied
    check(applied.crossings, CROSSINGS)
    status = ["verified", "refused", "verified", "apart", "listed"]
    assert applied.found["status"].tolist() == status
    assert applied.found["crossing_id"].tolist() == ["XM-LX-0", None, "XM-LX-2", None, "x0"]
    assert list(applied.crossings.index) == ["x0", "x1", "XM-LX-0", "XM-LX-2"]
    assert applied.crossings["kind"].tolist()[2:] == ["self-opened", "unknown"]
    new = applied.crossings.loc["XM-LX-0"]
    assert new[["railway", "km", "aadt", "width", "road_class", "tracks"]].tolist() == [
        "Hà Nội – Đồng Đăng", 45.3, 90.0, 2.5, "path", 1,
    ]  # fmt: skip
    assert pd.isna(new["protection"])
    assert pd.isna(new["walkers"])
    assert applied.entries["became"].tolist() == ["added", "refused", "added"]


def test_nobody_got_there_leaves_the_place_open(tmp_path: Path) -> None:
    read = answered(tmp_path, LX_0="unreached", LX_1="bridge")
    made = run(tmp_path / "b.xlsx", verified=read)
    assert made.applied.found["status"].tolist()[:2] == ["candidate", "refused"]
    assert made.applied.entries["became"].tolist() == ["open", "refused"]
    assert len(made.applied.crossings) == 2


def test_answers_outlive_changed_ids_and_ids_of_crossings_do_too(tmp_path: Path) -> None:
    """The layer was drawn anew: all ids are others, places moved by 8 m, one path came."""
    read = answered(tmp_path, LX_0="path", LX_1="nothing")
    moved = found(
        [(X + 300.0, Y), (X + 3.0, Y + 7.0), (X + 1_008.0, Y), (X + 2_000.0, Y)],
        line=["Hà Nội – Đồng Đăng"] * 4,
        measure=[300.0, 3.0, 1_008.0, 2_000.0],
    )
    made = run(tmp_path / "b.xlsx", seen=moved, verified=read)
    status = ["candidate", "verified", "refused", "candidate"]
    assert made.applied.found["status"].tolist() == status
    assert made.applied.found.loc["LX-1", "crossing_id"] == "XM-LX-0"
    new = made.applied.crossings.loc["XM-LX-0"]
    assert (new.geometry.x, new.geometry.y) == (X + 3.0, Y + 7.0)
    # LX-0 is the answered path's id in the list: the new place gets another.
    assert list(shown(made.path).index) == ["LX-0-2", "LX-3", "LX-0", "LX-1"]
    again = run(tmp_path / "c.xlsx", seen=moved, verified=read_verification(made.path, TARGET))
    assert "XM-LX-0" in again.applied.crossings.index
    assert shown(again.path).equals(shown(made.path))


def test_a_confirmed_crossing_that_geometry_no_longer_shows_is_one_all_the_same(
    tmp_path: Path,
) -> None:
    read = answered(tmp_path, LX_0="path", LX_1="nothing")
    made = run(tmp_path / "b.xlsx", seen=world().iloc[2:], verified=read)
    new = made.applied.crossings.loc["XM-LX-0"]
    assert (round(new.geometry.x), new["railway"], new["km"]) == (X, "Hà Nội – Đồng Đăng", 45.3)
    assert made.applied.entries["found_id"].isna().all()
    again = run(
        tmp_path / "c.xlsx",
        seen=world().iloc[2:],
        verified=read_verification(made.path, TARGET),
    )
    assert "XM-LX-0" in again.applied.crossings.index
    page = openpyxl.load_workbook(again.path).worksheets[0]
    assert text("verify.gone-rows", "vi") in {cell.value for cell in page["A"]}


def test_what_the_inventory_has_by_now_is_not_added_again(tmp_path: Path) -> None:
    read = answered(tmp_path, LX_0="path", LX_1="nothing")
    listed = crossings([(X, Y + 4.0), (X + 1_000.0, Y)])
    made = run(tmp_path / "b.xlsx", listed=listed, verified=read).applied
    assert list(made.crossings.index) == ["x0", "x1"]
    assert made.found["status"].tolist()[:2] == ["listed", "listed"]
    assert made.entries["became"].tolist() == ["listed", "listed"]
    # Nor where geometry shows neither.
    bare = run(tmp_path / "c.xlsx", seen=world().iloc[2:], listed=listed, verified=read).applied
    assert list(bare.crossings.index) == ["x0", "x1"]


def test_an_id_that_the_inventory_uses_is_not_given_twice(tmp_path: Path) -> None:
    read = answered(tmp_path, LX_0="path")
    listed = inventory().rename(index={"x1": "XM-LX-0"})
    made = run(tmp_path / "b.xlsx", listed=listed, verified=read).applied
    assert list(made.crossings.index) == ["x0", "XM-LX-0", "XM-LX-0-2"]


@settings(max_examples=12, deadline=None)
@given(
    seen=st.lists(st.integers(0, 60), min_size=1, max_size=8),
    asked=st.lists(st.integers(0, 60), min_size=1, max_size=8),
    answer=st.sampled_from([*ANSWERS, None]),
)
def test_no_found_crossing_takes_two_answers_and_no_confirmed_one_is_lost(
    seen: list[int], asked: list[int], answer: str | None
) -> None:
    base = match(found([(float(x), 0.0) for x in seen]), crossings([])).found
    places = found([(float(x), 1.0) for x in asked])
    blank = ("width", "vehicles", "persons")
    entries = places.assign(answer=answer, protection=None, **dict.fromkeys(blank, np.nan))
    entries.index.name = "verify_id"
    made = apply_verified(base, crossings([]), entries)
    taken = made.entries["found_id"].dropna()
    assert taken.is_unique
    sure = answer in {"crossing", "path"}
    assert len(made.crossings) == (len(asked) if sure else 0)
    assert (made.found["status"] == "verified").sum() == (len(taken) if sure else 0)
    assert list(made.entries.index) == list(entries.index)


# Nothing that was entered is written over --------------------------------------------------------


def test_a_list_with_answers_that_are_not_read_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()

    def refuse(read: Path | None) -> None:
        verification.refuse_lost(out, read, TARGET, base=tmp_path)

    refuse(None)
    path = run(out / verification.NAME).path
    refuse(None)
    enter(path, "LX-1", note="đi xem lại")
    with pytest.raises(BlackspotsError) as error:
        refuse(None)
    assert error.value.code == "verification-unread"
    assert error.value.fields["first"] == "LX-1"
    assert error.value.fields["path"] == "out/crossings-to-verify.xlsx"
    # A copy that is read holds it.
    mine = Path(shutil.copy(path, tmp_path / "mine.xlsx"))
    refuse(mine)
    # What is changed in the own list since is newer than what the run carried over ...
    run(path, verified=read_verification(mine, TARGET))
    enter(mine, "LX-1", note="đã xem")
    refuse(mine)
    # ... but not than what was typed there.
    enter(path, "LX-1", there=word("there", "path"))
    with pytest.raises(BlackspotsError) as error:
        refuse(mine)
    assert error.value.fields["count"] == 1


def study(folder: Path, verified: str | None) -> Any:
    """What the functions need of a study."""
    section = SimpleNamespace(verified=None if verified is None else Path(verified))
    return SimpleNamespace(
        level_crossings=section,
        folder=folder,
        study=SimpleNamespace(crs=METRES),
        resolve=lambda path: folder / path,
    )


def test_the_list_that_is_read_keeps_its_name_and_is_kept(tmp_path: Path) -> None:
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    out.mkdir()
    fresh.mkdir()
    path = run(out / verification.NAME).path
    inside = study(tmp_path, f"out/{verification.NAME}")
    assert verification.list_name(out, inside) == verification.OTHER_NAME
    verification.keep_read(out, fresh, inside)
    assert (fresh / verification.NAME).read_bytes() == path.read_bytes()
    assert verification.list_name(out, study(tmp_path, "mine.xlsx")) == verification.NAME
    nothing = study(tmp_path, None)
    assert verification.read_path(nothing) is None
    assert verification.list_name(out, nothing) == verification.NAME
    enter(path, "LX-0", width=2)
    with pytest.raises(BlackspotsError):
        verification.refuse_unread(out, nothing)
    verification.refuse_unread(out, inside)
