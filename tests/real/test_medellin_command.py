"""Medellin from files to files: the published figures, through the command line.

Authority: spatstat, as in shared/data/crashes/README.md.
"""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely

from blackspots.cli import main

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def out(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Patterns of the register as it stands, along a GeoPackage of the published segments."""
    folder = tmp_path_factory.mktemp("medellin")
    source = shared / "crashes" / "medellin"
    segments = pd.read_csv(source / "segments.csv")
    ends = segments[["x0", "y0", "x1", "y1"]].to_numpy().reshape(-1, 2, 2)
    gpd.GeoDataFrame(
        {"seg": segments["seg"]}, geometry=shapely.linestrings(ends), crs="EPSG:3116"
    ).to_file(folder / "segments.gpkg")
    files = [str(source / "accidents.csv"), str(folder / "segments.gpkg")]
    grid = ["--crs", "EPSG:3116", "--events-crs", "EPSG:3116", "--quiet"]
    quick = ["--k-simulations", "0", "--simulations", "199", "--bandwidth", "100"]
    assert main(["patterns", *files, *grid, *quick, "--out", str(folder / "out")]) == 0
    return folder / "out"


def test_all_is_read_and_the_network_is_the_published_one(out: Path) -> None:
    made = json.loads((out / "summary.json").read_text("utf-8"))
    assert (made["read"], made["placed"], made["lines"]) == (665, 665, 728)
    assert made["length"] == pytest.approx(29_759.42, abs=0.01)


def test_nearest_neighbours_against_spatstat(out: Path, shared: Path) -> None:
    made = json.loads((out / "summary.json").read_text("utf-8"))
    # Coordinates of the crashes are published to a tenth of a millimetre or so.
    assert made["nearest_mean"] == pytest.approx(4.642648, abs=1e-4)
    assert made["coincident"] == 598
    published = pd.read_csv(shared / "crashes" / "medellin" / "accidents.csv")
    events = pyogrio.read_dataframe(out / "patterns.gpkg", layer="events")
    wanted = published["ref_nndist_network"].to_numpy()
    assert events["nearest"].to_numpy() == pytest.approx(wanted, abs=2e-3)


def test_the_k_function_against_spatstat(out: Path) -> None:
    made = pd.read_csv(out / "k_function.csv").set_index("radius")
    assert made.at[100.0, "K"] == pytest.approx(100.66128, abs=2e-3)


def test_clusters_and_points_name_each_other(out: Path) -> None:
    events = pyogrio.read_dataframe(out / "patterns.gpkg", layer="events")
    clusters = pyogrio.read_dataframe(out / "patterns.gpkg", layer="clusters").set_index("cluster")
    inside = events[events["kdeplus"] >= 0]
    assert inside.groupby("kdeplus").size().to_dict() == clusters["crashes"].to_dict()
    own = clusters.geometry.loc[inside["kdeplus"].astype(int)].to_numpy()
    assert shapely.distance(inside.geometry.to_numpy(), own).max() < 0.01
