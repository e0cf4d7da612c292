"""How good a model is: evaluators yield a name and a value, and the loop that asks them knows no metric."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.decide import Head
from training.evaluation import many_labels, one_label
from training.evaluation.measured import Figure, Measured
from training.evaluation.reliability import calibration_figures, reliability_tables

FIGURES: dict[Head, tuple[Callable[[Measured], Iterator[tuple[str, Figure]]], ...]] = {
    "softmax": (
        one_label.accuracy_figures,
        one_label.f1_figures,
        one_label.loss_figures,
        calibration_figures,
    ),
    "sigmoid": (
        many_labels.ranking_figures,
        many_labels.decision_figures,
        many_labels.loss_figures,
        calibration_figures,
    ),
}
TABLES: dict[Head, tuple[Callable[[Measured], Iterator[tuple[str, Any]]], ...]] = {
    "softmax": (
        one_label.class_tables,
        reliability_tables,
        one_label.confusion_tables,
        one_label.mistake_tables,
    ),
    "sigmoid": (many_labels.class_tables, reliability_tables, many_labels.mistake_tables),
}


@dataclass(frozen=True)
class Evaluation:
    """How good a model was on the pictures of a split. `tables` hold plain values for JSON."""

    measured: Measured
    figures: dict[str, Figure]
    tables: dict[str, Any]

    def values(self) -> dict[str, float | None]:
        """The figures alone, by name."""
        return {name: figure.value for name, figure in self.figures.items()}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: `EvaluationFigures` of `pages/schema.py`."""
        return {
            "head": self.measured.head,
            "num_pictures": len(self.measured),
            "class_names": list(self.measured.class_names),
            "temperature": float(self.measured.temperature),
            "figures": self.values(),
            "intervals": {
                name: list(figure.interval)
                for name, figure in self.figures.items()
                if figure.interval
            },
            "confusion": None,
            "confused": [],
            **self.tables,
        }


def evaluate(
    logits: NDArray[np.float32],
    targets: NDArray[np.int64] | NDArray[np.float32],
    class_names: Sequence[str],
    *,
    head: Head = "softmax",
    temperature: float = 1.0,
    thresholds: Sequence[float] = (),
    rows: NDArray[np.int64] | None = None,
) -> Evaluation:
    """How good logits float32 `[N, C]` are; what the others mean stands at `Measured`.

    Raises ValueError for no pictures, logits that are not finite, or shapes that do not fit.
    """
    places = np.arange(len(logits)) if rows is None else rows
    measured = Measured(
        logits, targets, tuple(class_names), head, temperature, tuple(thresholds), places
    )
    return Evaluation(
        measured,
        {name: figure for ask in FIGURES[head] for name, figure in ask(measured)},
        {name: table for ask in TABLES[head] for name, table in ask(measured)},
    )
