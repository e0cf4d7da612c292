"""How good logits are: evaluators yield a name and a value, and know nothing of who asks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Precision
from classifier.decide import probabilities

# bf16 is used when it costs less than this on validation; see `compare_precisions`.
MIN_AGREEMENT = 0.99
MAX_TOP1_LOSS = 0.003
MAX_MEAN_DIFFERENCE = 0.02


def top_k_accuracy(logits: NDArray[np.float32], labels: NDArray[np.int64], k: int) -> float:
    """The share of pictures whose label is among the k largest logits `[N, C]`."""
    order = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    return float((order == labels[:, None]).any(axis=1).mean())


def evaluate(
    logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float
) -> Iterator[tuple[str, float]]:
    """Validation figures of logits `[N, C]`: top-1, top-5 and log loss."""
    shares = probabilities(logits, "softmax", temperature)
    yield "val_top1", top_k_accuracy(logits, labels, 1)
    yield "val_top5", top_k_accuracy(logits, labels, 5)
    right = shares[np.arange(len(labels)), labels]
    yield "val_log_loss", float(-np.log(np.clip(right, 1e-12, 1)).mean())


@dataclass(frozen=True)
class PrecisionChoice:
    """What the engine will compute in, and the validation figures that decided it."""

    precision: Precision
    agreement: float
    mean_difference: float
    top1_fp32: float
    top1_bf16: float


def compare_precisions(
    fp32: NDArray[np.float32],
    bf16: NDArray[np.float32],
    labels: NDArray[np.int64],
    temperature: float,
) -> PrecisionChoice:
    """bf16 if it answers as fp32 does, from the logits `[N, C]` of both."""
    agreement = float((fp32.argmax(axis=1) == bf16.argmax(axis=1)).mean())
    difference = np.abs(
        probabilities(fp32, "softmax", temperature) - probabilities(bf16, "softmax", temperature)
    ).mean()
    top1_fp32, top1_bf16 = (top_k_accuracy(logits, labels, 1) for logits in (fp32, bf16))
    is_safe = (
        agreement >= MIN_AGREEMENT
        and top1_fp32 - top1_bf16 <= MAX_TOP1_LOSS
        and difference <= MAX_MEAN_DIFFERENCE
    )
    return PrecisionChoice(
        "bf16" if is_safe else "fp32", agreement, float(difference), top1_fp32, top1_bf16
    )
