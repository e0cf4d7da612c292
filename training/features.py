"""The frozen backbone's answers: computed once for each picture and view, by the fast engine."""

from collections.abc import Callable, Sequence

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from classifier.bundle import Precision
from classifier.engines.openvino import compile_graph

BATCH_SIZE = 32
VIEWS = ("plain", "mirrored")


def compute_features(
    graph: ov.Model,
    array: NDArray[np.uint8],
    rows: NDArray[np.int64],
    *,
    precision: Precision,
    views: Sequence[str] = ("plain",),
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> NDArray[np.float32]:
    """Embeddings float32 `[V, N, D]`: for each view, one for each row of the array of pictures.

    `graph`: uint8 `[N, S, S, 3]` in, an output called `embedding`.
    """
    request = compile_graph(graph, precision).create_infer_request()
    num_batches = max(1, -(-len(rows) // BATCH_SIZE)) * len(views)
    by_view: list[NDArray[np.float32]] = []
    for view in views:
        batches = []
        for start in range(0, len(rows), BATCH_SIZE):
            pictures = array[rows[start : start + BATCH_SIZE]]
            if view == "mirrored":
                pictures = np.ascontiguousarray(pictures[:, :, ::-1, :])
            request.infer([pictures])
            batches.append(request.get_tensor("embedding").data.copy())
            on_progress((len(by_view) * num_batches / len(views) + len(batches)) / num_batches)
        by_view.append(np.concatenate(batches))
    return np.stack(by_view)
