"""ONNX files, by tf2onnx, which needs three things done for it.

Keras' own export to ONNX goes through tf2onnx too, and makes inputs of the constants in Normalization.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

OPSET = 17  # of 2022: what runs ONNX anywhere knows it


def write_onnx(function: Any, target: Path) -> None:
    """Write a traced TensorFlow function from one tensor to one: `picture` to `probabilities`.

    Any number of pictures at once. Raises OSError.
    """
    import onnx
    import tf2onnx  # type: ignore[import-untyped]
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    [entry], [answer] = frozen.inputs, frozen.outputs
    model, _ = tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(),
        name="ocellus",
        input_names=[entry.name],
        output_names=[answer.name],
        tensors_to_rename={entry.name: "picture", answer.name: "probabilities"},
        opset=OPSET,
        custom_op_handlers={"Erfc": (_erfc, [])},
    )
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    _keep_zeros_before_max_pooling(model.graph)
    onnx.save(model, target)


def _erfc(context: Any, node: Any, name: str, args: Any) -> None:
    """1 - erf(x): what ConvNeXt's GELU is made of, and tf2onnx does not know."""
    shapes, dtypes = node.output_shapes, node.output_dtypes
    context.remove_node(node.name)
    one = context.make_const(f"{name}/one", np.ones((), np.float32))
    erf = context.make_node("Erf", [node.input[0]], shapes=shapes, dtypes=dtypes)
    context.make_node(
        "Sub",
        [one.output[0], erf.output[0]],
        name=name,
        outputs=node.output,
        shapes=shapes,
        dtypes=dtypes,
    )


def _keep_zeros_before_max_pooling(graph: "onnx.GraphProto") -> None:
    """Put max(x, lowest number), which changes nothing, between a Pad and a MaxPool.

    onnxruntime 1.31 merges the two, whereupon the margin of zeros becomes one of minus infinity, and
    ResNet50V2, which pools numbers below zero, answers otherwise.
    """
    from onnx import helper, numpy_helper

    padded = {node.output[0] for node in graph.node if node.op_type == "Pad"}
    lowest = numpy_helper.from_array(np.array(np.finfo(np.float32).min, np.float32), "lowest")
    pools = [each for each in enumerate(graph.node) if each[1].op_type == "MaxPool"]
    for number, node in reversed(pools):
        if node.input[0] in padded:
            kept = f"{node.input[0]}/kept"
            between = helper.make_node("Max", [node.input[0], lowest.name], [kept], name=kept)
            node.input[0] = kept
            graph.node.insert(number, between)
            if lowest not in graph.initializer:
                graph.initializer.append(lowest)
