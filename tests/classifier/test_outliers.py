"""classifier.outliers: three scores of strangeness, against the plain formulas."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from classifier.decide import Head
from classifier.outliers import (
    NUM_NEAREST,
    Neighbours,
    distance_scores,
    energy_scores,
    probability_scores,
    unit,
)


def drawn(num: int, num_features: int = 6, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(num, num_features)).astype(np.float32)


# --- Distance


@pytest.mark.parametrize("num", [1, 7, 1_500])
def test_the_distance_is_the_mean_cosine_distance_to_the_three_nearest(num: int) -> None:
    embeddings, known = drawn(num), drawn(20, seed=1) * 5
    scores = distance_scores(embeddings, unit(known))
    assert scores.shape == (num,)
    assert scores.dtype == np.float32
    norms = np.linalg.norm(embeddings, axis=1)[:, None] * np.linalg.norm(known, axis=1)
    distances = np.sort(1 - (embeddings @ known.T) / norms, axis=1)
    assert NUM_NEAREST == 3
    assert scores == pytest.approx(distances[:, :3].mean(axis=1), abs=1e-5)


def test_the_length_of_an_embedding_does_not_count() -> None:
    embeddings, known = drawn(5), unit(drawn(20, seed=1))
    expected = distance_scores(embeddings, known)
    assert distance_scores(embeddings * 1_000, known) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("num_known", [1, 2, 3])
def test_of_few_neighbours_all_count(num_known: int) -> None:
    embeddings, known = drawn(5), unit(drawn(num_known, seed=1))
    expected = (1 - unit(embeddings) @ known.T).mean(axis=1)
    assert distance_scores(embeddings, known) == pytest.approx(expected, abs=1e-5)


def test_what_was_learned_is_near_and_its_opposite_is_far() -> None:
    known = unit(np.repeat(drawn(1), 3, axis=0))
    same, opposite = distance_scores(np.concatenate([known[:1], -known[:1]]), known)
    assert same == pytest.approx(0, abs=1e-6)
    assert opposite == pytest.approx(2, abs=1e-6)


def test_an_embedding_of_nothing_is_as_far_from_all() -> None:
    assert unit(np.zeros((2, 4), np.float32)).tolist() == [[0] * 4] * 2
    scores = distance_scores(np.zeros((1, 6), np.float32), unit(drawn(5)))
    assert scores == pytest.approx([1])


def test_of_no_embeddings_there_are_no_scores() -> None:
    assert distance_scores(drawn(0), unit(drawn(5))).shape == (0,)


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


# --- Neighbours


def test_neighbours_come_back_from_their_file(tmp_path: Path) -> None:
    known = Neighbours(
        embeddings=unit(drawn(40, 128)),
        labels=np.arange(40, dtype=np.int32),
        hashes=np.random.default_rng(0).integers(0, 256, (40, 32), dtype=np.uint8),
    )
    path = tmp_path / "neighbours.npz"
    known.save(path)
    again = Neighbours.load(path)
    assert again.embeddings.dtype == np.float32
    assert again.labels.dtype == np.int32
    assert again.hashes.dtype == np.uint8
    assert again.embeddings == pytest.approx(known.embeddings, abs=3e-4)
    assert (again.labels == known.labels).all()
    assert (again.hashes == known.hashes).all()
    strangers = drawn(10, 128, seed=2)
    expected = distance_scores(strangers, known.embeddings)
    assert distance_scores(strangers, again.embeddings) == pytest.approx(expected, abs=1e-3)
    assert path.stat().st_size < 40 * (2 * 128 + 4 + 32) + 1_500  # half precision


def test_no_pickle_is_written_and_none_is_read(tmp_path: Path) -> None:
    path = tmp_path / "neighbours.npz"
    known = Neighbours(unit(drawn(3)), np.arange(3, dtype=np.int32), np.zeros((3, 32), np.uint8))
    known.save(path)
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["embeddings.npy", "hashes.npy", "labels.npy"]
        for name in archive.namelist():
            assert b"'|O'" not in archive.read(name)[:128]
    objects = np.array([{"any": "object"}], dtype=object)
    np.savez(path, embeddings=objects, labels=objects, hashes=objects)
    with pytest.raises(ValueError, match="pickle"):
        Neighbours.load(path)
