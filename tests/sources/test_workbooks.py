"""Workbooks: broken, locked and swollen ones end in a sentence, and normal ones are read."""

import base64
import random
import time
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import python_calamine
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_files import apart, cells, code_of
from small_study import write_book

from blackspots.sources import workbooks
from blackspots.sources.spans import OdsSpan, XlsxSpan
from blackspots.sources.workbooks import read_workbook, sheet_names

OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
ROWS: Final = [["lat", "lon", "Chết"], [21.5, 106.7, 0], [22.5, 106.7, 1], [23.5, 106.7, 2]]
XLS: Final = (  # ROWS as a workbook of Excel 97, packed
    "eNrtWE1oU0EQ/vblv7RpUlOxFWKsWrXtRbx4aZ8/aE+W6kURQV9tQGlIJOSiF6s1R0Hw5M+lUAQvVS/+EKV68yBU9C"
    "AIQqJHT4KChzbPmXnvNWnNoQEtKvs9dnZ2dmZ3sjs7eW/fzMfL0w+7K1iBIfhQtSMI1skUlYjXiIH6bZtZrw5TsTX+"
    "KUTCtJHBAEptr0O8h7zfFRh44H9JFPhE5STOYySXTafWEPvFB0uxD4NEFe6QJIou8apD6Bmh64TeF81nQveK5JrQQd"
    "ItqxOYN0f69rhRfNzokb4oeNzHYvNBJLvQiVccxZeuK0c3gH35c1bm7+xI+lsxA9q34XQ2nbcyZSRoA2fw3U4B37yT"
    "+iKl5WsrVyD5j+XyUAP5DcMPTMI+LQFepOQ653M22FrAJjDvloxVYJrL+qEO4CzmkgW0cDqW4xtbdnzbJKxbiY6jXf"
    "i4BHeMEvTCva9vD4+NmqdEMikp20ns29gX2LjMFmQclR6/UHaiTyz6hV6RUTcK3y00QSFJde9op8scmhKdq9LbS/Ps"
    "Frwzt9fxO4gvfjnyJFn8bO4kfna4cjEx+96cRg+txTjZ8zOFATWgbt1kPDW9WrlJ4KPQrl8SQtiIub7b7r9XOxZlzU"
    "DrwXBavDpqqWW4a8XWaoX1c2wQWRy3NzMt3YWrbYi+0UDfEP3+LTX94JK+r4G+T/RLW2v6jldDRgce8WCU3GpogYaG"
    "hoaGhoaGhkZTUPJ66bzi88t+wP2ICLn3OotUqvqa5L/FUeToKdCH6UFkqc7jQlPxsx4B5Y2lVmnj3RcyjtHseUxgTP"
    "yYaDp+6SNQ1f+eVRvGft8Ranb+ajN+/uH5fwLLXslM"
)
"""The rows of ``ROWS`` in the format of Excel 97."""

TYPES = """<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">\
<Default Extension="rels" \
ContentType="application/vnd.openxmlformats-package.relationships+xml"/>\
<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" \
ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"""
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
BOOK = f"""<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>\
<sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"""
ROW = '<row r="1"><c r="A1"><v>1</v></c></row>'
ODS = "urn:oasis:names:tc:opendocument:xmlns:"


def links(**targets: str) -> str:
    made = "".join(
        f'<Relationship Id="rId{i}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for i, (kind, target) in enumerate(targets.items(), 1)
    )
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{space}">{made}</Relationships>'


def xlsx(path: Path, data: str, at: str = "worksheets/sheet1.xml", strings: str = "") -> Path:
    """A workbook of one sheet with these rows."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", TYPES)
        book.writestr("_rels/.rels", links(officeDocument="xl/workbook.xml"))
        book.writestr("xl/workbook.xml", BOOK)
        named = {"worksheet": at} | ({"sharedStrings": "sharedStrings.xml"} if strings else {})
        book.writestr("xl/_rels/workbook.xml.rels", links(**named))
        sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{data}</sheetData></worksheet>'
        book.writestr(f"xl/{at}", sheet)
        if strings:
            book.writestr("xl/sharedStrings.xml", strings)
    return path


def ods(path: Path, *sheets: str) -> Path:
    """A workbook of LibreOffice with sheets of these rows."""
    spaces = "".join(f' xmlns:{name}="{ODS}{name}:1.0"' for name in ("office", "table", "text"))
    made = "".join(
        f'<table:table table:name="S{i}">{rows}</table:table>' for i, rows in enumerate(sheets)
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", kind)
        book.writestr(
            "content.xml",
            f"<office:document-content{spaces}><office:body><office:spreadsheet>{made}"
            "</office:spreadsheet></office:body></office:document-content>",
        )
        book.writestr(
            "META-INF/manifest.xml",
            f'<m:manifest xmlns:m="{ODS}manifest:1.0"><m:file-entry m:full-path="/" '
            f'm:media-type="{kind}"/></m:manifest>',
        )
    return path


def row(*words: str, more: str = "", times: int = 1) -> str:
    made = "".join(cell(word) for word in words)
    return f'<table:table-row table:number-rows-repeated="{times}">{made}{more}</table:table-row>'


def cell(word: str, times: int = 1) -> str:
    return (
        f'<table:table-cell table:number-columns-repeated="{times}" office:value-type="string">'
        f"<text:p>{word}</text:p></table:table-cell>"
    )


def empty(times: int, more: str = "") -> str:
    return f'<table:table-cell {more} table:number-columns-repeated="{times}"/>'


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """The same rows in the three formats."""
    folder = tmp_path_factory.mktemp("books")
    write_book(folder / "c.xlsx", {"a": ROWS})
    words = [[str(value) for value in each] for each in ROWS]
    ods(folder / "c.ods", "".join(row(*each) for each in words))
    return {
        ".xlsx": (folder / "c.xlsx").read_bytes(),
        ".ods": (folder / "c.ods").read_bytes(),
        ".xls": zlib.decompress(base64.b64decode("".join(XLS))),
    }


@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".ods"])
def test_every_format_is_read(suffix: str, books: Mapping[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / f"c{suffix.upper()}"
    path.write_bytes(books[suffix])
    (raw,) = read_workbook(path)
    assert list(raw.frame.columns) == ROWS[0]
    assert [[float(v) for v in each] for each in cells(raw.frame)] == ROWS[1:]
    assert raw.frame.index.tolist() == [2, 3, 4]
    assert sheet_names(path) == [raw.sheet]


@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".ods"])
def test_a_file_that_broke_off_is_refused(
    suffix: str, books: Mapping[str, bytes], tmp_path: Path
) -> None:
    data, path = books[suffix], tmp_path / f"c{suffix}"
    for length in {*range(1, 80), *range(80, len(data) - 1, 37), len(data) - 1}:
        path.write_bytes(data[:length])
        code = code_of(lambda: read_workbook(path))
        assert code in {"unreadable", "empty-file"} or (suffix == ".xls" and code is None), length


@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".ods"])
def test_flipped_bytes_end_in_a_table_or_a_sentence(
    suffix: str, books: Mapping[str, bytes], tmp_path: Path
) -> None:
    data, path = books[suffix], tmp_path / f"c{suffix}"
    chance = random.Random(4)
    for _ in range(1500):
        at = chance.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ chance.randrange(1, 256)]) + data[at + 1 :])
        code_of(lambda: read_workbook(path))


def test_sizes_that_an_old_workbook_states_are_not_believed(
    books: Mapping[str, bytes], tmp_path: Path
) -> None:
    """For these the reader would take all memory and end the program."""
    data, path = books[".xls"], tmp_path / "c.xls"
    at = data.find(bytes.fromhex("00020e0000000000040000000000")) + 4
    assert at > 4
    for spoilt in (at, at + 1, at + 2, at + 7):
        path.write_bytes(data[:spoilt] + b"\xff" + data[spoilt + 1 :])
        assert code_of(lambda: read_workbook(path)) in {"too-big", "unreadable"}
    found = data.find(bytes.fromhex("bd001800"))  # three numbers side by side
    assert found > 0
    path.write_bytes(data[: found + 4] + b"\xff\xff\xff\xff" + data[found + 8 :])
    assert code_of(lambda: read_workbook(path)) == "too-big"


@settings(max_examples=200, deadline=None)
@given(
    data=st.binary(min_size=1, max_size=400),
    magic=st.sampled_from([b"", OLE, b"PK\x03\x04", b"PK\x05\x06" + bytes(18)]),
    suffix=st.sampled_from(workbooks.SUFFIXES),
)
def test_random_bytes_end_in_a_sentence(
    data: bytes, magic: bytes, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("random", numbered=True) / f"c{suffix}"
    path.write_bytes(magic + data)
    assert code_of(lambda: read_workbook(path)) is not None


FAR: Final = {
    "XFD1048576": '<row r="2"><c r="XFD1048576"><v>1</v></c></row>',
    "small letters": '<row r="2"><c r="xfd1048576"><v>1</v></c></row>',
    "spaces": """<row r="2"><c r = 'XFD1048576'><v>1</v></c></row>""",
    "prefix": f'<x:row xmlns:x="{MAIN}"><x:c r="XFD1048576"><x:v>1</x:v></x:c></x:row>',
    "no place": f'<row>{"<c><v>1</v></c>" * 40}</row><row r="1048576"><c><v>1</v></c></row>',
    "beyond": '<row r="2"><c r="A99999999"><v>1</v></c></row>',
    "far beyond": '<row r="2"><c r="ZZZZZZZZZ1"><v>1</v></c></row>',
    "row beyond": '<row r="4000000000"><c><v>1</v></c></row>',
}


@pytest.mark.parametrize("case", FAR)
@pytest.mark.parametrize("at", ["worksheets/sheet1.xml", "any/where.bin"])
def test_a_cell_at_the_far_corner_is_refused(case: str, at: str, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "c.xlsx", ROW + FAR[case], at)
    assert code_of(lambda: read_workbook(path)) == "too-big"


def test_a_far_corner_takes_neither_time_nor_memory(tmp_path: Path) -> None:
    code, seconds, grown = apart(xlsx(tmp_path / "c.xlsx", ROW + FAR["XFD1048576"]), 2000)
    assert code == "too-big"
    assert seconds < 2
    assert grown < 200


def test_a_count_of_texts_is_not_believed(tmp_path: Path) -> None:
    text = f'<sst xmlns="{MAIN}" uniqueCount="{{}}"><si><t>lat</t></si></sst>'
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
    path = xlsx(tmp_path / "c.xlsx", rows, strings=text.format(4_000_000_000))
    assert code_of(lambda: read_workbook(path)) == "too-big"
    path = xlsx(tmp_path / "c.xlsx", rows, strings=text.format(1))
    assert code_of(lambda: read_workbook(path)) is None


@pytest.mark.parametrize("filler", [b"0", b" ", b"<c/>", b'<row r="1"><c r="A1"/></row>'])
def test_a_part_that_unpacks_to_gigabytes_is_refused(filler: bytes, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "c.xlsx", ROW)
    block = filler * ((8 << 20) // len(filler))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        part = zipfile.ZipInfo("xl/worksheets/sheet2.xml")
        part.compress_type = zipfile.ZIP_DEFLATED
        with book.open(part, "w", force_zip64=True) as stream:
            for _ in range(64):
                stream.write(block)
    code, seconds, grown = apart(path, 2000)
    assert code == "too-big"
    assert seconds < 30  # on a busy machine; else 2
    assert grown < 400


def test_what_a_workbook_unpacks_to_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = xlsx(tmp_path / "c.xlsx", ROW * 1000)
    monkeypatch.setattr(workbooks, "MAX_UNPACKED", 30_000)
    assert code_of(lambda: read_workbook(path)) == "too-big"


HEAD: Final = row("lat", "lon", "x", more=empty(16_381))
BODY: Final = row("21", "106", "x")
USUAL: Final = {
    "plain": HEAD + BODY,
    "rows of empty cells at the end": HEAD + BODY + row(more=empty(16_384), times=1_048_574),
    "formatted ones": HEAD
    + BODY
    + row(more=empty(16_384, 'table:style-name="ce1"'), times=1_048_574),
    "between": HEAD + row(more=empty(16_384), times=1000) + BODY,
    "many repeats of empty cells": HEAD + BODY + row(more=empty(4_000_000_000)),
}
SWOLLEN: Final = {
    "filled rows": HEAD + row(*("1" * 40), times=4_000_000_000),
    "filled cells": HEAD + row(more=cell("1", 16_384), times=2000),
    "far cell below a long table": HEAD
    + row("1", more=empty(16_000) + cell("1"))
    + row("1", times=1_000_000),
    "far cell below empty rows": HEAD + row(times=1_048_000) + row("1", more=empty(90) + cell("1")),
    "spaces": HEAD + row('a<text:s text:c="2000000000"/>'),
}


@pytest.mark.parametrize("case", USUAL)
def test_what_libreoffice_repeats_is_read(case: str, tmp_path: Path) -> None:
    (raw,) = read_workbook(ods(tmp_path / "c.ods", USUAL[case]))
    assert cells(raw.frame) == [["21", "106", "x"]]


@pytest.mark.parametrize("case", SWOLLEN)
def test_repeats_that_swell_are_refused(case: str, tmp_path: Path) -> None:
    code, seconds, grown = apart(ods(tmp_path / "c.ods", BODY, SWOLLEN[case]), 2000)
    assert code == "too-big"
    assert seconds < 2
    assert grown < 200


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_measures_do_not_depend_on_the_pieces(size: int) -> None:
    made = [(XlsxSpan, ROW + '<row r="2"><c r="C9"/></row>', 27), (OdsSpan, HEAD + BODY * 4, 15)]
    for measure, text, expected in made:
        span: Any = measure()
        for at in range(0, len(text), size):
            span.feed(text.encode()[at : at + size])
        span.end()
        assert span.cells == expected


@settings(max_examples=100, deadline=None)
@given(
    places=st.lists(
        st.tuples(st.integers(1, 60), st.one_of(st.none(), st.integers(1, 30))), max_size=12
    )
)
def test_never_less_is_measured_than_laid_out(
    places: list[tuple[int, int | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = ""
    for number, column in places:
        name = "" if column is None else f' r="{xlsxwriter.utility.xl_col_to_name(column)}{number}"'
        said = f' r="{number}"' if number % 2 else ""
        rows += f"<row{said}><c{name}><v>1</v></c><c><v>2</v></c></row>"
    path = xlsx(tmp_path_factory.mktemp("laid", numbered=True) / "c.xlsx", rows)
    span = XlsxSpan()
    span.feed(zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml"))
    span.end()
    book = python_calamine.CalamineWorkbook.from_path(path)
    out = book.get_sheet_by_name("S").to_python(skip_empty_area=False)
    assert span.cells >= sum(map(len, out))


def test_a_password_is_said(books: Mapping[str, bytes], tmp_path: Path) -> None:
    """As Excel 97 and later ones lock a workbook: by a mark in it, or as a package."""
    data = bytearray(books[".xls"])
    at = data.find(b"\x5c\x00\x70\x00")
    data[at : at + 2], data[at + 4 : at + 6] = b"\x2f\x00", b"\x01\x00"
    package = books[".xls"].replace(
        "Workbook".encode("utf-16-le") + bytes(48) + b"\x12\0",
        "EncryptedPackage".encode("utf-16-le") + bytes(32) + b"\x22\0",
    )
    for name, bytes_ in (("c.xls", bytes(data)), ("c.xlsx", package)):
        (tmp_path / name).write_bytes(bytes_)
        assert code_of(lambda name=name: read_workbook(tmp_path / name)) == "password"


def test_a_fault_of_the_reader_is_no_fault_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = type("PanicException", (BaseException,), {})

    class Book:
        @staticmethod
        def from_path(_: Path) -> None:
            raise fault("index out of bounds")

    path = xlsx(tmp_path / "c.xlsx", ROW)
    monkeypatch.setattr(python_calamine, "CalamineWorkbook", Book)
    assert code_of(lambda: read_workbook(path)) == "unreadable"


def test_a_page_under_a_borrowed_ending_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.xls"
    path.write_text("<html><table><tr><td>lat</td></tr></table></html>")
    assert code_of(lambda: read_workbook(path)) == "unreadable"


def test_many_sheets_are_read(tmp_path: Path) -> None:
    write_book(tmp_path / "c.xlsx", {f"s{i}": ROWS if i % 2 else [] for i in range(300)})
    assert [raw.sheet for raw in read_workbook(tmp_path / "c.xlsx")] == [
        f"s{i}" for i in range(1, 300, 2)
    ]
    assert code_of(lambda: read_workbook(tmp_path / "c.xlsx", ["t"])) == "unknown-sheet"
    assert code_of(lambda: read_workbook(tmp_path / "c.xlsx", ["s0"])) == "empty-file"


def test_a_register_of_usual_size_is_read_and_its_measuring_is_cheap(tmp_path: Path) -> None:
    path = tmp_path / "c.xlsx"
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for i in range(20_001):
            sheet.write_row(
                i, 0, [f"h{j}" if i == 0 else (i * j if j % 2 else f"t{i}") for j in range(14)]
            )
    began = time.perf_counter()
    workbooks._measure(path)
    measured = time.perf_counter() - began
    (raw,) = read_workbook(path)
    assert raw.frame.shape == (20_000, 14)
    assert measured < (time.perf_counter() - began - measured)
