"""The copies of visitors' pictures that datasets have. Each goes with its row, and its row with the
visitor's picture: what its owner deletes is gone from here, too.

Files are written before their rows, and removed after them. A process that is killed in between leaves
a file without a row, which `sweep` removes a day later; no name is used twice.
"""

import contextlib
import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from classifier import disk
from webapp.predictions.pictures import path_of
from webapp.studio.datasets.pictures import forget_picture
from webapp.studio.models import Example

logger = logging.getLogger(__name__)

FOLDER = "corrections"
# What paths of such examples begin with: training shows none of these pictures to others.
PREFIX = f"{FOLDER}/"
# A file without a row may be one whose row is about to be written.
KEPT_WITHOUT_ROW_SECONDS = 24 * 3600


def copy_of(picture_name: str, *, dataset_id: int) -> str:
    """A copy of a visitor's kept picture, as an example's path; a second link to the same file where
    the disk allows it. Raises FileNotFoundError where the picture is gone, and OSError."""
    path = f"{FOLDER}/{dataset_id}/{uuid.uuid4()}.jpg"
    kept, copy = path_of(picture_name), _file_of(path)
    copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(kept, copy)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one without links
        shutil.copyfile(kept, copy)
        disk.sync(copy)
    return path


def forget(path: str) -> None:
    """Remove a copy and what was made of it; fine when it is gone."""
    with contextlib.suppress(OSError):
        forget_picture(_file_of(path))


def sync(dataset_id: int) -> None:
    """Wait until the disk has the names of a dataset's copies."""
    disk.sync(Path(settings.DATA_DIR) / FOLDER / str(dataset_id))


def sweep() -> int:
    """Remove the copies that have had no row for a day; returns how many."""
    long_ago = time.time() - KEPT_WITHOUT_ROW_SECONDS
    num_gone = 0
    for folder in _folders():
        old = [path for path in folder.iterdir() if _is_older(path, long_ago)]
        names = [f"{FOLDER}/{folder.name}/{path.name}" for path in old]
        for start in range(0, len(names), 500):
            chunk = names[start : start + 500]
            rows = Example.objects.filter(dataset=int(folder.name), path__in=chunk)
            known = set(rows.values_list("path", flat=True))
            for name in chunk:
                if name not in known:
                    forget(name)
                    num_gone += 1
    if num_gone:
        logger.info("Removed %d copies of pictures that no dataset has", num_gone)
    return num_gone


def forget_with_row(instance: Example, **signal: Any) -> None:
    """To be told of every example that is deleted: its copy follows once that is for good."""
    path = instance.path
    if path.startswith(PREFIX):
        transaction.on_commit(lambda: forget(path))


def _folders() -> Iterator[Path]:
    """Of each dataset that has copies, or had some; named by its number."""
    root = Path(settings.DATA_DIR) / FOLDER
    for entry in root.iterdir() if root.is_dir() else ():
        if entry.is_dir() and entry.name.isascii() and entry.name.isdecimal():
            yield entry


def _is_older(file: Path, than: float) -> bool:
    """False also for one that somebody else has removed meanwhile."""
    try:
        return file.stat().st_ctime < than
    except FileNotFoundError:
        return False


def _file_of(path: str) -> Path:
    return Path(settings.DATA_DIR) / path
