"""Headers that a person confirms: asked for on a terminal, and kept in the study file."""

import os
import stat
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyproj import CRS
from small_study import GRID, HEADER, crashes, edit, write_book, write_rows, write_study

from blackspots.cli import main
from blackspots.config import load_study
from blackspots.errors import BlackspotsError
from blackspots.remembering import remember, write_whole
from blackspots.sources import Findings, UnconfirmedHeaders, read_crashes

DATE, MODE = "Ngày xảy ra vụ", "Loại phương tiện xe"

FORMS = {
    "sections": '# một\n[crashes]\nfiles = ["a"]  # hai\n\n# ba\n[roads]\nfile = "r"\n',
    "no blank line": '[crashes]\nfiles = ["a"]\n# ba\n[roads]\nfile = "r"\n',
    "columns": '[crashes]\nfiles = ["a"]\n\n[crashes.columns]\nlat = "x" # c\n# lon = "y"\n\n'
    '# ba\n[roads]\nfile = "r"\n',
    "severity": '[crashes]\nfiles = ["a"]\n[crashes.severity]\nK = "fatal"\n\n# ba\n[roads]\n'
    'file = "r"',
    "inline columns": '[crashes]\nfiles = ["a"]\ncolumns = { lat = "x" }\n\n# ba\n[roads]\n'
    'file = "r"\n',
    "all inline": 'crashes = { files = ["a"] }\n# ba\n[roads]\nfile = "r"\n',
    "dotted": 'crashes.files = ["a"]\n# ba\nroads.file = "r"\n',
    "dotted columns": '[crashes]\nfiles = ["a"]\ncolumns.lat = "x"\n\n# ba\n[roads]\nfile = "r"\n',
    "out of order": '[crashes]\nfiles = ["a"]\n# ba\n[roads]\nfile = "r"\n[crashes.columns]\n'
    'lat = "x"\n\n# bốn\n[output]\nfolder = "o"\n',
    "windows": '\ufeff[crashes]\r\nfiles = ["a"]\r\n\r\n# ba\r\n[roads]\r\nfile = "r"\r\n',
    "no line end": '[crashes]\nfiles = ["a"]',
    "list over lines": '[crashes]\nfiles = [\n  "a",\n  # trong\n  "b",\n]\n\n# ba\n[output]\n'
    'folder = "o"\n',
}


@pytest.mark.parametrize("form", FORMS)
def test_answers_are_put_in_and_all_else_stays(form: str, tmp_path: Path) -> None:
    source = FORMS[form]
    path = tmp_path / "study.toml"
    path.write_bytes(source.encode())
    given = {"date": 'Ngày "ấy"', "km": ["a\\b", "c"], "hour": ""}
    remember(path, "crashes", given)
    made = path.read_bytes().decode()
    before, after = (tomllib.loads(t.removeprefix("\ufeff")) for t in (source, made))
    before["crashes"].setdefault("columns", {}).update(given)
    assert after == before
    assert made.startswith("\ufeff") == source.startswith("\ufeff")
    assert ("\r\n" in made) == ("\r\n" in source)
    assert "\r\r" not in made
    left = made.splitlines()
    for line in source.splitlines():
        if "lat" not in line and not line.startswith("crashes = {"):
            assert line in left
    comments = [line for line in source.splitlines() if line.startswith("#")]
    assert [line for line in left if line in comments] == comments
    if "# ba" in comments and "[roads]" in left and form != "out of order":
        assert left[left.index("[roads]") - 1] == "# ba"
    remember(path, "crashes", {"date": "khác"})
    again = tomllib.loads(path.read_bytes().decode().removeprefix("\ufeff"))
    after["crashes"]["columns"]["date"] = "khác"
    assert again == after


def test_a_file_that_cannot_be_extended_is_left_alone_and_the_lines_are_told(
    tmp_path: Path,
) -> None:
    path = tmp_path / "study.toml"
    path.write_text('[roads]\nfile = "r"\n', encoding="utf-8")
    with pytest.raises(BlackspotsError) as raised:
        remember(path, "crashes", {"date": "Ngày"})
    assert raised.value.code == "not-remembered"
    assert '[crashes.columns]\ndate = "Ngày"' in raised.value.message("vi")
    assert path.read_text(encoding="utf-8") == '[roads]\nfile = "r"\n'


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_mode_and_link_of_the_file_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "study.toml", tmp_path / "link.toml"
    path.write_text('[crashes]\nfiles = ["a"]\n', encoding="utf-8")
    path.chmod(0o640)
    link.symlink_to(path)
    remember(link, "crashes", {"date": "d"})
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert 'date = "d"' in path.read_text(encoding="utf-8")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.toml", "study.toml"]


def test_a_folder_that_takes_no_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BlackspotsError) as raised:
        write_whole(tmp_path / "file" / "study.toml", "x")
    assert raised.value.code == "output-failed"


@pytest.fixture
def asking(tmp_path: Path) -> Path:
    """A study whose register has two headers that nearly match."""
    path = write_study(tmp_path / "nghiên cứu")
    names = {"date": DATE, "mode": MODE}
    rows = [{names.get(k, k): v for k, v in row.items()} for row in crashes()]
    write_rows(path.parent / "crashes.csv", rows, [names.get(h, h) for h in HEADER])
    return path


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blackspots.cli._is_terminal", lambda: True)


def answer(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """Answers to the questions, which are collected; afterwards the input ends."""
    asked: list[str] = []
    left: Iterator[str] = iter(words)

    def reply(question: str) -> str:
        asked.append(question)
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", reply)
    return asked


def test_without_a_terminal_the_error_gives_the_lines_to_paste(
    asking: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = asking.read_bytes()
    assert main(["run", str(asking), "--quiet", "--lang", "en"]) == 1
    said = capsys.readouterr().err
    assert f'date = "{DATE}"' in said
    assert f'mode = "{MODE}"' in said
    assert asking.read_bytes() == before


def test_pasting_the_lines_and_remembering_give_the_same_study(
    asking: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = asking.read_text(encoding="utf-8")
    assert main(["run", str(asking), "--quiet", "--lang", "en"]) == 1
    said = capsys.readouterr().err
    block = said[said.index("[crashes.columns]") :].strip()
    asking.write_text(f"{source}\n{block}\n", encoding="utf-8")
    pasted = load_study(asking)
    asking.write_text(source, encoding="utf-8")
    monkeypatch.setattr("blackspots.cli._is_terminal", lambda: True)
    answer(monkeypatch, "y", "Y")
    assert main(["run", str(asking), "--lang", "en"]) == 0
    assert load_study(asking) == pasted
    assert len(load_study(asking).crashes.columns) == 2


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("command", ["run", "check"])
def test_answers_are_written_into_the_study_and_it_goes_on(
    command: str,
    asking: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    edit(asking, "[roads]", "# Đường\n[roads]")
    asked = answer(monkeypatch, "gì?", "có", "K")
    assert main([command, str(asking.parent), "--lang", "vi"]) == 0
    assert [DATE in question for question in asked].count(True) == 2
    assert "ngày xảy ra" in asked[0]
    assert "[c/k]" in asked[0]
    assert tomllib.loads(asking.read_text(encoding="utf-8"))["crashes"]["columns"] == {
        "date": DATE,
        "mode": "",
    }
    assert "# Đường\n[roads]" in asking.read_text(encoding="utf-8")
    capsys.readouterr()
    asked = answer(monkeypatch)
    assert main([command, str(asking), "--lang", "vi"]) == 0
    assert asked == []


@pytest.mark.usefixtures("terminal")
def test_an_input_that_ends_leaves_the_study_alone(
    asking: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = asking.read_bytes()
    answer(monkeypatch, "y")
    assert main(["run", str(asking), "--lang", "en"]) == 1
    assert f'date = "{DATE}"' in capsys.readouterr().err
    assert asking.read_bytes() == before


@pytest.mark.usefixtures("terminal")
def test_a_quiet_run_asks_nothing(
    asking: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = answer(monkeypatch, "y", "y")
    assert main(["run", str(asking), "--quiet", "--lang", "en"]) == 1
    assert asked == []
    assert "[crashes.columns]" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_the_questions_are_put_on_a_real_terminal(asking: Path) -> None:
    import pty  # noqa: PLC0415 - not on Windows

    child, screen = pty.fork()
    if child == 0:
        command = [sys.executable, "-m", "blackspots", "check", str(asking), "--lang", "en"]
        os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted
    said = b""
    answers = iter([b"y\n", b"n\n"])
    while True:
        try:
            piece = os.read(screen, 4096)
        except OSError:  # the child has closed its end
            break
        if not piece:
            break
        said += piece
        if piece.rstrip(b" ").endswith(b"[y/n]"):
            os.write(screen, next(answers))
    _, status = os.waitpid(child, 0)
    os.close(screen)
    assert os.waitstatus_to_exitcode(status) == 0, said.decode("utf-8", "replace")
    made = tomllib.loads(asking.read_text(encoding="utf-8"))
    assert made["crashes"]["columns"] == {"date": DATE, "mode": ""}


def two_files(folder: Path) -> list[Path]:
    rows = crashes()
    write_rows(folder / "a.csv", rows[:10])
    nearly = [{("Ngày xảy ra vụ" if k == "date" else k): v for k, v in row.items()} for row in rows]
    write_rows(folder / "b.csv", nearly[10:], list(nearly[0]))
    return [folder / "a.csv", folder / "b.csv"]


@pytest.mark.parametrize(("right", "dated"), [(True, 20), (False, 10)])
def test_a_confirmed_header_of_one_file_leaves_those_of_the_others(
    right: bool, dated: int, tmp_path: Path
) -> None:
    paths = two_files(tmp_path)
    with pytest.raises(UnconfirmedHeaders) as asked:
        read_crashes(paths, CRS(GRID), Findings())
    assert set(asked.value.proposals) == {"Ngày xảy ra vụ"}
    columns = asked.value.confirmed(["Ngày xảy ra vụ"] if right else [])
    assert columns == {"date": ["date", "Ngày xảy ra vụ" if right else ""]}
    register = read_crashes(paths, CRS(GRID), Findings(), columns=columns)
    assert register.crashes["date"].notna().sum() == dated


def test_a_notes_sheet_does_not_stop_a_register_with_named_columns(tmp_path: Path) -> None:
    rows = [[row[name] for name in HEADER] for row in crashes()]
    header = ["Ngày xảy ra vụ" if name == "date" else name for name in HEADER]
    sheets = {"2021": [header, *rows], "Ghi chú": [["Lưu ý", "Người lập"], ["xem lại", "phòng 2"]]}
    write_book(tmp_path / "c.xlsx", sheets)
    findings = Findings()
    register = read_crashes(
        [tmp_path / "c.xlsx"], CRS(GRID), findings, columns={"date": "Ngày xảy ra vụ"}
    )
    assert len(register.crashes) == 20
    assert [(r["sheet"], r["code"]) for r in findings.remarks] == [("Ghi chú", "sheet-left-out")]
    with pytest.raises(BlackspotsError) as refusal:
        read_crashes([tmp_path / "c.xlsx"], CRS(GRID), Findings(), columns={"date": "Ngày"})
    assert refusal.value.code == "unknown-column"
