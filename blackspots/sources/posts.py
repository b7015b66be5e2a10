"""Km posts and road numbers as registers write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from blackspots.presets import headers, notations
from blackspots.sources.cells import Noted, Unreadable, number, text, tidy

_METRES_IN_KM: Final = 1000
_ROAD_NUMBER: Final = re.compile(r"[A-Z]{1,4}\d{1,4}[A-Z]{0,2}")
_PREFIXED: Final = re.compile(r"([a-z]+?)(?:so)?(\d{1,4}[a-z]{0,2})")
_GAPS: Final = re.compile(r"[\s.\-_]+")
_GAP: Final = r"[\s.\-_]{0,3}"
_WORDS: Final = "|".join(word.replace(" ", _GAP) for word in notations.road_words())
_IN_TEXT: Final = re.compile(
    rf"(?<![a-z\d])(?:{_WORDS}){_GAP}(?:so\s)?\d{{1,4}}(?:[a-z]{{1,2}})?(?![a-z\d])"
)
_PLAIN: Final = re.compile(r"Km(\d{1,4})\+(\d{3})", re.ASCII)
_POST: Final = re.compile(
    r"(?:(?:(?<![^\W\d_])km|(?<!\w)(?:k|lt))\s?[.:]?\s?|(?<![\w+])(?<!\d[.,]))"
    r"(?P<km>\d{1,4})\s?\+\s?(?P<metres>\d{1,4}(?:[.,]\d{1,9})?)\s?m?(?![\w+])(?![.,]\d)"
    r"|(?<!\w)km\s?[.:]?\s?(?P<plain>\d{1,4}(?:[.,]\d{1,3})?)(?:\s?km)?(?![\w+])(?![.,]\d)(?!\s\+)",
    re.IGNORECASE,
)
_NUMBER_OF_KM: Final = re.compile(r"(?P<plain>\d{1,4}(?:[.,]\d{1,9})?)\s?(?:km)?", re.IGNORECASE)
_UNTIL: Final = re.compile(rf"-|->|-:-|:|~|÷|→|>|{'|'.join(notations.range_words())}")
_LABEL: Final = re.compile(r"ly trinh|(?<![a-z])(?:lt|tu|tai|km|tren|thuoc|duong)(?![a-z])")
_FIGURE: Final = re.compile(r"\d")
_EDGES: Final = " .,:;-–/()"
_LENGTH: Final = re.compile(r"\d\s?k?m$")
"""What ends a distance, "cách 200 m", that is otherwise spelt like a road number."""
_LONGEST_ROAD: Final = 10_000
"""Km from which a number is none: metres, or another column."""
_FEW: Final = 1
"""Figures of metres that may be hundreds: Km45+5."""


@dataclass(frozen=True, slots=True)
class KmPost:
    """A place by road number and km.

    Parameters
    ----------
    route
        Road number as :func:`route` writes it, where the cell says one.
    km
        [km]
    resolution_m
        [m] Half a unit of the last place of the metres that is not 0, at least 0.5: 50 for
        +300, 5 for +350, 0.5 for +351, 500 for a whole km. Half the length of a range.
    """

    route: str | None
    km: float
    resolution_m: float

    def __str__(self) -> str:
        whole, metres = divmod(round(self.km * 1000), 1000)
        return f"{self.route or ''} Km{whole}+{metres:03d}".strip()


def km(cell: Any) -> float | Noted:
    """A km post [km]: ``Km45+300``, ``QL1 Km 45+300``, ``Km 45,300`` or a number of km."""
    post = km_post(cell)
    if isinstance(post, Noted):
        return Noted(post.value.km, post.code)
    return post.km


def km_post(cell: Any) -> KmPost | Noted:
    """Road number, km and precision of a km post; the middle of a range of posts.

    Noted are ranges, metres of one figure (``Km45+5``) and metres of 1000 and more, which
    stand on long kilometres or are slips.
    """
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        value = number(cell)
        if value < 0:
            raise Unreadable("negative")
        if value >= _LONGEST_ROAD:
            raise Unreadable("not-a-km-post")
        return KmPost(None, value, _metres_given(value * _METRES_IN_KM))
    if plain := _PLAIN.fullmatch(str(cell)):  # as most are: no need to look further
        metres = float(plain[2])
        value = int(plain[1]) + metres / _METRES_IN_KM
        return KmPost(None, round(value, 6), _metres_given(metres))
    words = tidy(cell)
    posts = list(_POST.finditer(words))
    if not posts and (alone := _NUMBER_OF_KM.fullmatch(words)):
        posts = [alone]
    if not 1 <= len(posts) <= 2:  # noqa: PLR2004
        raise Unreadable("not-a-km-post")
    lead, tail = words[: posts[0].start()], words[posts[-1].end() :]
    between = words[posts[0].end() : posts[-1].start()] if len(posts) > 1 else ""
    # Figures behind a post change it (Km45+300 cách 200 m), or before a bare km (1 km 200).
    beside = tail if posts[0].groupdict()["plain"] is None else f"{lead} | {tail}"
    if "+" in lead or any(_FIGURE.search(_without_roads(part)) for part in beside.split("|")):
        raise Unreadable("not-a-km-post")
    road = _one_road(_road(lead), _road(between), _road(tail))
    read = [_value(post) for post in posts]
    code = next((noted for _, _, noted in read if noted), None)
    value, fine, _ = read[0]
    if len(read) > 1:
        mark = _LABEL.sub("", _IN_TEXT.sub("", _folded(between))).strip(" .,")
        if not _UNTIL.fullmatch(mark):
            raise Unreadable("not-a-km-post")
        half = abs(read[1][0] - value) / 2
        value = (value + read[1][0]) / 2
        fine = max(half * _METRES_IN_KM, min(fine, read[1][1]))
        code = code or "repaired.km-range"
    post = KmPost(road, round(value, 6), round(fine, 6))
    return Noted(post, code) if code else post


def _value(post: re.Match[str]) -> tuple[float, float, str | None]:
    """Km, resolution [m] and what is to be noted, of one post."""
    parts = post.groupdict()
    if parts["plain"] is not None:
        value = float(parts["plain"].replace(",", "."))
        return value, _metres_given(value * _METRES_IN_KM), None
    written = parts["metres"].replace(",", ".")
    metres = float(written)
    value = int(parts["km"]) + metres / _METRES_IN_KM
    fine = _metres_given(metres)
    if metres >= _METRES_IN_KM:
        return value, fine, "doubtful.km-over-1000"
    if len(written) == _FEW and metres:
        return value, fine, "doubtful.km-few-metres"
    return value, fine, None


def _metres_given(metres: float) -> float:
    """Resolution [m] of a number of metres: from its last place that is not 0."""
    rounded = round(metres, 3)
    return next((unit / 2 for unit in (1000, 100, 10) if rounded % unit == 0), 0.5)


def _folded(words: str) -> str:
    return notations.bare(words).replace("đ", "d")


def _without_roads(words: str) -> str:
    """Words without marks and without the road numbers among them."""
    return "" if _number_of(words) else _IN_TEXT.sub(" ", _folded(words))


def _number_of(words: str) -> str | None:
    """The road number that the words are, but for labels such as ``Lý trình``."""
    bare = _LABEL.sub("", _folded(words)).strip(_EDGES)
    name = route(bare)
    return name if _is_road(name) and not _LENGTH.search(bare) else None


def _is_road(name: str) -> bool:
    return bool(_ROAD_NUMBER.fullmatch(name)) or name in notations.named_roads().values()


def _road(words: str) -> set[str]:
    """The road numbers within some words."""
    if whole := _number_of(words):
        return {whole}
    return {route(found[0]) for found in _IN_TEXT.finditer(_folded(words))}


def _one_road(*places: set[str]) -> str | None:
    """The road of a post: the one before it, else the one after it; of several none.

    Raises
    ------
    Unreadable
        When the two ends of a range are on different roads.
    """
    lead, between, tail = places
    if lead and between and lead != between:
        raise Unreadable("not-a-km-post")
    found = lead or between or tail
    return next(iter(found)) if len(found) == 1 else None


def route(cell: Any) -> str:
    """The number of a road in one spelling: ``ql 1b``, ``QL-1B`` and ``Quốc lộ 1B`` are ``QL1B``.

    Prefixes and numbers of the same road are those of ``presets/headers/routes.toml``. ``Đ``
    is written ``D``. A road with a name in place of a number keeps its name.
    """
    name = text(cell)
    compact = _GAPS.sub("", _folded(name))
    if known := notations.named_roads().get(headers.plain(compact)):
        return known
    found = _PREFIXED.fullmatch(compact)
    prefix = notations.road_prefixes().get(found[1]) if found else None
    if found and prefix:
        spelt = prefix + found[2].upper()
    else:
        spelt = _GAPS.sub("", name.upper().replace("Đ", "D"))
        if not _ROAD_NUMBER.fullmatch(spelt):
            return name
    return notations.same_roads().get(spelt, spelt)
