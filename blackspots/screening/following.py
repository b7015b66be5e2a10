"""Sites followed from list to list: their ids, how long they are listed, what is done there."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots.screening.identity import keep_ids
from blackspots.screening.sites import Screened

_ENTERED = ("status", "owner", "note")


def follow(screened: Screened, listed: gpd.GeoDataFrame | None, *, year: int) -> Screened:
    """The sites with the ids of an earlier list and what was entered there.

    Parameters
    ----------
    screened
        From :func:`blackspots.screening.screen`.
    listed
        :data:`blackspots.schema.LISTED`, in the CRS of the sites; None where there is no list.
        A site without a place is never found again, but no other gets its id.
    year
        End year of the study period.

    Returns
    -------
    Screened
        Its sites with ``new``, ``first_listed``, ``last_listed``, ``status``, ``owner`` and
        ``note``, all empty without a list.
    """
    if listed is None:
        return replace(screened, sites=_entered(screened.sites, None, year))
    kept, known = keep_ids(screened, listed)
    sites = _entered(kept.sites, listed.reindex(kept.sites.index), year)
    return replace(kept, sites=sites.assign(new=pd.array(~known.to_numpy(bool), dtype="boolean")))


def _entered(sites: gpd.GeoDataFrame, listed: pd.DataFrame | None, year: int) -> gpd.GeoDataFrame:
    """The sites with what their rows of the list say; new ones are listed from ``year`` on."""
    unknown = pd.array([pd.NA] * len(sites), dtype="Int64")
    made = sites.assign(
        new=unknown.astype("boolean"),
        first_listed=unknown,
        last_listed=unknown,
        **{column: np.full(len(sites), None, dtype=object) for column in _ENTERED},
    )
    if listed is None:
        return made
    for column, least in (("first_listed", True), ("last_listed", False)):
        years = listed[column].astype("Int64").fillna(year)
        made[column] = years.clip(upper=year) if least else years.clip(lower=year)
    for column in _ENTERED:
        words = listed[column].astype(object)
        made[column] = words.where(words.notna(), None)
    return made
