"""classifier.outliers: three scores of strangeness, against the plain formulas."""

import numpy as np
import pytest

from classifier.decide import Head
from classifier.outliers import (
    NUM_NEAREST,
    as_kept,
    distance_scores,
    energy_scores,
    probability_scores,
    unit,
)
from tests.classifier.embeddings import drawn

# --- Distance


@pytest.mark.parametrize("num", [1, 7, 1_500])
def test_the_distance_is_the_mean_cosine_distance_to_the_three_nearest(num: int) -> None:
    embeddings, known = drawn(num), drawn(20, seed=1) * 5
    scores = distance_scores(embeddings, as_kept(known))
    assert scores.shape == (num,)
    assert scores.dtype == np.float32
    norms = np.linalg.norm(embeddings, axis=1)[:, None] * np.linalg.norm(known, axis=1)
    distances = np.sort(1 - (embeddings @ known.T) / norms, axis=1)
    assert NUM_NEAREST == 3
    assert scores == pytest.approx(distances[:, :3].mean(axis=1), abs=1e-3)


def test_the_length_of_an_embedding_does_not_count() -> None:
    embeddings, known = drawn(5), as_kept(drawn(20, seed=1))
    expected = distance_scores(embeddings, known)
    assert distance_scores(embeddings * 1_000, known) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("num_known", [1, 2, 3])
def test_of_few_neighbours_all_count(num_known: int) -> None:
    embeddings, known = drawn(5), as_kept(drawn(num_known, seed=1))
    expected = (1 - unit(embeddings) @ known.T).mean(axis=1)
    assert distance_scores(embeddings, known) == pytest.approx(expected, abs=1e-5)


def test_what_was_learned_is_near_and_its_opposite_is_far() -> None:
    known = as_kept(np.repeat(drawn(1), 3, axis=0))
    same, opposite = distance_scores(np.concatenate([known[:1], -known[:1]]), known)
    assert same == pytest.approx(0, abs=1e-3)
    assert opposite == pytest.approx(2, abs=1e-3)


def test_an_embedding_of_nothing_is_as_far_from_all() -> None:
    assert unit(np.zeros((2, 4), np.float32)).tolist() == [[0] * 4] * 2
    scores = distance_scores(np.zeros((1, 6), np.float32), as_kept(drawn(5)))
    assert scores == pytest.approx([1])


def test_of_no_embeddings_there_are_no_scores() -> None:
    assert distance_scores(drawn(0), as_kept(drawn(5))).shape == (0,)


# --- Energy and probability


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_energy_is_the_negative_log_of_summed_exponentials(temperature: float) -> None:
    logits = drawn(50)
    plain = -temperature * np.log(np.exp(logits.astype(np.float64) / temperature).sum(axis=1))
    scores = energy_scores(logits, temperature)
    assert scores.dtype == np.float64
    assert scores == pytest.approx(plain)


def test_the_energy_of_large_logits_is_finite() -> None:
    scores = energy_scores(np.array([[1e4, 0], [-1e4, -1e4]], np.float32), 0.1)
    assert scores == pytest.approx([-1e4, 1e4 - 0.1 * np.log(2)])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_the_probability_score_is_what_the_largest_probability_leaves(
    head: Head, temperature: float
) -> None:
    logits = drawn(50)
    scaled = logits.astype(np.float64) / temperature
    if head == "softmax":
        shares = np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True)
    else:
        shares = 1 / (1 + np.exp(-scaled))
    assert probability_scores(logits, head, temperature) == pytest.approx(1 - shares.max(axis=1))


def test_all_scores_are_higher_for_what_is_less_sure() -> None:
    logits = np.array([[9, 0, 0], [3, 0, 0], [0, 0, 0]], np.float32)
    assert (np.diff(energy_scores(logits, 1.0)) > 0).all()
    assert (np.diff(probability_scores(logits, "softmax", 1.0)) > 0).all()
