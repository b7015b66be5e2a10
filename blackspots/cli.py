"""The command line: exit 0 when done, 1 when the data is wrong, 2 for wrong usage."""

from __future__ import annotations

import argparse
import locale
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from blackspots import __version__, alone_commands, crossings_commands, labels
from blackspots.errors import BlackspotsError

if TYPE_CHECKING:
    from blackspots.sources import UnconfirmedHeaders


def _system_language() -> str:
    """``BLACKSPOTS_LANG``, else Vietnamese where the system speaks it, else English."""
    asked = os.environ.get("BLACKSPOTS_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG")
    name = asked or (locale.getlocale()[0] or "")
    return "vi" if name.lower().startswith(("vi", "vietnam")) else labels.FALLBACK


def _utf8(stream: TextIO) -> None:
    """Windows consoles would stop at the first Vietnamese letter."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="utf-8", errors="replace")


def _parser(language: str) -> argparse.ArgumentParser:
    def say(key: str) -> str:
        return labels.text(f"cli.{key}", language)

    def workbook(given: str) -> Path:
        if Path(given).suffix.lower() != ".xlsx":
            raise argparse.ArgumentTypeError(labels.text("cli.not-xlsx", language, path=given))
        return Path(given)

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--lang", choices=labels.LANGUAGES, help=say("lang"))
    parser = argparse.ArgumentParser(prog="blackspots", description=say("about"), parents=[common])
    parser.add_argument("--version", action="version", version=__version__, help=say("version"))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help=say("run"), description=say("run"), parents=[common])
    run.add_argument("study", type=Path, metavar="STUDY.toml", help=say("study"))
    run.add_argument("--out", type=Path, metavar="FOLDER", help=say("out"))
    run.add_argument("--quiet", action="store_true", help=say("quiet"))
    about = say("check")
    check = commands.add_parser("check", help=about, description=about, parents=[common])
    check.add_argument("study", type=Path, metavar="STUDY.toml", help=say("study"))
    check.add_argument("--out", type=workbook, metavar="FILE.xlsx", help=say("check-out"))
    check.add_argument("--quiet", action="store_true", help=say("quiet"))
    about = say("init")
    init = commands.add_parser("init", help=about, description=about, parents=[common])
    init.add_argument("folder", type=Path, metavar="FOLDER", help=say("init-folder"))
    init.add_argument("--force", action="store_true", help=say("force"))
    about = say("locate")
    locate = commands.add_parser("locate", help=about, description=about, parents=[common])
    _locate_options(locate, language)
    about = labels.text("backtest.about", language)
    backtest = commands.add_parser("backtest", help=about, description=about, parents=[common])
    alone_commands.backtest_options(backtest, language)
    about = labels.text("patterns.about", language)
    patterns = commands.add_parser("patterns", help=about, description=about, parents=[common])
    alone_commands.patterns_options(patterns, language)
    about = labels.text("expected.command", language)
    expected = commands.add_parser("expected", help=about, description=about, parents=[common])
    alone_commands.expected_options(expected, language)
    about = labels.text("rail.about", language)
    crossings = commands.add_parser("crossings", help=about, description=about, parents=[common])
    crossings_commands.crossings_options(crossings, language)
    return parser


def _locate_options(parser: argparse.ArgumentParser, language: str) -> None:
    def say(key: str) -> str:
        return labels.text(f"cli.locate-{key}", language)

    def pair(given: str) -> tuple[str, str]:
        column, _, header = given.partition("=")
        if not column or "=" not in given:
            raise argparse.ArgumentTypeError(labels.text("cli.not-a-pair", language, given=given))
        return column.strip(), header.strip()

    def metres(given: str) -> float:
        return _between(given, 0.0, float("inf"), language)

    def share(given: str) -> float:
        return 1.0 if given in {"1", "1.0"} else _between(given, 0.5, 1.0, language)

    path: dict[str, Any] = {"type": Path, "metavar": "FILE"}
    text: dict[str, Any] = {"metavar": "EPSG:..."}
    parser.add_argument("crashes", type=Path, metavar="CRASHES", help=say("crashes"))
    parser.add_argument("roads", type=Path, metavar="ROADS", help=say("roads"))
    parser.add_argument("--crs", required=True, **text, help=say("crs"))
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help=say("out"))
    parser.add_argument("--posts", **path, help=say("posts"))
    parser.add_argument("--crossings", **path, help=say("crossings"))
    parser.add_argument("--railways", **path, help=say("railways"))
    parser.add_argument("--boundary", **path, help=say("boundary"))
    parser.add_argument("--decisions", **path, help=say("decisions"))
    parser.add_argument("--crashes-crs", **text, help=say("crs-of"))
    parser.add_argument("--roads-crs", **text, help=say("crs-of"))
    parser.add_argument("--roads-layer", metavar="LAYER", help=say("layer"))
    repeated: dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument("--sheet", **repeated, metavar="SHEET", help=say("sheet"))
    column = {**repeated, "type": pair, "metavar": "COLUMN=HEADER"}
    parser.add_argument("--column", **column, help=say("column"))
    parser.add_argument("--tolerance", type=metres, default=50.0, help=say("tolerance"))
    parser.add_argument("--certain", type=share, default=0.8, help=say("certain"))
    quiet = labels.text("cli.quiet", language)
    parser.add_argument("--quiet", action="store_true", help=quiet)


def _between(given: str, low: float, high: float, language: str) -> float:
    """A number between two others.

    Raises
    ------
    ArgumentTypeError
        It is none.
    """
    try:
        value = float(given)
    except ValueError:
        value = low
    if not low < value < high:
        need = labels.text("need.above", language, limit=low)
        raise argparse.ArgumentTypeError(f"{given}: {need}")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    _utf8(sys.stdout)
    _utf8(sys.stderr)
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser(_asked_language(given) or _system_language()).parse_args(given)
    language = _asked_language(given)
    try:
        if options.command == "init":
            return _init(options, language)
        commands = {"run": _run, "check": _check, "locate": _locate, "backtest": _backtest}
        commands |= dict.fromkeys(("patterns", "expected", "crossings"), _alone)
        return _confirmed(commands[options.command], options, language)
    except BlackspotsError as error:
        path = getattr(options, "study", None)  # init has none yet
        spoken = language or (path and _study_language(path)) or _system_language()
        print(f"{labels.text('cli.error', spoken)}: {error.message(spoken)}", file=sys.stderr)
        hint = f"cli.{options.command}-hint"  # of commands without a study file
        if labels.has(hint) and "[" in error.message(spoken):
            print(labels.text(hint, spoken), file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has stopped (a pager, head): nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print(labels.text("cli.interrupted", language or _system_language()), file=sys.stderr)
        return 130


def _asked_language(given: Sequence[str]) -> str | None:
    for i, word in enumerate(given):
        value = word.partition("=")[2] if word.startswith("--lang=") else ""
        if word == "--lang" and i + 1 < len(given):
            value = given[i + 1]
        if value in labels.LANGUAGES:
            return value
    return None


def _study_language(path: Path) -> str | None:
    """The language that a study asks for, even one that is otherwise wrong."""
    import tomllib  # noqa: PLC0415

    from blackspots.config import Header  # noqa: PLC0415

    try:
        header = tomllib.loads(_study_file(path).read_text(encoding="utf-8-sig"))["study"]
        asked = header.get("language", Header.model_fields["language"].default)
    except (AttributeError, OSError, KeyError, TypeError, ValueError):
        return None
    return asked if asked in labels.LANGUAGES else None


def _confirmed(
    command: Callable[[argparse.Namespace, str | None], int],
    options: argparse.Namespace,
    language: str | None,
) -> int:
    """Run a command; on a terminal, headers that nearly match are asked for, and remembered."""
    while True:
        try:
            return command(options, language)
        except BlackspotsError as error:
            if not _is_terminal() or options.quiet:
                raise
            from blackspots.sources import UnconfirmedHeaders  # noqa: PLC0415 - slow

            if not isinstance(error, UnconfirmedHeaders):
                raise
            study = getattr(options, "study", None)
            answers = _asked(error, study, language)
            if answers is None:
                raise
            if study is None:
                _keep(options, answers, language)
                continue
            from blackspots.remembering import remember  # noqa: PLC0415

            remember(_study_file(study), str(error.fields["table"]), answers)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _study_file(path: Path) -> Path:
    return path / "study.toml" if path.is_dir() else path


def _keep(
    options: argparse.Namespace, answers: dict[str, str | list[str]], language: str | None
) -> None:
    """Take answers for this run, where there is no study to write them into."""
    given = [
        (column, header)
        for column, headers in answers.items()
        for header in ([headers] if isinstance(headers, str) else headers)
    ]
    options.column = [pair for pair in options.column if pair[0] not in answers] + given
    words = " ".join(f'--column {column}="{header}"' for column, header in given)
    spoken = language or _system_language()
    print(labels.text("cli.confirm-kept", spoken, options=words))


def _asked(
    error: UnconfirmedHeaders, study: Path | None, language: str | None
) -> dict[str, str | list[str]] | None:
    """Column to the headers that a person confirmed, ``""`` for none; None when nobody answers."""
    spoken = language or (study and _study_language(study)) or _system_language()
    table, file = error.fields["table"], error.fields["file"]
    key = "cli.confirm-about" if study else "cli.confirm-about-files"
    print(labels.text(key, spoken, file=file, table=table, study=study))
    right: list[str] = []
    for header, proposal in error.proposals.items():
        key = f"start.column.{proposal.column}"
        meaning = labels.text(key, spoken) if labels.has(key) else proposal.column
        said = {"header": header, "column": proposal.column, "meaning": meaning}
        agreed = _yes_or_no(labels.text("cli.confirm", spoken, **said), spoken)
        if agreed is None:
            return None
        right += [header] if agreed else []
    return error.confirmed(right)


def _yes_or_no(question: str, language: str) -> bool | None:
    """The answer; None at the end of the input."""
    from blackspots.presets.headers import plain  # noqa: PLC0415

    words = {
        word: answer
        for key, answer in (("cli.yes-words", True), ("cli.no-words", False))
        for word in labels.text(key, language).split()
    }
    while True:
        try:
            given = plain(input(question))
        except EOFError:
            print()
            return None
        if given in words:
            return words[given]


def _init(options: argparse.Namespace, language: str | None) -> int:
    from blackspots.remembering import write_whole  # noqa: PLC0415
    from blackspots.starting import draft, report_lines, survey  # noqa: PLC0415

    spoken = language or _system_language()
    folder: Path = options.folder
    path = folder / "study.toml"
    if path.exists() and not options.force:
        raise BlackspotsError("start-exists", file=str(path))
    found = survey(folder)
    write_whole(path, draft(found, spoken))
    for line in report_lines(found, spoken):
        print(line)
    print(labels.text("start.wrote", spoken, path=path))
    print(labels.text("start.next", spoken))
    for command in ("check", "run"):
        print(f"  blackspots {command} {_quoted(path)}")
    return 0


def _quoted(path: Path) -> str:
    words = str(path)
    return f'"{words}"' if " " in words else words


def _run(options: argparse.Namespace, language: str | None) -> int:
    from rich.console import Console  # noqa: PLC0415 - slow imports wait until they are needed
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from blackspots.config import load_study  # noqa: PLC0415

    study = load_study(options.study)
    spoken = language or study.study.language
    from blackspots import sitelist  # noqa: PLC0415
    from blackspots.outputs import write_outputs  # noqa: PLC0415
    from blackspots.review import NAME, list_name, refuse_unread  # noqa: PLC0415
    from blackspots.store import refuse_foreign  # noqa: PLC0415
    from blackspots.study import STAGES, run_study  # noqa: PLC0415
    from blackspots.summary import summary_lines  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    folder = options.out or study.resolve(study.output.folder)
    refuse_foreign(folder)  # before the work, not after it
    refuse_unread(folder, study)
    sitelist.refuse_unread(folder, study)
    with Progress(*columns, console=console, transient=True, disable=options.quiet) as bars:
        task = bars.add_task("", total=len(STAGES) + 1)

        def progress(stage: str) -> None:
            bars.update(task, description=labels.text(f"stage.{stage}", spoken), advance=1)

        result = run_study(study, progress)
        progress("write")
        page = write_outputs(result, folder)
    name = study.study.name.get(spoken) or next(iter(study.study.name.values()))
    print(labels.text("summary.title", spoken, name=name))
    if study.study.simulated:
        print(" / ".join(labels.text("term.simulated", each) for each in ("vi", "en")))
    for line in summary_lines(result, spoken):
        print(line)
    listed = list_name(folder, study)
    if listed != NAME:
        print(labels.text("cli.new-list", spoken, file=listed))
    listed = sitelist.list_name(folder, study)
    if listed != sitelist.NAME:
        print(labels.text("cli.new-sites", spoken, file=listed))
    print(labels.text("cli.map-at", spoken, path=page))
    print(labels.text("cli.folder-at", spoken, path=page.parent))
    return 0


def _check(options: argparse.Namespace, language: str | None) -> int:
    from rich.console import Console  # noqa: PLC0415 - slow imports wait until they are needed
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from blackspots.config import load_study  # noqa: PLC0415

    study = load_study(options.study)
    spoken = language or study.study.language
    from blackspots.checking import check_lines, refuse_other, write_check  # noqa: PLC0415
    from blackspots.study import check_study  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    path = options.out or study.folder / "check.xlsx"
    refuse_other(path)  # before the work, not after it
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=options.quiet) as bars:
        task = bars.add_task("", total=4)

        def progress(stage: str) -> None:
            bars.update(task, description=labels.text(f"stage.{stage}", spoken), advance=1)

        checked = check_study(study, progress)
        progress("write")
        path = write_check(checked, path, spoken)
    for line in check_lines(checked, spoken):
        print(line)
    print()
    print(labels.text("cli.check-at", spoken, path=path))
    return 0


def _locate(options: argparse.Namespace, language: str | None) -> int:
    from rich.console import Console  # noqa: PLC0415 - slow imports wait until they are needed
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from blackspots.placed_files import placed_lines, study_of_files, write_placed  # noqa: PLC0415
    from blackspots.review import refuse_unread  # noqa: PLC0415
    from blackspots.store import LOCATE, refuse_foreign  # noqa: PLC0415
    from blackspots.study import place_study  # noqa: PLC0415

    spoken = language or _system_language()
    columns: dict[str, list[str]] = {}
    for column, header in options.column:
        columns.setdefault(column, []).append(header)
    study = study_of_files(
        options.crashes,
        options.roads,
        crs=options.crs,
        language=spoken,
        posts=options.posts,
        crossings=options.crossings,
        railways=options.railways,
        boundary=options.boundary,
        crashes_crs=options.crashes_crs,
        roads_crs=options.roads_crs,
        roads_layer=options.roads_layer,
        sheets=options.sheet,
        columns={name: one[0] if len(one) == 1 else one for name, one in columns.items()},
        tolerance=options.tolerance,
        certain=options.certain,
        decisions=options.decisions,
    )
    refuse_foreign(options.out, LOCATE)  # before the work, not after it
    refuse_unread(options.out, study)
    bars_of = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*bars_of, console=console, transient=True, disable=options.quiet) as bars:
        task = bars.add_task("", total=4)

        def progress(stage: str) -> None:
            bars.update(task, description=labels.text(f"stage.{stage}", spoken), advance=1)

        placed = place_study(study, progress)
        progress("write")
        path = write_placed(placed, options.out)
    for line in placed_lines(placed, spoken):
        print(line)
    print(labels.text("cli.located-at", spoken, path=path))
    return 0


def _backtest(options: argparse.Namespace, language: str | None) -> int:
    from rich.console import Console  # noqa: PLC0415 - slow imports wait until they are needed
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from blackspots.config import load_study  # noqa: PLC0415

    study = load_study(options.study)
    spoken = language or study.study.language
    from blackspots.backtesting import (  # noqa: PLC0415
        STAGES,
        backtest_lines,
        backtest_study,
        refuse_other,
        write_backtest,
    )

    path = options.out or study.folder / "backtest.csv"
    refuse_other(path)  # before the work, not after it
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=options.quiet) as bars:
        task = bars.add_task("", total=len(STAGES))

        def progress(stage: str) -> None:
            key = "backtest.progress" if stage == "backtest" else f"stage.{stage}"
            bars.update(task, description=labels.text(key, spoken), advance=1)

        found = backtest_study(study, progress, train_until=options.train_until)
        path = write_backtest(found, path)
    for line in backtest_lines(found, spoken):
        print(line)
    print()
    print(labels.text("backtest.at", spoken, path=path))
    return 0


def _alone(options: argparse.Namespace, language: str | None) -> int:
    from rich.console import Console  # noqa: PLC0415 - slow imports wait until they are needed
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    spoken = language or _system_language()
    command = {
        "patterns": alone_commands.run_patterns,
        "expected": alone_commands.run_expected,
        "crossings": crossings_commands.run_crossings,
    }
    columns = (TextColumn("{task.description}"), SpinnerColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=options.quiet) as bars:
        task = bars.add_task("", total=None)

        def progress(key: str) -> None:
            bars.update(task, description=labels.text(key, spoken))

        lines = command[options.command](options, spoken, progress)
    print("\n".join(lines))
    return 0
