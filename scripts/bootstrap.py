"""Make the checkout's environment from the committed locks, then run a task in it.

It needs no more than a bare Python, for it is the first thing run on a new machine. It works
from Python 3.11 on; older ones, from 3.8, must read it all the same, to look for a newer
Python and to say plainly when there is none. So nothing evaluated here may be newer than 3.8.

An environment is ready when its stamp says what it was made from. The stamp is written last,
and a marker stands in its place meanwhile, so that an install cut short is known and repeated;
a lock held by the running process keeps two runs from mending the same environment at once.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Runner = Callable[[Sequence[str]], "Outcome"]

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
VENV_VARIABLE = "BLACKSPOTS_VENV"
STAMP = "blackspots-stamp.json"
MARKER = "blackspots-installing"
LOCK = "blackspots-lock"
OURS = (STAMP, MARKER, LOCK)
LOCKS = {"runtime": "requirements.lock", "dev": "requirements-dev.lock"}
STUDY = "data/lang-son/study.toml"
MAP = "data/lang-son/out/map.html"
INTERRUPTED = 130
SHOWN_LINES = 20

MESSAGES = {
    "making": (
        (
            "Đang tạo môi trường (một lần, khoảng một phút) ... / "
            "making the environment (once, about a minute) ..."
        ),
    ),
    "waiting": (
        (
            "Một lệnh khác đang tạo môi trường; đang chờ ... / "
            "another run is making the environment; waiting ..."
        ),
    ),
    "too_old": (
        "Cần Python {oldest} trở lên; đang chạy {found} và không tìm thấy bản nào mới hơn.",
        "Python {oldest} or newer is needed; this is {found} and no newer one was found on PATH.",
    ),
    "no_venv": (
        "Python này thiếu venv/ensurepip. Debian, Ubuntu: apt-get install python3-venv",
        "This Python lacks venv/ensurepip. Debian, Ubuntu: apt-get install python3-venv",
    ),
    "no_index": (
        (
            "Không tải được các gói trong {lock} (không có mạng?). Hãy đặt PIP_INDEX_URL hoặc "
            "PIP_FIND_LINKS, hay chạy với --wheels THƯ_MỤC chứa các tệp .whl."
        ),
        (
            "Could not get the packages of {lock} (no network?). Set PIP_INDEX_URL or "
            "PIP_FIND_LINKS, or run with --wheels FOLDER, a folder of .whl files, to work offline."
        ),
    ),
    "no_match": (
        (
            "Không có bản cài sẵn của một gói trong {lock} cho Python {found}, hoặc không có mạng. "
            "PIP_INDEX_URL, PIP_FIND_LINKS hay --wheels THƯ_MỤC chỉ tới nơi khác có các tệp .whl."
        ),
        (
            "A package of {lock} could not be found for Python {found}, or there is no network. "
            "PIP_INDEX_URL, PIP_FIND_LINKS or --wheels FOLDER can point to another place of .whl "
            "files, for example a local folder to work offline."
        ),
    ),
    "bad_hash": (
        "Một gói tải về không khớp mã băm trong {lock}; không cài gì cả.",
        "A package that was fetched does not match its hash in {lock}; it was not installed.",
    ),
    "disk_full": (
        (
            "Đĩa đầy, không tạo được môi trường {env}. Cần khoảng 1 GB; {variable} có thể là "
            "thư mục ở đĩa khác."
        ),
        (
            "The disk is full: the environment {env} could not be made. It needs about 1 GB; "
            "{variable} can name a folder on another disk."
        ),
    ),
    "read_only": (
        "Không ghi được vào {env}. Hãy đặt {variable} là một thư mục ghi được.",
        "{env} cannot be written. Set {variable} to a folder that can be.",
    ),
    "not_ours": (
        "{env} có sẵn và không phải do lệnh này tạo; hãy xóa nó hoặc đặt {variable} khác.",
        "{env} exists and was not made by this script; remove it or set another {variable}.",
    ),
    "no_wheels": (
        "Không có thư mục {folder} (--wheels).",
        "There is no folder {folder} (--wheels).",
    ),
    "bad_arguments": (
        "Không hiểu: {arguments}. Cách dùng: scripts/demo [--wheels THƯ_MỤC]",
        "Not understood: {arguments}. Usage: scripts/demo [--wheels FOLDER]",
    ),
    "failed": (
        "Không tạo được môi trường {env}; chạy lại lệnh sẽ làm lại từ đầu.",
        "The environment {env} could not be made; running the command again starts afresh.",
    ),
    "interrupted": (
        "Đã dừng giữa chừng; chạy lại lệnh sẽ làm lại.",
        "Interrupted; running the command again repeats what was cut short.",
    ),
    "no_map": (
        "Chạy xong nhưng không có bản đồ {path}.",
        "The run ended well but there is no map {path}.",
    ),
    "map": ("Bản đồ / Map: {path}",),
}
"""What a person reads: Vietnamese first, then English."""

TROUBLES = (
    ("disk_full", ("[Errno 28]", "[WinError 112]", "No space left on device")),
    ("read_only", ("[Errno 30]", "[Errno 13]", "[WinError 5]", "Read-only file system")),
    ("bad_hash", ("THESE PACKAGES DO NOT MATCH THE HASHES",)),
    (
        "no_venv",
        ("ensurepip is not available", "No module named ensurepip", "No module named venv"),
    ),
    (
        "no_index",
        (
            "NewConnectionError",
            "NameResolutionError",
            "ConnectTimeoutError",
            "ReadTimeoutError",
            "ProxyError",
            "SSLError",
            "Max retries exceeded",
            "Connection refused",
            "Network is unreachable",
        ),
    ),
    ("no_match", ("No matching distribution found", "Could not find a version")),
)
"""Signs of each trouble in what pip or venv printed; the first trouble with one is told."""

OS_TROUBLES = {
    errno.ENOSPC: "disk_full",
    errno.EROFS: "read_only",
    errno.EACCES: "read_only",
    errno.EPERM: "read_only",
}
"""The same, where this script itself could not write."""

PROBE = """\
import sys
if sys.version_info < (3, 11):
    sys.exit(3)
if "pip" in sys.argv:
    import pip
if "venv" in sys.argv:
    import ensurepip, venv
print(sys.implementation.cache_tag)
"""
"""Printed by a Python that will do: the tag that its compiled packages are bound to."""


class Outcome(NamedTuple):
    """How a command ended and all it printed."""

    code: int
    output: str


class Stop(Exception):
    """End with a message in both languages, after what a command printed of its failure."""

    def __init__(
        self,
        key: str,
        *,
        code: int = 1,
        detail: str = "",
        fields: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(key)
        self.key = key
        self.code = code
        self.detail = detail
        self.fields = fields or {}

    def __str__(self) -> str:
        lines = self.detail.strip().splitlines()
        errors = [line for line in lines if "ERROR" in line]
        # Where the trouble is known its message tells enough beside the errors themselves.
        shown = errors[-2:] if self.key != "failed" and errors else lines[-SHOWN_LINES:]
        return "\n".join([*shown, message(self.key, **self.fields)])


def message(key: str, **fields: object) -> str:
    """A message of :data:`MESSAGES`, one line for each language."""
    return "\n".join(line.format(**fields) for line in MESSAGES[key])


def say(text: str) -> None:
    """Tell the person at the console, apart from what the task itself prints."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def utf8_console() -> None:
    """Write UTF-8 whatever the locale: Windows pipes and bare Linux consoles know no Vietnamese."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")


def python_in(env: PurePath, *, windows: bool = os.name == "nt") -> PurePath:
    """Path of an environment's interpreter."""
    return env / "Scripts" / "python.exe" if windows else env / "bin" / "python"


def env_folder(root: Path, environ: Mapping[str, str]) -> Path:
    """Folder of the environment: ``.venv`` in the checkout unless the user names another."""
    named = environ.get(VENV_VARIABLE, "").strip()
    return Path(os.path.abspath(Path(named).expanduser())) if named else root / ".venv"  # noqa: PTH100  (resolve() would follow links)


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for pip and venv: without what would lead them outside the env.

    UTF-8 mode matters beyond the console: before Python 3.13 the ``.pth`` file of an editable
    install is read in the locale's encoding, and a checkout may lie in a Vietnamese folder.
    """
    strays = ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "__PYVENV_LAUNCHER__")
    cleaned = {name: value for name, value in environ.items() if name not in strays}
    cleaned.setdefault("PIP_RETRIES", "2")
    fixed = {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return {**cleaned, **fixed, "PYTHONUTF8": "1"}


def task_environment(environ: Mapping[str, str], env: Path) -> dict[str, str]:
    """Environment variables of a task: as in the activated environment."""
    folder = str(python_in(env).parent)
    path = environ.get("PATH", "")
    inside = {"VIRTUAL_ENV": str(env), "PATH": f"{folder}{os.pathsep}{path}" if path else folder}
    return {**clean_environment(environ), **inside}


def run_quietly(command: Sequence[str]) -> Outcome:
    """Run a command of pip or venv and keep what it prints."""
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=clean_environment(os.environ),
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        return Outcome(127, str(error))
    return Outcome(done.returncode, done.stdout)


def run_task(command: Sequence[str], env: Path, root: Path) -> int:
    """Run a task in the checkout; its exit code, or 128 + N where signal N ended it.

    An interrupt goes to the task too, which is left the time to end in its own way.
    """
    environment = task_environment(os.environ, env)
    with subprocess.Popen(list(command), cwd=str(root), env=environment) as child:
        while True:
            try:
                code = child.wait()
            except KeyboardInterrupt:
                continue
            return 128 - code if code < 0 else code


def candidates(*, windows: bool = os.name == "nt") -> list[list[str]]:
    """Commands that may start a newer Python, the most tried versions first."""
    versions = ("3.13", "3.12", "3.11", "3.14")
    named = [[f"python{version}"] for version in versions]
    if windows:
        return [["py", f"-{version}"] for version in versions] + [["python"]]
    return [*named, ["python3"], ["python"]]


def probe(command: Sequence[str], run: Runner, *needs: str) -> str | None:
    """Tag of the Python that a command starts, or None if it does not start or will not do."""
    outcome = run([*command, "-I", "-c", PROBE, *needs])
    return outcome.output.strip() or None if outcome.code == 0 else None


def newer_python(run: Runner, *needs: str, also: Sequence[Path] = ()) -> list[str] | None:
    """Command of a Python that is new enough, or None.

    Each is started, not only looked for: a version manager's shim may stand for nothing.
    """
    commands = [*candidates(), *([str(path)] for path in also)]
    for command in commands:
        if shutil.which(command[0]) and probe(command, run, *needs):
            return command
    return None


def creator(run: Runner) -> list[str]:
    """Command of the Python to make an environment with: this one if it can."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return [getattr(sys, "_base_executable", None) or sys.executable]
    found = newer_python(run, "venv")
    if found is None:
        raise Stop("no_venv")
    return found


def trouble(output: str, default: str) -> str:
    """Which message explains what pip or venv printed."""
    for key, signs in TROUBLES:
        if any(sign in output for sign in signs):
            return key
    return default


def digest(path: Path) -> str:
    """Hash of a text file, the same whatever line ends git gave it."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def dependency_digest(pyproject: Path) -> str:
    """Hash of what an install takes from ``pyproject.toml``; the tools' settings are left out."""
    import tomllib  # noqa: PLC0415  (new in 3.11: an older Python never comes here)

    table = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    project = table["project"]
    keys = ("requires-python", "dependencies", "optional-dependencies", "scripts")
    taken = [table["build-system"], {key: project.get(key) for key in keys}]
    return hashlib.sha256(json.dumps(taken, sort_keys=True).encode()).hexdigest()


class Stamp(NamedTuple):
    """What an environment was made from."""

    python: str
    root: str
    project: str
    runtime: str
    dev: str | None

    def serves(self, wanted: Stamp) -> bool:
        """Whether an environment so stamped holds all that is wanted, and perhaps more."""
        return self[:4] == wanted[:4] and wanted.dev in (None, self.dev)


def wanted_stamp(root: Path, python: str, *, dev: bool) -> Stamp:
    """Stamp of an environment made now."""
    return Stamp(
        python=python,
        root=str(root),
        project=dependency_digest(root / "pyproject.toml"),
        runtime=digest(root / LOCKS["runtime"]),
        dev=digest(root / LOCKS["dev"]) if dev else None,
    )


def read_stamp(env: Path) -> Stamp | None:
    """Stamp of an environment; None if there is none that can be read."""
    try:
        return Stamp(**json.loads((env / STAMP).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_stamp(env: Path, stamp: Stamp) -> None:
    """Call an environment ready: all or nothing, and the last thing done to it."""
    draft = env / f"{STAMP}.new"
    draft.write_text(json.dumps(stamp._asdict(), indent=1), encoding="utf-8")
    unlink(env / MARKER)
    draft.replace(env / STAMP)


def unlink(path: Path) -> None:
    """Remove a file that may be missing."""
    with suppress(FileNotFoundError):
        path.unlink()


def empty(env: Path) -> None:
    """Remove all of an environment but the files that say whose folder it is."""
    for entry in env.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(str(entry))
        elif entry.name not in OURS:
            entry.unlink()


def try_lock(descriptor: int) -> bool:
    """Lock an open file, until it is closed; False if another process holds the lock."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # A file system without locks is no reason to stop.
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
    return True


@contextmanager
def alone(env: Path) -> Iterator[None]:
    """Wait until no other process makes or mends the environment."""
    env.mkdir(parents=True, exist_ok=True)
    with (env / LOCK).open("a") as stream:
        if not try_lock(stream.fileno()):
            say(message("waiting"))
            while not try_lock(stream.fileno()):
                time.sleep(1)
        yield


def point_relatively(env: Path, root: Path) -> None:
    """Let the environment find the checkout by a relative path, which is plain ASCII.

    Python before 3.13 reads this file in the system's encoding: in a folder with Vietnamese
    letters an absolute path stops every start where that is not UTF-8, as on Windows.
    """
    for packages in (*env.glob("lib/python*/site-packages"), *env.glob("Lib/site-packages")):
        relative = os.path.relpath(root, packages)
        for file in packages.glob("*.pth"):
            if file.read_text(encoding="utf-8").strip() == str(root) and relative.isascii():
                file.write_text(relative + "\n", encoding="ascii")


@dataclass(frozen=True)
class Maker:
    """Makes one environment ready for one kind of use."""

    root: Path
    env: Path
    dev: bool
    wheels: Path | None = None
    run: Runner = run_quietly

    def ready(self) -> Path:
        """Interpreter of the environment, made or mended first where it must be."""
        try:
            return self._ready()
        except OSError as error:
            key = OS_TROUBLES.get(error.errno or 0, "failed")
            raise self._stop(key, detail=str(error)) from error

    def _ready(self) -> Path:
        python = Path(python_in(self.env))
        if self._up_to_date(python):
            return python
        if self._foreign() and self._usable(python) is None:
            raise self._stop("not_ours")
        with alone(self.env):
            if not self._up_to_date(python):
                say(message("making"))
                self._make(python)
        return python

    def _up_to_date(self, python: Path) -> bool:
        stamp = read_stamp(self.env)
        if stamp is None:
            return False
        tag = probe([str(python)], self.run)
        return tag is not None and stamp.serves(wanted_stamp(self.root, tag, dev=self.dev))

    def _foreign(self) -> bool:
        """Whether the folder may hold something else: making an environment empties it."""
        if self.env == self.root / ".venv" or not self.env.exists():
            return False
        names = {entry.name for entry in self.env.iterdir()}
        return bool(names) and names.isdisjoint(OURS)

    def _usable(self, python: Path) -> str | None:
        """Tag of an environment to install into as it is; None if it is to be made anew."""
        if (self.env / MARKER).exists():
            return None
        stamp, tag = read_stamp(self.env), probe([str(python)], self.run, "pip")
        return tag if stamp is None or stamp.python == tag else None

    def _make(self, python: Path) -> None:
        stamp, tag = read_stamp(self.env), self._usable(python)
        # An env that had the developers' packages keeps them in step with their own lock.
        dev = self.dev or (stamp is not None and stamp.dev is not None)
        (self.env / MARKER).touch()
        unlink(self.env / STAMP)
        if tag is None:
            tag = self._create(python)
        self._install(python, dev=dev)
        write_stamp(self.env, wanted_stamp(self.root, tag, dev=dev))

    def _create(self, python: Path) -> str:
        command = creator(self.run)
        empty(self.env)
        outcome = self.run([*command, "-m", "venv", str(self.env)])
        tag = probe([str(python)], self.run, "pip") if outcome.code == 0 else None
        if tag is None:
            raise self._stop(trouble(outcome.output, "failed"), detail=outcome.output)
        return tag

    def _install(self, python: Path, *, dev: bool) -> None:
        lock = LOCKS["dev" if dev else "runtime"]
        pip = [str(python), "-m", "pip", "install"]
        source = ["--no-index", "--find-links", str(self.wheels)] if self.wheels else []
        hashed = ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
        outcome = self.run([*pip, *hashed, *source, "-r", str(self.root / lock)])
        if outcome.code == 0:
            itself = ["--no-deps", "--no-build-isolation", "--no-index", "-e", str(self.root)]
            outcome = self.run([*pip, *itself])
            if outcome.code == 0:
                point_relatively(self.env, self.root)
                return
        elif "Installing collected packages" not in outcome.output:
            unlink(self.env / MARKER)  # Nothing was changed yet: the env is as good as before.
        key = trouble(outcome.output, "failed")
        raise self._stop(key, detail=outcome.output, lock=lock)

    def _stop(self, key: str, *, detail: str = "", lock: str = "") -> Stop:
        found = ".".join(str(part) for part in sys.version_info[:2])
        where = {"variable": VENV_VARIABLE, "lock": lock, "found": found}
        return Stop(key, detail=detail, fields={"env": self.env, **where})


def take_wheels(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """Split ``--wheels FOLDER`` off the arguments that go to the task."""
    rest = list(arguments)
    for position, argument in enumerate(rest):
        if argument == "--":
            break
        if argument == "--wheels" or argument.startswith("--wheels="):
            end = position + (1 if "=" in argument else 2)
            folder = argument.partition("=")[2] or "".join(rest[position + 1 : end])
            wheels = Path(os.path.abspath(folder))  # noqa: PTH100  (resolve() would follow links)
            if not folder or not wheels.is_dir():
                raise Stop("no_wheels", code=2, fields={"folder": folder or "?"})
            return wheels, rest[:position] + rest[end:]
    return None, rest


def check_python(task: str, arguments: Sequence[str], env: Path, run: Runner) -> int | None:
    """Hand over to a newer Python where this one is too old; None where it is not."""
    if sys.version_info[:2] >= OLDEST:
        return None
    command = newer_python(run, also=[Path(python_in(env))])
    if command is None:
        oldest = ".".join(str(part) for part in OLDEST)
        raise Stop("too_old", fields={"oldest": oldest, "found": sys.version.split()[0]})
    script = ROOT / "scripts" / f"{task}.py"
    return subprocess.call([*command, str(script), *arguments])


def demo(env: Path, wheels: Path | None, arguments: Sequence[str]) -> int:
    """Run the sample study and say where its map is."""
    if arguments:
        raise Stop("bad_arguments", code=2, fields={"arguments": " ".join(arguments)})
    python = Maker(ROOT, env, dev=False, wheels=wheels).ready()
    code = run_task([str(python), "-m", "blackspots", "run", str(Path(STUDY))], env, ROOT)
    if code:
        return code
    path = ROOT / MAP
    if not path.is_file():
        raise Stop("no_map", fields={"path": path})
    sys.stdout.write(message("map", path=path) + "\n")
    return 0


def test(env: Path, wheels: Path | None, arguments: Sequence[str]) -> int:
    """Run pytest with the arguments given."""
    python = Maker(ROOT, env, dev=True, wheels=wheels).ready()
    return run_task([str(python), "-m", "pytest", *arguments], env, ROOT)


TASKS = {"demo": demo, "test": test}


def main(task: str, arguments: Sequence[str]) -> int:
    """Run a task in its environment; the exit code to end with."""
    utf8_console()
    env = env_folder(ROOT, os.environ)
    try:
        handed_over = check_python(task, arguments, env, run_quietly)
        if handed_over is not None:
            return handed_over
        wheels, rest = take_wheels(arguments)
        return TASKS[task](env, wheels, rest)
    except Stop as stop:
        say(str(stop))
        return stop.code
    except KeyboardInterrupt:
        say(message("interrupted"))
        return INTERRUPTED
