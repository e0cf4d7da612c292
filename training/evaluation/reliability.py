"""Whether what is 80 % sure is right 80 times in a hundred."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.intervals import bootstrap
from training.evaluation.measured import Figure, Measured

NUM_BINS = 15


def confidences(
    measured: Measured, shares: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How sure, float64 `[N, M]`, and whether right, bool `[N, M]`, of probabilities `[N, C]`.

    Softmax: of the likeliest class, M = 1. Sigmoid: of every class being there, M = C.
    """
    if measured.head == "sigmoid":
        return shares, measured.present
    right = measured.predicted == measured.labels
    return shares.max(axis=1)[:, None], right[:, None]


def calibration_figures(measured: Measured) -> Iterator[tuple[str, Figure]]:
    """The expected calibration error with the temperature (`ece`) and without (`ece_before`).

    The mean distance of confidence from accuracy over 15 bins of equal width, weighted by how many
    answers a bin holds: Naeini et al. 2015, Guo et al. 2017, arXiv:1706.04599.
    """
    for name, shares in (("ece", measured.shares), ("ece_before", measured.shares_before)):
        yield name, _calibration_error(*confidences(measured, shares))


def reliability_tables(measured: Measured) -> Iterator[tuple[str, Any]]:
    """The bins of a reliability diagram, before and after the temperature."""
    yield (
        "reliability",
        {
            "before": reliability_bins(*confidences(measured, measured.shares_before)),
            "after": reliability_bins(*confidences(measured, measured.shares)),
        },
    )


def reliability_bins(
    confidence: NDArray[np.float64], right: NDArray[np.bool_]
) -> list[dict[str, float | None]]:
    """15 bins: its bounds `low` and `high`, `num` answers, their mean `confidence` and `accuracy`.

    A bin without answers has neither of the last two.
    """
    bins = _bins(confidence).ravel()
    nums = np.bincount(bins, minlength=NUM_BINS)
    sure = np.bincount(bins, confidence.ravel(), NUM_BINS)
    true = np.bincount(bins, right.ravel(), NUM_BINS)
    return [
        {
            "low": i / NUM_BINS,
            "high": (i + 1) / NUM_BINS,
            "num": int(num),
            "confidence": float(sure[i] / num) if num else None,
            "accuracy": float(true[i] / num) if num else None,
        }
        for i, num in enumerate(nums)
    ]


def _calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Figure:
    gaps = _gaps(confidence, right).astype(np.float32)

    def error(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        summed: NDArray[np.float64] = np.abs(counts @ gaps).sum(axis=1, dtype=np.float64)
        return summed / confidence.size

    value = float(error(np.ones((1, len(gaps)), np.float32))[0])
    return Figure(value, bootstrap(value, np.arange(len(gaps)), error))


def _gaps(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Confidence less being right, summed over a picture's answers in each bin, float64 `[N, 15]`."""
    num = len(confidence)
    places = _bins(confidence) + NUM_BINS * np.arange(num)[:, None]
    gaps = np.bincount(places.ravel(), (confidence - right).ravel(), num * NUM_BINS)
    return gaps.astype(np.float64).reshape(num, NUM_BINS)


def _bins(confidence: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which bin each lies in; one on a boundary in the lower, as in Guo et al."""
    return np.searchsorted(np.linspace(0, 1, NUM_BINS + 1)[1:-1], confidence).astype(np.int64)
