"""What writes predictions when uploads come in; what workers write is in `claims`."""

import hashlib
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from classifier.errors import InvalidImage
from webapp import metrics
from webapp.accounts.models import User
from webapp.database import DATABASE_ERRORS
from webapp.predictions import pictures
from webapp.predictions.incoming import (
    IncomingFile,
    Unpacked,
    clean_file_name,
    content_sha256,
)
from webapp.predictions.models import Prediction
from webapp.predictions.repeats import answers_of_the_same, copy_answer
from webapp.predictions.tasks import nudge_inference
from webapp.predictions.unrecorded import names_for
from webapp.predictions.zips import refused_as_named
from webapp.recognizers.models import Recognizer
from webapp.webhooks.notes import completions_note

logger = logging.getLogger(__name__)
State = Prediction.State

# Files that come one by one have a slot each, with room for the pictures of a ZIP. It is more than an
# upload may hold, and the last position of the last slot fits into the column.
POSITIONS_PER_SLOT = 1000
MAX_SLOT = 1_000_000


class UploadNotKept(Exception):
    """The disk or the database would not take an upload; nothing of it was kept."""


class UploadFull(Exception):
    """The upload holds as many pictures as it may."""


class SlotTaken(Exception):
    """Another file has come for this slot of the upload already."""


@dataclass(frozen=True)
class Added:
    """What has come of one file, and how much of it was taken."""

    predictions: list[Prediction]
    unpacked: Unpacked


def upload_accept(
    *, owner: User, recognizer: Recognizer, upload: uuid.UUID | None, files: Sequence[IncomingFile]
) -> list[Prediction]:
    """A prediction for each file, in their order: queued, or failed with the reason, or done where
    the live version has already answered the same bytes of the same owner.

    The same form with the same files a second time gives the first one's predictions, unless one of
    them was deleted meanwhile: then it is an upload of its own. `upload` is the form's number; a
    browser's Back brings the same form again for other files, so what is in them counts too. None:
    nothing that could come again. Raises UploadNotKept.
    """
    contents = [content_sha256(file) for file in files]
    first: list[Prediction] = []
    if upload is None:
        upload = uuid.uuid4()
    else:
        upload = _upload_id(upload, recognizer, files, contents)
        try:
            first, upload = _sent_before(owner, upload, num_files=len(files))
        except DATABASE_ERRORS as error:
            logger.exception("An upload could not be kept")
            raise UploadNotKept from error
    if first:
        return first
    try:
        return _predictions_create(owner, recognizer, upload, files, contents)
    except IntegrityError as error:
        if first := list(_rows_of(owner, upload)):  # the same form, sent at the same moment
            return first
        raise UploadNotKept from error


def num_new_of_form(
    *, owner: User | None, recognizer: Recognizer, upload: uuid.UUID, files: Sequence[IncomingFile]
) -> int:
    """How many predictions `upload_accept` would make: none of what came before."""
    if owner is None:
        return len(files)
    contents = [content_sha256(file) for file in files]
    number = _upload_id(upload, recognizer, files, contents)
    first, _ = _sent_before(owner, number, num_files=len(files))
    return 0 if first else len(files)


def upload_add(
    *, owner: User, recognizer: Recognizer, upload: uuid.UUID, slot: int, found: Unpacked
) -> Added:
    """The predictions of one more file of an upload, as in `upload_accept`; several where it is a ZIP.
    `found`: the file, taken apart; as much of it is taken as the upload has room for.

    The same file for the same slot a second time gives the first one's: what was cut off can be sent
    again. Raises SlotTaken for another file, UploadFull, UploadNotKept.
    """
    here = _rows_of(owner, upload, slot)
    first = list(here)
    # Of a ZIP that has come before, as many pictures are taken as then.
    room = len(first) or settings.MAX_FILES_PER_UPLOAD - _rows_of(owner, upload).count()
    if room <= 0:
        raise UploadFull
    found = found.first(room)
    contents = [content_sha256(each) for each in found.files]
    names = [clean_file_name(each.name or "") for each in found.files]

    def are_these(earlier: list[Prediction]) -> bool:
        return (
            [row.content_sha256 for row in earlier] == contents
            and [row.file_name for row in earlier] == names
            and all(row.recognizer_id == recognizer.pk for row in earlier)
            and all(row.deleted_at is None for row in earlier)
        )

    if not first:
        try:
            made = _predictions_create(
                owner, recognizer, upload, found.files, contents, slot * POSITIONS_PER_SLOT
            )
        except IntegrityError as error:
            first = list(here.all())  # the same, sent at the same moment
            if not first:
                raise UploadNotKept from error
        else:
            return Added(made, found)
    if not are_these(first):
        raise SlotTaken
    return Added(first, found)


def num_new_of_file(*, owner: User | None, upload: uuid.UUID, slot: int, found: Unpacked) -> int:
    """How many predictions `upload_add` would make: none in a slot that is taken, nor beyond the room."""
    if owner is None:
        return len(found.files)
    if _rows_of(owner, upload, slot).exists():
        return 0
    room = settings.MAX_FILES_PER_UPLOAD - _rows_of(owner, upload).count()
    return max(0, min(len(found.files), room))


def _rows_of(owner: User, upload: uuid.UUID, slot: int | None = None) -> QuerySet[Prediction]:
    """What an upload holds, or one of its slots; also what was deleted."""
    rows = Prediction.objects.filter(owner=owner, upload=upload).order_by("position")
    if slot is None:
        return rows
    position = slot * POSITIONS_PER_SLOT
    return rows.filter(position__gte=position, position__lt=position + POSITIONS_PER_SLOT)


def _sent_before(
    owner: User, upload: uuid.UUID, *, num_files: int
) -> tuple[list[Prediction], uuid.UUID]:
    """What the same form has made before; nothing, and the number for it, where it made nothing or some
    of that was deleted."""
    while first := list(_rows_of(owner, upload)):
        if len(first) == num_files and all(row.deleted_at is None for row in first):
            break
        upload = uuid.uuid5(upload, "once more")
    return first, upload


def _predictions_create(
    owner: User,
    recognizer: Recognizer,
    upload: uuid.UUID,
    files: Sequence[IncomingFile],
    contents: Sequence[str],
    first_position: int = 0,
) -> list[Prediction]:
    """Raises UploadNotKept, and IntegrityError where one of the places is taken."""
    accepted: list[Prediction] = []
    try:
        earlier = answers_of_the_same(owner, recognizer, contents)
        with names_for(owner_id=owner.pk, upload=upload, number=len(files)) as names:
            for index, (file, content) in enumerate(zip(files, contents, strict=True)):
                row = Prediction(
                    owner=owner,
                    recognizer=recognizer,
                    upload=upload,
                    position=first_position + index,
                )
                _fill(row, file, content, earlier.get(content), name=names[index])
                accepted.append(row)
            predictions_insert(rows=accepted)
    except IntegrityError:
        raise
    except (OSError, *DATABASE_ERRORS) as error:
        logger.exception("An upload could not be kept")
        raise UploadNotKept from error
    return accepted


def predictions_insert(*, rows: Sequence[Prediction]) -> None:
    """New rows as they are: whoever wants to hear of answers is told of those that have one, and a worker
    of those that wait. All or none; raises IntegrityError where one of the places is taken."""
    with transaction.atomic():
        Prediction.objects.bulk_create(rows)
        completions_note([(row.owner_id, row.public_id) for row in rows if row.is_answered])
        if any(row.state == State.QUEUED for row in rows):
            # Robust: once the rows are durable, nothing that a nudge meets may undo an upload.
            transaction.on_commit(nudge_inference, robust=True)
    for row in rows:
        if row.state == State.FAILED:
            metrics.refused(row.failure_code)
        elif row.version:  # a repeat, answered here
            metrics.answered(row.recognizer.slug, row.version.number, row.state)


def _fill(
    prediction: Prediction, file: IncomingFile, content: str, same: Prediction | None, *, name: str
) -> None:
    """Put an uploaded file into a new row: its picture is kept under `name`, or it failed. `same`: an
    earlier answer to the same content, which the row gets as well."""
    prediction.file_name = clean_file_name(file.name or "")
    prediction.content_sha256 = content
    if same is None or not copy_answer(prediction, same, name=name):
        _keep_picture(prediction, file, name)


def _keep_picture(prediction: Prediction, file: IncomingFile, name: str) -> None:
    try:
        kept = pictures.keep(file, file.size or 0, name=name)
    except InvalidImage as error:
        refused = refused_as_named(error, file.name)
        prediction.state = State.FAILED
        prediction.failure_code = refused.code
        prediction.failure_params = {key: str(value) for key, value in refused.params.items()}
        prediction.answered_at = timezone.now()
        return
    prediction.picture_name = kept.name
    prediction.width, prediction.height = kept.width, kept.height
    prediction.is_first_of_many = kept.is_first_of_many


def _upload_id(
    form: uuid.UUID,
    recognizer: Recognizer,
    files: Sequence[IncomingFile],
    contents: Sequence[str],
) -> uuid.UUID:
    parts = [str(recognizer.pk)]
    for file, content in zip(files, contents, strict=True):
        parts.append(f"{file.size} {file.name} {content}")
    digest = hashlib.sha256("\n".join(parts).encode(errors="surrogatepass"))
    return uuid.uuid5(form, digest.hexdigest())
