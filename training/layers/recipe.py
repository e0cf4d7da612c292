"""What a caller may choose about how layers learn."""

from dataclasses import dataclass

from classifier.decide import Head
from training.config import Augmentation, Switch


@dataclass(frozen=True)
class PhaseSettings:
    """How layers learn; the names mean what they mean in TrainingConfig.

    `head`: `softmax` (categorical cross-entropy) or `sigmoid` (binary cross-entropy). `patience`:
    epochs without a better validation, for fine-tuning. `learning_rate`: at its peak; None: what
    suits the phase. `balance`: every class counts the same, however many pictures it has.
    """

    head: Head = "softmax"
    epochs: int = 10
    batch_size: int = 32
    learning_rate: float | None = None
    label_smoothing: float = 0.1
    augmentation: Augmentation = "light"
    mixed_precision: Switch = "auto"
    patience: int = 3
    balance: bool = False
    seed: int = 0
