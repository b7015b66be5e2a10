"""What the name of a file, sheet or layer says about the table in it."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from importlib.resources import files

from blackspots.presets.headers import plain

_BETWEEN = re.compile(r"[^\w\s.]+")
_SEAM = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")


@cache
def _tree() -> dict[str, dict[str, list[str]]]:
    file = files("blackspots") / "presets" / "headers" / "files.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def _phrases(section: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Words of each phrase, and what it stands for; longest first. ``tainan`` is ``tai nan``."""
    made: dict[tuple[str, ...], str] = {}
    for meaning, phrases in _tree()[section].items():
        for phrase in phrases:
            words = tuple(plain(phrase).split())
            made.setdefault(words, meaning)
            if len(words) > 1:
                made.setdefault(("".join(words),), meaning)
    return tuple(sorted(made.items(), key=lambda item: -len("".join(item[0]))))


def meanings(words: str, section: str) -> list[str]:
    """What the words name, in their order.

    Parameters
    ----------
    section
        ``tables``, ``levels``, ``values`` or ``units``.
    """
    left: list[str | None] = list(plain(_SEAM.sub(" ", _unmarked(words))).split())
    found: dict[int, str] = {}
    for phrase, meaning in _phrases(section):
        size = len(phrase)
        for i in range(len(left) - size + 1):
            if tuple(left[i : i + size]) == phrase:
                found[i] = meaning
                left[i : i + size] = [None] * size
    return list(dict.fromkeys(found[i] for i in sorted(found)))


def unit_of(header: str) -> str | None:
    """The unit that the header of a column of money names: ``one``, ``thousand`` ...

    ``Dự toán (triệu đồng)`` is in million, ``Đơn giá (đồng/m2)`` in one; None where no unit is
    told, as in ``Giá hợp đồng``.
    """
    named = [unit for unit in meanings(header, "units") if unit != "one"]
    if named:
        return named[0]
    alone = {plain(word) for word in _tree()["alone"]["one"]}
    parts = [plain(part) for part in _BETWEEN.split(header)]
    others = {plain(word) for word in _tree()["units"]["one"]} - alone
    words = {word for part in parts for word in part.split()}
    return "one" if not alone.isdisjoint(parts) or words & others else None


def names(table: str) -> list[tuple[str, ...]]:
    """What the rows of a table are called: plain phrases as their words."""
    return [tuple(plain(phrase).split()) for phrase in _tree()["tables"].get(table, ())]


def _unmarked(words: str) -> str:
    """Words without marks, their case kept."""
    letters = unicodedata.normalize("NFD", words.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in letters if not unicodedata.combining(c))
