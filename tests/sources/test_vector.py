"""Vector layers: every format gives the same rows, whole or streamed; broken ones a sentence."""

import datetime as dt
import json
import random
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pyogrio
import pytest
import shapely
from pyproj import CRS
from reading_files import cells, code_of, table
from small_study import GRID, crashes, feature

from blackspots.presets import encodings
from blackspots.sources import Findings, read_crashes, read_roads, vector
from blackspots.sources.files import Source, read_raw
from blackspots.sources.raw import RawTable

SUFFIXES = (".gpkg", ".geojson", ".fgb", ".shp", ".parquet")
POINTS = [(106.7, 21.8), (106.8, 21.9), (106.75, 21.85)]


def attributes() -> gpd.GeoDataFrame:
    """One column of each kind, with gaps."""
    return gpd.GeoDataFrame(
        {
            "crash_id": ["C1", "C2", "C3"],
            "whole": pd.array([1, None, 3], "Int64"),
            "real": [1.5, None, 2.0],
            "day": pd.array(
                [dt.date(2021, 1, 2), None, dt.date(2022, 3, 4)], pd.ArrowDtype(pa.date32())
            ),
            "moment": pd.to_datetime(["2021-01-02 03:04:05", None, "2022-01-01 00:00:00"]),
            "yes": pd.array([True, None, False], "boolean"),
            "words": ["Chết người", None, "xe máy, ô tô"],
        },
        geometry=gpd.points_from_xy(*zip(*POINTS, strict=True)),
        crs=4326,
    )


def write(frame: gpd.GeoDataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        # FlatGeobuf sorts its features when it has an index.
        more = {"SPATIAL_INDEX": "NO"} if path.suffix == ".fgb" else {}
        pyogrio.write_dataframe(frame, path, **more)
    return path


def register() -> gpd.GeoDataFrame:
    rows = pd.DataFrame(crashes())
    shapes = gpd.points_from_xy(rows.pop("lon"), rows.pop("lat"))
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=4326)


def usual(value: Any) -> Any:
    """A cell as the formats tell it alike: days and moments as text, yes and no as numbers."""
    if isinstance(value, dt.datetime):
        value = value.replace(tzinfo=None).isoformat()
    elif isinstance(value, dt.date):
        value = value.isoformat()
    elif isinstance(value, bool | np.bool_):
        value = int(value)
    return value.replace("/", "-").replace(" 0", "T0") if isinstance(value, str) else value


def told(raw: RawTable) -> list[Any]:
    rows = [[usual(value) for value in row] for row in cells(raw.frame)]
    places = None if raw.geometry is None else raw.geometry.to_wkt().tolist()
    return [list(raw.frame.columns), raw.frame.index.tolist(), rows, places]


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def switch(piece: int) -> None:
        monkeypatch.setattr(vector, "STREAM_ABOVE", 0)
        monkeypatch.setattr(vector, "PIECE", piece)

    return switch


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_gives_the_same_rows(suffix: str, tmp_path: Path) -> None:
    raw = table(write(attributes(), tmp_path / f"c{suffix}"))
    assert raw.crs is not None
    assert raw.crs.to_epsg() == 4326
    assert raw.frame.index.tolist() == [1, 2, 3]
    assert told(raw) == told(table(write(attributes(), tmp_path / "same.gpkg")))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_layer_of_shapes_without_columns_is_read(
    suffix: str, tmp_path: Path, streaming: Callable[[int], None], *, streamed: bool
) -> None:
    lines = [shapely.LineString([(106.7, 21.8), (106.7 + n / 100, 21.9)]) for n in (1, 2, 3)]
    path = write(gpd.GeoDataFrame(geometry=lines, crs=4326), tmp_path / f"r{suffix}")
    if streamed:
        streaming(2)
    made = read_roads(Source(path), CRS(GRID), Findings())
    assert list(made.index) == ["R1", "R2", "R3"]
    assert made["name"].isna().all()
    assert (made.geometry.length > 1000).all()


@pytest.mark.parametrize("suffix", SUFFIXES[:-1])
@pytest.mark.parametrize("piece", [1, 2, 3, 100])
def test_a_streamed_layer_is_the_same_layer(
    suffix: str, piece: int, tmp_path: Path, streaming: Callable[[int], None]
) -> None:
    frame = attributes()
    if suffix != ".fgb":
        frame.geometry = [frame.geometry[0], None, frame.geometry[2]]
    path = write(frame, tmp_path / f"c{suffix}")
    whole = table(path)
    streaming(piece)
    parts = list(read_raw(path))
    assert len(parts) == -(-3 // piece)
    streamed = table(path)
    assert told(streamed) == told(whole)
    assert streamed.crs == whole.crs
    assert isinstance(streamed.geometry, gpd.GeoSeries)


@pytest.mark.parametrize("suffix", SUFFIXES[:-1])
def test_a_streamed_register_is_the_same_register(
    suffix: str, tmp_path: Path, streaming: Callable[[int], None]
) -> None:
    rows = register()
    rows.loc[4, "severity"] = "rất buồn"
    path = write(rows, tmp_path / f"c{suffix}")

    def read() -> tuple[gpd.GeoDataFrame, Findings, int]:
        findings = Findings()
        found = read_crashes([path], CRS(GRID), findings)
        return found.crashes, findings, found.read

    (whole, said, count), _ = read(), streaming(6)
    streamed, also, again = read()
    assert count == again == 20
    pd.testing.assert_frame_equal(
        pd.DataFrame(whole.drop(columns="geometry")),
        pd.DataFrame(streamed.drop(columns="geometry")),
        check_index_type=False,
    )
    assert shapely.equals(whole.geometry.array, streamed.geometry.array).all()
    assert streamed["source_row"].tolist() == [n for n in range(1, 21) if n != 5]
    pd.testing.assert_frame_equal(said.rejects_frame(), also.rejects_frame())


def test_lists_are_kept(tmp_path: Path, streaming: Callable[[int], None]) -> None:
    path = tmp_path / "c.geojson"
    features = [feature("Point", p, words=list("abc"[: i + 1])) for i, p in enumerate(POINTS)]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    whole = table(path).frame["words"].tolist()
    assert [list(w) for w in whole] == [["a"], ["a", "b"], ["a", "b", "c"]]
    streaming(2)
    assert [list(w) for w in table(path).frame["words"]] == [["a"], ["a", "b"], ["a", "b", "c"]]


def test_a_table_of_columns_in_parquet_is_read(tmp_path: Path) -> None:
    rows = pd.DataFrame(crashes())
    rows.to_parquet(tmp_path / "c.parquet")
    found = read_crashes([tmp_path / "c.parquet"], CRS(GRID), Findings())
    assert len(found.crashes) == 20
    assert table(tmp_path / "c.parquet").geometry is None


def in_scheme(text: str, scheme: str) -> str:
    shown = {meant: letters for letters, meant in encodings.table(scheme).items()}
    return "".join(shown.get(c, c) for c in text)


WORDS = ["người bị thương", "đường trơn trượt", "vượt ẩu ở ngã tư"]


def cp1258(text: str) -> bytes:
    """Letters with the tones after them, as Windows writes them."""
    apart = unicodedata.normalize("NFD", text)
    for mark in "\u0302\u0306\u031b":  # hats and horns belong to their letters
        apart = re.sub(f"(.)([\u0300\u0301\u0303\u0309\u0323]?){mark}", rf"\1{mark}\2", apart)
    whole = re.sub(
        "[aeou][\u0302\u0306\u031b]", lambda m: unicodedata.normalize("NFC", m[0]), apart
    )
    return whole.encode("cp1258")


def dbf(path: Path, words: list[bytes], code: str | None) -> Path:
    """A Shapefile whose text is in these bytes."""
    size = max(map(len, words))
    rows = gpd.GeoDataFrame(
        {"cause": ["x" * size] * len(words)}, geometry=[shapely.Point(p) for p in POINTS], crs=4326
    )
    pyogrio.write_dataframe(rows, path)
    data = path.with_suffix(".dbf").read_bytes()
    for word in words:
        data = data.replace(b"x" * size, word.ljust(size), 1)
    path.with_suffix(".dbf").write_bytes(data)
    path.with_suffix(".cpg").unlink()
    if code:
        path.with_suffix(".cpg").write_text(code)
    return path


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([w.encode() for w in WORDS], "UTF-8"),
        ([in_scheme(w, "tcvn3").encode("cp1252") for w in WORDS], "1252"),
        ([in_scheme(w, "tcvn3").encode("cp1252") for w in WORDS], None),
        ([in_scheme(w, "vni").encode("cp1252") for w in WORDS], None),
        ([w.encode() for w in WORDS], None),
        ([cp1258(w) for w in WORDS], "1258"),
        ([cp1258(w) for w in WORDS], None),
    ],
)
def test_text_of_a_shapefile_is_read_as_it_was_meant(
    words: list[bytes],
    code: str | None,
    streamed: bool,
    tmp_path: Path,
    streaming: Callable[[int], None],
) -> None:
    if streamed:
        streaming(10)
    raw = table(dbf(tmp_path / "c.shp", words, code))
    found = [unicodedata.normalize("NFC", word) for word in raw.frame["cause"]]
    assert found == WORDS


def test_a_layer_without_geometry_is_a_table(
    tmp_path: Path, streaming: Callable[[int], None]
) -> None:
    pyogrio.write_dataframe(pd.DataFrame(crashes()), tmp_path / "c.gpkg")
    whole = table(tmp_path / "c.gpkg")
    assert whole.geometry is None
    assert len(read_crashes([tmp_path / "c.gpkg"], CRS(GRID), Findings()).crashes) == 20
    streaming(7)
    streamed = table(tmp_path / "c.gpkg")
    assert told(streamed)[:3] == told(whole)[:3]
    assert len(read_crashes([tmp_path / "c.gpkg"], CRS(GRID), Findings()).crashes) == 20


def test_shapes_that_cannot_be_are_none(tmp_path: Path, streaming: Callable[[int], None]) -> None:
    shapes = [
        feature("LineString", [[1, 2]], n=1),
        feature("LineString", [], n=2),
        feature("Point", [], n=3),
        feature("LineString", [[1, 2], [3, 4]], n=4),
    ]
    path = tmp_path / "c.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": shapes}))
    whole = table(path).geometry
    assert whole is not None
    assert [shape is None or shape.is_empty for shape in whole] == [True, True, True, False]
    streaming(3)
    streamed = table(path).geometry
    assert streamed is not None
    assert [shape is None or shape.is_empty for shape in streamed] == [True, True, True, False]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_broken_files_end_in_a_table_or_a_sentence(
    suffix: str, streamed: bool, tmp_path: Path, streaming: Callable[[int], None]
) -> None:
    if streamed:
        streaming(5)
    path = write(register(), tmp_path / f"c{suffix}")
    data, chance = path.read_bytes(), random.Random(5)
    assert len(table(path).frame) == 20
    for length in [1, 4, 8, 16, 50, 100, *(len(data) * n // 12 for n in range(1, 12))]:
        path.write_bytes(data[:length])
        code = code_of(lambda: list(read_raw(path)))
        assert code == "unreadable" or suffix in {".gpkg", ".shp", ".fgb"}, length
    for _ in range(40):
        at = chance.randrange(len(data))
        noise = chance.randbytes(chance.choice([1, 4, 64]))
        path.write_bytes(data[:at] + noise + data[at + len(noise) :])
        code_of(lambda: list(read_raw(path)))
    path.write_bytes(chance.randbytes(3000))
    assert code_of(lambda: list(read_raw(path))) == "unreadable"


@pytest.mark.parametrize(
    "change",
    [
        lambda geo: geo.pop("columns"),
        lambda geo: geo.pop("primary_column"),
        lambda geo: geo.update(primary_column="none"),
        lambda geo: geo["columns"]["geometry"].update(crs="EPSG:nothing"),
        lambda geo: geo["columns"]["geometry"].update(encoding="none"),
        lambda geo: geo.update(columns=[]),
    ],
)
def test_broken_metadata_of_parquet_end_in_a_sentence(
    change: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    path = write(attributes(), tmp_path / "c.parquet")
    stored = pyarrow.parquet.read_table(path)
    geo = json.loads(stored.schema.metadata[b"geo"])
    change(geo)
    made = stored.replace_schema_metadata({b"geo": json.dumps(geo).encode()})
    pyarrow.parquet.write_table(made, path)
    assert code_of(lambda: list(read_raw(path))) in {"unreadable", None}


@pytest.mark.parametrize("name", ["c.GPKG", "c.GeoJSON", "c.Parquet", "c.FGB", "c.JSON"])
def test_endings_are_known_in_any_case(name: str, tmp_path: Path) -> None:
    suffix = Path(name).suffix.lower().replace(".json", ".geojson")
    write(attributes(), tmp_path / f"made{suffix}").rename(tmp_path / name)
    assert len(table(tmp_path / name).frame) == 3


def test_what_is_not_known_is_refused(tmp_path: Path) -> None:
    for name, code in [
        ("c.kml", "unknown-format"),
        ("c", "unknown-format"),
        ("c.gpkg", "unreadable"),
    ]:
        (tmp_path / name).write_text("x")
        assert code_of(lambda name=name: list(read_raw(tmp_path / name))) == code
    (tmp_path / "d.gpkg").mkdir()
    assert code_of(lambda: list(read_raw(tmp_path / "d.gpkg"))) == "missing-input"
    (tmp_path / "e.gpkg").touch()
    assert code_of(lambda: list(read_raw(tmp_path / "e.gpkg"))) == "empty-file"
    for layer in ("a", "b"):
        pyogrio.write_dataframe(attributes(), tmp_path / "two.gpkg", layer=layer)
    assert code_of(lambda: table(tmp_path / "two.gpkg")) == "several-layers"
    assert code_of(lambda: table(tmp_path / "two.gpkg", layer="c")) == "unknown-layer"
    assert table(tmp_path / "two.gpkg", layer="b").sheet == "b"
