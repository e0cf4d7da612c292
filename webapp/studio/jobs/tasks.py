"""The studio's task. Like the others it is only nudged: the rows say what to do."""

from celery import shared_task

from webapp.broker import installation_key, quick_client, say

QUEUE = "studio"


@shared_task(name="webapp.studio.jobs.tasks.do_queued")
def do_queued() -> None:
    """Do what waits, the oldest first, one job for each message."""
    from webapp.studio.jobs.worker import do_next  # the web process imports this module to send

    if do_next():
        nudge_jobs()


def nudge_jobs() -> bool:
    """Tell the studio's worker that a job waits; False when the broker is away, which loses nothing:
    the reconciler nudges again."""
    return say(_nudge_once, otherwise="the job waits for the reconciler")


def _nudge_once() -> None:
    # While no worker takes them, one message that waits is enough.
    if not quick_client().llen(installation_key(QUEUE)):
        do_queued.apply_async(retry=False)
