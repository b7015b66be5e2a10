"""KDE+ with its simulations, as a ratio to numpy's sorted simulations in the same run.

    python scripts/bench_kdeplus.py [--sizes route province] [--rounds R] [--simulations B]

``route`` is one route of 30 km with 200 crashes, ``province`` 2,000 routes of 2 to 14 km with
100,000 crashes; a quarter of the crashes lie in spots. The bandwidth is 150 m. Each run is a
process of its own; the peers take turns, and a ratio is taken within a round. Imports, and
what is compiled or cached on first use, are not timed.

The peer gives less: of each route, the greatest density at a crash in each of as many uniform
simulations. Ours gives the clusters too, with the thresholds at all places, both tests, the
false discovery rate, and further simulations where the first are too few.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from benching import in_turns, ratios, timed

SEED = 20_260_101
SIZES = {"route": (1, 200, 30_000.0, 30_000.0), "province": (2_000, 100_000, 2_000.0, 14_000.0)}
BANDWIDTH = 150.0
SPOT = 10
"""Crashes in a spot."""

Data = tuple[np.ndarray, np.ndarray, np.ndarray]


def made(size: str) -> Data:
    """Track and position [m] of crashes, and the tracks' lengths."""
    tracks, count, low, high = SIZES[size]
    chance = np.random.default_rng([SEED, tracks])
    lengths = chance.uniform(low, high, tracks)
    share = lengths / lengths.sum()
    spots = count // 4 // SPOT
    track = chance.choice(tracks, count - spots * SPOT, p=share)
    position = chance.random(len(track)) * lengths[track]
    on = chance.choice(tracks, spots, p=share)
    at = np.repeat(chance.random(spots) * lengths[on], SPOT)
    on = np.repeat(on, SPOT)
    near = np.clip(at + chance.normal(0.0, 40.0, len(on)), 0.0, lengths[on])
    return np.r_[track, on], np.r_[position, near], lengths


def own(data: Data, simulations: int, way: str) -> Callable[[], Any]:
    """The project's, by the implementation for its size, or by numpy alone."""
    from blackspots.screening import kdeplus_null  # noqa: PLC0415 - each peer imports its own
    from blackspots.screening.kdeplus import kde_plus  # noqa: PLC0415

    if way == "numpy":
        kdeplus_null.COMPILED_FROM = 10**15
    elif len(data[0]) * simulations >= kdeplus_null.COMPILED_FROM or way == "compiled":
        kdeplus_null.COMPILED_FROM = 0
        kde_plus([0, 0], [1.0, 2.0], [900.0], bandwidth=100.0, simulations=20)
    track, position, lengths = data
    return lambda: (
        kde_plus(track, position, lengths, bandwidth=BANDWIDTH, simulations=simulations).clusters
    )


def peer(data: Data, simulations: int) -> Callable[[], Any]:
    """Uniform numbers, a sort of rows, and moments between two bisections."""
    track, _, lengths = data
    count = np.bincount(track, minlength=len(lengths))

    def one(n: int, length: float, chance: np.random.Generator) -> np.ndarray:
        x = np.sort(chance.random((simulations, n)) * length, axis=1)
        line = (x + np.arange(simulations)[:, None] * (length + 3 * BANDWIDTH)).ravel()
        low = np.searchsorted(line, line - BANDWIDTH, "right")
        high = np.searchsorted(line, line + BANDWIDTH, "left")
        at = x.ravel()
        first = np.concatenate([[0.0], np.cumsum(at)])
        second = np.concatenate([[0.0], np.cumsum(at * at)])
        k, s1, s2 = high - low, first[high] - first[low], second[high] - second[low]
        density = k - (s2 - 2 * at * s1 + k * at * at) / BANDWIDTH**2
        return np.asarray(density.reshape(simulations, n).max(axis=1) * 0.75 / BANDWIDTH)

    def run() -> Any:
        chance = np.random.default_rng(SEED)
        # A loop over routes, whose numbers of crashes differ.
        return [one(n, at, chance) for n, at in zip(count, lengths, strict=True) if n]

    return run


def child(size: str, name: str, simulations: int) -> None:
    """One timed run."""
    data = made(size)
    run = peer(data, simulations) if name == "peer" else own(data, simulations, name)
    figures, result = timed(run)
    if name != "peer":
        figures["clusters"] = float(len(result))
        figures["sure"] = float((result["q"] <= 0.05).sum())  # noqa: PLR2004 - the usual level
    sys.stdout.write(json.dumps(figures) + "\n")


def main() -> None:
    """Time all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--numpy", action="store_true", help="ours without numba, too")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        size, name, simulations = options.child
        child(size, name, int(simulations))
        return
    ways = ["own", "compiled", "peer", *(["numpy"] if options.numpy else [])]
    for size in options.sizes:
        peers = {way: [size, way, str(options.simulations)] for way in ways}
        figures = in_turns(__file__, peers, options.rounds)
        for way in ways:
            wall = statistics.median(f["wall"] for f in figures[way])
            peak = statistics.median(f["peak"] for f in figures[way])
            line = f"{size:10}{way:10}{wall:9.3f} s{peak:8.0f} MB"
            if way != "peer":
                of = ratios(figures[way], figures["peer"])
                line += f"   {statistics.median(of):.3f} of peer ({of[0]:.3f} to {of[-1]:.3f})"
                last = figures[way][-1]
                line += f"   {last['clusters']:.0f} clusters, {last['sure']:.0f} up to q = .05"
            sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
