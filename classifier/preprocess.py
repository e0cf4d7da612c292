"""A picture to the model's input. Training and serving both come through here, so they agree."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifier.crop import CROP_FRACTION, crop_box
from classifier.images import DEFAULT_LIMITS, Limits, read_picture

# Written into bundles: one with another version was trained on differently prepared pictures.
PREPROCESSING_VERSION = 1


def short_side_for(image_size: int) -> int:
    """How many pixels of short side the crop needs: 256 for 224."""
    return round(image_size / CROP_FRACTION)


def fit(image: Image.Image, image_size: int) -> NDArray[np.uint8]:
    """The centre of an RGB picture as uint8 `[image_size, image_size, 3]`.

    The crop is cut out of the source and scaled in one step, so a strip of 1 x 20,000 pixels never
    becomes one of 256 x 5,000,000.
    """
    crop = image.resize(
        (image_size, image_size),
        Image.Resampling.BILINEAR,
        box=crop_box(*image.size),
        reducing_gap=2.0,
    )
    return np.asarray(crop, dtype=np.uint8)


def read_input(path: Path, image_size: int, limits: Limits = DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """A picture file as model input, uint8 `[image_size, image_size, 3]`. Raises InvalidImage."""
    picture = read_picture(path, short_side=short_side_for(image_size), limits=limits)
    return fit(picture.image, image_size)
