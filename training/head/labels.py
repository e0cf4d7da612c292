"""What only features show of a dataset: pictures that leak between splits, and labels that are wrong."""

import numpy as np
from numpy.typing import NDArray

from classifier.decide import Head, probabilities
from training.config import TrainingConfig
from training.dataset.audit import suspect_finding
from training.dataset.duplicates import alike_embeddings
from training.dataset.examples import straddling
from training.dataset.preparing import Prepared
from training.head.crossvalidate import NUM_FOLDS, deal_folds, out_of_fold_logits, suspects


def without_leaks(
    prepared: Prepared, features: NDArray[np.float32]
) -> tuple[Prepared, NDArray[np.float32]]:
    """The examples and features `[V, M, D]` without those whose embedding shows a picture that is
    measured on in another split.

    Splits stay as they are, whichever backbone looks: they must be the same for every version.
    """
    examples = prepared.examples
    pairs = alike_embeddings(features[0])
    known = prepared.known_pairs
    is_new = [tuple(pair) not in known for pair in examples.rows[pairs].tolist()]
    pairs = pairs[np.array(is_new, bool)]
    if not len(pairs):
        return prepared, features
    goes = straddling(examples.splits, pairs)
    stays = np.ones(len(examples), bool)
    stays[goes] = False
    return prepared.without(goes, examples.rows[pairs]), features[:, stays]


def check_labels(
    prepared: Prepared,
    embeddings: NDArray[np.float32],
    alike: NDArray[np.int32],
    kind: Head,
    config: TrainingConfig,
    penalty: float,
) -> Prepared:
    """With a finding on the examples of all splits whose label is probably wrong."""
    examples = prepared.examples
    everything = np.arange(len(examples))
    targets = examples.targets(everything)
    folds = deal_folds(examples.labels, alike, NUM_FOLDS, config.seed)
    logits = out_of_fold_logits(embeddings[None], targets, folds, kind, penalty=penalty)
    shares = probabilities(logits, kind, 1.0)
    order = suspects(shares, targets)
    found = tuple(suspect_finding(prepared.index, examples, everything, order, shares))
    return prepared.with_findings(*found)
