"""The serving graph in int8, written and proved. Imports no Keras, so that it is done while Keras loads."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from classifier.bundle import INT8_GRAPH
from classifier.engines.base import OUTPUT_NAMES
from classifier.engines.openvino import compile_graph
from training.backbones.guards import disk_errors, told_as

BATCH_SIZE = 32


def write_int8(
    folder: Path, graph: ov.Model, pictures: NDArray[np.uint8] | Iterable[NDArray[np.uint8]]
) -> None:
    """The serving graph in int8, in `folder`: loaded again it answers bit for bit as in memory.

    It is not measured beside the Keras model: how it answers, the choice of the precision has
    measured. Raises ExportRefused, and OSError when the disk is full.
    """
    path = folder / INT8_GRAPH
    with told_as("int8"):
        with disk_errors(path):
            ov.save_model(graph, path, compress_to_fp16=False)
        in_memory, loaded = (
            compile_graph(each, "int8").create_infer_request() for each in (graph, path)
        )
        for batch in in_batches(pictures):
            for request in (in_memory, loaded):
                request.infer([batch])
            for name in OUTPUT_NAMES:
                expected, received = (
                    request.get_tensor(name).data for request in (in_memory, loaded)
                )
                if not np.array_equal(expected, received):
                    raise ValueError(f"loaded again it has other {name}")


def in_batches(
    pictures: NDArray[np.uint8] | Iterable[NDArray[np.uint8]],
) -> Iterator[NDArray[np.uint8]]:
    """Pictures uint8 `[N, S, S, 3]` as batches; batches as they are."""
    if not isinstance(pictures, np.ndarray):
        yield from pictures
        return
    for start in range(0, len(pictures), BATCH_SIZE):
        yield pictures[start : start + BATCH_SIZE]
