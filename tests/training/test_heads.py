"""training.head.linear: the head, on features drawn from known distributions."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from classifier.decide import Head, probabilities
from training.head.linear import NEVER, LinearHead, Scaling, fit_head, fit_path

Drawn = tuple[NDArray[np.float32], NDArray[np.int64]]
# What our fit, which stops at a tolerance, may differ from one that runs to the end.
STOPPED_EARLY = 0.005


def clouds(num_classes: int, distance: float, num_each: int = 60, seed: int = 0) -> Drawn:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(num_classes, 16)) * distance
    labels = np.repeat(np.arange(num_classes), num_each)
    features = centres[labels] + generator.normal(size=(len(labels), 16))
    return features.astype(np.float32), labels


def one_hot(labels: Sequence[int] | NDArray[np.int64], num_classes: int) -> NDArray[np.float32]:
    return np.eye(num_classes, dtype=np.float32)[labels]


def fit(
    features: NDArray[np.float32],
    targets: NDArray[np.float32],
    kind: Head = "softmax",
    *,
    penalty: float = 0.1,
    balance: bool = False,
) -> LinearHead:
    head = fit_head(features, targets, kind, penalty=penalty, balance=balance)
    assert head.kernel.shape == (features.shape[1], targets.shape[1])
    assert head.bias.shape == (targets.shape[1],)
    assert head.kernel.dtype == head.bias.dtype == np.float32
    assert np.isfinite(head.kernel).all()
    assert np.isfinite(head.bias).all()
    return head


# --- One label


@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_separable_classes_are_told_apart(num_classes: int) -> None:
    features, labels = clouds(num_classes, distance=5)
    logits = fit(features, one_hot(labels, num_classes)).logits(features)
    assert logits.shape == (len(labels), num_classes)
    assert logits.dtype == np.float32
    assert (logits.argmax(axis=1) == labels).mean() >= 0.995


@pytest.mark.parametrize("num_classes", [2, 4])
def test_the_probabilities_are_the_regressions(num_classes: int) -> None:
    features, labels = clouds(num_classes, distance=0.4)
    scaled = Scaling.of(features).apply(features)
    regression = LogisticRegression(C=0.1, max_iter=1_000, tol=1e-8).fit(scaled, labels)
    expected = regression.predict_proba(scaled)
    assert expected[:, 1].std() > 0.05
    logits = fit(features, one_hot(labels, num_classes)).logits(features)
    assert probabilities(logits, "softmax", 1.0) == pytest.approx(expected, abs=STOPPED_EARLY)


def test_two_classes_get_opposite_logits() -> None:
    features, labels = clouds(2, distance=0.4)
    logits = fit(features, one_hot(labels, 2)).logits(features)
    assert logits[:, 0] == pytest.approx(-logits[:, 1], abs=1e-5)
    assert np.ptp(logits[:, 0]) > 0.5


def test_logits_may_be_asked_for_in_any_shape() -> None:
    features, labels = clouds(3, distance=1)
    head = fit(features, one_hot(labels, 3))
    expected = head.logits(features)
    assert head.logits(features[0]) == pytest.approx(expected[0], abs=1e-5)
    views = head.logits(features.reshape(3, 60, 16))
    assert views == pytest.approx(expected.reshape(3, 60, 3), abs=1e-5)


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_the_scale_of_the_features_does_not_change_the_answers(factor: float, kind: Head) -> None:
    features, labels = clouds(3, distance=0.5)
    scaled = (features * factor).astype(np.float32)
    expected = fit(features, one_hot(labels, 3), kind).logits(features)
    received = fit(scaled, one_hot(labels, 3), kind).logits(scaled)
    assert received == pytest.approx(expected, abs=0.02)


def test_where_the_features_lie_does_not_change_the_answers() -> None:
    features, labels = clouds(3, distance=0.5)
    moved = features + np.float32(50)
    expected = fit(features, one_hot(labels, 3)).logits(features)
    assert fit(moved, one_hot(labels, 3)).logits(moved) == pytest.approx(expected, abs=0.02)


def test_a_stronger_penalty_gives_a_smaller_kernel() -> None:
    features, labels = clouds(3, distance=0.5)
    sizes = [
        np.linalg.norm(fit(features, one_hot(labels, 3), penalty=penalty).kernel)
        for penalty in (0.001, 0.1, 10.0)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < 0.2 * sizes[2]


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_features_that_never_change_still_give_a_head(kind: Head) -> None:
    constant = np.full((6, 4), 7, np.float32)
    head = fit(constant, one_hot([0, 0, 0, 0, 1, 1], 2), kind)
    shares = probabilities(head.logits(constant[:1]), kind, 1.0)
    assert shares[0] == pytest.approx([4 / 6, 2 / 6], abs=0.02)  # how often each class was seen


def test_one_feature_that_never_changes_is_not_heard() -> None:
    features, labels = clouds(3, distance=1)
    features[:, 5] = 3
    head = fit(features, one_hot(labels, 3))
    other = features.copy()
    other[:, 5] = 4
    assert head.logits(other) == pytest.approx(head.logits(features), abs=0.05)


@pytest.mark.parametrize("present", [[0, 2], [0, 2, 3], [2]])
def test_a_class_without_example_never_answers(present: list[int]) -> None:
    features, drawn = clouds(len(present), distance=1)
    labels = np.array(present)[drawn]
    head = fit(features, one_hot(labels, 5))
    logits = head.logits(features * 10)
    missing = [label for label in range(5) if label not in present]
    assert (logits[:, missing] == NEVER).all()
    assert set(logits.argmax(axis=1)) <= set(present)
    assert probabilities(head.logits(features), "softmax", 1.0)[:, missing].max() < 1e-6


def test_balanced_classes_count_the_same() -> None:
    features, labels = clouds(2, distance=0.25, num_each=300)
    rare = np.r_[0:300, 300:315]
    features, labels = features[rare], labels[rare]
    plain = fit(features, one_hot(labels, 2)).logits(features).argmax(axis=1)
    balanced = fit(features, one_hot(labels, 2), balance=True).logits(features).argmax(axis=1)
    assert (plain[300:] == 1).mean() < 0.5
    assert (balanced[300:] == 1).mean() > 0.7


# --- Several labels


def several(seed: int = 0, num: int = 300) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features that tell three labels, each there or not there by itself."""
    generator = np.random.default_rng(seed)
    targets = (generator.random((num, 3)) < [0.5, 0.3, 0.15]).astype(np.float32)
    directions = generator.normal(size=(3, 16)) * 2
    features = targets @ directions + generator.normal(size=(num, 16))
    return features.astype(np.float32), targets


def test_several_labels_are_each_told_by_themselves() -> None:
    features, targets = several()
    head = fit(features, targets, "sigmoid")
    said = head.logits(features) >= 0
    assert (said == (targets > 0)).mean() > 0.97
    assert set(said.sum(axis=1).tolist()) >= {0, 1, 2}


def test_each_label_gets_the_probabilities_of_its_own_regression() -> None:
    features, targets = several()
    shares = probabilities(fit(features, targets, "sigmoid").logits(features), "sigmoid", 1.0)
    scaled = Scaling.of(features).apply(features)
    for c in range(3):
        regression = LogisticRegression(C=0.1, max_iter=1_000, tol=1e-8).fit(scaled, targets[:, c])
        expected = regression.predict_proba(scaled)[:, 1]
        assert shares[:, c] == pytest.approx(expected, abs=STOPPED_EARLY)


def test_a_label_of_none_or_of_all_gets_a_constant() -> None:
    features, targets = several()
    targets[:, 0], targets[:, 2] = 0, 1
    logits = fit(features, targets, "sigmoid").logits(features)
    assert (logits[:, 0] == NEVER).all()
    assert (logits[:, 2] == -NEVER).all()
    assert ((logits[:, 1] >= 0) == (targets[:, 1] > 0)).mean() > 0.95


def test_balanced_labels_say_yes_more_often_where_they_are_rare() -> None:
    features, targets = several()
    features += np.random.default_rng(1).normal(size=features.shape).astype(np.float32) * 3
    plain = fit(features, targets, "sigmoid", penalty=0.01).logits(features)
    balanced = fit(features, targets, "sigmoid", penalty=0.01, balance=True).logits(features)
    rare = targets[:, 2] > 0
    assert (balanced[rare, 2] >= 0).mean() > (plain[rare, 2] >= 0).mean() + 0.1


# --- A path of penalties


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
@pytest.mark.parametrize("num_classes", [2, 4])
def test_a_path_of_penalties_ends_where_single_fits_do(num_classes: int, kind: Head) -> None:
    features, labels = clouds(num_classes, distance=0.5)
    targets = one_hot(labels, num_classes)
    penalties = (0.003, 0.1, 1.0)
    path = fit_path(features, targets, kind, penalties=penalties)
    assert len(path) == 3
    for penalty, head in zip(penalties, path, strict=True):
        single = fit(features, targets, kind, penalty=penalty)
        expected = probabilities(single.logits(features), kind, 1.0)
        received = probabilities(head.logits(features), kind, 1.0)
        assert received == pytest.approx(expected, abs=STOPPED_EARLY)


def test_heads_of_a_path_share_no_memory() -> None:
    features, labels = clouds(3, distance=0.5)
    first, second = fit_path(features, one_hot(labels, 3), "softmax", penalties=(0.01, 1.0))
    assert not np.shares_memory(first.kernel, second.kernel)
    assert not np.shares_memory(first.bias, second.bias)


# --- Scaling


def test_scaled_features_are_centred_and_of_unit_mean_square() -> None:
    generator = np.random.default_rng(0)
    spreads = np.array([0.1, 1, 10, 100])
    features = (generator.normal(size=(500, 4)) * spreads + 30).astype(np.float32)
    scaled = Scaling.of(features).apply(features)
    assert scaled.mean(axis=0) == pytest.approx(0, abs=1e-3)
    assert np.mean(scaled**2) == pytest.approx(1, abs=1e-3)
    # What moved much still moves more, but by the fourth root of the ratio.
    deviations = scaled.std(axis=0)
    assert deviations / deviations[0] == pytest.approx((spreads / 0.1) ** 0.25, rel=0.1)


def test_a_feature_that_hardly_moves_is_not_blown_up() -> None:
    features, _ = clouds(2, distance=1)
    features[:, 3] = np.random.default_rng(0).normal(size=len(features)) * 1e-12
    assert np.abs(Scaling.of(features).apply(features)[:, 3]).max() < 1e-6


def test_a_scaling_folded_into_a_head_changes_no_logit() -> None:
    features, _ = clouds(3, distance=2)
    features = features * np.logspace(-2, 2, 16, dtype=np.float32) + np.float32(5)
    scaling = Scaling.of(features)
    generator = np.random.default_rng(0)
    head = LinearHead(
        generator.normal(size=(16, 3)).astype(np.float32),
        generator.normal(size=3).astype(np.float32),
    )
    folded = scaling.folded_into(head)
    assert folded.kernel.dtype == folded.bias.dtype == np.float32
    expected = head.logits(scaling.apply(features))
    assert folded.logits(features) == pytest.approx(expected, abs=1e-3)
