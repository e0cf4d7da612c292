"""Drawn bugs: a labelled folder to try everything with, without bringing a single picture.

Five kinds differ in shape alone. Colour, size, rotation, position and background are drawn from the
same distributions for all of them, so that a model that tells them apart has learned shapes.
"""

import colorsys
import math
import random
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageDraw

Colour: TypeAlias = tuple[int, int, int, int]
Point: TypeAlias = tuple[float, float]

# Everything is drawn this many times larger and reduced at the end: Pillow draws without antialiasing.
OVERSAMPLING = 2
JPEG_QUALITY = 90

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
_INK: Colour = (38, 30, 36, 255)
_WHITE: Colour = (255, 255, 255, 255)
_GLEAM: Colour = (255, 255, 255, 115)


def draw(kind: str, rng: random.Random, size: int = 192) -> Image.Image:
    """An RGB picture `size` pixels wide and high with one bug of `kind` somewhere on some background.

    The same state of `rng` gives the same picture. Raises ValueError for an unknown kind.
    """
    if kind not in _BUGS:
        raise ValueError(f"Expected one of {', '.join(KINDS)}, received {kind!r}.")
    side = size * OVERSAMPLING
    picture = _background(rng, side)
    pen = _Pen(
        ImageDraw.Draw(picture, "RGBA"),
        centre=(side * rng.uniform(0.43, 0.57), side * rng.uniform(0.43, 0.57)),
        scale=side * rng.uniform(0.28, 0.41),
        angle=rng.uniform(0, math.tau),
    )
    _BUGS[kind](pen, rng)
    return picture.reduce(OVERSAMPLING)


def draw_folder(
    folder: Path,
    *,
    num_train_per_kind: int,
    num_val_per_kind: int,
    seed: int = 0,
    size: int = 192,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """`folder` with `train/<kind>/0000.jpg`… and `val/<kind>/0000.jpg`…, complete or not there at all.

    A picture depends on the seed, its split, kind and number only, so asking for more of them leaves
    the first ones as they were. `on_progress` gets the number of drawings done and their total.
    Raises FileExistsError if `folder` is there already.
    """
    if folder.exists():
        raise FileExistsError(f"Expected a folder that does not exist yet, received {folder}.")
    jobs = [
        (split, kind, number)
        for split, num_per_kind in (("train", num_train_per_kind), ("val", num_val_per_kind))
        for number in range(num_per_kind)
        for kind in KINDS
    ]
    unfinished = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        for split in ("train", "val"):
            for kind in KINDS:
                (unfinished / split / kind).mkdir(parents=True)
        for num_done, (split, kind, number) in enumerate(jobs, start=1):
            picture = draw(kind, random.Random(f"{seed}/{split}/{kind}/{number}"), size)
            picture.save(unfinished / split / kind / f"{number:04}.jpg", quality=JPEG_QUALITY)
            if on_progress:
                on_progress(num_done, len(jobs))
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


# --- The pen: a bug is drawn upright around (0, 0) in about -1…1; the pen turns, scales and places it.


class _Pen:
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
        self.line(_smooth(points, closed=False), _INK, 0.035)

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
        self.dot(at, radius, _WHITE, _INK)
        self.dot((at[0], at[1] - radius * 0.25), radius * 0.6, _INK)
        self.dot((at[0] + radius * 0.2, at[1] - radius * 0.5), radius * 0.22, _WHITE)


def _smooth(points: Sequence[Point], *, closed: bool) -> list[Point]:
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


def _shrunk(points: Sequence[Point], middle: Point, share: float) -> list[Point]:
    (x0, y0) = middle
    return [(x0 + (x - x0) * share, y0 + (y - y0) * share) for x, y in points]


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(1, saturation), min(1, value))
    return round(red * 255), round(green * 255), round(blue * 255), 255


# --- The bugs


def _butterfly(pen: _Pen, rng: random.Random) -> None:
    hue, second_hue = rng.random(), rng.random()
    wing = _colour(hue, rng.uniform(0.55, 0.95), rng.uniform(0.75, 1))
    inner = _colour(second_hue, rng.uniform(0.4, 0.9), rng.uniform(0.85, 1))
    edge = _colour(hue, 0.8, rng.uniform(0.15, 0.4))
    wide, tall, tail = rng.uniform(0.85, 1.1), rng.uniform(0.85, 1.05), rng.uniform(0.65, 1.05)
    num_spots = rng.randint(0, 3)
    upper = ((0.05, -0.3), (0.4, -0.85), (0.85, -0.95), (1.0, -0.55), (0.75, -0.1), (0.1, 0.02))
    lower = ((0.05, 0.0), (0.5, -0.02), (0.8, 0.25), (0.68, 0.7), (0.4, 0.85), (0.12, 0.4))
    for side in (-1, 1):
        for outline, (x, y), stretch in ((lower, (0.46, 0.36), tail), (upper, (0.6, -0.52), tall)):
            curve = _smooth([(side * px * wide, py * stretch) for px, py in outline], closed=True)
            middle = (side * x * wide, y * stretch)
            pen.shape(curve, wing, edge)
            pen.shape(_shrunk(curve, middle, 0.55), inner)
            for spot in _shrunk(curve[12 : 12 + 5 * num_spots : 5], middle, 0.78):
                pen.dot(spot, 0.055, _WHITE)
        pen.ink([(0, -0.4), (side * 0.1, -0.75), (side * 0.3, -0.92)])
        pen.dot((side * 0.3, -0.92), 0.05, _INK)
    pen.oval((0, 0.08), (0.085, 0.48), edge, _INK)
    pen.dot((0, -0.42), 0.12, edge, _INK)
    for side in (-1, 1):
        pen.eye((side * 0.065, -0.46), 0.05)


def _caterpillar(pen: _Pen, rng: random.Random) -> None:
    hue = rng.random()
    skin = _colour(hue, rng.uniform(0.5, 0.95), rng.uniform(0.65, 1))
    band = _colour(hue + rng.uniform(-0.2, 0.2), rng.uniform(0.3, 0.9), rng.uniform(0.75, 1))
    num_segments, radius = rng.randint(6, 9), rng.uniform(0.19, 0.25)
    bend, phase, waves = rng.uniform(0.15, 0.4), rng.uniform(0, math.tau), rng.uniform(0.45, 1.0)
    feet, hairy = rng.random() < 0.8, rng.random() < 0.5

    def spine(t: float) -> Point:
        return 1.6 * t - 0.8, bend * math.sin(phase + waves * math.tau * t)

    for number in range(num_segments):
        x, y = spine(number / num_segments)
        if feet:
            for lean in (-0.09, 0.09):
                pen.line([(x, y), (x + lean, y + radius + 0.12)], _INK, 0.07)
        if hairy:
            for lean in (-0.12, 0.0, 0.12):
                pen.line([(x, y), (x + lean, y - radius - 0.16)], _INK, 0.025)
        pen.dot((x, y), radius, band if number % 2 else skin, _INK)
        pen.dot((x - 0.02, y - radius * 0.4), radius * 0.35, _GLEAM)
    x, y = spine(1.0)
    for lean in (-0.16, 0.16):
        pen.ink([(x, y), (x + lean * 0.6, y - 0.35), (x + lean, y - 0.5)])
        pen.dot((x + lean, y - 0.5), 0.055, skin, _INK)
    pen.dot((x, y), radius * 1.3, skin, _INK)
    for lean in (-0.1, 0.12):
        pen.eye((x + lean, y - 0.05), 0.085)
    pen.ink([(x - 0.1, y + 0.11), (x + 0.01, y + 0.17), (x + 0.12, y + 0.11)])


def _dragonfly(pen: _Pen, rng: random.Random) -> None:
    hue = rng.random()
    body = _colour(hue, rng.uniform(0.6, 1), rng.uniform(0.6, 0.95))
    vein = _colour(hue + rng.uniform(-0.15, 0.15), rng.uniform(0.5, 1), rng.uniform(0.3, 0.6))
    wing = _colour(rng.random(), rng.uniform(0.05, 0.35), 1)
    length, narrow = rng.uniform(0.85, 1.05), rng.uniform(0.1, 0.145)
    raised = rng.uniform(0.1, 0.35)
    for side in (-1, 1):
        for root, span, turn in ((-0.12, 1.05, 0.12 - raised * 0.2), (-0.36, 1.1, -raised)):
            x, y = side * math.cos(turn) * span, math.sin(turn) * span
            middle, tip = (x * 0.52, root + y * 0.52), (x * 0.9, root + y * 0.9)
            pen.oval(middle, (span * 0.48, narrow), wing, vein, turn * side)
            for across in (-0.45, 0.0, 0.45):
                pen.line([(0, root), (tip[0], tip[1] + across * narrow)], (*vein[:3], 120), 0.015)
            pen.dot((tip[0], tip[1] - narrow * 0.4), 0.045, vein)
    num_rings = rng.randint(6, 8)
    for number in reversed(range(num_rings)):
        t = number / (num_rings - 1)
        ring = vein if number % 2 else body
        pen.oval((0, 0.05 + (length - 0.05) * t), (0.085 - 0.03 * t, 0.1), ring, _INK)
    pen.oval((0, -0.25), (0.16, 0.26), body, _INK)
    pen.oval((-0.04, -0.3), (0.04, 0.13), _GLEAM)
    pen.dot((0, -0.55), 0.13, body, _INK)
    for side in (-1, 1):
        pen.eye((side * 0.13, -0.6), 0.115)


def _ladybird(pen: _Pen, rng: random.Random) -> None:
    hue = rng.random()
    shell = _colour(hue, rng.uniform(0.65, 1), rng.uniform(0.7, 1))
    round_ = rng.uniform(0.62, 0.78)
    for side in (-1, 1):
        for y, out, down in ((-0.35, 0.95, -0.3), (0.05, 1.0, 0.05), (0.45, 0.9, 0.35)):
            knee = (side * round_ * 1.15, y + down * 0.3)
            pen.line([(0, y), knee, (side * out, y + down)], _INK, 0.075)
        pen.ink([(0, -0.7), (side * 0.15, -1.0), (side * 0.35, -1.08)])
        pen.dot((side * 0.35, -1.08), 0.055, _INK)
    pen.oval((0, -0.7), (0.36, 0.28), _INK)
    pen.oval((0, 0.05), (round_, 0.78), shell, _INK)
    pen.oval((-round_ * 0.42, -0.3), (0.1, 0.2), _GLEAM, turn=0.6)
    pen.shape(_smooth([(-0.42, -0.56), (0, -0.78), (0.42, -0.56), (0, -0.46)], closed=True), _INK)
    pen.line([(0, -0.55), (0, 0.82)], _INK, 0.05)
    num_pairs = rng.randint(1, 4)
    radius = rng.uniform(0.1, 0.2 - 0.022 * num_pairs)
    for number in range(num_pairs):
        y = 0.95 * (number + 0.5) / num_pairs - 0.42
        x = round_ * (0.36 if number % 2 else 0.56)
        for side in (-1, 1):
            pen.dot((side * x, y), radius, _INK)
    for side in (-1, 1):
        pen.eye((side * 0.17, -0.8), 0.1)


def _spider(pen: _Pen, rng: random.Random) -> None:
    hue = rng.random()
    body = _colour(hue, rng.uniform(0.35, 0.95), rng.uniform(0.35, 0.95))
    mark = _colour(hue + rng.uniform(0.1, 0.9), rng.uniform(0.3, 0.9), rng.uniform(0.85, 1))
    leg = _colour(hue, rng.uniform(0.3, 0.8), rng.uniform(0.12, 0.4))
    plump, thick = rng.uniform(0.34, 0.44), rng.uniform(0.06, 0.085)
    legs = (
        (0.42, -0.75, 0.5, -1.1),
        (0.68, -0.5, 1.0, -0.62),
        (0.7, 0.02, 1.05, 0.3),
        (0.52, 0.3, 0.78, 0.95),
    )
    for side in (-1, 1):
        for knee_x, knee_y, foot_x, foot_y in legs:
            sway = rng.uniform(-0.08, 0.08)
            knee, foot = (side * knee_x, knee_y + sway), (side * foot_x, foot_y + sway)
            pen.line([(0, -0.2), knee, foot], leg, thick)
            pen.dot(knee, thick * 0.75, leg)
    pen.oval((0, 0.38), (plump, plump * 1.15), body, _INK)
    pen.oval((-plump * 0.4, 0.2), (0.07, 0.12), _GLEAM, turn=0.5)
    for number in range(rng.randint(0, 3)):
        pen.oval((0, 0.22 + 0.18 * number), (plump * (0.45 - 0.1 * number), 0.05), mark)
    pen.oval((0, -0.22), (0.26, 0.27), body, _INK)
    for side in (-1, 1):
        pen.eye((side * 0.1, -0.36), 0.085)
        pen.dot((side * 0.2, -0.25), 0.035, _WHITE, _INK)
    pen.ink([(-0.09, -0.13), (0, -0.08), (0.09, -0.13)])


_BUGS: dict[str, Callable[[_Pen, random.Random], None]] = {
    "butterfly": _butterfly,
    "caterpillar": _caterpillar,
    "dragonfly": _dragonfly,
    "ladybird": _ladybird,
    "spider": _spider,
}
KINDS: tuple[str, ...] = tuple(_BUGS)


# --- What they sit on


def _background(rng: random.Random, side: int) -> Image.Image:
    light = _colour(rng.random(), rng.uniform(0.05, 0.45), rng.uniform(0.75, 1))
    shade = _colour(rng.random(), rng.uniform(0.1, 0.5), rng.uniform(0.6, 0.95))
    scenery = rng.choice((None, None, _leaf, _grass, _petals, _pebbles))
    picture = Image.new("RGB", (side, side), light[:3])
    if rng.random() < 0.6:
        # A gradient needs no detail: made small, it costs next to nothing.
        ramp = Image.linear_gradient("L").resize((64, 64)).rotate(90 * rng.randrange(4))
        picture = Image.composite(
            Image.new("RGB", (64, 64), light[:3]), Image.new("RGB", (64, 64), shade[:3]), ramp
        ).resize((side, side), Image.Resampling.BILINEAR)
    if scenery:
        canvas, middle = ImageDraw.Draw(picture, "RGBA"), (side / 2, side / 2)
        scenery(_Pen(canvas, centre=middle, scale=side / 2, angle=rng.uniform(0, math.tau)), rng)
    return picture


def _leaf(pen: _Pen, rng: random.Random) -> None:
    hue, value = rng.uniform(0.18, 0.42), rng.uniform(0.55, 0.85)
    green, vein = _colour(hue, 0.5, value), _colour(hue, 0.4, value + 0.12)
    width = rng.uniform(0.6, 0.95)
    outline = [(0, -1.25), (width * 0.7, -0.6), (width, 0.1), (width * 0.6, 0.8), (0, 1.3)]
    pen.shape(_smooth([*outline, *((-x, y) for x, y in outline[3:0:-1])], closed=True), green)
    pen.line([(0, -1.2), (0, 1.5)], vein, 0.04)
    for number in range(-4, 5):
        for side in (-1, 1):
            y = number * 0.24
            pen.line([(0, y), (side * width * (0.8 - abs(number) * 0.11), y - 0.25)], vein, 0.02)


def _grass(pen: _Pen, rng: random.Random) -> None:
    for _ in range(rng.randint(20, 45)):
        x, lean, height = rng.uniform(-1.4, 1.4), rng.uniform(-0.35, 0.35), rng.uniform(0.6, 2.2)
        blade = _colour(rng.uniform(0.18, 0.4), rng.uniform(0.3, 0.7), rng.uniform(0.45, 0.9))
        pen.shape([(x - 0.05, 1.5), (x + 0.05, 1.5), (x + lean, 1.5 - height)], blade)


def _petals(pen: _Pen, rng: random.Random) -> None:
    for _ in range(rng.randint(3, 7)):
        x, y, reach = rng.uniform(-1.2, 1.2), rng.uniform(-1.2, 1.2), rng.uniform(0.08, 0.22)
        petal = _colour(rng.random(), rng.uniform(0.2, 0.6), rng.uniform(0.8, 1))
        for number in range(5):
            angle = number * math.tau / 5
            pen.dot((x + reach * math.cos(angle), y + reach * math.sin(angle)), reach * 0.7, petal)
        pen.dot((x, y), reach * 0.5, _colour(0.13, 0.6, 1))


def _pebbles(pen: _Pen, rng: random.Random) -> None:
    hue = rng.random()
    for _ in range(rng.randint(15, 40)):
        stone = _colour(hue, rng.uniform(0.05, 0.3), rng.uniform(0.5, 0.95))
        at = (rng.uniform(-1.3, 1.3), rng.uniform(-1.3, 1.3))
        radii = (rng.uniform(0.05, 0.2), rng.uniform(0.05, 0.14))
        pen.oval(at, radii, stone, turn=rng.uniform(0, math.pi))
