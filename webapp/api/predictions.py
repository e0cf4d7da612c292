"""Pictures in, answers out, for programs. Another person's prediction is a 404."""

import logging
import uuid
from collections.abc import Sequence
from typing import Annotated

from django.conf import settings
from django.db.models import prefetch_related_objects
from django.http import FileResponse, HttpResponse
from django.utils.translation import gettext_noop
from ninja import Router, UploadedFile
from ninja.params.functions import File, Form, Header, Query
from ninja.responses import Status

from webapp.accounts.models import User
from webapp.api.document import refuses
from webapp.api.history import HistoryQuery, history_of
from webapp.api.keys import KeyRequest
from webapp.api.prefer import preferred_wait
from webapp.api.shapes import HistoryShape, PredictionShape, UploadShape, shown
from webapp.database import DATABASE_ERRORS, drop_dead_connection
from webapp.predictions.deletions import predictions_delete
from webapp.predictions.incoming import unpacked
from webapp.predictions.models import Prediction
from webapp.predictions.pictures import path_of
from webapp.predictions.services import UploadNotKept, upload_accept
from webapp.predictions.waiting import wait_until_answered
from webapp.problems import Problem
from webapp.recognizers.models import Recognizer

logger = logging.getLogger(__name__)
router = Router(tags=["predictions"])

# An `Idempotency-Key` makes the upload's number, in a namespace of our own.
KEYED_UPLOADS = uuid.UUID("5a0f3b0e-5a9c-4b2e-9d0b-3f1c7e6d2a41")

Prefer = Annotated[
    str,
    Header("", description=gettext_noop("wait=SECONDS: answer within this time if possible")),
]
IdempotencyKey = Annotated[
    str,
    Header(
        "",
        alias="Idempotency-Key",
        description=gettext_noop("The same key and pictures make one record"),
    ),
]
Pictures = Annotated[
    list[UploadedFile],
    File(
        ...,
        description=gettext_noop("One or more files; of a ZIP the pictures in it"),
        min_length=1,
        max_length=settings.MAX_FILES_PER_UPLOAD,
    ),
]
Asked = Annotated[
    str,
    Form("", description=gettext_noop("Slug; may be left out while a single recognizer answers")),
]
Why = Annotated[
    bool, Query(False, description=gettext_noop("With the reasons: where it looked, what is near"))
]

PICTURE = refuses("not_found")
PICTURE["responses"][200] = {"content": {"image/jpeg": {}}}


@router.post(
    "/predictions",
    response={201: UploadShape, 202: UploadShape},
    url_name="predictions",
    summary=gettext_noop("Send pictures"),
    description=gettext_noop(
        "201 with all answers, where “Prefer: wait” gave the time for it; else 202, and each "
        "prediction's “url” is where to ask again. A file that is no picture is a failed prediction, "
        "and costs the others nothing."
    ),
    openapi_extra=refuses(
        *("length_required", "too_large", "too_many_files", "no_pictures", "recognizer_unknown"),
        *("recognizer_missing", "invalid", "no_recognizer", "not_kept"),
    ),
)
def predictions_upload(
    request: KeyRequest,
    response: HttpResponse,
    pictures: Pictures,
    prefer: Prefer,
    idempotency_key: IdempotencyKey,
    recognizer: Asked,
    why: Why,
) -> Status[UploadShape]:
    """Pictures in, and their answers where there was the time for it."""
    asked = _recognizer(recognizer, request.auth)
    upload = uuid.uuid5(KEYED_UPLOADS, idempotency_key) if idempotency_key else None
    found = unpacked(pictures, max_pictures=settings.MAX_FILES_PER_UPLOAD)
    try:
        kept = upload_accept(owner=request.auth, recognizer=asked, upload=upload, files=found.files)
    except UploadNotKept as error:
        raise Problem("not_kept") from error
    rows = _answered_within(preferred_wait(prefer), kept, response, with_why=why)
    is_answered = all(row.is_answered for row in rows)
    if len(rows) == 1:
        response["Location"] = PredictionShape.url_of(rows[0])
    if not is_answered:
        response["Retry-After"] = "1"
    response["Cache-Control"] = "no-store"
    shape = UploadShape.of(rows, asked, num_left_out=found.num_not_taken, with_why=why)
    return Status(201 if is_answered else 202, shape)


@router.get(
    "/predictions",
    response=HistoryShape,
    url_name="predictions",
    summary=gettext_noop("Read the history"),
    description=gettext_noop(
        "One's own predictions, newest first, with the filters of the history's page. Follow “older” "
        "until it is null; a page of a search may have fewer than “limit”, or none."
    ),
    openapi_extra=refuses("invalid"),
)
def predictions_list(
    request: KeyRequest, response: HttpResponse, asked: Annotated[HistoryQuery, Query(...)]
) -> HistoryShape:
    """A page of one's own predictions."""
    response["Cache-Control"] = "no-store"
    return history_of(request.auth, asked)


@router.get(
    "/predictions/{uuid:prediction_id}",
    response=PredictionShape,
    url_name="prediction",
    summary=gettext_noop("Read one prediction"),
    description=gettext_noop("Answered or not yet; “Prefer: wait” holds the reply until it is."),
    openapi_extra=refuses("not_found", "invalid"),
)
def prediction_read(
    request: KeyRequest,
    response: HttpResponse,
    prediction_id: uuid.UUID,
    prefer: Prefer,
    why: Why,
) -> PredictionShape:
    """One prediction, answered or not yet."""
    row = own_prediction(request.auth, prediction_id, with_why=why)
    [row] = _answered_within(preferred_wait(prefer), [row], response, with_why=why)
    response["Cache-Control"] = "no-store"
    return PredictionShape.of(row, row.recognizer, with_why=why)


@router.delete(
    "/predictions/{uuid:prediction_id}",
    response={204: None},
    url_name="prediction",
    summary=gettext_noop("Delete a prediction"),
    description=gettext_noop(
        "With its picture, for ever: it is gone at once, and from the disk some minutes later."
    ),
    openapi_extra=refuses("not_found"),
)
def prediction_delete(request: KeyRequest, prediction_id: uuid.UUID) -> Status[None]:
    """Gone, once: a second time there is nothing to delete."""
    if not predictions_delete(
        owner=request.auth, public_ids=[prediction_id], deletion=uuid.uuid4()
    ):
        raise Problem("not_found")
    return Status(204, None)


@router.get(
    "/predictions/{uuid:prediction_id}/picture.jpg",
    url_name="prediction-picture",
    summary=gettext_noop("Read the kept picture"),
    description=gettext_noop("A JPEG, upright, at most about 960 pixels along its long side."),
    openapi_extra=PICTURE,
)
def prediction_picture(request: KeyRequest, prediction_id: uuid.UUID) -> FileResponse:
    """The picture as it is kept."""
    name = own_prediction(request.auth, prediction_id).picture_name
    try:
        picture = path_of(name).open("rb") if name else None
    except FileNotFoundError:
        picture = None
    if picture is None:
        raise Problem("not_found")
    response = FileResponse(picture, content_type="image/jpeg")
    response["Cache-Control"] = "private, max-age=86400, immutable"
    return response


def _recognizer(slug: str, owner: User) -> Recognizer:
    """Who shall answer, of those that the owner may ask. Raises Problem."""
    ready = {each.slug: each for each in Recognizer.objects.ready().open_to(owner)}
    if not ready:
        raise Problem("no_recognizer")
    if slug in ready:
        return ready[slug]
    if slug:
        raise Problem("recognizer_unknown", expected=", ".join(ready), received=slug[:100])
    if len(ready) > 1:
        raise Problem("recognizer_missing", expected=", ".join(ready))
    return next(iter(ready.values()))


def own_prediction(owner: User, prediction_id: uuid.UUID, *, with_why: bool = False) -> Prediction:
    """Raises Problem for one that is not there, or not the owner's."""
    rows = Prediction.objects.present().filter(owner=owner, public_id=prediction_id)
    try:
        return shown(rows, with_why=with_why).get()
    except Prediction.DoesNotExist as error:
        raise Problem("not_found") from error


def _answered_within(
    seconds: int | None, rows: Sequence[Prediction], response: HttpResponse, *, with_why: bool
) -> Sequence[Prediction]:
    """The rows once all are answered or the time is over."""
    unanswered = [row.pk for row in rows if not row.is_answered]
    if seconds is not None and wait_until_answered(unanswered, seconds=seconds):
        response["Preference-Applied"] = f"wait={seconds}"
    if not (unanswered and seconds):
        if any(row.version_id for row in rows):  # answered already, perhaps by an earlier request
            prefetch_related_objects(rows, "version")
        return rows
    again = Prediction.objects.filter(pk__in=[row.pk for row in rows]).order_by("position")
    try:
        found = list(shown(again, with_why=with_why))
    except DATABASE_ERRORS as error:
        # They are kept; whoever asks again may see more.
        logger.warning("Could not read whether pictures are answered: %s", error)
        drop_dead_connection()
        return rows
    return found if len(found) == len(rows) else rows
