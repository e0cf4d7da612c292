"""What makes logits mean what they say: the temperature, and a threshold for each class of a sigmoid head."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from classifier.decide import Head, probabilities

TEMPERATURE_BOUNDS = (0.05, 20.0)
DEFAULT_THRESHOLD = 0.5


def log_loss(
    logits: NDArray[np.float32], targets: NDArray[np.float32], kind: Head, temperature: float = 1.0
) -> float:
    """The mean log loss of logits `[N, C]` against targets of 0 and 1 `[N, C]`; of sigmoid, a class."""
    shares = probabilities(logits, kind, temperature)
    right = shares[targets > 0] if kind == "softmax" else np.where(targets > 0, shares, 1 - shares)
    return float(-np.log(np.clip(right, 1e-12, 1)).mean())


def fit_temperature(
    logits: NDArray[np.float32], targets: NDArray[np.float32], kind: Head = "softmax"
) -> float:
    """The temperature with the least log loss on logits `[N, C]` that the head was not fitted on.

    Guo et al. 2017, arXiv:1706.04599. Too few mistakes to measure would ask for a temperature of
    nothing; one more picture, wrong with the mean confidence, keeps it honest: the same idea as
    Platt's smoothed targets.
    """

    def smoothed_log_loss(log_temperature: float) -> float:
        shares = probabilities(logits, kind, float(np.exp(log_temperature)))
        if kind == "softmax":
            right = np.append(shares[targets > 0], 1 - shares.max(axis=1).mean())
        else:
            right = np.where(targets > 0, shares, 1 - shares).reshape(-1)
            right = np.append(right, 1 - np.maximum(shares, 1 - shares).mean())
        return float(-np.log(np.clip(right, 1e-12, 1.0)).mean())

    bounds = tuple(np.log(TEMPERATURE_BOUNDS))
    found = minimize_scalar(smoothed_log_loss, bounds=bounds, method="bounded")
    return float(np.exp(found.x))


def fit_thresholds(shares: NDArray[np.float64], targets: NDArray[np.float32]) -> tuple[float, ...]:
    """For each class the probability from which saying yes has the best F1, of probabilities `[N, C]`.

    Between two neighbouring probabilities the threshold lies in the middle. A class that no example
    has, or every one, keeps 0.5.
    """
    thresholds = []
    for c in range(shares.shape[1]):
        truths = targets[:, c] > 0
        if not truths.any() or truths.all():
            thresholds.append(DEFAULT_THRESHOLD)
            continue
        order = np.argsort(-shares[:, c], kind="stable")
        sorted_shares, hits = shares[order, c], np.cumsum(truths[order])
        num_said = np.arange(1, len(order) + 1)
        f1 = 2 * hits / (num_said + truths.sum())
        # Equal probabilities are said or not said together.
        f1[:-1][sorted_shares[1:] == sorted_shares[:-1]] = -1
        best = int(f1.argmax())
        below = sorted_shares[best + 1] if best + 1 < len(order) else 0.0
        middle = (sorted_shares[best] + below) / 2
        # Between neighbouring numbers the middle is one of them.
        thresholds.append(float(middle if middle > below else sorted_shares[best]))
    return tuple(thresholds)


def accuracy(logits: NDArray[np.float32], targets: NDArray[np.float32], kind: Head) -> float:
    """The share of examples whose likeliest class is right; of sigmoid, of right yes and no."""
    if kind == "softmax":
        rows = np.arange(len(logits))
        return float((targets[rows, logits.argmax(axis=1)] > 0).mean())
    return float(((logits >= 0) == (targets > 0)).mean())
