"""python bench/profile_engine.py: why the engine is not faster, on this processor.

Times every layer of ResNet50 in the engine, in each precision that the processor has. Beside it: how
fast it multiplies plain matrices that fit its caches, in the same library and the same precision,
and what its data sheet promises at best. Where the network's share of plain products is about 100 %
or more, the arithmetic itself is the limit; and no software is faster than the data sheet.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, too

import statistics
import tempfile
import time
from collections import Counter
from typing import Any

from bench.machine import describe
from bench.peak import compiled, peak_gops, product_gops
from bench.random_bundle import random_pictures, write_random_bundle
from bench.tables import parser, row, show
from classifier.bundle import INT8_GRAPH, SERVING_GRAPH, Bundle, Precision
from classifier.engines.hardware import has_int8
from classifier.engines.openvino import has_bf16

# Multiplications and additions of one picture: He et al., arXiv:1512.03385, table 1, for version 1.5
# of the blocks (the stride in the 1 x 1 convolution, as Keras has it): 3.86 billion of each.
GOP_PER_PICTURE = 2 * 3.86
BATCH_SIZE = 8
NUM_ROUNDS = 5
NUM_KINDS = 4


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--batch-size", type=int, default=BATCH_SIZE, help="(%(default)s)")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundle, _ = write_random_bundle(Path(folder) / "bundle", num_neighbours=0)
        figures: dict[str, Any] = {"machine": describe(), "batch_size": arguments.batch_size}
        for precision in _precisions():
            figures[precision] = _profile(bundle, precision, arguments.batch_size)
    show(figures, _lines(figures), as_json=arguments.json)


def _precisions() -> list[Precision]:
    found: list[Precision] = ["fp32"]
    found += ["bf16"] if has_bf16() else []
    found += ["int8"] if has_int8() else []
    return found


def _profile(bundle: Bundle, precision: Precision, batch_size: int) -> dict[str, Any]:
    rate, shares = _run(bundle, precision, batch_size)
    products, peak = product_gops(precision), peak_gops(precision)
    gops = rate * GOP_PER_PICTURE
    return {
        "pictures_per_second": round(rate, 1),
        "gops": round(gops),
        "products_gops": round(products),
        "share_of_products": round(gops / products, 2),
        "peak_gops": None if peak is None else round(peak),
        "share_of_peak": None if peak is None else round(gops / peak, 2),
        "peak_pictures_per_second": None if peak is None else round(peak / GOP_PER_PICTURE),
        "share_of_time": shares,
    }


def _run(bundle: Bundle, precision: Precision, batch_size: int) -> tuple[float, dict[str, float]]:
    """Median pictures per second, and what share of the time each kind of layer takes."""
    graph = bundle.path / (INT8_GRAPH if precision == "int8" else SERVING_GRAPH)
    request = compiled(graph, precision).create_infer_request()
    pictures = random_pictures(batch_size)
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
    shares = {name: round(spent / total, 3) for name, spent in times.most_common(NUM_KINDS)}
    return batch_size / statistics.median(seconds), shares


def _lines(figures: dict[str, Any]) -> list[str]:
    widths = (8, 11, 7, 22, 6, 19, 6)
    titles = ["", "pictures/s", "GOP/s", "plain products, GOP/s", "share", "data sheet, GOP/s"]
    lines = [f"ResNet50, {figures['batch_size']} pictures at a time, on {figures['machine']}", ""]
    lines.append(row([*titles, "share"], widths))
    measured = [name for name in ("fp32", "bf16", "int8") if name in figures]
    for precision in measured:
        f = figures[precision]
        cells = [f["pictures_per_second"], f["gops"], f["products_gops"]]
        cells += [f"{f['share_of_products']:.0%}", f["peak_gops"] or "–"]
        cells.append("–" if f["share_of_peak"] is None else f"{f['share_of_peak']:.0%}")
        lines.append(row([precision, *cells], widths))
    for precision in measured:
        f = figures[precision]
        if f["peak_pictures_per_second"]:
            lines += ["", f"{precision} at its data sheet's best, nothing but multiplying:"]
            lines.append(f"  {f['peak_pictures_per_second']} pictures/s")
        lines += ["", f"Where the time goes in {precision}:"]
        lines += [f"  {share:6.1%}  {name}" for name, share in f["share_of_time"].items()]
    return lines


if __name__ == "__main__":
    main()
