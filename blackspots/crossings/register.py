"""The register of level crossings: all that is known of each, and its sums by line and commune."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots.crossings.traffic import column
from blackspots.schema import CROSSING_REGISTER, EMPTY, check

SUMS: Final = (
    "crossings",
    "official",
    "self_opened",
    "unknown",
    "complying",
    "not_complying",
    "compliance_unknown",
    "crashes",
    "queue_crashes",
    "deaths",
    "injured",
    "accidents",
    "without_accidents",
)
"""Columns of :func:`by_line` and :func:`by_commune`."""


def counts(located: pd.DataFrame, crossings: pd.DataFrame) -> pd.DataFrame:
    """Crashes and persons at each crossing.

    Parameters
    ----------
    located
        :data:`blackspots.schema.LOCATED`: ``place``, ``crossing_id``, ``train_involved``,
        ``queue_at``, ``deaths``, ``serious``, ``slight``, ``injured``.

    Returns
    -------
    DataFrame
        Index as the crossings. ``crashes``: those at the crossing with a train, or of which it
        is not recorded; ``queue_crashes``: those without a train, beside it or at it.
        ``deaths`` and ``injured`` [persons] of the former: NA where no crash there has the
        figure, 0 without a crash in a register that has it.

    Raises
    ------
    ValueError
        A crash was placed at a crossing that is not among these.
    """
    at = column(located, "crossing_id").where(column(located, "place").eq("crossing"))
    no_train = column(located, "train_involved").eq(other=False)
    with_train = at.where(~no_train)
    queue = column(located, "queue_at")
    queue = queue.where(queue.ne("") & queue.notna(), at.where(no_train))
    lost = sorted({str(name) for name in (*at.dropna(), *queue.dropna())} - set(crossings.index))
    if lost:
        raise ValueError(f"crashes at crossings that are not listed: {', '.join(lost[:3])}")
    made = pd.DataFrame(index=crossings.index)
    for name, where in (("crashes", with_train), ("queue_crashes", queue)):
        number = where.value_counts().reindex(crossings.index, fill_value=0)
        made[name] = number.astype("Int64")
    persons = {"deaths": _persons(located, "deaths"), "injured": _injured(located)}
    for name, values in persons.items():
        total = values.groupby(with_train).sum(min_count=1).reindex(crossings.index)
        if values.notna().any():
            total = total.where(made["crashes"] > 0, 0)
        made[name] = total.astype("Int64")
    return made


def _persons(located: pd.DataFrame, name: str) -> pd.Series:
    return pd.to_numeric(column(located, name)).astype("Float64")


def _injured(located: pd.DataFrame) -> pd.Series:
    """Injured persons of each crash, the sum of those by grade where no total is given."""
    grades = pd.concat([_persons(located, name) for name in ("serious", "slight")], axis=1)
    both = grades.sum(axis=1, min_count=1).astype("Float64")
    total = _persons(located, "injured")
    return total.where(~(total < both).fillna(total.isna()).astype(bool), both)


def assemble(
    crossings: gpd.GeoDataFrame,
    *,
    placed: pd.DataFrame,
    areas: pd.Series,
    listed: pd.Series,
    traffic: pd.DataFrame,
    protection: pd.DataFrame,
    counts: pd.DataFrame,
    rated: pd.DataFrame,
) -> gpd.GeoDataFrame:
    """The register, in order of line and measure; what lies on no line stands last.

    Parameters
    ----------
    crossings
        :data:`blackspots.schema.CROSSINGS`; every other argument has its index.
    placed
        ``line``, ``km`` [km], ``measure``, ``offset`` [m], ``reason`` on the railway lines.
        Where a crossing is on none, its recorded railway and km are kept.
    areas
        Area of each crossing, missing outside.
    listed
        Whether the list has it; else it was confirmed in the field.
    traffic, protection, counts, rated
        As :mod:`~blackspots.crossings.traffic`, :mod:`~blackspots.crossings.protection`,
        :func:`counts` and the rating make them.

    Returns
    -------
    GeoDataFrame of :data:`blackspots.schema.CROSSING_REGISTER`

    Raises
    ------
    ValueError
        An argument lacks a crossing.
    SchemaError
        The register does not keep to its table.
    """
    given: dict[str, Any] = {
        "placed": placed,
        "areas": areas,
        "listed": listed,
        "traffic": traffic,
        "protection": protection,
        "counts": counts,
        "rated": rated,
    }
    short = [name for name, of in given.items() if not crossings.index.isin(of.index).all()]
    if short:
        raise ValueError(f"crossings are missing in: {', '.join(short)}")
    own = {name: frame.reindex(crossings.index) for name, frame in given.items()}
    on = own["placed"]
    sources: list[pd.DataFrame] = [
        pd.DataFrame(
            {
                "line": _first(column(on, "line"), column(crossings, "railway")),
                "km": _first(column(on, "km"), column(crossings, "km")),
                "measure": column(on, "measure"),
                "offset": column(on, "offset"),
                "place_reason": column(on, "reason").replace("", None),
                "area": own["areas"],
                "listed": own["listed"],
            }
        ),
        *(own[name] for name in ("traffic", "protection", "counts", "rated")),
        pd.DataFrame(crossings.drop(columns=crossings.geometry.name)),
    ]
    made = gpd.GeoDataFrame(geometry=crossings.geometry, crs=crossings.crs)
    for known in CROSSING_REGISTER.columns:
        of = next((frame for frame in sources if known.name in frame.columns), None)
        values = column(crossings if of is None else of, known.name)
        values = values.where(values.notna(), None)
        if known.kind == "number":
            values = pd.to_numeric(values).astype("Float64").astype("float64")
        dtype: Any = EMPTY[known.kind]
        made[known.name] = values.astype(dtype)
    made.index.name = CROSSING_REGISTER.index
    on_line = column(on, "line").notna() & made["measure"].notna()
    order = pd.DataFrame(
        {
            "off": ~on_line,
            "line": made["line"].fillna("\U0010ffff"),
            "measure": made["measure"].where(on_line, made["km"]),
            "id": made.index,
        },
        index=made.index,
    ).sort_values(["off", "line", "measure", "id"], kind="stable")
    made = made.loc[order.index, [*(c.name for c in CROSSING_REGISTER.columns), "geometry"]]
    check(made, CROSSING_REGISTER)
    return made


def _first(known: pd.Series, recorded: pd.Series) -> pd.Series:
    return known.where(known.notna() & known.ne(""), recorded)


def by_line(register: pd.DataFrame) -> pd.DataFrame:
    """Sums of each railway line, by its name; the last row, without a name, is of no line.

    A crossing that lies on no line but whose list names one is summed with that.

    Returns
    -------
    DataFrame
        Index ``line``, columns :data:`SUMS`: number of ``crossings``, by kind; of those that
        are not self-opened, how many are ``complying``, ``not_complying`` or neither is known;
        ``crashes``, ``queue_crashes``; ``deaths``, ``injured`` (NA where no crossing has the
        figure); ``accidents`` [1/year], expected, of those that have it (NaN where none has),
        and ``without_accidents``, how many have not.
    """
    return _sums(register, "line")


def by_commune(register: pd.DataFrame) -> pd.DataFrame:
    """Sums of each area, as :func:`by_line`; the last row, without a name, is of no area."""
    return _sums(register, "area")


def _sums(register: pd.DataFrame, by: str) -> pd.DataFrame:
    kind, complies = register["kind"].fillna("unknown"), register["complies"]
    judged = kind.ne("self-opened")
    flags = pd.DataFrame(
        {
            "crossings": True,
            "official": kind.eq("official"),
            "self_opened": kind.eq("self-opened"),
            "unknown": kind.eq("unknown"),
            "complying": judged & complies.fillna(value=False).astype(bool),
            "not_complying": judged & ~complies.fillna(value=True).astype(bool),
            "compliance_unknown": judged & complies.isna(),
            "without_accidents": register["accidents"].isna(),
        },
        index=register.index,
    )
    name = register[by].where(register[by].notna(), "").astype(object).to_numpy()
    made = flags.astype("int64").groupby(name).sum()
    for total in ("crashes", "queue_crashes"):
        made[total] = register[total].fillna(0).groupby(name).sum().astype("Int64")
    for total in ("deaths", "injured"):
        made[total] = register[total].groupby(name).sum(min_count=1).astype("Int64")
    made["accidents"] = register["accidents"].groupby(name).sum(min_count=1)
    made.index = pd.Index(made.index.astype(object), name=by)
    order = np.argsort(made.index == "", kind="stable")
    return made.iloc[order][list(SUMS)]
