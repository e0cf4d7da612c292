"""What every engine asks of a bundle before it answers with it. All raise BundleError."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Bundle
from classifier.engines.base import Outputs
from classifier.errors import BundleCorrupt, BundleIncompatible


def noise(bundle: Bundle, num_pictures: int) -> NDArray[np.uint8]:
    """Pictures to try a bundle out on, uint8 `[N, image_size, image_size, 3]`."""
    size = bundle.manifest.image_size
    shape = (num_pictures, size, size, 3)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def check_weights(bundle: Bundle, weights: Iterable[tuple[str, NDArray[np.generic]]]) -> None:
    """Each is a number: behind a ReLU, which makes 0 of NaN, no answer would show it."""
    for name, values in weights:
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise BundleCorrupt("not_finite", path=bundle.path, place=f"the weights {name}")


def check_label_count(bundle: Bundle, num_outputs: int) -> None:
    num_classes = len(bundle.manifest.class_names)
    if num_outputs != num_classes:
        raise BundleIncompatible(
            "label_count", path=bundle.path, num_classes=num_classes, num_outputs=num_outputs
        )


def check_answers(bundle: Bundle, outputs: Outputs) -> None:
    """The answers to noise are finite; weights that are may still overflow."""
    for values in (outputs.logits, outputs.embedding, outputs.feature_map):
        if not np.isfinite(values).all():
            raise BundleCorrupt("not_finite", path=bundle.path, place="its answer to noise")
