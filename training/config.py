"""Every knob of a training run, its default and its bounds."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

from training.errors import ConfigRefused

BACKBONE_NAMES = (
    "resnet50",
    "resnet50_v2",
    "mobilenet_v2",
    "efficientnet_v2_b0",
    "convnext_tiny",
)
DEFAULT_EPOCHS = 10
# Of an open source, so much at most is validated and tested on.
MAX_SET_ASIDE = 0.8

Mode = Literal["head", "fine-tune", "scratch"]
HeadName = Literal["auto", "softmax", "sigmoid"]
Layers = Literal["top", "all"]
Augmentation = Literal["none", "light", "strong"]
Switch = Literal["auto", "on", "off"]
Format = Literal["h5", "openvino", "onnx", "tflite"]
FORMATS: tuple[Format, ...] = get_args(Format)

_CHOICES: dict[str, tuple[str, ...]] = {
    "backbone": BACKBONE_NAMES,
    "mode": get_args(Mode),
    "head": get_args(HeadName),
    "layers": get_args(Layers),
    "augmentation": get_args(Augmentation),
    "mixed_precision": get_args(Switch),
}
_PATHS = ("folder", "root", "out", "outliers", "cache", "work")
# Lowest and highest of each number.
BOUNDS: dict[str, tuple[float, float]] = {
    "image_size": (32, 1024),
    "epochs": (1, 1000),
    "batch_size": (1, 4096),
    "learning_rate": (1e-7, 1.0),
    "label_smoothing": (0.0, 0.5),
    "patience": (1, 1000),
    "crops": (0, 32),
    "penalty": (1e-6, 1e6),
    "folds": (0, 20),
    "seed": (0, 2**32 - 1),
    "val_fraction": (0.05, 0.5),
    "test_fraction": (0.0, 0.5),
    "checkpoint_seconds": (0.0, 86_400.0),
    "max_archive_bytes": (1, 2**50),
    "max_archive_files": (1, 100_000_000),
}


@dataclass(frozen=True)
class TrainingConfig:
    """What to train, on what, and how. Raises ConfigRefused for a value out of its bounds.

    What is learned from:
    `folder`: a labelled folder, a ZIP of one, a CSV manifest, or a folder in the layout of
    CUB-200-2011. `root`: where the paths of a CSV manifest begin; None: in its own folder. `unshown_prefix`: pictures whose
    paths begin with it are learned from like all others, and shown to nobody: no small picture of them
    is in the bundle. Empty: all may be shown. `outliers`: a folder of pictures of other things, to measure "none of these" on.
    `val_fraction`, `test_fraction`: what shares are set aside where the folder leaves it open.
    `max_archive_bytes`, `max_archive_files`: what a ZIP may unpack to.

    What learns:
    `weights`: `imagenet` (Keras' own download and cache), `none` (random), or the path of a weights
    file in the layout of Keras' own. `mode`: `head` leaves the backbone as it is; `fine-tune` then
    goes on with its `layers` (the top stage or all) and keeps the result if it is better; `scratch`
    trains all layers from random weights. None: `scratch` for random weights, else `head`.
    `head`: `auto` takes sigmoid where a picture has several labels or none, else softmax.

    How the head learns: on features of each picture plain, and if wanted `mirrored` and in as many
    random `crops`, which took longer and taught nothing on the photographs measured. `penalty`: the inverse strength of its L2 penalty; None: chosen by cross-validation.
    `folds`: also report the accuracy over so many folds; 0: do not. `balance`: every class counts
    the same, however many pictures it has.

    How layers learn: `epochs` at most, `patience` epochs without a better validation (fine-tuning),
    `batch_size`, `learning_rate` at its peak (None: what suits the mode), `label_smoothing`,
    `augmentation`, `mixed_precision`. `checkpoint_seconds`: between two checkpoints.

    What is left: a bundle at `out` with its `formats`. `int8`: try the fastest arithmetic, too; it
    is used where it answers as fp32 does. `cache`: where features are kept for the next
    training; None keeps none. `work`: where checkpoints lie; None: beside `out`.
    """

    folder: Path
    out: Path
    backbone: str = "resnet50"
    weights: str = "imagenet"
    image_size: int = 224
    mode: Mode | None = None
    head: HeadName = "auto"
    mirrored: bool = False
    crops: int = 0
    penalty: float | None = None
    folds: int = 0
    balance: bool = False
    layers: Layers = "top"
    epochs: int = DEFAULT_EPOCHS
    patience: int = 3
    batch_size: int = 32
    learning_rate: float | None = None
    label_smoothing: float = 0.1
    augmentation: Augmentation = "light"
    mixed_precision: Switch = "auto"
    checkpoint_seconds: float = 60.0
    seed: int = 0
    val_fraction: float = 0.15
    test_fraction: float = 0.15
    max_archive_bytes: int = 20 * 2**30
    max_archive_files: int = 1_000_000
    root: Path | None = None
    unshown_prefix: str = ""
    outliers: Path | None = None
    formats: tuple[Format, ...] = ("h5", "openvino")
    int8: bool = True
    cache: Path | None = None
    work: Path | None = None

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            received = getattr(self, name)
            if received not in choices and not (name == "mode" and received is None):
                raise ConfigRefused(
                    "choice", name=name, choices=", ".join(choices), received=received
                )
        for name, (lowest, highest) in BOUNDS.items():
            received = getattr(self, name)
            if received is None and name in ("learning_rate", "penalty"):
                continue
            if not lowest <= received <= highest:
                raise ConfigRefused(
                    "bounds", name=name, lowest=lowest, highest=highest, received=received
                )
        for name in self.formats:
            if name not in FORMATS:
                raise ConfigRefused(
                    "choice", name="formats", choices=", ".join(FORMATS), received=name
                )
        if self.folds == 1:
            raise ConfigRefused("one_fold")
        if self.folds and self.real_mode == "scratch":
            raise ConfigRefused("folds_from_scratch")
        if self.val_fraction + self.test_fraction > MAX_SET_ASIDE:
            raise ConfigRefused(
                "set_aside", highest=MAX_SET_ASIDE, val=self.val_fraction, test=self.test_fraction
            )
        if self.mode == "scratch" and self.weights != "none":
            raise ConfigRefused("scratch", weights=self.weights)
        if self.mode == "fine-tune" and self.weights == "none":
            raise ConfigRefused("fine_tune")

    @property
    def real_mode(self) -> Mode:
        """The mode that is meant where none is given."""
        return self.mode or ("scratch" if self.weights == "none" else "head")

    @property
    def work_folder(self) -> Path:
        """Where this run keeps what it needs to go on after it was killed."""
        return self.work or self.out.parent / f".{self.out.name}.work"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a manifest or a database row."""
        values = asdict(self)
        for name in _PATHS:
            values[name] = None if values[name] is None else str(values[name])
        return {**values, "formats": list(self.formats)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        changed = dict(values)
        for name in _PATHS:
            if changed.get(name) is not None:
                changed[name] = Path(changed[name])
        if "formats" in changed:
            changed["formats"] = tuple(changed["formats"])
        return cls(**changed)
