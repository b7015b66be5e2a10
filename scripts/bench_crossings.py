"""Level crossings of a made-up country from its roads and railways, as a ratio to a plain join.

    python scripts/bench_crossings.py [--sizes S L] [--rounds R]

L is a million road edges (a bent grid with gaps, 5 to 20 vertices each) and 20,000 km of railway
line (a third of it double track, sidings, one edge of twelve a bridge); S a fiftieth of it.
What is timed is ``rail_lines`` and ``detect``; the floor is ``geopandas.sjoin`` of roads and
tracks that intersect, of which nothing is asked but the pairs. Each run is a process of its own;
the two take turns, and a ratio is taken within a round. Both use one core; the seconds of a core
that a run used tell it apart from other load on the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from bench_network import SPACING, lines_of, network
from benching import in_turns, ratios, timed

SEED = 20_260_106
SIZES = {"S": (20_000, 400.0), "L": (1_000_000, 20_000.0)}
"""Road edges, and km of railway line."""
CRS = 9215
GOAL = 60.0
"""Seconds."""
MEMORY = 4000.0
"""MB, of the whole process."""
STEP, WAY = 40.0, 30
"""Distance [m] between the vertices of a track, and how many make one way."""

Run = Callable[[], Any]


def railway(width: float, km: float, chance: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Lines from west to east as ways of tracks: vertices, starts of the ways, side tracks."""
    lines = max(round(km * 1000 / width), 1)
    x = np.arange(0.0, width, STEP)
    ways, side = [], []
    for at in (np.arange(lines) + 0.5) * width / lines:
        swing = chance.uniform(200.0, 600.0) * np.sin(x / chance.uniform(2000.0, 6000.0))
        axis = np.stack([x, at + swing], axis=1)
        tracks = [axis] if chance.random() > 1 / 3 else [axis, axis + np.array([0.0, 4.5])]
        for track in tracks:
            cuts = np.arange(0, len(track) - 1, WAY)
            ways += [track[cut : cut + WAY + 1] for cut in cuts]
            side += [False] * len(cuts)
        for start in chance.integers(10, len(x) - 30, len(x) // 500):
            siding = axis[start : start + 20].copy()
            siding[1:-1, 1] += 9.0
            ways.append(siding)
            side.append(True)
    count = np.array([len(way) for way in ways])
    xy = np.concatenate(ways) + np.array([400_000.0, 2_400_000.0])
    return xy, np.r_[0, np.cumsum(count)], np.array(side)


def made(size: str, path: Path) -> None:
    """One size: the roads and the tracks."""
    edges, km = SIZES[size]
    chance = np.random.default_rng([SEED, edges])
    data = network(edges, chance)
    width = SPACING * (np.sqrt(float(data["nodes"])) - 1)
    data["rail_xy"], data["rail_start"], data["side"] = railway(width, km, chance)
    data["bridge"] = chance.random(edges) < 1 / 12
    np.savez(path, **data)  # type: ignore[arg-type]


def layers(data: dict[str, np.ndarray]) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Roads and tracks as tables."""
    roads = gpd.GeoDataFrame({"bridge": data["bridge"]}, geometry=lines_of(data), crs=CRS)
    roads.index = roads.index.map(lambda i: f"r{i}").rename("road_id")
    shapes = lines_of({"xy": data["rail_xy"], "start": data["rail_start"]})
    service = pd.Series(data["side"]).map({True: "siding", False: None}).to_numpy()
    tracks = gpd.GeoDataFrame({"service": service}, geometry=shapes, crs=CRS)
    tracks.index = tracks.index.map(lambda i: f"t{i}").rename("railway_id")
    return roads, tracks


def own(data: dict[str, np.ndarray]) -> Run:
    """The project's."""
    from blackspots.crossings.detecting import detect  # noqa: PLC0415 - not for the peer
    from blackspots.crossings.lines import rail_lines  # noqa: PLC0415

    roads, tracks = layers(data)
    return lambda: detect(roads, rail_lines(tracks))


def joined(data: dict[str, np.ndarray]) -> Run:
    """The pairs of roads and tracks that intersect."""
    roads, tracks = layers(data)
    return lambda: gpd.sjoin(roads, tracks, predicate="intersects")


RUNS = {"blackspots": own, "geopandas sjoin": joined}


def child(name: str, path: Path, small: Path) -> None:
    """One timed run; prints its figures as JSON."""
    RUNS[name](dict(np.load(small)))()  # imports, and what is only done once
    run = RUNS[name](dict(np.load(path)))
    begin = time.process_time()
    figures, found = timed(run)
    used = time.process_time() - begin
    print(json.dumps(figures | {"used": used, "rows": len(found)}))


def main() -> int:
    """Make the data, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, path, small = options.child
        child(name, Path(path), Path(small))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for size in dict.fromkeys(["S", *options.sizes]):
            made(size, folder / f"{size}.npz")
        for size in options.sizes:
            files = [str(folder / f"{each}.npz") for each in (size, "S")]
            figures = in_turns(__file__, {n: (n, *files) for n in RUNS}, options.rounds)
            for name, runs in figures.items():
                wall, used, peak, rows = (
                    statistics.median(run[key] for run in runs)
                    for key in ("wall", "used", "peak", "rows")
                )
                line = f"{size} {name:16s} {wall:8.2f} s ({used:.2f} s of a core)"
                line += f"  +{peak:5.0f} MB  {rows:.0f} rows"
                if name == "blackspots":
                    found = ratios(runs, figures["geopandas sjoin"])
                    ratio = statistics.median(found)
                    line += f"  ratio {ratio:.2f} ({found[0]:.2f} to {found[-1]:.2f})"
                    if size == "L":
                        met = wall <= GOAL and peak <= MEMORY
                        line += f"  goal {GOAL:.0f} s, {MEMORY:.0f} MB {'met' if met else 'MISSED'}"
                print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
