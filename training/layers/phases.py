"""The two ways in which layers learn: all of them from random weights, or some from pretrained ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
from numpy.typing import NDArray

from training.layers.augment import fine_tune_colours, fine_tune_view, scratch_colours, scratch_view
from training.layers.batch_norm import estimate_batch_norm_statistics
from training.layers.checkpoint import Checkpoints
from training.layers.compiling import adamw, compile_for
from training.layers.devices import all_devices, precision_policy
from training.layers.feeding import Kept, LabelledPictures
from training.layers.loop import Course, OnStep, Training
from training.layers.memory import naming_the_setting
from training.layers.plan import Plan
from training.layers.progress import EpochFigures, EpochRecord
from training.layers.recipe import PhaseSettings
from training.layers.schedule import (
    FINE_TUNE_WARMUP_SHARE,
    SCRATCH_WARMUP_SHARE,
    best_epoch,
    warmup_and_cosine,
)
from training.layers.twin import fine_tune_twin, scratch_twin

SCRATCH_LEARNING_RATE = 4e-3
SCRATCH_WEIGHT_DECAY = 0.05
# The second moment's memory has to be short of the number of steps, which here may be a hundred.
SCRATCH_BETA_2 = 0.98
# With MobileNetV2 on three sets of 250 to 420 photographs: the highest of the rates tried (1e-4, 3e-4
# and 1e-3 for the top stage, 3e-5, 1e-4 and 3e-4 for all layers) whose best epoch had a lower
# validation log loss than the head alone wherever it was tried. On nine classes, three times as high
# is better; on the smallest set it is worse than the head.
TOP_LEARNING_RATE = 1e-4
ALL_LEARNING_RATE = 3e-5
FINE_TUNE_WEIGHT_DECAY = 0.01
FINE_TUNE_BETA_2 = 0.98
POOLING, LOGITS = "fine_tune_pooling", "fine_tune_logits"


@dataclass(frozen=True)
class FineTuned:
    """The head that belongs to a fine-tuned backbone, and how it came about.

    `kernel`, `bias`: float32 `[D, C]` and `[C]`. `history`: one record an epoch that was trained;
    `best_epoch` (from 1) is the one whose weights were kept.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    history: tuple[EpochRecord, ...]
    best_epoch: int


def _ignore(figures: EpochFigures) -> None:
    """Nobody listens."""


def train_from_scratch(
    model: keras.Model,
    train: LabelledPictures,
    *,
    settings: PhaseSettings,
    on_step: OnStep = _ignore,
    checkpoints: Checkpoints | None = None,
) -> tuple[EpochRecord, ...]:
    """`model` with all layers trained, in place: float32 weights, batch-normalisation statistics up
    to date. Returns a record of each epoch, without validation.

    `model` is freshly initialised and takes RGB 0-255 `[N, S, S, 3]` to logits `[N, C]`. What makes
    few steps enough: residual blocks that start as the identity, AdamW under a one-cycle learning
    rate, and batch-normalisation statistics that are estimated again once the weights stand still.

    `on_step` is called after every step, and what it raises stops the training. With `checkpoints`,
    a training that was killed goes on from the last one and ends with the same weights, bit by bit
    on a CPU. Raises LossNotFinite and OutOfMemory, and leaves `model` as it was then.
    """
    image_size = model.input_shape[1]
    train = replace(train, source=Kept(train.source))
    keras.utils.set_random_seed(settings.seed)
    with (
        naming_the_setting(batch_size=settings.batch_size, image_size=image_size),
        all_devices() as num_devices,
    ):
        policy = precision_policy(settings.mixed_precision, model)
        twin = scratch_twin(model, policy)
        peak = settings.learning_rate or SCRATCH_LEARNING_RATE
        compile_for(twin, train, settings, adamw(peak, SCRATCH_WEIGHT_DECAY, SCRATCH_BETA_2))
        course = Course(
            phase="scratch",
            head=settings.head,
            plan=_plan(train, settings, num_devices),
            train=train,
            view=scratch_view(settings.augmentation, image_size),
            colours=scratch_colours(settings.augmentation, settings.seed),
            rate=lambda share: peak * warmup_and_cosine(share, SCRATCH_WARMUP_SHARE),
        )
        history = Training(twin, course, on_step, checkpoints).run()
        model.set_weights(twin.get_weights())
        estimate_batch_norm_statistics(model, train, seed=settings.seed)
    return history


def fine_tune(
    backbone: keras.Model,
    kernel: NDArray[np.float32],
    bias: NDArray[np.float32],
    train: LabelledPictures,
    val: LabelledPictures,
    *,
    layers: Sequence[str] | None,
    settings: PhaseSettings,
    on_step: OnStep = _ignore,
    checkpoints: Checkpoints | None = None,
) -> FineTuned:
    """`backbone` fine-tuned in place below the given head, and the head that belongs to it then.

    `backbone` takes RGB 0-255 `[N, S, S, 3]` to a feature map `[N, h, w, D]`; the head, float32
    `[D, C]` and `[C]`, was fitted on its frozen features, averaged over h and w. `layers`: the names
    of the backbone's layers that learn (its top stage); None: all. The head learns in any case,
    batch normalisation never does. The weights with the least validation log loss are kept, and
    the training ends after `settings.patience` epochs without a better one.

    `on_step` is called after every step and every batch of a validation. It, `checkpoints` and the
    errors are those of `train_from_scratch`. Raises ValueError for a name of no layer.
    """
    unknown = set(layers or ()) - {layer.name for layer in backbone.layers}
    if unknown:
        raise ValueError(
            f"Expected names of layers of {backbone.name}, received {sorted(unknown)}. "
            "Give names that stand in its summary."
        )
    image_size = backbone.input_shape[1]
    kept = {id(each.source): Kept(each.source) for each in (train, val)}
    train, val = (replace(each, source=kept[id(each.source)]) for each in (train, val))
    keras.utils.set_random_seed(settings.seed)
    with (
        naming_the_setting(batch_size=settings.batch_size, image_size=image_size),
        all_devices() as num_devices,
    ):
        model = _with_head(backbone, kernel, bias)
        learning = None if layers is None else {*layers, LOGITS}
        policy = precision_policy(settings.mixed_precision, model)
        twin = fine_tune_twin(model, policy, learning)
        default = ALL_LEARNING_RATE if layers is None else TOP_LEARNING_RATE
        peak = settings.learning_rate or default
        compile_for(twin, train, settings, adamw(peak, FINE_TUNE_WEIGHT_DECAY, FINE_TUNE_BETA_2))
        course = Course(
            phase="fine-tune",
            head=settings.head,
            plan=_plan(train, settings, num_devices),
            train=train,
            view=fine_tune_view(settings.augmentation, image_size),
            colours=fine_tune_colours(settings.augmentation, settings.seed),
            rate=lambda share: peak * warmup_and_cosine(share, FINE_TUNE_WARMUP_SHARE),
            val=val,
            patience=settings.patience,
        )
        history = Training(twin, course, on_step, checkpoints).run()
        model.set_weights(twin.get_weights())
    tuned_kernel, tuned_bias = model.get_layer(LOGITS).get_weights()
    best = best_epoch([record.val_loss for record in history])
    return FineTuned(tuned_kernel, tuned_bias, history, best)


def _with_head(
    backbone: keras.Model, kernel: NDArray[np.float32], bias: NDArray[np.float32]
) -> keras.Model:
    """A model that shares the backbone's layers and ends in the head's logits."""
    pooled = keras.layers.GlobalAveragePooling2D(name=POOLING)(backbone.output)
    logits = keras.layers.Dense(kernel.shape[1], name=LOGITS)
    model = keras.Model(backbone.inputs[0], logits(pooled))
    logits.set_weights([kernel, bias])
    return model


def _plan(train: LabelledPictures, settings: PhaseSettings, num_devices: int) -> Plan:
    """Batches of the size that was asked for, but no larger than the data, and even for all devices."""
    wanted = min(settings.batch_size, len(train)) // num_devices * num_devices
    return Plan(len(train), settings.epochs, max(wanted, num_devices), settings.seed)
