"""The inference task. The message is only a nudge: it says that something may wait, not what."""

import logging
from functools import cache

from celery import shared_task
from kombu.exceptions import OperationalError
from redis import Redis, RedisError

from webapp.broker import installation_key, redis_client, silence

logger = logging.getLogger(__name__)

# A nudge that nobody has taken up for this long is thought lost, and another one is sent.
PENDING_SECONDS = 2
# How long an upload or a worker lets itself be held up by a Redis that does not answer.
REDIS_SECONDS = 0.5


@shared_task(name="webapp.predictions.tasks.answer_queued")
def answer_queued() -> None:
    """Answer everything that waits. A message too many finds nothing to do."""
    # Engines and numpy are the worker's alone; the web process imports this module to send.
    from webapp.predictions.answering import answer_all_queued

    if not silence.is_on:
        try:
            # Before the table is looked at: what is queued from now on is worth another nudge.
            _redis().delete(_pending_key())
        except (RedisError, OSError):
            silence.begin()
    answer_all_queued()


def nudge_inference() -> bool:
    """Tell a worker that predictions wait; False when the broker is away, which loses nothing:
    the rows are queued, and the reconciler nudges again.

    Where a nudge is under way that no worker has taken up yet, it is enough: whoever takes it up
    finds these rows, too. That spares a message for each of many uploads.
    """
    if silence.is_on:
        return False
    try:
        if _redis().set(_pending_key(), 1, nx=True, ex=PENDING_SECONDS):
            answer_queued.apply_async(retry=False)
    except (OperationalError, RedisError, OSError) as error:
        silence.begin()
        logger.warning("The broker is away, predictions wait for it: %s", error)
        return False
    return True


@cache
def _redis() -> Redis:
    return redis_client(timeout_seconds=REDIS_SECONDS, num_retries=1)


def _pending_key() -> str:
    return installation_key("nudged")
