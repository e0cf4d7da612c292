"""The list that a run learns from: that of a version of its dataset, without the pictures that are gone
since. What an owner has taken back is in no folder any more, and stays in the lists of the versions that
had it: those never change."""

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from classifier.images import FORMAT_NAMES
from training.dataset.findings import names_listed
from training.errors import DatasetRefused
from training.sources.csv_manifest import LABEL_SEPARATOR
from training.sources.listed import spelling_of
from webapp.studio.datasets.reading import dataset_read
from webapp.studio.datasets.refusals import FolderRefused
from webapp.studio.datasets.services import has_open_import, manifest_rows, version_freeze
from webapp.studio.lease import LeaseLost
from webapp.studio.loop.files import PREFIX
from webapp.studio.models import Dataset, DatasetVersion, TrainingRun
from webapp.studio.notes import note_of
from webapp.studio.runs.listener import Listener
from webapp.studio.runs.sentences import LEFT_OUT, LOST
from webapp.studio.services import run_fix_version


@dataclass(frozen=True)
class Listed:
    """`num`: how many pictures the list names, `num_gone`: how many the version has beside them, and
    `lost`: the classes that have none left."""

    path: Path
    num: int
    num_gone: int = 0
    lost: Sequence[str] = ()


def version_of(run: TrainingRun) -> DatasetVersion:
    """What the run learns from: what was chosen, or the dataset as it is when its turn comes. Raises
    LeaseLost, and what reading the dataset raises."""
    if run.dataset_version is None:
        dataset = run.dataset
        is_folder = dataset.origin == Dataset.Origin.FOLDER
        if not is_folder and dataset.state != Dataset.State.READY:
            raise FolderRefused("not_read", name=dataset.name)
        if is_folder or has_open_import(dataset):  # pictures may have been added
            _read(dataset)
        run_fix_version(run=run, version=version_freeze(dataset=dataset, is_read=True))
    if run.dataset_version is None:
        raise LeaseLost
    return run.dataset_version


@contextmanager
def list_of(version: DatasetVersion, folder: Path) -> Iterator[Listed]:
    """The version's own list where all of its pictures are there; else one without the others, in that
    folder, for as long as it is needed.

    Raises FolderRefused where the dataset's folder is gone, and DatasetRefused where none of its pictures
    is left in it: that is a disk which is not there just now, and nothing that anybody has decided.
    """
    listed, gone = _look(version)
    if not gone:
        yield listed
        return
    shorter = folder / version.manifest_name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _write_without(gone, version.manifest_path, shorter)
        yield Listed(shorter, listed.num, listed.num_gone, listed.lost)
    finally:
        shorter.unlink(missing_ok=True)
        with suppress(OSError):  # a run that may go on has more in it
            folder.rmdir()


def say_left_out(listed: Listed, listener: Listener) -> None:
    """In the run's log, and in the notes on what came of it."""
    if listed.num_gone:
        listener.lines.say("left_out", num=listed.num_gone)
        listener.notes.append(note_of(LEFT_OUT, num=listed.num_gone))
    if listed.lost:
        lost = {"num": len(listed.lost), "names": names_listed(listed.lost)}
        listener.lines.say("lost", **lost)
        listener.notes.append(note_of(LOST, **lost))


def _read(dataset: Dataset) -> None:
    try:
        dataset_read(dataset)
    except Exception:
        # One that was read before stays as it was; and what a job reads, that job gives up.
        if not has_open_import(dataset):
            never_read = Dataset.objects.filter(pk=dataset.pk, state=Dataset.State.READING)
            never_read.update(state=Dataset.State.FAILED)
        raise


def _look(version: DatasetVersion) -> tuple[Listed, set[int]]:
    """What is there of a version, and the rows of what is not."""
    manifest, root = version.manifest_path, os.fspath(settings.DATA_DIR)
    if not manifest.is_file():
        return Listed(manifest, version.num_examples), set()  # the training says so
    gone: set[int] = set()
    labels: set[str] = set()
    left: set[str] = set()
    num = num_own = num_own_left = 0
    for row, (path, label, _) in enumerate(manifest_rows(manifest)):
        is_own, is_there = not path.startswith(PREFIX), spelling_of(path, root) is not None
        labels.add(label)
        num_own += is_own
        if is_there:
            left.add(label)
            num += 1
            num_own_left += is_own
        else:
            gone.add(row)
    if num_own and not num_own_left:
        if not version.dataset.path.is_dir():
            raise FolderRefused("gone", folder=version.dataset.folder_name)
        raise DatasetRefused("no_pictures", path=version.dataset.name, formats=FORMAT_NAMES)
    lost = sorted(_classes(labels) - _classes(left))
    return Listed(manifest, num, len(gone), lost), gone


def _write_without(gone: set[int], manifest: Path, shorter: Path) -> None:
    with shorter.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("path", "label", "split"))
        rows = enumerate(manifest_rows(manifest))
        writer.writerows(row for number, row in rows if number not in gone)


def _classes(labels: set[str]) -> set[str]:
    return {name for label in labels for name in label.split(LABEL_SEPARATOR) if name}
