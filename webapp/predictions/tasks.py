"""The inference task. The message is only a nudge: it says that something may wait, not what."""

from celery import shared_task

from webapp.broker import installation_key, quick_client, say

# A nudge that nobody has taken up for this long is thought lost, and another one is sent.
PENDING_SECONDS = 2


@shared_task(name="webapp.predictions.tasks.answer_queued")
def answer_queued() -> None:
    """Answer everything that waits. A message too many finds nothing to do."""
    # Engines and numpy are the worker's alone; the web process imports this module to send.
    from webapp.predictions.answering import answer_all_queued

    # Before the table is looked at: what is queued from now on is worth another nudge.
    say(
        lambda: quick_client().delete(_pending_key()),
        otherwise="the next nudge may be thought sent",
    )
    answer_all_queued()


def nudge_inference() -> bool:
    """Tell a worker that predictions wait; False when the broker is away, which loses nothing:
    the rows are queued, and the reconciler nudges again.

    Where a nudge is under way that no worker has taken up yet, it is enough: whoever takes it up
    finds these rows, too. That spares a message for each of many uploads.
    """
    return say(_nudge_once, otherwise="predictions wait for the reconciler")


def _nudge_once() -> None:
    if quick_client().set(_pending_key(), 1, nx=True, ex=PENDING_SECONDS):
        answer_queued.apply_async(retry=False)


def _pending_key() -> str:
    return installation_key("nudged")
