"""Crashes in windows of 500 m every 100 m, as ratios to plain numpy in the same run.

    python scripts/bench_windows.py [--rounds R]

Routes of 5 to 60 km with 2.75 million windows in all, and a million crashes on them, three of
five in hot spots. Each run is a process of its own and the peers take turns; a ratio is taken
within a round. The peers give the same counts, which is checked.

``choose`` is measured beside them without a goal: all windows that begin at a crash, all
rolling years, on a tenth of the crashes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from benching import in_turns, ratios, timed

SEED = 20_260_102
WINDOWS, CRASHES = 2_750_000, 1_000_000
WINDOW, STEP = 500, 100
GOAL = 1.3

Data = dict[str, Any]


def made() -> Data:
    """Routes, and crashes by route and measure."""
    chance = np.random.Generator(np.random.PCG64(SEED))
    lengths = chance.uniform(5_000, 60_000, 10_000)
    lengths = lengths[np.cumsum(np.ceil((lengths - WINDOW) / STEP) + 1) <= WINDOWS]
    spots = chance.integers(0, len(lengths), CRASHES // 60)
    at = chance.random(len(spots)) * lengths[spots]
    spot = chance.integers(0, len(spots), CRASHES * 3 // 5)
    even = chance.choice(len(lengths), CRASHES - len(spot), p=lengths / lengths.sum())
    track = np.concatenate([spots[spot], even])
    measure = np.concatenate(
        [at[spot] + chance.normal(0, 40, len(spot)), chance.random(len(even)) * lengths[even]]
    )
    order = chance.permutation(len(track))
    track, measure = track[order], np.clip(measure[order], 0, lengths[track[order]])
    return {"track": track, "measure": measure, "lengths": lengths}


def own(data: Data) -> Callable[[], Any]:
    """The project's."""
    from blackspots.screening.windows import fixed_windows  # noqa: PLC0415 - own import

    return lambda: (
        fixed_windows(data["measure"], data["lengths"], WINDOW, STEP, track=data["track"]).counts
    )


def bincount(data: Data) -> Callable[[], Any]:
    """Counts by step, running sums, both ends of each window looked up."""
    track, measure, lengths = data["track"], data["measure"], data["lengths"]

    def run() -> Any:
        number = np.maximum(1, np.ceil((lengths - WINDOW) / STEP).astype(np.int64) + 1)
        offsets = np.concatenate([[0], np.cumsum(number)])
        steps = WINDOW // STEP
        bins = np.concatenate([[0], np.cumsum(number + steps)])
        within = np.minimum((measure / STEP).astype(np.int64), number[track] + steps - 1)
        counts = np.bincount(bins[track] + within, minlength=bins[-1])
        running = np.concatenate([[0], np.cumsum(counts)])
        owner = np.repeat(np.arange(len(lengths)), number)
        first = bins[owner] + np.arange(offsets[-1]) - offsets[owner]
        return running[first + steps] - running[first]

    return run


def searchsorted(data: Data) -> Callable[[], Any]:
    """Sorted crashes, both ends of each window searched for."""
    track, measure, lengths = data["track"], data["measure"], data["lengths"]

    def run() -> Any:
        number = np.maximum(1, np.ceil((lengths - WINDOW) / STEP).astype(np.int64) + 1)
        offsets = np.concatenate([[0], np.cumsum(number)])
        far = float(lengths.max() + 10 * WINDOW)
        along = np.sort(track * far + measure)
        owner = np.repeat(np.arange(len(lengths)), number)
        begin = owner * far + (np.arange(offsets[-1]) - offsets[owner]) * float(STEP)
        return np.searchsorted(along, begin + WINDOW) - np.searchsorted(along, begin)

    return run


def choosing(data: Data) -> Callable[[], Any]:
    """Every window and every period of vn-26-2012, and the choice, on a tenth of the crashes."""
    from blackspots.presets import definition  # noqa: PLC0415 - own import
    from blackspots.screening.windows import choose, events  # noqa: PLC0415

    chance = np.random.Generator(np.random.PCG64(SEED + 1))
    count = CRASHES // 10
    table = pd.DataFrame(
        {
            "track": data["track"][:count],
            "measure": data["measure"][:count],
            "date": pd.Timestamp("2021-01-01")
            + pd.to_timedelta(chance.integers(0, 1095, count), unit="D"),
            "severity": chance.choice(["fatal", "injury", "pdo"], count, p=[0.1, 0.5, 0.4]),
        }
    )
    law = definition("vn-26-2012")

    def run() -> Any:
        along = events(table, "track", "measure", law, 12, one_period=False)
        chosen = choose(along, 500.0, law, lambda _, n: np.zeros(len(n)), 2.0)
        return np.array([len(window.rows) for window in chosen])

    return run


PEERS = {
    "fixed_windows": own,
    "bincount + cumsum": bincount,
    "searchsorted": searchsorted,
    "choose": choosing,
}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", choices=PEERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run = PEERS[options.child](made())
        if options.child != "choose":
            run()  # what is only done once
        one, counts = timed(run)
        print(json.dumps(one | {"windows": len(counts), "crashes": int(counts.sum())}))
        return 0
    figures = in_turns(__file__, {name: (name,) for name in PEERS}, options.rounds)
    alike = {tuple(run[key] for key in ("windows", "crashes")) for name in PEERS
             if name not in {"choose", "searchsorted"} for run in figures[name]}  # fmt: skip
    if len(alike) != 1:
        print(f"the counts differ: {alike}")
        return 1
    print(f"{int(next(iter(alike))[0]):,} windows, {CRASHES:,} crashes")
    for name, runs in figures.items():
        wall, peak = (statistics.median(run[key] for run in runs) for key in ("wall", "peak"))
        line = f"{name:18s} {wall:9.4f} s  +{peak:5.0f} MB"
        if name == "choose":
            line += f"  ({int(runs[0]['windows']):,} windows chosen of {CRASHES // 10:,} crashes)"
        elif name != "fixed_windows":
            found = ratios(figures["fixed_windows"], runs)
            ratio = statistics.median(found)
            line += f"  ratio {ratio:.3f} ({found[0]:.3f} to {found[-1]:.3f})"
            if name == "bincount + cumsum":
                line += f"  goal {GOAL} {'met' if ratio <= GOAL else 'MISSED'}"
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
