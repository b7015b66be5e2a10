"""Windows in space and time that meet a definition, and the choice among overlapping ones.

A *track* is a line on which crashes have a position: a route, or a junction or crossing where
all positions are 0. A window starts at every crash, so that no cluster is lost at a segment's
end; likewise the rolling period starts at every crash. Each rule has its own length and
period. The parts: :mod:`~blackspots.screening.events` (what a crash adds),
:mod:`~blackspots.screening.judging` (what a rule says of sums),
:mod:`~blackspots.screening.scanning` (all windows and periods),
:mod:`~blackspots.screening.choosing` (each crash for one site).

:func:`fixed_windows` counts on a fixed grid instead: for maps and for comparison only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blackspots.screening.choosing import Window, choose
from blackspots.screening.events import FIRST_DAY, NO_DAY, Events, events
from blackspots.screening.judging import (
    BLACK_SPOT,
    NONE,
    POTENTIAL,
    UNDETERMINED,
    judge,
    shortage,
)

__all__ = [
    "BLACK_SPOT",
    "FIRST_DAY",
    "NONE",
    "NO_DAY",
    "POTENTIAL",
    "UNDETERMINED",
    "Events",
    "FixedWindows",
    "Window",
    "choose",
    "events",
    "fixed_windows",
    "judge",
    "shortage",
]


@dataclass(frozen=True, slots=True)
class FixedWindows:
    """Crashes in windows on a fixed grid, track after track.

    Window i of track t is ``counts[offsets[t] + i]`` and begins at i x step.
    """

    counts: NDArray[np.int64]
    offsets: NDArray[np.int64]
    window: float
    step: float


def fixed_windows(
    positions: ArrayLike,
    lengths: ArrayLike,
    window: float,
    step: float,
    *,
    track: ArrayLike | None = None,
) -> FixedWindows:
    """Count crashes in windows that begin every ``step`` metres of each track.

    Parameters
    ----------
    positions : shape (n,)
        Measures of the crashes along their track [m]; what lies beyond an end counts there.
    lengths : shape (tracks,)
        Lengths of the tracks [m].
    window, step
        Length of a window, and from one to the next [m]. A window holds ``[begin, begin +
        window)``; the last one of a track reaches its end, and holds it.
    track : shape (n,), optional
        Number of each crash's track; all on the first by default.

    Raises
    ------
    ValueError
        A length that is not positive or not finite, or ``step`` above ``window``.

    Notes
    -----
    Where the window is a whole number of steps, crashes are counted by step (one pass), and a
    window is a difference of running sums; else both of its ends are searched for.

    Examples
    --------
    >>> fixed_windows([10.0, 120.0, 390.0], [400.0], 200.0, 100.0).counts
    array([2, 1, 1])
    """
    at = np.asarray(positions, dtype="float64")
    extent = np.atleast_1d(np.asarray(lengths, dtype="float64"))
    of = np.zeros(len(at), dtype="int64") if track is None else np.asarray(track)
    if not (0 < step <= window < np.inf):
        raise ValueError(f"window {window}, step {step}")
    if not np.all((extent > 0) & (extent < np.inf)) or not np.all(np.isfinite(at)):
        raise ValueError("lengths and positions must be finite, lengths above 0")
    number = np.maximum(np.ceil((extent - window) / step - 1e-9), 0.0).astype("int64") + 1
    offsets = np.concatenate([[0], np.cumsum(number)])
    steps = round(window / step)
    if abs(window / step - steps) > 1e-9:  # noqa: PLR2004 - rounding of a ratio
        counts = _searched(at, of, number, offsets, window, step)
    else:
        counts = _by_steps(at, of, number, offsets, steps, step)
    return FixedWindows(counts, offsets, window, step)


def _by_steps(
    at: NDArray[np.float64],
    of: NDArray[np.int64],
    number: NDArray[np.int64],
    offsets: NDArray[np.int64],
    steps: int,
    step: float,
) -> NDArray[np.int64]:
    # A track of n windows has n + steps - 1 bins; where one begins is known from offsets.
    bins = np.arange(len(number)) * (steps - 1) + offsets[:-1]
    within = (np.maximum(at, 0.0) / step).astype("int64")
    np.minimum(within, (number + steps - 2)[of], out=within)
    within += bins[of]
    total = int(offsets[-1]) + len(number) * (steps - 1)
    running = np.zeros(total + 1, dtype="int64")
    np.cumsum(np.bincount(within, minlength=total), out=running[1:])
    every = running[steps:] - running[:-steps]
    if steps == 1:
        return every
    # What begins within the last steps of a track would reach into the next one.
    kept = np.ones(len(every), dtype=bool)
    ends = (bins + number)[:-1]
    kept[(ends[:, None] + np.arange(steps - 1)).ravel()] = False
    return every[kept]


def _searched(
    at: NDArray[np.float64],
    of: NDArray[np.int64],
    number: NDArray[np.int64],
    offsets: NDArray[np.int64],
    window: float,
    step: float,
) -> NDArray[np.int64]:
    reach = (number - 1) * step + window
    room = reach + 1.0
    base = np.cumsum(room) - room
    # The end of a track is in its last window.
    inside = np.clip(at, 0.0, np.nextafter(reach, 0.0)[of])
    along = np.sort(base[of] + inside)
    owner = np.repeat(np.arange(len(number)), number)
    begin = base[owner] + (np.arange(offsets[-1]) - offsets[owner]) * step
    found = np.searchsorted(along, begin + window) - np.searchsorted(along, begin)
    return np.asarray(found, dtype="int64")
