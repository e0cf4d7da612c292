"""How many of the corrections that a version has learned from it gets right, and how many were before."""

import logging
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings

from classifier.answering import Answerer, answer_pictures, open_answerer
from classifier.bundle import Bundle
from classifier.decide import Answer
from classifier.errors import ClassifierError
from classifier.preprocess import read_input
from training.sources.csv_manifest import LABEL_SEPARATOR
from webapp.studio.datasets.services import manifest_rows
from webapp.studio.loop.files import PREFIX
from webapp.studio.models import DatasetVersion, TrainingRun

logger = logging.getLogger(__name__)

# Of thousands so many tell enough, whichever: their names are random. A picture takes some milliseconds.
MAX_MEASURED = 500


def corrections_measured(run: TrainingRun, answerer: Answerer) -> Mapping[str, Any]:
    """`{"corrections": {"num", "right_now", "right_before"}}` of the corrections in a run's dataset
    version; nothing where it has none. `right_before` is of the version that answers until now, and None
    where there is none. What fails here costs a figure and not the training."""
    try:
        truths = _truths(run)
        if not truths:
            return {}
        before = _live(run)
        return {
            "corrections": {
                "num": len(truths),
                "right_now": _num_right(answerer, truths),
                "right_before": _num_right(before, truths) if before else None,
            }
        }
    except (ClassifierError, OSError, RuntimeError, ValueError):
        logger.exception("The corrections of %s could not be answered again", run)
        return {}


def _truths(run: TrainingRun) -> dict[Path, frozenset[str]]:
    """Corrections in the dataset's version that the run has learned from, with the labels that they have
    there; without those that their owners have deleted since."""
    if run.dataset_version is None:
        return {}
    return dict(islice(_corrections_in(run.dataset_version), MAX_MEASURED))


def _corrections_in(version: DatasetVersion) -> Iterator[tuple[Path, frozenset[str]]]:
    for path, label, _ in manifest_rows(version.manifest_path):
        file = Path(settings.DATA_DIR) / path
        if path.startswith(PREFIX) and file.is_file():
            yield file, frozenset(filter(None, label.split(LABEL_SEPARATOR)))


def _live(run: TrainingRun) -> Answerer | None:
    version = run.recognizer.live_version()
    if version is None:
        return None
    return open_answerer(
        Bundle.load(version.bundle_path),
        device="cpu",
        cache_dir=Path(settings.CACHE_DIR) / "engines",
    )


def _num_right(answerer: Answerer, truths: Mapping[Path, frozenset[str]]) -> int:
    size = answerer.bundle.manifest.image_size
    outcomes = answer_pictures(answerer, list(truths), lambda path: read_input(path, size))
    return sum(
        isinstance(outcome, Answer)
        and not outcome.is_outlier
        and frozenset(outcome.labels) == truths[path]
        for path, outcome in outcomes
    )
