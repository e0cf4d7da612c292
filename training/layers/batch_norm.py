"""Batch-normalisation statistics, estimated again once the weights stand still."""

import math

import keras
import numpy as np

from training.layers.feeding import LabelledPictures
from training.layers.twin import all_layers

NUM_STATISTICS_PICTURES = 512
STATISTICS_BATCH_SIZE = 64


def estimate_batch_norm_statistics(
    model: keras.Model, pictures: LabelledPictures, *, seed: int
) -> None:
    """`model` with the moving means and variances that its weights have on some of the pictures.

    A moving average remembers what earlier weights saw; in a run of few steps that is most of it.
    Here the weights stand still and all batches count the same (Wu and Johnson, arXiv:2105.07576).
    """
    norms = [
        each for each in all_layers(model) if isinstance(each, keras.layers.BatchNormalization)
    ]
    momenta = [norm.momentum for norm in norms]
    order = np.random.default_rng(seed).permutation(len(pictures))[:NUM_STATISTICS_PICTURES]
    batches = np.array_split(order, math.ceil(len(order) / STATISTICS_BATCH_SIZE))
    try:
        for number, places in enumerate(batches):
            for norm in norms:
                norm.momentum = number / (number + 1)
            batch = [pictures.source.read(row) for row in pictures.rows[places].tolist()]
            model(np.stack(batch).astype(np.float32), training=True)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
