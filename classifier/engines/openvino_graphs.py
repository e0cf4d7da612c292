"""A bundle's serving graph, read and checked: does it fit the manifest, is each weight a number."""

from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from classifier.bundle import Bundle
from classifier.engines.base import OUTPUT_NAMES
from classifier.engines.checks import check_label_count, check_weights
from classifier.errors import BundleCorrupt, BundleIncompatible


def read_graph(bundle: Bundle, name: str) -> ov.Model:
    """The graph in the bundle's file `name`. Raises BundleCorrupt or BundleIncompatible."""
    graph = _read(bundle, bundle.path / name)
    _check_outputs(bundle, graph)
    _check_input(bundle, graph)
    check_label_count(bundle, graph.output("logits").partial_shape[1].get_length())
    constants = (node for node in graph.get_ops() if node.get_type_name() == "Constant")
    check_weights(bundle, ((node.get_friendly_name(), node.data) for node in constants))
    return graph


def head_kernel(bundle: Bundle, graph: ov.Model) -> NDArray[np.float32]:
    """The matrix `[D, C]` that the embedding is multiplied with; no precision changes the head.

    Raises BundleCorrupt.
    """
    node = _source(graph.output("logits").get_node(), 0)
    if node.get_type_name() == "Add":
        parts = (_source(node, 0), _source(node, 1))
        node = next((part for part in parts if part.get_type_name() == "MatMul"), node)
    kernel = np.empty((0, 0), np.float32)
    if node.get_type_name() == "MatMul" and _source(node, 1).get_type_name() == "Constant":
        kernel = np.array(_source(node, 1).data, np.float32)
        if node.get_attributes()["transpose_b"]:
            kernel = kernel.T
    num_features = graph.output("embedding").partial_shape[1].get_length()
    expected = (num_features, len(bundle.manifest.class_names))
    if kernel.shape != expected:
        problem = f"expected a head's kernel of {expected}, received {kernel.shape}"
        raise BundleCorrupt("graph_unreadable", path=bundle.path, problem=problem)
    return kernel


def _read(bundle: Bundle, path: Path) -> ov.Model:
    try:
        return ov.Core().read_model(path)
    except RuntimeError as error:
        raise BundleCorrupt("graph_unreadable", path=bundle.path, problem=error) from error


def _check_outputs(bundle: Bundle, graph: ov.Model) -> None:
    names = {name for output in graph.outputs for name in output.get_names()}
    if not names.issuperset(OUTPUT_NAMES):
        problem = f"expected the outputs {', '.join(OUTPUT_NAMES)}, received {sorted(names)}"
        raise BundleCorrupt("graph_unreadable", path=bundle.path, problem=problem)


def _check_input(bundle: Bundle, graph: ov.Model) -> None:
    image_size = bundle.manifest.image_size
    entry = graph.input(0)
    received = tuple(d.get_length() if d.is_static else -1 for d in entry.partial_shape)
    if entry.element_type != ov.Type.u8 or received[1:] != (image_size, image_size, 3):
        raise BundleIncompatible(
            "input_shape",
            path=bundle.path,
            image_size=image_size,
            received=f"{entry.element_type.to_string()} {list(received)}",
        )


def _source(node: ov.Node, index: int) -> ov.Node:
    return node.input_value(index).get_node()
