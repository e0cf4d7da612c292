"""The inference worker's loop: claim what waits, answer it, record it, until nothing waits.

Three things go on at once: the engine computes a batch in a thread of its own, this thread claims and
decodes the next one and tops it up until the engine is free, and it records the answers while the
engine is busy again. Only this thread talks to the database. A picture that comes alone goes straight
through.
"""

import logging
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache

from celery.worker import state as worker_state
from django.db import DatabaseError

from webapp import metrics
from webapp.predictions.batches import Batch
from webapp.predictions.claims import claim_release, predictions_claim, predictions_record
from webapp.predictions.tasks import nudge_inference
from webapp.predictions.waiting import announce

logger = logging.getLogger(__name__)

# How often the table is asked for more while the engine computes.
TOP_UP_SECONDS = 0.01

Computing = tuple[Batch, "Future[None]"]

# What this worker is busy with and since when; the reconciler's thread renews the leases.
_held: dict[uuid.UUID, float] = {}
_last_answered: float | None = None


def held_claims() -> dict[uuid.UUID, float]:
    """The claims that are being answered in this process, each with its age in seconds."""
    now = time.monotonic()
    return {claim: now - since for claim, since in list(_held.items())}


def seconds_since_answer() -> float | None:
    """How long ago this process recorded its last answers; None before the first."""
    return None if _last_answered is None else time.monotonic() - _last_answered


def answer_all_queued() -> int:
    """Answer until nothing waits or the worker shall stop; returns how many were recorded."""
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
    except BaseException:
        # Asked to stop, or without the database: others may have at once what is not answered.
        for claim in list(_held):
            _let_go(claim)
        raise


def _next_batch(computing: Computing | None) -> Batch | None:
    """What waits, claimed and decoded; while the engine is busy it grows until that is free."""
    batch = Batch()
    if _shall_stop() or (computing and computing[0].is_suspect):
        return None  # a suspect may kill this process: it takes nothing with it
    while True:
        num_wanted = batch.num_wanted
        num_taken = _take_into(batch)
        if not computing or computing[1].done():
            if num_taken < num_wanted or not batch.num_wanted:
                break  # nothing more waits, or no more fit: the engine shall not be idle
        elif not num_taken:
            wait([computing[1]], timeout=TOP_UP_SECONDS if num_wanted else None)
    if not batch.num_wanted:
        nudge_inference()  # there may be more than this worker takes: another one may want it
    return batch if batch.predictions else None


def _take_into(batch: Batch) -> int:
    """Claim and decode as many as the batch wants; returns how many there were."""
    with metrics.STEP_SECONDS.labels("claim").time():
        is_more = bool(batch.predictions)
        claimed = predictions_claim(size=batch.num_wanted, claim=batch.claim, is_more=is_more)
    if claimed:
        _held.setdefault(batch.claim, time.monotonic())
        for prediction in claimed:
            if prediction.claimed_at and prediction.attempts == 1:
                waited = prediction.claimed_at - prediction.created_at
                metrics.QUEUE_SECONDS.observe(waited.total_seconds())
        batch.add(claimed)
    return len(claimed)


def _record(batch: Batch, computed: "Future[None]") -> int:
    global _last_answered  # noqa: PLW0603 - one loop a process
    try:
        computed.result()
        with metrics.STEP_SECONDS.labels("write").time():
            num_recorded = predictions_record(claim=batch.claim, answered=batch.predictions)
    except DatabaseError:
        raise
    except Exception:
        # Whatever it was, the rows that follow must not pay for it. These are tried again, alone,
        # and fail with a reason after some attempts.
        logger.exception("A batch of %d could not be answered", len(batch.predictions))
        _let_go(batch.claim)
        return 0
    del _held[batch.claim]
    _last_answered = time.monotonic()
    announce(batch.predictions)
    for prediction in batch.predictions:
        version = str(prediction.version.number) if prediction.version else "none"
        metrics.ANSWERS.labels(prediction.recognizer.slug, version, prediction.state).inc()
    return num_recorded


def _let_go(claim: uuid.UUID) -> None:
    try:
        claim_release(claim=claim)
    except DatabaseError:
        logger.exception("The claim %s could not be given back; its lease runs out", claim)
    finally:
        _held.pop(claim, None)


def _shall_stop() -> bool:
    """Whether the Celery worker that this process is was asked to end."""
    asked = (worker_state.should_stop, worker_state.should_terminate)
    return any(status is not None and status is not False for status in asked)


@cache
def _engine_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="engine")
