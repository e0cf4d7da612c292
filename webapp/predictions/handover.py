"""Predictions that become another person's."""

import uuid

from django.db import transaction
from django.db.models import Exists, OuterRef

from webapp.accounts.models import User
from webapp.predictions.models import Prediction


def predictions_hand_over(*, giver: User, taker: User) -> int:
    """All that is the giver's is the taker's from here on, with answers, corrections and what can still
    be undone; returns how many. An answer that is under way arrives at its new owner."""
    with transaction.atomic():
        rows = Prediction.objects.filter(owner=giver)
        # The same form sent as both of them: two uploads from here on, of which each keeps its pages.
        # Asked of each upload: a list of all that the taker has, SQLite would make anew for this.
        theirs = Prediction.objects.filter(owner=taker, upload=OuterRef("upload"))
        twice = rows.filter(Exists(theirs)).order_by()
        for upload in list(twice.values_list("upload", flat=True).distinct()):
            rows.filter(upload=upload).update(upload=uuid.uuid4())
        return rows.update(owner=taker)
