"""python bench/gpu.py: ResNet50 on a GPU, pictures per second of the Keras engine by batch size.

Beside it what the card multiplies at best: a plain product of large matrices, in TensorFlow and in the
same precision. The engine's time includes sending the pictures to the card and the answers back. The
weights are random: they cost the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, too

import tempfile
from functools import partial
from typing import Any

import tensorflow as tf

from bench.random_bundle import GOP_PER_PICTURE, IMAGE_SIZE, random_pictures, write_random_bundle
from bench.tables import parser, row, show
from bench.timing import median_seconds
from classifier.bundle import Precision
from classifier.engines.base import RealDevice
from classifier.engines.keras import KerasEngine, gpu_problem

BATCH_SIZES = (1, 8, 64, 256)
SIDE = 8192
DTYPES: dict[Precision, tf.DType] = {"bf16": tf.bfloat16, "fp32": tf.float32}


def main() -> None:
    arguments = parser(__doc__ or "").parse_args()
    if gpu_problem():
        sys.exit("No GPU that TensorFlow sees: nothing was measured.")
    figures: dict[str, Any] = {"machine": _card()}
    with tempfile.TemporaryDirectory() as folder:
        bundle, _ = write_random_bundle(Path(folder) / "bundle", precision="bf16", num_neighbours=0)
        for precision in DTYPES:  # fp32 last: from then on nothing in this process uses TF32
            engine = KerasEngine(bundle, precision=precision, device="gpu")
            if engine.precision == precision:
                figures[precision] = measure(engine)
    show(figures, _lines(figures), as_json=arguments.json)


def measure(
    engine: KerasEngine, batch_sizes: tuple[int, ...] = BATCH_SIZES, side: int = SIDE
) -> dict[str, Any]:
    """Pictures per second by batch size, and the limit: what plain products of that side allow."""
    rates = {}
    for size in batch_sizes:
        pictures = random_pictures(size)
        [seconds] = median_seconds(partial(engine.run, pictures))
        rates[str(size)] = size / seconds
    products = _product_gops(engine.precision, engine.device, side)
    return {
        "pictures_per_second": {size: round(rate, 1) for size, rate in rates.items()},
        "products_gops": round(products),
        "products_pictures_per_second": round(products / GOP_PER_PICTURE),
        "share_of_products": round(max(rates.values()) * GOP_PER_PICTURE / products, 3),
        "batch_size": engine.batch_size,
    }


def _product_gops(precision: Precision, device: RealDevice, side: int) -> float:
    """Billions of multiplications and additions a second of a matrix product."""
    with tf.device(f"/{device}:0"):
        matrix = tf.cast(tf.random.normal((side, side)), DTYPES[precision])
        # One number comes back, which has to wait for all of them.
        [seconds] = median_seconds(
            lambda: float(tf.cast(tf.linalg.matmul(matrix, matrix)[0, 0], tf.float32))
        )
    return 2 * side**3 / seconds / 1e9


def _card() -> str:
    card = tf.config.list_physical_devices("GPU")[0]
    return str(tf.config.experimental.get_device_details(card).get("device_name", "GPU"))


def _lines(figures: dict[str, Any]) -> list[str]:
    widths = (8, *(8 for _ in BATCH_SIZES), 16, 8)
    lines = [
        f"ResNet50 at {IMAGE_SIZE} px on {figures['machine']}, pictures per second, by batch size",
        "",
        row(["", *BATCH_SIZES, "card's limit", "reached"], widths),
    ]
    for precision in DTYPES:
        if precision in figures:
            f = figures[precision]
            cells = [*f["pictures_per_second"].values(), f["products_pictures_per_second"]]
            lines.append(row([precision, *cells, f"{f['share_of_products']:.0%}"], widths))
    lines += [
        "",
        f"The card's limit: plain products of {SIDE} x {SIDE} matrices, at the same price.",
    ]
    return lines


if __name__ == "__main__":
    main()
