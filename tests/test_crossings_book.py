"""The railway's register: workbook and document say what the tables say, and nothing else."""

from __future__ import annotations

import io
import re
import string
import time
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import docx
import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely
from docx.shared import Mm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small import METRES

from blackspots import labels
from blackspots.crossings.register import SUMS, by_commune, by_line
from blackspots.crossings_book import write_register
from blackspots.crossings_book.shown import REGISTER
from blackspots.labels import text
from blackspots.reports.word import Chapter, Grid, clean, write_document
from blackspots.schema import CROSSING_REGISTER, EMPTY, FOUND_CROSSINGS, MATCHES, check
from blackspots.schema.rail import CLOSURES

BANNER = "SIMULATED"
NORTH, SOUTH = "Hà Nội – Đồng Đăng", "Mai Pha – Na Dương"
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
HOSTILE = (
    *("=1+1", "+84", "@SUM(A1)", '=HYPERLINK("http://x")', "http://example.org", "#N/A"),
    *(
        '<w:fldSimple w:instr=" DDEAUTO c:/x "/>',
        "{ INCLUDETEXT x }",
        "]]>&amp;",
        "a\x00\x0b\ufffeb",
    ),
)


def table(columns: Any, index: str, names: list[str], **given_: list[Any]) -> pd.DataFrame:
    at = pd.Index(names, name=index, dtype=object)
    return pd.DataFrame(
        {c.name: pd.Series(given_.get(c.name), index=at, dtype=EMPTY[c.kind]) for c in columns}
    )


def crossings(names: list[str], **given_: list[Any]) -> gpd.GeoDataFrame:
    count = len(names)
    least: dict[str, list[Any]] = {"crashes": [0] * count, "queue_crashes": [0] * count}
    made = table(
        CROSSING_REGISTER.columns,
        "crossing_id",
        names,
        **{"listed": [True] * count, **least, **given_},
    )
    points = [shapely.Point(i, 0) for i in range(count)]
    made = gpd.GeoDataFrame(made, geometry=points, crs=METRES)
    check(made, CROSSING_REGISTER)
    return made


def register() -> gpd.GeoDataFrame:
    """Two lines and one crossing that lies on none.

    NORTH  --A(45.3)--B(46.0)--C(47.25)--    SOUTH  --D(1.0)--    E (no line, no area)
    """
    return crossings(
        ["A", "B", "C", "D", "E"],
        name=["Đường ngang A", None, "C", None, "E"],
        kind=["official", "self-opened", "unknown", "official", None],
        line=[NORTH, NORTH, NORTH, SOUTH, None],
        km=[45.3, 46.0, 47.25, 1.0, None],
        measure=[0.0, 700.0, 1950.0, 0.0, None],
        place_reason=[None, None, None, None, "far-from-line"],
        area=["Cao Lộc", "Cao Lộc", "Chi Lăng", "Chi Lăng", None],
        listed=[True, True, False, True, True],
        protection=["barrier", None, None, None, "a dog"],
        protection_code=["gates", "none", None, "guarded", None],
        crossing_class=["II", None, None, None, None],
        required=["guarded;gates", None, None, None, None],
        complies=[False, None, None, True, None],
        rule_reason=["class-by-road", "self-opened", "class-uncertain:I/II", None, "needs-kind"],
        vehicles=[1200.0, 54.6, None, 4.5, None],
        vehicles_low=[1200.0, 12.1, None, 4.5, None],
        vehicles_high=[1200.0, 245.0, None, 4.5, None],
        vehicles_from=["counted", "by-counted:path", None, "counted", None],
        trains=[12.0, 12.0, None, 0.5, None],
        trains_from=["counted", "of-line", "unknown", "counted", None],
        crashes=[6, 1, 0, 2, 0],
        queue_crashes=[0, 3, 0, 0, 1],
        deaths=[2, None, 0, 1, None],
        injured=[1, 4, 0, 0, None],
        score=[0.12, 0.04, None, 0.01, None],
        rank=[1, 2, None, 3, None],
        rank_low=[1, 1, None, 3, None],
        rank_high=[1, 3, None, 3, None],
        rate_reason=[None, None, "needs:trains", None, "needs:vehicles;needs:trains"],
    )


def closures(names: list[str] | None = None) -> gpd.GeoDataFrame:
    """A stretch with two options of which one is best, and one where none pays."""
    count = 3 if names is None else len(names)
    given_: dict[str, list[Any]] = {
        "group_id": ["A~C", "A~C", "C~end"],
        "line": [NORTH] * 3,
        "km_from": [45.3, 45.3, 47.25],
        "km_to": [47.25, 47.25, None],
        "from_crossing": ["A", "A", "C"],
        "to_crossing": ["C", "C", None],
        "paths": [2, 2, 1],
        "closed": ["B", "B;B2", "F"],
        "n_closed": [1, 2, 1],
        "kept": ["B2", None, None],
        "service_road": [800.0, 1500.4, 90.0],
        "fence": [1600.0, 3000.0, 90.0],
        "detour_mean": [300.0, 450.0, None],
        "detour_longest": [300.0, 600.0, None],
        "vehicles_moved": [54.5, 80.0, None],
        "cost": [3.9e9, 7.5e9, 1e9],
        "cost_low": [2.8e9, 5e9, 1e9],
        "cost_high": [5.9e9, 9e9, 1e9],
        "upkeep": [3.9e7, 7e7, 1e7],
        "detour_cost": [1e8, 2e8, 0.0],
        "life": [30.0] * 3,
        "mark": ["A"] * 3,
        "best": [True, False, False],
    }
    made = table(
        CLOSURES.columns,
        "closure_id",
        [f"K{i}" for i in range(count)] if names is None else names,
        **{name: values[:count] for name, values in given_.items()},
    )
    return gpd.GeoDataFrame(made, geometry=[shapely.Point(0, 0)] * count, crs=METRES)


def found(status: list[str]) -> pd.DataFrame:
    count = len(status)
    return table(
        FOUND_CROSSINGS.columns,
        "found_id",
        [f"LX-{i}" for i in range(count)],
        outcome=["crossing"] * count,
        reasons=["bridge"] * count,
        confidence=[0.5] * count,
        line=[NORTH] * count,
        km=[45.0 + i for i in range(count)],
        road_class=["path"] * count,
        status=status,
    )


def matches(**given_: list[Any]) -> pd.DataFrame:
    names = [f"M{i}" for i in range(len(next(iter(given_.values()), [])))]
    return table(MATCHES.columns, "match_id", names, **given_)


def write(folder: Path, made: pd.DataFrame | None = None, **more: Any) -> tuple[Path, Path]:
    made = register() if made is None else made
    paths = folder / "r.xlsx", folder / "r.docx"
    given_: dict[str, Any] = {
        "closures": closures(),
        "matches": matches(
            crossing_id=["A", "D", "C", None],
            found_id=["LX-0", None, None, "LX-1"],
            reason=[None, "no-road-there", "far-from-line", "not-listed"],
        ),
        "found": found(["listed", "candidate", "review", "apart", "refused", "verified"]),
        "by_line": by_line(made),
        "by_commune": by_commune(made),
        "notes": ["A note."],
        "sources": ["A source."],
        "title": "Lạng Sơn",
        "period": "2020 – 2024",
        "language": "en",
        "banner": "",
        "currency": "VND",
        "money_unit": 1e6,
        **more,
    }
    write_register(*paths, register=made, **given_)
    return paths


def sheet(path: Path, key: str, language: str = "en") -> pd.DataFrame:
    """A sheet's table, its headers as the keys of their labels."""
    book = openpyxl.load_workbook(path)
    rows = [[cell.value for cell in row] for row in book[text(f"rail-book.sheet.{key}", language)]]
    words: dict[str, str] = {}
    for name, word in labels.texts(language).items():
        if name.startswith("rail-book.column."):
            words.setdefault(word, name.rpartition(".")[2])
    top = next(i for i, row in enumerate(rows) if sum(cell in words for cell in row) > 3)
    heads = [words[head] for head in rows[top]]
    return pd.DataFrame(rows[top + 1 :], columns=heads, dtype=object)


def tables(path: Path) -> list[list[list[str]]]:
    """The tables of a document as text."""
    with zipfile.ZipFile(path) as package:
        body = ET.fromstring(package.read("word/document.xml"))  # noqa: S314 - our own file
    return [
        [
            ["".join(cell.itertext()) for cell in row.iter(f"{WORD}tc")]
            for row in one.iter(f"{WORD}tr")
        ]
        for one in body.iter(f"{WORD}tbl")
    ]


def prose(path: Path) -> str:
    return "\n".join(paragraph.text for paragraph in docx.Document(str(path)).paragraphs)


# ------------------------------------------------------------------------------- what they say


@pytest.mark.parametrize("language", labels.LANGUAGES)
def test_the_sheet_holds_every_crossing_in_the_order_of_the_register(
    language: str, tmp_path: Path
) -> None:
    made = register()
    told = sheet(write(tmp_path, language=language)[0], "register", language)
    assert set(told.columns) == set(REGISTER)
    assert list(told["crossing_id"]) == list(made.index)
    for column in ("crashes", "queue_crashes", "deaths", "injured", "rank", "rank_high", "score"):
        wanted = [None if pd.isna(v) else v for v in made[column]]
        assert [None if pd.isna(v) else v for v in told[column]] == wanted, column
    assert list(told["km"]) == ["Km45+300", "Km46+000", "Km47+250", "Km1+000", None]


def test_codes_are_words_and_what_is_unknown_is_an_empty_cell(tmp_path: Path) -> None:
    told = sheet(write(tmp_path)[0], "register").set_index("crossing_id")
    assert list(told["kind"]) == ["official", "self-opened", None, "official", None]
    assert list(told["protection"]) == ["automatic gates", "none", None, "guarded", "a dog"]
    assert list(told["complies"]) == ["no", None, None, "yes", None]
    assert told.at["A", "required"] == "guarded or automatic gates"
    assert told.at["B", "vehicles_from"] == "from counted ones of its class (path)"
    assert told.at["C", "trains_from"] is None
    assert told.at["C", "vehicles"] is None
    assert "may be I or II" in str(told.at["C", "reasons"])
    assert "confirmed in the field" in str(told.at["C", "reasons"])
    assert "number of trains missing" in str(told.at["C", "reasons"])
    assert "far from every railway line" in str(told.at["E", "reasons"])


@pytest.mark.parametrize("language", labels.LANGUAGES)
@pytest.mark.parametrize(("key", "head"), [("by-line", "line"), ("by-area", "area")])
def test_no_sum_differs_from_the_register(
    key: str, head: str, language: str, tmp_path: Path
) -> None:
    made = register()
    told = sheet(write(tmp_path, language=language)[0], key, language).set_index(head)
    assert told["crossings"].iloc[-1] == len(made)
    assert told["crossings"].iloc[:-1].sum() == len(made)
    for column in ("crashes", "queue_crashes", "deaths", "injured"):
        assert told[column].iloc[-1] == made[column].sum(), column
        assert told[column].iloc[:-1].sum() == made[column].sum(), column
    assert told["accidents"].isna().all()
    wanted = (by_line if head == "line" else by_commune)(made)
    none = text(f"rail-book.no-{head}", language)
    assert list(told.index[:-1]) == [name or none for name in wanted.index]
    for column in SUMS:
        cells = [None if pd.isna(value) else value for value in wanted[column]]
        assert [None if pd.isna(v) else v for v in told[column].iloc[:-1]] == cells, column


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([NORTH, SOUTH, None]),
            st.integers(0, 9),
            st.one_of(st.none(), st.integers(0, 9)),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_document_and_workbook_say_the_same_sums(
    rows: list[tuple[str | None, int, int | None]], tmp_path: Path
) -> None:
    lines, crashes, deaths = (list(values) for values in zip(*rows, strict=True))
    names = [f"X{i}" for i in range(len(rows))]
    made = crossings(names, line=lines, crashes=crashes, deaths=deaths)
    book, document = write(tmp_path, made, matches=matches(), found=found([]))
    first = tables(document)[0]
    heads = [text(f"rail-book.column.{name}") for name in ("crossings", "crashes", "deaths")]
    at = [first[0].index(head) for head in heads]
    printed = [[row[i] for i in at] for row in first[1:]]
    told = sheet(book, "by-line")[["crossings", "crashes", "deaths"]]
    cells = [["–" if pd.isna(v) else str(int(v)) for v in row] for row in told.to_numpy()]
    assert printed == cells
    known = [value for value in deaths if value is not None]
    assert printed[-1] == [str(len(rows)), str(sum(crashes)), str(sum(known)) if known else "–"]


def test_the_document_has_a_chapter_for_each_line_and_area_with_all_their_crossings(
    tmp_path: Path,
) -> None:
    document = write(tmp_path)[1]
    grids = tables(document)
    assert len(grids) == 2 + 3 + 3 + 1  # sums; lines; areas; groups to close
    by_row = [[row[1].split()[0] for row in grid[1:]] for grid in grids[2:5]]
    assert by_row == [["A", "B", "C"], ["D"], ["E"]]
    by_area = [[row[2].split()[0] for row in grid[1:]] for grid in grids[5:8]]
    assert by_area == [["A", "B"], ["C", "D"], ["E"]]
    first, second, third = grids[2][1:]
    assert first == [
        *("Km45+300", "A Đường ngang A", "official", "II", "automatic gates", "no"),
        *("1,200", "12", "6 / 2", "1"),
    ]
    assert second[6:] == ["≈ 55 (12–245)", "12", "1 / –", "2 (1–3)"]
    assert third[2:4] == ["–", "I or II"]
    assert third[6:] == ["–", "–", "0 / 0", "–"]
    assert grids[3][1][6:8] == ["4.5", "0.5"]
    told = prose(document)
    for name in (f"Line {NORTH}", "On no railway line", "In no area", "A note.", "A source."):
        assert name in told


def test_groups_to_close_have_all_options_in_the_workbook_and_the_best_in_the_document(
    tmp_path: Path,
) -> None:
    book, document = write(tmp_path)
    told = sheet(book, "closures")
    assert list(told["stretch"]) == ["A – C", "A – C", "C – end of the line"]
    assert list(told["best"]) == ["best", None, None]
    assert list(told["cost"]) == [3900.0, 7500.0, 1000.0]
    assert list(told["closed"]) == ["B", "B, B2", "F"]
    assert told["detour_mean"].iloc[2] is None
    last = tables(document)[-1]
    assert [row[3:6] for row in last[1:]] == [
        ["A – C", "1 / 2", "B"],
        ["C – end of the line", "0 / 1", "no option saves more than it costs"],
    ]
    assert last[1][-1] == "3,900 (2,800–5,900)"
    assert "these close 1 paths for 3,900 million VND" in prose(document)


def test_money_is_told_in_its_unit_and_currency(tmp_path: Path) -> None:
    book = write(tmp_path, currency="EUR", money_unit=1e3)[0]
    assert sheet(book, "closures")["cost"].iloc[0] == 3_900_000.0
    lines = [row[0].value for row in openpyxl.load_workbook(book)["Closing in groups"]]
    assert "Money in thousand EUR." in lines
    odd = write(tmp_path, money_unit=250.0)[1]
    assert "15,600,000 250 VND" in prose(odd)


def test_what_inventory_and_maps_do_not_share_is_listed_and_never_called_illegal(
    tmp_path: Path,
) -> None:
    book, document = write(tmp_path)
    alone = sheet(book, "not-found")
    assert list(alone["crossing_id"]) == ["C", "D"]  # in the order of the register
    assert "no railway within 100 m" in alone["reason"].iloc[0]
    unlisted = sheet(book, "unlisted")
    assert list(unlisted.iloc[:, 0]) == ["LX-1", "LX-2", "LX-4", "LX-5"]
    assert unlisted["status"].iloc[0] == "candidate, not in the inventory"
    assert list(unlisted["confidence"]) == [0.5] * 4
    with zipfile.ZipFile(book) as made:
        said = made.read("xl/sharedStrings.xml").decode() + prose(document)
    assert "illegal" not in said.lower()


# ------------------------------------------------------------------------------------- limits


def test_one_crossing_makes_a_register_without_a_row_of_totals(tmp_path: Path) -> None:
    made = register().iloc[:1]
    book, document = write(tmp_path, made, matches=matches(), found=found([]), closures=None)
    assert len(sheet(book, "by-line")) == 1
    assert len(tables(document)) == 4
    assert text("rail-book.sheet.closures") not in openpyxl.load_workbook(book).sheetnames
    assert "First: A" in prose(document)


def test_no_crossing_and_no_path_to_close_are_said(tmp_path: Path) -> None:
    none = {"matches": matches(), "found": found([]), "closures": closures([])}
    book, document = write(tmp_path, crossings([]), **none)
    assert "No crossing is known." in prose(document)
    assert text("rail-book.no-closing") in prose(document)
    lines = [row[0].value for row in openpyxl.load_workbook(book)["Closing in groups"]]
    assert text("rail-book.no-closing") in lines


def test_without_a_rating_nothing_is_called_first(tmp_path: Path) -> None:
    made = register().iloc[2:3]
    document = write(tmp_path, made, matches=matches(), found=found([]))[1]
    assert text("rail-book.unrated") in prose(document)
    assert "First:" not in prose(document)


@pytest.mark.parametrize("language", labels.LANGUAGES)
def test_equal_tables_give_equal_bytes(language: str, tmp_path: Path) -> None:
    made = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        made.append([p.read_bytes() for p in write(folder, language=language, banner=BANNER)])
    assert made[0] == made[1]
    with zipfile.ZipFile(io.BytesIO(made[0][1])) as package:
        assert {entry.date_time[0] for entry in package.infolist()} == {2000}
        assert b"python-docx" not in package.read("docProps/core.xml")
        assert not any("thumbnail" in name for name in package.namelist())


def test_tables_are_not_changed(tmp_path: Path) -> None:
    given_ = {"made": register(), "closures": closures(), "found": found(["candidate"])}
    before = {name: frame.copy() for name, frame in given_.items()}
    write(tmp_path, **given_)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(pd.DataFrame(given_[name]), pd.DataFrame(frame))


# ------------------------------------------------------------------------------------- safety


@pytest.mark.parametrize("bad", HOSTILE)
def test_text_of_a_user_stays_text(bad: str, tmp_path: Path) -> None:
    words = pd.Series([bad] * 5, index=register().index, dtype=object)
    made = register().assign(name=words, line=words, area=words)
    more = {"notes": [bad], "sources": [bad], "title": bad, "period": clean(bad), "banner": bad}
    book, document = write(tmp_path, made, **more)
    for row in openpyxl.load_workbook(book)["Register"]:
        for cell in row:
            assert cell.data_type in {"s", "n"}
            assert cell.hyperlink is None
    told = sheet(book, "register")
    assert set(told["name"]) == {clean(bad)}
    with zipfile.ZipFile(document) as package:
        assert not any("vba" in name.lower() for name in package.namelist())
        for name in package.namelist():
            if not name.endswith((".xml", ".rels")):
                continue
            tree = ET.fromstring(package.read(name))  # noqa: S314 - our own file
            fields = [f.get(f"{WORD}instr") for f in tree.iter(f"{WORD}fldSimple")]
            assert set(fields) <= {" PAGE ", " NUMPAGES "}
            assert not list(tree.iter(f"{WORD}instrText"))
            assert not list(tree.iter(f"{WORD}hyperlink"))
    shown = tables(document)[2][1][1]
    assert re.sub(r"\s+", " ", f"A {clean(bad)}") == shown


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(words=st.text(st.one_of(st.characters(), st.sampled_from(string.printable)), max_size=40))
def test_a_document_of_any_text_can_be_opened(words: str, tmp_path: Path) -> None:
    path = tmp_path / "any.docx"
    chapters = [Chapter(words, 2, [words], Grid([words, "b"], [[words, ""]], [1, 2], [1], [0]))]
    about: dict[str, Any] = {"title": words, "lines": [words], "banner": words, "language": "vi"}
    write_document(path, chapters=chapters, **about)
    opened = docx.Document(str(path))
    said = " ".join(clean(words).split())
    assert [" ".join(c.text.split()) for c in opened.tables[0].rows[1].cells] == [said, ""]


def test_simulated_data_say_so_on_every_sheet_and_page(tmp_path: Path) -> None:
    book, document = write(tmp_path, banner=BANNER)
    for page in openpyxl.load_workbook(book):
        assert page["A1"].value == BANNER
    header = docx.Document(str(document)).sections[0].header
    assert header.paragraphs[0].text == BANNER
    assert not docx.Document(str(write(tmp_path)[1])).sections[0].header.paragraphs[0].text


def test_the_document_is_a4_across_with_repeated_headers_and_a_font_with_all_marks(
    tmp_path: Path,
) -> None:
    opened = docx.Document(str(write(tmp_path, language="vi")[1]))
    section = opened.sections[0]
    sides = (section.page_width or 0) / Mm(1), (section.page_height or 0) / Mm(1)
    assert [round(side) for side in sides] == [297, 210]
    for one in opened.element.body.iter(f"{WORD}tbl"):
        heads = [
            row.find(f"{WORD}trPr/{WORD}tblHeader") is not None for row in one.iter(f"{WORD}tr")
        ]
        assert heads == [True, *[False] * (len(heads) - 1)]
        widths = [int(column.get(f"{WORD}w")) for column in one.iter(f"{WORD}gridCol")]
        room = (297 - 35) / 25.4 * 1440
        assert abs(sum(widths) - room) < len(widths)
    for name in ("Normal", "Title", "Heading 1", "Heading 2", "Cell", "Number", "Head"):
        fonts = opened.styles[name].element.rPr.rFonts
        assert {
            fonts.get(f"{WORD}{script}") for script in ("ascii", "hAnsi", "eastAsia", "cs")
        } == {"Times New Roman"}
        assert not [a for a in fonts.attrib if "Theme" in a]
    footer = section.footer._element.xml
    assert " PAGE " in footer


@pytest.mark.parametrize("language", labels.LANGUAGES)
def test_every_column_has_a_header_of_its_own(language: str) -> None:
    """The same words over two columns of one sheet would be a riddle."""
    heads = [text(f"rail-book.column.{column}", language) for column in REGISTER]
    assert len(set(heads)) == len(heads)


def test_a_nation_of_crossings_is_printed_in_seconds(tmp_path: Path) -> None:
    one = [["Km1234+567", "DN-001 Đường ngang", "≈ 55 (12–245)", *["–"] * 7]] * 7_000
    grid = Grid([str(i) for i in range(10)], one, [1] * 10, [2])
    start = time.perf_counter()
    write_document(
        tmp_path / "big.docx",
        title="t",
        lines=[],
        chapters=[Chapter("c", grid=grid)],
        language="vi",
    )
    assert time.perf_counter() - start < 10
    assert len(tables(tmp_path / "big.docx")[0]) == 7_001
