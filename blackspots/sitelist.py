"""The list of sites that people keep: this run's sites, and those of earlier lists.

The list holds all that was entered in the one it was made from, so that it can replace it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots import crs as crs_
from blackspots.config import Study
from blackspots.errors import BlackspotsError
from blackspots.kept_files import KeptFile, as_written
from blackspots.labels import LANGUAGES, text
from blackspots.presets.headers import plain
from blackspots.reports import Sheet, write_workbook
from blackspots.schema import LISTED, STATUSES
from blackspots.sources.sitelist import DATA, ENTERED, SiteList, data_rows, read_site_list
from blackspots.sources.workbooks import read_cells
from blackspots.study import Result

NAME: Final = "sites.xlsx"
OTHER_NAME: Final = "sites-new.xlsx"
"""Name of the new list where the first one is the file that the study reads."""
_LIST: Final = KeptFile(NAME, OTHER_NAME)

_COLUMNS: Final[dict[str, str]] = {
    "rank": "0",
    "site_id": "",
    "label": "",
    "kind": "",
    "area": "",
    "verdict": "",
    "expected": "#,##0.00",
    "listing": "",
    "first_listed": "0",
    "last_listed": "0",
    **dict.fromkeys(ENTERED, ""),
}
"""Columns of the list, and their number formats."""
_FROZEN: Final = 3


def list_name(folder: Path, study: Study) -> str:
    """Name of the list that is written into ``folder``: never that of the one that is read."""
    return _LIST.name_in(folder, _read(study))


def keep_read(folder: Path, fresh: Path, study: Study) -> None:
    """Copy the list that was read into the folder that takes its folder's place."""
    _LIST.keep(folder, fresh, _read(study))


def _read(study: Study) -> Path | None:
    return None if study.sites is None else study.resolve(study.sites.file)


def refuse_unread(folder: Path, study: Study) -> None:
    """Refuse to replace a list that holds what the study's own list does not.

    That is an entry, a site taken off the list, or one that was carried over from an earlier
    list because it was no longer found. A difference in a site that the user has changed in the
    study's own list is no loss: that list is the newer one.

    Raises
    ------
    BlackspotsError
        ``sites-unread``, or what :func:`blackspots.sources.sitelist.read_site_list` says of a
        list that cannot be understood.
    """
    path, read = folder / list_name(folder, study), _read(study)
    if not path.is_file():
        return
    target = crs_.parse(study.study.crs, "[study] crs")
    there = read_site_list(path, target)
    lost = _at_stake(there)
    if lost and read is not None:
        lost = _not_held(lost, there, read_site_list(read, target))
    if lost:
        told = as_written(path, study.folder)
        raise BlackspotsError(
            "sites-unread", file=str(path), count=len(lost), first=lost[0], path=told
        )


def _at_stake(there: SiteList) -> list[str]:
    """Sites of a list that no run would find again as they stand.

    Those with entries, those taken off the list, since it was written or before, and those
    that the run which wrote it no longer found.
    """
    found = _ranked(there.path)
    gone = [site for site in map(str, there.sites.index) if site not in found]
    return list(dict.fromkeys([*there.edited, *there.entries(), *gone, *map(str, there.off.index)]))


def _not_held(sites: list[str], there: SiteList, own: SiteList) -> list[str]:
    """Those of the sites of which the study's own list does not say what the one there says.

    What was changed in the own list since it was written is newer than what a run carried over
    from it. What was changed in the list that is there stands nowhere else.
    """
    here, other = _states(there), _states(own)
    changed, newer = set(there.edited), set(own.edited)

    def differs(site: str) -> bool:
        if site not in other:
            return True
        carried = site not in changed
        if carried and (site in newer or here[site] == (True, None)):
            return False
        return here[site] != other[site]

    return [site for site in sites if differs(site)]


def _states(sites: SiteList) -> dict[str, tuple[bool, tuple[str, ...] | None]]:
    """Site to whether it is on the list, and what is entered beside it."""
    words = sites.entries()
    on = {str(site): (True, words.get(str(site))) for site in sites.sites.index}
    return dict.fromkeys(map(str, sites.off.index), (False, None)) | on


def _ranked(path: Path) -> set[str]:
    """Sites of a list with a rank beside them; none where the column of ranks was taken out."""
    wanted = [
        {plain(text(f"column.{column}", language)) for language in LANGUAGES}
        for column in ("site_id", "rank")
    ]
    made: set[str] = set()
    for name, rows in read_cells(path).items():
        if name == DATA:
            continue
        site = rank = None
        for row in rows:
            if site is not None and rank is not None:
                if row[rank] not in (None, ""):
                    made.add(str(row[site]).strip())
                continue
            words = [plain(str(cell)) for cell in row]
            site, rank = (
                next((i for i, word in enumerate(words) if word in names), None) for names in wanted
            )
    return made


def write_sites(result: Result, path: Path, banner: str = "") -> None:
    """Write the list of a run's sites as a workbook."""
    study = result.study.study
    language = study.language
    sites, off = site_list(result), _off(result)
    shown = _shown(result, sites)
    name = study.name.get(language) or next(iter(study.name.values()))
    start, end = (f"{day:%d/%m/%Y}" for day in result.period)
    lines = [
        f"{text('sites.title', language)} – {name}",
        text("book.period", language, start=start, end=end),
        text("sites.how", language),
        text("sites.rows", language),
    ]
    faded = np.flatnonzero(~sites.index.isin(result.sites.index)).tolist()
    if faded:
        lines.append(text("sites.kept-rows", language))
    choices = {column: list(_COLUMNS).index(column) for column in ENTERED}
    sheet = Sheet(
        text("sites.sheet", language),
        lines,
        [text(f"column.{column}", language) for column in _COLUMNS],
        shown.to_numpy(dtype=object).tolist(),
        list(_COLUMNS.values()),
        inputs={at: _words(column, language) for column, at in choices.items()},
        faded=frozenset(faded),
        frozen=_FROZEN,
        choose=text("sites.choose", language),
    )
    write_workbook(path, [sheet], banner=banner, hidden=(DATA, data_rows(sites, off)))


def _words(column: str, language: str) -> list[str]:
    """The words to choose from in a column that the user fills in."""
    return [text(f"status.{code}", language) for code in STATUSES] if column == "status" else []


def site_list(result: Result) -> gpd.GeoDataFrame:
    """The sites of the next list.

    Returns
    -------
    GeoDataFrame of :data:`blackspots.schema.LISTED`
        This run's sites by rank, then those of the earlier list that it does not find, the
        latest first. The user's words are as entered.
    """
    year = result.period[1].year
    names = [column.name for column in LISTED.columns]
    made = result.sites.reindex(columns=[*names, "geometry"])
    for column in ("first_listed", "last_listed"):
        made[column] = made[column].astype("Int64").fillna(year)
    before, gone = result.inputs.listed, result.gone
    entered = ["status", "status_text", "owner", "note"]
    if before is not None:
        made[entered] = before.sites[entered].reindex(made.index)
    else:
        made[entered] = None
    if gone is not None and len(gone):
        gone = gone.sort_values("last_listed", ascending=False, kind="stable")
        made = gpd.GeoDataFrame(pd.concat([made, gone[[*names, "geometry"]]]))
    made = gpd.GeoDataFrame(made, geometry="geometry", crs=result.sites.crs)
    made.index.name = LISTED.index
    return made


def _off(result: Result) -> gpd.GeoDataFrame:
    before = result.inputs.listed
    return site_list(result).iloc[:0] if before is None else before.off


def _shown(result: Result, sites: gpd.GeoDataFrame) -> pd.DataFrame:
    """The list in words, a row a site."""
    language = result.study.study.language
    now = result.sites.reindex(sites.index)
    made = pd.DataFrame(sites).reset_index()
    made["rank"], made["expected"] = now["rank"].to_numpy(), now["expected"].to_numpy()

    def say(values: Any, prefix: str) -> list[str | None]:
        return [None if pd.isna(code) else text(f"{prefix}.{code}", language) for code in values]

    made["kind"] = say(made["kind"], "kind")
    made["verdict"] = say(now["verdict"], "verdict")
    states = now["new"].map({True: "new", False: "kept"})
    states = states.where(sites.index.isin(result.sites.index), "gone")
    made["listing"] = say(states, "sites")
    status = pd.Series(say(made["status"], "status"), index=made.index, dtype="object")
    made["status"] = status.where(status.notna(), made["status_text"])
    return made[list(_COLUMNS)]
