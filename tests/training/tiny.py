"""A backbone that learns in seconds, and drawn pictures for it."""

import hashlib

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifier.preprocess import fit
from tests.training.folders import striped
from training.layers.feeding import LabelledPictures

SIZE = 32
NUM_KINDS = 3
NUM_FEATURES = 16


class Drawn:
    """Pictures of three kinds in turn, drawn when they are asked for."""

    def __init__(self) -> None:
        self.num_read = 0

    def open(self, row: int, short_side: int) -> Image.Image:
        return striped(row % NUM_KINDS, row // NUM_KINDS, SIZE + 8)

    def read(self, row: int) -> NDArray[np.uint8]:
        self.num_read += 1
        return fit(self.open(row, SIZE), SIZE)


def drawn(first: int, last: int) -> LabelledPictures:
    rows = np.arange(first, last)
    return LabelledPictures(Drawn(), rows, np.eye(NUM_KINDS, dtype=np.float32)[rows % NUM_KINDS])


def tiny_backbone() -> keras.Model:
    """RGB 0-255 `[N, 32, 32, 3]` to a feature map `[N, 8, 8, 16]`, always with the same weights.

    Two stages of a convolution and batch normalisation, and a dropout, whose generator is state, too.
    """
    keras.utils.set_random_seed(0)
    layers = keras.layers
    entry = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(entry)
    for stage, filters in (("low", 8), ("top", NUM_FEATURES)):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", name=f"{stage}_conv")(x)
        x = layers.BatchNormalization(name=f"{stage}_norm")(x)
        x = layers.Activation("relu", name=f"{stage}_relu")(x)
    x = layers.Dropout(0.1, name="top_dropout")(x)
    return keras.Model(entry, x)


def tiny_model() -> keras.Model:
    """The backbone with a head: RGB 0-255 `[N, 32, 32, 3]` to logits `[N, 3]`."""
    backbone = tiny_backbone()
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
    return keras.Model(backbone.inputs[0], keras.layers.Dense(NUM_KINDS)(pooled))


def empty_head() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return np.zeros((NUM_FEATURES, NUM_KINDS), np.float32), np.zeros(NUM_KINDS, np.float32)


def digest(model: keras.Model) -> str:
    """Equal for models whose weights are equal bit by bit."""
    hashed = hashlib.sha256()
    for weight in model.get_weights():
        hashed.update(weight.tobytes())
    return hashed.hexdigest()


def predict(model: keras.Model, pictures: LabelledPictures) -> NDArray[np.float32]:
    """What `model` says as it is served, where batch-normalisation statistics that lag behind show:
    logits `[N, 3]`, or of a backbone its pooled features `[N, 16]`."""
    batch = np.stack([pictures.source.read(row) for row in pictures.rows.tolist()])
    said = model(batch.astype(np.float32), training=False)
    answers: NDArray[np.float32] = np.asarray(keras.ops.convert_to_numpy(said))
    return answers.mean(axis=(1, 2)) if answers.ndim == 4 else answers


def accuracy(model: keras.Model, pictures: LabelledPictures) -> float:
    """The share of the pictures that `model` knows."""
    right = predict(model, pictures).argmax(axis=1) == pictures.targets.argmax(axis=1)
    return float(right.mean())
