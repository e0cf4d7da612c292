"""Deleting predictions: hidden at once, undone within some minutes, and then gone with their pictures."""

import logging
import time
import uuid
from collections.abc import Collection
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from webapp.accounts.models import User
from webapp.predictions.models import Prediction
from webapp.predictions.removal import pictures_forget, predictions_remove
from webapp.predictions.selected import selected

logger = logging.getLogger(__name__)

UNDO_MINUTES = 10
# Where a session keeps the last one, so that it is offered as long as it can be undone.
LAST_DELETION = "deletion"
# What is left of the files then is for the next round.
FORGET_SECONDS = 60.0


def predictions_delete(
    *, owner: User, public_ids: Collection[uuid.UUID], deletion: uuid.UUID
) -> int:
    """Hide the owner's predictions among these; returns how many `deletion` has hidden by now.

    The same form sent twice is one deletion.
    """
    rows = selected(owner=owner, public_ids=public_ids)
    rows.update(deleted_at=timezone.now(), deletion=deletion)
    return undoable_count(owner=owner, deletion=deletion)


def deletion_undo(*, owner: User, deletion: uuid.UUID) -> int:
    """Bring back what a deletion has hidden; returns how many that was, 0 where it is too late."""
    # A sealed row has no deletion any more, so nothing comes back without its picture.
    return _hidden_by(owner, deletion).update(deleted_at=None, deletion=None)


def undoable_count(*, owner: User, deletion: uuid.UUID) -> int:
    return _hidden_by(owner, deletion).count()


def sweep() -> int:
    """Remove what was deleted some minutes ago, rows first; returns how many rows are gone.

    Any number of workers may do it at once, and any of them may die over it.
    """
    long_ago = timezone.now() - timedelta(minutes=UNDO_MINUTES)
    expired = Prediction.objects.filter(deleted_at__lt=long_ago, deletion__isnull=False)
    if expired.exists():
        expired.update(deletion=None)
    sealed = Prediction.objects.filter(deleted_at__isnull=False, deletion=None)
    num_gone = 0
    while num_removed := predictions_remove(rows=sealed):
        num_gone += num_removed
    if num_gone:
        logger.info("Removed %d deleted predictions", num_gone)
    pictures_forget(until=time.monotonic() + FORGET_SECONDS)
    return num_gone


def _hidden_by(owner: User, deletion: uuid.UUID) -> QuerySet[Prediction]:
    # The second condition says nothing new, but SQLite takes the index by it.
    return Prediction.objects.filter(owner=owner, deletion=deletion).filter(deletion__isnull=False)
