"""A run's results as files: map page, GeoPackage, workbook, CSV tables, summary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from blackspots import referencing, sitelist, store, verification
from blackspots.labels import LANGUAGES, text
from blackspots.maps import MapData, save_page
from blackspots.rail_outputs import rail_layers, write_rail
from blackspots.reports import Sheet, write_workbook
from blackspots.review import keep_read, list_name, refuse_unread, write_review
from blackspots.screening import agreement_table
from blackspots.shown import layer_styles, rejected_table, remark_table
from blackspots.study import Placed, Result
from blackspots.summary import MILLION, banner, notes, preset_names, summarise, summary_lines

_SITE_PRINT: Final = 14
_SITE_COLUMNS: Final = [
    *("rank", "label", "kind", "area", "verdict", "crashes", "fatal", "deaths", "injured"),
    *("expected", "cost_per_year", "best_work", "cost", "funded", "why", "rule"),
    *("status", "owner", "note", "new", "first_listed", "last_listed"),
    *("rules", "short_of", "tight_from", "tight_to"),
    *("window_start", "window_end", "agreement", "eb", "cluster", "cluster_q", "crashes_weighted"),
    *("serious", "slight", "injury", "pdo", "unknown"),
    *("rank_low", "rank_high", "p_first_10", "p_paid", "p_change_traffic", "p_change_location"),
    *("years", "predicted", "expected_low", "expected_high", "excess", "p_excess", "length"),
    *("junctions", "site_id", "window_crashes", "rule_uncertain"),
]
_PROJECT_PRINT: Final = 12
_PROJECT_COLUMNS: Final = [
    *("funded", "label", "work", "countermeasure", "source", "cost", "life", "deaths_avoided"),
    *("injuries_avoided", "npv", "bcr", "why", "site_id", "upkeep", "detour_cost", "crash_cost"),
    *("crashes_avoided", "benefit", "mark"),
]
_AREA_COLUMNS: Final = [
    "level",
    "name",
    "crashes",
    "fatal",
    "serious",
    "slight",
    "injury",
    "pdo",
    "unknown",
    "casualty",
    "ksi",
    "deaths",
    "injured",
]
_AGREEMENT_COLUMNS: Final = [
    *("verdict", "eb", "cluster", "agreement", "sites", "crashes", "fatal", "unknown"),
    *("deaths", "injured", "length", "expected", "excess"),
]
_UNPLACED_COLUMNS: Final = [
    "reason",
    "date",
    "hour",
    "severity",
    "deaths",
    "injured",
    "district",
    "route",
    "km",
    "source_file",
    "source_sheet",
    "source_row",
]
_MONEY: Final = {
    *("cost_per_year", "cost", "upkeep", "detour_cost", "crash_cost", "benefit", "npv"),
}
_CODES: Final = {
    "kind": "kind",
    "verdict": "verdict",
    "agreement": "agreement",
    "why": "why",
    "severity": "severity",
    "reason": "reason",
    "mark": "mark",
    "source": "term.source",
    "status": "status",
}
_JOINED: Final = {"rules": ("rule", ";"), "short_of": ("short", "+")}
"""Columns with several codes: where the words stand, and what joins the codes."""


def write_outputs(result: Result, folder: Path) -> Path:
    """Write all outputs into ``folder``, whole or not at all; returns the map's path.

    Raises
    ------
    BlackspotsError
        What :func:`blackspots.store.whole_folder` says of the folder, or ``refuse_unread`` of
        :mod:`blackspots.review`, :mod:`blackspots.sitelist`, :mod:`blackspots.verification`.
    """
    notice = banner(result, result.study.study.language)
    refuse_unread(folder, result.study)
    sitelist.refuse_unread(folder, result.study)
    verification.refuse_unread(folder, result.study)
    with store.whole_folder(folder) as fresh:
        save_page(map_data(result), fresh / "map.html")
        _write_tables(result, fresh, notice)
        store.write_geopackage(
            fresh / "blackspots.gpkg",
            _layers(result),
            layer_styles(result.study.study.language, list(result.inputs.areas)),
            description=" · ".join(filter(None, [notice, *result.study.study.sources])),
        )
        write_workbook(
            fresh / "ranking.xlsx",
            _sheets(result),
            banner=notice,
        )
        write_rail(result, folder, fresh, notice)
        placed = Placed(result.study, result.inputs, result.network, result.placement)
        write_review(placed, fresh / list_name(folder, result.study), notice)
        keep_read(folder, fresh, result.study)
        sitelist.write_sites(result, fresh / sitelist.list_name(folder, result.study), notice)
        sitelist.keep_read(folder, fresh, result.study)
        summary = json.dumps(summarise(result), ensure_ascii=False, indent=1)
        (fresh / store.MARKER).write_text(summary + "\n", encoding="utf-8", newline="\n")
    return folder.resolve() / "map.html"


def map_data(result: Result) -> MapData:
    """What the page shows."""
    study, known = result.study.study, result.knowledge
    crs = result.located.crs
    empty = gpd.GeoDataFrame({"ref": []}, geometry=[], crs=crs)
    members = result.located["site_id"].dropna()
    groups = members.groupby(members).groups
    boundary = result.inputs.boundary
    every_note = {language: notes(result, language) for language in LANGUAGES}
    count = len(every_note[LANGUAGES[0]])
    ranked_by = "rank-cost" if result.valued else "rank-crashes"
    return MapData(
        title=study.name,
        language=study.language,
        start=result.period[0],
        end=result.period[1],
        definition=known.definition.title,
        rank_by={language: text(f"term.{ranked_by}", language) for language in LANGUAGES},
        simulated=study.simulated,
        currency=known.costs.currency,
        money_unit=MILLION,
        budget=result.programme.budget if result.programme else None,
        read=result.read,
        placed=result.placed,
        unplaced=result.unplaced,
        rejected=result.rejected,
        notes=tuple({lang: every_note[lang][i] for lang in LANGUAGES} for i in range(count)),
        sources=tuple(study.sources),
        sites=result.sites,
        projects=result.projects,
        crashes=result.located,
        segments=result.network.segments if result.network else empty,
        railways=result.inputs.railways,
        crossings=result.inputs.crossings,
        register=result.crossings.register if result.crossings else None,
        rating=known.crossings.model.title if result.crossings else "",
        found=result.railway.found if result.railway else None,
        closures=result.closures.table if result.closures else None,
        areas=next(iter(result.inputs.areas.values()), None),
        boundary=None if boundary is None else gpd.GeoDataFrame(geometry=boundary),
        places=result.inputs.places,
        members={str(site): tuple(map(str, ids)) for site, ids in groups.items()},
        terms=preset_names(result),
    )


def _write_tables(result: Result, folder: Path, notice: str) -> None:
    sites = pd.DataFrame(result.sites.drop(columns=result.sites.geometry.name))
    store.write_csv(sites, folder / "ranking.csv", notice=notice)
    projects = pd.DataFrame(result.projects.drop(columns=result.projects.geometry.name))
    store.write_csv(projects, folder / "programme.csv", notice=notice)
    store.write_csv(
        rejected_table(result.inputs.rejects), folder / "rejected.csv", index=False, notice=notice
    )
    store.write_csv(
        remark_table(result.inputs.remarks), folder / "remarks.csv", index=False, notice=notice
    )
    located = result.located
    store.write_csv(
        located.loc[located["place"].isna(), _UNPLACED_COLUMNS],
        folder / "unplaced.csv",
        notice=notice,
    )
    table = agreement_table(result.sites)
    store.write_csv(table, folder / "agreement.csv", index=False, notice=notice)
    store.write_csv(result.certainty, folder / "certainty.csv", notice=notice)
    if result.clusters is not None:
        store.write_csv(result.clusters, folder / "clusters.csv", notice=notice)
    if len(result.areas):
        store.write_csv(result.areas, folder / "areas.csv", index=False, notice=notice)
    if result.segments is not None:
        store.write_csv(result.segments, folder / "segments.csv", notice=notice)
    if result.parts is not None:
        store.write_csv(result.parts, folder / "parts.csv", notice=notice)
        store.write_csv(result.candidates, folder / "candidates.csv", notice=notice)


def _layers(result: Result) -> dict[str, Any]:
    located, projects = result.located, result.projects
    sites = result.sites.drop(columns="note")  # free text of the user's stays in the office

    def of(frame: gpd.GeoDataFrame, *kinds: str) -> gpd.GeoDataFrame:
        return frame[frame.geom_type.isin(kinds)]

    boundary = result.inputs.boundary
    simulated = pd.DataFrame(
        {
            "notice": [
                banner(result, "vi"),
                *notes(result, "vi"),
                *notes(result, "en"),
                *result.study.study.sources,
            ]
        }
    )
    layers: dict[str, Any] = {
        "boundary": None if boundary is None else gpd.GeoDataFrame(geometry=boundary),
        **{f"areas_{level}": frame for level, frame in result.inputs.areas.items()},
        "railways": result.inputs.railways,
        "segments": result.segments,
        "junctions": result.network.junctions if result.network else None,
        "crossings": result.inputs.crossings,
        "crashes": located[located["place"].notna() & located.geometry.notna()],
        "crashes_unplaced": pd.DataFrame(
            located.loc[located["place"].isna()].drop(columns=located.geometry.name)
        ),
        "sites_area": of(sites, "Polygon", "MultiPolygon"),
        "sites_road": of(sites, "LineString", "MultiLineString"),
        "sites_point": of(sites, "Point"),
        "agreement": _agreement_layer(result),
        "clusters": _cluster_layer(result),
        **rail_layers(result),
        "projects_road": of(projects, "LineString", "MultiLineString"),
        "projects_point": of(projects, "Point"),
        "rejected": rejected_table(result.inputs.rejects),
        "notes": simulated[simulated["notice"] != ""].rename_axis("note_id"),
    }
    return {name: frame for name, frame in layers.items() if frame is not None}


def _agreement_layer(result: Result) -> gpd.GeoDataFrame:
    """The verdicts on every site at its middle, with what they mean together in words."""
    sites = result.sites
    columns = ["rank", "label", "area", "verdict", "eb", "cluster", "agreement"]
    made = sites[columns].set_geometry(sites.geometry.representative_point())
    for language in LANGUAGES:
        made[f"meaning_{language}"] = [text(f"agreement.{c}", language) for c in made["agreement"]]
    return made


def _cluster_layer(result: Result) -> gpd.GeoDataFrame | None:
    """Clusters as stretches of their routes."""
    if result.clusters is None or result.network is None:
        return None
    places = result.clusters[["route_id", "low", "high"]].itertuples(index=False)
    lines = [referencing.stretch(result.network.routes, *place) for place in places]
    made = gpd.GeoDataFrame(result.clusters, geometry=lines, crs=result.located.crs)
    return made[made.geom_type == "LineString"]


def _sheets(result: Result) -> list[Sheet]:
    study = result.study.study
    language = study.language
    name = study.name.get(language) or next(iter(study.name.values()))
    period = text(
        "book.period",
        language,
        start=f"{result.period[0]:%d/%m/%Y}",
        end=f"{result.period[1]:%d/%m/%Y}",
    )
    money = text(
        "book.money",
        language,
        currency=result.knowledge.costs.currency,
        year=str(result.knowledge.costs.price_year),
    )
    sheets = [
        Sheet(
            text("sheet.summary", language),
            [
                name,
                *summary_lines(result, language),
                "",
                text("book.notes", language),
                *notes(result, language),
                "",
                text("book.sources", language),
                *study.sources,
            ],
        ),
        _sheet(
            result,
            "ranking",
            _with_best_work(result),
            _SITE_COLUMNS,
            [name, period, money],
            printed=_SITE_PRINT,
        ),
    ]
    if len(result.sites):
        table = agreement_table(result.sites)
        sheets.append(_sheet(result, "agreement", table, _AGREEMENT_COLUMNS, [name, period]))
    if len(result.projects):
        order = result.projects.sort_values(["funded", "npv"], ascending=False, kind="stable")
        sheets.append(
            _sheet(
                result,
                "programme",
                order.reset_index(),
                _PROJECT_COLUMNS,
                [name, money],
                printed=_PROJECT_PRINT,
            )
        )
    if len(result.areas):
        areas = result.areas.copy()
        special = areas["group"].map(
            {g: text(f"term.{g}", language) for g in ("outside", "nowhere", "total")}
        )
        areas["name"] = special.where(special.notna(), areas["name"])
        sheets.append(_sheet(result, "areas", areas, _AREA_COLUMNS, [name, period]))
    unplaced = result.located[result.located["place"].isna()].reset_index()
    sheets.append(_sheet(result, "unplaced", unplaced, ["crash_id", *_UNPLACED_COLUMNS], [name]))
    rejected = rejected_table(result.inputs.rejects).rename(columns={f"fix_{language}": "fix"})
    columns = ["table", "file", "sheet", "row", "column", "value", "fix"]
    sheets.append(_sheet(result, "rejected", rejected, columns, [name]))
    return sheets


def _with_best_work(result: Result) -> pd.DataFrame:
    """Sites with the work that is funded there, else the one of the greatest net benefit."""
    language = result.study.study.language
    terms = preset_names(result)
    projects = result.projects[result.projects["npv"].notna()]
    order = projects.sort_values(["funded", "npv"], ascending=False, kind="stable")
    best: dict[str, tuple[str, float]] = {}
    for row in order.itertuples():
        names = terms.get(f"countermeasure.{row.countermeasure}", {})
        work = str(row.work or names.get(language) or row.countermeasure)
        for site in str(row.group).split(";"):
            best.setdefault(site, (work, float(row.cost)))
    made = pd.DataFrame(result.sites.drop(columns=result.sites.geometry.name)).reset_index()
    found = [best.get(str(site), (None, np.nan)) for site in made["site_id"]]
    made["best_work"] = pd.Series([work for work, _ in found], dtype="object")
    made["cost"] = [cost for _, cost in found]
    return made


def _sheet(
    result: Result,
    key: str,
    frame: pd.DataFrame,
    columns: list[str],
    lines: list[str],
    *,
    printed: int | None = None,
) -> Sheet:
    language = result.study.study.language
    terms = {key: name.get(language, key) for key, name in preset_names(result).items()}
    shown, formats = [], []
    for column in columns:
        values = frame[column]
        if column in _MONEY:
            values, form = values / MILLION, "#,##0.0" if column == "upkeep" else "#,##0"
        elif pd.api.types.is_datetime64_any_dtype(values):
            form = "dd/mm/yyyy"
        elif pd.api.types.is_bool_dtype(values):
            words = {True: text("term.yes", language), False: text("term.no", language)}
            values, form = values.astype(object).map(words), ""
        elif pd.api.types.is_float_dtype(values):
            form = "#,##0" if column == "length" else "#,##0.00"
        elif pd.api.types.is_integer_dtype(values):
            form = "0"
        else:
            values, form = _words(values, column, language, terms), ""
        shown.append(list(values.astype(object)))
        formats.append(form)
    rows = [list(row) for row in zip(*shown, strict=True)]
    heads = [text(f"column.{column}", language) for column in columns]
    title = text(f"sheet.{key}", language)
    return Sheet(title, [f"{title} – {lines[0]}", *lines[1:]], heads, rows, formats, printed)


def _words(values: pd.Series, column: str, language: str, terms: dict[str, str]) -> pd.Series:
    """Codes as the language says them."""
    if column in _CODES:
        prefix = _CODES[column]
        words = {code: text(f"{prefix}.{code}", language) for code in values.dropna().unique()}
        return values.map(words)
    if column in {"rule", "countermeasure"}:
        return values.map(
            lambda code: None if code is None else terms.get(f"{column}.{code}", code)
        )
    if column in _JOINED:
        prefix, sign = _JOINED[column]
        return values.map(
            lambda codes: (
                None
                if codes is None
                else f"{sign} ".join(
                    terms.get(f"rule.{code}", code)
                    if prefix == "rule"
                    else text(f"{prefix}.{code}", language)
                    for code in codes.split(sign)
                )
            )
        )
    return values
