"""The copy of a model that trains: in the fastest precision, with the layers frozen that shall be."""

from collections.abc import Collection, Iterator

import keras
import numpy as np

BATCH_NORM_MOMENTUM = 0.9


def scratch_twin(model: keras.Model, policy: str) -> keras.Model:
    """A copy of `model` that computes in `policy` and keeps its weights in float32.

    Its batch normalisation forgets faster, and its residual blocks start as the identity.
    """
    twin = _copy(model, policy)
    for layer in all_layers(twin):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = min(layer.momentum, BATCH_NORM_MOMENTUM)
    _start_blocks_as_identity(twin)
    return twin


def fine_tune_twin(
    model: keras.Model, policy: str, learning: Collection[str] | None
) -> keras.Model:
    """A copy of `model` of which the layers named in `learning` learn; None: all.

    Batch normalisation is frozen whole, as Keras' guide to transfer learning has it: in inference
    mode with the statistics of millions of pictures, which a few hundred in small batches would
    spoil, and with the scale and offset that were learned for these. The convolution before can
    scale and the one after can shift as well. What is frozen computes as it does when it is served:
    nothing is dropped there.
    """
    names = {layer.name for layer in model.layers} if learning is None else set(learning)
    twin = _copy(model, policy, learning=names)
    for layer in twin.layers:
        layer.trainable = layer.name in names
    for layer in all_layers(twin):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    return twin


def all_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of a model and of the models in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from all_layers(layer)
        else:
            yield layer


def _copy(model: keras.Model, policy: str, learning: Collection[str] | None = None) -> keras.Model:
    logits_layers = set(model.output_names)
    dropping = (keras.layers.Dropout, keras.layers.SpatialDropout2D)

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if not isinstance(layer, keras.layers.Layer):  # a bare operation, such as `x + y`
            return type(layer).from_config(config)
        config["dtype"] = "float32" if layer.name in logits_layers else policy
        if learning is not None and layer.name not in learning and isinstance(layer, dropping):
            config["rate"] = 0.0
        return type(layer).from_config(config)

    twin = keras.models.clone_model(model, clone_function=copy, recursive=True)
    twin.set_weights(model.get_weights())
    return twin


def _start_blocks_as_identity(model: keras.Model) -> None:
    """`model` with each residual branch multiplied by 0 at first (Goyal et al., arXiv:1706.02677).

    The network is as shallow as its shortcuts then and grows as it learns, which bears a learning
    rate many times higher. Of the two inputs of an addition, the longer one is the branch.
    """
    for layer in all_layers(model):
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
