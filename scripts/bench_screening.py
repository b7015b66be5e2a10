"""Screening along a network, as ratios to peers in the same run.

    python scripts/bench_screening.py [--sizes S M L] [--rounds R] [--only OPERATION ...]

The networks and crashes are those of ``bench_network.py``: S has 5,000 edges and 1,000 crashes,
M 100,000 of each, L a million of each. Each run is a process of its own, the peers take turns,
and a ratio is taken within a round. Imports, what is compiled or cached on first use, loading
the data and the graph are not timed.

The goal of kernel density at S is a thousandth of the 40 s that spNetwork (R) took for the same
on the machine of the reference page (performance.md); it is not run here.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from bench_network import SIZES, Data, made
from benching import in_turns, ratios, timed

BANDWIDTH, LIXEL = 300.0, 50.0
SPNETWORK = 40.0
"""Seconds of spNetwork at S, from the reference page (another machine)."""

Run = Callable[[], Any]


@dataclass(frozen=True)
class Row:
    """An operation: the project's way, its peers, and the goal in seconds by size."""

    own: Callable[[Data], Run]
    peers: dict[str, Callable[[Data], Run]] = field(default_factory=dict)
    peer_sizes: tuple[str, ...] = ("S",)
    goals: dict[str, float] = field(default_factory=dict)


# --- kernel density


def _network(data: Data) -> tuple[Any, Any, Any]:
    from blackspots import graph  # noqa: PLC0415 - each peer imports its own

    roads = graph.Graph(data["u"], data["v"], data["length"], int(data["nodes"]))
    events = graph.Events.on(roads, data["edge"], data["measure"])
    return roads, events, graph.lixelize(roads, LIXEL)


def density(method: Any, *, compiled: bool = False) -> Callable[[Data], Run]:
    """Kernel density in the middle of all lixels, quartic kernel.

    ``compiled`` takes the compiled kernels at a size at which loading them would not pay.
    """

    def prepared(data: Data) -> Run:
        from blackspots.graph import (  # noqa: PLC0415 - each peer imports its own
            choice,
            kernel_density,
        )

        roads, events, parts = _network(data)
        if compiled:
            choice.COMPILED_FROM = 0
            kernel_density(
                roads, events, np.zeros(1, int), np.zeros(1), bandwidth=1.0, method=method
            )
        _ = roads.adjacency

        def run() -> Any:
            return kernel_density(
                roads, events, parts.edge, parts.middle, bandwidth=BANDWIDTH, method=method
            )

        return run

    return prepared


def density_scipy(data: Data) -> Run:
    """The simple method by bounded searches of scipy, from the ends of each edge with crashes.

    Checked against the project's: the same values to 1e-9.
    """
    from scipy.sparse import csgraph  # noqa: PLC0415 - each peer imports its own

    roads, events, parts = _network(data)
    matrix, middle = roads.matrix, parts.middle
    u, v, length = roads.u, roads.v, roads.length
    rest = length[parts.edge] - middle

    def run() -> Any:
        out = np.zeros(len(middle))
        occupied = np.flatnonzero(np.diff(events.start))
        for low in range(0, len(occupied), 500):
            some = occupied[low : low + 500]
            ends = np.concatenate([u[some], v[some]])
            away = csgraph.dijkstra(matrix, indices=ends, limit=BANDWIDTH)
            for k, edge in enumerate(some):
                from_u, from_v = away[k], away[k + len(some)]
                near = np.isfinite(from_u) | np.isfinite(from_v)
                at = np.flatnonzero((near[u] | near[v])[parts.edge] | (parts.edge == edge))
                to_u, to_v = u[parts.edge[at]], v[parts.edge[at]]
                for i in range(events.start[edge], events.start[edge + 1]):
                    m = events.measure[i]
                    back = length[edge] - m
                    one = np.minimum(m + from_u[to_u], back + from_v[to_u]) + middle[at]
                    other = np.minimum(m + from_u[to_v], back + from_v[to_v]) + rest[at]
                    straight = np.where(parts.edge[at] == edge, np.abs(middle[at] - m), np.inf)
                    x = np.minimum(np.minimum(one, other), straight) / BANDWIDTH
                    inside = x < 1.0
                    out[at[inside]] += 0.9375 * (1.0 - x[inside] ** 2) ** 2 / BANDWIDTH
        return out

    return run


ROWS: dict[str, Row] = {
    "density-simple": Row(
        density("simple"),
        {"its kernels": density("simple", compiled=True), "scipy dijkstra": density_scipy},
        goals={"S": SPNETWORK / 1000.0},
    ),
    "density-discontinuous": Row(
        density("discontinuous"),
        {"its kernels": density("discontinuous", compiled=True)},
        goals={"S": SPNETWORK / 1000.0},
    ),
    "density-continuous": Row(
        density("continuous"),
        {"its kernels": density("continuous", compiled=True)},
        goals={"S": SPNETWORK / 1000.0},
    ),
}


# --- running


def child(operation: str, peer: str, path: str, small: str) -> None:
    """One timed run; prints its figures as JSON."""
    from blackspots.graph import choice  # noqa: PLC0415 - after the arguments are read

    row = ROWS[operation]
    prepare = row.peers[peer] if peer else row.own
    if not peer:
        # With and without the kernels: what a large input needs is compiled, and kept.
        kept = choice.COMPILED_FROM
        choice.COMPILED_FROM = 0
        prepare(dict(np.load(small)))()
        choice.COMPILED_FROM = kept
        prepare(dict(np.load(small)))()
    figures, _ = timed(prepare(dict(np.load(path))))
    print(json.dumps(figures))


def measure(size: str, operation: str, folder: Path, rounds: int) -> None:
    """All rounds of one operation at one size, and its table."""
    row = ROWS[operation]
    peers = row.peers if size in row.peer_sizes else {}
    files = [str(folder / f"{each}.npz") for each in (size, "S")]
    words = {name: (operation, name, *files) for name in ("", *peers)}
    figures = in_turns(__file__, words, rounds)
    for name, runs in figures.items():
        wall, peak = (statistics.median(run[key] for run in runs) for key in ("wall", "peak"))
        line = f"{size} {operation:22s} {name or 'blackspots':16s} {wall:9.4f} s  +{peak:5.0f} MB"
        if name:
            found = ratios(figures[""], runs)
            line += f"  ratio {statistics.median(found):.5f} ({found[0]:.5f} to {found[-1]:.5f})"
        elif size in row.goals:
            goal = row.goals[size]
            line += f"  goal {goal:.3f} s {'met' if wall <= goal else 'MISSED'}"
        print(line, flush=True)


def main() -> int:
    """Make the data, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the data are kept between runs")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for size in dict.fromkeys(["S", *options.sizes]):
            if not (folder / f"{size}.npz").exists():
                made(size, folder / f"{size}.npz")
        for size in options.sizes:
            for operation in options.only:
                measure(size, operation, folder, options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
