"""What writes audits: asking for one, and what lies with the files before one begins."""

import os
from collections.abc import Callable, Iterable

from django.conf import settings
from django.db.models import QuerySet

from webapp.studio.datasets.refusals import FolderRefused
from webapp.studio.models import Dataset, Example, Job

ROWS_AT_ONCE = 2000
Confirmed = dict[
    int, str
]  # the label that a curator has said is right, by the number of the example


def newest_audit(dataset: Dataset) -> Job | None:
    """The one that goes on or has ended last, however it did; what it found is left behind."""
    return _audits(dataset).defer("result", "params").order_by("-id").first()


def last_audit(dataset: Dataset) -> Job | None:
    """The one whose findings are shown: the last that has succeeded."""
    done = _audits(dataset).filter(state=Job.State.SUCCEEDED)
    return done.select_related("requested_by", "dataset").order_by("-id").first()


def confirmed_labels(*, dataset: Dataset) -> Confirmed:
    """What curators have confirmed on any audit's page; a label that was changed since is none of it."""
    audits = _audits(dataset).filter(params__has_key="confirmed").order_by("id")
    noted: Iterable[dict[str, str]] = audits.values_list("params__confirmed", flat=True)
    return {int(number): label for each in noted for number, label in each.items()}


def missing_files_exclude(*, dataset: Dataset, on_progress: Callable[[], None]) -> list[str]:
    """Leave out pictures whose files are gone; their paths. Raises FolderRefused where the whole folder
    is: a disk that is not there just now costs no decision."""
    root, gone = os.fspath(settings.DATA_DIR), []
    rows = Example.objects.filter(dataset=dataset).included().order_by("path")
    for number, (pk, path) in enumerate(rows.values_list("pk", "path").iterator(ROWS_AT_ONCE)):
        if not number % ROWS_AT_ONCE:
            on_progress()
        if not os.path.isfile(f"{root}/{path}"):  # noqa: PTH113 - a Path costs five times it
            gone.append((pk, path))
    if gone and not dataset.path.is_dir():
        raise FolderRefused("gone", folder=dataset.folder_name)
    for start in range(0, len(gone), ROWS_AT_ONCE):
        numbers = [pk for pk, _ in gone[start : start + ROWS_AT_ONCE]]
        still_in = Example.objects.filter(pk__in=numbers).included()
        still_in.update(excluded=Example.Excluded.GONE)
    return [path for _, path in gone]


def _audits(dataset: Dataset) -> QuerySet[Job]:
    return Job.objects.filter(kind=Job.Kind.AUDIT, dataset=dataset)
