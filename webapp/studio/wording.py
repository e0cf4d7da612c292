"""Words for what a run does and why it failed, in the reader's language."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from classifier.errors import BundleCorrupt, BundleExists, BundleIncompatible, BundleMissing
from training import errors

UNEXPECTED = "unexpected"

STEP_LABELS = {
    "": _("starting"),
    "read": _("reading the pictures"),
    "backbone": _("loading the backbone"),
    "layers": _("training all layers"),
    "features": _("computing features"),
    "head": _("training the head"),
    "evaluate": _("evaluating"),
    "write": _("writing the bundle"),
}

_FAILURES: dict[str, str] = {
    UNEXPECTED: gettext_noop(
        "The training stopped on an unexpected error: %(problem)s. The operator finds the rest in "
        "the training worker's log."
    ),
    "disk": gettext_noop(
        "The training could not write to the disk: %(problem)s. Make room and train again."
    ),
    "memory": gettext_noop(
        "The training ran out of memory. Choose a smaller image size or the light backbone."
    ),
}
for _class in (
    errors.DatasetRefused,
    errors.ConfigRefused,
    errors.WeightsUnavailable,
    errors.LossNotFinite,
    errors.ExportRefused,
    BundleExists,
    BundleCorrupt,
    BundleIncompatible,
    BundleMissing,
):
    _FAILURES.update(_class.sentences)


def step_label(step: str) -> str:
    return str(STEP_LABELS.get(step, step))


def run_failure_sentence(code: str, params: Mapping[str, Any]) -> str:
    """The translated sentence for a failure code; empty for no failure."""
    if not code:
        return ""
    template = _FAILURES.get(code)
    return gettext(template) % params if template else gettext("The training failed.")
