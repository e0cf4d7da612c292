"""Pictures in folders named by their labels, as a ZIP that is written while it is sent.

What it keeps in memory is its table of contents, half a kilobyte for each picture; so there is one only of
what MAX_PICTURES allows.
"""

import zipfile
from collections.abc import Generator

from webapp.predictions import pictures
from webapp.predictions.downloads import Outlet, entry
from webapp.predictions.folders import Folders, file_name_for
from webapp.predictions.history import HistoryFilters
from webapp.predictions.models import Prediction, PredictionQuerySet
from webapp.predictions.paging import Key, count_as_far, keys_beyond

MAX_PICTURES = 20_000
CHUNK_ROWS = 500
_FIELDS = (
    *("created_at", "pk", "public_id", "file_name", "picture_name", "label", "is_outlier"),
    *("state", "verdict", "true_label"),
)


def fits(rows: PredictionQuerySet, filters: HistoryFilters) -> bool:
    """Whether all that is meant may be in one ZIP; not, where that cannot be said quickly."""
    number = count_as_far(rows, filters, MAX_PICTURES)
    return number is not None and number <= MAX_PICTURES


def labelled_folders(
    rows: PredictionQuerySet, filters: HistoryFilters
) -> Generator[bytes, None, None]:
    """The answered ones of `rows` that are meant, newest first, each in the folder of its label."""
    outlet, folders = Outlet(), Folders()
    meant = filters.matching(rows).order_by("-created_at", "-id")
    with zipfile.ZipFile(outlet, "w") as archive:  # type: ignore[call-overload]
        chunk = list(meant.only(*_FIELDS)[:CHUNK_ROWS])
        while chunk:
            for row in chunk:
                _add(archive, folders, row)
                if outlet.is_full():
                    yield outlet.take()
            if len(chunk) < CHUNK_ROWS:
                break
            older = keys_beyond(meant, Key(chunk[-1].created_at, chunk[-1].pk))
            chunk = list(older.only(*_FIELDS)[:CHUNK_ROWS])
    yield outlet.take()


def _add(archive: zipfile.ZipFile, folders: Folders, row: Prediction) -> None:
    folder = folders.folder_of(row)
    if folder is None or not row.picture_name:
        return
    try:
        data = pictures.path_of(row.picture_name).read_bytes()
    except OSError:
        return  # lost, or removed a moment ago; the others are worth having
    name = f"{folder}/{file_name_for(row)}"
    archive.writestr(entry(name, row.created_at), data, compresslevel=0)
