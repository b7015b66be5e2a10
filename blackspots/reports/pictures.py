"""A small map of the places that a crash may have happened at, as a PNG.

North is up. Roads are grey, railways dark and dashed, each alternative has its colour and letter;
a cross marks the recorded coordinate, a circle how far the place may be from it. Drawn larger
than shown and shrunk, which smooths every edge.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
import shapely.ops
from PIL import Image, ImageDraw, ImageFont

SHOWN: Final = (360, 240)
"""Width and height [px] at which a picture is shown."""
FINE: Final = 2
"""Stored pixels per shown one, so that print is sharp."""
COLOURS: Final = ("#2166ac", "#d9660a", "#1b8a5a", "#8a4fa3")
"""Of the alternatives A, B, C, D: told apart also by those who do not see red or green."""

_SMOOTH: Final = 2
"""Drawn pixels per stored one."""
_SCALE: Final = FINE * _SMOOTH
_PAPER, _ROAD, _MAIN, _INK, _RAIL = "#f6f4ef", "#d3cec4", "#b4ada0", "#17324d", "#6b6b6b"
_LEAST: Final = 75.0
"""Least half height [m] of the map: closer says nothing of what is around."""
_BADGE, _DOT, _LEADER, _EDGE = 10.0, 3.2, 21.0, 14.0
"""Sizes [shown px] of letter and point, of the line between, and of the free rim."""
_DISC: Final = 15.0
"""Radius [shown px] about a junction or level crossing within which its roads are coloured."""
_WIDE: Final = 8.0
"""Metres of a shown pixel from which so many roads are in view that they are drawn slim."""
_FINEST: Final = 0.3
"""Bends [shown px] that are too small to be drawn."""
_ROUNDS: Final = 60
_TAKEN: Final = ((SHOWN[0] - 16, 16), (20, 222), (60, 222), (100, 222))
"""Where [shown px] the arrow and the scale bar stand, which no letter may hide."""
_STILL: Final = 0.2
"""Movement [shown px] of the letters at which they have found their places."""

Pixels = np.ndarray
"""Coordinates in drawn pixels, shape (vertices, 2)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An alternative: where it is, and the line that is coloured; none for a single place."""

    x: float
    y: float
    line: shapely.Geometry | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What is drawn: alternatives in the order of their letters, and the recorded coordinate.

    ``radius`` [m]: how far the place may be from the coordinate.
    """

    marks: Sequence[Mark]
    spot: tuple[float, float] | None
    radius: float


class Surroundings:
    """The lines among which the scenes lie.

    Parameters
    ----------
    roads, railways : shape (lines,)
        LineStrings in metres.
    main : shape (roads,)
        Whether a road has a number; these are drawn stronger.
    """

    def __init__(self, roads: np.ndarray, main: np.ndarray, railways: np.ndarray) -> None:
        self._roads, self._main, self._railways = roads, main, railways
        self._road_tree, self._rail_tree = shapely.STRtree(roads), shapely.STRtree(railways)

    def roads(self, box: shapely.Polygon) -> tuple[np.ndarray, np.ndarray]:
        """Roads within a box, cut to it, and which of them are main ones."""
        rows = np.sort(self._road_tree.query(box, predicate="intersects"))
        return shapely.clip_by_rect(self._roads[rows], *box.bounds), self._main[rows]

    def railways(self, box: shapely.Polygon) -> np.ndarray:
        """Railways within a box, cut to it."""
        rows = np.sort(self._rail_tree.query(box, predicate="intersects"))
        return np.asarray(shapely.clip_by_rect(self._railways[rows], *box.bounds))


def draw(scene: Scene, around: Surroundings) -> bytes:
    """The picture as PNG; equal scenes give equal bytes."""
    view = _View.of(scene)
    picture = Image.new("RGB", (SHOWN[0] * _SCALE, SHOWN[1] * _SCALE), _PAPER)
    pen = _Pen(ImageDraw.Draw(picture, "RGBA"), view)
    roads, main = around.roads(view.box)
    slim = 0.5 if view.metres * _SCALE > _WIDE else 1.0
    pen.lines(roads[~main], _ROAD, 2.6 * slim)
    pen.lines(roads[main], "#ffffff", 6.5 * slim)
    pen.lines(roads[main], _MAIN, 4.2 * slim)
    pen.railways(around.railways(view.box))
    if scene.spot is not None:
        pen.circle(scene.spot, scene.radius)
    pairs = list(zip(scene.marks, COLOURS, strict=False))
    for mark, colour in reversed(pairs):
        pen.place(mark, colour, roads)
    if scene.spot is not None:
        pen.cross(scene.spot)
    pen.badges(pairs, scene.spot)
    pen.scale_bar()
    pen.arrow()
    small = picture.reduce(_SMOOTH)
    ImageDraw.Draw(small).rectangle((0, 0, small.width - 1, small.height - 1), outline="#c8ccd0")
    made = io.BytesIO()
    # Few colours: a third of the bytes, and no difference that is seen.
    small.quantize(96, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(made, "PNG")
    return made.getvalue()


@dataclass(frozen=True, slots=True)
class _View:
    """The stretch of land that is shown."""

    x: float
    y: float
    metres: float
    """Metres of a drawn pixel."""

    @classmethod
    def of(cls, scene: Scene) -> _View:
        """All that the scene is about, with a rim; of a wide circle only a part."""
        points = np.array(
            [(m.x, m.y) for m in scene.marks] + ([scene.spot] if scene.spot is not None else [])
        )
        low, high = points.min(axis=0), points.max(axis=0)
        if scene.spot is not None:
            room = min(scene.radius, max(float((high - low).max()), 2 * _LEAST))
            low = np.minimum(low, np.subtract(scene.spot, room))
            high = np.maximum(high, np.add(scene.spot, room))
        middle, half = (low + high) / 2, (high - low) / 2
        inner = np.array(SHOWN) / 2 - (_BADGE + _LEADER)
        shown = max(float((half / inner).max()), 2 * _LEAST / SHOWN[1])
        return cls(float(middle[0]), float(middle[1]), shown / _SCALE)

    @property
    def box(self) -> shapely.Polygon:
        """What is shown, and a little more, so that no line ends in the picture."""
        wide, high = (side * _SCALE * self.metres * 0.53 for side in SHOWN)
        return shapely.box(self.x - wide, self.y - high, self.x + wide, self.y + high)

    def pixels(self, coordinates: np.ndarray) -> Pixels:
        """Metres to drawn pixels."""
        east, north = (np.atleast_2d(coordinates) - (self.x, self.y)).T / self.metres
        return np.column_stack([SHOWN[0] * _SCALE / 2 + east, SHOWN[1] * _SCALE / 2 - north])


class _Pen:
    """Draws in metres; widths and sizes are in shown pixels."""

    def __init__(self, draw: ImageDraw.ImageDraw, view: _View) -> None:
        self._draw, self._view = draw, view

    def lines(self, shapes: Iterable[shapely.Geometry], colour: str, width: float) -> None:
        for pixels in self._paths(shapes):
            self._line(pixels, colour, width)

    def _paths(self, shapes: Iterable[shapely.Geometry]) -> Iterator[Pixels]:
        """The lines in pixels, without bends that are too small to be seen."""
        parts = shapely.get_parts(list(shapes))
        parts = shapely.simplify(
            parts[shapely.length(parts) > 0], _FINEST * _SCALE * self._view.metres
        )
        every, owner = shapely.get_coordinates(parts, return_index=True)
        cuts = np.flatnonzero(np.diff(owner)) + 1
        return iter(np.split(self._view.pixels(every), cuts) if len(every) else ())

    def _line(self, pixels: Pixels, colour: str, width: float) -> None:
        """A line with round ends and bends."""
        drawn = round(width * _SCALE)
        self._draw.line([tuple(p) for p in pixels.tolist()], colour, drawn, joint="curve")
        for point in pixels[[0, -1]] if len(pixels) else pixels:
            self._disc(point, width / 2, colour)

    def _disc(self, at: Pixels, radius: float, fill: str, rim: str = "", width: float = 0) -> None:
        if rim:
            self._disc(at, radius + width, rim)
        (x, y), r = at, radius * _SCALE
        self._draw.ellipse((x - r, y - r, x + r, y + r), fill)

    def railways(self, shapes: Iterable[shapely.Geometry]) -> None:
        """Dark, with white dashes."""
        self.lines(shapes, _RAIL, 3.0)
        for part in shapely.get_parts(list(shapes)):
            step = 7 * _SCALE * self._view.metres
            for begin in np.arange(step / 2, part.length, 2 * step):
                dash = shapely.ops.substring(part, begin, begin + step)
                pixels = self._view.pixels(shapely.get_coordinates(dash))
                ends = [tuple(p) for p in pixels.tolist()]
                self._draw.line(ends, "#ffffff", round(1.6 * _SCALE), joint="curve")

    def circle(self, spot: tuple[float, float], radius: float) -> None:
        """How far the place may be from the coordinate."""
        (x, y), r = self._view.pixels(np.array(spot))[0], radius / self._view.metres
        box = (x - r, y - r, x + r, y + r)
        self._draw.ellipse(box, (23, 50, 77, 20), (23, 50, 77, 120), round(0.8 * _SCALE))

    def place(self, mark: Mark, colour: str, roads: np.ndarray) -> None:
        """The road of an alternative, or the roads about it."""
        if mark.line is None:
            disc = shapely.Point(mark.x, mark.y).buffer(_DISC * _SCALE * self._view.metres)
            found = shapely.intersection(roads, disc)
        else:
            found = shapely.clip_by_rect(np.array([mark.line]), *self._view.box.bounds)
        lines = list(found[shapely.length(found) > 0])
        self.lines(lines, "#ffffff", 7.2)
        self.lines(lines, colour, 4.6)

    def cross(self, spot: tuple[float, float]) -> None:
        """The recorded coordinate."""
        x, y = self._view.pixels(np.array(spot))[0]
        for colour, width, arm in (("#ffffff", 4.2, 6.4), (_INK, 2.0, 5.6)):
            for slope in (1, -1):
                reach = arm * _SCALE
                ends = np.array([(x - reach, y - slope * reach), (x + reach, y + slope * reach)])
                self._line(ends, colour, width)

    def badges(self, pairs: Sequence[tuple[Mark, str]], spot: tuple[float, float] | None) -> None:
        """Letters beside their points, apart from one another and from the cross."""
        dots = self._view.pixels(np.array([(mark.x, mark.y) for mark, _ in pairs])) / _SCALE
        cross = None if spot is None else self._view.pixels(np.array(spot)) / _SCALE
        at = _spread(dots, cross)
        for (_, colour), dot, badge in zip(pairs, dots, at, strict=True):
            ends = np.array([dot, badge]) * _SCALE
            self._line(ends, "#ffffff", 3.4)
            self._line(ends, colour, 1.6)
        for (_, colour), dot in zip(pairs, dots, strict=True):
            self._disc(dot * _SCALE, _DOT, colour, "#ffffff", 1.4)
        font = ImageFont.load_default(13 * _SCALE)
        for letter, (_, colour), badge in zip("ABCD", pairs, at, strict=False):
            self._disc(badge * _SCALE, _BADGE, colour, "#ffffff", 1.6)
            where = tuple((badge * _SCALE).tolist())
            self._draw.text(where, letter, "#ffffff", font, "mm", stroke_width=1)

    def scale_bar(self) -> None:
        """A round number of metres, at the lower left."""
        most = 90 * _SCALE * self._view.metres
        power = 10 ** math.floor(math.log10(most))
        length = next(n * power for n in (5, 2, 1) if n * power <= most)
        words = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"  # noqa: PLR2004 - m
        wide, left, low = length / self._view.metres, 12 * _SCALE, (SHOWN[1] - 12) * _SCALE
        plate = (6 * _SCALE, low - 19 * _SCALE, left + wide + 6 * _SCALE, low + 6 * _SCALE)
        self._draw.rounded_rectangle(plate, 3 * _SCALE, (255, 255, 255, 205))
        tick = 4 * _SCALE
        ends = ((left, low - tick), (left, low), (left + wide, low), (left + wide, low - tick))
        self._draw.line(ends, _INK, round(1.5 * _SCALE))
        font = ImageFont.load_default(10 * _SCALE)
        self._draw.text((left + wide / 2, low - 3 * _SCALE), words, _INK, font, "ms")

    def arrow(self) -> None:
        """North, at the upper right."""
        x, y, s = (SHOWN[0] - 16) * _SCALE, 10 * _SCALE, _SCALE
        self._draw.ellipse((x - 10 * s, y - 4 * s, x + 10 * s, y + 16 * s), (255, 255, 255, 205))
        self._draw.polygon([(x, y - 2 * s), (x, y + 10 * s), (x - 5 * s, y + 13 * s)], _INK)
        self._draw.polygon([(x, y - 2 * s), (x, y + 10 * s), (x + 5 * s, y + 13 * s)], "#9aa7b4")


def _spread(dots: np.ndarray, cross: np.ndarray | None) -> np.ndarray:
    """Where the letters stand [shown px]: near their points, with nothing hidden."""
    centre = dots.mean(axis=0) if cross is None else cross[0]
    away = dots - centre
    far = np.hypot(*away.T)
    turns = np.arange(len(dots)) * 2.4 - 0.9  # points in one place get letters all around
    round_ = np.column_stack([np.cos(turns), np.sin(turns)])
    away = np.where(far[:, None] > 1, away / np.maximum(far, 1)[:, None], round_)
    at = dots + away * _LEADER
    fixed = np.vstack([dots, *([] if cross is None else [cross]), _TAKEN])
    room = np.full(len(fixed), _BADGE + 7)
    room[-len(_TAKEN) :] += 6
    least = np.concatenate([np.full(len(at), 2 * _BADGE + 5), room])
    own = np.eye(len(at), len(least), dtype=bool)
    for _ in range(_ROUNDS):
        gap = at[:, None] - np.vstack([at, fixed])[None]
        size = np.maximum(np.hypot(gap[..., 0], gap[..., 1]), 1e-6)
        push = np.where(own, 0.0, np.clip(least - size, 0, None) / size)
        moved = at + (gap * push[..., None]).sum(axis=1) * 0.5
        moved = np.clip(moved, _EDGE, np.array(SHOWN) - _EDGE)
        if np.abs(moved - at).max() < _STILL:
            break
        at = moved
    return at
