"""KDE+: clusters of crashes along tracks that chance does not explain.

After Bil, Andrasik and Janoska (2013, Accident Analysis and Prevention 55:265, M): the kernel
density of the crashes along a track is compared with the densities of as many simulated
crashes. Added here: many tracks at once, exposure, a test of whole tracks, and the false
discovery rate of all clusters found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from blackspots.screening import kdeplus_null as chance
from blackspots.screening.kdeplus_clusters import (
    Run,
    Tracks,
    batches,
    decided,
    found_on,
    kept,
    no_rows,
)

HEAVIEST = 1 << 16
"""The greatest weight, when weights are counted in whole numbers."""

_BEYOND = 0.01

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
COLUMNS = {
    "track": "int64",
    "from": "float64",
    "to": "float64",
    "peak": "float64",
    "crashes": "int64",
    "density_peak": "float64",
    "strength": "float64",
    "p_local": "float64",
    "p_global": "float64",
    "q": "float64",
    "simulations": "int64",
    "null": "str",
}


class KdePlus(NamedTuple):
    """Clusters, one row each, and of each crash the row of its cluster (-1: none)."""

    clusters: pd.DataFrame
    member: Ints


def kde_plus(
    track: ArrayLike,
    position: ArrayLike,
    lengths: ArrayLike,
    *,
    bandwidth: float,
    simulations: int = 1000,
    level: float = 0.05,
    seed: int = 0,
    exposure: pd.DataFrame | None = None,
    step: float | None = None,
    minimum: int = 2,
    weights: ArrayLike | None = None,
    rounding: float | None = None,
) -> KdePlus:
    """Clusters of crashes along tracks, and how surely they are more than chance.

    Parameters
    ----------
    track : shape (n,)
        Number of each crash's track, an index into ``lengths``.
    position : shape (n,)
        Position along it [m].
    lengths : shape (tracks,)
        Lengths [m].
    bandwidth
        Of the Epanechnikov kernel: how far a crash is felt [m].
    simulations
        Simulations of each track. Where they are too few to tell how sure the strongest
        clusters of many tracks are, 10 and then 100 times as many are made of their tracks.
    level
        Of the local test: a cluster is where the density exceeds what chance exceeds at that
        place with this probability. Also the ``q`` for which simulations must be enough.
    seed
        Starts the random numbers; those of a track do not depend on the other tracks.
    exposure
        What chance is proportional to, such as traffic: rows of ``track``, ``from``, ``to``
        [m] and ``value``, on which crashes are equally likely; rows that overlap add up. An
        unknown value (NaN), or no row, counts as the mean of the track's known ones (A); a
        track without any is uniform.
    step
        Distance of the places where densities are compared [m], a tenth of the bandwidth by
        default.
    minimum
        Fewest crashes in a cluster, and within the bandwidth of its peak.
    weights : shape (n,)
        Weight of each crash, 0 or more; simulations shuffle them. They are counted in 65536ths
        of the greatest one.
    rounding
        Positions are rounded to multiples of this [m], such as 100 where km posts with one
        decimal were recorded: those of simulated crashes are too, since crashes heaped at one
        post are else taken for clusters.

    Returns
    -------
    KdePlus
        ``clusters``, ordered by ``q``, then by strength: ``track``; ``from``, ``to`` and
        ``peak`` (the crash that stands out most) [m]; ``crashes``; ``density_peak`` [1/km],
        of weights if given; ``strength``, the share of the cluster's density that is above
        what chance explains; ``p_local``, ``p_global``, ``q``; ``simulations``, those that
        ``p_global`` rests on; ``null``, "exposure" or "uniform". ``member`` (n,).

    Raises
    ------
    ValueError
        Arrays that do not fit together, an option out of its range, a crash off its track.

    Notes
    -----
    f(x) is the sum over crashes of 3/4 (1 - d^2/h^2) / h at distances d below the bandwidth h.
    Nothing is done about the ends of a track: there f is low, and in the simulations too.

    *Local test.* L(x) is the greatest value that k = level (B + 1) of B simulations reach at
    x; a cluster is a run with f > L, between grid points by interpolation. ``p_local`` is
    (1 + b) / (1 + B), b the simulations that reach f at the grid point of the cluster nearest
    to the peak. Places that chance treats alike (a bandwidth away from each change of
    exposure and from the ends) share one L. By itself it proves little: on a long track
    chance exceeds L somewhere, again and again.

    *Global test.* ``p_global`` compares the cluster's peak with the greatest peak anywhere on
    the track in each simulation, by a statistic that is fair to places of unlike exposure
    (see :func:`~blackspots.screening.kdeplus_null.statistic`). It is the chance that the track
    without any true cluster shows one as strong; for the second and later clusters of a track
    it errs on the safe side.

    *q* is the false discovery rate among all clusters of all tracks that are at least as
    sure: of the m tracks with ``minimum`` crashes (found something or not), chance is
    expected to make m (-ln(1 - p)) clusters that strong; q is this number over the number of
    clusters found, the least over weaker ones (Benjamini and Hochberg 1995, over tracks
    instead of over the clusters that the local test let through, whose p would be selected).
    Clusters up to q = .05 hold at most 5 % false ones on the average. The smallest possible
    p, 1 / (1 + B), bounds what can be shown among many tracks: hence the further simulations
    of the clusters that fewer than 10 reach (Besag and Clifford 1991, Biometrika 78:301, M).

    A track with one crash or of no length has no cluster and no p, and is not counted in m.

    Examples
    --------
    Two tracks of 5 km; eight crashes of the first lie within 60 m.

    >>> import numpy as np
    >>> even = np.arange(250.0, 5000.0, 500.0)
    >>> heap = 2000.0 + np.array([0.0, 5.0, 12.0, 20.0, 30.0, 41.0, 50.0, 60.0])
    >>> found = kde_plus(
    ...     np.repeat([0, 1], [18, 10]),
    ...     np.concatenate([even, heap, even]),
    ...     [5000.0, 5000.0],
    ...     bandwidth=100.0,
    ... )
    >>> found.clusters[["track", "crashes", "p_global", "null"]].round(3).to_dict("records")
    [{'track': 0, 'crashes': 8, 'p_global': 0.001, 'null': 'uniform'}]
    >>> found.member[10:18].tolist()
    [0, 0, 0, 0, 0, 0, 0, 0]
    """
    step = bandwidth / 10.0 if step is None else step
    _check(bandwidth, simulations, level, step, minimum, rounding)
    crashes = _crashes(track, position, lengths, weights)
    tracks, order = _tested(crashes, exposure, bandwidth, step, rounding, minimum)
    run = Run(
        int(simulations),
        level,
        int(seed),
        int(minimum),
        chance.compiled(len(order) * int(simulations)),
    )
    lots = batches(tracks, np.arange(len(tracks.name)), run.simulations)
    found = [found_on(tracks, int(some[0]), int(some[-1]) + 1, run) for some in lots]
    clusters = pd.concat([no_rows(), *(rows for rows, _ in found if len(rows))])
    clusters = decided(clusters.reset_index(drop=True), tracks, run)
    rank = np.lexsort(
        (clusters["from"], clusters["place"], -clusters["strength"], clusters["p"], clusters["q"])
    )
    # Numbers within a lot become rows of the table; -1 is the last of ``back``.
    back = np.full(len(rank) + 1, -1, dtype=np.int64)
    back[rank] = np.arange(len(rank))
    member = np.full(len(crashes.track), -1, dtype=np.int64)
    if found:
        start = np.cumsum([0, *(len(rows) for rows, _ in found)])
        numbers = [
            np.where(own >= 0, own + low, -1)
            for (_, own), low in zip(found, start[:-1], strict=True)
        ]
        member[order] = back[np.concatenate(numbers)]
    clusters = clusters.iloc[rank].reset_index(drop=True)
    clusters["track"] = tracks.name[clusters["place"].to_numpy(np.int64)]
    clusters = clusters.rename(columns={"p": "p_global"})
    return KdePlus(clusters[list(COLUMNS)].astype(COLUMNS), member)


@dataclass(frozen=True, slots=True)
class _Crashes:
    """Arrays as given, checked; weights in whole numbers of ``weight_unit``."""

    track: Ints
    position: Floats
    lengths: Floats
    weight: Ints | None
    weight_unit: float


def _crashes(
    track: ArrayLike, position: ArrayLike, lengths: ArrayLike, weights: ArrayLike | None
) -> _Crashes:
    of, at, long = (
        np.asarray(track),
        np.asarray(position, np.float64),
        np.asarray(lengths, np.float64),
    )
    if of.ndim != 1 or at.shape != of.shape or long.ndim != 1:
        raise ValueError("track and position must be of one length, lengths of one dimension")
    if of.size and of.dtype.kind not in "iu":
        raise ValueError("track must be whole numbers")
    of = of.astype(np.int64)
    if of.size and (of.min() < 0 or of.max() >= len(long)):
        raise ValueError("track must point into lengths")
    if not (np.isfinite(long).all() and (long >= 0.0).all()):
        raise ValueError("lengths must be known and not negative")
    if not (np.isfinite(at).all() and (at >= -_BEYOND).all() and (at <= long[of] + _BEYOND).all()):
        raise ValueError("position must be known and lie on its track")
    at = np.clip(at, 0.0, long[of])
    if weights is None:
        return _Crashes(of, at, long, None, 1.0)
    weight = np.asarray(weights, np.float64)
    if weight.shape != of.shape or not (np.isfinite(weight).all() and (weight >= 0.0).all()):
        raise ValueError("weights must be known, not negative, and one a crash")
    most = float(weight.max(initial=0.0))
    if most == 0.0:
        raise ValueError("weights must not all be 0")
    unit = most / HEAVIEST
    return _Crashes(of, at, long, np.rint(weight / unit).astype(np.int64), unit)


def _tested(
    crashes: _Crashes,
    exposure: pd.DataFrame | None,
    bandwidth: float,
    step: float,
    rounding: float | None,
    minimum: int,
) -> tuple[Tracks, Ints]:
    """The tracks on which a cluster is possible, and the numbers of their crashes in order."""
    size = len(crashes.lengths)
    count = np.bincount(crashes.track, minlength=size)
    weight = count if crashes.weight is None else np.zeros(size, dtype=np.int64)
    if crashes.weight is not None:
        np.add.at(weight, crashes.track, crashes.weight)
    possible = (count >= max(minimum, 2)) & (weight > 0) & (crashes.lengths > 0.0)
    name = np.flatnonzero(possible)
    order = np.lexsort((crashes.position, crashes.track))
    order = order[possible[crashes.track[order]]]
    scale = chance.scale(bandwidth, step, rounding, float(weight.max(initial=1)))
    tracks = Tracks(
        name,
        crashes.lengths[name] / scale.unit,
        count[name],
        np.r_[0, np.cumsum(count[name])],
        np.rint(crashes.position[order] / scale.unit).astype(np.int64),
        None if crashes.weight is None else crashes.weight[order],
        crashes.weight_unit,
        _exposure(exposure, name, size),
        scale,
    )
    return tracks, order


def _check(
    bandwidth: float,
    simulations: int,
    level: float,
    step: float,
    minimum: int,
    rounding: float | None,
) -> None:
    if not (np.isfinite(bandwidth) and bandwidth > 0.0):
        raise ValueError("bandwidth must be positive")
    if not 0.0 < step <= bandwidth:
        raise ValueError("step must be positive and at most the bandwidth")
    if not 0.0 < level < 1.0:
        raise ValueError("level must be between 0 and 1")
    if kept(simulations, level) < 1:
        raise ValueError("simulations must be at least 1 / level - 1")
    if minimum < 1:
        raise ValueError("minimum must be at least 1")
    if rounding is not None and not (np.isfinite(rounding) and rounding > 0.0):
        raise ValueError("rounding must be positive")


def _exposure(exposure: pd.DataFrame | None, tested: Ints, tracks: int) -> pd.DataFrame:
    """Rows of the tested tracks, numbered by their place among these."""
    if exposure is None:
        exposure = pd.DataFrame({"track": [], "from": [], "to": [], "value": []})
    of = exposure["track"].to_numpy(np.int64)
    ends = exposure[["from", "to"]].to_numpy(np.float64)
    value = exposure["value"].to_numpy(np.float64, na_value=np.nan)
    if of.size and (of.min() < 0 or of.max() >= tracks):
        raise ValueError("exposure: track must point into lengths")
    if not (np.isfinite(ends).all() and (ends[:, 1] >= ends[:, 0]).all()):
        raise ValueError("exposure: from and to must be known, and to not before from")
    if (value < 0.0).any() or np.isinf(value).any():
        raise ValueError("exposure: value must not be negative or infinite")
    place = np.full(tracks, -1, dtype=np.int64)
    place[tested] = np.arange(len(tested))
    own = place[of] >= 0
    return pd.DataFrame(
        {"track": place[of][own], "from": ends[own, 0], "to": ends[own, 1], "value": value[own]}
    ).sort_values(["track", "from", "to", "value"], ignore_index=True)
