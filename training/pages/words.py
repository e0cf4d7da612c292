"""How a page says numbers, times and the names of things."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

# A number and its unit stay on one line.
NARROW = "\N{NARROW NO-BREAK SPACE}"
NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
# So many rows of a long table are open, the others wait to be asked for.
MAX_OPEN_ROWS = 30
# Control characters, halves of surrogate pairs, and what overrides the direction of writing.
UNREADABLE = re.compile(
    "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\u202a-\\u202e\\u2066-\\u2069]"
)

# Name and meaning of each figure; a share is shown in per cent.
FIGURES: dict[str, tuple[str, str]] = {
    "top1": ("Top-1 accuracy", "pictures whose likeliest class is the right one"),
    "top5": ("Top-5 accuracy", "pictures with the right class among the five likeliest"),
    "accuracy": ("Accuracy", "answers that are right"),
    "mean_average_precision": (
        "Mean average precision",
        "how well each class ranks its pictures before all others",
    ),
    "micro_f1": ("Micro F1", "precision and recall over all labels in one"),
    "macro_f1": ("Macro F1", "precision and recall in one, rare classes count the same"),
    "subset_accuracy": ("Exact answers", "pictures with all of their labels and no other"),
    "log_loss": ("Log loss", "how surprised it was by the truth; 0 is best"),
    "ece": ("Calibration error", "how far confidence is from being right, on average"),
    "ece_before": ("Calibration error before temperature", ""),
}
NOT_SHARES = ("log_loss", "loss", "val_loss")

METHODS = {
    "distance": "distance to the nearest training pictures",
    "energy": "energy of the logits",
    "probability": "largest probability",
}
CHOSEN_BY = {
    "outliers": "chosen on the folder of other things",
    "default": "the one that is usually best",
}
SPLITS = {"train": "training", "val": "validation", "test": "test"}
LEVELS = {"blocks": "Blocks", "warns": "Warning", "notes": "Note"}
FORMATS = {"h5": "Keras H5", "openvino": "OpenVINO", "onnx": "ONNX", "tflite": "TFLite"}


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 0 to 1 in per cent; only what is exactly everything or nothing is said to be."""
    if share is None:
        return NOTHING
    if share in (0, 1):
        return f"{share:.0%}".replace("%", f"{NARROW}%")
    least = 10**-digits
    said = f"{share * 100:.{digits}f}"
    if float(said) >= 100:
        said = f">{NARROW}{100 - least:.{digits}f}"
    elif float(said) <= 0:
        said = f"<{NARROW}{least:.{digits}f}"
    return f"{said}{NARROW}%"


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many decimals, a whole one with its thousands apart."""
    if value is None:
        return NOTHING
    if isinstance(value, int) or value == 0:
        return f"{value:,.0f}".replace(",", NARROW)
    if value and abs(value) < 10**-digits:
        return f"{value:.0e}".replace("e-0", "e-").replace("-", MINUS)
    return f"{value:.{digits}f}".replace("-", MINUS)


def figure(value: float | None, name: str) -> str:
    """A figure as its name wants it: in per cent or as a number."""
    return number(value) if name in NOT_SHARES else percent(value)


def duration(seconds: float | None) -> str:
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return f"{seconds:.1f}{NARROW}s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole}{NARROW}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}{NARROW}min {rest}{NARROW}s"
    return f"{minutes // 60}{NARROW}h {minutes % 60}{NARROW}min"


def size(num_bytes: int | None) -> str:
    return NOTHING if num_bytes is None else f"{num_bytes / 2**20:.1f}{NARROW}MiB"


def counted(num: int, one: str, many: str = "") -> str:
    """The number and its noun: 1 class, 2 classes."""
    return f"{number(num)} {one if num == 1 else many or one + 's'}"


def day(iso: str) -> str:
    """A time in ISO 8601 as people write it; whatever else it is, unchanged."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    zone = f" {when.tzname()}" if when.tzinfo else ""
    return f"{when.day} {when:%B %Y, %H:%M}{zone}"


def setting(value: Any) -> str:
    """A setting's value in words."""
    if value is None or value in ("", []):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(part) for part in value)
    return str(value)


def breakable(text: Any) -> Markup:
    """A name or a path that may go on in the next line after its `_`, `/`, `-` or `.`."""
    parts = re.split(r"(?<=[_/\-.])", readable(str(text)))
    return Markup("<wbr>").join(parts)


def readable(value: Any) -> Any:
    """What a template puts on a page: of plain text, what no page can show is spelled out.

    A file's name may hold anything: bytes that are no text, characters that ring a bell, others that
    turn the line around. Markup is ours and stays.
    """
    if type(value) is not str:
        return value
    return UNREADABLE.sub(lambda found: ascii(found[0])[1:-1], value)
