"""From a Keras backbone and a head to what a bundle holds: `model.h5` and the serving graph."""

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

from classifier.bundle import KERAS_MODEL, SERVING_GRAPH
from classifier.engines.openvino import compile_graph
from training.errors import ExportRefused
from training.heads import LinearHead

# fp32 sums in another order: logits of a deep network differ in the fourth digit, not more.
MAX_RELATIVE_DIFFERENCE = 1e-2
NUM_PROVED = 4


def backbone_graph(backbone: keras.Model) -> ov.Model:
    """The backbone as an OpenVINO graph in fp32.

    uint8 RGB `[N, S, S, 3]` in; outputs `embedding` float32 `[N, D]` (the mean over the feature
    map) and `feature_map` float32 `[N, h, w, D]`.
    """
    feature_map = backbone.output
    outputs = {
        "embedding": keras.layers.GlobalAveragePooling2D()(feature_map),
        "feature_map": feature_map,
    }
    with tempfile.TemporaryDirectory() as folder, _without_chatter():
        path = Path(folder) / "backbone.xml"
        keras.Model(backbone.inputs[0], outputs).export(str(path), format="openvino", verbose=False)
        core = ov.Core()
        core.set_property({"ENABLE_MMAP": False})  # the folder goes away, the weights must not
        graph = core.read_model(path)
    steps = ov.preprocess.PrePostProcessor(graph)
    steps.input().tensor().set_element_type(ov.Type.u8)
    return steps.build()


def serving_graph(graph: ov.Model, head: LinearHead) -> ov.Model:
    """The backbone's graph with a third output: `logits` float32 `[N, C]`."""
    graph = graph.clone()
    embedding = graph.output("embedding").get_node().input_value(0)
    product = ops.matmul(embedding, ops.constant(head.kernel), False, False)
    logits = ops.add(product, ops.constant(head.bias[None, :]))
    result = ops.result(logits)
    logits.output(0).get_tensor().set_names({"logits"})
    graph.add_results([result])
    return graph


def keras_model(backbone: keras.Model, head: LinearHead, temperature: float) -> keras.Model:
    """The whole as one ordinary Keras model: RGB 0-255 `[N, S, S, 3]` in, probabilities `[N, C]` out.

    The temperature is a Rescaling layer, so that whoever loads the file gets the very
    probabilities that Ocellus shows.
    """
    embedding = keras.layers.GlobalAveragePooling2D(name="embedding")(backbone.output)
    dense = keras.layers.Dense(head.bias.shape[0], name="logits")
    scaled = keras.layers.Rescaling(1 / temperature, name="temperature")(dense(embedding))
    dense.set_weights([head.kernel, head.bias])
    shares = keras.layers.Softmax(name="probabilities")(scaled)
    return keras.Model(backbone.inputs[0], shares, name="ocellus")


def write_models(
    folder: Path, model: keras.Model, graph: ov.Model, proof: NDArray[np.uint8]
) -> float:
    """Save both forms into `folder`, once they are seen to answer alike.

    `proof`: pictures uint8 `[N, S, S, 3]`. Returns the largest difference of logits relative to the
    largest logit; raises ExportRefused when it is too large or when a logit is not finite.
    """
    difference = _largest_difference(model, graph, proof[:NUM_PROVED])
    if not difference <= MAX_RELATIVE_DIFFERENCE:  # written so that NaN is refused
        raise ExportRefused("differs", difference=difference)
    with _without_chatter():
        model.save(folder / KERAS_MODEL)
    ov.save_model(graph, folder / SERVING_GRAPH, compress_to_fp16=False)
    return difference


def _largest_difference(model: keras.Model, graph: ov.Model, pictures: NDArray[np.uint8]) -> float:
    logits_model = keras.Model(model.inputs[0], model.get_layer("logits").output)
    expected = keras.ops.convert_to_numpy(logits_model(pictures.astype("float32"), training=False))
    request = compile_graph(graph, "fp32").create_infer_request()
    request.infer([pictures])
    received = request.get_tensor("logits").data
    return float(np.abs(expected - received).max() / max(1.0, float(np.abs(expected).max())))


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Silences warnings about the tracer's own internals and about HDF5 being a legacy format:
    ours, and Keras' own through absl's logger."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
