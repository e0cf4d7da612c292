"""What the processor at hand does best: in which precision, compiled how, and on how many devices."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import keras

from classifier.engines.hardware import instruction_sets
from training.config import Switch
from training.layers.twin import all_layers


def precision_policy(switch: Switch, model: keras.Model) -> str:
    """The name of Keras' policy for a model: bfloat16 where it is fast or wanted, float32 otherwise.

    Weights, optimizer and loss are float32 in any case. bfloat16 has float32's range, so there is
    no loss scaling. On a CPU it makes a step of ResNet50 1.6 times as fast, but depthwise
    convolutions slower: MobileNetV2's takes 1.4 times as long.
    """
    is_fast = _has_gpu() or (_has_fast_bfloat16() and not _is_depthwise(model))
    return "mixed_bfloat16" if switch == "on" or (switch == "auto" and is_fast) else "float32"


def jit_compile() -> bool | Literal["auto"]:
    """Whether to compile by XLA. On a CPU, its convolutions take six times as long as those that
    TensorFlow calls by itself."""
    return False if keras.backend.backend() == "tensorflow" and not _has_gpu() else "auto"


@contextmanager
def all_devices() -> Iterator[int]:
    """Within the block, new variables and batches are spread over all devices; yields their number.

    Each batch is divided among the devices, so its size has to be a multiple of that number. Needs
    KERAS_BACKEND=jax: with TensorFlow, Keras trains on one GPU.
    """
    devices = keras.distribution.list_devices() if keras.backend.backend() == "jax" else []
    if len(devices) < 2:
        yield 1
        return
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
    try:
        yield len(devices)
    finally:
        keras.distribution.set_distribution(before)


def _has_gpu() -> bool:
    return any(not name.startswith("cpu") for name in keras.distribution.list_devices())


def _has_fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 and the backend knows how to make it."""
    has_bfloat16 = not instruction_sets().isdisjoint({"avx512_bf16", "amx_bf16"})
    return has_bfloat16 and keras.backend.backend() == "tensorflow"


def _is_depthwise(model: keras.Model) -> bool:
    """Whether some convolution keeps channels apart."""
    return any(
        isinstance(layer, keras.layers.DepthwiseConv2D) or getattr(layer, "groups", 1) > 1
        for layer in all_layers(model)
    )
