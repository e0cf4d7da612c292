"""Claims: who holds a picture, for how long, and what becomes of it when they are gone."""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from tests.webapp.counts import count
from webapp.predictions import failures
from webapp.predictions.claims import (
    claim_release,
    claims_renew,
    predictions_claim,
    predictions_record,
    predictions_requeue_lost,
)
from webapp.predictions.models import Prediction

State = Prediction.State
Upload = Callable[..., list[Prediction]]


def test_what_is_claimed_cannot_be_claimed_again(upload_of: Upload) -> None:
    upload_of("red", "green")
    assert len(predictions_claim(size=10)) == 2
    assert predictions_claim(size=10) == []


def test_a_claim_takes_the_oldest_first_and_no_more_than_asked(upload_of: Upload) -> None:
    rows = upload_of("red", "green", "blue")
    claimed = predictions_claim(size=2)
    assert [row.pk for row in claimed] == [rows[0].pk, rows[1].pk]


def test_one_that_was_tried_before_is_claimed_alone(upload_of: Upload) -> None:
    first, suspect, last = upload_of("red", "green", "blue")
    Prediction.objects.filter(pk=suspect.pk).update(attempts=1)
    batches = [[row.pk for row in predictions_claim(size=10)] for _ in range(3)]
    assert batches == [[first.pk], [suspect.pk], [last.pk]]


def test_an_answer_is_written_only_by_who_holds_the_claim(upload_of: Upload) -> None:
    upload_of("red")
    [stale] = predictions_claim(size=1)
    assert stale.claim is not None
    stale_claim = stale.claim
    claim_release(claim=stale_claim)
    [current] = predictions_claim(size=1)
    stale.state, stale.label = State.DONE, "too late"
    assert predictions_record(claim=stale_claim, answered=[stale]) == []
    row = Prediction.objects.get()
    assert (row.state, row.label, row.claim) == (State.RUNNING, "", current.claim)


def test_what_a_dead_worker_left_running_is_queued_again(upload_of: Upload) -> None:
    upload_of("red")
    predictions_claim(size=1)
    assert predictions_requeue_lost() == 0  # its lease has not run out
    Prediction.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert predictions_requeue_lost() == 1
    assert Prediction.objects.get().state == State.QUEUED


def test_a_renewed_lease_is_not_lost(upload_of: Upload) -> None:
    upload_of("red")
    [row] = predictions_claim(size=1)
    Prediction.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert row.claim is not None
    assert claims_renew(claims=[row.claim]) == 1
    assert predictions_requeue_lost() == 0


def test_after_three_attempts_a_picture_fails_with_a_reason(upload_of: Upload) -> None:
    upload_of("red")
    failed = {"recognizer": "colours", "version": "none", "outcome": "failed"}
    before = count("answers_total", **failed)
    for _ in range(3):
        assert len(predictions_claim(size=1)) == 1
        Prediction.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        predictions_requeue_lost()
    row = Prediction.objects.get()
    assert (row.state, row.failure_code) == (State.FAILED, failures.GAVE_UP)
    assert "several attempts" in row.failure_sentence
    assert count("answers_total", **failed) == before + 1
