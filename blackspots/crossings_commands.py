"""``blackspots crossings``: what is asked, and what is done; slow imports wait for a command."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from blackspots import labels
from blackspots.alone_commands import number, pair
from blackspots.errors import BlackspotsError

_FILES: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "detect": (("roads", "railways"), ("inventory",)),
    "match": (("found", "inventory"), ("railways",)),
    "assign": (("accidents", "inventory"), ("railways",)),
    "rate": (("inventory",), ("accidents", "railways")),
}
"""Action to the files it wants, and those it may have."""


def crossings_options(parser: argparse.ArgumentParser, language: str) -> None:
    """Options of ``blackspots crossings`` and its actions."""

    def say(key: str) -> str:
        return labels.text(f"rail.{key}", language)

    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action in _FILES:
        _of_files(
            actions.add_parser(action, help=say(action), description=say(action)), action, say
        )
    above, from_zero = number(language, 0.0), number(language, 0.0, least=True, whole=True)
    metres: dict[str, Any] = {"type": above, "metavar": "METRES"}
    name: dict[str, Any] = {"metavar": "ID_OR_PATH"}
    detect, match, assign, rate = (actions.choices[action] for action in _FILES)
    for each in (detect, match):
        each.add_argument("--gate", default=50.0, **metres, help=say("gate"))
    detect.add_argument("--facing", default=10.0, **metres, help=say("facing"))
    detect.add_argument("--verified", type=Path, metavar="FILE", help=say("verified"))
    assign.add_argument("--footprint", default=75.0, **metres, help=say("footprint"))
    for each in (assign, rate):
        each.add_argument("--all-with-train", action="store_true", help=say("all-with-train"))
    rate.add_argument("--model", default="us-dot", **name, help=say("model"))
    rate.add_argument("--rules", default="default", **name, help=say("rules"))
    rate.add_argument("--traffic", default="default", **name, help=say("traffic"))
    rate.add_argument("--on", type=_day(language), metavar="YYYY-MM-DD", help=say("on"))
    rate.add_argument("--years", type=above, metavar="N", help=say("years"))
    rate.add_argument("--accidents-crossing", dest="by", metavar="HEADER", help=say("by"))
    rate.add_argument(
        "--speed-unit", choices=("km/h", "mph"), default="km/h", help=say("speed-unit")
    )
    codes: dict[str, Any] = {"dest": "vocabulary", "choices": ("fra-wdcode",)}
    rate.add_argument("--protection-words", **codes, help=say("protection-words"))
    rate.add_argument("--own-country", action="store_true", help=say("own-country"))
    draws = number(language, 100, least=True, whole=True)
    rate.add_argument("--draws", type=draws, default=2000, metavar="N", help=say("draws"))
    rate.add_argument("--seed", type=from_zero, default=1, metavar="N", help=say("seed"))
    for each in actions.choices.values():
        each.add_argument(
            "--column",
            action="append",
            default=[],
            type=pair(language),
            metavar="TABLE.COLUMN=HEADER",
            help=say("column"),
        )
        each.add_argument("--quiet", action="store_true", help=labels.text("cli.quiet", language))
        lang = labels.text("cli.lang", language)
        each.add_argument("--lang", choices=labels.LANGUAGES, default=argparse.SUPPRESS, help=lang)


def _of_files(parser: argparse.ArgumentParser, action: str, say: Callable[[str], str]) -> None:
    wanted, others = _FILES[action]
    told = {"found": "found-file"}
    for table in wanted:
        about = say(told.get(table, table))
        parser.add_argument(table, type=Path, metavar=table.upper(), help=about)
    for table in others:
        parser.add_argument(f"--{table}", type=Path, metavar="FILE", help=say(table))
    epsg: dict[str, Any] = {"metavar": "EPSG:..."}
    parser.add_argument("--crs", required=True, **epsg, help=say("crs"))
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help=say("out"))
    for table in (*wanted, *others):
        parser.add_argument(f"--{table}-crs", **epsg, help=say("crs-of"))
        parser.add_argument(f"--{table}-layer", metavar="LAYER", help=say("layer"))


def _day(language: str) -> Callable[[str], date]:
    def read(given: str) -> date:
        try:
            return date.fromisoformat(given)
        except ValueError:
            need = labels.text("need.date", language)
            raise argparse.ArgumentTypeError(f"{given}: {need}") from None

    return read


def run_crossings(
    options: argparse.Namespace, language: str, progress: Callable[[str], None]
) -> list[str]:
    """Do an action and write its results; returns what is to be said."""
    from blackspots import crossings_files as made  # noqa: PLC0415 - slow
    from blackspots import crossings_results as results  # noqa: PLC0415
    from blackspots.config import LevelCrossings  # noqa: PLC0415

    # Before the work, not after it.
    results.refuse_other(options.out, getattr(options, "verified", None), options.crs)
    progress("stage.read")
    columns = _columns(options.column, made.TABLES)

    def given(table: str) -> made.Given | None:
        path = getattr(options, table, None)
        if path is None:
            return None
        return made.Given(
            path,
            getattr(options, f"{table}_crs"),
            getattr(options, f"{table}_layer"),
            columns.get(table, {}),
        )

    wanted, others = _FILES[options.action]
    files: list[Any] = [given(table) for table in wanted]
    more: dict[str, Any] = {table: given(table) for table in others}
    if options.action == "detect":
        asked = LevelCrossings(match=options.gate, facing=options.facing)
        more |= {"verified": options.verified, "options": asked}
    elif options.action == "match":
        more["gate"] = options.gate
    elif options.action == "assign":
        more |= {"all_with_train": options.all_with_train, "footprint": options.footprint}
    else:
        names: list[str] = ["model", "rules", "traffic", "on", "years", "by", "all_with_train"]
        names += ["draws", "seed", "speed_unit", "vocabulary"]
        more |= {name: getattr(options, name) for name in names}
        more["calibration"] = "none" if options.own_country else "local"
    do: Callable[..., Any] = getattr(made, f"{options.action}_files")
    found = do(*files, crs=options.crs, **more)
    progress("stage.write")
    path = results.write_made(found, options.out, language)
    return [*results.made_lines(found, language), labels.text("rail.at", language, path=path)]


def _columns(given: list[tuple[str, str]], tables: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Table to column to header.

    Raises
    ------
    BlackspotsError
        ``crossings-table`` for a name before the dot that is no table.
    """
    made: dict[str, dict[str, str]] = {}
    for name, header in given:
        table, _, column = name.partition(".")
        if table not in tables or not column:
            raise BlackspotsError("crossings-table", table=table, known=", ".join(tables))
        made.setdefault(table, {})[column] = header
    return made
