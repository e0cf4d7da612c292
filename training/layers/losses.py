"""What training makes small, and the share that is right, for softmax and for sigmoid heads."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from classifier.decide import Head

Tensor = Any  # of the backend that Keras runs on
OfLogits = Callable[[Tensor, Tensor], Tensor]


def balanced_weights(
    targets: NDArray[np.float32], kind: Head
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much a yes and a no of each class count, float32 `[C]` each, for targets `[N, C]`.

    As scikit-learn's "balanced": every class counts the same, and of sigmoid also its yes and its no;
    over all examples the mean is 1. A class without examples counts 0.
    """
    num_yes = targets.sum(axis=0)
    num_no = len(targets) - num_yes
    if kind == "softmax":
        yes = len(targets) / np.maximum(num_yes, 1) / max(1, (num_yes > 0).sum())
        return (yes * (num_yes > 0)).astype(np.float32), np.ones_like(yes, np.float32)
    both = (num_yes > 0) & (num_no > 0)
    yes = np.where(both, len(targets) / 2 / np.maximum(num_yes, 1), 1.0)
    no = np.where(both, len(targets) / 2 / np.maximum(num_no, 1), 1.0)
    return yes.astype(np.float32), no.astype(np.float32)


def loss_of(
    kind: Head,
    label_smoothing: float,
    weights: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
) -> OfLogits:
    """Cross-entropy `[N]` of targets and logits `[N, C]`: categorical, or binary, the mean over classes.

    `weights`: how much a yes and a no of each class count.
    """
    ops = keras.ops

    def softmax(targets: Tensor, logits: Tensor) -> Tensor:
        smoothed = targets * (1 - label_smoothing) + label_smoothing / logits.shape[-1]
        losses = ops.categorical_crossentropy(smoothed, logits, from_logits=True)
        return losses if weights is None else losses * ops.sum(targets * weights[0], axis=-1)

    def sigmoid(targets: Tensor, logits: Tensor) -> Tensor:
        smoothed = targets * (1 - label_smoothing) + label_smoothing / 2
        losses = ops.binary_crossentropy(smoothed, logits, from_logits=True)
        if weights is not None:
            losses = losses * (targets * weights[0] + (1 - targets) * weights[1])
        return ops.mean(losses, axis=-1)

    return softmax if kind == "softmax" else sigmoid


def accuracy_of(kind: Head) -> OfLogits:
    """The share `[N]` that is right: of softmax 0 or 1, of sigmoid the share of right yes and no."""
    ops = keras.ops

    def softmax(targets: Tensor, logits: Tensor) -> Tensor:
        right = ops.argmax(targets, axis=-1) == ops.argmax(logits, axis=-1)
        return ops.cast(right, "float32")

    def sigmoid(targets: Tensor, logits: Tensor) -> Tensor:
        return ops.mean(ops.cast((logits >= 0) == (targets > 0), "float32"), axis=-1)

    return softmax if kind == "softmax" else sigmoid
