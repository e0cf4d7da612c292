"""A dataset is deleted, with all that belongs to it and to nobody else."""

import logging
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.deletion import ProtectedError

from webapp.recognizers.models import ModelVersion
from webapp.studio.datasets.incoming import incoming_drop
from webapp.studio.models import Dataset, DatasetVersion, Job, Review, Routine, TrainingRun

logger = logging.getLogger(__name__)
DELETED_PREFIX = ".deleted-"


@dataclass(frozen=True)
class Belongings:
    """What goes with a dataset, and what stands in the way: open runs and jobs, and the versions that
    have learned from it."""

    num_examples: int
    num_versions: int
    num_ended_runs: int
    routines: Sequence[Routine]
    open_runs: Sequence[TrainingRun]
    open_jobs: Sequence[Job]
    learned: Sequence[ModelVersion]

    @property
    def may_go(self) -> bool:
        return not (self.open_runs or self.open_jobs or self.learned)


def belongings_of(dataset: Dataset) -> Belongings:
    runs = TrainingRun.objects.filter(dataset=dataset)
    is_open = {"state__in": TrainingRun.OPEN_STATES}
    return Belongings(
        num_examples=dataset.examples.count(),
        num_versions=dataset.versions.count(),
        num_ended_runs=runs.filter(version=None).exclude(**is_open).count(),
        routines=list(dataset.routines.select_related("recognizer")),
        open_runs=list(runs.filter(**is_open).select_related("recognizer")),
        open_jobs=list(dataset.jobs.filter(state__in=Job.OPEN_STATES)),
        learned=list(
            ModelVersion.objects.filter(run__dataset=dataset).select_related("recognizer")
        ),
    )


def dataset_delete(*, dataset: Dataset) -> bool:
    """Delete a dataset, its rows, its versions and the runs that left nothing; False, and nothing is
    done, where something stands in the way. The files of a ZIP go with it, those of a folder stay; the
    corrections that it had wait to be taken again."""
    try:
        with transaction.atomic():
            if not Dataset.objects.select_for_update().filter(pk=dataset.pk).exists():
                return True  # somebody else has, at the same moment
            if not belongings_of(dataset).may_go:
                return False
            manifests = [version.manifest_path for version in dataset.versions.all()]
            uploads = [job.params.get("upload", "") for job in dataset.jobs.all()]
            TrainingRun.objects.filter(dataset=dataset).delete()
            DatasetVersion.objects.filter(dataset=dataset).delete()
            # What was corrected is not its own: curators can take it into another one.
            Review.objects.filter(prediction__examples__dataset=dataset).update(taken_at=None)
            dataset.delete()
    except (ProtectedError, IntegrityError):
        return False  # a run was begun meanwhile
    for manifest in manifests:
        manifest.unlink(missing_ok=True)
    for key in uploads:
        incoming_drop(key=key)
    if dataset.origin == Dataset.Origin.UPLOAD:
        _remove_folder(dataset.path)
    logger.info("The dataset %s was deleted", dataset)
    return True


def _remove_folder(path: Path) -> None:
    """At once out of the way; who is killed meanwhile leaves the rest to the sweep."""
    aside = Path(settings.DATASETS_DIR) / f"{DELETED_PREFIX}{uuid.uuid4().hex}"
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    shutil.rmtree(aside, ignore_errors=True)
