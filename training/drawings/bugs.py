"""Five kinds of bugs, upright around (0, 0), and the backgrounds they sit on."""

import math
import random
from collections.abc import Callable

from PIL import Image, ImageDraw

from training.drawings.drawing import GLEAM, INK, WHITE, Pen, Point, colour_of, shrunk, smooth


def _butterfly(pen: Pen, rng: random.Random) -> None:
    hue, second_hue = rng.random(), rng.random()
    wing = colour_of(hue, rng.uniform(0.55, 0.95), rng.uniform(0.75, 1))
    inner = colour_of(second_hue, rng.uniform(0.4, 0.9), rng.uniform(0.85, 1))
    edge = colour_of(hue, 0.8, rng.uniform(0.15, 0.4))
    wide, tall, tail = rng.uniform(0.85, 1.1), rng.uniform(0.85, 1.05), rng.uniform(0.65, 1.05)
    num_spots = rng.randint(0, 3)
    upper = ((0.05, -0.3), (0.4, -0.85), (0.85, -0.95), (1.0, -0.55), (0.75, -0.1), (0.1, 0.02))
    lower = ((0.05, 0.0), (0.5, -0.02), (0.8, 0.25), (0.68, 0.7), (0.4, 0.85), (0.12, 0.4))
    for side in (-1, 1):
        for outline, (x, y), stretch in ((lower, (0.46, 0.36), tail), (upper, (0.6, -0.52), tall)):
            curve = smooth([(side * px * wide, py * stretch) for px, py in outline], closed=True)
            middle = (side * x * wide, y * stretch)
            pen.shape(curve, wing, edge)
            pen.shape(shrunk(curve, middle, 0.55), inner)
            for spot in shrunk(curve[12 : 12 + 5 * num_spots : 5], middle, 0.78):
                pen.dot(spot, 0.055, WHITE)
        pen.ink([(0, -0.4), (side * 0.1, -0.75), (side * 0.3, -0.92)])
        pen.dot((side * 0.3, -0.92), 0.05, INK)
    pen.oval((0, 0.08), (0.085, 0.48), edge, INK)
    pen.dot((0, -0.42), 0.12, edge, INK)
    for side in (-1, 1):
        pen.eye((side * 0.065, -0.46), 0.05)


def _caterpillar(pen: Pen, rng: random.Random) -> None:
    hue = rng.random()
    skin = colour_of(hue, rng.uniform(0.5, 0.95), rng.uniform(0.65, 1))
    band = colour_of(hue + rng.uniform(-0.2, 0.2), rng.uniform(0.3, 0.9), rng.uniform(0.75, 1))
    num_segments, radius = rng.randint(6, 9), rng.uniform(0.19, 0.25)
    bend, phase, waves = rng.uniform(0.15, 0.4), rng.uniform(0, math.tau), rng.uniform(0.45, 1.0)
    feet, hairy = rng.random() < 0.8, rng.random() < 0.5

    def spine(t: float) -> Point:
        return 1.6 * t - 0.8, bend * math.sin(phase + waves * math.tau * t)

    for number in range(num_segments):
        x, y = spine(number / num_segments)
        if feet:
            for lean in (-0.09, 0.09):
                pen.line([(x, y), (x + lean, y + radius + 0.12)], INK, 0.07)
        if hairy:
            for lean in (-0.12, 0.0, 0.12):
                pen.line([(x, y), (x + lean, y - radius - 0.16)], INK, 0.025)
        pen.dot((x, y), radius, band if number % 2 else skin, INK)
        pen.dot((x - 0.02, y - radius * 0.4), radius * 0.35, GLEAM)
    x, y = spine(1.0)
    for lean in (-0.16, 0.16):
        pen.ink([(x, y), (x + lean * 0.6, y - 0.35), (x + lean, y - 0.5)])
        pen.dot((x + lean, y - 0.5), 0.055, skin, INK)
    pen.dot((x, y), radius * 1.3, skin, INK)
    for lean in (-0.1, 0.12):
        pen.eye((x + lean, y - 0.05), 0.085)
    pen.ink([(x - 0.1, y + 0.11), (x + 0.01, y + 0.17), (x + 0.12, y + 0.11)])


def _dragonfly(pen: Pen, rng: random.Random) -> None:
    hue = rng.random()
    body = colour_of(hue, rng.uniform(0.6, 1), rng.uniform(0.6, 0.95))
    vein = colour_of(hue + rng.uniform(-0.15, 0.15), rng.uniform(0.5, 1), rng.uniform(0.3, 0.6))
    wing = colour_of(rng.random(), rng.uniform(0.05, 0.35), 1)
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
        pen.oval((0, 0.05 + (length - 0.05) * t), (0.085 - 0.03 * t, 0.1), ring, INK)
    pen.oval((0, -0.25), (0.16, 0.26), body, INK)
    pen.oval((-0.04, -0.3), (0.04, 0.13), GLEAM)
    pen.dot((0, -0.55), 0.13, body, INK)
    for side in (-1, 1):
        pen.eye((side * 0.13, -0.6), 0.115)


def _ladybird(pen: Pen, rng: random.Random) -> None:
    hue = rng.random()
    shell = colour_of(hue, rng.uniform(0.65, 1), rng.uniform(0.7, 1))
    round_ = rng.uniform(0.62, 0.78)
    for side in (-1, 1):
        for y, out, down in ((-0.35, 0.95, -0.3), (0.05, 1.0, 0.05), (0.45, 0.9, 0.35)):
            knee = (side * round_ * 1.15, y + down * 0.3)
            pen.line([(0, y), knee, (side * out, y + down)], INK, 0.075)
        pen.ink([(0, -0.7), (side * 0.15, -1.0), (side * 0.35, -1.08)])
        pen.dot((side * 0.35, -1.08), 0.055, INK)
    pen.oval((0, -0.7), (0.36, 0.28), INK)
    pen.oval((0, 0.05), (round_, 0.78), shell, INK)
    pen.oval((-round_ * 0.42, -0.3), (0.1, 0.2), GLEAM, turn=0.6)
    pen.shape(smooth([(-0.42, -0.56), (0, -0.78), (0.42, -0.56), (0, -0.46)], closed=True), INK)
    pen.line([(0, -0.55), (0, 0.82)], INK, 0.05)
    num_pairs = rng.randint(1, 4)
    radius = rng.uniform(0.1, 0.2 - 0.022 * num_pairs)
    for number in range(num_pairs):
        y = 0.95 * (number + 0.5) / num_pairs - 0.42
        x = round_ * (0.36 if number % 2 else 0.56)
        for side in (-1, 1):
            pen.dot((side * x, y), radius, INK)
    for side in (-1, 1):
        pen.eye((side * 0.17, -0.8), 0.1)


def _spider(pen: Pen, rng: random.Random) -> None:
    hue = rng.random()
    body = colour_of(hue, rng.uniform(0.35, 0.95), rng.uniform(0.35, 0.95))
    mark = colour_of(hue + rng.uniform(0.1, 0.9), rng.uniform(0.3, 0.9), rng.uniform(0.85, 1))
    leg = colour_of(hue, rng.uniform(0.3, 0.8), rng.uniform(0.12, 0.4))
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
    pen.oval((0, 0.38), (plump, plump * 1.15), body, INK)
    pen.oval((-plump * 0.4, 0.2), (0.07, 0.12), GLEAM, turn=0.5)
    for number in range(rng.randint(0, 3)):
        pen.oval((0, 0.22 + 0.18 * number), (plump * (0.45 - 0.1 * number), 0.05), mark)
    pen.oval((0, -0.22), (0.26, 0.27), body, INK)
    for side in (-1, 1):
        pen.eye((side * 0.1, -0.36), 0.085)
        pen.dot((side * 0.2, -0.25), 0.035, WHITE, INK)
    pen.ink([(-0.09, -0.13), (0, -0.08), (0.09, -0.13)])


BUGS: dict[str, Callable[[Pen, random.Random], None]] = {
    "butterfly": _butterfly,
    "caterpillar": _caterpillar,
    "dragonfly": _dragonfly,
    "ladybird": _ladybird,
    "spider": _spider,
}
KINDS: tuple[str, ...] = tuple(BUGS)


# --- What they sit on


def background(rng: random.Random, side: int) -> Image.Image:
    light = colour_of(rng.random(), rng.uniform(0.05, 0.45), rng.uniform(0.75, 1))
    shade = colour_of(rng.random(), rng.uniform(0.1, 0.5), rng.uniform(0.6, 0.95))
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
        scenery(Pen(canvas, centre=middle, scale=side / 2, angle=rng.uniform(0, math.tau)), rng)
    return picture


def _leaf(pen: Pen, rng: random.Random) -> None:
    hue, value = rng.uniform(0.18, 0.42), rng.uniform(0.55, 0.85)
    green, vein = colour_of(hue, 0.5, value), colour_of(hue, 0.4, value + 0.12)
    width = rng.uniform(0.6, 0.95)
    outline = [(0, -1.25), (width * 0.7, -0.6), (width, 0.1), (width * 0.6, 0.8), (0, 1.3)]
    pen.shape(smooth([*outline, *((-x, y) for x, y in outline[3:0:-1])], closed=True), green)
    pen.line([(0, -1.2), (0, 1.5)], vein, 0.04)
    for number in range(-4, 5):
        for side in (-1, 1):
            y = number * 0.24
            pen.line([(0, y), (side * width * (0.8 - abs(number) * 0.11), y - 0.25)], vein, 0.02)


def _grass(pen: Pen, rng: random.Random) -> None:
    for _ in range(rng.randint(20, 45)):
        x, lean, height = rng.uniform(-1.4, 1.4), rng.uniform(-0.35, 0.35), rng.uniform(0.6, 2.2)
        blade = colour_of(rng.uniform(0.18, 0.4), rng.uniform(0.3, 0.7), rng.uniform(0.45, 0.9))
        pen.shape([(x - 0.05, 1.5), (x + 0.05, 1.5), (x + lean, 1.5 - height)], blade)


def _petals(pen: Pen, rng: random.Random) -> None:
    for _ in range(rng.randint(3, 7)):
        x, y, reach = rng.uniform(-1.2, 1.2), rng.uniform(-1.2, 1.2), rng.uniform(0.08, 0.22)
        petal = colour_of(rng.random(), rng.uniform(0.2, 0.6), rng.uniform(0.8, 1))
        for number in range(5):
            angle = number * math.tau / 5
            pen.dot((x + reach * math.cos(angle), y + reach * math.sin(angle)), reach * 0.7, petal)
        pen.dot((x, y), reach * 0.5, colour_of(0.13, 0.6, 1))


def _pebbles(pen: Pen, rng: random.Random) -> None:
    hue = rng.random()
    for _ in range(rng.randint(15, 40)):
        stone = colour_of(hue, rng.uniform(0.05, 0.3), rng.uniform(0.5, 0.95))
        at = (rng.uniform(-1.3, 1.3), rng.uniform(-1.3, 1.3))
        radii = (rng.uniform(0.05, 0.2), rng.uniform(0.05, 0.14))
        pen.oval(at, radii, stone, turn=rng.uniform(0, math.pi))
