"""A check as a workbook."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots import crs as crs_
from blackspots.checking.told import ROW, Counts, Told
from blackspots.errors import BlackspotsError
from blackspots.labels import text
from blackspots.network import NEARLY, REACH, Network
from blackspots.quality import JUDGED, KM_APART
from blackspots.referencing import km_text
from blackspots.reports import Sheet, write_workbook
from blackspots.store import whole_file
from blackspots.study import Checked

_MOST_ROWS: Final = 50_000
"""Rows of a sheet: a list that nobody can work through does not get longer."""
_SOURCE: Final = ["source_file", "source_sheet", "source_row"]


def check_sheets(checked: Checked, language: str) -> list[Sheet]:
    """A check as the sheets of a workbook."""
    told = Told(checked, language)
    limit = int(KM_APART)
    return [
        _summary(told),
        _rejected(told, "rejected", told.inputs.rejects),
        _unplaced(told),
        _remarks(told, "repaired"),
        _remarks(told, "doubtful"),
        _complete(told),
        _by(told, "district", told.quality.by_district),
        _by(told, "year", told.quality.by_year),
        _apart(told, limit),
        _km_gaps(told, limit),
        _roads(told),
        *_posts(told),
        _heaps(told),
        _rejected(told, "outside", told.outside),
        _duplicates(told),
    ]


def _summary(told: Told) -> Sheet:
    words = told.words
    say = words.say

    def counted(counts: Counts) -> list[str]:
        lines = [f"   {words.number(n)}  –  {what}" for what, n in counts.items()]
        return lines or [f"   {say('none')}"]

    parts: dict[str, Sequence[str]] = {
        "good": told.grades(),
        "first": told.losses(),
        "rejected": counted(told.by_reason("reject", told.rejected_by)),
        "others": [f"   {line}" for line in told.others()] or [f"   {say('none')}"],
        "unplaced": counted(told.by_reason("reason", told.unplaced_by)),
        "repaired": counted(told.remarked("repaired")),
        "doubtful": counted(told.remarked("doubtful")),
        "found": [line for _, line in told.found().values()],
        "columns": told.columns(),
        "sources": told.checked.study.study.sources,
    }
    lines = [say("title", name=told.name), told.period]
    lines.append(
        say(
            "rows.sum",
            read=told.read,
            usable=told.usable,
            rejected=told.rejected,
            placed=told.placed,
            unplaced=told.unplaced,
        )
    )
    for key, texts in parts.items():
        if texts:
            lines += ["", say(f"part.{key}").upper(), *texts]
    return Sheet(say("sheet.summary"), lines)


def _sheet(
    told: Told,
    key: str,
    columns: Mapping[str, tuple[str, Sequence[Any]]],
    *,
    heads: Mapping[str, str] | None = None,
    printed: int | None = None,
    **about: Any,
) -> Sheet:
    """A sheet of columns: name to number format and values."""
    words = told.words
    title = words.say(f"sheet.{key}")
    lines = [f"{title} – {told.name}", words.say(f"about.{key}", **about)]
    total = len(next(iter(columns.values()))[1])
    if total == 0:
        lines.append(words.say("none"))
    elif total > _MOST_ROWS:
        lines.append(words.say("cut", shown=_MOST_ROWS, total=total))
    cells = [list(values)[:_MOST_ROWS] for _, values in columns.values()]
    return Sheet(
        title,
        lines,
        [(heads or {}).get(column) or words.head(column) for column in columns],
        [list(row) for row in zip(*cells, strict=True)],
        [form for form, _ in columns.values()],
        printed,
    )


def _in_file_order(frame: pd.DataFrame) -> pd.DataFrame:
    """The register first; then as the rows stand in their files."""
    made = frame.assign(_other=frame["table"] != "crashes")
    return made.sort_values(["_other", "table", *ROW], kind="stable").drop(columns="_other")


def _rejected(told: Told, key: str, rejects: pd.DataFrame) -> Sheet:
    frame = _in_file_order(rejects)
    fixes = {code: text(f"reject.{code}", told.language) for code in frame["code"].unique()}
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "table": ("", [told.words.table(name) for name in frame["table"]]),
        **{name: ("0" if name == "row" else "", list(frame[name])) for name in ROW},
        "column": ("", list(frame["column"])),
        "value": ("", list(frame["value"])),
        "fix": ("", [fixes[code] for code in frame["code"]]),
    }
    return _sheet(told, key, columns)


def _unplaced(told: Told) -> Sheet:
    located = told.checked.located
    frame = located[located["place"].isna()].reset_index()
    reasons = {code: text(f"reason.{code}", told.language) for code in frame["reason"].unique()}
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "crash_id": ("", list(frame["crash_id"])),
        "reason": ("", [reasons[code] for code in frame["reason"]]),
        **_crash_columns(frame, ["date", "district", "route", "km", *_SOURCE]),
    }
    return _sheet(told, "unplaced", columns)


def _remarks(told: Told, kind: str) -> Sheet:
    frame = _in_file_order(told.remarks(kind))
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "table": ("", [told.words.table(name) for name in frame["table"]]),
        **{name: ("0" if name == "row" else "", list(frame[name])) for name in ROW},
        "column": ("", list(frame["column"])),
        "count": ("#,##0", list(frame["count"])),
        "value": ("", list(frame["value"])),
        "used": ("", list(frame["used"])),
        "what": ("", [told.remark(row) for row in frame.itertuples()]),
    }
    return _sheet(told, kind, columns)


def _complete(told: Told) -> Sheet:
    table = told.quality.completeness.loc[list(JUDGED)]
    filled = [int(n) for n in table["filled"]]
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "column": ("", [told.words.say(f"column.{column}") for column in table.index]),
        "filled": ("#,##0", filled),
        "missing": ("#,##0", [told.usable - n for n in filled]),
        "share": ("0 %", list(table["share"])),
        "grade": ("", [told.words.grade(share) for share in table["share"]]),
    }
    return _sheet(told, "complete", columns)


def _by(told: Told, key: str, table: pd.DataFrame) -> Sheet:
    """Shares by district or year, then what belongs to none, and all together."""
    judged = list(JUDGED)
    every = told.quality.completeness
    shares = table[judged].astype("float64")
    names: list[Any] = [str(name) if key == "district" else int(name) for name in table.index]
    counts = [int(n) for n in table["crashes"]]
    rows = [list(row) for row in shares.itertuples(index=False)]
    rest = told.usable - sum(counts)
    if rest:
        known = shares.mul(table["crashes"], axis=0).sum()
        left = (every.loc[judged, "filled"] - known).round() / rest
        names.append(told.words.say(f"without-{key}"))
        counts.append(rest)
        rows.append(list(left))
    if names:
        names.append(text("term.total", told.language))
        counts.append(told.usable)
        rows.append(list(every.loc[judged, "share"]))
    # A year is a number, the words below it are text: they stand in one column.
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        key: ("" if key == "district" else "0", names),
        "crashes": ("#,##0", counts),
    }
    for i, column in enumerate(judged):
        columns[f"share-{column}"] = ("0 %", [row[i] for row in rows])
    heads = {f"share-{column}": told.words.say(f"column.{column}") for column in judged}
    return _sheet(told, key, columns, heads=heads)


def _apart(told: Told, limit: int) -> Sheet:
    frame = told.quality.apart.rename_axis("crash_id").reset_index()
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "crash_id": ("", list(frame["crash_id"])),
        **_crash_columns(frame, ["route", "km"]),
        "apart": ("#,##0", list(frame["km_difference"].abs())),
        **_crash_columns(frame, _SOURCE),
    }
    return _sheet(told, "apart", columns, limit=limit)


def _km_gaps(told: Told, limit: int) -> Sheet:
    frame = told.quality.km_gaps
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "by": ("", [told.words.say(f"column.{by}") for by in frame["by"]]),
        "name": ("", list(frame["name"])),
        "crashes": ("#,##0", list(frame["crashes"])),
        "median": ("#,##0", list(frame["median"])),
        "p90": ("#,##0", list(frame["p90"])),
        "shift": ("#,##0", list(frame["shift"])),
        "beyond": ("0 %", list(frame["beyond"])),
    }
    return _sheet(told, "km", columns, limit=limit)


def _roads(told: Told) -> Sheet:
    """What may be wrong with the roads: ends that nearly touch, then parts that nothing joins."""
    network = told.checked.network
    rows: list[tuple[Any, ...]] = []
    if network is not None:
        rows = [*_nearly(network, told), *_islands(network, told)]
    names = ("what", "road", "length", "apart", "other", "coordinate")
    forms = ("", "", "0.000", "0.0", "", "")
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        name: (form, [row[i] for row in rows])
        for i, (name, form) in enumerate(zip(names, forms, strict=True))
    }
    return _sheet(told, "roads", columns, nearly=NEARLY)


def _nearly(network: Network, told: Told) -> Iterator[tuple[Any, ...]]:
    ends = network.health.dead_ends
    ends = ends[ends["gap"].notna()].sort_values("gap", kind="stable")
    own = pd.Series(network.segments.index, index=network.segments["from_node"])
    own = pd.concat([own, pd.Series(network.segments.index, index=network.segments["to_node"])])
    segment = own[~own.index.duplicated()].reindex(ends.index)
    road = network.segments["road_id"]
    places = _degrees(ends.geometry, told)
    for of, near, gap, place in zip(segment, ends["near"], ends["gap"], places, strict=True):
        yield told.words.say("road.nearly"), road[of], None, gap, road[near], place


def _islands(network: Network, told: Told) -> Iterator[tuple[Any, ...]]:
    islands = network.health.islands.iloc[1:]
    first = np.unique(network.health.island, return_index=True)[1]
    of = network.segments.iloc[first[1:]]
    places = _degrees(of.geometry.interpolate(0), told)
    for length, road, place in zip(islands["length"], of["road_id"], places, strict=True):
        yield told.words.say("road.island"), road, length / 1000, None, None, place


def _posts(told: Told) -> list[Sheet]:
    """Km posts that are of no use, and where the km jump; no sheet without posts."""
    if told.posts is None:
        return []
    posts = told.posts
    frame = pd.concat([posts[posts["reason"].notna()], posts[posts["jump"].notna()]])
    what = frame["reason"].where(frame["reason"].notna(), "jump")
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "what": ("", [told.words.say(f"post.{code}") for code in what]),
        "road": ("", list(frame["ref"])),
        "post": ("", ["" if np.isnan(km) else km_text(km) for km in frame["km"]]),
        "apart": ("0.0", list(frame["offset"])),
        "jump": ("#,##0", list(frame["jump"])),
        **_crash_columns(frame, _SOURCE),
        "coordinate": ("", _degrees(frame.geometry, told)),
    }
    return [_sheet(told, "posts", columns, reach=int(REACH))]


def _degrees(points: gpd.GeoSeries, told: Told) -> list[str]:
    """Latitude and longitude as text."""
    here = told.checked.located.crs
    x, y = points.x.to_numpy(), points.y.to_numpy()
    lon, lat = crs_.transform(x, y, here, crs_.WGS84) if len(points) else (x, y)
    return [f"{a:.6f}, {b:.6f}" for a, b in zip(lat, lon, strict=True)]


def _heaps(told: Told) -> Sheet:
    frame = told.inputs.stacks.sort_values("crashes", ascending=False, kind="stable")
    spots = gpd.GeoSeries.from_xy(*(frame[axis].to_numpy(dtype="float64") for axis in ("x", "y")))
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "crashes": ("#,##0", list(frame["crashes"])),
        "reason": ("", [told.words.say(f"heap.{code}") for code in frame["reason"]]),
        "area": ("", list(frame["area"])),
        "uncertainty": ("#,##0", list(frame["uncertainty"])),
        "coordinate": ("", _degrees(spots, told)),
        "ids": ("", [str(ids).replace(";", "; ") for ids in frame["ids"]]),
    }
    return _sheet(told, "heaps", columns, printed=5)


def _duplicates(told: Told) -> Sheet:
    frame = told.quality.duplicates.rename_axis("crash_id").reset_index()
    partner = ["partner_file", "partner_sheet", "partner_row"]
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "crash_id": ("", list(frame["crash_id"])),
        "duplicate_of": ("", list(frame["duplicate_of"])),
        **_crash_columns(frame, ["date", "hour", "route", "km", "deaths", "injured"]),
        **_crash_columns(frame, [*_SOURCE, *partner]),
    }
    return _sheet(told, "duplicates", columns)


_FORMATS: Final = {
    "date": "dd/mm/yyyy",
    "km": "0.000",
    **dict.fromkeys(("hour", "deaths", "injured", "source_row", "partner_row"), "0"),
}


def _crash_columns(
    frame: pd.DataFrame, names: Sequence[str]
) -> dict[str, tuple[str, Sequence[Any]]]:
    """Columns of crashes with their number formats."""
    return {name: (_FORMATS.get(name, ""), list(frame[name])) for name in names}


def refuse_other(path: Path) -> None:
    """Raise ``check-foreign`` when ``path`` is there and was not written by a check.

    A mistyped ``--out`` must not replace the register itself.
    """
    if path.exists() and not _is_ours(path):
        raise BlackspotsError("check-foreign", file=str(path))


def _is_ours(path: Path) -> bool:
    """Whether a file is a workbook of this program, even if saved again by another one."""
    try:
        with zipfile.ZipFile(path) as book:
            return b">blackspots</dc:title>" in book.read("docProps/core.xml")
    except (OSError, KeyError, zipfile.BadZipFile):
        return False


def write_check(checked: Checked, path: Path, language: str) -> Path:
    """Write the workbook of a check, whole or not at all; returns its full path.

    Raises
    ------
    BlackspotsError
        ``check-foreign`` when another file is there; ``output-locked`` or ``output-failed``
        when it cannot be replaced or written.
    """
    path = path.resolve()
    refuse_other(path)
    sheets = check_sheets(checked, language)
    with whole_file(path) as fresh:
        write_workbook(fresh, sheets, banner=Told(checked, language).banner)
    return path
