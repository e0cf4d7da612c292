"""Evaluators of a softmax head: every picture has one label and gets one."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from training.evaluation.intervals import bootstrap, wilson
from training.evaluation.measured import Figure, Measured

# Beyond, a matrix is a million numbers that nobody reads; the most frequent mix-ups are always there.
MAX_CONFUSION_CLASSES = 500
MAX_CONFUSED = 50
MAX_MISTAKES = 24
# A probability of nothing would make the log loss infinite.
LEAST_SHARE = 1e-12


def top_k_accuracy(logits: NDArray[np.float32], labels: NDArray[np.int64], k: int) -> float:
    """The share of pictures whose label is among the k largest logits `[N, C]`.

    Of equal logits the first is ahead, so that a model that says nothing is not always right.
    """
    own = logits[np.arange(len(labels)), labels][:, None]
    behind = (logits == own) & (np.arange(logits.shape[1]) >= labels[:, None])
    num_ahead = (~(logits < own) & ~behind).sum(axis=1)
    return float((num_ahead < k).mean())


def accuracy_figures(measured: Measured) -> Iterator[tuple[str, Figure]]:
    """`top1` and `top5`."""
    for k in (1, 5):
        share = top_k_accuracy(measured.logits, measured.labels, k)
        interval = wilson(round(share * len(measured)), len(measured))
        yield f"top{k}", Figure(share, interval)


def f1_figures(measured: Measured) -> Iterator[tuple[str, Figure]]:
    """`macro_f1`: the mean F1 of the classes that the pictures have."""
    labels, predicted = measured.labels, measured.predicted
    occurring = np.unique(labels)
    value = float(f1_score(labels, predicted, labels=occurring, average="macro", zero_division=0.0))
    # What an F1 knows of a picture is its two classes, so pictures are drawn by these pairs.
    num_classes = len(measured.class_names)
    pairs, kinds = np.unique(labels * num_classes + predicted, return_inverse=True)
    given, got = pairs // num_classes, pairs % num_classes

    def macro_f1(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        num_given = _summed(counts, given, num_classes)[:, occurring]
        num_got = _summed(counts, got, num_classes)[:, occurring]
        right = given == got
        num_right = _summed(counts[:, right], given[right], num_classes)[:, occurring]
        f1 = 2 * num_right / np.maximum(num_given + num_got, 1)
        means: NDArray[np.float64] = f1.sum(axis=1) / (num_given > 0).sum(axis=1)
        return means

    yield "macro_f1", Figure(value, bootstrap(value, kinds.astype(np.int64), macro_f1))


def loss_figures(measured: Measured) -> Iterator[tuple[str, Figure]]:
    """`log_loss`: minus the mean logarithm of the right class's probability, in nats."""
    yield "log_loss", mean_loss(measured.shares[np.arange(len(measured)), measured.labels])


def mean_loss(shares: NDArray[np.float64]) -> Figure:
    """Minus the mean logarithm of the probabilities `[N]` or `[N, C]` that the truth was given."""
    losses = -np.log(np.clip(shares, LEAST_SHARE, 1)).reshape(len(shares), -1).mean(axis=1)
    value = float(losses.mean())

    def mean(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(counts @ losses / len(losses))

    return Figure(value, bootstrap(value, np.arange(len(losses)), mean, highest=np.inf))


def class_tables(measured: Measured) -> Iterator[tuple[str, Any]]:
    """`classes`: how well each is told. A class without pictures has no recall and no F1, one that no
    picture got has no precision."""
    precision, recall, f1, count = precision_recall_fscore_support(
        measured.labels,
        measured.predicted,
        labels=np.arange(len(measured.class_names)),
        zero_division=np.nan,
    )
    yield (
        "classes",
        [
            {
                "name": name,
                "count": int(count[i]),
                "precision": finite(precision[i]),
                "recall": finite(recall[i]),
                "f1": finite(f1[i]) if count[i] else None,
            }
            for i, name in enumerate(measured.class_names)
        ],
    )


def confusion_tables(measured: Measured) -> Iterator[tuple[str, Any]]:
    """`confusion`: counts `[C][C]`, rows are the given classes. `confused`: its largest mix-ups."""
    num_classes = len(measured.class_names)
    if num_classes <= MAX_CONFUSION_CLASSES:
        matrix = confusion_matrix(
            measured.labels, measured.predicted, labels=np.arange(num_classes)
        )
        yield "confusion", matrix.tolist()
    wrong = measured.labels != measured.predicted
    cells, counts = np.unique(
        measured.labels[wrong] * num_classes + measured.predicted[wrong], return_counts=True
    )
    confused = []
    for i in np.argsort(-counts, kind="stable")[:MAX_CONFUSED]:
        given, got = divmod(int(cells[i]), num_classes)
        names = {"given": measured.class_names[given], "predicted": measured.class_names[got]}
        confused.append({**names, "num": int(counts[i])})
    yield "confused", confused


def mistake_tables(measured: Measured) -> Iterator[tuple[str, Any]]:
    """`mistakes`: the pictures that are surest of a wrong class, worst first."""
    wrong = np.flatnonzero(measured.labels != measured.predicted)
    shares = measured.shares[wrong, measured.predicted[wrong]]
    mistakes = []
    for i in np.argsort(-shares, kind="stable")[:MAX_MISTAKES]:
        place = wrong[i]
        got = measured.class_names[measured.predicted[place]]
        mistakes.append(
            {
                "row": int(measured.rows[place]),
                "given": [measured.class_names[measured.labels[place]]],
                "predicted": [got],
                "about": got,
                "probability": float(shares[i]),
            }
        )
    yield "mistakes", mistakes


def finite(value: float) -> float | None:
    """The value as a plain number, None for what is undefined."""
    return float(value) if np.isfinite(value) else None


def _summed(
    counts: NDArray[np.float32], classes: NDArray[np.int64], num_classes: int
) -> NDArray[np.float64]:
    """Counts `[B, K]` of kinds, summed by the class of each kind, float64 `[B, C]`."""
    summed = np.zeros((len(counts), num_classes))
    if len(classes):
        order = np.argsort(classes, kind="stable")
        present, starts = np.unique(classes[order], return_index=True)
        summed[:, present] = np.add.reduceat(counts[:, order], starts, axis=1)
    return summed
