"""The training task. Like the inference task it is only nudged: the row says what to train."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


@shared_task(name="webapp.studio.tasks.train_queued")
def train_queued() -> None:
    """Train what waits, the oldest first, one run for each message."""
    # The training package is the training worker's alone; the web process imports this to send.
    from webapp.studio.trainer import train_next

    if train_next():
        nudge_training()


def nudge_training() -> bool:
    """Tell the training worker that a run waits; False when the broker is away, which loses
    nothing: the reconciler nudges again."""
    try:
        train_queued.apply_async(retry=False)
    except OperationalError as error:
        logger.warning("The broker is away, the training waits for it: %s", error)
        return False
    return True
