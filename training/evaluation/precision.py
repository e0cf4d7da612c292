"""What a bundle is served in: bf16 where it answers as fp32 does, fp32 where it does not."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Precision
from classifier.decide import Head, probabilities
from training.head.calibrate import accuracy

# bf16 is used when it costs less than this on validation.
MIN_AGREEMENT = 0.99
MAX_ACCURACY_LOSS = 0.003
MAX_MEAN_DIFFERENCE = 0.02


@dataclass(frozen=True)
class PrecisionChoice:
    """What the engine will compute in, and the validation figures that decided it.

    `agreement`: the share of pictures with the same answer (sigmoid: the same set of them).
    """

    precision: Precision
    agreement: float
    mean_difference: float
    top1_fp32: float
    top1_bf16: float


def compare_precisions(
    fp32: NDArray[np.float32],
    bf16: NDArray[np.float32],
    targets: NDArray[np.float32],
    kind: Head,
    temperature: float,
) -> PrecisionChoice:
    """bf16 if it answers as fp32 does, from the logits `[N, C]` of both."""
    if kind == "softmax":
        same = fp32.argmax(axis=1) == bf16.argmax(axis=1)
    else:
        same = ((fp32 >= 0) == (bf16 >= 0)).all(axis=1)
    shares = [probabilities(logits, kind, temperature) for logits in (fp32, bf16)]
    difference = float(np.abs(shares[0] - shares[1]).mean())
    right_fp32, right_bf16 = (accuracy(logits, targets, kind) for logits in (fp32, bf16))
    is_safe = (
        float(same.mean()) >= MIN_AGREEMENT
        and right_fp32 - right_bf16 <= MAX_ACCURACY_LOSS
        and difference <= MAX_MEAN_DIFFERENCE
    )
    precision: Precision = "bf16" if is_safe else "fp32"
    return PrecisionChoice(precision, float(same.mean()), difference, right_fp32, right_bf16)
