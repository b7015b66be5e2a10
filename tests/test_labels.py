"""Every text that the program can say stands in both languages, with the same fields."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from blackspots import labels, outputs, schema, study
from blackspots.config import _NEEDS
from blackspots.presets import catalogue, cost_table, definition, encodings
from blackspots.presets.headers import crossing_kinds, severity_vocabulary

CODE = Path(labels.__file__).parent
KEBAB = re.compile(r"[a-z]+(-[a-z]+)+")
PANDAS_KINDS = {"mixed-integer", "mixed-integer-float", "unknown-array"}
"""What pandas calls the cells of a column."""
EN, VI = labels.texts("en"), labels.texts("vi")

# Texts that may be the same in both languages: marks, short forms in capitals, bare fields.
SAME = re.compile(r"[^a-z{}]*(\{\w+\}[^a-z{}]*)*")


def modules(*names: str) -> Iterator[tuple[Path, ast.Module]]:
    """The syntax trees of the package, or of those files and folders of it."""
    for name in names or (".",):
        path = CODE / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield file, ast.parse(file.read_text(encoding="utf-8"))


def docstrings(tree: ast.Module) -> set[int]:
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def words(*names: str) -> set[str]:
    """The plain strings of some modules, without docstrings."""
    found = set()
    for _, tree in modules(*names):
        told = docstrings(tree)
        found |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in told
        }
    return found


def codes(*names: str) -> set[str]:
    return {word for word in words(*names) if KEBAB.fullmatch(word)}


def keys(prefix: str) -> set[str]:
    return {key.removeprefix(prefix) for key in EN if key.startswith(prefix)}


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def errors() -> Iterator[tuple[str, ast.Call, ast.AST]]:
    """Where errors are made: by their class, or by a class of their own."""
    yield from called("BlackspotsError")
    for where, call, around in called("__init__"):
        if call.args and isinstance(call.args[0], ast.Constant):
            yield where, call, around


def called(name: str) -> Iterator[tuple[str, ast.Call, ast.AST]]:
    """Calls of a function or method, with where they stand and the function around them."""
    for file, tree in modules():
        for around in ast.walk(tree):
            if not isinstance(around, ast.FunctionDef):
                continue
            for node in ast.walk(around):
                if isinstance(node, ast.Call) and name in (
                    getattr(node.func, "id", None),
                    getattr(node.func, "attr", None),
                ):
                    yield f"{file.name}:{node.lineno}", node, around


def said(argument: ast.expr, around: ast.AST) -> set[str]:
    """The strings that an argument can be: itself, or what its name was given."""
    if isinstance(argument, ast.Constant):
        return {argument.value}
    given = [argument]
    if isinstance(argument, ast.Name):
        given = [
            node.value
            for node in ast.walk(around)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == argument.id
        ]
    return {
        node.value
        for value in given
        for node in ast.walk(value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_both_languages_have_the_same_texts() -> None:
    assert set(EN) == set(VI)


@pytest.mark.parametrize("key", sorted(EN))
def test_a_text_is_filled_in_both_languages_with_the_same_fields(key: str) -> None:
    assert EN[key].strip()
    assert VI[key].strip()
    assert fields(EN[key]) == fields(VI[key])


def test_no_text_is_left_untranslated() -> None:
    assert [key for key in EN if EN[key] == VI[key] and not SAME.fullmatch(EN[key])] == []
    unmarked = {key for key in keys("error.") if VI[f"error.{key}"].isascii()}
    assert unmarked == set()
    marked = re.compile(r"[ăâđêôơư\u1ea0-\u1ef9]")
    english = {key for key in EN if marked.search(EN[key].replace("Lạng Sơn", ""))}
    assert {key for key in english if not key.startswith("page.")} == set()


def test_every_error_has_its_sentence_and_all_that_the_sentence_names() -> None:
    found = set()
    for where, call, around in errors():
        if not call.args:
            continue
        named = said(call.args[0], around)
        assert named, where
        given = {keyword.arg for keyword in call.keywords}
        for code in named:
            assert f"error.{code}" in EN, where
            if None not in given:  # no ** among them
                assert fields(EN[f"error.{code}"]) <= given, where
        found |= named
    assert len(found) > 40
    assert keys("error.") == found


def test_a_table_without_a_usable_row_names_the_first_problem() -> None:
    """The one error that gets its fields as a whole (**)."""
    wanted = {"count", "reason", "file", "row", "column", "value"}
    assert fields(EN["error.all-rejected"]) == wanted


def test_every_code_of_an_unreadable_cell_and_a_rejected_row_says_what_to_do() -> None:
    known = keys("reject.") | keys("error.")
    assert codes("sources") - known - PANDAS_KINDS == set()
    unreadable = {c for _, call, around in called("Unreadable") for c in said(call.args[0], around)}
    assert len(unreadable) > 10
    assert unreadable <= keys("reject.")


def test_every_reason_for_an_unplaced_crash_or_work_is_said() -> None:
    used = codes("locating", "referencing.py")
    assert used - keys("reason.") - keys("reject.") - keys("error.") == set()
    assert codes("referencing.py") <= keys("reason.") & keys("reject.")


def test_no_text_of_a_code_is_left_over() -> None:
    everywhere = words() | set(encodings.SCHEMES)
    everywhere |= {word.partition(".")[2] for word in everywhere}
    for prefix in (
        "reject.",
        "repaired.",
        "doubtful.",
        "reason.",
        "why.",
        "agreement.",
        "spf.",
        "verdict.",
        "need.",
    ):
        assert keys(prefix) - everywhere == set(), prefix


def test_every_decision_has_its_words() -> None:
    used = codes("appraisal/projects.py", "programme.py")
    spf = keys("spf.") | keys("error.") | {"self-opened"}
    assert used - keys("why.") - spf == set()


def test_every_value_of_the_schema_has_its_words() -> None:
    assert set(schema.SEVERITIES) == keys("severity.")
    assert set(schema.PLACES) == keys("kind.")
    assert set(schema.VERDICTS) == keys("verdict.")
    assert set(schema.STATUSES) == keys("status.")
    assert set(study.STAGES) | {"write"} == keys("stage.")
    assert set(_NEEDS.values()) | {"other"} == keys("need.")
    assert set(severity_vocabulary().values()) <= set(schema.SEVERITIES)
    allowed = schema.CROSSINGS.by_name["kind"].allowed
    assert set(crossing_kinds().values()) <= set(allowed)
    marks = set(cost_table("vn-2024").marks.values()) | {definition("vn-26-2012").mark}
    marks |= {entry.mark for entry in catalogue("starter").values()} | {"U"}
    assert marks <= keys("mark.")
    sources = schema.PROJECTS.by_name["source"].allowed
    assert {f"term.source.{source}" for source in sources} <= set(EN)


def test_every_column_that_is_shown_has_a_header() -> None:
    shown = {
        column
        for name in ("_SITE_COLUMNS", "_PROJECT_COLUMNS", "_AREA_COLUMNS", "_UNPLACED_COLUMNS")
        for column in getattr(outputs, name)
    }
    assert shown
    assert shown <= keys("column.")


def test_every_key_written_in_the_code_exists() -> None:
    found = set()
    for where, call, _ in called("text"):
        if not call.args:
            continue
        key = call.args[0]
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and "." in key.value:
            assert key.value in EN, where
            found.add(key.value)
        elif isinstance(key, ast.JoinedStr) and isinstance(key.values[0], ast.Constant):
            assert keys(key.values[0].value), where
    assert len(found) > 10


def test_a_number_is_written_as_its_language_does() -> None:
    row = {"read": 12345, "placed": 1, "unplaced": 2, "rejected": 3}
    assert "12.345" in labels.text("summary.rows", "vi", **row)
    assert "12,345" in labels.text("summary.rows", "en", **row)
    assert labels.format_number(12345.67, "vi", 1) == "12.345,7"
    assert labels.format_number(12345.67, "en", 1) == "12,345.7"


def test_a_field_that_is_a_text_itself_is_said_in_the_language_of_its_sentence() -> None:
    need = labels.Term("need.above", {"limit": 2.5})
    given = {"file": "f", "key": "k", "value": 1, "need": need}
    assert "cần số lớn hơn 2,5" in labels.text("error.bad-value", "vi", **given)
    assert "need a number above 2.5" in labels.text("error.bad-value", "en", **given)


def test_an_unknown_value_is_shown_as_a_question_mark_and_an_unknown_key_is_a_fault() -> None:
    assert "“?”" in labels.text("error.unknown-layer", "en", file="f", layer=None, have="a")
    with pytest.raises(KeyError):
        labels.text("error.no-such-text", "vi")
    assert not labels.has("error.no-such-text")
    assert labels.has("error.no-crs")


def test_an_unknown_language_speaks_english() -> None:
    assert labels.text("verdict.potential", "fr") == EN["verdict.potential"]
