"""What may be killed or stopped, and what must not be lost or doubled by it."""

import os
import signal
import time

import pytest

from tests.bundles import colour_bundle
from tests.faults.pictures import assert_each_was_answered_once_and_rightly, pictures
from tests.stack import Stack
from tests.waiting import wait_for


def freeze(stack: Stack, name: str) -> None:
    """Stop a process between two writes: in the middle of one it would keep SQLite's only lock."""

    def is_frozen() -> bool:
        os.kill(stack.pid(name), signal.SIGSTOP)
        if stack.is_being_written():
            os.kill(stack.pid(name), signal.SIGCONT)
            return False
        return True

    wait_for(is_frozen, seconds=10, what="a moment without a write")


@pytest.mark.slow
@pytest.mark.on_postgres
def test_killing_the_worker_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    stack: Stack,
) -> None:
    colour_bundle(stack.data_dir / "bundles" / "slow", is_slow=True)
    stack.create_users("ada")
    stack.install("slow")
    stack.start("redis", "web", "inference")
    with stack.signed_in("ada") as ada:
        ada.upload(*pictures(40))
        wait_for(lambda: stack.states().get("running"), what="a running batch")
        stack.kill("inference")
        assert stack.states().get("running"), "what the dead worker held: nobody tidied up"
        done_before = dict(
            stack.query("SELECT id, answered_at FROM predictions_prediction WHERE state = 'done'")  # type: ignore[arg-type]
        )
        stack.start("inference")
        wait_for(lambda: stack.states() == {"done": 40}, seconds=120, what="all 40 answers")
        assert_each_was_answered_once_and_rightly(stack, 40)
        # What was answered before the kill was not answered again.
        after = dict(stack.query("SELECT id, answered_at FROM predictions_prediction"))  # type: ignore[arg-type]
        assert done_before.items() <= after.items()
        history = ada.get("/history/").text
        assert history.count("history__row") == 24


@pytest.mark.slow
@pytest.mark.on_postgres
def test_a_frozen_worker_that_wakes_up_late_does_not_answer_twice(stack: Stack) -> None:
    """Stopped in the middle of a batch for longer than its lease, while another takes over."""
    colour_bundle(stack.data_dir / "bundles" / "slow", is_slow=True)
    stack.create_users("ada")
    stack.install("slow")
    stack.start("redis", "web", "inference-1")
    with stack.signed_in("ada") as ada:
        ada.upload(*pictures(16))
        wait_for(lambda: stack.states().get("running"), what="a running batch")
        freeze(stack, "inference-1")
        try:
            assert stack.states().get("running"), "nothing was under way when it was stopped"
            stack.start("inference-2")
            wait_for(lambda: stack.states() == {"done": 16}, seconds=120, what="all answers")
            before = stack.query("SELECT id, answered_at FROM predictions_prediction ORDER BY id")
        finally:
            os.kill(stack.pid("inference-1"), signal.SIGCONT)
        # The late one must find that its claim is gone: one more picture shows that it is awake.
        stack.stop("inference-2")
        ada.upload(*pictures(1))
        wait_for(lambda: stack.states() == {"done": 17}, seconds=60, what="one more answer")
        after = stack.query("SELECT id, answered_at FROM predictions_prediction ORDER BY id")
        assert after[:16] == before


@pytest.mark.slow
@pytest.mark.on_postgres
@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="SQLite has no locks of rows")
def test_who_falls_silent_in_the_middle_of_a_claim_does_not_keep_the_pictures(
    colours: Stack,
) -> None:
    colours.start("redis", "web")
    with colours.signed_in("ada") as ada:
        ada.upload(*pictures(4))
    colours.shell(
        "import threading\n"
        "from django.db import transaction\n"
        "from webapp.predictions.models import Prediction\n"
        "is_held = threading.Event()\n"
        "def hold():\n"
        "    with transaction.atomic():\n"
        "        list(Prediction.objects.select_for_update())\n"
        "        is_held.set()\n"
        "        threading.Event().wait(120)\n"
        "threading.Thread(target=hold, daemon=True).start()\n"
        "assert is_held.wait(10)\n"
    )
    colours.start("inference")
    wait_for(lambda: colours.states() == {"done": 4}, seconds=60, what="all answers")
    assert_each_was_answered_once_and_rightly(colours, 4)


@pytest.mark.slow
@pytest.mark.on_postgres
def test_redis_away_for_ten_seconds_loses_and_doubles_nothing(colours: Stack) -> None:
    colours.start("redis", "web", "inference")
    with colours.signed_in("ada") as ada:
        ada.upload(*pictures(3))
        wait_for(lambda: colours.states() == {"done": 3}, what="answers while all is well")
        colours.stop("redis")
        page = ada.upload(*pictures(5))
        assert page.status_code == 200
        assert "0 of 5 answered" in page.text
        time.sleep(10)  # the fault itself: ten seconds without a broker
        assert colours.states() == {"done": 3, "queued": 5}
        colours.start("redis")
        wait_for(lambda: colours.states() == {"done": 8}, seconds=60, what="the kept ones' answers")
        assert_each_was_answered_once_and_rightly(colours, 8)
        ada.upload(*pictures(2))
        wait_for(lambda: colours.states() == {"done": 10}, seconds=30, what="answers as before")


@pytest.mark.slow
@pytest.mark.on_postgres
def test_an_emptied_redis_loses_nothing(colours: Stack) -> None:
    colours.start("redis", "web")
    with colours.signed_in("ada") as ada:
        ada.upload(*pictures(4))
        colours.stop("redis")  # with the nudge in it: nothing is kept on its disk
        colours.start("redis", "inference")
        wait_for(lambda: colours.states() == {"done": 4}, seconds=60, what="all answers")
        assert_each_was_answered_once_and_rightly(colours, 4)
