"""What is said of each precision that was tried: a code that the manifest keeps, and its sentence.

Without numpy, since the web process shows these sentences, too.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from classifier.errors import gettext_noop

# What computes faster than fp32 is used when it costs no more than this on validation.
MIN_AGREEMENT = 0.99
MAX_ACCURACY_LOSS = 0.003
MAX_MEAN_DIFFERENCE = 0.02
_ROUNDING = 1e-9  # 1 - .997 is a little more than .003
# Where 50 pictures of 50 agree, up to 6 % of all others may not (95 % certainty); fewer say nothing.
MIN_PICTURES_FOR_INT8 = 50

Verdict = Literal[
    "exact",
    "safe",
    "agreement",
    "accuracy",
    "difference",
    "not_finite",
    "few_pictures",
    "processor",
    "unwanted",
    "failed",
]
SENTENCES: Mapping[str, str] = {
    "exact": gettext_noop("What the others are compared with."),
    "safe": gettext_noop("Safe: it answers as fp32 does."),
    "agreement": gettext_noop(
        "Not used: fewer than %(agreement)s %% of the pictures get the same answer."
    ),
    "accuracy": gettext_noop("Not used: it is right on more than %(loss)s points fewer pictures."),
    "difference": gettext_noop(
        "Not used: its probabilities are more than %(difference)s points off on average."
    ),
    "not_finite": gettext_noop("Not used: its answers are not all finite numbers."),
    "few_pictures": gettext_noop(
        "Not tried: fewer than %(pictures)s validation pictures cannot show that it is safe."
    ),
    "processor": gettext_noop(
        "Not tried: the processor that did the training cannot compute in it, so nothing was shown."
    ),
    "unwanted": gettext_noop("Not tried: the training was told not to."),
    "failed": gettext_noop("Not used: the network could not be converted to it."),
}
_LIMITS = {
    "agreement": f"{MIN_AGREEMENT * 100:g}",
    "loss": f"{MAX_ACCURACY_LOSS * 100:g}",
    "difference": f"{MAX_MEAN_DIFFERENCE * 100:g}",
    "pictures": MIN_PICTURES_FOR_INT8,
}


def verdict_of(
    *, agreement: float, accuracy_loss: float, mean_difference: float
) -> Literal["safe", "agreement", "accuracy", "difference"]:
    """What the figures of a faster precision beside fp32 come to."""
    if not agreement >= MIN_AGREEMENT:
        return "agreement"
    if not accuracy_loss <= MAX_ACCURACY_LOSS + _ROUNDING:
        return "accuracy"
    return "safe" if mean_difference <= MAX_MEAN_DIFFERENCE else "difference"


def sentence_of(verdict: str, translated: Callable[[str], str] = str) -> str:
    """The sentence of a verdict; of one that a newer release gave, the code itself."""
    return translated(SENTENCES[verdict]) % _LIMITS if verdict in SENTENCES else verdict


def in_turn(comparison: Mapping[str, Any]) -> Sequence[str]:
    """The precisions that `metrics["precision"]` calls safe: the chosen one, then what follows it."""
    chosen = comparison.get("precision")
    if chosen is None:
        return []
    return [chosen, *comparison.get("fallbacks", [] if chosen == "fp32" else ["fp32"])]


def tried_in(comparison: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What was tried, best first, from `metrics["precision"]` of any release's bundle.

    Each has the fields of `training.evaluation.precision.Tried`. The first release compared bf16
    alone with fp32, on a processor without bf16 too.
    """
    if "tried" in comparison:
        return list(comparison["tried"])
    if not {"top1_fp32", "top1_bf16", "agreement", "mean_difference"} <= comparison.keys():
        return []
    top1 = {name: comparison[f"top1_{name}"] for name in ("fp32", "bf16")}
    figures = {name: comparison[name] for name in ("agreement", "mean_difference")}
    verdict: Verdict = verdict_of(accuracy_loss=top1["fp32"] - top1["bf16"], **figures)
    if verdict == "safe" and comparison.get("precision") == "fp32":
        verdict = "processor"
    fp32 = {"agreement": 1.0, "mean_difference": 0.0, "top1": top1["fp32"]}
    return [
        {"precision": "bf16", "verdict": verdict, "top1": top1["bf16"], **figures},
        {"precision": "fp32", "verdict": "exact", **fp32},
    ]
