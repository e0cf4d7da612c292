"""python bench/training.py FOLDER: the same split learned twice in one run, the tutorials' way and ours.

The ordinary way: a frozen backbone of keras.applications, `image_dataset_from_directory`, ten epochs
of `fit` with validation. Ours: `training.run.train`, up to the head's validation figure. Each in a
fresh process, from the folder to a model with a validation accuracy; imports are not counted on either
side. No feature is known beforehand; the backbone's graph, which a machine exports once for all of
its trainings (as it downloads the weights once), is, and `first` is the time with that export.
`bundle` is the time until the whole bundle is written: proofs, report and all.

Run with `--backbone mobilenet_v2 --weights imagenet` and `--backbone resnet50 --weights none`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, too

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from typing import Any

from bench.machine import describe
from bench.tables import parser, row, show

IMAGE_SIZE = 224
EPOCHS = 10
BATCH_SIZE = 32
TARGET = 25.0
BACKBONES = {"mobilenet_v2": "MobileNetV2", "resnet50": "ResNet50"}
LIMIT_SECONDS = 1_800


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("folder", type=Path, nargs="?", help="with train/ and val/")
    options.add_argument("--backbone", choices=BACKBONES, default="mobilenet_v2")
    options.add_argument("--weights", choices=("imagenet", "none"), default="imagenet")
    options.add_argument("--rounds", type=int, default=3, help="of ours; the median counts")
    options.add_argument("--way", choices=("ordinary", "ours"), help=argparse.SUPPRESS)
    arguments = options.parse_args()
    folder = arguments.folder or _shared_folder()
    if arguments.way:
        way = _ordinary if arguments.way == "ordinary" else _ours
        print(json.dumps(way(folder, arguments.backbone, arguments.weights)))
        return
    ordinary = _in_fresh_process("ordinary", folder, arguments)
    rounds = [_in_fresh_process("ours", folder, arguments) for _ in range(arguments.rounds)]
    ours = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    figures = {
        "backbone": arguments.backbone,
        "weights": arguments.weights,
        "folder": folder.name,
        "ordinary": ordinary,
        "ours": ours,
        "ratio": round(ordinary["seconds"] / ours["seconds"], 1),
        "target": TARGET,
        "machine": describe(),
    }
    show(figures, _lines(figures), as_json=arguments.json)


def _shared_folder() -> Path:
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "hymenoptera"
    if not folder.is_dir():
        sys.exit(f"Expected a folder with train/ and val/, found none at {folder}. Give one.")
    os.environ.setdefault("KERAS_HOME", str(folder.parents[1] / "keras"))
    return folder


def _in_fresh_process(way: str, folder: Path, arguments: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, str(folder), "--way", way]
    command += ["--backbone", arguments.backbone, "--weights", arguments.weights]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=LIMIT_SECONDS,
        env=environment,
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _ordinary(folder: Path, name: str, weights: str) -> dict[str, float]:
    """Ten epochs of a dense layer on a frozen backbone, as tutorials have it."""
    import keras
    import tensorflow as tf

    started = time.perf_counter()
    size = (IMAGE_SIZE, IMAGE_SIZE)
    train, val = (
        keras.utils.image_dataset_from_directory(
            folder / split, image_size=size, batch_size=BATCH_SIZE, seed=0, verbose=False
        )
        for split in ("train", "val")
    )
    num_classes = len(train.class_names)
    application = getattr(keras.applications, BACKBONES[name])
    base = application(
        include_top=False,
        weights=None if weights == "none" else weights,
        input_shape=(*size, 3),
    )
    base.trainable = False
    inputs = keras.Input((*size, 3))
    prepared = getattr(keras.applications, name).preprocess_input(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(base(prepared, training=False))
    model = keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(pooled))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        train.prefetch(tf.data.AUTOTUNE),
        validation_data=val.prefetch(tf.data.AUTOTUNE),
        epochs=EPOCHS,
        verbose=0,
    )
    return {
        "seconds": round(time.perf_counter() - started, 2),
        # The best epoch, though nobody knows beforehand which it will be.
        "val_top1": round(max(history.history["val_accuracy"]), 4),
        "last_val_top1": round(history.history["val_accuracy"][-1], 4),
    }


def _ours(folder: Path, name: str, weights: str) -> dict[str, float]:
    """A head on features that are computed once."""
    import keras  # noqa: F401  the ordinary way's imports are not counted either

    from training.backbones import network
    from training.config import TrainingConfig
    from training.evaluation import judging  # noqa: F401
    from training.exports import proof  # noqa: F401
    from training.head import learning  # noqa: F401
    from training.pages import reporting  # noqa: F401
    from training.run import train
    from training.workplace import workplace

    with tempfile.TemporaryDirectory() as scratch:
        config = TrainingConfig(
            folder=folder,
            out=Path(scratch) / "bundle",
            backbone=name,
            weights=weights,
            mode="head",
            image_size=IMAGE_SIZE,
            cache=Path(scratch) / "cache",
        )
        with workplace(config) as place:
            started = time.perf_counter()
            network.open_network(
                name, image_size=IMAGE_SIZE, weights=weights, seed=0, graphs=place.graphs
            )
            export_seconds = time.perf_counter() - started
        result = train(config)
    seconds = result.seconds
    until_head = sum(seconds[s] for s in ("read", "audit", "backbone", "features", "head"))
    return {
        "seconds": round(until_head, 2),
        "val_top1": round(result.metrics["val_top1"], 4),
        "first_seconds": round(until_head + export_seconds, 2),
        "bundle_seconds": round(seconds["total"], 2),
        **{f"{step}_seconds": value for step, value in seconds.items()},
    }


def _lines(figures: dict[str, Any]) -> list[str]:
    widths = (44, 9, 9)
    ordinary, ours = figures["ordinary"], figures["ours"]
    lines = [
        f"{figures['backbone']} ({figures['weights']}) on {figures['folder']}",
        f"on {figures['machine']}",
        "",
        row(["", "seconds", "val top-1"], widths),
        row(["ordinary: 10 epochs of fit", ordinary["seconds"], ordinary["val_top1"]], widths),
        row(["ours: features once, then a head", ours["seconds"], ours["val_top1"]], widths),
        row(["ours, with the backbone's first export", ours["first_seconds"], ""], widths),
        row(["ours, whole bundle with proofs and report", ours["bundle_seconds"], ""], widths),
        "",
    ]
    steps = ("read", "audit", "backbone", "features", "head")
    lines.append(", ".join(f"{step} {ours[f'{step}_seconds']:.2f} s" for step in steps))
    verdict = "met" if figures["ratio"] >= figures["target"] else "missed"
    lines.append(
        f"ours is {figures['ratio']:.1f} times faster; target {figures['target']:.0f}, {verdict}"
    )
    return lines


if __name__ == "__main__":
    main()
