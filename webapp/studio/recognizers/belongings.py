"""What belongs to a recognizer, or to one version: how many of what would be removed with it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.db.models import Count, Q

from webapp.predictions.models import Correction, Prediction
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio.models import Example, Job, Routine, RunLine


@dataclass(frozen=True)
class Belongings:
    """How many of each there are; `num_bytes` on the disk, of the bundles."""

    num_predictions: int
    num_people: int
    num_judged: int
    num_examples: int
    num_versions: int
    num_bytes: int
    num_runs: int
    num_lines: int
    num_jobs: int
    num_promotions: int
    has_routine: bool


def belongings_of(recognizer: Recognizer) -> Belongings:
    predictions = Prediction.objects.filter(recognizer=recognizer)
    people = predictions.order_by().aggregate(
        number=Count("pk"), people=Count("owner", distinct=True)
    )
    jobs = Q(version__recognizer=recognizer) | Q(other_version__recognizer=recognizer)
    versions = list(recognizer.versions.only("bundle_name"))
    return Belongings(
        num_predictions=people["number"],
        num_people=people["people"],
        num_judged=Correction.objects.filter(recognizer=recognizer).exclude(verdict="").count(),
        num_examples=Example.objects.filter(prediction__recognizer=recognizer).count(),
        num_versions=len(versions),
        num_bytes=bytes_of(version.bundle_path for version in versions),
        num_runs=recognizer.runs.count(),
        num_lines=RunLine.objects.filter(run__recognizer=recognizer).count(),
        num_jobs=Job.objects.filter(jobs).count(),
        num_promotions=recognizer.promotions.count(),
        has_routine=Routine.objects.filter(recognizer=recognizer).exists(),
    )


@dataclass(frozen=True)
class VersionBelongings:
    """`was_live`: the log of promotions names it, or what was before the log."""

    num_answers: int
    num_bytes: int
    was_live: bool


def belongings_of_version(version: ModelVersion) -> VersionBelongings:
    return VersionBelongings(
        num_answers=Prediction.objects.filter(version=version).count(),
        num_bytes=bytes_of([version.bundle_path]),
        was_live=version.promoted_at is not None,
    )


def bytes_of(folders: Iterable[Path]) -> int:
    """What the files below these folders take; a folder that is not there takes nothing."""
    total = 0
    for folder in folders:
        for path in folder.rglob("*"):
            try:
                total += path.lstat().st_size
            except OSError:  # gone meanwhile
                continue
    return total
