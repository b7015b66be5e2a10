"""The sample study, run as a user runs it: what goes in comes out, and every output agrees."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import sqlite3
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import reading

REGISTER = "tai-nan-2021-2023.xlsx"
WORKS = "sua-chua.xlsx"
NOTICE = "DỮ LIỆU MÔ PHỎNG"
NOTICE_EN = "SIMULATED DATA"
MILLION = 1e6

Row = dict[str, Any]
REPAIRED = {"swapped-coordinates"}
TOLD_AT = {"total-row": ("Số hồ sơ", "Tổng cộng")}
"""Where a planted error is told, if not in the cell that makes it one: a sum by its word."""


@pytest.fixture(scope="module")
def ran(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("sample") / "out"
    done = reading.run(sample / "study.toml", out)
    return done, out


@pytest.fixture(scope="module")
def out(ran: Any) -> Path:
    done, folder = ran
    assert done.returncode == 0, done.stderr
    return Path(folder)


@pytest.fixture(scope="module")
def everyone(out: Path) -> pd.DataFrame:
    """All crashes of the GeoPackage, placed and unplaced."""
    return reading.crashes(out)


@pytest.fixture(scope="module")
def register(sample: Path) -> dict[tuple[str, int], Row]:
    """Every row of the register that holds anything, by sheet and row."""
    found = {}
    for sheet in openpyxl.load_workbook(sample / REGISTER, read_only=True):
        lines = sheet.iter_rows(values_only=True)
        header = [str(cell) for cell in next(lines)]
        for number, line in enumerate(lines, start=2):
            if any(cell not in (None, "") for cell in line):
                found[sheet.title, number] = dict(zip(header, line, strict=True))
    return found


@pytest.fixture(scope="module")
def repaired(sample: Path) -> list[dict[str, str]]:
    """Planted errors that are mended and said, not refused."""
    return [r for r in reading.rows(sample / "dirt.csv") if r["kind"] in REPAIRED]


@pytest.fixture(scope="module")
def dirt(sample: Path) -> list[dict[str, str]]:
    """Planted errors that are refused."""
    return [r for r in reading.rows(sample / "dirt.csv") if r["kind"] not in REPAIRED]


@pytest.fixture(scope="module")
def valid(register: dict[tuple[str, int], Row], dirt: list[dict[str, str]]) -> dict[str, Row]:
    """The register without its planted errors, by crash."""
    planted = {(row["sheet"], int(row["row"])) for row in dirt}
    return {row["Số hồ sơ"]: row for place, row in register.items() if place not in planted}


def _sheets(out: Path) -> dict[str, list[tuple[Any, ...]]]:
    book = openpyxl.load_workbook(out / "ranking.xlsx")
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def _table(lines: list[tuple[Any, ...]], first: str) -> list[Row]:
    """The table of a sheet: from the row whose first cell is ``first``."""
    top = next(i for i, line in enumerate(lines) if line[0] == first)
    header = lines[top]
    return [dict(zip(header, line, strict=True)) for line in lines[top + 1 :] if any(line)]


def _layers(out: Path, start: str) -> pd.DataFrame:
    names = [name for name in reading.layer_names(out) if name.startswith(start)]
    return pd.concat([pd.DataFrame(reading.layer(out, name)).astype(object) for name in names])


# Rows: what goes in comes out


def test_rows_are_placed_unplaced_or_rejected(
    out: Path, register: dict[tuple[str, int], Row], valid: dict[str, Row], dirt: list[Row]
) -> None:
    reading.reconciles(out)
    planted = [row for row in dirt if row["sheet"] != "Sửa chữa"]
    nowhere = [
        crash
        for crash, row in valid.items()
        if row["Vĩ độ"] in (None, "") and (not row["Tuyến đường"] or not row["Lý trình"])
    ]
    made = reading.summary(out)
    assert made["read"] == len(register) == len(valid) + len(planted)
    assert made["rejected"] == len(planted)
    assert made["unplaced"] == len(nowhere)
    assert made["placed"] == len(valid) - len(nowhere)
    assert {row["crash_id"] for row in reading.rows(out / "unplaced.csv")} == set(nowhere)
    keys = ("read", "placed", "unplaced", "rejected")
    assert [made[key] for key in keys] == [807, 781, 12, 14]


def test_the_terminal_tells_it(ran: Any) -> None:
    done, folder = ran
    for words in ("đọc 807 = định vị 781 + chưa định vị 12 + bị loại 14", NOTICE, NOTICE_EN):
        assert words in done.stdout
    assert str(Path(folder) / "map.html") in done.stdout


def _same_value(written: str, planted: str) -> bool:
    written = written.removeprefix("'")
    if written == planted:
        return True
    try:
        return float(written) == float(planted)
    except ValueError:
        pass
    return "/".join(reversed(written.split("-"))) == planted


def test_every_planted_error_is_rejected_and_nothing_else(out: Path, dirt: list[Row]) -> None:
    rejected = reading.rows(out / "rejected.csv")
    for row in dirt:
        works = row["sheet"] == "Sửa chữa"
        place = (WORKS if works else REGISTER, row["sheet"], row["row"])
        told = [r for r in rejected if (r["file"], r["sheet"], r["row"]) == place]
        assert told, row
        assert {r["table"] for r in told} == {"repairs" if works else "crashes"}
        assert all(r["code"] and r["fix_vi"] and r["fix_en"] for r in told), row
    planted = {(row["sheet"], row["row"]) for row in dirt}
    assert {(r["sheet"], r["row"]) for r in rejected} == planted
    (total,) = [(row["sheet"], row["row"]) for row in dirt if row["kind"] == "total-row"]
    codes = [r["code"] for r in rejected if (r["sheet"], r["row"]) == total]
    assert codes == ["total-row"]
    reading.tell(f"{len(planted)} of {len(dirt)} planted errors rejected, nothing else")


def test_every_planted_error_that_can_be_mended_is_mended_and_said(
    out: Path, repaired: list[Row], everyone: pd.DataFrame
) -> None:
    remarks = [r for r in reading.rows(out / "remarks.csv") if r["kind"] == "repaired"]
    assert [(r["sheet"], r["row"]) for r in remarks] == [(r["sheet"], r["row"]) for r in repaired]
    (row,) = repaired
    (told,) = remarks
    assert row["value"] in told["value"].split("; ")
    assert told["value"].split("; ") == told["used"].split("; ")[::-1]
    assert told["text_vi"]
    assert told["text_en"]
    placed = everyone[everyone["source_row"] == int(row["row"])]
    assert placed.loc[placed["source_sheet"] == row["sheet"], "place"].notna().all()


def test_rejected_rows_name_the_column_and_value_as_they_stand_in_the_file(
    out: Path, dirt: list[Row]
) -> None:
    rejected = reading.rows(out / "rejected.csv")
    wrong = []
    for row in dirt:
        told = [r for r in rejected if (r["sheet"], r["row"]) == (row["sheet"], row["row"])]
        column, planted = TOLD_AT.get(row["kind"], (row["column"], row["value"]))
        at_column = [r for r in told if column in r["column"].split(", ")]
        same = any(
            _same_value(value, planted)
            for r in at_column
            for value in (r["value"], *r["value"].split(", "))
        )
        if not same:
            wrong.append((row, [(r["column"], r["value"]) for r in told]))
    assert not wrong


# Totals


def test_totals_of_2023_are_the_published_ones(
    everyone: pd.DataFrame, valid: dict[str, Row]
) -> None:
    """278 crashes, 105 killed, 272 injured: placed and unplaced together."""
    assert set(everyone.index) == set(valid)
    year = everyone["date"].astype(str).str[:4]
    totals = {
        y: (len(part), int(part["deaths"].sum()), int(part["injured"].sum()))
        for y, part in everyone.groupby(year)
    }
    assert totals == {"2021": (251, 99, 236), "2022": (264, 102, 254), "2023": (278, 105, 272)}
    last = everyone[year == "2023"]
    placed = last[last["place"].notna()]
    reading.tell(f"2023: {len(last)} crashes, {len(placed)} of them placed")
    for crash, row in valid.items():
        assert everyone.at[crash, "deaths"] == row["Số người chết"]
        assert everyone.at[crash, "injured"] == row["Số người bị thương"]


def test_area_table_counts_the_crashes(out: Path, everyone: pd.DataFrame) -> None:
    table = reading.rows(out / "areas.csv")
    groups = {
        **{row["name"]: everyone["area"] == row["name"] for row in table if row["group"] == "area"},
        "nowhere": everyone["place"].isna(),
        "total": everyone["place"].notna() | everyone["place"].isna(),
        "outside": everyone["area"].isna() & everyone["place"].notna(),
    }
    assert len(table) == 11 + 3
    for row in table:
        here = everyone[groups[row["name"] or row["group"]]]
        assert int(row["crashes"]) == len(here), row
        assert int(row["deaths"] or 0) == here["deaths"].sum()
        assert int(row["injured"] or 0) == here["injured"].sum()
        for level in ("fatal", "injury", "pdo", "unknown"):
            assert int(row[level]) == (here["severity"] == level).sum()
    parts = [int(row["crashes"]) for row in table if row["group"] != "total"]
    assert sum(parts) == len(everyone) == 793


def test_nothing_unknown_is_written_as_a_word(out: Path) -> None:
    """No missing value ends as text: nan, None, <NA> ..."""
    odd = re.compile(r"(?<![\w-])(nan|none|nat|<na>)(?!\w)", re.IGNORECASE)
    for path in sorted(out.glob("*.csv")):
        for row in reading.rows(path):
            for column, cell in row.items():
                codes = {"verdict", "kind", "protection", "protection_code"}
                allowed = cell == "none" and column in codes
                assert allowed or not odd.search(cell), (path.name, column, cell)
    for title, lines in _sheets(out).items():
        for line in lines:
            assert not [c for c in line if isinstance(c, str) and odd.search(c)], (title, line)
    page = reading.page(out)
    page.pop("labels")
    texts = re.findall(r'"((?:[^"\\]|\\.)*)"', json.dumps(page, ensure_ascii=False))
    assert {text for text in texts if odd.search(text)} <= {"none"}


def test_road_names_are_kept_as_recorded(everyone: pd.DataFrame, valid: dict[str, Row]) -> None:
    """Numbers of roads are brought to one spelling; a street's name is not a number."""
    wrong = {}
    for crash, row in valid.items():
        given = row["Tuyến đường"]
        if given and not re.match(r"(QL|ĐT|DT|ĐH|DH|Quốc lộ|Tỉnh lộ)", given, re.IGNORECASE):
            found = everyone.at[crash, "route"]
            if found != given:
                wrong[given] = found
    assert not wrong


# Recovery of what was planted


def test_planted_spots_are_found(out: Path, sample: Path, everyone: pd.DataFrame) -> None:
    sites = {row["site_id"]: row for row in reading.rows(out / "ranking.csv")}
    spots = reading.rows(sample / "planted.csv")
    some, most_of_it, black, lines = [], [], [], []
    for spot in spots:
        planted = spot["crash_ids"].split(";")
        held = Counter(everyone.loc[planted, "site_id"].dropna())
        kind = {"segment": "segment", "junction": "junction"}.get(spot["kind"], "crossing")
        # Of sites with as many of its crashes the one of the planted kind.
        order = sorted(held, key=lambda one: (-held[one], sites[one]["kind"] != kind))
        site, most = (order[0], held[order[0]]) if order else ("", 0)
        row = sites.get(site, {})
        if row:
            some.append(spot["spot_id"])
            assert row["kind"] == kind, spot["spot_id"]
            assert row["crossing_id"] == spot["crossing_id"]
            assert 2 * most >= len(planted), spot["spot_id"]
        if row and 2 * most > len(planted):
            most_of_it.append(spot["spot_id"])
            if row["verdict"] == "black-spot":
                black.append(spot["spot_id"])
        lines.append(
            f"{spot['spot_id']} {most}/{len(planted)} at {site}: rank {row.get('rank')},"
            f" {row.get('verdict')}, {row.get('agreement')}"
        )
    reading.tell(*lines)
    reading.tell(
        f"{len(some)} of {len(spots)} found as sites, {len(most_of_it)} with most crashes,"
    )
    reading.tell(f"{len(black)} of these as black spots")
    assert len(spots) == 14
    assert len(some) == 14
    assert len(black) >= 13


# The outputs agree with one another


def test_sites_agree_in_every_output(out: Path, everyone: pd.DataFrame) -> None:
    ranking = reading.rows(out / "ranking.csv")
    assert [int(row["rank"]) for row in ranking] == list(range(1, len(ranking) + 1))
    assert Counter(row["verdict"] for row in ranking) == reading.summary(out)["sites"]
    count = Counter(everyone["site_id"].dropna())
    assert {row["site_id"]: int(row["crashes"]) for row in ranking} == dict(count)

    package = _layers(out, "sites_").set_index("site_id")
    page = reading.page(out)["sites"]
    book = _table(_sheets(out)["Xếp hạng"], "Hạng")
    assert len(package) == len(page["id"]) == len(book) == len(ranking)
    assert page["id"] == [row["site_id"] for row in ranking]
    verdicts, funded = reading.words(page["verdict"]), page["funded"]
    whys = reading.words(page["why"])
    for i, row in enumerate(ranking):
        other = package.loc[row["site_id"]]
        for column in ("rank", "crashes", "fatal", "injury", "pdo", "unknown", "deaths", "injured"):
            assert int(row[column]) == other[column] == page[column][i], column
        for column in ("verdict", "label", "kind", "why"):
            assert row[column] == other[column], column
        assert verdicts[i] == row["verdict"]
        assert whys[i] == row["why"]
        assert page["label"][i] == row["label"] == book[i]["Vị trí"]
        assert book[i]["Hạng"] == int(row["rank"])
        assert book[i]["Số vụ"] == int(row["crashes"])
        assert book[i]["Người chết"] == int(row["deaths"])
        for column, digits in (("expected", 4), ("predicted", 4), ("p_excess", 4)):
            assert float(row[column]) == pytest.approx(other[column], rel=1e-9)
            assert page[column][i] == pytest.approx(float(row[column]), abs=10**-digits)
        cost = float(row["cost_per_year"])
        assert other["cost_per_year"] == pytest.approx(cost, rel=1e-9)
        assert page["cost_per_year"][i] == pytest.approx(cost, abs=1)
        money = next(value for name, value in book[i].items() if "Chi phí tai nạn" in str(name))
        assert money * MILLION == pytest.approx(cost, rel=1e-6)
        assert bool(funded[i]) == (row["funded"] == "True") == bool(other["funded"])
        assert len(page["members"][i]) == int(row["crashes"])


def test_crashes_agree_in_map_and_package(out: Path, everyone: pd.DataFrame) -> None:
    page = reading.page(out)
    placed = everyone[everyone["place"].notna()]
    ids = reading.ids(page["crashes"]["id"])
    assert sorted(ids) == sorted(placed.index)
    severity = reading.words(page["crashes"]["severity"])
    assert dict(zip(ids, severity, strict=True)) == dict(placed["severity"])
    for column in ("deaths", "injured"):
        values = reading.digits(page["crashes"][column])
        assert dict(zip(ids, values, strict=True)) == dict(placed[column])
    origin = dt.date.fromisoformat(page["crashes"]["origin"])
    days = {
        crash: (origin + dt.timedelta(days=n)).isoformat()
        for crash, n in zip(ids, page["crashes"]["date"], strict=True)
    }
    assert days == dict(placed["date"].astype(str).str[:10])
    members = {
        site: {ids[at] for at in reading.unstep(steps)}
        for site, steps in zip(page["sites"]["id"], page["sites"]["members"], strict=True)
    }
    at_sites = placed[placed["site_id"].notna()]
    assert members == {site: set(part.index) for site, part in at_sites.groupby("site_id")}


def test_works_agree_in_every_output(out: Path) -> None:
    programme = {row["project_id"]: row for row in reading.rows(out / "programme.csv")}
    package = _layers(out, "projects_").set_index("project_id")
    page = reading.page(out)["projects"]
    book = _table(_sheets(out)["Chương trình"], "Được cấp vốn")
    assert set(package.index) == set(page["id"]) == set(programme)
    assert len(book) == len(programme)
    whys = reading.words(page["why"])
    for i, project in enumerate(page["id"]):
        row, other = programme[project], package.loc[project]
        assert whys[i] == row["why"] == other["why"]
        assert bool(page["funded"][i]) == (row["funded"] == "True") == bool(other["funded"])
        for column in ("cost", "npv", "benefit"):
            value = reading.figure(row[column])
            if value is None:
                assert page[column][i] is None
                assert pd.isna(other[column])
            else:
                assert page[column][i] == pytest.approx(value, rel=1e-9, abs=1)
                assert other[column] == pytest.approx(value, rel=1e-9)
    costs = sorted(round(float(row["cost"])) for row in programme.values())
    booked = [value for line in book for name, value in line.items() if name == "Chi phí (triệu)"]
    assert sorted(round(value * MILLION) for value in booked) == costs
    yes = [line for line in book if line["Được cấp vốn"] == "có"]
    assert len(yes) == sum(row["funded"] == "True" for row in programme.values())


def test_programme_keeps_to_the_budget_and_says_why(out: Path, sample: Path) -> None:
    study = tomllib.loads((sample / "study.toml").read_text(encoding="utf-8"))
    assert study["budget"]["unit"] == "million"
    rows = reading.rows(out / "programme.csv")
    made = reading.summary(out)["programme"]
    funded = [row for row in rows if row["funded"] == "True"]
    spent = sum(float(row["cost"]) for row in funded)
    reading.tell(
        f"{len(funded)} works, {spent / MILLION:.1f} of {made['budget'] / MILLION:.0f} million"
    )
    assert made["budget"] == study["budget"]["amount"] * MILLION
    assert made["works"] == len(funded) > 0
    assert spent == pytest.approx(made["spent"], abs=1)
    assert spent <= made["budget"]
    assert made["gap"] == pytest.approx(0, abs=1e-9)
    for column in ("npv", "crashes_avoided", "deaths_avoided", "injuries_avoided"):
        total = sum(float(row[column]) for row in funded)
        assert total == pytest.approx(made[column], rel=1e-6), column
    taken = list(chain.from_iterable(row["group"].split(";") for row in funded))
    assert len(taken) == len(set(taken)), [g for g, n in Counter(taken).items() if n > 1]
    at_site = [row["site_id"] for row in funded if row["site_id"]]
    assert len(at_site) == len(set(at_site))
    labels = reading.page(out)["labels"]
    for row in rows:
        assert (row["why"] == "funded") == (row["funded"] == "True"), row["project_id"]
        assert all(labels[language].get(f"why.{row['why']}") for language in ("vi", "en")), row
    reading.tell(Counter(row["why"] for row in rows))
    sites = reading.rows(out / "ranking.csv")
    assert all(row["why"] for row in sites)
    with_work = {row["site_id"] for row in sites if row["funded"] == "True"}
    assert with_work == set(taken) & {row["site_id"] for row in sites}


def test_every_work_of_the_list_is_appraised_or_rejected(out: Path, sample: Path) -> None:
    lines = list(openpyxl.load_workbook(sample / WORKS).active.iter_rows(values_only=True))
    given = [line for line in lines[1:] if any(cell not in (None, "") for cell in line)]
    rejected = [r for r in reading.rows(out / "rejected.csv") if r["table"] == "repairs"]
    appraised = [r for r in reading.rows(out / "programme.csv") if r["source"] == "repairs"]
    assert len(given) == len(appraised) + len({r["row"] for r in rejected})
    assert len(rejected) == 2


# Notices


def test_every_output_says_simulated(out: Path) -> None:
    html = (out / "map.html").read_text(encoding="utf-8")
    assert reading.page(out)["meta"]["simulated"] is True
    assert NOTICE in html
    assert NOTICE_EN in html
    for title, lines in _sheets(out).items():
        assert NOTICE in str(lines[0][0]), title
        assert NOTICE_EN in str(lines[0][0]), title
    notes = " ".join(reading.layer(out, "notes")["notice"])
    assert NOTICE in notes
    assert NOTICE_EN in notes
    assert reading.summary(out)["simulated"] is True
    for path in sorted(out.glob("*.csv")):
        for row in reading.rows(path):
            assert NOTICE in list(row.values())[-1], path.name
            assert NOTICE_EN in list(row.values())[-1], path.name
    with closing(sqlite3.connect(out / "blackspots.gpkg")) as base:
        told = dict(base.execute("SELECT table_name, description FROM gpkg_contents"))
    told.pop("layer_styles")
    assert set(told) == set(reading.layer_names(out)) - {"layer_styles"}
    for name, description in told.items():
        assert NOTICE in description, name
        assert NOTICE_EN in description, name


def test_sources_are_named(out: Path) -> None:
    sources = reading.summary(out)["sources"]
    assert len(sources) == 2
    assert reading.page(out)["meta"]["sources"] == sources
    cells = {str(cell) for line in _sheets(out)["Tổng hợp"] for cell in line if cell}
    notes = set(reading.layer(out, "notes")["notice"])
    for line in sources:
        assert line in cells
        assert line in notes


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """A file's bytes; of a workbook also those of each part."""
    yield path.name, path.read_bytes()
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            yield from ((f"{path.name}/{name}", book.read(name)) for name in book.namelist())


def test_no_plate_in_any_output(out: Path, valid: dict[str, Row]) -> None:
    plates = {
        plate.strip()
        for row in valid.values()
        for plate in str(row["Biển số"] or "").split(";")
        if plate.strip()
    }
    assert len(plates) > 500
    header = "Biển số"
    for path in sorted(out.iterdir()):
        for name, content in _contents(path):
            assert not re.search(rb"MP-\d", content), name
            text = content.decode("utf-8", errors="replace")
            # The header itself is named once, among the columns that were left out.
            allowed = int(name == "summary.json" or name.endswith("sharedStrings.xml"))
            assert text.count(header) <= allowed, name
    assert header in reading.summary(out)["columns_left_out"]
    assert "Biển" not in " ".join(reading.layer(out, "crashes").columns)


# The same input gives the same bytes


def _bytes(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


WAYS = {
    "again": {},
    "zone": {"TZ": "Asia/Ho_Chi_Minh"},
    "plain C locale": {
        "LC_ALL": "C",
        "LANG": "C",
        # Libraries of others find no data of theirs below a folder that plain C cannot spell.
        **({"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"} if __file__.isascii() else {}),
        "TZ": "America/New_York",
    },
    "hash seed": {"PYTHONHASHSEED": "4711"},
}


@pytest.mark.parametrize("way", WAYS)
def test_another_run_gives_the_same_bytes(
    out: Path, sample: Path, tmp_path: Path, way: str
) -> None:
    done = reading.run(sample / "study.toml", tmp_path / "out", env=WAYS[way])
    assert done.returncode == 0, done.stderr
    first, second = _bytes(out), _bytes(tmp_path / "out")
    assert set(first) == set(second) >= {"map.html", "blackspots.gpkg", "ranking.xlsx"}
    assert [name for name in first if first[name] != second[name]] == []


def test_a_copy_elsewhere_gives_the_same_bytes(out: Path, sample: Path, tmp_path: Path) -> None:
    study = tmp_path / "Lạng Sơn – bản sao"
    shutil.copytree(sample, study, ignore=shutil.ignore_patterns("out", "out.*", ".out*"))
    done = reading.run(study / "study.toml", study / "kết quả", lang="en")
    assert done.returncode == 0, done.stderr
    first, second = _bytes(out), _bytes(study / "kết quả")
    assert [name for name in first if first[name] != second[name]] == []


def test_a_run_leaves_nothing_beside_its_folder(ran: Any, sample: Path) -> None:
    _, folder = ran
    assert [path.name for path in Path(folder).parent.iterdir()] == ["out"]
    json.loads((Path(folder) / "summary.json").read_text(encoding="utf-8"))
    assert not [path for path in sample.iterdir() if path.name.startswith(".")]
