"""What a picture looks like while layers learn from it: cropped, mirrored, shifted, in other colours.

Geometry is done on the whole picture when it is decoded, in one resize; colour, and what else Keras
has layers for, on the batch. Both are functions of seed and step alone, so a training that goes on
from a checkpoint sees what it would have seen.
"""

import math
from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from training.backbones.features import random_crop
from training.config import Augmentation
from training.layers.feeding import PictureSource, View

# A crop's least share of the picture's area.
MIN_CROP_AREA: dict[Augmentation, float] = {"light": 0.5, "strong": 0.25}
SHIFT_SHARE = 1 / 8
NUM_STRONG_CHANGES = 2


def plain(source: PictureSource, row: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture as it is served."""
    return source.read(row)


def shifted(source: PictureSource, row: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture as it is served, mirrored or not and shifted by up to an eighth."""
    picture = source.read(row)
    size = len(picture)
    reach = int(size * SHIFT_SHARE)
    top, left = rng.integers(0, 2 * reach + 1, 2)
    padded = np.pad(picture, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    window = padded[top : top + size, left : left + size]
    return window[:, ::-1] if rng.random() < 0.5 else window


def cropped(min_area: float, image_size: int) -> View:
    """A random part of the picture of at least `min_area` of its area, mirrored or not."""
    # The smallest crop shall still have as many pixels as the model takes.
    short_side = math.ceil(image_size / math.sqrt(min_area))

    def crop(source: PictureSource, row: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        image = source.open(row, short_side)
        return random_crop(image, image_size, rng, min_area=min_area)

    return crop


def scratch_view(augmentation: Augmentation, image_size: int) -> View:
    """What all layers learn from. Shifts keep the shapes; a network that knows nothing learns faster
    from them than from crops."""
    if augmentation == "light":
        return shifted
    return fine_tune_view(augmentation, image_size)


def fine_tune_view(augmentation: Augmentation, image_size: int) -> View:
    """What pretrained layers go on learning from."""
    if augmentation == "none":
        return plain
    return cropped(MIN_CROP_AREA[augmentation], image_size)


class Colours:
    """Changes a batch by Keras' own layers: all `changes`, or `num` of them, other ones each step.

    RandAugment (Cubuk et al., arXiv:1909.13719) with one choice for a batch and other strengths for
    each picture, as Keras' layer of that name does it. That one computes all eleven changes to keep
    two, in 24 ms a picture where a step of MobileNetV2 takes 20.
    """

    def __init__(self, changes: Sequence[keras.layers.Layer], num: int, seed: int) -> None:
        self.changes = changes
        self._num = num
        self._seed = seed

    def __call__(self, pictures: NDArray[np.uint8], step: int) -> NDArray[np.float32]:
        """Float32 `[N, S, S, 3]` from 0 to 255 of uint8 ones, the same for the same seed and step."""
        batch = pictures.astype(np.float32)
        if not self._num:
            return batch
        rng = np.random.default_rng([self._seed, step])
        chosen = rng.permutation(len(self.changes))[: self._num]
        for i in chosen:
            change = self.changes[i]
            # These layers have no variables but the states of their random generators.
            for state in change.variables:
                state.assign(rng.integers(0, 2**31, state.shape))
            batch = change(batch, training=True)
        changed = np.asarray(keras.ops.convert_to_numpy(batch), np.float32)
        return np.clip(changed, 0, 255)


def scratch_colours(augmentation: Augmentation, seed: int) -> Colours:
    return fine_tune_colours("none" if augmentation == "light" else augmentation, seed)


def fine_tune_colours(augmentation: Augmentation, seed: int) -> Colours:
    layers = keras.layers
    mild = (
        layers.RandomBrightness(0.1),
        layers.RandomContrast(0.2),
        layers.RandomColorDegeneration((0.0, 0.3)),
    )
    if augmentation == "none":
        return Colours((), 0, seed)
    if augmentation == "light":
        return Colours(mild, len(mild), seed)
    strong = (
        layers.RandomShear(0.15, 0.15),
        layers.RandomTranslation(0.15, 0.15),
        layers.RandomRotation(0.08),
        layers.RandomBrightness(0.3),
        layers.RandomContrast(0.5),
        layers.RandomColorDegeneration((0.0, 0.8)),
        layers.RandomSharpness((0.2, 0.8)),
        layers.RandomPosterization(4),
        layers.Solarization(threshold_factor=(0.4, 0.9)),
        layers.AutoContrast(),
        layers.Equalization(),
    )
    return Colours(strong, NUM_STRONG_CHANGES, seed)
