"""training.evaluation.outlier_rule: which score tells strangers, and from where on a picture is one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from classifier.outliers import as_kept, distance_scores, energy_scores, probability_scores
from training.evaluation.outlier_rule import (
    KNOWN_PASS_RATE,
    MAX_NEIGHBOURS,
    METHODS,
    Known,
    OutlierRule,
    Scores,
    auroc,
    fit_outlier_rule,
    measure,
    score_all,
    thinned,
)
from training.head.linear import LinearHead


def scores(distance: float, energy: float, probability: float, num: int = 200) -> Scores:
    """Scores around these means, of known pictures or of strangers."""
    generator = np.random.default_rng(int(1_000 * (distance + energy + probability)))
    means = {"distance": distance, "energy": energy, "probability": probability}
    return {name: generator.normal(means[name], 1, num) for name in METHODS}


def rule(threshold: float) -> OutlierRule:
    return OutlierRule("distance", threshold, "default", {}, (0.2, 0.4))


def test_scores_are_those_of_the_classifier_by_every_method() -> None:
    generator = np.random.default_rng(0)
    learned = generator.normal(size=(30, 8)).astype(np.float32) * 3
    embeddings = generator.normal(size=(10, 8)).astype(np.float32)
    head = LinearHead(
        generator.normal(size=(8, 3)).astype(np.float32), np.ones(3, dtype=np.float32)
    )
    train = Known(learned, np.eye(3, dtype=np.float32)[np.arange(30) % 3])
    found = score_all(head, "softmax", 2.0, train, embeddings)
    assert set(found) == set(METHODS)
    assert all(each.dtype == np.float64 for each in found.values())
    logits = head.logits(embeddings)
    assert (found["distance"] == distance_scores(embeddings, as_kept(learned))).all()
    assert (found["energy"] == energy_scores(logits, 2.0)).all()
    assert (found["probability"] == probability_scores(logits, "softmax", 2.0)).all()


# --- The area under the curve


def test_the_auroc_is_how_often_a_stranger_scores_above_a_known_picture() -> None:
    generator = np.random.default_rng(0)
    known, strange = generator.normal(0, 1, 50).round(1), generator.normal(1, 1, 40).round(1)
    above = (strange[:, None] > known).mean() + 0.5 * (strange[:, None] == known).mean()
    assert auroc(known, strange) == pytest.approx(above)


# --- The threshold


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
@settings(max_examples=60, deadline=None)
def test_the_threshold_lets_95_percent_of_known_pictures_pass(values: list[float]) -> None:
    known: Scores = {name: np.array(values) for name in METHODS}
    found = fit_outlier_rule(known, None)
    passed = (known["distance"] <= found.threshold).mean()
    assert passed >= KNOWN_PASS_RATE
    assert found.threshold in values
    below = [value for value in values if value < found.threshold]
    assert (len(below) - 1) / len(values) < KNOWN_PASS_RATE  # and hardly any lower one would do


def test_of_twenty_known_pictures_all_pass_of_twenty_one_all_but_one() -> None:
    known: Scores = {name: np.arange(20.0) for name in METHODS}
    assert fit_outlier_rule(known, None).threshold == 19
    known = {name: np.arange(21.0) for name in METHODS}
    assert fit_outlier_rule(known, None).threshold == 19


# --- The method


@pytest.mark.parametrize("best", METHODS)
def test_with_outliers_the_best_method_is_chosen(best: str) -> None:
    means = {name: 3.0 if name == best else 0.5 for name in METHODS}
    known, strange = scores(0, 0, 0), scores(**means)
    found = fit_outlier_rule(known, strange)
    assert found.method == best
    assert found.chosen_by == "outliers"
    assert found.aurocs == {name: auroc(known[name], strange[name]) for name in METHODS}
    assert max(found.aurocs.values()) == found.aurocs[best] > 0.95
    assert (known[found.method] <= found.threshold).mean() >= KNOWN_PASS_RATE


def test_without_outliers_it_is_the_distance() -> None:
    found = fit_outlier_rule(scores(0, 0, 0), None)
    assert (found.method, found.chosen_by, found.aurocs) == ("distance", "default", {})


@pytest.mark.parametrize("strange", [None, scores(0, 0, 5)])
def test_it_says_how_far_known_pictures_usually_are_whatever_the_method(
    strange: Scores | None,
) -> None:
    known = scores(3, 0, 0)
    middle, far = fit_outlier_rule(known, strange).usual_distances
    assert (known["distance"] <= middle).mean() == pytest.approx(0.5)
    assert (known["distance"] <= far).mean() == pytest.approx(KNOWN_PASS_RATE)


# --- Figures


def test_the_figures_are_those_of_the_rule() -> None:
    known, strange = np.array([1.0, 2, 3, 4]), np.array([2.0, 3, 5, 6, 7])
    figures = measure(rule(3.0), known, strange)
    assert figures.num_outliers == 5
    assert figures.false_accept_rate == pytest.approx(2 / 5)
    assert figures.known_pass_rate == pytest.approx(3 / 4)
    assert figures.auroc == pytest.approx(auroc(known, strange))


def test_strangers_that_are_far_away_are_never_accepted() -> None:
    known: NDArray[np.float64] = np.linspace(0, 1, 100)
    figures = measure(rule(1.0), known, known + 5)
    assert (figures.auroc, figures.false_accept_rate, figures.known_pass_rate) == (1, 0, 1)


# --- Neighbours


@pytest.mark.parametrize("num", [0, 1, MAX_NEIGHBOURS])
def test_few_neighbours_all_stay(num: int) -> None:
    assert (thinned(num, 0) == np.arange(num)).all()


def test_more_neighbours_are_thinned_out_the_same_way_for_a_seed() -> None:
    first, again, other = (thinned(MAX_NEIGHBOURS + 500, seed) for seed in (1, 1, 2))
    for places in (first, other):
        assert len(places) == MAX_NEIGHBOURS
        assert (np.diff(places) > 0).all()
        assert places[0] >= 0
        assert places[-1] < MAX_NEIGHBOURS + 500
    assert (first == again).all()
    assert (first != other).any()
