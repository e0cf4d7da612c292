"""Some of somebody's predictions, named by their public numbers."""

import uuid
from collections.abc import Collection

from webapp.accounts.models import User
from webapp.predictions.models import Prediction, PredictionQuerySet


def selected(*, owner: User, public_ids: Collection[uuid.UUID]) -> PredictionQuerySet:
    """Those among them that are the owner's and not deleted; one query now, and none of the rows."""
    named = Prediction.objects.filter(public_id__in=public_ids).values_list("pk", "owner_id")
    # Asked for together, SQLite might look through all that the owner has.
    own = [pk for pk, owner_id in named if owner_id == owner.pk]
    return Prediction.objects.present().filter(pk__in=own)


def uuid_or_none(text: str) -> uuid.UUID | None:
    """What a form or an address holds as a number; None for what is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
