"""python bench/engine.py: ResNet50, pictures per second of three ways to run it, in one run.

`model.predict` for each batch, as tutorials do; a compiled `tf.function`; and Ocellus' engine from
a bundle, in the precision that the bundle's processor gets and in fp32. The weights are random:
they cost the same. The ways take turns, so that a machine's moods meet all of them, and the median
counts.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, too

import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bench.machine import describe, instruction_sets
from bench.random_bundle import IMAGE_SIZE, write_random_bundle
from bench.tables import parser, row, show
from classifier.bundle import Precision
from classifier.engines.base import open_engine

BATCH_SIZES = (1, 8, 32)
# Ratios that the design expects of a processor that multiplies bf16 in tiles (AMX).
TARGETS = {"ours_1_to_model_predict_1": 15.0, "ours_8_to_tf_function_8": 5.0}

Way = Callable[[NDArray[np.uint8]], object]


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--rounds", type=int, default=5, help="how often each way takes its turn")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ways, precision = _ways(Path(folder))
        rates = _measure(ways, arguments.rounds)
    figures: dict[str, Any] = dict(rates)
    figures["ratios"] = _ratios(rates)
    figures["machine"] = {"name": describe(), "instruction_sets": instruction_sets()}
    figures["precision"] = precision
    show(figures, _lines(figures, precision), as_json=arguments.json)


def _ways(folder: Path) -> tuple[dict[str, Way], Precision]:
    bundle, model = write_random_bundle(folder / "bundle")
    engine, exact = open_engine(bundle), open_engine(bundle, precision="fp32")
    function = tf.function(model, reduce_retracing=True)
    return {
        "model_predict": lambda x: model.predict(x.astype(np.float32), verbose=0),
        "tf_function": lambda x: function(tf.constant(x, tf.float32), training=False).numpy(),
        "ours": engine.run,
        "ours_fp32": exact.run,
    }, engine.precision


def _measure(ways: dict[str, Way], num_rounds: int) -> dict[str, dict[str, float]]:
    """Median pictures per second of each way at each batch size."""
    generator = np.random.default_rng(2)
    rates: dict[str, dict[str, float]] = {name: {} for name in ways}
    for size in BATCH_SIZES:
        shape = (size, IMAGE_SIZE, IMAGE_SIZE, 3)
        pictures = generator.integers(0, 256, shape, np.uint8)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for way in ways.values():
            way(pictures)  # traces, allocates
        for _ in range(num_rounds):
            for name, way in ways.items():
                repeats = max(1, 8 // size)
                started = time.perf_counter()
                for _ in range(repeats):
                    way(pictures)
                seconds[name].append((time.perf_counter() - started) / repeats)
        for name in ways:
            rates[name][str(size)] = round(size / statistics.median(seconds[name]), 2)
    return rates


def _ratios(rates: dict[str, dict[str, float]]) -> dict[str, float]:
    ours = rates["ours"]
    return {
        f"ours_{size}_to_{other}_{size}": round(ours[size] / rates[other][size], 2)
        for other in ("model_predict", "tf_function")
        for size in ours
    }


def _lines(figures: dict[str, Any], precision: Precision) -> list[str]:
    widths = (26, 8, 8, 8)
    names = {
        "model_predict": "model.predict",
        "tf_function": "tf.function",
        "ours_fp32": "Ocellus' engine, fp32",
        "ours": f"Ocellus' engine, {precision}",
    }
    lines = [
        f"ResNet50 at {IMAGE_SIZE} px, pictures per second, by pictures at a time",
        f"on {figures['machine']['name']}",
        "",
        row(["", *BATCH_SIZES], widths),
    ]
    for key, title in names.items():
        lines.append(row([title, *(f"{figures[key][str(s)]:.1f}" for s in BATCH_SIZES)], widths))
    lines.append("")
    for key, target in TARGETS.items():
        ratio = figures["ratios"][key]
        verdict = "met" if ratio >= target else "missed"
        lines.append(f"{key.replace('_', ' ')}: {ratio:.1f} times; target {target:.0f}, {verdict}")
    if "amx_bf16" not in figures["machine"]["instruction_sets"]:
        lines.append(
            "The targets are for AMX, which this processor lacks; see docs/PERFORMANCE.md."
        )
    return lines


if __name__ == "__main__":
    main()
