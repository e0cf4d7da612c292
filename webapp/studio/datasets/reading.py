"""A dataset's files become rows. Not for the web process: it brings numpy."""

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop

from training.dataset.findings import remarked
from training.sources.csv_manifest import LABEL_SEPARATOR
from training.sources.folder import is_text
from training.sources.index import OPEN_SPLIT, SPLITS, Index
from training.sources.names import shown
from training.sources.reading import read_unpacked
from webapp.predictions.corrections import MAX_LABEL_CHARACTERS
from webapp.studio.datasets.refusals import FolderRefused
from webapp.studio.models import Dataset, Example
from webapp.studio.models.datasets import MAX_PATH_CHARACTERS, ExampleQuerySet
from webapp.studio.notes import Note, finding_note, note_of

# Of one transaction: a third of a second, for which whoever else writes waits where the database is SQLite.
ROWS_AT_ONCE = 5000
# A path is unique in its dataset, and PostgreSQL's index takes no entry beyond 2,704 bytes.
MAX_PATH_BYTES = 2500
NOT_KEPT = gettext_noop(
    "Pictures whose path or class is too long or no text, left out: %(num)s. Rename them."
)


def dataset_read(
    dataset: Dataset, *, tell: Callable[[float], None] = lambda fraction: None
) -> tuple[int, int]:
    """Read a dataset's folder into rows, none of its files opened; how many are new and how many are
    gone since. Raises FolderRefused and DatasetRefused, and what `tell` raises, which is told how much is
    written, 0 to 1."""
    path, inside = dataset.path, Path(settings.DATASETS_DIR).resolve()
    if path.is_symlink() or not path.resolve().is_relative_to(inside):
        raise FolderRefused("leads_out", folder=dataset.folder_name)
    if not path.is_dir():
        raise FolderRefused("gone", folder=dataset.folder_name)
    index = read_unpacked(path)
    _refuse_links_that_lead_out(dataset, index, inside)
    for name in index.class_names:
        if LABEL_SEPARATOR in name:  # in rows and lists it would be two classes
            raise FolderRefused("separator", name=shown(name), separator=LABEL_SEPARATOR)
    return examples_write(dataset=dataset, index=index, tell=tell)


def _refuse_links_that_lead_out(dataset: Dataset, index: Index, inside: Path) -> None:
    """Of folders, each is looked at once; of files, only those that are links."""
    folders: dict[str, bool] = {}

    def leads_out(name: str) -> bool:
        return not Path(os.path.realpath(index.root / name)).is_relative_to(inside)

    for path in index.paths:
        folder = path.rpartition("/")[0]
        if folder not in folders:
            folders[folder] = leads_out(folder)
        is_link = os.path.islink(f"{index.root}/{path}")  # noqa: PTH114 - for each of a million
        if folders[folder] or (is_link and leads_out(path)):
            name = folder if folders[folder] else path
            raise FolderRefused("link_leads_out", folder=dataset.folder_name, name=shown(name))


def examples_write(
    *, dataset: Dataset, index: Index, tell: Callable[[float], None] = lambda fraction: None
) -> tuple[int, int]:
    """Make rows of an index's files; returns how many are new and how many files are gone.

    What a curator has decided of a file stays; a file that is back is no longer left out as gone. The rows
    are made in many short transactions, so that others can write meanwhile, and the dataset is ready with
    the last one: who is killed in between leaves some rows, which whoever reads it once more finds.
    """
    num_new = num_rows = 0
    root = index.root.resolve().relative_to(Path(settings.DATA_DIR).resolve())
    found = _rows_of(dataset, index, root.as_posix())
    own = Example.objects.filter(dataset=dataset, prediction=None)
    known = dict(own.values_list("path", "excluded"))
    back: list[str] = []
    while rows := list(islice(found, ROWS_AT_ONCE)):
        tell(num_rows / len(index))
        back += [row.path for row in rows if known.get(row.path) == Example.Excluded.GONE]
        fresh = [row for row in rows if row.path not in known]
        # Another worker may be at it, too: one that was taken for dead.
        Example.objects.bulk_create(fresh, ignore_conflicts=True)
        num_new += len(fresh)
        num_rows += len(rows)
        for row in rows:
            known.pop(row.path, None)
    missing = [path for path, excluded in known.items() if not excluded]
    with transaction.atomic():
        # Whoever makes a version of this dataset waits here.
        Dataset.objects.select_for_update().get(pk=dataset.pk)
        _mark(own, back, before=Example.Excluded.GONE, now="")
        num_gone = _mark(own, missing, before="", now=Example.Excluded.GONE)
        dataset.state = Dataset.State.READY
        dataset.notes = list(_notes(index, num_rows))
        dataset.save(update_fields=["state", "notes"])
    return num_new, num_gone


def _mark(own: ExampleQuerySet, paths: Sequence[str], *, before: str, now: str) -> int:
    """Change why these are left out, where that is `before` still; returns of how many."""
    return sum(
        own.filter(path__in=paths[start : start + 500], excluded=before).update(excluded=now)
        for start in range(0, len(paths), 500)
    )


def _rows_of(dataset: Dataset, index: Index, root: str) -> Iterator[Example]:
    labels = [
        LABEL_SEPARATOR.join(index.class_names[place] for place in places)
        for places in index.label_sets
    ]
    for row, path in enumerate(index.paths):
        inside = f"{root}/{path}"
        label = labels[int(index.labels[row])]
        if not _can_be_kept(inside) or len(label) > MAX_LABEL_CHARACTERS:
            continue  # the notes tell how many
        split = int(index.splits[row])
        yield Example(
            dataset=dataset,
            path=inside,
            label=label,
            given_label=label,
            split="" if split == OPEN_SPLIT else SPLITS[split],
        )


def _can_be_kept(path: str) -> bool:
    return (
        is_text(path) and len(path) <= MAX_PATH_CHARACTERS and len(path.encode()) <= MAX_PATH_BYTES
    )


def _notes(index: Index, num_rows: int) -> Iterator[Note]:
    yield from (finding_note(remarked(remark)) for remark in index.remarks)
    if num_rows < len(index):
        yield note_of(NOT_KEPT, num=len(index) - num_rows)
