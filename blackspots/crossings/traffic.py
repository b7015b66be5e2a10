"""Traffic over level crossings: what was counted, and how much the rest may be.

A path has no count. What is carried instead is a distribution, by the class of road or path,
never a silent 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from blackspots.crossings.lines import Lines
from blackspots.presets.crossing_traffic import UNKNOWN, CrossingTraffic, crossing_traffic
from blackspots.presets.headers import plain

COLUMNS: Final = (
    "vehicles",
    "vehicles_low",
    "vehicles_high",
    "log_sd",
    "vehicles_from",
    "traffic_class",
    "walkers",
    "trains",
    "trains_low",
    "trains_high",
    "trains_from",
)

TRACK_REACH: Final = 50.0
"""How far [m] a track may be from a crossing whose trains it tells (assumption)."""

_TAIL: Final = 1.6448536269514722  # 95 % point of the standard normal distribution
_WHEELERS: Final = ("four_wheelers", "three_wheelers", "two_wheelers")

Floats = NDArray[np.float64]
Objects = NDArray[np.object_]


def traffic_of(
    crossings: gpd.GeoDataFrame,
    *,
    found: gpd.GeoDataFrame | None = None,
    placed: pd.DataFrame | None = None,
    lines: Lines | None = None,
    preset: CrossingTraffic | None = None,
) -> pd.DataFrame:
    """Vehicles, persons and trains over each crossing, with what is not known of them.

    Parameters
    ----------
    crossings
        :data:`blackspots.schema.CROSSINGS`, or a frame with some of its columns.
    found
        :data:`blackspots.schema.FOUND_CROSSINGS`: ``road_class`` of the matched road, by
        ``crossing_id``, where the crossing names none itself.
    placed
        Index as the crossings: ``line_id`` and ``measure`` [m] on the railway. Without them
        ``railway`` and ``km`` of the crossings tell which lie on one line, and in what order.
    lines
        Railway lines, for the trains of their tracks.
    preset
        Assumptions by class; the shipped ones by default.

    Returns
    -------
    DataFrame
        Index as the crossings.

        - ``vehicles`` [vehicles/day]: the count, else the median of what it may be;
          ``vehicles_low``, ``vehicles_high`` its 5 % and 95 % points; ``log_sd`` the standard
          deviation of ln(vehicles), 0 for a count.
        - ``vehicles_from``: ``counted``; ``by-counted:<class>``, from the user's counted
          crossings of that class and the preset; ``assumed:<class>``, from the preset alone;
          ``counted-in-part:<class>`` where only motorcycles or only cars were counted: at
          least these. ``traffic_class``: the class.
        - ``walkers`` [persons/day]; NaN where not counted.
        - ``trains`` [trains/day], ``trains_low``, ``trains_high``; ``trains_from``:
          ``counted``; ``of-line``; ``unknown`` with NaN.

    Notes
    -----
    A count of 0 is no count. Where ``aadt`` is missing the vehicles by number of wheels stand
    in, if those with four and with two are both counted (a missing three is taken as none: few
    have three, and a 0 is read as missing).

    ln(vehicles) of a class is normal, N(mu, sigma^2), and mu is N(m, tau^2) with m the ln of
    the preset's median; of its variance tau^2 is ``median_share`` and sigma^2 the rest. With
    n >= ``least_counted`` counted crossings of mean x and variance s^2 of ln(vehicles),

        sigma'^2 = (k sigma^2 + (n - 1) s^2) / (k + n - 1),   k = ``spread_worth``
        w = tau^2 / (tau^2 + sigma'^2 / n)
        mu' = w x + (1 - w) m,   log_sd^2 = sigma'^2 + (1 - w) tau^2

    (normal data with a conjugate normal prior of the mean: Gelman and others 2013, Bayesian
    Data Analysis, section 2.5, with sigma' put in for sigma; M). Crossings are counted where
    they are busy: the distribution of a class with few counts leans to the busy side.

    Trains that are not counted are those of the nearest counted crossing on the same line;
    their range spans the counted neighbours on both sides. Failing these they are the most of
    the main tracks there, up to their sum, as a list may count a double track once or twice.

    Examples
    --------
    >>> frame = pd.DataFrame({"aadt": [150.0, None], "road_class": ["path", "path"]})
    >>> traffic_of(frame)["vehicles_from"].tolist()
    ['counted', 'assumed:path']
    """
    preset = crossing_traffic() if preset is None else preset
    counted, at_least = _counted(crossings)
    classes = traffic_classes(crossings, found=found, preset=preset)
    made = _vehicles(counted, at_least, classes, preset)
    made["walkers"] = _positive(crossings, "walkers")
    trains = _trains(crossings, placed, lines)
    table = pd.DataFrame(made | trains, index=crossings.index)
    return table[list(COLUMNS)]


def draw_vehicles(traffic: pd.DataFrame, draws: int, seed: int) -> Floats:
    """Vehicles over each crossing, drawn from what they may be.

    Parameters
    ----------
    traffic
        As :func:`traffic_of` makes it.

    Returns
    -------
    numpy.ndarray
        Shape (draws, crossings) [vehicles/day]; a count in every draw, NaN where unknown.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    sd = traffic["log_sd"].to_numpy(dtype="float64")
    median = traffic["vehicles"].to_numpy(dtype="float64")
    return np.asarray(median * np.exp(random.standard_normal((draws, len(traffic))) * sd))


def traffic_classes(
    crossings: gpd.GeoDataFrame,
    *,
    found: gpd.GeoDataFrame | None = None,
    preset: CrossingTraffic | None = None,
) -> pd.Series:
    """Class of the traffic over each crossing: by its road, else by its kind.

    Kinds are the words of the list's protection that name one (*Footpath Crossing*), then
    self-opened or not.
    """
    preset = crossing_traffic() if preset is None else preset
    known = meanings(road_words(crossings, found), preset.words)
    called = meanings(column(crossings, "protection"), preset.crossing_words)
    kinds = column(crossings, "kind").map(preset.by_kind)
    return known.fillna(called).fillna(kinds).fillna(UNKNOWN).astype(object)


def road_words(crossings: pd.DataFrame, found: pd.DataFrame | None = None) -> pd.Series:
    """Class of the road over each crossing, as its list says, else that of the road found."""
    words = column(crossings, "road_class")
    if found is None or not len(found):
        return words
    matched = found[found["crossing_id"].notna() & (found["crossing_id"] != "")]
    of = matched.drop_duplicates("crossing_id").set_index("crossing_id")["road_class"]
    return words.where(words.notna(), of.reindex(crossings.index)).astype(object)


def meanings(words: pd.Series, known: Mapping[str, object]) -> pd.Series:
    """What each word stands for, None where it is not known; each different word looked up once.

    A cell that is not known as it stands is taken by the longest known words that it begins
    with: *Cấp III miền núi* by *Cấp III*.
    """
    codes, distinct = pd.factorize(words)
    values = np.empty(len(distinct) + 1, dtype=object)
    values[: len(distinct)] = [_meaning(plain(str(word)), known) for word in distinct]
    return pd.Series(values[codes], index=words.index, dtype=object)


def _meaning(word: str, known: Mapping[str, object]) -> object:
    parts = word.split()
    begun = (" ".join(parts[:size]) for size in range(len(parts), 0, -1))
    return next((known[start] for start in begun if start in known), None)


def column(frame: pd.DataFrame, name: str) -> pd.Series:
    """A column as objects; all None where the frame has none of that name."""
    if name in frame.columns:
        values = frame[name].astype(object)
        return values.where(values.notna(), None)
    return pd.Series(None, index=frame.index, dtype=object)


def _positive(frame: pd.DataFrame, name: str) -> Floats:
    """A column of counts; NaN where it is missing, 0 or less."""
    given = pd.to_numeric(column(frame, name), errors="coerce")
    values = given.to_numpy(dtype="float64", na_value=np.nan)
    return np.where((values > 0) & np.isfinite(values), values, np.nan)


def _counted(crossings: pd.DataFrame) -> tuple[Floats, Floats]:
    """Vehicles that were counted [vehicles/day], and those of counts that lack a kind."""
    total = _positive(crossings, "aadt")
    four, three, two = (_positive(crossings, name) for name in _WHEELERS)
    parts = np.nansum([four, three, two], axis=0)
    whole = np.isfinite(four) & np.isfinite(two)
    counted = np.where(np.isnan(total) & whole, parts, total)
    return counted, np.where(np.isnan(counted) & (parts > 0), parts, np.nan)


def _vehicles(
    counted: Floats, at_least: Floats, classes: pd.Series, preset: CrossingTraffic
) -> dict[str, Floats | Objects]:
    known = np.isfinite(counted)
    vehicles = counted.copy()
    source = np.full(len(counted), "counted", dtype=object)
    sd = np.zeros(len(counted))
    codes, names = pd.factorize(classes)
    for code, name in enumerate(names):
        of, here = preset.classes[name], codes == code
        own = np.log(counted[here & known])
        missing = here & ~known
        if len(own) >= preset.least_counted:
            mean, spread = _updated(own, float(np.log(of.median)), of.log_sd, preset)
            vehicles[missing], sd[missing] = np.exp(mean), spread
            source[missing] = f"by-counted:{name}"
        else:
            vehicles[missing], sd[missing] = of.median, of.log_sd
            source[missing] = f"assumed:{name}"
    part = np.isfinite(at_least)
    vehicles[part] = np.maximum(vehicles[part], at_least[part])
    source[part] = "counted-in-part:" + classes.to_numpy(dtype=object)[part]
    return {
        "vehicles": vehicles,
        "vehicles_low": vehicles * np.exp(-_TAIL * sd),
        "vehicles_high": vehicles * np.exp(_TAIL * sd),
        "log_sd": sd,
        "vehicles_from": source,
        "traffic_class": classes.to_numpy(dtype=object),
    }


def _updated(
    counted: Floats, prior: float, log_sd: float, preset: CrossingTraffic
) -> tuple[float, float]:
    """Mean and standard deviation of ln(vehicles) of a class of which some were counted."""
    n, worth = len(counted), preset.spread_worth
    tau2 = preset.median_share * log_sd**2
    sigma2 = (1 - preset.median_share) * log_sd**2
    squares = float(((counted - counted.mean()) ** 2).sum())
    sigma2 = (worth * sigma2 + squares) / (worth + n - 1)
    weight = tau2 / (tau2 + sigma2 / n)
    mean = weight * float(counted.mean()) + (1 - weight) * prior
    return mean, float(np.sqrt(sigma2 + (1 - weight) * tau2))


def _trains(
    crossings: gpd.GeoDataFrame, placed: pd.DataFrame | None, lines: Lines | None
) -> dict[str, Floats | Objects]:
    trains = _positive(crossings, "trains")
    low, high = trains.copy(), trains.copy()
    source = np.where(np.isfinite(trains), "counted", "unknown").astype(object)
    told = []
    if placed is not None:
        at = placed.reindex(crossings.index)
        told.append(_of_neighbours(trains, at["line_id"].astype(object), at["measure"]))
    name = column(crossings, "railway").map(plain, na_action="ignore").replace("", None)
    km = pd.to_numeric(column(crossings, "km"), errors="coerce")
    told.append(_of_neighbours(trains, name, km))
    if lines is not None:
        told.append(_of_tracks(crossings, placed, lines.tracks))
    counted = np.isfinite(trains)
    for value, least, most in told:
        new = np.isnan(trains) & np.isfinite(value)
        trains = np.where(new, value, trains)
        low, high = np.where(new, least, low), np.where(new, most, high)
    source[np.isfinite(trains) & ~counted] = "of-line"
    return {"trains": trains, "trains_low": low, "trains_high": high, "trains_from": source}


def _of_neighbours(
    trains: Floats, line: pd.Series, along: pd.Series
) -> tuple[Floats, Floats, Floats]:
    """Trains of the nearest counted crossing on the line, least and most of the neighbours.

    Without a place on the line: median, least and most of all that were counted on it.
    """
    codes, _ = pd.factorize(line)
    where = pd.to_numeric(along, errors="coerce").to_numpy(dtype="float64", na_value=np.nan)
    frame = pd.DataFrame({"line": codes, "at": where, "trains": trains})
    placed = frame[(frame["line"] >= 0) & frame["at"].notna()].sort_values(
        ["line", "at"], kind="stable"
    )
    seen = placed.assign(at=placed["at"].where(placed["trains"].notna()))
    before = seen.groupby("line")[["at", "trains"]].ffill()
    after = seen.groupby("line")[["at", "trains"]].bfill()
    back = (placed["at"] - before["at"]).fillna(np.inf)
    ahead = (after["at"] - placed["at"]).fillna(np.inf)
    made = pd.DataFrame(index=frame.index, columns=["value", "low", "high"], dtype="float64")
    both = pd.concat([before["trains"], after["trains"]], axis=1)
    made.loc[placed.index, "value"] = before["trains"].where(back <= ahead, after["trains"])
    made.loc[placed.index, "low"] = both.min(axis=1)
    made.loc[placed.index, "high"] = both.max(axis=1)
    loose = (frame["line"] >= 0) & frame["at"].isna()
    if loose.any():
        whole = frame[frame["line"] >= 0].groupby("line")["trains"].agg(["median", "min", "max"])
        of = whole.reindex(frame.loc[loose, "line"])
        made.loc[loose, ["value", "low", "high"]] = of.to_numpy()
    value, low, high = (made[name].to_numpy() for name in ("value", "low", "high"))
    return value, low, high


def _of_tracks(
    crossings: gpd.GeoDataFrame, placed: pd.DataFrame | None, tracks: gpd.GeoDataFrame
) -> tuple[Floats, Floats, Floats]:
    """Most trains of a main track at each crossing, twice, and the sum of its main tracks."""
    n = len(crossings)
    trains = _positive(tracks, "trains")
    main = column(tracks, "main").eq(other=True).to_numpy(dtype=bool)
    kept = np.flatnonzero(np.isfinite(trains) & main)
    empty = np.full(n, np.nan)
    if not n or not len(kept):
        return empty, empty, empty
    points, pieces = crossings.geometry.to_numpy(), tracks.geometry.to_numpy()[kept]
    at, track = shapely.STRtree(pieces).query(points, predicate="dwithin", distance=TRACK_REACH)
    if placed is not None:
        line = _numbers(placed["line_id"].reindex(crossings.index))[at]
        own = _numbers(tracks["line_id"])[kept][track]
        same = np.isnan(line) | np.isnan(own) | (line == own)
        at, track = at[same], track[same]
    # Two pieces of one track that meet here are one.
    ends = sum(
        shapely.dwithin(shapely.get_point(pieces[track], end), points[at], TRACK_REACH).astype(int)
        for end in (0, -1)
    )
    told = pd.DataFrame({"most": trains[kept][track], "part": 1 - np.asarray(ends) / 2})
    told["sum"] = told["most"] * told["part"]
    of = told.groupby(at).agg({"most": "max", "sum": "sum"}).reindex(range(n))
    most, total = of["most"].to_numpy(), of["sum"].to_numpy()
    return most, most, np.fmax(most, total)


def _numbers(column: pd.Series) -> Floats:
    return np.asarray(pd.to_numeric(column).to_numpy(dtype="float64", na_value=np.nan))
