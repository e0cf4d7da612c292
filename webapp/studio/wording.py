"""Words for what a run does and why it failed, in the reader's language."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from classifier.errors import (
    BundleCorrupt,
    BundleExists,
    BundleIncompatible,
    BundleMissing,
    ClassifierError,
    EngineError,
)
from training import errors
from training.sources.errors import ArchiveRefused, ListRefused
from webapp.studio.datasets.refusals import FolderRefused, UploadRefused
from webapp.studio.runs.room import NoRoom
from webapp.told import filled

UNEXPECTED = "unexpected"

STEP_LABELS = {
    "": _("starting"),
    "unpack": _("unpacking"),
    "read": _("reading the pictures"),
    "audit": _("looking for copies and oddities"),
    "backbone": _("loading the backbone"),
    "layers": _("training all layers"),
    "features": _("computing features"),
    "head": _("training the head"),
    "labels": _("looking for wrong labels"),
    "fine-tune": _("fine-tuning"),
    "quantize": _("preparing int8"),
    "evaluate": _("evaluating"),
    "export": _("exporting and proving the models"),
    "write": _("writing the bundle"),
    "answer": _("answering pictures"),
    "compare": _("comparing"),
}

_FAILURES: dict[str, str] = {
    UNEXPECTED: gettext_noop(
        "The training stopped on an unexpected error: %(problem)s. The operator finds the rest in "
        "the training worker's log."
    ),
    "disk": gettext_noop(
        "The training could not write to the disk: %(problem)s. Make room and train again."
    ),
    "job_unexpected": gettext_noop(
        "It stopped on an unexpected error: %(problem)s. The operator finds the rest in the studio "
        "worker's log."
    ),
    "job_disk": gettext_noop(
        "A file could not be read or written: %(problem)s. Look at the disk, and ask for it again."
    ),
    "job_memory": gettext_noop(
        "The studio worker ran out of memory. End other work on the machine, and ask for it again."
    ),
    "worker_died": gettext_noop(
        "The worker died %(attempts)s times over it. The operator finds more in the studio worker's log."
    ),
    "no_outcomes": gettext_noop(
        "Version %(number)s does not say what it answered for the pictures that it was measured on: it was "
        "trained before that was kept. Retrain to get a version that can be compared."
    ),
    "nothing_to_compare": gettext_noop(
        "There is no picture to compare on: the other version has learned from all that this one was measured "
        "on, or their files are gone. Add pictures to the test split and retrain."
    ),
    "memory": gettext_noop(
        "The training ran out of memory. Choose a smaller image size or the light backbone."
    ),
}
# Two classes may have a code in common; whose it is stands before it.
_CLASSES: tuple[type[ClassifierError], ...] = (
    errors.DatasetRefused,
    ListRefused,
    ArchiveRefused,
    errors.ConfigRefused,
    errors.WeightsUnavailable,
    errors.LossNotFinite,
    errors.OutOfMemory,
    errors.ExportRefused,
    FolderRefused,
    UploadRefused,
    BundleExists,
    BundleCorrupt,
    BundleIncompatible,
    BundleMissing,
    EngineError,
    NoRoom,
)
for _class in _CLASSES:
    for _code, _sentence in _class.sentences.items():
        _FAILURES[f"{_class.__name__}.{_code}"] = _sentence


def failure_code(error: ClassifierError) -> str:
    """The code under which `run_failure_sentence` knows this error."""
    return f"{type(error).__name__}.{error.code}"


def step_label(step: str) -> str:
    return str(STEP_LABELS.get(step, step))


def run_failure_sentence(code: str, params: Mapping[str, Any]) -> str:
    """The translated sentence for a failure code; empty for no failure."""
    if not code:
        return ""
    template = _FAILURES.get(code)
    return (
        filled(template, params)
        if template
        else gettext("It failed. The operator finds the reason in the log.")
    )
