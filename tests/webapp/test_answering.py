"""Claim, answer, record: what the inference worker does, without a worker."""

import threading
import uuid
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

import numpy as np
import pytest
from django.db import DataError, OperationalError
from django.utils import timezone
from numpy.typing import NDArray

from classifier.answering import Answerer
from classifier.decide import Answer
from classifier.engines.base import Outputs
from classifier.engines.openvino import OpenVinoEngine
from classifier.errors import BundleCorrupt, EngineError
from tests.webapp.counts import count
from tests.webapp.versions import go_live
from webapp.ops.models import WorkerHeartbeat
from webapp.ops.reconciler import reconcile
from webapp.predictions import answering, claims, failures
from webapp.predictions import engines as engines_module
from webapp.predictions.answering import answer_all_queued, held_claims
from webapp.predictions.claims import predictions_record
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Recognizer
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


def test_a_suspect_is_claimed_once_all_else_is_written_and_nothing_is_claimed_until_it_is(
    live_version: ModelVersion, upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may kill the process: what is claimed beside it would have an attempt counted each time."""
    claim = claims.predictions_claim
    claimed: list[tuple[str, int]] = []

    def claim_and_note(**options: Any) -> list[Prediction]:
        num_held = len(held_claims())
        rows = claim(**options)
        claimed.extend((row.file_name, num_held) for row in rows)
        return rows

    monkeypatch.setattr(answering, "predictions_claim", claim_and_note)
    _, suspect, _ = upload_of("red", "green", "blue")
    Prediction.objects.filter(pk=suspect.pk).update(attempts=1)
    assert answer_all_queued() == 3
    assert claimed == [("red.jpg", 0), ("green.jpg", 0), ("blue.jpg", 0)]


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


@pytest.mark.parametrize("error", [EngineError("gpu_memory", num_pictures=1), OSError("too many")])
def test_what_cannot_be_loaded_just_now_is_answered_later_and_costs_no_attempt(
    live_version: ModelVersion,
    upload_of: Upload,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    tries: list[ModelVersion] = []

    def fail(version: ModelVersion) -> Answerer:
        tries.append(version)
        raise error

    upload_of("red", "green")
    with monkeypatch.context() as patch:
        patch.setattr("webapp.predictions.engines._load", fail)
        for _ in range(5):
            assert answer_all_queued() == 0
            assert held_claims() == {}
    assert len(tries) == 1  # then it is left alone for a while
    rows = Prediction.objects.values_list("state", "attempts", "claim")
    assert set(rows) == {(State.QUEUED, 0, None)}
    monkeypatch.setattr(answering, "_left_alone", {})  # the while is over
    assert answer_all_queued() == 2


def test_a_bundle_that_only_this_worker_cannot_read_is_left_to_the_others(
    live_version: ModelVersion,
    new_version: Callable[..., ModelVersion],
    upload_of: Upload,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And what waits behind it is answered at once, though that is claimed alone."""
    upload_of("red", "green")
    other = new_version()
    other.recognizer = Recognizer.objects.create(name="Other colours", slug="others")
    go_live(other)
    [behind] = upload_of("blue")
    Prediction.objects.filter(pk=behind.pk).update(recognizer=other.recognizer, attempts=1)
    load = engines_module._load

    def fail(version: ModelVersion) -> Answerer:
        if version == live_version:
            raise BundleCorrupt("file_changed", path=version.bundle_path, file="serving.bin")
        return load(version)

    monkeypatch.setattr(engines_module, "_load", fail)
    other_worker = WorkerHeartbeat.objects.create(
        name="other", seen_at=timezone.now(), loaded=[live_version.bundle_digest]
    )
    assert answer_all_queued() == 1
    rows = list(Prediction.objects.order_by("id").values_list("state", "attempts"))
    assert rows == [(State.QUEUED, 0), (State.QUEUED, 0), (State.DONE, 2)]
    # Once nobody is left who could, they are told so.
    other_worker.delete()
    monkeypatch.setattr(answering, "_left_alone", {})
    assert answer_all_queued() == 2
    assert Prediction.objects.filter(failure_code=failures.MODEL_UNUSABLE).count() == 2


def test_an_engine_in_trouble_is_tried_again_later_and_not_for_ever(
    live_version: ModelVersion, upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_on_green(monkeypatch, EngineError("gpu_failed", num_pictures=1, problem="the device"))
    upload_of("green", "red")
    assert answer_all_queued() == 1
    green, red = Prediction.objects.order_by("id")
    assert (red.state, red.label) == (State.DONE, "red")
    assert (green.state, green.attempts, green.claim) == (State.QUEUED, 1, None)
    assert answer_all_queued() == 0
    assert Prediction.objects.get(pk=green.pk).attempts == 1  # not tried before the while is over
    for _ in range(2):
        answering._left_alone.clear()
        answer_all_queued()
    green.refresh_from_db()
    assert (green.state, green.failure_code) == (State.FAILED, failures.GAVE_UP)


def test_only_what_was_written_is_counted_and_told(
    live_version: ModelVersion, upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two pictures one went to another worker, since this one was frozen for a while."""
    kept, lost = upload_of("red", "green")

    def record_late(*, claim: uuid.UUID, answered: Sequence[Prediction]) -> Sequence[Prediction]:
        Prediction.objects.filter(pk=lost.pk).update(claim=uuid.uuid4())
        return predictions_record(claim=claim, answered=answered)

    monkeypatch.setattr(answering, "predictions_record", record_late)
    told: list[int] = []
    monkeypatch.setattr(answering, "announce", lambda rows: told.extend(row.pk for row in rows))
    done = {"recognizer": "colours", "version": "1", "outcome": "done"}
    before = count("answers_total", **done)
    assert answer_all_queued() == 1
    assert told == [kept.pk]
    assert count("answers_total", **done) == before + 1
    assert Prediction.objects.get(pk=lost.pk).state == State.RUNNING


def test_looking_for_more_in_vain_is_no_step_of_a_batch(
    live_version: ModelVersion, upload_of: Upload
) -> None:
    before = count("step_seconds_count", step="claim")
    upload_of("red")
    answer_all_queued()
    answer_all_queued()
    assert count("step_seconds_count", step="claim") == before + 1


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
    assert Prediction.objects.values_list("state", "attempts").get() == (State.QUEUED, 0)
    assert held_claims() == {}


@pytest.mark.parametrize("is_away_for_long", [False, True])
def test_a_database_that_goes_away_costs_no_attempt(
    live_version: ModelVersion,
    upload_of: Upload,
    monkeypatch: pytest.MonkeyPatch,
    is_away_for_long: bool,
) -> None:
    def fail(**options: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    upload_of("red")
    with monkeypatch.context() as away:
        away.setattr(answering, "predictions_record", fail)
        if is_away_for_long:
            away.setattr(answering, "claim_release", fail)
        with pytest.raises(OperationalError):
            answer_all_queued()
    reconcile()
    assert Prediction.objects.values_list("state", "attempts").get() == (State.QUEUED, 0)
    assert held_claims() == {}
    assert answer_all_queued() == 1


def test_an_answer_that_the_database_will_not_take_is_not_tried_for_ever(
    live_version: ModelVersion, upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**options: object) -> None:
        raise DataError("value too long")

    monkeypatch.setattr(answering, "predictions_record", fail)
    upload_of("red")
    assert answer_all_queued() == 0
    assert Prediction.objects.get().failure_code == failures.GAVE_UP
