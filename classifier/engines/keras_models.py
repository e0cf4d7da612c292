"""A bundle's Keras model, read and checked, with the three outputs that an engine gives."""

import keras

from classifier.bundle import KERAS_MODEL, Bundle, Precision
from classifier.engines.checks import check_label_count, check_weights
from classifier.errors import BundleCorrupt

_FLOAT32_NAMES = frozenset({"embedding", "logits"})


def read_model(bundle: Bundle, precision: Precision) -> keras.Model:
    """RGB 0-255 `[N, S, S, 3]` to a dict of `logits`, `embedding` and `feature_map`.

    `precision`: fp32 or bf16. Raises BundleCorrupt or BundleIncompatible.
    """
    try:
        saved = keras.models.load_model(bundle.path / KERAS_MODEL, compile=False, safe_mode=True)
        model = _three_outputs(saved if precision == "fp32" else _in_bf16(saved))
        kernel_shape = model.get_layer("logits").kernel.shape
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BundleCorrupt("model_unreadable", path=bundle.path, problem=error) from error
    image_size = bundle.manifest.image_size
    received = tuple(model.inputs[0].shape)
    if received[1:] != (image_size, image_size, 3):
        problem = f"expected pictures of {image_size} x {image_size} pixels, received {received}"
        raise BundleCorrupt("model_unreadable", path=bundle.path, problem=problem)
    check_label_count(bundle, kernel_shape[1])
    weights = ((each.path, keras.ops.convert_to_numpy(each)) for each in model.weights)
    check_weights(bundle, weights)
    return model


def _three_outputs(model: keras.Model) -> keras.Model:
    embedding, logits = model.get_layer("embedding"), model.get_layer("logits")
    outputs = {
        "logits": logits.output,
        "embedding": embedding.output,
        "feature_map": embedding.input,
    }
    return keras.Model(model.inputs[0], outputs)


def _in_bf16(model: keras.Model) -> keras.Model:
    """A copy that multiplies in bfloat16. What prepares the pictures and the head stay in float32."""

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if isinstance(layer, keras.layers.Layer):  # not a bare operation, such as `x + y`
            is_exact = layer.name in _FLOAT32_NAMES or isinstance(
                layer, keras.layers.Normalization | keras.layers.Rescaling
            )
            config["dtype"] = "float32" if is_exact else "mixed_bfloat16"
        return type(layer).from_config(config)

    twin = keras.models.clone_model(model, clone_function=copy, recursive=True)
    twin.set_weights(model.get_weights())
    return twin
