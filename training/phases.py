"""Training all layers of a randomly initialised model, in as few steps as possible.

What makes few steps enough: residual blocks that start as the identity, AdamW under a one-cycle
learning rate, mirrored and shifted pictures, and batch-normalisation statistics that are estimated
again once the weights stand still.
"""

import math
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from training.progress import EpochFigures, Plan, Progress

BATCH_SIZE = 32
PEAK_LEARNING_RATE = 4e-3
WARMUP_SHARE = 0.2
WEIGHT_DECAY = 0.05
# The second moment's memory has to be short of the number of steps, which here may be a hundred.
BETA_2 = 0.98
LABEL_SMOOTHING = 0.1
BATCH_NORM_MOMENTUM = 0.9
SHIFT_SHARE = 1 / 8
NUM_STATISTICS_PICTURES = 512
STATISTICS_BATCH_SIZE = 64


def train_from_scratch(
    model: keras.Model,
    pictures: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    epochs: int,
    batch_size: int = BATCH_SIZE,
    seed: int,
    on_epoch: Callable[[EpochFigures], None] | None = None,
) -> None:
    """`model` with all layers trained: float32 weights, batch-normalisation statistics up to date.

    `model` is freshly initialised and takes RGB 0-255 `[N, S, S, 3]` to logits `[N, C]`; `pictures`
    are uint8 `[N, S, S, 3]`, `labels` int64 `[N]`. `on_epoch` is called after the first step, then
    about every second and at the end of each epoch; what it raises stops the training. Raises
    LossNotFinite. A training that stops early leaves `model` as it was.
    """
    keras.utils.set_random_seed(seed)
    twin = _fast_twin(model)
    _start_blocks_as_identity(twin)
    twin.compile(
        optimizer=_optimizer(),
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=LABEL_SMOOTHING
        ),
        metrics=["accuracy"],
        # On a CPU, XLA's convolutions take six times as long as those TensorFlow calls by itself.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    targets = np.eye(model.output_shape[-1], dtype=np.float32)[labels]
    plan = Plan(len(pictures), epochs, min(batch_size, len(pictures)), seed)
    progress = Progress(plan)
    # Closing the batches stops the thread that makes them, whatever ends the loop.
    with closing(_batches(pictures, plan)) as batches:
        for number, (rows, batch) in enumerate(batches):
            twin.optimizer.learning_rate = PEAK_LEARNING_RATE * one_cycle(number / plan.num_all)
            figures = twin.train_on_batch(batch, targets[rows], return_dict=True)
            progress.add(float(figures["loss"]), float(figures["accuracy"]))
            if on_epoch and progress.is_due():
                on_epoch(progress.figures())
    model.set_weights(twin.get_weights())
    estimate_batch_norm_statistics(model, pictures, seed=seed)


def one_cycle(share: float) -> float:
    """The learning rate as a part of its peak, once `share` (0 to 1) of the steps are done.

    Up in a line and down along a cosine, after Smith and Topin, arXiv:1708.07120.
    """
    if share < WARMUP_SHARE:
        return 0.02 + 0.98 * share / WARMUP_SHARE
    return (1 + math.cos(math.pi * (share - WARMUP_SHARE) / (1 - WARMUP_SHARE))) / 2


def estimate_batch_norm_statistics(
    model: keras.Model, pictures: NDArray[np.uint8], *, seed: int
) -> None:
    """`model` with the moving means and variances that its weights have on `pictures` `[N, S, S, 3]`.

    A moving average remembers what earlier weights saw; in a run of few steps that is most of it.
    Here the weights stand still and all batches count the same (Wu and Johnson, arXiv:2105.07576).
    """
    norms = [each for each in _layers(model) if isinstance(each, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    order = np.random.default_rng(seed).permutation(len(pictures))[:NUM_STATISTICS_PICTURES]
    batches = np.array_split(order, math.ceil(len(order) / STATISTICS_BATCH_SIZE))
    try:
        for number, rows in enumerate(batches):
            for norm in norms:
                norm.momentum = number / (number + 1)
            model(pictures[rows].astype(np.float32), training=True)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


# --- The model that trains


def _fast_twin(model: keras.Model) -> keras.Model:
    """A copy of `model` that computes in the fastest precision and keeps its weights in float32."""
    policy = "mixed_bfloat16" if _has_fast_bfloat16() else "float32"
    logits_layers = set(model.output_names)

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        config["dtype"] = "float32" if layer.name in logits_layers else policy
        if isinstance(layer, keras.layers.BatchNormalization):
            config["momentum"] = min(layer.momentum, BATCH_NORM_MOMENTUM)
        return type(layer).from_config(config)

    twin = keras.models.clone_model(model, clone_function=copy, recursive=True)
    twin.set_weights(model.get_weights())
    return twin


def _has_fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 and TensorFlow knows how to make it."""
    if keras.backend.backend() != "tensorflow":
        return False
    cpu = Path("/proc/cpuinfo")
    return cpu.exists() and any(flag in cpu.read_text() for flag in ("avx512_bf16", "amx_bf16"))


def _optimizer() -> keras.optimizers.Optimizer:
    optimizer = keras.optimizers.AdamW(PEAK_LEARNING_RATE, weight_decay=WEIGHT_DECAY, beta_2=BETA_2)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _start_blocks_as_identity(model: keras.Model) -> None:
    """`model` with each residual branch multiplied by 0 at first (Goyal et al., arXiv:1706.02677).

    The network is as shallow as its shortcuts then and grows as it learns, which bears a learning
    rate many times higher. Of the two inputs of an addition, the longer one is the branch.
    """
    for layer in _layers(model):
        if isinstance(layer, keras.layers.Add):
            last = max((_branch(tensor) for tensor in layer.input), key=len)[0]
            if isinstance(last, keras.layers.BatchNormalization) and last.scale:
                last.gamma.assign(np.zeros(last.gamma.shape, dtype=np.float32))


def _branch(tensor: keras.KerasTensor) -> list[keras.layers.Layer]:
    """The layers that lead to `tensor`, the last one first, back to where branches met."""
    branch = []
    while not isinstance(tensor, list):
        layer = tensor._keras_history.operation
        branch.append(layer)
        if isinstance(layer, keras.layers.InputLayer):
            break
        tensor = layer.input
    return branch


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


# --- The pictures it sees


def _batches(
    pictures: NDArray[np.uint8], plan: Plan
) -> Generator[tuple[NDArray[np.int64], NDArray[np.float32]], None, None]:
    """Rows and pictures of each batch, made in the background while the one before it trains."""
    rng = np.random.default_rng(plan.seed)

    def make(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        return rows, augment(pictures[rows], rng)

    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = None
        for rows in plan.rows():
            ready, coming = coming, pool.submit(make, rows)
            if ready:
                yield ready.result()
        if coming:
            yield coming.result()


def augment(pictures: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Float32 `[N, S, S, 3]`: each picture mirrored or not and shifted by up to an eighth."""
    num_pictures, size = pictures.shape[:2]
    reach = int(size * SHIFT_SHARE)
    margins = ((0, 0), (reach, reach), (reach, reach), (0, 0))
    padded = np.pad(pictures, margins, mode="reflect")
    shifts = rng.integers(0, 2 * reach + 1, (num_pictures, 2))
    mirrored = rng.integers(0, 2, (num_pictures,))
    changed = np.empty(pictures.shape, dtype=np.float32)
    for row, (top, left) in enumerate(shifts):
        window = padded[row, top : top + size, left : left + size]
        changed[row] = window[:, ::-1] if mirrored[row] else window
    return changed
