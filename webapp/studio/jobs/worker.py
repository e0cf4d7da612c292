"""The studio worker's part: claim a job, keep its lease alive, do it, record how it ended."""

import logging
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from django.conf import settings

from classifier.errors import ClassifierError
from webapp.database import DATABASE_ERRORS, drop_dead_connection
from webapp.studio.jobs.services import (
    job_claim,
    job_end,
    job_is_unwanted,
    job_progress,
    job_renew,
)
from webapp.studio.lease import Hold, LeaseLost, kept
from webapp.studio.models import Job
from webapp.studio.wording import failure_code

logger = logging.getLogger(__name__)
State = Job.State
PROGRESS_EVERY_SECONDS = 0.5

# What does each kind: a function that takes the job and a Tell, and gives its result. Named, since what
# one kind needs the others should not have to import.
HANDLERS: Mapping[str, str] = {
    Job.Kind.IMPORT: "webapp.studio.datasets.importing",
    Job.Kind.AUDIT: "webapp.studio.audits.auditing",
    Job.Kind.COMPARE: "webapp.studio.comparing.job",
    Job.Kind.REANSWER: "webapp.studio.reanswering.job",
}

Tell = Callable[[str, float], None]  # a step and how far it is, 0 to 1; raises when it shall stop
Handler = Callable[[Job, Tell], Mapping[str, Any]]


class JobFailed(Exception):
    """A job that cannot be done. `code` is one that `wording.py` has a sentence for."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code, self.params = code, params


class _Cancelled(Exception):
    """A curator wants it stopped."""


def do_next() -> bool:
    """Do the oldest queued job to its end, whatever that is; False when there was none."""
    job = job_claim()
    if job is None:
        return False
    with kept(
        renew=lambda: job_renew(job=job),
        is_unwanted=lambda: job_is_unwanted(job=job),
        every_seconds=settings.JOB_LEASE_SECONDS / 6,
        name=f"job {job.pk}",
    ) as hold:
        try:
            result = handler(job)(job, _teller(job, hold))
            drop_dead_connection()
            job_end(job=job, state=State.SUCCEEDED, result=dict(result), fraction=1.0)
        except LeaseLost:
            logger.warning("Job %s was taken away", job.pk)
        except _Cancelled:
            job_end(job=job, state=State.CANCELLED)
        except JobFailed as error:
            _fail(job, error.code, error.params)
        except ClassifierError as error:
            logger.info("Job %s was refused: %s", job.pk, error)
            _fail(job, failure_code(error), error.params)
        except OSError as error:
            logger.exception("Job %s failed", job.pk)
            _fail(job, "job_disk", {"problem": error})
        except MemoryError:
            logger.exception("Job %s failed", job.pk)
            _fail(job, "job_memory", {})
        except Exception as error:
            # Whatever the libraries below raise, the job must not stay "running" for it.
            logger.exception("Job %s failed", job.pk)
            _fail(job, "job_unexpected", {"problem": f"{type(error).__name__}: {error}"[:300]})
    return True


def handler(job: Job) -> Handler:
    """What does a job of this kind: `run` of its module."""
    run: Handler = import_module(HANDLERS[job.kind]).run
    return run


def _teller(job: Job, hold: Hold) -> Tell:
    last_step, last_time = "", 0.0

    def tell(step: str, fraction: float) -> None:
        nonlocal last_step, last_time
        if hold.shall_stop.is_set():
            raise LeaseLost if hold.is_lost else _Cancelled
        now = time.monotonic()
        if step == last_step and now - last_time < PROGRESS_EVERY_SECONDS:
            return
        last_step, last_time = step, now
        try:
            drop_dead_connection()
            job_progress(job=job, step=step, fraction=fraction)
        except DATABASE_ERRORS:
            logger.exception("The progress of job %s could not be noted", job.pk)

    return tell


def _fail(job: Job, code: str, params: Mapping[str, object]) -> None:
    drop_dead_connection()
    told = {key: str(value) for key, value in params.items()}
    job_end(job=job, state=State.FAILED, failure_code=code, failure_params=told)
