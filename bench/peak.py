"""What a processor's arithmetic can do at best, by its data sheet, and what it does in a plain product.

The first is cores times clock times multiplications a cycle; nothing that computes is faster. The
second is a chain of matrix products that fit the caches, in the engine's library.
"""

import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from bench.machine import cpuinfo
from classifier.bundle import Precision
from classifier.engines.hardware import instruction_sets, num_cores

SIDE, NUM_PRODUCTS = 1024, 16
PRODUCTS_GOP = 2 * NUM_PRODUCTS * SIDE**3 / 1e9
# Multiply-adds a cycle and core of Intel's server processors: two ports of 512 bits, or one unit of
# tiles (Intel 64 and IA-32 Architectures Optimization Reference Manual, on AMX and on VNNI).
PER_CYCLE: dict[Precision, dict[str, int]] = {
    "int8": {"amx_int8": 1024, "avx512_vnni": 2 * 64},
    "bf16": {"amx_bf16": 512, "avx512_bf16": 2 * 32},
    "fp32": {"avx512f": 2 * 16},
}


def peak_gops(precision: Precision) -> float | None:
    """Billions of multiplications and additions a second; None where the tables above do not know."""
    clock = _clock_ghz()
    if clock is None or "GenuineIntel" not in cpuinfo("vendor_id"):
        return None
    for name, per_cycle in PER_CYCLE[precision].items():
        if name in instruction_sets():
            return 2 * per_cycle * clock * num_cores()
    return None


def products(precision: Precision) -> Callable[[], object]:
    """Computes a chain of matrix products, PRODUCTS_GOP billions of multiplications and additions."""
    matrix = ops.parameter([SIDE, SIDE], np.float32)
    generator = np.random.default_rng(0)
    product = _bytes(matrix) if precision == "int8" else matrix
    for _ in range(NUM_PRODUCTS):
        # Scaled so that the numbers neither grow nor vanish along the chain.
        factor = generator.normal(0, SIDE**-0.5, (SIDE, SIDE)).astype(np.float32)
        if precision == "int8":
            product = _bytes(ops.matmul(product, _weights(factor), False, False))
        else:
            product = ops.matmul(product, ops.constant(factor), False, False)
    request = compiled(ov.Model([product], [matrix]), precision).create_infer_request()
    pixels = np.abs(generator.normal(0, 1, (SIDE, SIDE))).astype(np.float32)
    return lambda: request.infer([pixels])


def compiled(graph: ov.Model | Path, precision: Precision) -> ov.CompiledModel:
    """As the engine compiles it, with counters of each layer's time."""
    hint = ov.Type.bf16 if precision == "bf16" else ov.Type.f32
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint, "PERF_COUNT": True}
    return ov.Core().compile_model(graph, "CPU", options)


def _bytes(node: ov.Node) -> ov.Node:
    """Rounded to 256 steps, which the library turns into bytes between two products."""
    return ops.fake_quantize(node, *(np.float32(end) for end in (0, 3, 0, 3)), levels=256)


def _weights(factor: np.ndarray) -> ov.Node:
    end = np.abs(factor).max()
    ends = (np.float32(each) for each in (-end, end, -end, end))
    return ops.fake_quantize(ops.constant(factor), *ends, levels=255)


def _clock_ghz() -> float | None:
    """The clock of this moment, the median over the cores."""
    clocks = list(map(float, cpuinfo("cpu MHz")))
    return statistics.median(clocks) / 1000 if clocks else None
