"""How unlike everything learned a picture is: three scores, higher for stranger pictures.

A bundle names one of them and a threshold that 95 % of known pictures stay below.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from classifier.decide import Head, probabilities

NEIGHBOURS = "neighbours.npz"
NUM_NEAREST = 3

Method = Literal["distance", "energy", "probability"]


@dataclass(frozen=True)
class Neighbours:
    """What the head learned from: unit embeddings float32 `[M, D]`, the label set of each int32 `[M]`,
    and each picture's SHA-256, uint8 `[M, 32]`."""

    embeddings: NDArray[np.float32]
    labels: NDArray[np.int32]
    hashes: NDArray[np.uint8]

    def save(self, path: Path) -> None:
        """Half precision is enough for a distance, and half the size."""
        np.savez(
            path,
            embeddings=self.embeddings.astype(np.float16),
            labels=self.labels,
            hashes=self.hashes,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        with np.load(path, allow_pickle=False) as arrays:
            embeddings = arrays["embeddings"].astype(np.float32)
            return cls(embeddings, arrays["labels"], arrays["hashes"])


def unit(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Embeddings float32 `[N, D]` scaled to length 1; one of nothing stays so."""
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = embeddings / np.maximum(norms, np.float32(1e-12))
    return scaled


def distance_scores(
    embeddings: NDArray[np.float32], known: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The mean cosine distance, 0 to 2, of each embedding `[N, D]` to its three nearest of `known` `[M, D]`.

    `known` are unit vectors, at least one. After Sun et al. 2022, arXiv:2204.06507, who take the k-th;
    the mean of the first three told outliers better on both sets of photographs measured.
    """
    num = min(NUM_NEAREST, len(known))
    scores = np.empty(len(embeddings), np.float32)
    for start in range(0, len(embeddings), 1024):
        similar = unit(embeddings[start : start + 1024]) @ known.T
        nearest = np.partition(similar, len(known) - num, axis=1)[:, len(known) - num :]
        scores[start : start + 1024] = 1 - nearest.mean(axis=1)
    return scores


def energy_scores(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """The free energy of logits `[N, C]`: Liu et al. 2020, arXiv:2010.03759."""
    scaled = logits.astype(np.float64) / temperature
    largest = scaled.max(axis=1)
    summed = np.log(np.exp(scaled - largest[:, None]).sum(axis=1))
    return np.asarray(-temperature * (largest + summed))


def probability_scores(
    logits: NDArray[np.float32], head: Head, temperature: float
) -> NDArray[np.float64]:
    """What the largest probability of logits `[N, C]` leaves: Hendrycks and Gimpel 2016, arXiv:1610.02136."""
    return np.asarray(1 - probabilities(logits, head, temperature).max(axis=1))
