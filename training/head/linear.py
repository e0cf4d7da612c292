"""The head: a linear layer from embeddings to logits, fitted to convergence on cached features."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import ThreadpoolController

from classifier.decide import Head

# Of the gradient. Ten times as much stops a warm start before its first step.
TOLERANCE = 1e-4
MAX_ITERATIONS = 1000
SPREAD_POWER = 0.75
# Numbers in a matrix of features.
SMALL = 4_000_000
# The logit of a class that had no picture to learn from: never the answer, and still a finite number.
NEVER = -20.0


@dataclass(frozen=True)
class LinearHead:
    """`logits = embedding @ kernel + bias`, float32 `[D, C]` and `[C]`."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits float32 `[..., C]` of embeddings `[..., D]`."""
        return embeddings @ self.kernel + self.bias


@dataclass(frozen=True)
class Scaling:
    """Features centred and divided by a power of their deviation, of unit mean square all together.

    The power lies between Pareto scaling (.5) and standardising (1; van den Berg et al. 2006,
    doi:10.1186/1471-2164-7-142): over five folds of three sets of photographs the accuracy was level
    or rose from none to .75, and fell on one from there.

    So a penalty means the same for every backbone, and features of small range are heard. It is
    folded into the head afterwards.
    """

    centre: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def of(cls, features: NDArray[np.float32]) -> "Scaling":
        """The scaling of features `[N, D]`."""
        centre = features.mean(axis=0, dtype=np.float64)
        spread = features.std(axis=0, dtype=np.float64)
        if not spread.any():
            return cls(centre.astype(np.float32), np.ones(len(centre), np.float32))
        # A feature that hardly ever moves must not be blown up to the size of the others.
        scale = np.maximum(spread, 1e-3 * spread.mean()) ** SPREAD_POWER
        scale *= np.sqrt(np.mean((spread / scale) ** 2))
        return cls(centre.astype(np.float32), scale.astype(np.float32))

    def apply(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return cast("NDArray[np.float32]", (features - self.centre) / self.scale)

    def folded_into(self, head: LinearHead) -> LinearHead:
        """The head on features as they are, from one on scaled features."""
        kernel = head.kernel / self.scale[:, None]
        return LinearHead(kernel, (head.bias - self.centre @ kernel).astype(np.float32))


def fit_head(
    features: NDArray[np.float32],
    targets: NDArray[np.float32],
    kind: Head,
    *,
    penalty: float,
    balance: bool = False,
) -> LinearHead:
    """The head that logistic regression finds on features `[N, D]` for targets of 0 and 1 `[N, C]`.

    `kind`: softmax, where every example has one label (multinomial regression), or sigmoid (one
    regression a class). `penalty`: the inverse strength of the L2 penalty. `balance`: every class
    counts the same. A class without an example, or for sigmoid one that every example has, gets
    a constant.
    """
    return fit_path(features, targets, kind, penalties=(penalty,), balance=balance)[0]


def fit_path(
    features: NDArray[np.float32],
    targets: NDArray[np.float32],
    kind: Head,
    *,
    penalties: Sequence[float],
    balance: bool = False,
) -> list[LinearHead]:
    """A head for each penalty; each fit begins where the one before ended."""
    scaling = Scaling.of(features)
    fit = _fit_softmax if kind == "softmax" else _fit_sigmoid
    # On matrices that fit the caches, threads wait for each other longer than they work.
    with _threads().limit(limits=1 if features.size < SMALL else None):
        heads = fit(scaling.apply(features), targets, penalties, balance)
    return [scaling.folded_into(head) for head in heads]


@cache
def _threads() -> ThreadpoolController:
    """What limits threads; to look for the libraries that have any takes longer than a small fit."""
    return ThreadpoolController()


def _fit_softmax(
    scaled: NDArray[np.float32],
    targets: NDArray[np.float32],
    penalties: Sequence[float],
    balance: bool,
) -> list[LinearHead]:
    labels = targets.argmax(axis=1)
    present = np.unique(labels)
    heads = []
    regression = _regression(balance)
    for penalty in penalties:
        head = _empty_head(scaled.shape[1], targets.shape[1])
        heads.append(head)
        if len(present) == 1:
            head.bias[present] = 0
            continue
        regression.C = penalty
        regression.fit(scaled, labels)
        kernel, bias = regression.coef_.T, regression.intercept_
        if len(present) == 2:
            # One logit for the second class: half of it for, half of it against.
            kernel, bias = np.concatenate([-kernel, kernel], axis=1) / 2, np.r_[-bias, bias] / 2
        head.kernel[:, present], head.bias[present] = kernel, bias
    return heads


def _fit_sigmoid(
    scaled: NDArray[np.float32],
    targets: NDArray[np.float32],
    penalties: Sequence[float],
    balance: bool,
) -> list[LinearHead]:
    heads = [_empty_head(scaled.shape[1], targets.shape[1]) for _ in penalties]
    for c in range(targets.shape[1]):
        if targets[:, c].min() == targets[:, c].max():
            for head in heads:
                head.bias[c] = NEVER if targets[0, c] == 0 else -NEVER
            continue
        regression = _regression(balance)
        for head, penalty in zip(heads, penalties, strict=True):
            regression.C = penalty
            regression.fit(scaled, targets[:, c].astype(np.int64))
            head.kernel[:, c], head.bias[c] = regression.coef_[0], regression.intercept_[0]
    return heads


def _empty_head(num_features: int, num_classes: int) -> LinearHead:
    """A head that says no to everything."""
    kernel = np.zeros((num_features, num_classes), np.float32)
    return LinearHead(kernel, np.full(num_classes, NEVER, np.float32))


def _regression(balance: bool) -> LogisticRegression:
    return LogisticRegression(
        tol=TOLERANCE,
        max_iter=MAX_ITERATIONS,
        warm_start=True,
        class_weight="balanced" if balance else None,
    )
