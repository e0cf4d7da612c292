"""Labelled folders for the tests: small pictures of colours and stripes."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from training.cache import Cache
from training.dataset.preparing import Prepared, prepare
from training.events import StepClock


def write_picture(path: Path, seed: int, size: tuple[int, int] = (24, 20)) -> Path:
    """A picture that differs from every other seed's; its format is its name's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def write_classes(root: Path, num_pictures: Mapping[str, int], first_seed: int = 0) -> Path:
    """`root/<class>/0.png`…, no two pictures alike."""
    seed = first_seed
    for name, number in num_pictures.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(number):
            write_picture(root / name / f"{i}.png", seed)
            seed += 1
    return root


def read(
    root: Path,
    scratch: Path,
    *,
    val_fraction: float = 0.2,
    test_fraction: float = 0.0,
    image_size: int = 32,
) -> Prepared:
    """The examples and the audit of a source, with a cache in `scratch`."""
    cache = Cache(scratch / "cache")
    try:
        return prepare(
            root,
            image_size=image_size,
            val_fraction=val_fraction,
            test_fraction=test_fraction,
            cache=cache,
            unpack_into=scratch / "source",
            clock=StepClock(lambda event: None),
        )
    finally:
        cache.close()


def striped(kind: int, seed: int, size: int = 80) -> Image.Image:
    """A noisy picture of one of three kinds, easy for any backbone: red, green or blue stripes."""
    generator = np.random.default_rng([kind, seed])
    pixels = generator.integers(0, 90, (size, size, 3)).astype(np.uint8)
    width = int(generator.integers(6, 12))
    stripes = (np.arange(size) + int(generator.integers(0, 20))) // width % 2 == 0
    pixels[stripes, :, kind] = generator.integers(170, 255)
    return Image.fromarray(pixels)


KINDS = ("Blau", "grün", "rot")


def write_striped(root: Path, num_train: int, num_val: int) -> Path:
    for split, numbers in (
        ("train", range(num_train)),
        ("val", range(num_train, num_train + num_val)),
    ):
        for kind, name in enumerate(KINDS):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in numbers:
                striped(kind, number).save(folder / f"{number}.jpg", quality=92)
    return root
