"""What layers of railways call a track, and how the names of lines are compared."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from blackspots.presets.headers import plain


@cache
def _tree() -> dict[str, Any]:
    file = files("blackspots") / "presets" / "headers" / "rail_kinds.toml"
    made: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    return made


@cache
def _phrases() -> tuple[dict[str, str], frozenset[str]]:
    """Plain phrase to reason, and the plain phrases of side tracks."""
    reasons = {plain(word): reason for reason, own in _tree()["reason"].items() for word in own}
    return reasons, frozenset(plain(word) for word in _tree()["side"]["words"])


def _holds(words: str, phrase: str) -> bool:
    """Whether plain words are a phrase, or hold one of several words."""
    return words == phrase or (" " in phrase and f" {phrase} " in f" {words} ")


@cache
def no_train(kind: str) -> str | None:
    """Why no train that a road could meet runs on a track of a kind; None where trains run.

    Returns
    -------
    str or None
        ``not-in-service``, ``no-heavy-rail`` or ``no-track`` (keys below ``reason.``).

    Examples
    --------
    >>> no_train("Đường sắt đang xây dựng"), no_train("tram"), no_train("rail")
    ('not-in-service', 'no-heavy-rail', None)
    """
    words = plain(kind)
    return next((reason for phrase, reason in _phrases()[0].items() if _holds(words, phrase)), None)


@cache
def is_side(service: str) -> bool:
    """Whether the words for what a track is for are those of a side track.

    Examples
    --------
    >>> is_side("siding"), is_side("Đường đón gửi số 3"), is_side("Chính tuyến")
    (True, True, False)
    """
    words = plain(service)
    return any(_holds(words, phrase) for phrase in _phrases()[1])


@cache
def line_key(name: str) -> str:
    """The name of a railway line as it is compared: plain, without the words for a railway.

    Examples
    --------
    >>> line_key("Đường sắt Hà Nội - Đồng Đăng") == line_key("Hà Nội – Đồng Đăng")
    True
    """
    words = plain(name)
    around = _tree()["name"]
    for phrase in sorted(map(plain, around["before"]), key=len, reverse=True):
        if words.startswith(f"{phrase} "):
            words = words.removeprefix(f"{phrase} ")
            break
    for phrase in sorted(map(plain, around["after"]), key=len, reverse=True):
        if words.endswith(f" {phrase}"):
            return words.removesuffix(f" {phrase}")
    return words
