"""Placing crashes from files to files, without a study file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from blackspots import __version__, store
from blackspots.config import Crashes, Header, Layer, Locating, Study
from blackspots.labels import format_number, text
from blackspots.review import keep_read, list_name, refuse_unread, write_review
from blackspots.shown import layer_styles, place_lines, posts_told, rejected_table, remark_table
from blackspots.study import Placed


def study_of_files(
    crashes: Path,
    roads: Path,
    *,
    crs: str,
    language: str,
    posts: Path | None = None,
    crossings: Path | None = None,
    railways: Path | None = None,
    boundary: Path | None = None,
    crashes_crs: str | None = None,
    roads_crs: str | None = None,
    roads_layer: str | None = None,
    sheets: Sequence[str] = (),
    columns: Mapping[str, str | list[str]] | None = None,
    tolerance: float = 50.0,
    certain: float = 0.8,
    decisions: Path | None = None,
) -> Study:
    """A study of a register and a layer of roads alone; paths are those of the caller."""

    def layer(path: Path | None, **more: Any) -> Layer | None:
        return None if path is None else Layer(file=path.absolute(), **more)

    return Study(
        path=Path.cwd() / "locate",
        study=Header.model_validate({"name": crashes.stem, "crs": crs, "language": language}),
        crashes=Crashes(
            files=[crashes.absolute()],
            sheets=list(sheets),
            crs=crashes_crs,
            columns=dict(columns or {}),
        ),
        roads=layer(roads, crs=roads_crs, layer=roads_layer),
        posts=layer(posts),
        crossings=layer(crossings),
        railways=layer(railways),
        boundary=layer(boundary),
        locating=Locating(
            tolerance=tolerance,
            certain=certain,
            decisions=None if decisions is None else decisions.absolute(),
        ),
    )


def write_placed(placed: Placed, folder: Path) -> Path:
    """Write the placed crashes with their network, whole or not at all; returns the GeoPackage.

    Raises
    ------
    BlackspotsError
        What :func:`blackspots.store.whole_folder` or :func:`blackspots.review.refuse_unread`
        says of the folder.
    """
    refuse_unread(folder, placed.study)
    with store.whole_folder(folder, store.LOCATE) as fresh:
        store.write_geopackage(
            fresh / "located.gpkg", _layers(placed), layer_styles(placed.study.study.language, [])
        )
        store.write_csv(placed.placement.candidates, fresh / "candidates.csv")
        store.write_csv(rejected_table(placed.inputs.rejects), fresh / "rejected.csv", index=False)
        store.write_csv(remark_table(placed.inputs.remarks), fresh / "remarks.csv", index=False)
        write_review(placed, fresh / list_name(folder, placed.study))
        keep_read(folder, fresh, placed.study)
        summary = json.dumps(_summary(placed), ensure_ascii=False, indent=1)
        (fresh / store.MARKER).write_text(summary + "\n", encoding="utf-8", newline="\n")
    return folder.resolve() / "located.gpkg"


def _layers(placed: Placed) -> dict[str, pd.DataFrame]:
    located, network = placed.located, placed.network
    candidates = placed.placement.candidates
    there = located["place"].notna() & located.geometry.notna()
    layers: dict[str, pd.DataFrame | None] = {
        "segments": network.segments if network else None,
        "junctions": network.junctions if network else None,
        "routes": network.routes if network else None,
        "posts": network.posts if network else None,
        "crossings": placed.inputs.crossings,
        "crashes": located[there],
        "crashes_unplaced": pd.DataFrame(
            located[located["place"].isna()].drop(columns=located.geometry.name)
        ),
        "candidates": gpd.GeoDataFrame(
            candidates,
            geometry=gpd.points_from_xy(candidates["x"], candidates["y"]),
            crs=located.crs,
        ),
    }
    return {name: frame for name, frame in layers.items() if frame is not None}


def _counts(placed: Placed) -> dict[str, int]:
    without = int(placed.located["place"].isna().sum())
    made = {
        "read": placed.read,
        "placed": len(placed.located) - without,
        "unplaced": without,
        "rejected": placed.rejected,
    }
    if made["read"] != made["placed"] + made["unplaced"] + made["rejected"]:
        raise RuntimeError(f"the sums do not hold: {made}")
    return made


def _summary(placed: Placed) -> dict[str, Any]:
    sigma, readings = placed.placement.sigma, placed.placement.readings
    return {
        "version": __version__,
        "command": store.LOCATE,
        "crs": placed.study.study.crs,
        **_counts(placed),
        "uncertain": int(placed.located["uncertain"].sum()),
        "sigma": round(sigma, 3) if readings else None,
    }


def placed_lines(placed: Placed, language: str) -> list[str]:
    """What was placed, in a few lines for the terminal."""
    located, placement = placed.located, placed.placement
    lines = [text("summary.rows", language, **_counts(placed))]
    for column, prefix, key in (("place", "kind", "by-place"), ("reason", "reason", "unplaced")):
        counts = located[column].dropna().value_counts(sort=False).sort_index()
        told = [
            f"{text(f'{prefix}.{code}', language)} {format_number(count, language)}"
            for code, count in counts.items()
        ]
        if told:
            lines.append(text(f"summary.{key}", language, list=", ".join(told)))
    posts = placed.network.posts if placed.network else None
    if posts is not None:
        unused, jumps = posts_told(posts)
        counts = {"total": len(posts), "unused": unused, "jumps": jumps}
        lines.append(text("check.count.posts", language, **counts))
    lines += place_lines(placed.inputs, placement, language)
    if placement.readings:
        metres = format_number(placement.sigma, language, 1)
        count = format_number(placement.readings, language)
        lines.append(text("summary.sigma", language, metres=metres, count=count))
    return lines
