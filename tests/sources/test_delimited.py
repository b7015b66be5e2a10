"""Text files: every cell comes back, by Arrow and by rows alike; bad ones end in a sentence."""

import codecs
import csv
import io
import mmap
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from reading_files import apart, cells, code_of
from small_study import GRID, crashes, write_rows

from blackspots.presets import encodings
from blackspots.sources import Findings, delimited, legacy, read_crashes
from blackspots.sources.files import read_raw
from blackspots.sources.raw import RawTable

HEADER = ("Vĩ độ", "Kinh độ", "Ghi chú", "Số người chết")
ODD = ["", " ", "Đường tránh, phía bắc", 'biển "cấm"', "a;b|c\td", "hai\ndòng", "hai\r\ndòng"]
ODD += [" đầu", "cuối ", '"', '""', "e\u0301", "21.5", "21,5", "-", "NULL", "nan", "\u00a0x"]
CELLS = st.one_of(
    st.sampled_from(ODD),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
    st.text(st.sampled_from(',;\t|" aạ\n'), max_size=6),
)
TABLES = st.lists(st.lists(CELLS, max_size=4), max_size=8)
TITLES = st.sampled_from(
    [[], [["SỔ THEO DÕI"], []], [["Tỉnh Lạng Sơn, năm 2023, quý 1, 2"], ["", ""], []]]
)


def written(rows: Sequence[Sequence[str]], mark: str, end: str, quoting: Any) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=mark, lineterminator=end, quoting=quoting).writerows(rows)
    return text.getvalue()


def mapped(data: bytes) -> mmap.mmap:
    held = mmap.mmap(-1, len(data))
    held.write(data)
    return held


def read(data: bytes, **options: Any) -> RawTable:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.csv"
        path.write_bytes(data)
        return next(read_raw(path, **options))


def both_ways(data: bytes) -> tuple[RawTable | str | None, RawTable | str | None]:
    """The table by Arrow (None: not for Arrow) and by rows; a code where it is refused."""
    made: list[RawTable | str | None] = []
    for way in (
        lambda: delimited._by_arrow("c.csv", mapped(data)),
        lambda: delimited._by_rows("c.csv", legacy.decode(data, file="c.csv")[0], ()),
    ):
        found: list[RawTable] = []
        try:
            code = code_of(lambda way=way, found=found: found.append(way()))
        except delimited._Untidy:
            made.append(None)
            continue
        made.append(code or found[0])
    return made[0], made[1]


def same(one: RawTable, other: RawTable) -> bool:
    return (
        list(one.frame.columns) == list(other.frame.columns)
        and one.frame.index.tolist() == other.frame.index.tolist()
        and cells(one.frame) == cells(other.frame)
    )


@settings(max_examples=400, deadline=None)
@given(
    rows=TABLES,
    titles=TITLES,
    mark=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    cut=st.booleans(),
)
def test_every_cell_comes_back_with_its_row(
    rows: list[list[str]],
    titles: list[list[str]],
    mark: str,
    end: str,
    bom: bool,
    quoting: Any,
    cut: bool,
) -> None:
    text = written([*titles, HEADER, *rows], mark, end, quoting)
    if cut and rows and rows[-1]:
        text = text.removesuffix(end)
    data = (codecs.BOM_UTF8 if bom else b"") + text.encode()
    raw = read(data)
    expected, numbers = [], []
    for number, row in enumerate(rows, len(titles) + 2):
        if any(cell and not cell.isspace() for cell in row):
            full = [unicodedata.normalize("NFC", cell) for cell in row]
            expected.append([*full, *[""] * (len(HEADER) - len(row))])
            numbers.append(number)
    assert list(raw.frame.columns) == list(HEADER)
    assert cells(raw.frame) == expected
    assert raw.frame.index.tolist() == numbers
    by_arrow, by_rows = both_ways(data)
    assert isinstance(by_rows, RawTable)
    assert by_arrow is None or (isinstance(by_arrow, RawTable) and same(by_arrow, by_rows))


@settings(max_examples=600, deadline=None)
@given(
    body=st.text(st.sampled_from('",;a\n\r x'), max_size=24),
    header=st.sampled_from(["lat,lon", "lat,lon,a", "lat", "a,b,", '"lat",lon']),
)
def test_arrow_is_taken_only_where_it_reads_as_the_strict_reader(body: str, header: str) -> None:
    by_arrow, by_rows = both_ways(f"{header}\n{body}".encode())
    if isinstance(by_arrow, RawTable):
        assert isinstance(by_rows, RawTable), by_rows
        assert same(by_arrow, by_rows)


@pytest.mark.parametrize("size", [1, 2, 5, 7, 64])
def test_quotes_are_told_whatever_the_pieces(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_PIECE", size)
    for text, stray in [
        ('"a",b\n"c","d"\n', False),
        ('"a",b\n"c",""', False),
        ('"a,b\n', True),
        ('a"b,c\n', True),
        ('"a""b",c\n', True),
        ('",",a"b"c\n', True),
        ('a",b\n"x,"y"\n', True),
    ]:
        assert delimited._stray_quotes(mapped(text.encode()), 0, ",") is stray, text


def test_a_clean_file_is_read_by_arrow(tmp_path: Path) -> None:
    write_rows(tmp_path / "c.csv", crashes())
    by_arrow, by_rows = both_ways((tmp_path / "c.csv").read_bytes())
    assert isinstance(by_arrow, RawTable)
    assert isinstance(by_rows, RawTable)
    assert same(by_arrow, by_rows)


@pytest.mark.parametrize(
    "text",
    [
        'lat,lon,x\n1,2,"a\n1,2,b\n',
        'lat,lon,x\n1,2,"a"b\n',
        'lat,lon,x\n"1,"2",3\n',
    ],
)
def test_quotes_that_do_not_fit_are_refused_with_their_row(text: str) -> None:
    assert code_of(lambda: read(text.encode())) == "broken-quotes"


def test_a_quote_inside_a_word_is_a_quote() -> None:
    assert cells(read(b'lat,lon,x\n1,2,a "b" c\n').frame) == [["1", "2", 'a "b" c']]


def test_a_row_longer_than_the_header_is_refused_unless_it_is_empty_there() -> None:
    assert code_of(lambda: read(b"lat,lon\n1,2,3\n")) == "row-too-long"
    assert cells(read(b"lat,lon\n1,2, ,\n").frame) == [["1", "2"]]


@pytest.mark.parametrize("lines", [1, 2, 60])
def test_a_million_columns_are_refused_soon(lines: int, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes((b"a," * 1_000_000 + b"\n") * lines)
    code, seconds, grown = apart(path)
    assert code == "too-many-columns"
    assert seconds < 10
    assert grown < 900


def test_a_huge_cell_is_refused_soon(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes(b"lat,lon,x\n1,2," + b"a" * 10_000_000 + b"\n")
    code, seconds, grown = apart(path)
    assert code == "broken-quotes"
    assert seconds < 5
    assert grown < 400


def test_zero_bytes_stay_in_their_cell() -> None:
    assert cells(read(b"lat,lon,x\n1,2,a\0b\n").frame) == [["1", "2", "a\0b"]]


@pytest.mark.parametrize("mark", list(",;\t|"))
@pytest.mark.parametrize("header", ["lat{}lon", "lat{}lon{}Ghi chú", "Tuyến đường{}Km"])
def test_the_mark_is_that_of_the_header(mark: str, header: str) -> None:
    names = header.replace("{}", mark)
    body = mark.join(["21,85 - 3,1", "1,5", "a, b, c"][: names.count(mark) + 1])
    title = "Tỉnh, huyện, xã; 2023; quý 1"
    text = f"{title}\n{names}\n{body}\n" if mark not in ",;" else f"{names}\n{body}\n"
    if mark == ",":
        text = f"{names}\n{mark.join('1' for _ in names.split(mark))}\n"
    assert list(read(text.encode()).frame.columns) == names.split(mark)


def in_scheme(text: str, scheme: str) -> str:
    """Unicode text as a font of old days shows it."""
    shown = {meant: letters for letters, meant in encodings.table(scheme).items()}
    return "".join(shown.get(c, c) for c in unicodedata.normalize("NFC", text))


NOTES = ["Đường trơn trượt", "Vượt ẩu ở ngã tư", "Không nhường đường", "Người đi bộ bị đâm"]


def in_words() -> str:
    rows = [
        [str(r["lat"]), str(r["lon"]), NOTES[i % 4].lower(), "1"] for i, r in enumerate(crashes())
    ]
    header = ["Vĩ độ", "Kinh độ", "Nguyên nhân", "Số người chết"]
    return written([[h.lower() for h in header], *rows], ",", "\n", csv.QUOTE_MINIMAL)


def cp1258(text: str) -> bytes:
    return b"".join(_cp1258(c) for c in unicodedata.normalize("NFC", text))


def _cp1258(letter: str) -> bytes:
    try:
        return letter.encode("cp1258")
    except UnicodeEncodeError:
        parts = unicodedata.normalize("NFD", letter)
        tone = next(c for c in parts[1:] if c in "\u0300\u0301\u0303\u0309\u0323")
        base = unicodedata.normalize("NFC", parts.replace(tone, ""))
        return (base + tone).encode("cp1258")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("utf-16", in_words().encode("utf-16")),
        ("utf-16", in_words().encode("utf-16-le")),
        ("cp1258", cp1258(in_words())),
        ("tcvn3", in_scheme(in_words(), "tcvn3").encode("cp1252", "surrogateescape")),
        ("vni", in_scheme(in_words(), "vni").encode("cp1252")),
    ],
)
def test_old_encodings_are_read_and_said(name: str, data: bytes, tmp_path: Path) -> None:
    raw, plain = read(data), read(in_words().encode())
    assert same(raw, plain)
    assert [(r.code, r.used) for r in raw.repairs] == [("repaired.encoding", name)]
    (tmp_path / "c.csv").write_bytes(data)
    assert len(read_crashes([tmp_path / "c.csv"], CRS(GRID), Findings()).crashes) == 20


@pytest.mark.parametrize("scheme", ["tcvn3", "vni"])
def test_letters_of_old_fonts_in_unicode_become_known_headers(scheme: str, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(in_scheme(in_words(), scheme), encoding="utf-8")
    raw = next(read_raw(path))
    assert same(raw, read(in_words().encode()))
    assert [r.code for r in raw.repairs] == [f"repaired.{scheme}"]
    findings = Findings()
    register = read_crashes([path], CRS(GRID), findings)
    assert register.crashes["deaths"].tolist() == [1] * 20
    assert register.crashes["cause"].iloc[0] == NOTES[0].lower()
    assert scheme in findings.remarks_frame()["code"].tolist()


def test_headers_that_become_one_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    body = in_scheme(in_words(), "tcvn3").replace("\n", ",x\n")
    header, _, rest = body.partition("\n")
    path.write_text(f"{header.removesuffix('x')}số người chết\n{rest}", encoding="utf-8")
    names = list(next(read_raw(path)).frame.columns)
    assert len(names) == len(set(names)) == 5


@settings(max_examples=300, deadline=None)
@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=60).map(lambda b: b"lat,lon\n1,2\n" + b),
        st.binary(max_size=60).map(lambda b: b"\xff\xfe" + b),
        st.binary(max_size=60).map(lambda b: codecs.BOM_UTF8 + b),
    ).filter(bool),
    encoding=st.sampled_from([None, "utf-8", "utf-7", "cp1258", "tcvn3", "utf-16", "hex", "x"]),
)
def test_no_bytes_end_in_anything_but_a_sentence(data: bytes, encoding: str | None) -> None:
    code_of(lambda: read(data, encoding=encoding))


def test_halves_of_characters_are_refused() -> None:
    assert code_of(lambda: read(b"lat,lon\n+2AA-,1\n", encoding="utf-7")) == "wrong-encoding"
