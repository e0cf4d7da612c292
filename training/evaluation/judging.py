"""What is to be thought of a candidate: figures on pictures it never saw, precision, "none of these"."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Precision
from classifier.decide import Head
from classifier.neighbours import Neighbours
from classifier.outliers import as_kept
from training.backbones.features import compute_features
from training.backbones.network import Network, fast_precision
from training.config import TrainingConfig
from training.dataset.preparing import Prepared
from training.dataset.strangers import embeddings_of_folder
from training.evaluation.evaluate import Evaluation, evaluate
from training.evaluation.outlier_rule import (
    Known,
    OutlierFigures,
    OutlierRule,
    Scores,
    fit_outlier_rule,
    measure,
    score_all,
    thinned,
)
from training.evaluation.precision import PrecisionChoice, choose_precision
from training.evaluation.verdicts import Verdict
from training.head.learning import Candidate
from training.sources.index import Split
from training.workplace import Workplace

# On so many validation pictures each export is run beside the Keras model.
MAX_PROVED = 200

Embeddings = NDArray[np.float32]  # [N, D]


@dataclass(frozen=True)
class Judged:
    """What evaluation found; `measured_on` is `val` where the dataset has no test split.

    `network`: the candidate's, as it is served: in int8 it is another graph.
    `known`, `strange`: scores by the rule's method of the measured pictures and of the outliers.
    `neighbour_rows`: the rows of the index that `neighbours` are. `proof_rows`: validation pictures,
    rows too, that exports are proved on.
    """

    precision: PrecisionChoice
    network: Network
    measured_on: Split
    measured: NDArray[np.int64]
    evaluation: Evaluation
    validation: Evaluation
    rule: OutlierRule
    outlier_figures: OutlierFigures | None
    known: NDArray[np.float64]
    strange: NDArray[np.float64] | None
    neighbours: Neighbours
    neighbour_rows: NDArray[np.int64]
    proof_rows: NDArray[np.int64]
    metrics: dict[str, Any]


def judge(
    config: TrainingConfig,
    prepared: Prepared,
    kept: Candidate,
    int8: Network | Verdict,
    kind: Head,
    place: Workplace,
    on_progress: Callable[[float], None],
) -> Judged:
    """The figures of a candidate, in the precision that it will be served in.

    `int8`: its network in int8, or why there is none.
    """
    examples = prepared.examples
    train, val, test = (examples.places(split) for split in ("train", "val", "test"))
    measured_on: Split = "test" if len(test) else "val"
    measured = test if len(test) else val

    def embedded(places: NDArray[np.int64], precision: Precision) -> Embeddings:
        if precision == fast_precision():
            return kept.embeddings[places]
        features = compute_features(
            _network_in(precision, kept, int8),
            examples,
            places,
            prepared.pictures,
            place.cache,
            precision=precision,
            on_progress=on_progress,
        )
        return np.asarray(features[0])

    precision, in_val = _choose(kept, int8, kind, examples.targets(val), partial(embedded, val))
    network = _network_in(precision.precision, kept, int8)
    in_measured = embedded(measured, precision.precision) if len(test) else in_val

    def evaluated(embeddings: Embeddings, places: NDArray[np.int64]) -> Evaluation:
        return evaluate(
            kept.head.logits(embeddings),
            _truths(prepared, places, kind),
            examples.class_names,
            head=kind,
            temperature=kept.temperature,
            thresholds=kept.thresholds,
            rows=examples.rows[places],
        )

    validation = evaluated(in_val, val)
    evaluation = evaluated(in_measured, measured) if len(test) else validation

    # None of these: the validation pictures are the known ones, the test pictures check the rate.
    # What a score is fitted on is what the bundle keeps, or the threshold would be another's.
    thin = train[thinned(len(train), config.seed)]
    known_train = Known(kept.embeddings[thin], examples.targets(thin))
    chosen, held_back = _strangers(
        config, kept, network, kind, known_train, precision.precision, place
    )
    scores = score_all(kept.head, kind, kept.temperature, known_train, in_val)
    rule = fit_outlier_rule(scores, chosen)
    known = score_all(kept.head, kind, kept.temperature, known_train, in_measured)
    figures = measure(rule, known[rule.method], held_back[rule.method]) if held_back else None

    neighbours = Neighbours(
        as_kept(kept.embeddings[thin]),
        examples.labels[thin],
        examples.hashes[thin],
        examples.label_sets,
    )
    proof = val[np.unique(np.linspace(0, len(val) - 1, min(MAX_PROVED, len(val))).astype(int))]
    metrics: dict[str, Any] = {
        "num_train": len(train),
        "num_val": len(val),
        "num_test": len(test),
        "measured_on": measured_on,
        **{f"val_{name}": value for name, value in validation.values().items()},
        **{f"{measured_on}_{name}": value for name, value in evaluation.values().items()},
        "intervals": evaluation.to_dict()["intervals"],
        "precision": asdict(precision),
        "none_of_these": asdict(figures) if figures else None,
    }
    return Judged(
        precision=precision,
        network=network,
        measured_on=measured_on,
        measured=measured,
        evaluation=evaluation,
        validation=validation,
        rule=rule,
        outlier_figures=figures,
        known=known[rule.method],
        strange=held_back[rule.method] if held_back else None,
        neighbours=neighbours,
        neighbour_rows=examples.rows[thin],
        proof_rows=examples.rows[proof],
        metrics=metrics,
    )


def _network_in(precision: Precision, kept: Candidate, int8: Network | Verdict) -> Network:
    return int8 if precision == "int8" and isinstance(int8, Network) else kept.network


def _choose(
    kept: Candidate,
    int8: Network | Verdict,
    kind: Head,
    targets: NDArray[np.float32],
    embedded: Callable[[Precision], Embeddings],
) -> tuple[PrecisionChoice, Embeddings]:
    """What the candidate is served in, and the validation pictures' embeddings in that.

    `embedded`: computes these in a precision. `targets`: theirs, `[N, C]`.
    """
    tried: dict[Precision, Embeddings] = {"fp32": embedded("fp32")}
    others: dict[Precision, NDArray[np.float32] | Verdict] = {"bf16": "processor"}
    if fast_precision() == "bf16":
        tried["bf16"] = embedded("bf16")
    if isinstance(int8, Network):
        tried["int8"] = embedded("int8")
    else:
        others["int8"] = int8
    logits = {name: kept.head.logits(values) for name, values in tried.items()}
    choice = choose_precision(logits["fp32"], others | logits, targets, kind, kept.temperature)
    return choice, tried[choice.precision]


def _truths(
    prepared: Prepared, places: NDArray[np.int64], kind: Head
) -> NDArray[np.int64] | NDArray[np.float32]:
    """The labels as an evaluation takes them."""
    examples = prepared.examples
    return examples.first_labels(places) if kind == "softmax" else examples.targets(places)


def _strangers(
    config: TrainingConfig,
    kept: Candidate,
    network: Network,
    kind: Head,
    train: Known,
    precision: Precision,
    place: Workplace,
) -> tuple[Scores | None, Scores | None]:
    """Scores of every other outlier to choose a method on, and of the others to measure it on."""
    if config.outliers is None:
        return None, None
    embeddings = embeddings_of_folder(config.outliers, network, config.image_size, precision, place)
    scores = score_all(kept.head, kind, kept.temperature, train, embeddings)
    if len(embeddings) < 2:
        return None, scores
    return (
        {name: values[::2] for name, values in scores.items()},
        {name: values[1::2] for name, values in scores.items()},
    )
