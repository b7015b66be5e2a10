"""Expected crashes of a table of sites, from file to file, without a study."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from blackspots import sources
from blackspots.errors import BlackspotsError
from blackspots.labels import format_number, text
from blackspots.presets.costs import CostTable, cost_table
from blackspots.presets.spfs import PublishedFunction, published_function
from blackspots.reports import Sheet, write_workbook
from blackspots.screening.spf import SafetyPerformanceFunction
from blackspots.screening.tabular import Function, screen_with_function
from blackspots.store import whole_file, write_csv

LEVELS: Final = {
    "fatal": "death",
    "serious": "serious",
    "slight": "slight",
    "injury": "injured",
    "pdo": "pdo",
}
"""Severities of crashes, and the value of a cost table that each is costed at."""
UNITS: Final = {"km": 1.0, "m": 0.001, "mile": 1.609344}
"""Units of length [km]."""
RESULTS: Final = (
    "predicted",
    "expected",
    "expected_low",
    "expected_high",
    "excess",
    "weight",
    "k",
    "sigma",
    "service",
    "p_excess",
    "method",
)
ROW: Final = "source_row"
_GIVEN: Final = "{} (given)"
_TOLD: Final = 5
_DIGITS: Final = "#,##0.000"


@dataclass(frozen=True, slots=True)
class Columns:
    """Headers of a table of sites.

    ``traffic``: one, or for a published function one for each of its figures, in their order.
    ``years``: the length of the period, or the header of it. ``severities``: severity to the
    header of its crashes.
    """

    observed: str
    id: str | None = None
    length: str | None = None
    traffic: Sequence[str] = ()
    classes: str | None = None
    years: float | str = 1.0
    severities: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        """Those of texts."""
        return [each for each in (self.id, self.classes) if each]

    @property
    def numbers(self) -> list[str]:
        """Those of figures, each once."""
        years = [self.years] if isinstance(self.years, str) else []
        length = [self.length] if self.length else []
        every = (self.observed, *length, *self.traffic, *years, *self.severities.values())
        return list(dict.fromkeys(every))


@dataclass(frozen=True, slots=True)
class ExpectedTable:
    """A table of sites with their expected crashes, and the function these rest on."""

    table: pd.DataFrame
    """The columns that are named, then the results; on the number of the row in the file."""
    results: pd.DataFrame
    """The results alone."""
    function: Function | None
    notes: tuple[tuple[str, str], ...]
    columns: Columns
    costs: CostTable | None
    remarks: pd.DataFrame


def expected_of_file(
    path: Path,
    columns: Columns,
    *,
    layer: str | None = None,
    length_unit: str = "km",
    spf: str | None = None,
    costs: str | None = None,
) -> ExpectedTable:
    """Read one table of sites, and find the expected crashes of each.

    Parameters
    ----------
    path
        Any table that the readers take; only the ``columns`` are read.
    layer
        Layer or sheet, of several in a file.
    length_unit
        Unit of the length, a key of :data:`UNITS`.
    spf
        A published function, by id or path, brought to the table's own number of crashes;
        else one is fitted to the table.
    costs
        A cost table, by id or path: each severity is then costed at the value of one person of
        its grade (mark A).

    Raises
    ------
    BlackspotsError
        ``unknown-column``, ``personal-header``, ``missing-preset``; ``expected-traffic`` and
        ``expected-length`` when the function wants other columns; ``expected-costs`` when there
        are costs but no severity, or the other way round.
    """
    function = published_function(spf, Path.cwd()) if spf else None
    prices = cost_table(costs, Path.cwd()) if costs else None
    _fits(columns, function, prices)
    findings = sources.Findings()
    source = sources.Source(path, layer)
    read = sources.read_sites(source, findings, numbers=columns.numbers, words=columns.words)
    made = screen_with_function(
        _own(read, columns, UNITS[length_unit]),
        observed="observed",
        length="length" if columns.length else None,
        traffic=_traffic(columns, function),
        classes="classes" if columns.classes else None,
        years="years",
        costs=_prices(columns, prices),
        spf=function,
    )
    results = made.table
    if prices is not None and "pdo" not in columns.severities:
        results = results.drop(columns="expected_pdo")  # not recorded, so that it is not known
    taken = {name: _GIVEN.format(name) for name in read.columns if name in results.columns}
    return ExpectedTable(
        table=read.rename(columns=taken).join(results),
        results=results,
        function=made.function,
        notes=tuple(made.table.attrs["notes"]),
        columns=columns,
        costs=prices,
        remarks=findings.remarks_frame(),
    )


def _fits(columns: Columns, function: PublishedFunction | None, costs: CostTable | None) -> None:
    wanted = list(function.powers) if function else ["aadt"]
    if function is not None and len(columns.traffic) != len(wanted):
        raise BlackspotsError("expected-traffic", function=function.id, list=", ".join(wanted))
    if function is None and len(columns.traffic) > 1:
        raise BlackspotsError("expected-traffic-one", list=", ".join(columns.traffic))
    if function is not None and function.length and columns.length is None:
        raise BlackspotsError("expected-length", function=function.id)
    if (costs is None) != (not columns.severities):
        raise BlackspotsError("expected-costs", list=", ".join(LEVELS))


def _own(read: pd.DataFrame, columns: Columns, unit: float) -> pd.DataFrame:
    """The columns by what they mean, lengths in km, whatever their headers are."""
    made = {"observed": read[columns.observed]}
    if columns.length:
        made["length"] = read[columns.length].where(read[columns.length] > 0) * unit
    made |= {f"traffic{i}": read[header] for i, header in enumerate(columns.traffic)}
    if columns.classes:
        made["classes"] = read[columns.classes]
    if isinstance(columns.years, str):
        made["years"] = read[columns.years].where(read[columns.years] > 0)
    else:
        made["years"] = pd.Series(float(columns.years), index=read.index)
    made |= {level: read[header] for level, header in columns.severities.items()}
    if columns.severities and "pdo" not in columns.severities:
        made["pdo"] = pd.Series(0.0, index=read.index)  # the unit of EPDO is wanted all the same
    return pd.DataFrame(made)


def _traffic(columns: Columns, function: PublishedFunction | None) -> str | dict[str, str] | None:
    if function is not None:
        return {name: f"traffic{i}" for i, name in enumerate(function.powers)}
    return "traffic0" if columns.traffic else None


def _prices(columns: Columns, costs: CostTable | None) -> dict[str, float] | None:
    if costs is None:
        return None
    wanted = {**columns.severities, "pdo": ""}
    return {level: float(getattr(costs, LEVELS[level])) for level in LEVELS if level in wanted}


def refuse_other(path: Path) -> None:
    """Raise ``expected-foreign`` when ``path`` is there and was not written by this command."""
    if path.exists() and not _is_ours(path):
        raise BlackspotsError("expected-foreign", file=str(path))


def _is_ours(path: Path) -> bool:
    """A workbook of this program with its results, or a CSV whose header ends in results."""
    try:
        if path.suffix.lower() == ".xlsx":
            with zipfile.ZipFile(path) as book:
                titled = b">blackspots</dc:title>" in book.read("docProps/core.xml")
                return titled and b">p_excess<" in book.read("xl/sharedStrings.xml")
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except (OSError, KeyError, UnicodeDecodeError, csv.Error, zipfile.BadZipFile):
        return False
    first = header.index(RESULTS[0]) if RESULTS[0] in header else len(header)
    return tuple(header[first : first + len(RESULTS)]) == RESULTS


def write_expected(found: ExpectedTable, path: Path, language: str) -> Path:
    """Write the table, whole or not at all; returns its full path.

    A workbook has a second sheet with the function; a CSV file has the table alone.

    Raises
    ------
    BlackspotsError
        ``expected-foreign`` when another file is there; ``output-locked`` or ``output-failed``
        when it cannot be replaced or written.
    """
    path = path.resolve()
    refuse_other(path)
    with whole_file(path) as fresh:
        if path.suffix.lower() == ".csv":
            write_csv(found.table, fresh)
        else:
            write_workbook(fresh, [_sites(found, language), _function(found, language)])
    return path


def _sites(found: ExpectedTable, language: str) -> Sheet:
    flat = found.table.reset_index()
    # Written as they are told, the highest excess first; unknown ones last.
    flat = flat.sort_values(["excess", ROW], ascending=[False, True], na_position="last")
    formats = ["0", *(_format(found.table[name]) for name in found.table.columns)]
    lines = [text("expected.title", language), text("expected.about", language)]
    if found.costs is not None:
        lines.append(_cost_line(found, language))
    return Sheet(
        text("expected.sheet.sites", language),
        lines,
        list(flat.columns),
        flat.astype(object).where(flat.notna(), None).to_numpy().tolist(),
        formats,
        frozen=1 + len(found.columns.words),
    )


def _format(values: pd.Series) -> str:
    if not pd.api.types.is_numeric_dtype(values):
        return ""
    known = values.dropna()
    return "#,##0" if (known == np.rint(known)).all() else _DIGITS


def _cost_line(found: ExpectedTable, language: str) -> str:
    assert found.costs is not None  # noqa: S101 - the callers' branch
    title = found.costs.title.get(language) or next(iter(found.costs.title.values()))
    return text("expected.costs", language, title=title, currency=found.costs.currency)


def _function(found: ExpectedTable, language: str) -> Sheet:
    """The function: what it is in words, and its coefficients."""
    name = text("expected.sheet.function", language)
    heads = [
        text(f"expected.coefficient.{each}", language)
        for each in ("name", "value", "error", "low", "high")
    ]
    lines = [name, *function_lines(found, language)]
    rows: list[list[Any]] = []
    if isinstance(found.function, SafetyPerformanceFunction):
        table = found.function.table()
        values = table.astype(object).where(table.notna(), None)
        rows = [[index, *row] for index, row in zip(table.index, values.to_numpy(), strict=True)]
    elif found.function is not None:
        constant = [["constant", found.function.constant]]
        powers = [[f"ln({each})", power] for each, power in found.function.powers.items()]
        rows = [[*row, None, None, None] for row in constant + powers]
    return Sheet(name, lines, heads, rows, ["", *["0.0000"] * 4], frozen=1)


def function_lines(found: ExpectedTable, language: str) -> list[str]:
    """The function in words: how it came about, how sure it is, and what is to be known of it."""
    function = found.function
    if function is None:
        return [text("expected.nothing", language)]
    methods = found.results["method"]
    method = text(f"spf.{methods.iloc[0]}", language)
    lines = []
    if isinstance(function, SafetyPerformanceFunction):
        counts = {"units": function.units, "crashes": function.crashes}
        lines.append(text("expected.fitted", language, method=method, **counts))
        lines.append(_k_line(function, language))
        if np.isfinite(function.log_likelihood):
            fit = {"log": function.log_likelihood, "aic": function.aic}
            told = {name: format_number(value, language, 2) for name, value in fit.items()}
            lines.append(text("expected.likelihood", language, **told))
    else:
        title = function.title.get(language) or function.id
        said = {"title": title, "citation": function.citation, "mark": function.mark}
        lines.append(text("expected.published", language, method=method, **said))
        for figure, (low, high) in function.validity.items():
            said = {"low": format_number(low, language), "high": format_number(high, language)}
            lines.append(text("expected.validity", language, figure=figure, **said))
    return lines + [text(f"spf-note.{code}", language, about=about) for code, about in found.notes]


def _k_line(function: SafetyPerformanceFunction, language: str) -> str:
    k = format_number(function.k, language, 3)
    low, high = function.k_interval
    if not np.isfinite(low):
        return text("expected.k", language, k=k)
    ends = [format_number(end, language, 3) if np.isfinite(end) else "∞" for end in (low, high)]
    return text("expected.k-interval", language, k=k, low=ends[0], high=ends[1])


def expected_lines(found: ExpectedTable, language: str) -> list[str]:
    """What was found, in a few lines for the terminal."""
    results, columns = found.results, found.columns
    judged = results["expected"].notna()
    lines = [text("expected.rows", language, read=len(results), judged=int(judged.sum()))]
    unread = found.remarks[found.remarks["code"] == "number-unread"]
    for header, count in unread.groupby("column", sort=False)["count"].sum().items():
        lines.append(text("expected.unread", language, column=header, count=int(count)))
    left = found.remarks.loc[found.remarks["code"] == "personal-column", "column"]
    lines += [text("expected.left-out", language, column=column) for column in left]
    lines += function_lines(found, language)
    if found.costs is not None:
        lines.append(_cost_line(found, language))
    top = results[judged & (results["excess"] > 0)].nlargest(_TOLD, "excess")
    if len(top):
        lines.append(text("expected.top", language))
    ids = pd.Series(results.index.astype(str), results.index)
    if columns.id:
        header = _GIVEN.format(columns.id) if columns.id in results.columns else columns.id
        ids = found.table[header].fillna(ids)
    for row, excess, expected, predicted in zip(
        top.index, top["excess"], top["expected"], top["predicted"], strict=True
    ):
        figures = {"excess": excess, "expected": expected, "predicted": predicted}
        told = {name: format_number(value, language, 2) for name, value in figures.items()}
        lines.append("  " + text("expected.site", language, site=str(ids[row]), **told))
    return lines
