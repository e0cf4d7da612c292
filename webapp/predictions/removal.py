"""Predictions are removed: first the rows, then the files.

The names of the files are written down in the same transaction that deletes the rows, and crossed out
when the files are gone. A process that is killed in between leaves the names, and whoever comes next
goes on; removing a file twice does no harm, since no name is used again.
"""

import logging
import time

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from webapp.predictions import pictures
from webapp.predictions.models import Prediction, RemovedPicture

logger = logging.getLogger(__name__)

# Rows in one transaction: other writers wait for it.
REMOVED_AT_ONCE = 500


def predictions_remove(*, rows: QuerySet[Prediction]) -> int:
    """Remove up to REMOVED_AT_ONCE of these rows; returns how many. Their files go with
    `pictures_forget`."""
    with transaction.atomic():
        found = list(rows.order_by("id").values_list("pk", "picture_name")[:REMOVED_AT_ONCE])
        names = [RemovedPicture(picture_name=name) for _, name in found if name]
        # Two who remove the same rows at once write down the same names.
        RemovedPicture.objects.bulk_create(names, ignore_conflicts=True)
        Prediction.objects.filter(pk__in=[pk for pk, _ in found]).delete()
    return len(found)


def pictures_forget(*, until: float) -> bool:
    """Remove the files of removed predictions, until that moment (of `time.monotonic`); False where
    some are left: for want of time, or because the disk is away."""
    last = 0
    is_complete = True
    while True:
        rows = list(RemovedPicture.objects.filter(pk__gt=last).order_by("pk")[:REMOVED_AT_ONCE])
        if not rows:
            return is_complete
        if time.monotonic() > until or not pictures.is_there(settings.PICTURES_DIR):
            return False
        gone = [row.pk for row in rows if pictures.forget(row.picture_name)]
        RemovedPicture.objects.filter(pk__in=gone).delete()
        if len(gone) < len(rows):
            logger.warning("%d removed pictures are still on the disk", len(rows) - len(gone))
            is_complete = False
        last = rows[-1].pk
