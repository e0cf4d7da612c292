"""Puts right what dead processes left behind, every few seconds, in a thread of each inference worker.

All of it is conditional updates, so any number of workers may do it at once.
"""

import logging
import threading
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from webapp.database import drop_dead_connection
from webapp.predictions.answering import give_back_owed, held_claims
from webapp.predictions.claims import claims_renew, predictions_requeue_lost
from webapp.predictions.models import Prediction
from webapp.predictions.tasks import nudge_inference
from webapp.studio.models import TrainingRun
from webapp.studio.services import runs_mark_interrupted
from webapp.studio.tasks import nudge_training

logger = logging.getLogger(__name__)
# A batch that takes longer than this is stuck: its rows are left to others.
MAX_BATCH_SECONDS = 300


def reconcile() -> None:
    """One round. What was just queued gets a second nudge now and then, which does no harm."""
    held = held_claims()
    claims_renew(claims=[claim for claim, age in held.items() if age < MAX_BATCH_SECONDS])
    give_back_owed()
    predictions_requeue_lost()
    runs_mark_interrupted()
    settled = timezone.now() - timedelta(seconds=settings.RECONCILE_EVERY_SECONDS)
    if (
        not held
        and Prediction.objects.filter(
            state=Prediction.State.QUEUED, created_at__lt=settled
        ).exists()
    ):
        nudge_inference()
    queued_runs = TrainingRun.objects.filter(state=TrainingRun.State.QUEUED, created_at__lt=settled)
    running_runs = TrainingRun.objects.filter(state=TrainingRun.State.RUNNING)
    if queued_runs.exists() and not running_runs.exists():
        nudge_training()


class ReconcilerThread(threading.Thread):
    """Runs `reconcile` until it is told to stop; a database that is away is tried again."""

    def __init__(self) -> None:
        super().__init__(name="reconciler", daemon=True)
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(settings.RECONCILE_EVERY_SECONDS):
            try:
                drop_dead_connection()
                reconcile()
            except DatabaseError:
                logger.exception("The reconciler could not reach the database; it tries again")
            except Exception:
                # A thread that dies silently would leave lost pictures lost.
                logger.exception("The reconciler failed; it tries again")

    def stop(self) -> None:
        self._stopped.set()
