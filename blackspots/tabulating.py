"""What a run has found, as tables: decisions on sites, sums over areas, counts on roads."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots.evaluation import by_area
from blackspots.locating import Placement, areas_of, roads_at, weights
from blackspots.network import Network
from blackspots.programme import Programme
from blackspots.schema import PROJECTS, check


def decided(projects: gpd.GeoDataFrame, programme: Programme | None) -> gpd.GeoDataFrame:
    """Projects with what the programme says of them; without one, that there is no budget."""
    if programme is not None:
        made = gpd.GeoDataFrame(programme.projects, geometry="geometry", crs=projects.crs)
    else:
        made = projects.assign(why=projects["why"].replace("candidate", "no-budget"))
    check(made, PROJECTS)
    return made


def with_decision(
    sites: gpd.GeoDataFrame, projects: gpd.GeoDataFrame, *, decided: bool
) -> gpd.GeoDataFrame:
    """What the programme says of each site: funded by any work, else its best work's reason."""
    order = projects.assign(
        _npv=projects["npv"].fillna(-np.inf), _own=(projects["source"] != "repairs")
    ).sort_values(["funded", "_npv", "_own"], ascending=[False, False, True], kind="stable")
    of_site: dict[str, str] = {}
    funded: set[str] = set()
    for row in order.itertuples():
        for group in str(row.group).split(";"):
            of_site.setdefault(group, str(row.why))
            if row.funded:
                funded.add(group)
    made = sites.copy()
    made["funded"] = pd.array(
        [site in funded if decided else pd.NA for site in made.index], dtype="boolean"
    )
    made["why"] = [of_site.get(str(site), "no-remedy") for site in made.index]
    return made


def area_table(located: gpd.GeoDataFrame, levels: dict[str, gpd.GeoDataFrame]) -> pd.DataFrame:
    """Crashes and persons by area, level after level."""
    parts = []
    for level, areas in levels.items():
        table = by_area(
            located, areas_of(located.geometry, areas), list(dict.fromkeys(areas["name"]))
        )
        table.insert(0, "level", level)
        parts.append(table)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def segments_counted(network: Network | None, placement: Placement) -> gpd.GeoDataFrame | None:
    """Segments with the crashes placed on each: by their likeliest place, and by weight."""
    if network is None:
        return None
    made = network.segments.copy()
    counts = placement.crashes["segment_id"].value_counts()
    made["crashes"] = counts.reindex(made.index).fillna(0).astype("int64")
    weight = weights(placement).groupby("segment_id")["weight"].sum()
    made["crashes_weighted"] = weight.reindex(made.index).fillna(0.0).astype("float64")
    return made


def parts_counted(network: Network | None, located: gpd.GeoDataFrame) -> pd.DataFrame | None:
    """The parts of the segments, with the crashes that lie on each."""
    if network is None:
        return None
    there = located[located["segment_id"].notna()]
    at = roads_at(
        network.parts,
        there["segment_id"].to_numpy(dtype="int64"),
        there["measure"].to_numpy(dtype="float64"),
    )
    return network.parts.assign(crashes=np.bincount(at, minlength=len(network.parts)))
