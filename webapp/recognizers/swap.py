"""The swap: workers load a version beside the one that answers, before it goes live.

The row says it (`preload_until`), each worker's heartbeat says what it has loaded or refused. So any
number of workers on any machine take part. One that comes meanwhile is not waited for.
"""

import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from webapp.ops.models import WorkerHeartbeat
from webapp.recognizers.models import ModelVersion
from webapp.told import filled

POLL_SECONDS = 0.1


class PromotionRefused(Exception):
    """A version that will not go live: a sentence of the catalogues for the curator, and what fills it."""

    def __init__(self, sentence: str, **params: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.params = params

    def __str__(self) -> str:
        return filled(self.sentence, self.params)


class WorkersTooSlow(PromotionRefused):
    """Not now: it may go live when the workers are less busy, or once a dead one is forgotten."""


def let_workers_load(version: ModelVersion) -> None:
    """Returns once each inference worker that is alive now holds the version ready or has ended.

    At once where none is alive. One that falls silent is waited for, since what it is busy with may be
    this very load. Raises PromotionRefused with the reason of one that could not load it, or WorkersTooSlow
    with the names of those that took longer than settings.PRELOAD_SECONDS.
    """
    deadline = time.monotonic() + settings.PRELOAD_SECONDS
    names = [worker.name for worker in WorkerHeartbeat.objects.alive()]
    if not names:
        return
    versions = ModelVersion.objects.filter(pk=version.pk)
    # Durable: in somebody's transaction no worker would see it, and all would wait for nothing.
    until = timezone.now() + timedelta(seconds=settings.PRELOAD_SECONDS)
    with transaction.atomic(durable=True):
        versions.update(preload_until=until)
    try:
        while True:
            workers = list(WorkerHeartbeat.objects.filter(name__in=names))
            for worker in workers:
                if problem := worker.refused.get(version.bundle_digest):
                    raise PromotionRefused(
                        gettext_noop(
                            "The worker %(worker)s could not load the version: %(problem)s"
                        ),
                        worker=worker.name,
                        problem=problem,
                    )
            waiting = [w.name for w in workers if version.bundle_digest not in w.loaded]
            if not waiting:
                return
            if time.monotonic() > deadline:
                raise WorkersTooSlow(
                    gettext_noop(
                        "Expected every worker to load the version within %(seconds)s seconds, "
                        "%(workers)s did not. Try again when it is less busy."
                    ),
                    seconds=settings.PRELOAD_SECONDS,
                    workers=", ".join(waiting),
                )
            time.sleep(POLL_SECONDS)
    finally:
        versions.filter(preload_until=until).update(preload_until=None)  # else it is another's


def versions_to_hold() -> tuple[list[ModelVersion], list[ModelVersion]]:
    """What a worker should have ready: what is about to go live; and what is live, the newest last."""
    versions = ModelVersion.objects.select_related("recognizer")
    live = versions.filter(state=ModelVersion.State.LIVE, recognizer__archived_at=None)
    live = live.order_by("promoted_at")
    return list(versions.filter(preload_until__gt=timezone.now())), list(live)


def is_held_by_a_worker(version: ModelVersion) -> bool:
    """Whether a worker that is alive says that it could answer with the version at once."""
    workers = WorkerHeartbeat.objects.alive()
    return any(version.bundle_digest in worker.loaded for worker in workers)
