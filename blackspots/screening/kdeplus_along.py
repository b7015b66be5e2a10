"""KDE+ on two frames, points and lines, without a study."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots.screening.alone import events_on
from blackspots.screening.kdeplus import kde_plus
from blackspots.screening.tracks import chained, cut_out

_STRETCH = ("track", "from", "to")


def kde_plus_along(
    points: gpd.GeoDataFrame,
    lines: gpd.GeoDataFrame,
    *,
    bandwidth: float,
    simulations: int = 1000,
    level: float = 0.05,
    seed: int = 0,
    by: str | None = None,
    minimum: int = 2,
    rounding: float | None = None,
    tolerance: float = 50.0,
    node_tolerance: float = 0.0,
) -> tuple[gpd.GeoDataFrame, pd.Series]:
    """Clusters of points along tracks of lines that chance does not explain (KDE+).

    Parameters
    ----------
    points, lines, tolerance, node_tolerance
        As for :func:`events_on`.
    bandwidth, simulations, level, seed, minimum, rounding
        As for :func:`blackspots.screening.kdeplus.kde_plus`. Positions begin where a track
        does; ``rounding`` makes sense where points lie at multiples of it from there.
    by
        Column of the lines with the name or number of their road. A track is what is joined of
        one name, through junctions too; a line without one, and all without ``by``, each line
        as it is drawn, and on into the next where just two ends meet
        (:func:`blackspots.screening.tracks.chained`). Lines cut at each junction make many
        short tracks, on which little can be found: name the roads, if they have names.

    Returns
    -------
    clusters : geopandas.GeoDataFrame
        Those of :func:`~blackspots.screening.kdeplus.kde_plus`, the surest first, with ``line``
        (index label of the line at the peak), ``road`` if ``by`` is given, and the geometry;
        ``from``, ``to`` and ``peak`` are metres [m] along the track. ``attrs`` tell how many
        points were ``given`` and ``placed``, how many ``tracks`` there are, and how many of
        these had points enough to be ``tested``.
    cluster : pandas.Series
        Int64 on the points' index: row of the point's cluster, -1 where it is in none, NA where
        the point is on no line.

    Raises
    ------
    ValueError
        As :func:`events_on` and :func:`~blackspots.screening.kdeplus.kde_plus`.
    KeyError
        The lines have no column ``by``.

    Examples
    --------
    A road of 5 km drawn in two pieces, with eight points within 60 m about the joint:

    >>> wkt = ["LINESTRING (0 0, 2030 0)", "LINESTRING (2030 0, 5000 0)"]
    >>> lines = gpd.GeoDataFrame(geometry=gpd.GeoSeries.from_wkt(wkt), crs="EPSG:9215")
    >>> x = [*range(250, 5000, 500), 2000, 2005, 2012, 2020, 2030, 2041, 2050, 2060]
    >>> points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, np.zeros(18)), crs="EPSG:9215")
    >>> clusters, cluster = kde_plus_along(points, lines, bandwidth=100.0, simulations=999)
    >>> clusters[["crashes", "p_global"]].to_dict("records"), clusters.attrs["tracks"]
    ([{'crashes': 8, 'p_global': 0.001}], 1)
    >>> cluster.tolist()[9:]
    [-1, 0, 0, 0, 0, 0, 0, 0, 0]
    """
    names = None if by is None else lines[by].reset_index(drop=True)
    made = events_on(lines, points, tolerance=tolerance, node_tolerance=node_tolerance)
    tracks = chained(made.roads, names)
    edge, measure = (made.events.unsorted(each) for each in (made.events.edge, made.events.measure))
    on = tracks.track[edge]
    at = tracks.along(edge, measure, made.graph.length)
    found = kde_plus(
        on, at, tracks.length, bandwidth=bandwidth, simulations=simulations, level=level,
        seed=seed, minimum=minimum, rounding=rounding,
    )  # fmt: skip
    rows = found.clusters
    # The peak is the place of one of the crashes, so that its line is that of the crash.
    own = np.flatnonzero(found.member >= 0)
    off = np.abs(at[own] - rows["peak"].to_numpy()[found.member[own]])
    own = own[np.lexsort((own, off, found.member[own]))]
    peak = own[np.unique(found.member[own], return_index=True)[1]]
    line = made.roads.line[edge[peak]]
    clusters = gpd.GeoDataFrame(
        rows.assign(line=lines.index.take(line)),
        geometry=cut_out(made.roads, tracks, *(rows[name].to_numpy() for name in _STRETCH)),
        crs=lines.crs,
    )
    if names is not None:
        clusters.insert(1, "road", names.iloc[line].to_numpy())
    count = np.bincount(on, minlength=len(tracks.length))
    clusters.attrs = {
        "given": len(points),
        "placed": len(made.events),
        "tracks": len(tracks.length),
        "tested": int((count >= max(minimum, 2)).sum()),
    }
    cluster = pd.Series(pd.NA, index=points.index, dtype="Int64", name="cluster")
    cluster.iloc[np.flatnonzero(made.found["placed"].to_numpy())] = found.member
    return clusters, cluster
