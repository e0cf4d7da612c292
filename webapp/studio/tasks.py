"""The training task. Like the inference task it is only nudged: the row says what to train."""

from celery import shared_task

from webapp.broker import installation_key, quick_client, say
from webapp.studio.models import TrainingRun

QUEUE = "training"


@shared_task(name="webapp.studio.tasks.train_queued")
def train_queued() -> None:
    """Train what waits, the oldest first, one run for each message."""
    if not _is_a_run_waiting():
        return
    # The training package is the training worker's alone; the web process imports this to send.
    from webapp.studio.warming import wait_until_warm

    wait_until_warm()
    from webapp.studio.trainer import train_next

    # No message for nothing: whichever child took it would end after it, and its successor begin cold.
    if train_next() and _is_a_run_waiting():
        nudge_training()


def _is_a_run_waiting() -> bool:
    return TrainingRun.objects.filter(state=TrainingRun.State.QUEUED).exists()


def nudge_training() -> bool:
    """Tell the training worker that a run waits; False when the broker is away, which loses
    nothing: the reconciler nudges again."""
    return say(_nudge_once, otherwise="the training waits for the reconciler")


def _nudge_once() -> None:
    # While no training worker takes them, one message that waits is enough.
    if not quick_client().llen(installation_key(QUEUE)):
        train_queued.apply_async(retry=False)
