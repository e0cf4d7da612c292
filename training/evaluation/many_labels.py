"""Evaluators of a sigmoid head: a picture has any number of labels, and gets those past their thresholds."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from training.evaluation.intervals import bootstrap, wilson
from training.evaluation.measured import Figure, Measured
from training.evaluation.one_label import MAX_MISTAKES, finite, mean_loss


def ranking_figures(measured: Measured) -> Iterator[tuple[str, Figure]]:
    """`mean_average_precision` over the classes that the pictures have."""
    present, shares = measured.present, measured.shares
    occurring = np.flatnonzero(present.any(axis=0))
    if not len(occurring):
        yield "mean_average_precision", Figure(None)
        return
    value = float(average_precision_score(present[:, occurring], shares[:, occurring]))

    def mean_average_precision(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        by_picture = np.ascontiguousarray(counts.T)
        found = [_average_precisions(by_picture, present[:, i], shares[:, i]) for i in occurring]
        defined = np.isfinite(found)
        means: NDArray[np.float64] = np.where(defined, found, 0).sum(axis=0) / defined.sum(axis=0)
        return means

    everyone = np.arange(len(measured))
    with np.errstate(invalid="ignore"):  # a resample may hold no label at all; it is not counted
        interval = bootstrap(value, everyone, mean_average_precision, cost=len(occurring))
    yield "mean_average_precision", Figure(value, interval)


def decision_figures(measured: Measured) -> Iterator[tuple[str, Figure]]:
    """`micro_f1` over all decisions, `macro_f1` over the classes that the pictures have, and
    `subset_accuracy`, the share of pictures with exactly the right labels."""
    present, decided = measured.present, measured.decided
    parts = [part.astype(np.float32) for part in (present & decided, present, decided)]
    totals = np.stack([part.sum(axis=1) for part in parts], axis=1)

    def micro_f1(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        right, given, got = (counts @ totals).astype(np.float64).T
        return np.asarray(2 * right / (given + got))

    def macro_f1(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        right, given, got = ((counts @ part).astype(np.float64) for part in parts)
        f1 = np.where(given > 0, 2 * right / np.maximum(given + got, 1), 0)
        return np.asarray(f1.sum(axis=1) / (given > 0).sum(axis=1))

    once = np.ones((1, len(measured)), np.float32)
    with np.errstate(invalid="ignore"):  # nothing given and nothing got: undefined
        for name, statistic in (("micro_f1", micro_f1), ("macro_f1", macro_f1)):
            value = finite(statistic(once)[0])
            yield name, Figure(value, bootstrap(value, np.arange(len(measured)), statistic))
    num_exact = int((present == decided).all(axis=1).sum())
    yield (
        "subset_accuracy",
        Figure(num_exact / len(measured), wilson(num_exact, len(measured))),
    )


def loss_figures(measured: Measured) -> Iterator[tuple[str, Figure]]:
    """`log_loss`: binary, in nats, the mean over all pictures and classes."""
    yield "log_loss", mean_loss(np.where(measured.present, measured.shares, 1 - measured.shares))


def class_tables(measured: Measured) -> Iterator[tuple[str, Any]]:
    """`classes`: how well each is ranked and told. What has no pictures has no recall, F1 and average
    precision; what no picture got has no precision."""
    precision, recall, f1, count = precision_recall_fscore_support(
        measured.present, measured.decided, average=None, zero_division=np.nan
    )
    rows = []
    for i, name in enumerate(measured.class_names):
        ranked = None
        if count[i]:
            ranked = float(average_precision_score(measured.present[:, i], measured.shares[:, i]))
        rows.append(
            {
                "name": name,
                "count": int(count[i]),
                "precision": finite(precision[i]),
                "recall": finite(recall[i]),
                "f1": finite(f1[i]) if count[i] else None,
                "average_precision": ranked,
                "threshold": float(measured.limits[i]),
            }
        )
    yield "classes", rows


def mistake_tables(measured: Measured) -> Iterator[tuple[str, Any]]:
    """`mistakes`: the wrong decisions whose probability is farthest from the truth, one a picture."""
    wrong = measured.present != measured.decided
    errors = np.where(wrong, np.abs(measured.shares - measured.present), -1.0)
    worst = errors.argmax(axis=1)
    order = np.argsort(-errors.max(axis=1), kind="stable")
    mistakes = []
    for place in order[: min(MAX_MISTAKES, int(wrong.any(axis=1).sum()))]:
        about = worst[place]
        mistakes.append(
            {
                "row": int(measured.rows[place]),
                "given": measured.names(np.flatnonzero(measured.present[place])),
                "predicted": measured.names(np.flatnonzero(measured.decided[place])),
                "about": measured.class_names[about],
                "probability": float(measured.shares[place, about]),
            }
        )
    yield "mistakes", mistakes


def _average_precisions(
    counts: NDArray[np.float32], present: NDArray[np.bool_], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """One class's average precision on each of B resamples, float64 `[B]`, from counts `[N, B]`.

    The same sum as scikit-learn's, over thresholds at which something is gained: between two of them
    only how many pictures lie there matters. NaN on a resample without the class.
    """
    order = np.argsort(-shares, kind="stable")
    ranked, there = shares[order], present[order]
    # Pictures of equal probability come in together: a gain counts from the last of its equals.
    ends = np.searchsorted(-ranked, -ranked[there], side="right")
    cuts, firsts = np.unique(ends, return_index=True)
    starts = np.concatenate([[0], cuts[:-1]])
    num_all = np.add.reduceat(counts[order[: cuts[-1]]], starts, axis=0).cumsum(axis=0)
    gains = np.add.reduceat(counts[order[there]], firsts, axis=0)
    num_right = gains.cumsum(axis=0)
    summed = (gains * num_right / np.maximum(num_all, 1)).sum(axis=0, dtype=np.float64)
    total = num_right[-1]
    return np.where(total > 0, summed / np.maximum(total, 1), np.nan)
