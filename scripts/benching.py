"""What the benchmarks share: a timed run, runs in turns, and ratios within a round.

Each run is a process of its own, and the peers take turns, so that other load on the machine
falls on all of them; a ratio is taken within a round.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Figures = dict[str, float]


def _status(name: str) -> float:
    """A figure of this process [MB], on Linux; NaN elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def timed(run: Callable[[], Any]) -> tuple[Figures, Any]:
    """Figures of a run, and what it gave.

    ``wall`` [s]; ``peak`` [MB]: what the process grew by at most; ``kept`` [MB]: what it holds
    of it afterwards.
    """
    gc.collect()
    before = _status("VmRSS")
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        before = float("nan")
    start = time.perf_counter()
    made = run()
    wall = time.perf_counter() - start
    peak = _status("VmHWM") - before
    gc.collect()
    return {"wall": wall, "peak": peak, "kept": _status("VmRSS") - before}, made


def in_turns(
    script: str, peers: Mapping[str, Sequence[str]], rounds: int
) -> dict[str, list[Figures]]:
    """The figures of all rounds by peer, each from ``script --child`` and the peer's words.

    The child prints its figures as JSON in its last line.
    """
    figures: dict[str, list[Figures]] = {name: [] for name in peers}
    for _ in range(rounds):
        for name, words in peers.items():
            command = [sys.executable, script, "--child", *words]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            figures[name].append(json.loads(done.stdout.splitlines()[-1]))
    return figures


def ratios(ours: Sequence[Figures], peer: Sequence[Figures]) -> list[float]:
    """Our time over the peer's in each round, the least first."""
    return sorted(o["wall"] / p["wall"] for o, p in zip(ours, peer, strict=True))
