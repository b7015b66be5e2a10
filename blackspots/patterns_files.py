"""How points lie along lines, from files to files, without a study."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast, get_args

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots import __version__, crs, sources, store, styles
from blackspots.errors import BlackspotsError
from blackspots.graph.density import Kernel, Method
from blackspots.labels import format_number, text
from blackspots.screening.alone import (
    cluster_points,
    events_on,
    lixel_density,
    nearest_distances,
    network_k,
)
from blackspots.screening.kdeplus_along import kde_plus_along
from blackspots.shown import rejected_table, remark_table

COMMAND: Final = "patterns"
METHODS: Final = ("density", "clusters", "kdeplus", "k")
DENSITY_METHODS: Final[tuple[str, ...]] = get_args(Method)
KERNELS: Final[tuple[str, ...]] = get_args(Kernel)
FILES: Final = frozenset(
    {
        store.MARKER,
        "patterns.gpkg",
        "lixels.csv",
        "kdeplus.csv",
        "k_function.csv",
        "rejected.csv",
        "remarks.csv",
    }
)
SURE: Final = 0.05
"""False discovery rate up to which a KDE+ cluster counts as sure."""
_CLASSES: Final = {"highest": 0.01, "high": 0.05, "raised": 0.2}
"""Share of the length of all lines that the class and those above it take."""
_TOLD: Final = 5
"""Lixels and clusters that are told on the terminal."""
_METRES: Final = 1000.0
_HEAPED: Final = 0.1
"""Share of points at the place of another from which it is said (A)."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for; lengths in metres [m].

    ``tracks``: "road" chains the lines of one number (else one name), "line" each line as it is
    drawn. ``simulations`` are those of KDE+, ``k_simulations`` those of the K function, which
    take as long each as the function itself.
    """

    methods: Sequence[str] = METHODS
    bandwidth: float = 150.0
    lixel: float = 50.0
    density_method: str = "discontinuous"
    kernel: str = "quartic"
    eps: float = 150.0
    min_crashes: int = 5
    simulations: int = 999
    tracks: str = "road"
    radii: Sequence[float] = tuple(float(radius) for radius in range(50, 501, 50))
    k_simulations: int = 99
    seed: int = 1
    tolerance: float = 50.0
    node_tolerance: float = 0.0

    @property
    def near(self) -> dict[str, Any]:
        """What all methods take alike: how far a point may be from its line, and ends apart."""
        return {"tolerance": self.tolerance, "node_tolerance": self.node_tolerance}


@dataclass(frozen=True, slots=True)
class Patterns:
    """Points along lines, and what was asked for about them; None what was not."""

    options: Options
    read: int
    events: gpd.GeoDataFrame
    lines: gpd.GeoDataFrame
    rejects: pd.DataFrame
    remarks: pd.DataFrame
    lixels: gpd.GeoDataFrame | None = None
    clusters: gpd.GeoDataFrame | None = None
    k: pd.DataFrame | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    """Figures of the summary beside the counts."""

    @property
    def counts(self) -> dict[str, int]:
        """How many points were ``read``, ``placed``, ``unplaced`` and ``rejected``."""
        placed = int(self.events["placed"].sum())
        return {
            "read": self.read,
            "placed": placed,
            "unplaced": len(self.events) - placed,
            "rejected": self.read - len(self.events),
        }


def patterns_of_files(
    events: Path,
    lines: Path,
    *,
    crs_name: str,
    options: Options | None = None,
    events_crs: str | None = None,
    lines_crs: str | None = None,
    events_layer: str | None = None,
    lines_layer: str | None = None,
    columns: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Patterns:
    """Read points and lines, and find the patterns of the one along the other.

    Parameters
    ----------
    events, lines
        Any table or layer that the readers take; the points need nothing but coordinates.
    crs_name
        CRS in metres in which all is done, as ``EPSG:9215``.
    events_crs, lines_crs
        CRS of the files, before what they say themselves.
    events_layer, lines_layer
        Layer or sheet, of several in a file.
    columns
        Headers of the coordinates (``lat``, ``lon``, ``x``, ``y``, ``coordinates``) and of
        ``crash_id``, where they are no known words.
    progress
        Is told what begins: ``read`` and each method.

    Raises
    ------
    BlackspotsError
        ``crs-unknown``, ``crs-not-metric``, what reading the files says; ``patterns-none`` when
        no point is on a line; ``patterns-bandwidth`` when the method of density cannot follow a
        bandwidth that spans so many junctions.
    """
    asked = options or Options()
    progress("read")
    target = crs.metric(crs.parse(crs_name, "--crs"), "--crs")
    findings = sources.Findings()
    roads = sources.read_lines(sources.Source(lines, lines_layer, lines_crs), target, findings)
    crs.true_to_scale(roads.geometry.centroid, "--crs")
    source = sources.Source(events, events_layer, events_crs, dict(columns or {}))
    around = sources.extent_of(target, roads=roads)
    points = sources.read_points(source, target, findings, extent=around)
    rejects = findings.rejects_frame()
    refused = rejects[rejects["table"] == "crashes"][["file", "sheet", "row"]].drop_duplicates()
    given = Patterns(
        asked,
        len(points) + len(refused),
        _placed(points, roads, asked),
        roads,
        rejects,
        findings.remarks_frame(),
    )
    return _found(given, points, progress)


def _found(given: Patterns, points: gpd.GeoDataFrame, progress: Callable[[str], None]) -> Patterns:
    """The patterns that are asked for, of points that are read and placed."""
    asked, events, roads = given.options, given.events, given.lines
    near = asked.near
    told: dict[str, Any] = {
        "nearest_mean": _finite_mean(events["nearest"]),
        "coincident": int((events["nearest"] == 0).sum()),
    }
    lixels = clusters = k = None
    if "density" in asked.methods:
        progress("density")
        try:
            lixels = _classed(
                lixel_density(
                    points,
                    roads,
                    bandwidth=asked.bandwidth,
                    lixel=asked.lixel,
                    method=cast("Method", asked.density_method),
                    kernel=cast("Kernel", asked.kernel),
                    **near,
                )
            )
        except ValueError as error:
            raise BlackspotsError(
                "patterns-bandwidth", bandwidth=asked.bandwidth, method=asked.density_method
            ) from error
        told["density_max"] = float(lixels["density"].max())
    if "clusters" in asked.methods:
        progress("clusters")
        cluster = cluster_points(
            points, roads, eps=asked.eps, min_crashes=asked.min_crashes, **near
        )
        events = events.assign(cluster=cluster)
        told["clusters"] = int(cluster[cluster >= 0].nunique())
    if "kdeplus" in asked.methods:
        progress("kdeplus")
        named = roads.assign(road=roads["ref"].fillna(roads["name"]))
        clusters, member = kde_plus_along(
            points,
            named,
            bandwidth=asked.bandwidth,
            simulations=asked.simulations,
            seed=asked.seed,
            by="road" if asked.tracks == "road" else None,
            **near,
        )
        events = events.assign(kdeplus=member)
        told |= {f"kdeplus_{name}": clusters.attrs[name] for name in ("tracks", "tested")}
        sure = clusters["q"] <= SURE
        told |= {"kdeplus_clusters": len(clusters), "kdeplus_sure": int(sure.sum())}
        clusters["evidence"] = np.where(sure, "sure", "unsure")
        clusters.index.name = "cluster"
    if "k" in asked.methods and events["placed"].sum() > 1:
        progress("k")
        radii = np.asarray(asked.radii, dtype="float64")
        k = network_k(
            points, roads, radii=radii, seed=asked.seed, simulations=asked.k_simulations, **near
        )
        told["k_level"] = k.attrs["level"]
    return Patterns(
        asked, given.read, events, roads, given.rejects, given.remarks, lixels, clusters, k, told
    )


def _placed(points: gpd.GeoDataFrame, roads: gpd.GeoDataFrame, asked: Options) -> gpd.GeoDataFrame:
    """The points with the line each is on, how far along and off it, and its neighbour."""
    near = asked.near
    found = events_on(roads, points, **near).found
    if not found["placed"].any():
        raise BlackspotsError("patterns-none", count=len(points), tolerance=asked.tolerance)
    nearest = nearest_distances(points, roads, **near).replace(np.inf, np.nan)
    return points.join(found).assign(nearest=nearest)


def _finite_mean(values: pd.Series) -> float | None:
    known = values.dropna()
    return float(known.mean()) if len(known) else None


def _classed(lixels: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Lixels with their ``class``: those of the highest density that a share of all holds."""
    density = lixels["density"].to_numpy()
    length = (lixels["end"] - lixels["begin"]).to_numpy()
    order = np.argsort(-density, kind="stable")
    share = (np.cumsum(length[order]) - length[order]) / length.sum()
    named = np.full(len(lixels), "low", dtype=object)
    for name, most in reversed(_CLASSES.items()):
        # The lixel in which the share ends is in, and all that are as dense.
        last = order[np.searchsorted(share, most, side="left") - 1]
        named[density >= density[last]] = name
    named[~(density > 0)] = "none"
    made = lixels.assign(**{"class": named})
    made.index.name = "lixel"
    return made


def refuse_other(folder: Path) -> None:
    """Raise when ``folder`` holds anything but patterns that were written before.

    Raises
    ------
    BlackspotsError
        What :func:`blackspots.store.refuse_foreign` says.
    """
    store.refuse_foreign(folder, COMMAND)


def write_patterns(found: Patterns, folder: Path, language: str) -> Path:
    """Write patterns, whole or not at all; returns the GeoPackage.

    Raises
    ------
    BlackspotsError
        What :func:`refuse_other` or :func:`blackspots.store.whole_folder` says of the folder.
    """
    refuse_other(folder)
    layers = {"lixels": found.lixels, "clusters": found.clusters, "events": found.events}
    made = {name: frame for name, frame in layers.items() if frame is not None}
    with store.whole_folder(folder, COMMAND, own=FILES) as fresh:
        store.write_geopackage(fresh / "patterns.gpkg", made, _styles(language))
        if found.lixels is not None:
            store.write_csv(found.lixels, fresh / "lixels.csv")
        if found.clusters is not None:
            store.write_csv(found.clusters, fresh / "kdeplus.csv")
        if found.k is not None:
            store.write_csv(found.k, fresh / "k_function.csv", index=False)
        store.write_csv(rejected_table(found.rejects), fresh / "rejected.csv", index=False)
        store.write_csv(remark_table(found.remarks), fresh / "remarks.csv", index=False)
        summary = json.dumps(_summary(found), ensure_ascii=False, indent=1)
        (fresh / store.MARKER).write_text(summary + "\n", encoding="utf-8", newline="\n")
    return folder.resolve() / "patterns.gpkg"


def _summary(found: Patterns) -> dict[str, Any]:
    asked = {name: getattr(found.options, name) for name in Options.__slots__}
    return {
        "version": __version__,
        "command": COMMAND,
        "crs": found.lines.crs.to_string(),
        **found.counts,
        **{name: list(each) if isinstance(each, tuple) else each for name, each in asked.items()},
        "lines": len(found.lines),
        "length": round(float(found.lines.length.sum()), 3),
        **found.told,
    }


def _styles(language: str) -> dict[str, str]:
    colours = {
        "highest": ("122,14,74", "1.6"),
        "high": ("178,24,43", "1.2"),
        "raised": ("217,120,6", "0.9"),
        "low": ("190,180,150", "0.5"),
        "none": ("190,190,190", "0.3"),
    }
    sure = {"sure": ("122,14,74", "2"), "unsure": ("118,92,168", "1.2")}

    def lines(key: str, of: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, dict[str, str]]]:
        return {
            name: (
                text(f"patterns.{key}.{name}", language),
                {"line_color": f"{rgb},255", "line_width": width},
            )
            for name, (rgb, width) in of.items()
        }

    dot = {"name": "circle", "color": "40,70,110,255", "size": "1.6"}
    return {
        "lixels": styles.categorised("line", "class", lines("class", colours)),
        "clusters": styles.categorised("line", "evidence", lines("evidence", sure)),
        "events": styles.single("marker", {**dot, "outline_color": "255,255,255,255"}),
    }


def patterns_lines(found: Patterns, language: str) -> list[str]:
    """What was found, in a few lines for the terminal."""
    asked = found.options
    km = format_number(found.lines.length.sum() / _METRES, language, 1)
    lines = [
        text("patterns.points", language, tolerance=asked.tolerance, **found.counts),
        text("patterns.read-lines", language, count=len(found.lines), km=km),
    ]
    mean = found.told["nearest_mean"]
    if mean is not None:
        metres = format_number(mean, language, 1)
        heaped = found.told["coincident"]
        lines.append(text("patterns.nearest", language, metres=metres))
        if heaped >= _HEAPED * found.counts["placed"]:
            lines.append(text("patterns.heaped", language, count=heaped))
    lines += _lixel_lines(found, language)
    if "cluster" in found.events:
        inside = found.events["cluster"] >= 0
        fields = {"eps": asked.eps, "least": asked.min_crashes, "points": int(inside.sum())}
        lines.append(
            text("patterns.found-clusters", language, count=found.told["clusters"], **fields)
        )
    lines += _kdeplus_lines(found, language)
    if found.k is not None:
        lines.append(_k_line(found, language))
    elif "k" in asked.methods:
        lines.append(text("patterns.k-few", language))
    return lines


def _lixel_lines(found: Patterns, language: str) -> list[str]:
    if found.lixels is None:
        return []
    fields = {"count": len(found.lixels), "bandwidth": found.options.bandwidth}
    lines = [text("patterns.lixels", language, **fields)]
    top = found.lixels.nlargest(_TOLD, "density")
    for line, *figures in zip(top["line"], top["begin"], top["end"], top["density"], strict=True):
        begin, end = (format_number(figure, language) for figure in figures[:2])
        density = format_number(figures[2], language, 1)
        told = text("patterns.hot", language, line=line, begin=begin, end=end, density=density)
        lines.append(f"  {told}")
    return lines


def _kdeplus_lines(found: Patterns, language: str) -> list[str]:
    if found.clusters is None:
        return []
    fields = {name: found.told[f"kdeplus_{name}"] for name in ("tracks", "tested", "sure")}
    lines = [text("patterns.kdeplus", language, count=len(found.clusters), **fields)]
    top = found.clusters.head(_TOLD)
    long = top["to"] - top["from"]
    for line, crashes, length, q in zip(top["line"], top["crashes"], long, top["q"], strict=True):
        told = {
            "length": format_number(length, language),
            "q": format_number(q, language, 3),
        }
        lines.append("  " + text("patterns.cluster", language, line=line, count=crashes, **told))
    return lines


def _k_line(found: Patterns, language: str) -> str:
    """K at the radius that is nearest to the bandwidth, which is chosen beforehand."""
    assert found.k is not None  # noqa: S101 - the caller's branch
    away = (found.k["radius"] - found.options.bandwidth).abs().to_numpy()
    row = found.k.iloc[int(away.argmin())]
    named = {"radius": "radius", "k": "K", "low": "low", "high": "high"}
    fields = {name: format_number(row[column], language, 1) for name, column in named.items()}
    if np.isnan(row["low"]):
        return text("patterns.k-alone", language, **fields)
    side = "k-above" if row["K"] > row["high"] else "k-below" if row["K"] < row["low"] else "k-none"
    return text(f"patterns.{side}", language, **fields)
