"""The check of tables names every difference, and every table of a run keeps to it."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from small_study import write_study

from blackspots import schema
from blackspots.config import load_study
from blackspots.schema import SchemaError, check
from blackspots.study import Result, run_study


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run_study(load_study(write_study(tmp_path_factory.mktemp("schema"))))


def test_every_table_of_a_run_keeps_to_its_schema(result: Result) -> None:
    network = result.network
    assert network is not None
    for frame, table in (
        (result.inputs.register.crashes, schema.CRASHES),
        (result.inputs.roads, schema.ROADS),
        (result.inputs.crossings, schema.CROSSINGS),
        (result.inputs.railways, schema.RAILWAYS),
        (result.inputs.areas["district"], schema.AREAS),
        (result.inputs.rejects, schema.REJECTS),
        (network.segments, schema.SEGMENTS),
        (network.nodes, schema.NODES),
        (network.junctions, schema.JUNCTIONS),
        (network.routes, schema.ROUTES),
        (result.located, schema.LOCATED),
        (result.sites, schema.SITES),
        (result.projects, schema.PROJECTS),
    ):
        assert frame is not None
        check(frame, table)
        if table is not schema.REJECTS:
            assert len(frame) > 0, table.name


def crossings() -> gpd.GeoDataFrame:
    columns = {column.name: [None, None] for column in schema.CROSSINGS.columns}
    known = {"name": ["a", None], "kind": ["official", "unknown"], "km": [1.0, float("nan")]}
    return gpd.GeoDataFrame(
        {**columns, **known, "aadt": [100.0, 0.0], "trains": [3.0, 4.0]},
        geometry=[shapely.Point(0, 0), shapely.Point(1, 1)],
        index=pd.Index(["LX1", "LX2"], name="crossing_id"),
        crs=32648,
    )


def test_a_good_table_passes() -> None:
    check(crossings(), schema.CROSSINGS)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: t.rename_axis("id"), "index is 'id', not 'crossing_id'"),
        (
            lambda t: t.set_index(t.index.map({"LX1": "A", "LX2": "A"}).rename(t.index.name)),
            "unique",
        ),
        (lambda t: t.drop(columns="km"), "column 'km' is missing"),
        (lambda t: t.assign(km=["1", "2"]), "column 'km' is"),
        (lambda t: t.assign(kind=["legal", "unknown"]), "holds ['legal']"),
        (lambda t: t.assign(aadt=[-1.0, 2.0]), "goes below 0"),
        (lambda t: t.set_geometry(t.geometry.buffer(1)), "geometry holds ['Polygon']"),
        (pd.DataFrame, "is not a GeoDataFrame"),
    ],
)
def test_a_bad_table_is_named_with_its_fault(spoil: object, words: str) -> None:
    assert callable(spoil)
    with pytest.raises(SchemaError) as refusal:
        check(spoil(crossings()), schema.CROSSINGS)
    assert words in str(refusal.value)
    assert str(refusal.value).startswith("crossings: ")


def test_all_faults_are_named_at_once() -> None:
    bad = crossings().drop(columns="km").assign(aadt=[-1.0, 2.0]).rename_axis("id")
    with pytest.raises(SchemaError) as refusal:
        check(bad, schema.CROSSINGS)
    for words in ("index is 'id'", "'km' is missing", "'aadt' goes below 0"):
        assert words in str(refusal.value)


def test_a_required_column_may_not_be_empty(result: Result) -> None:
    bad = result.located.copy()
    bad["severity"] = bad["severity"].astype(object).where(bad.index != "C1", None)
    with pytest.raises(SchemaError, match="'severity' has 1 empty values"):
        check(bad, schema.LOCATED)


@pytest.mark.parametrize("table", schema.TABLES, ids=lambda table: table.name)
def test_every_column_says_what_it_holds(table: schema.Table) -> None:
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    assert table.index not in names
    assert table.meaning.endswith(".")
    for column in table.columns:
        assert column.meaning
        assert table.by_name[column.name] is column
