"""The inference worker's loop: claim what waits, answer it, record it, until nothing waits.

Three things go on at once: the engine computes a batch in a thread of its own, this thread claims and
decodes the next one and tops it up until the engine is free, and it records the answers while the
engine is busy again. Only this thread talks to the database. A picture that comes alone goes straight
through.
"""

import logging
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache

from celery.worker import state as worker_state

from webapp import metrics
from webapp.database import DATABASE_AWAY, DATABASE_ERRORS, drop_dead_connection
from webapp.predictions.batches import Batch
from webapp.predictions.claims import (
    claim_release,
    claim_retry,
    predictions_claim,
    predictions_record,
)
from webapp.predictions.models import Prediction
from webapp.predictions.tasks import nudge_inference
from webapp.predictions.waiting import announce

logger = logging.getLogger(__name__)

# How often the table is asked for more while the engine computes: each claim costs a transaction.
TOP_UP_SECONDS = 0.03
# How long a recognizer that could not be loaded, or whose engine failed, is left to other workers.
LEAVE_ALONE_SECONDS = 10.0

Computing = tuple[Batch, "Future[None]"]

# What this worker is busy with and since when; the reconciler's thread renews the leases.
_held: dict[uuid.UUID, float] = {}
# What could not be given back for want of a database.
_owed: set[uuid.UUID] = set()
# Recognizers that this worker leaves alone, each with the moment until when.
_left_alone: dict[int, float] = {}
_last_answered: float | None = None


def held_claims() -> dict[uuid.UUID, float]:
    """The claims that are being answered in this process, each with its age in seconds."""
    now = time.monotonic()
    return {claim: now - since for claim, since in list(_held.items())}


def seconds_since_answer() -> float | None:
    """How long ago this process recorded its last answers; None before the first."""
    return None if _last_answered is None else time.monotonic() - _last_answered


def give_back_owed() -> None:
    """Give back what a database that was away would not take back."""
    for claim in list(_owed):
        claim_release(claim=claim)
        _owed.discard(claim)


def answer_all_queued() -> int:
    """Answer until nothing waits or the worker shall stop; returns how many were recorded."""
    give_back_owed()
    num_recorded = 0
    computing: Computing | None = None
    try:
        while True:
            ahead = _next_batch(computing)
            done, computing = computing, None
            if done:
                wait([done[1]])
            if ahead:
                computing = (ahead, _engine_thread().submit(ahead.compute))
            if done:
                num_recorded += _record(*done)
            if not computing and not done:
                return num_recorded
    except BaseException as error:
        # Others may have at once what is not answered. Asked to stop, or without the database, it
        # counts as no attempt; what nobody foresaw counts as one.
        is_unforeseen = isinstance(error, Exception) and not isinstance(error, DATABASE_AWAY)
        drop_dead_connection()
        for claim in list(_held):
            _let_go(claim, is_attempt=is_unforeseen)
        raise


def _next_batch(computing: Computing | None) -> Batch | None:
    """What waits, claimed and decoded; while the engine is busy it grows until that is free."""
    batch = Batch()
    if _shall_stop() or (computing and computing[0].is_suspect):
        return None  # a suspect may kill this process: it takes nothing with it
    while True:
        num_wanted = batch.num_wanted
        num_taken = _take_into(batch, is_alone=computing is None)
        if num_taken and not batch.predictions:
            continue  # all of them are left to others: there may be some behind them
        if not computing or computing[1].done():
            if num_taken < num_wanted or not batch.num_wanted:
                break  # nothing more waits, or no more fit: the engine shall not be idle
        elif not num_taken:
            wait([computing[1]], timeout=TOP_UP_SECONDS if num_wanted else None)
    if not batch.num_wanted:
        nudge_inference()  # there may be more than this worker takes: another one may want it
    if not batch.predictions:
        _held.pop(batch.claim, None)
        return None
    return batch


def _take_into(batch: Batch, *, is_alone: bool) -> int:
    """Claim and decode as many as the batch wants; returns how many there were.

    `is_alone`: nothing else is at stake, so one that was tried before may be taken.
    """
    began = time.monotonic()
    claimed = predictions_claim(
        size=batch.num_wanted,
        claim=batch.claim,
        is_more=bool(batch.predictions) or not is_alone,
        left_alone=[recognizer for recognizer, until in _left_alone.items() if began < until],
    )
    if not claimed:
        return 0
    metrics.STEP_SECONDS.labels("claim").observe(time.monotonic() - began)
    _held.setdefault(batch.claim, began)
    for prediction in claimed:
        if prediction.claimed_at and prediction.attempts == 1:
            waited = prediction.claimed_at - prediction.created_at
            metrics.QUEUE_SECONDS.observe(waited.total_seconds())
    if refused := batch.add(claimed):
        claim_release(claim=batch.claim, only=refused)
        _leave_alone(refused)
    return len(claimed)


def _record(batch: Batch, computed: "Future[None]") -> int:
    global _last_answered  # noqa: PLW0603 - one loop a process
    try:
        computed.result()
        with metrics.STEP_SECONDS.labels("write").time():
            answered = [prediction for prediction in batch.predictions if prediction.is_answered]
            recorded = predictions_record(claim=batch.claim, answered=answered)
    except DATABASE_AWAY:
        raise
    except Exception:
        # Whatever it was, the rows that follow must not pay for it. These are tried again, alone,
        # and fail with a reason after some attempts.
        logger.exception("A batch of %d could not be answered", len(batch.predictions))
        _let_go(batch.claim, is_attempt=True)
        return 0
    if len(answered) < len(batch.predictions):
        _leave_alone(prediction for prediction in batch.predictions if not prediction.is_answered)
        _let_go(batch.claim, is_attempt=True)
    else:
        del _held[batch.claim]
    if recorded:
        _last_answered = time.monotonic()
    announce(recorded)
    for prediction in recorded:
        version = prediction.version.number if prediction.version else None
        metrics.answered(prediction.recognizer.slug, version, prediction.state)
    return len(recorded)


def _let_go(claim: uuid.UUID, *, is_attempt: bool) -> None:
    """Give back what is not answered. `is_attempt`: it was tried in vain, which counts."""
    try:
        if is_attempt:
            claim_retry(claim=claim)
        else:
            claim_release(claim=claim)
    except DATABASE_ERRORS:
        logger.exception("The claim %s could not be given back", claim)
        if not is_attempt:
            _owed.add(claim)  # else its lease runs out, which counts as an attempt
    finally:
        _held.pop(claim, None)


def _leave_alone(predictions: Iterable[Prediction]) -> None:
    """Let other workers have what this recognizer is asked, and try it again after a while."""
    until = time.monotonic() + LEAVE_ALONE_SECONDS
    _left_alone.update({prediction.recognizer_id: until for prediction in predictions})
    nudge_inference()


def _shall_stop() -> bool:
    """Whether the Celery worker that this process is was asked to end."""
    asked = (worker_state.should_stop, worker_state.should_terminate)
    return any(status is not None and status is not False for status in asked)


@cache
def _engine_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="engine")
