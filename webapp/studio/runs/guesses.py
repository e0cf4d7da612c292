"""How long each step of a run takes and what it writes: first guesses, to be held against this machine.

Seconds are those of two cores of a server with nothing else to do. They are wrong on any other machine,
and by about the same factor for all that a step does: `estimate.py` finds that factor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.config import DEFAULT_EPOCHS, FORMATS
from training.evaluation.verdicts import MIN_PICTURES_FOR_INT8
from webapp.studio.runs.room import MEGABYTE

REFERENCE_SIDE = 224
# Everything beside the steps: a process that starts, libraries that are imported.
REST = "rest"
VAL_SHARE = 0.15


@dataclass(frozen=True)
class _Backbone:
    """`megabytes`: its weights in fp32. `features`: numbers of a picture's embedding. Seconds are those
    of a picture of 224 pixels: looked at, learned from by all layers, and by the top stage alone."""

    megabytes: float
    features: int
    look: float
    learn_all: float
    learn_top: float


_BACKBONES = {
    "resnet50": _Backbone(94, 2048, 0.008, 0.22, 0.08),
    "resnet50_v2": _Backbone(94, 2048, 0.008, 0.22, 0.08),
    "mobilenet_v2": _Backbone(9, 1280, 0.006, 0.06, 0.03),
    "efficientnet_v2_b0": _Backbone(24, 1280, 0.007, 0.09, 0.04),
    "convnext_tiny": _Backbone(111, 768, 0.016, 0.35, 0.12),
}


@dataclass(frozen=True)
class Work:
    """What a run has to do, as far as its time and room depend on it.

    `num_known`: pictures whose features an earlier run has left; `has_graph`: whether the backbone was
    prepared by an earlier one, too.
    """

    config: Mapping[str, Any]
    num_pictures: int
    num_known: int = 0
    has_graph: bool = False

    @property
    def backbone(self) -> _Backbone:
        return _BACKBONES[self.config.get("backbone", "resnet50")]

    @property
    def mode(self) -> str:
        """The mode that is meant where the settings name none; see TrainingConfig."""
        chosen = self.config.get("mode")
        return str(chosen or ("scratch" if self.config.get("weights") == "none" else "head"))

    @property
    def num_new(self) -> int:
        return max(0, self.num_pictures - self.num_known)

    @property
    def area(self) -> float:
        """The pixels of a picture, as a share of the usual ones."""
        return float((self.config.get("image_size", REFERENCE_SIDE) / REFERENCE_SIDE) ** 2)


def guessed_seconds(work: Work) -> dict[str, float]:
    """Seconds of each step that the run will have, in their order, and of the rest."""
    backbone, area, num = work.backbone, work.area, work.num_pictures
    epochs = work.config.get("epochs", DEFAULT_EPOCHS)
    num_train, num_val = (1 - VAL_SHARE) * num, VAL_SHARE * num
    is_scratch = work.mode == "scratch"
    looked_at = num if is_scratch else work.num_new
    seconds = {
        "read": 0.1 + 0.0005 * num + 0.005 * work.num_new,
        "audit": 0.05 + 0.0001 * num,
        "backbone": 0.1 if work.has_graph and not is_scratch else 4.0,
    }
    if is_scratch:
        seconds["layers"] = 5 + epochs * num_train * backbone.learn_all * area
    seconds["features"] = 0.1 + looked_at * backbone.look * area
    seconds["head"] = 0.3 + 0.0005 * num
    seconds["labels"] = 0.1 + 0.0002 * num
    if work.mode == "fine-tune":
        learn = backbone.learn_all if work.config.get("layers") == "all" else backbone.learn_top
        seconds["fine-tune"] = 10 + epochs * area * (
            num_train * learn + num_val * backbone.look * 4
        )
    seconds["quantize"] = 0.05
    if work.config.get("int8", True) and num_val >= MIN_PICTURES_FOR_INT8:
        seconds["quantize"] += (4 + backbone.megabytes / 10) * max(0.25, area)
    seconds["evaluate"] = 0.5 + num * 0.001 + num_val * backbone.look * 4 * area
    more = len(set(work.config.get("formats") or ()) - {"h5", "openvino"})
    seconds["export"] = 4 + backbone.megabytes / 30 + 8 * more
    seconds["write"] = 0.1 + 0.001 * num
    seconds[REST] = 6.0
    return seconds


def bytes_needed(work: Work) -> int:
    """Bytes that the run writes at most at a time: the bundle, its scratch files, checkpoints, features."""
    weights = work.backbone.megabytes * MEGABYTE
    formats = {"h5", "openvino", *(work.config.get("formats") or ())} & set(FORMATS)
    bundle = weights * len(formats) + (weights / 4 if work.config.get("int8", True) else 0)
    scratch = 2 * weights + (0 if work.has_graph else weights)
    # Two of them lie there for a moment: weights, both moments of the optimizer, the best so far.
    checkpoints = 0.0 if work.mode == "head" else 2 * 4 * weights
    features = 1.3 * 4 * work.backbone.features * work.num_new
    thumbnails = 6_000 * min(work.num_pictures, 20_000)
    return int(bundle + scratch + checkpoints + features + thumbnails + 20 * MEGABYTE)
