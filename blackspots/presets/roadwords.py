"""What the class of a road says: walked on, a path, a motorway."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from blackspots.presets.headers import plain


def kind_of(road_class: str | None) -> str:
    """``walked``, ``path`` or ``motorway``; ``road`` for all else, and where it is not known.

    Examples
    --------
    >>> kind_of("footway"), kind_of("Đường mòn"), kind_of("residential"), kind_of(None)
    ('walked', 'path', 'road', 'road')
    """
    return _kinds().get(plain(road_class), "road") if road_class else "road"


@cache
def _kinds() -> dict[str, str]:
    file = files("blackspots") / "presets" / "headers" / "road_kinds.toml"
    words: dict[str, list[str]] = tomllib.loads(file.read_text(encoding="utf-8"))
    return {plain(word): kind for kind, listed in words.items() for word in listed}
