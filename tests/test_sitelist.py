"""The list of sites: ids from year to year, what people enter, and that none of it is lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyogrio
import pytest
from small_study import Row, crash, crashes, edit, tree, write_rows, write_study

from blackspots import sitelist
from blackspots.cli import main
from blackspots.config import load_study
from blackspots.errors import BlackspotsError
from blackspots.labels import text
from blackspots.schema import STATUSES
from blackspots.sources.sitelist import DATA

FATAL = {"severity": "Chết người", "deaths": 1, "injured": 0}
HEADS = {name: text(f"column.{name}", "vi") for name in ("site_id", "status", "owner", "note")}


def spot(first: int, x: float, y: float, year: int) -> list[Row]:
    """Three fatal crashes at one place within a month."""
    dates = [f"{day:02d}/05/{year}" for day in (3, 4, 5)]
    return [crash(first + i, x, y, date=day, **FATAL) for i, day in enumerate(dates)]


def register(study: Path, rows: list[Row]) -> None:
    write_rows(study.parent / "crashes.csv", rows)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """QL1 has two black spots of 2022 and 2023; the first list is written."""
    path = write_study(tmp_path_factory.mktemp("first") / "study")
    edit(path, "[crashes]", "[screening]\nsimulations = 99\ndraws = 100\n\n[crashes]")
    register(path, [*crashes(), *spot(31, 3600, 2, 2023)])
    assert run(path) == 0
    return path


@pytest.fixture(scope="module")
def hot(first: Path) -> str:
    """Id of the site that will be found again."""
    return str(ranking(first).query("area == 'Huyện Tây'").index[0])


@pytest.fixture(scope="module")
def east(first: Path) -> str:
    """Id of the site whose crashes are long ago a year later."""
    return str(ranking(first).query("area == 'Huyện Đông'").index[0])


@pytest.fixture(scope="module")
def second(first: Path, hot: str, east: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The next year, after the office has filled in the first list."""
    study = copied(first, tmp_path_factory.mktemp("second"))
    own = take(study)
    enter(own, hot, status="Phê duyệt", owner="Sở GTVT", note="=1+1\nbí mật của phòng")
    enter(own, east, status="done", owner="Khu QLĐB II")
    use(study)
    edit(study, 'crs = "EPSG:32648"', 'crs = "EPSG:32648"\nsimulated = true')
    later(study)
    assert run(study) == 0
    return study


@pytest.fixture
def study(first: Path, tmp_path: Path) -> Path:
    """The first year, to be changed."""
    return copied(first, tmp_path)


def copied(study: Path, folder: Path) -> Path:
    shutil.copytree(study.parent, folder, dirs_exist_ok=True)
    return folder / study.name


def later(study: Path) -> None:
    """The next year: the first spot has shifted, the second has no crash left, a third came."""
    edit(study, "start = 2021-01-01\nend = 2023-12-31", "start = 2022-01-01\nend = 2024-12-31")
    kept = [row for row in crashes() if row["crash_id"] not in {"C1", "C18", "C19"}]
    kept = [row for row in kept if not row["date"].endswith("2021")]
    grown = crash(51, 1745, 3, date="06/06/2024")
    register(study, [*kept, grown, *spot(61, 2003, 1500, 2024)])


def run(study: Path, *options: str) -> int:
    return main(["run", str(study), "--quiet", *options])


def use(study: Path, name: str = "sites.xlsx") -> None:
    edit(study, "[budget]", f'[sites]\nfile = "{name}"\n\n[budget]')


def take(study: Path) -> Path:
    """The list of the last run, put beside the study."""
    return Path(shutil.copy(study.parent / "out" / "sites.xlsx", study.parent / "sites.xlsx"))


def top(page: Any) -> int:
    return next(cell.row for cell in page["B"] if cell.value == HEADS["site_id"])


def change(path: Path, do: Callable[[Any, dict[str, int], dict[str, int]], object]) -> None:
    """Work on the visible sheet: ``do`` gets it with rows by id and columns by name."""
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    head = top(page)
    at = {cell.value: cell.column for cell in page[head]}
    rows = {page.cell(i, 2).value: i for i in range(head + 1, page.max_row + 1)}
    do(page, rows, {name: at[word] for name, word in HEADS.items()})
    book.save(path)


def enter(path: Path, site: str, **words: Any) -> None:
    def do(page: Any, rows: dict[str, int], at: dict[str, int]) -> None:
        for name, word in words.items():
            cell = page.cell(rows[site], at[name], word)
            cell.data_type = "s"  # typed with an apostrophe before it

    change(path, do)


def listed(path: Path) -> pd.DataFrame:
    """The visible sheet, by id."""
    page = openpyxl.load_workbook(path).worksheets[0]
    head, *rows = page.iter_rows(min_row=top(page), values_only=True)
    return pd.DataFrame(rows, columns=head, dtype="object").set_index(HEADS["site_id"])


def ranking(study: Path) -> pd.DataFrame:
    return pd.read_csv(study.parent / "out" / "ranking.csv").set_index("site_id")


def said(study: Path) -> Any:
    return json.loads((study.parent / "out" / "summary.json").read_text("utf-8"))["site_list"]


# From year to year ----------------------------------------------------------------------------


def test_a_first_run_lists_its_sites_and_knows_nothing_of_earlier_ones(
    first: Path, hot: str, east: str
) -> None:
    made = listed(first.parent / "out" / "sites.xlsx")
    assert list(made.index) == list(ranking(first).index)
    assert set(made.index) == {hot, east}
    assert set(made["Năm đầu có tên"]) == set(made["Năm cuối có tên"]) == {2023}
    empty = ["Tình trạng", "Đơn vị phụ trách", "Ghi chú", "Trong danh sách"]
    assert made[empty].isna().to_numpy().all()
    columns = ["new", "first_listed", "last_listed", "status", "owner", "note"]
    assert ranking(first)[columns].isna().to_numpy().all()
    assert said(first) is None


def test_ids_status_and_owner_follow_a_site_into_the_next_year(
    first: Path, second: Path, hot: str
) -> None:
    found = ranking(second)
    assert found.at[hot, "label"] != ranking(first).at[hot, "label"]  # its ends have shifted
    assert found.loc[hot, ["status", "owner", "new"]].tolist() == ["approved", "Sở GTVT", False]
    assert found.loc[hot, ["first_listed", "last_listed"]].tolist() == [2023, 2024]
    fresh = found[found["new"]]
    assert len(fresh) == 1
    assert fresh[["status", "owner", "note"]].isna().to_numpy().all()
    assert fresh["first_listed"].tolist() == [2024]
    gpkg = second.parent / "out" / "blackspots.gpkg"
    assert set(pyogrio.read_dataframe(gpkg, layer="crashes")["site_id"].dropna()) == {*found.index}


def test_sites_that_are_gone_stay_in_the_list(second: Path, east: str) -> None:
    made = listed(second.parent / "out" / "sites.xlsx")
    assert list(made.index) == [*ranking(second).index, east]
    gone = made.loc[east]
    assert pd.isna(gone["Hạng"])
    assert gone[["Trong danh sách", "Năm cuối có tên"]].tolist() == ["không còn", 2023]
    assert gone[[HEADS["status"], HEADS["owner"]]].tolist() == ["hoàn thành", "Khu QLĐB II"]


def test_a_run_says_what_became_of_the_list(second: Path) -> None:
    assert said(second) == {"kept": 1, "new": 1, "gone": 1}
    book = openpyxl.load_workbook(second.parent / "out" / "ranking.xlsx")
    told = text("summary.site-list", "vi", kept=1, new=1, gone=1)
    assert told in {cell.value for cell in book.worksheets[0]["A"]}


def test_a_site_that_comes_back_gets_its_id_and_its_entries_back(
    second: Path, tmp_path: Path, east: str, capsys: pytest.CaptureFixture[str]
) -> None:
    study = copied(second, tmp_path)
    take(study)
    register(study, [*crashes(), *spot(71, 3605, 2, 2024)])
    assert run(study, "--lang", "en") == 0
    assert "Site list: 2 kept, 0 new, 1 gone" in capsys.readouterr().out
    found = ranking(study).loc[east]
    assert found[["status", "new"]].tolist() == ["done", False]
    assert found[["first_listed", "last_listed"]].tolist() == [2023, 2024]


def test_a_list_that_is_read_again_says_the_same(second: Path, tmp_path: Path) -> None:
    study = copied(second, tmp_path)
    before = listed(take(study)).drop(columns="Trong danh sách")
    assert run(study) == 0
    assert said(study) == {"kept": 2, "new": 0, "gone": 1}
    after = listed(study.parent / "out" / "sites.xlsx").drop(columns="Trong danh sách")
    pd.testing.assert_frame_equal(before, after)


def test_a_deleted_row_leaves_the_list_and_its_id_is_given_to_no_other(
    study: Path, east: str
) -> None:
    own = take(study)
    enter(own, east, owner="Khu QLĐB II")
    change(own, lambda page, rows, _: page.delete_rows(rows[east]))
    use(study)
    for _ in range(2):  # the second time its id stands in the hidden sheet only
        assert run(study) == 0
        assert east not in ranking(study).index
        assert f"{east}-2" in ranking(study).index
        made = listed(study.parent / "out" / "sites.xlsx")
        assert east not in made.index
        assert made[HEADS["owner"]].isna().all()
        take(study)


def test_a_status_that_is_none_is_told_and_a_run_without_sites_keeps_the_list(
    study: Path, hot: str
) -> None:
    enter(take(study), hot, status="chờ họp", owner="Sở GTVT")
    use(study)
    register(study, [crash(17, 300, -4), crash(18, 3600, 5)])
    assert run(study) == 0
    found = pd.read_csv(study.parent / "out" / "rejected.csv").set_index("code")
    assert found.at["no-such-status", "value"] == "chờ họp"
    made = listed(study.parent / "out" / "sites.xlsx")
    assert made.loc[hot, [HEADS["status"], HEADS["owner"]]].tolist() == ["chờ họp", "Sở GTVT"]
    assert made["Hạng"].isna().all()
    assert said(study) == {"kept": 0, "new": 0, "gone": 2}


def test_tables_of_the_sites_are_there_with_their_columns_where_none_stands_out(
    first: Path, study: Path
) -> None:
    register(study, [crash(17, 300, -4), crash(18, 3600, 5)])
    assert run(study) == 0
    for name in ("ranking.csv", "agreement.csv", "certainty.csv"):
        full, none = (pd.read_csv(each.parent / "out" / name) for each in (first, study))
        assert len(full), name
        assert none.empty, name
        assert list(none.columns) == list(full.columns), name


# Nothing is lost -----------------------------------------------------------------------------


def test_the_list_that_is_read_is_never_written_over(
    study: Path, hot: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = study.parent / "out" / "sites.xlsx"
    enter(out, hot, status="approved")
    before = out.read_bytes()
    use(study, "out/sites.xlsx")
    assert run(study) == 0
    assert out.read_bytes() == before
    assert sitelist.OTHER_NAME in capsys.readouterr().out
    assert listed(out.with_name(sitelist.OTHER_NAME)).at[hot, HEADS["status"]] == "phê duyệt"


def test_a_run_that_would_lose_entries_does_not_begin(
    study: Path, hot: str, east: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = study.parent / "out" / "sites.xlsx"
    enter(out, hot, note="xem lại")
    before = tree(study.parent)
    assert run(study, "--lang", "en") == 1
    told = capsys.readouterr().err
    assert 'file = "out/sites.xlsx"' in told
    assert hot in told
    assert tree(study.parent) == before
    take(study)
    use(study)  # the same words are read from elsewhere: nothing would be lost
    sitelist.refuse_unread(out.parent, load_study(study))
    change(out, lambda page, rows, _: page.delete_rows(rows[east]))
    assert run(study, "--lang", "en") == 1
    assert east in capsys.readouterr().err


def refused(study: Path) -> str | None:
    """Site named first where the list in the folder of results may not be replaced."""
    try:
        sitelist.refuse_unread(study.parent / "out", load_study(study))
    except BlackspotsError as error:
        return str(error.fields["first"]) if error.code == "sites-unread" else error.code
    return None


def test_entries_that_a_run_carried_over_are_not_lost_when_the_study_reads_no_list(
    second: Path, tmp_path: Path, hot: str
) -> None:
    study = copied(second, tmp_path)
    assert refused(study) is None
    edit(study, '[sites]\nfile = "sites.xlsx"\n', "")
    before = tree(study.parent)
    assert refused(study) == hot
    assert run(study) == 1
    assert tree(study.parent) == before


def test_a_site_that_is_gone_without_any_entry_is_not_lost(study: Path, east: str) -> None:
    take(study)
    use(study)
    later(study)
    assert run(study) == 0
    assert refused(study) is None
    edit(study, '[sites]\nfile = "sites.xlsx"\n', "")
    assert refused(study) == east
    own = take(study)
    change(own, lambda page, rows, _: page.delete_rows(rows[east]))
    use(study)
    assert refused(study) is None  # taken off the study's own list by a person: the newer word
    shutil.copy(own, study.parent / "out" / "sites.xlsx")  # there it stands nowhere else
    edit(study, '[sites]\nfile = "sites.xlsx"\n', "")
    assert refused(study) == east


def test_an_older_list_does_not_stand_for_the_one_with_the_entries(
    second: Path, first: Path, tmp_path: Path, hot: str
) -> None:
    study = copied(second, tmp_path)
    shutil.copy(first.parent / "out" / "sites.xlsx", study.parent / "sites.xlsx")
    assert refused(study) == hot


def test_what_a_person_changes_in_the_studys_own_list_stops_no_run(
    second: Path, tmp_path: Path, hot: str, east: str
) -> None:
    study = copied(second, tmp_path)
    own = take(study)
    enter(own, hot, status="Hoàn thành", note="")
    enter(own, east, owner="")
    assert refused(study) is None
    change(own, lambda page, rows, _: page.delete_rows(rows[east]))
    assert refused(study) is None


def test_a_list_that_nobody_touched_may_be_replaced(study: Path) -> None:
    out = study.parent / "out" / "sites.xlsx"
    openpyxl.load_workbook(out).save(out)  # another program has opened it
    sitelist.refuse_unread(out.parent, load_study(study))


def test_a_list_that_is_not_there_or_none_is_refused(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use(study)
    assert run(study, "--lang", "en") == 1
    assert "[sites] names sites.xlsx" in capsys.readouterr().err
    shutil.copy(study.parent / "out" / "ranking.xlsx", study.parent / "sites.xlsx")
    assert run(study, "--lang", "en") == 1
    assert "sites.xlsx: this is no list of sites" in capsys.readouterr().err


# The sheet, and what leaves it ---------------------------------------------------------------


def test_the_sheet_can_be_filled_in_filtered_and_printed(second: Path) -> None:
    book = openpyxl.load_workbook(second.parent / "out" / "sites.xlsx")
    page, hidden = book.worksheets
    assert (hidden.title, hidden.sheet_state) == (DATA, "veryHidden")
    assert "MÔ PHỎNG" in page["A1"].value
    head = top(page)
    assert page.freeze_panes == f"D{head + 1}"
    assert page.auto_filter.ref == f"A{head}:M{page.max_row}"
    assert page.print_title_rows == f"${head}:${head}"
    (rule,) = page.data_validations.dataValidation
    words = ",".join(text(f"status.{code}", "vi") for code in STATUSES)
    assert rule.formula1 == f'"{words}"'
    assert str(rule.sqref) == f"K{head + 1}:K{page.max_row}"
    inks = [page.cell(row, 3).font.color for row in (head + 1, page.max_row)]
    assert inks[1].rgb == "FF8A8A8A"
    assert inks[0] != inks[1]
    assert text("sites.kept-rows", "vi") in [cell.value for cell in page["A"]]


def test_no_cell_is_a_formula_and_notes_stay_off_the_map(second: Path) -> None:
    out = second.parent / "out"
    for name in ("sites.xlsx", "ranking.xlsx"):
        pages = openpyxl.load_workbook(out / name)
        cells = [cell for page in pages for row in page.iter_rows() for cell in row]
        assert "f" not in {cell.data_type for cell in cells}
        assert "=1+1\nbí mật của phòng" in {cell.value for cell in cells}
    assert "bí mật của phòng" in (out / "ranking.csv").read_text("utf-8-sig")
    for name in ("map.html", "blackspots.gpkg"):
        assert "bí mật của phòng".encode() not in (out / name).read_bytes()
