"""What writes datasets and their versions."""

import csv
import hashlib
import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from webapp.accounts.models import User
from webapp.studio.datasets.refusals import FolderRefused
from webapp.studio.models import Dataset, DatasetVersion, Example, Job, TrainingRun

ROWS_AT_ONCE = 2000
MAX_NAME_CHARACTERS = 190  # leaves room for a number behind it
NAME_ATTEMPTS = 5


def dataset_get_or_create(
    *, folder_name: str, created_by: User | None = None, origin: str = Dataset.Origin.FOLDER
) -> Dataset:
    """The dataset of that folder below the datasets' folder; a new one is still to be read."""
    return dataset_ensure(
        folder_name=folder_name, name=folder_name, created_by=created_by, origin=origin
    )[0]


def dataset_ensure(
    *,
    folder_name: str,
    name: str,
    created_by: User | None = None,
    origin: str = Dataset.Origin.FOLDER,
) -> tuple[Dataset, bool]:
    """What `dataset_get_or_create` gives, and whether it is new; then under that name, or the next that is
    free."""

    def get_or_create() -> tuple[Dataset, bool]:
        fields = {"name": free_name(name), "created_by": created_by, "origin": origin}
        return Dataset.objects.get_or_create(folder_name=folder_name, defaults=fields)

    for _ in range(NAME_ATTEMPTS - 1):
        # Another folder may be given that name at the same moment.
        with suppress(IntegrityError):
            return get_or_create()
    return get_or_create()


def free_name(name: str) -> str:
    """That name, or where a dataset has it, the first of “name 2”, “name 3” … that is free."""
    name, number = name[:MAX_NAME_CHARACTERS], 1
    free = name
    while Dataset.objects.filter(name=free).exists():
        number += 1
        free = f"{name} {number}"
    return free


def has_open_import(dataset: Dataset) -> bool:
    """Whether a job reads it, or will when its turn comes."""
    imports = dataset.jobs.filter(kind=Job.Kind.IMPORT, state__in=Job.OPEN_STATES)
    return imports.exists()


def expect_at_rest(dataset: Dataset) -> None:
    """Raises FolderRefused while its files become rows, of which there is a part so far: in a job, or in
    a run that learns from it as it is and has no version yet."""
    runs = TrainingRun.objects.filter(dataset=dataset, dataset_version=None)
    if has_open_import(dataset) or runs.filter(state=TrainingRun.State.RUNNING).exists():
        raise FolderRefused("being_read", name=dataset.name)


def version_freeze(
    *, dataset: Dataset, created_by: User | None = None, note: str = "", is_read: bool = False
) -> DatasetVersion:
    """The dataset as it is now, as a version that never changes: the latest one where that is the same.

    Raises FolderRefused while it is being read. `is_read`: the caller has read all of it just now,
    whoever else is at it.
    """
    folder = Path(settings.MANIFESTS_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{uuid.uuid4()}.csv"
    try:
        with transaction.atomic():
            # Whoever numbers a version of this dataset next waits here, and whoever adds pictures to it.
            Dataset.objects.select_for_update().get(pk=dataset.pk)
            if not is_read:
                expect_at_rest(dataset)
            counts, digest = write_manifest(dataset, draft)
            latest = dataset.latest_version()
            if latest and latest.digest == digest and latest.manifest_path.is_file():
                return latest
            last = dataset.versions.aggregate(last=Max("number"))["last"] or 0
            name = f"{dataset.pk}-{last + 1}-{digest[:12]}.csv"
            version = DatasetVersion.objects.create(
                dataset=dataset,
                number=last + 1,
                manifest_name=name,
                digest=digest,
                num_examples=sum(counts.values()),
                class_counts=dict(sorted(counts.items())),
                note=note,
                created_by=created_by,
            )
            draft.rename(folder / name)
        return version
    finally:
        draft.unlink(missing_ok=True)


def write_manifest(dataset: Dataset, file: Path) -> tuple[Counter[str], str]:
    """Write what is included, in a fixed order; how many pictures each label has, and the digest."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        counts, digest = _write_rows(dataset, stream.write)
        stream.flush()
        os.fsync(stream.fileno())
    return counts, digest


def manifest_rows(file: Path) -> Iterator[tuple[str, str, str]]:
    """Path, label and split of each picture, in the order of the manifest. Raises OSError, and ValueError
    for what `write_manifest` has not written."""
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            rows = csv.reader(stream)
            next(rows, None)
            for row in rows:
                path, label, split = row
                yield path, label, split
    except csv.Error as error:
        raise ValueError(str(error)) from error


def manifest_digest(dataset: Dataset) -> str:
    """The digest that a manifest of the dataset would have now."""
    return _write_rows(dataset, lambda line: None)[1]


def _write_rows(dataset: Dataset, write: Callable[[str], object]) -> tuple[Counter[str], str]:
    """SHA-256, hexadecimal, of all that was written."""
    counts: Counter[str] = Counter()
    hashed = hashlib.sha256()

    class Lines:
        def write(self, line: str) -> None:
            hashed.update(line.encode())
            write(line)

    writer = csv.writer(Lines(), lineterminator="\n")
    writer.writerow(("path", "label", "split"))
    rows = Example.objects.filter(dataset=dataset).included().order_by("path")
    for path, label, split in rows.values_list("path", "label", "split").iterator(ROWS_AT_ONCE):
        writer.writerow((path, label, split))
        counts[label] += 1
    return counts, hashed.hexdigest()
