"""The engine for processors: OpenVINO, in int8 or bf16 where that is safe and the processor has it."""

import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from classifier.bundle import (
    INT8_GRAPH,
    INT8_WEIGHTS,
    SERVING_GRAPH,
    SERVING_WEIGHTS,
    Bundle,
    Precision,
)
from classifier.engines.base import OUTPUT_NAMES, Outputs, RealDevice
from classifier.engines.batch_sizes import best_size, measure_sizes
from classifier.engines.checks import check_answers, noise
from classifier.engines.hardware import has_int8, instructions_key, num_cores
from classifier.engines.kept import Keeper, Kept
from classifier.engines.openvino_graphs import head_kernel, read_graph
from classifier.errors import BundleCorrupt

logger = logging.getLogger(__name__)

BATCH_SIZES = (1, 2, 4, 8, 16, 32)
# Batches of the best size are tried out before those of one: memory that is taken at once is not
# taken in ever larger pieces, which left up to twice as much behind. Not where it takes long.
LONGEST_WARMING_SECONDS = 0.1
# What is left unquantized in an int8 graph stays exact, so that it answers alike on all processors.
_HINTS = {"fp32": ov.Type.f32, "bf16": ov.Type.bf16, "int8": ov.Type.f32}


def has_bf16() -> bool:
    """Whether this processor multiplies in bfloat16 natively (AVX512_BF16 or AMX)."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def compile_graph(graph: ov.Model | Path, precision: Precision) -> ov.CompiledModel:
    """A graph ready to run on this processor; for `int8` one that is quantized.

    The latency hint: one stream that uses all cores. It was twice as fast as the throughput hint
    at every batch size, and a lone picture waits for nobody.
    """
    return ov.Core().compile_model(graph, "CPU", _properties(precision))


def _properties(precision: Precision) -> dict[str, Any]:
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "CACHE_MODE": "OPTIMIZE_SIZE",  # what is exported leaves the weights where they are
    }


class OpenVinoEngine:
    """See `base.Engine`."""

    device: RealDevice = "cpu"

    def __init__(
        self, bundle: Bundle, *, precision: Precision | None = None, cache_dir: Path | None = None
    ) -> None:
        self.bundle = bundle
        self.precision: Precision = _first_possible(
            (precision,) if precision else bundle.manifest.precisions, bundle
        )
        is_int8 = self.precision == "int8"
        self._weights = bundle.path / (INT8_WEIGHTS if is_int8 else SERVING_WEIGHTS)
        graph = read_graph(bundle, INT8_GRAPH if is_int8 else SERVING_GRAPH)
        self.head_kernel: NDArray[np.float32] = head_kernel(bundle, graph)
        self._batch_size: int | None = None
        try:
            # Once as they lie on disk, mapped into memory, and once as the processor wants them.
            self.num_bytes = 2 * self._weights.stat().st_size
            self._load(graph, cache_dir)
        except (RuntimeError, OSError) as error:
            raise BundleCorrupt("graph_unreadable", path=bundle.path, problem=error) from error

    @property
    def batch_size(self) -> int:
        if self._batch_size is None:
            self._batch_size = best_size(self._measured())
        return self._batch_size

    def run(self, pictures: NDArray[np.uint8]) -> Outputs:
        self._request.infer([pictures])
        # The request's memory is reused by the next batch, what is returned must not be.
        return Outputs(*(self._request.get_tensor(name).data.copy() for name in OUTPUT_NAMES))

    def _load(self, graph: ov.Model, cache_dir: Path | None) -> None:
        keeper: Keeper | None = None
        if cache_dir:
            keeper = Keeper(cache_dir, self.bundle, self._circumstances(), BATCH_SIZES)
        kept = keeper.read() if keeper else None
        imported = self._import_graph(kept.graph) if kept and kept.graph else None
        self._compiled = imported or compile_graph(graph, self.precision)
        self._request = self._compiled.create_infer_request()
        if keeper:
            rates = kept.pictures_per_second if kept else self._measured()
            self._batch_size = best_size(rates)
            if not imported:
                keeper.write(Kept(self._export_graph(), rates))
            if self._batch_size / rates[self._batch_size] <= LONGEST_WARMING_SECONDS:
                self._try_out(self._batch_size)
        self._try_out(1)

    def _circumstances(self) -> dict[str, object]:
        core = ov.Core()
        return {
            "precision": self.precision,
            "openvino": ov.get_version(),
            "processor": core.get_property("CPU", "FULL_DEVICE_NAME"),
            "capabilities": sorted(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")),
            "instructions": instructions_key(),
            "num_cores": num_cores(),
        }

    def _import_graph(self, exported: bytes) -> ov.CompiledModel | None:
        properties = {**_properties(self.precision), "WEIGHTS_PATH": str(self._weights)}
        try:
            return ov.Core().import_model(io.BytesIO(exported), "CPU", properties)
        except RuntimeError as error:
            logger.warning("The compiled graph kept for %s: %s", self.bundle.path, error)
            return None

    def _export_graph(self) -> bytes | None:
        try:
            return bytes(self._compiled.export_model().getvalue())
        except RuntimeError as error:
            logger.warning("The compiled graph of %s cannot be kept: %s", self.bundle.path, error)
            return None

    def _measured(self) -> dict[int, float]:
        pictures = noise(self.bundle, BATCH_SIZES[-1])
        rates = measure_sizes(lambda size: self._request.infer([pictures[:size]]), BATCH_SIZES)
        self._compiled.release_memory()  # what the largest batch took
        return rates

    def _try_out(self, num_pictures: int) -> None:
        """Answer noise, and raise BundleCorrupt for answers that are not finite.

        The kernels for batches of that many are compiled by it, which takes 50 ms or more.
        """
        check_answers(self.bundle, self.run(noise(self.bundle, num_pictures)))


def _first_possible(wanted: Sequence[Precision], bundle: Bundle) -> Precision:
    for precision in wanted:
        if precision == "bf16" and has_bf16():
            return precision
        if precision == "int8" and INT8_GRAPH in bundle.manifest.files and has_int8():
            return precision
    return "fp32"
