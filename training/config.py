"""Every knob of a training run, its default and its bounds."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from training.errors import ConfigRefused

BACKBONE_NAMES = ("resnet50", "mobilenet_v2")
DEFAULT_EPOCHS = 10


@dataclass(frozen=True)
class TrainingConfig:
    """What to train, on what.

    `weights`: `imagenet` (Keras' own download and cache), `none` (all layers are trained from
    scratch), or the path of a weights file in the layout of Keras' own.
    `epochs`: passes over the training pictures when all layers are trained; a head on a frozen
    backbone is fitted to convergence and takes none.
    `val_fraction`: what share of an unsplit folder is kept for validation.
    Raises ConfigRefused for a value out of its bounds.
    """

    folder: Path
    out: Path
    backbone: str = "resnet50"
    weights: str = "imagenet"
    image_size: int = 224
    epochs: int = DEFAULT_EPOCHS
    seed: int = 0
    val_fraction: float = 0.2

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONE_NAMES:
            choices = ", ".join(BACKBONE_NAMES)
            raise ConfigRefused("choice", name="backbone", choices=choices, received=self.backbone)
        for name, lowest, highest in (
            ("image_size", 32, 1024),
            ("epochs", 1, 1000),
            ("seed", 0, 2**32 - 1),
            ("val_fraction", 0.05, 0.5),
        ):
            received = getattr(self, name)
            if not lowest <= received <= highest:
                raise ConfigRefused(
                    "bounds", name=name, lowest=lowest, highest=highest, received=received
                )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a manifest or a database row."""
        return {**asdict(self), "folder": str(self.folder), "out": str(self.out)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        return cls(**{**values, "folder": Path(values["folder"]), "out": Path(values["out"])})
