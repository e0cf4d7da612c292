"""training.evaluation.evaluate: plain logits in, figures out, beside scikit-learn and what a hand computes."""

import json
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.calibration import calibration_curve

from classifier.decide import Head, probabilities
from training.evaluation.evaluate import evaluate
from training.evaluation.intervals import bootstrap, wilson
from training.evaluation.many_labels import _average_precisions
from training.evaluation.one_label import MAX_CONFUSION_CLASSES, MAX_MISTAKES, top_k_accuracy

LABELS = np.array([0, 1, 2, 0])
LOGITS = np.array([[3, 2, 1], [3, 2, 1], [3, 2, 1], [1, 3, 2]], dtype=np.float32)
ABC = ("a", "b", "c")

Drawn = tuple[NDArray[np.float32], Any]


def names(num_classes: int) -> list[str]:
    return [f"class {i}" for i in range(num_classes)]


def drawn(num: int, num_classes: int, gap: float = 3.0, seed: int = 0) -> Drawn:
    """Logits that favour the right class by `gap` standard deviations, and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(num_classes, size=num)
    logits = rng.normal(size=(num, num_classes))
    logits[np.arange(num), labels] += gap
    return logits.astype(np.float32), labels


def drawn_many(num: int, num_classes: int, share: float = 0.3, seed: int = 0) -> Drawn:
    """Logits and several labels a picture."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((num, num_classes)) < share).astype(np.float32)
    logits = rng.normal(size=(num, num_classes)) * 1.5 - 2 + 4 * targets
    # Rounded, so that some are equal: rankings with ties are where implementations differ.
    return logits.round(1).astype(np.float32), targets


@pytest.mark.parametrize(("k", "share"), [(1, 0.25), (2, 0.5), (3, 1.0), (5, 1.0), (99, 1.0)])
def test_top_k_counts_labels_among_the_k_largest_even_of_fewer_classes(
    k: int, share: float
) -> None:
    assert top_k_accuracy(LOGITS, LABELS, k) == share


@pytest.mark.parametrize("k", [1, 2, 3])
def test_equal_logits_do_not_all_count_as_right(k: int) -> None:
    assert top_k_accuracy(np.zeros((4, 4), np.float32), np.arange(4), k) == k / 4


def test_top_1_is_what_the_answer_says_even_of_equal_logits() -> None:
    logits, labels = drawn(500, 4)
    logits = logits.round(0)
    top1 = evaluate(logits, labels, names(4)).values()["top1"]
    assert top1 == top_k_accuracy(logits, labels, 1) == (logits.argmax(axis=1) == labels).mean()


def test_the_figures_are_what_a_hand_computes() -> None:
    logits = np.log(np.array([[0.5, 0.3, 0.2], [0.5, 0.4, 0.1]], dtype=np.float32))
    figures = evaluate(logits, np.array([0, 1]), ABC).values()
    assert figures["top1"] == 0.5
    assert figures["top5"] == 1.0
    assert figures["log_loss"] == pytest.approx(-(math.log(0.5) + math.log(0.4)) / 2)
    # Class a: precision 1/2, recall 1. Class b: nothing. Class c occurs nowhere and does not count.
    assert figures["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)
    # Both were 50 % sure, half of them are right.
    assert figures["ece"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_softmax_figures_are_those_of_scikit_learn(temperature: float) -> None:
    logits, labels = drawn(400, 7)
    shares = probabilities(logits, "softmax", temperature)
    got = evaluate(logits, labels, names(7), temperature=temperature)
    figures, guesses = got.values(), logits.argmax(axis=1)
    assert figures["top1"] == pytest.approx(metrics.accuracy_score(labels, guesses))
    assert figures["top5"] == pytest.approx(metrics.top_k_accuracy_score(labels, shares, k=5))
    assert figures["macro_f1"] == pytest.approx(metrics.f1_score(labels, guesses, average="macro"))
    assert figures["log_loss"] == pytest.approx(metrics.log_loss(labels, shares))
    matrix = metrics.confusion_matrix(labels, guesses)
    assert got.tables["confusion"] == matrix.tolist()
    recall = metrics.recall_score(labels, guesses, average=None)
    assert [row["recall"] for row in got.tables["classes"]] == pytest.approx(recall)
    assert [row["count"] for row in got.tables["classes"]] == np.bincount(labels).tolist()


def test_sigmoid_figures_are_those_of_scikit_learn() -> None:
    logits, targets = drawn_many(300, 6)
    thresholds = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    got = evaluate(logits, targets, names(6), head="sigmoid", thresholds=thresholds, temperature=2)
    figures = got.values()
    shares = probabilities(logits, "sigmoid", 2)
    decided = shares >= thresholds
    assert figures["mean_average_precision"] == pytest.approx(
        metrics.average_precision_score(targets, shares)
    )
    for average in ("micro", "macro"):
        expected = metrics.f1_score(targets, decided, average=average)
        assert figures[f"{average}_f1"] == pytest.approx(expected)
    assert figures["subset_accuracy"] == pytest.approx(metrics.accuracy_score(targets, decided))
    assert figures["log_loss"] == pytest.approx(
        np.mean([metrics.log_loss(targets[:, i], shares[:, i]) for i in range(6)])
    )
    ranked = metrics.average_precision_score(targets, shares, average=None)
    rows = got.tables["classes"]
    assert [row["average_precision"] for row in rows] == pytest.approx(ranked)
    assert [row["threshold"] for row in rows] == list(thresholds)


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_the_reliability_bins_are_those_of_scikit_learn_and_add_up_to_the_error(head: Head) -> None:
    logits, targets = drawn(600, 3, gap=1.5) if head == "softmax" else drawn_many(200, 3)
    got = evaluate(logits, targets, ABC, head=head, temperature=1.7)
    shares = probabilities(logits, head, 1.7)
    if head == "softmax":
        sure, right = shares.max(axis=1), shares.argmax(axis=1) == targets
    else:
        sure, right = shares.ravel(), targets.ravel() > 0
    accuracies, confidences = calibration_curve(right, sure, n_bins=15)
    bins = [each for each in got.tables["reliability"]["after"] if each["num"]]
    assert [each["accuracy"] for each in bins] == pytest.approx(accuracies)
    assert [each["confidence"] for each in bins] == pytest.approx(confidences)
    assert sum(each["num"] for each in bins) == len(sure)
    error = sum(each["num"] * abs(each["accuracy"] - each["confidence"]) for each in bins)
    assert got.values()["ece"] == pytest.approx(error / len(sure), abs=1e-6)


def test_the_error_before_the_temperature_does_not_depend_on_it() -> None:
    logits, labels = drawn(500, 5, gap=1.0)
    logits = logits * 4  # far too sure
    figures = evaluate(logits, labels, names(5), temperature=4).values()
    assert figures["ece_before"] == evaluate(logits, labels, names(5)).values()["ece"]
    assert (figures["ece"] or 0) < (figures["ece_before"] or 0) / 2


def test_the_log_loss_depends_on_the_temperature_and_stays_finite() -> None:
    wrong = np.array([[1e4, 0]], dtype=np.float32)
    losses = [
        evaluate(wrong, np.array([1]), ABC[:2], temperature=t).values()["log_loss"] or 0
        for t in (1.0, 1e4)
    ]
    assert math.isfinite(losses[0])
    assert losses[0] > 20 > losses[1] > 0


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
@pytest.mark.parametrize(("num", "num_classes"), [(1, 2), (2, 2), (3, 200), (40, 3)])
def test_any_number_of_pictures_and_classes_gives_plain_finite_values(
    head: Head, num: int, num_classes: int
) -> None:
    logits, targets = (drawn if head == "softmax" else drawn_many)(num, num_classes)
    content = evaluate(logits, targets, names(num_classes), head=head).to_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert len(content["classes"]) == num_classes
    for name, (low, high) in content["intervals"].items():
        assert 0 <= low <= content["figures"][name] <= high


def test_pictures_without_any_label_leave_undefined_what_is_undefined() -> None:
    logits = np.full((5, 3), -9, np.float32)
    got = evaluate(logits, np.zeros((5, 3), np.float32), ABC, head="sigmoid")
    assert got.values()["mean_average_precision"] is None
    assert got.values()["macro_f1"] is None
    assert got.values()["subset_accuracy"] == 1.0
    assert {row["recall"] for row in got.tables["classes"]} == {None}


def test_a_class_absent_from_the_split_has_no_recall_and_costs_the_mean_nothing() -> None:
    logits = np.array([[9, 0, 0], [0, 0, 9], [0, 9, 0]], np.float32)
    got = evaluate(logits, np.array([0, 0, 1]), ABC)
    assert got.tables["classes"][2] == {
        "name": "c",
        "count": 0,
        "precision": 0.0,
        "recall": None,
        "f1": None,
    }
    assert got.values()["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert got.tables["confusion"] == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_the_worst_mistake_is_the_surest_one_and_names_its_row() -> None:
    logits = np.array([[5, 0, 0], [0, 9, 0], [0, 3, 0], [0, 0, 1]], np.float32)
    rows = np.array([70, 80, 90, 100])
    mistakes = evaluate(logits, np.array([0, 0, 0, 2]), ABC, rows=rows).tables["mistakes"]
    assert [mistake["row"] for mistake in mistakes] == [80, 90]
    assert mistakes[0]["given"] == ["a"]
    assert mistakes[0]["predicted"] == ["b"]
    assert mistakes[0]["probability"] > mistakes[1]["probability"] > 0.8


def test_a_mistake_of_several_labels_is_about_the_farthest_from_the_truth() -> None:
    logits = np.array([[4, 1, -4], [4, -4, -4], [-1, -1, 6]], np.float32)
    targets = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 0]], np.float32)
    mistakes = evaluate(logits, targets, ABC, head="sigmoid").tables["mistakes"]
    assert [mistake["row"] for mistake in mistakes] == [2, 0]
    assert mistakes[0]["given"] == []
    assert mistakes[0]["predicted"] == ["c"]
    assert mistakes[1]["about"] == "c"
    assert mistakes[1]["predicted"] == ["a", "b"]
    assert mistakes[1]["probability"] == pytest.approx(1 / (1 + math.e**4))


def test_no_more_mistakes_are_listed_than_a_page_shows() -> None:
    logits, labels = drawn(300, 4)
    assert len(evaluate(logits, (labels + 1) % 4, names(4)).tables["mistakes"]) == MAX_MISTAKES


def test_the_most_frequent_mix_ups_come_first() -> None:
    logits = np.eye(3, dtype=np.float32)[[1, 1, 1, 2, 0]]
    confused = evaluate(logits, np.array([0, 0, 2, 0, 0]), ABC).tables["confused"]
    assert confused[0] == {"given": "a", "predicted": "b", "num": 2}
    assert len(confused) == 3


def test_of_very_many_classes_only_the_mix_ups_are_kept() -> None:
    num = MAX_CONFUSION_CLASSES + 1
    content = evaluate(*drawn(50, num, gap=1.0), names(num)).to_dict()
    assert content["confusion"] is None
    assert content["confused"]


@pytest.mark.parametrize(
    "change",
    [
        {"logits": np.empty((0, 3), np.float32), "targets": np.empty(0, np.int64)},
        {"logits": np.full((4, 3), np.nan, np.float32)},
        {"class_names": ("a", "b")},
        {"targets": np.zeros((4, 3), np.float32)},
        {"thresholds": (0.5,)},
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    given: dict[str, Any] = {"logits": LOGITS, "targets": LABELS, "class_names": ABC, **change}
    with pytest.raises(ValueError, match="Expected"):
        evaluate(**given)


# Intervals


def test_wilson_gives_the_published_interval() -> None:
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=1e-4)


def test_the_bootstrap_of_a_mean_is_as_wide_as_its_standard_error_says() -> None:
    logits, labels = drawn(800, 4)
    evaluation = evaluate(logits, labels, names(4))
    shares = probabilities(logits, "softmax", 1)[np.arange(800), labels]
    error = (-np.log(shares)).std() / math.sqrt(800)
    low, high = evaluation.figures["log_loss"].interval or (0, 0)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_the_bootstrap_by_pairs_of_classes_is_the_bootstrap_by_pictures() -> None:
    logits, labels = drawn(150, 5, gap=1.5)
    guesses = logits.argmax(axis=1)
    rng = np.random.default_rng(1)
    slow = []
    for _ in range(1000):
        chosen = rng.integers(150, size=150)
        slow.append(metrics.f1_score(labels[chosen], guesses[chosen], average="macro"))
    low, high = evaluate(logits, labels, names(5)).figures["macro_f1"].interval or (0, 0)
    assert high - low == pytest.approx(np.ptp(np.percentile(slow, [2.5, 97.5])), rel=0.12)


def test_average_precision_on_resamples_is_that_of_scikit_learn_with_weights() -> None:
    logits, targets = drawn_many(120, 1)
    counts = np.random.default_rng(3).integers(0, 4, size=(120, 5)).astype(np.float32)
    present, scores = targets[:, 0] > 0, logits[:, 0].astype(np.float64)
    found = _average_precisions(counts, present, scores)
    expected = [
        metrics.average_precision_score(present, scores, sample_weight=weights)
        for weights in counts.T
    ]
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_calibration_error_is_amid_its_interval_though_resamples_are_worse_calibrated() -> None:
    for seed in range(5):
        logits, labels = drawn(60, 3, gap=2.0, seed=seed)
        figure = evaluate(logits, labels, ABC, temperature=0.6).figures["ece"]
        assert figure.value is not None
        assert figure.interval is not None
        low, high = figure.interval
        assert 0.3 < (figure.value - low) / (high - low) < 0.7


def test_the_same_pictures_always_give_the_same_interval() -> None:
    logits, labels = drawn(90, 3)
    first, second = (evaluate(logits, labels, ABC).to_dict()["intervals"] for _ in range(2))
    assert first == second


def test_where_resamples_tell_nothing_no_interval_is_claimed() -> None:
    alike = np.zeros(50, np.int64)
    assert bootstrap(1.0, alike, lambda counts: np.ones(len(counts))) is None
    assert bootstrap(None, np.arange(9), lambda counts: np.ones(len(counts))) is None
    assert evaluate(*drawn(1, 3), ABC).figures["macro_f1"].interval is None
