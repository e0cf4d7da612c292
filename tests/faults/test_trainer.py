"""The training worker: killed in the middle, and told to stop."""

import json
import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.bundles import colour_bundle
from tests.pictures import new_picture_bytes
from tests.stack import Stack, Visitor
from tests.studio import draw_bugs, retrain
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def start_a_long_training(stack: Stack, curator: Visitor, epochs: int = 1000) -> str:
    """A run that would take an hour, in the middle of its training; the path of its page."""
    page = retrain(curator, epochs=epochs)
    wait_for(lambda: progress(stack)[1] > 0, seconds=120, what="the training's first epoch")
    return page.url.path


def progress(stack: Stack) -> tuple[str, float]:
    [(state, step, fraction)] = stack.query("SELECT state, step, fraction FROM studio_trainingrun")
    return state, fraction if step == "layers" else 0.0


def epoch(stack: Stack) -> int:
    """The epoch that the page shows; 0 where there is none."""
    [(figures,)] = stack.query("SELECT figures FROM studio_trainingrun")
    return int(json.loads(figures).get("epoch", 0))


def checkpointed_step(stack: Stack) -> int:
    """The step of the newest checkpoint; 0 before the first."""
    paths = (stack.data_dir / "work").glob("run-*/checkpoints/layers/step-*.checkpoint")
    return max((int(path.stem.removeprefix("step-")) for path in paths), default=0)


def press(curator: Visitor, page: str, action: str) -> None:
    """A button of the run's page."""
    curator.post(page.replace("change/", f"{action}/"), {}, page=page)


@pytest.fixture
def curator_stack(stack: Stack) -> Stack:
    draw_bugs(stack)
    stack.create_users("curator", is_staff=True)
    stack.start("redis", "web", "inference", "training")
    return stack


def test_a_killed_trainer_is_interrupted_within_a_minute_and_leaves_nothing_half(
    curator_stack: Stack,
) -> None:
    stack = curator_stack
    with stack.signed_in("curator") as curator:
        page = start_a_long_training(stack, curator)
        for child in stack.children("training"):
            os.kill(child, signal.SIGKILL)
        wait_for(lambda: progress(stack)[0] == "interrupted", seconds=60, what="interrupted")
        assert "Resume it" in curator.get(page).text
        assert list((stack.data_dir / "bundles").glob("drawn*")) == []
        assert stack.query("SELECT id FROM recognizers_modelversion") == []


def test_an_interrupted_training_goes_on_from_its_last_checkpoint(curator_stack: Stack) -> None:
    stack = curator_stack
    with stack.signed_in("curator") as curator:
        page = start_a_long_training(stack, curator, epochs=80)
        wait_for(lambda: checkpointed_step(stack) >= 2 * 10, seconds=120, what="a checkpoint")
        for child in stack.children("training"):
            os.kill(child, signal.SIGKILL)
        wait_for(lambda: progress(stack)[0] == "interrupted", seconds=60, what="interrupted")
        press(curator, page, "resume")
        wait_for(lambda: epoch(stack) > 0, seconds=120, what="the training to go on")
        assert epoch(stack) >= 10  # of two steps each
        wait_for(lambda: progress(stack)[0] != "running", seconds=240, what="the end")
        assert progress(stack)[0] == "succeeded", curator.get(page).text
    assert not (stack.data_dir / "work").exists() or not list((stack.data_dir / "work").iterdir())
    assert len(list((stack.data_dir / "bundles").glob("drawn*"))) == 1


@pytest.mark.timeout(800)
def test_a_killed_trainer_costs_visitors_nothing_and_the_run_is_completed(
    curator_stack: Stack,
) -> None:
    """Killed in the middle: interrupted within a minute, resumed, completed; answers throughout."""
    stack = curator_stack
    colour_bundle(stack.data_dir / "bundles" / "colours")
    stack.install("colours")
    stack.wait_for_workers()
    with stack.signed_in("curator") as curator:
        answered = 0

        def a_visitor_is_answered() -> None:
            nonlocal answered
            curator.upload(("red.jpg", new_picture_bytes("red")))
            answered += 1
            wait_for(lambda: stack.states() == {"done": answered}, seconds=30, what="an answer")

        def wait_while_visitors_come(is_over: Callable[[], bool], seconds: float) -> None:
            until = time.monotonic() + seconds
            while not is_over():
                a_visitor_is_answered()
                assert time.monotonic() < until
                time.sleep(1)  # visitors are no crowd: the training shall get on

        page = start_a_long_training(stack, curator, epochs=40)
        a_visitor_is_answered()
        wait_for(lambda: checkpointed_step(stack) >= 2 * 10, seconds=120, what="a checkpoint")
        for child in stack.children("training"):
            os.kill(child, signal.SIGKILL)
        wait_while_visitors_come(lambda: progress(stack)[0] == "interrupted", 60)
        assert "Resume it" in curator.get(page).text
        press(curator, page, "resume")
        wait_while_visitors_come(lambda: progress(stack)[0] == "succeeded", 500)
        shown = curator.get(page).text
        assert "The training worker has taken it up again" in shown
        assert "The training has succeeded." in shown
    # The curve is whole, each epoch once, though some were trained twice.
    epochs = "SELECT text FROM studio_runline WHERE kind = 'epoch' AND step = 'layers'"
    assert sorted(int(number) for (number,) in stack.query(epochs)) == list(range(1, 41))


def test_cancel_stops_a_running_training(curator_stack: Stack) -> None:
    stack = curator_stack
    with stack.signed_in("curator") as curator:
        page = start_a_long_training(stack, curator)
        press(curator, page, "cancel")
        wait_for(lambda: progress(stack)[0] == "cancelled", seconds=60, what="cancelled")
    assert list((stack.data_dir / "bundles").glob("drawn*")) == []


def test_what_promotes_itself_goes_live_beside_a_worker_that_answers(curator_stack: Stack) -> None:
    """The very first start: the sample learns while its inference worker waits for it."""
    stack = curator_stack
    wait_for(lambda: stack.query("SELECT name FROM ops_workerheartbeat"), what="a heartbeat")
    stack.shell(
        "from webapp.studio.services import recognizer_get_or_create, run_create\n"
        "run_create(\n"
        "    recognizer=recognizer_get_or_create(name='Drawn bugs'),\n"
        "    folder_name='bugs',\n"
        "    config={'backbone': 'mobilenet_v2', 'weights': 'none', 'image_size': 32, 'epochs': 1},\n"
        "    requested_by=None,\n"
        "    promote_when_done=True,\n"
        ")\n"
    )
    wait_for(lambda: progress(stack)[0] == "succeeded", seconds=240, what="the training's success")
    [(notes,)] = stack.query("SELECT notes FROM studio_trainingrun")
    assert stack.query("SELECT state FROM recognizers_modelversion") == [("live",)], notes
