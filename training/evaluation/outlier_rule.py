""" "None of these": which score tells strangers best, and from where on a picture is one."""

from dataclasses import dataclass
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from classifier.decide import Head
from classifier.outliers import (
    NUM_NEAREST,
    Method,
    as_kept,
    distance_scores,
    energy_scores,
    probability_scores,
)
from training.head.linear import LinearHead

METHODS: tuple[Method, ...] = get_args(Method)
# This share of known pictures shall pass.
KNOWN_PASS_RATE = 0.95
# More neighbours than this are thinned out: an explanation looks through all of them.
MAX_NEIGHBOURS = 20_000

Scores = dict[Method, NDArray[np.float64]]


@dataclass(frozen=True)
class Known:
    """Examples with their embeddings float32 `[N, D]` and targets of 0 and 1 `[N, C]`."""

    embeddings: NDArray[np.float32]
    targets: NDArray[np.float32]


@dataclass(frozen=True)
class OutlierRule:
    """Pictures whose score by `method` is above `threshold` are none of the classes.

    `chosen_by`: what the method was chosen on. `aurocs`: of each method, on that. `usual_distances`:
    half and KNOWN_PASS_RATE of known pictures are nearer to what was learned, whatever the method.
    """

    method: Method
    threshold: float
    chosen_by: str
    aurocs: dict[str, float]
    usual_distances: tuple[float, float]
    num_nearest: int = NUM_NEAREST


@dataclass(frozen=True)
class OutlierFigures:
    """How the rule does on known pictures and on outliers it was not chosen on."""

    num_outliers: int
    auroc: float
    false_accept_rate: float
    known_pass_rate: float


def score_all(
    head: LinearHead, kind: Head, temperature: float, train: Known, embeddings: NDArray[np.float32]
) -> Scores:
    """The scores float64 `[N]` of embeddings `[N, D]` by every method, higher for stranger ones."""
    logits = head.logits(embeddings)
    return {
        "distance": distance_scores(embeddings, as_kept(train.embeddings)).astype(np.float64),
        "energy": energy_scores(logits, temperature),
        "probability": probability_scores(logits, kind, temperature),
    }


def auroc(known: NDArray[np.float64], strange: NDArray[np.float64]) -> float:
    """How likely a stranger scores above a known picture."""
    truths = np.r_[np.zeros(len(known)), np.ones(len(strange))]
    return float(roc_auc_score(truths, np.r_[known, strange]))


def fit_outlier_rule(known: Scores, strange: Scores | None) -> OutlierRule:
    """The method that tells `strange` pictures best, with the threshold KNOWN_PASS_RATE of `known` pass.

    Without outliers it is the distance. Leaving classes out in turn and calling those strange is
    no way to choose: it asks for lobsters among crayfish, and ranked the methods nearly the reverse
    of what pictures of other things did.
    """
    aurocs: dict[str, float] = (
        {name: auroc(known[name], strange[name]) for name in METHODS} if strange else {}
    )
    method = max(METHODS, key=lambda name: aurocs[name]) if aurocs else "distance"
    threshold = float(np.quantile(known[method], KNOWN_PASS_RATE, method="higher"))
    middle, far = np.quantile(known["distance"], (0.5, KNOWN_PASS_RATE))
    return OutlierRule(
        method, threshold, "outliers" if strange else "default", aurocs, (float(middle), float(far))
    )


def measure(
    rule: OutlierRule, known: NDArray[np.float64], strange: NDArray[np.float64]
) -> OutlierFigures:
    """The rule's figures from the scores of known pictures and of outliers by its method."""
    return OutlierFigures(
        num_outliers=len(strange),
        auroc=auroc(known, strange),
        false_accept_rate=float((strange <= rule.threshold).mean()),
        known_pass_rate=float((known <= rule.threshold).mean()),
    )


def thinned(num: int, seed: int) -> NDArray[np.int64]:
    """At most MAX_NEIGHBOURS of `num` places, in order."""
    if num <= MAX_NEIGHBOURS:
        return np.arange(num)
    chosen = np.random.default_rng(seed).choice(num, MAX_NEIGHBOURS, replace=False)
    return cast("NDArray[np.int64]", np.sort(chosen))
