"""Heat maps to lay over a picture: PNGs drawn from the few cells that a prediction keeps."""

from io import BytesIO
from itertools import pairwise

from PIL import Image, ImageDraw

from classifier.crop import crop_box
from classifier.why import MAX_LEVEL

LONG_SIDE = 480
# The last colours of the palette are for what the model did not look at, and for the line around the
# rest.
OUTSIDE, HATCH, FRAME = 253, 254, 255
STRONGEST = OUTSIDE - 1
HATCH_DISTANCE = 12
OUTSIDE_COLOURS = ((96, 96, 96, 150), (160, 160, 160, 170), (255, 255, 255, 220))
# From nothing to the strongest evidence: ever lighter, so that it can be read without colours, and ever
# less transparent. Red, green, blue, alpha.
RAMP = (
    (40, 8, 90, 0),
    (92, 14, 120, 90),
    (170, 32, 110, 140),
    (226, 78, 64, 165),
    (250, 158, 40, 185),
    (255, 238, 140, 205),
)


def overlay(levels: bytes, num_columns: int, picture_size: tuple[int, int]) -> bytes:
    """A PNG in the proportions of a picture, `width, height`, to be laid over it.

    `levels`: the cells of a map from the top left, row by row, which cover the square that the model
    looked at.
    """
    factor = min(1.0, LONG_SIDE / max(picture_size))
    width, height = (max(1, round(side * factor)) for side in picture_size)
    left, top, right, bottom = map(round, crop_box(width, height))
    image = Image.new("P", (width, height), OUTSIDE)
    draw = ImageDraw.Draw(image)
    for x in range(-height, width, HATCH_DISTANCE):
        draw.line([(x, height), (x + height, 0)], HATCH)
    if right > left and bottom > top:  # of a picture like a thread nothing is left at this size
        image.paste(_smooth(levels, num_columns, (right - left, bottom - top)), (left, top))
        draw.rectangle([left - 1, top - 1, right, bottom], outline=FRAME)
    image.putpalette(_COLOURS, "RGBA")
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _smooth(levels: bytes, num_columns: int, size: tuple[int, int]) -> Image.Image:
    cells = Image.frombytes("L", (num_columns, len(levels) // num_columns), levels)
    enlarged = cells.resize(size, Image.Resampling.BICUBIC)
    return enlarged.point([level * STRONGEST // MAX_LEVEL for level in range(MAX_LEVEL + 1)])


def _palette() -> list[tuple[int, int, int, int]]:
    colours = []
    num_parts = len(RAMP) - 1
    for index in range(OUTSIDE):
        position = index / STRONGEST * num_parts
        part = min(int(position), num_parts - 1)
        ends = tuple(pairwise(RAMP))[part]
        red, green, blue, alpha = (
            round(a + (b - a) * (position - part)) for a, b in zip(*ends, strict=True)
        )
        colours.append((red, green, blue, alpha))
    return [*colours, *OUTSIDE_COLOURS]


_COLOURS = bytes(part for colour in _palette() for part in colour)
