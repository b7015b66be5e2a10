"""The scripts that make the environment, without a network: pip and venv are played."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "scripts"
PYPROJECT = """\
[build-system]
requires = ["hatchling"]
[project]
name = "blackspots"
dependencies = ["numpy"]
[tool.ruff]
line-length = 100
"""
OFFLINE = "WARNING: Retrying ... NewConnectionError\nERROR: No matching distribution found for x"
CUT_SHORT = "Installing collected packages: x\nERROR: something else"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


bootstrap = load("bootstrap")
lock = load("lock")


class Machine:
    """Plays the commands that bootstrap runs, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.tag = "cpython-311"
        self.pip_answers: list[object] = []

    def __call__(self, command: list[str]) -> object:
        python, rest = Path(command[0]), command[1:]
        if rest[:2] == ["-I", "-c"]:
            works = python.exists()
            return bootstrap.Outcome(0 if works else 127, self.tag + "\n" if works else "")
        if rest[:2] == ["-m", "venv"]:
            self.asked.append("venv")
            made = Path(bootstrap.python_in(Path(rest[2])))
            made.parent.mkdir(parents=True)
            made.touch()
            return bootstrap.Outcome(0, "")
        assert rest[:3] == ["-m", "pip", "install"]
        self.asked.append("itself" if "-e" in rest else Path(rest[-1]).name)
        answer = self.pip_answers.pop(0) if self.pip_answers else bootstrap.Outcome(0, "")
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def take_asked(self) -> list[str]:
        asked, self.asked = self.asked, []
        return asked


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "Dự án đường bộ"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    for name in bootstrap.LOCKS.values():
        (folder / name).write_text(f"x==1 # {name}\n", encoding="utf-8")
    return folder


def make(root: Path, machine: Machine, *, dev: bool = False, env: Path | None = None) -> Path:
    return bootstrap.Maker(root, env or root / ".venv", dev=dev, run=machine).ready()


def test_a_fresh_checkout_is_installed_once(root: Path, machine: Machine) -> None:
    python = make(root, machine)

    assert python == bootstrap.python_in(root / ".venv")
    assert machine.take_asked() == ["venv", "requirements.lock", "itself"]
    assert make(root, machine) == python
    assert machine.take_asked() == []


def test_the_tests_environment_serves_the_demo_and_not_the_other_way(
    root: Path, machine: Machine
) -> None:
    make(root, machine)
    machine.take_asked()

    make(root, machine, dev=True)
    assert machine.take_asked() == ["requirements-dev.lock", "itself"]
    make(root, machine)
    assert machine.take_asked() == []


def test_the_demo_keeps_a_tests_environment_in_step_with_its_own_lock(
    root: Path, machine: Machine
) -> None:
    make(root, machine, dev=True)
    machine.take_asked()
    (root / "requirements.lock").write_text("x==2\n", encoding="utf-8")

    make(root, machine)
    assert machine.take_asked() == ["requirements-dev.lock", "itself"]


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_change_is_installed(root: Path, machine: Machine, name: str) -> None:
    make(root, machine)
    machine.take_asked()
    text = (root / name).read_text(encoding="utf-8")
    changed = text.replace("x==1", "x==2").replace("numpy", "pandas")
    (root / name).write_text(changed, encoding="utf-8")

    make(root, machine)
    assert machine.take_asked() == ["requirements.lock", "itself"]


def test_tool_settings_and_line_ends_are_no_change(root: Path, machine: Machine) -> None:
    make(root, machine)
    machine.take_asked()
    settings = PYPROJECT.replace("100", "80")
    (root / "pyproject.toml").write_text(settings, encoding="utf-8")
    text = (root / "requirements.lock").read_bytes()
    (root / "requirements.lock").write_bytes(text.replace(b"\n", b"\r\n"))

    make(root, machine)
    assert machine.take_asked() == []


def test_another_python_makes_it_anew(root: Path, machine: Machine) -> None:
    make(root, machine)
    machine.take_asked()
    machine.tag = "cpython-312"

    make(root, machine)
    assert machine.take_asked() == ["venv", "requirements.lock", "itself"]


def test_a_moved_checkout_is_installed_again(root: Path, machine: Machine) -> None:
    make(root, machine)
    machine.take_asked()
    moved = root.rename(root.with_name("nơi khác"))

    make(moved, machine)
    assert machine.take_asked() == ["requirements.lock", "itself"]


@pytest.mark.parametrize(
    "answers",
    [[KeyboardInterrupt()], [bootstrap.Outcome(0, ""), KeyboardInterrupt()]],
    ids=["in the lock", "in the project itself"],
)
def test_an_interrupted_install_is_made_anew(
    root: Path, machine: Machine, answers: list[object]
) -> None:
    machine.pip_answers = answers
    with pytest.raises(KeyboardInterrupt):
        make(root, machine)
    half = root / ".venv" / "half a package"
    half.mkdir()
    machine.take_asked()

    make(root, machine)
    assert machine.take_asked() == ["venv", "requirements.lock", "itself"]
    assert not half.exists()
    assert not (root / ".venv" / bootstrap.MARKER).exists()


def test_an_interrupted_upgrade_is_not_taken_for_ready(root: Path, machine: Machine) -> None:
    make(root, machine)
    machine.pip_answers = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        make(root, machine, dev=True)
    machine.take_asked()

    make(root, machine)
    assert machine.take_asked() == ["venv", "requirements.lock", "itself"]


@pytest.mark.parametrize(
    ("output", "repeated"),
    [
        (OFFLINE, ["requirements.lock", "itself"]),
        (CUT_SHORT, ["venv", "requirements.lock", "itself"]),
    ],
    ids=["nothing installed yet", "partly installed"],
)
def test_a_failed_install_is_repeated(
    root: Path, machine: Machine, output: str, repeated: list[str]
) -> None:
    machine.pip_answers = [bootstrap.Outcome(1, output)]
    with pytest.raises(bootstrap.Stop):
        make(root, machine)
    machine.take_asked()

    make(root, machine)
    assert machine.take_asked() == repeated


def test_no_network_tells_the_lock_and_the_ways_out(root: Path, machine: Machine) -> None:
    machine.pip_answers = [bootstrap.Outcome(1, OFFLINE)]
    with pytest.raises(bootstrap.Stop) as stop:
        make(root, machine)

    text = str(stop.value)
    for part in ("requirements.lock", "PIP_INDEX_URL", "PIP_FIND_LINKS", "--wheels", "no network"):
        assert part in text
    assert "Không tải được" in text


@pytest.mark.parametrize(
    ("output", "key"),
    [
        (OFFLINE, "no_index"),
        ("ERROR: No matching distribution found for numpy==2.4.6", "no_match"),
        ("OSError: [Errno 28] No space left on device", "disk_full"),
        ("OSError: [WinError 112] ...", "disk_full"),
        ("[Errno 30] Read-only file system: '/x'", "read_only"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE ...", "bad_hash"),
        ("... was not created because ensurepip is not available ...", "no_venv"),
        ("anything else", "failed"),
    ],
)
def test_troubles_are_told_apart(output: str, key: str) -> None:
    assert bootstrap.trouble(output, "failed") == key


def test_a_folder_of_something_else_is_left_alone(
    root: Path, tmp_path: Path, machine: Machine
) -> None:
    folder = tmp_path / "ảnh"
    folder.mkdir()
    (folder / "photo.jpg").touch()

    with pytest.raises(bootstrap.Stop, match="was not made by this script"):
        make(root, machine, env=folder)
    assert [entry.name for entry in folder.iterdir()] == ["photo.jpg"]


def test_a_folder_that_cannot_be_made_is_told(root: Path, machine: Machine) -> None:
    (root / "file").touch()
    with pytest.raises(bootstrap.Stop):
        make(root, machine, env=root / "file" / "env")


@pytest.mark.skipif(os.name == "nt", reason="the played locks are those of POSIX")
def test_two_runs_do_not_make_it_at_once(tmp_path: Path) -> None:
    path = tmp_path / bootstrap.LOCK
    with path.open("a") as first, path.open("a") as second:
        assert bootstrap.try_lock(first.fileno())
        assert not bootstrap.try_lock(second.fileno())


def test_wheels_are_used_without_an_index(root: Path, tmp_path: Path) -> None:
    commands: list[list[str]] = []
    played = Machine()

    def run(command: list[str]) -> object:
        commands.append(command)
        return played(command)

    bootstrap.Maker(root, root / ".venv", dev=False, wheels=tmp_path, run=run).ready()
    (install,) = [command for command in commands if "-r" in command]
    assert "--no-index" in install
    assert install[install.index("--find-links") + 1] == str(tmp_path)
    assert "--require-hashes" in install


def test_wheels_are_split_off_the_arguments(tmp_path: Path) -> None:
    name = str(tmp_path)
    assert bootstrap.take_wheels(["-x", "--wheels", name, "-k", "a"]) == (
        tmp_path,
        ["-x", "-k", "a"],
    )
    assert bootstrap.take_wheels([f"--wheels={name}"]) == (tmp_path, [])
    assert bootstrap.take_wheels(["--", "--wheels"]) == (None, ["--", "--wheels"])
    for wrong in (["--wheels"], ["--wheels="], ["--wheels", name + "/none"]):
        with pytest.raises(bootstrap.Stop):
            bootstrap.take_wheels(wrong)


@pytest.mark.parametrize(
    ("env", "windows", "python"),
    [
        (PureWindowsPath("C:/Dự án/.venv"), True, r"C:\Dự án\.venv\Scripts\python.exe"),
        (PurePosixPath("/home/an/Dự án/.venv"), False, "/home/an/Dự án/.venv/bin/python"),
    ],
)
def test_interpreter_of_an_environment(
    env: PurePosixPath | PureWindowsPath, *, windows: bool, python: str
) -> None:
    assert str(bootstrap.python_in(env, windows=windows)) == python


def test_newer_pythons_are_looked_for_by_the_launcher_on_windows() -> None:
    assert ["py", "-3.11"] in bootstrap.candidates(windows=True)
    assert ["python3.11"] in bootstrap.candidates(windows=False)


def test_a_named_environment_folder(tmp_path: Path) -> None:
    assert bootstrap.env_folder(tmp_path, {}) == tmp_path / ".venv"
    named = {"BLACKSPOTS_VENV": str(tmp_path / "môi trường")}
    assert bootstrap.env_folder(ROOT, named) == tmp_path / "môi trường"
    assert bootstrap.env_folder(ROOT, {"BLACKSPOTS_VENV": "x"}) == Path.cwd() / "x"


def test_a_python_too_old_says_so_in_both_languages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST", (99, 0))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("BLACKSPOTS_VENV", str(tmp_path / "none"))

    assert bootstrap.main("demo", []) == 1
    told = capsys.readouterr().err
    assert "Cần Python 99.0 trở lên" in told
    assert "Python 99.0 or newer is needed" in told
    assert not (tmp_path / "none").exists()


def test_a_python_without_ensurepip_names_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, machine: Machine
) -> None:
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(bootstrap.Stop, match="apt-get install python3-venv"):
        bootstrap.creator(machine)


def test_strays_of_the_user_do_not_reach_pip() -> None:
    cleaned = bootstrap.clean_environment({"PYTHONPATH": "/x", "PIP_USER": "1", "PIP_RETRIES": "7"})
    assert "PYTHONPATH" not in cleaned
    assert (cleaned["PIP_USER"], cleaned["PIP_RETRIES"], cleaned["PYTHONUTF8"]) == ("0", "7", "1")


@pytest.mark.parametrize(("script", "code"), [("sys.exit(7)", 7), ("pass", 0)])
def test_the_exit_code_of_a_task_is_passed_on(tmp_path: Path, script: str, code: int) -> None:
    command = [sys.executable, "-c", f"import sys; {script}"]
    assert bootstrap.run_task(command, tmp_path / "env", tmp_path) == code


def test_messages_stand_in_both_languages_and_fill_in() -> None:
    fields = dict.fromkeys(
        re.findall(r"{(\w+)}", " ".join(sum(bootstrap.MESSAGES.values(), ()))), "THIS"
    )
    for key, lines in bootstrap.MESSAGES.items():
        assert len(lines) == 2 or " / " in lines[0]
        assert "{" not in bootstrap.message(key, **fields)


def test_nothing_newer_than_python_3_8_is_evaluated() -> None:
    # The syntax at least: no 3.8 may be at hand to run it.
    source = (SCRIPTS / "bootstrap.py").read_text(encoding="utf-8")
    compile_as = "import ast, sys; ast.parse(sys.stdin.read(), feature_version=(3, 8))"
    command = [sys.executable, "-c", compile_as]
    subprocess.run(command, input=source, encoding="utf-8", check=True)


@pytest.mark.skipif(os.name == "nt", reason="the wrappers are for POSIX shells")
@pytest.mark.parametrize("name", ["demo", "test"])
def test_wrappers_find_their_script_from_anywhere(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "Dự án đường bộ" / "scripts"
    folder.mkdir(parents=True)
    (folder / name).write_bytes((SCRIPTS / name).read_bytes())
    (folder / name).chmod(0o755)
    says = "import sys; print(sys.argv[1:], __file__)"
    (folder / f"{name}.py").write_text(says, encoding="utf-8")

    done = subprocess.run(
        [str(folder / name), "một hai", "*"],
        cwd="/",
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert done.stdout == f"['một hai', '*'] {folder / name}.py\n"


LOCK_FILES = [ROOT / name for name in bootstrap.LOCKS.values()]


@pytest.mark.parametrize("path", LOCK_FILES, ids=lambda path: path.name)
def test_locks_are_pinned_hashed_and_name_no_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert lock.faults(text) == []
    assert len(lock.pins(text)) == len(lock.entries(text)) > 20
    assert "http" not in text
    assert "://" not in text


def test_what_the_demo_runs_on_is_what_the_tests_run_on() -> None:
    runtime, dev = (path.read_text(encoding="utf-8") for path in LOCK_FILES)
    assert lock.uncovered(runtime, dev) == []
    assert len(lock.pins(dev)) > len(lock.pins(runtime))


def test_a_pin_without_a_marker_covers_one_with_it_and_no_other() -> None:
    digest = " \\\n    --hash=sha256:" + "0" * 64
    marked = f"click==8.5.1 ; python_full_version < '3.14'{digest}"
    assert lock.uncovered(marked, f"click==8.5.1{digest}") == []
    assert lock.uncovered(f"click==8.5.1{digest}", marked) == [("click", "8.5.1", "")]
    assert len(lock.uncovered(marked, f"click==8.5.2{digest}")) == 1


@pytest.mark.parametrize("name", ["hatchling", "editables"])
def test_the_project_can_be_built_from_the_lock_alone(name: str) -> None:
    assert name in {pin[0] for pin in lock.pins(LOCK_FILES[0].read_text(encoding="utf-8"))}


@pytest.mark.parametrize(
    "entry",
    [
        "numpy>=2",
        "numpy==2.4.6",
        "numpy @ file:///x/numpy.whl",
        "--index-url https://example.org/simple",
        f"numpy==2.4.6 \\\n    --hash=sha256:{'0' * 64}\n    # from packages.example.net",
    ],
)
def test_faults_of_a_lock_are_found(entry: str) -> None:
    good = f"pandas==3.1.1 ; python_version >= '3.11' \\\n    --hash=sha256:{'a' * 64}"
    assert lock.faults(good + "\n") == []
    assert len(lock.faults(f"{good}\n{entry}\n")) == 1


def test_addresses_are_stripped_from_a_lock() -> None:
    good = f"pandas==3.1.1 \\\n    --hash=sha256:{'a' * 64}\n"
    text = f"# made by x\n--index-url https://example.org/simple\n\n{good}"
    assert lock.stripped(text) == good


@pytest.mark.parametrize("packages", ["lib/python3.11/site-packages", "Lib/site-packages"])
def test_the_environment_finds_a_checkout_with_vietnamese_letters_by_plain_letters(
    tmp_path: Path, packages: str
) -> None:
    root = tmp_path / "thư mục mới"
    folder = root / ".venv" / packages
    folder.mkdir(parents=True)
    (folder / "_editable_impl_blackspots.pth").write_text(str(root), encoding="utf-8")
    (folder / "other.pth").write_text("import other", encoding="utf-8")
    bootstrap.point_relatively(root / ".venv", root)
    written = (folder / "_editable_impl_blackspots.pth").read_bytes().decode("ascii").strip()
    assert (folder / written).resolve() == root.resolve()
    assert (folder / "other.pth").read_text(encoding="utf-8") == "import other"
