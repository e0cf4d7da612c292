"""A training run from the folder to the bundle. Read `train` from top to bottom."""

import math
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.bundle import Bundle, Manifest, new_bundle, refuse_existing
from training.config import TrainingConfig
from training.events import Event, OnEvent, StepClock
from training.folder import scan_folder
from training.pictures import Pictures, read_pictures

if TYPE_CHECKING:
    import keras

    from training.progress import EpochFigures

RECORDED_VERSIONS = ("keras", "tensorflow", "openvino", "numpy", "scikit-learn", "Pillow")


@dataclass(frozen=True)
class TrainingResult:
    """A finished run: its bundle, and what it said on the way."""

    bundle: Bundle
    num_train: int
    num_val: int
    metrics: dict[str, Any]
    warnings: tuple[str, ...]
    seconds: dict[str, float]


def train(config: TrainingConfig, on_event: OnEvent = lambda event: None) -> TrainingResult:
    """A bundle at `config.out`, trained on the labelled folder `config.folder`.

    `on_event` is called from this thread, and what it raises stops the run. Nothing is left at
    `config.out` unless the run succeeds. Raises TrainingError, BundleExists, and OSError when the disk
    will not take the bundle.
    """
    refuse_existing(config.out)
    config.out.parent.mkdir(
        parents=True, exist_ok=True
    )  # where that fails, it does before the work
    clock = StepClock(on_event)
    with tempfile.TemporaryDirectory(prefix=".training-", dir=config.out.parent) as scratch:
        # Read: a folder that cannot be used is refused before the libraries below are imported.
        with clock.step("read") as on_progress:
            pictures = read_pictures(
                scan_folder(config.folder),
                image_size=config.image_size,
                val_fraction=config.val_fraction,
                scratch_file=Path(scratch) / "pictures.npy",
                on_progress=on_progress,
            )
        return _learn(config, pictures, clock, on_event)


def _learn(
    config: TrainingConfig, pictures: Pictures, clock: StepClock, on_event: OnEvent
) -> TrainingResult:
    # Keras and TensorFlow take seconds and half a gigabyte; only a run that gets here pays.
    from classifier.engines.openvino import has_bf16
    from training.backbones import build_backbone
    from training.evaluate import compare_precisions, evaluate
    from training.export import backbone_graph, keras_model, serving_graph, write_models
    from training.features import VIEWS, compute_features
    from training.heads import fit_softmax_head, fit_temperature

    train_rows, train_labels = pictures.rows("train"), pictures.labels("train")
    val_rows, val_labels = pictures.rows("val"), pictures.labels("val")

    with clock.step("backbone"):
        backbone = build_backbone(config.backbone, config.image_size, config.weights)

    # All layers, where no pretrained weights have taught them anything yet.
    if config.weights == "none":
        with clock.step("layers"):
            _train_all_layers(config, backbone, pictures, on_event)

    # Features: twice for validation, which decides what precision is safe to serve in.
    with clock.step("features") as on_progress:
        graph = backbone_graph(backbone)
        val_fp32 = compute_features(graph, pictures.array, val_rows, precision="fp32")[0]
        val_bf16 = compute_features(graph, pictures.array, val_rows, precision="bf16")[0]
        train_features = compute_features(
            graph,
            pictures.array,
            train_rows,
            precision="bf16",
            views=VIEWS,
            on_progress=on_progress,
        )

    with clock.step("head"):
        num_views, _, num_features = train_features.shape
        head = fit_softmax_head(
            train_features.reshape(-1, num_features),
            np.tile(train_labels, num_views),
            len(pictures.class_names),
        )
        temperature = fit_temperature(head.logits(val_fp32), val_labels)

    with clock.step("evaluate"):
        choice = compare_precisions(
            head.logits(val_fp32), head.logits(val_bf16), val_labels, temperature
        )
        if not has_bf16():  # then both were computed in fp32, which proves nothing
            choice = replace(choice, precision="fp32")
        served = val_bf16 if choice.precision == "bf16" else val_fp32
        metrics: dict[str, Any] = dict(evaluate(head.logits(served), val_labels, temperature))
        metrics |= {"num_train": len(train_rows), "num_val": len(val_rows)}
        metrics["precision"] = asdict(choice)

    # The step ends before the bundle gets its name, so that whoever stops the run there has none.
    with new_bundle(config.out) as draft, clock.step("write"):
        metrics["export_difference"] = write_models(
            draft.folder,
            keras_model(backbone, head, temperature),
            serving_graph(graph, head),
            pictures.array[val_rows[:4]],
        )
        draft.seal(
            Manifest(
                class_names=pictures.class_names,
                head="softmax",
                backbone=config.backbone,
                image_size=config.image_size,
                temperature=temperature,
                precision=choice.precision,
                seed=config.seed,
                dataset_fingerprint=pictures.fingerprint,
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
                metrics=metrics,
                config=config.to_dict(),
                versions={name: version(name) for name in RECORDED_VERSIONS},
            )
        )
    return TrainingResult(
        bundle=Bundle.load(config.out),
        num_train=len(train_rows),
        num_val=len(val_rows),
        metrics=metrics,
        warnings=pictures.warnings,
        seconds=clock.all_seconds(),
    )


def _train_all_layers(
    config: TrainingConfig, backbone: "keras.Model", pictures: Pictures, on_event: OnEvent
) -> None:
    """Train the backbone in place under a head of its own, which is thrown away afterwards."""
    import keras

    from training.phases import train_from_scratch

    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
    logits = keras.layers.Dense(len(pictures.class_names))(pooled)
    train_from_scratch(
        keras.Model(backbone.inputs[0], logits),
        pictures.array[pictures.rows("train")],
        pictures.labels("train"),
        epochs=config.epochs,
        seed=config.seed,
        on_epoch=_epoch_to_event(on_event),
    )


def _epoch_to_event(on_event: OnEvent) -> "Callable[[EpochFigures], None]":
    def tell(figures: "EpochFigures") -> None:
        num_done = (figures.epoch - 1) * figures.num_steps + figures.step
        fraction = num_done / (figures.num_epochs * figures.num_steps)
        known = {k: v for k, v in asdict(figures).items() if math.isfinite(v)}
        on_event(Event("layers", fraction, known))

    return tell
