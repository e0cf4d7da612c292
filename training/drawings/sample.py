"""Drawn bugs: a labelled folder to try everything with, without bringing a single picture.

Five kinds differ in shape alone. Colour, size, rotation, position and background are drawn from the
same distributions for all of them, so that a model that tells them apart has learned shapes.
"""

import math
import random
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

from training.drawings.bugs import BUGS, KINDS, background
from training.drawings.drawing import Pen

# Everything is drawn this many times larger and reduced at the end: Pillow draws without antialiasing.
OVERSAMPLING = 2
JPEG_QUALITY = 90


def draw(kind: str, rng: random.Random, size: int = 192) -> Image.Image:
    """An RGB picture `size` pixels wide and high with one bug of `kind` somewhere on some background.

    The same state of `rng` gives the same picture. Raises ValueError for an unknown kind.
    """
    if kind not in BUGS:
        raise ValueError(f"Expected one of {', '.join(KINDS)}, received {kind!r}.")
    side = size * OVERSAMPLING
    picture = background(rng, side)
    pen = Pen(
        ImageDraw.Draw(picture, "RGBA"),
        centre=(side * rng.uniform(0.43, 0.57), side * rng.uniform(0.43, 0.57)),
        scale=side * rng.uniform(0.28, 0.41),
        angle=rng.uniform(0, math.tau),
    )
    BUGS[kind](pen, rng)
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
