"""A pen that draws small shapes turned, scaled and placed, for the sample's pictures."""

import colorsys
import math
from collections.abc import Sequence
from typing import TypeAlias

from PIL import ImageDraw

Colour: TypeAlias = tuple[int, int, int, int]
Point: TypeAlias = tuple[float, float]

_CIRCLE = [(math.cos(a * math.tau / 28), math.sin(a * math.tau / 28)) for a in range(28)]
_CURVE_WEIGHTS = [
    (
        t * (t * (2 - t) - 1) / 2,
        (t * t * (3 * t - 5) + 2) / 2,
        t * (t * (4 - 3 * t) + 1) / 2,
        t * t * (t - 1) / 2,
    )
    for t in (step / 6 for step in range(6))
]
INK: Colour = (38, 30, 36, 255)
WHITE: Colour = (255, 255, 255, 255)
GLEAM: Colour = (255, 255, 255, 115)


class Pen:
    """Draws in coordinates of about -1 to 1 around (0, 0), wherever and however large that is."""

    def __init__(
        self, canvas: ImageDraw.ImageDraw, *, centre: Point, scale: float, angle: float
    ) -> None:
        self._canvas = canvas
        self._centre = centre
        self._scale = scale
        self._cos, self._sin = math.cos(angle), math.sin(angle)

    def _place(self, points: Sequence[Point]) -> list[Point]:
        (x0, y0), c, s = self._centre, self._cos * self._scale, self._sin * self._scale
        return [(x0 + x * c - y * s, y0 + x * s + y * c) for x, y in points]

    def shape(self, points: Sequence[Point], fill: Colour, edge: Colour | None = None) -> None:
        self._canvas.polygon(self._place(points), fill=fill)
        if edge:
            self.line([*points, points[0], points[1]], edge, 0.035)

    def line(self, points: Sequence[Point], fill: Colour, width: float) -> None:
        self._canvas.line(self._place(points), fill=fill, width=max(1, round(width * self._scale)))

    def ink(self, points: Sequence[Point]) -> None:
        self.line(smooth(points, closed=False), INK, 0.035)

    def oval(
        self, at: Point, radii: Point, fill: Colour, edge: Colour | None = None, turn: float = 0.0
    ) -> None:
        (x0, y0), (rx, ry) = at, radii
        if edge:
            self.oval(at, (rx + 0.03, ry + 0.03), edge, turn=turn)
        c, s = math.cos(turn), math.sin(turn)
        points = ((rx * x, ry * y) for x, y in _CIRCLE)
        self.shape([(x0 + x * c - y * s, y0 + x * s + y * c) for x, y in points], fill)

    def dot(self, at: Point, radius: float, fill: Colour, edge: Colour | None = None) -> None:
        self.oval(at, (radius, radius), fill, edge)

    def eye(self, at: Point, radius: float) -> None:
        self.dot(at, radius, WHITE, INK)
        self.dot((at[0], at[1] - radius * 0.25), radius * 0.6, INK)
        self.dot((at[0] + radius * 0.2, at[1] - radius * 0.5), radius * 0.22, WHITE)


def smooth(points: Sequence[Point], *, closed: bool) -> list[Point]:
    """A curve through the points (Catmull-Rom)."""
    ends = [points[-1], *points, points[0], points[1]]
    if not closed:
        ends = [points[0], *points, points[-1]]
    curve: list[Point] = []
    for (ax, ay), (bx, by), (cx, cy), (dx, dy) in zip(
        ends, ends[1:], ends[2:], ends[3:], strict=False
    ):
        for a, b, c, d in _CURVE_WEIGHTS:
            curve.append((a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy))
    return curve if closed else [*curve, points[-1]]


def shrunk(points: Sequence[Point], middle: Point, share: float) -> list[Point]:
    (x0, y0) = middle
    return [(x0 + (x - x0) * share, y0 + (y - y0) * share) for x, y in points]


def colour_of(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(1, saturation), min(1, value))
    return round(red * 255), round(green * 255), round(blue * 255), 255
