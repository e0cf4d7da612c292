"""Pretrained weights: where they lie, and how they get into a model, layer by layer.

A weights file may come from anywhere. So it is read here and not by Keras: nothing is followed out
of the file, and every shape is compared with the model's before a single number is read.
"""

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from training.backbones.stored import (
    OddFile,
    StoredLayer,
    has,
    keras3_layers,
    legacy_layers,
    member,
)
from training.errors import WeightsUnavailable

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)

# Without an answer for this long, a download is given up.
DOWNLOAD_TIMEOUT_SECONDS = 15

# A layer of the model: its name, and its variables in Keras' order.
Layer = tuple[str, list[Any]]


def keras_models_folder() -> Path:
    """Where Keras keeps downloaded weights: KERAS_HOME counts."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"


def load_imagenet_weights(
    build: Callable[[str | None], "keras.Model"], title: str, weights_file: str
) -> "keras.Model":
    """What `build` makes, with ImageNet weights from Keras' folder, or else downloaded into it.

    Keras looks there too, but not in a folder it may not write to, and it deletes a file whose
    hash it does not know when the download fails. So what is there and fits is taken as it is.
    Raises WeightsUnavailable.
    """
    present = keras_models_folder() / weights_file
    if present.is_file():
        model = build(None)
        try:
            load_weights_file(model, present, title)
        except WeightsUnavailable as error:  # half a download, perhaps: Keras fetches it again
            logger.warning("%s", error)
        else:
            return model
    try:
        with _impatient():
            return build("imagenet")
    except Exception as error:
        # Keras wraps a failed download in a bare Exception and a damaged file in OSError.
        raise WeightsUnavailable(
            "download",
            backbone=title,
            file=weights_file,
            folder=keras_models_folder(),
            problem=_first_line(error),
        ) from error


def load_weights_file(model: "keras.Model", path: Path, title: str) -> None:
    """`model` with the weights in `path`: `.h5` of any Keras, whole model or weights, or `.weights.h5`.

    Raises WeightsUnavailable, which names the first layer that differs.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            for (_, variables), stored in _matched(model, file):
                for variable, values in zip(variables, stored.read(), strict=True):
                    if not np.isfinite(values).all():
                        raise OddFile(f"has weights that are not finite numbers in {stored.name}")
                    variable.assign(values)
    except OddFile as error:
        problem = str(error) if str(error).startswith("expected") else f"the file {error}"
    except Exception as error:  # h5py's own are of many types
        problem = _first_line(error)
    else:
        return
    raise WeightsUnavailable("misfit", backbone=title, path=path, problem=problem)


def _matched(model: "keras.Model", file: h5py.File) -> list[tuple[Layer, StoredLayer]]:
    """Each layer of the model with what the file has for it. Raises OddFile."""
    if has(file, "layers"):
        by_path = dict(_by_path(model, "layers"))
        expected = list(by_path.values())
        stored = keras3_layers(file, list(by_path))
    else:
        expected = [(layer.name, _variables(layer)) for layer in model.layers if layer.weights]
        stored = legacy_layers(
            member(file, "model_weights") if has(file, "model_weights") else file
        )
    for wanted, given in zip_longest(expected, stored):
        if wanted is None or given is None or _shapes(wanted[1]) != given.shapes:
            raise OddFile(_difference(wanted, given))
    return list(zip(expected, stored, strict=True))


def _by_path(model: "keras.Model", above: str) -> Iterator[tuple[str, Layer]]:
    """Where Keras 3 stores each layer's weights: by its type, and its number among those alike."""
    from keras.src.utils.naming import to_snake_case

    num_alike: dict[str, int] = {}
    for layer in model.layers:
        kind = to_snake_case(type(layer).__name__)
        number = num_alike[kind] = num_alike.get(kind, -1) + 1
        path = f"{above}/{kind}_{number}" if number else f"{above}/{kind}"
        if hasattr(layer, "layers"):
            yield from _by_path(layer, f"{path}/layers")
        elif layer.weights:
            yield path, (layer.name, _variables(layer))


def _variables(layer: "keras.layers.Layer") -> list[Any]:
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _shapes(variables: list[Any]) -> list[tuple[int, ...]]:
    return [tuple(variable.shape) for variable in variables]


def _difference(wanted: Layer | None, given: StoredLayer | None) -> str:
    has_what = f"has {given.name} with {_sizes(given.shapes)}" if given else "ends before it"
    if wanted is None:
        return f"expected no more layers, the file {has_what}"
    name, variables = wanted
    return f"expected layer {name} with {_sizes(_shapes(variables))}, the file {has_what}"


def _sizes(shapes: list[tuple[int, ...]]) -> str:
    """ "7x7x3x64 and 64" """
    return " and ".join("x".join(map(str, shape)) or "1" for shape in shapes) or "no weights"


@contextmanager
def _impatient() -> Iterator[None]:
    """A network that swallows packets is no network: Keras' download itself waits for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300]
