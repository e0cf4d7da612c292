"""training.evaluation.precision: faster than fp32 only where it answers as fp32 does."""

from dataclasses import asdict

import numpy as np
import pytest
from numpy.typing import NDArray

from classifier.bundle import Precision
from training.evaluation.precision import PrecisionChoice, Tried, choose_precision
from training.evaluation.verdicts import (
    MAX_ACCURACY_LOSS,
    MAX_MEAN_DIFFERENCE,
    MIN_AGREEMENT,
    SENTENCES,
    Verdict,
    in_turn,
    sentence_of,
    tried_in,
)

NUM = 1_000
FASTER: tuple[Precision, ...] = ("bf16", "int8")
Logits = NDArray[np.float32]


def sure(labels: NDArray[np.int64], by: float = 8.0) -> Logits:
    """Logits that are sure of these labels of four."""
    return np.eye(4, dtype=np.float32)[labels] * np.float32(by)


@pytest.fixture
def labels() -> NDArray[np.int64]:
    return np.arange(NUM) % 4


def of(choice: PrecisionChoice, precision: Precision) -> Tried:
    [found] = [each for each in choice.tried if each.precision == precision]
    return found


# --- One that is tried


@pytest.mark.parametrize("faster", FASTER)
def test_the_same_answers_are_given_in_the_faster_one(
    faster: Precision, labels: NDArray[np.int64]
) -> None:
    fp32 = sure(labels)
    other = (fp32 * np.float32(1.004)).astype(np.float32)
    choice = choose_precision(fp32, {faster: other}, sure(labels, 1), "softmax", 1.0)
    assert (choice.precision, choice.fallbacks) == (faster, ("fp32",))
    assert choice.num_pictures == NUM
    tried = of(choice, faster)
    assert (tried.verdict, tried.agreement, tried.top1) == ("safe", 1, 1)
    assert 0 < (tried.mean_difference or 0) < MAX_MEAN_DIFFERENCE
    assert choice.tried[-1] == Tried("fp32", "exact", 1.0, 1.0, 0.0)


@pytest.mark.parametrize("faster", FASTER)
@pytest.mark.parametrize(("num_others", "verdict"), [(10, "safe"), (11, "agreement")])
def test_too_many_other_answers_are_refused(
    faster: Precision, num_others: int, verdict: str, labels: NDArray[np.int64]
) -> None:
    """Both are wrong where they differ, so that no accuracy is lost."""
    fp32, other = labels.copy(), labels.copy()
    fp32[:num_others] = (labels[:num_others] + 1) % 4
    other[:num_others] = (labels[:num_others] + 2) % 4
    choice = choose_precision(sure(fp32), {faster: sure(other)}, sure(labels, 1), "softmax", 1.0)
    tried = of(choice, faster)
    assert tried.agreement == pytest.approx(1 - num_others / NUM)
    assert tried.top1 == of(choice, "fp32").top1
    assert tried.verdict == verdict
    assert choice.precision == (faster if verdict == "safe" else "fp32")
    assert MIN_AGREEMENT == 0.99


@pytest.mark.parametrize("faster", FASTER)
@pytest.mark.parametrize(("num_wrong", "verdict"), [(2, "safe"), (3, "safe"), (4, "accuracy")])
def test_more_than_three_tenths_of_a_point_of_accuracy_are_too_much(
    faster: Precision, num_wrong: int, verdict: str, labels: NDArray[np.int64]
) -> None:
    other = labels.copy()
    other[:num_wrong] = (labels[:num_wrong] + 1) % 4
    choice = choose_precision(sure(labels), {faster: sure(other)}, sure(labels, 1), "softmax", 1.0)
    tried = of(choice, faster)
    assert (tried.agreement or 0) > MIN_AGREEMENT
    assert tried.top1 == pytest.approx(1 - num_wrong / NUM)
    assert tried.verdict == verdict
    assert MAX_ACCURACY_LOSS == 0.003


def test_a_gain_of_accuracy_is_none_to_refuse(labels: NDArray[np.int64]) -> None:
    fp32 = labels.copy()
    fp32[:8] = (labels[:8] + 1) % 4
    choice = choose_precision(sure(fp32), {"int8": sure(labels)}, sure(labels, 1), "softmax", 1.0)
    assert choice.precision == "int8"
    assert (of(choice, "int8").top1 or 0) > (of(choice, "fp32").top1 or 0)


@pytest.mark.parametrize("faster", FASTER)
def test_other_probabilities_for_the_same_answers_are_refused(
    faster: Precision, labels: NDArray[np.int64]
) -> None:
    less_sure = {faster: sure(labels, 2)}
    choice = choose_precision(sure(labels), less_sure, sure(labels, 1), "softmax", 1.0)
    tried = of(choice, faster)
    assert tried.agreement == 1
    assert (tried.mean_difference or 0) > MAX_MEAN_DIFFERENCE
    assert (tried.verdict, choice.precision) == ("difference", "fp32")


def test_the_temperature_counts_for_the_difference(labels: NDArray[np.int64]) -> None:
    fp32, bf16 = sure(labels), sure(labels, 7)
    cold = choose_precision(fp32, {"bf16": bf16}, sure(labels, 1), "softmax", 1.0)
    warm = choose_precision(fp32, {"bf16": bf16}, sure(labels, 1), "softmax", 6.0)
    assert (cold.precision, warm.precision) == ("bf16", "fp32")


def test_logits_that_are_no_numbers_are_refused(labels: NDArray[np.int64]) -> None:
    broken = sure(labels)
    broken[0, 0] = np.nan  # at the right place: the answer would be the same
    choice = choose_precision(sure(labels), {"int8": broken}, sure(labels, 1), "softmax", 1.0)
    assert of(choice, "int8") == Tried("int8", "not_finite")
    assert choice.precision == "fp32"


# --- Several that are tried


@pytest.mark.parametrize(
    ("broken", "precision", "fallbacks"),
    [
        ((), "int8", ("bf16", "fp32")),
        (("int8",), "bf16", ("fp32",)),
        (("bf16",), "int8", ("fp32",)),
        (("int8", "bf16"), "fp32", ()),
    ],
)
def test_the_fastest_safe_one_is_chosen_and_the_other_safe_ones_stand_behind_it(
    broken: tuple[str, ...],
    precision: str,
    fallbacks: tuple[str, ...],
    labels: NDArray[np.int64],
) -> None:
    wrong = sure((labels + 1) % 4)
    others: dict[Precision, Logits | Verdict] = {
        name: wrong if name in broken else sure(labels) for name in FASTER
    }
    choice = choose_precision(sure(labels), others, sure(labels, 1), "softmax", 1.0)
    assert (choice.precision, choice.fallbacks) == (precision, fallbacks)
    assert [each.precision for each in choice.tried] == ["int8", "bf16", "fp32"]


def test_what_was_not_run_is_never_chosen_and_says_why(labels: NDArray[np.int64]) -> None:
    others: dict[Precision, Logits | Verdict] = {"int8": "processor", "bf16": "unwanted"}
    choice = choose_precision(sure(labels), others, sure(labels, 1), "softmax", 1.0)
    assert (choice.precision, choice.fallbacks) == ("fp32", ())
    assert choice.tried[:2] == (Tried("int8", "processor"), Tried("bf16", "unwanted"))


# --- Several labels


@pytest.mark.parametrize("faster", FASTER)
def test_several_labels_agree_as_a_set(faster: Precision) -> None:
    targets = (np.random.default_rng(0).random((NUM, 3)) < 0.4).astype(np.float32)
    fp32 = (targets * 2 - 1) * np.float32(5)
    other = fp32.copy()
    other[:20, 1] *= -1  # the likeliest label stays, the set does not
    choice = choose_precision(fp32, {faster: other}, targets, "sigmoid", 1.0)
    tried = of(choice, faster)
    assert tried.agreement == pytest.approx(0.98)
    assert tried.top1 == pytest.approx(1 - 20 / (3 * NUM))
    assert tried.verdict == "agreement"
    assert of(choice, "fp32").top1 == 1


def test_several_labels_that_agree_are_given_in_the_fastest() -> None:
    targets = (np.random.default_rng(0).random((NUM, 3)) < 0.4).astype(np.float32)
    fp32 = (targets * 2 - 1) * np.float32(5)
    nearly = fp32 * np.float32(1.01)
    choice = choose_precision(fp32, {"bf16": nearly, "int8": nearly}, targets, "sigmoid", 1.0)
    assert choice.precision == "int8"


# --- What is said of them


def test_every_verdict_has_a_sentence_without_gaps() -> None:
    for verdict in SENTENCES:
        sentence = sentence_of(verdict)
        assert sentence.endswith(".")
        assert "%(" not in sentence
        assert "%%" not in sentence
    assert sentence_of("agreement") == (
        "Not used: fewer than 99 % of the pictures get the same answer."
    )
    assert "0.3 points" in sentence_of("accuracy")
    assert "50 validation pictures" in sentence_of("few_pictures")


def test_a_verdict_of_a_newer_release_is_shown_as_it_is() -> None:
    assert sentence_of("too_warm") == "too_warm"


def test_what_was_tried_is_read_from_a_manifest(labels: NDArray[np.int64]) -> None:
    choice = choose_precision(sure(labels), {"int8": "failed"}, sure(labels, 1), "softmax", 1.0)
    assert tried_in(asdict(choice)) == [asdict(each) for each in choice.tried]
    assert in_turn({"precision": "int8", "fallbacks": ["bf16", "fp32"]}) == ["int8", "bf16", "fp32"]


@pytest.mark.parametrize(
    ("chosen", "agreement", "top1_bf16", "verdict"),
    [
        ("bf16", 1.0, 0.95, "safe"),
        ("fp32", 0.98, 0.95, "agreement"),
        ("fp32", 0.995, 0.94, "accuracy"),
        ("fp32", 1.0, 0.95, "processor"),  # fp32 with itself
    ],
)
def test_the_first_bundles_compared_bf16_alone(
    chosen: str, agreement: float, top1_bf16: float, verdict: str
) -> None:
    comparison = {
        "precision": chosen,
        "agreement": agreement,
        "mean_difference": 0.001,
        "top1_fp32": 0.95,
        "top1_bf16": top1_bf16,
    }
    bf16, fp32 = tried_in(comparison)
    assert (bf16["precision"], bf16["verdict"], bf16["top1"]) == ("bf16", verdict, top1_bf16)
    assert (fp32["precision"], fp32["verdict"], fp32["top1"]) == ("fp32", "exact", 0.95)
    assert in_turn(comparison) == (["bf16", "fp32"] if chosen == "bf16" else ["fp32"])
    assert set(bf16) == set(fp32) == set(asdict(Tried("fp32", "exact")))


@pytest.mark.parametrize("comparison", [{}, {"agreement": 1.0}])
def test_a_bundle_that_compares_nothing_has_tried_nothing(comparison: dict[str, float]) -> None:
    assert tried_in(comparison) == []
    assert in_turn(comparison) == []
