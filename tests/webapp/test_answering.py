"""Claim, answer, record: what the inference worker does, without a worker."""

import threading
from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import numpy as np
import pytest
from django.utils import timezone
from numpy.typing import NDArray

from classifier.answering import Answerer
from classifier.decide import Answer
from classifier.engines.base import Outputs
from classifier.engines.openvino import OpenVinoEngine
from webapp.predictions import claims, failures
from webapp.predictions.answering import answer_all_queued, held_claims
from webapp.predictions.claims import (
    claim_release,
    claims_renew,
    predictions_claim,
    predictions_record,
    predictions_requeue_lost,
)
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion
from webapp.recognizers.services import version_promote

State = Prediction.State
Upload = Callable[..., list[Prediction]]


def break_on_green(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """The engine raises `error` on each batch with a green picture in it."""
    run = OpenVinoEngine.run

    def run_or_raise(engine: OpenVinoEngine, pictures: NDArray[np.uint8]) -> Outputs:
        is_batch = threading.current_thread().name.startswith(
            "engine"
        )  # not the smoke test's noise
        if is_batch and (pictures[:, 0, 0, 1] > 200).any():
            raise error
        return run(engine, pictures)

    monkeypatch.setattr(OpenVinoEngine, "run", run_or_raise)


def note_batches(
    monkeypatch: pytest.MonkeyPatch, *, best: int, before: Callable[[], object] = lambda: None
) -> list[int]:
    """The sizes of the batches that the engine gets, which shall like `best` of them; `before` the
    first one is computed something happens. Smoke tests are not counted."""
    sizes: list[int] = []
    answer = Answerer.answer

    def noted(answerer: Answerer, pictures: NDArray[np.uint8], **options: Any) -> list[Answer]:
        if threading.current_thread().name.startswith("engine"):
            before()
            sizes.append(len(pictures))
        return answer(answerer, pictures, **options)

    monkeypatch.setattr(Answerer, "answer", noted)
    monkeypatch.setattr(OpenVinoEngine, "batch_size", best, raising=False)
    return sizes


def go_live(version: ModelVersion) -> None:
    """As promotion leaves it, without the second that the smoke test takes."""
    ModelVersion.objects.filter(state=ModelVersion.State.LIVE).update(
        state=ModelVersion.State.RETIRED
    )
    ModelVersion.objects.filter(pk=version.pk).update(state=ModelVersion.State.LIVE)


def test_everything_that_waits_is_answered_and_names_its_version(
    live_version: ModelVersion, upload_of: Upload
) -> None:
    upload_of("red", "green", "blue")
    assert answer_all_queued() == 3
    rows = list(Prediction.objects.order_by("position"))
    assert [row.label for row in rows] == ["red", "green", "blue"]
    assert all(row.state == State.DONE and row.version == live_version for row in rows)
    assert all(row.confidence is not None and row.confidence > 0.9 for row in rows)
    assert rows[0].top[0]["label"] == "red"
    assert all(row.claim is None and row.answered_at is not None for row in rows)


def test_a_nudge_too_many_finds_nothing_to_do(
    live_version: ModelVersion, upload_of: Upload
) -> None:
    upload_of("red")
    assert answer_all_queued() == 1
    assert answer_all_queued() == 0


def test_more_than_a_batch_is_answered_in_several(
    live_version: ModelVersion, upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_of("red")
    answer_all_queued()  # so that the engine is there
    sizes = note_batches(monkeypatch, best=2)
    upload_of("green", "blue", "green", "blue", "green")
    assert answer_all_queued() == 5
    assert sizes == [2, 2, 1]


def test_a_batch_grows_while_the_engine_is_busy(
    live_version: ModelVersion, upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One picture starts at once, alone; what comes while it is computed is the next batch."""
    is_busy, may_go_on = Event(), Event()
    sizes = note_batches(monkeypatch, best=8, before=lambda: (is_busy.set(), may_go_on.wait(20)))
    claim = claims.predictions_claim

    def claim_and_upload_more(**options: Any) -> list[Prediction]:
        """Three more come, one by one, whenever the worker looks for more; then the engine is free."""
        if is_busy.is_set() and not may_go_on.is_set():
            if Prediction.objects.count() < 4:
                upload_of("green")
            elif not Prediction.objects.filter(state=State.QUEUED).exists():
                may_go_on.set()
        return claim(**options)

    monkeypatch.setattr("webapp.predictions.answering.predictions_claim", claim_and_upload_more)
    upload_of("red")
    assert answer_all_queued() == 4
    assert sizes == [1, 3]


def test_a_version_that_goes_live_while_a_batch_grows_answers_only_what_came_after(
    live_version: ModelVersion,
    new_version: Callable[..., ModelVersion],
    upload_of: Upload,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    renamed = new_version(class_names=("azure", "lime", "crimson"))
    claim = claims.predictions_claim
    colours = iter(["red", "red"])
    is_busy, may_go_on = Event(), Event()
    note_batches(monkeypatch, best=8, before=lambda: (is_busy.set(), may_go_on.wait(20)))

    def claim_between_promotions(**options: Any) -> list[Prediction]:
        if is_busy.is_set() and (colour := next(colours, None)):
            if Prediction.objects.count() == 2:
                go_live(renamed)
            upload_of(colour)
        elif is_busy.is_set():
            may_go_on.set()
        return claim(**options)

    monkeypatch.setattr("webapp.predictions.answering.predictions_claim", claim_between_promotions)
    upload_of("red")
    assert answer_all_queued() == 3
    labels = list(Prediction.objects.order_by("id").values_list("label", flat=True))
    assert labels == ["red", "red", "crimson"]


def test_a_suspect_is_computed_with_nothing_else_at_stake(
    live_version: ModelVersion, upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may kill the process: what is claimed beside it would have an attempt counted each time."""
    suspect, _ = upload_of("red", "green")
    Prediction.objects.filter(pk=suspect.pk).update(attempts=1)
    held: list[int] = []
    note_batches(monkeypatch, best=8, before=lambda: held.append(len(held_claims())))
    assert answer_all_queued() == 2
    assert held == [1, 1]


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
    assert predictions_record(claim=stale_claim, answered=[stale]) == 0
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
    for _ in range(3):
        assert len(predictions_claim(size=1)) == 1
        Prediction.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        predictions_requeue_lost()
    row = Prediction.objects.get()
    assert (row.state, row.failure_code) == (State.FAILED, failures.GAVE_UP)
    assert "several attempts" in row.failure_sentence


def test_a_picture_that_disappeared_fails_alone(
    live_version: ModelVersion, upload_of: Upload
) -> None:
    rows = upload_of("red", "green", "blue")
    rows[1].picture_path.unlink()
    answer_all_queued()
    states = list(Prediction.objects.order_by("position").values_list("state", flat=True))
    assert states == [State.DONE, State.FAILED, State.DONE]
    assert "upload it again" in Prediction.objects.get(position=1).failure_sentence


def test_an_engine_that_fails_on_a_batch_fails_only_on_the_culprit(
    live_version: ModelVersion, upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_on_green(monkeypatch, RuntimeError("the engine does not like green"))
    upload_of("red", "green", "blue")
    answer_all_queued()
    rows = list(Prediction.objects.order_by("position"))
    assert [row.state for row in rows] == [State.DONE, State.FAILED, State.DONE]
    assert rows[1].failure_code == failures.ENGINE_FAILED


def test_a_bundle_that_was_changed_is_not_loaded_and_says_so(
    live_version: ModelVersion, upload_of: Upload
) -> None:
    weights = live_version.bundle_path / "serving.bin"
    weights.write_bytes(weights.read_bytes() + b"!")
    upload_of("red")
    answer_all_queued()
    row = Prediction.objects.get()
    assert (row.state, row.failure_code) == (State.FAILED, failures.MODEL_UNUSABLE)


def test_after_a_promotion_the_new_version_answers(
    live_version: ModelVersion, new_version: Callable[..., ModelVersion], upload_of: Upload
) -> None:
    upload_of("red")
    answer_all_queued()
    renamed = new_version(class_names=("azure", "lime", "crimson"))
    version_promote(version=renamed, by=None)
    upload_of("red")
    answer_all_queued()
    before, after = Prediction.objects.order_by("id")
    assert (before.label, before.version) == ("red", live_version)
    assert (after.label, after.version) == ("crimson", renamed)


def test_what_nobody_foresaw_fails_one_picture_and_starves_nobody(
    live_version: ModelVersion, upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_on_green(monkeypatch, MemoryError())
    upload_of("green", "red", "blue")
    answer_all_queued()
    rows = list(Prediction.objects.order_by("position"))
    assert [row.state for row in rows] == [State.FAILED, State.DONE, State.DONE]
    assert rows[0].failure_code == failures.GAVE_UP


def test_a_worker_that_shall_stop_takes_no_further_batch(
    live_version: ModelVersion, upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celery.worker.state.should_stop", 0)  # an exit status: it may be nought
    upload_of("red")
    assert answer_all_queued() == 0
    assert Prediction.objects.get().state == State.QUEUED


def test_an_interrupted_batch_is_given_back_at_once(
    live_version: ModelVersion, upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object) -> Outputs:
        assert len(held_claims()) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(OpenVinoEngine, "run", interrupt)
    upload_of("red")
    with pytest.raises(KeyboardInterrupt):
        answer_all_queued()
    assert Prediction.objects.get().state == State.QUEUED
    assert held_claims() == {}
