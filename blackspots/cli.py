"""The command line: exit 0 when done, 1 when the data is wrong, 2 for wrong usage."""

from __future__ import annotations

import argparse
import locale
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from blackspots import __version__, labels
from blackspots.errors import BlackspotsError


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

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--lang", choices=labels.LANGUAGES, help=say("lang"))
    parser = argparse.ArgumentParser(prog="blackspots", description=say("about"), parents=[common])
    parser.add_argument("--version", action="version", version=__version__, help=say("version"))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help=say("run"), description=say("run"), parents=[common])
    run.add_argument("study", type=Path, metavar="STUDY.toml", help=say("study"))
    run.add_argument("--out", type=Path, metavar="FOLDER", help=say("out"))
    run.add_argument("--quiet", action="store_true", help=say("quiet"))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    _utf8(sys.stdout)
    _utf8(sys.stderr)
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser(_asked_language(given) or _system_language()).parse_args(given)
    language = _asked_language(given)
    try:
        return _run(options, language)
    except BlackspotsError as error:
        spoken = language or _study_language(options.study) or _system_language()
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

    file = path / "study.toml" if path.is_dir() else path
    try:
        header = tomllib.loads(file.read_text(encoding="utf-8-sig"))["study"]
        asked = header.get("language", Header.model_fields["language"].default)
    except (AttributeError, OSError, KeyError, TypeError, ValueError):
        return None
    return asked if asked in labels.LANGUAGES else None


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
