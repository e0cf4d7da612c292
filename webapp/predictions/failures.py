"""Why a picture was not answered: codes in the database, sentences in the reader's language."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop

from classifier.errors import InvalidImage
from webapp.predictions.zips import ZipRefused

PICTURE_LOST = "picture_lost"
GAVE_UP = "gave_up"
MODEL_UNUSABLE = "model_unusable"
ENGINE_FAILED = "engine_failed"

_SENTENCES: dict[str, str] = {
    **InvalidImage.sentences,
    **ZipRefused.sentences,
    PICTURE_LOST: gettext_noop(
        "The picture was no longer in the store when its turn came. Please upload it again."
    ),
    GAVE_UP: gettext_noop(
        "The picture could not be answered in several attempts. Please try another picture; "
        "the operator finds the reason in the worker's log."
    ),
    MODEL_UNUSABLE: gettext_noop(
        "The recognizer's model could not be loaded. The curator finds the reason in the worker's "
        "log; please try again later."
    ),
    ENGINE_FAILED: gettext_noop(
        "The recognizer failed on this picture. Please try another one; the operator finds the "
        "reason in the worker's log."
    ),
}


def sentence(code: str, params: Mapping[str, Any]) -> str:
    """The translated sentence for a failure code; empty for no failure."""
    if not code:
        return ""
    template = _SENTENCES.get(code)
    # A row written by a newer release may carry a code that this one has no words for.
    return gettext(template) % params if template else gettext("The picture was not answered.")
