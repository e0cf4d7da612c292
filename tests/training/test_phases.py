"""training.phases: training all layers, on pictures that a small network learns in seconds."""

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.folders import striped
from training.errors import LossNotFinite
from training.phases import one_cycle, train_from_scratch
from training.progress import EpochFigures

Drawn = tuple[NDArray[np.uint8], NDArray[np.int64]]


def drawn(num_each: int) -> Drawn:
    pictures = [np.asarray(striped(kind, n, 16)) for n in range(num_each) for kind in range(3)]
    return np.stack(pictures), np.tile(np.arange(3), num_each)


def small_model() -> keras.Model:
    keras.utils.set_random_seed(0)
    entry = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(entry)
    x = keras.layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Activation("relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(entry, keras.layers.Dense(3)(x))


def accuracy(model: keras.Model, pictures: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    logits = keras.ops.convert_to_numpy(model(pictures.astype("float32"), training=False))
    return float((logits.argmax(axis=1) == labels).mean())


def test_the_learning_rate_rises_to_its_peak_once_and_falls_to_nothing() -> None:
    rates = [one_cycle(number / 1_000) for number in range(1_001)]
    peak = int(np.argmax(rates))
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert 0 <= rates[0] < 0.1
    assert rates[-1] == pytest.approx(0.0, abs=0.01)
    assert 100 <= peak <= 500
    assert (np.diff(rates[: peak + 1]) > 0).all()
    assert (np.diff(rates[peak:]) <= 0).all()
    assert min(rates) >= 0


def test_a_short_training_learns_and_tells_how_far_it_is() -> None:
    pictures, labels = drawn(32)
    model = small_model()
    told: list[EpochFigures] = []
    train_from_scratch(
        model, pictures, labels, epochs=12, batch_size=16, seed=0, on_epoch=told.append
    )
    # In inference, where statistics that lag behind would show.
    assert accuracy(model, pictures, labels) >= 0.9
    assert all(weight.dtype == np.float32 for weight in model.get_weights())
    assert [f.epoch for f in told if f.step == f.num_steps] == list(range(1, 13))
    assert {(f.num_epochs, f.num_steps) for f in told} == {(12, 6)}
    positions = [(f.epoch, f.step) for f in told]
    assert positions == sorted(set(positions))
    assert all(np.isfinite(f.loss) and 0 <= f.accuracy <= 1 for f in told)
    assert told[-1].loss < told[0].loss


def test_a_loss_that_is_not_finite_stops_the_training_at_once() -> None:
    pictures, labels = drawn(8)
    model = small_model()
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * np.nan, bias])
    told: list[EpochFigures] = []
    with pytest.raises(LossNotFinite) as caught:
        train_from_scratch(
            model, pictures, labels, epochs=50, batch_size=8, seed=0, on_epoch=told.append
        )
    assert not told
    assert "nan" in str(caught.value)
    assert "epoch 1" in str(caught.value)
    assert "step 1" in str(caught.value)


def test_what_the_callback_raises_stops_the_training() -> None:
    class Enough(Exception):
        pass

    told: list[EpochFigures] = []

    def stop(figures: EpochFigures) -> None:
        told.append(figures)
        raise Enough

    pictures, labels = drawn(8)
    with pytest.raises(Enough):
        train_from_scratch(
            small_model(), pictures, labels, epochs=50, batch_size=8, seed=0, on_epoch=stop
        )
    assert len(told) == 1
