"""The reconciler: whom it takes for dead, and that it does not repeat itself without end."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from tests.stack import Stack
from webapp.ops import reconciler
from webapp.ops.reconciler import Alertness, reconcile
from webapp.predictions.claims import predictions_claim
from webapp.predictions.models import Prediction
from webapp.recognizers.models import Recognizer
from webapp.studio.models import TrainingRun
from webapp.studio.services import run_claim, run_create

Upload = Callable[..., list[Prediction]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass for the reconciler."""
    passed = [0.0]
    now = time.time()
    monkeypatch.setattr(reconciler.time, "time", lambda: now + passed[0])

    def let_pass(seconds: float) -> None:
        passed[0] += seconds

    return let_pass


def test_who_has_slept_does_not_judge_before_the_others_can_have_woken_up(
    clock: Callable[[float], None], settings: Settings
) -> None:
    alertness = Alertness()
    assert alertness.may_judge()
    clock(settings.RECONCILE_EVERY_SECONDS)
    assert alertness.may_judge()
    clock(3600)
    assert not alertness.may_judge()
    while_they_wake_up = range(0, settings.PREDICTION_LEASE_SECONDS, 4)
    for _ in while_they_wake_up[1:]:
        clock(4)
        assert not alertness.may_judge()
    clock(4)
    assert alertness.may_judge()


def test_a_clock_that_is_set_back_does_not_silence_it_for_long(
    clock: Callable[[float], None], settings: Settings
) -> None:
    alertness = Alertness()
    clock(-7200)
    assert not alertness.may_judge()
    for _ in range(0, settings.PREDICTION_LEASE_SECONDS, 4):
        clock(4)
        last = alertness.may_judge()
    assert last


def test_leases_that_have_run_out_are_the_deads_only_where_it_may_judge(
    upload_of: Upload, recognizer: Recognizer
) -> None:
    upload_of("red")
    predictions_claim(size=1)
    run_create(recognizer=recognizer, folder_name="bugs", config={"seed": 0}, requested_by=None)
    run_claim()
    past = timezone.now() - timedelta(seconds=1)
    Prediction.objects.update(lease_expires_at=past)
    TrainingRun.objects.update(lease_expires_at=past)
    reconcile(may_judge=False)
    assert Prediction.objects.get().state == Prediction.State.RUNNING
    assert TrainingRun.objects.get().state == TrainingRun.State.RUNNING
    reconcile()
    assert Prediction.objects.get().state == Prediction.State.QUEUED
    assert TrainingRun.objects.get().state == TrainingRun.State.INTERRUPTED


@pytest.mark.slow
def test_a_training_that_nobody_takes_is_one_message_under_a_name_of_its_own(
    tmp_path: Path,
) -> None:
    with Stack(tmp_path / "installation") as stack:
        stack.start("redis")
        printed = stack.shell(
            "from django.conf import settings\n"
            "from webapp.broker import installation_key, quick_client\n"
            "from webapp.predictions.tasks import nudge_inference\n"
            "from webapp.studio.tasks import QUEUE, nudge_training\n"
            "print([nudge_training() for _ in range(3)], nudge_inference())\n"
            "print(quick_client().llen(installation_key(QUEUE)))\n"
            "keys = [key.decode() for key in quick_client().scan_iter()]\n"
            "print({key.startswith(settings.REDIS_KEY_PREFIX) for key in keys}, len(keys) > 2)\n"
        )
    assert printed.splitlines() == ["[True, True, True] True", "1", "{True} True"]
