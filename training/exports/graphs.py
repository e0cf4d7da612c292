"""From a Keras backbone to its OpenVINO graph, and with a head to the Keras model that a bundle holds."""

import keras
import openvino as ov

from classifier.decide import Head
from training.exports.conversion import to_openvino
from training.head.linear import LinearHead


def backbone_graph(backbone: keras.Model) -> ov.Model:
    """The backbone as an OpenVINO graph in fp32.

    uint8 RGB `[N, S, S, 3]` in; outputs `embedding` float32 `[N, D]` (the mean over the feature
    map) and `feature_map` float32 `[N, h, w, D]`. Raises ExportRefused.
    """
    feature_map = backbone.output
    outputs = {
        "embedding": keras.layers.GlobalAveragePooling2D(name="embedding")(feature_map),
        "feature_map": feature_map,
    }
    graph = to_openvino(keras.Model(backbone.inputs[0], outputs))
    steps = ov.preprocess.PrePostProcessor(graph)
    steps.input().tensor().set_element_type(ov.Type.u8)
    return steps.build()


def keras_model(
    backbone: keras.Model, head: LinearHead, temperature: float, kind: Head = "softmax"
) -> keras.Model:
    """The whole as one ordinary Keras model: RGB 0-255 `[N, S, S, 3]` in, probabilities `[N, C]` out.

    The temperature is a Rescaling layer, so that whoever loads the file gets the very
    probabilities that Ocellus shows.
    """
    embedding = keras.layers.GlobalAveragePooling2D(name="embedding")(backbone.output)
    dense = keras.layers.Dense(head.bias.shape[0], name="logits")
    scaled = keras.layers.Rescaling(1 / temperature, name="temperature")(dense(embedding))
    dense.set_weights([head.kernel, head.bias])
    shares = keras.layers.Activation(kind, name="probabilities")(scaled)
    return keras.Model(backbone.inputs[0], shares, name="ocellus")
