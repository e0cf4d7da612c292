"""Pictures are on disk before their rows are in the database. A note of their names lies beside them
meanwhile, so that what a process leaves behind that dies in between is found and removed."""

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from webapp.database import DATABASE_ERRORS
from webapp.predictions import pictures
from webapp.predictions.models import Prediction

logger = logging.getLogger(__name__)

# No upload takes this long: whoever wrote the note is dead, or could not ask the database.
OLD_SECONDS = 24 * 3600


@contextmanager
def names_for(*, owner_id: int, upload: uuid.UUID, number: int) -> Iterator[list[str]]:
    """Names for an upload's pictures. Where the block raises, those that no row names are removed: a
    commit may succeed without our hearing of it. Raises OSError."""
    names = [pictures.new_name() for _ in range(number)]
    # The same upload may come twice at once, so each has a note of its own.
    note = _folder() / f"{owner_id}.{upload.hex}.{uuid.uuid4().hex}"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text("\n".join(names))
    try:
        yield names
    except BaseException:
        _settle(note, names)
        raise
    note.unlink(missing_ok=True)


def sweep() -> None:
    """Settle the notes of the dead."""
    if not _folder().is_dir():
        return
    for note in _folder().iterdir():
        try:
            if time.time() - note.stat().st_mtime > OLD_SECONDS:
                _settle(note, note.read_text().split())
        except FileNotFoundError:
            continue  # settled by another worker, or by who wrote it


def _settle(note: Path, names: list[str]) -> None:
    """Remove what no row names. Where that cannot be asked the note stays for later: a picture too many
    on the disk is better than one too few."""
    try:
        owner_id, upload, _ = note.name.split(".")
        rows = Prediction.objects.filter(owner_id=int(owner_id), upload=uuid.UUID(upload))
        recorded = set(rows.values_list("picture_name", flat=True))
    except DATABASE_ERRORS as error:
        logger.warning("Whether %d pictures are in use could not be asked: %s", len(names), error)
        return
    for name in set(names) - recorded:
        pictures.forget(name)
    note.unlink(missing_ok=True)


def _folder() -> Path:
    return Path(settings.PICTURES_DIR) / ".unrecorded"
