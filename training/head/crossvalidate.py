"""What heads say of examples they were not fitted on: for the penalty, for accuracy, for wrong labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.decide import Head
from training.head.calibrate import accuracy, log_loss
from training.head.linear import fit_head, fit_path

PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
NUM_FOLDS = 5
# Features times classes: from here on, one fold has examples enough to choose the penalty.
MANY = 100_000_000
# The fold from 1, how many there are, and what the best of the penalties came to on it: log loss, accuracy.
OnFold = Callable[[int, int, float, float], None]


@dataclass(frozen=True)
class FoldAccuracy:
    """The accuracy on each fold of heads that were fitted on the others."""

    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))

    @property
    def deviation(self) -> float:
        """The standard deviation over the folds."""
        return float(np.std(self.accuracies, ddof=1)) if len(self.accuracies) > 1 else 0.0


def deal_folds(
    labels: NDArray[np.int32], groups: NDArray[np.int32], num_folds: int, seed: int
) -> NDArray[np.int8]:
    """A fold for each example, int8 `[N]`: each class spread evenly, each group in one fold.

    `labels`: what is to be spread; `groups`: what belongs together (near duplicates).
    """
    _, firsts, inverse = np.unique(groups, return_index=True, return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(len(firsts))
    order = shuffled[np.argsort(labels[firsts][shuffled], kind="stable")]
    fold_of_group = np.empty(len(firsts), np.int8)
    fold_of_group[order] = (
        np.arange(len(firsts)) % num_folds
    )  # dealt out like cards, class by class
    return fold_of_group[inverse]


def out_of_fold_logits(
    views: NDArray[np.float32],
    targets: NDArray[np.float32],
    folds: NDArray[np.int8],
    kind: Head,
    *,
    penalty: float,
    balance: bool = False,
) -> NDArray[np.float32]:
    """Logits float32 `[N, C]` of each example's first view by a head that never saw the example.

    `views`: features `[V, N, D]`; all views of the other folds are learned from.
    """
    logits = np.empty((views.shape[1], targets.shape[1]), np.float32)
    for fold in np.unique(folds):
        inside, outside = folds == fold, folds != fold
        features = views[:, outside].reshape(-1, views.shape[2])
        head = fit_head(
            features,
            np.tile(targets[outside], (len(views), 1)),
            kind,
            penalty=penalty,
            balance=balance,
        )
        logits[inside] = head.logits(views[0, inside])
    return logits


def choose_penalty(
    views: NDArray[np.float32],
    targets: NDArray[np.float32],
    folds: NDArray[np.int8],
    kind: Head,
    *,
    balance: bool = False,
    penalties: Sequence[float] = PENALTIES,
    on_fold: OnFold = lambda fold, num_folds, loss, right: None,
) -> float:
    """The strongest penalty whose out-of-fold log loss is within a standard error of the least.

    The rule of Breiman et al. 1984 ("Classification and Regression Trees", section 3.4.3): what chance
    may have preferred is no reason for a less regular head. The strongest where there is but one fold.
    """
    if (folds == folds[0]).all():
        return min(penalties)
    losses: dict[float, list[float]] = {penalty: [] for penalty in penalties}
    chosen = np.unique(folds)[: 1 if views.size * targets.shape[1] > MANY else None]
    for number, fold in enumerate(chosen, start=1):
        inside, outside = folds == fold, folds != fold
        heads = fit_path(
            views[:, outside].reshape(-1, views.shape[2]),
            np.tile(targets[outside], (len(views), 1)),
            kind,
            penalties=penalties,
            balance=balance,
        )
        right: dict[float, float] = {}
        for penalty, head in zip(penalties, heads, strict=True):
            logits = head.logits(views[0, inside])
            losses[penalty].append(log_loss(logits, targets[inside], kind))
            right[penalty] = accuracy(logits, targets[inside], kind)
        best = min(penalties, key=lambda penalty: losses[penalty][-1])
        on_fold(number, len(chosen), losses[best][-1], right[best])
    least = min(losses.values(), key=lambda each: float(np.mean(each)))
    error = float(np.std(least, ddof=1)) / len(least) ** 0.5 if len(least) > 1 else 0.0
    return min(p for p in penalties if np.mean(losses[p]) <= np.mean(least) + error)


def fold_accuracy(
    logits: NDArray[np.float32],
    targets: NDArray[np.float32],
    folds: NDArray[np.int8],
    kind: Head,
) -> FoldAccuracy:
    """The accuracy of out-of-fold logits `[N, C]`, fold by fold."""
    return FoldAccuracy(
        tuple(
            accuracy(logits[folds == fold], targets[folds == fold], kind)
            for fold in np.unique(folds)
        )
    )


def suspects(shares: NDArray[np.float64], targets: NDArray[np.float32]) -> NDArray[np.int64]:
    """Examples whose out-of-fold probabilities `[N, C]` speak against their label, the worst first.

    Ranked by the probability of the given label, where another class is likelier: "self-confidence" of
    Northcutt et al. 2021, arXiv:1911.00068. With several labels, the worst of them counts.
    """
    given = np.where(targets > 0, shares, np.inf).min(axis=1)
    given = np.where(np.isfinite(given), given, 1 - shares.max(axis=1))
    others = np.where(targets > 0, -np.inf, shares).max(axis=1)
    against = np.flatnonzero(others > given)
    return against[np.argsort(given[against], kind="stable")]
