"""The training task. Like the inference task it is only nudged: the row says what to train."""

from celery import shared_task

from webapp.broker import installation_key, quick_client, say

QUEUE = "training"


@shared_task(name="webapp.studio.tasks.train_queued")
def train_queued() -> None:
    """Train what waits, the oldest first, one run for each message."""
    # The training package is the training worker's alone; the web process imports this to send.
    from webapp.studio.warming import wait_until_warm

    wait_until_warm()
    from webapp.studio.trainer import train_next

    if train_next():
        nudge_training()


def nudge_training() -> bool:
    """Tell the training worker that a run waits; False when the broker is away, which loses
    nothing: the reconciler nudges again."""
    return say(_nudge_once, otherwise="the training waits for the reconciler")


def _nudge_once() -> None:
    # While no training worker takes them, one message that waits is enough.
    if not quick_client().llen(installation_key(QUEUE)):
        train_queued.apply_async(retry=False)
