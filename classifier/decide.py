"""Logits to an answer: temperature, softmax or sigmoid, the likeliest classes first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from classifier.why import MAX_LABELS, Head, Scores, Why

__all__ = ["Answer", "Head", "Ranked", "decide", "probabilities"]


@dataclass(frozen=True)
class Ranked:
    """One class, its probability, 0 to 1, and its place in the class names."""

    label: str
    probability: float
    index: int


@dataclass(frozen=True)
class Answer:
    """What is on a picture.

    `top`: the likeliest classes, first the likeliest. `label` and `confidence` are its first.
    `labels`: with a softmax head that one label; with a sigmoid head every class whose probability
    reaches its threshold, which may be none. `is_outlier`: it is unlike everything learned ("none of
    these"), by `outlier_score` and the bundle's threshold; the score is None in a bundle without one.
    `scores`: what `top` was computed from. `why`: where the picture spoke for `top`, and what it is
    like.
    """

    top: tuple[Ranked, ...]
    labels: tuple[str, ...]
    is_outlier: bool = False
    outlier_score: float | None = None
    scores: Scores | None = None
    why: Why | None = None

    @property
    def label(self) -> str:
        return self.top[0].label

    @property
    def confidence(self) -> float:
        return self.top[0].probability


def probabilities(
    logits: NDArray[np.float32], head: Head, temperature: float
) -> NDArray[np.float64]:
    """Probabilities float64 `[..., C]` of logits `[..., C]`.

    The logits are divided by the temperature first (Guo et al. 2017, arXiv:1706.04599); softmax
    subtracts the largest logit so that nothing overflows.
    """
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    if head == "sigmoid":
        # The two branches of a stable logistic function in one expression.
        exponential = np.exp(-np.abs(scaled))
        return np.where(scaled >= 0, 1.0, exponential) / (1.0 + exponential)
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    shares: NDArray[np.float64] = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return shares


def decide(
    logits: NDArray[np.float32],
    class_names: Sequence[str],
    *,
    head: Head,
    temperature: float,
    thresholds: Sequence[float] | None = None,
    top_k: int = 5,
) -> Answer:
    """The answer for one picture's logits, float `[C]` in the order of `class_names`.

    `thresholds`: one for each class, for a sigmoid head; 0.5 where none are given.
    Raises ValueError when the logits do not fit the class names or are not finite.
    """
    if logits.shape != (len(class_names),):
        raise ValueError(
            f"Expected {len(class_names)} logits, one a class, received {logits.shape}."
        )
    if not np.isfinite(logits).all():
        raise ValueError("Expected finite logits, received NaN or infinity.")
    shares = probabilities(logits, head, temperature)
    # A stable sort keeps the classes' order among equals, so that an answer is reproducible.
    order = np.argsort(-shares, kind="stable")
    listed = order[: max(1, top_k)]
    top = tuple(Ranked(class_names[i], float(shares[i]), int(i)) for i in listed)
    if head == "softmax":
        return Answer(top, (top[0].label,), scores=_scores(logits, listed, head, temperature))
    limits = thresholds or [0.5] * len(class_names)
    labels = [int(i) for i in order if shares[i] >= limits[i]]
    scores = _scores(logits, listed, head, temperature)
    return Answer(
        top,
        tuple(class_names[i] for i in labels),
        scores=replace(
            scores,
            thresholds=tuple(limits[i] for i in listed),
            labels=tuple(labels[:MAX_LABELS]),
        ),
    )


def _scores(
    logits: NDArray[np.float32],
    listed: NDArray[np.int64],
    head: Head,
    temperature: float,
) -> Scores:
    largest = float(logits.max())
    below = np.delete(np.asarray(logits, dtype=np.float64), listed) - largest
    return Scores(
        head=head,
        temperature=temperature,
        num_classes=len(logits),
        largest=largest,
        logits=tuple(float(logits[i]) for i in listed),
        rest=float(np.exp(below / temperature).sum()),
        plain_rest=float(np.exp(below).sum()),
    )
