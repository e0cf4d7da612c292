"""The same picture twice: what the live version has answered already is answered from the database."""

from collections.abc import Sequence

from django.utils import timezone

from webapp.accounts.models import User
from webapp.predictions import pictures
from webapp.predictions.claims import ANSWER_FIELDS
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Recognizer


def answers_of_the_same(
    owner: User, recognizer: Recognizer, contents: Sequence[str]
) -> dict[str, Prediction]:
    """The owner's newest answer of the recognizer's live version to each of these contents.

    `contents`: SHA-256s of uploaded files, empty ones are nobody's. Per person: another's answer
    would tell that another has the picture.
    """
    known = {content for content in contents if content}
    answered = Prediction.objects.present().filter(
        owner=owner, content_sha256__in=known, state=Prediction.State.DONE
    )
    # Nearly every upload is new: this asks the index and no more.
    if not answered.exists():
        return {}
    answered = answered.filter(
        recognizer=recognizer, version__state=ModelVersion.State.LIVE
    ).select_related("version")
    # Asked for in order, SQLite would read all that the owner has, which is in order already.
    in_order = sorted(answered.order_by(), key=lambda prediction: prediction.pk)
    return {prediction.content_sha256: prediction for prediction in in_order}


def copy_answer(prediction: Prediction, earlier: Prediction, *, name: str) -> bool:
    """Answer a new row as an earlier one was, its picture kept under a new name; False where the
    earlier picture is no longer kept."""
    try:
        pictures.keep_again(earlier.picture_name, name=name)
    except OSError:
        return False
    prediction.picture_name = name
    for name in (*ANSWER_FIELDS, "width", "height", "is_first_of_many"):
        setattr(prediction, name, getattr(earlier, name))
    prediction.answered_at = timezone.now()
    return True
