"""What the log of a run says: stored as a code and its figures, read in the reader's language."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop

from training.dataset.findings import KINDS
from webapp.studio.wording import step_label

LEFT_OUT = gettext_noop("Pictures of that version which are no longer there, left out: %(num)s.")
LOST = KINDS["lost"].sentence
_SENTENCES = {
    "claimed": gettext_noop("The training worker has taken it up."),
    "resumed": gettext_noop("The training worker has taken it up again; it goes on from its last checkpoint."),
    "version": gettext_noop("It learns from version %(number)s of %(dataset)s: %(num_pictures)s pictures."),
    "left_out": LEFT_OUT,
    "lost": LOST,
    "began": gettext_noop("Began: %(step_label)s."),
    "ended": gettext_noop("Ended: %(step_label)s, after %(seconds)s s."),
    "fall_back": gettext_noop(
        "The pretrained weights could not be had: it goes on with the settings without them."
    ),
    "kept": gettext_noop("What it learned is version %(number)s of %(recognizer)s."),
    "promoted": gettext_noop("That version answers now."),
    "succeeded": gettext_noop("The training has succeeded."),
    "cancelled": gettext_noop("The training was cancelled."),
    "failed": gettext_noop("The training has failed."),
    "cut": gettext_noop("It said more than %(limit)s lines; the rest is left out here."),
}  # fmt: skip


def log_sentence(code: str, figures: Mapping[str, Any]) -> str:
    """The translated sentence of a line; empty for a code that nobody knows."""
    sentence = _SENTENCES.get(code)
    if sentence is None:
        return ""
    return gettext(sentence) % {**figures, "step_label": step_label(str(figures.get("step", "")))}
