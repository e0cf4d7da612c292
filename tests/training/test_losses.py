"""training.layers.losses: against the formulas, written out."""

import keras
import numpy as np
import pytest

from training.layers.losses import accuracy_of, balanced_weights, loss_of

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 3, (6, 3)).astype(np.float32)
ONE_LABEL = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 1, 2]]
LABELS = np.array([[1, 0, 1], [1, 1, 1], [0, 0, 1], [1, 0, 1], [1, 0, 1], [0, 0, 1]], np.float32)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def binary(targets: np.ndarray, logits: np.ndarray) -> np.ndarray:
    shares = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return -targets * np.log(shares) - (1 - targets) * np.log(1 - shares)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_of_softmax_it_is_the_cross_entropy_with_smoothed_targets(smoothing: float) -> None:
    smoothed = ONE_LABEL * (1 - smoothing) + smoothing / 3
    expected = -(smoothed * log_softmax(LOGITS)).sum(axis=1)
    losses = keras.ops.convert_to_numpy(loss_of("softmax", smoothing)(ONE_LABEL, LOGITS))
    assert losses == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_of_sigmoid_it_is_the_mean_over_the_classes(smoothing: float) -> None:
    expected = binary(LABELS * (1 - smoothing) + smoothing / 2, LOGITS).mean(axis=1)
    losses = keras.ops.convert_to_numpy(loss_of("sigmoid", smoothing)(LABELS, LOGITS))
    assert losses == pytest.approx(expected, rel=1e-5)


def test_balanced_softmax_counts_each_class_the_same() -> None:
    yes, _ = balanced_weights(ONE_LABEL, "softmax")
    assert yes == pytest.approx([6 / 3 / 3, 6 / 2 / 3, 6 / 1 / 3])
    assert (ONE_LABEL * yes).sum(axis=0) == pytest.approx([2, 2, 2])
    plain = keras.ops.convert_to_numpy(loss_of("softmax", 0.1)(ONE_LABEL, LOGITS))
    weights = balanced_weights(ONE_LABEL, "softmax")
    losses = keras.ops.convert_to_numpy(loss_of("softmax", 0.1, weights)(ONE_LABEL, LOGITS))
    assert losses == pytest.approx(plain * yes[[0, 0, 0, 1, 1, 2]], rel=1e-5)


def test_a_class_without_examples_counts_nothing() -> None:
    yes, _ = balanced_weights(ONE_LABEL[:5], "softmax")
    assert yes == pytest.approx([5 / 3 / 2, 5 / 2 / 2, 0])


def test_balanced_sigmoid_counts_yes_and_no_of_each_class_the_same() -> None:
    yes, no = balanced_weights(LABELS, "sigmoid")
    # The third class is always there: nothing to balance.
    assert yes == pytest.approx([6 / 2 / 4, 6 / 2 / 1, 1])
    assert no == pytest.approx([6 / 2 / 2, 6 / 2 / 5, 1])
    expected = (binary(LABELS, LOGITS) * np.where(LABELS > 0, yes, no)).mean(axis=1)
    losses = keras.ops.convert_to_numpy(loss_of("sigmoid", 0.0, (yes, no))(LABELS, LOGITS))
    assert losses == pytest.approx(expected, rel=1e-5)


def test_accuracy_is_the_share_that_is_right() -> None:
    softmax = keras.ops.convert_to_numpy(accuracy_of("softmax")(ONE_LABEL, LOGITS))
    assert softmax.tolist() == (LOGITS.argmax(axis=1) == ONE_LABEL.argmax(axis=1)).tolist()
    sigmoid = keras.ops.convert_to_numpy(accuracy_of("sigmoid")(LABELS, LOGITS))
    assert sigmoid == pytest.approx(((LOGITS >= 0) == (LABELS > 0)).mean(axis=1))
