"""Make both locks anew from ``pyproject.toml``: ``python scripts/lock.py [--upgrade]``.

Without ``--upgrade`` the versions of the present locks are kept where they still fit. Which
package index answers is the machine's own affair, so no address may come into a lock.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path
from typing import Final

import bootstrap

EDITABLE_BUILD: Final = ("editables",)
"""What hatchling asks for besides itself when a project is installed in place."""

COMPILE: Final = (
    *("pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"),
    *("--no-header", "--no-annotate"),
)
ADDRESS: Final = re.compile(
    r"https?|://|@|\b[a-z0-9-]+(\.[a-z0-9-]+)*\.(com|dev|io|local|net|org|vn)\b", re.IGNORECASE
)
ENTRY: Final = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;]+)(?P<marker> ; [^\\]+?)?"
    r"(?: \\\n    --hash=sha256:[0-9a-f]{64})+"
)


def entries(text: str) -> list[str]:
    """The requirements of a lock, each with its hashes."""
    return [entry for entry in re.split(r"\n(?=\S)", text.strip()) if entry]


def pins(text: str) -> set[tuple[str, str, str]]:
    """Name, version and marker of each requirement that is pinned and hashed."""
    found = (ENTRY.fullmatch(entry) for entry in entries(text))
    return {(m["name"], m["version"], (m["marker"] or "").strip(" ;")) for m in found if m}


def uncovered(runtime: str, dev: str) -> list[tuple[str, str, str]]:
    """Pins of the runtime lock that the other lacks; one without a marker covers any marker."""
    have = pins(dev)
    return sorted(pin for pin in pins(runtime) if not {pin, (*pin[:2], "")} & have)


def faults(text: str) -> list[str]:
    """Entries that have no place in a lock: unpinned, without a hash, or naming an address."""
    return [
        entry.splitlines()[0]
        for entry in entries(text)
        if ADDRESS.search(entry) or not ENTRY.fullmatch(entry)
    ]


def stripped(text: str) -> str:
    """A lock without comments and options, the lines that may name an address."""
    kept = [line for line in text.splitlines() if line.strip() and not line.startswith(("#", "-"))]
    return "\n".join(kept) + "\n"


def find_uv(folder: Path) -> str:
    """The ``uv`` on PATH, or one installed in a temporary environment."""
    found = shutil.which("uv")
    if found:
        return found
    venv.create(folder, with_pip=True)
    python = Path(bootstrap.python_in(folder))
    pip = [str(python), "-m", "pip", "install", "--quiet", "uv"]
    subprocess.run(pip, check=True, env=bootstrap.clean_environment(os.environ))
    return str(python.with_name("uv.exe" if os.name == "nt" else "uv"))


def index_environment() -> dict[str, str]:
    """Environment variables for uv, which does not read pip's own names of them."""
    pairs = {
        "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
        "PIP_EXTRA_INDEX_URL": "UV_INDEX",
        "PIP_FIND_LINKS": "UV_FIND_LINKS",
        "PIP_CERT": "SSL_CERT_FILE",
    }
    given = {uv: os.environ[pip] for pip, uv in pairs.items() if pip in os.environ}
    return {**given, **os.environ}


def compiled(uv: str, folder: Path, lock: Path, *options: str, upgrade: bool) -> str:
    """The new text of a lock."""
    output = folder / lock.name
    if lock.exists() and not upgrade:
        shutil.copy(lock, output)
    project = tomllib.loads((bootstrap.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    build = folder / "build.in"
    requires = [*project["build-system"]["requires"], *EDITABLE_BUILD]
    build.write_text("\n".join(requires) + "\n", encoding="utf-8")
    command = [uv, *COMPILE, "pyproject.toml", str(build), *options, "--output-file", str(output)]
    subprocess.run(
        command, check=True, cwd=bootstrap.ROOT, env=index_environment(), stdout=subprocess.DEVNULL
    )
    return stripped(output.read_text(encoding="utf-8"))


def main(arguments: list[str]) -> int:
    """Write both locks, or neither."""
    bootstrap.utf8_console()
    upgrade = arguments == ["--upgrade"]
    if arguments and not upgrade:
        bootstrap.say("Usage: python scripts/lock.py [--upgrade]")
        return 2
    runtime, dev = (bootstrap.ROOT / bootstrap.LOCKS[kind] for kind in ("runtime", "dev"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        uv = find_uv(folder / "uv")
        texts = {runtime: compiled(uv, folder, runtime, upgrade=upgrade)}
        # Constrained by the new runtime lock, so that the demo runs on what the tests saw.
        fixed = folder / "constraints.txt"
        fixed.write_text(texts[runtime], encoding="utf-8")
        options = ("--extra", "dev", "--constraints", str(fixed))
        texts[dev] = compiled(uv, folder, dev, *options, upgrade=upgrade)
    wrong = [f"{path.name}: {fault}" for path, text in texts.items() for fault in faults(text)]
    wrong += [f"not in {dev.name}: {pin}" for pin in uncovered(texts[runtime], texts[dev])]
    if wrong:
        bootstrap.say("\n".join(wrong))
        return 1
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
