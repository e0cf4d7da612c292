"""Some of somebody's predictions, named by their public numbers."""

import uuid
from collections.abc import Collection

from django.http import HttpRequest

from webapp.accounts.models import User
from webapp.predictions.models import Prediction, PredictionQuerySet

_KEY = "selected"
# As many as a page of the history shows.
_MAX_KEPT = 50


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


def selection_keep(request: HttpRequest, public_ids: Collection[uuid.UUID]) -> None:
    """For the next page of the history, where they are selected again."""
    request.session[_KEY] = [str(each) for each in public_ids][:_MAX_KEPT]


def selection_take(request: HttpRequest) -> Collection[str]:
    """What was kept for this page, and for this one alone."""
    kept = request.session.pop(_KEY, None) if _KEY in request.session else None
    return frozenset(map(str, kept)) if isinstance(kept, list) else frozenset()
