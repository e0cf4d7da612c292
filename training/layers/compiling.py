"""What a model gets before it trains: an optimizer, a loss and a metric."""

import keras

from training.layers.devices import jit_compile
from training.layers.feeding import LabelledPictures
from training.layers.losses import accuracy_of, balanced_weights, loss_of
from training.layers.recipe import PhaseSettings


def adamw(rate: float, weight_decay: float, beta_2: float) -> keras.optimizers.Optimizer:
    """AdamW (Loshchilov and Hutter, arXiv:1711.05101) that lets biases, scales and offsets be."""
    optimizer = keras.optimizers.AdamW(rate, weight_decay=weight_decay, beta_2=beta_2)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def compile_for(
    twin: keras.Model,
    train: LabelledPictures,
    settings: PhaseSettings,
    optimizer: keras.optimizers.Optimizer,
) -> None:
    """`twin` with the optimizer, the loss and the metrics `loss` and `accuracy` of its settings."""
    weights = balanced_weights(train.targets, settings.head) if settings.balance else None
    accuracy = keras.metrics.MeanMetricWrapper(accuracy_of(settings.head), name="accuracy")
    twin.compile(
        optimizer=optimizer,
        loss=loss_of(settings.head, settings.label_smoothing, weights),
        metrics=[accuracy],
        jit_compile=jit_compile(),
    )
