"""Deleting predictions: hidden at once, undone within some minutes, and then gone with their pictures."""

import logging
import uuid
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from webapp.accounts.models import User
from webapp.predictions import pictures
from webapp.predictions.models import Prediction

logger = logging.getLogger(__name__)

UNDO_MINUTES = 10
SWEEP_ROWS = 500


def predictions_delete(
    *, owner: User, public_ids: Collection[uuid.UUID], deletion: uuid.UUID
) -> int:
    """Hide the owner's predictions among these; returns how many `deletion` has hidden by now.

    The same form sent twice is one deletion.
    """
    named = Prediction.objects.filter(public_id__in=public_ids).values_list("pk", "owner_id")
    # Asked for together, SQLite might look through all that the owner has.
    own = [pk for pk, owner_id in named if owner_id == owner.pk]
    rows = Prediction.objects.present().filter(pk__in=own)
    rows.update(deleted_at=timezone.now(), deletion=deletion)
    return undoable_count(owner=owner, deletion=deletion)


def deletion_undo(*, owner: User, deletion: uuid.UUID) -> int:
    """Bring back what a deletion has hidden; returns how many that was, 0 where it is too late."""
    # A sealed row has no deletion any more, so nothing comes back without its picture.
    return _hidden_by(owner, deletion).update(deleted_at=None, deletion=None)


def undoable_count(*, owner: User, deletion: uuid.UUID) -> int:
    return _hidden_by(owner, deletion).count()


def sweep() -> int:
    """Remove what was deleted some minutes ago, pictures first; returns how many rows are gone.

    Any number of workers may do it at once, and any of them may die over it.
    """
    long_ago = timezone.now() - timedelta(minutes=UNDO_MINUTES)
    expired = Prediction.objects.filter(deleted_at__lt=long_ago, deletion__isnull=False)
    if expired.exists():
        expired.update(deletion=None)
    num_gone, last = 0, 0
    while True:
        sealed = Prediction.objects.filter(deleted_at__isnull=False, deletion=None, pk__gt=last)
        rows = list(sealed.order_by("pk").values_list("pk", "picture_name")[:SWEEP_ROWS])
        if not rows:
            break
        last = rows[-1][0]
        is_there = _are_pictures_there()
        gone = [pk for pk, name in rows if not name or (is_there and _is_removed(name))]
        Prediction.objects.filter(pk__in=gone).delete()
        num_gone += len(gone)
    if num_gone:
        logger.info("Removed %d deleted predictions and their pictures", num_gone)
    return num_gone


def _hidden_by(owner: User, deletion: uuid.UUID) -> QuerySet[Prediction]:
    # The second condition says nothing new, but SQLite takes the index by it.
    return Prediction.objects.filter(owner=owner, deletion=deletion).filter(deletion__isnull=False)


def _are_pictures_there() -> bool:
    """Whether the folder that has had pictures has anything: one that is not mounted is empty."""
    try:
        return any(Path(settings.PICTURES_DIR).iterdir())
    except OSError:
        return False


def _is_removed(name: str) -> bool:
    """Whether a picture is off the disk. Where it is not, its row stays for the next time, or nobody
    would know of it."""
    pictures.forget(name)
    left = [p for p in (pictures.path_of(name), pictures.thumbnail_path_of(name)) if p.exists()]
    if left:
        logger.warning("The deleted picture %s could not be removed", left[0])
    return not left
