"""Backbones: the pretrained network below the head. RGB 0-255 in, the last feature map out.

What each architecture was pretrained to see (BGR means, -1 to 1) is done by standard layers in
front of it, so that the saved model loads anywhere and takes ordinary pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.backbones.convnext import with_standard_layers
from training.backbones.pretrained import load_imagenet_weights, load_weights_file
from training.errors import WeightsUnavailable

if TYPE_CHECKING:
    import keras

# The means of ImageNet that ResNet50's published weights expect subtracted (Caffe's, in RGB order).
CAFFE_MEANS_RGB = (123.68, 116.779, 103.939)


@dataclass(frozen=True)
class Backbone:
    """One line of the table below.

    `weights_file`: the name that keras.applications gives its ImageNet weights without top.
    `last_stage`: what the names of the layers begin with where the last stage begins.
    `scaling`: the layer between the picture and the network; None where the network has its own.
    `first_convolution`: where the weights expect BGR; its input channels are flipped after loading.
    `has_odd_layers`: built of layers that no other Keras can load; see `training.backbones.convnext`.
    """

    title: str
    application: Callable[[], Callable[..., "keras.Model"]]
    weights_file: str
    last_stage: str
    scaling: Callable[[], "keras.layers.Layer"] | None = None
    first_convolution: str | None = None
    has_odd_layers: bool = False


def _keras() -> Any:
    """Keras takes seconds to import; who only asks for a title or a file's name does not pay."""
    import keras

    return keras


def _minus_one_to_one() -> "keras.layers.Layer":
    return _keras().layers.Rescaling(1 / 127.5, offset=-1.0, name="scaling")


def _without_caffe_means() -> "keras.layers.Layer":
    return _keras().layers.Normalization(
        mean=CAFFE_MEANS_RGB, variance=(1.0, 1.0, 1.0), name="scaling"
    )


BACKBONES: dict[str, Backbone] = {
    "resnet50": Backbone(
        title="ResNet50",
        application=lambda: _keras().applications.ResNet50,
        weights_file="resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        last_stage="conv5_",
        scaling=_without_caffe_means,
        first_convolution="conv1_conv",
    ),
    "resnet50_v2": Backbone(
        title="ResNet50V2",
        application=lambda: _keras().applications.ResNet50V2,
        weights_file="resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        last_stage="conv5_",
        scaling=_minus_one_to_one,
    ),
    "mobilenet_v2": Backbone(
        title="MobileNetV2",
        application=lambda: _keras().applications.MobileNetV2,
        weights_file="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        last_stage="block_13_",  # which halves the feature map for the last time
        scaling=_minus_one_to_one,
    ),
    "efficientnet_v2_b0": Backbone(
        title="EfficientNetV2-B0",
        application=lambda: _keras().applications.EfficientNetV2B0,
        weights_file="efficientnetv2-b0_notop.h5",
        last_stage="block6a_",
    ),
    "convnext_tiny": Backbone(
        title="ConvNeXt-Tiny",
        application=lambda: _keras().applications.ConvNeXtTiny,
        weights_file="convnext_tiny_notop.h5",
        last_stage="convnext_tiny_downsampling_block_2",
        has_odd_layers=True,
    ),
}


def build_backbone(name: str, image_size: int, weights: str) -> "keras.Model":
    """A Keras model from float32 RGB 0-255 `[N, S, S, 3]` to a feature map float32 `[N, h, w, D]`.

    `weights`: `imagenet`, `none` (random: call `keras.utils.set_random_seed` before, and they are
    the same in each process), or a path. Only standard layers, so that the model saves to H5 and
    loads anywhere. Raises WeightsUnavailable.
    """
    import keras

    backbone = BACKBONES[name]
    path = None if weights in ("imagenet", "none") else _existing(weights)
    picture = keras.Input((image_size, image_size, 3), name="picture")
    application = backbone.application()
    scaled = backbone.scaling()(picture) if backbone.scaling else picture

    def build(source: str | None) -> keras.Model:
        return application(include_top=False, weights=source, input_tensor=scaled)

    if weights == "imagenet":
        model = load_imagenet_weights(build, backbone.title, backbone.weights_file)
    else:
        model = build(None)
    if path:
        load_weights_file(model, path, backbone.title)
    if backbone.first_convolution and weights != "none":
        _flip_input_channels(model.get_layer(backbone.first_convolution))
    return with_standard_layers(model) if backbone.has_odd_layers else model


def top_stage_layers(model: "keras.Model", name: str) -> list["keras.layers.Layer"]:
    """The layers of `model` from the beginning of the last stage of backbone `name` to the end.

    The last stage is what works on the smallest feature map, 7 x 7 for pictures of 224. `model` may
    go on behind the backbone: what comes after it belongs to the top. Everything below the stage
    comes before it in `model.layers`, because there is one way into it only.
    """
    prefix = BACKBONES[name].last_stage
    for number, layer in enumerate(model.layers):
        if layer.name.startswith(prefix):
            return list(model.layers[number:])
    raise ValueError(
        f"Expected a model with the layers {prefix}* of {name}, received the layers "
        f"{model.layers[0].name} to {model.layers[-1].name}. Give the backbone's own name."
    )


def _existing(weights: str) -> Path:
    path = Path(weights)
    try:
        if path.is_file():
            return path
    except OSError:  # a name too long to be one
        pass
    raise WeightsUnavailable("no_file", path=weights)


def _flip_input_channels(convolution: Any) -> None:
    """A kernel `[h, w, 3, filters]` learned on BGR, made to take RGB: exactly equal, no extra layer."""
    kernel, *others = convolution.get_weights()
    convolution.set_weights([kernel[:, :, ::-1, :], *others])
