"""The graph that answers: a backbone's with a head. Imports no Keras."""

import openvino as ov
from openvino import opset13 as ops

from training.head.linear import LinearHead


def serving_graph(graph: ov.Model, head: LinearHead) -> ov.Model:
    """The backbone's graph with a third output: `logits` float32 `[N, C]`, of either kind of head."""
    graph = graph.clone()
    embedding = graph.output("embedding").get_node().input_value(0)
    product = ops.matmul(embedding, ops.constant(head.kernel), False, False)
    logits = ops.add(product, ops.constant(head.bias[None, :]))
    result = ops.result(logits)
    logits.output(0).get_tensor().set_names({"logits"})
    graph.add_results([result])
    return graph
