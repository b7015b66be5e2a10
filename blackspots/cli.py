"""The command line: exit 0 when done, 1 when the data is wrong, 2 for wrong usage."""

from __future__ import annotations

import argparse
import locale
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from blackspots import __version__, labels
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
    return parser


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
        return _confirmed({"run": _run, "check": _check}[options.command], options, language)
    except BlackspotsError as error:
        path = getattr(options, "study", None)  # init has none yet
        spoken = language or (path and _study_language(path)) or _system_language()
        print(f"{labels.text('cli.error', spoken)}: {error.message(spoken)}", file=sys.stderr)
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
            answers = _asked(error, options.study, language)
            if answers is None:
                raise
            from blackspots.remembering import remember  # noqa: PLC0415

            remember(_study_file(options.study), str(error.fields["table"]), answers)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _study_file(path: Path) -> Path:
    return path / "study.toml" if path.is_dir() else path


def _asked(
    error: UnconfirmedHeaders, study: Path, language: str | None
) -> dict[str, str | list[str]] | None:
    """Column to the headers that a person confirmed, ``""`` for none; None when nobody answers."""
    spoken = language or _study_language(study) or _system_language()
    table, file = error.fields["table"], error.fields["file"]
    print(labels.text("cli.confirm-about", spoken, file=file, table=table, study=study))
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
    from blackspots.outputs import write_outputs  # noqa: PLC0415
    from blackspots.store import refuse_foreign  # noqa: PLC0415
    from blackspots.study import STAGES, run_study  # noqa: PLC0415
    from blackspots.summary import summary_lines  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    folder = options.out or study.resolve(study.output.folder)
    refuse_foreign(folder)  # before the work, not after it
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
