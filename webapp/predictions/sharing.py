"""A link under which anybody may look at one answer, until its owner takes it back."""

import uuid

from django.db.models import QuerySet

from webapp.accounts.models import User
from webapp.predictions.models import Prediction


def prediction_share(*, owner: User, public_id: uuid.UUID) -> bool:
    """Give an answered prediction of the owner a link of its own; False where there is none such. The
    same asked twice is one link."""
    rows = _own(owner, public_id)
    rows.filter(share=None, state=Prediction.State.DONE).update(share=uuid.uuid4())
    return rows.filter(share__isnull=False).exists()


def prediction_unshare(*, owner: User, public_id: uuid.UUID) -> bool:
    """Take the link back: it opens nothing any more, and another one will have another address."""
    return _own(owner, public_id).update(share=None) > 0


def shared_prediction(share: uuid.UUID) -> Prediction | None:
    """What the link opens; None where it was taken back, the picture was deleted or its owner left."""
    rows = Prediction.objects.present().filter(share=share, owner__is_active=True)
    return rows.select_related("recognizer", "version").defer("version__metrics").first()


def _own(owner: User, public_id: uuid.UUID) -> QuerySet[Prediction]:
    return Prediction.objects.present().filter(owner=owner, public_id=public_id)
