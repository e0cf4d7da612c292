"""Training all layers of a randomly initialised model in few steps.

A short run is a race against three things, and each has its answer here: a model that starts too wild
(one-cycle learning rate, after "Super-Convergence", arXiv:1708.07120), too few pictures (flips and shifts),
and batch-normalisation statistics that lag behind the weights (estimated again at the end).
"""

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

PEAK_LEARNING_RATE = 0.05
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
WARMUP_SHARE = 0.25
LABEL_SMOOTHING = 0.1
BATCH_NORM_MOMENTUM = 0.9
STATISTICS_BATCH_SIZE = 64
MAX_STATISTICS_PICTURES = 1024
REPORT_EVERY_SECONDS = 1.0


class LossNotFinite(ValueError):
    """The training diverged: its loss became infinite or not a number."""


@dataclass(frozen=True)
class EpochFigures:
    """How far a training is: epochs and steps count from 1, loss and accuracy are the epoch's so far."""

    epoch: int
    num_epochs: int
    step: int
    num_steps: int
    loss: float
    accuracy: float
    pictures_per_second: float
    seconds_left: float


def train_from_scratch(
    model: keras.Model,
    pictures: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    batch_size: int = 32,
    seed: int,
    on_epoch: Callable[[EpochFigures], None] | None = None,
) -> None:
    """`model` itself, all layers trained, weights float32 and batch-normalisation statistics current.

    `model` takes pictures 0-255 float32 [N, S, S, 3] and gives logits [N, C]; `pictures` is
    uint8 [N, S, S, 3], `labels` int64 [N]. `on_epoch` is called about every second and at the end of
    each epoch; what it raises stops the training. Raises LossNotFinite.
    """
    keras.utils.set_random_seed(seed)
    twin = _fast_twin(model)
    twin.compile(
        optimizer=_optimizer(),
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=LABEL_SMOOTHING
        ),
        metrics=["accuracy"],
        # On a CPU, XLA's convolutions are several times slower than the ones TensorFlow calls by itself.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    targets = np.eye(model.output_shape[-1], dtype="float32")[labels]
    num_steps = math.ceil(len(pictures) / batch_size)
    clock = _Clock(num_pictures=epochs * len(pictures))
    figures = _Means()
    for epoch, step, batch in _batches(pictures, epochs, batch_size, seed):
        if step == 1:
            figures = _Means()
        share = ((epoch - 1) * num_steps + step) / (epochs * num_steps)
        twin.optimizer.learning_rate = PEAK_LEARNING_RATE * one_cycle(share)
        logs = twin.train_on_batch(batch.pictures, targets[batch.rows], return_dict=True)
        loss = float(logs["loss"])
        figures.add(len(batch.rows), loss, float(logs["accuracy"]))
        if not math.isfinite(loss):
            raise LossNotFinite(
                f"Expected a finite loss, received {loss} in epoch {epoch} of {epochs}, step {step} of "
                f"{num_steps}. Lower the learning rate, or check the pictures and labels."
            )
        clock.count(len(batch.rows))
        if on_epoch and (step == num_steps or clock.is_due()):
            on_epoch(
                EpochFigures(
                    epoch=epoch,
                    num_epochs=epochs,
                    step=step,
                    num_steps=num_steps,
                    loss=figures.loss,
                    accuracy=figures.accuracy,
                    pictures_per_second=clock.pictures_per_second,
                    seconds_left=clock.seconds_left,
                )
            )
    model.set_weights(twin.get_weights())
    estimate_batch_norm_statistics(model, pictures, seed=seed)


def one_cycle(share: float) -> float:
    """The learning rate after `share` (0…1) of the training, as a part of its peak."""
    if share < WARMUP_SHARE:
        return share / WARMUP_SHARE
    return (1 + math.cos(math.pi * (share - WARMUP_SHARE) / (1 - WARMUP_SHARE))) / 2


def estimate_batch_norm_statistics(model: keras.Model, pictures: np.ndarray, *, seed: int) -> None:
    """`model` with the moving means and variances its weights have on `pictures`, uint8 [N, S, S, 3].

    A moving average keeps what earlier weights saw; in a run of few steps that is most of it. Here every
    batch counts the same (arXiv:2105.07576, "PreciseBN").
    """
    layers = [
        layer for layer in _layers(model) if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in layers]
    rows = np.random.default_rng(seed).permutation(len(pictures))[:MAX_STATISTICS_PICTURES]
    num_batches = max(1, len(rows) // STATISTICS_BATCH_SIZE)
    try:
        for number, batch in enumerate(np.array_split(rows, num_batches)):
            for layer in layers:
                layer.momentum = number / (number + 1)
            model(pictures[batch].astype("float32"), training=True)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


# --- The model that trains


def _fast_twin(model: keras.Model) -> keras.Model:
    """A copy of `model` in the fastest precision that keeps float32 weights."""
    policy = "mixed_bfloat16" if _has_fast_bfloat16() else "float32"
    output_names = set(model.output_names)

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        config["dtype"] = "float32" if layer.name in output_names else policy
        if isinstance(layer, keras.layers.BatchNormalization):
            config["momentum"] = min(layer.momentum, BATCH_NORM_MOMENTUM)
        return layer.__class__.from_config(config)

    twin = keras.models.clone_model(model, clone_function=copy, recursive=True)
    twin.set_weights(model.get_weights())
    return twin


def _has_fast_bfloat16() -> bool:
    flags = Path("/proc/cpuinfo")
    return (
        keras.backend.backend() == "tensorflow"
        and flags.exists()
        and any(name in flags.read_text() for name in ("avx512_bf16", "amx_bf16"))
    )


def _optimizer() -> keras.optimizers.Optimizer:
    optimizer = keras.optimizers.SGD(
        PEAK_LEARNING_RATE, momentum=MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


# --- The pictures it sees


@dataclass(frozen=True)
class _Batch:
    rows: np.ndarray
    pictures: np.ndarray


def _batches(
    pictures: np.ndarray, epochs: int, batch_size: int, seed: int
) -> Iterator[tuple[int, int, _Batch]]:
    """(epoch, step, batch), each batch made in the background while the one before it trains."""

    def make(rows: np.ndarray, number: int) -> _Batch:
        return _Batch(rows, augment(pictures[rows], np.random.default_rng([seed, number])))

    plan = [
        (epoch, step, rows)
        for epoch in range(1, epochs + 1)
        for step, rows in enumerate(_epoch_rows(len(pictures), batch_size, seed, epoch), start=1)
    ]
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(make, plan[0][2], 0)
        for number, (epoch, step, _) in enumerate(plan, start=1):
            batch = coming.result()
            if number < len(plan):
                coming = pool.submit(make, plan[number][2], number)
            yield epoch, step, batch


def _epoch_rows(num_pictures: int, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """All rows in a new order, in batches of nearly the same size: a last batch of one has no variance."""
    order = np.random.default_rng([seed, epoch]).permutation(num_pictures)
    return np.array_split(order, math.ceil(num_pictures / batch_size))


def augment(pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float32 [N, S, S, 3]: each picture mirrored or not, and shifted by up to an eighth."""
    size = pictures.shape[1]
    reach = size // 8
    padded = np.pad(pictures, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")
    out = np.empty(pictures.shape, dtype="float32")
    for row, (x, y, mirrored) in enumerate(
        zip(*rng.integers(0, [[2 * reach + 1], [2 * reach + 1], [2]], (3, len(pictures))), strict=True)
    ):
        window = padded[row, y : y + size, x : x + size]
        out[row] = window[:, ::-1] if mirrored else window
    return out


class _Means:
    """The loss and accuracy of an epoch so far, every picture counting the same."""

    def __init__(self) -> None:
        self._num_pictures = 0
        self._loss_sum = 0.0
        self._accuracy_sum = 0.0

    def add(self, num_pictures: int, loss: float, accuracy: float) -> None:
        self._num_pictures += num_pictures
        self._loss_sum += num_pictures * loss
        self._accuracy_sum += num_pictures * accuracy

    @property
    def loss(self) -> float:
        return self._loss_sum / self._num_pictures

    @property
    def accuracy(self) -> float:
        return self._accuracy_sum / self._num_pictures


class _Clock:
    """Pictures per second, leaving out the first step, in which the graph is built."""

    def __init__(self, num_pictures: int) -> None:
        self._num_left = num_pictures
        self._num_timed = 0
        self._started: float | None = None
        self._reported = 0.0

    def count(self, num_pictures: int) -> None:
        self._num_left -= num_pictures
        if self._started is None:
            self._started = time.monotonic()
        else:
            self._num_timed += num_pictures

    def is_due(self) -> bool:
        now = time.monotonic()
        if now - self._reported < REPORT_EVERY_SECONDS:
            return False
        self._reported = now
        return True

    @property
    def pictures_per_second(self) -> float:
        elapsed = time.monotonic() - (self._started or 0.0)
        return self._num_timed / elapsed if self._num_timed else 0.0

    @property
    def seconds_left(self) -> float:
        rate = self.pictures_per_second
        return self._num_left / rate if rate else math.inf
