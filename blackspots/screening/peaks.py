"""Peak searching: the part of a road section that stands out surely enough."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

LONGEST: Final = 10
"""Longest window in units (assumption: a mile of tenths)."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def peak_search(
    values: ArrayLike,
    *,
    limit: float,
    section: ArrayLike | None = None,
    longest: int = LONGEST,
) -> pd.DataFrame:
    """The strongest window of each section whose coefficient of variation is within a limit.

    Parameters
    ----------
    values : shape (units,)
        Crashes (observed, or expected in excess) of units of equal length, in order along
        their section.
    limit
        Greatest coefficient of variation of a window that is taken.
    section : shape (units,)
        Section of each unit, units of a section together; one section by default.
    longest
        Windows grow to this many units, or to the section's length.

    Returns
    -------
    DataFrame, index the sections in the order given
        ``start`` (position of its first unit in the section), ``units`` (its length),
        ``value``, ``sigma`` (standard deviation of the windows of that length) and ``cv``. All
        are missing where no window is sure enough: the section has no peak.

    Raises
    ------
    ValueError
        Units of a section that are not together, or a missing value.

    Notes
    -----
    Windows of one unit first: sigma is the standard deviation (n - 1) of all windows of that
    length in the section, and CV = sigma / value of the window. Of the windows within the limit
    the greatest is the peak (the first of equals); where none is, all windows grow by a unit
    (HSM chapter 4; M). Windows that do not differ at all give no sigma, and so no peak: they
    overlap almost wholly, or hold the same.

    Examples
    --------
    >>> made = peak_search([0, 0, 3, 0, 0, 1, 0, 0, 0], limit=0.35)
    >>> made.round(3).to_dict("records")
    [{'start': 2, 'units': 1, 'value': 3.0, 'sigma': 1.014, 'cv': 0.338}]
    """
    x = np.asarray(values, dtype="float64")
    if not np.isfinite(x).all():
        raise ValueError("a value is missing")
    names = np.zeros(len(x), dtype="int64") if section is None else np.asarray(section)
    begin = np.flatnonzero(np.r_[True, names[1:] != names[:-1]]) if len(x) else np.zeros(0, int)
    index = pd.Index(names[begin], name="section")
    if index.has_duplicates:
        raise ValueError("the units of a section must stand together")
    size = np.diff(np.r_[begin, len(x)])
    start, units = (np.full(len(begin), -1, dtype="int64") for _ in range(2))
    peak, sigma = (np.full(len(begin), np.nan) for _ in range(2))
    total = np.r_[0.0, np.cumsum(x)]
    open_ = np.arange(len(begin))
    for length in range(1, min(longest, int(size.max(initial=0))) + 1):
        # A spread needs two windows.
        open_ = open_[size[open_] > length]
        if not len(open_):
            break
        number = size[open_] - length + 1
        owner = np.repeat(np.arange(len(open_)), number)
        step = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
        at = begin[open_][owner] + step
        value = total[at + length] - total[at]
        window, spread = _peaks(value, owner, number, limit)
        done = np.flatnonzero(window >= 0)
        rows, best = open_[done], window[done]
        start[rows], units[rows] = step[best], length
        peak[rows], sigma[rows] = value[best], spread[done]
        open_ = open_[window < 0]
    made = pd.DataFrame({"start": start, "units": units}, index=index, dtype="Int64")
    made = made.where(made >= 0)
    return made.assign(value=peak, sigma=sigma, cv=sigma / peak)


def _peaks(value: Floats, owner: Ints, number: Ints, limit: float) -> tuple[Ints, Floats]:
    """Of each section the window of the peak (-1 for none), and the spread of its windows."""
    mean = np.bincount(owner, value) / number
    square = np.bincount(owner, (value - mean[owner]) ** 2)
    sigma = np.sqrt(square / (number - 1))
    # What the running sum leaves of equal windows is no difference.
    sigma[sigma <= 1e-9 * np.abs(mean)] = 0.0
    first = np.cumsum(number) - number
    top = np.maximum.reduceat(value, first)
    highest = np.flatnonzero(value == top[owner])
    at = np.full(len(number), -1, dtype="int64")
    at[owner[highest][::-1]] = highest[::-1]
    sure = (sigma > 0) & (top > 0)
    sure[sure] = sigma[sure] / top[sure] <= limit
    at[~sure] = -1
    return at, sigma
