"""Layers that learn, as a run needs them: networks from the phases, told step by step, resumable."""

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from classifier.decide import Head
from training.backbones.fingerprints import fingerprint
from training.backbones.network import Network
from training.backbones.table import build_backbone, top_stage_layers
from training.config import TrainingConfig
from training.dataset.preparing import Prepared
from training.events import Event, Step, StepClock
from training.exports.graphs import backbone_graph
from training.head.learning import Candidate, candidate_of, compute_views, learn_head
from training.head.linear import LinearHead
from training.layers.checkpoint import Checkpoints
from training.layers.feeding import LabelledPictures
from training.layers.phases import fine_tune, train_from_scratch
from training.layers.progress import EpochFigures, EpochRecord
from training.layers.recipe import PhaseSettings
from training.sources.index import Split
from training.workplace import Workplace

# What changes where things lie or how often they are saved, and not what comes out.
_WITHOUT_EFFECT = {
    *("out", "work", "cache", "checkpoint_seconds", "formats", "outliers", "folder"),
    *("root", "unshown_prefix"),
}


def network_from_scratch(
    config: TrainingConfig, prepared: Prepared, kind: Head, place: Workplace, clock: StepClock
) -> tuple[Network, dict[str, Any]]:
    """A network all of whose layers were trained, and its learning curve for the report.

    The head that was trained along is thrown away: one that is fitted to the end is steadier.
    """
    with clock.step("backbone"):
        keras.utils.set_random_seed(config.seed)
        backbone = build_backbone(config.backbone, config.image_size, "none")
        pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
        logits = keras.layers.Dense(len(prepared.examples.class_names))(pooled)
    with clock.step("layers"):
        records = train_from_scratch(
            keras.Model(backbone.inputs[0], logits),
            _labelled(prepared, "train"),
            settings=_settings(config, kind),
            on_step=_telling(clock, "layers"),
            checkpoints=_checkpoints(config, prepared, place, "layers"),
        )
        network = Network(backbone_graph(backbone), None, lambda: backbone)
    return network, _curve("All layers, from scratch", records, None)


def fine_tuned(
    config: TrainingConfig,
    before: Candidate,
    prepared: Prepared,
    alike: NDArray[np.int32],
    kind: Head,
    place: Workplace,
    clock: StepClock,
) -> tuple[Candidate, dict[str, Any]]:
    """The candidate that fine-tuning makes of one with a frozen backbone, and its learning curve.

    Of its two heads, the one trained along and one fitted anew, it has the better. `before` stays
    as it is.
    """
    examples, model = prepared.examples, before.network.model
    with clock.step("fine-tune") as on_progress:
        backbone = keras.models.clone_model(model)
        backbone.set_weights(model.get_weights())
        tuned = fine_tune(
            backbone,
            before.head.kernel,
            before.head.bias,
            _labelled(prepared, "train"),
            _labelled(prepared, "val"),
            layers=[layer.name for layer in top_stage_layers(backbone, config.backbone)]
            if config.layers == "top"
            else None,
            settings=_settings(config, kind),
            on_step=_telling(clock, "fine-tune"),
            checkpoints=_checkpoints(
                config, prepared, place, "fine-tune", began_with=_digest(model, before.head)
            ),
        )
        network = Network(backbone_graph(backbone), None, lambda: backbone)
        features = compute_views(network, prepared, config, place, lambda fraction: None)
        anew = learn_head(
            "fine-tune",
            network,
            examples,
            features,
            alike,
            kind,
            config,
            penalty=before.penalty,
        )
        val = examples.places("val")
        along = candidate_of(
            "fine-tune",
            network,
            LinearHead(tuned.kernel, tuned.bias),
            anew.penalty,
            features[0],
            examples.targets(val),
            val,
            kind,
        )
        on_progress(1.0)
    kept = anew if anew.is_better_than(along) else along
    return kept, _curve("Fine-tuning", tuned.history, tuned.best_epoch)


def _labelled(prepared: Prepared, split: Split) -> LabelledPictures:
    examples = prepared.examples
    places = examples.places(split)
    return LabelledPictures(prepared.pictures, examples.rows[places], examples.targets(places))


def _settings(config: TrainingConfig, kind: Head) -> PhaseSettings:
    return PhaseSettings(
        head=kind,
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        label_smoothing=config.label_smoothing,
        augmentation=config.augmentation,
        mixed_precision=config.mixed_precision,
        patience=config.patience,
        balance=config.balance,
        seed=config.seed,
    )


def _checkpoints(
    config: TrainingConfig,
    prepared: Prepared,
    place: Workplace,
    phase: str,
    began_with: str = "",
) -> Checkpoints:
    """`began_with`: what names the weights that the phase goes on from."""
    backend = keras.backend.backend()
    settings = {k: v for k, v in config.to_dict().items() if k not in _WITHOUT_EFFECT}
    determines = {
        "phase": phase,
        "settings": settings,
        "dataset": prepared.examples.fingerprint,
        "began_with": began_with,
        "versions": {name: version(name) for name in ("keras", "numpy", "Pillow", backend)},
    }
    key = hashlib.sha256(json.dumps(determines, sort_keys=True).encode()).hexdigest()
    return Checkpoints(place.checkpoints / phase, key, config.checkpoint_seconds)


def _digest(model: keras.Model, head: LinearHead) -> str:
    head_digest = hashlib.sha256(head.kernel.tobytes() + head.bias.tobytes()).hexdigest()
    return f"{fingerprint(model)} {head_digest}"


def _telling(clock: StepClock, step: Step) -> Callable[[EpochFigures], None]:
    def tell(figures: EpochFigures) -> None:
        num_done = (figures.epoch - 1) * figures.num_steps + figures.step
        fraction = num_done / (figures.num_epochs * figures.num_steps)
        known = {
            name: value
            for name, value in asdict(figures).items()
            if isinstance(value, int | float) and math.isfinite(value)
        }
        clock.tell(Event(step, fraction, known))

    return tell


def _curve(name: str, records: Sequence[EpochRecord], kept_epoch: int | None) -> dict[str, Any]:
    return {
        "name": name,
        "epochs": [
            {
                key: value if math.isfinite(value) else None  # there may be no validation
                for key, value in asdict(record).items()
                if key != "seconds"
            }
            for record in records
        ],
        "kept_epoch": kept_epoch,
    }
