"""What tells one backbone from another: keys under which features and graphs are kept.

Importing this module imports no Keras.
"""

import hashlib
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.bundle import file_sha256
from training.backbones.pretrained import keras_models_folder
from training.backbones.table import BACKBONES

if TYPE_CHECKING:
    import keras

# To be raised when `build_backbone` makes something else of the same file.
BUILD_VERSION = 1
# Who computes what comes out, and so may change it.
LIBRARIES = ("keras", "openvino", "tensorflow")


def fingerprint(model: "keras.Model") -> str:
    """SHA-256 (hex) over architecture and weights, the same in every process.

    The names of layers do not count: Keras numbers those that have none, from the first that the
    process has made.
    """
    digest = hashlib.sha256(_canonical(_without_names(model.get_config())).encode())
    for weight in model.weights:
        values = np.ascontiguousarray(weight.numpy() if hasattr(weight, "numpy") else weight)
        digest.update(f"{values.dtype} {values.shape}".encode())
        digest.update(values.data)
    return digest.hexdigest()


def source_fingerprint(name: str, image_size: int, weights: str, seed: int) -> str | None:
    """SHA-256 (hex) of what `build_backbone(name, image_size, weights)` is made from.

    None where that is not known without a download, or there is no such file. Where equal, so is
    the model's `fingerprint`, but it takes a tenth of a second and no Keras. `seed`: what
    `keras.utils.set_random_seed` was called with; counts for random weights only. Ask again after
    a download.
    """
    source: dict[str, Any] = {"name": name, "image_size": image_size, "build": BUILD_VERSION}
    source |= {library: version(library) for library in LIBRARIES}
    if weights == "none":
        source |= {"seed": seed, "backend": _keras_backend()}
    else:
        published = keras_models_folder() / BACKBONES[name].weights_file
        try:
            source["weights"] = file_sha256(published if weights == "imagenet" else Path(weights))
        except (OSError, ValueError):
            return None
    return hashlib.sha256(_canonical(source).encode()).hexdigest()


def _keras_backend() -> str:
    """The backend that Keras has or will have: each draws other random weights from a seed."""
    if "keras" in sys.modules:
        return str(sys.modules["keras"].backend.backend())
    if given := os.environ.get("KERAS_BACKEND"):
        return given
    try:
        settings = json.loads((keras_models_folder().parent / "keras.json").read_text())
        return str(settings["backend"])
    except (OSError, ValueError, TypeError, KeyError):
        return "tensorflow"


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def _without_names(config: dict[str, Any]) -> Any:
    """A model's configuration without what does not change its answers: what its layers are called
    (each name becomes its number) and which of them are to be trained.
    """
    numbers: dict[str, str] = {}

    def number_of(value: Any) -> Any:
        return numbers.setdefault(value, f"#{len(numbers)}") if isinstance(value, str) else value

    def plain(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {
                each: plain(below, each) for each, below in value.items() if each != "trainable"
            }
        if isinstance(value, list | tuple):
            return [plain(below, key) for below in value]
        is_name = key in ("name", "keras_history", "input_layers", "output_layers")
        return number_of(value) if is_name else value

    return plain(config)
