"""Finding a preset: one that is shipped, by id, or a user's own, by path."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from blackspots.errors import BlackspotsError


def shipped(kind: str) -> list[str]:
    """Ids of the presets of a kind (``definitions``, ``costs`` ...)."""
    folder = files("blackspots") / "presets" / kind
    return sorted(Path(f.name).stem for f in folder.iterdir() if not f.name.startswith("_"))


def read(kind: str, suffix: str, name: str, folder: Path) -> tuple[str, str]:
    """The text of a preset and the name to call its file by.

    Raises
    ------
    BlackspotsError
        ``missing-preset``, listing those that are shipped; ``not-utf8``.
    """
    own = folder / name
    if name.endswith(suffix):
        if own.is_file():
            try:
                return own.read_text(encoding="utf-8-sig"), own.name
            except UnicodeDecodeError as error:
                raise BlackspotsError("not-utf8", file=own.name) from error
    elif name in shipped(kind):
        file = files("blackspots") / "presets" / kind / f"{name}{suffix}"
        return file.read_text(encoding="utf-8"), file.name
    raise BlackspotsError(
        "missing-preset", kind=kind, name=name, known=", ".join(shipped(kind)), suffix=suffix
    )


def read_toml(kind: str, name: str, folder: Path) -> tuple[dict[str, Any], str]:
    """A TOML preset as a dictionary, and the name of its file."""
    source, file = read(kind, ".toml", name, folder)
    try:
        return tomllib.loads(source), file
    except tomllib.TOMLDecodeError as error:
        raise BlackspotsError("not-toml", file=file, problem=str(error)) from error
