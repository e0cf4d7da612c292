"""From features to a head, and to a candidate: a network with a head, and what validation says of both."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.decide import Head, probabilities
from training.backbones.features import compute_features, views_of
from training.backbones.network import Network, fast_precision
from training.config import TrainingConfig
from training.dataset.examples import Examples
from training.dataset.preparing import Prepared
from training.errors import DatasetRefused
from training.head.calibrate import accuracy, fit_temperature, fit_thresholds, log_loss
from training.head.crossvalidate import (
    NUM_FOLDS,
    FoldAccuracy,
    OnFold,
    choose_penalty,
    deal_folds,
    fold_accuracy,
    out_of_fold_logits,
)
from training.head.linear import LinearHead, fit_head
from training.workplace import Workplace

NUM_DEALS = 3
# On features that were trained from scratch: what cross-validation mostly chooses on pretrained ones.
SCRATCH_PENALTY = 0.03


@dataclass(frozen=True)
class Candidate:
    """A network with a head.

    `embeddings`: of every example's plain view, float32 `[M, D]`, in the fast precision. `val_accuracy`
    and `val_log_loss`: of what is kept, the better one; log loss with the temperature.
    """

    name: str
    network: Network
    head: LinearHead
    penalty: float
    temperature: float
    thresholds: tuple[float, ...]
    embeddings: NDArray[np.float32]
    val_accuracy: float
    val_log_loss: float

    def is_better_than(self, other: "Candidate") -> bool:
        """On validation: more right, or as many and surer of them.

        With a sigmoid head only the log loss counts: where labels are rare, "never" is right mostly.
        """
        if self.thresholds:
            return self.val_log_loss < other.val_log_loss
        mine = (self.val_accuracy, -self.val_log_loss)
        return mine > (other.val_accuracy, -other.val_log_loss)


def head_kind(config: TrainingConfig, examples: Examples) -> Head:
    """Softmax or sigmoid, as the labels want it. Raises DatasetRefused for softmax with other than
    one label a picture."""
    has_one = all(len(examples.label_sets[i]) == 1 for i in np.unique(examples.labels))
    if config.head == "auto":
        return "softmax" if has_one else "sigmoid"
    if config.head == "softmax" and not has_one:
        raise DatasetRefused("several_labels")
    return config.head


def compute_views(
    network: Network,
    prepared: Prepared,
    config: TrainingConfig,
    place: Workplace,
    on_progress: Callable[[float], None],
    on_missing: Callable[[int], None] = lambda num_pictures: None,
) -> NDArray[np.float32]:
    """Features float32 `[V, M, D]` of all examples: the first view is plain, of everything; the
    others are of what is learned from (with `folds`, that is everything, too). `on_missing`: as that of
    `compute_features`, for the first view."""
    examples = prepared.examples
    everything = np.arange(len(examples))
    learned_from = everything if config.folds else examples.places("train")
    names = views_of(mirrored=config.mirrored, crops=config.crops)
    share = len(everything) / (len(everything) + (len(names) - 1) * len(learned_from))

    def compute(
        places: NDArray[np.int64], views: tuple[str, ...], low: float, high: float
    ) -> NDArray[np.float32]:
        return compute_features(
            network,
            examples,
            places,
            prepared.pictures,
            place.cache,
            precision=fast_precision(),
            views=views,
            on_progress=lambda fraction: on_progress(low + fraction * (high - low)),
            on_missing=on_missing if views == names[:1] else lambda num_pictures: None,
        )

    features = np.zeros((len(names), len(examples), network.num_features), np.float32)
    features[:1] = compute(everything, names[:1], 0.0, share)
    if len(names) > 1:
        features[1:, learned_from] = compute(learned_from, names[1:], share, 1.0)
    return features


def learn_head(
    name: str,
    network: Network,
    examples: Examples,
    features: NDArray[np.float32],
    alike: NDArray[np.int32],
    kind: Head,
    config: TrainingConfig,
    *,
    penalty: float | None = None,
    on_fold: OnFold = lambda fold, num_folds, loss, right: None,
) -> Candidate:
    """The candidate that a head fitted on features `[V, M, D]` makes; `alike` `[M]` groups near duplicates.

    `penalty`: where the backbone has learned from these very examples, folds of them tell nothing about
    it; None: cross-validation chooses, unless the settings do, and `on_fold` hears of each of its folds.
    """
    train, val = examples.places("train"), examples.places("val")
    targets = examples.targets(train)
    penalty = config.penalty or penalty
    if penalty is None:
        folds = deal_folds(examples.labels[train], alike[train], NUM_FOLDS, config.seed)
        penalty = choose_penalty(
            features[:, train], targets, folds, kind, balance=config.balance, on_fold=on_fold
        )
    learned = features[:, train].reshape(-1, features.shape[2])
    head = fit_head(
        learned,
        np.tile(targets, (len(features), 1)),
        kind,
        penalty=penalty,
        balance=config.balance,
    )
    return candidate_of(name, network, head, penalty, features[0], examples.targets(val), val, kind)


def candidate_of(
    name: str,
    network: Network,
    head: LinearHead,
    penalty: float,
    embeddings: NDArray[np.float32],
    val_targets: NDArray[np.float32],
    val: NDArray[np.int64],
    kind: Head,
) -> Candidate:
    """A candidate with temperature and thresholds fitted on the validation examples at `val`."""
    logits = head.logits(embeddings[val])
    temperature = fit_temperature(logits, val_targets, kind)
    shares = probabilities(logits, kind, temperature)
    return Candidate(
        name=name,
        network=network,
        head=head,
        penalty=penalty,
        temperature=temperature,
        thresholds=fit_thresholds(shares, val_targets) if kind == "sigmoid" else (),
        embeddings=embeddings,
        val_accuracy=accuracy(logits, val_targets, kind),
        val_log_loss=log_loss(logits, val_targets, kind, temperature),
    )


def accuracy_over_folds(
    examples: Examples,
    features: NDArray[np.float32],
    alike: NDArray[np.int32],
    kind: Head,
    config: TrainingConfig,
    penalty: float,
) -> FoldAccuracy:
    """The accuracy over `config.folds` folds of all examples, whatever their split.

    The folds are dealt NUM_DEALS times: with some hundred pictures, one deal is worth a point or two.
    """
    targets = examples.targets(np.arange(len(examples)))
    accuracies: list[float] = []
    for deal in range(NUM_DEALS):
        folds = deal_folds(examples.labels, alike, config.folds, config.seed + deal)
        logits = out_of_fold_logits(
            features, targets, folds, kind, penalty=penalty, balance=config.balance
        )
        accuracies += fold_accuracy(logits, targets, folds, kind).accuracies
    return FoldAccuracy(tuple(accuracies))
