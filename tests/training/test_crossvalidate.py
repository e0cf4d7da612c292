"""training.head.crossvalidate: nobody is judged by a head that knows them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from classifier.decide import Head, probabilities
from training.head.calibrate import accuracy
from training.head.crossvalidate import (
    NUM_FOLDS,
    PENALTIES,
    FoldAccuracy,
    choose_penalty,
    deal_folds,
    fold_accuracy,
    out_of_fold_logits,
    suspects,
)


def clouds(
    num_classes: int, distance: float, num_each: int, seed: int = 0, num_features: int = 16
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(num_classes, num_features)) * distance
    labels = np.repeat(np.arange(num_classes, dtype=np.int32), num_each)
    features = centres[labels] + generator.normal(size=(len(labels), num_features))
    return features.astype(np.float32), labels


def one_hot(labels: NDArray[np.int32], num_classes: int) -> NDArray[np.float32]:
    return np.eye(num_classes, dtype=np.float32)[labels]


def singles(num: int) -> NDArray[np.int32]:
    """No two look alike."""
    return np.arange(num, dtype=np.int32)


# --- Folds


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=80),
    st.integers(2, 10),
    st.integers(0, 1_000),
)
@settings(max_examples=60, deadline=None)
def test_each_class_is_spread_evenly(labels: list[int], num_folds: int, seed: int) -> None:
    each = np.array(labels, np.int32)
    folds = deal_folds(each, singles(len(each)), num_folds, seed)
    assert folds.dtype == np.int8
    for label in set(labels):
        counts = np.bincount(folds[each == label], minlength=num_folds)
        assert len(counts) == num_folds
        assert np.ptp(counts) <= 1
    assert np.ptp(np.bincount(folds, minlength=num_folds)) <= 1


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12)), min_size=1, max_size=60),
    st.integers(2, 10),
    st.integers(0, 1_000),
)
@settings(max_examples=60, deadline=None)
def test_a_group_is_in_one_fold(members: list[tuple[int, int]], num_folds: int, seed: int) -> None:
    labels = np.array([label for label, _ in members], np.int32)
    groups = np.array([group for _, group in members], np.int32)
    folds = deal_folds(labels, groups, num_folds, seed)
    for group in set(groups.tolist()):
        assert len(set(folds[groups == group].tolist())) == 1
    assert set(folds.tolist()) <= set(range(num_folds))


def test_the_seed_decides_the_folds() -> None:
    labels = np.repeat(np.arange(3, dtype=np.int32), 40)
    first, again, other = (deal_folds(labels, singles(120), 5, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


# --- Out of fold


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_out_of_fold_logits_never_saw_the_example(kind: Head) -> None:
    """Features that name the row: whoever has seen it knows its label, nobody else does."""
    num = 60
    labels = np.arange(num, dtype=np.int32) % 2
    views = np.eye(num, dtype=np.float32)[None] * 10
    targets = one_hot(labels, 2)
    folds = deal_folds(labels, singles(num), NUM_FOLDS, 0)
    logits = out_of_fold_logits(views, targets, folds, kind, penalty=1.0)
    seen = out_of_fold_logits(
        np.concatenate([views, views], axis=1),
        np.concatenate([targets, targets]),
        np.r_[folds, (folds + 1) % NUM_FOLDS],
        kind,
        penalty=1.0,
    )
    assert accuracy(seen, np.concatenate([targets, targets]), kind) == 1
    assert np.ptp(logits[:, 0]) < 0.2 * np.ptp(seen[:, 0])
    assert np.abs(logits).max() < 0.5 * np.abs(seen).min()


def test_other_views_of_an_example_do_not_betray_it_either() -> None:
    num = 40
    labels = np.arange(num, dtype=np.int32) % 2
    plain = np.eye(num, dtype=np.float32) * 10
    views = np.stack([plain, plain, plain])
    folds = deal_folds(labels, singles(num), NUM_FOLDS, 0)
    logits = out_of_fold_logits(views, one_hot(labels, 2), folds, "softmax", penalty=1.0)
    assert np.abs(logits).max() < 1


def test_out_of_fold_logits_are_of_the_first_view() -> None:
    features, labels = clouds(3, 3.0, 20)
    noise = np.random.default_rng(0).normal(size=features.shape).astype(np.float32)
    targets = one_hot(labels, 3)
    folds = deal_folds(labels, singles(60), NUM_FOLDS, 0)
    first = out_of_fold_logits(np.stack([features, features]), targets, folds, "softmax", penalty=1)
    assert first.shape == (60, 3)
    assert accuracy(first, targets, "softmax") > 0.95
    other = out_of_fold_logits(np.stack([noise, features]), targets, folds, "softmax", penalty=1)
    assert accuracy(other, targets, "softmax") < 0.7


def test_the_accuracy_is_told_fold_by_fold() -> None:
    logits = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    targets = np.array([[1, 0], [0, 1], [0, 1], [0, 1]], np.float32)
    folds = np.array([0, 0, 2, 2], np.int8)
    figures = fold_accuracy(logits, targets, folds, "softmax")
    assert figures.accuracies == (0.5, 1.0)
    assert figures.mean == 0.75
    assert figures.deviation == pytest.approx(np.std([0.5, 1.0], ddof=1))
    assert FoldAccuracy((0.5,)).deviation == 0


# --- The penalty


def test_noise_wants_a_strong_penalty() -> None:
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(1, 80, 64)).astype(np.float32)
    labels = np.arange(80, dtype=np.int32) % 2
    folds = deal_folds(labels, singles(80), NUM_FOLDS, 0)
    for kind in ("softmax", "sigmoid"):
        chosen = choose_penalty(noise, one_hot(labels, 2), folds, kind)  # type: ignore[arg-type]
        assert chosen == min(PENALTIES)


def test_what_can_be_told_apart_wants_a_weak_penalty() -> None:
    features, labels = clouds(3, 2.0, 30)
    folds = deal_folds(labels, singles(90), NUM_FOLDS, 0)
    chosen = choose_penalty(features[None], one_hot(labels, 3), folds, "softmax")
    assert chosen >= PENALTIES[-2]


def test_of_very_many_numbers_one_fold_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = clouds(2, 0.5, 30)
    targets = one_hot(labels, 2)
    folds = deal_folds(labels, singles(60), NUM_FOLDS, 0)
    monkeypatch.setattr("training.head.crossvalidate.MANY", 0)
    # What the other folds hold makes no difference but to be learned from.
    chosen = choose_penalty(features[None], targets, folds, "softmax")
    only_first = choose_penalty(features[None], targets, np.minimum(folds, 1), "softmax")
    assert chosen == only_first


def test_only_the_penalties_that_are_offered_are_chosen_from() -> None:
    features, labels = clouds(2, 1.0, 20)
    folds = deal_folds(labels, singles(40), NUM_FOLDS, 0)
    targets = one_hot(labels, 2)
    chosen = choose_penalty(features[None], targets, folds, "softmax", penalties=(0.5,))
    assert chosen == 0.5


def test_where_all_look_alike_there_is_nothing_to_choose_by() -> None:
    features, labels = clouds(2, 1.0, 3)
    folds = deal_folds(labels, np.zeros(6, np.int32), NUM_FOLDS, 0)
    chosen = choose_penalty(features[None], one_hot(labels, 2), folds, "softmax")
    assert chosen in PENALTIES


# --- Wrong labels


def test_planted_wrong_labels_are_suspected_first() -> None:
    features, right = clouds(3, 1.5, 60)
    planted = np.random.default_rng(1).choice(180, 15, replace=False)
    labels = right.copy()
    labels[planted] = (labels[planted] + 1) % 3
    targets = one_hot(labels, 3)
    folds = deal_folds(labels, singles(180), NUM_FOLDS, 0)
    logits = out_of_fold_logits(features[None], targets, folds, "softmax", penalty=0.1)
    order = suspects(probabilities(logits, "softmax", 1.0), targets)
    assert len(set(order[:20].tolist()) & set(planted.tolist())) >= 14


def test_suspects_come_in_the_order_of_what_their_own_label_gets() -> None:
    shares = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.8, 0.1, 0.1], [0.1, 0.2, 0.7]])
    targets = np.eye(3, dtype=np.float32)[[0, 0, 1, 0]]
    assert suspects(shares, targets).tolist() == [2, 3, 1]


def test_of_several_labels_the_worst_counts() -> None:
    shares = np.array(
        [
            [0.9, 0.8, 0.1],  # has both it should have
            [0.9, 0.2, 0.1],  # the second is not there, but no other is likelier
            [0.9, 0.2, 0.6],  # the third is likelier than the second
            [0.1, 0.1, 0.9],  # labelled with nothing, but something is there
            [0.1, 0.1, 0.2],  # labelled with nothing, and nothing is there
        ]
    )
    targets = np.array([[1, 1, 0], [1, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0]], np.float32)
    assert suspects(shares, targets).tolist() == [3, 2]


def test_whoever_has_all_labels_is_no_suspect() -> None:
    assert suspects(np.array([[0.1, 0.2]]), np.ones((1, 2), np.float32)).tolist() == []
    assert suspects(np.empty((0, 2)), np.empty((0, 2), np.float32)).tolist() == []
