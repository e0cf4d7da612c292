"""training.head.calibrate: temperature and thresholds, on logits whose truth is known."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from sklearn.metrics import log_loss as sklearn_log_loss

from classifier.decide import Head, probabilities
from training.head.calibrate import (
    DEFAULT_THRESHOLD,
    TEMPERATURE_BOUNDS,
    accuracy,
    fit_temperature,
    fit_thresholds,
    log_loss,
)

Drawn = tuple[NDArray[np.float32], NDArray[np.float32]]


def honest(kind: Head = "softmax", num: int = 2_000, seed: int = 1) -> Drawn:
    """Logits that are the very distribution that the targets are drawn from."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(num, 4)).astype(np.float32) * 1.5
    shares = probabilities(logits, kind, 1.0)
    if kind == "sigmoid":
        return logits, (generator.random(shares.shape) < shares).astype(np.float32)
    labels = (generator.random((num, 1)) > shares.cumsum(axis=1)).sum(axis=1)
    return logits, np.eye(4, dtype=np.float32)[labels.clip(max=3)]


def targets_of(*labels: int) -> NDArray[np.float32]:
    return np.eye(3, dtype=np.float32)[list(labels)]


# --- Temperature


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_honest_logits_keep_their_temperature(kind: Head) -> None:
    logits, targets = honest(kind)
    assert fit_temperature(logits, targets, kind) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
@pytest.mark.parametrize("factor", [0.3, 3.0, 8.0])
def test_over_and_underconfident_logits_are_corrected(factor: float, kind: Head) -> None:
    logits, targets = honest(kind)
    wrong = (logits * factor).astype(np.float32)
    temperature = fit_temperature(wrong, targets, kind)
    assert temperature == pytest.approx(factor, rel=0.1)
    assert log_loss(wrong, targets, kind, temperature) < log_loss(wrong, targets, kind)


def test_when_all_are_right_the_temperature_stays_between_its_bounds() -> None:
    targets = targets_of(*np.arange(3).repeat(20))
    for factor in (0.1, 1.0, 30.0):
        temperature = fit_temperature(targets * np.float32(factor), targets)
        lowest, highest = TEMPERATURE_BOUNDS
        assert lowest <= temperature <= highest
    confident = probabilities(targets * 30, "softmax", fit_temperature(targets * 30, targets))
    assert 0.9 < confident.max() < 1 - 1e-3  # sixty right answers do not prove certainty


def test_when_all_yes_and_no_are_right_that_does_not_prove_certainty_either() -> None:
    targets = targets_of(*np.arange(3).repeat(20))
    logits = (targets * 2 - 1) * np.float32(30)
    temperature = fit_temperature(logits, targets, "sigmoid")
    assert TEMPERATURE_BOUNDS[0] <= temperature <= TEMPERATURE_BOUNDS[1]
    assert 0.9 < probabilities(logits, "sigmoid", temperature).max() < 1 - 1e-3


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_when_all_are_wrong_the_temperature_stays_between_its_bounds(kind: Head) -> None:
    targets = targets_of(*np.arange(3).repeat(20))
    logits = np.roll(targets, 1, axis=1) * 20 - 10
    temperature = fit_temperature(logits, targets, kind)
    assert 10 < temperature <= TEMPERATURE_BOUNDS[1]


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_one_validation_picture_is_enough_for_a_finite_temperature(kind: Head) -> None:
    temperature = fit_temperature(
        np.array([[2, -1]], np.float32), np.array([[1, 0]], np.float32), kind
    )
    assert TEMPERATURE_BOUNDS[0] <= temperature <= TEMPERATURE_BOUNDS[1]


# --- Thresholds


def f1(shares: NDArray[np.float64], truths: NDArray[np.bool_], threshold: float) -> float:
    said = shares >= threshold
    return 2 * float((said & truths).sum()) / max(1, int(said.sum() + truths.sum()))


columns = st.lists(
    st.tuples(st.integers(0, 20).map(lambda n: n / 20), st.booleans()), min_size=2, max_size=40
)


@given(columns)
@settings(max_examples=60, deadline=None)
def test_no_threshold_has_a_better_f1_than_the_one_that_is_chosen(
    column: list[tuple[float, bool]],
) -> None:
    shares = np.array([share for share, _ in column])
    truths = np.array([truth for _, truth in column])
    [threshold] = fit_thresholds(shares[:, None], truths[:, None].astype(np.float32))
    if truths.all() or not truths.any():
        assert threshold == DEFAULT_THRESHOLD
        return
    best = max(f1(shares, truths, candidate) for candidate in (*shares, 0.0, 1.01))
    assert f1(shares, truths, threshold) == pytest.approx(best)
    assert f1(shares, truths, threshold) == pytest.approx(f1_score(truths, shares >= threshold))


def test_a_threshold_lies_in_the_middle_between_two_probabilities() -> None:
    shares = np.array([[0.1], [0.3], [0.7], [0.9]])
    targets = np.array([[0], [0], [1], [1]], np.float32)
    assert fit_thresholds(shares, targets) == pytest.approx([0.5])


@pytest.mark.parametrize("below", [0.3, np.nextafter(0.3, 1)])
def test_a_threshold_between_two_neighbouring_numbers_still_parts_them(below: float) -> None:
    shares = np.array([[below], [np.nextafter(below, 1)]])
    [threshold] = fit_thresholds(shares, np.array([[0], [1]], np.float32))
    assert (shares[:, 0] >= threshold).tolist() == [False, True]


def test_equal_probabilities_are_said_or_not_said_together() -> None:
    shares = np.array([[0.8], [0.5], [0.5], [0.2]])
    targets = np.array([[1], [1], [0], [0]], np.float32)
    [threshold] = fit_thresholds(shares, targets)
    assert 0.2 < threshold < 0.5


def test_each_class_has_a_threshold_of_its_own() -> None:
    generator = np.random.default_rng(0)
    shares = generator.random((200, 3))
    targets = np.stack([shares[:, 0] > 0.8, shares[:, 1] > 0.3, np.zeros(200)], axis=1).astype(
        np.float32
    )
    first, second, third = fit_thresholds(shares, targets)
    assert first == pytest.approx(0.8, abs=0.02)
    assert second == pytest.approx(0.3, abs=0.02)
    assert third == DEFAULT_THRESHOLD


@pytest.mark.parametrize("target", [0, 1])
def test_a_class_of_none_or_of_all_keeps_a_half(target: int) -> None:
    targets = np.full((5, 1), target, np.float32)
    assert fit_thresholds(np.linspace(0, 1, 5)[:, None], targets) == (DEFAULT_THRESHOLD,)


# --- Figures


def test_the_log_loss_of_softmax_is_sklearns() -> None:
    logits, targets = honest()
    shares = probabilities(logits, "softmax", 2.0)
    expected = sklearn_log_loss(targets.argmax(axis=1), shares)
    assert log_loss(logits, targets, "softmax", 2.0) == pytest.approx(expected)


def test_the_log_loss_of_sigmoid_is_the_mean_of_the_classes() -> None:
    logits, targets = honest("sigmoid")
    shares = probabilities(logits, "sigmoid", 2.0)
    each = [sklearn_log_loss(targets[:, c], shares[:, c]) for c in range(4)]
    assert log_loss(logits, targets, "sigmoid", 2.0) == pytest.approx(np.mean(each))


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_the_log_loss_of_a_hopeless_answer_is_finite(kind: Head) -> None:
    logits = np.array([[500, -500, 0]], np.float32)
    assert 5 < log_loss(logits, targets_of(1), kind) < 100


def test_the_log_loss_falls_towards_the_right_temperature() -> None:
    logits, targets = honest()
    losses = [log_loss(logits * 3, targets, "softmax", t) for t in (0.5, 1.0, 2.0, 3.0)]
    assert all(before > after for before, after in pairwise(losses))


def test_accuracy_is_the_share_of_right_answers() -> None:
    logits = np.array([[3, 1, 0], [0, 1, 2], [5, 6, 4]], np.float32)
    assert accuracy(logits, targets_of(0, 2, 0), "softmax") == pytest.approx(2 / 3)
    assert accuracy(logits, targets_of(0, 2, 1), "softmax") == 1


def test_accuracy_of_several_labels_is_the_share_of_right_yes_and_no() -> None:
    logits = np.array([[3, -1, 0], [-2, 1, -2]], np.float32)
    targets = np.array([[1, 0, 1], [1, 1, 1]], np.float32)
    assert accuracy(logits, targets, "sigmoid") == pytest.approx(4 / 6)
