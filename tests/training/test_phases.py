"""training.layers.phases: training all layers or going on with some, on pictures that are learned in seconds."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.tiny import (
    NUM_FEATURES,
    accuracy,
    digest,
    drawn,
    empty_head,
    predict,
    tiny_backbone,
    tiny_model,
)
from training.errors import LossNotFinite, OutOfMemory
from training.head.calibrate import fit_temperature, log_loss
from training.layers.loop import OnStep
from training.layers.phases import FineTuned, fine_tune, train_from_scratch
from training.layers.progress import EpochFigures
from training.layers.recipe import PhaseSettings

SCRATCH = PhaseSettings(epochs=12, batch_size=16)
TUNE = PhaseSettings(epochs=4, batch_size=16, learning_rate=1e-2)


class Enough(Exception):
    pass


class StopAt:
    """Raises at the so-many-th call."""

    def __init__(self, call: int) -> None:
        self.call = call
        self.told: list[EpochFigures] = []

    def __call__(self, figures: EpochFigures) -> None:
        self.told.append(figures)
        if len(self.told) == self.call:
            raise Enough


def tuned(backbone: keras.Model, settings: PhaseSettings = TUNE, **others: Any) -> FineTuned:
    return fine_tune(
        backbone,
        *empty_head(),
        drawn(0, 60),
        drawn(60, 84),
        settings=settings,
        **{"layers": None, **others},
    )


def test_a_short_training_from_scratch_learns_and_tells_of_each_step() -> None:
    model, pictures = tiny_model(), drawn(0, 96)
    told: list[EpochFigures] = []
    history = train_from_scratch(model, pictures, settings=SCRATCH, on_step=told.append)
    assert accuracy(model, pictures) >= 0.9
    assert all(weight.dtype == np.float32 for weight in model.get_weights())
    assert [(f.epoch, f.step) for f in told] == [(e, s) for e in range(1, 13) for s in range(1, 7)]
    assert {(f.phase, f.num_epochs, f.num_steps) for f in told} == {("scratch", 12, 6)}
    assert all(np.isfinite(f.loss) and 0 <= f.accuracy <= 1 for f in told)
    assert told[-1].seconds_left == pytest.approx(0, abs=0.01)
    assert told[-1].pictures_per_second > 0
    assert [record.epoch for record in history] == list(range(1, 13))
    assert history[-1].loss == told[-1].loss < history[0].loss
    assert all(np.isnan(record.val_loss) for record in history)


@pytest.mark.parametrize("augmentation", ["none", pytest.param("strong", marks=pytest.mark.slow)])
def test_from_scratch_learns_with_any_augmentation(augmentation: Any) -> None:
    model, pictures = tiny_model(), drawn(0, 96)
    settings = replace(SCRATCH, augmentation=augmentation, mixed_precision="off")
    train_from_scratch(model, pictures, settings=settings)
    assert accuracy(model, pictures) >= 0.9


def test_a_picture_that_is_seen_whole_is_decoded_once() -> None:
    pictures = drawn(0, 48)
    train_from_scratch(tiny_model(), pictures, settings=replace(SCRATCH, epochs=4))
    # Two threads may want the same one at the same moment.
    assert 48 <= pictures.source.num_read <= 60  # type: ignore[attr-defined]


@pytest.mark.parametrize("mixed_precision", ["on", "off"])
def test_fine_tuning_learns_and_hands_back_a_backbone_and_its_head(mixed_precision: Any) -> None:
    backbone, val = tiny_backbone(), drawn(60, 84)
    told: list[EpochFigures] = []
    settings = replace(TUNE, mixed_precision=mixed_precision)
    result = tuned(backbone, settings, on_step=told.append)
    assert all(weight.dtype == np.float32 for weight in backbone.get_weights())
    assert result.kernel.shape == (NUM_FEATURES, 3)
    assert result.bias.shape == (3,)
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
    head = keras.layers.Dense(3)
    model = keras.Model(backbone.inputs[0], head(pooled))
    head.set_weights([result.kernel, result.bias])
    best = result.history[result.best_epoch - 1]
    assert accuracy(model, val) == pytest.approx(best.val_accuracy)
    assert best.val_accuracy >= 0.9
    assert best.val_loss == min(record.val_loss for record in result.history)
    assert told[-1].phase == "fine-tune"
    assert (told[-1].val_loss, told[-1].val_accuracy) == (
        result.history[-1].val_loss,
        result.history[-1].val_accuracy,
    )
    assert np.isnan(told[0].val_loss)


def test_the_top_stage_learns_and_batch_normalisation_stays_as_it_was() -> None:
    backbone, before = tiny_backbone(), tiny_backbone()
    tuned(backbone, layers=["top_conv", "top_norm", "top_relu", "top_dropout"])
    changed = {
        layer.name
        for layer, old in zip(backbone.layers, before.layers, strict=True)
        for new_weight, old_weight in zip(layer.get_weights(), old.get_weights(), strict=True)
        if not np.array_equal(new_weight, old_weight)
    }
    assert changed == {"top_conv"}


def test_all_layers_learn_but_for_batch_normalisation() -> None:
    backbone, before = tiny_backbone(), tiny_backbone()
    tuned(backbone)
    changed = {
        layer.name
        for layer, old in zip(backbone.layers, before.layers, strict=True)
        for new_weight, old_weight in zip(layer.get_weights(), old.get_weights(), strict=True)
        if not np.array_equal(new_weight, old_weight)
    }
    assert changed == {"low_conv", "top_conv"}


def test_a_name_of_no_layer_is_refused_before_any_work() -> None:
    with pytest.raises(ValueError, match="conv9"):
        tuned(tiny_backbone(), layers=["top_conv", "conv9"])


def test_several_labels_and_balanced_classes_are_learned() -> None:
    def two_labels(first: int, last: int) -> Any:
        """Its kind, and whether it is of the first kind."""
        pictures = drawn(first, last)
        return replace(
            pictures, targets=np.concatenate([pictures.targets, pictures.targets[:, :1]], axis=1)
        )

    kernel, bias = np.zeros((NUM_FEATURES, 4), np.float32), np.zeros(4, np.float32)
    settings = replace(TUNE, head="sigmoid", balance=True, augmentation="none", epochs=8)
    result = fine_tune(
        tiny_backbone(),
        kernel,
        bias,
        two_labels(0, 60),
        two_labels(60, 84),
        layers=None,
        settings=settings,
    )
    assert result.history[result.best_epoch - 1].val_accuracy >= 0.9


def test_fine_tuning_ends_when_validation_gets_no_better_and_keeps_what_was_best() -> None:
    settings = replace(TUNE, epochs=50, learning_rate=0.3, patience=1, mixed_precision="off")
    backbone = tiny_backbone()
    result = tuned(backbone, settings)
    assert len(result.history) == result.best_epoch + 1 < 50
    logits = predict(backbone, drawn(60, 84)) @ result.kernel + result.bias
    targets = drawn(60, 84).targets
    best, last = result.history[-2:]
    loss = log_loss(logits, targets, "softmax", fit_temperature(logits, targets))
    assert loss == pytest.approx(best.val_loss, rel=1e-3)
    assert loss < last.val_loss


def scratch_with_broken_weights(on_step: OnStep) -> None:
    model = tiny_model()
    kernel, bias = empty_head()
    model.layers[-1].set_weights([kernel * np.nan, bias])
    train_from_scratch(model, drawn(0, 48), settings=SCRATCH, on_step=on_step)


def fine_tune_with_broken_weights(on_step: OnStep) -> None:
    kernel, bias = empty_head()
    train, val = drawn(0, 48), drawn(48, 60)
    fine_tune(
        tiny_backbone(),
        kernel * np.nan,
        bias,
        train,
        val,
        layers=None,
        settings=TUNE,
        on_step=on_step,
    )


@pytest.mark.parametrize("phase", [scratch_with_broken_weights, fine_tune_with_broken_weights])
def test_a_loss_that_is_not_finite_stops_the_training_at_once(
    phase: Callable[[OnStep], None],
) -> None:
    told: list[EpochFigures] = []
    with pytest.raises(LossNotFinite) as caught:
        phase(told.append)
    assert not told
    for words in ("nan", "epoch 1", "step 1", "lower learning rate"):
        assert words in str(caught.value)


def test_a_rate_that_is_far_too_high_is_told_by_epoch_and_step_and_leaves_the_model_alone() -> None:
    model = tiny_model()
    before = digest(model)
    settings = replace(SCRATCH, learning_rate=1e30, mixed_precision="off")
    with pytest.raises(LossNotFinite, match="step") as caught:
        train_from_scratch(model, drawn(0, 48), settings=settings)
    assert (caught.value.params["epoch"], caught.value.params["step"]) > (1, 1)
    assert digest(model) == before


def test_what_the_callback_raises_stops_the_training_within_one_step() -> None:
    model = tiny_model()
    before = digest(model)
    stop = StopAt(5)
    with pytest.raises(Enough):
        train_from_scratch(model, drawn(0, 48), settings=SCRATCH, on_step=stop)
    assert [(f.epoch, f.step) for f in stop.told] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    assert digest(model) == before


def test_a_validation_can_be_stopped_too() -> None:
    # After three steps, the fourth call comes from the first batch of validation.
    stop = StopAt(4)
    with pytest.raises(Enough):
        fine_tune(
            tiny_backbone(),
            *empty_head(),
            drawn(0, 48),
            drawn(48, 96),
            layers=None,
            settings=TUNE,
            on_step=stop,
        )
    assert [(f.epoch, f.step) for f in stop.told] == [(1, 1), (1, 2), (1, 3), (1, 3)]


class ResourceExhaustedError(Exception):
    """TensorFlow's, by name."""


class XlaRuntimeError(RuntimeError):
    """JAX's, by name."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 9 GiB"),
        ResourceExhaustedError("OOM when allocating tensor"),
        XlaRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate"),
    ],
)
def test_out_of_memory_names_the_setting_to_lower(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(keras.Model, "train_on_batch", fail)
    with pytest.raises(OutOfMemory) as caught:
        tuned(tiny_backbone())
    sentence = str(caught.value)
    assert sentence.index("batch size (now 16)") < sentence.index("image size (now 32)")
    with pytest.raises(OutOfMemory) as caught:
        tuned(tiny_backbone(), replace(TUNE, batch_size=1))
    assert "batch size" not in str(caught.value)


def test_another_error_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(keras.Model, "train_on_batch", fail)
    with pytest.raises(RuntimeError, match="something else"):
        tuned(tiny_backbone())
