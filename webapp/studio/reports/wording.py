"""The words of a report: what its figures, methods, settings and files are called, and how they are said."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from webapp.recognizers.templatetags.shares import percent
from webapp.studio.reports.values import as_number, as_text
from webapp.studio.wording import step_label

NOTHING = "–"
Words = str | Promise

# Name and meaning. All but the log loss are shares.
FIGURES: Mapping[str, tuple[Words, Words]] = {
    "top1": (_("Right"), _("pictures whose likeliest class is the right one")),
    "top5": (_("Among five"), _("pictures with the right class among the five likeliest")),
    "accuracy": (_("Right"), _("answers that are right")),
    "mean_average_precision": (
        _("Mean average precision"),
        _("how well each class ranks its pictures before all others"),
    ),
    "micro_f1": (_("Micro F1"), _("precision and recall over all labels in one")),
    "macro_f1": (_("Macro F1"), _("precision and recall in one; rare classes count the same")),
    "subset_accuracy": (_("Exact answers"), _("pictures with all of their labels and no other")),
    "log_loss": (_("Log loss"), _("how surprised it was by the truth; 0 is best")),
    "ece": (_("Calibration error"), _("how far confidence is from being right, on average")),
}
NOT_SHARES = ("log_loss",)

SPLITS: Mapping[str, Words] = {
    "train": _("training"),
    "val": _("validation"),
    "test": _("test"),
}
METHODS: Mapping[str, Words] = {
    "distance": _("distance to the nearest training pictures"),
    "energy": _("energy of the logits"),
    "probability": _("largest probability"),
}
CHOSEN_BY: Mapping[str, Words] = {
    "outliers": _("chosen on the folder of other things"),
    "default": _("the one that is usually best"),
}
CANDIDATES: Mapping[str, Words] = {
    "Head only": _("Head only"),
    "Fine-tuned": _("Fine-tuned"),
    "All layers, from scratch": _("All layers, from scratch"),
}
LEVELS: Mapping[str, Words] = {
    "blocks": _("Blocks"),
    "warns": _("Warning"),
    "notes": _("Note"),
}
# In the order of the page; those that are only places on this machine are not shown.
SETTINGS: Mapping[str, Words] = {
    "backbone": _("backbone"),
    "weights": _("start from"),
    "image_size": _("picture size in pixels"),
    "mode": _("what learns"),
    "layers": _("layers that learn"),
    "head": _("head"),
    "epochs": _("epochs at most"),
    "patience": _("epochs without a better validation"),
    "batch_size": _("pictures in a batch"),
    "learning_rate": _("learning rate"),
    "label_smoothing": _("label smoothing"),
    "augmentation": _("augmentation"),
    "mixed_precision": _("mixed precision"),
    "mirrored": _("mirrored pictures, too"),
    "crops": _("random crops of each picture"),
    "penalty": _("penalty of the head"),
    "balance": _("all classes count the same"),
    "folds": _("folds of cross-validation"),
    "val_fraction": _("set aside for validation"),
    "test_fraction": _("set aside for the test"),
    "formats": _("formats"),
    "int8": _("try int8"),
    "seed": _("seed"),
}
FILES: Mapping[str, Words] = {
    "model.h5": _("the Keras model, for anyone's Keras"),
    "serving.xml": _("the OpenVINO graph; goes with serving.bin"),
    "serving.bin": _("the OpenVINO graph's weights"),
    "serving_int8.xml": _("the OpenVINO graph in int8; goes with serving_int8.bin"),
    "serving_int8.bin": _("the int8 graph's weights"),
    "model.onnx": _("the model for ONNX runtimes"),
    "model.tflite": _("the model for telephones and small boards"),
    "neighbours.npz": _("what tells strange pictures and finds alike ones"),
    "neighbours.jpegs": _("small training pictures"),
    "report.json": _("this report, for programs"),
    "report.html": _("this report as one page to keep"),
    "audit.json": _("the audit of the dataset, for programs"),
    "audit.html": _("the audit of the dataset as one page to keep"),
    "mistakes.json": _("where it looked on its worst mistakes"),
    "outcomes.jsonl": _("how each measured picture was answered"),
    "learned.sha256": _("the digests of the pictures that it learned from"),
    "manifest.json": _("what the bundle is, with the digests of all files"),
}


def said(words: Mapping[str, Words], key: str) -> str:
    """The word for it; the key itself, made fit for a page, where there is none."""
    return str(words.get(key) or as_text(key))


def decimal(value: float | None, digits: int = 3) -> str:
    """A number with so many decimals, rounded: Django's own would cut."""
    return NOTHING if value is None else number_format(round(value, digits), digits)


def figure(value: float | None, name: str) -> str:
    """A figure as its name wants it: in per cent or as a number."""
    return decimal(value) if name in NOT_SHARES else percent(value)


def between(interval: tuple[float, float] | None, name: str) -> str:
    """The interval of a figure as a sentence; empty where it has none."""
    if interval is None:
        return ""
    low, high = (figure(end, name) for end in interval)
    return gettext("Between %(low)s and %(high)s, 95 %% sure.") % {"low": low, "high": high}


def num_pictures(num: int, split: str) -> str:
    """40 test pictures."""
    shown = {"num": number_format(num)}
    if split == "test":
        return ngettext("%(num)s test picture", "%(num)s test pictures", num) % shown
    if split == "train":
        return ngettext("%(num)s training picture", "%(num)s training pictures", num) % shown
    return ngettext("%(num)s validation picture", "%(num)s validation pictures", num) % shown


def duration(seconds: float | None) -> str:
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return gettext("%(seconds)s s") % {"seconds": decimal(seconds, 1)}
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 2:
        return gettext("%(seconds)s s") % {"seconds": number_format(round(seconds))}
    hours, minutes_left = divmod(minutes, 60)
    if not hours:
        return gettext("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": rest}
    return gettext("%(hours)s h %(minutes)s min") % {
        "hours": number_format(hours),
        "minutes": minutes_left,
    }


def step(name: str) -> str:
    """What a training did, step by step."""
    return as_text(step_label(name))


def setting(name: str, value: Any) -> str:
    """A setting's value in words."""
    if value is None or value in ("", []):
        return gettext("as it suits")
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(filter(None, map(as_text, value[:20])))
    if name in ("val_fraction", "test_fraction"):
        return percent(as_number(value))
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)[:40]
    return as_text(value)
