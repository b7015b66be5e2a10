"""Crossings found from geometry and level tags alone: Liechtenstein, and the sample's province.

The mapped nodes (``railway=level_crossing`` and ``crossing``) are the truth and no input. A
crossing of a double track has a node on each track: what a register lists once is one site.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import reading
import shapely

from blackspots.crossings.detecting import detect
from blackspots.crossings.lines import rail_lines
from blackspots.sources import Findings, Source, read_crossings, read_railways, read_roads

GATE: Final = 30.0
"""Distance [m] within which a found crossing and a mapped one are the same."""
SITE: Final = 10.0
"""Nodes of one crossing lie within this distance [m]."""
MISSES: Final = {
    "683": "no road or path is drawn there: the node is a vertex of the track only",
}
"""Mapped nodes that cannot be found from roads and tracks, and why."""
EXTRAS: Final[dict[str, str]] = {}
"""Found crossings that no node marks, and why."""

Layers = tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]


def read(roads: Path, railways: Path, crossings: Path, crs: str) -> Layers:
    target, findings = pyproj.CRS(crs), Findings()
    return (
        read_roads(Source(roads), target, findings),
        read_railways(Source(railways), target, findings),
        read_crossings(Source(crossings), target, findings),
    )


def near(points: gpd.GeoSeries, others: gpd.GeoSeries) -> pd.Series:
    """Distance [m] from each point to the nearest of the others."""
    apart = shapely.distance(np.asarray(points)[:, None], np.asarray(others)[None, :])
    return pd.Series(apart.min(axis=1, initial=np.inf), index=points.index)


@pytest.fixture(scope="module")
def liechtenstein(shared: Path) -> Layers:
    file = shared / "vn" / "osm_fixtures" / "liechtenstein-2013-08-03.osm.pbf"
    return read(file, file, file, "EPSG:2056")


@pytest.fixture(scope="module")
def found(liechtenstein: Layers) -> gpd.GeoDataFrame:
    roads, railways, _ = liechtenstein
    return detect(roads, rail_lines(railways))


@pytest.mark.shared
def test_liechtenstein_mapped_crossings_are_found_back_but_for_one_without_a_road(
    liechtenstein: Layers, found: gpd.GeoDataFrame
) -> None:
    roads, _, nodes = liechtenstein
    crossings = found[found["outcome"] == "crossing"]
    away = near(nodes.geometry, crossings.geometry)
    missed, extra = away[away > GATE], near(crossings.geometry, nodes.geometry)
    extra = extra[extra > GATE]
    sites = nodes.buffer(SITE / 2).union_all().geoms
    got = sum(site.distance(crossings.geometry.union_all()) <= GATE for site in sites)
    reading.tell(
        f"nodes {len(nodes) - len(missed)} of {len(nodes)}, sites {got} of {len(sites)}, "
        f"precision {len(crossings) - len(extra)} of {len(crossings)}",
        *(f"missed {name}: {MISSES[name]}" for name in missed.index),
    )
    assert set(missed.index) == set(MISSES)
    assert set(extra.index) == set(EXTRAS)
    assert near(nodes.loc[list(MISSES)].geometry, roads.geometry).min() > GATE
    # 15 nodes, 13 of them level_crossing, are 12 sites; the one missed is one of each.
    assert (len(nodes), len(sites), got, len(crossings)) == (15, 12, 11, 11)


@pytest.mark.shared
def test_liechtenstein_double_tracks_are_one_crossing_and_the_platforms_are_told(
    found: gpd.GeoDataFrame,
) -> None:
    two = found[found["tracks"] == 2].set_index("road_name")
    assert set(two.index.dropna()) == {"Rheinstrasse", "Schwemmegass"}
    assert set(two.loc["Rheinstrasse", "road_ids"].split(";")) == {"23", "645"}
    footway = found[found["road_class"] == "footway"].iloc[0]
    assert "platform" in footway["reasons"].split(";")


@pytest.mark.shared
def test_liechtenstein_every_road_over_a_track_has_a_row(
    liechtenstein: Layers, found: gpd.GeoDataFrame
) -> None:
    roads, railways, _ = liechtenstein
    met = gpd.sjoin(roads, railways, predicate="intersects").index.unique()
    told = {road for ids in found["road_ids"] for road in ids.split(";")}
    assert set(met) <= told
    apart = found[found["outcome"] == "apart"]
    assert apart["reasons"].isin(["bridge", "tunnel"]).all()
    assert len(apart) == 8


def test_the_sample_s_crossings_are_all_found_and_none_of_its_bridges(sample: Path) -> None:
    roads, railways, listed = read(
        *(sample / f"{name}.geojson" for name in ("roads", "railways", "crossings")), "EPSG:9215"
    )
    found = detect(roads, rail_lines(railways, crossings=listed))
    crossings = found[found["outcome"] == "crossing"]
    assert near(listed.geometry, crossings.geometry).max() <= GATE
    with (sample / "unlisted.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    at = [[float(row[name]) for row in rows] for name in ("lon", "lat")]
    hidden = gpd.GeoSeries.from_xy(*at, crs="EPSG:4326").to_crs(listed.crs)
    truth = pd.concat([listed.geometry, hidden])
    assert near(crossings.geometry, truth).max() <= GATE
    assert len(crossings) == len(truth) == 60
    bridges = set(roads.index[roads["bridge"].fillna(value=False)])
    over = found[found["road_ids"].isin(bridges)]
    assert set(over["road_ids"]) == bridges
    assert (over["outcome"] == "apart").all()
    crossings = crossings[near(crossings.geometry, listed.geometry) <= GATE]
    nearest = listed.sindex.nearest(crossings.geometry, return_all=False)[1]
    off = (crossings["km"].to_numpy() - listed["km"].to_numpy()[nearest]) * 1000
    assert np.abs(off).max() < 5
