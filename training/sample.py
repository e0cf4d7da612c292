"""Drawn bugs: a labelled folder to try everything with, without bringing a single picture.

Five kinds differ in shape alone. Colour, size, rotation, position and background are drawn from the
same distributions for all of them, so that a model that tells them apart has learned shapes.
"""

import colorsys
import math
import os
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
_INK: Colour = (38, 30, 36, 255)
_WHITE: Colour = (255, 255, 255, 255)


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
        centre=(side * rng.uniform(0.42, 0.58), side * rng.uniform(0.42, 0.58)),
        scale=side * rng.uniform(0.3, 0.43),
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
        os.rename(unfinished, folder)
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

    def oval(
        self,
        at: Point,
        radii: Point,
        fill: Colour,
        *,
        turn: float = 0.0,
        edge: Colour | None = None,
    ) -> None:
        if edge:
            self.oval(at, (radii[0] + 0.03, radii[1] + 0.03), edge, turn=turn)
        c, s = math.cos(turn), math.sin(turn)
        (x0, y0), (rx, ry) = at, radii
        self.shape(
            [(x0 + rx * x * c - ry * y * s, y0 + rx * x * s + ry * y * c) for x, y in _CIRCLE], fill
        )

    def dot(self, at: Point, radius: float, fill: Colour, *, edge: Colour | None = None) -> None:
        self.oval(at, (radius, radius), fill, edge=edge)

    def eye(self, at: Point, radius: float) -> None:
        self.dot(at, radius, _WHITE, edge=_INK)
        self.dot((at[0], at[1] - radius * 0.25), radius * 0.6, _INK)
        self.dot((at[0] + radius * 0.2, at[1] - radius * 0.5), radius * 0.22, _WHITE)


def _smooth(points: Sequence[Point], *, closed: bool, num_steps: int = 6) -> list[Point]:
    """A curve through the points (Catmull-Rom)."""
    ends = [points[-1], *points, points[0], points[1]]
    if not closed:
        ends = [points[0], *points, points[-1]]
    curve = []
    for (ax, ay), (bx, by), (cx, cy), (dx, dy) in zip(
        ends, ends[1:], ends[2:], ends[3:], strict=False
    ):
        for step in range(num_steps):
            t = step / num_steps
            wa, wb = t * (t * (2 - t) - 1) / 2, (t * t * (3 * t - 5) + 2) / 2
            wc, wd = t * (t * (4 - 3 * t) + 1) / 2, t * t * (t - 1) / 2
            curve.append(
                (wa * ax + wb * bx + wc * cx + wd * dx, wa * ay + wb * by + wc * cy + wd * dy)
            )
    return curve if closed else [*curve, points[-1]]


def _shrunk(points: Sequence[Point], middle: Point, share: float) -> list[Point]:
    (x0, y0) = middle
    return [(x0 + (x - x0) * share, y0 + (y - y0) * share) for x, y in points]


def _colour(hue: float, saturation: float, value: float, alpha: int = 255) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(1, saturation), min(1, value))
    return round(red * 255), round(green * 255), round(blue * 255), alpha


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
        pen.line(
            _smooth([(0, -0.4), (side * 0.1, -0.75), (side * 0.3, -0.92)], closed=False),
            _INK,
            0.035,
        )
        pen.dot((side * 0.3, -0.92), 0.05, _INK)
    pen.oval((0, 0.08), (0.085, 0.48), edge, edge=_INK)
    pen.dot((0, -0.42), 0.12, edge, edge=_INK)
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
        return 1.75 * t - 0.9, bend * math.sin(phase + waves * math.tau * t)

    for number in range(num_segments):
        x, y = spine(number / num_segments)
        if feet:
            for lean in (-0.09, 0.09):
                pen.line([(x, y), (x + lean, y + radius + 0.12)], _INK, 0.07)
        if hairy:
            for lean in (-0.12, 0.0, 0.12):
                pen.line([(x, y), (x + lean, y - radius - 0.16)], _INK, 0.025)
        pen.dot((x, y), radius, band if number % 2 else skin, edge=_INK)
        pen.dot((x - 0.02, y - radius * 0.4), radius * 0.35, (255, 255, 255, 110))
    x, y = spine(1.0)
    for lean in (-0.16, 0.16):
        pen.line(
            _smooth([(x, y), (x + lean * 0.6, y - 0.35), (x + lean, y - 0.5)], closed=False),
            _INK,
            0.035,
        )
        pen.dot((x + lean, y - 0.5), 0.055, skin, edge=_INK)
    pen.dot((x, y), radius * 1.3, skin, edge=_INK)
    for lean in (-0.1, 0.12):
        pen.eye((x + lean, y - 0.05), 0.085)
    pen.line(
        _smooth([(x - 0.1, y + 0.11), (x + 0.01, y + 0.17), (x + 0.12, y + 0.11)], closed=False),
        _INK,
        0.035,
    )


def _dragonfly(pen: _Pen, rng: random.Random) -> None:
    hue = rng.random()
    body = _colour(hue, rng.uniform(0.6, 1), rng.uniform(0.6, 0.95))
    ring = _colour(hue + rng.uniform(-0.15, 0.15), rng.uniform(0.5, 1), rng.uniform(0.3, 0.6))
    glass = _colour(rng.random(), rng.uniform(0.05, 0.35), 1, rng.randint(150, 215))
    length, narrow = rng.uniform(0.85, 1.05), rng.uniform(0.1, 0.145)
    raised = rng.uniform(0.1, 0.35)
    for side in (-1, 1):
        for y, span, turn in ((-0.12, 0.5, 0.12 - raised * 0.2), (-0.36, 0.53, -raised)):
            turn *= side
            reach = (side * math.cos(turn), side * math.sin(turn))
            middle = (reach[0] * (span + 0.05), y + reach[1] * (span + 0.05))
            pen.oval(middle, (span + 0.025, narrow + 0.025), ring, turn=turn)
            pen.oval(middle, (span, narrow), (*glass[:3], 255), turn=turn)
            for share in (-0.45, 0.0, 0.45):
                pen.line(
                    [
                        (0, y),
                        (
                            middle[0] + reach[0] * span * 0.9,
                            middle[1] + reach[1] * span * 0.9 + share * narrow,
                        ),
                    ],
                    (*ring[:3], 120),
                    0.015,
                )
            pen.dot(
                (reach[0] * span * 1.85, y + reach[1] * span * 1.85 - narrow * 0.4), 0.045, ring
            )
    num_rings = rng.randint(6, 8)
    for number in reversed(range(num_rings)):
        t = number / (num_rings - 1)
        pen.oval(
            (0, 0.05 + (length - 0.05) * t),
            (0.085 - 0.03 * t, 0.1),
            ring if number % 2 else body,
            edge=_INK,
        )
    pen.oval((0, -0.25), (0.16, 0.26), body, edge=_INK)
    pen.oval((-0.04, -0.3), (0.04, 0.13), (255, 255, 255, 110))
    pen.dot((0, -0.55), 0.13, body, edge=_INK)
    for side in (-1, 1):
        pen.eye((side * 0.13, -0.6), 0.115)


def _ladybird(pen: _Pen, rng: random.Random) -> None:
    hue = rng.random()
    shell = _colour(hue, rng.uniform(0.65, 1), rng.uniform(0.7, 1))
    round_ = rng.uniform(0.62, 0.78)
    for side in (-1, 1):
        for y, out, down in ((-0.35, 0.95, -0.3), (0.05, 1.0, 0.05), (0.45, 0.9, 0.35)):
            pen.line(
                [(0, y), (side * round_ * 1.15, y + down * 0.3), (side * out, y + down)],
                _INK,
                0.075,
            )
        pen.line(
            _smooth([(0, -0.7), (side * 0.15, -1.0), (side * 0.35, -1.08)], closed=False),
            _INK,
            0.04,
        )
        pen.dot((side * 0.35, -1.08), 0.055, _INK)
    pen.oval((0, -0.7), (0.36, 0.28), _INK)
    pen.oval((0, 0.05), (round_, 0.78), shell, edge=_INK)
    pen.oval((-round_ * 0.42, -0.3), (0.1, 0.2), (255, 255, 255, 120), turn=0.6)
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
    for side in (-1, 1):
        for knee, foot in (
            ((0.42, -0.75), (0.5, -1.1)),
            ((0.68, -0.5), (1.0, -0.62)),
            ((0.7, 0.02), (1.05, 0.3)),
            ((0.52, 0.3), (0.78, 0.95)),
        ):
            jitter = rng.uniform(-0.08, 0.08)
            joints = [
                (0, -0.2),
                (side * knee[0], knee[1] + jitter),
                (side * foot[0], foot[1] + jitter),
            ]
            pen.line(joints, leg, thick)
            pen.dot(joints[1], thick * 0.75, leg)
    pen.oval((0, 0.38), (plump, plump * 1.15), body, edge=_INK)
    pen.oval((-plump * 0.4, 0.2), (0.07, 0.12), (255, 255, 255, 110), turn=0.5)
    for number in range(rng.randint(0, 3)):
        pen.oval((0, 0.22 + 0.18 * number), (plump * (0.45 - 0.1 * number), 0.05), mark)
    pen.oval((0, -0.22), (0.26, 0.27), body, edge=_INK)
    for side in (-1, 1):
        pen.eye((side * 0.1, -0.36), 0.085)
        pen.dot((side * 0.2, -0.25), 0.035, _WHITE, edge=_INK)
    pen.line(_smooth([(-0.09, -0.13), (0, -0.08), (0.09, -0.13)], closed=False), _INK, 0.035)


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
        scenery(
            _Pen(
                ImageDraw.Draw(picture, "RGBA"),
                centre=(side / 2, side / 2),
                scale=side / 2,
                angle=rng.uniform(0, math.tau),
            ),
            rng,
        )
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
        pen.oval(
            at, (rng.uniform(0.05, 0.2), rng.uniform(0.05, 0.14)), stone, turn=rng.uniform(0, 3)
        )
