"""What a bundle is served in: the fastest arithmetic that answers as fp32 does."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Precision
from classifier.decide import Head, probabilities
from training.evaluation.verdicts import Verdict, verdict_of
from training.head.calibrate import accuracy

FASTER_THAN_FP32: tuple[Precision, ...] = ("int8", "bf16")  # the fastest first


@dataclass(frozen=True)
class Tried:
    """One precision beside fp32 on the validation pictures; figures are None where it was not run.

    `top1`: the share of right answers (sigmoid: of right decisions). `agreement`: the share of
    pictures with the same answer as in fp32 (sigmoid: the same set of decisions).
    `mean_difference`: of any probability.
    """

    precision: Precision
    verdict: Verdict
    top1: float | None = None
    agreement: float | None = None
    mean_difference: float | None = None


@dataclass(frozen=True)
class PrecisionChoice:
    """What the engine will compute in where the processor can, what else is safe, and why.

    `fallbacks`: best first, fp32 last; none behind fp32. `tried`: best first, fp32 last.
    """

    precision: Precision
    fallbacks: tuple[Precision, ...]
    num_pictures: int
    tried: tuple[Tried, ...]


def choose_precision(
    fp32: NDArray[np.float32],
    others: Mapping[Precision, NDArray[np.float32] | Verdict],
    targets: NDArray[np.float32],
    kind: Head,
    temperature: float,
) -> PrecisionChoice:
    """The best of those precisions that answer as fp32 does on the validation pictures.

    `fp32`, and of the `others` those that were run: logits `[N, C]`; else why they were not.
    """
    exact = Tried("fp32", "exact", accuracy(fp32, targets, kind), 1.0, 0.0)
    tried = [
        _beside(exact, name, fp32, others[name], targets, kind, temperature)
        for name in FASTER_THAN_FP32
        if name in others
    ]
    safe = [each.precision for each in tried if each.verdict == "safe"]
    chosen, *fallbacks = (*safe, exact.precision)
    return PrecisionChoice(chosen, tuple(fallbacks), len(fp32), (*tried, exact))


def _beside(
    exact: Tried,
    precision: Precision,
    fp32: NDArray[np.float32],
    other: NDArray[np.float32] | Verdict,
    targets: NDArray[np.float32],
    kind: Head,
    temperature: float,
) -> Tried:
    if isinstance(other, str):
        return Tried(precision, other)
    if not np.isfinite(other).all():
        return Tried(precision, "not_finite")
    if kind == "softmax":
        same = fp32.argmax(axis=1) == other.argmax(axis=1)
    else:
        same = ((fp32 >= 0) == (other >= 0)).all(axis=1)
    shares = [probabilities(logits, kind, temperature) for logits in (fp32, other)]
    agreement, difference = float(same.mean()), float(np.abs(shares[0] - shares[1]).mean())
    top1 = accuracy(other, targets, kind)
    verdict = verdict_of(
        agreement=agreement,
        accuracy_loss=(exact.top1 or 0.0) - top1,
        mean_difference=difference,
    )
    return Tried(precision, verdict, top1, agreement, difference)
