"""training.heads: the head and its temperature, on features drawn from known distributions."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from classifier.decide import probabilities
from training.heads import INVERSE_PENALTY, TEMPERATURE_BOUNDS, fit_softmax_head, fit_temperature

Drawn = tuple[NDArray[np.float32], NDArray[np.int64]]


def clouds(num_classes: int, distance: float, num_each: int = 60, seed: int = 0) -> Drawn:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(num_classes, 16)) * distance
    labels = np.repeat(np.arange(num_classes), num_each)
    features = centres[labels] + generator.normal(size=(len(labels), 16))
    return features.astype(np.float32), labels


# What our fit, which stops at a tolerance, may differ from one that runs to the end.
STOPPED_EARLY = 0.005


def log_loss(logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float) -> float:
    shares = probabilities(logits, "softmax", temperature)
    return float(-np.log(shares[np.arange(len(labels)), labels]).mean())


@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_separable_classes_are_told_apart(num_classes: int) -> None:
    features, labels = clouds(num_classes, distance=5)
    head = fit_softmax_head(features, labels, num_classes)
    assert head.kernel.shape == (16, num_classes)
    assert head.bias.shape == (num_classes,)
    assert head.kernel.dtype == head.bias.dtype == np.float32
    logits = head.logits(features)
    assert logits.shape == (len(labels), num_classes)
    assert logits.dtype == np.float32
    assert (logits.argmax(axis=1) == labels).mean() >= 0.995


def test_two_classes_get_opposite_logits_with_the_regressions_probabilities() -> None:
    features, labels = clouds(2, distance=0.4)
    head = fit_softmax_head(features, labels, 2)
    logits = head.logits(features)
    assert logits[:, 0] == pytest.approx(-logits[:, 1], abs=1e-5)
    scale = float(np.sqrt(np.mean(np.square(features, dtype=np.float64))))
    regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000).fit(features / scale, labels)
    expected = regression.predict_proba(features / scale)
    assert expected[:, 1].std() > 0.05
    assert probabilities(logits, "softmax", 1.0) == pytest.approx(expected, abs=STOPPED_EARLY)


def test_many_classes_get_the_regressions_probabilities() -> None:
    features, labels = clouds(4, distance=0.4)
    scale = float(np.sqrt(np.mean(np.square(features, dtype=np.float64))))
    regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000).fit(features / scale, labels)
    shares = probabilities(fit_softmax_head(features, labels, 4).logits(features), "softmax", 1.0)
    assert shares == pytest.approx(regression.predict_proba(features / scale), abs=STOPPED_EARLY)


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_the_scale_of_the_features_does_not_change_the_answers(factor: float) -> None:
    features, labels = clouds(3, distance=0.5)
    scaled = (features * factor).astype(np.float32)
    expected = fit_softmax_head(features, labels, 3).logits(features)
    received = fit_softmax_head(scaled, labels, 3).logits(scaled)
    assert received == pytest.approx(expected, abs=0.01)


def test_features_that_are_all_nothing_still_give_a_head() -> None:
    head = fit_softmax_head(np.zeros((6, 4), np.float32), np.array([0, 0, 0, 0, 1, 1]), 2)
    assert np.isfinite(head.kernel).all()
    assert head.logits(np.zeros((1, 4), np.float32)).argmax() == 0  # the class seen more often


# --- Temperature


def honest_logits(num: int = 2_000, seed: int = 1) -> Drawn:
    """Logits whose softmax is the very distribution that the labels are drawn from."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(num, 4)).astype(np.float32) * 1.5
    shares = probabilities(logits, "softmax", 1.0)
    labels = np.array([generator.choice(4, p=p) for p in shares])
    return logits, labels


def test_honest_logits_keep_their_temperature() -> None:
    logits, labels = honest_logits()
    assert fit_temperature(logits, labels) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("factor", [0.3, 3.0, 8.0])
def test_over_and_underconfident_logits_are_corrected(factor: float) -> None:
    logits, labels = honest_logits()
    wrong = (logits * factor).astype(np.float32)
    temperature = fit_temperature(wrong, labels)
    assert temperature == pytest.approx(factor, rel=0.1)
    assert log_loss(wrong, labels, temperature) < log_loss(wrong, labels, 1.0)


def test_when_all_are_right_the_temperature_stays_between_its_bounds() -> None:
    labels = np.arange(3).repeat(20)
    logits = np.eye(3, dtype=np.float32)[labels]
    for factor in (0.1, 1.0, 30.0):
        temperature = fit_temperature(logits * np.float32(factor), labels)
        lowest, highest = TEMPERATURE_BOUNDS
        assert lowest <= temperature <= highest
    confident = probabilities(logits * 30, "softmax", fit_temperature(logits * 30, labels))
    assert 0.9 < confident.max() < 1 - 1e-3  # sixty right answers do not prove certainty


def test_when_all_are_wrong_the_temperature_stays_between_its_bounds() -> None:
    labels = np.arange(3).repeat(20)
    logits = np.eye(3, dtype=np.float32)[(labels + 1) % 3] * 10
    temperature = fit_temperature(logits, labels)
    assert 10 < temperature <= TEMPERATURE_BOUNDS[1]


def test_one_validation_picture_is_enough_for_a_finite_temperature() -> None:
    temperature = fit_temperature(np.array([[2, -1]], np.float32), np.array([0]))
    assert TEMPERATURE_BOUNDS[0] <= temperature <= TEMPERATURE_BOUNDS[1]
