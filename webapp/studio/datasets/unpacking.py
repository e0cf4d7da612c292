"""A received ZIP becomes a dataset's folder. For the worker.

It is unpacked beside, under a hidden name, and renamed when it is whole: who is killed meanwhile leaves
a hidden folder, which the next attempt or the sweep removes.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from training.sources.archive import extracted
from training.sources.errors import ArchiveRefused
from webapp.studio.datasets.incoming import incoming_drop, incoming_get
from webapp.studio.datasets.refusals import UploadRefused
from webapp.studio.models import Dataset

# What a curator can do something about: the ZIP is kept, to be unpacked again.
_NO_ROOM = "no_space"
UNPACKING_PREFIX = ".unpacking-"


def unpacking_folder(dataset_id: int) -> Path:
    return Path(settings.DATASETS_DIR) / f"{UNPACKING_PREFIX}{dataset_id}"


def dataset_unpack(
    *, dataset: Dataset, key: str, file_name: str, tell: Callable[[float], None]
) -> None:
    """Make the dataset's folder of the ZIP under that key; nothing, where an earlier attempt has.

    `tell` is told how much is written, 0 to 1; what it raises leaves nothing behind. Raises
    ArchiveRefused, after which the ZIP is gone, and UploadRefused.
    """
    if dataset.path.is_dir():
        incoming_drop(key=key)
        return
    incoming = incoming_get(key)
    if incoming is None or not incoming.is_complete:
        raise UploadRefused("gone", name=file_name)
    beside = unpacking_folder(dataset.pk)
    shutil.rmtree(beside, ignore_errors=True)
    beside.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder = extracted(incoming.file, beside, on_fraction=tell)
        folder.rename(dataset.path)
    except ArchiveRefused as error:
        if error.code != _NO_ROOM:
            incoming_drop(key=key)
        # The path on the server says nothing to whoever has sent it.
        params = {
            name: file_name if name == "path" else value for name, value in error.params.items()
        }
        raise ArchiveRefused(error.code, **params) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    incoming_drop(key=key)
