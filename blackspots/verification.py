"""The list for verification in the field: crossings found that no inventory has.

One row a place, in the order in which a railway line is walked. The list holds all that was
entered in the one it was made from, so that it can replace it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from blackspots import crs as crs_
from blackspots import labels
from blackspots.config import Study
from blackspots.errors import BlackspotsError
from blackspots.kept_files import KeptFile, as_written
from blackspots.labels import text
from blackspots.referencing import km_text
from blackspots.reports import Sheet, write_workbook
from blackspots.sources.verification import (
    DATA,
    ENTERED,
    FACTS,
    WORDS,
    Verified,
    data_rows,
    read_verification,
)

NAME: Final = "crossings-to-verify.xlsx"
OTHER_NAME: Final = "crossings-to-verify-new.xlsx"
"""Name of the new list where the first one is the file that the study reads."""
_LIST: Final = KeptFile(NAME, OTHER_NAME)

_OPEN: Final = ("candidate", "review")
"""Status of crossings that nobody has looked at yet."""
_COLUMNS: Final[dict[str, str]] = {
    "verify_id": "",
    "line": "",
    "km": "",
    "latitude": "0.000000",
    "longitude": "0.000000",
    "map": "",
    "seems": "",
    "confidence": "0%",
    "reasons": "",
    "road_name": "",
    "road_class": "",
    "tracks": "0",
    **dict.fromkeys(ENTERED, ""),
    "width": "0.0",
    "vehicles": "#,##0",
    "persons": "#,##0",
    "checked": "dd/mm/yyyy",
}
"""Columns of the list, and their number formats."""
_LISTED: Final[dict[str, str]] = {
    "crossing_id": "",
    "name": "",
    "line": "",
    "km": "",
    "latitude": "0.000000",
    "longitude": "0.000000",
    "map": "",
    "reason": "",
}
"""The same of the sheet of listed crossings that were not found."""
_REASONS: Final = ("found-reason", "rail-reason")
"""Sections of the words for reasons: of the crossing, and of a track without trains."""
_ROAD_CLASSES: Final = ("road-class", "page.road-class", "traffic-class")
"""The same of classes of road."""
_FROZEN: Final = 3
_MAP: Final = "https://www.openstreetmap.org/?mlat={0:.6f}&mlon={1:.6f}#map=18/{0:.6f}/{1:.6f}"


def read_path(study: Study) -> Path | None:
    """The list that the study reads, if any."""
    file = study.level_crossings.verified
    return None if file is None else study.resolve(file)


def name_in(folder: Path, read: Path | None) -> str:
    """Name of the list that is written into ``folder``: never that of the one that is read."""
    return _LIST.name_in(folder, read)


def list_name(folder: Path, study: Study) -> str:
    """The same of a study."""
    return name_in(folder, read_path(study))


def keep_read(folder: Path, fresh: Path, study: Study) -> None:
    """Copy the list that was read into the folder that takes its folder's place."""
    _LIST.keep(folder, fresh, read_path(study))


def refuse_unread(folder: Path, study: Study) -> None:
    """Refuse to replace a list with entries that the study does not read.

    Raises
    ------
    BlackspotsError
        As :func:`refuse_lost`.
    """
    target = crs_.parse(study.study.crs, "[study] crs")
    refuse_lost(folder, read_path(study), target, base=study.folder)


def keep_list(folder: Path, fresh: Path, read: Path | None) -> None:
    """:func:`keep_read` of a list that no study names."""
    _LIST.keep(folder, fresh, read)


def refuse_lost(folder: Path, read: Path | None, target: CRS, *, base: Path) -> None:
    """Refuse to replace a list with entries that the list which is read does not hold.

    An entry that was carried over from the list which is read and changed there since is no
    loss: that list is the newer one.

    Parameters
    ----------
    folder
        Where the new list will be written.
    read
        The list that is read, as :func:`read_path` gives it for a study.
    target
        CRS of the study.
    base
        Folder from which the message names the file.

    Raises
    ------
    BlackspotsError
        ``verification-unread``, or what
        :func:`blackspots.sources.verification.read_verification` says of a list that cannot be
        understood.
    """
    path = folder / name_in(folder, read)
    if not path.is_file():
        return
    there = read_verification(path, target)
    own = None if read is None else read_verification(read, target)
    lost = _not_held(there, own)
    if lost:
        told = as_written(path, base)
        raise BlackspotsError(
            "verification-unread", file=str(path), count=len(lost), first=lost[0], path=told
        )


def _not_held(there: Verified, own: Verified | None) -> list[str]:
    """Places beside which something is entered that the study's own list does not say."""
    entered = there.states()
    if own is None:
        return [*entered, *there.strays]
    held, known, typed = own.states(), set(map(str, own.places.index)), set(there.edited)

    def is_lost(place: str) -> bool:
        if place in typed or place not in known:
            return held.get(place) != entered[place]
        return False

    return [*filter(is_lost, entered), *(row for row in there.strays if row not in own.strays)]


def verification_places(
    found: gpd.GeoDataFrame, entries: gpd.GeoDataFrame | None = None
) -> gpd.GeoDataFrame:
    """The places of the next list.

    Parameters
    ----------
    found
        :data:`blackspots.schema.FOUND_CROSSINGS` with ``status``.
    entries
        ``entries`` of :class:`blackspots.crossings.verified.Applied`: those of the earlier
        list, with ``found_id``.

    Returns
    -------
    GeoDataFrame, index ``verify_id``
        :data:`blackspots.sources.verification.FACTS`, ``cells`` (what is entered, None where
        nothing is), ``found_id`` (None for what geometry no longer shows). First the places
        without an answer, then the others, each by line and measure. A place keeps the id under
        which it was first listed.
    """
    wanted = found[found["status"].isin(_OPEN)]
    kept: list[gpd.GeoDataFrame] = []
    taken: set[str] = set()
    if entries is not None and len(entries):
        wanted = wanted[~wanted.index.isin(entries["found_id"].dropna())]
        taken = set(map(str, entries.index))
        now = found.reindex(entries["found_id"]).set_axis(entries.index)
        old = entries[[*FACTS, "geometry"]].copy()
        for column in (*FACTS, "geometry"):
            there = now.geometry.notna().to_numpy()
            old.loc[there, column] = now.loc[there, column]
        kept = [old.assign(cells=entries["cells"], found_id=entries["found_id"])]
    fresh = wanted[[*FACTS, "geometry"]].assign(cells=None, found_id=wanted.index)
    fresh.index = pd.Index(_free(map(str, wanted.index), taken), dtype="object")
    made = gpd.GeoDataFrame(pd.concat([fresh, *kept]), geometry="geometry", crs=found.crs)
    made.index.name = "verify_id"
    answered = np.array([cells is not None and bool(cells[0]) for cells in made["cells"]], bool)
    order = pd.DataFrame(
        {
            "answered": answered,
            "line": made["line"].fillna("\uffff").astype(str),
            "measure": made["measure"].to_numpy("float64", na_value=np.inf),
            "name": made.index.astype(str),
        }
    )
    order = order.reset_index(drop=True).sort_values([*order.columns], kind="stable")
    return made.iloc[order.index.to_numpy()]


def _free(names: Iterable[str], taken: set[str]) -> list[str]:
    """The names, with a number where another place of the list has the name already."""
    made: list[str] = []
    used = set(taken)
    for name in names:
        one, n = name, 2
        while one in used:
            one, n = f"{name}-{n}", n + 1
        used.add(one)
        made.append(one)
    return made


def write_verification(
    path: Path,
    places: gpd.GeoDataFrame,
    *,
    crossings: gpd.GeoDataFrame,
    matches: pd.DataFrame,
    name: str,
    language: str,
    banner: str = "",
) -> None:
    """Write the list as a workbook.

    Parameters
    ----------
    places
        As :func:`verification_places` gives them.
    crossings, matches
        :data:`blackspots.schema.CROSSINGS` and :data:`blackspots.schema.MATCHES`: listed
        crossings without a partner stand on a second sheet, with the reason.
    name
        Name of the study.
    """
    cells = [_entered(row, language) for row in places["cells"]]
    open_ = sum(not row[0] for row in cells)
    lines = [
        f"{text('verify.title', language)} – {name}",
        text("verify.how", language),
        text("verify.rows", language),
        text("verify.never", language),
    ]
    if not len(places):
        lines.append(text("verify.nothing", language))
    else:
        lines.append(text("verify.open", language, count=open_, total=len(places)))
    faded = np.flatnonzero(places["found_id"].isna()).tolist()
    if faded:
        lines.append(text("verify.gone-rows", language))
    at = {column: number for number, column in enumerate(_COLUMNS)}
    sheet = Sheet(
        text("verify.sheet", language),
        lines,
        _heads(_COLUMNS, language),
        _shown(places, cells, language),
        list(_COLUMNS.values()),
        inputs={at[column]: _words(column, language) for column in ENTERED},
        links={at["map"]: text("verify.map", language)},
        faded=frozenset(faded),
        frozen=_FROZEN,
        choose=text("verify.choose", language),
    )
    alone = _not_found(crossings, matches, language)
    title = text("verify.title-listed", language)
    told = [text("verify.all-found", language)]
    if alone:
        told = [text("verify.how-listed", language, count=len(alone))]
        told.append(text("verify.check-listed", language))
    second = Sheet(
        text("verify.sheet-listed", language),
        [f"{title} – {name}", *told],
        _heads(_LISTED, language) if alone else (),
        alone,
        list(_LISTED.values()),
        links={list(_LISTED).index("map"): text("verify.map", language)},
    )
    hidden = (DATA, data_rows(places, cells))
    write_workbook(path, [sheet, second], banner=banner, hidden=hidden)


def _heads(columns: Iterable[str], language: str) -> list[str]:
    return [text(f"verify.head.{column}", language) for column in columns]


def _words(column: str, language: str) -> list[str]:
    """The words to choose from in a column that the user fills in."""
    return [text(f"verify.{column}.{code}", language) for code in WORDS.get(column, ())]


def _entered(cells: Sequence[Any] | None, language: str) -> list[Any]:
    """What stands in the columns to fill in: codes in words, days as days."""
    if cells is None:
        return [None] * len(ENTERED)
    made = []
    for column, cell in zip(ENTERED, cells, strict=True):
        said = cell
        if isinstance(cell, str) and cell in WORDS.get(column, ()):
            said = text(f"verify.{column}.{cell}", language)
        elif isinstance(cell, dt.date):
            said = pd.Timestamp(cell)
        made.append(said or None if isinstance(said, str) else said)
    return made


def _shown(
    places: gpd.GeoDataFrame, cells: Sequence[Sequence[Any]], language: str
) -> list[list[Any]]:
    """The list in words, a row a place."""
    degrees = _degrees(places.geometry)
    made = pd.DataFrame(
        {
            "verify_id": places.index.astype(str),
            "line": places["line"].to_numpy(object),
            "km": _kms(places["km"], places["measure"]),
            "latitude": degrees[1],
            "longitude": degrees[0],
            "map": _links(*degrees),
            "seems": [text(f"verify.outcome.{code}", language) for code in places["outcome"]],
            "confidence": places["confidence"].to_numpy(float),
            "reasons": [reasons(codes, language) for codes in places["reasons"]],
            "road_name": places["road_name"].to_numpy(object),
            "road_class": [_road_class(code, language) for code in places["road_class"]],
            "tracks": places["tracks"].to_numpy(object),
        },
        dtype="object",
    )
    rows = made.to_numpy(dtype=object).tolist()
    return [[*row, *entered] for row, entered in zip(rows, cells, strict=True)]


def _road_class(code: Any, language: str) -> Any:
    """A class of road in words; one without words stands as it was recorded."""
    keys = (f"{section}.{code}" for section in _ROAD_CLASSES)
    key = next(filter(labels.has, keys), None) if isinstance(code, str) else None
    return text(key, language) if key else code


def reasons(codes: Any, language: str) -> str | None:
    """Reasons for and against a crossing in words; a code without words stands as it is.

    What stands behind the colon of a code (``beside:LX-1``) is put into its sentence.
    """
    if not isinstance(codes, str) or not codes:
        return None
    told = []
    for each in codes.split(";"):
        code, _, about = each.partition(":")
        keys = (f"{section}.{code}" for section in _REASONS)
        key = next(filter(labels.has, keys), None)
        told.append(text(key, language, about=about) if key else each)
    return "; ".join(told)


def _not_found(
    crossings: gpd.GeoDataFrame, matches: pd.DataFrame, language: str
) -> list[list[Any]]:
    """Listed crossings without a partner, a row each, as the inventory has them."""
    alone = matches[matches["found_id"].isna() & matches["crossing_id"].notna()]
    those = crossings.loc[alone["crossing_id"]]
    degrees = _degrees(those.geometry)
    made = pd.DataFrame(
        {
            "crossing_id": those.index.astype(str),
            "name": those["name"].to_numpy(object),
            "line": those["railway"].to_numpy(object),
            "km": _kms(those["km"], None),
            "latitude": degrees[1],
            "longitude": degrees[0],
            "map": _links(*degrees),
            "reason": [text(f"unmatched.{code}", language) for code in alone["reason"]],
        },
        dtype="object",
    )
    rows: list[list[Any]] = made.to_numpy(dtype=object).tolist()
    return rows


def _degrees(points: gpd.GeoSeries) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes on WGS 84, 6 decimals; NaN without a place."""
    there = crs_.reproject(points, crs_.WGS84).to_numpy()
    return np.round(shapely.get_x(there), 6), np.round(shapely.get_y(there), 6)


def _links(longitude: np.ndarray, latitude: np.ndarray) -> list[str | None]:
    """The page of OpenStreetMap with a mark at each place."""
    pairs = zip(latitude, longitude, strict=True)
    return [_MAP.format(y, x) if np.isfinite([x, y]).all() else None for y, x in pairs]


def _kms(km: pd.Series, measure: pd.Series | None) -> list[str | None]:
    """Km posts; metres from the start of the line where it has no official km."""
    posts = km.to_numpy("float64", na_value=np.nan)
    metres = np.full(len(km), np.nan)
    if measure is not None:
        metres = measure.to_numpy("float64", na_value=np.nan)
    return [
        km_text(k) if np.isfinite(k) else f"{m:.0f} m" if np.isfinite(m) else None
        for k, m in zip(posts, metres, strict=True)
    ]
