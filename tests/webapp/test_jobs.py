"""Jobs of the studio: claimed once, begun anew when their worker dies, told how they ended."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from classifier.errors import ClassifierError, EngineError
from tests.waiting import wait_for
from webapp.ops.reconciler import reconcile
from webapp.recognizers.models import ModelVersion
from webapp.studio.comparing.services import comparison_queue_if_new
from webapp.studio.datasets import importing
from webapp.studio.gone import SubjectGone
from webapp.studio.jobs import worker
from webapp.studio.jobs.services import (
    job_cancel,
    job_claim,
    job_create,
    job_end,
    job_renew,
    jobs_requeue_lost,
)
from webapp.studio.lease import LeaseLost
from webapp.studio.models import Dataset, Job

State = Job.State


@pytest.fixture
def dataset(db: None) -> Dataset:
    return Dataset.objects.create(name="Bugs", folder_name="bugs")


@pytest.fixture
def job(dataset: Dataset) -> Job:
    return job_create(kind=Job.Kind.AUDIT, dataset=dataset)[0]


def do(job: Job, run: Callable[..., Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(worker, "import_module", lambda name: SimpleNamespace(run=run))
    assert worker.do_next()
    job.refresh_from_db()
    return job


def lose(job: Job) -> None:
    """As if its worker had died some time ago."""
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def test_who_asks_again_is_given_the_job_that_is_open(job: Job, dataset: Dataset) -> None:
    assert job_create(kind=Job.Kind.AUDIT, dataset=dataset) == (job, False)
    assert job_create(kind=Job.Kind.IMPORT, dataset=dataset)[1]
    job_cancel(job=job)
    assert job_create(kind=Job.Kind.AUDIT, dataset=dataset)[1], "that one has ended"


def test_its_result_is_kept(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    done = do(job, lambda job, tell: {"num": 3}, monkeypatch)
    assert (done.state, done.result) == (State.SUCCEEDED, {"num": 3})
    assert not worker.do_next(), "none waits"


class LaterRefused(ClassifierError):
    """What a later release may refuse."""

    sentences = {"later": "Expected nothing."}


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RuntimeError("something odd"), "RuntimeError: something odd"),
        (OSError(28, "No space left on device"), "could not be read or written: [Errno 28]"),
        (MemoryError(), "ran out of memory"),
        (EngineError("no_gpu"), "Expected an NVIDIA GPU"),
        (LaterRefused("later"), "It failed. The operator finds the reason"),
    ],
)
def test_what_fails_says_why(
    job: Job, error: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(job: Job, tell: worker.Tell) -> Mapping[str, Any]:
        raise error

    failed = do(job, run, monkeypatch)
    assert failed.state == State.FAILED
    assert sentence in failed.failure_sentence
    assert "training" not in failed.failure_sentence, "it was none"


@pytest.mark.django_db(transaction=True)  # the lease is kept by a thread
def test_one_that_is_cancelled_stops_when_it_next_tells_how_far_it_is(
    job: Job, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.JOB_LEASE_SECONDS = 0.06

    def run(job: Job, tell: worker.Tell) -> Mapping[str, Any]:
        job_cancel(job=job)
        wait_for(lambda: tell("read", 0.5), what="the end of the job")
        return {}

    assert do(job, run, monkeypatch).state == State.CANCELLED


def test_a_lost_worker_s_job_is_begun_anew_and_given_up_after_three_times(job: Job) -> None:
    for attempt in (1, 2, 3):
        held = job_claim()
        assert held is not None
        assert held.attempts == attempt
        lose(held)
        reconcile()
        assert not job_renew(job=held), "it is no longer this worker's"
        assert not job_end(job=held, state=State.SUCCEEDED)
    job.refresh_from_db()
    assert job.state == State.FAILED
    assert "died 3 times" in job.failure_sentence


def test_a_worker_that_renews_its_lease_at_the_last_moment_keeps_its_job(job: Job) -> None:
    held = job_claim()
    assert held is not None
    lose(held)
    renewed: list[bool] = []

    def renew_first(execute: Callable[..., Any], sql: str, *given: Any) -> Any:
        if sql.startswith("UPDATE") and not renewed:
            renewed.append(True)
            renewed.append(job_renew(job=held))
        return execute(sql, *given)

    with connection.execute_wrapper(renew_first):
        assert jobs_requeue_lost() == 0
    assert renewed == [True, True]
    assert job_end(job=held, state=State.SUCCEEDED), "it is still this worker's"


@pytest.mark.django_db(transaction=True)  # the database looks for the dataset at the commit
def test_a_job_of_a_dataset_that_was_deleted_meanwhile_is_refused(dataset: Dataset) -> None:
    Dataset.objects.filter(pk=dataset.pk).delete()
    with pytest.raises(SubjectGone):
        job_create(kind=Job.Kind.AUDIT, dataset=dataset)
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "address", ["audit_start", "dataset_read_again", "comparison_start", "reanswer"]
)
def test_whoever_asks_for_a_job_of_what_is_being_deleted_hears_that_it_is_not_found(
    dataset: Dataset,
    new_version: Callable[[], ModelVersion],
    curator_client: Client,
    address: str,
) -> None:
    other, version = new_version(), new_version()
    subject: Dataset | ModelVersion = (
        dataset if "dataset" in address or "audit" in address else version
    )

    def delete(sender: type[Job], **more: object) -> None:
        type(subject).objects.filter(pk=subject.pk).delete()

    pre_save.connect(delete, sender=Job)
    try:
        reply = curator_client.post(
            reverse(f"studio:{address}", args=[subject.pk]), {"with": other.number, "number": 10}
        )
    finally:
        pre_save.disconnect(delete, sender=Job)
    assert reply.status_code == 404
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        (Job.Kind.IMPORT, "dataset_job"),
        (Job.Kind.AUDIT, "audit_state"),
        (Job.Kind.COMPARE, "comparison_state"),
        (Job.Kind.REANSWER, "reanswer_state"),
    ],
)
def test_of_a_job_that_goes_on_the_step_is_read_out_and_not_each_percent(
    dataset: Dataset,
    new_version: Callable[[], ModelVersion],
    live_version: ModelVersion,
    curator_client: Client,
    kind: str,
    address: str,
) -> None:
    version = new_version()
    of_dataset = kind in (Job.Kind.IMPORT, Job.Kind.AUDIT)
    subject = dataset if of_dataset else version
    asked = {"dataset": dataset} if of_dataset else {"version": version}
    Job.objects.create(
        kind=kind,
        other_version=live_version,
        state=State.RUNNING,
        step="read",
        fraction=0.4,
        **asked,
    )
    place = reverse(f"studio:{address}", args=[subject.pk])
    part = curator_client.get(place, {"with": live_version.number}).content.decode()
    assert f'hx-get="{place}' in part
    assert 'value="40"' in part
    [(_, read_out)] = re.findall(r'<(\w+) role="status"[^>]*>(.*?)</\1>', part, re.DOTALL)
    assert "reading the pictures" in read_out
    assert "40" not in read_out
    assert "aria-live" not in part.replace('role="status" aria-live="polite"', "")


@pytest.mark.django_db(transaction=True)
def test_a_version_that_is_deleted_as_soon_as_it_is_trained_is_not_compared(
    new_version: Callable[[], ModelVersion], live_version: ModelVersion
) -> None:
    version = new_version()
    ModelVersion.objects.filter(pk=version.pk).delete()
    assert comparison_queue_if_new(version=version) is None


@pytest.mark.parametrize("was_read", [False, True])
def test_a_reading_whose_workers_died_is_given_up_with_its_job(
    dataset: Dataset, was_read: bool
) -> None:
    before = Dataset.State.READY if was_read else Dataset.State.READING
    Dataset.objects.update(state=before)
    job_create(kind=Job.Kind.IMPORT, dataset=dataset)
    for _attempt in range(3):
        dataset.refresh_from_db()
        assert dataset.state == before
        held = job_claim()
        assert held is not None
        lose(held)
        jobs_requeue_lost()
    dataset.refresh_from_db()
    assert dataset.state == (Dataset.State.READY if was_read else Dataset.State.FAILED)


def test_a_worker_that_was_taken_for_dead_says_nothing_of_what_another_one_reads(
    dataset: Dataset,
) -> None:
    job_create(kind=Job.Kind.IMPORT, dataset=dataset)
    first = job_claim()
    assert first is not None
    lose(first)
    jobs_requeue_lost()
    assert job_claim()

    def stop(step: str, fraction: float) -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        importing.run(first, stop)
    dataset.refresh_from_db()
    assert dataset.state == Dataset.State.READING
