"""Puts right what dead processes left behind, every few seconds, in a thread of each inference worker.

All of it is conditional updates, so any number of workers may do it at once.
"""

import time
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from webapp.predictions.answering import give_back_owed, held_claims
from webapp.predictions.claims import claims_renew, predictions_requeue_lost
from webapp.predictions.models import Prediction
from webapp.predictions.tasks import nudge_inference
from webapp.studio.jobs.services import jobs_requeue_lost
from webapp.studio.jobs.tasks import nudge_jobs
from webapp.studio.models import Job, TrainingRun
from webapp.studio.services import runs_mark_interrupted
from webapp.studio.tasks import nudge_training

# A batch that takes longer than this is stuck: its rows are left to others.
MAX_BATCH_SECONDS = 300


class Alertness:
    """Whether this process has been awake for long enough to judge others by their silence.

    After a closed lid or a paused machine all leases have run out, though who holds them wakes up
    beside it and goes on.
    """

    ASLEEP_SECONDS = 10.0

    def __init__(self) -> None:
        # The wall's clock: the monotonic one sleeps as well.
        self._last = time.time()
        self._judge_from = 0.0

    def may_judge(self) -> bool:
        """To be asked at each round."""
        now = time.time()
        if not 0 <= now - self._last < self.ASLEEP_SECONDS:
            self._judge_from = now + settings.PREDICTION_LEASE_SECONDS
        self._last = now
        return now >= self._judge_from


def reconcile(*, may_judge: bool = True) -> None:
    """One round. What was just queued gets a second nudge now and then, which does no harm.

    `may_judge`: whether leases that have run out are taken for those of the dead.
    """
    held = held_claims()
    claims_renew(claims=[claim for claim, age in held.items() if age < MAX_BATCH_SECONDS])
    give_back_owed()
    if may_judge:
        predictions_requeue_lost()
        runs_mark_interrupted()
        jobs_requeue_lost()
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
    if Job.objects.filter(state=Job.State.QUEUED, created_at__lt=settled).exists():
        nudge_jobs()
