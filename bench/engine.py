"""python bench/engine.py: ResNet50, pictures per second of several ways to run it, in one run.

`model.predict` for each batch, as tutorials do; a compiled `tf.function`; ONNX Runtime with the same
model exported to ONNX; and Ocellus' engine from a bundle, in each precision that this processor has,
the one it would answer in last. The weights are random: they cost the same. The ways take turns, so
that a machine's moods meet all of them, and the median counts.
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

from bench.machine import describe, told_sets
from bench.random_bundle import IMAGE_SIZE, random_pictures, write_random_bundle
from bench.tables import parser, row, show
from classifier.bundle import Precision
from classifier.engines.base import open_engine
from training.exports.conversion import convert
from training.exports.runners import run_onnx

BATCH_SIZES = (1, 8, 32)
# Ratios that are expected of a processor with fast dot products of bytes: AMX or AVX512_VNNI.
TARGETS = {"ours_1_to_model_predict_1": 30.0, "ours_8_to_tf_function_8": 10.0}
MEANT = {"amx_int8", "avx512_vnni", "avx_vnni"}
PEERS = {
    "model_predict": "model.predict",
    "tf_function": "tf.function",
    "onnx_runtime": "ONNX Runtime, fp32",
}

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
    figures["machine"] = {"name": describe(), "instruction_sets": told_sets()}
    figures["precision"] = precision
    show(figures, _lines(figures), as_json=arguments.json)


def _ways(folder: Path) -> tuple[dict[str, Way], Precision]:
    """What to run by its name, `ours` last, and what `ours` computes in."""
    bundle, model = write_random_bundle(folder / "bundle", num_neighbours=0)
    convert(model, folder / "model.onnx")
    function = tf.function(model, reduce_retracing=True)
    ways: dict[str, Way] = {
        "model_predict": lambda x: model.predict(x.astype(np.float32), verbose=0),
        "tf_function": lambda x: function(tf.constant(x, tf.float32), training=False).numpy(),
        "onnx_runtime": run_onnx(folder / "model.onnx"),
    }
    ours = open_engine(bundle, device="cpu")
    for precision in reversed(bundle.manifest.fallbacks):
        engine = open_engine(bundle, precision=precision, device="cpu")
        if engine.precision == precision != ours.precision:
            ways[f"ours_{precision}"] = engine.run
    ways["ours"] = ours.run
    return ways, ours.precision


def _measure(ways: dict[str, Way], num_rounds: int) -> dict[str, dict[str, float]]:
    """Median pictures per second of each way at each batch size."""
    rates: dict[str, dict[str, float]] = {name: {} for name in ways}
    for size in BATCH_SIZES:
        pictures = random_pictures(size)
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
        for other in PEERS
        for size in ours
    }


def _lines(figures: dict[str, Any]) -> list[str]:
    widths = (26, 8, 8, 8)
    names = dict(PEERS)
    for precision in ("fp32", "bf16"):
        names[f"ours_{precision}"] = f"Ocellus' engine, {precision}"
    names["ours"] = f"Ocellus' engine, {figures['precision']}"
    lines = [
        f"ResNet50 at {IMAGE_SIZE} px, pictures per second, by pictures at a time",
        f"on {figures['machine']['name']}",
        "",
        row(["", *BATCH_SIZES], widths),
    ]
    for key, title in names.items():
        if key in figures:
            cells = (f"{figures[key][str(size)]:.1f}" for size in BATCH_SIZES)
            lines.append(row([title, *cells], widths))
    lines.append("")
    for key, target in TARGETS.items():
        ratio = figures["ratios"][key]
        verdict = "met" if ratio >= target else "missed"
        lines.append(f"{key.replace('_', ' ')}: {ratio:.1f} times; target {target:.0f}, {verdict}")
    if MEANT.isdisjoint(figures["machine"]["instruction_sets"]):
        lines.append("The targets are for AMX or VNNI, which this processor lacks.")
    else:
        lines.append("What stands in the way of more: python bench/profile_engine.py")
    return lines


if __name__ == "__main__":
    main()
