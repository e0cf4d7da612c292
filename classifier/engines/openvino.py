"""The engine for processors: OpenVINO, which computes in bf16 where the processor has it."""

from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from classifier.bundle import SERVING_GRAPH, Bundle, Precision
from classifier.engines.base import Outputs
from classifier.errors import BundleCorrupt, BundleIncompatible

OUTPUT_NAMES = ("logits", "embedding", "feature_map")
_HINTS = {"fp32": ov.Type.f32, "bf16": ov.Type.bf16}


def has_bf16() -> bool:
    """Whether this processor multiplies in bfloat16 natively (AVX512_BF16 or AMX)."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def compile_graph(graph: ov.Model | Path, precision: Precision) -> ov.CompiledModel:
    """A graph ready to run on this processor.

    The latency hint: one stream that uses all cores. It was twice as fast as the throughput hint
    at every batch size, and a lone picture waits for nobody.
    """
    return ov.Core().compile_model(
        graph,
        "CPU",
        {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": _HINTS[precision]},
    )


class OpenVinoEngine:
    """See `base.Engine`."""

    def __init__(self, bundle: Bundle, *, precision: Precision | None = None) -> None:
        self.bundle = bundle
        wanted = precision or bundle.manifest.precision
        self.precision: Precision = wanted if wanted == "fp32" or has_bf16() else "fp32"
        try:
            compiled = compile_graph(bundle.path / SERVING_GRAPH, self.precision)
        except RuntimeError as error:
            raise BundleCorrupt("graph_unreadable", path=bundle.path, problem=error) from error
        self._check(compiled)
        self._request = compiled.create_infer_request()

    def run(self, pictures: NDArray[np.uint8]) -> Outputs:
        self._request.infer([pictures])
        # The request's memory is reused by the next batch, what is returned must not be.
        return Outputs(*(self._request.get_tensor(name).data.copy() for name in OUTPUT_NAMES))

    def _check(self, compiled: ov.CompiledModel) -> None:
        path, manifest = self.bundle.path, self.bundle.manifest
        names = {name for output in compiled.outputs for name in output.get_names()}
        if not names.issuperset(OUTPUT_NAMES):
            problem = f"expected the outputs {', '.join(OUTPUT_NAMES)}, received {sorted(names)}"
            raise BundleCorrupt("graph_unreadable", path=path, problem=problem)
        entry = compiled.input(0)
        shape = (manifest.image_size, manifest.image_size, 3)
        received = tuple(d.get_length() if d.is_static else -1 for d in entry.partial_shape)
        if entry.element_type != ov.Type.u8 or received[1:] != shape:
            raise BundleIncompatible(
                "input_shape",
                path=path,
                image_size=manifest.image_size,
                received=f"{entry.element_type.to_string()} {list(received)}",
            )
        num_outputs = compiled.output("logits").partial_shape[1].get_length()
        if num_outputs != len(manifest.class_names):
            raise BundleIncompatible(
                "label_count",
                path=path,
                num_classes=len(manifest.class_names),
                num_outputs=num_outputs,
            )
