"""What evaluators look at: a model's logits beside what the pictures really show."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from classifier.decide import Head, probabilities


@dataclass(frozen=True)
class Measured:
    """N pictures of a split that were answered in C classes.

    `logits`: float32 `[N, C]`. `targets`: labels int64 `[N]` for a softmax head, 0 and 1 as float32
    `[N, C]` for a sigmoid head. `thresholds`: one probability a class for a sigmoid head; .5 where
    none are given. `rows`: each picture's row in the dataset's index, int64 `[N]`; default 0 ... N-1.
    Raises ValueError where these do not fit each other, for no pictures, and for logits not finite.
    """

    logits: NDArray[np.float32]
    targets: NDArray[np.int64] | NDArray[np.float32]
    class_names: tuple[str, ...]
    head: Head
    temperature: float
    thresholds: tuple[float, ...] = ()
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        num, num_classes = self.logits.shape
        if not num or num_classes != len(self.class_names):
            raise ValueError(
                f"Expected logits of one picture or more in {len(self.class_names)} classes, "
                f"received {self.logits.shape}."
            )
        expected = (num,) if self.head == "softmax" else (num, num_classes)
        if self.targets.shape != expected:
            raise ValueError(f"Expected targets {expected}, received {self.targets.shape}.")
        if self.thresholds and len(self.thresholds) != num_classes:
            raise ValueError(f"Expected a threshold a class, received {len(self.thresholds)}.")
        if not np.isfinite(self.logits).all():
            raise ValueError("Expected finite logits, received NaN or infinity.")
        if not len(self.rows):
            object.__setattr__(self, "rows", np.arange(num))

    def __len__(self) -> int:
        return len(self.logits)

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """The probabilities a visitor would read, float64 `[N, C]`."""
        return probabilities(self.logits, self.head, self.temperature)

    @cached_property
    def shares_before(self) -> NDArray[np.float64]:
        """The probabilities without the temperature, float64 `[N, C]`."""
        return probabilities(self.logits, self.head, 1.0)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Softmax: the class that each picture has, int64 `[N]`."""
        return np.asarray(self.targets, dtype=np.int64)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """Softmax: the class that each picture got, int64 `[N]`; of equals the first, as in `decide`."""
        return np.asarray(self.logits.argmax(axis=1), dtype=np.int64)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Sigmoid: which classes each picture has, bool `[N, C]`."""
        return np.asarray(self.targets, dtype=np.float32) > np.float32(0.5)

    @cached_property
    def limits(self) -> NDArray[np.float64]:
        """Sigmoid: the threshold of each class, float64 `[C]`."""
        return np.array(self.thresholds or [0.5] * len(self.class_names), dtype=np.float64)

    @cached_property
    def decided(self) -> NDArray[np.bool_]:
        """Sigmoid: which classes each picture got, bool `[N, C]`."""
        return np.asarray(self.shares >= self.limits)

    def names(self, classes: NDArray[np.int64]) -> list[str]:
        """The names of these classes."""
        return [self.class_names[i] for i in classes.tolist()]


@dataclass(frozen=True)
class Figure:
    """A number and the two ends of its 95 % interval; None where undefined."""

    value: float | None
    interval: tuple[float, float] | None = None
