"""Backbones: the pretrained network below the head. RGB 0-255 in, the last feature map out.

What each architecture was pretrained to see (BGR means, -1 to 1) is done by standard layers in
front of it, so that the saved model loads anywhere and takes ordinary pictures.
"""

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.errors import WeightsUnavailable

logger = logging.getLogger(__name__)

# Without an answer for this long, a download is given up.
DOWNLOAD_TIMEOUT_SECONDS = 15
# The means of ImageNet that ResNet50's published weights expect subtracted (Caffe's, in RGB order).
CAFFE_MEANS_RGB = (123.68, 116.779, 103.939)


@dataclass(frozen=True)
class Backbone:
    """One line of the table below.

    `weights_file`: the name that keras.applications gives its ImageNet weights without top.
    `first_convolution`: where the weights expect BGR; its input channels are flipped after loading.
    """

    title: str
    build: Callable[..., keras.Model]
    scaling: Callable[[], keras.layers.Layer]
    weights_file: str
    first_convolution: str | None = None


BACKBONES: dict[str, Backbone] = {
    "resnet50": Backbone(
        title="ResNet50",
        build=keras.applications.ResNet50,
        scaling=lambda: keras.layers.Normalization(
            mean=CAFFE_MEANS_RGB, variance=(1.0, 1.0, 1.0), name="scaling"
        ),
        weights_file="resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        first_convolution="conv1_conv",
    ),
    "mobilenet_v2": Backbone(
        title="MobileNetV2",
        build=keras.applications.MobileNetV2,
        scaling=lambda: keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scaling"),
        weights_file="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    ),
}


def build_backbone(name: str, image_size: int, weights: str) -> keras.Model:
    """A Keras model from float32 RGB 0-255 `[N, S, S, 3]` to a feature map float32 `[N, h, w, D]`.

    `weights`: `imagenet`, `none` (random), or a path. Raises WeightsUnavailable.
    """
    backbone = BACKBONES[name]
    if weights not in ("imagenet", "none") and not Path(weights).is_file():
        raise WeightsUnavailable("no_file", path=weights)
    scaled = backbone.scaling()(keras.Input((image_size, image_size, 3), name="picture"))

    def build(source: str | None) -> keras.Model:
        return backbone.build(include_top=False, weights=source, input_tensor=scaled)

    if weights == "none":
        return build(None)
    if weights == "imagenet":
        model = _with_imagenet_weights(backbone, build)
    else:
        model = build(None)
        _load_weights_file(backbone, model, Path(weights))
    if backbone.first_convolution:
        _flip_input_channels(model.get_layer(backbone.first_convolution))
    return model


def keras_models_folder() -> Path:
    """Where Keras keeps downloaded weights: KERAS_HOME counts."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"


def _with_imagenet_weights(
    backbone: Backbone, build: Callable[[str | None], keras.Model]
) -> keras.Model:
    """ImageNet weights from Keras' folder, or else downloaded into it.

    Keras looks there too, but not in a folder it may not write to, and it deletes a file whose
    hash it does not know when the download fails. So what is there and fits is taken as it is.
    """
    present = keras_models_folder() / backbone.weights_file
    if present.is_file():
        model = build(None)
        try:
            _load_weights_file(backbone, model, present)
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
            backbone=backbone.title,
            file=backbone.weights_file,
            folder=keras_models_folder(),
            problem=_first_line(error),
        ) from error


@contextmanager
def _impatient() -> Iterator[None]:
    """A network that swallows packets is no network: Keras' download itself waits for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _load_weights_file(backbone: Backbone, model: keras.Model, path: Path) -> None:
    try:
        model.load_weights(path)
        if not all(np.isfinite(weight).all() for weight in model.get_weights()):
            raise ValueError("weights that are not finite numbers")
    except Exception as error:  # ValueError for other shapes, OSError or KeyError for other files
        raise WeightsUnavailable(
            "misfit", backbone=backbone.title, path=path, problem=_first_line(error)
        ) from error


def _flip_input_channels(convolution: Any) -> None:
    """A kernel `[h, w, 3, filters]` learned on BGR, made to take RGB: exactly equal, no extra layer."""
    kernel, *others = convolution.get_weights()
    convolution.set_weights([kernel[:, :, ::-1, :], *others])


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300]
