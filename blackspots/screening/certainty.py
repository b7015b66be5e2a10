"""How sure the rank of a study's sites is, and what would make it surer."""

from __future__ import annotations

from datetime import date
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blackspots.screening.model import KNOWN
from blackspots.screening.sites import Screened
from blackspots.screening.stability import block_bootstrap, posterior_draws, rank_certainty
from blackspots.screening.worth import worth_of_data

FIRST: Final = (5, 10, 20)
"""Numbers of first sites whose chance to be among them is told."""

LINE: Final = 10
"""The line that better data would move, where no budget draws one."""

_YEARS_ENOUGH: Final = 4
"""Fewer calendar years than this are drawn again by months."""

Floats = NDArray[np.float64]


def certainty(
    screened: Screened,
    located: gpd.GeoDataFrame,
    order: pd.Index,
    *,
    costs: pd.Series | None,
    paid: int | None,
    period: tuple[date, date],
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """Rank by posterior and by other years, and the worth of better data, for each site.

    Parameters
    ----------
    order
        Ids of the sites, first to treat first.
    costs
        Cost of a crash by severity [currency]; without it (or where it is not known) sites
        rank by expected crashes.
    paid
        Number of sites that the budget pays for; without it :data:`LINE` is the line.

    Returns
    -------
    DataFrame, index of the sites
        Columns of :func:`~blackspots.screening.stability.rank_certainty`,
        :func:`~blackspots.screening.stability.block_bootstrap` and
        :func:`~blackspots.screening.worth.worth_of_data` (gains a year). Other years and
        better data change the crashes of a site, not their mix of severities.
    """
    if screened.parts.empty:
        return _nothing(screened.sites.index)
    years = ((period[1] - period[0]).days + 1) / 365.25
    price = _prices(screened.parts, costs)
    of = order.get_indexer(pd.Index(screened.parts["site_id"]))
    mean, variance = (
        np.bincount(of, values, len(order)) for values in _moments(screened.parts, price)
    )
    drawn = posterior_draws(mean**2 / variance, mean / variance, draws=draws, seed=seed)
    made = rank_certainty(drawn, first=FIRST, paid=paid)
    whole = _whole(screened.parts, of, len(order))
    value = mean / np.bincount(of, screened.parts["expected"], len(order))
    again = block_bootstrap(
        _by_block(screened, located, order, period), whole["predicted"], whole["k"],
        costs=value / years, first=FIRST, paid=paid, draws=draws, seed=seed, index=order,
    )  # fmt: skip
    at = order.get_indexer(screened.sites.index)
    worth = worth_of_data(
        whole["crashes"], whole["predicted"], whole["k"],
        first=paid or min(LINE, max(len(order), 1)), costs=value / years, sigma=whole["sigma"],
        doubtful=screened.doubtful.assign(site=at[screened.doubtful["site"].to_numpy("int64")]),
        draws=draws, seed=seed,
    )  # fmt: skip
    worth.loc[np.isnan(whole["sigma"]), ["p_change_traffic", "gain_traffic"]] = np.nan
    parts = [part.set_axis(order) for part in (made, again, worth)]
    return pd.concat(parts, axis=1).reindex(screened.sites.index)


def _nothing(index: pd.Index) -> pd.DataFrame:
    """The columns without a site."""
    none, half = np.zeros((1, 0)), np.zeros((2, 0))
    parts = [
        rank_certainty(none, first=FIRST),
        block_bootstrap(half, none[0], none[0], first=FIRST, draws=1),
        worth_of_data(none[0], none[0], none[0], first=1),
    ]
    return pd.concat([part.set_axis(index) for part in parts], axis=1)


def _prices(parts: pd.DataFrame, costs: pd.Series | None) -> Floats:
    """Cost of a crash of each severity, or 1 for each where a cost or the mix is not known."""
    mixes = parts[[f"mix_{level}" for level in KNOWN]]
    if costs is None or costs[list(KNOWN)].isna().any() or mixes.isna().any(axis=None):
        return np.ones(len(KNOWN))
    return costs[list(KNOWN)].to_numpy("float64")


def _moments(parts: pd.DataFrame, price: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the yearly cost of each part.

    Crashes T are Gamma, shares m Dirichlet: E = E(T) c with c = sum m_s c_s, and
    Var = (Var T + E(T)^2) (c^2 + v) - E^2 with v = (sum m_s c_s^2 - c^2) / (strength + 1).
    """
    crashes, spread = (parts[c].to_numpy("float64") for c in ("expected", "variance"))
    if (price == 1).all():
        return crashes, spread
    mix = parts[[f"mix_{level}" for level in KNOWN]].to_numpy("float64")
    mean = mix @ price
    doubt = (mix @ price**2 - mean**2) / (parts["strength"].to_numpy("float64") + 1)
    return crashes * mean, (spread + crashes**2) * (mean**2 + doubt) - (crashes * mean) ** 2


def _whole(parts: pd.DataFrame, of: NDArray[np.int64], sites: int) -> dict[str, Floats]:
    """Figures of each site of the period; ``k`` of several parts is that of their weight."""
    predicted, crashes, expected = (
        np.bincount(of, values, sites)
        for values in (parts["predicted"], parts["crashes"], parts["expected"])
    )
    mu = parts["predicted"].to_numpy("float64")
    weight = np.bincount(of, mu / (1 + parts["k"].to_numpy("float64") * mu), sites) / predicted
    k = (1 / weight - 1) / predicted
    sigma = np.sqrt(np.bincount(of, (parts["sigma"].to_numpy("float64") * mu) ** 2, sites))
    # No more doubt than the overdispersion holds, whatever the sum of the parts says.
    sigma = np.minimum(sigma / predicted, np.sqrt(np.log1p(k)))  # NaN stays unknown
    return {
        "predicted": predicted, "crashes": crashes, "expected": expected, "k": k, "sigma": sigma
    }  # fmt: skip


def _by_block(
    screened: Screened, located: gpd.GeoDataFrame, order: pd.Index, period: tuple[date, date]
) -> Floats:
    """Crashes by block and site, shape (blocks, sites).

    Blocks are calendar years, or months where there are few years. A crash without a date is
    spread evenly over them; where none has a date there is one block. Crashes count whole, at
    their likeliest place.
    """
    own = np.flatnonzero(screened.membership.notna().to_numpy() & located["date"].notna())
    dates = pd.to_datetime(located["date"].iloc[own])
    first, last = period
    if last.year - first.year + 1 >= _YEARS_ENOUGH:
        size = last.year - first.year + 1
        block = dates.dt.year.to_numpy("int64") - first.year
    else:
        size = (last.year - first.year) * 12 + last.month - first.month + 1
        block = (dates.dt.year.to_numpy("int64") - first.year) * 12
        block += dates.dt.month.to_numpy("int64") - first.month
    site = order.get_indexer(pd.Index(screened.membership.iloc[own]))
    total = np.zeros((size, len(order)))
    np.add.at(total, (block, site), 1.0)
    if len(own) == 0:
        return total[:1]  # one block only: it cannot tell how others differ
    undated = screened.membership[located["date"].isna().to_numpy()].dropna()
    more = np.bincount(order.get_indexer(pd.Index(undated)), minlength=len(order))
    return np.asarray(total + more / size)
