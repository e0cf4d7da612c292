"""What writes jobs. All of it is conditional updates: whoever comes late changes nothing."""

import logging
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion
from webapp.studio.gone import SubjectGone
from webapp.studio.jobs.tasks import nudge_jobs
from webapp.studio.models import Dataset, Job

logger = logging.getLogger(__name__)
State = Job.State


def job_create(
    *,
    kind: str,
    dataset: Dataset | None = None,
    version: ModelVersion | None = None,
    other_version: ModelVersion | None = None,
    params: Mapping[str, Any] | None = None,
    requested_by: User | None = None,
) -> tuple[Job, bool]:
    """A queued job and whether it is new: of its kind one is open of a subject at a time, and who asks
    again is given that one. The worker is told after the commit. Raises SubjectGone where that was
    deleted meanwhile."""
    has_tried = False
    while True:
        job = Job(
            kind=kind,
            dataset=dataset,
            version=version,
            other_version=other_version,
            params=dict(params or {}),
            requested_by=requested_by,
        )
        try:
            with transaction.atomic():
                job.save()
                transaction.on_commit(nudge_jobs)
        except IntegrityError as error:
            same = Job.objects.filter(
                kind=kind, dataset=dataset, version=version, state__in=Job.OPEN_STATES
            ).first()
            if same is not None:
                return same, False
            if has_tried:
                raise SubjectGone from error
            has_tried = True  # it may have ended in between
        else:
            return job, True


def job_claim() -> Job | None:
    """The oldest queued job, now running under a new lease; None when none waits."""
    while True:
        job = Job.objects.filter(state=State.QUEUED).order_by("id").first()
        if job is None:
            return None
        num_claimed = Job.objects.filter(pk=job.pk, state=State.QUEUED).update(
            state=State.RUNNING,
            attempts=job.attempts + 1,
            lease=uuid.uuid4(),
            lease_expires_at=_lease_end(),
            started_at=timezone.now(),
            step="",
            fraction=0,
        )
        if num_claimed:
            job.refresh_from_db()
            return job


def job_renew(*, job: Job) -> bool:
    """Extend the lease; False when the job is no longer this worker's."""
    return _ours(job).update(lease_expires_at=_lease_end()) == 1


def job_is_unwanted(*, job: Job) -> bool:
    """Whether a curator wants the job cancelled."""
    return Job.objects.filter(pk=job.pk, cancel_requested=True).exists()


def job_progress(*, job: Job, step: str, fraction: float) -> None:
    """Note how far a job is, if it is still this worker's."""
    _ours(job).update(step=step, fraction=fraction)


def job_end(*, job: Job, state: str, **fields: Any) -> bool:
    """End a job, if it is still this worker's; False when it was taken away meanwhile."""
    return (
        _ours(job).update(
            state=state, ended_at=timezone.now(), lease=None, lease_expires_at=None, **fields
        )
        == 1
    )


def job_cancel(*, job: Job) -> None:
    """Cancel a queued job at once, a running one when it next tells how far it is."""
    queued = Job.objects.filter(pk=job.pk, state=State.QUEUED)
    if not queued.update(state=State.CANCELLED, ended_at=timezone.now()):
        Job.objects.filter(pk=job.pk, state=State.RUNNING).update(cancel_requested=True)


def jobs_requeue_lost() -> int:
    """Queue again what a dead worker has left running, or give it up after so many attempts; returns
    how many."""
    now = timezone.now()
    lost = Job.objects.filter(state=State.RUNNING, lease_expires_at__lt=now)
    num_found = 0
    for job in lost:
        held = _ours(job).filter(lease_expires_at__lt=now)  # it may have been renewed since
        if job.cancel_requested:
            fields: dict[str, Any] = {"state": State.CANCELLED, "ended_at": now}
        elif job.attempts >= settings.MAX_ATTEMPTS:
            fields = {
                "state": State.FAILED,
                "ended_at": now,
                "failure_code": "worker_died",
                "failure_params": {"attempts": job.attempts},
            }
        else:
            fields = {"state": State.QUEUED}
        with transaction.atomic():
            is_found = held.update(lease=None, lease_expires_at=None, **fields)
            if is_found and job.kind == Job.Kind.IMPORT and fields["state"] != State.QUEUED:
                _give_up_reading(job)
        num_found += is_found
    if num_found:
        logger.warning("%d jobs had lost their worker", num_found)
    return num_found


def _give_up_reading(job: Job) -> None:
    """A dataset that nobody reads any more says so; one that was read before stays as it was."""
    reading = Dataset.objects.filter(jobs=job, state=Dataset.State.READING)
    reading.update(state=Dataset.State.FAILED)


def _ours(job: Job) -> QuerySet[Job]:
    """The job's row, if it is still held under the lease that the caller knows; else none."""
    return Job.objects.filter(pk=job.pk, lease=job.lease, state=State.RUNNING)


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)
