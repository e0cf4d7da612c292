"""What other recognizers say of the same picture: a prediction of its own for each that is asked."""

import logging
import uuid

from django.db import IntegrityError
from django.db.models import QuerySet

from webapp.database import DATABASE_ERRORS
from webapp.predictions import pictures
from webapp.predictions.models import Prediction
from webapp.predictions.repeats import answers_of_the_same, copy_answer
from webapp.predictions.services import UploadNotKept, predictions_insert
from webapp.predictions.unrecorded import names_for
from webapp.recognizers.models import Person, Recognizer

logger = logging.getLogger(__name__)
State = Prediction.State

# One that failed or was deleted may be asked again, so often until the first of them are gone.
MAX_TRIES = 5
# Of the same content sent again and again so many are looked at.
MAX_SAME = 100


def prediction_ask_other(*, prediction: Prediction, recognizer: Recognizer) -> Prediction:
    """The prediction of the same picture by another recognizer: queued, or done where its live version
    has answered the same content of the same owner. Asked twice it is the same row; one that failed or
    was deleted is asked anew.

    Raises UploadNotKept, also where the picture is no longer there.
    """
    row, upload = _next_try(prediction, recognizer)
    if row is not None:
        return row
    if upload is None:
        raise UploadNotKept
    return _ask(prediction, recognizer, upload)


def is_asked(prediction: Prediction, recognizer: Recognizer) -> bool:
    """Whether asking makes no row."""
    return _next_try(prediction, recognizer)[1] is None


def others_of(prediction: Prediction) -> list[Prediction]:
    """The newest answer of each other recognizer to the same content of the same owner, by the
    recognizer's name; also those that are not there yet."""
    recognizers = Recognizer.objects.exclude(pk=prediction.recognizer_id).values_list(
        "pk", flat=True
    )
    asked = [upload for pk in recognizers for upload in _tries(prediction, pk)]
    found = list(_with_versions(_rows(prediction, asked).filter(deleted_at=None)))
    if prediction.content_sha256:
        same = Prediction.objects.present().filter(
            owner=prediction.owner_id,
            content_sha256=prediction.content_sha256,
            state=State.DONE,
            recognizer__in=recognizers,
        )
        # Asked for in order, SQLite would read all that the owner has.
        found += _with_versions(same.order_by()[:MAX_SAME])
    newest: dict[int, Prediction] = {}
    for row in sorted(found, key=lambda row: row.pk):
        newest[row.recognizer_id] = row
    return sorted(newest.values(), key=lambda row: row.recognizer.name)


def askable(
    prediction: Prediction, others: list[Prediction], *, person: Person
) -> list[Recognizer]:
    """Recognizers that this person could still ask about the picture."""
    if not prediction.picture_name:
        return []
    known = {row.recognizer_id for row in others if row.state != State.FAILED}
    ready = Recognizer.objects.ready().open_to(person)
    return list(ready.exclude(pk__in={*known, prediction.recognizer_id}))


def _next_try(
    prediction: Prediction, recognizer: Recognizer
) -> tuple[Prediction | None, uuid.UUID | None]:
    """The row of it that stands, else the number for another one; neither after all tries."""
    tries = _tries(prediction, recognizer.pk)
    taken = {row.upload: row for row in _rows(prediction, tries)}
    for upload in tries:
        row = taken.get(upload)
        if row is None:
            return None, upload
        if row.deleted_at is None and row.state != State.FAILED:
            return row, None
    return None, None


def _ask(prediction: Prediction, recognizer: Recognizer, upload: uuid.UUID) -> Prediction:
    owner = prediction.owner
    row = Prediction(
        owner=owner,
        recognizer=recognizer,
        upload=upload,
        position=0,
        file_name=prediction.file_name,
        content_sha256=prediction.content_sha256,
        width=prediction.width,
        height=prediction.height,
        is_first_of_many=prediction.is_first_of_many,
    )
    content = prediction.content_sha256
    try:
        earlier = answers_of_the_same(owner, recognizer, [content]).get(content)
        with names_for(owner_id=owner.pk, upload=upload, number=1) as [name]:
            if earlier is None or not copy_answer(row, earlier, name=name):
                pictures.keep_again(prediction.picture_name, name=name)
                row.picture_name = name
            predictions_insert(rows=[row])
    except IntegrityError as error:
        if first := _rows(prediction, [upload]).first():  # asked twice at the same moment
            return first
        raise UploadNotKept from error
    except (OSError, *DATABASE_ERRORS) as error:
        logger.exception("Another recognizer could not be asked")
        raise UploadNotKept from error
    return row


def _tries(prediction: Prediction, recognizer_id: int) -> list[uuid.UUID]:
    """Numbers of the uploads that asking makes, in their order. They follow from the content, so that
    whoever sends a picture twice need not ask twice."""
    picture = prediction.content_sha256 or prediction.public_id.hex
    return [
        uuid.uuid5(uuid.NAMESPACE_OID, f"{picture} asked of {recognizer_id}, {number}")
        for number in range(MAX_TRIES)
    ]


def was_asked(prediction: Prediction) -> bool:
    """Whether the row was made by asking another recognizer about a picture that was there."""
    return prediction.upload in _tries(prediction, prediction.recognizer_id)


def _rows(prediction: Prediction, uploads: list[uuid.UUID]) -> QuerySet[Prediction]:
    return Prediction.objects.filter(owner=prediction.owner_id, upload__in=uploads, position=0)


def _with_versions(rows: QuerySet[Prediction]) -> QuerySet[Prediction]:
    """With no more of other tables than a line of them needs: a version names all its classes."""
    return rows.select_related("recognizer", "version").only(
        *("public_id", "state", "label", "confidence", "is_outlier", "upload"),
        *("failure_code", "failure_params", "recognizer__name", "version__number"),
    )
