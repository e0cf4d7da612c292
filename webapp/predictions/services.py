"""What writes predictions when uploads come in; what workers write is in `claims`."""

import hashlib
import logging
import unicodedata
import uuid
from collections.abc import Sequence

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from classifier.errors import InvalidImage
from webapp import metrics
from webapp.accounts.models import User
from webapp.database import DATABASE_ERRORS
from webapp.predictions import pictures
from webapp.predictions.models import Prediction
from webapp.predictions.repeats import answers_of_the_same, copy_answer
from webapp.predictions.tasks import nudge_inference
from webapp.predictions.unrecorded import names_for
from webapp.recognizers.models import Recognizer
from webapp.webhooks.notes import completions_note

logger = logging.getLogger(__name__)
State = Prediction.State


class UploadNotKept(Exception):
    """The disk or the database would not take an upload; nothing of it was kept."""


def upload_accept(
    *, owner: User, recognizer: Recognizer, upload: uuid.UUID | None, files: Sequence[UploadedFile]
) -> list[Prediction]:
    """A prediction for each file, in their order: queued, or failed with the reason, or done where
    the live version has already answered the same bytes of the same owner.

    The same form with the same files a second time gives the first one's predictions, unless one of
    them was deleted meanwhile: then it is an upload of its own. `upload` is the form's number; a
    browser's Back brings the same form again for other files, so what is in them counts too. None:
    nothing that could come again. Raises UploadNotKept.
    """
    contents = [_content_sha256(file) for file in files]
    is_repeatable = upload is not None
    upload = _upload_id(upload, recognizer, files, contents) if upload else uuid.uuid4()
    rows = Prediction.objects.filter(owner=owner, upload=upload).order_by("position")
    accepted: list[Prediction] = []
    try:
        while is_repeatable and (first := list(rows)):
            if len(first) == len(files) and all(row.deleted_at is None for row in first):
                return first
            upload = uuid.uuid5(upload, "once more")
            rows = Prediction.objects.filter(owner=owner, upload=upload).order_by("position")
        earlier = answers_of_the_same(owner, recognizer, contents)
        with names_for(owner_id=owner.pk, upload=upload, number=len(files)) as names:
            for position, (file, content) in enumerate(zip(files, contents, strict=True)):
                row = Prediction(
                    owner=owner, recognizer=recognizer, upload=upload, position=position
                )
                _fill(row, file, content, earlier.get(content), name=names[position])
                accepted.append(row)
            with transaction.atomic():
                Prediction.objects.bulk_create(accepted)
                completions_note([(r.owner_id, r.public_id) for r in accepted if r.is_answered])
                if any(row.state == State.QUEUED for row in accepted):
                    # Robust: once the rows are durable, nothing that a nudge meets may undo an upload.
                    transaction.on_commit(nudge_inference, robust=True)
    except IntegrityError as error:
        if first := list(rows.all()):  # the same form, sent at the same moment
            return first
        raise UploadNotKept from error
    except (OSError, *DATABASE_ERRORS) as error:
        logger.exception("An upload could not be kept")
        raise UploadNotKept from error
    for row in accepted:
        if row.state == State.FAILED:
            metrics.refused(row.failure_code)
        elif row.version:  # a repeat, answered here
            metrics.answered(recognizer.slug, row.version.number, row.state)
    return accepted


def _fill(
    prediction: Prediction, file: UploadedFile, content: str, same: Prediction | None, *, name: str
) -> None:
    """Put an uploaded file into a new row: its picture is kept under `name`, or it failed. `same`: an
    earlier answer to the same content, which the row gets as well."""
    prediction.file_name = clean_file_name(file.name or "")
    prediction.content_sha256 = content
    if same is None or not copy_answer(prediction, same, name=name):
        _keep_picture(prediction, file, name)


def _keep_picture(prediction: Prediction, file: UploadedFile, name: str) -> None:
    try:
        kept = pictures.keep(file, file.size or 0, name=name)
    except InvalidImage as error:
        prediction.state = State.FAILED
        prediction.failure_code = error.code
        prediction.failure_params = {key: str(value) for key, value in error.params.items()}
        prediction.answered_at = timezone.now()
        return
    prediction.picture_name = kept.name
    prediction.width, prediction.height = kept.width, kept.height
    prediction.is_first_of_many = kept.is_first_of_many


def clean_file_name(name: str) -> str:
    """What a visitor called a file, to show and never to open: no folders, no control characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(c for c in last if not unicodedata.category(c).startswith("C"))
    return printable.strip()[:255]


def _content_sha256(file: UploadedFile) -> str:
    """The SHA-256 of what a file holds, in hexadecimal; empty for one that is refused unread."""
    if (file.size or 0) > settings.PICTURE_LIMITS.max_bytes:
        return ""
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256")
    file.seek(0)
    return digest.hexdigest()


def _upload_id(
    form: uuid.UUID,
    recognizer: Recognizer,
    files: Sequence[UploadedFile],
    contents: Sequence[str],
) -> uuid.UUID:
    parts = [str(recognizer.pk)]
    for file, content in zip(files, contents, strict=True):
        parts.append(f"{file.size} {file.name} {content}")
    digest = hashlib.sha256("\n".join(parts).encode(errors="surrogatepass"))
    return uuid.uuid5(form, digest.hexdigest())
