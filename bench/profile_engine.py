"""python bench/profile_engine.py: why the engine is not faster, on this processor.

Times every layer of ResNet50 in the engine, in each precision that the processor has. Beside it: how
fast it multiplies plain matrices that fit its caches, in the same library and the same precision (the
two take turns, so that what else the machine does meets both, and the medians count), and what its
data sheet promises at best. Where the network's share of plain products is about 100 % or more, the
arithmetic itself is the limit; and no software is faster than the data sheet.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, too

import tempfile
from collections import Counter
from typing import Any

import openvino as ov

from bench.machine import describe
from bench.peak import PRODUCTS_GOP, compiled, peak_gops, products
from bench.random_bundle import GOP_PER_PICTURE, random_pictures, write_random_bundle
from bench.tables import parser, row, show
from bench.timing import median_seconds
from classifier.bundle import INT8_GRAPH, SERVING_GRAPH, Bundle, Precision
from classifier.engines.hardware import has_int8
from classifier.engines.openvino import has_bf16

BATCH_SIZE = 8
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
    graph = bundle.path / (INT8_GRAPH if precision == "int8" else SERVING_GRAPH)
    request = compiled(graph, precision).create_infer_request()
    pictures = random_pictures(batch_size)
    network, plain = median_seconds(lambda: request.infer([pictures]), products(precision))
    rate, plain_gops, peak = batch_size / network, PRODUCTS_GOP / plain, peak_gops(precision)
    gops = rate * GOP_PER_PICTURE
    shares = _shares(request)
    return {
        "pictures_per_second": round(rate, 1),
        "gops": round(gops),
        "products_gops": round(plain_gops),
        "share_of_products": round(gops / plain_gops, 2),
        "peak_gops": None if peak is None else round(peak),
        "share_of_peak": None if peak is None else round(gops / peak, 2),
        "peak_pictures_per_second": None if peak is None else round(peak / GOP_PER_PICTURE),
        "share_of_convolutions": round(
            sum(share for name, share in shares.items() if name.startswith("Convolution")), 3
        ),
        "share_of_time": dict(list(shares.items())[:NUM_KINDS]),
    }


def _shares(request: ov.InferRequest) -> dict[str, float]:
    """What share of its last run each kind of layer took, by kernel; the largest first."""
    times: Counter[str] = Counter()
    for layer in request.profiling_info:
        times[f"{layer.node_type} ({layer.exec_type})"] += layer.real_time.total_seconds()
    return {name: round(spent / times.total(), 3) for name, spent in times.most_common()}


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
        convolutions = f"{f['share_of_convolutions']:.0%} in convolutions"
        lines += ["", f"Where the time goes in {precision}, {convolutions}:"]
        lines += [f"  {share:6.1%}  {name}" for name, share in f["share_of_time"].items()]
    return lines


if __name__ == "__main__":
    main()
