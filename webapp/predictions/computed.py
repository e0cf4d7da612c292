"""How an answer was computed, step by step, with the picture's own scores: what a page shows of it.

score z, divided by the temperature T, exponential of that, share of all exponentials: the softmax. And
for recognizers that name several labels, the sigmoid of each score.
"""

import math
from dataclasses import dataclass

from classifier.why import Head, Scores
from webapp.predictions.models import Prediction
from webapp.predictions.reasons import why_of


@dataclass(frozen=True)
class Step:
    """One class on its way from score to probability; the plain figures are those with T = 1.

    `exponential`: e to the power of z / T less the largest z / T. `threshold`: from where on it counts
    as a label, with a sigmoid head.
    """

    label: str
    logit: float
    scaled: float
    exponential: float
    share: float
    plain_share: float
    sigmoid: float
    plain_sigmoid: float
    threshold: float | None

    @property
    def is_label(self) -> bool:
        return self.threshold is not None and self.sigmoid >= self.threshold


@dataclass(frozen=True)
class Rest:
    """All classes that are not listed, together."""

    num_classes: int
    exponential: float
    share: float
    plain_share: float


@dataclass(frozen=True)
class Computed:
    """`largest`: the largest z / T of all classes. `total`: the sum of all exponentials. `rest`: None
    where every class is listed."""

    head: Head
    temperature: float
    num_classes: int
    largest: float
    steps: tuple[Step, ...]
    rest: Rest | None
    total: float

    @property
    def is_softened(self) -> bool:
        """Whether the temperature made the answer less sure than the scores alone."""
        return self.temperature > 1.0005

    @property
    def is_sharpened(self) -> bool:
        return self.temperature < 0.9995


def computed_of(prediction: Prediction) -> Computed | None:
    """The steps of a prediction's answer; None where its scores were not kept."""
    why = why_of(prediction)
    labels = [ranked["label"] for ranked in prediction.top]
    if not why or not why.scores or len(why.scores.logits) != len(labels):
        return None
    return computed(why.scores, labels)


def labels_of(prediction: Prediction) -> list[str] | None:
    """All labels of an answer whose recognizer may give several or none, first the likeliest; None
    where there is one always, or nobody can tell any more."""
    why, steps = why_of(prediction), computed_of(prediction)
    if not why or not why.scores or not steps or steps.head != "sigmoid":
        return None
    if why.scores.labels is None or prediction.version is None:
        return [step.label for step in steps.steps if step.is_label]
    names = prediction.version.class_names
    return [names[i] for i in why.scores.labels if 0 <= i < len(names)]


def computed(scores: Scores, labels: list[str]) -> Computed:
    """The steps for the scores of these classes, first the likeliest."""
    temperature = scores.temperature
    exponentials = [math.exp((z - scores.largest) / temperature) for z in scores.logits]
    plain = [math.exp(z - scores.largest) for z in scores.logits]
    total, plain_total = sum(exponentials) + scores.rest, sum(plain) + scores.plain_rest
    thresholds = scores.thresholds or (None,) * len(labels)
    steps = tuple(
        Step(
            label=label,
            logit=logit,
            scaled=logit / temperature,
            exponential=exponential,
            share=exponential / total,
            plain_share=plain_exponential / plain_total,
            sigmoid=sigmoid(logit / temperature),
            plain_sigmoid=sigmoid(logit),
            threshold=threshold,
        )
        for label, logit, exponential, plain_exponential, threshold in zip(
            labels, scores.logits, exponentials, plain, thresholds, strict=True
        )
    )
    num_others = scores.num_classes - len(labels)
    return Computed(
        head=scores.head,
        temperature=temperature,
        num_classes=scores.num_classes,
        largest=scores.largest / temperature,
        steps=steps,
        rest=Rest(num_others, scores.rest, scores.rest / total, scores.plain_rest / plain_total)
        if num_others > 0
        else None,
        total=total,
    )


def sigmoid(value: float) -> float:
    """1 / (1 + e^-value), without an overflow."""
    if value >= 0:
        return 1 / (1 + math.exp(-value))
    return math.exp(value) / (1 + math.exp(value))
