"""What writes predictions: uploads come in, workers claim, answer and give back."""

import hashlib
import logging
import unicodedata
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from classifier.errors import InvalidImage
from webapp.accounts.models import User
from webapp.predictions import failures, pictures
from webapp.predictions.models import Prediction
from webapp.predictions.tasks import nudge_inference
from webapp.recognizers.models import Recognizer

logger = logging.getLogger(__name__)
State = Prediction.State
ANSWER_FIELDS = (
    "state",
    "claim",
    "lease_expires_at",
    "version",
    "label",
    "confidence",
    "top",
    "failure_code",
    "failure_params",
    "answered_at",
)


class UploadNotKept(Exception):
    """The disk or the database would not take an upload; nothing of it was kept."""


def upload_accept(
    *, owner: User, recognizer: Recognizer, upload: uuid.UUID, files: Sequence[UploadedFile]
) -> list[Prediction]:
    """A prediction for each file, in their order: queued, or failed with the reason.

    The same form with the same files a second time gives the first one's predictions. `upload` is
    the form's number; a browser's Back brings the same form again for other files, so what is in
    them counts too. Raises UploadNotKept.
    """
    upload = _upload_id(upload, recognizer, files)
    rows = Prediction.objects.filter(owner=owner, upload=upload).order_by("position")
    if rows.exists():
        return list(rows)
    accepted: list[Prediction] = []
    try:
        for position, file in enumerate(files):
            accepted.append(
                _accept_file(
                    Prediction(
                        owner=owner, recognizer=recognizer, upload=upload, position=position
                    ),
                    file,
                )
            )
        with transaction.atomic():
            Prediction.objects.bulk_create(accepted)
            # Robust: once the rows are durable, nothing that a nudge meets may undo an upload.
            transaction.on_commit(nudge_inference, robust=True)
    except IntegrityError as error:
        _forget_pictures(accepted)
        if first := list(rows.all()):  # the same form, sent at the same moment
            return first
        raise UploadNotKept from error
    except (OSError, DatabaseError) as error:
        _forget_pictures(accepted)
        logger.exception("An upload could not be kept")
        raise UploadNotKept from error
    except BaseException:
        _forget_pictures(accepted)
        raise
    return accepted


def predictions_claim(*, size: int) -> list[Prediction]:
    """Up to `size` queued predictions, oldest first, now running under one new claim.

    Nobody else can claim them until their lease runs out. One that was tried before comes alone,
    so that a picture that kills its worker takes no others with it.
    """
    waiting = Prediction.objects.filter(state=State.QUEUED).order_by("id")
    if not waiting.exists():
        return []
    claim = uuid.uuid4()
    with transaction.atomic():
        # Rows that another worker is claiming just now are its own; SQLite has one writer anyway.
        locked = waiting.select_for_update(
            skip_locked=connection.features.has_select_for_update_skip_locked
        )
        candidates = list(locked.values_list("pk", "attempts")[:size])
        first_suspect = next((i for i, (_, attempts) in enumerate(candidates) if attempts), None)
        if first_suspect is not None:
            candidates = candidates[: max(1, first_suspect)]
        num_claimed = Prediction.objects.filter(
            pk__in=[pk for pk, _ in candidates], state=State.QUEUED
        ).update(
            state=State.RUNNING, claim=claim, attempts=F("attempts") + 1, lease_expires_at=_lease()
        )
    claimed = list(
        Prediction.objects.filter(claim=claim).select_related("recognizer").order_by("id")
    )
    if len(claimed) != num_claimed:
        raise RuntimeError(f"Expected {num_claimed} claimed predictions, found {len(claimed)}.")
    return claimed


def predictions_record(*, claim: uuid.UUID, answered: Sequence[Prediction]) -> int:
    """Write the answers of a claim, each once; returns how many were still the claim's to answer.

    A row whose lease ran out meanwhile belongs to somebody else and is left alone.
    """
    for prediction in answered:
        prediction.claim = None
        prediction.lease_expires_at = None
        prediction.answered_at = timezone.now()
    still_ours = Prediction.objects.filter(claim=claim, state=State.RUNNING)
    return still_ours.bulk_update(answered, ANSWER_FIELDS)


def claim_renew(*, claim: uuid.UUID) -> int:
    """Extend the lease of what a worker is still busy with; returns how many rows that is."""
    running = Prediction.objects.filter(claim=claim, state=State.RUNNING)
    return running.update(lease_expires_at=_lease())


def claim_release(*, claim: uuid.UUID) -> int:
    """Give back what a claim has not answered, for others to take at once."""
    return _give_back(Prediction.objects.filter(claim=claim, state=State.RUNNING))


def predictions_requeue_lost() -> int:
    """Queue again what a dead worker left running; returns how many rows were touched."""
    now = timezone.now()
    return _give_back(Prediction.objects.filter(state=State.RUNNING, lease_expires_at__lt=now))


def _give_back(lost: QuerySet[Prediction]) -> int:
    """Queue rows again; give up on what was tried too often, so that nothing goes round for ever."""
    if not lost.exists():
        return 0
    num_failed = lost.filter(attempts__gte=settings.MAX_ATTEMPTS).update(
        state=State.FAILED,
        failure_code=failures.GAVE_UP,
        answered_at=timezone.now(),
        claim=None,
        lease_expires_at=None,
    )
    num_queued = lost.filter(attempts__lt=settings.MAX_ATTEMPTS).update(
        state=State.QUEUED, claim=None, lease_expires_at=None
    )
    if num_failed or num_queued:
        logger.warning("Of unanswered predictions %d wait again, %d failed", num_queued, num_failed)
    return num_failed + num_queued


def _accept_file(prediction: Prediction, file: UploadedFile) -> Prediction:
    prediction.file_name = clean_file_name(file.name or "")
    try:
        kept = pictures.keep(file, file.size or 0)
    except InvalidImage as error:
        prediction.state = State.FAILED
        prediction.failure_code = error.code
        prediction.failure_params = {key: str(value) for key, value in error.params.items()}
        prediction.answered_at = timezone.now()
        return prediction
    prediction.picture_name = kept.name
    prediction.width, prediction.height = kept.width, kept.height
    prediction.is_first_of_many = kept.is_first_of_many
    return prediction


def clean_file_name(name: str) -> str:
    """What a visitor called a file, to show and never to open: no folders, no control characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(c for c in last if not unicodedata.category(c).startswith("C"))
    return printable.strip()[:255]


def _upload_id(form: uuid.UUID, recognizer: Recognizer, files: Sequence[UploadedFile]) -> uuid.UUID:
    digest = hashlib.sha256(str(recognizer.pk).encode())
    for file in files:
        digest.update(f"\n{file.size} {file.name} ".encode(errors="surrogatepass"))
        if (file.size or 0) <= settings.PICTURE_LIMITS.max_bytes:  # others are refused unread
            for chunk in file.chunks():
                digest.update(chunk)
            file.seek(0)
    return uuid.uuid5(form, digest.hexdigest())


def _forget_pictures(predictions: Sequence[Prediction]) -> None:
    """Remove what was kept for rows that did not come to be.

    A commit may succeed without our hearing of it; where that cannot be asked, a picture too many
    on the disk is better than one too few.
    """
    names = {prediction.picture_name for prediction in predictions if prediction.picture_name}
    try:
        rows = Prediction.objects.filter(picture_name__in=names)
        for name in names - set(rows.values_list("picture_name", flat=True)):
            pictures.forget(name)
    except DatabaseError:
        logger.exception("Could not ask which of %d pictures are in use; they stay", len(names))


def _lease() -> datetime:
    return timezone.now() + timedelta(seconds=settings.PREDICTION_LEASE_SECONDS)
