"""The commands that need no study: what they are asked, and what they do.

Imported with the command line, so that all that is slow waits until a command runs.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blackspots import labels

METHODS = ("density", "clusters", "kdeplus", "k")
DENSITY_METHODS = ("simple", "discontinuous", "continuous")
KERNELS = ("uniform", "triangular", "epanechnikov", "quartic", "triweight", "gaussian")
LEVELS = ("fatal", "serious", "slight", "injury", "pdo")
UNITS = ("km", "m", "mile")
_FEWEST = 19
"""Simulations with which a local level of 5 % can be reached."""


def number(
    language: str, low: float, *, least: bool = False, whole: bool = False
) -> Callable[[str], Any]:
    """What reads a number above ``low``, or not below it; a wrong one is wrong usage."""

    def read(given: str) -> float:
        try:
            value = float(given)
        except ValueError:
            value = math.nan
        fits = math.isfinite(value) and (value >= low if least else value > low)
        if not fits or (whole and value != int(value)):
            need = labels.text("need.at-least" if least else "need.above", language, limit=low)
            raise argparse.ArgumentTypeError(f"{given}: {need}")
        return int(value) if whole else value

    return read


def pair(language: str) -> Callable[[str], tuple[str, str]]:
    """What reads ``COLUMN=HEADER``."""

    def read(given: str) -> tuple[str, str]:
        column, sign, header = given.partition("=")
        if not (column.strip() and sign):
            raise argparse.ArgumentTypeError(labels.text("cli.not-a-pair", language, given=given))
        return column.strip(), header.strip()

    return read


def patterns_options(parser: argparse.ArgumentParser, language: str) -> None:
    """Options of ``blackspots patterns``."""

    def say(key: str) -> str:
        return labels.text(f"patterns.{key}", language)

    def chosen(given: str) -> tuple[str, ...]:
        words = [word.strip() for word in given.split(",")]
        if not set(words) <= set(METHODS):
            raise argparse.ArgumentTypeError(f"{given}: {', '.join(METHODS)}")
        return tuple(method for method in METHODS if method in words)

    above, from_zero = number(language, 0.0), number(language, 0.0, least=True)

    def radii(given: str) -> tuple[float, ...]:
        return tuple(sorted({float(above(word)) for word in given.split(",")}))

    def whole(least: int) -> Callable[[str], Any]:
        return number(language, least, least=True, whole=True)

    metres: dict[str, Any] = {"metavar": "METRES"}
    epsg: dict[str, Any] = {"metavar": "EPSG:..."}
    parser.add_argument("events", type=Path, metavar="EVENTS", help=say("events"))
    parser.add_argument("lines", type=Path, metavar="LINES", help=say("lines"))
    parser.add_argument("--crs", required=True, **epsg, help=say("crs"))
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help=say("out"))
    listed: dict[str, Any] = {"type": chosen, "default": METHODS, "metavar": "METHOD,..."}
    parser.add_argument("--methods", **listed, help=say("methods"))
    for name, default in (("bandwidth", 150.0), ("lixel", 50.0), ("eps", 150.0)):
        parser.add_argument(f"--{name}", type=above, default=default, **metres, help=say(name))
    methods: dict[str, Any] = {"choices": DENSITY_METHODS, "default": "discontinuous"}
    parser.add_argument("--density-method", **methods, help=say("density-method"))
    parser.add_argument("--kernel", choices=KERNELS, default="quartic", help=say("kernel"))
    tracks = ("road", "line")
    parser.add_argument("--tracks", choices=tracks, default="road", help=say("tracks"))
    parser.add_argument("--radii", type=radii, metavar="METRES,...", help=say("radii"))
    for name, least, default in (
        ("min-crashes", 1, 5),
        ("simulations", _FEWEST, 999),
        ("k-simulations", 0, 99),
        ("seed", 0, 1),
    ):
        counted: dict[str, Any] = {"type": whole(least), "default": default, "metavar": "N"}
        parser.add_argument(f"--{name}", **counted, help=say(name))
    for name, default in (("tolerance", 50.0), ("node-tolerance", 0.0)):
        parser.add_argument(f"--{name}", type=from_zero, default=default, **metres, help=say(name))
    for name in ("events", "lines"):
        parser.add_argument(f"--{name}-crs", **epsg, help=say("crs-of"))
        parser.add_argument(f"--{name}-layer", metavar="LAYER", help=say("layer"))
    _pairs(parser, "--column", "COLUMN=HEADER", say("column"), language)
    parser.add_argument("--quiet", action="store_true", help=labels.text("cli.quiet", language))


def expected_options(parser: argparse.ArgumentParser, language: str) -> None:
    """Options of ``blackspots expected``."""

    def say(key: str) -> str:
        return labels.text(f"expected.{key}", language)

    def table(given: str) -> Path:
        if Path(given).suffix.lower() not in {".xlsx", ".csv"}:
            message = labels.text("expected.not-a-table", language, path=given)
            raise argparse.ArgumentTypeError(message)
        return Path(given)

    def headers(given: str) -> list[str]:
        return [word.strip() for word in given.split(",")]

    def years(given: str) -> float | str:
        try:
            float(given)
        except ValueError:
            return given
        return float(number(language, 0.0)(given))

    def severity(given: str) -> tuple[str, str]:
        level, header = pair(language)(given)
        if level not in LEVELS:
            raise argparse.ArgumentTypeError(f"{given}: {', '.join(LEVELS)}")
        return level, header

    column: dict[str, Any] = {"metavar": "COLUMN"}
    parser.add_argument("table", type=Path, metavar="TABLE", help=say("table"))
    parser.add_argument("--observed", required=True, **column, help=say("observed"))
    parser.add_argument("--id", **column, help=say("id"))
    parser.add_argument("--length", **column, help=say("length"))
    parser.add_argument("--length-unit", choices=UNITS, default="km", help=say("length-unit"))
    several: dict[str, Any] = {"type": headers, "default": [], "metavar": "COLUMN,..."}
    parser.add_argument("--traffic", **several, help=say("traffic"))
    parser.add_argument("--class", dest="classes", **column, help=say("class"))
    parser.add_argument("--years", type=years, default=1.0, metavar="N", help=say("years"))
    parser.add_argument("--spf", metavar="ID_OR_PATH", help=say("spf"))
    _pairs(parser, "--severity", "LEVEL=COLUMN", say("severity"), language, severity)
    parser.add_argument("--costs", metavar="ID_OR_PATH", help=say("cost-table"))
    parser.add_argument("--layer", metavar="LAYER", help=say("layer"))
    parser.add_argument("--out", required=True, type=table, metavar="FILE", help=say("out"))
    parser.add_argument("--quiet", action="store_true", help=labels.text("cli.quiet", language))


def backtest_options(parser: argparse.ArgumentParser, language: str) -> None:
    """Options of ``blackspots backtest``."""

    def table(given: str) -> Path:
        if Path(given).suffix.lower() != ".csv":
            message = labels.text("backtest.not-csv", language, path=given)
            raise argparse.ArgumentTypeError(message)
        return Path(given)

    study, until, out, quiet = (
        labels.text(key, language)
        for key in ("cli.study", "backtest.train-until", "backtest.out", "cli.quiet")
    )
    parser.add_argument("study", type=Path, metavar="STUDY.toml", help=study)
    parser.add_argument("--train-until", type=int, metavar="YEAR", help=until)
    parser.add_argument("--out", type=table, metavar="FILE.csv", help=out)
    parser.add_argument("--quiet", action="store_true", help=quiet)


def _pairs(
    parser: argparse.ArgumentParser,
    name: str,
    metavar: str,
    told: str,
    language: str,
    read: Callable[[str], tuple[str, str]] | None = None,
) -> None:
    parser.add_argument(
        name, action="append", default=[], type=read or pair(language), metavar=metavar, help=told
    )


def run_patterns(
    options: argparse.Namespace, language: str, progress: Callable[[str], None]
) -> list[str]:
    """Find and write patterns; returns what is to be said."""
    from blackspots import patterns_files as made  # noqa: PLC0415 - slow

    made.refuse_other(options.out)  # before the work, not after it
    names = [name for name in made.Options.__slots__ if getattr(options, name, None) is not None]
    found = made.patterns_of_files(
        options.events,
        options.lines,
        crs_name=options.crs,
        options=made.Options(**{name: getattr(options, name) for name in names}),
        events_crs=options.events_crs,
        lines_crs=options.lines_crs,
        events_layer=options.events_layer,
        lines_layer=options.lines_layer,
        columns=dict(options.column),
        progress=lambda step: progress(_step(step)),
    )
    progress("stage.write")
    path = made.write_patterns(found, options.out, language)
    return [*made.patterns_lines(found, language), labels.text("patterns.at", language, path=path)]


def _step(step: str) -> str:
    return "stage.read" if step == "read" else f"patterns.progress.{step}"


def run_expected(
    options: argparse.Namespace, language: str, progress: Callable[[str], None]
) -> list[str]:
    """Find and write expected crashes; returns what is to be said."""
    from blackspots import expected_files as made  # noqa: PLC0415 - slow

    made.refuse_other(options.out)  # before the work, not after it
    progress("stage.read")
    columns = made.Columns(
        observed=options.observed,
        id=options.id,
        length=options.length,
        traffic=options.traffic,
        classes=options.classes,
        years=options.years,
        severities=dict(options.severity),
    )
    found = made.expected_of_file(
        options.table,
        columns,
        layer=options.layer,
        length_unit=options.length_unit,
        spf=options.spf,
        costs=options.costs,
    )
    progress("stage.write")
    path = made.write_expected(found, options.out, language)
    return [*made.expected_lines(found, language), labels.text("expected.at", language, path=path)]
