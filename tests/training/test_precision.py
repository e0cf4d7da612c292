"""training.evaluation.precision: bf16 only where it answers as fp32 does."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.evaluation.precision import (
    MAX_ACCURACY_LOSS,
    MAX_MEAN_DIFFERENCE,
    MIN_AGREEMENT,
    compare_precisions,
)

NUM = 1_000


def sure(labels: NDArray[np.int64], by: float = 8.0) -> NDArray[np.float32]:
    """Logits that are sure of these labels of four."""
    return np.eye(4, dtype=np.float32)[labels] * np.float32(by)


@pytest.fixture
def labels() -> NDArray[np.int64]:
    return np.arange(NUM) % 4


def test_the_same_answers_are_given_in_bf16(labels: NDArray[np.int64]) -> None:
    fp32 = sure(labels)
    bf16 = (fp32 * np.float32(1.004)).astype(np.float32)
    choice = compare_precisions(fp32, bf16, sure(labels, 1), "softmax", 1.0)
    assert choice.precision == "bf16"
    assert choice.agreement == 1
    assert choice.top1_fp32 == choice.top1_bf16 == 1
    assert 0 < choice.mean_difference < MAX_MEAN_DIFFERENCE


@pytest.mark.parametrize(("num_others", "precision"), [(10, "bf16"), (11, "fp32")])
def test_too_many_other_answers_are_refused(
    num_others: int, precision: str, labels: NDArray[np.int64]
) -> None:
    """Both are wrong where they differ, so that no accuracy is lost."""
    fp32, bf16 = labels.copy(), labels.copy()
    fp32[:num_others] = (labels[:num_others] + 1) % 4
    bf16[:num_others] = (labels[:num_others] + 2) % 4
    choice = compare_precisions(sure(fp32), sure(bf16), sure(labels, 1), "softmax", 1.0)
    assert choice.agreement == pytest.approx(1 - num_others / NUM)
    assert choice.top1_fp32 == choice.top1_bf16
    assert choice.precision == precision
    assert MIN_AGREEMENT == 0.99


@pytest.mark.parametrize(("num_wrong", "precision"), [(2, "bf16"), (4, "fp32")])
def test_a_loss_of_accuracy_is_refused(
    num_wrong: int, precision: str, labels: NDArray[np.int64]
) -> None:
    bf16 = labels.copy()
    bf16[:num_wrong] = (labels[:num_wrong] + 1) % 4
    choice = compare_precisions(sure(labels), sure(bf16), sure(labels, 1), "softmax", 1.0)
    assert choice.agreement > MIN_AGREEMENT
    assert choice.top1_fp32 - choice.top1_bf16 == pytest.approx(num_wrong / NUM)
    assert choice.precision == precision
    assert MAX_ACCURACY_LOSS == 0.003


def test_a_gain_of_accuracy_is_none_to_refuse(labels: NDArray[np.int64]) -> None:
    fp32 = labels.copy()
    fp32[:8] = (labels[:8] + 1) % 4
    choice = compare_precisions(sure(fp32), sure(labels), sure(labels, 1), "softmax", 1.0)
    assert choice.precision == "bf16"
    assert choice.top1_bf16 > choice.top1_fp32


def test_other_probabilities_for_the_same_answers_are_refused(labels: NDArray[np.int64]) -> None:
    choice = compare_precisions(sure(labels), sure(labels, 2), sure(labels, 1), "softmax", 1.0)
    assert choice.agreement == 1
    assert choice.mean_difference > MAX_MEAN_DIFFERENCE
    assert choice.precision == "fp32"


def test_the_temperature_counts_for_the_difference(labels: NDArray[np.int64]) -> None:
    fp32, bf16 = sure(labels), sure(labels, 7)
    cold = compare_precisions(fp32, bf16, sure(labels, 1), "softmax", 1.0)
    warm = compare_precisions(fp32, bf16, sure(labels, 1), "softmax", 6.0)
    assert (cold.precision, warm.precision) == ("bf16", "fp32")


def test_logits_that_are_no_numbers_are_refused(labels: NDArray[np.int64]) -> None:
    bf16 = sure(labels)
    bf16[0, 0] = np.nan  # at the right place: the answer would be the same
    choice = compare_precisions(sure(labels), bf16, sure(labels, 1), "softmax", 1.0)
    assert choice.precision == "fp32"


# --- Several labels


def test_several_labels_agree_as_a_set() -> None:
    targets = (np.random.default_rng(0).random((NUM, 3)) < 0.4).astype(np.float32)
    fp32 = (targets * 2 - 1) * np.float32(5)
    bf16 = fp32.copy()
    bf16[:20, 1] *= -1  # the likeliest label stays, the set does not
    choice = compare_precisions(fp32, bf16, targets, "sigmoid", 1.0)
    assert choice.agreement == pytest.approx(0.98)
    assert choice.precision == "fp32"
    assert choice.top1_fp32 == 1
    assert choice.top1_bf16 == pytest.approx(1 - 20 / (3 * NUM))


def test_several_labels_that_agree_are_given_in_bf16() -> None:
    targets = (np.random.default_rng(0).random((NUM, 3)) < 0.4).astype(np.float32)
    fp32 = (targets * 2 - 1) * np.float32(5)
    choice = compare_precisions(fp32, fp32 * np.float32(1.01), targets, "sigmoid", 1.0)
    assert choice.precision == "bf16"
