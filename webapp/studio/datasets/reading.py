"""A dataset's files become rows. Not for the web process: it brings numpy."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import transaction

from training.sources.csv_manifest import LABEL_SEPARATOR
from training.sources.folder import is_text
from training.sources.index import OPEN_SPLIT, SPLITS, Index
from training.sources.names import shown
from training.sources.reading import read_unpacked
from webapp.studio.datasets.refusals import FolderRefused
from webapp.studio.models import Dataset, Example

ROWS_AT_ONCE = 2000
MAX_PATH_CHARACTERS = 1000
MAX_LABEL_CHARACTERS = 255


def dataset_read(dataset: Dataset) -> tuple[int, int]:
    """Read a dataset's folder into rows, none of its files opened; how many are new and how many are
    gone since. Raises FolderRefused and DatasetRefused."""
    path, inside = dataset.path, Path(settings.DATASETS_DIR).resolve()
    if path.is_symlink() or not path.resolve().is_relative_to(inside):
        raise FolderRefused("leads_out", folder=dataset.folder_name)
    if not path.is_dir():
        raise FolderRefused("gone", folder=dataset.folder_name)
    index = read_unpacked(path)
    _refuse_links_that_lead_out(dataset, index, inside)
    return examples_write(dataset=dataset, index=index)


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


def examples_write(*, dataset: Dataset, index: Index) -> tuple[int, int]:
    """Make rows of an index's files; returns how many are new and how many files are gone.

    What a curator has decided of a file stays; a file that is back is no longer left out as gone.
    """
    new = gone = 0
    root = index.root.resolve().relative_to(Path(settings.DATA_DIR).resolve())
    found = _rows_of(dataset, index, root.as_posix())
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=dataset.pk)
        own = Example.objects.filter(dataset=dataset, prediction=None)
        known = dict(own.values_list("path", "excluded"))
        back: list[str] = []
        while rows := list(islice(found, ROWS_AT_ONCE)):
            back += [row.path for row in rows if known.get(row.path) == Example.Excluded.GONE]
            fresh = [row for row in rows if row.path not in known]
            Example.objects.bulk_create(fresh)
            new += len(fresh)
            for row in rows:
                known.pop(row.path, None)
        missing = [path for path, excluded in known.items() if not excluded]
        for paths, excluded in ((back, ""), (missing, Example.Excluded.GONE)):
            for start in range(0, len(paths), 500):
                chunk = paths[start : start + 500]
                num = own.filter(path__in=chunk).update(excluded=excluded)
                gone += num if excluded else 0
        dataset.state = Dataset.State.READY
        dataset.notes = list(index.warnings)
        dataset.save(update_fields=["state", "notes"])
    return new, gone


def _rows_of(dataset: Dataset, index: Index, root: str) -> Iterator[Example]:
    labels = [
        LABEL_SEPARATOR.join(index.class_names[place] for place in places)
        for places in index.label_sets
    ]
    for row, path in enumerate(index.paths):
        inside = f"{root}/{path}"
        label = labels[int(index.labels[row])]
        if not is_text(inside) or len(inside) > MAX_PATH_CHARACTERS:
            continue  # cannot be written down; the index has said so
        if len(label) > MAX_LABEL_CHARACTERS:
            continue
        split = int(index.splits[row])
        yield Example(
            dataset=dataset,
            path=inside,
            label=label,
            given_label=label,
            split="" if split == OPEN_SPLIT else SPLITS[split],
        )
