"""The catalogue's closing of one path beside the ways that were measured."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import Point

from blackspots.appraisal import CrashCosts, with_closures
from blackspots.appraisal.benefit import LEVELS, Terms
from blackspots.schema import CLOSURES, PROJECTS

CRS = "EPSG:9215"
COSTS = CrashCosts(
    pd.Series(1e9, index=list(LEVELS)),
    pd.Series(0.1, index=list(LEVELS)),
    pd.Series(0.5, index=list(LEVELS)),
    "register",
)


def project(source: str, countermeasure: str | None, group: str) -> dict[str, object]:
    numbers = {c.name: 1.0 for c in PROJECTS.columns if c.kind == "number"}
    texts = {c.name: None for c in PROJECTS.columns if c.kind == "text"}
    return {
        **numbers,
        **texts,
        "source": source,
        "countermeasure": countermeasure,
        "group": group,
        "label": group,
        "mark": "A",
        "why": "candidate",
        "funded": False,
        "geometry": Point(0, 0),
    }


@pytest.fixture
def projects() -> gpd.GeoDataFrame:
    rows = {
        "X-a:close-crossing": project("catalogue", "close-crossing", "X-a;crossing:a"),
        "X-a:crossing-signs": project("catalogue", "crossing-signs", "X-a;crossing:a"),
        "X-ab:close-crossing": project("catalogue", "close-crossing", "X-ab;crossing:ab"),
        "own": project("repairs", "close-crossing", "X-a;crossing:a"),
    }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("project_id")
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=CRS)


def ways(closed: str) -> gpd.GeoDataFrame:
    row = {c.name: 0.0 if c.kind == "number" else None for c in CLOSURES.columns}
    row |= {"group_id": "k~l", "closed": closed, "life": 30.0, "cost": 1e9, "mark": "A"}
    row |= {"paths": 2, "n_closed": 1, "best": True, "avoided_fatal": 1.0}
    frame = pd.DataFrame([row], index=pd.Index(["k~l:1"], name="closure_id"))
    return gpd.GeoDataFrame(frame, geometry=[Point(0, 0)], crs=CRS)


def offered(projects: gpd.GeoDataFrame, closed: str) -> list[str]:
    faced = pd.DataFrame({f"expected_{v}": 0.1 for v in LEVELS}, index=list("ab"))
    sites = gpd.GeoDataFrame({"crossing_id": ["a"]}, geometry=[Point(0, 0)], index=["X-a"], crs=CRS)
    made = with_closures(
        projects,
        ways(closed),
        faced.assign(expected=0.5),
        sites,
        COSTS,
        Terms(0.1, 0.0),
        {"k~l:1": "km 1"},
    )
    return made.index.tolist()


def test_average_closing_gives_way_to_the_measured_one_and_nothing_else(
    projects: gpd.GeoDataFrame,
) -> None:
    kept = ["X-a:crossing-signs", "X-ab:close-crossing", "own", "close:k~l:1"]
    assert offered(projects, "a;b") == kept


def test_average_closing_stays_where_no_way_closes_the_path(projects: gpd.GeoDataFrame) -> None:
    assert "X-a:close-crossing" in offered(projects, "b")


def test_projects_are_not_changed(projects: gpd.GeoDataFrame) -> None:
    before = projects.copy()
    offered(projects, "a")
    pd.testing.assert_frame_equal(pd.DataFrame(before), pd.DataFrame(projects))
    assert np.isfinite(projects["npv"]).all()
