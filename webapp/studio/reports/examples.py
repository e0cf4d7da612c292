"""The pictures that a report speaks of, as rows of the dataset that its version learned from."""

import os
from collections.abc import Iterable

from django.conf import settings

from webapp.studio.models import Dataset, Example
from webapp.studio.models.datasets import MAX_PATH_CHARACTERS


def examples_by_path(dataset: Dataset | None, paths: Iterable[str]) -> dict[str, Example]:
    """Rows by these paths, in one query; those that have none, or whose file is gone, are missing.

    A path is below the data folder; in a report of an earlier release, below the dataset's own.
    """
    wanted = {path for path in paths if _may_be_one(path)}
    if dataset is None or not wanted:
        return {}
    folder = os.path.relpath(dataset.path, settings.DATA_DIR)
    inside = {f"{folder}/{path}": path for path in wanted}
    rows = Example.objects.present().filter(dataset=dataset, path__in=[*wanted, *inside])
    return {inside.get(row.path, row.path): row for row in rows if row.file.is_file()}


def _may_be_one(path: str) -> bool:
    """PostgreSQL refuses to look for what it could not hold."""
    if not path or len(path) > MAX_PATH_CHARACTERS or "\0" in path:
        return False
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
