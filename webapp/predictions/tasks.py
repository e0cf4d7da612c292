"""The inference task. The message is only a nudge: it says that something may wait, not what."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


@shared_task(name="webapp.predictions.tasks.answer_queued")
def answer_queued() -> None:
    """Answer everything that waits. A message too many finds nothing to do."""
    # Engines and numpy are the worker's alone; the web process imports this module to send.
    from webapp.predictions.answering import answer_all_queued

    answer_all_queued()


def nudge_inference() -> bool:
    """Tell a worker that predictions wait; False when the broker is away, which loses nothing:
    the rows are queued, and the reconciler nudges again."""
    try:
        answer_queued.apply_async(retry=False)
    except OperationalError as error:
        logger.warning("The broker is away, predictions wait for it: %s", error)
        return False
    return True
