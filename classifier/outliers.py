"""How unlike everything learned a picture is: three scores, higher for stranger pictures.

A bundle names one of them and a threshold that 95 % of known pictures stay below.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from classifier.decide import Head, probabilities

NUM_NEAREST = 3

Method = Literal["distance", "energy", "probability"]


def unit(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Embeddings float32 `[N, D]` scaled to length 1; one of nothing stays so."""
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = embeddings / np.maximum(norms, np.float32(1e-12))
    return scaled


def as_kept(embeddings: NDArray[np.float32]) -> NDArray[np.float16]:
    """Embeddings float32 `[N, D]` as a bundle keeps them: unit length, half precision.

    That is enough for a distance, and half the size. What is fitted on distances takes them to these
    very numbers, so that serving finds the same ones.
    """
    return unit(embeddings).astype(np.float16)


def distance_scores(
    embeddings: NDArray[np.float32], known: NDArray[np.float16]
) -> NDArray[np.float32]:
    """The mean cosine distance, 0 to 2, of each embedding `[N, D]` to its three nearest of `known` `[M, D]`.

    `known` are unit vectors, at least one. After Sun et al. 2022, arXiv:2204.06507, who take the k-th;
    the mean of the first three told outliers better on both sets of photographs measured.
    """
    num = min(NUM_NEAREST, len(known))
    transposed = known.astype(np.float32).T
    scores = np.empty(len(embeddings), np.float32)
    for start in range(0, len(embeddings), 1024):
        similar = unit(embeddings[start : start + 1024]) @ transposed
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
