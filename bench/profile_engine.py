"""python bench/profile_engine.py: why the engine is not faster, on this processor.

Times every layer of ResNet50 in the engine, and beside it how fast this processor multiplies plain
matrices that fit its caches, in the same library and the same precision. Where the network's share
of that is about 100 % or more, the arithmetic itself is the limit, and no better software helps.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, too

import statistics
import tempfile
import time
from collections import Counter
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from bench.machine import describe
from bench.random_bundle import IMAGE_SIZE, write_random_bundle
from bench.tables import parser, row, show
from classifier.bundle import SERVING_GRAPH, Precision
from classifier.engines.openvino import has_bf16

# Multiplications and additions of one picture: He et al., arXiv:1512.03385, table 1, for version 1.5
# of the blocks (the stride in the 1 x 1 convolution, as Keras has it): 3.86 billion of each.
GFLOP_PER_PICTURE = 2 * 3.86
SIDE, NUM_PRODUCTS = 1024, 16
BATCH_SIZE = 8
NUM_ROUNDS = 5


def main() -> None:
    arguments = parser(__doc__ or "").parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundle, _ = write_random_bundle(Path(folder) / "bundle")
        graph = ov.Core().read_model(bundle.path / SERVING_GRAPH)
        figures: dict[str, Any] = {"machine": describe()}
        precisions: tuple[Precision, ...] = ("fp32", "bf16") if has_bf16() else ("fp32",)
        for precision in precisions:
            figures[precision] = _profile(graph, precision)
    show(figures, _lines(figures, precisions), as_json=arguments.json)


def _profile(graph: ov.Model, precision: Precision) -> dict[str, Any]:
    rate, shares = _run(graph, precision)
    products = _products(precision)
    return {
        "pictures_per_second": round(rate, 1),
        "gflops": round(rate * GFLOP_PER_PICTURE),
        "products_gflops": round(products),
        "share_of_products": round(rate * GFLOP_PER_PICTURE / products, 2),
        "share_of_time": shares,
    }


def _run(graph: ov.Model, precision: Precision) -> tuple[float, dict[str, float]]:
    """Median pictures per second, and what share of the time each kind of layer takes."""
    request = _compiled(graph, precision).create_infer_request()
    shape = (BATCH_SIZE, IMAGE_SIZE, IMAGE_SIZE, 3)
    pictures = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    request.infer([pictures])
    seconds = []
    for _ in range(NUM_ROUNDS):
        started = time.perf_counter()
        request.infer([pictures])
        seconds.append(time.perf_counter() - started)
    times: Counter[str] = Counter()
    for layer in request.profiling_info:
        times[f"{layer.node_type} ({layer.exec_type})"] += layer.real_time.total_seconds()
    total = times.total()
    shares = {name: round(spent / total, 3) for name, spent in times.most_common(4)}
    return BATCH_SIZE / statistics.median(seconds), shares


def _products(precision: Precision) -> float:
    """GFLOP/s of a chain of matrix products."""
    generator = np.random.default_rng(0)
    matrix = ops.parameter([SIDE, SIDE], np.float32)
    product = matrix
    for _ in range(NUM_PRODUCTS):
        # Scaled so that the numbers neither grow nor vanish along the chain.
        factor = generator.normal(0, SIDE**-0.5, (SIDE, SIDE)).astype(np.float32)
        product = ops.matmul(product, ops.constant(factor), False, False)
    request = _compiled(ov.Model([product], [matrix]), precision).create_infer_request()
    request.infer([np.ones((SIDE, SIDE), np.float32)])
    seconds = []
    for _ in range(NUM_ROUNDS):
        started = time.perf_counter()
        request.infer([np.ones((SIDE, SIDE), np.float32)])
        seconds.append(time.perf_counter() - started)
    return 2 * NUM_PRODUCTS * SIDE**3 / min(seconds) / 1e9


def _compiled(graph: ov.Model, precision: Precision) -> ov.CompiledModel:
    hint = {"fp32": ov.Type.f32, "bf16": ov.Type.bf16}[precision]
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint, "PERF_COUNT": True}
    return ov.Core().compile_model(graph, "CPU", options)


def _lines(figures: dict[str, Any], precisions: tuple[Precision, ...]) -> list[str]:
    widths = (8, 11, 10, 23, 8)
    titles = ["", "pictures/s", "GFLOP/s", "plain products, GFLOP/s", "share"]
    lines = [f"ResNet50, {BATCH_SIZE} pictures at a time, on {figures['machine']}", ""]
    lines.append(row(titles, widths))
    for precision in precisions:
        f = figures[precision]
        cells = [f["pictures_per_second"], f["gflops"], f["products_gflops"]]
        lines.append(row([precision, *cells, f"{f['share_of_products']:.0%}"], widths))
    for precision in precisions:
        lines += ["", f"Where the time goes in {precision}:"]
        for name, share in figures[precision]["share_of_time"].items():
            lines.append(f"  {share:6.1%}  {name}")
    return lines


if __name__ == "__main__":
    main()
