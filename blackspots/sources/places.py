"""Angles and pairs of coordinates as registers write them, and how finely they are given."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from blackspots.presets import notations
from blackspots.sources.cells import Unreadable, tidy

Axis = Literal["lat", "lon", ""]
Hemisphere = Literal["n", "s", "e", "w", ""]

_FINEST, _COARSEST = 7, -4
"""Decimal places between which numbers are told apart; 7 of a degree are a centimetre."""
_MAX_LATITUDE, _MAX_LONGITUDE = 90, 180
_SIXTY: Final = 60
_LONGEST: Final = 120
"""Characters of a cell; a longer one is a description."""
_TOKEN: Final = re.compile(
    r"(?P<number>\d{1,12}(?:[.,]\d{1,20})?)|(?P<word>[^\W\d_]+)|(?P<mark>[^\s\w]|_)|(?P<space> )"
)
_AXIS_OF: Final[dict[str, Axis]] = {"n": "lat", "s": "lat", "e": "lon", "w": "lon"}
_UNITS: Final = ("degree", "minute", "second")
_MARKS: Final = {"°": "degree", "'": "minute", '"': "second"}
_STRONG: Final = re.compile(r"\s?[;|]\s?|\s[/&]\s|(?<=\w)/(?=\w)")
_BRACKETS: Final = str.maketrans("()[]{}", "      ")
_POINT: Final = re.compile(r"point\s?", re.IGNORECASE)
_PLAIN: Final = re.compile(r"[+-]?\d{1,12}(?:[.,]\d{1,20})?")
_NUMBERS: Final = re.compile(r"\d+(?:[.,]\d+)?")
_PERHAPS_SPLIT_WRONGLY: Final = ("not-an-angle", "not-a-pair", "angle-minutes", "off-globe")
_COMMA: Final = re.compile(",")
_GAP: Final = re.compile(
    r" |(?<=[^\W\d_])(?=\d)|(?<=['\"°\d])(?=[^\W\d_])|(?<=[^\W\d_'\"°])(?=-\d)"
)
_LABEL_FIRST: Final = re.compile(
    r"(?P<name>[^\W\d_]{1,20})\s?[=:]?\s?(?P<number>-?\d{1,12}(?:[.,]\d{1,20})?)"
)
_LABEL_LAST: Final = re.compile(
    r"(?P<number>-?\d{1,12}(?:[.,]\d{1,20})?)\s?m?\s?(?P<name>[^\W\d_]{1,20})"
)
_FEWEST_OF_GRID: Final = 5
_LEAST_OF_GRID: Final = 1000


@dataclass(frozen=True, slots=True)
class Angle:
    """A latitude or longitude.

    Parameters
    ----------
    degrees
        [degrees], negative to the south and west.
    hemisphere
        From the letter or word beside it; empty where none stands.
    resolution
        [degrees] Half a unit of the last place of the notation.
    letter
        The letter or word itself, without case and marks.
    axis
        What the cell itself calls it (``Vĩ độ``), or its hemisphere implies.
    """

    degrees: float
    hemisphere: Hemisphere = ""
    resolution: float = 0.0
    letter: str = ""
    axis: Axis = ""


@dataclass(frozen=True, slots=True)
class Degrees:
    """Latitude and longitude; ``certain`` when letters, words or the values tell their order."""

    lat: Angle
    lon: Angle
    certain: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """Two numbers of a metric grid, in the order x, y where the cell says which is which.

    ``order`` is ``xy`` for the names X and Y as written (X may be the northing), ``en`` for
    easting and northing, and empty where no name stands: x is the first number then.
    """

    x: float
    y: float
    resolution: float
    order: Literal["xy", "en", ""]


def angle(cell: Any, axis: Axis = "") -> Angle:
    """Degrees from decimal degrees or from degrees, minutes and seconds, in either language.

    A letter or word of the other axis is refused (``swapped``) when an axis is given. A lone
    ``N`` is north: see :func:`check_letters` for the two cells of a place.
    """
    if isinstance(cell, bool):
        raise Unreadable("not-an-angle")
    if isinstance(cell, int | float):
        if not math.isfinite(cell):
            raise Unreadable("not-an-angle")
        value = float(cell) if abs(cell) <= _MAX_LONGITUDE else math.inf
        decimals = f"{value:.{_FINEST}f}".rstrip("0").partition(".")[2]
        return _on_globe(Angle(value, resolution=0.5 * 10.0 ** -len(decimals)))
    words = tidy(cell)
    if len(words) > _LONGEST:
        raise Unreadable("not-an-angle")
    found = _Reader().read(words)
    if axis and found.axis and found.axis != axis:
        raise Unreadable("swapped")
    return found


def _on_globe(found: Angle) -> Angle:
    limit = _MAX_LATITUDE if found.axis == "lat" else _MAX_LONGITUDE
    if not abs(found.degrees) <= limit:
        raise Unreadable("off-globe")
    return found


class _Reader:
    """Takes the tokens of one angle in turn; what does not fit is refused."""

    def __init__(self) -> None:
        self.numbers: list[str] = []
        self.units: list[str] = []
        self.sign = ""
        self.letter = ""
        self.axis: Axis = ""
        self.separated = False

    def read(self, words: str) -> Angle:
        words = words.strip(" .,;").translate(_BRACKETS)
        end = 0
        spelt = ""
        for token in _TOKEN.finditer(words):
            if token.start() != end:
                raise Unreadable("not-an-angle")
            end = token.end()
            if token["number"]:
                self._number(token["number"])
            elif token["word"]:
                spelt = self._word(token["word"], spelt)
                continue
            elif token["mark"]:
                self._mark(token["mark"])
            else:
                continue  # a space: vĩ độ stays two words of one name
            spelt = ""
        if end != len(words):
            raise Unreadable("not-an-angle")
        return self._angle()

    def _number(self, digits: str) -> None:
        whole = not self.numbers or re.fullmatch(r"\d+", self.numbers[-1])
        if len(self.numbers) == len(_UNITS) or not whole:
            raise Unreadable("not-an-angle")
        self.numbers.append(digits)
        self.separated = False

    def _mark(self, mark: str) -> None:
        if mark in _MARKS:
            self._unit(_MARKS[mark])
        elif mark in "+-" and not self.numbers and not self.sign:
            self.sign = mark
        elif mark in ":-" and self.numbers and not self.separated:
            self.separated = True
        elif mark not in ":=" or self.numbers or not (self.axis or self.letter):
            raise Unreadable("not-an-angle")

    def _unit(self, unit: str) -> None:
        """A unit belongs to the number before it, which is the first, second or third."""
        place = len(self.numbers) - 1
        if place < 0 or _UNITS[place] != unit or len(self.units) > place:
            raise Unreadable("not-an-angle")
        self.units += [""] * (place - len(self.units)) + [unit]

    def _word(self, word: str, before: str) -> str:
        plain = notations.bare(word)
        phrase = f"{before} {plain}".strip()
        names = notations.coordinates()
        if before and names.get(phrase) in {"lat", "lon"}:
            return ""
        if not self.axis and names.get(plain) in {"lat", "lon"}:
            self.axis = "lat" if names[plain] == "lat" else "lon"
            return plain
        if self._is_unit(plain):
            self._unit(notations.angle_units()[plain])
        elif plain in notations.directions() and not self.letter:
            self.letter = plain
        elif plain[0] == "s" and plain[1:] in notations.directions() and not self.letter:
            self._unit("second")  # 10sN
            self.letter = plain[1:]
        else:
            raise Unreadable("not-an-angle")
        return ""

    def _is_unit(self, plain: str) -> bool:
        """D is a degree sign after the first number, S a second after minutes, else directions."""
        unit = notations.angle_units().get(plain)
        if unit is None or plain not in notations.directions():
            return unit is not None
        if len(self.units) >= len(self.numbers):  # its number has its unit already
            return False
        if unit == "second":
            return len(self.numbers) == len(_UNITS) and "minute" in self.units
        return len(self.numbers) == 1

    def _angle(self) -> Angle:
        if not self.numbers or self.separated:
            raise Unreadable("not-an-angle")
        values = [float(digits.replace(",", ".")) for digits in self.numbers]
        if any(value >= _SIXTY for value in values[1:]):
            raise Unreadable("angle-minutes")
        degrees = sum(value / _SIXTY**i for i, value in enumerate(values))
        decimals = len(re.split("[.,]", self.numbers[-1])[1]) if self._has_decimals() else 0
        fine = 0.5 * 10.0**-decimals / _SIXTY ** (len(values) - 1)
        hemisphere = notations.directions().get(self.letter, "")
        if self.sign and hemisphere and (self.sign == "-") != (hemisphere in {"s", "w"}):
            raise Unreadable("sign-hemisphere")
        axis = _AXIS_OF.get(hemisphere, "")
        if axis and self.axis and axis != self.axis:
            raise Unreadable("not-an-angle")
        negative = self.sign == "-" or hemisphere in {"s", "w"}
        return _on_globe(
            Angle(
                -degrees if negative else degrees,
                _HEMISPHERES[hemisphere],
                fine,
                self.letter,
                axis or self.axis,
            )
        )

    def _has_decimals(self) -> bool:
        return not self.numbers[-1].isdigit()


_HEMISPHERES: Final[dict[str, Hemisphere]] = {"n": "n", "s": "s", "e": "e", "w": "w", "": ""}


def check_letters(lat: Angle, lon: Angle) -> None:
    """Refuse a lone N beside a Vietnamese letter: it may be Nam, south.

    Raises
    ------
    Unreadable
        ``ambiguous-hemisphere``
    """
    if lat.letter == "n" and lon.letter in notations.vietnamese_directions():
        raise Unreadable("ambiguous-hemisphere")


def pair(cell: Any) -> Degrees | Grid:
    """Both coordinates of a place from one cell.

    Letters and words decide which is which; without them latitude comes first, unless only
    the other order is on the globe. Numbers in the thousands are of a metric grid.
    """
    words = tidy(cell)
    if isinstance(cell, int | float) or len(words) > _LONGEST:
        raise Unreadable("not-a-pair")
    words = " ".join(words.translate(_BRACKETS).split()).strip(" .,;")
    if point := _POINT.match(words):  # well-known text has its longitude first
        return _point(words[point.end() :])
    return _labelled_grid(words) or _bare_grid(words) or _split(words)


def _point(words: str) -> Degrees | Grid:
    numbers = words.split()
    if len(numbers) != 2 or not all(map(_PLAIN.fullmatch, numbers)):  # noqa: PLR2004
        raise Unreadable("not-a-pair")
    if grid := _bare_grid(words):
        return grid
    lon, lat = map(angle, numbers)
    return _in_order(replace(lat, axis="lat"), replace(lon, axis="lon"))


def _labelled_grid(words: str) -> Grid | None:
    """Numbers with the names X and Y, or easting and northing, as far as they are of a grid."""
    label = _LABEL_LAST if words[:1].isdigit() else _LABEL_FIRST
    labelled = list(label.finditer(words))
    if len(labelled) != 2 or label.sub("", words).strip(" ,;/|"):  # noqa: PLR2004
        return None
    names = notations.coordinates()
    told = {names.get(notations.bare(found["name"])): found["number"] for found in labelled}
    for order, x, y in (("xy", "x", "y"), ("en", "east", "north")):
        if told.keys() == {x, y}:
            return _grid(told[x], told[y], "xy" if order == "xy" else "en")
    return None


def _bare_grid(words: str) -> Grid | None:
    """Two plain numbers, both too great for degrees."""
    if words.count(",") == 1 and re.fullmatch(r"\d+,\d+", words):
        numbers = words.split(",")
        if min(map(len, numbers)) < _FEWEST_OF_GRID:
            return None
    elif _STRONG.search(words) or ", " in words:
        numbers = re.split(r"\s?[;|/]\s?|, ", words)
    elif " " in words:
        numbers = words.split()
    else:
        numbers = words.split(",")
    if len(numbers) == 4 and all(map(str.isdigit, numbers)):  # noqa: PLR2004 - decimal commas
        numbers = [",".join(numbers[:2]), ",".join(numbers[2:])]
    numbers = [digits.strip() for digits in numbers]
    if len(numbers) != 2 or not all(map(_PLAIN.fullmatch, numbers)):  # noqa: PLR2004
        return None
    return _grid(numbers[0], numbers[1], "")


def _grid(x: str, y: str, order: Literal["xy", "en", ""]) -> Grid | None:
    one, two = (float(digits.replace(",", ".")) for digits in (x, y))
    if min(abs(one), abs(two)) < _LEAST_OF_GRID:
        return None
    return Grid(one, two, resolution=max(_place(x), _place(y)), order=order)


def _place(digits: str) -> float:
    """Half a unit of the last place of a number as written; whole ones count their zeros."""
    whole, _, decimals = digits.replace(",", ".").partition(".")
    zeros = 0 if decimals else min(len(whole) - len(whole.rstrip("0")), -_COARSEST)
    return float(0.5 * 10.0 ** (zeros - len(decimals)))


def _split(words: str) -> Degrees:
    """Latitude and longitude of a text, split where both halves are an angle.

    The strongest mark comes first: a semicolon, a comma with a space, any comma or gap.
    """
    commas = list(_COMMA.finditer(words))
    spaced = [c for c in commas if " " in words[max(0, c.start() - 1) : c.end() + 1]]
    one_plain = len(commas) == 1 and re.fullmatch(r"\d+,\d+", words)
    why = "not-a-pair"
    for splits in (
        list(_STRONG.finditer(words)),
        spaced,
        # 21,853 may be one number; in 21,5 30,5 the gap divides, in 21 30,106 30 the comma.
        [*([] if one_plain else commas), *_GAP.finditer(words)],
    ):
        read: dict[Degrees, bool] = {}
        for split in splits:
            one, two = words[: split.start()], words[split.end() :]
            try:
                found = _in_order(angle(one), angle(two))
            except Unreadable as refusal:
                if refusal.code not in _PERHAPS_SPLIT_WRONGLY:
                    raise
                why = refusal.code if why in {"not-a-pair", "not-an-angle"} else why
            else:
                read[found] = len(_NUMBERS.findall(one)) == len(_NUMBERS.findall(two))
        # 21 51 10 46 45 40: as many numbers on either side.
        likely = list(read) if len(read) == 1 else [found for found in read if read[found]]
        if len(likely) == 1:
            return likely[0]
    raise Unreadable("not-a-pair" if why == "not-an-angle" else why)


def _in_order(one: Angle, two: Angle) -> Degrees:
    if one.axis and one.axis == two.axis:
        raise Unreadable("not-a-pair")
    first: Axis = one.axis or {"lat": "lon", "lon": "lat", "": ""}[two.axis]  # type: ignore[assignment]
    certain = bool(first)
    if not first and abs(one.degrees) > _MAX_LATITUDE:
        first, certain = "lon", True
    elif not first:
        first, certain = "lat", abs(two.degrees) > _MAX_LATITUDE
    lat, lon = (two, one) if first == "lon" else (one, two)
    lat, lon = replace(lat, axis="lat"), replace(lon, axis="lon")
    _on_globe(lat)
    check_letters(lat, lon)
    return Degrees(lat, lon, certain)


def resolution(numbers: np.ndarray) -> np.ndarray:
    """Half a unit of the last decimal place of each number; NaN for what is not finite.

    Whole numbers count their trailing zeros (452 000 is given to 500), 0 counts as units.
    Places are told apart from tens of thousands to the seventh decimal.

    Parameters
    ----------
    numbers : float, shape (n,)
    """
    values = np.asarray(numbers, dtype="float64")
    result = np.where(values == 0, 0.5, np.nan)
    left = np.flatnonzero(np.isfinite(values) & (values != 0))
    some = values[left]
    usual = _usual_places(some)
    for places in (usual, *range(_COARSEST, _FINEST)):
        given = _given_to(some, places)
        if places == usual > _COARSEST:
            # Most values of a column have as many decimals: they are told by two looks.
            given &= ~_given_to(some, places - 1)
        result[left[given]] = 0.5 * 10.0**-places
        left, some = left[~given], some[~given]
        if not len(left):
            break
    result[left] = 0.5 * 10.0**-_FINEST
    return result


def _given_to(values: np.ndarray, places: int) -> np.ndarray:
    """Which values are spelt with no more than so many decimal places (negative: zeros)."""
    unit = 10.0 ** abs(places)
    # Dividing by a power of ten rounds to the number that the decimal places spell.
    nearest = np.rint(values * unit) / unit if places > 0 else np.rint(values / unit) * unit
    return np.asarray(nearest == values)


def _usual_places(values: np.ndarray) -> int:
    """The decimal places that most of a few of the values have."""
    few = values[:: max(1, len(values) // 200)][:200]
    fewest = np.full(len(few), _FINEST)
    for places in range(_FINEST - 1, _COARSEST - 1, -1):
        fewest[_given_to(few, places)] = places
    return int(np.bincount(fewest - _COARSEST).argmax()) + _COARSEST if len(few) else _FINEST
