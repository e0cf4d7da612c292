"""The queue is the table: workers claim what waits, write answers, and give back what they cannot."""

import logging
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from webapp import metrics
from webapp.database import update_each
from webapp.predictions import failures
from webapp.predictions.models import Prediction
from webapp.webhooks.notes import completions_note, is_any_webhook

logger = logging.getLogger(__name__)
State = Prediction.State
# What an answer is; the same picture sent again gets a copy of these.
ANSWER_FIELDS = (
    "state",
    "version",
    "label",
    "confidence",
    "top",
    "is_outlier",
    "outlier_score",
    "why",
    "failure_code",
    "failure_params",
)
RECORDED_FIELDS = (*ANSWER_FIELDS, "claimed_at", "answered_at", "claim", "lease_expires_at")


def predictions_claim(
    *,
    size: int,
    claim: uuid.UUID | None = None,
    is_more: bool = False,
    left_alone: Collection[int] = (),
) -> list[Prediction]:
    """Up to `size` queued predictions, oldest first, now running under `claim` or a new one.

    Nobody else can claim them until their lease runs out. One that was tried before comes alone,
    so that a picture that kills its worker takes no others with it; `is_more`: they join others,
    so none that was tried before comes at all. `left_alone`: recognizers whose pictures are left
    to others.
    """
    if size < 1 or not _is_any_queued():
        return []
    waiting = Prediction.objects.filter(state=State.QUEUED).order_by("id")
    if left_alone:
        waiting = waiting.exclude(recognizer_id__in=left_alone)
    claim = claim or uuid.uuid4()
    with transaction.atomic():
        # Rows that another worker is claiming just now are its own; SQLite has one writer anyway.
        locked = waiting.select_for_update(
            of=("self",) if connection.features.has_select_for_update_of else (),
            skip_locked=connection.features.has_select_for_update_skip_locked,
        )
        rows = list(locked.select_related("recognizer")[:size])
        first_suspect = next((i for i, row in enumerate(rows) if row.attempts), len(rows))
        rows = rows[: first_suspect if is_more else max(1, first_suspect)]
        for row in rows:
            row.state, row.claim, row.claimed_at = State.RUNNING, claim, timezone.now()
            row.attempts, row.lease_expires_at = row.attempts + 1, _lease()
        fields = ("state", "claim", "claimed_at", "attempts", "lease_expires_at")
        num_claimed = update_each(rows, fields, where={"state": State.QUEUED})
        if num_claimed != len(rows):
            raise RuntimeError(f"Expected to claim {len(rows)} predictions, claimed {num_claimed}.")
    return rows


def _is_any_queued() -> bool:
    """`exists()` takes ten times as long to build as to answer, and a busy worker asks all the time."""
    table = connection.ops.quote_name(Prediction._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {table} WHERE state = '{State.QUEUED.value}' LIMIT 1")  # noqa: S608
        return cursor.fetchone() is not None


def predictions_record(*, claim: uuid.UUID, answered: Sequence[Prediction]) -> Sequence[Prediction]:
    """Write the answers of a claim, each once; returns those that were still the claim's to answer.

    A row whose lease ran out meanwhile belongs to somebody else and is left alone. Where webhooks
    are to be told, that is written down with the answers.
    """
    if not is_any_webhook():
        return _write_answers(claim, answered)
    with transaction.atomic():
        recorded = _write_answers(claim, answered)
        # Whose they are by now: a guest may have signed in since they were claimed.
        rows = Prediction.objects.filter(pk__in=[row.pk for row in recorded]).order_by()
        completions_note(list(rows.values_list("owner_id", "public_id")))
    return recorded


def _write_answers(claim: uuid.UUID, answered: Sequence[Prediction]) -> Sequence[Prediction]:
    now = timezone.now()
    for prediction in answered:
        prediction.claim = None
        prediction.lease_expires_at = None
        prediction.answered_at = now
    where = {"claim": claim, "state": State.RUNNING}
    if update_each(answered, RECORDED_FIELDS, where=where) == len(answered):
        return answered
    # A row that another has answered has not our moment, to the microsecond.
    ids = [prediction.pk for prediction in answered]
    ours = Prediction.objects.filter(pk__in=ids, claim=None, answered_at=now)
    recorded = set(ours.values_list("pk", flat=True))
    return [prediction for prediction in answered if prediction.pk in recorded]


def claims_renew(*, claims: Sequence[uuid.UUID]) -> int:
    """Extend the lease of what a worker is still busy with; returns how many rows that is."""
    if not claims:
        return 0
    running = Prediction.objects.filter(claim__in=claims, state=State.RUNNING)
    return running.update(lease_expires_at=_lease())


def claim_release(*, claim: uuid.UUID, only: Collection[Prediction] | None = None) -> int:
    """Give back what a claim has not answered, or `only` these of it, for others to take at once.

    It is not their fault, so it counts as no attempt.
    """
    running = Prediction.objects.filter(claim=claim, state=State.RUNNING)
    if only is not None:
        running = running.filter(pk__in=[prediction.pk for prediction in only])
    return running.update(
        state=State.QUEUED, claim=None, lease_expires_at=None, attempts=F("attempts") - 1
    )


def claim_retry(*, claim: uuid.UUID) -> int:
    """Queue again what a claim has tried in vain; what was tried too often fails with a reason."""
    return _give_back(Prediction.objects.filter(claim=claim, state=State.RUNNING))


def predictions_requeue_lost() -> int:
    """Queue again what a dead worker left running; returns how many rows were touched."""
    now = timezone.now()
    return _give_back(Prediction.objects.filter(state=State.RUNNING, lease_expires_at__lt=now))


def _give_back(lost: QuerySet[Prediction]) -> int:
    """Queue rows again; give up on what was tried too often, so that nothing goes round for ever."""
    if not lost.exists():
        return 0
    num_failed = 0
    given_up = lost.filter(attempts__gte=settings.MAX_ATTEMPTS)
    for recognizer, slug in set(given_up.values_list("recognizer", "recognizer__slug")):
        rows = given_up.filter(recognizer=recognizer)
        with transaction.atomic():
            completions_note(list(rows.values_list("owner_id", "public_id")))
            number = rows.update(
                state=State.FAILED,
                failure_code=failures.GAVE_UP,
                answered_at=timezone.now(),
                claim=None,
                lease_expires_at=None,
            )
        metrics.answered(slug, None, State.FAILED, number)
        num_failed += number
    num_queued = lost.filter(attempts__lt=settings.MAX_ATTEMPTS).update(
        state=State.QUEUED, claim=None, lease_expires_at=None
    )
    if num_failed or num_queued:
        logger.warning("Of unanswered predictions %d wait again, %d failed", num_queued, num_failed)
    return num_failed + num_queued


def _lease() -> datetime:
    return timezone.now() + timedelta(seconds=settings.PREDICTION_LEASE_SECONDS)
