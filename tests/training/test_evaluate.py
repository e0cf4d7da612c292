"""training.evaluate: plain logits in, figures out."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from training.evaluate import compare_precisions, evaluate, top_k_accuracy

LABELS = np.array([0, 1, 2, 0])
LOGITS = np.array([[3, 2, 1], [3, 2, 1], [3, 2, 1], [1, 3, 2]], dtype=np.float32)


@pytest.mark.parametrize(("k", "share"), [(1, 0.25), (2, 0.5), (3, 1.0), (5, 1.0), (99, 1.0)])
def test_top_k_counts_labels_among_the_k_largest_even_of_fewer_classes(
    k: int, share: float
) -> None:
    assert top_k_accuracy(LOGITS, LABELS, k) == share


def test_equal_logits_do_not_all_count_as_right() -> None:
    labels = np.array([0, 1, 2, 3])
    assert top_k_accuracy(np.zeros((4, 4), np.float32), labels, 1) == 0.25


def test_the_figures_are_what_a_hand_computes() -> None:
    logits = np.log(np.array([[0.5, 0.3, 0.2], [0.5, 0.4, 0.1]], dtype=np.float32))
    figures = dict(evaluate(logits, np.array([0, 1]), 1.0))
    assert list(figures) == ["val_top1", "val_top5", "val_log_loss"]
    assert figures["val_top1"] == 0.5
    assert figures["val_top5"] == 1.0
    assert figures["val_log_loss"] == pytest.approx(-(math.log(0.5) + math.log(0.4)) / 2)


def test_the_log_loss_depends_on_the_temperature_and_stays_finite() -> None:
    wrong = np.array([[1e4, 0]], dtype=np.float32)
    certain = dict(evaluate(wrong, np.array([1]), 1.0))["val_log_loss"]
    doubtful = dict(evaluate(wrong, np.array([1]), 1e4))["val_log_loss"]
    assert math.isfinite(certain)
    assert certain > 20 > doubtful > 0


def decided(num: int, num_flipped: int = 0, gap: float = 8.0) -> NDArray[np.float32]:
    logits = np.tile(np.array([gap, 0], dtype=np.float32), (num, 1))
    logits[:num_flipped] = logits[:num_flipped, ::-1]
    return logits


def test_bf16_is_chosen_when_it_answers_as_fp32_does() -> None:
    labels = np.zeros(400, dtype=np.int64)
    choice = compare_precisions(decided(400), decided(400, num_flipped=1), labels, 1.0)
    assert choice.precision == "bf16"
    assert choice.agreement == 399 / 400
    assert choice.top1_fp32 == 1.0
    assert choice.top1_bf16 == 399 / 400
    assert 0 < choice.mean_difference < 0.01


def test_fp32_is_chosen_when_bf16_costs_accuracy() -> None:
    labels = np.zeros(400, dtype=np.int64)
    choice = compare_precisions(decided(400), decided(400, num_flipped=2), labels, 1.0)
    assert choice.agreement >= 0.99
    assert choice.precision == "fp32"


def test_fp32_is_chosen_when_bf16_answers_differently_even_if_not_worse() -> None:
    labels = np.zeros(100, dtype=np.int64)
    choice = compare_precisions(
        decided(100, num_flipped=2), decided(100, num_flipped=4), 1 - labels, 1.0
    )
    assert choice.top1_bf16 > choice.top1_fp32
    assert choice.precision == "fp32"


def test_fp32_is_chosen_when_bf16_is_less_sure() -> None:
    labels = np.zeros(100, dtype=np.int64)
    choice = compare_precisions(decided(100, gap=3.0), decided(100, gap=1.0), labels, 1.0)
    assert choice.agreement == 1.0
    assert choice.mean_difference > 0.02
    assert choice.precision == "fp32"


def test_nan_in_bf16_is_never_chosen() -> None:
    labels = np.zeros(10, dtype=np.int64)
    broken = np.full((10, 2), np.nan, dtype=np.float32)
    assert compare_precisions(decided(10), broken, labels, 1.0).precision == "fp32"
